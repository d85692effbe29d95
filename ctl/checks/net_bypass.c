/* SPDX-License-Identifier: Apache-2.0 */
/* net_bypass.c - ZTS-3.1-07: is there a way around the filter. */
#include <string.h>

#include "base/cleanup.h"
#include "base/json.h"
#include "ctl/checks/net.h"

/* What could not be looked at. */
enum unseen {
	SEEN,
	UNSEEN_FILE,
	UNSEEN_HOLDERS,
	UNSEEN_CGROUPS,
	UNSEEN_NAMESPACES,
	UNSEEN_FILTER,
	UNSEEN_FORWARD,
};

struct search {
	const struct ztc_facts *facts;
	struct ztc_result *r;
	struct ztc_net net;
	const json_t *bypass;
	json_int_t own;
	int listed; /* holders that the profile names */
	enum unseen unseen;
};

/* By the file that runs, in a directory of the system: a process names itself as it likes. */
static bool is_listed(const struct search *s, const char *exe)
{
	static const char *const dirs[] = {"/usr/", "/sbin/", "/bin/", "/lib/", "/opt/"};
	const char *name = strrchr(exe, '/');

	for (size_t i = 0; name && i < ARRAY_SIZE(dirs); i++) {
		if (strncmp(exe, dirs[i], strlen(dirs[i])) == 0)
			return zt_json_has_text(ztc_list(s->facts, "bypass_holders"), name + 1);
	}
	return false;
}

static void look_at_socket(struct search *s, const json_t *socket)
{
	const char *exe = zt_json_text(socket, "exe"), *kind = zt_json_text(socket, "kind");
	const char *interface = zt_json_text(socket, "interface");
	char resource[300];

	if (*exe && is_listed(s, exe)) {
		s->listed++;
		return;
	}
	if (!json_object_get(socket, "pid") &&
	    !json_is_true(json_object_get(s->bypass, "owners_complete"))) {
		s->unseen = UNSEEN_HOLDERS;
		return;
	}
	snprintf(resource, sizeof(resource), "%s:%.250s", kind, *exe ? exe : "?");
	if (strcmp(kind, "raw") == 0)
		ztc_offender(s->r, resource,
			     N_("raw socket of %s (pid %lld): sends and receives without ports"),
			     *exe ? exe : "?", (long long)ztc_net_number(socket, "pid"));
	else
		ztc_offender(
			s->r, resource,
			N_("%s socket of %s (pid %lld) on %s: reads and sends below the filter"),
			kind, *exe ? exe : "?", (long long)ztc_net_number(socket, "pid"),
			*interface ? interface : "*");
}

static void look_at_devices(struct search *s)
{
	const json_t *row;
	char resource[128];
	size_t i;

	json_array_foreach (json_object_get(s->bypass, "devices"), i, row) {
		if (!json_is_true(json_object_get(row, "network")))
			continue;
		snprintf(resource, sizeof(resource), "pci:%.64s", zt_json_text(row, "device"));
		ztc_offender(s->r, resource,
			     N_("network card bound to %s: its packets never pass the kernel"),
			     zt_json_text(row, "driver"));
	}
	json_array_foreach (json_object_get(s->bypass, "proxy_arp"), i, row) {
		snprintf(resource, sizeof(resource), "proxy_arp:%.40s", json_string_value(row));
		ztc_offender(s->r, resource,
			     N_("answers ARP for others (proxy_arp=1): draws their traffic through "
				"this host"));
	}
	json_array_foreach (json_object_get(s->bypass, "overridable"), i, row) {
		snprintf(resource, sizeof(resource), "cgroup:%s", zt_json_text(row, "attach"));
		ztc_offender(
			s->r, resource,
			N_("a BPF program of the cgroup root is attached with ALLOW_OVERRIDE: a "
			   "child cgroup may replace it"));
	}
	if (json_object_get(s->bypass, "overridable_why"))
		s->unseen = UNSEEN_CGROUPS;
}

/* A device that the packets of a namespace leave by without passing ours. */
static bool leads_out(const char *type)
{
	static const char *const types[] = {"hardware", "macvlan", "macvtap",
					    "ipvlan",	"ipvtap",  "vlan"};

	for (size_t i = 0; i < ARRAY_SIZE(types); i++) {
		if (strcmp(type, types[i]) == 0)
			return true;
	}
	return false;
}

