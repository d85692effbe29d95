// SPDX-License-Identifier: Apache-2.0
/*
 * clock.c - offsets between the clocks, kept until they really move.
 *
 * The wall clock and CLOCK_MONOTONIC are slewed alike, so that their offset changes
 * only when the wall clock is set, by hand, by NTP or by a leap second, or when the
 * machine slept. The kernel cancels a timer of ours at each of these.
 */
#include "datapath/clock.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/timerfd.h>
#include <systemd/sd-event.h>
#include <time.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/time.h"
#include "datapath/keep.h"

#define FILE_NAME "clock"
#define FILE_MAX  256
#define LOOKS	  5
#define LOOK_NS	  50000		    /* three readings take far less */
#define NEVER_S	  ((time_t)1 << 40) /* the timer is there to be cancelled */

struct zt_clock {
	char *state_dir;
	char boot_id[ZT_CLOCK_BOOT_ID_LEN];
	int64_t wall_ns;
	int64_t slept_ns;
	void (*on_jump)(void *ctx);
	void *ctx;
	int timer_fd;
	sd_event_source *source;
};

static int64_t read_ns(clockid_t id)
{
	struct timespec ts;

	clock_gettime(id, &ts);
	return (int64_t)ts.tv_sec * (int64_t)ZT_NS_PER_S + ts.tv_nsec;
}

/*
 * Both clocks as of the same moment: read between two looks at the other, and again
 * when something came between them, which on a busy machine is no jump.
 */
static int64_t ahead_of_monotonic(clockid_t id)
{
	int64_t best_ns = INT64_MAX, ahead_ns = 0;

	for (int i = 0; i < LOOKS && best_ns > LOOK_NS; i++) {
		int64_t before = read_ns(CLOCK_MONOTONIC), now = read_ns(id);
		int64_t took = read_ns(CLOCK_MONOTONIC) - before;

		if (took >= best_ns)
			continue;
		best_ns = took;
		ahead_ns = now - before - took / 2;
	}
	return ahead_ns;
}

static bool differs(int64_t a, int64_t b)
{
	return a - b > ZT_CLOCK_JUMP_NS || b - a > ZT_CLOCK_JUMP_NS;
}

/* --- kept over a restart -------------------------------------------------------------- */

static void read_boot_id(char ret[ZT_CLOCK_BOOT_ID_LEN])
{
	zt_auto(zt_fclosep) FILE *f = fopen("/proc/sys/kernel/random/boot_id", "re");

	if (!f || !fgets(ret, ZT_CLOCK_BOOT_ID_LEN, f))
		*ret = '\0';
	ret[strcspn(ret, "\n")] = '\0';
}

/* Returns whether what is on disk is what there is. */
static bool recall(struct zt_clock *clock)
{
	zt_auto(zt_freep) char *text = NULL;
	char boot_id[ZT_CLOCK_BOOT_ID_LEN];
	int64_t wall_ns, slept_ns;
	size_t len;

	if (!clock->state_dir || zt_keep_read(clock->state_dir, FILE_NAME, FILE_MAX, &text, &len))
		return false;
	if (sscanf(text, "%36s %" SCNd64 " %" SCNd64, boot_id, &wall_ns, &slept_ns) != 3 ||
	    strcmp(boot_id, clock->boot_id) || differs(wall_ns, clock->wall_ns) ||
	    differs(slept_ns, clock->slept_ns))
		return false;
	clock->wall_ns = wall_ns;
	clock->slept_ns = slept_ns;
	return true;
}

/* Without it the next agent compiles rows that differ by a microsecond: an epoch, no more. */
static void keep(const struct zt_clock *clock)
{
	char text[FILE_MAX];
	int n;

	if (!clock->state_dir || !*clock->boot_id)
		return;
	n = snprintf(text, sizeof(text), "%s %" PRId64 " %" PRId64 "\n", clock->boot_id,
		     clock->wall_ns, clock->slept_ns);
	zt_keep_write(clock->state_dir, FILE_NAME, text, (size_t)n);
}

