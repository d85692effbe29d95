/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_assess_banners.c - what listeners say is read within its lengths: KEXINIT cut at every byte
 * and with every length made too large, old ServerHellos, greetings of MySQL, configuration lines.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/cleanup.h"
#include "base/json.h"
#include "ctl/probe/banner.h"
#include "ctl/probe/ssh.h"
#include "ctl/probe/tls.h"

/* A KEXINIT with these ten lists. */
static size_t kexinit(uint8_t *buf, const char *const lists[10])
{
	size_t at = 17;

	memset(buf, 0, at);
	buf[0] = 20;
	for (int i = 0; i < 10; i++) {
		size_t n = strlen(lists[i]);

		buf[at++] = 0;
		buf[at++] = 0;
		buf[at++] = (uint8_t)(n >> 8);
		buf[at++] = (uint8_t)n;
		memcpy(buf + at, lists[i], n);
		at += n;
	}
	memset(buf + at, 0, 5);
	return at + 5;
}

static const char *const good[10] = {"curve25519-sha256,ext-info-s",
				     "ssh-ed25519",
				     "aes256-ctr",
				     "aes128-ctr",
				     "hmac-sha2-256",
				     "hmac-sha1",
				     "none",
				     "none",
				     "",
				     ""};

static int parse(const uint8_t *bytes, size_t len, json_t **ret)
{
	/* A copy of exactly this length: a byte read past it is seen. */
	uint8_t *copy = malloc(len ? len : 1);
	int r;

	assert_non_null(copy);
	memcpy(copy, bytes, len);
	*ret = json_object();
	r = ztc_ssh_parse(copy, len, *ret);
	free(copy);
	return r;
}

static void kexinit_lists(void **state)
{
	uint8_t buf[512];
	json_t *got;

	(void)state;
	assert_int_equal(parse(buf, kexinit(buf, good), &got), 0);
	assert_int_equal(json_array_size(json_object_get(got, "kex")), 2);
	assert_int_equal(json_array_size(json_object_get(got, "cipher")), 2); /* both directions */
	assert_int_equal(json_array_size(json_object_get(got, "mac")), 2);
	assert_int_equal(json_array_size(json_object_get(got, "compression")), 1);
	json_decref(got);
}

static void kexinit_cut(void **state)
{
	uint8_t buf[512];
	size_t len = kexinit(buf, good);

	(void)state;
	for (size_t n = 0; n < len; n++) {
		json_t *got;

		assert_int_equal(parse(buf, n, &got), -EPROTO);
		json_decref(got);
	}
}

/* Every byte made 0xff in turn: most are lengths or names that no longer are, none is read past. */
static void kexinit_bent(void **state)
{
	uint8_t buf[512];
	size_t len = kexinit(buf, good);

	(void)state;
	for (size_t i = 0; i < len; i++) {
		uint8_t was = buf[i];
		json_t *got;
		int r;

		buf[i] = 0xff;
		r = parse(buf, len, &got);
		/* The cookie and what is reserved may be anything. */
		if (i == 0 || (i >= 17 && i < len - 5))
			assert_int_equal(r, -EPROTO);
		else
			assert_int_equal(r, 0);
		json_decref(got);
		buf[i] = was;
	}
}

static void kexinit_names(void **state)
{
	static const char *const bad[] = {
		",a",	    "a,",
		"a,,b",	    "a b",
		"\x1b[31m", "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"};
	uint8_t buf[512];

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		const char *lists[10];
		json_t *got;

		memcpy(lists, good, sizeof(lists));
		lists[2] = bad[i];
		assert_int_equal(parse(buf, kexinit(buf, lists), &got), -EPROTO);
		json_decref(got);
	}
}

/* --- what answers the hello of TLS 1.1 --- */

static json_t *answered(const void *bytes, size_t len)
{
	json_t *ret = json_object();
	struct ztc_wire wire;
	char hello[512];
	int fds[2];

	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, fds), 0);
	assert_int_equal(write(fds[1], bytes, len), (ssize_t)len);
	shutdown(fds[1], SHUT_WR);
	wire = (struct ztc_wire){.fd = fds[0], .deadline_ms = ztc_wire_now_ms() + 2000};
	ztc_tls_downgrade(&wire, ret);
	assert_true(read(fds[1], hello, sizeof(hello)) > 60);
	assert_memory_equal(hello, "\x16\x03\x01", 3);
	assert_memory_equal(hello + 9, "\x03\x02", 2);
	close(fds[0]);
	close(fds[1]);
	return ret;
}

