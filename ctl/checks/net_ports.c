/* SPDX-License-Identifier: Apache-2.0 */
/* net_ports.c - ZTS-3.1-04 and ZTS-3.1-06: what listens here, and how many may come to it. */
#include <string.h>

#include "base/cleanup.h"
#include "base/json.h"
#include "ctl/checks/net.h"

/* Neighbours on the link are bounded by the link. */
static void without_link_local(struct ztc_spans *peers)
{
	struct ztc_spans link = {0}, rest;
	struct ztc_span span;

	ztc_prefix_parse("fe80::/10", &span);
	ztc_spans_add(&link, span.lo, span.hi);
	ztc_spans_minus(&rest, peers, &link);
	ztc_spans_free(&link);
	ztc_spans_free(peers);
	*peers = rest;
}

/* Fewer than everybody: no more addresses than one prefix of the profile's length holds. */
static bool bounded(const struct ztc_facts *facts, struct ztc_way *way, int family)
{
	int length = (int)ztc_limit(facts, "ZTS-3.1-04", family == 4 ? "widest_v4" : "widest_v6");
	int bits = (family == 4 ? 32 : 128) - length;

	if (way->cut) /* those that are not listed count too */
		return way->addresses > 0 && way->addresses < 1LL << 53 &&
		       (ztc_u128)way->addresses <= (ztc_u128)1 << (bits < 127 ? bits : 127);
	if (family == 6)
		without_link_local(&way->peers);
	return ztc_spans_size(&way->peers) <= (ztc_u128)1 << (bits < 127 ? bits : 127);
}

static void name_offender(struct ztc_result *r, const json_t *listener, const struct ztc_way *way)
{
	const char *who = zt_json_text(listener, "unit");
	char resource[160];

	if (!*who)
		who = zt_json_text(listener, "exe");
	if (!*who)
		who = "?";
	ztc_listener_text(listener, resource, sizeof(resource));
	if (way->kind == ZTC_WAY_ANY)
		ztc_offender(r, resource, N_("%s: anybody gets in (%s)"), who, way->rule);
	else if (way->kind == ZTC_WAY_UNKNOWN)
		ztc_offender(r, resource, N_("%s: who gets in cannot be decided (%s)"), who,
			     way->rule);
	else
		ztc_offender(r, resource, N_("%s: the rule lets in too many (%s)"), who, way->rule);
}

/* The worst of both families. Returns whether any interface leads to it. */
static enum ztc_way_kind cover(const struct ztc_facts *facts, const struct ztc_net *net,
			       const json_t *listener, struct ztc_way *worst, bool *ret_bounded)
{
	*worst = (struct ztc_way){0};
	*ret_bounded = true;
	for (int family = 4; family <= 6; family += 2) {
		struct ztc_way way;
		bool fits;

		if (!ztc_listener_takes(listener, family) ||
		    !ztc_port_way(net, listener, family, &way))
			continue;
		fits = way.kind == ZTC_WAY_DENIED ||
		       (way.kind == ZTC_WAY_PEERS && bounded(facts, &way, family));
		*ret_bounded &= fits;
		if (way.kind >= worst->kind) {
			ztc_way_free(worst);
			*worst = way;
		} else {
			ztc_way_free(&way);
		}
	}
	return worst->kind;
}

void ztc_judge_covered(const struct ztc_facts *facts, struct ztc_result *r)
{
	int64_t all = 0, covered = 0, undecided = 0;
	struct ztc_net net;
	const json_t *row;
	size_t i;
	bool complete;

	if (!ztc_net_get(facts, r, &net))
		return;
	complete = json_is_true(json_object_get(net.listeners, "complete"));
	json_array_foreach (json_object_get(net.listeners, "sockets"), i, row) {
		zt_auto(ztc_way_free) struct ztc_way way = {0};
		bool fits;

		if (!ztc_listener_outside(row))
			continue;
		all++;
		if (cover(facts, &net, row, &way, &fits) == ZTC_WAY_UNKNOWN)
			undecided++;
		covered += fits;
		if (!fits)
			name_offender(r, row, &way);
	}
	ztc_observed(r,
		     N_("sockets that take connections from outside: %lld; covered by a rule with "
			"bounded senders or by the default deny: %lld; undecided: %lld"),
		     (long long)all, (long long)covered, (long long)undecided);
	if (!all && complete) {
		ztc_expected(r, N_("sockets that are reachable from other hosts"));
		ztc_conclude(r, ZTC_STATE_NA,
			     N_("nothing listens on other interfaces than loopback"));
		r->num = r->den = 0;
		return;
	}
	ztc_share(facts, r, "ZTS-3.1-04", covered, all, complete);
	if (ztc_share_state(facts, "ZTS-3.1-04", covered, all, true) !=
	    ztc_share_state(facts, "ZTS-3.1-04", covered + undecided, all, true))
		ztc_conclude(r, ZTC_STATE_UNKNOWN,
			     N_("%lld of %lld are covered; %lld more hang on rules that cannot be "
				"decided, and they decide the result"),
			     (long long)covered, (long long)all, (long long)undecided);
	else if (!complete && r->state != ZTC_STATE_UNKNOWN)
		ztc_conclude(r, ZTC_STATE_UNKNOWN,
			     N_("%lld of %lld sockets are covered, but not every network namespace "
				"could be looked into; run it as root"),
			     (long long)covered, (long long)all);
}

