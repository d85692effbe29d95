// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * class_tcp.bpf.c - protocols in the clear over TCP, by the first bytes of client and server.
 *
 * Each is told by at least 32 bits that hold together (magic, lengths that fit the packet,
 * fields that must be zero); a well-known port alone never tells, and only lends weight where a
 * protocol's first bytes are words that others use too. docs/protocols.md lists sources.
 */
#include "class.bpf.h"
#include "class_bits.bpf.h"

/* --- text --------------------------------------------------------------------------- */

/* RFC 9110, 9.3 and RFC 4918; RFC 3261, 7.1. The first four letters of the method. */
static __always_inline bool zt_is_http_method(__u32 word)
{
	switch (word) {
	case ZT_4('G', 'E', 'T', ' '):
	case ZT_4('P', 'O', 'S', 'T'):
	case ZT_4('H', 'E', 'A', 'D'):
	case ZT_4('P', 'U', 'T', ' '):
	case ZT_4('D', 'E', 'L', 'E'):
	case ZT_4('O', 'P', 'T', 'I'):
	case ZT_4('P', 'A', 'T', 'C'):
	case ZT_4('T', 'R', 'A', 'C'):
	case ZT_4('P', 'R', 'O', 'P'):
	case ZT_4('R', 'E', 'P', 'O'):
	case ZT_4('M', 'K', 'C', 'O'):
	case ZT_4('C', 'O', 'P', 'Y'):
	case ZT_4('M', 'O', 'V', 'E'):
	case ZT_4('L', 'O', 'C', 'K'):
	case ZT_4('U', 'N', 'L', 'O'):
	case ZT_4('S', 'E', 'A', 'R'):
		return true;
	}
	return false;
}

__noinline int zt_class_request(struct zt_flow *f)
{
	struct zt_work *w = zt_work_get();
	__u32 at, word, target;
	const __u8 *b;

	if (!w || !f)
		return 0;
	b = w->peek.b;
	word = zt_be32(b);
	if (word == ZT_4('P', 'R', 'I', ' ') && zt_be32(b + 4) == ZT_4('*', ' ', 'H', 'T') &&
	    zt_be32(b + 8) == ZT_4('T', 'P', '/', '2'))
		return zt_plain(f, ZT_APP_HTTP2);
	/* A request to a proxy; TLS with somebody behind it may follow. */
	if (word == ZT_4('C', 'O', 'N', 'N') && zt_be32(b + 4) == ZT_4('E', 'C', 'T', ' ') &&
	    b[8] > ' ')
		return zt_plain_until(f, ZT_APP_HTTP, ZT_LOOK_UPGRADE, ZT_LOOKS);
	at = zt_peek_space();
	if (!at)
		return 0;
	target = zt_be32(b + (at & 15));
	if (zt_is_sip_target(target))
		return zt_plain(f, ZT_APP_SIP);
	if (zt_is_http_method(word) && ((target >> 24) == '/' || (target >> 16) == ZT_2('*', ' ') ||
					target == ZT_4('h', 't', 't', 'p')))
		return zt_plain(f, ZT_APP_HTTP);
	return 0;
}

/* Redis' own serialisation: an array of bulk strings. */
static __always_inline bool zt_is_resp(const __u8 *b)
{
	if (b[0] != '*' || b[1] < '1' || b[1] > '9')
		return false;
	if (zt_be16(b + 2) == ZT_2('\r', '\n'))
		return b[4] == '$' && b[5] >= '0' && b[5] <= '9';
	return b[2] >= '0' && b[2] <= '9' && zt_be16(b + 3) == ZT_2('\r', '\n') && b[5] == '$';
}

static __always_inline bool zt_is_memcached_word(__u32 word)
{
	switch (word) {
	case ZT_4('g', 'e', 't', ' '):
	case ZT_4('g', 'e', 't', 's'):
	case ZT_4('s', 'e', 't', ' '):
	case ZT_4('a', 'd', 'd', ' '):
	case ZT_4('i', 'n', 'c', 'r'):
	case ZT_4('d', 'e', 'c', 'r'):
	case ZT_4('s', 't', 'a', 't'):
	case ZT_4('v', 'e', 'r', 's'):
	case ZT_4('d', 'e', 'l', 'e'):
	case ZT_4('f', 'l', 'u', 's'):
		return true;
	}
	return false;
}