static void is_state(json_t *got, const char *want, const char *cipher, const char *weak)
{
	assert_string_equal(json_string_value(json_object_get(got, "state")), want);
	if (cipher)
		assert_string_equal(json_string_value(json_object_get(got, "cipher")), cipher);
	if (weak)
		assert_string_equal(json_string_value(json_object_get(got, "weak")), weak);
	json_decref(got);
}

/* A ServerHello of @version with @cipher and a session id of @session bytes. */
static size_t server_hello(uint8_t *buf, uint16_t version, uint16_t cipher, uint8_t session)
{
	size_t body = 2U + 32 + 1 + session + 2 + 1, at = 9;

	memset(buf, 0x11, 128);
	memcpy(buf, "\x16\x03\x01\0\0\x02\0\0\0", 9);
	buf[4] = (uint8_t)(body + 4);
	buf[8] = (uint8_t)body;
	buf[at++] = (uint8_t)(version >> 8);
	buf[at++] = (uint8_t)version;
	at += 32;
	buf[at++] = session;
	at += session;
	buf[at++] = (uint8_t)(cipher >> 8);
	buf[at++] = (uint8_t)cipher;
	buf[at++] = 0;
	return at;
}

static void old_hello(void **state)
{
	uint8_t buf[128];
	size_t len;

	(void)state;
	len = server_hello(buf, 0x0301, 0x000a, 32);
	is_state(answered(buf, len), "accepted", "RSA_WITH_3DES_EDE_CBC_SHA", "3DES");
	len = server_hello(buf, 0x0302, 0xc014, 0);
	is_state(answered(buf, len), "accepted", "ECDHE_RSA_WITH_AES_256_CBC_SHA", NULL);
	len = server_hello(buf, 0x0300, 0x0005, 0);
	is_state(answered(buf, len), "accepted", "RSA_WITH_RC4_128_SHA", "RC4");
	len = server_hello(buf, 0x0302, 0x1234, 0);
	is_state(answered(buf, len), "accepted", "0x1234", NULL);
	is_state(answered("\x15\x03\x01\0\x02\x02\x46", 7), "refused", NULL, NULL);
	is_state(answered("", 0), "refused", NULL, NULL);
	/* Not offered, not a ServerHello, a session id that goes past the record, cut, not TLS. */
	len = server_hello(buf, 0x0303, 0xc014, 0);
	is_state(answered(buf, len), "unknown", NULL, NULL);
	len = server_hello(buf, 0x0302, 0xc014, 0);
	buf[5] = 11;
	is_state(answered(buf, len), "unknown", NULL, NULL);
	len = server_hello(buf, 0x0302, 0xc014, 0);
	buf[43] = 33;
	is_state(answered(buf, len), "unknown", NULL, NULL);
	len = server_hello(buf, 0x0302, 0xc014, 32);
	is_state(answered(buf, len - 20), "unknown", NULL, NULL);
	is_state(answered("HTTP/1.1 400 Bad Request\r\n", 26), "unknown", NULL, NULL);
}

/* --- greetings --- */

static void mysql_start(void **state)
{
	(void)state;
	assert_true(ztc_is_mysql("\x4a\0\0\0\x0a"
				 "10.11",
				 10));
	assert_true(ztc_is_mysql("\x4a\0\0\0\xff", 5));
	assert_false(ztc_is_mysql("\x4a\0\0\0", 4));
	assert_false(ztc_is_mysql("\0\0\0\0\x0a", 5));
	assert_false(ztc_is_mysql("\x4a\0\0\1\x0a", 5));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(kexinit_lists), cmocka_unit_test(kexinit_cut),
		cmocka_unit_test(kexinit_bent),	 cmocka_unit_test(kexinit_names),
		cmocka_unit_test(old_hello),	 cmocka_unit_test(mysql_start),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
