// SPDX-License-Identifier: Apache-2.0
/*
 * waiver_read.c - whether a waiver is one: narrow, short, signed by somebody else than the owner.
 */
#include <string.h>
#include <strings.h>

#include "base/cleanup.h"
#include "ctl/evidence/waiver_priv.h"

#define REASON_MIN 10

/* What a waiver may not be for: signed policy, waivers themselves, the clock they end by. */
static const char *const never[] = {"ZTS-3.7-01", "ZTS-3.7-07", "ZTS-3.6-06"};

static const struct ztc_member form[] = {
	{"format", JSON_STRING, false, 32},
	{"id", JSON_STRING, false, 64},
	{"check_id", JSON_STRING, false, 32},
	{"scope", JSON_OBJECT, false, 0},
	{"raw_result_at_grant", JSON_STRING, false, 16},
	{"reason", JSON_STRING, false, 4000},
	{"compensating", JSON_ARRAY, false, 20},
	{"owner", JSON_STRING, false, 128},
	{"approver", JSON_STRING, false, 128},
	{"ticket", JSON_STRING, false, 128},
	{"granted_at", JSON_STRING, false, 40},
	{"expires_at", JSON_STRING, false, 40},
	{"renewals", JSON_INTEGER, false, ZTC_WAIVER_RENEWALS},
	{"max_renewals", JSON_INTEGER, false, ZTC_WAIVER_RENEWALS},
	{"renews", JSON_STRING, true, 64},
	{"revoked", JSON_OBJECT, true, 0},
	{"signature", JSON_OBJECT, true, 0},
	{0},
};
static const struct ztc_member scope_form[] = {
	{"hosts", JSON_ARRAY, false, 1000},
	{"resource", JSON_STRING, false, 512},
	{0},
};
static const struct ztc_member revoked_form[] = {
	{"at", JSON_STRING, false, 40},
	{"by", JSON_STRING, false, 128},
	{"reason", JSON_STRING, false, 4000},
	{0},
};

bool ztc_waiver_revoked(const struct ztc_paper *p)
{
	return json_object_get(p->doc, "revoked") != NULL;
}

static const json_t *find_check(const json_t *catalogue, const char *id)
{
	const json_t *check;
	size_t i;

	json_array_foreach (catalogue, i, check) {
		const char *have = json_string_value(json_object_get(check, "id"));

		if (have && strcmp(have, id) == 0)
			return check;
	}
	return NULL;
}

bool ztc_waiver_critical(const json_t *catalogue, const char *check_id)
{
	const char *severity =
		json_string_value(json_object_get(find_check(catalogue, check_id), "severity"));

	return severity && strcmp(severity, "critical") == 0;
}

/* --- one file --- */

static void check_check(struct ztc_paper *p, const json_t *catalogue)
{
	const char *id = ztc_paper_text(p, "check_id");

	if (!ztc_paper_check_id(p, catalogue, id, "check_id"))
		return;
	for (size_t i = 0; i < ARRAY_SIZE(never); i++) {
		if (strcmp(id, never[i]) == 0)
			ztc_paper_defect(
				p, "check_id", ztc_say(N_("%s cannot be waived"), id),
				ztc_say(N_("make the check pass; no waiver is taken for "
					   "signed policy, for waivers or for the clock")));
	}
}

static void check_scope(struct ztc_paper *p, const json_t *catalogue)
{
	const json_t *scope = json_object_get(p->doc, "scope"), *host;
	const json_t *hosts = json_object_get(scope, "hosts");
	const char *resource = json_string_value(json_object_get(scope, "resource"));
	bool critical = ztc_waiver_critical(catalogue, ztc_paper_text(p, "check_id"));
	json_t *remedy = ztc_say(N_("name every host and the resource exactly; a waiver of a "
				    "critical check is for one resource"));
	size_t i;

	ztc_paper_form(p, "scope", scope_form);
	if (json_is_array(hosts) && !json_array_size(hosts))
		ztc_paper_defect(p, "scope.hosts", ztc_say(N_("'hosts' is empty")),
				 ztc_say(N_("name at least one")));
	json_array_foreach (hosts, i, host) {
		const char *name = json_string_value(host);

		if (!name || !*name || strlen(name) > 256)
			ztc_paper_defect(
				p, "scope.hosts",
				ztc_say(N_("element %zu of 'hosts' is no host name"), i + 1),
				json_incref(remedy));
		else if (critical && ztc_paper_pattern(name))
			ztc_paper_defect(
				p, "scope.hosts",
				ztc_say(N_("'%s' stands for several hosts, and the check is "
					   "critical"),
					name),
				json_incref(remedy));
	}
	if (resource && critical && strcmp(resource, "*") == 0)
		ztc_paper_defect(p, "scope.resource",
				 ztc_say(N_("'*' stands for every resource, and the check is "
					    "critical")),
				 json_incref(remedy));
	else if (resource && strcmp(resource, "*") != 0 && strchr(resource, '*'))
		ztc_paper_defect(
			p, "scope.resource",
			ztc_say(N_("'%s' is a pattern: a resource is named exactly"), resource),
			json_incref(remedy));
	json_decref(remedy);
}

