/* SPDX-License-Identifier: Apache-2.0 */
/*
 * map_history.c - requests for the map of a window: read from the history a little at a time.
 *
 * The nodes are known when the last edge was read, so they follow the edges.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <xxhash.h>

#include "api/internal.h"
#include "api/map_text.h"
#include "api/names.h"
#include "api/owner.h"
#include "api/render.h"
#include "base/cleanup.h"
#include "base/json.h"
#include "base/strmap.h"
#include "base/time.h"
#include "flow/collect.h"
#include "history/history.h"

#define RECORD_MS     2000 /* the most that the last seconds are waited for */
#define EDGES_A_GO    64
#define OWNERS_CACHED 256

/* A node on its way: names are numbers of the stream's texts. */
struct seen {
	bool near;
	uint8_t hint_count;
	uint8_t source[ZT_HINTS_SHOWN];
	uint32_t host; /* ZT_STRMAP_NONE = it had none */
	uint32_t hint[ZT_HINTS_SHOWN];
	int64_t host_s; /* when it was last called so */
};

struct owner_text {
	struct zt_owner owner;
	uint64_t user; /* hash of the name */
	char *json;    /* NULL = unused */
};

struct window_stream {
	struct zt_stream face;
	struct zt_api_server *server;
	struct zt_filter filter;
	struct zt_history_cursor *cursor; /* NULL: nothing was recorded yet */
	struct zt_history_window window;
	uint64_t limit, shown, matched;
	bool began, edges_done;
	struct zt_strmap *addresses; /* number of a node by its address */
	struct zt_strmap *texts;
	struct seen *nodes;
	size_t node_room, node_at;
	struct owner_text *owners;
	struct zt_strbuf *out; /* of the call under way */
	struct zt_edge_sum sum;
};

/* --- nodes ------------------------------------------------------------------------------------ */

static int add_text(struct window_stream *s, const char *text, uint32_t *ret)
{
	*ret = zt_strmap_intern(s->texts, text, strlen(text) + 1, NULL);
	return *ret == ZT_STRMAP_NONE ? -ENOMEM : 0;
}

static int node_of(struct window_stream *s, const struct zt_addr *addr, struct seen **ret)
{
	bool fresh;
	uint32_t n = zt_strmap_intern(s->addresses, addr, sizeof(*addr), &fresh);
	size_t room = s->node_room ? s->node_room * 2 : 64;

	if (n == ZT_STRMAP_NONE)
		return -ENOMEM;
	if (n >= s->node_room) {
		struct seen *grown = realloc(s->nodes, room * sizeof(*grown));

		if (!grown)
			return -ENOMEM;
		s->nodes = grown;
		s->node_room = room;
	}
	*ret = &s->nodes[n];
	if (fresh)
		**ret = (struct seen){.host = ZT_STRMAP_NONE};
	return 0;
}

static int add_node(struct window_stream *s, const struct zt_history_end *end, int64_t last_s)
{
	struct seen *node;
	int r = node_of(s, &end->addr, &node);

	if (r < 0)
		return r;
	node->near |= end->near;
	if (end->host && (node->host == ZT_STRMAP_NONE || last_s > node->host_s)) {
		r = add_text(s, end->host, &node->host);
		node->host_s = last_s;
	}
	for (size_t i = node->hint_count; !r && i < end->hint_count && i < ZT_HINTS_SHOWN; i++) {
		r = add_text(s, end->hints[i].name, &node->hint[i]);
		node->source[i] = end->hints[i].source;
		node->hint_count = (uint8_t)(i + 1);
	}
	return r;
}

static const char *text_of(const struct window_stream *s, uint32_t number)
{
	size_t len;

	return number == ZT_STRMAP_NONE ? NULL : zt_strmap_key(s->texts, number, &len);
}

static int put_node(struct window_stream *s, struct zt_strbuf *out)
{
	const struct seen *seen = &s->nodes[s->node_at];
	struct zt_hint hints[ZT_HINTS_SHOWN];
	struct zt_node_then then = {.host = text_of(s, seen->host), .hints = hints};
	size_t len;
	const struct zt_addr *addr = zt_strmap_key(s->addresses, (uint32_t)s->node_at, &len);

	then.hint_count = seen->hint_count;
	for (size_t i = 0; i < seen->hint_count; i++)
		hints[i] = (struct zt_hint){
			.name = text_of(s, seen->hint[i]),
			.source = seen->source[i] == ZT_HINT_HOSTS ? "hosts" : "dns",
		};
	if (s->node_at++)
		zt_strbuf_puts(out, ",");
	return zt_map_text_address(s->server->map_text, out, addr, seen->near, &then);
}

