/* SPDX-License-Identifier: Apache-2.0 */
/* merge.c - maps of several hosts as one: whose they are, and which addresses are the same. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/addr.h"
#include "base/cleanup.h"
#include "base/json.h"
#include "base/strmap.h"
#include "base/vec.h"
#include "ctl/map/merge.h"

/* --- which addresses mean the same everywhere ---------------------------------------------------
 */

static bool is_group(const struct ztc_map_node *node)
{
	json_t *name;
	size_t i;

	if (node->has_addr && zt_addr_is_multicast(&node->addr))
		return true;
	json_array_foreach (node->segments, i, name) {
		const char *text = json_string_value(name);

		if (text && (!strcmp(text, "broadcast") || !strcmp(text, "multicast")))
			return true;
	}
	return false;
}

/* Loopback, link-local, 0.0.0.0: of another host the same text is another thing. */
static bool is_local(const struct zt_addr *a)
{
	if (zt_addr_is_loopback(a) || zt_addr_is_unspecified(a))
		return true;
	if (zt_addr_is_v4(a))
		return a->bytes[12] == 169 && a->bytes[13] == 254;
	return a->bytes[0] == 0xfe && (a->bytes[1] & 0xc0) == 0x80;
}

/* --- whose map it is
 * ------------------------------------------------------------------------------
 */

/* What inventories call this address; NULL when none names it. */
static const char *inventory_name(struct ztc_map *const *maps, size_t count, const char *id)
{
	const char *best = NULL;

	for (size_t i = 0; i < count; i++) {
		uint32_t n = zt_strmap_find(maps[i]->node_ids, id, strlen(id));
		const char *name = n == ZT_STRMAP_NONE ? NULL : maps[i]->nodes[n].host;

		if (name && (!best || strcmp(name, best) < 0))
			best = name;
	}
	return best;
}

/*
 * The name that the inventories of others have for the host of @map, whose own agent may know
 * none. Only where they agree: an address that moves between hosts has a name of its own.
 */
static const char *host_name(const struct ztc_map *map, struct ztc_map *const *maps, size_t count)
{
	const char *found = NULL;

	for (size_t i = 0; i < map->node_count; i++) {
		const struct ztc_map_node *n = &map->nodes[i];
		const char *name;

		if (!n->near || !n->has_addr || is_local(&n->addr) || is_group(n))
			continue;
		name = inventory_name(maps, count, n->id);
		if (name && (strcmp(name, map->host) == 0 || (found && strcmp(name, found) != 0)))
			return map->host;
		found = name ? name : found;
	}
	return found ? found : map->host;
}

/* --- one host's maps as one
 * ------------------------------------------------------------------------
 */

struct key {
	uintptr_t src, dst, port, deny;
	const char *proto, *kind, *rule[ZT_PLANE_COUNT];
	const struct ztc_workload *who[ZTC_ENDS];
};

static int copy_node(struct ztc_map *into, const struct ztc_map_node *from, uint32_t *ret)
{
	struct ztc_map_node *node = ztc_map_node(into, from->id, ret);

	if (!node)
		return -ENOMEM;
	if (!node->defined) {
		const char *id = node->id;

		*node = *from;
		node->id = id;
		json_incref(node->segments);
		json_incref(node->labels);
		json_incref(node->hints);
	}
	node->near |= from->near;
	node->host = node->host ? node->host : from->host;
	return 0;
}

typedef int (*combine_fn)(struct ztc_map *map, struct ztc_map_edge *into,
			  const struct ztc_map_edge *from);

