/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_history_versions.c - evidence of an older version, from a copy, from a directory that cannot
 * be written; names.
 */
#include "history_world.h"

#include <sched.h>
#include <sys/mount.h>

/* Version 1 as it was made: its tables, and what an agent of then wrote of two days. */
static const char version_1[] =
	"PRAGMA auto_vacuum = INCREMENTAL; PRAGMA application_id = 2054449201;"
	"PRAGMA journal_mode = WAL; BEGIN;"
	"CREATE TABLE meta(key TEXT PRIMARY KEY, value) WITHOUT ROWID;"
	"CREATE TABLE node(id INTEGER PRIMARY KEY, addr BLOB NOT NULL, host TEXT NOT NULL,"
	" UNIQUE(addr, host));"
	"CREATE TABLE owner(id INTEGER PRIMARY KEY, unit TEXT NOT NULL, cgroup TEXT NOT NULL,"
	" exe TEXT NOT NULL, uid INTEGER NOT NULL, user TEXT NOT NULL, exe_dev INTEGER NOT NULL,"
	" flags INTEGER NOT NULL, UNIQUE(unit, cgroup, exe, uid, user, exe_dev, flags));"
	"CREATE TABLE rule(id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE);"
	"CREATE TABLE edge(id INTEGER PRIMARY KEY, src INTEGER NOT NULL, dst INTEGER NOT NULL,"
	" proto INTEGER NOT NULL, port INTEGER NOT NULL, kind INTEGER NOT NULL,"
	" near INTEGER NOT NULL, src_owner INTEGER NOT NULL, dst_owner INTEGER NOT NULL,"
	" live_rule INTEGER NOT NULL, cand_rule INTEGER NOT NULL,"
	" live_action INTEGER NOT NULL, cand_action INTEGER NOT NULL,"
	" UNIQUE(src, dst, proto, port, kind, near, src_owner, dst_owner,"
	" live_rule, cand_rule, live_action, cand_action));"
	"CREATE TABLE edge_day(day INTEGER NOT NULL, edge INTEGER NOT NULL,"
	" connections INTEGER NOT NULL, bytes_to_dst INTEGER NOT NULL,"
	" bytes_to_src INTEGER NOT NULL, packets_to_dst INTEGER NOT NULL,"
	" packets_to_src INTEGER NOT NULL, first_s INTEGER NOT NULL, last_s INTEGER NOT NULL,"
	" PRIMARY KEY(day, edge)) WITHOUT ROWID;"
	"CREATE TABLE rule_day(day INTEGER NOT NULL, rule INTEGER NOT NULL,"
	" flows INTEGER NOT NULL, would_deny INTEGER NOT NULL, denied INTEGER NOT NULL,"
	" last_s INTEGER NOT NULL, last_deny_s INTEGER NOT NULL,"
	" PRIMARY KEY(day, rule)) WITHOUT ROWID;"
	"CREATE TABLE day(day INTEGER PRIMARY KEY, first_s INTEGER NOT NULL,"
	" last_s INTEGER NOT NULL, recorded_s INTEGER NOT NULL, gaps INTEGER NOT NULL,"
	" longest_gap_s INTEGER NOT NULL, longest_gap_at_s INTEGER NOT NULL,"
	" losses INTEGER NOT NULL, rows INTEGER NOT NULL, unanswered INTEGER NOT NULL);"
	"CREATE TABLE live(key BLOB PRIMARY KEY, counts BLOB NOT NULL) WITHOUT ROWID;"
	"CREATE TABLE stood(digest BLOB PRIMARY KEY, first_s INTEGER NOT NULL,"
	" stood_s INTEGER NOT NULL, since_s INTEGER, round INTEGER NOT NULL) WITHOUT ROWID;"
	"INSERT INTO node VALUES(1, x'00000000000000000000ffff0a000001', ''),"
	" (2, x'00000000000000000000ffff0a000002', 'web1');"
	"INSERT INTO owner VALUES(1, 'db.service', '/db', '/usr/bin/db', 5, 'dba', 7, 0);"
	"INSERT INTO rule VALUES(1, 'default-allow'), (2, 'rule-b');"
	"INSERT INTO edge VALUES(1, 1, 2, 6, 443, 0, 1, 0, 0, 1, 1, 0, 0),"
	" (2, 1, 2, 6, 443, 0, 1, 1, 0, 1, 2, 0, 1);"
	"INSERT INTO edge_day VALUES(19999, 1, 3, 300, 30, 9, 8, 1727913600, 1727999999),"
	" (19999, 2, 1, 100, 10, 3, 2, 1727913600, 1727913601),"
	" (20000, 1, 1, 400, 300, 4, 3, 1728000000, 1728043100);"
	"INSERT INTO rule_day VALUES(19999, 2, 1, 1, 0, 1727913601, 1727913601);"
	"INSERT INTO day VALUES(19999, 1727913600, 1727999999, 86000, 0, 0, 0, 0, 2, 0),"
	" (20000, 1728000000, 1728043100, 43000, 0, 0, 0, 0, 1, 0);"
	"INSERT INTO meta VALUES('generation', 'boot 1'), ('recorded_s', 129000),"
	" ('last_s', 1728043100), ('round', 1);"
	"INSERT INTO stood VALUES(x'"
	"0100000000000000000000000000000000000000000000000000000000000000', 1727913600, 0, 0, 1);"
	/* The key of then: 56 bytes; its counts, little-endian as the machines of then. */
	"INSERT INTO live VALUES(x'00000000000000000000ffff0a00000100000000000000000000ffff0a000002"
	"bb0106000100000001000000010000000000000000000000', x'"
	"010000000000000090010000000000002c0100000000000004000000000000000300000000000000');"
	"PRAGMA user_version = 1; COMMIT;";

