// SPDX-License-Identifier: Apache-2.0
/*
 * crypto_share.c - ZTS-3.4-01: bytes between hosts that are encrypted; ZTS-3.4-06: policy that
 * insists on it. Unknown counts as clear text; DNS, NTP and DHCP are counted apart by who collects.
 */
#include <stdio.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/json.h"
#include "ctl/assess/profile.h"
#include "ctl/checks/crypto.h"
#include "ctl/checks/crypto_paths.h"

#define ID	  "ZTS-3.4-01"
#define SHOWN	  10
#define PATHS_MAX 64

struct sums {
	int64_t secret, clear; /* bytes */
	int64_t tunnel;	       /* of them: what tunnels carried, on the outside */
	int64_t carried;       /* clear inside a tunnel */
	int64_t sensitive;     /* clear on a sensitive path */
	int64_t served;	       /* of samples: to own services that only speak TLS or SSH */
	const json_t *services;
};

static int64_t class_bytes(const json_t *edges, const char *name)
{
	const json_t *row = json_object_get(json_object_get(edges, "encryption"), name);
	int64_t bytes = ztc_number(row, "bytes");

	return bytes > 0 ? bytes : 0;
}

static size_t read_paths(const struct ztc_facts *facts, struct ztc_path *ret, bool *ret_bad)
{
	const json_t *list = ztc_list(facts, "sensitive_paths"), *each;
	size_t i, count = 0;

	json_array_foreach (list, i, each) {
		if (count < PATHS_MAX && ztc_path_parse(json_string_value(each), &ret[count]) == 0)
			count++;
		else
			*ret_bad = true;
	}
	return count;
}

static bool on_any(const struct ztc_path *paths, size_t count, const json_t *edge)
{
	for (size_t i = 0; i < count; i++) {
		if (ztc_path_matches(&paths[i], edge))
			return true;
	}
	return false;
}

/* --- ZTS-3.4-01 --- */

/* Rows of the same ends and service (several owners, several encryptions) are one offender. */
static void gather(json_t *clear, const json_t *edge, bool sensitive)
{
	char resource[200];
	json_t *row;

	snprintf(resource, sizeof(resource), "edge:%.46s>%.46s:%.32s", ztc_member(edge, "src"),
		 ztc_member(edge, "dst"), ztc_member(edge, "service"));
	row = json_object_get(clear, resource);
	if (!row) {
		row = json_pack("{s:I, s:s, s:s, s:b}", "bytes", (json_int_t)0, "encryption",
				ztc_member(edge, "encryption"), "owner", ztc_member(edge, "owner"),
				"sensitive", sensitive);
		json_object_set_new(clear, resource, row);
	}
	json_object_set_new(row, "bytes",
			    json_integer(ztc_number(row, "bytes") + ztc_number(edge, "bytes")));
}

static void name_edges(struct ztc_result *r, json_t *clear)
{
	const char *resource;
	json_t *row;

	json_object_foreach (clear, resource, row) {
		bool sensitive = json_is_true(json_object_get(row, "sensitive"));
		const char *owner = ztc_member(row, "owner");

		if (!sensitive && r->offender_count >= SHOWN)
			continue;
		ztc_offender(r, resource,
			     sensitive
				     ? N_("%lld bytes in the clear (%s) by %s, on a path that the "
					  "profile calls sensitive")
				     : N_("%lld bytes in the clear (%s) by %s"),
			     (long long)ztc_number(row, "bytes"), ztc_member(row, "encryption"),
			     *owner ? owner : "?");
	}
}

/* Whether a service of ours at this edge's end takes nothing but TLS or SSH: then its bytes are.
 * What begins in the clear and may go on so (STARTTLS) is not known. */
static bool only_secret(const json_t *services, const json_t *edge)
{
	const json_t *row;
	bool found = false;
	char name[40];
	size_t i;

	if (!ztc_is(edge, "direction", "in"))
		return false;
	json_array_foreach (services, i, row) {
		bool must = ztc_is(row, "service", "tls") || ztc_is(row, "service", "ssh") ||
			    ztc_is(row, "service", "postgresql") || ztc_is(row, "service", "mysql");

		snprintf(name, sizeof(name), "%.8s/%lld", ztc_member(row, "proto"),
			 (long long)ztc_number(row, "port"));
		if (!ztc_is(edge, "service", name))
			continue;
		/* Several sockets may serve the port at other addresses: all of them must. */
		if (!must || !ztc_is(row, "clear", "no") ||
		    json_is_true(json_object_get(row, "config_only")))
			return false;
		found = true;
	}
	return found;
}

