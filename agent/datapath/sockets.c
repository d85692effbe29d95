// SPDX-License-Identifier: Apache-2.0
/*
 * sockets.c - the sockets of the guarded namespace by sock_diag, which also hands out what our
 * hooks keep beside each of them.
 */
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>
#include <linux/inet_diag.h>
#include <linux/sock_diag.h>
#include <netlink/attr.h>
#include <netlink/msg.h>
#include <netlink/netlink.h>
#include <bpf/libbpf.h>

#include "base/addr.h"
#include "base/cleanup.h"
#include "base/vec.h"
#include "datapath/internal.h"
#include "datapath/sockets.h"
#include "ztseg.skel.h"

struct dump {
	struct zt_sockets *sockets;
	size_t cap;
	uint8_t proto;
	int error;
};

void zt_sockets_clear(struct zt_sockets *sockets)
{
	free(sockets->rows);
	*sockets = (struct zt_sockets){0};
}

int zt_sockets_copy(const struct zt_sockets *from, struct zt_sockets *ret)
{
	struct zt_socket *rows = calloc(from->count + 1, sizeof(*rows));

	if (!rows)
		return -ENOMEM;
	if (from->count)
		memcpy(rows, from->rows, from->count * sizeof(*rows));
	*ret = (struct zt_sockets){.rows = rows, .count = from->count, .owners = from->owners};
	return 0;
}

static void addr_of(struct zt_addr *ret, uint8_t family, const __be32 *from)
{
	if (family == AF_INET)
		zt_addr_from_v4(ret, from);
	else
		memcpy(ret->bytes, from, sizeof(ret->bytes));
}

/* The record of our hooks, from the nested attribute; an older kernel sends none. */
static void read_owner(struct nlattr *storages, struct zt_sockets *sockets, struct zt_socket *row)
{
	struct nlattr *one =
		storages ? nla_find(nla_data(storages), nla_len(storages), SK_DIAG_BPF_STORAGE)
			 : NULL;
	struct nlattr *value =
		one ? nla_find(nla_data(one), nla_len(one), SK_DIAG_BPF_STORAGE_MAP_VALUE) : NULL;
	struct zt_sock sock;

	if (storages)
		sockets->owners = true;
	if (!value || nla_len(value) < (int)sizeof(sock))
		return;
	memcpy(&sock, nla_data(value), sizeof(sock));
	row->owner = sock.owner;
}

static int one_socket(struct nl_msg *msg, void *data)
{
	struct dump *dump = data;
	struct nlmsghdr *header = nlmsg_hdr(msg);
	struct inet_diag_msg *diag = nlmsg_data(header);
	struct nlattr *only;
	struct zt_socket *row;

	if (header->nlmsg_type != SOCK_DIAG_BY_FAMILY || nlmsg_datalen(header) < (int)sizeof(*diag))
		return NL_SKIP;
	/* A UDP socket in this state is bound and not connected; one without a port is neither. */
	if (!diag->id.idiag_sport)
		return NL_OK;
	if (zt_vec_grow(&dump->sockets->rows, &dump->cap, dump->sockets->count + 1, sizeof(*row)) <
	    0) {
		dump->error = -ENOMEM;
		return NL_STOP;
	}
	row = &dump->sockets->rows[dump->sockets->count++];
	*row = (struct zt_socket){
		.inode = diag->idiag_inode,
		.ifindex = diag->id.idiag_if,
		.uid = diag->idiag_uid,
		.local_port = ntohs(diag->id.idiag_sport),
		.remote_port = ntohs(diag->id.idiag_dport),
		.proto = dump->proto,
		.listens = diag->idiag_state != TCP_ESTABLISHED,
	};
	addr_of(&row->local, diag->idiag_family, diag->id.idiag_src);
	addr_of(&row->remote, diag->idiag_family, diag->id.idiag_dst);
	only = nlmsg_find_attr(header, sizeof(*diag), INET_DIAG_SKV6ONLY);
	row->v6only = only && nla_get_u8(only);
	read_owner(nlmsg_find_attr(header, sizeof(*diag), INET_DIAG_SK_BPF_STORAGES), dump->sockets,
		   row);
	return NL_OK;
}

