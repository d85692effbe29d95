/* SPDX-License-Identifier: Apache-2.0 */
/*
 * history_sql.c - the schema of the history and every statement that writes it.
 */
#include "flow/history_priv.h"

/*
 * migrations[v] brings version v to v + 1; a published one never changes. Days and
 * times: UTC days and seconds since 1970. Text of owners is as the kernel gave it.
 */
const char *const zt_hdb_migrations[ZT_HDB_VERSION] = {
	"CREATE TABLE meta(key TEXT PRIMARY KEY, value) WITHOUT ROWID;"
	"CREATE TABLE node(id INTEGER PRIMARY KEY, addr BLOB NOT NULL, host TEXT NOT NULL,"
	" UNIQUE(addr, host));"
	"CREATE TABLE owner(id INTEGER PRIMARY KEY, unit TEXT NOT NULL, cgroup TEXT NOT NULL,"
	" exe TEXT NOT NULL, uid INTEGER NOT NULL, user TEXT NOT NULL, exe_dev INTEGER NOT NULL,"
	" flags INTEGER NOT NULL, UNIQUE(unit, cgroup, exe, uid, user, exe_dev, flags));"
	"CREATE TABLE rule(id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE);"
	/* near: 1 = the source is this host, 2 = the destination is; owners: 0 = unknown. */
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
	/* Counts, already added to edge_day, of flows that lived at the last writing. */
	"CREATE TABLE live(key BLOB PRIMARY KEY, counts BLOB NOT NULL) WITHOUT ROWID;"
	/* stood_s: recorded seconds of earlier standings; since_s: meta recorded_s when this one
	   began, NULL = it does not stand now. */
	"CREATE TABLE stood(digest BLOB PRIMARY KEY, first_s INTEGER NOT NULL,"
	" stood_s INTEGER NOT NULL, since_s INTEGER, round INTEGER NOT NULL) WITHOUT ROWID;",

	/* To 2: protocols, health, hours, names. */
	"ALTER TABLE edge RENAME TO edge_1;"
	"CREATE TABLE edge(id INTEGER PRIMARY KEY, src INTEGER NOT NULL, dst INTEGER NOT NULL,"
	" proto INTEGER NOT NULL, port INTEGER NOT NULL, kind INTEGER NOT NULL,"
	" near INTEGER NOT NULL, src_owner INTEGER NOT NULL, dst_owner INTEGER NOT NULL,"
	" live_rule INTEGER NOT NULL, cand_rule INTEGER NOT NULL,"
	" live_action INTEGER NOT NULL, cand_action INTEGER NOT NULL,"
	" encryption INTEGER NOT NULL, app INTEGER NOT NULL,"
	" UNIQUE(src, dst, proto, port, kind, near, src_owner, dst_owner,"
	" live_rule, cand_rule, live_action, cand_action, encryption, app));"
	"INSERT INTO edge SELECT id, src, dst, proto, port, kind, near, src_owner, dst_owner,"
	" live_rule, cand_rule, live_action, cand_action, 0, 0 FROM edge_1;"
	"DROP TABLE edge_1;"
	"ALTER TABLE edge_day ADD COLUMN refused INTEGER NOT NULL DEFAULT 0;"
	"ALTER TABLE edge_day ADD COLUMN unanswered INTEGER NOT NULL DEFAULT 0;"
	"ALTER TABLE edge_day ADD COLUMN resets INTEGER NOT NULL DEFAULT 0;"
	"ALTER TABLE edge_day ADD COLUMN retransmits INTEGER NOT NULL DEFAULT 0;"
	"ALTER TABLE edge_day ADD COLUMN rtt BLOB;" /* zt_rtt_encode(), NULL = no samples */
	/*
	 * 1 = what is written now goes to edge_hour; 0 = to edge_day, and what is in edge_hour is
	 * on its way there.
	 */
	"ALTER TABLE day ADD COLUMN hours INTEGER NOT NULL DEFAULT 0;"
	/* Hours since 1970 that have rows. */
	"CREATE TABLE hour(hour INTEGER PRIMARY KEY, rows INTEGER NOT NULL);"
	/*
	 * By time, so that the rows of one writing lie together; a walk by edge reads its range of
	 * every hour.
	 */
	"CREATE TABLE edge_hour(hour INTEGER NOT NULL, edge INTEGER NOT NULL,"
	" connections INTEGER NOT NULL, bytes_to_dst INTEGER NOT NULL,"
	" bytes_to_src INTEGER NOT NULL, packets_to_dst INTEGER NOT NULL,"
	" packets_to_src INTEGER NOT NULL, first_s INTEGER NOT NULL, last_s INTEGER NOT NULL,"
	" refused INTEGER NOT NULL, unanswered INTEGER NOT NULL, resets INTEGER NOT NULL,"
	" retransmits INTEGER NOT NULL, rtt BLOB, PRIMARY KEY(hour, edge)) WITHOUT ROWID;"
	"CREATE TABLE hint(addr BLOB NOT NULL, source INTEGER NOT NULL, name TEXT NOT NULL,"
	" first_s INTEGER NOT NULL, last_s INTEGER NOT NULL,"
	" PRIMARY KEY(addr, source, name)) WITHOUT ROWID;"
	/*
	 * Beside their edge: ids is what of the ledger's key no edge has (rules, owners as numbers
	 * of this generation), counts are in groups of seven bits. Edge 0: a row of version 1.
	 */
	"ALTER TABLE live RENAME TO live_1;"
	"CREATE TABLE live(edge INTEGER NOT NULL, ids BLOB NOT NULL, counts BLOB NOT NULL,"
	" PRIMARY KEY(edge, ids)) WITHOUT ROWID;"
	"INSERT INTO live SELECT 0, key, counts FROM live_1;"
	"DROP TABLE live_1;",

	/* To 3: the agent's own life, bytes of devices. Hashes as zt_history_span_hash(). */
	"ALTER TABLE day ADD COLUMN device_bytes INTEGER NOT NULL DEFAULT 0;"
	"ALTER TABLE day ADD COLUMN flow_bytes INTEGER NOT NULL DEFAULT 0;"
	"CREATE TABLE span(id INTEGER PRIMARY KEY, boot TEXT NOT NULL, run_ms INTEGER NOT NULL,"
	" mode INTEGER NOT NULL, places INTEGER NOT NULL, from_ms INTEGER NOT NULL,"
	" to_ms INTEGER NOT NULL, awake_from_ms INTEGER NOT NULL, awake_to_ms INTEGER NOT NULL,"
	" from_s INTEGER NOT NULL, to_s INTEGER NOT NULL, beats INTEGER NOT NULL,"
	" ended INTEGER NOT NULL, attached_ms INTEGER NOT NULL, unjudged INTEGER NOT NULL,"
	" prev BLOB NOT NULL, hash BLOB NOT NULL);"
	/* Of the latest boot: what a device's counters said at the last writing. */
	"CREATE TABLE device(boot TEXT NOT NULL, ifindex INTEGER NOT NULL, name TEXT NOT NULL,"
	" bytes INTEGER NOT NULL, at_s INTEGER NOT NULL, PRIMARY KEY(boot, ifindex)) WITHOUT ROWID;",
};