static void walk_edges(const struct ztc_facts *facts, struct ztc_result *r, const json_t *edges,
		       struct sums *s)
{
	const json_t *tunnels = ztc_fact_maybe(facts, "tunnels", r);
	const json_t *prefixes = ztc_fact_maybe(facts, "prefixes", r), *edge;
	zt_auto(zt_json_decref) json_t *clear = json_object();
	struct ztc_path paths[PATHS_MAX];
	bool bad = false;
	size_t i, count = read_paths(facts, paths, &bad);

	json_array_foreach (json_object_get(edges, "plaintext_top"), i, edge) {
		int64_t bytes = ztc_number(edge, "bytes");
		bool sensitive = on_any(paths, count, edge);

		if (bytes <= 0)
			continue;
		if (s->services && only_secret(s->services, edge)) {
			s->served += bytes;
			continue;
		}
		/* No more than the tunnels' own bytes can have been in them. */
		if (s->carried + bytes <= s->tunnel &&
		    ztc_edge_carried(edge, tunnels, prefixes, facts->now_s)) {
			s->carried += bytes;
			continue;
		}
		s->sensitive += sensitive ? bytes : 0;
		gather(clear, edge, sensitive);
	}
	name_edges(r, clear);
}

/* What WireGuard's counters say: the bound where no outside of a tunnel was recorded. */
static int64_t tunnel_counters(const json_t *tunnels)
{
	const json_t *devices = json_object_get(json_object_get(tunnels, "wireguard"), "devices");
	const json_t *states = json_object_get(json_object_get(tunnels, "xfrm"), "states");
	const json_t *device, *each;
	int64_t sum = 0;
	size_t i, j;

	json_array_foreach (devices, i, device) {
		json_array_foreach (json_object_get(device, "peers"), j, each)
			sum += ztc_number(each, "rx_bytes") + ztc_number(each, "tx_bytes");
	}
	json_array_foreach (states, i, each)
		sum += ztc_number(each, "bytes");
	return sum;
}

static void add_up(const struct ztc_facts *facts, struct ztc_result *r, const json_t *edges,
		   bool sampled, struct sums *s)
{
	static const char *const secret[] = {"tls", "dtls", "ssh", "quic", "wireguard", "ipsec"};

	for (size_t i = 0; i < ARRAY_SIZE(secret); i++)
		s->secret += class_bytes(edges, secret[i]);
	s->clear = class_bytes(edges, "plaintext") + class_bytes(edges, "unknown");
	s->tunnel = sampled ? tunnel_counters(ztc_fact_maybe(facts, "tunnels", r))
			    : class_bytes(edges, "wireguard") + class_bytes(edges, "ipsec");
	if (sampled) {
		const json_t *banners = ztc_fact_maybe(facts, "banners", r);

		s->services = banners ? json_object_get(banners, "listeners")
				      : json_object_get(edges, "served");
	}
	walk_edges(facts, r, edges, s);
	if (s->served > s->clear)
		s->served = s->clear;
	s->clear -= s->served;
	s->secret += s->served;
	if (s->carried > s->clear)
		s->carried = s->clear;
	s->clear -= s->carried;
	/* Recorded on the outside too: counted there. Of samples there is no outside. */
	if (sampled)
		s->secret += s->carried;
}

static const json_t *choose(const struct ztc_facts *facts, struct ztc_result *r, bool *ret_sampled)
{
	const json_t *edges = ztc_fact_maybe(facts, "edges", r), *observed;

	if (edges)
		return edges;
	observed = ztc_fact_maybe(facts, "observed", r);
	*ret_sampled = observed != NULL;
	if (observed)
		return observed;
	/* Says why there are no recorded edges, or what would make samples. */
	if (strcmp(ztc_fact_status(facts, "edges"), "absent") == 0)
		ztc_conclude(
			r, ZTC_STATE_UNKNOWN,
			N_("no record of traffic: run ztagent, or 'ztctl assess --observe 24h' "
			   "without it"));
	else
		ztc_fact(facts, "edges", r);
	return NULL;
}

static bool too_short(const struct ztc_facts *facts, struct ztc_result *r, const json_t *edges,
		      bool sampled)
{
	const json_t *window = json_object_get(edges, "window");
	int64_t seconds = ztc_number(window, "seconds");
	int64_t wanted = (int64_t)(ztc_profile_general(facts->profile, "window_days") * 86400);

	r->from_s = ztc_number(window, "from_s");
	r->to_s = ztc_number(window, "to_s");
	/* Samples are as long as was asked for. An hour is what a window is rounded to. */
	if (sampled || seconds + 3600 >= wanted)
		return false;
	ztc_conclude(r, ZTC_STATE_UNKNOWN, N_("recorded for %lld of %lld hours: wait for the rest"),
		     (long long)(seconds / 3600), (long long)(wanted / 3600));
	return true;
}

