/* SPDX-License-Identifier: Apache-2.0 */
/*
 * violations.c - denied and would-be-denied packets, added up and bounded.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "flow/graph.h"
#include "flow/table.h"
#include "flow/violations.h"

#define CAP_MAX (1u << 24)

struct row {
	struct zt_violation v;
	uint32_t newer; /* list by last seen */
	uint32_t older;
};

struct zt_violations {
	struct row *rows;
	uint32_t count, room, cap;
	uint32_t newest, oldest;
	struct zt_table table;
	uint64_t lost;
};

int zt_violations_new(struct zt_violations **ret, size_t cap)
{
	struct zt_violations *v;

	if (!cap || cap > CAP_MAX)
		return -EINVAL;
	v = calloc(1, sizeof(*v));
	if (!v)
		return -ENOMEM;
	v->cap = cap;
	v->newest = v->oldest = ZT_TABLE_NONE;
	*ret = v;
	return 0;
}

void zt_violations_free(struct zt_violations **v)
{
	if (!*v)
		return;
	free((*v)->rows);
	zt_table_clear(&(*v)->table);
	free(*v);
	*v = NULL;
}

static void unlink_row(struct zt_violations *v, uint32_t n)
{
	struct row *row = &v->rows[n];

	if (row->newer != ZT_TABLE_NONE)
		v->rows[row->newer].older = row->older;
	else
		v->newest = row->older;
	if (row->older != ZT_TABLE_NONE)
		v->rows[row->older].newer = row->newer;
	else
		v->oldest = row->newer;
}

/* Mostly at the newest end already: rows come roughly in the order of time. */
static void link_row(struct zt_violations *v, uint32_t n)
{
	struct row *row = &v->rows[n];
	uint32_t newer = ZT_TABLE_NONE, older = v->newest;

	while (older != ZT_TABLE_NONE && v->rows[older].v.last_ns > row->v.last_ns) {
		newer = older;
		older = v->rows[older].older;
	}
	row->newer = newer;
	row->older = older;
	if (newer != ZT_TABLE_NONE)
		v->rows[newer].older = n;
	else
		v->newest = n;
	if (older != ZT_TABLE_NONE)
		v->rows[older].newer = n;
	else
		v->oldest = n;
}

static int grow(struct zt_violations *v)
{
	uint32_t want = v->room ? v->room * 2 : 64;
	struct row *grown;

	if (want > v->cap)
		want = v->cap;
	if (zt_table_reserve(&v->table, want) < 0)
		return -ENOMEM;
	grown = realloc(v->rows, want * sizeof(*grown));
	if (!grown)
		return -ENOMEM;
	v->rows = grown;
	v->room = want;
	return 0;
}

/* A number to write a new row at: the next one, or that of the least recently seen. */
static int take_number(struct zt_violations *v, uint32_t *ret)
{
	if (v->count == v->cap) {
		*ret = v->oldest;
		v->lost++;
		unlink_row(v, *ret);
		zt_table_del(&v->table, *ret);
		return 0;
	}
	if (v->count == v->room && grow(v) < 0) {
		v->lost++;
		return -ENOMEM;
	}
	*ret = v->count++;
	return 0;
}

static void add_up(struct zt_violation *to, const struct zt_violation *add)
{
	to->count += add->count;
	to->attempts += add->attempts;
	if (add->first_ns < to->first_ns)
		to->first_ns = add->first_ns;
	if (add->last_ns > to->last_ns)
		to->last_ns = add->last_ns;
}

int zt_violations_add(struct zt_violations *v, const struct zt_violation *add)
{
	uint32_t hash = zt_table_hash(&add->key, sizeof(add->key));
	uint32_t n;
	int r;

	for (n = zt_table_first(&v->table, hash); n != ZT_TABLE_NONE;
	     n = zt_table_next(&v->table, n)) {
		if (memcmp(&v->rows[n].v.key, &add->key, sizeof(add->key)))
			continue;
		unlink_row(v, n);
		add_up(&v->rows[n].v, add);
		link_row(v, n);
		return 0;
	}
	r = take_number(v, &n);
	if (r < 0)
		return r;
	v->rows[n].v = *add;
	zt_table_add(&v->table, n, hash);
	link_row(v, n);
	return 0;
}

static uint64_t rest(uint64_t total, uint64_t seen)
{
	return total > seen ? total - seen : 0;
}

/*
 * The datapath counts in would_deny what the candidate denies, dropped or not: what live
 * dropped too is not staged any more.
 */
int zt_violations_add_flow(struct zt_violations *v, const struct zt_flow_key *key,
			   const struct zt_flow *flow, const struct zt_violation_seen *seen)
{
	const uint64_t denied = rest(flow->denied, seen ? seen->denied : 0);
	const uint64_t would_deny = rest(flow->would_deny, seen ? seen->would_deny : 0);
	const uint64_t count[ZT_MODE_COUNT] = {
		[ZT_MODE_ENFORCED] = denied,
		[ZT_MODE_STAGED] = rest(would_deny, denied),
	};
	const int plane[ZT_MODE_COUNT] = {
		[ZT_MODE_ENFORCED] = ZT_LIVE,
		[ZT_MODE_STAGED] = ZT_CANDIDATE,
	};
	struct zt_violation add = {0};
	struct zt_flow_ends ends;
	int touched = 0;

	if (!denied && !would_deny)
		return 0;
	zt_flow_ends(key, flow, &ends);
	add.key.src = ends.src;
	add.key.dst = ends.dst;
	add.key.port = ends.port;
	add.key.proto = key->proto;
	add.key.near = (ends.src_near ? 0x1 : 0) | (ends.dst_near ? 0x2 : 0);
	add.key.owner = ends.src_owner ?: ends.dst_owner;
	add.first_ns = flow->first_ns;
	add.last_ns = flow->last_ns;
	add.attempts = flow->opens ?: 1;
	for (int mode = 0; mode < ZT_MODE_COUNT; mode++) {
		if (!count[mode])
			continue;
		add.key.mode = mode;
		/* The verdict has changed since, and nobody remembers what it was. */
		add.key.rule = flow->action[plane[mode]] == ZT_DENY ? flow->rule[plane[mode]]
								    : ZT_RULE_NONE;
		add.count = count[mode];
		if (zt_violations_add(v, &add) < 0)
			return -ENOMEM;
		touched++;
	}
	return touched;
}

int zt_violations_merge(struct zt_violations *v, const struct zt_violations *from)
{
	/* Oldest first, so that each goes straight to the newest end. */
	for (uint32_t n = from->oldest; n != ZT_TABLE_NONE; n = from->rows[n].newer) {
		if (zt_violations_add(v, &from->rows[n].v) < 0)
			return -ENOMEM;
	}
	v->lost += from->lost;
	return 0;
}

const struct zt_violation *zt_violations_next(const struct zt_violations *v,
					      const struct zt_violation *after)
{
	uint32_t n = after ? ((const struct row *)after)->older : v->newest;

	return n == ZT_TABLE_NONE ? NULL : &v->rows[n].v;
}

size_t zt_violations_count(const struct zt_violations *v)
{
	return v->count;
}

uint64_t zt_violations_lost(const struct zt_violations *v)
{
	return v->lost;
}
