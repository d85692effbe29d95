/* SPDX-License-Identifier: Apache-2.0 */
/*
 * history_read.c - questions to the database, over a connection of its own that only reads.
 */
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "flow/graph.h"
#include "flow/history_priv.h"

#define BUSY_MS 2000

static int open_reader(struct zt_history *h)
{
	char err[ZT_HISTORY_ERROR_LEN];
	sqlite3_stmt *q = NULL;
	int r = 0;

	if (access(h->path, F_OK) < 0)
		return -errno;
	/* Writable as far as SQLite is concerned: the log beside the file is shared memory. */
	if (sqlite3_open_v2(h->path, &h->reader, SQLITE_OPEN_READONLY, NULL) != SQLITE_OK)
		r = zt_hdb_error(h->reader, err);
	if (!r) {
		sqlite3_busy_timeout(h->reader, BUSY_MS);
		if (sqlite3_prepare_v2(h->reader, "PRAGMA user_version", -1, &q, NULL) !=
			    SQLITE_OK ||
		    sqlite3_step(q) != SQLITE_ROW)
			r = zt_hdb_error(h->reader, err);
		else if (sqlite3_column_int64(q, 0) > ZT_HDB_VERSION)
			r = -EPROTO;
		else if (sqlite3_column_int64(q, 0) < 1)
			r = h->read_only ? -EBADMSG : -ENOENT; /* or not made yet */
		sqlite3_finalize(q);
	}
	if (r < 0) {
		sqlite3_close(h->reader);
		h->reader = NULL;
	}
	return r;
}

int zt_history_reader(struct zt_history *history, sqlite3 **ret)
{
	struct zt_history *h = history;
	uint64_t serial;
	int r = 0;

	pthread_mutex_lock(&h->lock);
	serial = h->serial;
	pthread_mutex_unlock(&h->lock);
	if (h->reader && h->reader_serial != serial) {
		sqlite3_close(h->reader);
		h->reader = NULL;
	}
	h->reader_serial = serial;
	if (!h->reader)
		r = open_reader(h);
	if (!r)
		*ret = h->reader;
	return r;
}

void zt_history_unsound(struct zt_history *history, int r)
{
	if (r != -EBADMSG || !history->have_thread)
		return;
	pthread_mutex_lock(&history->lock);
	history->suspect = true;
	pthread_cond_broadcast(&history->changed);
	pthread_mutex_unlock(&history->lock);
}

/*
 * A question. *ret is NULL, and 0 returned, when nothing was recorded yet. Ended by finish().
 */
static int ask(struct zt_history *h, const char *sql, sqlite3_stmt **ret)
{
	char err[ZT_HISTORY_ERROR_LEN];
	sqlite3 *db;
	int r = zt_history_reader(h, &db);

	*ret = NULL;
	if (r == -ENOENT && !h->read_only)
		return 0;
	if (!r && sqlite3_prepare_v2(db, sql, -1, ret, NULL) != SQLITE_OK)
		r = zt_hdb_error(db, err);
	zt_history_unsound(h, r);
	return r;
}

static int finish(struct zt_history *h, sqlite3_stmt *q, int code)
{
	char err[ZT_HISTORY_ERROR_LEN];
	int r = code == SQLITE_DONE || code == SQLITE_ROW ? 0 : zt_hdb_error(h->reader, err);

	sqlite3_finalize(q);
	zt_history_unsound(h, r);
	return r;
}

static int64_t day_of(int64_t since_s)
{
	return since_s > 0 ? since_s / ZT_HISTORY_DAY_S : 0;
}

/* --- edges
 * ---------------------------------------------------------------------------------------- */

static const char edges_sql[] =
	"SELECT s.addr, s.host, d.addr, d.host, e.near, e.proto, e.port, e.kind,"
	" so.unit, so.cgroup, so.exe, so.uid, so.user, so.exe_dev, so.flags,"
	" o.unit, o.cgroup, o.exe, o.uid, o.user, o.exe_dev, o.flags,"
	" l.name, c.name, e.live_action, e.cand_action,"
	" x.n, x.bd, x.bs, x.pd, x.ps, x.first, x.last "
	"FROM (SELECT edge, sum(connections) AS n, sum(bytes_to_dst) AS bd,"
	" sum(bytes_to_src) AS bs, sum(packets_to_dst) AS pd, sum(packets_to_src) AS ps,"
	" min(first_s) AS first, max(last_s) AS last FROM edge_day WHERE day >= ?1 GROUP BY edge) x "
	"JOIN edge e ON e.id = x.edge JOIN node s ON s.id = e.src JOIN node d ON d.id = e.dst "
	"LEFT JOIN owner so ON so.id = e.src_owner LEFT JOIN owner o ON o.id = e.dst_owner "
	"JOIN rule l ON l.id = e.live_rule JOIN rule c ON c.id = e.cand_rule";

