// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * ref.bpf.c - what the cost of an established packet is compared with.
 *
 * ref_lookup is the least that a stateful filter can do: read the addresses and
 * ports, look one 40-byte key up in an LRU hash, pass. ref_empty shows what the
 * test run itself costs. Part of the benchmark, never of the product.
 */
#include "vmlinux.h"
#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>

#define ETH_P_IP 0x0800
#define PASS	 -1 /* TC_ACT_UNSPEC, TCX_NEXT */

struct ref_key {
	__u8 src[16];
	__u8 dst[16];
	__be16 sport;
	__be16 dport;
	__u8 proto;
	__u8 pad[3];
};
_Static_assert(sizeof(struct ref_key) == 40, "as large as zt_flow_key");

struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 65536);
	__type(key, struct ref_key);
	__type(value, __u64);
} ref_flows SEC(".maps");

static __always_inline void map_v4(__u8 *to, __be32 v4)
{
	__u32 *words = (__u32 *)to;

	words[0] = 0;
	words[1] = 0;
	words[2] = bpf_htonl(0xffff);
	words[3] = v4;
}

static __always_inline bool read_key(struct __sk_buff *skb, struct ref_key *key)
{
	void *data = (void *)(long)skb->data;
	void *end = (void *)(long)skb->data_end;
	struct ethhdr *eth = data;
	struct iphdr *ip = (void *)(eth + 1);
	struct tcphdr *tcp = (void *)(ip + 1);

	if ((void *)(tcp + 1) > end || eth->h_proto != bpf_htons(ETH_P_IP) || ip->ihl != 5 ||
	    ip->protocol != IPPROTO_TCP)
		return false;
	map_v4(key->src, ip->saddr);
	map_v4(key->dst, ip->daddr);
	key->sport = tcp->source;
	key->dport = tcp->dest;
	key->proto = ip->protocol;
	return true;
}

SEC("tc")
int ref_lookup(struct __sk_buff *skb)
{
	struct ref_key key = {};

	if (read_key(skb, &key) && bpf_map_lookup_elem(&ref_flows, &key))
		skb->mark = 1; /* found: cost.c checks that it was */
	return PASS;
}

SEC("tc")
int ref_empty(struct __sk_buff *skb)
{
	return PASS;
}

char ref_license[] SEC("license") = "Dual BSD/GPL";
