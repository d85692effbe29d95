// SPDX-License-Identifier: Apache-2.0
/*
 * records_policy.c - ZTS-3.7-04 and 3.7-05: is the policy in force the published one, without what
 * has expired, reviewed; and did every change of it come through the pipeline.
 *
 * There is no controller: what one would say (the published head, that a pipeline made a change)
 * is read from signed records of the kind "approval"; docs/evidence.md has their form.
 */
#include <string.h>

#include "base/cleanup.h"
#include "base/json.h"
#include "ctl/checks/records.h"

/* --- 3.7-04 convergence and age --- */

#define AGE_ID "ZTS-3.7-04"

/* The worst of what was found, with its sentence; set through keep(). */
struct worst {
	struct ztc_result *r;
	enum ztc_state state;
};

/* A worse state takes over; the first sentence of a state stays. */
static bool takes(struct worst *w, enum ztc_state state)
{
	if (state <= w->state)
		return false;
	w->state = state;
	return true;
}

static const json_t *newest_approval(const json_t *records, const char *name)
{
	const json_t *row;
	size_t i;

	json_array_foreach (json_object_get(records, "approvals"), i, row) {
		if (strcmp(ztc_rec_text(row, "name"), name) == 0 && ztc_rec_sealed(row) &&
		    strcmp(ztc_rec_text(row, "grade"), "A") == 0)
			return row;
	}
	return NULL;
}

static void judge_lag(const struct ztc_facts *facts, struct worst *w, int64_t lag_s)
{
	int64_t pass = (int64_t)(ztc_limit(facts, AGE_ID, "pass_hours") * ZTC_HOUR);
	int64_t partial = (int64_t)(ztc_limit(facts, AGE_ID, "partial_hours") * ZTC_HOUR);
	enum ztc_state state = lag_s <= pass	  ? ZTC_STATE_PASS
			       : lag_s <= partial ? ZTC_STATE_PARTIAL
						  : ZTC_STATE_FAIL;

	if (takes(w, state) && state != ZTC_STATE_PASS)
		ztc_conclude(
			w->r, state,
			N_("the published policy is another than the one in force, since %lld min"),
			(long long)(lag_s / 60));
}

/* What the controller publishes; a word of long ago says nothing about now. */
static void judge_head(const struct ztc_facts *facts, struct worst *w, const json_t *head,
		       const char *digest)
{
	const json_t *body = json_object_get(head, "body");
	int64_t said = ztc_rec_time(head, "ended");
	int64_t published = ztc_rec_time(body, "published_at");
	int64_t max = (int64_t)(ztc_limit(facts, AGE_ID, "head_hours") * ZTC_HOUR);

	if (facts->now_s - said > max || published < 0) {
		if (takes(w, ZTC_STATE_UNKNOWN))
			ztc_conclude(w->r, ZTC_STATE_UNKNOWN,
				     N_("what is published was last told %lld h ago"),
				     (long long)((facts->now_s - said) / ZTC_HOUR));
		return;
	}
	judge_lag(facts, w,
		  strcmp(ztc_rec_text(body, "digest"), digest) == 0 ? 0 : facts->now_s - published);
}

/* Without a controller: the policy's file or directory, when somebody signed it. */
static void judge_bundle(const struct ztc_facts *facts, struct worst *w, const char *digest)
{
	const json_t *bundle = ztc_fact_maybe(facts, "bundle", w->r);
	int64_t changed = ztc_rec_time(bundle, "modified");

	if (!bundle || !json_is_true(json_object_get(bundle, "signed")) || changed < 0) {
		if (takes(w, ZTC_STATE_UNKNOWN))
			ztc_conclude(
				w->r, ZTC_STATE_UNKNOWN,
				N_("nothing to compare with: no published head, and the policy "
				   "file is not signed by a key of the role policy (%s)"),
				*ztc_rec_text(bundle, "why") ? ztc_rec_text(bundle, "why") : "-");
		return;
	}
	judge_lag(facts, w,
		  strcmp(ztc_rec_text(bundle, "digest"), digest) == 0 ? 0 : facts->now_s - changed);
}

static bool counts(const json_t *statement)
{
	return strcmp(ztc_rec_text(statement, "kind"), "failsafe") != 0 &&
	       strncmp(ztc_rec_text(statement, "id"), "zt-drill", 8) != 0 &&
	       strcmp(ztc_rec_text(statement, "mode"), "enforced") == 0;
}

