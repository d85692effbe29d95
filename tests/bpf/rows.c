// SPDX-License-Identifier: Apache-2.0
/*
 * rows.c - the packet table's hosts and policy, and the list of its parts.
 */
#include "base/cleanup.h"
#include "rows.h"

const struct pkt_name row_names[] = {
	{"me", "10.20.0.1", "2001:db8:20::1"},
	{"me2", "10.20.0.77", "2001:db8:20::77"},   /* ours too, not in the inventory */
	{"vip", "10.20.0.200", "2001:db8:20::200"}, /* nobody's in particular */
	{"peer", "10.20.0.2", "2001:db8:20::2"},
	{"l3peer", "8.0.20.2", "2001:db8:86dd::2"}, /* see rows_link.c */
	{"l3me", "8.0.20.1", "2001:db8:86dd::1"},
	{"stranger", "10.99.0.9", "2001:db8:99::9"},
	{"bastion", "10.9.0.5", "2001:db8:9::5"},
	{"lo", "127.0.0.1", "::1"},
	{"none", "0.0.0.0", "::"},
	{"group", "224.0.0.251", "ff02::fb"},
	{"group2", "239.1.2.3", "ff05::123"},
	{"all-hosts", "224.0.0.1", "ff02::1"},
	{"bcast", "255.255.255.255", "ff02::1"},
	{"net-bcast", "10.20.0.255", "ff02::1"},
	{"dhcp-group", "255.255.255.255", "ff02::1:2"},
	{"ll", "169.254.1.1", "fe80::1"},
	{"ll-peer", "169.254.1.2", "fe80::2"},
	{NULL, NULL, NULL},
};

const struct row_table *const row_tables[] = {
	&rows_transport, &rows_icmp, &rows_ipv4, &rows_ipv6, &rows_link,
};
const size_t row_table_count = ARRAY_SIZE(row_tables);
