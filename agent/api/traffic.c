/* SPDX-License-Identifier: Apache-2.0 */
/*
 * traffic.c - requests for flows and violations: long answers, written as they are read.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "api/internal.h"
#include "api/names.h"
#include "api/render.h"
#include "base/cleanup.h"
#include "base/json.h"

#define LIMIT_DEFAULT 10000

/* Appends one value of a list, a comma before it unless it is the first. */
int zt_stream_put(struct zt_strbuf *out, bool first, json_t *value)
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
int zt_stream_put_key(struct zt_strbuf *out, const char *key, json_t *value)
{
	zt_strbuf_printf(out, ",\"%s\":", key);
	return zt_stream_put(out, true, value);
}

int zt_request_limit(struct zt_request *req, uint64_t *ret)
{
	if (zt_json_get_u64(req->args, "limit", ZT_LIMIT_MAX, ret) < 0 || !*ret)
		return zt_request_fail(req, ZT_CODE_USAGE, "'limit' must be from 1 to %d",
				       ZT_LIMIT_MAX);
	return 0;
}

int zt_request_filter(struct zt_request *req)
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
		r = zt_stream_put(out, !s->at, zt_render_flow(render, &s->list.items[s->at], NULL));
		s->at++;
		return r < 0 ? r : 1;
	}
	zt_strbuf_puts(out, "]");
	zt_stream_put_key(out, "matched", zt_json_u64(s->list.matched));
	zt_stream_put_key(out, "limit", zt_json_u64(s->limit));
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
	s->face = (struct zt_stream){.more = more_flows, .free = free_flows};
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
	int r = zt_request_filter(request);

	if (!r)
		r = zt_request_limit(request, &limit);
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
		r = zt_stream_put(out, !s->at, zt_render_violation(render, s->rows[s->at]));
		s->at++;
		return r < 0 ? r : 1;
	}
	zt_strbuf_puts(out, "]");
	zt_stream_put_key(out, "matched", zt_json_u64(s->matched));
	zt_stream_put_key(out, "losses",
			  json_pack("{s:o}", "violations_over_cap", zt_json_u64(s->lost)));
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
	int r = zt_request_filter(request);

	if (!r)
		r = zt_request_limit(request, &limit);
	if (!r)
		r = read_mode(request, &mode);
	if (r < 0)
		return r;
	s = calloc(1, sizeof(*s));
	if (!s)
		return -ENOMEM;
	s->face = (struct zt_stream){.more = more_violations, .free = free_violations};
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
