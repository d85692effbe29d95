// SPDX-License-Identifier: Apache-2.0
/* logs_clock.c - ZTS-3.6-06: is the time of the records right? */
#include <string.h>

#include "ctl/checks/logs.h"

#define ID "ZTS-3.6-06"

/* Why a kernel that is told nothing may sit below a daemon that follows a source. */
static bool daemon_follows(const json_t *clock)
{
	const json_t *tracking = json_object_get(clock, "tracking");
	const char *leap = json_string_value(json_object_get(tracking, "leap"));

	return leap && strcmp(leap, "Not synchronised") != 0;
}

static void judge_unsynchronised(const json_t *clock, struct ztc_result *r)
{
	if (daemon_follows(clock))
		ztc_conclude(r, ZTC_STATE_FAIL,
			     N_("the kernel says that the clock is not synchronised, though chrony "
				"follows a source: chronyd runs with -x or without 'rtcsync'"));
	else
		ztc_conclude(r, ZTC_STATE_FAIL,
			     N_("the kernel says that the clock is not synchronised (STA_UNSYNC): "
				"times in the records cannot be relied upon"));
}

static void judge_sources(const struct ztc_facts *facts, const json_t *clock, double error_ms,
			  struct ztc_result *r)
{
	const json_t *reachable = json_object_get(clock, "reachable_sources");
	int want = (int)ztc_limit(facts, ID, "sources");
	int have = (int)json_integer_value(reachable);

	if (!json_is_integer(reachable))
		ztc_conclude(
			r, ZTC_STATE_PARTIAL,
			N_("synchronised, error at most %.1f ms; by how many sources cannot be "
			   "seen: neither chrony nor systemd-timesyncd answers here"),
			error_ms);
	else if (have < 1)
		ztc_conclude(
			r, ZTC_STATE_PARTIAL,
			N_("no source of time answers: the clock still counts as synchronised, "
			   "error at most %.1f ms and growing"),
			error_ms);
	else if (have < want)
		ztc_conclude(
			r, ZTC_STATE_PARTIAL,
			N_("synchronised, error at most %.1f ms, but %d reachable source(s) of "
			   "time: one that is wrong is not noticed"),
			error_ms, have);
	else
		ztc_conclude(
			r, ZTC_STATE_PASS,
			N_("synchronised, error at most %.1f ms, %d reachable sources of time"),
			error_ms, have);
}

static void observe(const json_t *clock, bool good, double error_ms, struct ztc_result *r)
{
	const json_t *reachable = json_object_get(clock, "reachable_sources");
	int have = (int)json_integer_value(reachable);
	int sources = (int)json_integer_value(json_object_get(clock, "sources"));

	if (!good)
		ztc_observed(r, N_("not synchronised, error up to %.1f ms"), error_ms);
	else if (json_is_integer(reachable))
		ztc_observed(r,
			     N_("synchronised, error at most %.1f ms, %d of %d sources reachable"),
			     error_ms, have, sources);
	else
		ztc_observed(r, N_("synchronised, error at most %.1f ms, sources not known"),
			     error_ms);
}

void ztc_judge_clock(const struct ztc_facts *facts, struct ztc_result *r)
{
	const json_t *clock = ztc_fact(facts, "clock", r);
	const json_t *synchronised = json_object_get(clock, "synchronised");
	const json_t *maxerror = json_object_get(clock, "maxerror_us");
	double pass_us = ztc_limit(facts, ID, "maxerror_us");
	double partial_us = ztc_limit(facts, ID, "partial_maxerror_us");
	double error_us = (double)json_integer_value(maxerror);
	bool good = json_is_true(synchronised);

	ztc_expected(r,
		     N_("synchronised, error at most %g ms (partial: %g ms), at least %d reachable "
			"sources"),
		     pass_us / 1000, partial_us / 1000, (int)ztc_limit(facts, ID, "sources"));
	if (!clock)
		return;
	if (!json_is_boolean(synchronised) || !json_is_integer(maxerror)) {
		ztc_conclude(r, ZTC_STATE_UNKNOWN, N_("the kernel's word on the clock is missing"));
		return;
	}
	observe(clock, good, error_us / 1000, r);
	if (!good)
		judge_unsynchronised(clock, r);
	else if (error_us > partial_us)
		ztc_conclude(r, ZTC_STATE_FAIL,
			     N_("the clock may be off by %.1f ms, more than %g ms"),
			     error_us / 1000, partial_us / 1000);
	else if (error_us > pass_us)
		ztc_conclude(r, ZTC_STATE_PARTIAL,
			     N_("the clock may be off by %.1f ms, more than %g ms"),
			     error_us / 1000, pass_us / 1000);
	else
		judge_sources(facts, clock, error_us / 1000, r);
}
