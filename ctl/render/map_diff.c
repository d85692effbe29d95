/* SPDX-License-Identifier: Apache-2.0 */
/* map_diff.c - what `map diff` answers, as text and as CSV. */
#include <errno.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/protocol.h"
#include "ctl/render/losses.h"
#include "ctl/render/map_parts.h"
#include "ctl/render/map_render.h"
#include "ctl/render/table.h"
#include "ctl/render/text.h"

/* "web1 nginx.service" */
static void put_end(struct ztc_table *table, const json_t *row, const char *end, const char *owner)
{
	const json_t *node = json_object_get(row, end);
	char text[ZTC_END_LEN];

	ztc_node_title(text, node, ztc_str(node, "id"));
	ztc_table_cell(table, ZTC_PLAIN, "%s%s%s", text, *ztc_str(row, owner) ? " " : "",
		       ztc_str(row, owner));
}

static void names(char ret[ZTC_END_LEN], const json_t *list)
{
	json_t *name;
	size_t i;

	ret[0] = '\0';
	json_array_foreach (list, i, name)
		ztc_append(ret, ZTC_END_LEN, "%s%.80s", i ? ", " : "",
			   json_string_value(name) ? json_string_value(name) : "?");
}

/* "allowed by web-db", of one side. */
static enum ztc_color verdict_text(char ret[ZTC_END_LEN], const json_t *side)
{
	char rules[ZTC_END_LEN];

	names(ret, json_object_get(side, "outcomes"));
	names(rules, json_object_get(side, "rules"));
	if (*rules)
		ztc_append(ret, ZTC_END_LEN, " by %.300s", rules);
	return strstr(ret, "denied") ? ZTC_BAD : strstr(ret, "would-deny") ? ZTC_WARN : ZTC_PLAIN;
}

/* Per hour where the windows are not equally long. */
static void volume_text(char ret[ZTC_END_LEN], const json_t *side, double hours, bool per_hour)
{
	char bytes[ZTC_TEXT_LEN], conns[ZTC_TEXT_LEN];
	double n = per_hour && hours > 0 ? hours : 1;

	ztc_bytes(bytes, (int64_t)((double)ztc_int(side, "bytes") / n));
	ztc_count(conns, (int64_t)((double)ztc_int(side, "connections") / n + 0.5));
	snprintf(ret, ZTC_END_LEN, "%s in %s conns%s", bytes, conns, per_hour ? " an hour" : "");
}

static double hours_of(const json_t *diff, const char *key)
{
	return json_number_value(json_object_get(json_object_get(diff, key), "hours"));
}

static bool per_hour(const json_t *diff)
{
	double a = hours_of(diff, "a"), b = hours_of(diff, "b");

	return a > b * 1.1 || b > a * 1.1;
}

/* Edges that one of the two maps has alone. */
static int one_sided(FILE *out, const json_t *diff, const char *key, const char *side,
		     const struct ztc_style *style)
{
	static const struct ztc_column columns[] = {
		{"FROM", false, 10, false},    {"TO", false, 10, false},
		{"SERVICE", false, 0, false},  {"CONNS", true, 0, false},
		{"BYTES", true, 0, false},     {"ENC", false, 7, false},
		{"VERDICT", false, 14, false}, {"LAST", true, 0, true},
	};
	zt_auto(ztc_table_free) struct ztc_table *table = NULL;
	const json_t *rows = json_object_get(diff, key);
	char text[ZTC_END_LEN], number[ZTC_TEXT_LEN];
	json_t *row;
	size_t i;

	if (!json_array_size(rows))
		return 0;
	if (ztc_table_new(&table, columns, ARRAY_SIZE(columns)) < 0)
		return -ENOMEM;
	json_array_foreach (rows, i, row) {
		const json_t *it = json_object_get(row, side);
		enum ztc_color color;

		put_end(table, row, "src", "src_workload");
		put_end(table, row, "dst", "dst_workload");
		ztc_service(text, json_object_get(row, "proto"), json_object_get(row, "port"));
		ztc_table_cell(table, ZTC_PLAIN, "%s", text);
		ztc_count(number, ztc_int(it, "connections"));
		ztc_table_cell(table, ZTC_PLAIN, "%s", number);
		ztc_bytes(number, ztc_int(it, "bytes"));
		ztc_table_cell(table, ZTC_PLAIN, "%s", number);
		color = ztc_encryption(text, it);
		ztc_table_cell(table, color, "%s", text);
		color = verdict_text(text, it);
		ztc_table_cell(table, color, "%s", text);
		ztc_age(number, ztc_str(it, "last_seen"), style);
		ztc_table_cell(table, ZTC_PLAIN, "%s", number);
	}
	snprintf(text, sizeof(text), "%s: %zu", strcmp(key, "gone") ? "APPEARED" : "GONE",
		 json_array_size(rows));
	ztc_wrap(out, style, ZTC_BOLD, 0, 2, text);
	i = (size_t)ztc_table_print(table, out, style, 2);
	fputc('\n', out);
	return (int)i;
}

