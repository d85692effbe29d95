/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_history_hours.c - evidence by the hour: windows, hours that become days.
 */
#include "history_world.h"

#include <sched.h>
#include <sys/mount.h>

#define KILLED 3000 /* edges of an agent that is killed */

/* As many sessions, each an edge of its own; they last. */
static void crowd(struct world *w, int count)
{
	for (int i = 0; i < count; i++) {
		char far[32];

		snprintf(far, sizeof(far), "10.1.%d.%d", i / 200, i % 200);
		put(&w->fake, ZT_IN_FLOWS, key_of("10.0.0.1", 22, far, 4000, IPPROTO_TCP),
		    flow_of(ZT_DIR_IN, ZT_STATE_ESTABLISHED, w->fake.now_ns, w->fake.now_ns));
	}
}

/* --- windows -----------------------------------------------------------------------------------
 */

static void a_window_is_widened_to_hours(void **state)
{
	struct world *w = *state;
	struct zt_history_window win;
	struct sum sum;

	hours(w, NULL, 10);
	sum = sum_of(w->h, NOON + HOUR + 59, NOON + 3 * HOUR + 1, &win);
	assert_int_equal(win.from_s, NOON + HOUR);
	assert_int_equal(win.to_s, NOON + 4 * HOUR);
	assert_false(win.from_day || win.to_day);
	assert_int_equal(win.first_s, NOON);
	assert_int_equal(win.last_s, NOON + 9 * HOUR);
	assert_int_equal(sum.out, 3);
	assert_int_equal(sum.connections, 0); /* it began before */
	assert_int_equal(sum.first_s, NOON + HOUR);
	assert_int_equal(sum.last_s, NOON + 3 * HOUR);
	/* To the second, an hour's border is none of the hour before it. */
	assert_int_equal(sum_of(w->h, NOON + HOUR, NOON + 2 * HOUR, &win).out, 1);
	assert_int_equal(win.to_s, NOON + 2 * HOUR);
	/* Open ends are what was recorded. */
	sum = sum_of(w->h, 0, INT64_MAX, &win);
	assert_int_equal(win.from_s, NOON);
	assert_int_equal(win.to_s, NOON + 9 * HOUR + 1);
	assert_int_equal(sum.out, 410);
	assert_int_equal(sum.connections, 1);
	assert_int_equal(sum_of(w->h, NOON - 5 * DAY, NOON, &win).rows, 0);
	assert_int_equal(sum_of(w->h, NOON + 20 * HOUR, INT64_MAX - 5, &win).rows, 0);
}

static void windows_that_are_none(void **state)
{
	struct world *w = *state;
	struct zt_history_cursor *c = NULL;

	hours(w, NULL, 1);
	assert_int_equal(zt_history_cursor_open(&c, w->h, NOON, NOON), -EINVAL);
	assert_int_equal(zt_history_cursor_open(&c, w->h, NOON, NOON - 1), -EINVAL);
	assert_int_equal(zt_history_cursor_open(&c, w->h, 0, 0), -EINVAL);
	assert_int_equal(zt_history_cursor_open(&c, w->h, 0, -7), -EINVAL);
	assert_null(c);
	assert_int_equal(sum_of(w->h, 1, 2, NULL).rows, 0);
}

static void nothing_was_recorded_yet(void **state)
{
	struct world *w = *state;
	struct zt_history_cursor *c = NULL;

	stop_agent(w);
	strcat(w->path, ".none/flows.db"); /* nothing can be made there */
	w->cfg.write_ms = 50;
	start_agent(w);
	assert_int_equal(zt_history_cursor_open(&c, w->h, 0, INT64_MAX), -ENOENT);
	assert_int_equal(sum_since(w, 0).rows, 0);
}

struct portion {
	size_t told;
	uint8_t seen[5000];
};

