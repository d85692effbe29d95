/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_gate.c - what a staged statement must have seen before it may be promoted.
 */
#include "history_world.h"

#include "base/strbuf.h"
#include "plan/gate.h"
#include "policy/compile.h"
#include "policy/policy.h"
#include "policy/rules.h"
#include "policy/tables.h"

#define INVENTORY                                                                                  \
	"version: 1\npolicy: t\nrevision: 1\nmode: staged\n"                                       \
	"hosts:\n  db1: {addresses: [10.0.0.1], labels: {role: db}}\n"                             \
	"  web1: {addresses: [10.0.0.2], labels: {role: web}}\n"                                   \
	"segments:\n  db: {select: {role: db}}\n  web: {select: {role: web}}\n"
#define STATEMENTS                                                                                 \
	"boundaries:\n  - {segment: db, inbound: deny}\n"                                          \
	"rules:\n  - {id: sql, from: web, to: db, ports: [tcp/5432]}\n"                            \
	"  - {id: no-telnet, action: deny, from: any, to: db, ports: [tcp/23]}\n"

struct desk {
	struct world *w;
	struct zt_policy *policy, *now;
	struct zt_rule_names *names;
	struct zt_tables *tables;
	struct zt_gate *gate;
	unsigned int compiled;
};

static int compile_as(struct desk *d, const struct zt_overlay *overlay, struct zt_tables **ret)
{
	zt_auto(zt_diag_free) struct zt_diag diag = ZT_DIAG_INIT;
	struct zt_addr local = addr("10.0.0.1");
	const struct zt_compile_env env = {
		.host = "db1",
		.locals = &local,
		.local_count = 1,
		.offline = true,
		.candidate = d->now ? d->policy : NULL,
		.overlay = overlay,
	};

	return zt_policy_compile(d->now ? d->now : d->policy, &env, d->names, ret, &diag);
}

/* As a promotion would: these become enforced, in the place of what is in force. */
static int would(void *ctx, const char *const *ids, size_t count, struct zt_tables **ret, char *err)
{
	struct desk *d = ctx;
	struct zt_policy *now = d->now;
	struct zt_overlay_mode modes[8];
	struct zt_overlay overlay = {.modes = modes, .mode_count = count};
	int r;

	(void)err;
	assert_true(count <= ARRAY_SIZE(modes));
	for (size_t i = 0; i < count; i++)
		modes[i] = (struct zt_overlay_mode){ids[i], ZT_MODE_ENFORCED, 100};
	for (size_t i = 1; i < count; i++) {
		for (size_t j = i; j && strcmp(modes[j].id, modes[j - 1].id) < 0; j--) {
			struct zt_overlay_mode t = modes[j];

			modes[j] = modes[j - 1];
			modes[j - 1] = t;
		}
	}
	d->compiled++;
	d->now = NULL;
	r = compile_as(d, &overlay, ret);
	d->now = now;
	return r;
}

static void parse(struct zt_policy **ret, const char *text)
{
	zt_auto(zt_diag_free) struct zt_diag diag = ZT_DIAG_INIT;

	if (zt_policy_parse(ret, "t.yaml", text, strlen(text), &diag) == 0)
		return;
	zt_diag_print(&diag, stderr);
	fail();
}

static void use(struct desk *d, const char *text)
{
	zt_policy_free(&d->policy);
	zt_tables_free(&d->tables);
	parse(&d->policy, text);
	if (!d->names)
		assert_int_equal(zt_rule_names_new(&d->names), 0);
	assert_int_equal(compile_as(d, NULL, &d->tables), 0);
	assert_int_equal(zt_gate_stand(d->w->h, d->policy), 0);
	record(d->w);
}

static void desk_free(struct desk *d)
{
	zt_gate_free(&d->gate);
	zt_policy_free(&d->policy);
	zt_policy_free(&d->now);
	zt_tables_free(&d->tables);
	zt_rule_names_free(&d->names);
}

