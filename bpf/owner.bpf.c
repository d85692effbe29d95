// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * owner.bpf.c - socket hooks: who opened a socket, and refusal before a packet.
 *
 * Attached to the root cgroup, so they see every socket of the machine: what is
 * not in the guarded network namespace is left alone first thing. They never
 * deny what the wire would let pass; when in doubt they let the wire judge.
 */
#include "maps.bpf.h"
#include <bpf/bpf_core_read.h>
#include <bpf/bpf_endian.h>
#include "judge.bpf.h"
#include "owner.bpf.h"

#define ALLOW  1 /* return values of cgroup hooks */
#define REFUSE 0 /* the caller gets EPERM */

#define HERE_AGAIN_NS  60000000000ULL /* a stream inside the host is noted again: it is not idle */
#define EVENT_AGAIN_NS 1000000000ULL  /* one event a second for a sender that insists */

/* --- matching -------------------------------------------------------------------- */

/* Records are zero behind their strings, but a row's key is longer than some fields. */
static __always_inline void set_name(struct zt_qual_key *key, const char *name, __u32 size)
{
	__builtin_memset(key->name, 0, sizeof(key->name));
	bpf_probe_read_kernel_str(key->name, size, name);
}

static __always_inline __u64 row_or(void *quals, const struct zt_qual_key *key, __u64 absent)
{
	const __u64 *mask = bpf_map_lookup_elem(quals, key);

	return mask ? *mask : absent;
}

/* Where the cutting of a path stands. */
struct cut {
	struct zt_qual_key *key;
	void *quals;
	__u64 mask;
};

/* One character less; bpf_loop() has the verifier look at it once. */
static int cut_step(__u32 index, void *data)
{
	struct cut *cut = data;
	__u32 i = ZT_PATH_LEN - 1 - index;
	char c;

	if (i >= ZT_PATH_LEN)
		return 1;
	c = cut->key->name[i];
	cut->key->name[i] = 0;
	if (c == '/')
		cut->mask |= row_or(cut->quals, cut->key, 0);
	return 0;
}

/*
 * "Is or is below": the path itself, then every directory above it, last the
 * root, by cutting the name in place. A path that was too long has only lost
 * names at its end, which no row could hold: those above still count.
 */
static __always_inline __u64 match_cgroup(void *quals, struct zt_qual_key *key, __u64 absent)
{
	struct cut cut = {.key = key, .quals = quals, .mask = absent | row_or(quals, key, 0)};

	bpf_loop(ZT_PATH_LEN - 1, cut_step, &cut, 0);
	return cut.mask | row_or(quals, key, 0);
}

static __always_inline __u64 match(const struct zt_owner *owner, const struct zt_slot_meta *meta,
				   void *quals)
{
	struct zt_qual_key key = {};
	__u64 mask;

	key.dim = ZT_QUAL_UNIT;
	set_name(&key, owner->unit, sizeof(owner->unit));
	mask = row_or(quals, &key, meta->q_absent[ZT_QUAL_UNIT]);

	key.dim = ZT_QUAL_USER;
	key.num = owner->uid;
	__builtin_memset(key.name, 0, sizeof(key.name));
	mask &= row_or(quals, &key, meta->q_absent[ZT_QUAL_USER]);
	if (!mask)
		return 0;

	key.dim = ZT_QUAL_EXE;
	key.num = owner->exe_dev;
	set_name(&key, owner->exe, sizeof(owner->exe));
	if (owner->flags & ZT_OWNER_TRUNC_EXE)
		mask &= meta->q_absent[ZT_QUAL_EXE];
	else
		mask &= row_or(quals, &key, meta->q_absent[ZT_QUAL_EXE]);
	if (!(mask & ~meta->q_absent[ZT_QUAL_CGROUP]))
		return mask;

	key.dim = ZT_QUAL_CGROUP;
	key.num = 0;
	set_name(&key, owner->cgroup, sizeof(owner->cgroup));
	return mask & match_cgroup(quals, &key, meta->q_absent[ZT_QUAL_CGROUP]);
}

