// SPDX-License-Identifier: Apache-2.0
/*
 * test_sockets.c - what the wire programs make of sockets: who opened, who owns.
 *
 * Real sockets on loopback, made-up packets. The owner records that the socket hooks would have
 * written are written here, beside the sockets.
 */
#include <arpa/inet.h>
#include <bpf/bpf.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "flows.h"

#ifndef SO_COOKIE
#define SO_COOKIE 57
#endif

#define OWNER_APP   5
#define OWNER_OTHER 6

#define POLICY_UNITS                                                                               \
	"version: 1\npolicy: units\nrevision: 2\nmode: enforced\n"                                 \
	"hosts:\n"                                                                                 \
	"  me: {addresses: [10.20.0.1, \"2001:db8:20::1\"], labels: {role: srv}}\n"                \
	"  peer: {addresses: [10.20.0.2, \"2001:db8:20::2\"], labels: {role: peer}}\n"             \
	"segments:\n"                                                                              \
	"  srv: {select: {role: srv}}\n"                                                           \
	"  peers: {select: {role: peer}}\n"                                                        \
	"boundaries:\n"                                                                            \
	"  - {id: u-in, segment: srv, inbound: deny}\n"                                            \
	"  - {id: u-out, segment: srv, outbound: deny}\n"                                          \
	"rules:\n"                                                                                 \
	"  - {id: app-in, from: peers, to: {segment: srv, unit: app.service},"                     \
	" ports: [tcp/9000, udp/9001]}\n"                                                          \
	"  - {id: app-out, from: {segment: srv, unit: app.service}, to: peers,"                    \
	" ports: [udp/161]}\n"                                                                     \
	"  - {id: not-other, action: deny, from: peers, to: {segment: srv, unit: other.service},"  \
	" ports: [tcp/9002]}\n"                                                                    \
	"  - {id: anyone, from: peers, to: srv, ports: [tcp/9002]}\n"

/* --- sockets ------------------------------------------------------------------------ */

static socklen_t address(struct try *t, const char *name, int port, struct sockaddr_storage *ret)
{
	struct sockaddr_in6 *in6 = (struct sockaddr_in6 *)ret;
	struct sockaddr_in *in = (struct sockaddr_in *)ret;
	struct zt_addr addr;

	memset(ret, 0, sizeof(*ret));
	pkt_addr(&addr, t->family, row_names, name);
	if (t->family == AF_INET) {
		in->sin_family = AF_INET;
		in->sin_port = htons(port);
		memcpy(&in->sin_addr, addr.bytes + 12, 4);
		return sizeof(*in);
	}
	in6->sin6_family = AF_INET6;
	in6->sin6_port = htons(port);
	memcpy(&in6->sin6_addr, addr.bytes, 16);
	return sizeof(*in6);
}

static void must(bool good, const char *what)
{
	if (good)
		return;
	printf("%s: %s\n", what, strerror(errno));
	exit(99);
}

static int bound(struct try *t, int type, const char *name, int port)
{
	struct sockaddr_storage sa;
	socklen_t len = address(t, name, port, &sa);
	int fd = socket(t->family, type | SOCK_CLOEXEC, 0), one = 1;

	must(fd >= 0, "socket");
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
	must(!bind(fd, (struct sockaddr *)&sa, len), "bind");
	return fd;
}

static int listener(struct try *t, const char *name, int port)
{
	int fd = bound(t, SOCK_STREAM, name, port);

	must(!listen(fd, 8), "listen");
	return fd;
}

static void connect_to(struct try *t, int fd, const char *name, int port)
{
	struct sockaddr_storage sa;
	socklen_t len = address(t, name, port, &sa);

	must(!connect(fd, (struct sockaddr *)&sa, len), "connect");
}

/* What the socket hooks would have written. */
static void record(struct try *t, int fd, __u32 owner, __u8 role, __u8 flags)
{
	struct zt_sock s = {.owner = owner, .pid = getpid(), .role = role, .flags = flags};
	socklen_t len = sizeof(s.cookie);

	must(!getsockopt(fd, SOL_SOCKET, SO_COOKIE, &s.cookie, &len), "cookie");
	must(!bpf_map_update_elem(rig_map(t->rig, "zt_socks"), &fd, &s, BPF_ANY), "zt_socks");
}

