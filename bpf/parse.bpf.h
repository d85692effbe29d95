/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * parse.bpf.h - bounded header parsing: bytes -> struct zt_packet.
 *
 * Reads only bytes that the IP header's own length covers, never Ethernet
 * padding. What cannot be read honestly is named by a built-in rule, not
 * guessed. Sources: RFC 791, 8200, 9293, 768, 792, 4443, 4302 (AH length in
 * 32-bit words minus 2), 5095 (routing type 0), 2675 (payload length 0).
 */
#pragma once
#include "addr.bpf.h"
#include "maps.bpf.h"
#include <bpf/bpf_endian.h>

#ifndef offsetof
#define offsetof(type, member) __builtin_offsetof(type, member)
#endif

#define ZT_ETH_HLEN	14
#define ZT_ETH_P_IP	0x0800
#define ZT_ETH_P_IPV6	0x86DD
#define ZT_ETH_P_8021Q	0x8100
#define ZT_ETH_P_8021AD 0x88A8
#define ZT_VLAN_DEPTH	3
#define ZT_EXT_DEPTH	8

#ifndef IPPROTO_ICMPV6 /* in uapi headers that cannot be included beside vmlinux.h */
#define IPPROTO_ICMPV6 58
#endif
#define ZT_PROTO_HOPOPTS  0
#define ZT_PROTO_ROUTING  43
#define ZT_PROTO_FRAGMENT 44
#define ZT_PROTO_DSTOPTS  60

#define ZT_TCP_FIN 0x01
#define ZT_TCP_SYN 0x02
#define ZT_TCP_RST 0x04
#define ZT_TCP_ACK 0x10

/* What the parser says of a frame. Anything but OK carries a rule and a counter. */
#define ZT_PARSE_OK   0
#define ZT_PARSE_PASS 1
#define ZT_PARSE_DENY 2

struct zt_packet {
	struct zt_addr src;
	struct zt_addr dst;
	__be16 sport; /* ICMP echo: id in both */
	__be16 dport;
	__u8 proto;
	__u8 tcp_flags;
	__u8 icmp_type;
	__u8 icmp_code;
	__u8 hop_limit;
	__u8 v6;
	__u8 fragment; /* a first fragment */
	__u8 rule;     /* ZT_RULE_*, when not ZT_PARSE_OK */
	__u16 counter; /* ZT_C_*, likewise */
	__u16 l4;      /* offset of the transport header from the frame's start */
	__u32 end;     /* offset just past the IP packet */
	__u16 payload; /* offset of the first byte behind all headers; 0 = not known */
	__u16 pad;
	__u32 seq; /* TCP, host order */
	__u32 ack;
};

struct zt_ipv4 {
	__u8 version_ihl, tos;
	__be16 tot_len, id, frag_off;
	__u8 ttl, proto;
	__be16 check;
	__be32 src, dst;
};

struct zt_ipv6 {
	__be32 flow;
	__be16 payload_len;
	__u8 next, hop_limit;
	__u8 src[16], dst[16];
};

struct zt_tcp {
	__be16 sport, dport;
	__be32 seq, ack;
	__u8 offset, flags;
	__be16 window, check, urgent;
};

static __always_inline int zt_say(struct zt_packet *p, int what, __u8 rule, __u16 counter)
{
	p->rule = rule;
	p->counter = counter;
	return what;
}

#define zt_bad_header(p) zt_say(p, ZT_PARSE_DENY, ZT_RULE_BAD_HEADER, ZT_C_BAD_HEADER)

/*
 * Headers are linear for nearly every packet, so a direct read comes first;
 * bpf_skb_load_bytes() reads the rest (paged receive buffers). @len is constant.
 */
static __always_inline int zt_read(struct __sk_buff *skb, __u32 off, void *to, const __u32 len)
{
	void *data = (void *)(long)skb->data;
	void *data_end = (void *)(long)skb->data_end;

	/* A variable offset: keep clang from folding the bound into a form that 6.1 cannot follow.
	 */
	if (!__builtin_constant_p(off))
		asm volatile("" : "+r"(off));
	if (off < 512 && data + off + len <= data_end) {
		/* Word by word, not byte by byte: x86 and arm64 read unaligned words. */
		__builtin_memcpy(to, __builtin_assume_aligned(data + off, 4), len);
		return 0;
	}
	return bpf_skb_load_bytes(skb, off, to, len);
}

