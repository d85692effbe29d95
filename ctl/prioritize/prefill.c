// SPDX-License-Identifier: Apache-2.0
/*
 * prefill.c - factors that recorded flows tell of, where nobody has answered.
 *
 * What is measured is marked and has to be confirmed by a person; what a person gave is never
 * touched. Only connections that passed and were answered count: an attempt that was denied is no
 * way in. Flows tell how and whence a system is used, never what it holds or what it means.
 */
#include <errno.h>
#include <string.h>
#include <strings.h>

#include "base/addr.h"
#include "base/cleanup.h"
#include "base/file.h"
#include "base/json.h"
#include "ctl/map/map.h"
#include "ctl/prioritize/prioritize.h"

#define SSH_PORT 22

/* Ports on which machines are administered: ssh, RDP, VNC, WinRM. */
static bool is_admin_port(const struct ztc_map_edge *edge)
{
	return strcmp(edge->proto, "tcp") == 0 &&
	       (edge->port == SSH_PORT || edge->port == 3389 || edge->port == 5985 ||
		edge->port == 5986 || (edge->port >= 5900 && edge->port <= 5910));
}

/* Whether an address belongs to the Internet: no special purpose (RFC 6890, RFC 6598, RFC 4193). */
static bool is_public(const struct zt_addr *addr)
{
	static const char *const special[] = {
		"0.0.0.0/8",	 "10.0.0.0/8",	    "100.64.0.0/10",
		"127.0.0.0/8",	 "169.254.0.0/16",  "172.16.0.0/12",
		"192.0.0.0/24",	 "192.0.2.0/24",    "192.168.0.0/16",
		"198.18.0.0/15", "198.51.100.0/24", "203.0.113.0/24",
		"224.0.0.0/4",	 "240.0.0.0/4",	    "::/8",
		"fc00::/7",	 "fe80::/10",	    "ff00::/8",
		"100::/64",	 "2001:db8::/32",
	};

	for (size_t i = 0; i < ARRAY_SIZE(special); i++) {
		struct zt_net_key net;
		unsigned int bits, whole;
		bool same;

		if (zt_net_parse(special[i], &net) < 0 || zt_net_is_v4(&net) != zt_addr_is_v4(addr))
			continue;
		bits = net.prefixlen;
		whole = bits / 8;
		same = memcmp(&net.bytes, addr, whole) == 0;
		if (same && bits % 8) {
			const uint8_t *a = (const uint8_t *)&net.bytes, *b = (const uint8_t *)addr;
			const uint8_t mask = (uint8_t)(0xff << (8 - bits % 8));

			same = (a[whole] & mask) == (b[whole] & mask);
		}
		if (same)
			return false;
	}
	return true;
}

/* --- what labels and segments of a node say --- */

static bool has_word(const char *text, const char *word)
{
	const size_t len = strlen(word);

	for (; *text; text++) {
		const char *end = text + len;

		if (strncasecmp(text, word, len) == 0 && (!*end || strchr("-_.:/ ", *end)))
			return true;
		text += strcspn(text, "-_.:/ ");
		if (!*text)
			break;
	}
	return false;
}

/* Any of @words, as a part of a segment's name or of a label's value. */
static bool is_called(const struct ztc_map_node *node, const char *const *words)
{
	const char *key;
	json_t *item;
	size_t i;

	for (; *words; words++) {
		json_array_foreach (node->segments, i, item)
			if (json_is_string(item) && has_word(json_string_value(item), *words))
				return true;
		json_object_foreach (node->labels, key, item)
			if (json_is_string(item) && has_word(json_string_value(item), *words))
				return true;
	}
	return false;
}

static const char *const vpn_words[] = {"vpn", "wireguard", "ipsec", "private-line", NULL};
static const char *const cloud_words[] = {"cloud", "hosting", "aws", "azure", "gcp", NULL};
static const char *const dmz_words[] = {"dmz", NULL};
static const char *const public_words[] = {"public", NULL};
static const char *const inner_words[] = {"internal", "inner", "intranet", NULL};

static int connection_level(const struct ztc_map_node *src)
{
	if (is_called(src, vpn_words))
		return 2;
	return src->has_addr && is_public(&src->addr) ? 3 : 1;
}

static int location_level(const struct ztc_map_node *node)
{
	if (is_called(node, cloud_words) || is_called(node, inner_words))
		return 3;
	if (is_called(node, dmz_words))
		return 2;
	return is_called(node, public_words) ? 1 : 0;
}

/* --- systems --- */

static bool is_host(const struct ztc_system *system, const struct ztc_map_node *node)
{
	char addr[ZT_ADDR_TEXT_LEN] = "";

	if (node->has_addr)
		zt_addr_text(&node->addr, addr);
	for (size_t i = 0; i < system->host_count; i++) {
		const char *host = system->hosts[i];

		if ((node->host && strcmp(host, node->host) == 0) ||
		    (node->name && strcmp(host, node->name) == 0) ||
		    (node->has_addr && strcmp(host, addr) == 0))
			return true;
	}
	return false;
}

