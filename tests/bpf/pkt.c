// SPDX-License-Identifier: Apache-2.0
/*
 * pkt.c - packets from one line of text.
 */
#include <arpa/inet.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "pkt.h"

#define LAYERS_MAX 48
#define ARGS_MAX   10

/* Where a layer's "what comes next" is, and how it is written. */
enum next_kind {
	NEXT_NONE,
	NEXT_TYPE,
	NEXT_PROTO
};

struct layer {
	unsigned int at;
	int family;	/* of an IP header, else 0 */
	bool udp;	/* has a UDP length */
	bool fixed_len; /* len= was given */
	int len_delta;
};

struct builder {
	struct pkt *pkt;
	const struct pkt_name *names;
	const char *text;
	char *arg[ARGS_MAX];
	int args;
	struct layer layer[LAYERS_MAX];
	int layers;
	unsigned int next_at; /* offset of the byte(s) that name the next layer */
	enum next_kind next_kind;
	bool next_fixed;      /* proto= or next= was given */
	unsigned int counted; /* bytes that IP and UDP lengths count */
	int ip_family;	      /* of the innermost IP header */
};

__attribute__((format(printf, 2, 3), noreturn)) static void bad(const struct builder *b,
								const char *fmt, ...)
{
	va_list ap;

	fprintf(stderr, "packet line '%s': ", b->text);
	va_start(ap, fmt);
	vfprintf(stderr, fmt, ap);
	va_end(ap);
	fputc('\n', stderr);
	exit(99);
}

static __u8 *put(struct builder *b, unsigned int len)
{
	__u8 *at = b->pkt->data + b->pkt->len;

	if (b->pkt->len + len > PKT_MAX)
		bad(b, "longer than %d bytes", PKT_MAX);
	memset(at, 0, len);
	b->pkt->len += len;
	return at;
}

static void put16(__u8 *at, unsigned int v)
{
	at[0] = v >> 8;
	at[1] = v & 0xff;
}

static void put32(__u8 *at, unsigned long v)
{
	put16(at, v >> 16 & 0xffff);
	put16(at + 2, v & 0xffff);
}

static const char *option(const struct builder *b, const char *key)
{
	size_t n = strlen(key);

	for (int i = 1; i < b->args; i++)
		if (!strncmp(b->arg[i], key, n) && b->arg[i][n] == '=')
			return b->arg[i] + n + 1;
	return NULL;
}

static bool word(const struct builder *b, const char *w)
{
	for (int i = 1; i < b->args; i++)
		if (!strcmp(b->arg[i], w))
			return true;
	return false;
}

static unsigned long number(const struct builder *b, const char *key, unsigned long otherwise)
{
	const char *v = option(b, key);

	return v ? strtoul(v, NULL, 0) : otherwise;
}

static unsigned int put_hex(struct builder *b, const char *hex)
{
	unsigned int n = strlen(hex) / 2;
	__u8 *at = put(b, n);

	for (unsigned int i = 0; i < n; i++) {
		unsigned int v;

		if (sscanf(hex + 2 * i, "%2x", &v) != 1)
			bad(b, "'%s' is not hexadecimal", hex);
		at[i] = v;
	}
	return n;
}

static void set_next(struct builder *b, unsigned int at, enum next_kind kind, const char *key)
{
	const char *given = key ? option(b, key) : NULL;

	b->next_at = at;
	b->next_kind = kind;
	b->next_fixed = given;
	if (given && kind == NEXT_PROTO)
		b->pkt->data[at] = strtoul(given, NULL, 0);
	else if (given)
		put16(b->pkt->data + at, strtoul(given, NULL, 16));
}

/* Tells the layer before what this one is. */
static void announce(struct builder *b, unsigned int type, unsigned int proto)
{
	if (b->next_fixed || b->next_kind == NEXT_NONE)
		return;
	if (b->next_kind == NEXT_TYPE)
		put16(b->pkt->data + b->next_at, type);
	else
		b->pkt->data[b->next_at] = proto;
}

static struct layer *layer(struct builder *b)
{
	struct layer *l = &b->layer[b->layers];

	if (++b->layers > LAYERS_MAX)
		bad(b, "too many layers");
	*l = (struct layer){.at = b->pkt->len};
	return l;
}

