// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * class_udp.bpf.c - datagrams: DTLS, QUIC, WireGuard, IPsec, and protocols in the clear.
 *
 * Nobody proves an address here, so encryption is never claimed on one end's word: each form
 * has something that the answer must repeat or fit (a connection id, an index, an SPI, counters).
 */
#include "class.bpf.h"
#include "class_bits.bpf.h"
#include "dns.bpf.h"

#define ZT_PORT_IKE  500
#define ZT_PORT_NATT 4500

static __always_inline bool zt_by_other(const struct zt_flow *f, const struct zt_pass *pass)
{
	return pass->dir != (f->look & ZT_LOOK_BY_NEAR ? ZT_DIR_OUT : ZT_DIR_IN);
}

/* Now waits for the other end. */
static __always_inline int zt_wait(struct zt_flow *f, const struct zt_pass *pass, __u8 stage,
				   __u32 data)
{
	f->look = stage | (pass->dir == ZT_DIR_OUT ? ZT_LOOK_BY_NEAR : 0);
	f->look_data = data;
	return 1;
}

static __always_inline int zt_secret(struct zt_flow *f, __u8 encryption)
{
	f->encryption = encryption;
	f->look = ZT_LOOK_NONE;
	return 1;
}

static __always_inline __u32 zt_hash(const __u8 *b, __u32 at, __u32 len)
{
	__u32 hash = 0x811c9dc5 ^ len; /* FNV-1a */

	for (__u32 i = 0; i < 20; i++) {
		if (i >= len)
			break;
		hash = (hash ^ b[(at + i) & 127]) * 0x01000193;
	}
	return hash;
}

/* --- DTLS (RFC 6347, RFC 9147) ---------------------------------------------------------- */

/* A record in the clear with a handshake message, whole or its beginning, of that type. */
static __always_inline bool zt_is_dtls(const struct zt_peek *p, __u8 type)
{
	const __u8 *b = p->b;
	__u32 len = zt_be16(b + 11);

	return b[0] == 22 && b[1] == 0xfe && (b[2] == 0xff || b[2] == 0xfd) && !zt_be16(b + 3) &&
	       len >= 12 + 2 && len + 13 <= p->len && b[13] == type && !b[14] && !b[17] &&
	       b[18] < 8 && !b[19] && !zt_be16(b + 20) && !b[22] && zt_be16(b + 23) + 12 <= len &&
	       b[25] == 0xfe;
}

static __always_inline int zt_on_dtls(struct __sk_buff *skb, struct zt_flow *f,
				      const struct zt_work *w)
{
	__u32 off = w->peek.off + 25, version;

	if (!zt_by_other(f, &w->pass))
		return 0;
	/* A HelloVerifyRequest (3) says nothing of the version; the client asks again. */
	if (!zt_is_dtls(&w->peek, 2))
		return 0;
	version = zt_hello_version(
		skb, off, zt_message_end(off, zt_be16(w->peek.b + 23), w->peek.off + w->peek.len));
	if (version < ZT_ENC_DTLS || version > ZT_ENC_DTLS13)
		return 0;
	return zt_secret(f, version);
}

/* Protected records that fill the datagram, from a connection's middle; version as in force. */
static __always_inline int zt_dtls_middle(struct zt_flow *f, const struct zt_work *w)
{
	const __u8 *b = w->peek.b;

	if (b[0] != 23 || b[1] != 0xfe || (b[2] != 0xff && b[2] != 0xfd) || !zt_be16(b + 3) ||
	    zt_be16(b + 3) > 64 || zt_be16(b + 11) + 13 != w->peek.len || w->peek.len < 13 + 16)
		return 0;
	if ((f->look & ZT_LOOK_STAGE) != ZT_LOOK_DTLS_REC)
		return zt_wait(f, &w->pass, ZT_LOOK_DTLS_REC, b[2]);
	if (!zt_by_other(f, &w->pass) || f->look_data != b[2])
		return 0;
	return zt_secret(f, b[2] == 0xff ? ZT_ENC_DTLS10 : ZT_ENC_DTLS12);
}

