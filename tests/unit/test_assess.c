/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_assess.c - items, levels, targets, applicability, expiry: the model of the assessment on
 * documents that are made up.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/cleanup.h"
#include "base/json.h"
#include "base/time.h"
#include "ctl/catalogue/catalogue.h"
#include "ctl/assess/diff.h"
#include "ctl/assess/exit.h"
#include "ctl/assess/levels.h"
#include "ctl/assess/scope.h"
#include "ctl/checks/check.h"
#include "ctl/i18n/say.h"

#define NOW_S  1795334400 /* 2026-11-22T08:00:00Z */
#define FUTURE "2027-01-01T00:00:00Z"
#define PAST   "2026-11-22T07:59:59Z"

static const char *str(const json_t *object, const char *key)
{
	const char *text = json_string_value(json_object_get(object, key));

	return text ? text : "";
}

/* Everything passes. @system: declaration, its reference is taken, or NULL. */
static json_t *make_doc(json_t *system, bool own_os)
{
	json_t *doc = json_object(), *checks = json_array();
	const json_t *row;
	size_t i;

	ztc_scope(doc, system, NULL, own_os);
	json_decref(system);
	json_array_foreach (ztc_catalogue(), i, row)
		json_array_append_new(checks,
				      json_pack("{s:O, s:O, s:O, s:O, s:s, s:o, s:s}", "id",
						json_object_get(row, "id"), "item",
						json_object_get(row, "item"), "severity",
						json_object_get(row, "severity"), "gate",
						json_object_get(row, "gate"), "result", "pass",
						"reason", ztc_say("r"), "valid_until", FUTURE));
	json_object_set_new(doc, "checks", checks);
	json_object_set_new(doc, "notes", json_array());
	return doc;
}

static json_t *find(const json_t *doc, const char *list, const char *id)
{
	json_t *row;
	size_t i;

	json_array_foreach (json_object_get(doc, list), i, row) {
		if (strcmp(str(row, "id"), id) == 0)
			return row;
	}
	fail_msg("no %s", id);
	return NULL;
}

static void set_result(json_t *doc, const char *id, const char *result)
{
	json_object_set_new(find(doc, "checks", id), "result", json_string(result));
}

static void waive(json_t *doc, const char *id, const char *until)
{
	json_object_set_new(find(doc, "checks", id), "disposition",
			    json_pack("{s:s, s:s, s:s, s:i}", "state", "waived", "waiver", "W-1",
				      "expires_at", until, "days_left", 9));
}

static int judge(json_t *doc, int target, bool accept_waivers)
{
	ztc_items_judge(doc, NOW_S);
	return ztc_levels_judge(doc, target, accept_waivers, NOW_S);
}

static const char *status_of(const json_t *doc, const char *item)
{
	return str(find(doc, "items", item), "status");
}

static void assert_level(const json_t *doc, const char *basis, const char *text)
{
	assert_string_equal(str(json_object_get(json_object_get(doc, "levels"), basis), "text"),
			    text);
}

static size_t blockers(const json_t *doc, const char *basis, const char *check)
{
	const json_t *row;
	size_t i, n = 0;

	json_array_foreach (json_object_get(doc, "blockers"), i, row)
		n += strcmp(str(row, "basis"), basis) == 0 &&
		     (!check || strcmp(str(row, "check"), check) == 0);
	return n;
}

/* --- level vectors of the reference --- */

static void one_partial_item_stops_the_climb(void **state)
{
	json_t *doc = make_doc(NULL, false);

	(void)state;
	set_result(doc, "ZTS-3.2-02", "partial");
	assert_int_equal(judge(doc, 1, false), ZTC_ASSESS_MET);
	assert_string_equal(status_of(doc, "3-2"), "partial");
	assert_level(doc, "measured", "I");
	assert_int_equal(json_array_size(json_object_get(doc, "also_met")), 4);
	assert_string_equal(json_string_value(json_array_get(json_object_get(doc, "also_met"), 0)),
			    "3-3");
	assert_int_equal(blockers(doc, "measured", NULL), 1);
	assert_int_equal(blockers(doc, "measured", "ZTS-3.2-02"), 1);
	assert_int_equal(judge(doc, 2, false), ZTC_ASSESS_NOT_MET);
	json_decref(doc);
}

