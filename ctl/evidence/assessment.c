// SPDX-License-Identifier: Apache-2.0
/*
 * assessment.c - a run of the assessment is kept as a record, and what got worse opens an alert.
 */
#include <errno.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/json.h"
#include "base/time.h"
#include "ctl/collect/collect.h"
#include "ctl/checks/check.h"
#include "ctl/evidence/record.h"

static json_t *results_of(const json_t *doc)
{
	const json_t *checks = json_object_get(doc, "checks"), *check;
	json_t *ret = json_object();
	size_t i;

	json_array_foreach (checks, i, check)
		json_object_set_new(ret, zt_json_text(check, "id"),
				    json_string(zt_json_text(check, "result")));
	return ret;
}

/* Among what was found out: pass, partial, fail, in this order. */
static bool worse(const char *before, const char *now)
{
	enum ztc_state a, b;

	if (ztc_state_find(before, &a) < 0 || ztc_state_find(now, &b) < 0)
		return false;
	return (a == ZTC_STATE_PASS || a == ZTC_STATE_PARTIAL) && b > a &&
	       (b == ZTC_STATE_PARTIAL || b == ZTC_STATE_FAIL);
}

static json_t *regressions(const json_t *before, const json_t *now)
{
	json_t *ret = json_array();
	const json_t *state;
	const char *id;

	json_object_foreach ((json_t *)now, id, state) {
		if (worse(zt_json_text(before, id), json_string_value(state)))
			json_array_append_new(ret, json_string(id));
	}
	return ret;
}

/* The newest run of before whose seal holds; a new reference, NULL without one. */
static json_t *previous(const char *state_dir)
{
	zt_auto(zt_json_decref) json_t *records = json_object();
	zt_auto(zt_freep) char *why = NULL;
	struct ztc_env env = {.root = "",
			      .state_dir = state_dir,
			      .trust_dir = ZTC_TRUST_DIR,
			      .now_s = (int64_t)(zt_now_wall_ns() / ZT_NS_PER_S)};
	const json_t *run;
	size_t i;

	if (!records || ztc_records_read(&env, records, &why) < 0)
		return NULL;
	json_array_foreach (json_object_get(records, "assessments"), i, run) {
		if (strcmp(zt_json_text(run, "seal"), "ok") == 0)
			return json_incref((json_t *)run);
	}
	return NULL;
}

static int open_alert(const char *state_dir, const json_t *run, const char *check,
		      const char *before, const char *now, const struct zt_minisign_secret *key)
{
	zt_auto(zt_json_decref) json_t *alert = NULL;
	int r = ztc_record_new(&alert, "alert", "regression");

	if (r < 0)
		return r;
	json_object_set_new(
		alert, "body",
		json_pack("{s:o, s:s, s:s, s:s, s:s, s:s, s:o}", "alert",
			  json_sprintf("regression-%s-%s", check, zt_json_text(run, "id")), "check",
			  check, "from", before, "to", now, "assessment", zt_json_text(run, "id"),
			  "severity", "other", "opened_at",
			  json_incref(json_object_get(alert, "started"))));
	ztc_record_end(alert, "fail");
	return ztc_record_store(state_dir, alert, key);
}

static int count_waivers(const json_t *doc, bool critical)
{
	const json_t *row;
	size_t i;
	int n = 0;

	json_array_foreach (json_object_get(doc, "waivers"), i, row)
		n += strcmp(zt_json_text(row, "state"), "in-force") == 0 &&
		     (!critical || json_is_true(json_object_get(row, "critical")));
	return n;
}

static json_t *body_of(const json_t *doc, const json_t *before, const char *digest)
{
	const json_t *profile = json_object_get(doc, "profile");
	json_t *results = results_of(doc);
	json_t *old = json_object_get(json_object_get(before, "body"), "results");
	json_t *body = json_pack(
		"{s:s, s:s, s:O?, s:O?, s:o, s:i, s:i, s:o}", "digest", digest, "profile_digest",
		zt_json_text(profile, "digest"), "levels", json_object_get(doc, "levels"), "target",
		json_object_get(doc, "target"), "results", results, "waived",
		count_waivers(doc, false), "critical_waived", count_waivers(doc, true),
		"regressions", regressions(old, results));

	if (body && before)
		json_object_set_new(body, "previous", json_string(zt_json_text(before, "id")));
	return body;
}

static int open_alerts(const char *state_dir, const json_t *run, const json_t *before,
		       const struct zt_minisign_secret *key)
{
	const json_t *body = json_object_get(run, "body"), *id;
	const json_t *old = json_object_get(json_object_get(before, "body"), "results");
	int r = 0;
	size_t i;

	json_array_foreach (json_object_get(body, "regressions"), i, id) {
		const char *check = json_string_value(id);

		if (r == 0)
			r = open_alert(state_dir, run, check, zt_json_text(old, check),
				       zt_json_text(json_object_get(body, "results"), check), key);
	}
	return r;
}

int ztc_assessment_record(const char *state_dir, const json_t *doc,
			  const struct zt_minisign_secret *key)
{
	zt_auto(zt_json_decref) json_t *record = NULL, *before = previous(state_dir);
	char digest[ZTC_DIGEST_TEXT_LEN];
	json_t *body;
	int r = ztc_digest(doc, digest);

	if (r == 0)
		r = ztc_record_new(&record, "assessment", NULL);
	if (r < 0)
		return r;
	body = body_of(doc, before, digest);
	if (!body || json_object_set_new(record, "body", body) < 0)
		return -ENOMEM;
	ztc_record_end(record,
		       strcmp(zt_json_text(json_object_get(doc, "target"), "status"), "met") == 0
			       ? "pass"
			       : "fail");
	r = ztc_record_store(state_dir, record, key);
	return r < 0 ? r : open_alerts(state_dir, record, before, key);
}
