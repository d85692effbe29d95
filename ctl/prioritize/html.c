// SPDX-License-Identifier: Apache-2.0
/*
 * html.c - the priorities as one page that needs no network and no script, in both languages.
 *
 * Which language is shown is a matter of two radio buttons and style; the language in use is the
 * one that the page opens in. It prints to A4. Text is escaped, and the page's own policy refuses
 * everything but its style.
 */
#include <string.h>

#include "base/cleanup.h"
#include "base/json.h"
#include "ctl/prioritize/prioritize.h"
#include "ctl/render/text.h"
#include "ctl/report/report.h"

static const char style_text[] =
	"body{font:14px/1.5 system-ui,'Noto Sans TC','PingFang TC','Microsoft JhengHei',sans-serif;"
	"margin:1.5em auto;max-width:70em;padding:0 1em;color:#1a1a1a;background:#fff}"
	"h1{font-size:1.5em}h2{font-size:1.15em;margin-top:1.6em}"
	"table{border-collapse:collapse;width:100%;margin:.6em 0}"
	"th,td{border:1px solid #bbb;padding:.25em .5em;text-align:left;vertical-align:top;"
	"overflow-wrap:anywhere}th{background:#eef1f4}td.n,th.n{text-align:right;white-space:nowrap}"
	".why{color:#555;font-size:.92em}.open{color:#8a4b00}.foot{color:#555;margin-top:2em}"
	"#en:checked~main .zh,#zh:checked~main .en{display:none}"
	"table.s{table-layout:fixed}table.s th{box-sizing:border-box}.s th:nth-child(1){width:3%}.s th:nth-child(2){width:15%}"
	".s th:nth-child(3){width:12%}.s th:nth-child(n+4):nth-child(-n+6){width:6%}"
	".s th:nth-child(8){width:12%}"
	"tr{break-inside:avoid}thead{display:table-header-group}"
	"@page{size:A4;margin:14mm}@media print{input,label{display:none}body{margin:0;"
	"max-width:none;font-size:10.5px}}";

static void put_lang(FILE *out, enum ztc_lang lang, const char *text)
{
	fprintf(out, "<span class=\"%s\" lang=\"%s\">", lang == ZTC_LANG_EN ? "en" : "zh",
		lang == ZTC_LANG_EN ? "en" : "zh-Hant-TW");
	ztc_xml_text(out, text);
	fputs("</span>", out);
}

static void put_both(FILE *out, const char *msgid)
{
	for (int lang = 0; lang < ZTC_LANG_COUNT; lang++)
		put_lang(out, lang, ztc_tr_in(lang, msgid));
}

static void put_message(FILE *out, const json_t *message)
{
	for (int lang = 0; lang < ZTC_LANG_COUNT; lang++)
		put_lang(out, lang, ztc_text_in(lang, message));
}

static void put_number(FILE *out, struct zt_strbuf *text)
{
	fputs("<td class=\"n\">", out);
	ztc_xml_text(out, zt_strbuf_text(text));
	fputs("</td>", out);
	zt_strbuf_reset(text);
}

/* @wide: the columns of systems, as wide in every tier. */
static void put_head(FILE *out, const char *const *titles, const char *align, bool wide)
{
	fputs(wide ? "<table class=\"s\"><thead><tr>" : "<table><thead><tr>", out);
	for (; *titles; titles++, align++) {
		fputs(*align == 'r' ? "<th class=\"n\">" : "<th>", out);
		put_both(out, *titles);
		fputs("</th>", out);
	}
	fputs("</tr></thead><tbody>\n", out);
}

static void put_field(FILE *out, const json_t *row, const char *title)
{
	zt_auto(zt_strbuf_free) struct zt_strbuf text = ZT_STRBUF_INIT;

	fputs("<tr><td>", out);
	if (title)
		put_both(out, title);
	else
		put_message(out, json_object_get(row, "name"));
	fputs("</td>", out);
	for (int step = 1; step <= 3; step++) {
		ztc_put_steps(&text, row, step);
		put_number(out, &text);
	}
	fputs("<td>", out);
	if (json_is_true(json_object_get(row, "selected")))
		put_both(out, N_("selected"));
	fputs("</td></tr>\n", out);
}

static void put_flags(FILE *out, const json_t *system)
{
	for (int lang = 0; lang < ZTC_LANG_COUNT; lang++) {
		zt_auto(zt_strbuf_free) struct zt_strbuf text = ZT_STRBUF_INIT;

		ztc_put_flags(&text, lang, system);
		put_lang(out, lang, zt_strbuf_text(&text));
	}
}

static void put_notes(FILE *out, const json_t *system)
{
	const json_t *note;
	size_t i;

	json_array_foreach (json_object_get(system, "notes"), i, note) {
		fputs("<br>", out);
		put_message(out, note);
	}
}