static int count_once(const struct zt_history_edge *edge, void *ctx)
{
	struct portion *p = ctx;

	p->told++;
	assert_int_equal(p->seen[edge->port]++, 0);
	return 0;
}

static int stop_at_ten(const struct zt_history_edge *edge, void *ctx)
{
	(void)edge;
	return ++*(size_t *)ctx == 10 ? -ECANCELED : 0;
}

static void in_portions_each_edge_comes_once(void **state)
{
	struct world *w = *state;
	struct zt_history_cursor *c = NULL;
	struct portion p = {0};
	size_t calls = 0, told = 0;
	int r;

	for (int i = 1; i < 3000; i++)
		put(&w->fake, ZT_IN_FLOWS,
		    key_of("10.0.0.1", 1000, "10.0.0.3", (uint16_t)i, IPPROTO_TCP),
		    flow_of(ZT_DIR_OUT, ZT_STATE_ESTABLISHED, 900 * S, 990 * S));
	record(w);
	assert_int_equal(zt_history_cursor_open(&c, w->h, 0, INT64_MAX), 0);
	do {
		size_t before = p.told;

		r = zt_history_cursor_next(c, 7, count_once, &p);
		assert_true(p.told - before <= 7);
		calls++;
		/* What goes on meanwhile is in nobody's way. */
		if (calls % 100 == 0) {
			pass(w, 10);
			record(w);
		}
	} while (r == 1);
	assert_int_equal(r, 0);
	assert_int_equal(p.told, 2999);
	zt_history_cursor_close(&c);
	assert_int_equal(zt_history_cursor_open(&c, w->h, 0, INT64_MAX), 0);
	assert_int_equal(zt_history_cursor_next(c, 0, stop_at_ten, &told), -ECANCELED);
	assert_int_equal(told, 10);
	zt_history_cursor_close(&c);
}

/* --- hours become days ---------------------------------------------------------------------------
 */

static void one_day(struct zt_history_config *cfg)
{
	cfg->hour_days = 1;
}

static void old_hours_become_days(void **state)
{
	struct world *w = *state;
	struct zt_history_window win;
	struct sum all;

	with(w, one_day);
	hours(w, NULL, 12 + 24 + 24 + 3); /* four days; of the last two the hours are kept */
	assert_int_equal(stats_of(w).hours, 24 + 3);
	assert_int_equal(stats_of(w).rows, 4);
	assert_int_equal(number(w, "SELECT count(*) FROM day WHERE hours"), 2);
	assert_int_equal(number(w, "SELECT count(*) FROM edge_day"), 2);
	all = sum_since(w, 0);
	assert_int_equal(all.rows, 1);
	assert_int_equal(all.out, 400 + 63);
	assert_int_equal(all.packets, 4 + 63);
	assert_int_equal(all.connections, 1);
	assert_int_equal(all.first_s, NOON);
	assert_int_equal(all.last_s, NOON + 62 * HOUR);
	/* A window that begins within a day without hours has all of it, and says so. */
	assert_int_equal(sum_of(w->h, MIDNIGHT + DAY + 5 * HOUR, INT64_MAX, &win).out, 24 + 24 + 3);
	assert_int_equal(win.from_s, MIDNIGHT + DAY);
	assert_true(win.from_day);
	assert_int_equal(sum_of(w->h, MIDNIGHT, MIDNIGHT + DAY + 5 * HOUR, &win).out, 412 + 24);
	assert_int_equal(win.to_s, MIDNIGHT + 2 * DAY);
	assert_true(win.to_day && !win.from_day);
	assert_int_equal(sum_of(w->h, MIDNIGHT + 2 * DAY + HOUR, INT64_MAX, &win).out, 23 + 3);
	assert_false(win.from_day);
	assert_int_equal(sum_of(w->h, MIDNIGHT + DAY, MIDNIGHT + 2 * DAY, &win).out, 24);
	assert_false(win.from_day || win.to_day);
}

