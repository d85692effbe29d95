/* SPDX-License-Identifier: Apache-2.0 */
/* test_waivers.c - waivers and attestations beside results: when they count, and for what. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/file.h"
#include "base/json.h"
#include "ctl/catalogue/catalogue.h"
#include "ctl/evidence/record.h"
#include "ctl/evidence/waiver.h"

#define NOW_S 1795334400 /* 2026-11-22T08:00:00Z */
#define DAY_S 86400

static char dir[] = "/tmp/zt-waivers.XXXXXX";
static struct zt_minisign_secret approver, assessor;

static const char *str(const json_t *object, const char *key)
{
	const char *text = json_string_value(json_object_get(object, key));

	return text ? text : "";
}

static void put(const char *name, const void *bytes, size_t len)
{
	char path[512];

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	assert_int_equal(zt_file_replace(path, bytes, len, 0644), 0);
}

static void put_key(const char *name, const struct zt_minisign_secret *key)
{
	zt_auto(zt_strbuf_free) struct zt_strbuf pub = ZT_STRBUF_INIT;

	zt_minisign_write_pub(&pub, &key->pub);
	put(name, pub.data, pub.len);
}

static int begin(void **state)
{
	char command[600];

	(void)state;
	assert_non_null(mkdtemp(dir));
	snprintf(command, sizeof(command), "cd '%s' && mkdir -p trust/approver trust/assessor w a",
		 dir);
	assert_int_equal(system(command), 0);
	assert_int_equal(zt_minisign_generate(&approver), 0);
	assert_int_equal(zt_minisign_generate(&assessor), 0);
	put_key("trust/approver/chen.pub", &approver);
	put_key("trust/assessor/lin.pub", &assessor);
	return 0;
}

static int end(void **state)
{
	char command[600];

	(void)state;
	snprintf(command, sizeof(command), "rm -rf '%s'", dir);
	return system(command);
}

static int clear(void **state)
{
	char command[600];

	(void)state;
	snprintf(command, sizeof(command), "rm -f '%s'/w/* '%s'/a/*", dir, dir);
	return system(command);
}

/* --- made up --- */

static void write_sealed(const char *where, json_t *doc, const struct zt_minisign_secret *key)
{
	zt_auto(zt_freep) char *text = NULL;
	char name[128];

	assert_int_equal(ztc_seal(doc, key, "a test"), 0);
	text = json_dumps(doc, JSON_INDENT(1));
	snprintf(name, sizeof(name), "%s/%s.json", where, str(doc, "id"));
	put(name, text, strlen(text));
	json_decref(doc);
}

/* Granted @granted days ago, ends in @left days. */
static void waive(const char *id, const char *check, const char *resource, int granted, int left)
{
	json_t *doc = json_pack(
		"{s:s, s:s, s:s, s:{s:[s], s:s}, s:s, s:s, s:[s], s:s, s:s, s:s, s:o, s:o, s:i, "
		"s:i}",
		"format", ZTC_WAIVER_FORMAT, "id", id, "check_id", check, "scope", "hosts", "app01",
		"resource", resource, "raw_result_at_grant", "fail", "reason",
		"the jump host moves soon", "compensating", "ZTS-3.1-05", "owner", "wang",
		"approver", "chen", "ticket", "R-1", "granted_at",
		ztc_record_time(NOW_S - granted * (int64_t)DAY_S), "expires_at",
		ztc_record_time(NOW_S + left * (int64_t)DAY_S), "renewals", 0, "max_renewals", 2);

	write_sealed("w", doc, &approver);
}

static void attest(const char *id, const char *key, const char *about, const char *result, int left)
{
	json_t *doc = json_pack("{s:s, s:s, s:s, s:{s:[s]}, s:s, s:s, s:s, s:[], s:o, s:o, s:s}",
				"format", ZTC_ATTESTATION_FORMAT, "id", id, key, about, "scope",
				"hosts", "app*", "result", result, "method", "EXAMINE", "statement",
				"two uplinks were seen", "files", "collected_at",
				ztc_record_time(NOW_S - 100 * (int64_t)DAY_S), "valid_until",
				ztc_record_time(NOW_S + left * (int64_t)DAY_S), "assessor", "lin");

	write_sealed("a", doc, &assessor);
}

static json_t *check_row(const char *id, bool gate, const char *result,
			 const char *const *offenders, int total)
{
	json_t *rows = json_array();

	for (; offenders && *offenders; offenders++)
		json_array_append_new(rows, json_pack("{s:s}", "resource", *offenders));
	return json_pack("{s:s, s:b, s:s, s:o, s:i}", "id", id, "gate", gate, "result", result,
			 "offenders", rows, "offenders_total", total);
}

