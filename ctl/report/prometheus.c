/* SPDX-License-Identifier: Apache-2.0 */
/*
 * prometheus.c - an assessment in Prometheus' text format 0.0.4, for node_exporter's textfile
 * collector. All samples of a metric stand together, as the format asks, so metrics are the outer
 * loop and hosts the inner one.
 */
#include <errno.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/json.h"
#include "ctl/assess/doc.h"
#include "ctl/render/text.h"
#include "ctl/report/report.h"

static const char *const result_names[] = {"pass",	    "partial", "fail",
					   "notapplicable", "unknown", "error"};
static const char *const bases[] = {"measured", "attested", "waived"};

/* A label's value: backslash, quote and line feed are escaped by the format, the rest by us. */
static void label(FILE *out, const char *sep, const char *name, const char *value)
{
	zt_auto(zt_freep) char *safe = ztc_escaped(value);

	fprintf(out, "%s%s=\"", sep, name);
	for (const char *p = safe ? safe : ""; *p; p++) {
		if (*p == '\\' || *p == '"')
			fputc('\\', out);
		fputc(*p, out);
	}
	fputc('"', out);
}

static void begin(FILE *out, const char *metric, const json_t *doc)
{
	fputs(metric, out);
	label(out, "{", "host", ztc_report_host(doc));
}

static void end(FILE *out, long long value)
{
	fprintf(out, "} %lld\n", value);
}

static void put_info(FILE *out, const char *metric, const json_t *doc)
{
	const json_t *profile = json_object_get(doc, "profile");

	begin(out, metric, doc);
	label(out, ",", "profile", ztc_str(profile, "name"));
	label(out, ",", "profile_version", ztc_str(profile, "version"));
	label(out, ",", "profile_digest", ztc_str(profile, "digest"));
	label(out, ",", "version", ztc_str(json_object_get(doc, "tool"), "version"));
	end(out, 1);
}

static void put_level(FILE *out, const char *metric, const json_t *doc)
{
	const json_t *levels = json_object_get(doc, "levels");

	for (size_t i = 0; i < ARRAY_SIZE(bases); i++) {
		const json_t *one = json_object_get(levels, bases[i]);

		if (!one)
			continue;
		begin(out, metric, doc);
		label(out, ",", "basis", bases[i]);
		end(out, ztc_int(one, "level"));
	}
}

static void put_target(FILE *out, const char *metric, const json_t *doc)
{
	const json_t *target = json_object_get(doc, "target");

	if (!target)
		return;
	begin(out, metric, doc);
	label(out, ",", "basis", ztc_str(target, "basis"));
	label(out, ",", "status", ztc_str(target, "status"));
	end(out, ztc_int(target, "level"));
}

static void put_items(FILE *out, const char *metric, const json_t *doc)
{
	json_t *item;
	char level[8];
	size_t i;

	json_array_foreach (json_object_get(doc, "items"), i, item) {
		snprintf(level, sizeof(level), "%lld", (long long)ztc_int(item, "level"));
		begin(out, metric, doc);
		label(out, ",", "item", ztc_str(item, "id"));
		label(out, ",", "level", level);
		label(out, ",", "status", ztc_str(item, "status"));
		end(out, strcmp(ztc_str(item, "status"), "met") == 0);
	}
}

static void put_counts(FILE *out, const char *metric, const json_t *doc)
{
	json_t *check;
	size_t i;

	for (size_t r = 0; r < ARRAY_SIZE(result_names); r++) {
		long long count = 0;

		json_array_foreach (json_object_get(doc, "checks"), i, check)
			count += strcmp(ztc_str(check, "result"), result_names[r]) == 0;
		begin(out, metric, doc);
		label(out, ",", "result", result_names[r]);
		end(out, count);
	}
}

static void check_labels(FILE *out, const char *metric, const json_t *doc, const json_t *check)
{
	begin(out, metric, doc);
	label(out, ",", "check", ztc_str(check, "id"));
	label(out, ",", "item", ztc_str(check, "item"));
}

static void put_checks(FILE *out, const char *metric, const json_t *doc)
{
	json_t *check;
	size_t i;

	json_array_foreach (json_object_get(doc, "checks"), i, check) {
		check_labels(out, metric, doc, check);
		label(out, ",", "severity", ztc_str(check, "severity"));
		label(out, ",", "gate",
		      json_is_true(json_object_get(check, "gate")) ? "yes" : "no");
		label(out, ",", "result", ztc_str(check, "result"));
		label(out, ",", "disposition",
		      ztc_str(json_object_get(check, "disposition"), "state"));
		end(out, strcmp(ztc_str(check, "result"), "pass") == 0);
	}
}

