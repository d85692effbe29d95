// SPDX-License-Identifier: Apache-2.0
/* peer.c - a canary neighbour: two processes, a veth pair between them, one question at a time. */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <ifaddrs.h>
#include <net/if.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
#include <netlink/route/addr.h>
#include <netlink/route/link.h>
#include <netlink/route/link/veth.h>

#include "base/cleanup.h"
#include "ctl/drill/peer.h"

#define PEER_LINK	"eth0" /* in its own namespace */
#define PREFIX_BITS	"/30"
#define ECHO_CLIENTS	16
#define ANSWER_SLACK_MS 2000 /* for the child to answer after its own limit */

static const uint16_t ports[] = {ZTC_PORT_LABELLED, ZTC_PORT_DENIED, ZTC_PORT_CHANGE,
				 ZTC_PORT_ALLOWED};

enum op {
	OP_UP, /* bring the link up and give it its address */
	OP_CONNECT,
	OP_KEEP,
	OP_TALK,
};

struct request {
	uint32_t op;
	uint32_t port;
	uint32_t timeout_ms;
};

struct answer {
	int32_t err; /* -errno or 0 */
	uint32_t ms;
};

uint64_t ztc_now_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

static void free_sock(struct nl_sock **sk)
{
	nl_socket_free(*sk);
}

static int open_route(struct nl_sock **ret)
{
	struct nl_sock *sk = nl_socket_alloc();

	if (!sk)
		return -ENOMEM;
	if (nl_connect(sk, NETLINK_ROUTE) < 0) {
		nl_socket_free(sk);
		return -EPROTO;
	}
	*ret = sk;
	return 0;
}

/* What libnl reports, as far as the difference matters here. */
static int nl_errno(int r)
{
	switch (-r) {
	case 0:
		return 0;
	case NLE_PERM:
	case NLE_NOACCESS:
		return -EPERM;
	case NLE_EXIST:
		return -EEXIST;
	case NLE_NOMEM:
		return -ENOMEM;
	default:
		return -EIO;
	}
}

/* Up, and with its address. */
static int bring_up(const char *link, const char *address)
{
	zt_auto(free_sock) struct nl_sock *sk = NULL;
	struct rtnl_link *change = rtnl_link_alloc(), *old = NULL;
	struct rtnl_addr *addr = rtnl_addr_alloc();
	struct nl_addr *local = NULL;
	int r = open_route(&sk);

	if (!r)
		r = nl_errno(rtnl_link_get_kernel(sk, 0, link, &old));
	if (!r)
		r = nl_errno(nl_addr_parse(address, AF_INET, &local));
	if (!r) {
		rtnl_addr_set_ifindex(addr, rtnl_link_get_ifindex(old));
		rtnl_addr_set_local(addr, local);
		r = nl_errno(rtnl_addr_add(sk, addr, 0));
	}
	if (!r) {
		rtnl_link_set_flags(change, IFF_UP);
		r = nl_errno(rtnl_link_change(sk, old, change, 0));
	}
	nl_addr_put(local);
	rtnl_addr_put(addr);
	rtnl_link_put(old);
	rtnl_link_put(change);
	return r;
}

static struct sockaddr_in at(const char *address, uint16_t port)
{
	struct sockaddr_in sa = {.sin_family = AF_INET, .sin_port = htons(port)};

	inet_pton(AF_INET, address, &sa.sin_addr);
	return sa;
}

/* --- the neighbour --------------------------------------------------------------------------- */

static int wait_for(int fd, short events, unsigned int timeout_ms)
{
	struct pollfd p = {.fd = fd, .events = events};
	int r = poll(&p, 1, timeout_ms);

	return r < 0 ? -errno : r == 0 ? -ETIMEDOUT : 0;
}

static int open_one(uint16_t port, unsigned int timeout_ms, int *ret)
{
	zt_auto(zt_close) int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	struct sockaddr_in sa = at(ZTC_PEER_HOST, port);
	socklen_t len = sizeof(int);
	int err = 0, r;

	if (fd < 0)
		return -errno;
	if (connect(fd, (struct sockaddr *)&sa, sizeof(sa)) == 0)
		goto done;
	if (errno != EINPROGRESS)
		return -errno;
	r = wait_for(fd, POLLOUT, timeout_ms);
	if (r < 0)
		return r;
	if (getsockopt(fd, SOL_SOCKET, SO_ERROR, &err, &len) < 0)
		return -errno;
	if (err)
		return -err;
done:
	*ret = zt_take_fd(fd);
	return 0;
}