static const struct zt_gate_item *item(struct desk *d, const char *id)
{
	for (size_t i = 0; i < d->gate->count; i++) {
		if (!strcmp(d->gate->items[i].id, id))
			return &d->gate->items[i];
	}
	return NULL;
}

static void ask_gate(struct desk *d)
{
	char err[ZT_GATE_ERR_LEN];
	const struct zt_gate_env env = {
		.history = d->w->h,
		.policy = d->policy,
		.now = d->now ?: d->policy,
		.tables = d->tables,
		.would = would,
		.ctx = d,
		.now_s = d->w->wall_s,
		.now_ns = d->w->fake.now_ns,
	};

	zt_gate_free(&d->gate);
	assert_int_equal(zt_gate_check(&d->gate, &env, err), 0);
}

static void lacks(struct desk *d, const char *id, const char *what)
{
	const struct zt_gate_item *i = item(d, id);

	if (!i)
		fail_msg("%s is not staged", id);
	assert_string_equal(i->lacks, what);
	assert_int_equal(i->met, !*what);
}

static void connect_from(struct world *w, const char *far, uint16_t port, int times)
{
	for (int i = 0; i < times; i++) {
		struct zt_flow flow =
			flow_of(ZT_DIR_IN, ZT_STATE_CLOSED, w->fake.now_ns, w->fake.now_ns);

		put(&w->fake, ZT_IN_FLOWS,
		    key_of("10.0.0.1", port, far, (uint16_t)(10000 + i), IPPROTO_TCP), flow);
	}
	pass(w, 10);
	record(w);
	w->fake.count = 0;
}

static void days_pass(struct world *w, int days)
{
	for (int hour = 0; hour < 24 * days; hour++) {
		pass(w, 3600);
		record(w);
	}
}

/* --- the three conditions
 * -------------------------------------------------------------------------
 */

static void days_flows_and_denials(void **state)
{
	zt_auto(desk_free) struct desk d = {.w = *state};

	use(&d, INVENTORY "ready: {days: 14, flows: 1000, would_deny: 0}\n" STATEMENTS);
	connect_from(d.w, "10.0.0.2", 5432, 212);
	connect_from(d.w, "10.0.0.9", 5432, 3);
	days_pass(d.w, 6);
	ask_gate(&d);
	assert_int_equal(d.gate->count, 3);
	lacks(&d, "sql", "6 of 14 days; 212 of 1,000 flows");
	lacks(&d, "boundary:db:in",
	      "6 of 14 days; 215 of 1,000 flows; 3 would-deny, last 2024-10-04T12:00:10Z from "
	      "10.0.0.9 to 10.0.0.1 tcp/5432");
	lacks(&d, "no-telnet", "6 of 14 days; 0 of 1,000 flows");
	assert_int_equal(d.compiled, 0); /* nothing to try */

	/* 14 days, the denials among them: seen on the first of the last 14 days. */
	connect_from(d.w, "10.0.0.2", 5432, 788);
	days_pass(d.w, 7);
	ask_gate(&d);
	lacks(&d, "sql", "13 of 14 days");
	days_pass(d.w, 1);
	ask_gate(&d);
	lacks(&d, "sql", "");
	lacks(&d, "boundary:db:in", ""); /* 14 days since: not among the last 14 any more */
	lacks(&d, "no-telnet", "0 of 1,000 flows");
	assert_int_equal(item(&d, "sql")->stood_s, NOON);

	/* Once more denied: the boundary waits, the allow rule does not. */
	connect_from(d.w, "10.0.0.9", 22, 1);
	ask_gate(&d);
	lacks(&d, "sql", "");
	assert_false(item(&d, "boundary:db:in")->met);
	assert_int_equal(item(&d, "boundary:db:in")->would_deny, 1);
	assert_int_equal(item(&d, "boundary:db:in")->last_port, ZT_PORT_TCP + 22);
}

