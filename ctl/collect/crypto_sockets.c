// SPDX-License-Identifier: Apache-2.0
/*
 * crypto_sockets.c - what the kernel tells of connections: sock_diag with tcp_info once a second,
 * and conntrack's last words where it counts (linux/inet_diag.h,
 * linux/netfilter/nfnetlink_conntrack.h).
 */
#include <endian.h>
#include <errno.h>
#include <linux/inet_diag.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netfilter/nfnetlink_conntrack.h>
#include <linux/netlink.h>
#include <linux/sock_diag.h>
#include <netinet/in.h>
#include <netlink/attr.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#include "base/cleanup.h"
#include "ctl/collect/crypto_samples.h"
#include "ctl/doctor/doctor.h"

#define STATE_LISTEN 10 /* TCP_LISTEN of net/tcp_states.h */
#define ALL_STATES   0xfff
#define EVENT_ROOM   (8 << 20)
#define TIME_WAIT    6 /* has no tcp_info */

/* Offsets in struct tcp_info of linux/tcp.h, which only grows. */
#define TCPI_BYTES_ACKED    120
#define TCPI_BYTES_RECEIVED 128

struct dump {
	struct ztc_samples *samples;
	uint8_t listening[65536 / 8];
};

static bool is_listening(const struct dump *d, uint16_t port)
{
	return d->listening[port / 8] & 1 << port % 8;
}

static void set_addr(struct zt_addr *ret, uint8_t family, const __be32 words[4])
{
	static const uint8_t mapped[12] = {[10] = 0xff, [11] = 0xff};

	if (family == AF_INET) {
		zt_addr_from_v4(ret, words);
		return;
	}
	/* A v6 socket with a v4 peer says so in this form; ours is the same. */
	memcpy(ret->bytes, words, 16);
	if (memcmp(ret->bytes, mapped, sizeof(mapped)) == 0)
		zt_addr_from_v4(ret, (const uint8_t *)words + 12);
}

static bool is_ktls(const struct nlattr *ulp)
{
	struct nlattr *tb[INET_ULP_INFO_MAX + 1];

	return ulp && nla_parse_nested(tb, INET_ULP_INFO_MAX, (struct nlattr *)ulp, NULL) == 0 &&
	       tb[INET_ULP_INFO_NAME] && nla_strcmp(tb[INET_ULP_INFO_NAME], "tls") == 0;
}

/* Bytes both ways. The C library's struct tcp_info, which libnl brings along, ends before them. */
static uint64_t bytes_of(const struct nlattr *attr)
{
	uint64_t acked, received;

	if (!attr || nla_len(attr) < TCPI_BYTES_RECEIVED + (int)sizeof(received))
		return 0;
	memcpy(&acked, (char *)nla_data(attr) + TCPI_BYTES_ACKED, sizeof(acked));
	memcpy(&received, (char *)nla_data(attr) + TCPI_BYTES_RECEIVED, sizeof(received));
	return acked + received;
}

static void take_socket(const struct nlmsghdr *msg, void *data)
{
	const struct inet_diag_msg *m = NLMSG_DATA(msg);
	struct nlattr *tb[INET_DIAG_MAX + 1];
	struct dump *d = data;
	struct ztc_sample sample = {.proto = IPPROTO_TCP};
	int len = (int)msg->nlmsg_len - (int)NLMSG_LENGTH(sizeof(*m));

	if (len < 0 || m->idiag_state == TIME_WAIT ||
	    nla_parse(tb, INET_DIAG_MAX, (struct nlattr *)((char *)m + NLMSG_ALIGN(sizeof(*m))),
		      len, NULL) < 0)
		return;
	sample.local_port = ntohs(m->id.idiag_sport);
	sample.remote_port = ntohs(m->id.idiag_dport);
	if (m->idiag_state == STATE_LISTEN) {
		d->listening[sample.local_port / 8] |= (uint8_t)(1 << sample.local_port % 8);
		return;
	}
	set_addr(&sample.local, m->idiag_family, m->id.idiag_src);
	set_addr(&sample.remote, m->idiag_family, m->id.idiag_dst);
	if (zt_addr_is_loopback(&sample.remote) ||
	    memcmp(&sample.local, &sample.remote, sizeof(sample.local)) == 0)
		return;
	sample.cookie = (uint64_t)m->id.idiag_cookie[1] << 32 | m->id.idiag_cookie[0];
	sample.inbound = is_listening(d, sample.local_port);
	sample.bytes = bytes_of(tb[INET_DIAG_INFO]);
	sample.ktls = is_ktls(tb[INET_DIAG_ULP_INFO]);
	if (sample.cookie)
		ztc_samples_add(d->samples, &sample);
}

