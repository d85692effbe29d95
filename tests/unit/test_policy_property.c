/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_policy_property.c - compiled tables against the words of the design.
 *
 * Random policies, written as text and read by the reader, are compiled for a
 * random host; random openings are then judged twice: by zt_tables_judge() over
 * the rows, and by a direct evaluator here that knows nothing of identities,
 * classes or cells, only the sentences of docs/design.md.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/strbuf.h"
#include "policy/judge.h"
#include "policy/compile.h"

#define POLICIES 1500
#define QUERIES	 60

/* --- chance ------------------------------------------------------------------------------ */

static uint64_t chance = 88172645463325252ULL;

static uint32_t pick(uint32_t n)
{
	chance ^= chance << 13;
	chance ^= chance >> 7;
	chance ^= chance << 17;
	return (uint32_t)((chance >> 32) % n);
}

#define PICK(list) ((list)[pick(ARRAY_SIZE(list))])

static const char *const addresses[] = {
	"10.0.0.1",    "10.0.0.2",	"10.0.0.3",   "10.0.1.1",    "10.0.1.2",
	"10.1.0.1",    "10.255.255.9",	"172.16.0.1", "192.168.7.7", "2001:db8::1",
	"2001:db8::2", "2001:db8:1::1", "fd00::1",    "fe80::1",     "::5",
};
static const char *const others[] = {
	"8.8.8.8",  "224.0.0.251", "239.1.1.1", "255.255.255.255", "10.0.0.255",
	"ff02::fb", "2620:fe::9",  "1.1.1.1",	"10.0.0.77",
};
static const char *const nets[] = {
	"10.0.0.0/24", "10.0.0.0/23",	"10.0.0.0/8",	 "0.0.0.0/0",	   "10.0.0.0/30",
	"10.0.0.1",    "10.0.0.2/31",	"172.16.0.0/12", "224.0.0.0/4",	   "239.0.0.0/8",
	"::/0",	       "2001:db8::/32", "2001:db8::/64", "2001:db8::1",	   "fe80::/10",
	"::/8",	       "ff00::/8",	"10.0.0.255",	 "192.168.0.0/16", "::/96",
};
static const char *const ports[] = {
	"any",	     "tcp/443",	  "tcp/80",	 "tcp/1-1023",	"tcp/400-500", "tcp",
	"udp/53",    "udp",	  "icmp",	 "icmp/8",	"icmpv6",      "icmpv6/128",
	"proto/132", "proto/131", "tcp/500-600", "udp/400-500",
};
static const char *const units[] = {"a.service", "b.service", "c.scope"};
static const char *const cgroups[] = {"/x", "/x/y", "/", "/xy"};
static const char *const users[] = {"0", "1000"};
static const char *const exes[] = {"/bin/p", "/bin/q"};

static void write_end(struct zt_strbuf *sb, uint32_t segments, bool qualifiers)
{
	static const char *const builtin[] = {"any", "this-host", "unknown", "multicast",
					      "broadcast"};
	char segment[16];

	if (pick(10) < 4 || !segments)
		snprintf(segment, sizeof(segment), "%s",
			 pick(3) ? builtin[pick(2)] : PICK(builtin));
	else
		snprintf(segment, sizeof(segment), "s%u", pick(segments));
	if (!qualifiers || pick(3)) {
		zt_strbuf_puts(sb, segment);
		return;
	}
	zt_strbuf_printf(sb, "{segment: %s", segment);
	if (pick(2))
		zt_strbuf_printf(sb, ", unit: %s", PICK(units));
	if (!pick(3))
		zt_strbuf_printf(sb, ", cgroup: %s", PICK(cgroups));
	if (!pick(3))
		zt_strbuf_printf(sb, ", user: %s", PICK(users));
	if (!pick(3))
		zt_strbuf_printf(sb, ", exe: %s", PICK(exes));
	zt_strbuf_puts(sb, "}");
}

static void write_list(struct zt_strbuf *sb, const char *const *list, size_t size, uint32_t least)
{
	uint32_t n = least + pick(3);

	zt_strbuf_puts(sb, "[");
	for (uint32_t i = 0; i < n; i++)
		zt_strbuf_printf(sb, "%s\"%s\"", i ? ", " : "", list[pick((uint32_t)size)]);
	zt_strbuf_puts(sb, "]");
}

