/* SPDX-License-Identifier: Apache-2.0 */
/* filter.c - which edges of a map are wanted, and what lies around a segment or host. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/addr.h"
#include "base/cleanup.h"
#include "base/container.h"
#include "ctl/map/map.h"

static bool same(const char *a, const char *b)
{
	return a && b && strcmp(a, b) == 0;
}

static bool in_segment(const struct ztc_map_node *node, const char *segment)
{
	json_t *name;
	size_t i;

	json_array_foreach (node->segments, i, name) {
		if (same(json_string_value(name), segment))
			return true;
	}
	return false;
}

/* By the inventory's name, or by address however it is written. */
static bool is_host(const struct ztc_map_node *node, const char *host)
{
	struct zt_addr addr;

	if (same(node->host, host) || same(node->name, host))
		return true;
	return node->has_addr && zt_addr_parse(host, &addr) == 0 &&
	       memcmp(&addr, &node->addr, sizeof(addr)) == 0;
}

static bool has_label(const struct ztc_map_node *node, const struct ztc_map_filter *f)
{
	const json_t *value = json_object_get(node->labels, f->label_key);

	return f->label_value ? same(json_string_value(value), f->label_value) : value != NULL;
}

/* "nginx" of nginx.service. */
static bool is_unit(const char *unit, const char *name)
{
	size_t len = strlen(name);

	return unit && strncmp(unit, name, len) == 0 &&
	       (!unit[len] || (unit[len] == '.' && !strchr(unit + len + 1, '.')));
}

/* A cgroup, or one above it. */
static bool in_cgroup(const char *cgroup, const char *name)
{
	size_t len = strlen(name);

	return cgroup && *name == '/' && strncmp(cgroup, name, len) == 0 &&
	       (!cgroup[len] || cgroup[len] == '/');
}

/* As the agent takes a name: docs/json.md, filters. */
static bool is_owner(const struct ztc_workload *w, const char *owner)
{
	const char *base;
	char uid[24];

	if (!w)
		return false;
	base = w->exe ? strrchr(w->exe, '/') : NULL;
	snprintf(uid, sizeof(uid), "%lld", (long long)w->uid);
	if (w->container && strlen(owner) >= ZT_CONTAINER_DIGITS &&
	    strncmp(w->container, owner, strlen(owner)) == 0)
		return true;
	return is_unit(w->unit, owner) || in_cgroup(w->cgroup, owner) || same(w->user, owner) ||
	       (w->uid >= 0 && same(uid, owner)) || same(w->exe, owner) ||
	       same(w->exe_path, owner) || (base && same(base + 1, owner));
}

static bool has_verdict(const struct ztc_map_edge *e, const char *verdict)
{
	bool live = e->verdict[ZT_LIVE].deny, candidate = e->verdict[ZT_CANDIDATE].deny;

	if (strcmp(verdict, "denied") == 0)
		return live;
	if (strcmp(verdict, "would-deny") == 0)
		return !live && candidate;
	return !live;
}

/* A class, a version, or a protocol, alone or with what it runs in. */
static bool has_encryption(const struct ztc_map_edge *e, const char *name)
{
	enum zt_cover cover;

	if (zt_cover_find(name, &cover) == 0 && e->cover[cover])
		return true;
	for (uint32_t i = 0; i < e->protocol_count; i++) {
		const char *text = e->protocols[i].name, *plus = strchr(text, '+');

		if (strcmp(text, name) == 0 ||
		    (plus && (same(plus + 1, name) || (strlen(name) == (size_t)(plus - text) &&
						       strncmp(text, name, plus - text) == 0))))
			return true;
	}
	return false;
}

static bool proto_is(const char *proto, const char *wanted)
{
	return strcmp(proto, wanted) == 0 ||
	       (strncmp(proto, "proto/", 6) == 0 && strcmp(proto + 6, wanted) == 0);
}

static bool wanted(const struct ztc_map *map, const struct ztc_map_edge *e,
		   const struct ztc_map_filter *f)
{
	const struct ztc_map_node *src = &map->nodes[e->src], *dst = &map->nodes[e->dst];

	if (f->port >= 0 && f->port != e->port)
		return false;
	if (f->proto && !proto_is(e->proto, f->proto))
		return false;
	if (f->verdict && !has_verdict(e, f->verdict))
		return false;
	if (f->min_connections && e->connections < f->min_connections)
		return false;
	if (f->segment && !in_segment(src, f->segment) && !in_segment(dst, f->segment))
		return false;
	if (f->host && !is_host(src, f->host) && !is_host(dst, f->host))
		return false;
	if (f->label_key && !has_label(src, f) && !has_label(dst, f))
		return false;
	if (f->encryption && !has_encryption(e, f->encryption))
		return false;
	return !f->owner || is_owner(e->workload[ZTC_SRC], f->owner) ||
	       is_owner(e->workload[ZTC_DST], f->owner);
}

