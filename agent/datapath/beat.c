// SPDX-License-Identifier: Apache-2.0
/*
 * beat.c - what the kernel has of ours at one moment, and how much its devices carried.
 */
#include <errno.h>
#include <string.h>
#include <xxhash.h>
#include <linux/if_link.h>
#include <linux/rtnetlink.h>
#include <netlink/msg.h>
#include <netlink/netlink.h>
#include <bpf/bpf.h>

#include "base/time.h"
#include "datapath/internal.h"

/* A device's part in the hash; they are added up, so that their order makes no difference. */
static uint64_t place_of(const struct zt_iface *iface, const uint32_t progs[2])
{
	const uint32_t words[] = {
		iface->ifindex,
		iface->tcx ? iface->link_id[0] : progs[0],
		iface->tcx ? iface->link_id[1] : progs[1],
	};

	return XXH64(words, sizeof(words), iface->tcx);
}

void zt_dp_watch(struct zt_dp *dp, struct zt_dp_watch *ret)
{
	struct zt_slot *slot = &dp->slots[ZT_WORD_SLOT(zt_commit_word(dp, NULL)) % ZT_SLOTS];
	struct zt_slot_meta meta = {0};
	__u32 zero = 0;

	*ret = (struct zt_dp_watch){.whole = true};
	ret->observing =
		__atomic_load_n(&dp->ctl->observe_until_ns, __ATOMIC_ACQUIRE) > zt_now_ns();
	if (slot->fd[ZT_PART_META] >= 0)
		bpf_map_lookup_elem(slot->fd[ZT_PART_META], &zero, &meta);
	ret->enforces = meta.flags & ZT_META_ENFORCED;
	ret->statements = meta.rules;
	for (size_t i = 0; i < dp->iface_count; i++) {
		const struct zt_iface *iface = &dp->ifaces[i];

		if (iface->state == ZT_IFACE_FAILED || iface->state == ZT_IFACE_LEFT_OUT)
			ret->whole = false;
		if (!iface->attached_ns)
			continue;
		ret->places += place_of(iface, (const uint32_t[]){dp->prog_id[0][iface->l3],
								  dp->prog_id[1][iface->l3]});
		ret->unjudged += iface->unjudged;
		if (!ret->attached_ns || iface->attached_ns < ret->attached_ns)
			ret->attached_ns = iface->attached_ns;
	}
	/* Until the guard has put it back, traffic went by. */
	if (dp->alarms[ZT_ALARM_LINK_LOST].now || !ret->attached_ns)
		ret->whole = false;
}

/* --- bytes --------------------------------------------------------------------------------------
 */

struct asking {
	struct zt_dp *dp;
	zt_dp_bytes_fn fn;
	void *ctx;
};

static int on_stats(struct nl_msg *msg, void *ctx)
{
	struct asking *a = ctx;
	struct nlmsghdr *head = nlmsg_hdr(msg);
	const struct ifinfomsg *info = nlmsg_data(head);
	struct rtnl_link_stats64 stats = {0};
	struct nlattr *attr[IFLA_MAX + 1];

	if (head->nlmsg_type != RTM_NEWLINK ||
	    nlmsg_parse(head, sizeof(*info), attr, IFLA_MAX, NULL) < 0 || !attr[IFLA_STATS64])
		return NL_OK;
	nla_memcpy(&stats, attr[IFLA_STATS64], sizeof(stats));
	for (size_t i = 0; i < a->dp->iface_count; i++) {
		const struct zt_iface *iface = &a->dp->ifaces[i];

		if (iface->ifindex == (uint32_t)info->ifi_index && iface->attached_ns)
			a->fn(iface->ifindex, iface->name, stats.rx_bytes + stats.tx_bytes,
			      iface->bytes_before, a->ctx);
	}
	return NL_OK;
}

int zt_dp_device_bytes(struct zt_dp *dp, zt_dp_bytes_fn fn, void *ctx)
{
	struct ifinfomsg all = {.ifi_family = AF_UNSPEC};
	struct asking asking = {dp, fn, ctx};
	struct nl_sock *sock = nl_socket_alloc();
	int r;

	if (!sock)
		return -ENOMEM;
	nl_socket_modify_cb(sock, NL_CB_VALID, NL_CB_CUSTOM, on_stats, &asking);
	r = nl_connect(sock, NETLINK_ROUTE);
	if (r >= 0)
		r = nl_send_simple(sock, RTM_GETLINK, NLM_F_DUMP, &all, sizeof(all));
	if (r >= 0)
		r = nl_recvmsgs_default(sock);
	nl_socket_free(sock);
	return r < 0 ? -EIO : 0;
}
