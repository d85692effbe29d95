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
#include "flow/health.h"
#include "flow/ledger.h"
#include "flow/table.h"

#define CAP_MAX	  (1u << 22)
#define BLOCK	  1024 /* edges: no copy and no slack when the ledger grows */
#define YOUNG_NS  (2 * ZT_NS_PER_S)
#define SAMPLE_NS (3600 * ZT_NS_PER_S) /* of a living flow's round trip */
#define PAIR_SIZE offsetof(struct zt_ledger_key, action)

/*
 * Kept for as long as a flow of it lives, of which there may be as many as edges may be: so what
 * is only there during a walk (@deltas), or for some edges (@ended), is kept elsewhere.
 */
struct edge {
	struct zt_ledger_key key;
	uint32_t health;	   /* in the pool: not handed out */
	uint64_t live[ZT_L_COUNT]; /* of the living flows of the last walk */
	uint64_t first_ns;
	uint64_t last_ns;
	uint32_t ended; /* in l->ended: counts since the last walk, and debts; 0 = none */
	uint32_t mark;	/* of @live as written, 0 = nothing is */
	uint32_t cut;	/* the last one that handed this edge out */
	bool used;
	bool answered;
	bool indebted; /* a negative rest was carried over once */
};

struct counts {
	int64_t of[ZT_L_COUNT];
};

struct zt_ledger {
	struct edge **blocks;
	uint32_t count; /* numbers given out, free ones among them */
	uint32_t used;
	uint32_t cap;
	uint32_t free; /* first number to use again, ZT_TABLE_NONE = none; the next is in its cut */
	struct zt_table table; /* by the hash of the pair */
	struct counts *deltas; /* by number: found by a walk, not handed out; NULL between them */
	struct counts *ended;  /* number 0 is none; all are given back when a walk begins */
	size_t ended_count, ended_room;
	uint32_t cut;
	uint32_t at;			  /* next number to hand out */
	uint64_t walk_ns, walk_before_ns; /* when the walks began */
	bool whole;			  /* this one leaves no young flow out */
	struct zt_health_pool health;
	struct zt_rtt *rtts; /* of the rows, at the same places */
	size_t rtt_room;
	struct zt_ledger_row *rows;
	size_t row_count, row_room;
	uint32_t *pair; /* edges of the pair at hand */
	size_t pair_count, pair_room;
};

static struct edge *edge_at(const struct zt_ledger *l, uint32_t n)
{
	return &l->blocks[n / BLOCK][n % BLOCK];
}

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
	l->blocks = calloc(cap / BLOCK + 1, sizeof(*l->blocks));
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
	for (uint32_t i = 0; i <= l->cap / BLOCK; i++)
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

static uint32_t pair_hash(const struct zt_ledger_key *key)
{
	return zt_table_hash(key, PAIR_SIZE);
}

/* --- edges --------------------------------------------------------------------------------- */

static int take_number(struct zt_ledger *l, uint32_t *ret)
{
	uint32_t n = l->count;

	if (l->used == l->cap)
		return -ENOSPC;
	if (l->free != ZT_TABLE_NONE) {
		*ret = l->free;
		l->free = edge_at(l, l->free)->cut;
		return 0;
	}
	if (!l->blocks[n / BLOCK])
		l->blocks[n / BLOCK] = calloc(BLOCK, sizeof(struct edge));
	if (!l->blocks[n / BLOCK])
		return -ENOMEM;
	if (n >= l->table.room && zt_table_reserve(&l->table, n + BLOCK) < 0)
		return -ENOMEM;
	l->count++;
	*ret = n;
	return 0;
}

static int get_edge(struct zt_ledger *l, const struct zt_ledger_key *key, struct edge **ret,
		    uint32_t *ret_number)
{
	uint32_t hash = pair_hash(key), n;
	int r;

	for (n = zt_table_first(&l->table, hash); n != ZT_TABLE_NONE;
	     n = zt_table_next(&l->table, n)) {
		*ret = edge_at(l, n);
		*ret_number = n;
		if (!memcmp(&(*ret)->key, key, sizeof(*key)))
			return 0;
	}
	r = take_number(l, &n);
	if (r < 0)
		return r;
	*ret = edge_at(l, n);
	*ret_number = n;
	**ret = (struct edge){.key = *key, .used = true, .cut = l->cut, .first_ns = UINT64_MAX};
	if (l->deltas)
		l->deltas[n] = (struct counts){{0}};
	zt_table_add(&l->table, n, hash);
	l->used++;
	return 0;
}

