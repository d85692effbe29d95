// SPDX-License-Identifier: Apache-2.0
/*
 * join.c - waivers and attestations beside the results; results themselves are never touched.
 */
#include <errno.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/json.h"
#include "ctl/evidence/record.h"
#include "ctl/evidence/waiver_priv.h"

static const json_t *find(const json_t *checks, const char *id)
{
	const json_t *check;
	size_t i;

	json_array_foreach (checks, i, check) {
		if (strcmp(zt_json_text(check, "id"), id) == 0)
			return check;
	}
	return NULL;
}

/* --- one waiver on this host --- */

/* How a waiver stands: honoured or not, and why. */
struct standing {
	const char *state; /* of the document's waivers[] */
	const char *disposition;
	json_t *why;
};

static void stand(struct standing *s, const char *state, const char *disposition, json_t *why)
{
	s->state = state;
	s->disposition = disposition;
	s->why = why;
}

static bool synchronised(const json_t *facts)
{
	const json_t *fact = json_object_get(facts, "clock");

	return strcmp(zt_json_text(fact, "status"), "ok") == 0 &&
	       json_is_true(json_object_get(json_object_get(fact, "data"), "synchronised"));
}

static const char *broken_compensation(const struct ztc_paper *p, const json_t *checks)
{
	const json_t *list = json_object_get(p->doc, "compensating"), *id;
	size_t i;

	json_array_foreach (list, i, id) {
		const json_t *check = find(checks, json_string_value(id));

		if (strcmp(zt_json_text(check, "result"), "pass") != 0)
			return json_string_value(id);
	}
	return NULL;
}

static void stand_of(const struct ztc_papers *papers, const struct ztc_paper *p,
		     const json_t *checks, const json_t *facts, struct standing *s)
{
	const json_t *scope = json_object_get(p->doc, "scope");
	const json_t *check = find(checks, ztc_paper_text(p, "check_id"));
	const char *broken = broken_compensation(p, checks);

	if (!ztc_paper_host(json_object_get(scope, "hosts"), papers->host))
		stand(s, "elsewhere", NULL, ztc_say(N_("it is for other hosts")));
	else if (ztc_waiver_revoked(p))
		stand(s, "revoked", NULL, ztc_say(N_("it was revoked")));
	else if (p->to_s <= papers->now_s)
		stand(s, "expired", "waiver-expired",
		      ztc_say(N_("it ended %lld days ago"),
			      (long long)((papers->now_s - p->to_s) / ZTC_DAY_S)));
	else if (!synchronised(facts))
		stand(s, "not-honoured", "waiver-invalid",
		      ztc_say(N_(
			      "the clock is not known to be synchronised, so nobody knows whether "
			      "it has ended")));
	else if (broken)
		stand(s, "suspended", "waiver-suspended",
		      ztc_say(N_("%s, which compensates for it, does not pass"), broken));
	else if (strcmp(zt_json_text(check, "result"), "fail") == 0 &&
		 strcmp(ztc_paper_text(p, "raw_result_at_grant"), "partial") == 0)
		stand(s, "suspended", "waiver-suspended",
		      ztc_say(N_("the result is worse than when it was granted")));
	else
		stand(s, "in-force", "waived", NULL);
}

static bool names(const struct ztc_paper *p, const char *resource)
{
	const char *own = zt_json_text(json_object_get(p->doc, "scope"), "resource");

	return strcmp(own, "*") == 0 || strcmp(own, resource) == 0;
}

/* --- one check --- */

/* Of waivers that all name a resource the one in force counts, of several the one that ends last.
 */
static ssize_t waiver_of(const struct ztc_papers *papers, const struct standing *standing,
			 const char *check, const char *resource, bool in_force)
{
	ssize_t best = -1;

	for (size_t i = 0; i < papers->waiver_count; i++) {
		const struct ztc_paper *p = &papers->waivers[i];

		if (!standing[i].disposition ||
		    (strcmp(standing[i].disposition, "waived") == 0) != in_force ||
		    strcmp(ztc_paper_text(p, "check_id"), check) != 0 ||
		    (resource && !names(p, resource)))
			continue;
		if (best < 0 || p->to_s > papers->waivers[best].to_s)
			best = (ssize_t)i;
	}
	return best;
}

/* The first of them to end, when every offender has one; else -1. */
static ssize_t covered(const struct ztc_papers *papers, const struct standing *standing,
		       const json_t *check)
{
	const json_t *offenders = json_object_get(check, "offenders"), *offender;
	json_int_t total = json_integer_value(json_object_get(check, "offenders_total"));
	const char *id = zt_json_text(check, "id");
	ssize_t first = waiver_of(papers, standing, id, "*", true);
	size_t i;

	/* What is not shown can only be meant by "*". */
	if (first >= 0 || total > (json_int_t)json_array_size(offenders))
		return first;
	if (!json_array_size(offenders))
		return waiver_of(papers, standing, id, "host", true);
	json_array_foreach (offenders, i, offender) {
		ssize_t w =
			waiver_of(papers, standing, id, zt_json_text(offender, "resource"), true);

		if (w < 0)
			return -1;
		if (first < 0 || papers->waivers[w].to_s < papers->waivers[first].to_s)
			first = w;
	}
	return first;
}

