// SPDX-License-Identifier: Apache-2.0
/* plan_diff.c - the statements and definitions of a plan, its evidence and capacity, for people. */
#include <errno.h>
#include <string.h>

#include "base/cleanup.h"
#include "ctl/render/ends.h"
#include "ctl/render/plan.h"
#include "ctl/render/table.h"
#include "ctl/render/text.h"

#define ROWS_SHOWN   20
#define NAMES_SHOWN  12
#define LINE_LEN     2048
#define FULL_PERCENT 70 /* a table this full is shown even when it stays so */

/* "a, b, c and 5 more" */
static void add_names(char *line, size_t size, const json_t *list, json_int_t all)
{
	json_t *one;
	size_t i;

	json_array_foreach (list, i, one) {
		if (i < NAMES_SHOWN)
			ztc_append(line, size, "%s%s", i ? ", " : "", json_string_value(one));
	}
	if (all > NAMES_SHOWN)
		ztc_append(line, size, " and %lld more", (long long)(all - NAMES_SHOWN));
}

/* --- statements --------------------------------------------------------------------------------
 */

static void whole_row(struct ztc_table *table, const json_t *row, const char *sign,
		      enum ztc_color color)
{
	bool failsafe = strcmp(ztc_str(row, "kind"), "failsafe") == 0;
	bool here = json_is_true(json_object_get(row, "here"));

	ztc_table_cell(table, color, "%s", sign);
	ztc_table_cell(table, ZTC_BOLD, "%s", ztc_str(row, "id"));
	ztc_table_cell(table, ZTC_PLAIN, "%s %s: %s -> %s, %s%s%s%s%s",
		       failsafe ? "failsafe" : ztc_str(row, "mode"), ztc_str(row, "action"),
		       ztc_str(row, "from"), ztc_str(row, "to"), ztc_str(row, "ports"),
		       *ztc_str(row, "when") ? ", when " : "", ztc_str(row, "when"),
		       *ztc_str(row, "expires") ? ", expires " : "", ztc_str(row, "expires"));
	ztc_table_cell(table, ZTC_DIM, "%s", here ? "" : "not for this host");
}

static void changed_row(struct ztc_table *table, const json_t *row)
{
	const json_t *fields = json_object_get(row, "fields");
	bool here = json_is_true(json_object_get(row, "here"));
	char line[LINE_LEN] = "";
	json_t *field;
	size_t i;

	json_array_foreach (fields, i, field) {
		const char *from = ztc_str(field, "from"), *to = ztc_str(field, "to");

		ztc_append(line, sizeof(line), "%s%s: %s -> %s", i ? "; " : "",
			   ztc_str(field, "field"), *from ? from : "none", *to ? to : "none");
	}
	ztc_table_cell(table, ZTC_WARN, "~");
	ztc_table_cell(table, ZTC_BOLD, "%s", ztc_str(row, "id"));
	ztc_table_cell(table, ZTC_PLAIN, "%s", line);
	ztc_table_cell(table, ZTC_DIM, "%s", here ? "" : "not for this host");
}

int ztc_plan_statements(FILE *out, const json_t *statements, const struct ztc_style *style)
{
	static const struct ztc_column columns[] = {
		{"", false, 0, false},
		{"STATEMENT", false, 12, false},
		{"WHAT", false, 20, false},
		{"", false, 0, true},
	};
	static const char *const keys[] = {"removed", "changed", "added"};
	zt_auto(ztc_table_free) struct ztc_table *table = NULL;
	const json_t *count = json_object_get(statements, "count");
	json_int_t all = 0, shown = 0;
	char line[LINE_LEN];
	json_t *row;
	size_t i;
	int r;

	snprintf(line, sizeof(line),
		 "STATEMENTS: %lld added, %lld changed, %lld removed, %lld as they are",
		 (long long)ztc_int(count, "added"), (long long)ztc_int(count, "changed"),
		 (long long)ztc_int(count, "removed"), (long long)ztc_int(count, "unchanged"));
	ztc_plan_title(out, style, ZTC_PLAIN, line);
	r = ztc_table_new(&table, columns, ARRAY_SIZE(columns));
	if (r < 0)
		return r;
	for (size_t k = 0; k < ARRAY_SIZE(keys); k++) {
		all += ztc_int(count, keys[k]);
		json_array_foreach (json_object_get(statements, keys[k]), i, row) {
			if (i >= ROWS_SHOWN)
				break;
			shown++;
			if (k == 1)
				changed_row(table, row);
			else
				whole_row(table, row, k ? "+" : "-", k ? ZTC_GOOD : ZTC_BAD);
		}
	}
	r = ztc_table_print(table, out, style, 2);
	ztc_plan_more(out, shown, all, "");
	return r;
}

