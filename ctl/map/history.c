/* SPDX-License-Identifier: Apache-2.0 */
/* history.c - a map by address out of the database that an agent keeps, with no agent. */
#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/addr.h"
#include "base/cleanup.h"
#include "base/container.h"
#include "base/json.h"
#include "base/strmap.h"
#include "base/vec.h"
#include "ctl/map/source.h"
#include "history/history.h"

#define TRIES 3 /* hours that were rolled up under a walk: begin anew */

struct filler {
	struct ztc_map *map;
	struct zt_strmap *keys;	  /* of edges -> position */
	struct zt_strmap *owners; /* record and user -> position in workloads */
	const struct ztc_workload **workloads;
	size_t workload_cap;
};

static void free_filler(struct filler *f)
{
	ztc_map_free(&f->map);
	zt_strmap_free(&f->keys);
	zt_strmap_free(&f->owners);
	free(f->workloads);
}

static void set(json_t *object, const char *key, json_t *value)
{
	json_object_set_new(object, key, value);
}

/* As the agent shows it; what processes chose is escaped. */
static json_t *owner_json(const struct zt_owner *owner, const char *user)
{
	json_t *json = json_object();
	char container[ZT_CONTAINER_LEN], cgroup[ZT_PATH_LEN + 1];

	if (owner->unit[0])
		set(json, "unit", zt_json_strn(owner->unit, sizeof(owner->unit)));
	set(json, "cgroup", zt_json_strn(owner->cgroup, sizeof(owner->cgroup)));
	snprintf(cgroup, sizeof(cgroup), "%.*s", ZT_PATH_LEN, owner->cgroup);
	if (zt_container_of(cgroup, container))
		set(json, "container", json_string(container));
	if (user)
		set(json, "user", zt_json_str(user));
	set(json, "uid", json_integer(owner->uid));
	if (owner->exe[0])
		set(json, "exe", zt_json_strn(owner->exe, sizeof(owner->exe)));
	if (owner->flags & ZT_OWNER_DELEGATED)
		set(json, "delegated", json_true());
	if (owner->flags & (ZT_OWNER_TRUNC_CGROUP | ZT_OWNER_TRUNC_EXE))
		set(json, "truncated", json_true());
	return json;
}

static int take_owner(struct filler *f, const struct zt_history_end *end,
		      const struct ztc_workload **ret)
{
	zt_auto(zt_strbuf_free) struct zt_strbuf key = ZT_STRBUF_INIT;
	zt_auto(zt_json_decref) json_t *json = NULL;
	bool is_new;
	uint32_t n;

	*ret = NULL;
	if (!end->owner)
		return 0;
	zt_strbuf_add(&key, end->owner, sizeof(*end->owner));
	zt_strbuf_puts(&key, end->user ? end->user : "");
	if (zt_strbuf_error(&key))
		return -ENOMEM;
	n = zt_strmap_intern(f->owners, key.data, key.len, &is_new);
	if (n == ZT_STRMAP_NONE ||
	    zt_vec_grow(&f->workloads, &f->workload_cap, n + 1, sizeof(*f->workloads)) < 0)
		return -ENOMEM;
	if (is_new) {
		json = owner_json(end->owner, end->user);
		f->workloads[n] = NULL;
		if (ztc_pool_workload(f->map->pool, json, &f->workloads[n]) < 0)
			return -ENOMEM;
	}
	*ret = f->workloads[n];
	return 0;
}

static const char *escaped(struct filler *f, const char *text)
{
	zt_auto(zt_strbuf_free) struct zt_strbuf safe = ZT_STRBUF_INIT;

	zt_strbuf_escape(&safe, text, strlen(text));
	return zt_strbuf_error(&safe)
		       ? NULL
		       : ztc_pool_text(f->map->pool, zt_strbuf_text(&safe), safe.len);
}

static json_t *hints_json(const struct zt_history_end *end)
{
	json_t *json = json_array();

	for (size_t i = 0; i < end->hint_count; i++)
		json_array_append_new(
			json,
			json_pack("{s:o, s:s}", "name", zt_json_str(end->hints[i].name), "source",
				  end->hints[i].source == ZT_HINT_HOSTS ? "hosts" : "dns"));
	return json;
}

