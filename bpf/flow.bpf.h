/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * flow.bpf.h - flow entries: keys, age, accounting, events.
 *
 * Two tables. zt_flows holds answered flows and nothing else, so that a flood
 * of denied or unanswered openings, which live in the smaller zt_openings,
 * cannot push them out. Correctness never rests on an entry being there.
 */
#pragma once
#include "parse.bpf.h"
#include "judge.bpf.h"

#define ZT_UDP_IDLE_NS	     (180ULL * 1000000000)
#define ZT_UDP_UNANSWERED_NS (30ULL * 1000000000)
#define ZT_ICMP_IDLE_NS	     (30ULL * 1000000000)
#define ZT_OTHER_IDLE_NS     (180ULL * 1000000000)

/* One packet on its way through the wire programs. */
struct zt_pass {
	struct zt_packet pkt;
	struct zt_flow_key key;
	__u64 word;
	__u64 now_ns;
	__u64 bytes;	/* on the wire, every segment's headers counted */
	__u32 segments; /* packets on the wire */
	__u32 ctl_flags;
	__u8 hook; /* ZT_DIR_IN: tc ingress; ZT_DIR_OUT: tc egress */
	__u8 dir;  /* of the packet, seen from the key's near end */
	__u8 pad[6];
};

/* What the sending or receiving socket tells, see who.bpf.c. */
struct zt_who {
	__u64 qmask;
	__u64 cookie;
	__u64 word; /* zt_sock.word, .at_ns */
	__u64 at_ns;
	__u32 owner;
	__u32 pid;
	__u8 role;	/* ZT_ROLE_* */
	__u8 flags;	/* ZT_SOCK_* */
	__u8 found;	/* a socket of this host carries the flow */
	__u8 connected; /* it has this very peer */
	__u32 pad;
};

#define ZT_PEEK_LEN 256 /* a power of two: it bounds an index in any verifier's eyes */

/* The first payload bytes of a packet, for the classifier; zeros behind what was read. */
struct zt_peek {
	__u8 b[ZT_PEEK_LEN];
	__u32 off;  /* of b[0] in the packet */
	__u32 len;  /* payload there is, of UDP that of one datagram */
	__u32 have; /* bytes that b holds */
	__u32 pad;
};

/*
 * The one working set per CPU. tc programs run with bottom halves off and never
 * nest, so whoever holds it is alone.
 */
struct zt_work {
	struct zt_pass pass;
	struct zt_who who;
	struct zt_query query;
	struct zt_answer answer;
	struct zt_answer other;
	struct zt_flow flow;	 /* an entry before it is inserted */
	struct zt_packet quoted; /* what an ICMP error speaks of; the original of a translation */
	struct zt_flow_key key;	 /* a second key to try */
	struct zt_peek peek;	 /* class.bpf.c */
};
_Static_assert(sizeof(struct zt_work) <= ZT_SCRATCH_SIZE, "zt_work outgrew its map");

static __always_inline struct zt_work *zt_work_get(void)
{
	__u32 zero = 0;

	return bpf_map_lookup_elem(&zt_scratch, &zero);
}

static __always_inline bool zt_is_opening_syn(const struct zt_packet *p)
{
	return p->proto == IPPROTO_TCP && (p->tcp_flags & (ZT_TCP_SYN | ZT_TCP_ACK)) == ZT_TCP_SYN;
}

/* Which ports a key has: the service's end is told by who opened, not by the key. */
static __always_inline void zt_key_ports(const struct zt_packet *p, __be16 *src, __be16 *dst)
{
	bool icmp = p->proto == (p->v6 ? IPPROTO_ICMPV6 : IPPROTO_ICMP);

	*src = p->sport;
	*dst = p->dport;
	if (icmp && !zt_is_echo(p)) {
		*src = 0;
		*dst = bpf_htons(p->icmp_type << 8 | p->icmp_code);
	}
}

/* Key of a packet whose near end is the receiver (@near_is_dst) or the sender. */
static __always_inline void zt_key_make(struct zt_flow_key *key, const struct zt_packet *p,
					bool near_is_dst, __u8 kind)
{
	bool icmp = p->proto == (p->v6 ? IPPROTO_ICMPV6 : IPPROTO_ICMP);
	const __u64 *near, *far;
	__be16 sport, dport;

	zt_key_ports(p, &sport, &dport);
	/* As words: byte arrays would be copied byte by byte. */
	near = (const void *)(near_is_dst ? &p->dst : &p->src);
	far = (const void *)(near_is_dst ? &p->src : &p->dst);
	((__u64 *)key->near_addr)[0] = near[0];
	((__u64 *)key->near_addr)[1] = near[1];
	((__u64 *)key->far_addr)[0] = far[0];
	((__u64 *)key->far_addr)[1] = far[1];
	/* ICMP has one number for both ends: the same key either way. */
	key->near_port = near_is_dst && !icmp ? dport : sport;
	key->far_port = near_is_dst && !icmp ? sport : dport;
	if (icmp && zt_is_echo(p))
		key->far_port =
			zt_is_echo_request(p) == near_is_dst ? ZT_ECHO_BY_FAR : ZT_ECHO_BY_NEAR;
	key->proto = p->proto;
	key->kind = kind;
	key->pad[0] = key->pad[1] = 0;
}

