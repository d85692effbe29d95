/* SPDX-License-Identifier: Apache-2.0 */
/*
 * pkt.h - packets from one line of text, well formed or broken on purpose.
 *
 * Layers are divided by " / ", outermost first; a missing "eth" is put in front.
 *
 *   eth [other|mcast|bcast] [type=HEX]    destination: the device itself unless said
 *   llc                                   802.3: a length where the type would be
 *   l3                                    no link-layer header
 *   type HEX                              EtherType and nothing behind it
 *   vlan ID [HEX]                         tag, TPID 8100 unless given
 *   ip SRC>DST [ttl=N] [len=N|len=+N] [proto=N] [frag=OFF[+]] [opt=HEX] [ihl=N] [ver=N]
 *                                         of the family asked for; ip4, ip6 force one;
 *                                         SRC and DST are names (see pkt_names) or literal
 *   hbh|dst [words=N] [next=N]            IPv6 options header, (1 + N) * 8 bytes of padding
 *   rt TYPE LEFT [next=N]                 IPv6 routing header with one address
 *   frag OFF[+] [next=N]                  IPv6 fragment header
 *   ah [words=N] [next=N]                 12 bytes and padding
 *   tcp S>D FLAGS [doff=N] [opt=HEX] [seq=N] [ack=N]
 *                                         FLAGS of SAFRPU, or 0 for none
 *   udp S>D [len=N]
 *   icmp TYPE[:CODE] [id=N]               8 bytes; the family's own protocol
 *   sctp S>D | gre | esp | proto N        proto N: no header, N in the one before
 *   data N[:HEX]                          N bytes, of value HEX (default 61)
 *   pad N[:HEX]                           the same, outside what IP and UDP count
 *   cut N                                 only the first N bytes of the frame remain
 *
 * Layers after icmp are what an ICMP error quotes.
 */
#pragma once
#include <linux/types.h>
#include <stdbool.h>
#include <stddef.h>

#include "bpf/abi.h"

#define PKT_MAX 2048

struct pkt {
	__u8 data[PKT_MAX];
	unsigned int len;
	unsigned int headers; /* bytes up to the end of the innermost header */
	int family;	      /* AF_INET, AF_INET6 */
};

/* A name that a packet line may use for an address; rows end with name == NULL. */
struct pkt_name {
	const char *name;
	const char *v4;
	const char *v6;
};

/**
 * pkt_build - one line of text to bytes.
 * @family: AF_INET or AF_INET6: what "ip" and the names stand for.
 * @names:  symbolic addresses.
 *
 * Ends the program with a message on a line it cannot read: that is a mistake in the test.
 */
void pkt_build(struct pkt *ret, int family, const struct pkt_name *names, const char *text);

/* pkt_addr - a name or literal to an address in abi.h's form; ends the program when unknown. */
void pkt_addr(struct zt_addr *ret, int family, const struct pkt_name *names, const char *text);
