/* SPDX-License-Identifier: Apache-2.0 */
/*
 * history.h - evidence that outlives the agent, written: edges by hour and day, in
 * STATE-DIR/flows.db.
 *
 * The collector hands over what ended and what lives; every ten seconds the
 * increments since the last time are written, in one transaction and by a thread
 * of its own, so that a slow disk delays nobody. What was written of a flow that
 * still lives is kept in the same transaction: no increment is written twice,
 * whenever the agent is killed. Bounded in rows a day, in size and in age; the
 * oldest goes first, and every loss is counted. Reading is in history/history.h.
 */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "bpf/abi.h"
#include "flow/names.h"
#include "history/history.h"

#define ZT_HISTORY_SIZE_MAX  (256ULL << 20)
#define ZT_HISTORY_DAY_ROWS  250000 /* edges a day; a quarter of them unanswered or denied ones */
#define ZT_HISTORY_HOUR_ROWS 125000 /* edges an hour; with more the day is kept as a whole */
#define ZT_HISTORY_HOUR_DAYS 8	    /* days by the hour, beside today */
#define ZT_HISTORY_AGE_DAYS  400
#define ZT_HISTORY_HINTS     65536  /* names of addresses */
#define ZT_HISTORY_EDGE_CAP  125000 /* edges that live, or ended since the last writing */
#define ZT_HISTORY_WRITE_MS  10000

/**
 * struct zt_history_beat - how the agent fares at one moment.
 * @boot:        boot id of the kernel.
 * @run_ms:      number of this run, rising: CLOCK_MONOTONIC when it began [ms].
 * @boot_ms, @awake_ms: CLOCK_BOOTTIME and CLOCK_MONOTONIC now [ms].
 * @mode, @places, @attached_ms, @unjudged: see struct zt_history_span.
 * @devices:     the guarded ones; malloc'ed, the history frees it.
 */
struct zt_history_beat {
	char boot[ZT_HISTORY_BOOT_LEN];
	int64_t run_ms;
	int64_t boot_ms, awake_ms;
	uint8_t mode;
	uint64_t places;
	int64_t attached_ms;
	uint64_t unjudged;
	struct zt_history_device *devices;
	size_t device_count;
};

/**
 * struct zt_history_config
 * @path:       the database; made when missing. One that is corrupt or of a newer version is
 *              set aside under another name and a new one begun (stats.set_aside says so).
 * @generation: which kernel tables the flows are in. What was written of living flows counts on
 *              only within one: text that changes with every boot and every new set of maps.
 * @names:      asked while a writing is prepared; its strings are copied. NULL: no names.
 * @user:       name of a user, or NULL. NULL: no names.
 * @beat:       asked at every writing; false = nothing to say. NULL: no life is recorded.
 * @wall:       seconds since 1970; NULL: the machine's clock. Tests bring their own.
 * @size_cap, @day_rows, @hour_rows, @hour_days, @age_days, @hint_rows, @edge_cap, @write_ms,
 * @gap_s: 0 = as above.
 */
struct zt_history_config {
	const char *path;
	const char *generation;
	const struct zt_flow_names *(*names)(void *ctx);
	const char *(*user)(void *ctx, uint32_t uid);
	bool (*beat)(void *ctx, struct zt_history_beat *ret);
	int64_t (*wall)(void *ctx);
	void *ctx;
	uint64_t size_cap;
	uint32_t day_rows;
	uint32_t hour_rows;
	uint32_t hour_days;
	uint32_t age_days;
	uint32_t hint_rows;
	uint32_t edge_cap;
	uint32_t write_ms;
	uint32_t gap_s;
};

/**
 * zt_history_open - open or make the database, and start the thread that writes.
 * @ret: the caller's (zt_history_close); reads too, see history/history.h.
 *
 * A directory that cannot be written, or a full disk, is no failure: it is tried again at every
 * writing. Returns 0, -EINVAL or -ENOMEM.
 */
int zt_history_open(struct zt_history **ret, const struct zt_history_config *cfg);

/* --- what the collector tells; see collect.c ------------------------------------------------- */

