// SPDX-License-Identifier: Apache-2.0
/* records_waivers.c - ZTS-3.7-07: are exceptions signed by another, narrow, short, and ended. */
#include <string.h>

#include "base/cleanup.h"
#include "base/json.h"
#include "ctl/catalogue/catalogue.h"
#include "ctl/checks/records.h"

#define ID "ZTS-3.7-07"

struct tally {
	int64_t all, valid, bad, suspended, reverted, lapsed, undecided, revoked;
	int64_t critical_checks; /* in the catalogue */
	int64_t critical_waived; /* of them, different ones */
};

static int64_t count_critical(void)
{
	const json_t *row;
	int64_t n = 0;
	size_t i;

	json_array_foreach (ztc_catalogue(), i, row)
		n += strcmp(ztc_rec_text(row, "severity"), "critical") == 0;
	return n;
}

static const char *broken_compensation(const struct ztc_facts *facts, const json_t *waiver)
{
	const json_t *id;
	size_t i;

	json_array_foreach (json_object_get(waiver, "compensating"), i, id) {
		const char *check = json_string_value(id);

		if (!check || ztc_rec_state(facts, check) != ZTC_STATE_PASS)
			return check ? check : "";
	}
	return NULL;
}

/* What was accepted for a time that is over: does it still go on? */
static void count_expired(const struct ztc_facts *facts, struct ztc_result *r, const json_t *waiver,
			  struct tally *t)
{
	const char *id = ztc_rec_text(waiver, "id"), *check = ztc_rec_text(waiver, "check");
	long long days = -json_integer_value(json_object_get(waiver, "days_left"));

	switch (ztc_rec_state(facts, check)) {
	case ZTC_STATE_PASS:
	case ZTC_STATE_NA:
		t->reverted++;
		break;
	case ZTC_STATE_FAIL:
	case ZTC_STATE_PARTIAL:
		t->lapsed++;
		ztc_offender(r, id, N_("ended %lld days ago and %s still does not pass"), days,
			     check);
		break;
	default:
		t->undecided++;
		ztc_offender(r, id, N_("ended %lld days ago; whether %s passes now is not known"),
			     days, check);
	}
}

static void count_valid(const struct ztc_facts *facts, struct ztc_result *r, const json_t *waiver,
			struct tally *t, json_t *critical)
{
	const char *broken = broken_compensation(facts, waiver);

	if (json_is_true(json_object_get(waiver, "critical")))
		json_object_set_new(critical, ztc_rec_text(waiver, "check"), json_true());
	if (!broken) {
		t->valid++;
		return;
	}
	t->suspended++;
	ztc_offender(r, ztc_rec_text(waiver, "id"),
		     N_("%s, which has to compensate for it, does not pass"), broken);
}

static void count_one(const struct ztc_facts *facts, struct ztc_result *r, const json_t *waiver,
		      struct tally *t, json_t *critical)
{
	const char *state = ztc_rec_text(waiver, "state");

	if (strcmp(state, "revoked") == 0) {
		t->revoked++;
		return;
	}
	t->all++;
	if (strcmp(state, "valid") == 0) {
		count_valid(facts, r, waiver, t, critical);
	} else if (strcmp(state, "expired") == 0) {
		count_expired(facts, r, waiver, t);
	} else {
		t->bad++;
		ztc_offender(r, ztc_rec_text(waiver, "file"),
			     N_("not a valid waiver (%lld defects): 'ztctl waiver lint' says why"),
			     (long long)json_array_size(json_object_get(waiver, "defects")));
	}
}

static void conclude(const struct ztc_facts *facts, struct ztc_result *r, const struct tally *t)
{
	double share = ztc_limit(facts, ID, "critical_share");
	bool many = (double)t->critical_waived > share * (double)t->critical_checks + 1e-9;

	if (t->bad || t->lapsed)
		ztc_conclude(
			r, ZTC_STATE_FAIL,
			N_("%lld of %lld waivers are not valid, %lld ended and what they were for "
			   "goes on; 'ztctl waiver lint' says what is wrong"),
			(long long)t->bad, (long long)t->all, (long long)t->lapsed);
	else if (t->undecided)
		ztc_conclude(
			r, ZTC_STATE_UNKNOWN,
			N_("%lld waivers ended, and it is not known whether what they were for goes "
			   "on"),
			(long long)t->undecided);
	else if (many)
		ztc_conclude(r, ZTC_STATE_PARTIAL,
			     N_("%lld of %lld critical checks are waived, more than %g%%"),
			     (long long)t->critical_waived, (long long)t->critical_checks,
			     share * 100);
	else if (t->suspended)
		ztc_conclude(
			r, ZTC_STATE_PARTIAL,
			N_("%lld of %lld waivers are suspended: what compensates does not pass"),
			(long long)t->suspended, (long long)t->all);
	else if (t->reverted)
		ztc_conclude(
			r, ZTC_STATE_PARTIAL,
			N_("%lld waivers ended and what they were for is mended: take them out of "
			   "the register"),
			(long long)t->reverted);
	else
		ztc_conclude(r, ZTC_STATE_PASS,
			     N_("all %lld waivers are signed, limited in time and compensated for"),
			     (long long)t->valid);
}

/* How many there were in the last run that is kept: is it growing? */
static void set_trend(const struct ztc_facts *facts, struct ztc_result *r, const struct tally *t)
{
	const json_t *records = ztc_fact_maybe(facts, "records", r);
	const json_t *last = json_array_get(json_object_get(records, "assessments"), 0);
	const json_t *waived = json_object_get(json_object_get(last, "body"), "waived");

	r->extra = json_pack("{s:I, s:I, s:I, s:I, s:I, s:I}", "valid", (json_int_t)t->valid,
			     "invalid", (json_int_t)t->bad, "expired",
			     (json_int_t)(t->lapsed + t->reverted + t->undecided), "suspended",
			     (json_int_t)t->suspended, "revoked", (json_int_t)t->revoked,
			     "critical_waived", (json_int_t)t->critical_waived);
	if (json_is_integer(waived))
		json_object_set_new(r->extra, "before",
				    json_pack("{s:s, s:I}", "at", ztc_rec_text(last, "ended"),
					      "waived", json_integer_value(waived)));
}

void ztc_judge_exceptions(const struct ztc_facts *facts, struct ztc_result *r)
{
	zt_auto(zt_json_decref) json_t *critical = json_object();
	const json_t *data = ztc_fact(facts, "waivers", r), *waiver;
	const json_t *waivers = json_object_get(data, "waivers");
	struct tally t = {.critical_checks = count_critical()};
	size_t i;

	if (!data)
		return;
	json_array_foreach (waivers, i, waiver)
		count_one(facts, r, waiver, &t, critical);
	t.critical_waived = (int64_t)json_object_size(critical);
	set_trend(facts, r, &t);
	if (!t.all) {
		ztc_conclude(r, ZTC_STATE_NA, N_("no waiver is in the register %s"),
			     ztc_rec_text(data, "path"));
		return;
	}
	r->num = t.valid;
	r->den = t.all;
	r->grade = "A"; /* by the approvers' signatures */
	ztc_observed(
		r,
		N_("%lld waivers: %lld valid, %lld invalid, %lld suspended, %lld ended; %lld of "
		   "%lld critical checks waived"),
		(long long)t.all, (long long)t.valid, (long long)t.bad, (long long)t.suspended,
		(long long)(t.lapsed + t.reverted + t.undecided), (long long)t.critical_waived,
		(long long)t.critical_checks);
	conclude(facts, r, &t);
}
