/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cursor.c - the edges of a window, added up over its buckets, a few at a time.
 *
 * Buckets are stored by time and within each by edge, so that what is written every
 * ten seconds lies together. A window is read across that: a span of edge ids out of
 * every bucket of the window, added up in an array, then handed out. A span is
 * read as of one moment; it grows and shrinks with the time that the last one took.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/cleanup.h"
#include "base/time.h"
#include "history/cursor_priv.h"

#define SPAN_MIN     16
#define SPAN_MAX     4096
#define SPAN_FIRST   128
#define SPAN_LONG_NS (10 * ZT_NS_PER_MS) /* a span that takes longer was too wide */
#define NEXT_NS	     (20 * ZT_NS_PER_MS) /* of one call; a span may come on top */

#define COUNTS                                                                                     \
	"x.edge, x.connections, x.bytes_to_dst, x.bytes_to_src, x.packets_to_dst, "                \
	"x.packets_to_src, x.refused, x.unanswered, x.resets, x.retransmits, x.first_s, "          \
	"x.last_s, x.rtt "

struct zt_history_cursor {
	struct zt_history *history;
	sqlite3 *db;
	sqlite3_stmt *hours, *days, *cut;
	struct zt_hnames names;
	struct zt_history_window window;
	int64_t from_hour, to_hour; /* buckets; this one not */
	int64_t from_day, to_day;
	int64_t cut_days[2]; /* days that an end of the window cuts in two, -1 = none */
	int64_t next, last;  /* edge ids: the next span's first, the last there is */
	uint32_t span;
	bool held; /* all of it as of one moment */
	/* The span that is handed out. */
	int64_t first;
	uint32_t at, count;
	struct zt_hsum *sums; /* SPAN_MAX */
};

static uint64_t clock_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * ZT_NS_PER_S + (uint64_t)ts.tv_nsec;
}

/* --- the window --------------------------------------------------------------------------------
 */

/* Whether the hours of a day were rolled up. -1 on error. */
static int is_rolled(struct zt_history_cursor *c, int64_t day)
{
	sqlite3_stmt *q = NULL;
	int code = SQLITE_ERROR, rolled = 0;

	if (sqlite3_prepare_v2(c->db, "SELECT hours = 0 FROM day WHERE day = ?", -1, &q, NULL) ==
	    SQLITE_OK) {
		sqlite3_bind_int64(q, 1, day);
		code = sqlite3_step(q);
		if (code == SQLITE_ROW)
			rolled = sqlite3_column_int(q, 0);
	}
	sqlite3_finalize(q);
	return code == SQLITE_ROW || code == SQLITE_DONE ? rolled : -1;
}

static int64_t round_up(int64_t s, int64_t bucket)
{
	return s > INT64_MAX - bucket ? INT64_MAX - INT64_MAX % bucket
				      : (s + bucket - 1) / bucket * bucket;
}

/* A bound at @at_s is a bucket's: of the hour, or of the day. */
static int widen(struct zt_history_cursor *c, int64_t at_s, bool up, int64_t *ret_s, bool *ret_day,
		 int64_t *ret_cut)
{
	const int64_t hour = up ? round_up(at_s, ZT_HISTORY_HOUR_S)
				: at_s / ZT_HISTORY_HOUR_S * ZT_HISTORY_HOUR_S;
	int rolled;

	*ret_s = hour;
	*ret_cut = -1;
	if (hour % ZT_HISTORY_DAY_S == 0)
		return 0;
	rolled = is_rolled(c, hour / ZT_HISTORY_DAY_S);
	if (rolled < 0)
		return zt_hdb_error(c->db, NULL);
	*ret_day = rolled;
	if (rolled)
		*ret_s = up ? round_up(hour, ZT_HISTORY_DAY_S)
			    : hour / ZT_HISTORY_DAY_S * ZT_HISTORY_DAY_S;
	else
		*ret_cut = hour / ZT_HISTORY_DAY_S;
	return 0;
}

static int set_window(struct zt_history_cursor *c, int64_t since_s, int64_t until_s)
{
	struct zt_history_window *w = &c->window;
	int64_t max_id;
	int r = 0;

	if (zt_hdb_number(c->db, "SELECT first_s FROM day ORDER BY day LIMIT 1", &w->first_s) < 0)
		w->first_s = 0;
	if (zt_hdb_number(c->db, "SELECT ifnull(max(last_s), 0) FROM day", &w->last_s) < 0 ||
	    zt_hdb_number(c->db, "SELECT ifnull(max(id), 0) FROM edge", &max_id) < 0)
		return zt_hdb_error(c->db, NULL);
	c->last = max_id;
	c->cut_days[0] = c->cut_days[1] = -1;
	w->from_s = since_s > 0 ? since_s : 0;
	w->to_s = until_s;
	if (since_s > 0)
		r = widen(c, since_s, false, &w->from_s, &w->from_day, &c->cut_days[0]);
	if (!r && until_s < INT64_MAX)
		r = widen(c, until_s, true, &w->to_s, &w->to_day, &c->cut_days[1]);
	c->from_hour = w->from_s / ZT_HISTORY_HOUR_S;
	c->to_hour = w->to_s / ZT_HISTORY_HOUR_S;
	/* A day that an end cuts has hours and no row of its own. */
	c->from_day = round_up(w->from_s, ZT_HISTORY_DAY_S) / ZT_HISTORY_DAY_S;
	c->to_day = w->to_s / ZT_HISTORY_DAY_S;
	if (since_s <= 0)
		w->from_s = w->first_s;
	if (until_s == INT64_MAX)
		w->to_s = w->last_s ? w->last_s + 1 : 0;
	return r;
}