static void write_inventory(struct zt_strbuf *sb, uint32_t hosts, uint32_t segments)
{
	zt_strbuf_puts(sb, "version: 1\npolicy: p\nrevision: 1\nhosts:\n");
	for (uint32_t i = 0; i < hosts; i++) {
		zt_strbuf_printf(sb, "  h%u: {labels: {a: %u, b: %u}, addresses: ", i, pick(3),
				 pick(2));
		write_list(sb, addresses, ARRAY_SIZE(addresses), pick(4) ? 1 : 0);
		zt_strbuf_puts(sb, "}\n");
	}
	if (segments)
		zt_strbuf_puts(sb, "segments:\n");
	for (uint32_t i = 0; i < segments; i++) {
		bool select = pick(2);

		zt_strbuf_printf(sb, "  s%u: {", i);
		if (select && pick(2))
			zt_strbuf_printf(sb, "select: {a: %u, b: %u}", pick(3), pick(2));
		else if (select)
			zt_strbuf_printf(sb, "select: {a: %u}", pick(3));
		if (!select || pick(3) == 0) {
			zt_strbuf_printf(sb, "%saddresses: ", select ? ", " : "");
			write_list(sb, nets, ARRAY_SIZE(nets), 1);
		}
		if (pick(3) == 0) {
			zt_strbuf_puts(sb, ", except: ");
			write_list(sb, nets, ARRAY_SIZE(nets), 1);
		}
		zt_strbuf_puts(sb, "}\n");
	}
}

static void write_statements(struct zt_strbuf *sb, uint32_t segments)
{
	static const char *const modes[] = {"staged", "enforced"};
	static const char *const existing[] = {"keep", "recheck", "reset"};
	static const char *const directions[] = {"inbound: deny", "outbound: deny",
						 "inbound: deny, outbound: deny"};
	uint32_t n = pick(4);

	zt_strbuf_puts(sb, "boundaries:\n");
	for (uint32_t i = 0; i < n; i++) {
		zt_strbuf_puts(sb, "  - {segment: ");
		write_end(sb, segments, false);
		zt_strbuf_printf(sb, ", %s, id: b%u, mode: %s, existing: %s}\n", PICK(directions),
				 i, PICK(modes), PICK(existing));
	}
	zt_strbuf_puts(sb, "rules:\n");
	n = pick(12);
	for (uint32_t i = 0; i < n; i++) {
		zt_strbuf_printf(sb, "  - {id: r%u, action: %s, from: ", i,
				 pick(3) ? "allow" : "deny");
		write_end(sb, segments, pick(2));
		zt_strbuf_puts(sb, ", to: ");
		write_end(sb, segments, pick(4) == 0);
		zt_strbuf_puts(sb, ", ports: ");
		write_list(sb, ports, ARRAY_SIZE(ports), 1);
		zt_strbuf_printf(sb, ", mode: %s, existing: %s}\n", PICK(modes), PICK(existing));
	}
	zt_strbuf_puts(sb, "failsafe:\n");
	n = pick(3);
	for (uint32_t i = 0; i < n; i++) {
		zt_strbuf_printf(sb, "  - {id: f%u, from: ", i);
		write_list(sb, nets, ARRAY_SIZE(nets), 1);
		zt_strbuf_puts(sb, ", to: ");
		if (pick(3))
			write_end(sb, segments, false);
		else
			write_list(sb, nets, ARRAY_SIZE(nets), 1);
		zt_strbuf_puts(sb, ", ports: ");
		write_list(sb, ports, ARRAY_SIZE(ports), 1);
		zt_strbuf_puts(sb, "}\n");
	}
}

/* --- the direct evaluator -------------------------------------------------------------------- */

struct world {
	const struct zt_policy *policy;
	const struct zt_host *host;
	struct zt_addr locals[6];
	size_t local_count;
	struct zt_addr broadcasts[2];
	size_t broadcast_count;
	bool forwarding;
};

static bool same(const struct zt_addr *a, const void *bytes)
{
	return memcmp(a->bytes, bytes, 16) == 0;
}

static bool is_v4(const uint8_t *bytes)
{
	static const uint8_t head[12] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};

	return memcmp(bytes, head, 12) == 0;
}

