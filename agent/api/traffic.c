/* SPDX-License-Identifier: Apache-2.0 */
/*
 * traffic.c - requests for flows, violations and the map: long answers, written as they are read.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "api/internal.h"
#include "api/names.h"
#include "api/render.h"
#include "base/cleanup.h"
#include "base/json.h"
#include "base/time.h"

#define LIMIT_DEFAULT 10000
#define LIMIT_MAX     1000000

/* Appends one value of a list, a comma before it unless it is the first. */
static int put(struct zt_strbuf *out, bool first, json_t *value)
{
	zt_auto(zt_json_decref) json_t *owned = value;
	zt_auto(zt_freep) char *text =
		owned ? json_dumps(owned, JSON_COMPACT | JSON_ENCODE_ANY) : NULL;

	if (!text)
		return -ENOMEM;
	if (!first)
		zt_strbuf_puts(out, ",");
	zt_strbuf_puts(out, text);
	return zt_strbuf_error(out);
}

/* Appends `,"key":value`. */
static int put_key(struct zt_strbuf *out, const char *key, json_t *value)
{
	zt_strbuf_printf(out, ",\"%s\":", key);
	return put(out, true, value);
}

static int read_limit(struct zt_request *req, uint64_t *ret)
{
	if (zt_json_get_u64(req->args, "limit", LIMIT_MAX, ret) < 0 || !*ret)
		return zt_request_fail(req, ZT_CODE_USAGE, "'limit' must be from 1 to %d",
				       LIMIT_MAX);
	return 0;
}

static int read_filter(struct zt_request *req)
{
	int r = zt_filter_parse(req->args, &req->filter, req->err, sizeof(req->err));

	if (r < 0)
		req->code = ZT_CODE_USAGE;
	req->filter.names = req->names;
	req->filter.users = req->server->users;
	return r;
}

/* --- flows ------------------------------------------------------------------------- */

struct flow_stream {
	struct zt_stream face;
	struct zt_flow_list list;
	uint64_t limit;
	size_t at;
};

static int more_flows(struct zt_stream *stream, struct zt_render *render, struct zt_strbuf *out)
{
	struct flow_stream *s = (struct flow_stream *)stream;
	int r;

	if (!s->at)
		zt_strbuf_puts(out, "{\"flows\":[");
	if (s->at < s->list.count) {
		r = put(out, !s->at, zt_render_flow(render, &s->list.items[s->at], NULL));
		s->at++;
		return r < 0 ? r : 1;
	}
	zt_strbuf_puts(out, "]");
	put_key(out, "matched", zt_json_u64(s->list.matched));
	put_key(out, "limit", zt_json_u64(s->limit));
	zt_strbuf_puts(out, "}");
	return zt_strbuf_error(out);
}

static void free_flows(struct zt_stream *stream)
{
	struct flow_stream *s = (struct flow_stream *)stream;

	zt_flow_list_clear(&s->list);
	free(s);
}

static bool match_flow(const struct zt_flow_item *item, void *data)
{
	return zt_filter_flow(data, item);
}

static int list_flows(struct zt_request *req, uint64_t limit)
{
	struct flow_stream *s = calloc(1, sizeof(*s));
	int r;

	if (!s)
		return -ENOMEM;
	s->face = (struct zt_stream){more_flows, free_flows};
	s->limit = limit;
	r = zt_collector_flows(req->ctx->collector, match_flow, &req->filter, limit, &s->list);
	if (r < 0) {
		free(s);
		return zt_request_fail(req, ZT_CODE_FAILED, "cannot read the flow tables: %s",
				       strerror(-r));
	}
	req->stream = &s->face;
	return 0;
}

int zt_handle_flows(struct zt_request *request)
{
	uint64_t limit = LIMIT_DEFAULT;
	bool follow = false;
	int r = read_filter(request);

	if (!r)
		r = read_limit(request, &limit);
	if (!r && zt_json_get_bool(request->args, "follow", &follow) < 0)
		r = zt_request_fail(request, ZT_CODE_USAGE, "'follow' must be true or false");
	if (r < 0)
		return r;
	if (!follow)
		return list_flows(request, limit);
	request->follow = true;
	request->result = json_pack("{s:[], s:i}", "flows", "skipped", 0);
	return request->result ? 0 : -ENOMEM;
}

/* --- violations ---------------------------------------------------------------------- */

struct violation_stream {
	struct zt_stream face;
	struct zt_violations *v;
	const struct zt_violation **rows; /* what matched */
	size_t count, matched, at;
	uint64_t lost;
};

static int more_violations(struct zt_stream *stream, struct zt_render *render,
			   struct zt_strbuf *out)
{
	struct violation_stream *s = (struct violation_stream *)stream;
	int r;