/* The larger of what is measured; what was given stays. */
static int suggest(struct ztc_inventory *inv, struct ztc_level *into, int level, const char *why)
{
	if (!level || (into->level && !into->measured))
		return 0;
	into->count++;
	if (level <= into->level)
		return 0;
	into->level = (uint8_t)level;
	into->measured = true;
	into->why = zt_arena_text(inv->arena, why, strlen(why));
	return into->why ? 0 : -ENOMEM;
}

static const char *node_name(const struct ztc_map_node *node)
{
	return node->host ? node->host : node->name ? node->name : node->id;
}

static bool passed(const struct ztc_map_edge *edge)
{
	const uint64_t failed =
		edge->health.known ? edge->health.refused + edge->health.unanswered : 0;

	return !edge->verdict[0].deny && edge->connections > failed;
}

static int prefill_edge(struct ztc_inventory *inv, struct ztc_system *system,
			const struct ztc_map *map, const struct ztc_map_edge *edge)
{
	const struct ztc_map_node *src = &map->nodes[edge->src], *dst = &map->nodes[edge->dst];
	zt_auto(zt_strbuf_free) struct zt_strbuf why = ZT_STRBUF_INIT;
	int r;

	if (!passed(edge) || !is_host(system, dst) || is_host(system, src) ||
	    (src->has_addr && zt_addr_is_loopback(&src->addr)))
		return 0;
	zt_strbuf_printf(&why, "%s -> %s %s/%u, %llu connections", node_name(src), node_name(dst),
			 edge->proto, edge->port, (unsigned long long)edge->connections);
	r = suggest(inv, &system->risk[ZTC_RISK_CONNECTION], connection_level(src),
		    zt_strbuf_text(&why));
	if (r == 0 && is_admin_port(edge))
		r = suggest(inv, &system->risk[ZTC_RISK_PRIVILEGE], 3, zt_strbuf_text(&why));
	return r;
}

static int prefill_system(struct ztc_inventory *inv, struct ztc_system *system,
			  const struct ztc_map *map)
{
	int r = 0;

	for (size_t i = 0; i < map->node_count && r == 0; i++) {
		zt_auto(zt_strbuf_free) struct zt_strbuf why = ZT_STRBUF_INIT;

		if (!is_host(system, &map->nodes[i]))
			continue;
		zt_strbuf_printf(&why, "labels of %s", node_name(&map->nodes[i]));
		r = suggest(inv, &system->risk[ZTC_RISK_LOCATION], location_level(&map->nodes[i]),
			    zt_strbuf_text(&why));
	}
	for (size_t i = 0; i < map->edge_count && r == 0; i++)
		r = prefill_edge(inv, system, map, &map->edges[i]);
	return r;
}

int ztc_prefill(struct ztc_inventory *inv, const struct ztc_map *map)
{
	int r = 0;

	for (size_t i = 0; i < inv->count && r == 0; i++)
		if (inv->systems[i]->host_count && !inv->systems[i]->other_method)
			r = prefill_system(inv, inv->systems[i], map);
	return r;
}

/* --- this machine --- */

/* Vendors that clouds write into the firmware tables of their guests. */
static const char *cloud_vendor(const char *vendor)
{
	static const char *const vendors[] = {
		"Amazon EC2",  "Google",	"Microsoft Corporation",
		"OpenStack",   "Alibaba Cloud", "DigitalOcean",
		"OracleCloud", "Hetzner",	NULL};

	for (const char *const *v = vendors; *v; v++)
		if (strncasecmp(vendor, *v, strlen(*v)) == 0)
			return *v;
	return NULL;
}

/* A hypervisor of Microsoft's stands in many cellars: only Azure's chassis tag tells. */
static bool is_azure(const char *root)
{
	static const char azure[] = "7783-7084-3265-9085-8269-3286-77";
	zt_auto(zt_freep) char *path = NULL, *text = NULL;
	size_t len;

	return asprintf(&path, "%s/sys/class/dmi/id/chassis_asset_tag", root) >= 0 &&
	       zt_file_read(path, 4096, &text, &len, NULL) == 0 &&
	       strncmp(text, azure, strlen(azure)) == 0;
}

int ztc_prefill_machine(struct ztc_inventory *inv, const char *host, const char *root)
{
	zt_auto(zt_freep) char *path = NULL, *text = NULL;
	zt_auto(zt_strbuf_free) struct zt_strbuf why = ZT_STRBUF_INIT;
	const char *vendor;
	size_t len;
	int r = 0;

	if (asprintf(&path, "%s/sys/class/dmi/id/sys_vendor", root) < 0) {
		path = NULL;
		return -ENOMEM;
	}
	if (zt_file_read(path, 4096, &text, &len, NULL) < 0)
		return 0;
	vendor = cloud_vendor(text);
	if (!vendor || (strncasecmp(vendor, "Microsoft", 9) == 0 && !is_azure(root)))
		return 0;
	zt_strbuf_printf(&why, "DMI sys_vendor of %s: %s", host, vendor);
	for (size_t i = 0; i < inv->count && r == 0; i++) {
		struct ztc_system *system = inv->systems[i];

		for (size_t j = 0; j < system->host_count && r == 0; j++)
			if (strcmp(system->hosts[j], host) == 0)
				r = suggest(inv, &system->risk[ZTC_RISK_LOCATION], 3,
					    zt_strbuf_text(&why));
	}
	return r;
}
