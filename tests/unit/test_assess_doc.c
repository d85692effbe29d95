/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_assess_doc.c - documents and facts from strangers: every member replaced by a value of every
 * other kind is refused, or harms no output.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/cleanup.h"
#include "base/json.h"
#include "ctl/assess/assess.h"
#include "ctl/catalogue/catalogue.h"
#include "ctl/assess/doc.h"
#include "ctl/assess/evidence.h"
#include "ctl/assess/levels.h"
#include "ctl/report/text_parts.h"

#define NOW_S	1795334400
#define CHECKS	2 /* kept of the 53: they have one shape */
#define HOSTILE "\033[31m=cmd()\u202e<script>\"'&]]>\n\t\\"

static struct ztc_profile profile;

static json_t *make_doc(void)
{
	zt_auto(zt_json_decref) json_t *evidence = ztc_evidence_new(
		json_loads(
			"{\"host\": {\"status\": \"ok\", \"method\": \"m\", \"data\": {\"name\": "
			"\"app01\", \"dmi\": {}}}}",
			0, NULL),
		false, 0, NOW_S);
	const struct ztc_assess_in in = {
		.profile = &profile,
		.evidence = evidence,
		.target = 1,
		.now_s = NOW_S,
		.started_s = NOW_S,
	};
	json_t *doc = ztc_assess(&in), *check;

	while (json_array_size(json_object_get(doc, "checks")) > CHECKS)
		json_array_remove(json_object_get(doc, "checks"), CHECKS);
	check = json_array_get(json_object_get(doc, "checks"), 0);
	json_object_set_new(
		check, "offenders",
		json_pack("[{s:s, s:{s:s}}]", "resource", "tcp/[::]:22", "text", "en", "open"));
	json_object_set_new(check, "disposition",
			    json_pack("{s:s, s:s, s:s, s:i}", "state", "waived", "waiver", "W-1",
				      "expires_at", "2027-01-01T00:00:00Z", "days_left", 9));
	json_object_set_new(check, "attestation",
			    json_pack("{s:s, s:s, s:s, s:s}", "id", "A-1", "result", "pass",
				      "valid_until", "2027-01-01T00:00:00Z", "assessor", "x"));
	return doc;
}

/* --- every output --- */

static int put_text(FILE *out, const json_t *doc)
{
	const struct ztc_style style = {.width = 80, .now_s = NOW_S};

	ztc_text_explain(out, ztc_catalogue_find("3.1-01"), doc, profile.json, &style);
	ztc_report_text(out, doc, &style, false);
	return ztc_report_text(out, doc, &style, true);
}

static int put_html(FILE *out, const json_t *doc)
{
	return ztc_report_html(out, doc, NULL);
}

static int put_sarif(FILE *out, const json_t *doc)
{
	return ztc_report_sarif(out, doc, true);
}

static const struct {
	const char *name;
	int (*put)(FILE *out, const json_t *doc);
} outputs[] = {
	{"text", put_text},
	{"html", put_html},
	{"oscal", ztc_report_oscal},
	{"sarif", put_sarif},
	{"junit", ztc_report_junit},
	{"csv", ztc_report_csv},
	{"prometheus", ztc_report_prometheus},
};

static void render_all(const json_t *doc)
{
	for (size_t i = 0; i < ARRAY_SIZE(outputs); i++) {
		zt_auto(zt_freep) char *text = NULL;
		const char *escape;
		size_t len;
		FILE *out = open_memstream(&text, &len);

		outputs[i].put(out, doc);
		fclose(out);
		assert_true(len > 0);
		escape = memchr(text, '\033', len);
		if (escape)
			fail_msg("%s: an escape sequence behind '%.40s'", outputs[i].name,
				 escape - (escape - text > 40 ? 40 : escape - text));
	}
}

static size_t tried, passed;

static void try(json_t *root)
{
	zt_auto(zt_freep) char *why = NULL;
	json_t *copy;

	tried++;
	if (ztc_doc_check(root, &why) < 0) {
		assert_non_null(why);
		return;
	}
	passed++;
	copy = json_deep_copy(root);
	ztc_assess_again(copy, 1, true, NOW_S + 1);
	render_all(copy);
	json_decref(copy);
}

