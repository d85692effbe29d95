/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * abi.h - every struct and constant that crosses the kernel boundary.
 *
 * The only header both the BPF programs and user space include.
 * Byte order: addresses are network order; ports in struct zt_flow_key are
 * network order; every other number is host order.
 * Times: nanoseconds on CLOCK_MONOTONIC, coarse (bpf_ktime_get_coarse_ns()).
 * Addresses: 16 bytes, IPv4 stored v4-mapped (::ffff:a.b.c.d). A v4-mapped
 * address in a real IPv6 packet is dropped by the parser, so the two families
 * can never meet.
 * Padding is named and must be zero where the struct is a hash key.
 */
#pragma once
#ifndef __VMLINUX_H__ /* set by bpftool's dump; else take the uapi types */
#include <linux/types.h>
#endif
#include "codes.h"

#define ZT_ABI_VERSION 3

/*
 * Keys are copied a word at a time in the kernel; there they are map memory or
 * stack slots and aligned anyhow. User space promises nothing. Same layout both ways
 * as long as what embeds one stays a multiple of 8 bytes: pad it by name.
 */
#ifdef __bpf__
#define ZT_WORDS __attribute__((aligned(8)))
#else
#define ZT_WORDS
#endif

/* --- directions, actions, ranks ----------------------------------------- */

/* The near end is the local one; of forwarded traffic, the one that sorts first. */
#define ZT_DIR_IN    0 /* towards the near end; as an opening: the far end opened */
#define ZT_DIR_OUT   1 /* from the near end; as an opening: the near end opened */
#define ZT_DIR_FWD   2 /* pair keys only: near = opener, far = its destination */
#define ZT_DIR_COUNT 3

#define ZT_ALLOW 0
#define ZT_DENY	 1

/* Which kind of statement gave a verdict. The highest that matches wins. */
#define ZT_RANK_DEFAULT	 0 /* no statement: allow */
#define ZT_RANK_BOUNDARY 1
#define ZT_RANK_ALLOW	 2
#define ZT_RANK_DENY	 3
#define ZT_RANK_CONTAIN	 4
#define ZT_RANK_BUILTIN	 5
#define ZT_RANK_FAILSAFE 6

#define ZT_LIVE	       0 /* plane: enforced statements only */
#define ZT_CANDIDATE   1 /* plane: enforced and staged statements */
#define ZT_PLANE_COUNT 2

/* What becomes of established flows that a statement newly denies. */
#define ZT_EXISTING_RECHECK 0
#define ZT_EXISTING_KEEP    1
#define ZT_EXISTING_RESET   2

/* --- rule numbers --------------------------------------------------------- */

/*
 * Numbers below ZT_RULE_FIRST are built in; their names and texts are in
 * agent/policy/builtin.c. Numbers from the policy are given out by name and
 * never reused while pins live (map zt_rules: number -> name).
 */
enum zt_rule_builtin {
	ZT_RULE_NONE = 0, /* not judged yet */
	ZT_RULE_DEFAULT,  /* "default-allow": nothing denies it */
	ZT_RULE_LOOPBACK,
	ZT_RULE_ND, /* NS, NA, RS, RA with hop limit 255 */
	ZT_RULE_MLD,
	ZT_RULE_IGMP,
	ZT_RULE_DHCP,
	ZT_RULE_ICMP_ERROR, /* of a known flow or socket */
	ZT_RULE_ARP,	    /* frames that are not IP: ARP, LLDP, ... */
	ZT_RULE_FRAGMENT,   /* non-first fragments */
	ZT_RULE_RESET_OUT,  /* the RST of a connection ended by `existing: reset` */
	ZT_RULE_BAD_HEADER, /* denies from here */
	ZT_RULE_BAD_SOURCE,
	ZT_RULE_V4_MAPPED,
	ZT_RULE_SOURCE_ROUTE,
	ZT_RULE_EXT_HEADERS,
	ZT_RULE_SHORT_FRAGMENT,
	ZT_RULE_BUILTIN_COUNT,
};
#define ZT_RULE_FIRST 256
#define ZT_RULES_MAX  65536
#define ZT_NAME_LEN   64 /* rule ids, segment names; with the closing NUL */

/* --- flows ------------------------------------------------------------------ */

#define ZT_KIND_LOCAL 0 /* near = this host */
#define ZT_KIND_FWD   1 /* both ends elsewhere (routed, bridged in, containers) */
#define ZT_KIND_LOOP  2 /* both ends here; near = opener, from socket hooks */

