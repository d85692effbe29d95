// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * slow.bpf.c - packets that no fresh entry answers for: openings, changed policy, time.
 *
 * Works on the CPU's working set (struct zt_work). Global functions are verified
 * once each, whoever calls them; that, not taste, decides which ones are global.
 */
#include "verdict.bpf.h"
#include "who.bpf.h"
#include "place.bpf.h"
#include "class.bpf.h"

/* --- acting ------------------------------------------------------------------------ */

static __always_inline void zt_count_pass(__u32 counter, const struct zt_pass *pass)
{
	zt_count_by(counter, pass->segments, pass->bytes);
}

/* An ended connection's RST must reach its peer, or the peer hangs. It carries no data. */
static __always_inline bool zt_is_farewell(const struct zt_flow *f, const struct zt_pass *pass)
{
	return (f->flags & ZT_FLOW_RESETTING) && pass->hook == ZT_DIR_OUT &&
	       (pass->pkt.tcp_flags & ZT_TCP_RST) && pass->pkt.payload >= pass->pkt.end;
}

__noinline int zt_act(struct zt_flow *f)
{
	const struct zt_ctl *ctl = zt_ctl_get();
	struct zt_work *w = zt_work_get();
	const struct zt_pass *pass;

	if (!f || !w || !ctl)
		return ZT_NEXT;
	pass = &w->pass;
	if (f->action[ZT_CANDIDATE] == ZT_DENY)
		__sync_fetch_and_add(&f->would_deny, pass->segments);
	if (f->action[ZT_LIVE] != ZT_DENY) {
		if (f->flags & ZT_FLOW_FAILSAFE)
			zt_count_pass(ZT_C_FAILSAFE, pass);
		if (f->action[ZT_CANDIDATE] == ZT_DENY)
			zt_count_pass(ZT_C_WOULD_DENY, pass);
		return ZT_NEXT;
	}
	if (zt_is_farewell(f, pass)) {
		zt_count_pass(ZT_C_RESET_OUT, pass);
		return ZT_NEXT;
	}
	if (pass->now_ns < ctl->observe_until_ns) {
		zt_count_pass(ZT_C_OBSERVED, pass);
		return ZT_NEXT;
	}
	__sync_fetch_and_add(&f->denied, pass->segments);
	zt_count_pass(ZT_C_DENIED, pass);
	return ZT_DROP;
}

/* RFC 4861: only a neighbour can send with hop limit 255. */
static __always_inline bool zt_is_neighbour_discovery(const struct zt_packet *p)
{
	return p->v6 && p->proto == IPPROTO_ICMPV6 && p->icmp_type >= 133 && p->icmp_type <= 136 &&
	       p->hop_limit == 255;
}

/*
 * Received from outside, but with an address of this host as its source. Neighbour
 * discovery is how a duplicate of our address is told from a forgery: let it through.
 */
static __always_inline bool zt_is_forged(const struct zt_pass *pass)
{
	return pass->hook == ZT_DIR_IN && !zt_is_neighbour_discovery(&pass->pkt) &&
	       bpf_map_lookup_elem(&zt_locals, &pass->pkt.src);
}