static __always_inline bool zt_is_redis_word(__u32 word)
{
	switch (word & ~0x20202020) {
	case ZT_4('P', 'I', 'N', 'G'):
	case ZT_4('I', 'N', 'F', 'O'):
	case ZT_4('A', 'U', 'T', 'H'):
	case ZT_4('E', 'C', 'H', 'O'):
	case ZT_4('S', 'E', 'L', 'E'):
	case ZT_4('Q', 'U', 'I', 'T'):
	case ZT_4('S', 'E', 'T', 0):
	case ZT_4('G', 'E', 'T', 0):
		return true;
	}
	return false;
}

/* Words that the answer, or the port, must confirm. */
static __always_inline int zt_client_words(struct zt_flow *f, const struct zt_work *w)
{
	const __u8 *b = w->peek.b;
	__u32 word = zt_be32(b);

	if (zt_is_memcached_word(word)) {
		if (zt_has_port(&w->pass, 11211))
			return zt_plain(f, ZT_APP_MEMCACHED);
		f->look_data = ZT_APP_MEMCACHED;
	} else if (zt_is_redis_word(word)) {
		if (zt_has_port(&w->pass, 6379))
			return zt_plain(f, ZT_APP_REDIS);
		f->look_data = ZT_APP_REDIS;
	} else {
		return 0;
	}
	f->look = ZT_LOOK_MAYBE;
	f->look_left = ZT_LOOKS;
	return 0;
}

static __always_inline int zt_client_text(struct zt_flow *f, const struct zt_work *w)
{
	const __u8 *b = w->peek.b;
	__u32 word = zt_be32(b);

	if (zt_is_resp(b))
		return zt_plain(f, ZT_APP_REDIS);
	if (word == ZT_4('A', 'M', 'Q', 'P') && b[4] <= 3 && b[5] <= 1)
		return b[4] == 2 ? zt_plain_until(f, ZT_APP_AMQP, ZT_LOOK_UPGRADE, ZT_LOOKS)
				 : zt_plain(f, ZT_APP_AMQP);
	if ((word == ZT_4('<', '?', 'x', 'm') || word == ZT_4('<', 's', 't', 'r')) &&
	    zt_peek_find(ZT_4('j', 'a', 'b', 'b')))
		return zt_plain_until(f, ZT_APP_XMPP, ZT_LOOK_UPGRADE, ZT_LOOKS_UPGRADE);
	if (zt_peek_syslog(zt_has_port(&w->pass, 514) || zt_has_port(&w->pass, 601)))
		return zt_plain(f, ZT_APP_SYSLOG);
	return zt_client_words(f, w);
}

/* --- binary: databases --------------------------------------------------------------------- */

static __always_inline int zt_pg_asks(struct zt_flow *f, const struct zt_work *w, __u8 stage)
{
	zt_plain_until(f, ZT_APP_POSTGRESQL, stage, ZT_LOOKS);
	if (w->pass.dir == ZT_DIR_OUT)
		f->look |= ZT_LOOK_BY_NEAR;
	if (w->pass.pkt.tcp_flags & ZT_TCP_ACK) {
		f->look |= ZT_LOOK_IN;
		f->look_data = w->pass.pkt.ack;
	}
	return 1;
}

/* PostgreSQL's protocol, 55.7: SSLRequest, GSSENCRequest, CancelRequest, StartupMessage. */
static __always_inline int zt_client_postgres(struct zt_flow *f, const struct zt_work *w)
{
	const __u8 *b = w->peek.b;
	__u32 len = zt_be32(b), code = zt_be32(b + 4);

	if (len == 8 && code == 80877103)
		return zt_pg_asks(f, w, ZT_LOOK_PG_SSL);
	if (len == 8 && code == 80877104)
		return zt_pg_asks(f, w, ZT_LOOK_PG_GSS);
	if (len >= 16 && len <= 268 && code == 80877102)
		return zt_plain(f, ZT_APP_POSTGRESQL);
	if (len == w->peek.len && len >= 9 && len <= 10000 && code >> 2 == 0x00030000 >> 2 &&
	    ((b[8] >= 'a' && b[8] <= 'z') || b[8] == '_'))
		return zt_plain(f, ZT_APP_POSTGRESQL);
	return 0;
}

