/* SPDX-License-Identifier: Apache-2.0 */
/* map.c - the map itself: nodes by id, edges, and how two edges become one. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/rtt.h"
#include "base/strmap.h"
#include "base/vec.h"
#include "ctl/map/map.h"

int ztc_map_new(struct ztc_map **ret, struct ztc_pool *pool)
{
	zt_auto(ztc_map_free) struct ztc_map *map = calloc(1, sizeof(*map));

	if (!map || zt_strmap_new(&map->node_ids) < 0)
		return -ENOMEM;
	map->pool = pool;
	map->losses = json_object();
	if (!map->losses)
		return -ENOMEM;
	*ret = zt_take(map);
	return 0;
}

void ztc_map_free(struct ztc_map **map)
{
	struct ztc_map *m = *map;

	if (!m)
		return;
	for (size_t i = 0; i < m->node_count; i++) {
		json_decref(m->nodes[i].segments);
		json_decref(m->nodes[i].labels);
		json_decref(m->nodes[i].hints);
	}
	free(m->nodes);
	free(m->edges);
	free(m->views);
	json_decref(m->losses);
	json_decref(m->disagreements);
	json_decref(m->not_merged);
	zt_strmap_free(&m->node_ids);
	free(m);
	*map = NULL;
}

struct ztc_map_node *ztc_map_node(struct ztc_map *map, const char *id, uint32_t *ret_position)
{
	bool is_new;
	uint32_t n = zt_strmap_intern(map->node_ids, id, strlen(id), &is_new);
	struct ztc_map_node *node;

	if (n == ZT_STRMAP_NONE ||
	    zt_vec_grow(&map->nodes, &map->node_cap, n + 1, sizeof(*map->nodes)) < 0)
		return NULL;
	node = &map->nodes[n];
	if (is_new) {
		*node = (struct ztc_map_node){.id = ztc_pool_text(map->pool, id, strlen(id))};
		map->node_count = n + 1;
		if (!node->id)
			return NULL;
	}
	if (ret_position)
		*ret_position = n;
	return node;
}

int ztc_map_view(struct ztc_map *map, const struct ztc_map_view *view)
{
	if (zt_vec_grow(&map->views, &map->view_cap, map->view_count + 1, sizeof(*view)) < 0)
		return -ENOMEM;
	map->views[map->view_count++] = *view;
	return 0;
}

struct ztc_map_edge *ztc_map_edge(struct ztc_map *map)
{
	if (zt_vec_grow(&map->edges, &map->edge_cap, map->edge_count + 1, sizeof(*map->edges)) < 0)
		return NULL;
	memset(&map->edges[map->edge_count], 0, sizeof(*map->edges));
	return &map->edges[map->edge_count++];
}

/* --- two edges as one ---------------------------------------------------------------------------
 */

typedef uint64_t (*combine_fn)(uint64_t a, uint64_t b);

/* Numbers of a file may be anything: they stop at the largest that JSON can say. */
static uint64_t sum(uint64_t a, uint64_t b)
{
	uint64_t n;

	return __builtin_add_overflow(a, b, &n) || n > INT64_MAX ? INT64_MAX : n;
}

static uint64_t larger(uint64_t a, uint64_t b)
{
	return a > b ? a : b;
}

int ztc_map_protocol(struct ztc_map *map, struct ztc_map_edge *edge, const char *name,
		     uint64_t count)
{
	if (edge->protocol_count == edge->protocol_cap) {
		uint32_t cap = edge->protocol_cap ? edge->protocol_cap * 2 : 1;
		struct ztc_map_count *grown = ztc_pool_alloc(map->pool, cap * sizeof(*grown));

		if (!grown)
			return -ENOMEM;
		if (edge->protocol_count)
			memcpy(grown, edge->protocols, edge->protocol_count * sizeof(*grown));
		edge->protocols = grown;
		edge->protocol_cap = cap;
	}
	edge->protocols[edge->protocol_count++] = (struct ztc_map_count){name, count};
	return 0;
}

