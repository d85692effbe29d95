/* SPDX-License-Identifier: Apache-2.0 */
/*
 * map.c - requests for the map: what this agent saw, written as it is read.
 */
#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "api/internal.h"
#include "api/map_text.h"
#include "api/names.h"
#include "api/render.h"
#include "base/cleanup.h"
#include "base/json.h"
#include "base/time.h"
#include "datapath/datapath.h"
#include "datapath/intent.h"

#define MAPS_AT_ONCE 2 /* a graph may be as large as all else that the agent has: others wait */

struct map_stream {
	struct zt_stream face;
	bool counted; /* among server->maps */
	struct zt_api_server *server;
	struct zt_graph_read *read; /* of the tables, until @graph is there */
	struct zt_filter filter;
	struct zt_graph *graph;
	const struct zt_node *nodes;
	const struct zt_edge *edges; /* sorted: those of one JSON edge stand together */
	size_t node_count, edge_count;
	size_t node_at, edge_at;
	uint64_t matched, limit, shown; /* edges in JSON */
	bool began, in_edges;
	enum zt_node_kind kind;
	uint64_t from_ns, to_ns;
	struct zt_edge_sum sum;
};

static const char *const by_names[] = {
	[ZT_NODE_ADDRESS] = "address",
	[ZT_NODE_HOST] = "host",
	[ZT_NODE_SEGMENT] = "segment",
};

/* A policy without statements needs no host to be known; its inventory may name it all the same. */
static const char *host_by_address(const struct zt_api_server *server)
{
	const struct zt_flow_names *names = zt_names_get(server->names);
	const char *host = NULL;
	size_t count;
	const struct zt_addr *locals = zt_dp_locals(server->ctx.dp, &count);

	for (size_t i = 0; i < count && !host; i++)
		host = names->host(names->ctx, &locals[i], false);
	return host;
}

json_t *zt_map_view(const struct zt_api_server *server, const char *source)
{
	const struct zt_api_ctx *ctx = &server->ctx;
	struct zt_intent_state state;
	char name[HOST_NAME_MAX + 1] = "";

	zt_intent_state(ctx->intent, &state);
	gethostname(name, sizeof(name) - 1);
	return json_pack("{s:o, s:o, s:s}", "host",
			 zt_json_str(state.host ?: host_by_address(server) ?: name), "started",
			 zt_json_time(ctx->started_ns), "source", source);
}

