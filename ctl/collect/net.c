/* SPDX-License-Identifier: Apache-2.0 */
/* net.c - the collectors of this family. */
#include "ctl/collect/net.h"

const struct ztc_collector ztc_collect_net[] = {
	{.name = "listeners",
	 .method = "netlink SOCK_DIAG_BY_FAMILY: TCP LISTEN, UDP unconnected; /proc/PID/fd",
	 .needs = "root",
	 .phase = 1,
	 .run = ztc_net_listeners},
	{.name = "prefixes",
	 .method = "netlink RTM_GETLINK, RTM_GETADDR, RTM_GETROUTE, RTM_GETNEIGH",
	 .phase = 1,
	 .run = ztc_net_prefixes},
	{.name = "filter",
	 .method = "nft -j list ruleset, iptables-save of both kinds; every rule followed",
	 .needs = "CAP_NET_ADMIN",
	 .phase = 1,
	 .run = ztc_net_filter},
	{0},
};
