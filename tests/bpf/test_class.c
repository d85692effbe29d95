// SPDX-License-Identifier: Apache-2.0
/*
 * test_class.c - what the kernel takes flows for: real handshakes of OpenSSL, tables of first
 * bytes, what networks do to segments, and bytes at random.
 */
#include <arpa/inet.h>
#include <openssl/ssl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/protocol.h"
#include "class_rows.h"
#include "talk.h"
#include "tls.h"

static bool is(struct talk *t, __u8 encryption, __u8 app, const char *fmt, ...)
	__attribute__((format(printf, 4, 5)));

/* The only flow there is has this class. */
static bool is(struct talk *t, __u8 encryption, __u8 app, const char *fmt, ...)
{
	char name[160], got[ZT_PROTOCOL_TEXT_LEN], want[ZT_PROTOCOL_TEXT_LEN];
	struct zt_flow f;
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(name, sizeof(name), fmt, ap);
	va_end(ap);
	if (!talk_flow(t, &f))
		return rig_check(t->rig, false, name, "%u flows",
				 rig_count_flows(t->rig, false) + rig_count_flows(t->rig, true));
	return rig_check(t->rig, f.encryption == encryption && f.app == app, name,
			 "%s (%u, %u), look %#x, instead of %s (%u, %u)",
			 zt_protocol_text(f.encryption, f.app, got), f.encryption, f.app, f.look,
			 zt_protocol_text(encryption, app, want), encryption, app);
}

/* --- tables ------------------------------------------------------------------------------ */

static void run_row(struct rig *rig, const struct class_row *row)
{
	for (int by_near = 0; by_near < 2; by_near++) {
		struct talk t;

		if (row->proto == 'm')
			talk_middle(&t, rig, by_near, row->port);
		else
			talk_begin(&t, rig, row->proto == 'u', by_near, row->port);
		if (row->client_port)
			t.client_port = row->client_port;
		talk_script(&t, row->script);
		is(&t, row->encryption, row->app, "%s: %s, opened by %s",
		   row->proto == 'u' ? "udp" : "tcp", row->name, by_near ? "near" : "far");
	}
}

/* --- real handshakes ----------------------------------------------------------------------- */

static const struct {
	const char *name;
	struct tls_wish wish;
	__u8 encryption;
} shakes[] = {
	{"TLS 1.0", {.version = TLS1_VERSION}, ZT_ENC_TLS10},
	{"TLS 1.1", {.version = TLS1_1_VERSION}, ZT_ENC_TLS11},
	{"TLS 1.2", {.version = TLS1_2_VERSION}, ZT_ENC_TLS12},
	{"TLS 1.3", {.version = TLS1_3_VERSION}, ZT_ENC_TLS13},
	{"TLS 1.3, hello again",
	 {.version = TLS1_3_VERSION, .groups = "P-256:P-521"},
	 ZT_ENC_TLS13},
	{"TLS 1.3, a long hello", {.version = TLS1_3_VERSION, .padded = 100}, ZT_ENC_TLS13},
	{"TLS 1.2, a long hello", {.version = TLS1_2_VERSION, .padded = 100}, ZT_ENC_TLS12},
	{"DTLS 1.0", {.version = DTLS1_VERSION, .dtls = true}, ZT_ENC_DTLS10},
	{"DTLS 1.2", {.version = DTLS1_2_VERSION, .dtls = true}, ZT_ENC_DTLS12},
	{"DTLS 1.2, cookies",
	 {.version = DTLS1_2_VERSION, .dtls = true, .cookies = true},
	 ZT_ENC_DTLS12},
};

static void say_all(struct talk *t, const struct tls_talk *tls, unsigned int mss)
{
	for (unsigned int i = 0; i < tls->count; i++)
		talk_say(t, tls->flight[i].who, tls->flight[i].bytes, tls->flight[i].len, mss);
}

