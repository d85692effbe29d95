// SPDX-License-Identifier: Apache-2.0
/*
 * crypto_tunnels.c - the tunnels of this network namespace, and whether what they are for goes
 * through them.
 *
 * {wireguard: {status, devices: [{interface, by, port?, peers: [{key, endpoint?, handshake_s,
 *  rx_bytes, tx_bytes, moving, allowed: [prefix], outside: [{prefix, interface}]}]}]},
 *  routes: [{prefix, interface}] (of all tables, where there is a WireGuard device),
 *  xfrm: {status, states: [...], policies: [...], stat: {name: count}}, complete}
 */
#include <arpa/inet.h>
#include <errno.h>
#include <net/if.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/cleanup.h"
#include "base/json.h"
#include "ctl/collect/collect.h"
#include "ctl/collect/crypto.h"

#define MOVING_MS 300 /* between two looks at the counters */

static const char *status_of(int r)
{
	if (r == 0)
		return "ok";
	if (r == -EPERM || r == -EACCES)
		return "denied";
	return r == -ENOENT || r == -EPROTONOSUPPORT || r == -EAFNOSUPPORT || r == -ECONNREFUSED
		       ? "absent"
		       : "error";
}

/* The first address of a prefix that is a host's. */
static int address_in(const char *prefix, uint8_t ret[16], int *ret_family)
{
	char text[INET6_ADDRSTRLEN + 8], *slash;
	int bits;

	snprintf(text, sizeof(text), "%s", prefix);
	slash = strchr(text, '/');
	if (!slash)
		return -EINVAL;
	*slash = '\0';
	bits = atoi(slash + 1);
	*ret_family = strchr(text, ':') ? AF_INET6 : AF_INET;
	if (inet_pton(*ret_family, text, ret) != 1)
		return -EINVAL;
	if (bits < (*ret_family == AF_INET6 ? 127 : 31))
		ret[*ret_family == AF_INET6 ? 15 : 3] |= 1;
	return 0;
}

/* Prefixes that the kernel would send by another way than the tunnel. Everything (/0) is asked
 * about by two addresses that nobody has. */
static void find_outside(const char *interface, json_t *peer)
{
	json_t *outside = json_array(), *each;
	size_t i;

	json_array_foreach (json_object_get(peer, "allowed"), i, each) {
		const char *prefix = json_string_value(each);
		char by[IF_NAMESIZE] = "";
		uint8_t address[16];
		int family;

		if (!prefix)
			continue;
		if (strcmp(prefix, "0.0.0.0/0") == 0)
			prefix = "198.51.100.0/24";
		else if (strcmp(prefix, "::/0") == 0)
			prefix = "2001:db8::/32";
		if (address_in(prefix, address, &family) == 0 &&
		    ztc_route_interface(family, address, by) == 0 && *by &&
		    strcmp(by, interface) != 0 && strcmp(by, "lo") != 0)
			json_array_append_new(
				outside, json_pack("{s:O, s:s}", "prefix", each, "interface", by));
	}
	json_object_set_new(peer, "outside", outside);
}

static void find_all_outside(const json_t *devices)
{
	json_t *device, *peer;
	size_t i, j;

	json_array_foreach (devices, i, device) {
		json_array_foreach (json_object_get(device, "peers"), j, peer)
			find_outside(json_string_value(json_object_get(device, "interface")), peer);
	}
}

static json_t *find_peer(const json_t *devices, size_t device, const char *key)
{
	json_t *peers = json_object_get(json_array_get(devices, device), "peers"), *each;
	size_t i;

	json_array_foreach (peers, i, each) {
		const char *known = json_string_value(json_object_get(each, "key"));

		if (known && key && strcmp(known, key) == 0)
			return each;
	}
	return NULL;
}

/* Whether bytes went either way between two looks: an idle peer needs no handshake. */
static void find_moving(const json_t *devices, const json_t *later)
{
	json_t *device, *peer;
	size_t i, j;

	json_array_foreach (devices, i, device) {
		json_array_foreach (json_object_get(device, "peers"), j, peer) {
			const char *key = json_string_value(json_object_get(peer, "key"));
			const json_t *then = find_peer(later, i, key);
			bool same = json_equal(json_object_get(peer, "rx_bytes"),
					       json_object_get(then, "rx_bytes")) &&
				    json_equal(json_object_get(peer, "tx_bytes"),
					       json_object_get(then, "tx_bytes"));

			json_object_set_new(peer, "moving", json_boolean(then && !same));
		}
	}
}

static int read_devices(const struct ztc_env *env, json_t *devices)
{
	int r = ztc_wireguard(devices);

	ztc_wireguard_user(devices, env->root ? env->root : "");
	return r;
}

static void look_again(const struct ztc_env *env, const json_t *devices)
{
	const struct timespec pause = {.tv_nsec = MOVING_MS * 1000000};
	zt_auto(zt_json_decref) json_t *later = json_array();

	nanosleep(&pause, NULL);
	read_devices(env, later);
	find_moving(devices, later);
}

/* /proc/net/xfrm_stat: packets that met no policy or no association. */
static json_t *read_stat(const struct ztc_env *env)
{
	zt_auto(zt_fclosep) FILE *in = ztc_collect_open(env, "/proc/net/xfrm_stat");
	json_t *stat = json_object();
	char line[128], name[64];
	long long count;

	while (in && fgets(line, sizeof(line), in)) {
		if (sscanf(line, "%63s %lld", name, &count) == 2)
			json_object_set_new(stat, name, json_integer(count));
	}
	return stat;
}

int ztc_collect_tunnels(const struct ztc_env *env, json_t *data)
{
	json_t *devices = json_array(), *states = json_array(), *policies = json_array();
	int wg = read_devices(env, devices), xfrm = ztc_xfrm(states, policies);
	bool complete = (wg == 0 || strcmp(status_of(wg), "absent") == 0) &&
			(xfrm == 0 || strcmp(status_of(xfrm), "absent") == 0);

	if (json_array_size(devices)) {
		find_all_outside(devices);
		look_again(env, devices);
		json_object_set_new(data, "routes", json_array());
		ztc_routes(json_object_get(data, "routes"));
	}
	json_object_set_new(data, "wireguard",
			    json_pack("{s:s, s:o}", "status", status_of(wg), "devices", devices));
	json_object_set_new(data, "xfrm",
			    json_pack("{s:s, s:o, s:o, s:o}", "status", status_of(xfrm), "states",
				      states, "policies", policies, "stat", read_stat(env)));
	json_object_set_new(data, "complete", json_boolean(complete));
	if (json_array_size(devices) || json_array_size(states) || json_array_size(policies))
		return 0;
	return wg == -EPERM || xfrm == -EPERM ? -EPERM : 0;
}