static void dispose(const struct ztc_papers *papers, const struct standing *standing, json_t *check)
{
	const char *result = zt_json_text(check, "result");
	const struct ztc_paper *p;
	json_t *disposition;
	ssize_t w;

	if (strcmp(result, "fail") != 0 && strcmp(result, "partial") != 0)
		return;
	w = covered(papers, standing, check);
	if (w < 0)
		w = waiver_of(papers, standing, zt_json_text(check, "id"), NULL, false);
	if (w < 0)
		return;
	p = &papers->waivers[w];
	disposition = json_pack("{s:s, s:o, s:o, s:I}", "state", standing[w].disposition, "waiver",
				zt_json_str(ztc_paper_text(p, "id")), "expires_at",
				zt_json_str(ztc_paper_text(p, "expires_at")), "days_left",
				(json_int_t)((p->to_s - papers->now_s) / ZTC_DAY_S));
	if (standing[w].why)
		json_object_set(disposition, "why", standing[w].why);
	json_object_set_new(check, "disposition", disposition);
}

/* --- attestations --- */

static const char *attested(const struct ztc_papers *papers, const struct ztc_paper *p,
			    json_t **ret_why)
{
	json_t *changed = json_object_get(p->doc, "file_error");

	*ret_why = NULL;
	if (changed) {
		*ret_why = json_incref(changed);
		return "error";
	}
	if (p->to_s <= papers->now_s) {
		*ret_why = ztc_say(N_("it ended %lld days ago"),
				   (long long)((papers->now_s - p->to_s) / ZTC_DAY_S));
		return "unknown";
	}
	return ztc_paper_text(p, "result");
}

static const struct ztc_paper *attestation_of(const struct ztc_papers *papers, const char *member,
					      const char *id)
{
	const struct ztc_paper *best = NULL;

	for (size_t i = 0; i < papers->attestation_count; i++) {
		const struct ztc_paper *p = &papers->attestations[i];

		if (strcmp(ztc_paper_text(p, member), id) == 0 &&
		    ztc_paper_host(json_object_get(json_object_get(p->doc, "scope"), "hosts"),
				   papers->host) &&
		    (!best || p->from_s > best->from_s))
			best = p;
	}
	return best;
}

static void attest(const struct ztc_papers *papers, json_t *check)
{
	const struct ztc_paper *p = attestation_of(papers, "check_id", zt_json_text(check, "id"));
	json_t *row, *why = NULL;

	if (!p)
		return;
	row = json_pack("{s:o, s:s, s:o, s:o}", "id", zt_json_str(ztc_paper_text(p, "id")),
			"result", attested(papers, p, &why), "valid_until",
			ztc_record_time(p->to_s), "assessor",
			zt_json_str(ztc_paper_text(p, "assessor")));
	if (why)
		json_object_set_new(row, "why", why);
	json_object_set_new(check, "attestation", row);
}

enum ztc_state ztc_papers_item(const struct ztc_papers *papers, const char *item)
{
	const struct ztc_paper *p = attestation_of(papers, "item", item);
	enum ztc_state state = ZTC_STATE_UNKNOWN;
	json_t *why;

	if (p && ztc_state_find(attested(papers, p, &why), &state) < 0)
		state = ZTC_STATE_UNKNOWN;
	if (p)
		json_decref(why);
	return state;
}

/* --- what it says in the other two bases --- */

static enum ztc_state measured(const json_t *check)
{
	enum ztc_state state = ZTC_STATE_UNKNOWN;

	ztc_state_find(zt_json_text(check, "result"), &state);
	return state;
}

enum ztc_state ztc_state_attested(const json_t *check)
{
	const json_t *attestation = json_object_get(check, "attestation");
	enum ztc_state state = measured(check), said;

	if (!attestation || json_is_true(json_object_get(check, "gate")) ||
	    ztc_state_find(zt_json_text(attestation, "result"), &said) < 0)
		return state;
	/* What was measured stands, but somebody who looked and saw it fail is believed. */
	if (said == ZTC_STATE_FAIL)
		return said;
	if ((state == ZTC_STATE_UNKNOWN || state == ZTC_STATE_ERROR) &&
	    (said == ZTC_STATE_PASS || said == ZTC_STATE_PARTIAL))
		return said;
	return state;
}

enum ztc_state ztc_state_waived(const json_t *check)
{
	const json_t *disposition = json_object_get(check, "disposition");

	return strcmp(zt_json_text(disposition, "state"), "waived") == 0
		       ? ZTC_STATE_PASS
		       : ztc_state_attested(check);
}

/* --- the document's own lists --- */

static void copy(json_t *row, const struct ztc_paper *p, const char *const *keys)
{
	for (; *keys; keys++) {
		const json_t *value = json_object_get(p->doc, *keys);

		if (json_is_string(value))
			json_object_set_new(row, *keys, zt_json_str(json_string_value(value)));
		else if (value)
			json_object_set_new(row, *keys, json_deep_copy(value));
	}
}