static void put_numbers(FILE *out, const char *metric, const json_t *doc, const char *key)
{
	json_t *check;
	size_t i;

	json_array_foreach (json_object_get(doc, "checks"), i, check) {
		if (!json_is_integer(json_object_get(check, key)))
			continue;
		check_labels(out, metric, doc, check);
		end(out, ztc_int(check, key));
	}
}

static void put_above(FILE *out, const char *metric, const json_t *doc)
{
	put_numbers(out, metric, doc, "numerator");
}

static void put_below(FILE *out, const char *metric, const json_t *doc)
{
	put_numbers(out, metric, doc, "denominator");
}

static void put_waivers(FILE *out, const char *metric, const json_t *doc)
{
	json_t *check;
	size_t i;

	json_array_foreach (json_object_get(doc, "checks"), i, check) {
		const json_t *disposition = json_object_get(check, "disposition");
		int64_t at = ztc_time_parse(ztc_str(disposition, "expires_at"));

		if (!json_is_object(disposition) || at < 0)
			continue;
		check_labels(out, metric, doc, check);
		label(out, ",", "waiver", ztc_str(disposition, "waiver"));
		label(out, ",", "state", ztc_str(disposition, "state"));
		end(out, at);
	}
}

static void put_time(FILE *out, const char *metric, const json_t *doc, const char *key)
{
	int64_t at = ztc_time_parse(ztc_str(doc, key));

	if (at < 0)
		return;
	begin(out, metric, doc);
	end(out, at);
}

static void put_started(FILE *out, const char *metric, const json_t *doc)
{
	put_time(out, metric, doc, "started");
}

static void put_valid(FILE *out, const char *metric, const json_t *doc)
{
	put_time(out, metric, doc, "valid_until");
}

static const struct {
	const char *name, *help;
	void (*put)(FILE *out, const char *metric, const json_t *doc);
} metrics[] = {
	{"ztseg_assess_info", "Profile and version that the assessment was made with.", put_info},
	{"ztseg_assess_level",
	 "Level reached, 0 to 4; basis says what was counted. Not a statement of compliance.",
	 put_level},
	{"ztseg_assess_target_level", "Level that was asked for, and whether it was met.",
	 put_target},
	{"ztseg_assess_item_met", "1 where the item is met; status tells it from the others.",
	 put_items},
	{"ztseg_assess_checks", "Number of checks by result.", put_counts},
	{"ztseg_assess_check_pass", "1 where the check passes; result tells fail from unknown.",
	 put_checks},
	{"ztseg_assess_check_numerator", "What was measured, above the line.", put_above},
	{"ztseg_assess_check_denominator", "What was measured, below the line.", put_below},
	{"ztseg_assess_waiver_expiry_timestamp_seconds", "When a waiver ends.", put_waivers},
	{"ztseg_assess_started_timestamp_seconds", "When the assessment began.", put_started},
	{"ztseg_assess_valid_until_timestamp_seconds", "When its results run out.", put_valid},
};

/* Hosts of a set, those that gave no result too: none is dropped. */
static void put_reached(FILE *out, const json_t *set)
{
	json_t *host;
	size_t i;

	if (!json_is_array(json_object_get(set, "hosts")))
		return;
	fputs("# HELP ztseg_assess_host_assessed 1 where the host gave a result; 0 is unknown, "
	      "not well.\n# TYPE ztseg_assess_host_assessed gauge\n",
	      out);
	json_array_foreach (json_object_get(set, "hosts"), i, host) {
		fputs("ztseg_assess_host_assessed", out);
		label(out, "{", "host", ztc_str(host, "name"));
		label(out, ",", "status", ztc_str(host, "status"));
		end(out, json_is_object(json_object_get(host, "assessment")));
	}
}

int ztc_report_prometheus(FILE *out, const json_t *doc)
{
	zt_auto(zt_json_decref) json_t *all = ztc_report_all(doc);
	json_t *one;
	size_t i;

	for (size_t m = 0; m < ARRAY_SIZE(metrics); m++) {
		fprintf(out, "# HELP %s %s\n# TYPE %s gauge\n", metrics[m].name, metrics[m].help,
			metrics[m].name);
		json_array_foreach (all, i, one)
			metrics[m].put(out, metrics[m].name, one);
	}
	put_reached(out, doc);
	return ferror(out) ? -EIO : 0;
}
