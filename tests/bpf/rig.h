/* SPDX-License-Identifier: Apache-2.0 */
/*
 * rig.h - the compiled programs in a network namespace of their own, run on made-up packets.
 *
 * The process leaves its network namespace, loads build/bpf/ztseg with private, unpinned maps
 * and attaches nothing: BPF_PROG_TEST_RUN is the only thing that runs the programs. What the
 * kernel sets for a test run: device lo unless asked otherwise, whose address is
 * 00:00:00:00:00:00, so that a frame to another address is for another station; skb->sk is a
 * socket of no kind; VLAN offload cannot be set.
 */
#pragma once
#include <linux/types.h>
#include <stdbool.h>
#include <stddef.h>

#include "bpf/abi.h"
#include "pkt.h"
#include "policy/rules.h"
#include "policy/tables.h"

struct zt_answer;
struct zt_overlay;
struct zt_query;
struct ztseg;
struct ring_buffer;

#define RIG_EVENTS 64 /* the latest ones are kept */

struct rig {
	struct ztseg *skel;
	struct zt_rule_names *names;
	struct zt_tables *tables; /* of the last policy that was put in a slot */
	struct ring_buffer *ring;
	struct zt_event event[RIG_EVENTS];
	unsigned int events; /* since rig_forget() */
	struct zt_ctl *ctl;  /* the control block itself */
	struct zt_count before[ZT_C_COUNT];
	__u64 epoch;
	int passed, failed, skipped;
};

/* What a test run can say of a packet beside its bytes. */
struct rig_run {
	char hook;	       /* 'i', 'o'; 'I', 'O' for header-less devices */
	__u32 ifindex;	       /* 0 = lo */
	__u32 ingress_ifindex; /* 0 = came from here */
	__u32 gso_size;
	__u32 gso_segs;
	__u32 mark;
	__u32 linear; /* bytes that direct access sees; 0 = all. From kernel 6.18 on */
};

/**
 * rig_open - leave the network namespace, load the programs.
 * @flows: entries of zt_flows and zt_openings; 0 = as built.
 *
 * Exits 77 with the reason where there is no privilege, 99 when loading fails.
 */
void rig_open(struct rig *rig, unsigned int flows);
void rig_close(struct rig *rig);

/* rig_lo_up - the namespace's loopback device up, for tests with sockets. */
void rig_lo_up(void);

/**
 * rig_policy - compile a policy for host "me" and put its rows in a slot.
 * @yaml: NULL = the empty policy.
 *
 * Nothing is in force before rig_flip(). Ends the program on a policy that does not compile.
 */
void rig_policy(struct rig *rig, __u32 slot, const char *yaml);

/* What a slot is compiled from beside the policy in force. */
struct rig_layers {
	const char *live;
	const char *candidate; /* NULL: none is held */
	const struct zt_overlay *overlay;
	__u64 now_ns;
	__s64 wall_offset_ns;
};

/* rig_layers - the same with a held candidate, labels and promotions, at a time. */
void rig_layers(struct rig *rig, __u32 slot, const struct rig_layers *layers);

/* rig_fill - any tables into a slot. */
void rig_fill(struct rig *rig, __u32 slot, const struct zt_tables *tables);

/* rig_probe - the loaded judge asked about a slot. 0, or not. */
int rig_probe(const struct rig *rig, __u32 slot, const struct zt_query *q, struct zt_probe *ret);

/* rig_same - whether its answer is the offline judge's, in every field. */
bool rig_same(const struct zt_probe *kernel, const struct zt_answer *twin);

/* rig_flip - put a slot in force under the next epoch, no deadline. Returns the state word. */
__u64 rig_flip(struct rig *rig, __u32 slot);

/* rig_clear - no flows. */
void rig_clear(struct rig *rig);

/* rig_forget - no flows, no events; counters are counted from here. */
void rig_forget(struct rig *rig);

/* rig_run - one packet through one program; its verdict, or -errno - 1000. */
int rig_run(struct rig *rig, const struct rig_run *run, const struct pkt *pkt);

/* rig_send - the same from a line of text; names as in rows.h. */
int rig_send(struct rig *rig, char hook, int family, const char *text);

/* rig_counter - by how much a counter moved since rig_forget(). */
struct zt_count rig_counter(struct rig *rig, enum zt_counter counter);

/* rig_one_flow - the only entry of both tables; false when there is none or several. */
bool rig_one_flow(struct rig *rig, struct zt_flow_key *ret_key, struct zt_flow *ret_flow,
		  bool *ret_in_flows);
unsigned int rig_count_flows(struct rig *rig, bool openings);

/* rig_get, rig_put - one entry by its key. */
bool rig_get(struct rig *rig, bool openings, const struct zt_flow_key *key, struct zt_flow *ret);
void rig_put(struct rig *rig, bool openings, const struct zt_flow_key *key,
	     const struct zt_flow *flow);

/* rig_event - the latest event of a type, or NULL. */
const struct zt_event *rig_event(struct rig *rig, __u8 type);

/* rig_map - file descriptor of a map by name. */
int rig_map(const struct rig *rig, const char *name);

/* rig_inner - file descriptor of a slot's inner map, e.g. "zt_s_addrs"; the caller closes it. */
int rig_inner(const struct rig *rig, const char *outer, __u32 slot);

/* rig_rule - number of a rule id; ends the program when there is no such rule. */
__u32 rig_rule(const struct rig *rig, const char *id);
const char *rig_rule_name(const struct rig *rig, __u32 number);

__u64 rig_now_ns(void); /* the clock that the programs read */

/* rig_check - one case: prints "ok NAME" or "not ok NAME - WHY" and counts it. Returns @good. */
__attribute__((format(printf, 4, 5))) bool rig_check(struct rig *rig, bool good, const char *name,
						     const char *fmt, ...);

/* rig_exit - 0, or 1 when a case failed; frees everything. */
int rig_exit(struct rig *rig);
