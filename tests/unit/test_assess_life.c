/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_assess_life.c - the fact `life` over databases that the agent's own writer made: time in
 * each mode, silence that is explained and silence that is not, suspend, reboots.
 */
#include "history_world.h"

#include "ctl/collect/agent.h"

#define RUN_MS 5000000 /* the machine was up for long when the first agent came */

static struct {
	char boot[ZT_HISTORY_BOOT_LEN];
	int64_t run_ms, asleep_ms, boot_began_ms, attached_ms;
	uint8_t mode;
	uint64_t places;
} fares;

static bool beat_of(void *ctx, struct zt_history_beat *ret)
{
	struct world *w = ctx;
	int64_t now_ms = (int64_t)(w->fake.now_ns / 1000000) - fares.boot_began_ms;

	*ret = (struct zt_history_beat){
		.run_ms = fares.run_ms,
		.awake_ms = now_ms - fares.asleep_ms,
		.boot_ms = now_ms,
		.mode = fares.mode,
		.places = fares.places,
		.attached_ms = fares.attached_ms,
	};
	snprintf(ret->boot, sizeof(ret->boot), "%s", fares.boot);
	return true;
}

static int begin_alive(void **state)
{
	struct world *w;

	begin(state);
	w = *state;
	stop_agent(w);
	memset(&fares, 0, sizeof(fares));
	strcpy(fares.boot, "boot-1");
	fares.run_ms = RUN_MS;
	fares.mode = ZT_BEAT_ENFORCED;
	fares.places = 7;
	w->cfg.beat = beat_of;
	w->cfg.gap_s = 60;
	start_agent(w);
	record(w);
	return 0;
}

static void beats(struct world *w, int n)
{
	for (int i = 0; i < n; i++) {
		pass(w, 10);
		record(w);
	}
}

/* Of a machine whose present boot is another: nothing follows the last beat. */
static json_t *life_of(struct world *w)
{
	const struct ztc_env env = {.root = "", .state_dir = w->dir, .now_s = w->wall_s};
	json_t *data = json_object();

	assert_int_equal(ztc_collect_life(&env, data), 0);
	return data;
}

static int64_t value_of(const json_t *data, const char *key)
{
	return json_integer_value(json_object_get(data, key));
}

static int64_t mode_s(const json_t *data, const char *mode)
{
	return value_of(json_object_get(data, "modes"), mode);
}

static const char *gap_kind(const json_t *data, size_t n)
{
	const json_t *gap = json_array_get(json_object_get(data, "gaps"), n);
	const char *kind = json_string_value(json_object_get(gap, "kind"));

	return kind ? kind : "";
}

static void time_in_each_mode(void **state)
{
	struct world *w = *state;
	json_t *data;

	beats(w, 6);
	fares.mode = ZT_BEAT_STAGED;
	beats(w, 3);
	fares.mode = ZT_BEAT_OBSERVE;
	beats(w, 1);
	data = life_of(w);
	assert_true(json_is_true(json_object_get(data, "intact")));
	assert_int_equal(mode_s(data, "enforced"), 60);
	assert_int_equal(mode_s(data, "staged"), 30);
	assert_int_equal(mode_s(data, "observe"), 10);
	assert_int_equal(value_of(data, "uptime_s"), 100);
	assert_int_equal(value_of(data, "silent_s"), 0);
	json_decref(data);
}

static void silence_on_the_same_hooks_was_held(void **state)
{
	struct world *w = *state;
	json_t *data;

	beats(w, 1);
	stop_agent(w);
	pass(w, 600);
	fares.run_ms++;
	start_agent(w);
	record(w);
	data = life_of(w);
	assert_int_equal(value_of(data, "held_s"), 600);
	assert_int_equal(value_of(data, "unknown_s"), 0);
	assert_int_equal(value_of(data, "silent_s"), 600);
	assert_int_equal(value_of(data, "uptime_s"), 610);
	assert_string_equal(gap_kind(data, 0), "stopped");
	json_decref(data);
}

static void silence_on_other_hooks_proves_nothing(void **state)
{
	struct world *w = *state;
	json_t *data;

	beats(w, 1);
	stop_agent(w);
	pass(w, 600);
	fares.run_ms++;
	fares.places++;
	start_agent(w);
	record(w);
	data = life_of(w);
	assert_int_equal(value_of(data, "held_s"), 0);
	assert_int_equal(value_of(data, "unknown_s"), 600);
	assert_int_equal(value_of(data, "silent_s"), 600);
	json_decref(data);
}

