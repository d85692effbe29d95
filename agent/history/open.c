/* SPDX-License-Identifier: Apache-2.0 */
/*
 * open.c - the history's database opened to be read, whoever else has it and wherever it lies.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "history/db.h"

/* What version 1 lacks, under the names of today; temporary, so in memory alone. */
static const char like_version_2[] =
	"CREATE TEMP VIEW edge AS SELECT *, 0 AS encryption, 0 AS app FROM main.edge;"
	"CREATE TEMP VIEW edge_day AS SELECT *, 0 AS refused, 0 AS unanswered, 0 AS resets,"
	" 0 AS retransmits, NULL AS rtt FROM main.edge_day;"
	"CREATE TEMP VIEW day AS SELECT *, 0 AS hours, 0 AS device_bytes, 0 AS flow_bytes"
	" FROM main.day;"
	"CREATE TEMP TABLE hour(hour INTEGER PRIMARY KEY);"
	"CREATE TEMP TABLE edge_hour(hour, edge, connections, bytes_to_dst, bytes_to_src,"
	" packets_to_dst, packets_to_src, first_s, last_s, refused, unanswered, resets,"
	" retransmits, rtt);"
	"CREATE TEMP TABLE hint(addr, name, source, first_s, last_s);";

/* And version 2. */
static const char like_version_3[] =
	"CREATE TEMP VIEW IF NOT EXISTS day AS SELECT *, 0 AS device_bytes, 0 AS flow_bytes"
	" FROM main.day;"
	"CREATE TEMP TABLE span(id INTEGER PRIMARY KEY, boot, run_ms, mode, places, from_ms, to_ms,"
	" awake_from_ms, awake_to_ms, from_s, to_s, beats, ended, attached_ms, unjudged, prev, hash);"
	"CREATE TEMP TABLE device(boot, ifindex, name, bytes, at_s);";

int zt_hdb_error(sqlite3 *db, char *err)
{
	int code = db ? sqlite3_errcode(db) & 0xff : SQLITE_NOMEM;

	if (err)
		snprintf(err, ZT_HISTORY_ERROR_LEN, "%s", db ? sqlite3_errmsg(db) : "no memory");
	switch (code) {
	case SQLITE_CORRUPT:
	case SQLITE_NOTADB:
		return -EBADMSG;
	case SQLITE_FULL:
		return -ENOSPC;
	case SQLITE_NOMEM:
		return -ENOMEM;
	case SQLITE_BUSY:
	case SQLITE_LOCKED:
		return -EBUSY;
	case SQLITE_READONLY:
		return -EROFS;
	case SQLITE_PERM:
	case SQLITE_AUTH:
	case SQLITE_CANTOPEN:
		return -EACCES;
	case SQLITE_ERROR: /* a table or column that should be there is not */
		return -EBADMSG;
	default:
		return -EIO;
	}
}

int zt_hdb_exec(sqlite3 *db, const char *sql)
{
	return sqlite3_exec(db, sql, NULL, NULL, NULL) == SQLITE_OK ? 0 : -1;
}

int zt_hdb_number(sqlite3 *db, const char *sql, int64_t *ret)
{
	sqlite3_stmt *stmt = NULL;
	int r = -1;

	if (sqlite3_prepare_v2(db, sql, -1, &stmt, NULL) == SQLITE_OK &&
	    sqlite3_step(stmt) == SQLITE_ROW) {
		*ret = sqlite3_column_int64(stmt, 0);
		r = 0;
	}
	sqlite3_finalize(stmt);
	return r;
}

/* --- a connection ------------------------------------------------------------------------------
 */

static int check(sqlite3 *db)
{
	int64_t id, version, tables;

	/* The first question opens the log, which is where a directory that cannot be written
	   shows. */
	if (zt_hdb_number(db, "SELECT count(*) FROM sqlite_schema", &tables) < 0 ||
	    zt_hdb_number(db, "PRAGMA application_id", &id) < 0 ||
	    zt_hdb_number(db, "PRAGMA user_version", &version) < 0)
		return zt_hdb_error(db, NULL);
	if (!tables && !id && !version)
		return -ENODATA;
	if (id != ZT_HDB_APPLICATION_ID || version < 1)
		return -EBADMSG;
	if (version > ZT_HDB_VERSION)
		return -EPROTO;
	if (zt_hdb_exec(db, "PRAGMA temp_store = MEMORY") < 0 ||
	    (version == 1 && zt_hdb_exec(db, like_version_2) < 0) ||
	    (version < 3 && zt_hdb_exec(db, like_version_3) < 0))
		return zt_hdb_error(db, NULL);
	return 0;
}