/*
 * Remember a match. Readers take no lock: the word is 0 while the mask changes,
 * and exchanges are ordered. A writer that finds another one at it leaves.
 */
static __always_inline void remember(struct zt_owner_mask *row, __u64 word, __u64 qmask)
{
	if (__sync_val_compare_and_swap(&row->lock, 0, 1))
		return;
	__sync_lock_test_and_set(&row->word, 0);
	__sync_lock_test_and_set(&row->qmask, qmask);
	__sync_lock_test_and_set(&row->word, word);
	__sync_lock_test_and_set(&row->lock, 0);
}

__noinline __u64 zt_owner_qmask(__u32 owner_index, __u64 word)
{
	const struct zt_slot_meta *meta = zt_meta(ZT_WORD_SLOT(word));
	const struct zt_owner *owner;
	struct zt_owner_mask *row;
	__u64 seen, qmask;
	void *quals;
	__u32 index;

	if (!owner_index || !meta || !(meta->flags & ZT_META_QUALS))
		return 0;
	index = owner_index;
	row = bpf_map_lookup_elem(&zt_owner_masks, &index);
	owner = bpf_map_lookup_elem(&zt_owner_recs, &index);
	quals = zt_inner(zt_s_quals, ZT_WORD_SLOT(word));
	if (!row || !owner || !quals)
		return 0;
	seen = *(volatile __u64 *)&row->word;
	qmask = *(volatile __u64 *)&row->qmask;
	if (seen == word && *(volatile __u64 *)&row->word == word)
		return qmask;
	qmask = match(owner, meta, quals);
	remember(row, word, qmask);
	return qmask;
}

/* --- hooks ----------------------------------------------------------------------- */

/* One opening on its way through the hooks. */
struct zt_opening {
	const struct zt_ctl *ctl;
	struct zt_sock *sock; /* NULL: no room for a record */
	struct zt_addr near;  /* zeros: not bound to an address */
	struct zt_addr far;
	__u64 word;
	__u64 now_ns;
	__u64 cookie;
	__u64 qmask;
	__be16 far_port;
	__u16 near_port; /* host order, 0 = none yet */
	__u8 proto;
	__u8 pad[3];
};

/* The control block, or NULL when the socket lives in another namespace than the guarded one. */
static __always_inline const struct zt_ctl *guarded(void *ctx)
{
	const struct zt_ctl *ctl = zt_ctl_get();

	return ctl && bpf_get_netns_cookie(ctx) == ctl->netns_cookie ? ctl : NULL;
}

/* Built in on the wire too: a DHCP client may ask and renew. */
static __always_inline bool is_dhcp_client(const struct zt_opening *o)
{
	if (o->proto != IPPROTO_UDP)
		return false;
	return zt_addr_is_v4(&o->far) ? o->near_port == 68 && o->far_port == bpf_htons(67)
				      : o->near_port == 546 && o->far_port == bpf_htons(547);
}

/* Whether an answer could be acted on here, before there is a packet. */
static __always_inline bool can_refuse(const struct zt_opening *o)
{
	const struct zt_slot_meta *meta = zt_meta(ZT_WORD_SLOT(o->word));

	if (!meta || !(meta->flags & ZT_META_ENFORCED))
		return false;
	if (o->ctl->flags & ZT_CTL_NAT_OUT || o->now_ns < o->ctl->observe_until_ns)
		return false;
	if (o->proto != IPPROTO_TCP && o->proto != IPPROTO_UDP)
		return false;
	return !zt_addr_is_here(&o->far) && !is_dhcp_client(o);
}

