/* SPDX-License-Identifier: Apache-2.0 */
/*
 * history.h - evidence that outlives the agent, read: edges by hour and by day, in
 * STATE-DIR/flows.db.
 *
 * Needs no agent: ztctl reads the file itself, beside an agent that writes it, after
 * one that was killed, from a copy or a read-only medium. Never writes. What writes
 * is in flow/history.h; the agent's handle does both.
 *
 * Buckets are UTC hours for about a week, after that UTC days; a window is widened
 * to whole buckets, see zt_history_cursor_open().
 */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/rtt.h"
#include "bpf/abi.h"

struct zt_history; /* opaque */

#define ZT_HISTORY_FILE	     "flows.db" /* in the state directory */
#define ZT_HISTORY_GAP_S     60		/* longer without recording is a gap */
#define ZT_HISTORY_HOUR_S    3600
#define ZT_HISTORY_DAY_S     86400
#define ZT_HISTORY_ERROR_LEN 256
#define ZT_HISTORY_BOOT_LEN  40 /* a boot id, with the closing NUL */

/**
 * zt_history_open_read - read a database without an agent, or beside one.
 *
 * Where the directory cannot be written the file is read without locks: then nobody may be
 * writing to it. A log beside it (-wal) is read too. Files of version 1 are read as they are.
 * Returns 0, -ENOENT, -EBADMSG (not a database of ours), -EPROTO (a newer version), -errno.
 */
int zt_history_open_read(struct zt_history **ret, const char *path);

/*
 * zt_history_close - NULL is fine. Of the agent's handle: what was handed over and is not written
 * yet is written. Cursors are closed before.
 */
void zt_history_close(struct zt_history **history);

/* --- edges -------------------------------------------------------------------------------------
 */

/* Where a name beside an address comes from; kept on disk. The lower one outranks. */
#define ZT_HINT_HOSTS 1 /* /etc/hosts */
#define ZT_HINT_DNS   2 /* an answer that this host received */

#define ZT_HINTS_SHOWN 4 /* names of one address */

struct zt_history_hint {
	const char *name;
	uint8_t source; /* ZT_HINT_* */
	int64_t first_s;
	int64_t last_s;
};

struct zt_history_end {
	struct zt_addr addr;
	const char *host; /* name in the inventory when it was seen; NULL = it had none */
	bool near;
	const struct zt_owner *owner; /* NULL = unknown, or the end is elsewhere */
	const char *user;	      /* name of owner->uid when it was seen, or NULL */
	/* Names learnt for the address, at any time: by source, the latest first. */
	const struct zt_history_hint *hints;
	size_t hint_count; /* up to ZT_HINTS_SHOWN */
};

/* What one address opened to another: one row per service, owner, verdicts and protocol. */
struct zt_history_edge {
	struct zt_history_end src;
	struct zt_history_end dst;
	uint8_t proto;
	uint8_t kind;	    /* ZT_KIND_* */
	uint8_t encryption; /* ZT_ENC_* */
	uint8_t app;	    /* ZT_APP_* */
	uint16_t port;	    /* service port, host order; ICMP: type */
	const char *rule[ZT_PLANE_COUNT];
	uint8_t action[ZT_PLANE_COUNT];
	/*
	 * Conversations that began. A flow whose verdict changed while it lived counts where it
	 * was first: a row with bytes and no connections is its rest.
	 */
	uint64_t connections;
	uint64_t bytes[2]; /* towards the destination, towards the source */
	uint64_t packets[2];
	struct zt_health health; /* TCP; all zero of others */
	int64_t first_s;	 /* seconds since 1970, within the window */
	int64_t last_s;
};

/* Return 0 to go on; a negative number ends the walk. Everything in @edge is gone afterwards. */
typedef int (*zt_history_edge_fn)(const struct zt_history_edge *edge, void *ctx);

