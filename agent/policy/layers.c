/* SPDX-License-Identifier: Apache-2.0 */
/* layers.c - statements of the policy in force and of a held candidate, with ends as numbers. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/strbuf.h"
#include "policy/lower.h"

#define NS_PER_S 1000000000LL

static __u8 rank_of(const struct zt_stmt *stmt)
{
	switch (stmt->kind) {
	case ZT_STMT_FAILSAFE:
		return ZT_RANK_FAILSAFE;
	case ZT_STMT_RULE:
		return stmt->action == ZT_DENY ? ZT_RANK_DENY : ZT_RANK_ALLOW;
	default:
		return ZT_RANK_BOUNDARY;
	}
}

static const struct zt_layer *layer_of(const struct zt_compiler *c, const struct zt_lowered *s)
{
	return &c->atoms.layer[s->layer];
}

void zt_speak_of(struct zt_compiler *c, const struct zt_lowered *s)
{
	c->diag->sources = layer_of(c, s)->policy->sources;
}

/* --- label conditions -------------------------------------------------------------------- */

/* Number of a statement's when.labels among those of its layer; ZT_STRMAP_NONE without memory. */
static uint32_t cond_number(struct zt_strmap *conds, const struct zt_when *when, bool *ret_new)
{
	zt_auto(zt_strbuf_free) struct zt_strbuf text = ZT_STRBUF_INIT;

	for (size_t i = 0; i < when->label_count; i++) {
		zt_strbuf_add(&text, when->labels[i].key, strlen(when->labels[i].key) + 1);
		zt_strbuf_add(&text, when->labels[i].value, strlen(when->labels[i].value) + 1);
	}
	return zt_strbuf_error(&text) ? ZT_STRMAP_NONE
				      : zt_strmap_intern(conds, text.data, text.len, ret_new);
}

int zt_gather_conds(struct zt_layer *layer, struct zt_strmap *conds)
{
	const struct zt_policy *p = layer->policy;
	size_t most = 0;

	layer->cond_count = 0;
	for (size_t i = 0; i < p->stmt_count; i++)
		most += p->stmts[i].when.label_count != 0;
	layer->cond_list = calloc(most + 1, sizeof(*layer->cond_list));
	if (!layer->cond_list)
		return -ENOMEM;
	for (size_t i = 0; most && i < p->stmt_count; i++) {
		const struct zt_when *when = &p->stmts[i].when;
		uint32_t number;
		bool is_new;

		if (!when->label_count)
			continue;
		number = cond_number(conds, when, &is_new);
		if (number == ZT_STRMAP_NONE)
			return -ENOMEM;
		if (is_new)
			layer->cond_list[layer->cond_count++] = (struct zt_label_cond){
				.labels = when->labels, .count = when->label_count};
	}
	return 0;
}

/* --- numbers ----------------------------------------------------------------------------- */

static int gather_ends(struct zt_layer *layer)
{
	const struct zt_policy *p = layer->policy;

	layer->ends = calloc(2 * p->stmt_count + 1, sizeof(const struct zt_end *));
	if (!layer->ends)
		return -ENOMEM;
	for (size_t i = 0; i < p->stmt_count; i++) {
		const struct zt_end *ends[] = {&p->stmts[i].from, &p->stmts[i].to};

		for (size_t k = 0; k < 2; k++) {
			layer->names_hosts |= ends[k]->kind == ZT_END_THIS_HOST;
			if (ends[k]->kind == ZT_END_NETS)
				layer->ends[layer->end_count++] = ends[k];
		}
	}
	return 0;
}

static void number_atoms(struct zt_layer *layer, uint32_t first)
{
	layer->first = first;
	layer->unknown = first + (uint32_t)layer->policy->segment_count;
	layer->multicast = layer->unknown + 1;
	layer->broadcast = layer->unknown + 2;
	layer->hosts = layer->unknown + 3;
	layer->nets = layer->unknown + 4;
	layer->conds = layer->nets + (uint32_t)layer->end_count;
	layer->derived = layer->conds + (uint32_t)layer->cond_count;
	layer->end = layer->derived;
}

