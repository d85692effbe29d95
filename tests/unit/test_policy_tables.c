/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_policy_tables.c - what tables keep beside verdicts: limits, digest, names, explanations.
 */
#include "policy_bench.h"

/* --- size and identity ------------------------------------------------------------- */

static void test_limits(void **state)
{
	static const char text[] = INVENTORY
		"boundaries:\n  - {segment: web, inbound: deny}\n"
		"rules:\n  - {id: a, from: ops, to: web, ports: [tcp/1, udp/5]}\n"
		"  - {id: b, from: db, to: web, ports: [tcp/2-9]}\n"
		"  - {id: c, from: {segment: web, unit: a.service}, to: db, ports: [tcp/3]}\n"
		"  - {id: d, action: deny, from: {segment: web, unit: b.service}, to: any, ports: [any]}\n";
	static const size_t offsets[] = {
		offsetof(struct zt_limits, addrs),     offsetof(struct zt_limits, nets),
		offsetof(struct zt_limits, pairs),     offsetof(struct zt_limits, cell_index),
		offsetof(struct zt_limits, cells),     offsetof(struct zt_limits, qualifiers),
		offsetof(struct zt_limits, qual_rows), offsetof(struct zt_limits, qrules),
		offsetof(struct zt_limits, rules),     offsetof(struct zt_limits, port_classes),
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(offsets); i++) {
		zt_auto(bench_free) struct bench b = {0};
		struct zt_limits limits = zt_limits_default;

		*(size_t *)((char *)&limits + offsets[i]) = 1;
		b.env.limits = &limits;
		b.env.offline = true;
		if (offsets[i] == offsetof(struct zt_limits, nets))
			*(size_t *)((char *)&limits + offsets[i]) = 0;
		assert_int_equal(compile(&b, text, "web1"), -E2BIG);
		assert_null(b.tables);
		assert_int_equal(b.diag.errors, 1);
		assert_non_null(strstr(b.diag.entries[0].message, "the policy needs "));
		assert_non_null(b.diag.entries[0].remedy);
	}
}

static void test_digest(void **state)
{
	static const char text[] =
		INVENTORY "boundaries:\n  - {segment: web, inbound: deny}\n"
			  "rules:\n  - {id: a, from: ops, to: web, ports: [tcp/1, udp/5]}\n";
	zt_auto(bench_free) struct bench b = {0};
	zt_auto(zt_tables_free) struct zt_tables *again = NULL;
	struct zt_pair_row swap;
	uint8_t digest[32];

	(void)state;
	must_compile(&b, text, "web1");
	assert_int_equal(zt_policy_compile(b.policy, &b.env, b.names, &again, &b.diag), 0);
	assert_memory_equal(b.tables->meta.digest, again->meta.digest, 32);
	/* Rows in any order, sorted, give it again; a changed row does not. */
	assert_true(again->pair_count >= 2);
	swap = again->pairs[0];
	again->pairs[0] = again->pairs[1];
	again->pairs[1] = swap;
	zt_tables_sort(again);
	assert_int_equal(zt_tables_digest(again, digest), 0);
	assert_memory_equal(b.tables->meta.digest, digest, 32);
	again->pairs[0].port_set++;
	assert_int_equal(zt_tables_digest(again, digest), 0);
	assert_memory_not_equal(b.tables->meta.digest, digest, 32);
}