static int combine_protocols(struct ztc_map *map, struct ztc_map_edge *into,
			     const struct ztc_map_edge *from, combine_fn combine)
{
	for (uint32_t i = 0; i < from->protocol_count; i++) {
		const struct ztc_map_count *p = &from->protocols[i];
		uint32_t at = 0;

		while (at < into->protocol_count && into->protocols[at].name != p->name)
			at++;
		if (at == into->protocol_count) {
			if (ztc_map_protocol(map, into, p->name, p->count) < 0)
				return -ENOMEM;
			continue;
		}
		into->protocols[at].count = combine(into->protocols[at].count, p->count);
	}
	return 0;
}

static int combine_health(struct ztc_map *map, struct ztc_map_health *into,
			  const struct ztc_map_health *from, combine_fn combine)
{
	into->known |= from->known;
	into->refused = combine(into->refused, from->refused);
	into->unanswered = combine(into->unanswered, from->unanswered);
	into->resets = combine(into->resets, from->resets);
	into->retransmits = combine(into->retransmits, from->retransmits);
	/* Percentiles do not add up: without histograms the worse of the two is told. */
	into->p50_us = larger(into->p50_us, from->p50_us);
	into->p99_us = larger(into->p99_us, from->p99_us);
	into->samples = combine(into->samples, from->samples);
	if (!from->rtt)
		return 0;
	if (!into->rtt)
		into->rtt = ztc_pool_alloc(map->pool, sizeof(*into->rtt));
	if (!into->rtt)
		return -ENOMEM;
	for (size_t i = 0; i < ZT_RTT_BUCKETS; i++) {
		uint64_t n = combine(into->rtt->count[i], from->rtt->count[i]);

		into->rtt->count[i] = n > UINT32_MAX ? UINT32_MAX : (uint32_t)n;
	}
	return 0;
}

/* The same owner as its last process was: the later one's command line, then the lesser text. */
static const struct ztc_workload *latest(const struct ztc_map_edge *into,
					 const struct ztc_map_edge *from, int end)
{
	const struct ztc_workload *a = into->workload[end], *b = from->workload[end];

	if (!a || !b || a == b)
		return a ?: b;
	if (into->last_ms != from->last_ms)
		return into->last_ms > from->last_ms ? a : b;
	return strcmp(a->command ?: "", b->command ?: "") <= 0 ? a : b;
}

static int combine_edges(struct ztc_map *map, struct ztc_map_edge *into,
			 const struct ztc_map_edge *from, combine_fn combine)
{
	const struct ztc_hosts *hosts = ztc_pool_hosts(map->pool, into->seen_by, from->seen_by);

	if (!hosts && (into->seen_by || from->seen_by))
		return -ENOMEM;
	into->seen_by = hosts;
	into->connections = combine(into->connections, from->connections);
	for (int i = 0; i < 2; i++) {
		into->bytes[i] = combine(into->bytes[i], from->bytes[i]);
		into->packets[i] = combine(into->packets[i], from->packets[i]);
	}
	for (int i = 0; i < ZT_COVER_COUNT; i++)
		into->cover[i] = combine(into->cover[i], from->cover[i]);
	for (int i = 0; i < ZTC_ENDS; i++)
		into->workload[i] = latest(into, from, i);
	if (from->first_ms && (!into->first_ms || from->first_ms < into->first_ms))
		into->first_ms = from->first_ms;
	if (from->last_ms > into->last_ms)
		into->last_ms = from->last_ms;
	if (combine_protocols(map, into, from, combine) < 0)
		return -ENOMEM;
	return combine_health(map, &into->health, &from->health, combine);
}

int ztc_map_add(struct ztc_map *map, struct ztc_map_edge *into, const struct ztc_map_edge *from)
{
	return combine_edges(map, into, from, sum);
}

int ztc_map_max(struct ztc_map *map, struct ztc_map_edge *into, const struct ztc_map_edge *from)
{
	return combine_edges(map, into, from, larger);
}