/* --- definitions
 * ---------------------------------------------------------------------------------- */

static void names_line(FILE *out, const struct ztc_style *style, const char *label,
		       const json_t *list, json_int_t all)
{
	char line[LINE_LEN] = "";

	if (!all)
		return;
	ztc_append(line, sizeof(line), "%s ", label);
	add_names(line, sizeof(line), list, all);
	fputs("  ", out);
	ztc_wrap(out, style, ZTC_PLAIN, 2, 4, line);
}

static void segment_line(FILE *out, const struct ztc_style *style, const json_t *row)
{
	char line[LINE_LEN] = "";

	ztc_append(line, sizeof(line), "segment %s", ztc_str(row, "name"));
	if (ztc_int(row, "gained_count")) {
		ztc_append(line, sizeof(line), " gains ");
		add_names(line, sizeof(line), json_object_get(row, "gained"),
			  ztc_int(row, "gained_count"));
	}
	if (ztc_int(row, "lost_count")) {
		ztc_append(line, sizeof(line), "%s loses ",
			   ztc_int(row, "gained_count") ? "," : "");
		add_names(line, sizeof(line), json_object_get(row, "lost"),
			  ztc_int(row, "lost_count"));
	}
	if (!ztc_int(row, "gained_count") && !ztc_int(row, "lost_count"))
		ztc_append(line, sizeof(line), " is defined anew, with the same members");
	fputs("  ", out);
	ztc_wrap(out, style, ZTC_PLAIN, 2, 4, line);
}

static void host_line(FILE *out, const struct ztc_style *style, const json_t *row)
{
	char line[LINE_LEN] = "";
	json_t *field;
	size_t i;

	ztc_append(line, sizeof(line), "host %s", ztc_str(row, "name"));
	json_array_foreach (json_object_get(row, "fields"), i, field)
		ztc_append(line, sizeof(line), "%s %s: %s -> %s", i ? ";" : "",
			   ztc_str(field, "field"), ztc_str(field, "from"), ztc_str(field, "to"));
	fputs("  ", out);
	ztc_wrap(out, style, ZTC_PLAIN, 2, 4, line);
}

static bool any_change(const json_t *lists)
{
	const json_t *count = json_object_get(lists, "count");

	return ztc_int(count, "added") || ztc_int(count, "removed") || ztc_int(count, "changed");
}

void ztc_plan_definitions(FILE *out, const json_t *definitions, const struct ztc_style *style)
{
	static const char *const kinds[] = {"segments", "hosts"};
	json_t *row;
	size_t i;

	if (!any_change(json_object_get(definitions, "segments")) &&
	    !any_change(json_object_get(definitions, "hosts")))
		return;
	ztc_plan_title(out, style, ZTC_PLAIN, "DEFINITIONS");
	for (size_t k = 0; k < ARRAY_SIZE(kinds); k++) {
		const json_t *lists = json_object_get(definitions, kinds[k]);
		const json_t *count = json_object_get(lists, "count");

		names_line(out, style,
			   k ? "new hosts:" : "new segments:", json_object_get(lists, "added"),
			   ztc_int(count, "added"));
		names_line(out, style,
			   k ? "hosts gone:" : "segments gone:", json_object_get(lists, "removed"),
			   ztc_int(count, "removed"));
		json_array_foreach (json_object_get(lists, "changed"), i, row) {
			if (i >= ROWS_SHOWN)
				break;
			if (k)
				host_line(out, style, row);
			else
				segment_line(out, style, row);
		}
		ztc_plan_more(out, ROWS_SHOWN, ztc_int(count, "changed"),
			      k ? " hosts" : " segments");
	}
}

/* --- evidence, capacity
 * ---------------------------------------------------------------------------- */

static void days_line(char *line, size_t size, const json_t *e)
{
	char gap[ZTC_TEXT_LEN], days[ZTC_TEXT_LEN];

	if (!json_is_integer(json_object_get(e, "days"))) {
		ztc_append(line, size,
			   "; days with recording and month end: unknown, no history is kept.");
		return;
	}
	if (!ztc_int(e, "days")) {
		ztc_append(line, size, "; the history is empty so far, a month end was not seen.");
		return;
	}
	ztc_duration(gap, ztc_int(e, "longest_gap_s"));
	ztc_plural(days, ztc_int(e, "days"), "day", "days");
	ztc_append(line, size, "; %s with recording, the longest gap %s; a month end was %s.", days,
		   gap, json_is_true(json_object_get(e, "month_end")) ? "seen" : "not seen");
}

