/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_lint.c - what is said to be in vain is: over random policies, whenever a statement that is
 * called hidden matches a connection, the one that is said to hide it matches too and comes first.
 *
 * By example: tests/policy/lint-*.yaml. Here also that much advice stays quick.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <time.h>

#include "policy/lint.h"
#include "policy_naive.h"
#include "policy_random.h"

#define POLICIES 3000
#define QUERIES	 400

struct claim {
	const struct zt_stmt *hidden;
	const struct zt_stmt *hider;
	bool candidate;
};

static const struct zt_stmt *by_id(const struct zt_policy *p, const char *text, const char **end)
{
	const char *from = strchr(text, '\'') + 1, *to = strchr(from, '\'');

	*end = to + 1;
	for (size_t i = 0; i < p->stmt_count; i++)
		if (strncmp(p->stmts[i].id, from, (size_t)(to - from)) == 0 &&
		    !p->stmts[i].id[to - from])
			return &p->stmts[i];
	fail_msg("no such statement: %s", text);
	return NULL;
}

static size_t read_claims(const struct zt_policy *p, const struct zt_diag *diag,
			  struct claim *claims)
{
	size_t n = 0;

	for (size_t i = 0; i < diag->count; i++) {
		const char *message = diag->entries[i].message;

		if (!strstr(message, "can never match:"))
			continue;
		claims[n].candidate = strncmp(message, "in the candidate", 16) == 0;
		claims[n].hidden = by_id(p, message, &message);
		claims[n++].hider = by_id(p, message, &message);
	}
	return n;
}

static void check_order(const struct claim *c)
{
	const struct zt_stmt *h = c->hider, *s = c->hidden;

	if (s->kind == ZT_STMT_FAILSAFE || h->kind == ZT_STMT_FAILSAFE) {
		assert_true(s->kind == h->kind && h < s);
		return;
	}
	assert_true(rank_of(h) > rank_of(s) || (rank_of(h) == rank_of(s) && h < s));
	assert_int_equal(c->candidate, h->mode == ZT_MODE_STAGED && s->mode == ZT_MODE_ENFORCED);
}

static void random_query(const struct world *w, struct zt_query *q, struct zt_owner *o)
{
	static const uint32_t indices[] = {
		ZT_PORT_TCP + 443,   ZT_PORT_TCP + 80,	 ZT_PORT_TCP + 22,     ZT_PORT_TCP + 499,
		ZT_PORT_TCP + 500,   ZT_PORT_TCP + 601,	 ZT_PORT_UDP + 53,     ZT_PORT_UDP + 450,
		ZT_PORT_ICMP + 8,    ZT_PORT_ICMP,	 ZT_PORT_ICMPV6 + 128, ZT_PORT_PROTO + 132,
		ZT_PORT_PROTO + 131, ZT_PORT_PROTO + 47, ZT_PORT_TCP + 65535,
	};
	const char *far = pick(3) ? PICK(addresses) : PICK(others);
	const char *near = pick(3) ? PICK(addresses) : PICK(others);

	*q = (struct zt_query){.dir = pick(w->forwarding ? 3 : 2), .port_index = PICK(indices)};
	assert_int_equal(zt_addr_parse(far, &q->far), 0);
	assert_int_equal(zt_addr_parse(near, &q->near), 0);
	if (w->local_count && pick(2))
		q->near = w->locals[pick((uint32_t)w->local_count)];
	*o = (struct zt_owner){.uid = pick(2) ? 1000 : 0, .exe_dev = 77};
	snprintf(o->unit, sizeof(o->unit), "%s", PICK(units));
	snprintf(o->cgroup, sizeof(o->cgroup), "%s", PICK(cgroups));
	snprintf(o->exe, sizeof(o->exe), "%s", PICK(exes));
}

