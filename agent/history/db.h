/* SPDX-License-Identifier: Apache-2.0 */
/*
 * db.h - the database as both halves of the history know it: the one that reads and the one that
 * writes.
 *
 * For agent/history/ and agent/flow/history*.c only.
 */
#pragma once
#include <sqlite3.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "history/history.h"

#define ZT_HDB_VERSION	      3
#define ZT_HDB_APPLICATION_ID 0x7a746831 /* "zth1" */
#define ZT_HDB_BUSY_MS	      2000

/* Column edge.near: which end is this host's. */
#define ZT_HDB_SRC_NEAR 0x1
#define ZT_HDB_DST_NEAR 0x2

/* zt_hdb_error - the database's last error as -errno; @err gets its words (NULL: not wanted). */
int zt_hdb_error(sqlite3 *db, char *err);

/* zt_hdb_exec - statements without answers; zt_hdb_number - one number. 0 or -1. */
int zt_hdb_exec(sqlite3 *db, const char *sql);
int zt_hdb_number(sqlite3 *db, const char *sql, int64_t *ret);

/**
 * zt_hdb_open_read - a connection that only reads; an older version looks like this one.
 * @ret: the caller's (sqlite3_close).
 *
 * Returns as zt_history_open_read(); -ENODATA: no table is made yet.
 */
int zt_hdb_open_read(sqlite3 **ret, const char *path);

/* The handle: it reads; what writes hangs on it. */
struct zt_history_writer;

struct zt_history_hooks {
	uint64_t (*serial)(struct zt_history_writer *writer); /* rises when the file is replaced */
	void (*suspect)(struct zt_history_writer *writer);    /* it was found corrupt */
	void (*close)(struct zt_history_writer **writer);
};

struct zt_history {
	char *path;
	sqlite3 *reader;
	uint64_t reader_serial;
	struct zt_history_writer *writer; /* NULL: nobody writes through this handle */
	const struct zt_history_hooks *hooks;
};

/* zt_history_reader - the connection for questions. 0 or -errno. */
int zt_history_reader(struct zt_history *history, sqlite3 **ret);

/* zt_history_unsound - reading failed with @r: what writes looks at the file when it is corrupt. */
void zt_history_unsound(struct zt_history *history, int r);

/*
 * zt_history_ask - a question. *ret is NULL, and 0 returned, when nothing was recorded yet.
 * zt_history_asked - the end of it; @code is what the last step returned. 0 or -errno.
 */
int zt_history_ask(struct zt_history *history, const char *sql, sqlite3_stmt **ret);
int zt_history_asked(struct zt_history *history, sqlite3_stmt *q, int code);

/* Columns of table span as zt_hdb_span_read() takes them, from the first of the answer on. */
#define ZT_HDB_SPAN_COLUMNS                                                                        \
	"boot, run_ms, mode, places, from_ms, to_ms, awake_from_ms, awake_to_ms, from_s, to_s, "   \
	"beats, ended, attached_ms, unjudged"
#define ZT_HDB_SPAN_COUNT 14
void zt_hdb_span_read(sqlite3_stmt *q, struct zt_history_span *ret);
