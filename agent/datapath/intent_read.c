// SPDX-License-Identifier: Apache-2.0
/*
 * intent_read.c - from the text of a policy to tables for this host, as it is now.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/minisign.h"
#include "base/strbuf.h"
#include "base/time.h"
#include "datapath/intent_priv.h"
#include "datapath/labels.h"
#include "policy/signed.h"

/* --- which host of the inventory this is --------------------------------------------------- */

/* Early at boot there is no address to tell the host by: nothing but loopback and link-local. */
static bool has_no_address(const struct zt_addr *locals, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		const uint8_t *b = locals[i].bytes;

		if (!zt_addr_is_loopback(&locals[i]) && !(b[0] == 0xfe && (b[1] & 0xc0) == 0x80))
			return false;
	}
	return true;
}

/* The host that this was when it last had addresses, if the inventory still knows it. */
static char *remembered_host(const struct zt_intent *intent, const struct zt_policy *policy)
{
	zt_auto(zt_freep) char *name = zt_store_host(intent->store);

	return name && zt_policy_host(policy, name) ? zt_take(name) : NULL;
}

static int find_host(struct zt_intent *intent, struct zt_reading *reading, struct zt_diag *diag)
{
	const struct zt_addr *locals;
	const struct zt_host *host;
	size_t count;
	int r;

	zt_freep(&reading->host);
	if (intent->host) {
		reading->host = strdup(intent->host);
		return reading->host ? 0 : -ENOMEM;
	}
	if (!reading->policy->stmt_count)
		return 0;
	locals = zt_dp_locals(intent->cfg.dp, &count);
	r = zt_host_match(reading->policy, locals, count, &host);
	if (r == 0) {
		reading->host = strdup(host->name);
		/* Forgetting it costs the first moments of a boot, no more. */
		zt_store_set_host(intent->store, host->name);
		return reading->host ? 0 : -ENOMEM;
	}
	if (r == -ENOENT && has_no_address(locals, count))
		reading->host = remembered_host(intent, reading->policy);
	if (r == -ENOTUNIQ)
		zt_diag_warn(
			diag, NULL,
			"several hosts of the inventory have addresses of this machine: nothing "
			"is denied until `host:` in the agent's settings says which it is");
	else if (r == -ENOENT)
		zt_diag_warn(
			diag, NULL,
			"no host of the inventory has an address of this machine: nothing is "
			"denied until one does, or `host:` in the agent's settings says which it is");
	return r == -ENOMEM ? r : 0;
}

/* --- compiling ------------------------------------------------------------------------------- */

int zt_surroundings_make(struct zt_intent *intent, const struct zt_reading *reading,
			 const struct zt_policy *candidate, struct zt_surroundings *ret)
{
	struct zt_dp *dp = intent->cfg.dp;
	struct zt_compile_env *env = &ret->env;

	memset(ret, 0, sizeof(*ret));
	ret->modes = calloc(reading->modes.count + 1, sizeof(*ret->modes));
	if (!ret->modes)
		return -ENOMEM;
	for (size_t i = 0; i < reading->modes.count; i++) {
		const struct zt_promoted *row = &reading->modes.rows[i];

		ret->modes[i].id = row->id;
		ret->modes[i].mode = row->enforced ? ZT_MODE_ENFORCED : ZT_MODE_STAGED;
		ret->modes[i].percent = row->percent;
	}
	ret->overlay.modes = ret->modes;
	ret->overlay.mode_count = reading->modes.count;
	if (intent->labels)
		zt_labels_overlay(intent->labels, &ret->overlay);
	env->overlay = &ret->overlay;
	env->host = reading->host;
	env->forwarding = zt_dp_forwarding(dp);
	env->locals = zt_dp_locals(dp, &env->local_count);
	env->broadcasts = zt_dp_broadcasts(dp, &env->broadcast_count);
	env->candidate = candidate;
	env->now_ns = zt_now_ns();
	env->wall_offset_ns = zt_labels_wall_offset_ns(intent->labels);
	return 0;
}

void zt_surroundings_free(struct zt_surroundings *surroundings)
{
	zt_freep(&surroundings->modes);
}

int zt_reading_compile(struct zt_intent *intent, struct zt_reading *reading,
		       const struct zt_policy *candidate, struct zt_diag *diag)
{
	return zt_reading_compile_in(intent, reading, candidate, zt_dp_rule_names(intent->cfg.dp),
				     diag);
}

int zt_reading_compile_in(struct zt_intent *intent, struct zt_reading *reading,
			  const struct zt_policy *candidate, struct zt_rule_names *names,
			  struct zt_diag *diag)
{
	zt_auto(zt_surroundings_free) struct zt_surroundings s = {};
	zt_auto(zt_diag_free) struct zt_diag own = ZT_DIAG_INIT;
	struct zt_tables *tables = NULL;
	int r;

	if (!diag)
		diag = &own;
	r = find_host(intent, reading, diag);
	if (r == 0)
		r = zt_surroundings_make(intent, reading, candidate, &s);
	if (r == 0)
		r = zt_policy_compile(reading->policy, &s.env, names, &tables, diag);
	if (r < 0)
		return r;
	zt_tables_free(&reading->tables);
	reading->tables = tables;
	return 0;
}

