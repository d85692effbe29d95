/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_policy_layers.c - a policy in force with a held candidate beside it, promotions, and
 * labels of the overlay that run out.
 */
#include "policy_bench.h"
#include "policy/relabel.h"

#define S   1000000000ULL
#define NOW (1000 * S)

struct held {
	struct bench b;
	struct zt_policy *candidate;
};

static void held_free(struct held *h)
{
	bench_free(&h->b);
	zt_policy_free(&h->candidate);
}

static void hold(struct held *h, const char *text)
{
	assert_int_equal(zt_policy_parse(&h->candidate, "next.yaml", text, strlen(text), NULL), 0);
	h->b.env.candidate = h->candidate;
}

static bool warned(const struct bench *b, const char *message)
{
	for (size_t i = 0; i < b->diag.count; i++)
		if (strcmp(b->diag.entries[i].message, message) == 0)
			return true;
	return false;
}

static enum zt_why why(struct bench *b, struct zt_query q, const char *id, int plane,
		       unsigned int line)
{
	zt_auto(zt_explanation_free) struct zt_explanation e = {0};

	q.now_ns = b->at_ns;
	assert_int_equal(zt_tables_explain(b->tables, &q, &e), 0);
	for (size_t i = 0; i < e.candidate_count; i++)
		if (strcmp(e.candidates[i].rule->id, id) == 0 && e.candidates[i].rule->line == line)
			return e.candidates[i].why[plane];
	return ZT_WHY_COUNT;
}

/* --- two layers ---------------------------------------------------------------------------- */

#define IN_FORCE                                                                                   \
	INVENTORY "boundaries:\n  - {segment: web, inbound: deny}\n"                               \
		  "rules:\n"                                                                       \
		  "  - {id: ops, from: ops, to: web, ports: [tcp/22]}\n"                           \
		  "  - {id: idea, action: deny, from: any, to: web, ports: [tcp/22], mode: "       \
		  "staged}\n"                                                                      \
		  "failsafe:\n  - {id: save, from: [10.9.0.7], to: web, ports: [any]}\n"

static void test_candidate(void **state)
{
	static const char next[] =
		HEAD "hosts:\n"
		     "  web1: {addresses: [10.0.1.1], labels: {role: web}}\n"
		     "  db1: {addresses: [10.0.2.1], labels: {role: web}}\n"
		     "segments:\n"
		     "  web: {select: {role: web}}\n"
		     "  ops: {addresses: [10.8.0.0/24]}\n"
		     "boundaries:\n  - {segment: web, inbound: deny, mode: staged}\n"
		     "rules:\n"
		     "  - {id: ops, from: ops, to: web, ports: [tcp/22], mode: staged}\n"
		     "  - {id: peers, from: web, to: web, ports: [tcp/80], mode: staged}\n"
		     "failsafe:\n  - {id: later, from: [10.9.0.8], to: web, ports: [any]}\n";
	zt_auto(held_free) struct held h = {0};
	struct bench *b = &h.b;

	(void)state;
	hold(&h, next);
	must_compile(b, IN_FORCE, "web1");
	assert_string_equal(b->tables->candidate_name, "p");
	assert_int_equal(b->tables->rule_count, 4);
	assert_int_equal(b->tables->candidate_rule_count, 4);
	assert_int_equal(b->tables->enforced_count, 3);
	assert_int_equal(b->tables->staged_count, 1);
	/* The same id, other segments: each plane by its own file. */
	expect(b, "10.0.1.1", IN, "10.9.0.1", "tcp/22", "allow ops", "deny boundary:web:in");
	expect(b, "10.0.1.1", IN, "10.8.0.1", "tcp/22", "deny boundary:web:in", "allow ops");
	/* What the policy in force has staged is no part of the candidate. */
	expect(b, "10.0.1.1", IN, "10.0.2.1", "tcp/80", "deny boundary:web:in", "allow peers");
	expect(b, "10.0.1.1", IN, "8.8.8.8", "tcp/22", "deny boundary:web:in",
	       "deny boundary:web:in");
	/* Failsafes of each. */
	expect(b, "10.0.1.1", IN, "10.9.0.7", "tcp/1", "allow save", "deny boundary:web:in");
	assert_int_equal(b->a.failsafe, 1);
	expect(b, "10.0.1.1", IN, "10.9.0.8", "tcp/1", "deny boundary:web:in", "allow later");
	assert_int_equal(b->a.failsafe, 0);
}