/* A connection that was allowed under that state word, at that time. */
static void record_allowed(struct try *t, int fd, __u64 word, __u64 at_ns)
{
	struct zt_sock s = {.role = ZT_ROLE_LISTEN, .flags = ZT_SOCK_ESTABLISHED};

	s.word = word;
	s.at_ns = at_ns;
	s.cookie = 1;
	must(!bpf_map_update_elem(rig_map(t->rig, "zt_socks"), &fd, &s, BPF_ANY), "zt_socks");
}

static void put_owner(struct rig *rig, __u32 index, const char *unit)
{
	struct zt_owner owner = {.uid = 1000};

	snprintf(owner.unit, sizeof(owner.unit), "%s", unit);
	snprintf(owner.cgroup, sizeof(owner.cgroup), "/system.slice/%s", unit);
	snprintf(owner.exe, sizeof(owner.exe), "/usr/bin/%s", unit);
	must(!bpf_map_update_elem(rig_map(rig, "zt_owner_recs"), &index, &owner, BPF_ANY),
	     "zt_owner_recs");
}

/* --- owners --------------------------------------------------------------------------- */

static void listeners_owner(struct try *t)
{
	const char *syn = "ip peer>me / tcp 40000>9000 S";
	struct zt_flow_key key;
	struct zt_flow flow;
	bool in_flows;
	int fd;

	rig_flip(t->rig, SLOT_B);
	expect_rule(t, 'i', syn, DROP, "u-in", "no listener, no owner");
	fd = listener(t, "me", 9000);
	expect_rule(t, 'i', syn, DROP, "u-in", "a listener that nobody knows");
	record(t, fd, OWNER_OTHER, ZT_ROLE_LISTEN, 0);
	expect_rule(t, 'i', syn, DROP, "u-in", "a listener of another unit");
	record(t, fd, OWNER_APP, ZT_ROLE_LISTEN, 0);
	expect_rule(t, 'i', syn, PASS, "app-in", "the unit's own");
	if (the_flow(t, &key, &flow, &in_flows)) {
		check(t, flow.flags & ZT_FLOW_OWNER_DEP, "the verdict rests on the owner");
		check(t, flow.owner == OWNER_APP && flow.cookie, "and names it");
	}
	close(fd);
	expect_rule(t, 'i', syn, DROP, "u-in", "gone with its listener");
}

static void denied_owner(struct try *t)
{
	const char *syn = "ip peer>me / tcp 40000>9002 S";
	int fd;

	rig_flip(t->rig, SLOT_B);
	expect_rule(t, 'i', syn, PASS, "anyone", "no owner: a deny that asks for one fails");
	fd = listener(t, "me", 9002);
	record(t, fd, OWNER_OTHER, ZT_ROLE_LISTEN, 0);
	expect_rule(t, 'i', syn, DROP, "not-other", "its unit is denied");
	record(t, fd, OWNER_APP, ZT_ROLE_LISTEN, 0);
	expect_rule(t, 'i', syn, PASS, "anyone", "another is not");
	close(fd);
}

/* An owner's verdict under one epoch says nothing of the next. */
static void owner_and_epoch(struct try *t)
{
	const char *syn = "ip peer>me / tcp 40000>9000 S";
	int fd = listener(t, "me", 9000);

	record(t, fd, OWNER_APP, ZT_ROLE_LISTEN, 0);
	rig_flip(t->rig, SLOT_B);
	expect(t, 'i', syn, PASS, "allowed by its unit");
	rig_flip(t->rig, SLOT_A);
	expect(t, 'i', syn, DROP, "a policy without units");
	rig_flip(t->rig, SLOT_B);
	expect(t, 'i', syn, PASS, "and back");
	close(fd);
}