static const uint8_t stood_digest[ZT_HISTORY_DIGEST_LEN] = {1};

static void begin_with_version_1(struct world *w)
{
	stop_agent(w);
	unlink(w->path);
	sql(w->path, version_1);
}

static void is_as_written(struct zt_history *h)
{
	struct zt_history_window win;
	struct zt_history_rule rule;
	struct sum sum = sum_of(h, 0, INT64_MAX, &win);

	assert_int_equal(sum.rows, 2);
	assert_int_equal(sum.connections, 5);
	assert_int_equal(sum.out, 800);
	assert_int_equal(sum.last.encryption, ZT_ENC_UNKNOWN);
	assert_string_equal(sum.unit, "db.service");
	assert_string_equal(sum.host, "web1");
	assert_string_equal(sum.rule[1], "rule-b");
	assert_int_equal(win.from_s, 1727913600);
	/* It has days alone. */
	sum = sum_of(h, 1728000000 + 3600, INT64_MAX, &win);
	assert_int_equal(sum.out, 400);
	assert_true(win.from_day);
	assert_int_equal(zt_history_rule(h, "rule-b", 0, &rule), 0);
	assert_int_equal(rule.would_deny, 1);
}

static void version_1_is_read_as_it_is(void **state)
{
	struct world *w = *state;
	struct zt_history *reader = NULL;
	struct stat before, after;

	begin_with_version_1(w);
	assert_int_equal(stat(w->path, &before), 0);
	assert_int_equal(zt_history_open_read(&reader, w->path), 0);
	is_as_written(reader);
	zt_history_close(&reader);
	assert_int_equal(stat(w->path, &after), 0);
	assert_int_equal(before.st_size, after.st_size);
	assert_int_equal(before.st_mtim.tv_nsec, after.st_mtim.tv_nsec);
	start_agent(w);
}

