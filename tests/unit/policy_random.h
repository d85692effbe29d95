/* SPDX-License-Identifier: Apache-2.0 */
/*
 * policy_random.h - random policies, as text, over few addresses so that everything overlaps.
 */
#pragma once
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/cleanup.h"
#include "base/strbuf.h"

static uint64_t chance = 88172645463325252ULL;

static inline uint32_t pick(uint32_t n)
{
	chance ^= chance << 13;
	chance ^= chance >> 7;
	chance ^= chance << 17;
	return (uint32_t)((chance >> 32) % n);
}

#define PICK(list) ((list)[pick(ARRAY_SIZE(list))])

static const char *const addresses[] = {
	"10.0.0.1",    "10.0.0.2",	"10.0.0.3",   "10.0.1.1",    "10.0.1.2",
	"10.1.0.1",    "10.255.255.9",	"172.16.0.1", "192.168.7.7", "2001:db8::1",
	"2001:db8::2", "2001:db8:1::1", "fd00::1",    "fe80::1",     "::5",
};
static const char *const others[] = {
	"8.8.8.8",  "224.0.0.251", "239.1.1.1", "255.255.255.255", "10.0.0.255",
	"ff02::fb", "2620:fe::9",  "1.1.1.1",	"10.0.0.77",
};
static const char *const nets[] = {
	"10.0.0.0/24", "10.0.0.0/23",	"10.0.0.0/8",	 "0.0.0.0/0",	   "10.0.0.0/30",
	"10.0.0.1",    "10.0.0.2/31",	"172.16.0.0/12", "224.0.0.0/4",	   "239.0.0.0/8",
	"::/0",	       "2001:db8::/32", "2001:db8::/64", "2001:db8::1",	   "fe80::/10",
	"::/8",	       "ff00::/8",	"10.0.0.255",	 "192.168.0.0/16", "::/96",
};
static const char *const ports[] = {
	"any",	     "tcp/443",	  "tcp/80",	 "tcp/1-1023",	"tcp/400-500", "tcp",
	"udp/53",    "udp",	  "icmp",	 "icmp/8",	"icmpv6",      "icmpv6/128",
	"proto/132", "proto/131", "tcp/500-600", "udp/400-500",
};
static const char *const units[] = {"a.service", "b.service", "c.scope"};
static const char *const cgroups[] = {"/x", "/x/y", "/", "/xy"};
static const char *const users[] = {"0", "1000"};
static const char *const exes[] = {"/bin/p", "/bin/q"};

/* Labels of hosts; the values are known whatever hosts a policy has. */
static const char *const label_keys[] = {"a", "b", "p"};
static const char *const label_values[][3] = {
	{"0", "1", "2"}, {"0", "1", "0"}, {"ok", "bad", "ok"}};

#define RANDOM_WALL_S 1893456000LL /* 2030-01-01, a Tuesday */
static const char *const hours[] = {
	"Mon-Fri 08:00-20:00", "00:00-12:00", "Tue,Wed 06:30-06:31",
	"Sat-Mon 22:00-04:00", "12:00-24:00", "Fri 00:00-24:00",
};
static const char *const expiries[] = {
	"2030-01-01", "2030-01-03T12:00:00Z", "2030-01-11", "2030-01-17T05:59:59Z", "2030-06-30",
};

static inline void write_end(struct zt_strbuf *sb, uint32_t segments, bool qualifiers)
{
	static const char *const builtin[] = {"any", "this-host", "unknown", "multicast",
					      "broadcast"};
	char segment[16];

	if (pick(10) < 4 || !segments)
		snprintf(segment, sizeof(segment), "%s",
			 pick(3) ? builtin[pick(2)] : PICK(builtin));
	else
		snprintf(segment, sizeof(segment), "s%u", pick(segments));
	if (!qualifiers || pick(3)) {
		zt_strbuf_puts(sb, segment);
		return;
	}
	zt_strbuf_printf(sb, "{segment: %s", segment);
	if (pick(2))
		zt_strbuf_printf(sb, ", unit: %s", PICK(units));
	if (!pick(3))
		zt_strbuf_printf(sb, ", cgroup: %s", PICK(cgroups));
	if (!pick(3))
		zt_strbuf_printf(sb, ", user: %s", PICK(users));
	if (!pick(3))
		zt_strbuf_printf(sb, ", exe: %s", PICK(exes));
	zt_strbuf_puts(sb, "}");
}

static inline void write_list(struct zt_strbuf *sb, const char *const *list, size_t size,
			      uint32_t least)
{
	uint32_t n = least + pick(3);

	zt_strbuf_puts(sb, "[");
	for (uint32_t i = 0; i < n; i++)
		zt_strbuf_printf(sb, "%s\"%s\"", i ? ", " : "", list[pick((uint32_t)size)]);
	zt_strbuf_puts(sb, "]");
}

