/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * maps.bpf.h - every map, declared here and defined in maps.bpf.c.
 *
 * Sizes given here are the smallest ones; user space sets the real ones before
 * loading (zt_flows, zt_openings) or makes the inner maps itself (zt_s_*).
 * Names keep within 15 characters, or the kernel cuts them.
 */
#pragma once
#include "vmlinux.h"
#include <bpf/bpf_helpers.h>
#include "abi.h"

#define ZT_SCRATCH_SIZE 1536

#define ZT_SRTT_SHIFT 3 /* tcp_sock.srtt_us is eight times the smoothed round trip */

struct zt_map_ctl {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct zt_ctl);
};
extern struct zt_map_ctl zt_ctl SEC(".maps");

struct zt_map_flows {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 65536);
	__type(key, struct zt_flow_key);
	__type(value, struct zt_flow);
};
extern struct zt_map_flows zt_flows SEC(".maps");
extern struct zt_map_flows zt_openings SEC(".maps");

struct zt_map_events {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	/* Mapped twice by who reads it, and resident: some 9,000 events, most of a second's. */
	__uint(max_entries, 2 * 1024 * 1024);
};
extern struct zt_map_events zt_events SEC(".maps");

struct zt_map_counters {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, ZT_C_COUNT);
	__type(key, __u32);
	__type(value, struct zt_count);
};
extern struct zt_map_counters zt_counters SEC(".maps");

/* Every address of this namespace -> ifindex; kept by the agent, a hint, never a licence. */
struct zt_map_locals {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 16384);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, struct zt_addr);
	__type(value, __u32);
};
extern struct zt_map_locals zt_locals SEC(".maps");

/* Devices whose packets are judged: attached ones, and those covered by a lower one. */
struct zt_map_ifaces {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 4096);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, __u32);
	__type(value, __u32);
};
extern struct zt_map_ifaces zt_ifaces SEC(".maps");

struct zt_map_socks {
	__uint(type, BPF_MAP_TYPE_SK_STORAGE);
	__uint(map_flags, BPF_F_NO_PREALLOC | BPF_F_CLONE);
	__type(key, int);
	__type(value, struct zt_sock);
};
extern struct zt_map_socks zt_socks SEC(".maps");

struct zt_map_owners {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, ZT_OWNERS_MAX);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, struct zt_owner);
	__type(value, __u32);
};
extern struct zt_map_owners zt_owners SEC(".maps");

struct zt_map_owner_recs {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, ZT_OWNERS_MAX);
	__type(key, __u32);
	__type(value, struct zt_owner);
};
extern struct zt_map_owner_recs zt_owner_recs SEC(".maps");

struct zt_map_owner_next {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, __u64);
};
extern struct zt_map_owner_next zt_owner_next SEC(".maps");

/* What people are shown of an owner's latest process; see struct zt_owner_cmd. */
struct zt_map_owner_cmds {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, ZT_OWNERS_MAX);
	__type(key, __u32);
	__type(value, struct zt_owner_cmd);
};
extern struct zt_map_owner_cmds zt_owner_cmds SEC(".maps");

/* DNS answers on their way to the agent: some seven hundred of them. */
struct zt_map_dns {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 256 * 1024);
};
extern struct zt_map_dns zt_dns SEC(".maps");

/* Bumped when a UDP socket lets go of a local port: its entries are then checked by socket. */
struct zt_map_udp_gen {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 65536);
	__type(key, __u32);
	__type(value, __u32);
};
extern struct zt_map_udp_gen zt_udp_gen SEC(".maps");

typedef char zt_name[ZT_NAME_LEN];

/* Rule number -> name: lets a later agent read verdicts that an earlier one compiled. */
struct zt_map_rules {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, ZT_RULES_MAX);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, __u32);
	__type(value, zt_name);
};
extern struct zt_map_rules zt_rules SEC(".maps");

/* Flows judged by each rule, live plane. */
struct zt_map_rule_hits {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, ZT_RULES_MAX);
	__type(key, __u32);
	__type(value, __u64);
};
extern struct zt_map_rule_hits zt_rule_hits SEC(".maps");

/* What the wire programs work on: too big for the stack, and they never nest on one CPU. */
struct zt_map_scratch {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__uint(key_size, sizeof(__u32));
	__uint(value_size, ZT_SCRATCH_SIZE); /* struct zt_work, flow.bpf.h */
};
extern struct zt_map_scratch zt_scratch SEC(".maps");

