/* SPDX-License-Identifier: Apache-2.0 */
/*
 * history_beat.c - the agent's own life: spans of heartbeats in a chain of hashes, and what the
 * counters of guarded devices said.
 *
 * A span goes on as long as the same agent finds the same mode at the same hooks, and no gap is
 * between two beats. Within a transaction of the writing, so that a beat is there when what was
 * recorded up to it is.
 */
#include <stdio.h>
#include <string.h>

#include "flow/history_priv.h"

#define SPANS_MAX "20000" /* the oldest go; the chain then begins with the first that is left */

struct last {
	int64_t id; /* 0 = there is none */
	struct zt_history_span span;
	uint8_t prev[ZT_HISTORY_DIGEST_LEN];
	uint8_t hash[ZT_HISTORY_DIGEST_LEN];
};

static sqlite3_stmt *prepare(struct zt_hdb *db, const char *sql)
{
	sqlite3_stmt *q = NULL;

	return sqlite3_prepare_v2(db->db, sql, -1, &q, NULL) == SQLITE_OK ? q : NULL;
}

static int finish(sqlite3_stmt *q)
{
	int code = q ? sqlite3_step(q) : SQLITE_ERROR;

	sqlite3_finalize(q);
	return code == SQLITE_DONE || code == SQLITE_ROW ? 0 : -1;
}

static void copy_blob(sqlite3_stmt *q, int column, uint8_t ret[ZT_HISTORY_DIGEST_LEN])
{
	if (sqlite3_column_bytes(q, column) == ZT_HISTORY_DIGEST_LEN)
		memcpy(ret, sqlite3_column_blob(q, column), ZT_HISTORY_DIGEST_LEN);
}

static int read_last(struct zt_hdb *db, struct last *ret)
{
	sqlite3_stmt *q = prepare(db, "SELECT " ZT_HDB_SPAN_COLUMNS ", prev, hash, id FROM span "
				      "ORDER BY id DESC LIMIT 1");
	int code = q ? sqlite3_step(q) : SQLITE_ERROR;

	*ret = (struct last){0};
	if (code == SQLITE_ROW) {
		zt_hdb_span_read(q, &ret->span);
		copy_blob(q, ZT_HDB_SPAN_COUNT, ret->prev);
		copy_blob(q, ZT_HDB_SPAN_COUNT + 1, ret->hash);
		ret->id = sqlite3_column_int64(q, ZT_HDB_SPAN_COUNT + 2);
	}
	sqlite3_finalize(q);
	return code == SQLITE_ROW || code == SQLITE_DONE ? 0 : -1;
}

/* The row @last->id anew, hash included; 0: a new one. */
static int put(struct zt_hdb *db, struct last *last)
{
	const struct zt_history_span *s = &last->span;
	const int64_t numbers[] = {s->run_ms,		s->mode,   (int64_t)s->places,
				   s->from_ms,		s->to_ms,  s->awake_from_ms,
				   s->awake_to_ms,	s->from_s, s->to_s,
				   (int64_t)s->beats,	s->ended,  s->attached_ms,
				   (int64_t)s->unjudged};
	const int count = sizeof(numbers) / sizeof(numbers[0]);
	sqlite3_stmt *q;

	if (zt_history_span_hash(s, last->prev, last->hash) < 0)
		return -1;
	q = prepare(db, "INSERT OR REPLACE INTO span(id, " ZT_HDB_SPAN_COLUMNS ", prev, hash) "
			"VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, "
			"?16, ?17)");
	if (!q)
		return -1;
	if (last->id)
		sqlite3_bind_int64(q, 1, last->id);
	sqlite3_bind_text(q, 2, s->boot, -1, SQLITE_STATIC);
	for (int i = 0; i < count; i++)
		sqlite3_bind_int64(q, 3 + i, numbers[i]);
	sqlite3_bind_blob(q, 3 + count, last->prev, sizeof(last->prev), SQLITE_STATIC);
	sqlite3_bind_blob(q, 4 + count, last->hash, sizeof(last->hash), SQLITE_STATIC);
	return finish(q);
}

/* The same agent, and it was never longer silent than a gap. */
static bool same_run(const struct last *last, const struct zt_history_beat *beat, uint32_t gap_s)
{
	const struct zt_history_span *s = &last->span;

	return last->id && !s->ended && !strcmp(s->boot, beat->boot) && s->run_ms == beat->run_ms &&
	       beat->awake_ms >= s->awake_to_ms &&
	       beat->awake_ms - s->awake_to_ms <= (int64_t)gap_s * 1000;
}

static bool goes_on(const struct last *last, const struct zt_history_beat *beat)
{
	return last->span.mode == beat->mode && last->span.places == beat->places;
}