static __noinline int report(const struct zt_opening *o, const struct zt_answer *a)
{
	struct zt_flow_key key = {};
	struct zt_flow flow = {};
	__u32 rule = a->rule[ZT_LIVE];
	__u64 *hits;

	key.proto = o->proto;
	key.far_port = o->far_port;
	__builtin_memcpy(key.near_addr, o->near.bytes, sizeof(key.near_addr));
	__builtin_memcpy(key.far_addr, o->far.bytes, sizeof(key.far_addr));
	if (zt_addr_is_v4(&o->far) && !zt_addr_is_v4(&o->near))
		zt_addr_v4((struct zt_addr *)key.near_addr, 0);
	flow.state_word = o->word;
	flow.valid_until_ns = a->valid_until_ns;
	flow.first_ns = flow.last_ns = o->now_ns;
	flow.cookie = o->cookie;
	flow.opens = 1;
	flow.opener = ZT_DIR_OUT;
	flow.flags = a->owner_dep ? ZT_FLOW_OWNER_DEP : 0;
	if (o->sock) {
		flow.owner = o->sock->owner;
		flow.pid = o->sock->pid;
	}
	for (int plane = 0; plane < ZT_PLANE_COUNT; plane++) {
		flow.rule[plane] = a->rule[plane];
		flow.action[plane] = a->action[plane];
		flow.rank[plane] = a->rank[plane];
	}
	hits = bpf_map_lookup_elem(&zt_rule_hits, &rule);
	if (hits)
		(*hits)++;
	zt_event_send(ZT_EV_REFUSED, o->now_ns, &key, &flow);
	return 0;
}

/*
 * Denied at every address the socket may use: the one it is bound to, or else
 * any that this host has. What cannot be judged is not denied here.
 */
static __noinline int denied(struct zt_query *q, struct zt_answer *a)
{
	const struct zt_slot_meta *meta = zt_meta(q->slot);

	zt_answer_default(a);
	if (!meta)
		return 0;
	if (!zt_addr_is_any(&q->near))
		return !zt_judge(q, a) && a->action[ZT_LIVE] == ZT_DENY;
	if (!meta->near_count || meta->near_count > ZT_NEAR_MAX)
		return 0;
	for (__u32 i = 0; i < ZT_NEAR_MAX && i < meta->near_count; i++) {
		q->near_id = meta->near_ids[i];
		if (zt_judge(q, a) < 0 || a->action[ZT_LIVE] == ZT_ALLOW)
			return 0;
	}
	return 1;
}

/*
 * A datagram from a socket with a port may as well be an answer, and no table
 * tells for sure: either direction allowed is enough, the wire decides then.
 */
static __noinline int judge_opening(const struct zt_opening *o, struct zt_answer *a)
{
	struct zt_query q = {};

	q.near = o->near;
	q.far = o->far;
	q.qmask = o->qmask;
	q.now_ns = o->now_ns;
	q.slot = ZT_WORD_SLOT(o->word);
	if (o->proto == IPPROTO_UDP && o->near_port) {
		q.dir = ZT_DIR_IN;
		q.port_index = zt_port_index(o->proto, o->near_port);
		if (!denied(&q, a))
			return ALLOW;
		q.near_id = 0;
	}
	q.dir = ZT_DIR_OUT;
	q.port_index = zt_port_index(o->proto, bpf_ntohs(o->far_port));
	return denied(&q, a) ? REFUSE : ALLOW;
}

/* Who has the UDP socket of this host that an opening leads to. */
struct zt_peer {
	__u32 owner; /* 0 = nobody is there, or nobody knows whom it belongs to */
	__u8 role;
	__u8 pad[3];
};

static __always_inline void udp_peer(struct bpf_sock_addr *ctx, const struct zt_opening *o,
				     struct zt_peer *peer)
{
	struct bpf_sock_tuple tuple = {};
	struct zt_sock *s;
	struct bpf_sock *sk;

