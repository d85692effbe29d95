/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_history_clocks.c - evidence by the hour on machines whose clock jumps.
 */
#include "history_world.h"

static void steps_over_borders_lose_nothing(void **state)
{
	static const int64_t steps[] = {-1,	   1,	 -59,	    61,	  -HOUR,   HOUR,
					-2 * HOUR, HOUR, HOUR,	    -DAY, DAY,	   -13 * HOUR,
					13 * HOUR, DAY,	 -40 * DAY, DAY,  39 * DAY};
	struct world *w = *state;
	struct fake_entry *e = living(w, 1000);
	struct zt_history_window win;
	struct sum sum;
	uint64_t out = 400;

	w->wall_s = MIDNIGHT + 5 * DAY + 30; /* close to a border of both */
	record(w);
	for (size_t i = 0; i < ARRAY_SIZE(steps); i++) {
		w->fake.now_ns += 10 * S;
		w->wall_s += steps[i];
		traffic(w, e, 1 + i);
		out += 1 + i;
		record(w);
		settle(w);
		sum = sum_of(w->h, 0, INT64_MAX, &win); /* every row: first_s <= last_s */
		assert_int_equal(sum.out, out);
		assert_int_equal(sum.connections, 1);
		assert_true(win.from_s <= win.to_s);
	}
	assert_int_equal(number(w, "SELECT count(*) FROM edge_hour WHERE last_s < first_s OR "
				   "first_s < hour * 3600 OR last_s >= hour * 3600 + 3600"),
			 0);
	assert_int_equal(number(w, "SELECT count(*) FROM day WHERE longest_gap_s < 0 OR "
				   "recorded_s < 0 OR last_s < first_s"),
			 0);
}

static void three_days(struct zt_history_config *cfg)
{
	cfg->hour_days = 3;
}

static void a_clock_in_the_far_future_blocks_nothing(void **state)
{
	struct world *w = *state;
	struct fake_entry *e;

	with(w, three_days);
	e = hours(w, NULL, 12 + 2 * 24); /* three days */
	w->wall_s += 40000 * (int64_t)DAY;
	hours(w, e, 2);
	w->wall_s -= 40000 * (int64_t)DAY;
	hours(w, e, 24);
	/* The days of now keep their hours; that of a time to come has given them up. */
	hours(w, e, 24);
	assert_int_equal(number(w, "SELECT hours FROM day WHERE day > 50000"), 0);
	assert_int_equal(number(w, "SELECT count(*) FROM day WHERE hours"), 4);
	assert_int_equal(number(w, "SELECT min(day) FROM day WHERE hours"), 20002);
	assert_int_equal(sum_since(w, 0).out, 400 + 60 + 50);
}

static void a_clock_that_begins_in_1970_keeps_the_hours(void **state)
{
	struct world *w = *state;
	struct fake_entry *e;
	int64_t now_s;

	with(w, three_days);
	e = hours(w, NULL, 12 + 3 * 24 - 1); /* four days, all by the hour */
	now_s = w->wall_s;
	w->wall_s = 100; /* no battery */
	for (int i = 0; i < 3; i++) {
		traffic(w, e, 1);
		record(w);
		pass(w, 10);
	}
	settle(w);
	/* The oldest gave its hours, not the latest; and soon it is 1970 that gives its own. */
	assert_int_equal(number(w, "SELECT hours FROM day WHERE day = 20003"), 1);
	w->wall_s = now_s;
	hours(w, e, 2);
	assert_int_equal(number(w, "SELECT max(hours) FROM day WHERE day < 20001"), 0);
	assert_int_equal(number(w, "SELECT count(*) FROM day WHERE hours"), 4);
	assert_int_equal(sum_since(w, 0).out, 400 + 83 + 3 + 2);
	w->wall_s = -5; /* and a clock that is none */
	traffic(w, e, 1);
	record(w);
	assert_int_equal(sum_since(w, 0).out, 400 + 83 + 3 + 3);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		WORLD(steps_over_borders_lose_nothing),
		WORLD(a_clock_in_the_far_future_blocks_nothing),
		WORLD(a_clock_that_begins_in_1970_keeps_the_hours),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
