/* SPDX-License-Identifier: Apache-2.0 */
/* hours.c - stretches of the week as text. */
#include "policy/hours.h"

#include <ctype.h>
#include <errno.h>
#include <stdbool.h>
#include <string.h>
#include <strings.h>

#include "base/cleanup.h"

#define DAY_MIN	    (24 * 60)
#define EVERY_DAY   0x7fu
#define REMEDY_DAY  "write Mon, Tue, Wed, Thu, Fri, Sat or Sun, as in \"Mon-Fri 08:00-20:00\""
#define REMEDY_TIME "write two times of the day from 00:00 to 24:00, as in \"Mon-Fri 08:00-20:00\""

static const char *const day_names[] = {"Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"};

/* A place in the text, and what was found wrong. */
struct scan {
	const char *at;
	struct zt_strbuf *why;
	const char *remedy;
};

static void skip_blanks(struct scan *s)
{
	while (*s->at == ' ')
		s->at++;
}

/* What stands at the place up to where another part may begin: for messages. */
static int wrong(struct scan *s, const char *what, const char *remedy)
{
	size_t n = strcspn(s->at, " ,-");

	if (*s->at)
		zt_strbuf_printf(s->why, "'%.*s' is not %s", (int)(n ? n : 1), s->at, what);
	else
		zt_strbuf_printf(s->why, "%s is missing at the end", what);
	s->remedy = remedy;
	return -EINVAL;
}

static int scan_day(struct scan *s, unsigned int *ret)
{
	for (unsigned int i = 0; i < ARRAY_SIZE(day_names); i++)
		if (strncasecmp(s->at, day_names[i], 3) == 0 && !isalnum((unsigned char)s->at[3])) {
			s->at += 3;
			*ret = i;
			return 0;
		}
	return wrong(s, "a day of the week", REMEDY_DAY);
}

/* "Mon" or "Fri-Mon", as bits. */
static int scan_days(struct scan *s, unsigned int *ret)
{
	unsigned int first, last;
	int r = scan_day(s, &first);

	if (r < 0)
		return r;
	last = first;
	skip_blanks(s);
	if (*s->at == '-') {
		s->at++;
		skip_blanks(s);
		r = scan_day(s, &last);
		if (r < 0)
			return r;
	}
	for (unsigned int day = first;; day = (day + 1) % 7) {
		*ret |= 1u << day;
		if (day == last)
			return 0;
	}
}

/* "8:00" or "08:00", in minutes; 24:00 only as an end. */
static int scan_time(struct scan *s, bool end, unsigned int *ret)
{
	unsigned int hour = 0, digits = 0;
	const char *at = s->at;

	for (; digits < 2 && isdigit((unsigned char)*at); at++, digits++)
		hour = hour * 10 + (unsigned int)(*at - '0');
	if (!digits || *at != ':' || at[1] < '0' || at[1] > '5' || !isdigit((unsigned char)at[2]) ||
	    isalnum((unsigned char)at[3]))
		return wrong(s, "a time of the day", REMEDY_TIME);
	*ret = hour * 60 + (unsigned int)(at[1] - '0') * 10 + (unsigned int)(at[2] - '0');
	if (*ret > DAY_MIN || (*ret == DAY_MIN && !end))
		return wrong(s, end ? "a time of the day" : "a time at which a day's hours begin",
			     REMEDY_TIME);
	s->at = at + 3;
	return 0;
}

static int scan_times(struct scan *s, unsigned int *ret_from, unsigned int *ret_to)
{
	int r = scan_time(s, false, ret_from);

	if (r < 0)
		return r;
	skip_blanks(s);
	if (*s->at != '-')
		return wrong(s, "the '-' between two times", REMEDY_TIME);
	s->at++;
	skip_blanks(s);
	r = scan_time(s, true, ret_to);
	if (r < 0 || *ret_from != *ret_to)
		return r;
	zt_strbuf_printf(s->why, "from %02u:%02u to %02u:%02u there are no hours", *ret_from / 60,
			 *ret_from % 60, *ret_to / 60, *ret_to % 60);
	s->remedy = "write 00:00-24:00, or the days alone, for whole days";
	return -EINVAL;
}

static void add(struct zt_week *week, unsigned int days, unsigned int from, unsigned int to)
{
	unsigned int len = to > from ? to - from : to + DAY_MIN - from;

	for (unsigned int day = 0; day < 7; day++) {
		unsigned int start = day * DAY_MIN + from, fit;

		if (!(days & 1u << day))
			continue;
		fit = start + len > ZT_WEEK_MIN ? ZT_WEEK_MIN - start : len;
		memset(week->open + start, 1, fit);
		memset(week->open, 1, len - fit); /* Sunday night goes on on Monday */
	}
}

