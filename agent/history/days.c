/* SPDX-License-Identifier: Apache-2.0 */
/*
 * days.c - what was recorded as a whole, what rules decided, how long statements stood.
 */
#include <errno.h>
#include <time.h>

#include "history/db.h"

static int64_t day_of(int64_t since_s)
{
	return since_s > 0 ? since_s / ZT_HISTORY_DAY_S : 0;
}

/* --- days
 * ----------------------------------------------------------------------------------------- */

/* Days, the 1st being 1, from the civil day back to its month: the last two, or the first two. */
static void month_days(int64_t day, bool *ret_first, bool *ret_last)
{
	time_t at = day * ZT_HISTORY_DAY_S, in_two = (day + 2) * ZT_HISTORY_DAY_S;
	struct tm tm, later;

	gmtime_r(&at, &tm);
	gmtime_r(&in_two, &later);
	*ret_first = tm.tm_mday <= 2;
	*ret_last = later.tm_mon != tm.tm_mon;
}

struct day_walk {
	int64_t before;	  /* the day before this row */
	unsigned int run; /* days in a row around a month's end: two last, then two first */
};

static void note_month_end(struct day_walk *walk, int64_t day, struct zt_history_days *ret)
{
	bool first, last;

	month_days(day, &first, &last);
	if (walk->run && day != walk->before + 1)
		walk->run = 0;
	if (last)
		walk->run = walk->run == 1 ? 2 : 1;
	else if (first && walk->run >= 2)
		walk->run++;
	else
		walk->run = 0;
	if (walk->run == 4)
		ret->month_end = true;
	walk->before = day;
}

int zt_history_days(struct zt_history *history, int64_t since_s, struct zt_history_days *ret)
{
	struct day_walk walk = {0};
	sqlite3_stmt *q;
	int code = SQLITE_DONE;
	int r = zt_history_ask(
		history,
		"SELECT day, first_s, last_s, recorded_s, gaps, longest_gap_s, longest_gap_at_s, "
		"losses FROM day WHERE day >= ? ORDER BY day",
		&q);

	*ret = (struct zt_history_days){0};
	if (r < 0 || !q)
		return r;
	sqlite3_bind_int64(q, 1, day_of(since_s));
	while ((code = sqlite3_step(q)) == SQLITE_ROW) {
		uint64_t gap_s = (uint64_t)sqlite3_column_int64(q, 5);

		ret->days++;
		ret->first_s = ret->first_s ?: sqlite3_column_int64(q, 1);
		ret->last_s = sqlite3_column_int64(q, 2);
		ret->recorded_s += (uint64_t)sqlite3_column_int64(q, 3);
		ret->gaps += (uint64_t)sqlite3_column_int64(q, 4);
		ret->losses += (uint64_t)sqlite3_column_int64(q, 7);
		/* The gap before the first day asked for is not part of it. */
		if (gap_s > ret->longest_gap_s) {
			ret->longest_gap_s = gap_s;
			ret->longest_gap_at_s = sqlite3_column_int64(q, 6);
		}
		note_month_end(&walk, sqlite3_column_int64(q, 0), ret);
	}
	return zt_history_asked(history, q, code);
}

/* --- rules and statements
 * ------------------------------------------------------------------------- */

int zt_history_rule(struct zt_history *history, const char *id, int64_t since_s,
		    struct zt_history_rule *ret)
{
	sqlite3_stmt *q;
	int code;
	int r = zt_history_ask(
		history,
		"SELECT ifnull(sum(flows), 0), ifnull(sum(would_deny), 0), "
		"ifnull(sum(denied), 0), ifnull(max(last_s), 0), ifnull(max(last_deny_s), 0) "
		"FROM rule_day JOIN rule ON id = rule WHERE name = ? AND day >= ?",
		&q);

	*ret = (struct zt_history_rule){0};
	if (r < 0 || !q)
		return r;
	sqlite3_bind_text(q, 1, id, -1, SQLITE_STATIC);
	sqlite3_bind_int64(q, 2, day_of(since_s));
	code = sqlite3_step(q);
	if (code == SQLITE_ROW) {
		ret->flows = (uint64_t)sqlite3_column_int64(q, 0);
		ret->would_deny = (uint64_t)sqlite3_column_int64(q, 1);
		ret->denied = (uint64_t)sqlite3_column_int64(q, 2);
		ret->last_s = sqlite3_column_int64(q, 3);
		ret->last_deny_s = sqlite3_column_int64(q, 4);
	}
	return zt_history_asked(history, q, code);
}

int zt_history_stood(struct zt_history *history, const uint8_t digest[ZT_HISTORY_DIGEST_LEN],
		     struct zt_history_stood *ret)
{
	sqlite3_stmt *q;
	int code;
	int r = zt_history_ask(
		history,
		"SELECT first_s, stood_s + iif(since_s IS NULL, 0, ifnull((SELECT value FROM meta "
		"WHERE key = 'recorded_s'), 0) - since_s) FROM stood WHERE digest = ?",
		&q);

	*ret = (struct zt_history_stood){0};
	if (r < 0 || !q)
		return r;
	sqlite3_bind_blob(q, 1, digest, ZT_HISTORY_DIGEST_LEN, SQLITE_STATIC);
	code = sqlite3_step(q);
	if (code == SQLITE_ROW) {
		ret->since_s = sqlite3_column_int64(q, 0);
		ret->recorded_s = (uint64_t)sqlite3_column_int64(q, 1);
	}
	return zt_history_asked(history, q, code);
}