static void run_shakes(struct rig *rig)
{
	static const unsigned int mss[] = {1900, TALK_MSS, 536, 100};

	for (size_t i = 0; i < ARRAY_SIZE(shakes); i++) {
		struct tls_talk tls;
		struct talk t;

		tls_shake(&tls, &shakes[i].wish);
		for (size_t m = 0; m < ARRAY_SIZE(mss); m++) {
			if (shakes[i].wish.dtls && m)
				break;
			for (int by_near = 0; by_near < 2; by_near++) {
				talk_begin(&t, rig, shakes[i].wish.dtls, by_near, 8443);
				say_all(&t, &tls, mss[m]);
				is(&t, shakes[i].encryption, ZT_APP_NONE,
				   "handshake: %s, opened by %s, segments of %u", shakes[i].name,
				   by_near ? "near" : "far", mss[m]);
			}
		}
		tls_free(&tls);
	}
}

/* Wherever the ServerHello is cut, no version comes out that was not agreed on. */
static void run_cuts(struct rig *rig)
{
	for (size_t i = 0; i < ARRAY_SIZE(shakes); i++) {
		unsigned int wrong = 0, unsaid = 0, n;
		struct tls_talk tls;
		struct zt_flow f;
		struct talk t;

		if (shakes[i].wish.dtls || shakes[i].wish.padded)
			continue;
		tls_shake(&tls, &shakes[i].wish);
		n = tls.flight[1].len < 200 ? tls.flight[1].len : 200;
		for (unsigned int cut = 1; cut < n; cut++) {
			talk_begin(&t, rig, false, false, 443);
			talk_say(&t, CLIENT, tls.flight[0].bytes, tls.flight[0].len, 1900);
			talk_say(&t, SERVER, tls.flight[1].bytes, cut, 1900);
			talk_say(&t, SERVER, tls.flight[1].bytes + cut, tls.flight[1].len - cut,
				 1900);
			if (!talk_flow(&t, &f)) {
				wrong++;
				continue;
			}
			unsaid += f.encryption == ZT_ENC_TLS || f.encryption == ZT_ENC_UNKNOWN;
			wrong += f.encryption != ZT_ENC_TLS && f.encryption != ZT_ENC_UNKNOWN &&
				 f.encryption != shakes[i].encryption;
		}
		rig_check(rig, !wrong, shakes[i].name, "%u of %u cuts give another version", wrong,
			  n);
		rig_check(rig, unsaid < 100, shakes[i].name, "%u of %u cuts give none", unsaid, n);
		tls_free(&tls);
	}
}

/* --- what networks do ------------------------------------------------------------------------- */

static struct tls_talk tls13;

static void hello(struct talk *t, struct rig *rig)
{
	talk_begin(t, rig, false, false, 443);
	talk_say(t, CLIENT, tls13.flight[0].bytes, tls13.flight[0].len, 1900);
}

static void answer(struct talk *t)
{
	talk_say(t, SERVER, tls13.flight[1].bytes, tls13.flight[1].len, 1900);
}

static void repeated(struct rig *rig)
{
	struct talk t;

	hello(&t, rig);
	for (int i = 0; i < 40; i++)
		talk_at(&t, CLIENT, -(int)tls13.flight[0].len, tls13.flight[0].bytes,
			tls13.flight[0].len);
	answer(&t);
	is(&t, ZT_ENC_TLS13, ZT_APP_NONE, "segments: a hello repeated forty times");

	talk_begin(&t, rig, false, false, 80);
	for (int i = 0; i < 6; i++)
		talk_at(&t, CLIENT, -1, "", 1);
	talk_script(&t, "c 'GET / HTTP/1.1' 0d0a");
	is(&t, ZT_ENC_PLAINTEXT, ZT_APP_HTTP, "segments: probes of a byte of garbage before");
}

static void reordered(struct rig *rig)
{
	struct talk t;

	hello(&t, rig);
	talk_at(&t, SERVER, 1000, "the second segment", 18);
	talk_at(&t, SERVER, -1, "", 1);
	answer(&t);
	is(&t, ZT_ENC_TLS13, ZT_APP_NONE, "segments: the answer's second part comes first");
}

