// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * loop.bpf.c - TCP's own callbacks: connections inside this host, and listeners.
 *
 * Loopback traffic passes no device that is guarded, so its connections are
 * recorded here, from both ends' sockets: near = the end that opened. They are
 * never denied. Bytes are payload and are written when an end closes.
 */
#include "maps.bpf.h"
#include <bpf/bpf_core_read.h>
#include <bpf/bpf_endian.h>
#include "owner.bpf.h"

#define AF_INET	      2
#define SOCK_DONE_BIT (1UL << 1) /* enum sock_flags: the peer's FIN has come */

static __always_inline void begin_flow(struct zt_flow *f, const struct zt_loop_end *end)
{
	f->state_word = end->word;
	f->valid_until_ns = ~0ULL;
	f->first_ns = end->now_ns;
	f->last_ns = end->now_ns;
	f->opener = ZT_DIR_OUT;
	f->state = ZT_STATE_ESTABLISHED;
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
		f->owner = end->owner;
		f->pid = end->pid;
		f->cookie = end->cookie;
		f->opens++;
	} else if (end->owner) {
		f->far_owner = end->owner;
	}
}

__noinline int zt_loop_open(const struct zt_flow_key *at, const struct zt_loop_end *end)
{
	struct zt_flow fresh = {};
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
	zt_event_send(ZT_EV_NEW, end->now_ns, &key, &fresh);
	return 0;
}

/* Not inlined: clang would compute offsets into the context, which the verifier refuses. */
static __noinline int read_ends(struct bpf_sock_ops *ops, struct zt_addr *here,
				struct zt_addr *there)
{
	__u32 *near = (__u32 *)here->bytes, *far = (__u32 *)there->bytes;

	if (ops->family == AF_INET) {
		zt_addr_v4(here, ops->local_ip4);
		zt_addr_v4(there, ops->remote_ip4);
		return 0;
	}
	near[0] = ops->local_ip6[0];
	near[1] = ops->local_ip6[1];
	near[2] = ops->local_ip6[2];
	near[3] = ops->local_ip6[3];
	far[0] = ops->remote_ip6[0];
	far[1] = ops->remote_ip6[1];
	far[2] = ops->remote_ip6[2];
	far[3] = ops->remote_ip6[3];
	return 0;
}

/* Key of a same-host connection, or false when the other end is elsewhere. */
static __always_inline bool loop_key(struct bpf_sock_ops *ops, bool opener, struct zt_flow_key *key)
{
	__be16 local = bpf_htons(ops->local_port), remote = bpf_htons(bpf_ntohl(ops->remote_port));
	struct zt_addr here, there;

	read_ends(ops, &here, &there);
	if (!zt_addr_is_here(&there))
		return false;
	key->proto = IPPROTO_TCP;
	key->kind = ZT_KIND_LOOP;
	__builtin_memcpy(key->near_addr, opener ? here.bytes : there.bytes, 16);
	__builtin_memcpy(key->far_addr, opener ? there.bytes : here.bytes, 16);
	key->near_port = opener ? local : remote;
	key->far_port = opener ? remote : local;
	return true;
}

static __always_inline void established(struct bpf_sock_ops *ops, const struct zt_ctl *ctl,
					bool opener)
{
	struct zt_flow_key key = {};
	struct zt_loop_end end = {};
	struct bpf_sock *sk = ops->sk;
	struct zt_sock *s;

	if (!sk)
		return;
	s = bpf_sk_storage_get(&zt_socks, sk, 0, BPF_SK_STORAGE_GET_F_CREATE);
	if (s) {
		s->flags |= ZT_SOCK_ESTABLISHED;
		if (!s->role) /* older than us, or no room at connect */
			s->role = opener ? ZT_ROLE_CONNECT : ZT_ROLE_LISTEN;
		end.owner = s->owner;
		end.pid = s->pid;
	}
	if (!loop_key(ops, opener, &key))
		return;
	end.now_ns = bpf_ktime_get_coarse_ns();
	end.word = zt_word(ctl, end.now_ns);
	end.cookie = bpf_get_socket_cookie(ops);
	end.opens = opener;
	zt_loop_open(&key, &end);
	bpf_sock_ops_cb_flags_set(ops, ops->bpf_sock_ops_cb_flags | BPF_SOCK_OPS_STATE_CB_FLAG);
}