/* MongoDB's wire protocol: length, number, 0, OP_MSG, OP_QUERY or OP_COMPRESSED. */
static __always_inline bool zt_is_mongodb(const struct zt_peek *p)
{
	__u32 len = zt_le32(p->b), op = zt_le32(p->b + 12);

	return len == p->len && len >= 26 && !zt_le32(p->b + 8) &&
	       (op == 2013 || op == 2004 || op == 2012);
}

/* Kafka's request header: length, key, version, number, client id. */
static __always_inline bool zt_is_kafka(const struct zt_peek *p)
{
	const __u8 *b = p->b;
	__u32 id = zt_be16(b + 12);

	return p->len >= 14 && zt_be32(b) == p->len - 4 && zt_be16(b + 4) <= 92 &&
	       zt_be16(b + 6) <= 20 && zt_be32(b + 8) < 0x100000 &&
	       (id == 0xffff ||
		(id && id <= 200 && 14 + id <= p->len && b[14] > ' ' && b[14] < 127));
}

/* Oracle Net: CONNECT, of a version from 8 on; checksums are not in use. */
static __always_inline bool zt_is_tns(const struct zt_peek *p)
{
	const __u8 *b = p->b;
	__u32 version = zt_be16(b + 8), least = zt_be16(b + 10);

	return p->len >= 34 && zt_be16(b) <= p->len && zt_be16(b) >= 34 && !zt_be16(b + 2) &&
	       b[4] == 1 && !zt_be16(b + 6) && version >= 300 && version <= 330 && least >= 300 &&
	       least <= version;
}

/* MS-TDS 2.2.6.5: PRELOGIN, whose first option is VERSION, of six bytes. */
static __always_inline bool zt_is_prelogin(const struct zt_peek *p)
{
	const __u8 *b = p->b;

	return zt_be16(b) == 0x1201 && zt_be16(b + 2) == p->len && !zt_be16(b + 4) && !b[7] &&
	       !b[8] && zt_be16(b + 9) < 64 && zt_be16(b + 11) == 6;
}

/* MS-TDS 2.2.6.4: LOGIN7 without a PRELOGIN, by clients that ask for no encryption. */
static __always_inline bool zt_is_login7(const struct zt_peek *p)
{
	const __u8 *b = p->b;

	return zt_be16(b) == 0x1001 && zt_be16(b + 2) == p->len && !zt_be16(b + 4) && !b[7] &&
	       zt_le32(b + 8) == p->len - 8;
}

/* Memcached's binary protocol: a request whose lengths agree. */
static __always_inline bool zt_is_memcached(const struct zt_peek *p)
{
	const __u8 *b = p->b;

	return b[0] == 0x80 && b[1] <= 0x26 && !b[5] && p->len >= 24 &&
	       zt_be32(b + 8) == p->len - 24 && zt_be16(b + 2) + b[4] <= p->len - 24;
}

static __always_inline int zt_client_database(struct zt_flow *f, const struct zt_work *w)
{
	const struct zt_peek *p = &w->peek;

	if (zt_client_postgres(f, w))
		return 1;
	if (zt_is_mongodb(p))
		return zt_plain(f, ZT_APP_MONGODB);
	if (zt_is_prelogin(p))
		return zt_plain_until(f, ZT_APP_MSSQL, ZT_LOOK_TDS, ZT_LOOKS_LONG);
	if (zt_is_login7(p))
		return zt_plain(f, ZT_APP_MSSQL);
	if (zt_is_tns(p))
		return zt_plain(f, ZT_APP_ORACLE);
	if (zt_is_kafka(p))
		return zt_plain(f, ZT_APP_KAFKA);
	if (zt_is_memcached(p))
		return zt_plain(f, ZT_APP_MEMCACHED);
	return 0;
}

