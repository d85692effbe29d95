/* SPDX-License-Identifier: Apache-2.0 */
/* sort.c - the one order of nodes and edges, and leaving some of them out. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/strmap.h"
#include "ctl/map/map.h"

static int text_order(const char *a, const char *b)
{
	return a == b ? 0 : strcmp(a ? a : "", b ? b : "");
}

static int node_order(const struct ztc_map_node *a, const struct ztc_map_node *b)
{
	int r = text_order(a->kind, b->kind);

	if (!r && a->has_addr && b->has_addr)
		r = memcmp(&a->addr, &b->addr, sizeof(a->addr));
	if (!r)
		r = text_order(a->name, b->name);
	return r ? r : text_order(a->id, b->id);
}

static int owner_order(const struct ztc_workload *a, const struct ztc_workload *b)
{
	int r;

	if (a == b || !a || !b)
		return (a != NULL) - (b != NULL);
	r = text_order(a->unit, b->unit);
	r = r ? r : text_order(a->exe, b->exe);
	r = r ? r : text_order(a->cgroup, b->cgroup);
	r = r ? r : text_order(a->container, b->container);
	r = r ? r : (a->uid > b->uid) - (a->uid < b->uid);
	r = r ? r : text_order(a->exe_path, b->exe_path);
	return r ? r : text_order(a->command, b->command);
}

/* qsort_r() hands over nothing but this. */
static int compare_nodes(const void *left, const void *right, void *data)
{
	const struct ztc_map *map = data;

	return node_order(&map->nodes[*(const uint32_t *)left],
			  &map->nodes[*(const uint32_t *)right]);
}

/* Nodes are in order already: by who is called, service, who calls, owners, verdicts. */
static int compare_edges(const void *left, const void *right)
{
	const struct ztc_map_edge *a = left, *b = right;
	int r = (a->dst > b->dst) - (a->dst < b->dst);

	r = r ? r : text_order(a->proto, b->proto);
	r = r ? r : (a->port > b->port) - (a->port < b->port);
	for (int p = 0; p < ZT_PLANE_COUNT; p++)
		r = r ? r : a->verdict[p].deny - b->verdict[p].deny;
	r = r ? r : (a->src > b->src) - (a->src < b->src);
	for (int e = 0; e < ZTC_ENDS; e++)
		r = r ? r : owner_order(a->workload[e], b->workload[e]);
	for (int p = 0; p < ZT_PLANE_COUNT; p++)
		r = r ? r : text_order(a->verdict[p].rule, b->verdict[p].rule);
	r = r ? r : text_order(a->kind, b->kind);
	r = r ? r : (a->first_ms > b->first_ms) - (a->first_ms < b->first_ms);
	r = r ? r : (a->last_ms > b->last_ms) - (a->last_ms < b->last_ms);
	return r ? r : (a->connections > b->connections) - (a->connections < b->connections);
}

/* Nodes in the order of @order, those left out that nobody names; edges follow. */
static int reorder(struct ztc_map *map, const uint32_t *order, size_t count)
{
	zt_auto(zt_freep) uint32_t *to = calloc(map->node_count + 1, sizeof(*to));
	struct ztc_map_node *nodes = calloc(count + 1, sizeof(*nodes));
	struct zt_strmap *ids = NULL;

	if (!to || !nodes || zt_strmap_new(&ids) < 0) {
		free(nodes);
		return -ENOMEM;
	}
	for (size_t i = 0; i < count; i++) {
		struct ztc_map_node *n = &map->nodes[order[i]];

		nodes[i] = *n;
		n->segments = n->labels = n->hints = NULL;
		to[order[i]] = (uint32_t)i;
		/* Numbers count up: the i-th id has the number i. */
		if (zt_strmap_intern(ids, nodes[i].id, strlen(nodes[i].id), NULL) != i) {
			zt_strmap_free(&ids);
			free(nodes);
			return -ENOMEM;
		}
	}
	for (size_t i = 0; i < map->node_count; i++) {
		json_decref(map->nodes[i].segments);
		json_decref(map->nodes[i].labels);
		json_decref(map->nodes[i].hints);
	}
	free(map->nodes);
	zt_strmap_free(&map->node_ids);
	map->nodes = nodes;
	map->node_count = count;
	map->node_cap = count + 1;
	map->node_ids = ids;
	for (size_t i = 0; i < map->edge_count; i++) {
		map->edges[i].src = to[map->edges[i].src];
		map->edges[i].dst = to[map->edges[i].dst];
	}
	return 0;
}

static int sort(struct ztc_map *map, bool all)
{
	zt_auto(zt_freep) uint32_t *order = calloc(map->node_count + 1, sizeof(*order));
	zt_auto(zt_freep) bool *used = calloc(map->node_count + 1, sizeof(*used));
	size_t count = 0;
	int r;

	if (!order || !used)
		return -ENOMEM;
	for (size_t i = 0; i < map->edge_count; i++)
		used[map->edges[i].src] = used[map->edges[i].dst] = true;
	for (size_t i = 0; i < map->node_count; i++)
		if (all || used[i])
			order[count++] = (uint32_t)i;
	qsort_r(order, count, sizeof(*order), compare_nodes, map);
	r = reorder(map, order, count);
	if (r == 0 && map->edge_count)
		qsort(map->edges, map->edge_count, sizeof(*map->edges), compare_edges);
	return r;
}

int ztc_map_sort(struct ztc_map *map)
{
	return sort(map, false);
}

int ztc_map_sort_all(struct ztc_map *map)
{
	return sort(map, true);
}

static int compare_counts(const void *left, const void *right)
{
	const uint64_t *a = left, *b = right;

	return (*b > *a) - (*b < *a);
}

void ztc_map_limit(struct ztc_map *map, uint64_t limit)
{
	zt_auto(zt_freep) uint64_t *counts = NULL;
	size_t kept = 0, ties = 0;
	uint64_t least;

	if (map->edge_count <= limit)
		return;
	if (map->matched < map->edge_count)
		map->matched = map->edge_count;
	counts = calloc(map->edge_count, sizeof(*counts));
	for (size_t i = 0; counts && i < map->edge_count; i++)
		counts[i] = map->edges[i].connections;
	if (counts)
		qsort(counts, map->edge_count, sizeof(*counts), compare_counts);
	/* Of those with the last count that fits, the first ones. */
	least = counts && limit ? counts[limit - 1] : 0;
	for (size_t i = 0; counts && i < limit; i++)
		ties += counts[i] == least;
	for (size_t i = 0; i < map->edge_count && kept < limit; i++) {
		const struct ztc_map_edge *e = &map->edges[i];

		if (e->connections < least || (e->connections == least && counts && !ties))
			continue;
		ties -= counts && e->connections == least;
		map->edges[kept++] = *e;
	}
	map->edge_count = kept;
}
