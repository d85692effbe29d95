// SPDX-License-Identifier: Apache-2.0
/*
 * records.c - checks that signed records answer: anomalies handled in time, assessment going on.
 *
 * A record that nobody sealed proves nothing good; what it says against the host still counts.
 */
#include <string.h>

#include "base/cleanup.h"
#include "base/json.h"
#include "base/time.h"
#include "ctl/checks/records.h"
#include "ctl/review/pack.h"

const char *ztc_rec_text(const json_t *object, const char *key)
{
	const char *text = json_string_value(json_object_get(object, key));

	return text ? text : "";
}

int64_t ztc_rec_time(const json_t *object, const char *key)
{
	uint64_t ns;

	return zt_wall_parse(ztc_rec_text(object, key), &ns) < 0 ? -1 : (int64_t)(ns / ZT_NS_PER_S);
}

bool ztc_rec_sealed(const json_t *record)
{
	return strcmp(ztc_rec_text(record, "seal"), "ok") == 0;
}

enum ztc_state ztc_rec_state(const struct ztc_facts *facts, const char *check)
{
	const json_t *results = json_object_get(json_object_get(facts->facts, "results"), "data");
	enum ztc_state state;

	return ztc_state_find(ztc_rec_text(results, check), &state) < 0 ? ZTC_STATE_UNKNOWN : state;
}

int64_t ztc_host_age(const struct ztc_facts *facts, struct ztc_result *r)
{
	const json_t *review = ztc_fact_maybe(facts, "review", r);
	int64_t setup = ztc_rec_time(review, "host_since");
	int64_t recorded = ztc_rec_time(review, "recorded_since");
	int64_t since = recorded >= 0 && (setup < 0 || recorded < setup) ? recorded : setup;

	return since < 0 ? -1 : facts->now_s - since;
}

/* --- 3.3-05 anomalies are handled --- */

/* One alert, from all the records about it. */
struct alert {
	int64_t opened_s, closed_s;
	bool high, explained;
};

static void read_alert(json_t *alerts, const json_t *record)
{
	const json_t *body = json_object_get(record, "body");
	const char *id = ztc_rec_text(body, "alert");
	json_t *alert;
	int64_t opened = ztc_rec_time(body, "opened_at"), first;

	if (strcmp(ztc_rec_text(record, "name"), "regression") == 0)
		return;
	if (!*id)
		id = ztc_rec_text(record, "id");
	if (opened < 0)
		opened = ztc_rec_time(record, "started");
	alert = json_object_get(alerts, id);
	if (!alert) {
		alert = json_pack("{s:I, s:O}", "opened", (json_int_t)opened, "record",
				  (json_t *)record);
		json_object_set_new(alerts, id, alert);
		return;
	}
	/* Newest first: an older record may only say that it was open before. */
	first = json_integer_value(json_object_get(alert, "opened"));
	if (opened < first)
		json_object_set_new(alert, "opened", json_integer(opened));
}

/* A reviewer who decided about it in a signed review, with a note, has closed it, too. */
static void close_by_review(struct alert *a, const json_t *records, const json_t *record)
{
	zt_auto(zt_freep) char *id = NULL;
	const json_t *review, *said;
	size_t i;

	if (asprintf(&id, "alert:%s", ztc_rec_text(record, "id")) < 0)
		return;
	json_array_foreach (json_object_get(records, "reviews"), i, review) {
		if (!ztc_rec_sealed(review) || strcmp(ztc_rec_text(review, "grade"), "A") != 0)
			continue;
		said = ztc_disposition_of(
			json_object_get(json_object_get(review, "body"), "dispositions"), id);
		if (!said || !*ztc_rec_text(said, "note"))
			continue;
		/* The first one counts; newest come first. */
		a->closed_s = ztc_rec_time(review, "ended");
		a->explained = true;
	}
}

static struct alert alert_of(const json_t *records, const json_t *row)
{
	const json_t *record = json_object_get(row, "record");
	const json_t *body = json_object_get(record, "body");
	struct alert a = {
		.opened_s = json_integer_value(json_object_get(row, "opened")),
		.closed_s = ztc_rec_time(body, "closed_at"),
		.high = strcmp(ztc_rec_text(body, "severity"), "high") == 0 ||
			strcmp(ztc_rec_text(body, "severity"), "critical") == 0,
		.explained = *ztc_rec_text(body, "actor") && *ztc_rec_text(body, "reason") &&
			     ztc_rec_sealed(record),
	};

