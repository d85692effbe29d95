// SPDX-License-Identifier: Apache-2.0
/* logs_cipher.c - whether the connections of forwarders are encrypted, by what was seen of them. */
#include <ifaddrs.h>
#include <limits.h>
#include <netinet/in.h>
#include <string.h>

#include "base/addr.h"
#include "base/cleanup.h"
#include "base/json.h"
#include "ctl/client.h"
#include "ctl/collect/logs_forward.h"

#define FLOWS_MAX 2000 /* to one port */
#define PORTS_MAX 16

static json_int_t num(const json_t *object, const char *key)
{
	return json_integer_value(json_object_get(object, key));
}

/* --- the agent's flows ---------------------------------------------------------------------- */

static bool same_flow(const json_t *flow, const json_t *target)
{
	const json_t *src = json_object_get(flow, "src"), *dst = json_object_get(flow, "dst");

	return strcmp(zt_json_text(src, "address"), zt_json_text(target, "local")) == 0 &&
	       num(src, "port") == num(target, "local_port") &&
	       strcmp(zt_json_text(dst, "address"), zt_json_text(target, "remote")) == 0;
}

static void note_flow(const json_t *flows, json_t *target)
{
	const json_t *flow;
	size_t i;

	json_array_foreach (flows, i, flow) {
		if (!same_flow(flow, target) || json_is_true(json_object_get(flow, "ended")))
			continue;
		json_object_set_new(target, "seen", zt_json_str(zt_json_text(flow, "encryption")));
		json_object_set_new(target, "seen_protocol",
				    zt_json_str(zt_json_text(flow, "protocol")));
		return;
	}
}

/* One question per port: several targets may share it. Returns false when nobody answers. */
static bool ask_port(const struct ztc_env *env, json_t *targets, json_int_t port)
{
	struct ztc_ctx ctx = {.socket = env->socket};
	zt_auto(zt_json_decref) json_t *result = NULL;
	zt_auto(zt_freep) char *why = NULL;
	json_t *target;
	size_t i;

	if (ztc_try(&ctx, "flows",
		    json_pack("{s:I, s:s, s:i}", "port", port, "proto", "tcp", "limit", FLOWS_MAX),
		    &result, &why) != ZTC_EXIT_OK)
		return false;
	json_array_foreach (targets, i, target) {
		if (num(target, "port") == port && *zt_json_text(target, "local"))
			note_flow(json_object_get(result, "flows"), target);
	}
	return true;
}

static void ask_agent(const struct ztc_env *env, json_t *targets)
{
	json_int_t asked[PORTS_MAX];
	size_t count = 0, i;
	json_t *target;

	json_array_foreach (targets, i, target) {
		json_int_t port = num(target, "port");
		bool known = !*zt_json_text(target, "local") || count == PORTS_MAX;

		for (size_t n = 0; n < count; n++)
			known |= asked[n] == port;
		if (known)
			continue;
		asked[count++] = port;
		if (!ask_port(env, targets, port))
			return;
	}
}

/* --- the way there -------------------------------------------------------------------------- */

static bool is_wireguard(const struct ztc_env *env, const char *interface)
{
	zt_auto(zt_fclosep) FILE *in = NULL;
	char path[128], line[64];

	snprintf(path, sizeof(path), "/sys/class/net/%s/uevent", interface);
	in = ztc_collect_open(env, path);
	while (in && fgets(line, sizeof(line), in)) {
		if (strcmp(line, "DEVTYPE=wireguard\n") == 0)
			return true;
	}
	return false;
}

static bool holds(const struct ifaddrs *entry, const struct zt_addr *want)
{
	struct zt_addr addr;

	if (!entry->ifa_addr)
		return false;
	if (entry->ifa_addr->sa_family == AF_INET)
		zt_addr_from_v4(&addr, &((const struct sockaddr_in *)entry->ifa_addr)->sin_addr);
	else if (entry->ifa_addr->sa_family == AF_INET6)
		memcpy(&addr, &((const struct sockaddr_in6 *)entry->ifa_addr)->sin6_addr,
		       sizeof(addr));
	else
		return false;
	return memcmp(&addr, want, sizeof(addr)) == 0;
}

/* A connection that leaves by an address of a WireGuard interface goes through it. */
static void note_carrier(const struct ztc_env *env, const struct ifaddrs *list, json_t *target)
{
	struct zt_addr local;

	if (zt_addr_parse(zt_json_text(target, "local"), &local) < 0)
		return;
	for (const struct ifaddrs *entry = list; entry; entry = entry->ifa_next) {
		if (!holds(entry, &local))
			continue;
		json_object_set_new(target, "interface", zt_json_str(entry->ifa_name));
		if (is_wireguard(env, entry->ifa_name))
			json_object_set_new(target, "carrier", json_string("wireguard"));
	}
}

void ztc_targets_encryption(const struct ztc_env *env, json_t *targets)
{
	struct ifaddrs *list = NULL;
	json_t *target;
	size_t i;

	ask_agent(env, targets);
	if (getifaddrs(&list) < 0)
		return;
	json_array_foreach (targets, i, target)
		note_carrier(env, list, target);
	freeifaddrs(list);
}
