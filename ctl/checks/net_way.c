/* SPDX-License-Identifier: Apache-2.0 */
/* net_way.c - puts the answers of packet filter and agent together, port by port. */
#include <netinet/in.h>
#include <string.h>

#include "base/addr.h"
#include "base/cleanup.h"
#include "base/json.h"
#include "ctl/checks/net.h"

#define SEGMENT_LEAST 8 /* addresses */

json_int_t ztc_net_number(const json_t *object, const char *key)
{
	return json_integer_value(json_object_get(object, key));
}

void ztc_way_free(struct ztc_way *way)
{
	ztc_spans_free(&way->peers);
}

/* --- the agent --- */

static int denies(const json_t *defaults, const char *family)
{
	const json_t *one = json_object_get(json_object_get(defaults, "in"), family);
	const char *action = zt_json_text(one, "action");

	return strcmp(action, "deny") == 0 ? 1 : strcmp(action, "allow") == 0 ? 0 : -1;
}

void ztc_guard_get(const struct ztc_facts *facts, struct ztc_result *r, struct ztc_guard *ret)
{
	const json_t *agent, *pins, *simulation;
	const char *mode;

	*ret = (struct ztc_guard){.deny = {-1, -1}};
	if (strcmp(ztc_fact_status(facts, "agent"), "ok") != 0)
		return;
	agent = ztc_fact_maybe(facts, "agent", r);
	pins = json_object_get(agent, "pins");
	mode = zt_json_text(agent, "mode_now");
	ret->staged = strcmp(mode, "staged") == 0;
	ret->enforced = strcmp(mode, "enforced") == 0 &&
			json_is_true(json_object_get(pins, "same_netns")) &&
			ztc_net_number(pins, "links_broken") == 0;
	ret->unguarded = json_object_get(pins, "unguarded");
	ret->unreadable = json_object_get(pins, "unreadable");
	simulation = ztc_fact_maybe(facts, "simulation", r);
	ret->deny[0] = denies(json_object_get(simulation, "defaults"), "v4");
	ret->deny[1] = denies(json_object_get(simulation, "defaults"), "v6");
	ret->statements = json_object_get(ztc_fact_maybe(facts, "policy", r), "statements");
	ret->netns = ztc_net_number(ztc_fact_maybe(facts, "listeners", r), "own_netns");
}

bool ztc_guard_on(const struct ztc_guard *guard, json_int_t netns, const char *interface)
{
	return guard->enforced && netns == guard->netns &&
	       !zt_json_has_text(guard->unguarded, interface) &&
	       !zt_json_has_text(guard->unreadable, interface);
}

bool ztc_net_names_port(const json_t *ports, const char *proto, int port)
{
	uint8_t number = strcmp(proto, "udp") == 0 ? IPPROTO_UDP : IPPROTO_TCP;

	return zt_json_has_port(ports, zt_port_index(number, (uint16_t)port));
}

static bool lets_in(const json_t *statement, const char *proto, int port)
{
	const json_t *to = json_object_get(statement, "to");

	return strcmp(zt_json_text(statement, "action"), "allow") == 0 &&
	       strcmp(zt_json_text(statement, "mode"), "enforced") == 0 &&
	       !json_is_true(json_object_get(statement, "expired")) &&
	       json_is_true(json_object_get(to, "here")) &&
	       strcmp(zt_json_text(json_object_get(statement, "from"), "by"), "this-host") != 0 &&
	       ztc_net_names_port(json_object_get(statement, "ports"), proto, port);
}

static void add_peers(struct ztc_way *way, const json_t *texts, int family)
{
	struct ztc_spans more, sum;

	ztc_spans_read(&more, texts, family);
	ztc_spans_union(&sum, &way->peers, &more);
	ztc_spans_free(&more);
	ztc_spans_free(&way->peers);
	way->peers = sum;
}

void ztc_guard_way(const struct ztc_guard *guard, int family, const char *proto, int port,
		   struct ztc_way *ret)
{
	int deny = guard->deny[family == 6];
	const json_t *row;
	size_t i;

	*ret = (struct ztc_way){.kind = deny == 1   ? ZTC_WAY_DENIED
					: deny == 0 ? ZTC_WAY_ANY
						    : ZTC_WAY_UNKNOWN,
				.rule = "policy"};
	if (!guard->enforced)
		ret->kind = ZTC_WAY_ANY;
	if (!guard->statements && ret->kind == ZTC_WAY_DENIED)
		ret->kind = ZTC_WAY_UNKNOWN; /* rules there may be, and what they allow */
	if (ret->kind != ZTC_WAY_DENIED)
		return;
	json_array_foreach (guard->statements, i, row) {
		const json_t *from = json_object_get(row, "from");

		if (!lets_in(row, proto, port))
			continue;
		ret->rule = zt_json_text(row, "id");
		if (ztc_net_number(from, "addresses") < 0) {
			ret->kind = ZTC_WAY_ANY;
			return;
		}
		add_peers(ret, json_object_get(from, "prefixes"), family);
		ret->cut |= ztc_net_number(from, "prefixes_total") >
			    (json_int_t)json_array_size(json_object_get(from, "prefixes"));
	}
	if (ret->peers.count || ret->cut)
		ret->kind = ZTC_WAY_PEERS;
}

