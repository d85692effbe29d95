/* SPDX-License-Identifier: Apache-2.0 */
/* merge.h - what the parts of merging share: hosts, and what each saw of one talk. */
#pragma once
#include "ctl/map/map.h"

#define ZTC_SKEW_MS   120000 /* clocks of two hosts may differ by this much */
#define ZTC_MARGIN_MS 5000   /* of a window's ends, where what one host saw the other may not yet */

/* All that one host saw: its maps as one, and the times that they cover. */
struct ztc_merge_host {
	const char *name;
	struct ztc_map *map;
	struct {
		int64_t from_ms, to_ms;
	} * windows; /* ascending, apart from each other */
	size_t window_count, window_cap;
	uint32_t *to; /* node of map -> node of the merged one */
	uint64_t losses;
};

enum ztc_role {
	ZTC_AT_SRC,
	ZTC_AT_DST,
	ZTC_BETWEEN,
	ZTC_ROLES
};

/* A row of one host's map that is part of a talk: who asks whom for which service. */
struct ztc_row {
	const struct ztc_merge_host *host;
	const struct ztc_map_edge *edge;
	enum ztc_role role;
};

/* What one end saw of a talk; rows are neighbours in one array. */
struct ztc_side {
	const struct ztc_merge_host *host;
	const struct ztc_row *rows;
	size_t count;
	uint64_t connections, bytes;
	int64_t first_ms, last_ms;
};

struct ztc_merge {
	struct ztc_map *map; /* the merged one */
	struct ztc_merge_host *hosts;
	size_t host_count, host_cap;
	/* node of the merged map -> the one host whose own it is; NULL = nobody's, or a group's */
	const struct ztc_merge_host **owner_of;
};

/* ztc_side_add - one more row, behind those that the side has. */
void ztc_side_add(struct ztc_side *side, const struct ztc_row *row);

/* ztc_merge_covers - did this host record all the time from @first_ms to @last_ms? */
bool ztc_merge_covers(const struct ztc_merge_host *host, int64_t first_ms, int64_t last_ms);

/* ztc_merge_talks - every row of every host into edges of the merged map, and what disagrees. */
int ztc_merge_talks(struct ztc_merge *m);

/**
 * ztc_merge_compare - note where both ends do not say the same of one talk.
 * @src: what the source let go out, @dst: what the destination saw; count 0: nothing.
 * @edge: any edge of the talk in the merged map, for its ends and service.
 */
int ztc_merge_compare(struct ztc_merge *m, const struct ztc_map_edge *edge,
		      const struct ztc_side *src, const struct ztc_side *dst);