static int try_open(sqlite3 **ret, const char *name, const char *vfs, const char *first)
{
	sqlite3 *db = NULL;
	int r = 0;

	if (sqlite3_open_v2(name, &db, SQLITE_OPEN_READONLY | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_URI,
			    vfs) != SQLITE_OK)
		r = zt_hdb_error(db, NULL);
	if (!r) {
		sqlite3_busy_timeout(db, ZT_HDB_BUSY_MS);
		if (first && zt_hdb_exec(db, first) < 0)
			r = zt_hdb_error(db, NULL);
	}
	r = r ?: check(db);
	if (r < 0) {
		sqlite3_close(db);
		return r;
	}
	*ret = db;
	return 0;
}

/* file:PATH with what has a meaning in a URI escaped; the caller frees it. */
static char *uri_of(const char *path, const char *query)
{
	size_t room = 5 + 3 * strlen(path) + strlen(query) + 1;
	char *uri = malloc(room), *to = uri;

	if (!uri)
		return NULL;
	to += sprintf(to, "file:");
	for (; *path; path++) {
		if (strchr("%?#", *path))
			to += sprintf(to, "%%%02x", (unsigned char)*path);
		else
			*to++ = *path;
	}
	strcpy(to, query);
	return uri;
}

static bool has_log(const char *path)
{
	zt_auto(zt_freep) char *log = NULL;
	struct stat st;

	if (asprintf(&log, "%s-wal", path) < 0) {
		log = NULL;
		return false;
	}
	return !stat(log, &st) && st.st_size > 0;
}

/*
 * Readers share memory in a file beside the database. Where none can be made (a read-only
 * medium) the index of the log is kept in our own memory, without locks; without a log the file
 * is taken to be one that does not change.
 */
int zt_hdb_open_read(sqlite3 **ret, const char *path)
{
	bool log = has_log(path);
	zt_auto(zt_freep) char *plain = uri_of(path, "");
	zt_auto(zt_freep) char *fixed = uri_of(path, "?immutable=1");
	int r;

	if (!plain || !fixed)
		return -ENOMEM;
	if (access(path, R_OK) < 0)
		return -errno;
	r = try_open(ret, plain, NULL, NULL);
	if (r != -EACCES && r != -EROFS && r != -EIO)
		return r;
	if (log)
		return try_open(ret, plain, "unix-none", "PRAGMA locking_mode = EXCLUSIVE");
	return try_open(ret, fixed, NULL, NULL);
}

/* --- the handle ---------------------------------------------------------------------------------
 */

int zt_history_open_read(struct zt_history **ret, const char *path)
{
	zt_auto(zt_history_close) struct zt_history *h = calloc(1, sizeof(*h));
	int r;

	if (!h)
		return -ENOMEM;
	h->path = strdup(path);
	if (!h->path)
		return -ENOMEM;
	r = zt_hdb_open_read(&h->reader, h->path);
	if (r < 0)
		return r == -ENODATA ? -EBADMSG : r;
	*ret = zt_take(h);
	return 0;
}

void zt_history_close(struct zt_history **history)
{
	struct zt_history *h = *history;

	if (!h)
		return;
	/* The last connection to go puts the log into the file: that must be one that may write. */
	sqlite3_close(h->reader);
	if (h->writer)
		h->hooks->close(&h->writer);
	free(h->path);
	free(h);
	*history = NULL;
}

int zt_history_reader(struct zt_history *history, sqlite3 **ret)
{
	struct zt_history *h = history;
	uint64_t serial = h->writer ? h->hooks->serial(h->writer) : 0;
	int r = 0;

	if (h->reader && h->reader_serial != serial) {
		sqlite3_close(h->reader);
		h->reader = NULL;
	}
	h->reader_serial = serial;
	if (!h->reader)
		r = zt_hdb_open_read(&h->reader, h->path);
	if (!r)
		*ret = h->reader;
	return r;
}

void zt_history_unsound(struct zt_history *history, int r)
{
	if (r == -EBADMSG && history->writer)
		history->hooks->suspect(history->writer);
}

int zt_history_ask(struct zt_history *history, const char *sql, sqlite3_stmt **ret)
{
	sqlite3 *db;
	int r = zt_history_reader(history, &db);

	*ret = NULL;
	if (history->writer && (r == -ENOENT || r == -ENODATA))
		return 0;
	if (!r && sqlite3_prepare_v2(db, sql, -1, ret, NULL) != SQLITE_OK)
		r = zt_hdb_error(db, NULL);
	zt_history_unsound(history, r);
	return r;
}

int zt_history_asked(struct zt_history *history, sqlite3_stmt *q, int code)
{
	int r = code == SQLITE_DONE || code == SQLITE_ROW ? 0 : zt_hdb_error(history->reader, NULL);

	sqlite3_finalize(q);
	zt_history_unsound(history, r);
	return r;
}
