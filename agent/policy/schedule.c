/* SPDX-License-Identifier: Apache-2.0 */
/* schedule.c - when a statement may match: its hours in their time zone, and its end. */
#include "policy/schedule.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/cleanup.h"
#include "base/vec.h"
#include "policy/hours.h"
#include "policy/zone.h"

#define DAY_S	  86400
#define WEEK_S	  (7 * DAY_S)
#define MONDAY_S  (4 * DAY_S) /* 1970-01-05 */
#define STEP_S	  3600	      /* no zone changed its clock twice within an hour */
#define RANGE_MAX ((int64_t)3653 * DAY_S)

struct opening {
	struct zt_open *items;
	size_t count;
	size_t cap;
};

bool zt_schedule_timed(const struct zt_stmt *stmt)
{
	return stmt->when.hour_count || stmt->expires_s;
}

static int add(struct opening *o, int64_t from_s, int64_t to_s)
{
	if (from_s >= to_s)
		return 0;
	if (o->count && o->items[o->count - 1].to_s == from_s) {
		o->items[o->count - 1].to_s = to_s;
		return 0;
	}
	if (zt_vec_grow(&o->items, &o->cap, o->count + 1, sizeof(*o->items)) < 0)
		return -ENOMEM;
	o->items[o->count++] = (struct zt_open){from_s, to_s};
	return 0;
}

static int64_t max64(int64_t a, int64_t b)
{
	return a > b ? a : b;
}

static int64_t min64(int64_t a, int64_t b)
{
	return a < b ? a : b;
}

/* The start of the local week that an instant of the local clock lies in. */
static int64_t week_of(int64_t local_s)
{
	int64_t since = (local_s - MONDAY_S) % WEEK_S;

	return local_s - (since < 0 ? since + WEEK_S : since);
}

/* Adds the hours within [from, to), where the clock runs steadily, @offset ahead of UTC. */
static int add_steady(struct opening *o, const struct zt_when *when, int64_t from_s, int64_t to_s,
		      long offset)
{
	for (int64_t week = week_of(from_s + offset); week < to_s + offset; week += WEEK_S)
		for (size_t i = 0; i < when->hour_count; i++) {
			int64_t start = week + when->hours[i].from_min * 60 - offset;
			int64_t end = week + when->hours[i].to_min * 60 - offset;

			if (add(o, max64(start, from_s), min64(end, to_s)) < 0)
				return -ENOMEM;
		}
	return 0;
}

/* The first instant in (from, to] at which the clock is not @offset ahead; else @to. */
static int64_t steady_until(int64_t from_s, int64_t to_s, long offset)
{
	int64_t good = from_s, bad = from_s;

	while (good < to_s) {
		bad = min64(good + STEP_S, to_s);
		if (zt_zone_offset(bad) != offset)
			break;
		good = bad;
	}
	if (good >= to_s)
		return to_s;
	while (bad - good > 1) {
		int64_t mid = good + (bad - good) / 2;

		if (zt_zone_offset(mid) == offset)
			good = mid;
		else
			bad = mid;
	}
	return bad;
}

static int add_hours(struct opening *o, const struct zt_when *when, int64_t from_s, int64_t to_s)
{
	zt_auto(zt_zone_leave) struct zt_zone_guard guard = {0};
	int r = zt_zone_enter(&guard, when->timezone);

	while (r == 0 && from_s < to_s) {
		long offset = zt_zone_offset(from_s);
		int64_t next = steady_until(from_s, to_s, offset);

		r = add_steady(o, when, from_s, next, offset);
		from_s = next;
	}
	return r == -EINVAL || r == -ENODATA ? -ENOENT : r;
}

int zt_schedule_open(const struct zt_stmt *stmt, int64_t from_s, int64_t to_s, struct zt_open **ret,
		     size_t *ret_count)
{
	struct opening o = {0};
	int r;

	if (to_s < from_s || to_s - from_s > RANGE_MAX)
		return -EINVAL;
	if (stmt->expires_s)
		to_s = min64(to_s, stmt->expires_s);
	r = stmt->when.hour_count ? add_hours(&o, &stmt->when, from_s, to_s)
				  : add(&o, from_s, to_s);
	if (r < 0) {
		free(o.items);
		return r;
	}
	*ret = o.items;
	*ret_count = o.count;
	return 0;
}

/* Noon of a date, which no zone skips but for whole days. */
static int64_t noon(int year, int month, int day)
{
	struct tm tm = {.tm_year = year - 1900,
			.tm_mon = month - 1,
			.tm_mday = day,
			.tm_hour = 12,
			.tm_isdst = -1};

	return mktime(&tm);
}

static bool is_day(int64_t at_s, int day)
{
	time_t t = (time_t)at_s;
	struct tm tm;

	return localtime_r(&t, &tm) && tm.tm_mday == day;
}

int zt_zone_day_end(const char *zone, int year, int month, int day, int64_t *ret_s)
{
	zt_auto(zt_zone_leave) struct zt_zone_guard guard = {0};
	int r = zt_zone_enter(&guard, zone);
	int64_t inside, after;

	if (r < 0)
		return r == -ENOMEM ? r : -ENOENT;
	/* Searched for, since some zones change their clock at midnight. */
	inside = noon(year, month, day);
	after = noon(year, month, day + 1);
	while (after - inside > 1) {
		int64_t mid = inside + (after - inside) / 2;

		if (is_day(mid, day))
			inside = mid;
		else
			after = mid;
	}
	*ret_s = after;
	return 0;
}

void zt_schedule_text(const struct zt_when *when, struct zt_strbuf *sb)
{
	zt_hours_text(when->hours, when->hour_count, ", ", sb);
}