static int take_end(struct filler *f, const struct zt_history_end *end, uint32_t *ret)
{
	char text[ZT_ADDR_TEXT_LEN], id[ZT_ADDR_TEXT_LEN + 8];
	struct ztc_map_node *node;

	snprintf(id, sizeof(id), "address:%s", zt_addr_text(&end->addr, text));
	node = ztc_map_node(f->map, id, ret);
	if (!node)
		return -ENOMEM;
	if (!node->defined) {
		node->defined = true;
		node->kind = "address";
		node->addr = end->addr;
		node->has_addr = true;
		node->name = ztc_pool_text(f->map->pool, text, strlen(text));
		node->hints = end->hint_count ? hints_json(end) : NULL;
		if (!node->name)
			return -ENOMEM;
	}
	/* Host names of then: a later row may know one. */
	if (end->host)
		node->host = escaped(f, end->host);
	node->near |= end->near;
	return 0;
}

/* --- edges --------------------------------------------------------------------------------------
 */

struct key {
	uint32_t src, dst;
	const struct ztc_workload *workload[ZTC_ENDS];
	const char *rule[ZT_PLANE_COUNT];
	uint32_t port;
	uint8_t action[ZT_PLANE_COUNT], proto, kind;
};

static const char *proto_text(struct filler *f, uint8_t proto)
{
	const char *name = zt_proto_name(proto);
	char text[16];

	if (!name)
		snprintf(text, sizeof(text), "proto/%u", proto);
	return ztc_pool_text(f->map->pool, name ? name : text, strlen(name ? name : text));
}

static const char *kind_text(uint8_t kind)
{
	return kind == ZT_KIND_LOOP ? "loopback" : kind == ZT_KIND_FWD ? "forwarded" : "local";
}

static int find_edge(struct filler *f, const struct key *key, struct ztc_map_edge **ret)
{
	struct ztc_map_edge *edge;
	bool is_new;
	uint32_t n = zt_strmap_intern(f->keys, key, sizeof(*key), &is_new);

	if (n == ZT_STRMAP_NONE)
		return -ENOMEM;
	*ret = edge = is_new ? ztc_map_edge(f->map) : &f->map->edges[n];
	if (!edge)
		return -ENOMEM;
	if (!is_new)
		return 0;
	edge->src = key->src;
	edge->dst = key->dst;
	edge->port = (uint16_t)key->port;
	edge->proto = proto_text(f, key->proto);
	edge->kind =
		ztc_pool_text(f->map->pool, kind_text(key->kind), strlen(kind_text(key->kind)));
	for (int p = 0; p < ZT_PLANE_COUNT; p++) {
		edge->verdict[p].deny = key->action[p] == ZT_DENY;
		edge->verdict[p].rule = key->rule[p];
	}
	memcpy(edge->workload, key->workload, sizeof(edge->workload));
	return edge->proto && edge->kind ? 0 : -ENOMEM;
}

/* The counts of one row, which is all of one class of encryption and one protocol. */
static int add_row(struct filler *f, struct ztc_map_edge *edge, const struct zt_history_edge *row)
{
	char text[ZT_PROTOCOL_TEXT_LEN];
	uint64_t n = row->connections ? row->connections : row->bytes[0] || row->bytes[1];
	struct ztc_map_count protocol = {.count = n};
	struct zt_rtt rtt = row->health.rtt;
	struct ztc_map_edge add = {
		.connections = row->connections,
		.bytes = {row->bytes[0], row->bytes[1]},
		.packets = {row->packets[0], row->packets[1]},
		.first_ms = row->first_s * 1000,
		.last_ms = row->last_s * 1000,
		.health = {.known = row->proto == 6,
			   .refused = row->health.refused,
			   .unanswered = row->health.unanswered,
			   .resets = row->health.resets,
			   .retransmits = row->health.retransmits,
			   .rtt = zt_rtt_samples(&rtt) ? &rtt : NULL},
	};

	zt_protocol_text(row->encryption, row->app, text);
	protocol.name = ztc_pool_text(f->map->pool, text, strlen(text));
	add.cover[zt_encryption_cover(row->encryption)] = n;
	add.protocols = &protocol;
	add.protocol_count = n > 0;
	return protocol.name ? ztc_map_add(f->map, edge, &add) : -ENOMEM;
}

