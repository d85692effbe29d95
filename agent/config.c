// SPDX-License-Identifier: Apache-2.0
/*
 * config.c - the agent's settings file.
 */
#include <errno.h>
#include <fcntl.h>
#include <net/if.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/cleanup.h"
#include "base/pins.h"
#include "base/time.h"
#include "config.h"
#include "policy/diag.h"
#include "policy/yaml.h"

#define FLOW_ENTRIES_MIN 1024
#define FLOW_ENTRIES_MAX (64 << 20)

struct key {
	const char *name;
	int (*read)(struct zt_config *cfg, const struct zt_node *node, struct zt_diag *diag);
};

static int set_text(char **field, const char *text)
{
	char *copy = strdup(text);

	if (!copy)
		return -ENOMEM;
	free(*field);
	*field = copy;
	return 0;
}

int zt_config_init(struct zt_config *cfg)
{
	memset(cfg, 0, sizeof(*cfg));
	cfg->log_level = ZT_INFO;
	if (set_text(&cfg->policy, ZT_CONFIG_POLICY) < 0 ||
	    set_text(&cfg->labels, ZT_CONFIG_LABELS) < 0 ||
	    set_text(&cfg->state_dir, ZT_CONFIG_STATE) < 0 ||
	    set_text(&cfg->run_dir, ZT_CONFIG_RUN) < 0 || set_text(&cfg->pin_dir, ZT_PINS_DIR) < 0)
		return -ENOMEM;
	return 0;
}

void zt_config_free(struct zt_config *cfg)
{
	free(cfg->policy);
	free(cfg->labels);
	free(cfg->host);
	free(cfg->state_dir);
	free(cfg->run_dir);
	free(cfg->pin_dir);
	free(cfg->admin_group);
	free(cfg->read_group);
	for (size_t i = 0; i < cfg->interface_count; i++)
		free(cfg->interfaces[i]);
	for (size_t i = 0; i < cfg->trusted_key_count; i++)
		free(cfg->trusted_keys[i]);
	memset(cfg, 0, sizeof(*cfg));
}

int zt_config_add_interface(struct zt_config *cfg, const char *name)
{
	char *copy;

	if (!*name || strlen(name) >= IF_NAMESIZE || strchr(name, '/'))
		return -EINVAL;
	if (cfg->interface_count == ZT_CONFIG_IFACES)
		return -E2BIG;
	copy = strdup(name);
	if (!copy)
		return -ENOMEM;
	cfg->interfaces[cfg->interface_count++] = copy;
	return 0;
}

/* --- values ------------------------------------------------------------------------------ */

static int wrong(struct zt_diag *diag, const struct zt_node *node, const char *expected)
{
	struct zt_loc loc = zt_node_loc(node);

	if (node->kind == ZT_NODE_SCALAR && node->len)
		return zt_diag_error(diag, &loc, "'%s' is not %s", node->text, expected);
	return zt_diag_error(diag, &loc, "%s is expected here, not %s", expected,
			     zt_node_what(node));
}

static bool is_text(const struct zt_node *node)
{
	/* A NUL inside would end the string early. */
	return node->kind == ZT_NODE_SCALAR && node->len && strlen(node->text) == node->len;
}

static int read_path(char **field, const struct zt_node *node, struct zt_diag *diag)
{
	if (!is_text(node) || node->text[0] != '/')
		return wrong(diag, node, "an absolute path");
	return set_text(field, node->text);
}

static int read_policy(struct zt_config *cfg, const struct zt_node *node, struct zt_diag *diag)
{
	return read_path(&cfg->policy, node, diag);
}

static int read_labels(struct zt_config *cfg, const struct zt_node *node, struct zt_diag *diag)
{
	return read_path(&cfg->labels, node, diag);
}

static int read_state_dir(struct zt_config *cfg, const struct zt_node *node, struct zt_diag *diag)
{
	return read_path(&cfg->state_dir, node, diag);
}

static int read_run_dir(struct zt_config *cfg, const struct zt_node *node, struct zt_diag *diag)
{
	return read_path(&cfg->run_dir, node, diag);
}

static int read_pin_dir(struct zt_config *cfg, const struct zt_node *node, struct zt_diag *diag)
{
	return read_path(&cfg->pin_dir, node, diag);
}

static int read_host(struct zt_config *cfg, const struct zt_node *node, struct zt_diag *diag)
{
	return is_text(node) ? set_text(&cfg->host, node->text)
			     : wrong(diag, node, "the name of a host of the inventory");
}