static void rolled_up_beneath_a_walk(void **state)
{
	struct world *w = *state;
	struct zt_history_cursor *c = NULL, *whole = NULL;
	struct sum sum = {0};

	with(w, one_day);
	hours(w, NULL, 20);
	assert_int_equal(zt_history_cursor_open(&c, w->h, NOON + 2 * HOUR, INT64_MAX), 0);
	assert_int_equal(zt_history_cursor_open(&whole, w->h, MIDNIGHT, INT64_MAX), 0);
	hours(w, &w->fake.entries[0], 24); /* a third day: the first has no hours any more */
	assert_int_equal(zt_history_cursor_next(c, 0, add_edge, &sum), -ESTALE);
	assert_int_equal(zt_history_cursor_next(whole, 0, add_edge, &sum), 0);
	assert_int_equal(sum.out, 400 + 44);
	zt_history_cursor_close(&c);
	zt_history_cursor_close(&whole);
}

static void two_kinds_of_protocol_with_health(void **state)
{
	struct world *w = *state;
	struct fake_entry *e = living(w, 1000);
	struct sum sum;

	with(w, one_day);
	for (int day = 0; day < 4; day++) {
		for (int i = 0; i < 3; i++) {
			e = living(w, (uint16_t)(2000 + 10 * day + i));
			e->flow.encryption = ZT_ENC_TLS13;
			e->flow.app = ZT_APP_HTTP;
			e->flow.rtt_us = i ? 100 : 1000000;
			e->flow.retrans = 2;
			e->flow.health = ZT_HEALTH_ANSWERED | (i ? 0 : ZT_HEALTH_RST_FAR);
			e->flow.state = ZT_STATE_CLOSED;
			pass(w, HOUR);
		}
		record(w);
		pass(w, DAY);
	}
	settle(w);
	assert_true(number(w, "SELECT count(*) FROM edge_day WHERE rtt NOT NULL") >= 2);
	assert_int_equal(number(w, "SELECT count(*) FROM edge"), 2);
	sum = sum_since(w, 0);
	assert_int_equal(sum.rows, 2);
	assert_int_equal(sum.connections, 13);
	assert_int_equal(sum.secret.encryption, ZT_ENC_TLS13);
	assert_int_equal(sum.secret.app, ZT_APP_HTTP);
	assert_int_equal(sum.secret.connections, 12);
	assert_int_equal(sum.secret.health.retransmits, 24);
	assert_int_equal(sum.secret.health.resets, 4);
	assert_int_equal(sum.secret.health.refused, 0);
	assert_int_equal(zt_rtt_samples(&sum.secret.health.rtt), 12);
	assert_int_equal(sum.secret.health.rtt.count[zt_rtt_bucket(100)], 8);
	assert_int_equal(sum.secret.health.rtt.count[zt_rtt_bucket(1000000)], 4);
}

/* Begins to roll a day up, says so, and goes on. */
static void roll_until_killed(struct world *w, int ready)
{
	w->cfg.hour_days = 1;
	start_agent(w);
	crowd(w, KILLED);
	for (int hour = 0; hour < 4; hour++) {
		record(w);
		pass(w, HOUR);
		for (size_t i = 0; i < w->fake.count; i++)
			traffic(w, &w->fake.entries[i], 1);
	}
	for (int day = 0; day < 2; day++) {
		pass(w, DAY);
		record(w);
	}
	if (write(ready, "x", 1) != 1)
		_exit(1);
	settle(w);
	pause();
}

static void whole(const struct sum *sum)
{
	assert_int_equal(sum->rows, KILLED);
	assert_int_equal(sum->connections, KILLED);
	assert_int_equal(sum->in, KILLED * (400 + 4)); /* the far end opened them */
}

