/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * place.bpf.h - which flow a packet belongs to when its addresses alone do not say:
 * forwarded, translated, or an ICMP error about another packet.
 *
 * A translated packet is tied to its flow by the kernel's own connection
 * tracking, which knows the original addresses exactly (kfunc
 * bpf_skb_ct_lookup(), kernels from 5.18). Routing asks the kernel's FIB, not
 * a table of ours: Linux delivers to any local address through any interface.
 */
#pragma once
#include "flow.bpf.h"

/* Sets the working set's key and dir for traffic that is not simply this host's own. */
int zt_place(struct __sk_buff *skb);

static __always_inline bool zt_is_icmp_error(const struct zt_packet *p)
{
	if (p->proto == IPPROTO_ICMP && !p->v6)
		return p->icmp_type == 3 || p->icmp_type == 4 || p->icmp_type == 11 ||
		       p->icmp_type == 12;
	return p->proto == IPPROTO_ICMPV6 && p->v6 && p->icmp_type >= 1 && p->icmp_type <= 4;
}

/*
 * An ICMP error passes with, and is counted in, the allowed flow that it speaks of.
 * Returns 1 when it was tied; 0 leaves it to be judged like any ICMP.
 */
int zt_icmp_error(struct __sk_buff *skb);