static void ports(struct builder *b, __u8 *at)
{
	unsigned int s, d;

	if (b->args < 2 || sscanf(b->arg[1], "%u>%u", &s, &d) != 2)
		bad(b, "wants SPORT>DPORT");
	put16(at, s);
	put16(at + 2, d);
}

static void set_len(struct builder *b, struct layer *l, __u8 *at)
{
	const char *v = option(b, "len");

	if (!v)
		return;
	if (*v == '+' || *v == '-') {
		l->len_delta = atoi(v);
	} else {
		l->fixed_len = true;
		put16(at, strtoul(v, NULL, 0));
	}
}

/* --- layers --------------------------------------------------------------------- */

static void put_eth(struct builder *b)
{
	__u8 *at = put(b, 14);

	if (word(b, "other"))
		memcpy(at, "\x02\x00\x00\x00\x00\x99", 6);
	else if (word(b, "mcast"))
		memcpy(at, "\x01\x00\x5e\x00\x00\xfb", 6);
	else if (word(b, "bcast"))
		memset(at, 0xff, 6);
	memcpy(at + 6, "\x02\x00\x00\x00\x00\x02", 6);
	set_next(b, b->pkt->len - 2, NEXT_TYPE, "type");
}

static void put_llc(struct builder *b)
{
	announce(b, 38, 0);
	memcpy(put(b, 3), "\x42\x42\x03", 3);
	b->next_kind = NEXT_NONE;
}

static void put_vlan(struct builder *b)
{
	__u8 *at;

	announce(b, b->args > 2 ? strtoul(b->arg[2], NULL, 16) : 0x8100, 0);
	at = put(b, 4);
	put16(at, atoi(b->arg[1]));
	set_next(b, b->pkt->len - 2, NEXT_TYPE, NULL);
}

void pkt_addr(struct zt_addr *ret, int family, const struct pkt_name *names, const char *text)
{
	for (; names && names->name; names++)
		if (!strcmp(names->name, text))
			text = family == AF_INET ? names->v4 : names->v6;
	memset(ret, 0, sizeof(*ret));
	if (inet_pton(AF_INET6, text, ret->bytes) == 1)
		return;
	ret->bytes[10] = ret->bytes[11] = 0xff;
	if (inet_pton(AF_INET, text, ret->bytes + 12) != 1) {
		fprintf(stderr, "'%s' is no address\n", text);
		exit(99);
	}
}

static void addresses(struct builder *b, int family, __u8 *src, __u8 *dst)
{
	struct zt_addr addr;
	char *gt = b->args > 1 ? strchr(b->arg[1], '>') : NULL;
	int skip = family == AF_INET ? 12 : 0;

	if (!gt)
		bad(b, "wants SRC>DST");
	*gt = 0;
	pkt_addr(&addr, family, b->names, b->arg[1]);
	memcpy(src, addr.bytes + skip, 16 - skip);
	pkt_addr(&addr, family, b->names, gt + 1);
	memcpy(dst, addr.bytes + skip, 16 - skip);
}

static void put_ip4(struct builder *b)
{
	struct layer *l = layer(b);
	const char *opt = option(b, "opt"), *frag = option(b, "frag");
	unsigned int at = b->pkt->len, opt_len = 0;
	__u8 *h;

	announce(b, 0x0800, 4);
	h = put(b, 20);
	if (opt)
		opt_len = put_hex(b, opt);
	h[0] = number(b, "ver", 4) << 4 | number(b, "ihl", 5 + (opt_len + 3) / 4);
	if (opt_len % 4)
		put(b, 4 - opt_len % 4);
	set_len(b, l, h + 2);
	put16(h + 4, 0x1234);
	if (frag)
		put16(h + 6, strtoul(frag, NULL, 0) | (strchr(frag, '+') ? 0x2000 : 0));
	h[8] = number(b, "ttl", 64);
	addresses(b, AF_INET, h + 12, h + 16);
	l->family = b->ip_family = AF_INET;
	set_next(b, at + 9, NEXT_PROTO, "proto");
}

static void put_ip6(struct builder *b)
{
	struct layer *l = layer(b);
	unsigned int at = b->pkt->len;
	__u8 *h;

	announce(b, 0x86dd, 41);
	h = put(b, 40);
	h[0] = number(b, "ver", 6) << 4;
	set_len(b, l, h + 4);
	h[7] = number(b, "ttl", 64);
	addresses(b, AF_INET6, h + 8, h + 24);
	l->family = b->ip_family = AF_INET6;
	set_next(b, at + 6, NEXT_PROTO, "proto");
}

