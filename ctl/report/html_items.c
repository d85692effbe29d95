/* SPDX-License-Identifier: Apache-2.0 */
/* html_items.c - the seven items and, below each, its checks with their evidence. */
#include <string.h>

#include "base/cleanup.h"
#include "base/json.h"
#include "ctl/catalogue/catalogue.h"
#include "ctl/render/text.h"
#include "ctl/report/html.h"
#include "ctl/report/report.h"

static const char *const roman[] = {"0", "I", "II", "III", "IV"};
static const char *const count_names[] = {"pass",	   "partial", "fail",
					  "notapplicable", "unknown", "error"};

static const char *level_name(const json_t *item)
{
	int64_t level = ztc_int(item, "level");

	return level >= 0 && level <= 4 ? roman[level] : "-";
}

static void status_cell(FILE *out, const char *status)
{
	fputs("<td>", out);
	if (*status)
		ztc_html_badge(out, status, ztc_report_status(status));
	fputs("</td>", out);
}

static void counts_cell(FILE *out, const json_t *counts)
{
	const char *sep = "";

	fputs("<td>", out);
	for (size_t i = 0; i < ARRAY_SIZE(count_names); i++) {
		int64_t n = ztc_int(counts, count_names[i]);

		if (!n)
			continue;
		fprintf(out, "%s%lld&nbsp;", sep, (long long)n);
		ztc_html_say(out, ztc_report_result(count_names[i]));
		sep = ", ";
	}
	fputs("</td>", out);
}

static void put_item_row(const struct ztc_html *h, const json_t *item)
{
	const json_t *cisa = json_object_get(item, "cisa");
	const json_t *note = json_object_get(item, "note");
	const char *informational = ztc_str(item, "informational");
	FILE *out = h->out;

	fprintf(out, "<tr><td>%s</td><td>", level_name(item));
	ztc_html_link(h, "item-", ztc_str(item, "id"));
	fputc(' ', out);
	ztc_html_message(out, json_object_get(item, "title"));
	if (*ztc_text(note)) {
		fputs("<br><small>", out);
		ztc_html_message(out, note);
		fputs("</small>", out);
	}
	if (*informational) {
		fputs("<br><small>", out);
		ztc_html_say(out, N_("for information, as measured:"));
		fputc(' ', out);
		ztc_html_say(out, ztc_report_status(informational));
		fputs("</small>", out);
	}
	fputs("</td>", out);
	status_cell(out, ztc_str(item, "status"));
	status_cell(out, ztc_str(item, "status_attested"));
	status_cell(out, ztc_str(item, "status_waived"));
	counts_cell(out, json_object_get(item, "counts"));
	fputs("<td>", out);
	ztc_xml_text(out, ztc_str(cisa, "function"));
	fputs("<br>", out);
	ztc_xml_text(out, ztc_str(cisa, "stage"));
	fputs("</td></tr>\n", out);
}

void ztc_html_items(const struct ztc_html *h)
{
	static const char *const heads[] = {N_("level"),
					    N_("item"),
					    N_("measured"),
					    N_("with attestations"),
					    N_("with waivers"),
					    N_("checks"),
					    N_("CISA stage when met"),
					    NULL};
	json_t *item;
	size_t i;

	ztc_html_head(h, 2, "items", N_("Items"));
	fputs("<table class=\"grid items\">", h->out);
	ztc_html_heads(h->out, heads);
	fputs("<tbody>\n", h->out);
	json_array_foreach (json_object_get(h->doc, "items"), i, item)
		put_item_row(h, item);
	fputs("</tbody></table>\n", h->out);
}

/* --- one check --- */

static void put_numbers(FILE *out, const json_t *check)
{
	const json_t *num = json_object_get(check, "numerator");
	const json_t *den = json_object_get(check, "denominator");
	char above[ZTC_TEXT_LEN], below[ZTC_TEXT_LEN];

	if (!json_is_integer(num) || !json_is_integer(den) || json_integer_value(den) <= 0)
		return;
	ztc_count(above, json_integer_value(num));
	ztc_count(below, json_integer_value(den));
	fputs("<tr><th scope=\"row\">", out);
	ztc_html_say(out, N_("numbers"));
	fprintf(out, "</th><td>%s / %s</td></tr>\n", above, below);
}

static void put_strings(FILE *out, const char *name, const json_t *value)
{
	zt_auto(zt_json_decref) json_t *list = ztc_report_strings(value);
	json_t *one;
	size_t i;

	if (!json_array_size(list))
		return;
	fputs("<tr><th scope=\"row\">", out);
	ztc_xml_text(out, name);
	fputs("</th><td>", out);
	json_array_foreach (list, i, one) {
		fputs(i ? ", " : "", out);
		ztc_xml_text(out, json_string_value(one));
	}
	fputs("</td></tr>\n", out);
}

