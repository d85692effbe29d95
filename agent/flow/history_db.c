/* SPDX-License-Identifier: Apache-2.0 */
/*
 * history_db.c - the database: opening it, its schema, what of it is set aside.
 */
#include <errno.h>
#include <glob.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/vec.h"
#include "flow/history_priv.h"

#define KEPT_ASIDE 3

/*
 * migrations[v] brings version v to v + 1; a published one never changes. Days and
 * times: UTC days and seconds since 1970. Text of owners is as the kernel gave it.
 */
static const char *const migrations[ZT_HDB_VERSION] = {
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
};

static const char *const texts[ZT_Q_COUNT] = {
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
			   "live_action = ? AND cand_action = ?",
	[ZT_Q_EDGE_ADD] = "INSERT INTO edge(src, dst, proto, port, kind, near, src_owner, "
			  "dst_owner, live_rule, cand_rule, live_action, cand_action) "
			  "VALUES(?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
	[ZT_Q_ROW_UPDATE] = "UPDATE edge_day SET connections = connections + ?3, "
			    "bytes_to_dst = bytes_to_dst + ?4, bytes_to_src = bytes_to_src + ?5, "
			    "packets_to_dst = packets_to_dst + ?6, "
			    "packets_to_src = packets_to_src + ?7, "
			    "first_s = min(first_s, ?8), last_s = max(last_s, ?9) "
			    "WHERE day = ?1 AND edge = ?2",
	[ZT_Q_ROW_ADD] = "INSERT INTO edge_day VALUES(?, ?, ?, ?, ?, ?, ?, ?, ?)",
	[ZT_Q_RULE_DAY] = "INSERT INTO rule_day VALUES(?, ?, ?, ?, ?, ?, ?) "
			  "ON CONFLICT(day, rule) DO UPDATE SET flows = flows + excluded.flows, "
			  "would_deny = would_deny + excluded.would_deny, "
			  "denied = denied + excluded.denied, "
			  "last_s = max(last_s, excluded.last_s), "
			  "last_deny_s = max(last_deny_s, excluded.last_deny_s)",
	[ZT_Q_LIVE_SET] = "INSERT OR REPLACE INTO live VALUES(?, ?)",
	[ZT_Q_LIVE_DROP] = "DELETE FROM live WHERE key = ?",
	[ZT_Q_DAY_BEGIN] = "INSERT OR IGNORE INTO day VALUES(?1, ?2, ?2, 0, 0, 0, 0, 0, 0, 0)",
	[ZT_Q_DAY_ROWS] = "SELECT rows, unanswered FROM day WHERE day = ?",
	[ZT_Q_DAY_SET_ROWS] = "UPDATE day SET rows = ?, unanswered = ?, losses = losses + ? "
			      "WHERE day = ?",
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
};

sqlite3_stmt *zt_hdb_stmt(struct zt_hdb *db, enum zt_hdb_stmt which)
{
	return db->stmts[which];
}

int zt_hdb_step(sqlite3_stmt *stmt)
{
	int code = sqlite3_step(stmt);

	if (code == SQLITE_ROW)
		return 1;
	sqlite3_reset(stmt);
	return code == SQLITE_DONE ? 0 : -1;
}

int zt_hdb_run(struct zt_hdb *db, enum zt_hdb_stmt which)
{
	return zt_hdb_step(db->stmts[which]) < 0 ? -1 : 0;
}

/* --- opening -----------------------------------------------------------------------------------
 */

static int migrate(sqlite3 *db, int64_t version)
{
	char set[64];

	for (; version < ZT_HDB_VERSION; version++) {
		snprintf(set, sizeof(set), "PRAGMA user_version = %lld", (long long)version + 1);
		if (zt_hdb_exec(db, "BEGIN IMMEDIATE") < 0 ||
		    zt_hdb_exec(db, migrations[version]) < 0 || zt_hdb_exec(db, set) < 0 ||
		    zt_hdb_exec(db, "COMMIT") < 0)
			return -1;
	}
	return 0;
}