static void test_where(void **state)
{
	zt_auto(held_free) struct held h = {0};
	struct zt_query q = query("10.0.1.1", IN, "10.9.0.1", "tcp/22");
	struct bench *b = &h.b;
	const struct zt_rule_info *live, *next;
	uint32_t number;

	(void)state;
	hold(&h, INVENTORY "rules:\n\n\n  - {id: ops, action: deny, from: ops, to: web, ports: "
			   "[tcp/22]}\n");
	must_compile(b, IN_FORCE, "web1");
	number = (uint32_t)zt_rule_lookup(b->names, "ops");
	live = zt_tables_rule_in(b->tables, number, ZT_LIVE);
	next = zt_tables_rule_in(b->tables, number, ZT_CANDIDATE);
	assert_string_equal(live->file, "test.yaml");
	assert_string_equal(next->file, "next.yaml");
	assert_int_equal(next->line, live->line);
	assert_int_equal(next->action, ZT_DENY);
	assert_ptr_equal(zt_tables_rule(b->tables, number), live);
	assert_int_equal(why(b, q, "ops", ZT_LIVE, live->line), ZT_WHY_LAYER);
	number = (uint32_t)zt_rule_lookup(b->names, "idea");
	assert_null(zt_tables_rule_in(b->tables, number, ZT_CANDIDATE));
	assert_non_null(zt_tables_rule(b->tables, number));
	assert_int_equal(why(b, q, "idea", ZT_LIVE, live->line + 1), ZT_WHY_STAGED);
	assert_int_equal(why(b, q, "idea", ZT_CANDIDATE, live->line + 1), ZT_WHY_LAYER);
}

/* A host that one of the two does not know: that one denies nothing. */
static void test_other_host(void **state)
{
	static const char other[] = HEAD "hosts:\n  db9: {addresses: [10.0.2.9]}\n"
					 "boundaries:\n  - {segment: any, inbound: deny}\n";
	zt_auto(held_free) struct held next = {0};
	zt_auto(held_free) struct held first = {0};
	zt_auto(held_free) struct held none = {0};

	(void)state;
	hold(&next, other);
	must_compile(&next.b, IN_FORCE, "web1");
	assert_true(warned(&next.b, "there is no host 'web1' in the candidate: it denies nothing"));
	expect(&next.b, "10.0.1.1", IN, "8.8.8.8", "tcp/80", "deny boundary:web:in",
	       "allow default-allow");
	hold(&first, IN_FORCE);
	must_compile(&first.b, other, "web1");
	assert_true(warned(&first.b,
			   "there is no host 'web1' in the policy in force: it denies nothing"));
	expect(&first.b, "10.0.1.1", IN, "8.8.8.8", "tcp/80", "allow default-allow",
	       "deny boundary:web:in");
	assert_false(first.b.tables->meta.flags & ZT_META_ENFORCED);
	hold(&none, IN_FORCE);
	assert_int_equal(compile(&none.b, IN_FORCE, "nobody"), -EINVAL);
}

/* Nothing in force yet, a first file staged. */
static void test_first(void **state)
{
	zt_auto(held_free) struct held h = {0};
	zt_auto(zt_policy_free) struct zt_policy *empty = NULL;

	(void)state;
	hold(&h, IN_FORCE);
	assert_int_equal(zt_policy_empty(&empty), 0);
	assert_int_equal(zt_rule_names_new(&h.b.names), 0);
	h.b.env.host = "web1";
	h.b.env.locals = h.b.locals;
	assert_int_equal(zt_policy_compile(empty, &h.b.env, h.b.names, &h.b.tables, &h.b.diag), 0);
	assert_int_equal(h.b.diag.warnings, 0);
	expect(&h.b, "10.0.1.1", IN, "8.8.8.8", "tcp/22", "allow default-allow", "deny idea");
}