static uint32_t atom_of(const struct zt_layer *layer, const struct zt_stmt *stmt,
			const struct zt_end *end, uint32_t *next_nets)
{
	switch (end->kind) {
	case ZT_END_ANY:
		return ZT_ATOM_ANY;
	case ZT_END_THIS_HOST:
		/* A deny is for the host that it names alone: elsewhere it is skipped. */
		return rank_of(stmt) == ZT_RANK_ALLOW || rank_of(stmt) == ZT_RANK_FAILSAFE
			       ? layer->hosts
			       : ZT_ATOM_THIS_HOST;
	case ZT_END_UNKNOWN:
		return layer->unknown;
	case ZT_END_MULTICAST:
		return layer->multicast;
	case ZT_END_BROADCAST:
		return layer->broadcast;
	case ZT_END_NETS:
		return (*next_nets)++;
	default:
		return layer->first + (uint32_t)end->segment;
	}
}

/* Narrows the `from` end to hosts with the labels that the statement asks for. */
static int narrow(struct zt_layer *layer, struct zt_strmap *conds, struct zt_lowered *s)
{
	uint32_t cond;

	s->plain_from = s->from;
	if (!s->stmt->when.label_count)
		return 0;
	cond = cond_number(conds, &s->stmt->when, NULL);
	if (cond == ZT_STRMAP_NONE)
		return -ENOMEM;
	s->from = s->from == ZT_ATOM_ANY ? layer->conds + cond
					 : zt_atoms_derived(layer, s->from, cond);
	return s->from == ZT_ATOM_NONE ? -ENOMEM : 0;
}

/* --- what is in force -------------------------------------------------------------------- */

static const struct zt_overlay_mode *mode_of(const struct zt_overlay *o, const char *id)
{
	size_t low = 0, high = o ? o->mode_count : 0;

	while (low < high) {
		size_t mid = low + (high - low) / 2;
		int r = strcmp(o->modes[mid].id, id);

		if (r == 0)
			return &o->modes[mid];
		if (r < 0)
			low = mid + 1;
		else
			high = mid;
	}
	return NULL;
}

/* Promotions are of the policy in force; a held candidate is all that it says. */
static void set_mode(struct zt_compiler *c, struct zt_lowered *s)
{
	const struct zt_overlay_mode *over = NULL;

	s->enforced = s->stmt->mode == ZT_MODE_ENFORCED;
	s->percent = 100;
	if (s->layer == 0 && s->rank != ZT_RANK_FAILSAFE)
		over = mode_of(c->env->overlay, s->stmt->id);
	if (!over)
		return;
	s->enforced = over->mode == ZT_MODE_ENFORCED;
	if (s->enforced && over->percent && over->percent < 100) {
		s->percent = (__u8)over->percent;
		c->buckets = true;
	}
}

static bool has_expired(const struct zt_compiler *c, const struct zt_stmt *stmt)
{
	int64_t now = (int64_t)c->env->now_ns + c->env->wall_offset_ns;

	return stmt->expires_s && stmt->expires_s <= now / NS_PER_S;
}

/* Which verdicts it has a say in. */
static void set_planes(struct zt_compiler *c, struct zt_lowered *s)
{
	bool held = c->atoms.layers > 1;
	bool here = layer_of(c, s)->host || !c->env->host;

	set_mode(c, s);
	s->expired = has_expired(c, s->stmt);
	if (s->stmt->expires_s && !s->expired)
		s->expires_ns = (__u64)(s->stmt->expires_s * NS_PER_S - c->env->wall_offset_ns);
	/* The reader has told of those that had expired when it read them. */
	if (s->expired && s->stmt->expires_s > layer_of(c, s)->policy->checked_s) {
		zt_speak_of(c, s);
		zt_diag_warn(c->diag, &s->stmt->loc,
			     "rule '%s' has expired (%s): it no longer matches", s->stmt->id,
			     s->stmt->expires.s);
		zt_diag_remedy(c->diag, "remove it, or give it a later date");
	}
	if (s->expired)
		return;
	if (!here)
		return;
	if (s->rank == ZT_RANK_FAILSAFE)
		s->planes = held ? 1U << (s->layer ? ZT_CANDIDATE : ZT_LIVE)
				 : 1U << ZT_LIVE | 1U << ZT_CANDIDATE;
	else if (s->layer == 0 && s->enforced && c->env->host)
		s->planes |= 1U << ZT_LIVE;
	if (s->rank != ZT_RANK_FAILSAFE && (s->layer || !held))
		s->planes |= 1U << ZT_CANDIDATE;
}

