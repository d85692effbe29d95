// SPDX-License-Identifier: Apache-2.0
/*
 * agent_sim.c - fact `simulation`: every listener, and an unknown peer of each prefix on the link,
 * asked of the loaded programs through the agent; held against the listeners that we found.
 */
#include <errno.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

#include "base/addr.h"
#include "base/cleanup.h"
#include "base/json.h"
#include "ctl/collect/agent.h"
#include "ctl/collect/agent_policy.h"
#include "ctl/render/text.h"
#include "policy/policy.h"

#define PEERS_MAX 64
#define TRIES	  64 /* addresses of a prefix that are looked at for one that is nobody's */

struct peers {
	struct zt_addr addr[PEERS_MAX];
	struct zt_net_key net[PEERS_MAX];
	size_t count;
	bool cut;
};

static bool is_local(const struct ztc_locals *locals, const struct zt_addr *addr)
{
	for (size_t i = 0; i < locals->count; i++) {
		if (!memcmp(&locals->addrs[i], addr, sizeof(*addr)))
			return true;
	}
	return false;
}

/* Address number @n from the prefix's end, its very last left out: broadcast, anycast. */
static void nth(const struct zt_net_key *net, unsigned int n, struct zt_addr *ret)
{
	uint32_t low;

	memcpy(ret->bytes, net->bytes, sizeof(ret->bytes));
	for (uint32_t bit = net->prefixlen; bit < 128; bit++)
		ret->bytes[bit / 8] |= (uint8_t)(0x80 >> bit % 8);
	memcpy(&low, ret->bytes + 12, sizeof(low));
	low = htonl(ntohl(low) - 1 - n);
	memcpy(ret->bytes + 12, &low, sizeof(low));
}

/* One of the prefix that is neither ours nor in the inventory. */
static bool nobody_of(const struct zt_net_key *net, const struct ztc_policy_now *now,
		      struct zt_addr *ret)
{
	unsigned int room = net->prefixlen > 120 ? 1u << (128 - net->prefixlen) : 256;

	if (room < 4) /* /31 and /32: there is no third on such a link */
		return false;
	for (unsigned int n = 0; n < TRIES && n + 2 < room; n++) {
		nth(net, n, ret);
		if (!is_local(&now->locals, ret) &&
		    !(now->policy && zt_policy_host_at(now->policy, ret)))
			return true;
	}
	return false;
}

static void find_peers(const struct ztc_env *env, const struct ztc_policy_now *now,
		       struct peers *ret, json_t *data)
{
	const json_t *prefixes = ztc_fact_of(env, "prefixes"), *one;
	int64_t own = ztc_int(ztc_fact_of(env, "listeners"), "own_netns");
	json_t *used = json_array();
	size_t i;

	json_array_foreach (json_object_get(prefixes, "on_link"), i, one) {
		char text[ZT_ADDR_TEXT_LEN];
		struct zt_net_key net;
		bool known = false;

		if (ztc_int(one, "netns") != own || zt_net_parse(ztc_str(one, "prefix"), &net) < 0)
			continue;
		for (size_t k = 0; k < ret->count; k++)
			known = known || !memcmp(&ret->net[k], &net, sizeof(net));
		if (known)
			continue;
		if (ret->count == PEERS_MAX) {
			ret->cut = true;
			break;
		}
		if (!nobody_of(&net, now, &ret->addr[ret->count]))
			continue;
		ret->net[ret->count] = net;
		json_array_append_new(used, json_pack("{s:s, s:s}", "prefix",
						      ztc_str(one, "prefix"), "peer",
						      zt_addr_text(&ret->addr[ret->count], text)));
		ret->count++;
	}
	ztc_set(data, "peers", used);
	ztc_set(data, "peers_cut", json_boolean(ret->cut));
}

/* --- answers ------------------------------------------------------------------------------------
 */

static bool is_admin(const struct ztc_env *env, const char *proto, int64_t port)
{
	const json_t *lists = json_object_get(env->profile, "lists");
	uint32_t index = zt_port_index(strcmp(proto, "udp") == 0 ? IPPROTO_UDP : IPPROTO_TCP,
				       (uint16_t)port);

	return zt_json_has_port(json_object_get(lists, "admin_ports"), index);
}

/* Those that got in, by the rule that let them. */
static void add_answers(const json_t *answers, json_t *o, int64_t *allowed)
{
	json_t *by = json_array();
	const json_t *answer;
	size_t i, k;

	json_array_foreach (answers, i, answer) {
		json_t *row, *found = NULL;

		if (strcmp(ztc_str(answer, "action"), "allow") != 0)
			continue;
		++*allowed;
		json_array_foreach (by, k, row) {
			if (strcmp(ztc_str(row, "rule"), ztc_str(answer, "rule")) == 0)
				found = row;
		}
		if (!found) {
			found = json_pack("{s:s, s:s, s:i}", "rule", ztc_str(answer, "rule"),
					  "peer", ztc_str(answer, "peer"), "peers", 0);
			json_array_append_new(by, found);
		}
		ztc_set(found, "peers", json_integer(ztc_int(found, "peers") + 1));
	}
	ztc_set(o, "allowed_by", by);
}

