/* SPDX-License-Identifier: Apache-2.0 */
/*
 * write.c - a map as the JSON of docs/json.md, written as text.
 *
 * jansson keeps account of every object it prints, which for a hundred thousand edges takes
 * seconds; numbers and names of a known shape need no such care.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/json.h"
#include "base/time.h"
#include "ctl/map/map.h"

#define FLUSH_AT 65536

/* Keys are ours: they need no escaping. */
static void put_key(struct zt_strbuf *out, const char *key)
{
	char last = out->len ? out->data[out->len - 1] : '{';

	if (last != '{' && last != '[')
		zt_strbuf_add(out, ",", 1);
	zt_strbuf_add(out, "\"", 1);
	zt_strbuf_puts(out, key);
	zt_strbuf_add(out, "\":", 2);
}

static void put_text(struct zt_strbuf *out, const char *key, const char *text)
{
	if (!text)
		return;
	put_key(out, key);
	zt_json_put_string(out, text);
}

static void put_number(struct zt_strbuf *out, const char *key, uint64_t n)
{
	put_key(out, key);
	zt_json_put_u64(out, n);
}

static void put_true(struct zt_strbuf *out, const char *key, bool value)
{
	put_key(out, key);
	zt_strbuf_puts(out, value ? "true" : "false");
}

static void put_time(struct zt_strbuf *out, const char *key, int64_t ms)
{
	char text[ZT_TIME_TEXT_LEN];

	put_key(out, key);
	if (ms > 0)
		zt_json_put_string(out, zt_wall_text((uint64_t)ms * ZT_NS_PER_MS, text));
	else
		zt_strbuf_puts(out, "null");
}

/* A part that is JSON already; @otherwise when there is none. */
static void put_json(struct zt_strbuf *out, const char *key, const json_t *json,
		     const char *otherwise)
{
	zt_auto(zt_freep) char *text = json ? json_dumps(json, JSON_COMPACT) : NULL;

	put_key(out, key);
	zt_strbuf_puts(out, text ? text : otherwise);
}

static void open_object(struct zt_strbuf *out, const char *key)
{
	put_key(out, key);
	zt_strbuf_add(out, "{", 1);
}

static void close_object(struct zt_strbuf *out)
{
	zt_strbuf_add(out, "}", 1);
}

/* --- edges -------------------------------------------------------------------------------------
 */

static void put_workload(struct zt_strbuf *out, const char *key, const struct ztc_workload *w)
{
	open_object(out, key);
	put_text(out, "unit", w->unit);
	put_text(out, "cgroup", w->cgroup ? w->cgroup : "");
	put_text(out, "container", w->container);
	put_text(out, "user", w->user);
	if (w->uid >= 0)
		put_number(out, "uid", (uint64_t)w->uid);
	put_text(out, "exe", w->exe);
	put_text(out, "exe_path", w->exe_path);
	put_text(out, "command", w->command);
	if (w->pid > 0)
		put_number(out, "pid", (uint64_t)w->pid);
	if (w->delegated)
		put_true(out, "delegated", true);
	if (w->truncated)
		put_true(out, "truncated", true);
	close_object(out);
}

/* The reader's rule the other way: `workload` is the source's where both ends are local. */
static void put_workloads(struct zt_strbuf *out, const struct ztc_map *map,
			  const struct ztc_map_edge *e)
{
	const struct ztc_workload *src = e->workload[ZTC_SRC], *dst = e->workload[ZTC_DST];
	bool dst_alone = !src && dst && !map->nodes[e->src].near;

	if (src || dst_alone)
		put_workload(out, "workload", src ? src : dst);
	if (dst && !dst_alone)
		put_workload(out, "dst_workload", dst);
}

static void put_verdict(struct zt_strbuf *out, const struct ztc_map_edge *e)
{
	static const char *const planes[] = {[ZT_LIVE] = "live", [ZT_CANDIDATE] = "candidate"};

	open_object(out, "verdict");
	for (int p = 0; p < ZT_PLANE_COUNT; p++) {
		open_object(out, planes[p]);
		put_text(out, "action", e->verdict[p].deny ? "deny" : "allow");
		put_text(out, "rule", e->verdict[p].rule ? e->verdict[p].rule : "none");
		close_object(out);
	}
	close_object(out);
}

