// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * who.bpf.c - socket lookups of the wire programs.
 */
#include "verdict.bpf.h"
#include "who.bpf.h"

static __always_inline void zt_who_take(struct zt_who *who, struct zt_sock *s)
{
	if (!s)
		return;
	who->cookie = s->cookie;
	who->word = s->word;
	who->at_ns = s->at_ns;
	who->owner = s->owner;
	who->pid = s->pid;
	who->role = s->role;
	who->flags = s->flags;
}

/* Tuple for a socket lookup: as a received packet of this flow would have it. */
static __always_inline __u32 zt_tuple(const struct zt_flow_key *key, struct bpf_sock_tuple *t)
{
	const __u32 *near = (const __u32 *)key->near_addr, *far = (const __u32 *)key->far_addr;

	if (!near[0] && !near[1] && near[2] == bpf_htonl(0xffff)) {
		t->ipv4.saddr = far[3];
		t->ipv4.daddr = near[3];
		t->ipv4.sport = key->far_port;
		t->ipv4.dport = key->near_port;
		return sizeof(t->ipv4);
	}
	__builtin_memcpy(t->ipv6.saddr, far, 16);
	__builtin_memcpy(t->ipv6.daddr, near, 16);
	t->ipv6.sport = key->far_port;
	t->ipv6.dport = key->near_port;
	return sizeof(t->ipv6);
}

static __always_inline int zt_who_tcp(struct __sk_buff *skb, const struct zt_flow_key *key,
				      struct zt_who *who)
{
	struct bpf_sock_tuple tuple = {};
	__u32 size = zt_tuple(key, &tuple);
	struct bpf_sock *sk, *listener;

	if (size == sizeof(tuple.ipv4))
		sk = bpf_skc_lookup_tcp(skb, &tuple, sizeof(tuple.ipv4), BPF_F_CURRENT_NETNS, 0);
	else
		sk = bpf_skc_lookup_tcp(skb, &tuple, sizeof(tuple.ipv6), BPF_F_CURRENT_NETNS, 0);
	if (!sk)
		return 0;
	who->found = 1;
	if (sk->state == ZT_TCP_STATE_NEW_SYN) {
		listener = bpf_get_listener_sock(sk);
		if (listener)
			zt_who_take(who, bpf_sk_storage_get(&zt_socks, listener, NULL, 0));
		who->role = ZT_ROLE_LISTEN;
	} else {
		who->connected = sk->state != ZT_TCP_STATE_LISTEN;
		zt_who_take(who, bpf_sk_storage_get(&zt_socks, sk, NULL, 0));
	}
	bpf_sk_release(sk);
	return 0;
}

static __always_inline int zt_who_udp(struct __sk_buff *skb, const struct zt_flow_key *key,
				      struct zt_who *who)
{
	struct bpf_sock_tuple tuple = {};
	__u32 size = zt_tuple(key, &tuple);
	struct bpf_sock *sk;

	if (size == sizeof(tuple.ipv4))
		sk = bpf_sk_lookup_udp(skb, &tuple, sizeof(tuple.ipv4), BPF_F_CURRENT_NETNS, 0);
	else
		sk = bpf_sk_lookup_udp(skb, &tuple, sizeof(tuple.ipv6), BPF_F_CURRENT_NETNS, 0);
	if (!sk)
		return 0;
	who->found = 1;
	who->connected = sk->state == ZT_TCP_STATE_ESTABLISHED;
	zt_who_take(who, bpf_sk_storage_get(&zt_socks, sk, NULL, 0));
	bpf_sk_release(sk);
	return 0;
}

/* Sent here: the socket is at hand. A SYN-ACK's is a request, its owner the listener. */
static __always_inline int zt_who_sender(struct __sk_buff *skb, struct zt_who *who)
{
	struct bpf_sock *sk = skb->sk, *full;

	if (!sk)
		return 0;
	full = bpf_sk_fullsock(sk);
	if (full) {
		who->found = 1;
		who->connected = full->state == ZT_TCP_STATE_ESTABLISHED;
		zt_who_take(who, bpf_sk_storage_get(&zt_socks, full, NULL, 0));
		return 0;
	}
	full = bpf_get_listener_sock(sk);
	if (full) {
		who->found = 1;
		zt_who_take(who, bpf_sk_storage_get(&zt_socks, full, NULL, 0));
		who->role = ZT_ROLE_LISTEN;
	}
	return 0;
}