#define ROW_SET                                                                                    \
	"connections = connections + ?3, bytes_to_dst = bytes_to_dst + ?4, "                       \
	"bytes_to_src = bytes_to_src + ?5, packets_to_dst = packets_to_dst + ?6, "                 \
	"packets_to_src = packets_to_src + ?7, first_s = min(first_s, ?8), "                       \
	"last_s = max(last_s, ?9), refused = refused + ?10, unanswered = unanswered + ?11, "       \
	"resets = resets + ?12, retransmits = retransmits + ?13, "                                 \
	"rtt = iif(?14 IS NULL, rtt, zt_rtt_add(rtt, ?14)) "
#define ROW_VALUES "VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14)"

const char *const zt_hdb_texts[ZT_Q_COUNT] = {
	[ZT_Q_BEGIN] = "BEGIN IMMEDIATE",
	[ZT_Q_COMMIT] = "COMMIT",
	[ZT_Q_ROLLBACK] = "ROLLBACK",
	[ZT_Q_NODE_FIND] = "SELECT id FROM node WHERE addr = ? AND host = ?",
	[ZT_Q_NODE_ADD] = "INSERT INTO node(addr, host) VALUES(?, ?)",
	[ZT_Q_OWNER_FIND] = "SELECT id FROM owner WHERE unit = ? AND cgroup = ? AND exe = ? AND "
			    "uid = ? AND user = ? AND exe_dev = ? AND flags = ?",
	[ZT_Q_OWNER_ADD] = "INSERT INTO owner(unit, cgroup, exe, uid, user, exe_dev, flags) "
			   "VALUES(?, ?, ?, ?, ?, ?, ?)",
	[ZT_Q_RULE_FIND] = "SELECT id FROM rule WHERE name = ?",
	[ZT_Q_RULE_ADD] = "INSERT INTO rule(name) VALUES(?)",
	[ZT_Q_EDGE_FIND] = "SELECT id FROM edge WHERE src = ? AND dst = ? AND proto = ? AND "
			   "port = ? AND kind = ? AND near = ? AND src_owner = ? AND "
			   "dst_owner = ? AND live_rule = ? AND cand_rule = ? AND "
			   "live_action = ? AND cand_action = ? AND encryption = ? AND app = ?",
	[ZT_Q_EDGE_ADD] = "INSERT INTO edge(src, dst, proto, port, kind, near, src_owner, "
			  "dst_owner, live_rule, cand_rule, live_action, cand_action, encryption, "
			  "app) VALUES(?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
	[ZT_Q_HOUR_ROW_UPDATE] = "UPDATE edge_hour SET " ROW_SET "WHERE hour = ?1 AND edge = ?2",
	[ZT_Q_HOUR_ROW_ADD] = "INSERT INTO edge_hour " ROW_VALUES,
	[ZT_Q_DAY_ROW_UPDATE] = "UPDATE edge_day SET " ROW_SET "WHERE day = ?1 AND edge = ?2",
	[ZT_Q_DAY_ROW_ADD] = "INSERT INTO edge_day " ROW_VALUES,
	[ZT_Q_DAY_HAS] = "SELECT 1 FROM hour h CROSS JOIN edge_hour x ON x.hour = h.hour AND "
			 "x.edge = ?2 WHERE h.hour >= ?1 * 24 AND h.hour < ?1 * 24 + 24 "
			 "ORDER BY h.hour DESC LIMIT 1",
	[ZT_Q_RULE_DAY] = "INSERT INTO rule_day VALUES(?, ?, ?, ?, ?, ?, ?) "
			  "ON CONFLICT(day, rule) DO UPDATE SET flows = flows + excluded.flows, "
			  "would_deny = would_deny + excluded.would_deny, "
			  "denied = denied + excluded.denied, "
			  "last_s = max(last_s, excluded.last_s), "
			  "last_deny_s = max(last_deny_s, excluded.last_deny_s)",
	[ZT_Q_LIVE_SET] = "INSERT OR REPLACE INTO live VALUES(?, ?, ?)",
	[ZT_Q_LIVE_DROP] = "DELETE FROM live WHERE edge = ? AND ids = ?",
	[ZT_Q_LIVE_OLD] = "DELETE FROM live WHERE edge = 0",
	[ZT_Q_HINT] = "INSERT INTO hint VALUES(?1, ?2, ?3, ?4, ?4) ON CONFLICT(addr, source, name) "
		      "DO UPDATE SET last_s = max(last_s, excluded.last_s)",
	[ZT_Q_HOUR_BEGIN] = "INSERT OR IGNORE INTO hour VALUES(?, 0)",
	[ZT_Q_HOUR_ROWS] = "SELECT rows FROM hour WHERE hour = ?",
	[ZT_Q_HOUR_SET_ROWS] = "UPDATE hour SET rows = ? WHERE hour = ?",
	[ZT_Q_DAY_BEGIN] = "INSERT OR IGNORE INTO day VALUES(?1, ?2, ?2, 0, 0, 0, 0, 0, 0, 0, 1, "
			   "0, 0)",
	[ZT_Q_DAY_ROWS] = "SELECT rows, unanswered, hours FROM day WHERE day = ?",
	[ZT_Q_DAY_NO_HOURS] = "UPDATE day SET hours = 0 WHERE day = ?",
	[ZT_Q_DAY_SET_ROWS] = "UPDATE day SET rows = ?, unanswered = ?, losses = losses + ? "
			      "WHERE day = ?",
	[ZT_Q_DAY_BYTES] = "UPDATE day SET device_bytes = device_bytes + ?2, "
			   "flow_bytes = flow_bytes + ?3 WHERE day = ?1",
	[ZT_Q_DAY_END] = "UPDATE day SET last_s = max(last_s, ?2), recorded_s = recorded_s + ?3, "
			 "gaps = gaps + (?4 > 0), losses = losses + ?5, "
			 "longest_gap_at_s = iif(?4 > longest_gap_s, ?2, longest_gap_at_s), "
			 "longest_gap_s = max(longest_gap_s, ?4) WHERE day = ?1",
	[ZT_Q_META_GET] = "SELECT value FROM meta WHERE key = ?",
	[ZT_Q_META_SET] = "INSERT OR REPLACE INTO meta VALUES(?, ?)",
	[ZT_Q_STAND] = "INSERT INTO stood VALUES(?1, ?2, 0, ?3, ?4) ON CONFLICT(digest) DO UPDATE "
		       "SET since_s = ifnull(since_s, excluded.since_s), round = excluded.round",
	[ZT_Q_STAND_END] = "UPDATE stood SET stood_s = stood_s + ?1 - since_s, since_s = NULL "
			   "WHERE since_s IS NOT NULL AND round <> ?2",
	[ZT_Q_ROLL] = "INSERT INTO edge_day SELECT ?1, x.edge, sum(x.connections), "
		      "sum(x.bytes_to_dst), sum(x.bytes_to_src), sum(x.packets_to_dst), "
		      "sum(x.packets_to_src), min(x.first_s), max(x.last_s), sum(x.refused), "
		      "sum(x.unanswered), sum(x.resets), sum(x.retransmits), zt_rtt_sum(x.rtt) "
		      "FROM hour h CROSS JOIN edge_hour x ON x.hour = h.hour AND "
		      "x.edge BETWEEN ?2 AND ?3 WHERE h.hour >= ?1 * 24 AND h.hour < ?1 * 24 + 24 "
		      "GROUP BY x.edge ON CONFLICT(day, edge) DO UPDATE SET "
		      "connections = connections + excluded.connections, "
		      "bytes_to_dst = bytes_to_dst + excluded.bytes_to_dst, "
		      "bytes_to_src = bytes_to_src + excluded.bytes_to_src, "
		      "packets_to_dst = packets_to_dst + excluded.packets_to_dst, "
		      "packets_to_src = packets_to_src + excluded.packets_to_src, "
		      "first_s = min(first_s, excluded.first_s), "
		      "last_s = max(last_s, excluded.last_s), "
		      "refused = refused + excluded.refused, "
		      "unanswered = unanswered + excluded.unanswered, "
		      "resets = resets + excluded.resets, "
		      "retransmits = retransmits + excluded.retransmits, "
		      "rtt = zt_rtt_add(rtt, excluded.rtt)",
	[ZT_Q_ROLL_DROP] = "DELETE FROM edge_hour WHERE hour IN (SELECT hour FROM hour WHERE "
			   "hour >= ?1 * 24 AND hour < ?1 * 24 + 24) AND edge BETWEEN ?2 AND ?3",
	[ZT_Q_ROLL_END] = "DELETE FROM hour WHERE hour >= ?1 * 24 AND hour < ?1 * 24 + 24",
	[ZT_Q_USED_HOURS] = "SELECT x.edge FROM hour h CROSS JOIN edge_hour x ON x.hour = h.hour "
			    "AND x.edge BETWEEN ?1 AND ?2",
	[ZT_Q_USED_DAYS] = "SELECT x.edge FROM day d CROSS JOIN edge_day x ON x.day = d.day "
			   "AND x.edge BETWEEN ?1 AND ?2",
	[ZT_Q_USED_LIVE] = "SELECT edge FROM live WHERE edge BETWEEN ?1 AND ?2",
	[ZT_Q_EDGE_DROP] = "DELETE FROM edge WHERE id = ?",
};

