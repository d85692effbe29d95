/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_schedule.c - hours of the week in their time zones, through summer time, and ends of rules.
 *
 * The instants were worked out by hand from the zones' rules; the property test
 * asks the C library at each instant instead of in stretches.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/cleanup.h"
#include "base/strbuf.h"
#include "policy/schedule.h"

/* A policy of one rule with these keys. */
static struct zt_policy *rule(const char *keys)
{
	zt_auto(zt_strbuf_free) struct zt_strbuf text = ZT_STRBUF_INIT;
	zt_auto(zt_diag_free) struct zt_diag diag = ZT_DIAG_INIT;
	struct zt_policy *policy = NULL;

	zt_strbuf_printf(&text,
			 "version: 1\npolicy: p\nrevision: 1\nrules:\n"
			 "  - {id: r, from: any, to: any, ports: [any], %s}\n",
			 keys);
	if (zt_policy_parse(&policy, "t", zt_strbuf_text(&text), text.len, &diag) < 0)
		zt_diag_print(&diag, stderr);
	assert_non_null(policy);
	assert_int_equal(policy->stmt_count, 1);
	return policy;
}

static int64_t at(const char *utc)
{
	struct tm tm = {0};

	assert_non_null(strptime(utc, "%Y-%m-%d %H:%M", &tm));
	return timegm(&tm);
}

static void add_time(struct zt_strbuf *sb, int64_t s)
{
	time_t t = (time_t)s;
	char text[40];
	struct tm tm;

	strftime(text, sizeof(text), s % 60 ? "%m-%d %H:%M:%S" : "%m-%d %H:%M", gmtime_r(&t, &tm));
	zt_strbuf_puts(sb, text);
}

/* When the rule is open between two instants of UTC, as text. */
static void expect(const char *keys, const char *from, const char *to, const char *want)
{
	zt_auto(zt_policy_free) struct zt_policy *policy = rule(keys);
	zt_auto(zt_strbuf_free) struct zt_strbuf got = ZT_STRBUF_INIT;
	zt_auto(zt_freep) struct zt_open *open = NULL;
	size_t count = 0;

	assert_int_equal(zt_schedule_open(&policy->stmts[0], at(from), at(to), &open, &count), 0);
	for (size_t i = 0; i < count; i++) {
		zt_strbuf_puts(&got, i ? ", " : "");
		add_time(&got, open[i].from_s);
		zt_strbuf_puts(&got, " to ");
		add_time(&got, open[i].to_s);
	}
	assert_string_equal(zt_strbuf_text(&got), want);
}

#define BERLIN(hours)	"when: {hours: \"" hours "\", timezone: Europe/Berlin}"
#define NEW_YORK(hours) "when: {hours: \"" hours "\", timezone: America/New_York}"
#define TAIPEI(hours)	"when: {hours: \"" hours "\", timezone: Asia/Taipei}"

static void test_plain(void **state)
{
	(void)state;
	/* 2026-11-23 is a Monday; Taipei is 8 hours ahead all year. */
	expect("when: {hours: \"Mon-Tue 08:00-20:00\"}", "2026-11-22 00:00", "2026-11-29 00:00",
	       "11-23 08:00 to 11-23 20:00, 11-24 08:00 to 11-24 20:00");
	expect(TAIPEI("Mon-Tue 08:00-20:00"), "2026-11-22 00:00", "2026-11-29 00:00",
	       "11-23 00:00 to 11-23 12:00, 11-24 00:00 to 11-24 12:00");
	expect(TAIPEI("Mon 04:00-09:00"), "2026-11-22 00:00", "2026-11-24 00:00",
	       "11-22 20:00 to 11-23 01:00");
	/* Sunday night belongs to two weeks, whole days join. */
	expect("when: {hours: \"Sun 22:00-06:00\"}", "2026-11-21 00:00", "2026-11-25 00:00",
	       "11-22 22:00 to 11-23 06:00");
	expect("when: {hours: \"Sat-Sun\"}", "2026-11-20 00:00", "2026-12-01 00:00",
	       "11-21 00:00 to 11-23 00:00, 11-28 00:00 to 11-30 00:00");
	/* Cut to what was asked for. */
	expect("when: {hours: \"Mon 08:00-20:00\"}", "2026-11-23 09:30", "2026-11-23 10:00",
	       "11-23 09:30 to 11-23 10:00");
	expect("when: {hours: \"Mon 08:00-20:00\"}", "2026-11-23 20:00", "2026-11-24 08:00", "");
	expect("when: {hours: \"Mon 08:00-20:00\"}", "2026-11-23 07:00", "2026-11-23 07:00", "");
	expect("existing: keep", "2026-11-23 07:00", "2026-11-24 07:00",
	       "11-23 07:00 to 11-24 07:00");
	/* Before 1970 weeks are counted the same way: 1969-12-29 was a Monday. */
	expect("when: {hours: \"Mon 08:00-20:00\"}", "1969-12-28 00:00", "1970-01-01 00:00",
	       "12-29 08:00 to 12-29 20:00");
}

