// SPDX-License-Identifier: Apache-2.0
/*
 * agent_edges_month.c - thirty days: who really called admin and database ports, blocks that were
 * taken back, dependencies that no statement decides.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/json.h"
#include "base/strbuf.h"
#include "base/vec.h"
#include "ctl/collect/agent_edges.h"

#define KEYS_MAX   200000 /* of each kind; more is told and judged unknown */
#define ROWS_SHOWN 500
#define HOST_LEN   256 /* of a name in the inventory, with its NUL */

int ztc_month_init(struct ztc_month *month, const struct ztc_env *env)
{
	const json_t *lists = json_object_get(env->profile, "lists");
	int r = zt_strmap_new(&month->peers);

	month->admin = json_object_get(lists, "admin_ports");
	month->now_s = env->now_s;
	r = r ?: zt_strmap_new(&month->services);
	r = r ?: zt_strmap_new(&month->blocks);
	r = r ?: zt_strmap_new(&month->keys);
	r = r ?: zt_strmap_new(&month->hosts);
	return r ?: zt_strmap_new(&month->decided_keys);
}

void ztc_month_free(struct ztc_month *month)
{
	for (uint32_t i = 0; month->blocks && i < zt_strmap_count(month->blocks); i++)
		json_decref(month->block[i].json);
	zt_strmap_free(&month->peers);
	zt_strmap_free(&month->services);
	zt_strmap_free(&month->blocks);
	zt_strmap_free(&month->keys);
	zt_strmap_free(&month->decided_keys);
	zt_strmap_free(&month->hosts);
	free(month->decided_s);
	free(month->ports);
	free(month->block);
	free(month->dependency);
	*month = (struct ztc_month){0};
}

/* The number of a key, room for its row, zeroed when it is new. 1: there is no room for more. */
static int row_of(struct ztc_month *month, struct zt_strmap *names, const void *key, size_t len,
		  void *rows, size_t *cap, size_t size, uint32_t *ret)
{
	bool is_new = false;
	char *all;

	if (zt_strmap_count(names) >= KEYS_MAX)
		*ret = zt_strmap_find(names, key, len);
	else
		*ret = zt_strmap_intern(names, key, len, &is_new);
	if (*ret == ZT_STRMAP_NONE) {
		month->over = true;
		return 1;
	}
	if (zt_vec_grow(rows, cap, *ret + 1, size) < 0)
		return -ENOMEM;
	memcpy(&all, rows, sizeof(all));
	if (is_new)
		memset(all + *ret * size, 0, size);
	return 0;
}

/* --- admin and database ports -------------------------------------------------------------------
 */

struct peer_key {
	uint32_t service;
	struct zt_addr addr;
};

static int add_admin(struct ztc_month *month, const struct ztc_edge_view *v)
{
	struct peer_key key = {.addr = v->far->addr};
	char service[ZT_PORT_TEXT_LEN];
	bool is_new = false;
	uint32_t n;
	int r;

	ztc_edge_service(v->edge, service);
	r = row_of(month, month->services, service, strlen(service), &month->ports,
		   &month->port_cap, sizeof(*month->ports), &n);
	if (r)
		return r < 0 ? r : 0;
	memcpy(month->ports[n].service, service, sizeof(service));
	month->ports[n].connections += v->edge->connections;
	key.service = n;
	if (zt_strmap_count(month->peers) >= KEYS_MAX)
		month->over = true;
	else if (zt_strmap_intern(month->peers, &key, sizeof(key), &is_new) == ZT_STRMAP_NONE)
		return -ENOMEM;
	month->ports[n].peers += is_new;
	return 0;
}

/* --- blocks -------------------------------------------------------------------------------------
 */

struct flow_key {
	struct zt_addr src, dst;
	uint16_t port;
	uint8_t proto, pad;
};

static json_t *ends_json(const struct ztc_edge_view *v)
{
	const struct zt_history_edge *e = v->edge;
	char service[ZT_PORT_TEXT_LEN], name[ZT_ADDR_TEXT_LEN];
	json_t *o = json_object();

	ztc_set(o, "src", zt_json_str(ztc_edge_name(&e->src, name)));
	ztc_set(o, "dst", zt_json_str(ztc_edge_name(&e->dst, name)));
	ztc_set(o, "service", json_string(ztc_edge_service(e, service)));
	ztc_set(o, "direction", json_string(v->in ? "in" : "out"));
	return o;
}