/* A file of somebody else is not written to. */
static int check_version(sqlite3 *db, int64_t *ret_version, char *err)
{
	int64_t id, version, tables;

	if (zt_hdb_number(db, "PRAGMA application_id", &id) < 0 ||
	    zt_hdb_number(db, "PRAGMA user_version", &version) < 0 ||
	    zt_hdb_number(db, "SELECT count(*) FROM sqlite_schema", &tables) < 0)
		return zt_hdb_error(db, err);
	*ret_version = version;
	if (!tables && !id && !version)
		return 0;
	if (id != ZT_HDB_APPLICATION_ID || version < 0) {
		snprintf(err, ZT_HISTORY_ERROR_LEN, "not a database of ztagent");
		return -EBADMSG;
	}
	if (version > ZT_HDB_VERSION) {
		snprintf(err, ZT_HISTORY_ERROR_LEN, "version %lld, this agent knows %d",
			 (long long)version, ZT_HDB_VERSION);
		return -EPROTO;
	}
	return 0;
}

static int set_up(sqlite3 *db, char *err)
{
	int64_t version = 0;
	char id[64];
	int r = check_version(db, &version, err);

	if (r < 0)
		return r;
	snprintf(id, sizeof(id), "PRAGMA application_id = %d", ZT_HDB_APPLICATION_ID);
	/* A crash of the machine may take the last seconds, never what was there before. */
	if ((!version && (zt_hdb_exec(db, "PRAGMA auto_vacuum = INCREMENTAL") < 0 ||
			  zt_hdb_exec(db, id) < 0)) ||
	    zt_hdb_exec(db, "PRAGMA journal_mode = WAL") < 0 ||
	    zt_hdb_exec(db, "PRAGMA synchronous = NORMAL") < 0 ||
	    zt_hdb_exec(db, "PRAGMA journal_size_limit = 4194304") < 0 || migrate(db, version) < 0)
		return zt_hdb_error(db, err);
	return 0;
}

int zt_hdb_open(struct zt_hdb **ret, const char *path, char *err)
{
	zt_auto(zt_hdb_close) struct zt_hdb *db = calloc(1, sizeof(*db));
	int r;

	if (!db)
		return -ENOMEM;
	if (sqlite3_open_v2(path, &db->db, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE, NULL) !=
	    SQLITE_OK)
		return zt_hdb_error(db->db, err);
	sqlite3_busy_timeout(db->db, ZT_HDB_BUSY_MS);
	r = set_up(db->db, err);
	for (int i = 0; i < ZT_Q_COUNT && !r; i++) {
		if (sqlite3_prepare_v3(db->db, texts[i], -1, SQLITE_PREPARE_PERSISTENT,
				       &db->stmts[i], NULL) != SQLITE_OK)
			r = zt_hdb_error(db->db, err);
	}
	if (r < 0)
		return r;
	if (stat(path, &db->file) < 0)
		return -errno;
	*ret = zt_take(db);
	return 0;
}

bool zt_hdb_moved(const struct zt_hdb *db, const char *path)
{
	struct stat st;

	return stat(path, &st) < 0 || st.st_ino != db->file.st_ino || st.st_dev != db->file.st_dev;
}

void zt_hdb_close(struct zt_hdb **db)
{
	struct zt_hdb *d = *db;

	if (!d)
		return;
	for (int i = 0; i < ZT_Q_COUNT; i++)
		sqlite3_finalize(d->stmts[i]);
	sqlite3_close(d->db);
	free(d);
	*db = NULL;
}

/* Room for one more of those that were set aside before: a disk that damages files must not fill.
 */
static void drop_oldest(const char *path, const char *why)
{
	char pattern[4096], part[4096];
	glob_t found;

	/* Names end in their time and sort by it; the log of each is not a name of its own. */
	if ((size_t)snprintf(pattern, sizeof(pattern), "%s.%s-*[Z0-9]", path, why) >=
		    sizeof(pattern) ||
	    glob(pattern, 0, NULL, &found))
		return;
	for (size_t i = 0; i + KEPT_ASIDE <= found.gl_pathc; i++) {
		unlink(found.gl_pathv[i]);
		snprintf(part, sizeof(part), "%.4000s-wal", found.gl_pathv[i]);
		unlink(part);
		snprintf(part, sizeof(part), "%.4000s-shm", found.gl_pathv[i]);
		unlink(part);
	}
	globfree(&found);
}

int zt_hdb_set_aside(const char *path, const char *why, char *ret, size_t len)
{
	static const char *const parts[] = {"-wal", "-shm", ""};
	char from[4096], to[4096], stamp[32];
	time_t now = time(NULL);
	struct tm tm;

	strftime(stamp, sizeof(stamp), "%Y%m%dT%H%M%SZ", gmtime_r(&now, &tm));
	for (int n = 0; n < 100; n++) {
		snprintf(ret, len, n ? "%s.%s-%s-%d" : "%s.%s-%s", path, why, stamp, n);
		if (access(ret, F_OK) < 0)
			break;
	}
	drop_oldest(path, why);
	for (size_t i = 0; i < ARRAY_SIZE(parts); i++) {
		if ((size_t)snprintf(from, sizeof(from), "%s%s", path, parts[i]) >= sizeof(from) ||
		    (size_t)snprintf(to, sizeof(to), "%s%s", ret, parts[i]) >= sizeof(to))
			return -ENAMETOOLONG;
		if (rename(from, to) < 0 && errno != ENOENT)
			return -errno;
	}
	return 0;
}

