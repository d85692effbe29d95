// SPDX-License-Identifier: Apache-2.0
/* csv_out.c - the priorities as CSV for a spreadsheet; cells that look like formulas are escaped.
 */
#include <string.h>

#include "base/cleanup.h"
#include "base/json.h"
#include "ctl/prioritize/prioritize.h"
#include "ctl/render/map_render.h"
#include "ctl/render/text.h"

#define EOL "\r\n"

static void put_range(FILE *out, const json_t *range)
{
	ztc_csv_number(out, range, "min");
	ztc_csv_number(out, range, "max");
}

static void put_levels(FILE *out, const json_t *sum)
{
	const json_t *factor;
	size_t i;

	json_array_foreach (json_object_get(sum, "factors"), i, factor)
		ztc_csv_number(out, factor, "level");
}

static void put_names(FILE *out, const json_t *list)
{
	zt_auto(zt_strbuf_free) struct zt_strbuf text = ZT_STRBUF_INIT;
	const json_t *item;
	size_t i;

	json_array_foreach (list, i, item)
		zt_strbuf_printf(&text, "%s%s", i ? "; " : "",
				 json_is_string(item) ? json_string_value(item)
				 : json_is_object(json_object_get(item, "name"))
					 ? ztc_str(item, "id")
					 : ztc_text(item));
	ztc_csv_cell(out, zt_strbuf_text(&text));
}

static void put_system(FILE *out, const json_t *system)
{
	const json_t *confirm = json_object_get(system, "confirm");

	ztc_csv_number(out, system, "rank");
	ztc_csv_number(out, system, "rank_best");
	ztc_csv_number(out, system, "rank_worst");
	ztc_csv_number(out, system, "rank_score");
	put_range(out, json_object_get(system, "tier"));
	ztc_csv_cell(out, ztc_str(system, "id"));
	ztc_csv_cell(out, ztc_str(system, "name"));
	put_names(out, json_object_get(system, "fields"));
	ztc_csv_cell(out, ztc_str(json_object_get(system, "high_risk"), "answer"));
	put_names(out, json_object_get(json_object_get(system, "high_risk"), "by"));
	ztc_csv_cell(out, ztc_str(json_object_get(system, "low_impact"), "answer"));
	put_names(out, json_object_get(json_object_get(system, "low_impact"), "by"));
	ztc_csv_cell(out, ztc_str(system, "rto"));
	put_range(out, json_object_get(system, "risk"));
	put_levels(out, json_object_get(system, "risk"));
	put_range(out, json_object_get(system, "impact"));
	put_levels(out, json_object_get(system, "impact"));
	ztc_csv_number(out, system, "cost_ntd");
	ztc_csv_cell(out, json_is_true(json_object_get(system, "incomplete")) ? "yes" : "no");
	put_names(out, json_object_get(system, "missing"));
	put_names(out, confirm);
	put_names(out, json_object_get(system, "notes"));
	ztc_csv_cell(out, ztc_str(system, "owner"));
	ztc_csv_text(out, ztc_text(json_object_get(system, "explain")));
	fputs(EOL, out);
}

int ztc_priorities_csv(FILE *out, const json_t *doc)
{
	const json_t *system;
	size_t i;

	/* The mark tells spreadsheets that this is UTF-8. */
	fputs("\xef\xbb\xbf"
	      "rank,rank_best,rank_worst,rank_score,tier,tier_worst,id,name,fields,high_risk,"
	      "high_risk_by,low_impact,low_impact_by,rto,risk_min,risk_max,resource_location,user,"
	      "privilege,device,system_data,connection,impact_min,impact_max,operations,process,"
	      "training,technology,cost,cost_ntd,incomplete,missing,measured,notes,owner,"
	      "explain" EOL,
	      out);
	json_array_foreach (json_object_get(doc, "systems"), i, system)
		put_system(out, system);
	/* A line of its own, in the first column of text. */
	fputs(",,,,,,", out);
	ztc_csv_text(out, ztc_text(json_object_get(doc, "statement")));
	for (int n = 0; n < 29; n++)
		fputc(',', out);
	fputs(EOL, out);
	return 0;
}
