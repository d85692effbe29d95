/* SPDX-License-Identifier: Apache-2.0 */
/*
 * agent.c - the checks that rest on the agent, its maps and what it recorded; what they share.
 */
#include <string.h>

#include "ctl/checks/agent.h"

const struct ztc_check ztc_checks_agent[] = {
	{"ZTS-3.1-02", ztc_judge_simulation},	{"ZTS-3.1-05", ztc_judge_segment},
	{"ZTS-3.2-01", ztc_judge_mode},		{"ZTS-3.2-02", ztc_judge_both_ways},
	{"ZTS-3.2-03", ztc_judge_subjects},	{"ZTS-3.2-06", ztc_judge_admin_reach},
	{"ZTS-3.2-07", ztc_judge_unused},	{"ZTS-3.3-01", ztc_judge_complete},
	{"ZTS-3.3-02", ztc_judge_attributed},	{"ZTS-3.3-03", ztc_judge_map},
	{"ZTS-3.3-06", ztc_judge_dependencies}, {"ZTS-3.3-07", ztc_judge_silence},
	{"ZTS-3.5-05", ztc_judge_blocks},	{"ZTS-3.7-01", ztc_judge_signed},
	{"ZTS-3.7-08", ztc_judge_same_role},	{0},
};

const char *ztc_get_text(const json_t *object, const char *key)
{
	const char *text = json_string_value(json_object_get(object, key));

	return text ? text : "";
}

int64_t ztc_get_number(const json_t *object, const char *key)
{
	return json_integer_value(json_object_get(object, key));
}

bool ztc_get_true(const json_t *object, const char *key)
{
	return json_is_true(json_object_get(object, key));
}

bool ztc_window_covers(struct ztc_result *r, int64_t seconds, double days)
{
	double want_s = days * ZTC_DAY_S, slack_s = want_s > 7200 ? 3600 : 0;

	if ((double)seconds + slack_s >= want_s)
		return true;
	ztc_conclude(r, ZTC_STATE_UNKNOWN,
		     N_("recorded for %.1f of %g days: too short to be judged"),
		     (double)seconds / ZTC_DAY_S, days);
	return false;
}

static double window_days(const struct ztc_facts *facts)
{
	const json_t *general = json_object_get(facts->profile, "general");
	const json_t *days = json_object_get(json_object_get(general, "window_days"), "value");

	return json_is_number(days) ? json_number_value(days) : 7;
}

bool ztc_window_of(const struct ztc_facts *facts, const json_t *edges, struct ztc_result *r)
{
	const json_t *window = json_object_get(edges, "window");

	r->from_s = ztc_get_number(window, "from_s");
	r->to_s = ztc_get_number(window, "to_s");
	return ztc_window_covers(r, ztc_get_number(window, "seconds"), window_days(facts));
}

const json_t *ztc_kernel(const struct ztc_facts *facts, struct ztc_result *r)
{
	const json_t *agent = ztc_fact(facts, "agent", r);
	const json_t *pins = json_object_get(agent, "pins");
	const json_t *policy = json_object_get(json_object_get(agent, "status"), "policy");

	if (!agent)
		return NULL;
	if (!ztc_get_true(pins, "readable")) {
		ztc_conclude(r, ZTC_STATE_UNKNOWN,
			     N_("what the kernel has attached cannot be read (%s): run it as root"),
			     ztc_get_text(pins, "error"));
		return NULL;
	}
	if (json_is_false(json_object_get(pins, "same_netns"))) {
		ztc_conclude(r, ZTC_STATE_UNKNOWN,
			     N_("the agent guards another network namespace than this one"));
		return NULL;
	}
	if (json_is_object(policy) && json_is_boolean(json_object_get(pins, "enforces")) &&
	    ztc_get_true(policy, "enforces") != ztc_get_true(pins, "enforces")) {
		ztc_conclude(r, ZTC_STATE_ERROR,
			     N_("the agent and the kernel's maps disagree on what is enforced"));
		return NULL;
	}
	return pins;
}

const json_t *ztc_statement(const json_t *policy, const char *id)
{
	const json_t *one;
	size_t i;

	json_array_foreach (json_object_get(policy, "statements"), i, one) {
		if (strcmp(ztc_get_text(one, "id"), id) == 0)
			return one;
	}
	return NULL;
}

bool ztc_statement_enforced(const json_t *statement)
{
	const json_t *percent = json_object_get(statement, "percent");

	return strcmp(ztc_get_text(statement, "mode"), "enforced") == 0 &&
	       !ztc_get_true(statement, "expired") &&
	       (!percent || json_integer_value(percent) >= 100);
}

void ztc_edge_offenders(struct ztc_result *r, const json_t *rows)
{
	const json_t *row;
	char resource[256];
	size_t i;

	json_array_foreach (rows, i, row) {
		const char *src = ztc_get_text(row, "src_host"),
			   *dst = ztc_get_text(row, "dst_host");

		src = *src ? src : ztc_get_text(row, "src");
		dst = *dst ? dst : ztc_get_text(row, "dst");
		snprintf(resource, sizeof(resource), "%.60s>%.60s:%.30s", ztc_get_text(row, "src"),
			 ztc_get_text(row, "dst"), ztc_get_text(row, "service"));
		ztc_offender(r, resource, N_("%s to %s %s, rule %s: %lld connections"), src, dst,
			     ztc_get_text(row, "service"),
			     *ztc_get_text(row, "rule") ? ztc_get_text(row, "rule") : "-",
			     (long long)ztc_get_number(row, "connections"));
	}
}