/*
 * Who asks, in far_port of an ICMP echo: a request that comes from the other end
 * with the id of our own ping is another flow, not its answer.
 */
#define ZT_ECHO_BY_NEAR 0
#define ZT_ECHO_BY_FAR	0xffff /* the same in either byte order; no ICMP type 255 exists */

struct zt_flow_key {
	__u8 near_addr[16];
	__u8 far_addr[16];
	__be16 near_port; /* ICMP: echo id; else 0 */
	__be16 far_port;  /* ICMP: type << 8 | code of anything but echo; ZT_ECHO_* of echo */
	__u8 proto;	  /* IPPROTO_* */
	__u8 kind;	  /* ZT_KIND_* */
	__u8 pad[2];
} ZT_WORDS;
_Static_assert(sizeof(struct zt_flow_key) == 40, "zt_flow_key: layout changed");

#define ZT_STATE_OPENING     0 /* no answer yet */
#define ZT_STATE_ESTABLISHED 1
#define ZT_STATE_CLOSING     2 /* FIN seen from one end */
#define ZT_STATE_CLOSED	     3 /* FIN from both, or RST */

#define ZT_FLOW_OWNER_DEP 0x01 /* a verdict rests on the owner: good for one socket only */
#define ZT_FLOW_KEPT	  0x02 /* allowed by `existing: keep` */
#define ZT_FLOW_FIN_IN	  0x04
#define ZT_FLOW_FIN_OUT	  0x08
#define ZT_FLOW_MIDFLOW	  0x10 /* first seen in the middle */
#define ZT_FLOW_EITHER	  0x20 /* opener unknown: either direction was enough */
#define ZT_FLOW_FAILSAFE  0x40 /* a failsafe saved it */
#define ZT_FLOW_RESETTING 0x80 /* newly denied by `existing: reset`: its RST may leave */

#define ZT_HEALTH_RST_NEAR     0x01 /* the near end sent a RST */
#define ZT_HEALTH_RST_FAR      0x02
#define ZT_HEALTH_ANSWERED     0x04 /* TCP: the handshake was completed */
#define ZT_HEALTH_UNREACHABLE  0x08 /* an ICMP error came back */
#define ZT_HEALTH_SYN_REPEATED 0x10 /* TCP: the opening was sent more than once */

/* Value of zt_flows (answered flows) and zt_openings (denied or unanswered). */
struct zt_flow {
	__u64 state_word;     /* policy state it was judged under, see struct zt_ctl */
	__u64 valid_until_ns; /* judge again past this */
	__u64 first_ns;
	__u64 last_ns;
	__u64 packets[2]; /* [ZT_DIR_IN], [ZT_DIR_OUT]; by segment; denied ones too */
	__u64 bytes[2];	  /* with the link-layer header, as interface counters have it */
	__u64 denied;	  /* packets, of the above, that were dropped */
	__u64 would_deny; /* packets that the candidate denies */
	__u64 cookie;	  /* local socket (zt_sock.cookie), 0 = unknown */
	__u32 rule[2];	  /* [ZT_LIVE], [ZT_CANDIDATE]; zt_rule_builtin or policy */
	__u32 owner;	  /* near end's owner: zt_owner_rec index, 0 = unknown */
	__u32 far_owner;  /* loopback only */
	__u32 pid;	  /* near end's process when the socket was opened */
	__u32 opens;	  /* connections on this tuple (TCP SYNs that began one) */
	__u32 proof;	  /* UDP: zt_udp_gen[near port] when last checked; TCP opening:
			     what the opener's next ACK must acknowledge (a spoofer cannot know) */
	__u32 ifindex;	  /* guarded device that saw it first */
	__u8 action[2];	  /* ZT_ALLOW, ZT_DENY per plane */
	__u8 rank[2];	  /* ZT_RANK_* per plane */
	__u8 opener;	  /* ZT_DIR_IN: far end opened; ZT_DIR_OUT: near end */
	__u8 state;	  /* ZT_STATE_* */
	__u8 flags;	  /* ZT_FLOW_* */
	__u8 look;	  /* what the classifier waits for, see class.bpf.c; 0 = nothing more */
	/* From here on not in version 2. */
	__u8 encryption; /* ZT_ENC_* */
	__u8 app;	 /* ZT_APP_* */
	__u8 look_left;	 /* packets with payload that the classifier still looks at */
	__u8 health;	 /* ZT_HEALTH_* */
	__u32 rtt_us;	 /* TCP: smoothed round trip of the near end's socket, 0 = not known */
	__u32 retrans;	 /* TCP: segments that the near end's socket sent again */
	__u32 look_data; /* the classifier's, by `look` */
};
_Static_assert(sizeof(struct zt_flow) == 144, "zt_flow: layout changed");
#define ZT_FLOW_V2_SIZE 128 /* of version 2: the same up to `look`, which was always 0 */