/* All of @from into @into, rows that are the same combined. @keys: of the rows of @into. */
static int fold(struct ztc_map *into, struct zt_strmap *keys, const struct ztc_map *from,
		combine_fn combine)
{
	uint32_t unused;

	/* An address of its own without an edge tells that nothing came. */
	for (size_t i = 0; i < from->node_count; i++)
		if (copy_node(into, &from->nodes[i], &unused) < 0)
			return -ENOMEM;
	for (size_t i = 0; i < from->edge_count; i++) {
		const struct ztc_map_edge *e = &from->edges[i];
		struct key key = {.port = e->port, .proto = e->proto, .kind = e->kind};
		struct ztc_map_edge *edge;
		uint32_t src, dst, n;
		bool is_new;

		if (copy_node(into, &from->nodes[e->src], &src) < 0 ||
		    copy_node(into, &from->nodes[e->dst], &dst) < 0)
			return -ENOMEM;
		key.src = src;
		key.dst = dst;
		for (int p = 0; p < ZT_PLANE_COUNT; p++) {
			key.rule[p] = e->verdict[p].rule;
			key.deny |= (uintptr_t)e->verdict[p].deny << p;
		}
		for (int w = 0; w < ZTC_ENDS; w++)
			key.who[w] = e->workload[w] ? e->workload[w]->who : NULL;
		n = zt_strmap_intern(keys, &key, sizeof(key), &is_new);
		edge = n == ZT_STRMAP_NONE ? NULL : is_new ? ztc_map_edge(into) : &into->edges[n];
		if (!edge)
			return -ENOMEM;
		if (is_new) {
			edge->src = src;
			edge->dst = dst;
			edge->proto = e->proto;
			edge->kind = e->kind;
			edge->port = e->port;
			memcpy(edge->verdict, e->verdict, sizeof(edge->verdict));
		}
		if (combine(into, edge, e) < 0)
			return -ENOMEM;
	}
	return 0;
}

static int fold_alone(struct ztc_map *into, const struct ztc_map *from, combine_fn combine)
{
	zt_auto(zt_strmap_free) struct zt_strmap *keys = NULL;

	return zt_strmap_new(&keys) < 0 ? -ENOMEM : fold(into, keys, from, combine);
}

static int add_window(struct ztc_merge_host *h, int64_t from_ms, int64_t to_ms)
{
	size_t n = h->window_count;

	if (n && from_ms <= h->windows[n - 1].to_ms) {
		if (to_ms > h->windows[n - 1].to_ms)
			h->windows[n - 1].to_ms = to_ms;
		return 0;
	}
	if (zt_vec_grow(&h->windows, &h->window_cap, n + 1, sizeof(*h->windows)) < 0)
		return -ENOMEM;
	h->windows[n].from_ms = from_ms;
	h->windows[n].to_ms = to_ms;
	h->window_count = n + 1;
	return 0;
}

/*
 * Maps of one host, ascending in time. Of windows that overlap the larger count stands, since
 * both may have seen the same; windows that do not are added up.
 */
static int fold_host(struct ztc_merge_host *h, struct ztc_map *const *maps, size_t count)
{
	zt_auto(zt_strmap_free) struct zt_strmap *keys = NULL;
	struct ztc_pool *pool = maps[0]->pool;
	size_t i = 0;

	if (ztc_map_new(&h->map, pool) < 0 || zt_strmap_new(&keys) < 0)
		return -ENOMEM;
	while (i < count) {
		zt_auto(ztc_map_free) struct ztc_map *once = NULL;
		zt_auto(zt_strmap_free) struct zt_strmap *once_keys = NULL;
		int64_t until = maps[i]->to_ms;

		if (ztc_map_new(&once, pool) < 0 || zt_strmap_new(&once_keys) < 0)
			return -ENOMEM;
		do {
			/* Rows that differ in nothing but the text of a command add up first. */
			zt_auto(ztc_map_free) struct ztc_map *one = NULL;

			if (ztc_map_new(&one, pool) < 0 ||
			    fold_alone(one, maps[i], ztc_map_add) < 0 ||
			    fold(once, once_keys, one, ztc_map_max) < 0 ||
			    add_window(h, maps[i]->from_ms, maps[i]->to_ms) < 0)
				return -ENOMEM;
			until = maps[i]->to_ms > until ? maps[i]->to_ms : until;
			i++;
		} while (i < count && maps[i]->from_ms < until);
		if (fold(h->map, keys, once, ztc_map_add) < 0)
			return -ENOMEM;
	}
	return ztc_map_sort_all(h->map);
}

