/* SPDX-License-Identifier: Apache-2.0 */
/*
 * history_tidy.c - hours become days, and what is too old or too much goes: a little at a time.
 *
 * The thread that writes calls it while it has no job. Every step is one or a few
 * transactions that leave each row in one place; what was begun when the agent was
 * killed is begun again. A day's rows move from edge_hour to edge_day after day.hours
 * is 0, so that a window knows that this day counts as a whole.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "flow/history_priv.h"

#define ROLL_SPAN_FIRST 256 /* edge ids of one transaction */
#define ROLL_SPAN_MAX	65536
#define ROLL_ROWS	4000 /* rows that one should move */
#define DROP_ROWS	5000
#define UNUSED_SPAN	4096
#define TRIM_TO_PERCENT 90
#define FUTURE_DAYS	2 /* more days than this ahead of the clock: it is the clock that is wrong */
#define VACUUM_PAGES	"500"

int zt_hdb_used(sqlite3 *db, uint64_t *ret)
{
	int64_t pages, free_pages, size;

	if (zt_hdb_number(db, "PRAGMA page_count", &pages) < 0 ||
	    zt_hdb_number(db, "PRAGMA freelist_count", &free_pages) < 0 ||
	    zt_hdb_number(db, "PRAGMA page_size", &size) < 0)
		return -1;
	*ret = (uint64_t)((pages - free_pages) * size);
	return 0;
}

int zt_hdb_size(struct zt_hdb *db, struct zt_history_stats *ret)
{
	int64_t rows, days, hours;

	if (zt_hdb_used(db->db, &ret->size_bytes) < 0 ||
	    zt_hdb_number(db->db, "SELECT ifnull(sum(rows), 0) FROM day", &rows) < 0 ||
	    zt_hdb_number(db->db, "SELECT count(*) FROM day", &days) < 0 ||
	    zt_hdb_number(db->db, "SELECT count(*) FROM hour", &hours) < 0)
		return -EIO;
	ret->rows = (uint64_t)rows;
	ret->days = (uint64_t)days;
	ret->hours = (uint64_t)hours;
	ret->hints = (uint64_t)db->hints;
	return 0;
}

/* One statement with numbers for its parameters. Returns rows changed, or -1. */
static int run_sql(sqlite3 *db, const char *sql, int64_t a, int64_t b)
{
	sqlite3_stmt *q = NULL;
	int r = -1;

	if (sqlite3_prepare_v2(db, sql, -1, &q, NULL) == SQLITE_OK) {
		int count = sqlite3_bind_parameter_count(q);

		if (count > 0)
			sqlite3_bind_int64(q, 1, a);
		if (count > 1)
			sqlite3_bind_int64(q, 2, b);
		do {
			r = sqlite3_step(q);
		} while (r == SQLITE_ROW);
		r = r == SQLITE_DONE ? sqlite3_changes(db) : -1;
	}
	sqlite3_finalize(q);
	return r;
}

static int commit(struct zt_hdb *db, bool well)
{
	if (well && zt_hdb_run(db, ZT_Q_COMMIT) == 0)
		return 0;
	zt_hdb_run(db, ZT_Q_ROLLBACK);
	return -1;
}

/* --- hours become days --------------------------------------------------------------------------
 */

static int bind_and_run(struct zt_hdb *db, enum zt_hdb_stmt which, int64_t day, int64_t from,
			int64_t to)
{
	sqlite3_stmt *q = zt_hdb_stmt(db, which);

	sqlite3_bind_int64(q, 1, day);
	if (sqlite3_bind_parameter_count(q) > 1) {
		sqlite3_bind_int64(q, 2, from);
		sqlite3_bind_int64(q, 3, to);
	}
	return zt_hdb_run(db, which);
}

/* The edges of a span of ids, out of the hours and into the day. 1 or -1. */
static int roll_some(struct zt_hdb *db)
{
	struct zt_hdb_tidying *t = &db->tidying;
	int64_t to = t->roll_next + t->roll_span - 1, last;
	int moved = 0;
	bool well, end;

	if (zt_hdb_number(db->db, "SELECT ifnull(max(id), 0) FROM edge", &last) < 0 ||
	    zt_hdb_run(db, ZT_Q_BEGIN) < 0)
		return -1;
	end = to >= last;
	/* Nothing must stay behind, whatever its id. */
	if (end)
		to = INT64_MAX;
	well = bind_and_run(db, ZT_Q_ROLL, t->roll_day, t->roll_next, to) == 0 &&
	       bind_and_run(db, ZT_Q_ROLL_DROP, t->roll_day, t->roll_next, to) == 0;
	moved = sqlite3_changes(db->db);
	if (well && end)
		well = bind_and_run(db, ZT_Q_ROLL_END, t->roll_day, 0, 0) == 0;
	if (commit(db, well) < 0)
		return -1;
	t->rolling = !end;
	t->roll_next = to + !end;
	t->vacuum |= end;
	if (moved > ROLL_ROWS && t->roll_span > 16)
		t->roll_span /= 2;
	else if (moved < ROLL_ROWS / 4 && t->roll_span < ROLL_SPAN_MAX)
		t->roll_span *= 2;
	return 1;
}

