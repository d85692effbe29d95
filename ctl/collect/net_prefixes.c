/* SPDX-License-Identifier: Apache-2.0 */
/*
 * net_prefixes.c - interfaces, their addresses, what is on the same link, the ways out.
 *
 * {on_link: [{interface, family, prefix, netns, neighbours}], interfaces: [{name, type, up,
 * loopback, carrier?, master?, addresses: [..], netns, ipv6 (is it on there)}], defaults: [{family,
 * gateway?, interface, metric, reachable?, netns}], namespaces, cut?} A neighbour is one that the
 * kernel has a hardware address of now. reachable: its state; null = the kernel has not asked yet.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <linux/neighbour.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <netlink/attr.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/json.h"
#include "ctl/collect/net.h"
#include "ctl/collect/netns.h"
#include "ctl/collect/spans.h"
#include "ctl/doctor/doctor.h"
#include "ctl/doctor/links.h"

#define ROWS_MAX 4096 /* of each kind; a router's full table is not on-link */

struct dump {
	json_t *data;
	uint64_t netns;
};

static size_t address_len(int family)
{
	return family == AF_INET ? 4 : 16;
}

static uint32_t number(const struct nlmsghdr *msg, size_t body, int type)
{
	const struct nlattr *a = ztc_netlink_attr(msg, body, type);

	return a && nla_len(a) >= (int)sizeof(uint32_t) ? nla_get_u32(a) : 0;
}

/* Text of an address attribute; false when it is not there. */
static bool address(const struct nlmsghdr *msg, size_t body, int type, int family,
		    char ret[INET6_ADDRSTRLEN])
{
	const struct nlattr *a = ztc_netlink_attr(msg, body, type);

	return a && (size_t)nla_len(a) >= address_len(family) &&
	       inet_ntop(family, nla_data(a), ret, INET6_ADDRSTRLEN);
}

static json_t *rows(struct dump *dump, const char *name)
{
	json_t *list = json_object_get(dump->data, name);

	if (json_array_size(list) < ROWS_MAX)
		return list;
	json_object_set_new(dump->data, "cut", json_true());
	return NULL;
}

static json_t *find_interface(const struct dump *dump, const char *name)
{
	json_t *row;
	size_t i;

	json_array_foreach (json_object_get(dump->data, "interfaces"), i, row) {
		if (json_integer_value(json_object_get(row, "netns")) == (json_int_t)dump->netns &&
		    strcmp(json_string_value(json_object_get(row, "name")), name) == 0)
			return row;
	}
	return NULL;
}

static void take_address(const struct nlmsghdr *msg, void *data)
{
	const struct ifaddrmsg *m = NLMSG_DATA(msg);
	char text[INET6_ADDRSTRLEN], net[INET6_ADDRSTRLEN + 8], name[IF_NAMESIZE] = "";
	struct dump *dump = data;
	json_t *row;

	if (msg->nlmsg_type != RTM_NEWADDR || !if_indextoname(m->ifa_index, name))
		return;
	/* On a point-to-point link IFA_ADDRESS is the other end's. */
	if (!address(msg, sizeof(*m), IFA_LOCAL, m->ifa_family, text) &&
	    !address(msg, sizeof(*m), IFA_ADDRESS, m->ifa_family, text))
		return;
	row = find_interface(dump, name);
	snprintf(net, sizeof(net), "%s/%u", text, m->ifa_prefixlen);
	if (row)
		json_array_append_new(json_object_get(row, "addresses"), json_string(net));
}

static void take_on_link(struct dump *dump, const struct rtmsg *m, const char *dst,
			 const char *interface)
{
	json_t *list = rows(dump, "on_link"), *row;
	char net[INET6_ADDRSTRLEN + 8];

	if (!list)
		return;
	snprintf(net, sizeof(net), "%s/%u", dst, m->rtm_dst_len);
	row = json_object();
	json_object_set_new(row, "interface", zt_json_str(interface));
	json_object_set_new(row, "family", json_integer(m->rtm_family == AF_INET ? 4 : 6));
	json_object_set_new(row, "prefix", json_string(net));
	json_object_set_new(row, "netns", json_integer((json_int_t)dump->netns));
	json_object_set_new(row, "neighbours", json_integer(0));
	json_array_append_new(list, row);
}

