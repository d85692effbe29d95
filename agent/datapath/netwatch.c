// SPDX-License-Identifier: Apache-2.0
/*
 * netwatch.c - interfaces and addresses, followed through rtnetlink on the event loop.
 *
 * Messages are read attribute by attribute and not through libnl's caches: a
 * notification carries the counters of its moment, which caches drop, and an
 * interface must have our programs on it within milliseconds.
 */
#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <net/if_arp.h>
#include <linux/if_addr.h>
#include <linux/if_link.h>
#include <linux/netconf.h>
#include <linux/rtnetlink.h>
#include <netlink/msg.h>
#include <netlink/netlink.h>
#include <systemd/sd-event.h>

#include "base/cleanup.h"
#include "base/time.h"
#include "datapath/netwatch.h"

#define WATCH_BUFFER (4 << 20) /* bytes; an overrun is noticed and the state read again */

struct zt_iface *zt_netwatch_iface(struct zt_dp *dp, uint32_t ifindex)
{
	for (size_t i = 0; i < dp->iface_count; i++)
		if (dp->ifaces[i].ifindex == ifindex)
			return &dp->ifaces[i];
	return NULL;
}

/* --- links ------------------------------------------------------------------------ */

static uint64_t packets_of(struct nlattr *attr)
{
	struct rtnl_link_stats64 stats = {};

	if (!attr)
		return 0;
	memcpy(&stats, nla_data(attr),
	       (size_t)nla_len(attr) < sizeof(stats) ? (size_t)nla_len(attr) : sizeof(stats));
	return stats.rx_packets + stats.tx_packets;
}

static void read_linkinfo(struct nlattr *attr, struct zt_iface *iface)
{
	struct nlattr *info[IFLA_INFO_MAX + 1];

	if (!attr || nla_parse_nested(info, IFLA_INFO_MAX, attr, NULL) < 0)
		return;
	if (info[IFLA_INFO_KIND])
		iface->vlan = !strcmp(nla_get_string(info[IFLA_INFO_KIND]), "vlan");
	/* A VRF does not take its members' packets away from them: they are judged there. */
	if (info[IFLA_INFO_SLAVE_KIND] &&
	    !strcmp(nla_get_string(info[IFLA_INFO_SLAVE_KIND]), "vrf"))
		iface->slave = false;
}

static void read_link(struct nlattr **attr, const struct ifinfomsg *msg, struct zt_iface *iface)
{
	struct nlattr *xdp[IFLA_XDP_MAX + 1];

	iface->type = msg->ifi_type;
	iface->up = msg->ifi_flags & IFF_UP;
	iface->seen = true;
	if (attr[IFLA_IFNAME])
		nla_strlcpy(iface->name, attr[IFLA_IFNAME], sizeof(iface->name));
	iface->slave = attr[IFLA_MASTER] && nla_get_u32(attr[IFLA_MASTER]);
	iface->vlan = false;
	read_linkinfo(attr[IFLA_LINKINFO], iface);
	iface->lower = 0;
	if (attr[IFLA_LINK] && !attr[IFLA_LINK_NETNSID])
		iface->lower = nla_get_u32(attr[IFLA_LINK]);
	iface->xdp_id = 0;
	if (attr[IFLA_XDP] && nla_parse_nested(xdp, IFLA_XDP_MAX, attr[IFLA_XDP], NULL) >= 0 &&
	    xdp[IFLA_XDP_PROG_ID])
		iface->xdp_id = nla_get_u32(xdp[IFLA_XDP_PROG_ID]);
}

static struct zt_iface *add_iface(struct zt_dp *dp, uint32_t ifindex)
{
	struct zt_iface *iface, *grown;

	if (dp->iface_count >= ZT_IFACES_MAX)
		return NULL;
	if (!(dp->iface_count & (dp->iface_count - 1))) {
		size_t cap = dp->iface_count ? dp->iface_count * 2 : 1;

		grown = realloc(dp->ifaces, cap * sizeof(*grown));
		if (!grown)
			return NULL;
		dp->ifaces = grown;
	}
	iface = &dp->ifaces[dp->iface_count++];
	memset(iface, 0, sizeof(*iface));
	iface->ifindex = ifindex;
	iface->link_fd[0] = iface->link_fd[1] = -1;
	iface->state = ZT_IFACE_DOWN;
	return iface;
}

static void remove_iface(struct zt_dp *dp, struct zt_iface *iface)
{
	size_t at = (size_t)(iface - dp->ifaces);

	/* Also for a device that left for another namespace: there it is not ours to judge. */
	zt_iface_detach(dp, iface);
	zt_locals_forget(dp, iface->ifindex);
	zt_netwatch_mark(dp, iface->ifindex, false);
	memmove(iface, iface + 1, (dp->iface_count - at - 1) * sizeof(*iface));
	dp->iface_count--;
}

