// SPDX-License-Identifier: Apache-2.0
/*
 * ring.c - events and DNS answers of the datapath, handed on from the loop in bounded rounds.
 */
#include <errno.h>
#include <time.h>
#include <bpf/libbpf.h>
#include <systemd/sd-event.h>

#include "datapath/internal.h"
#include "ztseg.skel.h"

#define ROUND	 4096 /* events per turn of the loop: requests and timers wait no longer than that */
#define PAUSE_US 10000 /* between turns; the ring holds about 9,000 events */

static int on_sample(void *ctx, void *data, size_t size)
{
	const struct zt_event *event = data;
	struct zt_dp *dp = ctx;

	if (size < sizeof(*event))
		return 0;
	if (event->abi_version == ZT_ABI_VERSION)
		zt_reset_on_event(dp, event);
	if (dp->cfg.on_event)
		dp->cfg.on_event(event, dp->cfg.ctx);
	/* Stops the round; libbpf goes on where it was at the next one. */
	return dp->round_left-- > 1 ? 0 : -EAGAIN;
}

/* One round's budget for both rings: an answer costs about what an event does. */
static int on_answer(void *ctx, void *data, size_t size)
{
	const struct zt_dns_answer *answer = data;
	struct zt_dp *dp = ctx;

	if (size >= sizeof(*answer) && answer->abi_version == ZT_ABI_VERSION &&
	    answer->len <= size - sizeof(*answer) && dp->cfg.on_dns)
		dp->cfg.on_dns(dp->cfg.ctx, &answer->server, answer + 1, answer->len,
			       answer->at_ns);
	return dp->round_left-- > 1 ? 0 : -EAGAIN;
}

void zt_dp_follow(struct zt_dp *dp, bool on)
{
	if (on)
		__atomic_fetch_or(&dp->ctl->flags, ZT_CTL_FOLLOWED, __ATOMIC_RELEASE);
	else
		__atomic_fetch_and(&dp->ctl->flags, ~(__u32)ZT_CTL_FOLLOWED, __ATOMIC_RELEASE);
}

static int on_pause_over(sd_event_source *source, uint64_t usec, void *ctx)
{
	struct zt_dp *dp = ctx;

	(void)source;
	(void)usec;
	return sd_event_source_set_enabled(dp->ring_source, SD_EVENT_ON);
}

static int on_readable(sd_event_source *source, int fd, uint32_t events, void *ctx)
{
	struct zt_dp *dp = ctx;

	(void)source;
	(void)fd;
	(void)events;
	dp->round_left = ROUND;
	ring_buffer__consume(dp->ring);
	/* Events come one by one; a wake-up for each would cost more than reading them. */
	if (sd_event_source_set_time_relative(dp->ring_timer, PAUSE_US) < 0 ||
	    sd_event_source_set_enabled(dp->ring_timer, SD_EVENT_ONESHOT) < 0)
		return 0;
	return sd_event_source_set_enabled(dp->ring_source, SD_EVENT_OFF);
}

int zt_ring_start(struct zt_dp *dp)
{
	int r;

	/* Answers first: few they are, and a flood of events ends each round before the second. */
	dp->ring = ring_buffer__new(bpf_map__fd(dp->skel->maps.zt_dns), on_answer, dp, NULL);
	if (!dp->ring)
		return -errno;
	r = ring_buffer__add(dp->ring, bpf_map__fd(dp->skel->maps.zt_events), on_sample, dp);
	if (r < 0)
		return r;
	r = sd_event_add_io(dp->cfg.event, &dp->ring_source, ring_buffer__epoll_fd(dp->ring),
			    EPOLLIN, on_readable, dp);
	if (r < 0)
		return r;
	r = sd_event_add_time_relative(dp->cfg.event, &dp->ring_timer, CLOCK_MONOTONIC, PAUSE_US,
				       1000, on_pause_over, dp);
	if (r < 0)
		return r;
	return sd_event_source_set_priority(dp->ring_source, SD_EVENT_PRIORITY_NORMAL + 10);
}

void zt_ring_close(struct zt_dp *dp)
{
	sd_event_source_disable_unref(dp->ring_source);
	sd_event_source_disable_unref(dp->ring_timer);
	dp->ring_source = dp->ring_timer = NULL;
	ring_buffer__free(dp->ring);
	dp->ring = NULL;
}
