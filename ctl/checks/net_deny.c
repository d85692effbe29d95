/* SPDX-License-Identifier: Apache-2.0 */
/* net_deny.c - ZTS-3.1-01: what nobody allowed is denied, on every way in, by whatever mechanism.
 */
#include <string.h>

#include "base/cleanup.h"
#include "base/json.h"
#include "ctl/checks/net.h"

#define ID "ZTS-3.1-01"

struct tally {
	struct ztc_result *r;
	const struct ztc_net *net;
	int64_t most_open;
	int good, bad, unknown;
	int by_agent, by_filter;
	const char *rule;	/* of the filter that denies */
	const char *bad_rule;	/* that lets in */
	const char *doubt_rule; /* that cannot be decided */
};

enum state {
	GOOD,
	UNDECIDED,
	BAD,
};

/* The filter's answer for one protocol at one interface. */
static enum state path_state(struct tally *t, json_int_t netns, const char *interface, int family,
			     const char *proto)
{
	const json_t *path = ztc_filter_path(t->net->filter, netns, interface, family, proto);
	json_int_t open = ztc_net_number(path, "open");
	json_int_t undecided = ztc_net_number(path, "undecided");
	zt_auto(ztc_way_free) struct ztc_way way = {0};
	json_int_t most = strcmp(proto, "other") == 0 ? 0 : t->most_open;

	if (!path)
		return UNDECIDED;
	ztc_filter_way(t->net->filter, netns, interface, family, proto, 0, &way);
	/* All ports for a whole segment is what this item is there to end. */
	if (way.kind == ZTC_WAY_ANY || open > most ||
	    (way.kind == ZTC_WAY_PEERS &&
	     ztc_segment_wide(t->net->prefixes, netns, family, &way.peers))) {
		t->bad_rule = way.rule;
		return BAD;
	}
	if (way.kind == ZTC_WAY_UNKNOWN || way.cut || open + undecided > most) {
		t->doubt_rule = way.rule;
		return UNDECIDED;
	}
	t->rule = way.rule;
	return GOOD;
}

static enum state filter_state(struct tally *t, json_int_t netns, const char *interface, int family)
{
	static const char *const protos[] = {"tcp", "udp", "other"};
	enum state worst = GOOD;

	for (size_t i = 0; i < ARRAY_SIZE(protos); i++) {
		enum state state = path_state(t, netns, interface, family, protos[i]);

		if (state > worst)
			worst = state;
	}
	return worst;
}

/* A veth pair leads through the host: its rules for what it passes on judge there. */
static bool behind_forward(const struct tally *t, const json_t *interface, int family)
{
	json_int_t own = ztc_net_number(t->net->listeners, "own_netns");
	const json_t *row;
	bool seen = false;
	size_t i;

	if (strcmp(zt_json_text(interface, "type"), "veth") != 0 ||
	    ztc_net_number(interface, "netns") == own)
		return false;
	if (t->net->guard.enforced && t->net->guard.deny[family == 6] == 1)
		return true;
	/* What is bridged to a cable need not meet them. */
	if (ztc_bridge_out(t->net->prefixes, own))
		return false;
	json_array_foreach (json_object_get(t->net->filter, "forward"), i, row) {
		const char *in =
			json_string_value(json_array_get(json_object_get(row, "interfaces"), 0));

		if (ztc_net_number(row, "netns") != own ||
		    ztc_net_number(row, "family") != family ||
		    (in && ztc_interface_inside(t->net->prefixes, own, in)))
			continue;
		if (json_is_true(json_object_get(row, "on")) &&
		    strcmp(zt_json_text(row, "verdict"), "deny") != 0)
			return false;
		seen = true;
	}
	return seen;
}

static enum state interface_state(struct tally *t, const json_t *interface, int family)
{
	const char *name = zt_json_text(interface, "name");
	json_int_t netns = ztc_net_number(interface, "netns");

	if (ztc_guard_on(&t->net->guard, netns, name) && t->net->guard.deny[family == 6] == 1) {
		t->by_agent++;
		return GOOD;
	}
	if (!t->net->filter)
		return UNDECIDED;
	if (behind_forward(t, interface, family))
		return GOOD;
	{
		enum state state = filter_state(t, netns, name, family);

		t->by_filter += state == GOOD;
		/* What the agent would say is not known, and may be stricter. */
		if (state == BAD && ztc_guard_on(&t->net->guard, netns, name) &&
		    t->net->guard.deny[family == 6] < 0)
			state = UNDECIDED;
		return state;
	}
}