	if (!s->at)
		zt_strbuf_puts(out, "{\"violations\":[");
	if (s->at < s->count) {
		r = put(out, !s->at, zt_render_violation(render, s->rows[s->at]));
		s->at++;
		return r < 0 ? r : 1;
	}
	zt_strbuf_puts(out, "]");
	put_key(out, "matched", zt_json_u64(s->matched));
	put_key(out, "losses", json_pack("{s:o}", "violations_over_cap", zt_json_u64(s->lost)));
	zt_strbuf_puts(out, "}");
	return zt_strbuf_error(out);
}

static void free_violations(struct zt_stream *stream)
{
	struct violation_stream *s = (struct violation_stream *)stream;

	zt_violations_free(&s->v);
	free(s->rows);
	free(s);
}

static int read_mode(struct zt_request *req, int *ret)
{
	const char *mode = NULL;

	if (zt_json_get_str(req->args, "mode", &mode) < 0)
		return zt_request_fail(req, ZT_CODE_USAGE, "'mode' must be a string");
	if (!mode)
		return 0;
	for (int m = 0; m < ZT_MODE_COUNT; m++) {
		if (strcmp(mode, zt_mode_name((enum zt_mode)m)))
			continue;
		*ret = m;
		return 0;
	}
	return zt_request_fail(req, ZT_CODE_USAGE, "'mode' must be enforced or staged");
}

static int choose(struct zt_request *req, struct violation_stream *s, int mode, uint64_t limit)
{
	const struct zt_violation *row = NULL;

	s->rows = calloc(zt_violations_count(s->v) ?: 1, sizeof(*s->rows));
	if (!s->rows)
		return -ENOMEM;
	while ((row = zt_violations_next(s->v, row))) {
		if ((mode >= 0 && row->key.mode != mode) || !zt_filter_violation(&req->filter, row))
			continue;
		s->matched++;
		if (s->count < limit)
			s->rows[s->count++] = row;
	}
	s->lost = zt_violations_lost(s->v);
	return 0;
}

int zt_handle_violations(struct zt_request *request)
{
	uint64_t limit = LIMIT_DEFAULT;
	struct violation_stream *s;
	int mode = -1;
	int r = read_filter(request);

	if (!r)
		r = read_limit(request, &limit);
	if (!r)
		r = read_mode(request, &mode);
	if (r < 0)
		return r;
	s = calloc(1, sizeof(*s));
	if (!s)
		return -ENOMEM;
	s->face = (struct zt_stream){more_violations, free_violations};
	r = zt_collector_violations(request->ctx->collector, &s->v);
	if (!r)
		r = choose(request, s, mode, limit);
	if (r < 0) {
		free_violations(&s->face);
		return zt_request_fail(request, ZT_CODE_FAILED, "cannot read violations: %s",
				       strerror(-r));
	}
	request->stream = &s->face;
	return 0;
}

/* --- map ------------------------------------------------------------------------------ */

struct map_stream {
	struct zt_stream face;
	struct zt_api_server *server;
	struct zt_graph *graph;
	const struct zt_node *nodes;
	const struct zt_edge *edges;
	size_t node_count, edge_count, edge_all;
	size_t node_at, edge_at;
	bool began, in_edges;
	enum zt_node_kind kind;
	uint64_t from_ns, to_ns;
};

static const char *const by_names[] = {
	[ZT_NODE_ADDRESS] = "address",
	[ZT_NODE_HOST] = "host",
	[ZT_NODE_SEGMENT] = "segment",
};

static int begin_map(struct map_stream *s, struct zt_strbuf *out)
{
	s->began = true;
	zt_strbuf_printf(out, "{\"by\":\"%s\"", by_names[s->kind]);
	put_key(out, "window",
		json_pack("{s:o, s:o}", "from", zt_json_time(s->from_ns), "to",
			  zt_json_time(s->to_ns)));
	zt_strbuf_puts(out, ",\"nodes\":[");
	return zt_strbuf_error(out) < 0 ? -ENOMEM : 1;
}

static int end_map(struct map_stream *s, struct zt_strbuf *out)
{
	json_t *losses = zt_status_losses(s->server);

	if (losses)
		json_object_set_new(losses, "edges_over_cap", zt_json_u64(zt_graph_lost(s->graph)));
	zt_strbuf_puts(out, "]");
	put_key(out, "matched", zt_json_u64(s->edge_all));
	put_key(out, "losses", losses);
	zt_strbuf_puts(out, "}");
	return zt_strbuf_error(out);
}