/* --- QUIC (RFC 9000, 17.2; RFC 9369) ------------------------------------------------------ */

/* As published, and as its drafts had it (draft-ietf-quic-v2): other numbers for packet types. */
static __always_inline bool zt_is_quic_2(__u32 version)
{
	return version == 0x6b3343cf || version == 0x709a50c4;
}

static __always_inline bool zt_is_quic_version(__u32 version)
{
	return version == 1 || zt_is_quic_2(version) ||
	       (version >= 0xff00001d && version <= 0xff000022);
}

/* A client's Initial: 1,200 bytes at least, by 14.1; destination id of 8 bytes at least. */
static __always_inline int zt_quic_initial(struct zt_flow *f, const struct zt_work *w)
{
	const struct zt_peek *p = &w->peek;
	__u32 version = zt_be32(p->b + 1), dcid = p->b[5], scid;
	__u8 initial = zt_is_quic_2(version) ? 0x10 : 0;

	if ((p->b[0] & 0xf0) != (0xc0 | initial) || !zt_is_quic_version(version) || p->len < 1200 ||
	    dcid < 8 || dcid > 20)
		return 0;
	scid = p->b[(6 + dcid) & 31];
	if (scid > 20)
		return 0;
	return zt_wait(f, &w->pass, ZT_LOOK_QUIC, zt_hash(p->b, 7 + dcid, scid));
}

/* What comes back is addressed to the id that the client gave itself. */
static __always_inline int zt_on_quic(struct zt_flow *f, const struct zt_work *w)
{
	const struct zt_peek *p = &w->peek;

	if (!zt_by_other(f, &w->pass))
		return zt_quic_initial(f, w);
	/* The fixed bit may be clear by then: RFC 9287. */
	if (!(p->b[0] & 0x80) || !zt_is_quic_version(zt_be32(p->b + 1)) || p->len < 23 ||
	    p->b[5] > 20 || zt_hash(p->b, 6, p->b[5]) != f->look_data)
		return 0; /* version 0: the client may try another */
	return zt_secret(f, ZT_ENC_QUIC);
}

/* --- WireGuard (its paper, 5.4) ------------------------------------------------------------- */

static __always_inline bool zt_is_wg_data(const struct zt_peek *p)
{
	return zt_le32(p->b) == 4 && p->len >= 32 && !(p->len & 15) && zt_le32(p->b + 4);
}

static __always_inline int zt_wireguard(struct zt_flow *f, const struct zt_work *w)
{
	const struct zt_peek *p = &w->peek;
	__u8 stage = f->look & ZT_LOOK_STAGE;

	if (zt_le32(p->b) == 1 && p->len == 148)
		return zt_wait(f, &w->pass, ZT_LOOK_WG, zt_le32(p->b + 4));
	if (stage == ZT_LOOK_WG && zt_by_other(f, &w->pass)) {
		/* The response, or a cookie, names the index of who began. */
		if ((zt_le32(p->b) == 2 && p->len == 92 && zt_le32(p->b + 8) == f->look_data) ||
		    (zt_le32(p->b) == 3 && p->len == 64 && zt_le32(p->b + 4) == f->look_data))
			return zt_secret(f, ZT_ENC_WIREGUARD);
		return 0;
	}
	if (!zt_is_wg_data(p))
		return 0;
	if (stage == ZT_LOOK_WG_DATA && zt_by_other(f, &w->pass))
		return zt_secret(f, ZT_ENC_WIREGUARD);
	return stage == ZT_LOOK_WG_DATA ? 0 : zt_wait(f, &w->pass, ZT_LOOK_WG_DATA, 0);
}

/* --- IPsec (RFC 7296, 3.1; RFC 3948; RFC 4303) ------------------------------------------------ */

