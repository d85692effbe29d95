/* SPDX-License-Identifier: Apache-2.0 */
/* write.c - a map as the JSON of docs/json.md. */
#include <errno.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/json.h"
#include "base/time.h"
#include "ctl/map/map.h"

/* Sets and forgets: what could not be allocated shows when the object is asked whether it is whole.
 */
struct writer {
	bool failed;
};

static void set(struct writer *w, json_t *object, const char *key, json_t *value)
{
	if (json_object_set_new_nocheck(object, key, value) < 0)
		w->failed = true;
}

static void set_text(struct writer *w, json_t *object, const char *key, const char *text)
{
	if (text)
		set(w, object, key, json_string_nocheck(text));
}

static json_t *number(uint64_t n)
{
	return json_integer(n > INT64_MAX ? INT64_MAX : (json_int_t)n);
}

static json_t *time_json(int64_t ms)
{
	char text[ZT_TIME_TEXT_LEN];

	return ms > 0 ? json_string(zt_wall_text((uint64_t)ms * ZT_NS_PER_MS, text)) : json_null();
}

static json_t *workload_json(struct writer *w, const struct ztc_workload *owner)
{
	json_t *json = json_object();

	set_text(w, json, "unit", owner->unit);
	set_text(w, json, "cgroup", owner->cgroup ?: "");
	set_text(w, json, "container", owner->container);
	set_text(w, json, "user", owner->user);
	if (owner->uid >= 0)
		set(w, json, "uid", json_integer(owner->uid));
	set_text(w, json, "exe", owner->exe);
	set_text(w, json, "exe_path", owner->exe_path);
	set_text(w, json, "command", owner->command);
	if (owner->pid)
		set(w, json, "pid", json_integer(owner->pid));
	if (owner->delegated)
		set(w, json, "delegated", json_true());
	if (owner->truncated)
		set(w, json, "truncated", json_true());
	return json;
}

static json_t *plane_json(const struct ztc_map_verdict *v)
{
	return json_pack("{s:s, s:s}", "action", v->deny ? "deny" : "allow", "rule",
			 v->rule ? v->rule : "none");
}

static json_t *encryption_json(struct writer *w, const struct ztc_map_edge *e)
{
	json_t *json = json_object();

	for (int c = 0; c < ZT_COVER_COUNT; c++)
		if (e->cover[c] || c == ZT_COVER_PLAINTEXT || c == ZT_COVER_UNKNOWN)
			set(w, json, zt_cover_name((enum zt_cover)c), number(e->cover[c]));
	return json;
}

static json_t *protocols_json(struct writer *w, const struct ztc_map_edge *e)
{
	json_t *json = json_object();

	for (uint32_t i = 0; i < e->protocol_count; i++)
		set(w, json, e->protocols[i].name, number(e->protocols[i].count));
	return json;
}

static void set_rtt(struct writer *w, json_t *json, const struct ztc_map_health *h, bool raw)
{
	uint64_t p50 = h->p50_us, p99 = h->p99_us, samples = h->samples;
	json_t *rows;

	if (h->rtt) {
		p50 = zt_rtt_percentile(h->rtt, 50);
		p99 = zt_rtt_percentile(h->rtt, 99);
		samples = zt_rtt_samples(h->rtt);
	}
	if (!samples)
		return;
	set(w, json, "rtt_us",
	    json_pack("{s:o, s:o, s:o}", "p50", number(p50), "p99", number(p99), "samples",
		      number(samples)));
	if (!raw || !h->rtt)
		return;
	rows = json_array();
	for (int b = 0; b < ZT_RTT_BUCKETS; b++)
		if (h->rtt->count[b])
			json_array_append_new(rows,
					      json_pack("[i, I]", b, (json_int_t)h->rtt->count[b]));
	set(w, json, "rtt", rows);
}

static json_t *health_json(struct writer *w, const struct ztc_map_health *h, bool raw)
{
	json_t *json = json_object();

	set(w, json, "refused", number(h->refused));
	set(w, json, "unanswered", number(h->unanswered));
	set(w, json, "resets", number(h->resets));
	set(w, json, "retransmits", number(h->retransmits));
	set_rtt(w, json, h, raw);
	return json;
}

static json_t *hosts_json(const struct ztc_hosts *hosts)
{
	json_t *json = json_array();

	for (uint32_t i = 0; hosts && i < hosts->count; i++)
		json_array_append_new(json, json_string_nocheck(hosts->names[i]));
	return json;
}

/* The reader's rule the other way: `workload` is the source's where both ends are local. */
static void set_workloads(struct writer *w, const struct ztc_map *map, const struct ztc_map_edge *e,
			  json_t *json)
{
	const struct ztc_workload *src = e->workload[ZTC_SRC], *dst = e->workload[ZTC_DST];
	bool dst_alone = !src && dst && !map->nodes[e->src].near;

	if (src || dst_alone)
		set(w, json, "workload", workload_json(w, src ? src : dst));
	if (dst && !dst_alone)
		set(w, json, "dst_workload", workload_json(w, dst));
}