/* --- nodes of the merged map --------------------------------------------------------------------
 */

static int add_shared(struct ztc_merge *m, const struct ztc_map_node *node)
{
	json_t *hosts = json_array(), *row;

	for (size_t i = 0; i < m->host_count; i++) {
		const struct ztc_map *map = m->hosts[i].map;
		uint32_t n = zt_strmap_find(map->node_ids, node->id, strlen(node->id));

		if (n != ZT_STRMAP_NONE && map->nodes[n].near)
			json_array_append_new(hosts, json_string_nocheck(m->hosts[i].name));
	}
	row = json_pack("{s:s, s:o}", "address", node->name, "hosts", hosts);
	return row && json_array_append_new(m->map->not_merged, row) == 0 ? 0 : -ENOMEM;
}

/* How many hosts have this address as their own. */
static size_t near_count(const struct ztc_merge *m, const char *id)
{
	size_t count = 0;

	for (size_t i = 0; i < m->host_count; i++) {
		const struct ztc_map *map = m->hosts[i].map;
		uint32_t n = zt_strmap_find(map->node_ids, id, strlen(id));

		count += n != ZT_STRMAP_NONE && map->nodes[n].near;
	}
	return count;
}

static int unite_node(struct ztc_map_node *into, const struct ztc_map_node *from)
{
	json_t *const lists[] = {from->segments, from->hints};
	json_t **const to[] = {&into->segments, &into->hints};
	json_t *item, *has;
	size_t i, k;

	for (size_t l = 0; l < ARRAY_SIZE(lists); l++) {
		json_array_foreach (lists[l], i, item) {
			bool there = false;

			*to[l] = *to[l] ? *to[l] : json_array();
			json_array_foreach (*to[l], k, has)
				there = there || json_equal(has, item);
			if (!there && json_array_append(*to[l], item) < 0)
				return -ENOMEM;
		}
	}
	if (!json_object_size(from->labels))
		return 0;
	into->labels = into->labels ? into->labels : json_object();
	return json_object_update_missing(into->labels, from->labels) < 0 ? -ENOMEM : 0;
}

/* The merged node of a host's node: an address, or this host's own where others have it too. */
static int place_node(struct ztc_merge *m, struct ztc_merge_host *h, uint32_t n)
{
	const struct ztc_map_node *from = &h->map->nodes[n];
	const bool group = is_group(from);
	const bool local = from->has_addr && !group && is_local(&from->addr);
	const size_t near = local || group ? 0 : near_count(m, from->id);
	const bool apart = local || (near > 1 && from->near);
	zt_auto(zt_freep) char *id = NULL;
	struct ztc_map_node *node;

	if (asprintf(&id, apart ? "%s@%s" : "%s", from->id, h->name) < 0) {
		id = NULL;
		return -ENOMEM;
	}
	node = ztc_map_node(m->map, id, &h->to[n]);
	if (!node)
		return -ENOMEM;
	node->defined = true;
	node->kind = from->kind;
	node->name = ztc_pool_text(m->map->pool, apart ? strchr(id, ':') + 1 : from->name,
				   strlen(apart ? strchr(id, ':') + 1 : from->name));
	if (!node->name)
		return -ENOMEM;
	node->addr = from->addr;
	node->has_addr = from->has_addr;
	node->near |= from->near;
	/* A host knows best what it is called itself. */
	if (from->host && (!node->host || from->near))
		node->host = from->host;
	if (near > 1 && from->near) {
		bool first = true;

		for (const struct ztc_merge_host *o = m->hosts; o < h; o++) {
			uint32_t k = zt_strmap_find(o->map->node_ids, from->id, strlen(from->id));

			first = first && (k == ZT_STRMAP_NONE || !o->map->nodes[k].near);
		}
		if (first && add_shared(m, from) < 0)
			return -ENOMEM;
	}
	return unite_node(node, from);
}

