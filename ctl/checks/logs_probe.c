// SPDX-License-Identifier: Apache-2.0
/*
 * logs_probe.c - ZTS-3.1-03: a neighbour's live packets, and whether what let them in was meant to.
 *
 * Counted are attempts that came to an end at this host: connected, refused, prohibited, silent.
 * A connection is expected when a bounded rule names that neighbour and port, or the profile names
 * the service as one for every neighbour; nothing else is.
 */
#include <stdlib.h>
#include <string.h>

#include "base/addr.h"
#include "base/cleanup.h"
#include "ctl/checks/logs.h"

#define ID    "ZTS-3.1-03"
#define DAY_S 86400

/* What a probe comes to. */
struct verdict {
	int64_t at;
	int counted, unexpected, expected;
	const char *id;
};

static bool inside(const char *prefix, const char *address)
{
	struct zt_net_key net;
	struct zt_addr addr;

	return zt_net_parse(prefix, &net) == 0 && zt_addr_parse(address, &addr) == 0 &&
	       zt_net_contains(&net, &addr);
}

static bool any_inside(const json_t *prefixes, const char *address)
{
	const json_t *one;
	size_t i;

	json_array_foreach (prefixes, i, one) {
		if (json_is_string(one) && inside(json_string_value(one), address))
			return true;
	}
	return false;
}

/* "tcp/22", "tcp/8000-8100", "any". */
static bool port_in(const json_t *ports, int port)
{
	const json_t *one;
	size_t i;

	json_array_foreach (ports, i, one) {
		const char *why;
		struct zt_port_range range;
		uint32_t index = zt_port_index(6, (uint16_t)port);

		if (json_is_string(one) &&
		    zt_port_parse(json_string_value(one), &range, &why) == 0 &&
		    index >= range.first && index <= range.last)
			return true;
	}
	return false;
}

/* --- what is expected ----------------------------------------------------------------------- */

static bool policy_expects(const json_t *policy, const char *source, int port)
{
	const json_t *one;
	size_t i;

	json_array_foreach (json_object_get(policy, "statements"), i, one) {
		const json_t *from = json_object_get(one, "from");

		if (strcmp(ztc_log_text(one, "action"), "allow") == 0 &&
		    strcmp(ztc_log_text(one, "mode"), "enforced") == 0 &&
		    strcmp(ztc_log_text(from, "by"), "any") != 0 &&
		    json_is_true(json_object_get(json_object_get(one, "to"), "here")) &&
		    any_inside(json_object_get(from, "prefixes"), source) &&
		    port_in(json_object_get(one, "ports"), port))
			return true;
	}
	return false;
}

/* A rule of the packet filter that lets a list of peers in, this one among them. */
static bool filter_expects(const json_t *filter, const char *source, int port)
{
	const json_t *path, *row;
	int family = strchr(source, ':') ? 6 : 4;
	size_t i, n;

	json_array_foreach (json_object_get(filter, "paths"), i, path) {
		if (ztc_log_number(path, "family") != family ||
		    strcmp(ztc_log_text(path, "proto"), "tcp") != 0)
			continue;
		json_array_foreach (json_object_get(path, "ports"), n, row) {
			if (port >= ztc_log_number(row, "from") &&
			    port <= ztc_log_number(row, "to") &&
			    strcmp(ztc_log_text(row, "verdict"), "peers") == 0 &&
			    any_inside(json_object_get(row, "peers"), source))
				return true;
		}
	}
	return false;
}

static bool expected(const struct ztc_facts *facts, const json_t *attempt, struct ztc_result *r)
{
	const char *source = ztc_log_text(attempt, "source");
	int port = (int)ztc_log_number(attempt, "port");

	if (strcmp(ztc_log_text(attempt, "role"), "canary") == 0)
		return false;
	return port_in(ztc_list(facts, "neighbour_services"), port) ||
	       policy_expects(ztc_fact_maybe(facts, "policy", r), source, port) ||
	       filter_expects(ztc_fact_maybe(facts, "filter", r), source, port);
}

