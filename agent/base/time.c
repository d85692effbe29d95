/* SPDX-License-Identifier: Apache-2.0 */
/* time.c - the datapath's clock, and its times as text. */
#include "base/time.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/cleanup.h"

static uint64_t read_clock(clockid_t id)
{
	struct timespec ts;

	clock_gettime(id, &ts);
	return (uint64_t)ts.tv_sec * ZT_NS_PER_S + (uint64_t)ts.tv_nsec;
}

uint64_t zt_now_ns(void)
{
	return read_clock(CLOCK_MONOTONIC_COARSE);
}

uint64_t zt_now_wall_ns(void)
{
	return read_clock(CLOCK_REALTIME);
}

/* Wall clock minus monotonic clock, now. */
static uint64_t wall_offset_ns(void)
{
	return read_clock(CLOCK_REALTIME) - read_clock(CLOCK_MONOTONIC);
}

uint64_t zt_mono_to_wall_ns(uint64_t mono_ns)
{
	return mono_ns + wall_offset_ns();
}

uint64_t zt_wall_to_mono_ns(uint64_t wall_ns)
{
	uint64_t offset = wall_offset_ns();

	return wall_ns > offset ? wall_ns - offset : 0;
}

const char *zt_wall_text(uint64_t wall_ns, char buf[ZT_TIME_TEXT_LEN])
{
	time_t seconds = (time_t)(wall_ns / ZT_NS_PER_S);
	struct tm tm;
	size_t n;

	/* 9999-12-31: past it the text would no longer be RFC 3339. */
	if (wall_ns / ZT_NS_PER_S > 253402300799ULL || !gmtime_r(&seconds, &tm)) {
		snprintf(buf, ZT_TIME_TEXT_LEN, "9999-12-31T23:59:59.999Z");
		return buf;
	}
	n = strftime(buf, ZT_TIME_TEXT_LEN, "%Y-%m-%dT%H:%M:%S", &tm);
	snprintf(buf + n, ZT_TIME_TEXT_LEN - n, ".%03uZ",
		 (unsigned int)(wall_ns % ZT_NS_PER_S / ZT_NS_PER_MS));
	return buf;
}

const char *zt_mono_text(uint64_t mono_ns, char buf[ZT_TIME_TEXT_LEN])
{
	return zt_wall_text(zt_mono_to_wall_ns(mono_ns), buf);
}

/* Two digits at @p, or -1. */
static int two(const char *p)
{
	if (p[0] < '0' || p[0] > '9' || p[1] < '0' || p[1] > '9')
		return -1;
	return (p[0] - '0') * 10 + p[1] - '0';
}

/* "YYYY-MM-DDTHH:MM:SS" to seconds since 1970. */
static int parse_date(const char *p, int64_t *ret_s)
{
	static const char form[] = "dddd-dd-ddTdd:dd:dd";
	struct tm tm = {0}, check;
	time_t s;
	int sec;

	for (size_t i = 0; i < sizeof(form) - 1; i++)
		if (form[i] == 'd' ? p[i] < '0' || p[i] > '9' : p[i] != form[i])
			return -EINVAL;
	tm.tm_year = two(p) * 100 + two(p + 2) - 1900;
	tm.tm_mon = two(p + 5) - 1;
	tm.tm_mday = two(p + 8);
	tm.tm_hour = two(p + 11);
	tm.tm_min = two(p + 14);
	sec = two(p + 17);
	if (tm.tm_hour > 23 || tm.tm_min > 59 || sec > 60)
		return -EINVAL;
	check = tm;
	s = timegm(&check);
	/* 31 April would come back as 1 May. */
	if (check.tm_mday != tm.tm_mday || check.tm_mon != tm.tm_mon)
		return -EINVAL;
	*ret_s = s + sec;
	return 0;
}

/* "Z" or "+08:00", to the end. */
static int parse_zone(const char *p, int64_t *ret_s)
{
	int hours, minutes;

	*ret_s = 0;
	if (*p == 'Z')
		return p[1] ? -EINVAL : 0;
	if (*p != '+' && *p != '-')
		return -EINVAL;
	hours = two(p + 1);
	if (hours < 0 || hours > 23 || p[3] != ':')
		return -EINVAL;
	minutes = two(p + 4);
	if (minutes < 0 || minutes > 59 || p[6])
		return -EINVAL;
	*ret_s = (*p == '+' ? 1 : -1) * (hours * 3600 + minutes * 60);
	return 0;
}

int zt_wall_parse(const char *text, uint64_t *ret_wall_ns)
{
	uint64_t ns = 0, unit = ZT_NS_PER_S / 10;
	int64_t s, zone;
	int r;

	if (strnlen(text, 64) < 20 || strnlen(text, 64) == 64)
		return -EINVAL;
	r = parse_date(text, &s);
	if (r < 0)
		return r;
	text += 19;
	if (*text == '.') {
		if (text[1] < '0' || text[1] > '9')
			return -EINVAL;
		for (text++; *text >= '0' && *text <= '9'; text++, unit /= 10)
			ns += (uint64_t)(*text - '0') * unit;
	}
	r = parse_zone(text, &zone);
	if (r < 0)
		return r;
	s -= zone;
	if (s < 0 || (uint64_t)s > (uint64_t)INT64_MAX / ZT_NS_PER_S - 1)
		return -ERANGE;
	*ret_wall_ns = (uint64_t)s * ZT_NS_PER_S + ns;
	return 0;
}

const char *zt_duration_text(uint64_t ns, char buf[ZT_DURATION_TEXT_LEN])
{
	uint64_t s = ns / ZT_NS_PER_S;

	if (ns < ZT_NS_PER_S)
		snprintf(buf, ZT_DURATION_TEXT_LEN, "%u ms", (unsigned int)(ns / ZT_NS_PER_MS));
	else if (s < 60)
		snprintf(buf, ZT_DURATION_TEXT_LEN, "%u.%u s", (unsigned int)s,
			 (unsigned int)(ns % ZT_NS_PER_S / (ZT_NS_PER_S / 10)));
	else if (s < 3600)
		snprintf(buf, ZT_DURATION_TEXT_LEN, "%u min", (unsigned int)(s / 60));
	else if (s < 2 * 86400)
		snprintf(buf, ZT_DURATION_TEXT_LEN, "%u h %u min", (unsigned int)(s / 3600),
			 (unsigned int)(s % 3600 / 60));
	else
		snprintf(buf, ZT_DURATION_TEXT_LEN, "%llu d", (unsigned long long)(s / 86400));
	return buf;
}

int zt_duration_parse(const char *text, uint64_t *ret_ns)
{
	static const struct {
		const char *unit;
		uint64_t ns;
	} units[] = {
		{"ms", ZT_NS_PER_MS},	   {"s", ZT_NS_PER_S},	       {"m", 60 * ZT_NS_PER_S},
		{"h", 3600 * ZT_NS_PER_S}, {"d", 86400 * ZT_NS_PER_S},
	};
	const uint64_t most = 3650ULL * 86400 * ZT_NS_PER_S;
	uint64_t n = 0;
	int digits = 0;

	for (; *text >= '0' && *text <= '9'; text++) {
		if (++digits > 12)
			return -ERANGE;
		n = n * 10 + (uint64_t)(*text - '0');
	}
	if (!digits)
		return -EINVAL;
	for (size_t i = 0; i < ARRAY_SIZE(units); i++) {
		if (strcmp(text, units[i].unit) != 0)
			continue;
		if (n == 0 || n > most / units[i].ns)
			return -ERANGE;
		*ret_ns = n * units[i].ns;
		return 0;
	}
	return -EINVAL;
}