/* All that was written is there, once, wherever it was killed. */
static void killed_while_rolling_up(void **state)
{
	struct world *w = *state;
	int halves = 0;

	for (int round = 0; round < 4; round++) {
		struct zt_history *reader = NULL;
		struct sum sum;
		int ready[2];
		char byte;
		pid_t pid;

		stop_agent(w);
		unlink(w->path);
		w->wall_s = NOON;
		assert_int_equal(pipe(ready), 0);
		pid = fork();
		if (!pid)
			roll_until_killed(w, ready[1]);
		assert_int_equal(read(ready[0], &byte, 1), 1);
		/* Some of it is done; then a little more of it each time. */
		for (int i = 0; i < 10000 && !number(w, "SELECT count(*) FROM edge_day"); i++)
			usleep(1000);
		usleep((useconds_t)(round * 2000));
		kill(pid, SIGKILL);
		assert_int_equal(waitpid(pid, NULL, 0), pid);
		close(ready[0]);
		close(ready[1]);
		assert_int_equal(zt_history_open_read(&reader, w->path), 0);
		sum = sum_of(reader, 0, INT64_MAX, NULL);
		whole(&sum);
		zt_history_close(&reader);
		halves += number(w, "SELECT count(*) FROM edge_hour WHERE hour < 20001 * 24") > 0 &&
			  number(w, "SELECT count(*) FROM edge_day") > 0;
		w->wall_s = NOON + 2 * DAY + 5 * HOUR;
		w->cfg.hour_days = 1;
		start_agent(w);
		record(w);
		settle(w);
		sum = sum_since(w, 0);
		whole(&sum);
		assert_int_equal(
			number(w, "SELECT count(*) FROM edge_hour WHERE hour < 20001 * 24"), 0);
		assert_int_equal(number(w, "SELECT count(*) FROM edge_day"), KILLED);
	}
	assert_true(halves > 0);
}

/* Until there is no room but for @left bytes. */
static void fill(struct world *w, off_t left)
{
	static char block[4096];
	char path[sizeof(w->path)];
	struct stat st;
	int fd;

	snprintf(path, sizeof(path), "%s/full", w->dir);
	fd = open(path, O_CREAT | O_WRONLY, 0600);
	assert_true(fd >= 0);
	while (write(fd, block, sizeof(block)) == sizeof(block))
		continue;
	assert_int_equal(fstat(fd, &st), 0);
	assert_int_equal(ftruncate(fd, st.st_size > left ? st.st_size - left : 0), 0);
	close(fd);
}

static uint64_t in_of(struct world *w)
{
	struct zt_history *reader = NULL;
	struct sum sum;

	assert_int_equal(zt_history_open_read(&reader, w->path), 0);
	sum = sum_of(reader, 0, INT64_MAX, NULL);
	zt_history_close(&reader);
	return sum.in;
}

/* On a disk of its own: hours that find no room among the days stay hours until there is. */
static int roll_up_on_a_full_disk(struct world *w, off_t left)
{
	const uint64_t want = 1500 * (400 + 3);
	char path[sizeof(w->path)];

	w->cfg.hour_days = 1;
	w->cfg.write_ms = 50;
	start_agent(w);
	crowd(w, 1500);
	for (int hour = 0; hour < 4; hour++) {
		for (size_t i = 0; hour && i < w->fake.count; i++)
			traffic(w, &w->fake.entries[i], 1);
		record(w);
		pass(w, HOUR);
	}
	w->fake.count = 0;
	pass(w, DAY);
	record(w);
	record(w);
	settle(w);
	fill(w, left);
	pass(w, DAY);
	zt_collector_record(w->c, SYNC_MS); /* now one is to become a day: whatever comes of it */
	zt_history_settle(w->h, 200);
	if (in_of(w) != want)
		return 2;
	snprintf(path, sizeof(path), "%s/full", w->dir);
	unlink(path);
	for (int i = 0; i < 100 && zt_collector_record(w->c, SYNC_MS) < 0; i++)
		continue;
	settle(w);
	if (in_of(w) != want ||
	    number(w, "SELECT sum(bytes_to_src) FROM edge_day") != (int64_t)want)
		return 3;
	return stats_of(w).failing || stats_of(w).set_asides ? 4 : 0;
}

