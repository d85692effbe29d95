/* SPDX-License-Identifier: Apache-2.0 */
/* addr.c - addresses and prefixes: text to the ABI's form and back. */
#include "base/addr.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

static const uint8_t v4_prefix[12] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};

#define V4_BITS 96 /* bits before the IPv4 address in the mapped form */

void zt_addr_from_v4(struct zt_addr *ret, const void *in_addr)
{
	memcpy(ret->bytes, v4_prefix, sizeof(v4_prefix));
	memcpy(ret->bytes + sizeof(v4_prefix), in_addr, 4);
}

bool zt_addr_is_v4(const struct zt_addr *addr)
{
	return memcmp(addr->bytes, v4_prefix, sizeof(v4_prefix)) == 0;
}

bool zt_addr_is_multicast(const struct zt_addr *addr)
{
	if (zt_addr_is_v4(addr))
		return (addr->bytes[12] & 0xf0) == 0xe0;
	return addr->bytes[0] == 0xff;
}

bool zt_addr_is_unspecified(const struct zt_addr *addr)
{
	static const struct zt_addr none6, none4 = {.bytes = {[10] = 0xff, 0xff}};

	return !memcmp(addr, &none6, sizeof(*addr)) || !memcmp(addr, &none4, sizeof(*addr));
}

bool zt_addr_is_loopback(const struct zt_addr *addr)
{
	static const struct zt_addr loopback6 = {.bytes = {[15] = 1}};

	if (zt_addr_is_v4(addr))
		return addr->bytes[12] == 127;
	return memcmp(addr, &loopback6, sizeof(loopback6)) == 0;
}

int zt_addr_parse(const char *text, struct zt_addr *ret)
{
	struct zt_addr addr;
	struct in_addr v4;

	if (inet_pton(AF_INET, text, &v4) == 1) {
		zt_addr_from_v4(ret, &v4);
		return 0;
	}
	if (inet_pton(AF_INET6, text, addr.bytes) != 1)
		return -EINVAL;
	if (zt_addr_is_v4(&addr))
		return -EAFNOSUPPORT;
	*ret = addr;
	return 0;
}

static int parse_length(const char *text, unsigned int max, unsigned int *ret)
{
	unsigned int n = 0;

	if (!*text || strlen(text) > 3 || (text[0] == '0' && text[1]))
		return -EINVAL;
	for (; *text; text++) {
		if (*text < '0' || *text > '9')
			return -EINVAL;
		n = n * 10 + (unsigned int)(*text - '0');
	}
	if (n > max)
		return -EINVAL;
	*ret = n;
	return 0;
}

int zt_net_parse(const char *text, struct zt_net_key *ret)
{
	const char *slash = strchr(text, '/');
	struct zt_net_key net = {.prefixlen = 128};
	char head[ZT_ADDR_TEXT_LEN];
	struct zt_addr addr, masked;
	unsigned int length = 0;
	size_t n = slash ? (size_t)(slash - text) : strlen(text);
	int r;

	if (n >= sizeof(head))
		return -EINVAL;
	memcpy(head, text, n);
	head[n] = '\0';
	r = zt_addr_parse(head, &addr);
	if (r < 0)
		return r;
	if (slash) {
		r = parse_length(slash + 1, zt_addr_is_v4(&addr) ? 32 : 128, &length);
		if (r < 0)
			return r;
		net.prefixlen = zt_addr_is_v4(&addr) ? V4_BITS + length : length;
	}
	memcpy(net.bytes, addr.bytes, sizeof(net.bytes));
	zt_net_mask(&net);
	memcpy(masked.bytes, net.bytes, sizeof(masked.bytes));
	*ret = net;
	return memcmp(&masked, &addr, sizeof(addr)) == 0 ? 0 : -ERANGE;
}

const char *zt_addr_text(const struct zt_addr *addr, char buf[ZT_ADDR_TEXT_LEN])
{
	bool v4 = zt_addr_is_v4(addr);

	if (!inet_ntop(v4 ? AF_INET : AF_INET6, v4 ? addr->bytes + 12 : addr->bytes, buf,
		       ZT_ADDR_TEXT_LEN))
		buf[0] = '\0'; /* cannot be: the buffer holds any address */
	return buf;
}

const char *zt_net_text(const struct zt_net_key *net, char buf[ZT_NET_TEXT_LEN])
{
	struct zt_addr addr;
	char text[ZT_ADDR_TEXT_LEN];

	memcpy(addr.bytes, net->bytes, sizeof(addr.bytes));
	zt_addr_text(&addr, text);
	if (net->prefixlen == 128)
		snprintf(buf, ZT_NET_TEXT_LEN, "%s", text);
	else
		snprintf(buf, ZT_NET_TEXT_LEN, "%s/%u", text,
			 zt_net_is_v4(net) ? net->prefixlen - V4_BITS : net->prefixlen);
	return buf;
}

bool zt_net_is_v4(const struct zt_net_key *net)
{
	return net->prefixlen >= V4_BITS && memcmp(net->bytes, v4_prefix, sizeof(v4_prefix)) == 0;
}

/* Whether the first bits of two addresses are the same. */
static bool same_bits(const uint8_t *a, const uint8_t *b, unsigned int bits)
{
	unsigned int whole = bits / 8, rest = bits % 8;

	if (memcmp(a, b, whole) != 0)
		return false;
	return rest == 0 || ((a[whole] ^ b[whole]) >> (8 - rest)) == 0;
}

bool zt_net_contains(const struct zt_net_key *net, const struct zt_addr *addr)
{
	return zt_net_is_v4(net) == zt_addr_is_v4(addr) &&
	       same_bits(net->bytes, addr->bytes, net->prefixlen);
}

bool zt_net_covers(const struct zt_net_key *outer, const struct zt_net_key *inner)
{
	return outer->prefixlen <= inner->prefixlen && zt_net_is_v4(outer) == zt_net_is_v4(inner) &&
	       same_bits(outer->bytes, inner->bytes, outer->prefixlen);
}

void zt_net_mask(struct zt_net_key *net)
{
	for (unsigned int i = 0; i < 16; i++) {
		unsigned int start = i * 8;

		if (net->prefixlen <= start)
			net->bytes[i] = 0;
		else if (net->prefixlen < start + 8)
			net->bytes[i] &= (__u8)(0xff << (start + 8 - net->prefixlen));
	}
}
