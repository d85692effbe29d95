/* SPDX-License-Identifier: Apache-2.0 */
/*
 * history_priv.h - what the files of the history share: jobs, and the database that takes them.
 *
 * history.c     what the collector tells becomes jobs; status
 * history_job.c a job: rows with their names, copied
 * history_run.c the thread that writes
 * history_db.c  opening, what is set aside
 * history_sql.c the schema, every statement
 * history_write.c one job in one transaction
 * history_live.c what was written of living flows
 * history_tidy.c hours become days; bounds
 * history_beat.c the agent's own life, bytes of devices
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
	uint32_t rtt, rtt_len;	       /* bytes of the job's @rtts; row.rtt is gone */
	int64_t first_s, last_s;
	int64_t edge; /* id, while it is written */
};

/* Key of an owner in a job: with @user behind it, without its NUL. */
struct zt_job_owner {
	struct zt_owner owner;
	char user[64];
};

struct zt_job {
	int64_t now_s;
	int64_t hour, day; /* since 1970 */
	struct zt_job_row *rows;
	size_t row_count, row_room;
	uint8_t *rtts;
	size_t rtt_bytes, rtt_room;
	struct zt_strmap *nodes;  /* address, then the host's name */
	struct zt_strmap *owners; /* struct zt_job_owner */
	struct zt_strmap *rules;  /* name */
	/* The last job of a writing says what was recorded as a whole. */
	bool last;
	uint64_t recorded_s;
	uint64_t losses;
	uint8_t (*stand)[ZT_HISTORY_DIGEST_LEN]; /* NULL = as before */
	size_t stand_count;
	struct zt_strmap *hints;      /* struct zt_job_hint, then the name; NULL = none */
	struct zt_history_beat *beat; /* NULL = nobody says how the agent fares */
};

/* Key of a name in a job, without its NUL. */
struct zt_job_hint {
	struct zt_addr addr;
	uint8_t source;
};

/* zt_job_new - an empty one for this moment. 0 or -ENOMEM. */
int zt_job_new(struct zt_job **ret, int64_t now_s);
void zt_job_free(struct zt_job **job);
/* zt_job_add - copy a row, its times as seconds since 1970 within the job's hour. 0 or -ENOMEM. */
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
	ZT_Q_HOUR_ROW_UPDATE,
	ZT_Q_HOUR_ROW_ADD,
	ZT_Q_DAY_ROW_UPDATE,
	ZT_Q_DAY_ROW_ADD,
	ZT_Q_DAY_HAS,
	ZT_Q_RULE_DAY,
	ZT_Q_LIVE_SET,
	ZT_Q_LIVE_DROP,
	ZT_Q_LIVE_OLD,
	ZT_Q_HINT,
	ZT_Q_HOUR_BEGIN,
	ZT_Q_HOUR_ROWS,
	ZT_Q_HOUR_SET_ROWS,
	ZT_Q_DAY_BEGIN,
	ZT_Q_DAY_ROWS,
	ZT_Q_DAY_NO_HOURS,
	ZT_Q_DAY_SET_ROWS,
	ZT_Q_DAY_BYTES,
	ZT_Q_DAY_END,
	ZT_Q_META_GET,
	ZT_Q_META_SET,
	ZT_Q_STAND,
	ZT_Q_STAND_END,
	ZT_Q_ROLL,
	ZT_Q_ROLL_DROP,
	ZT_Q_ROLL_END,
	ZT_Q_USED_HOURS,
	ZT_Q_USED_DAYS,
	ZT_Q_USED_LIVE,
	ZT_Q_EDGE_DROP,
	ZT_Q_COUNT,
};

extern const char *const zt_hdb_migrations[ZT_HDB_VERSION];
extern const char *const zt_hdb_texts[ZT_Q_COUNT];

/* Where the tidying stands; nothing of it is needed after a restart. */
struct zt_hdb_tidying {
	int64_t roll_day;  /* whose hours become a day, with @rolling */
	int64_t roll_next; /* first edge id that is not done */
	uint32_t roll_span;
	int64_t unused_next; /* 0 = nobody looks for names that no row speaks of */
	bool rolling;
	bool over; /* it was too large and is not yet small enough */
	bool vacuum;
};

struct zt_hdb {
	sqlite3 *db;
	sqlite3_stmt *stmts[ZT_Q_COUNT];
	struct stat file;
	struct zt_hdb_tidying tidying;
	int64_t hints; /* rows */
};

/* How much of what a job brought is not in the database, or not by the hour. */
struct zt_hdb_losses {
	uint64_t rows_over_cap;
	uint64_t rows_aged;
	uint64_t rows_over_size;
	uint64_t hours_over_cap;
	uint64_t hints_over_cap;
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

/*
 * zt_hdb_base - what was written of living flows; *ret is the caller's. @ret_old: some of it is in
 * the form of version 1 and must be written once more. 0 or -errno.
 */
int zt_hdb_base(struct zt_hdb *db, struct zt_hdb_living **ret, size_t *ret_count, bool *ret_old,
		char *err);

/* zt_hdb_live - what of a row's living flows is written now. Within a transaction. 0 or -1. */
int zt_hdb_live(struct zt_hdb *db, const struct zt_job_row *row);

/* zt_hdb_write - one job, whole or not at all. 0 or -errno. */
int zt_hdb_write(struct zt_hdb *db, const struct zt_job *job, const struct zt_history_config *cfg,
		 struct zt_hdb_losses *losses, char *err);

/**
 * zt_hdb_tidy - a little of: hours become days, what is too old or too much goes, oldest first.
 * @now_s: seconds since 1970.
 *
 * Hours of all days become days before any day goes. One or a few small transactions; whatever
 * interrupts it, nothing is counted twice or lost. Returns 1 when there is more to do, 0, -errno.
 */
int zt_hdb_tidy(struct zt_hdb *db, const struct zt_history_config *cfg, int64_t now_s,
		struct zt_hdb_losses *losses, char *err);

/* zt_job_row_bytes - as devices count them: once for each guarded one that it passed. */
uint64_t zt_job_row_bytes(const struct zt_job_row *row);

/*
 * zt_hdb_put_bytes - to the day: @flow_bytes of this job, and with its heartbeat, if it has one,
 * what devices carried since the one before; the last span goes on, or a new one begins. Within a
 * transaction. 0 or -1.
 */
int zt_hdb_put_bytes(struct zt_hdb *db, const struct zt_job *job, uint32_t gap_s,
		     uint64_t flow_bytes);

/* zt_hdb_beat_end - the agent was asked to stop. 0 or -1. */
int zt_hdb_beat_end(struct zt_hdb *db, int64_t run_ms);

/* zt_hdb_size - fills in how much there is. 0 or -errno. */
int zt_hdb_size(struct zt_hdb *db, struct zt_history_stats *ret);

/* zt_hdb_used - bytes that are in use, free pages left out. 0 or -1. */
int zt_hdb_used(sqlite3 *db, uint64_t *ret);

/* zt_hdb_functions - what statements call. 0 or -1. */
int zt_hdb_functions(sqlite3 *db);

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
	bool hurried;	     /* somebody asks: what is there must be written */
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
	struct zt_strmap *hints; /* learnt since the last writing, as in a job; NULL = none */
	uint64_t hints_over_cap;
	bool beating; /* there was a heartbeat, of the run @run_ms */
	int64_t run_ms;

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
	int64_t tidy_s;	    /* as of when, seconds since 1970 */
	bool tidying;	    /* there is more to roll up or to trim */
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