/* The parser's denies are rules like any: with nothing enforced they drop nothing. */
__noinline int zt_posture(struct __sk_buff *skb, __u32 said)
{
	const struct zt_ctl *ctl = zt_ctl_get();
	const struct zt_slot_meta *meta;
	struct zt_work *w = zt_work_get();
	struct zt_pass *pass;
	struct zt_flow *f;
	bool enforced, observing;

	if (!w || !ctl)
		return ZT_NEXT;
	pass = &w->pass;
	f = &w->flow;
	/* A later fragment of a forged source is refused like the first one. */
	if (said == ZT_PARSE_PASS && pass->pkt.rule == ZT_RULE_FRAGMENT && zt_is_forged(pass))
		said = zt_say(&pass->pkt, ZT_PARSE_DENY, ZT_RULE_BAD_SOURCE, ZT_C_BAD_SOURCE);
	zt_count_pass(pass->pkt.counter, pass);
	if (said == ZT_PARSE_PASS)
		return ZT_NEXT;
	meta = zt_meta(ZT_WORD_SLOT(pass->word));
	enforced = meta && (meta->flags & ZT_META_ENFORCED);
	observing = pass->now_ns < ctl->observe_until_ns;

	if (!pass->pkt.l4) { /* refused before any address was read */
		__builtin_memset(&pass->pkt.src, 0, sizeof(pass->pkt.src));
		__builtin_memset(&pass->pkt.dst, 0, sizeof(pass->pkt.dst));
	}
	zt_key_make(&pass->key, &pass->pkt, pass->hook == ZT_DIR_IN, ZT_KIND_LOCAL);
	__builtin_memset(f, 0, sizeof(*f));
	f->state_word = pass->word;
	f->first_ns = f->last_ns = pass->now_ns;
	f->packets[pass->hook & 1] = pass->segments;
	f->bytes[pass->hook & 1] = pass->bytes;
	f->rule[ZT_LIVE] = enforced ? pass->pkt.rule : ZT_RULE_DEFAULT;
	f->rule[ZT_CANDIDATE] = pass->pkt.rule;
	f->action[ZT_LIVE] = enforced ? ZT_DENY : ZT_ALLOW;
	f->action[ZT_CANDIDATE] = ZT_DENY;
	f->rank[ZT_LIVE] = enforced ? ZT_RANK_BUILTIN : ZT_RANK_DEFAULT;
	f->rank[ZT_CANDIDATE] = ZT_RANK_BUILTIN;
	f->opener = pass->hook;
	f->ifindex = skb->ifindex;
	f->would_deny = pass->segments;
	f->denied = enforced && !observing ? pass->segments : 0;
	zt_emit(ZT_EV_POSTURE, &pass->key, f, 0);

	zt_count_pass(!enforced ? ZT_C_WOULD_DENY : observing ? ZT_C_OBSERVED : ZT_C_DENIED, pass);
	return f->denied ? ZT_DROP : ZT_NEXT;
}

/* --- judging ------------------------------------------------------------------------ */

static __always_inline bool zt_is_icmp(const struct zt_packet *p)
{
	return p->proto == (p->v6 ? IPPROTO_ICMPV6 : IPPROTO_ICMP);
}

/* What a host cannot live without, by rule number; 0 = the policy decides. */
static __always_inline __u8 zt_builtin(const struct zt_pass *pass)
{
	const struct zt_packet *p = &pass->pkt;
	__u16 sport = bpf_ntohs(p->sport), dport = bpf_ntohs(p->dport);
	__u16 client = p->v6 ? 546 : 68, server = p->v6 ? 547 : 67;

	if (pass->key.kind != ZT_KIND_LOCAL)
		return 0;
	if (p->v6 && zt_is_icmp(p)) {
		if (zt_is_neighbour_discovery(p))
			return ZT_RULE_ND;
		/* RFC 2710, 3810: sent with hop limit 1 */
		if (((p->icmp_type >= 130 && p->icmp_type <= 132) || p->icmp_type == 143) &&
		    p->hop_limit == 1)
			return ZT_RULE_MLD;
	}
	if (p->proto == IPPROTO_IGMP && !p->v6)
		return ZT_RULE_IGMP;
	if (p->proto == IPPROTO_UDP &&
	    (pass->hook == ZT_DIR_OUT ? sport == client && dport == server
				      : sport == server && dport == client))
		return ZT_RULE_DHCP;
	return 0;
}

