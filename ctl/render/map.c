/* SPDX-License-Identifier: Apache-2.0 */
/* map.c - who talks to whom, grouped by who was called, as a table. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/json.h"
#include "ctl/render/ends.h"
#include "ctl/render/losses.h"
#include "ctl/render/render.h"
#include "ctl/render/table.h"
#include "ctl/render/text.h"

/* One edge with what it is sorted by; all borrowed. */
struct entry {
	const json_t *edge;
	const json_t *dst_node;
	const char *dst;
	const char *src;
	const char *proto;
	int64_t port;
	bool denied;
};

static const char *node_name(const json_t *node, const char *id)
{
	const char *name = ztc_str(node, "name");

	return *name ? name : id;
}

/* By who was called, then by service, what is denied last, then by who called. */
static int compare(const void *left, const void *right)
{
	const struct entry *a = left, *b = right;
	int r = strcmp(a->dst, b->dst);

	if (!r)
		r = strcmp(a->proto, b->proto);
	if (!r)
		r = (a->port > b->port) - (a->port < b->port);
	if (!r)
		r = a->denied - b->denied;
	return r ? r : strcmp(a->src, b->src);
}

static int index_nodes(json_t **ret, const json_t *nodes)
{
	zt_auto(zt_json_decref) json_t *by_id = json_object();
	json_t *node;
	size_t i;

	if (!by_id)
		return -ENOMEM;
	json_array_foreach (nodes, i, node) {
		const char *id = ztc_str(node, "id");

		if (*id && json_object_set(by_id, id, node) < 0)
			return -ENOMEM;
	}
	*ret = zt_take(by_id);
	return 0;
}

/* Returns how many are to be shown. */
static size_t fill_entries(struct entry *entries, const json_t *edges, const json_t *by_id,
			   bool all)
{
	size_t count = 0;
	json_t *edge;
	size_t i;

	json_array_foreach (edges, i, edge) {
		const char *src = ztc_str(edge, "src"), *dst = ztc_str(edge, "dst");

		if (!all && ztc_housekeeping(json_object_get(edge, "verdict")))
			continue;
		entries[count++] = (struct entry){
			.edge = edge,
			.dst_node = json_object_get(by_id, dst),
			.dst = node_name(json_object_get(by_id, dst), dst),
			.src = node_name(json_object_get(by_id, src), src),
			.proto = ztc_str(edge, "proto"),
			.port = ztc_int(edge, "port"),
			.denied = ztc_denies(json_object_get(edge, "verdict"), "live"),
		};
	}
	return count;
}

/* "db1 (db, prod)"; segments are left out where they are the name already. */
static void group_title(struct ztc_table *table, const struct entry *entry)
{
	char segments[ZTC_END_LEN];

	ztc_segments(segments, json_object_get(entry->dst_node, "segments"));
	if (*segments && strcmp(ztc_str(entry->dst_node, "kind"), "segment") != 0)
		ztc_table_title(table, "%s (%s)", entry->dst, segments);
	else
		ztc_table_title(table, "%s", entry->dst);
}

static void edge_row(struct ztc_table *table, const struct entry *entry,
		     const struct ztc_style *style)
{
	char text[ZTC_END_LEN], number[ZTC_TEXT_LEN];
	enum ztc_color color;
	const json_t *bytes = json_object_get(entry->edge, "bytes");
	int64_t sum = json_is_object(bytes) ? ztc_int(bytes, "to_dst") + ztc_int(bytes, "to_src")
					    : ztc_int(entry->edge, "bytes");

	ztc_service(text, json_object_get(entry->edge, "proto"),
		    json_object_get(entry->edge, "port"));
	ztc_table_cell(table, ZTC_PLAIN, "%s", text);
	ztc_table_cell(table, ZTC_PLAIN, "%s", entry->src);
	ztc_workload(text, json_object_get(entry->edge, "workload"));
	ztc_table_cell(table, ZTC_PLAIN, "%s", text);
	ztc_count(number, ztc_int(entry->edge, "connections"));
	ztc_table_cell(table, ZTC_PLAIN, "%s", number);
	ztc_bytes(number, sum);
	ztc_table_cell(table, ZTC_PLAIN, "%s", number);
	color = ztc_verdict(text, json_object_get(entry->edge, "verdict"));
	ztc_table_cell(table, color, "%s", text);
	ztc_age(number, ztc_str(entry->edge, "last_seen"), style);
	ztc_table_cell(table, ZTC_PLAIN, "%s", number);
}

