// SPDX-License-Identifier: Apache-2.0
/* crypto_paths.c - addresses against tunnels and sensitive paths; errs to "not carried". */
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>

#include "base/cleanup.h"
#include "ctl/checks/crypto.h"
#include "ctl/checks/crypto_paths.h"

/* REJECT_AFTER_TIME: no packet goes through an older session (WireGuard's paper, 6.1). */
#define WIREGUARD_SESSION_S 180
#define TEXT_LEN	    128

int ztc_path_parse(const char *text, struct ztc_path *ret)
{
	char buf[TEXT_LEN], *save = NULL;
	const char *why;

	*ret = (struct ztc_path){0};
	if (!text || strlen(text) >= sizeof(buf))
		return -EINVAL;
	snprintf(buf, sizeof(buf), "%s", text);
	for (char *part = strtok_r(buf, " ", &save); part; part = strtok_r(NULL, " ", &save)) {
		if (!ret->has_net && zt_net_parse(part, &ret->net) == 0)
			ret->has_net = true;
		else if (!ret->has_ports && zt_port_parse(part, &ret->ports, &why) == 0)
			ret->has_ports = true;
		else
			return -EINVAL;
	}
	return ret->has_net || ret->has_ports ? 0 : -EINVAL;
}

static bool net_has(const struct zt_net_key *net, const json_t *edge, const char *key)
{
	struct zt_addr addr;

	return zt_addr_parse(ztc_member(edge, key), &addr) == 0 && zt_net_contains(net, &addr);
}

bool ztc_path_matches(const struct ztc_path *path, const json_t *edge)
{
	struct zt_port_range service;
	const char *why;

	if (path->has_net && !net_has(&path->net, edge, "src") && !net_has(&path->net, edge, "dst"))
		return false;
	if (!path->has_ports)
		return true;
	return zt_port_parse(ztc_member(edge, "service"), &service, &why) == 0 &&
	       service.first >= path->ports.first && service.first <= path->ports.last;
}

/* --- IPsec --- */

/* Everything that the policy lets pass is inside ESP. */
static bool protects(const json_t *policy)
{
	const json_t *templates = json_object_get(policy, "templates"), *each;
	bool esp = false;
	size_t i;

	if (ztc_is(policy, "action", "block"))
		return true;
	json_array_foreach (templates, i, each) {
		if (!ztc_is(each, "level", "required"))
			return false;
		esp = esp || ztc_is(each, "proto", "esp");
	}
	return esp;
}

/* A service lies at either end: a selector that names a port is taken for it at the end it names.
 */
static bool covers_ports(const json_t *policy, const struct ztc_path *path)
{
	int64_t proto = ztc_number(policy, "protocol");
	int64_t ports[] = {ztc_number(policy, "source_port"),
			   ztc_number(policy, "destination_port")};
	uint8_t want_proto;
	uint16_t want_port;

	if (!proto && !ports[0] && !ports[1])
		return true;
	if (!path->has_ports || path->ports.first != path->ports.last)
		return false;
	zt_port_proto(path->ports.first, &want_proto, &want_port);
	return proto == want_proto && (!ports[0] || ports[0] == want_port) &&
	       (!ports[1] || ports[1] == want_port);
}

static bool covers_net(const json_t *policy, const char *key, const struct zt_net_key *net)
{
	struct zt_net_key have;

	return zt_net_parse(ztc_member(policy, key), &have) == 0 && zt_net_covers(&have, net);
}

static bool required_one(const struct ztc_path *path, const struct zt_net_key *net,
			 const json_t *tunnels)
{
	const json_t *policies = json_object_get(json_object_get(tunnels, "xfrm"), "policies"),
		     *each;
	bool in = false, out = false;
	size_t i;

	json_array_foreach (policies, i, each) {
		if (!protects(each) || !covers_ports(each, path))
			continue;
		if (ztc_is(each, "direction", "out") && covers_net(each, "destination", net))
			out = true;
		if (ztc_is(each, "direction", "in") && covers_net(each, "source", net))
			in = true;
	}
	return in && out;
}

bool ztc_path_required(const struct ztc_path *path, const json_t *tunnels)
{
	struct zt_net_key all4, all6;

	if (path->has_net)
		return required_one(path, &path->net, tunnels);
	return zt_net_parse("0.0.0.0/0", &all4) == 0 && zt_net_parse("::/0", &all6) == 0 &&
	       required_one(path, &all4, tunnels) && required_one(path, &all6, tunnels);
}

