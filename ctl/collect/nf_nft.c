/* SPDX-License-Identifier: Apache-2.0 */
/* nf_nft.c - `nft -j list ruleset` as rules: sets and maps unfolded, statements in their order. */
#include <errno.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/json.h"
#include "ctl/collect/nf_nft.h"

static const struct {
	const char *name;
	enum ztc_nf_verdict verdict;
} verdicts[] = {
	{"accept", ZTC_NF_ACCEPT},    {"drop", ZTC_NF_DROP},	     {"reject", ZTC_NF_DROP},
	{"jump", ZTC_NF_JUMP},	      {"goto", ZTC_NF_GOTO},	     {"return", ZTC_NF_RETURN},
	{"queue", ZTC_NF_ELSEWHERE},  {"dnat", ZTC_NF_ELSEWHERE},    {"redirect", ZTC_NF_ELSEWHERE},
	{"tproxy", ZTC_NF_ELSEWHERE}, {"fwd", ZTC_NF_ELSEWHERE},     {"synproxy", ZTC_NF_ELSEWHERE},
	{"snat", ZTC_NF_ACCEPT},      {"masquerade", ZTC_NF_ACCEPT},
};

/* A reject in an inet table may be of one family only, which the listing leaves out: seen with
 * nftables 1.0.6, where `meta nfproto ipv6 ... reject with tcp reset` is listed for both. */
static void reject(struct ztc_nft *nft, const json_t *how)
{
	const char *type = zt_json_text(how, "type");
	struct ztc_nf_match *m;

	if (strcmp(nft->chain->family, "inet") != 0)
		return;
	for (size_t i = 0; i < nft->draft.count; i++) {
		if (nft->draft.matches[i].field == ZTC_NF_FAMILY)
			return;
	}
	if (strcmp(type, "tcp reset") == 0) {
		ztc_nf_match(&nft->draft, ZTC_NF_UNKNOWN);
	} else if (strcmp(type, "icmp") == 0 || strcmp(type, "icmpv6") == 0) {
		m = ztc_nf_match(&nft->draft, ZTC_NF_FAMILY);
		ztc_spans_add(&m->values, type[4] ? 6 : 4, type[4] ? 6 : 4);
	}
}

/* A translation to a port of this host; to another host it is no matter of ours. */
static void translate(struct ztc_nft *nft, const char *kind, const json_t *how)
{
	const json_t *port = json_object_get(how, "port");
	const char *address = json_string_value(json_object_get(how, "addr"));

	if (strcmp(kind, "redirect") == 0 || (address && strncmp(address, "127.", 4) == 0))
		nft->draft.to_port = json_is_integer(port) ? (int)json_integer_value(port) : -1;
}

/* Returns whether @statement is one that ends the rule. */
static bool take_verdict(struct ztc_nft *nft, const json_t *statement)
{
	for (size_t i = 0; i < ARRAY_SIZE(verdicts); i++) {
		const json_t *how = json_object_get(statement, verdicts[i].name);
		const char *target = json_string_value(json_object_get(how, "target"));

		if (!how)
			continue;
		if (strcmp(verdicts[i].name, "reject") == 0)
			reject(nft, how);
		translate(nft, verdicts[i].name, how);
		ztc_nf_add(nft->nf, nft->chain, &nft->draft, verdicts[i].verdict, target,
			   nft->handle);
		nft->draft.to_port = 0;
		return true;
	}
	return false;
}

/* Conditions that a key of several parts fits one element. */
static void tuple(struct ztc_nft *nft, const json_t *key, const json_t *element)
{
	const json_t *inner = json_object_get(element, "elem");
	const json_t *keys = json_object_get(key, "concat"), *values, *row;
	size_t i;

	if (inner)
		element = json_object_get(inner, "val");
	values = json_object_get(element, "concat");
	if (!keys) {
		ztc_nft_condition(nft, key, "==", element);
		return;
	}
	if (json_array_size(values) != json_array_size(keys)) {
		ztc_nf_match(&nft->draft, ZTC_NF_UNKNOWN);
		return;
	}
	json_array_foreach (keys, i, row)
		ztc_nft_condition(nft, row, "==", json_array_get(values, i));
}

static bool catch_all(const json_t *element)
{
	return strcmp(json_string_value(element) ?: "", "*") == 0;
}

