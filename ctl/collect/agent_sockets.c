// SPDX-License-Identifier: Apache-2.0
/*
 * agent_sockets.c - fact `reconcile`: connections that live, by sock_diag at a dozen moments,
 * looked up one by one in the pinned flow tables.
 *
 * Two sources that know nothing of each other: the sockets are the kernel's TCP, the flow tables
 * are filled by packets. A connection that moved nothing since the tables were made cannot be in
 * them and is counted apart.
 */
#include <bpf/bpf.h>
#include <errno.h>
#include <linux/inet_diag.h>
#include <linux/netlink.h>
#include <linux/sock_diag.h>
#include <linux/tcp.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <time.h>

#include "base/addr.h"
#include "base/cleanup.h"
#include "base/pins.h"
#include "base/strmap.h"
#include "base/time.h"
#include "ctl/collect/agent.h"
#include "ctl/doctor/doctor.h"
#include "ctl/local.h"

#define SNAPSHOTS     12
#define PAUSE_MIN_MS  15
#define PAUSE_MORE_MS 64
#define SOCKETS_MAX   200000
#define SHOWN	      20
#define TCP_ESTAB     1 /* TCP_ESTABLISHED of the kernel's include/net/tcp_states.h */

struct reconcile {
	const struct ztc_locals *locals;
	int tables[2];
	uint64_t tables_age_ms;
	struct zt_strmap *sockets; /* by cookie, local and remote end: each counts once */
	int64_t found, missed, idle, loopback, seen;
	json_t *rows;
	int error;
};

struct socket_key {
	uint32_t cookie[2];
	struct zt_flow_key flow;
};

static void address(const struct inet_diag_msg *m, const __be32 *from, uint8_t ret[16])
{
	struct zt_addr addr;

	if (m->idiag_family == AF_INET)
		zt_addr_from_v4(&addr, from);
	else
		memcpy(addr.bytes, from, sizeof(addr.bytes));
	memcpy(ret, addr.bytes, sizeof(addr.bytes));
}

/* Milliseconds since anything came or went; UINT32_MAX when the kernel does not say. */
static uint32_t quiet_ms(const struct nlmsghdr *msg)
{
	size_t offset = NLMSG_ALIGN(sizeof(*msg)) + NLMSG_ALIGN(sizeof(struct inet_diag_msg));

	while (offset + NLA_HDRLEN <= msg->nlmsg_len) {
		const struct nlattr *a = (const struct nlattr *)((const char *)msg + offset);
		struct tcp_info info = {0};
		uint32_t quiet;

		if (a->nla_len < NLA_HDRLEN || offset + a->nla_len > msg->nlmsg_len)
			break;
		if (a->nla_type == INET_DIAG_INFO) {
			size_t len = a->nla_len - NLA_HDRLEN;

			memcpy(&info, (const char *)a + NLA_HDRLEN,
			       len < sizeof(info) ? len : sizeof(info));
			quiet = info.tcpi_last_ack_recv;
			if (info.tcpi_last_data_sent < quiet)
				quiet = info.tcpi_last_data_sent;
			if (info.tcpi_last_data_recv < quiet)
				quiet = info.tcpi_last_data_recv;
			return quiet;
		}
		offset += NLA_ALIGN(a->nla_len);
	}
	return UINT32_MAX;
}

static bool is_local(const struct reconcile *c, const uint8_t addr[16])
{
	for (size_t i = 0; i < c->locals->count; i++) {
		if (!memcmp(c->locals->addrs[i].bytes, addr, 16))
			return true;
	}
	return false;
}

static bool recorded(const struct reconcile *c, const struct zt_flow_key *key)
{
	struct zt_flow flow;

	for (int i = 0; i < 2; i++) {
		if (bpf_map_lookup_elem(c->tables[i], key, &flow) == 0)
			return true;
	}
	return false;
}

static void note_missed(struct reconcile *c, const struct zt_flow_key *key, uint32_t inode)
{
	char near[ZT_ADDR_TEXT_LEN], far[ZT_ADDR_TEXT_LEN];

	if (json_array_size(c->rows) >= SHOWN)
		return;
	json_array_append_new(c->rows,
			      json_pack("{s:s, s:i, s:s, s:i, s:I}", "local",
					zt_addr_text((const struct zt_addr *)key->near_addr, near),
					"local_port", ntohs(key->near_port), "remote",
					zt_addr_text((const struct zt_addr *)key->far_addr, far),
					"remote_port", ntohs(key->far_port), "inode",
					(json_int_t)inode));
}