/* Clocks go from 02:00 to 03:00: an hour of the wall clock does not come. */
static void test_spring(void **state)
{
	(void)state;
	/* Berlin, Sunday 2027-03-28, at 01:00 UTC; before it 1 hour ahead, then 2. */
	expect(BERLIN("Sat-Mon 08:00-20:00"), "2027-03-27 00:00", "2027-03-30 00:00",
	       "03-27 07:00 to 03-27 19:00, 03-28 06:00 to 03-28 18:00, "
	       "03-29 06:00 to 03-29 18:00");
	expect(BERLIN("Sun 02:00-03:00"), "2027-03-27 00:00", "2027-03-30 00:00", "");
	expect(BERLIN("Sun 01:30-02:30"), "2027-03-27 00:00", "2027-03-30 00:00",
	       "03-28 00:30 to 03-28 01:00");
	expect(BERLIN("Sun 02:30-03:30"), "2027-03-27 00:00", "2027-03-30 00:00",
	       "03-28 01:00 to 03-28 01:30");
	expect(BERLIN("Sat 22:00-06:00"), "2027-03-27 00:00", "2027-03-30 00:00",
	       "03-27 21:00 to 03-28 04:00");
	/* New York, Sunday 2027-03-14, at 07:00 UTC; 5 hours behind, then 4. */
	expect(NEW_YORK("Sun 01:00-04:00, Mon 08:00-09:00"), "2027-03-13 00:00", "2027-03-16 00:00",
	       "03-14 06:00 to 03-14 08:00, 03-15 12:00 to 03-15 13:00");
	/* Taipei has no summer time. */
	expect(TAIPEI("Sun 01:00-04:00"), "2027-03-27 00:00", "2027-03-30 00:00",
	       "03-27 17:00 to 03-27 20:00");
}

/* Clocks go from 03:00 back to 02:00: an hour of the wall clock comes twice. */
static void test_autumn(void **state)
{
	(void)state;
	/* Berlin, Sunday 2026-10-25, at 01:00 UTC; before it 2 hours ahead, then 1. */
	expect(BERLIN("Sat-Mon 08:00-20:00"), "2026-10-24 00:00", "2026-10-27 00:00",
	       "10-24 06:00 to 10-24 18:00, 10-25 07:00 to 10-25 19:00, "
	       "10-26 07:00 to 10-26 19:00");
	expect(BERLIN("Sun 02:00-03:00"), "2026-10-24 00:00", "2026-10-27 00:00",
	       "10-25 00:00 to 10-25 02:00");
	expect(BERLIN("Sun 02:15-02:45"), "2026-10-24 00:00", "2026-10-27 00:00",
	       "10-25 00:15 to 10-25 00:45, 10-25 01:15 to 10-25 01:45");
	expect(BERLIN("Sun 01:00-02:30"), "2026-10-24 00:00", "2026-10-27 00:00",
	       "10-24 23:00 to 10-25 00:30, 10-25 01:00 to 10-25 01:30");
	expect(BERLIN("Sun 02:30-04:00"), "2026-10-24 00:00", "2026-10-27 00:00",
	       "10-25 00:30 to 10-25 01:00, 10-25 01:30 to 10-25 03:00");
	/* New York, Sunday 2026-11-01, at 06:00 UTC; 4 hours behind, then 5. */
	expect(NEW_YORK("Sun 01:00-02:00, Mon 08:00-09:00"), "2026-10-31 00:00", "2026-11-03 00:00",
	       "11-01 05:00 to 11-01 07:00, 11-02 13:00 to 11-02 14:00");
	expect(TAIPEI("Sun 02:00-03:00"), "2026-10-24 00:00", "2026-10-27 00:00",
	       "10-24 18:00 to 10-24 19:00");
}

static void expect_end(const char *keys, const char *want_utc, int seconds)
{
	zt_auto(zt_policy_free) struct zt_policy *policy = rule(keys);

	assert_int_equal(policy->stmts[0].expires_s, at(want_utc) + seconds);
	assert_true(zt_schedule_timed(&policy->stmts[0]));
}