static int read_admin_group(struct zt_config *cfg, const struct zt_node *node, struct zt_diag *diag)
{
	return is_text(node) ? set_text(&cfg->admin_group, node->text)
			     : wrong(diag, node, "the name of a group");
}

static int read_read_group(struct zt_config *cfg, const struct zt_node *node, struct zt_diag *diag)
{
	return is_text(node) ? set_text(&cfg->read_group, node->text)
			     : wrong(diag, node, "the name of a group");
}

static int read_interfaces(struct zt_config *cfg, const struct zt_node *node, struct zt_diag *diag)
{
	int r = 0;

	if (node->kind != ZT_NODE_SEQUENCE)
		return wrong(diag, node, "a list of interface names");
	for (const struct zt_node *item = node->first; item; item = item->next) {
		if (!is_text(item))
			return wrong(diag, item, "the name of an interface");
		r = zt_config_add_interface(cfg, item->text);
		if (r == -EINVAL)
			return wrong(diag, item, "the name of an interface");
		if (r == -E2BIG)
			return wrong(diag, item, "one of at most 64 interfaces");
		if (r < 0)
			return r;
	}
	return 0;
}

static int read_flow_entries(struct zt_config *cfg, const struct zt_node *node,
			     struct zt_diag *diag)
{
	char *end = NULL;
	unsigned long n;

	errno = 0;
	n = is_text(node) && node->text[0] != '-' ? strtoul(node->text, &end, 10) : 0;
	if (errno || !end || *end || n < FLOW_ENTRIES_MIN || n > FLOW_ENTRIES_MAX)
		return wrong(diag, node, "a number of flows from 1024 to 67108864");
	cfg->flow_entries = n;
	return 0;
}

static int read_confirm_within(struct zt_config *cfg, const struct zt_node *node,
			       struct zt_diag *diag)
{
	if (!is_text(node) || zt_duration_parse(node->text, &cfg->confirm_within_ns) < 0)
		return wrong(diag, node, "a length of time such as 10m");
	return 0;
}

static int read_apply(struct zt_config *cfg, const struct zt_node *node, struct zt_diag *diag)
{
	if (!is_text(node) || (strcmp(node->text, "auto") && strcmp(node->text, "manual")))
		return wrong(diag, node, "auto or manual");
	cfg->manual = !strcmp(node->text, "manual");
	return 0;
}

static int read_require_signature(struct zt_config *cfg, const struct zt_node *node,
				  struct zt_diag *diag)
{
	if (!is_text(node) || (strcmp(node->text, "true") && strcmp(node->text, "false")))
		return wrong(diag, node, "true or false");
	cfg->require_signature = !strcmp(node->text, "true");
	return 0;
}

static int read_trusted_keys(struct zt_config *cfg, const struct zt_node *node,
			     struct zt_diag *diag)
{
	int r = 0;

	if (node->kind != ZT_NODE_SEQUENCE)
		return wrong(diag, node, "a list of minisign public key files");
	for (const struct zt_node *item = node->first; item && r == 0; item = item->next) {
		if (cfg->trusted_key_count == ZT_CONFIG_KEYS)
			return wrong(diag, item, "one of at most 16 keys");
		r = read_path(&cfg->trusted_keys[cfg->trusted_key_count], item, diag);
		cfg->trusted_key_count += r == 0;
	}
	return r;
}

static int read_attach(struct zt_config *cfg, const struct zt_node *node, struct zt_diag *diag)
{
	if (!is_text(node) || (strcmp(node->text, "auto") && strcmp(node->text, "clsact")))
		return wrong(diag, node, "auto or clsact");
	cfg->clsact = !strcmp(node->text, "clsact");
	return 0;
}

static int read_log_level(struct zt_config *cfg, const struct zt_node *node, struct zt_diag *diag)
{
	static const char *const names[ZT_LEVEL_COUNT] = {[ZT_ERR] = "error",
							  [ZT_WARN] = "warning",
							  [ZT_INFO] = "info",
							  [ZT_DEBUG] = "debug"};

	for (int i = 0; is_text(node) && i < ZT_LEVEL_COUNT; i++) {
		if (!strcmp(node->text, names[i])) {
			cfg->log_level = i;
			return 0;
		}
	}
	return wrong(diag, node, "error, warning, info or debug");
}

