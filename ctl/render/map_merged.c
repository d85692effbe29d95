/* SPDX-License-Identifier: Apache-2.0 */
/* map_merged.c - below a merged map: where its hosts do not say the same, and what stayed apart. */
#include <errno.h>
#include <string.h>

#include "base/cleanup.h"
#include "ctl/render/map_parts.h"
#include "ctl/render/table.h"
#include "ctl/render/text.h"

#define ROWS_MAX 20 /* in text; --json has all */

/* "web1 lets it pass, db1 denies it". */
static void verdicts(char ret[ZTC_END_LEN], const json_t *row)
{
	static const char *const planes[] = {"live", "candidate"};
	const json_t *src = json_object_get(row, "at_src"), *dst = json_object_get(row, "at_dst");

	ret[0] = '\0';
	for (size_t i = 0; i < ARRAY_SIZE(planes); i++) {
		const char *a = ztc_str(src, planes[i]), *b = ztc_str(dst, planes[i]);

		if (strcmp(a, b) == 0)
			continue;
		ztc_append(ret, ZTC_END_LEN, "%s%s%.60s says %s, %.60s says %s", *ret ? "; " : "",
			   i ? "staged: " : "", ztc_str(src, "host"), a, ztc_str(dst, "host"), b);
	}
}

static void counts(char ret[ZTC_END_LEN], const json_t *row, const char *key)
{
	const json_t *src = json_object_get(row, "at_src"), *dst = json_object_get(row, "at_dst");
	char a[ZTC_TEXT_LEN], b[ZTC_TEXT_LEN];

	if (strcmp(key, "bytes") == 0) {
		ztc_bytes(a, ztc_int(src, key));
		ztc_bytes(b, ztc_int(dst, key));
	} else {
		ztc_count(a, ztc_int(src, key));
		ztc_count(b, ztc_int(dst, key));
	}
	snprintf(ret, ZTC_END_LEN, "%.60s counted %s, %.60s %s", ztc_str(src, "host"), a,
		 ztc_str(dst, "host"), b);
}

static void one_end(char ret[ZTC_END_LEN], const json_t *row)
{
	const json_t *seen = json_object_get(row, "at_src");
	char times[ZTC_TEXT_LEN];

	if (!json_is_object(seen))
		seen = json_object_get(row, "at_dst");
	ztc_times(times, ztc_int(seen, "connections"));
	snprintf(ret, ZTC_END_LEN, "%.60s saw it %s, %.60s did not", ztc_str(seen, "host"), times,
		 ztc_str(row, "not_seen_by"));
	if (ztc_int(row, "its_losses"))
		ztc_append(ret, ZTC_END_LEN, " (it has losses)");
}

static void say(char ret[ZTC_END_LEN], const json_t *row, const char *kind)
{
	if (strcmp(kind, "one-end") == 0)
		one_end(ret, row);
	else if (strcmp(kind, "verdict") == 0)
		verdicts(ret, row);
	else if (strcmp(kind, "encryption") == 0)
		snprintf(ret, ZTC_END_LEN, "%.60s saw it %s, %.60s %s",
			 ztc_str(json_object_get(row, "at_src"), "host"),
			 ztc_str(json_object_get(row, "at_src"), "encryption"),
			 ztc_str(json_object_get(row, "at_dst"), "host"),
			 ztc_str(json_object_get(row, "at_dst"), "encryption"));
	else
		counts(ret, row, kind);
}

static int disagreements(FILE *out, const json_t *rows, const struct ztc_style *style)
{
	static const struct ztc_column columns[] = {
		{"WHAT", false, 0, false},
		{"FROM", false, 12, false},
		{"TO", false, 12, false},
		{"SERVICE", false, 0, false},
		{"WHO SAYS WHAT", false, 20, false},
	};
	zt_auto(ztc_table_free) struct ztc_table *table = NULL;
	char text[ZTC_END_LEN];
	json_t *row;
	size_t i;
	int r = ztc_table_new(&table, columns, ARRAY_SIZE(columns));

	if (r < 0)
		return r;
	json_array_foreach (rows, i, row) {
		const char *kind = ztc_str(row, "kind");

		if (i == ROWS_MAX)
			break;
		ztc_table_cell(table, ZTC_WARN, "%.20s", kind);
		ztc_end(text, json_object_get(row, "src"), false);
		ztc_table_cell(table, ZTC_PLAIN, "%s", text);
		ztc_end(text, json_object_get(row, "dst"), false);
		ztc_table_cell(table, ZTC_PLAIN, "%s", text);
		ztc_service(text, json_object_get(row, "proto"), json_object_get(row, "port"));
		ztc_table_cell(table, ZTC_PLAIN, "%s", text);
		say(text, row, kind);
		ztc_table_cell(table, ZTC_PLAIN, "%s", text);
	}
	snprintf(text, sizeof(text), "DISAGREEMENTS: %zu", json_array_size(rows));
	fputc('\n', out);
	ztc_wrap(out, style, ZTC_BOLD, 0, 2, text);
	r = ztc_table_print(table, out, style, 2);
	if (r == 0 && json_array_size(rows) > ROWS_MAX)
		fprintf(out, "  and %zu more (--json)\n", json_array_size(rows) - ROWS_MAX);
	return r;
}

static void views(FILE *out, const json_t *map, const struct ztc_style *style)
{
	const json_t *list = json_object_get(map, "views");
	char line[ZTC_END_LEN * 4] = "", from[ZTC_TEXT_LEN], to[ZTC_TEXT_LEN];
	json_t *view;
	size_t i;

	json_array_foreach (list, i, view) {
		ztc_clock(from, ztc_str(view, "from"), style);
		ztc_clock(to, ztc_str(view, "to"), style);
		ztc_append(line, sizeof(line), "%s%.60s %s to %s%s", i ? "; " : "Seen by ",
			   ztc_str(view, "host"), from, to,
			   json_is_false(json_object_get(view, "complete")) ? " (cut by a limit)"
									    : "");
	}
	if (*line)
		ztc_wrap(out, style, ZTC_PLAIN, 0, 2, line);
}

int ztc_map_disagreements(FILE *out, const json_t *map, const struct ztc_style *style)
{
	const json_t *rows = json_object_get(map, "disagreements");
	const json_t *apart = json_object_get(map, "not_merged");
	char line[ZTC_END_LEN * 4] = "";
	json_t *row;
	size_t i;

	views(out, map, style);
	json_array_foreach (apart, i, row) {
		if (i == ROWS_MAX)
			break;
		ztc_append(
			line, sizeof(line), "%s%.60s",
			i ? ", " : "Kept apart, several hosts have it: ", ztc_str(row, "address"));
	}
	if (json_array_size(apart) > ROWS_MAX)
		ztc_append(line, sizeof(line), " and %zu more", json_array_size(apart) - ROWS_MAX);
	if (*line)
		ztc_wrap(out, style, ZTC_PLAIN, 0, 2, line);
	if (!json_is_array(rows))
		return 0;
	if (json_array_size(rows))
		return disagreements(out, rows, style);
	ztc_wrap(out, style, ZTC_PLAIN, 0, 2, "Where two hosts saw the same, they agree");
	return 0;
}