/* --- binary: the rest ------------------------------------------------------------------------ */

/* RFC 5531, 11: a record mark in front, all of a call. */
static __always_inline int zt_client_rpc(struct zt_flow *f, const struct zt_peek *p)
{
	__u32 mark = zt_be32(p->b);
	__u8 app;

	if (!(mark & 0x80000000) || (mark & 0x7fffffff) < 40 || (mark & 0x7fffffff) > (1 << 21))
		return 0;
	app = zt_rpc_app(p->b + 4);
	if (!app)
		return 0;
	/* RFC 9289: a call with the flavor AUTH_TLS asks whether TLS may begin. */
	if (zt_be32(p->b + 28) == 7)
		return zt_plain_until(f, app, ZT_LOOK_UPGRADE, ZT_LOOKS);
	return zt_plain(f, app);
}

/* TPKT (RFC 1006) with an X.224 connection request; MS-RDPBCGR 2.2.1.1 says what may follow. */
static __always_inline bool zt_is_rdp(const struct zt_peek *p)
{
	const __u8 *b = p->b;

	return zt_be16(b) == 0x0300 && zt_be16(b + 2) == p->len && b[4] == p->len - 5 &&
	       b[5] == 0xe0 && !zt_be16(b + 6) && !b[10] &&
	       (p->len == 11 || zt_be32(b + 11) == ZT_4('C', 'o', 'o', 'k') ||
		(b[11] == 1 && zt_be16(b + 13) == 0x0800));
}

/* MQTT 3.1 to 5: CONNECT with the protocol's name. */
static __always_inline bool zt_is_mqtt(const struct zt_peek *p)
{
	const __u8 *b = p->b;
	__u32 at = b[1] < 128 ? 2 : b[2] < 128 ? 3 : 4;

	if (b[0] != 0x10)
		return false;
	if (zt_be16(b + at) == 4)
		return zt_be32(b + at + 2) == ZT_4('M', 'Q', 'T', 'T') && b[at + 6] >= 3 &&
		       b[at + 6] <= 5;
	return zt_be16(b + at) == 6 && zt_be32(b + at + 2) == ZT_4('M', 'Q', 'I', 's');
}

/* RFC 1002, 4.3.1 (or its use without NetBIOS): a message, and SMB's magic. */
static __always_inline bool zt_is_smb(const struct zt_peek *p)
{
	__u32 magic = zt_be32(p->b + 4);

	return !p->b[0] && (zt_be32(p->b) & 0xffffff) >= 32 &&
	       (magic == ZT_4(0xff, 'S', 'M', 'B') || magic == ZT_4(0xfe, 'S', 'M', 'B'));
}

static __always_inline int zt_client_binary(struct zt_flow *f, const struct zt_work *w)
{
	const struct zt_peek *p = &w->peek;

	if (zt_is_smb(p))
		return zt_plain_until(f, ZT_APP_SMB, ZT_LOOK_SMB, ZT_LOOKS_UPGRADE);
	if (zt_is_ldap(p))
		return zt_plain_until(f, ZT_APP_LDAP, ZT_LOOK_UPGRADE, ZT_LOOKS_UPGRADE);
	if (zt_client_rpc(f, p))
		return 1;
	if (zt_is_rdp(p))
		return zt_plain_until(f, ZT_APP_RDP, ZT_LOOK_UPGRADE, ZT_LOOKS);
	if (zt_is_mqtt(p))
		return zt_plain(f, ZT_APP_MQTT);
	if (p->len > 4 && zt_be32(p->b) == p->len - 4 && zt_is_kerberos(p->b + 4))
		return zt_plain(f, ZT_APP_KERBEROS);
	/* RFC 1035, 4.2.2 */
	if (p->len > 14 && zt_be16(p->b) >= 17 && zt_be16(p->b) <= p->len - 2 &&
	    zt_is_dns_query(p->b + 2))
		return zt_plain(f, ZT_APP_DNS);
	if (zt_is_telnet(p))
		return zt_plain(f, ZT_APP_TELNET);
	return 0;
}

