// SPDX-License-Identifier: Apache-2.0
/* html.c - systems, fields and what is judged over all hosts, on the first page of a set. */
#include <string.h>

#include "base/json.h"
#include "ctl/assess/levels.h"
#include "ctl/fleet/set.h"
#include "ctl/i18n/say.h"
#include "ctl/render/text.h"
#include "ctl/report/html.h"
#include "ctl/report/report.h"

static void put_levels(FILE *out, const json_t *row)
{
	const json_t *levels = json_object_get(row, "levels");

	for (int basis = 0; basis < ZTC_BASIS_COUNT; basis++)
		ztc_html_cell(
			out, ztc_str(json_object_get(levels, ztc_basis_name((enum ztc_basis)basis)),
				     "text"));
	fprintf(out, "<td>%lld</td></tr>\n",
		(long long)ztc_int(json_object_get(row, "distribution"), "unknown"));
}

static void put_target(FILE *out, const json_t *set)
{
	const json_t *target = json_object_get(set, "target");
	const char *status = ztc_str(target, "status");

	fputs("<p>", out);
	ztc_html_say(out, N_("target"));
	fprintf(out, " %s ", ztc_level_text((int)ztc_int(target, "level")));
	ztc_html_badge(out, status,
		       strcmp(status, "met") == 0	? N_("MET")
		       : strcmp(status, "not_met") == 0 ? N_("NOT MET")
							: N_("UNDETERMINED"));
	fputs("</p>\n", out);
}

void ztc_set_html(FILE *out, const json_t *set)
{
	static const char *const heads[] = {N_("System"), N_("Measured"),      N_("Attested"),
					    N_("Waived"), N_("Unknown hosts"), NULL};
	const json_t *row;
	size_t i;

	put_target(out, set);
	if (json_array_size(json_object_get(set, "systems"))) {
		fputs("<table class=\"grid\">", out);
		ztc_html_heads(out, heads);
		fputs("<tbody>\n", out);
		json_array_foreach (json_object_get(set, "systems"), i, row) {
			fputs("<tr>", out);
			ztc_html_cell(out, ztc_str(row, "id"));
			put_levels(out, row);
		}
		fputs("</tbody></table>\n", out);
	}
	json_array_foreach (json_object_get(set, "checks"), i, row) {
		fputs("<p>", out);
		ztc_xml_text(out, ztc_str(row, "id"));
		fputs(" ", out);
		ztc_html_message(out, json_object_get(row, "title"));
		fputs(": ", out);
		ztc_html_message(out, json_object_get(row, "reason"));
		fputs("</p>\n", out);
	}
}
