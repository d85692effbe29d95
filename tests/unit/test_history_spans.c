/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_history_spans.c - the agent's own life on disk: heartbeats in spans, gaps, the chain of
 * hashes; bytes of devices beside bytes of flows.
 */
#include "history_world.h"

/* How the agent of a test fares. */
static struct {
	char boot[ZT_HISTORY_BOOT_LEN];
	int64_t run_ms, asleep_ms;
	uint8_t mode;
	uint64_t places, bytes, before;
	bool silent;
} fares;

static bool beat_of(void *ctx, struct zt_history_beat *ret)
{
	struct world *w = ctx;

	if (fares.silent)
		return false;
	*ret = (struct zt_history_beat){
		.run_ms = fares.run_ms,
		.awake_ms = (int64_t)(w->fake.now_ns / 1000000),
		.boot_ms = (int64_t)(w->fake.now_ns / 1000000) + fares.asleep_ms,
		.mode = fares.mode,
		.places = fares.places,
		.attached_ms = 900,
		.unjudged = 3,
		.devices = calloc(1, sizeof(*ret->devices)),
		.device_count = 1,
	};
	snprintf(ret->boot, sizeof(ret->boot), "%s", fares.boot);
	ret->devices[0] = (struct zt_history_device){
		.ifindex = 2, .name = "eth0", .bytes = fares.bytes, .before = fares.before};
	return true;
}

static void restart(struct world *w)
{
	stop_agent(w);
	fares.run_ms++;
	start_agent(w);
}

static int begin_alive(void **state)
{
	struct world *w;

	begin(state);
	w = *state;
	stop_agent(w);
	memset(&fares, 0, sizeof(fares));
	strcpy(fares.boot, "boot-1");
	fares.mode = ZT_BEAT_ENFORCED;
	fares.places = 0xfedcba9876543210; /* above what SQL calls an integer */
	fares.before = UINT64_MAX;
	w->cfg.beat = beat_of;
	w->cfg.gap_s = 60;
	start_agent(w);
	return 0;
}

struct life {
	struct zt_history_span rows[16];
	size_t count;
	bool intact;
};

static int take_span(const struct zt_history_span *span, void *ctx)
{
	struct life *life = ctx;

	assert_true(life->count < 16);
	life->rows[life->count++] = *span;
	return 0;
}

static struct life life_of(struct zt_history *h, int64_t since_s)
{
	struct life life = {0};

	assert_int_equal(zt_history_each_span(h, since_s, take_span, &life, &life.intact), 0);
	return life;
}

static void beats(struct world *w, int n)
{
	for (int i = 0; i < n; i++) {
		pass(w, 10);
		record(w);
	}
}

static void beats_without_a_gap_are_one_span(void **state)
{
	struct world *w = *state;
	struct life life;

	record(w);
	beats(w, 6);
	life = life_of(w->h, 0);
	assert_true(life.intact);
	assert_int_equal(life.count, 1);
	assert_int_equal(life.rows[0].beats, 7);
	assert_int_equal(life.rows[0].to_ms - life.rows[0].from_ms, 60000);
	assert_int_equal(life.rows[0].to_s - life.rows[0].from_s, 60);
	assert_int_equal(life.rows[0].mode, ZT_BEAT_ENFORCED);
	assert_true(life.rows[0].places == fares.places);
	assert_string_equal(life.rows[0].boot, "boot-1");
	assert_false(life.rows[0].ended);
	assert_int_equal(life.rows[0].unjudged, 3);
}

static void another_mode_or_place_is_another_span(void **state)
{
	struct world *w = *state;
	struct life life;

	record(w);
	beats(w, 2);
	fares.mode = ZT_BEAT_STAGED;
	beats(w, 2);
	fares.places++;
	beats(w, 1);
	life = life_of(w->h, 0);
	assert_true(life.intact);
	assert_int_equal(life.count, 3);
	/* Without a hole between them: it is as the later beat found it. */
	assert_int_equal(life.rows[1].from_ms, life.rows[0].to_ms);
	assert_int_equal(life.rows[1].to_ms - life.rows[1].from_ms, 20000);
	assert_int_equal(life.rows[2].from_ms, life.rows[1].to_ms);
}

