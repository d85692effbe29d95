/* SPDX-License-Identifier: Apache-2.0 */
/* map_graph.h - the map as arrows: all that one node asks of another with one outcome is one. */
#pragma once
#include "ctl/render/map_parts.h"

enum ztc_outcome {
	ZTC_ALLOWED,
	ZTC_WOULD_DENY,
	ZTC_DENIED
};

#define ZTC_ARROW_SERVICES 5 /* named at one arrow; of the others the number */

/* Edges between the same nodes with the same outcome; neighbours in one array. */
struct ztc_arrow {
	const struct ztc_edge_view *edges;
	size_t count;
	size_t src, dst; /* positions in the map's nodes */
	enum ztc_outcome outcome;
	int64_t connections;
	bool clear; /* some of it is not encrypted, or not known to be */
};

struct ztc_graph {
	struct ztc_edge_view *edges;
	struct ztc_arrow *arrows;
	size_t count;
	bool *used; /* by node: an arrow ends there */
};

/* ztc_graph_make - 0, -EINVAL or -ENOMEM; ztc_graph_free is fine with all of them. */
int ztc_graph_make(struct ztc_graph *ret, const json_t *map, bool all);
void ztc_graph_free(struct ztc_graph *graph);

/*
 * ztc_arrow_lines - what stands at an arrow, a line each: services with their encryption, and
 * what is denied by which rule. @each: borrows the line.
 */
void ztc_arrow_lines(const struct ztc_arrow *arrow, void (*each)(void *data, const char *line),
		     void *data);
