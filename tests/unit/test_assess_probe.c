/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_assess_probe.c - probes and nonces: what is tried, requests that are taken, lines of the
 * kernel's log and of log services, hostile text included.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/addr.h"
#include "base/cleanup.h"
#include "base/json.h"
#include "ctl/probe/nonce.h"
#include "ctl/probe/peer.h"

#define NOW_S 1795334400 /* 2026-11-22T08:00:00Z */

static void test_what_is_tried(void **state)
{
	struct ztc_probe probe = {0};

	(void)state;
	assert_int_equal(ztc_probe_add_ports(&probe, "22,tcp/443,22"), 0);
	assert_int_equal(probe.port_count, 2);
	assert_int_equal(ztc_probe_add_ports(&probe, ""), -EINVAL);
	assert_int_equal(ztc_probe_add_ports(&probe, "0"), -EINVAL);
	assert_int_equal(ztc_probe_add_ports(&probe, "65536"), -EINVAL);
	assert_int_equal(ztc_probe_add_ports(&probe, "-1"), -EINVAL);
	assert_int_equal(ztc_probe_add_ports(&probe, "22x"), -EINVAL);
	assert_int_equal(ztc_probe_add_ports(&probe, "udp/53"), -EINVAL);
	for (uint16_t port = 1000; port < 1062; port++)
		assert_int_equal(ztc_probe_add_port(&probe, port), 0);
	assert_int_equal(ztc_probe_add_port(&probe, 9999), -E2BIG);
	assert_int_equal(ztc_probe_add_target(&probe, "127.0.0.1"), -EINVAL);
	assert_int_equal(ztc_probe_add_target(&probe, "::1"), -EINVAL);
	assert_int_equal(ztc_probe_add_target(&probe, "224.0.0.1"), -EINVAL);
	assert_int_equal(ztc_probe_add_target(&probe, "0.0.0.0"), -EINVAL);
	for (int i = 0; i < ZTC_PROBE_TARGETS_MAX; i++)
		assert_int_equal(ztc_probe_add_target(&probe, "192.0.2.1"), 0);
	assert_int_equal(ztc_probe_add_target(&probe, "192.0.2.2"), -E2BIG);
}

/* As nf_log_ipv4 and nf_log_ipv6 write them. */
static void test_kernel_log(void **state)
{
	json_t *v4 = json_pack("{s:s, s:i, s:s, s:i}", "source", "10.1.0.20", "source_port", 41022,
			       "destination", "10.1.0.7", "port", 22);
	json_t *v6 = json_pack("{s:s, s:i, s:s, s:i}", "source", "fd00::2", "source_port", 41022,
			       "destination", "fd00::1", "port", 22);
	static const char line4[] =
		"4,1,2,-;drop: IN=eth0 OUT= MAC=aa SRC=10.1.0.20 DST=10.1.0.7 LEN=60 "
		"TOS=0x00 TTL=64 ID=1 DF PROTO=TCP SPT=41022 DPT=22 WINDOW=1 SYN URGP=0";
	static const char line6[] =
		"IN=eth0 OUT= SRC=fd00:0000:0000:0000:0000:0000:0000:0002 "
		"DST=fd00:0000:0000:0000:0000:0000:0000:0001 LEN=80 PROTO=TCP SPT=41022 DPT=22 SYN";

	(void)state;
	assert_true(ztc_probe_log_line(line4, v4));
	assert_true(ztc_probe_log_line(line6, v6));
	assert_false(ztc_probe_log_line(line4, v6));
	assert_false(
		ztc_probe_log_line("SRC=10.1.0.20 DST=10.1.0.7 PROTO=UDP SPT=41022 DPT=22", v4));
	assert_false(
		ztc_probe_log_line("SRC=10.1.0.20 DST=10.1.0.7 PROTO=TCP SPT=41022 DPT=2", v4));
	assert_false(
		ztc_probe_log_line("SRC=10.1.0.20 DST=10.1.0.7 PROTO=TCP SPT=41023 DPT=22", v4));
	assert_false(
		ztc_probe_log_line("XSRC=10.1.0.20 DST=10.1.0.7 PROTO=TCP SPT=41022 DPT=22", v4));
	assert_false(ztc_probe_log_line("SRC= DST= PROTO=TCP SPT= DPT=", v4));
	assert_false(ztc_probe_log_line("", v4));
	json_decref(v4);
	json_decref(v6);
}

static void test_nonces(void **state)
{
	struct ztc_nonce sent, found;
	char line[ZTC_NONCE_LINE], longer[ZTC_NONCE_LINE + 64];

	(void)state;
	assert_int_equal(ztc_nonce_new(&sent), 0);
	ztc_nonce_text(&sent, line);
	snprintf(longer, sizeof(longer), "{\"message\":\"%s\",\"x\":1}", line);
	assert_true(ztc_nonce_find(line, &found));
	assert_string_equal(found.nonce, sent.nonce);
	assert_true(ztc_nonce_find(longer, &found));
	assert_string_equal(found.at, sent.at);
	assert_string_equal(found.machine, sent.machine);
}