/* --- control block: element 0 of the mmapped array zt_ctl --------------------- */

/*
 * A state word is epoch << 8 | slot; it is what a verdict is valid for.
 * Past deadline_ns (when not 0) the datapath uses prev_word instead of word.
 * To commit with a net: write prev_word, then deadline_ns, then word.
 */
#define ZT_SLOTS	     3
#define ZT_WORD(epoch, slot) (((__u64)(epoch) << 8) | (slot))
#define ZT_WORD_SLOT(word)   ((__u32)((word)&0xff))
#define ZT_WORD_EPOCH(word)  ((word) >> 8)

#define ZT_CTL_FORWARDING 0x1 /* this namespace routes: tell local from forwarded */
#define ZT_CTL_NAT_OUT	  0x2 /* outgoing destinations are translated: no refusal at connect */
#define ZT_CTL_OWNERS	  0x4 /* socket hooks are attached: a socket has an owner record */
#define ZT_CTL_FOLLOWED	  0x8 /* somebody follows: ZT_EV_NEW of allowed flows is wanted too */

struct zt_ctl {
	__u64 word;
	__u64 prev_word;
	__u64 deadline_ns;
	__u64 observe_until_ns; /* break-glass: until then nothing is dropped; ~0 = for good */
	__u64 netns_cookie;	/* of the guarded namespace */
	__u64 abi_version;	/* ZT_ABI_VERSION of who made the pins */
	__u64 boot_ns;		/* when these maps were made */
	__u32 flags;		/* ZT_CTL_* */
	__u32 agent_pid;	/* for status only */
};

/* --- compiled policy: one set of maps per slot -------------------------------- */

/* Exact address row and CIDR row. Identities are interned sets of segments. */
struct zt_identity {
	__u32 far_id;	/* the set, as the remote end (or any end of forwarded traffic) */
	__u32 near_id;	/* the set joined with this host's own segments */
	__u64 until_ns; /* 0 = no end; past it, row `step` of zt_s_steps holds */
	__u32 step;
	__u32 bucket;	   /* 1 + share bucket of the host; 0 = zt_addr_bucket() of the address */
	__u32 label_epoch; /* epoch (low 32 bits) of the last change of its labels, 0 = none */
	__u32 pad;
};
_Static_assert(sizeof(struct zt_identity) == 32, "zt_identity: layout changed");

/*
 * What an identity becomes when a label of it runs out: array zt_s_steps, element 0
 * unused. Of a chain ZT_STEPS_MAX are followed, so the last of as many has no end.
 */
struct zt_step {
	__u64 until_ns; /* 0 = no end; past it, row `next` holds */
	__u32 far_id;
	__u32 near_id;
	__u32 next;
	__u32 pad;
};
#define ZT_STEPS_MAX 8

/*
 * Condition bits that are open from a moment on, until the next row's: array
 * zt_s_windows, sorted, the first from 0 on. Past the last row it goes on holding.
 */
struct zt_window {
	__u64 from_ns;
	__u64 open; /* bits of meta.q_timed; the others do not count */
};
#define ZT_WINDOWS_MAX 4096

struct zt_addr {
	__u8 bytes[16];
} ZT_WORDS;

#define ZT_BUCKETS 100

/* The share bucket of an address of no inventory host: 0 .. ZT_BUCKETS - 1, the same for good. */
static inline __attribute__((always_inline)) __u32 zt_addr_bucket(const struct zt_addr *addr)
{
	__u32 word, hash = 0;

	for (int i = 0; i < 4; i++) { /* murmur3 */
		__builtin_memcpy(&word, addr->bytes + 4 * i, sizeof(word));
		word *= 0xcc9e2d51;
		word = (word << 15 | word >> 17) * 0x1b873593;
		hash ^= word;
		hash = (hash << 13 | hash >> 19) * 5 + 0xe6546b64;
	}
	hash ^= sizeof(addr->bytes);
	hash = (hash ^ hash >> 16) * 0x85ebca6b;
	hash = (hash ^ hash >> 13) * 0xc2b2ae35;
	return (hash ^ hash >> 16) % ZT_BUCKETS;
}