/* --- promotions --------------------------------------------------------------------------------
 */

static void test_modes(void **state)
{
	struct zt_overlay_mode modes[] = {
		{.id = "boundary:web:in", .mode = ZT_MODE_STAGED, .percent = 100},
		{.id = "idea", .mode = ZT_MODE_ENFORCED, .percent = 100},
		{.id = "no-such-rule", .mode = ZT_MODE_ENFORCED, .percent = 100},
		{.id = "save", .mode = ZT_MODE_STAGED, .percent = 100},
	};
	struct zt_overlay overlay = {.modes = modes, .mode_count = ARRAY_SIZE(modes)};
	zt_auto(bench_free) struct bench b = {0};

	(void)state;
	b.env.overlay = &overlay;
	must_compile(&b, IN_FORCE, "web1");
	expect(&b, "10.0.1.1", IN, "8.8.8.8", "tcp/80", "allow default-allow",
	       "deny boundary:web:in");
	expect(&b, "10.0.1.1", IN, "8.8.8.8", "tcp/22", "deny idea", NULL);
	/* A failsafe is what it is. */
	expect(&b, "10.0.1.1", IN, "10.9.0.7", "tcp/22", "allow save", NULL);
	assert_int_equal(b.tables->enforced_count, 3);
	assert_int_equal(b.tables->staged_count, 1);
	assert_int_equal(zt_tables_rule(b.tables, b.a.rule[ZT_LIVE])->mode, ZT_MODE_ENFORCED);
}

/* --- labels
 * ---------------------------------------------------------------------------------------- */

static struct zt_overlay_label labels[12];
static struct zt_overlay_host label_hosts[2];
static struct zt_overlay labelled;

static void label(struct bench *b, const char *host, const char *value, uint64_t until_ns)
{
	labels[labelled.label_count++] = (struct zt_overlay_label){
		.host = host, .key = "role", .value = value, .until_ns = until_ns};
	b->env.overlay = &labelled;
	b->env.now_ns = b->at_ns = NOW;
}

static void start(void)
{
	memset(&labels, 0, sizeof(labels));
	labelled = (struct zt_overlay){.labels = labels, .hosts = label_hosts};
}

#define LABELLED                                                                                   \
	INVENTORY "boundaries:\n  - {segment: web, inbound: deny}\n"                               \
		  "  - {segment: db, inbound: deny}\n"                                             \
		  "rules:\n"                                                                       \
		  "  - {id: db, from: db, to: web, ports: [tcp/80]}\n"                             \
		  "  - {id: any-db, from: any, to: db, ports: [tcp/81]}\n"                         \
		  "  - {id: web-only, action: deny, from: any, to: web, ports: [tcp/82]}\n"

static void test_labels(void **state)
{
	zt_auto(bench_free) struct bench b = {0};
	const char *names[4];
	struct zt_addr addr;

	(void)state;
	start();
	label(&b, "web2", "db", NOW + 10);
	labels[0].under = "none";
	label(&b, "zz", "db", 0); /* no host of this policy */
	must_compile(&b, LABELLED, "web1");
	expect(&b, "10.0.1.1", IN, "10.0.1.2", "tcp/80", "allow db", NULL);
	assert_int_equal(b.a.valid_until_ns, NOW + 10);
	zt_addr_parse("10.0.1.2", &addr);
	assert_int_equal(zt_tables_segments(b.tables, &addr, false, names, 4), 1);
	assert_string_equal(names[0], "db");
	b.at_ns = NOW + 10;
	expect(&b, "10.0.1.1", IN, "10.0.1.2", "tcp/80", "deny boundary:web:in", NULL);
	assert_int_equal(b.a.changed_ns, NOW + 10);
	assert_true(b.a.valid_until_ns == ZT_FOREVER);
	/* One that is over when it is compiled leaves no trace. */
	zt_tables_free(&b.tables);
	b.env.now_ns = NOW + 10;
	assert_int_equal(zt_policy_compile(b.policy, &b.env, b.names, &b.tables, NULL), 0);
	assert_int_equal(b.tables->step_count, 0);
	expect(&b, "10.0.1.1", IN, "10.0.1.2", "tcp/80", "deny boundary:web:in", NULL);
}