/* Fast open: data in the SYN, and so no number that is acknowledged. */
static void in_the_syn(struct rig *rig)
{
	struct rig_run in = {.hook = 'i'}, out = {.hook = 'o'};
	struct pkt pkt;
	struct talk t;
	char line[200];

	talk_begin(&t, rig, false, false, 443);
	rig_clear(rig);
	snprintf(line, sizeof(line), "ip peer>me / tcp 40000>443 S seq=1 / data %u",
		 tls13.flight[0].len);
	pkt_build(&pkt, AF_INET, row_names, line);
	memcpy(pkt.data + pkt.headers, tls13.flight[0].bytes, tls13.flight[0].len);
	rig_run(rig, &in, &pkt);
	is(&t, ZT_ENC_TLS, ZT_APP_NONE, "segments: a hello in the SYN");
	pkt_build(&pkt, AF_INET, row_names, "ip me>peer / tcp 443>40000 SA seq=999 ack=9");
	rig_run(rig, &out, &pkt);
	answer(&t);
	is(&t, ZT_ENC_TLS13, ZT_APP_NONE, "segments: and its answer");
}

static void super(struct rig *rig)
{
	struct talk t;

	hello(&t, rig);
	talk_super(&t, SERVER, tls13.flight[1].bytes, tls13.flight[1].len, 500);
	is(&t, ZT_ENC_TLS13, ZT_APP_NONE, "segments: a super-packet");
}

/* The tuple is used again for something else. */
static void again(struct rig *rig)
{
	struct talk t;

	hello(&t, rig);
	answer(&t);
	talk_script(&t, "c 15 0303 0002 0100");
	rig_send(rig, 'i', AF_INET, "ip peer>me / tcp 40000>443 R seq=600");
	rig_send(rig, 'i', AF_INET, "ip peer>me / tcp 40000>443 S seq=9000");
	rig_send(rig, 'o', AF_INET, "ip me>peer / tcp 443>40000 SA seq=70000 ack=9001");
	rig_send(rig, 'i', AF_INET, "ip peer>me / tcp 40000>443 A seq=9001 ack=70001");
	t.seq[CLIENT] = 9001;
	t.seq[SERVER] = 70001;
	is(&t, ZT_ENC_UNKNOWN, ZT_APP_NONE, "a tuple used again: nothing is inherited");
	talk_script(&t, "c 'GET / HTTP/1.1' 0d0a");
	is(&t, ZT_ENC_PLAINTEXT, ZT_APP_HTTP, "a tuple used again: it is looked at anew");
}

/* After so many packets nothing is looked at any more: the fast path is what it was. */
static void gives_up(struct rig *rig)
{
	struct zt_flow f;
	struct talk t;

	talk_begin(&t, rig, false, false, 9);
	for (int i = 0; i < 40; i++)
		talk_script(&t, i & 1 ? "s 'mumble'" : "c 'mumble'");
	rig_check(rig, talk_flow(&t, &f) && !f.look, "looks end", "look %#x", f.look);
	talk_begin(&t, rig, false, false, 25);
	talk_script(&t, "s '220 x ESMTP' 0d0a; c 'EHLO y' 0d0a");
	for (int i = 0; i < 80; i++)
		talk_script(&t, i & 1 ? "s '250 ok' 0d0a" : "c 'NOOP' 0d0a");
	rig_check(rig, talk_flow(&t, &f) && !f.look, "looks for STARTTLS end", "look %#x", f.look);
}

static void esp(struct rig *rig)
{
	struct talk t = {.rig = rig};

	rig_clear(rig);
	rig_send(rig, 'i', AF_INET, "ip peer>me / esp / data 64");
	is(&t, ZT_ENC_ESP, ZT_APP_NONE, "ESP, by its protocol number");
}

/* --- at random --- */

static unsigned int seed = 20261122;

static unsigned int any(unsigned int below)
{
	seed = seed * 1103515245 + 12345;
	return (seed >> 12) % below;
}

