/* SPDX-License-Identifier: Apache-2.0 */
/* html_summary.c - the first page of the HTML report: whose, by what, which level, what blocks. */
#include <string.h>

#include "base/cleanup.h"
#include "base/json.h"
#include "ctl/evidence/seal.h"
#include "ctl/render/text.h"
#include "ctl/report/html.h"
#include "ctl/report/report.h"

static const struct {
	const char *key, *name, *note;
} bases[] = {
	{"measured", N_("measured"), N_("what this host was measured to do")},
	{"attested", N_("with attestations"), N_("signed manual evidence counted")},
	{"waived", N_("with waivers"), N_("accepted risks counted; not measured")},
};

static void put_level(FILE *out, const json_t *level, size_t basis)
{
	const json_t *text = json_object_get(level, "text");

	fputs("<div class=\"level\"><div class=\"big\">", out);
	if (ztc_int(level, "level") == 0) {
		ztc_html_say(out, N_("below level I"));
	} else {
		ztc_html_say(out, N_("level"));
		fputc(' ', out);
		ztc_html_message(out, text);
	}
	fputs("</div><strong>", out);
	ztc_html_say(out, bases[basis].name);
	fputs("</strong><small>", out);
	ztc_html_say(out, bases[basis].note);
	if (json_is_true(json_object_get(level, "vacuous"))) {
		fputs("<br>", out);
		ztc_html_say(out, N_("only because no item of it applies: not to be claimed"));
	}
	fputs("</small></div>\n", out);
}

static void put_target(FILE *out, const json_t *target)
{
	static const char *const roman[] = {"0", "I", "II", "III", "IV"};
	int64_t level = ztc_int(target, "level");
	const char *status = ztc_str(target, "status");

	if (!target || level < 0 || level > 4)
		return;
	fputs("<div class=\"level target\"><div class=\"big\">", out);
	ztc_html_say(out, N_("level"));
	fputc(' ', out);
	fputs(roman[level], out);
	fputs("</div><strong>", out);
	ztc_html_say(out, N_("target"));
	fputs("</strong> ", out);
	ztc_html_badge(out, status, ztc_report_status(status));
	fputs("</div>\n", out);
}

static void put_levels(const struct ztc_html *h)
{
	const json_t *levels = json_object_get(h->doc, "levels");

	ztc_html_head(h, 2, "levels", N_("Level reached"));
	fputs("<div class=\"levels\">\n", h->out);
	for (size_t i = 0; i < ARRAY_SIZE(bases); i++) {
		const json_t *one = json_object_get(levels, bases[i].key);

		if (one)
			put_level(h->out, one, i);
	}
	put_target(h->out, json_object_get(h->doc, "target"));
	fputs("</div>\n", h->out);
}

static void put_blocker(const struct ztc_html *h, const json_t *one)
{
	fputs("<li>", h->out);
	ztc_html_link(h, "", ztc_str(one, "check"));
	fputs(" (", h->out);
	ztc_xml_text(h->out, ztc_str(one, "item"));
	fputs("): ", h->out);
	ztc_html_message(h->out, json_object_get(one, "reason"));
	fputs("</li>\n", h->out);
}

/* Of the level that was measured: those of the other bases are among them. */
static void put_blockers(const struct ztc_html *h)
{
	const json_t *above = json_object_get(h->doc, "also_met");
	bool any = false;
	json_t *one;
	size_t i;

	json_array_foreach (json_object_get(h->doc, "blockers"), i, one) {
		if (strcmp(ztc_str(one, "basis"), "measured") != 0)
			continue;
		if (!any) {
			fputs("<p class=\"lead\">", h->out);
			ztc_html_say(h->out, N_("What stands in the way first:"));
			fputs("</p><ul>\n", h->out);
		}
		any = true;
		put_blocker(h, one);
	}
	fputs(any ? "</ul>\n" : "", h->out);
	if (!json_array_size(above))
		return;
	fputs("<p>", h->out);
	ztc_html_say(h->out, N_("Also met, above that level:"));
	json_array_foreach (above, i, one) {
		fputc(' ', h->out);
		ztc_xml_text(h->out, ztc_text(one));
	}
	fputs("</p>\n", h->out);
}

static void put_times(FILE *out, const json_t *doc)
{
	const json_t *window = json_object_get(doc, "window");
	char length[ZTC_TEXT_LEN], wanted[ZTC_TEXT_LEN];

	fputs("<tr><th scope=\"row\">", out);
	ztc_html_say(out, N_("made"));
	fputs("</th><td>", out);
	ztc_html_time(out, ztc_str(doc, "started"));
	fputs(" &ndash; ", out);
	ztc_html_time(out, ztc_str(doc, "ended"));
	fputs("</td></tr>\n<tr><th scope=\"row\">", out);
	ztc_html_say(out, N_("valid until"));
	fputs("</th><td>", out);
	ztc_html_time(out, ztc_str(doc, "valid_until"));
	fputs("</td></tr>\n", out);
	if (!json_is_object(window))
		return;
	ztc_duration(length, ztc_int(window, "seconds"));
	ztc_duration(wanted, ztc_int(window, "wanted_seconds"));
	fputs("<tr><th scope=\"row\">", out);
	ztc_html_say(out, N_("window of traffic"));
	fputs("</th><td>", out);
	if (*ztc_str(window, "from")) {
		ztc_html_time(out, ztc_str(window, "from"));
		fputs(" &ndash; ", out);
		ztc_html_time(out, ztc_str(window, "to"));
	} else {
		ztc_html_say(out, N_("nothing was recorded"));
	}
	fprintf(out, " (%s / %s)</td></tr>\n", length, wanted);
}