/* "measure, grade B: listeners, filter", and when. */
static void put_evidence(FILE *out, const json_t *check)
{
	zt_auto(zt_json_decref) json_t *facts =
		ztc_report_strings(json_object_get(check, "collectors"));
	const char *at = ztc_str(check, "collected_at");
	json_t *one;
	size_t i;

	fputs("<tr><th scope=\"row\">", out);
	ztc_html_say(out, N_("evidence"));
	fputs("</th><td>", out);
	ztc_html_say(out, ztc_report_method(ztc_str(check, "method")));
	fputs(", ", out);
	ztc_html_say(out, N_("grade"));
	fputc(' ', out);
	ztc_xml_text(out, ztc_str(check, "grade"));
	json_array_foreach (facts, i, one) {
		fputs(i ? ", " : ": ", out);
		ztc_xml_text(out, json_string_value(one));
	}
	fputs("</td></tr>\n", out);
	if (!*at)
		return;
	fputs("<tr><th scope=\"row\">", out);
	ztc_html_say(out, N_("collected, valid until"));
	fputs("</th><td>", out);
	ztc_html_time(out, at);
	fputs(", ", out);
	ztc_html_time(out, ztc_str(check, "valid_until"));
	fputs("</td></tr>\n", out);
}

static void put_window(FILE *out, const json_t *window)
{
	if (!json_is_object(window))
		return;
	fputs("<tr><th scope=\"row\">", out);
	ztc_html_say(out, N_("window"));
	fputs("</th><td>", out);
	ztc_html_time(out, ztc_str(window, "from"));
	fputs(" &ndash; ", out);
	ztc_html_time(out, ztc_str(window, "to"));
	fputs("</td></tr>\n", out);
}

/* Where others ask the same: once for all checks of an item, by its first one. */
static void put_mapping(const struct ztc_html *h, const char *item)
{
	static const struct {
		const char *key, *name;
	} frames[] = {
		{"cisa", "CISA ZTMM 2.0"}, {"dod", "DoD ZT"}, {"nist", "NIST"}, {"nsa", "NSA"}};
	json_t *check;
	size_t i;

	json_array_foreach (json_object_get(h->doc, "checks"), i, check) {
		const json_t *mapping = json_object_get(check, "mapping");

		if (strcmp(ztc_str(check, "item"), item) != 0)
			continue;
		fputs("<table class=\"facts\"><tbody>\n", h->out);
		for (size_t f = 0; f < ARRAY_SIZE(frames); f++)
			put_strings(h->out, frames[f].name,
				    json_object_get(mapping, frames[f].key));
		fputs("</tbody></table>\n", h->out);
		return;
	}
}

static void put_disposition(FILE *out, const json_t *check)
{
	const json_t *disposition = json_object_get(check, "disposition");
	const json_t *attestation = json_object_get(check, "attestation");

	if (json_is_object(disposition)) {
		fputs("<tr><th scope=\"row\">", out);
		ztc_html_say(out, N_("waiver"));
		fputs("</th><td>", out);
		ztc_xml_text(out, ztc_str(disposition, "waiver"));
		fputs(" &ndash; ", out);
		ztc_html_say(out, ztc_report_disposition(ztc_str(disposition, "state")));
		fputs(", ", out);
		ztc_html_time(out, ztc_str(disposition, "expires_at"));
		fputs("</td></tr>\n", out);
	}
	if (json_is_object(attestation)) {
		fputs("<tr><th scope=\"row\">", out);
		ztc_html_say(out, N_("attestation"));
		fputs("</th><td>", out);
		ztc_xml_text(out, ztc_str(attestation, "id"));
		fputs(" &ndash; ", out);
		ztc_html_say(out, ztc_report_result(ztc_str(attestation, "result")));
		fputs(", ", out);
		ztc_html_time(out, ztc_str(attestation, "valid_until"));
		fputs("</td></tr>\n", out);
	}
}

static void put_offenders(FILE *out, const json_t *check)
{
	const json_t *offenders = json_object_get(check, "offenders");
	int64_t total = ztc_int(check, "offenders_total");
	char count[ZTC_TEXT_LEN];
	json_t *one;
	size_t i;

	if (!json_array_size(offenders))
		return;
	ztc_count(count, total);
	fputs("<p class=\"lead\">", out);
	ztc_html_say(out, N_("What keeps it from passing:"));
	if (total > (int64_t)json_array_size(offenders)) {
		fprintf(out, " %zu / %s", json_array_size(offenders), count);
	}
	fputs("</p><table class=\"grid offenders\"><tbody>\n", out);
	json_array_foreach (offenders, i, one) {
		fputs("<tr><td><code>", out);
		ztc_xml_text(out, ztc_str(one, "resource"));
		fputs("</code></td><td>", out);
		ztc_html_message(out, json_object_get(one, "text"));
		fputs("</td></tr>\n", out);
	}
	fputs("</tbody></table>\n", out);
}