/* --- the packet filter --- */

const json_t *ztc_filter_path(const json_t *filter, json_int_t netns, const char *interface,
			      int family, const char *proto)
{
	const json_t *row;
	size_t i;

	json_array_foreach (json_object_get(filter, "paths"), i, row) {
		if (ztc_net_number(row, "netns") == netns &&
		    ztc_net_number(row, "family") == family &&
		    strcmp(zt_json_text(row, "proto"), proto) == 0 &&
		    zt_json_has_text(json_object_get(row, "interfaces"), interface))
			return row;
	}
	return NULL;
}

/* The port that another one is translated to: who gets in by that is not known. */
static const json_t *translated(const json_t *filter, json_int_t netns, int port)
{
	const json_t *row;
	size_t i;

	json_array_foreach (json_object_get(filter, "translated"), i, row) {
		if (ztc_net_number(row, "netns") == netns && ztc_net_number(row, "port") == port)
			return row;
	}
	return NULL;
}

static const json_t *ports_row(const json_t *path, int port)
{
	const json_t *row;
	size_t i;

	json_array_foreach (json_object_get(path, "ports"), i, row) {
		if (port >= ztc_net_number(row, "from") && port <= ztc_net_number(row, "to"))
			return row;
	}
	return json_object_get(path, "default");
}

void ztc_filter_way(const json_t *filter, json_int_t netns, const char *interface, int family,
		    const char *proto, int port, struct ztc_way *ret)
{
	const json_t *path = ztc_filter_path(filter, netns, interface, family, proto);
	const json_t *row = port ? ports_row(path, port) : json_object_get(path, "default");
	const json_t *other = port ? translated(filter, netns, port) : NULL;
	const char *verdict = zt_json_text(row, "verdict");

	*ret = (struct ztc_way){.kind = ZTC_WAY_UNKNOWN, .rule = zt_json_text(row, "rule")};
	if (strcmp(verdict, "any") == 0)
		ret->kind = ZTC_WAY_ANY;
	else if (strcmp(verdict, "peers") == 0 && !other)
		ret->kind = ZTC_WAY_PEERS;
	else if (strcmp(verdict, "deny") == 0 && !other)
		ret->kind = ZTC_WAY_DENIED;
	if (other && ret->kind == ZTC_WAY_UNKNOWN)
		ret->rule = zt_json_text(other, "rule");
	add_peers(ret, json_object_get(row, "peers"), family);
	ret->cut = json_is_true(json_object_get(row, "peers_cut"));
	ret->addresses = ztc_net_number(row, "addresses");
}

/* --- both --- */

bool ztc_net_get(const struct ztc_facts *facts, struct ztc_result *r, struct ztc_net *ret)
{
	*ret = (struct ztc_net){.listeners = ztc_fact(facts, "listeners", r)};
	if (!ret->listeners)
		return false;
	ret->prefixes = ztc_fact(facts, "prefixes", r);
	if (!ret->prefixes)
		return false;
	ztc_guard_get(facts, r, &ret->guard);
	/* The agent alone can answer; without it the filter must. */
	ret->filter = ret->guard.enforced ? ztc_fact_maybe(facts, "filter", r)
					  : ztc_fact(facts, "filter", r);
	return ret->filter || ret->guard.enforced;
}

bool ztc_interface_counts(const json_t *interface, int family)
{
	return json_is_true(json_object_get(interface, "up")) &&
	       !json_is_true(json_object_get(interface, "loopback")) &&
	       !json_object_get(interface, "master") &&
	       (family == 4 || json_is_true(json_object_get(interface, "ipv6")));
}

static const json_t *find_interface(const json_t *prefixes, json_int_t netns, const char *name)
{
	const json_t *row;
	size_t i;

	json_array_foreach (json_object_get(prefixes, "interfaces"), i, row) {
		if (ztc_net_number(row, "netns") == netns &&
		    strcmp(zt_json_text(row, "name"), name) == 0)
			return row;
	}
	return NULL;
}

/* Whether a bridge has a port that leads out of the machine. */
static bool has_cable(const json_t *prefixes, json_int_t netns, const char *bridge)
{
	const json_t *row;
	size_t i;

	json_array_foreach (json_object_get(prefixes, "interfaces"), i, row) {
		const char *type = zt_json_text(row, "type");

		if (ztc_net_number(row, "netns") == netns &&
		    strcmp(zt_json_text(row, "master"), bridge) == 0 && strcmp(type, "veth") != 0 &&
		    strcmp(type, "tun") != 0)
			return true;
	}
	return false;
}

