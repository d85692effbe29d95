/* SPDX-License-Identifier: Apache-2.0 */
/*
 * rates.h - what moved between the last two sweeps, per edge: who uses the wire right now.
 *
 * Kept only while somebody asks: zt_rates_wanted() begins it, and what was not asked for in
 * ZT_RATES_IDLE_NS ends. Increments are a ledger's of its own, so that a flow which changes its
 * verdict is not counted twice. Single-threaded, told by the collector.
 */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "flow/ledger.h"

#define ZT_RATES_IDLE_NS (10ULL * 1000000000)
#define ZT_RATES_ROWS	 16384 /* edges kept of one sweep: those with the most bytes */

struct zt_rates;

/* One edge that moved. */
struct zt_rate {
	struct zt_ledger_key key;
	uint64_t add[ZT_L_COUNT];
};

/**
 * struct zt_rates_view - the last complete sweep, borrowed until the next one.
 * @ready:      false: there are no two sweeps to compare yet.
 * @interval_ns: time between them.
 * @total:      of all edges, those that are not among @rows too.
 * @denied:     connections, of @total, that the live plane denies; @would_deny: the candidate
 * alone.
 * @moved:      edges that moved.
 * @rows:       the ones with the most bytes, in no order.
 */
struct zt_rates_view {
	bool ready;
	uint64_t interval_ns;
	uint64_t total[ZT_L_COUNT];
	uint64_t denied, would_deny;
	uint64_t moved;
	const struct zt_rate *rows;
	size_t count;
};

/* zt_rates_new - begin to keep rates of up to @edge_cap edges. 0, -EINVAL, -ENOMEM. */
int zt_rates_new(struct zt_rates **ret, uint32_t edge_cap);
void zt_rates_free(struct zt_rates **rates);

/* zt_rates_wanted - somebody asks now; zt_rates_idle - nobody has for long enough to stop. */
void zt_rates_wanted(struct zt_rates *rates, uint64_t now_ns);
bool zt_rates_idle(const struct zt_rates *rates, uint64_t now_ns);

/* A sweep: begins, tells every living flow and every one that ended, is complete. */
void zt_rates_sweep(struct zt_rates *rates, uint64_t now_ns);
void zt_rates_living(struct zt_rates *rates, const struct zt_flow_key *key,
		     const struct zt_flow *flow);
/* @walked: taken out by the sweep under way, see zt_ledger_ended(). Without room it is left out. */
void zt_rates_ended(struct zt_rates *rates, const struct zt_flow_key *key,
		    const struct zt_flow *flow, bool walked);
void zt_rates_swept(struct zt_rates *rates);

void zt_rates_view(const struct zt_rates *rates, struct zt_rates_view *ret);
