// SPDX-License-Identifier: Apache-2.0
/*
 * neighbours.c - who else sees, changes or hides packets near our hooks: listed, never touched.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <netinet/in.h>
#include <linux/bpf.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>
#include <netlink/msg.h>
#include <netlink/netlink.h>
#include <bpf/bpf.h>

#include "base/cleanup.h"
#include "base/tcfilter.h"
#include "datapath/attach.h"
#include "datapath/surround.h"

#define NEIGHBOURS_MAX 1024

static void add(struct zt_dp *dp, const struct zt_dp_neighbour *n)
{
	struct zt_dp_neighbour *grown;

	if (dp->neighbour_count >= NEIGHBOURS_MAX)
		return;
	if (!(dp->neighbour_count & (dp->neighbour_count - 1))) {
		size_t cap = dp->neighbour_count ? dp->neighbour_count * 2 : 1;

		grown = realloc(dp->neighbours, cap * sizeof(*grown));
		if (!grown)
			return;
		dp->neighbours = grown;
	}
	dp->neighbours[dp->neighbour_count++] = *n;
}

static void prog_name(uint32_t id, char *ret, size_t size)
{
	struct bpf_prog_info info = {};
	zt_auto(zt_close) int fd = bpf_prog_get_fd_by_id(id);
	__u32 len = sizeof(info);

	ret[0] = '\0';
	if (fd >= 0 && bpf_obj_get_info_by_fd(fd, &info, &len) == 0)
		snprintf(ret, size, "%s", info.name);
}

static void add_prog(struct zt_dp *dp, const struct zt_iface *iface, const char *kind, uint32_t id,
		     bool ahead)
{
	struct zt_dp_neighbour n = {.id = id, .ahead = ahead};

	snprintf(n.kind, sizeof(n.kind), "%s", kind);
	snprintf(n.dev, sizeof(n.dev), "%s", iface->name);
	prog_name(id, n.name, sizeof(n.name));
	/* A program ahead may drop, redirect or rewrite: what it does cannot be told from outside.
	 */
	n.translates = ahead;
	add(dp, &n);
}

static void list_chain(struct zt_dp *dp, const struct zt_iface *iface, uint32_t dir)
{
	struct zt_chain chain;
	int place;

	if (zt_sys_tcx_query(iface->ifindex, zt_hook_type(dir), &chain) < 0)
		return;
	place = zt_hook_place(&chain, iface->link_id[dir]);
	for (uint32_t i = 0; i < chain.count; i++)
		if ((int)i != place)
			add_prog(dp, iface, "tcx", chain.prog_ids[i],
				 place < 0 || i < (uint32_t)place);
}

struct filters {
	struct zt_dp *dp;
	const struct zt_iface *iface;
	bool passed_ours;
};

static void on_filter(const struct zt_tc_filter *filter, void *ctx)
{
	struct filters *f = ctx;
	struct zt_dp_neighbour n = {.id = filter->prog_id};

	if (filter->prio == ZT_CLSACT_PREF && filter->handle == ZT_CLSACT_HANDLE &&
	    !strcmp(filter->kind, "bpf")) {
		f->passed_ours = true;
		return;
	}
	snprintf(n.kind, sizeof(n.kind), "clsact");
	snprintf(n.dev, sizeof(n.dev), "%s", f->iface->name);
	snprintf(n.name, sizeof(n.name), "%s%s%.28s", filter->kind, filter->name[0] ? " " : "",
		 filter->name);
	/* Every tcx program runs before every filter. */
	n.ahead = !f->iface->tcx && !f->passed_ours;
	n.translates = filter->acts;
	add(f->dp, &n);
}

static void list_device(struct zt_dp *dp, const struct zt_iface *iface)
{
	bool tcx = zt_sys_have_tcx();

	if (iface->xdp_id)
		add_prog(dp, iface, "xdp", iface->xdp_id, true);
	for (uint32_t dir = 0; dir < 2; dir++) {
		struct filters f = {.dp = dp, .iface = iface};

		if (tcx)
			list_chain(dp, iface, dir);
		zt_tc_filter_each(iface->ifindex, dir, on_filter, &f);
	}
}

struct tables {
	struct zt_dp *dp;
	struct zt_nat nat;
};

static bool translates(const struct zt_nat *nat, uint8_t family, const char *name)
{
	for (unsigned int i = 0; i < nat->table_count; i++)
		if (nat->tables[i].family == family && !strcmp(nat->tables[i].name, name))
			return true;
	return false;
}

static int on_table(struct nl_msg *msg, void *ctx)
{
	struct nlmsghdr *head = nlmsg_hdr(msg);
	struct nlattr *attr[NFTA_TABLE_MAX + 1];
	struct nfgenmsg *gen = nlmsg_data(head);
	struct zt_dp_neighbour n = {};
	struct tables *tables = ctx;
	const char *family = gen->nfgen_family == NFPROTO_IPV4	 ? "ip"
			     : gen->nfgen_family == NFPROTO_IPV6 ? "ip6"
			     : gen->nfgen_family == NFPROTO_INET ? "inet"
								 : "other";

	if (nlmsg_parse(head, sizeof(*gen), attr, NFTA_TABLE_MAX, NULL) < 0 ||
	    !attr[NFTA_TABLE_NAME])
		return NL_OK;
	snprintf(n.kind, sizeof(n.kind), "nftables");
	snprintf(n.name, sizeof(n.name), "%s %s", family, nla_get_string(attr[NFTA_TABLE_NAME]));
	n.translates =
		translates(&tables->nat, gen->nfgen_family, nla_get_string(attr[NFTA_TABLE_NAME]));
	add(tables->dp, &n);
	return NL_OK;
}

static void list_netfilter(struct zt_dp *dp)
{
	struct nfgenmsg gen = {.nfgen_family = NFPROTO_UNSPEC, .version = NFNETLINK_V0};
	struct tables tables = {.dp = dp};

	zt_surround_nat(dp, &tables.nat);
	zt_surround_dump(NETLINK_NETFILTER, NFNL_SUBSYS_NFTABLES << 8 | NFT_MSG_GETTABLE, &gen,
			 sizeof(gen), on_table, &tables);
}

int zt_neighbours_refresh(struct zt_dp *dp)
{
	bool hides = false;

	dp->neighbour_count = 0;
	for (size_t i = 0; i < dp->iface_count; i++)
		if (dp->ifaces[i].attached_ns)
			list_device(dp, &dp->ifaces[i]);
	list_netfilter(dp);
	for (size_t i = 0; i < dp->neighbour_count; i++) {
		const struct zt_dp_neighbour *n = &dp->neighbours[i];

		if (!n->ahead)
			continue;
		hides = true;
		/* Counted when it comes, not at every look. */
		if (!dp->alarms[ZT_ALARM_TRANSLATES].now)
			zt_alarm(dp, ZT_ALARM_TRANSLATES,
				 "%s program %u (%s) on %s meets packets first", n->kind, n->id,
				 n->name, n->dev);
	}
	if (!hides)
		zt_alarm_clear(dp, ZT_ALARM_TRANSLATES);
	return 0;
}

const struct zt_dp_neighbour *zt_dp_neighbours(struct zt_dp *dp, size_t *ret_count)
{
	zt_neighbours_refresh(dp);
	*ret_count = dp->neighbour_count;
	return dp->neighbours;
}