	if (zt_addr_is_v4(&o->far)) {
		tuple.ipv4.daddr = *(const __u32 *)&o->far.bytes[12];
		tuple.ipv4.saddr = tuple.ipv4.daddr;
		tuple.ipv4.dport = o->far_port;
		sk = bpf_sk_lookup_udp(ctx, &tuple, sizeof(tuple.ipv4), BPF_F_CURRENT_NETNS, 0);
	} else {
		__builtin_memcpy(tuple.ipv6.daddr, o->far.bytes, sizeof(tuple.ipv6.daddr));
		__builtin_memcpy(tuple.ipv6.saddr, o->far.bytes, sizeof(tuple.ipv6.saddr));
		tuple.ipv6.dport = o->far_port;
		sk = bpf_sk_lookup_udp(ctx, &tuple, sizeof(tuple.ipv6), BPF_F_CURRENT_NETNS, 0);
	}
	if (!sk)
		return;
	s = bpf_sk_storage_get(&zt_socks, sk, 0, 0);
	if (s) {
		peer->owner = s->owner;
		peer->role = s->role;
	}
	bpf_sk_release(sk);
}

/* Start of the hooks of both families: false when the socket is none of ours. */
static __always_inline bool begin(struct bpf_sock_addr *ctx, struct zt_opening *o, bool v6)
{
	__u32 *words = (__u32 *)o->far.bytes;

	o->ctl = guarded(ctx);
	if (!o->ctl)
		return false;
	if (v6) {
		words[0] = ctx->user_ip6[0];
		words[1] = ctx->user_ip6[1];
		words[2] = ctx->user_ip6[2];
		words[3] = ctx->user_ip6[3];
	} else {
		zt_addr_v4(&o->far, ctx->user_ip4);
	}
	o->far_port = ctx->user_port;
	o->now_ns = bpf_ktime_get_coarse_ns();
	o->word = zt_word(o->ctl, o->now_ns);
	return true;
}

/* The rest of an opening: what it takes to judge it, not to recognise it. */
static __always_inline void fill_opening(struct bpf_sock_addr *ctx, struct bpf_sock *sk,
					 struct zt_opening *o, bool v6)
{
	__u32 *words = (__u32 *)o->near.bytes;

	o->proto = ctx->protocol;
	o->near_port = sk->src_port;
	o->cookie = bpf_get_socket_cookie(ctx);
	if (v6) {
		words[0] = sk->src_ip6[0];
		words[1] = sk->src_ip6[1];
		words[2] = sk->src_ip6[2];
		words[3] = sk->src_ip6[3];
	} else if (sk->src_ip4) {
		zt_addr_v4(&o->near, sk->src_ip4);
	}
}

/* The answer to one opening; one that may not be acted on here is "default allow". */
static __always_inline int judge(struct zt_opening *o, struct zt_answer *a)
{
	zt_answer_default(a);
	if (!can_refuse(o))
		return ALLOW;
	o->qmask = zt_owner_qmask(o->sock ? o->sock->owner : 0, o->word);
	return judge_opening(o, a);
}

static __always_inline bool is_same(const struct zt_sock_last *last, const struct zt_opening *o)
{
	const __u64 *a = (const __u64 *)last->far.bytes, *b = (const __u64 *)o->far.bytes;

	return last->port == o->far_port && a[0] == b[0] && a[1] == b[1];
}

/* What a datagram to an address of this host gets as its source when the socket has none. */
static __always_inline void source_towards(const struct zt_addr *far, struct zt_addr *source)
{
	*source = *far;
	if (zt_addr_is_v4(far) && far->bytes[12] == 127)
		zt_addr_v4(source, bpf_htonl(0x7f000001));
}

static __always_inline void here_key(const struct zt_opening *o, bool answer,
				     struct zt_flow_key *key)
{
	struct zt_addr *near = (struct zt_addr *)(answer ? key->far_addr : key->near_addr);
	struct zt_addr *far = (struct zt_addr *)(answer ? key->near_addr : key->far_addr);

