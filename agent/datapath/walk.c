// SPDX-License-Identifier: Apache-2.0
/*
 * walk.c - the sockets of living connections, asked from time to time how they go.
 *
 * An iterator walks as far as its reader has room for what it prints, a byte for each
 * socket; between two reads the event loop has its turn.
 */
#include <errno.h>
#include <time.h>
#include <unistd.h>
#include <linux/bpf.h>
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <systemd/sd-event.h>

#include "base/cleanup.h"
#include "base/log.h"
#include "base/time.h"
#include "datapath/internal.h"
#include "ztseg.skel.h"

#define PIECE	   2048 /* sockets of one turn: three or four milliseconds */
#define REST_TIMES 200	/* half a percent of one CPU, however many sockets there are */

static uint64_t cpu_now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &ts);
	return (uint64_t)ts.tv_sec * ZT_NS_PER_S + (uint64_t)ts.tv_nsec;
}

int zt_iter_open(struct bpf_program *prog)
{
	zt_auto(zt_close) int link =
		bpf_link_create(bpf_program__fd(prog), 0, BPF_TRACE_ITER, NULL);
	int iter;

	if (link < 0)
		return -errno;
	iter = bpf_iter_create(link);
	return iter < 0 ? -errno : iter;
}

static void end(struct zt_dp *dp)
{
	zt_close(&dp->walk_fd);
	dp->walk_after_ns = zt_now_ns() + REST_TIMES * dp->walk_took_ns;
}

static int on_turn(sd_event_source *source, void *ctx)
{
	struct zt_dp *dp = ctx;
	char seen[PIECE];
	uint64_t began = cpu_now();
	ssize_t n = read(dp->walk_fd, seen, sizeof(seen));

	dp->walk_took_ns += cpu_now() - began;
	if (n > 0 || (n < 0 && (errno == EAGAIN || errno == EINTR)))
		return 0;
	if (n < 0)
		zt_log(ZT_DEBUG, "walk over TCP sockets: %m");
	end(dp);
	return sd_event_source_set_enabled(source, SD_EVENT_OFF);
}

int zt_dp_refresh_health(struct zt_dp *dp)
{
	int fd, r;

	if (dp->walk_fd >= 0 || zt_now_ns() < dp->walk_after_ns)
		return 0;
	if (!dp->walk_source) {
		r = sd_event_add_defer(dp->cfg.event, &dp->walk_source, on_turn, dp);
		if (r < 0)
			return r;
		sd_event_source_set_priority(dp->walk_source, SD_EVENT_PRIORITY_IDLE);
	}
	fd = zt_iter_open(dp->skel->progs.zt_it_tcp);
	if (fd < 0)
		return fd;
	dp->walk_fd = fd;
	dp->walk_took_ns = 0;
	return sd_event_source_set_enabled(dp->walk_source, SD_EVENT_ON);
}

void zt_walk_close(struct zt_dp *dp)
{
	dp->walk_source = sd_event_source_disable_unref(dp->walk_source);
	zt_close(&dp->walk_fd);
}
