/* SPDX-License-Identifier: Apache-2.0 */
/* nf_match.c - one condition of nftables' JSON: what it asks of the first packet of a connection.
 */
#include <errno.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "base/cleanup.h"
#include "ctl/collect/nf_nft.h"

#define ELEMENTS_MAX 65536

static bool is_one_of(const char *text, const char *const *list)
{
	for (; text && *list; list++) {
		if (strcmp(text, *list) == 0)
			return true;
	}
	return false;
}

const json_t *ztc_nft_set(const struct ztc_nft *nft, const json_t *right, bool *ret_dynamic)
{
	static const json_t *none;
	const char *name = json_string_value(right);
	char key[512];
	json_t *set;

	*ret_dynamic = false;
	if (!name)
		return json_object_get(right, "set");
	if (name[0] != '@')
		return NULL;
	snprintf(key, sizeof(key), "%s %s %s", nft->chain->family, nft->chain->table, name + 1);
	set = json_object_get(nft->sets, key);
	if (!set)
		return NULL;
	*ret_dynamic = zt_json_has_text(json_object_get(set, "flags"), "dynamic");
	if (!none)
		none = json_array();
	return json_object_get(set, "elem") ? json_object_get(set, "elem") : none;
}

static int proto_number(const json_t *value)
{
	const char *text = json_string_value(value);

	if (json_is_integer(value))
		return (int)json_integer_value(value) & 0xff;
	return text ? ztc_nf_proto(text) : -1;
}

static bool number_of(const struct ztc_nf_match *m, const json_t *value, ztc_u128 *ret)
{
	const char *text = json_string_value(value);
	int proto;

	switch (m->field) {
	case ZTC_NF_SADDR:
	case ZTC_NF_DADDR:
		return text && ztc_address_parse(text, ret) == m->family;
	case ZTC_NF_PROTO:
		proto = proto_number(value);
		*ret = (ztc_u128)(proto < 0 ? 0 : proto);
		return proto >= 0;
	case ZTC_NF_FAMILY:
		*ret = text && (strcmp(text, "ipv4") == 0 || strcmp(text, "ip") == 0)	 ? 4
		       : text && (strcmp(text, "ipv6") == 0 || strcmp(text, "ip6") == 0) ? 6
											 : 0;
		return true;
	default:
		*ret = (ztc_u128)json_integer_value(value);
		return json_is_integer(value) && json_integer_value(value) >= 0 &&
		       json_integer_value(value) <= UINT16_MAX;
	}
}

/* One element: a value, a range, a prefix, or one of these with a timeout around it. */
static bool add_element(struct ztc_nft *nft, struct ztc_nf_match *m, const json_t *value)
{
	const json_t *range, *prefix, *inner = json_object_get(value, "elem");
	ztc_u128 lo, hi;
	char text[128];
	struct ztc_span span;

	if (inner)
		return add_element(nft, m, json_object_get(inner, "val"));
	if (m->field == ZTC_NF_IIF || m->field == ZTC_NF_OIF) {
		if (!json_is_string(value) || json_string_value(value)[0] == '@')
			return false;
		ztc_nf_name(nft->nf, m, json_string_value(value));
		return true;
	}
	range = json_object_get(value, "range");
	prefix = json_object_get(value, "prefix");
	if (range) {
		if (!number_of(m, json_array_get(range, 0), &lo) ||
		    !number_of(m, json_array_get(range, 1), &hi))
			return false;
	} else if (prefix) {
		snprintf(text, sizeof(text), "%s/%lld", zt_json_text(prefix, "addr"),
			 json_integer_value(json_object_get(prefix, "len")));
		if (ztc_prefix_parse(text, &span) != m->family)
			return false;
		lo = span.lo;
		hi = span.hi;
	} else {
		if (!number_of(m, value, &lo))
			return false;
		hi = lo;
	}
	ztc_spans_add(&m->values, lo, hi);
	return true;
}

/* The match has its field; now what it is compared with. */
static void add_values(struct ztc_nft *nft, struct ztc_nf_match *m, const char *op,
		       const json_t *right)
{
	ztc_u128 last = m->field == ZTC_NF_DPORT   ? UINT16_MAX
			: m->field == ZTC_NF_PROTO ? UINT8_MAX
			: m->family		   ? ztc_family_last(m->family)
						   : 0;
	bool dynamic, good = true;
	const json_t *set = ztc_nft_set(nft, right, &dynamic), *row;
	struct ztc_span *one;
	size_t i;

	m->negate = strcmp(op, "!=") == 0;
	if (set && json_array_size(set) > ELEMENTS_MAX) {
		good = false;
	} else if (set) {
		json_array_foreach (set, i, row)
			good &= add_element(nft, m, row);
	} else {
		good = add_element(nft, m, right);
	}
	if (!good)
		m->field = ZTC_NF_UNKNOWN;
	else if (dynamic)
		m->field = ZTC_NF_SOMETIMES; /* who sends the right packets is in it */
	if (op[0] != '<' && op[0] != '>')
		return;
	if (m->values.count != 1 || m->name_count) {
		m->field = ZTC_NF_UNKNOWN;
		return;
	}
	one = m->values.items;
	if (op[0] == '<')
		*one = (struct ztc_span){0, op[1] ? one->hi : one->lo - (one->lo > 0)};
	else
		*one = (struct ztc_span){op[1] ? one->lo : one->hi + 1, last};
}