static int talk_once(int fd, unsigned int timeout_ms)
{
	static unsigned char n;
	unsigned char out = ++n, in;
	uint64_t end = ztc_now_ms() + timeout_ms;

	if (send(fd, &out, 1, MSG_NOSIGNAL) != 1)
		return -errno;
	/* What an earlier byte, late, brought back is not this one's answer. */
	for (;;) {
		uint64_t now = ztc_now_ms();
		int r = wait_for(fd, POLLIN, now < end ? end - now : 0);
		ssize_t got;

		if (r < 0)
			return r;
		got = recv(fd, &in, 1, 0);
		if (got == 0)
			return -ECONNRESET;
		if (got < 0)
			return errno == EAGAIN ? -ETIMEDOUT : -errno;
		if (in == out)
			return 0;
	}
}

static int obey(const struct request *q, int *kept)
{
	zt_auto(zt_close) int fd = -1;
	int r;

	switch (q->op) {
	case OP_UP:
		return bring_up(PEER_LINK, ZTC_PEER_ADDRESS PREFIX_BITS);
	case OP_CONNECT:
		return open_one(q->port, q->timeout_ms, &fd);
	case OP_KEEP:
		r = open_one(q->port, q->timeout_ms, &fd);
		zt_close(kept);
		*kept = zt_take_fd(fd);
		return r;
	case OP_TALK:
		return *kept < 0 ? -ENOTCONN : talk_once(*kept, q->timeout_ms);
	default:
		return -EINVAL;
	}
}

static _Noreturn void be_peer(int fd)
{
	struct request q;
	int kept = -1;

	if (unshare(CLONE_NEWNET) < 0) {
		struct answer a = {.err = -errno};

		(void)!write(fd, &a, sizeof(a));
		_exit(1);
	}
	(void)!write(fd, &(struct answer){0}, sizeof(struct answer));
	while (read(fd, &q, sizeof(q)) == sizeof(q)) {
		uint64_t from = ztc_now_ms();
		struct answer a = {.err = obey(&q, &kept)};

		a.ms = ztc_now_ms() - from;
		if (write(fd, &a, sizeof(a)) != sizeof(a))
			break;
	}
	_exit(0);
}

/* --- this host's end ----------------------------------------------------------------------------
 */

static int listen_at(uint16_t port)
{
	struct sockaddr_in sa = at(ZTC_PEER_HOST, port);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0), one = 1;

	if (fd < 0)
		return -errno;
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
	if (bind(fd, (struct sockaddr *)&sa, sizeof(sa)) < 0 || listen(fd, ECHO_CLIENTS) < 0) {
		int r = -errno;

		close(fd);
		return r;
	}
	return fd;
}

static void echo(int *fd)
{
	char buf[64];
	ssize_t n = recv(*fd, buf, sizeof(buf), 0);

	if (n > 0)
		(void)!send(*fd, buf, n, MSG_NOSIGNAL);
	else if (n == 0 || (errno != EAGAIN && errno != EINTR))
		zt_close(fd);
}

static _Noreturn void be_server(const int *listeners)
{
	struct pollfd p[ARRAY_SIZE(ports) + ECHO_CLIENTS];

	for (size_t i = 0; i < ARRAY_SIZE(p); i++)
		p[i] = (struct pollfd){.fd = i < ARRAY_SIZE(ports) ? listeners[i] : -1,
				       .events = POLLIN};
	while (poll(p, ARRAY_SIZE(p), -1) >= 0 || errno == EINTR) {
		for (size_t i = ARRAY_SIZE(ports); i < ARRAY_SIZE(p); i++)
			if (p[i].fd >= 0 && p[i].revents)
				echo(&p[i].fd);
		for (size_t i = 0; i < ARRAY_SIZE(ports); i++) {
			int fd = p[i].revents & POLLIN ? accept4(p[i].fd, NULL, NULL,
								 SOCK_NONBLOCK | SOCK_CLOEXEC)
						       : -1;

			for (size_t k = ARRAY_SIZE(ports); fd >= 0 && k < ARRAY_SIZE(p); k++)
				if (p[k].fd < 0)
					p[k].fd = zt_take_fd(fd);
			zt_close(&fd);
		}
	}
	_exit(1);
}

static int start_server(struct ztc_peer *peer)
{
	int fds[ARRAY_SIZE(ports)], r = 0;
	pid_t parent = getpid();

	for (size_t i = 0; i < ARRAY_SIZE(fds); i++)
		fds[i] = -1;
	for (size_t i = 0; i < ARRAY_SIZE(fds) && r >= 0; i++)
		r = fds[i] = listen_at(ports[i]);
	if (r >= 0) {
		peer->server = fork();
		if (peer->server == 0) {
			prctl(PR_SET_PDEATHSIG, SIGKILL);
			if (getppid() == parent)
				be_server(fds);
			_exit(1);
		}
		r = peer->server < 0 ? -errno : 0;
	}
	for (size_t i = 0; i < ARRAY_SIZE(fds); i++)
		zt_close(&fds[i]);
	return r;
}

/* --- from outside
 * --------------------------------------------------------------------------------- */

static int read_answer(struct ztc_peer *peer, unsigned int timeout_ms, struct answer *ret)
{
	int r = wait_for(peer->fd, POLLIN, timeout_ms + ANSWER_SLACK_MS);

	if (r < 0)
		return r;
	return read(peer->fd, ret, sizeof(*ret)) == sizeof(*ret) ? ret->err : -EPIPE;
}

