// SPDX-License-Identifier: Apache-2.0
/*
 * tcfilter.c - clsact filters: listed, and ours taken off again.
 */
#include <errno.h>
#include <linux/pkt_cls.h>
#include <linux/pkt_sched.h>
#include <linux/rtnetlink.h>
#include <stdio.h>
#include <string.h>
#include <netlink/msg.h>
#include <netlink/netlink.h>
#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include "base/cleanup.h"
#include "base/pins.h"
#include "base/tcfilter.h"
#include "bpf/abi.h"

struct walk {
	zt_tc_filter_fn fn;
	void *ctx;
	uint32_t dir;
	int count;
};

static void free_sock(struct nl_sock **sock)
{
	if (*sock)
		nl_socket_free(*sock);
	*sock = NULL;
}

static void fill_bpf(struct nlattr *options, struct zt_tc_filter *filter)
{
	struct nlattr *bpf[TCA_BPF_MAX + 1];

	if (nla_parse_nested(bpf, TCA_BPF_MAX, options, NULL) < 0)
		return;
	if (bpf[TCA_BPF_ID])
		filter->prog_id = nla_get_u32(bpf[TCA_BPF_ID]);
	if (bpf[TCA_BPF_NAME])
		snprintf(filter->name, sizeof(filter->name), "%s",
			 (const char *)nla_data(bpf[TCA_BPF_NAME]));
	filter->acts = bpf[TCA_BPF_ACT] != NULL;
}

static int on_filter(struct nl_msg *msg, void *ctx)
{
	struct nlmsghdr *head = nlmsg_hdr(msg);
	struct nlattr *attr[TCA_MAX + 1];
	struct zt_tc_filter filter = {};
	struct walk *walk = ctx;
	struct tcmsg *tc = nlmsg_data(head);

	if (head->nlmsg_type != RTM_NEWTFILTER ||
	    nlmsg_parse(head, sizeof(*tc), attr, TCA_MAX, NULL) < 0)
		return NL_OK;
	/* Every chain begins with a row that names the kind and no filter. */
	if (!tc->tcm_handle || !attr[TCA_KIND])
		return NL_OK;
	filter.ifindex = (uint32_t)tc->tcm_ifindex;
	filter.dir = walk->dir;
	filter.prio = TC_H_MAJ(tc->tcm_info) >> 16;
	filter.handle = tc->tcm_handle;
	snprintf(filter.kind, sizeof(filter.kind), "%s", nla_get_string(attr[TCA_KIND]));
	if (!strcmp(filter.kind, "bpf") && attr[TCA_OPTIONS])
		fill_bpf(attr[TCA_OPTIONS], &filter);
	else
		filter.acts = attr[TCA_OPTIONS] != NULL;
	walk->count++;
	if (walk->fn)
		walk->fn(&filter, walk->ctx);
	return NL_OK;
}

static uint32_t parent_of(uint32_t dir)
{
	return TC_H_MAKE(TC_H_CLSACT, dir == ZT_DIR_IN ? TC_H_MIN_INGRESS : TC_H_MIN_EGRESS);
}

int zt_tc_filter_each(uint32_t ifindex, uint32_t dir, zt_tc_filter_fn fn, void *ctx)
{
	zt_auto(free_sock) struct nl_sock *sock = nl_socket_alloc();
	struct walk walk = {.fn = fn, .ctx = ctx, .dir = dir};
	struct tcmsg tc = {
		.tcm_family = AF_UNSPEC,
		.tcm_ifindex = (int)ifindex,
		.tcm_parent = parent_of(dir),
	};
	int r;

	if (!sock)
		return -ENOMEM;
	nl_socket_modify_cb(sock, NL_CB_VALID, NL_CB_CUSTOM, on_filter, &walk);
	if (nl_connect(sock, NETLINK_ROUTE) < 0)
		return -EIO;
	r = nl_send_simple(sock, RTM_GETTFILTER, NLM_F_DUMP, &tc, sizeof(tc));
	if (r < 0)
		return -EIO;
	r = nl_recvmsgs_default(sock);
	/* A device without the qdisc answers with an error; it has no filter then. */
	if (r == -NLE_NODEV)
		return -ENODEV;
	return walk.count;
}

static void drop_qdisc(struct bpf_tc_hook *hook)
{
	if (zt_tc_filter_each((uint32_t)hook->ifindex, ZT_DIR_IN, NULL, NULL) ||
	    zt_tc_filter_each((uint32_t)hook->ifindex, ZT_DIR_OUT, NULL, NULL))
		return;
	hook->attach_point = BPF_TC_INGRESS | BPF_TC_EGRESS;
	bpf_tc_hook_destroy(hook);
}

/*
 * A program's id is recorded just after it was put in, so an agent killed in
 * between leaves the id of the one before; the name tells that it is ours.
 */
static bool is_ours(uint32_t prog_id, uint32_t recorded)
{
	struct bpf_prog_info info = {};
	zt_auto(zt_close) int fd = -1;
	__u32 len = sizeof(info);

	if (prog_id == recorded)
		return true;
	fd = bpf_prog_get_fd_by_id(prog_id);
	if (fd < 0 || bpf_obj_get_info_by_fd(fd, &info, &len) < 0)
		return false;
	return !strncmp(info.name, "zt_in_", 6) || !strncmp(info.name, "zt_out_", 7);
}

int zt_tc_filter_remove(const struct zt_filter_record *record)
{
	LIBBPF_OPTS(bpf_tc_hook, hook, .ifindex = (int)record->ifindex,
		    .attach_point = record->dir == ZT_DIR_IN ? BPF_TC_INGRESS : BPF_TC_EGRESS);
	LIBBPF_OPTS(bpf_tc_opts, query, .handle = record->handle, .priority = record->prio);
	LIBBPF_OPTS(bpf_tc_opts, opts, .handle = record->handle, .priority = record->prio);
	int r;

	r = bpf_tc_query(&hook, &query);
	if (r < 0)
		return r == -EINVAL ? -ENOENT : r; /* no qdisc answers EINVAL */
	if (!is_ours(query.prog_id, record->prog_id))
		return -ENOENT;
	r = bpf_tc_detach(&hook, &opts);
	if (r < 0)
		return r;
	if (record->own_qdisc)
		drop_qdisc(&hook);
	return 0;
}
