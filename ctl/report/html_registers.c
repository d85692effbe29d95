/* SPDX-License-Identifier: Apache-2.0 */
/*
 * html_registers.c - what stands behind the checks: waivers, attestations, collectors, principles,
 * how to read it, and where an auditor signs.
 */
#include <string.h>

#include "base/cleanup.h"
#include "base/json.h"
#include "ctl/catalogue/catalogue.h"
#include "ctl/render/text.h"
#include "ctl/report/html.h"
#include "ctl/report/report.h"

/* Checks that have to pass meanwhile, with what they found. */
static void compensation_cell(FILE *out, const json_t *list)
{
	json_t *one;
	size_t i;

	fputs("<td>", out);
	json_array_foreach (list, i, one) {
		const char *result = ztc_str(one, "result");

		fputs(i ? "<br>" : "", out);
		ztc_xml_text(out, json_is_object(one) ? ztc_str(one, "check") : ztc_text(one));
		if (*result) {
			fputc(' ', out);
			ztc_html_badge(out, result, ztc_report_result(result));
		}
	}
	fputs("</td>", out);
}

static void state_cell(FILE *out, const json_t *entry)
{
	const char *state = ztc_str(entry, "state");
	const json_t *why = json_object_get(entry, "why");

	fputs("<td>", out);
	ztc_html_badge(out, state, ztc_report_disposition(state));
	if (*ztc_text(why)) {
		fputs("<br><small>", out);
		ztc_html_message(out, why);
		fputs("</small>", out);
	}
	fputs("</td>", out);
}

static void time_cell(FILE *out, const char *time)
{
	fputs("<td>", out);
	ztc_html_time(out, time);
	fputs("</td>", out);
}

static void said_cell(FILE *out, const json_t *message)
{
	fputs("<td>", out);
	ztc_html_message(out, message);
	fputs("</td>", out);
}

static void none(FILE *out)
{
	fputs("<p>", out);
	ztc_html_say(out, N_("None."));
	fputs("</p>\n", out);
}

static void put_waiver(FILE *out, const json_t *waiver)
{
	const json_t *scope = json_object_get(waiver, "scope");

	fputs("<tr>", out);
	ztc_html_cell(out, ztc_str(waiver, "id"));
	fputs("<td><code>", out);
	ztc_xml_text(out, ztc_str(waiver, "check_id"));
	fputs("</code><br>", out);
	ztc_xml_text(out, ztc_str(scope, "resource"));
	fputs("</td>", out);
	state_cell(out, waiver);
	said_cell(out, json_object_get(waiver, "reason"));
	compensation_cell(out, json_object_get(waiver, "compensating"));
	fputs("<td>", out);
	ztc_xml_text(out, ztc_str(waiver, "owner"));
	fputs("<br>", out);
	ztc_xml_text(out, ztc_str(waiver, "approver"));
	fputs("<br>", out);
	ztc_xml_text(out, ztc_str(waiver, "ticket"));
	fputs("</td><td>", out);
	ztc_html_time(out, ztc_str(waiver, "expires_at"));
	if (json_is_integer(json_object_get(waiver, "days_left"))) {
		int64_t left = ztc_int(waiver, "days_left");

		fprintf(out, "<br>%lld ", (long long)(left < 0 ? -left : left));
		ztc_html_say(out, left < 0 ? N_("days overdue") : N_("days left"));
	}
	fputs("</td></tr>\n", out);
}

static void put_waivers(const struct ztc_html *h)
{
	static const char *const heads[] = {
		N_("waiver"),	      N_("check, resource"),	     N_("state"),   N_("reason"),
		N_("compensated by"), N_("owner, approver, ticket"), N_("expires"), NULL};
	const json_t *waivers = json_object_get(h->doc, "waivers");
	json_t *one;
	size_t i;

	ztc_html_head(h, 2, "waivers", N_("Register of waivers"));
	if (!json_array_size(waivers)) {
		none(h->out);
		return;
	}
	fputs("<table class=\"grid waivers\">", h->out);
	ztc_html_heads(h->out, heads);
	fputs("<tbody>\n", h->out);
	json_array_foreach (waivers, i, one)
		put_waiver(h->out, one);
	fputs("</tbody></table>\n", h->out);
}