static bool in_net(const struct zt_net *net, const struct zt_addr *addr)
{
	bool net_v4 = is_v4(net->key.bytes) && net->key.prefixlen >= 96;

	if (net_v4 != is_v4(addr->bytes))
		return false;
	for (uint32_t bit = 0; bit < net->key.prefixlen; bit++) {
		uint8_t mask = (uint8_t)(0x80 >> bit % 8);

		if ((net->key.bytes[bit / 8] & mask) != (addr->bytes[bit / 8] & mask))
			return false;
	}
	return true;
}

static bool in_nets(const struct zt_net *list, size_t count, const struct zt_addr *addr)
{
	for (size_t i = 0; i < count; i++)
		if (in_net(&list[i], addr))
			return true;
	return false;
}

static bool labels_fit(const struct zt_segment *s, const struct zt_host *h)
{
	for (size_t i = 0; i < s->select_count; i++) {
		bool fits = false;

		for (size_t l = 0; l < h->label_count; l++)
			fits |= strcmp(h->labels[l].key, s->select[i].key) == 0 &&
				strcmp(h->labels[l].value, s->select[i].value) == 0;
		if (!fits)
			return false;
	}
	return s->select_count > 0;
}

/* "label selectors, addresses/CIDRs minus exceptions" */
static bool in_segment(const struct world *w, const struct zt_segment *s,
		       const struct zt_addr *addr)
{
	if (in_nets(s->except, s->except_count, addr))
		return false;
	if (in_nets(s->addresses, s->address_count, addr))
		return true;
	for (size_t h = 0; h < w->policy->host_count; h++)
		for (size_t a = 0; a < w->policy->hosts[h].address_count; a++)
			if (same(addr, w->policy->hosts[h].addresses[a].key.bytes) &&
			    labels_fit(s, &w->policy->hosts[h]))
				return true;
	return false;
}

static bool is_multicast(const struct zt_addr *a)
{
	return is_v4(a->bytes) ? a->bytes[12] >> 4 == 14 : a->bytes[0] == 0xff;
}

static bool is_broadcast(const struct world *w, const struct zt_addr *a)
{
	static const uint8_t all[4] = {255, 255, 255, 255};

	for (size_t i = 0; i < w->broadcast_count; i++)
		if (same(a, w->broadcasts[i].bytes))
			return true;
	return is_v4(a->bytes) && memcmp(a->bytes + 12, all, 4) == 0;
}

static bool in_any_segment(const struct world *w, const struct zt_addr *addr)
{
	for (size_t i = 0; i < w->policy->segment_count; i++)
		if (in_segment(w, &w->policy->segments[i], addr))
			return true;
	return false;
}

static bool far_is(const struct world *w, const struct zt_end *end, const struct zt_addr *addr)
{
	switch (end->kind) {
	case ZT_END_ANY:
		return true;
	case ZT_END_THIS_HOST:
		return false;
	case ZT_END_UNKNOWN:
		return !in_any_segment(w, addr) && !is_multicast(addr) && !is_broadcast(w, addr);
	case ZT_END_MULTICAST:
		return is_multicast(addr);
	case ZT_END_BROADCAST:
		return is_broadcast(w, addr);
	case ZT_END_NETS:
		return in_nets(end->nets, end->net_count, addr);
	default:
		return in_segment(w, &w->policy->segments[end->segment], addr);
	}
}

/* "this host's segments": of every address the inventory gives it */
static bool host_in(const struct world *w, const struct zt_segment *s)
{
	if (!w->host)
		return false;
	if (!w->host->address_count)
		return labels_fit(s, w->host);
	for (size_t i = 0; i < w->host->address_count; i++) {
		struct zt_addr addr;

		memcpy(addr.bytes, w->host->addresses[i].key.bytes, 16);
		if (in_segment(w, s, &addr))
			return true;
	}
	return false;
}

/* "those of the address it used": its own, or one of a group */
static bool used(const struct world *w, const struct zt_addr *addr)
{
	for (size_t i = 0; i < w->local_count; i++)
		if (same(addr, w->locals[i].bytes))
			return true;
	for (size_t i = 0; w->host && i < w->host->address_count; i++)
		if (same(addr, w->host->addresses[i].key.bytes))
			return true;
	return is_multicast(addr) || is_broadcast(w, addr);
}