static void an_unknown_gate_is_undetermined(void **state)
{
	json_t *doc = make_doc(NULL, false);

	(void)state;
	set_result(doc, "ZTS-3.1-01", "unknown");
	assert_int_equal(judge(doc, 1, false), ZTC_ASSESS_UNDETERMINED);
	assert_level(doc, "measured", "0");
	set_result(doc, "ZTS-3.1-01", "error");
	assert_int_equal(judge(doc, 1, false), ZTC_ASSESS_UNDETERMINED);
	/* Not met wins over undetermined. */
	set_result(doc, "ZTS-3.4-01", "fail");
	assert_int_equal(judge(doc, 1, false), ZTC_ASSESS_NOT_MET);
	/* And a gate that fails over one that is unknown, in one item. */
	set_result(doc, "ZTS-3.1-02", "fail");
	judge(doc, 1, false);
	assert_string_equal(status_of(doc, "3-1"), "not_met");
	json_decref(doc);
}

static void a_waiver_raises_its_own_basis_only(void **state)
{
	json_t *doc = make_doc(NULL, false);

	(void)state;
	set_result(doc, "ZTS-3.1-03", "fail");
	set_result(doc, "ZTS-3.2-02", "fail");
	waive(doc, "ZTS-3.1-03", FUTURE);
	assert_int_equal(judge(doc, 1, false), ZTC_ASSESS_NOT_MET);
	assert_level(doc, "measured", "0");
	assert_level(doc, "attested", "0");
	assert_level(doc, "waived", "I");
	assert_int_equal(judge(doc, 1, true), ZTC_ASSESS_MET);
	assert_string_equal(str(json_object_get(doc, "target"), "basis"), "waived");
	assert_int_equal(blockers(doc, "waived", "ZTS-3.2-02"), 1);
	assert_int_equal(blockers(doc, "waived", "ZTS-3.1-03"), 0);
	waive(doc, "ZTS-3.1-03", PAST);
	assert_int_equal(judge(doc, 1, true), ZTC_ASSESS_NOT_MET);
	/* What is unknown was never accepted as a risk. */
	waive(doc, "ZTS-3.1-03", FUTURE);
	set_result(doc, "ZTS-3.1-03", "unknown");
	assert_int_equal(judge(doc, 1, true), ZTC_ASSESS_UNDETERMINED);
	json_decref(doc);
}

static void a_grave_failure_makes_an_item_partial(void **state)
{
	json_t *doc = make_doc(NULL, false);

	(void)state;
	set_result(doc, "ZTS-3.1-04", "fail"); /* high, no gate */
	judge(doc, 1, false);
	assert_string_equal(status_of(doc, "3-1"), "partial");
	set_result(doc, "ZTS-3.1-04", "partial");
	judge(doc, 1, false);
	assert_string_equal(status_of(doc, "3-1"), "met");
	set_result(doc, "ZTS-3.1-04", "unknown");
	judge(doc, 1, false);
	assert_string_equal(status_of(doc, "3-1"), "met");
	set_result(doc, "ZTS-3.4-04", "fail"); /* medium */
	judge(doc, 1, false);
	assert_string_equal(status_of(doc, "3-4"), "met");
	assert_int_equal(json_integer_value(json_object_get(
				 json_object_get(find(doc, "items", "3-4"), "counts"), "fail")),
			 1);
	json_decref(doc);
}

/* Every combination of the states of one item's gates and one grave check, by the rule as written.
 */
