/* SPDX-License-Identifier: Apache-2.0 */
/*
 * talks.c - both ends' views of the same traffic as one edge, nothing counted twice.
 *
 * A talk is who asked whom for which service. What the source denied never arrived: its own rows
 * stand. Of what it let go out both ends have rows, and those of one end count: of the end that
 * saw more; where they agree, of the end that tells more owners and verdicts apart. To each row
 * the other end's owner and verdict are added. What else the other end tells apart is kept in
 * rows without counts.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "ctl/map/merge.h"

/* Two counts of the same that differ by less agree: the maps were not saved at the same instant. */
#define AGREE_PERCENT	  10
#define AGREE_CONNECTIONS 2

void ztc_side_add(struct ztc_side *side, const struct ztc_row *row)
{
	const struct ztc_map_edge *e = row->edge;

	if (!side->count)
		*side = (struct ztc_side){.host = row->host,
					  .rows = row,
					  .first_ms = e->first_ms,
					  .last_ms = e->last_ms};
	side->count++;
	side->connections += e->connections;
	side->bytes += e->bytes[ZTC_TO_DST] + e->bytes[ZTC_TO_SRC];
	side->first_ms = e->first_ms < side->first_ms ? e->first_ms : side->first_ms;
	side->last_ms = e->last_ms > side->last_ms ? e->last_ms : side->last_ms;
}

/* --- one row of the merged map ---------------------------------------------------------------- */

static int begin_row(struct ztc_merge *m, const struct ztc_row *row, struct ztc_map_edge **ret)
{
	const struct ztc_map_edge *e = row->edge;
	struct ztc_map_edge *edge = ztc_map_edge(m->map);

	if (!edge)
		return -ENOMEM;
	edge->src = row->host->to[e->src];
	edge->dst = row->host->to[e->dst];
	edge->proto = e->proto;
	edge->kind = e->kind;
	edge->port = e->port;
	memcpy(edge->verdict, e->verdict, sizeof(edge->verdict));
	edge->seen_by = ztc_pool_host(m->map->pool, row->host->name);
	*ret = edge;
	return edge->seen_by ? 0 : -ENOMEM;
}

/* The row as its host saw it. */
static int put_row(struct ztc_merge *m, const struct ztc_row *row, struct ztc_map_edge **ret)
{
	int r = begin_row(m, row, ret);

	return r < 0 ? r : ztc_map_add(m->map, *ret, row->edge);
}

static int put_side(struct ztc_merge *m, const struct ztc_side *side)
{
	struct ztc_map_edge *edge;
	int r = 0;

	for (size_t i = 0; i < side->count && r == 0; i++)
		r = put_row(m, &side->rows[i], &edge);
	return r;
}

/* A packet passes when both let it: either's deny is the verdict, the source's first. */
static void join_verdict(struct ztc_map_edge *edge, const struct ztc_map_edge *other, bool is_src)
{
	for (int p = 0; p < ZT_PLANE_COUNT; p++) {
		struct ztc_map_verdict *v = &edge->verdict[p];
		const struct ztc_map_verdict *o = &other->verdict[p];
		bool plain = v->rule && strcmp(v->rule, "default-allow") == 0;

		if (v->deny && (!o->deny || is_src))
			continue;
		/* Of two that allow, a rule tells more than that there was none. */
		if (o->deny || plain || (!is_src && strcmp(o->rule, "default-allow") != 0))
			*v = *o;
	}
}

/* Where this end could not tell, and the other says the same of all it saw. */
static int join_encryption(struct ztc_merge *m, struct ztc_map_edge *edge,
			   const struct ztc_map_edge *other)
{
	uint64_t all = edge->cover[ZT_COVER_UNKNOWN];
	int which = -1;

	for (int c = 0; c < ZT_COVER_COUNT; c++) {
		if (c != ZT_COVER_UNKNOWN && edge->cover[c])
			return 0;
		if (!other->cover[c])
			continue;
		if (c == ZT_COVER_UNKNOWN || which >= 0)
			return 0;
		which = c;
	}
	if (which < 0 || !all)
		return 0;
	edge->cover[ZT_COVER_UNKNOWN] = 0;
	edge->cover[which] = all;
	edge->protocol_count = 0;
	if (other->protocol_count != 1)
		return 0;
	return ztc_map_protocol(m->map, edge, other->protocols[0].name, all);
}

