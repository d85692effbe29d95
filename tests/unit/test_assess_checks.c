/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_assess_checks.c - every check over the made-up hosts in tests/assess/ID/STATE-NAME.json.
 *
 * A file: {"note", "facts": {NAME: fact}, "profile"?: members that replace those built in,
 * "fleet"?, "now"?: RFC 3339, "observed_s"?, "expect": {"state", "num"?, "den"?, "reason"?: part of
 * the English}}. Every check has a host where it passes, one where it fails and one
 * where it is unknown or not applicable; a gate has one where it is unknown for want of evidence.
 */
#include <dirent.h>
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
#include "ctl/assess/judge.h"
#include "ctl/assess/profile.h"

#define HOSTS "tests/assess"
#define NOW_S 1795334400 /* 2026-11-22T08:00:00Z */

static struct ztc_profile builtin;
static int seen[ZTC_CHECK_COUNT][ZTC_STATE_COUNT];

static const char *str(const json_t *object, const char *key)
{
	const char *text = json_string_value(json_object_get(object, key));

	return text ? text : "";
}

static int64_t time_of(const json_t *host)
{
	uint64_t ns;

	return zt_wall_parse(str(host, "now"), &ns) == 0 ? (int64_t)(ns / ZT_NS_PER_S) : NOW_S;
}

/* The built-in profile with what the host has instead. */
static json_t *profile_of(const json_t *host)
{
	json_t *profile = json_deep_copy(builtin.json);
	const json_t *own = json_object_get(host, "profile");

	if (own)
		json_object_update_recursive(profile, (json_t *)own);
	return profile;
}

static int compare_count(const char *path, const json_t *expect, const char *key, int64_t got)
{
	const json_t *want = json_object_get(expect, key);

	if (!want || json_integer_value(want) == got)
		return 0;
	print_error("%s: %s is %lld, not %lld\n", path, key, (long long)got,
		    (long long)json_integer_value(want));
	return 1;
}

static int compare(const char *path, const json_t *expect, const struct ztc_result *r)
{
	const char *en = str(r->reason, "en"), *zh = str(r->reason, "zh_TW");
	int wrong = 0;

	if (strcmp(ztc_state_name(r->state), str(expect, "state")) != 0) {
		print_error("%s: is %s, not %s: %s\n", path, ztc_state_name(r->state),
			    str(expect, "state"), en);
		wrong++;
	}
	if (!*en || !*zh || !strstr(en, str(expect, "reason"))) {
		print_error("%s: reason '%s' ('%s') has no '%s'\n", path, en, zh,
			    str(expect, "reason"));
		wrong++;
	}
	if (r->num > r->den && r->den >= 0) {
		print_error("%s: %lld of %lld\n", path, (long long)r->num, (long long)r->den);
		wrong++;
	}
	return wrong + compare_count(path, expect, "num", r->num) +
	       compare_count(path, expect, "den", r->den);
}

static int judge_host(const char *path, const json_t *row, size_t number)
{
	json_error_t error;
	zt_auto(zt_json_decref) json_t *host = json_load_file(path, JSON_REJECT_DUPLICATES, &error),
				       *profile = NULL;
	struct ztc_facts facts;
	struct ztc_result r;
	int wrong;

	if (!host) {
		print_error("%s:%d: %s\n", path, error.line, error.text);
		return 1;
	}
	profile = profile_of(host);
	facts = (struct ztc_facts){
		.facts = json_object_get(host, "facts"),
		.profile = profile,
		.fleet = json_object_get(host, "fleet"),
		.now_s = time_of(host),
		.observed_s = (unsigned int)json_integer_value(json_object_get(host, "observed_s")),
	};
	ztc_judge(&facts, row, &r);
	wrong = compare(path, json_object_get(host, "expect"), &r);
	if (strncmp(strrchr(path, '/') + 1, str(json_object_get(host, "expect"), "state"),
		    strlen(str(json_object_get(host, "expect"), "state"))) != 0) {
		print_error("%s: the name does not begin with the state\n", path);
		wrong++;
	}
	seen[number][r.state]++;
	ztc_result_clear(&r);
	return wrong;
}

