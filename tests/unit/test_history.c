/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_history.c - evidence on disk: every flow counted once, by day, whatever it goes through.
 */
#include "history_world.h"

/* --- what an edge says --------------------------------------------------------------------------
 */

static void an_edge_comes_back_as_it_was(void **state)
{
	struct world *w = *state;
	struct fake_entry *e = living(w, 1000);
	struct sum sum;

	e->flow.owner = 7;
	e->flow.rule[0] = RULE_A;
	e->flow.rule[1] = RULE_B;
	e->flow.action[1] = ZT_DENY;
	record(w);
	sum = sum_since(w, 0);
	assert_int_equal(sum.rows, 1);
	assert_int_equal(sum.connections, 1);
	assert_int_equal(sum.out, 400);
	assert_int_equal(sum.in, 300);
	assert_int_equal(sum.packets, 4);
	assert_int_equal(sum.last.port, 443);
	assert_int_equal(sum.last.proto, IPPROTO_TCP);
	assert_true(sum.last.src.near && !sum.last.dst.near);
	assert_null(sum.last.src.host);
	assert_string_equal(sum.host, "web1");
	assert_string_equal(sum.unit, "unit7.service");
	assert_string_equal(sum.user, "postgres");
	assert_string_equal(sum.owner.cgroup, "/system.slice/bad\xff\x1b[31m");
	assert_int_equal(sum.owner.exe[ZT_PATH_LEN - 1], 'x');
	assert_int_equal(sum.owner.uid, 1007);
	assert_int_equal(sum.owner.exe_dev, 0x800001);
	assert_int_equal(sum.owner.flags, 4);
	assert_null(sum.last.dst.owner);
	assert_string_equal(sum.rule[0], "rule-a");
	assert_string_equal(sum.rule[1], "rule-b");
	assert_int_equal(sum.last.action[0], ZT_ALLOW);
	assert_int_equal(sum.last.action[1], ZT_DENY);
	assert_int_equal(sum.first_s, NOON);
}

/* --- once, and only once
 * --------------------------------------------------------------------------- */

static void a_living_flow_is_counted_once(void **state)
{
	struct world *w = *state;
	struct fake_entry *e = living(w, 1000);
	struct sum sum;

	for (int i = 0; i < 5; i++) {
		record(w);
		pass(w, 10);
		traffic(w, e, 1000);
	}
	record(w);
	sum = sum_since(w, 0);
	assert_int_equal(sum.connections, 1);
	assert_int_equal(sum.out, 5400);
	e->flow.state = ZT_STATE_CLOSED;
	pass(w, 10);
	record(w);
	record(w);
	sum = sum_since(w, 0);
	assert_int_equal(sum.connections, 1);
	assert_int_equal(sum.out, 5400);
	assert_int_equal(sum.in, 300);
}

static void over_midnight_each_day_gets_its_part(void **state)
{
	struct world *w = *state;
	struct fake_entry *e = living(w, 1000);
	struct sum all, second;

	record(w);
	for (int day = 0; day < 3; day++) {
		for (int hour = 0; hour < 24; hour++) {
			pass(w, 3600);
			traffic(w, e, 10);
			record(w);
		}
	}
	all = sum_since(w, 0);
	assert_int_equal(all.connections, 1);
	assert_int_equal(all.out, 400 + 72 * 10);
	second = sum_since(w, NOON + DAY / 2);
	assert_int_equal(second.connections, 0);
	assert_int_equal(second.out, 720 - 110); /* the first day had 11 hours of it left */
	assert_int_equal(second.first_s % DAY, 0);
	assert_int_equal(days_of(w).days, 4);
	assert_int_equal(days_of(w).recorded_s, 3 * DAY);
	assert_int_equal(days_of(w).gaps, 0);
}

static void a_changed_verdict_or_owner_counts_nothing_twice(void **state)
{
	struct world *w = *state;
	struct fake_entry *e = living(w, 1000);
	struct zt_history_rule rule;
	struct sum sum;

	record(w);
	pass(w, 10);
	traffic(w, e, 50);
	e->flow.rule[1] = RULE_B;
	e->flow.action[1] = ZT_DENY;
	record(w);
	pass(w, 10);
	traffic(w, e, 50);
	e->flow.owner = 3;
	record(w);
	sum = sum_since(w, 0);
	assert_int_equal(sum.rows, 3);
	assert_int_equal(sum.connections, 1);
	assert_int_equal(sum.out, 500);
	assert_int_equal(sum.in, 300);
	/* But the rule that would deny it now was hit: once, whoever owns it. */
	assert_int_equal(zt_history_rule(w->h, "rule-b", 0, &rule), 0);
	assert_int_equal(rule.flows, 1);
	assert_int_equal(rule.would_deny, 1);
	assert_int_equal(rule.denied, 0);
	assert_int_equal(rule.last_deny_s, w->wall_s);
	assert_int_equal(zt_history_rule(w->h, "never", 0, &rule), 0);
	assert_int_equal(rule.flows, 0);
}

