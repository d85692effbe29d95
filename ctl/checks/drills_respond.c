// SPDX-License-Identifier: Apache-2.0
/* drills_respond.c - checks of drills that respond to something: containment, a dead agent, drift,
 * signals. */
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/json.h"
#include "ctl/checks/drills.h"

#define DAY_S	86400
#define P95_MAX 256 /* the latest ones that a percentile is made of */

static int by_value(const void *a, const void *b)
{
	int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;

	return (x > y) - (x < y);
}

/* The 95th percentile (nearest rank) of contained_ms over all drills that count; -1: one was never
 * contained. */
static int64_t contain_p95(const struct ztc_drilled *d, bool *ret_automatic, int64_t *ret_count)
{
	const json_t *all = json_object_get(json_object_get(d->facts->facts, "records"), "data");
	int64_t ms[P95_MAX], oldest;
	const json_t *record;
	size_t i, n = 0;

	oldest = d->facts->now_s - (int64_t)ztc_limit(d->facts, d->id, "pass_days") * DAY_S;
	*ret_automatic = true;
	json_array_foreach (json_object_get(all, "drills"), i, record) {
		const json_t *body = json_object_get(record, "body");

		if (n == P95_MAX || !ztc_drill_counts(record, d->name) ||
		    (record != d->record && ztc_drill_ended(record) < oldest))
			continue;
		ms[n] = ztc_drill_number(body, "contained_ms", -1);
		if (ms[n] < 0)
			ms[n] = INT64_MAX;
		*ret_automatic = *ret_automatic && ztc_drill_is(body, "automatic");
		n++;
	}
	*ret_count = (int64_t)n;
	qsort(ms, n, sizeof(*ms), by_value);
	i = n ? (n * 95 + 99) / 100 - 1 : 0;
	return !n || ms[i] == INT64_MAX ? -1 : ms[i];
}

void ztc_judge_contain(const struct ztc_facts *facts, struct ztc_result *r)
{
	struct ztc_drilled d = {.id = "ZTS-3.5-01", .name = "contain", .facts = facts, .r = r};
	double pass_ms = ztc_limit(facts, d.id, "pass_ms");
	double partial_ms = ztc_limit(facts, d.id, "partial_ms");
	int64_t p95, count;
	bool automatic;

	ztc_expected(r, N_("contained within %g s, by itself (partial: %g s or one human act)"),
		     pass_ms / 1000, partial_ms / 1000);
	if (!ztc_drill_latest(&d, ZTC_STATE_FAIL))
		return;
	p95 = contain_p95(&d, &automatic, &count);
	ztc_observed(r, N_("95th percentile %lld ms of %lld drills, the last %lld days ago"),
		     (long long)p95, (long long)count, (long long)d.age_days);
	if (p95 < 0)
		ztc_conclude(r, ZTC_STATE_FAIL, N_("the signal did not lead to containment"));
	else if (p95 > partial_ms)
		ztc_conclude(r, ZTC_STATE_FAIL, N_("containment took %lld ms"), (long long)p95);
	else if (p95 <= pass_ms && automatic)
		ztc_conclude(r, ztc_drill_aged(&d, ZTC_STATE_PASS), N_("contained after %lld ms"),
			     (long long)p95);
	else
		ztc_conclude(r, ZTC_STATE_PARTIAL,
			     automatic ? N_("containment took %lld ms")
				       : N_("contained after %lld ms, but not by itself"),
			     (long long)p95);
}

