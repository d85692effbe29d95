/* SPDX-License-Identifier: Apache-2.0 */
/* when.c - conditions of a rule beside its ends: hours, labels, its end; and of a promotion. */
#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/cleanup.h"
#include "base/strbuf.h"
#include "policy/build.h"
#include "policy/hours.h"
#include "policy/schedule.h"
#include "policy/zone.h"

#define HOURS_ITEMS_MAX 64
#define COUNT_MAX	1000000000000000 /* as a revision */
#define DAYS_MAX	3650
#define YEAR_FIRST	2000
#define YEAR_LAST	2199 /* in nanoseconds it fits 64 bits */
#define EXPIRES_EXAMPLE "write a date, 2027-03-31, or a time, 2027-03-31T18:00:00+08:00"

/* --- hours ---------------------------------------------------------------------------- */

static int add_hours(struct zt_builder *b, const struct zt_node *node, struct zt_week *week)
{
	zt_auto(zt_strbuf_free) struct zt_strbuf why = ZT_STRBUF_INIT;
	struct zt_loc loc = zt_node_loc(node);
	const char *remedy = NULL;

	if (node->kind != ZT_NODE_SCALAR || zt_node_is_null(node)) {
		zt_diag_error(b->diag, &loc, "hours of the week are expected here, not %s",
			      zt_node_what(node));
		zt_diag_remedy(b->diag, "write hours: \"Mon-Fri 08:00-20:00\"");
		return 0;
	}
	if (node->len > ZT_HOURS_TEXT_MAX) {
		zt_diag_error(b->diag, &loc, "hours of %u bytes; at most %d are read", node->len,
			      ZT_HOURS_TEXT_MAX);
		zt_diag_remedy(b->diag, "make a list of them");
		return 0;
	}
	if (zt_hours_parse(week, node->text, &why, &remedy) < 0) {
		zt_diag_error(b->diag, &loc, "in hours, %s", zt_strbuf_text(&why));
		zt_diag_remedy(b->diag, "%s", remedy);
	}
	return zt_strbuf_error(&why);
}

static int when_hours(struct zt_builder *b, const struct zt_node *value, void *object)
{
	const struct zt_node *e = value->kind == ZT_NODE_SEQUENCE ? value->first : value;
	struct zt_raw_stmt *raw = object;
	struct zt_when *when = &raw->stmt.when;
	struct zt_loc loc = zt_node_loc(value);
	struct zt_week week = {{0}};
	size_t errors = b->diag->errors;
	int r;

	raw->hours_given = true;
	if (!e || (value->kind == ZT_NODE_SEQUENCE && value->len > HOURS_ITEMS_MAX)) {
		zt_diag_error(b->diag, &loc, e ? "a list of more than %d hours" : "no hours at all",
			      HOURS_ITEMS_MAX);
		zt_diag_remedy(b->diag, "write hours: \"Mon-Fri 08:00-20:00\"");
		return 0;
	}
	for (; e; e = value->kind == ZT_NODE_SEQUENCE ? e->next : NULL) {
		r = add_hours(b, e, &week);
		if (r < 0)
			return r;
	}
	if (b->diag->errors != errors)
		return 0;
	when->hour_count = zt_hours_take(&week, NULL);
	when->hours = zt_arena_array(b->arena, when->hour_count, sizeof(*when->hours));
	if (!when->hours)
		return -ENOMEM;
	zt_hours_take(&week, when->hours);
	if (when->hour_count == 1 &&
	    when->hours[0].to_min - when->hours[0].from_min == ZT_WEEK_MIN) {
		zt_diag_warn(b->diag, &loc, "these hours are the whole week");
		zt_diag_remedy(b->diag, "remove them");
		when->hours = NULL;
		when->hour_count = 0;
	}
	return 0;
}