static void a_flow_between_two_tables_is_counted_once(void **state)
{
	struct world *w = *state;
	struct fake_entry *e = living(w, 1000);
	struct sum sum;

	record(w);
	/* One walk does not meet it: it was moved from one table to the other meanwhile. */
	e->used = false;
	pass(w, 10);
	record(w);
	e->used = true;
	traffic(w, e, 60);
	pass(w, 10);
	record(w);
	sum = sum_since(w, 0);
	assert_int_equal(sum.connections, 1);
	assert_int_equal(sum.out, 460);
}

static void an_evicted_flow_hides_no_later_one(void **state)
{
	struct world *w = *state;
	struct fake_entry *e = living(w, 1000);
	struct sum sum;

	traffic(w, e, 1000000);
	record(w);
	e->used = false;
	for (int i = 0; i < 3; i++) {
		pass(w, 10);
		record(w);
	}
	living(w, 1001);
	record(w);
	sum = sum_since(w, 0);
	assert_int_equal(sum.connections, 2);
	assert_int_equal(sum.out, 1000400 + 400);
}

static void an_entry_reused_during_the_walk(void **state)
{
	struct world *w = *state;
	struct fake_entry *e = living(w, 1000);
	struct zt_event event = {.abi_version = ZT_ABI_VERSION, .type = ZT_EV_ENDED};
	struct sum sum;

	record(w);
	pass(w, 10);
	traffic(w, e, 100);
	event.key = e->key;
	event.flow = e->flow;
	/* The old flow's last values come; the entry counts a new one from zero. */
	zt_collector_event(w->c, &event);
	e->flow = flow_of(ZT_DIR_OUT, ZT_STATE_ESTABLISHED, w->fake.now_ns, w->fake.now_ns);
	record(w);
	sum = sum_since(w, 0);
	assert_int_equal(sum.connections, 2);
	assert_int_equal(sum.out, 900);
}

static void a_refused_connect_is_evidence(void **state)
{
	struct world *w = *state;
	struct zt_event event = {.abi_version = ZT_ABI_VERSION, .type = ZT_EV_REFUSED};
	struct zt_history_rule rule;

	event.key = key_of("0.0.0.0", 0, "10.0.0.9", 22, IPPROTO_TCP);
	event.flow = (struct zt_flow){
		.opener = ZT_DIR_OUT,
		.action = {ZT_DENY, ZT_DENY},
		.rule = {RULE_A, RULE_A},
	};
	event.at_ns = w->fake.now_ns;
	zt_collector_event(w->c, &event);
	record(w);
	assert_int_equal(sum_since(w, 0).connections, 1);
	assert_int_equal(zt_history_rule(w->h, "rule-a", 0, &rule), 0);
	assert_int_equal(rule.denied, 1);
	assert_int_equal(rule.flows, 1);
}

static void thousands_of_edges_in_several_jobs(void **state)
{
	struct world *w = *state;
	struct sum sum;

	for (int i = 0; i < 20000; i++) {
		char far[32];

		snprintf(far, sizeof(far), "10.%d.%d.1", 1 + i / 200, i % 200);
		put(&w->fake, ZT_IN_FLOWS, key_of("10.0.0.1", 1000, far, 443, IPPROTO_TCP),
		    flow_of(ZT_DIR_OUT, ZT_STATE_ESTABLISHED, 900 * S, 990 * S));
	}
	record(w);
	pass(w, 10);
	record(w);
	sum = sum_since(w, 0);
	assert_int_equal(sum.rows, 20000);
	assert_int_equal(sum.connections, 20000);
	assert_int_equal(sum.out, 20000 * 400);
	assert_int_equal(stats_of(w).rows, 20000);
}

/* --- time
 * ------------------------------------------------------------------------------------------- */

