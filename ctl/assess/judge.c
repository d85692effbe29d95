/* SPDX-License-Identifier: Apache-2.0 */
/* judge.c - check functions over facts; their results as rows of the document. */
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/json.h"
#include "base/time.h"
#include "ctl/catalogue/catalogue.h"
#include "ctl/assess/judge.h"
#include "ctl/assess/profile.h"
#include "ctl/evidence/seal.h"

#define HOUR_S 3600
#define DAY_S  86400

/* From the best to the worst. */
static const char *const grades[] = {"A", "B", "B-", "C", "D"};

/* --- one check --- */

void ztc_judge(const struct ztc_facts *facts, const json_t *row, struct ztc_result *ret)
{
	const struct ztc_check *check = ztc_check_find(zt_json_text(row, "id"));
	const char *kind = zt_json_text(row, "kind");

	*ret = (struct ztc_result){.state = ZTC_STATE_UNKNOWN,
				   .num = -1,
				   .den = -1,
				   .method = strcmp(kind, "attest+measure") == 0 ? "attest" : kind,
				   .grade = "B"};
	if (check)
		check->judge(facts, ret);
	else
		ztc_conclude(ret, ZTC_STATE_UNKNOWN,
			     N_("this version of ztctl does not judge this check"));
	if (!ret->reason)
		ztc_conclude(ret, ZTC_STATE_ERROR, N_("the check gave a result without a reason"));
}

void ztc_result_clear(struct ztc_result *r)
{
	json_decref(r->reason);
	json_decref(r->observed);
	json_decref(r->expected);
	json_decref(r->offenders);
	json_decref(r->collectors);
	json_decref(r->extra);
	*r = (struct ztc_result){0};
}

/* --- as a row of the document --- */

static json_t *time_json(int64_t s)
{
	char text[ZT_TIME_TEXT_LEN];

	return s > 0 ? json_string(zt_wall_text((uint64_t)s * ZT_NS_PER_S, text)) : json_null();
}

static const char *capped(const char *grade, const char *cap)
{
	size_t at = 0, limit = 0;

	for (size_t i = 0; i < ARRAY_SIZE(grades); i++) {
		if (strcmp(grades[i], grade) == 0)
			at = i;
		if (cap && strcmp(grades[i], cap) == 0)
			limit = i;
	}
	return grades[at > limit ? at : limit];
}

/* When the oldest of the facts that were asked for was collected. */
static int64_t collected_at(const struct ztc_facts *facts, const struct ztc_result *r)
{
	int64_t oldest = facts->now_s;
	const json_t *name;
	size_t i;

	json_array_foreach (r->collectors, i, name) {
		const json_t *fact = json_object_get(facts->facts, json_string_value(name));
		uint64_t ns;

		if (zt_wall_parse(zt_json_text(fact, "collected_at"), &ns) == 0 &&
		    (int64_t)(ns / ZT_NS_PER_S) < oldest)
			oldest = (int64_t)(ns / ZT_NS_PER_S);
	}
	return oldest;
}

/* The check says how long from now on, else its method from when the facts were collected on. */
static int64_t valid_until(const struct ztc_facts *facts, const struct ztc_result *r,
			   int64_t collected)
{
	if (r->valid_s)
		return facts->now_s + r->valid_s;
	if (strcmp(r->method, "probe") == 0)
		return collected +
		       (int64_t)(ztc_profile_general(facts->profile, "valid_days_probe") * DAY_S);
	return collected +
	       (int64_t)(ztc_profile_general(facts->profile, "valid_hours_passive") * HOUR_S);
}

/* Over the digests of the evidence: whoever has the facts can work it out again. */
static json_t *evidence_digest(const struct ztc_facts *facts, const struct ztc_result *r)
{
	zt_auto(zt_json_decref) json_t *all = json_object();
	char digest[ZTC_DIGEST_TEXT_LEN];
	const json_t *name;
	size_t i;

	json_array_foreach (r->collectors, i, name) {
		const json_t *fact = json_object_get(facts->facts, json_string_value(name));
		json_t *value = json_object_get(fact, "digest");

		json_object_set_new(all, json_string_value(name),
				    value ? json_incref(value) : json_null());
	}
	return ztc_digest(all, digest) < 0 ? json_null() : json_string(digest);
}

/* The names of facts, each once. */
static json_t *unique(const json_t *names)
{
	zt_auto(zt_json_decref) json_t *seen = json_object();
	json_t *ret = json_array(), *name;
	size_t i;

	json_array_foreach (names, i, name) {
		if (json_object_get(seen, json_string_value(name)))
			continue;
		json_object_set_new(seen, json_string_value(name), json_true());
		json_array_append(ret, name);
	}
	return ret;
}

static json_t *message_or_null(const json_t *message)
{
	return message ? json_incref((json_t *)message) : json_null();
}