static void a_gap_ends_a_span(void **state)
{
	struct world *w = *state;
	struct life life;

	record(w);
	beats(w, 1);
	pass(w, 60); /* not longer than a gap */
	record(w);
	assert_int_equal(life_of(w->h, 0).count, 1);
	pass(w, 61);
	record(w);
	life = life_of(w->h, 0);
	assert_int_equal(life.count, 2);
	assert_int_equal(life.rows[1].from_ms - life.rows[0].to_ms, 61000);
	/* A night asleep is none: CLOCK_MONOTONIC stood still. */
	fares.asleep_ms += 8 * 3600 * 1000;
	beats(w, 1);
	life = life_of(w->h, 0);
	assert_int_equal(life.count, 2);
	assert_int_equal(life.rows[1].awake_to_ms - life.rows[1].awake_from_ms, 10000);
	assert_int_equal(life.rows[1].to_ms - life.rows[1].from_ms, 10000 + 8 * 3600 * 1000);
}

static void who_was_asked_to_stop_says_so(void **state)
{
	struct world *w = *state;
	struct life life;

	record(w);
	beats(w, 1);
	restart(w);
	beats(w, 1);
	life = life_of(w->h, 0);
	assert_true(life.intact);
	assert_int_equal(life.count, 2);
	assert_true(life.rows[0].ended);
	assert_false(life.rows[1].ended);
	/* Another boot, and nobody to say how it fares. */
	strcpy(fares.boot, "boot-2");
	beats(w, 1);
	fares.silent = true;
	beats(w, 3);
	life = life_of(w->h, 0);
	assert_int_equal(life.count, 3);
	assert_string_equal(life.rows[2].boot, "boot-2");
	assert_int_equal(life.rows[2].beats, 1);
	/* Of a window: what reaches into it. */
	assert_int_equal(life_of(w->h, life.rows[1].to_s).count, 2);
}

static void killed_is_not_stopped(void **state)
{
	struct world *w = *state;
	struct life life;
	pid_t pid;

	stop_agent(w);
	pid = fork();
	if (!pid) {
		fares.run_ms++;
		start_agent(w);
		record(w);
		kill(getpid(), SIGKILL);
	}
	assert_int_equal(waitpid(pid, NULL, 0), pid);
	fares.run_ms += 2;
	start_agent(w);
	beats(w, 1);
	life = life_of(w->h, 0);
	assert_true(life.intact);
	assert_int_equal(life.count, 2);
	assert_false(life.rows[0].ended);
}

/* What somebody with a database tool would do to look better. */
static void altered_rows_are_told(void **state)
{
	static const char *const how[] = {
		"UPDATE span SET mode = 3 WHERE id = 1",
		"UPDATE span SET to_ms = to_ms + 600000 WHERE id = 2",
		"DELETE FROM span WHERE id = 2",
		"UPDATE span SET hash = x'00' WHERE id = 3",
		"UPDATE span SET prev = hash WHERE id = 2",
	};
	struct world *w = *state;

	for (size_t i = 0; i < sizeof(how) / sizeof(how[0]); i++) {
		fares.mode = ZT_BEAT_STAGED;
		record(w);
		beats(w, 1);
		fares.mode = ZT_BEAT_ENFORCED;
		beats(w, 1);
		fares.mode = ZT_BEAT_STAGED;
		beats(w, 1);
		assert_true(life_of(w->h, 0).intact);
		stop_agent(w);
		sql(w->path, how[i]);
		start_agent(w);
		record(w);
		if (life_of(w->h, 0).intact)
			fail_msg("not noticed: %s", how[i]);
		stop_agent(w);
		unlink(w->path);
		start_agent(w);
	}
}