	key->proto = o->proto;
	key->kind = ZT_KIND_LOOP;
	key->near_port = answer ? o->far_port : bpf_htons(o->near_port);
	key->far_port = answer ? bpf_htons(o->near_port) : o->far_port;
	*far = o->far;
	if (zt_addr_is_any(&o->near))
		source_towards(&o->far, near);
	else
		*near = o->near;
}

/* A server to its client, who took any port; or to whoever has spoken to it before. */
static __always_inline bool is_answer_here(const struct zt_opening *o, const struct zt_peer *peer)
{
	struct zt_flow_key key = {};
	struct zt_flow *f;

	if (o->sock && o->sock->role == ZT_ROLE_LISTEN && peer->role == ZT_ROLE_CONNECT)
		return true;
	here_key(o, true, &key);
	f = bpf_map_lookup_elem(&zt_flows, &key);
	if (f)
		f->last_ns = o->now_ns;
	return f;
}

/*
 * UDP to this very host, by connect() or by datagram: no packet of it meets the wire
 * programs. Only where somebody is there to hear it: resolvers connect sockets, to the
 * unspecified address too, just to learn which source address they would get.
 */
static __noinline int udp_here(struct bpf_sock_addr *ctx, const struct zt_opening *o, bool connects)
{
	struct zt_loop_end end = {.word = o->word, .now_ns = o->now_ns, .cookie = o->cookie};
	struct zt_flow_key key = {};
	struct zt_peer peer = {};

	udp_peer(ctx, o, &peer);
	if (!peer.owner || (!connects && is_answer_here(o, &peer)))
		return 0;
	here_key(o, false, &key);
	if (o->sock) {
		end.owner = o->sock->owner;
		end.pid = o->sock->pid;
	}
	end.opens = 1;
	zt_loop_open(&key, &end);

	end.owner = peer.owner;
	end.opens = 0;
	zt_loop_open(&key, &end);
	return 0;
}

/* A socket that already has an owner keeps it: sending does not open it anew. */
static __always_inline int sending(struct bpf_sock_addr *ctx, struct zt_opening *o, bool v6)
{
	struct zt_sock_last *last;
	struct bpf_sock *sk = ctx->sk;
	struct zt_answer a;
	bool again, here;

	if (!sk)
		return ALLOW;
	last = bpf_sk_storage_get(&zt_sock_last, sk, 0, 0);
	if (last && last->word == o->word && o->now_ns < last->valid_until_ns && is_same(last, o))
		return ALLOW;
	fill_opening(ctx, sk, o, v6);
	o->sock = bpf_sk_storage_get(&zt_socks, sk, 0, BPF_SK_STORAGE_GET_F_CREATE);
	/* Never bound: whatever port it has, the kernel chose it. */
	if (o->sock && !o->sock->owner)
		zt_sock_claim(o->sock, ZT_ROLE_CONNECT, o->cookie, o->proto, o->near_port);
	here = o->proto == IPPROTO_UDP && zt_addr_is_here(&o->far);
	if (here)
		udp_here(ctx, o, false);
	if (!last)
		last = bpf_sk_storage_get(&zt_sock_last, sk, 0, BPF_SK_STORAGE_GET_F_CREATE);
	if (judge(o, &a) == ALLOW) {
		if (last) {
			last->far = o->far;
			last->port = o->far_port;
			last->valid_until_ns = a.valid_until_ns;
			if (here && last->valid_until_ns > o->now_ns + HERE_AGAIN_NS)
				last->valid_until_ns = o->now_ns + HERE_AGAIN_NS;
			last->word = o->word;
		}
		return ALLOW;
	}
	zt_count(ZT_C_REFUSED);
	again = last && is_same(last, o) && o->now_ns - last->event_ns < EVENT_AGAIN_NS;
	if (!again)
		report(o, &a);
	if (last && !again) {
		last->word = 0;
		last->far = o->far;
		last->port = o->far_port;
		last->event_ns = o->now_ns;
	}
	return REFUSE;
}

