// SPDX-License-Identifier: Apache-2.0
/* text.c - the priorities on a terminal. */
#include <errno.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/json.h"
#include "ctl/prioritize/prioritize.h"
#include "ctl/render/table.h"
#include "ctl/render/text.h"

static void put_cell(struct ztc_table *table, enum ztc_color color, struct zt_strbuf *text)
{
	ztc_table_cell(table, color, "%s", zt_strbuf_text(text));
	zt_strbuf_reset(text);
}

static void put_field_row(struct ztc_table *table, const char *name, const json_t *row,
			  const char *last)
{
	zt_auto(zt_strbuf_free) struct zt_strbuf text = ZT_STRBUF_INIT;

	ztc_table_cell(table, ZTC_PLAIN, "%s", name);
	for (int step = 1; step <= 3; step++) {
		ztc_put_steps(&text, row, step);
		put_cell(table, ZTC_PLAIN, &text);
	}
	ztc_table_cell(table, ZTC_GOOD, "%s", last);
}

static int put_fields(FILE *out, const json_t *doc, const struct ztc_style *style)
{
	const struct ztc_column columns[] = {
		{.title = ztc_tr(N_("Field")), .min = 20},
		{.title = ztc_tr(ztc_step_title(1)), .right = true},
		{.title = ztc_tr(ztc_step_title(2)), .right = true},
		{.title = ztc_tr(ztc_step_title(3)), .right = true},
		{.title = ""},
	};
	zt_auto(ztc_table_free) struct ztc_table *table = NULL;
	const json_t *field;
	size_t i;

	if (ztc_table_new(&table, columns, ARRAY_SIZE(columns)) < 0)
		return -ENOMEM;
	json_array_foreach (json_object_get(doc, "fields"), i, field)
		put_field_row(table, ztc_text(json_object_get(field, "name")), field,
			      json_is_true(json_object_get(field, "selected"))
				      ? ztc_tr(N_("selected"))
				      : "");
	put_field_row(table, ztc_tr(N_("fields x systems")), json_object_get(doc, "pairs"), "");
	put_field_row(table, ztc_tr(N_("systems")), json_object_get(doc, "distinct"), "");
	return ztc_table_print(table, out, style, 0);
}

static void put_system(struct ztc_table *table, const json_t *system, bool both)
{
	zt_auto(zt_strbuf_free) struct zt_strbuf text = ZT_STRBUF_INIT;
	const char *id = ztc_str(system, "id"), *name = ztc_str(system, "name");

	if (ztc_int(system, "rank"))
		zt_strbuf_printf(&text, "%lld", (long long)ztc_int(system, "rank"));
	put_cell(table, ZTC_PLAIN, &text);
	ztc_table_cell(table, ZTC_BOLD, "%s%s%s", id, *name ? " " : "", name);
	if (ztc_int(system, "rank"))
		ztc_put_range(&text, json_object_get(system, "risk"));
	put_cell(table, ZTC_PLAIN, &text);
	if (ztc_int(system, "rank"))
		ztc_put_range(&text, json_object_get(system, "impact"));
	put_cell(table, ZTC_PLAIN, &text);
	if (both && ztc_int(system, "rank_score"))
		zt_strbuf_printf(&text, "%lld", (long long)ztc_int(system, "rank_score"));
	put_cell(table, ZTC_DIM, &text);
	ztc_put_fields(&text, ztc_lang(), system);
	put_cell(table, ZTC_PLAIN, &text);
	ztc_put_flags(&text, ztc_lang(), system);
	put_cell(table, ZTC_WARN, &text);
}

static int put_systems(FILE *out, const json_t *doc, const struct ztc_style *style)
{
	const struct ztc_column columns[] = {
		{.title = "#", .right = true},
		{.title = ztc_tr(N_("System")), .min = 14},
		{.title = ztc_tr(N_("Risk")), .right = true},
		{.title = ztc_tr(N_("Impact")), .right = true},
		{.title = ztc_tr(N_("By score")), .right = true},
		{.title = ztc_tr(N_("Fields")), .min = 14},
		{.title = ztc_tr(N_("Open")), .min = 14},
	};
	const bool both = strcmp(ztc_str(doc, "method"), "both") == 0;
	const bool tiers = strcmp(ztc_str(doc, "method"), "score") != 0;
	zt_auto(ztc_table_free) struct ztc_table *table = NULL;
	const json_t *system;
	int before = 99;
	size_t i;

	if (ztc_table_new(&table, columns, ARRAY_SIZE(columns)) < 0)
		return -ENOMEM;
	json_array_foreach (json_object_get(doc, "systems"), i, system) {
		const int tier = ztc_priority_tier(system);

		if (tier != before && (tiers || tier <= 0))
			ztc_table_title(table, "%s", ztc_tr(ztc_tier_title(tier)));
		before = tier;
		put_system(table, system, both);
	}
	return ztc_table_print(table, out, style, 0);
}