static __always_inline bool zt_is_loopback(const struct zt_addr *a, bool v6)
{
	const __u32 *words = (const __u32 *)a->bytes;

	if (!v6)
		return a->bytes[12] == 127;
	return !words[0] && !words[1] && !words[2] && words[3] == bpf_htonl(1);
}

static __always_inline bool zt_is_group(const struct zt_addr *a, bool v6)
{
	const __u32 *words = (const __u32 *)a->bytes;

	if (!v6)
		return (a->bytes[12] & 0xf0) == 0xe0 || words[3] == 0xffffffff;
	return a->bytes[0] == 0xff;
}

/* Transport header: ports or type, flags, and where the payload begins. */
static __always_inline int zt_parse_tcp(struct __sk_buff *skb, struct zt_packet *p)
{
	__u32 room = p->end - p->l4;
	struct zt_tcp tcp;
	__u32 hlen;

	if (p->fragment && room < 14)
		return zt_say(p, ZT_PARSE_DENY, ZT_RULE_SHORT_FRAGMENT, ZT_C_SHORT_FRAGMENT);
	if (!p->fragment && room < sizeof(tcp))
		return zt_bad_header(p);
	if (room >= sizeof(tcp)) {
		if (zt_read(skb, p->l4, &tcp, sizeof(tcp)) < 0)
			return zt_bad_header(p);
	} else {
		__builtin_memset(&tcp, 0, sizeof(tcp));
		if (zt_read(skb, p->l4, &tcp, 14) < 0)
			return zt_bad_header(p);
	}
	hlen = (tcp.offset >> 4) * 4;
	if (hlen < sizeof(tcp) || (!p->fragment && hlen > room))
		return zt_bad_header(p);
	p->sport = tcp.sport;
	p->dport = tcp.dport;
	p->tcp_flags = tcp.flags;
	p->seq = bpf_ntohl(tcp.seq);
	p->ack = bpf_ntohl(tcp.ack);
	p->payload = p->l4 + hlen;
	return ZT_PARSE_OK;
}

static __always_inline int zt_parse_udp(struct __sk_buff *skb, struct zt_packet *p)
{
	__be16 udp[4]; /* sport, dport, length, checksum */
	__u32 room = p->end - p->l4;
	__u32 len;

	if (p->fragment && room < 4)
		return zt_say(p, ZT_PARSE_DENY, ZT_RULE_SHORT_FRAGMENT, ZT_C_SHORT_FRAGMENT);
	if (!p->fragment && room < sizeof(udp))
		return zt_bad_header(p);
	if (room < sizeof(udp)) {
		if (zt_read(skb, p->l4, udp, 4) < 0)
			return zt_bad_header(p);
	} else {
		if (zt_read(skb, p->l4, udp, sizeof(udp)) < 0)
			return zt_bad_header(p);
		len = bpf_ntohs(udp[2]);
		/* 0: a jumbogram or a super-packet of more than 64 kB. A GSO packet's
		 * length field is one segment's, or the whole's. */
		if (len && (len < sizeof(udp) || (!p->fragment && len > room)))
			return zt_bad_header(p);
		if (!len && !skb->gso_size)
			return zt_bad_header(p);
	}
	p->sport = udp[0];
	p->dport = udp[1];
	p->payload = p->l4 + sizeof(udp);
	return ZT_PARSE_OK;
}

static __always_inline bool zt_is_echo(const struct zt_packet *p)
{
	if (p->proto == IPPROTO_ICMP)
		return p->icmp_type == 8 || p->icmp_type == 0;
	return p->icmp_type == 128 || p->icmp_type == 129;
}

static __always_inline bool zt_is_echo_request(const struct zt_packet *p)
{
	return p->icmp_type == (p->v6 ? 128 : 8);
}

