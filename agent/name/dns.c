/* SPDX-License-Identifier: Apache-2.0 */
/*
 * dns.c - which name was asked for the addresses in a DNS answer.
 */
#include <arpa/nameser.h>
#include <ctype.h>
#include <errno.h>
#include <limits.h>
#include <netinet/in.h>
#include <resolv.h>
#include <stdbool.h>
#include <string.h>
#include <strings.h>

#include "name/dns.h"

#define CHAIN_MAX   16	/* names that lead from one to the next; resolvers give up earlier */
#define RECORDS_MAX 256 /* more do not fit a datagram of ZT_DNS_MAX bytes */

/* Names as libresolv writes them: bytes that do not print are \DDD. */
struct chain {
	char names[CHAIN_MAX][NS_MAXDNAME];
	size_t count;
};

/* RFC 4343: only ASCII letters have no case; other bytes are digits here. */
static bool same_name(const char *a, const char *b)
{
	return !strcasecmp(a, b);
}

/* RFC 1035, 5.1: \DDD is a byte in decimal, \X the character itself. */
static size_t unescape(const char *s, unsigned char *ret)
{
	if (isdigit((unsigned char)s[1]) && isdigit((unsigned char)s[2]) &&
	    isdigit((unsigned char)s[3])) {
		*ret = (unsigned char)((s[1] - '0') * 100 + (s[2] - '0') * 10 + s[3] - '0');
		return 4;
	}
	*ret = (unsigned char)s[1];
	return s[1] ? 2 : 1;
}

/* 0, or -E2BIG. */
static int put_char(char *ret, size_t *at, unsigned char c, bool escaped)
{
	char text[5] = {(char)tolower(c)};

	if (!c)
		strcpy(text, "\\000");
	else if (escaped && (c == '.' || c == '\\'))
		memcpy(text, (char[]){'\\', (char)c, '\0'}, 3);
	if (*at + strlen(text) >= ZT_DNS_NAME_LEN)
		return -E2BIG;
	memcpy(ret + *at, text, strlen(text));
	*at += strlen(text);
	return 0;
}

static int plain_name(const char *presented, char ret[ZT_DNS_NAME_LEN])
{
	size_t at = 0;
	int r = 0;

	while (*presented && !r) {
		unsigned char c = (unsigned char)*presented;
		bool escaped = c == '\\';

		presented += escaped ? unescape(presented, &c) : 1;
		r = put_char(ret, &at, c, escaped);
	}
	ret[at] = '\0';
	return r ? r : at ? 0 : -EINVAL;
}

/* The one question; other kinds of message have none, or several. */
static int read_question(ns_msg *msg, struct chain *chain)
{
	ns_rr rr;

	if (!ns_msg_getflag(*msg, ns_f_qr) || ns_msg_getflag(*msg, ns_f_opcode) != ns_o_query ||
	    ns_msg_getflag(*msg, ns_f_rcode) != ns_r_noerror || ns_msg_count(*msg, ns_s_qd) != 1 ||
	    ns_parserr(msg, ns_s_qd, 0, &rr) < 0 || ns_rr_class(rr) != ns_c_in)
		return -EBADMSG;
	strcpy(chain->names[0], ns_rr_name(rr));
	chain->count = 1;
	return 0;
}

/* Where a CNAME of the last name in the chain leads; false: there is none. */
static bool follow(ns_msg *msg, int records, struct chain *chain)
{
	char *next = chain->names[chain->count];
	ns_rr rr;

	for (int i = 0; i < records; i++) {
		if (ns_parserr(msg, ns_s_an, i, &rr) < 0 || ns_rr_class(rr) != ns_c_in ||
		    ns_rr_type(rr) != ns_t_cname ||
		    !same_name(ns_rr_name(rr), chain->names[chain->count - 1]))
			continue;
		if (dn_expand(ns_msg_base(*msg), ns_msg_end(*msg), ns_rr_rdata(rr), next,
			      NS_MAXDNAME) < 0)
			return false;
		for (size_t n = 0; n < chain->count; n++) {
			if (same_name(chain->names[n], next)) /* round in a circle */
				return false;
		}
		chain->count++;
		return true;
	}
	return false;
}

static bool in_chain(const struct chain *chain, const char *name)
{
	for (size_t n = 0; n < chain->count; n++) {
		if (same_name(chain->names[n], name))
			return true;
	}
	return false;
}

static bool is_somebody_v4(const uint8_t *a)
{
	return a[0] && a[0] != 127 && a[0] < 224;
}

static bool is_somebody_v6(const struct in6_addr *a)
{
	return !IN6_IS_ADDR_UNSPECIFIED(a) && !IN6_IS_ADDR_LOOPBACK(a) &&
	       !IN6_IS_ADDR_MULTICAST(a) && !IN6_IS_ADDR_V4MAPPED(a);
}

static bool read_address(const ns_rr *rr, struct zt_addr *ret)
{
	struct in6_addr a;

	memset(ret, 0, sizeof(*ret));
	if (ns_rr_type(*rr) == ns_t_a && ns_rr_rdlen(*rr) == 4 &&
	    is_somebody_v4(ns_rr_rdata(*rr))) {
		ret->bytes[10] = ret->bytes[11] = 0xff;
		memcpy(ret->bytes + 12, ns_rr_rdata(*rr), 4);
		return true;
	}
	if (ns_rr_type(*rr) != ns_t_aaaa || ns_rr_rdlen(*rr) != sizeof(a))
		return false;
	memcpy(&a, ns_rr_rdata(*rr), sizeof(a));
	memcpy(ret->bytes, &a, sizeof(a));
	return is_somebody_v6(&a);
}

int zt_dns_parse(const void *msg, size_t len, zt_dns_fn fn, void *ctx)
{
	char name[ZT_DNS_NAME_LEN];
	struct zt_addr addr;
	struct chain chain;
	int records, told = 0;
	ns_msg m;
	ns_rr rr;

	if (len > INT_MAX || ns_initparse(msg, (int)len, &m) < 0 || read_question(&m, &chain) < 0)
		return -EBADMSG;
	if (plain_name(chain.names[0], name) < 0)
		return 0;
	records = ns_msg_count(m, ns_s_an);
	if (records > RECORDS_MAX)
		records = RECORDS_MAX;
	while (chain.count < CHAIN_MAX && follow(&m, records, &chain))
		;
	for (int i = 0; i < records; i++) {
		if (ns_parserr(&m, ns_s_an, i, &rr) < 0)
			break;
		if (ns_rr_class(rr) != ns_c_in || !read_address(&rr, &addr) ||
		    !in_chain(&chain, ns_rr_name(rr)))
			continue;
		fn(&addr, name, ctx);
		told++;
	}
	return told;
}
