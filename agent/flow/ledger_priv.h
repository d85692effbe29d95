/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ledger_priv.h - the ledger's inside: ledger.c takes flows in, ledger_rows.c hands out rows.
 */
#pragma once
#include <string.h>

#include "flow/health.h"
#include "flow/ledger.h"
#include "flow/table.h"

#define ZT_LEDGER_BLOCK 1024 /* edges: no copy and no slack when the ledger grows */
#define ZT_LEDGER_PAIR	offsetof(struct zt_ledger_key, action)

/*
 * Kept for as long as a flow of it lives, of which there may be as many as edges may be: so what
 * is only there during a walk (@deltas), or for some edges (@ended), is kept elsewhere.
 */
struct zt_ledger_edge {
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

struct zt_ledger_counts {
	int64_t of[ZT_L_COUNT];
};

struct zt_ledger {
	struct zt_ledger_edge **blocks;
	uint32_t count; /* numbers given out, free ones among them */
	uint32_t used;
	uint32_t cap;
	uint32_t free; /* first number to use again, ZT_TABLE_NONE = none; the next is in its cut */
	struct zt_table table; /* by the hash of the pair */
	/* By number: found by a walk and not handed out; NULL between walks. */
	struct zt_ledger_counts *deltas;
	/* Number 0 is none; all are given back when a walk begins. */
	struct zt_ledger_counts *ended;
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

static inline struct zt_ledger_edge *zt_ledger_edge_at(const struct zt_ledger *l, uint32_t n)
{
	return &l->blocks[n / ZT_LEDGER_BLOCK][n % ZT_LEDGER_BLOCK];
}

/* By the pair: where the table has the edges between the same ends for the same service. */
static inline uint32_t zt_ledger_pair_hash(const struct zt_ledger_key *key)
{
	return zt_table_hash(key, ZT_LEDGER_PAIR);
}

static inline bool zt_ledger_all_zero(const void *counts)
{
	static const uint64_t zero[ZT_L_COUNT];

	return !memcmp(counts, zero, sizeof(zero));
}

/* zt_ledger_add_ended - to what counts from the next walk on. 0 or -ENOMEM. */
int zt_ledger_add_ended(struct zt_ledger *l, struct zt_ledger_edge *e,
			const int64_t counts[ZT_L_COUNT]);

/* zt_ledger_drop - nothing of it is left to be told. */
void zt_ledger_drop(struct zt_ledger *l, uint32_t n);
