/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_map_render.c - pictures of maps, held to exact bytes.
 *
 * Maps of tests/golden/map in, text out: merged, as a tree, compared, and one in which every name
 * is an attack on some output. ZT_GOLDEN_UPDATE=1 writes the expected files anew, for a person to
 * read before they are committed.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/cleanup.h"
#include "base/json.h"
#include "ctl/map/map.h"
#include "ctl/render/map_render.h"
#include "ctl/render/render.h"
#include "ctl/render/text.h"

#define DIR    "tests/golden/map/"
#define NOON_S 1795780800 /* 2026-11-27T12:00:00Z, when the golden files are looked at */

static int called_tree(FILE *out, const json_t *map, const struct ztc_style *style)
{
	return ztc_render_tree(out, map, style, &(struct ztc_tree){0});
}

static int calls_tree(FILE *out, const json_t *map, const struct ztc_style *style)
{
	return ztc_render_tree(out, map, style, &(struct ztc_tree){.depth = 5});
}

typedef int (*render_fn)(FILE *out, const json_t *json, const struct ztc_style *style);

static const struct {
	const char *name;
	const char *files[3]; /* two behind "diff": compared, else merged */
	const char *by;
	render_fn render;
	bool diff;
} cases[] = {
	{"merged", {"web1", "app1", "db1"}, "host", ztc_render_map, false},
	{"by-label", {"web1", "app1", "db1"}, "label:role", ztc_render_map, false},
	{"by-workload", {"web1", "app1", "db1"}, "workload", ztc_render_map, false},
	{"by-process", {"db1"}, "process", ztc_render_map, false},
	{"tree", {"web1", "app1", "db1"}, "host", called_tree, false},
	{"calls", {"web1", "app1", "db1"}, "host", calls_tree, false},
	{"csv", {"web1", "app1", "db1"}, "host", ztc_render_csv, false},
	{"dot", {"web1", "app1", "db1"}, "host", ztc_render_dot, false},
	{"mermaid", {"web1", "app1", "db1"}, "host", ztc_render_mermaid, false},
	{"diff", {"db1", "db1-later"}, "host", ztc_render_diff, true},
	{"diff-csv", {"db1", "db1-later"}, "host", ztc_render_diff_csv, true},
	{"hostile", {"hostile"}, "host", ztc_render_map, false},
	{"hostile-tree", {"hostile"}, "workload", called_tree, false},
	{"hostile-csv", {"hostile"}, "host", ztc_render_csv, false},
	{"hostile-dot", {"hostile"}, "segment", ztc_render_dot, false},
	{"hostile-mermaid", {"hostile"}, "segment", ztc_render_mermaid, false},
};

static json_t *json_of(size_t which, struct ztc_pool *pool)
{
	const struct ztc_diff_how how = {.factor = 2, .floor_bytes = 1000000};
	zt_auto(zt_strbuf_free) struct zt_strbuf why = ZT_STRBUF_INIT;
	struct ztc_map *maps[3] = {NULL}, *merged = NULL, *grouped[3] = {NULL};
	struct ztc_map_by by;
	size_t count = 0;
	json_t *json = NULL;

	assert_int_equal(ztc_map_by_parse(cases[which].by, &by), 0);
	for (; count < 3 && cases[which].files[count]; count++) {
		char path[256];

		snprintf(path, sizeof(path), DIR "%s.json", cases[which].files[count]);
		if (ztc_map_load(&maps[count], pool, path, &why) < 0)
			fail_msg("%s", zt_strbuf_text(&why));
	}
	if (cases[which].diff) {
		for (size_t i = 0; i < count; i++)
			assert_int_equal(ztc_map_group(&grouped[i], maps[i], &by), 0);
		assert_int_equal(ztc_map_diff(&json, grouped[0], grouped[1], &how), 0);
	} else {
		if (count > 1)
			assert_int_equal(ztc_map_merge(&merged, maps, count, &why), 0);
		assert_int_equal(ztc_map_group(&grouped[0], merged ? merged : maps[0], &by), 0);
		json = ztc_map_json(grouped[0]);
	}
	assert_non_null(json);
	for (size_t i = 0; i < 3; i++) {
		ztc_map_free(&maps[i]);
		ztc_map_free(&grouped[i]);
	}
	ztc_map_free(&merged);
	return json;
}