static void take_default(struct dump *dump, const struct rtmsg *m, const char *gateway,
			 const char *interface, uint32_t metric)
{
	json_t *list = rows(dump, "defaults"), *row;

	if (!list)
		return;
	row = json_object();
	json_object_set_new(row, "family", json_integer(m->rtm_family == AF_INET ? 4 : 6));
	if (gateway)
		json_object_set_new(row, "gateway", json_string(gateway));
	json_object_set_new(row, "interface", zt_json_str(interface));
	json_object_set_new(row, "metric", json_integer(metric));
	json_object_set_new(row, "netns", json_integer((json_int_t)dump->netns));
	json_array_append_new(list, row);
}

/* Several next hops of one default route are as many ways out. */
static void take_hops(struct dump *dump, const struct nlmsghdr *msg, const struct rtmsg *m)
{
	const struct nlattr *hops = ztc_netlink_attr(msg, sizeof(*m), RTA_MULTIPATH);
	const struct rtnexthop *hop = nla_data(hops);
	size_t left = (size_t)nla_len(hops);

	while (left >= sizeof(*hop) && hop->rtnh_len >= sizeof(*hop) &&
	       (size_t)hop->rtnh_len <= left) {
		int len = hop->rtnh_len - (int)sizeof(*hop);
		char name[IF_NAMESIZE] = "", text[INET6_ADDRSTRLEN];
		const char *gateway = NULL;

		for (const struct rtattr *a = RTNH_DATA(hop); RTA_OK(a, len);
		     a = RTA_NEXT(a, len)) {
			if (a->rta_type == RTA_GATEWAY &&
			    RTA_PAYLOAD(a) >= address_len(m->rtm_family))
				gateway = inet_ntop(m->rtm_family, RTA_DATA(a), text, sizeof(text));
		}
		if (!(hop->rtnh_flags & (RTNH_F_DEAD | RTNH_F_LINKDOWN)) &&
		    if_indextoname((unsigned int)hop->rtnh_ifindex, name))
			take_default(dump, m, gateway, name, number(msg, sizeof(*m), RTA_PRIORITY));
		if ((size_t)RTNH_ALIGN(hop->rtnh_len) >= left)
			break;
		left -= (size_t)RTNH_ALIGN(hop->rtnh_len);
		hop = RTNH_NEXT(hop);
	}
}

static void take_route(const struct nlmsghdr *msg, void *data)
{
	const struct rtmsg *m = NLMSG_DATA(msg);
	char dst[INET6_ADDRSTRLEN], gateway[INET6_ADDRSTRLEN], name[IF_NAMESIZE] = "";
	uint32_t oif = number(msg, sizeof(*m), RTA_OIF);
	bool via = address(msg, sizeof(*m), RTA_GATEWAY, m->rtm_family, gateway);

	if (msg->nlmsg_type != RTM_NEWROUTE || m->rtm_type != RTN_UNICAST ||
	    number(msg, sizeof(*m), RTA_TABLE) != RT_TABLE_MAIN ||
	    m->rtm_flags & (RTM_F_CLONED | RTNH_F_DEAD | RTNH_F_LINKDOWN))
		return;
	if (m->rtm_dst_len == 0 && ztc_netlink_attr(msg, sizeof(*m), RTA_MULTIPATH)) {
		take_hops(data, msg, m);
		return;
	}
	if (!oif || !if_indextoname(oif, name) || strcmp(name, "lo") == 0)
		return;
	if (m->rtm_dst_len == 0)
		take_default(data, m, via ? gateway : NULL, name,
			     number(msg, sizeof(*m), RTA_PRIORITY));
	else if (!via && !ztc_netlink_attr(msg, sizeof(*m), RTA_VIA) &&
		 address(msg, sizeof(*m), RTA_DST, m->rtm_family, dst))
		take_on_link(data, m, dst, name);
}

