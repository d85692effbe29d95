// SPDX-License-Identifier: Apache-2.0
/*
 * peer.c - connections to another host's ports, some at a time, each with its outcome.
 *
 * Nothing is ever written to one. Sockets are closed with RST (linger 0), so that neither end keeps
 * anything.
 */
#include <errno.h>
#include <limits.h>
#include <netdb.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/addr.h"
#include "base/cleanup.h"
#include "base/json.h"
#include "base/time.h"
#include "ctl/evidence/record.h"
#include "ctl/probe/peer.h"

#define TICK_MS	 20
#define QUICK_MS 900

static const char *const outcome_names[] = {
	[ZTC_PROBE_CONNECTED] = "connected",
	[ZTC_PROBE_REFUSED] = "refused",
	[ZTC_PROBE_TIMEOUT] = "timeout",
	[ZTC_PROBE_PROHIBITED] = "prohibited",
	[ZTC_PROBE_UNREACHABLE] = "unreachable",
	[ZTC_PROBE_DENIED] = "denied",
	[ZTC_PROBE_ERROR] = "error",
};

const char *ztc_probe_outcome_name(enum ztc_probe_outcome outcome)
{
	return outcome_names[outcome];
}

/* --- what is tried -------------------------------------------------------------------------- */

int ztc_probe_add_port(struct ztc_probe *probe, uint16_t port)
{
	for (size_t i = 0; i < probe->port_count; i++) {
		if (probe->ports[i] == port)
			return 0;
	}
	if (probe->port_count == ZTC_PROBE_PORTS_MAX)
		return -E2BIG;
	probe->ports[probe->port_count++] = port;
	return 0;
}

int ztc_probe_add_ports(struct ztc_probe *probe, const char *text)
{
	zt_auto(zt_freep) char *copy = strdup(text);
	char *next = copy, *word;

	if (!copy)
		return -ENOMEM;
	while ((word = strsep(&next, ","))) {
		unsigned long port;
		char *end;
		int r;

		if (strncmp(word, "tcp/", 4) == 0)
			word += 4;
		port = strtoul(word, &end, 10);
		if (end == word || *end || *word == '-' || !port || port > UINT16_MAX)
			return -EINVAL;
		r = ztc_probe_add_port(probe, (uint16_t)port);
		if (r < 0)
			return r;
	}
	return 0;
}

static bool probe_may_go_to(const struct zt_addr *addr)
{
	return !zt_addr_is_loopback(addr) && !zt_addr_is_multicast(addr) &&
	       !zt_addr_is_unspecified(addr);
}

static int look_up(const char *name, struct zt_addr *ret)
{
	const struct addrinfo hints = {.ai_socktype = SOCK_STREAM, .ai_flags = AI_ADDRCONFIG};
	struct addrinfo *list = NULL;

	if (zt_addr_parse(name, ret) == 0)
		return 0;
	if (getaddrinfo(name, NULL, &hints, &list) != 0)
		return -ENOENT;
	if (list->ai_family == AF_INET)
		zt_addr_from_v4(ret, &((const struct sockaddr_in *)list->ai_addr)->sin_addr);
	else
		memcpy(ret, &((const struct sockaddr_in6 *)list->ai_addr)->sin6_addr, sizeof(*ret));
	freeaddrinfo(list);
	return 0;
}

int ztc_probe_add_target(struct ztc_probe *probe, const char *text)
{
	struct zt_addr addr;
	int r = look_up(text, &addr);

	if (r < 0)
		return r;
	if (!probe_may_go_to(&addr))
		return -EINVAL;
	if (probe->target_count == ZTC_PROBE_TARGETS_MAX)
		return -E2BIG;
	probe->targets[probe->target_count++] = addr;
	return 0;
}

/* --- connections ---------------------------------------------------------------------------- */

static socklen_t sockaddr_of(const struct zt_addr *addr, uint16_t port,
			     struct sockaddr_storage *ret)
{
	memset(ret, 0, sizeof(*ret));
	if (zt_addr_is_v4(addr)) {
		struct sockaddr_in *sa = (struct sockaddr_in *)ret;

		sa->sin_family = AF_INET;
		sa->sin_port = htons(port);
		memcpy(&sa->sin_addr, (const uint8_t *)addr + 12, 4);
		return sizeof(*sa);
	}
	struct sockaddr_in6 *sa = (struct sockaddr_in6 *)ret;

	sa->sin6_family = AF_INET6;
	sa->sin6_port = htons(port);
	memcpy(&sa->sin6_addr, addr, 16);
	return sizeof(*sa);
}

