// SPDX-License-Identifier: Apache-2.0
/*
 * changes.c - edges whose verdict differs, those between the same two hosts added up.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/strbuf.h"
#include "base/strmap.h"
#include "base/vec.h"
#include "flow/names.h"
#include "plan/plan.h"

void zt_plan_changes_clear(struct zt_plan_changes *changes)
{
	free(changes->rows);
	*changes = (struct zt_plan_changes){0};
}

static void add_end(struct zt_strbuf *key, const struct zt_flow_names *names,
		    const struct zt_addr *addr, bool near)
{
	const char *host = names && names->host ? names->host(names->ctx, addr, near) : NULL;

	/* A name holds no NUL, so that it ends where the next part begins. */
	if (host)
		zt_strbuf_add(key, host, strlen(host) + 1);
	else
		zt_strbuf_add(key, addr->bytes, sizeof(addr->bytes));
	zt_strbuf_add(key, host ? "h" : "a", 1);
}

/* Would follow only if all were enforced. */
static bool is_beyond(const struct zt_plan_edge *edge, int plane)
{
	return plane == ZT_CANDIDATE && !zt_plan_edge_newly(edge, ZT_LIVE);
}

/* What makes two edges one row: hosts instead of addresses, the rest as it is. */
static void key_of(const struct zt_flow_names *names, const struct zt_plan_edge *edge, int plane,
		   struct zt_strbuf *ret)
{
	const struct zt_opening *o = &edge->opening;
	const uint32_t rest[] = {o->dir,	 o->port_index,		 o->owner,
				 edge->now_rule, edge->then_rule[plane], is_beyond(edge, plane)};

	zt_strbuf_reset(ret);
	add_end(ret, names, &o->near, o->dir != ZT_DIR_FWD);
	add_end(ret, names, &o->far, false);
	zt_strbuf_add(ret, rest, sizeof(rest));
}

static void merge(struct zt_plan_change *row, const struct zt_plan_edge *edge)
{
	row->edges++;
	row->edge.connections += edge->connections;
	if (edge->first_s < row->edge.first_s)
		row->edge.first_s = edge->first_s;
	if (edge->last_s > row->edge.last_s)
		row->edge.last_s = edge->last_s;
}

static int by_connections(const void *a, const void *b)
{
	const struct zt_plan_change *x = a, *y = b;

	if (x->edge.connections != y->edge.connections)
		return x->edge.connections < y->edge.connections ? 1 : -1;
	return x->edge.last_s < y->edge.last_s ? 1 : x->edge.last_s > y->edge.last_s ? -1 : 0;
}

static int gather(const struct zt_evidence *evidence, int plane, int wanted, struct zt_strmap *keys,
		  struct zt_plan_changes *out)
{
	const struct zt_plan_edges *edges = &evidence->edges;
	zt_auto(zt_strbuf_free) struct zt_strbuf key = ZT_STRBUF_INIT;
	size_t cap = 0;

	for (size_t i = 0; i < edges->count; i++) {
		const struct zt_plan_edge *edge = &edges->rows[i];
		uint32_t n;
		bool is_new;

		if (zt_plan_edge_newly(edge, plane) != wanted)
			continue;
		out->edges++;
		out->connections += edge->connections;
		out->beyond_edges += is_beyond(edge, plane);
		out->beyond_connections += is_beyond(edge, plane) ? edge->connections : 0;
		key_of(evidence->judges.names, edge, plane, &key);
		if (zt_strbuf_error(&key))
			return -ENOMEM;
		n = zt_strmap_intern(keys, key.data, key.len, &is_new);
		if (n == ZT_STRMAP_NONE ||
		    zt_vec_grow(&out->rows, &cap, n + 1, sizeof(*out->rows)) < 0)
			return -ENOMEM;
		if (is_new)
			out->rows[out->count++] =
				(struct zt_plan_change){*edge, 1, is_beyond(edge, plane)};
		else
			merge(&out->rows[n], edge);
	}
	return 0;
}

int zt_plan_changes_make(const struct zt_evidence *evidence, int plane, enum zt_newly newly,
			 struct zt_plan_changes *ret)
{
	zt_auto(zt_plan_changes_clear) struct zt_plan_changes out = {0};
	zt_auto(zt_strmap_free) struct zt_strmap *keys = NULL;
	int r = zt_strmap_new(&keys);

	if (r == 0)
		r = gather(evidence, plane, newly == ZT_NEWLY_DENIED ? 1 : -1, keys, &out);
	if (r < 0)
		return r;
	if (out.count)
		qsort(out.rows, out.count, sizeof(*out.rows), by_connections);
	if (out.count > ZT_PLAN_ROWS_MAX) {
		out.left_out = out.count - ZT_PLAN_ROWS_MAX;
		out.count = ZT_PLAN_ROWS_MAX;
	}
	*ret = out;
	out = (struct zt_plan_changes){0};
	return 0;
}