/* The service's port: the far one when the near end opened. ICMP: the type. */
static __always_inline __u32 zt_service(const struct zt_pass *pass, __u8 opener)
{
	const struct zt_packet *p = &pass->pkt;

	if (zt_is_icmp(p))
		return zt_port_index(p->proto, p->icmp_type);
	/* The other family's ICMP number is just a protocol. */
	if (p->proto == IPPROTO_ICMP || p->proto == IPPROTO_ICMPV6)
		return ZT_PORT_PROTO + p->proto;
	return zt_port_index(p->proto, bpf_ntohs(opener == ZT_DIR_OUT ? pass->key.far_port
								      : pass->key.near_port));
}

/* Judges the working set's flow as if @opener had opened it. */
static __always_inline int zt_judge_as(struct zt_work *w, __u32 opener, struct zt_answer *a)
{
	const struct zt_pass *pass = &w->pass;
	struct zt_query *q = &w->query;

	/* Of forwarded traffic the query's near end is the opener. */
	if (pass->key.kind == ZT_KIND_FWD && opener == ZT_DIR_IN) {
		__builtin_memcpy(q->near.bytes, pass->key.far_addr, 16);
		__builtin_memcpy(q->far.bytes, pass->key.near_addr, 16);
	} else {
		__builtin_memcpy(q->near.bytes, pass->key.near_addr, 16);
		__builtin_memcpy(q->far.bytes, pass->key.far_addr, 16);
	}
	q->qmask = w->who.qmask;
	q->now_ns = pass->now_ns;
	q->slot = ZT_WORD_SLOT(pass->word);
	q->dir = pass->key.kind == ZT_KIND_FWD ? ZT_DIR_FWD : opener;
	q->port_index = zt_service(pass, opener);
	q->near_id = 0;
	return zt_judge(q, a);
}

/*
 * The verdict for a packet that no valid entry answers for, into the working
 * set's answer. @opener may be ZT_DIR_COUNT: nobody can tell who opened, so
 * either direction allowed is enough. Returns the opener the verdict is for.
 */
__noinline int zt_decide(__u32 opener)
{
	struct zt_work *w = zt_work_get();
	struct zt_answer *a;
	__u32 first;
	__u8 builtin;

	if (!w)
		return ZT_DIR_IN;
	a = &w->answer;
	first = (opener == ZT_DIR_COUNT ? w->pass.dir : opener) & 1;
	zt_count(ZT_C_JUDGED);
	builtin = zt_builtin(&w->pass);
	if (builtin) {
		zt_answer_default(a);
		a->rule[ZT_LIVE] = a->rule[ZT_CANDIDATE] = builtin;
		a->rank[ZT_LIVE] = a->rank[ZT_CANDIDATE] = ZT_RANK_BUILTIN;
		return first;
	}
	if (zt_judge_as(w, first, a) < 0)
		zt_count(ZT_C_NO_TABLE);
	if (opener == ZT_DIR_COUNT) {
		zt_count(ZT_C_EITHER);
		if (a->action[ZT_LIVE] | a->action[ZT_CANDIDATE]) {
			zt_judge_as(w, !first, &w->other);
			if (w->other.action[ZT_LIVE] * 2 + w->other.action[ZT_CANDIDATE] <
			    a->action[ZT_LIVE] * 2 + a->action[ZT_CANDIDATE]) {
				*a = w->other;
				first = !first;
			}
		}
	}
	return first;
}

/*
 * Whether a statement's `keep` has a say: not over what a change of labels denies,
 * nor over what ran out by the clock. Of an entry that was evicted the socket's
 * record tells when it was last known to be allowed.
 */
static __always_inline bool zt_keep_counts(const struct zt_flow *f, const struct zt_work *w)
{
	__u64 word = f->state_word ?: w->who.word;

	if ((__u32)ZT_WORD_EPOCH(word) < w->answer.label_epoch)
		return false;
	if (f->valid_until_ns)
		return w->pass.now_ns < f->valid_until_ns;
	return w->answer.changed_ns <= w->who.at_ns;
}

/*
 * Writes the answer into an entry. @cut: the entry stands for an established
 * TCP connection that was allowed until now, so `existing` has a say.
 */