/**
 * zt_history_each_edge - edges from @since_s on, added up, all at once and as of one moment.
 * @since_s: seconds since 1970; the whole bucket that it lies in counts: the UTC hour, of days
 *           whose hours are no longer kept the day; 0 = all.
 *
 * What the last ten seconds saw is not among them (zt_collector_record() first, if it must be).
 * Returns 0, what @fn returned (a negative number), or -errno (-EBADMSG: the database is corrupt).
 */
int zt_history_each_edge(struct zt_history *history, int64_t since_s, zt_history_edge_fn fn,
			 void *ctx);

/* --- windows -----------------------------------------------------------------------------------
 */

struct zt_history_cursor; /* opaque */

/*
 * What a cursor covers. An open end is where recording began, or was last known to go on. Both
 * are 0 when nothing was ever recorded.
 */
struct zt_history_window {
	int64_t from_s; /* seconds since 1970, this one included */
	int64_t to_s;	/* this one not */
	bool from_day;	/* widened to a whole day: the hours of it are no longer kept */
	bool to_day;
	int64_t first_s; /* of everything in the database */
	int64_t last_s;
};

/**
 * zt_history_cursor_open - walk over the edges of a window, a little at a time.
 * @since_s: seconds since 1970; 0 or less = from the beginning.
 * @until_s: the first second that is not wanted any more; INT64_MAX = to the end.
 * @ret:     the caller's (zt_history_cursor_close); the history must outlive it.
 *
 * A window consists of whole buckets: it begins with the UTC hour that @since_s lies in and ends
 * with the one before @until_s; of a day whose hours are no longer kept (older than about a week,
 * or rolled up early for want of room) the whole UTC day counts. A bucket is the time of writing,
 * up to ten seconds after the fact.
 *
 * Has a connection of its own. Returns 0, -EINVAL (empty window), -ENOENT (there is no database:
 * nothing was recorded yet), -EBADMSG, -EPROTO, -ENOMEM, -errno.
 */
int zt_history_cursor_open(struct zt_history_cursor **ret, struct zt_history *history,
			   int64_t since_s, int64_t until_s);
void zt_history_cursor_close(struct zt_history_cursor **cursor);

/* zt_history_cursor_window - what it covers. */
void zt_history_cursor_window(const struct zt_history_cursor *cursor,
			      struct zt_history_window *ret);

/**
 * zt_history_cursor_next - the next edges, each once with everything of the window added up.
 * @budget: edges at most; 0 = as many as there is time for.
 *
 * Returns within some 20 ms, whatever the size of the database. What is written meanwhile to an
 * edge counts when it is handed out after that. Returns 1 when there is more, 0 at the end, what
 * @fn returned when that was not 0, -ESTALE (the hours of the window's first or last day were
 * rolled up meanwhile: begin anew), or -errno.
 */
int zt_history_cursor_next(struct zt_history_cursor *cursor, size_t budget, zt_history_edge_fn fn,
			   void *ctx);

/* --- days and rules ------------------------------------------------------------------------------
 */

struct zt_history_days {
	uint64_t days;	     /* UTC days with recording */
	uint64_t recorded_s; /* seconds recorded, all days together */
	int64_t first_s;     /* when recording began and was last known to go on; 0 = never */
	int64_t last_s;
	uint64_t gaps; /* longer than ZT_HISTORY_GAP_S */
	uint64_t longest_gap_s;
	int64_t longest_gap_at_s; /* when it ended */
	bool month_end;		  /* some month's last two days and the next one's first two */
	uint64_t losses;	  /* entries and events lost, edges over a bound */
};

/* zt_history_days - how much was recorded from @since_s on (the whole day counts). 0 or -errno. */
int zt_history_days(struct zt_history *history, int64_t since_s, struct zt_history_days *ret);

struct zt_history_rule {
	uint64_t flows;	     /* that it decided, in either plane */
	uint64_t would_deny; /* of them: denied by the candidate plane alone */
	uint64_t denied;     /* of them: denied by the live plane */
	int64_t last_s;	     /* 0 = never hit */
	int64_t last_deny_s; /* of either plane */
};

/* zt_history_rule - what a rule decided from @since_s on. 0 (also when never hit) or -errno. */
int zt_history_rule(struct zt_history *history, const char *id, int64_t since_s,
		    struct zt_history_rule *ret);