/* 3.1-06 fails for two ports; what compensates is as @compensating. */
static json_t *document(const char *result, const char *compensating, int total)
{
	static const char *const ports[] = {"tcp/0.0.0.0:22", "tcp/0.0.0.0:3306", NULL};

	return json_pack("{s:[o, o, o, o]}", "checks",
			 check_row("ZTS-3.1-06", false, result, ports, total),
			 check_row("ZTS-3.1-05", false, compensating, NULL, 0),
			 check_row("ZTS-3.5-07", false, "unknown", NULL, 0),
			 check_row("ZTS-3.1-01", true, "unknown", NULL, 0));
}

static json_t *join(json_t *doc, bool clock)
{
	zt_auto(ztc_papers_free) struct ztc_papers *papers = NULL;
	zt_auto(zt_json_decref) json_t *defects = NULL, *facts = NULL;
	char w[512], a[512], t[512];
	struct ztc_papers_args args = {.waivers = w,
				       .attestations = a,
				       .trust_dir = t,
				       .host = "app01",
				       .catalogue = ztc_catalogue(),
				       .now_s = NOW_S};

	snprintf(w, sizeof(w), "%s/w", dir);
	snprintf(a, sizeof(a), "%s/a", dir);
	snprintf(t, sizeof(t), "%s/trust", dir);
	if (ztc_papers_load(&papers, &args, &defects) < 0) {
		char *text = json_dumps(defects, JSON_ENSURE_ASCII);

		fail_msg("%s", text);
	}
	facts = json_pack("{s:{s:s, s:{s:b}}}", "clock", "status", "ok", "data", "synchronised",
			  clock);
	assert_int_equal(ztc_papers_join(papers, doc, facts), 0);
	return doc;
}

static const json_t *check_of(const json_t *doc, size_t i)
{
	return json_array_get(json_object_get(doc, "checks"), i);
}

/* How 3.1-06 is disposed of, and what it counts as. */
static void disposed(json_t *doc, bool clock, const char *state, const char *waiver,
		     enum ztc_state waived)
{
	zt_auto(zt_json_decref) json_t *joined = join(doc, clock);
	const json_t *check = check_of(joined, 0);
	const json_t *disposition = json_object_get(check, "disposition");

	assert_string_equal(str(disposition, "state"), state);
	assert_string_equal(str(disposition, "waiver"), waiver);
	assert_int_equal(ztc_state_waived(check), waived);
	assert_true(ztc_state_attested(check) != ZTC_STATE_PASS);
}

/* --- waivers --- */

static void both_ports_are_needed(void **state)
{
	(void)state;
	waive("W-1", "ZTS-3.1-06", "tcp/0.0.0.0:22", 10, 50);
	disposed(document("fail", "pass", 2), true, "", "", ZTC_STATE_FAIL);
	waive("W-2", "ZTS-3.1-06", "tcp/0.0.0.0:3306", 10, 40);
	/* The one that ends first. */
	disposed(document("fail", "pass", 2), true, "waived", "W-2", ZTC_STATE_PASS);
	/* A third one that is not shown. */
	disposed(document("fail", "pass", 3), true, "", "", ZTC_STATE_FAIL);
	/* What passes needs none. */
	disposed(document("unknown", "pass", 2), true, "", "", ZTC_STATE_UNKNOWN);
}

static void star_is_for_all(void **state)
{
	(void)state;
	waive("W-1", "ZTS-3.1-06", "*", 10, 50);
	disposed(document("fail", "pass", 300), true, "waived", "W-1", ZTC_STATE_PASS);
}

static void clock_has_to_be_right(void **state)
{
	(void)state;
	waive("W-1", "ZTS-3.1-06", "*", 10, 50);
	disposed(document("fail", "pass", 2), false, "waiver-invalid", "W-1", ZTC_STATE_FAIL);
}

static void compensation_has_to_pass(void **state)
{
	static const char *const not [] = {"fail", "partial", "unknown", "error", "notapplicable"};

	(void)state;
	waive("W-1", "ZTS-3.1-06", "*", 10, 50);
	for (size_t i = 0; i < ARRAY_SIZE(not ); i++)
		disposed(document("fail", not [i], 2), true, "waiver-suspended", "W-1",
			 ZTC_STATE_FAIL);
}

static void it_ends(void **state)
{
	(void)state;
	waive("W-1", "ZTS-3.1-06", "*", 60, 0);
	disposed(document("fail", "pass", 2), true, "waiver-expired", "W-1", ZTC_STATE_FAIL);
}

static void worse_is_not_what_was_granted(void **state)
{
	char path[512];
	zt_auto(zt_json_decref) json_t *old = NULL;

	(void)state;
	waive("W-1", "ZTS-3.1-06", "*", 10, 50);
	snprintf(path, sizeof(path), "%s/w/W-1.json", dir);
	old = json_load_file(path, 0, NULL);
	json_object_set_new(old, "raw_result_at_grant", json_string("partial"));
	write_sealed("w", json_incref(old), &approver);
	disposed(document("partial", "pass", 2), true, "waived", "W-1", ZTC_STATE_PASS);
	disposed(document("fail", "pass", 2), true, "waiver-suspended", "W-1", ZTC_STATE_FAIL);
}

