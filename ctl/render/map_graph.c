/* SPDX-License-Identifier: Apache-2.0 */
/* map_graph.c - the map as arrows: all that one node asks of another with one outcome is one. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/json.h"
#include "ctl/render/map_graph.h"
#include "ctl/render/text.h"

static enum ztc_outcome outcome_of(const struct ztc_edge_view *e)
{
	return e->denied ? ZTC_DENIED : e->would ? ZTC_WOULD_DENY : ZTC_ALLOWED;
}

static int compare(const void *left, const void *right)
{
	const struct ztc_edge_view *a = left, *b = right;
	int r = strcmp(ztc_str(a->edge, "src"), ztc_str(b->edge, "src"));

	r = r ? r : strcmp(ztc_str(a->edge, "dst"), ztc_str(b->edge, "dst"));
	r = r ? r : (int)outcome_of(a) - (int)outcome_of(b);
	r = r ? r : strcmp(a->proto, b->proto);
	r = r ? r : (a->port > b->port) - (a->port < b->port);
	return r ? r : (a->edge > b->edge) - (a->edge < b->edge);
}

static bool same_arrow(const struct ztc_edge_view *a, const struct ztc_edge_view *b)
{
	return strcmp(ztc_str(a->edge, "src"), ztc_str(b->edge, "src")) == 0 &&
	       strcmp(ztc_str(a->edge, "dst"), ztc_str(b->edge, "dst")) == 0 &&
	       outcome_of(a) == outcome_of(b);
}

void ztc_graph_free(struct ztc_graph *graph)
{
	free(graph->edges);
	free(graph->arrows);
	free(graph->used);
	*graph = (struct ztc_graph){0};
}

static size_t position(const json_t *places, const char *id)
{
	return (size_t)json_integer_value(json_object_get(places, id));
}

int ztc_graph_make(struct ztc_graph *ret, const json_t *map, bool all)
{
	const json_t *nodes = json_object_get(map, "nodes");
	zt_auto(zt_json_decref) json_t *places = json_object();
	size_t count, end, i;
	json_t *node;
	int r = ztc_map_edges(map, all, &ret->edges, &count);

	if (r < 0)
		return r;
	ret->arrows = calloc(count + 1, sizeof(*ret->arrows));
	ret->used = calloc(json_array_size(nodes) + 1, sizeof(*ret->used));
	if (!ret->arrows || !ret->used)
		return -ENOMEM;
	json_array_foreach (nodes, i, node)
		json_object_set_new(places, ztc_str(node, "id"), json_integer((json_int_t)i));
	qsort(ret->edges, count, sizeof(*ret->edges), compare);
	for (i = 0; i < count; i = end) {
		const struct ztc_edge_view *e = &ret->edges[i];
		struct ztc_arrow *arrow = &ret->arrows[ret->count++];
		char text[ZTC_END_LEN];

		*arrow = (struct ztc_arrow){.edges = e,
					    .src = position(places, ztc_str(e->edge, "src")),
					    .dst = position(places, ztc_str(e->edge, "dst")),
					    .outcome = outcome_of(e)};
		for (end = i; end < count && same_arrow(e, &ret->edges[end]); end++) {
			arrow->connections += ztc_int(ret->edges[end].edge, "connections");
			arrow->clear |= ztc_encryption(text, ret->edges[end].edge) != ZTC_PLAIN;
		}
		arrow->count = end - i;
		ret->used[arrow->src] = ret->used[arrow->dst] = true;
	}
	return 0;
}

/* "tcp/5432 tls1.3", "tcp/22 ssh, denied by no-ssh" */
static void service_line(char ret[ZTC_END_LEN * 2], const struct ztc_edge_view *e)
{
	char text[ZTC_END_LEN];

	ztc_service(text, json_object_get(e->edge, "proto"), json_object_get(e->edge, "port"));
	snprintf(ret, ZTC_END_LEN * 2, "%s", text);
	ztc_encryption(text, e->edge);
	if (strncmp(text, "no", 2) == 0)
		ztc_append(ret, ZTC_END_LEN * 2, " plain%s", text + 2);
	else if (strcmp(text, "-") != 0)
		ztc_append(ret, ZTC_END_LEN * 2, " %s", text);
	if (!e->denied && !e->would)
		return;
	ztc_verdict(text, json_object_get(e->edge, "verdict"));
	ztc_append(ret, ZTC_END_LEN * 2, ", %s%s", e->would ? "STAGED: " : "", text);
}

void ztc_arrow_lines(const struct ztc_arrow *arrow, void (*each)(void *data, const char *line),
		     void *data)
{
	char line[ZTC_END_LEN * 2], before[ZTC_END_LEN * 2] = "", number[ZTC_TEXT_LEN];
	size_t shown = 0, more = 0;

	/* Rows that differ in their owner alone say the same here. */
	for (size_t i = 0; i < arrow->count; i++) {
		service_line(line, &arrow->edges[i]);
		if (strcmp(line, before) == 0)
			continue;
		memcpy(before, line, sizeof(before));
		if (shown == ZTC_ARROW_SERVICES) {
			more++;
			continue;
		}
		each(data, line);
		shown++;
	}
	if (more) {
		snprintf(line, sizeof(line), "and %zu more", more);
		each(data, line);
	}
	ztc_plural(number, arrow->connections, "connection", "connections");
	each(data, number);
}