struct zt_net_key {
	__u32 prefixlen; /* of the 128-bit form: IPv4 /24 is 120 */
	__u8 bytes[16];
};

/* (near identity, far identity, direction) -> port set; a miss is port set 0. */
struct zt_pair_key {
	__u32 near_id; /* ZT_DIR_FWD: far_id of the opener */
	__u32 far_id;
	__u32 dir; /* ZT_DIR_*: who opened */
};

/*
 * Protocol and port -> port class, by plain array index. A class is a set of
 * ports that no rule tells apart. Class 0 means "as the set's base cell".
 * Four classes per element keep the array at two bytes a port.
 */
#define ZT_PORT_TCP    0
#define ZT_PORT_UDP    65536
#define ZT_PORT_ICMP   131072 /* + type */
#define ZT_PORT_ICMPV6 131328 /* + type */
#define ZT_PORT_PROTO  131584 /* + IP protocol number */
#define ZT_PORT_COUNT  131840
#define ZT_PORT_BLOCKS (ZT_PORT_COUNT / 4)

struct zt_port_block {
	__u16 class[4]; /* index i is in block i >> 2, lane i & 3 */
};

/* (port set, class) -> cell; a miss is (port set, 0); that missing too, cell 0. */
struct zt_cell_key {
	__u32 port_set;
	__u32 class;
};

/*
 * One plane's answer for a cell. rule/rank/action hold when no condition matches.
 * deny_q, allow_q and bound_q: condition bits with a deny rule (an allow rule, a
 * boundary) in this cell; they outrank by ZT_RANK_*, the rule number is in
 * zt_qrules. Only statements with a condition have bits. A bit counts when
 * ((owner's mask | meta.q_free) & open window & meta.share[far bucket]) has it.
 */
struct zt_plane {
	__u32 rule;
	__u8 rank;
	__u8 action;
	__u8 existing; /* ZT_EXISTING_* of the deciding statement */
	__u8 pad;
	__u64 deny_q;
	__u64 allow_q;
	__u64 bound_q;
};

struct zt_cell {
	struct zt_plane plane[ZT_PLANE_COUNT];
	__u32 failsafe[ZT_PLANE_COUNT]; /* rule number, 0 = none; looked at only when that plane
					   would deny */
};

#define ZT_Q_BOUNDARY 2 /* zt_qrule_key.action: of bound_q */

struct zt_qrule_key {
	__u32 cell;
	__u8 plane;
	__u8 action; /* ZT_DENY: of deny_q; ZT_ALLOW: of allow_q; ZT_Q_BOUNDARY: of bound_q */
	__u8 bit;
	__u8 pad;
};

struct zt_qrule {
	__u32 rule;
	__u32 existing;
};

/*
 * Conditions. A policy has up to 64 distinct ones that can bear on this host, each
 * a bit: a workload qualifier, hours or an end in time, a share of the far hosts,
 * or several of these together. Bits in meta.q_free ask for no workload, bits in
 * meta.q_timed for a time; meta.share has a mask for each share bucket.
 *
 * Of workloads: for every dimension, the row of a name holds the bits that
 * this name does not rule out; a name without a row has meta.q_absent[dim].
 * The bits an owner matches are the AND over the four dimensions. For
 * ZT_QUAL_CGROUP the masks of every ancestor path with a row are OR-ed to
 * meta.q_absent first ("is or is below").
 */
#define ZT_QUAL_UNIT   0 /* name: "app.service" */
#define ZT_QUAL_CGROUP 1 /* name: "/system.slice/app.service" */
#define ZT_QUAL_USER   2 /* num: uid, name empty */
#define ZT_QUAL_EXE    3 /* name: path inside its file system; num: kernel dev_t of it */
#define ZT_QUAL_COUNT  4
#define ZT_QUALS_MAX   64
#define ZT_UNIT_LEN    128
#define ZT_PATH_LEN    192

struct zt_qual_key {
	__u32 dim;
	__u32 num;
	char name[ZT_PATH_LEN]; /* zero-filled to the end */
};

#define ZT_META_ENFORCED 0x1 /* some statement is enforced: the parser's built-in denies drop */
#define ZT_META_QUALS	 0x2 /* some statement asks for an owner */
#define ZT_NEAR_MAX	 4

