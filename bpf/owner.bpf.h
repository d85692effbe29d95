/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * owner.bpf.h - who a socket belongs to, by name, and what those names match.
 *
 * Names are read in the kernel when a socket is opened, so that a unit started a
 * millisecond ago is already known by name. They are read once per process image
 * (zt_owner_cache) and kept once per distinct owner (zt_owners, zt_owner_recs).
 * Callers run in process context and can be preempted: nothing here uses per-CPU
 * scratch. Only zt_owner_qmask() may also be called from softirq.
 */
#pragma once
#include "maps.bpf.h"
#include "addr.bpf.h"
#include <bpf/bpf_endian.h>

/* The last records are kept for coarse owners (unit and user only), see zt_owner_build(). */
#define ZT_OWNERS_RESERVE 1024

/* A process image: its names stand as long as none of these fields changes. */
struct zt_image {
	__u64 cgroup_id;
	__u64 start_ns; /* of the thread group leader */
	__u64 exec_id;	/* raised by every execve */
	__u32 tgid;
	__u32 uid; /* effective */
};

struct zt_map_owner_cache {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 16384);
	__type(key, struct zt_image);
	__type(value, __u32);
};
extern struct zt_map_owner_cache zt_owner_cache SEC(".maps");

/* The qualifiers that an owner matched last; valid for one state word. */
struct zt_owner_mask {
	__u64 word;
	__u64 qmask;
	__u32 lock; /* 1 while a writer is at it */
	__u32 pad;
};

struct zt_map_owner_masks {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, ZT_OWNERS_MAX);
	__type(key, __u32);
	__type(value, struct zt_owner_mask);
};
extern struct zt_map_owner_masks zt_owner_masks SEC(".maps");

/* What the owner's record shall be for a socket that PID 1 holds for a unit. */
struct zt_map_sock_units {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 1024);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, struct zt_sock_unit);
	__type(value, struct zt_owner);
};
extern struct zt_map_sock_units zt_sock_units SEC(".maps");

/* Local address and port of every listener: filled and read by the iterators only. */
struct zt_listener {
	struct zt_addr addr;
	__u16 port; /* host order */
	__u16 pad[3];
};
_Static_assert(sizeof(struct zt_listener) == 24, "zt_listener: a key, no hidden padding");

struct zt_map_listeners {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 16384);
	__uint(map_flags, 0);
	__type(key, struct zt_listener);
	__type(value, struct zt_sock);
};
extern struct zt_map_listeners zt_listeners SEC(".maps");

#define ZT_NAME_MAX 256 /* one name of a path, with its NUL */

/*
 * Room to build one owner in: too big for the stack, and per-CPU would be shared.
 * A walk's position is kept here too: what comes from memory is unknown to the
 * verifier, which then need not follow every combination of names.
 */
struct zt_draft {
	struct zt_owner owner;
	struct zt_owner_cmd cmd;
	char path[2 * ZT_NAME_MAX]; /* used up to half; the rest bounds writes */
	char name[ZT_NAME_MAX];
	__u32 at;	 /* position in path */
	__u32 found;	 /* a unit-like name was met */
	__u32 delegated; /* a directory was met that is not root's */
	__u32 pad;
};

struct zt_map_drafts {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 1024);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, __u64); /* the task that builds */
	__type(value, struct zt_draft);
};
extern struct zt_map_drafts zt_drafts SEC(".maps");

/* What an unconnected UDP socket was allowed last: a stream then costs one comparison. */
struct zt_sock_last {
	__u64 word; /* 0 = nothing yet */
	__u64 valid_until_ns;
	__u64 event_ns; /* of the last ZT_EV_REFUSED */
	struct zt_addr far;
	__be16 port;
	__u8 pad[6];
};

struct zt_map_sock_last {
	__uint(type, BPF_MAP_TYPE_SK_STORAGE);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, int);
	__type(value, struct zt_sock_last);
};
extern struct zt_map_sock_last zt_sock_last SEC(".maps");

/* Connections to end: keys as in zt_flows, put there and taken out by user space. */
struct zt_map_kills {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 8192);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, struct zt_flow_key);
	__type(value, __u32); /* sockets ended */
};
extern struct zt_map_kills zt_kills SEC(".maps");

/**
 * zt_owner_build - read an image's names and intern them.
 * @of:        key to remember the answer under; ignored for a socket unit.
 * @task:      address of the task to read; of a task that cannot go away.
 * @proto:     socket's protocol, and
 * @port:      its local port [host order]: looked up in zt_sock_units when the task
 *             is PID 1. Port 0 is never found.
 *
 * Returns the owner's index into zt_owner_recs, or 0 when it could not be had
 * (counted in ZT_C_LOST_OWNER). When the table is full but for its reserve the
 * owner is interned without executable and cgroup path, so that what names a
 * unit or a user still holds. Process context only.
 */
__u32 zt_owner_build(const struct zt_image *of, __u64 task, __u32 proto, __u32 port);