static json_t *edge_json(struct writer *w, const struct ztc_map *map, const struct ztc_map_edge *e,
			 bool raw)
{
	json_t *json = json_object();

	set_text(w, json, "src", map->nodes[e->src].id);
	set_text(w, json, "dst", map->nodes[e->dst].id);
	set_text(w, json, "proto", e->proto);
	set(w, json, "port", json_integer(e->port));
	set_workloads(w, map, e, json);
	set(w, json, "verdict",
	    json_pack("{s:o, s:o}", "live", plane_json(&e->verdict[ZT_LIVE]), "candidate",
		      plane_json(&e->verdict[ZT_CANDIDATE])));
	set(w, json, "connections", number(e->connections));
	set(w, json, "bytes",
	    json_pack("{s:o, s:o}", "to_dst", number(e->bytes[ZTC_TO_DST]), "to_src",
		      number(e->bytes[ZTC_TO_SRC])));
	set(w, json, "packets",
	    json_pack("{s:o, s:o}", "to_dst", number(e->packets[ZTC_TO_DST]), "to_src",
		      number(e->packets[ZTC_TO_SRC])));
	set(w, json, "encryption", encryption_json(w, e));
	set(w, json, "protocols", protocols_json(w, e));
	if (e->health.known)
		set(w, json, "health", health_json(w, &e->health, raw));
	set_text(w, json, "kind", e->kind);
	set(w, json, "first_seen", time_json(e->first_ms));
	set(w, json, "last_seen", time_json(e->last_ms));
	if (e->seen_by)
		set(w, json, "seen_by", hosts_json(e->seen_by));
	return json;
}

static json_t *node_json(struct writer *w, const struct ztc_map_node *n)
{
	json_t *json = json_object();

	set_text(w, json, "id", n->id);
	set_text(w, json, "kind", n->kind);
	set_text(w, json, "name", n->name);
	set_text(w, json, "host", n->host);
	set(w, json, "segments", n->segments ? json_incref(n->segments) : json_array());
	set(w, json, "labels", n->labels ? json_incref(n->labels) : json_object());
	set(w, json, "near", json_boolean(n->near));
	if (n->hints)
		set(w, json, "hints", json_incref(n->hints));
	return json;
}

static json_t *view_json(struct writer *w, const struct ztc_map_view *v)
{
	json_t *json = json_object();

	set_text(w, json, "host", v->host);
	set_text(w, json, "source", v->source);
	set_text(w, json, "file", v->origin);
	set(w, json, "from", time_json(v->from_ms));
	set(w, json, "to", time_json(v->to_ms));
	set(w, json, "complete", json_boolean(v->complete));
	return json;
}

static void set_lists(struct writer *w, const struct ztc_map *map, json_t *json)
{
	const bool raw = strcmp(map->by, "address") == 0;
	json_t *nodes = json_array(), *edges = json_array(), *views;

	for (size_t i = 0; i < map->node_count; i++)
		if (json_array_append_new(nodes, node_json(w, &map->nodes[i])) < 0)
			w->failed = true;
	for (size_t i = 0; i < map->edge_count; i++)
		if (json_array_append_new(edges, edge_json(w, map, &map->edges[i], raw)) < 0)
			w->failed = true;
	set(w, json, "nodes", nodes);
	set(w, json, "edges", edges);
	if (!map->view_count)
		return;
	views = json_array();
	for (size_t i = 0; i < map->view_count; i++)
		if (json_array_append_new(views, view_json(w, &map->views[i])) < 0)
			w->failed = true;
	set(w, json, "views", views);
}

json_t *ztc_map_json(const struct ztc_map *map)
{
	zt_auto(zt_json_decref) json_t *json = json_object();
	struct writer w = {0};
	json_t *view = json_object();

	set(&w, json, "format", json_integer(ZTC_MAP_FORMAT));
	set_text(&w, json, "by", map->by);
	set(&w, view, "host", map->host ? json_string_nocheck(map->host) : json_null());
	set(&w, view, "started", time_json(map->started_ms));
	set_text(&w, view, "source", map->source);
	set(&w, json, "view", view);
	set(&w, json, "window",
	    json_pack("{s:o, s:o}", "from", time_json(map->from_ms), "to", time_json(map->to_ms)));
	set_lists(&w, map, json);
	set(&w, json, "matched",
	    number(map->matched > map->edge_count ? map->matched : map->edge_count));
	set(&w, json, "losses", json_incref(map->losses));
	if (map->disagreements)
		set(&w, json, "disagreements", json_incref(map->disagreements));
	if (map->not_merged)
		set(&w, json, "not_merged", json_incref(map->not_merged));
	return w.failed ? NULL : zt_take(json);
}