static void put_pair(struct zt_strbuf *out, const char *key, const uint64_t pair[2])
{
	open_object(out, key);
	put_number(out, "to_dst", pair[ZTC_TO_DST]);
	put_number(out, "to_src", pair[ZTC_TO_SRC]);
	close_object(out);
}

static void put_encryption(struct zt_strbuf *out, const struct ztc_map_edge *e)
{
	open_object(out, "encryption");
	for (int c = 0; c < ZT_COVER_COUNT; c++)
		if (e->cover[c] || c == ZT_COVER_PLAINTEXT || c == ZT_COVER_UNKNOWN)
			put_number(out, zt_cover_name((enum zt_cover)c), e->cover[c]);
	close_object(out);
	open_object(out, "protocols");
	for (uint32_t i = 0; i < e->protocol_count; i++) {
		zt_strbuf_add(out, ",", i ? 1 : 0);
		zt_json_put_string(out, e->protocols[i].name);
		zt_strbuf_add(out, ":", 1);
		zt_json_put_u64(out, e->protocols[i].count);
	}
	close_object(out);
}

static void put_rtt(struct zt_strbuf *out, const struct ztc_map_health *h, bool raw)
{
	uint64_t p50 = h->p50_us, p99 = h->p99_us, samples = h->samples;
	const char *sep = "";

	if (h->rtt) {
		p50 = zt_rtt_percentile(h->rtt, 50);
		p99 = zt_rtt_percentile(h->rtt, 99);
		samples = zt_rtt_samples(h->rtt);
	}
	if (!samples)
		return;
	open_object(out, "rtt_us");
	put_number(out, "p50", p50);
	put_number(out, "p99", p99);
	put_number(out, "samples", samples);
	close_object(out);
	if (!raw || !h->rtt)
		return;
	put_key(out, "rtt");
	zt_strbuf_add(out, "[", 1);
	for (int b = 0; b < ZT_RTT_BUCKETS; b++) {
		if (!h->rtt->count[b])
			continue;
		zt_strbuf_printf(out, "%s[%d,%" PRIu32 "]", sep, b, h->rtt->count[b]);
		sep = ",";
	}
	zt_strbuf_add(out, "]", 1);
}

static void put_health(struct zt_strbuf *out, const struct ztc_map_health *h, bool raw)
{
	open_object(out, "health");
	put_number(out, "refused", h->refused);
	put_number(out, "unanswered", h->unanswered);
	put_number(out, "resets", h->resets);
	put_number(out, "retransmits", h->retransmits);
	put_rtt(out, h, raw);
	close_object(out);
}

static void put_edge(struct zt_strbuf *out, const struct ztc_map *map, const struct ztc_map_edge *e,
		     bool raw)
{
	zt_strbuf_add(out, "{", 1);
	put_text(out, "src", map->nodes[e->src].id);
	put_text(out, "dst", map->nodes[e->dst].id);
	put_text(out, "proto", e->proto);
	put_number(out, "port", e->port);
	put_workloads(out, map, e);
	put_verdict(out, e);
	put_number(out, "connections", e->connections);
	put_pair(out, "bytes", e->bytes);
	put_pair(out, "packets", e->packets);
	put_encryption(out, e);
	if (e->health.known)
		put_health(out, &e->health, raw);
	put_text(out, "kind", e->kind);
	put_time(out, "first_seen", e->first_ms);
	put_time(out, "last_seen", e->last_ms);
	for (uint32_t i = 0; e->seen_by && i < e->seen_by->count; i++) {
		if (!i)
			put_key(out, "seen_by");
		zt_strbuf_add(out, i ? "," : "[", 1);
		zt_json_put_string(out, e->seen_by->names[i]);
		zt_strbuf_add(out, "]", i + 1 == e->seen_by->count ? 1 : 0);
	}
	close_object(out);
}

static void put_node(struct zt_strbuf *out, const struct ztc_map_node *n)
{
	zt_strbuf_add(out, "{", 1);
	put_text(out, "id", n->id);
	put_text(out, "kind", n->kind);
	put_text(out, "name", n->name);
	put_text(out, "host", n->host);
	put_json(out, "segments", n->segments, "[]");
	put_json(out, "labels", n->labels, "{}");
	put_true(out, "near", n->near);
	if (n->hints)
		put_json(out, "hints", n->hints, "[]");
	close_object(out);
}

