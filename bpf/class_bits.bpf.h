/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * class_bits.bpf.h - what TCP's and UDP's halves of the classifier have in common: bytes alike.
 *
 * @b is the peek's ZT_PEEK_LEN bytes, or a few bytes into them; every index is bounded by what
 * comes of it, and zeros stand behind the payload.
 */
#pragma once
#include "class.bpf.h"

/* Either end's port; lends weight, never tells. */
static __always_inline bool zt_has_port(const struct zt_pass *pass, __u16 port)
{
	return pass->key.near_port == bpf_htons(port) || pass->key.far_port == bpf_htons(port);
}

/*
 * Loops over the working set's peek, in class_bits.bpf.c. Global, so that older and newer verifiers
 * walk them once, whoever calls: in place they multiply with what comes before and behind.
 */

/* Whether four bytes stand anywhere in the first 128. */
int zt_peek_find(__u32 word);
/* Index of the first zero from @at (below 16) on, 0 = none in a hundred bytes. */
__u32 zt_peek_zero(__u32 at);
/* Index behind a method in capitals and one space, 0 = none. */
__u32 zt_peek_space(void);
/*
 * RFC 5424, 6.2.1 and RFC 3164, 4.1: <0> to <191>, then "1 " or a month; RFC 6587 counts in front.
 * On its @port the number is enough.
 */
int zt_peek_syslog(__u32 port);

/* RFC 3261, 19.1 and 20.10: what a SIP request is for. */
static __always_inline bool zt_is_sip_target(__u32 word)
{
	return word == ZT_4('s', 'i', 'p', ':') || word == ZT_4('s', 'i', 'p', 's') ||
	       word == ZT_4('t', 'e', 'l', ':');
}

/* X.690, 8.1.3: the length at @at. Index behind it, 0 = a form that no message here has. */
static __always_inline __u32 zt_ber_skip(const __u8 *b, __u32 at, __u32 *ret_len)
{
	__u32 i = at & 63;

	*ret_len = b[i];
	if (b[i] < 0x80)
		return i + 1;
	*ret_len = b[i + 1];
	if (b[i] == 0x81)
		return i + 2;
	*ret_len = zt_be16(b + i + 1);
	if (b[i] == 0x82)
		return i + 3;
	*ret_len = zt_be32(b + i + 1);
	return b[i] == 0x84 && *ret_len < 0x1000000 ? i + 5 : 0;
}

/* RFC 4120, 5.4.1, 5.4.2, 5.5.1: a request, version 5. */
static __always_inline bool zt_is_kerberos(const __u8 *b)
{
	__u32 at, len;
	__u8 version = b[0] == 0x6e ? 0xa0 : 0xa1;

	if (b[0] != 0x6a && b[0] != 0x6c && b[0] != 0x6e)
		return false;
	at = zt_ber_skip(b, 1, &len);
	if (!at || b[at] != 0x30)
		return false;
	at = zt_ber_skip(b, at + 1, &len);
	return at && b[at] == version && zt_be32(b + at + 1) == 0x03020105;
}

/* RFC 1035, 4.1: one question and nothing of an answer; RFC 1996 and 6891 add little. */
static __always_inline bool zt_is_dns_query(const __u8 *b)
{
	__u8 opcode = (b[2] >> 3) & 0xf;

	return !(b[2] & 0x80) && (opcode == 0 || opcode == 4) && !(b[3] & 0xcf) &&
	       zt_be16(b + 4) == 1 && !zt_be16(b + 6) && !zt_be16(b + 8) && zt_be16(b + 10) <= 2 &&
	       b[12] < 64 && (b[12] || b[17] == 0);
}

/* RFC 2251 and 4511: a request with its number: bind, search, extended. */
static __always_inline bool zt_is_ldap(const struct zt_peek *p)
{
	const __u8 *b = p->b;
	__u32 at, len;

	if (b[0] != 0x30)
		return false;
	at = zt_ber_skip(b, 1, &len);
	if (!at || at + len > p->len || b[at & 127] != 2)
		return false;
	len = b[(at + 1) & 127];
	if (len < 1 || len > 4)
		return false;
	at += 2 + len;
	switch (b[at & 127]) {
	case 0x60: /* INTEGER: version 2 or 3 */
		at = zt_ber_skip(b, at + 1, &len);
		return at && zt_be16(b + (at & 127)) == 0x0201 &&
		       (b[(at + 2) & 127] == 2 || b[(at + 2) & 127] == 3);
	case 0x63: /* OCTET STRING, later the scope */
		at = zt_ber_skip(b, at + 1, &len);
		return at && b[at & 127] == 4;
	case 0x77: /* [0]: an object identifier in digits */
		at = zt_ber_skip(b, at + 1, &len);
		return at && b[at & 127] == 0x80 &&
		       (zt_be16(b + ((at + 2) & 127)) == ZT_2('1', '.') ||
			zt_be16(b + ((at + 2) & 127)) == ZT_2('2', '.'));
	}
	return false;
}

/* RFC 5531, 9: a call, version 2. The protocol, or ZT_APP_NONE. */
static __always_inline __u8 zt_rpc_app(const __u8 *b)
{
	__u32 program = zt_be32(b + 12), flavor = zt_be32(b + 24);

	/* NFS is the program 100003: RFC 7530, 1.4. Programs: RFC 5531, 8.4. */
	if (zt_be32(b + 4) || zt_be32(b + 8) != 2 || !program || program >= 0x60000000 ||
	    zt_be32(b + 16) > 100 || zt_be32(b + 20) > 1000)
		return ZT_APP_NONE;
	if (flavor > 7 && flavor < 390000)
		return ZT_APP_NONE;
	return program == 100003 ? ZT_APP_NFS : ZT_APP_RPC;
}

/* RFC 854, 855: a command about an option, and if there is more, another one. */
static __always_inline bool zt_is_telnet(const struct zt_peek *p)
{
	const __u8 *b = p->b;

	return p->len >= 3 && b[0] == 0xff && b[1] >= 0xfb && b[1] <= 0xfe && b[2] <= 49 &&
	       (p->len == 3 || b[3] == 0xff);
}
