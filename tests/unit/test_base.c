/* SPDX-License-Identifier: Apache-2.0 */
/* test_base.c - strings, addresses, ports, digests, times, maps: what every room stands on. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/addr.h"
#include "base/arena.h"
#include "base/cleanup.h"
#include "base/digest.h"
#include "base/log.h"
#include "base/strbuf.h"
#include "base/strmap.h"
#include "base/time.h"

/* --- strings ----------------------------------------------------------------------------- */

static void expect_escaped(const char *in, size_t len, const char *want)
{
	zt_auto(zt_strbuf_free) struct zt_strbuf sb = ZT_STRBUF_INIT;

	zt_strbuf_escape(&sb, in, len);
	assert_string_equal(zt_strbuf_text(&sb), want);
}

static void test_escape(void **state)
{
	static const struct {
		const char *in;
		const char *want;
	} cases[] = {
		{"plain text", "plain text"},
		{"line\nbreak\ttab\r", "line\\x0abreak\\x09tab\\x0d"},
		{"\x1b[31mred", "\\x1b[31mred"},
		{"back\\slash", "back\\\\slash"},
		{"\x7f", "\\x7f"},
		{"\xc2\x85 next line", "\\u{0085} next line"},
		{"\xe7\xb9\x81\xe9\xab\x94", "\xe7\xb9\x81\xe9\xab\x94"},
		{"\xe2\x80\xae reversed", "\\u{202e} reversed"},
		{"\xe2\x80\x8b", "\\u{200b}"},
		{"\xef\xbb\xbf", "\\u{feff}"},
		{"\xf3\xa0\x80\xa1", "\\u{e0021}"},
		{"\xff\xfe", "\\xff\\xfe"},
		{"\xc0\xaf overlong", "\\xc0\\xaf overlong"},
		{"\xed\xa0\x80 surrogate", "\\xed\\xa0\\x80 surrogate"},
		{"\xf4\x90\x80\x80", "\\xf4\\x90\\x80\\x80"},
		{"cut \xe7\xb9", "cut \\xe7\\xb9"},
		{"\xf0\x9f\x98\x80", "\xf0\x9f\x98\x80"},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
		expect_escaped(cases[i].in, strlen(cases[i].in), cases[i].want);
	expect_escaped("a\0b", 3, "a\\x00b");
	expect_escaped("", 0, "");
}

static void test_strbuf(void **state)
{
	zt_auto(zt_strbuf_free) struct zt_strbuf sb = ZT_STRBUF_INIT;
	zt_auto(zt_freep) char *text = NULL;

	(void)state;
	assert_string_equal(zt_strbuf_text(&sb), "");
	for (int i = 0; i < 1000; i++)
		zt_strbuf_printf(&sb, "%d,", i);
	assert_int_equal(zt_strbuf_error(&sb), 0);
	assert_int_equal(sb.len, 3890);
	assert_memory_equal(sb.data, "0,1,2,", 6);
	zt_strbuf_reset(&sb);
	assert_string_equal(zt_strbuf_text(&sb), "");
	zt_strbuf_puts(&sb, "kept");
	text = zt_strbuf_steal(&sb);
	assert_string_equal(text, "kept");
	assert_int_equal(sb.len, 0);
}

static void test_log_line(void **state)
{
	int saved = dup(STDERR_FILENO), fds[2];
	char line[256] = "";
	ssize_t n;

	(void)state;
	assert_int_equal(pipe(fds), 0);
	assert_true(dup2(fds[1], STDERR_FILENO) >= 0);
	unsetenv("JOURNAL_STREAM");
	zt_log(ZT_DEBUG, "not shown");
	assert_int_equal(zt_fail(-ENOENT, "open '%s'", "a\nb"), -ENOENT);
	setenv("JOURNAL_STREAM", "8:1", 1);
	zt_log(ZT_WARN, "careful");
	unsetenv("JOURNAL_STREAM");
	dup2(saved, STDERR_FILENO);
	n = read(fds[0], line, sizeof(line) - 1);
	close(fds[0]);
	close(fds[1]);
	close(saved);
	assert_true(n > 0);
	assert_string_equal(line, "error: open 'a\\x0ab': No such file or directory\n<4>careful\n");
}

/* --- addresses ------------------------------------------------------------------------------ */

static void test_addr(void **state)
{
	static const char *const good[] = {
		"10.1.2.3", "0.0.0.0", "255.255.255.255", "::", "::1", "fe80::1", "2001:db8::abcd"};
	static const char *const bad[] = {
		"",	     "10.1.2",	   "10.1.2.256", "10.1.2.3/24", "010.1.2.3",
		" 10.1.2.3", "fe80::1%lo", "g::1",	 "10.1.2.3 ",	"1:2:3:4:5:6:7:8:9"};
	char text[ZT_ADDR_TEXT_LEN];
	struct zt_addr addr;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(good); i++) {
		assert_int_equal(zt_addr_parse(good[i], &addr), 0);
		assert_string_equal(zt_addr_text(&addr, text), good[i]);
	}
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
		assert_int_equal(zt_addr_parse(bad[i], &addr), -EINVAL);
	assert_int_equal(zt_addr_parse("::ffff:10.1.2.3", &addr), -EAFNOSUPPORT);
	assert_int_equal(zt_addr_parse("::ffff:0:0", &addr), -EAFNOSUPPORT);

	zt_addr_parse("239.1.1.1", &addr);
	assert_true(zt_addr_is_v4(&addr) && zt_addr_is_multicast(&addr));
	zt_addr_parse("ff02::1", &addr);
	assert_true(!zt_addr_is_v4(&addr) && zt_addr_is_multicast(&addr));
	zt_addr_parse("127.3.2.1", &addr);
	assert_true(zt_addr_is_loopback(&addr));
	zt_addr_parse("::1", &addr);
	assert_true(zt_addr_is_loopback(&addr));
	zt_addr_parse("::2", &addr);
	assert_false(zt_addr_is_loopback(&addr));
}

