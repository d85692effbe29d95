// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * class.bpf.c - what a flow is, by its first payload bytes: the states and what leads from one to
 * the next. The bytes themselves are told apart in class_tls, class_tcp, class_udp.
 *
 * TCP answers are found by their sequence number (what the other end's packet acknowledged), so
 * that repeated, reordered and keep-alive segments are not taken for one.
 */
#include "class.bpf.h"

/* Reads the payload from @off on. Returns whether there is any. */
static __always_inline bool zt_peek_at(struct __sk_buff *skb, struct zt_work *w, __u32 off)
{
	struct zt_peek *peek = &w->peek;
	__u32 len, have;

	if (off >= w->pass.pkt.end)
		return false;
	len = w->pass.pkt.end - off;
	/* Datagrams that the device or the stack keeps together: the first one. */
	if (w->pass.pkt.proto == IPPROTO_UDP && skb->gso_size && skb->gso_size < len)
		len = skb->gso_size;
	have = len < ZT_PEEK_LEN ? len : ZT_PEEK_LEN;
	__builtin_memset(peek->b, 0, ZT_PEEK_LEN);
	/* clang folds the test into one that older verifiers draw no bounds from. */
	asm volatile("" : "+r"(have));
	have = ((have - 1) & (ZT_PEEK_LEN - 1)) + 1;
	if (bpf_skb_load_bytes(skb, off, peek->b, have) < 0)
		return false;
	peek->off = off;
	peek->len = len;
	peek->have = have;
	return true;
}

/* Whether the packet is the answer to what stage's sender said, at its very beginning. */
static __always_inline bool zt_is_answer(const struct zt_flow *f, const struct zt_pass *pass)
{
	__u8 by = f->look & ZT_LOOK_BY_NEAR ? ZT_DIR_OUT : ZT_DIR_IN;

	return pass->dir != by && (!(f->look & ZT_LOOK_IN) || pass->pkt.seq == f->look_data);
}

/* --- TLS over TCP ------------------------------------------------------------------------ */

/* The answer is not TLS: what was assumed is taken back. */
static __always_inline int zt_no_tls(struct zt_flow *f)
{
	if (f->encryption == ZT_ENC_PLAINTEXT) {
		f->look = ZT_LOOK_UPGRADE;
		return 0;
	}
	f->encryption = ZT_ENC_UNKNOWN;
	f->look = ZT_LOOK_FIRST | ZT_LOOK_IN | ZT_LOOK_OUT;
	return zt_class_server(f);
}

/* The version of a ServerHello whose body begins at b[@at]; 2 bytes before, its length. */
static __always_inline int zt_server_hello(struct __sk_buff *skb, const struct zt_work *w,
					   const __u32 at)
{
	__u32 off = w->peek.off + at, len = zt_be16(w->peek.b + at - 2);

	return len < 38 ? 0 : zt_hello_version(skb, off, zt_message_end(off, len, w->pass.pkt.end));
}

/* RFC 8446, 5.1 and 4.1.3: the answer to a ClientHello. */
static __always_inline int zt_on_hello(struct __sk_buff *skb, struct zt_flow *f,
				       const struct zt_work *w)
{
	const __u8 *b = w->peek.b;
	int version = 0;

	if (!zt_is_answer(f, &w->pass))
		return 0;
	if (f->look & ZT_LOOK_OUT) { /* its record header came in a packet of its own */
		if (zt_be16(b) == 0x0200)
			version = zt_server_hello(skb, w, 4);
	} else if (b[0] == ZT_TLS_HANDSHAKE && zt_is_record(b)) {
		if (w->peek.len == 5) {
			f->look |= ZT_LOOK_OUT;
			f->look_data += 5;
			return 0;
		}
		if (zt_be16(b + 5) == 0x0200)
			version = zt_server_hello(skb, w, 9);
	} else if (b[0] == ZT_TLS_ALERT && zt_is_record(b) && zt_be16(b + 3) == 2) {
		f->look = ZT_LOOK_NONE; /* no version was agreed on */
		return 1;
	}
	if (version < ZT_ENC_TLS || version > ZT_ENC_TLS13)
		return zt_no_tls(f);
	f->encryption = version;
	f->look = ZT_LOOK_NONE;
	return 1;
}

/* A connection that is older than its entry: records of protected data, both ways. */
static __always_inline int zt_on_middle(struct __sk_buff *skb, struct zt_flow *f,
					const struct zt_work *w)
{
	__u8 bit = w->pass.dir == ZT_DIR_IN ? ZT_LOOK_IN : ZT_LOOK_OUT;
	const __u8 *b = w->peek.b;

	if (b[0] != ZT_TLS_DATA || !zt_is_record(b) || !zt_be16(b + 3)) {
		if (f->look & (ZT_LOOK_IN | ZT_LOOK_OUT))
			return 0;
		return zt_class_tls(skb, f) || zt_class_middle(f);
	}
	if (f->look & (ZT_LOOK_IN | ZT_LOOK_OUT) && f->look_data != b[2])
		return 0;
	f->look |= bit;
	f->look_data = b[2];
	if ((f->look & (ZT_LOOK_IN | ZT_LOOK_OUT)) != (ZT_LOOK_IN | ZT_LOOK_OUT))
		return 0;
	/* RFC 5246, 6.2.1: the version in force; 1.3 writes 1.2 there. */
	f->encryption = b[2] == 3 ? ZT_ENC_TLS : ZT_ENC_SSL3 + b[2];
	f->look = ZT_LOOK_NONE;
	return 1;
}

static __always_inline int zt_on_banner(struct zt_flow *f, const struct zt_work *w)
{
	__u8 by = f->look & ZT_LOOK_BY_NEAR ? ZT_DIR_OUT : ZT_DIR_IN;

	if (w->pass.dir == by || !zt_is_ssh(w->peek.b))
		return 0;
	f->encryption = ZT_ENC_SSH;
	f->look = ZT_LOOK_NONE;
	return 1;
}

/* --- protocols that begin in the clear ------------------------------------------------------ */

/* A server said 220: the first command tells which kind. */
static __always_inline int zt_on_greeted(struct zt_flow *f, const struct zt_work *w)
{
	__u32 word = zt_be32(w->peek.b) & ~0x20202020; /* commands are written in any case */

	if (w->pass.dir != f->opener)
		return 0;
	switch (word) {
	case ZT_4('E', 'H', 'L', 'O'):
	case ZT_4('H', 'E', 'L', 'O'):
	case ZT_4('L', 'H', 'L', 'O'):
		return zt_plain_until(f, ZT_APP_SMTP, ZT_LOOK_UPGRADE, ZT_LOOKS_UPGRADE);
	case ZT_4('U', 'S', 'E', 'R'):
	case ZT_4('A', 'U', 'T', 'H'):
	case ZT_4('F', 'E', 'A', 'T'):
	case ZT_4('O', 'P', 'T', 'S'):
		return zt_plain_until(f, ZT_APP_FTP, ZT_LOOK_UPGRADE, ZT_LOOKS_UPGRADE);
	}
	return 0;
}

/* PostgreSQL's protocol, 55.2.10 and 55.2.11: one byte answers, at its place in the stream. */
static __always_inline int zt_on_postgres(struct zt_flow *f, const struct zt_work *w)
{
	__u8 stage = f->look & ZT_LOOK_STAGE;

	if (w->pass.dir == f->opener)
		return zt_class_client(f); /* the next request */
	if (w->peek.len != 1 || !zt_is_answer(f, &w->pass))
		return 0;
	if (stage == ZT_LOOK_PG_SSL && w->peek.b[0] == 'S')
		return zt_plain_until(f, ZT_APP_POSTGRESQL, ZT_LOOK_UPGRADE, ZT_LOOKS);
	if (stage == ZT_LOOK_PG_GSS && w->peek.b[0] == 'G') {
		/* GSSAPI protects it from here on; whether it encrypts is not told. */
		f->encryption = ZT_ENC_UNKNOWN;
		f->look = ZT_LOOK_NONE;
	}
	return 0;
}

/* MySQL's SSLRequest: 32 bytes, number 1, CLIENT_SSL, and 23 bytes of zero. */
static __always_inline int zt_on_mysql(struct __sk_buff *skb, struct zt_flow *f, struct zt_work *w)
{
	const __u8 *b = w->peek.b;
	__u32 zeros = 0;

	if (w->pass.dir != f->opener)
		return 0;
	for (int i = 13; i < 32; i++) /* MariaDB keeps capabilities in the last four */
		zeros |= b[i];
	if (w->peek.len < 36 || zt_be32(b) != 0x20000001 || !(zt_le16(b + 4) & 0x800) || zeros)
		return zt_plain(f, ZT_APP_MYSQL);
	zt_plain_until(f, ZT_APP_MYSQL, ZT_LOOK_UPGRADE, ZT_LOOKS);
	if (w->peek.len > 36 && zt_peek_at(skb, w, w->peek.off + 36))
		return zt_class_tls(skb, f);
	return 1;
}

/* SQL Server (MS-TDS 2.2.6.5): the handshake is inside of packets, what follows is not. */
static __always_inline int zt_on_tds(struct __sk_buff *skb, struct zt_flow *f,
				     const struct zt_work *w)
{
	bool server = w->pass.dir != f->opener;
	const __u8 *b = w->peek.b;
	int version;

	if ((f->look & ZT_LOOK_STAGE) == ZT_LOOK_TDS_TLS) {
		if (!server)
			return 0;
		if (b[0] == ZT_TLS_DATA && zt_is_record(b)) {
			f->encryption = f->look_data;
			f->look = ZT_LOOK_NONE;
			return 1;
		}
		/* An answer in the clear: the login alone was encrypted. */
		if (b[0] == 4 && !zt_is_record(b + 8))
			return zt_plain(f, ZT_APP_MSSQL);
		return 0;
	}
	if (!server && b[0] == 0x10) /* LOGIN7 */
		return zt_plain(f, ZT_APP_MSSQL);
	if (!zt_is_record(b + 8) || b[8] != ZT_TLS_HANDSHAKE)
		return 0;
	if (!server && b[0] == 0x12 && b[13] == 1) {
		f->look |= ZT_LOOK_IN;
	} else if (server && (f->look & ZT_LOOK_IN) && zt_be16(b + 13) == 0x0200) {
		version = zt_server_hello(skb, w, 17);
		if (version < ZT_ENC_TLS || version > ZT_ENC_TLS13)
			return 0;
		f->look_data = version;
		f->look = ZT_LOOK_TDS_TLS;
		f->look_left = ZT_LOOKS;
	}
	return 0;
}

/* SMB 3 encrypts from some message on (MS-SMB2 2.2.41); no class of ours fits that. */
static __always_inline int zt_on_smb(struct zt_flow *f, const struct zt_work *w)
{
	if (w->peek.b[0] || zt_be32(w->peek.b + 4) != ZT_4(0xfd, 'S', 'M', 'B'))
		return 0;
	f->encryption = ZT_ENC_UNKNOWN;
	f->look = ZT_LOOK_NONE;
	return 1;
}

/* --- stages ---------------------------------------------------------------------------------- */

static __always_inline int zt_on_first(struct __sk_buff *skb, struct zt_flow *f, struct zt_work *w)
{
	__u8 bit = w->pass.dir == ZT_DIR_IN ? ZT_LOOK_IN : ZT_LOOK_OUT;
	__u32 skip;

	if (w->pass.dir == f->opener && !(f->look & bit)) {
		skip = zt_class_proxy(f);
		if (skip && !zt_peek_at(skb, w, w->peek.off + skip))
			return 0;
	}
	if (zt_class_tls(skb, f))
		return 1;
	if (f->look & bit)
		return 0;
	f->look |= bit;
	return w->pass.dir == f->opener ? zt_class_client(f) : zt_class_server(f);
}

/* Verified once, for TCP; the datagrams have their own. */
__noinline int zt_class_stream(struct __sk_buff *skb, struct zt_flow *f)
{
	struct zt_work *w = zt_work_get();

	if (!w || !f)
		return 0;
	switch (f->look & ZT_LOOK_STAGE) {
	case ZT_LOOK_FIRST:
		return zt_on_first(skb, f, w);
	case ZT_LOOK_MIDDLE:
		return zt_on_middle(skb, f, w);
	case ZT_LOOK_HELLO:
		return zt_on_hello(skb, f, w);
	case ZT_LOOK_BANNER:
		return zt_on_banner(f, w);
	case ZT_LOOK_GREETED:
		return zt_on_greeted(f, w);
	case ZT_LOOK_UPGRADE:
		return zt_class_tls(skb, f);
	case ZT_LOOK_PG_SSL:
	case ZT_LOOK_PG_GSS:
		return zt_on_postgres(f, w);
	case ZT_LOOK_MYSQL:
		return zt_on_mysql(skb, f, w);
	case ZT_LOOK_TDS:
	case ZT_LOOK_TDS_TLS:
		return zt_on_tds(skb, f, w);
	case ZT_LOOK_SMB:
		return zt_on_smb(f, w);
	case ZT_LOOK_MAYBE:
		return w->pass.dir == f->opener ? 0 : zt_class_server(f);
	}
	f->look = ZT_LOOK_NONE;
	return 0;
}

/* Whose packets are not counted: a hello's own end may send early data for long. */
static __always_inline bool zt_is_free(const struct zt_flow *f, const struct zt_pass *pass)
{
	__u8 by = f->look & ZT_LOOK_BY_NEAR ? ZT_DIR_OUT : ZT_DIR_IN;

	return (f->look & ZT_LOOK_STAGE) == ZT_LOOK_HELLO && pass->dir == by;
}

__noinline int zt_class(struct __sk_buff *skb, struct zt_flow *f)
{
	struct zt_work *w = zt_work_get();
	__u8 stage;

	if (!w || !f || !f->look || !w->pass.pkt.payload)
		return 0;
	if (!zt_peek_at(skb, w, w->pass.pkt.payload))
		return 0;
	stage = f->look & ZT_LOOK_STAGE;
	if (w->pass.pkt.proto == IPPROTO_UDP)
		zt_class_datagram(skb, f);
	else if (w->peek.len > 1 || stage == ZT_LOOK_PG_SSL || stage == ZT_LOOK_PG_GSS)
		zt_class_stream(skb, f); /* one byte of garbage is what a keep-alive may carry */
	if ((f->look & ZT_LOOK_STAGE) != stage || stage == ZT_LOOK_DNS || zt_is_free(f, &w->pass))
		return 0;
	if (f->look_left > 1)
		f->look_left--;
	else
		f->look = ZT_LOOK_NONE;
	return 0;
}

__noinline int zt_class_slow(struct __sk_buff *skb)
{
	struct zt_work *w = zt_work_get();
	struct zt_flow *f;

	if (!w)
		return 0;
	f = bpf_map_lookup_elem(&zt_flows, &w->pass.key);
	if (!f)
		f = bpf_map_lookup_elem(&zt_openings, &w->pass.key);
	return f && f->look ? zt_class(skb, f) : 0;
}