static bool near_is(const struct world *w, const struct zt_end *end, const struct zt_addr *addr)
{
	bool mine = used(w, addr), somewhere = false;

	for (size_t i = 0; i < w->policy->segment_count; i++)
		somewhere |= host_in(w, &w->policy->segments[i]) ||
			     (mine && in_segment(w, &w->policy->segments[i], addr));
	switch (end->kind) {
	case ZT_END_ANY:
	case ZT_END_THIS_HOST:
		return true;
	case ZT_END_UNKNOWN:
		return !somewhere && !(mine && (is_multicast(addr) || is_broadcast(w, addr)));
	case ZT_END_SEGMENT:
		return host_in(w, &w->policy->segments[end->segment]) ||
		       (mine && far_is(w, end, addr));
	default:
		return mine && far_is(w, end, addr);
	}
}

static bool below(const char *path, const char *top)
{
	size_t n = strlen(top);

	if (strcmp(top, "/") == 0)
		return true;
	return strncmp(path, top, n) == 0 && (!path[n] || path[n] == '/');
}

static bool owner_is(const struct zt_qualifier *q, const struct zt_owner *o)
{
	return o && (!q->unit.s || strcmp(q->unit.s, o->unit) == 0) &&
	       (!q->cgroup.s || below(o->cgroup, q->cgroup.s)) &&
	       (!q->user.s || (uint32_t)atoi(q->user.s) == o->uid) &&
	       (!q->exe.s || (strcmp(q->exe.s, o->exe) == 0 && o->exe_dev == 77));
}

/*
 * "A workload qualifier binds where that end is local. The other host ignores
 * it in an allow and skips the whole rule in a deny."
 */
static bool matches(const struct world *w, const struct zt_stmt *s, const struct zt_query *q,
		    const struct zt_owner *o, bool *ret_bound)
{
	const struct zt_end *near = q->dir == ZT_DIR_IN ? &s->to : &s->from;
	const struct zt_end *far = q->dir == ZT_DIR_IN ? &s->from : &s->to;
	bool forwarded = q->dir == ZT_DIR_FWD;

	*ret_bound = false;
	if (!zt_ports_has(&s->ports, q->port_index) || !far_is(w, far, &q->far))
		return false;
	if (forwarded ? !far_is(w, near, &q->near) : !near_is(w, near, &q->near))
		return false;
	if (s->action == ZT_DENY && (far->qualified || (forwarded && near->qualified)))
		return false;
	if (!near->qualified || forwarded)
		return true;
	*ret_bound = true;
	return owner_is(&near->qual, o);
}

static int rank_of(const struct zt_stmt *s)
{
	if (s->kind == ZT_STMT_BOUNDARY)
		return ZT_RANK_BOUNDARY;
	return s->action == ZT_DENY ? ZT_RANK_DENY : ZT_RANK_ALLOW;
}

/*
 * One plane, from the words. *ret_rule is the first unqualified statement of
 * the deciding rank; NULL when only qualified ones decide (then any of them
 * may be named) or none does.
 */
static int decide(const struct world *w, const struct zt_query *q, const struct zt_owner *o,
		  int plane, const struct zt_stmt **ret_rule)
{
	int best = ZT_RANK_DEFAULT;
	bool bound;

	*ret_rule = NULL;
	for (size_t i = 0; i < w->policy->stmt_count; i++) {
		const struct zt_stmt *s = &w->policy->stmts[i];

		if (s->kind == ZT_STMT_FAILSAFE ||
		    (plane == ZT_LIVE && (s->mode != ZT_MODE_ENFORCED || !w->host)) ||
		    !matches(w, s, q, o, &bound) || rank_of(s) < best)
			continue;
		if (rank_of(s) > best)
			*ret_rule = NULL;
		best = rank_of(s);
		if (!bound && !*ret_rule)
			*ret_rule = s;
	}
	return best;
}

static const struct zt_stmt *failsafe(const struct world *w, const struct zt_query *q)
{
	bool bound;

	for (size_t i = 0; i < w->policy->stmt_count; i++)
		if (w->policy->stmts[i].kind == ZT_STMT_FAILSAFE &&
		    matches(w, &w->policy->stmts[i], q, NULL, &bound))
			return &w->policy->stmts[i];
	return NULL;
}

/* --- the comparison ------------------------------------------------------------------------------
 */

struct trial {
	struct zt_policy *policy;
	struct zt_rule_names *names;
	struct zt_tables *tables;
	struct world world;
	const char *text;
};

static void trial_free(struct trial *t)
{
	zt_tables_free(&t->tables);
	zt_rule_names_free(&t->names);
	zt_policy_free(&t->policy);
}