/* --- the two ends ----------------------------------------------------------------------------- */

__noinline int zt_class_binary(struct zt_flow *f)
{
	struct zt_work *w = zt_work_get();

	return w && f ? zt_client_binary(f, w) : 0;
}

__noinline int zt_class_database(struct zt_flow *f)
{
	struct zt_work *w = zt_work_get();

	return w && f ? zt_client_database(f, w) : 0;
}

/* The first bytes of who opened the connection. */
__noinline int zt_class_client(struct zt_flow *f)
{
	struct zt_work *w = zt_work_get();

	if (!w || !f)
		return 0;
	if (zt_class_request(f) || zt_class_database(f) || zt_class_binary(f))
		return 1;
	return zt_client_text(f, w);
}

/* MySQL, "Protocol::HandshakeV10"; an error (ERR_Packet) may stand in its place. */
static __always_inline bool zt_is_mysql_greeting(const struct zt_peek *p)
{
	const __u8 *b = p->b;
	__u32 len = zt_le32(b) & 0xffffff, at, code = zt_le16(b + 5);

	if (b[3] || len != p->len - 4 || len < 9)
		return false;
	if (b[4] == 0xff)
		return code >= 1000 && code < 5000 && b[7] >= ' ' && b[7] < 127;
	if (b[4] != 10 || b[5] < '0' || b[5] > '9')
		return false;
	at = zt_peek_zero(5); /* number of the thread, 8 bytes of salt, then a zero */
	return at && len >= at + 13 && !b[(at + 13) & 127];
}

/* 220 is said by mail and by file servers. */
static __always_inline int zt_server_220(struct zt_flow *f, const struct zt_work *w)
{
	__u8 app = ZT_APP_NONE;

	if (zt_peek_find(ZT_4('S', 'M', 'T', 'P')) || zt_has_port(&w->pass, 25) ||
	    zt_has_port(&w->pass, 587))
		app = ZT_APP_SMTP;
	else if (zt_peek_find(ZT_4('F', 'T', 'P', ' ')) || zt_peek_find(ZT_4('F', 'T', 'P', 'd')) ||
		 zt_has_port(&w->pass, 21))
		app = ZT_APP_FTP;
	return zt_plain_until(f, app, app ? ZT_LOOK_UPGRADE : ZT_LOOK_GREETED, ZT_LOOKS_UPGRADE);
}

static __always_inline bool zt_is_memcached_reply(__u32 word)
{
	return word == ZT_4('V', 'A', 'L', 'U') || word == ZT_4('S', 'T', 'O', 'R') ||
	       word == ZT_4('E', 'N', 'D', '\r') || word == ZT_4('S', 'T', 'A', 'T') ||
	       word == ZT_4('V', 'E', 'R', 'S') || word == ZT_4('N', 'O', 'T', '_') ||
	       word == ZT_4('D', 'E', 'L', 'E') || word == ZT_4('E', 'R', 'R', 'O');
}

/* An answer to what the client said first. */
static __always_inline int zt_server_reply(struct zt_flow *f, const struct zt_work *w)
{
	const __u8 *b = w->peek.b;
	__u32 word = zt_be32(b);

	if (word == ZT_4('H', 'T', 'T', 'P') && b[4] == '/' && b[5] == '1')
		return zt_plain(f, ZT_APP_HTTP);
	if (word == ZT_4('S', 'I', 'P', '/'))
		return zt_plain(f, ZT_APP_SIP);
	if ((f->look & ZT_LOOK_STAGE) == ZT_LOOK_MAYBE) {
		if (f->look_data == ZT_APP_MEMCACHED && zt_is_memcached_reply(word))
			return zt_plain(f, ZT_APP_MEMCACHED);
		if (f->look_data == ZT_APP_REDIS &&
		    (word == ZT_4('+', 'P', 'O', 'N') || word == ZT_4('+', 'O', 'K', '\r') ||
		     word == ZT_4('-', 'N', 'O', 'A') || word == ZT_4('-', 'E', 'R', 'R') ||
		     word == ZT_4('-', 'W', 'R', 'O') ||
		     (b[0] == '$' && b[1] >= '0' && b[1] <= '9')))
			return zt_plain(f, ZT_APP_REDIS);
	}
	return 0;
}