/* The hours of @day are to go; what is written to it from now on is the day's. 1 or -1. */
static int begin_roll(struct zt_hdb *db, int64_t day)
{
	if (bind_and_run(db, ZT_Q_DAY_NO_HOURS, day, 0, 0) < 0)
		return -1;
	db->tidying.rolling = true;
	db->tidying.roll_day = day;
	db->tidying.roll_next = 0;
	db->tidying.roll_span = ROLL_SPAN_FIRST;
	return 1;
}

/* A day whose rows are on their way, as after a kill. 1 and *ret, 0 for none, -1. */
static int half_rolled(struct zt_hdb *db, int64_t *ret)
{
	int64_t day;

	if (zt_hdb_number(db->db,
			  "SELECT ifnull(min(day), -1) FROM day WHERE hours = 0 AND EXISTS "
			  "(SELECT 1 FROM hour WHERE hour >= day * 24 AND hour < day * 24 + 24)",
			  &day) < 0)
		return -1;
	*ret = day;
	return day >= 0;
}

struct hour_days {
	int64_t count, future;
	int64_t oldest, newest;
	int64_t oldest_but_today; /* -1 = none */
};

static int find_hour_days(struct zt_hdb *db, int64_t today, struct hour_days *ret)
{
	sqlite3_stmt *q = NULL;
	int code;

	*ret = (struct hour_days){.oldest = -1, .newest = -1, .oldest_but_today = -1};
	if (sqlite3_prepare_v2(db->db, "SELECT day FROM day WHERE hours ORDER BY day", -1, &q,
			       NULL) != SQLITE_OK)
		return -1;
	while ((code = sqlite3_step(q)) == SQLITE_ROW) {
		int64_t day = sqlite3_column_int64(q, 0);

		ret->count++;
		ret->future += day > today + 1;
		ret->oldest = ret->oldest < 0 ? day : ret->oldest;
		ret->newest = day;
		if (day != today && ret->oldest_but_today < 0)
			ret->oldest_but_today = day;
	}
	sqlite3_finalize(q);
	return code == SQLITE_DONE ? 0 : -1;
}

/*
 * Which day's hours go, -1 for none: the oldest; before it one of a future that the clock once
 * claimed. When most days are ahead of the clock it is the clock of now that is wrong.
 */
static int64_t too_many_hours(const struct hour_days *d, uint32_t hour_days)
{
	if (d->count <= (int64_t)hour_days + 1)
		return -1;
	if (d->future && d->future <= FUTURE_DAYS)
		return d->newest;
	return d->oldest_but_today;
}

/* --- rows that go -------------------------------------------------------------------------------
 */

/* Some rows of a day without hours; with the last of them the day. Returns rows removed, or -1. */
static int drop_some(struct zt_hdb *db, int64_t day)
{
	int removed, r;

	if (zt_hdb_run(db, ZT_Q_BEGIN) < 0)
		return -1;
	removed = run_sql(
		db->db,
		"DELETE FROM edge_day WHERE day = ?1 AND edge IN (SELECT edge FROM edge_day "
		"WHERE day = ?1 LIMIT ?2)",
		day, DROP_ROWS);
	if (removed >= 0 && removed < DROP_ROWS) {
		r = run_sql(db->db, "DELETE FROM rule_day WHERE day = ?1", day, 0);
		if (r >= 0)
			r = run_sql(db->db, "DELETE FROM day WHERE day = ?1", day, 0);
		if (r >= 0)
			r = run_sql(db->db,
				    "DELETE FROM stood WHERE since_s IS NULL AND "
				    "first_s < (SELECT min(day) * 86400 FROM day)",
				    0, 0);
		if (!db->tidying.unused_next)
			db->tidying.unused_next = 1;
	} else {
		r = run_sql(db->db, "UPDATE day SET rows = max(rows - ?2, 0) WHERE day = ?1", day,
			    DROP_ROWS);
	}
	return commit(db, removed >= 0 && r >= 0) < 0 ? -1 : removed;
}

static int mark_used(struct zt_hdb *db, enum zt_hdb_stmt which, int64_t from, uint8_t *used)
{
	sqlite3_stmt *q = zt_hdb_stmt(db, which);
	int r;

	sqlite3_bind_int64(q, 1, from);
	sqlite3_bind_int64(q, 2, from + UNUSED_SPAN - 1);
	while ((r = zt_hdb_step(q)) == 1)
		used[sqlite3_column_int64(q, 0) - from] = 1;
	return r;
}

static int drop_unmarked(struct zt_hdb *db, int64_t from, const uint8_t *used)
{
	sqlite3_stmt *q = zt_hdb_stmt(db, ZT_Q_EDGE_DROP);

	for (int64_t i = 0; i < UNUSED_SPAN; i++) {
		if (used[i])
			continue;
		sqlite3_bind_int64(q, 1, from + i);
		if (zt_hdb_run(db, ZT_Q_EDGE_DROP) < 0)
			return -1;
	}
	return 0;
}

