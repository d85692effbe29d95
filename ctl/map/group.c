/* SPDX-License-Identifier: Apache-2.0 */
/* group.c - the map with hosts, segments, labels, workloads or programs in place of addresses. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/strmap.h"
#include "base/vec.h"
#include "ctl/map/map.h"

static const char *const kinds[] = {
	[ZTC_BY_HOST] = "host",		[ZTC_BY_SEGMENT] = "segment", [ZTC_BY_LABEL] = "label",
	[ZTC_BY_WORKLOAD] = "workload", [ZTC_BY_PROCESS] = "process", [ZTC_BY_ADDRESS] = "address",
};

int ztc_map_by_parse(const char *text, struct ztc_map_by *ret)
{
	*ret = (struct ztc_map_by){0};
	if (strncmp(text, "label:", 6) == 0 && text[6]) {
		ret->kind = ZTC_BY_LABEL;
		ret->label = text + 6;
		return 0;
	}
	for (size_t i = 0; i < ARRAY_SIZE(kinds); i++) {
		if (i == ZTC_BY_LABEL || strcmp(kinds[i], text) != 0)
			continue;
		ret->kind = (enum ztc_map_kind)i;
		return 0;
	}
	return -EINVAL;
}

struct grouping {
	const struct ztc_map *from;
	struct ztc_map *map;
	const struct ztc_map_by *by;
	struct zt_strmap *keys; /* of edges -> position */
	uint32_t *
		to; /* node -> node, where the edge does not matter; ZTC_MAP_NONE = not asked yet */
	struct zt_strmap *pairs; /* (node, owner) -> position in pair_to */
	uint32_t *pair_to;
	size_t pair_cap;
};

static void free_grouping(struct grouping *g)
{
	zt_strmap_free(&g->keys);
	zt_strmap_free(&g->pairs);
	free(g->to);
	free(g->pair_to);
}

/* --- nodes ----------------------------------------------------------------------------------- */

/* Adds to a list of @into what it does not have. */
static int unite(json_t **into, json_t *from)
{
	json_t *item;
	size_t i, k;

	json_array_foreach (from, i, item) {
		bool there = false;
		json_t *has;

		if (!*into)
			*into = json_array();
		json_array_foreach (*into, k, has)
			there = there || json_equal(has, item);
		if (!there && json_array_append(*into, item) < 0)
			return -ENOMEM;
	}
	return 0;
}

static int unite_labels(json_t **into, json_t *from)
{
	if (!json_object_size(from))
		return 0;
	if (!*into)
		*into = json_object();
	return json_object_update_missing(*into, from) < 0 ? -ENOMEM : 0;
}

/* What a member of a group adds to it. Text is the pool's or was just written. */
static uint32_t join(struct grouping *g, const struct ztc_map_node *member, const char *kind,
		     const char *id, const char *name)
{
	uint32_t at;
	struct ztc_map_node *node = ztc_map_node(g->map, id, &at);

	if (!node)
		return ZTC_MAP_NONE;
	if (!node->defined) {
		node->defined = true;
		node->kind = kind;
		node->name = ztc_pool_text(g->map->pool, name, strlen(name));
	}
	node->near |= member->near;
	if (!node->name || unite(&node->segments, member->segments) < 0)
		return ZTC_MAP_NONE;
	/* Members of one label differ in the others; of a segment too. */
	if ((g->by->kind == ZTC_BY_HOST || g->by->kind == ZTC_BY_WORKLOAD ||
	     g->by->kind == ZTC_BY_PROCESS) &&
	    unite_labels(&node->labels, member->labels) < 0)
		return ZTC_MAP_NONE;
	return at;
}

static uint32_t join_text(struct grouping *g, const struct ztc_map_node *member, const char *kind,
			  const char *name)
{
	zt_auto(zt_freep) char *id = NULL;

	if (asprintf(&id, "%s:%s", kind, name) < 0) {
		id = NULL;
		return ZTC_MAP_NONE;
	}
	return join(g, member, kind, id, name);
}

/* The address itself, with all that is known of it. */
static uint32_t as_it_is(struct grouping *g, const struct ztc_map_node *member)
{
	uint32_t at;
	struct ztc_map_node *node = ztc_map_node(g->map, member->id, &at);

	if (!node)
		return ZTC_MAP_NONE;
	if (!node->defined) {
		const char *id = node->id;

		*node = *member;
		node->id = id;
		json_incref(node->segments);
		json_incref(node->labels);
		json_incref(node->hints);
	}
	return at;
}

static uint32_t by_host(struct grouping *g, const struct ztc_map_node *member)
{
	return member->host ? join_text(g, member, "host", member->host) : as_it_is(g, member);
}