/* Lines of configuration that would mend it. */
static void put_snippets(FILE *out, const json_t *check)
{
	json_t *one;
	size_t i;

	json_array_foreach (json_object_get(json_object_get(check, "extra"), "snippets"), i, one) {
		const char *line = ztc_str(one, "text");

		fputs("<p class=\"lead\">", out);
		ztc_xml_text(out, ztc_str(one, "program"));
		fputs(" <code>", out);
		ztc_xml_text(out, ztc_str(one, "file"));
		fputs("</code></p>\n<pre>", out);
		ztc_xml_text(out, line);
		fputs("</pre>\n", out);
	}
}

static void put_check_head(const struct ztc_html *h, const json_t *check)
{
	const char *result = ztc_str(check, "result");
	const char *severity = ztc_str(check, "severity");
	FILE *out = h->out;

	fprintf(out, "<section class=\"check\" id=\"h%zu-", h->host);
	ztc_xml_text(out, ztc_str(check, "id"));
	fputs("\"><h4><code>", out);
	ztc_xml_text(out, ztc_str(check, "id"));
	fputs("</code> ", out);
	ztc_html_message(out, json_object_get(check, "title"));
	fputs("</h4>\n<p>", out);
	ztc_html_badge(out, result, ztc_report_result(result));
	fputc(' ', out);
	ztc_html_badge(out, "plain", ztc_report_severity(severity));
	if (json_is_true(json_object_get(check, "gate"))) {
		fputc(' ', out);
		ztc_html_badge(out, "gate", N_("gate"));
	}
	fputs(" <span class=\"reason\">", out);
	ztc_html_message(out, json_object_get(check, "reason"));
	fputs("</span></p>\n", out);
}

static bool wants_action(const json_t *check)
{
	const char *result = ztc_str(check, "result");

	return strcmp(result, "pass") != 0 && strcmp(result, "notapplicable") != 0;
}

static void put_check(const struct ztc_html *h, const json_t *check)
{
	const char *expired = ztc_str(check, "expired_result");
	FILE *out = h->out;

	put_check_head(h, check);
	if (h->brief && !wants_action(check)) {
		fputs("<p><code>", out);
		ztc_xml_text(out, ztc_str(check, "digest"));
		fputs("</code></p>\n</section>\n", out);
		return;
	}
	fputs("<table class=\"facts\"><tbody>\n", out);
	ztc_html_row_message(out, N_("observed"), json_object_get(check, "observed"));
	ztc_html_row_message(out, N_("expected"), json_object_get(check, "expected"));
	put_numbers(out, check);
	put_window(out, json_object_get(check, "window"));
	if (*expired) {
		fputs("<tr><th scope=\"row\">", out);
		ztc_html_say(out, N_("result before it expired"));
		fputs("</th><td>", out);
		ztc_html_say(out, ztc_report_result(expired));
		fputs("</td></tr>\n", out);
	}
	put_disposition(out, check);
	put_evidence(out, check);
	ztc_html_row_code(out, N_("digest of the evidence"), ztc_str(check, "digest"));
	fputs("</tbody></table>\n", out);
	put_offenders(out, check);
	if (wants_action(check)) {
		fputs("<p class=\"advice\"><strong>", out);
		ztc_html_say(out, N_("what to do"));
		fputs("</strong> ", out);
		ztc_html_advice(out, json_object_get(check, "remediation"));
		fputs("</p>\n", out);
		put_snippets(out, check);
	}
	fputs("</section>\n", out);
}

/* A document may leave it out: it is the catalogue's. */
static void put_definition(FILE *out, const json_t *item)
{
	const json_t *row = ztc_items_find(ztc_str(item, "id"));
	zt_auto(zt_json_decref) json_t *own =
		row ? ztc_message(row, "definition", "definition_zh") : NULL;
	const json_t *said = json_object_get(item, "definition");

	ztc_html_message(out, said ? said : own);
}

static void put_item(const struct ztc_html *h, const json_t *item)
{
	const char *id = ztc_str(item, "id"), *status = ztc_str(item, "status");
	json_t *check;
	size_t i;

	fprintf(h->out, "<h3 id=\"h%zu-item-", h->host);
	ztc_xml_text(h->out, id);
	fputs("\">", h->out);
	ztc_xml_text(h->out, id);
	fputc(' ', h->out);
	ztc_html_message(h->out, json_object_get(item, "title"));
	fputs(" (", h->out);
	ztc_html_say(h->out, N_("level"));
	fprintf(h->out, " %s) ", level_name(item));
	ztc_html_badge(h->out, status, ztc_report_status(status));
	fputs("</h3>\n<p class=\"definition\">", h->out);
	put_definition(h->out, item);
	fputs("</p>\n", h->out);
	put_mapping(h, id);
	json_array_foreach (json_object_get(h->doc, "checks"), i, check) {
		if (strcmp(ztc_str(check, "item"), id) == 0)
			put_check(h, check);
	}
}

void ztc_html_checks(const struct ztc_html *h)
{
	json_t *item;
	size_t i;

	ztc_html_head(h, 2, "checks", N_("Checks and their evidence"));
	json_array_foreach (json_object_get(h->doc, "items"), i, item)
		put_item(h, item);
}