static void test_expires(void **state)
{
	zt_auto(zt_policy_free) struct zt_policy *plain = rule("existing: keep");

	(void)state;
	assert_int_equal(plain->stmts[0].expires_s, 0);
	assert_false(zt_schedule_timed(&plain->stmts[0]));
	/* A date ends with its day, where the rule is at home. */
	expect_end("expires: 2097-03-31", "2097-04-01 00:00", 0);
	expect_end("expires: 2096-02-29", "2096-03-01 00:00", 0);
	expect_end("expires: 2096-12-31, when: {timezone: Asia/Taipei}", "2096-12-31 16:00", 0);
	expect_end("when: {timezone: America/New_York}, expires: 2027-01-31", "2027-02-01 05:00",
		   0);
	/* The day on which summer time begins, and one that ends where it begins at midnight. */
	expect_end("when: {timezone: Europe/Berlin}, expires: 2027-03-28", "2027-03-28 22:00", 0);
	expect_end("when: {timezone: Europe/Berlin}, expires: 2026-10-25", "2026-10-25 23:00", 0);
	expect_end("when: {timezone: Africa/Cairo}, expires: 2024-04-25", "2024-04-25 22:00", 0);
	expect_end("expires: 2097-03-31T18:00:05+08:00", "2097-03-31 10:00", 5);
	expect_end("expires: 2097-03-31T18:00:00-04:30", "2097-03-31 22:30", 0);
	/* It cuts hours, and what is over is never open. */
	expect("when: {hours: \"Mon 08:00-20:00\"}, expires: 2026-11-23T10:00:00Z",
	       "2026-11-23 00:00", "2026-12-07 00:00", "11-23 08:00 to 11-23 10:00");
	expect("expires: 2026-11-23T10:00:00Z", "2026-11-23 00:00", "2026-12-07 00:00",
	       "11-23 00:00 to 11-23 10:00");
	expect("expires: 2026-11-23T10:00:00Z", "2026-11-23 10:00", "2026-12-07 00:00", "");
}

static void test_bounds(void **state)
{
	zt_auto(zt_policy_free) struct zt_policy *policy = rule("when: {hours: Mon}");
	zt_auto(zt_policy_free) struct zt_policy *gone = rule(TAIPEI("Mon"));
	struct zt_open *open = NULL;
	size_t count = 0;

	(void)state;
	assert_int_equal(zt_schedule_open(&policy->stmts[0], 10, 9, &open, &count), -EINVAL);
	assert_int_equal(zt_schedule_open(&policy->stmts[0], 0, 4000LL * 86400, &open, &count),
			 -EINVAL);
	gone->stmts[0].when.timezone = "Asia/Nowhere";
	assert_int_equal(zt_schedule_open(&gone->stmts[0], 0, 86400, &open, &count), -ENOENT);
	assert_null(open);
}

/* What the process has in TZ does not matter, and stays. */
static void test_environment(void **state)
{
	static const char *const zones[] = {"America/New_York", ":Asia/Tokyo", "UTC0", "nonsense"};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(zones); i++) {
		setenv("TZ", zones[i], 1);
		tzset();
		expect(BERLIN("Mon 08:00-09:00"), "2026-11-22 00:00", "2026-11-29 00:00",
		       "11-23 07:00 to 11-23 08:00");
		expect("when: {hours: \"Mon 08:00-09:00\"}", "2026-11-22 00:00", "2026-11-29 00:00",
		       "11-23 08:00 to 11-23 09:00");
		assert_string_equal(getenv("TZ"), zones[i]);
	}
	setenv("TZ", "America/New_York", 1);
	tzset();
	expect(BERLIN("Mon"), "2026-11-23 08:00", "2026-11-23 09:00", "11-23 08:00 to 11-23 09:00");
	assert_int_equal(timezone, 5 * 3600);
	unsetenv("TZ");
	expect(BERLIN("Mon"), "2026-11-23 08:00", "2026-11-23 09:00", "11-23 08:00 to 11-23 09:00");
	assert_null(getenv("TZ"));
}