static void add_number(struct ztc_nft *nft, enum ztc_nf_field field, ztc_u128 value)
{
	struct ztc_nf_match *m = ztc_nf_match(&nft->draft, field);

	if (m->field == field)
		ztc_spans_add(&m->values, value, value);
}

static void plain(struct ztc_nft *nft, enum ztc_nf_field field)
{
	ztc_nf_match(&nft->draft, field);
}

/* Bits of a value of flags: "syn", ["syn", "ack"], {"|": […]}, 2. -1 = not understood. */
static int flag_bits(const json_t *value)
{
	static const char *const names[] = {"fin", "syn", "rst", "psh", "ack", "urg", "ecn", "cwr"};
	const char *text = json_string_value(value);
	const json_t *list = json_is_object(value) ? json_object_get(value, "|") : value, *row;
	int bits = 0, more;
	size_t i;

	if (json_is_integer(value))
		return (int)json_integer_value(value) & 0xff;
	for (i = 0; text && i < ARRAY_SIZE(names); i++) {
		if (strcmp(text, names[i]) == 0)
			return 1 << i;
	}
	if (!json_is_array(list))
		return -1;
	json_array_foreach (list, i, row) {
		more = flag_bits(row);
		if (more < 0)
			return -1;
		bits |= more;
	}
	return bits;
}

/* The first packet of a TCP connection has SYN and nothing else. */
static void flags(struct ztc_nft *nft, const json_t *mask, const char *op, const json_t *right)
{
	int bits = mask ? flag_bits(mask) : 0xff, want = flag_bits(right);
	const int syn = 2;
	bool fits;

	add_number(nft, ZTC_NF_PROTO, IPPROTO_TCP);
	if (bits < 0 || want < 0) {
		plain(nft, ZTC_NF_UNKNOWN);
		return;
	}
	fits = strcmp(op, "in") == 0   ? syn & want
	       : strcmp(op, "!=") == 0 ? (syn & bits) != want
				       : (syn & bits) == want;
	if (!fits)
		plain(nft, ZTC_NF_NEVER);
}

static void payload(struct ztc_nft *nft, const json_t *left, const char *op, const json_t *right)
{
	static const char *const ported[] = {"tcp", "udp", "udplite", "sctp", "dccp", "th", NULL};
	static const char *const others[] = {"icmp", "icmpv6", "igmp", "esp", "ah", "comp", NULL};
	const char *proto = zt_json_text(left, "protocol"), *field = zt_json_text(left, "field");
	int family = strcmp(proto, "ip") == 0 ? 4 : strcmp(proto, "ip6") == 0 ? 6 : 0;
	struct ztc_nf_match *m;

	if (family)
		add_number(nft, ZTC_NF_FAMILY, (ztc_u128)family);
	if (family && (strcmp(field, "saddr") == 0 || strcmp(field, "daddr") == 0)) {
		m = ztc_nf_match(&nft->draft, field[0] == 's' ? ZTC_NF_SADDR : ZTC_NF_DADDR);
		m->family = family;
		add_values(nft, m, op, right);
	} else if (family && (strcmp(field, "protocol") == 0 || strcmp(field, "nexthdr") == 0)) {
		add_values(nft, ztc_nf_match(&nft->draft, ZTC_NF_PROTO), op, right);
	} else if (strcmp(proto, "tcp") == 0 && strcmp(field, "flags") == 0) {
		flags(nft, NULL, op, right);
	} else if (is_one_of(proto, ported)) {
		if (strcmp(proto, "th") != 0)
			add_number(nft, ZTC_NF_PROTO,
				   (ztc_u128)proto_number(json_object_get(left, "protocol")));
		if (strcmp(field, "dport") == 0)
			add_values(nft, ztc_nf_match(&nft->draft, ZTC_NF_DPORT), op, right);
		else
			plain(nft, ZTC_NF_SOMETIMES); /* the sender's to choose */
	} else if (is_one_of(proto, others)) {
		add_number(nft, ZTC_NF_PROTO,
			   (ztc_u128)proto_number(json_object_get(left, "protocol")));
		plain(nft, ZTC_NF_SOMETIMES);
	} else {
		plain(nft, family ? ZTC_NF_SOMETIMES : ZTC_NF_UNKNOWN);
	}
}

/* Whether @right names @word, alone or among others. */
static bool names(const struct ztc_nft *nft, const json_t *right, const char *word)
{
	bool dynamic;
	const json_t *set = ztc_nft_set(nft, right, &dynamic);

	if (!set && json_is_array(right))
		set = right;
	if (!set)
		return strcmp(json_string_value(right) ?: "", word) == 0;
	return zt_json_has_text(set, word);
}

