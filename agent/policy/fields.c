/* SPDX-License-Identifier: Apache-2.0 */
/* fields.c - the values that stand in a policy: names, words, labels, prefixes, ports. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/strbuf.h"
#include "policy/build.h"

#define LABEL_MAX 63 /* bytes, key and value each */

static int wrong(struct zt_builder *b, const struct zt_node *node, const char *what)
{
	struct zt_loc loc = zt_node_loc(node);

	zt_diag_error(b->diag, &loc, "%s is expected here, not %s", what, zt_node_what(node));
	return 0;
}

static void list_keys(struct zt_builder *b, const struct zt_field *fields, size_t count)
{
	zt_auto(zt_strbuf_free) struct zt_strbuf keys = ZT_STRBUF_INIT;

	for (size_t i = 0; i < count; i++)
		if (!fields[i].refused)
			zt_strbuf_printf(&keys, "%s%s", i ? ", " : "", fields[i].key);
	zt_diag_remedy(b->diag, "known keys: %s", zt_strbuf_text(&keys));
}

/* Index of a key among the fields, or count. */
static size_t find_field(const struct zt_node *key, const struct zt_field *fields, size_t count)
{
	size_t i = 0;

	while (i < count && (key->kind != ZT_NODE_SCALAR || strcmp(key->text, fields[i].key) != 0))
		i++;
	return i;
}

int zt_read_fields(struct zt_builder *b, const struct zt_node *map, const char *what,
		   const struct zt_field *fields, size_t count, void *object)
{
	struct zt_loc loc = zt_node_loc(map);
	uint64_t seen = 0; /* no mapping of the language has 64 keys */
	int r;

	if (map->kind != ZT_NODE_MAPPING)
		return wrong(b, map, "a mapping");
	for (const struct zt_node *key = map->first; key; key = key->next->next) {
		struct zt_loc key_loc = zt_node_loc(key);
		size_t i = find_field(key, fields, count);

		if (i == count) {
			zt_diag_error(b->diag, &key_loc, "unknown key '%s' in %s",
				      key->kind == ZT_NODE_SCALAR ? key->text : zt_node_what(key),
				      what);
			list_keys(b, fields, count);
			continue;
		}
		if (seen & 1ULL << i) {
			zt_diag_error(b->diag, &key_loc, "'%s' stands twice in %s", key->text,
				      what);
			zt_diag_remedy(b->diag, "keep one of them");
			continue;
		}
		seen |= 1ULL << i;
		r = fields[i].read(b, key->next, object);
		if (r < 0)
			return r;
	}
	for (size_t i = 0; i < count; i++)
		if (fields[i].required && !(seen & 1ULL << i)) {
			zt_diag_error(b->diag, &loc, "%s has no '%s'", what, fields[i].key);
			zt_diag_remedy(b->diag, "add '%s:'", fields[i].key);
		}
	return 0;
}

