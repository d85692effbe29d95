// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * wire.bpf.c - tc/tcx ingress and egress: every packet, judged once, counted exactly.
 *
 * The fast path is parse, one lookup, one comparison of the state word and of
 * the clock. Everything else is in slow.bpf.c. A pass is TCX_NEXT (-1), never 0:
 * 0 would end the chain and blind programs that other people attached.
 */
#include "verdict.bpf.h"
#include "class.bpf.h"

#define ZT_PKT_OTHERHOST 3
#define ZT_PKT_LOOPBACK	 5

/* --- programs -------------------------------------------------------------------------------- */

/* Judged at its first device already? Then it is neither judged nor counted again. */
static __always_inline bool zt_in_transit(struct __sk_buff *skb)
{
	__u32 from = skb->ingress_ifindex;

	return from && bpf_map_lookup_elem(&zt_ifaces, &from);
}

/* What no entry answers for; with payload, its entry may wait to see that. */
static __always_inline int zt_wire_slow(struct __sk_buff *skb, const struct zt_pass *pass)
{
	int verdict = zt_slow(skb);

	if (verdict == ZT_NEXT && pass->pkt.payload && pass->pkt.payload < pass->pkt.end)
		zt_class_slow(skb);
	return verdict;
}

static __always_inline int zt_wire(struct __sk_buff *skb, const bool l2, const __u8 hook)
{
	struct zt_work *w = zt_work_get();
	const struct zt_ctl *ctl = zt_ctl_get();
	struct zt_pass *pass;
	struct zt_flow *f;
	int said;

	if (!w || !ctl)
		return ZT_NEXT;
	if (hook == ZT_DIR_OUT && zt_in_transit(skb)) {
		zt_count_by(ZT_C_TRANSIT, 1, skb->len);
		return ZT_NEXT;
	}
	if (hook == ZT_DIR_IN &&
	    (skb->pkt_type == ZT_PKT_OTHERHOST || skb->pkt_type == ZT_PKT_LOOPBACK)) {
		/* The stack drops the first; the second is our own group traffic, looped. */
		zt_count_by(ZT_C_NOT_OURS, 1, skb->len);
		return ZT_NEXT;
	}
	pass = &w->pass;
	pass->hook = pass->dir = hook;
	said = zt_parse(skb, l2, hook == ZT_DIR_IN, &pass->pkt);
	pass->now_ns = bpf_ktime_get_coarse_ns();
	pass->word = zt_word(ctl, pass->now_ns);
	pass->ctl_flags = ctl->flags;
	zt_measure(skb, pass);
	if (said)
		return zt_posture(skb, said);

	zt_key_make(&pass->key, &pass->pkt, hook == ZT_DIR_IN, ZT_KIND_LOCAL);
	/* A SYN is always judged: no entry could answer for it. */
	if (zt_is_opening_syn(&pass->pkt))
		return zt_wire_slow(skb, pass);
	f = bpf_map_lookup_elem(&zt_flows, &pass->key);
	if (!f || !zt_fresh(f, pass))
		return zt_wire_slow(skb, pass);
	said = zt_hit(skb, f, pass);
	if (f->look && said == ZT_NEXT)
		zt_class(skb, f);
	return said;
}

SEC("tc")
int zt_in_l2(struct __sk_buff *skb)
{
	return zt_wire(skb, true, ZT_DIR_IN);
}

SEC("tc")
int zt_out_l2(struct __sk_buff *skb)
{
	return zt_wire(skb, true, ZT_DIR_OUT);
}

SEC("tc")
int zt_in_l3(struct __sk_buff *skb)
{
	return zt_wire(skb, false, ZT_DIR_IN);
}

SEC("tc")
int zt_out_l3(struct __sk_buff *skb)
{
	return zt_wire(skb, false, ZT_DIR_OUT);
}
