/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ledger.c - increments of edges between two writings.
 */
#include <errno.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <xxhash.h>

#include "base/time.h"
#include "base/vec.h"
#include "flow/graph.h"
#include "flow/ledger_priv.h"

#define CAP_MAX	  (1u << 22)
#define YOUNG_NS  (2 * ZT_NS_PER_S)
#define SAMPLE_NS (3600 * ZT_NS_PER_S) /* of a living flow's round trip */

int zt_ledger_new(struct zt_ledger **ret, uint32_t cap)
{
	struct zt_ledger *l;

	if (!cap || cap > CAP_MAX)
		return -EINVAL;
	l = calloc(1, sizeof(*l));
	if (!l)
		return -ENOMEM;
	l->cap = cap;
	l->free = ZT_TABLE_NONE;
	l->blocks = calloc(cap / ZT_LEDGER_BLOCK + 1, sizeof(*l->blocks));
	if (!l->blocks) {
		free(l);
		return -ENOMEM;
	}
	*ret = l;
	return 0;
}

void zt_ledger_free(struct zt_ledger **ledger)
{
	struct zt_ledger *l = *ledger;

	if (!l)
		return;
	for (uint32_t i = 0; i <= l->cap / ZT_LEDGER_BLOCK; i++)
		free(l->blocks[i]);
	free(l->blocks);
	zt_ledger_done(l);
	free(l->deltas);
	free(l->ended);
	zt_health_pool_clear(&l->health);
	free(l->pair);
	zt_table_clear(&l->table);
	free(l);
	*ledger = NULL;
}

/* --- edges --------------------------------------------------------------------------------- */

static int take_number(struct zt_ledger *l, uint32_t *ret)
{
	uint32_t n = l->count;

	if (l->used == l->cap)
		return -ENOSPC;
	if (l->free != ZT_TABLE_NONE) {
		*ret = l->free;
		l->free = zt_ledger_edge_at(l, l->free)->cut;
		return 0;
	}
	if (!l->blocks[n / ZT_LEDGER_BLOCK])
		l->blocks[n / ZT_LEDGER_BLOCK] =
			calloc(ZT_LEDGER_BLOCK, sizeof(struct zt_ledger_edge));
	if (!l->blocks[n / ZT_LEDGER_BLOCK])
		return -ENOMEM;
	if (n >= l->table.room && zt_table_reserve(&l->table, n + ZT_LEDGER_BLOCK) < 0)
		return -ENOMEM;
	l->count++;
	*ret = n;
	return 0;
}

static int get_edge(struct zt_ledger *l, const struct zt_ledger_key *key,
		    struct zt_ledger_edge **ret, uint32_t *ret_number)
{
	uint32_t hash = zt_ledger_pair_hash(key), n;
	int r;

	for (n = zt_table_first(&l->table, hash); n != ZT_TABLE_NONE;
	     n = zt_table_next(&l->table, n)) {
		*ret = zt_ledger_edge_at(l, n);
		*ret_number = n;
		if (!memcmp(&(*ret)->key, key, sizeof(*key)))
			return 0;
	}
	r = take_number(l, &n);
	if (r < 0)
		return r;
	*ret = zt_ledger_edge_at(l, n);
	*ret_number = n;
	**ret = (struct zt_ledger_edge){
		.key = *key, .used = true, .cut = l->cut, .first_ns = UINT64_MAX};
	if (l->deltas)
		l->deltas[n] = (struct zt_ledger_counts){{0}};
	zt_table_add(&l->table, n, hash);
	l->used++;
	return 0;
}

void zt_ledger_drop(struct zt_ledger *l, uint32_t n)
{
	zt_health_pool_drop(&l->health, &zt_ledger_edge_at(l, n)->health);
	zt_table_del(&l->table, n);
	zt_ledger_edge_at(l, n)->used = false;
	zt_ledger_edge_at(l, n)->cut = l->free;
	l->free = n;
	l->used--;
}

static void key_of(const struct zt_flow_key *key, const struct zt_flow *flow,
		   struct zt_ledger_key *ret, int64_t counts[ZT_L_COUNT])
{
	struct zt_flow_ends ends;

	zt_flow_ends(key, flow, &ends);
	*ret = (struct zt_ledger_key){
		.src = ends.src,
		.dst = ends.dst,
		.port = ends.port,
		.proto = key->proto,
		.kind = key->kind,
		.near = (ends.src_near ? ZT_L_SRC_NEAR : 0) | (ends.dst_near ? ZT_L_DST_NEAR : 0),
		.src_owner = ends.src_owner,
		.dst_owner = ends.dst_owner,
		.encryption = flow->encryption,
		.app = flow->app,
	};
	for (int p = 0; p < ZT_PLANE_COUNT; p++) {
		ret->action[p] = flow->action[p];
		ret->rule[p] = flow->rule[p];
	}
	counts[ZT_L_CONNECTIONS] = key->proto == IPPROTO_TCP && flow->opens ? flow->opens : 1;
	counts[ZT_L_BYTES_TO_DST] = (int64_t)flow->bytes[ends.to_dst];
	counts[ZT_L_BYTES_TO_SRC] = (int64_t)flow->bytes[!ends.to_dst];
	counts[ZT_L_PACKETS_TO_DST] = (int64_t)flow->packets[ends.to_dst];
	counts[ZT_L_PACKETS_TO_SRC] = (int64_t)flow->packets[!ends.to_dst];
	counts[ZT_L_RETRANSMITS] = key->proto == IPPROTO_TCP ? flow->retrans : 0;
}