static int when_timezone(struct zt_builder *b, const struct zt_node *value, void *object)
{
	struct zt_raw_stmt *raw = object;
	const char *name = NULL;
	int r;

	raw->timezone_loc = zt_node_loc(value);
	r = zt_read_text(b, value, "the name of a time zone", ZT_ZONE_NAME_MAX, &name);
	if (r < 0 || !name)
		return r;
	raw->stmt.when.timezone = name;
	if (b->zone && strcmp(b->zone, name) == 0)
		return 0;
	switch (zt_zone_check(name)) {
	case 0:
		b->zone = name;
		return 0;
	case -ENODATA:
		zt_diag_error(b->diag, &raw->timezone_loc,
			      "time zone '%s' is not known: this machine has no time zones", name);
		zt_diag_remedy(b->diag, "install the package tzdata (%s), or use UTC", ZT_ZONEINFO);
		return 0;
	case -ENOENT:
		zt_diag_error(b->diag, &raw->timezone_loc, "there is no time zone '%s'", name);
		break;
	default:
		zt_diag_error(b->diag, &raw->timezone_loc, "'%s' is not the name of a time zone",
			      name);
	}
	zt_diag_remedy(b->diag, "write its name as under %s, as Europe/Berlin", ZT_ZONEINFO);
	return 0;
}

static int when_labels(struct zt_builder *b, const struct zt_node *value, void *object)
{
	struct zt_when *when = &((struct zt_raw_stmt *)object)->stmt.when;
	struct zt_loc loc = zt_node_loc(value);

	if (value->kind == ZT_NODE_MAPPING && !value->first) {
		zt_diag_error(b->diag, &loc, "no label at all");
		zt_diag_remedy(b->diag,
			       "name one, as in labels: {posture: compliant}, or remove it");
		return 0;
	}
	return zt_read_labels(b, value, &when->labels, &when->label_count);
}

static const struct zt_field when_fields[] = {
	{.key = "hours", .read = when_hours},
	{.key = "timezone", .read = when_timezone},
	{.key = "labels", .read = when_labels},
};

int zt_read_when(struct zt_builder *b, const struct zt_node *node, void *object)
{
	struct zt_when *when = &((struct zt_raw_stmt *)object)->stmt.when;

	when->given = true;
	when->loc = zt_node_loc(node);
	if (node->kind == ZT_NODE_MAPPING && !node->first) {
		zt_diag_error(b->diag, &when->loc, "no condition at all");
		zt_diag_remedy(b->diag, "write hours: or labels:, or remove it");
		return 0;
	}
	return zt_read_fields(b, node, "a condition", when_fields, ARRAY_SIZE(when_fields), object);
}

int zt_refuse_when(struct zt_builder *b, const struct zt_node *node, void *object)
{
	struct zt_loc loc = zt_node_loc(node);

	(void)object;
	zt_diag_error(b->diag, &loc,
		      "only a rule has conditions: boundaries and failsafes hold at all times");
	zt_diag_remedy(b->diag, "put it on a rule that allows, or denies, more for that time");
	return 0;
}

/* --- expires -------------------------------------------------------------------------- */

/* @n digits, as a number; -1 when there are none. */
static int digits(const char *s, int n)
{
	int value = 0;

	for (int i = 0; i < n; i++) {
		if (!isdigit((unsigned char)s[i]))
			return -1;
		value = value * 10 + (s[i] - '0');
	}
	return value;
}

/* Whether the text has the shape of the pattern, in which a 0 stands for a digit. */
static bool has_shape(const char *s, const char *pattern)
{
	for (; *pattern; s++, pattern++)
		if (*pattern == '0' ? !isdigit((unsigned char)*s)
				    : *pattern != (char)toupper((unsigned char)*s))
			return false;
	return true;
}

static bool is_date(const struct zt_raw_date *d)
{
	static const int days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
	bool leap = d->year % 4 == 0 && (d->year % 100 != 0 || d->year % 400 == 0);

	return d->year >= YEAR_FIRST && d->year <= YEAR_LAST && d->month >= 1 && d->month <= 12 &&
	       d->day >= 1 && d->day <= days[d->month - 1] + (leap && d->month == 2);
}