/* Nodes at the ends of what is shown. */
static int64_t count_nodes(const struct entry *entries, size_t count)
{
	zt_auto(zt_json_decref) json_t *seen = json_object();

	for (size_t i = 0; i < count; i++) {
		json_object_set_new(seen, ztc_str(entries[i].edge, "src"), json_true());
		json_object_set_new(seen, ztc_str(entries[i].edge, "dst"), json_true());
	}
	return (int64_t)json_object_size(seen);
}

static void map_summary(FILE *out, const struct ztc_style *style, const json_t *result,
			const struct entry *entries, size_t count)
{
	char nodes[ZTC_TEXT_LEN], edges[ZTC_TEXT_LEN], from[ZTC_TEXT_LEN];
	const json_t *window = json_object_get(result, "window");
	size_t denied = 0, would = 0, hidden;
	char line[512];
	int len;

	for (size_t i = 0; i < count; i++) {
		const json_t *verdict = json_object_get(entries[i].edge, "verdict");

		denied += entries[i].denied;
		would += !entries[i].denied && ztc_denies(verdict, "candidate");
	}
	ztc_plural(nodes, count_nodes(entries, count), "node", "nodes");
	ztc_plural(edges, (int64_t)count, "edge", "edges");
	len = snprintf(line, sizeof(line), "%s, %s: %zu denied", nodes, edges, denied);
	if (would)
		len += snprintf(line + len, sizeof(line) - len,
				", %zu more would be by staged policy", would);
	if (ztc_time_parse(ztc_str(window, "from")) >= 0) {
		ztc_clock(from, ztc_str(window, "from"), style);
		len += snprintf(line + len, sizeof(line) - len, "; seen since %s", from);
	}
	hidden = json_array_size(json_object_get(result, "edges")) - count;
	if (hidden)
		snprintf(line + len, sizeof(line) - len,
			 "; %zu of link housekeeping hidden (--all)", hidden);
	fputc('\n', out);
	ztc_wrap(out, style, ZTC_BOLD, 0, 2, line);
	ztc_render_losses(out, json_object_get(result, "losses"), style);
}

int ztc_render_map(FILE *out, const json_t *result, const struct ztc_style *style)
{
	static const struct ztc_column columns[] = {
		{"SERVICE", false, 0, false},	{"FROM", false, 12, false},
		{"WORKLOAD", false, 10, false}, {"CONNS", true, 0, false},
		{"BYTES", true, 0, false},	{"VERDICT", false, 16, false},
		{"LAST", true, 0, false},
	};
	zt_auto(ztc_table_free) struct ztc_table *table = NULL;
	zt_auto(zt_json_decref) json_t *by_id = NULL;
	zt_auto(zt_freep) struct entry *entries = NULL;
	const json_t *edges = json_object_get(result, "edges");
	size_t shown, count = json_array_size(edges);
	int r;

	if (!json_is_array(edges))
		return -EINVAL;
	if (!count) {
		fputs("The map is empty: no traffic has been seen yet.\n", out);
		ztc_render_losses(out, json_object_get(result, "losses"), style);
		return 0;
	}
	entries = calloc(count, sizeof(*entries));
	r = ztc_table_new(&table, columns, ARRAY_SIZE(columns));
	if (r < 0 || !entries)
		return -ENOMEM;
	r = index_nodes(&by_id, json_object_get(result, "nodes"));
	if (r < 0)
		return r;
	shown = fill_entries(entries, edges, by_id, style->all);
	qsort(entries, shown, sizeof(*entries), compare);
	for (size_t i = 0; i < shown; i++) {
		if (i == 0 || strcmp(entries[i].dst, entries[i - 1].dst) != 0)
			group_title(table, &entries[i]);
		edge_row(table, &entries[i], style);
	}
	r = ztc_table_print(table, out, style, 2);
	if (r == 0)
		map_summary(out, style, result, entries, shown);
	return r;
}