static bool any_scenario(const json_t *doc)
{
	const json_t *system, *field;
	size_t i, j;

	json_array_foreach (json_object_get(doc, "systems"), i, system)
		json_array_foreach (json_object_get(system, "fields"), j, field)
			if (strcmp(ztc_str(field, "source"), "scenario") == 0)
				return true;
	return false;
}

static void put_line(FILE *out, const struct ztc_style *style, enum ztc_color color,
		     struct zt_strbuf *text)
{
	ztc_wrap(out, style, color, 0, 2, zt_strbuf_text(text));
	zt_strbuf_reset(text);
}

static void put_foot(FILE *out, const json_t *doc, const struct ztc_style *style)
{
	zt_auto(zt_strbuf_free) struct zt_strbuf text = ZT_STRBUF_INIT;
	const json_t *totals = json_object_get(doc, "totals");
	const long long all = ztc_int(totals, "systems"), shown = ztc_int(totals, "shown");
	const long long incomplete = ztc_int(totals, "incomplete");

	if (shown < all) {
		zt_strbuf_printf(&text, ztc_tr(N_("%lld of %lld systems are shown")), shown, all);
		put_line(out, style, ZTC_PLAIN, &text);
	}
	if (incomplete) {
		zt_strbuf_printf(&text,
				 ztc_tr(N_("incomplete: %lld; they stand where they are at best, "
					   "until what is missing is answered")),
				 incomplete);
		put_line(out, style, ZTC_WARN, &text);
	}
	if (any_scenario(doc)) {
		zt_strbuf_puts(&text, ztc_tr(N_("* by the facts given, not declared")));
		put_line(out, style, ZTC_PLAIN, &text);
	}
	zt_strbuf_puts(&text, ztc_text(json_object_get(doc, "statement")));
	put_line(out, style, ZTC_DIM, &text);
}

static void put_steps_of(struct ztc_table *table, const json_t *row)
{
	zt_auto(zt_strbuf_free) struct zt_strbuf checks = ZT_STRBUF_INIT;
	const json_t *item;
	size_t i;

	ztc_table_cell(table, ZTC_BOLD, "%s", ztc_str(row, "id"));
	ztc_table_cell(table, ZTC_PLAIN, "%s", ztc_str(row, "level"));
	ztc_table_cell(table, ZTC_PLAIN, "%s", ztc_str(row, "next"));
	ztc_table_cell(table, ZTC_PLAIN, "%lld", (long long)ztc_int(row, "to_fix"));
	ztc_table_cell(table, ZTC_PLAIN, "%lld", (long long)ztc_int(row, "to_measure"));
	ztc_table_cell(table, ZTC_PLAIN, "%lld/%lld", (long long)ztc_int(row, "hosts_known"),
		       (long long)ztc_int(row, "hosts"));
	json_array_foreach (json_object_get(row, "checks"), i, item)
		zt_strbuf_printf(&checks, "%s%s", i ? ", " : "", json_string_value(item));
	put_cell(table, ZTC_PLAIN, &checks);
}

static int put_plan(FILE *out, const json_t *doc, const struct ztc_style *style)
{
	const struct ztc_column columns[] = {
		{.title = ztc_tr(N_("System")), .min = 10},
		{.title = ztc_tr(N_("Level"))},
		{.title = ztc_tr(N_("Next"))},
		{.title = ztc_tr(N_("To fix")), .right = true},
		{.title = ztc_tr(N_("To measure")), .right = true},
		{.title = ztc_tr(N_("Hosts")), .right = true},
		{.title = ztc_tr(N_("Checks")), .min = 20},
	};
	zt_auto(ztc_table_free) struct ztc_table *table = NULL;
	const json_t *plan = json_object_get(doc, "plan"), *row;
	size_t i;

	if (!plan)
		return 0;
	if (ztc_table_new(&table, columns, ARRAY_SIZE(columns)) < 0)
		return -ENOMEM;
	fputc('\n', out);
	ztc_wrap(out, style, ZTC_BOLD, 0, 2,
		 ztc_tr(N_("Where the next level is cheapest, by measured level")));
	json_array_foreach (json_object_get(plan, "systems"), i, row)
		put_steps_of(table, row);
	return ztc_table_print(table, out, style, 0);
}

int ztc_priorities_text(FILE *out, const json_t *doc, const struct ztc_style *style)
{
	zt_auto(zt_strbuf_free) struct zt_strbuf text = ZT_STRBUF_INIT;
	int r;

	zt_strbuf_printf(&text, ztc_tr(N_("%lld systems; %s")),
			 (long long)ztc_int(json_object_get(doc, "totals"), "systems"),
			 ztc_tr(ztc_basis_title(ztc_str(doc, "method"))));
	put_line(out, style, ZTC_BOLD, &text);
	r = put_fields(out, doc, style);
	fputc('\n', out);
	if (r == 0)
		r = put_systems(out, doc, style);
	if (r == 0)
		r = put_plan(out, doc, style);
	fputc('\n', out);
	put_foot(out, doc, style);
	return r;
}

/* --- one system --- */