static void test_zone_names(void **state)
{
	static const struct {
		const char *name;
		int want;
	} cases[] = {
		{"UTC", 0},
		{"Europe/Berlin", 0},
		{"America/Indiana/Knox", 0},
		{"Etc/GMT+5", 0},
		{"", -EINVAL},
		{"/UTC", -EINVAL},
		{"../zoneinfo/UTC", -EINVAL},
		{"Europe/", -EINVAL},
		{"Europe//Berlin", -EINVAL},
		{"right/UTC", -EINVAL},
		{"posix/UTC", -EINVAL},
		{"tzdata.zi", -EINVAL},
		{"UTC0", -ENOENT},
		{"Europe", -ENOENT},
		{"leapseconds", -ENOENT},
		{"CET-1CEST", -ENOENT},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
		if (zt_zone_check(cases[i].name) != cases[i].want)
			fail_msg("%s: %d", cases[i].name, zt_zone_check(cases[i].name));
}

/* --- property: at each instant the same as asking the clock ------------------------------- */

static bool open_at(const struct zt_when *when, int64_t s)
{
	time_t t = (time_t)s;
	struct tm tm;
	int minute;

	localtime_r(&t, &tm);
	minute = ((tm.tm_wday + 6) % 7 * 24 + tm.tm_hour) * 60 + tm.tm_min;
	for (size_t i = 0; i < when->hour_count; i++)
		if (minute >= when->hours[i].from_min && minute < when->hours[i].to_min)
			return true;
	return false;
}

static bool in_list(const struct zt_open *open, size_t count, int64_t s)
{
	for (size_t i = 0; i < count; i++)
		if (s >= open[i].from_s && s < open[i].to_s)
			return true;
	return false;
}

static void check_instants(const struct zt_stmt *stmt, int64_t from, int64_t to,
			   const struct zt_open *open, size_t count)
{
	zt_auto(zt_strbuf_free) struct zt_strbuf zone = ZT_STRBUF_INIT;

	for (size_t i = 0; i < count; i++) {
		assert_true(open[i].from_s < open[i].to_s);
		assert_true(open[i].from_s >= from && open[i].to_s <= to);
		assert_true(i == 0 || open[i - 1].to_s < open[i].from_s);
	}
	zt_strbuf_printf(&zone, ":%s", stmt->when.timezone);
	setenv("TZ", zt_strbuf_text(&zone), 1);
	tzset();
	for (int64_t s = from; s < to; s += 59 * 7)
		assert_int_equal(in_list(open, count, s), open_at(&stmt->when, s));
	for (size_t i = 0; i < count; i++) {
		assert_true(open_at(&stmt->when, open[i].from_s));
		assert_true(open_at(&stmt->when, open[i].to_s - 1));
	}
	unsetenv("TZ");
}

static void test_property(void **state)
{
	static const char *const zones[] = {
		"Europe/Berlin",   "America/New_York", "Asia/Taipei",	 "Africa/Cairo",
		"Pacific/Chatham", "Asia/Kathmandu",   "America/Havana", "Australia/Lord_Howe"};
	static const char *const days[] = {"Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"};
	zt_auto(zt_strbuf_free) struct zt_strbuf keys = ZT_STRBUF_INIT;
	unsigned int seed = 20261122;

	(void)state;
	for (int i = 0; i < 300; i++) {
		zt_auto(zt_freep) struct zt_open *open = NULL;
		zt_auto(zt_policy_free) struct zt_policy *policy = NULL;
		int64_t from = at("2020-01-01 00:00") + rand_r(&seed) % (10 * 365) * 86400LL;
		int64_t to = from + 1 + rand_r(&seed) % (14 * 86400);
		int a = rand_r(&seed) % 1440, b = rand_r(&seed) % 1440, c = rand_r(&seed) % 180;
		size_t count = 0;

		zt_strbuf_reset(&keys);
		zt_strbuf_printf(&keys,
				 "when: {hours: [\"%s-%s %02d:%02d-%02d:%02d\", "
				 "\"Sun %02d:%02d-%02d:30\"], timezone: %s}",
				 days[rand_r(&seed) % 7], days[rand_r(&seed) % 7], a / 60, a % 60,
				 b / 60, b % 60 == a % 60 ? (b + 1) % 60 : b % 60, c / 60, c % 60,
				 c / 60 + 1 + rand_r(&seed) % 3, zones[i % ARRAY_SIZE(zones)]);
		policy = rule(zt_strbuf_text(&keys));
		assert_int_equal(zt_schedule_open(&policy->stmts[0], from, to, &open, &count), 0);
		check_instants(&policy->stmts[0], from, to, open, count);
	}
}

static void test_text(void **state)
{
	zt_auto(zt_policy_free) struct zt_policy *policy =
		rule("when: {hours: [Mon-Wed 08:00-20:00, Sat]}");
	zt_auto(zt_strbuf_free) struct zt_strbuf sb = ZT_STRBUF_INIT;

	(void)state;
	zt_schedule_text(&policy->stmts[0].when, &sb);
	assert_string_equal(zt_strbuf_text(&sb), "Mon-Wed 08:00-20:00, Sat 00:00-24:00");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_plain),	   cmocka_unit_test(test_spring),
		cmocka_unit_test(test_autumn),	   cmocka_unit_test(test_expires),
		cmocka_unit_test(test_bounds),	   cmocka_unit_test(test_environment),
		cmocka_unit_test(test_zone_names), cmocka_unit_test(test_property),
		cmocka_unit_test(test_text),
	};

	return cmocka_run_group_tests_name("schedule", tests, NULL, NULL);
}
