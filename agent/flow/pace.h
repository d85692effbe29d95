/* SPDX-License-Identifier: Apache-2.0 */
/*
 * pace.h - when a flow has ended, and when the tables are swept next: sooner as they fill up.
 *
 * The kernel's LRU evicts what it likes from a full table, and what it evicts nobody adds up. So
 * a table that is filling up is emptied of what ended sooner, at the cost that a late
 * packet of an ended connection may begin an entry of its own. Pure functions.
 */
#pragma once
#include <stdbool.h>
#include <stdint.h>

#include "bpf/abi.h"
#include "flow/collect.h"

enum zt_pressure {
	ZT_PRESSURE_NONE,
	ZT_PRESSURE_SOON, /* full before four more sweeps, as things go */
	ZT_PRESSURE_FULL, /* full before the next one */
	ZT_PRESSURE_COUNT,
};

/*
 * zt_pressure - on a table with room for @size, into which @inserted came since the sweep before.
 * One of unknown size (0) has none, nor has one that is full of flows that stay.
 */
enum zt_pressure zt_pressure(uint64_t entries, uint64_t inserted, uint64_t size);

/* zt_pace_ended - whether an entry has ended: closed, or silent for longer than its kind may be. */
bool zt_pace_ended(uint32_t table, const struct zt_flow_key *key, const struct zt_flow *flow,
		   enum zt_pressure pressure, uint64_t now_ns);

/* One sweep, as far as the next one depends on it. */
struct zt_pace {
	uint64_t normal_ns;   /* between two sweeps when there is no hurry */
	uint64_t cpu_ns;      /* that it took */
	uint64_t interval_ns; /* since the one before began */
	uint64_t folded;
	uint64_t present[ZT_IN_COUNT];	/* entries that are left */
	uint64_t inserted[ZT_IN_COUNT]; /* in the interval */
	uint64_t size[ZT_IN_COUNT];	/* 0 = not known */
};

/*
 * zt_pace_rest_ns - how long to rest after it. Reading a large table stays a small share of one
 * CPU, unless much of what is in it came or went: then the next one comes before half of what is
 * free has been filled.
 */
uint64_t zt_pace_rest_ns(const struct zt_pace *pace);
