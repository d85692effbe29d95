/* SPDX-License-Identifier: Apache-2.0 */
/* labels.c - labels of hosts: where each comes from, and when it ends. */
#include "ctl/render/labels.h"

#include <errno.h>
#include <string.h>

#include "base/cleanup.h"
#include "ctl/render/ends.h"
#include "ctl/render/render.h"
#include "ctl/render/table.h"
#include "ctl/render/text.h"

#define LABEL_WIDTH 11 /* left column of status */

/* --- a list ------------------------------------------------------------------------------- */

static void row(struct ztc_table *table, const json_t *label, const struct ztc_style *style)
{
	const char *source = ztc_str(label, "source"), *file = ztc_str(label, "file");
	bool counts = json_is_true(json_object_get(label, "counts"));
	enum ztc_color color = counts ? ZTC_PLAIN : ZTC_DIM;
	char end[ZTC_TEXT_LEN] = "";
	int64_t left_s = ztc_int(label, "remaining_s");
	const json_t *remaining = json_object_get(label, "remaining_s");

	if (json_is_real(remaining))
		left_s = (int64_t)(json_real_value(remaining) + 0.5);
	if (*ztc_str(label, "until") && style->now_s)
		ztc_duration(end, left_s);
	else
		ztc_clock(end, ztc_str(label, "until"), style);
	ztc_table_cell(table, color, "%s", ztc_str(label, "host"));
	ztc_table_cell(table, color, "%s=%s", ztc_str(label, "key"), ztc_str(label, "value"));
	ztc_table_cell(table, color, counts ? "%s%s%s" : "(%s%s%s)", source, *file ? " " : "",
		       file);
	ztc_table_cell(table, color, "%s", *ztc_str(label, "until") ? end : "");
}

static int table_of(FILE *out, const json_t *labels, const struct ztc_style *style)
{
	static const struct ztc_column columns[] = {
		{"HOST", false, 12, false},
		{"LABEL", false, 16, false},
		{"SOURCE", false, 10, false},
		{"ENDS IN", true, 0, false},
	};
	zt_auto(ztc_table_free) struct ztc_table *table = NULL;
	json_t *label;
	size_t i;
	int r = ztc_table_new(&table, columns, ARRAY_SIZE(columns));

	if (r < 0)
		return r;
	json_array_foreach (labels, i, label)
		row(table, label, style);
	return ztc_table_print(table, out, style, 0);
}

int ztc_render_labels(FILE *out, const json_t *result, const struct ztc_style *style)
{
	const json_t *labels = json_object_get(result, "labels");
	int64_t matched = ztc_int(result, "matched");
	char number[ZTC_TEXT_LEN];

	if (!json_is_array(labels))
		return -EINVAL;
	if (!json_array_size(labels)) {
		ztc_wrap(out, style, ZTC_PLAIN, 0, 0,
			 *ztc_str(result, "host")
				 ? "It has no labels."
				 : "No labels but the inventory's: nothing was set, and no file of "
				   "the label directory has any.");
		return 0;
	}
	if ((int64_t)json_array_size(labels) < matched) {
		ztc_count(number, matched);
		ztc_put(out, style, ZTC_WARN,
			"The first %zu of %s labels; name a host for its own.",
			json_array_size(labels), number);
		fputs("\n\n", out);
	}
	return table_of(out, labels, style);
}

int ztc_render_label_change(FILE *out, const json_t *result, const struct ztc_style *style)
{
	const json_t *labels = json_object_get(result, "labels");
	bool done = json_is_true(json_object_get(result, "in_force"));
	char line[256];

	if (!json_is_array(labels))
		return -EINVAL;
	if (done)
		snprintf(line, sizeof(line), "In force as of epoch %lld.",
			 (long long)ztc_int(result, "epoch"));
	else
		snprintf(line, sizeof(line),
			 "Kept; in force within a moment: at most 20 changes a second are made.");
	ztc_wrap(out, style, done ? ZTC_GOOD : ZTC_WARN, 0, 0, line);
	return json_array_size(labels) ? table_of(out, labels, style) : 0;
}

