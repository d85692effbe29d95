/* SPDX-License-Identifier: Apache-2.0 */
/*
 * graph.c - flows added up into edges between nodes.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "flow/graph.h"
#include "flow/health.h"
#include "flow/table.h"

#define EDGE_CAP_MAX	 (1u << 24)
#define ICMP_ECHO_TYPE	 8
#define ICMPV6_ECHO_TYPE 128

struct zt_graph {
	struct zt_node *nodes;
	size_t node_count, node_room;
	struct zt_table node_table;
	struct zt_edge *edges;
	size_t edge_count, edge_room, edge_cap;
	struct zt_table edge_table;
	struct zt_health_pool health;
	uint64_t lost;
};

/* An ICMP message that is not an echo carries type and code where a port would be. */
static uint16_t icmp_type(const struct zt_flow_key *key)
{
	if (key->far_port != ZT_ECHO_BY_NEAR && key->far_port != ZT_ECHO_BY_FAR)
		return ntohs(key->far_port) >> 8;
	return key->proto == IPPROTO_ICMP ? ICMP_ECHO_TYPE : ICMPV6_ECHO_TYPE;
}

void zt_flow_ends(const struct zt_flow_key *key, const struct zt_flow *flow,
		  struct zt_flow_ends *ret)
{
	bool near_opened = key->kind == ZT_KIND_LOOP || flow->opener == ZT_DIR_OUT;
	bool local = key->kind != ZT_KIND_FWD;
	bool loop = key->kind == ZT_KIND_LOOP;

	*ret = (struct zt_flow_ends){
		.to_dst = near_opened ? ZT_DIR_OUT : ZT_DIR_IN,
		.src_near = local && (near_opened || loop),
		.dst_near = local && (!near_opened || loop),
	};
	memcpy(ret->src.bytes, near_opened ? key->near_addr : key->far_addr, 16);
	memcpy(ret->dst.bytes, near_opened ? key->far_addr : key->near_addr, 16);
	ret->src_owner = near_opened ? flow->owner : flow->far_owner;
	ret->dst_owner = near_opened ? flow->far_owner : flow->owner;
	if (key->proto == IPPROTO_ICMP || key->proto == IPPROTO_ICMPV6) {
		ret->port = icmp_type(key);
		return;
	}
	ret->src_port = ntohs(near_opened ? key->near_port : key->far_port);
	ret->port = ntohs(near_opened ? key->far_port : key->near_port);
}

int zt_graph_new(struct zt_graph **ret, size_t edge_cap)
{
	struct zt_graph *graph;

	if (!edge_cap || edge_cap > EDGE_CAP_MAX)
		return -EINVAL;
	graph = calloc(1, sizeof(*graph));
	if (!graph)
		return -ENOMEM;
	graph->edge_cap = edge_cap;
	*ret = graph;
	return 0;
}

void zt_graph_free(struct zt_graph **graph)
{
	struct zt_graph *g = *graph;

	if (!g)
		return;
	for (size_t i = 0; i < g->node_count; i++)
		free(g->nodes[i].name);
	free(g->nodes);
	free(g->edges);
	zt_table_clear(&g->node_table);
	zt_table_clear(&g->edge_table);
	zt_health_pool_clear(&g->health);
	free(g);
	*graph = NULL;
}

/* Room for one more entry in an array and its table: doubled, so that adding is cheap. */
static int grow(void *array, size_t size, size_t count, size_t *room, struct zt_table *table)
{
	void **items = array;
	size_t want = *room ? *room * 2 : 64;
	void *grown;
	int r;

	if (count < *room)
		return 0;
	if (want >= ZT_TABLE_NONE)
		return -ENOMEM;
	r = zt_table_reserve(table, want);
	if (r < 0)
		return r;
	grown = realloc(*items, want * size);
	if (!grown)
		return -ENOMEM;
	*items = grown;
	*room = want;
	return 0;
}

static uint32_t hash_node(enum zt_node_kind kind, const struct zt_addr *addr, const char *name)
{
	if (kind == ZT_NODE_ADDRESS)
		return zt_table_hash(addr, sizeof(*addr));
	return zt_table_hash(name, strlen(name)) ^ kind;
}

static bool same_node(const struct zt_node *node, enum zt_node_kind kind,
		      const struct zt_addr *addr, const char *name)
{
	if (node->kind != kind)
		return false;
	if (kind == ZT_NODE_ADDRESS)
		return !memcmp(&node->addr, addr, sizeof(*addr));
	return !strcmp(node->name, name);
}

