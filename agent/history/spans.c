/* SPDX-License-Identifier: Apache-2.0 */
/*
 * spans.c - the agent's own life, read: spans of heartbeats and the chain that ties them; bytes of
 * devices.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/digest.h"
#include "history/db.h"

static void copy_text(sqlite3_stmt *q, int column, char *ret, size_t size)
{
	const unsigned char *text = sqlite3_column_text(q, column);

	snprintf(ret, size, "%s", text ? (const char *)text : "");
}

void zt_hdb_span_read(sqlite3_stmt *q, struct zt_history_span *ret)
{
	*ret = (struct zt_history_span){
		.run_ms = sqlite3_column_int64(q, 1),
		.mode = (uint8_t)sqlite3_column_int(q, 2),
		.places = (uint64_t)sqlite3_column_int64(q, 3),
		.from_ms = sqlite3_column_int64(q, 4),
		.to_ms = sqlite3_column_int64(q, 5),
		.awake_from_ms = sqlite3_column_int64(q, 6),
		.awake_to_ms = sqlite3_column_int64(q, 7),
		.from_s = sqlite3_column_int64(q, 8),
		.to_s = sqlite3_column_int64(q, 9),
		.beats = (uint64_t)sqlite3_column_int64(q, 10),
		.ended = sqlite3_column_int(q, 11),
		.attached_ms = sqlite3_column_int64(q, 12),
		.unjudged = (uint64_t)sqlite3_column_int64(q, 13),
	};
	copy_text(q, 0, ret->boot, sizeof(ret->boot));
}

int zt_history_span_hash(const struct zt_history_span *s, const uint8_t prev[ZT_HISTORY_DIGEST_LEN],
			 uint8_t ret[ZT_HISTORY_DIGEST_LEN])
{
	zt_auto(zt_digest_free) struct zt_digest *digest = NULL;
	char text[512];
	int len = snprintf(text, sizeof(text),
			   "%s|%lld|%u|%llu|%lld|%lld|%lld|%lld|%lld|%lld|%llu|%d|%lld|%llu",
			   s->boot, (long long)s->run_ms, s->mode, (unsigned long long)s->places,
			   (long long)s->from_ms, (long long)s->to_ms, (long long)s->awake_from_ms,
			   (long long)s->awake_to_ms, (long long)s->from_s, (long long)s->to_s,
			   (unsigned long long)s->beats, s->ended, (long long)s->attached_ms,
			   (unsigned long long)s->unjudged);
	int r = zt_digest_new(&digest);

	if (r < 0)
		return r;
	zt_digest_add(digest, prev, ZT_HISTORY_DIGEST_LEN);
	zt_digest_add(digest, text, (size_t)len);
	return zt_digest_end(digest, ret);
}

static bool blob_is(sqlite3_stmt *q, int column, const uint8_t wanted[ZT_HISTORY_DIGEST_LEN])
{
	return sqlite3_column_bytes(q, column) == ZT_HISTORY_DIGEST_LEN &&
	       !memcmp(sqlite3_column_blob(q, column), wanted, ZT_HISTORY_DIGEST_LEN);
}

struct chain {
	uint8_t hash[ZT_HISTORY_DIGEST_LEN]; /* of the row before */
	int64_t id;
	bool intact;
};

/* Its hash fits, and it was made from the row before; the first one that is left has none. */
static int check_row(struct chain *chain, sqlite3_stmt *q, const struct zt_history_span *span)
{
	uint8_t prev[ZT_HISTORY_DIGEST_LEN] = {0};
	int64_t id = sqlite3_column_int64(q, ZT_HDB_SPAN_COUNT + 2);
	int r;

	if (sqlite3_column_bytes(q, ZT_HDB_SPAN_COUNT) == ZT_HISTORY_DIGEST_LEN)
		memcpy(prev, sqlite3_column_blob(q, ZT_HDB_SPAN_COUNT), sizeof(prev));
	if (chain->id && (id != chain->id + 1 || memcmp(prev, chain->hash, sizeof(prev)) != 0))
		chain->intact = false;
	r = zt_history_span_hash(span, prev, chain->hash);
	if (r == 0 && !blob_is(q, ZT_HDB_SPAN_COUNT + 1, chain->hash))
		chain->intact = false;
	chain->id = id;
	return r;
}

int zt_history_each_span(struct zt_history *history, int64_t since_s, zt_history_span_fn fn,
			 void *ctx, bool *ret_intact)
{
	struct chain chain = {.intact = true};
	struct zt_history_span span;
	sqlite3_stmt *q;
	int code = SQLITE_DONE, stop = 0;
	int r = zt_history_ask(history,
			       "SELECT " ZT_HDB_SPAN_COLUMNS ", prev, hash, id FROM span "
			       "ORDER BY id",
			       &q);

	*ret_intact = true;
	if (r < 0 || !q)
		return r;
	while (!stop && (code = sqlite3_step(q)) == SQLITE_ROW) {
		zt_hdb_span_read(q, &span);
		stop = check_row(&chain, q, &span);
		if (!stop && span.to_s >= since_s)
			stop = fn(&span, ctx);
	}
	*ret_intact = chain.intact;
	r = zt_history_asked(history, q, code);
	return stop ?: r;
}

int zt_history_bytes(struct zt_history *history, int64_t since_s, struct zt_history_bytes *ret)
{
	sqlite3_stmt *q;
	int code;
	int r = zt_history_ask(history,
			       "SELECT ifnull(sum(device_bytes), 0), ifnull(sum(flow_bytes), 0) "
			       "FROM day WHERE day >= ?",
			       &q);

	*ret = (struct zt_history_bytes){0};
	if (r < 0 || !q)
		return r;
	sqlite3_bind_int64(q, 1, since_s > 0 ? since_s / ZT_HISTORY_DAY_S : 0);
	code = sqlite3_step(q);
	if (code == SQLITE_ROW) {
		ret->device = (uint64_t)sqlite3_column_int64(q, 0);
		ret->flow = (uint64_t)sqlite3_column_int64(q, 1);
	}
	return zt_history_asked(history, q, code);
}

int zt_history_each_device(struct zt_history *history, const char *boot, zt_history_device_fn fn,
			   void *ctx)
{
	struct zt_history_device device;
	sqlite3_stmt *q;
	int code = SQLITE_DONE, stop = 0;
	int r = zt_history_ask(history,
			       "SELECT ifindex, name, bytes, at_s FROM device WHERE boot = ? "
			       "ORDER BY ifindex",
			       &q);

	if (r < 0 || !q)
		return r;
	sqlite3_bind_text(q, 1, boot, -1, SQLITE_STATIC);
	while (!stop && (code = sqlite3_step(q)) == SQLITE_ROW) {
		device = (struct zt_history_device){
			.ifindex = (uint32_t)sqlite3_column_int64(q, 0),
			.bytes = (uint64_t)sqlite3_column_int64(q, 2),
			.at_s = sqlite3_column_int64(q, 3),
		};
		copy_text(q, 1, device.name, sizeof(device.name));
		stop = fn(&device, ctx);
	}
	r = zt_history_asked(history, q, code);
	return stop ?: r;
}