/* --- edges ------------------------------------------------------------------------------------ */

/* Many edges have few owners: each is made text once. */
static int workload_text(struct window_stream *s, const struct zt_history_end *end,
			 const char **ret)
{
	uint64_t user = end->user ? XXH3_64bits(end->user, strlen(end->user)) : 0;
	struct owner_text *t;
	json_t *json;

	*ret = NULL;
	if (!end->owner)
		return 0;
	t = &s->owners[XXH3_64bits(end->owner, sizeof(*end->owner)) % OWNERS_CACHED];
	if (!t->json || t->user != user || memcmp(&t->owner, end->owner, sizeof(t->owner))) {
		free(t->json);
		json = zt_owner_json(end->owner, s->server->users);
		if (json && end->user)
			json_object_set_new(json, "user", zt_json_str(end->user));
		t->json = json ? json_dumps(json, JSON_COMPACT) : NULL;
		t->owner = *end->owner;
		t->user = user;
		json_decref(json);
	}
	*ret = t->json;
	return t->json ? 0 : -ENOMEM;
}

static void add_up(struct window_stream *s, const struct zt_history_edge *edge)
{
	struct zt_edge_sum *sum = &s->sum;

	zt_edge_sum_begin(sum);
	sum->connections = edge->connections;
	memcpy(sum->bytes, edge->bytes, sizeof(sum->bytes));
	memcpy(sum->packets, edge->packets, sizeof(sum->packets));
	sum->health = edge->health;
	zt_edge_sum_class(sum, edge->encryption, edge->app, edge->connections);
	zt_edge_sum_times(sum, (uint64_t)edge->first_s * 1000, (uint64_t)edge->last_s * 1000);
}

static int put_edge(struct window_stream *s, const struct zt_history_edge *edge)
{
	zt_auto(zt_strbuf_free) struct zt_strbuf live = ZT_STRBUF_INIT;
	zt_auto(zt_strbuf_free) struct zt_strbuf candidate = ZT_STRBUF_INIT;
	bool both = edge->src.owner || edge->kind == ZT_KIND_LOOP;
	char src[ZT_NODE_ID_LEN], dst[ZT_NODE_ID_LEN];
	struct zt_edge_face face = {
		.src = zt_map_text_id(&edge->src.addr, src),
		.dst = zt_map_text_id(&edge->dst.addr, dst),
		.action = {edge->action[ZT_LIVE], edge->action[ZT_CANDIDATE]},
		.proto = edge->proto,
		.kind = edge->kind,
		.port = edge->port,
		.rtt = true,
	};
	int r = workload_text(s, both ? &edge->src : &edge->dst, &face.workload);

	if (!r && both)
		r = workload_text(s, &edge->dst, &face.dst_workload);
	if (r < 0)
		return r;
	zt_map_text_string(&live, edge->rule[ZT_LIVE] ?: "none");
	zt_map_text_string(&candidate, edge->rule[ZT_CANDIDATE] ?: "none");
	face.rule[ZT_LIVE] = zt_strbuf_text(&live);
	face.rule[ZT_CANDIDATE] = zt_strbuf_text(&candidate);
	if (zt_strbuf_error(&live) || zt_strbuf_error(&candidate))
		return -ENOMEM;
	add_up(s, edge);
	zt_edge_put(s->out, &face, &s->sum);
	return zt_strbuf_error(s->out);
}

static int each_edge(const struct zt_history_edge *edge, void *ctx)
{
	struct window_stream *s = ctx;
	int r;

	if (!zt_filter_recorded(&s->filter, edge))
		return 0;
	if (s->matched++ >= s->limit)
		return 0;
	r = add_node(s, &edge->src, edge->last_s);
	if (!r)
		r = add_node(s, &edge->dst, edge->last_s);
	if (r < 0)
		return r;
	if (s->shown++)
		zt_strbuf_puts(s->out, ",");
	return put_edge(s, edge);
}

/* --- the stream ------------------------------------------------------------------------------- */

static json_t *second_json(int64_t s)
{
	char text[ZT_TIME_TEXT_LEN];

	return json_string(zt_wall_text((uint64_t)s * ZT_NS_PER_S, text));
}