static void never_contacted(FILE *out, const struct ztc_style *style, const json_t *e)
{
	json_int_t all = ztc_int(e, "never_contacted_count");
	char line[LINE_LEN] = "", service[ZTC_END_LEN], owner[ZTC_END_LEN];
	json_t *row;
	size_t i;

	if (!all)
		return;
	ztc_plural(line, all, "listener was never contacted: ", "listeners were never contacted: ");
	json_array_foreach (json_object_get(e, "never_contacted"), i, row) {
		if (i >= NAMES_SHOWN)
			break;
		ztc_service(service, json_object_get(row, "proto"), json_object_get(row, "port"));
		ztc_workload(owner, json_object_get(row, "workload"));
		ztc_append(line, sizeof(line), "%s%s%s%s%s", i ? ", " : "", service,
			   *owner ? " (" : "", owner, *owner ? ")" : "");
	}
	if (all > NAMES_SHOWN)
		ztc_append(line, sizeof(line), " and %lld more", (long long)(all - NAMES_SHOWN));
	fputs("  ", out);
	ztc_wrap(out, style, ZTC_PLAIN, 2, 4, line);
}

void ztc_plan_evidence(FILE *out, const json_t *result, const struct ztc_style *style)
{
	const json_t *e = json_object_get(result, "evidence");
	json_int_t judged = ztc_int(json_object_get(result, "edges"), "judged");
	json_int_t never = ztc_int(e, "never_hit_count");
	char line[LINE_LEN] = "", text[ZTC_TEXT_LEN];

	ztc_plan_title(out, style, ZTC_PLAIN, "EVIDENCE: what was never seen cannot be judged");
	ztc_plural(text, judged, "edge", "edges");
	ztc_append(line, sizeof(line), "%s recorded", text);
	if (*ztc_str(e, "first_seen")) {
		ztc_ago(text, ztc_str(e, "first_seen"), style);
		ztc_append(line, sizeof(line), ", the first %s", text);
	}
	days_line(line, sizeof(line), e);
	fputs("  ", out);
	ztc_wrap(out, style, ZTC_PLAIN, 2, 4, line);
	if (never) {
		line[0] = '\0';
		ztc_append(line, sizeof(line),
			   "%lld of %lld statements were never hit: ", (long long)never,
			   (long long)ztc_int(e, "statements"));
		add_names(line, sizeof(line), json_object_get(e, "never_hit"), never);
		fputs("  ", out);
		ztc_wrap(out, style, ZTC_PLAIN, 2, 4, line);
	}
	never_contacted(out, style, e);
}

int ztc_plan_capacity(FILE *out, const json_t *capacity, const struct ztc_style *style)
{
	static const struct ztc_column columns[] = {
		{"TABLE", false, 0, false}, {"SIZE", true, 0, false}, {"NOW", true, 0, false},
		{"THEN", true, 0, false},   {"FULL", true, 0, false},
	};
	zt_auto(ztc_table_free) struct ztc_table *table = NULL;
	int r = ztc_table_new(&table, columns, ARRAY_SIZE(columns));
	json_int_t others = 0, fullest = 0;
	char text[ZTC_TEXT_LEN];
	json_t *row;
	size_t i;

	if (r < 0 || !json_array_size(capacity))
		return r;
	ztc_plan_title(out, style, ZTC_PLAIN, "CAPACITY of the tables, in rows");
	json_array_foreach (capacity, i, row) {
		json_int_t size = ztc_int(row, "size"), then = ztc_int(row, "then");
		json_int_t percent = size ? then * 100 / size : 0;

		if (then == ztc_int(row, "now") && percent < FULL_PERCENT) {
			others++;
			fullest = percent > fullest ? percent : fullest;
			continue;
		}
		ztc_table_cell(table, ZTC_PLAIN, "%s", ztc_str(row, "table"));
		ztc_count(text, size);
		ztc_table_cell(table, ZTC_PLAIN, "%s", text);
		ztc_count(text, ztc_int(row, "now"));
		ztc_table_cell(table, ZTC_PLAIN, "%s", text);
		ztc_count(text, then);
		ztc_table_cell(table, then != ztc_int(row, "now") ? ZTC_BOLD : ZTC_PLAIN, "%s",
			       text);
		ztc_table_cell(table, percent >= FULL_PERCENT ? ZTC_BAD : ZTC_PLAIN, "%lld %%",
			       (long long)percent);
	}
	r = ztc_table_print(table, out, style, 2);
	if (others) {
		ztc_plural(text, others, "other table stays", "other tables stay");
		fprintf(out, "  %s as full as now, at most %lld %%\n", text, (long long)fullest);
	}
	return r;
}
