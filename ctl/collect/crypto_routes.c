// SPDX-License-Identifier: Apache-2.0
/* crypto_routes.c - which interface carries what, by rtnetlink (linux/rtnetlink.h). */
#include <arpa/inet.h>
#include <errno.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <netlink/attr.h>
#include <string.h>
#include <sys/socket.h>

#include "base/cleanup.h"
#include "base/json.h"
#include "ctl/collect/crypto.h"
#include "ctl/doctor/doctor.h"

/* The attributes behind a struct rtmsg. Returns false when it is not one. */
static bool attrs_of(const struct nlmsghdr *msg, struct nlattr **tb)
{
	int len = (int)msg->nlmsg_len - (int)NLMSG_LENGTH(sizeof(struct rtmsg));
	char *at = (char *)NLMSG_DATA(msg) + NLMSG_ALIGN(sizeof(struct rtmsg));

	return len >= 0 && nla_parse(tb, RTA_MAX, (struct nlattr *)at, len, NULL) == 0;
}

static void take_answer(const struct nlmsghdr *msg, char *ret)
{
	struct nlattr *tb[RTA_MAX + 1];

	if (attrs_of(msg, tb) && tb[RTA_OIF])
		if_indextoname(nla_get_u32(tb[RTA_OIF]), ret);
}

int ztc_route_interface(int family, const void *address, char *ret)
{
	struct {
		struct nlmsghdr head;
		struct rtmsg rt;
		struct nlattr attr;
		uint8_t address[16];
	} request = {
		.rt = {.rtm_family = (uint8_t)family, .rtm_dst_len = family == AF_INET6 ? 128 : 32},
	};
	size_t size = family == AF_INET6 ? 16 : 4;
	uint8_t buf[4096];
	struct sockaddr_nl kernel = {.nl_family = AF_NETLINK};
	zt_auto(zt_close) int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE);
	const struct nlmsghdr *msg = (const struct nlmsghdr *)buf;
	ssize_t n;

	ret[0] = '\0';
	request.attr =
		(struct nlattr){.nla_type = RTA_DST, .nla_len = (uint16_t)(NLA_HDRLEN + size)};
	memcpy(request.address, address, size);
	request.head = (struct nlmsghdr){
		.nlmsg_len = (uint32_t)(NLMSG_LENGTH(sizeof(request.rt)) + NLA_HDRLEN + size),
		.nlmsg_type = RTM_GETROUTE,
		.nlmsg_flags = NLM_F_REQUEST,
	};
	if (fd < 0 || sendto(fd, &request, request.head.nlmsg_len, 0, (struct sockaddr *)&kernel,
			     sizeof(kernel)) < 0)
		return -errno;
	n = recv(fd, buf, sizeof(buf), 0);
	if (n < (ssize_t)sizeof(*msg) || msg->nlmsg_len > (size_t)n)
		return -EIO;
	if (msg->nlmsg_type == RTM_NEWROUTE)
		take_answer(msg, ret);
	return 0;
}

static void take_route(const struct nlmsghdr *msg, void *data)
{
	const struct rtmsg *rt = NLMSG_DATA(msg);
	struct nlattr *tb[RTA_MAX + 1];
	char name[IF_NAMESIZE], text[INET6_ADDRSTRLEN] = "";
	uint8_t zero[16] = {0};
	const void *address = zero;

	if (!attrs_of(msg, tb) || rt->rtm_type != RTN_UNICAST || rt->rtm_table == RT_TABLE_LOCAL ||
	    !tb[RTA_OIF] || !if_indextoname(nla_get_u32(tb[RTA_OIF]), name))
		return;
	if (tb[RTA_DST] && nla_len(tb[RTA_DST]) >= (rt->rtm_family == AF_INET6 ? 16 : 4))
		address = nla_data(tb[RTA_DST]);
	if (json_array_size(data) <= ZTC_ROUTES_MAX &&
	    inet_ntop(rt->rtm_family, address, text, sizeof(text)))
		json_array_append_new(data, json_pack("{s:o, s:s}", "prefix",
						      json_sprintf("%s/%u", text, rt->rtm_dst_len),
						      "interface", name));
}

int ztc_routes(json_t *list)
{
	struct {
		struct nlmsghdr head;
		struct rtmsg rt;
	} request = {.head = {.nlmsg_len = NLMSG_LENGTH(sizeof(request.rt)),
			      .nlmsg_type = RTM_GETROUTE}};
	int r = ztc_netlink_dump(NETLINK_ROUTE, &request.head, take_route, list);

	if (r < 0 || json_array_size(list) > ZTC_ROUTES_MAX)
		json_array_clear(list);
	return r;
}
