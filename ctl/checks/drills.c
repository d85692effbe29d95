// SPDX-License-Identifier: Apache-2.0
/*
 * drills.c - checks that a drill answers: what is in force was put to the test, how long ago, how
 * it went.
 *
 * Records are the collector's (`records`): of this host, sealed, not from the future. A drill that
 * is too old says nothing any more and is unknown; one that was never run is what the check's row
 * says of it.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/time.h"
#include "base/cleanup.h"
#include "base/json.h"
#include "ctl/checks/drills.h"

#define DAY_S	 86400
#define NS_PER_S 1000000000ull

int64_t ztc_drill_number(const json_t *body, const char *key, int64_t missing)
{
	const json_t *value = json_object_get(body, key);

	return json_is_integer(value) ? json_integer_value(value) : missing;
}

bool ztc_drill_is(const json_t *body, const char *key)
{
	return json_is_true(json_object_get(body, key));
}

/* A record that nobody sealed, or somebody unknown, proves nothing (R5). */
bool ztc_drill_counts(const json_t *record, const char *name)
{
	return strcmp(zt_json_text(record, "name"), name) == 0 &&
	       strcmp(zt_json_text(record, "seal"), "ok") == 0;
}

int64_t ztc_drill_ended(const json_t *record)
{
	uint64_t ns;

	return zt_wall_parse(zt_json_text(record, "ended"), &ns) == 0 ? (int64_t)(ns / NS_PER_S)
								      : -1;
}

/* A drill holds until it is too old for what it is worth now. */
static int64_t holds_s(const struct ztc_drilled *d)
{
	double pass = ztc_limit(d->facts, d->id, "pass_days");
	double last = d->age_days < pass ? pass : ztc_limit(d->facts, d->id, "partial_days");

	return d->age_days < last ? (int64_t)((last - d->age_days) * 86400) : 1;
}

/*
 * The latest drill into @d. Returns false with the result set: there is none (then it is @never),
 * or it is past the days of partial_days.
 */
bool ztc_drill_latest(struct ztc_drilled *d, enum ztc_state never)
{
	const json_t *data = ztc_fact(d->facts, "records", d->r);
	const json_t *record;
	size_t i;

	if (!data)
		return false;
	json_array_foreach (json_object_get(data, "drills"), i, record)
		if (!d->record && ztc_drill_counts(record, d->name) && ztc_drill_ended(record) >= 0)
			d->record = record;
	if (!d->record) {
		ztc_observed(d->r, N_("no record of a drill '%s'"), d->name);
		ztc_conclude(d->r, never, N_("the drill '%s' was never run here"), d->name);
		return false;
	}
	d->body = json_object_get(d->record, "body");
	d->age_days = (d->facts->now_s - ztc_drill_ended(d->record) + DAY_S - 1) / DAY_S;
	d->r->method = "probe";
	d->r->from_s = d->r->to_s = ztc_drill_ended(d->record);
	/* One string of four, kept here: the record's may not outlive the facts. */
	d->r->grade = strcmp(zt_json_text(d->record, "grade"), "A") == 0   ? "A"
		      : strcmp(zt_json_text(d->record, "grade"), "B") == 0 ? "B"
									   : "C";
	if (d->age_days > ztc_limit(d->facts, d->id, "partial_days")) {
		ztc_conclude(d->r, ZTC_STATE_UNKNOWN,
			     N_("the last drill '%s' is %lld days old: it says nothing any more"),
			     d->name, (long long)d->age_days);
		return false;
	}
	d->r->valid_s = holds_s(d);
	return true;
}

/* What a good drill is worth at its age. */
enum ztc_state ztc_drill_aged(const struct ztc_drilled *d, enum ztc_state state)
{
	if (state == ZTC_STATE_PASS && d->age_days > ztc_limit(d->facts, d->id, "pass_days"))
		return ZTC_STATE_PARTIAL;
	return state;
}

bool ztc_drill_passed(const struct ztc_drilled *d)
{
	return strcmp(zt_json_text(d->record, "result"), "pass") == 0;
}

/* --- 3-2 ----------------------------------------------------------------------------------------
 */

