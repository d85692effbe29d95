/* SPDX-License-Identifier: Apache-2.0 */
/*
 * clock.h - how the kernel's clock, the wall clock and time in suspend stand to each other.
 *
 * The datapath counts in CLOCK_MONOTONIC. Dates and hours are on the wall clock, a
 * time to live also runs while the machine sleeps (CLOCK_BOOTTIME). Both offsets are
 * kept, and change only when they really moved, so that compiling again gives the
 * same rows. Steps of the wall clock and resuming are noticed when they happen.
 */
#pragma once
#include <stdbool.h>
#include <stdint.h>

struct sd_event;
struct zt_clock;

#define ZT_CLOCK_JUMP_NS     100000000LL /* less is not worth new rows */
#define ZT_CLOCK_BOOT_ID_LEN 37		 /* with the closing NUL */

/**
 * struct zt_clock_config - what zt_clock_open() needs.
 * @state_dir: the offset is kept in STATE-DIR/clock over a restart within one boot; borrowed
 *             for the call. NULL = it is not kept.
 * @event:     loop that jumps are noticed on; NULL = none are.
 * @on_jump:   an offset has moved: dates, hours and times to live have other kernel times now.
 */
struct zt_clock_config {
	const char *state_dir;
	struct sd_event *event;
	void (*on_jump)(void *ctx);
	void *ctx;
};

/* zt_clock_open - *ret is the caller's (zt_clock_close). 0 or -errno. */
int zt_clock_open(struct zt_clock **ret, const struct zt_clock_config *cfg);
void zt_clock_close(struct zt_clock **clock);

/* zt_clock_wall_offset_ns - wall clock = CLOCK_MONOTONIC + this. NULL: as it is now. */
int64_t zt_clock_wall_offset_ns(const struct zt_clock *clock);

/* zt_clock_slept_ns - CLOCK_BOOTTIME = CLOCK_MONOTONIC + this. NULL: as it is now. */
int64_t zt_clock_slept_ns(const struct zt_clock *clock);

/* zt_clock_boot_id - of the running kernel, as text. Never NULL; "" when it cannot be read. */
const char *zt_clock_boot_id(const struct zt_clock *clock);

/* zt_clock_check - measure again; calls on_jump and returns true when an offset has moved. */
bool zt_clock_check(struct zt_clock *clock);
