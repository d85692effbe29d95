/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_history_files.c - evidence on disk: killed agents, unusable files, full disks, bounds.
 */
#include "history_world.h"

/* --- the agent ends, in whatever way
 * --------------------------------------------------------------- */

static void a_new_agent_goes_on_where_the_last_one_was(void **state)
{
	struct world *w = *state;
	struct fake_entry *e = living(w, 1000);
	struct fake_entry *gone = living(w, 1001);
	struct zt_history_days days;
	struct sum sum;

	record(w);
	stop_agent(w);
	pass(w, 9000);
	traffic(w, e, 77);
	gone->flow.state = ZT_STATE_CLOSED;
	traffic(w, gone, 5);
	pass(w, 10);
	start_agent(w);
	record(w);
	sum = sum_since(w, 0);
	assert_int_equal(sum.connections, 2);
	assert_int_equal(sum.out, 800 + 77 + 5);
	days = days_of(w);
	assert_int_equal(days.gaps, 1);
	assert_int_equal(days.longest_gap_s, 9010);
	assert_int_equal(days.longest_gap_at_s, w->wall_s);
	assert_int_equal(days.recorded_s, 0);
}

static void after_a_reboot_living_flows_are_new_ones(void **state)
{
	struct world *w = *state;
	struct fake_entry *e = living(w, 1000);

	traffic(w, e, 1000);
	record(w);
	stop_agent(w);
	w->cfg.generation = "boot 2";
	e->flow = flow_of(ZT_DIR_OUT, ZT_STATE_ESTABLISHED, w->fake.now_ns, w->fake.now_ns);
	start_agent(w);
	record(w);
	assert_int_equal(sum_since(w, 0).connections, 2);
	assert_int_equal(sum_since(w, 0).out, 1400 + 400);
}

/* A process that writes until it is killed: whatever is in the file is whole, and goes on. */
static void killed_while_writing(void **state)
{
	struct world *w = *state;
	struct fake_entry *e[300];

	for (int round = 0; round < 5; round++) {
		int ready[2], status;
		char byte;
		pid_t pid;

		stop_agent(w);
		assert_int_equal(pipe(ready), 0);
		pid = fork();
		if (!pid) {
			start_agent(w);
			for (int i = 0; i < 300; i++)
				e[i] = living(w, (uint16_t)(2000 + i));
			for (int n = 0;; n++) {
				for (int i = 0; i < 300; i++)
					traffic(w, e[i], 1);
				pass(w, 10);
				zt_collector_record(w->c, SYNC_MS);
				if (write(ready[1], "x", 1) < 0)
					_exit(1);
			}
		}
		/* Some writings in, then in the middle of one. */
		for (int i = 0; i < 3 + round; i++)
			assert_int_equal(read(ready[0], &byte, 1), 1);
		kill(pid, SIGKILL);
		assert_int_equal(waitpid(pid, &status, 0), pid);
		assert_true(WIFSIGNALED(status));
		close(ready[0]);
		close(ready[1]);
		w->cfg.generation = round % 2 ? "odd" : "even";
		start_agent(w);
		record(w);
		assert_int_equal(stats_of(w).set_asides, 0);
		assert_int_equal(sum_since(w, 0).connections, 300 * (round + 1));
		/* One connection is 400 bytes and 4 packets, then a byte a packet: no half row. */
		assert_int_equal(sum_since(w, 0).out - 400 * 300 * (uint64_t)(round + 1),
				 sum_since(w, 0).packets - 4 * 300 * (uint64_t)(round + 1));
	}
}

/* --- files that cannot be used
 * ---------------------------------------------------------------------- */

static void scribble(struct world *w, off_t from, size_t len)
{
	char junk[4096];
	int fd = open(w->path, O_WRONLY);

	memset(junk, 0xa5, sizeof(junk));
	assert_true(fd >= 0);
	for (; len; len -= len < sizeof(junk) ? len : sizeof(junk), from += sizeof(junk))
		assert_true(pwrite(fd, junk, len < sizeof(junk) ? len : sizeof(junk), from) > 0);
	close(fd);
}

static void a_corrupt_file_is_set_aside(void **state)
{
	struct world *w = *state;

	living(w, 1000);
	record(w);
	stop_agent(w);
	scribble(w, 0, 4096);
	start_agent(w);
	record(w);
	assert_int_equal(count_files(w, "flows.db.corrupt-*Z"), 1);
	assert_int_equal(stats_of(w).set_asides, 1);
	assert_non_null(strstr(stats_of(w).set_aside, "flows.db.corrupt-"));
	assert_int_equal(sum_since(w, 0).connections, 1); /* the flow lives: recorded anew */
}