static int get_node(struct zt_graph *g, enum zt_node_kind kind, const struct zt_addr *addr,
		    const char *name, bool near, uint32_t *ret)
{
	uint32_t hash = hash_node(kind, addr, name);
	struct zt_node *node;
	char *copy = NULL;
	uint32_t n;
	int r;

	for (n = zt_table_first(&g->node_table, hash); n != ZT_TABLE_NONE;
	     n = zt_table_next(&g->node_table, n)) {
		if (!same_node(&g->nodes[n], kind, addr, name))
			continue;
		g->nodes[n].near |= near;
		*ret = n;
		return 0;
	}
	r = grow(&g->nodes, sizeof(*g->nodes), g->node_count, &g->node_room, &g->node_table);
	if (r < 0)
		return r;
	if (kind != ZT_NODE_ADDRESS) {
		copy = strdup(name);
		if (!copy)
			return -ENOMEM;
	}
	n = g->node_count++;
	node = &g->nodes[n];
	*node = (struct zt_node){.kind = kind, .near = near, .addr = *addr, .name = copy};
	zt_table_add(&g->node_table, n, hash);
	*ret = n;
	return 0;
}

static void add_up(struct zt_edge *edge, const struct zt_edge *add)
{
	edge->connections += add->connections;
	for (int i = 0; i < 2; i++) {
		edge->bytes[i] += add->bytes[i];
		edge->packets[i] += add->packets[i];
	}
	if (add->first_ns < edge->first_ns)
		edge->first_ns = add->first_ns;
	if (add->last_ns > edge->last_ns)
		edge->last_ns = add->last_ns;
}

/* *ret_edge is where it was added, until the next edge comes. */
static int add_edge(struct zt_graph *g, const struct zt_edge *add, struct zt_edge **ret_edge)
{
	uint32_t hash = zt_table_hash(&add->key, sizeof(add->key));
	uint32_t n;
	int r;

	for (n = zt_table_first(&g->edge_table, hash); n != ZT_TABLE_NONE;
	     n = zt_table_next(&g->edge_table, n)) {
		if (memcmp(&g->edges[n].key, &add->key, sizeof(add->key)))
			continue;
		add_up(&g->edges[n], add);
		*ret_edge = &g->edges[n];
		return 0;
	}
	r = g->edge_count < g->edge_cap ? 0 : -ENOSPC;
	if (!r)
		r = grow(&g->edges, sizeof(*g->edges), g->edge_count, &g->edge_room,
			 &g->edge_table);
	if (r < 0) {
		g->lost++;
		return r;
	}
	n = g->edge_count++;
	g->edges[n] = *add;
	g->edges[n].health = 0;
	*ret_edge = &g->edges[n];
	zt_table_add(&g->edge_table, n, hash);
	return 0;
}

/*
 * Connections in one entry: TCP counts its openings; one found in the middle, and every
 * conversation of another protocol, is one.
 */
static uint64_t connections(const struct zt_flow_key *key, const struct zt_flow *flow)
{
	if (key->proto == IPPROTO_TCP && flow->opens)
		return flow->opens;
	return 1;
}

/*
 * A full graph must not grow its nodes either: a scan of addresses that have no edge would
 * otherwise take memory without end.
 */
static bool node_room(struct zt_graph *g)
{
	return g->node_count + 2 <= 2 * g->edge_cap;
}

static void set_counts(struct zt_edge *add, const struct zt_flow_key *key,
		       const struct zt_flow *flow, const struct zt_flow_ends *ends)
{
	add->key.src_owner = ends->src_owner;
	add->key.dst_owner = ends->dst_owner;
	add->key.port = ends->port;
	add->key.proto = key->proto;
	add->key.kind = key->kind;
	add->key.encryption = flow->encryption;
	add->key.app = flow->app;
	for (int p = 0; p < ZT_PLANE_COUNT; p++) {
		add->key.rule[p] = flow->rule[p];
		add->key.action[p] = flow->action[p];
	}
	add->connections = connections(key, flow);
	add->bytes[ZT_TO_DST] = flow->bytes[ends->to_dst];
	add->bytes[ZT_TO_SRC] = flow->bytes[!ends->to_dst];
	add->packets[ZT_TO_DST] = flow->packets[ends->to_dst];
	add->packets[ZT_TO_SRC] = flow->packets[!ends->to_dst];
	add->first_ns = flow->first_ns;
	add->last_ns = flow->last_ns;
}