/* --- WireGuard --- */

bool ztc_peer_alive(const json_t *peer, int64_t now_s, int64_t limit_s)
{
	int64_t at = ztc_number(peer, "handshake_s");

	return at > 0 && now_s - at <= limit_s;
}

static bool is_own(const struct zt_addr *addr, const json_t *prefixes)
{
	const json_t *interface, *text;
	size_t i, j;

	json_array_foreach (json_object_get(prefixes, "interfaces"), i, interface) {
		json_array_foreach (json_object_get(interface, "addresses"), j, text) {
			char buf[TEXT_LEN];
			struct zt_addr own;

			snprintf(buf, sizeof(buf), "%s",
				 json_string_value(text) ? json_string_value(text) : "");
			buf[strcspn(buf, "/")] = '\0';
			if (zt_addr_parse(buf, &own) == 0 && memcmp(&own, addr, sizeof(own)) == 0)
				return true;
		}
	}
	return false;
}

/* The interface of the longest route that is not the default one; NULL = none, "" = several. */
static const char *route_of(const struct zt_addr *addr, const json_t *routes)
{
	const char *found = NULL;
	uint32_t longest = 0;
	const json_t *each;
	size_t i;

	json_array_foreach (routes, i, each) {
		const char *by = ztc_member(each, "interface");
		struct zt_net_key net;

		if (zt_net_parse(ztc_member(each, "prefix"), &net) < 0 ||
		    !zt_net_contains(&net, addr))
			continue;
		if (net.prefixlen <= (zt_net_is_v4(&net) ? 96 : 0) || net.prefixlen < longest)
			continue;
		found = net.prefixlen == longest && found && strcmp(found, by) != 0 ? "" : by;
		longest = net.prefixlen;
	}
	return found;
}

static bool peer_takes(const json_t *peer, const struct zt_addr *addr, bool everything)
{
	const json_t *each;
	size_t i;

	json_array_foreach (json_object_get(peer, "allowed"), i, each) {
		struct zt_net_key net;

		if (zt_net_parse(json_string_value(each) ? json_string_value(each) : "", &net) <
			    0 ||
		    !zt_net_contains(&net, addr))
			continue;
		if (!everything || net.prefixlen <= (zt_net_is_v4(&net) ? 96 : 0))
			return true;
	}
	return false;
}

static bool in_wireguard(const struct zt_addr *addr, const json_t *tunnels, int64_t now_s)
{
	const json_t *devices = json_object_get(json_object_get(tunnels, "wireguard"), "devices");
	const json_t *routes = json_object_get(tunnels, "routes"), *device, *peer;
	const char *by = route_of(addr, routes);
	size_t i, j;

	if (!json_array_size(routes))
		return false;
	json_array_foreach (devices, i, device) {
		if (by && !ztc_is(device, "interface", by))
			continue;
		json_array_foreach (json_object_get(device, "peers"), j, peer) {
			/* Without a route of its own an address goes the default way: that is the
			 * tunnel where a peer takes everything and nothing of it goes outside. */
			if (!by && json_array_size(json_object_get(peer, "outside")))
				continue;
			if (ztc_peer_alive(peer, now_s, WIREGUARD_SESSION_S) &&
			    peer_takes(peer, addr, !by))
				return true;
		}
	}
	return false;
}

bool ztc_edge_carried(const json_t *edge, const json_t *tunnels, const json_t *prefixes,
		      int64_t now_s)
{
	static const char *const ends[] = {"src", "dst"};

	if (!tunnels || !prefixes)
		return false;
	for (size_t i = 0; i < ARRAY_SIZE(ends); i++) {
		struct ztc_path path = {.has_net = true};
		struct zt_addr addr;

		if (zt_addr_parse(ztc_member(edge, ends[i]), &addr) < 0 || is_own(&addr, prefixes))
			continue;
		if (zt_net_parse(ztc_member(edge, ends[i]), &path.net) == 0 &&
		    ztc_path_required(&path, tunnels))
			return true;
		if (in_wireguard(&addr, tunnels, now_s))
			return true;
	}
	return false;
}
