// SPDX-License-Identifier: Apache-2.0
/* services.c - the listeners one after another and some side by side, each in its own namespace. */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <fnmatch.h>
#include <ifaddrs.h>
#include <net/if.h>
#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/cleanup.h"
#include "base/json.h"
#include "ctl/i18n/say.h"
#include "ctl/probe/banner.h"
#include "ctl/probe/services.h"

#define SPARE_MS   1000 /* to hand over what was found */
#define WORKERS	   8
#define TARGET_LEN 64
#define ROOT_LEN   32

/* Shared by the workers; @lock guards what changes. */
struct prober {
	pthread_mutex_t lock;
	json_t *rows, *done;
	size_t next;
	int64_t turn_ms, end_ms;
	int connections;
	bool old_hello, late;
	uint64_t own_netns;
	const json_t *namespaces;
};

/* One listener at work. */
struct work {
	struct ztc_service service; /* first: open() gets back from it */
	struct prober *prober;
	json_t *row;
	struct sockaddr_storage to;
	socklen_t to_len;
	char root[ROOT_LEN];
};

static const char *str(const json_t *object, const char *key)
{
	return json_string_value(json_object_get(object, key));
}

/* --- turns, and what was done --- */

static void write_down(struct prober *p, const json_t *row, const char *what, uint16_t from_port)
{
	pthread_mutex_lock(&p->lock);
	p->connections++;
	json_array_append_new(
		p->done, json_pack("{s:I, s:s, s:s, s:i}", "at", (json_int_t)time(NULL), "target",
				   str(row, "resource"), "what", what, "from_port", from_port));
	pthread_mutex_unlock(&p->lock);
}

/* Waits for its turn. Returns 0, or -ETIME when the time for all is over. */
static int take_turn(struct prober *p)
{
	struct timespec pause;
	int64_t now = ztc_wire_now_ms(), mine;

	pthread_mutex_lock(&p->lock);
	mine = p->turn_ms > now ? p->turn_ms : now;
	p->late = p->late || mine >= p->end_ms;
	if (!p->late)
		p->turn_ms = mine + 1000 / ZTC_PROBES_PER_S;
	pthread_mutex_unlock(&p->lock);
	if (p->late)
		return -ETIME;
	pause = (struct timespec){.tv_sec = (mine - now) / 1000,
				  .tv_nsec = (mine - now) % 1000 * 1000000};
	nanosleep(&pause, NULL);
	return 0;
}

static int open_for(struct ztc_service *service, const char *what, struct ztc_wire *ret)
{
	struct work *work = (struct work *)service;
	int type = service->proto == IPPROTO_UDP ? SOCK_DGRAM : SOCK_STREAM;
	int r = take_turn(work->prober);

	if (r < 0)
		return r;
	r = ztc_wire_open(ret, &work->to, work->to_len, type, ZTC_PROBE_MS);
	write_down(work->prober, work->row, what, r == 0 ? ret->port : 0);
	return r;
}

/* --- where to --- */

/* An address of this namespace that others use: services treat loopback as special. */
static bool own_address(int family, const char *wanted, struct sockaddr_storage *ret)
{
	struct ifaddrs *list = NULL;
	bool found = false;

	if (getifaddrs(&list) < 0)
		return false;
	for (const struct ifaddrs *a = list; a && !found; a = a->ifa_next) {
		char text[INET6_ADDRSTRLEN] = "";
		const struct sockaddr_in6 *in6 = (const void *)a->ifa_addr;
		const struct sockaddr_in *in = (const void *)a->ifa_addr;

		if (!a->ifa_addr || a->ifa_addr->sa_family != family || !(a->ifa_flags & IFF_UP))
			continue;
		inet_ntop(family, family == AF_INET ? (const void *)&in->sin_addr : &in6->sin6_addr,
			  text, sizeof(text));
		if (wanted ? strcmp(text, wanted) != 0
			   : (a->ifa_flags & IFF_LOOPBACK) ||
				     (family == AF_INET6 && IN6_IS_ADDR_LINKLOCAL(&in6->sin6_addr)))
			continue;
		memcpy(ret, a->ifa_addr,
		       family == AF_INET ? sizeof(*in) : sizeof(struct sockaddr_in6));
		found = true;
	}
	freeifaddrs(list);
	return found;
}