static int dump_tcp(struct dump *d, uint8_t family, uint32_t states)
{
	struct {
		struct nlmsghdr head;
		struct inet_diag_req_v2 body;
	} request = {
		.head = {.nlmsg_len = sizeof(request), .nlmsg_type = SOCK_DIAG_BY_FAMILY},
		.body = {.sdiag_family = family,
			 .sdiag_protocol = IPPROTO_TCP,
			 .idiag_ext = 1 << (INET_DIAG_INFO - 1),
			 .idiag_states = states},
	};

	return ztc_netlink_dump(NETLINK_SOCK_DIAG, &request.head, take_socket, d);
}

int ztc_sample_sockets(struct ztc_samples *s)
{
	static struct dump d; /* 8 kB */
	int r;

	d = (struct dump){.samples = s};
	ztc_samples_tick(s);
	/* Listeners first: they tell which end of a connection is the service. */
	r = dump_tcp(&d, AF_INET, 1U << STATE_LISTEN);
	if (r == 0)
		r = dump_tcp(&d, AF_INET6, 1U << STATE_LISTEN);
	if (r == 0)
		r = dump_tcp(&d, AF_INET, ALL_STATES & ~(1U << STATE_LISTEN));
	if (r == 0)
		r = dump_tcp(&d, AF_INET6, ALL_STATES & ~(1U << STATE_LISTEN));
	return r;
}

/* --- conntrack --- */

static bool counts(void)
{
	char line[16];

	return ztc_read_line("/proc/sys/net/netfilter/nf_conntrack_acct", line, sizeof(line)) ==
		       0 &&
	       strcmp(line, "1") == 0;
}

int ztc_watch_ends(void)
{
	struct sockaddr_nl own = {.nl_family = AF_NETLINK};
	int group = NFNLGRP_CONNTRACK_DESTROY, room = EVENT_ROOM;
	zt_auto(zt_close) int fd = -1;

	if (!counts())
		return -ENOENT;
	fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, NETLINK_NETFILTER);
	if (fd < 0 || bind(fd, (struct sockaddr *)&own, sizeof(own)) < 0 ||
	    setsockopt(fd, SOL_NETLINK, NETLINK_ADD_MEMBERSHIP, &group, sizeof(group)) < 0)
		return -errno;
	/* A second's worth of them; without the privilege for more, the usual room. */
	setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &room, sizeof(room));
	return zt_take_fd(fd);
}

static bool read_ips(struct nlattr *attr, struct ztc_sample *sample)
{
	struct nlattr *tb[CTA_IP_MAX + 1];

	if (!attr || nla_parse_nested(tb, CTA_IP_MAX, attr, NULL) < 0)
		return false;
	if (tb[CTA_IP_V4_SRC] && tb[CTA_IP_V4_DST] && nla_len(tb[CTA_IP_V4_SRC]) >= 4 &&
	    nla_len(tb[CTA_IP_V4_DST]) >= 4) {
		zt_addr_from_v4(&sample->local, nla_data(tb[CTA_IP_V4_SRC]));
		zt_addr_from_v4(&sample->remote, nla_data(tb[CTA_IP_V4_DST]));
		return true;
	}
	if (!tb[CTA_IP_V6_SRC] || !tb[CTA_IP_V6_DST] || nla_len(tb[CTA_IP_V6_SRC]) < 16 ||
	    nla_len(tb[CTA_IP_V6_DST]) < 16)
		return false;
	memcpy(sample->local.bytes, nla_data(tb[CTA_IP_V6_SRC]), 16);
	memcpy(sample->remote.bytes, nla_data(tb[CTA_IP_V6_DST]), 16);
	return true;
}

static bool read_tuple(struct nlattr *attr, struct ztc_sample *sample)
{
	struct nlattr *tb[CTA_TUPLE_MAX + 1], *proto[CTA_PROTO_MAX + 1];

	if (!attr || nla_parse_nested(tb, CTA_TUPLE_MAX, attr, NULL) < 0 || !tb[CTA_TUPLE_PROTO] ||
	    nla_parse_nested(proto, CTA_PROTO_MAX, tb[CTA_TUPLE_PROTO], NULL) < 0 ||
	    !read_ips(tb[CTA_TUPLE_IP], sample) || !proto[CTA_PROTO_NUM] ||
	    !proto[CTA_PROTO_SRC_PORT] || !proto[CTA_PROTO_DST_PORT])
		return false;
	sample->proto = nla_get_u8(proto[CTA_PROTO_NUM]);
	sample->local_port = ntohs(nla_get_u16(proto[CTA_PROTO_SRC_PORT]));
	sample->remote_port = ntohs(nla_get_u16(proto[CTA_PROTO_DST_PORT]));
	return sample->proto == IPPROTO_TCP || sample->proto == IPPROTO_UDP;
}

