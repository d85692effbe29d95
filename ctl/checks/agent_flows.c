// SPDX-License-Identifier: Apache-2.0
/*
 * agent_flows.c - is the record complete, whose are the flows, is the map current (3.3-01, 02, 03).
 */
#include <string.h>

#include "base/json.h"
#include "ctl/checks/agent.h"

/* --- 3.3-01 -------------------------------------------------------------------------------------
 */

#define COMPLETE "ZTS-3.3-01"

/* What one of three sources says; the worst of them is the result. */
struct part {
	enum ztc_state state;
	json_t *why; /* message; NULL = nothing to say */
};

static struct part sockets_part(const struct ztc_facts *facts, struct ztc_result *r)
{
	const json_t *reconcile = ztc_fact_maybe(facts, "reconcile", r), *row;
	double pass = ztc_limit(facts, COMPLETE, "pass_share");
	double partial = ztc_limit(facts, COMPLETE, "partial_share");
	int64_t found = ztc_get_number(reconcile, "found"), all;
	char resource[160];
	size_t i;

	if (!reconcile)
		return (struct part){
			ZTC_STATE_UNKNOWN,
			ztc_say(N_("living connections could not be compared with the flow "
				   "tables"))};
	all = found + ztc_get_number(reconcile, "missed");
	r->num = found;
	r->den = all;
	json_array_foreach (json_object_get(reconcile, "rows"), i, row) {
		snprintf(resource, sizeof(resource), "tcp/%.50s:%lld-%.50s:%lld",
			 ztc_get_text(row, "local"), (long long)ztc_get_number(row, "local_port"),
			 ztc_get_text(row, "remote"),
			 (long long)ztc_get_number(row, "remote_port"));
		ztc_offender(r, resource, N_("established, and in no flow table"));
	}
	if (!all)
		return (struct part){ZTC_STATE_UNKNOWN,
				     ztc_say(N_("no connection lived that could be looked up"))};
	if ((double)found + 1e-9 >= pass * all)
		return (struct part){ZTC_STATE_PASS, NULL};
	if ((double)found + 1e-9 >= partial * all)
		return (struct part){
			ZTC_STATE_PARTIAL,
			ztc_say(N_("some living connections are not in the flow tables"))};
	return (struct part){ZTC_STATE_FAIL,
			     ztc_say(N_("living connections are not in the flow tables"))};
}

/* A counter that is below what was recorded of it has been made up by somebody. */
static bool counters_agree(const json_t *life, struct ztc_result *r)
{
	const json_t *device;
	bool agree = true;
	size_t i;

	json_array_foreach (json_object_get(life, "devices"), i, device) {
		const json_t *now = json_object_get(device, "kernel_bytes");

		if (!json_is_integer(now) ||
		    json_integer_value(now) >= ztc_get_number(device, "recorded_bytes"))
			continue;
		agree = false;
		ztc_offender(r, ztc_get_text(device, "name"),
			     N_("the kernel counts %lld bytes, recorded were %lld already"),
			     (long long)json_integer_value(now),
			     (long long)ztc_get_number(device, "recorded_bytes"));
	}
	return agree;
}

static struct part bytes_part(const struct ztc_facts *facts, struct ztc_result *r)
{
	const json_t *life = ztc_fact_maybe(facts, "life", r);
	double device = (double)ztc_get_number(life, "device_bytes");
	double flow = (double)ztc_get_number(life, "flow_bytes");

	if (!life)
		return (struct part){
			ZTC_STATE_UNKNOWN,
			ztc_say(N_("bytes of devices were not recorded beside those of flows"))};
	if (!counters_agree(life, r))
		return (struct part){
			ZTC_STATE_ERROR,
			ztc_say(N_("the kernel's counters contradict what was recorded of them"))};
	if (device < ztc_limit(facts, COMPLETE, "min_bytes"))
		return (struct part){
			ZTC_STATE_UNKNOWN,
			ztc_say(N_("the devices carried too little to compare bytes"))};
	if (flow >= ztc_limit(facts, COMPLETE, "bytes_min") * device &&
	    flow <= ztc_limit(facts, COMPLETE, "bytes_max") * device)
		return (struct part){ZTC_STATE_PASS, NULL};
	return (struct part){ZTC_STATE_FAIL,
			     ztc_say(N_("flows and devices do not have the same number of bytes"))};
}

static int64_t status_losses(const struct ztc_facts *facts, struct ztc_result *r)
{
	static const char *const which[] = {"flows_evicted", "openings_evicted", "ring_full",
					    "insert_failed", "edges_over_cap",	 "read_errors"};
	const json_t *agent = ztc_fact_maybe(facts, "agent", r);
	const json_t *losses = json_object_get(json_object_get(agent, "status"), "losses");
	int64_t sum = 0;

	for (size_t i = 0; i < sizeof(which) / sizeof(which[0]); i++)
		sum += ztc_get_number(losses, which[i]);
	return sum;
}