static int aim(struct work *work)
{
	const char *address = str(work->row, "address");
	int family = address && strchr(address, ':') ? AF_INET6 : AF_INET;
	struct sockaddr_in6 *in6 = (void *)&work->to;
	struct sockaddr_in *in = (void *)&work->to;
	bool wildcard = !address || strcmp(address, "::") == 0 || strcmp(address, "0.0.0.0") == 0 ||
			strcmp(address, "*") == 0;

	memset(&work->to, 0, sizeof(work->to));
	/* "::" takes IPv4 too, and is looked at that way where there is no IPv6. */
	if (wildcard && family == AF_INET6 && !json_is_true(json_object_get(work->row, "v6only")) &&
	    !own_address(AF_INET6, NULL, &work->to) && own_address(AF_INET, NULL, &work->to))
		family = AF_INET;
	/* With its interface, which a link-local address needs. */
	if (!own_address(family, wildcard ? NULL : address, &work->to)) {
		work->to.ss_family = (sa_family_t)family;
		if (wildcard)
			address = family == AF_INET ? "127.0.0.1" : "::1";
		if (inet_pton(family, address,
			      family == AF_INET ? (void *)&in->sin_addr
						: (void *)&in6->sin6_addr) != 1)
			return -EINVAL;
	}
	if (family == AF_INET)
		in->sin_port = htons(work->service.port);
	else
		in6->sin6_port = htons(work->service.port);
	work->to_len = family == AF_INET ? sizeof(*in) : sizeof(*in6);
	return 0;
}

/* --- in the listener's namespace --- */

static uint64_t inode_of(const json_t *object, const char *key)
{
	return (uint64_t)json_integer_value(json_object_get(object, key));
}

/* By a process that is in it. Our own needs no privilege to be in. */
static int enter(const struct prober *p, uint64_t netns)
{
	const json_t *each;
	char path[64];
	size_t i;

	json_array_foreach (p->namespaces, i, each) {
		zt_auto(zt_close) int fd = -1;

		if (inode_of(each, "inode") != netns)
			continue;
		snprintf(path, sizeof(path), "/proc/%lld/ns/net",
			 (long long)json_integer_value(json_object_get(each, "pid")));
		fd = open(path, O_RDONLY | O_CLOEXEC);
		if (fd < 0)
			return -errno;
		return setns(fd, CLONE_NEWNET) < 0 ? -errno : 0;
	}
	return -ENOENT;
}

static int go_to(const struct prober *p, uint64_t netns)
{
	zt_auto(zt_close) int home = -1;

	if (netns != p->own_netns)
		return enter(p, netns);
	home = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC);
	return home < 0 ? -errno : 0;
}

static void unreached(json_t *row, const char *state, const char *why)
{
	json_object_set_new(row, "service", json_string("unknown"));
	json_object_set_new(row, "state", json_string(state));
	json_object_set_new(row, "clear", json_string("possible"));
	json_object_set_new(row, "why", zt_json_str(why));
}

static void look_at(struct prober *p, json_t *row)
{
	struct work work = {.prober = p, .row = row};
	const char *exe = str(row, "exe");
	int pid = (int)json_integer_value(json_object_get(row, "pid"));
	int r;

	if (pid > 0)
		snprintf(work.root, sizeof(work.root), "/proc/%d/root", pid);
	work.service = (struct ztc_service){
		.proto = strcmp(str(row, "proto"), "udp") == 0 ? IPPROTO_UDP : IPPROTO_TCP,
		.port = (uint16_t)json_integer_value(json_object_get(row, "port")),
		.comm = str(row, "comm"),
		.exe = exe,
		.unit = str(row, "unit"),
		.root = work.root,
		.pid = pid,
		.old_hello = p->old_hello,
		.open = open_for,
	};
	r = aim(&work);
	if (r < 0)
		unreached(row, "unreachable", strerror(-r));
	else
		ztc_service_probe(&work.service, row);
	if (p->late && strcmp(str(row, "state"), "ok") != 0)
		unreached(row, "not_reached", N_("the time for all probes was over"));
}

/* Rows that are to be probed have no state yet. */
static json_t *next_row(struct prober *p)
{
	json_t *row = NULL;

	pthread_mutex_lock(&p->lock);
	while (!row && p->next < json_array_size(p->rows)) {
		row = json_array_get(p->rows, p->next++);
		if (json_object_get(row, "state"))
			row = NULL;
	}
	pthread_mutex_unlock(&p->lock);
	return row;
}

/* A thread per listener: a thread that has entered another namespace stays there. */
static void *work_on(void *arg)
{
	struct prober *p = arg;
	uint64_t at = p->own_netns;
	json_t *row;

	while ((row = next_row(p))) {
		uint64_t netns = inode_of(row, "netns");
		int r = netns == at ? 0 : go_to(p, netns);

		if (r == 0)
			at = netns;
		if (r == 0)
			look_at(p, row);
		else
			unreached(row, "unreachable",
				  N_("its network namespace cannot be entered"));
	}
	return NULL;
}

/* --- which ones --- */