void ztc_judge_essential(const struct ztc_facts *facts, struct ztc_result *r)
{
	struct ztc_drilled d = {.id = "ZTS-3.5-02", .name = "contain", .facts = facts, .r = r};
	int64_t tried, ok, other, leaked;

	ztc_expected(
		r,
		N_("all essential connections kept, none other (partial: at most %g%% of others)"),
		ztc_limit(facts, d.id, "partial_leak_share") * 100);
	if (!ztc_drill_latest(&d, ZTC_STATE_UNKNOWN))
		return;
	tried = ztc_drill_number(d.body, "essential_tried", 0);
	ok = ztc_drill_number(d.body, "essential_ok", 0);
	other = ztc_drill_number(d.body, "other_tried", 0);
	leaked = ztc_drill_number(d.body, "other_passed", other);
	ztc_observed(r, N_("essential: %lld of %lld worked; others: %lld of %lld passed"),
		     (long long)ok, (long long)tried, (long long)leaked, (long long)other);
	r->num = ok;
	r->den = tried;
	if (tried <= 0 || other <= 0)
		ztc_conclude(r, ZTC_STATE_UNKNOWN,
			     N_("the drill tried no essential, or no other connection"));
	else if (ok < tried)
		ztc_conclude(r, ZTC_STATE_FAIL, N_("containment cut %lld essential connections"),
			     (long long)(tried - ok));
	else if (leaked == 0)
		ztc_conclude(r, ztc_drill_aged(&d, ZTC_STATE_PASS),
			     N_("essential connections stayed, all others were blocked"));
	else
		ztc_conclude(r,
			     (double)leaked <= ztc_limit(facts, d.id, "partial_leak_share") * other
				     ? ZTC_STATE_PARTIAL
				     : ZTC_STATE_FAIL,
			     N_("%lld other connections passed during containment"),
			     (long long)leaked);
}

void ztc_judge_survive(const struct ztc_facts *facts, struct ztc_result *r)
{
	struct ztc_drilled d = {.id = "ZTS-3.5-03", .name = "survive", .facts = facts, .r = r};
	int64_t seconds, leaks, losses, restart;

	ztc_expected(
		r,
		N_("denied stays denied and allowed stays allowed for %g s, agent back within %g s"),
		ztc_limit(facts, d.id, "seconds"), ztc_limit(facts, d.id, "restart_ms") / 1000);
	if (!ztc_drill_latest(&d, ZTC_STATE_UNKNOWN))
		return;
	seconds = ztc_drill_number(d.body, "seconds", 0);
	leaks = ztc_drill_number(d.body, "deny_leaks", INT64_MAX);
	losses = ztc_drill_number(d.body, "allow_losses", INT64_MAX);
	restart = ztc_drill_number(d.body, "restart_ms", -1);
	ztc_observed(r, N_("watched %lld s; %lld leaks, %lld losses; agent back after %lld ms"),
		     (long long)seconds, (long long)leaks, (long long)losses, (long long)restart);
	if (leaks)
		ztc_conclude(r, ZTC_STATE_FAIL,
			     N_("fail-open: denied connections passed while the agent was "
				"dead"));
	else if (losses)
		ztc_conclude(r, ZTC_STATE_FAIL,
			     N_("fail-dead: allowed connections failed while the agent was "
				"dead"));
	else if (seconds < ztc_limit(facts, d.id, "seconds"))
		ztc_conclude(r, ZTC_STATE_UNKNOWN,
			     N_("the drill watched %lld s, too short to prove it"),
			     (long long)seconds);
	else if (restart < 0 || restart > ztc_limit(facts, d.id, "restart_ms"))
		ztc_conclude(r, ZTC_STATE_PARTIAL,
			     N_("protection held; the agent did not come back in time"));
	else
		ztc_conclude(
			r, ztc_drill_aged(&d, ZTC_STATE_PASS),
			N_("protection held for %lld s without an agent, which was back after %lld ms"),
			(long long)seconds, (long long)restart);
}

