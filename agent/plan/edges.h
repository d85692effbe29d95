/* SPDX-License-Identifier: Apache-2.0 */
/*
 * edges.h - what was recorded, one row per opening, judged by both policies.
 *
 * Private to this room. What a verdict was when it was recorded does not
 * matter: both policies are asked now. Built-in verdicts come before any policy
 * and are left out, as is what never meets the wire.
 */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "plan/opening.h"

struct zt_collector;
struct zt_history;

struct zt_plan_edge {
	struct zt_opening opening;
	uint64_t connections;
	uint64_t recorded; /* of them, by the history's count */
	int64_t first_s;   /* seconds since 1970 */
	int64_t last_s;
	/* Both live planes, and the candidate's of what would be. */
	uint32_t now_rule, then_rule[ZT_PLANE_COUNT];
	uint8_t now_action, then_action[ZT_PLANE_COUNT];
	bool then_owner_dep; /* another owner could get another answer */
};

struct zt_plan_edges {
	struct zt_plan_edge *rows;
	size_t count;
	uint64_t lost; /* recorded but not kept: over a bound */
	int history;   /* -errno of reading the history; 0 = read, or there is none */
};

/**
 * zt_plan_edges_read - the collector's graph, and the history's of earlier days.
 * @collector, @history: either may be NULL. The history has what the collector saw too, but for
 *                       the last seconds: of two counts of one opening the larger is taken.
 * @judges: where owners are numbered.
 * @ret:    on success filled, not judged; zt_plan_edges_clear().
 *
 * Returns 0, -ENOMEM, or -errno of the read. A history that cannot be read is left out, and
 * ret->history says so.
 */
int zt_plan_edges_read(struct zt_collector *collector, struct zt_history *history,
		       struct zt_judges *judges, struct zt_plan_edges *ret);

/* zt_plan_edges_judge - fill in the verdicts. */
void zt_plan_edges_judge(struct zt_plan_edges *edges, struct zt_judges *judges);

void zt_plan_edges_clear(struct zt_plan_edges *edges);

/* zt_plan_edge_newly - 1: @plane newly denies it, -1: newly allows it, 0: as now. */
int zt_plan_edge_newly(const struct zt_plan_edge *edge, int plane);
