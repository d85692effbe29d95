// SPDX-License-Identifier: Apache-2.0
/* crypto_tunnel.c - ZTS-3.4-05: whether WireGuard and IPsec carry what they are for, and encrypt.
 */
#include <stdio.h>
#include <string.h>

#include "base/cleanup.h"
#include "ctl/checks/crypto.h"
#include "ctl/checks/crypto_paths.h"

#define ID "ZTS-3.4-05"

struct tunnels {
	const struct ztc_facts *facts;
	struct ztc_result *r;
	const json_t *edges;
	enum ztc_state state;
	int64_t good, all;
};

static void flawed(struct tunnels *t, enum ztc_state *one, enum ztc_state state)
{
	*one = ztc_worse(*one, state);
	t->state = ztc_worse(t->state, state);
}

/* --- WireGuard --- */

static int64_t bytes_outside(const struct tunnels *t, const char *prefix)
{
	struct ztc_path path;
	const json_t *edge;
	int64_t bytes = 0;
	size_t i;

	if (ztc_path_parse(prefix, &path) < 0)
		return 0;
	json_array_foreach (json_object_get(t->edges, "plaintext_top"), i, edge) {
		if (ztc_path_matches(&path, edge))
			bytes += ztc_number(edge, "bytes");
	}
	return bytes;
}

static void judge_outside(struct tunnels *t, const char *resource, const json_t *peer,
			  enum ztc_state *one)
{
	const json_t *each;
	size_t i;

	json_array_foreach (json_object_get(peer, "outside"), i, each) {
		const char *prefix = ztc_member(each, "prefix");
		int64_t bytes = bytes_outside(t, prefix);

		if (bytes) {
			flawed(t, one, ZTC_STATE_FAIL);
			ztc_offender(t->r, resource,
				     N_("%lld bytes for %s in the clear, by %s beside the tunnel"),
				     (long long)bytes, prefix, ztc_member(each, "interface"));
		} else {
			flawed(t, one, t->edges ? ZTC_STATE_PARTIAL : ZTC_STATE_UNKNOWN);
			ztc_offender(t->r, resource,
				     N_("the route to %s is by %s, beside the tunnel"), prefix,
				     ztc_member(each, "interface"));
		}
	}
}

/* An idle peer with an old handshake is healthy: WireGuard makes a new one when there is traffic.
 */
static void judge_peer(struct tunnels *t, const json_t *device, const json_t *peer)
{
	int64_t limit = (int64_t)ztc_limit(t->facts, ID, "handshake_s");
	int64_t hand = ztc_number(peer, "handshake_s"), rx = ztc_number(peer, "rx_bytes");
	enum ztc_state one = ZTC_STATE_PASS;
	char resource[120];

	snprintf(resource, sizeof(resource), "wireguard:%.20s/%.20s",
		 ztc_member(device, "interface"), ztc_member(peer, "key"));
	t->all++;
	if (!hand || !rx) {
		flawed(t, &one, ZTC_STATE_PARTIAL);
		ztc_offender(t->r, resource,
			     N_("never carried anything: no handshake was answered"));
	} else if (json_is_true(json_object_get(peer, "moving")) &&
		   !ztc_peer_alive(peer, t->facts->now_s, limit)) {
		flawed(t, &one, ZTC_STATE_PARTIAL);
		ztc_offender(t->r, resource,
			     N_("the last handshake is %lld s old and there is traffic for it"),
			     (long long)(t->facts->now_s - hand));
	}
	judge_outside(t, resource, peer, &one);
	t->good += one == ZTC_STATE_PASS;
}

/* --- IPsec --- */

static bool encrypts(const json_t *sa)
{
	const char *algorithm = ztc_member(sa, "encryption");

	return *algorithm && !strstr(algorithm, "null");
}

