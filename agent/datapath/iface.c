// SPDX-License-Identifier: Apache-2.0
/*
 * iface.c - which devices are judged, and where: decided anew at every piece of news.
 */
#include <errno.h>
#include <string.h>
#include <time.h>
#include <linux/if_link.h>
#include <net/if_arp.h>
#include <linux/rtnetlink.h>
#include <netlink/msg.h>
#include <netlink/netlink.h>
#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include "base/cleanup.h"
#include "datapath/netwatch.h"
#include "ztseg.skel.h"

uint64_t zt_netwatch_clock_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000000000ULL + (uint64_t)ts.tv_nsec;
}

void zt_netwatch_mark(struct zt_dp *dp, uint32_t ifindex, bool judged)
{
	int fd = bpf_map__fd(dp->skel->maps.zt_ifaces);
	__u32 one = 1;

	if (judged)
		bpf_map_update_elem(fd, &ifindex, &one, BPF_ANY);
	else
		bpf_map_delete_elem(fd, &ifindex);
}

/* --- counters of one device ---------------------------------------------------------- */

static int on_stats(struct nl_msg *msg, void *ctx)
{
	struct nlmsghdr *head = nlmsg_hdr(msg);
	struct rtnl_link_stats64 stats = {};
	struct nlattr *attr[IFLA_MAX + 1];
	struct zt_carried *carried = ctx;

	if (nlmsg_parse(head, sizeof(struct ifinfomsg), attr, IFLA_MAX, NULL) < 0 ||
	    !attr[IFLA_STATS64])
		return NL_OK;
	nla_memcpy(&stats, attr[IFLA_STATS64], sizeof(stats));
	carried->packets = stats.rx_packets + stats.tx_packets;
	carried->bytes = stats.rx_bytes + stats.tx_bytes;
	return NL_OK;
}

static void free_sock(struct nl_sock **sock)
{
	if (*sock)
		nl_socket_free(*sock);
	*sock = NULL;
}

int zt_netwatch_carried(uint32_t ifindex, struct zt_carried *ret)
{
	zt_auto(free_sock) struct nl_sock *sock = nl_socket_alloc();
	struct ifinfomsg link = {.ifi_family = AF_UNSPEC, .ifi_index = (int)ifindex};
	int r;

	if (!sock)
		return -ENOMEM;
	nl_socket_modify_cb(sock, NL_CB_VALID, NL_CB_CUSTOM, on_stats, ret);
	if (nl_connect(sock, NETLINK_ROUTE) < 0)
		return -EIO;
	r = nl_send_simple(sock, RTM_GETLINK, 0, &link, sizeof(link));
	if (r >= 0)
		r = nl_recvmsgs_default(sock);
	return r < 0 ? -EIO : 0;
}

/* --- decisions ------------------------------------------------------------------------- */

static bool left_out(const struct zt_dp *dp, const struct zt_iface *iface)
{
	for (size_t i = 0; i < dp->only_count; i++)
		if (!strcmp(dp->only[i], iface->name))
			return false;
	return dp->only_count > 0;
}

/* 0 = Ethernet frames, 1 = no link-layer header, -EOPNOTSUPP = another header. */
static int layer_of(unsigned short type)
{
	switch (type) {
	case ARPHRD_ETHER:
	case ARPHRD_LOOPBACK:
		return 0;
	case ARPHRD_NONE:
	case ARPHRD_PPP:
	case ARPHRD_RAWIP:
	case ARPHRD_TUNNEL:
	case ARPHRD_TUNNEL6:
	case ARPHRD_SIT:
	case ARPHRD_IPGRE:
	case 823: /* ARPHRD_IP6GRE, absent from net/if_arp.h */
	case ARPHRD_VOID:
		return 1;
	default:
		return -EOPNOTSUPP;
	}
}

/* A VLAN whose frames pass a guarded device of this namespace is judged there. */
static bool is_covered(struct zt_dp *dp, const struct zt_iface *iface)
{
	/* VLANs stack; the depth is bounded by the kernel, and here against loops. */
	for (int depth = 0; depth < 8 && iface && iface->vlan && iface->lower; depth++) {
		iface = zt_netwatch_iface(dp, iface->lower);
		if (iface && iface->state == ZT_IFACE_GUARDED)
			return true;
	}
	return false;
}

static enum zt_iface_state wanted_state(struct zt_dp *dp, const struct zt_iface *iface)
{
	if (left_out(dp, iface))
		return ZT_IFACE_LEFT_OUT;
	if (iface->slave)
		return ZT_IFACE_SLAVE;
	if (!iface->up)
		return ZT_IFACE_DOWN;
	if (is_covered(dp, iface))
		return ZT_IFACE_COVERED;
	return ZT_IFACE_GUARDED;
}

static void attach_now(struct zt_dp *dp, struct zt_iface *iface)
{
	bool first = !iface->attached_ns, took_over;
	int layer = layer_of(iface->type), r;
	struct zt_carried carried = {0};

	iface->l3 = layer == 1;
	took_over = !dp->started && dp->taken_over && zt_iface_has_pins(dp, iface->ifindex);
	r = layer < 0 ? layer : zt_iface_attach(dp, iface);
	iface->error = r < 0 ? r : 0;
	iface->state = r < 0 ? ZT_IFACE_FAILED : ZT_IFACE_GUARDED;
	zt_netwatch_mark(dp, iface->ifindex, r >= 0);
	if (r < 0) {
		zt_alarm(dp, ZT_ALARM_ATTACH_FAILED, "%s: %s", iface->name, strerror(-r));
		return;
	}
	if (!first)
		return;
	iface->bytes_before = UINT64_MAX;
	/* Read after attaching, so that the number is never too small. */
	if (took_over || zt_netwatch_carried(iface->ifindex, &carried) < 0)
		return;
	iface->bytes_before = carried.bytes;
	if (carried.packets > iface->baseline)
		iface->unjudged = carried.packets - iface->baseline;
	if (iface->news_ns)
		iface->attach_took_ns = zt_netwatch_clock_ns() - iface->news_ns;
}

static void settle(struct zt_dp *dp, struct zt_iface *iface)
{
	enum zt_iface_state wanted = wanted_state(dp, iface);

	if (wanted == ZT_IFACE_GUARDED) {
		if (dp->started && !iface->news_ns)
			iface->news_ns = zt_netwatch_clock_ns();
		if (iface->state == ZT_IFACE_GUARDED && iface->attached_ns)
			return;
		attach_now(dp, iface);
		return;
	}
	/* A device that goes down keeps its programs: they are there when it comes up again. */
	if (wanted == ZT_IFACE_DOWN && iface->attached_ns)
		return;
	if (iface->attached_ns)
		zt_iface_detach(dp, iface);
	iface->state = wanted;
	zt_netwatch_mark(dp, iface->ifindex, wanted == ZT_IFACE_COVERED);
}

void zt_netwatch_judge(struct zt_dp *dp)
{
	/* Lower devices first: what they are decides about the VLANs above them. */
	for (size_t i = 0; i < dp->iface_count; i++)
		if (!dp->ifaces[i].vlan)
			settle(dp, &dp->ifaces[i]);
	for (size_t i = 0; i < dp->iface_count; i++)
		if (dp->ifaces[i].vlan)
			settle(dp, &dp->ifaces[i]);
}