static void check_compensating(struct ztc_paper *p, const json_t *catalogue)
{
	const json_t *list = json_object_get(p->doc, "compensating"), *value;
	size_t i;

	ztc_paper_strings(p, list, "compensating");
	json_array_foreach (list, i, value) {
		const char *id = json_string_value(value);

		if (!ztc_paper_check_id(p, catalogue, id, "compensating"))
			continue;
		if (strcmp(id, ztc_paper_text(p, "check_id")) == 0)
			ztc_paper_defect(p, "compensating",
					 ztc_say(N_("%s cannot compensate for itself"), id),
					 ztc_say(N_("name another check that limits the risk")));
	}
}

static void check_words(struct ztc_paper *p)
{
	const char *result = ztc_paper_text(p, "raw_result_at_grant");
	const char *reason = ztc_paper_text(p, "reason");
	const char *owner = ztc_paper_text(p, "owner");

	if (*result && strcmp(result, "fail") != 0 && strcmp(result, "partial") != 0)
		ztc_paper_defect(
			p, "raw_result_at_grant", ztc_say(N_("'%s' cannot be waived"), result),
			ztc_say(N_("fail or partial; what is unknown has to be found out")));
	if (*reason && strlen(reason) < REASON_MIN)
		ztc_paper_defect(p, "reason", ztc_say(N_("the reason is too short")),
				 ztc_say(N_("say why the risk is accepted, in a sentence")));
	if (*owner && strcasecmp(owner, ztc_paper_text(p, "approver")) == 0)
		ztc_paper_defect(p, "approver",
				 ztc_say(N_("owner and approver are both %s"), owner),
				 ztc_say(N_("somebody else than the owner has to approve")));
}

/* The profile may ask for less time, never allow more. */
static int64_t days_allowed(const struct ztc_papers_args *args, bool critical)
{
	const json_t *limits =
		json_object_get(json_object_get(args->profile, "checks"), "ZTS-3.7-07");
	const json_t *limit = json_object_get(limits, critical ? "critical_max_days" : "max_days");
	int64_t max = critical ? ZTC_WAIVER_CRITICAL_DAYS : ZTC_WAIVER_DAYS;
	const json_t *value = json_object_get(limit, "value");
	double asked = json_is_number(value) ? json_number_value(value) : (double)max;

	return asked < (double)max ? (int64_t)asked : max;
}

static void check_times(struct ztc_paper *p, const struct ztc_papers_args *args)
{
	bool critical = ztc_waiver_critical(args->catalogue, ztc_paper_text(p, "check_id"));
	int64_t days = days_allowed(args, critical);

	p->from_s = ztc_paper_time(p, "granted_at");
	p->to_s = ztc_paper_time(p, "expires_at");
	if (p->from_s < 0 || p->to_s < 0)
		return;
	if (p->from_s > args->now_s + 300)
		ztc_paper_defect(p, "granted_at", ztc_say(N_("it is granted in the future")),
				 ztc_say(N_("correct the time, or the clock of this host")));
	if (p->to_s <= p->from_s)
		ztc_paper_defect(p, "expires_at", ztc_say(N_("it ends before it begins")),
				 ztc_say(N_("expires_at has to be later than granted_at")));
	else if (p->to_s - p->from_s > days * ZTC_DAY_S)
		ztc_paper_defect(
			p, "expires_at",
			critical ? ztc_say(N_("it lasts %lld days; a critical check may be waived "
					      "for %lld"),
					   (long long)((p->to_s - p->from_s) / ZTC_DAY_S),
					   (long long)days)
				 : ztc_say(N_("it lasts %lld days, more than %lld"),
					   (long long)((p->to_s - p->from_s) / ZTC_DAY_S),
					   (long long)days),
			ztc_say(N_("end it earlier; it can be renewed %d times"),
				ZTC_WAIVER_RENEWALS));
}