static int add_block(struct ztc_month *month, const struct ztc_edge_view *v)
{
	const struct zt_history_edge *e = v->edge;
	struct flow_key key = {e->src.addr, e->dst.addr, e->port, e->proto, 0};
	struct ztc_block *block;
	uint32_t n;
	int r = row_of(month, month->blocks, &key, sizeof(key), &month->block, &month->block_cap,
		       sizeof(*month->block), &n);

	if (r)
		return r < 0 ? r : 0;
	block = &month->block[n];
	if (!v->denied) {
		if (!block->first_allowed_s || e->first_s < block->first_allowed_s)
			block->first_allowed_s = e->first_s;
		if (e->last_s > block->last_allowed_s)
			block->last_allowed_s = e->last_s;
		return 0;
	}
	month->denied += e->connections;
	block->denied += e->connections;
	if (e->last_s > block->last_denied_s)
		block->last_denied_s = e->last_s;
	if (!block->json) {
		block->json = ends_json(v);
		ztc_set(block->json, "rule", zt_json_str(e->rule[ZT_LIVE] ?: ""));
	}
	return 0;
}

/* --- dependencies -------------------------------------------------------------------------------
 */

/* "10.0.0.1>10.0.0.2:tcp/22", as a review names it. */
static void key_of(const struct ztc_edge_view *v, struct zt_strbuf *ret)
{
	char src[ZT_ADDR_TEXT_LEN], dst[ZT_ADDR_TEXT_LEN], service[ZT_PORT_TEXT_LEN];

	zt_strbuf_printf(ret, "%s>%s:%s", zt_addr_text(&v->edge->src.addr, src),
			 zt_addr_text(&v->edge->dst.addr, dst), ztc_edge_service(v->edge, service));
}

static int host_number(struct ztc_month *month, const char *host, uint32_t *ret)
{
	bool is_new;

	*ret = ZT_STRMAP_NONE;
	if (!host)
		return 0;
	*ret = zt_strmap_intern(month->hosts, host, strlen(host), &is_new);
	return *ret == ZT_STRMAP_NONE ? -ENOMEM : 0;
}

static int note_ends(struct ztc_month *month, struct ztc_dependency *d,
		     const struct ztc_edge_view *v)
{
	const struct zt_history_edge *e = v->edge;
	int r = host_number(month, e->src.host, &d->src_host);

	d->src = e->src.addr;
	d->dst = e->dst.addr;
	d->port = e->port;
	d->proto = e->proto;
	d->in = v->in;
	return r ?: host_number(month, e->dst.host, &d->dst_host);
}

static int add_dependency(struct ztc_month *month, const struct ztc_edge_view *v)
{
	zt_auto(zt_strbuf_free) struct zt_strbuf key = ZT_STRBUF_INIT;
	const struct zt_history_edge *e = v->edge;
	struct ztc_dependency *d;
	uint32_t n;
	int r;

	key_of(v, &key);
	if (zt_strbuf_error(&key))
		return -ENOMEM;
	if (v->explained) {
		r = row_of(month, month->decided_keys, key.data, key.len, &month->decided_s,
			   &month->decided_cap, sizeof(*month->decided_s), &n);
		if (r)
			return r < 0 ? r : 0;
		if (e->last_s > month->decided_s[n])
			month->decided_s[n] = e->last_s;
		return 0;
	}
	r = row_of(month, month->keys, key.data, key.len, &month->dependency,
		   &month->dependency_cap, sizeof(*month->dependency), &n);
	if (r)
		return r < 0 ? r : 0;
	d = &month->dependency[n];
	d->connections += e->connections;
	d->first_s = !d->first_s || e->first_s < d->first_s ? e->first_s : d->first_s;
	d->last_s = e->last_s > d->last_s ? e->last_s : d->last_s;
	return d->proto ? 0 : note_ends(month, d, v);
}

int ztc_month_add(struct ztc_month *month, const struct ztc_edge_view *v)
{
	int r = 0;

	if (v->edge->kind != ZT_KIND_LOCAL || v->builtin || !v->edge->connections)
		return 0;
	month->flows += v->edge->connections;
	if (v->in && !v->denied &&
	    zt_json_has_port(month->admin, zt_port_index(v->edge->proto, v->edge->port)))
		r = add_admin(month, v);
	r = r ?: add_block(month, v);
	return r ?: add_dependency(month, v);
}

/* --- as JSON ------------------------------------------------------------------------------------
 */

static json_t *admin_json(const struct ztc_month *month)
{
	json_t *list = json_array();

	for (uint32_t i = 0; i < zt_strmap_count(month->services); i++) {
		json_t *o = json_object();

		ztc_set(o, "service", json_string(month->ports[i].service));
		ztc_set(o, "peers", zt_json_u64(month->ports[i].peers));
		ztc_set(o, "connections", zt_json_u64(month->ports[i].connections));
		json_array_append_new(list, o);
	}
	return list;
}