/* Names that no edge has any more. */
static int drop_names(struct zt_hdb *db)
{
	static const char *const sql[] = {
		"DELETE FROM node WHERE id NOT IN (SELECT src FROM edge UNION SELECT dst FROM edge)",
		"DELETE FROM owner WHERE id NOT IN (SELECT src_owner FROM edge UNION "
		"SELECT dst_owner FROM edge)",
		"DELETE FROM rule WHERE id NOT IN (SELECT live_rule FROM edge UNION SELECT cand_rule "
		"FROM edge UNION SELECT rule FROM rule_day)",
	};

	for (size_t i = 0; i < ARRAY_SIZE(sql); i++) {
		if (run_sql(db->db, sql[i], 0, 0) < 0)
			return -1;
	}
	db->tidying.vacuum = true;
	return 0;
}

/* Edges of a span of ids that no row speaks of; at the end their names. 1 or -1. */
static int drop_unused(struct zt_hdb *db)
{
	uint8_t used[UNUSED_SPAN] = {0};
	int64_t from = db->tidying.unused_next, last;

	if (zt_hdb_number(db->db, "SELECT ifnull(max(id), 0) FROM edge", &last) < 0)
		return -1;
	if (from > last) {
		db->tidying.unused_next = 0;
		return drop_names(db) < 0 ? -1 : 1;
	}
	if (zt_hdb_run(db, ZT_Q_BEGIN) < 0)
		return -1;
	if (commit(db, mark_used(db, ZT_Q_USED_HOURS, from, used) == 0 &&
			       mark_used(db, ZT_Q_USED_DAYS, from, used) == 0 &&
			       mark_used(db, ZT_Q_USED_LIVE, from, used) == 0 &&
			       drop_unmarked(db, from, used) == 0) < 0)
		return -1;
	db->tidying.unused_next = from + UNUSED_SPAN;
	return 1;
}

/* --- bounds ------------------------------------------------------------------------------------
 */

/* A little more goes than must, so that it is not done again at once. */
static int is_over(struct zt_hdb *db, uint64_t size_cap)
{
	uint64_t limit = db->tidying.over ? size_cap / 100 * TRIM_TO_PERCENT : size_cap;
	uint64_t used;

	if (zt_hdb_used(db->db, &used) < 0)
		return -1;
	db->tidying.over = used > limit;
	return db->tidying.over;
}

static int vacuum(struct zt_hdb *db)
{
	int64_t before, after;

	if (zt_hdb_number(db->db, "PRAGMA freelist_count", &before) < 0 ||
	    run_sql(db->db, "PRAGMA incremental_vacuum(" VACUUM_PAGES ")", 0, 0) < 0 ||
	    zt_hdb_number(db->db, "PRAGMA freelist_count", &after) < 0)
		return -1;
	db->tidying.vacuum = after && after < before;
	return 1;
}

static int drop_oldest(struct zt_hdb *db, int64_t oldest, uint64_t *lost)
{
	int removed = drop_some(db, oldest);

	if (removed < 0)
		return -1;
	*lost += (uint64_t)removed;
	return 1;
}

static int tidy(struct zt_hdb *db, const struct zt_history_config *cfg, int64_t today,
		struct zt_hdb_losses *losses)
{
	struct hour_days hours;
	int64_t days, oldest, day;
	int r;

	if (db->tidying.rolling)
		return roll_some(db);
	r = half_rolled(db, &day);
	if (r)
		return r < 0 ? -1 : begin_roll(db, day);
	if (find_hour_days(db, today, &hours) < 0 ||
	    zt_hdb_number(db->db, "SELECT count(*) FROM day", &days) < 0 ||
	    zt_hdb_number(db->db, "SELECT ifnull(min(day), 0) FROM day", &oldest) < 0)
		return -1;
	day = too_many_hours(&hours, cfg->hour_days);
	if (day >= 0)
		return begin_roll(db, day);
	if (days > cfg->age_days)
		return hours.oldest == oldest ? begin_roll(db, oldest)
					      : drop_oldest(db, oldest, &losses->rows_aged);
	if (db->tidying.unused_next)
		return drop_unused(db);
	r = is_over(db, cfg->size_cap);
	if (r && hours.count) {
		losses->hours_over_cap += r > 0;
		return r < 0 ? -1 : begin_roll(db, hours.oldest);
	}
	if (r && days)
		return r < 0 ? -1 : drop_oldest(db, oldest, &losses->rows_over_size);
	return db->tidying.vacuum ? vacuum(db) : r < 0 ? -1 : 0;
}

int zt_hdb_tidy(struct zt_hdb *db, const struct zt_history_config *cfg, int64_t now_s,
		struct zt_hdb_losses *losses, char *err)
{
	int r = tidy(db, cfg, now_s / ZT_HISTORY_DAY_S, losses);

	return r < 0 ? zt_hdb_error(db->db, err) : r;
}