static void take_socket(const struct nlmsghdr *msg, void *ctx)
{
	const struct inet_diag_msg *m = NLMSG_DATA(msg);
	struct reconcile *c = ctx;
	struct socket_key key = {
		.cookie = {m->id.idiag_cookie[0], m->id.idiag_cookie[1]},
		.flow = {.near_port = m->id.idiag_sport,
			 .far_port = m->id.idiag_dport,
			 .proto = IPPROTO_TCP,
			 .kind = ZT_KIND_LOCAL},
	};
	bool is_new = false;

	if (msg->nlmsg_type != SOCK_DIAG_BY_FAMILY || m->idiag_state != TCP_ESTAB)
		return;
	c->seen++;
	address(m, m->id.idiag_src, key.flow.near_addr);
	address(m, m->id.idiag_dst, key.flow.far_addr);
	if (zt_strmap_count(c->sockets) >= SOCKETS_MAX) {
		c->error = -EFBIG;
		return;
	}
	if (zt_strmap_intern(c->sockets, &key, sizeof(key), &is_new) == ZT_STRMAP_NONE)
		c->error = -ENOMEM;
	if (!is_new)
		return;
	if (is_local(c, key.flow.far_addr)) {
		c->loopback++;
	} else if (recorded(c, &key.flow)) {
		c->found++;
	} else if (quiet_ms(msg) != UINT32_MAX && quiet_ms(msg) > c->tables_age_ms) {
		c->idle++;
	} else {
		c->missed++;
		note_missed(c, &key.flow, m->idiag_inode);
	}
}

static int snapshot(struct reconcile *c)
{
	static const uint8_t families[] = {AF_INET, AF_INET6};
	int r = 0;

	for (size_t i = 0; i < ARRAY_SIZE(families) && r == 0; i++) {
		struct {
			struct nlmsghdr head;
			struct inet_diag_req_v2 diag;
		} request = {
			.head = {.nlmsg_len = sizeof(request), .nlmsg_type = SOCK_DIAG_BY_FAMILY},
			.diag = {.sdiag_family = families[i],
				 .sdiag_protocol = IPPROTO_TCP,
				 .idiag_ext = 1 << (INET_DIAG_INFO - 1),
				 .idiag_states = 1 << TCP_ESTAB},
		};

		r = ztc_netlink_dump(NETLINK_SOCK_DIAG, &request.head, take_socket, c);
	}
	return r ?: c->error;
}

/* At moments that nobody can foresee. */
static void pause_a_little(void)
{
	struct timespec time = {0};
	uint8_t more = 0;

	if (getrandom(&more, sizeof(more), GRND_NONBLOCK) < 0)
		more = 0;
	time.tv_nsec = (PAUSE_MIN_MS + more % PAUSE_MORE_MS) * (long)ZT_NS_PER_MS;
	nanosleep(&time, NULL);
}

static int run(const struct ztc_env *env, struct reconcile *c, const struct zt_ctl *ctl,
	       json_t *data)
{
	static const char *const pins[2] = {"zt_flows", "zt_openings"};
	int r = zt_strmap_new(&c->sockets);

	c->tables_age_ms = (zt_now_ns() - ctl->boot_ns) / ZT_NS_PER_MS;
	for (int i = 0; i < 2 && r == 0; i++) {
		c->tables[i] = ztc_pin_open(env->pin_dir, pins[i]);
		r = c->tables[i] < 0 ? c->tables[i] : 0;
	}
	for (int i = 0; i < SNAPSHOTS && r == 0; i++) {
		if (i)
			pause_a_little();
		r = snapshot(c);
	}
	ztc_set(data, "snapshots", json_integer(SNAPSHOTS));
	ztc_set(data, "seen", json_integer(c->seen));
	ztc_set(data, "found", json_integer(c->found));
	ztc_set(data, "missed", json_integer(c->missed));
	ztc_set(data, "idle", json_integer(c->idle));
	ztc_set(data, "loopback", json_integer(c->loopback));
	ztc_set(data, "rows", json_incref(c->rows));
	return r;
}

int ztc_collect_reconcile(const struct ztc_env *env, json_t *data)
{
	zt_auto(ztc_locals_free) struct ztc_locals locals = {0};
	struct reconcile c = {.locals = &locals, .tables = {-1, -1}, .rows = json_array()};
	struct zt_ctl ctl = {0};
	int r = zt_pins_read_ctl(env->pin_dir, &ctl);

	if (r == -ENOENT || r == -ENOTDIR)
		ztc_set(data, "why", json_string("nothing of the agent is pinned: no flow tables"));
	r = r == -ENOTDIR ? -ENOENT : r;
	if (r == 0)
		r = ztc_locals_read(&locals);
	if (r == 0)
		r = run(env, &c, &ctl, data);
	zt_strmap_free(&c.sockets);
	zt_close(&c.tables[0]);
	zt_close(&c.tables[1]);
	json_decref(c.rows);
	return r;
}