struct zt_slot_meta {
	struct zt_identity unknown; /* an address no row covers: {unknown, this host} */
	__u64 q_absent[ZT_QUAL_COUNT];
	__u64 q_free;		 /* conditions that ask for no workload */
	__u64 q_timed;		 /* conditions that zt_s_windows opens and closes */
	__u64 share[ZT_BUCKETS]; /* conditions that hold for far ends of a bucket */
	__u32 flags;		 /* ZT_META_* */
	__u32 near_count;	 /* distinct near ids a local socket may get, label steps included;
				    > ZT_NEAR_MAX: no refusal at connect for sockets without an
				    address yet */
	__u32 near_ids[ZT_NEAR_MAX];
	__u32 window_count;
	__u32 rules;	 /* statements compiled, for status */
	__u8 digest[32]; /* SHA-256 over the rows, see agent/datapath/commit.c */
};

/* --- owners ------------------------------------------------------------------- */

#define ZT_ROLE_UNKNOWN 0
#define ZT_ROLE_CONNECT 1 /* this end opened (connect, or UDP connect) */
#define ZT_ROLE_LISTEN	2 /* bound or listening; clones to accepted children */

#define ZT_SOCK_ESTABLISHED 0x1 /* reached ESTABLISHED while guarded: `keep` may keep it */
#define ZT_SOCK_CUT	    0x2 /* denied after that: never kept again */
#define ZT_SOCK_OLD	    0x4 /* filled in by an iterator: older than the agent */
#define ZT_SOCK_LOOP	    0x8 /* both ends are here: recorded as ZT_KIND_LOOP */

/* sk_storage. BPF_F_CLONE: an accepted child starts with its listener's. */
struct zt_sock {
	__u64 q_word; /* state word that qmask was matched under, 0 = never */
	__u64 qmask;  /* qualifiers this owner matches */
	__u64 cookie; /* bpf_get_socket_cookie() when the record was made (a child has its
			 listener's); 0 only while nobody has filled the record in */
	__u64 word;   /* state word and time when it was last known to be allowed: what */
	__u64 at_ns;  /* `keep` goes by when the flow's entry was evicted */
	__u32 owner;  /* index into zt_owner_recs, 0 = unknown */
	__u32 pid;
	__u8 role;  /* ZT_ROLE_* */
	__u8 flags; /* ZT_SOCK_* */
	__u8 pad[6];
};

#define ZT_OWNERS_MAX	      16384
#define ZT_OWNER_TRUNC_CGROUP 0x1 /* path too long: its leading names still count */
#define ZT_OWNER_TRUNC_EXE    0x2
#define ZT_OWNER_DELEGATED    0x4 /* the unit's cgroup has a deeper unit-like name in it */

/* Who owns a socket, by name. Key of zt_owners; its index is the owner number. */
struct zt_owner {
	char unit[ZT_UNIT_LEN];	  /* outermost .service or .scope on the path, or "" */
	char cgroup[ZT_PATH_LEN]; /* path from the root, "/" for the root itself */
	char exe[ZT_PATH_LEN];	  /* path inside its file system (forge-proof under bind mounts) */
	__u32 uid;
	__u32 exe_dev; /* kernel encoding: major << 20 | minor */
	__u32 flags;   /* ZT_OWNER_* */
	__u32 pad;
};

#define ZT_TASK_COMM_LEN 16
#define ZT_ARGS_LEN	 160

/*
 * The latest process image that opened a socket for an owner: array zt_owner_cmds, by owner
 * number. For people only: a process chooses what is in here.
 */
struct zt_owner_cmd {
	__u64 start_ns; /* of the process, CLOCK_BOOTTIME as in /proc/PID/stat; 0 = nothing known */
	__u32 pid;
	__u32 args_len;		     /* of @args, without the last NUL; 0 = not read */
	char comm[ZT_TASK_COMM_LEN]; /* with a NUL */
	char args[ZT_ARGS_LEN];	     /* NUL between arguments, cut at the end */
};

/*
 * Sockets that PID 1 holds for a unit (systemd socket activation), filled in by
 * user space: key of zt_sock_units, whose value is the owner's record.
 */
struct zt_sock_unit {
	__u16 port; /* host order */
	__u8 proto;
	__u8 pad;
};

/* --- events --------------------------------------------------------------------- */