/* Seconds ahead of UTC behind a time: "Z" or "+08:00". Returns false for anything else. */
static bool read_offset(const char *s, int *ret_s)
{
	int hours, minutes;

	*ret_s = 0;
	if ((*s == 'Z' || *s == 'z') && !s[1])
		return true;
	if ((*s != '+' && *s != '-') || !has_shape(s + 1, "00:00") || s[6])
		return false;
	hours = digits(s + 1, 2);
	minutes = digits(s + 4, 2);
	*ret_s = (hours * 60 + minutes) * 60 * (*s == '-' ? -1 : 1);
	return hours < 24 && minutes < 60;
}

/* A time of RFC 3339, to the second. Returns what is wrong, or NULL. */
static const char *read_instant(const char *s, const struct zt_raw_date *d, int64_t *ret_s)
{
	struct tm tm = {.tm_year = d->year - 1900, .tm_mon = d->month - 1, .tm_mday = d->day};
	int offset;

	if (!has_shape(s, "0000-00-00T00:00:00"))
		return "neither a date nor a time";
	tm.tm_hour = digits(s + 11, 2);
	tm.tm_min = digits(s + 14, 2);
	tm.tm_sec = digits(s + 17, 2);
	if (tm.tm_hour > 23 || tm.tm_min > 59 || tm.tm_sec > 59)
		return "not a time of the day";
	if (s[19] == '.')
		return "not a whole second";
	if (!s[19])
		return "a time without its distance from UTC";
	if (!read_offset(s + 19, &offset))
		return "not a distance from UTC";
	*ret_s = (int64_t)timegm(&tm) - offset;
	return NULL;
}

int zt_read_expires(struct zt_builder *b, const struct zt_node *node, void *object)
{
	struct zt_raw_stmt *raw = object;
	struct zt_stmt *stmt = &raw->stmt;
	struct zt_raw_date date = {0};
	const char *text = NULL, *wrong = NULL;
	char utc[32];
	struct tm tm;
	time_t t;
	int r;

	stmt->expires.loc = zt_node_loc(node);
	r = zt_read_text(b, node, "a date", sizeof(utc), &text);
	if (r < 0 || !text)
		return r;
	if (!has_shape(text, "0000-00-00"))
		wrong = "neither a date nor a time";
	else
		date = (struct zt_raw_date){digits(text, 4), digits(text + 5, 2),
					    digits(text + 8, 2)};
	if (!wrong && !is_date(&date))
		wrong = "not a date of the years 2000 to 2199";
	else if (!wrong && text[10])
		wrong = read_instant(text, &date, &stmt->expires_s);
	if (wrong) {
		zt_diag_error(b->diag, &stmt->expires.loc, "'%s' is %s", text, wrong);
		zt_diag_remedy(b->diag, EXPIRES_EXAMPLE);
		return 0;
	}
	if (!text[10]) {
		raw->expires = date;
		stmt->expires.s = text;
		return 0;
	}
	/* One spelling of an instant. */
	t = (time_t)stmt->expires_s;
	strftime(utc, sizeof(utc), "%Y-%m-%dT%H:%M:%SZ", gmtime_r(&t, &tm));
	stmt->expires.s = zt_arena_text(b->arena, utc, strlen(utc));
	return stmt->expires.s ? 0 : -ENOMEM;
}