static void a_restart_within_a_minute_is_no_gap(void **state)
{
	struct world *w = *state;
	json_t *data;

	stop_agent(w);
	pass(w, 60);
	fares.run_ms++;
	start_agent(w);
	record(w);
	data = life_of(w);
	assert_int_equal(value_of(data, "silent_s"), 0);
	assert_int_equal(value_of(data, "held_s"), 60);
	json_decref(data);
}

static void suspend_is_no_silence(void **state)
{
	struct world *w = *state;
	json_t *data;

	beats(w, 1);
	pass(w, 7200);
	fares.asleep_ms = 7200 * 1000;
	beats(w, 1);
	data = life_of(w);
	assert_int_equal(value_of(data, "silent_s"), 0);
	assert_int_equal(value_of(data, "uptime_s"), 20);
	assert_int_equal(mode_s(data, "enforced"), 20);
	json_decref(data);
}

/* The machine goes down and comes back, @down_s later, attached @late_s after its start. */
static void reboot(struct world *w, bool asked, int64_t down_s, int64_t late_s)
{
	if (asked)
		stop_agent(w);
	pass(w, down_s);
	fares.boot_began_ms = (int64_t)(w->fake.now_ns / 1000000);
	pass(w, late_s + 10);
	strcpy(fares.boot, "boot-2");
	fares.run_ms = late_s * 1000;
	fares.attached_ms = late_s * 1000;
	if (asked)
		start_agent(w);
	record(w);
}

static void a_machine_that_was_shut_down_explains_it(void **state)
{
	struct world *w = *state;
	const json_t *boot;
	json_t *data;

	beats(w, 1);
	reboot(w, true, 3600, 5);
	data = life_of(w);
	assert_int_equal(value_of(data, "silent_s"), 0);
	assert_int_equal(value_of(data, "unknown_s"), 5);
	assert_int_equal(mode_s(data, "enforced"), 10 + 10);
	boot = json_array_get(json_object_get(data, "boots"), 0);
	assert_int_equal(value_of(boot, "attached_boottime_ms"), 5000);
	assert_int_equal(value_of(boot, "first_beat_boottime_ms"), 15000);
	json_decref(data);
}

static void a_crash_explains_nothing(void **state)
{
	struct world *w = *state;
	json_t *data;

	beats(w, 1);
	reboot(w, false, 3600, 5);
	data = life_of(w);
	assert_int_equal(value_of(data, "silent_s"), 3600);
	assert_string_equal(gap_kind(data, 0), "no-shutdown");
	json_decref(data);
}

static void a_late_start_is_a_gap(void **state)
{
	struct world *w = *state;
	json_t *data;

	beats(w, 1);
	reboot(w, true, 60, 300);
	data = life_of(w);
	assert_int_equal(value_of(data, "silent_s"), 300);
	assert_string_equal(gap_kind(data, 0), "late-start");
	json_decref(data);
}

static void a_window_is_thirty_days(void **state)
{
	struct world *w = *state;
	json_t *data;

	beats(w, 3);
	stop_agent(w);
	pass(w, 40 * DAY);
	fares.boot_began_ms = (int64_t)(w->fake.now_ns / 1000000);
	strcpy(fares.boot, "boot-2");
	fares.run_ms = RUN_MS;
	start_agent(w);
	record(w);
	beats(w, 2);
	data = life_of(w);
	assert_int_equal(mode_s(data, "enforced"), 20);
	assert_int_equal(value_of(data, "spans_total"), 1);
	json_decref(data);
}

static void nothing_was_recorded(void **state)
{
	struct world *w = *state;
	const struct ztc_env env = {.root = "", .state_dir = "/nonexistent", .now_s = w->wall_s};
	json_t *data = json_object();

	assert_int_equal(ztc_collect_life(&env, data), -ENOENT);
	assert_non_null(json_object_get(data, "why"));
	json_decref(data);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(time_in_each_mode, begin_alive, end),
		cmocka_unit_test_setup_teardown(silence_on_the_same_hooks_was_held, begin_alive,
						end),
		cmocka_unit_test_setup_teardown(silence_on_other_hooks_proves_nothing, begin_alive,
						end),
		cmocka_unit_test_setup_teardown(a_restart_within_a_minute_is_no_gap, begin_alive,
						end),
		cmocka_unit_test_setup_teardown(suspend_is_no_silence, begin_alive, end),
		cmocka_unit_test_setup_teardown(a_machine_that_was_shut_down_explains_it,
						begin_alive, end),
		cmocka_unit_test_setup_teardown(a_crash_explains_nothing, begin_alive, end),
		cmocka_unit_test_setup_teardown(a_late_start_is_a_gap, begin_alive, end),
		cmocka_unit_test_setup_teardown(a_window_is_thirty_days, begin_alive, end),
		cmocka_unit_test_setup_teardown(nothing_was_recorded, begin_alive, end),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