/* A whole message of IKE at @at: version, exchange, and a length that is the datagram's. */
static __always_inline bool zt_is_ike(const struct zt_peek *p, const __u32 at)
{
	const __u8 *b = p->b + at;
	__u8 version = b[17], exchange = b[18];

	if (!zt_be32(b) && !zt_be32(b + 4))
		return false;
	if (p->len < 28 + at || zt_be32(b + 24) != p->len - at)
		return false;
	return version == 0x20 ? exchange >= 34 && exchange <= 43 && !(b[19] & 0xc7)
			       : version == 0x10 &&
					 (exchange == 2 || (exchange >= 4 && exchange <= 6) ||
					  exchange == 32 || exchange == 33) &&
					 !(b[19] & 0xf8);
}

static __always_inline int zt_ike(struct zt_flow *f, const struct zt_work *w, const __u32 at)
{
	__u32 spi = zt_hash(w->peek.b, at, 8);

	if (!zt_is_ike(&w->peek, at))
		return 0;
	if ((f->look & ZT_LOOK_STAGE) != ZT_LOOK_IKE || f->look_data != spi)
		return zt_wait(f, &w->pass, ZT_LOOK_IKE, spi);
	if (!zt_by_other(f, &w->pass))
		return 0;
	zt_secret(f, ZT_ENC_IKE);
	if (at) { /* the same ports will carry ESP */
		f->look = ZT_LOOK_DATAGRAM;
		f->look_left = ZT_LOOKS_UPGRADE;
	}
	return 1;
}

/*
 * ESP in UDP has an SPI that stays and a number that rises, and nothing else that can be
 * told: two packets of each end have to agree.
 */
static __always_inline int zt_esp(struct zt_flow *f, const struct zt_work *w)
{
	__u32 spi = zt_be32(w->peek.b), sum = spi + zt_be32(w->peek.b + 4);
	__u8 stage = f->look & ZT_LOOK_STAGE;

	if (spi < 256 || w->peek.len < 8 + 12 || (w->peek.len & 3) || !zt_be32(w->peek.b + 4))
		return 0;
	if (stage != ZT_LOOK_ESP_ONE && stage != ZT_LOOK_ESP_TWO) {
		f->look_left = ZT_LOOKS_UPGRADE;
		return zt_wait(f, &w->pass, ZT_LOOK_ESP_ONE, sum);
	}
	if (zt_by_other(f, &w->pass)) /* of that end we know enough, or nothing yet */
		return 0;
	if (sum - f->look_data - 1 >= 256) { /* another SPI, or repeated */
		f->look_data = sum;
		return 0;
	}
	if (stage == ZT_LOOK_ESP_TWO)
		return zt_secret(f, ZT_ENC_ESP);
	f->look = ZT_LOOK_ESP_TWO | (~f->look & ZT_LOOK_BY_NEAR);
	f->look_data = 0;
	return 1;
}

/* What is written in the clear of it: IKE on either port. */
static __always_inline int zt_on_ike(struct zt_flow *f, const struct zt_work *w)
{
	if (zt_has_port(&w->pass, ZT_PORT_NATT))
		return zt_be32(w->peek.b) ? 0 : zt_ike(f, w, 4);
	return zt_has_port(&w->pass, ZT_PORT_IKE) ? zt_ike(f, w, 0) : 0;
}

static __always_inline int zt_on_esp(struct zt_flow *f, const struct zt_work *w)
{
	return zt_has_port(&w->pass, ZT_PORT_NATT) ? zt_esp(f, w) : 0;
}

/* --- in the clear ----------------------------------------------------------------------------- */

/* RFC 3416 and RFC 3412: version, community; of version 3 whether it is encrypted. */
static __always_inline int zt_snmp(struct zt_flow *f, const struct zt_peek *p)
{
	const __u8 *b = p->b;
	__u32 at, len;

	if (b[0] != 0x30)
		return 0;
	at = zt_ber_skip(b, 1, &len);
	if (!at || at + len != p->len || zt_be16(b + at) != 0x0201)
		return 0;
	at += 2;
	if (b[at] <= 1 && b[at + 1] == 4) /* a community's name, then a PDU */
		return zt_plain(f, ZT_APP_SNMP);
	if (b[at] != 3 || b[at + 1] != 0x30)
		return 0;
	at = zt_ber_skip(b, at + 2, &len); /* number, size, flags */
	if (!at || b[at & 63] != 2)
		return 0;
	at = (at & 63) + 2 + (b[(at & 63) + 1] & 7);
	if (b[at] != 2)
		return 0;
	at = (at & 63) + 2 + (b[(at & 63) + 1] & 7);
	if (zt_be16(b + at) != 0x0401)
		return 0;
	zt_plain(f, ZT_APP_SNMP);
	if (b[at + 2] & 2) /* privFlag: no class of ours fits */
		f->encryption = ZT_ENC_UNKNOWN;
	return 1;
}