static bool has_esp(const json_t *states, const json_t *ah)
{
	const json_t *each;
	size_t i;

	json_array_foreach (states, i, each) {
		if (ztc_is(each, "proto", "esp") && encrypts(each) &&
		    ztc_is(each, "source", ztc_member(ah, "source")) &&
		    ztc_is(each, "destination", ztc_member(ah, "destination")))
			return true;
	}
	return false;
}

/* The share of a hard limit that is left, in percent; 100 without one. */
static int64_t left_of(int64_t limit, int64_t used)
{
	if (limit <= 0)
		return 100;
	return used >= limit ? 0 : (int64_t)((double)(limit - used) * 100 / (double)limit);
}

static void judge_lifetime(struct tunnels *t, const char *resource, const json_t *sa,
			   enum ztc_state *one)
{
	int64_t left =
		left_of(ztc_number(sa, "hard_s"), t->facts->now_s - ztc_number(sa, "added_s"));
	int64_t bytes = left_of(ztc_number(sa, "hard_bytes"), ztc_number(sa, "bytes"));
	int64_t packets = left_of(ztc_number(sa, "hard_packets"), ztc_number(sa, "packets"));

	left = bytes < left ? bytes : left;
	left = packets < left ? packets : left;
	if ((double)left >= ztc_limit(t->facts, ID, "lifetime_left_share") * 100)
		return;
	flawed(t, one, ZTC_STATE_PARTIAL);
	ztc_offender(t->r, resource, N_("%lld%% of its lifetime is left and it was not replaced"),
		     (long long)left);
}

static void judge_state(struct tunnels *t, const json_t *states, const json_t *sa)
{
	enum ztc_state one = ZTC_STATE_PASS;
	char resource[160];

	if (!ztc_is(sa, "proto", "esp") && !ztc_is(sa, "proto", "ah"))
		return;
	snprintf(resource, sizeof(resource), "xfrm:%.46s>%.46s/%.12s", ztc_member(sa, "source"),
		 ztc_member(sa, "destination"), ztc_member(sa, "spi"));
	t->all++;
	if (ztc_is(sa, "proto", "ah") && !has_esp(states, sa)) {
		flawed(t, &one, ZTC_STATE_FAIL);
		ztc_offender(t->r, resource, N_("AH alone: it signs and does not encrypt"));
	} else if (ztc_is(sa, "proto", "esp") && !encrypts(sa)) {
		flawed(t, &one, ZTC_STATE_FAIL);
		ztc_offender(t->r, resource, N_("ESP with the null cipher (%s)"),
			     ztc_member(sa, "encryption"));
	}
	if (ztc_number(sa, "replay_window") <= 0) {
		flawed(t, &one, ZTC_STATE_PARTIAL);
		ztc_offender(t->r, resource, N_("no replay window"));
	}
	judge_lifetime(t, resource, sa, &one);
	t->good += one == ZTC_STATE_PASS;
}

static bool is_live(const json_t *states, const json_t *template)
{
	const char *to = ztc_member(template, "destination");
	const json_t *each;
	size_t i;

	json_array_foreach (states, i, each) {
		if (ztc_is(each, "proto", ztc_member(template, "proto")) &&
		    (ztc_is(each, "destination", to) || strcmp(to, "0.0.0.0") == 0 ||
		     strcmp(to, "::") == 0))
			return true;
	}
	return false;
}

