// SPDX-License-Identifier: Apache-2.0
/*
 * agent_reach.c - who of the own segment gets in: by the loaded programs (3.1-02), and by what was
 * recorded (3.1-05).
 */
#include <string.h>

#include "ctl/checks/agent.h"

/*
 * A rule names a service when it names its port; on an admin or database port it must name the
 * peer too, and one that lets in an address that nobody knows cannot have.
 */
static bool names_it(const json_t *policy, const json_t *listener, const char *rule)
{
	const json_t *statement = ztc_statement(policy, rule);

	return statement && strcmp(ztc_get_text(statement, "action"), "allow") == 0 &&
	       ztc_statement_enforced(statement) && !ztc_get_true(statement, "any_port") &&
	       !ztc_get_true(listener, "admin");
}

struct count {
	int64_t unexpected;
	bool admin;
};

static void count_listener(const json_t *policy, const json_t *listener, struct ztc_result *r,
			   struct count *count)
{
	const json_t *row;
	size_t i;

	json_array_foreach (json_object_get(listener, "allowed_by"), i, row) {
		if (names_it(policy, listener, ztc_get_text(row, "rule")))
			continue;
		count->unexpected += ztc_get_number(row, "peers");
		count->admin = count->admin || ztc_get_true(listener, "admin");
		ztc_offender(r, ztc_get_text(listener, "resource"),
			     N_("%s gets in by rule %s (%lld unknown peers)"),
			     ztc_get_text(row, "peer"), ztc_get_text(row, "rule"),
			     (long long)ztc_get_number(row, "peers"));
	}
}

/* What stands in the way of any verdict that was asked for. false: @r is set. */
static bool attached(const json_t *pins, struct ztc_result *r)
{
	const json_t *bare = json_object_get(pins, "unguarded"), *one;
	size_t i;

	if (ztc_get_true(pins, "observing")) {
		ztc_conclude(r, ZTC_STATE_FAIL,
			     N_("observe is on: whatever the rules say, nothing is denied"));
		return false;
	}
	json_array_foreach (bare, i, one)
		ztc_offender(r, json_string_value(one), N_("up, and no program of ours is on it"));
	if (!json_array_size(json_object_get(pins, "attached")) || json_array_size(bare)) {
		ztc_conclude(r, ZTC_STATE_FAIL,
			     N_("the programs are loaded, but not attached to every interface"));
		return false;
	}
	if (json_array_size(json_object_get(pins, "unreadable"))) {
		ztc_conclude(r, ZTC_STATE_UNKNOWN,
			     N_("whether the programs are attached cannot be read"));
		return false;
	}
	return true;
}

/* No listener, or no peer that could be asked about: what an unknown one meets in general. */
static void judge_defaults(const json_t *simulation, struct ztc_result *r)
{
	const json_t *in = json_object_get(json_object_get(simulation, "defaults"), "in");
	const char *v4 = ztc_get_text(json_object_get(in, "v4"), "action");
	const char *v6 = ztc_get_text(json_object_get(in, "v6"), "action");

	if ((*v4 || *v6) && strcmp(v4, "allow") != 0 && strcmp(v6, "allow") != 0)
		ztc_conclude(r, ZTC_STATE_PASS,
			     N_("no listener can be asked about; an unknown peer is denied"));
	else
		ztc_conclude(r, ZTC_STATE_UNKNOWN,
			     N_("no pair of listener and peer on the link could be made up"));
}

