/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_policy_conditions.c - hours, expiries, labels of the from end, and shares of far hosts.
 */
#include "policy_bench.h"

#define S   1000000000ULL
#define DAY (86400 * S)
#define NOW (500000 * S)
/* Tuesday 2030-01-01 10:00 UTC is at NOW. */
#define WALL_S	  1893492000LL
#define MIDNIGHT  (NOW - 36000 * S) /* of that day */
#define AT(hours) (MIDNIGHT + (hours)*3600 * S)

static void at_ten(struct bench *b)
{
	b->env.now_ns = b->at_ns = NOW;
	b->env.wall_offset_ns = WALL_S * (int64_t)S - (int64_t)NOW;
}

static bool warned(const struct bench *b, const char *part)
{
	for (size_t i = 0; i < b->diag.count; i++)
		if (strstr(b->diag.entries[i].message, part))
			return true;
	return false;
}

static enum zt_why why(struct bench *b, const char *far, const char *id, int plane)
{
	zt_auto(zt_explanation_free) struct zt_explanation e = {0};
	struct zt_query q = query("10.0.1.1", IN, far, "tcp/22");

	q.now_ns = b->at_ns;
	assert_int_equal(zt_tables_explain(b->tables, &q, &e), 0);
	for (size_t i = 0; i < e.candidate_count; i++)
		if (strcmp(e.candidates[i].rule->id, id) == 0)
			return e.candidates[i].why[plane];
	return ZT_WHY_COUNT;
}

/* --- time ---------------------------------------------------------------------------------- */

#define HOURS                                                                                      \
	INVENTORY "boundaries:\n  - {segment: web, inbound: deny}\n"                               \
		  "rules:\n"                                                                       \
		  "  - {id: day, from: ops, to: web, ports: [tcp/22], when: {hours: \"Mon-Fri "    \
		  "08:00-20:00\"}}\n"                                                              \
		  "  - {id: night, action: deny, from: db, to: web, ports: [any], when: {hours: "  \
		  "\"20:00-08:00\"}}\n"                                                            \
		  "  - {id: db, from: db, to: web, ports: [any]}\n"

static void test_hours(void **state)
{
	zt_auto(bench_free) struct bench b = {0};
	static const struct {
		uint64_t at_ns;
		bool open;
	} moments[] = {
		{NOW, true},
		{AT(20) - 1, true},
		{AT(20), false},
		{AT(32) - 1, false},
		{AT(32), true},
		{AT(24 * 3 + 12), true},
		{AT(24 * 4 + 12), false},
		{AT(24 * 5 + 12), false},
		{AT(24 * 6 + 7), false},
		{AT(24 * 6 + 8), true},
		{AT(24 * 14 + 19), true},
		{AT(24 * 15), false},
		{AT(24 * 15 + 10), false},
		{AT(24 * 400), false},
	};

	(void)state;
	at_ten(&b);
	must_compile(&b, HOURS, "web1");
	assert_true(b.tables->meta.q_timed && b.tables->meta.q_free == b.tables->meta.q_timed);
	assert_false(b.tables->meta.flags & ZT_META_QUALS);
	for (size_t i = 0; i < ARRAY_SIZE(moments); i++) {
		b.at_ns = moments[i].at_ns;
		expect(&b, "10.0.1.1", IN, "10.9.0.1", "tcp/22",
		       moments[i].open ? "allow day" : "deny boundary:web:in", NULL);
		assert_int_equal(b.a.owner_dep, 0);
	}
	b.at_ns = NOW;
	expect(&b, "10.0.1.1", IN, "10.9.0.1", "tcp/22", "allow day", NULL);
	assert_int_equal(b.a.valid_until_ns, AT(20));
	assert_int_equal(b.a.changed_ns, AT(8));
	assert_int_equal(why(&b, "10.9.0.1", "day", ZT_LIVE), ZT_WHY_DECIDES);
	b.at_ns = AT(21);
	assert_int_equal(why(&b, "10.9.0.1", "day", ZT_LIVE), ZT_WHY_HOURS);
	/* What is not timed knows no end. */
	expect(&b, "10.0.1.1", IN, "8.8.8.8", "tcp/22", "deny boundary:web:in", NULL);
	assert_true(b.a.valid_until_ns == ZT_FOREVER);
}

