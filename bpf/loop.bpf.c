// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * loop.bpf.c - changes of TCP's state: established, connections inside this host, listeners.
 *
 * Loopback traffic passes no device that is guarded, so its connections are
 * recorded here, from both ends' sockets: near = the end that opened. They are
 * never denied. Bytes are payload and are written when an end closes.
 *
 * On the tracepoint, not on sockops: a cgroup's sockops is run some ten times per
 * connection and end, in every namespace of the machine, and costs five times as much.
 */
#include "maps.bpf.h"
#include <bpf/bpf_core_read.h>
#include <bpf/bpf_tracing.h>
#include <bpf/bpf_endian.h>
#include "owner.bpf.h"

#define AF_INET	      2
#define AF_INET6      10
#define EPIPE	      32
#define ECONNRESET    104
#define ECONNREFUSED  111
#define LOOPBACK_DEV  (1 << 3)	 /* IFF_LOOPBACK */
#define SOCK_DONE_BIT (1UL << 1) /* enum sock_flags: the peer's FIN has come */

static __always_inline void begin_flow(struct zt_flow *f, const struct zt_loop_end *end)
{
	f->state_word = end->word;
	f->valid_until_ns = ~0ULL;
	f->first_ns = end->now_ns;
	f->last_ns = end->now_ns;
	f->opener = ZT_DIR_OUT;
	f->state = ZT_STATE_ESTABLISHED;
	f->health = ZT_HEALTH_ANSWERED;
	for (int plane = 0; plane < ZT_PLANE_COUNT; plane++) {
		f->rule[plane] = ZT_RULE_LOOPBACK;
		f->rank[plane] = ZT_RANK_BUILTIN;
		f->action[plane] = ZT_ALLOW;
	}
}

static __always_inline void fill_end(struct zt_flow *f, const struct zt_loop_end *end)
{
	f->last_ns = end->now_ns;
	if (end->opens) {
		if (!f->opens || f->cookie != end->cookie)
			f->opens++;
		f->owner = end->owner;
		f->pid = end->pid;
		f->cookie = end->cookie;
	} else if (end->owner) {
		f->far_owner = end->owner;
	}
}

__noinline int zt_loop_open(const struct zt_flow_key *at, const struct zt_loop_end *end)
{
	struct zt_flow fresh = {};
	const struct zt_ctl *ctl;
	struct zt_flow_key key;
	struct zt_flow *f;

	if (!at || !end)
		return -1;
	key = *at; /* 6.1 takes no caller's memory as a map key */
	f = bpf_map_lookup_elem(&zt_flows, &key);
	if (f && f->state != ZT_STATE_CLOSED) {
		fill_end(f, end);
		return 0;
	}
	begin_flow(&fresh, end);
	fill_end(&fresh, end);
	if (f) {
		zt_event_send(ZT_EV_ENDED, end->now_ns, &key, f);
		*f = fresh;
	} else if (bpf_map_update_elem(&zt_flows, &key, &fresh, BPF_ANY)) {
		zt_count(ZT_C_LOST_INSERT);
		return -1;
	} else {
		zt_count(ZT_C_FLOW_INSERTED);
	}
	ctl = zt_ctl_get();
	if (ctl && ctl->flags & ZT_CTL_FOLLOWED) /* never denied: nobody else asks for it */
		zt_event_send(ZT_EV_NEW, end->now_ns, &key, &fresh);
	return 0;
}

static __always_inline void copy_addr(struct zt_addr *to, const struct in6_addr *from)
{
	__u32 *words = (__u32 *)to->bytes;

	words[0] = from->in6_u.u6_addr32[0];
	words[1] = from->in6_u.u6_addr32[1];
	words[2] = from->in6_u.u6_addr32[2];
	words[3] = from->in6_u.u6_addr32[3];
}