static void drop_edge(struct zt_ledger *l, uint32_t n)
{
	zt_health_pool_drop(&l->health, &edge_at(l, n)->health);
	zt_table_del(&l->table, n);
	edge_at(l, n)->used = false;
	edge_at(l, n)->cut = l->free;
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

static void saw(struct edge *e, const struct zt_flow *flow)
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
	struct edge *e;
	uint32_t n;
	int r = get_edge(ledger, key, &e, &n);

	if (r < 0)
		return r;
	memcpy(e->live, live, sizeof(e->live));
	e->mark = XXH32(e->live, sizeof(e->live), 0) | 1;
	return 0;
}

/* --- a walk ---------------------------------------------------------------------------------- */

static int add_ended(struct zt_ledger *l, struct edge *e, const int64_t counts[ZT_L_COUNT])
{
	if (!e->ended) {
		size_t want = (l->ended_count ?: 1) + 1;

		if (zt_vec_grow(&l->ended, &l->ended_room, want, sizeof(*l->ended)) < 0)
			return -ENOMEM;
		e->ended = (uint32_t)want - 1;
		l->ended[e->ended] = (struct counts){{0}};
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
		struct edge *e = edge_at(l, n);

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
	struct edge *e;
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
	struct edge *e;
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
	} else if (add_ended(ledger, e, counts) < 0) {
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
		if (edge_at(ledger, n)->used)
			edge_at(ledger, n)->mark = 0;
	}
}

size_t zt_ledger_edges(const struct zt_ledger *ledger)
{
	return ledger->used;
}

/* --- what is handed out ------------------------------------------------------------------------
 */

static bool all_zero(const void *counts)
{
	static const uint64_t zero[ZT_L_COUNT];

	return !memcmp(counts, zero, sizeof(zero));
}

static uint32_t mark_of(const struct edge *e)
{
	return all_zero(e->live) ? 0 : XXH32(e->live, sizeof(e->live), 0) | 1;
}

/* The edges between the same ends for the same service, and room for a row of each. */
static int find_pair(struct zt_ledger *l, const struct edge *of)
{
	uint32_t hash = pair_hash(&of->key);

	l->pair_count = 0;
	for (uint32_t n = zt_table_first(&l->table, hash); n != ZT_TABLE_NONE;
	     n = zt_table_next(&l->table, n)) {
		if (memcmp(&edge_at(l, n)->key, &of->key, PAIR_SIZE))
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

static bool same_verdict(const struct edge *a, const struct edge *b)
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
	const struct edge *of = edge_at(l, l->pair[at]);
	int64_t sum = 0;

	for (size_t i = 0; i < l->pair_count; i++) {
		const struct edge *e = edge_at(l, l->pair[i]);

		if (!same_verdict(of, e))
			continue;
		if (i < at)
			return 0;
		sum += *delta_of(l, i, ZT_L_CONNECTIONS);
	}
	return sum > 0 ? (uint64_t)sum : 0;
}

/* The rows move while more are added: whose samples are kept is all that @rtt says until then. */
static void put_health(struct zt_ledger *l, struct edge *e, struct zt_ledger_row *row)
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
static bool put_counts(struct zt_ledger *l, struct edge *e, uint32_t n, struct zt_ledger_row *row)
{
	struct counts debt = {{0}};
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
	l->deltas[n] = (struct counts){{0}};
	if (e->indebted)
		add_ended(l, e, debt.of); /* without memory it is forgiven */
	return any;
}

static void put_row(struct zt_ledger *l, uint32_t n, uint64_t flows)
{
	struct edge *e = edge_at(l, n);
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
		drop_edge(l, n);
}

static int put_pair(struct zt_ledger *l, const struct edge *of)
{
	bool indebted = false;
	int r = find_pair(l, of);

	if (r < 0)
		return r;
	/* The rows carry their number of flows until the counts are settled. */
	for (size_t i = 0; i < l->pair_count; i++) {
		edge_at(l, l->pair[i])->cut = l->cut;
		indebted |= edge_at(l, l->pair[i])->indebted;
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
	const struct edge *e = edge_at(l, n);

	return e->mark && !e->health && all_zero(&l->deltas[n]) && mark_of(e) == e->mark;
}

int zt_ledger_next(struct zt_ledger *ledger, size_t budget, const struct zt_ledger_row **ret)
{
	struct zt_ledger *l = ledger;
	int r;

	l->row_count = 0;
	while (l->deltas && l->at < l->count && l->row_count < budget) {
		struct edge *e = edge_at(l, l->at);

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
