/* SPDX-License-Identifier: Apache-2.0 */
/*
 * net_listeners.c - every socket that takes connections or datagrams from outside, and whose it is.
 *
 * Universe: TCP in LISTEN; UDP that is bound, unconnected and outside ip_local_port_range, or the
 * kernel's own (tunnels have no inode). Ephemeral UDP ports are clients' and only counted.
 * {own_netns, sockets: [{proto, family, address, port, v6only, interface?, inode, uid, pid?, comm?,
 *  exe?, unit?, cgroup?, netns, reach}], namespaces: [{inode, pid, name?, own, entered, denied?}],
 *  udp_clients, complete (of what was asked for: our own namespace or all), namespaces_complete,
 *  owners_complete}
 */
#include <arpa/inet.h>
#include <errno.h>
#include <linux/inet_diag.h>
#include <linux/netlink.h>
#include <linux/sock_diag.h>
#include <net/if.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <netlink/attr.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/json.h"
#include "base/vec.h"
#include "ctl/collect/net.h"
#include "ctl/collect/netns.h"
#include "ctl/collect/owner.h"
#include "ctl/doctor/doctor.h"

#define SOCKETS_MAX 20000

/* What one dump of one namespace works with. */
struct dump {
	json_t *sockets;
	uint64_t netns;
	const char *proto;
	unsigned int first, last; /* ephemeral ports */
	unsigned int clients;
	bool cut;
};

static bool is_v6only(const struct nlmsghdr *msg)
{
	const struct nlattr *a =
		ztc_netlink_attr(msg, sizeof(struct inet_diag_msg), INET_DIAG_SKV6ONLY);

	return a && nla_len(a) > 0 && nla_get_u8(a) == 1;
}

/* Who could reach an address, before any filter. */
static const char *reach_of(const struct inet_diag_msg *m, const char *interface)
{
	const struct in6_addr *v6 = (const struct in6_addr *)m->id.idiag_src;

	if (strcmp(interface, "lo") == 0)
		return "loopback";
	if (m->idiag_family == AF_INET)
		return ntohl(m->id.idiag_src[0]) >> 24 == 127	   ? "loopback"
		       : ntohl(m->id.idiag_src[0]) >> 16 == 0xa9fe ? "link"
								   : "any";
	if (IN6_IS_ADDR_V4MAPPED(v6))
		return ntohl(m->id.idiag_src[3]) >> 24 == 127 ? "loopback" : "any";
	return IN6_IS_ADDR_LOOPBACK(v6)	      ? "loopback"
	       : IN6_IS_ADDR_LINKLOCAL(v6)    ? "link"
	       : IN6_IS_ADDR_MC_LINKLOCAL(v6) ? "link"
					      : "any";
}

static void take_socket(const struct nlmsghdr *msg, void *data)
{
	const struct inet_diag_msg *m = NLMSG_DATA(msg);
	struct dump *dump = data;
	char address[INET6_ADDRSTRLEN], interface[IF_NAMESIZE] = "";
	unsigned int port = ntohs(m->id.idiag_sport);
	bool mapped = m->idiag_family == AF_INET6 &&
		      IN6_IS_ADDR_V4MAPPED((const struct in6_addr *)m->id.idiag_src);
	json_t *row;

	if (msg->nlmsg_len < NLMSG_LENGTH(sizeof(*m)) || !port)
		return;
	if (strcmp(dump->proto, "udp") == 0 && m->idiag_inode && port >= dump->first &&
	    port <= dump->last) {
		dump->clients++;
		return;
	}
	if (json_array_size(dump->sockets) >= SOCKETS_MAX) {
		dump->cut = true;
		return;
	}
	if (m->id.idiag_if)
		if_indextoname(m->id.idiag_if, interface);
	if (mapped)
		inet_ntop(AF_INET, &m->id.idiag_src[3], address, sizeof(address));
	else
		inet_ntop(m->idiag_family, m->id.idiag_src, address, sizeof(address));
	row = json_object();
	json_object_set_new(row, "proto", json_string(dump->proto));
	json_object_set_new(row, "family",
			    json_integer(m->idiag_family == AF_INET || mapped ? 4 : 6));
	json_object_set_new(row, "address", json_string(address));
	json_object_set_new(row, "port", json_integer(port));
	json_object_set_new(row, "v6only", json_boolean(is_v6only(msg)));
	if (interface[0])
		json_object_set_new(row, "interface", zt_json_str(interface));
	json_object_set_new(row, "inode", json_integer(m->idiag_inode));
	json_object_set_new(row, "uid", json_integer(m->idiag_uid));
	json_object_set_new(row, "netns", json_integer((json_int_t)dump->netns));
	json_object_set_new(row, "reach", json_string(reach_of(m, interface)));
	json_array_append_new(dump->sockets, row);
}