static void judge_change(const struct ztc_facts *facts, struct ztc_result *r)
{
	struct ztc_drilled d = {.id = "ZTS-3.2-04", .name = "canary", .facts = facts, .r = r};
	int64_t there, back, worst;

	ztc_expected(r,
		     N_("a change in force within %g s (partial: %g s), no connection disturbed"),
		     ztc_limit(facts, d.id, "pass_ms") / 1000,
		     ztc_limit(facts, d.id, "partial_ms") / 1000);
	if (!ztc_drill_latest(&d, ZTC_STATE_UNKNOWN))
		return;
	there = ztc_drill_number(d.body, "change_ms", -1);
	back = ztc_drill_number(d.body, "back_ms", -1);
	worst = there > back ? there : back;
	ztc_observed(r, N_("in force after %lld ms, taken back after %lld ms, %lld days ago"),
		     (long long)there, (long long)back, (long long)d.age_days);
	if (!ztc_drill_is(d.body, "established_kept") ||
	    ztc_drill_number(d.body, "others_denied", -1) != 0)
		ztc_conclude(r, ZTC_STATE_FAIL,
			     N_("the change disturbed an established connection"));
	else if (there < 0 || back < 0 || worst > ztc_limit(facts, d.id, "partial_ms"))
		ztc_conclude(r, ZTC_STATE_FAIL, N_("the change did not come into force in time"));
	else if (!ztc_drill_passed(&d))
		ztc_conclude(r, ZTC_STATE_FAIL, N_("the drill failed"));
	else
		ztc_conclude(r,
			     ztc_drill_aged(&d, worst <= ztc_limit(facts, d.id, "pass_ms")
							? ZTC_STATE_PASS
							: ZTC_STATE_PARTIAL),
			     N_("a change was in force after %lld ms and taken back after %lld ms"),
			     (long long)there, (long long)back);
}

/* Labels that change at run time (posture, place) or hours; an end date is no attribute of a
 * session. */
static bool has_attribute(const json_t *statement)
{
	const json_t *condition;
	size_t i;

	json_array_foreach (json_object_get(statement, "conditions"), i, condition) {
		const char *kind = json_string_value(condition);

		if (kind && (strcmp(kind, "labels") == 0 || strcmp(kind, "hours") == 0))
			return true;
	}
	return false;
}

/* Enforced statements that ask for an attribute; -1: not known. */
static int64_t attribute_rules(const struct ztc_facts *facts, struct ztc_result *r)
{
	const json_t *data = ztc_fact_maybe(facts, "policy", r);
	const json_t *statement;
	int64_t n = 0;
	size_t i;

	if (!data)
		return -1;
	json_array_foreach (json_object_get(data, "statements"), i, statement) {
		/* The canary statements are there for drills, and no protection of anything. */
		if (strcmp(zt_json_text(statement, "mode"), "enforced") == 0 &&
		    has_attribute(statement) &&
		    strncmp(zt_json_text(statement, "id"), "zt-drill", 8) != 0)
			n++;
	}
	return n;
}

static void judge_revoke(const struct ztc_facts *facts, struct ztc_result *r)
{
	struct ztc_drilled d = {.id = "ZTS-3.2-05", .name = "revoke", .facts = facts, .r = r};
	int64_t rules = attribute_rules(facts, r), cut;

	ztc_expected(
		r,
		N_("a rule that asks for an attribute, and an established connection cut within %g s "
		   "of its loss"),
		ztc_limit(facts, d.id, "pass_ms") / 1000);
	if (rules == 0) {
		ztc_observed(r, N_("no enforced rule has a condition"));
		ztc_conclude(r, ZTC_STATE_FAIL,
			     N_("static rules only: none asks for a label, hours or "
				"posture"));
		return;
	}
	if (!ztc_drill_latest(&d, ZTC_STATE_UNKNOWN))
		return;
	cut = ztc_drill_number(d.body, "cut_ms", -1);
	ztc_observed(r, N_("%lld rules with conditions; cut after %lld ms, %lld days ago"),
		     (long long)rules, (long long)cut, (long long)d.age_days);
	if (rules < 0)
		ztc_conclude(r, ZTC_STATE_UNKNOWN, N_("the rules in force are not known"));
	else if (cut >= 0 && cut <= ztc_limit(facts, d.id, "pass_ms") && ztc_drill_passed(&d))
		ztc_conclude(
			r, ztc_drill_aged(&d, ZTC_STATE_PASS),
			N_("an established connection stopped %lld ms after its attribute was taken "
			   "away"),
			(long long)cut);
	else if (ztc_drill_is(d.body, "new_refused"))
		ztc_conclude(r, ZTC_STATE_PARTIAL,
			     N_("only new connections are refused, or the cut took too long"));
	else
		ztc_conclude(r, ZTC_STATE_FAIL, N_("taking the attribute away cut nothing"));
}

