/* SPDX-License-Identifier: Apache-2.0 */
/*
 * history_priv.h - what the files of the history share: jobs, and the database that takes them.
 *
 * history.c     what the collector tells becomes jobs; status
 * history_job.c a job: rows with their names, copied
 * history_run.c the thread that writes
 * history_db.c  opening, the schema, what is set aside
 * history_write.c one job in one transaction; bounds
 *
 * Questions are answered by agent/history/.
 */
#pragma once
#include <pthread.h>
#include <sqlite3.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/stat.h>

#include "base/strmap.h"
#include "flow/history.h"
#include "flow/ledger.h"
#include "history/db.h"

/* --- jobs --------------------------------------------------------------------------------------
 */

#define ZT_JOB_ROWS 8192 /* keeps preparing one, and the memory it takes, small */
#define ZT_JOB_NONE UINT32_MAX

struct zt_job_row {
	struct zt_ledger_row row;
	uint32_t src, dst;	       /* numbers in @nodes */
	uint32_t src_owner, dst_owner; /* numbers in @owners, or ZT_JOB_NONE */
	uint32_t rule[ZT_PLANE_COUNT]; /* numbers in @rules */
	int64_t first_s, last_s;
};

/* Key of an owner in a job: with @user behind it, without its NUL. */
struct zt_job_owner {
	struct zt_owner owner;
	char user[64];
};

struct zt_job {
	int64_t now_s;
	int64_t day; /* since 1970 */
	struct zt_job_row *rows;
	size_t row_count, row_room;
	struct zt_strmap *nodes;  /* address, then the host's name */
	struct zt_strmap *owners; /* struct zt_job_owner */
	struct zt_strmap *rules;  /* name */
	/* The last job of a writing says what was recorded as a whole. */
	bool last;
	uint64_t recorded_s;
	uint64_t losses;
	uint8_t (*stand)[ZT_HISTORY_DIGEST_LEN]; /* NULL = as before */
	size_t stand_count;
};

/* zt_job_new - an empty one for this moment. 0 or -ENOMEM. */
int zt_job_new(struct zt_job **ret, int64_t now_s);
void zt_job_free(struct zt_job **job);
/* zt_job_add - copy a row, its times as seconds since 1970 within the job's day. 0 or -ENOMEM. */
int zt_job_add(struct zt_job *job, const struct zt_history_config *cfg,
	       const struct zt_flow_names *names, uint64_t now_ns, const struct zt_ledger_row *row);

/* --- the database
 * ---------------------------------------------------------------------------------
 */

enum zt_hdb_stmt {
	ZT_Q_BEGIN,
	ZT_Q_COMMIT,
	ZT_Q_ROLLBACK,
	ZT_Q_NODE_FIND,
	ZT_Q_NODE_ADD,
	ZT_Q_OWNER_FIND,
	ZT_Q_OWNER_ADD,
	ZT_Q_RULE_FIND,
	ZT_Q_RULE_ADD,
	ZT_Q_EDGE_FIND,
	ZT_Q_EDGE_ADD,
	ZT_Q_ROW_UPDATE,
	ZT_Q_ROW_ADD,
	ZT_Q_RULE_DAY,
	ZT_Q_LIVE_SET,
	ZT_Q_LIVE_DROP,
	ZT_Q_DAY_BEGIN,
	ZT_Q_DAY_ROWS,
	ZT_Q_DAY_SET_ROWS,
	ZT_Q_DAY_END,
	ZT_Q_META_GET,
	ZT_Q_META_SET,
	ZT_Q_STAND,
	ZT_Q_STAND_END,
	ZT_Q_COUNT,
};

struct zt_hdb {
	sqlite3 *db;
	sqlite3_stmt *stmts[ZT_Q_COUNT];
	struct stat file;
};

/* How much of what a job brought is not in the database. */
struct zt_hdb_losses {
	uint64_t rows_over_cap;
	uint64_t rows_aged;
	uint64_t rows_over_size;
};

/**
 * zt_hdb_open - open or make it, bring its schema up to date.
 * @err: on failure a few words (ZT_HISTORY_ERROR_LEN).
 *
 * Returns 0, -EBADMSG (corrupt, or not ours), -EPROTO (a newer version), -ENOSPC, -EIO, ....
 */
int zt_hdb_open(struct zt_hdb **ret, const char *path, char *err);
void zt_hdb_close(struct zt_hdb **db);