static void conclude(const struct ztc_facts *facts, const json_t *simulation,
		     const struct count *count, struct ztc_result *r)
{
	double partial = ztc_limit(facts, "ZTS-3.1-02", "partial_share");
	int64_t left =
		ztc_get_number(simulation, "left_out") + ztc_get_number(simulation, "not_asked");

	if (count->admin)
		ztc_conclude(r, ZTC_STATE_FAIL,
			     N_("%lld of %lld pairs of listener and unknown peer are let in, some "
				"at an admin or database port"),
			     (long long)r->num, (long long)r->den);
	else if ((double)count->unexpected > partial * (double)r->den + 1e-9)
		ztc_conclude(r, ZTC_STATE_FAIL,
			     N_("%lld of %lld pairs of listener and unknown peer are let in"),
			     (long long)r->num, (long long)r->den);
	else if (left || ztc_get_true(simulation, "peers_cut"))
		ztc_conclude(r, ZTC_STATE_UNKNOWN,
			     N_("%lld listeners or openings could not be asked about"),
			     (long long)left);
	else if (ztc_get_number(simulation, "elsewhere"))
		ztc_conclude(r, ZTC_STATE_UNKNOWN,
			     N_("%lld listeners are in network namespaces that this agent does not "
				"guard"),
			     (long long)ztc_get_number(simulation, "elsewhere"));
	else if (count->unexpected)
		ztc_conclude(r, ZTC_STATE_PARTIAL,
			     N_("%lld of %lld pairs of listener and unknown peer are let in"),
			     (long long)r->num, (long long)r->den);
	else
		ztc_conclude(r, ZTC_STATE_PASS,
			     N_("none of %lld pairs of listener and unknown peer is let in that no "
				"rule names"),
			     (long long)r->den);
}

void ztc_judge_simulation(const struct ztc_facts *facts, struct ztc_result *r)
{
	const json_t *pins, *simulation, *policy, *listener;
	struct count count = {0};
	size_t i;

	ztc_expected(r, N_("no unknown peer of an own prefix is let in that no rule names"));
	r->method = "simulate";
	if (strcmp(ztc_fact_status(facts, "agent"), "absent") == 0) {
		ztc_conclude(r, ZTC_STATE_NA,
			     N_("no program of an agent is loaded: check 3.1-03 answers instead"));
		return;
	}
	pins = ztc_kernel(facts, r);
	if (!pins || !attached(pins, r))
		return;
	simulation = ztc_fact(facts, "simulation", r);
	policy = simulation ? ztc_fact(facts, "policy", r) : NULL;
	if (!policy)
		return;
	if (ztc_get_number(simulation, "differ")) {
		ztc_conclude(r, ZTC_STATE_ERROR,
			     N_("the loaded programs judge differently from the compiled policy"));
		return;
	}
	json_array_foreach (json_object_get(simulation, "listeners"), i, listener)
		count_listener(policy, listener, r, &count);
	r->num = count.unexpected;
	r->den = ztc_get_number(simulation, "pairs");
	ztc_observed(r,
		     N_("%lld listeners, %lld pairs, %lld let in, %lld of them by no rule that "
			"names them; %lld openings asked of the loaded programs"),
		     (long long)json_array_size(json_object_get(simulation, "listeners")),
		     (long long)r->den, (long long)ztc_get_number(simulation, "allowed"),
		     (long long)count.unexpected, (long long)ztc_get_number(simulation, "probes"));
	if (r->den <= 0 && !ztc_get_number(simulation, "not_asked") &&
	    !ztc_get_number(simulation, "elsewhere"))
		judge_defaults(simulation, r);
	else
		conclude(facts, simulation, &count, r);
}

/* --- 3.1-05 -------------------------------------------------------------------------------------
 */

void ztc_judge_segment(const struct ztc_facts *facts, struct ztc_result *r)
{
	const json_t *edges = ztc_fact(facts, "edges", r);
	const json_t *segment = json_object_get(edges, "segment");
	int64_t all = ztc_get_number(segment, "connections");

	if (!edges || !ztc_window_of(facts, edges, r))
		return;
	if (!ztc_get_number(edges, "prefixes")) {
		ztc_conclude(r, ZTC_STATE_UNKNOWN,
			     N_("which prefixes are on the own links is not known"));
		return;
	}
	ztc_observed(r,
		     N_("%lld accepted connections with hosts of the own segment, %lld by a "
			"rule"),
		     (long long)all, (long long)ztc_get_number(segment, "explained"));
	if (!all) {
		ztc_expected(r, N_("every accepted connection of the own segment by a rule"));
		ztc_conclude(r, ZTC_STATE_NA,
			     N_("0 connections with hosts of the own segment were accepted"));
		return;
	}
	ztc_share(facts, r, "ZTS-3.1-05", ztc_get_number(segment, "explained"), all, false);
	ztc_edge_offenders(r, json_object_get(segment, "top"));
}