static int put_span(struct zt_hdb *db, const struct zt_history_beat *beat, int64_t now_s,
		    uint32_t gap_s)
{
	struct last last;
	bool same;

	if (read_last(db, &last) < 0)
		return -1;
	same = same_run(&last, beat, gap_s);
	if (!same || !goes_on(&last, beat)) {
		/* What lies between two beats is as the second one found it. */
		struct zt_history_span next = {
			.run_ms = beat->run_ms,
			.mode = beat->mode,
			.places = beat->places,
			.from_ms = same ? last.span.to_ms : beat->boot_ms,
			.awake_from_ms = same ? last.span.awake_to_ms : beat->awake_ms,
			.from_s = same ? last.span.to_s : now_s,
		};

		memcpy(next.boot, beat->boot, sizeof(next.boot));
		last.span = next;
		memcpy(last.prev, last.hash, sizeof(last.prev));
		last.id = 0;
	}
	last.span.to_ms = beat->boot_ms;
	last.span.awake_to_ms = beat->awake_ms;
	last.span.to_s = now_s;
	last.span.beats++;
	last.span.attached_ms = beat->attached_ms;
	last.span.unjudged = beat->unjudged;
	return put(db, &last);
}

int zt_hdb_beat_end(struct zt_hdb *db, int64_t run_ms)
{
	struct last last;
	int r = zt_hdb_run(db, ZT_Q_BEGIN);

	if (r < 0)
		return r;
	r = read_last(db, &last);
	if (r == 0 && last.id && last.span.run_ms == run_ms) {
		last.span.ended = true;
		r = put(db, &last);
	}
	return zt_hdb_run(db, r < 0 ? ZT_Q_ROLLBACK : ZT_Q_COMMIT);
}

/* --- devices ------------------------------------------------------------------------------------
 */

/* What it carried since the last writing; at the first one since it was attached, if that is known.
 */
static int put_device(struct zt_hdb *db, const char *boot, const struct zt_history_device *device,
		      int64_t now_s, uint64_t *bytes)
{
	sqlite3_stmt *q =
		prepare(db, "SELECT bytes FROM device WHERE boot = ? AND ifindex = ? AND name = ?");
	int64_t before = device->before == UINT64_MAX ? INT64_MAX : (int64_t)device->before;

	if (!q)
		return -1;
	sqlite3_bind_text(q, 1, boot, -1, SQLITE_STATIC);
	sqlite3_bind_int64(q, 2, device->ifindex);
	sqlite3_bind_text(q, 3, device->name, -1, SQLITE_STATIC);
	if (sqlite3_step(q) == SQLITE_ROW)
		before = sqlite3_column_int64(q, 0);
	sqlite3_finalize(q);
	if ((int64_t)device->bytes > before)
		*bytes += device->bytes - (uint64_t)before;
	q = prepare(db, "INSERT OR REPLACE INTO device VALUES(?, ?, ?, ?, ?)");
	if (!q)
		return -1;
	sqlite3_bind_text(q, 1, boot, -1, SQLITE_STATIC);
	sqlite3_bind_int64(q, 2, device->ifindex);
	sqlite3_bind_text(q, 3, device->name, -1, SQLITE_STATIC);
	sqlite3_bind_int64(q, 4, (int64_t)device->bytes);
	sqlite3_bind_int64(q, 5, now_s);
	return finish(q);
}

static int drop_old(struct zt_hdb *db, const char *boot)
{
	sqlite3_stmt *q = prepare(db, "DELETE FROM device WHERE boot <> ?");

	if (!q)
		return -1;
	sqlite3_bind_text(q, 1, boot, -1, SQLITE_STATIC);
	if (finish(q) < 0)
		return -1;
	return zt_hdb_exec(db->db,
			   "DELETE FROM span WHERE id <= (SELECT max(id) FROM span) - " SPANS_MAX);
}

static int put_beat(struct zt_hdb *db, const struct zt_history_beat *beat, int64_t now_s,
		    uint32_t gap_s, uint64_t *bytes)
{
	int r = put_span(db, beat, now_s, gap_s);

	for (size_t i = 0; i < beat->device_count && r == 0; i++)
		r = put_device(db, beat->boot, &beat->devices[i], now_s, bytes);
	return r ?: drop_old(db, beat->boot);
}

uint64_t zt_job_row_bytes(const struct zt_job_row *row)
{
	uint64_t bytes = row->row.add[ZT_L_BYTES_TO_DST] + row->row.add[ZT_L_BYTES_TO_SRC];

	return row->row.key.kind == ZT_KIND_LOOP  ? 0
	       : row->row.key.kind == ZT_KIND_FWD ? 2 * bytes
						  : bytes;
}

int zt_hdb_put_bytes(struct zt_hdb *db, const struct zt_job *job, uint32_t gap_s,
		     uint64_t flow_bytes)
{
	sqlite3_stmt *q = zt_hdb_stmt(db, ZT_Q_DAY_BYTES);
	uint64_t devices = 0;

	if (job->beat && put_beat(db, job->beat, job->now_s, gap_s, &devices) < 0)
		return -1;
	sqlite3_bind_int64(q, 1, job->day);
	sqlite3_bind_int64(q, 2, (int64_t)devices);
	sqlite3_bind_int64(q, 3, (int64_t)flow_bytes);
	return zt_hdb_run(db, ZT_Q_DAY_BYTES);
}