static int by_priority(const void *a, const void *b)
{
	const struct zt_lowered *x = a, *y = b;

	if (x->rank != y->rank)
		return x->rank > y->rank ? -1 : 1;
	return x->order < y->order ? -1 : x->order > y->order;
}

static int lower_statement(struct zt_compiler *c, struct zt_layer *layer, struct zt_strmap *conds,
			   const struct zt_stmt *stmt, uint32_t *next_nets)
{
	struct zt_lowered *s = &c->stmts[c->stmt_count];

	*s = (struct zt_lowered){.stmt = stmt,
				 .ports = stmt->ports,
				 .order = (uint32_t)c->stmt_count,
				 .rank = rank_of(stmt),
				 .action = stmt->action,
				 .existing = stmt->existing,
				 .layer = (__u8)(layer - c->atoms.layer),
				 .from_qualified = stmt->from.qualified,
				 .to_qualified = stmt->to.qualified};
	memset(s->bit, ZT_NO_BIT, sizeof(s->bit));
	s->from = atom_of(layer, stmt, &stmt->from, next_nets);
	s->to = atom_of(layer, stmt, &stmt->to, next_nets);
	c->stmt_count++;
	set_planes(c, s);
	return narrow(layer, conds, s);
}

static int lower_layer(struct zt_compiler *c, struct zt_layer *layer)
{
	zt_auto(zt_strmap_free) struct zt_strmap *conds = NULL;
	const struct zt_policy *p = layer->policy;
	uint32_t next_nets;
	int r = zt_strmap_new(&conds);

	if (r == 0)
		r = zt_timeline_make(p, c->env->overlay, c->env->now_ns, &layer->times);
	if (r == 0)
		r = gather_ends(layer);
	if (r == 0)
		r = zt_gather_conds(layer, conds);
	if (r < 0)
		return r;
	layer->derived_of_cond = calloc(layer->cond_count + 1, sizeof(*layer->derived_of_cond));
	if (!layer->derived_of_cond)
		return -ENOMEM;
	number_atoms(layer, c->atom_count);
	next_nets = layer->nets;
	for (size_t i = 0; i < p->stmt_count && r == 0; i++)
		r = lower_statement(c, layer, conds, &p->stmts[i], &next_nets);
	c->atom_count = layer->end;
	return r;
}

int zt_lower_layers(struct zt_compiler *c)
{
	size_t count = 0;
	int r = 0;

	for (size_t i = 0; i < c->atoms.layers; i++)
		count += c->atoms.layer[i].policy->stmt_count;
	c->stmts = calloc(count + 1, sizeof(*c->stmts));
	if (!c->stmts)
		return -ENOMEM;
	for (size_t i = 0; i < c->atoms.layers && r == 0; i++)
		r = lower_layer(c, &c->atoms.layer[i]);
	if (r < 0)
		return r;
	qsort(c->stmts, c->stmt_count, sizeof(*c->stmts), by_priority);
	c->near_keep = calloc((size_t)c->atom_count + 1, sizeof(*c->near_keep));
	c->far_keep = calloc((size_t)c->atom_count + 1, sizeof(*c->far_keep));
	return c->near_keep && c->far_keep ? 0 : -ENOMEM;
}
