/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_render.c - the text that ztctl prints, held to exact bytes.
 *
 * JSON of tests/golden/ctl in, text out: at 100 and 80 columns without colour, and once with
 * colour. ZT_GOLDEN_UPDATE=1 writes the expected files anew, for a person to read before they
 * are committed.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/json.h"
#include "ctl/map/map.h"
#include "ctl/render/render.h"
#include "ctl/render/table.h"
#include "ctl/render/text.h"

#define DIR    "tests/golden/ctl/"
#define NOON_S 1795262400 /* 2026-11-21T12:00:00Z, when the golden files are looked at */

static int render_changes(FILE *out, const json_t *result, const struct ztc_style *style)
{
	json_t *flow;
	size_t i;

	json_array_foreach (json_object_get(result, "flows"), i, flow)
		assert_int_equal(ztc_render_change(out, flow, style), 0);
	return 0;
}

/* The golden map with workloads in place of its hosts. */
static int render_workloads(FILE *out, const json_t *result, const struct ztc_style *style)
{
	const struct ztc_map_by by = {.kind = ZTC_BY_WORKLOAD};
	zt_auto(zt_freep) char *text = json_dumps(result, 0);
	zt_auto(ztc_pool_free) struct ztc_pool *pool = NULL;
	zt_auto(ztc_map_free) struct ztc_map *map = NULL;
	zt_auto(ztc_map_free) struct ztc_map *grouped = NULL;
	zt_auto(zt_strbuf_free) struct zt_strbuf why = ZT_STRBUF_INIT;
	zt_auto(zt_json_decref) json_t *json = NULL;

	assert_int_equal(ztc_pool_new(&pool), 0);
	assert_int_equal(ztc_map_read(&map, pool, text, strlen(text), "golden", &why), 0);
	assert_int_equal(ztc_map_group(&grouped, map, &by), 0);
	json = ztc_map_json(grouped);
	assert_non_null(json);
	return ztc_render_map(out, json, style);
}

static const struct {
	const char *json; /* without ".json" */
	const char *text; /* without ".COLUMNS.txt" */
	int (*render)(FILE *out, const json_t *result, const struct ztc_style *style);
} cases[] = {
	{"flows", "flows", ztc_render_flows},
	{"follow", "follow", render_changes},
	{"flows-empty", "flows-empty", ztc_render_flows},
	{"violations", "violations", ztc_render_violations},
	{"violations-empty", "violations-empty", ztc_render_violations},
	{"map", "map", ztc_render_map},
	{"map", "map-workload", render_workloads},
	{"map-empty", "map-empty", ztc_render_map},
	{"status", "status", ztc_render_status},
	{"ready", "ready", ztc_render_ready},
	{"ready", "lacking", ztc_render_lacking},
	{"status-broken", "status-broken", ztc_render_status},
	{"status-labels", "status-labels", ztc_render_status},
	{"labels", "labels", ztc_render_labels},
	{"labels-empty", "labels-empty", ztc_render_labels},
	{"label-set", "label-set", ztc_render_label_change},
	{"explain", "explain", ztc_render_explain},
	{"statements", "statements", ztc_render_statements},
	{"doctor", "doctor", ztc_render_doctor},
	{"observe", "observe", ztc_render_observe},
	{"detach", "detach", ztc_render_detach},
	{"detach-agent", "detach-agent", ztc_render_detach},
};

static char *read_file(const char *path)
{
	zt_auto(zt_fclosep) FILE *in = fopen(path, "re");
	char *text = calloc(1, 65536);

	assert_non_null(text);
	if (in)
		assert_in_range(fread(text, 1, 65535, in), 0, 65534);
	return text;
}

static char *rendered(size_t which, const struct ztc_style *style)
{
	zt_auto(zt_json_decref) json_t *json = NULL;
	char path[256], *text = NULL;
	json_error_t error;
	size_t size;
	FILE *out;

	snprintf(path, sizeof(path), DIR "%s.json", cases[which].json);
	json = json_load_file(path, 0, &error);
	if (!json)
		fail_msg("%s:%d: %s", path, error.line, error.text);
	out = open_memstream(&text, &size);
	assert_non_null(out);
	assert_int_equal(cases[which].render(out, json, style), 0);
	fclose(out);
	return text;
}

static void compare(size_t which, const struct ztc_style *style, const char *suffix)
{
	zt_auto(zt_freep) char *text = rendered(which, style);
	zt_auto(zt_freep) char *expected = NULL;
	char path[256];

	snprintf(path, sizeof(path), DIR "%s.%s.txt", cases[which].text, suffix);
	if (getenv("ZT_GOLDEN_UPDATE")) {
		zt_auto(zt_fclosep) FILE *out = fopen(path, "we");

		assert_non_null(out);
		fputs(text, out);
		return;
	}
	expected = read_file(path);
	if (strcmp(text, expected) != 0)
		fail_msg("%s differs; what is printed now:\n%s", path, text);
}

static void golden(const struct ztc_style *style, const char *suffix)
{
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
		compare(i, style, suffix);
}

static void golden_at_100(void **state)
{
	(void)state;
	golden(&(struct ztc_style){.width = 100, .now_s = NOON_S}, "100");
}

static void golden_at_80(void **state)
{
	(void)state;
	golden(&(struct ztc_style){.width = 80, .now_s = NOON_S}, "80");
}

static void golden_in_color(void **state)
{
	(void)state;
	golden(&(struct ztc_style){.width = 100, .color = true, .now_s = NOON_S}, "color");
}