/* This host's own labels: what it is, is what the clock says. */
static void test_own_labels(void **state)
{
	zt_auto(bench_free) struct bench b = {0};

	(void)state;
	start();
	label(&b, "web1", "db", NOW + 10);
	add_local(&b, "10.0.1.1");
	add_local(&b, "192.168.7.7"); /* in no inventory: this host all the same */
	must_compile(&b, LABELLED, "web1");
	assert_int_equal(b.tables->meta.near_count, 2); /* now and then */
	for (int i = 0; i < 2; i++) {
		const char *near = i ? "192.168.7.7" : "10.0.1.1";

		b.at_ns = NOW;
		expect(&b, near, IN, "8.8.8.8", "tcp/81", "allow any-db", NULL);
		assert_int_equal(b.a.valid_until_ns, NOW + 10);
		b.at_ns = NOW + 10;
		expect(&b, near, IN, "8.8.8.8", "tcp/81", "deny boundary:web:in", NULL);
	}
}

/* More changes than the kernel side follows: past the last it is what comes in the end. */
static void test_many_steps(void **state)
{
	zt_auto(bench_free) struct bench b = {0};
	size_t chain = 0;

	(void)state;
	start();
	for (uint64_t i = 0; i < 12; i++)
		label(&b, "web2", i % 2 ? "db" : "none", NOW + (i + 1) * 10);
	must_compile(&b, LABELLED, "web1");
	for (uint32_t at = 1; at < b.tables->step_count; at++)
		chain++;
	assert_int_equal(chain, ZT_STEPS_MAX);
	for (uint64_t i = 0; i < 8; i++) {
		b.at_ns = NOW + i * 10 + 5;
		expect(&b, "10.0.1.1", IN, "10.0.1.2", "tcp/80",
		       i % 2 ? "allow db" : "deny boundary:web:in", NULL);
	}
	/* The ninth would be neither, then db again; the inventory's web is what all ends in. */
	b.at_ns = NOW + 85;
	expect(&b, "10.0.1.1", OUT, "10.0.1.2", "tcp/82", "deny web-only", NULL);
	b.at_ns = NOW + 95;
	expect(&b, "10.0.1.1", IN, "10.0.1.2", "tcp/80", "deny boundary:web:in", NULL);
	expect(&b, "10.0.1.1", OUT, "10.0.1.2", "tcp/82", "deny web-only", NULL);
	assert_true(b.a.valid_until_ns == ZT_FOREVER);
}

static void relabel(struct bench *b, const char *host, int want, size_t rows)
{
	zt_auto(zt_patch_free) struct zt_patch *patch = NULL;
	int r = zt_tables_relabel(b->tables, b->policy, &b->env, &host, 1, &patch);

	assert_int_equal(r, want);
	if (r == 0)
		assert_int_equal(patch->addr_count, rows);
}

