/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * class.bpf.h - what a flow is, by its first payload bytes each way: encryption, protocol.
 *
 * The result is in zt_flow.encryption and .app; .look says what is waited for, .look_left for
 * how many packets, .look_data is the state's own. docs/protocols.md has what is recognised
 * and by what. The bytes are hostile: they never decide a verdict, every read is bounded, and
 * encryption is claimed on the word of both ends (one exception: a TLS ClientHello alone).
 */
#pragma once
#include "flow.bpf.h"

/* zt_flow.look: a stage and its flags; 0 = nothing is looked for. */
#define ZT_LOOK_STAGE	0x1f
#define ZT_LOOK_IN	0x20 /* stage's own; FIRST: payload came in, OUT: went out */
#define ZT_LOOK_OUT	0x40
#define ZT_LOOK_BY_NEAR 0x80 /* who said what the stage waits for an answer to */

enum zt_look_stage {
	ZT_LOOK_NONE = 0,
	ZT_LOOK_FIRST,	  /* TCP from its beginning */
	ZT_LOOK_MIDDLE,	  /* TCP from its middle: TLS records seen IN, OUT */
	ZT_LOOK_HELLO,	  /* ClientHello seen; look_data: seq of its answer (IN: known) */
	ZT_LOOK_BANNER,	  /* SSH: one banner seen */
	ZT_LOOK_UPGRADE,  /* in the clear; TLS may begin */
	ZT_LOOK_GREETED,  /* 220: mail or file transfer, the client's command tells */
	ZT_LOOK_PG_SSL,	  /* PostgreSQL: SSLRequest seen; look_data: seq of the answer */
	ZT_LOOK_PG_GSS,	  /* PostgreSQL: GSSENCRequest */
	ZT_LOOK_MYSQL,	  /* server's greeting seen */
	ZT_LOOK_TDS,	  /* SQL Server: pre-login seen, TLS may be inside packets */
	ZT_LOOK_TDS_TLS,  /* handshake seen inside packets; look_data: version found */
	ZT_LOOK_SMB,	  /* in the clear so far */
	ZT_LOOK_MAYBE,	  /* look_data: a protocol that the answer must confirm */
	ZT_LOOK_DATAGRAM, /* UDP: nothing recognised */
	ZT_LOOK_DTLS,	  /* ClientHello seen */
	ZT_LOOK_QUIC,	  /* Initial seen; look_data: hash of its source connection id */
	ZT_LOOK_WG,	  /* initiation seen; look_data: its sender index */
	ZT_LOOK_WG_DATA,  /* transport data seen from one end */
	ZT_LOOK_IKE,	  /* one end's message seen; look_data: hash of the initiator's SPI */
	ZT_LOOK_ESP_ONE,  /* UDP 4500; look_data: SPI + sequence number of one end */
	ZT_LOOK_ESP_TWO,  /* one end confirmed; look_data: the other's */
	ZT_LOOK_DTLS_REC, /* protected DTLS records seen from one end */
	ZT_LOOK_DNS,	  /* UDP to port 53, opened from here: every answer is looked at */
};

#define ZT_LOOKS	 8  /* packets with payload, by default */
#define ZT_LOOKS_LONG	 64 /* of a transfer few segments begin with a record */
#define ZT_LOOKS_UPGRADE 32 /* EHLO, capabilities, a search before StartTLS */

/**
 * zt_look_begin - what to look for in a flow that begins.
 * @f: opener, flags are set; the classifier's fields are set here.
 */
static __always_inline void zt_look_begin(struct zt_flow *f, const struct zt_pass *pass)
{
	f->encryption = ZT_ENC_UNKNOWN;
	f->app = ZT_APP_NONE;
	f->look = ZT_LOOK_NONE;
	f->look_left = ZT_LOOKS;
	f->look_data = 0;
	if (pass->pkt.proto == IPPROTO_TCP) {
		f->look = ZT_LOOK_FIRST;
		if (f->flags & ZT_FLOW_MIDFLOW) {
			f->look = ZT_LOOK_MIDDLE;
			f->look_left = ZT_LOOKS_LONG;
		}
	} else if (pass->pkt.proto == IPPROTO_UDP) {
		f->look = ZT_LOOK_DATAGRAM;
		if (f->opener == ZT_DIR_OUT && pass->key.far_port == bpf_htons(53) &&
		    pass->key.kind == ZT_KIND_LOCAL)
			f->look = ZT_LOOK_DNS;
	} else if (pass->pkt.proto == IPPROTO_ESP) {
		f->encryption = ZT_ENC_ESP;
	}
}