/* @first: of the rows that are joined to the same one. */
static int join_row(struct ztc_merge *m, struct ztc_map_edge *edge, const struct ztc_row *other,
		    bool is_src, bool first)
{
	const struct ztc_map_edge *o = other->edge;
	const int end = is_src ? ZTC_DST : ZTC_SRC;
	struct ztc_map_health *h = &edge->health;

	edge->seen_by = ztc_pool_hosts(m->map->pool, edge->seen_by,
				       ztc_pool_host(m->map->pool, other->host->name));
	if (!edge->seen_by)
		return -ENOMEM;
	if (!edge->workload[end])
		edge->workload[end] = o->workload[end];
	join_verdict(edge, o, is_src);
	h->known |= o->health.known;
	/* Each end counts the segments that it sent again. */
	if (first)
		h->retransmits += o->health.retransmits;
	if (!h->rtt && !h->samples && first) {
		h->rtt = o->health.rtt;
		h->p50_us = o->health.p50_us;
		h->p99_us = o->health.p99_us;
		h->samples = o->health.samples;
	}
	return join_encryption(m, edge, o);
}

/* --- two sides
 * ------------------------------------------------------------------------------------
 */

static bool overlap(const struct ztc_side *a, const struct ztc_side *b)
{
	return a->first_ms <= b->last_ms + ZTC_SKEW_MS && b->first_ms <= a->last_ms + ZTC_SKEW_MS;
}

static bool agree(const struct ztc_side *a, const struct ztc_side *b)
{
	uint64_t more = a->connections > b->connections ? a->connections : b->connections;
	uint64_t less = a->connections + b->connections - more;

	return more - less <= AGREE_CONNECTIONS ||
	       (more - less) * 100 <= (uint64_t)AGREE_PERCENT * more;
}

static const struct ztc_row *most(const struct ztc_side *side)
{
	const struct ztc_row *best = side->rows;

	for (size_t i = 1; i < side->count; i++)
		if (side->rows[i].edge->connections > best->edge->connections)
			best = &side->rows[i];
	return best;
}

/* What the other end tells apart beyond the row that was joined; nothing of it counts again. */
static int put_uncounted(struct ztc_merge *m, const struct ztc_row *row,
			 const struct ztc_row *joined, int end)
{
	const struct ztc_map_edge *e = row->edge, *j = joined->edge;
	const struct ztc_workload *who = e->workload[end] ? e->workload[end]->who : NULL;
	const struct ztc_workload *its = j->workload[end] ? j->workload[end]->who : NULL;
	struct ztc_map_edge *edge;
	bool same = who == its;

	for (int p = 0; p < ZT_PLANE_COUNT; p++)
		same = same && e->verdict[p].deny == j->verdict[p].deny;
	if (same)
		return 0;
	if (begin_row(m, row, &edge) < 0)
		return -ENOMEM;
	edge->workload[end] = e->workload[end];
	edge->first_ms = e->first_ms;
	edge->last_ms = e->last_ms;
	return 0;
}

static int join_sides(struct ztc_merge *m, const struct ztc_side *src, const struct ztc_side *dst)
{
	const bool finer = dst->count > src->count;
	const bool by_dst = agree(src, dst) ? finer : dst->connections > src->connections;
	const struct ztc_side *counts = by_dst ? dst : src, *other = by_dst ? src : dst;
	const struct ztc_row *joined = most(other), *largest = most(counts);
	struct ztc_map_edge *edge;
	int r = 0;

	for (size_t i = 0; i < counts->count && r == 0; i++) {
		r = put_row(m, &counts->rows[i], &edge);
		if (r == 0)
			r = join_row(m, edge, joined, !by_dst, &counts->rows[i] == largest);
	}
	for (size_t i = 0; i < other->count && r == 0; i++)
		r = put_uncounted(m, &other->rows[i], joined, by_dst ? ZTC_SRC : ZTC_DST);
	return r;
}

/* Hosts on the way, and receivers of a group beside the one that counts, have seen it too. */
static int witness(struct ztc_merge *m, size_t first_edge, const struct ztc_row *rows, size_t count)
{
	for (size_t e = first_edge; e < m->map->edge_count; e++) {
		for (size_t i = 0; i < count; i++) {
			struct ztc_map_edge *edge = &m->map->edges[e];

			edge->seen_by =
				ztc_pool_hosts(m->map->pool, edge->seen_by,
					       ztc_pool_host(m->map->pool, rows[i].host->name));
			if (!edge->seen_by)
				return -ENOMEM;
		}
	}
	return 0;
}

/* The host of these rows that saw most; rows of one host are neighbours. */
static void best_side(const struct ztc_row *rows, size_t count, struct ztc_side *ret)
{
	size_t end;

	*ret = (struct ztc_side){0};
	for (size_t i = 0; i < count; i = end) {
		struct ztc_side side = {0};

		for (end = i; end < count && rows[end].host == rows[i].host; end++)
			ztc_side_add(&side, &rows[end]);
		if (!ret->count || side.connections > ret->connections)
			*ret = side;
	}
}