static void show(const struct trial *t, const struct zt_query *q, const char *what)
{
	char a[ZT_ADDR_TEXT_LEN], b[ZT_ADDR_TEXT_LEN];

	fprintf(stderr, "%s\nhost %s, near %s far %s dir %u port %u: %s\n", t->text,
		t->world.host ? t->world.host->name : "-", zt_addr_text(&q->near, a),
		zt_addr_text(&q->far, b), q->dir, q->port_index, what);
}

static const struct zt_stmt *by_id(const struct zt_policy *p, const char *id)
{
	for (size_t i = 0; i < p->stmt_count; i++)
		if (strcmp(p->stmts[i].id, id) == 0)
			return &p->stmts[i];
	return NULL;
}

static void compare_plane(const struct trial *t, const struct zt_query *q, const struct zt_owner *o,
			  const struct zt_answer *a, int plane)
{
	const struct world *w = &t->world;
	const struct zt_stmt *rule, *named, *saved;
	int rank = decide(w, q, o, plane, &rule);
	int action = rank == ZT_RANK_BOUNDARY || rank == ZT_RANK_DENY ? ZT_DENY : ZT_ALLOW;
	const char *name = zt_rule_name(t->names, a->rule[plane]);
	bool bound;

	saved = action == ZT_DENY ? failsafe(w, q) : NULL;
	if (saved) {
		rank = ZT_RANK_FAILSAFE;
		action = ZT_ALLOW;
		rule = saved;
	}
	if (a->action[plane] != action || a->rank[plane] != rank)
		show(t, q, plane == ZT_LIVE ? "live differs" : "candidate differs");
	assert_int_equal(a->action[plane], action);
	assert_int_equal(a->rank[plane], rank);
	assert_non_null(name);
	if (plane == ZT_LIVE)
		assert_int_equal(a->failsafe, saved != NULL);
	if (rank == ZT_RANK_DEFAULT) {
		assert_int_equal(a->rule[plane], ZT_RULE_DEFAULT);
		return;
	}
	if (rule && strcmp(name, rule->id) != 0)
		show(t, q, "another rule is named");
	named = by_id(t->policy, name);
	assert_non_null(named);
	if (rule)
		assert_string_equal(name, rule->id);
	else
		assert_true(matches(w, named, q, o, &bound) && bound && rank_of(named) == rank);
	if (!saved)
		assert_int_equal(a->existing[plane], named->existing);
}

static void check_explanation(const struct trial *t, const struct zt_query *q,
			      const struct zt_answer *a)
{
	zt_auto(zt_explanation_free) struct zt_explanation e = {0};

	assert_int_equal(zt_tables_explain(t->tables, q, &e), 0);
	for (int plane = 0; plane < ZT_PLANE_COUNT; plane++) {
		size_t deciding = 0;

		for (size_t i = 0; i < e.candidate_count; i++)
			if (e.candidates[i].why[plane] == ZT_WHY_DECIDES) {
				assert_int_equal(e.candidates[i].rule->number, a->rule[plane]);
				deciding++;
			}
		if (deciding != (a->rule[plane] >= ZT_RULE_FIRST))
			show(t, q, "the explanation does not name the rule");
		assert_int_equal(deciding, a->rule[plane] >= ZT_RULE_FIRST);
	}
}

static void parse(const char *text, struct zt_addr *ret)
{
	assert_int_equal(zt_addr_parse(text, ret), 0);
}

static void random_owner(struct zt_owner *o)
{
	memset(o, 0, sizeof(*o));
	snprintf(o->unit, sizeof(o->unit), "%s", pick(4) ? PICK(units) : "");
	snprintf(o->cgroup, sizeof(o->cgroup), "%s", pick(3) ? PICK(cgroups) : "/x/y/z");
	snprintf(o->exe, sizeof(o->exe), "%s", PICK(exes));
	o->uid = pick(3) ? 1000 : 0;
	o->exe_dev = pick(5) ? 77 : 78;
}

static void random_address(const struct world *w, struct zt_addr *ret)
{
	if (pick(3) == 0 && w->local_count)
		*ret = w->locals[pick((uint32_t)w->local_count)];
	else if (pick(3))
		parse(PICK(addresses), ret);
	else
		parse(PICK(others), ret);
}

