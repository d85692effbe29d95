// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * judge.bpf.c - the judge itself; verified once, called from everywhere.
 */
#include "judge.bpf.h"

/* Both forms of an identity in one register: callers' stack is scarce. */
#define ZT_IDS(far, near) ((__u64)(far) << 32 | (near))
#define ZT_IDS_FAR(ids)	  ((__u32)((ids) >> 32))
#define ZT_IDS_NEAR(ids)  ((__u32)(ids))
#define ZT_IDS_NONE	  (~0ULL)

static __always_inline void zt_good_until(struct zt_answer *a, __u64 until_ns)
{
	if (until_ns < a->valid_until_ns)
		a->valid_until_ns = until_ns;
}

static __always_inline void zt_changed_at(struct zt_answer *a, __u64 at_ns)
{
	if (at_ns > a->changed_ns)
		a->changed_ns = at_ns;
}

/* What a row stands for now: past each end in time it becomes the next of its steps. */
static __always_inline __u64 zt_step_on(const struct zt_identity *row, const struct zt_query *q,
					struct zt_answer *a)
{
	__u32 far_id = row->far_id, near_id = row->near_id, next = row->step;
	__u64 until_ns = row->until_ns;
	const struct zt_step *step;
	void *inner;

	inner = zt_inner(zt_s_steps, q->slot);
	for (int i = 0; i < ZT_STEPS_MAX && until_ns && q->now_ns >= until_ns && inner; i++) {
		step = bpf_map_lookup_elem(inner, &next);
		if (!step)
			break;
		zt_changed_at(a, until_ns);
		far_id = step->far_id;
		near_id = step->near_id;
		until_ns = step->until_ns;
		next = step->next;
	}
	if (until_ns && q->now_ns < until_ns)
		zt_good_until(a, until_ns);
	return ZT_IDS(far_id, near_id);
}

/*
 * Identity of the far or the near address: exact row, then longest prefix, then
 * "unknown". Notes in the answer what else the row says. Returns ZT_IDS(), or
 * ZT_IDS_NONE without tables.
 */
static __noinline __u64 zt_identify(const struct zt_query *q, bool far, struct zt_answer *a)
{
	const struct zt_addr *addr = far ? &q->far : &q->near;
	struct zt_net_key net = {.prefixlen = 128};
	const struct zt_identity *row = NULL;
	const struct zt_slot_meta *meta;
	void *inner;

	/* Copied to the stack: 6.1 takes no map key from a global function's argument. */
	__builtin_memcpy(net.bytes, addr->bytes, sizeof(net.bytes));
	inner = zt_inner(zt_s_addrs, q->slot);
	if (inner)
		row = bpf_map_lookup_elem(inner, net.bytes);
	if (!row) {
		inner = zt_inner(zt_s_nets, q->slot);
		if (inner)
			row = bpf_map_lookup_elem(inner, &net);
	}
	if (!row) {
		meta = zt_meta(q->slot);
		if (!meta)
			return ZT_IDS_NONE;
		row = &meta->unknown;
	}
	a->bucket = row->bucket;
	if (row->label_epoch > a->label_epoch)
		a->label_epoch = row->label_epoch;
	if (row->until_ns)
		return zt_step_on(row, q, a);
	return ZT_IDS(row->far_id, row->near_id);
}

static __always_inline __u32 zt_port_class(__u32 slot, __u32 port_index)
{
	void *inner = zt_inner(zt_s_ports, slot);
	const struct zt_port_block *block;
	__u32 element = port_index >> 2;

	if (!inner)
		return 0;
	block = bpf_map_lookup_elem(inner, &element);
	return block ? block->class[port_index & 3] : 0;
}

static __always_inline __u32 zt_cell_index(__u32 slot, __u32 port_set, __u32 class)
{
	struct zt_cell_key key = {.port_set = port_set, .class = class};
	void *inner = zt_inner(zt_s_cellix, slot);
	const __u32 *cell;

	if (!inner)
		return 0;
	cell = bpf_map_lookup_elem(inner, &key);
	if (!cell && class) {
		key.class = 0;
		cell = bpf_map_lookup_elem(inner, &key);
	}
	return cell ? *cell : 0;
}

/*
 * Which of some timed conditions are open: by the last row of the windows that has begun.
 * Where the search stands is kept in the answer's rule, which is written after this: the
 * verifier knows nothing of what it reads there, and so does not walk every way down.
 */
static __always_inline __u64 zt_open_now(const struct zt_query *q, __u32 count, struct zt_answer *a)
{
	volatile __u32 *at = &a->rule[ZT_LIVE];
	const struct zt_window *window, *last = NULL;
	__u32 probe;
	void *inner;

	inner = zt_inner(zt_s_windows, q->slot);
	if (!inner || !count)
		return 0;
	*at = 0;
	for (__u32 half = ZT_WINDOWS_MAX / 2; half; half /= 2) {
		probe = *at + half;
		if (probe >= count)
			continue;
		window = bpf_map_lookup_elem(inner, &probe);
		if (!window)
			return 0;
		if (window->from_ns <= q->now_ns)
			*at += half;
	}
	probe = *at + 1;
	window = probe < count ? bpf_map_lookup_elem(inner, &probe) : NULL;
	if (window)
		zt_good_until(a, window->from_ns);
	probe = *at;
	last = bpf_map_lookup_elem(inner, &probe);
	if (!last)
		return 0;
	zt_changed_at(a, last->from_ns);
	return last->open;
}