static void saw(struct zt_ledger_edge *e, const struct zt_flow *flow)
{
	if (flow->first_ns < e->first_ns)
		e->first_ns = flow->first_ns;
	if (flow->last_ns > e->last_ns)
		e->last_ns = flow->last_ns;
	if (flow->state != ZT_STATE_OPENING && flow->action[ZT_LIVE] == ZT_ALLOW)
		e->answered = true;
}

int zt_ledger_base(struct zt_ledger *ledger, const struct zt_ledger_key *key,
		   const uint64_t live[ZT_L_COUNT])
{
	struct zt_ledger_edge *e;
	uint32_t n;
	int r = get_edge(ledger, key, &e, &n);

	if (r < 0)
		return r;
	memcpy(e->live, live, sizeof(e->live));
	e->mark = XXH32(e->live, sizeof(e->live), 0) | 1;
	return 0;
}

/* --- a walk ---------------------------------------------------------------------------------- */

int zt_ledger_add_ended(struct zt_ledger *l, struct zt_ledger_edge *e,
			const int64_t counts[ZT_L_COUNT])
{
	if (!e->ended) {
		size_t want = (l->ended_count ?: 1) + 1;

		if (zt_vec_grow(&l->ended, &l->ended_room, want, sizeof(*l->ended)) < 0)
			return -ENOMEM;
		e->ended = (uint32_t)want - 1;
		l->ended[e->ended] = (struct zt_ledger_counts){{0}};
		l->ended_count = want;
	}
	for (int c = 0; c < ZT_L_COUNT; c++)
		l->ended[e->ended].of[c] += counts[c];
	return 0;
}

void zt_ledger_begin(struct zt_ledger *ledger, uint64_t now_ns)
{
	struct zt_ledger *l = ledger;

	if (!l->deltas)
		l->deltas = calloc(l->cap, sizeof(*l->deltas)); /* pages come as they are used */
	if (!l->deltas)
		return; /* nothing is found, and nothing lost: the next walk finds it */
	l->walk_before_ns = l->walk_ns;
	l->walk_ns = now_ns;
	l->whole = false;
	for (uint32_t n = 0; n < l->count; n++) {
		struct zt_ledger_edge *e = zt_ledger_edge_at(l, n);

		if (!e->used)
			continue;
		for (int c = 0; c < ZT_L_COUNT; c++) {
			l->deltas[n].of[c] -= (int64_t)e->live[c];
			if (e->ended)
				l->deltas[n].of[c] += l->ended[e->ended].of[c];
			e->live[c] = 0;
		}
		e->ended = 0;
	}
	free(l->ended);
	l->ended = NULL;
	l->ended_count = l->ended_room = 0;
}

void zt_ledger_whole(struct zt_ledger *ledger)
{
	ledger->whole = true;
}

static bool is_young(const struct zt_ledger *l, const struct zt_flow *flow)
{
	return flow->look && !l->whole && l->walk_ns < flow->first_ns + YOUNG_NS;
}

/* Hours that a flow is old, at the walk before and now: one more is a sample. */
static bool samples_now(const struct zt_ledger *l, const struct zt_flow *flow)
{
	uint64_t before = l->walk_before_ns;

	if (!flow->rtt_us || !before || before < flow->first_ns || l->walk_ns < before ||
	    l->walk_ns > flow->last_ns + SAMPLE_NS)
		return false;
	return (l->walk_ns - flow->first_ns) / SAMPLE_NS > (before - flow->first_ns) / SAMPLE_NS;
}

void zt_ledger_living(struct zt_ledger *ledger, const struct zt_flow_key *key,
		      const struct zt_flow *flow)
{
	int64_t counts[ZT_L_COUNT];
	struct zt_ledger_key k;
	struct zt_ledger_edge *e;
	uint32_t n;

	if (!ledger->deltas || is_young(ledger, flow))
		return;
	key_of(key, flow, &k, counts);
	if (get_edge(ledger, &k, &e, &n) < 0)
		return;
	if (key->proto == IPPROTO_TCP && samples_now(ledger, flow))
		zt_health_pool_add(&ledger->health, &e->health,
				   &(struct zt_flow_health){.rtt_us = flow->rtt_us});
	saw(e, flow);
	for (int c = 0; c < ZT_L_COUNT; c++) {
		e->live[c] += (uint64_t)counts[c];
		ledger->deltas[n].of[c] += counts[c];
	}
}

int zt_ledger_ended(struct zt_ledger *ledger, const struct zt_flow_key *key,
		    const struct zt_flow *flow, bool walked)
{
	struct zt_flow_health health;
	int64_t counts[ZT_L_COUNT];
	struct zt_ledger_key k;
	struct zt_ledger_edge *e;
	uint32_t n;
	int r;

	key_of(key, flow, &k, counts);
	r = get_edge(ledger, &k, &e, &n);
	if (r < 0)
		return r;
	saw(e, flow);
	if (walked && ledger->deltas) {
		for (int c = 0; c < ZT_L_COUNT; c++)
			ledger->deltas[n].of[c] += counts[c];
	} else if (zt_ledger_add_ended(ledger, e, counts) < 0) {
		return -ENOMEM;
	}
	if (!zt_flow_health(key, flow, true, &health))
		return 0;
	health.retransmits = 0; /* among the counts */
	return zt_health_pool_add(&ledger->health, &e->health, &health);
}

void zt_ledger_cut(struct zt_ledger *ledger)
{
	ledger->cut++;
	ledger->at = 0;
}

void zt_ledger_rewrite(struct zt_ledger *ledger)
{
	for (uint32_t n = 0; n < ledger->count; n++) {
		if (zt_ledger_edge_at(ledger, n)->used)
			zt_ledger_edge_at(ledger, n)->mark = 0;
	}
}

size_t zt_ledger_edges(const struct zt_ledger *ledger)
{
	return ledger->used;
}