/**
 * zt_owner_qmask - workload qualifiers that an owner (zt_sock.owner) matches.
 * @owner_index: 0, an unknown owner, matches none.
 * @word: state word in force (its slot is matched against).
 *
 * Returns the mask, 0 when the slot asks for no owner. Any context; needs 280
 * bytes of stack. Matching runs once per owner and state word; after that it is
 * one array lookup.
 */
__u64 zt_owner_qmask(__u32 owner_index, __u64 word);

/* One end of a connection inside this host, as its socket hook sees it. */
struct zt_loop_end {
	__u64 word;
	__u64 now_ns;
	__u64 cookie;
	__u32 owner;
	__u32 pid;
	__u32 opens; /* 1: this end opens the connection now; 0: it is the far end */
	__u32 pad;
};

/**
 * zt_loop_open - put a same-host connection into zt_flows, or one end into its entry.
 * @at:  its key: ZT_KIND_LOOP, near = the end that opened.
 * @end: what is known of the calling end.
 *
 * An entry of a connection that is over is sent as ZT_EV_ENDED and begun anew.
 * Returns 0, or -1 when the entry could not be made (counted in ZT_C_LOST_INSERT).
 */
int zt_loop_open(const struct zt_flow_key *at, const struct zt_loop_end *end);

/* Owner of a task that cannot go away: the current one, or one an iterator holds. */
static __always_inline __u32 zt_owner_of(struct task_struct *task, __u8 proto, __u16 port)
{
	struct zt_image image = {};
	const __u32 *known;
	__u64 address = 0;

	image.cgroup_id = task->cgroups->dfl_cgrp->kn->id;
	image.start_ns = task->group_leader->start_time;
	image.exec_id = task->self_exec_id;
	image.tgid = task->tgid;
	image.uid = task->cred->euid.val;
	if (image.tgid != 1) {
		known = bpf_map_lookup_elem(&zt_owner_cache, &image);
		if (known)
			return *known;
	}
	/* A global function takes numbers: read the pointer back from the stack as one. */
	bpf_probe_read_kernel(&address, sizeof(address), &task);
	return zt_owner_build(&image, address, proto, port);
}

/*
 * The socket is the current task's from now on. The cookie comes last: a record
 * with one is whole.
 */
static __always_inline void zt_sock_claim(struct zt_sock *s, __u8 role, __u64 cookie, __u8 proto,
					  __u16 port)
{
	struct task_struct *task = bpf_get_current_task_btf();

	s->owner = zt_owner_of(task, proto, port);
	s->pid = task->tgid;
	s->role = role;
	s->flags &= ~ZT_SOCK_OLD;
	s->cookie = cookie;
}

/* A connection is made, under the policy of now. Tracing programs have no coarse clock. */
static __always_inline void zt_sock_established(struct zt_sock *s, const struct zt_ctl *ctl)
{
	s->flags |= ZT_SOCK_ESTABLISHED;
	s->at_ns = bpf_ktime_get_ns();
	s->word = zt_word(ctl, s->at_ns);
}

/* No address: :: or 0.0.0.0. */
static __always_inline bool zt_addr_is_any(const struct zt_addr *addr)
{
	const __u32 *words = (const __u32 *)addr->bytes;

	return !words[3] && ((!words[0] && !words[1] && !words[2]) || zt_addr_is_v4(addr));
}

/* An address of this namespace, as a destination: never leaves through a device. */
static __always_inline bool zt_addr_is_here(const struct zt_addr *addr)
{
	const __u32 *words = (const __u32 *)addr->bytes;

	if (zt_addr_is_any(addr))
		return true;
	if (zt_addr_is_v4(addr) && addr->bytes[12] == 127)
		return true;
	if (!words[0] && !words[1] && !words[2] && words[3] == bpf_htonl(1))
		return true;
	return bpf_map_lookup_elem(&zt_locals, addr);
}

/* Counters that two views write: the one that has seen more is right. */
static __always_inline void zt_raise_to(__u64 *value, __u64 seen)
{
	if (*value < seen)
		*value = seen;
}

/* Of a socket's own connection: round trip and retransmits. Fields of a living tcp_sock. */
static __always_inline void zt_take_health(struct zt_flow *f, const struct tcp_sock *tp)
{
	if (tp->srtt_us)
		f->rtt_us = tp->srtt_us >> ZT_SRTT_SHIFT;
	f->retrans = tp->total_retrans;
}

/* Hand an event to user space; a full ring is counted, the flow table still has it. */
static __always_inline void zt_event_send(__u8 type, __u64 now_ns, const struct zt_flow_key *key,
					  const struct zt_flow *flow)
{
	struct zt_event *event = bpf_ringbuf_reserve(&zt_events, sizeof(*event), 0);

	if (!event) {
		zt_count(ZT_C_LOST_RING);
		return;
	}
	event->abi_version = ZT_ABI_VERSION;
	event->type = type;
	event->old_action[0] = flow->action[0];
	event->old_action[1] = flow->action[1];
	event->pad = 0;
	event->at_ns = now_ns;
	event->key = *key;
	event->flow = *flow;
	bpf_ringbuf_submit(event, 0);
}