static void query_once(const struct trial *t)
{
	static const uint32_t indices[] = {
		ZT_PORT_TCP + 443,   ZT_PORT_TCP + 80,	  ZT_PORT_TCP + 22,   ZT_PORT_TCP + 499,
		ZT_PORT_TCP + 500,   ZT_PORT_TCP + 600,	  ZT_PORT_TCP + 601,  ZT_PORT_UDP + 53,
		ZT_PORT_UDP + 450,   ZT_PORT_ICMP + 8,	  ZT_PORT_ICMP + 0,   ZT_PORT_ICMPV6 + 128,
		ZT_PORT_PROTO + 132, ZT_PORT_PROTO + 131, ZT_PORT_PROTO + 47, ZT_PORT_TCP + 65535,
		ZT_PORT_TCP + 0,
	};
	struct zt_query q = {.dir = pick(t->world.forwarding ? 3 : 2), .port_index = PICK(indices)};
	struct zt_owner owner;
	const struct zt_owner *o = pick(3) ? &owner : NULL;
	struct zt_answer a, other;

	random_owner(&owner);
	random_address(&t->world, &q.near);
	random_address(&t->world, &q.far);
	if (q.dir != ZT_DIR_FWD)
		q.qmask = zt_tables_qmask(t->tables, o);
	zt_tables_judge(t->tables, &q, &a);
	for (int plane = 0; plane < ZT_PLANE_COUNT; plane++)
		compare_plane(t, &q, o, &a, plane);
	check_explanation(t, &q, &a);
	if (!a.owner_dep) {
		q.qmask = ~q.qmask;
		zt_tables_judge(t->tables, &q, &other);
		assert_memory_equal(&a, &other, sizeof(a));
	}
}

static int fake_exe(void *ctx, const char *path, char *ret_path, __u32 *ret_dev, bool *ret_exists)
{
	(void)ctx;
	snprintf(ret_path, ZT_PATH_LEN, "%s", path);
	*ret_dev = 77;
	*ret_exists = true;
	return 0;
}

static void random_world(struct world *w, const struct zt_policy *policy)
{
	*w = (struct world){.policy = policy, .forwarding = pick(3) == 0};
	if (policy->host_count && pick(8))
		w->host = &policy->hosts[pick((uint32_t)policy->host_count)];
	for (size_t i = 0; w->host && i < w->host->address_count; i++)
		if (pick(4) && w->local_count < 4)
			memcpy(w->locals[w->local_count++].bytes, w->host->addresses[i].key.bytes,
			       16);
	if (pick(2))
		parse(PICK(addresses), &w->locals[w->local_count++]);
	if (pick(4) == 0)
		parse("10.0.0.77", &w->locals[w->local_count++]);
	if (pick(2))
		parse("10.0.0.255", &w->broadcasts[w->broadcast_count++]);
}

/* One random policy; returns false when the reader refuses it (a selector without hosts). */
static bool try_policy(void)
{
	zt_auto(zt_strbuf_free) struct zt_strbuf sb = ZT_STRBUF_INIT;
	zt_auto(zt_diag_free) struct zt_diag diag = ZT_DIAG_INIT;
	zt_auto(trial_free) struct trial t = {0};
	uint32_t segments = pick(7);
	struct zt_compile_env env = {.resolver = {.exe = fake_exe}};

	write_inventory(&sb, pick(6), segments);
	write_statements(&sb, segments);
	t.text = zt_strbuf_text(&sb);
	if (zt_policy_parse(&t.policy, "random.yaml", sb.data, sb.len, &diag) < 0)
		return false;
	random_world(&t.world, t.policy);
	env.host = t.world.host ? t.world.host->name : NULL;
	env.locals = t.world.locals;
	env.local_count = t.world.local_count;
	env.broadcasts = t.world.broadcasts;
	env.broadcast_count = t.world.broadcast_count;
	env.forwarding = t.world.forwarding;
	assert_int_equal(zt_rule_names_new(&t.names), 0);
	assert_int_equal(zt_policy_compile(t.policy, &env, t.names, &t.tables, &diag), 0);
	for (int i = 0; i < QUERIES; i++)
		query_once(&t);
	return true;
}

static void test_random(void **state)
{
	const char *seed = getenv("ZT_TEST_SEED");
	int tried = 0;

	(void)state;
	if (seed)
		chance = strtoull(seed, NULL, 0) | 1;
	for (int i = 0; i < POLICIES; i++)
		tried += try_policy();
	assert_true(tried > POLICIES / 4);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_random),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