static __always_inline int connecting(struct bpf_sock_addr *ctx, struct zt_opening *o, bool v6)
{
	struct bpf_sock *sk = ctx->sk;
	struct zt_answer a;

	if (!sk)
		return ALLOW;
	fill_opening(ctx, sk, o, v6);
	o->sock = bpf_sk_storage_get(&zt_socks, sk, 0, BPF_SK_STORAGE_GET_F_CREATE);
	if (o->sock)
		zt_sock_claim(o->sock, ZT_ROLE_CONNECT, o->cookie, o->proto, o->near_port);
	if (o->proto == IPPROTO_UDP && zt_addr_is_here(&o->far))
		udp_here(ctx, o, true);
	if (judge(o, &a) == ALLOW)
		return ALLOW;
	zt_count(ZT_C_REFUSED);
	report(o, &a);
	return REFUSE;
}

SEC("cgroup/connect4")
int zt_connect4(struct bpf_sock_addr *ctx)
{
	struct zt_opening o = {};

	return begin(ctx, &o, false) ? connecting(ctx, &o, false) : ALLOW;
}

SEC("cgroup/connect6")
int zt_connect6(struct bpf_sock_addr *ctx)
{
	struct zt_opening o = {};

	return begin(ctx, &o, true) ? connecting(ctx, &o, true) : ALLOW;
}

SEC("cgroup/sendmsg4")
int zt_sendmsg4(struct bpf_sock_addr *ctx)
{
	struct zt_opening o = {};

	return begin(ctx, &o, false) ? sending(ctx, &o, false) : ALLOW;
}

SEC("cgroup/sendmsg6")
int zt_sendmsg6(struct bpf_sock_addr *ctx)
{
	struct zt_opening o = {};

	return begin(ctx, &o, true) ? sending(ctx, &o, true) : ALLOW;
}

/* A port changes hands: entries of its old socket are no proof for the new one. */
static __always_inline void bump_udp_gen(__u32 port)
{
	__u32 *gen = bpf_map_lookup_elem(&zt_udp_gen, &port);

	if (gen && port)
		__sync_fetch_and_add(gen, 1);
}

static __always_inline int binding(struct bpf_sock *ctx)
{
	struct zt_sock *s;

	if (!guarded(ctx))
		return ALLOW;
	s = bpf_sk_storage_get(&zt_socks, ctx, 0, BPF_SK_STORAGE_GET_F_CREATE);
	if (s)
		zt_sock_claim(s, ZT_ROLE_LISTEN, bpf_get_socket_cookie(ctx), ctx->protocol,
			      ctx->src_port);
	if (ctx->protocol == IPPROTO_UDP)
		bump_udp_gen(ctx->src_port);
	return ALLOW;
}

SEC("cgroup/post_bind4")
int zt_bind4(struct bpf_sock *ctx)
{
	return binding(ctx);
}

SEC("cgroup/post_bind6")
int zt_bind6(struct bpf_sock *ctx)
{
	return binding(ctx);
}

/* Raw, ping and SCTP sockets pass no connect hook: whoever makes one owns it. */
SEC("cgroup/sock_create")
int zt_create(struct bpf_sock *ctx)
{
	struct zt_sock *s;

	if (ctx->type != SOCK_RAW && (ctx->protocol == IPPROTO_TCP || ctx->protocol == IPPROTO_UDP))
		return ALLOW;
	if (!guarded(ctx))
		return ALLOW;
	s = bpf_sk_storage_get(&zt_socks, ctx, 0, BPF_SK_STORAGE_GET_F_CREATE);
	if (s)
		zt_sock_claim(s, ZT_ROLE_CONNECT, bpf_get_socket_cookie(ctx), ctx->protocol, 0);
	return ALLOW;
}

SEC("cgroup/sock_release")
int zt_release(struct bpf_sock *ctx)
{
	if (ctx->protocol == IPPROTO_UDP && guarded(ctx))
		bump_udp_gen(BPF_CORE_READ((struct sock *)ctx, __sk_common.skc_num));
	return ALLOW;
}
