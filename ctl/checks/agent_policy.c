// SPDX-License-Identifier: Apache-2.0
/*
 * agent_policy.c - what is enforced, for how much of the time, in which directions, and how narrow
 * it is (3.2-01, 02, 03, 06, 07).
 */
#include <string.h>

#include "base/time.h"
#include "ctl/checks/agent.h"

/* --- 3.2-01 -------------------------------------------------------------------------------------
 */

static void judge_time(const struct ztc_facts *facts, const json_t *pins, struct ztc_result *r)
{
	static const char id[] = "ZTS-3.2-01";
	const json_t *life = ztc_fact(facts, "life", r);
	int64_t enforced, up;

	if (!life)
		return;
	enforced = ztc_get_number(json_object_get(life, "modes"), "enforced") +
		   ztc_get_number(life, "held_s");
	up = ztc_get_number(life, "uptime_s");
	r->from_s = ztc_get_number(life, "from_s");
	r->to_s = facts->now_s;
	ztc_observed(r,
		     N_("enforced for %lld of %lld seconds that the machine was up, %lld of "
			"these held by links that stayed while the agent was silent"),
		     (long long)enforced, (long long)up, (long long)ztc_get_number(life, "held_s"));
	if (!ztc_get_true(life, "intact")) {
		ztc_conclude(r, ZTC_STATE_ERROR,
			     N_("the chain of heartbeats is broken: somebody altered it"));
		return;
	}
	if (!ztc_window_covers(r, up, ztc_limit(facts, id, "min_days")))
		return;
	ztc_share(facts, r, id, enforced, up, true);
	if (r->state == ZTC_STATE_PASS && json_array_size(json_object_get(pins, "unguarded")))
		ztc_conclude(r, ZTC_STATE_PARTIAL,
			     N_("enforced, but an interface that is up is not guarded"));
}

void ztc_judge_mode(const struct ztc_facts *facts, struct ztc_result *r)
{
	const json_t *pins = ztc_kernel(facts, r), *agent, *one;
	size_t i;

	if (!pins)
		return;
	agent = ztc_fact(facts, "agent", r);
	ztc_expected(r, N_("enforced now, and for at least %g%% of the time the machine was up"),
		     ztc_limit(facts, "ZTS-3.2-01", "pass_share") * 100);
	if (strcmp(ztc_get_text(agent, "mode_now"), "enforced") != 0) {
		ztc_observed(r, N_("mode now: %s"), ztc_get_text(agent, "mode_now"));
		ztc_conclude(r, ZTC_STATE_FAIL,
			     N_("nothing is enforced now (%s): what is denied would only be "
				"recorded"),
			     ztc_get_text(agent, "mode_now"));
		return;
	}
	json_array_foreach (json_object_get(pins, "unguarded"), i, one)
		ztc_offender(r, json_string_value(one), N_("up, and no program of ours is on it"));
	judge_time(facts, pins, r);
}

/* --- 3.2-02 -------------------------------------------------------------------------------------
 */

/* "deny", "allow", or "" when it is not known: what an unknown peer meets, both families. */
static const char *egress_default(const struct ztc_facts *facts, struct ztc_result *r)
{
	const json_t *simulation = ztc_fact_maybe(facts, "simulation", r);
	const json_t *out = json_object_get(json_object_get(simulation, "defaults"), "out");
	const char *v4 = ztc_get_text(json_object_get(out, "v4"), "action");
	const char *v6 = ztc_get_text(json_object_get(out, "v6"), "action");

	if (strcmp(v4, "allow") == 0 || strcmp(v6, "allow") == 0)
		return "allow";
	return *v4 || *v6 ? "deny" : "";
}

static enum ztc_state share_state(int64_t num, int64_t den, double pass, double partial)
{
	if (!den || (double)num + 1e-9 * den >= pass * den)
		return ZTC_STATE_PASS;
	return (double)num + 1e-9 * den >= partial * den ? ZTC_STATE_PARTIAL : ZTC_STATE_FAIL;
}

static void judge_shares(const struct ztc_facts *facts, const json_t *edges, const char *egress,
			 struct ztc_result *r)
{
	static const char id[] = "ZTS-3.2-02";
	double pass = ztc_limit(facts, id, "pass_share");
	double partial = ztc_limit(facts, id, "partial_share");
	const json_t *in = json_object_get(edges, "in"), *out = json_object_get(edges, "out");
	enum ztc_state in_state, out_state, state;