static int take_row(const struct zt_history_edge *row, void *data)
{
	struct filler *f = data;
	struct ztc_map_edge *edge;
	struct key key;
	int r;

	memset(&key, 0, sizeof(key));
	r = take_end(f, &row->src, &key.src);
	r = r < 0 ? r : take_end(f, &row->dst, &key.dst);
	r = r < 0 ? r : take_owner(f, &row->src, &key.workload[ZTC_SRC]);
	r = r < 0 ? r : take_owner(f, &row->dst, &key.workload[ZTC_DST]);
	if (r < 0)
		return r;
	key.port = row->port;
	key.proto = row->proto;
	key.kind = row->kind;
	for (int p = 0; p < ZT_PLANE_COUNT; p++) {
		key.action[p] = row->action[p];
		key.rule[p] = escaped(f, row->rule[p] ? row->rule[p] : "none");
		if (!key.rule[p])
			return -ENOMEM;
	}
	r = find_edge(f, &key, &edge);
	return r < 0 ? r : add_row(f, edge, row);
}

/* --- the database --------------------------------------------------------------------------------
 */

/* Whose it is: the inventory's name of the near end, else the directory it lies in. */
static const char *whose(const struct ztc_map *map, const char *path)
{
	char name[256] = "";
	const char *dir;

	for (size_t i = 0; i < map->node_count; i++)
		if (map->nodes[i].near && map->nodes[i].host)
			return map->nodes[i].host;
	if (strncmp(path, ZTC_STATE_DIR "/", sizeof(ZTC_STATE_DIR)) == 0) {
		gethostname(name, sizeof(name) - 1);
		return ztc_pool_text(map->pool, name, strcspn(name, "."));
	}
	dir = strrchr(path, '/');
	if (!dir)
		return ztc_pool_text(map->pool, path, strcspn(path, "."));
	path = memrchr(path, '/', (size_t)(dir - path)) ?: path - 1;
	return ztc_pool_text(map->pool, path + 1, (size_t)(dir - path - 1));
}

static int fill(struct filler *f, struct zt_history *history, const struct ztc_span *span)
{
	struct zt_history_cursor *cursor = NULL;
	struct zt_history_window window;
	int r = zt_history_cursor_open(&cursor, history, span->from_ms / 1000,
				       span->to_ms ? (span->to_ms + 999) / 1000 : INT64_MAX);

	if (r < 0)
		return r;
	do {
		r = zt_history_cursor_next(cursor, 0, take_row, f);
	} while (r == 1);
	zt_history_cursor_window(cursor, &window);
	zt_history_cursor_close(&cursor);
	f->map->from_ms = window.from_s * 1000;
	f->map->to_ms = window.to_s * 1000;
	return r;
}

static int begin(struct filler *f, struct ztc_pool *pool)
{
	if (ztc_map_new(&f->map, pool) < 0 || zt_strmap_new(&f->keys) < 0 ||
	    zt_strmap_new(&f->owners) < 0)
		return -ENOMEM;
	f->map->by = ztc_pool_text(pool, "address", 7);
	f->map->source = ztc_pool_text(pool, "history", 7);
	return f->map->by && f->map->source ? 0 : -ENOMEM;
}

static void explain(int r, const char *path, struct zt_strbuf *why)
{
	const char *text = r == -EBADMSG  ? "it is not a database of ours, or it is corrupt"
			   : r == -EPROTO ? "a later version of ztagent wrote it"
			   : r == -EINVAL ? "nothing was recorded in that time"
			   : r == -ESTALE ? "its hours are being added up just now; try again"
					  : strerror(-r);

	zt_strbuf_printf(why, "cannot read the history '%s': %s", path, text);
}

int ztc_map_history(struct ztc_map **ret, struct ztc_pool *pool, const char *path,
		    const struct ztc_span *span, struct zt_strbuf *why)
{
	struct zt_history *history = NULL;
	int r = zt_history_open_read(&history, path);

	for (int i = 0; r >= 0 && i < TRIES; i++) {
		zt_auto(free_filler) struct filler f = {0};

		r = begin(&f, pool);
		r = r < 0 ? r : fill(&f, history, span);
		if (r == -ESTALE && i + 1 < TRIES) {
			r = 0;
			continue;
		}
		if (r < 0)
			break;
		f.map->host = whose(f.map, path);
		r = f.map->host ? ztc_map_sort(f.map) : -ENOMEM;
		*ret = r < 0 ? NULL : zt_take(f.map);
		break;
	}
	zt_history_close(&history);
	if (r < 0 && r != -ENOMEM)
		explain(r, path, why);
	return r;
}