static __always_inline void zt_apply(struct zt_flow *f, const struct zt_work *w, bool cut)
{
	__u8 flags = f->flags & ~(ZT_FLOW_OWNER_DEP | ZT_FLOW_FAILSAFE | ZT_FLOW_KEPT);
	const struct zt_answer *a = &w->answer;
	bool keep = cut && zt_keep_counts(f, w);

	for (int plane = 0; plane < ZT_PLANE_COUNT; plane++) {
		bool newly = cut && f->action[plane] == ZT_ALLOW && a->action[plane] == ZT_DENY;

		if (newly && keep && a->rank[plane] < ZT_RANK_CONTAIN &&
		    a->existing[plane] == ZT_EXISTING_KEEP) {
			if (plane == ZT_LIVE) {
				flags |= ZT_FLOW_KEPT;
				zt_count(ZT_C_KEPT);
			}
			if (!f->rule[plane]) /* evicted meanwhile: what kept it is all we know */
				f->rule[plane] = a->rule[plane];
			continue;
		}
		if (newly && plane == ZT_LIVE && a->existing[plane] == ZT_EXISTING_RESET)
			flags |= ZT_FLOW_RESETTING;
		f->action[plane] = a->action[plane];
		f->rank[plane] = a->rank[plane];
		f->rule[plane] = a->rule[plane];
	}
	if (a->owner_dep)
		flags |= ZT_FLOW_OWNER_DEP;
	if (a->failsafe)
		flags |= ZT_FLOW_FAILSAFE;
	f->flags = flags;
	f->state_word = w->pass.word;
	f->valid_until_ns = a->valid_until_ns;
	if (w->who.cookie) {
		f->cookie = w->who.cookie;
		f->owner = w->who.owner;
		f->pid = w->who.pid;
	}
	if (w->pass.pkt.proto == IPPROTO_UDP)
		f->proof = zt_udp_gen_of(&w->pass.key);
}

static __always_inline void zt_hit_rule(__u32 rule)
{
	__u64 *hits = bpf_map_lookup_elem(&zt_rule_hits, &rule);

	if (hits)
		(*hits)++;
}

/* --- entries ------------------------------------------------------------------------ */

#define ZT_NEW_ESTABLISHED 0x100 /* goes to the answered flows at once */
#define ZT_NEW_CUT	   0x200 /* `existing` has a say: its entry was evicted */

/* A new entry from the working set's answer, opened by @opener; gives the packet's verdict. */
__noinline int zt_begin(struct __sk_buff *skb, __u32 opener, __u32 how)
{
	struct zt_work *w = zt_work_get();
	struct zt_flow *f;
	int verdict;
	long r;

	if (!w)
		return ZT_NEXT;
	f = &w->flow;
	__builtin_memset(f, 0, sizeof(*f));
	f->first_ns = w->pass.now_ns;
	f->opens = 1;
	f->opener = opener & 1;
	f->ifindex = skb->ifindex;
	f->flags = how & 0xff;
	f->state = how & ZT_NEW_ESTABLISHED ? ZT_STATE_ESTABLISHED : ZT_STATE_OPENING;
	f->health = how & ZT_NEW_ESTABLISHED ? ZT_HEALTH_ANSWERED : 0;
	zt_apply(f, w, how & ZT_NEW_CUT);
	zt_look_begin(f, &w->pass);
	zt_hit_rule(f->rule[ZT_LIVE]);
	verdict = zt_hit(skb, f, &w->pass);
	if (how & ZT_NEW_ESTABLISHED) {
		r = bpf_map_update_elem(&zt_flows, &w->pass.key, f, BPF_ANY);
		zt_count(r ? ZT_C_LOST_INSERT : ZT_C_FLOW_INSERTED);
	} else {
		r = bpf_map_update_elem(&zt_openings, &w->pass.key, f, BPF_ANY);
		zt_count(r ? ZT_C_LOST_INSERT : ZT_C_OPENING_INSERTED);
	}
	if (zt_actions(f) || (w->pass.ctl_flags & ZT_CTL_FOLLOWED))
		zt_emit(ZT_EV_NEW, &w->pass.key, f, 0);
	return verdict;
}

