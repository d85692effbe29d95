// SPDX-License-Identifier: Apache-2.0
/*
 * tls_hello.c - a ClientHello of TLS 1.1 (RFC 4346, 7.4.1.2) and what answers it.
 *
 * Written byte by byte, since OpenSSL no longer has RC4, DES, export ciphers and 3DES. The weak
 * ones come first: a server that follows the client's order shows the worst that it takes.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/json.h"
#include "ctl/probe/tls.h"

#define RECORD_HEAD    5
#define RECORD_MAX     (16384 + 2048)
#define TYPE_ALERT     21
#define TYPE_HANDSHAKE 22
#define SERVER_HELLO   2

struct suite {
	uint16_t id;
	const char *name; /* IANA's, "TLS_" left out */
	const char *weak;
};

/* IANA, "TLS Cipher Suites". */
static const struct suite suites[] = {
	{0x0001, "RSA_WITH_NULL_MD5", "NULL"},
	{0x0002, "RSA_WITH_NULL_SHA", "NULL"},
	{0xc006, "ECDHE_ECDSA_WITH_NULL_SHA", "NULL"},
	{0xc010, "ECDHE_RSA_WITH_NULL_SHA", "NULL"},
	{0x0003, "RSA_EXPORT_WITH_RC4_40_MD5", "EXPORT"},
	{0x0006, "RSA_EXPORT_WITH_RC2_CBC_40_MD5", "EXPORT"},
	{0x0008, "RSA_EXPORT_WITH_DES40_CBC_SHA", "EXPORT"},
	{0x0014, "DHE_RSA_EXPORT_WITH_DES40_CBC_SHA", "EXPORT"},
	{0x0018, "DH_anon_WITH_RC4_128_MD5", "anonymous"},
	{0x0034, "DH_anon_WITH_AES_128_CBC_SHA", "anonymous"},
	{0x0004, "RSA_WITH_RC4_128_MD5", "RC4"},
	{0x0005, "RSA_WITH_RC4_128_SHA", "RC4"},
	{0xc007, "ECDHE_ECDSA_WITH_RC4_128_SHA", "RC4"},
	{0xc011, "ECDHE_RSA_WITH_RC4_128_SHA", "RC4"},
	{0x0009, "RSA_WITH_DES_CBC_SHA", "DES"},
	{0x0015, "DHE_RSA_WITH_DES_CBC_SHA", "DES"},
	{0x000a, "RSA_WITH_3DES_EDE_CBC_SHA", "3DES"},
	{0x0016, "DHE_RSA_WITH_3DES_EDE_CBC_SHA", "3DES"},
	{0xc008, "ECDHE_ECDSA_WITH_3DES_EDE_CBC_SHA", "3DES"},
	{0xc012, "ECDHE_RSA_WITH_3DES_EDE_CBC_SHA", "3DES"},
	{0xc009, "ECDHE_ECDSA_WITH_AES_128_CBC_SHA", NULL},
	{0xc00a, "ECDHE_ECDSA_WITH_AES_256_CBC_SHA", NULL},
	{0xc013, "ECDHE_RSA_WITH_AES_128_CBC_SHA", NULL},
	{0xc014, "ECDHE_RSA_WITH_AES_256_CBC_SHA", NULL},
	{0x0033, "DHE_RSA_WITH_AES_128_CBC_SHA", NULL},
	{0x0039, "DHE_RSA_WITH_AES_256_CBC_SHA", NULL},
	{0x002f, "RSA_WITH_AES_128_CBC_SHA", NULL},
	{0x0035, "RSA_WITH_AES_256_CBC_SHA", NULL},
	{0x0041, "RSA_WITH_CAMELLIA_128_CBC_SHA", NULL},
	{0x0084, "RSA_WITH_CAMELLIA_256_CBC_SHA", NULL},
};

struct hello {
	uint8_t bytes[256];
	size_t len;
};

static void put16(struct hello *h, uint16_t value)
{
	h->bytes[h->len++] = (uint8_t)(value >> 8);
	h->bytes[h->len++] = (uint8_t)value;
}

static void put(struct hello *h, const void *bytes, size_t len)
{
	memcpy(h->bytes + h->len, bytes, len);
	h->len += len;
}

/* A length that is known only when what it counts is written. */
static void set16(struct hello *h, size_t at)
{
	uint16_t len = (uint16_t)(h->len - at - 2);

	h->bytes[at] = (uint8_t)(len >> 8);
	h->bytes[at + 1] = (uint8_t)len;
}

