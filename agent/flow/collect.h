/* SPDX-License-Identifier: Apache-2.0 */
/*
 * collect.h - reads the kernel's flow tables and adds up what ended.
 *
 * Sweeps the tables every few seconds in bounded steps: what ended is taken out
 * and folded into edges and violations, what lives stays in the kernel and is
 * only read when somebody asks. So memory does not grow with the number of flows.
 * Single-threaded, on the event loop. Reaches the kernel only through struct
 * zt_flow_source, so that tests can stand in for it.
 */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "bpf/abi.h"
#include "flow/graph.h"
#include "flow/names.h"
#include "flow/violations.h"

struct sd_event;
struct zt_collector;
struct zt_history;
struct zt_rates_view;

/* Tables of flow entries; the numbers are those of datapath/datapath.h. */
enum zt_flow_table {
	ZT_IN_FLOWS,	/* answered */
	ZT_IN_OPENINGS, /* denied or unanswered */
	ZT_IN_COUNT,
};

typedef void (*zt_flow_visit_fn)(uint32_t table, const struct zt_flow_key *key,
				 const struct zt_flow *flow, void *data);

/* Where a walk over one table stands. Zero it and set @table to begin. */
struct zt_flow_walk {
	uint32_t table;
	bool done;
	bool started;
	uint32_t token;
	uint64_t seen;
};

/**
 * struct zt_flow_source - the kernel's tables, or a test's.
 * @walk:     hands out about @budget more entries, sets walk->done at the end. 0 or -errno.
 * @get:      one entry as it is now. 0 or -ENOENT.
 * @take:     read and delete in one step. 0 or -ENOENT.
 * @counters: all enum zt_counter. 0 or -errno.
 * @now:      CLOCK_MONOTONIC, coarse [ns].
 * @size:     entries that a table has room for, 0 = not known; NULL: none is known.
 * @follow:   whether ZT_EV_NEW is wanted of flows that both planes allow; NULL: it always comes.
 */
struct zt_flow_source {
	int (*walk)(void *ctx, struct zt_flow_walk *walk, size_t budget, zt_flow_visit_fn visit,
		    void *data);
	int (*get)(void *ctx, uint32_t table, const struct zt_flow_key *key, struct zt_flow *ret);
	int (*take)(void *ctx, uint32_t table, const struct zt_flow_key *key, struct zt_flow *ret);
	int (*counters)(void *ctx, struct zt_count ret[ZT_C_COUNT]);
	uint64_t (*now)(void *ctx);
	void *ctx;
	void (*follow)(void *ctx, bool on);
	uint64_t (*size)(void *ctx, uint32_t table);
};

/**
 * struct zt_collector_config
 * @source:        copied; its ctx must outlive the collector.
 * @event:         loop for the sweep timer; NULL: the caller calls zt_collector_sweep().
 * @edge_cap:      0 = ZT_EDGES_DEFAULT.
 * @violation_cap: 0 = ZT_VIOLATIONS_DEFAULT.
 * @recent_cap:    ended flows kept to be listed; 0 = ZT_RECENT_DEFAULT.
 * @sweep_ms:      0 = 2000.
 * @history:       is told every flow; outlives the collector; NULL: nothing is kept on disk.
 */
struct zt_collector_config {
	struct zt_flow_source source;
	struct sd_event *event;
	size_t edge_cap;
	size_t violation_cap;
	size_t recent_cap;
	unsigned int sweep_ms;
	struct zt_history *history;
};

#define ZT_RECENT_DEFAULT 16384

/* What was not seen or not kept, and why. Kernel rows are totals since the maps were made. */
struct zt_flow_losses {
	uint64_t flows_evicted; /* entries the kernel's LRU dropped before they were read */
	uint64_t openings_evicted;
	uint64_t ring_full;	   /* events not written; the flow tables still had the flow */
	uint64_t insert_failed;	   /* packets judged without an entry */
	uint64_t owner_table_full; /* sockets without an owner record */
	uint64_t header_unreadable;
	uint64_t dns_answers;	      /* seen, not read: too many at once */
	uint64_t edges_over_cap;      /* flows that the edge table had no room for */
	uint64_t violations_over_cap; /* rows that made room */
	uint64_t denials_forgotten; /* rules of earlier verdicts of living flows, not remembered */
	uint64_t events_unknown;    /* events of another ABI version */
	uint64_t read_errors;	    /* sweeps that the kernel refused */
};

struct zt_collector_stats {
	struct zt_flow_losses losses;
	uint64_t present[ZT_IN_COUNT]; /* entries found by the last complete walk */
	uint64_t folded;	       /* entries that ended and were added up */
	uint64_t sweeps;
	uint64_t sweep_took_ns; /* CPU of the last complete one */
	uint64_t edges, edge_cap;
	uint64_t violations, violation_cap;
	uint64_t started_ns;
};

