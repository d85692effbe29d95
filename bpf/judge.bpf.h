/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * judge.bpf.h - two addresses, a port and an owner in; both verdicts out.
 *
 * Constant cost: one exact (or prefix) lookup per address, one for the pair, one
 * for the port, one for the cell. Nothing here grows with rules, hosts or
 * segments; only a label that ran out, and hours, cost a few more. Pure: no counter, no flow entry,
 * so test runs leave no trace. agent/policy/judge.c is its twin over the same rows; a property test
 * holds the two together.
 */
#pragma once
#include "maps.bpf.h"

#ifndef IPPROTO_ICMPV6 /* in a uapi header that cannot be included beside vmlinux.h */
#define IPPROTO_ICMPV6 58
#endif

struct zt_query {
	struct zt_addr near;
	struct zt_addr far;
	__u64 qmask;  /* condition bits that the local owner matches */
	__u64 now_ns; /* label steps and hours are taken as of then */
	__u32 slot;
	__u32 dir;	  /* ZT_DIR_IN: far opened; ZT_DIR_OUT: near opened; ZT_DIR_FWD: near did */
	__u32 port_index; /* ZT_PORT_*: the service's port, or ICMP type, or protocol */
	__u32 near_id;	  /* when not 0: take this near identity, leave the address alone */
};

struct zt_answer {
	__u64 valid_until_ns; /* ~0 = until the epoch moves */
	__u64 changed_ns;     /* when time last changed what this rests on; 0 = it did not */
	__u32 rule[ZT_PLANE_COUNT];
	__u8 action[ZT_PLANE_COUNT];
	__u8 rank[ZT_PLANE_COUNT];
	__u8 existing[ZT_PLANE_COUNT];
	__u8 failsafe;	/* 1: live would have denied */
	__u8 owner_dep; /* 1: another owner could get another answer */
	__u32 near_id;
	__u32 far_id;
	__u32 label_epoch; /* of the last change of either end's labels, 0 = none */
	__u32 bucket;	   /* of the far end's row: 1 + share bucket, 0 = by address */
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

/**
 * zt_judge - both verdicts for one opening.
 * @q: what to judge; addresses as seen on the wire.
 * @a: always filled; without tables the answer is "default allow".
 *
 * Returns 0, or -1 when the slot has no tables (the caller counts it).
 */
int zt_judge(const struct zt_query *q, struct zt_answer *a);

static __always_inline void zt_answer_default(struct zt_answer *a)
{
	__builtin_memset(a, 0, sizeof(*a));
	a->valid_until_ns = ZT_FOREVER;
	a->rule[ZT_LIVE] = a->rule[ZT_CANDIDATE] = ZT_RULE_DEFAULT;
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