/* --- ZTS-3.1-06 --- */

struct wide {
	int64_t services, wide, undecided;
	const char *doubt;
};

static void judge_one(const struct ztc_net *net, struct ztc_result *r, const json_t *listener,
		      struct wide *count)
{
	bool open = false, unknown = false;
	char resource[160];

	ztc_listener_text(listener, resource, sizeof(resource));
	for (int family = 4; family <= 6 && !open; family += 2) {
		zt_auto(ztc_way_free) struct ztc_way way = {0};
		const char *segment;

		if (!ztc_listener_takes(listener, family) ||
		    !ztc_port_way(net, listener, family, &way))
			continue;
		segment = ztc_segment_wide(net->prefixes, ztc_net_number(listener, "netns"), family,
					   &way.peers);
		if (way.kind == ZTC_WAY_ANY)
			ztc_offender(r, resource, N_("any IPv%d sender gets in (%s)"), family,
				     way.rule);
		else if (segment)
			ztc_offender(r, resource, N_("the whole segment %s gets in (%s)"), segment,
				     way.rule);
		else if (way.kind == ZTC_WAY_UNKNOWN || way.cut)
			count->doubt = way.rule;
		open = way.kind == ZTC_WAY_ANY || segment;
		unknown |= !open && (way.kind == ZTC_WAY_UNKNOWN || way.cut);
	}
	count->wide += open;
	count->undecided += !open && unknown;
}

/* Resources that a waiver of the register which is good now names. */
static bool waived(const json_t *waivers, const json_t *offender)
{
	const json_t *row;
	size_t i;

	json_array_foreach (json_object_get(waivers, "waivers"), i, row) {
		const char *state = zt_json_text(row, "state");

		if (strcmp(zt_json_text(row, "check"), "ZTS-3.1-06") == 0 &&
		    strcmp(state, "valid") == 0 &&
		    strcmp(zt_json_text(row, "resource"), zt_json_text(offender, "resource")) == 0)
			return true;
	}
	return false;
}

static bool all_waived(const json_t *waivers, const struct ztc_result *r)
{
	const json_t *row;
	size_t i;

	if (!waivers || r->offender_count > json_array_size(r->offenders))
		return false;
	json_array_foreach (r->offenders, i, row) {
		if (!waived(waivers, row))
			return false;
	}
	return json_array_size(r->offenders) > 0;
}

static void conclude_wide(const struct ztc_facts *facts, struct ztc_result *r,
			  const struct wide *count)
{
	if (count->wide && all_waived(ztc_fact_maybe(facts, "waivers", r), r))
		ztc_conclude(r, ZTC_STATE_PARTIAL,
			     N_("%lld of %lld administration and database services are open to a "
				"whole segment or to anybody, each with a waiver that has not "
				"expired"),
			     (long long)count->wide, (long long)count->services);
	else if (count->wide)
		ztc_conclude(r, ZTC_STATE_FAIL,
			     N_("%lld of %lld administration and database services are open to a "
				"whole segment or to anybody: name the hosts that need them"),
			     (long long)count->wide, (long long)count->services);
	else if (count->undecided)
		ztc_conclude(r, ZTC_STATE_UNKNOWN,
			     N_("who reaches %lld of %lld administration and database services "
				"cannot be decided: rule %s"),
			     (long long)count->undecided, (long long)count->services,
			     count->doubt && *count->doubt ? count->doubt : "?");
	else
		ztc_conclude(
			r, ZTC_STATE_PASS,
			N_("every administration and database service (%lld) is closed, or open "
			   "to named senders only"),
			(long long)count->services);
}

void ztc_judge_wide(const struct ztc_facts *facts, struct ztc_result *r)
{
	const json_t *ports = ztc_list(facts, "admin_ports"), *row;
	struct wide count = {0};
	struct ztc_net net;
	size_t i;

	if (!ztc_net_get(facts, r, &net))
		return;
	json_array_foreach (json_object_get(net.listeners, "sockets"), i, row) {
		if (!ztc_listener_outside(row) ||
		    !ztc_net_names_port(ports, zt_json_text(row, "proto"),
					(int)ztc_net_number(row, "port")))
			continue;
		count.services++;
		judge_one(&net, r, row, &count);
	}
	ztc_expected(r, N_("no rule lets a whole segment or any sender to an administration or "
			   "database port"));
	ztc_observed(r,
		     N_("such services that listen: %lld; open to a segment or to anybody: %lld; "
			"undecided: %lld"),
		     (long long)count.services, (long long)count.wide, (long long)count.undecided);
	r->num = count.wide;
	r->den = count.services;
	if (!count.services && json_is_true(json_object_get(net.listeners, "complete")))
		ztc_conclude(
			r, ZTC_STATE_NA,
			N_("no administration or database port listens on other interfaces than "
			   "loopback"));
	else if (!json_is_true(json_object_get(net.listeners, "complete")) && !count.wide)
		ztc_conclude(
			r, ZTC_STATE_UNKNOWN,
			N_("not every network namespace could be looked into; run it as root"));
	else
		conclude_wide(facts, r, &count);
}