int zt_collector_new(struct zt_collector **ret, const struct zt_collector_config *cfg);
void zt_collector_free(struct zt_collector **collector);

/* zt_collector_stop - no more sweeps by the timer: the tables are about to go. */
void zt_collector_stop(struct zt_collector *collector);

/* zt_collector_event - one event of the ring; cheap, never blocks. */
void zt_collector_event(struct zt_collector *collector, const struct zt_event *event);

/* zt_collector_sweep - one complete sweep, now. Returns entries folded, or -errno. */
int zt_collector_sweep(struct zt_collector *collector);

/**
 * zt_collector_record - sweep, and have everything seen until now written to the history.
 *
 * For questions that must not miss the last seconds, and for the end; waits for the disk.
 * Returns 0 (also without a history), -ETIMEDOUT, -EIO (it cannot be written now) or -errno.
 */
int zt_collector_record(struct zt_collector *collector, unsigned int timeout_ms);

/**
 * zt_collector_graph - folded edges and the flows in the kernel now, as @view wants them.
 * @ret: the caller's (zt_graph_free), see zt_graph_finish().
 *
 * Returns 0, -ENOMEM, or -errno of the read.
 */
int zt_collector_graph(struct zt_collector *collector, const struct zt_flow_names *names,
		       const struct zt_graph_view *view, struct zt_graph **ret);

/*
 * The same in steps of some milliseconds, since a table of a million flows takes half a second to
 * read: begin, step until it returns 0, finish. Sweeps rest while one is being read, so that what
 * ends meanwhile is counted once (but for a tuple that is used again right then).
 * zt_graph_read_free() at any time; the collector must outlive it.
 */
struct zt_graph_read;
int zt_graph_read_begin(struct zt_collector *collector, struct zt_graph_read **ret);
/* 1: there is more; 0: all was read; -errno. */
int zt_graph_read_step(struct zt_graph_read *read);
int zt_graph_read_finish(struct zt_graph_read *read, const struct zt_flow_names *names,
			 const struct zt_graph_view *view, struct zt_graph **ret);
void zt_graph_read_free(struct zt_graph_read **read);

/* zt_collector_violations - folded rows and those of the flows in the kernel now. As above. */
int zt_collector_violations(struct zt_collector *collector, struct zt_violations **ret);

/**
 * zt_collector_rates - what moved between the last two sweeps.
 *
 * Begins to keep it when nobody asked before: not ready then, for two sweeps. Asked for no more,
 * it ends by itself. Costs memory and time per edge. Returns 0 or -ENOMEM.
 */
int zt_collector_rates(struct zt_collector *collector, struct zt_rates_view *ret);

struct zt_flow_item {
	struct zt_flow_key key;
	struct zt_flow flow;
	uint8_t table; /* enum zt_flow_table */
	bool ended;    /* folded already: these are its last values */
};

struct zt_flow_list {
	struct zt_flow_item *items; /* most recently seen first */
	size_t count;
	uint64_t matched; /* what @match took; above count: the limit cut */
};

typedef bool (*zt_flow_match_fn)(const struct zt_flow_item *item, void *data);

/**
 * zt_collector_flows - flows in the kernel now and the ones that ended lately.
 * @match: NULL = all.
 * @limit: keep the most recently seen @limit of them.
 * @ret:   on success filled; zt_flow_list_clear().
 */
int zt_collector_flows(struct zt_collector *collector, zt_flow_match_fn match, void *data,
		       size_t limit, struct zt_flow_list *ret);
void zt_flow_list_clear(struct zt_flow_list *list);

enum zt_flow_change {
	ZT_CHANGE_NEW,
	ZT_CHANGE_VERDICT,
	ZT_CHANGE_UPDATE, /* seen by a sweep with traffic since the last one */
	ZT_CHANGE_ENDED,
	ZT_CHANGE_REFUSED,
	ZT_CHANGE_POSTURE,
	ZT_CHANGE_COUNT,
};

typedef void (*zt_flow_change_fn)(enum zt_flow_change change, const struct zt_flow_item *item,
				  void *data);

/*
 * zt_collector_follow - tell @fn of changes from now on; NULL ends it. One at a time. Of flows
 * that are allowed and go on as they are only while they are watched.
 */
void zt_collector_follow(struct zt_collector *collector, zt_flow_change_fn fn, void *data);

/*
 * zt_collector_watch - somebody wants to hear of every flow, or nobody any more. An event for each
 * new connection costs more than all else: nothing but who watches may rest on them.
 */
void zt_collector_watch(struct zt_collector *collector, bool on);

void zt_collector_stats(struct zt_collector *collector, struct zt_collector_stats *ret);
