/* SPDX-License-Identifier: Apache-2.0 */
/* port.c - protocols and ports: text to port indices and back. */
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/addr.h"
#include "base/cleanup.h"

/* Protocols whose port (or type) has a run of its own in the port array. */
static const struct {
	const char *name;
	uint8_t proto;
	uint32_t base;
	uint32_t max; /* highest port or type */
} families[] = {
	{"tcp", IPPROTO_TCP, ZT_PORT_TCP, 65535},
	{"udp", IPPROTO_UDP, ZT_PORT_UDP, 65535},
	{"icmp", IPPROTO_ICMP, ZT_PORT_ICMP, 255},
	{"icmpv6", IPPROTO_ICMPV6, ZT_PORT_ICMPV6, 255},
};

static const struct {
	const char *name;
	uint8_t proto;
} known[] = {
	{"icmp", IPPROTO_ICMP}, {"igmp", IPPROTO_IGMP}, {"ipip", IPPROTO_IPIP},
	{"tcp", IPPROTO_TCP},	{"udp", IPPROTO_UDP},	{"dccp", IPPROTO_DCCP},
	{"ipv6", IPPROTO_IPV6}, {"gre", IPPROTO_GRE},	{"esp", IPPROTO_ESP},
	{"ah", IPPROTO_AH},	{"ospf", 89},		{"icmpv6", IPPROTO_ICMPV6},
	{"vrrp", 112},		{"sctp", IPPROTO_SCTP}, {"udplite", IPPROTO_UDPLITE},
};

/* A decimal number without sign, spaces or leading zeros; stops at the first other byte. */
static const char *parse_number(const char *s, uint32_t *ret)
{
	uint32_t n = 0;
	int digits = 0;

	if (s[0] == '0' && s[1] >= '0' && s[1] <= '9')
		return NULL;
	for (; *s >= '0' && *s <= '9'; s++) {
		if (++digits > 6)
			return NULL;
		n = n * 10 + (uint32_t)(*s - '0');
	}
	if (!digits)
		return NULL;
	*ret = n;
	return s;
}

static int parse_family(size_t family, const char *s, struct zt_port_range *ret,
			const char **ret_why)
{
	uint32_t first = 0, last = families[family].max;
	bool ports = families[family].max > 255;

	if (s) {
		s = parse_number(s, &first);
		last = first;
		if (s && *s == '-')
			s = parse_number(s + 1, &last);
		if (!s || *s || last > families[family].max || first > families[family].max ||
		    (ports && first == 0)) {
			*ret_why = ports ? "a port is a number from 1 to 65535, or a range such "
					   "as tcp/8000-8100"
					 : "a type is a number from 0 to 255, as in icmp/8";
			return -EINVAL;
		}
		if (first > last) {
			*ret_why = "the range is upside down: write the lower number first";
			return -EINVAL;
		}
	}
	ret->first = families[family].base + first;
	ret->last = families[family].base + last;
	return 0;
}

static int parse_proto(const char *s, struct zt_port_range *ret, const char **ret_why)
{
	uint32_t proto;

	s = parse_number(s, &proto);
	if (!s || *s || proto > 255) {
		*ret_why = "an IP protocol is a number from 0 to 255, as in proto/132";
		return -EINVAL;
	}
	for (size_t i = 0; i < ARRAY_SIZE(families); i++)
		if (families[i].proto == proto)
			return parse_family(i, NULL, ret, ret_why);
	ret->first = ret->last = ZT_PORT_PROTO + proto;
	return 0;
}

int zt_port_parse(const char *text, struct zt_port_range *ret, const char **ret_why)
{
	const char *slash = strchr(text, '/');
	size_t n = slash ? (size_t)(slash - text) : strlen(text);

	if (strcmp(text, "any") == 0) {
		*ret = (struct zt_port_range){0, ZT_PORT_COUNT - 1};
		return 0;
	}
	for (size_t i = 0; i < ARRAY_SIZE(families); i++)
		if (strlen(families[i].name) == n && memcmp(families[i].name, text, n) == 0)
			return parse_family(i, slash ? slash + 1 : NULL, ret, ret_why);
	if (n == 5 && memcmp(text, "proto", 5) == 0 && slash)
		return parse_proto(slash + 1, ret, ret_why);
	if (n == 4 && memcmp(text, "sctp", 4) == 0)
		*ret_why = "SCTP is judged as a whole: write proto/132";
	else if (parse_number(text, &(uint32_t){0}))
		*ret_why = "say the protocol too, as in tcp/443 or udp/53";
	else
		*ret_why = "write tcp/443, tcp/8000-8100, udp/53, icmp, icmp/8, icmpv6, proto/132 "
			   "or any";
	return -EINVAL;
}

const char *zt_port_text(const struct zt_port_range *range, char buf[ZT_PORT_TEXT_LEN])
{
	uint32_t first, last;

	if (range->first == 0 && range->last == ZT_PORT_COUNT - 1) {
		snprintf(buf, ZT_PORT_TEXT_LEN, "any");
		return buf;
	}
	for (size_t i = 0; i < ARRAY_SIZE(families); i++) {
		if (range->first < families[i].base ||
		    range->first > families[i].base + families[i].max)
			continue;
		first = range->first - families[i].base;
		last = range->last - families[i].base;
		if (first == 0 && last == families[i].max)
			snprintf(buf, ZT_PORT_TEXT_LEN, "%s", families[i].name);
		else if (first == last)
			snprintf(buf, ZT_PORT_TEXT_LEN, "%s/%u", families[i].name, first);
		else
			snprintf(buf, ZT_PORT_TEXT_LEN, "%s/%u-%u", families[i].name, first, last);
		return buf;
	}
	snprintf(buf, ZT_PORT_TEXT_LEN, "proto/%u", range->first - ZT_PORT_PROTO);
	return buf;
}

uint32_t zt_port_index(uint8_t proto, uint16_t port)
{
	for (size_t i = 0; i < ARRAY_SIZE(families); i++)
		if (families[i].proto == proto)
			return families[i].base + (port & families[i].max);
	return ZT_PORT_PROTO + proto;
}

void zt_port_proto(uint32_t index, uint8_t *ret_proto, uint16_t *ret_port)
{
	*ret_port = 0;
	if (index >= ZT_PORT_PROTO) {
		*ret_proto = (uint8_t)(index - ZT_PORT_PROTO);
		return;
	}
	for (size_t i = 0; i < ARRAY_SIZE(families); i++)
		if (index >= families[i].base && index <= families[i].base + families[i].max) {
			*ret_proto = families[i].proto;
			*ret_port = (uint16_t)(index - families[i].base);
		}
}

const char *zt_proto_name(uint8_t proto)
{
	for (size_t i = 0; i < ARRAY_SIZE(known); i++)
		if (known[i].proto == proto)
			return known[i].name;
	return NULL;
}