/* --- histograms --------------------------------------------------------------------------------
 */

static void answer(sqlite3_context *ctx, const struct zt_rtt *rtt)
{
	uint8_t blob[ZT_RTT_BLOB_MAX];
	size_t len = zt_rtt_encode(rtt, blob);

	if (len)
		sqlite3_result_blob(ctx, blob, (int)len, SQLITE_TRANSIENT);
	else
		sqlite3_result_null(ctx);
}

/* zt_rtt_add(a, b): two of them in one; NULL is none. What is none of ours is left out. */
static void rtt_add(sqlite3_context *ctx, int count, sqlite3_value **values)
{
	struct zt_rtt sum = {{0}};

	for (int i = 0; i < count; i++)
		zt_rtt_decode(&sum, sqlite3_value_blob(values[i]),
			      (size_t)sqlite3_value_bytes(values[i]));
	answer(ctx, &sum);
}

/* zt_rtt_sum(a): all of a group in one. */
static void rtt_sum_step(sqlite3_context *ctx, int count, sqlite3_value **values)
{
	struct zt_rtt *sum;
	int len = sqlite3_value_bytes(values[0]);

	(void)count;
	if (!len)
		return;
	sum = sqlite3_aggregate_context(ctx, sizeof(*sum));
	if (sum)
		zt_rtt_decode(sum, sqlite3_value_blob(values[0]), (size_t)len);
	else
		sqlite3_result_error_nomem(ctx);
}

static void rtt_sum_end(sqlite3_context *ctx)
{
	const struct zt_rtt *sum = sqlite3_aggregate_context(ctx, 0);

	if (sum)
		answer(ctx, sum);
	else
		sqlite3_result_null(ctx);
}

int zt_hdb_functions(sqlite3 *db)
{
	const int flags = SQLITE_UTF8 | SQLITE_DETERMINISTIC;

	if (sqlite3_create_function(db, "zt_rtt_add", 2, flags, NULL, rtt_add, NULL, NULL) !=
		    SQLITE_OK ||
	    sqlite3_create_function(db, "zt_rtt_sum", 1, flags, NULL, NULL, rtt_sum_step,
				    rtt_sum_end) != SQLITE_OK)
		return -1;
	return 0;
}
