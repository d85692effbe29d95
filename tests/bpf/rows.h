/* SPDX-License-Identifier: Apache-2.0 */
/*
 * rows.h - the packet table: one line is one packet and what the design says of it.
 *
 * Every row meets an empty flow table and a host without sockets. It is run three times:
 * with the policy of rows.c enforced (@verdict, @live, @candidate and @counter hold), with the
 * same policy staged (it passes, and the candidate is the same), and with no policy at all
 * (it passes).
 *
 * Expectations are taken from docs/design.md, section 4: the posture table, built-ins and
 * the order of judgement. They are not to be bent to what the programs do.
 */
#pragma once
#include <stddef.h>

#include "bpf/abi.h"
#include "pkt.h"

#define PASS (-1) /* TCX_NEXT: never 0, which would end the chain */
#define DROP 2	  /* TC_ACT_SHOT */

#define NO_COUNTER (-1)

/* Rule ids; of built-ins the name stands for the number, see rule_number(). */
#define R_DEFAULT "default-allow"
#define R_BIN	  "srv-in"  /* the boundary of srv, inbound */
#define R_BOUT	  "srv-out" /* outbound */

struct row {
	const char *name;
	const char *families;  /* "46", "4" or "6" */
	char dir;	       /* 'i' ingress, 'o' egress; 'I', 'O': header-less device */
	const char *packet;    /* see pkt.h */
	int verdict;	       /* PASS or DROP, with the policy enforced */
	const char *live;      /* rule id, NULL = no flow entry and no event expected */
	const char *candidate; /* NULL = as live */
	int counter;	       /* enum zt_counter that must move, or NO_COUNTER */
	unsigned int gso_size; /* of the test run's context */
};

struct row_table {
	const char *name;
	const struct row *row;
	size_t count;
};

extern const struct row_table *const row_tables[];
extern const size_t row_table_count;

extern const struct pkt_name row_names[];
/*
 * The policy of the table, all of it staged or enforced. srv is this host; its boundary denies
 * both ways what no rule allows.
 */
#define ROW_POLICY(mode)                                                                              \
	"version: 1\n"                                                                                \
	"policy: packet-table\n"                                                                      \
	"revision: 1\n"                                                                               \
	"mode: " mode "\n"                                                                            \
	"hosts:\n"                                                                                    \
	"  me: {addresses: [10.20.0.1, \"2001:db8:20::1\"], labels: {role: srv}}\n"                   \
	"  peer: {addresses: [10.20.0.2, \"2001:db8:20::2\"], labels: {role: peer}}\n"                \
	"  l3peer: {addresses: [8.0.20.2, \"2001:db8:86dd::2\"], labels: {role: peer}}\n"             \
	"segments:\n"                                                                                 \
	"  srv: {select: {role: srv}}\n"                                                              \
	"  peers: {select: {role: peer}}\n"                                                           \
	"boundaries:\n"                                                                               \
	"  - {id: srv-in, segment: srv, inbound: deny}\n"                                             \
	"  - {id: srv-out, segment: srv, outbound: deny}\n"                                           \
	"rules:\n"                                                                                    \
	"  - {id: web-in, from: peers, to: srv, ports: [tcp/443-445]}\n"                              \
	"  - {id: range-in, from: peers, to: srv, ports: [tcp/7000-7099]}\n"                          \
	"  - {id: dns-in, from: peers, to: srv, ports: [udp/53]}\n"                                   \
	"  - {id: ping-in, from: peers, to: srv, ports: [icmp/8, icmpv6/128]}\n"                      \
	"  - {id: protos-in, from: peers, to: srv, ports: [proto/47, proto/132]}\n"                   \
	"  - {id: db-out, from: srv, to: peers, ports: [tcp/5432]}\n"                                 \
	"  - {id: dns-out, from: srv, to: peers, ports: [udp/53]}\n"                                  \
	"  - {id: mdns-out, from: srv, to: multicast, ports: [udp/5353]}\n"                           \
	"  - {id: wol-out, from: srv, to: broadcast, ports: [udp/9]}\n"                               \
	"  - {id: staged-in, from: peers, to: srv, ports: [tcp/8080], mode: staged}\n"                \
	"  - {id: staged-deny, action: deny, from: peers, to: srv, ports: [tcp/444], mode: staged}\n" \
	"  - {id: no-smb, action: deny, from: any, to: any, ports: [tcp/445]}\n"                      \
	"  - {id: no-telnet, action: deny, from: any, to: any, ports: [tcp/23]}\n"                    \
	"failsafe:\n"                                                                                 \
	"  - {id: rescue, from: [10.9.0.0/28, \"2001:db8:9::/64\"], to: this-host, ports: [tcp/22]}\n"

/* Tables; each in its own file. */
extern const struct row_table rows_transport, rows_icmp, rows_ipv4, rows_ipv6, rows_link;
