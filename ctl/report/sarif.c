/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sarif.c - an assessment as SARIF 2.1.0 (OASIS, 2020): a check is a rule, its failure a result.
 *
 * Readers of SARIF take every result for an alert, whatever its kind says, so only what fails or
 * passes in part is written; the others come with --sarif-all, as level none. A result that is
 * waived carries a suppression of kind external and stays a failure.
 */
#include <errno.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/digest.h"
#include "base/json.h"
#include "ctl/assess/doc.h"
#include "ctl/render/text.h"
#include "ctl/report/report.h"

#define SCHEMA                                                                                     \
	"https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"

/* The other frameworks, one taxonomy each, in the order of the run's list. */
static const struct {
	const char *key, *name, *version, *organization;
} frameworks[] = {
	{"cisa", "Zero Trust Maturity Model, Networks", "2.0", "CISA"},
	{"dod", "Zero Trust activities", "2022", "US Department of Defense"},
	{"nist", "SP 800-207, SP 800-53", "2020, r5", "NIST"},
	{"nsa", "Network and Environment pillar", "2024-03", "NSA"},
};

static json_t *text(const char *words)
{
	return json_pack("{s:o}", "text", zt_json_str(*words ? words : "-"));
}

static json_t *message(const json_t *said)
{
	return text(ztc_text(said));
}

static const char *level_of(const json_t *check)
{
	const char *severity = ztc_str(check, "severity");

	if (strcmp(ztc_str(check, "result"), "fail") != 0)
		return "warning";
	return strcmp(severity, "critical") == 0 || strcmp(severity, "high") == 0 ? "error"
										  : "warning";
}

static const char *kind_of(const char *result)
{
	if (strcmp(result, "pass") == 0)
		return "pass";
	if (strcmp(result, "notapplicable") == 0)
		return "notApplicable";
	return "open"; /* 3.27.9: too little was known to decide */
}

static bool is_alert(const json_t *check)
{
	const char *result = ztc_str(check, "result");

	return strcmp(result, "fail") == 0 || strcmp(result, "partial") == 0;
}

/* --- taxonomies --- */

/* Position of @id among the taxa of one framework; appended when it is new. */
static size_t taxon(json_t *taxa, const char *id)
{
	json_t *one;
	size_t i;

	json_array_foreach (taxa, i, one) {
		if (strcmp(ztc_str(one, "id"), id) == 0)
			return i;
	}
	json_array_append_new(taxa, json_pack("{s:o}", "id", zt_json_str(id)));
	return i;
}

/* References of one check into the taxonomies, which grow by what they lack. */
static json_t *references(json_t *taxonomies, const json_t *check)
{
	json_t *refs = json_array();

	for (size_t f = 0; f < ARRAY_SIZE(frameworks); f++) {
		json_t *taxa = json_object_get(json_array_get(taxonomies, f), "taxa");
		zt_auto(zt_json_decref) json_t *ids = ztc_report_strings(
			json_object_get(json_object_get(check, "mapping"), frameworks[f].key));
		json_t *id;
		size_t i;

		json_array_foreach (ids, i, id) {
			size_t at = taxon(taxa, json_string_value(id));

			json_array_append_new(
				refs, json_pack("{s:O, s:I, s:{s:s, s:I}}", "id", id, "index",
						(json_int_t)at, "toolComponent", "name",
						frameworks[f].name, "index", (json_int_t)f));
		}
	}
	return refs;
}

static json_t *new_taxonomies(void)
{
	json_t *list = json_array();

	for (size_t f = 0; f < ARRAY_SIZE(frameworks); f++)
		json_array_append_new(list, json_pack("{s:s, s:s, s:s, s:b, s:[]}", "name",
						      frameworks[f].name, "version",
						      frameworks[f].version, "organization",
						      frameworks[f].organization, "isComprehensive",
						      false, "taxa"));
	return list;
}

/* --- rules --- */

