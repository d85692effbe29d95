/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ledger_rows.c - what a walk found, settled per pair of ends and handed out row by row.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <xxhash.h>

#include "base/vec.h"
#include "flow/ledger_priv.h"

static uint32_t mark_of(const struct zt_ledger_edge *e)
{
	return zt_ledger_all_zero(e->live) ? 0 : XXH32(e->live, sizeof(e->live), 0) | 1;
}

/* The edges between the same ends for the same service, and room for a row of each. */
static int find_pair(struct zt_ledger *l, const struct zt_ledger_edge *of)
{
	uint32_t hash = zt_ledger_pair_hash(&of->key);

	l->pair_count = 0;
	for (uint32_t n = zt_table_first(&l->table, hash); n != ZT_TABLE_NONE;
	     n = zt_table_next(&l->table, n)) {
		if (memcmp(&zt_ledger_edge_at(l, n)->key, &of->key, ZT_LEDGER_PAIR))
			continue;
		if (zt_vec_grow(&l->pair, &l->pair_room, l->pair_count + 1, sizeof(*l->pair)) < 0)
			return -ENOMEM;
		l->pair[l->pair_count++] = n;
	}
	if (zt_vec_grow(&l->rtts, &l->rtt_room, l->row_count + l->pair_count, sizeof(*l->rtts)) < 0)
		return -ENOMEM;
	return zt_vec_grow(&l->rows, &l->row_room, l->row_count + l->pair_count, sizeof(*l->rows));
}

static int64_t *delta_of(const struct zt_ledger *l, size_t at, int c)
{
	return &l->deltas[l->pair[at]].of[c];
}

/* The edge of the pair with the most of a count (@sign 1), or the least (-1). */
static int64_t *extreme(const struct zt_ledger *l, int c, int sign)
{
	int64_t *best = delta_of(l, 0, c);

	for (size_t i = 1; i < l->pair_count; i++) {
		if (sign * *delta_of(l, i, c) > sign * *best)
			best = delta_of(l, i, c);
	}
	return best;
}

/*
 * What flows took along to another edge is negative where they were and positive where they
 * are. A rest below zero is a flow that the walk missed on its way from one table to the other,
 * and which the next walk finds, or one that the kernel evicted: it is carried over once.
 */
static void settle(struct zt_ledger *l, int c, bool indebted)
{
	int64_t sum = 0, lost = 0, take;

	for (size_t i = 0; i < l->pair_count; i++) {
		int64_t d = *delta_of(l, i, c);

		sum += d;
		lost += d < 0 ? -d : 0;
	}
	if (sum < 0) {
		int64_t *least = extreme(l, c, -1);

		for (size_t i = 0; i < l->pair_count; i++)
			*delta_of(l, i, c) = 0;
		*least = indebted ? 0 : sum;
		return;
	}
	for (size_t i = 0; i < l->pair_count && lost; i++) {
		if (*delta_of(l, i, c) < 0)
			*delta_of(l, i, c) = 0;
	}
	while (lost) {
		int64_t *most = extreme(l, c, 1);

		take = *most < lost ? *most : lost;
		*most -= take;
		lost -= take;
	}
}

static bool same_verdict(const struct zt_ledger_edge *a, const struct zt_ledger_edge *b)
{
	return !memcmp(a->key.rule, b->key.rule, sizeof(a->key.rule)) &&
	       !memcmp(a->key.action, b->key.action, sizeof(a->key.action));
}

/*
 * Flows that got these verdicts since the last time, a changed verdict included: said once per
 * verdict, whatever their owners.
 */
static uint64_t flows_of(const struct zt_ledger *l, size_t at)
{
	const struct zt_ledger_edge *of = zt_ledger_edge_at(l, l->pair[at]);
	int64_t sum = 0;

	for (size_t i = 0; i < l->pair_count; i++) {
		const struct zt_ledger_edge *e = zt_ledger_edge_at(l, l->pair[i]);

		if (!same_verdict(of, e))
			continue;
		if (i < at)
			return 0;
		sum += *delta_of(l, i, ZT_L_CONNECTIONS);
	}
	return sum > 0 ? (uint64_t)sum : 0;
}