static void judge_expired(const struct ztc_facts *facts, struct worst *w, const json_t *policy)
{
	const json_t *s;
	size_t i;

	json_array_foreach (json_object_get(policy, "statements"), i, s) {
		bool dead = json_is_true(json_object_get(s, "expired"));
		int64_t end = ztc_rec_time(s, "expires");
		const char *id = ztc_rec_text(s, "id");

		if (!dead && (end < 0 || end > facts->now_s))
			continue;
		ztc_offender(w->r, id,
			     dead ? N_("has expired and is still part of the policy")
				  : N_("has expired and still decides"));
		if (!dead && takes(w, ZTC_STATE_FAIL))
			ztc_conclude(w->r, ZTC_STATE_FAIL, N_("%s has expired and still decides"),
				     id);
		if (dead && takes(w, ZTC_STATE_PARTIAL))
			ztc_conclude(
				w->r, ZTC_STATE_PARTIAL,
				N_("%s has expired and is still part of the policy: take it out"),
				id);
	}
}

static void judge_reviewed(const struct ztc_facts *facts, struct worst *w, const json_t *policy)
{
	const json_t *review = ztc_fact_maybe(facts, "review", w->r), *s;
	const json_t *rules = json_object_get(review, "rules");
	int64_t days = (int64_t)ztc_limit(facts, AGE_ID, "review_days"), never = 0, old = 0;
	size_t i;

	w->r->num = w->r->den = 0;
	json_array_foreach (json_object_get(policy, "statements"), i, s) {
		const char *id = ztc_rec_text(s, "id");
		int64_t at = ztc_rec_time(rules, id);

		if (!counts(s))
			continue;
		w->r->den++;
		if (at >= 0 && facts->now_s - at <= days * ZTC_DAY) {
			w->r->num++;
		} else if (at < 0) {
			never++;
			ztc_offender(w->r, id, N_("is in no signed review"));
		} else {
			old++;
			ztc_offender(w->r, id, N_("was last reviewed %lld days ago"),
				     (long long)((facts->now_s - at) / ZTC_DAY));
		}
	}
	if (old && takes(w, ZTC_STATE_FAIL))
		ztc_conclude(w->r, ZTC_STATE_FAIL,
			     N_("%lld statements were not reviewed for %lld days"), (long long)old,
			     (long long)days);
	if (never && takes(w, ZTC_STATE_UNKNOWN))
		ztc_conclude(
			w->r, ZTC_STATE_UNKNOWN,
			N_("%lld of %lld statements are in no signed review: 'ztctl review pack' "
			   "lists them all"),
			(long long)never, (long long)w->r->den);
}

void ztc_judge_convergence(const struct ztc_facts *facts, struct ztc_result *r)
{
	const json_t *policy = ztc_fact(facts, "policy", r);
	const json_t *records = ztc_fact_maybe(facts, "records", r);
	const json_t *head = newest_approval(records, "head");
	struct worst w = {r, ZTC_STATE_NA};
	const char *digest = ztc_rec_text(policy, "digest");

	if (!policy)
		return;
	ztc_expected(r,
		     N_("the published policy within %g h (partial: %g h), nothing expired, every "
			"statement reviewed within %g days"),
		     ztc_limit(facts, AGE_ID, "pass_hours"),
		     ztc_limit(facts, AGE_ID, "partial_hours"),
		     ztc_limit(facts, AGE_ID, "review_days"));
	if (!*digest) {
		ztc_conclude(r, ZTC_STATE_UNKNOWN, N_("no policy is in force"));
		return;
	}
	if (head)
		judge_head(facts, &w, head, digest);
	else
		judge_bundle(facts, &w, digest);
	judge_expired(facts, &w, policy);
	judge_reviewed(facts, &w, policy);
	r->grade = head ? "A" : "C";
	ztc_observed(r, N_("in force: %s revision %lld; %lld of %lld statements reviewed in time"),
		     ztc_rec_text(policy, "name"),
		     (long long)json_integer_value(json_object_get(policy, "revision")),
		     (long long)r->num, (long long)r->den);
	if (w.state <= ZTC_STATE_PASS)
		ztc_conclude(r, ZTC_STATE_PASS,
			     N_("the published policy is in force, nothing has expired, all %lld "
				"statements were reviewed"),
			     (long long)r->den);
}

/* --- 3.7-05 changes come from the pipeline --- */

#define PIPE_ID "ZTS-3.7-05"

static bool attested(const json_t *records, const char *digest)
{
	const json_t *row;
	size_t i;

	json_array_foreach (json_object_get(records, "approvals"), i, row) {
		const json_t *body = json_object_get(row, "body");

		if (strcmp(ztc_rec_text(row, "name"), "change") == 0 && ztc_rec_sealed(row) &&
		    strcmp(ztc_rec_text(row, "grade"), "A") == 0 && *digest &&
		    strcmp(ztc_rec_text(body, "digest"), digest) == 0 &&
		    *ztc_rec_text(body, "pipeline"))
			return true;
	}
	return false;
}