static void a_file_that_becomes_corrupt_is_set_aside(void **state)
{
	struct world *w = *state;
	struct fake_entry *e = living(w, 1000);
	struct stat st;

	for (int i = 0; i < 2000; i++)
		put(&w->fake, ZT_IN_FLOWS,
		    key_of("10.0.0.1", (uint16_t)(3000 + i), "10.0.0.3", (uint16_t)(i + 1),
			   IPPROTO_TCP),
		    flow_of(ZT_DIR_OUT, ZT_STATE_ESTABLISHED, 900 * S, 990 * S));
	record(w);
	stop_agent(w); /* the log goes into the file */
	assert_int_equal(stat(w->path, &st), 0);
	scribble(w, 8192, (size_t)st.st_size - 8192);
	start_agent(w);
	traffic(w, e, 1);
	pass(w, 10);
	record(w);
	record(w);
	assert_int_equal(count_files(w, "flows.db.corrupt-*Z"), 1);
	assert_false(stats_of(w).failing);
	/* Everything that lives is in the new one, so that the next agent counts nothing twice. */
	traffic(w, e, 9);
	stop_agent(w);
	start_agent(w);
	record(w);
	assert_true(sum_since(w, 0).connections <= 2001);
	assert_int_equal(stats_of(w).set_asides, 0);
}

static void few_of_those_set_aside_are_kept(void **state)
{
	struct world *w = *state;
	char old[160];

	for (int i = 0; i < 5; i++) {
		snprintf(old, sizeof(old), "%s.corrupt-2020010%dT000000Z", w->path, i + 1);
		close(open(old, O_CREAT | O_WRONLY, 0600));
	}
	stop_agent(w);
	scribble(w, 0, 4096);
	start_agent(w);
	record(w);
	assert_int_equal(count_files(w, "flows.db.corrupt-*Z"), 3);
	assert_int_equal(count_files(w, "flows.db.corrupt-20200105*Z"), 1);
}

static void a_file_that_is_taken_away_is_begun_anew(void **state)
{
	struct world *w = *state;
	struct fake_entry *e = living(w, 1000);

	record(w);
	unlink(w->path);
	traffic(w, e, 10);
	pass(w, 10);
	record(w);
	assert_int_equal(count_files(w, "flows.db"), 1);
	assert_int_equal(sum_since(w, 0).out, 10);
	pass(w, 10);
	record(w);
	stop_agent(w);
	start_agent(w);
	record(w);
	assert_int_equal(sum_since(w, 0).out, 10);
	assert_int_equal(sum_since(w, 0).connections, 0);
}

static void a_newer_version_is_set_aside(void **state)
{
	struct world *w = *state;
	struct zt_history *reader = NULL;

	record(w);
	stop_agent(w);
	sql(w->path, "PRAGMA user_version = 99");
	assert_int_equal(zt_history_open_read(&reader, w->path), -EPROTO);
	sql(w->path, "PRAGMA user_version = 4"); /* the next one */
	assert_int_equal(zt_history_open_read(&reader, w->path), -EPROTO);
	start_agent(w);
	record(w);
	assert_int_equal(count_files(w, "flows.db.newer-*Z"), 1);
	assert_non_null(strstr(stats_of(w).set_aside, "version 4, this agent knows 3"));
	assert_int_equal(days_of(w).days, 1);
}

static void a_file_of_somebody_else_is_kept(void **state)
{
	struct world *w = *state;

	record(w);
	stop_agent(w);
	unlink(w->path);
	sql(w->path, "CREATE TABLE precious(x); INSERT INTO precious VALUES(1)");
	start_agent(w);
	record(w);
	assert_int_equal(count_files(w, "flows.db.corrupt-*Z"), 1);
	assert_non_null(strstr(stats_of(w).set_aside, "not a database of ztagent"));
}

static void what_cannot_be_written_is_kept_and_tried_again(void **state)
{
	struct world *w = *state;
	struct fake_entry *e = living(w, 1000);
	char moved[128];

	record(w);
	stop_agent(w);
	snprintf(moved, sizeof(moved), "%s.away", w->dir);
	assert_int_equal(rename(w->dir, moved), 0);
	w->cfg.write_ms = 50;
	start_agent(w);
	traffic(w, e, 10);
	pass(w, 10);
	assert_int_equal(zt_collector_record(w->c, SYNC_MS), -EIO);
	assert_true(stats_of(w).failing);
	assert_true(stats_of(w).write_errors > 0);
	assert_string_not_equal(stats_of(w).error, "");
	for (int i = 0; i < 10; i++) {
		living(w, (uint16_t)(5000 + i))->flow.state = ZT_STATE_CLOSED;
		pass(w, 10);
		assert_true(zt_collector_sweep(w->c) >= 0); /* goes on folding */
	}
	assert_int_equal(rename(moved, w->dir), 0);
	for (int i = 0; i < 100 && zt_collector_record(w->c, SYNC_MS) < 0; i++)
		continue;
	assert_false(stats_of(w).failing);
	assert_int_equal(sum_since(w, 0).connections, 11);
	assert_int_equal(sum_since(w, 0).out, 410 + 10 * 400);
}