static struct part losses_part(const struct ztc_facts *facts, const json_t *edges, int64_t losses)
{
	double flows = (double)ztc_get_number(json_object_get(edges, "total"), "connections");

	if (!losses)
		return (struct part){ZTC_STATE_PASS, NULL};
	if ((double)losses <= ztc_limit(facts, COMPLETE, "partial_loss") * flows)
		return (struct part){ZTC_STATE_PARTIAL,
				     ztc_say(N_("a few flows or events were lost"))};
	return (struct part){ZTC_STATE_FAIL, ztc_say(N_("flows or events were lost"))};
}

void ztc_judge_complete(const struct ztc_facts *facts, struct ztc_result *r)
{
	const json_t *pins = ztc_kernel(facts, r);
	const json_t *edges = pins ? ztc_fact(facts, "edges", r) : NULL;
	const json_t *life = ztc_fact_maybe(facts, "life", r);
	int64_t losses, now;
	struct part parts[3], worst;

	if (!edges)
		return;
	losses = ztc_get_number(edges, "losses");
	now = status_losses(facts, r);
	losses = now > losses ? now : losses;
	ztc_expected(r,
		     N_("at least %g%% of living connections in the flow tables, bytes of flows "
			"%g%% to %g%% of those of devices, nothing lost"),
		     ztc_limit(facts, COMPLETE, "pass_share") * 100,
		     ztc_limit(facts, COMPLETE, "bytes_min") * 100,
		     ztc_limit(facts, COMPLETE, "bytes_max") * 100);
	parts[0] = sockets_part(facts, r);
	parts[1] = bytes_part(facts, r);
	parts[2] = losses_part(facts, edges, losses);
	ztc_observed(r, N_("%lld of %lld living connections found; %lld of %lld bytes; %lld lost"),
		     (long long)r->num, (long long)r->den,
		     (long long)ztc_get_number(life, "flow_bytes"),
		     (long long)ztc_get_number(life, "device_bytes"), (long long)losses);
	worst = parts[0];
	for (int i = 1; i < 3; i++)
		worst = parts[i].state > worst.state ? parts[i] : worst;
	if (worst.state == ZTC_STATE_PASS) {
		ztc_conclude(r, ZTC_STATE_PASS,
			     N_("connections, bytes and counters of losses agree that nothing is "
				"missing"));
	} else {
		json_decref(r->reason);
		r->reason = json_incref(worst.why);
		r->state = worst.state;
	}
	for (int i = 0; i < 3; i++)
		json_decref(parts[i].why);
}

/* --- 3.3-02 -------------------------------------------------------------------------------------
 */

void ztc_judge_attributed(const struct ztc_facts *facts, struct ztc_result *r)
{
	static const char id[] = "ZTS-3.3-02";
	const json_t *edges = ztc_fact(facts, "edges", r);
	const json_t *a = json_object_get(edges, "attribution");
	int64_t all = ztc_get_number(a, "connections");
	int64_t local = ztc_get_number(a, "local"), peer = ztc_get_number(a, "peer");
	double partial;
	bool pass;

	if (!edges || !ztc_window_of(facts, edges, r))
		return;
	partial = ztc_limit(facts, id, "partial_share");
	ztc_expected(r,
		     N_("at least %g%% with a local service, %g%% with a peer that is known "
			"(partial: %g%% of both)"),
		     ztc_limit(facts, id, "local_share") * 100,
		     ztc_limit(facts, id, "peer_share") * 100, partial * 100);
	r->num = local < peer ? local : peer;
	r->den = all;
	ztc_observed(r,
		     N_("of %lld connections %lld have a local service, %lld a peer that is "
			"known"),
		     (long long)all, (long long)local, (long long)peer);
	if (!all) {
		ztc_conclude(r, ZTC_STATE_NA, N_("0 connections were recorded"));
		return;
	}
	ztc_edge_offenders(r, json_object_get(a, "top"));
	if (all < ZTC_SAMPLES_MIN) {
		ztc_conclude(r, ZTC_STATE_UNKNOWN,
			     N_("%lld connections were recorded: too few to be a share, %d are "
				"needed"),
			     (long long)all, ZTC_SAMPLES_MIN);
		return;
	}
	pass = (double)local + 1e-9 * all >= ztc_limit(facts, id, "local_share") * all &&
	       (double)peer + 1e-9 * all >= ztc_limit(facts, id, "peer_share") * all;
	ztc_conclude(r,
		     pass					    ? ZTC_STATE_PASS
		     : (double)r->num + 1e-9 * all >= partial * all ? ZTC_STATE_PARTIAL
								    : ZTC_STATE_FAIL,
		     N_("of %lld connections %lld have a local service, %lld a peer that is known"),
		     (long long)all, (long long)local, (long long)peer);
}

