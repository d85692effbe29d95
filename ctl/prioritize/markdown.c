// SPDX-License-Identifier: Apache-2.0
/* markdown.c - the priorities as a document for a wiki; nothing of the inventory is markup in it.
 */
#include <string.h>

#include "base/cleanup.h"
#include "base/json.h"
#include "ctl/prioritize/prioritize.h"
#include "ctl/render/text.h"

/* What Markdown or the HTML in it gives a meaning to is written as a character reference. */
static void put(FILE *out, const char *text)
{
	zt_auto(zt_freep) char *safe = ztc_escaped(text);

	for (const char *p = safe ? safe : ""; *p; p++) {
		if (strchr("\\`*_{}[]<>()#+!|&~$:@", *p))
			fprintf(out, "&#%d;", *p);
		else
			fputc(*p, out);
	}
}

static void put_cell(FILE *out, struct zt_strbuf *text)
{
	fputc(' ', out);
	put(out, zt_strbuf_text(text));
	fputs(" |", out);
	zt_strbuf_reset(text);
}

static void put_head(FILE *out, const char *const *titles, const char *align)
{
	fputc('|', out);
	for (; *titles; titles++)
		fprintf(out, " %s |", ztc_tr(*titles));
	fputs("\n|", out);
	for (; *align; align++)
		fputs(*align == 'r' ? "---:|" : "---|", out);
	fputc('\n', out);
}

static void put_field(FILE *out, const char *name, const json_t *row)
{
	zt_auto(zt_strbuf_free) struct zt_strbuf text = ZT_STRBUF_INIT;

	fputc('|', out);
	zt_strbuf_puts(&text, name);
	put_cell(out, &text);
	for (int step = 1; step <= 3; step++) {
		ztc_put_steps(&text, row, step);
		put_cell(out, &text);
	}
	zt_strbuf_puts(&text, json_is_true(json_object_get(row, "selected"))
				      ? ztc_tr(N_("selected"))
				      : "");
	put_cell(out, &text);
	fputc('\n', out);
}

static void put_system(FILE *out, const json_t *system)
{
	zt_auto(zt_strbuf_free) struct zt_strbuf text = ZT_STRBUF_INIT;
	const bool ranked = ztc_int(system, "rank") != 0;

	fputc('|', out);
	if (ranked)
		zt_strbuf_printf(&text, "%lld", (long long)ztc_int(system, "rank"));
	put_cell(out, &text);
	zt_strbuf_printf(&text, "%s %s", ztc_str(system, "id"), ztc_str(system, "name"));
	put_cell(out, &text);
	ztc_put_fields(&text, ztc_lang(), system);
	put_cell(out, &text);
	if (ranked)
		ztc_put_range(&text, json_object_get(system, "tier"));
	put_cell(out, &text);
	zt_strbuf_puts(&text, ztc_text(json_object_get(system, "explain")));
	put_cell(out, &text);
	ztc_put_flags(&text, ztc_lang(), system);
	put_cell(out, &text);
	fputc('\n', out);
}

int ztc_priorities_markdown(FILE *out, const json_t *doc)
{
	const char *const fields[] = {
		N_("Field"), ztc_step_title(1), ztc_step_title(2), ztc_step_title(3), "", NULL};
	static const char *const systems[] = {"#",	 N_("System"), N_("Fields"), N_("Tier"),
					      N_("Why"), N_("Open"),   NULL};
	const json_t *row;
	size_t i;

	fprintf(out, "# %s\n\n", ztc_tr(N_("Order of deployment")));
	fprintf(out, "%s; %s\n\n", ztc_tr(ztc_basis_title(ztc_str(doc, "method"))),
		ztc_str(doc, "made"));
	put_head(out, fields, "lrrrl");
	json_array_foreach (json_object_get(doc, "fields"), i, row)
		put_field(out, ztc_text(json_object_get(row, "name")), row);
	put_field(out, ztc_tr(N_("fields x systems")), json_object_get(doc, "pairs"));
	put_field(out, ztc_tr(N_("systems")), json_object_get(doc, "distinct"));
	fputc('\n', out);
	put_head(out, systems, "rllrll");
	json_array_foreach (json_object_get(doc, "systems"), i, row)
		put_system(out, row);
	fputc('\n', out);
	put(out, ztc_text(json_object_get(doc, "statement")));
	fputc('\n', out);
	return 0;
}