static void judge_rollback(const struct ztc_facts *facts, struct ztc_result *r)
{
	struct ztc_drilled d = {.id = "ZTS-3.2-08", .name = "rollback", .facts = facts, .r = r};
	const char *before, *after;

	ztc_expected(r, N_("a rollback that worked, at most %g days ago (partial: %g)"),
		     ztc_limit(facts, d.id, "pass_days"), ztc_limit(facts, d.id, "partial_days"));
	if (!ztc_drill_latest(&d, ZTC_STATE_FAIL))
		return;
	before = zt_json_text(d.body, "digest_before");
	after = zt_json_text(d.body, "digest_after");
	ztc_observed(r, N_("taken back after %lld ms, %lld days ago"),
		     (long long)ztc_drill_number(d.body, "reverted_ms", -1), (long long)d.age_days);
	if (!ztc_drill_passed(&d) || ztc_drill_number(d.body, "reverted_ms", -1) < 0)
		ztc_conclude(r, ZTC_STATE_FAIL, N_("the rollback failed"));
	else if (!*before || strcmp(before, after) != 0)
		ztc_conclude(r, ZTC_STATE_FAIL,
			     N_("the policy after it was not the policy before it"));
	else
		ztc_conclude(
			r, ztc_drill_aged(&d, ZTC_STATE_PASS),
			N_("a change was taken back by itself, and the policy is what it was"));
}

/* --- 3-3, 3-6
 * ------------------------------------------------------------------------------------- */

static void judge_scan(const struct ztc_facts *facts, struct ztc_result *r)
{
	struct ztc_drilled d = {.id = "ZTS-3.3-04", .name = "scan", .facts = facts, .r = r};
	int64_t alert;

	ztc_expected(r, N_("an alert within %g s of a scan, a baseline of at most %g days"),
		     ztc_limit(facts, d.id, "pass_ms") / 1000,
		     ztc_limit(facts, d.id, "baseline_days"));
	if (!ztc_drill_latest(&d, ZTC_STATE_FAIL))
		return;
	alert = ztc_drill_number(d.body, "alert_ms", -1);
	ztc_observed(
		r,
		N_("%lld ports touched, alert after %lld ms, baseline %lld days old, %lld days ago"),
		(long long)ztc_drill_number(d.body, "ports", 0), (long long)alert,
		(long long)ztc_drill_number(d.body, "baseline_days", -1), (long long)d.age_days);
	if (alert < 0 || !ztc_drill_passed(&d))
		ztc_conclude(r, ZTC_STATE_FAIL, N_("the scan raised no alert"));
	else if (ztc_drill_number(d.body, "ports", 0) < ztc_limit(facts, d.id, "ports") &&
		 ztc_drill_number(d.body, "new_edges", 0) < 1)
		ztc_conclude(r, ZTC_STATE_UNKNOWN,
			     N_("the stimulus was too small to prove anything"));
	else if (alert > ztc_limit(facts, d.id, "pass_ms") ||
		 ztc_drill_number(d.body, "baseline_days", INT64_MAX) >
			 (int64_t)ztc_limit(facts, d.id, "baseline_days"))
		ztc_conclude(r, ZTC_STATE_PARTIAL,
			     N_("the alert came late, or of an old baseline"));
	else
		ztc_conclude(r, ztc_drill_aged(&d, ZTC_STATE_PASS),
			     N_("a scan raised an alert after %lld ms"), (long long)alert);
}

static void judge_detections(const struct ztc_facts *facts, struct ztc_result *r)
{
	struct ztc_drilled d = {.id = "ZTS-3.6-08", .name = "detections", .facts = facts, .r = r};
	int64_t enabled, received;

	if (!ztc_drill_latest(&d, ZTC_STATE_UNKNOWN))
		return;
	enabled = ztc_drill_number(d.body, "enabled", -1);
	received = ztc_drill_number(d.body, "received", -1);
	if (enabled == 0) {
		ztc_conclude(r, ZTC_STATE_NA, N_("no detection is enabled; ZTS-3.3-04 says so"));
		return;
	}
	if (enabled < 0 || received < 0 || received > enabled) {
		ztc_conclude(r, ZTC_STATE_ERROR,
			     N_("the record of the drill does not tell its numbers"));
		return;
	}
	ztc_observed(r, N_("%lld of %lld detections arrived at the log platform, %lld days ago"),
		     (long long)received, (long long)enabled, (long long)d.age_days);
	ztc_share(facts, r, d.id, received, enabled, true);
	r->state = ztc_drill_aged(&d, r->state);
}

const struct ztc_check ztc_checks_drills[] = {
	{"ZTS-3.2-04", judge_change},	      {"ZTS-3.2-05", judge_revoke},
	{"ZTS-3.2-08", judge_rollback},	      {"ZTS-3.3-04", judge_scan},
	{"ZTS-3.6-08", judge_detections},     {"ZTS-3.5-01", ztc_judge_contain},
	{"ZTS-3.5-02", ztc_judge_essential},  {"ZTS-3.5-03", ztc_judge_survive},
	{"ZTS-3.5-04", ztc_judge_bad_policy}, {"ZTS-3.7-02", ztc_judge_drift},
	{"ZTS-3.7-03", ztc_judge_signal},     {0},
};