static int dump_one(struct dump *dump, int family, int protocol)
{
	struct {
		struct nlmsghdr head;
		struct inet_diag_req_v2 body;
	} request = {
		.head = {.nlmsg_len = sizeof(request), .nlmsg_type = SOCK_DIAG_BY_FAMILY},
		.body = {.sdiag_family = (uint8_t)family, .sdiag_protocol = (uint8_t)protocol},
	};

	/* An unconnected UDP socket is in the state that TCP calls CLOSE. */
	request.body.idiag_states = 1U << (protocol == IPPROTO_TCP ? TCP_LISTEN : TCP_CLOSE);
	dump->proto = protocol == IPPROTO_TCP ? "tcp" : "udp";
	return ztc_netlink_dump(NETLINK_SOCK_DIAG, &request.head, take_socket, dump);
}

static void read_range(struct dump *dump)
{
	zt_auto(zt_fclosep) FILE *in = fopen("/proc/sys/net/ipv4/ip_local_port_range", "re");

	if (!in || fscanf(in, "%u %u", &dump->first, &dump->last) != 2) {
		dump->first = 1;
		dump->last = 0; /* nothing is ephemeral: more is counted, not less */
	}
}

static int in_namespace(const struct ztc_netns *ns, json_t *data)
{
	static const struct {
		int family, protocol;
	} kinds[] = {{AF_INET, IPPROTO_TCP},
		     {AF_INET6, IPPROTO_TCP},
		     {AF_INET, IPPROTO_UDP},
		     {AF_INET6, IPPROTO_UDP}};
	struct dump dump = {.sockets = json_object_get(data, "sockets"), .netns = ns->inode};
	int r = 0;

	read_range(&dump);
	for (size_t i = 0; i < ARRAY_SIZE(kinds) && r == 0; i++) {
		r = dump_one(&dump, kinds[i].family, kinds[i].protocol);
		if (r == -ENOENT && kinds[i].family == AF_INET6)
			r = 0; /* no IPv6, no sockets of it */
	}
	dump.clients += (unsigned int)json_integer_value(json_object_get(data, "udp_clients"));
	json_object_set_new(data, "udp_clients", json_integer(dump.clients));
	if (dump.cut)
		json_object_set_new(data, "complete", json_false());
	return r;
}

int ztc_net_listeners(const struct ztc_env *env, json_t *data)
{
	json_t *namespaces = json_array(), *row;
	bool seen = true, complete;
	size_t i;
	int r;

	json_object_set_new(data, "sockets", json_array());
	json_object_set_new(data, "namespaces", namespaces);
	json_object_set_new(data, "complete", json_true());
	r = ztc_netns_each(env, in_namespace, data, namespaces, &seen);
	if (r < 0)
		return r;
	json_object_set(data, "own_netns", json_object_get(json_array_get(namespaces, 0), "inode"));
	complete = seen || !env->all_netns;
	json_array_foreach (namespaces, i, row) {
		if (env->all_netns && !json_is_true(json_object_get(row, "entered")))
			complete = false;
	}
	if (!complete)
		json_object_set_new(data, "complete", json_false());
	json_object_set_new(data, "namespaces_complete", json_boolean(seen));
	return ztc_owners_tell(data);
}