__noinline int zt_who_is(struct __sk_buff *skb)
{
	struct zt_work *w = zt_work_get();

	if (!w)
		return 0;
	__builtin_memset(&w->who, 0, sizeof(w->who));
	if (w->pass.key.kind != ZT_KIND_LOCAL)
		return 0;
	if (w->pass.hook == ZT_DIR_OUT)
		return zt_who_sender(skb, &w->who);
	if (w->pass.pkt.proto == IPPROTO_TCP)
		return zt_who_tcp(skb, &w->pass.key, &w->who);
	if (w->pass.pkt.proto == IPPROTO_UDP)
		return zt_who_udp(skb, &w->pass.key, &w->who);
	return 0;
}

/* Port 0 is nobody's: the lookup passes by the sockets that have a peer. */
__noinline int zt_listener(struct __sk_buff *skb, __u32 take)
{
	struct zt_work *w = zt_work_get();
	struct bpf_sock_tuple tuple = {};
	struct bpf_sock *sk;
	int listening;
	__u32 size;

	if (!w)
		return 0;
	size = zt_tuple(&w->pass.key, &tuple);
	if (size == sizeof(tuple.ipv4)) {
		tuple.ipv4.sport = 0;
		sk = bpf_skc_lookup_tcp(skb, &tuple, sizeof(tuple.ipv4), BPF_F_CURRENT_NETNS, 0);
	} else {
		tuple.ipv6.sport = 0;
		sk = bpf_skc_lookup_tcp(skb, &tuple, sizeof(tuple.ipv6), BPF_F_CURRENT_NETNS, 0);
	}
	if (!sk)
		return 0;
	listening = sk->state == ZT_TCP_STATE_LISTEN;
	if (listening && take) {
		w->who.connected = 0;
		zt_who_take(&w->who, bpf_sk_storage_get(&zt_socks, sk, NULL, 0));
	}
	bpf_sk_release(sk);
	return listening;
}

/* The kernel's own reply socket says TCP too, but is a raw one: it has no such fields. */
static __always_inline void take_health(struct zt_flow *f, struct bpf_sock *sk)
{
	struct bpf_tcp_sock *tcp;

	if (sk->type != SOCK_STREAM || sk->state == ZT_TCP_STATE_LISTEN)
		return;
	tcp = bpf_tcp_sock(sk);
	if (!tcp)
		return;
	if (tcp->srtt_us)
		f->rtt_us = tcp->srtt_us >> ZT_SRTT_SHIFT;
	f->retrans = tcp->total_retrans;
}

__noinline int zt_tcp_health(struct __sk_buff *skb, struct zt_flow *f)
{
	struct zt_work *w = zt_work_get();
	struct bpf_sock_tuple tuple = {};
	struct bpf_sock *sk;
	__u32 size;

	if (!w || !f || w->pass.key.kind != ZT_KIND_LOCAL || w->pass.pkt.proto != IPPROTO_TCP)
		return 0;
	if (w->pass.hook == ZT_DIR_OUT) { /* what leaves has its socket at hand */
		sk = skb->sk;
		sk = sk ? bpf_sk_fullsock(sk) : NULL;
		if (sk)
			take_health(f, sk);
		return 0;
	}
	/* Of what comes in only a reset ends all: after a FIN the near end still says its own. */
	if (!(w->pass.pkt.tcp_flags & ZT_TCP_RST))
		return 0;
	size = zt_tuple(&w->pass.key, &tuple);
	if (size == sizeof(tuple.ipv4))
		sk = bpf_sk_lookup_tcp(skb, &tuple, sizeof(tuple.ipv4), BPF_F_CURRENT_NETNS, 0);
	else
		sk = bpf_sk_lookup_tcp(skb, &tuple, sizeof(tuple.ipv6), BPF_F_CURRENT_NETNS, 0);
	if (!sk)
		return 0;
	take_health(f, sk);
	bpf_sk_release(sk);
	return 0;
}

__noinline int zt_who_note(struct __sk_buff *skb, __u32 cut)
{
	struct zt_work *w = zt_work_get();
	struct bpf_sock *sk = skb->sk;
	struct zt_sock *s;

	if (!w || w->pass.hook != ZT_DIR_OUT || !sk)
		return 0;
	sk = bpf_sk_fullsock(sk);
	if (!sk)
		return 0;
	s = bpf_sk_storage_get(&zt_socks, sk, NULL, 0);
	if (!s)
		return 0;
	if (cut) {
		s->flags |= ZT_SOCK_CUT;
	} else {
		s->word = w->pass.word;
		s->at_ns = w->pass.now_ns;
	}
	return 0;
}