/*
 * zt_history_due - a sweep begins now: whether it is to be recorded. @now_ns: CLOCK_MONOTONIC.
 * Time between two sweeps counts as recorded unless it is a gap.
 */
bool zt_history_due(struct zt_history *history, uint64_t now_ns);

/* zt_history_hurry - the next sweep is due, whatever the time, and leaves nothing out. */
void zt_history_hurry(struct zt_history *history);

/* zt_history_sweep - a sweep to be recorded begins; zt_history_living() is told every flow. */
void zt_history_sweep(struct zt_history *history);
void zt_history_living(struct zt_history *history, const struct zt_flow_key *key,
		       const struct zt_flow *flow);

/*
 * zt_history_ended - a flow's last values. @walked: it was taken out by the walk of the sweep, so
 * that it is not among the living ones; else its entry may have been seen as living already.
 */
void zt_history_ended(struct zt_history *history, const struct zt_flow_key *key,
		      const struct zt_flow *flow, bool walked);

/* zt_history_swept - every flow was told. @losses: entries and events lost since the agent began.
 */
void zt_history_swept(struct zt_history *history, uint64_t losses);

/*
 * zt_history_sync - wait until what was swept is written, @timeout_ms at most. 0, -ETIMEDOUT, or
 * -EIO when it cannot be written now.
 */
int zt_history_sync(struct zt_history *history, unsigned int timeout_ms);

/**
 * zt_history_settle - wait until hours are rolled up and bounds kept, @timeout_ms at most.
 *
 * For tests: an agent has no need to wait for it. 0 or -ETIMEDOUT.
 */
int zt_history_settle(struct zt_history *history, unsigned int timeout_ms);

/**
 * zt_history_hint - a name was learnt for an address: kept as long as there is room.
 * @name:   up to 255 bytes as they came; longer ones are not kept.
 * @source: ZT_HINT_*.
 *
 * Cheap when it was said since the last writing. What has no room is counted.
 */
void zt_history_hint(struct zt_history *history, const struct zt_addr *addr, const char *name,
		     uint8_t source);

/* --- statements that stand in the candidate plane ----------------------------------------------
 */

/**
 * zt_history_stand - these statements, and no others, stand in the candidate plane from now on.
 * @tag:     of the set as a whole: the same one again costs nothing, see zt_history_stands().
 * @digests: of their content, ZT_HISTORY_DIGEST_LEN bytes each.
 *
 * Written with the next writing. Returns 0 or -ENOMEM.
 */
int zt_history_stand(struct zt_history *history, const uint8_t tag[ZT_HISTORY_DIGEST_LEN],
		     const uint8_t (*digests)[ZT_HISTORY_DIGEST_LEN], size_t count);

/* zt_history_stands - whether this set was said last. */
bool zt_history_stands(const struct zt_history *history, const uint8_t tag[ZT_HISTORY_DIGEST_LEN]);

/* --- status ------------------------------------------------------------------------------------
 */

struct zt_history_stats {
	const char *path;
	uint64_t size_bytes; /* in use */
	uint64_t size_cap;
	uint64_t rows; /* edges of all days */
	uint64_t days;
	uint64_t hours;	      /* of days that are kept by the hour */
	uint64_t hints;	      /* names of addresses */
	int64_t last_write_s; /* 0 = never */
	uint64_t write_took_ns;
	uint64_t writes;
	uint64_t write_errors;
	bool failing; /* the last writing failed; it is tried again */
	char error[ZT_HISTORY_ERROR_LEN];
	/* What is not in the database, and why. */
	uint64_t edges_over_cap; /* flows that ended while too many edges lived */
	uint64_t rows_over_cap;	 /* edges of a day that had all the rows it may have */
	uint64_t rows_aged;	 /* rows removed: older than the age limit */
	uint64_t rows_over_size; /* rows removed: the database was full */
	uint64_t hours_over_cap; /* days whose hours were rolled up early: too many rows, no room */
	uint64_t hints_over_cap; /* names of addresses that made room or found none */
	uint64_t set_asides;	 /* databases set aside since the agent began */
	char set_aside[ZT_HISTORY_ERROR_LEN]; /* why, and under which name; "" = none */
};

void zt_history_stats(struct zt_history *history, struct zt_history_stats *ret);