static __always_inline void loop_key(struct tcp_sock *tp, bool opener, struct zt_flow_key *key)
{
	struct sock_common *skc = &tp->inet_conn.icsk_inet.sk.__sk_common;
	struct zt_addr *near = (struct zt_addr *)key->near_addr;
	struct zt_addr *far = (struct zt_addr *)key->far_addr;
	__be16 local = tp->inet_conn.icsk_inet.inet_sport; /* skc_num is 0 once closed */
	__be16 remote = skc->skc_dport;

	key->proto = IPPROTO_TCP;
	key->kind = ZT_KIND_LOOP;
	key->near_port = opener ? local : remote;
	key->far_port = opener ? remote : local;
	if (skc->skc_family == AF_INET) {
		zt_addr_v4(near, opener ? skc->skc_rcv_saddr : skc->skc_daddr);
		zt_addr_v4(far, opener ? skc->skc_daddr : skc->skc_rcv_saddr);
	} else if (opener) {
		copy_addr(near, &skc->skc_v6_rcv_saddr);
		copy_addr(far, &skc->skc_v6_daddr);
	} else {
		copy_addr(near, &skc->skc_v6_daddr);
		copy_addr(far, &skc->skc_v6_rcv_saddr);
	}
}

/* What goes to an address of this namespace is routed to its loopback device. */
static __always_inline bool is_loop(const struct sock *sk)
{
	return sk->sk_dst_cache->dev->flags & LOOPBACK_DEV;
}

/* A record is made only for a socket that is older than the hooks. */
static __always_inline void established(struct sock *sk, const struct zt_ctl *ctl, bool opener)
{
	struct zt_sock *s = bpf_sk_storage_get(&zt_socks, sk, 0, BPF_SK_STORAGE_GET_F_CREATE);
	struct zt_flow_key key = {};
	struct zt_loop_end end = {};
	struct tcp_sock *tp;

	if (!s)
		return;
	if (!s->role)
		s->role = opener ? ZT_ROLE_CONNECT : ZT_ROLE_LISTEN;
	zt_sock_established(s, ctl);
	if (!is_loop(sk))
		return;
	tp = bpf_skc_to_tcp_sock(sk);
	if (!tp)
		return;
	s->flags |= ZT_SOCK_LOOP;
	end.now_ns = s->at_ns;
	end.word = s->word;
	end.cookie = s->cookie;
	end.owner = s->owner;
	end.pid = s->pid;
	end.opens = opener;
	loop_key(tp, opener, &key);
	zt_loop_open(&key, &end);
}

/* What an end has sent and had acknowledged, and received: without SYN and FIN. */
static __always_inline void payload(struct tcp_sock *tp, int from, bool opener, __u64 *sent,
				    __u64 *got)
{
	bool fin_came = tp->inet_conn.icsk_inet.sk.__sk_common.skc_flags & SOCK_DONE_BIT;
	bool fin_acked = tp->snd_una == tp->snd_nxt &&
			 (from == BPF_TCP_FIN_WAIT1 || from == BPF_TCP_FIN_WAIT2 ||
			  from == BPF_TCP_CLOSING || from == BPF_TCP_LAST_ACK);
	__u64 extra = opener + fin_acked;

	*sent = tp->bytes_acked;
	*got = tp->bytes_received;
	*sent -= *sent >= extra ? extra : *sent;
	*got -= *got >= fin_came ? fin_came : *got;
}

/*
 * One end closes. Each end knows what it got for sure and of what it sent only
 * what was acknowledged, so the larger of both views stands.
 */