const struct zt_policy *zt_intent_held_policy(const struct zt_intent *intent)
{
	const struct zt_held *held = intent->candidate;

	return held && !held->view.promoted ? held->policy : NULL;
}

/* --- who may say what --------------------------------------------------------------------------
 */

static bool is_dir(const char *path)
{
	struct stat st;

	return stat(path, &st) == 0 && S_ISDIR(st.st_mode);
}

int zt_intent_read_signature(const struct zt_intent *intent, char **ret)
{
	zt_auto(zt_close) int fd = -1;
	zt_auto(zt_freep) char *text = NULL;
	char path[PATH_MAX];
	ssize_t n;

	*ret = NULL;
	if ((size_t)snprintf(path, sizeof(path),
			     is_dir(intent->path) ? "%s/policy.minisig" : "%s.minisig",
			     intent->path) >= sizeof(path))
		return -ENAMETOOLONG;
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return errno == ENOENT ? 0 : -errno;
	text = malloc(ZT_MINISIGN_FILE_MAX + 1);
	if (!text)
		return -ENOMEM;
	n = read(fd, text, ZT_MINISIGN_FILE_MAX);
	if (n < 0)
		return -errno;
	text[n] = '\0';
	*ret = zt_take(text);
	return 0;
}

/* Those that can be read; one that cannot is a warning while another can. */
static struct zt_minisign_pub *load_keys(const struct zt_intent *intent, size_t *ret_count,
					 struct zt_diag *diag)
{
	struct zt_minisign_pub *keys = calloc(intent->cfg.trusted_key_count + 1, sizeof(*keys));
	const char *why;

	*ret_count = 0;
	for (size_t i = 0; keys && i < intent->cfg.trusted_key_count; i++) {
		const char *path = intent->cfg.trusted_keys[i];

		if (zt_minisign_load_pub(path, &keys[*ret_count], &why) == 0)
			(*ret_count)++;
		else
			zt_diag_warn(diag, NULL, "trusted key '%s': %s", path, why);
	}
	return keys;
}

static int check_signature(const struct zt_intent *intent, const struct zt_policy *policy,
			   const char *signature, struct zt_diag *diag)
{
	zt_auto(zt_strbuf_free) struct zt_strbuf why = ZT_STRBUF_INIT;
	zt_auto(zt_freep) struct zt_minisign_pub *keys = NULL;
	size_t count;
	int r;

	if (!signature) {
		zt_diag_error(diag, NULL,
			      "the policy is not signed, and this agent takes signed ones only");
		zt_diag_remedy(diag,
			       "ztctl policy sign, with a key that is among `trusted_keys` of "
			       "the agent's settings");
		return -EINVAL;
	}
	keys = load_keys(intent, &count, diag);
	if (!keys)
		return -ENOMEM;
	r = zt_policy_verify(policy, signature, strlen(signature), keys, count, NULL, &why);
	if (r == -ENOMEM)
		return r;
	return r < 0 ? zt_diag_error(diag, NULL, "signature refused: %s", zt_strbuf_text(&why)) : 0;
}

int zt_intent_admit(const struct zt_intent *intent, const struct zt_policy *policy,
		    const char *signature, struct zt_diag *diag)
{
	const struct zt_policy *now = intent->now.policy;
	bool required = intent->cfg.require_signature;
	int r = required ? check_signature(intent, policy, signature, diag) : 0;

	if (r < 0 || !now || !memcmp(now->digest, policy->digest, sizeof(now->digest)))
		return r;
	if (required && intent->now.source != ZT_INTENT_NONE && policy->revision <= now->revision)
		return zt_diag_error(
			diag, NULL, "revision must rise: %llu is in force, this one says %llu",
			(unsigned long long)now->revision, (unsigned long long)policy->revision);
	/* One that goes down is an older file put back, or two writers. */
	if (strcmp(now->name, policy->name) != 0 || policy->revision >= now->revision)
		return 0;
	return zt_diag_error(diag, NULL, "revision goes down: %llu is in force, this one says %llu",
			     (unsigned long long)now->revision,
			     (unsigned long long)policy->revision);
}

int zt_reading_restore(struct zt_reading *ret, const struct zt_record *record,
		       enum zt_intent_source source, struct zt_diag *diag)
{
	struct zt_reading reading = {.source = source};
	int r = zt_policy_parse_set(&reading.policy, record->path, record->files,
				    record->file_count, diag);

	if (r < 0)
		return r;
	zt_policy_drop_text(reading.policy);
	reading.entry = record->entry;
	reading.action = strdup(record->action);
	reading.why = strdup(record->why);
	reading.at = strdup(record->at);
	reading.by = record->by;
	reading.hold = record->hold;
	reading.hold_revision = record->hold_revision;
	reading.candidate = record->candidate;
	if (!reading.action || !reading.why || !reading.at ||
	    zt_modes_copy(&reading.modes, record->promoted, record->promoted_count) < 0) {
		zt_reading_free(&reading);
		return -ENOMEM;
	}
	*ret = reading;
	return 0;
}