static uint32_t by_segment(struct grouping *g, const struct ztc_map_node *member)
{
	zt_auto(zt_strbuf_free) struct zt_strbuf names = ZT_STRBUF_INIT;
	json_t *name;
	size_t i;

	if (!json_array_size(member->segments))
		return by_host(g, member);
	json_array_foreach (member->segments, i, name) {
		zt_strbuf_puts(&names, i ? "," : "");
		zt_strbuf_puts(&names, json_string_value(name) ?: "?");
	}
	return zt_strbuf_error(&names) ? ZTC_MAP_NONE : join_text(g, member, "segment", names.data);
}

static uint32_t by_label(struct grouping *g, const struct ztc_map_node *member)
{
	const char *value = json_string_value(json_object_get(member->labels, g->by->label));
	zt_auto(zt_freep) char *name = NULL;

	if (!value)
		return by_host(g, member);
	if (asprintf(&name, "%s=%s", g->by->label, value) < 0) {
		name = NULL;
		return ZTC_MAP_NONE;
	}
	return join_text(g, member, "label", name);
}

/* "nginx.service", else its program, else its cgroup; a program by its path. */
static const char *owner_name(const struct ztc_workload *who, bool program)
{
	const char *base = who->exe ? strrchr(who->exe, '/') : NULL;

	if (program && who->exe)
		return who->exe;
	if (who->unit)
		return who->unit;
	return base && base[1] ? base + 1 : who->exe ?: who->cgroup;
}

/* The same unit on two hosts is two workloads. */
static uint32_t by_owner(struct grouping *g, const struct ztc_map_node *member,
			 const struct ztc_workload *who)
{
	const bool program = g->by->kind == ZTC_BY_PROCESS;
	const char *name = owner_name(who, program);
	const char *host = member->host;
	zt_auto(zt_freep) char *id = NULL;
	zt_auto(zt_freep) char *shown = NULL;

	if (!name)
		return by_host(g, member);
	/* Addresses of the machine that looks are its, whether an inventory names them or not. */
	if (!host && member->has_addr && member->near && g->from->host)
		host = g->from->host;
	if (!host)
		host = member->name;
	if (asprintf(&id, "%s:%s@%s", kinds[g->by->kind], name, host) < 0)
		id = NULL;
	if (asprintf(&shown, "%s on %s", name, host) < 0)
		shown = NULL;
	return id && shown ? join(g, member, kinds[g->by->kind], id, shown) : ZTC_MAP_NONE;
}

static uint32_t make_node(struct grouping *g, uint32_t node, const struct ztc_workload *who)
{
	const struct ztc_map_node *member = &g->from->nodes[node];

	switch (g->by->kind) {
	case ZTC_BY_SEGMENT:
		return by_segment(g, member);
	case ZTC_BY_LABEL:
		return by_label(g, member);
	case ZTC_BY_WORKLOAD:
	case ZTC_BY_PROCESS:
		return who ? by_owner(g, member, who) : by_host(g, member);
	case ZTC_BY_ADDRESS:
		return as_it_is(g, member);
	default:
		return by_host(g, member);
	}
}

static bool by_owners(const struct grouping *g)
{
	return g->by->kind == ZTC_BY_WORKLOAD || g->by->kind == ZTC_BY_PROCESS;
}

static uint32_t node_for(struct grouping *g, uint32_t node, const struct ztc_workload *owner)
{
	const struct ztc_workload *who = owner && by_owners(g) ? owner->who : NULL;
	struct {
		const struct ztc_workload *who;
		uintptr_t node;
	} key = {who, node};
	uint32_t n, to;
	bool is_new;

	if (!who) {
		if (g->to[node] == ZTC_MAP_NONE)
			g->to[node] = make_node(g, node, NULL);
		return g->to[node];
	}
	n = zt_strmap_intern(g->pairs, &key, sizeof(key), &is_new);
	if (n == ZT_STRMAP_NONE)
		return ZTC_MAP_NONE;
	if (!is_new)
		return g->pair_to[n];
	to = make_node(g, node, who);
	if (to == ZTC_MAP_NONE ||
	    zt_vec_grow(&g->pair_to, &g->pair_cap, n + 1, sizeof(*g->pair_to)) < 0)
		return ZTC_MAP_NONE;
	g->pair_to[n] = to;
	return to;
}

/* --- edges --------------------------------------------------------------------------------------
 */

struct key {
	uintptr_t src, dst, port, deny;
	const char *proto, *kind, *rule[ZT_PLANE_COUNT];
	const struct ztc_workload *who[ZTC_ENDS];
};