static void version_1_goes_on_as_version_2(void **state)
{
	struct world *w = *state;
	struct zt_history_stood stood;
	struct zt_history_window win;
	struct fake_entry *e;
	struct sum sum;

	begin_with_version_1(w);
	/* The session that it knows of lives: what it says of it is not written again. */
	w->fake.count = 0;
	w->wall_s = 1728043200;
	e = living(w, 1000);
	e->flow.rule[0] = e->flow.rule[1] = 1;
	start_agent(w);
	record(w);
	assert_int_equal(stats_of(w).set_asides, 0);
	is_as_written(w->h);
	pass(w, 10);
	traffic(w, e, 5);
	record(w);
	sum = sum_of(w->h, 0, INT64_MAX, &win);
	assert_int_equal(sum.out, 805);
	assert_int_equal(sum.connections, 5);
	assert_int_equal(zt_history_stood(w->h, stood_digest, &stood), 0);
	assert_int_equal(stood.since_s, 1727913600);
	/* Of today there are no hours yet; of tomorrow there are. */
	assert_int_equal(sum_of(w->h, w->wall_s, INT64_MAX, &win).out, 405);
	assert_true(win.from_day);
	pass(w, DAY);
	traffic(w, e, 7);
	record(w);
	assert_int_equal(sum_of(w->h, w->wall_s, INT64_MAX, &win).out, 7);
	assert_false(win.from_day);
	/* Twice over: a restart finds the session in the new form. */
	stop_agent(w);
	start_agent(w);
	traffic(w, e, 1);
	record(w);
	assert_int_equal(sum_since(w, 0).out, 813);
	assert_int_equal(sum_since(w, 0).connections, 5);
	assert_int_equal(stats_of(w).set_asides, 0);
}

/* An agent that is killed before it wrote anything in the new form. */
static void killed_right_after_the_upgrade(void **state)
{
	struct world *w = *state;
	pid_t pid;

	begin_with_version_1(w);
	w->fake.count = 0;
	living(w, 1000)->flow.rule[0] = 1;
	w->fake.entries[0].flow.rule[1] = 1;
	pid = fork();
	if (!pid) {
		start_agent(w);
		zt_history_sync(w->h, SYNC_MS);
		kill(getpid(), SIGKILL);
	}
	assert_int_equal(waitpid(pid, NULL, 0), pid);
	start_agent(w);
	record(w);
	is_as_written(w->h);
}

/* --- copies and media ----------------------------------------------------------------------------
 */

static void copy(const char *from, const char *dir, const char *name)
{
	char command[512];

	snprintf(command, sizeof(command), "mkdir -p '%s' && cp '%s' '%s/%s'", dir, from, dir,
		 name);
	assert_int_equal(system(command), 0);
}

static uint64_t out_of(const char *path)
{
	struct zt_history *reader = NULL;
	struct sum sum;
	int r = zt_history_open_read(&reader, path);

	if (r < 0)
		fail_msg("%s: %s", path, strerror(-r));
	sum = sum_of(reader, 0, INT64_MAX, NULL);
	zt_history_close(&reader);
	return sum.out;
}