/* --- opening ------------------------------------------------------------------------------------
 */

static int prepare(struct zt_history_cursor *c)
{
	/* CROSS JOIN: bucket by bucket, each by the range of ids. */
	static const char hours[] = "SELECT " COUNTS "FROM hour h CROSS JOIN edge_hour x "
				    "ON x.hour = h.hour AND x.edge BETWEEN ?1 AND ?2 "
				    "WHERE h.hour >= ?3 AND h.hour < ?4";
	static const char days[] = "SELECT " COUNTS "FROM day d CROSS JOIN edge_day x "
				   "ON x.day = d.day AND x.edge BETWEEN ?1 AND ?2 "
				   "WHERE d.day >= ?3 AND d.day < ?4";
	static const char cut[] = "SELECT count(*) FROM day WHERE hours = 0 AND day IN (?1, ?2)";

	if (sqlite3_prepare_v2(c->db, hours, -1, &c->hours, NULL) != SQLITE_OK ||
	    sqlite3_prepare_v2(c->db, days, -1, &c->days, NULL) != SQLITE_OK ||
	    sqlite3_prepare_v2(c->db, cut, -1, &c->cut, NULL) != SQLITE_OK)
		return zt_hdb_error(c->db, NULL);
	return zt_hnames_open(&c->names, c->db);
}

static int open_cursor(struct zt_history_cursor **ret, struct zt_history *history, int64_t since_s,
		       int64_t until_s, bool held)
{
	zt_auto(zt_history_cursor_close) struct zt_history_cursor *c = NULL;
	int r;

	if (until_s <= 0 || since_s >= until_s)
		return -EINVAL;
	c = calloc(1, sizeof(*c));
	if (!c)
		return -ENOMEM;
	c->history = history;
	c->held = held;
	c->span = SPAN_FIRST;
	c->next = 1;
	c->sums = calloc(SPAN_MAX, sizeof(*c->sums));
	if (!c->sums)
		return -ENOMEM;
	r = zt_hdb_open_read(&c->db, history->path);
	if (r == -ENODATA)
		r = history->writer ? -ENOENT : -EBADMSG;
	if (!r && held && zt_hdb_exec(c->db, "BEGIN") < 0)
		r = zt_hdb_error(c->db, NULL);
	r = r ?: prepare(c);
	r = r ?: set_window(c, since_s, until_s);
	zt_history_unsound(history, r);
	if (r < 0)
		return r;
	*ret = zt_take(c);
	return 0;
}

int zt_history_cursor_open(struct zt_history_cursor **ret, struct zt_history *history,
			   int64_t since_s, int64_t until_s)
{
	return open_cursor(ret, history, since_s, until_s, false);
}

static void clear_span(struct zt_history_cursor *c)
{
	for (uint32_t i = 0; i < c->count; i++)
		free(c->sums[i].rtt);
	memset(c->sums, 0, c->count * sizeof(*c->sums));
	c->at = c->count = 0;
}

void zt_history_cursor_close(struct zt_history_cursor **cursor)
{
	struct zt_history_cursor *c = *cursor;

	if (!c)
		return;
	if (c->sums)
		clear_span(c);
	free(c->sums);
	zt_hnames_close(&c->names);
	sqlite3_finalize(c->hours);
	sqlite3_finalize(c->days);
	sqlite3_finalize(c->cut);
	sqlite3_close(c->db);
	free(c);
	*cursor = NULL;
}

void zt_history_cursor_window(const struct zt_history_cursor *cursor, struct zt_history_window *ret)
{
	*ret = cursor->window;
}

/* --- spans --------------------------------------------------------------------------------------
 */

static int add_rtt(struct zt_hsum *sum, const void *blob, int len)
{
	if (len <= 0)
		return 0;
	if (!sum->rtt)
		sum->rtt = calloc(1, sizeof(*sum->rtt));
	if (!sum->rtt)
		return -ENOMEM;
	return zt_rtt_decode(sum->rtt, blob, (size_t)len);
}

static int add_row(sqlite3_stmt *q, struct zt_hsum *sum)
{
	int64_t first_s = sqlite3_column_int64(q, 10), last_s = sqlite3_column_int64(q, 11);

	sum->connections += (uint64_t)sqlite3_column_int64(q, 1);
	for (int i = 0; i < 2; i++) {
		sum->bytes[i] += (uint64_t)sqlite3_column_int64(q, 2 + i);
		sum->packets[i] += (uint64_t)sqlite3_column_int64(q, 4 + i);
	}
	sum->refused += (uint64_t)sqlite3_column_int64(q, 6);
	sum->unanswered += (uint64_t)sqlite3_column_int64(q, 7);
	sum->resets += (uint64_t)sqlite3_column_int64(q, 8);
	sum->retransmits += (uint64_t)sqlite3_column_int64(q, 9);
	if (!sum->used || first_s < sum->first_s)
		sum->first_s = first_s;
	if (!sum->used || last_s > sum->last_s)
		sum->last_s = last_s;
	sum->used = true;
	return add_rtt(sum, sqlite3_column_blob(q, 12), sqlite3_column_bytes(q, 12));
}

