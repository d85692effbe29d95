// SPDX-License-Identifier: Apache-2.0
/*
 * test_labels_time.c - labels over time: ends, restarts, reboots, jumps of the clock, coalescing.
 */
#include "labels_rig.h"

static void test_ends(void **state)
{
	struct rig *rig = *state;
	uint64_t begin = zt_now_ns();
	struct zt_overlay o;

	/* Two labels of one host, one after the other; a third that only the file ends. */
	set(rig, "a", "one", "1", SEC / 4);
	set(rig, "a", "two", "2", SEC / 2);
	set(rig, "a", "three", "3", 0);
	wait_told(rig, 2);
	assert_string_equal(rows(rig, "a"), "one=1(set) three=3(set) two=2(set) ");
	while (strstr(rows(rig, "a"), "one"))
		sd_event_run(rig->event, 100000);
	assert_true(zt_now_ns() - begin >= SEC / 4);
	assert_string_equal(rows(rig, "a"), "three=3(set) two=2(set) ");
	while (strstr(rows(rig, "a"), "two"))
		sd_event_run(rig->event, 100000);
	assert_true(zt_now_ns() - begin >= SEC / 2);
	while (overlay(rig, &o) > 1)
		sd_event_run(rig->event, 100000);
	/* An end moves the label epoch: what was kept under it is not any more. */
	assert_int_equal(rig->entered, 1);
	assert_int_equal(o.hosts[0].label_epoch, rig->epoch);
	assert_int_equal(state_of(rig).labels, 1);
	assert_int_equal(state_of(rig).next_end_ns, 0);
}

/* Put off, not changed: rows for the kernel, but no connection is cut for it. */
static void test_renewed(void **state)
{
	struct rig *rig = *state;
	struct zt_overlay o;
	uint32_t was;

	set(rig, "a", "k", "v", 100 * SEC);
	assert_int_equal(rig->entered, 1);
	was = rig->epoch;
	set(rig, "a", "k", "v", 200 * SEC);
	wait_told(rig, 2);
	assert_int_equal(rig->entered, 0);
	assert_int_equal(overlay(rig, &o), 1);
	assert_true(o.labels[0].until_ns > zt_now_ns() + 150 * SEC);
	assert_int_equal(o.hosts[0].label_epoch, was);
	/* A label that is below another one is none that counts. */
	write_file(rig, "f.json",
		   "{\"labels\": [{\"host\": \"a\", \"key\": \"k\", \"value\": \"w\"}]}");
	wait_told(rig, 3);
	assert_int_equal(rig->entered, 0);
}

static void test_restart(void **state)
{
	struct rig *rig = *state;
	struct zt_overlay o;
	uint64_t until_ns;
	uint32_t epoch;

	set(rig, "a", "k", "v", 100 * SEC);
	write_file(rig, "f.json",
		   "{\"labels\": [{\"host\": \"b\", \"key\": \"k\", "
		   "\"value\": \"w\", \"ttl_s\": 50}]}");
	wait_told(rig, 2);
	overlay(rig, &o);
	until_ns = o.labels[0].until_ns;
	epoch = o.hosts[0].label_epoch;
	stop(rig);
	start(rig);
	/* The time goes on; nothing is told, since nothing changed. */
	assert_int_equal(overlay(rig, &o), 2);
	assert_true(o.labels[0].until_ns == until_ns);
	assert_true(o.labels[1].until_ns <= zt_now_ns() + 50 * SEC);
	assert_int_equal(o.host_count, 2);
	assert_int_equal(o.hosts[0].label_epoch, epoch);
	settle(rig);
	assert_int_equal(rig->told, 2);
	/* Written while no agent ran: flows judged before are not kept. */
	stop(rig);
	write_file(rig, "f.json",
		   "{\"labels\": [{\"host\": \"b\", \"key\": \"k\", \"value\": \"x\"}]}");
	start(rig);
	assert_int_equal(overlay(rig, &o), 2);
	assert_string_equal(o.labels[1].value, "x");
	assert_int_equal(o.hosts[0].label_epoch, epoch);
	assert_int_equal(o.hosts[1].label_epoch, rig->epoch);
	/* Epochs of pins that are gone. */
	stop(rig);
	rig->epoch = 0;
	start(rig);
	assert_int_equal(overlay(rig, &o), 2);
	assert_int_equal(o.host_count, 0);
}

