/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_top.c - what ztctl top shows: fits every size, escapes what is hostile, finds and moves.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <locale.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/json.h"
#include "ctl/render/text.h"
#include "ctl/top/view.h"

#define NOON_S 1795262400 /* 2026-11-21T12:00:00Z */

static struct ztc_top_line lines[ZTC_TOP_LINES_MAX];

static json_t *edge(const char *src, int port, int bytes, const char *live, const char *candidate)
{
	return json_pack("{s:{s:s, s:s}, s:{s:s, s:s}, s:s, s:i, s:{s:{s:s, s:s}, s:{s:s, s:s}},"
			 " s:s, s:i, s:{s:i, s:i}, s:{s:i, s:i}, s:{s:s}}",
			 "src", "address", "10.0.0.1", "host", src, "dst", "address", "10.0.0.2",
			 "host", "db1", "proto", "tcp", "port", port, "verdict", "live", "action",
			 live, "rule", "web-db", "candidate", "action", candidate, "rule",
			 "no-telnet", "kind", "local", "connections", 20, "bytes", "to_dst", bytes,
			 "to_src", 0, "packets", "to_dst", 3, "to_src", 0, "workload", "unit",
			 "nginx.service");
}

static json_t *reply_of(int edges)
{
	json_t *list = json_array(), *violations = json_array();

	for (int i = 0; i < edges; i++)
		json_array_append_new(list, edge("web1", 1000 + i, 4000, "allow", "allow"));
	json_array_append_new(violations,
			      json_pack("{s:s, s:s, s:s, s:i, s:s, s:s, s:i, s:s}", "src",
					"10.0.0.9", "dst", "10.0.0.2", "proto", "tcp", "port", 23,
					"rule", "no-telnet", "mode", "enforced", "count", 7,
					"last_seen", "2026-11-21T11:59:30.000Z"));
	return json_pack("{s:b, s:s, s:s, s:i, s:{s:i, s:i, s:i, s:i, s:i}, s:i, s:i, s:o, s:o,"
			 " s:i, s:{s:i}}",
			 "ready", 1, "sort", "bytes", "at", "2026-11-21T12:00:00.000Z",
			 "interval_ms", 2000, "totals", "connections", 2469, "bytes", 24600000,
			 "packets", 20468, "denied", 3, "would_deny", 0, "moved", edges, "matched",
			 edges, "edges", list, "violations", violations, "violations_matched", 1,
			 "losses", "ring_full", 0);
}

static struct ztc_top_state state_of(unsigned int columns, unsigned int rows)
{
	return (struct ztc_top_state){.columns = columns, .lines = rows, .now_s = NOON_S};
}

static const char *line_with(size_t count, const char *text)
{
	for (size_t i = 0; i < count; i++) {
		if (strstr(lines[i].text, text))
			return lines[i].text;
	}
	return NULL;
}

static size_t rows_of(size_t count, const char *text)
{
	size_t n = 0;

	for (size_t i = 0; i < count; i++)
		n += strstr(lines[i].text, text) != NULL;
	return n;
}

static void every_size_is_filled_and_kept(void **state)
{
	zt_auto(zt_json_decref) json_t *reply = reply_of(300);

	(void)state;
	for (unsigned int columns = 0; columns <= ZTC_TOP_COLUMNS_MAX; columns += 23) {
		for (unsigned int rows = 1; rows <= 100; rows += 7) {
			for (int pane = 0; pane < ZTC_TOP_PANES; pane++) {
				struct ztc_top_state s = state_of(columns, rows);
				size_t count;

				s.pane = (enum ztc_top_pane)pane;
				count = ztc_top_view(reply, &s, lines);
				assert_true(count <= rows);
				if (columns >= 60 && rows >= 12)
					assert_int_equal(count, rows);
				for (size_t i = 0; i < count; i++)
					assert_true(ztc_width(lines[i].text,
							      strlen(lines[i].text)) <= columns);
			}
		}
	}
}

static void rates_are_per_second(void **state)
{
	zt_auto(zt_json_decref) json_t *reply = reply_of(1);
	struct ztc_top_state s = state_of(80, 24);
	size_t count = ztc_top_view(reply, &s, lines);

	(void)state;
	assert_string_equal(lines[1].text, "1,235 conn/s  12 MB/s  10,234 pkt/s  denied 1.5/s  "
					   "would deny 0/s  lost 0");
	assert_non_null(line_with(count, "*BYTES/S"));
	assert_string_equal(lines[3].text, "  tcp/1000   web1          db1                10   "
					   "2.0 kB     1.5 web-db        ");
	assert_non_null(line_with(count, "x   30s ago  tcp/23 10.0.0.9 -> 10.0.0.2 by no-telnet, 7 "
					 "packets"));
}