/* What the templates ask for, and whether there are associations for it. */
static void judge_policy(struct tunnels *t, const json_t *states, const json_t *policy)
{
	const json_t *templates = json_object_get(policy, "templates"), *each;
	enum ztc_state one = ZTC_STATE_PASS;
	bool esp = false, use = false, live = true;
	char resource[160];
	size_t i;

	if (ztc_is(policy, "action", "block") || !json_array_size(templates))
		return;
	snprintf(resource, sizeof(resource), "xfrm-policy:%.4s %.50s>%.50s",
		 ztc_member(policy, "direction"), ztc_member(policy, "source"),
		 ztc_member(policy, "destination"));
	t->all++;
	json_array_foreach (templates, i, each) {
		esp = esp || ztc_is(each, "proto", "esp");
		use = use || !ztc_is(each, "level", "required");
		live = live && is_live(states, each);
	}
	if (!esp) {
		flawed(t, &one, ZTC_STATE_FAIL);
		ztc_offender(t->r, resource, N_("it asks for no ESP: nothing is encrypted"));
	}
	if (use) {
		flawed(t, &one, ZTC_STATE_FAIL);
		ztc_offender(t->r, resource,
			     N_("level use: without an association it goes in the clear"));
	}
	if (!live && ztc_is(policy, "direction", "out")) {
		flawed(t, &one, ZTC_STATE_PARTIAL);
		ztc_offender(t->r, resource, N_("no association for it: nothing can pass now"));
	}
	t->good += one == ZTC_STATE_PASS;
}

/* --- all --- */

static void conclude(struct tunnels *t)
{
	long long bad = t->all - t->good, all = t->all;

	switch (t->state) {
	case ZTC_STATE_PASS:
		ztc_conclude(
			t->r, ZTC_STATE_PASS,
			N_("peers, associations and policies, all carrying and encrypting: %lld"),
			all);
		break;
	case ZTC_STATE_FAIL:
		ztc_conclude(
			t->r, ZTC_STATE_FAIL,
			N_("peers, associations and policies that let clear text pass or are not up: %lld of %lld. Use a real cipher, level required, and a route by the tunnel alone"),
			bad, all);
		break;
	case ZTC_STATE_PARTIAL:
		ztc_conclude(
			t->r, ZTC_STATE_PARTIAL,
			N_("peers, associations and policies that are not up or near their end: %lld of %lld. Look at the other end, rekey"),
			bad, all);
		break;
	default:
		ztc_conclude(t->r, ZTC_STATE_UNKNOWN,
			     N_("whether something passes beside the tunnels is not known: record "
				"traffic with ztagent, and run as root"));
	}
}

void ztc_judge_tunnels(const struct ztc_facts *facts, struct ztc_result *r)
{
	const json_t *fact = ztc_fact(facts, "tunnels", r), *device, *each;
	const json_t *xfrm = json_object_get(fact, "xfrm");
	const json_t *states = json_object_get(xfrm, "states");
	struct tunnels t = {.facts = facts, .r = r, .state = ZTC_STATE_PASS};
	size_t i, j;

	ztc_expected(r,
		     N_("every peer with traffic has a handshake of at most %lld s or a live "
			"association with a real cipher, and nothing goes beside it"),
		     (long long)ztc_limit(facts, ID, "handshake_s"));
	if (!fact)
		return;
	t.edges = ztc_fact_maybe(facts, "edges", r);
	json_array_foreach (json_object_get(json_object_get(fact, "wireguard"), "devices"), i,
			    device) {
		json_array_foreach (json_object_get(device, "peers"), j, each)
			judge_peer(&t, device, each);
	}
	json_array_foreach (states, i, each)
		judge_state(&t, states, each);
	json_array_foreach (json_object_get(xfrm, "policies"), i, each)
		judge_policy(&t, states, each);
	r->num = t.good;
	r->den = t.all;
	if (!json_is_true(json_object_get(fact, "complete")))
		t.state = ztc_worse(t.state, ZTC_STATE_UNKNOWN);
	ztc_observed(r, N_("WireGuard devices: %lld, IPsec associations: %zu, IPsec policies: %zu"),
		     (long long)json_array_size(
			     json_object_get(json_object_get(fact, "wireguard"), "devices")),
		     json_array_size(states), json_array_size(json_object_get(xfrm, "policies")));
	if (!t.all && t.state == ZTC_STATE_PASS)
		ztc_conclude(r, ZTC_STATE_NA, N_("no tunnel on this host"));
	else
		conclude(&t);
}