static uint64_t counted(struct nlattr *attr)
{
	struct nlattr *tb[CTA_COUNTERS_MAX + 1];
	uint64_t bytes = 0;

	if (!attr || nla_parse_nested(tb, CTA_COUNTERS_MAX, attr, NULL) < 0 ||
	    !tb[CTA_COUNTERS_BYTES])
		return 0;
	nla_memcpy(&bytes, tb[CTA_COUNTERS_BYTES], sizeof(bytes));
	return be64toh(bytes);
}

/* Whether one of this namespace's own addresses it is: a socket can be bound to it. */
static bool is_local(const struct zt_addr *addr)
{
	struct sockaddr_in6 in6 = {.sin6_family = AF_INET6};
	struct sockaddr_in in = {.sin_family = AF_INET};
	bool v4 = zt_addr_is_v4(addr);
	zt_auto(zt_close) int fd = socket(v4 ? AF_INET : AF_INET6, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	memcpy(&in.sin_addr, addr->bytes + 12, 4);
	memcpy(&in6.sin6_addr, addr->bytes, 16);
	return fd >= 0 && bind(fd, v4 ? (struct sockaddr *)&in : (struct sockaddr *)&in6,
			       v4 ? sizeof(in) : sizeof(in6)) == 0;
}

static void swap_ends(struct ztc_sample *sample)
{
	struct zt_addr addr = sample->local;
	uint16_t port = sample->local_port;

	sample->local = sample->remote;
	sample->local_port = sample->remote_port;
	sample->remote = addr;
	sample->remote_port = port;
}

static void take_end(const struct nlmsghdr *msg, struct ztc_samples *s)
{
	struct nlattr *tb[CTA_MAX + 1];
	struct ztc_sample sample = {0};
	int len = (int)msg->nlmsg_len - (int)NLMSG_LENGTH(sizeof(struct nfgenmsg));
	char *at = (char *)NLMSG_DATA(msg) + NLMSG_ALIGN(sizeof(struct nfgenmsg));

	if (len < 0 || (msg->nlmsg_type & 0xff) != IPCTNL_MSG_CT_DELETE ||
	    nla_parse(tb, CTA_MAX, (struct nlattr *)at, len, NULL) < 0 ||
	    !read_tuple(tb[CTA_TUPLE_ORIG], &sample))
		return;
	sample.bytes = counted(tb[CTA_COUNTERS_ORIG]) + counted(tb[CTA_COUNTERS_REPLY]);
	if (zt_addr_is_loopback(&sample.remote) || zt_addr_is_multicast(&sample.remote))
		return;
	/* Opened by the source: who opened it decides which end is the service. */
	if (!is_local(&sample.local)) {
		if (!is_local(&sample.remote))
			return; /* forwarded */
		swap_ends(&sample);
		sample.inbound = true;
	} else if (is_local(&sample.remote)) {
		return;
	}
	ztc_samples_end(s, &sample);
}

void ztc_take_ends(int fd, struct ztc_samples *s)
{
	char buf[32768] __attribute__((aligned(NLMSG_ALIGNTO)));
	ssize_t n;

	while (fd >= 0) {
		int left;

		n = recv(fd, buf, sizeof(buf), 0);
		if (n < 0 && errno == ENOBUFS)
			ztc_samples_miss(s);
		else if (n <= 0)
			return;
		left = (int)n;
		for (struct nlmsghdr *m = (struct nlmsghdr *)buf; left > 0 && NLMSG_OK(m, left);
		     m = NLMSG_NEXT(m, left))
			take_end(m, s);
	}
}

static void pass_over(const struct nlmsghdr *msg, void *data)
{
	(void)msg;
	(void)data;
}

void ztc_settle_ends(int fd)
{
	struct {
		struct nlmsghdr head;
		struct nfgenmsg body;
	} request = {
		.head = {.nlmsg_len = sizeof(request),
			 .nlmsg_type = NFNL_SUBSYS_CTNETLINK << 8 | IPCTNL_MSG_CT_GET},
		.body = {.nfgen_family = AF_UNSPEC, .version = NFNETLINK_V0},
	};

	/* The dump ends entries whose time is over (ctnetlink_dump_table()). */
	if (fd >= 0)
		ztc_netlink_dump(NETLINK_NETFILTER, &request.head, pass_over, NULL);
}