bool zt_hdb_sound(sqlite3 *db)
{
	sqlite3_stmt *stmt = NULL;
	bool sound = false;

	if (sqlite3_prepare_v2(db, "PRAGMA quick_check(1)", -1, &stmt, NULL) == SQLITE_OK &&
	    sqlite3_step(stmt) == SQLITE_ROW)
		sound = !strcmp((const char *)sqlite3_column_text(stmt, 0), "ok");
	sqlite3_finalize(stmt);
	return sound;
}

/* --- what is kept beside the rows ------------------------------------------------------------ */

int64_t zt_hdb_meta(struct zt_hdb *db, const char *key)
{
	sqlite3_stmt *q = db->stmts[ZT_Q_META_GET];
	int64_t value = 0;

	sqlite3_bind_text(q, 1, key, -1, SQLITE_STATIC);
	if (zt_hdb_step(q) == 1)
		value = sqlite3_column_int64(q, 0);
	sqlite3_reset(q);
	return value;
}

int zt_hdb_set_meta(struct zt_hdb *db, const char *key, int64_t value)
{
	sqlite3_stmt *q = db->stmts[ZT_Q_META_SET];

	sqlite3_bind_text(q, 1, key, -1, SQLITE_STATIC);
	sqlite3_bind_int64(q, 2, value);
	return zt_hdb_run(db, ZT_Q_META_SET);
}

int zt_hdb_generation(struct zt_hdb *db, const char *generation, char *err)
{
	sqlite3_stmt *q = db->stmts[ZT_Q_META_GET], *set = db->stmts[ZT_Q_META_SET];
	bool same = false;

	sqlite3_bind_text(q, 1, "generation", -1, SQLITE_STATIC);
	if (zt_hdb_step(q) == 1 && sqlite3_column_text(q, 0))
		same = !strcmp((const char *)sqlite3_column_text(q, 0), generation);
	sqlite3_reset(q);
	if (same)
		return 0;
	sqlite3_bind_text(set, 1, "generation", -1, SQLITE_STATIC);
	sqlite3_bind_text(set, 2, generation, -1, SQLITE_TRANSIENT);
	if (zt_hdb_run(db, ZT_Q_BEGIN) < 0 || zt_hdb_exec(db->db, "DELETE FROM live") < 0 ||
	    zt_hdb_run(db, ZT_Q_META_SET) < 0 || zt_hdb_run(db, ZT_Q_COMMIT) < 0) {
		int r = zt_hdb_error(db->db, err);

		zt_hdb_run(db, ZT_Q_ROLLBACK);
		return r;
	}
	return 0;
}

int zt_hdb_base(struct zt_hdb *db, struct zt_hdb_living **ret, size_t *ret_count, char *err)
{
	zt_auto(zt_freep) struct zt_hdb_living *rows = NULL;
	size_t count = 0, room = 0;
	sqlite3_stmt *q = NULL;
	int code, r = 0;

	if (sqlite3_prepare_v2(db->db, "SELECT key, counts FROM live", -1, &q, NULL) != SQLITE_OK)
		return zt_hdb_error(db->db, err);
	while ((code = sqlite3_step(q)) == SQLITE_ROW && !r) {
		struct zt_hdb_living row;

		if (sqlite3_column_bytes(q, 0) != sizeof(row.key) ||
		    sqlite3_column_bytes(q, 1) != sizeof(row.counts))
			continue;
		memcpy(&row.key, sqlite3_column_blob(q, 0), sizeof(row.key));
		memcpy(row.counts, sqlite3_column_blob(q, 1), sizeof(row.counts));
		r = zt_vec_grow(&rows, &room, count + 1, sizeof(*rows));
		if (!r)
			rows[count++] = row;
	}
	if (code != SQLITE_DONE && !r)
		r = zt_hdb_error(db->db, err);
	sqlite3_finalize(q);
	if (r < 0)
		return r;
	*ret = zt_take(rows);
	*ret_count = count;
	return 0;
}