/* --- one record ----------------------------------------------------------------------------- */

static bool counts(const char *outcome)
{
	return strcmp(outcome, "connected") == 0 || strcmp(outcome, "refused") == 0 ||
	       strcmp(outcome, "timeout") == 0 || strcmp(outcome, "prohibited") == 0;
}

static bool own_address(const json_t *prefixes, const char *address)
{
	const json_t *interface, *one;
	size_t i, n, len = strlen(address);

	json_array_foreach (json_object_get(prefixes, "interfaces"), i, interface) {
		json_array_foreach (json_object_get(interface, "addresses"), n, one) {
			const char *text = json_string_value(one);

			if (text && strncmp(text, address, len) == 0 &&
			    (text[len] == '/' || !text[len]))
				return true;
		}
	}
	return false;
}

static bool on_link(const json_t *prefixes, const char *address)
{
	const json_t *row;
	size_t i;

	json_array_foreach (json_object_get(prefixes, "on_link"), i, row) {
		if (inside(ztc_log_text(row, "prefix"), address))
			return true;
	}
	return false;
}

/* @peer: it must be a neighbour's, of one of this host's own addresses. */
static void judge_record(const struct ztc_facts *facts, const json_t *record, bool peer,
			 struct ztc_result *r, struct verdict *ret)
{
	const json_t *rows = json_object_get(json_object_get(record, "body"), "attempts"), *a;
	const json_t *prefixes = ztc_fact_maybe(facts, "prefixes", r);
	size_t i;

	*ret = (struct verdict){.at = ztc_log_time(record, "ended"),
				.id = ztc_log_text(record, "id")};
	json_array_foreach (rows, i, a) {
		const char *source = ztc_log_text(a, "source");
		char resource[96];

		if (!counts(ztc_log_text(a, "outcome")) ||
		    (peer && (!own_address(prefixes, ztc_log_text(a, "destination")) ||
			      !on_link(prefixes, source))))
			continue;
		ret->counted++;
		if (strcmp(ztc_log_text(a, "outcome"), "connected") != 0)
			continue;
		if (expected(facts, a, r)) {
			ret->expected++;
			continue;
		}
		ret->unexpected++;
		snprintf(resource, sizeof(resource), "tcp/%lld",
			 (long long)ztc_log_number(a, "port"));
		ztc_offender(r, resource, N_("%s connected to %s, and no rule names it"), source,
			     ztc_log_text(a, "destination"));
	}
}

/* Signed by a neighbour's key: what local root could not have made up. */
static bool is_peer(const json_t *record)
{
	return strcmp(ztc_log_text(json_object_get(record, "body"), "way"), "peer") == 0 &&
	       strcmp(ztc_log_text(record, "seal"), "ok") == 0 &&
	       strcmp(ztc_log_text(record, "grade"), "A") == 0;
}

static bool is_own(const json_t *record)
{
	const char *way = ztc_log_text(json_object_get(record, "body"), "way");

	return strcmp(ztc_log_text(record, "seal"), "ok") == 0 && !is_peer(record) &&
	       (strcmp(way, "netns") == 0 || strcmp(way, "peer") == 0);
}

static const char *source_of(const json_t *record)
{
	const json_t *rows = json_object_get(json_object_get(record, "body"), "attempts");

	return ztc_log_text(json_array_get(rows, 0), "source");
}

/* Did a newer one of the same neighbour come before in the list, which is newest first? */
static bool superseded(const json_t *probes, size_t index)
{
	const char *source = source_of(json_array_get(probes, index));
	const json_t *one;
	size_t i;

	json_array_foreach (probes, i, one) {
		if (i >= index)
			return false;
		if (is_peer(one) && strcmp(source_of(one), source) == 0)
			return true;
	}
	return false;
}

/* --- what this host logged of it ------------------------------------------------------------- */

