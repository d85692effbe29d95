// SPDX-License-Identifier: Apache-2.0
/*
 * kill.c - ending the sockets of a flow: bpf_sock_destroy where the kernel has it, else
 * SOCK_DESTROY.
 *
 * The owner sees ECONNABORTED, the peer a reset; the reset leaves through our
 * egress program, which lets it by.
 */
#include <errno.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <linux/inet_diag.h>
#include <linux/sock_diag.h>
#include <netlink/msg.h>
#include <netlink/netlink.h>
#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include "base/cleanup.h"
#include "datapath/internal.h"
#include "ztseg.skel.h"

int zt_iter_run(struct bpf_program *prog)
{
	zt_auto(zt_close) int iter = zt_iter_open(prog);
	char buf[4096];
	ssize_t n;

	if (iter < 0)
		return iter;
	/* What they print is of no interest; reading is what makes them walk. */
	do {
		n = read(iter, buf, sizeof(buf));
	} while (n > 0 || (n < 0 && (errno == EAGAIN || errno == EINTR)));
	return n < 0 ? -errno : 0;
}

/* --- by iterator: all of a list in one walk over the sockets ------------------------------- */

static int kill_by_bpf(struct zt_dp *dp, const struct zt_flow_key *keys, size_t count)
{
	int fd = bpf_map__fd(dp->skel->maps.zt_kills), ended = 0, r;
	bool tcp = false, udp = false;
	__u32 n = 0;

	for (size_t i = 0; i < count; i++) {
		bpf_map_update_elem(fd, &keys[i], &n, BPF_ANY);
		tcp = tcp || keys[i].proto == IPPROTO_TCP;
		udp = udp || keys[i].proto == IPPROTO_UDP;
	}
	r = tcp ? zt_iter_run(dp->skel->progs.zt_it_kill) : 0;
	if (r == 0 && udp)
		r = zt_iter_run(dp->skel->progs.zt_it_ukill);
	for (size_t i = 0; i < count; i++) {
		if (bpf_map_lookup_elem(fd, &keys[i], &n) == 0)
			ended += (int)n;
		bpf_map_delete_elem(fd, &keys[i]);
	}
	return r < 0 ? r : ended;
}

/* --- by sock_diag: one request per socket ----------------------------------------------------- */

static bool is_v4(const uint8_t *addr)
{
	static const uint8_t mapped[12] = {[10] = 0xff, [11] = 0xff};

	return !memcmp(addr, mapped, sizeof(mapped));
}

static int destroy_one(struct nl_sock *sock, const struct zt_flow_key *key)
{
	struct inet_diag_req_v2 req = {
		.sdiag_protocol = key->proto,
		.idiag_states = ~0U,
		.id = {.idiag_sport = key->near_port,
		       .idiag_dport = key->far_port,
		       .idiag_cookie = {INET_DIAG_NOCOOKIE, INET_DIAG_NOCOOKIE}},
	};
	int r;

	req.sdiag_family = is_v4(key->near_addr) ? AF_INET : AF_INET6;
	if (req.sdiag_family == AF_INET) {
		memcpy(req.id.idiag_src, key->near_addr + 12, 4);
		memcpy(req.id.idiag_dst, key->far_addr + 12, 4);
	} else {
		memcpy(req.id.idiag_src, key->near_addr, 16);
		memcpy(req.id.idiag_dst, key->far_addr, 16);
	}
	r = nl_send_simple(sock, SOCK_DESTROY, NLM_F_ACK, &req, sizeof(req));
	if (r >= 0)
		r = nl_wait_for_ack(sock);
	if (r == -NLE_OBJ_NOTFOUND || r == -NLE_FAILURE)
		return 0;
	if (r == -NLE_OPNOTSUPP)
		return -EOPNOTSUPP;
	return r < 0 ? -EIO : 1;
}

static int kill_by_diag(const struct zt_flow_key *keys, size_t count)
{
	struct nl_sock *sock = nl_socket_alloc();
	int ended = 0, failed = 0, r;

	if (!sock)
		return -ENOMEM;
	if (nl_connect(sock, NETLINK_SOCK_DIAG) < 0) {
		nl_socket_free(sock);
		return -EIO;
	}
	for (size_t i = 0; i < count; i++) {
		r = destroy_one(sock, &keys[i]);
		if (r > 0)
			ended += r;
		else if (r < 0)
			failed = r;
	}
	nl_socket_free(sock);
	return ended ? ended : failed;
}

int zt_kill_many(struct zt_dp *dp, const struct zt_flow_key *keys, size_t count)
{
	int r;

	if (!count)
		return 0;
	if (dp->have_destroy) {
		r = kill_by_bpf(dp, keys, count);
		if (r >= 0)
			return r;
	}
	return kill_by_diag(keys, count);
}

int zt_dp_kill_socket(struct zt_dp *dp, const struct zt_flow_key *key)
{
	struct zt_flow_key ends[2] = {*key, *key};

	ends[0].kind = ends[1].kind = ZT_KIND_LOCAL; /* as the iterator builds them */
	if (key->kind != ZT_KIND_LOOP)
		return zt_kill_many(dp, ends, 1);
	memcpy(ends[1].near_addr, key->far_addr, 16);
	memcpy(ends[1].far_addr, key->near_addr, 16);
	ends[1].near_port = key->far_port;
	ends[1].far_port = key->near_port;
	return zt_kill_many(dp, ends, 2);
}
