/* SPDX-License-Identifier: Apache-2.0 */
/*
 * health.c - what a flow says of its connections, and sums of it in blocks.
 */
#include <errno.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

#include "flow/health.h"

#define BLOCKS_MAX	  (1u << 28)
#define COUNTS		  4 /* words of a first block; the rest are cells */
#define WORDS		  7
#define CELL_BITS	  24 /* of the count; above it the bucket. A full cell is followed by another */
#define CELL_MAX	  ((1u << CELL_BITS) - 1)
#define CELL_BUCKET(cell) ((cell) >> CELL_BITS)
#define CELL_COUNT(cell)  ((cell)&CELL_MAX)

/* --- one flow ------------------------------------------------------------------------------ */

static bool is_answered(const struct zt_flow *flow)
{
	return (flow->health & ZT_HEALTH_ANSWERED) || (flow->flags & ZT_FLOW_MIDFLOW) ||
	       flow->state == ZT_STATE_ESTABLISHED || flow->state == ZT_STATE_CLOSING;
}

/* The last opening of an entry that nobody answered: refused, unanswered, or neither. */
static void add_opening(const struct zt_flow *flow, bool ended, struct zt_flow_health *ret)
{
	bool near_opened = flow->opener == ZT_DIR_OUT;
	uint8_t by_dst = near_opened ? ZT_HEALTH_RST_FAR : ZT_HEALTH_RST_NEAR;
	uint64_t back = flow->packets[near_opened ? ZT_DIR_IN : ZT_DIR_OUT];

	if (flow->state == ZT_STATE_CLOSED && (flow->health & by_dst)) {
		ret->refused++;
		return;
	}
	/* Who opened gave up although it was answered: a scanner's half-open connection. */
	if (back && !(flow->health & ZT_HEALTH_UNREACHABLE) && flow->opens <= 1)
		return;
	if (ended || (flow->health & (ZT_HEALTH_UNREACHABLE | ZT_HEALTH_SYN_REPEATED)))
		ret->unanswered++;
}

bool zt_flow_health(const struct zt_flow_key *key, const struct zt_flow *flow, bool ended,
		    struct zt_flow_health *ret)
{
	*ret = (struct zt_flow_health){0};
	if (key->proto != IPPROTO_TCP)
		return false;
	ret->retransmits = flow->retrans;
	ret->rtt_us = flow->rtt_us;
	if (is_answered(flow)) {
		ret->refused = flow->opens > 1 ? flow->opens - 1 : 0;
		ret->resets = flow->state == ZT_STATE_CLOSED &&
			      (flow->health & (ZT_HEALTH_RST_NEAR | ZT_HEALTH_RST_FAR));
	} else if (flow->action[ZT_LIVE] != ZT_DENY) {
		ret->refused = flow->opens > 1 ? flow->opens - 1 : 0;
		add_opening(flow, ended, ret);
	}
	return ret->refused || ret->unanswered || ret->resets || ret->retransmits || ret->rtt_us;
}

/* --- the pool ------------------------------------------------------------------------------ */

static int take_block(struct zt_health_pool *pool, uint32_t *ret)
{
	uint32_t room = pool->room ? pool->room * 2 : 64;
	struct zt_health_block *grown;

	if (pool->free) {
		*ret = pool->free;
		pool->free = pool->blocks[*ret].next;
		memset(&pool->blocks[*ret], 0, sizeof(*pool->blocks));
		return 0;
	}
	if (pool->count == pool->room) {
		if (room > BLOCKS_MAX)
			return -ENOMEM;
		grown = realloc(pool->blocks, room * sizeof(*grown));
		if (!grown)
			return -ENOMEM;
		pool->blocks = grown;
		pool->room = room;
	}
	if (!pool->count) /* number 0 stands for nothing */
		pool->count = 1;
	*ret = pool->count++;
	memset(&pool->blocks[*ret], 0, sizeof(*pool->blocks));
	return 0;
}

static void count_up(uint32_t *word, uint32_t add)
{
	if (__builtin_add_overflow(*word, add, word))
		*word = UINT32_MAX;
}

