// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * place.bpf.c - forwarded, translated and quoted packets find their flow.
 */
#include "place.bpf.h"
#include <bpf/bpf_core_read.h>

#define ZT_AF_INET  2
#define ZT_AF_INET6 10

const volatile __u8 zt_have_ct = 0; /* set before load where the kernel has the kfunc */

extern struct nf_conn *bpf_skb_ct_lookup(struct __sk_buff *skb_ctx, struct bpf_sock_tuple *tuple,
					 __u32 tuple__sz, struct bpf_ct_opts *opts,
					 __u32 opts__sz) __weak __ksym;
extern void bpf_ct_release(struct nf_conn *ct) __weak __ksym;

/* The first version of struct bpf_ct_opts; later kernels take its size too. Ours, so that no
 * relocation needs the types of a module that may not be loaded. */
struct zt_ct_opts {
	__s32 netns_id;
	__s32 error;
	__u8 l4proto;
	__u8 dir;
	__u8 reserved[2];
};
#define ZT_CT_REPLY 1

static __always_inline bool zt_has_entry(const struct zt_flow_key *key)
{
	return bpf_map_lookup_elem(&zt_flows, key) || bpf_map_lookup_elem(&zt_openings, key);
}

static __always_inline void zt_key_forward(struct zt_flow_key *key, const struct zt_packet *p,
					   __u8 *dir)
{
	bool near_is_dst = zt_dst_sorts_first(p);

	zt_key_make(key, p, near_is_dst, ZT_KIND_FWD);
	*dir = near_is_dst ? ZT_DIR_IN : ZT_DIR_OUT;
}

/* Will the kernel route it on? Anything else ends here, or is dropped by the stack. */
static __noinline int zt_is_forwarded(struct __sk_buff *skb)
{
	struct zt_work *w = zt_work_get();
	const struct zt_packet *p;
	struct bpf_fib_lookup fib = {};
	long r;

	if (!w)
		return 0;
	p = &w->pass.pkt;
	fib.family = p->v6 ? ZT_AF_INET6 : ZT_AF_INET;
	fib.l4_protocol = p->proto;
	fib.sport = p->sport;
	fib.dport = p->dport;
	fib.ifindex = skb->ifindex;
	if (p->v6) {
		__builtin_memcpy(fib.ipv6_src, p->src.bytes, 16);
		__builtin_memcpy(fib.ipv6_dst, p->dst.bytes, 16);
	} else {
		__builtin_memcpy(&fib.ipv4_src, p->src.bytes + 12, 4);
		__builtin_memcpy(&fib.ipv4_dst, p->dst.bytes + 12, 4);
	}
	r = bpf_fib_lookup(skb, &fib, sizeof(fib), 0);
	return r == BPF_FIB_LKUP_RET_SUCCESS || r == BPF_FIB_LKUP_RET_NO_NEIGH ||
	       r == BPF_FIB_LKUP_RET_FRAG_NEEDED;
}

/* The packet that opened a translated connection, as it was before translation. */
static __always_inline void zt_ct_original(const struct nf_conn *ct, bool v6, struct zt_packet *o)
{
	union nf_inet_addr src = {}, dst = {};

	BPF_CORE_READ_INTO(&src, ct, tuplehash[0].tuple.src.u3);
	BPF_CORE_READ_INTO(&dst, ct, tuplehash[0].tuple.dst.u3);
	o->v6 = v6;
	if (v6) {
		__builtin_memcpy(o->src.bytes, &src, 16);
		__builtin_memcpy(o->dst.bytes, &dst, 16);
	} else {
		zt_addr_v4(&o->src, src.ip);
		zt_addr_v4(&o->dst, dst.ip);
	}
	o->sport = BPF_CORE_READ(ct, tuplehash[0].tuple.src.u.all);
	o->dport = BPF_CORE_READ(ct, tuplehash[0].tuple.dst.u.all);
	o->proto = BPF_CORE_READ(ct, tuplehash[0].tuple.dst.protonum);
}