static int group_edge(struct grouping *g, const struct ztc_map_edge *e)
{
	struct key key = {.port = e->port, .proto = e->proto, .kind = e->kind};
	struct ztc_map_edge *into;
	bool is_new;
	uint32_t n;

	key.src = node_for(g, e->src, e->workload[ZTC_SRC]);
	key.dst = node_for(g, e->dst, e->workload[ZTC_DST]);
	if (key.src == ZTC_MAP_NONE || key.dst == ZTC_MAP_NONE)
		return -ENOMEM;
	for (int p = 0; p < ZT_PLANE_COUNT; p++) {
		key.rule[p] = e->verdict[p].rule;
		key.deny |= (uintptr_t)e->verdict[p].deny << p;
	}
	for (int i = 0; i < ZTC_ENDS && !by_owners(g); i++)
		key.who[i] = e->workload[i] ? e->workload[i]->who : NULL;
	n = zt_strmap_intern(g->keys, &key, sizeof(key), &is_new);
	if (n == ZT_STRMAP_NONE)
		return -ENOMEM;
	if (!is_new)
		return ztc_map_add(g->map, &g->map->edges[n], e);
	into = ztc_map_edge(g->map);
	if (!into)
		return -ENOMEM;
	into->src = (uint32_t)key.src;
	into->dst = (uint32_t)key.dst;
	into->proto = e->proto;
	into->kind = e->kind;
	into->port = e->port;
	memcpy(into->verdict, e->verdict, sizeof(into->verdict));
	return ztc_map_add(g->map, into, e);
}

/*
 * A host that one of its addresses puts into a segment is not in none, though its link-local
 * addresses are.
 */
static void drop_unknown(struct ztc_map_node *node)
{
	json_t *name;
	size_t i;

	if (node->has_addr || json_array_size(node->segments) < 2)
		return;
	json_array_foreach (node->segments, i, name) {
		if (!json_is_string(name) || strcmp(json_string_value(name), "unknown") != 0)
			continue;
		json_array_remove(node->segments, i);
		return;
	}
}

/* What stands beside nodes and edges. */
static int copy_head(struct grouping *g)
{
	const struct ztc_map *from = g->from;
	struct ztc_map *map = g->map;
	zt_auto(zt_freep) char *by = NULL;

	if (asprintf(&by, "%s%s%s", kinds[g->by->kind], g->by->label ? ":" : "",
		     g->by->label ?: "") < 0) {
		by = NULL;
		return -ENOMEM;
	}
	map->by = ztc_pool_text(map->pool, by, strlen(by));
	map->source = from->source;
	map->host = from->host;
	map->started_ms = from->started_ms;
	map->from_ms = from->from_ms;
	map->to_ms = from->to_ms;
	map->disagreements = json_incref(from->disagreements);
	map->not_merged = json_incref(from->not_merged);
	for (size_t i = 0; i < from->view_count; i++)
		if (ztc_map_view(map, &from->views[i]) < 0)
			return -ENOMEM;
	return map->by && json_object_update(map->losses, from->losses) == 0 ? 0 : -ENOMEM;
}

int ztc_map_group(struct ztc_map **ret, const struct ztc_map *from, const struct ztc_map_by *by)
{
	zt_auto(ztc_map_free) struct ztc_map *map = NULL;
	zt_auto(free_grouping) struct grouping g = {.from = from, .by = by};

	if (ztc_map_new(&map, from->pool) < 0 || zt_strmap_new(&g.keys) < 0 ||
	    zt_strmap_new(&g.pairs) < 0)
		return -ENOMEM;
	g.map = map;
	g.to = malloc((from->node_count + 1) * sizeof(*g.to));
	if (!g.to || copy_head(&g) < 0)
		return -ENOMEM;
	memset(g.to, 0xff, (from->node_count + 1) * sizeof(*g.to));
	for (size_t i = 0; i < from->edge_count; i++)
		if (group_edge(&g, &from->edges[i]) < 0)
			return -ENOMEM;
	for (size_t i = 0; i < map->node_count; i++)
		drop_unknown(&map->nodes[i]);
	/* The nodes are the owners there. */
	for (size_t i = 0; i < map->edge_count && by_owners(&g); i++)
		map->edges[i].workload[ZTC_SRC] = map->edges[i].workload[ZTC_DST] = NULL;
	if (from->matched > from->edge_count)
		map->matched = map->edge_count + (from->matched - from->edge_count);
	if (ztc_map_sort(map) < 0)
		return -ENOMEM;
	*ret = zt_take(map);
	return 0;
}