static void a_full_disk_while_rolling_up(void **state)
{
	struct world *w = *state;

	stop_agent(w);
	for (off_t left = 0; left <= 192 << 10; left += 48 << 10) {
		int status;
		pid_t pid = fork();

		if (!pid) {
			unlink(w->path);
			if (unshare(CLONE_NEWNS) < 0 ||
			    mount("", "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0 ||
			    mount("", w->dir, "tmpfs", 0, "size=16m") < 0)
				_exit(77);
			_exit(roll_up_on_a_full_disk(w, left));
		}
		assert_int_equal(waitpid(pid, &status, 0), pid);
		assert_true(WIFEXITED(status));
		if (WEXITSTATUS(status) == 77)
			skip(); /* no right to mount here */
		assert_int_equal(WEXITSTATUS(status), 0);
	}
	start_agent(w);
}

/* --- bounds
 * ---------------------------------------------------------------------------------------- */

static void few_rows_an_hour(struct zt_history_config *cfg)
{
	cfg->hour_rows = 100;
}

static void an_hour_with_too_many_rows(void **state)
{
	struct world *w = *state;
	struct zt_history_window win;

	with(w, few_rows_an_hour);
	crowd(w, 500);
	record(w);
	settle(w);
	/* Nothing is lost but the hours of that day. */
	assert_int_equal(sum_since(w, 0).rows, 500);
	assert_int_equal(stats_of(w).rows, 500);
	assert_int_equal(stats_of(w).rows_over_cap, 0);
	assert_int_equal(stats_of(w).hours_over_cap, 1);
	assert_int_equal(stats_of(w).hours, 0);
	pass(w, HOUR);
	traffic(w, &w->fake.entries[0], 7);
	record(w);
	assert_int_equal(stats_of(w).rows, 500);
	assert_int_equal(sum_of(w->h, NOON + HOUR, INT64_MAX, &win).rows, 500);
	assert_true(win.from_day);
	w->fake.count = 1;
	pass(w, DAY);
	traffic(w, &w->fake.entries[0], 7);
	record(w);
	assert_int_equal(sum_of(w->h, NOON + DAY, INT64_MAX, &win).rows, 1);
	assert_false(win.from_day);
	assert_int_equal(stats_of(w).hours_over_cap, 1);
}

static void one_megabyte(struct zt_history_config *cfg)
{
	cfg->size_cap = 1 << 20;
}

static void hours_make_room_before_days_go(void **state)
{
	struct world *w = *state;
	struct zt_history_stats stats;

	with(w, one_megabyte);
	crowd(w, 1500);
	for (int hour = 0; hour < 36; hour++) {
		record(w);
		settle(w);
		pass(w, HOUR);
		for (size_t i = 0; i < w->fake.count; i++)
			traffic(w, &w->fake.entries[i], 1);
	}
	stats = stats_of(w);
	assert_true(stats.hours_over_cap > 0);
	assert_int_equal(stats.rows_over_size, 0);
	assert_true(stats.size_bytes <= 1 << 20);
	assert_int_equal(sum_since(w, 0).connections, 1500);
	assert_int_equal(sum_since(w, 0).in, 1500 * (400 + 35));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		WORLD(a_window_is_widened_to_hours),
		WORLD(windows_that_are_none),
		WORLD(nothing_was_recorded_yet),
		WORLD(in_portions_each_edge_comes_once),
		WORLD(old_hours_become_days),
		WORLD(rolled_up_beneath_a_walk),
		WORLD(two_kinds_of_protocol_with_health),
		WORLD(killed_while_rolling_up),
		WORLD(a_full_disk_while_rolling_up),
		WORLD(an_hour_with_too_many_rows),
		WORLD(hours_make_room_before_days_go),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
