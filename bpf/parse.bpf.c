// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * parse.bpf.c - the rare parts of parsing: options, extension headers, inline tags.
 */
#include "parse.bpf.h"

struct zt_options {
	__u8 bytes[64]; /* 40 are used; a power of two bounds a read in any verifier's eyes */
	__u32 at;
	__u32 len;
	__u32 said; /* ZT_RULE_*, 0 = nothing to say */
};

/* One option a step; bpf_loop() has the verifier look at it once. */
static int zt_option_step(__u32 index, void *data)
{
	struct zt_options *o = data;
	__u32 at = o->at, size;
	__u8 kind;

	if (at >= o->len || at >= sizeof(o->bytes))
		return 1;
	kind = o->bytes[at];
	if (kind == 0) /* end of list */
		return 1;
	if (kind == 1) { /* no operation */
		o->at = at + 1;
		return 0;
	}
	if (at + 1 >= o->len || at + 1 >= sizeof(o->bytes)) {
		o->said = ZT_RULE_BAD_HEADER;
		return 1;
	}
	size = o->bytes[at + 1];
	if (size < 2 || at + size > o->len) {
		o->said = ZT_RULE_BAD_HEADER;
		return 1;
	}
	if (kind == 131 || kind == 137) { /* loose, strict source route */
		o->said = ZT_RULE_SOURCE_ROUTE;
		return 1;
	}
	o->at = at + size;
	return 0;
}

__noinline int zt_parse_v4_options(struct __sk_buff *skb, struct zt_packet *p, __u32 off, __u32 len)
{
	struct zt_options o = {};

	if (!p)
		return ZT_PARSE_DENY;
	if (len < 1 || len > 40)
		return zt_bad_header(p);
	/* clang folds the test into one that older verifiers draw no bounds from. */
	asm volatile("" : "+r"(len));
	if (bpf_skb_load_bytes(skb, off, o.bytes, ((len - 1) & 0x3f) + 1) < 0)
		return zt_bad_header(p);
	o.len = len;
	bpf_loop(40, zt_option_step, &o, 0);
	if (o.said == ZT_RULE_SOURCE_ROUTE)
		return zt_say(p, ZT_PARSE_DENY, ZT_RULE_SOURCE_ROUTE, ZT_C_SOURCE_ROUTE);
	if (o.said)
		return zt_bad_header(p);
	return ZT_PARSE_OK;
}

/* One extension header. Returns 1 when the transport header is reached, 0 to go on, < 0: said. */
static __always_inline int zt_parse_ext(struct __sk_buff *skb, struct zt_packet *p, int *said)
{
	__u8 head[4];
	__u32 len;

	switch (p->proto) {
	case ZT_PROTO_HOPOPTS:
	case ZT_PROTO_DSTOPTS:
	case ZT_PROTO_ROUTING:
	case ZT_PROTO_FRAGMENT:
	case IPPROTO_AH:
		break;
	default:
		return 1;
	}
	if (p->end - p->l4 < 8 || zt_read(skb, p->l4, head, sizeof(head)) < 0) {
		*said = zt_bad_header(p);
		return -1;
	}
	len = p->proto == IPPROTO_AH	      ? (head[1] + 2) * 4
	      : p->proto == ZT_PROTO_FRAGMENT ? 8
					      : (head[1] + 1) * 8;
	if (p->l4 + len > p->end) {
		*said = zt_bad_header(p);
		return -1;
	}
	if (p->proto == ZT_PROTO_ROUTING && (head[2] == 0 || head[3])) {
		*said = zt_say(p, ZT_PARSE_DENY, ZT_RULE_SOURCE_ROUTE, ZT_C_SOURCE_ROUTE);
		return -1;
	}
	if (p->proto == ZT_PROTO_FRAGMENT) {
		if (head[2] | (head[3] & 0xf8)) {
			*said = zt_say(p, ZT_PARSE_PASS, ZT_RULE_FRAGMENT, ZT_C_FRAGMENT);
			return -1;
		}
		p->fragment = head[3] & 1;
	}
	p->proto = head[0];
	p->l4 += len;
	return 0;
}

__noinline int zt_parse_exts(struct __sk_buff *skb, struct zt_packet *p)
{
	int said = 0, r;

	if (!p)
		return ZT_PARSE_DENY;
	for (int i = 0; i < ZT_EXT_DEPTH; i++) {
		r = zt_parse_ext(skb, p, &said);
		if (r > 0)
			return ZT_PARSE_OK;
		if (r < 0)
			return said;
	}
	/* The eighth may have been the last. */
	switch (p->proto) {
	case ZT_PROTO_HOPOPTS:
	case ZT_PROTO_DSTOPTS:
	case ZT_PROTO_ROUTING:
	case ZT_PROTO_FRAGMENT:
	case IPPROTO_AH:
		return zt_say(p, ZT_PARSE_DENY, ZT_RULE_EXT_HEADERS, ZT_C_EXT_HEADERS);
	}
	return ZT_PARSE_OK;
}

/* Inline VLAN tags: what is behind them, and where. 0 when cut short. */
__noinline __u32 zt_parse_vlans(struct __sk_buff *skb)
{
	__u32 off = ZT_ETH_HLEN;
	__be16 tag[2]; /* priority and id, EtherType behind */
	__u32 type = 0;

	for (int i = 0; i < ZT_VLAN_DEPTH; i++) {
		if (bpf_skb_load_bytes(skb, off, tag, sizeof(tag)) < 0)
			return 0;
		off += sizeof(tag);
		type = bpf_ntohs(tag[1]);
		if (type != ZT_ETH_P_8021Q && type != ZT_ETH_P_8021AD)
			break;
	}
	return type << 16 | off;
}