/* Rows of one talk, by role, then by host, what is denied first. */
static int merge_talk(struct ztc_merge *m, const struct ztc_row *rows, size_t count)
{
	const size_t begin = m->map->edge_count;
	struct ztc_side src = {0}, dst = {0}, between = {0};
	size_t n[ZTC_ROLES] = {0}, denied = 0;
	struct ztc_map_edge *edge;
	int r = 0;

	for (size_t i = 0; i < count; i++)
		n[rows[i].role]++;
	while (denied < n[ZTC_AT_SRC] && rows[denied].edge->verdict[ZT_LIVE].deny)
		denied++;
	for (size_t i = 0; i < denied && r == 0; i++)
		r = put_row(m, &rows[i], &edge);
	for (size_t i = denied; i < n[ZTC_AT_SRC]; i++)
		ztc_side_add(&src, &rows[i]);
	best_side(rows + n[ZTC_AT_SRC], n[ZTC_AT_DST], &dst);
	best_side(rows + n[ZTC_AT_SRC] + n[ZTC_AT_DST], n[ZTC_BETWEEN], &between);
	if (r < 0)
		return r;
	if (src.count && dst.count && overlap(&src, &dst))
		r = join_sides(m, &src, &dst);
	else if (src.count || dst.count)
		r = put_side(m, &src) < 0 || put_side(m, &dst) < 0 ? -ENOMEM : 0;
	else if (!denied)
		r = put_side(m, &between);
	if (r == 0)
		r = witness(m, begin, rows + n[ZTC_AT_SRC] + n[ZTC_AT_DST], n[ZTC_BETWEEN]);
	if (r < 0 || m->map->edge_count == begin)
		return r;
	return ztc_merge_compare(m, &m->map->edges[begin], &src, &dst);
}

/* --- all talks
 * ------------------------------------------------------------------------------------
 */

static enum ztc_role role_of(const struct ztc_merge_host *host, const struct ztc_map_edge *e)
{
	if (host->map->nodes[e->src].near)
		return ZTC_AT_SRC;
	return host->map->nodes[e->dst].near ? ZTC_AT_DST : ZTC_BETWEEN;
}

static int compare_ends(const struct ztc_row *a, const struct ztc_row *b)
{
	const uint32_t *ta = a->host->to, *tb = b->host->to;
	uint32_t as = ta[a->edge->src], bs = tb[b->edge->src];
	uint32_t ad = ta[a->edge->dst], bd = tb[b->edge->dst];
	int r = (as > bs) - (as < bs);

	r = r ? r : (ad > bd) - (ad < bd);
	r = r ? r : (a->edge->port > b->edge->port) - (a->edge->port < b->edge->port);
	return r ? r : strcmp(a->edge->proto, b->edge->proto);
}

static int compare_rows(const void *left, const void *right)
{
	const struct ztc_row *a = left, *b = right;
	int r = compare_ends(a, b);

	r = r ? r : (int)a->role - (int)b->role;
	/* Hosts lie in one array, by name. */
	r = r ? r : (a->host > b->host) - (a->host < b->host);
	r = r ? r : b->edge->verdict[ZT_LIVE].deny - a->edge->verdict[ZT_LIVE].deny;
	return r ? r : (a->edge > b->edge) - (a->edge < b->edge);
}

int ztc_merge_talks(struct ztc_merge *m)
{
	zt_auto(zt_freep) struct ztc_row *rows = NULL;
	size_t count = 0, end;
	int r = 0;

	for (size_t i = 0; i < m->host_count; i++)
		count += m->hosts[i].map->edge_count;
	rows = calloc(count + 1, sizeof(*rows));
	if (!rows)
		return -ENOMEM;
	count = 0;
	for (size_t i = 0; i < m->host_count; i++) {
		const struct ztc_merge_host *h = &m->hosts[i];

		for (size_t e = 0; e < h->map->edge_count; e++)
			rows[count++] = (struct ztc_row){h, &h->map->edges[e],
							 role_of(h, &h->map->edges[e])};
	}
	qsort(rows, count, sizeof(*rows), compare_rows);
	for (size_t i = 0; i < count && r == 0; i = end) {
		for (end = i + 1; end < count && !compare_ends(&rows[i], &rows[end]); end++)
			;
		r = merge_talk(m, &rows[i], end - i);
	}
	return r;
}
