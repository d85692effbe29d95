/* SPDX-License-Identifier: Apache-2.0 */
/*
 * history_live.c - what was written of flows that still live, so that no restart counts it again.
 */
#include <errno.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/vec.h"
#include "flow/history_priv.h"

/* What the ledger's key has beyond the edge's columns. Valid within a generation. */
struct live_ids {
	uint32_t rule[ZT_PLANE_COUNT];
	uint32_t src_owner, dst_owner;
};

/* Key and counts of version 1; the key of today begins the same. */
#define OLD_KEY_LEN 56
#define OLD_COUNTS  5

#define VARINT_MAX 10

/* LEB128, as in base/rtt.h. */
static size_t pack(const uint64_t counts[ZT_L_COUNT], uint8_t ret[ZT_L_COUNT * VARINT_MAX])
{
	size_t len = 0;

	for (int c = 0; c < ZT_L_COUNT; c++) {
		uint64_t v = counts[c];

		for (; v > 0x7f; v >>= 7)
			ret[len++] = (uint8_t)(0x80 | (v & 0x7f));
		ret[len++] = (uint8_t)v;
	}
	return len;
}

/* Counts that are not there are 0. */
static void unpack(const uint8_t *p, size_t len, uint64_t ret[ZT_L_COUNT])
{
	const uint8_t *end = p + len;

	memset(ret, 0, ZT_L_COUNT * sizeof(*ret));
	for (int c = 0; c < ZT_L_COUNT && p < end; c++) {
		unsigned int shift = 0;

		for (; p < end && shift < 64; shift += 7) {
			ret[c] |= (uint64_t)(*p & 0x7f) << shift;
			if (!(*p++ & 0x80))
				break;
		}
	}
}

int zt_hdb_live(struct zt_hdb *db, const struct zt_job_row *row)
{
	static const uint64_t none[ZT_L_COUNT];
	const struct zt_ledger_key *k = &row->row.key;
	bool gone = !memcmp(row->row.live, none, sizeof(none));
	enum zt_hdb_stmt which = gone ? ZT_Q_LIVE_DROP : ZT_Q_LIVE_SET;
	sqlite3_stmt *q = zt_hdb_stmt(db, which);
	uint8_t counts[ZT_L_COUNT * VARINT_MAX];
	struct live_ids ids = {
		.src_owner = k->src_owner,
		.dst_owner = k->dst_owner,
	};

	if (!row->row.live_changed || !row->edge)
		return 0;
	memcpy(ids.rule, k->rule, sizeof(ids.rule));
	sqlite3_bind_int64(q, 1, row->edge);
	sqlite3_bind_blob(q, 2, &ids, sizeof(ids), SQLITE_STATIC);
	if (!gone)
		sqlite3_bind_blob(q, 3, counts, (int)pack(row->row.live, counts), SQLITE_STATIC);
	return zt_hdb_run(db, which);
}

/* --- read by the next agent ---------------------------------------------------------------------
 */

static bool old_living(sqlite3_stmt *q, struct zt_hdb_living *ret)
{
	if (sqlite3_column_bytes(q, 0) != OLD_KEY_LEN ||
	    sqlite3_column_bytes(q, 1) != OLD_COUNTS * sizeof(uint64_t))
		return false;
	memcpy(&ret->key, sqlite3_column_blob(q, 0), OLD_KEY_LEN);
	memcpy(ret->counts, sqlite3_column_blob(q, 1), OLD_COUNTS * sizeof(uint64_t));
	return true;
}

static bool living(sqlite3_stmt *q, struct zt_hdb_living *ret)
{
	struct zt_ledger_key *k = &ret->key;
	struct live_ids ids;

	if (sqlite3_column_bytes(q, 0) != sizeof(ids) ||
	    sqlite3_column_bytes(q, 2) != sizeof(k->src) ||
	    sqlite3_column_bytes(q, 3) != sizeof(k->dst))
		return false;
	memcpy(&ids, sqlite3_column_blob(q, 0), sizeof(ids));
	memcpy(&k->src, sqlite3_column_blob(q, 2), sizeof(k->src));
	memcpy(&k->dst, sqlite3_column_blob(q, 3), sizeof(k->dst));
	memcpy(k->rule, ids.rule, sizeof(k->rule));
	k->src_owner = ids.src_owner;
	k->dst_owner = ids.dst_owner;
	k->port = (uint16_t)sqlite3_column_int(q, 4);
	k->proto = (uint8_t)sqlite3_column_int(q, 5);
	k->kind = (uint8_t)sqlite3_column_int(q, 6);
	k->near = (uint8_t)sqlite3_column_int(q, 7);
	k->action[ZT_LIVE] = (uint8_t)sqlite3_column_int(q, 8);
	k->action[ZT_CANDIDATE] = (uint8_t)sqlite3_column_int(q, 9);
	k->encryption = (uint8_t)sqlite3_column_int(q, 10);
	k->app = (uint8_t)sqlite3_column_int(q, 11);
	unpack(sqlite3_column_blob(q, 1), (size_t)sqlite3_column_bytes(q, 1), ret->counts);
	return true;
}

int zt_hdb_base(struct zt_hdb *db, struct zt_hdb_living **ret, size_t *ret_count, bool *ret_old,
		char *err)
{
	/* Rows of version 1 first: what was written since then outranks them. */
	static const char sql[] =
		"SELECT ids, counts, s.addr, d.addr, port, proto, kind, near, live_action, "
		"cand_action, encryption, app, l.edge FROM live l LEFT JOIN edge e ON e.id = l.edge "
		"LEFT JOIN node s ON s.id = e.src LEFT JOIN node d ON d.id = e.dst ORDER BY l.edge";
	zt_auto(zt_freep) struct zt_hdb_living *rows = NULL;
	size_t count = 0, room = 0;
	sqlite3_stmt *q = NULL;
	int code, r = 0;

	*ret_old = false;
	if (sqlite3_prepare_v2(db->db, sql, -1, &q, NULL) != SQLITE_OK)
		return zt_hdb_error(db->db, err);
	while (!r && (code = sqlite3_step(q)) == SQLITE_ROW) {
		struct zt_hdb_living row = {0};
		bool old = !sqlite3_column_int64(q, 12);

		*ret_old |= old;
		if (!(old ? old_living(q, &row) : living(q, &row)))
			continue;
		r = zt_vec_grow(&rows, &room, count + 1, sizeof(*rows));
		if (!r)
			rows[count++] = row;
	}
	if (!r && code != SQLITE_DONE)
		r = zt_hdb_error(db->db, err);
	sqlite3_finalize(q);
	if (r < 0)
		return r;
	*ret = zt_take(rows);
	*ret_count = count;
	return 0;
}