/* One part between commas. *days are those that wait for a time. */
static int scan_part(struct scan *s, struct zt_week *week, bool *named, unsigned int *days)
{
	unsigned int from = 0, to = 0;
	int r;

	skip_blanks(s);
	if (!isdigit((unsigned char)*s->at)) {
		*named = true;
		r = scan_days(s, days);
		if (r < 0)
			return r;
		skip_blanks(s);
		if (!isdigit((unsigned char)*s->at))
			return 0;
	} else if (*named) {
		zt_strbuf_printf(s->why, "'%.*s' stands without a day behind hours with days",
				 (int)strcspn(s->at, ","), s->at);
		s->remedy = "write the days before each time, or make a list of them";
		return -EINVAL;
	}
	r = scan_times(s, &from, &to);
	if (r < 0)
		return r;
	add(week, *named ? *days : EVERY_DAY, from, to);
	*days = 0;
	skip_blanks(s);
	return 0;
}

int zt_hours_parse(struct zt_week *week, const char *text, struct zt_strbuf *why,
		   const char **remedy)
{
	struct scan s = {.at = text, .why = why};
	bool named = false;
	unsigned int days = 0;
	int r;

	do {
		r = scan_part(&s, week, &named, &days);
		if (r == 0 && *s.at && *s.at != ',')
			r = wrong(&s, "a comma or the end",
				  "write days, then a time, and a comma between two stretches");
	} while (r == 0 && *s.at++ == ',');
	if (r == 0 && days)
		add(week, days, 0, DAY_MIN);
	*remedy = s.remedy;
	return r;
}

size_t zt_hours_take(const struct zt_week *week, struct zt_hours *ret)
{
	size_t n = 0;

	for (unsigned int i = 0; i < ZT_WEEK_MIN;) {
		const uint8_t *end;
		unsigned int to;

		if (!week->open[i]) {
			i++;
			continue;
		}
		end = memchr(week->open + i, 0, ZT_WEEK_MIN - i);
		to = end ? (unsigned int)(end - week->open) : ZT_WEEK_MIN;
		if (ret)
			ret[n] = (struct zt_hours){(__u16)i, (__u16)to};
		n++;
		i = to;
	}
	return n;
}

/* --- as text ------------------------------------------------------------------------------ */

/* "Mon-Wed,Sat" */
static void days_text(unsigned int days, struct zt_strbuf *sb)
{
	const char *comma = "";

	for (unsigned int day = 0; day < 7; day++) {
		unsigned int last = day;

		if (!(days & 1u << day))
			continue;
		while (last < 6 && days & 1u << (last + 1))
			last++;
		zt_strbuf_printf(sb, "%s%s", comma, day_names[day]);
		if (last > day)
			zt_strbuf_printf(sb, "-%s", day_names[last]);
		comma = ",";
		day = last;
	}
}

/* The part of a stretch that lies on one day, in minutes of it; false when there is none. */
static bool on_day(const struct zt_hours *h, unsigned int day, unsigned int *from, unsigned int *to)
{
	unsigned int start = day * DAY_MIN, end = start + DAY_MIN;

	if (h->to_min <= start || h->from_min >= end)
		return false;
	*from = h->from_min > start ? h->from_min - start : 0;
	*to = h->to_min < end ? h->to_min - start : DAY_MIN;
	return true;
}

/* Days on which exactly these hours are a stretch of their own. */
static unsigned int days_with(const struct zt_hours *hours, size_t count, unsigned int from,
			      unsigned int to)
{
	unsigned int days = 0, f, t;

	for (size_t i = 0; i < count; i++)
		for (unsigned int day = 0; day < 7; day++)
			if (on_day(&hours[i], day, &f, &t) && f == from && t == to)
				days |= 1u << day;
	return days;
}

void zt_hours_text(const struct zt_hours *hours, size_t count, const char *separator,
		   struct zt_strbuf *sb)
{
	bool first = true;

	for (size_t i = 0; i < count; i++)
		for (unsigned int day = hours[i].from_min / DAY_MIN; day < 7; day++) {
			unsigned int from, to, days;

			if (!on_day(&hours[i], day, &from, &to))
				break;
			days = days_with(hours, count, from, to);
			if (days & ((1u << day) - 1))
				continue; /* said with an earlier day */
			zt_strbuf_puts(sb, first ? "" : separator);
			days_text(days, sb);
			zt_strbuf_printf(sb, " %02u:%02u-%02u:%02u", from / 60, from % 60, to / 60,
					 to % 60);
			first = false;
		}
}
