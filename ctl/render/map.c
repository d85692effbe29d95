/* SPDX-License-Identifier: Apache-2.0 */
/* map.c - who talks to whom, grouped by who was called, as a table. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "ctl/render/losses.h"
#include "ctl/render/map_parts.h"
#include "ctl/render/render.h"
#include "ctl/render/table.h"
#include "ctl/render/text.h"

/* By who was called, then by service, what is denied last, then by who called. */
static int compare(const void *left, const void *right)
{
	const struct ztc_edge_view *a = left, *b = right;
	int r = strcmp(a->dst, b->dst);

	if (!r)
		r = strcmp(a->proto, b->proto);
	if (!r)
		r = (a->port > b->port) - (a->port < b->port);
	if (!r)
		r = a->denied - b->denied;
	if (!r)
		r = strcmp(a->src, b->src);
	/* The order of the map: what it has of its own. */
	return r ? r : (a->edge > b->edge) - (a->edge < b->edge);
}

/* "db1 (db, prod)"; segments are left out where they are the name already. */
static void group_title(struct ztc_table *table, const struct ztc_edge_view *edge)
{
	char segments[ZTC_END_LEN], title[ZTC_END_LEN];

	ztc_node_title(title, edge->dst_node, edge->dst);
	ztc_segments(segments, json_object_get(edge->dst_node, "segments"));
	if (*segments && strcmp(ztc_str(edge->dst_node, "kind"), "segment") != 0)
		ztc_table_title(table, "%s (%s)", title, segments);
	else
		ztc_table_title(table, "%s", title);
}

static void edge_row(struct ztc_table *table, const struct ztc_edge_view *e,
		     const struct ztc_style *style)
{
	char text[ZTC_END_LEN], owner[ZTC_END_LEN], number[ZTC_TEXT_LEN];
	enum ztc_color color;

	ztc_service(text, json_object_get(e->edge, "proto"), json_object_get(e->edge, "port"));
	ztc_workload(owner, e->dst_workload);
	ztc_table_cell(table, ZTC_PLAIN, "%s%s%s", text, *owner ? " " : "", owner);
	ztc_node_title(text, e->src_node, e->src);
	ztc_workload(owner, e->src_workload);
	ztc_table_cell(table, ZTC_PLAIN, "%s%s%s", text, *owner ? " " : "", owner);
	ztc_count(number, ztc_int(e->edge, "connections"));
	ztc_table_cell(table, ZTC_PLAIN, "%s", number);
	ztc_bytes(number, ztc_edge_bytes(e->edge));
	ztc_table_cell(table, ZTC_PLAIN, "%s", number);
	color = ztc_encryption(text, e->edge);
	ztc_table_cell(table, color, "%s", text);
	color = ztc_map_verdict(text, e);
	ztc_table_cell(table, color, "%s", text);
	ztc_health(text, e->edge);
	ztc_table_cell(table, ZTC_WARN, "%s", text);
	ztc_age(number, ztc_str(e->edge, "last_seen"), style);
	ztc_table_cell(table, ZTC_PLAIN, "%s", number);
}

int ztc_render_map(FILE *out, const json_t *result, const struct ztc_style *style)
{
	static const struct ztc_column columns[] = {
		{"SERVICE", false, 10, false}, {"FROM", false, 10, false},
		{"CONNS", true, 0, false},     {"BYTES", true, 0, false},
		{"ENC", false, 6, false},      {"VERDICT", false, 14, false},
		{"HEALTH", false, 8, true},    {"LAST", true, 0, true},
	};
	zt_auto(ztc_table_free) struct ztc_table *table = NULL;
	zt_auto(zt_freep) struct ztc_edge_view *edges = NULL;
	size_t count;
	int r = ztc_map_edges(result, style->all, &edges, &count);

	if (r < 0)
		return r;
	if (!json_array_size(json_object_get(result, "edges"))) {
		fputs("The map is empty: no traffic has been seen yet.\n", out);
		ztc_render_losses(out, json_object_get(result, "losses"), style);
		return 0;
	}
	if (ztc_table_new(&table, columns, ARRAY_SIZE(columns)) < 0)
		return -ENOMEM;
	qsort(edges, count, sizeof(*edges), compare);
	for (size_t i = 0; i < count; i++) {
		if (i == 0 || strcmp(edges[i].dst, edges[i - 1].dst) != 0)
			group_title(table, &edges[i]);
		edge_row(table, &edges[i], style);
	}
	r = ztc_table_print(table, out, style, 2);
	if (r < 0)
		return r;
	ztc_map_summary(out, result, edges, count, style);
	return ztc_map_disagreements(out, result, style);
}
