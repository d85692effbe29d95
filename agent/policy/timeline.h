/* SPDX-License-Identifier: Apache-2.0 */
/*
 * timeline.h - the labels of hosts now and as they run out, from inventory and overlay.
 *
 * Private to this room. Only hosts that the overlay speaks of are listed; all
 * others have the labels of the inventory for good.
 */
#pragma once
#include <stddef.h>
#include <stdint.h>
#include "base/arena.h"
#include "policy/overlay.h"
#include "policy/policy.h"

/* The labels of a host for a stretch of time. */
struct zt_label_phase {
	uint64_t until_ns; /* CLOCK_MONOTONIC; 0 in the last one */
	struct zt_label *labels;
	size_t label_count;
	uint32_t group; /* of zt_selection_over() */
};

struct zt_host_times {
	const struct zt_host *host;
	uint32_t label_epoch;
	struct zt_label_phase *phases; /* the first is of now */
	size_t phase_count;	       /* at least 1 */
};

struct zt_timeline {
	struct zt_host_times *items; /* in the order of the policy's hosts */
	size_t count;
	uint32_t *of_host; /* host number -> place in items, plus 1; NULL when there are none */
	struct zt_arena *arena;
};

/**
 * zt_timeline_make - for every host of a policy that an overlay speaks of.
 * @overlay: may be NULL.
 *
 * Returns 0 or -ENOMEM.
 */
int zt_timeline_make(const struct zt_policy *policy, const struct zt_overlay *overlay,
		     uint64_t now_ns, struct zt_timeline *ret);

/**
 * zt_timeline_host - for one host, whether or not the overlay speaks of it.
 * @arena: owns what @ret points to.
 *
 * Returns 0 or -ENOMEM.
 */
int zt_timeline_host(const struct zt_host *host, const struct zt_overlay *overlay, uint64_t now_ns,
		     struct zt_arena *arena, struct zt_host_times *ret);

/** zt_timeline_free - release what it holds; for zt_auto(). */
void zt_timeline_free(struct zt_timeline *times);

/** zt_timeline_find - of a host by number, or NULL when its labels are the inventory's. */
static inline const struct zt_host_times *zt_timeline_find(const struct zt_timeline *times,
							   size_t host)
{
	uint32_t place = times->of_host ? times->of_host[host] : 0;

	return place ? &times->items[place - 1] : NULL;
}