	in_state = share_state(ztc_get_number(in, "explained"), ztc_get_number(in, "connections"),
			       pass, partial);
	out_state = share_state(ztc_get_number(out, "explained"),
				ztc_get_number(out, "connections"), pass, partial);
	state = in_state > out_state ? in_state : out_state;
	/* Ingress alone is half of a perimeter. */
	if (state == ZTC_STATE_FAIL && in_state == ZTC_STATE_PASS)
		state = ZTC_STATE_PARTIAL;
	if (strcmp(egress, "allow") == 0)
		ztc_conclude(r, ZTC_STATE_FAIL,
			     N_("%lld of %lld connections match a rule; egress default: allow"),
			     (long long)r->num, (long long)r->den);
	else if (!*egress && state != ZTC_STATE_FAIL)
		ztc_conclude(r, ZTC_STATE_UNKNOWN,
			     N_("%lld of %lld connections match a rule; what is denied by default "
				"on the way out could not be asked of the loaded programs"),
			     (long long)r->num, (long long)r->den);
	else
		ztc_conclude(r, state,
			     N_("%lld of %lld connections match a rule (in %lld of %lld, out %lld "
				"of %lld)"),
			     (long long)r->num, (long long)r->den,
			     (long long)ztc_get_number(in, "explained"),
			     (long long)ztc_get_number(in, "connections"),
			     (long long)ztc_get_number(out, "explained"),
			     (long long)ztc_get_number(out, "connections"));
}

void ztc_judge_both_ways(const struct ztc_facts *facts, struct ztc_result *r)
{
	const json_t *pins = ztc_kernel(facts, r);
	const json_t *edges = pins ? ztc_fact(facts, "edges", r) : NULL;
	const json_t *in = json_object_get(edges, "in"), *out = json_object_get(edges, "out");
	const char *egress;

	if (!edges)
		return;
	egress = egress_default(facts, r);
	ztc_expected(r,
		     N_("at least %g%% of connections in both directions by a rule, egress "
			"denied by default"),
		     ztc_limit(facts, "ZTS-3.2-02", "pass_share") * 100);
	r->num = ztc_get_number(in, "explained") + ztc_get_number(out, "explained");
	r->den = ztc_get_number(in, "connections") + ztc_get_number(out, "connections");
	ztc_observed(r, N_("%lld of %lld connections match a rule; egress default: %s"),
		     (long long)r->num, (long long)r->den, *egress ? egress : "?");
	if (ztc_get_true(pins, "observing")) {
		ztc_conclude(r, ZTC_STATE_FAIL,
			     N_("observe is on: whatever the rules say, nothing is denied"));
		return;
	}
	ztc_edge_offenders(r, json_object_get(out, "top"));
	ztc_edge_offenders(r, json_object_get(in, "top"));
	if (!ztc_window_of(facts, edges, r))
		return;
	if (r->den < ZTC_SAMPLES_MIN && strcmp(egress, "allow") != 0) {
		ztc_conclude(r, ZTC_STATE_UNKNOWN,
			     N_("%lld connections were recorded: too few to be a share, %d are "
				"needed"),
			     (long long)r->den, ZTC_SAMPLES_MIN);
		return;
	}
	judge_shares(facts, edges, egress, r);
}

/* --- 3.2-03 -------------------------------------------------------------------------------------
 */

enum end_kind {
	END_OPEN,
	END_NAMED,
	END_LITERAL,
	END_EXTERNAL
};

static enum end_kind end_kind(const json_t *end)
{
	const char *by = ztc_get_text(end, "by");

	if (ztc_get_true(end, "workload") || strcmp(by, "label") == 0)
		return END_NAMED;
	if (strcmp(by, "address") == 0 || strcmp(by, "mixed") == 0)
		return ztc_get_true(end, "external") ? END_EXTERNAL : END_LITERAL;
	return END_OPEN;
}

void ztc_judge_subjects(const struct ztc_facts *facts, struct ztc_result *r)
{
	const json_t *policy = ztc_fact(facts, "policy", r), *one;
	int64_t named = 0, all = 0, external = 0;
	size_t i;

	if (!policy)
		return;
	json_array_foreach (json_object_get(policy, "statements"), i, one) {
		enum end_kind from = end_kind(json_object_get(one, "from"));
		enum end_kind to = end_kind(json_object_get(one, "to"));

		if (strcmp(ztc_get_text(one, "kind"), "rule") != 0 || !ztc_statement_enforced(one))
			continue;
		if ((from == END_EXTERNAL || to == END_EXTERNAL) && from != END_LITERAL &&
		    to != END_LITERAL) {
			external++;
			continue;
		}
		all++;
		if (from != END_LITERAL && to != END_LITERAL &&
		    (from == END_NAMED || to == END_NAMED))
			named++;
		else
			ztc_offender(r, ztc_get_text(one, "id"), N_("%s to %s"),
				     ztc_get_text(json_object_get(one, "from"), "text"),
				     ztc_get_text(json_object_get(one, "to"), "text"));
	}
	ztc_observed(r,
		     N_("%lld of %lld enforced rules go by label, unit, program or user; %lld "
			"more speak of addresses of the Internet"),
		     (long long)named, (long long)all, (long long)external);
	if (all) {
		ztc_share(facts, r, "ZTS-3.2-03", named, all, true);
		return;
	}
	ztc_expected(r, N_("rules go by labels and workloads, not by addresses"));
	if (external)
		ztc_conclude(r, ZTC_STATE_NA,
			     N_("all %lld enforced rules have peers outside, who have no labels"),
			     (long long)external);
	else
		ztc_conclude(r, ZTC_STATE_UNKNOWN, N_("no rule is enforced here"));
}