/*
 * When an opening is answered. TCP: not by the SYN-ACK, which a spoofed SYN gets
 * too, but by the opener acknowledging it. RSTs answer nothing. Echoes live half
 * a minute and are not worth a place among the answered.
 */
static __always_inline void zt_answered(struct zt_flow *f, const struct zt_pass *pass)
{
	bool back = pass->dir != f->opener;
	const struct zt_packet *p = &pass->pkt;

	if (p->proto != IPPROTO_TCP) {
		if (!back)
			return;
		if (p->proto == IPPROTO_ICMP || p->proto == IPPROTO_ICMPV6)
			f->state = ZT_STATE_ESTABLISHED;
		else
			zt_promote(f);
		return;
	}
	if (p->tcp_flags & ZT_TCP_RST)
		return;
	if (f->flags & ZT_FLOW_MIDFLOW) {
		if (back)
			zt_promote(f);
	} else if (back) {
		if (p->tcp_flags & ZT_TCP_SYN)
			f->proof = p->seq + 1;
	} else if (f->proof && f->proof == p->ack) {
		zt_promote(f);
	}
}

/* --- the slow path ------------------------------------------------------------------ */

/* Idle too long, or its UDP socket is gone: the entry ends and the sender opens anew. */
static __always_inline bool zt_over(const struct zt_flow *f, const struct zt_work *w)
{
	const struct zt_pass *pass = &w->pass;
	__u8 proto = pass->pkt.proto;

	if (proto == IPPROTO_TCP)
		return false;
	if (pass->now_ns > f->last_ns && pass->now_ns - f->last_ns > zt_idle_limit(proto, f))
		return true;
	return proto == IPPROTO_UDP && pass->key.kind == ZT_KIND_LOCAL &&
	       f->proof != zt_udp_gen_of(&pass->key) && f->cookie != w->who.cookie;
}

/* Who opened what no entry tells of. ZT_DIR_COUNT: nobody knows. */
static __always_inline __u32 zt_opener(struct __sk_buff *skb, const struct zt_work *w)
{
	const struct zt_pass *pass = &w->pass;
	const struct zt_who *who = &w->who;

	if (pass->pkt.proto == IPPROTO_UDP)
		return who->found && who->connected ? ZT_DIR_OUT : pass->dir;
	if (pass->pkt.proto != IPPROTO_TCP)
		return pass->dir;
	if (pass->key.kind != ZT_KIND_LOCAL || !who->found)
		return ZT_DIR_COUNT;
	if (who->role == ZT_ROLE_CONNECT)
		return ZT_DIR_OUT;
	if (who->role == ZT_ROLE_LISTEN)
		return ZT_DIR_IN;
	if (who->connected)
		return zt_listener(skb, 0) ? ZT_DIR_IN : ZT_DIR_OUT;
	/* A bare ACK that meets a listener: the end of a syncookie handshake. What leaves by a
	 * socket without a peer is the kernel's own answer, to either side's packet. */
	return pass->hook == ZT_DIR_IN ? ZT_DIR_IN : ZT_DIR_COUNT;
}

/*
 * Whether an entry whose verdict rests on an owner may answer for this packet.
 * A packet of a socket without a record (TIME_WAIT, the kernel's own reply
 * socket) may, as long as it carries no data.
 */