/* "*" is for what no other element fits. */
static void no_other(struct ztc_nft *nft, const json_t *key, const json_t *set)
{
	json_t *others = json_array();
	const json_t *row;
	size_t i;

	json_array_foreach (set, i, row) {
		if (!catch_all(json_array_get(row, 0)))
			json_array_append(others, json_array_get(row, 0));
	}
	others = json_pack("{s:o}", "set", others);
	if (json_object_get(key, "concat"))
		ztc_nf_match(&nft->draft, ZTC_NF_UNKNOWN);
	else
		ztc_nft_condition(nft, key, "!=", others);
	json_decref(others);
}

/* One rule for every element; the one for all others comes last. */
static void take_vmap(struct ztc_nft *nft, const json_t *vmap)
{
	const json_t *key = json_object_get(vmap, "key"), *row;
	bool dynamic;
	const json_t *set = ztc_nft_set(nft, json_object_get(vmap, "data"), &dynamic);
	size_t keep = nft->draft.count, i;

	if (!set || dynamic) {
		ztc_nf_match(&nft->draft, ZTC_NF_UNKNOWN);
		ztc_nf_add(nft->nf, nft->chain, &nft->draft, ZTC_NF_ELSEWHERE, NULL, nft->handle);
		ztc_nf_cut(&nft->draft, keep);
		return;
	}
	for (int last = 0; last < 2; last++) {
		json_array_foreach (set, i, row) {
			const json_t *element = json_array_get(row, 0);

			if (catch_all(element) != last)
				continue;
			if (last)
				no_other(nft, key, set);
			else
				tuple(nft, key, element);
			take_verdict(nft, json_array_get(row, 1));
			ztc_nf_cut(&nft->draft, keep);
		}
	}
}

static void statements(struct ztc_nft *nft, const json_t *expr, size_t from);

/* A match of several parts at once: as many rules as there are elements. */
static void take_tuples(struct ztc_nft *nft, const json_t *match, const json_t *expr, size_t next)
{
	const json_t *left = json_object_get(match, "left"),
		     *right = json_object_get(match, "right");
	bool dynamic;
	const json_t *set = ztc_nft_set(nft, right, &dynamic), *row;
	size_t keep = nft->draft.count, i;

	if (strcmp(zt_json_text(match, "op"), "!=") == 0 || dynamic ||
	    (!set && !json_object_get(right, "concat"))) {
		ztc_nf_match(&nft->draft, dynamic ? ZTC_NF_SOMETIMES : ZTC_NF_UNKNOWN);
		statements(nft, expr, next);
	} else if (!set) {
		tuple(nft, left, right);
		statements(nft, expr, next);
	}
	json_array_foreach (set, i, row) {
		if (dynamic || nft->nf->broken)
			break;
		tuple(nft, left, row);
		statements(nft, expr, next);
		ztc_nf_cut(&nft->draft, keep);
	}
}

/* What neither decides nor changes whether a packet passes. */
static bool harmless(const json_t *statement)
{
	static const char *const names[] = {
		"counter",   "notrack",	   "mangle",	     "comment", "last",	    "dup", "flow",
		"ct helper", "ct timeout", "ct expectation", "secmark", "continue", "map"};

	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		if (json_object_get(statement, names[i]))
			return true;
	}
	return strcmp(zt_json_text(json_object_get(statement, "xt"), "name"), "comment") == 0;
}

static bool limits(const json_t *statement)
{
	return json_object_get(statement, "limit") || json_object_get(statement, "meter") ||
	       json_object_get(statement, "ct count") || json_object_get(statement, "quota") ||
	       json_object_get(json_object_get(statement, "set"), "stmt");
}

static void statements(struct ztc_nft *nft, const json_t *expr, size_t from)
{
	for (size_t i = from; i < json_array_size(expr); i++) {
		const json_t *s = json_array_get(expr, i), *match = json_object_get(s, "match");

		if (match && json_object_get(json_object_get(match, "left"), "concat")) {
			take_tuples(nft, match, expr, i + 1);
			return;
		}
		if (match)
			ztc_nft_condition(nft, json_object_get(match, "left"),
					  zt_json_text(match, "op"),
					  json_object_get(match, "right"));
		else if (json_object_get(s, "log"))
			nft->draft.logs = true;
		else if (json_object_get(s, "vmap"))
			take_vmap(nft, json_object_get(s, "vmap"));
		else if (limits(s))
			ztc_nf_match(&nft->draft, ZTC_NF_SOMETIMES);
		else if (take_verdict(nft, s))
			return;
		else if (!harmless(s) && !json_object_get(s, "set"))
			ztc_nf_match(&nft->draft, ZTC_NF_UNKNOWN);
	}
	if (nft->draft.logs)
		ztc_nf_add(nft->nf, nft->chain, &nft->draft, ZTC_NF_CONTINUE, NULL, nft->handle);
}