static void owner_of_connection(struct try *t)
{
	int fd = listener(t, "me", 9000);

	rig_flip(t->rig, SLOT_B);
	record(t, fd, OWNER_APP, ZT_ROLE_LISTEN, 0);
	expect(t, 'i', "ip peer>me / tcp 40000>9000 S seq=1", PASS, "opened");
	expect(t, 'o', "ip me>peer / tcp 9000>40000 SA seq=1000 ack=2", PASS, "answered");
	expect(t, 'i', "ip peer>me / tcp 40000>9000 A seq=2 ack=1001", PASS, "acknowledged");
	check(t, rig_count_flows(t->rig, false) == 1, "answered flow");
	expect(t, 'o', "ip me>peer / tcp 9000>40000 A seq=1001 ack=2", PASS,
	       "an ACK without a socket (TIME_WAIT) goes out");
	expect(t, 'o', "ip me>peer / tcp 9000>40000 PA seq=1001 ack=2 / data 10", DROP,
	       "data of a socket that is not the one judged does not");
	close(fd);
	fd = listener(t, "me", 9000);
	record(t, fd, OWNER_OTHER, ZT_ROLE_LISTEN, 0);
	expect(t, 'i', "ip peer>me / tcp 40000>9000 S seq=77", DROP, "another unit took the port");
	close(fd);
}

/* What zt_release does when a UDP socket goes: its entries are looked at anew. */
static void udp_released(struct try *t, int port)
{
	__u32 key = port, gen = 0;
	int map = rig_map(t->rig, "zt_udp_gen");

	bpf_map_lookup_elem(map, &key, &gen);
	gen++;
	bpf_map_update_elem(map, &key, &gen, BPF_ANY);
}

static void udp_owner(struct try *t)
{
	const char *datagram = "ip peer>me / udp 40000>9001 / data 8";
	int fd = bound(t, SOCK_DGRAM, "me", 9001);

	rig_flip(t->rig, SLOT_B);
	record(t, fd, OWNER_APP, ZT_ROLE_LISTEN, 0);
	expect_rule(t, 'i', datagram, PASS, "app-in", "the unit's own");
	expect_rule(t, 'i', datagram, PASS, "app-in", "again");
	close(fd);
	udp_released(t, 9001);
	fd = bound(t, SOCK_DGRAM, "me", 9001);
	record(t, fd, OWNER_OTHER, ZT_ROLE_LISTEN, 0);
	expect(t, 'i', datagram, DROP, "another unit took the port");
	close(fd);
	expect(t, 'i', datagram, DROP, "nobody has the port");
}

/* --- who opened ---------------------------------------------------------------------- */

static void connected_udp(struct try *t)
{
	const char *answer = "ip peer>me / udp 161>5000 / data 8";
	int fd = bound(t, SOCK_DGRAM, "me", 5000);

	rig_flip(t->rig, SLOT_B);
	record(t, fd, OWNER_APP, ZT_ROLE_LISTEN, 0);
	expect_rule(t, 'i', answer, DROP, "u-in", "not connected: an opening by the far end");
	rig_forget(t->rig);
	connect_to(t, fd, "peer", 161);
	record(t, fd, OWNER_APP, ZT_ROLE_CONNECT, 0);
	expect_rule(t, 'i', answer, PASS, "app-out", "connected: the answer to our own");
	rig_forget(t->rig);
	record(t, fd, OWNER_OTHER, ZT_ROLE_CONNECT, 0);
	expect_rule(t, 'i', answer, DROP, "u-out", "connected, but not by the unit");
	close(fd);
}

static void released_udp(struct try *t)
{
	const char *answer = "ip peer>me / udp 53>5002 / data 8";
	int fd = bound(t, SOCK_DGRAM, "me", 5002);

	connect_to(t, fd, "peer", 53);
	record(t, fd, OWNER_OTHER, ZT_ROLE_CONNECT, 0);
	expect_rule(t, 'i', answer, PASS, "dns-out", "an answer to our socket");
	expect(t, 'o', "ip me>peer / udp 5002>53 / data 8", PASS, "and more of it");
	expect(t, 'i', answer, PASS, "both ways");
	close(fd);
	udp_released(t, 5002);
	expect(t, 'i', answer, DROP, "the socket is gone: an opening by the far end");
}