static int ask(struct ztc_peer *peer, const struct request *q, struct answer *ret)
{
	if (send(peer->fd, q, sizeof(*q), MSG_NOSIGNAL) != sizeof(*q))
		return -errno;
	return read_answer(peer, q->timeout_ms, ret);
}

static int make_link(struct ztc_peer *peer)
{
	zt_auto(free_sock) struct nl_sock *sk = NULL;
	int r = open_route(&sk);

	if (!r)
		r = nl_errno(rtnl_link_veth_add(sk, ZTC_PEER_LINK, PEER_LINK, peer->pid));
	if (!r)
		r = bring_up(ZTC_PEER_LINK, ZTC_PEER_HOST PREFIX_BITS);
	peer->ifindex = r ? 0 : if_nametoindex(ZTC_PEER_LINK);
	return r;
}

static int fork_peer(struct ztc_peer *peer)
{
	struct answer a;
	pid_t parent = getpid();
	int pair[2];

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0)
		return -errno;
	peer->pid = fork();
	if (peer->pid == 0) {
		close(pair[0]);
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		if (getppid() == parent)
			be_peer(pair[1]);
		_exit(1);
	}
	close(pair[1]);
	peer->fd = pair[0];
	if (peer->pid < 0) {
		peer->pid = 0;
		return -errno;
	}
	return read_answer(peer, 0, &a);
}

/* An interface whose network has the canary's addresses in it: they may be somebody's after all. */
static bool network_in_use(void)
{
	struct ifaddrs *all = NULL;
	bool used = false;
	struct in_addr ours;

	inet_pton(AF_INET, ZTC_PEER_HOST, &ours);
	if (getifaddrs(&all) < 0)
		return true;
	for (struct ifaddrs *i = all; i; i = i->ifa_next) {
		const struct sockaddr_in *at_if = (const void *)i->ifa_addr;
		const struct sockaddr_in *mask = (const void *)i->ifa_netmask;

		if (at_if && mask && at_if->sin_family == AF_INET && mask->sin_addr.s_addr &&
		    ((at_if->sin_addr.s_addr ^ ours.s_addr) & mask->sin_addr.s_addr) == 0)
			used = true;
	}
	freeifaddrs(all);
	return used;
}

int ztc_peer_start(struct ztc_peer *peer, char **ret_why)
{
	struct answer a;
	int r = -EEXIST;

	if (network_in_use() || if_nametoindex(ZTC_PEER_LINK)) {
		*ret_why = strdup(
			"a drill is running already, or this host is in the network of " ZTC_PEER_HOST
			" (TEST-NET-1, RFC 5737), which drills borrow");
		return r;
	}
	r = fork_peer(peer);
	if (!r)
		r = make_link(peer);
	if (!r)
		r = ask(peer, &(struct request){.op = OP_UP}, &a);
	if (!r)
		r = start_server(peer);
	if (r < 0) {
		if (asprintf(ret_why, "cannot make the canary neighbour: %s%s", strerror(-r),
			     r == -EPERM ? " (CAP_NET_ADMIN and CAP_SYS_ADMIN are needed)" : "") <
		    0)
			*ret_why = NULL;
		ztc_peer_stop(peer);
	}
	return r;
}

static void end_child(pid_t *pid)
{
	if (*pid <= 0)
		return;
	kill(*pid, SIGKILL);
	while (waitpid(*pid, NULL, 0) < 0 && errno == EINTR)
		;
	*pid = 0;
}

void ztc_peer_stop(struct ztc_peer *peer)
{
	zt_auto(free_sock) struct nl_sock *sk = NULL;
	struct rtnl_link *link = rtnl_link_alloc();

	/* The kernel takes a namespace down some time after its last process: not so the link. */
	if (peer->ifindex && link && open_route(&sk) == 0) {
		rtnl_link_set_ifindex(link, peer->ifindex);
		rtnl_link_delete(sk, link);
		peer->ifindex = 0;
	}
	rtnl_link_put(link);
	end_child(&peer->server);
	end_child(&peer->pid);
	zt_close(&peer->fd);
}

int ztc_peer_connect(struct ztc_peer *peer, uint16_t port, unsigned int timeout_ms, bool keep,
		     uint64_t *ret_ms)
{
	struct request q = {
		.op = keep ? OP_KEEP : OP_CONNECT, .port = port, .timeout_ms = timeout_ms};
	struct answer a = {0};
	int r = ask(peer, &q, &a);

	if (ret_ms)
		*ret_ms = a.ms;
	return r;
}

int ztc_peer_talk(struct ztc_peer *peer, unsigned int timeout_ms)
{
	struct answer a;

	return ask(peer, &(struct request){.op = OP_TALK, .timeout_ms = timeout_ms}, &a);
}