/* Something that is so, or is not so, for every packet that is asked about. */
static void fixed(struct ztc_nft *nft, bool is_so, const char *op)
{
	if (is_so == (strcmp(op, "!=") == 0))
		plain(nft, ZTC_NF_NEVER);
}

static void meta(struct ztc_nft *nft, const char *key, const char *op, const json_t *right)
{
	static const char *const anybody[] = {"hour",	"day",	    "time", "random",
					      "length", "priority", NULL};

	if (strcmp(key, "iif") == 0 || strcmp(key, "iifname") == 0)
		add_values(nft, ztc_nf_match(&nft->draft, ZTC_NF_IIF), op, right);
	else if (strcmp(key, "oif") == 0 || strcmp(key, "oifname") == 0)
		add_values(nft, ztc_nf_match(&nft->draft, ZTC_NF_OIF), op, right);
	else if (strcmp(key, "l4proto") == 0)
		add_values(nft, ztc_nf_match(&nft->draft, ZTC_NF_PROTO), op, right);
	else if (strcmp(key, "nfproto") == 0 || strcmp(key, "protocol") == 0)
		add_values(nft, ztc_nf_match(&nft->draft, ZTC_NF_FAMILY), op, right);
	else if (strcmp(key, "pkttype") == 0)
		fixed(nft, names(nft, right, "host") || names(nft, right, "unicast"), op);
	else if (strcmp(key, "mark") == 0)
		plain(nft, json_is_integer(right) && (json_integer_value(right) == 0) ==
							     (strcmp(op, "!=") == 0)
				   ? ZTC_NF_SET
				   : ZTC_NF_UNKNOWN);
	else
		plain(nft, is_one_of(key, anybody) ? ZTC_NF_SOMETIMES : ZTC_NF_UNKNOWN);
}

static void conntrack(struct ztc_nft *nft, const char *key, const char *op, const json_t *right)
{
	if (strcmp(key, "state") == 0 && names(nft, right, "untracked") &&
	    !names(nft, right, "new"))
		plain(nft, ZTC_NF_UNKNOWN);
	else if (strcmp(key, "state") == 0)
		fixed(nft, names(nft, right, "new"), op);
	else if (strcmp(key, "direction") == 0)
		fixed(nft, names(nft, right, "original"), op);
	else if (strcmp(key, "status") == 0)
		fixed(nft, false,
		      op); /* translated, assured, seen-reply: not a new one as it came */
	else if (strcmp(key, "mark") == 0)
		meta(nft, "mark", op, right);
	else
		plain(nft, ZTC_NF_UNKNOWN);
}

/* left & mask */
static void masked(struct ztc_nft *nft, const json_t *and, const char *op, const json_t *right)
{
	const json_t *left = json_array_get(and, 0), *mask = json_array_get(and, 1);
	const json_t *load = json_object_get(left, "payload");

	if (load && strcmp(zt_json_text(load, "field"), "flags") == 0)
		flags(nft, mask, op, right);
	else if (strcmp(zt_json_text(json_object_get(left, "meta"), "key"), "mark") == 0 ||
		 strcmp(zt_json_text(json_object_get(left, "ct"), "key"), "mark") == 0)
		meta(nft, "mark", op, right);
	else
		plain(nft, ZTC_NF_UNKNOWN);
}

static void fib(struct ztc_nft *nft, const json_t *left, const char *op, const json_t *right)
{
	if (zt_json_has_text(json_object_get(left, "flags"), "daddr") &&
	    strcmp(zt_json_text(left, "result"), "type") == 0)
		fixed(nft, names(nft, right, "local"), op);
	else
		plain(nft, ZTC_NF_SOMETIMES); /* about the source: any that is routed this way */
}

void ztc_nft_condition(struct ztc_nft *nft, const json_t *left, const char *op, const json_t *right)
{
	static const char *const anybody[] = {"exthdr", "tcp option", "ip option", "numgen",
					      "jhash",	"symhash",    NULL};
	const char *kind = json_object_iter_key(json_object_iter((json_t *)left));
	const json_t *at = kind ? json_object_get(left, kind) : NULL;

	if (!kind)
		plain(nft, ZTC_NF_UNKNOWN);
	else if (strcmp(kind, "payload") == 0 && json_object_get(at, "field"))
		payload(nft, at, op, right);
	else if (strcmp(kind, "meta") == 0)
		meta(nft, zt_json_text(at, "key"), op, right);
	else if (strcmp(kind, "ct") == 0)
		conntrack(nft, zt_json_text(at, "key"), op, right);
	else if (strcmp(kind, "fib") == 0)
		fib(nft, at, op, right);
	else if (strcmp(kind, "&") == 0)
		masked(nft, at, op, right);
	else
		plain(nft, is_one_of(kind, anybody) ? ZTC_NF_SOMETIMES : ZTC_NF_UNKNOWN);
}