static void put_files(FILE *out, const json_t *files)
{
	json_t *file;
	size_t i;

	fputs("<td>", out);
	json_array_foreach (files, i, file) {
		fputs(i ? "<br>" : "", out);
		ztc_xml_text(out, ztc_str(file, "name"));
		fputs("<br><code>", out);
		ztc_xml_text(out, ztc_str(file, "sha256"));
		fputs("</code>", out);
	}
	fputs("</td>", out);
}

static void put_attestations(const struct ztc_html *h)
{
	static const char *const heads[] = {
		N_("attestation"), N_("about"),	    N_("result"), N_("state"),	     N_("method"),
		N_("assessor"),	   N_("statement"), N_("files"),  N_("valid until"), NULL};
	const json_t *list = json_object_get(h->doc, "attestations");
	json_t *one;
	size_t i;

	ztc_html_head(h, 2, "attestations", N_("Register of attestations"));
	if (!json_array_size(list)) {
		none(h->out);
		return;
	}
	fputs("<table class=\"grid attestations\">", h->out);
	ztc_html_heads(h->out, heads);
	fputs("<tbody>\n", h->out);
	json_array_foreach (list, i, one) {
		const char *check = ztc_str(one, "check_id"), *result = ztc_str(one, "result");

		fputs("<tr>", h->out);
		ztc_html_cell(h->out, ztc_str(one, "id"));
		ztc_html_cell(h->out, *check ? check : ztc_str(one, "item"));
		fputs("<td>", h->out);
		ztc_html_badge(h->out, result, ztc_report_result(result));
		fputs("</td>", h->out);
		state_cell(h->out, one);
		ztc_html_cell(h->out, ztc_str(one, "method"));
		ztc_html_cell(h->out, ztc_str(one, "assessor"));
		said_cell(h->out, json_object_get(one, "statement"));
		put_files(h->out, json_object_get(one, "files"));
		time_cell(h->out, ztc_str(one, "valid_until"));
		fputs("</tr>\n", h->out);
	}
	fputs("</tbody></table>\n", h->out);
}

static void put_collector(FILE *out, const json_t *one)
{
	fputs("<tr>", out);
	ztc_html_cell(out, ztc_str(one, "name"));
	fputs("<td>", out);
	ztc_html_badge(out, ztc_str(one, "status"), ztc_report_collected(ztc_str(one, "status")));
	if (*ztc_str(one, "reason")) {
		fputs("<br><small>", out);
		ztc_xml_text(out, ztc_str(one, "reason"));
		fputs("</small>", out);
	}
	fputs("</td>", out);
	ztc_html_cell(out, ztc_str(one, "needs"));
	ztc_html_cell(out, ztc_str(one, "method"));
	time_cell(out, ztc_str(one, "collected_at"));
	fprintf(out, "<td class=\"number\">%lld</td><td><code>",
		(long long)ztc_int(one, "elapsed_ms"));
	ztc_xml_text(out, ztc_str(one, "digest"));
	fputs("</code></td></tr>\n", out);
}

static void put_collectors(const struct ztc_html *h)
{
	static const char *const heads[] = {N_("fact"),
					    N_("status"),
					    N_("would take"),
					    N_("method"),
					    N_("collected at"),
					    "ms",
					    N_("digest of the evidence"),
					    NULL};
	json_t *one;
	size_t i;

	ztc_html_head(h, 2, "collectors", N_("Facts that were collected"));
	fputs("<table class=\"grid collectors\">", h->out);
	ztc_html_heads(h->out, heads);
	fputs("<tbody>\n", h->out);
	json_array_foreach (json_object_get(h->doc, "collectors"), i, one)
		put_collector(h->out, one);
	fputs("</tbody></table>\n", h->out);
}