/* --- 3.2-06 -------------------------------------------------------------------------------------
 */

struct reach {
	const json_t *policy, *edges, *defaults;
	bool enforced;
	double pass, partial;
	int64_t few;
	bool long_enough;
};

static const json_t *by_service(const json_t *rows, const char *service)
{
	const json_t *row;
	size_t i;

	json_array_foreach (rows, i, row) {
		if (strcmp(ztc_get_text(row, "service"), service) == 0)
			return row;
	}
	return NULL;
}

/* -1: anybody. */
static int64_t permitted(const struct reach *reach, const char *service)
{
	const json_t *row = by_service(json_object_get(reach->policy, "admin"), service);
	const json_t *in = json_object_get(reach->defaults, "in");
	bool open = strcmp(ztc_get_text(json_object_get(in, "v4"), "action"), "allow") == 0 ||
		    strcmp(ztc_get_text(json_object_get(in, "v6"), "action"), "allow") == 0;

	return !reach->enforced || open || !row ? -1 : ztc_get_number(row, "permitted");
}

static enum ztc_state judge_port(const struct reach *reach, const char *service,
				 struct ztc_result *r)
{
	const json_t *seen = by_service(json_object_get(reach->edges, "admin"), service);
	int64_t may = permitted(reach, service), did = ztc_get_number(seen, "peers");
	double share = may > 0 ? (double)did / (double)may : 0;

	if (may >= 0 && may <= reach->few)
		return ZTC_STATE_PASS;
	if (may > 0 && share >= reach->pass)
		return ZTC_STATE_PASS;
	if (may < 0)
		ztc_offender(r, service, N_("any peer is permitted, %lld were seen"),
			     (long long)did);
	else
		ztc_offender(r, service, N_("%lld peers are permitted, %lld were seen"),
			     (long long)may, (long long)did);
	if (may < 0)
		return ZTC_STATE_FAIL;
	/* More callers may be seen as the window grows. */
	if (!reach->long_enough)
		return ZTC_STATE_UNKNOWN;
	return share >= reach->partial ? ZTC_STATE_PARTIAL : ZTC_STATE_FAIL;
}

/* Ports of the profile's list that something listens on, each once. */
static json_t *admin_listeners(const json_t *simulation)
{
	json_t *services = json_object();
	const json_t *one;
	char service[32];
	size_t i;

	json_array_foreach (json_object_get(simulation, "listeners"), i, one) {
		if (!ztc_get_true(one, "admin"))
			continue;
		snprintf(service, sizeof(service), "%.8s/%lld", ztc_get_text(one, "proto"),
			 (long long)ztc_get_number(one, "port"));
		json_object_set_new(services, service, json_true());
	}
	return services;
}

static void judge_ports(const struct ztc_facts *facts, const struct reach *reach, json_t *services,
			struct ztc_result *r)
{
	enum ztc_state worst = ZTC_STATE_PASS, state;
	const char *service;
	json_t *unused;

	r->num = 0;
	r->den = (int64_t)json_object_size(services);
	json_object_foreach (services, service, unused) {
		state = judge_port(reach, service, r);
		r->num += state == ZTC_STATE_PASS;
		worst = state > worst ? state : worst;
	}
	ztc_observed(r,
		     N_("%lld of %lld admin or database ports are permitted to few more than use "
			"them"),
		     (long long)r->num, (long long)r->den);
	if (!r->den)
		ztc_conclude(r, ZTC_STATE_NA, N_("nothing listens on an admin or database port"));
	else if (worst == ZTC_STATE_UNKNOWN)
		ztc_window_covers(r, ztc_get_number(reach->edges, "recorded_for_s"),
				  ztc_limit(facts, "ZTS-3.2-06", "window_days"));
	else
		ztc_conclude(r, worst,
			     N_("%lld of %lld admin or database ports are permitted to few more "
				"than use them"),
			     (long long)r->num, (long long)r->den);
}