void ztc_judge_bad_policy(const struct ztc_facts *facts, struct ztc_result *r)
{
	struct ztc_drilled d = {.id = "ZTS-3.5-04", .name = "bad-policy", .facts = facts, .r = r};
	int64_t within, reverted;

	ztc_expected(r, N_("a policy that cuts the way to confirm it is taken back in its time"));
	if (!ztc_drill_latest(&d, ZTC_STATE_UNKNOWN))
		return;
	within = ztc_drill_number(d.body, "within_ms", 0);
	reverted = ztc_drill_number(d.body, "reverted_ms", -1);
	ztc_observed(r, N_("allowed %lld ms, taken back after %lld ms, %lld days ago"),
		     (long long)within, (long long)reverted, (long long)d.age_days);
	if (!ztc_drill_is(d.body, "path_cut"))
		ztc_conclude(r, ZTC_STATE_UNKNOWN,
			     N_("the drill did not cut its way, so it proves nothing"));
	else if (reverted < 0 || !ztc_drill_is(d.body, "path_back") || !ztc_drill_passed(&d))
		ztc_conclude(r, ZTC_STATE_FAIL, N_("the bad policy was not taken back"));
	else if ((double)reverted > within + ztc_limit(facts, d.id, "slack_ms"))
		ztc_conclude(r, ZTC_STATE_FAIL, N_("it was taken back %lld ms late"),
			     (long long)(reverted - within));
	else
		ztc_conclude(r, ztc_drill_aged(&d, ZTC_STATE_PASS),
			     N_("the bad policy was taken back after %lld ms"),
			     (long long)reverted);
}

void ztc_judge_drift(const struct ztc_facts *facts, struct ztc_result *r)
{
	struct ztc_drilled d = {.id = "ZTS-3.7-02", .name = "drift", .facts = facts, .r = r};
	int64_t detect, restore;

	ztc_expected(r, N_("drift detected within %g s, repaired within %g s"),
		     ztc_limit(facts, d.id, "detect_ms") / 1000,
		     ztc_limit(facts, d.id, "restore_ms") / 1000);
	if (!ztc_drill_latest(&d, ZTC_STATE_UNKNOWN))
		return;
	detect = ztc_drill_number(d.body, "detect_ms", -1);
	restore = ztc_drill_number(d.body, "restore_ms", -1);
	ztc_observed(r, N_("detected after %lld ms, repaired after %lld ms, %lld days ago"),
		     (long long)detect, (long long)restore, (long long)d.age_days);
	if (detect < 0)
		ztc_conclude(r, ZTC_STATE_FAIL, N_("the drift was not detected"));
	else if (restore < 0 || restore > ztc_limit(facts, d.id, "restore_ms") ||
		 detect > ztc_limit(facts, d.id, "detect_ms"))
		ztc_conclude(r, ZTC_STATE_PARTIAL,
			     N_("the drift was detected, not repaired in time"));
	else
		ztc_conclude(r, ztc_drill_aged(&d, ZTC_STATE_PASS),
			     N_("the drift was detected after %lld ms and repaired after %lld ms"),
			     (long long)detect, (long long)restore);
}

void ztc_judge_signal(const struct ztc_facts *facts, struct ztc_result *r)
{
	struct ztc_drilled d = {.id = "ZTS-3.7-03", .name = "signal", .facts = facts, .r = r};
	int64_t changed, reverted;

	ztc_expected(r, N_("a signal changes what is enforced within %g s and ends by itself"),
		     ztc_limit(facts, d.id, "pass_ms") / 1000);
	if (!ztc_drill_latest(&d, ZTC_STATE_FAIL))
		return;
	changed = ztc_drill_number(d.body, "changed_ms", -1);
	reverted = ztc_drill_number(d.body, "reverted_ms", -1);
	ztc_observed(r, N_("enforced after %lld ms, ended after %lld ms, %lld days ago"),
		     (long long)changed, (long long)reverted, (long long)d.age_days);
	if (changed < 0)
		ztc_conclude(r, ZTC_STATE_FAIL, N_("the signal changed nothing"));
	else if (!ztc_drill_is(d.body, "automatic") || reverted < 0 ||
		 changed > ztc_limit(facts, d.id, "pass_ms"))
		ztc_conclude(
			r, ZTC_STATE_PARTIAL,
			N_("the signal changed what is enforced, but late, by hand or without an end"));
	else
		ztc_conclude(r, ztc_drill_aged(&d, ZTC_STATE_PASS),
			     N_("the signal was enforced after %lld ms and ended by itself"),
			     (long long)changed);
}