/* Statements that cannot involve this host cost it nothing. */
static void test_reduction(void **state)
{
	zt_auto(zt_strbuf_free) struct zt_strbuf text = ZT_STRBUF_INIT;
	zt_auto(bench_free) struct bench b = {0};

	(void)state;
	zt_strbuf_puts(&text, HEAD "hosts:\n  me: {addresses: [10.255.0.1], labels: {s: me}}\n");
	for (int i = 0; i < 200; i++)
		zt_strbuf_printf(&text, "  h%d: {addresses: [10.0.%d.1], labels: {s: s%d}}\n", i, i,
				 i);
	zt_strbuf_puts(&text, "segments:\n  me: {select: {s: me}}\n");
	for (int i = 0; i < 200; i++)
		zt_strbuf_printf(&text, "  s%d: {select: {s: s%d}}\n", i, i);
	zt_strbuf_puts(&text, "boundaries:\n  - {segment: me, inbound: deny}\nrules:\n");
	for (int i = 0; i < 199; i++)
		zt_strbuf_printf(&text, "  - {id: r%d, from: s%d, to: s%d, ports: [tcp/%d]}\n", i,
				 i, i + 1, i + 1);
	zt_strbuf_puts(&text, "  - {id: mine, from: s7, to: me, ports: [tcp/443]}\n"
			      "  - {id: mine2, from: s8, to: me, ports: [tcp/443]}\n");
	must_compile(&b, zt_strbuf_text(&text), "me");
	assert_int_equal(b.tables->rule_count, 3);
	assert_int_equal(b.tables->addr_count, 3); /* s7, s8 and its own */
	assert_int_equal(b.tables->far_ids, 4);	   /* and all the rest */
	expect(&b, "10.255.0.1", IN, "10.0.7.1", "tcp/443", "allow mine", NULL);
	expect(&b, "10.255.0.1", IN, "10.0.9.1", "tcp/443", "deny boundary:me:in", NULL);
	assert_null(zt_rule_name(b.names, 500));
	assert_int_equal(zt_rule_lookup(b.names, "r5"), -ENOENT);
}

static void test_segments_of(void **state)
{
	zt_auto(bench_free) struct bench b = {0};
	const char *names[4];
	struct zt_addr addr;

	(void)state;
	must_compile(&b, INVENTORY "  wide: {addresses: [10.0.0.0/8]}\n", "web1");
	zt_addr_parse("10.0.2.1", &addr);
	assert_int_equal(zt_tables_segments(b.tables, &addr, false, names, 4), 2);
	assert_string_equal(names[0], "db");
	assert_string_equal(names[1], "wide");
	zt_addr_parse("8.8.8.8", &addr);
	assert_int_equal(zt_tables_segments(b.tables, &addr, false, names, 4), 1);
	assert_string_equal(names[0], "unknown");
	assert_int_equal(zt_tables_segments(b.tables, &addr, true, names, 4), 2);
	assert_string_equal(names[0], "web");
	assert_string_equal(names[1], "wide");
	zt_addr_parse("224.0.0.1", &addr);
	assert_int_equal(zt_tables_segments(b.tables, &addr, false, names, 4), 1);
	assert_string_equal(names[0], "multicast");
}

static void test_which_host(void **state)
{
	zt_auto(bench_free) struct bench b = {0};
	const struct zt_host *host = NULL;
	struct zt_addr locals[3];

	(void)state;
	must_compile(&b,
		     HEAD "hosts:\n"
			  "  web1: {addresses: [10.0.1.1, 2001:db8:1::1]}\n"
			  "  web2: {addresses: [10.0.1.2, 10.0.9.9]}\n"
			  "  db1: {addresses: [10.0.2.1, 10.0.9.9]}\n",
		     "web1");
	zt_addr_parse("127.0.0.1", &locals[0]);
	zt_addr_parse("192.168.1.1", &locals[1]);
	zt_addr_parse("2001:db8:1::1", &locals[2]);
	assert_int_equal(zt_host_match(b.policy, locals, 2, &host), -ENOENT);
	assert_int_equal(zt_host_match(b.policy, locals, 3, &host), 0);
	assert_string_equal(host->name, "web1");
	zt_addr_parse("10.0.2.1", &locals[1]);
	assert_int_equal(zt_host_match(b.policy, locals, 3, &host), -ENOTUNIQ);
	/* The address that web2 and db1 share says nothing; their own ones do. */
	zt_addr_parse("10.0.9.9", &locals[1]);
	assert_int_equal(zt_host_match(b.policy, locals, 3, &host), 0);
	assert_string_equal(host->name, "web1");
	assert_int_equal(zt_host_match(b.policy, locals, 2, &host), -ENOTUNIQ);
}