/* Does that namespace deny by default itself? Known only when it was looked into (--netns all). */
static bool denies(const struct search *s, json_int_t netns, const char *interface)
{
	for (int family = 4; family <= 6; family += 2) {
		zt_auto(ztc_way_free) struct ztc_way way = {0};

		if (family == 6 && !ztc_filter_path(s->net.filter, netns, interface, 6, "tcp"))
			continue; /* IPv6 is off there */
		ztc_filter_way(s->net.filter, netns, interface, family, "tcp", 0, &way);
		if (way.kind != ZTC_WAY_DENIED)
			return false;
	}
	return true;
}

/* With --netns own the other namespaces are somebody else's matter. */
static bool in_question(const struct search *s)
{
	return json_is_true(json_object_get(s->bypass, "namespaces_asked"));
}

static void look_at_namespaces(struct search *s)
{
	const json_t *row, *device;
	char resource[128];
	size_t i, j;

	if (!in_question(s))
		return;

	json_array_foreach (json_object_get(s->bypass, "namespaces"), i, row) {
		json_int_t inode = ztc_net_number(row, "inode");

		if (!json_is_true(json_object_get(row, "entered")))
			s->unseen = UNSEEN_NAMESPACES;
		json_array_foreach (json_object_get(row, "devices"), j, device) {
			const char *name = zt_json_text(device, "name");

			if (!leads_out(zt_json_text(device, "type")) || denies(s, inode, name))
				continue;
			snprintf(resource, sizeof(resource), "netns:%.60s/%.40s",
				 *zt_json_text(row, "name") ? zt_json_text(row, "name") : "?",
				 name);
			ztc_offender(
				s->r, resource,
				N_("namespace of pid %lld (%lld processes) has its own way out "
				   "by %s (%s), past the filters here"),
				(long long)ztc_net_number(row, "pid"),
				(long long)ztc_net_number(row, "tasks"), name,
				zt_json_text(device, "type"));
		}
	}
	if (!json_is_true(json_object_get(s->bypass, "namespaces_complete")))
		s->unseen = UNSEEN_NAMESPACES;
}

static enum ztc_way_kind by_default(const struct search *s, const char *interface, int family)
{
	zt_auto(ztc_way_free) struct ztc_way way = {0}, guard = {0};

	ztc_filter_way(s->net.filter, s->own, interface, family, "tcp", 0, &way);
	if (!ztc_guard_on(&s->net.guard, s->own, interface))
		return way.kind;
	ztc_guard_way(&s->net.guard, family, "tcp", 0, &guard);
	return guard.kind < way.kind ? guard.kind : way.kind;
}

/* What IPv4 denies, IPv6 must deny too, and the other way round. */
static void look_at_parity(struct search *s)
{
	const json_t *row;
	char resource[96];
	size_t i;

	json_array_foreach (json_object_get(s->net.prefixes, "interfaces"), i, row) {
		const char *name = zt_json_text(row, "name");
		enum ztc_way_kind v4, v6;

		if (ztc_net_number(row, "netns") != s->own || !ztc_interface_counts(row, 6))
			continue;
		v4 = by_default(s, name, 4);
		v6 = by_default(s, name, 6);
		if (v4 == ZTC_WAY_UNKNOWN || v6 == ZTC_WAY_UNKNOWN) {
			s->unseen = UNSEEN_FILTER;
			continue;
		}
		if ((v4 == ZTC_WAY_ANY) == (v6 == ZTC_WAY_ANY))
			continue;
		snprintf(resource, sizeof(resource), "%.40s/IPv%d", name,
			 v6 == ZTC_WAY_ANY ? 6 : 4);
		ztc_offender(s->r, resource,
			     N_("IPv%d is not filtered here, IPv%d is: the one is a way around the "
				"other"),
			     v6 == ZTC_WAY_ANY ? 6 : 4, v6 == ZTC_WAY_ANY ? 4 : 6);
	}
}

static bool all_inside(const struct search *s, const json_t *names)
{
	const json_t *row;
	size_t i;

	json_array_foreach (names, i, row) {
		if (!ztc_interface_inside(s->net.prefixes, s->own, json_string_value(row) ?: ""))
			return false;
	}
	return true;
}

static bool all_guarded(const struct search *s, const json_t *names, int family)
{
	const json_t *row;
	size_t i;

	json_array_foreach (names, i, row) {
		if (!ztc_guard_on(&s->net.guard, s->own, json_string_value(row) ?: ""))
			return false;
	}
	return s->net.guard.deny[family == 6] == 1;
}