static void bytes_of_devices_beside_those_of_flows(void **state)
{
	struct world *w = *state;
	struct zt_history_bytes bytes;
	struct fake_entry *e;

	/* One that was guarded before this agent began counts from its first word on. */
	fares.bytes = 5000;
	record(w);
	assert_int_equal(zt_history_bytes(w->h, 0, &bytes), 0);
	assert_int_equal(bytes.device, 0);
	pass(w, 10);
	e = living(w, 1000);
	traffic(w, e, 900);
	fares.bytes += 1000;
	record(w);
	assert_int_equal(zt_history_bytes(w->h, 0, &bytes), 0);
	assert_int_equal(bytes.device, 1000);
	assert_int_equal(bytes.flow, sum_since(w, 0).out + sum_since(w, 0).in);
	assert_true(bytes.flow >= 900);
	/* Over a restart it goes on. */
	restart(w);
	pass(w, 10);
	fares.bytes += 70;
	record(w);
	assert_int_equal(zt_history_bytes(w->h, 0, &bytes), 0);
	assert_int_equal(bytes.device, 1070);
	/* A new boot: counters begin at zero, and this agent attached after 40 bytes. */
	strcpy(fares.boot, "boot-2");
	fares.bytes = 100;
	fares.before = 40;
	pass(w, 10);
	record(w);
	assert_int_equal(zt_history_bytes(w->h, 0, &bytes), 0);
	assert_int_equal(bytes.device, 1130);
	assert_int_equal(zt_history_bytes(w->h, w->wall_s + DAY, &bytes), 0);
	assert_int_equal(bytes.device, 0);
}

static int take_device(const struct zt_history_device *device, void *ctx)
{
	*(struct zt_history_device *)ctx = *device;
	return 0;
}

static void the_last_word_on_a_device(void **state)
{
	struct zt_history_device device = {0};
	struct world *w = *state;

	fares.bytes = 777;
	record(w);
	assert_int_equal(zt_history_each_device(w->h, "boot-1", take_device, &device), 0);
	assert_string_equal(device.name, "eth0");
	assert_int_equal(device.bytes, 777);
	assert_int_equal(device.at_s, w->wall_s);
	device.bytes = 0;
	assert_int_equal(zt_history_each_device(w->h, "boot-2", take_device, &device), 0);
	assert_int_equal(device.bytes, 0);
}

/* A file of version 2 lacks all of it, and is read and brought up to date. */
static void version_2_goes_on(void **state)
{
	static const char back[] = "DROP TABLE span; DROP TABLE device;"
				   "ALTER TABLE day DROP COLUMN device_bytes;"
				   "ALTER TABLE day DROP COLUMN flow_bytes;"
				   "PRAGMA user_version = 2;";
	struct world *w = *state;
	struct zt_history *reader = NULL;
	struct zt_history_bytes bytes;
	struct life life;

	record(w);
	stop_agent(w);
	sql(w->path, back);
	assert_int_equal(zt_history_open_read(&reader, w->path), 0);
	life = life_of(reader, 0);
	assert_int_equal(life.count, 0);
	assert_int_equal(zt_history_bytes(reader, 0, &bytes), 0);
	assert_int_equal(bytes.device, 0);
	zt_history_close(&reader);
	start_agent(w);
	record(w);
	beats(w, 1);
	assert_int_equal(life_of(w->h, 0).count, 1);
	assert_int_equal(days_of(w).days, 1);
	assert_int_equal(stats_of(w).set_asides, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(beats_without_a_gap_are_one_span, begin_alive, end),
		cmocka_unit_test_setup_teardown(another_mode_or_place_is_another_span, begin_alive,
						end),
		cmocka_unit_test_setup_teardown(a_gap_ends_a_span, begin_alive, end),
		cmocka_unit_test_setup_teardown(who_was_asked_to_stop_says_so, begin_alive, end),
		cmocka_unit_test_setup_teardown(killed_is_not_stopped, begin_alive, end),
		cmocka_unit_test_setup_teardown(altered_rows_are_told, begin_alive, end),
		cmocka_unit_test_setup_teardown(bytes_of_devices_beside_those_of_flows, begin_alive,
						end),
		cmocka_unit_test_setup_teardown(the_last_word_on_a_device, begin_alive, end),
		cmocka_unit_test_setup_teardown(version_2_goes_on, begin_alive, end),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
