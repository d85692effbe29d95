/* SPDX-License-Identifier: Apache-2.0 */
/*
 * schedule.h - when a statement may match: its hours in their time zone, and its end.
 *
 * Hours mean what the clock on the wall shows: an instant is inside when day
 * and time there are. Where the clock is put forward, the skipped stretch does
 * not come; where it is put back, the repeated one comes twice. Labels are no
 * part of this. Time zones are those of the C library, read from ZT_ZONEINFO.
 */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "policy/policy.h"

#define ZT_ZONEINFO "/usr/share/zoneinfo"

/* Unix seconds, half open. */
struct zt_open {
	int64_t from_s;
	int64_t to_s;
};

/** zt_schedule_timed - whether time decides at all: it has hours, or expires. */
bool zt_schedule_timed(const struct zt_stmt *stmt);

/**
 * zt_schedule_open - when within [@from_s, @to_s) the statement may match.
 * @ret: sorted, not touching, cut to what was asked for; to be freed; NULL when
 *       @ret_count is 0.
 *
 * A statement without hours that does not expire is open for all of it. Returns
 * 0, -EINVAL (@to_s before @from_s, or more than ten years after it), -ENOENT
 * (the time zone cannot be read any more) or -ENOMEM.
 */
int zt_schedule_open(const struct zt_stmt *stmt, int64_t from_s, int64_t to_s, struct zt_open **ret,
		     size_t *ret_count);

/**
 * zt_zone_check - whether a time zone of that name can be used.
 *
 * Returns 0, -EINVAL (no name of a time zone), -ENOENT (there is none of that
 * name) or -ENODATA (ZT_ZONEINFO is missing or empty: install tzdata). UTC needs
 * no file.
 */
int zt_zone_check(const char *name);

/**
 * zt_zone_day_end - the instant at which a day ends.
 * @year, @month, @day: a date that exists; month and day from 1.
 *
 * Returns 0, or -ENOENT when the time zone cannot be read.
 */
int zt_zone_day_end(const char *zone, int year, int month, int day, int64_t *ret_s);

/** zt_schedule_text - "Mon-Fri 08:00-20:00, Sat 09:00-12:00"; nothing without hours. */
struct zt_strbuf;
void zt_schedule_text(const struct zt_when *when, struct zt_strbuf *sb);