/* Killed before it could save what it told: on the safe side. */
static void test_killed(void **state)
{
	struct rig *rig = *state, *again = NULL;
	struct zt_overlay o;

	set(rig, "a", "k", "v", 0);
	assert_int_equal(setup((void **)&again), 0);
	stop(again);
	strcpy(again->state, rig->state);
	again->epoch = 40;
	start(again);
	assert_string_equal(rows(again, "a"), "k=v(set) ");
	assert_int_equal(overlay(again, &o), 1);
	assert_int_equal(o.hosts[0].label_epoch, 41);
	teardown((void **)&again);
}

static void test_reboot(void **state)
{
	struct rig *rig = *state;
	struct zt_overlay o;

	set(rig, "a", "k", "v", 100 * SEC);
	set(rig, "b", "forever", "v", 0);
	wait_told(rig, 2);
	stop(rig);
	/* 60 s on the wall have gone by. */
	rig->clock.boot_id = "second";
	rig->clock.wall_ns += 60 * (int64_t)SEC;
	rig->epoch = 0;
	start(rig);
	assert_int_equal(overlay(rig, &o), 2);
	assert_true(o.labels[0].until_ns > zt_now_ns() + 35 * SEC);
	assert_true(o.labels[0].until_ns < zt_now_ns() + 41 * SEC);
	assert_int_equal(o.labels[1].until_ns, 0);
	assert_int_equal(o.host_count, 0);
	/* A clock that lost its battery gives no more than there was at first. */
	stop(rig);
	rig->clock.boot_id = "third";
	rig->clock.wall_ns = 0;
	start(rig);
	overlay(rig, &o);
	assert_true(o.labels[0].until_ns <= zt_now_ns() + 100 * SEC);
	assert_true(o.labels[0].until_ns > zt_now_ns() + 95 * SEC);
	/* And when NTP has set it, the end is where it was. */
	rig->clock.wall_ns = (int64_t)(zt_now_wall_ns() - zt_now_ns() + 70 * SEC);
	zt_labels_clock_moved(rig->labels);
	wait_told(rig, 3);
	overlay(rig, &o);
	assert_true(o.labels[0].until_ns < zt_now_ns() + 31 * SEC);
	/* After it, it is gone. */
	stop(rig);
	rig->clock.boot_id = "fourth";
	rig->clock.wall_ns += 40 * (int64_t)SEC;
	start(rig);
	assert_int_equal(overlay(rig, &o), 1);
	assert_string_equal(o.labels[0].host, "b");
}

static void test_clock(void **state)
{
	struct rig *rig = *state;
	struct zt_overlay o;
	char text[256], when[ZT_TIME_TEXT_LEN];
	uint64_t until_ns;

	snprintf(text, sizeof(text),
		 "{\"labels\": [{\"host\": \"a\", \"key\": \"k\", \"value\": \"v\", "
		 "\"expires\": \"%s\"}]}",
		 zt_wall_text(zt_now_wall_ns() + 1000 * SEC, when));
	write_file(rig, "d.json", text);
	wait_told(rig, 1);
	set(rig, "b", "k", "v", 500 * SEC);
	wait_told(rig, 2);
	overlay(rig, &o);
	until_ns = o.labels[0].until_ns;
	/* Set an hour ahead: the date has passed, the time to live has not. */
	rig->clock.wall_ns += 3600 * (int64_t)SEC;
	zt_labels_clock_moved(rig->labels);
	wait_told(rig, 3);
	assert_int_equal(overlay(rig, &o), 1);
	assert_string_equal(o.labels[0].host, "b");
	/* And back: the date has not. */
	rig->clock.wall_ns -= 3600 * (int64_t)SEC;
	zt_labels_clock_moved(rig->labels);
	wait_told(rig, 4);
	assert_int_equal(overlay(rig, &o), 2);
	assert_true(o.labels[0].until_ns == until_ns);
	/* Asleep for 400 s: a time to live ran meanwhile. */
	rig->clock.slept_ns += 400 * (int64_t)SEC;
	rig->clock.wall_ns += 400 * (int64_t)SEC;
	zt_labels_clock_moved(rig->labels);
	wait_told(rig, 5);
	overlay(rig, &o);
	assert_true(o.labels[0].until_ns == until_ns - 400 * SEC);
	assert_true(o.labels[1].until_ns < zt_now_ns() + 101 * SEC);
}