/**
 * zt_class - look at a packet of a flow whose `look` is not 0.
 * @skb: the packet that the working set's pass describes; it may be without payload.
 * @f:	 its entry, in a map or not yet; look, look_left, look_data, encryption, app change.
 *
 * Returns 0.
 */
int zt_class(struct __sk_buff *skb, struct zt_flow *f);

/* zt_class_slow - the same behind the slow path: finds the entry of the pass' key itself. */
int zt_class_slow(struct __sk_buff *skb);

/* --- between the files of the classifier ---------------------------------------------- */

/*
 * Each looks at the working set's peek, and changes @f when it recognises something.
 * Return 1 when it did, else 0.
 */
int zt_class_tls(struct __sk_buff *skb, struct zt_flow *f);
int zt_class_client(struct zt_flow *f);
int zt_class_server(struct zt_flow *f);
int zt_class_middle(struct zt_flow *f);
int zt_class_stream(struct __sk_buff *skb, struct zt_flow *f);
int zt_class_datagram(struct __sk_buff *skb, struct zt_flow *f);

/* Length of a PROXY protocol header that stands before everything else, 0 = none. */
__u32 zt_class_proxy(struct zt_flow *f);

/**
 * zt_hello_version - what version a ServerHello chose.
 * @off: of its legacy_version in the packet; @end: where the message or the packet ends.
 *
 * Returns ZT_ENC_TLS10 .. 13, SSL3, their DTLS kin; ZT_ENC_TLS when it cannot be told;
 * 0 when these are not the bytes of a ServerHello.
 */
int zt_hello_version(struct __sk_buff *skb, __u32 off, __u32 end);

/* Where a message of @len bytes from @off on ends, as far as the packet has it. */
static __always_inline __u32 zt_message_end(__u32 off, __u32 len, __u32 end)
{
	return off + len < end ? off + len : end;
}

static __always_inline __u32 zt_be16(const __u8 *b)
{
	return bpf_ntohs(*(const __u16 *)b);
}

static __always_inline __u32 zt_be32(const __u8 *b)
{
	return bpf_ntohl(*(const __u32 *)b);
}

static __always_inline __u32 zt_le16(const __u8 *b)
{
	return *(const __u16 *)b;
}

static __always_inline __u32 zt_le32(const __u8 *b)
{
	return *(const __u32 *)b;
}

#define ZT_4(a, b, c, d) ((__u32)(a) << 24 | (b) << 16 | (c) << 8 | (d))
#define ZT_2(a, b)	 ((__u32)(a) << 8 | (b))

/* --- TLS records, SSH banners --- */

#define ZT_TLS_ALERT	 21
#define ZT_TLS_HANDSHAKE 22
#define ZT_TLS_DATA	 23
#define ZT_TLS_MAX	 (16384 + 2048) /* RFC 5246, 6.2.3 */

/* A record's header: type, version 3.0 to 3.3, a length that there may be. */
static __always_inline bool zt_is_record(const __u8 *b)
{
	return b[0] >= 20 && b[0] <= 23 && b[1] == 3 && b[2] <= 3 && zt_be16(b + 3) <= ZT_TLS_MAX;
}

/* RFC 4253, 4.2 */
static __always_inline bool zt_is_ssh(const __u8 *b)
{
	return zt_be32(b) == ZT_4('S', 'S', 'H', '-') && (b[4] == '1' || b[4] == '2') &&
	       b[5] == '.' && b[6] >= '0' && b[6] <= '9';
}

/* --- results --- */

/* In the clear, by this name; nothing more to look for. */
static __always_inline int zt_plain(struct zt_flow *f, __u8 app)
{
	f->encryption = ZT_ENC_PLAINTEXT;
	f->app = app;
	f->look = ZT_LOOK_NONE;
	return 1;
}

/* In the clear so far, by this name. */
static __always_inline int zt_plain_until(struct zt_flow *f, __u8 app, __u8 stage, __u8 looks)
{
	zt_plain(f, app);
	f->look = stage;
	f->look_left = looks;
	return 1;
}