/* No line is wider than it was asked to be, and no byte obeys the terminal. */
static void fits_and_is_harmless(void **state)
{
	const unsigned int widths[] = {80, 100};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases) * ARRAY_SIZE(widths); i++) {
		const struct ztc_style style = {.width = widths[i % 2], .now_s = NOON_S};
		zt_auto(zt_freep) char *text = rendered(i / 2, &style);

		for (const char *p = text; *p; p++) {
			size_t len = strcspn(p, "\n");

			/* Lines of a policy file are shown as they are, caret included. */
			if (ztc_width(p, len) > style.width &&
			    strcmp(cases[i / 2].text, "status-broken"))
				fail_msg("%s: wider than %u: %.*s", cases[i / 2].text, style.width,
					 (int)len, p);
			for (size_t c = 0; c < len; c++)
				assert_in_range((unsigned char)p[c], 0x20, 0xff);
			p += len;
		}
		assert_null(strstr(text, "\xe2\x80\xae"));
	}
}

static void wrong_shape_is_refused(void **state)
{
	zt_auto(zt_json_decref) json_t *empty = json_object();
	const struct ztc_style style = {.width = 100};
	zt_auto(zt_fclosep) FILE *out = fopen("/dev/null", "we");

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		if (cases[i].render != render_changes && cases[i].render != render_workloads &&
		    cases[i].render != ztc_render_detach)
			assert_int_equal(cases[i].render(out, empty, &style), -EINVAL);
	}
}

static void numbers(void **state)
{
	char text[ZTC_TEXT_LEN];
	static const struct {
		void (*fn)(char ret[ZTC_TEXT_LEN], int64_t n);
		int64_t n;
		const char *text;
	} rows[] = {
		{ztc_bytes, 0, "0 B"},
		{ztc_bytes, 999, "999 B"},
		{ztc_bytes, 1000, "1.0 kB"},
		{ztc_bytes, 9949, "9.9 kB"},
		{ztc_bytes, 9951, "10 kB"},
		{ztc_bytes, 999499, "999 kB"},
		{ztc_bytes, 999500, "1.0 MB"},
		{ztc_bytes, INT64_MAX, "9.2 EB"},
		{ztc_count, 0, "0"},
		{ztc_count, 999, "999"},
		{ztc_count, 1000, "1,000"},
		{ztc_count, 9999999, "9,999,999"},
		{ztc_count, 10000000, "10.0 M"},
		{ztc_count, INT64_MAX, "9223372036.9 G"},
		{ztc_duration, 0, "0 s"},
		{ztc_duration, 119, "119 s"},
		{ztc_duration, 120, "2 min"},
		{ztc_duration, 7200, "2 h"},
		{ztc_duration, 7261, "2 h 1 min"},
		{ztc_duration, 172800, "2 d"},
		{ztc_duration, 180000, "2 d 2 h"},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		rows[i].fn(text, rows[i].n);
		assert_string_equal(text, rows[i].text);
	}
	ztc_plural(text, 1, "flow", "flows");
	assert_string_equal(text, "1 flow");
	ztc_plural(text, 1234, "flow", "flows");
	assert_string_equal(text, "1,234 flows");
}

static void times(void **state)
{
	const struct ztc_style style = {.width = 100, .now_s = NOON_S};
	char text[ZTC_TEXT_LEN];

	(void)state;
	assert_int_equal(ztc_time_parse("2026-11-21T12:00:00.123Z"), NOON_S);
	assert_int_equal(ztc_time_parse("2026-11-21T12:00:00"), -1);
	assert_int_equal(ztc_time_parse(""), -1);
	assert_int_equal(ztc_time_parse(NULL), -1);
	ztc_ago(text, "2026-11-21T11:59:59Z", &style);
	assert_string_equal(text, "now");
	ztc_ago(text, "2026-11-21T12:10:00Z", &style);
	assert_string_equal(text, "in 10 min");
	ztc_ago(text, "yesterday", &style);
	assert_string_equal(text, "-");
	ztc_clock(text, "2026-11-20T23:00:00Z", &style);
	assert_string_equal(text, "2026-11-20 23:00:00");
}

static void breaking(void **state)
{
	size_t skip;

	(void)state;
	assert_int_equal(ztc_break("allowed by web-to-db", 10, &skip), 10);
	assert_int_equal(skip, 1);
	assert_int_equal(ztc_break("postgresql.service", 12, &skip), 10);
	assert_int_equal(skip, 0);
	assert_int_equal(ztc_break("10.20.1.11:5432", 13, &skip), 11);
	assert_int_equal(ztc_part("10.20.1.11"), 10);
	assert_int_equal(ztc_break("abcdefgh", 3, &skip), 3);
	assert_int_equal(ztc_break("監控主機", 5, &skip), 6);
	assert_int_equal(ztc_width("監控主機", strlen("監控主機")), 8);
	/* Narrower than one character: it is shown all the same. */
	assert_int_equal(ztc_break("監控", 1, &skip), 3);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(golden_at_100),
		cmocka_unit_test(golden_at_80),
		cmocka_unit_test(golden_in_color),
		cmocka_unit_test(fits_and_is_harmless),
		cmocka_unit_test(wrong_shape_is_refused),
		cmocka_unit_test(numbers),
		cmocka_unit_test(times),
		cmocka_unit_test(breaking),
	};

	/* Clock times are shown in local time. */
	setenv("TZ", "UTC", 1);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