/* --- statements that stand in the candidate plane ----------------------------------------------
 */

#define ZT_HISTORY_DIGEST_LEN 32

struct zt_history_stood {
	int64_t since_s;     /* when this content first stood; 0 = it never did */
	uint64_t recorded_s; /* seconds recorded while it stood */
};

/* zt_history_stood - how long a content has stood, the time between two standings left out. */
int zt_history_stood(struct zt_history *history, const uint8_t digest[ZT_HISTORY_DIGEST_LEN],
		     struct zt_history_stood *ret);

/* --- the agent's own life ----------------------------------------------------------------------
 */

/* What the kernel enforced at a heartbeat; kept on disk. */
enum zt_beat_mode {
	ZT_BEAT_OBSERVE,  /* no policy, or observe is on: nothing is denied */
	ZT_BEAT_STAGED,	  /* statements, none of them enforced */
	ZT_BEAT_PARTIAL,  /* enforced, but an interface that is up is not guarded */
	ZT_BEAT_ENFORCED, /* enforced, at every interface that is up */
	ZT_BEAT_COUNT,
};

/* Heartbeats of one agent in one mode, no two of them further apart than a gap. */
struct zt_history_span {
	char boot[ZT_HISTORY_BOOT_LEN]; /* boot id of the kernel */
	int64_t run_ms;			/* CLOCK_MONOTONIC when that agent began [ms] */
	uint8_t mode;			/* enum zt_beat_mode */
	uint64_t places;	/* hash of the links that it hung on: equal = the same ones */
	int64_t from_ms, to_ms; /* CLOCK_BOOTTIME [ms] */
	int64_t awake_from_ms, awake_to_ms; /* CLOCK_MONOTONIC of the same: suspend left out */
	int64_t from_s, to_s;		    /* by the wall clock of then */
	uint64_t beats;
	bool ended;	     /* the agent was asked to stop, and said so */
	int64_t attached_ms; /* CLOCK_BOOTTIME when this agent's first device was guarded; 0 = none
			      */
	uint64_t unjudged;   /* packets that devices carried before they were */
};

typedef int (*zt_history_span_fn)(const struct zt_history_span *span, void *ctx);

/**
 * zt_history_each_span - spans that reach into the time from @since_s on, oldest first.
 * @ret_intact: whether every row's hash fits and ties it to the row before; all rows are looked
 *              at, whatever @since_s.
 *
 * Returns 0, what @fn returned (a negative number), or -errno. A file of before knows none.
 */
int zt_history_each_span(struct zt_history *history, int64_t since_s, zt_history_span_fn fn,
			 void *ctx, bool *ret_intact);

/* zt_history_span_hash - SHA-256 over @prev and the row. 0, -ENOMEM, -EIO. */
int zt_history_span_hash(const struct zt_history_span *span,
			 const uint8_t prev[ZT_HISTORY_DIGEST_LEN],
			 uint8_t ret[ZT_HISTORY_DIGEST_LEN]);

/* Bytes of guarded devices, as the kernel counts them, and those recorded as flows meanwhile. */
struct zt_history_bytes {
	uint64_t device;
	uint64_t flow; /* what passed two guarded devices counts at both */
};

/* zt_history_bytes - both, from the day of @since_s on. 0 or -errno. */
int zt_history_bytes(struct zt_history *history, int64_t since_s, struct zt_history_bytes *ret);

/* The last word on a device of this boot. */
struct zt_history_device {
	uint32_t ifindex;
	char name[16];
	uint64_t bytes;	 /* received and sent, as the kernel counts */
	uint64_t before; /* the same when it was attached; UINT64_MAX = not known. Not kept */
	int64_t at_s;
};

typedef int (*zt_history_device_fn)(const struct zt_history_device *device, void *ctx);

/* zt_history_each_device - of the boot with this id. As zt_history_each_span(). */
int zt_history_each_device(struct zt_history *history, const char *boot, zt_history_device_fn fn,
			   void *ctx);