static void set_evidence(json_t *check, const struct ztc_facts *facts, const struct ztc_result *r)
{
	int64_t collected = collected_at(facts, r);

	json_object_set_new(check, "collectors", unique(r->collectors));
	json_object_set_new(check, "collected_at", time_json(collected));
	json_object_set_new(check, "valid_until", time_json(valid_until(facts, r, collected)));
	json_object_set_new(check, "digest", evidence_digest(facts, r));
	json_object_set_new(check, "offenders",
			    r->offenders ? json_incref(r->offenders) : json_array());
	json_object_set_new(check, "offenders_total", json_integer((json_int_t)r->offender_count));
	if (r->den >= 0) {
		json_object_set_new(check, "numerator", json_integer(r->num));
		json_object_set_new(check, "denominator", json_integer(r->den));
	}
	if (r->to_s)
		json_object_set_new(check, "window",
				    json_pack("{s:o, s:o, s:I}", "from", time_json(r->from_s), "to",
					      time_json(r->to_s), "seconds",
					      (json_int_t)(r->to_s - r->from_s)));
	if (r->extra)
		json_object_set(check, "extra", r->extra);
}

/* Where other frameworks ask the same as the item: lists of texts. */
static json_t *mapping_of(const json_t *item)
{
	json_t *mapping = json_object(), *cisa = json_array();
	static const char *const keys[] = {"dod", "nist", "nsa"};
	const json_t *stage;
	size_t i;

	json_array_foreach (json_object_get(item, "cisa"), i, stage)
		json_array_append_new(cisa, json_sprintf("%s @ %s", zt_json_text(stage, "function"),
							 zt_json_text(stage, "stage")));
	json_object_set_new(mapping, "cisa", cisa);
	for (i = 0; i < ARRAY_SIZE(keys); i++)
		json_object_set(mapping, keys[i], json_object_get(item, keys[i]));
	return mapping;
}

static json_t *row_json(const struct ztc_facts *facts, const json_t *row,
			const struct ztc_result *r, const char *grade_cap)
{
	const json_t *item = ztc_items_find(zt_json_text(row, "item"));
	json_t *check = json_pack(
		"{s:O, s:O, s:O, s:O, s:O, s:o, s:s, s:o, s:o, s:o, s:s, s:s, s:o, s:o}", "id",
		json_object_get(row, "id"), "item", json_object_get(row, "item"), "severity",
		json_object_get(row, "severity"), "gate", json_object_get(row, "gate"), "kind",
		json_object_get(row, "kind"), "title", ztc_message(row, "title", "title_zh"),
		"result", ztc_state_name(r->state), "reason", message_or_null(r->reason),
		"observed", message_or_null(r->observed), "expected",
		r->expected ? json_incref(r->expected) : ztc_message(row, "pass", "pass_zh"),
		"method", r->method, "grade", capped(r->grade, grade_cap), "remediation",
		ztc_message(row, "remediation", "remediation_zh"), "mapping", mapping_of(item));

	if (check)
		set_evidence(check, facts, r);
	return check;
}

/*
 * These look at the results of others, in this order: a detection that was tested, assessments that
 * repeat, waivers whose compensating checks pass.
 */
static bool judged_last(const json_t *row)
{
	static const char *const ids[] = {"ZTS-3.3-05", "ZTS-3.7-06", "ZTS-3.7-07"};

	for (size_t i = 0; i < ARRAY_SIZE(ids); i++) {
		if (strcmp(zt_json_text(row, "id"), ids[i]) == 0)
			return true;
	}
	return false;
}

static json_t *judge_row(const struct ztc_facts *facts, const json_t *row, const char *grade_cap)
{
	struct ztc_result r;
	json_t *check;

	ztc_judge(facts, row, &r);
	check = row_json(facts, row, &r, grade_cap);
	ztc_result_clear(&r);
	return check;
}

json_t *ztc_judge_all(const struct ztc_facts *facts, const char *grade_cap)
{
	zt_auto(zt_json_decref) json_t *all = json_copy((json_t *)facts->facts);
	json_t *checks = json_array(), *results = json_object();
	struct ztc_facts with_results = *facts;
	const json_t *row;
	size_t i;

	if (!all)
		all = json_object();
	json_array_foreach (ztc_catalogue(), i, row) {
		json_t *check = judged_last(row) ? json_null() : judge_row(facts, row, grade_cap);

		json_array_append_new(checks, check);
		if (!judged_last(row))
			json_object_set(results, zt_json_text(row, "id"),
					json_object_get(check, "result"));
	}
	json_object_set_new(all, "results",
			    json_pack("{s:s, s:o}", "status", "ok", "data", results));
	with_results.facts = all;
	json_array_foreach (ztc_catalogue(), i, row) {
		json_t *check;

		if (!judged_last(row))
			continue;
		check = judge_row(&with_results, row, grade_cap);
		json_object_set(results, zt_json_text(row, "id"), json_object_get(check, "result"));
		json_array_set_new(checks, i, check);
	}
	return checks;
}

json_t *ztc_not_judged(const struct ztc_facts *facts, json_t *reason)
{
	json_t *checks = json_array();
	const json_t *row;
	size_t i;

	json_array_foreach (ztc_catalogue(), i, row) {
		struct ztc_result r = {.state = ZTC_STATE_UNKNOWN,
				       .num = -1,
				       .den = -1,
				       .method = "attest",
				       .grade = "D",
				       .reason = json_incref(reason)};

		json_array_append_new(checks, row_json(facts, row, &r, "D"));
		ztc_result_clear(&r);
	}
	return checks;
}