static void take_source(int fd, struct ztc_attempt *a)
{
	struct sockaddr_storage sa;
	socklen_t len = sizeof(sa);

	if (getsockname(fd, (struct sockaddr *)&sa, &len) < 0)
		return;
	if (sa.ss_family == AF_INET) {
		zt_addr_from_v4(&a->source, &((struct sockaddr_in *)&sa)->sin_addr);
		a->source_port = ntohs(((struct sockaddr_in *)&sa)->sin_port);
	} else {
		memcpy(&a->source, &((struct sockaddr_in6 *)&sa)->sin6_addr, sizeof(a->source));
		a->source_port = ntohs(((struct sockaddr_in6 *)&sa)->sin6_port);
	}
}

/* What connect() or SO_ERROR says. EHOSTUNREACH is both "nobody has that address" and most of what
 * a filter rejects with; the address is known to be somebody's when another attempt was answered.
 */
static enum ztc_probe_outcome outcome_of(int error)
{
	switch (error) {
	case 0:
		return ZTC_PROBE_CONNECTED;
	case ECONNREFUSED:
	case ECONNRESET:
		return ZTC_PROBE_REFUSED;
	case ETIMEDOUT:
		return ZTC_PROBE_TIMEOUT;
	case EPERM:
		return ZTC_PROBE_DENIED;
	case EACCES:
		return ZTC_PROBE_PROHIBITED;
	case EHOSTUNREACH:
	case ENETUNREACH:
	case EHOSTDOWN:
		return ZTC_PROBE_UNREACHABLE;
	default:
		return ZTC_PROBE_ERROR;
	}
}

/* Returns a descriptor to wait on, or -1 with the outcome in @a. */
static int begin(struct ztc_attempt *a)
{
	const struct linger now = {.l_onoff = 1, .l_linger = 0};
	struct sockaddr_storage sa;
	socklen_t len = sockaddr_of(&a->target, a->port, &sa);
	int fd = socket(sa.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, IPPROTO_TCP);
	int error;

	a->at_ns = zt_now_wall_ns();
	a->outcome = ZTC_PROBE_ERROR;
	if (fd < 0)
		return -1;
	setsockopt(fd, SOL_SOCKET, SO_LINGER, &now, sizeof(now));
	error = connect(fd, (struct sockaddr *)&sa, len) < 0 ? errno : 0;
	take_source(fd, a);
	if (error == EINPROGRESS)
		return fd;
	a->outcome = outcome_of(error);
	close(fd);
	return -1;
}

struct waiting {
	struct pollfd *fds; /* fd -1 = over */
	uint64_t *deadline_ms;
	struct ztc_attempt *attempts;
	size_t count;
};

static uint64_t now_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000 + (uint64_t)ts.tv_nsec / 1000000;
}

static void finish(struct waiting *w, size_t i, enum ztc_probe_outcome outcome)
{
	uint64_t begun = w->deadline_ms[i] - ZTC_PROBE_TIMEOUT_MS;

	w->attempts[i].outcome = outcome;
	w->attempts[i].ms = (uint32_t)(now_ms() - begun) ?: 1;
	close(w->fds[i].fd);
	w->fds[i].fd = -1;
}

/* Takes what is there, and what has waited too long. Returns how many go on. */
static size_t sweep(struct waiting *w)
{
	size_t open = 0;

	for (size_t i = 0; i < w->count; i++) {
		socklen_t len = sizeof(int);
		int error = 0;

		if (w->fds[i].fd < 0)
			continue;
		if (w->fds[i].revents) {
			getsockopt(w->fds[i].fd, SOL_SOCKET, SO_ERROR, &error, &len);
			finish(w, i, outcome_of(error));
		} else if (now_ms() >= w->deadline_ms[i]) {
			finish(w, i, ZTC_PROBE_TIMEOUT);
		} else {
			open++;
		}
	}
	return open;
}

static void wait_until(struct waiting *w, uint64_t until_ms, bool all, const volatile bool *stop)
{
	while (!*stop) {
		uint64_t now = now_ms();

		if (poll(w->fds, w->count, TICK_MS) < 0 && errno != EINTR)
			return;
		if (!sweep(w) && all)
			return;
		if (!all && now >= until_ms)
			return;
	}
}

/*
 * The kernel gives up on an address that nobody has after three requests, a second each
 * (neighbour/mcast_solicit, retrans_time). A first attempt that is unreachable at once was told so
 * by somebody: an ICMP error of a filter there. Then the other quick ones were, too. Errors of
 * connect() itself (no route) have ms 0.
 */
static void tell_prohibited(struct waiting *w)
{
	const struct zt_addr *target = NULL;
	bool quick = false;

	for (size_t i = 0; i < w->count; i++) {
		struct ztc_attempt *a = &w->attempts[i];
		bool told = a->outcome == ZTC_PROBE_UNREACHABLE && a->ms && a->ms < QUICK_MS;

		if (!target || memcmp(target, &a->target, sizeof(*target)) != 0)
			quick = told;
		target = &a->target;
		if (told && quick)
			a->outcome = ZTC_PROBE_PROHIBITED;
	}
}