/* An xt target cannot be read here: whatever it does is done. */
static bool has_xt_target(const json_t *expr)
{
	const json_t *row;
	size_t i;

	json_array_foreach (expr, i, row) {
		if (strcmp(zt_json_text(json_object_get(row, "xt"), "type"), "target") == 0)
			return true;
	}
	return false;
}

static void take_rule(struct ztc_nft *nft, const json_t *rule)
{
	const json_t *expr = json_object_get(rule, "expr");
	size_t before = nft->nf->rule_count;

	nft->chain = ztc_nf_chain(nft->nf, "nftables", zt_json_text(rule, "family"),
				  zt_json_text(rule, "table"), zt_json_text(rule, "chain"));
	if (!nft->chain) {
		nft->nf->broken = "no memory";
		return;
	}
	nft->handle = (uint64_t)json_integer_value(json_object_get(rule, "handle"));
	nft->draft.logs = false;
	statements(nft, expr, 0);
	if (has_xt_target(expr) && nft->nf->rule_count == before)
		ztc_nf_add(nft->nf, nft->chain, &nft->draft, ZTC_NF_ELSEWHERE, NULL, nft->handle);
	ztc_nf_cut(&nft->draft, 0);
}

static void take_chain(struct ztc_nft *nft, const json_t *row)
{
	static const struct {
		const char *name;
		enum ztc_nf_hook hook;
	} hooks[] = {{"ingress", ZTC_NF_INGRESS},
		     {"prerouting", ZTC_NF_PREROUTING},
		     {"input", ZTC_NF_INPUT},
		     {"forward", ZTC_NF_FORWARD}};
	struct ztc_nf_chain *c =
		ztc_nf_chain(nft->nf, "nftables", zt_json_text(row, "family"),
			     zt_json_text(row, "table"), zt_json_text(row, "name"));
	const char *device = json_string_value(json_object_get(row, "dev"));

	for (size_t i = 0; c && i < ARRAY_SIZE(hooks); i++) {
		if (strcmp(zt_json_text(row, "hook"), hooks[i].name) != 0)
			continue;
		c->hook = hooks[i].hook;
		c->prio = json_integer_value(json_object_get(row, "prio"));
		c->drop = strcmp(zt_json_text(row, "policy"), "drop") == 0;
		if (device)
			c->device = zt_arena_text(nft->nf->arena, device, strlen(device));
	}
	if (!c)
		nft->nf->broken = "no memory";
}

static bool skipped(const json_t *skip, const json_t *row)
{
	char name[300];

	snprintf(name, sizeof(name), "%s %s", zt_json_text(row, "family"),
		 json_object_get(row, "table") ? zt_json_text(row, "table")
					       : zt_json_text(row, "name"));
	return zt_json_has_text(skip, name);
}

static void index_set(struct ztc_nft *nft, json_t *set)
{
	char key[512];

	snprintf(key, sizeof(key), "%s %s %s", zt_json_text(set, "family"),
		 zt_json_text(set, "table"), zt_json_text(set, "name"));
	json_object_set(nft->sets, key, set);
}

int ztc_nf_read_json(struct ztc_nf *nf, const json_t *root, const json_t *skip)
{
	zt_auto(zt_json_decref) json_t *sets = json_object();
	struct ztc_nft nft = {.nf = nf, .sets = sets};
	json_t *list = json_object_get(root, "nftables"), *row, *at;
	size_t i;

	if (!json_is_array(list))
		return -EBADMSG;
	json_array_foreach (list, i, row) {
		if ((at = json_object_get(row, "set")) || (at = json_object_get(row, "map")))
			index_set(&nft, at);
		else if ((at = json_object_get(row, "chain")) && !skipped(skip, at))
			take_chain(&nft, at);
	}
	json_array_foreach (list, i, row) {
		at = json_object_get(row, "rule");
		if (at && !skipped(skip, at))
			take_rule(&nft, at);
	}
	return nf->broken ? -EBADMSG : 0;
}
