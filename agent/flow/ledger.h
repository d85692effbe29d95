/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ledger.h - what of every edge is not written yet, though its flows may live for months.
 *
 * Increments come from two sources: flows that ended, and the counts of living flows
 * now less what they were at the last writing. A flow whose verdict or owner
 * changes moves from one edge to another with all its counts; so increments are
 * settled per pair of ends and service, over all its edges: what one loses another
 * has gained, and nothing is counted twice. Memory grows with edges, not flows.
 */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/rtt.h"
#include "bpf/abi.h"

enum zt_ledger_count {
	ZT_L_CONNECTIONS,
	ZT_L_BYTES_TO_DST,
	ZT_L_BYTES_TO_SRC,
	ZT_L_PACKETS_TO_DST,
	ZT_L_PACKETS_TO_SRC,
	ZT_L_RETRANSMITS,
	ZT_L_COUNT,
};

#define ZT_L_SRC_NEAR 0x1
#define ZT_L_DST_NEAR 0x2

/* What is one edge; compared as bytes. The first part, up to @action, is the pair. */
struct zt_ledger_key {
	struct zt_addr src;
	struct zt_addr dst;
	uint16_t port; /* host order; ICMP: type */
	uint8_t proto;
	uint8_t kind; /* ZT_KIND_* */
	uint8_t near; /* ZT_L_*_NEAR */
	uint8_t action[ZT_PLANE_COUNT];
	uint8_t encryption; /* ZT_ENC_* */
	uint32_t rule[ZT_PLANE_COUNT];
	uint32_t src_owner; /* 0 = unknown or elsewhere */
	uint32_t dst_owner;
	uint8_t app; /* ZT_APP_* */
	uint8_t pad[3];
};
_Static_assert(sizeof(struct zt_ledger_key) == 60, "zt_ledger_key has a hole");

/* One edge to be written. */
struct zt_ledger_row {
	struct zt_ledger_key key;
	uint64_t add[ZT_L_COUNT];
	uint64_t live[ZT_L_COUNT]; /* of the flows that live; to be kept beside @add */
	uint64_t flows;		   /* that these verdicts concern now and did not before */
	/* Increments of struct zt_health; retransmits are among @add. */
	uint32_t refused, unanswered, resets;
	const struct zt_rtt *rtt; /* samples; NULL = none. Borrowed like the row */
	uint64_t first_ns;
	uint64_t last_ns;
	bool answered;	   /* some flow of it was answered and allowed */
	bool live_changed; /* @live differs from what was written last */
};

struct zt_ledger;

/* zt_ledger_new - room for @cap edges, taken as they come. 0, -EINVAL, -ENOMEM. */
int zt_ledger_new(struct zt_ledger **ret, uint32_t cap);
void zt_ledger_free(struct zt_ledger **ledger);

/* zt_ledger_base - what an earlier agent wrote of flows that may still live. 0, -ENOSPC, -ENOMEM.
 */
int zt_ledger_base(struct zt_ledger *ledger, const struct zt_ledger_key *key,
		   const uint64_t live[ZT_L_COUNT]);

/*
 * zt_ledger_begin - a walk over all living flows begins; one that was given up is forgotten.
 * @now_ns: on the clock of the flows.
 */
void zt_ledger_begin(struct zt_ledger *ledger, uint64_t now_ns);

/*
 * zt_ledger_whole - of the walk that has begun, flows count too that are so young that nobody knows
 * what they speak: else these wait for the next one, so that they are counted where they belong.
 */
void zt_ledger_whole(struct zt_ledger *ledger);

/*
 * zt_ledger_living - one of them. Without room it is counted when it ends, or by a later walk; so
 * is one that is younger than two seconds and not classified yet, since it would be counted as
 * of unknown encryption for good.
 */
void zt_ledger_living(struct zt_ledger *ledger, const struct zt_flow_key *key,
		      const struct zt_flow *flow);

/**
 * zt_ledger_ended - the last values of a flow.
 * @walked: taken out by the walk that is under way. Else it may be among the living of the last
 *          walk, and counts from the next one on.
 *
 * Returns 0, or -ENOSPC and -ENOMEM: it is lost.
 */
int zt_ledger_ended(struct zt_ledger *ledger, const struct zt_flow_key *key,
		    const struct zt_flow *flow, bool walked);

/* zt_ledger_cut - the walk is complete: zt_ledger_next() hands out what it found. */
void zt_ledger_cut(struct zt_ledger *ledger);

/**
 * zt_ledger_next - the next rows, from the beginning after zt_ledger_cut().
 * @ret: borrowed until the next call; about @budget at most, those of one pair together.
 *
 * Returns their number, 0 when all were handed out, or -ENOMEM (nothing is lost: ask again).
 */
int zt_ledger_next(struct zt_ledger *ledger, size_t budget, const struct zt_ledger_row **ret);

/* zt_ledger_done - the rows of zt_ledger_next() are not looked at any more: their memory goes. */
void zt_ledger_done(struct zt_ledger *ledger);

/* zt_ledger_rewrite - what was written of living flows is gone: hand it all out once more. */
void zt_ledger_rewrite(struct zt_ledger *ledger);

size_t zt_ledger_edges(const struct zt_ledger *ledger);
