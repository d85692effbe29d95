/* SPDX-License-Identifier: Apache-2.0 */
/*
 * junit.c - an assessment as the XML that CI servers read: an item is a suite, a check a case.
 *
 * A case that is not proven is not green: unknown is an error, partial a failure. What does not
 * apply and what a waiver covers is skipped, with the text that says so.
 */
#include <errno.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/json.h"
#include "ctl/assess/doc.h"
#include "ctl/render/text.h"
#include "ctl/report/report.h"

enum outcome {
	PASSED,
	FAILED,
	ERROR,
	SKIPPED,
	OUTCOMES,
};

static const char *const elements[OUTCOMES] = {
	[FAILED] = "failure", [ERROR] = "error", [SKIPPED] = "skipped"};

static enum outcome outcome_of(const json_t *check)
{
	const char *result = ztc_str(check, "result");

	if (strcmp(result, "pass") == 0)
		return PASSED;
	if (strcmp(result, "notapplicable") == 0 || ztc_report_waived(check))
		return SKIPPED;
	if (strcmp(result, "fail") == 0 || strcmp(result, "partial") == 0)
		return FAILED;
	return ERROR;
}

static void put_line(FILE *out, const char *what, const char *text)
{
	if (!*text)
		return;
	fprintf(out, "%s: ", what);
	ztc_xml_text(out, text);
	fputc('\n', out);
}

static void put_details(FILE *out, const json_t *check)
{
	json_t *one;
	size_t i;

	put_line(out, ztc_tr(N_("observed")), ztc_text(json_object_get(check, "observed")));
	put_line(out, ztc_tr(N_("expected")), ztc_text(json_object_get(check, "expected")));
	json_array_foreach (json_object_get(check, "offenders"), i, one) {
		fputs("- ", out);
		ztc_xml_text(out, ztc_str(one, "resource"));
		fputs(": ", out);
		ztc_xml_text(out, ztc_text(json_object_get(one, "text")));
		fputc('\n', out);
	}
	put_line(out, ztc_tr(N_("what to do")), ztc_text(json_object_get(check, "remediation")));
	put_line(out, ztc_tr(N_("evidence")), ztc_str(check, "digest"));
}

static void put_message(FILE *out, const json_t *check, enum outcome outcome)
{
	const json_t *disposition = json_object_get(check, "disposition");

	fputs(" message=\"", out);
	if (outcome == SKIPPED && ztc_report_waived(check)) {
		ztc_xml_text(out, ztc_tr(N_("waived, not passed")));
		fputs(" (", out);
		ztc_xml_text(out, ztc_str(disposition, "waiver"));
		fputs(", ", out);
		ztc_xml_text(out, ztc_str(disposition, "expires_at"));
		fputs("): ", out);
	}
	ztc_xml_text(out, ztc_text(json_object_get(check, "reason")));
	fputc('"', out);
}

static void put_case(FILE *out, const json_t *doc, const json_t *check)
{
	enum outcome outcome = outcome_of(check);

	fputs("    <testcase name=\"", out);
	ztc_xml_text(out, ztc_str(check, "id"));
	fputc(' ', out);
	ztc_xml_text(out, ztc_text(json_object_get(check, "title")));
	fputs("\" classname=\"", out);
	ztc_xml_text(out, ztc_report_host(doc));
	fprintf(out, ".%s\" time=\"0\"", ztc_str(check, "item"));
	if (outcome == PASSED) {
		fputs("/>\n", out);
		return;
	}
	fprintf(out, ">\n      <%s", elements[outcome]);
	/* The strict form of JUnit knows no type of what is skipped. */
	if (outcome != SKIPPED)
		ztc_xml_attribute(out, "type", ztc_str(check, "result"));
	put_message(out, check, outcome);
	fputc('>', out);
	put_details(out, check);
	fprintf(out, "</%s>\n    </testcase>\n", elements[outcome]);
}

static void put_property(FILE *out, const char *name, const char *value)
{
	fprintf(out, "      <property name=\"%s\"", name);
	ztc_xml_attribute(out, "value", value);
	fputs("/>\n", out);
}

static void put_properties(FILE *out, const json_t *doc, const json_t *item)
{
	const json_t *profile = json_object_get(doc, "profile");
	const json_t *measured = json_object_get(json_object_get(doc, "levels"), "measured");

	fputs("    <properties>\n", out);
	put_property(out, "statement", ztc_text(json_object_get(doc, "statement")));
	put_property(out, "item.status", ztc_str(item, "status"));
	put_property(out, "level.measured", ztc_str(measured, "text"));
	put_property(out, "profile", ztc_str(profile, "name"));
	put_property(out, "profile.version", ztc_str(profile, "version"));
	put_property(out, "profile.digest", ztc_str(profile, "digest"));
	fputs("    </properties>\n", out);
}

static void put_suite(FILE *out, const json_t *doc, const json_t *item, int number)
{
	const char *id = ztc_str(item, "id"), *host = ztc_report_host(doc);
	int counts[OUTCOMES] = {0}, total = 0;
	json_t *check;
	size_t i;

	json_array_foreach (json_object_get(doc, "checks"), i, check) {
		if (strcmp(ztc_str(check, "item"), id) != 0)
			continue;
		counts[outcome_of(check)]++;
		total++;
	}
	fprintf(out, "  <testsuite id=\"%d\" name=\"", number);
	ztc_xml_text(out, id);
	fputc(' ', out);
	ztc_xml_text(out, ztc_text(json_object_get(item, "title")));
	fputc('"', out);
	ztc_xml_attribute(out, "package", host);
	ztc_xml_attribute(out, "hostname", host);
	fprintf(out, " timestamp=\"%.19s\" tests=\"%d\" failures=\"%d\" errors=\"%d\"",
		ztc_str(doc, "started"), total, counts[FAILED], counts[ERROR]);
	fprintf(out, " skipped=\"%d\" time=\"0\">\n", counts[SKIPPED]);
	put_properties(out, doc, item);
	json_array_foreach (json_object_get(doc, "checks"), i, check) {
		if (strcmp(ztc_str(check, "item"), id) == 0)
			put_case(out, doc, check);
	}
	fputs("    <system-out/>\n    <system-err/>\n  </testsuite>\n", out);
}

int ztc_report_junit(FILE *out, const json_t *doc)
{
	zt_auto(zt_json_decref) json_t *all = ztc_report_all(doc);
	json_t *one, *item;
	int number = 0;
	size_t i, j;

	fputs("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuites>\n", out);
	json_array_foreach (all, i, one) {
		json_array_foreach (json_object_get(one, "items"), j, item)
			put_suite(out, one, item, number++);
	}
	fputs("</testsuites>\n", out);
	return ferror(out) ? -EIO : 0;
}
