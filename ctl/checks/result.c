// SPDX-License-Identifier: Apache-2.0
/* result.c - what judge functions share: evidence that is asked for, shares, offenders, words. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/json.h"
#include "ctl/checks/check.h"

static const char *const state_names[ZTC_STATE_COUNT] = {
	[ZTC_STATE_NA] = "notapplicable", [ZTC_STATE_PASS] = "pass",
	[ZTC_STATE_PARTIAL] = "partial",  [ZTC_STATE_UNKNOWN] = "unknown",
	[ZTC_STATE_ERROR] = "error",	  [ZTC_STATE_FAIL] = "fail",
};

static const struct ztc_check *const tables[] = {
	ztc_checks_net,	 ztc_checks_agent,   ztc_checks_crypto,
	ztc_checks_logs, ztc_checks_records, ztc_checks_drills,
};

const char *ztc_state_name(enum ztc_state state)
{
	return state_names[state];
}

int ztc_state_find(const char *name, enum ztc_state *ret)
{
	for (int i = 0; name && i < ZTC_STATE_COUNT; i++) {
		if (strcmp(name, state_names[i]) == 0) {
			*ret = i;
			return 0;
		}
	}
	return -ENOENT;
}

const struct ztc_check *ztc_check_find(const char *id)
{
	for (size_t i = 0; i < ARRAY_SIZE(tables); i++) {
		for (const struct ztc_check *c = tables[i]; c->id; c++) {
			if (strcmp(c->id, id) == 0)
				return c;
		}
	}
	return NULL;
}

const char *ztc_fact_status(const struct ztc_facts *facts, const char *name)
{
	const json_t *fact = json_object_get(facts->facts, name);
	const char *status = json_string_value(json_object_get(fact, "status"));

	return status ? status : "absent";
}

const json_t *ztc_fact_maybe(const struct ztc_facts *facts, const char *name, struct ztc_result *r)
{
	const json_t *fact = json_object_get(facts->facts, name);
	const json_t *data = json_object_get(fact, "data");

	if (!fact)
		return NULL;
	if (!r->collectors)
		r->collectors = json_array();
	json_array_append_new(r->collectors, json_string(name));
	return strcmp(ztc_fact_status(facts, name), "ok") == 0 ? data : NULL;
}

const json_t *ztc_fact(const struct ztc_facts *facts, const char *name, struct ztc_result *r)
{
	const json_t *data = ztc_fact_maybe(facts, name, r);
	const json_t *fact = json_object_get(facts->facts, name);
	const char *status = ztc_fact_status(facts, name);
	const char *why = json_string_value(json_object_get(fact, "reason"));
	const char *needs = json_string_value(json_object_get(fact, "needs"));

	if (data)
		return data;
	if (strcmp(status, "denied") == 0)
		ztc_conclude(r, ZTC_STATE_UNKNOWN,
			     N_("no privilege to find out; %s would answer (%s)"),
			     needs ? needs : "root", name);
	else if (strcmp(status, "not_run") == 0)
		ztc_conclude(r, ZTC_STATE_UNKNOWN, N_("not looked at: %s asks for it (%s)"),
			     needs ? needs : "--probe", name);
	else if (strcmp(status, "timeout") == 0)
		ztc_conclude(r, ZTC_STATE_UNKNOWN, N_("no answer in time (%s)"), name);
	else if (strcmp(status, "absent") == 0)
		ztc_conclude(r, ZTC_STATE_UNKNOWN, N_("no evidence (%s)%s%s"), name,
			     why ? ": " : "", why ? why : "");
	else
		ztc_conclude(r, ZTC_STATE_ERROR, N_("could not be found out (%s)%s%s"), name,
			     why ? ": " : "", why ? why : "");
	return NULL;
}

static void set_message(json_t **slot, const char *fmt, va_list ap)
{
	json_decref(*slot);
	*slot = ztc_say_v(fmt, ap);
}

void ztc_conclude(struct ztc_result *r, enum ztc_state state, const char *fmt, ...)
{
	va_list ap;

	r->state = state;
	va_start(ap, fmt);
	set_message(&r->reason, fmt, ap);
	va_end(ap);
}

void ztc_observed(struct ztc_result *r, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	set_message(&r->observed, fmt, ap);
	va_end(ap);
}

void ztc_expected(struct ztc_result *r, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	set_message(&r->expected, fmt, ap);
	va_end(ap);
}

void ztc_offender(struct ztc_result *r, const char *resource, const char *fmt, ...)
{
	json_t *row;
	va_list ap;

	r->offender_count++;
	if (!r->offenders)
		r->offenders = json_array();
	if (json_array_size(r->offenders) >= ZTC_OFFENDERS_SHOWN)
		return;
	row = json_object();
	json_object_set_new(row, "resource", zt_json_str(resource));
	va_start(ap, fmt);
	json_object_set_new(row, "text", ztc_say_v(fmt, ap));
	va_end(ap);
	json_array_append_new(r->offenders, row);
}

double ztc_limit(const struct ztc_facts *facts, const char *id, const char *name)
{
	const json_t *checks = json_object_get(facts->profile, "checks");
	const json_t *limit = json_object_get(json_object_get(checks, id), name);
	const json_t *value = json_object_get(limit, "value");

	if (!json_is_number(value)) {
		fprintf(stderr, "ztctl: the profile has no %s.%s\n", id, name);
		abort();
	}
	return json_number_value(value);
}

const json_t *ztc_list(const struct ztc_facts *facts, const char *name)
{
	const json_t *list = json_object_get(json_object_get(facts->profile, "lists"), name);

	if (!json_is_array(list)) {
		fprintf(stderr, "ztctl: the profile has no list %s\n", name);
		abort();
	}
	return list;
}

enum ztc_state ztc_share_state(const struct ztc_facts *facts, const char *id, int64_t num,
			       int64_t den, bool universe_known)
{
	double pass = ztc_limit(facts, id, "pass_share");
	double partial = ztc_limit(facts, id, "partial_share");

	if (den <= 0 || (den < ZTC_SAMPLES_MIN && !universe_known))
		return ZTC_STATE_UNKNOWN;
	/* Compared as a product: 99 of 100 is 99 %, whatever 0.99 is in binary. */
	return (double)num + 1e-9 * den >= pass * den	   ? ZTC_STATE_PASS
	       : (double)num + 1e-9 * den >= partial * den ? ZTC_STATE_PARTIAL
							   : ZTC_STATE_FAIL;
}

void ztc_share(const struct ztc_facts *facts, struct ztc_result *r, const char *id, int64_t num,
	       int64_t den, bool universe_known)
{
	enum ztc_state state = ztc_share_state(facts, id, num, den, universe_known);

	r->num = num;
	r->den = den;
	ztc_expected(r, N_("at least %g%% (partial: %g%%)"),
		     ztc_limit(facts, id, "pass_share") * 100,
		     ztc_limit(facts, id, "partial_share") * 100);
	if (state == ZTC_STATE_UNKNOWN)
		ztc_conclude(r, state, N_("%lld of %lld: too few to be a share, %d are needed"),
			     (long long)num, (long long)den, ZTC_SAMPLES_MIN);
	else
		ztc_conclude(r, state, N_("%lld of %lld (%.1f%%)"), (long long)num, (long long)den,
			     100.0 * num / den);
}