/* What a change was and is; @what as in the row's `changes`. */
static enum ztc_color say(char before[ZTC_END_LEN], char after[ZTC_END_LEN], const json_t *diff,
			  const json_t *row, const char *what)
{
	const json_t *a = json_object_get(row, "before"), *b = json_object_get(row, "after");

	if (strcmp(what, "verdict") == 0) {
		verdict_text(before, a);
		return verdict_text(after, b);
	}
	if (strcmp(what, "encryption") == 0) {
		ztc_encryption(before, a);
		return ztc_encryption(after, b);
	}
	volume_text(before, a, hours_of(diff, "a"), per_hour(diff));
	volume_text(after, b, hours_of(diff, "b"), per_hour(diff));
	return ZTC_PLAIN;
}

static int changed(FILE *out, const json_t *diff, const struct ztc_style *style)
{
	static const struct ztc_column columns[] = {
		{"FROM", false, 10, false}, {"TO", false, 10, false},  {"SERVICE", false, 0, false},
		{"WHAT", false, 0, false},  {"WAS", false, 10, false}, {"IS", false, 10, false},
	};
	zt_auto(ztc_table_free) struct ztc_table *table = NULL;
	const json_t *rows = json_object_get(diff, "changed");
	char before[ZTC_END_LEN], after[ZTC_END_LEN];
	json_t *row, *what;
	size_t i, k;
	int r;

	if (!json_array_size(rows))
		return 0;
	if (ztc_table_new(&table, columns, ARRAY_SIZE(columns)) < 0)
		return -ENOMEM;
	json_array_foreach (rows, i, row) {
		json_array_foreach (json_object_get(row, "changes"), k, what) {
			const char *word = json_string_value(what);
			enum ztc_color color;

			put_end(table, row, "src", "src_workload");
			put_end(table, row, "dst", "dst_workload");
			ztc_service(before, json_object_get(row, "proto"),
				    json_object_get(row, "port"));
			ztc_table_cell(table, ZTC_PLAIN, "%s", before);
			color = say(before, after, diff, row, word ? word : "");
			ztc_table_cell(table, ZTC_PLAIN, "%s", word ? word : "?");
			ztc_table_cell(table, ZTC_PLAIN, "%s", before);
			ztc_table_cell(table, color, "%s", after);
		}
	}
	snprintf(before, sizeof(before), "CHANGED: %zu", json_array_size(rows));
	ztc_wrap(out, style, ZTC_BOLD, 0, 2, before);
	r = ztc_table_print(table, out, style, 2);
	fputc('\n', out);
	return r;
}

static void put_map(FILE *out, const json_t *map, const char *name, const struct ztc_style *style)
{
	const json_t *window = json_object_get(map, "window");
	char line[ZTC_END_LEN * 2], from[ZTC_TEXT_LEN], to[ZTC_TEXT_LEN], number[ZTC_TEXT_LEN];
	int64_t length = (int64_t)(json_number_value(json_object_get(map, "hours")) * 3600);

	ztc_clock(from, ztc_str(window, "from"), style);
	ztc_clock(to, ztc_str(window, "to"), style);
	ztc_duration(number, length);
	snprintf(line, sizeof(line), "%s  ", name);
	if (*ztc_str(map, "file"))
		ztc_append(line, sizeof(line), "%.300s: ", ztc_str(map, "file"));
	if (*ztc_str(map, "host"))
		ztc_append(line, sizeof(line), "%.100s, ", ztc_str(map, "host"));
	ztc_append(line, sizeof(line), "%s to %s (%s)", from, to, number);
	ztc_plural(number, ztc_int(map, "edges"), "edge", "edges");
	ztc_append(line, sizeof(line), ", %s", number);
	if (json_is_false(json_object_get(map, "complete")))
		ztc_append(line, sizeof(line), "; cut by a limit: what it lacks may be there");
	ztc_wrap(out, style, ZTC_PLAIN, 0, 3, line);
}