static void conditions_of_one_statement(void **state)
{
	zt_auto(desk_free) struct desk d = {.w = *state};

	use(&d, INVENTORY
	    "boundaries:\n  - {segment: db, inbound: deny, ready: {days: 0, flows: 4, would_deny: 2}}\n"
	    "rules:\n  - {id: sql, from: web, to: db, ports: [tcp/5432], ready: {days: 0, flows: 2}}\n");
	connect_from(d.w, "10.0.0.2", 5432, 2);
	ask_gate(&d);
	lacks(&d, "sql", "");
	lacks(&d, "boundary:db:in", "2 of 4 flows");
	connect_from(d.w, "10.0.0.9", 80, 2);
	ask_gate(&d);
	lacks(&d, "boundary:db:in", ""); /* two are allowed for */
	connect_from(d.w, "10.0.0.9", 81, 1);
	ask_gate(&d);
	assert_false(item(&d, "boundary:db:in")->met);
	assert_int_equal(item(&d, "boundary:db:in")->would_deny, 3);
}

/* --- together
 * -------------------------------------------------------------------------------------
 */

static void a_boundary_waits_for_the_rules_that_make_holes_in_it(void **state)
{
	zt_auto(desk_free) struct desk d = {.w = *state};

	use(&d, INVENTORY
	    "boundaries:\n  - {segment: db, inbound: deny, ready: {days: 0, flows: 5}}\n"
	    "rules:\n  - {id: sql, from: web, to: db, ports: [tcp/5432], ready: {days: 0, flows: 9}}\n");
	connect_from(d.w, "10.0.0.2", 5432, 5);
	ask_gate(&d);
	lacks(&d, "sql", "5 of 9 flows");
	/* The candidate denies nothing; the boundary alone would. */
	lacks(&d, "boundary:db:in",
	      "5 would-deny, last 2024-10-04T12:00:00Z from 10.0.0.2 to 10.0.0.1 tcp/5432 (allowed "
	      "by 'sql', which is not ready)");
	connect_from(d.w, "10.0.0.2", 5432, 4);
	ask_gate(&d);
	lacks(&d, "sql", "");
	lacks(&d, "boundary:db:in", "");
}

static void what_falls_out_uncovers_the_next(void **state)
{
	zt_auto(desk_free) struct desk d = {.w = *state};

	/* The deny rule decides first; without it the boundary would deny the same flows. */
	use(&d, INVENTORY "ready: {days: 0, flows: 1, would_deny: 0}\n" STATEMENTS);
	connect_from(d.w, "10.0.0.9", 23, 7);
	ask_gate(&d);
	assert_false(item(&d, "no-telnet")->met);
	assert_false(item(&d, "boundary:db:in")->met);
	assert_int_equal(item(&d, "no-telnet")->would_deny, 7);
	assert_int_equal(item(&d, "boundary:db:in")->would_deny, 7);
	assert_int_equal(d.compiled, 2);
}

static void what_a_later_rule_allows_is_no_denial_any_more(void **state)
{
	zt_auto(desk_free) struct desk d = {.w = *state};

	use(&d, INVENTORY "ready: {days: 0, flows: 1, would_deny: 0}\n" STATEMENTS);
	connect_from(d.w, "10.0.0.9", 5432, 7);
	ask_gate(&d);
	assert_false(item(&d, "boundary:db:in")->met);
	use(&d, INVENTORY "ready: {days: 0, flows: 1, would_deny: 0}\n" STATEMENTS
			  "  - {id: also, from: unknown, to: db, ports: [tcp/5432]}\n");
	ask_gate(&d);
	lacks(&d, "also", "");
	lacks(&d, "boundary:db:in", "");
}

/* --- the same content ----------------------------------------------------------------------------
 */