static void put_system(FILE *out, const json_t *system)
{
	zt_auto(zt_strbuf_free) struct zt_strbuf text = ZT_STRBUF_INIT;
	const bool ranked = ztc_int(system, "rank") != 0;

	if (ranked)
		zt_strbuf_printf(&text, "%lld", (long long)ztc_int(system, "rank"));
	fputs("<tr>", out);
	put_number(out, &text);
	fputs("<td><b>", out);
	ztc_xml_text(out, ztc_str(system, "id"));
	fputs("</b> ", out);
	ztc_xml_text(out, ztc_str(system, "name"));
	fputs("</td><td>", out);
	for (int lang = 0; lang < ZTC_LANG_COUNT; lang++) {
		ztc_put_fields(&text, lang, system);
		put_lang(out, lang, zt_strbuf_text(&text));
		zt_strbuf_reset(&text);
	}
	fputs("</td>", out);
	if (ranked)
		ztc_put_range(&text, json_object_get(system, "risk"));
	put_number(out, &text);
	if (ranked)
		ztc_put_range(&text, json_object_get(system, "impact"));
	put_number(out, &text);
	if (ztc_int(system, "rank_score"))
		zt_strbuf_printf(&text, "%lld", (long long)ztc_int(system, "rank_score"));
	put_number(out, &text);
	fputs("<td><span class=\"why\">", out);
	put_message(out, json_object_get(system, "explain"));
	put_notes(out, system);
	fputs("</span></td><td class=\"open\">", out);
	put_flags(out, system);
	fputs("</td></tr>\n", out);
}

static void put_systems(FILE *out, const json_t *doc)
{
	static const char *const titles[] = {"#",	 N_("System"), N_("Fields"),
					     N_("Risk"), N_("Impact"), N_("By score"),
					     N_("Why"),	 N_("Open"),   NULL};
	const bool tiers = strcmp(ztc_str(doc, "method"), "score") != 0;
	const json_t *system;
	int before = 99;
	size_t i;

	json_array_foreach (json_object_get(doc, "systems"), i, system) {
		int tier = ztc_priority_tier(system);

		if (!tiers && tier > 0)
			tier = 1;
		if (tier != before) {
			fputs(before == 99 ? "" : "</tbody></table>\n", out);
			fputs("<h2>", out);
			put_both(out, tiers || tier <= 0 ? ztc_tier_title(tier) : N_("Systems"));
			fputs("</h2>\n", out);
			put_head(out, titles, "rllrrrll", true);
		}
		before = tier;
		put_system(out, system);
	}
	fputs(before == 99 ? "" : "</tbody></table>\n", out);
}

static void put_plan(FILE *out, const json_t *plan)
{
	static const char *const titles[] = {N_("System"), N_("Level"),	     N_("Next"),
					     N_("To fix"), N_("To measure"), N_("Checks"),
					     NULL};
	const json_t *row, *check;
	size_t i, j;

	if (!plan)
		return;
	fputs("<h2>", out);
	put_both(out, N_("Where the next level is cheapest, by measured level"));
	fputs("</h2>\n", out);
	put_head(out, titles, "lllrrl", false);
	json_array_foreach (json_object_get(plan, "systems"), i, row) {
		fputs("<tr><td>", out);
		ztc_xml_text(out, ztc_str(row, "id"));
		fputs("</td><td>", out);
		ztc_xml_text(out, ztc_str(row, "level"));
		fputs("</td><td>", out);
		ztc_xml_text(out, ztc_str(row, "next"));
		fprintf(out, "</td><td class=\"n\">%lld</td><td class=\"n\">%lld</td><td>",
			(long long)ztc_int(row, "to_fix"), (long long)ztc_int(row, "to_measure"));
		json_array_foreach (json_object_get(row, "checks"), j, check) {
			fputs(j ? ", " : "", out);
			ztc_xml_text(out, json_string_value(check));
		}
		fputs("</td></tr>\n", out);
	}
	fputs("</tbody></table>\n", out);
}

int ztc_priorities_html(FILE *out, const json_t *doc)
{
	const char *const fields[] = {
		N_("Field"), ztc_step_title(1), ztc_step_title(2), ztc_step_title(3), "", NULL};
	const bool zh = ztc_lang() == ZTC_LANG_ZH_TW;
	const json_t *row;
	size_t i;

	fprintf(out,
		"<!DOCTYPE html>\n<html lang=\"%s\"><head><meta charset=\"utf-8\">\n"
		"<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; "
		"style-src 'unsafe-inline'\">\n<title>%s</title>\n<style>%s</style></head><body>\n"
		"<input type=\"radio\" name=\"l\" id=\"en\"%s><label for=\"en\">English</label>\n"
		"<input type=\"radio\" name=\"l\" id=\"zh\"%s><label for=\"zh\">中文</label>\n"
		"<main><h1>",
		zh ? "zh-Hant-TW" : "en", ztc_tr(N_("Order of deployment")), style_text,
		zh ? "" : " checked", zh ? " checked" : "");
	put_both(out, N_("Order of deployment"));
	fputs("</h1>\n<p>", out);
	put_both(out, ztc_basis_title(ztc_str(doc, "method")));
	fputs(" · ", out);
	ztc_xml_text(out, ztc_str(doc, "made"));
	fputs("</p>\n", out);
	put_head(out, fields, "lrrrl", false);
	json_array_foreach (json_object_get(doc, "fields"), i, row)
		put_field(out, row, NULL);
	put_field(out, json_object_get(doc, "pairs"), N_("fields x systems"));
	put_field(out, json_object_get(doc, "distinct"), N_("systems"));
	fputs("</tbody></table>\n", out);
	put_systems(out, doc);
	put_plan(out, json_object_get(doc, "plan"));
	fputs("<p class=\"foot\">", out);
	put_message(out, json_object_get(doc, "statement"));
	fputs("<br>", out);
	ztc_xml_text(out, ztc_str(doc, "source"));
	fputs("</p>\n</main></body></html>\n", out);
	return 0;
}