/* A machine that is no host of the inventory denies nothing, and says so. */
static void test_no_host(void **state)
{
	static const char text[] = INVENTORY "boundaries:\n  - {segment: any, inbound: deny}\n"
					     "failsafe:\n  - {id: f, from: ops, to: this-host, "
					     "ports: [tcp/22]}\n";
	zt_auto(bench_free) struct bench b = {0};
	zt_auto(bench_free) struct bench wrong = {0};

	(void)state;
	must_compile(&b, text, NULL);
	assert_int_equal(b.diag.warnings, 1);
	assert_false(b.tables->meta.flags & ZT_META_ENFORCED);
	expect(&b, "10.0.1.1", IN, "8.8.8.8", "tcp/22", "allow default-allow",
	       "deny boundary:any:in");
	expect(&b, "10.0.1.1", IN, "10.9.0.1", "tcp/22", "allow default-allow", "allow f");
	assert_int_equal(compile(&wrong, text, "web9"), -EINVAL);
	assert_string_equal(wrong.diag.entries[0].message, "there is no host 'web9' in the policy");
}

/* --- explanations and names --------------------------------------------- */

static const struct zt_candidate *candidate(const struct zt_explanation *e, const char *id)
{
	for (size_t i = 0; i < e->candidate_count; i++)
		if (strcmp(e->candidates[i].rule->id, id) == 0)
			return &e->candidates[i];
	return NULL;
}

static void test_explain(void **state)
{
	zt_auto(zt_explanation_free) struct zt_explanation e = {0};
	zt_auto(bench_free) struct bench b = {0};
	struct zt_query q = query("10.0.1.1", OUT, "10.0.2.1", "tcp/5432");

	(void)state;
	must_compile(&b,
		     INVENTORY
		     "boundaries:\n  - {segment: db, inbound: deny}\n"
		     "rules:\n"
		     "  - {id: other-port, from: web, to: db, ports: [tcp/1]}\n"
		     "  - {id: owner, from: {segment: web, unit: a.service}, to: db, "
		     "ports: [tcp/5432]}\n"
		     "  - {id: staged, from: web, to: db, ports: [tcp/5432], mode: staged}\n"
		     "  - {id: far, action: deny, from: any, to: {segment: db, unit: "
		     "b.service}, ports: [any]}\n"
		     "  - {id: not-about-them, from: ops, to: db, ports: [any]}\n",
		     "web1");
	assert_int_equal(zt_tables_explain(b.tables, &q, &e), 0);
	assert_int_equal(e.candidate_count, 5);
	assert_null(candidate(&e, "not-about-them"));
	assert_int_equal(candidate(&e, "boundary:db:in")->why[ZT_LIVE], ZT_WHY_DECIDES);
	assert_int_equal(candidate(&e, "boundary:db:in")->why[ZT_CANDIDATE], ZT_WHY_OUTRANKED);
	assert_int_equal(candidate(&e, "other-port")->why[ZT_LIVE], ZT_WHY_PORT);
	assert_int_equal(candidate(&e, "owner")->why[ZT_LIVE], ZT_WHY_OWNER);
	assert_int_equal(candidate(&e, "staged")->why[ZT_LIVE], ZT_WHY_STAGED);
	assert_int_equal(candidate(&e, "staged")->why[ZT_CANDIDATE], ZT_WHY_DECIDES);
	assert_int_equal(candidate(&e, "far")->why[ZT_LIVE], ZT_WHY_FAR_OWNER);
	assert_int_equal(candidate(&e, "staged")->rule->line, 18);
	assert_string_equal(candidate(&e, "owner")->rule->from, "web (unit a.service)");
	assert_string_equal(candidate(&e, "owner")->rule->file, "test.yaml");
	assert_string_equal(e.near_segments[0], "web");
	assert_string_equal(e.far_segments[0], "db");
	for (int i = 0; i < ZT_WHY_COUNT; i++)
		assert_non_null(zt_why_text((enum zt_why)i));
}