/* Which of a cell's conditions hold. */
static __noinline __u64 zt_conditions(const struct zt_query *q, __u64 bits, struct zt_answer *a)
{
	const struct zt_slot_meta *meta = zt_meta(q->slot);
	__u32 bucket = a->bucket ? a->bucket - 1 : zt_addr_bucket(&q->far);
	__u64 mask;

	if (!meta)
		return 0;
	if (bits & ~meta->q_free)
		a->owner_dep = 1;
	mask = bits & (q->qmask | meta->q_free);
	if (bucket < ZT_BUCKETS)
		mask &= meta->share[bucket];
	if (bits & meta->q_timed)
		mask &= zt_open_now(q, meta->window_count, a) | ~meta->q_timed;
	return mask;
}

/* Lowest bit set; clang 14 has no ctz for BPF. */
static __always_inline __u8 zt_lowest(__u64 bits)
{
	bits &= -bits;
	return ((bits & 0xffffffff00000000ULL) ? 32 : 0) +
	       ((bits & 0xffff0000ffff0000ULL) ? 16 : 0) +
	       ((bits & 0xff00ff00ff00ff00ULL) ? 8 : 0) + ((bits & 0xf0f0f0f0f0f0f0f0ULL) ? 4 : 0) +
	       ((bits & 0xccccccccccccccccULL) ? 2 : 0) + ((bits & 0xaaaaaaaaaaaaaaaaULL) ? 1 : 0);
}

/* Statements with a condition: the first bit that holds, when it outranks the base answer. */
static __always_inline void zt_qualify(__u32 slot, __u32 cell_index, __u32 plane,
				       const struct zt_plane *p, __u64 mask, struct zt_answer *a)
{
	struct zt_qrule_key key = {.cell = cell_index, .plane = plane};
	const struct zt_qrule *qrule;
	void *inner;
	__u8 rank;

	if ((p->deny_q & mask) && a->rank[plane] < ZT_RANK_DENY) {
		key.action = ZT_DENY;
		key.bit = zt_lowest(p->deny_q & mask);
		rank = ZT_RANK_DENY;
	} else if ((p->allow_q & mask) && a->rank[plane] < ZT_RANK_ALLOW) {
		key.action = ZT_ALLOW;
		key.bit = zt_lowest(p->allow_q & mask);
		rank = ZT_RANK_ALLOW;
	} else if ((p->bound_q & mask) && a->rank[plane] < ZT_RANK_BOUNDARY) {
		key.action = ZT_Q_BOUNDARY;
		key.bit = zt_lowest(p->bound_q & mask);
		rank = ZT_RANK_BOUNDARY;
	} else {
		return;
	}
	a->action[plane] = key.action == ZT_ALLOW ? ZT_ALLOW : ZT_DENY;
	a->rank[plane] = rank;
	inner = zt_inner(zt_s_qrules, slot);
	if (!inner)
		return;
	qrule = bpf_map_lookup_elem(inner, &key);
	if (qrule) {
		a->rule[plane] = qrule->rule;
		a->existing[plane] = qrule->existing;
	}
}

static __always_inline __u64 zt_plane_bits(const struct zt_plane *p)
{
	return p->deny_q | p->allow_q | p->bound_q;
}

static __always_inline void zt_answer_cell(const struct zt_query *q, __u32 cell_index,
					   const struct zt_cell *cell, struct zt_answer *a)
{
	__u64 bits =
		zt_plane_bits(&cell->plane[ZT_LIVE]) | zt_plane_bits(&cell->plane[ZT_CANDIDATE]);
	__u64 mask = bits ? zt_conditions(q, bits, a) : 0;

	for (int plane = 0; plane < ZT_PLANE_COUNT; plane++) {
		const struct zt_plane *p = &cell->plane[plane];

		a->rule[plane] = p->rule;
		a->rank[plane] = p->rank;
		a->action[plane] = p->action;
		a->existing[plane] = p->existing;
		if (zt_plane_bits(p) & mask)
			zt_qualify(q->slot, cell_index, plane, p, mask, a);
		if (a->action[plane] == ZT_DENY && cell->failsafe[plane]) {
			if (plane == ZT_LIVE)
				a->failsafe = 1;
			a->action[plane] = ZT_ALLOW;
			a->rank[plane] = ZT_RANK_FAILSAFE;
			a->rule[plane] = cell->failsafe[plane];
		}
	}
}

__noinline int zt_judge(const struct zt_query *q, struct zt_answer *a)
{
	struct zt_pair_key pair = {};
	const struct zt_cell *cell;
	const __u32 *port_set;
	__u64 near, far;
	__u32 cell_index;
	void *inner;

	if (!q || !a)
		return -1;
	zt_answer_default(a);
	near = q->near_id ? ZT_IDS(0, q->near_id) : zt_identify(q, false, a);
	far = zt_identify(q, true, a); /* the second: its share bucket is the one that counts */
	if (near == ZT_IDS_NONE || far == ZT_IDS_NONE)
		return -1;
	pair.near_id = q->dir == ZT_DIR_FWD ? ZT_IDS_FAR(near) : ZT_IDS_NEAR(near);
	pair.far_id = ZT_IDS_FAR(far);
	pair.dir = q->dir;
	a->near_id = pair.near_id;
	a->far_id = pair.far_id;

	inner = zt_inner(zt_s_pairs, q->slot);
	if (!inner)
		return -1;
	port_set = bpf_map_lookup_elem(inner, &pair);
	cell_index = zt_cell_index(q->slot, port_set ? *port_set : 0,
				   zt_port_class(q->slot, q->port_index));

	inner = zt_inner(zt_s_cells, q->slot);
	if (!inner)
		return -1;
	cell = bpf_map_lookup_elem(inner, &cell_index);
	if (!cell)
		return 0;
	zt_answer_cell(q, cell_index, cell, a);
	return 0;
}