static void count_interface(struct tally *t, const json_t *interface, int family)
{
	const char *name = zt_json_text(interface, "name");
	enum state state = interface_state(t, interface, family);
	char resource[96];

	t->good += state == GOOD;
	t->bad += state == BAD;
	t->unknown += state == UNDECIDED;
	if (state == GOOD)
		return;
	if (ztc_net_number(interface, "netns") == ztc_net_number(t->net->listeners, "own_netns"))
		snprintf(resource, sizeof(resource), "%.40s/IPv%d", name, family);
	else
		snprintf(resource, sizeof(resource), "netns %lld %.40s/IPv%d",
			 ztc_net_number(interface, "netns"), name, family);
	if (state == BAD)
		ztc_offender(t->r, resource, N_("lets in what no rule names (%s)"),
			     t->bad_rule ? t->bad_rule : "no filter");
	else
		ztc_offender(t->r, resource, N_("whether it denies cannot be decided (%s)"),
			     t->doubt_rule ? t->doubt_rule : "filter");
}

/* Rules that could not be read at all, when they bear on what was found. */
static const json_t *unread(const struct tally *t)
{
	return json_array_get(json_object_get(t->net->filter, "unread"), 0);
}

static void conclude_mixed(struct tally *t)
{
	const struct ztc_guard *guard = &t->net->guard;

	if (t->good && t->bad)
		ztc_conclude(t->r, ZTC_STATE_PARTIAL,
			     N_("denied by default at %d of %d ways in; the others let in what no "
				"rule names"),
			     t->good, t->good + t->bad + t->unknown);
	else if (t->unknown && unread(t))
		ztc_conclude(t->r, ZTC_STATE_UNKNOWN, N_("the rules of %s could not be read: %s"),
			     zt_json_text(unread(t), "what"), zt_json_text(unread(t), "why"));
	else if (t->unknown)
		ztc_conclude(t->r, ZTC_STATE_UNKNOWN,
			     N_("rule %s cannot be decided from here: read it, or write it so that "
				"what it lets in is plain"),
			     t->doubt_rule ? t->doubt_rule : "?");
	else if (guard->staged)
		ztc_conclude(t->r, ZTC_STATE_PARTIAL,
			     N_("the agent has a policy but enforces none of it (staged), and no "
				"filter denies by default"));
	else
		ztc_conclude(
			t->r, ZTC_STATE_FAIL,
			N_("no default-deny filter: %d of %d ways in let in what no rule names "
			   "(%s)"),
			t->bad, t->bad, t->bad_rule ? t->bad_rule : "no filter");
}

static void conclude_good(struct tally *t)
{
	if (t->by_agent && !t->by_filter)
		ztc_conclude(t->r, ZTC_STATE_PASS,
			     N_("the agent denies by default at every way in (%d), IPv4 and IPv6"),
			     t->good);
	else if (t->by_agent)
		ztc_conclude(
			t->r, ZTC_STATE_PASS,
			N_("denied by default at every way in (%d), IPv4 and IPv6, by the agent "
			   "and by %s"),
			t->good, t->rule ? t->rule : "filter");
	else
		ztc_conclude(t->r, ZTC_STATE_PASS,
			     N_("denied by default at every way in (%d), IPv4 and IPv6, by %s"),
			     t->good, t->rule ? t->rule : "the host's forward rules");
}

static void tell(struct tally *t)
{
	json_t *extra = json_object();

	ztc_expected(t->r,
		     N_("every way in but loopback denies what no rule allows, IPv4 and IPv6; "
			"at most %lld ports open to anybody"),
		     (long long)t->most_open);
	ztc_observed(t->r,
		     N_("ways in (interface and IP version): %d deny, %d let in, %d "
			"undecided"),
		     t->good, t->bad, t->unknown);
	json_object_set_new(extra, "denying", json_integer(t->good));
	json_object_set_new(extra, "open", json_integer(t->bad));
	json_object_set_new(extra, "undecided", json_integer(t->unknown));
	json_object_set_new(extra, "by_agent", json_integer(t->by_agent));
	json_object_set_new(extra, "by_filter", json_integer(t->by_filter));
	json_decref(t->r->extra);
	t->r->extra = extra;
	t->r->num = t->good;
	t->r->den = t->good + t->bad + t->unknown;
}

void ztc_judge_default_deny(const struct ztc_facts *facts, struct ztc_result *r)
{
	struct ztc_net net;
	struct tally t = {.r = r, .net = &net};
	const json_t *row;
	size_t i;

	if (!ztc_net_get(facts, r, &net))
		return;
	t.most_open = (int64_t)ztc_limit(facts, ID, "open_ports");
	json_array_foreach (json_object_get(net.prefixes, "interfaces"), i, row) {
		for (int family = 4; family <= 6; family += 2) {
			if (ztc_interface_counts(row, family))
				count_interface(&t, row, family);
		}
	}
	tell(&t);
	if (t.good + t.bad + t.unknown == 0)
		ztc_conclude(r, ZTC_STATE_UNKNOWN,
			     N_("no interface but loopback is up: there is no way in to judge"));
	else if (t.good && !t.bad && !t.unknown)
		conclude_good(&t);
	else
		conclude_mixed(&t);
}
