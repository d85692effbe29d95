// SPDX-License-Identifier: Apache-2.0
/*
 * logs_keep.c - ZTS-3.6-03, -04, -05: are decisions on record in full, is nothing lost silently, is
 * what is kept unaltered and kept for long enough?
 */
#include <string.h>

#include "ctl/checks/logs.h"

#define LOSS  "ZTS-3.6-04"
#define STORE "ZTS-3.6-05"
#define DAY_S 86400

/* --- ZTS-3.6-03 ------------------------------------------------------------------------------ */

void ztc_judge_decisions(const struct ztc_facts *facts, struct ztc_result *r)
{
	const json_t *decisions = ztc_fact(facts, "decisions", r), *count;
	int64_t records, complete;
	const char *field;

	if (!decisions)
		return;
	records = ztc_log_number(decisions, "records");
	complete = ztc_log_number(decisions, "complete");
	json_object_foreach ((json_t *)json_object_get(decisions, "missing"), field, count) {
		if (json_integer_value(count) > 0)
			ztc_offender(r, field, N_("missing in %lld of %lld records"),
				     (long long)json_integer_value(count), (long long)records);
	}
	ztc_share(facts, r, "ZTS-3.6-03", complete, records, false);
	ztc_observed(
		r,
		N_("%lld of %lld decision records have time, five-tuple, direction, verdict, rule, "
		   "policy digest, subject, peer label and attributes"),
		(long long)complete, (long long)records);
	r->grade = "C";
}

/* --- ZTS-3.6-04 ------------------------------------------------------------------------------ */

/* What all sources come to. */
struct loss {
	int sources, unseen;
	int64_t lost, total; /* total 0 = not known of one that lost something */
	int64_t from_s;	     /* latest beginning of what looks back */
	bool no_total;
};

static void add_source(const json_t *source, struct loss *l, struct ztc_result *r)
{
	const json_t *lost = json_object_get(source, "lost"),
		     *total = json_object_get(source, "total");
	const char *name = ztc_log_text(source, "name");
	int64_t since = ztc_log_time(source, "since");

	l->sources++;
	if (!json_is_integer(lost)) {
		l->unseen++;
		ztc_offender(r, name, N_("what it loses cannot be seen: %s"),
			     ztc_log_text(source, "why"));
		return;
	}
	/* The kernel counts from boot on: that is no memory that could be too short. */
	if (strcmp(name, "audit") != 0 && strcmp(name, "rsyslog") != 0 && since > l->from_s)
		l->from_s = since;
	l->lost += json_integer_value(lost);
	l->total += json_integer_value(total);
	if (!json_integer_value(lost))
		return;
	l->no_total |= !json_is_integer(total) || json_integer_value(total) <= 0;
	if (json_is_integer(total))
		ztc_offender(r, name, N_("lost %lld, beside %lld that it has"),
			     (long long)json_integer_value(lost),
			     (long long)json_integer_value(total));
	else
		ztc_offender(r, name, N_("lost %lld since it began to count"),
			     (long long)json_integer_value(lost));
}

static void judge_lost(const struct ztc_facts *facts, const struct loss *l, struct ztc_result *r)
{
	double limit = ztc_limit(facts, LOSS, "partial_share");
	bool little = !l->no_total &&
		      (double)l->lost <= limit * (double)(l->lost + l->total) * (1 + 1e-9);

	if (!little)
		ztc_conclude(r, ZTC_STATE_FAIL, N_("%lld records were lost, more than %g%%"),
			     (long long)l->lost, limit * 100);
	else if (l->unseen)
		ztc_conclude(
			r, ZTC_STATE_UNKNOWN,
			N_("%lld records were lost, and what %d of %d sources lose cannot be seen"),
			(long long)l->lost, l->unseen, l->sources);
	else
		ztc_conclude(r, ZTC_STATE_PARTIAL, N_("%lld of %lld records were lost"),
			     (long long)l->lost, (long long)(l->lost + l->total));
}

static void judge_kept(const struct ztc_facts *facts, const struct loss *l, struct ztc_result *r)
{
	int64_t days = l->from_s ? (facts->now_s - l->from_s) / DAY_S : 0;
	int want = (int)ztc_limit(facts, LOSS, "window_days");
	int least = (int)ztc_limit(facts, LOSS, "min_days");

	if (l->unseen)
		ztc_conclude(
			r, ZTC_STATE_UNKNOWN,
			N_("nothing was seen to be lost, but what %d of %d sources lose cannot be "
			   "seen"),
			l->unseen, l->sources);
	else if (l->from_s && days < least)
		ztc_conclude(r, ZTC_STATE_UNKNOWN,
			     N_("nothing was lost, but records go back %lld of %d days only"),
			     (long long)days, least);
	else if (l->from_s)
		ztc_conclude(r, ZTC_STATE_PASS,
			     N_("no source of records lost anything in %lld days (%d are wanted)"),
			     (long long)days, want);
	else
		ztc_conclude(r, ZTC_STATE_PASS,
			     N_("no source of records lost anything since it began to count"));
}

