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
#define R_BIN	  "@inbound"  /* the boundary of srv, inbound */
#define R_BOUT	  "@outbound" /* outbound */

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

extern const struct row_table row_tables[];
extern const size_t row_table_count;

extern const struct pkt_name row_names[];
extern const char row_policy[]; /* YAML, with %s where the mode is */

/* Tables; each in its own file. */
extern const struct row_table rows_transport, rows_icmp, rows_ipv4, rows_ipv6, rows_link;