static int add_buckets(struct zt_history_cursor *c, sqlite3_stmt *q, int64_t from, int64_t to)
{
	int code = SQLITE_DONE, r = 0;

	sqlite3_bind_int64(q, 1, c->first);
	sqlite3_bind_int64(q, 2, c->first + c->count - 1);
	sqlite3_bind_int64(q, 3, from);
	sqlite3_bind_int64(q, 4, to);
	while (!r && (code = sqlite3_step(q)) == SQLITE_ROW)
		r = add_row(q, &c->sums[sqlite3_column_int64(q, 0) - c->first]);
	if (!r && code != SQLITE_DONE)
		r = zt_hdb_error(c->db, NULL);
	sqlite3_reset(q);
	return r;
}

/* A day that the window cuts must still have its hours. */
static int check_cut(struct zt_history_cursor *c)
{
	int64_t rolled = 0;
	int code;

	if (c->cut_days[0] < 0 && c->cut_days[1] < 0)
		return 0;
	sqlite3_bind_int64(c->cut, 1, c->cut_days[0]);
	sqlite3_bind_int64(c->cut, 2, c->cut_days[1]);
	code = sqlite3_step(c->cut);
	if (code == SQLITE_ROW)
		rolled = sqlite3_column_int64(c->cut, 0);
	sqlite3_reset(c->cut);
	if (code != SQLITE_ROW)
		return zt_hdb_error(c->db, NULL);
	return rolled ? -ESTALE : 0;
}

static int read_span(struct zt_history_cursor *c)
{
	int r = 0;

	if (!c->held && zt_hdb_exec(c->db, "BEGIN") < 0)
		return zt_hdb_error(c->db, NULL);
	r = check_cut(c);
	r = r ?: add_buckets(c, c->hours, c->from_hour, c->to_hour);
	r = r ?: add_buckets(c, c->days, c->from_day, c->to_day);
	if (!c->held && zt_hdb_exec(c->db, "COMMIT") < 0)
		r = r ?: zt_hdb_error(c->db, NULL);
	return r;
}

/* The next span of ids. 1, 0 when there is none, or -errno. */
static int next_span(struct zt_history_cursor *c)
{
	uint64_t began = clock_ns(), took_ns;
	int64_t left = c->last - c->next + 1;
	int r;

	clear_span(c);
	if (left <= 0)
		return 0;
	c->first = c->next;
	c->count = left < c->span ? (uint32_t)left : c->span;
	r = read_span(c);
	if (r < 0)
		return r;
	c->next += c->count;
	took_ns = clock_ns() - began;
	if (took_ns > SPAN_LONG_NS && c->span > SPAN_MIN)
		c->span /= 2;
	else if (took_ns < SPAN_LONG_NS / 4 && c->span < SPAN_MAX)
		c->span *= 2;
	return 1;
}

static int hand_out(struct zt_history_cursor *c, zt_history_edge_fn fn, void *ctx)
{
	int r = zt_hnames_read(&c->names, c->db, c->first + c->at, &c->sums[c->at]);

	if (r == 1) {
		r = fn(&c->names.at, ctx);
		zt_hnames_done(&c->names);
	}
	return r;
}

int zt_history_cursor_next(struct zt_history_cursor *cursor, size_t budget, zt_history_edge_fn fn,
			   void *ctx)
{
	struct zt_history_cursor *c = cursor;
	uint64_t until = clock_ns() + NEXT_NS;
	size_t told = 0;
	int r = 0;

	while (!r) {
		if (c->at == c->count) {
			if (clock_ns() >= until)
				return 1;
			r = next_span(c);
			if (r <= 0)
				break;
			r = 0;
		}
		for (; c->at < c->count && !r; c->at++) {
			if (!c->sums[c->at].used)
				continue;
			/* The clock costs less than an edge does. */
			if ((budget && told == budget) || (told && clock_ns() >= until))
				return 1;
			r = hand_out(c, fn, ctx);
			told++;
		}
	}
	zt_history_unsound(c->history, r);
	return r;
}

int zt_history_each_edge(struct zt_history *history, int64_t since_s, zt_history_edge_fn fn,
			 void *ctx)
{
	zt_auto(zt_history_cursor_close) struct zt_history_cursor *c = NULL;
	int r = open_cursor(&c, history, since_s, INT64_MAX, true);

	if (r == -ENOENT && history->writer)
		return 0;
	while (!r) {
		r = zt_history_cursor_next(c, 0, fn, ctx);
		if (r != 1)
			return r;
		r = 0;
	}
	return r;
}