static void another_content_begins_anew(void **state)
{
	zt_auto(desk_free) struct desk d = {.w = *state};

	use(&d, INVENTORY STATEMENTS);
	days_pass(d.w, 3);
	/* Mode, note and what is asked for are not content; ports and what a segment is are. */
	use(&d, INVENTORY
	    "boundaries:\n  - {segment: db, inbound: deny, note: hello, ready: {days: 2}}\n"
	    "rules:\n  - {id: sql, from: web, to: db, ports: [tcp/5432, tcp/5433]}\n");
	days_pass(d.w, 1);
	ask_gate(&d);
	assert_int_equal(item(&d, "boundary:db:in")->days, 4);
	assert_int_equal(item(&d, "boundary:db:in")->want_days, 2);
	assert_int_equal(item(&d, "sql")->days, 1);
	stop_agent(d.w);
	start_agent(d.w);
	use(&d, "version: 1\npolicy: t\nrevision: 1\nmode: staged\n"
		"hosts:\n  db1: {addresses: [10.0.0.1], labels: {role: db, new: y}}\n"
		"segments:\n  db: {select: {role: db, new: y}}\n"
		"boundaries:\n  - {segment: db, inbound: deny}\n");
	days_pass(d.w, 1);
	ask_gate(&d);
	assert_int_equal(item(&d, "boundary:db:in")->days, 1);
}

static void enforced_ones_are_not_asked(void **state)
{
	zt_auto(desk_free) struct desk d = {.w = *state};

	use(&d, INVENTORY "rules:\n"
			  "  - {id: on, from: web, to: db, ports: [tcp/1], mode: enforced}\n"
			  "  - {id: off, from: web, to: db, ports: [tcp/2]}\n"
			  "failsafe:\n  - {id: safe, from: [10.9.0.0/28], to: this-host, "
			  "ports: [tcp/22]}\n");
	ask_gate(&d);
	assert_int_equal(d.gate->count, 1);
	assert_string_equal(d.gate->items[0].id, "off");
	assert_int_equal(d.gate->items[0].want_days, 14);
	assert_int_equal(d.gate->items[0].want_flows, 1000);
	assert_int_equal(d.gate->items[0].max_would_deny, 0);
}

/* A held candidate: what is in force unchanged is no question, what differs from it is. */
static void a_held_candidate(void **state)
{
	static const char in_force[] =
		INVENTORY "rules:\n"
			  "  - {id: same, from: web, to: db, ports: [tcp/1], mode: enforced}\n"
			  "  - {id: other, from: web, to: db, ports: [tcp/2], mode: enforced}\n";
	zt_auto(desk_free) struct desk d = {.w = *state};

	parse(&d.now, in_force);
	use(&d, INVENTORY "rules:\n"
			  "  - {id: same, from: web, to: db, ports: [tcp/1], mode: enforced}\n"
			  "  - {id: other, from: web, to: db, ports: [tcp/3], mode: enforced}\n"
			  "  - {id: new, from: web, to: db, ports: [tcp/4], mode: enforced}\n");
	ask_gate(&d);
	assert_int_equal(d.gate->count, 2);
	assert_non_null(item(&d, "other"));
	assert_non_null(item(&d, "new"));
}

static void nothing_recorded(void **state)
{
	zt_auto(desk_free) struct desk d = {.w = *state};
	struct zt_history *h = d.w->h;

	use(&d, INVENTORY STATEMENTS);
	d.w->h = NULL;
	ask_gate(&d);
	d.w->h = h;
	lacks(&d, "sql", "nothing is recorded");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		WORLD(days_flows_and_denials),
		WORLD(conditions_of_one_statement),
		WORLD(a_boundary_waits_for_the_rules_that_make_holes_in_it),
		WORLD(what_falls_out_uncovers_the_next),
		WORLD(what_a_later_rule_allows_is_no_denial_any_more),
		WORLD(another_content_begins_anew),
		WORLD(enforced_ones_are_not_asked),
		WORLD(a_held_candidate),
		WORLD(nothing_recorded),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