static void free_waiting(struct waiting *w)
{
	for (size_t i = 0; w->fds && i < w->count; i++) {
		if (w->fds[i].fd >= 0)
			close(w->fds[i].fd);
	}
	free(w->fds);
	free(w->deadline_ms);
}

static void try_one(struct waiting *w, const struct zt_addr *target, uint16_t port, bool canary,
		    const volatile bool *stop)
{
	struct ztc_attempt *a = &w->attempts[w->count];

	if (w->count)
		wait_until(w,
			   w->deadline_ms[w->count - 1] - ZTC_PROBE_TIMEOUT_MS + ZTC_PROBE_GAP_MS,
			   false, stop);
	if (*stop)
		return;
	*a = (struct ztc_attempt){.target = *target, .port = port, .canary = canary};
	w->deadline_ms[w->count] = now_ms() + ZTC_PROBE_TIMEOUT_MS;
	w->fds[w->count] = (struct pollfd){.fd = begin(a), .events = POLLOUT};
	w->count++;
}

int ztc_probe_run(const struct ztc_probe *probe, struct ztc_attempt *ret, const volatile bool *stop)
{
	size_t max = probe->target_count * (probe->port_count + 1);
	zt_auto(free_waiting) struct waiting w = {
		.fds = calloc(max ?: 1, sizeof(*w.fds)),
		.deadline_ms = calloc(max ?: 1, sizeof(*w.deadline_ms)),
		.attempts = ret,
	};

	if (!w.fds || !w.deadline_ms)
		return -ENOMEM;
	for (size_t t = 0; t < probe->target_count; t++) {
		if (probe->canary)
			try_one(&w, &probe->targets[t], probe->canary, true, stop);
		for (size_t p = 0; p < probe->port_count; p++) {
			if (probe->ports[p] != probe->canary)
				try_one(&w, &probe->targets[t], probe->ports[p], false, stop);
		}
	}
	wait_until(&w, 0, true, stop);
	tell_prohibited(&w);
	return *stop ? -EINTR : (int)w.count;
}

/* --- as a record ---------------------------------------------------------------------------- */

static json_t *attempt_json(const struct ztc_attempt *a)
{
	char source[ZT_ADDR_TEXT_LEN], target[ZT_ADDR_TEXT_LEN], at[ZT_TIME_TEXT_LEN];

	return json_pack("{s:s, s:s, s:i, s:s, s:i, s:s, s:s, s:s, s:I}", "proto", "tcp", "source",
			 zt_addr_text(&a->source, source), "source_port", (int)a->source_port,
			 "destination", zt_addr_text(&a->target, target), "port", (int)a->port,
			 "role", a->canary ? "canary" : "listener", "at",
			 zt_wall_text(a->at_ns, at), "outcome", outcome_names[a->outcome], "ms",
			 (json_int_t)a->ms);
}

json_t *ztc_probe_body(const struct ztc_probe *probe, const struct ztc_attempt *attempts,
		       size_t count)
{
	json_t *rows = json_array(), *targets = json_array();
	char text[ZT_ADDR_TEXT_LEN];

	for (size_t i = 0; i < count; i++)
		json_array_append_new(rows, attempt_json(&attempts[i]));
	for (size_t i = 0; i < probe->target_count; i++)
		json_array_append_new(targets, json_string(zt_addr_text(&probe->targets[i], text)));
	return json_pack("{s:s, s:o, s:o, s:i, s:b, s:i, s:i}", "way", "peer", "targets", targets,
			 "attempts", rows, "canary", (int)probe->canary, "canary_listens",
			 probe->canary_listens, "gap_ms", ZTC_PROBE_GAP_MS, "timeout_ms",
			 ZTC_PROBE_TIMEOUT_MS);
}

int ztc_probe_record(const struct ztc_probe *probe, const struct ztc_attempt *attempts,
		     size_t count, json_t **ret)
{
	zt_auto(zt_json_decref) json_t *record = NULL;
	json_t *about, *body;
	int r = ztc_record_new(&record, "probe", NULL);

	if (r < 0)
		return r;
	body = ztc_probe_body(probe, attempts, count);
	about = json_pack("{s:O}", "addresses", json_object_get(body, "targets"));
	if (!body || !about || json_object_set_new(record, "body", body) < 0)
		return -ENOMEM;
	if (*probe->machine)
		json_object_set_new(about, "machine", json_string(probe->machine));
	json_object_set_new(record, "about", about);
	ztc_record_end(record, "pass");
	*ret = zt_take(record);
	return 0;
}