/* Past what is known a deny stays as it was: here the last hour was at night. */
static void test_deny_by_hours(void **state)
{
	zt_auto(bench_free) struct bench b = {0};

	(void)state;
	at_ten(&b);
	must_compile(&b, HOURS, "web1");
	expect(&b, "10.0.1.1", IN, "10.0.2.1", "tcp/1", "allow db", NULL);
	b.at_ns = AT(23);
	expect(&b, "10.0.1.1", IN, "10.0.2.1", "tcp/1", "deny night", NULL);
	b.at_ns = AT(24 * 15 + 12);
	expect(&b, "10.0.1.1", IN, "10.0.2.1", "tcp/1", "deny night", NULL);
	b.at_ns = AT(24 * 14 + 12);
	expect(&b, "10.0.1.1", IN, "10.0.2.1", "tcp/1", "allow db", NULL);
}

/* Compiled again on the same day, in whatever moment, the tables are the same. */
static void test_same_digest(void **state)
{
	zt_auto(bench_free) struct bench b = {0};
	uint8_t digest[32];

	(void)state;
	at_ten(&b);
	must_compile(&b, HOURS, "web1");
	memcpy(digest, b.tables->meta.digest, sizeof(digest));
	for (int i = 0; i < 3; i++) {
		zt_tables_free(&b.tables);
		b.env.now_ns = i == 2 ? AT(24) : NOW + (uint64_t)i * 7 * 3600 * S + 1;
		assert_int_equal(zt_policy_compile(b.policy, &b.env, b.names, &b.tables, NULL), 0);
		if (i < 2)
			assert_memory_equal(digest, b.tables->meta.digest, sizeof(digest));
		else
			assert_memory_not_equal(digest, b.tables->meta.digest, sizeof(digest));
	}
}

/* The wall clock was put forward: what is open follows it. */
static void test_clock_jumps(void **state)
{
	zt_auto(bench_free) struct bench b = {0};

	(void)state;
	at_ten(&b);
	b.env.wall_offset_ns += 11 * 3600 * (int64_t)S;
	must_compile(&b, HOURS, "web1");
	expect(&b, "10.0.1.1", IN, "10.9.0.1", "tcp/22", "deny boundary:web:in", NULL);
	/* Booted in the middle of the day: windows from before are not lost. */
	zt_tables_free(&b.tables);
	b.env.now_ns = b.at_ns = 60 * S;
	b.env.wall_offset_ns = WALL_S * (int64_t)S;
	assert_int_equal(zt_policy_compile(b.policy, &b.env, b.names, &b.tables, NULL), 0);
	expect(&b, "10.0.1.1", IN, "10.9.0.1", "tcp/22", "allow day", NULL);
	assert_int_equal(b.a.valid_until_ns, 10 * 3600 * S);
}

static void test_expiry(void **state)
{
	zt_auto(bench_free) struct bench b = {0};

	(void)state;
	at_ten(&b);
	must_compile(&b,
		     INVENTORY
		     "  10-net: {addresses: [10.77.0.0/16]}\n"
		     "boundaries:\n  - {segment: web, inbound: deny}\n"
		     "rules:\n"
		     "  - {id: gone, action: deny, from: ops, to: web, ports: [tcp/22], expires: "
		     "2029-12-31}\n"
		     "  - {id: tonight, from: ops, to: web, ports: [tcp/22], expires: "
		     "2030-01-01}\n"
		     "  - {id: deny-soon, action: deny, from: db, to: web, ports: [any], expires: "
		     "\"2030-01-03T12:00:00Z\"}\n"
		     "  - {id: deny-later, action: deny, from: 10-net, to: web, ports: [tcp/22], "
		     "expires: 2031-01-01}\n"
		     "  - {id: allow-later, from: any, to: web, ports: [tcp/80], expires: "
		     "2031-01-01}\n",
		     "web1");
	assert_true(warned(&b, "'gone' has expired"));
	expect(&b, "10.0.1.1", IN, "10.9.0.1", "tcp/22", "allow tonight", NULL);
	assert_int_equal(why(&b, "10.9.0.1", "gone", ZT_LIVE), ZT_WHY_EXPIRED);
	b.at_ns = AT(24) - 1;
	expect(&b, "10.0.1.1", IN, "10.9.0.1", "tcp/22", "allow tonight", NULL);
	b.at_ns = AT(24);
	expect(&b, "10.0.1.1", IN, "10.9.0.1", "tcp/22", "deny boundary:web:in", NULL);
	assert_int_equal(why(&b, "10.9.0.1", "tonight", ZT_LIVE), ZT_WHY_EXPIRED);
	b.at_ns = AT(60) - 1;
	expect(&b, "10.0.1.1", IN, "10.0.2.1", "tcp/1", "deny deny-soon", NULL);
	b.at_ns = AT(60);
	expect(&b, "10.0.1.1", IN, "10.0.2.1", "tcp/1", "deny boundary:web:in", NULL);
	/* Past what is known: a deny that has not expired goes on, an allow does not. */
	b.at_ns = AT(24 * 15);
	expect(&b, "10.0.1.1", IN, "10.77.0.1", "tcp/22", "deny deny-later", NULL);
	expect(&b, "10.0.1.1", IN, "10.0.2.1", "tcp/80", "deny boundary:web:in", NULL);
	b.at_ns = AT(24 * 15) - 1;
	expect(&b, "10.0.1.1", IN, "10.9.9.1", "tcp/80", "allow allow-later", NULL);
}

