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

/*
 * Identity of one address: exact row, then longest prefix, then "unknown".
 * A row whose label has run out stands for what the address becomes then; one
 * that has not lowers *until_ns. Returns ZT_IDS(), or ZT_IDS_NONE without tables.
 */
static __noinline __u64 zt_identify(const struct zt_addr *addr, __u32 slot, __u64 now_ns,
				    __u64 *until_ns)
{
	struct zt_net_key net = {.prefixlen = 128};
	const struct zt_identity *row = NULL;
	const struct zt_slot_meta *meta;
	void *inner;

	/* Copied to the stack: 6.1 takes no map key from a global function's argument. */
	__builtin_memcpy(net.bytes, addr->bytes, sizeof(net.bytes));
	inner = zt_inner(zt_s_addrs, slot);
	if (inner)
		row = bpf_map_lookup_elem(inner, net.bytes);
	if (!row) {
		inner = zt_inner(zt_s_nets, slot);
		if (inner)
			row = bpf_map_lookup_elem(inner, &net);
	}
	if (!row) {
		meta = zt_meta(slot);
		if (!meta)
			return ZT_IDS_NONE;
		row = &meta->unknown;
	}
	if (row->until_ns && now_ns >= row->until_ns)
		return ZT_IDS(row->next_far_id, row->next_near_id);
	if (row->until_ns && row->until_ns < *until_ns)
		*until_ns = row->until_ns;
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

/* Qualified statements: the first bit that matches, when it outranks the base answer. */
static __always_inline void zt_qualify(__u32 slot, __u32 cell_index, __u32 plane, __u64 deny_q,
				       __u64 allow_q, struct zt_answer *a)
{
	struct zt_qrule_key key = {.cell = cell_index, .plane = plane};
	const struct zt_qrule *qrule;
	void *inner;
	__u64 bits;

	if (deny_q && a->rank[plane] < ZT_RANK_DENY) {
		key.action = ZT_DENY;
		bits = deny_q;
	} else if (allow_q && a->rank[plane] < ZT_RANK_ALLOW) {
		key.action = ZT_ALLOW;
		bits = allow_q;
	} else {
		return;
	}
	/* Lowest bit set; clang 14 has no ctz for BPF. */
	bits &= -bits;
	key.bit = ((bits & 0xffffffff00000000ULL) ? 32 : 0) +
		  ((bits & 0xffff0000ffff0000ULL) ? 16 : 0) +
		  ((bits & 0xff00ff00ff00ff00ULL) ? 8 : 0) +
		  ((bits & 0xf0f0f0f0f0f0f0f0ULL) ? 4 : 0) +
		  ((bits & 0xccccccccccccccccULL) ? 2 : 0) +
		  ((bits & 0xaaaaaaaaaaaaaaaaULL) ? 1 : 0);

	a->action[plane] = key.action;
	a->rank[plane] = key.action == ZT_DENY ? ZT_RANK_DENY : ZT_RANK_ALLOW;
	inner = zt_inner(zt_s_qrules, slot);
	if (!inner)
		return;
	qrule = bpf_map_lookup_elem(inner, &key);
	if (qrule) {
		a->rule[plane] = qrule->rule;
		a->existing[plane] = qrule->existing;
	}
}

static __always_inline void zt_answer_cell(const struct zt_query *q, __u32 cell_index,
					   const struct zt_cell *cell, struct zt_answer *a)
{
	for (int plane = 0; plane < ZT_PLANE_COUNT; plane++) {
		const struct zt_plane *p = &cell->plane[plane];

		a->rule[plane] = p->rule;
		a->rank[plane] = p->rank;
		a->action[plane] = p->action;
		a->existing[plane] = p->existing;
		if (p->deny_q | p->allow_q) {
			a->owner_dep = 1;
			zt_qualify(q->slot, cell_index, plane, p->deny_q & q->qmask,
				   p->allow_q & q->qmask, a);
		}
		if (a->action[plane] == ZT_DENY && cell->failsafe) {
			if (plane == ZT_LIVE)
				a->failsafe = 1;
			a->action[plane] = ZT_ALLOW;
			a->rank[plane] = ZT_RANK_FAILSAFE;
			a->rule[plane] = cell->failsafe;
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
	near = q->near_id ? ZT_IDS(0, q->near_id)
			  : zt_identify(&q->near, q->slot, q->now_ns, &a->valid_until_ns);
	far = zt_identify(&q->far, q->slot, q->now_ns, &a->valid_until_ns);
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