static void put_notes(const struct ztc_html *h)
{
	const json_t *notes = json_object_get(h->doc, "notes");
	json_t *one;
	size_t i;

	if (!json_array_size(notes))
		return;
	ztc_html_head(h, 2, "notes", N_("Notes"));
	fputs("<ul>\n", h->out);
	json_array_foreach (notes, i, one) {
		fputs("<li>", h->out);
		ztc_html_message(h->out, one);
		fputs("</li>\n", h->out);
	}
	fputs("</ul>\n", h->out);
}

static bool follows(const json_t *item, int64_t principle)
{
	json_t *one;
	size_t i;

	json_array_foreach (json_object_get(item, "principles"), i, one) {
		if (json_integer_value(one) == principle)
			return true;
	}
	return false;
}

/* Those of the catalogue, with the items that follow them. */
static void put_principles(const struct ztc_html *h)
{
	json_t *one, *item;
	size_t i, j;

	ztc_html_head(h, 2, "principles", N_("Principles behind the items"));
	fputs("<ol>\n", h->out);
	json_array_foreach (ztc_principles(), i, one) {
		zt_auto(zt_json_decref) json_t *text = ztc_message(one, "text", "text_zh");
		const char *sep = " (";

		fputs("<li>", h->out);
		ztc_html_message(h->out, text);
		json_array_foreach (ztc_items(), j, item) {
			if (!follows(item, ztc_int(one, "id")))
				continue;
			fprintf(h->out, "%s%s", sep, ztc_str(item, "id"));
			sep = ", ";
		}
		fputs(")</li>\n", h->out);
	}
	fputs("</ol>\n", h->out);
}

static void put_reading(const struct ztc_html *h)
{
	static const char *const lines[] = {
		N_("An item is met when all its gates pass and no other check of high or critical "
		   "severity fails. What could not be measured is never counted as passed."),
		N_("Levels are cumulative: I needs 3-1 and 3-4, II also 3-2 and 3-3, III also 3-5 and "
		   "3-6, IV also 3-7."),
		N_("Grades of evidence: A signed by a third party; B measured in the kernel; B- "
		   "sampled; C the agent's own journal; D attested by people. Whoever is root on the "
		   "host can forge B, B- and C."),
		N_("A waiver accepts a risk; the result stays what it was measured to be. An "
		   "attestation never satisfies a gate."),
		N_("The guideline states no thresholds: every threshold is the profile's, whose digest "
		   "is above. The stage of CISA is that reached when the item is met; it is not a "
		   "translation of the level."),
	};

	ztc_html_head(h, 2, "reading", N_("How to read this"));
	fputs("<ul>\n", h->out);
	for (size_t i = 0; i < ARRAY_SIZE(lines); i++) {
		fputs("<li>", h->out);
		ztc_html_say(h->out, lines[i]);
		fputs("</li>\n", h->out);
	}
	fputs("</ul>\n", h->out);
}

static void put_signatures(const struct ztc_html *h)
{
	static const char *const heads[] = {N_("role"),	     N_("name, title"), N_("opinion"),
					    N_("signature"), N_("date"),	NULL};
	static const char *const roles[] = {N_("system owner"), N_("assessor"), N_("audit"),
					    N_("approved by")};

	fputs("<section class=\"signoff\">\n", h->out);
	ztc_html_head(h, 2, "signoff", N_("Sign-off"));
	fputs("<table class=\"grid signatures\">", h->out);
	ztc_html_heads(h->out, heads);
	fputs("<tbody>\n", h->out);
	for (size_t i = 0; i < ARRAY_SIZE(roles); i++) {
		fputs("<tr><th scope=\"row\">", h->out);
		ztc_html_say(h->out, roles[i]);
		fputs("</th><td></td><td></td><td></td><td></td></tr>\n", h->out);
	}
	fputs("</tbody></table>\n<p class=\"statement\">", h->out);
	ztc_html_message(h->out, json_object_get(h->doc, "statement"));
	fputs("</p>\n</section>\n", h->out);
}

void ztc_html_registers(const struct ztc_html *h)
{
	put_waivers(h);
	put_attestations(h);
	put_collectors(h);
	put_notes(h);
	put_principles(h);
	put_reading(h);
	put_signatures(h);
}