static void test_net(void **state)
{
	static const struct {
		const char *in;
		int r;
		const char *text;
	} cases[] = {
		{"10.0.0.0/8", 0, "10.0.0.0/8"},
		{"10.1.2.3", 0, "10.1.2.3"},
		{"10.1.2.3/32", 0, "10.1.2.3"},
		{"0.0.0.0/0", 0, "0.0.0.0/0"},
		{"::/0", 0, "::/0"},
		{"2001:db8::/33", 0, "2001:db8::/33"},
		{"2001:db8::1/128", 0, "2001:db8::1"},
		{"10.1.2.3/8", -ERANGE, "10.0.0.0/8"},
		{"10.1.2.129/25", -ERANGE, "10.1.2.128/25"},
		{"2001:db8::1/64", -ERANGE, "2001:db8::/64"},
		{"10.0.0.0/33", -EINVAL, NULL},
		{"::/129", -EINVAL, NULL},
		{"10.0.0.0/", -EINVAL, NULL},
		{"10.0.0.0/-1", -EINVAL, NULL},
		{"10.0.0.0/08", -EINVAL, NULL},
		{"10.0.0.0/8/8", -EINVAL, NULL},
		{"/8", -EINVAL, NULL},
		{"::ffff:0:0/96", -EAFNOSUPPORT, NULL},
	};
	char text[ZT_NET_TEXT_LEN];
	struct zt_net_key net;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		assert_int_equal(zt_net_parse(cases[i].in, &net), cases[i].r);
		if (cases[i].text)
			assert_string_equal(zt_net_text(&net, text), cases[i].text);
	}
}

static bool contains(const char *net_text, const char *addr_text)
{
	struct zt_net_key net;
	struct zt_addr addr;

	assert_int_equal(zt_net_parse(net_text, &net), 0);
	assert_int_equal(zt_addr_parse(addr_text, &addr), 0);
	return zt_net_contains(&net, &addr);
}

static void test_contains(void **state)
{
	struct zt_net_key outer, inner;

	(void)state;
	assert_true(contains("10.0.0.0/8", "10.255.0.1"));
	assert_false(contains("10.0.0.0/8", "11.0.0.1"));
	assert_true(contains("10.1.2.128/25", "10.1.2.200"));
	assert_false(contains("10.1.2.128/25", "10.1.2.127"));
	assert_true(contains("0.0.0.0/0", "8.8.8.8"));
	assert_true(contains("::/0", "2001:db8::1"));
	/* The mapped form must never let one family into the other. */
	assert_false(contains("::/0", "8.8.8.8"));
	assert_false(contains("::/8", "8.8.8.8"));
	assert_false(contains("0.0.0.0/0", "::1"));
	zt_net_parse("10.0.0.0/8", &outer);
	zt_net_parse("10.2.0.0/16", &inner);
	assert_true(zt_net_covers(&outer, &inner) && !zt_net_covers(&inner, &outer));
	assert_true(zt_net_covers(&outer, &outer));
	zt_net_parse("::/0", &outer);
	assert_false(zt_net_covers(&outer, &inner));
}

/* --- ports --------------------------------------------------------------------------------------
 */