int zt_finish_when(struct zt_builder *b, struct zt_raw_stmt *raw)
{
	struct zt_stmt *stmt = &raw->stmt;
	bool dated = raw->expires.year != 0;
	int r = 0;

	if (raw->timezone_loc.file && !raw->hours_given && !dated) {
		zt_diag_error(b->diag, &raw->timezone_loc,
			      "a time zone without hours or a date to be in it");
		zt_diag_remedy(b->diag, "add hours:, or remove it");
	}
	if (!stmt->when.timezone || (!stmt->when.hour_count && !dated))
		stmt->when.timezone = ZT_TIMEZONE_DEFAULT;
	if (dated)
		r = zt_zone_day_end(stmt->when.timezone, raw->expires.year, raw->expires.month,
				    raw->expires.day, &stmt->expires_s);
	if (r == -ENOENT)
		return zt_diag_error(b->diag, &raw->timezone_loc, "time zone '%s' cannot be read",
				     stmt->when.timezone);
	return r;
}

/* --- ready ---------------------------------------------------------------------------- */

static int read_count(struct zt_builder *b, const struct zt_node *node, uint64_t max, uint64_t *ret)
{
	struct zt_loc loc = zt_node_loc(node);
	uint64_t n = 0;

	if (node->kind == ZT_NODE_SCALAR && node->plain && node->len && node->len <= 15 &&
	    (node->text[0] != '0' || node->len == 1) &&
	    strspn(node->text, "0123456789") == node->len) {
		for (const char *c = node->text; *c; c++)
			n = n * 10 + (uint64_t)(*c - '0');
		if (n <= max) {
			*ret = n;
			return 0;
		}
	}
	zt_diag_error(b->diag, &loc, "a whole number from 0 to %llu is expected here",
		      (unsigned long long)max);
	zt_diag_remedy(b->diag, "write ready: {days: %d, flows: %d, would_deny: %d}", ZT_READY_DAYS,
		       ZT_READY_FLOWS, ZT_READY_WOULD_DENY);
	return 0;
}

static int ready_days(struct zt_builder *b, const struct zt_node *value, void *object)
{
	struct zt_raw_ready *raw = object;
	uint64_t days = 0;
	int r = read_count(b, value, DAYS_MAX, &days);

	raw->days = true;
	raw->ready.days = (uint32_t)days;
	return r;
}

static int ready_flows(struct zt_builder *b, const struct zt_node *value, void *object)
{
	struct zt_raw_ready *raw = object;

	raw->flows = true;
	return read_count(b, value, COUNT_MAX - 1, &raw->ready.flows);
}

static int ready_would_deny(struct zt_builder *b, const struct zt_node *value, void *object)
{
	struct zt_raw_ready *raw = object;

	raw->would_deny = true;
	return read_count(b, value, COUNT_MAX - 1, &raw->ready.would_deny);
}

static const struct zt_field ready_fields[] = {
	{.key = "days", .read = ready_days},
	{.key = "flows", .read = ready_flows},
	{.key = "would_deny", .read = ready_would_deny},
};

int zt_read_ready(struct zt_builder *b, const struct zt_node *node, struct zt_raw_ready *ret)
{
	struct zt_loc loc = zt_node_loc(node);

	if (node->kind == ZT_NODE_MAPPING && !node->first) {
		zt_diag_error(b->diag, &loc, "no number at all");
		zt_diag_remedy(b->diag, "write days:, flows: or would_deny:, or remove it");
		return 0;
	}
	ret->ready.given = true;
	return zt_read_fields(b, node, "what a promotion asks for", ready_fields,
			      ARRAY_SIZE(ready_fields), ret);
}

struct zt_ready zt_finish_ready(const struct zt_raw_ready *raw, const struct zt_ready *outer)
{
	static const struct zt_ready defaults = {
		.days = ZT_READY_DAYS, .flows = ZT_READY_FLOWS, .would_deny = ZT_READY_WOULD_DENY};
	struct zt_ready ready = raw->ready;

	if (!outer)
		outer = &defaults;
	if (!raw->days)
		ready.days = outer->days;
	if (!raw->flows)
		ready.flows = outer->flows;
	if (!raw->would_deny)
		ready.would_deny = outer->would_deny;
	return ready;
}