static __always_inline int zt_parse_icmp(struct __sk_buff *skb, struct zt_packet *p)
{
	__u32 room = p->end - p->l4;
	__u8 icmp[8];

	if (room < sizeof(icmp)) {
		/* IGMP-like short types do not exist in ICMP: 8 bytes is its least. */
		if (p->fragment)
			return zt_say(p, ZT_PARSE_DENY, ZT_RULE_SHORT_FRAGMENT,
				      ZT_C_SHORT_FRAGMENT);
		return zt_bad_header(p);
	}
	if (zt_read(skb, p->l4, icmp, sizeof(icmp)) < 0)
		return zt_bad_header(p);
	p->icmp_type = icmp[0];
	p->icmp_code = icmp[1];
	if (zt_is_echo(p))
		p->sport = p->dport = (__be16)(icmp[4] | icmp[5] << 8);
	p->payload = p->l4 + sizeof(icmp);
	return ZT_PARSE_OK;
}

static __always_inline int zt_parse_sctp(struct __sk_buff *skb, struct zt_packet *p)
{
	__u32 room = p->end - p->l4;
	__be16 ports[2];

	if (p->fragment && room < 4)
		return zt_say(p, ZT_PARSE_DENY, ZT_RULE_SHORT_FRAGMENT, ZT_C_SHORT_FRAGMENT);
	if (!p->fragment && room < 12)
		return zt_bad_header(p);
	if (zt_read(skb, p->l4, ports, sizeof(ports)) < 0)
		return zt_bad_header(p);
	p->sport = ports[0];
	p->dport = ports[1];
	p->payload = p->l4 + 12;
	return ZT_PARSE_OK;
}

static __always_inline int zt_parse_l4(struct __sk_buff *skb, struct zt_packet *p)
{
	switch (p->proto) {
	case IPPROTO_TCP:
		return zt_parse_tcp(skb, p);
	case IPPROTO_UDP:
		return zt_parse_udp(skb, p);
	case IPPROTO_ICMP:
		if (p->v6) /* ICMP for IPv4 over IPv6 is nothing anybody answers */
			return ZT_PARSE_OK;
		return zt_parse_icmp(skb, p);
	case IPPROTO_ICMPV6:
		if (!p->v6)
			return ZT_PARSE_OK;
		return zt_parse_icmp(skb, p);
	case IPPROTO_SCTP:
		return zt_parse_sctp(skb, p);
	default: /* judged by protocol number */
		return ZT_PARSE_OK;
	}
}

/*
 * The rare parts, in parse.bpf.c: verified once, called from every program.
 * Each returns like zt_parse(); zt_parse_vlans() returns EtherType << 16 | offset.
 */
int zt_parse_v4_options(struct __sk_buff *skb, struct zt_packet *p, __u32 off, __u32 len);
int zt_parse_exts(struct __sk_buff *skb, struct zt_packet *p);
__u32 zt_parse_vlans(struct __sk_buff *skb);

static __always_inline int zt_parse_auth(struct __sk_buff *skb, struct zt_packet *p)
{
	__u8 auth[2]; /* next header, length in words minus 2 */
	__u32 len;

	if (p->end - p->l4 < 12 || zt_read(skb, p->l4, auth, sizeof(auth)) < 0)
		return zt_bad_header(p);
	len = (auth[1] + 2) * 4;
	if (len < 12 || p->l4 + len > p->end)
		return zt_bad_header(p);
	p->proto = auth[0];
	p->l4 += len;
	return ZT_PARSE_OK;
}

static __always_inline int zt_parse_v4(struct __sk_buff *skb, __u32 l3, struct zt_packet *p)
{
	struct zt_ipv4 ip;
	__u32 hlen, total;
	__u16 frag;
	int r;

	if (zt_read(skb, l3, &ip, sizeof(ip)) < 0)
		return zt_bad_header(p);
	hlen = (ip.version_ihl & 0xf) * 4;
	total = bpf_ntohs(ip.tot_len);
	if (!total && skb->gso_size) /* BIG TCP */
		total = skb->len - l3;
	if ((ip.version_ihl >> 4) != 4 || hlen < sizeof(ip) || total < hlen ||
	    total > skb->len - l3)
		return zt_bad_header(p);
	zt_addr_v4(&p->src, ip.src);
	zt_addr_v4(&p->dst, ip.dst);
	p->proto = ip.proto;
	p->hop_limit = ip.ttl;
	p->l4 = l3 + hlen;
	p->end = l3 + total;

	if (hlen > sizeof(ip)) {
		r = zt_parse_v4_options(skb, p, l3 + sizeof(ip), hlen - sizeof(ip));
		if (r)
			return r;
	}
	frag = bpf_ntohs(ip.frag_off);
	if (frag & 0x1fff)
		return zt_say(p, ZT_PARSE_PASS, ZT_RULE_FRAGMENT, ZT_C_FRAGMENT);
	p->fragment = !!(frag & 0x2000);
	if (p->proto == IPPROTO_AH) {
		r = zt_parse_auth(skb, p);
		if (r)
			return r;
	}
	return zt_parse_l4(skb, p);
}