/* Puts every kind of value into one place, and what was there back. */
static void try_values(json_t *root, json_t *parent, const char *key, size_t index)
{
	json_t *values[] = {
		json_null(),
		json_true(),
		json_integer(-1),
		json_integer(1),
		json_real(0.5),
		json_string(""),
		json_string(HOSTILE),
		json_array(),
		json_pack("[i]", 1),
		json_object(),
		json_pack("{s:s}", "en", HOSTILE),
	};
	json_t *was =
		json_incref(key ? json_object_get(parent, key) : json_array_get(parent, index));

	for (size_t i = 0; i < ARRAY_SIZE(values); i++) {
		if (key)
			json_object_set_new(parent, key, values[i]);
		else
			json_array_set_new(parent, index, values[i]);
		try(root);
	}
	if (key)
		json_object_set_new(parent, key, was);
	else
		json_array_set_new(parent, index, was);
}

static void walk(json_t *root, json_t *at)
{
	const char *key;
	void *next;
	json_t *value;
	size_t i;

	json_object_foreach_safe(at, next, key, value)
	{
		zt_auto(zt_freep) char *name = strdup(key);

		try_values(root, at, name, 0);
		walk(root, json_object_get(at, name));
	}
	json_array_foreach (at, i, value) {
		try_values(root, at, NULL, i);
		walk(root, json_array_get(at, i));
		if (i >= 1)
			break;
	}
}

static void every_member_in_turn(void **state)
{
	json_t *doc = make_doc();

	(void)state;
	try(doc);
	assert_int_equal(passed, 1);
	walk(doc, doc);
	print_message("%zu documents, %zu of the right shape\n", tried, passed);
	assert_true(tried > 1000 && passed > 100);
	json_decref(doc);
}

static void every_member_missing(void **state)
{
	static const char *const optional[] = {"signature"};
	json_t *doc = make_doc(), *value;
	const char *key;

	(void)state;
	json_object_foreach (doc, key, value) {
		json_t *copy = json_copy(doc);
		zt_auto(zt_freep) char *why = NULL;

		json_object_del(copy, key);
		if (strcmp(key, optional[0]) != 0) {
			assert_int_not_equal(ztc_doc_check(copy, &why), 0);
			assert_non_null(strstr(why, key));
			assert_non_null(strstr(why, "is missing"));
		}
		json_decref(copy);
	}
	json_decref(doc);
}

/* Facts as a stranger may write them: each collector's data replaced by what nobody would send. */
static void facts_of_any_shape(void **state)
{
	static const char *const names[] = {
		"host",	    "listeners", "prefixes",  "filter",	   "boot",	 "bypass",
		"headroom", "agent",	 "policy",    "nfs",	   "tunnels",	 "clock",
		"logs",	    "records",	 "waivers",   "changes",   "banners",	 "uplinks",
		"edges",    "keys",	 "review",    "bundle",	   "simulation", "observed",
		"flows",    "log_loss",	 "log_store", "decisions",
	};
	static const char *const datas[] = {
		"{}",
		"{\"sockets\": 1, \"rules\": [1], \"paths\": [[]], \"drills\": {\"a\": 1}}",
		"{\"sockets\": [null, {}], \"paths\": [{}], \"drills\": [{}, 1], \"synchronised\": 7, "
		"\"targets\": [{}], \"listeners\": [{}], \"statements\": [{}, 3], \"running\": \"x\"}",
	};

	(void)state;
	for (size_t d = 0; d < ARRAY_SIZE(datas); d++) {
		json_t *facts = json_object(), *evidence, *doc, *check;
		struct ztc_assess_in in = {
			.profile = &profile, .target = 4, .now_s = NOW_S, .started_s = NOW_S};
		size_t i;

		for (size_t n = 0; n < ARRAY_SIZE(names); n++)
			json_object_set_new(facts, names[n],
					    json_pack("{s:s, s:s, s:o}", "status", "ok", "method",
						      "m", "data", json_loads(datas[d], 0, NULL)));
		evidence = ztc_evidence_new(facts, false, 0, NOW_S);
		in.evidence = evidence;
		doc = ztc_assess(&in);
		json_array_foreach (json_object_get(doc, "checks"), i, check) {
			const char *result = json_string_value(json_object_get(check, "result"));

			if (json_is_true(json_object_get(check, "gate")) &&
			    strcmp(result, "pass") == 0)
				fail_msg("%s passes on nonsense",
					 json_string_value(json_object_get(check, "id")));
		}
		json_decref(doc);
		json_decref(evidence);
	}
}

static int load_profile(void **state)
{
	char *why = NULL;

	(void)state;
	return ztc_profile_load(&profile, NULL, &why);
}

static int drop_profile(void **state)
{
	(void)state;
	ztc_profile_free(&profile);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_member_in_turn),
		cmocka_unit_test(every_member_missing),
		cmocka_unit_test(facts_of_any_shape),
	};

	return cmocka_run_group_tests(tests, load_profile, drop_profile);
}
