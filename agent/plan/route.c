// SPDX-License-Identifier: Apache-2.0
/*
 * route.c - whether this namespace has a way to an address, and from which of its own.
 */
#include <errno.h>
#include <netinet/in.h>
#include <string.h>
#include <linux/rtnetlink.h>
#include <netlink/attr.h>
#include <netlink/msg.h>
#include <netlink/netlink.h>

#include "base/addr.h"
#include "base/cleanup.h"
#include "plan/route.h"

struct answer {
	struct zt_addr source;
	bool found;
};

static int on_route(struct nl_msg *msg, void *data)
{
	struct answer *answer = data;
	struct nlmsghdr *header = nlmsg_hdr(msg);
	struct rtmsg *route = nlmsg_data(header);
	struct nlattr *source;

	if (header->nlmsg_type != RTM_NEWROUTE || nlmsg_datalen(header) < (int)sizeof(*route))
		return NL_SKIP;
	source = nlmsg_find_attr(header, sizeof(*route), RTA_PREFSRC);
	if (!source || (route->rtm_type != RTN_UNICAST && route->rtm_type != RTN_LOCAL))
		return NL_OK;
	if (route->rtm_family == AF_INET && nla_len(source) == 4)
		zt_addr_from_v4(&answer->source, nla_data(source));
	else if (route->rtm_family == AF_INET6 && nla_len(source) == 16)
		memcpy(answer->source.bytes, nla_data(source), 16);
	else
		return NL_OK;
	answer->found = true;
	return NL_OK;
}

static struct nl_msg *question(const struct zt_addr *far)
{
	bool v4 = zt_addr_is_v4(far);
	struct rtmsg route = {
		.rtm_family = v4 ? AF_INET : AF_INET6,
		.rtm_dst_len = v4 ? 32 : 128,
	};
	struct nl_msg *msg = nlmsg_alloc_simple(RTM_GETROUTE, 0);

	if (msg && nlmsg_append(msg, &route, sizeof(route), NLMSG_ALIGNTO) == 0 &&
	    nla_put(msg, RTA_DST, v4 ? 4 : 16, far->bytes + (v4 ? 12 : 0)) == 0)
		return msg;
	nlmsg_free(msg);
	return NULL;
}

int zt_route_source(const struct zt_addr *far, struct zt_addr *ret)
{
	struct nl_sock *sock = nl_socket_alloc();
	struct nl_msg *msg = question(far);
	struct answer answer = {.found = false};
	int r = sock && msg ? 0 : -ENOMEM;

	if (r == 0 && nl_connect(sock, NETLINK_ROUTE) < 0)
		r = -EIO;
	if (r == 0) {
		nl_socket_modify_cb(sock, NL_CB_VALID, NL_CB_CUSTOM, on_route, &answer);
		nl_socket_disable_auto_ack(sock);
		/* One answer: the route, or an error when there is none. */
		r = nl_send_auto(sock, msg) < 0 ? -EIO : 0;
		if (r == 0 && (nl_recvmsgs_default(sock) < 0 || !answer.found))
			r = -ENETUNREACH;
	}
	nlmsg_free(msg);
	nl_socket_free(sock);
	if (r == 0)
		*ret = answer.source;
	return r;
}