int zt_graph_add_flow(struct zt_graph *graph, const struct zt_flow_key *key,
		      const struct zt_flow *flow, bool ended)
{
	struct zt_flow_health health;
	struct zt_edge add = {0}, *edge;
	struct zt_flow_ends ends;
	int r = 0;

	zt_flow_ends(key, flow, &ends);
	if (!node_room(graph))
		r = -ENOSPC;
	if (!r)
		r = get_node(graph, ZT_NODE_ADDRESS, &ends.src, NULL, ends.src_near, &add.key.src);
	if (!r)
		r = get_node(graph, ZT_NODE_ADDRESS, &ends.dst, NULL, ends.dst_near, &add.key.dst);
	if (r < 0) {
		graph->lost++;
		return r;
	}
	set_counts(&add, key, flow, &ends);
	r = add_edge(graph, &add, &edge);
	if (r < 0 || !zt_flow_health(key, flow, ended, &health))
		return r;
	r = zt_health_pool_add(&graph->health, &edge->health, &health);
	graph->lost += r < 0;
	return r;
}

/* "db,prod": a set of segments is one node. */
static int segment_name(const struct zt_flow_names *names, const struct zt_node *node, char *buf,
			size_t len)
{
	const char *segments[ZT_SEGMENTS_MAX];
	size_t count = 0, used = 0;

	if (names->segments)
		count = names->segments(names->ctx, &node->addr, node->near, segments,
					ZT_SEGMENTS_MAX);
	if (count > ZT_SEGMENTS_MAX)
		count = ZT_SEGMENTS_MAX;
	if (!count)
		return snprintf(buf, len, "unknown") < 0 ? -EINVAL : 0;
	for (size_t i = 0; i < count && used < len; i++)
		used += (size_t)snprintf(buf + used, len - used, "%s%s", i ? "," : "", segments[i]);
	return 0;
}

static int rename_node(struct zt_graph *g, const struct zt_node *node,
		       const struct zt_flow_names *names, enum zt_node_kind kind, uint32_t *ret)
{
	char buf[ZT_SEGMENTS_MAX * ZT_NAME_LEN];
	const char *host;
	int r;

	if (kind == ZT_NODE_SEGMENT) {
		r = segment_name(names, node, buf, sizeof(buf));
		return r < 0 ? r : get_node(g, kind, &node->addr, buf, node->near, ret);
	}
	if (kind == ZT_NODE_HOST && names->host) {
		host = names->host(names->ctx, &node->addr, node->near);
		if (host)
			return get_node(g, kind, &node->addr, host, node->near, ret);
	}
	return get_node(g, ZT_NODE_ADDRESS, &node->addr, NULL, node->near, ret);
}

/* Names are asked for once per node, not once per edge. */
static int map_node(struct zt_graph *g, uint32_t *map, const struct zt_graph *from,
		    const struct zt_flow_names *names, enum zt_node_kind kind, uint32_t *node)
{
	uint32_t n = *node;
	int r;

	if (map[n] == ZT_TABLE_NONE) {
		r = rename_node(g, &from->nodes[n], names, kind, &map[n]);
		if (r < 0)
			return r;
	}
	*node = map[n];
	return 0;
}

static int map_ends(struct zt_graph *g, uint32_t *map, const struct zt_graph *from,
		    const struct zt_flow_names *names, enum zt_node_kind kind, struct zt_edge *edge)
{
	int r = map_node(g, map, from, names, kind, &edge->key.src);

	return r < 0 ? r : map_node(g, map, from, names, kind, &edge->key.dst);
}

static int new_map(const struct zt_graph *from, uint32_t **ret)
{
	uint32_t *map = malloc((from->node_count ?: 1) * sizeof(*map));

	if (!map)
		return -ENOMEM;
	memset(map, 0xff, from->node_count * sizeof(*map));
	*ret = map;
	return 0;
}

static bool is_wanted(const struct zt_graph_view *view, const struct zt_graph *from,
		      const struct zt_edge *edge)
{
	if (edge->last_ns < view->since_ns)
		return false;
	return !view->match || view->match(edge, &from->nodes[edge->key.src],
					   &from->nodes[edge->key.dst], view->data);
}