static void every_combination(void **state)
{
	static const char *const gates[] = {"ZTS-3.4-01", "ZTS-3.4-02"};
	json_t *doc = make_doc(NULL, false);

	(void)state;
	for (int n = 0; n < ZTC_STATE_COUNT * ZTC_STATE_COUNT * ZTC_STATE_COUNT; n++) {
		enum ztc_state a = n % ZTC_STATE_COUNT, b = n / ZTC_STATE_COUNT % ZTC_STATE_COUNT;
		enum ztc_state c = n / ZTC_STATE_COUNT / ZTC_STATE_COUNT;
		bool good_a = a == ZTC_STATE_PASS || a == ZTC_STATE_NA;
		bool good_b = b == ZTC_STATE_PASS || b == ZTC_STATE_NA;
		const char *want = "partial";

		set_result(doc, gates[0], ztc_state_name(a));
		set_result(doc, gates[1], ztc_state_name(b));
		set_result(doc, "ZTS-3.4-03", ztc_state_name(c));
		judge(doc, 1, false);
		if (a == ZTC_STATE_FAIL || b == ZTC_STATE_FAIL)
			want = "not_met";
		else if (a == ZTC_STATE_UNKNOWN || a == ZTC_STATE_ERROR || b == ZTC_STATE_UNKNOWN ||
			 b == ZTC_STATE_ERROR)
			want = "unknown";
		else if (good_a && good_b && c != ZTC_STATE_FAIL)
			want = "met";
		assert_string_equal(status_of(doc, "3-4"), want);
	}
	json_decref(doc);
}

/* --- applicability --- */

static void a_platform_has_less_to_show(void **state)
{
	json_t *doc = make_doc(json_pack("{s:s, s:[s], s:s}", "id", "S1", "fields", "cloud_access",
					 "service_model", "PaaS"),
			       false);

	(void)state;
	set_result(doc, "ZTS-3.3-01", "fail");
	set_result(doc, "ZTS-3.1-01", "fail");
	assert_int_equal(judge(doc, 1, false), ZTC_ASSESS_MET);
	assert_level(doc, "measured", "I (3-4 only)");
	assert_string_equal(status_of(doc, "3-1"), "na");
	assert_string_equal(str(find(doc, "items", "3-1"), "informational"), "not_met");
	assert_string_equal(status_of(doc, "3-2"), "na");
	assert_non_null(
		strstr(ztc_text(json_object_get(find(doc, "items", "3-7"), "note")), "not stated"));
	set_result(doc, "ZTS-3.3-01", "pass");
	judge(doc, 1, false);
	assert_level(doc, "measured", "IV (3-4, 3-3, 3-5, 3-6, 3-7 only)");
	json_decref(doc);
}

static void an_item_applies_in_any_field(void **state)
{
	json_t *doc = make_doc(json_pack("{s:s, s:[s, s], s:s}", "id", "S1", "fields",
					 "cloud_access", "system_ops", "service_model", "saas"),
			       false);

	(void)state;
	judge(doc, 4, false);
	assert_string_equal(status_of(doc, "3-1"), "met");
	assert_level(doc, "measured", "IV");
	json_decref(doc);
	doc = make_doc(json_pack("{s:s, s:[s], s:s}", "id", "S1", "fields", "cloud_access",
				 "service_model", "IaaS"),
		       true);
	judge(doc, 4, false);
	assert_string_equal(status_of(doc, "3-1"), "met");
	assert_int_equal(
		json_array_size(json_object_get(json_object_get(doc, "scope"), "contradictions")),
		0);
	json_decref(doc);
}

/* A level of which nothing applies is passed over, and never claimed. */
static void nothing_is_claimed_for_nothing(void **state)
{
	json_t *doc = make_doc(NULL, false);
	const json_t *level;

	(void)state;
	json_object_set_new(find(doc, "items", "3-1"), "applicable", json_false());
	json_object_set_new(find(doc, "items", "3-4"), "applicable", json_false());
	set_result(doc, "ZTS-3.2-01", "fail");
	assert_int_equal(judge(doc, 1, false), ZTC_ASSESS_UNDETERMINED);
	level = json_object_get(json_object_get(doc, "levels"), "measured");
	assert_string_equal(str(level, "text"), "0");
	assert_true(json_is_true(json_object_get(level, "vacuous")));
	set_result(doc, "ZTS-3.2-01", "pass");
	set_result(doc, "ZTS-3.5-01", "fail");
	judge(doc, 1, false);
	assert_level(doc, "measured", "II (3-2, 3-3 only)");
	json_decref(doc);
}