/* --- status -------------------------------------------------------------------------------- */

static void labelled(FILE *out, const struct ztc_style *style, const char *label,
		     enum ztc_color color, const char *text)
{
	ztc_put(out, style, ZTC_DIM, "%-*s", LABEL_WIDTH, label);
	ztc_wrap(out, style, color, LABEL_WIDTH, LABEL_WIDTH, text);
}

static void broken_files(FILE *out, const json_t *labels, const struct ztc_style *style)
{
	char ago[ZTC_TEXT_LEN], count[ZTC_TEXT_LEN], line[1024];
	json_t *file;
	size_t i;

	json_array_foreach (json_object_get(labels, "files"), i, file) {
		if (!*ztc_str(file, "error"))
			continue;
		ztc_ago(ago, ztc_str(file, "broken_since"), style);
		ztc_plural(count, ztc_int(file, "labels"), "label", "labels");
		snprintf(line, sizeof(line),
			 "%.100s/%.100s broken since %s: %.400s; %s it gave before "
			 "%s to their own end",
			 ztc_str(labels, "dir"), ztc_str(file, "name"), ago, ztc_str(file, "error"),
			 count, ztc_int(file, "labels") == 1 ? "holds" : "hold");
		labelled(out, style, "", ZTC_BAD, line);
	}
}

static void unknown_hosts(FILE *out, const json_t *labels, const struct ztc_style *style)
{
	const json_t *hosts = json_object_get(labels, "unknown_hosts");
	char count[ZTC_TEXT_LEN], names[ZTC_END_LEN], line[ZTC_END_LEN + 256];

	if (!ztc_int(labels, "unknown_count"))
		return;
	ztc_plural(count, ztc_int(labels, "unknown_count"), "host has", "hosts have");
	ztc_segments(names, hosts);
	snprintf(line, sizeof(line), "%s labels but %s not in the inventory: %s%s", count,
		 ztc_int(labels, "unknown_count") == 1 ? "is" : "are", names,
		 (int64_t)json_array_size(hosts) < ztc_int(labels, "unknown_count") ? ", ..." : "");
	labelled(out, style, "", ZTC_WARN, line);
}

void ztc_render_status_labels(FILE *out, const json_t *labels, const struct ztc_style *style)
{
	int64_t count = ztc_int(labels, "labels"), files, broken = ztc_int(labels, "broken");
	char number[ZTC_TEXT_LEN], hosts[ZTC_TEXT_LEN], from[ZTC_TEXT_LEN], line[512];
	int len;

	if (!json_is_object(labels))
		return;
	files = (int64_t)json_array_size(json_object_get(labels, "files"));
	if (!count && !files && !*ztc_str(labels, "dir_error") && !*ztc_str(labels, "store_error"))
		return;
	ztc_plural(number, count, "changes at run time", "change at run time");
	ztc_plural(hosts, ztc_int(labels, "hosts"), "host", "hosts");
	ztc_plural(from, files, "file", "files");
	len = snprintf(line, sizeof(line), "%s, of %s: %lld by operators, from %s", number, hosts,
		       (long long)ztc_int(labels, "by_operators"), from);
	if (*ztc_str(labels, "next_end")) {
		ztc_ago(hosts, ztc_str(labels, "next_end"), style);
		snprintf(line + len, sizeof(line) - (size_t)len, "; the next ends %s", hosts);
	}
	labelled(out, style, "labels", broken ? ZTC_WARN : ZTC_PLAIN, line);
	if (*ztc_str(labels, "dir_error"))
		labelled(out, style, "", ZTC_BAD, ztc_str(labels, "dir_error"));
	if (*ztc_str(labels, "store_error"))
		labelled(out, style, "", ZTC_BAD, ztc_str(labels, "store_error"));
	broken_files(out, labels, style);
	unknown_hosts(out, labels, style);
}