static void random_world(struct world *w, const struct zt_policy *policy)
{
	*w = (struct world){.policy = policy, .forwarding = pick(3) == 0};
	if (policy->host_count && pick(8))
		w->host = &policy->hosts[pick((uint32_t)policy->host_count)];
	for (size_t i = 0; w->host && i < w->host->address_count && w->local_count < 4; i++)
		memcpy(w->locals[w->local_count++].bytes, w->host->addresses[i].key.bytes, 16);
	if (pick(2))
		assert_int_equal(zt_addr_parse(PICK(addresses), &w->locals[w->local_count++]), 0);
	if (pick(2))
		assert_int_equal(zt_addr_parse("10.0.0.255", &w->broadcasts[w->broadcast_count++]),
				 0);
}

/* Returns how often a hidden statement matched: a claim that is never put to the test is worth
 * nothing. */
static int try_policy(int *claims_seen)
{
	zt_auto(zt_strbuf_free) struct zt_strbuf sb = ZT_STRBUF_INIT;
	zt_auto(zt_diag_free) struct zt_diag diag = ZT_DIAG_INIT;
	zt_auto(zt_policy_free) struct zt_policy *policy = NULL;
	struct claim claims[2 * ZT_DIAG_MAX];
	uint32_t segments = pick(7);
	struct zt_owner owner;
	struct zt_query q;
	struct world w;
	int tested = 0;
	size_t n;

	write_inventory(&sb, pick(6), segments);
	write_statements(&sb, segments, false);
	if (zt_policy_parse(&policy, "random.yaml", sb.data, sb.len, &diag) < 0)
		return 0;
	n = read_claims(policy, &diag, claims);
	*claims_seen += (int)n;
	for (size_t i = 0; i < n; i++)
		check_order(&claims[i]);
	random_world(&w, policy);
	for (int i = 0; i < QUERIES && n; i++) {
		const struct claim *c = &claims[pick((uint32_t)n)];
		bool bound;

		random_query(&w, &q, &owner);
		if (!matches(&w, c->hidden, &q, &owner, ZT_CANDIDATE, &bound))
			continue;
		tested++;
		if (!matches(&w, c->hider, &q, &owner, ZT_CANDIDATE, &bound))
			fail_msg("%s\n'%s' does not hide '%s'", sb.data, c->hider->id,
				 c->hidden->id);
	}
	return tested;
}

static void test_random(void **state)
{
	int claims = 0, tested = 0;

	(void)state;
	for (int i = 0; i < POLICIES; i++)
		tested += try_policy(&claims);
	assert_true(claims > 1000);
	assert_true(tested > 10 * claims);
}

/* Thousands of rules about the same ends, the same prefixes and the same ports. */
static void hard_policy(struct zt_strbuf *sb)
{
	zt_strbuf_puts(sb, "version: 1\npolicy: p\nrevision: 1\nsegments:\n");
	for (int i = 0; i < 3000; i++)
		zt_strbuf_printf(sb,
				 "  s%d: {addresses: [10.0.0.0/8, 10.0.0.0/%d], except: "
				 "[10.%d.0.0/16]}\n",
				 i, 9 + i % 20, i % 256);
	zt_strbuf_puts(sb, "rules:\n");
	for (int i = 0; i < 10000; i++)
		zt_strbuf_printf(sb,
				 "  - {id: r%d, from: s%d, to: s%d, ports: [tcp/1-%d, udp/%d]}\n",
				 i, i % 3000, i % 7, 60000 - i, 1 + i);
}

static void test_bounded(void **state)
{
	zt_auto(zt_strbuf_free) struct zt_strbuf sb = ZT_STRBUF_INIT;
	zt_auto(zt_policy_free) struct zt_policy *policy = NULL;
	zt_auto(zt_diag_free) struct zt_diag diag = ZT_DIAG_INIT;
	clock_t start;
	double s;

	(void)state;
	hard_policy(&sb);
	assert_int_equal(zt_policy_parse(&policy, "hard.yaml", sb.data, sb.len, NULL), 0);
	start = clock();
	assert_int_equal(zt_policy_lint(policy, 0, &diag), 0);
	s = (double)(clock() - start) / CLOCKS_PER_SEC;
	print_message("lint of 10,000 rules made to be hard: %.0f ms (sanitized)\n", s * 1000);
	assert_true(s < 10); /* without a bound: minutes */
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_random),
		cmocka_unit_test(test_bounded),
	};

	return cmocka_run_group_tests_name("lint", tests, NULL, NULL);
}