static void take_neighbour(const struct nlmsghdr *msg, void *data)
{
	const struct ndmsg *m = NLMSG_DATA(msg);
	struct dump *dump = data;
	char name[IF_NAMESIZE] = "", text[INET6_ADDRSTRLEN];
	bool known =
		m->ndm_state & (NUD_REACHABLE | NUD_STALE | NUD_DELAY | NUD_PROBE | NUD_PERMANENT);
	int family = m->ndm_family == AF_INET ? 4 : 6;
	struct ztc_span span;
	ztc_u128 value;
	json_t *row;
	size_t i;

	if (msg->nlmsg_type != RTM_NEWNEIGH ||
	    (m->ndm_family != AF_INET && m->ndm_family != AF_INET6) || m->ndm_state & NUD_NOARP ||
	    !address(msg, sizeof(*m), NDA_DST, m->ndm_family, text) ||
	    !if_indextoname((unsigned int)m->ndm_ifindex, name))
		return;
	ztc_address_parse(text, &value);
	json_array_foreach (json_object_get(dump->data, "on_link"), i, row) {
		json_t *count = json_object_get(row, "neighbours");

		if (known &&
		    json_integer_value(json_object_get(row, "netns")) == (json_int_t)dump->netns &&
		    strcmp(zt_json_text(row, "interface"), name) == 0 &&
		    ztc_prefix_parse(zt_json_text(row, "prefix"), &span) == family &&
		    span.lo <= value && value <= span.hi)
			json_integer_set(count, json_integer_value(count) + 1);
	}
	json_array_foreach (json_object_get(dump->data, "defaults"), i, row) {
		if (strcmp(zt_json_text(row, "gateway"), text) == 0 &&
		    strcmp(zt_json_text(row, "interface"), name) == 0)
			json_object_set_new(row, "reachable", json_boolean(known));
	}
}

static int list_interfaces(struct dump *dump, bool own)
{
	zt_auto(zt_freep) struct ztc_link *links = NULL;
	char master[IF_NAMESIZE];
	json_t *list, *row;
	size_t count = 0;
	int r = ztc_links(&links, &count);

	for (size_t i = 0; r == 0 && i < count && (list = rows(dump, "interfaces")); i++) {
		row = json_object();
		json_object_set_new(row, "name", zt_json_str(links[i].name));
		json_object_set_new(row, "type",
				    json_string(links[i].kind[0]    ? links[i].kind
						: links[i].loopback ? "loopback"
						: links[i].ethernet ? "ethernet"
								    : "other"));
		json_object_set_new(row, "up", json_boolean(links[i].up));
		json_object_set_new(row, "loopback", json_boolean(links[i].loopback));
		if (own) /* /sys shows the namespace that it was mounted in */
			json_object_set_new(row, "carrier",
					    json_boolean(ztc_link_carrier(links[i].name)));
		if (links[i].master && if_indextoname(links[i].master, master))
			json_object_set_new(row, "master", zt_json_str(master));
		json_object_set_new(row, "addresses", json_array());
		json_object_set_new(row, "ipv6", json_boolean(ztc_link_ipv6(links[i].name)));
		json_object_set_new(row, "netns", json_integer((json_int_t)dump->netns));
		json_array_append_new(list, row);
	}
	return r;
}

static int in_namespace(const struct ztc_netns *ns, json_t *data)
{
	struct {
		struct nlmsghdr head;
		union {
			struct ifaddrmsg address;
			struct rtmsg route;
			struct ndmsg neighbour;
		} body;
	} request;
	static const struct {
		uint16_t type;
		size_t size;
		void (*each)(const struct nlmsghdr *msg, void *data);
	} dumps[] = {{RTM_GETADDR, sizeof(struct ifaddrmsg), take_address},
		     {RTM_GETROUTE, sizeof(struct rtmsg), take_route},
		     {RTM_GETNEIGH, sizeof(struct ndmsg), take_neighbour}};
	struct dump dump = {.data = data, .netns = ns->inode};
	int r = list_interfaces(&dump, ns->own);

	for (size_t i = 0; r == 0 && i < ARRAY_SIZE(dumps); i++) {
		memset(&request, 0, sizeof(request));
		request.head.nlmsg_len = (uint32_t)NLMSG_LENGTH(dumps[i].size);
		request.head.nlmsg_type = dumps[i].type;
		r = ztc_netlink_dump(NETLINK_ROUTE, &request.head, dumps[i].each, &dump);
	}
	return r;
}

int ztc_net_prefixes(const struct ztc_env *env, json_t *data)
{
	json_t *namespaces = json_array();
	bool complete = true;

	json_object_set_new(data, "interfaces", json_array());
	json_object_set_new(data, "on_link", json_array());
	json_object_set_new(data, "defaults", json_array());
	json_object_set_new(data, "namespaces", namespaces);
	return ztc_netns_each(env, in_namespace, data, namespaces, &complete);
}