static __always_inline bool zt_same_socket(const struct zt_flow *f, const struct zt_work *w)
{
	const struct zt_pass *pass = &w->pass;

	if (!(f->flags & ZT_FLOW_OWNER_DEP) || pass->key.kind != ZT_KIND_LOCAL)
		return true;
	if (w->who.cookie)
		return w->who.cookie == f->cookie;
	if (pass->pkt.proto == IPPROTO_UDP)
		return false;
	if (pass->pkt.proto != IPPROTO_TCP) /* ICMP, SCTP: no lookup tells who receives */
		return pass->hook == ZT_DIR_IN;
	return pass->hook == ZT_DIR_IN || pass->pkt.payload >= pass->pkt.end;
}

static __always_inline bool zt_current(const struct zt_flow *f, const struct zt_work *w)
{
	return f->state_word == w->pass.word && w->pass.now_ns < f->valid_until_ns &&
	       zt_same_socket(f, w);
}

/* Judges an entry's flow again, in place. */
__noinline int zt_rejudge(struct __sk_buff *skb, struct zt_flow *f, __u32 answered)
{
	struct zt_work *w = zt_work_get();
	__u32 before;

	if (!w || !f)
		return 0;
	before = zt_actions(f);
	f->opener = zt_decide(f->flags & ZT_FLOW_EITHER ? ZT_DIR_COUNT : f->opener) & 1;
	zt_apply(f, w, answered && w->pass.pkt.proto == IPPROTO_TCP);
	if (zt_actions(f) != before)
		zt_emit(ZT_EV_VERDICT, &w->pass.key, f, before);
	if (answered && w->pass.pkt.proto == IPPROTO_TCP)
		zt_who_note(skb, f->action[ZT_LIVE] == ZT_DENY);
	return 0;
}

/* A TCP SYN: always judged as an opening by its sender. */
__noinline int zt_syn(struct __sk_buff *skb)
{
	struct zt_work *w = zt_work_get();
	struct zt_flow *f;
	__u32 before;

	if (!w)
		return ZT_NEXT;
	zt_decide(w->pass.dir);
	f = bpf_map_lookup_elem(&zt_flows, &w->pass.key);
	if (f && w->answer.action[ZT_LIVE] == ZT_ALLOW) {
		/* A repeated or stray SYN within a living connection changes nothing. */
		if (f->state == ZT_STATE_ESTABLISHED && f->action[ZT_LIVE] == ZT_ALLOW &&
		    zt_current(f, w))
			return zt_hit(skb, f, &w->pass);
		zt_drop_entry(f, 1);
	}
	f = bpf_map_lookup_elem(&zt_openings, &w->pass.key);
	if (f && (f->opener != w->pass.dir || f->owner != w->who.owner)) {
		zt_drop_entry(f, 0);
		f = NULL;
	}
	if (!f)
		return zt_begin(skb, w->pass.dir, 0);
	before = zt_actions(f);
	if (f->state != ZT_STATE_OPENING) {
		f->state = ZT_STATE_OPENING;
		f->opens++;
		zt_look_begin(f, &w->pass);
		zt_hit_rule(w->answer.rule[ZT_LIVE]);
	} else {
		f->health |= ZT_HEALTH_SYN_REPEATED;
		zt_tcp_health(skb, f);
	}
	f->proof = 0;
	zt_apply(f, w, false);
	if (zt_actions(f) != before)
		zt_emit(ZT_EV_VERDICT, &w->pass.key, f, before);
	return zt_hit(skb, f, &w->pass);
}

static __always_inline int zt_first_seen(struct __sk_buff *skb, const struct zt_work *w)
{
	bool tcp = w->pass.pkt.proto == IPPROTO_TCP;
	__u32 opener = zt_opener(skb, w), how = 0;

	if (tcp)
		how = ZT_FLOW_MIDFLOW | (opener == ZT_DIR_COUNT ? ZT_FLOW_EITHER : 0);
	if (tcp && w->who.found && w->who.connected) {
		how |= ZT_NEW_ESTABLISHED;
		/* `keep` is remembered beside the socket, so that eviction does not matter. */
		if ((w->who.flags & ZT_SOCK_ESTABLISHED) && !(w->who.flags & ZT_SOCK_CUT))
			how |= ZT_NEW_CUT;
	}
	return zt_begin(skb, zt_decide(opener), how);
}