static int put_factors(FILE *out, const struct ztc_style *style, const json_t *sum)
{
	const struct ztc_column columns[] = {
		{.title = ztc_tr(N_("Factor")), .min = 12},
		{.title = ztc_tr(N_("Level")), .right = true},
		{.title = ztc_tr(N_("Means")), .min = 20},
		{.title = ztc_tr(N_("Given")), .min = 12},
	};
	zt_auto(ztc_table_free) struct ztc_table *table = NULL;
	const json_t *factor;
	size_t i;

	if (ztc_table_new(&table, columns, ARRAY_SIZE(columns)) < 0)
		return -ENOMEM;
	json_array_foreach (json_object_get(sum, "factors"), i, factor) {
		const long long level = ztc_int(factor, "level");
		const char *why = ztc_str(factor, "why");

		ztc_table_cell(table, ZTC_PLAIN, "%s", ztc_text(json_object_get(factor, "name")));
		if (level)
			ztc_table_cell(table, ZTC_BOLD, "%lld", level);
		else
			ztc_table_cell(table, ZTC_WARN, "?");
		ztc_table_cell(table, level ? ZTC_PLAIN : ZTC_WARN, "%s",
			       level ? ztc_text(json_object_get(factor, "text"))
				     : ztc_tr(N_("not answered: counted as 1 to 3")));
		ztc_table_cell(
			table, ZTC_DIM, "%s%s%s",
			json_is_true(json_object_get(factor, "measured")) ? ztc_tr(N_("measured: "))
									  : "",
			why,
			json_is_true(json_object_get(factor, "source_gap")) ? " (source-gap)" : "");
	}
	return ztc_table_print(table, out, style, 2);
}

static void put_questions(FILE *out, const json_t *gate)
{
	const char *id;
	const json_t *value;

	json_object_foreach ((json_t *)json_object_get(gate, "questions"), id, value) {
		zt_auto(zt_json_decref) json_t *question = ztc_factor_question(id);
		const char *answer = json_string_value(value);

		fprintf(out, "  %s %s\n", ztc_text(question),
			strcmp(answer, "yes") == 0  ? ztc_tr(N_("yes"))
			: strcmp(answer, "no") == 0 ? ztc_tr(N_("no"))
						    : ztc_tr(N_("not answered")));
	}
}

static int explain(FILE *out, const json_t *system, const struct ztc_style *style)
{
	const json_t *item;
	size_t i;
	int r;

	ztc_put(out, style, ZTC_BOLD, "%s %s", ztc_str(system, "id"), ztc_str(system, "name"));
	fputc('\n', out);
	ztc_wrap(out, style, ZTC_PLAIN, 0, 2, ztc_text(json_object_get(system, "explain")));
	if (json_is_true(json_object_get(system, "other_method")))
		return 0;
	fprintf(out, "\n%s\n", ztc_tr(N_("Fields")));
	json_array_foreach (json_object_get(system, "fields"), i, item)
		fprintf(out, "  %s%s\n", ztc_text(json_object_get(item, "name")),
			strcmp(ztc_str(item, "source"), "scenario") == 0 ? " *" : "");
	json_array_foreach (json_object_get(system, "scenarios"), i, item) {
		fprintf(out, "  * %s %lld: %s\n", ztc_tr(N_("scenario")),
			(long long)ztc_int(item, "n"), ztc_text(json_object_get(item, "rule")));
	}
	fprintf(out, "\n%s\n", ztc_tr(N_("High risk (any yes)")));
	put_questions(out, json_object_get(system, "high_risk"));
	fprintf(out, "%s\n", ztc_tr(N_("Low impact (any yes)")));
	put_questions(out, json_object_get(system, "low_impact"));
	fprintf(out, "\n%s\n", ztc_tr(N_("Risk factors (6 to 18)")));
	r = put_factors(out, style, json_object_get(system, "risk"));
	fprintf(out, "\n%s\n", ztc_tr(N_("Impact factors (5 to 15)")));
	if (r == 0)
		r = put_factors(out, style, json_object_get(system, "impact"));
	if (json_array_size(json_object_get(system, "notes")))
		fprintf(out, "\n%s\n", ztc_tr(N_("Notes")));
	json_array_foreach (json_object_get(system, "notes"), i, item) {
		fputs("  - ", out);
		ztc_wrap(out, style, ZTC_PLAIN, 4, 4, ztc_text(item));
	}
	return r;
}

int ztc_priorities_explain(FILE *out, const json_t *doc, const char *id,
			   const struct ztc_style *style)
{
	zt_auto(zt_json_decref) json_t *wanted = zt_json_str(id);
	const json_t *system;
	size_t i;

	json_array_foreach (json_object_get(doc, "systems"), i, system) {
		int r;

		if (!json_equal((json_t *)json_object_get(system, "id"), wanted))
			continue;
		r = explain(out, system, style);
		fputc('\n', out);
		ztc_wrap(out, style, ZTC_DIM, 0, 2, ztc_text(json_object_get(doc, "statement")));
		return r;
	}
	return -ENOENT;
}