/* --- labels of the from end --------------------------------------------------------------------
 */

static void test_labels(void **state)
{
	static const char text[] = INVENTORY
		"  near: {addresses: [10.0.0.0/16]}\n"
		"boundaries:\n  - {segment: any, inbound: deny, outbound: deny}\n"
		"rules:\n"
		"  - {id: any, from: any, to: web, ports: [tcp/1], when: {labels: {role: db}}}\n"
		"  - {id: net, from: near, to: web, ports: [tcp/2], when: {labels: {role: db}}}\n"
		"  - {id: host, from: this-host, to: any, ports: [tcp/3], when: {labels: {role: "
		"web}}}\n"
		"  - {id: not-me, from: this-host, to: any, ports: [tcp/4], when: {labels: {role: "
		"db}}}\n"
		"  - {id: cut, action: deny, from: this-host, to: any, ports: [tcp/5], when: "
		"{labels: {role: web}}}\n"
		"  - {id: five, from: any, to: any, ports: [tcp/5]}\n";
	zt_auto(bench_free) struct bench b = {0};

	(void)state;
	at_ten(&b);
	must_compile(&b, text, "web1");
	expect(&b, "10.0.1.1", IN, "10.0.2.1", "tcp/1", "allow any", NULL);
	expect(&b, "10.0.1.1", IN, "10.0.1.2", "tcp/1", "deny boundary:any:in", NULL);
	expect(&b, "10.0.1.1", IN, "10.0.2.1", "tcp/2", "allow net", NULL);
	expect(&b, "10.0.1.1", IN, "10.0.2.2", "tcp/2", "deny boundary:any:in", NULL);
	expect(&b, "10.0.1.1", OUT, "8.8.8.8", "tcp/3", "allow host", NULL);
	expect(&b, "10.0.1.1", OUT, "8.8.8.8", "tcp/4", "deny boundary:any:in", NULL);
	/* At the other end `this-host` of an allow is any host, if it has the label. */
	expect(&b, "10.0.1.1", IN, "10.0.1.2", "tcp/3", "allow host", NULL);
	expect(&b, "10.0.1.1", IN, "10.0.2.1", "tcp/3", "deny boundary:any:in", NULL);
	expect(&b, "10.0.1.1", IN, "10.0.2.1", "tcp/4", "allow not-me", NULL);
	/* A deny that says so means the host itself. */
	expect(&b, "10.0.1.1", OUT, "8.8.8.8", "tcp/5", "deny cut", NULL);
	expect(&b, "10.0.1.1", IN, "10.0.1.2", "tcp/5", "allow five", NULL);
}

static void test_labels_explained(void **state)
{
	zt_auto(bench_free) struct bench b = {0};

	(void)state;
	at_ten(&b);
	must_compile(&b,
		     INVENTORY "boundaries:\n  - {segment: web, inbound: deny}\n"
			       "rules:\n  - {id: r, from: web, to: web, ports: [tcp/22], when: "
			       "{labels: {role: db}}, mode: staged}\n"
			       "  - {id: t, from: db, to: web, ports: [tcp/22], when: {labels: "
			       "{role: db}, hours: \"Mon-Fri 08:00-20:00\"}, expires: "
			       "2031-12-31, note: n}\n",
		     "web1");
	assert_int_equal(why(&b, "10.0.1.2", "r", ZT_LIVE), ZT_WHY_LABELS);
	assert_int_equal(why(&b, "10.0.1.2", "r", ZT_CANDIDATE), ZT_WHY_LABELS);
	assert_int_equal(why(&b, "10.0.2.1", "r", ZT_CANDIDATE), ZT_WHY_COUNT);
	assert_int_equal(why(&b, "10.0.2.1", "t", ZT_LIVE), ZT_WHY_DECIDES);
	assert_string_equal(zt_tables_rule(b.tables, (uint32_t)zt_rule_lookup(b.names, "t"))->when,
			    "Mon-Fri 08:00-20:00 UTC, role=db, until 2031-12-31");
}