#define GOOD_NONCE "nonce=00112233445566778899aabbccddeeff "

static void test_hostile_nonces(void **state)
{
	static const char *const lines[] = {
		"",
		"ztseg-nonce: ",
		"ztseg-nonce: nonce=00 host=a machine=- at=2026-11-22T08:00:00Z",
		"ztseg-nonce: nonce=00112233445566778899AABBCCDDEEFF host=a machine=- at=2026-11-22T08:00:00Z",
		"ztseg-nonce: " GOOD_NONCE "host=../../x machine=- at=2026-11-22T08:00:00Z",
		"ztseg-nonce: " GOOD_NONCE "host=a machine=sha256:00 at=2026-11-22T08:00:00Z",
		"ztseg-nonce: " GOOD_NONCE "host=a machine=- at=yesterday",
		"ztseg-nonce: " GOOD_NONCE "host=\x1b[31m machine=- at=2026-11-22T08:00:00Z",
		"ztseg-nonce: " GOOD_NONCE "machine=- host=a at=2026-11-22T08:00:00Z",
	};
	struct ztc_nonce found;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(lines); i++)
		assert_false(ztc_nonce_find(lines[i], &found));
	assert_true(ztc_nonce_find(
		"x ztseg-nonce: " GOOD_NONCE "host=a machine=- at=2026-11-22T08:00:00Z", &found));
	assert_string_equal(found.machine, "");
}

/* A request sealed by a known host; one member is changed before it is sealed again. */
static int take(struct ztc_trust *trust, const struct zt_minisign_secret *key, const char *member,
		json_t *value, int64_t now_s)
{
	struct ztc_probe probe = {0}, taken = {0};
	json_t *request = NULL;
	const char *why = NULL;
	int r;

	assert_int_equal(ztc_probe_add_target(&probe, "192.0.2.7"), 0);
	assert_int_equal(ztc_probe_add_ports(&probe, "22,443"), 0);
	probe.canary = ZTC_PROBE_CANARY;
	assert_int_equal(ztc_probe_request(&probe, NOW_S, key, &request), 0);
	if (member) {
		json_object_set_new(request, member, value);
		assert_int_equal(ztc_seal(request, key, "again"), 0);
	}
	r = ztc_probe_request_read(request, trust, now_s, &taken, &why);
	assert_non_null(why);
	if (r == 0) {
		assert_int_equal(taken.port_count, 2);
		assert_int_equal(taken.target_count, 1);
		assert_int_equal(taken.canary, ZTC_PROBE_CANARY);
	}
	json_decref(request);
	return r;
}

static void test_requests(void **state)
{
	struct zt_minisign_secret key, stranger;
	struct ztc_trust *trust = calloc(1, sizeof(*trust));
	json_t *many = json_array();

	(void)state;
	assert_non_null(trust);
	assert_int_equal(zt_minisign_generate(&key), 0);
	assert_int_equal(zt_minisign_generate(&stranger), 0);
	trust->role[ZTC_ROLE_HOST].keys[0] = key.pub;
	trust->role[ZTC_ROLE_HOST].names[0] = strdup("app");
	trust->role[ZTC_ROLE_HOST].count = 1;
	assert_int_equal(take(trust, &key, NULL, NULL, NOW_S), 0);
	assert_int_equal(take(trust, &key, NULL, NULL, NOW_S + 86400), 0);
	assert_int_equal(take(trust, &key, NULL, NULL, NOW_S + 86401), -EINVAL);
	assert_int_equal(take(trust, &stranger, NULL, NULL, NOW_S), -EPERM);
	assert_int_equal(take(trust, &key, "format", json_string("x"), NOW_S), -EINVAL);
	assert_int_equal(take(trust, &key, "ports", json_pack("[i]", 70000), NOW_S), -EINVAL);
	assert_int_equal(take(trust, &key, "addresses", json_pack("[s]", "localhost"), NOW_S),
			 -EINVAL);
	assert_int_equal(take(trust, &key, "addresses", json_pack("[s]", "127.0.0.1"), NOW_S),
			 -EINVAL);
	assert_int_equal(take(trust, &key, "addresses", json_array(), NOW_S), -EINVAL);
	assert_int_equal(take(trust, &key, "canary", json_integer(-1), NOW_S), -EINVAL);
	assert_int_equal(take(trust, &key, "expires", json_integer(0), NOW_S), -EINVAL);
	for (int port = 1; port <= ZTC_PROBE_PORTS_MAX + 1; port++)
		json_array_append_new(many, json_integer(port));
	assert_int_equal(take(trust, &key, "ports", many, NOW_S), -EINVAL);
	ztc_trust_free(trust);
	free(trust);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_what_is_tried), cmocka_unit_test(test_kernel_log),
		cmocka_unit_test(test_nonces),	      cmocka_unit_test(test_hostile_nonces),
		cmocka_unit_test(test_requests),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