/* The rows move while more are added: whose samples are kept is all that @rtt says until then. */
static void put_health(struct zt_ledger *l, struct zt_ledger_edge *e, struct zt_ledger_row *row)
{
	struct zt_health health;

	if (!zt_health_pool_get(&l->health, e->health, &health))
		return;
	row->refused = (uint32_t)health.refused;
	row->unanswered = (uint32_t)health.unanswered;
	row->resets = (uint32_t)health.resets;
	if (zt_rtt_samples(&health.rtt)) {
		l->rtts[l->row_count] = health.rtt;
		row->rtt = l->rtts;
	}
	zt_health_pool_drop(&l->health, &e->health);
}

/* What was found goes into the row; a debt waits for the next walk. Whether there is anything. */
static bool put_counts(struct zt_ledger *l, struct zt_ledger_edge *e, uint32_t n,
		       struct zt_ledger_row *row)
{
	struct zt_ledger_counts debt = {{0}};
	bool any = false;

	e->indebted = false;
	for (int c = 0; c < ZT_L_COUNT; c++) {
		int64_t d = l->deltas[n].of[c];

		if (d < 0) {
			e->indebted = true;
			debt.of[c] = d;
			continue;
		}
		row->add[c] = (uint64_t)d;
		any |= d > 0;
	}
	l->deltas[n] = (struct zt_ledger_counts){{0}};
	if (e->indebted)
		zt_ledger_add_ended(l, e, debt.of); /* without memory it is forgiven */
	return any;
}

static void put_row(struct zt_ledger *l, uint32_t n, uint64_t flows)
{
	struct zt_ledger_edge *e = zt_ledger_edge_at(l, n);
	struct zt_ledger_row *row = &l->rows[l->row_count];
	uint32_t mark = mark_of(e);
	bool any = flows || mark != e->mark || e->health;

	*row = (struct zt_ledger_row){
		.key = e->key,
		.flows = flows,
		.first_ns = e->first_ns < e->last_ns ? e->first_ns : e->last_ns,
		.last_ns = e->last_ns,
		.answered = e->answered,
		.live_changed = mark != e->mark,
	};
	memcpy(row->live, e->live, sizeof(row->live));
	put_health(l, e, row);
	any |= put_counts(l, e, n, row);
	l->row_count += any;
	e->mark = mark;
	e->first_ns = UINT64_MAX;
	if (!mark && !e->ended)
		zt_ledger_drop(l, n);
}

static int put_pair(struct zt_ledger *l, const struct zt_ledger_edge *of)
{
	bool indebted = false;
	int r = find_pair(l, of);

	if (r < 0)
		return r;
	/* The rows carry their number of flows until the counts are settled. */
	for (size_t i = 0; i < l->pair_count; i++) {
		zt_ledger_edge_at(l, l->pair[i])->cut = l->cut;
		indebted |= zt_ledger_edge_at(l, l->pair[i])->indebted;
		l->rows[l->row_count + i].flows = flows_of(l, i);
	}
	for (int c = 0; c < ZT_L_COUNT; c++)
		settle(l, c, indebted);
	for (size_t i = 0, at = l->row_count; i < l->pair_count; i++)
		put_row(l, l->pair[i], l->rows[at + i].flows);
	return 0;
}

/* It lives and nothing moved: most of a large ledger. */
static bool is_idle(const struct zt_ledger *l, uint32_t n)
{
	const struct zt_ledger_edge *e = zt_ledger_edge_at(l, n);

	return e->mark && !e->health && zt_ledger_all_zero(&l->deltas[n]) && mark_of(e) == e->mark;
}

int zt_ledger_next(struct zt_ledger *ledger, size_t budget, const struct zt_ledger_row **ret)
{
	struct zt_ledger *l = ledger;
	int r;

	l->row_count = 0;
	while (l->deltas && l->at < l->count && l->row_count < budget) {
		struct zt_ledger_edge *e = zt_ledger_edge_at(l, l->at);

		if (e->used && e->cut != l->cut && !is_idle(l, l->at)) {
			r = put_pair(l, e);
			if (r < 0 && !l->row_count)
				return r;
			if (r < 0)
				break;
		}
		l->at++;
	}
	for (size_t i = 0; i < l->row_count; i++) {
		if (l->rows[i].rtt)
			l->rows[i].rtt = &l->rtts[i];
	}
	*ret = l->rows;
	if (l->deltas && l->at == l->count) { /* all of them are handed out */
		free(l->deltas);
		l->deltas = NULL;
	}
	return (int)l->row_count;
}

void zt_ledger_done(struct zt_ledger *ledger)
{
	free(ledger->rows);
	free(ledger->rtts);
	ledger->rows = NULL;
	ledger->rtts = NULL;
	ledger->row_count = ledger->row_room = ledger->rtt_room = 0;
}
