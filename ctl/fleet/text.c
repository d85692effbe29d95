// SPDX-License-Identifier: Apache-2.0
/* text.c - many hosts on a terminal: the lowest level, how many are where, and what keeps each. */
#include <errno.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/json.h"
#include "base/strbuf.h"
#include "ctl/assess/levels.h"
#include "ctl/fleet/set.h"
#include "ctl/i18n/say.h"
#include "ctl/render/table.h"
#include "ctl/render/text.h"

static const char *level_text(const json_t *levels, enum ztc_basis basis)
{
	return ztc_str(json_object_get(levels, ztc_basis_name(basis)), "text");
}

static void put_line(FILE *out, const struct ztc_style *style, enum ztc_color color,
		     struct zt_strbuf *text)
{
	ztc_wrap(out, style, color, 0, 2, zt_strbuf_text(text));
	zt_strbuf_reset(text);
}

static void put_head(FILE *out, const json_t *set, const struct ztc_style *style)
{
	zt_auto(zt_strbuf_free) struct zt_strbuf text = ZT_STRBUF_INIT;
	const json_t *system = json_object_get(set, "system"), *host, *count;
	const json_t *levels = json_object_get(system, "levels");
	const json_t *target = json_object_get(set, "target");
	const char *status = ztc_str(target, "status"), *name;
	size_t i, answered = 0;

	json_array_foreach (json_object_get(set, "hosts"), i, host)
		answered += strcmp(ztc_str(host, "status"), "ok") == 0;
	zt_strbuf_printf(&text, ztc_tr(N_("%zu of %zu hosts gave a result")), answered,
			 json_array_size(json_object_get(set, "hosts")));
	put_line(out, style, ZTC_BOLD, &text);
	zt_strbuf_printf(&text, ztc_tr(N_("level of all: %s measured | %s attested | %s waived")),
			 level_text(levels, ZTC_MEASURED), level_text(levels, ZTC_ATTESTED),
			 level_text(levels, ZTC_WAIVED));
	zt_strbuf_printf(&text, "     %s %s: %s", ztc_tr(N_("target")),
			 ztc_level_text((int)ztc_int(target, "level")),
			 strcmp(status, "met") == 0	  ? ztc_tr(N_("MET"))
			 : strcmp(status, "not_met") == 0 ? ztc_tr(N_("NOT MET"))
							  : ztc_tr(N_("UNDETERMINED")));
	put_line(out, style, strcmp(status, "met") == 0 ? ZTC_GOOD : ZTC_BAD, &text);
	zt_strbuf_puts(&text, ztc_tr(N_("hosts by level:")));
	json_object_foreach ((json_t *)json_object_get(system, "distribution"), name, count)
		zt_strbuf_printf(&text, "  %s: %lld",
				 strcmp(name, "unknown") == 0 ? ztc_tr(N_("unknown")) : name,
				 (long long)json_integer_value(count));
	put_line(out, style, ZTC_PLAIN, &text);
	if (json_object_size(json_object_get(set, "profiles")) > 1) {
		zt_strbuf_puts(&text, ztc_tr(N_("hosts were judged by several profiles: their "
						"levels do not compare")));
		put_line(out, style, ZTC_WARN, &text);
	}
}

static int put_systems(FILE *out, const json_t *set, const struct ztc_style *style)
{
	const struct ztc_column columns[] = {
		{.title = ztc_tr(N_("System")), .min = 12},
		{.title = ztc_tr(N_("Measured"))},
		{.title = ztc_tr(N_("Attested")), .drop = true},
		{.title = ztc_tr(N_("Waived"))},
		{.title = ztc_tr(N_("Unknown hosts")), .right = true},
		{.title = ztc_tr(N_("Fields")), .min = 12},
	};
	zt_auto(ztc_table_free) struct ztc_table *table = NULL;
	const json_t *row, *field;
	size_t i, j;

	if (!json_array_size(json_object_get(set, "systems")))
		return 0;
	if (ztc_table_new(&table, columns, ARRAY_SIZE(columns)) < 0)
		return -ENOMEM;
	json_array_foreach (json_object_get(set, "systems"), i, row) {
		zt_auto(zt_strbuf_free) struct zt_strbuf fields = ZT_STRBUF_INIT;
		const json_t *levels = json_object_get(row, "levels");

		ztc_table_cell(table, ZTC_BOLD, "%s", ztc_str(row, "id"));
		ztc_table_cell(table, ZTC_PLAIN, "%s", level_text(levels, ZTC_MEASURED));
		ztc_table_cell(table, ZTC_PLAIN, "%s", level_text(levels, ZTC_ATTESTED));
		ztc_table_cell(table, ZTC_PLAIN, "%s", level_text(levels, ZTC_WAIVED));
		ztc_table_cell(table, ZTC_PLAIN, "%lld",
			       (long long)ztc_int(json_object_get(row, "distribution"), "unknown"));
		json_array_foreach (json_object_get(row, "fields"), j, field)
			zt_strbuf_printf(&fields, "%s%s", j ? ", " : "", json_string_value(field));
		ztc_table_cell(table, ZTC_PLAIN, "%s", zt_strbuf_text(&fields));
	}
	fputc('\n', out);
	return ztc_table_print(table, out, style, 0);
}