/* --- the compiled policy: outer arrays of ZT_SLOTS, one inner map per slot ------- */

/*
 * Sizes instead of types: clang 14 leaves types that only an inner map names
 * as forward declarations, and libbpf then cannot tell their size.
 */

struct zt_inner_addrs {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 1);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__uint(key_size, sizeof(struct zt_addr));
	__uint(value_size, sizeof(struct zt_identity));
};
struct zt_inner_nets {
	__uint(type, BPF_MAP_TYPE_LPM_TRIE);
	__uint(max_entries, 1);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__uint(key_size, sizeof(struct zt_net_key));
	__uint(value_size, sizeof(struct zt_identity));
};
struct zt_inner_pairs {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 1);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__uint(key_size, sizeof(struct zt_pair_key));
	__uint(value_size, sizeof(__u32));
};
struct zt_inner_ports {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, ZT_PORT_BLOCKS);
	__uint(key_size, sizeof(__u32));
	__uint(value_size, sizeof(struct zt_port_block));
};
struct zt_inner_cellix {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 1);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__uint(key_size, sizeof(struct zt_cell_key));
	__uint(value_size, sizeof(__u32));
};
struct zt_inner_cells {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__uint(map_flags, BPF_F_INNER_MAP);
	__uint(key_size, sizeof(__u32));
	__uint(value_size, sizeof(struct zt_cell));
};
struct zt_inner_quals {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 1);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__uint(key_size, sizeof(struct zt_qual_key));
	__uint(value_size, sizeof(__u64));
};
struct zt_inner_qrules {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 1);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__uint(key_size, sizeof(struct zt_qrule_key));
	__uint(value_size, sizeof(struct zt_qrule));
};
struct zt_inner_steps {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__uint(map_flags, BPF_F_INNER_MAP);
	__uint(key_size, sizeof(__u32));
	__uint(value_size, sizeof(struct zt_step));
};
struct zt_inner_windows {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__uint(map_flags, BPF_F_INNER_MAP);
	__uint(key_size, sizeof(__u32));
	__uint(value_size, sizeof(struct zt_window));
};
struct zt_inner_meta {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__uint(key_size, sizeof(__u32));
	__uint(value_size, sizeof(struct zt_slot_meta));
};

#define ZT_OUTER(name)                                                                             \
	struct zt_outer_##name {                                                                   \
		__uint(type, BPF_MAP_TYPE_ARRAY_OF_MAPS);                                          \
		__uint(max_entries, ZT_SLOTS);                                                     \
		__type(key, __u32);                                                                \
		__array(values, struct zt_inner_##name);                                           \
	};                                                                                         \
	extern struct zt_outer_##name zt_s_##name SEC(".maps")

ZT_OUTER(addrs);
ZT_OUTER(nets);
ZT_OUTER(pairs);
ZT_OUTER(ports);
ZT_OUTER(cellix);
ZT_OUTER(cells);
ZT_OUTER(quals);
ZT_OUTER(qrules);
ZT_OUTER(steps);
ZT_OUTER(windows);
ZT_OUTER(meta);

/* --- small readers every program shares -------------------------------------------- */

static __always_inline struct zt_ctl *zt_ctl_get(void)
{
	__u32 zero = 0;

	return bpf_map_lookup_elem(&zt_ctl, &zero);
}

static __always_inline void zt_count_by(__u32 counter, __u64 packets, __u64 bytes)
{
	struct zt_count *count = bpf_map_lookup_elem(&zt_counters, &counter);

	if (count) {
		count->packets += packets;
		count->bytes += bytes;
	}
}

static __always_inline void zt_count(__u32 counter)
{
	zt_count_by(counter, 1, 0);
}

/* The state word in force: the previous one once an unconfirmed policy's time is up. */
static __always_inline __u64 zt_word(const struct zt_ctl *ctl, __u64 now_ns)
{
	__u64 word = *(volatile const __u64 *)&ctl->word;
	__u64 deadline = *(volatile const __u64 *)&ctl->deadline_ns;

	if (deadline && now_ns >= deadline)
		return *(volatile const __u64 *)&ctl->prev_word;
	return word;
}