static void check_renewals(struct ztc_paper *p)
{
	const json_t *n = json_object_get(p->doc, "renewals");
	const json_t *max = json_object_get(p->doc, "max_renewals");

	if (json_is_integer(n) && json_is_integer(max) &&
	    json_integer_value(n) > json_integer_value(max))
		ztc_paper_defect(p, "renewals",
				 ztc_say(N_("it was renewed %lld times, of %lld allowed"),
					 (long long)json_integer_value(n),
					 (long long)json_integer_value(max)),
				 ztc_say(N_("mend what the check finds; the risk was accepted long "
					    "enough")));
	if (json_integer_value(n) > 0 && !*ztc_paper_text(p, "renews"))
		ztc_paper_defect(p, "renewals",
				 ztc_say(N_("it renews another, but not said which")),
				 ztc_say(N_("put the id of the waiver before it into 'renews'")));
	if (json_is_integer(n) && !json_integer_value(n) && *ztc_paper_text(p, "renews"))
		ztc_paper_defect(
			p, "renews", ztc_say(N_("it renews another, but counts no renewal")),
			ztc_say(N_("'renewals' is one more than that of the waiver before")));
}

static void check_one(struct ztc_paper *p, const struct ztc_trust *trust,
		      const struct ztc_papers_args *args)
{
	if (!p->doc)
		return;
	ztc_paper_form(p, "", form);
	if (strcmp(ztc_paper_text(p, "format"), ZTC_WAIVER_FORMAT) != 0)
		ztc_paper_defect(p, "format", ztc_say(N_("it is no waiver")),
				 ztc_say(N_("'format' is \"%s\""), ZTC_WAIVER_FORMAT));
	ztc_paper_id(p);
	check_check(p, args->catalogue);
	if (json_is_object(json_object_get(p->doc, "scope")))
		check_scope(p, args->catalogue);
	check_words(p);
	check_compensating(p, args->catalogue);
	check_times(p, args);
	check_renewals(p);
	if (ztc_waiver_revoked(p))
		ztc_paper_form(p, "revoked", revoked_form);
	if (trust)
		ztc_paper_signature(p, trust, ZTC_ROLE_APPROVER,
				    ztc_waiver_revoked(p) ? ZTC_ROLE_OWNER : ZTC_ROLE_COUNT,
				    "approver");
}

/* --- all of them --- */

static bool same_risk(const struct ztc_paper *a, const struct ztc_paper *b)
{
	const json_t *sa = json_object_get(a->doc, "scope"), *sb = json_object_get(b->doc, "scope");

	return *ztc_paper_text(a, "check_id") &&
	       strcmp(ztc_paper_text(a, "check_id"), ztc_paper_text(b, "check_id")) == 0 &&
	       json_equal(json_object_get(sa, "resource"), json_object_get(sb, "resource")) &&
	       json_equal(json_object_get(sa, "hosts"), json_object_get(sb, "hosts"));
}

/* What was accepted before is a renewal, whatever it calls itself. */
static void check_chain(struct ztc_paper *p, const struct ztc_paper *before)
{
	int64_t n = json_integer_value(json_object_get(p->doc, "renewals"));
	int64_t m = json_integer_value(json_object_get(before->doc, "renewals"));
	const char *id = ztc_paper_text(before, "id");

	if (strcmp(ztc_paper_text(p, "renews"), id) == 0) {
		if (!same_risk(p, before))
			ztc_paper_defect(
				p, "renews",
				ztc_say(N_("%s, which it renews, is about something else"), id),
				ztc_say(N_("check, hosts and resource stay the same; "
					   "another risk is another waiver")));
		else if (n != m + 1)
			ztc_paper_defect(p, "renewals",
					 ztc_say(N_("it renews %s, which counts %lld renewals"), id,
						 (long long)m),
					 ztc_say(N_("'renewals' is %lld"), (long long)m + 1));
		return;
	}
	if (n <= m && same_risk(p, before) && p->from_s > before->from_s && before->from_s >= 0)
		ztc_paper_defect(
			p, "renewals",
			ztc_say(N_("the same was waived before by %s, so it is a renewal"), id),
			ztc_say(N_("'renews' is \"%s\", 'renewals' is %lld"), id,
				(long long)m + 1));
}

static void check_pair(struct ztc_paper *p, const struct ztc_paper *other, size_t i, size_t j)
{
	const char *id = ztc_paper_text(p, "id");

	if (!p->doc || !other->doc || i == j)
		return;
	if (i > j && *id && strcmp(id, ztc_paper_text(other, "id")) == 0)
		ztc_paper_defect(p, "id", ztc_say(N_("%s has the same id"), other->file),
				 ztc_say(N_("every waiver has an id of its own")));
	else
		check_chain(p, other);
}

void ztc_waivers_check(struct ztc_paper *papers, size_t count, const struct ztc_trust *trust,
		       const struct ztc_papers_args *args)
{
	for (size_t i = 0; i < count; i++)
		check_one(&papers[i], trust, args);
	for (size_t i = 0; i < count; i++) {
		for (size_t j = 0; j < count; j++)
			check_pair(&papers[i], &papers[j], i, j);
	}
}