enum column {
	C_SRC,
	C_SRC_HOST,
	C_DST,
	C_DST_HOST,
	C_NEAR,
	C_PROTO,
	C_PORT,
	C_KIND,
	C_SRC_OWNER,
	C_DST_OWNER = C_SRC_OWNER + 7,
	C_RULE = C_DST_OWNER + 7,
	C_ACTION = C_RULE + ZT_PLANE_COUNT,
	C_CONNECTIONS = C_ACTION + ZT_PLANE_COUNT,
	C_BYTES,
	C_PACKETS = C_BYTES + 2,
	C_FIRST = C_PACKETS + 2,
	C_LAST,
};

static const char *text_at(sqlite3_stmt *q, int column)
{
	const char *text = (const char *)sqlite3_column_text(q, column);

	return text && *text ? text : NULL;
}

static void copy_field(sqlite3_stmt *q, int column, char *to, size_t size)
{
	const void *text = sqlite3_column_text(q, column);
	size_t len = (size_t)sqlite3_column_bytes(q, column);

	if (text)
		memcpy(to, text, len < size ? len : size);
}

/* Into @room; false: unknown. */
static bool read_owner(sqlite3_stmt *q, int at, struct zt_owner *room)
{
	if (sqlite3_column_type(q, at) == SQLITE_NULL)
		return false;
	memset(room, 0, sizeof(*room));
	copy_field(q, at, room->unit, sizeof(room->unit));
	copy_field(q, at + 1, room->cgroup, sizeof(room->cgroup));
	copy_field(q, at + 2, room->exe, sizeof(room->exe));
	room->uid = (uint32_t)sqlite3_column_int64(q, at + 3);
	room->exe_dev = (uint32_t)sqlite3_column_int64(q, at + 5);
	room->flags = (uint32_t)sqlite3_column_int64(q, at + 6);
	return true;
}

static int read_end(sqlite3_stmt *q, int addr, int owner, bool near, struct zt_owner *room,
		    struct zt_history_end *ret)
{
	if (sqlite3_column_bytes(q, addr) != sizeof(ret->addr.bytes))
		return -EBADMSG;
	memcpy(ret->addr.bytes, sqlite3_column_blob(q, addr), sizeof(ret->addr.bytes));
	ret->host = text_at(q, addr + 1);
	ret->near = near;
	if (read_owner(q, owner, room)) {
		ret->owner = room;
		ret->user = text_at(q, owner + 4);
	}
	return 0;
}

static int read_edge(sqlite3_stmt *q, struct zt_owner owners[2], struct zt_history_edge *ret)
{
	int near = sqlite3_column_int(q, C_NEAR);
	int r;

	*ret = (struct zt_history_edge){
		.proto = (uint8_t)sqlite3_column_int(q, C_PROTO),
		.kind = (uint8_t)sqlite3_column_int(q, C_KIND),
		.port = (uint16_t)sqlite3_column_int(q, C_PORT),
		.connections = (uint64_t)sqlite3_column_int64(q, C_CONNECTIONS),
		.first_s = sqlite3_column_int64(q, C_FIRST),
		.last_s = sqlite3_column_int64(q, C_LAST),
	};
	r = read_end(q, C_SRC, C_SRC_OWNER, near & ZT_L_SRC_NEAR, &owners[0], &ret->src);
	if (!r)
		r = read_end(q, C_DST, C_DST_OWNER, near & ZT_L_DST_NEAR, &owners[1], &ret->dst);
	for (int i = 0; i < 2; i++) {
		ret->bytes[i] = (uint64_t)sqlite3_column_int64(q, C_BYTES + i);
		ret->packets[i] = (uint64_t)sqlite3_column_int64(q, C_PACKETS + i);
	}
	for (int p = 0; p < ZT_PLANE_COUNT; p++) {
		ret->rule[p] = (const char *)sqlite3_column_text(q, C_RULE + p);
		ret->action[p] = (uint8_t)sqlite3_column_int(q, C_ACTION + p);
	}
	return r;
}

int zt_history_each_edge(struct zt_history *history, int64_t since_s, zt_history_edge_fn fn,
			 void *ctx)
{
	struct zt_owner owners[2];
	struct zt_history_edge edge;
	sqlite3_stmt *q;
	int code = SQLITE_DONE, r = ask(history, edges_sql, &q), said = 0;

	if (r < 0 || !q)
		return r;
	sqlite3_bind_int64(q, 1, day_of(since_s));
	while (!said && (code = sqlite3_step(q)) == SQLITE_ROW) {
		said = read_edge(q, owners, &edge);
		if (!said)
			said = fn(&edge, ctx);
	}
	r = finish(history, q, code);
	return r ?: said;
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
	int r = ask(
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
	return finish(history, q, code);
}

/* --- rules and statements
 * ------------------------------------------------------------------------- */

int zt_history_rule(struct zt_history *history, const char *id, int64_t since_s,
		    struct zt_history_rule *ret)
{
	sqlite3_stmt *q;
	int code;
	int r = ask(history,
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
	return finish(history, q, code);
}

int zt_history_stood(struct zt_history *history, const uint8_t digest[ZT_HISTORY_DIGEST_LEN],
		     struct zt_history_stood *ret)
{
	sqlite3_stmt *q;
	int code;
	int r = ask(
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
	return finish(history, q, code);
}