static void test_relabel(void **state)
{
	zt_auto(bench_free) struct bench b = {0};
	size_t far, cells;

	(void)state;
	start();
	label(&b, "web2", "none", 0);
	label_hosts[0] = (struct zt_overlay_host){.host = "web2", .label_epoch = 5};
	labelled.host_count = 1;
	labelled.label_count = 0;
	must_compile(&b, LABELLED, "web1");
	far = b.tables->far_ids;
	expect(&b, "10.0.1.1", IN, "10.0.1.2", "tcp/80", "deny boundary:web:in", NULL);
	assert_int_equal(b.a.label_epoch, 5);
	label_hosts[0].label_epoch = 6;
	labelled.label_count = 1;
	labels[0].value = "db";
	relabel(&b, "web2", 0, 1);
	assert_int_equal(b.tables->far_ids, far); /* db1 is one already */
	expect(&b, "10.0.1.1", IN, "10.0.1.2", "tcp/80", "allow db", NULL);
	assert_int_equal(b.a.label_epoch, 6);
	/* Nothing changes: no row, and the epoch stays what it was. */
	label_hosts[0].label_epoch = 7;
	relabel(&b, "web2", 0, 0);
	expect(&b, "10.0.1.1", IN, "10.0.1.2", "tcp/80", "allow db", NULL);
	assert_int_equal(b.a.label_epoch, 6);
	/* It will run out: that is a change. */
	labels[0].until_ns = NOW + 10;
	relabel(&b, "web2", 0, 1);
	assert_int_equal(b.tables->step_count, 2);
	b.at_ns = NOW + 10;
	expect(&b, "10.0.1.1", IN, "10.0.1.2", "tcp/80", "deny boundary:web:in", NULL);
	/* It has run out, and is forgotten: nothing that was not known. */
	b.env.now_ns = NOW + 20;
	labelled.label_count = 0;
	relabel(&b, "web2", 0, 0);
	cells = b.tables->cell_count;
	labelled.label_count = 1;
	labels[0].until_ns = 0;
	for (int i = 0; i < 50; i++) { /* to and fro makes nothing grow */
		labels[0].value = i % 2 ? "db" : "none";
		relabel(&b, "web2", 0, 1);
	}
	assert_int_equal(b.tables->cell_count, cells);
	assert_int_equal(b.tables->far_ids, far);
}

/* Where this host is meant, all rows are: that takes a compile. */
static void test_relabel_self(void **state)
{
	zt_auto(bench_free) struct bench b = {0};

	(void)state;
	start();
	label(&b, "web1", "db", NOW + 10);
	add_local(&b, "10.0.1.1");
	must_compile(&b, LABELLED, "web1");
	labelled.label_count = 0;
	relabel(&b, "web1", -EAGAIN, 0); /* though both of its near ends are known */
	expect(&b, "172.16.0.1", IN, "8.8.8.8", "tcp/81", "allow any-db", NULL);
	expect(&b, "10.0.1.1", IN, "8.8.8.8", "tcp/81", "allow any-db", NULL);
	labelled.label_count = 1;
	relabel(&b, "web1", 0, 0); /* nothing changed */
	labels[0].key = "colour";  /* nothing speaks of it, but role is what it was */
	relabel(&b, "web1", -EAGAIN, 0);
	relabel(&b, "no-such-host", 0, 0);
}

/* Another host that has an address of this one. */
static void test_relabel_shared(void **state)
{
	static const char text[] = HEAD "hosts:\n"
					"  me: {addresses: [10.0.0.1, 10.0.0.9]}\n"
					"  twin: {addresses: [10.0.0.9], labels: {role: x}}\n"
					"segments:\n  web: {select: {role: x}}\n"
					"boundaries:\n  - {segment: web, inbound: deny}\n";
	zt_auto(bench_free) struct bench b = {0};

	(void)state;
	start();
	label(&b, "twin", "none", 0);
	labelled.label_count = 0;
	must_compile(&b, text, "me");
	expect(&b, "10.0.0.1", IN, "8.8.8.8", "tcp/1", "deny boundary:web:in", NULL);
	labelled.label_count = 1;
	relabel(&b, "twin", -EAGAIN, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_candidate),      cmocka_unit_test(test_where),
		cmocka_unit_test(test_other_host),     cmocka_unit_test(test_first),
		cmocka_unit_test(test_modes),	       cmocka_unit_test(test_labels),
		cmocka_unit_test(test_own_labels),     cmocka_unit_test(test_many_steps),
		cmocka_unit_test(test_relabel),	       cmocka_unit_test(test_relabel_self),
		cmocka_unit_test(test_relabel_shared),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