static struct nl_msg *request(uint8_t family, uint8_t proto, uint32_t states, int map_fd)
{
	struct inet_diag_req_v2 req = {
		.sdiag_family = family,
		.sdiag_protocol = proto,
		.idiag_states = states,
		.id = {.idiag_cookie = {INET_DIAG_NOCOOKIE, INET_DIAG_NOCOOKIE}},
	};
	struct nl_msg *msg = nlmsg_alloc_simple(SOCK_DIAG_BY_FAMILY, NLM_F_DUMP);
	struct nlattr *storages;

	if (!msg || nlmsg_append(msg, &req, sizeof(req), NLMSG_ALIGNTO) < 0)
		goto failed;
	if (map_fd >= 0) {
		storages = nla_nest_start(msg, INET_DIAG_REQ_SK_BPF_STORAGES);
		if (!storages ||
		    nla_put_u32(msg, SK_DIAG_BPF_STORAGE_REQ_MAP_FD, (uint32_t)map_fd) < 0)
			goto failed;
		nla_nest_end(msg, storages);
	}
	return msg;
failed:
	nlmsg_free(msg);
	return NULL;
}

static int dump_one(struct nl_sock *sock, struct dump *dump, uint8_t family, uint32_t states,
		    int map_fd)
{
	struct nl_msg *msg = request(family, dump->proto, states, map_fd);
	int r;

	if (!msg)
		return -ENOMEM;
	r = nl_send_auto(sock, msg);
	nlmsg_free(msg);
	if (r >= 0)
		r = nl_recvmsgs_default(sock);
	if (dump->error)
		return dump->error;
	return r < 0 ? -EIO : 0;
}

static int dump_all(struct zt_sockets *ret, unsigned int what, int map_fd)
{
	static const uint8_t families[] = {AF_INET, AF_INET6};
	static const uint8_t protos[] = {IPPROTO_TCP, IPPROTO_UDP};
	struct nl_sock *sock = nl_socket_alloc();
	struct dump dump = {.sockets = ret};
	int r = sock ? 0 : -ENOMEM;

	if (r == 0 && nl_connect(sock, NETLINK_SOCK_DIAG) < 0)
		r = -EIO;
	if (r == 0)
		nl_socket_modify_cb(sock, NL_CB_VALID, NL_CB_CUSTOM, one_socket, &dump);
	for (size_t i = 0; i < 4 && r == 0; i++) {
		uint32_t states = 0;

		dump.proto = protos[i & 1];
		if (what & ZT_SOCKETS_LISTENING)
			states |= dump.proto == IPPROTO_TCP ? 1 << TCP_LISTEN : 1 << TCP_CLOSE;
		if (what & ZT_SOCKETS_ESTABLISHED && dump.proto == IPPROTO_TCP)
			states |= 1 << TCP_ESTABLISHED;
		if (states)
			r = dump_one(sock, &dump, families[i >> 1], states, map_fd);
	}
	nl_socket_free(sock);
	return r;
}

int zt_dp_sockets(struct zt_dp *dp, unsigned int what, struct zt_sockets *ret)
{
	zt_auto(zt_sockets_clear) struct zt_sockets sockets = {0};
	int r = dump_all(&sockets, what, dp ? bpf_map__fd(dp->skel->maps.zt_socks) : -1);

	/* A kernel that does not know the question is asked the plain one. */
	if (r == -EIO && dp) {
		zt_sockets_clear(&sockets);
		r = dump_all(&sockets, what, -1);
	}
	if (r < 0)
		return r;
	*ret = sockets;
	sockets = (struct zt_sockets){0};
	return 0;
}