static void build(struct hello *h)
{
	/* supported_groups: x25519, P-256, P-384, P-521; ec_point_formats: uncompressed. */
	static const uint8_t extensions[] = {0, 10, 0, 10, 0, 8,  0, 29, 0, 23,
					     0, 24, 0, 25, 0, 11, 0, 2,	 1, 0};
	static const uint8_t random[32] = "ztseg assess: TLS 1.1 or older?";

	*h = (struct hello){.len = 0};
	put(h, "\x16\x03\x01\0\0", 5);
	put(h, "\x01\0\0\0", 4);
	put16(h, 0x0302);
	put(h, random, sizeof(random));
	put(h, "", 1); /* no session */
	put16(h, 2 * (ARRAY_SIZE(suites) + 1));
	for (size_t i = 0; i < ARRAY_SIZE(suites); i++)
		put16(h, suites[i].id);
	put16(h, 0x00ff); /* TLS_EMPTY_RENEGOTIATION_INFO_SCSV (RFC 5746) */
	put(h, "\1\0", 2);
	put16(h, sizeof(extensions));
	put(h, extensions, sizeof(extensions));
	set16(h, 3);
	set16(h, 7); /* the low 16 of 24 bits */
}

static const char *version_name(uint16_t version, char buf[16])
{
	if (version == 0x0300)
		return "SSLv3";
	if (version >= 0x0301 && version <= 0x0303)
		snprintf(buf, 16, "TLSv1.%d", version - 0x0301);
	else
		snprintf(buf, 16, "0x%04x", version);
	return version == 0x0301 ? "TLSv1" : buf;
}

static void give_up(json_t *ret, const char *state, const char *why)
{
	json_object_set_new(ret, "state", json_string(state));
	json_object_set_new(ret, "why", json_string(why));
}

static void accepted(json_t *ret, uint16_t version, uint16_t id)
{
	const struct suite *suite = NULL;
	char text[16], number[16];

	for (size_t i = 0; i < ARRAY_SIZE(suites); i++) {
		if (suites[i].id == id)
			suite = &suites[i];
	}
	snprintf(number, sizeof(number), "0x%04x", id);
	json_object_set_new(ret, "state", json_string("accepted"));
	json_object_set_new(ret, "version", json_string(version_name(version, text)));
	json_object_set_new(ret, "cipher", json_string(suite ? suite->name : number));
	if (suite && suite->weak)
		json_object_set_new(ret, "weak", json_string(suite->weak));
}

/* @body: the record's bytes as far as they were read, 4 + 2 + 32 + 1 at least. */
static void judge_hello(json_t *ret, const uint8_t *body, size_t len)
{
	uint16_t version = (uint16_t)(body[4] << 8 | body[5]);
	size_t session = body[38];

	if (body[0] != SERVER_HELLO || session > 32 || len < 39 + session + 2) {
		give_up(ret, "unknown", "the answer is not a ServerHello");
		return;
	}
	/* A server that answers with a version we did not offer is broken, and not downgraded. */
	if (version < 0x0300 || version > 0x0302) {
		give_up(ret, "unknown", "answered with a version that was not offered");
		return;
	}
	accepted(ret, version, (uint16_t)(body[39 + session] << 8 | body[40 + session]));
}

static void read_answer(struct ztc_wire *wire, json_t *ret)
{
	uint8_t head[RECORD_HEAD], body[39 + 32 + 2];
	size_t len, want;
	int r = ztc_wire_full(wire, head, sizeof(head));

	if (r == -ENODATA || r == -ECONNRESET) {
		give_up(ret, "refused", "closed");
		return;
	}
	if (r < 0) {
		give_up(ret, "unknown", r == -ETIMEDOUT ? "no answer" : strerror(-r));
		return;
	}
	len = (size_t)head[3] << 8 | head[4];
	if (head[0] == TYPE_ALERT && head[1] == 3 && len >= 2 && len <= RECORD_MAX) {
		give_up(ret, "refused", "alert");
		return;
	}
	if (head[0] != TYPE_HANDSHAKE || head[1] != 3 || len > RECORD_MAX || len < 41) {
		give_up(ret, "unknown", "the answer is not TLS");
		return;
	}
	want = len < sizeof(body) ? len : sizeof(body);
	r = ztc_wire_full(wire, body, want);
	if (r < 0)
		give_up(ret, "unknown", "the answer is cut");
	else
		judge_hello(ret, body, want);
}

void ztc_tls_downgrade(struct ztc_wire *wire, json_t *ret)
{
	struct hello h;

	build(&h);
	if (ztc_wire_write(wire, h.bytes, h.len) < 0)
		give_up(ret, "unknown", "it could not be sent");
	else
		read_answer(wire, ret);
}