/* Bytes at random, and bytes that begin like something: never encryption. */
static void random_bytes(struct rig *rig)
{
	static const char *const starts[] = {"\x16\x03\x01", "\x17\x03\x03", "\x16\xfe\xfd",
					     "SSH-",	     "\xc3\0\0\0\1", "\x04\0\0\0",
					     "\x01\0\0\0",   "\x30\x82",     "\0\0\0\0"};
	static const int ports[] = {443, 22, 53, 4500, 500, 51820, 5432, 3306, 25, 40001};
	unsigned int encrypted = 0, named = 0, n = 20000;
	unsigned char bytes[1500];

	for (unsigned int i = 0; i < n; i++) {
		bool udp = any(2);
		struct zt_flow f;
		struct talk t;

		talk_begin(&t, rig, udp, any(2), ports[any(ARRAY_SIZE(ports))]);
		for (int turn = 0; turn < 4; turn++) {
			unsigned int len = 1 + any(any(4) ? 160 : sizeof(bytes) - 1);
			const char *start = starts[any(ARRAY_SIZE(starts))];

			for (unsigned int b = 0; b < len; b++)
				bytes[b] = any(256);
			if (any(2))
				memcpy(bytes, start, len < 3 ? len : 3);
			talk_say(&t, any(2), bytes, len, TALK_MSS);
		}
		if (!talk_flow(&t, &f))
			continue;
		encrypted += zt_cover_secret(zt_encryption_cover(f.encryption));
		named += f.app != ZT_APP_NONE;
	}
	rig_check(rig, !encrypted, "bytes at random are not encryption", "%u of %u are", encrypted,
		  n);
	/* Telnet's three bytes are the weakest name: 1 in 3 million. */
	rig_check(rig, named <= 20, "bytes at random have no name", "%u of %u have", named, n);
}

/* A real handshake with some bytes of each hello changed: never another version. */
static void mutated(struct rig *rig)
{
	unsigned int wrong = 0, n = 5000;

	for (unsigned int i = 0; i < n; i++) {
		unsigned char bytes[2][PKT_MAX];
		unsigned int len[2];
		struct zt_flow f;
		struct talk t;

		talk_begin(&t, rig, false, any(2), 443);
		for (int who = 0; who < 2; who++) {
			len[who] = tls13.flight[who].len < 1400 ? tls13.flight[who].len : 1400;
			memcpy(bytes[who], tls13.flight[who].bytes, len[who]);
			for (unsigned int k = any(6); k; k--) /* not in legacy_version */
				bytes[who][11 + any(len[who] - 11)] = any(256);
			talk_say(&t, who, bytes[who], 1 + any(len[who]), TALK_MSS);
		}
		if (talk_flow(&t, &f))
			wrong += f.encryption != ZT_ENC_UNKNOWN && f.encryption != ZT_ENC_TLS &&
				 f.encryption != ZT_ENC_TLS13 && f.encryption != ZT_ENC_TLS12;
	}
	rig_check(rig, !wrong, "hellos with changed bytes", "%u of %u are something else", wrong,
		  n);
}

int main(void)
{
	static const struct tls_wish wish = {.version = TLS1_3_VERSION};
	struct rig rig;

	rig_open(&rig, 1024);
	rig_policy(&rig, SLOT_A, NULL);
	rig_flip(&rig, SLOT_A);
	tls_shake(&tls13, &wish);
	for (size_t i = 0; i < class_tcp_count; i++)
		run_row(&rig, &class_tcp_rows[i]);
	for (size_t i = 0; i < class_udp_count; i++)
		run_row(&rig, &class_udp_rows[i]);
	run_shakes(&rig);
	run_cuts(&rig);
	repeated(&rig);
	reordered(&rig);
	in_the_syn(&rig);
	super(&rig);
	again(&rig);
	gives_up(&rig);
	esp(&rig);
	random_bytes(&rig);
	mutated(&rig);
	tls_free(&tls13);
	return rig_exit(&rig);
}