static bool is_skipped(const json_t *skip, const json_t *row)
{
	char by_port[TARGET_LEN], by_unit[300];
	const json_t *each;
	size_t i;

	snprintf(by_port, sizeof(by_port), "%s/%lld", str(row, "proto"),
		 (long long)json_integer_value(json_object_get(row, "port")));
	snprintf(by_unit, sizeof(by_unit), "unit:%s", str(row, "unit") ? str(row, "unit") : "");
	json_array_foreach (skip, i, each) {
		const char *text = json_string_value(each);

		if (text && (strcmp(text, by_port) == 0 || strcmp(text, by_unit) == 0 ||
			     strcmp(text, str(row, "resource")) == 0))
			return true;
	}
	return false;
}

static json_t *row_of(const json_t *socket)
{
	static const char *const keys[] = {"proto", "address", "port", "netns", "reach",
					   "pid",   "comm",    "exe",  "unit",	"v6only"};
	const char *address = str(socket, "address");
	json_t *row = json_object();

	for (size_t i = 0; i < ARRAY_SIZE(keys); i++) {
		json_t *value = json_object_get(socket, keys[i]);

		if (value && !json_is_null(value))
			json_object_set(row, keys[i], value);
	}
	json_object_set_new(
		row, "resource",
		json_sprintf(address && strchr(address, ':') ? "%s/[%s]:%lld" : "%s/%s:%lld",
			     str(socket, "proto") ? str(socket, "proto") : "tcp",
			     address ? address : "?",
			     (long long)json_integer_value(json_object_get(socket, "port"))));
	return row;
}

/* Ports of UDP whose protocols are known not to be SNMP and do not like surprises. */
static bool is_left_alone(const json_t *socket)
{
	static const int ports[] = {53, 67, 68, 69, 123, 500, 546, 547, 4500, 5353, 5355, 51820};
	const char *proto = str(socket, "proto"), *comm = str(socket, "comm");
	json_int_t port = json_integer_value(json_object_get(socket, "port"));

	if (!proto || strcmp(proto, "udp") != 0)
		return false;
	for (size_t i = 0; i < ARRAY_SIZE(ports); i++) {
		if (port == ports[i])
			return true;
	}
	/* Sockets of the kernel itself (tunnels) have no process. */
	return !comm;
}

static void choose(struct prober *p, const json_t *listeners, const json_t *skip)
{
	const json_t *socket;
	size_t i;

	json_array_foreach (json_object_get(listeners, "sockets"), i, socket) {
		const char *reach = str(socket, "reach");
		json_t *row;

		if (!str(socket, "proto") || (reach && strcmp(reach, "loopback") == 0) ||
		    is_left_alone(socket))
			continue;
		row = row_of(socket);
		if (is_skipped(skip, row))
			unreached(row, "skipped", N_("the profile's list probe_skip names it"));
		else if (i >= ZTC_PROBED_MAX)
			unreached(row, "not_reached", N_("more listeners than are probed at once"));
		json_array_append_new(p->rows, row);
	}
}

static int run_workers(struct prober *p)
{
	pthread_t threads[WORKERS];
	size_t count = 0;

	while (count < WORKERS && pthread_create(&threads[count], NULL, work_on, p) == 0)
		count++;
	for (size_t i = 0; i < count; i++)
		pthread_join(threads[i], NULL);
	return count ? 0 : -EAGAIN;
}

/* When no connection is begun any more, so that the last one has its time [ms]. */
static int64_t end_of(unsigned int within_s)
{
	int64_t ms = (int64_t)within_s * 1000 - ZTC_PROBE_MS - SPARE_MS;

	return ms > 1000 ? ms : 1000;
}

int ztc_services_probe(const struct ztc_env *env, bool old_hello, unsigned int within_s,
		       json_t *data)
{
	const json_t *fact = json_object_get(env->facts, "listeners");
	const json_t *listeners = json_object_get(fact, "data");
	const json_t *lists = json_object_get(env->profile, "lists");
	struct prober p = {
		.lock = PTHREAD_MUTEX_INITIALIZER,
		.rows = json_array(),
		.done = json_array(),
		.end_ms = ztc_wire_now_ms() + end_of(within_s),
		.old_hello = old_hello,
		.own_netns = inode_of(listeners, "own_netns"),
		.namespaces = json_object_get(listeners, "namespaces"),
	};
	int r;

	json_object_set_new(data, "listeners", p.rows);
	json_object_set_new(data, "done", p.done);
	if (!listeners) {
		json_object_set_new(data, "why", json_string("the listeners are not known"));
		return -ENOENT;
	}
	choose(&p, listeners, json_object_get(lists, "probe_skip"));
	r = json_array_size(p.rows) ? run_workers(&p) : 0;
	json_object_set_new(data, "connections", json_integer(p.connections));
	json_object_set_new(
		data, "complete",
		json_boolean(!p.late && json_is_true(json_object_get(listeners, "complete"))));
	return r;
}
