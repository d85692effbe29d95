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
#include "policy/compile.h"
#include "policy/judge.h"
#include "policy_naive.h"
#include "policy_random.h"

#define POLICIES 1500
#define QUERIES	 60

/* --- the comparison ----------------------------------------------------- */

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

/* One random policy; returns false when it is refused (a selector without hosts). */
static bool try_policy(void)
{
	zt_auto(zt_strbuf_free) struct zt_strbuf sb = ZT_STRBUF_INIT;
	zt_auto(zt_diag_free) struct zt_diag diag = ZT_DIAG_INIT;
	zt_auto(trial_free) struct trial t = {0};
	uint32_t segments = pick(7);
	struct zt_compile_env env = {.resolver = {.exe = fake_exe}};
	int r;

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
	r = zt_policy_compile(t.policy, &env, t.names, &t.tables, &diag);
	if (r == -E2BIG)
		return false; /* more than 64 different workloads */
	assert_int_equal(r, 0);
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
