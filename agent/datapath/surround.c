// SPDX-License-Identifier: Apache-2.0
/*
 * surround.c - what the kernel around us does to packets: forwarding, translation.
 *
 * Where it cannot be told whether outgoing destinations are translated they
 * count as translated: the wire programs judge either way, only the early
 * refusal at connect() is given up.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <linux/netconf.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/rtnetlink.h>
#include <netlink/msg.h>
#include <netlink/netlink.h>
#include <linux/bpf.h>
#include <bpf/bpf.h>

#include "base/cleanup.h"
#include "datapath/iptables.h"
#include "datapath/surround.h"

static void free_sock(struct nl_sock **sock)
{
	if (*sock)
		nl_socket_free(*sock);
	*sock = NULL;
}

int zt_surround_dump(int protocol, int type, void *request, size_t size,
		     int (*fn)(struct nl_msg *msg, void *ctx), void *ctx)
{
	zt_auto(free_sock) struct nl_sock *sock = nl_socket_alloc();
	int r;

	if (!sock)
		return -ENOMEM;
	nl_socket_modify_cb(sock, NL_CB_VALID, NL_CB_CUSTOM, fn, ctx);
	r = nl_connect(sock, protocol);
	if (r == -NLE_PROTO_MISMATCH || r == -NLE_AF_NOSUPPORT)
		return -EPROTONOSUPPORT;
	if (r < 0)
		return -EIO;
	nl_socket_set_msg_buf_size(sock, 64 * 1024);
	r = nl_send_simple(sock, type, NLM_F_DUMP, request, size);
	if (r >= 0)
		r = nl_recvmsgs_default(sock);
	if (r == -NLE_OPNOTSUPP || r == -NLE_INVAL)
		return -EOPNOTSUPP;
	return r < 0 ? -EIO : 0;
}

/* --- forwarding ------------------------------------------------------------------------- */

static int on_netconf(struct nl_msg *msg, void *ctx)
{
	struct nlattr *attr[NETCONFA_MAX + 1];
	bool *forwarding = ctx;

	if (nlmsg_parse(nlmsg_hdr(msg), sizeof(struct netconfmsg), attr, NETCONFA_MAX, NULL) < 0 ||
	    !attr[NETCONFA_IFINDEX] || !attr[NETCONFA_FORWARDING])
		return NL_OK;
	/* "default" is for devices to come and "lo" forwards nothing. */
	if ((int)nla_get_u32(attr[NETCONFA_IFINDEX]) == NETCONFA_IFINDEX_DEFAULT ||
	    nla_get_u32(attr[NETCONFA_IFINDEX]) == 1)
		return NL_OK;
	if (nla_get_u32(attr[NETCONFA_FORWARDING]))
		*forwarding = true;
	return NL_OK;
}

int zt_surround_forwarding(bool *ret_forwarding)
{
	struct netconfmsg v4 = {.ncm_family = AF_INET}, v6 = {.ncm_family = AF_INET6};
	bool forwarding = false;
	int r;

	r = zt_surround_dump(NETLINK_ROUTE, RTM_GETNETCONF, &v4, sizeof(v4), on_netconf,
			     &forwarding);
	if (r < 0)
		return r;
	/* A kernel without IPv6 refuses; it forwards none then. */
	zt_surround_dump(NETLINK_ROUTE, RTM_GETNETCONF, &v6, sizeof(v6), on_netconf, &forwarding);
	*ret_forwarding = forwarding;
	return 0;
}

/* --- translation of outgoing destinations ------------------------------------------------- */

static void note_table(struct zt_nat *nat, uint8_t family, const char *name)
{
	if (nat->table_count == ZT_NAT_TABLES)
		return;
	nat->tables[nat->table_count].family = family;
	snprintf(nat->tables[nat->table_count].name, sizeof(nat->tables[0].name), "%s", name);
	nat->table_count++;
}