static void a_clock_that_jumps(void **state)
{
	struct world *w = *state;
	struct fake_entry *e = living(w, 1000);
	struct sum sum;

	record(w);
	pass(w, 10);
	w->wall_s -= 3 * DAY; /* set back: the bucket of that day, no negative length */
	traffic(w, e, 5);
	record(w);
	pass(w, 10);
	w->wall_s += 400 * DAY;
	traffic(w, e, 5);
	record(w);
	sum = sum_since(w, 0);
	assert_int_equal(sum.connections, 1);
	assert_int_equal(sum.out, 410);
	assert_int_equal(days_of(w).days, 3);
	assert_int_equal(days_of(w).recorded_s, 20);
}

static void month_ends(void **state)
{
	struct world *w = *state;

	/* 2024-10-04 + 25 = the 29th; the last two are 30 and 31. */
	pass(w, 26 * DAY);
	for (int day = 0; day < 4; day++) {
		record(w);
		assert_int_equal(days_of(w).month_end, day == 3);
		pass(w, DAY);
	}
	assert_true(days_of(w).month_end);
}

static void month_ends_with_a_hole_are_none(void **state)
{
	struct world *w = *state;

	pass(w, 26 * DAY);
	for (int day = 0; day < 6; day++) {
		if (day != 1)
			record(w);
		pass(w, DAY);
	}
	assert_false(days_of(w).month_end);
	assert_int_equal(days_of(w).days, 5);
	assert_int_equal(days_of(w).longest_gap_s, 2 * DAY);
}

static void losses_of_the_kernel_are_kept_by_day(void **state)
{
	struct world *w = *state;

	w->fake.counters[ZT_C_LOST_RING].packets = 5; /* of before us */
	record(w);
	w->fake.counters[ZT_C_LOST_RING].packets = 12;
	pass(w, 10);
	record(w);
	assert_int_equal(days_of(w).losses, 7);
}

/* --- statements
 * -------------------------------------------------------------------------------------- */

static void statements_stand_across_restarts(void **state)
{
	struct world *w = *state;
	const uint8_t both[2][ZT_HISTORY_DIGEST_LEN] = {{1}, {2}};
	const uint8_t none[ZT_HISTORY_DIGEST_LEN] = {3};
	struct zt_history_stood stood;

	record(w);
	assert_int_equal(zt_history_stand(w->h, both[0], both, 2), 0);
	record(w);
	for (int i = 0; i < 3; i++) {
		pass(w, 3600);
		record(w);
	}
	assert_int_equal(zt_history_stood(w->h, both[0], &stood), 0);
	assert_int_equal(stood.since_s, NOON);
	assert_int_equal(stood.recorded_s, 3 * 3600);
	/* The second one is taken out, and comes back with another agent: that time is not its. */
	assert_int_equal(zt_history_stand(w->h, both[1], both, 1), 0);
	record(w);
	pass(w, 3600);
	record(w);
	stop_agent(w);
	pass(w, 10 * DAY);
	start_agent(w);
	assert_int_equal(zt_history_stand(w->h, both[0], both, 2), 0);
	record(w);
	pass(w, 600);
	record(w);
	assert_int_equal(zt_history_stood(w->h, both[0], &stood), 0);
	assert_int_equal(stood.since_s, NOON);
	assert_int_equal(stood.recorded_s, 4 * 3600 + 600);
	assert_int_equal(zt_history_stood(w->h, both[1], &stood), 0);
	assert_int_equal(stood.since_s, NOON);
	assert_int_equal(stood.recorded_s, 3 * 3600 + 600);
	assert_int_equal(zt_history_stand(w->h, none, NULL, 0), 0);
	record(w);
	pass(w, 3600);
	record(w);
	assert_int_equal(zt_history_stood(w->h, both[0], &stood), 0);
	assert_int_equal(stood.recorded_s, 4 * 3600 + 600);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		WORLD(an_edge_comes_back_as_it_was),
		WORLD(a_living_flow_is_counted_once),
		WORLD(over_midnight_each_day_gets_its_part),
		WORLD(a_changed_verdict_or_owner_counts_nothing_twice),
		WORLD(a_flow_between_two_tables_is_counted_once),
		WORLD(an_evicted_flow_hides_no_later_one),
		WORLD(an_entry_reused_during_the_walk),
		WORLD(a_refused_connect_is_evidence),
		WORLD(thousands_of_edges_in_several_jobs),
		WORLD(a_clock_that_jumps),
		WORLD(month_ends),
		WORLD(month_ends_with_a_hole_are_none),
		WORLD(losses_of_the_kernel_are_kept_by_day),
		WORLD(statements_stand_across_restarts),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
