// SPDX-License-Identifier: Apache-2.0
/*
 * records_review.c - ZTS-3.6-07: was what happened looked at by somebody else than who wrote the
 * policy, and is what he looked at what happened.
 */
#include <string.h>

#include "base/cleanup.h"
#include "base/json.h"
#include "ctl/checks/records.h"

#define ID "ZTS-3.6-07"

/* The newest review, as the collector held it against the pack and against the flows. */
struct review {
	const json_t *row;
	int64_t signed_s, from_s, to_s, age_days;
	int64_t items, disposed;
};

static bool is(const json_t *row, const char *key, const char *value)
{
	return strcmp(ztc_rec_text(row, key), value) == 0;
}

/* Without a review: a young host has had none to make. */
static void none(const struct ztc_facts *facts, struct ztc_result *r)
{
	int64_t period = (int64_t)ztc_limit(facts, ID, "pass_days");
	int64_t age = ztc_host_age(facts, r);

	if (age >= 0 && age < period * ZTC_DAY)
		ztc_conclude(r, ZTC_STATE_UNKNOWN,
			     N_("this host is %lld days old, younger than one period of %lld days"),
			     (long long)(age / ZTC_DAY), (long long)period);
	else if (age < 0)
		ztc_conclude(r, ZTC_STATE_UNKNOWN,
			     N_("no signed review, and how old this host is is not known"));
	else
		ztc_conclude(r, ZTC_STATE_FAIL,
			     N_("no signed review: 'ztctl review pack', then 'ztctl review sign'"));
}

/* Whether the signature and the data are what they have to be; else concludes. */
static bool holds(const struct review *rv, struct ztc_result *r)
{
	const char *signer = ztc_rec_text(rv->row, "signer");

	if (json_is_true(json_object_get(rv->row, "self_reviewed")))
		ztc_conclude(
			r, ZTC_STATE_FAIL,
			N_("%s, who signed the review, also signs policy: somebody else has to "
			   "review"),
			signer);
	else if (json_is_false(json_object_get(rv->row, "author_known")))
		ztc_conclude(
			r, ZTC_STATE_UNKNOWN,
			N_("who writes policy is not known here, so nobody can tell whether "
			   "somebody else reviewed it: put the author's key into the role policy"));
	else if (!is(rv->row, "grade", "A"))
		ztc_conclude(
			r, ZTC_STATE_UNKNOWN,
			N_("the review is not signed by a reviewer that is known here: put the key "
			   "into the role reviewer"));
	else if (is(rv->row, "pack", "altered"))
		ztc_conclude(r, ZTC_STATE_FAIL, N_("the pack is another than what was signed: %s"),
			     ztc_rec_text(rv->row, "why"));
	else if (!is(rv->row, "pack", "ok"))
		ztc_conclude(r, ZTC_STATE_UNKNOWN,
			     N_("the pack that was signed cannot be looked at: %s"),
			     ztc_rec_text(rv->row, "why"));
	else if (is(rv->row, "flows", "different"))
		ztc_conclude(
			r, ZTC_STATE_FAIL,
			N_("what was reviewed is not what was recorded: the digest of the recorded "
			   "flows is another (%s)"),
			ztc_rec_text(rv->row, "why"));
	else if (!is(rv->row, "flows", "same"))
		ztc_conclude(
			r, ZTC_STATE_UNKNOWN,
			N_("the recorded flows of the period cannot be read, so the digest cannot "
			   "be worked out again: %s"),
			ztc_rec_text(rv->row, "why"));
	else
		return true;
	return false;
}

static void judge_dates(const struct ztc_facts *facts, struct ztc_result *r,
			const struct review *rv)
{
	int64_t pass = (int64_t)ztc_limit(facts, ID, "pass_days");
	int64_t partial = (int64_t)ztc_limit(facts, ID, "partial_days");
	double left = ztc_limit(facts, ID, "partial_undisposed");
	int64_t open = rv->items - rv->disposed;

	ztc_expected(r,
		     N_("signed at most %lld days ago, every item disposed of (partial: %lld days, "
			"%g%% open)"),
		     (long long)pass, (long long)partial, left * 100);
	ztc_observed(r,
		     N_("signed %lld days ago by %s; %lld of %lld items disposed of; digests hold"),
		     (long long)rv->age_days, ztc_rec_text(rv->row, "signer"),
		     (long long)rv->disposed, (long long)rv->items);
	r->num = rv->disposed;
	r->den = rv->items;
	if (rv->age_days > partial)
		ztc_conclude(r, ZTC_STATE_FAIL, N_("the last review is %lld days old"),
			     (long long)rv->age_days);
	else if ((double)open > left * (double)rv->items + 1e-9)
		ztc_conclude(r, ZTC_STATE_FAIL, N_("%lld of %lld items were left undecided"),
			     (long long)open, (long long)rv->items);
	else if (open)
		ztc_conclude(r, ZTC_STATE_PARTIAL, N_("%lld of %lld items were left undecided"),
			     (long long)open, (long long)rv->items);
	else if (rv->age_days > pass)
		ztc_conclude(r, ZTC_STATE_PARTIAL, N_("the last review is %lld days old"),
			     (long long)rv->age_days);
	else if (json_is_true(json_object_get(rv->row, "short_period")))
		ztc_conclude(r, ZTC_STATE_PARTIAL,
			     N_("the review covers %lld days, less than a period of %lld"),
			     (long long)((rv->to_s - rv->from_s) / ZTC_DAY),
			     (long long)ztc_limit(facts, ID, "period_days"));
	else
		ztc_conclude(
			r, ZTC_STATE_PASS,
			N_("reviewed by %s %lld days ago; all %lld items decided, digests hold"),
			ztc_rec_text(rv->row, "signer"), (long long)rv->age_days,
			(long long)rv->items);
}

void ztc_judge_review(const struct ztc_facts *facts, struct ztc_result *r)
{
	const json_t *data = ztc_fact(facts, "review", r);
	struct review rv = {.row = json_object_get(data, "newest")};
	int64_t pass_s, late;

	if (!data)
		return;
	if (!json_is_object(rv.row)) {
		none(facts, r);
		return;
	}
	rv.signed_s = ztc_rec_time(rv.row, "ended");
	rv.from_s = ztc_rec_time(rv.row, "from");
	rv.to_s = ztc_rec_time(rv.row, "to");
	rv.items = json_integer_value(json_object_get(rv.row, "items"));
	rv.disposed = json_integer_value(json_object_get(rv.row, "disposed"));
	r->grade = ztc_rec_text(rv.row, "grade")[0] == 'A' ? "A" : "D";
	r->from_s = rv.from_s;
	r->to_s = rv.to_s;
	if (!holds(&rv, r))
		return;
	/* A period of long ago that is signed today is as old as it is. */
	pass_s = (int64_t)ztc_limit(facts, ID, "pass_days") * ZTC_DAY;
	late = rv.signed_s - rv.to_s > pass_s ? rv.to_s : rv.signed_s;
	rv.age_days = (facts->now_s - late + ZTC_DAY - 1) / ZTC_DAY;
	if (rv.signed_s < 0 || rv.to_s < 0 || rv.from_s < 0 || rv.from_s >= rv.to_s ||
	    rv.items < rv.disposed || rv.disposed < 0)
		ztc_conclude(r, ZTC_STATE_ERROR, N_("the review says nothing that can be judged"));
	else
		judge_dates(facts, r, &rv);
}