/* Is a filter here that logs what it denies? */
static bool filter_logs(const struct ztc_facts *facts, struct ztc_result *r)
{
	const json_t *agent = ztc_fact_maybe(facts, "agent", r);
	const json_t *filter = ztc_fact_maybe(facts, "filter", r), *path;
	size_t i;

	if (json_is_true(json_object_get(agent, "running")))
		return true;
	json_array_foreach (json_object_get(filter, "paths"), i, path) {
		if (json_is_true(json_object_get(json_object_get(path, "default"), "logged")))
			return true;
	}
	return false;
}

static const json_t *denials_of(const json_t *probes, const char *id)
{
	const json_t *one;
	size_t i;

	json_array_foreach (probes, i, one) {
		const json_t *body = json_object_get(one, "body");

		if (strcmp(ztc_log_text(body, "way"), "denials") == 0 &&
		    strcmp(ztc_log_text(one, "seal"), "ok") == 0 &&
		    strcmp(ztc_log_text(body, "probe"), id) == 0)
			return body;
	}
	return NULL;
}

/* Of a probe that nothing unexpected came through. Returns false when it concluded otherwise. */
static bool logged_enough(const struct ztc_facts *facts, const json_t *probes,
			  const struct verdict *v, struct ztc_result *r)
{
	const json_t *denials = denials_of(probes, v->id);
	bool by_any = json_array_size(json_object_get(denials, "by")) > 0;
	int64_t denied = ztc_log_number(denials, "denied");
	int64_t logged = ztc_log_number(denials, "logged");

	if (!by_any && !filter_logs(facts, r))
		return true;
	if (!denials) {
		ztc_conclude(
			r, ZTC_STATE_PARTIAL,
			N_("no unexpected connection in %d attempts; whether this host's filter "
			   "logged the denials was not looked at: have the probe run by 'ztctl "
			   "probe --from'"),
			v->counted);
		return false;
	}
	if ((double)logged + 1e-9 * (double)denied >=
	    ztc_limit(facts, ID, "logged_share") * (double)denied)
		return true;
	ztc_conclude(
		r, ZTC_STATE_PARTIAL,
		N_("no unexpected connection in %d attempts, but only %lld of %lld denials are in "
		   "this host's log within %d s"),
		v->counted, (long long)logged, (long long)denied,
		(int)ztc_limit(facts, ID, "logged_s"));
	return false;
}

/* --- together ------------------------------------------------------------------------------- */

/* The namespace that this host's own network is; 0 = one only was looked into. */
static int64_t own_netns(const json_t *prefixes)
{
	const json_t *row;
	size_t i;

	json_array_foreach (json_object_get(prefixes, "namespaces"), i, row) {
		if (json_is_true(json_object_get(row, "own")))
			return ztc_log_number(row, "inode");
	}
	return 0;
}

/* Point-to-point links have one other end; every shorter prefix has room for a neighbour. */
static bool has_neighbours(const json_t *prefixes)
{
	int64_t own = own_netns(prefixes);
	const json_t *row;
	size_t i;

	json_array_foreach (json_object_get(prefixes, "on_link"), i, row) {
		const char *slash = strchr(ztc_log_text(row, "prefix"), '/');
		long bits = slash ? strtol(slash + 1, NULL, 10) : 128;

		if (own && ztc_log_number(row, "netns") != own)
			continue;
		if (bits < (ztc_log_number(row, "family") == 4 ? 31 : 127))
			return true;
	}
	return false;
}

/* Counters of everything that is in date; the newest in @ret. */
static int judge_all(const struct ztc_facts *facts, const json_t *probes, bool peer,
		     struct ztc_result *r, struct verdict *ret)
{
	int64_t oldest = facts->now_s - (int64_t)ztc_limit(facts, ID, "partial_days") * DAY_S;
	const json_t *one;
	int found = 0;
	size_t i;

	json_array_foreach (probes, i, one) {
		struct verdict v;

		if ((peer ? !is_peer(one) || superseded(probes, i) : !is_own(one)) ||
		    ztc_log_time(one, "ended") < oldest)
			continue;
		judge_record(facts, one, peer, r, &v);
		if (!v.counted)
			continue;
		if (!found++)
			*ret = v;
		else {
			ret->counted += v.counted;
			ret->unexpected += v.unexpected;
			ret->expected += v.expected;
		}
		if (!peer)
			break;
	}
	return found;
}