/* In a mount namespace of its own: a directory nobody can write to, root included. */
static int reads_on_a_fixed_medium(const char *dir, const char *path, uint64_t want)
{
	pid_t pid = fork();
	int status;

	if (!pid) {
		if (unshare(CLONE_NEWNS) < 0 ||
		    mount("", "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0 ||
		    mount(dir, dir, NULL, MS_BIND, NULL) < 0 ||
		    mount("", dir, NULL, MS_REMOUNT | MS_BIND | MS_RDONLY, NULL) < 0)
			_exit(77);
		_exit(out_of(path) == want ? 0 : 1);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static void from_a_copy_and_a_fixed_medium(void **state)
{
	struct world *w = *state;
	char dir[128], path[160], log[160];
	int r;

	living(w, 1000);
	record(w);
	/* Beside the agent that writes, and a copy of both files taken meanwhile. */
	assert_int_equal(out_of(w->path), 400);
	snprintf(dir, sizeof(dir), "%s/copy #1?%%20", w->dir);
	snprintf(path, sizeof(path), "%s/flows.db", dir);
	snprintf(log, sizeof(log), "%s-wal", w->path);
	copy(w->path, dir, "flows.db");
	copy(log, dir, "flows.db-wal");
	r = reads_on_a_fixed_medium(dir, path, 400);
	if (r == 77)
		skip(); /* no right to mount here */
	assert_int_equal(r, 0);
	assert_int_equal(count_files(w, "copy*/flows.db-shm"), 0);
	assert_int_equal(out_of(path), 400);
	/* Ended in order: one file says it all. */
	stop_agent(w);
	snprintf(dir, sizeof(dir), "%s/alone", w->dir);
	snprintf(path, sizeof(path), "%s/flows.db", dir);
	copy(w->path, dir, "flows.db");
	assert_int_equal(reads_on_a_fixed_medium(dir, path, 400), 0);
	assert_int_equal(count_files(w, "alone/*"), 1);
	start_agent(w);
}

static void after_a_kill_the_log_is_read(void **state)
{
	struct world *w = *state;
	pid_t pid;

	stop_agent(w);
	pid = fork();
	if (!pid) {
		start_agent(w);
		living(w, 1000);
		record(w);
		kill(getpid(), SIGKILL);
	}
	assert_int_equal(waitpid(pid, NULL, 0), pid);
	assert_int_equal(count_files(w, "flows.db-wal"), 1);
	assert_int_equal(out_of(w->path), 400);
	start_agent(w);
}

/* --- names ---------------------------------------------------------------------------------------
 */

static void names_are_kept_beside_addresses(void **state)
{
	static const char nasty[] = "\xe2\x80\xae<b>\x1b[31m\xff";
	struct world *w = *state;
	struct zt_addr far = addr("10.0.0.2");
	char longest[300];
	struct sum sum;

	memset(longest, 'n', sizeof(longest));
	longest[255] = '\0';
	living(w, 1000);
	zt_history_hint(w->h, &far, "old.example", ZT_HINT_DNS);
	record(w);
	pass(w, DAY);
	zt_history_hint(w->h, &far, nasty, ZT_HINT_DNS);
	zt_history_hint(w->h, &far, "hosts.example", ZT_HINT_HOSTS);
	zt_history_hint(w->h, &far, "", ZT_HINT_DNS);
	record(w);
	pass(w, 10);
	for (int i = 0; i < 100; i++)
		zt_history_hint(w->h, &far, longest, ZT_HINT_DNS);
	longest[255] = 'n'; /* one more than there is room for */
	longest[256] = '\0';
	zt_history_hint(w->h, &far, longest, ZT_HINT_DNS);
	record(w);
	stop_agent(w);
	start_agent(w);
	sum = sum_since(w, 0);
	assert_int_equal(sum.hint_count, 4);
	assert_string_equal(sum.hints[0], "hosts.example");
	assert_int_equal(strlen(sum.hints[1]), 255);
	assert_string_equal(sum.hints[2], nasty);
	assert_string_equal(sum.hints[3], "old.example");
	assert_int_equal(sum.last.src.hint_count, 0);
	record(w);
	assert_int_equal(stats_of(w).hints, 4);
}

static void names_are_bounded(void **state)
{
	struct world *w = *state;
	struct zt_addr far = addr("10.0.0.2");
	char name[32];

	stop_agent(w);
	w->cfg.hint_rows = 100;
	start_agent(w);
	for (int i = 0; i < 300; i++) {
		snprintf(name, sizeof(name), "n%d.example", i);
		zt_history_hint(w->h, &far, name, ZT_HINT_DNS);
		if (i % 50 == 49) {
			record(w);
			pass(w, 10);
		}
	}
	assert_true(stats_of(w).hints <= 100);
	assert_int_equal(stats_of(w).hints + stats_of(w).hints_over_cap, 300);
	living(w, 1000);
	record(w);
	assert_int_equal(strncmp(sum_since(w, 0).hints[0], "n2", 2), 0); /* of the last ones */
	for (int i = 0; i < 10000; i++) {
		snprintf(name, sizeof(name), "m%d.example", i);
		zt_history_hint(w->h, &far, name, ZT_HINT_DNS);
	}
	assert_true(stats_of(w).hints_over_cap >= 200 + 10000 - 8192);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		WORLD(version_1_is_read_as_it_is),
		WORLD(version_1_goes_on_as_version_2),
		WORLD(killed_right_after_the_upgrade),
		WORLD(from_a_copy_and_a_fixed_medium),
		WORLD(after_a_kill_the_log_is_read),
		WORLD(names_are_kept_beside_addresses),
		WORLD(names_are_bounded),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
