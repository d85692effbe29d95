/* SPDX-License-Identifier: Apache-2.0 */
/*
 * net_uplinks.c - what the host's network hangs on: cables of its ways out, and name servers.
 *
 * {links: [{interface (of a default route), cables: [{name, up}]}], resolvers: [{address, file,
 *  reachable: true|false|null}], resolvers_why?}
 * A cable is the interface itself or, of a bond, team or bridge, each port. A name server counts as
 * reachable when the kernel has a route to it whose next hop it knows the hardware address of, or
 * needs none; nothing is sent. null: the next hop was not asked for yet.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <linux/neighbour.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <netlink/attr.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/json.h"
#include "ctl/collect/net.h"
#include "ctl/collect/spans.h"
#include "ctl/doctor/doctor.h"
#include "ctl/doctor/links.h"

#define RESOLVERS_MAX 16

/* The next hop of a destination, as the kernel would choose it. */
struct hop {
	int family;
	uint8_t address[16];
	uint32_t ifindex;
	bool local, needless; /* to ourselves; a link without hardware addresses */
};

static size_t address_len(int family)
{
	return family == AF_INET ? 4 : 16;
}

static int ask_route(int family, const uint8_t *address, char *buf, size_t size)
{
	struct {
		struct nlmsghdr head;
		struct rtmsg body;
		struct rtattr attr;
		uint8_t dst[16];
	} request = {.head = {.nlmsg_type = RTM_GETROUTE, .nlmsg_flags = NLM_F_REQUEST},
		     .body = {.rtm_family = (uint8_t)family},
		     .attr = {.rta_type = RTA_DST}};
	zt_auto(zt_close) int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE);
	size_t len = address_len(family);
	const struct nlmsghdr *msg = (const struct nlmsghdr *)buf;
	ssize_t got;

	request.body.rtm_dst_len = (uint8_t)(len * 8);
	request.attr.rta_len = (uint16_t)RTA_LENGTH(len);
	memcpy(request.dst, address, len);
	request.head.nlmsg_len = (uint32_t)(NLMSG_LENGTH(sizeof(request.body)) + RTA_SPACE(len));
	if (fd < 0 || send(fd, &request, request.head.nlmsg_len, 0) < 0)
		return -errno;
	got = recv(fd, buf, size, 0);
	if (got < 0)
		return -errno;
	if (!NLMSG_OK(msg, got) || msg->nlmsg_type != RTM_NEWROUTE)
		return -ENETUNREACH;
	return 0;
}

static int find_hop(int family, const uint8_t *address, struct hop *ret)
{
	char buf[8192];
	const struct nlmsghdr *msg = (const struct nlmsghdr *)buf;
	const struct rtmsg *route = NLMSG_DATA(msg);
	const struct nlattr *gateway, *oif;
	int r = ask_route(family, address, buf, sizeof(buf));

	if (r < 0)
		return r;
	*ret = (struct hop){.family = family, .local = route->rtm_type == RTN_LOCAL};
	memcpy(ret->address, address, address_len(family));
	if (route->rtm_type != RTN_LOCAL && route->rtm_type != RTN_UNICAST)
		return -ENETUNREACH;
	gateway = ztc_netlink_attr(msg, sizeof(*route), RTA_GATEWAY);
	if (gateway && (size_t)nla_len(gateway) >= address_len(family))
		memcpy(ret->address, nla_data(gateway), address_len(family));
	oif = ztc_netlink_attr(msg, sizeof(*route), RTA_OIF);
	if (oif && nla_len(oif) >= (int)sizeof(ret->ifindex))
		ret->ifindex = nla_get_u32(oif);
	return 0;
}

struct neighbour_search {
	const struct hop *hop;
	bool found, known;
};

static void take_neighbour(const struct nlmsghdr *msg, void *data)
{
	struct neighbour_search *search = data;
	const struct ndmsg *m = NLMSG_DATA(msg);
	const struct nlattr *dst = ztc_netlink_attr(msg, sizeof(*m), NDA_DST);

	if (msg->nlmsg_type != RTM_NEWNEIGH || m->ndm_family != search->hop->family ||
	    (uint32_t)m->ndm_ifindex != search->hop->ifindex || !dst ||
	    (size_t)nla_len(dst) < address_len(m->ndm_family) ||
	    memcmp(nla_data(dst), search->hop->address, address_len(m->ndm_family)) != 0)
		return;
	search->found = true;
	search->known = m->ndm_state & (NUD_REACHABLE | NUD_STALE | NUD_DELAY | NUD_PROBE |
					NUD_PERMANENT | NUD_NOARP);
}