int ztc_map_keep(struct ztc_map *map, const struct ztc_map_filter *filter)
{
	size_t kept = 0;

	for (size_t i = 0; i < map->edge_count; i++)
		if (wanted(map, &map->edges[i], filter))
			map->edges[kept++] = map->edges[i];
	map->edge_count = kept;
	return ztc_map_sort(map);
}

bool ztc_map_housekeeping(const struct ztc_map_edge *e)
{
	static const char *const rules[] = {"nd", "mld", "igmp", "dhcp"};

	for (size_t i = 0; i < ARRAY_SIZE(rules); i++)
		if (!e->verdict[ZT_LIVE].deny && !e->verdict[ZT_CANDIDATE].deny &&
		    strcmp(e->verdict[ZT_LIVE].rule, rules[i]) == 0)
			return true;
	return false;
}

int ztc_map_quiet(struct ztc_map *map)
{
	size_t kept = 0;

	for (size_t i = 0; i < map->edge_count; i++)
		if (!ztc_map_housekeeping(&map->edges[i]))
			map->edges[kept++] = map->edges[i];
	map->edge_count = kept;
	return ztc_map_sort(map);
}

/* --- what lies around ------------------------------------------------------------------------- */

#define FAR UINT32_MAX

/* Edges by either end, as positions behind an index: a walk costs what it walks over. */
struct ends {
	uint32_t *first; /* of a node, into @edges; one more than nodes */
	uint32_t *edges;
};

static void free_ends(struct ends *ends)
{
	free(ends->first);
	free(ends->edges);
}

static int index_ends(struct ends *ret, const struct ztc_map *map)
{
	ret->first = calloc(map->node_count + 2, sizeof(*ret->first));
	ret->edges = calloc(2 * map->edge_count + 1, sizeof(*ret->edges));
	if (!ret->first || !ret->edges)
		return -ENOMEM;
	/* Counted one place further on, so that filling moves each start to its end. */
	for (size_t i = 0; i < map->edge_count; i++) {
		ret->first[map->edges[i].src + 1]++;
		ret->first[map->edges[i].dst + 1]++;
	}
	for (size_t n = 1; n <= map->node_count; n++)
		ret->first[n] += ret->first[n - 1];
	memmove(ret->first + 1, ret->first, map->node_count * sizeof(*ret->first));
	ret->first[0] = 0;
	for (size_t i = 0; i < map->edge_count; i++) {
		ret->edges[ret->first[map->edges[i].src + 1]++] = (uint32_t)i;
		ret->edges[ret->first[map->edges[i].dst + 1]++] = (uint32_t)i;
	}
	return 0;
}

static void walk(const struct ztc_map *map, const struct ends *ends, uint32_t *steps,
		 uint32_t *queue, size_t queued, unsigned int depth)
{
	for (size_t at = 0; at < queued; at++) {
		uint32_t node = queue[at];

		if (steps[node] >= depth)
			break;
		for (uint32_t i = ends->first[node]; i < ends->first[node + 1]; i++) {
			const struct ztc_map_edge *e = &map->edges[ends->edges[i]];
			uint32_t other = e->src == node ? e->dst : e->src;

			if (steps[other] != FAR)
				continue;
			steps[other] = steps[node] + 1;
			queue[queued++] = other;
		}
	}
}

int ztc_map_around(struct ztc_map *map, const char *segment, const char *host, unsigned int depth)
{
	zt_auto(zt_freep) uint32_t *steps = calloc(map->node_count + 1, sizeof(*steps));
	zt_auto(zt_freep) uint32_t *queue = calloc(map->node_count + 1, sizeof(*queue));
	zt_auto(free_ends) struct ends ends = {0};
	size_t queued = 0, kept = 0;

	if (!steps || !queue || index_ends(&ends, map) < 0)
		return -ENOMEM;
	for (size_t i = 0; i < map->node_count; i++) {
		bool start = (!segment || in_segment(&map->nodes[i], segment)) &&
			     (!host || is_host(&map->nodes[i], host));

		steps[i] = start ? 0 : FAR;
		if (start)
			queue[queued++] = (uint32_t)i;
	}
	walk(map, &ends, steps, queue, queued, depth);
	for (size_t i = 0; i < map->edge_count; i++) {
		uint32_t src = steps[map->edges[i].src], dst = steps[map->edges[i].dst];

		if ((src < dst ? src : dst) < depth || (!src && !dst))
			map->edges[kept++] = map->edges[i];
	}
	map->edge_count = kept;
	return ztc_map_sort(map);
}