/* RFC 5905, 7.3: client, server and the like; the port lends weight. */
static __always_inline bool zt_is_ntp(const struct zt_work *w)
{
	const __u8 *b = w->peek.b;
	__u8 version = (b[0] >> 3) & 7, mode = b[0] & 7;

	return zt_has_port(&w->pass, 123) && version >= 1 && version <= 4 && mode >= 1 &&
	       (mode >= 6 ? w->peek.len >= 8 : w->peek.len >= 48 && b[1] <= 16);
}

/* RFC 2131, 2 and RFC 8415, 8. */
static __always_inline bool zt_is_dhcp(const struct zt_work *w)
{
	const struct zt_peek *p = &w->peek;

	if (p->len >= 240 && (p->b[0] == 1 || p->b[0] == 2) && p->b[2] <= 16 &&
	    zt_be32(p->b + 236) == 0x63825363)
		return true;
	return (zt_has_port(&w->pass, 546) || zt_has_port(&w->pass, 547)) && p->len >= 8 &&
	       p->b[0] >= 1 && p->b[0] <= 13 && !p->b[4] && zt_be16(p->b + 6) + 8 <= p->len;
}

/* RFC 2865, 3: code, a length that is the datagram's, attributes. */
static __always_inline bool zt_is_radius(const struct zt_work *w)
{
	const __u8 *b = w->peek.b;
	bool port = zt_has_port(&w->pass, 1812) || zt_has_port(&w->pass, 1813) ||
		    zt_has_port(&w->pass, 1645) || zt_has_port(&w->pass, 1646) ||
		    zt_has_port(&w->pass, 3799);

	return port && b[0] >= 1 && b[0] <= 45 && w->peek.len >= 20 &&
	       zt_be16(b + 2) == w->peek.len && (w->peek.len == 20 || b[21] >= 2);
}

/* RFC 1350, 5: a request for a file; its mode ends the datagram, or options do. */
static __always_inline bool zt_is_tftp(const struct zt_work *w)
{
	const __u8 *b = w->peek.b;
	__u32 at = zt_peek_zero(2), mode;

	if (zt_be16(b) != 1 && zt_be16(b) != 2)
		return false;
	if (at < 3)
		return false;
	mode = zt_be32(b + (at & 127) + 1) & ~0x20202020;
	return mode == ZT_4('O', 'C', 'T', 'E') || mode == ZT_4('N', 'E', 'T', 'A') ||
	       mode == ZT_4('M', 'A', 'I', 'L');
}

/* A query by anybody; an answer, or multicast DNS, on the ports of DNS alone. */
static __always_inline bool zt_is_dns(const struct zt_work *w)
{
	const __u8 *b = w->peek.b;

	if (w->peek.len < 17 || zt_has_port(&w->pass, 137)) /* NetBIOS names look alike */
		return false;
	if (zt_is_dns_query(b))
		return true;
	if (!zt_has_port(&w->pass, 53) && !zt_has_port(&w->pass, 5353) &&
	    !zt_has_port(&w->pass, 5355))
		return false;
	return ((b[2] >> 3) & 0xf) <= 6 && !(b[3] & 0x40) && zt_be16(b + 4) <= 16 &&
	       zt_be16(b + 6) <= 255 && zt_be16(b + 8) <= 255 && zt_be16(b + 10) <= 64 &&
	       zt_be16(b + 4) + zt_be16(b + 6) + zt_be16(b + 8);
}