static int more_map(struct zt_stream *stream, struct zt_render *render, struct zt_strbuf *out)
{
	struct map_stream *s = (struct map_stream *)stream;
	int r;

	if (!s->began)
		return begin_map(s, out);
	if (s->node_at < s->node_count) {
		r = put(out, !s->node_at, zt_render_node(render, &s->nodes[s->node_at]));
		s->node_at++;
		return r < 0 ? r : 1;
	}
	if (!s->in_edges) {
		zt_strbuf_puts(out, "],\"edges\":[");
		s->in_edges = true;
	}
	if (s->edge_at < s->edge_count) {
		r = put(out, !s->edge_at, zt_render_edge(render, s->nodes, &s->edges[s->edge_at]));
		s->edge_at++;
		return r < 0 ? r : 1;
	}
	return end_map(s, out);
}

static void free_map(struct zt_stream *stream)
{
	struct map_stream *s = (struct map_stream *)stream;

	zt_graph_free(&s->graph);
	free(s);
}

static bool match_edge(const struct zt_edge *edge, const struct zt_node *src,
		       const struct zt_node *dst, void *data)
{
	return zt_filter_edge(data, edge, src, dst);
}

static int read_by(struct zt_request *req, enum zt_node_kind *ret)
{
	const char *by = NULL;

	if (zt_json_get_str(req->args, "by", &by) < 0)
		return zt_request_fail(req, ZT_CODE_USAGE, "'by' must be a string");
	for (size_t i = 0; by && i < ARRAY_SIZE(by_names); i++) {
		if (strcmp(by, by_names[i]))
			continue;
		*ret = (enum zt_node_kind)i;
		return 0;
	}
	return by ? zt_request_fail(req, ZT_CODE_USAGE, "'by' must be host, address or segment")
		  : 0;
}

/* "2026-11-21T08:15:30Z", milliseconds allowed; to the datapath's clock. */
static int read_since(struct zt_request *req, uint64_t *ret_ns)
{
	const char *text = NULL, *rest;
	struct tm tm = {0};
	time_t at;

	if (zt_json_get_str(req->args, "since", &text) < 0)
		return zt_request_fail(req, ZT_CODE_USAGE, "'since' must be a string");
	if (!text)
		return 0;
	rest = strptime(text, "%Y-%m-%dT%H:%M:%S", &tm);
	if (rest && *rest == '.')
		rest += 1 + strspn(rest + 1, "0123456789");
	at = timegm(&tm);
	if (!rest || strcmp(rest, "Z") || at < 0)
		return zt_request_fail(req, ZT_CODE_USAGE,
				       "'since' must be a time such as 2026-11-21T08:15:30Z");
	*ret_ns = zt_wall_to_mono_ns((uint64_t)at * ZT_NS_PER_S);
	return 0;
}

static int open_map(struct zt_request *req, struct map_stream *s, uint64_t since_ns, uint64_t limit)
{
	const struct zt_graph_view view = {
		.kind = s->kind,
		.since_ns = since_ns,
		.match = match_edge,
		.data = &req->filter,
	};
	struct zt_collector_stats stats;
	int r = zt_collector_graph(req->ctx->collector, req->names, &view, &s->graph);

	if (r < 0)
		return r;
	zt_collector_stats(req->ctx->collector, &stats);
	s->server = req->server;
	s->nodes = zt_graph_nodes(s->graph, &s->node_count);
	s->edges = zt_graph_edges(s->graph, &s->edge_all);
	s->edge_count = s->edge_all < limit ? s->edge_all : limit;
	s->from_ns = since_ns > stats.started_ns ? since_ns : stats.started_ns;
	s->to_ns = zt_now_ns();
	/* Flows that began before this agent did are in the kernel's table with their own times. */
	for (size_t i = 0; !since_ns && i < s->edge_all; i++) {
		if (s->edges[i].first_ns < s->from_ns)
			s->from_ns = s->edges[i].first_ns;
	}
	return 0;
}

int zt_handle_map(struct zt_request *request)
{
	uint64_t limit = LIMIT_MAX, since_ns = 0;
	enum zt_node_kind kind = ZT_NODE_HOST;
	struct map_stream *s;
	int r = read_filter(request);

	if (!r)
		r = read_limit(request, &limit);
	if (!r)
		r = read_by(request, &kind);
	if (!r)
		r = read_since(request, &since_ns);
	if (r < 0)
		return r;
	s = calloc(1, sizeof(*s));
	if (!s)
		return -ENOMEM;
	s->face = (struct zt_stream){more_map, free_map};
	s->kind = kind;
	r = open_map(request, s, since_ns, limit);
	if (r < 0) {
		free_map(&s->face);
		return zt_request_fail(request, ZT_CODE_FAILED, "cannot read the flow tables: %s",
				       strerror(-r));
	}
	request->stream = &s->face;
	return 0;
}
