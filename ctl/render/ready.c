/* SPDX-License-Identifier: Apache-2.0 */
/* ready.c - which staged statements may be promoted by their evidence, and what others lack. */
#include <errno.h>

#include "base/cleanup.h"
#include "ctl/render/render.h"
#include "ctl/render/table.h"
#include "ctl/render/text.h"

static int print_items(FILE *out, const json_t *items, bool all, const struct ztc_style *style)
{
	static const struct ztc_column columns[] = {
		{"STAGED STATEMENT", false, 16, false},
		{"READY", false, 0, false},
		{"FLOWS", true, 0, false},
		{"LACKS", false, 20, true},
	};
	zt_auto(ztc_table_free) struct ztc_table *table = NULL;
	char number[ZTC_TEXT_LEN];
	const json_t *one;
	size_t i;
	int r = ztc_table_new(&table, columns, ARRAY_SIZE(columns));

	if (r < 0)
		return r;
	json_array_foreach (items, i, one) {
		bool met = json_is_true(json_object_get(one, "met"));

		if (met && !all)
			continue;
		ztc_table_cell(table, ZTC_PLAIN, "%s", ztc_str(one, "id"));
		ztc_table_cell(table, met ? ZTC_GOOD : ZTC_WARN, "%s", met ? "yes" : "no");
		ztc_count(number, ztc_int(one, "flows"));
		ztc_table_cell(table, ZTC_PLAIN, "%s", number);
		ztc_table_cell(table, ZTC_PLAIN, "%s", ztc_str(one, "lacks"));
	}
	return ztc_table_print(table, out, style, 0);
}

static size_t count_met(const json_t *items)
{
	size_t i, met = 0;
	const json_t *one;

	json_array_foreach (items, i, one)
		met += json_is_true(json_object_get(one, "met"));
	return met;
}

int ztc_render_ready(FILE *out, const json_t *result, const struct ztc_style *style)
{
	const json_t *items = json_object_get(result, "readiness");
	size_t count = json_array_size(items);
	char line[128];
	int r;

	if (!json_is_array(items))
		return -EINVAL;
	if (!count) {
		ztc_wrap(out, style, ZTC_PLAIN, 0, 0, "No statement is staged.");
		return 0;
	}
	r = print_items(out, items, true, style);
	if (r < 0)
		return r;
	fputc('\n', out);
	snprintf(line, sizeof(line), "%zu of %zu staged statements %s ready to be promoted.",
		 count_met(items), count, count_met(items) == 1 ? "is" : "are");
	ztc_wrap(out, style, ZTC_BOLD, 0, 2, line);
	return 0;
}

int ztc_render_lacking(FILE *out, const json_t *result, const struct ztc_style *style)
{
	const json_t *items = json_object_get(result, "readiness");

	if (!json_is_array(items))
		return -EINVAL;
	if (count_met(items) == json_array_size(items))
		return 0;
	fputc('\n', out);
	return print_items(out, items, false, style);
}
