/* SPDX-License-Identifier: Apache-2.0 */
/* builtin.c - the rules that are in no policy file: their ids and what they stand for. */
#include "base/cleanup.h"
#include "policy/rules.h"

static const struct zt_builtin_rule rules[] = {
	[ZT_RULE_NONE] = {"not-judged", "the flow has not been judged yet", ZT_ALLOW},
	[ZT_RULE_DEFAULT] = {"default-allow", "no statement of the policy denies it", ZT_ALLOW},
	[ZT_RULE_LOOPBACK] = {"loopback", "both ends are on this host", ZT_ALLOW},
	[ZT_RULE_ND] = {"nd",
			"IPv6 neighbour and router discovery (NS, NA, RS, RA) with hop limit 255",
			ZT_ALLOW},
	[ZT_RULE_MLD] = {"mld", "IPv6 multicast listener discovery", ZT_ALLOW},
	[ZT_RULE_IGMP] = {"igmp", "IPv4 group membership", ZT_ALLOW},
	[ZT_RULE_DHCP] = {"dhcp",
			  "DHCP client 68 to 67 and 546 to 547, renewal by unicast included",
			  ZT_ALLOW},
	[ZT_RULE_ICMP_ERROR] = {"icmp-error", "ICMP error about a known flow or socket", ZT_ALLOW},
	[ZT_RULE_ARP] = {"arp", "frame that is not IP: ARP, LLDP and others", ZT_ALLOW},
	[ZT_RULE_FRAGMENT] = {"fragment",
			      "later fragment; useless without a first one that was allowed",
			      ZT_ALLOW},
	[ZT_RULE_RESET_OUT] = {"reset-out", "RST of a connection that `existing: reset` ended",
			       ZT_ALLOW},
	[ZT_RULE_BAD_HEADER] = {"bad-header", "header cut short, or a length that cannot be",
				ZT_DENY},
	[ZT_RULE_BAD_SOURCE] = {"bad-source",
				"source address that is this host's own, loopback or multicast",
				ZT_DENY},
	[ZT_RULE_V4_MAPPED] = {"v4-mapped", "IPv4-mapped address in an IPv6 packet", ZT_DENY},
	[ZT_RULE_SOURCE_ROUTE] = {"source-route", "source routing asked for by the sender",
				  ZT_DENY},
	[ZT_RULE_EXT_HEADERS] = {"ext-headers",
				 "more IPv6 extension headers than are read, or an unknown one",
				 ZT_DENY},
	[ZT_RULE_SHORT_FRAGMENT] = {"short-fragment",
				    "first fragment without its ports or TCP flags", ZT_DENY},
};
_Static_assert(ARRAY_SIZE(rules) == ZT_RULE_BUILTIN_COUNT, "a built-in rule without a text");

const struct zt_builtin_rule *zt_rule_builtin(uint32_t number)
{
	return number < ARRAY_SIZE(rules) && rules[number].id ? &rules[number] : NULL;
}