/* For forwarded traffic the near end is the one that sorts first. */
static __always_inline bool zt_dst_sorts_first(const struct zt_packet *p)
{
	const __u64 *s = (const __u64 *)p->src.bytes, *d = (const __u64 *)p->dst.bytes;

	if (d[0] != s[0])
		return d[0] < s[0];
	if (d[1] != s[1])
		return d[1] < s[1];
	return p->dport < p->sport;
}

static __always_inline __u64 zt_idle_limit(__u8 proto, const struct zt_flow *f)
{
	switch (proto) {
	case IPPROTO_TCP:
		return ZT_FOREVER;
	case IPPROTO_UDP:
		return f->state == ZT_STATE_OPENING ? ZT_UDP_UNANSWERED_NS : ZT_UDP_IDLE_NS;
	case IPPROTO_ICMP:
	case IPPROTO_ICMPV6:
		return ZT_ICMP_IDLE_NS;
	default:
		return ZT_OTHER_IDLE_NS;
	}
}

static __always_inline __u32 zt_udp_gen_of(const struct zt_flow_key *key)
{
	__u32 port = bpf_ntohs(key->near_port);
	__u32 *gen = bpf_map_lookup_elem(&zt_udp_gen, &port);

	return gen ? *gen : 0;
}

/*
 * Counts one packet (or super-packet) into an entry. The kernel serialises a
 * TCP connection's packets, so plain adds are exact there and free; other
 * protocols may meet on two CPUs and add atomically.
 */
static __always_inline void zt_account(struct zt_flow *f, const struct zt_pass *pass)
{
	__u8 dir = pass->dir & 1;

	if (pass->pkt.proto == IPPROTO_TCP) {
		f->packets[dir] += pass->segments;
		f->bytes[dir] += pass->bytes;
	} else {
		__sync_fetch_and_add(&f->packets[dir], pass->segments);
		__sync_fetch_and_add(&f->bytes[dir], pass->bytes);
	}
	f->last_ns = pass->now_ns;
}

/* Size on the wire: a super-packet goes out as segments, each with all headers. */
static __always_inline void zt_measure(struct __sk_buff *skb, struct zt_pass *pass)
{
	__u32 segments = skb->gso_segs, size = skb->gso_size;

	pass->bytes = skb->len;
	pass->segments = 1;
	if (!size || !pass->pkt.payload || skb->len <= pass->pkt.payload)
		return;
	if (!segments) /* from an untrusted source (virtio): the kernel counts later */
		segments = (skb->len - pass->pkt.payload + size - 1) / size;
	if (segments > 1) {
		pass->segments = segments;
		pass->bytes += (__u64)(segments - 1) * pass->pkt.payload;
	}
}

/* One event into the ring; a full ring is counted, the tables still have the flow. */
int zt_emit(__u32 type, const struct zt_flow_key *key, const struct zt_flow *f, __u32 old_actions);

static __always_inline __u32 zt_actions(const struct zt_flow *f)
{
	return f->action[ZT_LIVE] | f->action[ZT_CANDIDATE] << 8;
}

/* TCP's own bookkeeping; for people and for tidying up, never for a verdict. */
static __always_inline void zt_tcp_track(struct zt_flow *f, const struct zt_pass *pass)
{
	if (pass->pkt.tcp_flags & ZT_TCP_RST) {
		if (f->state != ZT_STATE_CLOSED) /* else FINs have ended it */
			f->health |=
				pass->dir == ZT_DIR_IN ? ZT_HEALTH_RST_FAR : ZT_HEALTH_RST_NEAR;
		f->state = ZT_STATE_CLOSED;
	} else if (pass->pkt.tcp_flags & ZT_TCP_FIN) {
		f->flags |= pass->dir == ZT_DIR_IN ? ZT_FLOW_FIN_IN : ZT_FLOW_FIN_OUT;
		f->state = (f->flags & ZT_FLOW_FIN_IN) && (f->flags & ZT_FLOW_FIN_OUT)
				   ? ZT_STATE_CLOSED
				   : ZT_STATE_CLOSING;
	}
}

/* The working set's entry ends: its last values go to the agent, the tuple may begin again. */
int zt_drop_entry(struct zt_flow *f, __u32 answered);
/* From the openings to the answered flows. */
int zt_promote(struct zt_flow *opening);