static void look_at_forwarding(struct search *s)
{
	const json_t *row;
	char resource[64];
	size_t i;

	json_array_foreach (json_object_get(s->net.filter, "forward"), i, row) {
		int family = (int)ztc_net_number(row, "family");
		const char *verdict = zt_json_text(row, "verdict");

		if (ztc_net_number(row, "netns") != s->own ||
		    !json_is_true(json_object_get(row, "on")) ||
		    all_inside(s, json_object_get(row, "interfaces")) ||
		    all_guarded(s, json_object_get(row, "interfaces"), family))
			continue;
		if (strcmp(verdict, "unknown") == 0)
			s->unseen = UNSEEN_FORWARD;
		if (strcmp(verdict, "any") != 0)
			continue;
		snprintf(resource, sizeof(resource), "forward/IPv%d", family);
		ztc_offender(s->r, resource,
			     N_("forwards IPv%d for anybody (forwarding is on, %s)"), family,
			     zt_json_text(row, "rule"));
	}
}

static void conclude_unseen(const struct search *s)
{
	struct ztc_result *r = s->r;

	switch (s->unseen) {
	case UNSEEN_HOLDERS:
		ztc_conclude(
			r, ZTC_STATE_UNKNOWN,
			N_("who holds the packet and raw sockets cannot be seen; run it as root"));
		break;
	case UNSEEN_CGROUPS:
		ztc_conclude(r, ZTC_STATE_UNKNOWN,
			     N_("BPF programs of cgroups cannot be seen; run it as root"));
		break;
	case UNSEEN_NAMESPACES:
		ztc_conclude(
			r, ZTC_STATE_UNKNOWN,
			N_("not every network namespace could be looked into; run it as root, outside of "
			   "containers"));
		break;
	case UNSEEN_FILTER:
		ztc_conclude(r, ZTC_STATE_UNKNOWN,
			     N_("whether IPv6 is filtered as IPv4 is cannot be decided"));
		break;
	case UNSEEN_FORWARD:
		ztc_conclude(r, ZTC_STATE_UNKNOWN,
			     N_("what this host forwards, and for whom, cannot be decided from its "
				"rules"));
		break;
	default:
		ztc_conclude(
			r, ZTC_STATE_UNKNOWN, N_("%s could not be read"),
			json_string_value(json_array_get(json_object_get(s->bypass, "unread"), 0)));
	}
}

static void conclude(struct search *s)
{
	struct ztc_result *r = s->r;

	ztc_expected(r, N_("no packet, raw or XDP socket, no card outside the kernel, no open "
			   "forwarding, no proxy ARP, no namespace with its own way out, IPv6 "
			   "filtered as IPv4"));
	ztc_observed(r,
		     N_("ways around the filter: %zu; sockets of programs that the profile allows: "
			"%d; other network namespaces: %zu (%s)"),
		     r->offender_count, s->listed,
		     json_array_size(json_object_get(s->bypass, "namespaces")),
		     in_question(s) ? "--netns all" : "--netns own");
	r->num = (int64_t)r->offender_count;
	r->den = (int64_t)r->offender_count + s->listed;
	if (r->offender_count)
		ztc_conclude(r, ZTC_STATE_FAIL,
			     N_("ways around the filter: %zu; remove each, or add its program to "
				"lists.bypass_holders of the profile with a reason"),
			     r->offender_count);
	else if (s->unseen)
		conclude_unseen(s);
	else if (s->listed)
		ztc_conclude(
			r, ZTC_STATE_PARTIAL,
			N_("packet and raw sockets: %d, all of programs that the profile allows"),
			s->listed);
	else
		ztc_conclude(r, ZTC_STATE_PASS, N_("no way around the filter was found"));
}

void ztc_judge_bypass(const struct ztc_facts *facts, struct ztc_result *r)
{
	struct search s = {.facts = facts, .r = r, .bypass = ztc_fact(facts, "bypass", r)};
	const json_t *row;
	size_t i;

	if (!s.bypass)
		return;
	s.net.listeners = ztc_fact(facts, "listeners", r);
	s.net.prefixes = s.net.listeners ? ztc_fact(facts, "prefixes", r) : NULL;
	if (!s.net.prefixes)
		return;
	s.own = ztc_net_number(s.net.listeners, "own_netns");
	ztc_guard_get(facts, r, &s.net.guard);
	s.net.filter = ztc_fact_maybe(facts, "filter", r);
	if (!s.net.filter && !s.net.guard.enforced)
		s.unseen = UNSEEN_FILTER;
	if (json_array_size(json_object_get(s.bypass, "unread")))
		s.unseen = UNSEEN_FILE;
	json_array_foreach (json_object_get(s.bypass, "sockets"), i, row)
		look_at_socket(&s, row);
	look_at_devices(&s);
	look_at_namespaces(&s);
	look_at_parity(&s);
	look_at_forwarding(&s);
	conclude(&s);
}