static void on_link(struct zt_dp *dp, struct nlmsghdr *head)
{
	struct nlattr *attr[IFLA_MAX + 1];
	struct ifinfomsg *msg = nlmsg_data(head);
	struct zt_iface *iface;

	/* Bridges send messages of their own family about their ports. */
	if (nlmsg_parse(head, sizeof(*msg), attr, IFLA_MAX, NULL) < 0 ||
	    msg->ifi_family != AF_UNSPEC || (msg->ifi_flags & IFF_LOOPBACK))
		return;
	iface = zt_netwatch_iface(dp, (uint32_t)msg->ifi_index);
	if (head->nlmsg_type == RTM_DELLINK) {
		if (iface)
			remove_iface(dp, iface);
		return;
	}
	if (!iface) {
		iface = add_iface(dp, (uint32_t)msg->ifi_index);
		if (!iface) {
			zt_alarm(dp, ZT_ALARM_ATTACH_FAILED, "more than %d interfaces",
				 ZT_IFACES_MAX);
			return;
		}
		/* What a device carried before it came here was not ours to judge. */
		iface->baseline = packets_of(attr[IFLA_STATS64]);
	}
	read_link(attr, msg, iface);
}

/* --- addresses ---------------------------------------------------------------------- */

static void to_addr(struct nlattr *attr, int family, struct zt_addr *ret)
{
	static const uint8_t mapped[12] = {[10] = 0xff, [11] = 0xff};

	memset(ret, 0, sizeof(*ret));
	if (family == AF_INET6 && nla_len(attr) >= 16) {
		memcpy(ret->bytes, nla_data(attr), 16);
	} else if (nla_len(attr) >= 4) {
		memcpy(ret->bytes, mapped, 12);
		memcpy(ret->bytes + 12, nla_data(attr), 4);
	}
}

static void on_addr(struct zt_dp *dp, struct nlmsghdr *head)
{
	struct nlattr *attr[IFA_MAX + 1], *own;
	struct ifaddrmsg *msg = nlmsg_data(head);
	struct zt_local local = {.seen = true};

	if (nlmsg_parse(head, sizeof(*msg), attr, IFA_MAX, NULL) < 0 ||
	    (msg->ifa_family != AF_INET && msg->ifa_family != AF_INET6))
		return;
	/* With a peer, IFA_ADDRESS is the other end. */
	own = attr[IFA_LOCAL] ? attr[IFA_LOCAL] : attr[IFA_ADDRESS];
	if (!own)
		return;
	to_addr(own, msg->ifa_family, &local.addr);
	local.ifindex = msg->ifa_index;
	local.prefixlen = msg->ifa_prefixlen;
	local.v4 = msg->ifa_family == AF_INET;
	if (attr[IFA_BROADCAST] && local.v4)
		to_addr(attr[IFA_BROADCAST], AF_INET, &local.broadcast);
	if (head->nlmsg_type == RTM_NEWADDR)
		zt_locals_add(dp, &local);
	else
		zt_locals_del(dp, &local);
}

/* --- the socket ------------------------------------------------------------------------ */

static int on_message(struct nl_msg *msg, void *ctx)
{
	struct nlmsghdr *head = nlmsg_hdr(msg);
	struct zt_dp *dp = ctx;

	switch (head->nlmsg_type) {
	case RTM_NEWLINK:
	case RTM_DELLINK:
		on_link(dp, head);
		/* At once, and not when the queue is empty: another device may be waiting. */
		if (dp->started)
			zt_netwatch_judge(dp);
		break;
	case RTM_NEWADDR:
	case RTM_DELADDR:
		on_addr(dp, head);
		break;
	case RTM_NEWNETCONF:
	case RTM_DELNETCONF:
		dp->surround_dirty = true;
		break;
	default:
		break;
	}
	return NL_OK;
}

static void free_sock(struct nl_sock **sock)
{
	if (*sock)
		nl_socket_free(*sock);
	*sock = NULL;
}

static int dump_once(struct zt_dp *dp, int type, void *request, size_t size)
{
	zt_auto(free_sock) struct nl_sock *sock = nl_socket_alloc();
	int r;

	if (!sock)
		return -ENOMEM;
	nl_socket_modify_cb(sock, NL_CB_VALID, NL_CB_CUSTOM, on_message, dp);
	if (nl_connect(sock, NETLINK_ROUTE) < 0)
		return -EIO;
	nl_socket_set_buffer_size(sock, WATCH_BUFFER, 0);
	nl_socket_set_msg_buf_size(sock, 256 * 1024);
	r = nl_send_simple(sock, type, NLM_F_DUMP, request, size);
	if (r >= 0)
		r = nl_recvmsgs_default(sock);
	if (r == -NLE_DUMP_INTR)
		return -EAGAIN;
	return r < 0 ? -EIO : 0;
}

/* The kernel says when the list changed under the dump. 1: it did, every time. */
static int dump(struct zt_dp *dp, int type, void *request, size_t size)
{
	int r = -EAGAIN;

	for (int i = 0; i < 8 && r == -EAGAIN; i++)
		r = dump_once(dp, type, request, size);
	return r == -EAGAIN ? 1 : r;
}