void ztc_judge_encrypted_share(const struct ztc_facts *facts, struct ztc_result *r)
{
	bool sampled = false;
	const json_t *edges = choose(facts, r, &sampled);
	struct sums s = {0};

	if (!edges)
		return;
	if (sampled) {
		r->method = "sampled";
		r->grade = "B-";
	}
	add_up(facts, r, edges, sampled, &s);
	ztc_observed(r,
		     N_("%lld bytes encrypted, %lld in the clear or unknown, %lld inside tunnels; "
			"apart: DNS %lld, NTP %lld, DHCP %lld"),
		     (long long)s.secret, (long long)s.clear, (long long)s.carried,
		     (long long)ztc_number(json_object_get(json_object_get(edges, "apart"), "dns"),
					   "bytes"),
		     (long long)ztc_number(json_object_get(json_object_get(edges, "apart"), "ntp"),
					   "bytes"),
		     (long long)ztc_number(json_object_get(json_object_get(edges, "apart"), "dhcp"),
					   "bytes"));
	if (too_short(facts, r, edges, sampled))
		return;
	if (s.secret + s.clear == 0) {
		ztc_conclude(r, ZTC_STATE_NA, N_("no bytes between hosts in the window"));
		return;
	}
	ztc_share(facts, r, ID, s.secret, s.secret + s.clear, true);
	if (s.sensitive)
		ztc_conclude(
			r, ZTC_STATE_FAIL,
			N_("%lld bytes in the clear on paths that the profile calls sensitive: "
			   "encrypt these services first"),
			(long long)s.sensitive);
}

/* --- ZTS-3.4-06 --- */

static int64_t clear_on(const struct ztc_path *path, const json_t *edges, const json_t *tunnels,
			const json_t *prefixes, int64_t now_s)
{
	const json_t *edge;
	int64_t bytes = 0;
	size_t i;

	json_array_foreach (json_object_get(edges, "plaintext_top"), i, edge) {
		if (ztc_path_matches(path, edge) &&
		    !ztc_edge_carried(edge, tunnels, prefixes, now_s))
			bytes += ztc_number(edge, "bytes");
	}
	return bytes;
}

static void judge_path(const struct ztc_facts *facts, struct ztc_result *r, const char *text,
		       const json_t *tunnels)
{
	const json_t *edges = ztc_fact_maybe(facts, "edges", r);
	const json_t *prefixes = ztc_fact_maybe(facts, "prefixes", r);
	struct ztc_path path;
	char resource[160];
	int64_t bytes;

	snprintf(resource, sizeof(resource), "path:%.140s", text);
	r->den++;
	if (ztc_path_parse(text, &path) < 0) {
		ztc_offender(r, resource,
			     N_("neither a prefix nor a service: correct the profile"));
		return;
	}
	if (ztc_path_required(&path, tunnels)) {
		r->num++;
		return;
	}
	bytes = clear_on(&path, edges, tunnels, prefixes, facts->now_s);
	ztc_offender(r, resource,
		     N_("nothing refuses clear text here; %lld bytes of it were recorded"),
		     (long long)bytes);
}

void ztc_judge_required(const struct ztc_facts *facts, struct ztc_result *r)
{
	const json_t *list = ztc_list(facts, "sensitive_paths"), *tunnels, *each;
	size_t i;

	ztc_expected(r, N_("on every sensitive path the kernel refuses what is not encrypted"));
	if (!json_array_size(list)) {
		ztc_conclude(r, ZTC_STATE_NA,
			     N_("no path is named as sensitive: put prefixes and services of key "
				"data into the profile's list sensitive_paths"));
		return;
	}
	tunnels = ztc_fact(facts, "tunnels", r);
	if (!tunnels)
		return;
	r->num = r->den = 0;
	json_array_foreach (list, i, each)
		judge_path(facts, r, json_string_value(each) ? json_string_value(each) : "",
			   tunnels);
	r->method = "measure";
	ztc_observed(
		r,
		N_("sensitive paths with IPsec policies that require ESP both ways: %lld of %lld"),
		(long long)r->num, (long long)r->den);
	if (!json_is_true(json_object_get(tunnels, "complete")) && r->num < r->den)
		ztc_conclude(r, ZTC_STATE_UNKNOWN,
			     N_("IPsec policies could not be read; CAP_NET_ADMIN would answer"));
	else if (r->num == r->den)
		ztc_conclude(
			r, ZTC_STATE_PASS,
			N_("sensitive paths, on each of which the kernel drops what is not encrypted: %lld"),
			(long long)r->den);
	else
		ztc_conclude(
			r, r->num ? ZTC_STATE_PARTIAL : ZTC_STATE_FAIL,
			N_("sensitive paths that take clear text: %lld of %lld. Rules of a policy cannot require encryption yet, so require it by IPsec policies (level required) or in each service"),
			(long long)(r->den - r->num), (long long)r->den);
}
