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