static json_t *reachable(const char *text, const struct ztc_link *links, size_t count)
{
	struct {
		struct nlmsghdr head;
		struct ndmsg body;
	} request = {.head = {.nlmsg_len = sizeof(request), .nlmsg_type = RTM_GETNEIGH}};
	int family = strchr(text, ':') ? AF_INET6 : AF_INET;
	struct neighbour_search search = {0};
	uint8_t address[16];
	struct hop hop;

	if (inet_pton(family, text, address) != 1 || find_hop(family, address, &hop) < 0)
		return json_false();
	for (size_t i = 0; i < count; i++)
		hop.needless |= links[i].ifindex == hop.ifindex && !links[i].ethernet;
	if (hop.local || hop.needless)
		return json_true();
	search.hop = &hop;
	if (ztc_netlink_dump(NETLINK_ROUTE, &request.head, take_neighbour, &search) < 0 ||
	    !search.found)
		return json_null();
	return json_boolean(search.known);
}

static void read_resolvers(const struct ztc_env *env, const char *path, json_t *list,
			   const struct ztc_link *links, size_t count)
{
	zt_auto(zt_fclosep) FILE *in = ztc_collect_open(env, path);
	char line[512], address[64];

	while (in && fgets(line, sizeof(line), in) && json_array_size(list) < RESOLVERS_MAX) {
		ztc_u128 value;

		if (sscanf(line, " nameserver %63s", address) != 1)
			continue;
		address[strcspn(address, "%")] = '\0'; /* the zone of a link-local one */
		if (!ztc_address_parse(address, &value))
			continue;
		json_array_append_new(list,
				      json_pack("{s:s,s:s,s:o}", "address", address, "file", path,
						"reachable", reachable(address, links, count)));
	}
}

/* A stub on this host asks those of the other file. */
static bool only_stub(const json_t *list)
{
	const json_t *row;
	size_t i;

	json_array_foreach (list, i, row) {
		if (strncmp(json_string_value(json_object_get(row, "address")), "127.", 4) != 0)
			return false;
	}
	return true;
}

static void tell_resolvers(const struct ztc_env *env, json_t *data, const struct ztc_link *links,
			   size_t count)
{
	json_t *list = json_array();

	read_resolvers(env, "/etc/resolv.conf", list, links, count);
	if (only_stub(list)) {
		json_array_clear(list);
		read_resolvers(env, "/run/systemd/resolve/resolv.conf", list, links, count);
		if (!json_array_size(list))
			json_object_set_new(
				data, "resolvers_why",
				json_string("a stub on this host; whom it asks is not known"));
	}
	json_object_set_new(data, "resolvers", list);
}

static const struct ztc_link *find_link(const struct ztc_link *links, size_t count,
					const char *name)
{
	for (size_t i = 0; i < count; i++) {
		if (strcmp(links[i].name, name) == 0)
			return &links[i];
	}
	return NULL;
}

static void add_cable(json_t *cables, const struct ztc_link *link)
{
	json_array_append_new(cables, json_pack("{s:o,s:b}", "name", zt_json_str(link->name), "up",
						link->up && ztc_link_carrier(link->name)));
}

/* Ports of a bond, else of what is below a VLAN, else itself. */
static void cables_of(json_t *cables, const struct ztc_link *link, const struct ztc_link *links,
		      size_t count, int depth)
{
	bool ports = false;

	for (size_t i = 0; i < count; i++) {
		if (links[i].master == link->ifindex && strcmp(link->kind, "bridge") != 0) {
			add_cable(cables, &links[i]);
			ports = true;
		}
	}
	for (size_t i = 0; !ports && depth < 4 && i < count; i++) {
		if (strcmp(link->kind, "vlan") == 0 && links[i].ifindex == link->lower) {
			cables_of(cables, &links[i], links, count, depth + 1);
			ports = true;
		}
	}
	if (!ports)
		add_cable(cables, link);
}

static void tell_links(const struct ztc_env *env, json_t *data, const struct ztc_link *links,
		       size_t count)
{
	const json_t *prefixes = json_object_get(json_object_get(env->facts, "prefixes"), "data");
	json_t *list = json_array(), *seen = json_object();
	const json_t *row;
	size_t i;

	json_array_foreach (json_object_get(prefixes, "defaults"), i, row) {
		const char *name = json_string_value(json_object_get(row, "interface"));
		const struct ztc_link *link = name ? find_link(links, count, name) : NULL;
		json_t *cables;

		if (!link || json_object_get(seen, name))
			continue;
		json_object_set_new(seen, name, json_true());
		cables = json_array();
		cables_of(cables, link, links, count, 0);
		json_array_append_new(list, json_pack("{s:o,s:o}", "interface", zt_json_str(name),
						      "cables", cables));
	}
	json_decref(seen);
	json_object_set_new(data, "links", list);
}

int ztc_net_uplinks(const struct ztc_env *env, json_t *data)
{
	zt_auto(zt_freep) struct ztc_link *links = NULL;
	size_t count = 0;
	int r = ztc_links(&links, &count);

	if (r < 0)
		return r;
	tell_links(env, data, links, count);
	tell_resolvers(env, data, links, count);
	return 0;
}