	if (a.closed_s < 0)
		close_by_review(&a, records, record);
	return a;
}

static void judge_alerts(const struct ztc_facts *facts, struct ztc_result *r, const json_t *records,
			 const json_t *alerts)
{
	double high_h = ztc_limit(facts, "ZTS-3.3-05", "high_hours");
	double other_h = ztc_limit(facts, "ZTS-3.3-05", "other_hours");
	int64_t in_time = 0, due = 0, waiting = 0;
	const json_t *row;
	const char *id;

	json_object_foreach ((json_t *)alerts, id, row) {
		struct alert a = alert_of(records, row);
		int64_t sla = (int64_t)((a.high ? high_h : other_h) * ZTC_HOUR);
		bool closed = a.explained && a.closed_s >= a.opened_s && a.closed_s >= 0;

		if (a.opened_s < r->from_s)
			continue;
		if (!closed && facts->now_s - a.opened_s <= sla) {
			waiting++;
			continue;
		}
		due++;
		if (closed && a.closed_s - a.opened_s <= sla)
			in_time++;
		else
			ztc_offender(
				r, id,
				closed ? N_("closed %lld h after it was opened, %lld h allowed")
				       : N_("not closed by anybody with a reason for %lld h, "
					    "%lld h allowed"),
				(long long)(((closed ? a.closed_s : facts->now_s) - a.opened_s) /
					    ZTC_HOUR),
				(long long)(sla / ZTC_HOUR));
	}
	if (!due) {
		ztc_conclude(r, ZTC_STATE_UNKNOWN,
			     N_("%lld alerts are open, none for long enough to be judged"),
			     (long long)waiting);
		return;
	}
	ztc_observed(r,
		     N_("%lld of %lld alerts closed in time by somebody with a reason; %lld more "
			"are open in time"),
		     (long long)in_time, (long long)due, (long long)waiting);
	ztc_share(facts, r, "ZTS-3.3-05", in_time, due, true);
}

static size_t alerts_since(const json_t *alerts, int64_t from_s)
{
	const json_t *row;
	const char *id;
	size_t n = 0;

	json_object_foreach ((json_t *)alerts, id, row)
		n += json_integer_value(json_object_get(row, "opened")) >= from_s;
	return n;
}

static void judge_handled(const struct ztc_facts *facts, struct ztc_result *r)
{
	zt_auto(zt_json_decref) json_t *alerts = json_object();
	const json_t *records = ztc_fact(facts, "records", r), *record;
	size_t i;

	if (!records)
		return;
	r->grade = "C";
	r->to_s = facts->now_s;
	r->from_s =
		facts->now_s - (int64_t)(ztc_limit(facts, "ZTS-3.3-05", "window_days") * ZTC_DAY);
	json_array_foreach (json_object_get(records, "alerts"), i, record)
		read_alert(alerts, record);
	if (alerts_since(alerts, r->from_s))
		judge_alerts(facts, r, records, alerts);
	else if (ztc_rec_state(facts, "ZTS-3.3-04") == ZTC_STATE_PASS)
		ztc_conclude(r, ZTC_STATE_NA,
			     N_("no alert in %lld days, and a drill has shown that one would come"),
			     (long long)((r->to_s - r->from_s) / ZTC_DAY));
	else
		ztc_conclude(
			r, ZTC_STATE_UNKNOWN,
			N_("no alert in %lld days, and no drill (3.3-04) has shown that one would "
			   "come: nothing to judge by"),
			(long long)((r->to_s - r->from_s) / ZTC_DAY));
}

/* --- 3.7-06 the assessment goes on --- */

static bool ticketed(const json_t *records, const char *run, const char *check)
{
	const json_t *alert;
	size_t i;

	json_array_foreach (json_object_get(records, "alerts"), i, alert) {
		const json_t *body = json_object_get(alert, "body");

		if (strcmp(ztc_rec_text(alert, "name"), "regression") == 0 &&
		    ztc_rec_sealed(alert) && strcmp(ztc_rec_text(body, "assessment"), run) == 0 &&
		    strcmp(ztc_rec_text(body, "check"), check) == 0)
			return true;
	}
	return false;
}

