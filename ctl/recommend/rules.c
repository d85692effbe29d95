/* SPDX-License-Identifier: Apache-2.0 */
/*
 * rules.c - edges between segments to rules, each by the workload that was always there.
 *
 * A workload is asked for only where every edge of a service between two
 * segments names one: a rule must not deny what was seen without.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/vec.h"
#include "ctl/recommend/recommend.h"

#define UNITS_MAX 48 /* of the 64 conditions that a policy may have on a host */

static int by_number(uint32_t a, uint32_t b)
{
	return a < b ? -1 : a > b;
}

static int by_text(const char *a, const char *b)
{
	return strcmp(a ?: "", b ?: "");
}

static int by_ends(const void *x, const void *y, void *ctx)
{
	const struct ztc_rec_edge *a = x, *b = y;
	int c;

	(void)ctx;
	c = by_number(a->src, b->src);
	c = c ?: by_number(a->dst, b->dst);
	c = c ?: by_number(a->port, b->port);
	c = c ?: by_number(a->side, b->side);
	c = c ?: by_text(a->src_unit, b->src_unit);
	return c ?: by_text(a->dst_unit, b->dst_unit);
}

static int by_segments(const struct ztc_rec *rec, const struct ztc_rec_edge *a,
		       const struct ztc_rec_edge *b)
{
	int c = strcmp(rec->segments[rec->nodes[a->src].segment].name,
		       rec->segments[rec->nodes[b->src].segment].name);

	return c
		       ?: strcmp(rec->segments[rec->nodes[a->dst].segment].name,
				 rec->segments[rec->nodes[b->dst].segment].name);
}

static int by_service(const void *x, const void *y, void *ctx)
{
	const struct ztc_rec *rec = ctx;
	const struct ztc_rec_edge *a = x, *b = y;
	int c;

	c = by_segments(rec, a, b);
	c = c ?: by_number(a->port, b->port);
	c = c ?: memcmp(&rec->nodes[a->src].addr, &rec->nodes[b->src].addr, sizeof(struct zt_addr));
	c = c ?: memcmp(&rec->nodes[a->dst].addr, &rec->nodes[b->dst].addr, sizeof(struct zt_addr));
	c = c ?: by_text(a->src_unit, b->src_unit);
	return c ?: by_text(a->dst_unit, b->dst_unit);
}

static bool is_icmp(const struct ztc_rec_edge *e)
{
	return ztc_rec_is_icmp(e->port);
}

static int by_rule(const void *x, const void *y, void *ctx)
{
	const struct ztc_rec *rec = ctx;
	const struct ztc_rec_edge *a = x, *b = y;
	int c;

	c = by_segments(rec, a, b);
	c = c ?: is_icmp(a) - is_icmp(b);
	c = c ?: by_text(a->src_unit, b->src_unit);
	c = c ?: by_text(a->dst_unit, b->dst_unit);
	return c ?: by_service(x, y, ctx);
}

static bool same_segments(const struct ztc_rec *rec, const struct ztc_rec_edge *a,
			  const struct ztc_rec_edge *b)
{
	return rec->nodes[a->src].segment == rec->nodes[b->src].segment &&
	       rec->nodes[a->dst].segment == rec->nodes[b->dst].segment;
}

/* Of several owners one is named: always the same, whatever the order. */
const char *ztc_rec_owner(const char *a, const char *b)
{
	if (!a || !b)
		return a ?: b;
	return strcmp(a, b) <= 0 ? a : b;
}

/* --- one flow that was recorded at both ends ------------------------------------------------ */

static void absorb(struct ztc_rec_edge *to, struct ztc_rec_edge *from)
{
	from->gone = true;
	to->answered |= from->answered;
	if (from->connections > to->connections)
		to->connections = from->connections;
	to->owner = ztc_rec_owner(to->owner, from->owner);
	if (strcmp(from->first, to->first) < 0)
		to->first = from->first;
	if (strcmp(from->last, to->last) > 0)
		to->last = from->last;
}