/* A time to live in a file counts from when it was written, however often it is read. */
static void test_file_age(void **state)
{
	struct rig *rig = *state;
	struct timespec times[2] = {{.tv_nsec = UTIME_NOW}};
	struct zt_overlay o;
	char path[160];

	snprintf(path, sizeof(path), "%s/.old", rig->dir);
	write_file(rig, ".old",
		   "{\"labels\": ["
		   "{\"host\": \"a\", \"key\": \"k\", \"value\": \"v\", \"ttl_s\": 90},"
		   "{\"host\": \"b\", \"key\": \"k\", \"value\": \"v\", \"ttl_s\": 30}"
		   "]}");
	times[1].tv_sec = (time_t)(zt_now_wall_ns() / SEC) - 60;
	assert_int_equal(utimensat(AT_FDCWD, path, times, 0), 0);
	{
		char to[160];

		snprintf(to, sizeof(to), "%s/old.json", rig->dir);
		assert_int_equal(rename(path, to), 0);
	}
	wait_told(rig, 1);
	/* One has ended before it was read. */
	assert_int_equal(overlay(rig, &o), 1);
	assert_string_equal(o.labels[0].host, "a");
	assert_true(o.labels[0].until_ns < zt_now_ns() + 31 * SEC);
}

static void test_coalesced(void **state)
{
	struct rig *rig = *state;
	uint64_t begin = zt_now_ns(), spent_ms;
	char value[16];
	int most;

	for (int i = 0; i < 300; i++) {
		snprintf(value, sizeof(value), "v%d", i);
		set(rig, "a", "k", value, 0);
		settle(rig);
	}
	assert_int_equal(state_of(rig).labels, 1);
	while (!zt_labels_flush(rig->labels))
		sd_event_run(rig->event, 100000);
	assert_string_equal(rows(rig, "a"), "k=v299(set) ");
	spent_ms = (zt_now_ns() - begin) / ZT_NS_PER_MS;
	most = (int)(spent_ms / (ZT_LABELS_GAP_NS / ZT_NS_PER_MS)) + 2;
	assert_true(rig->told <= most);
	assert_true(rig->told < 300);
}

/* What could not be put in force is told again. */
static void test_told_again(void **state)
{
	struct rig *rig = *state;
	struct zt_overlay o;

	rig->answer = -EIO;
	set(rig, "a", "k", "v", 0);
	assert_int_equal(rig->told, 1);
	assert_false(zt_labels_flush(rig->labels));
	rig->answer = 0;
	wait_told(rig, 2);
	assert_string_equal(rig->hosts, "a ");
	assert_int_equal(rig->entered, 1);
	assert_true(zt_labels_flush(rig->labels));
	assert_int_equal(overlay(rig, &o), 1);
}

static void test_disk(void **state)
{
	struct rig *rig = *state;
	const struct zt_label_set one = {"k", "v"};
	char err[ZT_LABELS_ERR_LEN], path[160], away[160];
	FILE *f;

	/* Nothing can be written: nothing changes, and the reason is given. */
	snprintf(away, sizeof(away), "%s/away", rig->root);
	assert_int_equal(rename(rig->state, away), 0);
	assert_int_equal(zt_labels_set(rig->labels, "a", &one, 1, 0, err), -ENOENT);
	assert_non_null(strstr(err, "cannot be kept"));
	assert_int_equal(state_of(rig).labels, 0);
	assert_non_null(state_of(rig).store_error);
	assert_int_equal(rig->told, 0);
	assert_int_equal(rename(away, rig->state), 0);
	set(rig, "a", "k", "v", 0);
	assert_null(state_of(rig).store_error);
	/* What is on disk is no JSON: put aside, and raised. */
	stop(rig);
	snprintf(path, sizeof(path), "%s/labels.json", rig->state);
	f = fopen(path, "w");
	fputs("{\"version\": 1, \"set\": [", f);
	fclose(f);
	start(rig);
	assert_int_equal(state_of(rig).labels, 0);
	assert_non_null(strstr(state_of(rig).store_error, "labels.json.broken"));
	strcat(path, ".broken");
	assert_int_equal(access(path, F_OK), 0);
}

#define TEST(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_ends),     TEST(test_renewed),   TEST(test_restart),
		TEST(test_killed),   TEST(test_reboot),	   TEST(test_clock),
		TEST(test_file_age), TEST(test_coalesced), TEST(test_told_again),
		TEST(test_disk),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