/* zt_hdb_moved - whether another file, or none, has its name now. */
bool zt_hdb_moved(const struct zt_hdb *db, const char *path);

/* zt_hdb_generation - living flows of another generation are forgotten. 0 or -errno. */
int zt_hdb_generation(struct zt_hdb *db, const char *generation, char *err);

struct zt_hdb_living {
	struct zt_ledger_key key;
	uint64_t counts[ZT_L_COUNT];
};

/* zt_hdb_base - what was written of living flows; *ret is the caller's. 0 or -errno. */
int zt_hdb_base(struct zt_hdb *db, struct zt_hdb_living **ret, size_t *ret_count, char *err);

/* zt_hdb_write - one job, whole or not at all. 0 or -errno. */
int zt_hdb_write(struct zt_hdb *db, const struct zt_job *job, uint32_t day_rows,
		 struct zt_hdb_losses *losses, char *err);

/* zt_hdb_trim - what is too old, or too much for the size, goes; oldest first. 0 or -errno. */
int zt_hdb_trim(struct zt_hdb *db, uint64_t size_cap, uint32_t age_days,
		struct zt_hdb_losses *losses, char *err);

/* zt_hdb_size - bytes in use, edges of all days, days. 0 or -errno. */
int zt_hdb_size(sqlite3 *db, uint64_t *ret_bytes, uint64_t *ret_rows, uint64_t *ret_days);

/* zt_hdb_sound - whether a corrupt page is found in it; slow. */
bool zt_hdb_sound(sqlite3 *db);

/*
 * zt_hdb_set_aside - rename it, and what belongs to it; of earlier ones the newest two stay.
 * @ret: the new name. 0 or -errno.
 */
int zt_hdb_set_aside(const char *path, const char *why, char *ret, size_t len);

/* For the files of the database. */
sqlite3_stmt *zt_hdb_stmt(struct zt_hdb *db, enum zt_hdb_stmt which);
int zt_hdb_step(sqlite3_stmt *stmt); /* 1 = a row, 0 = done, -1 = error; done and error reset it */
int zt_hdb_run(struct zt_hdb *db, enum zt_hdb_stmt which); /* 0 or -1 */
int64_t zt_hdb_meta(struct zt_hdb *db, const char *key);
int zt_hdb_set_meta(struct zt_hdb *db, const char *key, int64_t value);

/* --- the handle ----------------------------------------------------------------------------------
 */

enum zt_history_phase {
	ZT_HISTORY_IDLE,
	ZT_HISTORY_SWEEP, /* the collector walks */
	ZT_HISTORY_WRITE, /* jobs are made and written */
};

struct zt_history_writer {
	struct zt_history_config cfg;
	char *path;
	char *generation;

	/* The loop's side. */
	enum zt_history_phase phase;
	struct zt_ledger *ledger;
	bool based;	     /* the ledger knows what was written of living flows */
	uint64_t looked_ns;  /* the last sweep, recorded or not */
	uint64_t next_ns;    /* when the next one is to be recorded */
	uint64_t swept_ns;   /* when the one being written began */
	uint64_t watched_ns; /* not handed to a job yet */
	uint64_t losses_before;
	uint64_t losses;
	bool losses_known;
	uint8_t (*stand)[ZT_HISTORY_DIGEST_LEN];
	size_t stand_count;
	uint8_t stand_tag[ZT_HISTORY_DIGEST_LEN];
	bool stand_changed;
	uint64_t edges_over_cap;

	/* Shared with the thread, under @lock. */
	pthread_mutex_t lock;
	pthread_cond_t changed;
	pthread_t thread;
	bool have_thread;
	bool stopping;
	bool prepared;		    /* the thread opened the database and read the base */
	struct zt_hdb_living *base; /* read by the thread, taken by the loop */
	size_t base_count;
	struct zt_job *job; /* to be written; stays until it is */
	bool suspect;	    /* a reader found it corrupt */
	bool rewrite;	    /* a new database: living flows are to be written once more */
	uint64_t serial;    /* rises when the file is replaced */
	struct zt_history_stats stats;
};

/* zt_history_start - the thread; zt_history_stop - it writes the job it has, then ends. 0 or
 * -errno. */
int zt_history_start(struct zt_history_writer *history);
void zt_history_stop(struct zt_history_writer *history);

/* zt_history_give - hand a job to the thread, which takes it over. There must be none. */
void zt_history_give(struct zt_history_writer *history, struct zt_job *job);
