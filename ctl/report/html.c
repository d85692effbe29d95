/* SPDX-License-Identifier: Apache-2.0 */
/*
 * html.c - the HTML report of one host or of many: its frame, its policy and its order.
 *
 * What comes from a document is only ever text: it goes through ztc_xml_text(), classes and anchors
 * are of known words, and the page's policy refuses everything but its own style sheet.
 */
#include <errno.h>
#include <openssl/evp.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/json.h"
#include "ctl/assess/doc.h"
#include "ctl/fleet/set.h"
#include "ctl/render/text.h"
#include "ctl/report/html.h"
#include "ctl/report/report.h"

#define DETAILS_MAX 32 /* hosts in one file with all their checks: a browser has to hold it */

static int put_policy(FILE *out)
{
	unsigned char hash[EVP_MAX_MD_SIZE];
	char text[64];
	unsigned int len;

	if (!EVP_Digest(ztc_report_css, ztc_report_css_len, hash, &len, EVP_sha256(), NULL))
		return -ENOMEM;
	EVP_EncodeBlock((unsigned char *)text, hash, (int)len);
	fprintf(out,
		"<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; "
		"style-src 'sha256-%s'; base-uri 'none'; form-action 'none'\">\n",
		text);
	return 0;
}

static void put_switch(FILE *out)
{
	static const struct {
		const char *id, *name;
	} langs[] = {{"en", "English"}, {"zh", "中文"}, {"both", "中文 + English"}};
	const char *now = ztc_lang() == ZTC_LANG_ZH_TW ? "zh" : "en";

	for (size_t i = 0; i < ARRAY_SIZE(langs); i++)
		fprintf(out,
			"<input type=\"radio\" name=\"lang\" id=\"l-%s\"%s>"
			"<label for=\"l-%s\">%s</label>\n",
			langs[i].id, strcmp(langs[i].id, now) == 0 ? " checked" : "", langs[i].id,
			langs[i].name);
}

static int put_frame(FILE *out, const char *title)
{
	int r;

	fprintf(out, "<!DOCTYPE html>\n<html lang=\"%s\">\n<head>\n<meta charset=\"utf-8\">\n",
		ztc_lang() == ZTC_LANG_ZH_TW ? "zh-TW" : "en");
	r = put_policy(out);
	if (r < 0)
		return r;
	fputs("<meta name=\"viewport\" content=\"width=device-width\">\n<meta name=\"referrer\" "
	      "content=\"no-referrer\">\n<title>",
	      out);
	ztc_xml_text(out, title);
	fputs(" - ", out);
	ztc_xml_text(out, ztc_tr(N_("Zero trust, network pillar: host evidence")));
	fputs("</title>\n<style>", out);
	fwrite(ztc_report_css, 1, ztc_report_css_len, out);
	fputs("</style>\n</head>\n<body>\n", out);
	put_switch(out);
	fputs("<main>\n", out);
	return 0;
}

/* --- many hosts: one page before theirs --- */

static void put_set_row(FILE *out, const json_t *host, size_t number)
{
	const json_t *one = json_object_get(host, "assessment");
	const json_t *levels = json_object_get(one, "levels");
	const char *status = ztc_str(host, "status");

	fputs("<tr><td>", out);
	if (one)
		fprintf(out, "<a href=\"#h%zu\">", number);
	ztc_xml_text(out, ztc_str(host, "name"));
	fputs(one ? "</a></td><td>" : "</td><td>", out);
	if (one) {
		ztc_html_message(out, json_object_get(json_object_get(levels, "measured"), "text"));
		fputs("</td><td>", out);
		ztc_html_message(out, json_object_get(json_object_get(levels, "waived"), "text"));
		fputs("</td><td></td></tr>\n", out);
		return;
	}
	ztc_html_badge(out, "unknown", N_("undetermined"));
	fputs("</td><td></td><td>", out);
	ztc_xml_text(out, status);
	fputs(": ", out);
	ztc_html_message(out, json_object_get(host, "why"));
	fputs("</td></tr>\n", out);
}

static void put_set(FILE *out, const json_t *set)
{
	static const char *const heads[] = {N_("host"), N_("measured"), N_("with waivers"),
					    N_("why there is no result"), NULL};
	const json_t *system = json_object_get(set, "system");
	const json_t *measured = json_object_get(json_object_get(system, "levels"), "measured");
	json_t *host, *count;
	const char *level;
	size_t i, number = 0;

	fputs("<article><h1>", out);
	ztc_html_say(out, N_("Zero trust, network pillar: hosts of a system"));
	fputs("</h1>\n<p class=\"statement\">", out);
	ztc_html_message(out, json_object_get(set, "statement"));
	fputs("</p>\n<p class=\"lead\">", out);
	ztc_html_say(out, N_("Level of the system, the lowest of its hosts:"));
	fputs(" <strong>", out);
	ztc_html_message(out, json_object_get(measured, "text"));
	fputs("</strong></p>\n<p>", out);
	ztc_html_say(out, N_("Hosts by level:"));
	json_object_foreach ((json_t *)json_object_get(system, "distribution"), level, count) {
		fputs(" <span class=\"badge plain\">", out);
		ztc_xml_text(out, level);
		fprintf(out, ": %lld</span>", (long long)json_integer_value(count));
	}
	fputs("</p>\n<table class=\"grid\">", out);
	ztc_html_heads(out, heads);
	fputs("<tbody>\n", out);
	json_array_foreach (json_object_get(set, "hosts"), i, host) {
		bool answered = json_is_object(json_object_get(host, "assessment"));

		put_set_row(out, host, number);
		number += answered;
	}
	fputs("</tbody></table>\n", out);
	ztc_set_html(out, set);
	if (number > DETAILS_MAX) {
		fputs("<p>", out);
		ztc_html_say(out,
			     N_("So many hosts are shown without their checks; the report of one "
				"host has them."));
		fputs("</p>\n", out);
	}
	fputs("</article>\n", out);
}

static int put_host(const struct ztc_html *h, const json_t *map)
{
	int r = 0;

	fputs("<article>\n", h->out);
	ztc_html_summary(h);
	ztc_html_items(h);
	ztc_html_about(h);
	if (h->details) {
		ztc_html_checks(h);
		if (map)
			r = ztc_html_map(h->out, map);
		ztc_html_registers(h);
	}
	fputs("</article>\n", h->out);
	return r;
}

int ztc_report_html(FILE *out, const json_t *doc, const json_t *map)
{
	zt_auto(zt_json_decref) json_t *all = ztc_report_all(doc);
	bool set = strcmp(ztc_str(doc, "format"), ZTC_SET_FORMAT) == 0;
	bool details = json_array_size(all) <= DETAILS_MAX;
	json_t *one;
	size_t i;
	int r = put_frame(out, set ? "ztseg" : ztc_report_host(doc));

	if (r < 0)
		return r;
	if (set)
		put_set(out, doc);
	json_array_foreach (all, i, one) {
		struct ztc_html h = {
			.out = out, .doc = one, .host = i, .brief = set, .details = details};

		r = put_host(&h, i == 0 ? map : NULL);
	}
	fputs("<footer>ztctl " ZT_VERSION "</footer>\n</main>\n</body>\n</html>\n", out);
	return r == 0 && ferror(out) ? -EIO : r;
}
