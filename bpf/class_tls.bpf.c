// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * class_tls.bpf.c - hellos of TLS and DTLS, and SSH banners, as bytes.
 *
 * Sources: RFC 8446 (4.1.2, 4.1.3, 4.2.1, 5.1), RFC 6347, RFC 9147, RFC 4253 (4.2); the SSL 2
 * form of a ClientHello: RFC 5246, E.2.
 */
#include "class.bpf.h"

#define ZT_EXTENSIONS_MAX     24
#define ZT_SUPPORTED_VERSIONS 43

static __always_inline int zt_version_name(__u32 version)
{
	switch (version) {
	case 0x0300:
		return ZT_ENC_SSL3;
	case 0x0301:
		return ZT_ENC_TLS10;
	case 0x0302:
		return ZT_ENC_TLS11;
	case 0x0303:
		return ZT_ENC_TLS12;
	case 0x0304:
		return ZT_ENC_TLS13;
	case 0xfeff:
		return ZT_ENC_DTLS10;
	case 0xfefd:
		return ZT_ENC_DTLS12;
	case 0xfefc:
		return ZT_ENC_DTLS13;
	}
	return 0;
}

/* Finds supported_versions. Returns 1 when all extensions were seen. */
static __always_inline int zt_walk_extensions(struct __sk_buff *skb, __u32 at, __u32 end,
					      __u32 *ret_version)
{
	__u8 head[6];

	for (int i = 0; i < ZT_EXTENSIONS_MAX; i++) {
		if (at + 4 > end)
			return at == end;
		if (bpf_skb_load_bytes(skb, at, head, 4) < 0)
			return 0;
		if (zt_be16(head) == ZT_SUPPORTED_VERSIONS) {
			if (zt_be16(head + 2) != 2 || at + 6 > end ||
			    bpf_skb_load_bytes(skb, at + 4, head + 4, 2) < 0)
				return 0;
			*ret_version = zt_be16(head + 4);
			return 1;
		}
		at += 4 + zt_be16(head + 2);
	}
	return 0;
}

__noinline int zt_hello_version(struct __sk_buff *skb, __u32 off, __u32 end)
{
	__u8 head[2], mid[5]; /* version, later a length; suite, compression, a length */
	__u32 legacy, newest, chosen = 0, at, len = 0;
	int name, unsaid;
	bool whole, seen;

	if (off + 2 > end || bpf_skb_load_bytes(skb, off, head, 2) < 0)
		return 0;
	legacy = zt_be16(head);
	name = zt_version_name(legacy);
	if (!name || legacy == 0x0304 || legacy == 0xfefc)
		return 0; /* RFC 8446, 4.1.3: never there */
	if (legacy != 0x0303 && legacy != 0xfefd)
		return name; /* before 1.2 nothing overrides it */
	newest = legacy == 0x0303 ? 0x0304 : 0xfefc;
	unsaid = legacy == 0x0303 ? ZT_ENC_TLS : ZT_ENC_DTLS;
	/* A hello that is cut off tells no more than that. */
	if (off + 35 > end || bpf_skb_load_bytes(skb, off + 34, head, 1) < 0)
		return unsaid;
	if (head[0] > 32)
		return 0;
	at = off + 35 + head[0];
	if (at + 3 > end || bpf_skb_load_bytes(skb, at, mid, 3) < 0)
		return unsaid;
	if (mid[2] > 1) /* compression: null or deflate */
		return 0;
	if (at + 5 <= end && bpf_skb_load_bytes(skb, at + 3, mid + 3, 2) == 0)
		len = zt_be16(mid + 3);
	at += 5;
	whole = at + len <= end;
	seen = zt_walk_extensions(skb, at, whole ? at + len : end, &chosen);
	if (chosen) /* RFC 8446, 4.2.1: 1.3 or a draft of it, nothing older */
		return chosen == newest ? zt_version_name(newest) : unsaid;
	/* Without the end of the extensions the cipher suite tells: 0x13.. is of 1.3 alone. */
	return (!whole || !seen) && mid[0] == 0x13 ? zt_version_name(newest) : name;
}

/* The record, the handshake message and its lengths hold together as far as they can be seen. */
static __always_inline bool zt_is_client_hello(const struct zt_peek *p)
{
	const __u8 *b = p->b;
	__u32 record = zt_be16(b + 3), message = zt_be16(b + 7), at, suites;

	if (p->len < 11 || b[0] != ZT_TLS_HANDSHAKE || !zt_is_record(b))
		return false;
	if (b[5] != 1 || b[6] || message < 41 || record > message + 4 || record < 4)
		return false;
	if (b[9] != 3 || b[10] > 3 || b[43] > 32)
		return false;
	at = 44 + (b[43] & 0x3f);
	suites = zt_be16(b + at);
	return p->len < at + 2 || (suites >= 2 && !(suites & 1) && 37 + suites < message);
}

/* SSL 2's form, that clients of old offer SSL 3 or TLS in. */
static __always_inline bool zt_is_old_hello(const struct zt_peek *p)
{
	const __u8 *b = p->b;
	__u32 suites = zt_be16(b + 5), challenge = zt_be16(b + 9);

	return p->len >= 11 + 9 && (b[0] & 0x80) && b[2] == 1 && b[3] == 3 && b[4] <= 3 && suites &&
	       suites % 3 == 0 && challenge >= 16 && challenge <= 32 &&
	       (zt_be16(b) & 0x7fff) == 9 + suites + zt_be16(b + 7) + challenge &&
	       zt_be16(b + 7) <= 32;
}

/* Looks for the beginning of TLS or SSH, from either end. */
__noinline int zt_class_tls(struct __sk_buff *skb, struct zt_flow *f)
{
	struct zt_work *w = zt_work_get();
	struct zt_pass *pass;
	__u8 by;

	if (!w || !f)
		return 0;
	pass = &w->pass;
	by = pass->dir == ZT_DIR_OUT ? ZT_LOOK_BY_NEAR : 0;
	if (zt_is_client_hello(&w->peek) || zt_is_old_hello(&w->peek)) {
		f->look = ZT_LOOK_HELLO | by;
		f->look_left = ZT_LOOKS_LONG;
		if (pass->pkt.tcp_flags & ZT_TCP_ACK) { /* else: data in the SYN */
			f->look |= ZT_LOOK_IN;
			f->look_data = pass->pkt.ack;
		}
		if (f->encryption == ZT_ENC_UNKNOWN)
			f->encryption = ZT_ENC_TLS;
		return 1;
	}
	if (f->encryption == ZT_ENC_UNKNOWN && zt_is_ssh(w->peek.b)) {
		f->look = ZT_LOOK_BANNER | by;
		f->look_left = ZT_LOOKS;
		return 1;
	}
	return 0;
}