/*
 * Port 81 is denied inward; from it to their 5432 would be allowed outward. Only the socket can
 * tell that they opened.
 */
static void accepted(struct try *t, bool known)
{
	const char *ack = "ip peer>me / tcp 5432>81 A seq=2 ack=1001";
	int l = listener(t, "me", 81), c = bound(t, SOCK_STREAM, "peer", 5432), a;

	expect_rule(t, 'i', "ip peer>me / tcp 5432>82 A", PASS, "db-out",
		    "no socket: either direction is enough");
	rig_forget(t->rig);
	connect_to(t, c, "me", 81);
	a = accept(l, NULL, NULL);
	must(a >= 0, "accept");
	if (known)
		record(t, a, OWNER_OTHER, ZT_ROLE_LISTEN, ZT_SOCK_ESTABLISHED);
	expect_rule(t, 'i', ack, DROP, R_BIN, "the socket tells that they opened");
	check(t, moved(t, ZT_C_EITHER) == 0, "nothing was guessed");
	shutdown(c, SHUT_RDWR);
	close(a);
	close(c);
	close(l);
}

static void accepted_known(struct try *t)
{
	accepted(t, true);
}

static void accepted_old(struct try *t)
{
	accepted(t, false);
}

static void connected(struct try *t)
{
	int l = listener(t, "peer", 5432), c = bound(t, SOCK_STREAM, "me", 42000);

	connect_to(t, c, "peer", 5432);
	record(t, c, OWNER_APP, ZT_ROLE_CONNECT, ZT_SOCK_ESTABLISHED);
	expect_rule(t, 'i', "ip peer>me / tcp 5432>42000 A seq=2 ack=1001", PASS, "db-out",
		    "the socket tells that we opened");
	check(t, moved(t, ZT_C_EITHER) == 0, "nothing was guessed");
	check(t, rig_count_flows(t->rig, false) == 1, "a living connection is an answered flow");
	close(c);
	close(l);
}

/* `keep` is remembered beside the socket: the flow entry may be gone. */
static void kept_beside_socket(struct try *t)
{
	const char *data = "ip peer>me / tcp 41000>443 PA seq=2 ack=1001 / data 8";
	int l = listener(t, "me", 443), c = bound(t, SOCK_STREAM, "peer", 41000), a;

	connect_to(t, c, "me", 443);
	a = accept(l, NULL, NULL);
	must(a >= 0, "accept");
	rig_flip(t->rig, SLOT_C);
	record(t, a, OWNER_APP, ZT_ROLE_LISTEN, ZT_SOCK_ESTABLISHED);
	expect(t, 'i', data, PASS, "established while guarded: kept");
	rig_forget(t->rig);
	record(t, a, OWNER_APP, ZT_ROLE_LISTEN, ZT_SOCK_ESTABLISHED | ZT_SOCK_CUT);
	expect(t, 'i', data, DROP, "once cut, never kept again");
	rig_forget(t->rig);
	record(t, a, OWNER_APP, ZT_ROLE_LISTEN, 0);
	expect(t, 'i', data, DROP, "never seen established: not kept");
	close(a);
	close(c);
	close(l);
}

/* What an address without a row is, and since when. */
static void change_unknown(struct try *t, __u32 label_epoch, __u64 until_ns)
{
	zt_auto(zt_close) int metas = rig_inner(t->rig, "zt_s_meta", SLOT_C);
	zt_auto(zt_close) int steps = rig_inner(t->rig, "zt_s_steps", SLOT_C);
	struct zt_slot_meta meta;
	struct zt_step step = {};
	__u32 zero = 0;

	must(!bpf_map_lookup_elem(metas, &zero, &meta), "zt_s_meta");
	meta.unknown.label_epoch = label_epoch;
	meta.unknown.until_ns = until_ns;
	step.far_id = meta.unknown.far_id;
	step.near_id = meta.unknown.near_id;
	must(!bpf_map_update_elem(steps, &zero, &step, BPF_ANY) &&
		     !bpf_map_update_elem(metas, &zero, &meta, BPF_ANY),
	     "zt_s_steps");
}

