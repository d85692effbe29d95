/* SPDX-License-Identifier: Apache-2.0 */
/*
 * history_db.c - the database: opening it, bringing it up to date, what of it is set aside.
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
#include "flow/history_priv.h"

#define KEPT_ASIDE 3

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
		    zt_hdb_exec(db, zt_hdb_migrations[version]) < 0 || zt_hdb_exec(db, set) < 0 ||
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
	if (sqlite3_open_v2(path, &db->db,
			    SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX,
			    NULL) != SQLITE_OK)
		return zt_hdb_error(db->db, err);
	sqlite3_busy_timeout(db->db, ZT_HDB_BUSY_MS);
	r = zt_hdb_functions(db->db) < 0 ? zt_hdb_error(db->db, err) : set_up(db->db, err);
	for (int i = 0; i < ZT_Q_COUNT && !r; i++) {
		if (sqlite3_prepare_v3(db->db, zt_hdb_texts[i], -1, SQLITE_PREPARE_PERSISTENT,
				       &db->stmts[i], NULL) != SQLITE_OK)
			r = zt_hdb_error(db->db, err);
	}
	if (r < 0)
		return r;
	if (zt_hdb_number(db->db, "SELECT count(*) FROM hint", &db->hints) < 0)
		return zt_hdb_error(db->db, err);
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