static __always_inline int zt_parse_v6(struct __sk_buff *skb, __u32 l3, struct zt_packet *p)
{
	struct zt_ipv6 ip;
	__u32 total;
	int r;

	if (zt_read(skb, l3, &ip, sizeof(ip)) < 0)
		return zt_bad_header(p);
	total = sizeof(ip) + bpf_ntohs(ip.payload_len);
	if (!ip.payload_len && skb->gso_size) /* BIG TCP */
		total = skb->len - l3;
	if ((*(__u8 *)&ip >> 4) != 6 || total > skb->len - l3)
		return zt_bad_header(p);
	__builtin_memcpy(p->src.bytes, ip.src, 16);
	__builtin_memcpy(p->dst.bytes, ip.dst, 16);
	p->v6 = 1;
	p->proto = ip.next;
	p->hop_limit = ip.hop_limit;
	p->l4 = l3 + sizeof(ip);
	p->end = l3 + total;
	if (zt_addr_is_v4(&p->src) || zt_addr_is_v4(&p->dst))
		return zt_say(p, ZT_PARSE_DENY, ZT_RULE_V4_MAPPED, ZT_C_V4_MAPPED);
	if (p->proto != IPPROTO_TCP && p->proto != IPPROTO_UDP && p->proto != IPPROTO_ICMPV6) {
		r = zt_parse_exts(skb, p);
		if (r)
			return r;
	}
	return zt_parse_l4(skb, p);
}

/**
 * zt_parse - everything about a frame that judging needs.
 * @skb: at tc, so that skb->data is the link-layer header (@l2) or the IP header.
 * @l2:  whether the device has an Ethernet header.
 * @in:  received: sources that no wire may carry are refused.
 * @p:   filled as far as could be read; src and dst only when l4 is not 0, seq and ack
 *	 only for TCP.
 *
 * Returns ZT_PARSE_OK, or PASS/DENY with p->rule and p->counter set.
 */
static __always_inline int zt_parse(struct __sk_buff *skb, const bool l2, const bool in,
				    struct zt_packet *p)
{
	__u32 type = bpf_ntohs(skb->protocol);
	__u32 l3 = l2 ? ZT_ETH_HLEN : 0;
	int r;

	__builtin_memset(&p->sport, 0,
			 offsetof(struct zt_packet, seq) - offsetof(struct zt_packet, sport));
	if (l2 && (type == ZT_ETH_P_8021Q || type == ZT_ETH_P_8021AD)) {
		type = zt_parse_vlans(skb);
		l3 = type & 0xff;
		type >>= 16;
		if (!type)
			return zt_bad_header(p);
		if (type == ZT_ETH_P_8021Q || type == ZT_ETH_P_8021AD)
			return zt_say(p, ZT_PARSE_DENY, ZT_RULE_EXT_HEADERS, ZT_C_EXT_HEADERS);
	}
	if (type == ZT_ETH_P_IP)
		r = zt_parse_v4(skb, l3, p);
	else if (type == ZT_ETH_P_IPV6)
		r = zt_parse_v6(skb, l3, p);
	else
		return zt_say(p, ZT_PARSE_PASS, ZT_RULE_ARP, ZT_C_NOT_IP);
	if (in && r != ZT_PARSE_DENY &&
	    (zt_is_loopback(&p->src, p->v6) || zt_is_group(&p->src, p->v6)))
		return zt_say(p, ZT_PARSE_DENY, ZT_RULE_BAD_SOURCE, ZT_C_BAD_SOURCE);
	return r;
}