static const struct key keys[] = {
	{"policy", read_policy},
	{"host", read_host},
	{"labels", read_labels},
	{"state_dir", read_state_dir},
	{"run_dir", read_run_dir},
	{"pin_dir", read_pin_dir},
	{"admin_group", read_admin_group},
	{"read_group", read_read_group},
	{"interfaces", read_interfaces},
	{"flow_entries", read_flow_entries},
	{"apply", read_apply},
	{"confirm_within", read_confirm_within},
	{"require_signature", read_require_signature},
	{"trusted_keys", read_trusted_keys},
	{"attach", read_attach},
	{"log_level", read_log_level},
};

/* --- the file --------------------------------------------------------------------------------- */

static int read_key(struct zt_config *cfg, const struct zt_node *key, uint64_t *seen,
		    struct zt_diag *diag)
{
	struct zt_loc loc = zt_node_loc(key);

	for (size_t i = 0; is_text(key) && i < ARRAY_SIZE(keys); i++) {
		if (strcmp(key->text, keys[i].name))
			continue;
		if (*seen & 1ULL << i)
			return zt_diag_error(diag, &loc, "'%s' stands twice", key->text);
		*seen |= 1ULL << i;
		return keys[i].read(cfg, key->next, diag);
	}
	zt_diag_error(diag, &loc, "unknown key '%s'", is_text(key) ? key->text : zt_node_what(key));
	zt_diag_remedy(
		diag, "known keys: policy, host, labels, state_dir, run_dir, pin_dir, admin_group, "
		      "read_group, interfaces, flow_entries, apply, confirm_within, "
		      "require_signature, trusted_keys, attach, log_level");
	return -EINVAL;
}

static int read_tree(struct zt_config *cfg, const struct zt_node *root, struct zt_diag *diag)
{
	uint64_t seen = 0;
	int r = 0, one;

	if (!root || zt_node_is_null(root))
		return 0;
	if (root->kind != ZT_NODE_MAPPING)
		return wrong(diag, root, "a mapping of settings");
	for (const struct zt_node *key = root->first; key; key = key->next->next) {
		one = read_key(cfg, key, &seen, diag);
		if (one < 0 && r != -ENOMEM)
			r = one;
	}
	return r;
}

static int slurp(const char *path, char **ret_text, size_t *ret_len)
{
	zt_auto(zt_freep) char *text = NULL;
	zt_auto(zt_close) int fd = -1;
	size_t len = 0;
	ssize_t n;

	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	text = malloc(ZT_CONFIG_SIZE_MAX + 1);
	if (!text)
		return -ENOMEM;
	while ((n = read(fd, text + len, ZT_CONFIG_SIZE_MAX + 1 - len)) > 0)
		len += (size_t)n;
	if (n < 0)
		return -errno;
	if (len > ZT_CONFIG_SIZE_MAX)
		return -EFBIG;
	text[len] = '\0';
	*ret_text = zt_take(text);
	*ret_len = len;
	return 0;
}

int zt_config_read(struct zt_config *cfg, const char *path, bool required, struct zt_diag *diag)
{
	zt_auto(zt_arena_free) struct zt_arena *arena = NULL;
	zt_auto(zt_freep) char *text = NULL;
	zt_auto(zt_freep) char *name = NULL;
	struct zt_source src = {};
	struct zt_loc loc = {.file = path};
	struct zt_node *root = NULL;
	int r = slurp(path, &text, &src.len);

	if (r == -ENOENT && !required)
		return 0;
	if (r < 0) {
		zt_diag_error(diag, &loc, "the settings cannot be read: %s", strerror(-r));
		return r;
	}
	name = strdup(path);
	r = name ? zt_arena_new(&arena) : -ENOMEM;
	if (r < 0)
		return r;
	src.name = name;
	src.text = text;
	diag->sources = &src;
	r = zt_yaml_parse(&src, arena, &root, diag);
	if (r == 0)
		r = read_tree(cfg, root, diag);
	/* Else every policy would be refused, the one in force at the next start among them. */
	if (r == 0 && cfg->require_signature && !cfg->trusted_key_count)
		r = zt_diag_error(
			diag, &loc,
			"`require_signature: true` needs `trusted_keys`: no policy could be "
			"applied");
	diag->sources = NULL;
	return r;
}

int zt_config_make_dir(const char *path, mode_t mode)
{
	char part[4096];

	if ((size_t)snprintf(part, sizeof(part), "%s", path) >= sizeof(part))
		return -ENAMETOOLONG;
	for (char *p = part + 1; *p; p++) {
		if (*p != '/')
			continue;
		*p = '\0';
		if (mkdir(part, 0755) < 0 && errno != EEXIST)
			return -errno;
		*p = '/';
	}
	return mkdir(part, mode) < 0 && errno != EEXIST ? -errno : 0;
}