/* The first bytes of who was connected to; it may speak first. */
__noinline int zt_class_server(struct zt_flow *f)
{
	struct zt_work *w = zt_work_get();
	const __u8 *b;
	__u32 word;

	if (!w || !f)
		return 0;
	b = w->peek.b;
	word = zt_be32(b);
	if (zt_server_reply(f, w))
		return 1;
	if (word == ZT_4('2', '2', '0', ' ') || word == ZT_4('2', '2', '0', '-'))
		return zt_server_220(f, w);
	if (word == ZT_4('*', ' ', 'O', 'K') || word == ZT_4('*', ' ', 'P', 'R') ||
	    word == ZT_4('*', ' ', 'B', 'Y'))
		return zt_plain_until(f, ZT_APP_IMAP, ZT_LOOK_UPGRADE, ZT_LOOKS_UPGRADE);
	/* After a command it may be Redis that says so. */
	if (word >> 8 == ZT_4(0, '+', 'O', 'K') && (b[3] == ' ' || b[3] == '\r') &&
	    (f->look & ZT_LOOK_STAGE) == ZT_LOOK_FIRST &&
	    !(f->look & (f->opener == ZT_DIR_IN ? ZT_LOOK_IN : ZT_LOOK_OUT)))
		return zt_plain_until(f, ZT_APP_POP3, ZT_LOOK_UPGRADE, ZT_LOOKS_UPGRADE);
	if (word == ZT_4('R', 'F', 'B', ' ') && zt_be32(b + 4) == ZT_4('0', '0', '3', '.') &&
	    w->peek.len == 12) /* VeNCrypt may begin TLS */
		return zt_plain_until(f, ZT_APP_VNC, ZT_LOOK_UPGRADE, ZT_LOOKS_LONG);
	if (zt_is_mysql_greeting(&w->peek))
		return b[4] == 10 ? zt_plain_until(f, ZT_APP_MYSQL, ZT_LOOK_MYSQL, ZT_LOOKS)
				  : zt_plain(f, ZT_APP_MYSQL);
	if (word == ZT_4('-', 'D', 'E', 'N') && zt_peek_find(ZT_4('R', 'e', 'd', 'i')))
		return zt_plain(f, ZT_APP_REDIS);
	if (zt_is_telnet(&w->peek))
		return zt_plain(f, ZT_APP_TELNET);
	return 0;
}

/* In the middle of a connection: what a request or an answer begins with, from either end. */
__noinline int zt_class_middle(struct zt_flow *f)
{
	struct zt_work *w = zt_work_get();

	if (!w || !f)
		return 0;
	if (zt_server_reply(f, w) || zt_class_request(f))
		return 1;
	if (zt_is_resp(w->peek.b))
		return zt_plain(f, ZT_APP_REDIS);
	if (zt_is_mongodb(&w->peek))
		return zt_plain(f, ZT_APP_MONGODB);
	if (zt_is_smb(&w->peek))
		return zt_plain(f, ZT_APP_SMB);
	return zt_client_rpc(f, &w->peek);
}

/* HAProxy's PROXY protocol, versions 1 and 2: who the client is, before its first byte. */
__noinline __u32 zt_class_proxy(struct zt_flow *f)
{
	struct zt_work *w = zt_work_get();
	const __u8 *b;

	if (!w || !f)
		return 0;
	b = w->peek.b;
	if (zt_be32(b) == ZT_4('P', 'R', 'O', 'X') && zt_be16(b + 4) == ZT_2('Y', ' ')) {
		for (__u32 i = 6; i < 107; i++)
			if (zt_be16(b + i) == ZT_2('\r', '\n'))
				return i + 2;
		return 0;
	}
	if (zt_be32(b) == 0x0d0a0d0a && zt_be32(b + 4) == 0x000d0a51 &&
	    zt_be32(b + 8) == 0x5549540a && (b[12] >> 4) == 2 && zt_be16(b + 14) <= 1024)
		return 16 + zt_be16(b + 14);
	return 0;
}