static int on_chain(struct nl_msg *msg, void *ctx)
{
	struct nfgenmsg *gen = nlmsg_data(nlmsg_hdr(msg));
	struct nlattr *attr[NFTA_CHAIN_MAX + 1], *hook[NFTA_HOOK_MAX + 1];
	struct zt_nat *nat = ctx;
	uint32_t num, rules = 0;

	if (nlmsg_parse(nlmsg_hdr(msg), sizeof(struct nfgenmsg), attr, NFTA_CHAIN_MAX, NULL) < 0 ||
	    !attr[NFTA_CHAIN_TYPE] || !attr[NFTA_CHAIN_HOOK] ||
	    strcmp(nla_get_string(attr[NFTA_CHAIN_TYPE]), "nat") ||
	    nla_parse_nested(hook, NFTA_HOOK_MAX, attr[NFTA_CHAIN_HOOK], NULL) < 0 ||
	    !hook[NFTA_HOOK_HOOKNUM])
		return NL_OK;
	num = ntohl(nla_get_u32(hook[NFTA_HOOK_HOOKNUM]));
	/* A base chain is referred to by its rules only. An empty one translates nothing. */
	if (attr[NFTA_CHAIN_USE])
		rules = ntohl(nla_get_u32(attr[NFTA_CHAIN_USE]));
	if (!rules)
		return NL_OK;
	nat->chains++;
	if (attr[NFTA_CHAIN_TABLE])
		note_table(nat, gen->nfgen_family, nla_get_string(attr[NFTA_CHAIN_TABLE]));
	if (num == NF_INET_LOCAL_OUT)
		nat->out = true;
	return NL_OK;
}

/* IPVS turns destinations of its services into those of their servers, after connect(). */
static bool ipvs_in_use(void)
{
	unsigned int lines = 0;
	char line[256];
	FILE *f = fopen("/proc/net/ip_vs", "re");

	while (f && lines < 4 && fgets(line, sizeof(line), f))
		lines++;
	if (f)
		fclose(f);
	return lines > 3; /* three lines of headings */
}

/* Agents of other namespaces share the root cgroup with us; they look, and change nothing. */
static bool is_agents(uint32_t id)
{
	struct bpf_prog_info info = {};
	zt_auto(zt_close) int fd = bpf_prog_get_fd_by_id(id);
	__u32 len = sizeof(info);

	/* Gone between the two calls: not there to rewrite anything. */
	if (fd < 0)
		return errno == ENOENT;
	return bpf_obj_get_info_by_fd(fd, &info, &len) == 0 &&
	       !strncmp(info.name, "zt_connect", 10);
}

/* Programs of others at our hook may rewrite the address after we looked at it. */
static bool others_at_connect(struct zt_dp *dp)
{
	static const enum bpf_attach_type types[] = {BPF_CGROUP_INET4_CONNECT,
						     BPF_CGROUP_INET6_CONNECT};
	__u32 ids[64], count, flags;

	for (size_t i = 0; i < ARRAY_SIZE(types); i++) {
		count = ARRAY_SIZE(ids);
		if (bpf_prog_query(dp->cgroup_fd, types[i], 0, &flags, ids, &count) < 0)
			return errno == ENOSPC;
		for (__u32 n = 0; n < count; n++)
			if (!is_agents(ids[n]))
				return true;
	}
	return false;
}

void zt_surround_nat(struct zt_dp *dp, struct zt_nat *ret)
{
	struct nfgenmsg gen = {.nfgen_family = NFPROTO_UNSPEC, .version = NFNETLINK_V0};
	int r;

	memset(ret, 0, sizeof(*ret));
	r = zt_surround_dump(NETLINK_NETFILTER, NFNL_SUBSYS_NFTABLES << 8 | NFT_MSG_GETCHAIN, &gen,
			     sizeof(gen), on_chain, ret);
	if (r < 0 && r != -EPROTONOSUPPORT && r != -EOPNOTSUPP)
		ret->out = true;
	zt_iptables_nat(&ret->out, &ret->chains);
	ret->out = ret->out || ipvs_in_use() || others_at_connect(dp);
}

bool zt_surround_refresh(struct zt_dp *dp)
{
	uint32_t before = __atomic_load_n(&dp->ctl->flags, __ATOMIC_RELAXED), flags = before;
	bool forwarding = before & ZT_CTL_FORWARDING;
	struct zt_nat nat;

	zt_surround_forwarding(&forwarding);
	zt_surround_nat(dp, &nat);
	flags &= ~(uint32_t)(ZT_CTL_FORWARDING | ZT_CTL_NAT_OUT);
	flags |= forwarding ? ZT_CTL_FORWARDING : 0;
	flags |= nat.out ? ZT_CTL_NAT_OUT : 0;
	if (flags != before)
		__atomic_store_n(&dp->ctl->flags, flags, __ATOMIC_RELEASE);
	return (flags ^ before) & ZT_CTL_FORWARDING;
}

bool zt_dp_forwarding(struct zt_dp *dp)
{
	return dp->ctl->flags & ZT_CTL_FORWARDING;
}