static void judge_change(struct ztc_result *r, const json_t *records, const json_t *entry)
{
	bool is_signed = json_is_true(json_object_get(entry, "signed"));
	bool from_pipeline = attested(records, ztc_rec_text(entry, "digest"));
	char resource[48];

	r->den++;
	if (is_signed && from_pipeline) {
		r->num++;
		return;
	}
	snprintf(resource, sizeof(resource), "entry:%lld",
		 (long long)json_integer_value(json_object_get(entry, "entry")));
	ztc_offender(r, resource,
		     is_signed ? N_("revision %lld of %s: no pipeline vouches for it")
		     : from_pipeline
			     ? N_("revision %lld of %s: not signed")
			     : N_("revision %lld of %s: not signed, and no pipeline vouches "
				  "for it"),
		     (long long)json_integer_value(json_object_get(entry, "revision")),
		     ztc_rec_text(entry, "at"));
}

/* Uses of break-glass that were not closed within the time, told of or not. */
static int64_t open_glass(const struct ztc_facts *facts, struct ztc_result *r,
			  const json_t *records, const json_t *changes)
{
	int64_t limit = (int64_t)(ztc_limit(facts, PIPE_ID, "glass_hours") * ZTC_HOUR), bad = 0;
	bool told = false;
	const json_t *row;
	size_t i;

	json_array_foreach (json_object_get(records, "approvals"), i, row) {
		const json_t *body = json_object_get(row, "body");
		int64_t opened = ztc_rec_time(body, "opened_at");
		int64_t closed = ztc_rec_time(body, "closed_at");

		if (strcmp(ztc_rec_text(row, "name"), "break-glass") != 0 || opened < r->from_s)
			continue;
		told = told || closed < 0;
		if ((closed < 0 ? facts->now_s : closed) - opened <= limit && ztc_rec_sealed(row))
			continue;
		bad++;
		ztc_offender(r, ztc_rec_text(row, "id"),
			     N_("break-glass was not closed within %lld h by a signed record"),
			     (long long)(limit / ZTC_HOUR));
	}
	if (json_is_true(json_object_get(changes, "observing")) && !told) {
		bad++;
		ztc_offender(r, "observe",
			     N_("break-glass is in use now and no record tells of it"));
	}
	return bad;
}

static void conclude_pipeline(const struct ztc_facts *facts, struct ztc_result *r,
			      const json_t *changes, int64_t glass)
{
	if (!r->den) {
		ztc_conclude(r, ZTC_STATE_UNKNOWN, N_("no change of policy in %lld days"),
			     (long long)((r->to_s - r->from_s) / ZTC_DAY));
		return;
	}
	ztc_share(facts, r, PIPE_ID, r->num, r->den, true);
	if (r->state == ZTC_STATE_PASS && !json_is_true(json_object_get(changes, "complete")))
		ztc_conclude(
			r, ZTC_STATE_UNKNOWN,
			N_("all of the last %lld changes came from the pipeline; older ones are not "
			   "kept, so %lld days are not covered"),
			(long long)r->den, (long long)((r->to_s - r->from_s) / ZTC_DAY));
	else if (r->state == ZTC_STATE_PASS && glass)
		ztc_conclude(
			r, ZTC_STATE_PARTIAL,
			N_("all %lld changes came from the pipeline, but %lld uses of break-glass "
			   "were not closed in time"),
			(long long)r->den, (long long)glass);
}

void ztc_judge_pipeline(const struct ztc_facts *facts, struct ztc_result *r)
{
	const json_t *changes = ztc_fact(facts, "changes", r), *entry;
	const json_t *records = changes ? ztc_fact(facts, "records", r) : NULL;
	int64_t glass;
	size_t i;

	if (!changes || !records)
		return;
	r->to_s = facts->now_s;
	r->from_s = facts->now_s - (int64_t)(ztc_limit(facts, PIPE_ID, "window_days") * ZTC_DAY);
	r->num = r->den = 0;
	r->grade = "C";
	if (!json_is_true(json_object_get(changes, "intact"))) {
		ztc_conclude(r, ZTC_STATE_FAIL,
			     N_("the history of policy changes is broken: 'ztctl policy history'"));
		return;
	}
	json_array_foreach (json_object_get(changes, "entries"), i, entry) {
		if (ztc_rec_time(entry, "at") >= r->from_s)
			judge_change(r, records, entry);
	}
	glass = open_glass(facts, r, records, changes);
	ztc_observed(r,
		     N_("%lld of %lld changes are signed and vouched for by a pipeline; %lld uses "
			"of break-glass not closed in time"),
		     (long long)r->num, (long long)r->den, (long long)glass);
	conclude_pipeline(facts, r, changes, glass);
}