/* The first thing that keeps a host from its next level, by measured results. */
static void put_blocker(struct ztc_table *table, const json_t *host)
{
	const json_t *doc = json_object_get(host, "assessment"), *row;
	size_t i;

	json_array_foreach (json_object_get(doc, "blockers"), i, row) {
		if (strcmp(ztc_str(row, "basis"), "measured") != 0)
			continue;
		ztc_table_cell(table, ZTC_PLAIN, "%s %s", ztc_str(row, "check"),
			       ztc_text(json_object_get(row, "reason")));
		return;
	}
	ztc_table_cell(table, ZTC_PLAIN, "%s", "");
}

static const char *status_text(const char *status)
{
	static const struct {
		const char *status, *text;
	} texts[] = {
		{"unreachable", N_("unreachable")}, {"timeout", N_("no answer")},
		{"refused", N_("refused")},	    {"bad", N_("no result")},
		{"stale", N_("too old")},	    {"interrupted", N_("interrupted")},
	};

	for (size_t i = 0; i < ARRAY_SIZE(texts); i++)
		if (strcmp(texts[i].status, status) == 0)
			return ztc_tr(texts[i].text);
	return status;
}

static int put_hosts(FILE *out, const json_t *set, const struct ztc_style *style)
{
	const struct ztc_column columns[] = {
		{.title = ztc_tr(N_("Host")), .min = 10},
		{.title = ztc_tr(N_("Role")), .min = 6, .drop = true},
		{.title = ztc_tr(N_("Measured"))},
		{.title = ztc_tr(N_("Waived")), .drop = true},
		{.title = ztc_tr(N_("What keeps it there, or why it is unknown")), .min = 24},
	};
	zt_auto(ztc_table_free) struct ztc_table *table = NULL;
	const json_t *host;
	size_t i;

	if (ztc_table_new(&table, columns, ARRAY_SIZE(columns)) < 0)
		return -ENOMEM;
	json_array_foreach (json_object_get(set, "hosts"), i, host) {
		const json_t *levels = json_object_get(host, "levels");
		const bool ok = strcmp(ztc_str(host, "status"), "ok") == 0;

		ztc_table_cell(table, ZTC_BOLD, "%s", ztc_str(host, "name"));
		ztc_table_cell(table, ZTC_PLAIN, "%s", ztc_str(host, "role"));
		ztc_table_cell(table, ok ? ZTC_PLAIN : ZTC_WARN, "%s",
			       ok ? level_text(levels, ZTC_MEASURED) : ztc_tr(N_("unknown")));
		ztc_table_cell(table, ZTC_PLAIN, "%s", ok ? level_text(levels, ZTC_WAIVED) : "");
		if (ok)
			put_blocker(table, host);
		else
			ztc_table_cell(table, ZTC_WARN, "%s: %s",
				       status_text(ztc_str(host, "status")),
				       ztc_text(json_object_get(host, "why")));
	}
	fputc('\n', out);
	return ztc_table_print(table, out, style, 0);
}

int ztc_set_text(FILE *out, const json_t *set, const struct ztc_style *style)
{
	const json_t *check;
	size_t i;
	int r;

	put_head(out, set, style);
	r = put_systems(out, set, style);
	if (r == 0)
		r = put_hosts(out, set, style);
	json_array_foreach (json_object_get(set, "checks"), i, check) {
		zt_auto(zt_strbuf_free) struct zt_strbuf text = ZT_STRBUF_INIT;

		zt_strbuf_printf(&text, "%s %s: %s", ztc_str(check, "id"),
				 ztc_text(json_object_get(check, "title")),
				 ztc_text(json_object_get(check, "reason")));
		fputc('\n', out);
		put_line(out, style, ZTC_PLAIN, &text);
	}
	fputc('\n', out);
	ztc_wrap(out, style, ZTC_DIM, 0, 2, ztc_text(json_object_get(set, "statement")));
	return r;
}