/* Edges of the same ends and port, by side: [NEITHER][SRC][DST]. */
static void put_together(struct ztc_rec_edge *edges, size_t count)
{
	size_t src = 0, dst = 0;
	struct ztc_rec_edge *source = NULL, *last = &edges[count - 1];

	for (size_t i = 0; i < count; i++) {
		if (edges[i].side == ZTC_REC_SRC && src++ == 0)
			source = &edges[i];
		dst += edges[i].side == ZTC_REC_DST;
	}
	if (!src || !dst)
		return;
	if (dst == 1) {
		for (size_t i = 0; i + 1 < count; i++)
			edges[i].dst_unit = last->dst_unit;
		absorb(&edges[count - 2], last);
		return;
	}
	/* Which of several here spoke to which of several there is not known. */
	for (size_t i = 0; i < count; i++) {
		if (edges[i].side != ZTC_REC_DST)
			continue;
		edges[i].src_unit = src == 1 ? source->src_unit : NULL;
		if (src > 1)
			edges[i].dst_unit = NULL;
	}
	for (size_t i = 0; i < count; i++)
		if (edges[i].side != ZTC_REC_DST)
			absorb(last, &edges[i]);
}

static void drop_gone(struct ztc_rec *rec)
{
	size_t n = 0;

	for (size_t i = 0; i < rec->edge_count; i++)
		if (!rec->edges[i].gone)
			rec->edges[n++] = rec->edges[i];
	rec->edge_count = n;
}

static void combine(struct ztc_rec *rec)
{
	qsort_r(rec->edges, rec->edge_count, sizeof(*rec->edges), by_ends, rec);
	for (size_t i = 0, end; i < rec->edge_count; i = end) {
		for (end = i + 1;
		     end < rec->edge_count && rec->edges[end].src == rec->edges[i].src &&
		     rec->edges[end].dst == rec->edges[i].dst &&
		     rec->edges[end].port == rec->edges[i].port;
		     end++)
			;
		put_together(rec->edges + i, end - i);
	}
	drop_gone(rec);
}

/* Both ends are there; one that its host does not list must be known to the other's agent. */
static void see(const struct ztc_rec *rec, struct ztc_rec_node *src, struct ztc_rec_node *dst)
{
	bool both =
		src->host != ZTC_REC_NONE && dst->host != ZTC_REC_NONE && src->host != dst->host;

	src->seen = dst->seen = true;
	src->learned |= src->own && both && rec->hosts[dst->host].recorded;
	dst->learned |= dst->own && both && rec->hosts[src->host].recorded;
}

/* What was asked for: at least so often, at this host, answered. */
static void filter(struct ztc_rec *rec)
{
	for (size_t i = 0; i < rec->edge_count; i++) {
		struct ztc_rec_edge *e = &rec->edges[i];
		uint32_t src = rec->nodes[e->src].host, dst = rec->nodes[e->dst].host;
		const char *only = rec->only_host;
		uint64_t *why = NULL;

		if (only && (src == ZTC_REC_NONE || strcmp(rec->hosts[src].name, only) != 0) &&
		    (dst == ZTC_REC_NONE || strcmp(rec->hosts[dst].name, only) != 0))
			why = &rec->left.other_host;
		else if (e->connections < rec->min_connections)
			why = &rec->left.few;
		else if (rec->answered_only && !e->answered && !is_icmp(e))
			why = &rec->left.unanswered;
		e->gone = why != NULL;
		if (why)
			(*why)++;
		else
			see(rec, &rec->nodes[e->src], &rec->nodes[e->dst]);
	}
	drop_gone(rec);
}

/* --- workloads ----------------------------------------------------------------------------------
 */

/* Within one service between two segments: a unit counts when every edge has one. */
static void settle_units(struct ztc_rec *rec)
{
	qsort_r(rec->edges, rec->edge_count, sizeof(*rec->edges), by_service, rec);
	for (size_t i = 0, end; i < rec->edge_count; i = end) {
		bool src = true, dst = true;

		for (end = i; end < rec->edge_count &&
			      same_segments(rec, &rec->edges[i], &rec->edges[end]) &&
			      rec->edges[i].port == rec->edges[end].port;
		     end++) {
			src &= rec->edges[end].src_unit != NULL;
			dst &= rec->edges[end].dst_unit != NULL;
		}
		for (size_t k = i; k < end; k++) {
			if (!src || is_icmp(&rec->edges[k]))
				rec->edges[k].src_unit = NULL;
			if (!dst || is_icmp(&rec->edges[k]))
				rec->edges[k].dst_unit = NULL;
		}
	}
}

