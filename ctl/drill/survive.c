// SPDX-License-Identifier: Apache-2.0
/* survive.c - drill: the agent is killed, and what it enforced goes on. */
#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "api/wire.h"
#include "base/cleanup.h"
#include "base/json.h"
#include "ctl/client.h"
#include "ctl/drill/drill.h"

#define ATTEMPT_MS 500
#define ROUND_MS   1000

struct watch {
	int64_t rounds, deny_leaks, allow_losses;
	int64_t restart_ms; /* -1: not yet */
	pid_t old;
};

/* Whoever listens at the agent's socket, as the kernel has it: what a reply says of a pid is not
 * believed. */
static int agent_pid(struct ztc_drill *drill, pid_t *ret)
{
	zt_auto(zt_close) int fd = zt_wire_connect(drill->ctx->socket);
	struct ucred cred;
	socklen_t len = sizeof(cred);

	if (fd < 0)
		return fd;
	if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &cred, &len) < 0)
		return -errno;
	*ret = cred.pid;
	return cred.pid > 1 ? 0 : -ESRCH;
}

static void look_for_agent(struct ztc_drill *drill, struct watch *w, uint64_t from)
{
	zt_auto(zt_json_decref) json_t *status = NULL;
	zt_auto(zt_freep) char *why = NULL;
	const json_t *agent;

	if (w->restart_ms >= 0 || ztc_try(drill->ctx, "status", NULL, &status, &why) != ZTC_EXIT_OK)
		return;
	agent = json_object_get(status, "agent");
	if (json_integer_value(json_object_get(agent, "pid")) != w->old)
		w->restart_ms = (int64_t)(ztc_now_ms() - from);
}

static void watch_rounds(struct ztc_drill *drill, struct watch *w, uint64_t from)
{
	uint64_t end = from + drill->for_s * 1000ull;

	while (!ztc_drill_stopped() && ztc_now_ms() < end) {
		uint64_t next = ztc_now_ms() + ROUND_MS, now;

		w->rounds++;
		w->deny_leaks += ztc_peer_connect(&drill->peer, ZTC_PORT_DENIED, ATTEMPT_MS, false,
						  NULL) == 0;
		if (ztc_peer_connect(&drill->peer, ZTC_PORT_ALLOWED, ATTEMPT_MS, false, NULL) ||
		    ztc_peer_talk(&drill->peer, ATTEMPT_MS))
			w->allow_losses++;
		look_for_agent(drill, w, from);
		now = ztc_now_ms();
		if (now < next)
			usleep((next - now) *
			       1000); /* the pace of the samples, not a wait for anything */
	}
}

static void judge(struct ztc_drill *drill, const struct watch *w)
{
	if (w->deny_leaks)
		ztc_drill_conclude(
			drill, ZTC_DRILL_FAIL,
			"%lld of %lld denied connections passed while the agent was dead",
			(long long)w->deny_leaks, (long long)w->rounds);
	else if (w->allow_losses)
		ztc_drill_conclude(
			drill, ZTC_DRILL_FAIL,
			"%lld of %lld allowed connections failed while the agent was dead",
			(long long)w->allow_losses, (long long)w->rounds);
	else if (w->restart_ms < 0)
		ztc_drill_conclude(drill, ZTC_DRILL_PARTIAL,
				   "protection held for %u s; the agent was not started again: use "
				   "ztagent.service, which restarts it",
				   drill->for_s);
	else
		ztc_drill_conclude(
			drill, ZTC_DRILL_PASS,
			"protection held for %u s (%lld attempts each); the agent was back "
			"after %lld ms",
			drill->for_s, (long long)w->rounds, (long long)w->restart_ms);
}

int ztc_drill_survive(struct ztc_drill *drill)
{
	zt_auto(zt_close) int pidfd = -1;
	struct watch w = {.restart_ms = -1};
	uint64_t from;

	if (agent_pid(drill, &w.old) < 0)
		return ztc_fail(ZTC_EXIT_FAILED, "the process of the agent is not known");
	if (ztc_peer_connect(&drill->peer, ZTC_PORT_ALLOWED, ATTEMPT_MS, true, NULL) < 0)
		return ztc_fail(ZTC_EXIT_FAILED, "the canary connection cannot be opened");
	pidfd = (int)syscall(SYS_pidfd_open, w.old, 0);
	if (pidfd < 0)
		return ztc_fail(ZTC_EXIT_FAILED, "cannot hold on to the agent (pid %d): %s", w.old,
				strerror(errno));
	ztc_drill_say("killing the agent (pid %d); watching for %u s", w.old, drill->for_s);
	from = ztc_now_ms();
	if (syscall(SYS_pidfd_send_signal, pidfd, SIGKILL, NULL, 0) < 0)
		return ztc_fail(ZTC_EXIT_FAILED, "cannot kill the agent (pid %d): %s", w.old,
				strerror(errno));
	watch_rounds(drill, &w, from);
	ztc_drill_note(drill, "seconds", drill->for_s);
	ztc_drill_note(drill, "attempts", w.rounds);
	ztc_drill_note(drill, "deny_leaks", w.deny_leaks);
	ztc_drill_note(drill, "allow_losses", w.allow_losses);
	ztc_drill_note(drill, "restart_ms", w.restart_ms);
	judge(drill, &w);
	return ZTC_EXIT_OK;
}