static void read_without_an_agent(void **state)
{
	struct world *w = *state;
	struct zt_history *reader = NULL;
	struct zt_history_days days;
	struct sum sum = {0};

	living(w, 1000);
	record(w);
	for (int with = 1; with >= 0; with--) {
		assert_int_equal(zt_history_open_read(&reader, w->path), 0);
		memset(&sum, 0, sizeof(sum));
		assert_int_equal(zt_history_each_edge(reader, 0, add_edge, &sum), 0);
		assert_int_equal(sum.connections, 1);
		assert_int_equal(zt_history_days(reader, 0, &days), 0);
		assert_int_equal(days.days, 1);
		zt_history_close(&reader);
		if (!with)
			break;
		stop_agent(w);
		/* Ended in order, all is in the one file. */
		assert_int_equal(count_files(w, "flows.db-wal"), 0);
	}
	assert_int_equal(zt_history_open_read(&reader, "/nonexistent/flows.db"), -ENOENT);
	sql(w->path, "PRAGMA user_version = 0");
	assert_int_equal(zt_history_open_read(&reader, w->path), -EBADMSG);
	sql(w->path, "PRAGMA user_version = 3");
	start_agent(w);
}

/* --- bounds
 * ---------------------------------------------------------------------------------------- */

static void rows_of_a_day_are_bounded(void **state)
{
	struct world *w = *state;

	stop_agent(w);
	w->cfg.day_rows = 100;
	start_agent(w);
	add_scan(w, 0, 500, ZT_STATE_OPENING); /* a scan leaves room for conversations */
	record(w);
	assert_int_equal(sum_since(w, 0).rows, 25);
	assert_int_equal(stats_of(w).rows_over_cap, 475);
	add_scan(w, 1000, 500, ZT_STATE_ESTABLISHED);
	pass(w, 10);
	record(w);
	assert_int_equal(sum_since(w, 0).rows, 100);
	assert_int_equal(stats_of(w).rows_over_cap, 475 + 425);
	assert_int_equal(days_of(w).losses, 475 + 425);
	w->fake.count = 0;
	pass(w, DAY);
	record(w);
	living(w, 1000);
	record(w);
	assert_int_equal(sum_since(w, w->wall_s).rows, 1);
}

static void a_full_ledger_counts_what_it_left_out(void **state)
{
	struct world *w = *state;

	stop_agent(w);
	w->cfg.edge_cap = 64;
	start_agent(w);
	add_scan(w, 0, 200, ZT_STATE_CLOSED);
	pass(w, 60);
	record(w);
	assert_int_equal(sum_since(w, 0).rows, 64);
	assert_int_equal(stats_of(w).edges_over_cap, 200 - 64);
	add_scan(w, 200, 50, ZT_STATE_CLOSED); /* what was written made room */
	pass(w, 60);
	record(w);
	assert_int_equal(sum_since(w, 0).rows, 114);
	assert_int_equal(stats_of(w).edges_over_cap, 200 - 64);
}

static void the_oldest_day_goes_first(void **state)
{
	struct world *w = *state;
	int64_t first = w->wall_s;
	struct fake_entry *e = living(w, 1000);

	stop_agent(w);
	w->cfg.age_days = 3;
	start_agent(w);
	for (int day = 0; day < 6; day++) {
		traffic(w, e, 1);
		record(w);
		pass(w, DAY);
	}
	settle(w);
	assert_int_equal(days_of(w).days, 3);
	assert_int_equal(stats_of(w).rows_aged, 3);
	assert_true(days_of(w).first_s > first + 2 * DAY);
	/* A clock that ran ahead and came back loses no day for it. */
	w->wall_s += 40000 * (int64_t)DAY;
	traffic(w, e, 1);
	record(w);
	w->wall_s -= 40000 * (int64_t)DAY;
	traffic(w, e, 1);
	record(w);
	settle(w);
	assert_int_equal(days_of(w).days, 3);
}

static void the_size_is_bounded(void **state)
{
	struct world *w = *state;
	struct zt_history_stats stats;

	stop_agent(w);
	w->cfg.size_cap = 2 << 20;
	start_agent(w);
	for (int day = 0; day < 6; day++) {
		w->fake.count = 0;
		add_scan(w, day * 3000, 3000, ZT_STATE_ESTABLISHED);
		record(w);
		pass(w, DAY);
	}
	settle(w);
	stats = stats_of(w);
	assert_true(stats.size_bytes <= 2 << 20);
	assert_true(stats.rows_over_size > 0);
	assert_true(stats.rows >= 1000);
	assert_int_equal(stats.rows, sum_since(w, 0).rows);
	assert_true(days_of(w).days < 6);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		WORLD(a_new_agent_goes_on_where_the_last_one_was),
		WORLD(after_a_reboot_living_flows_are_new_ones),
		WORLD(killed_while_writing),
		WORLD(a_corrupt_file_is_set_aside),
		WORLD(a_file_that_becomes_corrupt_is_set_aside),
		WORLD(few_of_those_set_aside_are_kept),
		WORLD(a_file_that_is_taken_away_is_begun_anew),
		WORLD(a_newer_version_is_set_aside),
		WORLD(a_file_of_somebody_else_is_kept),
		WORLD(what_cannot_be_written_is_kept_and_tried_again),
		WORLD(read_without_an_agent),
		WORLD(rows_of_a_day_are_bounded),
		WORLD(a_full_ledger_counts_what_it_left_out),
		WORLD(the_oldest_day_goes_first),
		WORLD(the_size_is_bounded),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
