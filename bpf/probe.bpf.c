// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * probe.bpf.c - the judge without side effects, for BPF_PROG_TEST_RUN.
 *
 * The question comes as data and the answer is written over it; the owner is
 * passed as its qualifier mask. Never attached to anything.
 */
#include "judge.bpf.h"

#define ETH_HLEN 14

SEC("tc")
int zt_probe(struct __sk_buff *skb)
{
	struct zt_answer a;
	struct zt_query q = {};
	struct zt_probe p;

	if (bpf_skb_load_bytes(skb, ETH_HLEN, &p, sizeof(p)) < 0)
		return 1;
	q.near = p.near;
	q.far = p.far;
	q.qmask = p.qmask;
	q.now_ns = p.now_ns ?: bpf_ktime_get_coarse_ns();
	q.slot = p.slot;
	q.dir = p.dir;
	q.port_index = p.port_index;
	if (zt_judge(&q, &a) < 0)
		return 2;
	p.rule[0] = a.rule[0];
	p.rule[1] = a.rule[1];
	p.action[0] = a.action[0];
	p.action[1] = a.action[1];
	p.rank[0] = a.rank[0];
	p.rank[1] = a.rank[1];
	p.existing[0] = a.existing[0];
	p.existing[1] = a.existing[1];
	p.failsafe = a.failsafe;
	p.owner_dep = a.owner_dep;
	p.near_id = a.near_id;
	p.far_id = a.far_id;
	p.valid_until_ns = a.valid_until_ns;
	p.changed_ns = a.changed_ns;
	p.label_epoch = a.label_epoch;
	return bpf_skb_store_bytes(skb, ETH_HLEN, &p, sizeof(p), 0) < 0 ? 1 : 0;
}