static inline void write_inventory(struct zt_strbuf *sb, uint32_t hosts, uint32_t segments)
{
	zt_strbuf_puts(sb, "version: 1\npolicy: p\nrevision: 1\nhosts:\n");
	for (uint32_t i = 0; i < hosts; i++) {
		zt_strbuf_printf(sb, "  h%u: {labels: {a: %u, b: %u%s}, addresses: ", i, pick(3),
				 pick(2),
				 pick(3)   ? ""
				 : pick(2) ? ", p: ok"
					   : ", p: bad");
		write_list(sb, addresses, ARRAY_SIZE(addresses), pick(4) ? 1 : 0);
		zt_strbuf_puts(sb, "}\n");
	}
	for (uint32_t i = 0; i < 6; i++)
		zt_strbuf_printf(sb, "  k%u: {labels: {a: %u, b: %u, p: %s}}\n", i, i % 3, i % 2,
				 i < 3 ? "ok" : "bad");
	if (segments)
		zt_strbuf_puts(sb, "segments:\n");
	for (uint32_t i = 0; i < segments; i++) {
		bool select = pick(2);

		zt_strbuf_printf(sb, "  s%u: {", i);
		if (select && pick(2))
			zt_strbuf_printf(sb, "select: {a: %u, b: %u}", pick(3), pick(2));
		else if (select)
			zt_strbuf_printf(sb, pick(3) ? "select: {a: %u}" : "select: {p: ok}",
					 pick(3));
		if (!select || pick(3) == 0) {
			zt_strbuf_printf(sb, "%saddresses: ", select ? ", " : "");
			write_list(sb, nets, ARRAY_SIZE(nets), 1);
		}
		if (pick(3) == 0) {
			zt_strbuf_puts(sb, ", except: ");
			write_list(sb, nets, ARRAY_SIZE(nets), 1);
		}
		zt_strbuf_puts(sb, "}\n");
	}
}

static inline void write_conditions(struct zt_strbuf *sb)
{
	bool by_hours = pick(3) == 0, by_labels = pick(3) == 0;

	if (by_hours || by_labels)
		zt_strbuf_puts(sb, ", when: {");
	if (by_hours)
		zt_strbuf_printf(sb, "hours: \"%s\"%s", PICK(hours), by_labels ? ", " : "");
	if (by_labels && pick(2))
		zt_strbuf_printf(sb, "labels: {p: %s}", pick(2) ? "ok" : "bad");
	else if (by_labels)
		zt_strbuf_printf(sb, "labels: {a: %u}", pick(3));
	if (by_hours || by_labels)
		zt_strbuf_puts(sb, "}");
	if (pick(4) == 0)
		zt_strbuf_printf(sb, ", expires: %s", PICK(expiries));
}

static inline void write_statements(struct zt_strbuf *sb, uint32_t segments, bool conditions)
{
	static const char *const modes[] = {"staged", "enforced"};
	static const char *const existing[] = {"keep", "recheck", "reset"};
	static const char *const directions[] = {"inbound: deny", "outbound: deny",
						 "inbound: deny, outbound: deny"};
	uint32_t n = pick(4);

	zt_strbuf_puts(sb, "boundaries:\n");
	for (uint32_t i = 0; i < n; i++) {
		zt_strbuf_puts(sb, "  - {segment: ");
		write_end(sb, segments, false);
		zt_strbuf_printf(sb, ", %s, id: b%u, mode: %s, existing: %s}\n", PICK(directions),
				 i, PICK(modes), PICK(existing));
	}
	zt_strbuf_puts(sb, "rules:\n");
	n = pick(20) || conditions ? pick(12) : 70 + pick(100); /* also more than a word of bits */
	for (uint32_t i = 0; i < n; i++) {
		zt_strbuf_printf(sb, "  - {id: r%u, action: %s, from: ", i,
				 pick(3) ? "allow" : "deny");
		write_end(sb, segments, pick(2));
		zt_strbuf_puts(sb, ", to: ");
		write_end(sb, segments, pick(4) == 0);
		zt_strbuf_puts(sb, ", ports: ");
		write_list(sb, ports, ARRAY_SIZE(ports), 1);
		if (conditions && pick(2))
			write_conditions(sb);
		zt_strbuf_printf(sb, ", mode: %s, existing: %s}\n", PICK(modes), PICK(existing));
	}
	zt_strbuf_puts(sb, "failsafe:\n");
	n = pick(3);
	for (uint32_t i = 0; i < n; i++) {
		zt_strbuf_printf(sb, "  - {id: f%u, from: ", i);
		write_list(sb, nets, ARRAY_SIZE(nets), 1);
		zt_strbuf_puts(sb, ", to: ");
		if (pick(3))
			write_end(sb, segments, false);
		else
			write_list(sb, nets, ARRAY_SIZE(nets), 1);
		zt_strbuf_puts(sb, ", ports: ");
		write_list(sb, ports, ARRAY_SIZE(ports), 1);
		zt_strbuf_puts(sb, "}\n");
	}
}
