/* SPDX-License-Identifier: Apache-2.0 */
/*
 * collect_priv.h - the collector's inside, shared by collect.c and query.c only.
 */
#pragma once
#include "flow/collect.h"
#include "flow/denials.h"
#include "flow/pace.h"

#define ZT_WALK_BUDGET 16384 /* entries per step: keeps a step under some milliseconds */

struct sd_event_source;

/* One pass over both tables, in steps. */
struct zt_sweep {
	bool running;
	bool recorded; /* the history is told */
	struct zt_flow_walk walk;
	uint64_t began_ns; /* coarse clock: for what ended when */
	uint64_t cpu_ns;
	enum zt_pressure pressure[ZT_IN_COUNT];
	uint64_t interval_ns; /* since the sweep before began, and what came in it */
	uint64_t inserted[ZT_IN_COUNT];
	uint64_t present[ZT_IN_COUNT];
	uint64_t folded;
	struct zt_count before[ZT_C_COUNT];
	uint64_t taken_before[ZT_IN_COUNT];
};

/* Entries that the kernel's LRU dropped: what went in and is neither there nor was taken out. */
struct zt_eviction {
	bool based;
	uint64_t base; /* of before this agent */
	uint64_t evicted;
};

struct zt_collector {
	struct zt_flow_source source;
	struct sd_event *event;
	struct sd_event_source *timer;
	struct sd_event_source *step;
	uint64_t sweep_ns;
	size_t edge_cap, violation_cap;
	struct zt_graph *answered; /* folded, by address */
	struct zt_graph *openings; /* apart: a scan must not fill the table of real edges */
	struct zt_violations *violations;
	struct zt_denials *denials;
	struct zt_flow_item *recent; /* ring of ended flows */
	size_t recent_cap, recent_next, recent_count;
	struct zt_sweep sweep;
	uint64_t last_sweep_ns;		/* when the one before began */
	uint64_t paced_ns;		/* when a sweep began last; 0 = never */
	uint64_t inserted[ZT_IN_COUNT]; /* in all, as of then */
	struct zt_eviction evictions[ZT_IN_COUNT];
	uint64_t taken[ZT_IN_COUNT]; /* entries this agent took out */
	unsigned int reads;	     /* of the tables, in steps: sweeps rest */
	struct zt_history *history;
	struct zt_rates *rates; /* NULL while nobody asks */
	zt_flow_change_fn on_change;
	void *on_change_data;
	bool watched;
	struct zt_collector_stats stats;
};