static void put_scope(FILE *out, const json_t *scope)
{
	const json_t *system = json_object_get(scope, "system");
	zt_auto(zt_json_decref) json_t *fields =
		ztc_report_strings(json_object_get(scope, "fields"));
	json_t *one;
	size_t i;

	if (json_is_object(system))
		ztc_html_row(out, N_("system"), ztc_str(system, "id"));
	else
		ztc_html_row(out, N_("system"), ztc_text(system));
	if (json_array_size(fields)) {
		fputs("<tr><th scope=\"row\">", out);
		ztc_html_say(out, N_("fields"));
		fputs("</th><td>", out);
		json_array_foreach (fields, i, one) {
			fputs(i ? ", " : "", out);
			ztc_html_say(out, ztc_report_field(json_string_value(one)));
		}
		fputs("</td></tr>\n", out);
	}
	ztc_html_row(out, N_("service model"), ztc_str(scope, "service_model"));
	json_array_foreach (json_object_get(scope, "contradictions"), i, one)
		ztc_html_row_message(out, N_("contradiction"), one);
	json_array_foreach (json_object_get(scope, "notes"), i, one)
		ztc_html_row_message(out, N_("note"), one);
}

/* Whose signature it is has been asked by who calls; without an answer the key is named only. */
static void put_seal(FILE *out, const json_t *doc)
{
	static const struct {
		const char *state, *text;
	} states[] = {{"ok", N_("signature holds, key is trusted")},
		      {"unknown", N_("signature by a key that is not trusted")},
		      {"none", N_("not signed")}};
	const json_t *signature = json_object_get(doc, "signature");
	const json_t *seal = json_object_get(doc, "seal");
	char digest[ZTC_DIGEST_TEXT_LEN + 8];

	ztc_report_digest(digest, sizeof(digest), doc);
	ztc_html_row_code(out, N_("digest of this assessment"), digest);
	ztc_html_row_code(out, N_("signed with key"), ztc_str(signature, "key_id"));
	ztc_html_row(out, N_("signed by"), ztc_str(seal, "signer"));
	for (size_t i = 0; i < ARRAY_SIZE(states); i++) {
		if (strcmp(ztc_str(seal, "state"), states[i].state) == 0)
			ztc_html_row_say(out, N_("signature"), states[i].text);
	}
	if (!json_is_object(signature) && !json_is_object(seal))
		ztc_html_row_say(out, N_("signature"), N_("not signed"));
}

void ztc_html_about(const struct ztc_html *h)
{
	const json_t *host = json_object_get(h->doc, "host");
	const json_t *profile = json_object_get(h->doc, "profile");
	const json_t *agent = json_object_get(h->doc, "agent");
	const json_t *clock = json_object_get(h->doc, "clock");
	FILE *out = h->out;

	ztc_html_head(h, 2, "about", N_("What was assessed"));
	fputs("<table class=\"facts\"><tbody>\n", out);
	ztc_html_row(out, N_("host"), ztc_report_host(h->doc));
	ztc_html_row(out, N_("operating system"), ztc_str(host, "os"));
	ztc_html_row(out, N_("kernel"), ztc_str(host, "kernel"));
	ztc_html_row_code(out, N_("machine"), ztc_str(host, "machine"));
	ztc_html_row_code(out, N_("boot"), ztc_str(host, "boot_id"));
	fputs("<tr><th scope=\"row\">", out);
	ztc_html_say(out, N_("agent"));
	fputs("</th><td>", out);
	if (json_is_true(json_object_get(agent, "present"))) {
		ztc_xml_text(out, ztc_str(agent, "version"));
		fputc(' ', out);
		ztc_xml_text(out, ztc_str(agent, "mode"));
	} else {
		ztc_html_say(out, N_("none: judged by what the host itself shows"));
	}
	fputs("</td></tr>\n", out);
	put_scope(out, json_object_get(h->doc, "scope"));
	put_times(out, h->doc);
	ztc_html_row_say(out, N_("clock"),
			 json_is_true(json_object_get(clock, "synchronised"))
				 ? N_("synchronised")
				 : N_("not synchronised: times are not proven"));
	ztc_html_row_say(out, N_("privilege"),
			 json_is_true(json_object_get(h->doc, "privileged"))
				 ? N_("root")
				 : N_("not root: what could not be read is undetermined"));
	ztc_html_row(out, N_("profile"), ztc_str(profile, "name"));
	ztc_html_row(out, N_("version of the profile"), ztc_str(profile, "version"));
	ztc_html_row_code(out, N_("digest of the profile"), ztc_str(profile, "digest"));
	put_seal(out, h->doc);
	fputs("</tbody></table>\n", out);
}

void ztc_html_summary(const struct ztc_html *h)
{
	fprintf(h->out, "<h1 id=\"h%zu\">", h->host);
	ztc_html_say(h->out, N_("Zero trust, network pillar: host evidence"));
	fputs("<br><span class=\"host\">", h->out);
	ztc_xml_text(h->out, ztc_report_host(h->doc));
	fputs("</span></h1>\n<p class=\"statement\">", h->out);
	ztc_html_message(h->out, json_object_get(h->doc, "statement"));
	fputs("</p>\n", h->out);
	put_levels(h);
	put_blockers(h);
}