/* --- shares -------------------------------------------------------------------------------------
 */

static void count_share(struct bench *b, const char *port, const char *id, unsigned int *ret_live,
			unsigned int *ret_candidate)
{
	uint32_t number = (uint32_t)zt_rule_lookup(b->names, id);
	char far[32];

	*ret_live = *ret_candidate = 0;
	for (int i = 0; i < 1000; i++) {
		struct zt_answer a;
		struct zt_query q;

		snprintf(far, sizeof(far), "198.18.%d.%d", i / 250, i % 250 + 1);
		q = query("10.0.1.1", IN, far, port);
		q.now_ns = b->at_ns;
		zt_tables_judge(b->tables, &q, &a);
		*ret_live += a.rule[ZT_LIVE] == number;
		*ret_candidate += a.rule[ZT_CANDIDATE] == number;
	}
}

static void test_share(void **state)
{
	static const char text[] =
		INVENTORY "boundaries:\n  - {segment: web, inbound: deny, mode: "
			  "staged}\n"
			  "rules:\n  - {id: cut, action: deny, from: any, to: web, "
			  "ports: [tcp/22], mode: staged}\n";
	struct zt_overlay_mode modes[] = {
		{.id = "boundary:web:in", .mode = ZT_MODE_ENFORCED, .percent = 30},
		{.id = "cut", .mode = ZT_MODE_ENFORCED, .percent = 10},
	};
	struct zt_overlay overlay = {.modes = modes, .mode_count = ARRAY_SIZE(modes)};
	zt_auto(bench_free) struct bench b = {0};
	unsigned int live, candidate, grown;

	(void)state;
	at_ten(&b);
	b.env.overlay = &overlay;
	must_compile(&b, text, "web1");
	assert_int_equal(b.tables->enforced_count, 2);
	assert_int_equal(b.tables->rules[1].percent, 10);
	assert_int_equal(b.tables->rules[1].written, ZT_MODE_STAGED);
	assert_true(b.tables->meta.flags & ZT_META_ENFORCED);
	count_share(&b, "tcp/22", "cut", &live, &candidate);
	assert_in_range(live, 60, 140);
	assert_int_equal(candidate, 1000);
	count_share(&b, "tcp/80", "boundary:web:in", &live, &candidate);
	assert_in_range(live, 240, 360);
	assert_int_equal(candidate, 1000);
	/* The same addresses as long as it is the same share, and these among more. */
	modes[0].percent = 60;
	zt_tables_free(&b.tables);
	assert_int_equal(zt_policy_compile(b.policy, &b.env, b.names, &b.tables, NULL), 0);
	count_share(&b, "tcp/80", "boundary:web:in", &grown, &candidate);
	assert_true(grown > live);
	modes[0].percent = 100;
	zt_tables_free(&b.tables);
	assert_int_equal(zt_policy_compile(b.policy, &b.env, b.names, &b.tables, NULL), 0);
	count_share(&b, "tcp/80", "boundary:web:in", &live, &candidate);
	assert_int_equal(live, 1000);
}

/* A host of the inventory is in or out with all its addresses, by its name. */
static void test_share_of_hosts(void **state)
{
	zt_auto(zt_strbuf_free) struct zt_strbuf text = ZT_STRBUF_INIT;
	struct zt_overlay_mode mode = {.id = "cut", .mode = ZT_MODE_ENFORCED, .percent = 50};
	struct zt_overlay overlay = {.modes = &mode, .mode_count = 1};
	zt_auto(bench_free) struct bench b = {0};
	unsigned int in = 0;

	(void)state;
	at_ten(&b);
	b.env.overlay = &overlay;
	zt_strbuf_puts(&text,
		       HEAD "hosts:\n  web1: {addresses: [10.0.1.1], labels: {role: web}}\n");
	for (int i = 0; i < 50; i++)
		zt_strbuf_printf(&text, "  h%d: {addresses: [10.1.0.%d, 10.2.0.%d, fd00::%d]}\n", i,
				 i + 1, i + 1, i + 1);
	zt_strbuf_puts(&text, "segments:\n  web: {select: {role: web}}\nrules:\n"
			      "  - {id: cut, action: deny, from: any, to: web, ports: [any]}\n");
	must_compile(&b, zt_strbuf_text(&text), "web1");
	for (int i = 0; i < 50; i++) {
		static const char *const nets[] = {"10.1.0.", "10.2.0.", "fd00::"};
		unsigned int hit = 0;

		for (size_t k = 0; k < ARRAY_SIZE(nets); k++) {
			char far[32];
			struct zt_query q;
			struct zt_answer a;

			snprintf(far, sizeof(far), "%s%d", nets[k], i + 1);
			q = query("10.0.1.1", IN, far, "tcp/1");
			zt_tables_judge(b.tables, &q, &a);
			hit += a.action[ZT_LIVE] == ZT_DENY;
			assert_int_equal(a.action[ZT_CANDIDATE], ZT_DENY);
		}
		assert_true(hit == 0 || hit == 3);
		in += hit == 3;
	}
	assert_in_range(in, 10, 40);
	b.at_ns = NOW;
	assert_int_equal(b.tables->addr_count, 151);
	/* Whole again, no row is needed for what nothing tells apart. */
	mode.percent = 100;
	zt_tables_free(&b.tables);
	assert_int_equal(zt_policy_compile(b.policy, &b.env, b.names, &b.tables, NULL), 0);
	assert_int_equal(b.tables->addr_count, 1);
}