bool ztc_bridge_out(const json_t *prefixes, json_int_t netns)
{
	const json_t *row;
	size_t i;

	json_array_foreach (json_object_get(prefixes, "interfaces"), i, row) {
		if (ztc_net_number(row, "netns") == netns &&
		    strcmp(zt_json_text(row, "type"), "bridge") == 0 &&
		    has_cable(prefixes, netns, zt_json_text(row, "name")))
			return true;
	}
	return false;
}

bool ztc_interface_inside(const json_t *prefixes, json_int_t netns, const char *name)
{
	const char *type = zt_json_text(find_interface(prefixes, netns, name), "type");
	bool routed = false;
	const json_t *row;
	size_t i;

	json_array_foreach (json_object_get(prefixes, "defaults"), i, row) {
		if (ztc_net_number(row, "netns") != netns)
			continue;
		if (strcmp(zt_json_text(row, "interface"), name) == 0)
			return false;
		routed = true;
	}
	return routed && (strcmp(type, "veth") == 0 ||
			  (strcmp(type, "bridge") == 0 && !has_cable(prefixes, netns, name)));
}

static void keep_worse(struct ztc_way *worst, struct ztc_way *way, bool first)
{
	if (first || way->kind > worst->kind) {
		ztc_spans_free(&worst->peers);
		*worst = *way;
		*way = (struct ztc_way){0};
	} else if (way->kind == ZTC_WAY_PEERS && worst->kind == ZTC_WAY_PEERS) {
		struct ztc_spans sum;

		ztc_spans_union(&sum, &worst->peers, &way->peers);
		ztc_spans_free(&worst->peers);
		worst->peers = sum;
		worst->cut |= way->cut;
		worst->addresses += way->addresses;
	}
	ztc_way_free(way);
}

/* A packet must pass both. */
static void stricter(struct ztc_way *way, struct ztc_way *other)
{
	if (other->kind < way->kind) {
		ztc_spans_free(&way->peers);
		*way = *other;
		*other = (struct ztc_way){0};
	} else if (way->kind == ZTC_WAY_PEERS && other->kind == ZTC_WAY_PEERS && !way->cut &&
		   !other->cut) {
		struct ztc_spans both;

		ztc_spans_and(&both, &way->peers, &other->peers);
		ztc_spans_free(&way->peers);
		way->peers = both;
	}
	ztc_way_free(other);
}

bool ztc_port_way(const struct ztc_net *net, const json_t *listener, int family,
		  struct ztc_way *ret)
{
	json_int_t netns = ztc_net_number(listener, "netns");
	const char *proto = zt_json_text(listener, "proto");
	const char *bound = zt_json_text(listener, "interface");
	int port = (int)ztc_net_number(listener, "port");
	bool seen = false;
	const json_t *row;
	size_t i;

	*ret = (struct ztc_way){0};
	json_array_foreach (json_object_get(net->prefixes, "interfaces"), i, row) {
		const char *name = zt_json_text(row, "name");
		struct ztc_way way, guard;

		if (ztc_net_number(row, "netns") != netns || !ztc_interface_counts(row, family) ||
		    (*bound && strcmp(bound, name) != 0))
			continue;
		ztc_filter_way(net->filter, netns, name, family, proto, port, &way);
		if (ztc_guard_on(&net->guard, netns, name)) {
			ztc_guard_way(&net->guard, family, proto, port, &guard);
			stricter(&way, &guard);
		}
		keep_worse(ret, &way, !seen);
		seen = true;
	}
	return seen;
}

bool ztc_listener_takes(const json_t *listener, int family)
{
	if (ztc_net_number(listener, "family") == family)
		return true;
	return family == 4 && strcmp(zt_json_text(listener, "address"), "::") == 0 &&
	       !json_is_true(json_object_get(listener, "v6only"));
}

const char *ztc_segment_wide(const json_t *prefixes, json_int_t netns, int family,
			     const struct ztc_spans *peers)
{
	const json_t *row;
	size_t i;

	json_array_foreach (json_object_get(prefixes, "on_link"), i, row) {
		const char *text = zt_json_text(row, "prefix");
		zt_auto(ztc_spans_free) struct ztc_spans segment = {0};
		struct ztc_span span;

		if (ztc_net_number(row, "netns") != netns ||
		    ztc_prefix_parse(text, &span) != family ||
		    span.hi - span.lo + 1 < SEGMENT_LEAST)
			continue;
		ztc_spans_add(&segment, span.lo, span.hi);
		if (ztc_spans_covers(peers, &segment))
			return text;
	}
	return NULL;
}

void ztc_listener_text(const json_t *listener, char *ret, size_t size)
{
	const char *address = zt_json_text(listener, "address");
	bool v6 = strchr(address, ':');

	snprintf(ret, size, "%.8s/%s%.64s%s:%lld", zt_json_text(listener, "proto"), v6 ? "[" : "",
		 address, v6 ? "]" : "", ztc_net_number(listener, "port"));
}

bool ztc_listener_outside(const json_t *listener)
{
	return strcmp(zt_json_text(listener, "reach"), "loopback") != 0;
}
