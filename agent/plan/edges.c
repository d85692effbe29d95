// SPDX-License-Identifier: Apache-2.0
/*
 * edges.c - recorded edges, one row per opening.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/time.h"
#include "base/vec.h"
#include "flow/collect.h"
#include "flow/graph.h"
#include "flow/history.h"
#include "flow/table.h"
#include "plan/edges.h"
#include "policy/rules.h"

struct gather {
	struct zt_plan_edges *edges;
	struct zt_judges *judges;
	size_t cap;
	struct zt_table table; /* opening -> row */
	int error;
};

void zt_plan_edges_clear(struct zt_plan_edges *edges)
{
	free(edges->rows);
	*edges = (struct zt_plan_edges){0};
}

static int64_t wall_s(uint64_t mono_ns)
{
	return (int64_t)(zt_mono_to_wall_ns(mono_ns) / ZT_NS_PER_S);
}

static int make_room(struct gather *g)
{
	int r = zt_vec_grow(&g->edges->rows, &g->cap, g->edges->count + 1, sizeof(*g->edges->rows));

	return r < 0 ? r : zt_table_reserve(&g->table, (uint32_t)g->cap);
}

/* The row of an opening, new with nothing counted. NULL when out of memory. */
static struct zt_plan_edge *row_of(struct gather *g, const struct zt_opening *o)
{
	uint32_t hash = zt_table_hash(o, sizeof(*o)), n = zt_table_first(&g->table, hash);
	struct zt_plan_edge *row;

	for (; n != ZT_TABLE_NONE; n = zt_table_next(&g->table, n)) {
		if (!memcmp(&g->edges->rows[n].opening, o, sizeof(*o)))
			return &g->edges->rows[n];
	}
	if (make_room(g) < 0)
		return NULL;
	n = (uint32_t)g->edges->count++;
	row = &g->edges->rows[n];
	*row = (struct zt_plan_edge){.opening = *o};
	zt_table_add(&g->table, n, hash);
	return row;
}

static void stretch(struct zt_plan_edge *row, int64_t first_s, int64_t last_s)
{
	if (!row->first_s || first_s < row->first_s)
		row->first_s = first_s;
	if (last_s > row->last_s)
		row->last_s = last_s;
}

/* Decided before any policy: neighbour discovery, DHCP, broken headers, ... */
static bool is_builtin(uint32_t rule)
{
	return rule < ZT_RULE_FIRST && rule != ZT_RULE_NONE && rule != ZT_RULE_DEFAULT;
}

static void make_opening(struct zt_opening *ret, const struct zt_addr *src, bool src_near,
			 const struct zt_addr *dst, uint8_t kind, uint8_t proto, uint16_t port)
{
	bool in = kind == ZT_KIND_LOCAL && !src_near;

	memset(ret, 0, sizeof(*ret)); /* compared as bytes */
	ret->near = in ? *dst : *src;
	ret->far = in ? *src : *dst;
	ret->dir = kind == ZT_KIND_FWD ? ZT_DIR_FWD : in ? ZT_DIR_IN : ZT_DIR_OUT;
	ret->port_index = zt_port_index(proto, port);
}

static int add_edge(struct gather *g, const struct zt_edge *edge, const struct zt_node *nodes)
{
	const struct zt_edge_key *key = &edge->key;
	const struct zt_node *src = &nodes[key->src], *dst = &nodes[key->dst];
	struct zt_plan_edge *row;
	struct zt_opening o;

	if (key->kind == ZT_KIND_LOOP || is_builtin(key->rule[ZT_LIVE]))
		return 0;
	make_opening(&o, &src->addr, src->near, &dst->addr, key->kind, key->proto, key->port);
	if (o.dir != ZT_DIR_FWD)
		o.owner = zt_judges_owner_at(g->judges,
					     o.dir == ZT_DIR_IN ? key->dst_owner : key->src_owner);
	row = row_of(g, &o);
	if (!row)
		return -ENOMEM;
	row->connections += edge->connections;
	stretch(row, wall_s(edge->first_ns), wall_s(edge->last_ns));
	return 0;
}