static char *rendered(size_t which, const struct ztc_style *style)
{
	zt_auto(ztc_pool_free) struct ztc_pool *pool = NULL;
	zt_auto(zt_json_decref) json_t *json = NULL;
	char *text = NULL;
	size_t size;
	FILE *out = open_memstream(&text, &size);

	assert_non_null(out);
	assert_int_equal(ztc_pool_new(&pool), 0);
	json = json_of(which, pool);
	assert_int_equal(cases[which].render(out, json, style), 0);
	fclose(out);
	return text;
}

static char *read_file(const char *path)
{
	zt_auto(zt_fclosep) FILE *in = fopen(path, "re");
	char *text = calloc(1, 262144);

	assert_non_null(text);
	if (in)
		assert_in_range(fread(text, 1, 262143, in), 0, 262142);
	return text;
}

static void compare(size_t which, const char *text, const char *suffix)
{
	zt_auto(zt_freep) char *expected = NULL;
	char path[256];

	snprintf(path, sizeof(path), DIR "%s%s.txt", cases[which].name, suffix);
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

/* Nothing that a terminal obeys, and no line wider than it is. Pictures for programs are wider. */
static void fits(const char *text, unsigned int width, const char *name)
{
	while (*text) {
		size_t len = strcspn(text, "\n");

		for (size_t i = 0; i < len; i++)
			if ((unsigned char)text[i] < ' ' || text[i] == 0x7f)
				fail_msg("%s: a control character in '%.*s'", name, (int)len, text);
		if (ztc_width(text, len) > width)
			fail_msg("%s: wider than %u: '%.*s'", name, width, (int)len, text);
		text += len + (text[len] == '\n');
	}
}

static void golden(void **state)
{
	static const unsigned int widths[] = {100, 80};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		const bool people =
			cases[i].render == ztc_render_map || cases[i].render == called_tree ||
			cases[i].render == calls_tree || cases[i].render == ztc_render_diff;

		for (size_t w = 0; w < (people ? ARRAY_SIZE(widths) : 1); w++) {
			const struct ztc_style style = {.width = widths[w], .now_s = NOON_S};
			zt_auto(zt_freep) char *text = rendered(i, &style);
			char suffix[16] = "";

			if (people) {
				snprintf(suffix, sizeof(suffix), ".%u", widths[w]);
				fits(text, widths[w], cases[i].name);
			}
			compare(i, text, suffix);
		}
	}
}

/* Colours change nothing but colours. */
static void colors(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		const struct ztc_style plain = {.width = 100, .now_s = NOON_S};
		const struct ztc_style color = {.width = 100, .now_s = NOON_S, .color = true};
		zt_auto(zt_freep) char *a = rendered(i, &plain);
		zt_auto(zt_freep) char *b = rendered(i, &color);
		char *to = b;

		for (const char *from = b; *from; from++) {
			if (*from == '\033')
				from += strcspn(from, "m");
			else
				*to++ = *from;
		}
		*to = '\0';
		assert_string_equal(a, b);
	}
}

static void wrong_shape_is_refused(void **state)
{
	zt_auto(zt_json_decref) json_t *empty = json_object();
	zt_auto(zt_fclosep) FILE *out = fopen("/dev/null", "we");
	const struct ztc_style style = {.width = 100};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
		assert_int_equal(cases[i].render(out, empty, &style), -EINVAL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(golden),
		cmocka_unit_test(colors),
		cmocka_unit_test(wrong_shape_is_refused),
	};

	setenv("TZ", "UTC", 1);
	tzset();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