/* --- 3.3-03 -------------------------------------------------------------------------------------
 */

struct listeners {
	int64_t all, on_map;
};

/* The agent knows a listener that nobody called yet: it is on the map without an edge. */
static bool known_to_agent(const json_t *simulation, const json_t *socket)
{
	const json_t *one;
	size_t i;

	json_array_foreach (json_object_get(simulation, "listeners"), i, one) {
		if (ztc_get_number(one, "port") == ztc_get_number(socket, "port") &&
		    strcmp(ztc_get_text(one, "proto"), ztc_get_text(socket, "proto")) == 0 &&
		    ztc_get_true(one, "known"))
			return true;
	}
	return false;
}

static struct listeners count_listeners(const json_t *listeners, const json_t *edges,
					const json_t *simulation, struct ztc_result *r)
{
	int64_t own = ztc_get_number(listeners, "own_netns");
	struct listeners count = {0};
	const json_t *socket;
	char service[32];
	size_t i;

	json_array_foreach (json_object_get(listeners, "sockets"), i, socket) {
		if (strcmp(ztc_get_text(socket, "reach"), "loopback") == 0 ||
		    ztc_get_number(socket, "netns") != own)
			continue;
		count.all++;
		snprintf(service, sizeof(service), "%.8s/%lld", ztc_get_text(socket, "proto"),
			 (long long)ztc_get_number(socket, "port"));
		if (zt_json_has_text(json_object_get(edges, "served"), service) ||
		    known_to_agent(simulation, socket))
			count.on_map++;
		else
			ztc_offender(r, service, N_("listens, and is not on the map"));
	}
	return count;
}

static void judge_map(const struct ztc_facts *facts, const json_t *edges,
		      const struct listeners *count, struct ztc_result *r)
{
	static const char id[] = "ZTS-3.3-03";
	double age_h = (double)(facts->now_s - ztc_get_number(edges, "last_recorded_s")) / 3600;
	double partial = ztc_limit(facts, id, "partial_share");
	enum ztc_state state = ZTC_STATE_PASS;

	if (age_h > ztc_limit(facts, id, "pass_hours"))
		state = ZTC_STATE_PARTIAL;
	if ((double)r->num + 1e-9 * r->den < ztc_limit(facts, id, "pass_share") * r->den ||
	    count->on_map < count->all)
		state = ZTC_STATE_PARTIAL;
	if (age_h > ztc_limit(facts, id, "partial_days") * 24 ||
	    (double)r->num + 1e-9 * r->den < partial * r->den ||
	    (double)count->on_map + 1e-9 < partial * (double)count->all)
		state = ZTC_STATE_FAIL;
	ztc_conclude(r, state,
		     N_("the map is %.1f hours old, with %lld of %lld listeners and %lld of %lld "
			"connections"),
		     age_h > 0 ? age_h : 0, (long long)count->on_map, (long long)count->all,
		     (long long)r->num, (long long)r->den);
}

void ztc_judge_map(const struct ztc_facts *facts, struct ztc_result *r)
{
	static const char id[] = "ZTS-3.3-03";
	const json_t *edges = ztc_fact(facts, "edges", r), *listeners;
	const json_t *fact = json_object_get(facts->facts, "edges");
	struct listeners count;
	int64_t flows;

	if (!edges)
		return;
	listeners = ztc_fact(facts, "listeners", r);
	if (!listeners)
		return;
	ztc_expected(r,
		     N_("a map of the last days, at most %g hours old, with every listener and "
			"at least %g%% of connections"),
		     ztc_limit(facts, id, "pass_hours"), ztc_limit(facts, id, "pass_share") * 100);
	flows = ztc_get_number(json_object_get(edges, "total"), "connections");
	r->num = flows;
	r->den = flows + ztc_get_number(edges, "losses");
	count = count_listeners(listeners, edges, ztc_fact_maybe(facts, "simulation", r), r);
	r->extra = json_pack("{s:s}", "map_digest", ztc_get_text(fact, "digest"));
	ztc_observed(r, N_("%lld listeners, %lld of them on the map; %lld connections, %lld lost"),
		     (long long)count.all, (long long)count.on_map, (long long)flows,
		     (long long)(r->den - r->num));
	if (!ztc_get_number(edges, "last_recorded_s")) {
		ztc_conclude(r, ZTC_STATE_FAIL, N_("nothing was ever recorded: there is no map"));
		return;
	}
	if (!ztc_window_of(facts, edges, r))
		return;
	if (!ztc_get_true(listeners, "complete")) {
		ztc_conclude(r, ZTC_STATE_UNKNOWN, N_("not every listener could be seen"));
		return;
	}
	judge_map(facts, edges, &count, r);
}
