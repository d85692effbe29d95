/* SPDX-License-Identifier: Apache-2.0 */
/*
 * health.h - how TCP connections went: what one flow says of it, and sums in little memory.
 *
 * Most edges have few buckets of round-trip times with samples in them, and many have
 * nothing to tell; a dense struct zt_health for each would be most of the agent's
 * memory. A pool keeps them in chained blocks of 32 bytes.
 */
#pragma once
#include <stdbool.h>
#include <stdint.h>

#include "base/rtt.h"
#include "bpf/abi.h"

/* What one entry of a flow table adds to the health of its edge. */
struct zt_flow_health {
	uint32_t refused; /* connections, as in struct zt_health */
	uint32_t unanswered;
	uint32_t resets;
	uint32_t retransmits;
	uint32_t rtt_us; /* a sample; 0 = none */
};

/**
 * zt_flow_health - what an entry says.
 * @ended: these are its last values. Of a living one an opening counts as unanswered only when
 *         its SYN was repeated or an ICMP error came back.
 *
 * An entry with several openings (zt_flow.opens) began anew each time that the one before was
 * refused. False: it has nothing to tell (not TCP, or all zero).
 */
bool zt_flow_health(const struct zt_flow_key *key, const struct zt_flow *flow, bool ended,
		    struct zt_flow_health *ret);

struct zt_health_block {
	uint32_t words[7];
	uint32_t next;
};

/* Zeroed: empty. What is kept is named by a number, 0 = nothing. */
struct zt_health_pool {
	struct zt_health_block *blocks;
	uint32_t count, room;
	uint32_t free; /* chain of blocks to be used again */
};

/* zt_health_pool_add - add what a flow says to *@at, which is made when 0. 0 or -ENOMEM. */
int zt_health_pool_add(struct zt_health_pool *pool, uint32_t *at, const struct zt_flow_health *add);

/* zt_health_pool_merge - add all of @from's number @number. 0 or -ENOMEM (some may be added). */
int zt_health_pool_merge(struct zt_health_pool *pool, uint32_t *at,
			 const struct zt_health_pool *from, uint32_t number);

/* zt_health_pool_get - all that is kept; false and zero of number 0. */
bool zt_health_pool_get(const struct zt_health_pool *pool, uint32_t at, struct zt_health *ret);

/* zt_health_pool_drop - give the blocks of *@at back; it is 0 then. */
void zt_health_pool_drop(struct zt_health_pool *pool, uint32_t *at);

void zt_health_pool_clear(struct zt_health_pool *pool);