void ztc_judge_loss(const struct ztc_facts *facts, struct ztc_result *r)
{
	const json_t *data = ztc_fact(facts, "log_loss", r), *source;
	struct loss l = {0};
	size_t i;

	ztc_expected(
		r,
		N_("nothing lost over %d days by the agent, journald, rsyslog, audit as far as "
		   "they are here (partial: %g%%)"),
		(int)ztc_limit(facts, LOSS, "window_days"),
		ztc_limit(facts, LOSS, "partial_share") * 100);
	if (!data)
		return;
	json_array_foreach (json_object_get(data, "sources"), i, source)
		add_source(source, &l, r);
	if (!l.sources) {
		ztc_conclude(
			r, ZTC_STATE_UNKNOWN,
			N_("no source of records was found: no agent, journald, rsyslog, audit"));
		return;
	}
	r->num = l.lost;
	r->den = l.lost + l.total;
	r->from_s = l.from_s;
	r->to_s = facts->now_s;
	ztc_observed(r, N_("sources: %d, of which %d cannot be seen; lost: %lld"), l.sources,
		     l.unseen, (long long)l.lost);
	if (l.lost)
		judge_lost(facts, &l, r);
	else
		judge_kept(facts, &l, r);
}

/* --- ZTS-3.6-05 ------------------------------------------------------------------------------ */

/* The youngest of what must go back far enough. */
static int64_t oldest_of(const json_t *data)
{
	int64_t journal = ztc_log_time(json_object_get(data, "journal"), "oldest");
	int64_t recorded = ztc_log_time(data, "recorded_since");

	return journal > recorded ? journal : recorded;
}

static bool broken(const json_t *data, struct ztc_result *r)
{
	const json_t *journal = json_object_get(data, "journal"), *file;
	const json_t *chain = json_object_get(data, "chain");
	const json_t *failed = json_object_get(journal, "failed");
	size_t i;

	json_array_foreach (failed, i, file)
		ztc_offender(r, json_string_value(file) ? json_string_value(file) : "?",
			     N_("journalctl --verify says that it is damaged or altered"));
	if (json_is_false(json_object_get(chain, "intact"))) {
		ztc_offender(r, "history", N_("the chain is broken: %s"),
			     ztc_log_text(chain, "why"));
		ztc_conclude(r, ZTC_STATE_FAIL,
			     N_("the chain of policy states is broken: an entry was altered or is "
				"missing"));
		return true;
	}
	if (json_array_size(failed)) {
		ztc_conclude(r, ZTC_STATE_FAIL, N_("%d journal file(s) are damaged or altered"),
			     (int)json_array_size(failed));
		return true;
	}
	return false;
}

/* No journal on disk: what is there instead? Returns true when that settles it. */
static bool not_kept(const json_t *data, struct ztc_result *r)
{
	const json_t *journal = json_object_get(data, "journal");

	if (json_is_true(json_object_get(journal, "persistent")))
		return false;
	if (json_is_true(json_object_get(journal, "there")))
		ztc_conclude(
			r, ZTC_STATE_FAIL,
			N_("the journal is kept in memory only and is gone after a reboot: set "
			   "Storage=persistent"));
	else if (ztc_log_time(data, "text_oldest"))
		ztc_conclude(r, ZTC_STATE_PARTIAL,
			     N_("records are kept as text files: nothing would show that they were "
				"altered"));
	else
		ztc_conclude(r, ZTC_STATE_FAIL, N_("no records are kept on disk here"));
	return true;
}

static void judge_kept_well(const struct ztc_facts *facts, const json_t *data, struct ztc_result *r)
{
	const json_t *journal = json_object_get(data, "journal");
	int want = (int)ztc_limit(facts, STORE, "retention_days");
	int64_t oldest = oldest_of(data);
	int64_t days = oldest ? (facts->now_s - oldest) / DAY_S : 0;
	int64_t sealed = ztc_log_number(journal, "sealed");
	int64_t verified = ztc_log_number(journal, "verified");

	r->num = days;
	r->den = want;
	ztc_observed(
		r,
		N_("oldest record: %lld days; journal files: %lld, sealed: %lld, verified: %lld"),
		(long long)days, (long long)ztc_log_number(journal, "files"), (long long)sealed,
		(long long)verified);
	if (!verified && ztc_log_number(journal, "keyless"))
		ztc_conclude(
			r, ZTC_STATE_PARTIAL,
			N_("the journal is sealed, but its seals can be verified with the key only "
			   "that is kept elsewhere: put it into /run/ztseg/journal.key (root, 0600) "
			   "for the time of the assessment"));
	else if (!verified)
		ztc_conclude(
			r, ZTC_STATE_UNKNOWN,
			N_("no journal file could be verified: journalctl is missing, or all are being "
			   "written or too large for the time (--timeout 60s gives more)"));
	else if (!sealed)
		ztc_conclude(
			r, ZTC_STATE_PARTIAL,
			N_("nothing is damaged, but the journal is not sealed: set Seal=yes and run "
			   "'journalctl --setup-keys', keep the key elsewhere"));
	else if (days < want)
		ztc_conclude(r, ZTC_STATE_PARTIAL,
			     N_("records verify, but go back %lld of %d days only"),
			     (long long)days, want);
	else
		ztc_conclude(r, ZTC_STATE_PASS, N_("records verify and go back %lld days"),
			     (long long)days);
}

void ztc_judge_store(const struct ztc_facts *facts, struct ztc_result *r)
{
	const json_t *data = ztc_fact(facts, "log_store", r);
	const json_t *chain;

	ztc_expected(r,
		     N_("a persistent, sealed journal and an unbroken chain of policy states, at "
			"least %d days back"),
		     (int)ztc_limit(facts, STORE, "retention_days"));
	if (!data)
		return;
	chain = json_object_get(data, "chain");
	if (broken(data, r))
		return;
	if (json_is_true(json_object_get(json_object_get(data, "journal"), "unread")) ||
	    json_is_null(json_object_get(chain, "intact")))
		ztc_conclude(r, ZTC_STATE_UNKNOWN,
			     N_("the journal or the agent's states may not be read; run as root"));
	else if (!not_kept(data, r))
		judge_kept_well(facts, data, r);
}
