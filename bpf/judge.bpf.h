/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * judge.bpf.h - two addresses, a port and an owner in; both verdicts out.
 *
 * Constant cost: one exact (or prefix) lookup per address, one for the pair, one
 * for the port, one for the cell. Nothing here grows with rules, hosts or
 * segments. Pure: no counter, no flow entry, so test runs leave no trace.
 * agent/policy/judge.c is its twin over the same rows; a property test holds
 * the two together.
 */
#pragma once
#include "maps.bpf.h"

#ifndef IPPROTO_ICMPV6 /* in a uapi header that cannot be included beside vmlinux.h */
#define IPPROTO_ICMPV6 58
#endif

struct zt_query {
	struct zt_addr near;
	struct zt_addr far;
	__u64 qmask;  /* workload qualifiers that the local owner matches */
	__u64 now_ns; /* label steps are taken as of then */
	__u32 slot;
	__u32 dir;	  /* ZT_DIR_IN: far opened; ZT_DIR_OUT: near opened; ZT_DIR_FWD: near did */
	__u32 port_index; /* ZT_PORT_*: the service's port, or ICMP type, or protocol */
	__u32 near_id;	  /* when not 0: take this near identity, leave the address alone */
};

struct zt_answer {
	__u64 valid_until_ns; /* ~0 = until the epoch moves */
	__u32 rule[ZT_PLANE_COUNT];
	__u8 action[ZT_PLANE_COUNT];
	__u8 rank[ZT_PLANE_COUNT];
	__u8 existing[ZT_PLANE_COUNT];
	__u8 failsafe;	/* 1: live would have denied */
	__u8 owner_dep; /* 1: another owner could get another answer */
	__u32 near_id;
	__u32 far_id;
};

#define ZT_FOREVER (~0ULL)

/* The inner map of a slot; clang needs the concrete outer map, hence a macro. */
#define zt_inner(outer, slot)                                                                      \
	({                                                                                         \
		__u32 zt_slot_key = (slot);                                                        \
		bpf_map_lookup_elem(&(outer), &zt_slot_key);                                       \
	})

static __always_inline struct zt_slot_meta *zt_meta(__u32 slot)
{
	void *inner = zt_inner(zt_s_meta, slot);
	__u32 zero = 0;

	return inner ? bpf_map_lookup_elem(inner, &zero) : NULL;
}

/*
 * Identity of one address: exact row, then longest prefix, then "unknown".
 * A row whose label has run out stands for what the address becomes then.
 */
static __noinline int zt_identify(const struct zt_addr *addr, __u32 slot, __u64 now_ns,
				  struct zt_identity *ret)
{
	struct zt_net_key net = {.prefixlen = 128};
	const struct zt_identity *row = NULL;
	const struct zt_slot_meta *meta;
	void *inner;

	inner = zt_inner(zt_s_addrs, slot);
	if (inner)
		row = bpf_map_lookup_elem(inner, addr);
	if (!row) {
		__builtin_memcpy(net.bytes, addr->bytes, sizeof(net.bytes));
		inner = zt_inner(zt_s_nets, slot);
		if (inner)
			row = bpf_map_lookup_elem(inner, &net);
	}
	if (!row) {
		meta = zt_meta(slot);
		if (!meta)
			return -1;
		row = &meta->unknown;
	}
	ret->far_id = row->far_id;
	ret->near_id = row->near_id;
	ret->until_ns = row->until_ns ?: ZT_FOREVER;
	if (now_ns >= ret->until_ns) {
		ret->far_id = row->next_far_id;
		ret->near_id = row->next_near_id;
		ret->until_ns = ZT_FOREVER;
	}
	return 0;
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

static __always_inline void zt_answer_default(struct zt_answer *a)
{
	__builtin_memset(a, 0, sizeof(*a));
	a->valid_until_ns = ZT_FOREVER;
	a->rule[ZT_LIVE] = a->rule[ZT_CANDIDATE] = ZT_RULE_DEFAULT;
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

/**
 * zt_judge - both verdicts for one opening.
 * @q: what to judge; addresses as seen on the wire.
 * @a: always filled; without tables the answer is "default allow".
 *
 * Returns 0, or -1 when the slot has no tables (the caller counts it).
 */
static __noinline int zt_judge(const struct zt_query *q, struct zt_answer *a)
{
	struct zt_identity near = {}, far = {};
	struct zt_pair_key pair = {};
	const struct zt_cell *cell;
	const __u32 *port_set;
	__u32 cell_index;
	void *inner;

	zt_answer_default(a);
	if (q->near_id) {
		near.near_id = q->near_id;
		near.until_ns = ZT_FOREVER;
	} else if (zt_identify(&q->near, q->slot, q->now_ns, &near) < 0) {
		return -1;
	}
	if (zt_identify(&q->far, q->slot, q->now_ns, &far) < 0)
		return -1;
	a->valid_until_ns = near.until_ns < far.until_ns ? near.until_ns : far.until_ns;

	pair.near_id = q->dir == ZT_DIR_FWD ? near.far_id : near.near_id;
	pair.far_id = far.far_id;
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

/* Index into the port array for a protocol and a port (or ICMP type) in host order. */
static __always_inline __u32 zt_port_index(__u8 proto, __u16 port)
{
	switch (proto) {
	case IPPROTO_TCP:
		return ZT_PORT_TCP + port;
	case IPPROTO_UDP:
		return ZT_PORT_UDP + port;
	case IPPROTO_ICMP:
		return ZT_PORT_ICMP + (port & 0xff);
	case IPPROTO_ICMPV6:
		return ZT_PORT_ICMPV6 + (port & 0xff);
	default:
		return ZT_PORT_PROTO + proto;
	}
}