int zt_graph_merge(struct zt_graph *graph, const struct zt_graph *from,
		   const struct zt_graph_view *view)
{
	zt_auto(zt_freep) uint32_t *map = NULL;
	struct zt_edge *edge;
	int r;

	r = new_map(from, &map);
	for (size_t i = 0; i < from->edge_count && r != -ENOMEM; i++) {
		struct zt_edge add = from->edges[i];

		if (!is_wanted(view, from, &add))
			continue;
		r = map_ends(graph, map, from, NULL, ZT_NODE_ADDRESS, &add);
		if (!r)
			r = add_edge(graph, &add, &edge);
		if (!r)
			r = zt_health_pool_merge(&graph->health, &edge->health, &from->health,
						 add.health);
	}
	graph->lost += from->lost;
	return r == -ENOMEM ? r : 0;
}

static int by_key(const void *a, const void *b)
{
	const struct zt_edge_key *x = &((const struct zt_edge *)a)->key;
	const struct zt_edge_key *y = &((const struct zt_edge *)b)->key;

	if (x->src != y->src)
		return x->src < y->src ? -1 : 1;
	if (x->dst != y->dst)
		return x->dst < y->dst ? -1 : 1;
	return memcmp(x, y, sizeof(*x));
}

/* Sorted edges that have become the same are one. */
static int unite(struct zt_graph *g)
{
	size_t count = 0;
	int r = 0;

	for (size_t i = 0; i < g->edge_count && !r; i++) {
		struct zt_edge *edge = &g->edges[i], *last = count ? &g->edges[count - 1] : NULL;

		if (!last || memcmp(&last->key, &edge->key, sizeof(edge->key))) {
			g->edges[count++] = *edge;
			continue;
		}
		add_up(last, edge);
		r = zt_health_pool_merge(&g->health, &last->health, &g->health, edge->health);
		zt_health_pool_drop(&g->health, &edge->health);
	}
	g->edge_count = count;
	return r;
}

/* The edges that are wanted, with nodes of @named, moved together. */
static int rename_edges(struct zt_graph *g, struct zt_graph *named,
			const struct zt_flow_names *names, const struct zt_graph_view *view)
{
	zt_auto(zt_freep) uint32_t *map = NULL;
	size_t count = 0;
	int r = new_map(g, &map);

	for (size_t i = 0; i < g->edge_count && !r; i++) {
		struct zt_edge edge = g->edges[i];

		if (!is_wanted(view, g, &edge))
			continue;
		r = map_ends(named, map, g, names, view->kind, &edge);
		g->edges[count++] = edge;
	}
	g->edge_count = count;
	return r;
}

static void swap_nodes(struct zt_graph *a, struct zt_graph *b)
{
	struct zt_graph t = *a;

	a->nodes = b->nodes;
	a->node_count = b->node_count;
	a->node_room = b->node_room;
	a->node_table = b->node_table;
	b->nodes = t.nodes;
	b->node_count = t.node_count;
	b->node_room = t.node_room;
	b->node_table = t.node_table;
}

int zt_graph_finish(struct zt_graph *graph, const struct zt_flow_names *names,
		    const struct zt_graph_view *view)
{
	zt_auto(zt_graph_free) struct zt_graph *named = NULL;
	int r;

	zt_table_clear(&graph->edge_table); /* makes room for what follows */
	graph->edge_cap = graph->edge_room = graph->edge_count;
	r = zt_graph_new(&named, EDGE_CAP_MAX);
	if (!r)
		r = rename_edges(graph, named, names, view);
	if (r < 0)
		return r;
	swap_nodes(graph, named);
	if (graph->edge_count)
		qsort(graph->edges, graph->edge_count, sizeof(*graph->edges), by_key);
	graph->edge_cap = 0;
	return unite(graph);
}

const struct zt_edge *zt_graph_edges(const struct zt_graph *graph, size_t *ret_count)
{
	*ret_count = graph->edge_count;
	return graph->edges;
}

const struct zt_node *zt_graph_nodes(const struct zt_graph *graph, size_t *ret_count)
{
	*ret_count = graph->node_count;
	return graph->nodes;
}

bool zt_graph_health(const struct zt_graph *graph, const struct zt_edge *edge,
		     struct zt_health *ret)
{
	return zt_health_pool_get(&graph->health, edge->health, ret);
}

uint64_t zt_graph_lost(const struct zt_graph *graph)
{
	return graph->lost;
}