static void test_share_explained(void **state)
{
	struct zt_overlay_mode mode = {.id = "r", .mode = ZT_MODE_ENFORCED, .percent = 1};
	struct zt_overlay overlay = {.modes = &mode, .mode_count = 1};
	zt_auto(bench_free) struct bench b = {0};
	unsigned int missed = 0;

	(void)state;
	at_ten(&b);
	b.env.overlay = &overlay;
	must_compile(&b,
		     INVENTORY "rules:\n  - {id: r, action: deny, from: ops, to: web, ports: "
			       "[tcp/22], mode: staged}\n",
		     "web1");
	for (int i = 0; i < 20; i++) {
		char far[32];

		snprintf(far, sizeof(far), "10.9.0.%d", i);
		missed += why(&b, far, "r", ZT_LIVE) == ZT_WHY_CANARY;
		assert_int_equal(why(&b, far, "r", ZT_CANDIDATE), ZT_WHY_DECIDES);
	}
	assert_true(missed > 15);
}

/* --- how many
 * -------------------------------------------------------------------------------------- */

static void test_too_many(void **state)
{
	zt_auto(zt_strbuf_free) struct zt_strbuf text = ZT_STRBUF_INIT;
	zt_auto(bench_free) struct bench b = {0};
	size_t last;

	(void)state;
	at_ten(&b);
	zt_strbuf_puts(&text, INVENTORY "rules:\n");
	for (int i = 0; i < 65; i++)
		zt_strbuf_printf(&text,
				 "  - {id: r%d, from: ops, to: web, ports: [tcp/%d], when: {hours: "
				 "\"08:%02d-20:00\"}}\n",
				 i, i + 1, i % 60);
	/* Those that say the same are one. */
	must_compile(&b, zt_strbuf_text(&text), "web1");
	assert_int_equal(b.tables->qualifiers, 60);
	bench_free(&b);
	b = (struct bench){0};
	at_ten(&b);
	zt_strbuf_puts(&text,
		       "  - {id: x, from: ops, to: web, ports: [tcp/1], when: {hours: \"Mon\"}}\n"
		       "  - {id: y, from: ops, to: web, ports: [tcp/1], when: {hours: \"Tue\"}}\n"
		       "  - {id: z, from: ops, to: web, ports: [tcp/1], expires: 2030-01-04}\n"
		       "  - {id: w, from: ops, to: web, ports: [tcp/1], expires: 2030-01-05}\n"
		       "  - {id: v, from: ops, to: web, ports: [tcp/1], expires: 2035-01-05}\n"
		       "  - {id: u, from: ops, to: web, ports: [tcp/1], expires: 2036-01-05}\n");
	assert_int_equal(compile(&b, zt_strbuf_text(&text), "web1"), -E2BIG);
	last = b.diag.count - 1;
	assert_string_equal(b.diag.entries[last].message,
			    "the policy needs 65 different conditions (workloads, hours, "
			    "expiries, shares) on this host; 64 fit");
	assert_null(b.tables);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_hours),
		cmocka_unit_test(test_deny_by_hours),
		cmocka_unit_test(test_same_digest),
		cmocka_unit_test(test_clock_jumps),
		cmocka_unit_test(test_expiry),
		cmocka_unit_test(test_labels),
		cmocka_unit_test(test_labels_explained),
		cmocka_unit_test(test_share),
		cmocka_unit_test(test_share_of_hosts),
		cmocka_unit_test(test_share_explained),
		cmocka_unit_test(test_too_many),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