#define ZT_EV_NEW     1 /* a flow was judged for the first time */
#define ZT_EV_VERDICT 2 /* an existing flow's verdict changed */
#define ZT_EV_ENDED   3 /* an entry was about to be reused: its last values */
#define ZT_EV_REFUSED 4 /* refused at connect/sendmsg: no packet was sent */
#define ZT_EV_POSTURE 5 /* the parser's deny; key holds what could be read */

/*
 * An answer from a DNS server that this host had asked: ring zt_dns. The rest of the
 * record is the DNS message, cut at ZT_DNS_MAX. Hostile bytes.
 */
#define ZT_DNS_MAX 1472

struct zt_dns_answer {
	__u32 abi_version;
	__u32 len; /* of the message that follows */
	__u64 at_ns;
	struct zt_addr server;
};
_Static_assert(sizeof(struct zt_dns_answer) == 32, "zt_dns_answer: layout changed");

struct zt_event {
	__u32 abi_version;
	__u8 type; /* ZT_EV_* */
	__u8 old_action[2];
	__u8 pad;
	__u64 at_ns;
	struct zt_flow_key key;
	struct zt_flow flow;
};

/* --- counters: per-CPU array zt_counters ------------------------------------------ */

enum zt_counter {
	ZT_C_JUDGED,	 /* packets that went through judging */
	ZT_C_DENIED,	 /* packets dropped by policy */
	ZT_C_WOULD_DENY, /* packets the candidate denies and live does not */
	ZT_C_OBSERVED,	 /* packets denied by policy, passed: observe is on */
	ZT_C_NOT_IP,	 /* frames that are not IP: passed */
	ZT_C_NOT_OURS,	 /* unicast frames for another station: passed, the stack drops them */
	ZT_C_FRAGMENT,	 /* non-first fragments: passed */
	ZT_C_TRANSIT,	 /* leaving by a second device, judged at the first */
	ZT_C_FAILSAFE,	 /* packets that a failsafe saved */
	ZT_C_ICMP_ERROR, /* tied to a flow or socket: passed */
	ZT_C_EITHER,	 /* mid-flow, opener unknown */
	ZT_C_RESET_OUT,	 /* RSTs of ended connections let out */
	ZT_C_KEPT,	 /* flows kept by `existing: keep` */
	ZT_C_BAD_HEADER, /* posture denies from here */
	ZT_C_BAD_SOURCE,
	ZT_C_V4_MAPPED,
	ZT_C_SOURCE_ROUTE,
	ZT_C_EXT_HEADERS,
	ZT_C_SHORT_FRAGMENT,
	ZT_C_LOST_RING,	    /* losses from here: event ring full */
	ZT_C_LOST_INSERT,   /* flow table insert failed; packet judged anyway */
	ZT_C_LOST_OWNER,    /* owner table full: owner unknown */
	ZT_C_LOST_PULL,	    /* headers could not be made readable */
	ZT_C_FLOW_INSERTED, /* bookkeeping: entries put into zt_flows */
	ZT_C_FLOW_DELETED,  /* entries the datapath took out of zt_flows */
	ZT_C_OPENING_INSERTED,
	ZT_C_OPENING_DELETED,
	ZT_C_REFUSED,  /* connect or sendmsg refused with EPERM */
	ZT_C_NO_TABLE, /* a slot's map was missing: allowed, alarm */
	ZT_C_LOST_DNS, /* DNS answers not handed over: ring full, or too many at once */
	ZT_C_COUNT,
};

struct zt_count {
	__u64 packets;
	__u64 bytes;
};

/* --- test runs (probe.bpf.c) -------------------------------------------------------- */

/* Sent behind a 14-byte Ethernet header of zeros as the test run's data; answered in place. */
struct zt_probe {
	struct zt_addr near;
	struct zt_addr far;
	__u64 qmask;
	__u64 now_ns; /* judge as of then; 0 = now */
	__u32 slot;
	__u32 dir;	  /* ZT_DIR_* */
	__u32 port_index; /* ZT_PORT_* + port or type */
	/* answer */
	__u32 rule[2];
	__u8 action[2];
	__u8 rank[2];
	__u8 existing[2];
	__u8 failsafe; /* 1: a failsafe saved it */
	__u8 owner_dep;
	__u32 near_id;
	__u32 far_id;
	__u64 valid_until_ns;
	__u64 changed_ns;
	__u32 label_epoch;
	__u32 pad;
};