/* Days with a signed run, and regressions that nobody was told of. */
static void count_runs(const struct ztc_facts *facts, struct ztc_result *r, const json_t *records,
		       int64_t *ret_days, int64_t *ret_silent)
{
	zt_auto(zt_json_decref) json_t *days = json_object();
	const json_t *run, *check;
	size_t i, j;

	*ret_silent = 0;
	json_array_foreach (json_object_get(records, "assessments"), i, run) {
		const json_t *body = json_object_get(run, "body");
		int64_t ended = ztc_rec_time(run, "ended");
		char day[24];

		if (!ztc_rec_sealed(run) || ended < r->from_s || ended > facts->now_s + 300)
			continue;
		snprintf(day, sizeof(day), "%lld", (long long)(ended / ZTC_DAY));
		json_object_set_new(days, day, json_true());
		json_array_foreach (json_object_get(body, "regressions"), j, check) {
			const char *id = json_string_value(check);

			if (!id || ticketed(records, ztc_rec_text(run, "id"), id))
				continue;
			++*ret_silent;
			ztc_offender(r, id, N_("got worse on %s and no alert was opened"),
				     ztc_rec_text(run, "ended"));
		}
	}
	*ret_days = (int64_t)json_object_size(days);
}

static void judge_continuous(const struct ztc_facts *facts, struct ztc_result *r)
{
	const json_t *records = ztc_fact(facts, "records", r);
	int64_t window = (int64_t)ztc_limit(facts, "ZTS-3.7-06", "window_days");
	int64_t enough = (int64_t)ztc_limit(facts, "ZTS-3.7-06", "pass_runs");
	int64_t some = (int64_t)ztc_limit(facts, "ZTS-3.7-06", "partial_runs");
	int64_t age, days, silent;

	if (!records)
		return;
	r->to_s = facts->now_s;
	r->from_s = facts->now_s - window * ZTC_DAY;
	r->den = window;
	count_runs(facts, r, records, &days, &silent);
	r->num = days;
	age = ztc_host_age(facts, r);
	ztc_expected(r, N_("a signed run on %lld of %lld days, an alert for all that got worse"),
		     (long long)enough, (long long)window);
	ztc_observed(r, N_("signed runs on %lld of %lld days; %lld got worse without an alert"),
		     (long long)days, (long long)window, (long long)silent);
	if (days >= enough && !silent)
		ztc_conclude(r, ZTC_STATE_PASS, N_("signed runs on %lld of %lld days"),
			     (long long)days, (long long)window);
	else if (days >= enough)
		ztc_conclude(r, ZTC_STATE_PARTIAL,
			     N_("%lld checks got worse and no alert was opened"),
			     (long long)silent);
	else if (age >= 0 && age < window * ZTC_DAY)
		ztc_conclude(
			r, ZTC_STATE_UNKNOWN,
			N_("this host is %lld days old; %lld are needed (signed runs so far: on "
			   "%lld days)"),
			(long long)(age / ZTC_DAY), (long long)window, (long long)days);
	else if (days >= some)
		ztc_conclude(
			r, ZTC_STATE_PARTIAL,
			N_("signed runs on %lld of %lld days only; 'ztctl assess --install-timer' "
			   "makes one every day"),
			(long long)days, (long long)window);
	else if (age < 0)
		ztc_conclude(r, ZTC_STATE_UNKNOWN,
			     N_("signed runs on %lld days, and how old this host is is not known"),
			     (long long)days);
	else
		ztc_conclude(
			r, ZTC_STATE_FAIL,
			N_("signed runs on %lld of %lld days; 'ztctl assess --install-timer' makes "
			   "one every day"),
			(long long)days, (long long)window);
}

const struct ztc_check ztc_checks_records[] = {
	{"ZTS-3.3-05", judge_handled},
	{"ZTS-3.6-07", ztc_judge_review},
	{"ZTS-3.7-04", ztc_judge_convergence},
	{"ZTS-3.7-05", ztc_judge_pipeline},
	{"ZTS-3.7-06", judge_continuous},
	{"ZTS-3.7-07", ztc_judge_exceptions},
	{0},
};