/* --- the whole
 * ------------------------------------------------------------------------------------ */

static void put_views(struct zt_strbuf *out, const struct ztc_map *map)
{
	if (!map->view_count)
		return;
	put_key(out, "views");
	for (size_t i = 0; i < map->view_count; i++) {
		const struct ztc_map_view *v = &map->views[i];

		zt_strbuf_puts(out, i ? ",{" : "[{");
		put_text(out, "host", v->host);
		put_text(out, "source", v->source);
		put_text(out, "file", v->origin);
		put_time(out, "from", v->from_ms);
		put_time(out, "to", v->to_ms);
		put_true(out, "complete", v->complete);
		close_object(out);
	}
	zt_strbuf_add(out, "]", 1);
}

static void put_head(struct zt_strbuf *out, const struct ztc_map *map)
{
	zt_strbuf_add(out, "{", 1);
	put_number(out, "format", ZTC_MAP_FORMAT);
	put_text(out, "by", map->by);
	open_object(out, "view");
	if (map->host)
		put_text(out, "host", map->host);
	else
		put_json(out, "host", NULL, "null");
	put_time(out, "started", map->started_ms);
	put_text(out, "source", map->source);
	close_object(out);
	open_object(out, "window");
	put_time(out, "from", map->from_ms);
	put_time(out, "to", map->to_ms);
	close_object(out);
}

static void put_tail(struct zt_strbuf *out, const struct ztc_map *map)
{
	put_views(out, map);
	put_number(out, "matched", map->matched > map->edge_count ? map->matched : map->edge_count);
	put_json(out, "losses", map->losses, "{}");
	if (map->disagreements)
		put_json(out, "disagreements", map->disagreements, "[]");
	if (map->not_merged)
		put_json(out, "not_merged", map->not_merged, "[]");
	close_object(out);
}

static int flush(struct zt_strbuf *text, size_t at, FILE *out)
{
	if (zt_strbuf_error(text))
		return -ENOMEM;
	if (text->len < at)
		return 0;
	if (text->len && fwrite(text->data, 1, text->len, out) != text->len)
		return -EIO;
	zt_strbuf_reset(text);
	return 0;
}

int ztc_map_write(const struct ztc_map *map, FILE *out)
{
	zt_auto(zt_strbuf_free) struct zt_strbuf text = ZT_STRBUF_INIT;
	const bool raw = strcmp(map->by, "address") == 0;
	int r = 0;

	put_head(&text, map);
	put_key(&text, "nodes");
	zt_strbuf_add(&text, "[", 1);
	for (size_t i = 0; i < map->node_count && r == 0; i++) {
		zt_strbuf_add(&text, ",", i ? 1 : 0);
		put_node(&text, &map->nodes[i]);
		r = flush(&text, FLUSH_AT, out);
	}
	zt_strbuf_puts(&text, "],\"edges\":[");
	for (size_t i = 0; i < map->edge_count && r == 0; i++) {
		zt_strbuf_add(&text, ",", i ? 1 : 0);
		put_edge(&text, map, &map->edges[i], raw);
		r = flush(&text, FLUSH_AT, out);
	}
	zt_strbuf_add(&text, "]", 1);
	put_tail(&text, map);
	zt_strbuf_add(&text, "\n", 1);
	return r < 0 ? r : flush(&text, 0, out);
}

json_t *ztc_map_json(const struct ztc_map *map)
{
	zt_auto(zt_freep) char *text = NULL;
	size_t size;
	FILE *out = open_memstream(&text, &size);
	int r = out ? ztc_map_write(map, out) : -ENOMEM;

	if (out && fclose(out) != 0)
		r = -ENOMEM;
	return r < 0 ? NULL : json_loadb(text, size, 0, NULL);
}

json_t *ztc_map_slice(const struct ztc_map *map, size_t first, size_t count, json_t *nodes)
{
	const struct ztc_map part = {
		.by = map->by,
		.source = map->source,
		.nodes = map->nodes,
		.edges = map->edges + first,
		.edge_count = count,
	};
	json_t *json = ztc_map_json(&part);

	if (json && nodes && json_object_set(json, "nodes", nodes) < 0) {
		json_decref(json);
		return NULL;
	}
	return json;
}