/* Whose own each node is, and so what it is called. */
static int own_nodes(struct ztc_merge *m)
{
	m->owner_of = calloc(m->map->node_count + 1, sizeof(*m->owner_of));
	if (!m->owner_of)
		return -ENOMEM;
	for (size_t i = 0; i < m->host_count; i++) {
		const struct ztc_merge_host *h = &m->hosts[i];

		for (size_t n = 0; n < h->map->node_count; n++) {
			struct ztc_map_node *node = &m->map->nodes[h->to[n]];

			if (!h->map->nodes[n].near || is_group(&h->map->nodes[n]))
				continue;
			m->owner_of[h->to[n]] = h;
			node->host = node->host ? node->host : h->name;
		}
	}
	/* Nothing of that address in its host's own map: the inventory says whose it is. */
	for (size_t n = 0; n < m->map->node_count; n++)
		for (size_t i = 0; i < m->host_count && !m->owner_of[n]; i++)
			if (m->map->nodes[n].host &&
			    strcmp(m->map->nodes[n].host, m->hosts[i].name) == 0 &&
			    !is_group(&m->map->nodes[n]))
				m->owner_of[n] = &m->hosts[i];
	return 0;
}

static int place_nodes(struct ztc_merge *m)
{
	for (size_t i = 0; i < m->host_count; i++) {
		struct ztc_merge_host *h = &m->hosts[i];

		h->to = calloc(h->map->node_count + 1, sizeof(*h->to));
		if (!h->to)
			return -ENOMEM;
		for (size_t n = 0; n < h->map->node_count; n++)
			if (place_node(m, h, (uint32_t)n) < 0)
				return -ENOMEM;
	}
	return own_nodes(m);
}

/* --- all of it
 * ------------------------------------------------------------------------------------ */

bool ztc_merge_covers(const struct ztc_merge_host *host, int64_t first_ms, int64_t last_ms)
{
	for (size_t i = 0; i < host->window_count; i++)
		if (host->windows[i].from_ms + ZTC_MARGIN_MS <= first_ms &&
		    last_ms <= host->windows[i].to_ms - ZTC_MARGIN_MS)
			return true;
	return false;
}

struct named {
	struct ztc_map *map;
	const char *host;
};

static int compare_maps(const void *left, const void *right)
{
	const struct named *a = left, *b = right;
	int r = strcmp(a->host, b->host);

	r = r ? r : (a->map->from_ms > b->map->from_ms) - (a->map->from_ms < b->map->from_ms);
	r = r ? r : (a->map->to_ms > b->map->to_ms) - (a->map->to_ms < b->map->to_ms);
	return r ? r
		 : strcmp(a->map->origin ? a->map->origin : "",
			  b->map->origin ? b->map->origin : "");
}

static int add_view(struct ztc_map *into, const struct ztc_map *map, const char *host)
{
	const struct ztc_map_view view = {
		.host = host,
		.source = map->source,
		.origin = map->origin,
		.from_ms = map->from_ms,
		.to_ms = map->to_ms,
		.complete = map->matched <= map->edge_count,
	};
	const struct ztc_map_view *last =
		into->view_count ? &into->views[into->view_count - 1] : NULL;

	/* The same file given twice is one view. */
	if (last && last->host == view.host && last->from_ms == view.from_ms &&
	    last->to_ms == view.to_ms && last->origin == view.origin)
		return 0;
	if (!into->from_ms || map->from_ms < into->from_ms)
		into->from_ms = map->from_ms;
	if (map->to_ms > into->to_ms)
		into->to_ms = map->to_ms;
	return ztc_map_view(into, &view);
}

