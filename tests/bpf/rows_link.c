// SPDX-License-Identifier: Apache-2.0
/*
 * rows_link.c - packet table: frames that are not IP, VLAN tags, header-less devices.
 *
 * A test run always takes the first 14 bytes for an Ethernet header. For header-less devices
 * the packet therefore has a source in which bytes 12 and 13 of it are its own EtherType: the
 * address "l3peer". Offloaded tags cannot be made in a test run; tests/netns has them.
 */
#include "base/cleanup.h"
#include "rows.h"

#define WEB  "tcp 40000>443 S"
#define SHUT "tcp 40000>81 S"

static const struct row rows[] = {
	/* Not IP: passed and counted. */
	{"arp request", "4", 'i', "eth bcast type=0806 / data 28:00", PASS, NULL, NULL, ZT_C_NOT_IP,
	 0},
	{"arp reply", "4", 'i', "eth type=0806 / data 28:00", PASS, NULL, NULL, ZT_C_NOT_IP, 0},
	{"arp out", "4", 'o', "eth bcast type=0806 / data 28:00", PASS, NULL, NULL, ZT_C_NOT_IP, 0},
	{"arp of one byte", "4", 'i', "eth type=0806 / data 1", PASS, NULL, NULL, ZT_C_NOT_IP, 0},
	{"lldp", "4", 'i', "eth mcast type=88cc / data 46", PASS, NULL, NULL, ZT_C_NOT_IP, 0},
	{"spanning tree, 802.3 length", "4", 'i', "eth mcast / llc / data 35", PASS, NULL, NULL,
	 ZT_C_NOT_IP, 0},
	{"802.3 length, out", "4", 'o', "eth mcast / llc / data 35", PASS, NULL, NULL, ZT_C_NOT_IP,
	 0},
	{"macsec", "4", 'i', "eth type=88e5 / data 60", PASS, NULL, NULL, ZT_C_NOT_IP, 0},
	{"an unknown type", "4", 'i', "eth type=9999 / data 60", PASS, NULL, NULL, ZT_C_NOT_IP, 0},
	{"arp in a vlan", "4", 'i', "eth bcast / vlan 100 / type 0806 / data 28:00", PASS, NULL,
	 NULL, ZT_C_NOT_IP, 0},
	/* Behind a tag: a test run refuses untagged frames shorter than an IP header. */
	{"ip type, one byte", "4", 'i', "eth / vlan 5 / type 0800 / data 1:45", DROP, "bad-header",
	 NULL, ZT_C_BAD_HEADER, 0},
	{"ip header of 19 bytes", "4", 'i', "eth / vlan 5 / ip peer>me / cut 37", DROP,
	 "bad-header", NULL, ZT_C_BAD_HEADER, 0},
	{"ip header of 39 bytes", "6", 'i', "eth / vlan 5 / ip peer>me / cut 57", DROP,
	 "bad-header", NULL, ZT_C_BAD_HEADER, 0},
	{"ipv6 type, one byte", "6", 'i', "eth / vlan 5 / type 86dd / data 1:60", DROP,
	 "bad-header", NULL, ZT_C_BAD_HEADER, 0},
	{"ipv4 in a frame of type ipv6", "4", 'i', "eth type=86dd / ip4 peer>me / " WEB, DROP,
	 "bad-header", NULL, ZT_C_BAD_HEADER, 0},
	{"ipv6 in a frame of type ipv4", "6", 'i', "eth type=0800 / ip6 peer>me / " WEB, DROP,
	 "bad-header", NULL, ZT_C_BAD_HEADER, 0},

	/* Whose frame it is. */
	{"for another station", "46", 'i', "eth other / ip peer>vip / " SHUT, PASS, NULL, NULL,
	 ZT_C_NOT_OURS, 0},
	{"group frame, unicast address", "46", 'i', "eth mcast / ip peer>me / " SHUT, DROP, R_BIN,
	 NULL, ZT_C_DENIED, 0},
	{"broadcast frame, unicast address", "46", 'i', "eth bcast / ip peer>me / " SHUT, DROP,
	 R_BIN, NULL, ZT_C_DENIED, 0},
	{"broadcast frame, unicast address, allowed", "46", 'i', "eth bcast / ip peer>me / " WEB,
	 PASS, "web-in", NULL, ZT_C_JUDGED, 0},

	/* Tags. */
	{"vlan 100, allowed", "46", 'i', "eth / vlan 100 / ip peer>me / " WEB, PASS, "web-in", NULL,
	 ZT_C_JUDGED, 0},
	{"vlan 100, boundary", "46", 'i', "eth / vlan 100 / ip peer>me / " SHUT, DROP, R_BIN, NULL,
	 ZT_C_DENIED, 0},
	{"vlan 0, allowed", "46", 'i', "eth / vlan 0 / ip peer>me / " WEB, PASS, "web-in", NULL,
	 ZT_C_JUDGED, 0},
	{"vlan 0, boundary", "46", 'i', "eth / vlan 0 / ip peer>me / " SHUT, DROP, R_BIN, NULL,
	 ZT_C_DENIED, 0},
	{"vlan 100, priority 7", "46", 'i', "eth / vlan 57444 / ip peer>me / " SHUT, DROP, R_BIN,
	 NULL, ZT_C_DENIED, 0},
	{"vlan 100, egress", "46", 'o', "eth / vlan 100 / ip me>peer / tcp 40000>5432 S", PASS,
	 "db-out", NULL, ZT_C_JUDGED, 0},
	{"vlan 100, egress, boundary", "46", 'o', "eth / vlan 100 / ip me>peer / tcp 40000>1 S",
	 DROP, R_BOUT, NULL, ZT_C_DENIED, 0},
	{"two tags, allowed", "46", 'i', "eth / vlan 100 88a8 / vlan 200 / ip peer>me / " WEB, PASS,
	 "web-in", NULL, ZT_C_JUDGED, 0},
	{"two tags, boundary", "46", 'i', "eth / vlan 100 88a8 / vlan 200 / ip peer>me / " SHUT,
	 DROP, R_BIN, NULL, ZT_C_DENIED, 0},
	{"two tags of one kind, boundary", "46", 'i',
	 "eth / vlan 100 / vlan 200 / ip peer>me / " SHUT, DROP, R_BIN, NULL, ZT_C_DENIED, 0},
	{"service tag alone, boundary", "46", 'i', "eth / vlan 100 88a8 / ip peer>me / " SHUT, DROP,
	 R_BIN, NULL, ZT_C_DENIED, 0},
	{"five tags are no way around", "46", 'i',
	 "eth / vlan 1 / vlan 2 / vlan 3 / vlan 4 / vlan 5 / ip peer>me / " SHUT, DROP, "*", NULL,
	 NO_COUNTER, 0},
	{"a tag cut short", "4", 'i', "eth / vlan 100 / ip peer>me / " WEB " / cut 17", DROP,
	 "bad-header", NULL, ZT_C_BAD_HEADER, 0},
	{"a second tag cut short", "4", 'i',
	 "eth / vlan 100 / vlan 200 / ip peer>me / " WEB " / cut 20", DROP, "bad-header", NULL,
	 ZT_C_BAD_HEADER, 0},
	{"bad length behind a tag", "46", 'i', "eth / vlan 100 / ip peer>me len=+1 / " WEB, DROP,
	 "bad-header", NULL, ZT_C_BAD_HEADER, 0},
	{"tagged frame for another station", "46", 'i',
	 "eth other / vlan 100 / ip peer>vip / " SHUT, PASS, NULL, NULL, ZT_C_NOT_OURS, 0},

	/* Devices without a link-layer header. */
	{"header-less, allowed", "46", 'I', "l3 / ip l3peer>me / " WEB, PASS, "web-in", NULL,
	 ZT_C_JUDGED, 0},
	{"header-less, boundary", "46", 'I', "l3 / ip l3peer>me / " SHUT, DROP, R_BIN, NULL,
	 ZT_C_DENIED, 0},
	{"header-less, bad length", "46", 'I', "l3 / ip l3peer>me len=+1 / " WEB, DROP,
	 "bad-header", NULL, ZT_C_BAD_HEADER, 0},
	{"header-less, udp", "46", 'I', "l3 / ip l3peer>me / udp 40000>53 / data 12", PASS,
	 "dns-in", NULL, ZT_C_JUDGED, 0},
	{"header-less, first fragment cut", "4", 'I',
	 "l3 / ip l3peer>me frag=0+ opt=0101010101010101 / proto 6 / data 8", DROP,
	 "short-fragment", NULL, ZT_C_SHORT_FRAGMENT, 0},
	{"header-less out, allowed", "46", 'O', "l3 / ip l3me>peer / tcp 40000>5432 S", PASS,
	 "db-out", NULL, ZT_C_JUDGED, 0},
	{"header-less out, boundary", "46", 'O', "l3 / ip l3me>peer / tcp 40000>443 S", DROP,
	 R_BOUT, NULL, ZT_C_DENIED, 0},
};

const struct row_table rows_link = {"link", rows, ARRAY_SIZE(rows)};