static json_t *blocks_json(struct ztc_month *month)
{
	json_t *o = json_object(), *rows = json_array();
	uint64_t taken_back = 0;

	for (uint32_t i = 0; i < zt_strmap_count(month->blocks); i++) {
		struct ztc_block *b = &month->block[i];

		if (!b->denied || b->last_allowed_s <= b->last_denied_s)
			continue;
		taken_back += b->denied;
		if (json_array_size(rows) >= ZTC_TOP)
			continue;
		ztc_set(b->json, "denied", zt_json_u64(b->denied));
		ztc_set_time(b->json, "last_denied", b->last_denied_s);
		ztc_set_time(b->json, "last_allowed", b->last_allowed_s);
		json_array_append(rows, b->json);
	}
	ztc_set(o, "flows", zt_json_u64(month->flows));
	ztc_set(o, "denied", zt_json_u64(month->denied));
	ztc_set(o, "later_allowed", zt_json_u64(taken_back));
	ztc_set(o, "rows", rows);
	return o;
}

/* Since it was last seen without one, a statement decided it: somebody has thought of it. */
static bool decided(const struct ztc_month *month, uint32_t n)
{
	size_t len;
	const char *key = zt_strmap_key(month->keys, n, &len);
	uint32_t same = zt_strmap_find(month->decided_keys, key, len);

	return same != ZT_STRMAP_NONE && month->decided_s[same] >= month->dependency[n].last_s;
}

static int by_connections(const void *a, const void *b)
{
	const struct ztc_dependency *x = *(const struct ztc_dependency *const *)a;
	const struct ztc_dependency *y = *(const struct ztc_dependency *const *)b;

	if (x->connections != y->connections)
		return x->connections < y->connections ? 1 : -1;
	return (x > y) - (x < y);
}

static const char *host_name(const struct ztc_month *month, uint32_t n, char ret[HOST_LEN])
{
	size_t len;
	const char *name = n == ZT_STRMAP_NONE ? NULL : zt_strmap_key(month->hosts, n, &len);

	if (!name)
		return NULL;
	snprintf(ret, HOST_LEN, "%.*s", (int)len, name);
	return ret;
}

static json_t *dependency_json(const struct ztc_month *month, const struct ztc_dependency *d)
{
	char src[HOST_LEN], dst[HOST_LEN];
	const struct zt_history_edge edge = {
		.src = {.addr = d->src, .host = host_name(month, d->src_host, src)},
		.dst = {.addr = d->dst, .host = host_name(month, d->dst_host, dst)},
		.port = d->port,
		.proto = d->proto,
	};

	return ends_json(&(struct ztc_edge_view){.edge = &edge, .in = d->in});
}

static json_t *dependencies_json(struct ztc_month *month)
{
	uint32_t count = zt_strmap_count(month->keys), open = 0;
	zt_auto(zt_freep) struct ztc_dependency **order =
		calloc(count + 1, sizeof(struct ztc_dependency *));
	json_t *o = json_object(), *rows = json_array();

	for (uint32_t i = 0; order && i < count; i++) {
		if (!decided(month, i))
			order[open++] = &month->dependency[i];
	}
	if (open)
		qsort(order, open, sizeof(*order), by_connections);
	for (uint32_t i = 0; i < open && i < ROWS_SHOWN; i++) {
		struct ztc_dependency *d = order[i];
		json_t *row = dependency_json(month, d);
		size_t len;
		const char *key =
			zt_strmap_key(month->keys, (uint32_t)(d - month->dependency), &len);

		ztc_set(row, "key", zt_json_strn(key, len));
		ztc_set(row, "connections", zt_json_u64(d->connections));
		ztc_set_time(row, "first", d->first_s);
		ztc_set_time(row, "last", d->last_s);
		ztc_set(row, "first_s", json_integer(d->first_s));
		json_array_append_new(rows, row);
	}
	ztc_set(o, "decided", json_integer(zt_strmap_count(month->decided_keys)));
	ztc_set(o, "undecided", json_integer(open));
	ztc_set(o, "rows", rows);
	return o;
}

void ztc_month_json(struct ztc_month *month, json_t *data)
{
	ztc_set(data, "admin", admin_json(month));
	ztc_set(data, "blocks", blocks_json(month));
	ztc_set(data, "dependencies", dependencies_json(month));
	ztc_set(data, "over_bounds", json_boolean(month->over));
}