void ztc_judge_admin_reach(const struct ztc_facts *facts, struct ztc_result *r)
{
	static const char id[] = "ZTS-3.2-06";
	const json_t *pins = ztc_kernel(facts, r);
	const json_t *simulation = pins ? ztc_fact(facts, "simulation", r) : NULL;
	struct reach reach = {
		.policy = simulation ? ztc_fact(facts, "policy", r) : NULL,
		.defaults = json_object_get(simulation, "defaults"),
		.enforced = ztc_get_true(pins, "enforces") && !ztc_get_true(pins, "observing"),
		.pass = ztc_limit(facts, id, "pass_share"),
		.partial = ztc_limit(facts, id, "partial_share"),
		.few = (int64_t)ztc_limit(facts, id, "few"),
	};
	json_t *services;

	if (!reach.policy)
		return;
	reach.edges = ztc_fact(facts, "edges", r);
	if (!reach.edges)
		return;
	ztc_expected(r,
		     N_("at least %g of the permitted peers were seen, or %lld at most are "
			"permitted"),
		     reach.pass, (long long)reach.few);
	reach.long_enough = (double)ztc_get_number(reach.edges, "recorded_for_s") + 3600 >=
			    ztc_limit(facts, id, "window_days") * ZTC_DAY_S;
	if (ztc_get_true(reach.edges, "over_bounds"))
		reach.long_enough = false;
	services = admin_listeners(simulation);
	judge_ports(facts, &reach, services, r);
	json_decref(services);
}

/* --- 3.2-07 -------------------------------------------------------------------------------------
 */

static bool is_seasonal(const struct ztc_facts *facts, const char *id)
{
	const json_t *list = ztc_list(facts, "seasonal_rules"), *one;
	size_t i;

	json_array_foreach (list, i, one) {
		if (json_is_string(one) && strcmp(json_string_value(one), id) == 0)
			return true;
	}
	return false;
}

/* Stood for the whole window with this content: then no hit is a finding. */
static bool is_old(const struct ztc_facts *facts, const json_t *statement)
{
	double days = ztc_limit(facts, "ZTS-3.2-07", "window_days");
	uint64_t since_ns;

	return zt_wall_parse(ztc_get_text(statement, "stood_since"), &since_ns) == 0 &&
	       (double)(facts->now_s - (int64_t)(since_ns / ZT_NS_PER_S)) >= days * ZTC_DAY_S;
}

static int64_t hits_of(const json_t *edges, const char *id)
{
	const json_t *row;
	size_t i;

	json_array_foreach (json_object_get(edges, "rules"), i, row) {
		if (strcmp(ztc_get_text(row, "id"), id) == 0)
			return ztc_get_number(row, "flows");
	}
	return 0;
}

void ztc_judge_unused(const struct ztc_facts *facts, struct ztc_result *r)
{
	static const char id[] = "ZTS-3.2-07";
	const json_t *policy = ztc_fact(facts, "policy", r), *one;
	const json_t *edges = policy ? ztc_fact(facts, "edges", r) : NULL;
	double pass = ztc_limit(facts, id, "pass_unused");
	double partial = ztc_limit(facts, id, "partial_unused");
	double days = ztc_limit(facts, id, "window_days");
	int64_t young = 0;
	size_t i;

	if (!edges)
		return;
	ztc_expected(r, N_("at most %g%% of allow rules without a hit in %g days (partial: %g%%)"),
		     pass * 100, days, partial * 100);
	r->num = r->den = 0;
	json_array_foreach (json_object_get(policy, "statements"), i, one) {
		const char *rule = ztc_get_text(one, "id");

		if (strcmp(ztc_get_text(one, "kind"), "rule") != 0 ||
		    strcmp(ztc_get_text(one, "action"), "allow") != 0 ||
		    !ztc_statement_enforced(one) || is_seasonal(facts, rule))
			continue;
		if (!is_old(facts, one)) {
			young++;
			continue;
		}
		r->den++;
		if (hits_of(edges, rule))
			continue;
		r->num++;
		ztc_offender(r, rule, N_("no hit in %g days"), days);
	}
	ztc_observed(r,
		     N_("%lld of %lld allow rules had no hit; %lld more are younger than %g days"),
		     (long long)r->num, (long long)r->den, (long long)young, days);
	if (!ztc_window_covers(r, ztc_get_number(edges, "recorded_for_s"), days))
		return;
	if (!r->den) {
		ztc_conclude(r, ZTC_STATE_UNKNOWN,
			     N_("no allow rule is %g days old: use cannot be judged yet"), days);
		return;
	}
	ztc_conclude(r,
		     (double)r->num <= pass * r->den + 1e-9	 ? ZTC_STATE_PASS
		     : (double)r->num <= partial * r->den + 1e-9 ? ZTC_STATE_PARTIAL
								 : ZTC_STATE_FAIL,
		     N_("%lld of %lld allow rules had no hit in %g days"), (long long)r->num,
		     (long long)r->den, days);
}