/* Everything again: at start, and when notifications were lost. */
static int read_all(struct zt_dp *dp)
{
	struct ifinfomsg link = {.ifi_family = AF_UNSPEC};
	struct ifaddrmsg addr = {.ifa_family = AF_UNSPEC};
	int r, torn = 0;

	for (size_t i = 0; i < dp->iface_count; i++)
		dp->ifaces[i].seen = false;
	zt_locals_unmark(dp);
	r = dump(dp, RTM_GETLINK, &link, sizeof(link));
	if (r >= 0) {
		torn = r;
		r = dump(dp, RTM_GETADDR, &addr, sizeof(addr));
	}
	if (r < 0)
		return r;
	/* A torn list proves no absence; what goes away says so in the news. */
	if (torn || r)
		return 0;
	for (size_t i = dp->iface_count; i-- > 0;)
		if (!dp->ifaces[i].seen)
			remove_iface(dp, &dp->ifaces[i]);
	zt_locals_sweep(dp);
	return 0;
}

/* What a batch of messages changed, handed on once. */
static void hand_on(struct zt_dp *dp)
{
	bool changed = dp->addrs_dirty;

	if (dp->addrs_dirty)
		zt_locals_publish(dp);
	if (dp->surround_dirty && zt_surround_refresh(dp))
		changed = true;
	dp->addrs_dirty = dp->surround_dirty = false;
	if (changed && dp->cfg.on_env)
		dp->cfg.on_env(dp->cfg.ctx);
}

static int on_readable(sd_event_source *source, int fd, uint32_t events, void *ctx)
{
	struct pollfd more = {.fd = fd, .events = POLLIN};
	struct zt_dp *dp = ctx;
	int r;

	(void)source;
	(void)events;
	do {
		r = nl_recvmsgs_default(dp->watch);
		if (r == -NLE_NOMEM) { /* the kernel had to drop notifications */
			read_all(dp);
			zt_netwatch_judge(dp);
		}
	} while (poll(&more, 1, 0) > 0 && !dp->detached);
	hand_on(dp);
	return 0;
}

static int open_watch(struct zt_dp *dp)
{
	static const int groups[] = {RTNLGRP_LINK, RTNLGRP_IPV4_IFADDR, RTNLGRP_IPV6_IFADDR,
				     RTNLGRP_IPV4_NETCONF, RTNLGRP_IPV6_NETCONF};

	dp->watch = nl_socket_alloc();
	if (!dp->watch)
		return -ENOMEM;
	nl_socket_disable_seq_check(dp->watch);
	nl_socket_modify_cb(dp->watch, NL_CB_VALID, NL_CB_CUSTOM, on_message, dp);
	if (nl_connect(dp->watch, NETLINK_ROUTE) < 0)
		return -EIO;
	nl_socket_set_buffer_size(dp->watch, WATCH_BUFFER, 0);
	nl_socket_set_msg_buf_size(dp->watch, 256 * 1024);
	for (size_t i = 0; i < ARRAY_SIZE(groups); i++)
		if (nl_socket_add_memberships(dp->watch, groups[i], 0) < 0)
			return -EIO;
	return nl_socket_set_nonblocking(dp->watch) < 0 ? -EIO : 0;
}

int zt_netwatch_open(struct zt_dp *dp)
{
	int r;

	/* Subscribed before the dump: what changes in between is seen twice, not missed. */
	r = open_watch(dp);
	if (r == 0)
		r = read_all(dp);
	if (r < 0)
		return r;
	zt_surround_refresh(dp);
	r = zt_locals_publish(dp);
	dp->addrs_dirty = false;
	return r;
}

int zt_netwatch_start(struct zt_dp *dp, char *err)
{
	int r;

	zt_netwatch_judge(dp);
	for (size_t i = 0; i < dp->iface_count; i++) {
		struct zt_iface *iface = &dp->ifaces[i];

		if (iface->state == ZT_IFACE_FAILED && iface->error != -ENODEV &&
		    iface->error != -EOPNOTSUPP)
			return zt_dp_err(err, iface->error,
					 "cannot attach to interface %s (%s): leave it out with "
					 "--interface, or see ztctl doctor",
					 iface->name, strerror(-iface->error));
	}
	r = sd_event_add_io(dp->cfg.event, &dp->watch_source, nl_socket_get_fd(dp->watch), EPOLLIN,
			    on_readable, dp);
	if (r < 0)
		return zt_dp_err(err, r, "cannot watch rtnetlink: %s", strerror(-r));
	/* A device that appears must not wait behind a long queue of events. */
	sd_event_source_set_priority(dp->watch_source, SD_EVENT_PRIORITY_IMPORTANT);
	return 0;
}

void zt_netwatch_close(struct zt_dp *dp)
{
	sd_event_source_disable_unref(dp->watch_source);
	dp->watch_source = NULL;
	free_sock(&dp->watch);
	for (size_t i = 0; i < dp->iface_count; i++) {
		zt_close(&dp->ifaces[i].link_fd[0]);
		zt_close(&dp->ifaces[i].link_fd[1]);
	}
	free(dp->ifaces);
	dp->ifaces = NULL;
	dp->iface_count = 0;
	zt_locals_clear(dp);
}