static void put_options6(struct builder *b, unsigned int proto)
{
	unsigned int at = b->pkt->len, words = number(b, "words", 0);
	__u8 *h;

	announce(b, 0, proto);
	h = put(b, (1 + words) * 8);
	h[1] = words;
	h[2] = 1; /* PadN over all of it */
	h[3] = words * 8 + 4;
	set_next(b, at, NEXT_PROTO, "next");
}

static void put_rt(struct builder *b)
{
	unsigned int at = b->pkt->len;
	__u8 *h;

	if (b->args < 3)
		bad(b, "rt TYPE LEFT");
	announce(b, 0, 43);
	h = put(b, 24);
	h[1] = 2;
	h[2] = atoi(b->arg[1]);
	h[3] = atoi(b->arg[2]);
	h[8] = 0x20;
	h[9] = 0x01;
	h[23] = 7;
	set_next(b, at, NEXT_PROTO, "next");
}

static void put_frag(struct builder *b)
{
	unsigned int at = b->pkt->len;
	__u8 *h;

	announce(b, 0, 44);
	h = put(b, 8);
	put16(h + 2, strtoul(b->arg[1], NULL, 0) << 3 | (strchr(b->arg[1], '+') ? 1 : 0));
	h[7] = 42;
	set_next(b, at, NEXT_PROTO, "next");
}

static void put_ah(struct builder *b)
{
	unsigned int at = b->pkt->len, words = number(b, "words", 4);
	__u8 *h;

	announce(b, 0, 51);
	h = put(b, (words + 2) * 4);
	h[1] = words;
	h[7] = 1;
	set_next(b, at, NEXT_PROTO, "next");
}

static void put_tcp(struct builder *b)
{
	static const char letters[] = "FSRPAU";
	const char *opt = option(b, "opt");
	unsigned int opt_len = 0;
	__u8 *h;

	announce(b, 0, 6);
	h = put(b, 20);
	ports(b, h);
	put32(h + 4, number(b, "seq", 1));
	put32(h + 8, number(b, "ack", 0));
	if (opt)
		opt_len = put_hex(b, opt);
	h[12] = number(b, "doff", 5 + opt_len / 4) << 4;
	for (const char *f = b->args > 2 ? b->arg[2] : "A"; *f && *f != '0'; f++) {
		const char *bit = strchr(letters, *f);

		if (!bit)
			bad(b, "flag '%c'", *f);
		h[13] |= 1 << (bit - letters);
	}
	h[14] = 0xff;
	b->next_kind = NEXT_NONE;
}

static void put_udp(struct builder *b)
{
	struct layer *l = layer(b);
	__u8 *h;

	announce(b, 0, 17);
	h = put(b, 8);
	ports(b, h);
	l->udp = true;
	set_len(b, l, h + 4);
	b->next_kind = NEXT_NONE;
}

static void put_icmp(struct builder *b)
{
	unsigned int type = 0, code = 0;
	__u8 *h;

	if (b->args < 2 || sscanf(b->arg[1], "%u:%u", &type, &code) < 1)
		bad(b, "icmp TYPE[:CODE]");
	announce(b, 0, b->ip_family == AF_INET ? 1 : 58);
	h = put(b, 8);
	h[0] = type;
	h[1] = code;
	put16(h + 4, number(b, "id", 0));
	b->next_kind = NEXT_NONE; /* what it quotes starts afresh */
}

static void put_other(struct builder *b)
{
	const char *name = b->arg[0];

	b->next_kind = b->next_kind == NEXT_NONE ? NEXT_NONE : b->next_kind;
	if (!strcmp(name, "proto")) {
		announce(b, 0, atoi(b->arg[1]));
	} else if (!strcmp(name, "type")) {
		announce(b, strtoul(b->arg[1], NULL, 16), 0);
	} else if (!strcmp(name, "sctp")) {
		announce(b, 0, 132);
		ports(b, put(b, 12));
	} else if (!strcmp(name, "gre")) {
		announce(b, 0, 47);
		put16(put(b, 4) + 2, 0x0800);
	} else if (!strcmp(name, "esp")) {
		announce(b, 0, 50);
		put(b, 8)[3] = 9;
	} else {
		bad(b, "no layer '%s'", name);
	}
	b->next_kind = NEXT_NONE;
}