/* What an end has sent and had acknowledged, and received: without SYN and FIN. */
static __always_inline void payload(struct bpf_sock_ops *ops, bool opener, __u64 *sent, __u64 *got)
{
	struct bpf_sock *sk = ops->sk;
	struct tcp_sock *tp = sk ? bpf_skc_to_tcp_sock(sk) : NULL;
	__u32 from = ops->args[0];
	bool fin_acked, fin_came = false;

	fin_acked = ops->snd_una == ops->snd_nxt &&
		    (from == BPF_TCP_FIN_WAIT1 || from == BPF_TCP_FIN_WAIT2 ||
		     from == BPF_TCP_CLOSING || from == BPF_TCP_LAST_ACK);
	if (tp)
		fin_came = tp->inet_conn.icsk_inet.sk.__sk_common.skc_flags & SOCK_DONE_BIT;
	*sent = ops->bytes_acked;
	*got = ops->bytes_received;
	*sent -= *sent >= opener + fin_acked ? opener + fin_acked : *sent;
	*got -= *got >= fin_came ? fin_came : *got;
}

/*
 * One end closes. Each end knows what it got for sure and of what it sent only
 * what was acknowledged, so the larger of both views stands.
 */
static __always_inline void closed(struct bpf_sock_ops *ops)
{
	struct bpf_sock *sk = ops->sk;
	struct zt_flow_key key = {};
	struct zt_sock *s;
	struct zt_flow *f;
	__u64 sent, got;
	bool opener;

	if (!sk)
		return;
	s = bpf_sk_storage_get(&zt_socks, sk, 0, 0);
	opener = s && s->role == ZT_ROLE_CONNECT;
	if (!loop_key(ops, opener, &key))
		return;
	f = bpf_map_lookup_elem(&zt_flows, &key);
	if (!f)
		return;
	payload(ops, opener, &sent, &got);
	zt_raise_to(&f->bytes[opener ? ZT_DIR_OUT : ZT_DIR_IN], sent);
	zt_raise_to(&f->bytes[opener ? ZT_DIR_IN : ZT_DIR_OUT], got);
	zt_raise_to(&f->packets[opener ? ZT_DIR_OUT : ZT_DIR_IN], ops->segs_out);
	zt_raise_to(&f->packets[opener ? ZT_DIR_IN : ZT_DIR_OUT], ops->segs_in);
	f->flags |= opener ? ZT_FLOW_FIN_OUT : ZT_FLOW_FIN_IN;
	f->state = (f->flags & ZT_FLOW_FIN_OUT) && (f->flags & ZT_FLOW_FIN_IN) ? ZT_STATE_CLOSED
									       : ZT_STATE_CLOSING;
	f->last_ns = bpf_ktime_get_coarse_ns();
}

/* listen() on a socket without a port binds it past the bind hooks. */
static __always_inline void listening(struct bpf_sock_ops *ops)
{
	struct bpf_sock *sk = ops->sk;
	struct zt_sock *s;

	if (!sk)
		return;
	s = bpf_sk_storage_get(&zt_socks, sk, 0, BPF_SK_STORAGE_GET_F_CREATE);
	if (s)
		zt_sock_claim(s, ZT_ROLE_LISTEN, bpf_get_socket_cookie(ops), IPPROTO_TCP,
			      ops->local_port);
}

SEC("sockops")
int zt_sockops(struct bpf_sock_ops *ops)
{
	const struct zt_ctl *ctl;
	__u32 op = ops->op;

	/* Every connection passes here some ten times: leave before the namespace is read. */
	if (op != BPF_SOCK_OPS_ACTIVE_ESTABLISHED_CB && op != BPF_SOCK_OPS_PASSIVE_ESTABLISHED_CB &&
	    op != BPF_SOCK_OPS_STATE_CB && op != BPF_SOCK_OPS_TCP_LISTEN_CB)
		return 1;
	ctl = zt_ctl_get();
	if (!ctl || bpf_get_netns_cookie(ops) != ctl->netns_cookie)
		return 1;
	if (op == BPF_SOCK_OPS_TCP_LISTEN_CB)
		listening(ops);
	else if (op != BPF_SOCK_OPS_STATE_CB)
		established(ops, ctl, op == BPF_SOCK_OPS_ACTIVE_ESTABLISHED_CB);
	else if (ops->args[1] == BPF_TCP_CLOSE)
		closed(ops);
	return 1;
}