static int begin_map(struct map_stream *s, struct zt_strbuf *out)
{
	s->began = true;
	zt_map_text_begin(s->server->map_text);
	zt_strbuf_printf(out, "{\"format\":1,\"by\":\"%s\"", by_names[s->kind]);
	zt_stream_put_key(out, "view", zt_map_view(s->server, "agent"));
	zt_stream_put_key(out, "window",
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
	zt_stream_put_key(out, "matched", zt_json_u64(s->matched));
	zt_stream_put_key(out, "losses", losses);
	zt_strbuf_puts(out, "}");
	return zt_strbuf_error(out);
}

static bool same_edge(const struct zt_edge *a, const struct zt_edge *b)
{
	return !memcmp(&a->key, &b->key, offsetof(struct zt_edge_key, encryption));
}

static size_t run_length(const struct map_stream *s, size_t at)
{
	size_t end = at + 1;

	while (end < s->edge_count && same_edge(&s->edges[at], &s->edges[end]))
		end++;
	return end - at;
}

static void add_up(struct map_stream *s, const struct zt_edge *edge)
{
	struct zt_edge_sum *sum = &s->sum;
	struct zt_health health;

	sum->connections += edge->connections;
	for (int i = 0; i < 2; i++) {
		sum->bytes[i] += edge->bytes[i];
		sum->packets[i] += edge->packets[i];
	}
	zt_edge_sum_class(sum, edge->key.encryption, edge->key.app, edge->connections);
	zt_edge_sum_times(sum, zt_map_text_ms(s->server->map_text, edge->first_ns),
			  zt_map_text_ms(s->server->map_text, edge->last_ns));
	if (zt_graph_health(s->graph, edge, &health))
		zt_health_merge(&sum->health, &health);
}

static int put_edge(struct map_stream *s, struct zt_strbuf *out)
{
	size_t count = run_length(s, s->edge_at);

	if (s->shown++)
		zt_strbuf_puts(out, ",");
	zt_edge_sum_begin(&s->sum);
	for (size_t i = 0; i < count; i++)
		add_up(s, &s->edges[s->edge_at + i]);
	s->edge_at += count;
	return zt_map_text_edge(s->server->map_text, out, s->nodes, &s->edges[s->edge_at - 1],
				&s->sum);
}

static bool match_edge(const struct zt_edge *edge, const struct zt_node *src,
		       const struct zt_node *dst, void *data)
{
	return zt_filter_edge(data, edge, src, dst);
}

static int take_graph(struct map_stream *s)
{
	const struct zt_graph_view view = {
		.kind = s->kind,
		.match = match_edge,
		.data = &s->filter,
	};
	struct zt_collector_stats stats;
	int r;

	s->filter.names = zt_names_get(s->server->names);
	r = zt_graph_read_finish(s->read, s->filter.names, &view, &s->graph);
	if (r < 0)
		return r;
	zt_graph_read_free(&s->read);
	zt_collector_stats(s->server->ctx.collector, &stats);
	s->nodes = zt_graph_nodes(s->graph, &s->node_count);
	s->edges = zt_graph_edges(s->graph, &s->edge_count);
	s->from_ns = stats.started_ns;
	s->to_ns = zt_now_ns();
	for (size_t i = 0; i < s->edge_count; i += run_length(s, i))
		s->matched++;
	/* Flows that began before this agent did are in the kernel's table with their own times. */
	for (size_t i = 0; i < s->edge_count; i++) {
		if (s->edges[i].first_ns < s->from_ns)
			s->from_ns = s->edges[i].first_ns;
	}
	return 0;
}

static int begin_read(struct map_stream *s)
{
	s->counted = true;
	s->server->maps++;
	return zt_graph_read_begin(s->server->ctx.collector, &s->read);
}

/* The tables, a part at a time. */
static int read_more(struct map_stream *s)
{
	int r = s->read ? 0 : begin_read(s);

	if (!r)
		r = zt_graph_read_step(s->read);
	if (r == 0)
		r = take_graph(s);
	return r < 0 ? r : 1;
}

static int more_map(struct zt_stream *stream, struct zt_render *render, struct zt_strbuf *out)
{
	struct map_stream *s = (struct map_stream *)stream;
	int r;

	(void)render;
	if (!s->graph)
		return read_more(s);
	if (!s->began)
		return begin_map(s, out);
	if (s->node_at < s->node_count) {
		if (s->node_at)
			zt_strbuf_puts(out, ",");
		r = zt_map_text_node(s->server->map_text, out, &s->nodes[s->node_at++]);
		return r < 0 ? r : 1;
	}
	if (!s->in_edges) {
		zt_strbuf_puts(out, "],\"edges\":[");
		s->in_edges = true;
	}
	if (s->edge_at < s->edge_count && s->shown < s->limit) {
		r = put_edge(s, out);
		return r < 0 ? r : 1;
	}
	return end_map(s, out);
}

/* The next one that waits has its turn. */
static void let_next(struct zt_api_server *server)
{
	for (struct zt_client *c = server->clients; c; c = c->next) {
		if (!c->stream || !c->stream->waits)
			continue;
		c->stream->waits = false;
		c->active_ns = zt_now_ns();
		zt_client_wait(c);
		return;
	}
}

static void free_map(struct zt_stream *stream)
{
	struct map_stream *s = (struct map_stream *)stream;
	struct zt_api_server *server = s->server;
	bool counted = s->counted;

	zt_graph_read_free(&s->read);
	zt_graph_free(&s->graph);
	free(s);
	if (!counted)
		return;
	server->maps--;
	let_next(server);
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

/* "2026-11-21T08:15:30Z", milliseconds allowed; 0 when it is not asked for. */
static int read_time(struct zt_request *req, const char *key, uint64_t *ret_wall_ns)
{
	const char *text = NULL;

	if (zt_json_get_str(req->args, key, &text) < 0)
		return zt_request_fail(req, ZT_CODE_USAGE, "'%s' must be a string", key);
	if (text && zt_wall_parse(text, ret_wall_ns) < 0)
		return zt_request_fail(req, ZT_CODE_USAGE,
				       "'%s' must be a time such as 2026-11-21T08:15:30Z", key);
	return 0;
}

/* What was recorded is by address, and is grouped by who asks. */
static int window_only(struct zt_request *req, enum zt_node_kind kind)
{
	if (kind != ZT_NODE_ADDRESS)
		return zt_request_fail(req, ZT_CODE_USAGE,
				       "with 'since' or 'until' the map is by address");
	return 0;
}

int zt_handle_map(struct zt_request *request)
{
	uint64_t limit = ZT_LIMIT_MAX, since_ns = 0, until_ns = 0;
	enum zt_node_kind kind = ZT_NODE_HOST;
	struct map_stream *s;
	int r = zt_request_filter(request);

	if (!r)
		r = zt_request_limit(request, &limit);
	if (!r)
		r = read_by(request, &kind);
	if (!r)
		r = read_time(request, "since", &since_ns);
	if (!r)
		r = read_time(request, "until", &until_ns);
	if (!r && (since_ns || until_ns))
		return window_only(request, kind)
			       ?: zt_map_window(request, limit, since_ns, until_ns);
	if (r < 0)
		return r;
	s = calloc(1, sizeof(*s));
	if (!s)
		return -ENOMEM;
	s->face = (struct zt_stream){.more = more_map, .free = free_map};
	s->kind = kind;
	s->limit = limit;
	s->server = request->server;
	s->filter = request->filter;
	s->face.waits = s->server->maps >= MAPS_AT_ONCE;
	r = s->face.waits ? 0 : begin_read(s);
	if (!r && s->read) /* what the kernel refuses it refuses at once */
		r = zt_graph_read_step(s->read);
	if (r < 0) {
		free_map(&s->face);
		return zt_request_fail(request, ZT_CODE_FAILED, "cannot read the flow tables: %s",
				       strerror(-r));
	}
	request->stream = &s->face;
	return 0;
}