static void verdicts_are_not_colour_alone(void **state)
{
	zt_auto(zt_json_decref) json_t *reply = reply_of(0);
	json_t *list = json_object_get(reply, "edges");
	struct ztc_top_state s = state_of(100, 24);
	size_t count;

	(void)state;
	json_array_append_new(list, edge("web1", 23, 1, "deny", "deny"));
	json_array_append_new(list, edge("web1", 24, 1, "allow", "deny"));
	count = ztc_top_view(reply, &s, lines);
	assert_int_equal(line_with(count, "tcp/23 ")[0], 'x');
	assert_int_equal(line_with(count, "tcp/24 ")[0], '!');
	/* Which rule it is that would deny. */
	assert_non_null(strstr(line_with(count, "tcp/24 "), "no-telnet"));
}

static void hostile_names_stay_in_their_cell(void **state)
{
	static const char *const names[] = {
		"\x1b[2J\x1b]0;owned\a", "a\nb\rc\td",
		"\xe2\x80\xae"
		"evil",
		"<script>alert(1)</script>",
		"\xe8\xa3\x9d\xe7\xbd\xae\xe5\x90\x8d\xe7\xa8\xb1\xe5\xbe\x88"
		"\xe9\x95\xb7\xe5\xbe\x88\xe9\x95\xb7"};
	zt_auto(zt_json_decref) json_t *reply = reply_of(0);
	json_t *list = json_object_get(reply, "edges");
	struct ztc_top_state s = state_of(80, 24);
	size_t count;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(names); i++)
		json_array_append_new(list, edge(names[i], (int)i + 1, 1, "allow", "allow"));
	count = ztc_top_view(reply, &s, lines);
	assert_int_equal(count, 24);
	for (size_t i = 0; i < count; i++) {
		for (const char *c = lines[i].text; *c; c++)
			assert_true((unsigned char)*c >= ' ' && *c != 127);
		assert_null(strstr(lines[i].text, "\xe2\x80\xae"));
		assert_true(ztc_width(lines[i].text, strlen(lines[i].text)) <= 80);
	}
}

static void finding_and_moving(void **state)
{
	zt_auto(zt_json_decref) json_t *reply = reply_of(100);
	struct ztc_top_state s = state_of(80, 24);
	size_t count;

	(void)state;
	count = ztc_top_view(reply, &s, lines);
	assert_non_null(line_with(count, "tcp/1000 "));
	s.first = 5;
	count = ztc_top_view(reply, &s, lines);
	assert_null(line_with(count, "tcp/1004 "));
	assert_non_null(line_with(count, "tcp/1005 "));
	s.first = 5000; /* past the end: the last row stays in sight the next time */
	ztc_top_view(reply, &s, lines);
	assert_int_equal(s.first, 99);
	s.first = 0;
	strcpy(s.find, "TCP/1033");
	count = ztc_top_view(reply, &s, lines);
	assert_int_equal(rows_of(count, "tcp/10"), 1);
	strcpy(s.find, "no such text");
	count = ztc_top_view(reply, &s, lines);
	assert_non_null(line_with(count, "nothing that moved has this text"));
}

static void what_is_not_known_is_said(void **state)
{
	zt_auto(zt_json_decref) json_t *reply = reply_of(0);
	struct ztc_top_state s = state_of(80, 24);

	(void)state;
	assert_non_null(line_with(ztc_top_view(NULL, &s, lines), "two sweeps"));
	assert_non_null(line_with(ztc_top_view(reply, &s, lines), "nothing moved"));
	s.trouble = "no agent answers";
	assert_non_null(line_with(ztc_top_view(reply, &s, lines), "no agent answers"));
	json_object_set_new(json_object_get(reply, "losses"), "ring_full", json_integer(12));
	s.pane = ZTC_TOP_LOSSES;
	assert_non_null(line_with(ztc_top_view(reply, &s, lines), "lost: 12 events"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_size_is_filled_and_kept),
		cmocka_unit_test(rates_are_per_second),
		cmocka_unit_test(verdicts_are_not_colour_alone),
		cmocka_unit_test(hostile_names_stay_in_their_cell),
		cmocka_unit_test(finding_and_moving),
		cmocka_unit_test(what_is_not_known_is_said),
	};

	setlocale(LC_CTYPE, "C.UTF-8");
	setenv("TZ", "UTC", 1);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