static __always_inline void closed(struct sock *sk, int from)
{
	struct zt_sock *s = bpf_sk_storage_get(&zt_socks, sk, 0, 0);
	struct zt_flow_key key = {};
	struct tcp_sock *tp;
	struct zt_flow *f;
	__u64 sent, got;
	bool opener;

	if (!s || !(s->flags & ZT_SOCK_LOOP))
		return;
	tp = bpf_skc_to_tcp_sock(sk);
	if (!tp)
		return;
	opener = s->role == ZT_ROLE_CONNECT;
	loop_key(tp, opener, &key);
	f = bpf_map_lookup_elem(&zt_flows, &key);
	if (!f)
		return;
	payload(tp, from, opener, &sent, &got);
	zt_raise_to(&f->bytes[opener ? ZT_DIR_OUT : ZT_DIR_IN], sent);
	zt_raise_to(&f->bytes[opener ? ZT_DIR_IN : ZT_DIR_OUT], got);
	zt_raise_to(&f->packets[opener ? ZT_DIR_OUT : ZT_DIR_IN], tp->segs_out);
	zt_raise_to(&f->packets[opener ? ZT_DIR_IN : ZT_DIR_OUT], tp->segs_in);
	if (opener)
		zt_take_health(f, tp);
	f->flags |= opener ? ZT_FLOW_FIN_OUT : ZT_FLOW_FIN_IN;
	/* Whoever gets a reset sees this error; the end that sent it sees none. */
	if (sk->sk_err == ECONNRESET || sk->sk_err == EPIPE)
		f->health |= opener ? ZT_HEALTH_RST_FAR : ZT_HEALTH_RST_NEAR;
	f->state = (f->flags & ZT_FLOW_FIN_OUT) && (f->flags & ZT_FLOW_FIN_IN) ? ZT_STATE_CLOSED
									       : ZT_STATE_CLOSING;
	f->last_ns = bpf_ktime_get_ns();
}

/* Nobody listens there: an opening that only its own socket knows of. */
static __always_inline void refused(struct sock *sk, const struct zt_ctl *ctl)
{
	struct zt_sock *s = bpf_sk_storage_get(&zt_socks, sk, 0, 0);
	struct zt_flow_key key = {};
	struct zt_loop_end end = {};
	struct tcp_sock *tp;
	struct zt_flow *f;

	if (!s || sk->sk_err != ECONNREFUSED || !is_loop(sk))
		return;
	tp = bpf_skc_to_tcp_sock(sk);
	if (!tp)
		return;
	end.now_ns = bpf_ktime_get_ns();
	end.word = zt_word(ctl, end.now_ns);
	end.cookie = s->cookie;
	end.owner = s->owner;
	end.pid = s->pid;
	end.opens = 1;
	loop_key(tp, true, &key);
	zt_loop_open(&key, &end);
	f = bpf_map_lookup_elem(&zt_flows, &key);
	if (!f)
		return;
	f->packets[ZT_DIR_OUT] = tp->segs_out;
	f->packets[ZT_DIR_IN] = tp->segs_in;
	f->health = ZT_HEALTH_RST_FAR;
	f->state = ZT_STATE_CLOSED;
}

/* listen() on a socket without a port binds it past the bind hooks. */
static __always_inline void listening(struct sock *sk)
{
	struct zt_sock *s = bpf_sk_storage_get(&zt_socks, sk, 0, BPF_SK_STORAGE_GET_F_CREATE);

	if (s)
		zt_sock_claim(s, ZT_ROLE_LISTEN, bpf_get_socket_cookie(sk), IPPROTO_TCP,
			      sk->__sk_common.skc_num);
}

SEC("tp_btf/inet_sock_set_state")
int BPF_PROG(zt_tcp_state, struct sock *sk, int from, int to)
{
	const struct zt_ctl *ctl;
	__u16 family;

	if (to != BPF_TCP_ESTABLISHED && to != BPF_TCP_CLOSE && to != BPF_TCP_LISTEN)
		return 0;
	ctl = zt_ctl_get();
	if (!ctl || sk->__sk_common.skc_net.net->net_cookie != ctl->netns_cookie)
		return 0;
	family = sk->__sk_common.skc_family;
	if (sk->sk_protocol != IPPROTO_TCP || (family != AF_INET && family != AF_INET6))
		return 0;
	if (to == BPF_TCP_LISTEN)
		listening(sk);
	else if (to == BPF_TCP_ESTABLISHED)
		established(sk, ctl, from == BPF_TCP_SYN_SENT);
	else if (from == BPF_TCP_SYN_SENT)
		refused(sk, ctl);
	else
		closed(sk, from);
	return 0;
}
