/* SPDX-License-Identifier: Apache-2.0 */
/* violations.c - what was denied, or would be, one row per source, service and rule. */
#include <errno.h>
#include <string.h>

#include "base/cleanup.h"
#include "ctl/render/ends.h"
#include "ctl/render/render.h"
#include "ctl/render/table.h"
#include "ctl/render/text.h"

static void violation_row(struct ztc_table *table, const json_t *row, const struct ztc_style *style)
{
	bool staged = strcmp(ztc_str(row, "mode"), "staged") == 0;
	char text[ZTC_END_LEN], number[ZTC_TEXT_LEN];

	ztc_table_cell(table, staged ? ZTC_WARN : ZTC_BAD, "%s", staged ? "staged" : "denied");
	ztc_row_end(text, row, "src_host", "src");
	ztc_table_cell(table, ZTC_PLAIN, "%s", text);
	ztc_row_end(text, row, "dst_host", "dst");
	ztc_table_cell(table, ZTC_PLAIN, "%s", text);
	ztc_service(text, json_object_get(row, "proto"), json_object_get(row, "port"));
	ztc_table_cell(table, ZTC_PLAIN, "%s", text);
	ztc_table_cell(table, ZTC_PLAIN, "%s", ztc_str(row, "rule"));
	ztc_workload(text, json_object_get(row, "workload"));
	ztc_table_cell(table, ZTC_PLAIN, "%s", text);
	ztc_count(number, ztc_int(row, "count"));
	ztc_table_cell(table, ZTC_PLAIN, "%s", number);
	ztc_age(number, ztc_str(row, "first_seen"), style);
	ztc_table_cell(table, ZTC_PLAIN, "%s", number);
	ztc_age(number, ztc_str(row, "last_seen"), style);
	ztc_table_cell(table, ZTC_PLAIN, "%s", number);
}

/* "3 violations: 2 enforced (14 packets denied), 1 staged (3 packets would be denied)". */
static void violations_summary(FILE *out, const struct ztc_style *style, const int64_t rows[2],
			       const int64_t times[2])
{
	static const char *const what[2][2] = {{"enforced", "denied"},
					       {"staged", "would be denied"}};
	char all[ZTC_TEXT_LEN], number[ZTC_TEXT_LEN], packets[ZTC_TEXT_LEN], line[512];
	int len;

	ztc_plural(all, rows[0] + rows[1], "violation", "violations");
	len = snprintf(line, sizeof(line), "%s", all);
	for (int i = 0; i < 2; i++) {
		if (!rows[i])
			continue;
		ztc_count(number, rows[i]);
		ztc_plural(packets, times[i], "packet", "packets");
		len += snprintf(line + len, sizeof(line) - len, "%s %s %s (%s %s)",
				i && rows[0] ? "," : ":", number, what[i][0], packets, what[i][1]);
	}
	fputc('\n', out);
	ztc_wrap(out, style, ZTC_BOLD, 0, 2, line);
}

int ztc_render_violations(FILE *out, const json_t *result, const struct ztc_style *style)
{
	static const struct ztc_column columns[] = {
		{"WHAT", false, 0, false},   {"FROM", false, 8, false},
		{"TO", false, 8, false},     {"SERVICE", false, 0, false},
		{"RULE", false, 12, false},  {"WORKLOAD", false, 8, false},
		{"PACKETS", true, 0, false}, {"FIRST", true, 0, true},
		{"LAST", true, 0, false},
	};
	zt_auto(ztc_table_free) struct ztc_table *table = NULL;
	const json_t *violations = json_object_get(result, "violations");
	int64_t rows[2] = {0}, times[2] = {0};
	json_t *row;
	size_t i;
	int r;

	if (!json_is_array(violations))
		return -EINVAL;
	if (!json_array_size(violations)) {
		fputs("No violations: nothing was denied, and staged policy would deny nothing.\n",
		      out);
		return 0;
	}
	r = ztc_table_new(&table, columns, ARRAY_SIZE(columns));
	if (r < 0)
		return r;
	json_array_foreach (violations, i, row) {
		int staged = strcmp(ztc_str(row, "mode"), "staged") == 0;

		rows[staged]++;
		times[staged] += ztc_int(row, "count");
		violation_row(table, row, style);
	}
	r = ztc_table_print(table, out, style, 0);
	if (r == 0)
		violations_summary(out, style, rows, times);
	return r;
}