static bool is_name_char(char c, bool first)
{
	if ((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_')
		return true;
	return !first && (c == '-' || c == '.');
}

int zt_read_name(struct zt_builder *b, const struct zt_node *node, const char *what,
		 const char **ret)
{
	struct zt_loc loc = zt_node_loc(node);

	if (node->kind != ZT_NODE_SCALAR || zt_node_is_null(node))
		return wrong(b, node, what);
	if (node->len >= ZT_NAME_LEN) {
		zt_diag_error(b->diag, &loc, "a name of %u bytes; at most %d fit", node->len,
			      ZT_NAME_LEN - 1);
		zt_diag_remedy(b->diag, "choose a shorter name");
		return 0;
	}
	for (uint32_t i = 0; i < node->len || i == 0; i++) {
		if (is_name_char(node->text[i], i == 0))
			continue;
		zt_diag_error(b->diag, &loc, "'%s' is not a name", node->text);
		zt_diag_remedy(b->diag, "use letters, digits, '-', '_' and '.'; "
					"begin with a letter, a digit or '_'");
		return 0;
	}
	*ret = zt_arena_text(b->arena, node->text, node->len);
	return *ret ? 0 : -ENOMEM;
}

int zt_read_text(struct zt_builder *b, const struct zt_node *node, const char *what, size_t max,
		 const char **ret)
{
	struct zt_loc loc = zt_node_loc(node);

	if (node->kind != ZT_NODE_SCALAR || zt_node_is_null(node))
		return wrong(b, node, what);
	if (node->len == 0 || node->len > max) {
		zt_diag_error(b->diag, &loc, "%s has %u bytes; 1 to %zu are allowed", what,
			      node->len, max);
		return 0;
	}
	*ret = zt_arena_text(b->arena, node->text, node->len);
	return *ret ? 0 : -ENOMEM;
}

/* Reads one of the words of a list; *ret is its index. */
static int read_word(struct zt_builder *b, const struct zt_node *node, const char *const *words,
		     size_t count, const char *remedy, size_t *ret)
{
	struct zt_loc loc = zt_node_loc(node);

	for (size_t i = 0; i < count; i++)
		if (node->kind == ZT_NODE_SCALAR && strcmp(node->text, words[i]) == 0) {
			*ret = i;
			return 0;
		}
	if (node->kind == ZT_NODE_SCALAR)
		zt_diag_error(b->diag, &loc, "'%s' is not known here", node->text);
	else
		wrong(b, node, "a word");
	zt_diag_remedy(b->diag, "write %s", remedy);
	return -EINVAL;
}

int zt_read_mode(struct zt_builder *b, const struct zt_node *node, enum zt_mode *ret)
{
	static const char *const words[] = {"staged", "enforced"};
	size_t i;

	if (read_word(b, node, words, ARRAY_SIZE(words), "staged or enforced", &i) == 0)
		*ret = (enum zt_mode)i;
	return 0;
}

int zt_read_existing(struct zt_builder *b, const struct zt_node *node, __u8 *ret)
{
	static const char *const words[] = {"recheck", "keep", "reset"};
	size_t i;

	if (read_word(b, node, words, ARRAY_SIZE(words), "recheck, keep or reset", &i) == 0)
		*ret = (__u8)i;
	return 0;
}

int zt_read_action(struct zt_builder *b, const struct zt_node *node, __u8 *ret)
{
	static const char *const words[] = {"allow", "deny"};
	size_t i;

	if (read_word(b, node, words, ARRAY_SIZE(words), "allow or deny", &i) == 0)
		*ret = (__u8)i;
	return 0;
}

static bool valid_label(const struct zt_node *node, bool key)
{
	if (node->kind != ZT_NODE_SCALAR || !node->len || node->len > LABEL_MAX)
		return false;
	for (uint32_t i = 0; i < node->len; i++)
		if ((unsigned char)node->text[i] < 0x20 || node->text[i] == 0x7f ||
		    (key && (node->text[i] == '=' || node->text[i] == ' ')))
			return false;
	return true;
}

static int by_key(const void *a, const void *b)
{
	const struct zt_label *la = a, *lb = b;

	return strcmp(la->key, lb->key);
}

int zt_read_labels(struct zt_builder *b, const struct zt_node *node, struct zt_label **ret,
		   size_t *ret_count)
{
	struct zt_label *labels;
	size_t n = 0;

	if (node->kind != ZT_NODE_MAPPING)
		return wrong(b, node, "a mapping of labels to values");
	labels = zt_arena_array(b->arena, node->len / 2, sizeof(*labels));
	if (!labels)
		return -ENOMEM;
	for (const struct zt_node *key = node->first; key; key = key->next->next) {
		const struct zt_node *value = key->next;
		struct zt_label *label = &labels[n];
		bool key_ok = valid_label(key, true);

		label->loc = zt_node_loc(key_ok ? value : key);
		if (!key_ok || !valid_label(value, false)) {
			zt_diag_error(b->diag, &label->loc, "not a label's %s",
				      key_ok ? "value" : "name");
			zt_diag_remedy(b->diag, "write name: value, 1 to %d bytes each", LABEL_MAX);
			continue;
		}
		label->loc = zt_node_loc(key);
		label->key = zt_arena_text(b->arena, key->text, key->len);
		label->value = zt_arena_text(b->arena, value->text, value->len);
		if (!label->key || !label->value)
			return -ENOMEM;
		n++;
	}
	qsort(labels, n, sizeof(*labels), by_key);
	for (size_t i = 1; i < n; i++)
		if (strcmp(labels[i - 1].key, labels[i].key) == 0)
			zt_diag_error(b->diag, &labels[i].loc, "label '%s' stands twice",
				      labels[i].key);
	*ret = labels;
	*ret_count = n;
	return 0;
}

/* An address that no host can have as its own, by what is wrong with it. */
static const char *unfit_for_host(const struct zt_net_key *key)
{
	static const struct zt_addr unspecified6,
		broadcast4 = {.bytes = {[10] = 0xff, 0xff, 0xff, 0xff, 0xff, 0xff}};
	struct zt_addr addr;

	memcpy(addr.bytes, key->bytes, sizeof(addr.bytes));
	if (zt_addr_is_multicast(&addr))
		return "a multicast address";
	if (zt_addr_is_loopback(&addr))
		return "a loopback address";
	if (memcmp(&addr, &broadcast4, sizeof(addr)) == 0)
		return "the broadcast address";
	if (memcmp(&addr, &unspecified6, sizeof(addr)) == 0 ||
	    (zt_addr_is_v4(&addr) && addr.bytes[12] == 0))
		return "an unspecified address";
	return NULL;
}

static int read_net(struct zt_builder *b, const struct zt_node *node, bool hosts_only,
		    struct zt_net *ret)
{
	char text[ZT_NET_TEXT_LEN];
	const char *unfit;
	int r;

	ret->loc = zt_node_loc(node);
	if (node->kind != ZT_NODE_SCALAR || zt_node_is_null(node)) {
		wrong(b, node, hosts_only ? "an address" : "an address or a prefix");
		return -EINVAL;
	}
	r = zt_net_parse(node->text, &ret->key);
	if (r == -ERANGE) {
		zt_diag_error(b->diag, &ret->loc, "'%s' has bits set to the right of its prefix",
			      node->text);
		if (!hosts_only)
			zt_diag_remedy(b->diag, "the network is %s", zt_net_text(&ret->key, text));
	} else if (r == -EAFNOSUPPORT) {
		zt_diag_error(b->diag, &ret->loc, "'%s' is an IPv4 address in IPv6 form",
			      node->text);
		zt_diag_remedy(b->diag, "write the IPv4 address");
	} else if (r < 0) {
		zt_diag_error(b->diag, &ret->loc, "'%s' is not an address%s", node->text,
			      hosts_only ? "" : " or a prefix");
		zt_diag_remedy(b->diag,
			       hosts_only ? "write 10.1.2.3 or 2001:db8::1"
					  : "write 10.1.0.0/16, 2001:db8::/32 or one address");
	} else if (hosts_only && (ret->key.prefixlen != 128 || strchr(node->text, '/'))) {
		r = zt_diag_error(b->diag, &ret->loc, "a host has addresses, not networks");
		zt_diag_remedy(b->diag, "put '%s' into a segment's addresses", node->text);
	} else if (hosts_only && (unfit = unfit_for_host(&ret->key))) {
		r = zt_diag_error(b->diag, &ret->loc, "'%s' is %s; no host is known by it",
				  node->text, unfit);
	}
	return r;
}

int zt_read_nets(struct zt_builder *b, const struct zt_node *node, bool hosts_only,
		 struct zt_net **ret, size_t *ret_count)
{
	const struct zt_node *element = node->kind == ZT_NODE_SEQUENCE ? node->first : node;
	struct zt_net *nets;
	size_t n = 0;

	if (node->kind == ZT_NODE_MAPPING || zt_node_is_null(node))
		return wrong(b, node, "a list of addresses");
	nets = zt_arena_array(b->arena, node->kind == ZT_NODE_SEQUENCE ? node->len : 1,
			      sizeof(*nets));
	if (!nets)
		return -ENOMEM;
	for (; element; element = node->kind == ZT_NODE_SEQUENCE ? element->next : NULL)
		if (read_net(b, element, hosts_only, &nets[n]) == 0)
			n++;
	*ret = nets;
	*ret_count = n;
	return 0;
}

int zt_read_list(struct zt_builder *b, const struct zt_node *node, const char *what,
		 int (*read)(struct zt_builder *b, const struct zt_node *element))
{
	int r;

	if (zt_node_is_null(node))
		return 0; /* a section with nothing in it */
	if (node->kind != ZT_NODE_SEQUENCE)
		return wrong(b, node, what);
	for (const struct zt_node *e = node->first; e && !zt_diag_full(b->diag); e = e->next) {
		r = read(b, e);
		if (r < 0)
			return r;
	}
	return 0;
}