static void conclude_none(const struct ztc_facts *facts, const json_t *probes, struct ztc_result *r)
{
	int strangers = 0;
	const json_t *one;
	size_t i;

	json_array_foreach (probes, i, one) {
		strangers +=
			strcmp(ztc_log_text(json_object_get(one, "body"), "way"), "peer") == 0 &&
			strcmp(ztc_log_text(one, "seal"), "ok") != 0;
	}
	if (strangers)
		ztc_conclude(
			r, ZTC_STATE_UNKNOWN,
			N_("%d probe record(s) are signed by nobody who is trusted here: put the "
			   "neighbour's host.pub into the trust directory, role peer"),
			strangers);
	else
		ztc_conclude(
			r, ZTC_STATE_UNKNOWN,
			N_("no neighbour has probed this host in the last %d days: 'ztctl probe "
			   "--from PEER'"),
			(int)ztc_limit(facts, ID, "partial_days"));
}

static void conclude_peer(const struct ztc_facts *facts, const json_t *probes,
			  const struct verdict *v, struct ztc_result *r)
{
	int64_t days = (facts->now_s - v->at) / DAY_S;
	int64_t limit_s = (int64_t)ztc_limit(facts, ID, "probe_days") * DAY_S;

	r->grade = "A";
	if (v->unexpected) {
		ztc_conclude(r, ZTC_STATE_FAIL,
			     N_("a neighbour opened %d of %d connections that no rule names"),
			     v->unexpected, v->counted);
	} else if (facts->now_s - v->at > limit_s) {
		ztc_conclude(
			r, ZTC_STATE_PARTIAL,
			N_("no unexpected connection in %d attempts, but the latest probe is %lld "
			   "days old"),
			v->counted, (long long)days);
	} else if (logged_enough(facts, probes, v, r)) {
		ztc_conclude(
			r, ZTC_STATE_PASS,
			N_("no unexpected connection in %d attempts of a neighbour, %lld days ago"),
			v->counted, (long long)days);
		r->valid_s = v->at + limit_s - facts->now_s;
	}
}

void ztc_judge_probe(const struct ztc_facts *facts, struct ztc_result *r)
{
	const json_t *prefixes = ztc_fact_maybe(facts, "prefixes", r), *records, *probes;
	struct verdict v = {0};

	ztc_expected(
		r,
		N_("a probe signed by a neighbour within %d days, nothing connects that no rule "
		   "names, and %g%% of denials logged within %d s where the filter logs"),
		(int)ztc_limit(facts, ID, "probe_days"), ztc_limit(facts, ID, "logged_share") * 100,
		(int)ztc_limit(facts, ID, "logged_s"));
	if (prefixes && !has_neighbours(prefixes)) {
		ztc_conclude(
			r, ZTC_STATE_NA,
			N_("no network of this host has room for a neighbour (point-to-point links "
			   "only)"));
		return;
	}
	records = ztc_fact(facts, "records", r);
	if (!records || !ztc_fact(facts, "prefixes", r))
		return;
	probes = json_object_get(records, "probes");
	if (judge_all(facts, probes, true, r, &v)) {
		conclude_peer(facts, probes, &v, r);
	} else if (judge_all(facts, probes, false, r, &v)) {
		ztc_conclude(
			r, v.unexpected ? ZTC_STATE_FAIL : ZTC_STATE_PARTIAL,
			v.unexpected
				? N_("a canary neighbour on this host opened %d of %d connections "
				     "that no rule names")
				: N_("%d of %d connections of a canary neighbour on this host were "
				     "unexpected; no other host has probed it"),
			v.unexpected, v.counted);
	} else {
		conclude_none(facts, probes, r);
		return;
	}
	r->num = v.counted - v.unexpected;
	r->den = v.counted;
	r->from_s = r->to_s = v.at;
	ztc_observed(r, N_("attempts: %d, connected as rules say: %d, connected unexpectedly: %d"),
		     v.counted, v.expected, v.unexpected);
}
