/* SPDX-License-Identifier: Apache-2.0 */
/*
 * zone.h - local time of a named zone, while a guard is held.
 *
 * Private to this room.
 */
#pragma once
#include <stdbool.h>
#include <stdint.h>

#define ZT_ZONE_NAME_MAX 64

/* What TZ was before. Guards do not nest. */
struct zt_zone_guard {
	char *before; /* owned; NULL = it was not set */
	bool entered;
};

/** zt_zone_enter - make a zone the C library's. Returns 0, as zt_zone_check(), or -ENOMEM. */
int zt_zone_enter(struct zt_zone_guard *guard, const char *name);

/** zt_zone_leave - put TZ back; no-op when not entered; for zt_auto(). */
void zt_zone_leave(struct zt_zone_guard *guard);

/** zt_zone_offset - seconds that the local clock is ahead of UTC at an instant. */
long zt_zone_offset(int64_t at_s);