static int add_graph(struct gather *g, const struct zt_graph *graph)
{
	size_t edge_count, node_count;
	const struct zt_edge *edges = zt_graph_edges(graph, &edge_count);
	const struct zt_node *nodes = zt_graph_nodes(graph, &node_count);
	int r = 0;

	for (size_t i = 0; i < edge_count && r == 0; i++)
		r = add_edge(g, &edges[i], nodes);
	g->edges->lost += zt_graph_lost(graph);
	return r;
}

static bool is_builtin_id(const char *id)
{
	for (uint32_t n = ZT_RULE_NONE + 1; id && n < ZT_RULE_BUILTIN_COUNT; n++) {
		const struct zt_builtin_rule *rule = zt_rule_builtin(n);

		if (is_builtin(n) && rule && !strcmp(rule->id, id))
			return true;
	}
	return false;
}

static int add_recorded(const struct zt_history_edge *edge, void *ctx)
{
	const struct zt_history_end *near;
	struct gather *g = ctx;
	struct zt_plan_edge *row;
	struct zt_opening o;

	if (edge->kind == ZT_KIND_LOOP || is_builtin_id(edge->rule[ZT_LIVE]))
		return 0;
	make_opening(&o, &edge->src.addr, edge->src.near, &edge->dst.addr, edge->kind, edge->proto,
		     edge->port);
	near = o.dir == ZT_DIR_IN ? &edge->dst : &edge->src;
	if (o.dir != ZT_DIR_FWD)
		o.owner = zt_judges_owner(g->judges, near->owner);
	row = row_of(g, &o);
	if (!row)
		return g->error = -ENOMEM;
	row->recorded += edge->connections;
	stretch(row, edge->first_s, edge->last_s);
	return 0;
}

static int read_all(struct gather *g, struct zt_collector *collector, struct zt_history *history)
{
	const struct zt_graph_view view = {.kind = ZT_NODE_ADDRESS};
	zt_auto(zt_graph_free) struct zt_graph *graph = NULL;
	int r = 0;

	if (collector)
		r = zt_collector_graph(collector, g->judges->names, &view, &graph);
	if (r == 0 && graph)
		r = add_graph(g, graph);
	if (r < 0 || !history)
		return r;
	g->edges->history = zt_history_each_edge(history, 0, add_recorded, g);
	return g->error;
}

int zt_plan_edges_read(struct zt_collector *collector, struct zt_history *history,
		       struct zt_judges *judges, struct zt_plan_edges *ret)
{
	zt_auto(zt_plan_edges_clear) struct zt_plan_edges edges = {0};
	struct gather g = {.edges = &edges, .judges = judges};
	int r = read_all(&g, collector, history);

	zt_table_clear(&g.table);
	if (r < 0)
		return r;
	for (size_t i = 0; i < edges.count; i++) {
		if (edges.rows[i].recorded > edges.rows[i].connections)
			edges.rows[i].connections = edges.rows[i].recorded;
	}
	*ret = edges;
	edges = (struct zt_plan_edges){0};
	return 0;
}

void zt_plan_edges_judge(struct zt_plan_edges *edges, struct zt_judges *judges)
{
	struct zt_answer now, then;

	for (size_t i = 0; i < edges->count; i++) {
		struct zt_plan_edge *row = &edges->rows[i];

		zt_judges_ask(judges, ZT_NOW, &row->opening, &now);
		zt_judges_ask(judges, ZT_THEN, &row->opening, &then);
		row->now_rule = now.rule[ZT_LIVE];
		row->now_action = now.action[ZT_LIVE];
		for (int plane = 0; plane < ZT_PLANE_COUNT; plane++) {
			row->then_rule[plane] = then.rule[plane];
			row->then_action[plane] = then.action[plane];
		}
		row->then_owner_dep = then.owner_dep;
	}
}

int zt_plan_edge_newly(const struct zt_plan_edge *edge, int plane)
{
	if (edge->now_action == edge->then_action[plane])
		return 0;
	return edge->then_action[plane] == ZT_DENY ? 1 : -1;
}