/* Reply to a translated opening: take the key that the opening had. Returns 1 when tied. */
static __noinline int zt_tie_translated(struct __sk_buff *skb)
{
	struct zt_work *w = zt_work_get();
	struct bpf_sock_tuple tuple = {};
	struct zt_ct_opts opts = {.netns_id = -1};
	struct zt_packet *original;
	const struct zt_packet *p;
	struct zt_pass *pass;
	struct nf_conn *ct;

	if (!w)
		return 0;
	pass = &w->pass;
	p = &pass->pkt;
	original = &w->quoted;
	__builtin_memset(original, 0, sizeof(*original));
	opts.l4proto = p->proto;
	if (!zt_have_ct || (p->proto != IPPROTO_TCP && p->proto != IPPROTO_UDP))
		return 0;
	if (p->v6) {
		__builtin_memcpy(tuple.ipv6.saddr, p->src.bytes, 16);
		__builtin_memcpy(tuple.ipv6.daddr, p->dst.bytes, 16);
		tuple.ipv6.sport = p->sport;
		tuple.ipv6.dport = p->dport;
		ct = bpf_skb_ct_lookup(skb, &tuple, sizeof(tuple.ipv6), (void *)&opts,
				       sizeof(opts));
	} else {
		__builtin_memcpy(&tuple.ipv4.saddr, p->src.bytes + 12, 4);
		__builtin_memcpy(&tuple.ipv4.daddr, p->dst.bytes + 12, 4);
		tuple.ipv4.sport = p->sport;
		tuple.ipv4.dport = p->dport;
		ct = bpf_skb_ct_lookup(skb, &tuple, sizeof(tuple.ipv4), (void *)&opts,
				       sizeof(opts));
	}
	if (!ct)
		return 0;
	if (opts.dir == ZT_CT_REPLY)
		zt_ct_original(ct, p->v6, original);
	bpf_ct_release(ct);
	if (opts.dir != ZT_CT_REPLY)
		return 0;
	if (bpf_map_lookup_elem(&zt_locals, &original->dst)) {
		zt_key_make(&pass->key, original, true, ZT_KIND_LOCAL);
		pass->dir = ZT_DIR_OUT;
	} else if (bpf_map_lookup_elem(&zt_locals, &original->src)) {
		zt_key_make(&pass->key, original, false, ZT_KIND_LOCAL);
		pass->dir = ZT_DIR_IN;
	} else {
		zt_key_forward(&pass->key, original, &pass->dir);
		pass->dir = !pass->dir; /* this packet goes the other way */
	}
	return 1;
}

__noinline int zt_place(struct __sk_buff *skb)
{
	struct zt_work *w = zt_work_get();
	struct zt_pass *pass;
	__u8 dir;

	if (!w)
		return 0;
	pass = &w->pass;
	if (pass->hook == ZT_DIR_OUT) {
		if (skb->ingress_ifindex) /* came in by a device that was not guarded */
			zt_key_forward(&pass->key, &pass->pkt, &pass->dir);
		return 0;
	}
	if (!(pass->ctl_flags & ZT_CTL_FORWARDING) || zt_is_group(&pass->pkt.dst, pass->pkt.v6))
		return 0;
	if (zt_has_entry(&pass->key))
		return 0;
	zt_key_forward(&w->key, &pass->pkt, &dir);
	if (!zt_has_entry(&w->key) && (zt_tie_translated(skb) || !zt_is_forwarded(skb)))
		return 0;
	pass->key = w->key;
	pass->dir = dir;
	return 0;
}

/* --- ICMP errors -------------------------------------------------------------------- */

/* The head of the packet that the error speaks of; 8 transport bytes are all RFC 792 promises. */
static __noinline int zt_parse_quoted(struct __sk_buff *skb)
{
	struct zt_work *w = zt_work_get();
	const struct zt_packet *p;
	struct zt_packet *q;
	__u8 l4[8];
	__u32 off;

	if (!w)
		return -1;
	p = &w->pass.pkt;
	q = &w->quoted;
	__builtin_memset(q, 0, sizeof(*q));
	off = p->l4 + 8;

	if (p->v6) {
		struct zt_ipv6 ip;

		if (off + sizeof(ip) + 8 > p->end || zt_read(skb, off, &ip, sizeof(ip)) < 0)
			return -1;
		__builtin_memcpy(q->src.bytes, ip.src, 16);
		__builtin_memcpy(q->dst.bytes, ip.dst, 16);
		if (zt_addr_is_v4(&q->src) || zt_addr_is_v4(&q->dst))
			return -1;
		q->v6 = 1;
		q->proto = ip.next;
		off += sizeof(ip);
		if (q->proto == ZT_PROTO_FRAGMENT) {
			if (off + 16 > p->end || zt_read(skb, off, l4, 8) < 0 || l4[2] ||
			    (l4[3] & 0xf8))
				return -1;
			q->proto = l4[0];
			off += 8;
		}
	} else {
		struct zt_ipv4 ip;
		__u32 hlen;

		if (off + sizeof(ip) + 8 > p->end || zt_read(skb, off, &ip, sizeof(ip)) < 0)
			return -1;
		hlen = (ip.version_ihl & 0xf) * 4;
		if ((ip.version_ihl >> 4) != 4 || hlen < sizeof(ip) || off + hlen + 8 > p->end ||
		    (bpf_ntohs(ip.frag_off) & 0x1fff))
			return -1;
		zt_addr_v4(&q->src, ip.src);
		zt_addr_v4(&q->dst, ip.dst);
		q->proto = ip.proto;
		off += hlen;
	}
	if (zt_read(skb, off, l4, sizeof(l4)) < 0)
		return -1;
	if (q->proto == (q->v6 ? IPPROTO_ICMPV6 : IPPROTO_ICMP)) {
		q->icmp_type = l4[0];
		q->icmp_code = l4[1];
		if (zt_is_echo(q))
			q->sport = q->dport = (__be16)(l4[4] | l4[5] << 8);
	} else if (q->proto == IPPROTO_TCP || q->proto == IPPROTO_UDP || q->proto == IPPROTO_SCTP) {
		q->sport = (__be16)(l4[0] | l4[1] << 8);
		q->dport = (__be16)(l4[2] | l4[3] << 8);
	}
	return 0;
}