static int judge_hosts(const json_t *row, size_t number)
{
	const char *id = str(row, "id");
	zt_auto(zt_freep) char *dir_path = NULL;
	zt_auto(zt_closedirp) DIR *dir = NULL;
	struct dirent *entry;
	int wrong = 0;

	if (asprintf(&dir_path, HOSTS "/%s", id) < 0)
		return 1;
	dir = opendir(dir_path);
	while (dir && (entry = readdir(dir))) {
		zt_auto(zt_freep) char *path = NULL;

		if (*entry->d_name == '.')
			continue;
		if (asprintf(&path, "%s/%s", dir_path, entry->d_name) < 0)
			return 1;
		wrong += judge_host(path, row, number);
	}
	return wrong;
}

static void every_host(void **state)
{
	const json_t *row;
	int wrong = 0;
	size_t i;

	(void)state;
	json_array_foreach (ztc_catalogue(), i, row)
		wrong += judge_hosts(row, i);
	assert_int_equal(wrong, 0);
}

static void every_check_is_judged(void **state)
{
	const json_t *row;
	size_t i;

	(void)state;
	assert_int_equal(json_array_size(ztc_catalogue()), ZTC_CHECK_COUNT);
	json_array_foreach (ztc_catalogue(), i, row) {
		if (!ztc_check_find(str(row, "id")))
			fail_msg("%s has no function", str(row, "id"));
	}
}

static void every_state(void **state)
{
	const json_t *row;
	int wrong = 0;
	size_t i;

	(void)state;
	json_array_foreach (ztc_catalogue(), i, row) {
		const int *n = seen[i];
		bool gate = json_is_true(json_object_get(row, "gate"));

		if (n[ZTC_STATE_PASS] && n[ZTC_STATE_FAIL] &&
		    (gate ? n[ZTC_STATE_UNKNOWN] : n[ZTC_STATE_UNKNOWN] + n[ZTC_STATE_NA]))
			continue;
		print_error("%s: hosts: %d pass, %d fail, %d unknown, %d not applicable\n",
			    str(row, "id"), n[ZTC_STATE_PASS], n[ZTC_STATE_FAIL],
			    n[ZTC_STATE_UNKNOWN], n[ZTC_STATE_NA]);
		wrong++;
	}
	assert_int_equal(wrong, 0);
}

/* Facts that nobody collected, and facts of every wrong shape: no check may pass. */
static void nothing_is_never_pass(void **state)
{
	static const char *const texts[] = {
		"{}",
		"[]",
		"{\"listeners\": 3, \"filter\": [], \"agent\": \"x\", \"records\": null}",
	};
	const json_t *row;
	size_t i;

	(void)state;
	for (size_t t = 0; t < ARRAY_SIZE(texts); t++) {
		zt_auto(zt_json_decref) json_t *json = json_loads(texts[t], 0, NULL);
		struct ztc_facts facts = {.facts = json, .profile = builtin.json, .now_s = NOW_S};

		json_array_foreach (ztc_catalogue(), i, row) {
			struct ztc_result r;

			ztc_judge(&facts, row, &r);
			if (r.state == ZTC_STATE_PASS)
				fail_msg("%s passes without facts", str(row, "id"));
			ztc_result_clear(&r);
		}
	}
}

static int load_profile(void **state)
{
	char *why = NULL;

	(void)state;
	return ztc_profile_load(&builtin, NULL, &why);
}

static int drop_profile(void **state)
{
	(void)state;
	ztc_profile_free(&builtin);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_check_is_judged),
		cmocka_unit_test(every_host),
		cmocka_unit_test(every_state),
		cmocka_unit_test(nothing_is_never_pass),
	};

	return cmocka_run_group_tests(tests, load_profile, drop_profile);
}
