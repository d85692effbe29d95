/* SPDX-License-Identifier: Apache-2.0 */
/* read.h - what the parts of reading a map share. */
#pragma once
#include "base/time.h"
#include "ctl/map/map.h"

struct ztc_reader {
	const char *text, *name;
	size_t len, at;
	size_t value_at; /* where the value began that was read last */
	struct ztc_map *map;
	struct zt_strbuf *why;
	bool inside, nodes, edges, window;
};

/* ztc_read_fail - say once what is wrong at byte @at; returns -EINVAL. */
int ztc_read_fail(struct ztc_reader *in, size_t at, const char *what);

/* One node, one edge into the map. 0, -EINVAL (said), -ENOMEM. */
int ztc_read_node(struct ztc_reader *in, const json_t *json);
int ztc_read_edge(struct ztc_reader *in, const json_t *json);
