// SPDX-License-Identifier: Apache-2.0
/* logs_socket.c - the TCP connections of one process, from sock_diag(7). */
#include <errno.h>
#include <limits.h>
#include <linux/inet_diag.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <linux/sock_diag.h>
#include <linux/tcp.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include "base/addr.h"
#include "base/cleanup.h"
#include "base/vec.h"
#include "ctl/collect/collect.h"
#include "ctl/collect/logs_socket.h"

#define ESTABLISHED 1 /* include/net/tcp_states.h, which no header of user space has */
#define SYN_SENT    2
#define CLOSE_WAIT  8

struct inodes {
	uint32_t *items; /* owned */
	size_t count, cap;
};

static void free_inodes(struct inodes *inodes)
{
	free(inodes->items);
}

static int read_inodes(const struct ztc_env *env, pid_t pid, struct inodes *ret)
{
	zt_auto(zt_closedirp) DIR *dir = NULL;
	const struct dirent *entry;
	char path[PATH_MAX], link[64];

	snprintf(path, sizeof(path), "%s/proc/%d/fd", env->root, (int)pid);
	dir = opendir(path);
	if (!dir)
		return errno == EPERM ? -EACCES : -errno;
	while ((entry = readdir(dir))) {
		ssize_t len = readlinkat(dirfd(dir), entry->d_name, link, sizeof(link) - 1);
		uint32_t inode;

		if (len < 0)
			continue;
		link[len] = '\0';
		if (sscanf(link, "socket:[%u]", &inode) != 1)
			continue;
		if (zt_vec_grow(&ret->items, &ret->cap, ret->count + 1, sizeof(*ret->items)) < 0)
			return -ENOMEM;
		ret->items[ret->count++] = inode;
	}
	return 0;
}

static bool has_inode(const struct inodes *inodes, uint32_t inode)
{
	for (size_t i = 0; i < inodes->count; i++) {
		if (inodes->items[i] == inode)
			return true;
	}
	return false;
}

static int ask(int fd, int family)
{
	struct {
		struct nlmsghdr head;
		struct inet_diag_req_v2 body;
	} req = {
		.head = {.nlmsg_len = sizeof(req),
			 .nlmsg_type = SOCK_DIAG_BY_FAMILY,
			 .nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP},
		.body = {.sdiag_family = (__u8)family,
			 .sdiag_protocol = IPPROTO_TCP,
			 .idiag_ext = 1 << (INET_DIAG_INFO - 1),
			 .idiag_states = 1 << ESTABLISHED | 1 << SYN_SENT | 1 << CLOSE_WAIT},
	};

	return send(fd, &req, sizeof(req), 0) == (ssize_t)sizeof(req) ? 0 : -errno;
}

static void take_address(struct zt_addr *ret, int family, const __be32 *raw)
{
	if (family == AF_INET)
		zt_addr_from_v4(ret, raw);
	else
		memcpy(ret, raw, sizeof(*ret));
}

static void take_info(const struct nlmsghdr *head, const struct inet_diag_msg *msg,
		      struct ztc_tcp *tcp)
{
	int len = (int)NLMSG_PAYLOAD(head, sizeof(*msg));

	for (const struct rtattr *a = (const struct rtattr *)(msg + 1); RTA_OK(a, len);
	     a = RTA_NEXT(a, len)) {
		struct tcp_info info = {0};
		size_t have = RTA_PAYLOAD(a);

		if (a->rta_type != INET_DIAG_INFO)
			continue;
		memcpy(&info, RTA_DATA(a), have < sizeof(info) ? have : sizeof(info));
		tcp->bytes_acked = info.tcpi_bytes_acked;
		tcp->last_sent_ms = info.tcpi_last_data_sent;
		tcp->last_ack_ms = info.tcpi_last_ack_recv;
		tcp->stuck = info.tcpi_unacked && info.tcpi_retransmits;
	}
}

/* One message of the dump. Returns 1 at its end, 0 to go on, -errno. */
static int take(const struct nlmsghdr *head, const struct inodes *inodes, struct ztc_tcp *ret,
		int *count)
{
	const struct inet_diag_msg *msg = NLMSG_DATA(head);
	struct ztc_tcp *tcp = &ret[*count];

	if (head->nlmsg_type == NLMSG_DONE)
		return 1;
	if (head->nlmsg_type == NLMSG_ERROR)
		return ((const struct nlmsgerr *)NLMSG_DATA(head))->error ?: 1;
	if (head->nlmsg_len < NLMSG_LENGTH(sizeof(*msg)) || *count >= ZTC_SOCKETS_MAX ||
	    !has_inode(inodes, msg->idiag_inode))
		return 0;
	*tcp = (struct ztc_tcp){.state = msg->idiag_state,
				.local_port = ntohs(msg->id.idiag_sport),
				.remote_port = ntohs(msg->id.idiag_dport)};
	take_address(&tcp->local, msg->idiag_family, msg->id.idiag_src);
	take_address(&tcp->remote, msg->idiag_family, msg->id.idiag_dst);
	take_info(head, msg, tcp);
	++*count;
	return 0;
}

static int dump(int family, const struct inodes *inodes, struct ztc_tcp *ret, int *count)
{
	const struct timeval patience = {.tv_sec = 2};
	zt_auto(zt_close) int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_SOCK_DIAG);
	_Alignas(struct nlmsghdr) char buf[32768];
	int r = 0;

	if (fd < 0)
		return -errno;
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
	r = ask(fd, family);
	while (r == 0) {
		ssize_t got = recv(fd, buf, sizeof(buf), 0);
		int len = (int)got;

		if (got < 0 && errno == EINTR)
			continue;
		if (got <= 0)
			return got ? -errno : -EIO;
		for (const struct nlmsghdr *h = (void *)buf; r == 0 && NLMSG_OK(h, (unsigned)len);
		     h = NLMSG_NEXT(h, len))
			r = take(h, inodes, ret, count);
	}
	return r < 0 ? r : 0;
}

int ztc_tcp_of(const struct ztc_env *env, pid_t pid, struct ztc_tcp ret[ZTC_SOCKETS_MAX])
{
	zt_auto(free_inodes) struct inodes inodes = {0};
	int count = 0;
	int r = read_inodes(env, pid, &inodes);

	if (r == 0)
		r = dump(AF_INET, &inodes, ret, &count);
	if (r == 0)
		r = dump(AF_INET6, &inodes, ret, &count);
	return r < 0 ? r : count;
}