static void test_ports(void **state)
{
	struct zt_port_range range, again;
	char text[ZT_PORT_TEXT_LEN];
	const char *why;
	uint16_t port;
	uint8_t proto;

	(void)state;
	for (uint32_t i = 0; i < ZT_PORT_COUNT; i++) {
		range = (struct zt_port_range){i, i};
		zt_port_proto(i, &proto, &port);
		if (i < ZT_PORT_PROTO || (proto != IPPROTO_TCP && proto != IPPROTO_UDP &&
					  proto != IPPROTO_ICMP && proto != IPPROTO_ICMPV6))
			assert_int_equal(zt_port_index(proto, port), i);
		if (port == 0 && (proto == IPPROTO_TCP || proto == IPPROTO_UDP))
			continue; /* port 0 is in "tcp" but cannot be written alone */
		zt_port_text(&range, text);
		assert_int_equal(zt_port_parse(text, &again, &why), 0);
		if (i < ZT_PORT_PROTO)
			assert_memory_equal(&range, &again, sizeof(range));
	}
	assert_int_equal(zt_port_parse("tcp/8000-8100", &range, &why), 0);
	assert_string_equal(zt_port_text(&range, text), "tcp/8000-8100");
	assert_int_equal(zt_port_parse("any", &range, &why), 0);
	assert_int_equal(range.last, ZT_PORT_COUNT - 1);
	assert_int_equal(zt_port_index(IPPROTO_ICMP, 8), ZT_PORT_ICMP + 8);
	assert_int_equal(zt_port_index(IPPROTO_SCTP, 7), ZT_PORT_PROTO + 132);
	assert_string_equal(zt_proto_name(IPPROTO_SCTP), "sctp");
	assert_null(zt_proto_name(253));
}

/* --- digests, times, maps
 * -------------------------------------------------------------------------- */