static const json_t *find_asked(const json_t *asked, const json_t *socket)
{
	const json_t *one;
	size_t i;

	json_array_foreach (asked, i, one) {
		if (strcmp(ztc_str(one, "proto"), ztc_str(socket, "proto")) == 0 &&
		    ztc_int(one, "port") == ztc_int(socket, "port") &&
		    strcmp(ztc_str(one, "address"), ztc_str(socket, "address")) == 0)
			return one;
	}
	return NULL;
}

static void resource_of(const json_t *socket, char *ret, size_t size)
{
	bool v6 = strchr(ztc_str(socket, "address"), ':');

	snprintf(ret, size, "%s/%s%.64s%s:%lld", ztc_str(socket, "proto"), v6 ? "[" : "",
		 ztc_str(socket, "address"), v6 ? "]" : "", (long long)ztc_int(socket, "port"));
}

static json_t *listener_json(const struct ztc_env *env, const json_t *socket, const json_t *asked,
			     int64_t own)
{
	json_t *o = json_object();
	char resource[128];
	int64_t allowed = 0;

	resource_of(socket, resource, sizeof(resource));
	ztc_set(o, "resource", zt_json_str(resource));
	ztc_set(o, "netns", json_integer(ztc_int(socket, "netns")));
	ztc_set(o, "own", json_boolean(ztc_int(socket, "netns") == own));
	ztc_set(o, "proto", zt_json_str(ztc_str(socket, "proto")));
	ztc_set(o, "port", json_integer(ztc_int(socket, "port")));
	if (*ztc_str(socket, "unit"))
		ztc_set(o, "owner", zt_json_str(ztc_str(socket, "unit")));
	ztc_set(o, "admin",
		json_boolean(is_admin(env, ztc_str(socket, "proto"), ztc_int(socket, "port"))));
	ztc_set(o, "known", json_boolean(asked != NULL));
	ztc_set(o, "peers",
		json_integer((json_int_t)json_array_size(json_object_get(asked, "answers"))));
	add_answers(json_object_get(asked, "answers"), o, &allowed);
	ztc_set(o, "allowed", json_integer(allowed));
	return o;
}

/* Ours from sock_diag, each with what the agent's programs answered about it. */
static void join(const struct ztc_env *env, const json_t *reply, json_t *data)
{
	const json_t *listeners = ztc_fact_of(env, "listeners"), *socket;
	const json_t *asked = json_object_get(reply, "listeners");
	int64_t own = ztc_int(listeners, "own_netns"), pairs = 0, allowed = 0, unknown = 0;
	int64_t elsewhere = 0;
	json_t *list = json_array();
	size_t i;

	json_array_foreach (json_object_get(listeners, "sockets"), i, socket) {
		const json_t *answer = NULL;
		json_t *o;

		if (strcmp(ztc_str(socket, "reach"), "loopback") == 0)
			continue;
		if (ztc_int(socket, "netns") == own)
			answer = find_asked(asked, socket);
		o = listener_json(env, socket, answer, own);
		pairs += ztc_int(o, "peers");
		allowed += ztc_int(o, "allowed");
		elsewhere += ztc_int(socket, "netns") != own;
		unknown += ztc_int(socket, "netns") == own && !answer;
		json_array_append_new(list, o);
	}
	ztc_set(data, "listeners", list);
	ztc_set(data, "pairs", json_integer(pairs));
	ztc_set(data, "allowed", json_integer(allowed));
	ztc_set(data, "not_asked", json_integer(unknown));
	ztc_set(data, "elsewhere", json_integer(elsewhere));
}

int ztc_collect_simulation(const struct ztc_env *env, json_t *data)
{
	static const char *const copied[] = {"defaults", "default_port", "rows",
					     "probes",	 "differ",	 "left_out"};
	zt_auto(ztc_policy_now_free) struct ztc_policy_now now = {0};
	zt_auto(zt_json_decref) json_t *reply = NULL;
	zt_auto(zt_freep) struct peers *peers = calloc(1, sizeof(*peers));
	json_t *list = json_array();
	char text[ZT_ADDR_TEXT_LEN];
	int r;

	/* Without a policy every address is nobody's. */
	ztc_policy_now(env, &now);
	if (peers)
		find_peers(env, &now, peers, data);
	for (size_t i = 0; peers && i < peers->count; i++)
		json_array_append_new(list, json_string(zt_addr_text(&peers->addr[i], text)));
	r = ztc_agent_ask(env, "simulate", json_pack("{s:o}", "peers", list), &reply, data);
	if (r == -ENOENT)
		ztc_set(data, "why",
			json_string(
				"no agent runs, and the loaded programs can only be asked by it"));
	if (r < 0)
		return r;
	for (size_t i = 0; i < ARRAY_SIZE(copied); i++)
		json_object_set(data, copied[i], json_object_get(reply, copied[i]));
	join(env, reply, data);
	return 0;
}
