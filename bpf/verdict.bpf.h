/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * verdict.bpf.h - what the fast path needs of verdicts: is it fresh, act on it.
 */
#pragma once
#include "flow.bpf.h"

#define ZT_NEXT -1 /* TCX_NEXT, TC_ACT_UNSPEC: the chain goes on to other people's programs */
#define ZT_DROP 2  /* TCX_DROP, TC_ACT_SHOT */

/* Acts on a verdict that denies, would deny, or was saved by a failsafe; counts it. */
int zt_act(struct zt_flow *f);
/* Acts on what the parser said (not ZT_PARSE_OK). */
int zt_posture(struct __sk_buff *skb, __u32 said);
/* Everything that no fresh entry answers for. All three return ZT_NEXT or ZT_DROP. */
int zt_slow(struct __sk_buff *skb);

/*
 * Round trip and retransmits of the near end's socket, into the entry: where its connection
 * ends (FIN, RST) and where its opening is repeated. No verdict rests on them.
 */
int zt_tcp_health(struct __sk_buff *skb, struct zt_flow *f);

static __always_inline int zt_hit(struct __sk_buff *skb, struct zt_flow *f,
				  const struct zt_pass *pass)
{
	zt_account(f, pass);
	if (pass->pkt.tcp_flags & (ZT_TCP_FIN | ZT_TCP_RST)) {
		zt_tcp_track(f, pass);
		zt_tcp_health(skb, f);
	}
	if (f->action[ZT_LIVE] | f->action[ZT_CANDIDATE] | (f->flags & ZT_FLOW_FAILSAFE))
		return zt_act(f);
	return ZT_NEXT;
}

/* Is the cached verdict still a verdict? One comparison of the word, one of the clock. */
static __always_inline bool zt_fresh(const struct zt_flow *f, const struct zt_pass *pass)
{
	if (f->state_word != pass->word || pass->now_ns >= f->valid_until_ns)
		return false;
	if (pass->pkt.proto == IPPROTO_TCP)
		return !zt_is_opening_syn(&pass->pkt) &&
		       !((f->flags & ZT_FLOW_OWNER_DEP) && pass->hook == ZT_DIR_OUT);
	if (pass->now_ns - f->last_ns > zt_idle_limit(pass->pkt.proto, f) &&
	    pass->now_ns > f->last_ns)
		return false;
	if (pass->pkt.proto == IPPROTO_UDP)
		return !(f->flags & ZT_FLOW_OWNER_DEP) && f->proof == zt_udp_gen_of(&pass->key);
	return !(f->flags & ZT_FLOW_OWNER_DEP);
}