static void test_rule_numbers(void **state)
{
	zt_auto(zt_rule_names_free) struct zt_rule_names *names = NULL;
	char id[ZT_NAME_LEN + 8];
	int first;

	(void)state;
	assert_int_equal(zt_rule_names_new(&names), 0);
	for (uint32_t i = 0; i < ZT_RULE_BUILTIN_COUNT; i++) {
		assert_non_null(zt_rule_builtin(i));
		assert_int_equal(zt_rule_lookup(names, zt_rule_builtin(i)->id), i);
		assert_int_equal(zt_rule_builtin(i)->action,
				 i >= ZT_RULE_BAD_HEADER ? ZT_DENY : ZT_ALLOW);
	}
	assert_null(zt_rule_builtin(ZT_RULE_BUILTIN_COUNT));
	first = zt_rule_number(names, "a");
	assert_int_equal(first, ZT_RULE_FIRST);
	assert_int_equal(zt_rule_number(names, "b"), first + 1);
	assert_int_equal(zt_rule_number(names, "a"), first);
	assert_int_equal(zt_rule_restore(names, 300, "old"), 0);
	assert_int_equal(zt_rule_restore(names, 300, "old"), 0);
	assert_int_equal(zt_rule_restore(names, 300, "other"), -EEXIST);
	assert_int_equal(zt_rule_restore(names, 301, "old"), -EEXIST);
	assert_int_equal(zt_rule_restore(names, 5, "x"), -EINVAL);
	assert_int_equal(zt_rule_number(names, "c"), 301);
	assert_string_equal(zt_rule_name(names, 300), "old");
	assert_null(zt_rule_name(names, 299));
	memset(id, 'x', ZT_NAME_LEN);
	id[ZT_NAME_LEN] = '\0';
	assert_int_equal(zt_rule_number(names, id), -EINVAL);
	for (int i = 302; i < ZT_RULES_MAX; i++) {
		snprintf(id, sizeof(id), "r%d", i);
		assert_int_equal(zt_rule_number(names, id), i);
	}
	assert_int_equal(zt_rule_number(names, "one-too-many"), -ENOSPC);
	assert_int_equal(zt_rule_number(names, "a"), first);
}

/* What either judge says counts: no field may differ unnoticed. */
static void test_answers_compared(void **state)
{
	const struct zt_probe same = {0};
	const struct zt_answer a = {0};
	struct zt_probe p;

	(void)state;
	assert_true(zt_answer_is(&a, &same));
	for (size_t i = offsetof(struct zt_probe, rule); i < sizeof(p); i++) {
		p = same;
		((unsigned char *)&p)[i] = 1;
		if (memcmp(&p.rule, &same.rule, sizeof(p.rule)) ||
		    memcmp(&p.action, &same.action, sizeof(p.action)) ||
		    memcmp(&p.rank, &same.rank, sizeof(p.rank)) ||
		    memcmp(&p.existing, &same.existing, sizeof(p.existing)) || p.failsafe ||
		    p.owner_dep || p.near_id || p.far_id || p.valid_until_ns || p.changed_ns ||
		    p.label_epoch)
			assert_false(zt_answer_is(&a, &p));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_answers_compared), cmocka_unit_test(test_limits),
		cmocka_unit_test(test_digest),		 cmocka_unit_test(test_reduction),
		cmocka_unit_test(test_segments_of),	 cmocka_unit_test(test_which_host),
		cmocka_unit_test(test_no_host),		 cmocka_unit_test(test_explain),
		cmocka_unit_test(test_rule_numbers),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