static json_t *rule_of(json_t *taxonomies, const json_t *check)
{
	static const struct {
		const char *severity, *score;
	} scores[] = {{"critical", "9.5"}, {"high", "8.0"}, {"medium", "5.0"}};
	zt_auto(zt_json_decref) json_t *refs = references(taxonomies, check);
	json_t *links = json_array(), *rule, *properties, *ref;
	size_t i;

	json_array_foreach (refs, i, ref)
		json_array_append_new(
			links, json_pack("{s:O, s:[s]}", "target", ref, "kinds", "relevant"));
	properties = json_pack(
		"{s:O*, s:O*, s:O*, s:O*, s:[s,o]}", "item", json_object_get(check, "item"),
		"severity", json_object_get(check, "severity"), "gate",
		json_object_get(check, "gate"), "kind", json_object_get(check, "kind"), "tags",
		"zero-trust", zt_json_str(ztc_str(check, "item")));
	for (i = 0; i < ARRAY_SIZE(scores); i++) {
		if (strcmp(scores[i].severity, ztc_str(check, "severity")) == 0)
			json_object_set_new(properties, "security-severity",
					    json_string(scores[i].score));
	}
	rule = json_pack("{s:o, s:o, s:o, s:o, s:{s:s}, s:o, s:o}", "id",
			 zt_json_str(ztc_str(check, "id")), "shortDescription",
			 message(json_object_get(check, "title")), "fullDescription",
			 message(json_object_get(check, "expected")), "help",
			 message(json_object_get(check, "remediation")), "defaultConfiguration",
			 "level", "warning", "relationships", links, "properties", properties);
	return rule;
}

/* --- results --- */

static json_t *location(const char *host, const char *check, const char *resource)
{
	zt_auto(zt_freep) char *h = ztc_report_uri(host), *c = ztc_report_uri(check);
	zt_auto(zt_freep) char *r = ztc_report_uri(resource);
	zt_auto(zt_freep) char *full = NULL;

	if (!h || !c || !r || asprintf(&full, "ztctl://%s/%s%s%s", h, c, *r ? "/" : "", r) < 0)
		full = NULL;
	return json_pack("{s:[{s:o, s:o, s:s}]}", "logicalLocations", "name",
			 zt_json_str(*resource ? resource : host), "fullyQualifiedName",
			 zt_json_str(full), "kind", "resource");
}

static json_t *locations(const json_t *doc, const json_t *check)
{
	const char *host = ztc_report_host(doc), *id = ztc_str(check, "id");
	json_t *list = json_array(), *one;
	size_t i;

	json_array_foreach (json_object_get(check, "offenders"), i, one)
		json_array_append_new(list, location(host, id, ztc_str(one, "resource")));
	if (!json_array_size(list))
		json_array_append_new(list, location(host, id, ""));
	return list;
}

/* The same finding in the next run has the same one: neither times nor numbers are in it. */
static json_t *fingerprint(const json_t *doc, const json_t *check)
{
	const char *host = ztc_report_host(doc), *id = ztc_str(check, "id");
	char line[512], hex[ZT_DIGEST_TEXT_LEN];
	uint8_t digest[ZT_DIGEST_LEN] = {0};

	snprintf(line, sizeof(line), "%s/%s", id, host);
	(void)zt_digest_of(line, strlen(line), digest);
	return json_pack("{s:s}", "ztsegCheckHost/v1", zt_digest_text(digest, hex));
}

static json_t *suppressions(const json_t *doc, const json_t *check)
{
	const json_t *disposition = json_object_get(check, "disposition");
	const char *id = ztc_str(disposition, "waiver");
	const json_t *waiver = ztc_report_entry(doc, "waivers", id);
	const char *reason = ztc_text(json_object_get(waiver, "reason"));

	return json_pack("[{s:s, s:s, s:o, s:{s:o, s:o}}]", "kind", "external", "status",
			 "accepted", "justification", zt_json_str(*reason ? reason : id),
			 "properties", "waiver", zt_json_str(id), "expires_at",
			 zt_json_str(ztc_str(disposition, "expires_at")));
}