static json_t *compensation(const struct ztc_paper *p, const json_t *checks)
{
	const json_t *list = json_object_get(p->doc, "compensating"), *id;
	json_t *ret = json_array();
	size_t i;

	json_array_foreach (list, i, id)
		json_array_append_new(
			ret,
			json_pack("{s:s, s:s}", "check", json_string_value(id), "result",
				  zt_json_text(find(checks, json_string_value(id)), "result")));
	return ret;
}

static json_t *waiver_row(const struct ztc_papers *papers, const struct ztc_paper *p,
			  const struct standing *standing, const json_t *checks)
{
	static const char *const keys[] = {
		"id",	      "check_id", "scope",    "raw_result_at_grant",
		"reason",     "owner",	  "ticket",   "granted_at",
		"expires_at", "renewals", "approver", "max_renewals",
		"renews",     "revoked",  NULL};
	json_t *row = json_object();

	copy(row, p, keys);
	json_object_set_new(row, "file", zt_json_str(p->file));
	json_object_set_new(row, "state", json_string(standing->state));
	json_object_set_new(row, "days_left", json_integer((p->to_s - papers->now_s) / ZTC_DAY_S));
	json_object_set_new(row, "critical",
			    json_boolean(ztc_waiver_critical(papers->catalogue,
							     ztc_paper_text(p, "check_id"))));
	json_object_set_new(row, "compensating", compensation(p, checks));
	json_object_set_new(row, "signer", zt_json_str(p->signer ? p->signer : ""));
	if (standing->why)
		json_object_set(row, "why", standing->why);
	return row;
}

static json_t *attestation_row(const struct ztc_papers *papers, const struct ztc_paper *p)
{
	static const char *const keys[] = {"id",	   "check_id",	"item",	 "scope",
					   "method",	   "statement", "files", "assessor",
					   "collected_at", NULL};
	json_t *row = json_object(), *why;
	const char *result = attested(papers, p, &why);

	copy(row, p, keys);
	json_object_set_new(row, "result", json_string(result));
	json_object_set_new(row, "attested", json_string(ztc_paper_text(p, "result")));
	json_object_set_new(row, "valid_until", ztc_record_time(p->to_s));
	json_object_set_new(row, "file", zt_json_str(p->file));
	json_object_set_new(row, "signer", zt_json_str(p->signer ? p->signer : ""));
	json_object_set_new(row, "grade", json_string("D"));
	json_object_set_new(row, "state",
			    json_string(strcmp(result, "error") == 0	 ? "error"
					: strcmp(result, "unknown") == 0 ? "expired"
									 : "valid"));
	if (why)
		json_object_set_new(row, "why", why);
	return row;
}

/* A month, a fortnight and a week before it ends, and when it has. */
static json_t *warning(const struct ztc_papers *papers, const struct ztc_paper *p,
		       const struct standing *standing)
{
	long long days = (p->to_s - papers->now_s) / ZTC_DAY_S;
	const char *id = ztc_paper_text(p, "id"), *check = ztc_paper_text(p, "check_id");

	if (strcmp(standing->state, "expired") == 0)
		return ztc_say(N_("waiver %s of %s ended %lld days ago: the result counts again"),
			       id, check, -days);
	if (!standing->disposition || days > 30)
		return NULL;
	if (days > 14)
		return ztc_say(N_("waiver %s of %s ends in %lld days (within 30)"), id, check,
			       days);
	if (days > 7)
		return ztc_say(N_("waiver %s of %s ends in %lld days (within 14)"), id, check,
			       days);
	return ztc_say(N_("waiver %s of %s ends in %lld days (within 7): mend it or renew it now"),
		       id, check, days);
}

static void append_note(json_t *doc, json_t *note)
{
	if (!json_object_get(doc, "notes"))
		json_object_set_new(doc, "notes", json_array());
	if (note)
		json_array_append_new(json_object_get(doc, "notes"), note);
}

int ztc_papers_join(const struct ztc_papers *papers, json_t *doc, const json_t *facts)
{
	zt_auto(zt_freep) struct standing *standing =
		calloc(papers->waiver_count + 1, sizeof(*standing));
	json_t *waivers = json_array(), *attestations = json_array();
	json_t *checks = json_object_get(doc, "checks"), *check;
	size_t i;

	if (!standing || json_object_set_new(doc, "waivers", waivers) < 0 ||
	    json_object_set_new(doc, "attestations", attestations) < 0)
		return -ENOMEM;
	for (i = 0; i < papers->waiver_count; i++) {
		const struct ztc_paper *p = &papers->waivers[i];

		stand_of(papers, p, checks, facts, &standing[i]);
		json_array_append_new(waivers, waiver_row(papers, p, &standing[i], checks));
		append_note(doc, warning(papers, p, &standing[i]));
	}
	for (i = 0; i < papers->attestation_count; i++)
		json_array_append_new(attestations,
				      attestation_row(papers, &papers->attestations[i]));
	json_array_foreach (checks, i, check) {
		dispose(papers, standing, check);
		attest(papers, check);
	}
	for (i = 0; i < papers->waiver_count; i++)
		json_decref(standing[i].why);
	return 0;
}