/* --- jumps ------------------------------------------------------------------------------- */

static int arm(const struct zt_clock *clock)
{
	const struct itimerspec never = {.it_value = {.tv_sec = NEVER_S}};

	return timerfd_settime(clock->timer_fd, TFD_TIMER_ABSTIME | TFD_TIMER_CANCEL_ON_SET, &never,
			       NULL) < 0
		       ? -errno
		       : 0;
}

bool zt_clock_check(struct zt_clock *clock)
{
	int64_t wall_ns = ahead_of_monotonic(CLOCK_REALTIME);
	int64_t slept_ns = ahead_of_monotonic(CLOCK_BOOTTIME);

	if (!differs(wall_ns, clock->wall_ns) && !differs(slept_ns, clock->slept_ns))
		return false;
	clock->wall_ns = wall_ns;
	clock->slept_ns = slept_ns;
	keep(clock);
	if (clock->on_jump)
		clock->on_jump(clock->ctx);
	return true;
}

static int on_timer(sd_event_source *source, int fd, uint32_t revents, void *ctx)
{
	struct zt_clock *clock = ctx;
	uint64_t count;
	ssize_t n;

	(void)source;
	(void)revents;
	/* ECANCELED is what it waits for; whatever it says, measuring tells. */
	n = read(fd, &count, sizeof(count));
	(void)n;
	/* Armed first: a jump between the two is noticed again. */
	arm(clock);
	zt_clock_check(clock);
	return 0;
}

static int follow(struct zt_clock *clock, sd_event *event)
{
	int r;

	clock->timer_fd = timerfd_create(CLOCK_REALTIME, TFD_NONBLOCK | TFD_CLOEXEC);
	if (clock->timer_fd < 0)
		return -errno;
	r = arm(clock);
	if (r < 0)
		return r;
	r = sd_event_add_io(event, &clock->source, clock->timer_fd, EPOLLIN, on_timer, clock);
	return r < 0 ? r : 0;
}

/* --- object ------------------------------------------------------------------------------- */

int zt_clock_open(struct zt_clock **ret, const struct zt_clock_config *cfg)
{
	zt_auto(zt_clock_close) struct zt_clock *clock = calloc(1, sizeof(*clock));
	int r;

	if (!clock)
		return -ENOMEM;
	clock->timer_fd = -1;
	clock->on_jump = cfg->on_jump;
	clock->ctx = cfg->ctx;
	clock->state_dir = cfg->state_dir ? strdup(cfg->state_dir) : NULL;
	if (cfg->state_dir && !clock->state_dir)
		return -ENOMEM;
	read_boot_id(clock->boot_id);
	clock->wall_ns = ahead_of_monotonic(CLOCK_REALTIME);
	clock->slept_ns = ahead_of_monotonic(CLOCK_BOOTTIME);
	if (!recall(clock))
		keep(clock);
	if (cfg->event) {
		r = follow(clock, cfg->event);
		if (r < 0)
			return r;
	}
	*ret = zt_take(clock);
	return 0;
}

void zt_clock_close(struct zt_clock **clock)
{
	struct zt_clock *c = *clock;

	if (!c)
		return;
	*clock = NULL;
	sd_event_source_disable_unref(c->source);
	zt_close(&c->timer_fd);
	free(c->state_dir);
	free(c);
}

int64_t zt_clock_wall_offset_ns(const struct zt_clock *clock)
{
	return clock ? clock->wall_ns : ahead_of_monotonic(CLOCK_REALTIME);
}

int64_t zt_clock_slept_ns(const struct zt_clock *clock)
{
	return clock ? clock->slept_ns : ahead_of_monotonic(CLOCK_BOOTTIME);
}

const char *zt_clock_boot_id(const struct zt_clock *clock)
{
	return clock->boot_id;
}