static int begin_window(struct window_stream *s, struct zt_strbuf *out)
{
	s->began = true;
	zt_map_text_begin(s->server->map_text);
	zt_strbuf_puts(out, "{\"format\":1,\"by\":\"address\"");
	zt_stream_put_key(out, "view", zt_map_view(s->server, "history"));
	zt_stream_put_key(out, "window",
			  json_pack("{s:o, s:o}", "from", second_json(s->window.from_s), "to",
				    second_json(s->window.to_s)));
	zt_strbuf_puts(out, ",\"edges\":[");
	return zt_strbuf_error(out) < 0 ? -ENOMEM : 1;
}

static int more_edges(struct window_stream *s, struct zt_strbuf *out)
{
	int r = 0;

	s->out = out;
	s->filter.names = zt_names_get(s->server->names);
	if (s->cursor)
		r = zt_history_cursor_next(s->cursor, EDGES_A_GO, each_edge, s);
	s->out = NULL;
	if (r)
		return r;
	zt_history_cursor_close(&s->cursor);
	s->edges_done = true;
	zt_strbuf_puts(out, "],\"nodes\":[");
	return 1;
}

static int more_window(struct zt_stream *stream, struct zt_render *render, struct zt_strbuf *out)
{
	struct window_stream *s = (struct window_stream *)stream;
	int r;

	(void)render;
	if (!s->began)
		return begin_window(s, out);
	if (!s->edges_done)
		return more_edges(s, out);
	if (s->node_at < zt_strmap_count(s->addresses)) {
		r = put_node(s, out);
		return r < 0 ? r : 1;
	}
	zt_strbuf_puts(out, "]");
	zt_stream_put_key(out, "matched", zt_json_u64(s->matched));
	zt_stream_put_key(out, "losses", zt_status_losses(s->server));
	zt_strbuf_puts(out, "}");
	return zt_strbuf_error(out);
}

static void free_window(struct zt_stream *stream)
{
	struct window_stream *s = (struct window_stream *)stream;

	zt_history_cursor_close(&s->cursor);
	zt_strmap_free(&s->addresses);
	zt_strmap_free(&s->texts);
	for (size_t i = 0; s->owners && i < OWNERS_CACHED; i++)
		free(s->owners[i].json);
	free(s->owners);
	free(s->nodes);
	free(s);
}

static int fail_open(struct zt_request *req, int r)
{
	if (r == -EINVAL)
		return zt_request_fail(req, ZT_CODE_USAGE, "'since' must be before 'until'");
	return zt_request_fail(req, ZT_CODE_FAILED, "cannot read the recorded flows: %s",
			       r == -EBADMSG  ? "the database is damaged"
			       : r == -EPROTO ? "the database is of a later version"
					      : strerror(-r));
}

static int open_window(struct zt_request *req, struct window_stream *s, int64_t since_s,
		       int64_t until_s)
{
	int r;

	s->server = req->server;
	s->filter = req->filter;
	s->owners = calloc(OWNERS_CACHED, sizeof(*s->owners));
	if (!s->owners || zt_strmap_new(&s->addresses) < 0 || zt_strmap_new(&s->texts) < 0)
		return -ENOMEM;
	/* What was seen a moment ago counts too; a disk that is slow or full is no reason to fail.
	 */
	zt_collector_record(req->ctx->collector, RECORD_MS);
	r = zt_history_cursor_open(&s->cursor, req->ctx->history, since_s, until_s);
	if (r == -ENOENT)
		r = 0;
	if (!r && s->cursor)
		zt_history_cursor_window(s->cursor, &s->window);
	return r;
}

int zt_map_window(struct zt_request *req, uint64_t limit, uint64_t since_ns, uint64_t until_ns)
{
	int64_t since_s = (int64_t)(since_ns / ZT_NS_PER_S);
	int64_t until_s =
		until_ns ? (int64_t)((until_ns + ZT_NS_PER_S - 1) / ZT_NS_PER_S) : INT64_MAX;
	struct window_stream *s;
	int r;

	if (!req->ctx->history)
		return zt_request_fail(req, ZT_CODE_FAILED, "this agent records no flows");
	s = calloc(1, sizeof(*s));
	if (!s)
		return -ENOMEM;
	s->face = (struct zt_stream){.more = more_window, .free = free_window};
	s->limit = limit;
	r = open_window(req, s, since_s, until_s);
	if (r < 0) {
		free_window(&s->face);
		return fail_open(req, r);
	}
	if (!s->window.to_s)
		s->window.from_s = s->window.to_s = (int64_t)(zt_now_wall_ns() / ZT_NS_PER_S);
	req->stream = &s->face;
	return 0;
}