/* Does a socket of ours have the quoted conversation? */
static __noinline int zt_quoted_socket(struct __sk_buff *skb)
{
	struct zt_work *w = zt_work_get();
	const struct zt_packet *q;
	struct bpf_sock_tuple tuple = {};
	struct bpf_sock *sk = NULL;
	int found;

	if (!w)
		return 0;
	q = &w->quoted;
	if (q->v6) {
		__builtin_memcpy(tuple.ipv6.saddr, q->dst.bytes, 16);
		__builtin_memcpy(tuple.ipv6.daddr, q->src.bytes, 16);
		tuple.ipv6.sport = q->dport;
		tuple.ipv6.dport = q->sport;
	} else {
		__builtin_memcpy(&tuple.ipv4.saddr, q->dst.bytes + 12, 4);
		__builtin_memcpy(&tuple.ipv4.daddr, q->src.bytes + 12, 4);
		tuple.ipv4.sport = q->dport;
		tuple.ipv4.dport = q->sport;
	}
	/* A listener is no conversation: only a socket with this very peer counts. */
	if (q->proto == IPPROTO_TCP) {
		sk = q->v6 ? bpf_skc_lookup_tcp(skb, &tuple, sizeof(tuple.ipv6),
						BPF_F_CURRENT_NETNS, 0)
			   : bpf_skc_lookup_tcp(skb, &tuple, sizeof(tuple.ipv4),
						BPF_F_CURRENT_NETNS, 0);
		if (!sk)
			return 0;
		found = sk->state != 10;
	} else {
		sk = q->v6 ? bpf_sk_lookup_udp(skb, &tuple, sizeof(tuple.ipv6), BPF_F_CURRENT_NETNS,
					       0)
			   : bpf_sk_lookup_udp(skb, &tuple, sizeof(tuple.ipv4), BPF_F_CURRENT_NETNS,
					       0);
		if (!sk)
			return 0;
		found = sk->state == 1;
	}
	bpf_sk_release(sk);
	return found;
}

static __always_inline struct zt_flow *zt_find_entry(const struct zt_flow_key *key)
{
	struct zt_flow *f = bpf_map_lookup_elem(&zt_flows, key);

	return f ?: bpf_map_lookup_elem(&zt_openings, key);
}

/* Anything but news of a smaller MTU, or of a crowded one, which stop nothing. */
static __always_inline bool zt_says_unreachable(const struct zt_packet *p)
{
	if (p->v6)
		return p->icmp_type != 2;
	return p->icmp_type != 4 && !(p->icmp_type == 3 && p->icmp_code == 4);
}

__noinline int zt_icmp_error(struct __sk_buff *skb)
{
	struct zt_work *w = zt_work_get();
	struct zt_pass *pass;
	struct zt_flow *f;
	__u8 dir;

	if (!w)
		return 0;
	pass = &w->pass;
	if (zt_parse_quoted(skb) < 0)
		return 0;
	/* Received: it quotes what we sent. Sent: it quotes what we received. */
	zt_key_make(&w->key, &w->quoted, pass->hook == ZT_DIR_OUT, ZT_KIND_LOCAL);
	f = zt_find_entry(&w->key);
	if (!f && (pass->ctl_flags & ZT_CTL_FORWARDING)) {
		zt_key_forward(&w->key, &w->quoted, &dir);
		f = zt_find_entry(&w->key);
		pass->dir = !dir;
	}
	if (f) {
		if (f->action[ZT_LIVE] != ZT_ALLOW)
			return 0;
		/* Added apart from zt_account(): an error is no sign of life. */
		__sync_fetch_and_add(&f->packets[pass->dir & 1], pass->segments);
		__sync_fetch_and_add(&f->bytes[pass->dir & 1], pass->bytes);
		if (zt_says_unreachable(&pass->pkt))
			f->health |= ZT_HEALTH_UNREACHABLE;
	} else if (pass->hook != ZT_DIR_IN ||
		   (w->quoted.proto != IPPROTO_TCP && w->quoted.proto != IPPROTO_UDP) ||
		   !zt_quoted_socket(skb)) {
		return 0;
	}
	zt_count_by(ZT_C_ICMP_ERROR, pass->segments, pass->bytes);
	return 1;
}