/* "reason; observed …": what a reader of alerts sees. */
static json_t *finding_text(const json_t *check)
{
	const char *reason = ztc_text(json_object_get(check, "reason"));
	const char *title = ztc_text(json_object_get(check, "title"));
	zt_auto(zt_freep) char *all = NULL;

	if (asprintf(&all, "%s: %s", title, reason) < 0)
		all = NULL;
	return text(all ? all : reason);
}

static json_t *result_of(const json_t *doc, const json_t *check, const json_t *refs, size_t rule)
{
	static const char *const kept[] = {
		"result",	   "observed",	  "expected",	"numerator",	"denominator",
		"method",	   "grade",	  "digest",	"collected_at", "valid_until",
		"offenders_total", "disposition", "attestation"};
	json_t *properties = json_object(), *result;
	bool alert = is_alert(check);

	for (size_t i = 0; i < ARRAY_SIZE(kept); i++) {
		json_t *value = json_object_get(check, kept[i]);

		if (value)
			json_object_set(properties, kept[i], value);
	}
	result = json_pack("{s:o, s:I, s:s, s:s, s:o, s:o, s:o, s:o, s:O}", "ruleId",
			   zt_json_str(ztc_str(check, "id")), "ruleIndex", (json_int_t)rule, "kind",
			   alert ? "fail" : kind_of(ztc_str(check, "result")), "level",
			   alert ? level_of(check) : "none", "message", finding_text(check),
			   "locations", locations(doc, check), "partialFingerprints",
			   fingerprint(doc, check), "properties", properties, "taxa", refs);
	if (ztc_report_waived(check))
		json_object_set_new(result, "suppressions", suppressions(doc, check));
	return result;
}

static json_t *run_of(const json_t *doc, bool all)
{
	json_t *taxonomies = new_taxonomies(), *rules = json_array(), *results = json_array();
	const json_t *tool = json_object_get(doc, "tool");
	const char *version = ztc_str(tool, "version");
	json_t *check;
	size_t i;

	json_array_foreach (json_object_get(doc, "checks"), i, check) {
		json_array_append_new(rules, rule_of(taxonomies, check));
		if (all || is_alert(check)) {
			zt_auto(zt_json_decref) json_t *refs = references(taxonomies, check);

			json_array_append_new(results, result_of(doc, check, refs, i));
		}
	}
	return json_pack("{s:{s:{s:s, s:o, s:o}}, s:[{s:b, s:o, s:o}], s:o, s:o, s:{s:o}, s:s, "
			 "s:{s:o, s:o, s:O*, s:O*}}",
			 "tool", "driver", "name", "ztctl", "version",
			 zt_json_str(*version ? version : ZT_VERSION), "rules", rules,
			 "invocations", "executionSuccessful", true, "startTimeUtc",
			 zt_json_str(ztc_str(doc, "started")), "endTimeUtc",
			 zt_json_str(ztc_str(doc, "ended")), "taxonomies", taxonomies, "results",
			 results, "automationDetails", "id", zt_json_str(ztc_report_host(doc)),
			 "columnKind", "utf16CodeUnits", "properties", "statement",
			 zt_json_str(ztc_text(json_object_get(doc, "statement"))), "host",
			 zt_json_str(ztc_report_host(doc)), "profile",
			 json_object_get(doc, "profile"), "levels", json_object_get(doc, "levels"));
}

int ztc_report_sarif(FILE *out, const json_t *doc, bool all)
{
	zt_auto(zt_json_decref) json_t *hosts = ztc_report_all(doc);
	zt_auto(zt_json_decref) json_t *log = NULL;
	json_t *runs = json_array(), *one;
	size_t i;

	json_array_foreach (hosts, i, one)
		json_array_append_new(runs, run_of(one, all));
	log = json_pack("{s:s, s:s, s:o}", "$schema", SCHEMA, "version", "2.1.0", "runs", runs);
	if (!log)
		return -ENOMEM;
	if (json_dumpf(log, out, JSON_INDENT(1)) < 0)
		return ferror(out) ? -EIO : -ENOMEM;
	fputc('\n', out);
	return ferror(out) ? -EIO : 0;
}