static const char *contradictions_of(json_t *system, const char *facts_text, bool own_os)
{
	static char all[2048];
	json_t *doc = json_object(), *facts = json_loads(facts_text, 0, NULL);
	const json_t *message;
	size_t i;

	ztc_scope(doc, system, facts, own_os);
	*all = '\0';
	json_array_foreach (json_object_get(json_object_get(doc, "scope"), "contradictions"), i,
			    message) {
		assert_true(*ztc_text_in(ZTC_LANG_ZH_TW, message));
		snprintf(all + strlen(all), sizeof(all) - strlen(all), "%s\n",
			 ztc_text_in(ZTC_LANG_EN, message));
	}
	json_decref(doc);
	json_decref(facts);
	json_decref(system);
	return all;
}

static json_t *declare(const char *fields, const char *model)
{
	json_t *system = json_pack("{s:s, s:o}", "id", "S1", "fields", json_loads(fields, 0, NULL));

	if (model)
		json_object_set_new(system, "service_model", json_string(model));
	return system;
}

static void a_declaration_is_held_against_the_host(void **state)
{
	static const char vendor[] =
		"{\"edges\": {\"status\": \"ok\", \"data\": {\"inbound_labels\": [\"role=vendor\", "
		"\"zone=vpn\", \"org=b\"], \"own_labels\": [\"org=a\"]}}, \"host\": {\"status\": "
		"\"ok\", \"data\": {\"name\": \"h\", \"dmi\": {\"vendor\": \"Amazon EC2\"}}}}";
	const char *all;

	(void)state;
	all = contradictions_of(declare("[\"cloud_access\"]", "SaaS"), "{}", true);
	assert_non_null(strstr(all, "declared as SaaS, but ztctl runs as root"));
	all = contradictions_of(declare("[\"cloud_access\"]", "SaaS"), "{}", false);
	assert_string_equal(all, "");
	all = contradictions_of(declare("[\"app_admin\"]", NULL), vendor, true);
	assert_non_null(strstr(all, "role=vendor"));
	assert_non_null(strstr(all, "zone=vpn"));
	assert_non_null(strstr(all, "org=b"));
	assert_non_null(strstr(all, "Amazon EC2"));
	all = contradictions_of(declare("[\"service_provider\", \"remote_work\", \"cross_org\", "
					"\"cloud_access\"]",
					"IaaS"),
				vendor, true);
	assert_string_equal(all, "");
	all = contradictions_of(declare("[\"app_admin\"]", "IaaS"), "{}", true);
	assert_non_null(strstr(all, "cloud_access is not"));
}

/* --- attestations --- */

static void attest_check(json_t *doc, const char *id, const char *result, const char *until)
{
	json_object_set_new(
		find(doc, "checks", id), "attestation",
		json_pack("{s:s, s:s, s:s}", "id", "A-1", "result", result, "valid_until", until));
}

static void an_attestation_never_satisfies_a_gate(void **state)
{
	json_t *doc = make_doc(NULL, false);

	(void)state;
	set_result(doc, "ZTS-3.1-03", "unknown");
	attest_check(doc, "ZTS-3.1-03", "pass", FUTURE);
	judge(doc, 1, false);
	assert_level(doc, "attested", "0");
	assert_string_equal(str(find(doc, "items", "3-1"), "status_attested"), "unknown");
	set_result(doc, "ZTS-3.1-03", "pass");
	/* Somebody who looked and saw it fail is believed. */
	set_result(doc, "ZTS-3.1-04", "unknown");
	attest_check(doc, "ZTS-3.1-04", "fail", FUTURE);
	judge(doc, 1, false);
	assert_string_equal(status_of(doc, "3-1"), "met");
	assert_string_equal(str(find(doc, "items", "3-1"), "status_attested"), "partial");
	attest_check(doc, "ZTS-3.1-04", "fail", PAST);
	judge(doc, 1, false);
	assert_string_equal(str(find(doc, "items", "3-1"), "status_attested"), "met");
	json_decref(doc);
}

static void an_item_can_be_attested_as_a_whole(void **state)
{
	json_t *doc = make_doc(NULL, false);

	(void)state;
	set_result(doc, "ZTS-3.7-01", "unknown");
	json_object_set_new(find(doc, "items", "3-7"), "attestation",
			    json_pack("{s:s, s:s}", "result", "pass", "valid_until", FUTURE));
	assert_int_equal(judge(doc, 4, false), ZTC_ASSESS_UNDETERMINED);
	assert_level(doc, "measured", "III");
	assert_level(doc, "attested", "IV");
	assert_level(doc, "waived", "IV");
	/* Not over a gate that fails. */
	set_result(doc, "ZTS-3.7-02", "fail");
	judge(doc, 4, false);
	assert_level(doc, "attested", "III");
	json_decref(doc);
}