static void test_digest(void **state)
{
	zt_auto(zt_digest_free) struct zt_digest *d = NULL;
	char text[ZT_DIGEST_TEXT_LEN];
	uint8_t digest[ZT_DIGEST_LEN];

	(void)state;
	assert_int_equal(zt_digest_of("abc", 3, digest), 0);
	assert_string_equal(zt_digest_text(digest, text),
			    "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
	assert_int_equal(zt_digest_new(&d), 0);
	zt_digest_add(d, "a", 1);
	zt_digest_add(d, "", 0);
	zt_digest_add(d, "bc", 2);
	assert_int_equal(zt_digest_end(d, digest), 0);
	assert_string_equal(zt_digest_text(digest, text),
			    "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
}

static void test_times(void **state)
{
	static const struct {
		const char *text;
		int r;
		uint64_t ns;
	} durations[] = {
		{"500ms", 0, 500 * ZT_NS_PER_MS},
		{"30s", 0, 30 * ZT_NS_PER_S},
		{"15m", 0, 900 * ZT_NS_PER_S},
		{"2h", 0, 7200 * ZT_NS_PER_S},
		{"7d", 0, 604800 * ZT_NS_PER_S},
		{"0s", -ERANGE, 0},
		{"99999d", -ERANGE, 0},
		{"9999999999999s", -ERANGE, 0},
		{"15", -EINVAL, 0},
		{"m", -EINVAL, 0},
		{"-5m", -EINVAL, 0},
		{"1h30m", -EINVAL, 0},
		{"5 m", -EINVAL, 0},
	};
	char text[ZT_TIME_TEXT_LEN], span[ZT_DURATION_TEXT_LEN];
	uint64_t ns, now;

	(void)state;
	assert_string_equal(zt_wall_text(1795249530123000000ULL, text), "2026-11-21T08:25:30.123Z");
	assert_string_equal(zt_wall_text(0, text), "1970-01-01T00:00:00.000Z");
	assert_string_equal(zt_wall_text(UINT64_MAX, text), "2554-07-21T23:34:33.709Z");
	for (size_t i = 0; i < ARRAY_SIZE(durations); i++) {
		ns = 0;
		assert_int_equal(zt_duration_parse(durations[i].text, &ns), durations[i].r);
		assert_true(ns == durations[i].ns);
	}
	assert_string_equal(zt_duration_text(1500 * ZT_NS_PER_MS, span), "1.5 s");
	assert_string_equal(zt_duration_text(720 * ZT_NS_PER_S, span), "12 min");
	assert_string_equal(zt_duration_text(12000 * ZT_NS_PER_S, span), "3 h 20 min");
	now = zt_now_ns();
	ns = zt_wall_to_mono_ns(zt_mono_to_wall_ns(now));
	assert_true(ns + ZT_NS_PER_S > now && ns < now + ZT_NS_PER_S);
	assert_int_equal(zt_wall_to_mono_ns(5), 0);
}

static void test_wall_parse(void **state)
{
	static const struct {
		const char *text;
		int r;
		uint64_t ns;
	} rows[] = {
		{"1970-01-01T00:00:00Z", 0, 0},
		{"2027-03-31T12:00:00Z", 0, 1806494400 * ZT_NS_PER_S},
		{"2027-03-31T20:00:00+08:00", 0, 1806494400 * ZT_NS_PER_S},
		{"2027-03-31T08:30:00.25-03:30", 0, 1806494400 * ZT_NS_PER_S + 250 * ZT_NS_PER_MS},
		{"2028-02-29T00:00:00Z", 0, 1835395200 * ZT_NS_PER_S},
		{"2016-12-31T23:59:60Z", 0, 1483228800 * ZT_NS_PER_S},
		{"1970-01-01T00:00:00+00:01", -ERANGE, 1},
		{"2263-01-01T00:00:00Z", -ERANGE, 1},
		{"2027-02-29T00:00:00Z", -EINVAL, 1},
		{"2027-13-01T00:00:00Z", -EINVAL, 1},
		{"2027-04-31T00:00:00Z", -EINVAL, 1},
		{"2027-00-10T00:00:00Z", -EINVAL, 1},
		{"2027-03-31T24:00:00Z", -EINVAL, 1},
		{"2027-03-31T12:60:00Z", -EINVAL, 1},
		{"2027-03-31T12:00:61Z", -EINVAL, 1},
		{"2027-03-31 12:00:00Z", -EINVAL, 1},
		{"2027-03-31T12:00:00", -EINVAL, 1},
		{"2027-03-31T12:00:00.Z", -EINVAL, 1},
		{"2027-03-31T12:00:00+8:00", -EINVAL, 1},
		{"2027-03-31T12:00:00+24:00", -EINVAL, 1},
		{"2027-03-31T12:00:00+08:00x", -EINVAL, 1},
		{"2027-03-31T12:00:00Zx", -EINVAL, 1},
		{"2027-03-31", -EINVAL, 1},
		{"", -EINVAL, 1},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		uint64_t ns = 1;

		assert_int_equal(zt_wall_parse(rows[i].text, &ns), rows[i].r);
		assert_true(ns == rows[i].ns);
	}
}

static void test_strmap(void **state)
{
	zt_auto(zt_strmap_free) struct zt_strmap *map = NULL;
	bool is_new;
	size_t len;

	(void)state;
	assert_int_equal(zt_strmap_new(&map), 0);
	for (int pass = 0; pass < 2; pass++)
		for (uint32_t i = 0; i < 20000; i++) {
			assert_int_equal(zt_strmap_intern(map, &i, sizeof(i), &is_new), i);
			assert_int_equal(is_new, pass == 0);
		}
	assert_int_equal(zt_strmap_count(map), 20000);
	assert_int_equal(zt_strmap_find(map, "absent", 6), ZT_STRMAP_NONE);
	assert_int_equal(zt_strmap_intern(map, "", 0, &is_new), 20000);
	assert_memory_equal(zt_strmap_key(map, 7, &len), &(uint32_t){7}, 4);
	assert_int_equal(len, 4);
}

static void test_arena(void **state)
{
	zt_auto(zt_arena_free) struct zt_arena *arena = NULL;
	const char *texts[500];

	(void)state;
	assert_int_equal(zt_arena_new(&arena), 0);
	for (size_t i = 0; i < ARRAY_SIZE(texts); i++) {
		uint64_t *number = zt_arena_alloc(arena, i * 97);

		assert_non_null(number);
		assert_int_equal((uintptr_t)number % sizeof(*number), 0);
		memset(number, 0xff, i * 97);
		texts[i] = zt_arena_text(arena, "some text", i % 10);
		assert_int_equal(strlen(texts[i]), i % 10);
	}
	for (size_t i = 0; i < ARRAY_SIZE(texts); i++)
		assert_memory_equal(texts[i], "some text", i % 10);
	assert_int_equal(zt_arena_error(arena), 0);
	assert_null(zt_arena_array(arena, SIZE_MAX / 2, 3));
	assert_int_equal(zt_arena_error(arena), -ENOMEM);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_escape),	 cmocka_unit_test(test_strbuf),
		cmocka_unit_test(test_log_line), cmocka_unit_test(test_addr),
		cmocka_unit_test(test_net),	 cmocka_unit_test(test_contains),
		cmocka_unit_test(test_ports),	 cmocka_unit_test(test_digest),
		cmocka_unit_test(test_times),	 cmocka_unit_test(test_wall_parse),
		cmocka_unit_test(test_strmap),	 cmocka_unit_test(test_arena),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