static void summary(FILE *out, const json_t *diff, const struct ztc_style *style)
{
	const json_t *sum = json_object_get(diff, "summary");
	char line[ZTC_END_LEN];

	snprintf(line, sizeof(line),
		 "%lld appeared, %lld gone, %lld changed (verdict %lld, encryption %lld, volume "
		 "%lld), %lld as before",
		 (long long)ztc_int(sum, "appeared"), (long long)ztc_int(sum, "gone"),
		 (long long)ztc_int(sum, "changed"), (long long)ztc_int(sum, "verdict"),
		 (long long)ztc_int(sum, "encryption"), (long long)ztc_int(sum, "volume"),
		 (long long)ztc_int(diff, "unchanged"));
	if (ztc_int(sum, "allowed_now"))
		ztc_append(line, sizeof(line), "; %lld denied before, allowed now",
			   (long long)ztc_int(sum, "allowed_now"));
	if (ztc_int(sum, "encryption_lost"))
		ztc_append(line, sizeof(line), "; %lld less encrypted than before",
			   (long long)ztc_int(sum, "encryption_lost"));
	ztc_wrap(out, style, ZTC_BOLD, 0, 2, line);
}

int ztc_render_diff(FILE *out, const json_t *diff, const struct ztc_style *style)
{
	int r;

	if (!json_is_object(json_object_get(diff, "summary")))
		return -EINVAL;
	put_map(out, json_object_get(diff, "a"), "A", style);
	put_map(out, json_object_get(diff, "b"), "B", style);
	fputc('\n', out);
	r = one_sided(out, diff, "appeared", "after", style);
	if (r == 0)
		r = one_sided(out, diff, "gone", "before", style);
	if (r == 0)
		r = changed(out, diff, style);
	if (r == 0)
		summary(out, diff, style);
	return r;
}

/* --- CSV
 * ------------------------------------------------------------------------------------------ */

static void csv_side(FILE *out, const json_t *side)
{
	char text[ZTC_END_LEN];

	names(text, json_object_get(side, "outcomes"));
	ztc_csv_text(out, text);
	fputc(',', out);
	names(text, json_object_get(side, "rules"));
	ztc_csv_text(out, text);
	fputc(',', out);
	if (json_is_object(side))
		ztc_encryption(text, side);
	else
		text[0] = '\0';
	ztc_csv_text(out, text);
	if (json_is_object(side))
		fprintf(out, ",%lld,%lld", (long long)ztc_int(side, "connections"),
			(long long)ztc_int(side, "bytes"));
	else
		fputs(",,", out);
}

static void csv_row(FILE *out, const json_t *row, const char *change)
{
	char what[ZTC_END_LEN];
	const char *const texts[] = {
		change,
		what,
		ztc_str(json_object_get(row, "src"), "name"),
		ztc_str(json_object_get(row, "dst"), "name"),
		ztc_str(row, "proto"),
	};

	names(what, json_object_get(row, "changes"));
	for (size_t i = 0; i < ARRAY_SIZE(texts); i++) {
		ztc_csv_text(out, texts[i]);
		fputc(',', out);
	}
	fprintf(out, "%lld,", (long long)ztc_int(row, "port"));
	ztc_csv_text(out, ztc_str(row, "src_workload"));
	fputc(',', out);
	ztc_csv_text(out, ztc_str(row, "dst_workload"));
	fputc(',', out);
	csv_side(out, json_object_get(row, "before"));
	fputc(',', out);
	csv_side(out, json_object_get(row, "after"));
	fputs("\r\n", out);
}

int ztc_render_diff_csv(FILE *out, const json_t *diff, const struct ztc_style *style)
{
	static const char *const lists[] = {"appeared", "gone", "changed"};
	json_t *row;
	size_t i;

	(void)style;
	if (!json_is_object(json_object_get(diff, "summary")))
		return -EINVAL;
	fputs("change,what,src,dst,proto,port,src_workload,dst_workload,before,before_rules,"
	      "before_encryption,before_connections,before_bytes,after,after_rules,"
	      "after_encryption,after_connections,after_bytes\r\n",
	      out);
	for (size_t l = 0; l < ARRAY_SIZE(lists); l++) {
		json_array_foreach (json_object_get(diff, lists[l]), i, row)
			csv_row(out, row, lists[l]);
	}
	return 0;
}