/* --- expiry --- */

static void what_has_expired_is_unknown(void **state)
{
	json_t *doc = make_doc(NULL, false), *check = find(doc, "checks", "ZTS-3.1-02");

	(void)state;
	json_object_set_new(check, "valid_until", json_string("2026-11-22T08:00:00Z"));
	assert_int_equal(ztc_expire(doc, NOW_S), 0);
	json_object_set_new(check, "valid_until", json_string(PAST));
	assert_int_equal(ztc_expire(doc, NOW_S), 1);
	assert_string_equal(str(check, "result"), "unknown");
	assert_string_equal(str(check, "expired_result"), "pass");
	assert_int_equal(judge(doc, 1, false), ZTC_ASSESS_UNDETERMINED);
	assert_int_equal(ztc_expire(doc, NOW_S), 0);
	json_decref(doc);
}

/* --- what is left --- */

static void levels_have_names(void **state)
{
	int level;

	(void)state;
	assert_int_equal(ztc_level_find("iii", &level), 0);
	assert_int_equal(level, 3);
	assert_int_equal(ztc_level_find("4", &level), 0);
	assert_int_equal(level, 4);
	assert_int_not_equal(ztc_level_find("0", &level), 0);
	assert_int_not_equal(ztc_level_find("V", &level), 0);
	assert_int_not_equal(ztc_level_find("", &level), 0);
}

static void the_catalogue_is_whole(void **state)
{
	const json_t *row;
	size_t i, gates = 0;

	(void)state;
	assert_int_equal(json_array_size(ztc_catalogue()), ZTC_CHECK_COUNT);
	json_array_foreach (ztc_catalogue(), i, row) {
		gates += json_is_true(json_object_get(row, "gate"));
		assert_non_null(ztc_items_find(str(row, "item")));
		assert_ptr_equal(ztc_catalogue_find(str(row, "id") + 4), row);
	}
	assert_int_equal(gates, 26);
	assert_int_equal(json_array_size(ztc_items()), 7);
	assert_null(ztc_catalogue_find("ZTS-9.9-99"));
	assert_non_null(ztc_items_find("3.1"));
}

static void a_difference_has_a_direction(void **state)
{
	json_t *a = make_doc(NULL, false), *b = make_doc(NULL, false), *diff;

	(void)state;
	set_result(a, "ZTS-3.1-02", "partial");
	set_result(b, "ZTS-3.4-01", "unknown");
	judge(a, 1, false);
	judge(b, 1, false);
	diff = ztc_assess_diff(a, b);
	/* One check and one item each way. */
	assert_int_equal(json_integer_value(json_object_get(diff, "better")), 2);
	assert_int_equal(json_integer_value(json_object_get(diff, "worse")), 2);
	json_decref(diff);
	diff = ztc_assess_diff(a, a);
	assert_int_equal(json_array_size(json_object_get(diff, "checks")), 0);
	json_decref(diff);
	json_decref(a);
	json_decref(b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(one_partial_item_stops_the_climb),
		cmocka_unit_test(an_unknown_gate_is_undetermined),
		cmocka_unit_test(a_waiver_raises_its_own_basis_only),
		cmocka_unit_test(a_grave_failure_makes_an_item_partial),
		cmocka_unit_test(every_combination),
		cmocka_unit_test(a_platform_has_less_to_show),
		cmocka_unit_test(an_item_applies_in_any_field),
		cmocka_unit_test(nothing_is_claimed_for_nothing),
		cmocka_unit_test(a_declaration_is_held_against_the_host),
		cmocka_unit_test(an_attestation_never_satisfies_a_gate),
		cmocka_unit_test(an_item_can_be_attested_as_a_whole),
		cmocka_unit_test(what_has_expired_is_unknown),
		cmocka_unit_test(levels_have_names),
		cmocka_unit_test(the_catalogue_is_whole),
		cmocka_unit_test(a_difference_has_a_direction),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