/*
 * A refused entry does not speak for a packet of a conversation that a socket of
 * this host has (its answered entry was evicted, and somebody sent a SYN or a
 * datagram of the same tuple), nor for the way back, which opens anew.
 */
static __always_inline bool zt_is_other_flow(const struct zt_flow *f, const struct zt_work *w)
{
	return f->action[ZT_LIVE] == ZT_DENY && !(f->flags & ZT_FLOW_MIDFLOW) &&
	       (w->pass.dir != f->opener || w->who.connected);
}

/* No entry, or one that does not answer any more: who is it, and what is it allowed. */
__noinline int zt_unsettled(struct __sk_buff *skb)
{
	struct zt_work *w = zt_work_get();
	struct zt_flow *f;
	bool answered;
	int verdict;

	if (!w)
		return ZT_NEXT;
	if (zt_is_forged(&w->pass)) {
		zt_say(&w->pass.pkt, ZT_PARSE_DENY, ZT_RULE_BAD_SOURCE, ZT_C_BAD_SOURCE);
		return zt_posture(skb, ZT_PARSE_DENY);
	}
	zt_who_is(skb);
	if (w->pass.hook == ZT_DIR_IN && w->who.connected && !w->who.cookie &&
	    zt_is_opening_syn(&w->pass.pkt))
		zt_listener(skb, 1);
	/* Not in zt_who_is(): one frame less on a stack that 6.1 counts in steps of 32. */
	w->who.qmask = zt_owner_qmask(w->who.owner, w->pass.word);
	if (zt_is_opening_syn(&w->pass.pkt))
		return zt_syn(skb);

	f = bpf_map_lookup_elem(&zt_flows, &w->pass.key);
	answered = f != NULL;
	if (!f)
		f = bpf_map_lookup_elem(&zt_openings, &w->pass.key);
	if (!f)
		return zt_first_seen(skb, w);
	if (zt_over(f, w) || (!answered && zt_is_other_flow(f, w))) {
		zt_drop_entry(f, answered);
		return zt_first_seen(skb, w);
	}
	if (!zt_current(f, w))
		zt_rejudge(skb, f, answered);
	else if (w->pass.pkt.proto == IPPROTO_UDP)
		f->proof = zt_udp_gen_of(&w->pass.key); /* the same socket still: go on */
	verdict = zt_hit(skb, f, &w->pass);
	if (!answered && verdict != ZT_DROP)
		zt_answered(f, &w->pass);
	return verdict;
}

/* Anything but a fresh answered flow of this host's own. */
__noinline int zt_slow(struct __sk_buff *skb)
{
	struct zt_work *w = zt_work_get();
	struct zt_flow *f;
	int verdict;

	if (!w)
		return ZT_NEXT;
	if (w->pass.hook == ZT_DIR_OUT ? skb->ingress_ifindex
				       : w->pass.ctl_flags & ZT_CTL_FORWARDING) {
		zt_place(skb);
		f = bpf_map_lookup_elem(&zt_flows, &w->pass.key);
		if (f && zt_fresh(f, &w->pass))
			return zt_hit(skb, f, &w->pass);
	}
	if (zt_is_opening_syn(&w->pass.pkt))
		return zt_unsettled(skb);
	if (zt_is_icmp_error(&w->pass.pkt) && zt_icmp_error(skb))
		return ZT_NEXT;
	/* One-way datagrams and the steps of a handshake stay among the openings for long. */
	f = bpf_map_lookup_elem(&zt_openings, &w->pass.key);
	if (!f || !zt_fresh(f, &w->pass) || f->action[ZT_LIVE] == ZT_DENY)
		return zt_unsettled(skb);
	verdict = zt_hit(skb, f, &w->pass);
	zt_answered(f, &w->pass);
	return verdict;
}