/* A policy has room for so many conditions: when there are more units, none is asked for. */
static int bound_units(struct ztc_rec *rec)
{
	zt_auto(zt_strmap_free) struct zt_strmap *units = NULL;

	if (zt_strmap_new(&units) < 0)
		return -ENOMEM;
	for (size_t i = 0; i < rec->edge_count; i++) {
		struct ztc_rec_edge *e = &rec->edges[i];
		const char *both[2] = {e->src_unit, e->dst_unit};

		for (int k = 0; k < 2; k++)
			if (both[k] && zt_strmap_intern(units, both[k], strlen(both[k]), NULL) ==
					       ZT_STRMAP_NONE)
				return -ENOMEM;
	}
	for (size_t i = 0; zt_strmap_count(units) > UNITS_MAX && i < rec->edge_count; i++)
		rec->edges[i].src_unit = rec->edges[i].dst_unit = NULL;
	return 0;
}

/* --- rules --------------------------------------------------------------------------------------
 */

static const char *name_rule(struct ztc_rec *rec, const struct ztc_rec_rule *rule, bool by_unit)
{
	zt_auto(zt_strbuf_free) struct zt_strbuf name = ZT_STRBUF_INIT;
	const char *unit = rule->from_unit ?: rule->to_unit;
	bool ping = rule->icmp;

	for (size_t i = 0; i < rule->count; i++)
		ping &= ztc_rec_is_ping(rec->edges[rule->first + i].port);
	zt_strbuf_printf(&name, "%.24s-%s-%.24s", rec->segments[rule->from].name,
			 !rule->icmp ? "to"
			 : ping	     ? "ping"
				     : "icmp",
			 rec->segments[rule->to].name);
	if (by_unit && unit)
		zt_strbuf_printf(&name, "-%.*s", (int)strcspn(unit, ".@"), unit);
	return ztc_rec_name(rec, "rule:", zt_strbuf_text(&name));
}

static int add_rule(struct ztc_rec *rec, size_t first, size_t end)
{
	const struct ztc_rec_edge *e = &rec->edges[first];
	struct ztc_rec_rule rule = {.from = rec->nodes[e->src].segment,
				    .to = rec->nodes[e->dst].segment,
				    .from_unit = e->src_unit,
				    .to_unit = e->dst_unit,
				    .icmp = is_icmp(e),
				    .first = first,
				    .count = end - first};
	const struct ztc_rec_rule *last = rec->rule_count ? &rec->rules[rec->rule_count - 1] : NULL;
	bool same =
		last && last->from == rule.from && last->to == rule.to && last->icmp == rule.icmp;

	rule.id = name_rule(rec, &rule, same);
	if (!rule.id ||
	    zt_vec_grow(&rec->rules, &rec->rule_cap, rec->rule_count + 1, sizeof(rule)) < 0)
		return -ENOMEM;
	for (size_t i = first; i < end; i++)
		rec->edges[i].rule = (uint32_t)rec->rule_count;
	rec->segments[rule.from].used = rec->segments[rule.to].used = true;
	rec->rules[rec->rule_count++] = rule;
	return 0;
}

int ztc_rec_rules(struct ztc_rec *rec)
{
	int r;

	settle_units(rec);
	r = bound_units(rec);
	qsort_r(rec->edges, rec->edge_count, sizeof(*rec->edges), by_rule, rec);
	for (size_t i = 0, end; i < rec->edge_count && r == 0; i = end) {
		const struct ztc_rec_edge *e = &rec->edges[i];

		for (end = i; end < rec->edge_count && same_segments(rec, e, &rec->edges[end]) &&
			      is_icmp(e) == is_icmp(&rec->edges[end]) &&
			      by_text(e->src_unit, rec->edges[end].src_unit) == 0 &&
			      by_text(e->dst_unit, rec->edges[end].dst_unit) == 0;
		     end++)
			;
		r = add_rule(rec, i, end);
	}
	return r;
}

int ztc_rec_make(struct ztc_rec *rec)
{
	uint32_t nodes = zt_strmap_count(rec->node_keys);
	int r;

	/* Whose map came later may be whose address was seen before. */
	for (uint32_t n = 0; n < nodes; n++)
		if (rec->nodes[n].host == ZTC_REC_NONE)
			rec->nodes[n].host = ztc_rec_host_at(rec, &rec->nodes[n].addr);
	combine(rec);
	filter(rec);
	r = ztc_rec_segments(rec);
	return r < 0 ? r : ztc_rec_rules(rec);
}
