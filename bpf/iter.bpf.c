// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * iter.bpf.c - iterators: sockets older than the hooks, and sockets to end.
 *
 * Run in the guarded namespace in this order: zt_it_tcp (who listens, roles),
 * zt_it_files (owners, from the tasks that hold the sockets), zt_it_tcp again
 * (connections that nobody has accepted yet get their listener's owner). Running
 * them once more does no harm; zt_it_tcp also refreshes what sockets tell of living
 * connections (round trip, retransmits; everything of same-host ones, which no packet
 * hook sees), so it is run from time to time.
 */
#include "maps.bpf.h"
#include <bpf/bpf_core_read.h>
#include <bpf/bpf_endian.h>
#include "owner.bpf.h"

#define AF_INET	 2
#define AF_INET6 10

extern int bpf_sock_destroy(struct sock_common *sock) __ksym __weak;

static __always_inline void words_of(struct zt_addr *addr, const struct in6_addr *from)
{
	__u32 *words = (__u32 *)addr->bytes;

	words[0] = from->in6_u.u6_addr32[0];
	words[1] = from->in6_u.u6_addr32[1];
	words[2] = from->in6_u.u6_addr32[2];
	words[3] = from->in6_u.u6_addr32[3];
}

static __always_inline void addrs_of(struct sock_common *skc, struct zt_addr *near,
				     struct zt_addr *far)
{
	if (skc->skc_family == AF_INET) {
		zt_addr_v4(near, skc->skc_rcv_saddr);
		zt_addr_v4(far, skc->skc_daddr);
	} else {
		words_of(near, &skc->skc_v6_rcv_saddr);
		words_of(far, &skc->skc_v6_daddr);
	}
}

static __always_inline const struct zt_ctl *guarded(struct sock_common *skc)
{
	const struct zt_ctl *ctl = zt_ctl_get();

	if (!ctl || (skc->skc_family != AF_INET && skc->skc_family != AF_INET6))
		return NULL;
	return skc->skc_net.net->net_cookie == ctl->netns_cookie ? ctl : NULL;
}

/* The listener that a local address and port belong to: bound to it, or to any address. */
static __always_inline struct zt_sock *listener_at(const struct zt_addr *near, __u16 port)
{
	struct zt_listener key = {.addr = *near, .port = port};
	struct zt_sock *listener = bpf_map_lookup_elem(&zt_listeners, &key);

	if (!listener && zt_addr_is_v4(near)) {
		zt_addr_v4(&key.addr, 0);
		listener = bpf_map_lookup_elem(&zt_listeners, &key);
	}
	if (!listener) {
		__builtin_memset(&key.addr, 0, sizeof(key.addr));
		listener = bpf_map_lookup_elem(&zt_listeners, &key);
	}
	return listener;
}

static __always_inline void note_listener(struct sock_common *skc, const struct zt_sock *s)
{
	struct zt_listener key = {.port = skc->skc_num};
	struct zt_sock none = {.role = ZT_ROLE_LISTEN};
	struct zt_addr far;

	addrs_of(skc, &key.addr, &far);
	bpf_map_update_elem(&zt_listeners, &key, s ?: &none, BPF_ANY);
}

/* Who opened: of a connection nobody tells any more, so the port of a listener does. */
static __always_inline __u8 role_of(struct sock_common *skc, __u16 proto)
{
	struct zt_addr near, far;

	if (proto == IPPROTO_UDP)
		return skc->skc_dport ? ZT_ROLE_CONNECT : ZT_ROLE_LISTEN;
	if (proto != IPPROTO_TCP)
		return ZT_ROLE_CONNECT;
	if (skc->skc_state == BPF_TCP_LISTEN)
		return ZT_ROLE_LISTEN;
	addrs_of(skc, &near, &far);
	return listener_at(&near, skc->skc_num) ? ZT_ROLE_LISTEN : ZT_ROLE_CONNECT;
}

/* Nobody's yet; or PID 1's, who may hold it for a unit that is known by now. */
static __always_inline bool wants_owner(const struct zt_sock *s)
{
	return !s->owner || s->pid == 1;
}

SEC("iter/task_file")
int zt_it_files(struct bpf_iter__task_file *ctx)
{
	struct task_struct *task = ctx->task;
	struct file *file = ctx->file;
	const struct zt_ctl *ctl;
	struct socket *socket;
	struct zt_sock *s;
	struct sock *sk;
	__u16 proto;

	if (!task || !file)
		return 0;
	socket = bpf_sock_from_file(file);
	if (!socket)
		return 0;
	sk = socket->sk;
	ctl = sk ? guarded(&sk->__sk_common) : NULL;
	if (!ctl)
		return 0;
	s = bpf_sk_storage_get(&zt_socks, sk, 0, BPF_SK_STORAGE_GET_F_CREATE);
	if (!s || !wants_owner(s))
		return 0;
	proto = sk->sk_protocol;
	if (!s->role)
		s->role = role_of(&sk->__sk_common, proto);
	s->owner = zt_owner_of(task, proto, sk->__sk_common.skc_num);
	s->pid = task->tgid;
	if (!s->cookie)
		s->flags |= ZT_SOCK_OLD;
	if (!s->cookie && proto == IPPROTO_TCP && sk->__sk_common.skc_state == BPF_TCP_ESTABLISHED)
		zt_sock_established(s, ctl);
	s->cookie = bpf_get_socket_cookie(sk);
	if (proto == IPPROTO_TCP && sk->__sk_common.skc_state == BPF_TCP_LISTEN)
		note_listener(&sk->__sk_common, s);
	return 0;
}

/* A same-host connection: made known if it is older than the hooks, and brought up to date. */
static __always_inline void refresh_loop(struct tcp_sock *tp, const struct zt_ctl *ctl,
					 const struct zt_sock *s, const struct zt_addr *near,
					 const struct zt_addr *far)
{
	struct sock_common *skc = &tp->inet_conn.icsk_inet.sk.__sk_common;
	bool opener = s->role == ZT_ROLE_CONNECT;
	struct zt_loop_end end = {};
	struct zt_flow_key key = {};
	__be16 local = bpf_htons(skc->skc_num);
	__u8 out = opener ? ZT_DIR_OUT : ZT_DIR_IN;
	__u64 acked = tp->bytes_acked;
	struct zt_flow *f;

	key.proto = IPPROTO_TCP;
	key.kind = ZT_KIND_LOOP;
	__builtin_memcpy(key.near_addr, opener ? near->bytes : far->bytes, 16);
	__builtin_memcpy(key.far_addr, opener ? far->bytes : near->bytes, 16);
	key.near_port = opener ? local : skc->skc_dport;
	key.far_port = opener ? skc->skc_dport : local;

	end.now_ns = bpf_ktime_get_ns(); /* tracing programs have no coarse clock */
	end.word = zt_word(ctl, end.now_ns);
	end.cookie = s->cookie;
	end.owner = s->owner;
	end.pid = s->pid;
	end.opens = opener;
	f = bpf_map_lookup_elem(&zt_flows, &key);
	if (!f) {
		zt_loop_open(&key, &end);
		f = bpf_map_lookup_elem(&zt_flows, &key);
	}
	if (!f)
		return;
	if (opener) {
		zt_take_health(f, tp);
		f->owner = s->owner;
		f->pid = s->pid;
		f->cookie = s->cookie;
		f->opens = f->opens ?: 1;
	} else {
		f->far_owner = s->owner;
	}
	f->last_ns = end.now_ns;
	zt_raise_to(&f->bytes[out], acked - (opener && acked)); /* less the SYN */
	zt_raise_to(&f->bytes[out ^ 1], tp->bytes_received);
	zt_raise_to(&f->packets[out], tp->segs_out);
	zt_raise_to(&f->packets[out ^ 1], tp->segs_in);
}

/* A connection by a guarded device: packets count it, its socket knows how it goes. */
static __always_inline void refresh_health(struct tcp_sock *tp, const struct zt_addr *near,
					   const struct zt_addr *far)
{
	struct sock_common *skc = &tp->inet_conn.icsk_inet.sk.__sk_common;
	struct zt_flow_key key = {.proto = IPPROTO_TCP, .kind = ZT_KIND_LOCAL};
	struct zt_flow *f;

	__builtin_memcpy(key.near_addr, near->bytes, sizeof(key.near_addr));
	__builtin_memcpy(key.far_addr, far->bytes, sizeof(key.far_addr));
	key.near_port = bpf_htons(skc->skc_num);
	key.far_port = skc->skc_dport;
	f = bpf_map_lookup_elem(&zt_flows, &key);
	if (!f)
		f = bpf_map_lookup_elem(&zt_openings, &key);
	if (f)
		zt_take_health(f, tp);
}

SEC("iter/tcp")
int zt_it_tcp(struct bpf_iter__tcp *ctx)
{
	struct sock_common *skc = ctx->sk_common;
	const struct zt_sock *listener = NULL;
	const struct zt_ctl *ctl;
	struct zt_addr near, far;
	struct tcp_sock *tp;
	struct zt_sock *s;

	if (!skc)
		return 0;
	/* So that a reader gets control back after as many sockets as it has room for. */
	bpf_seq_write(ctx->meta->seq, "", 1);
	ctl = guarded(skc);
	tp = ctl ? bpf_skc_to_tcp_sock(skc) : NULL;
	if (!tp)
		return 0; /* TIME_WAIT, or a handshake: no record can be kept there */
	skc = &tp->inet_conn.icsk_inet.sk.__sk_common;
	if (skc->skc_state == BPF_TCP_LISTEN) {
		note_listener(skc, bpf_sk_storage_get(&zt_socks, tp, 0, 0));
		return 0;
	}
	s = bpf_sk_storage_get(&zt_socks, tp, 0, BPF_SK_STORAGE_GET_F_CREATE);
	if (!s)
		return 0;
	addrs_of(skc, &near, &far);
	if (!s->role || !s->owner)
		listener = listener_at(&near, skc->skc_num);
	if (!s->role) {
		s->role = listener ? ZT_ROLE_LISTEN : ZT_ROLE_CONNECT;
		s->flags |= ZT_SOCK_OLD;
		if (skc->skc_state == BPF_TCP_ESTABLISHED)
			zt_sock_established(s, ctl);
	}
	if (!s->owner && s->role == ZT_ROLE_LISTEN && listener && listener->owner) {
		s->owner = listener->owner;
		s->pid = listener->pid;
		s->cookie = listener->cookie;
	}
	if (zt_addr_is_here(&far)) {
		s->flags |= ZT_SOCK_LOOP;
		refresh_loop(tp, ctl, s, &near, &far);
	} else {
		refresh_health(tp, &near, &far);
	}
	return 0;
}

static __always_inline bool is_condemned(struct sock_common *skc, __u8 proto)
{
	struct zt_flow_key key = {.proto = proto, .kind = ZT_KIND_LOCAL};
	struct zt_addr near, far;
	__u32 *ended;

	if (!skc->skc_dport || !guarded(skc))
		return false;
	addrs_of(skc, &near, &far);
	__builtin_memcpy(key.near_addr, near.bytes, sizeof(key.near_addr));
	__builtin_memcpy(key.far_addr, far.bytes, sizeof(key.far_addr));
	key.near_port = bpf_htons(skc->skc_num);
	key.far_port = skc->skc_dport;
	ended = bpf_map_lookup_elem(&zt_kills, &key);
	if (ended)
		(*ended)++;
	return ended;
}

/* Ends the connections in zt_kills: the owner sees ECONNABORTED, the peer a reset. */
SEC("iter/tcp")
int zt_it_kill(struct bpf_iter__tcp *ctx)
{
	struct sock_common *skc = ctx->sk_common;

	if (skc && skc->skc_state != BPF_TCP_NEW_SYN_RECV && is_condemned(skc, IPPROTO_TCP))
		bpf_sock_destroy(skc);
	return 0;
}

/* The same for connected UDP sockets. */
SEC("iter/udp")
int zt_it_ukill(struct bpf_iter__udp *ctx)
{
	struct udp_sock *usk = ctx->udp_sk;

	if (usk && is_condemned(&usk->inet.sk.__sk_common, IPPROTO_UDP))
		bpf_sock_destroy((struct sock_common *)usk);
	return 0;
}
