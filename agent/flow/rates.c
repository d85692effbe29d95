/* SPDX-License-Identifier: Apache-2.0 */
/*
 * rates.c - increments of edges between two sweeps, the largest kept.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "flow/rates.h"

#define BUDGET 4096 /* rows taken from the ledger at a time */

struct zt_rates {
	struct zt_ledger *ledger;
	struct zt_rate *heap; /* least bytes on top, to be replaced */
	size_t count;
	uint64_t wanted_ns;
	uint64_t began_ns;  /* the sweep under way, or the last one */
	uint64_t before_ns; /* the one before it; 0 = none */
	bool sweeping;
	struct zt_rates_view view;
};

int zt_rates_new(struct zt_rates **ret, uint32_t edge_cap)
{
	zt_auto(zt_rates_free) struct zt_rates *rates = calloc(1, sizeof(*rates));
	int r;

	if (!rates)
		return -ENOMEM;
	rates->heap = calloc(ZT_RATES_ROWS, sizeof(*rates->heap));
	if (!rates->heap)
		return -ENOMEM;
	r = zt_ledger_new(&rates->ledger, edge_cap);
	if (r < 0)
		return r;
	*ret = zt_take(rates);
	return 0;
}

void zt_rates_free(struct zt_rates **rates)
{
	if (!*rates)
		return;
	zt_ledger_free(&(*rates)->ledger);
	free((*rates)->heap);
	free(*rates);
	*rates = NULL;
}

void zt_rates_wanted(struct zt_rates *rates, uint64_t now_ns)
{
	rates->wanted_ns = now_ns;
}

bool zt_rates_idle(const struct zt_rates *rates, uint64_t now_ns)
{
	return now_ns > rates->wanted_ns && now_ns - rates->wanted_ns > ZT_RATES_IDLE_NS;
}

void zt_rates_sweep(struct zt_rates *rates, uint64_t now_ns)
{
	/* One that was given up is begun anew: its time goes on from the one before. */
	if (!rates->sweeping)
		rates->before_ns = rates->began_ns;
	rates->began_ns = now_ns;
	rates->sweeping = true;
	zt_ledger_begin(rates->ledger, now_ns);
}

void zt_rates_living(struct zt_rates *rates, const struct zt_flow_key *key,
		     const struct zt_flow *flow)
{
	if (rates->sweeping)
		zt_ledger_living(rates->ledger, key, flow);
}

void zt_rates_ended(struct zt_rates *rates, const struct zt_flow_key *key,
		    const struct zt_flow *flow, bool walked)
{
	zt_ledger_ended(rates->ledger, key, flow, walked && rates->sweeping);
}

static uint64_t bytes_of(const struct zt_rate *rate)
{
	return rate->add[ZT_L_BYTES_TO_DST] + rate->add[ZT_L_BYTES_TO_SRC];
}

static void swap(struct zt_rate *a, struct zt_rate *b)
{
	struct zt_rate t = *a;

	*a = *b;
	*b = t;
}

static void sift_down(struct zt_rates *rates)
{
	for (size_t at = 0, least;; at = least) {
		least = at;
		for (size_t i = 2 * at + 1; i < 2 * at + 3 && i < rates->count; i++) {
			if (bytes_of(&rates->heap[i]) < bytes_of(&rates->heap[least]))
				least = i;
		}
		if (least == at)
			return;
		swap(&rates->heap[at], &rates->heap[least]);
	}
}

static void keep(struct zt_rates *rates, const struct zt_rate *rate)
{
	size_t at = rates->count;

	if (at == ZT_RATES_ROWS) {
		if (bytes_of(rate) <= bytes_of(&rates->heap[0]))
			return;
		rates->heap[0] = *rate;
		sift_down(rates);
		return;
	}
	rates->heap[rates->count++] = *rate;
	while (at && bytes_of(&rates->heap[at]) < bytes_of(&rates->heap[(at - 1) / 2])) {
		swap(&rates->heap[at], &rates->heap[(at - 1) / 2]);
		at = (at - 1) / 2;
	}
}

static bool moved(const struct zt_ledger_row *row)
{
	for (int c = 0; c < ZT_L_COUNT; c++) {
		if (row->add[c])
			return true;
	}
	return false;
}

static void add_row(struct zt_rates *rates, const struct zt_ledger_row *row)
{
	struct zt_rates_view *v = &rates->view;
	struct zt_rate rate = {.key = row->key};

	if (!moved(row))
		return;
	memcpy(rate.add, row->add, sizeof(rate.add));
	v->moved++;
	for (int c = 0; c < ZT_L_COUNT; c++)
		v->total[c] += rate.add[c];
	if (rate.key.action[ZT_LIVE] == ZT_DENY)
		v->denied += rate.add[ZT_L_CONNECTIONS];
	else if (rate.key.action[ZT_CANDIDATE] == ZT_DENY)
		v->would_deny += rate.add[ZT_L_CONNECTIONS];
	keep(rates, &rate);
}

void zt_rates_swept(struct zt_rates *rates)
{
	const struct zt_ledger_row *rows;
	int n;

	if (!rates->sweeping)
		return;
	rates->sweeping = false;
	rates->count = 0;
	rates->view = (struct zt_rates_view){
		.ready = rates->before_ns != 0,
		.interval_ns = rates->began_ns - rates->before_ns,
	};
	zt_ledger_cut(rates->ledger);
	do {
		n = zt_ledger_next(rates->ledger, BUDGET, &rows);
		/* The first sweep is what to compare with: all that there ever was. */
		for (int i = 0; i < n && rates->view.ready; i++)
			add_row(rates, &rows[i]);
	} while (n > 0);
	zt_ledger_done(rates->ledger);
	rates->view.rows = rates->heap;
	rates->view.count = rates->count;
}

void zt_rates_view(const struct zt_rates *rates, struct zt_rates_view *ret)
{
	*ret = rates->view;
	ret->ready &= ret->interval_ns > 0;
}