/* A cell of this bucket with room left, or an unused one; new blocks go behind the first. */
static int find_cell(struct zt_health_pool *pool, uint32_t first, unsigned int bucket,
		     uint32_t **ret)
{
	uint32_t *words, fresh;
	int from = COUNTS, r;

	for (uint32_t n = first; n; n = pool->blocks[n].next, from = 0) {
		words = pool->blocks[n].words;
		for (int i = from; i < WORDS; i++) {
			if (words[i] &&
			    (CELL_BUCKET(words[i]) != bucket || CELL_COUNT(words[i]) == CELL_MAX))
				continue;
			*ret = &words[i];
			return 0;
		}
	}
	r = take_block(pool, &fresh);
	if (r < 0)
		return r;
	pool->blocks[fresh].next = pool->blocks[first].next;
	pool->blocks[first].next = fresh;
	*ret = pool->blocks[fresh].words;
	return 0;
}

static int add_samples(struct zt_health_pool *pool, uint32_t first, unsigned int bucket,
		       uint32_t samples)
{
	uint32_t *cell, room, take;
	int r;

	while (samples) {
		r = find_cell(pool, first, bucket, &cell);
		if (r < 0)
			return r;
		room = CELL_MAX - CELL_COUNT(*cell);
		take = samples < room ? samples : room;
		*cell = bucket << CELL_BITS | (CELL_COUNT(*cell) + take);
		samples -= take;
	}
	return 0;
}

int zt_health_pool_add(struct zt_health_pool *pool, uint32_t *at, const struct zt_flow_health *add)
{
	uint32_t *words;
	int r = *at ? 0 : take_block(pool, at);

	if (r < 0)
		return r;
	words = pool->blocks[*at].words;
	count_up(&words[0], add->refused);
	count_up(&words[1], add->unanswered);
	count_up(&words[2], add->resets);
	count_up(&words[3], add->retransmits);
	return add->rtt_us ? add_samples(pool, *at, zt_rtt_bucket(add->rtt_us), 1) : 0;
}

int zt_health_pool_merge(struct zt_health_pool *pool, uint32_t *at,
			 const struct zt_health_pool *from, uint32_t number)
{
	int start = COUNTS, r;

	if (!number)
		return 0;
	r = *at ? 0 : take_block(pool, at);
	for (int i = 0; i < COUNTS && !r; i++)
		count_up(&pool->blocks[*at].words[i], from->blocks[number].words[i]);
	for (; number && !r; number = from->blocks[number].next, start = 0) {
		for (int i = start; i < WORDS && !r; i++) {
			uint32_t cell = from->blocks[number].words[i];

			if (cell)
				r = add_samples(pool, *at, CELL_BUCKET(cell), CELL_COUNT(cell));
		}
	}
	return r;
}

bool zt_health_pool_get(const struct zt_health_pool *pool, uint32_t at, struct zt_health *ret)
{
	const uint32_t *words;
	int start = COUNTS;

	*ret = (struct zt_health){0};
	if (!at)
		return false;
	words = pool->blocks[at].words;
	ret->refused = words[0];
	ret->unanswered = words[1];
	ret->resets = words[2];
	ret->retransmits = words[3];
	for (; at; at = pool->blocks[at].next, start = 0) {
		words = pool->blocks[at].words;
		for (int i = start; i < WORDS; i++)
			ret->rtt.count[CELL_BUCKET(words[i])] += CELL_COUNT(words[i]);
	}
	return true;
}

void zt_health_pool_drop(struct zt_health_pool *pool, uint32_t *at)
{
	uint32_t last = *at;

	if (!last)
		return;
	while (pool->blocks[last].next)
		last = pool->blocks[last].next;
	pool->blocks[last].next = pool->free;
	pool->free = *at;
	*at = 0;
}

void zt_health_pool_clear(struct zt_health_pool *pool)
{
	free(pool->blocks);
	*pool = (struct zt_health_pool){0};
}
