/* SPDX-License-Identifier: Apache-2.0 */
/*
 * addr.h - addresses, prefixes and ports: text to the ABI's form and back.
 *
 * An address is 16 bytes, IPv4 stored v4-mapped. The mapped form is an
 * internal matter: text that spells ::ffff:a.b.c.d is refused, because the
 * datapath drops such packets.
 */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "bpf/abi.h"

#define ZT_ADDR_TEXT_LEN 46 /* any address, with the closing NUL */
#define ZT_NET_TEXT_LEN	 50 /* any prefix, with the closing NUL */
#define ZT_PORT_TEXT_LEN 32 /* any port index or range, with the closing NUL */

/**
 * zt_addr_parse - read an address.
 * @text: "10.1.2.3" or "2001:db8::1"; no prefix length, no zone.
 *
 * Returns 0, -EINVAL (not an address) or -EAFNOSUPPORT (a v4-mapped IPv6
 * address: write the IPv4 address instead).
 */
int zt_addr_parse(const char *text, struct zt_addr *ret);

/**
 * zt_net_parse - read a prefix; a bare address is a prefix of full length.
 * @text: "10.1.0.0/16", "2001:db8::/32" or an address.
 * @ret:  prefixlen of the 128-bit form (IPv4 /16 is 112). On -ERANGE it is set
 *        too, with the host bits cleared, for the remedy.
 *
 * Returns 0, -EINVAL (not a prefix), -EAFNOSUPPORT (v4-mapped) or -ERANGE
 * (bits are set to the right of the prefix).
 */
int zt_net_parse(const char *text, struct zt_net_key *ret);

/** zt_addr_text - write @addr to @buf; returns @buf. */
const char *zt_addr_text(const struct zt_addr *addr, char buf[ZT_ADDR_TEXT_LEN]);

/** zt_net_text - write @net to @buf, without "/32" or "/128"; returns @buf. */
const char *zt_net_text(const struct zt_net_key *net, char buf[ZT_NET_TEXT_LEN]);

/** zt_addr_from_v4 - from four bytes in network order. */
void zt_addr_from_v4(struct zt_addr *ret, const void *in_addr);

/** zt_addr_is_v4 - whether it is stored v4-mapped. */
bool zt_addr_is_v4(const struct zt_addr *addr);

/** zt_addr_is_multicast - 224.0.0.0/4 or ff00::/8. */
bool zt_addr_is_multicast(const struct zt_addr *addr);

/** zt_addr_is_loopback - 127.0.0.0/8 or ::1. */
bool zt_addr_is_loopback(const struct zt_addr *addr);
bool zt_addr_is_unspecified(const struct zt_addr *addr); /* :: or 0.0.0.0 */

/** zt_net_is_v4 - whether it is an IPv4 prefix (prefixlen at least 96, v4-mapped). */
bool zt_net_is_v4(const struct zt_net_key *net);

/** zt_net_contains - whether @net covers @addr; families never meet. */
bool zt_net_contains(const struct zt_net_key *net, const struct zt_addr *addr);

/** zt_net_covers - whether every address of @inner is in @outer. */
bool zt_net_covers(const struct zt_net_key *outer, const struct zt_net_key *inner);

/** zt_net_mask - clear the bits of @net to the right of its prefix. */
void zt_net_mask(struct zt_net_key *net);

/* A run of port indices (ZT_PORT_* of the ABI), both ends included. */
struct zt_port_range {
	uint32_t first;
	uint32_t last;
};

/**
 * zt_port_parse - read one port expression.
 * @text:    "tcp", "tcp/443", "tcp/8000-8100", "udp/53", "icmp", "icmp/8",
 *           "icmpv6", "icmpv6/128", "proto/132" or "any". proto/6, /17, /1 and
 *           /58 mean tcp, udp, icmp and icmpv6.
 * @ret:     the run it stands for.
 * @ret_why: on failure a sentence saying what is wrong and what to write;
 *           static text.
 *
 * Returns 0 or -EINVAL.
 */
int zt_port_parse(const char *text, struct zt_port_range *ret, const char **ret_why);

/** zt_port_text - write @range as zt_port_parse() reads it; returns @buf. */
const char *zt_port_text(const struct zt_port_range *range, char buf[ZT_PORT_TEXT_LEN]);

/**
 * zt_port_index - where a protocol and port lie in the port array.
 * @proto: IPPROTO_*.
 * @port:  host order; of ICMP and ICMPv6 the type; else ignored.
 */
uint32_t zt_port_index(uint8_t proto, uint16_t port);

/** zt_port_proto - the protocol number and port (or ICMP type) of a port index. */
void zt_port_proto(uint32_t index, uint8_t *ret_proto, uint16_t *ret_port);

/**
 * zt_proto_name - "tcp", "udp", "icmp", "icmpv6", "sctp", ...
 *
 * Returns NULL for a protocol without a well-known name.
 */
const char *zt_proto_name(uint8_t proto);