static size_t notes_in(int left)
{
	zt_auto(zt_json_decref) json_t *doc = NULL;

	clear(NULL);
	waive("W-1", "ZTS-3.1-06", "*", 60, left);
	doc = join(document("fail", "pass", 2), true);
	return json_array_size(json_object_get(doc, "notes"));
}

static void it_warns(void **state)
{
	zt_auto(zt_json_decref) json_t *doc = NULL;
	const json_t *row;

	(void)state;
	assert_int_equal(notes_in(31), 0);
	assert_int_equal(notes_in(30), 1);
	assert_int_equal(notes_in(14), 1);
	assert_int_equal(notes_in(7), 1);
	assert_int_equal(notes_in(-9), 1);
	doc = join(document("fail", "pass", 2), true);
	row = json_array_get(json_object_get(doc, "waivers"), 0);
	assert_string_equal(str(row, "state"), "expired");
	assert_int_equal(json_integer_value(json_object_get(row, "days_left")), -9);
	assert_non_null(strstr(ztc_text(json_array_get(json_object_get(doc, "notes"), 0)),
			       "ended 9 days ago"));
}

/* --- attestations --- */

static void attested_where_unknown(void **state)
{
	zt_auto(zt_json_decref) json_t *doc = NULL;

	(void)state;
	attest("A-1", "check_id", "ZTS-3.5-07", "pass", 80);
	attest("A-2", "check_id", "ZTS-3.1-01", "pass", 80);
	doc = join(document("fail", "pass", 2), true);
	assert_int_equal(ztc_state_attested(check_of(doc, 2)), ZTC_STATE_PASS);
	/* A gate is not satisfied by anybody's word. */
	assert_int_equal(ztc_state_attested(check_of(doc, 3)), ZTC_STATE_UNKNOWN);
	assert_string_equal(str(json_object_get(check_of(doc, 3), "attestation"), "id"), "A-2");
	assert_string_equal(str(check_of(doc, 2), "result"), "unknown");
}

static void attested_and_measured(void **state)
{
	zt_auto(zt_json_decref) json_t *doc = NULL;

	(void)state;
	attest("A-1", "check_id", "ZTS-3.1-06", "pass", 80);
	attest("A-2", "check_id", "ZTS-3.1-05", "fail", 80);
	doc = join(document("fail", "pass", 2), true);
	assert_int_equal(ztc_state_attested(check_of(doc, 0)), ZTC_STATE_FAIL);
	assert_int_equal(ztc_state_attested(check_of(doc, 1)), ZTC_STATE_FAIL);
}

static void attested_result(const char *result, int left, const char *want)
{
	zt_auto(zt_json_decref) json_t *doc = NULL;

	clear(NULL);
	attest("A-1", "check_id", "ZTS-3.5-07", result, left);
	doc = join(document("fail", "pass", 2), true);
	assert_string_equal(str(json_object_get(check_of(doc, 2), "attestation"), "result"), want);
	assert_int_equal(ztc_state_attested(check_of(doc, 2)), ZTC_STATE_UNKNOWN);
}

static void attested_too_long_ago(void **state)
{
	(void)state;
	attested_result("pass", 0, "unknown");
	attested_result("claimed-na", 80, "claimed-na");
}

static void attested_items(void **state)
{
	zt_auto(ztc_papers_free) struct ztc_papers *papers = NULL;
	zt_auto(zt_json_decref) json_t *defects = NULL;
	char a[512], t[512];
	struct ztc_papers_args args = {.attestations = a,
				       .trust_dir = t,
				       .host = "app01",
				       .catalogue = ztc_catalogue(),
				       .now_s = NOW_S};

	(void)state;
	snprintf(a, sizeof(a), "%s/a", dir);
	snprintf(t, sizeof(t), "%s/trust", dir);
	attest("A-1", "item", "3-3", "pass", 80);
	attest("A-2", "item", "3-4", "pass", 0);
	assert_int_equal(ztc_papers_load(&papers, &args, &defects), 0);
	assert_int_equal(ztc_papers_item(papers, "3-3"), ZTC_STATE_PASS);
	assert_int_equal(ztc_papers_item(papers, "3-4"), ZTC_STATE_UNKNOWN);
	assert_int_equal(ztc_papers_item(papers, "3-5"), ZTC_STATE_UNKNOWN);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(both_ports_are_needed, clear),
		cmocka_unit_test_setup(star_is_for_all, clear),
		cmocka_unit_test_setup(clock_has_to_be_right, clear),
		cmocka_unit_test_setup(compensation_has_to_pass, clear),
		cmocka_unit_test_setup(it_ends, clear),
		cmocka_unit_test_setup(worse_is_not_what_was_granted, clear),
		cmocka_unit_test_setup(it_warns, clear),
		cmocka_unit_test_setup(attested_where_unknown, clear),
		cmocka_unit_test_setup(attested_and_measured, clear),
		cmocka_unit_test_setup(attested_too_long_ago, clear),
		cmocka_unit_test_setup(attested_items, clear),
	};

	return cmocka_run_group_tests(tests, begin, end);
}