/* data and pad: N[:HEX]; says how many. */
static unsigned int put_bytes(struct builder *b)
{
	unsigned int n = 0, value = 0x61;

	if (b->args < 2 || sscanf(b->arg[1], "%u:%x", &n, &value) < 1)
		bad(b, "wants N[:HEX]");
	memset(put(b, n), value, n);
	return n;
}

static bool put_ip_layer(struct builder *b)
{
	const char *n = b->arg[0];

	if (!strcmp(n, "ip4") || (!strcmp(n, "ip") && b->pkt->family == AF_INET))
		put_ip4(b);
	else if (!strcmp(n, "ip6") || !strcmp(n, "ip"))
		put_ip6(b);
	else if (!strcmp(n, "hbh"))
		put_options6(b, 0);
	else if (!strcmp(n, "dst"))
		put_options6(b, 60);
	else if (!strcmp(n, "rt"))
		put_rt(b);
	else if (!strcmp(n, "frag"))
		put_frag(b);
	else if (!strcmp(n, "ah"))
		put_ah(b);
	else
		return false;
	return true;
}

static void put_layer(struct builder *b)
{
	const char *n = b->arg[0];

	if (!strcmp(n, "data")) {
		put_bytes(b);
		b->counted = b->pkt->len;
		return;
	}
	if (!strcmp(n, "pad")) {
		put_bytes(b);
		return;
	}
	if (!strcmp(n, "cut")) {
		b->pkt->len = strtoul(b->arg[1], NULL, 0);
		return;
	}
	if (!strcmp(n, "eth"))
		put_eth(b);
	else if (!strcmp(n, "llc"))
		put_llc(b);
	else if (!strcmp(n, "l3"))
		b->next_kind = NEXT_NONE;
	else if (!strcmp(n, "vlan"))
		put_vlan(b);
	else if (put_ip_layer(b))
		;
	else if (!strcmp(n, "tcp"))
		put_tcp(b);
	else if (!strcmp(n, "udp"))
		put_udp(b);
	else if (!strcmp(n, "icmp"))
		put_icmp(b);
	else
		put_other(b);
	b->counted = b->pkt->headers = b->pkt->len;
}

/* Lengths are known only now; the IPv4 checksum goes in last. */
static void finish(struct builder *b)
{
	for (int i = 0; i < b->layers; i++) {
		const struct layer *l = &b->layer[i];
		__u8 *h = b->pkt->data + l->at;
		int len = b->counted - l->at + l->len_delta;

		if (!l->fixed_len && l->udp)
			put16(h + 4, len);
		else if (!l->fixed_len && l->family == AF_INET)
			put16(h + 2, len);
		else if (!l->fixed_len && l->family == AF_INET6)
			put16(h + 4, len - 40);
		if (l->family == AF_INET) {
			unsigned int sum = 0;

			for (int j = 0; j < (h[0] & 15) * 4 && l->at + j + 1 < b->counted; j += 2)
				sum += h[j] << 8 | h[j + 1];
			while (sum >> 16)
				sum = (sum & 0xffff) + (sum >> 16);
			put16(h + 10, ~sum & 0xffff);
		}
	}
}

void pkt_build(struct pkt *ret, int family, const struct pkt_name *names, const char *text)
{
	struct builder b = {.pkt = ret, .names = names, .text = text};
	char copy[512], *rest = copy, *part, *tok, *save;
	char eth[] = "eth";
	bool cut = false;

	memset(ret, 0, sizeof(*ret));
	ret->family = family;
	if (snprintf(copy, sizeof(copy), "%s", text) >= (int)sizeof(copy))
		bad(&b, "too long");
	if (strncmp(text, "eth", 3) && strncmp(text, "l3", 2)) {
		b.arg[0] = eth;
		b.args = 1;
		put_layer(&b);
	}
	while ((part = strsep(&rest, "/"))) {
		b.args = 0;
		for (tok = strtok_r(part, " ", &save); tok; tok = strtok_r(NULL, " ", &save)) {
			if (b.args == ARGS_MAX)
				bad(&b, "too many words");
			b.arg[b.args++] = tok;
		}
		if (!b.args)
			bad(&b, "an empty layer");
		if (!strcmp(b.arg[0], "cut")) {
			finish(&b);
			cut = true;
		}
		put_layer(&b);
	}
	if (!cut)
		finish(&b);
	if (ret->headers > ret->len)
		ret->headers = ret->len;
}
