/* SPDX-License-Identifier: Apache-2.0 */
/*
 * top.c - the request for what moves right now: edges of the last sweep, refusals, losses.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "api/internal.h"
#include "api/render.h"
#include "base/cleanup.h"
#include "base/json.h"
#include "base/time.h"
#include "flow/rates.h"

#define LIMIT_DEFAULT 100
#define LIMIT_MAX     1000 /* one frame, made at once */

enum sort {
	BY_BYTES,
	BY_PACKETS,
	BY_CONNECTIONS,
	SORT_COUNT,
};

static const char *const sorts[SORT_COUNT] = {
	[BY_BYTES] = "bytes",
	[BY_PACKETS] = "packets",
	[BY_CONNECTIONS] = "connections",
};

static int read_sort(struct zt_request *req, enum sort *ret)
{
	const char *text = NULL;

	if (zt_json_get_str(req->args, "sort", &text) < 0)
		return zt_request_fail(req, ZT_CODE_USAGE, "'sort' must be a string");
	for (int s = 0; text && s < SORT_COUNT; s++) {
		if (strcmp(text, sorts[s]))
			continue;
		*ret = (enum sort)s;
		return 0;
	}
	return text ? zt_request_fail(req, ZT_CODE_USAGE,
				      "'sort' must be bytes, packets or connections")
		    : 0;
}

static uint64_t bytes(const struct zt_rate *r)
{
	return r->add[ZT_L_BYTES_TO_DST] + r->add[ZT_L_BYTES_TO_SRC];
}

static uint64_t packets(const struct zt_rate *r)
{
	return r->add[ZT_L_PACKETS_TO_DST] + r->add[ZT_L_PACKETS_TO_SRC];
}

/* Equal ones by their key, so that rows do not dance. */
static int order(const struct zt_rate *a, const struct zt_rate *b, uint64_t x, uint64_t y)
{
	return x < y ? 1 : x > y ? -1 : memcmp(&a->key, &b->key, sizeof(a->key));
}

static int by_bytes(const void *x, const void *y)
{
	const struct zt_rate *a = *(const struct zt_rate *const *)x;
	const struct zt_rate *b = *(const struct zt_rate *const *)y;

	return order(a, b, bytes(a), bytes(b));
}

static int by_packets(const void *x, const void *y)
{
	const struct zt_rate *a = *(const struct zt_rate *const *)x;
	const struct zt_rate *b = *(const struct zt_rate *const *)y;

	return order(a, b, packets(a), packets(b));
}

static int by_connections(const void *x, const void *y)
{
	const struct zt_rate *a = *(const struct zt_rate *const *)x;
	const struct zt_rate *b = *(const struct zt_rate *const *)y;

	return order(a, b, a->add[ZT_L_CONNECTIONS], b->add[ZT_L_CONNECTIONS]);
}

/* The edges that the filter takes, in order; *ret is the caller's. */
static int choose(const struct zt_filter *filter, const struct zt_rates_view *view, enum sort sort,
		  const struct zt_rate ***ret, size_t *ret_count)
{
	static int (*const orders[SORT_COUNT])(const void *, const void *) = {
		[BY_BYTES] = by_bytes,
		[BY_PACKETS] = by_packets,
		[BY_CONNECTIONS] = by_connections,
	};
	const struct zt_rate **rows = calloc(view->count + 1, sizeof(struct zt_rate *));
	size_t count = 0;

	if (!rows)
		return -ENOMEM;
	for (size_t i = 0; i < view->count; i++) {
		if (zt_filter_rate(filter, &view->rows[i]))
			rows[count++] = &view->rows[i];
	}
	qsort(rows, count, sizeof(*rows), orders[sort]);
	*ret = rows;
	*ret_count = count;
	return 0;
}

static json_t *edges_json(struct zt_request *req, const struct zt_rate *const *rows, size_t count,
			  uint64_t limit)
{
	json_t *array = json_array();

	for (size_t i = 0; i < count && i < limit; i++)
		json_array_append_new(array, zt_render_rate(req->render, rows[i]));
	return array;
}

static json_t *totals_json(const struct zt_rates_view *view)
{
	return json_pack(
		"{s:o, s:o, s:o, s:o, s:o}", "connections",
		zt_json_u64(view->total[ZT_L_CONNECTIONS]), "bytes",
		zt_json_u64(view->total[ZT_L_BYTES_TO_DST] + view->total[ZT_L_BYTES_TO_SRC]),
		"packets",
		zt_json_u64(view->total[ZT_L_PACKETS_TO_DST] + view->total[ZT_L_PACKETS_TO_SRC]),
		"denied", zt_json_u64(view->denied), "would_deny", zt_json_u64(view->would_deny));
}

/* The rows seen last, and how many the filter takes. */
static int violations_json(struct zt_request *req, uint64_t limit, json_t *result)
{
	zt_auto(zt_violations_free) struct zt_violations *v = NULL;
	const struct zt_violation *row = NULL;
	json_t *array = json_array();
	uint64_t matched = 0;
	int r = zt_collector_violations(req->ctx->collector, &v);

	while (!r && (row = zt_violations_next(v, row))) {
		if (!zt_filter_violation(&req->filter, row))
			continue;
		if (matched++ < limit)
			json_array_append_new(array, zt_render_violation(req->render, row));
	}
	json_object_set_new(result, "violations", array);
	json_object_set_new(result, "violations_matched", zt_json_u64(matched));
	return r;
}

static int answer(struct zt_request *req, enum sort sort, uint64_t limit)
{
	const struct zt_rate **rows = NULL;
	struct zt_rates_view view;
	size_t count = 0;
	int r = zt_collector_rates(req->ctx->collector, &view);

	if (!r)
		r = choose(&req->filter, &view, sort, &rows, &count);
	if (r < 0)
		return r;
	req->result = json_pack("{s:b, s:s, s:o, s:o, s:o, s:o, s:o, s:o}", "ready", view.ready,
				"sort", sorts[sort], "at", zt_json_time(zt_now_ns()), "interval_ms",
				zt_json_u64(view.interval_ns / ZT_NS_PER_MS), "totals",
				totals_json(&view), "moved", zt_json_u64(view.moved), "matched",
				zt_json_u64(count), "edges", edges_json(req, rows, count, limit));
	free(rows);
	if (!req->result)
		return -ENOMEM;
	json_object_set_new(req->result, "losses", zt_status_losses(req->server));
	return violations_json(req, limit, req->result);
}

int zt_handle_top(struct zt_request *request)
{
	uint64_t limit = LIMIT_DEFAULT;
	enum sort sort = BY_BYTES;
	int r = zt_filter_parse(request->args, &request->filter, request->err,
				sizeof(request->err));

	if (r < 0) {
		request->code = ZT_CODE_USAGE;
		return r;
	}
	request->filter.names = request->names;
	request->filter.users = request->server->users;
	if (zt_json_get_u64(request->args, "limit", LIMIT_MAX, &limit) < 0 || !limit)
		return zt_request_fail(request, ZT_CODE_USAGE, "'limit' must be from 1 to %d",
				       LIMIT_MAX);
	r = read_sort(request, &sort);
	return r < 0 ? r : answer(request, sort, limit);
}