/* Causes of one host's maps: the larger count, since an agent's counts go on from map to map. */
static int add_losses(struct ztc_map *into, const struct named *maps, size_t count,
		      uint64_t *ret_sum)
{
	zt_auto(zt_json_decref) json_t *most = json_object();
	const char *cause;
	json_t *n;

	for (size_t i = 0; i < count; i++) {
		json_object_foreach (maps[i].map->losses, cause, n) {
			if (json_integer_value(n) >=
				    json_integer_value(json_object_get(most, cause)) &&
			    json_object_set(most, cause, n) < 0)
				return -ENOMEM;
		}
	}
	json_object_foreach (most, cause, n) {
		json_int_t was = json_integer_value(json_object_get(into->losses, cause));

		*ret_sum += (uint64_t)json_integer_value(n);
		if (json_object_set_new(into->losses, cause,
					json_integer(was + json_integer_value(n))) < 0)
			return -ENOMEM;
	}
	return 0;
}

/* @maps are of one host and ascending in time. */
static int add_host(struct ztc_merge *m, const struct named *maps, size_t count)
{
	zt_auto(zt_freep) struct ztc_map **list = calloc(count, sizeof(*list));
	struct ztc_merge_host *h;

	if (!list || zt_vec_grow(&m->hosts, &m->host_cap, m->host_count + 1, sizeof(*h)) < 0)
		return -ENOMEM;
	h = &m->hosts[m->host_count++];
	*h = (struct ztc_merge_host){.name = maps[0].host};
	for (size_t i = 0; i < count; i++) {
		list[i] = maps[i].map;
		if (add_view(m->map, maps[i].map, h->name) < 0)
			return -ENOMEM;
	}
	if (add_losses(m->map, maps, count, &h->losses) < 0)
		return -ENOMEM;
	return fold_host(h, list, count);
}

static void free_merge(struct ztc_merge *m)
{
	ztc_map_free(&m->map);
	for (size_t i = 0; i < m->host_count; i++) {
		ztc_map_free(&m->hosts[i].map);
		free(m->hosts[i].windows);
		free(m->hosts[i].to);
	}
	free(m->hosts);
	free(m->owner_of);
}

static int check(const struct ztc_map *map, struct zt_strbuf *why)
{
	const char *origin = map->origin ? map->origin : "a map";

	if (strcmp(map->source, "merged") == 0) {
		zt_strbuf_printf(why, "%s is merged already: give the maps of the single hosts",
				 origin);
		return -EINVAL;
	}
	if (strcmp(map->by, "address") != 0) {
		zt_strbuf_printf(why,
				 "%s is grouped by %s: maps to be merged are saved by 'ztctl "
				 "--json map --by address'",
				 origin, map->by);
		return -EINVAL;
	}
	return 0;
}

int ztc_map_merge(struct ztc_map **ret, struct ztc_map *const *maps, size_t count,
		  struct zt_strbuf *why)
{
	zt_auto(zt_freep) struct named *sorted = calloc(count + 1, sizeof(*sorted));
	zt_auto(free_merge) struct ztc_merge m = {0};
	size_t end;
	int r = sorted && count ? ztc_map_new(&m.map, maps[0]->pool) : -ENOMEM;

	for (size_t i = 0; i < count && r == 0; i++) {
		r = check(maps[i], why);
		sorted[i] = (struct named){maps[i], host_name(maps[i], maps, count)};
	}
	if (r < 0)
		return r;
	qsort(sorted, count, sizeof(*sorted), compare_maps);
	m.map->by = ztc_pool_text(m.map->pool, "address", 7);
	m.map->source = ztc_pool_text(m.map->pool, "merged", 6);
	m.map->disagreements = json_array();
	m.map->not_merged = json_array();
	for (size_t i = 0; i < count && r == 0; i = end) {
		for (end = i + 1; end < count && !strcmp(sorted[end].host, sorted[i].host); end++)
			;
		r = add_host(&m, &sorted[i], end - i);
	}
	r = r < 0 ? r : place_nodes(&m);
	r = r < 0 ? r : ztc_merge_talks(&m);
	r = r < 0 ? r : ztc_map_sort(m.map);
	if (r == 0)
		*ret = zt_take(m.map);
	return r;
}