__noinline int zt_class_plain_udp(struct zt_flow *f)
{
	struct zt_work *w = zt_work_get();
	const __u8 *b;
	__u32 at;

	if (!w || !f)
		return 0;
	b = w->peek.b;
	if (zt_is_dns(w))
		return zt_plain(f, ZT_APP_DNS);
	if (zt_is_ntp(w))
		return zt_plain(f, ZT_APP_NTP);
	if (zt_is_dhcp(w))
		return zt_plain(f, ZT_APP_DHCP);
	if (zt_is_radius(w))
		return zt_plain(f, ZT_APP_RADIUS);
	if (zt_is_tftp(w))
		return zt_plain(f, ZT_APP_TFTP);
	if (zt_peek_syslog(zt_has_port(&w->pass, 514)))
		return zt_plain(f, ZT_APP_SYSLOG);
	if (zt_is_kerberos(b))
		return zt_plain(f, ZT_APP_KERBEROS);
	if (w->peek.len >= 40 && zt_rpc_app(b))
		return zt_plain(f, zt_rpc_app(b));
	at = zt_peek_space();
	if ((at && zt_is_sip_target(zt_be32(b + (at & 15)))) ||
	    (zt_be32(b) == ZT_4('S', 'I', 'P', '/') && b[4] == '2'))
		return zt_plain(f, ZT_APP_SIP);
	/* RFC 1798: LDAP without a connection; a search's number and base object. */
	if (zt_has_port(&w->pass, 389) && zt_is_ldap(&w->peek))
		return zt_plain(f, ZT_APP_LDAP);
	return zt_snmp(f, &w->peek);
}

/* --- stages ----------------------------------------------------------------------------------- */

__noinline int zt_class_secret_udp(struct __sk_buff *skb, struct zt_flow *f)
{
	struct zt_work *w = zt_work_get();

	if (!w || !f)
		return 0;
	switch (f->look & ZT_LOOK_STAGE) {
	case ZT_LOOK_DTLS:
		return zt_on_dtls(skb, f, w);
	case ZT_LOOK_QUIC:
		return zt_on_quic(f, w);
	case ZT_LOOK_DTLS_REC:
		return zt_dtls_middle(f, w);
	case ZT_LOOK_IKE:
		return zt_on_ike(f, w);
	case ZT_LOOK_ESP_ONE:
	case ZT_LOOK_ESP_TWO:
		return zt_on_ike(f, w) || zt_on_esp(f, w);
	case ZT_LOOK_WG:
	case ZT_LOOK_WG_DATA:
		return zt_wireguard(f, w);
	}
	if (zt_is_dtls(&w->peek, 1))
		return zt_wait(f, &w->pass, ZT_LOOK_DTLS, 0);
	return zt_dtls_middle(f, w) || zt_quic_initial(f, w) || zt_on_ike(f, w) ||
	       zt_wireguard(f, w);
}

/* The weakest sign of all, when nothing else fits. */
__noinline int zt_class_esp(struct zt_flow *f)
{
	struct zt_work *w = zt_work_get();

	return w && f ? zt_on_esp(f, w) : 0;
}

__noinline int zt_class_datagram(struct __sk_buff *skb, struct zt_flow *f)
{
	struct zt_work *w = zt_work_get();

	if (!w || !f)
		return 0;
	if ((f->look & ZT_LOOK_STAGE) == ZT_LOOK_DNS) {
		if (f->app == ZT_APP_DNS && w->pass.dir == ZT_DIR_IN)
			zt_dns_capture(skb);
		if (f->encryption != ZT_ENC_UNKNOWN || w->pass.dir == ZT_DIR_IN)
			return 0;
		if (zt_class_plain_udp(f)) {
			f->look = f->app == ZT_APP_DNS ? ZT_LOOK_DNS : ZT_LOOK_NONE;
			return 1;
		}
		f->look = ZT_LOOK_DATAGRAM; /* something else uses that port */
	}
	if (zt_class_secret_udp(skb, f))
		return 1;
	if (f->look != ZT_LOOK_DATAGRAM)
		return 0;
	if (f->encryption == ZT_ENC_UNKNOWN && zt_class_plain_udp(f))
		return 1;
	return zt_class_esp(f);
}