/* Nor does it matter for what `keep` is not heard over: labels that change, and time. */
static void not_kept_beside_socket(struct try *t)
{
	const char *data = "ip peer>me / tcp 41000>443 PA seq=2 ack=1001 / data 8";
	int l = listener(t, "me", 443), c = bound(t, SOCK_STREAM, "peer", 41000), a;
	__u64 word = rig_flip(t->rig, SLOT_C), now = rig_now_ns();

	connect_to(t, c, "me", 443);
	a = accept(l, NULL, NULL);
	must(a >= 0, "accept");
	change_unknown(t, (__u32)ZT_WORD_EPOCH(word), 0);
	record_allowed(t, a, word, now);
	expect(t, 'i', data, PASS, "labels that changed no later: kept");
	rig_forget(t->rig);
	record_allowed(t, a, word - ZT_WORD(1, 0), now);
	expect(t, 'i', data, DROP, "labels that changed since: not kept");
	rig_forget(t->rig);
	change_unknown(t, 0, now - SEC_NS);
	record_allowed(t, a, word, now);
	expect(t, 'i', data, PASS, "time that changed nothing since: kept");
	rig_forget(t->rig);
	record_allowed(t, a, word, now - 2 * SEC_NS);
	expect(t, 'i', data, DROP, "what ran out since: not kept");
	rig_forget(t->rig);
	change_unknown(t, 0, 0);
	close(a);
	close(c);
	close(l);
}

static void error_for_socket(struct try *t)
{
	const char *error = t->family == AF_INET
				    ? "ip stranger>me / icmp 3:3 / ip me>peer / udp 5001>999"
				    : "ip stranger>me / icmp 1:4 / ip me>peer / udp 5001>999";
	int fd = bound(t, SOCK_DGRAM, "me", 5001);

	expect(t, 'i', error, DROP, "not connected there");
	connect_to(t, fd, "peer", 999);
	expect(t, 'i', error, PASS, "an ICMP error for a connected socket");
	check(t, moved(t, ZT_C_ICMP_ERROR) == 1, "counted");
	close(fd);
}

#define POLICY_KEEP                                                                                \
	"version: 1\npolicy: keep\nrevision: 3\nmode: enforced\n"                                  \
	"hosts:\n"                                                                                 \
	"  me: {addresses: [10.20.0.1, \"2001:db8:20::1\"], labels: {role: srv}}\n"                \
	"segments:\n  srv: {select: {role: srv}}\n"                                                \
	"boundaries:\n"                                                                            \
	"  - {id: k-in, segment: srv, inbound: deny, existing: keep}\n"

static const struct try_case cases[] = {
	{"listener's owner", listeners_owner},
	{"denied owner", denied_owner},
	{"owner and epoch", owner_and_epoch},
	{"owner of a connection", owner_of_connection},
	{"udp owner", udp_owner},
	{"connected udp", connected_udp},
	{"released udp", released_udp},
	{"accepted", accepted_known},
	{"accepted, older than us", accepted_old},
	{"connected", connected},
	{"kept", kept_beside_socket},
	{"not kept", not_kept_beside_socket},
	{"error for a socket", error_for_socket},
};

int main(void)
{
	struct rig rig;

	rig_open(&rig, 1024);
	rig_lo_up();
	must(!system("for a in 10.20.0.1/32 10.20.0.2/32 2001:db8:20::1/128 2001:db8:20::2/128; "
		     "do ip addr add $a dev lo nodad || exit 1; done"),
	     "ip addr");
	rig_policy(&rig, SLOT_C, POLICY_KEEP);
	rig_policy(&rig, SLOT_B, POLICY_UNITS);
	rig_policy(&rig, SLOT_A, ROW_POLICY("enforced"));
	put_owner(&rig, OWNER_APP, "app.service");
	put_owner(&rig, OWNER_OTHER, "other.service");
	run_cases(&rig, cases, ARRAY_SIZE(cases));
	return rig_exit(&rig);
}
