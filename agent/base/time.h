/* SPDX-License-Identifier: Apache-2.0 */
/*
 * time.h - the datapath's clock, and its times as text for people and programs.
 *
 * The datapath stamps with CLOCK_MONOTONIC, coarse; it stops in suspend. Text
 * is RFC 3339 in UTC, converted with the offset of the moment of asking.
 */
#pragma once
#include <stdint.h>

#define ZT_TIME_TEXT_LEN     32 /* "2026-11-21T08:15:30.123Z", with the closing NUL */
#define ZT_DURATION_TEXT_LEN 24

#define ZT_NS_PER_S  1000000000ULL
#define ZT_NS_PER_MS 1000000ULL

/** zt_now_ns - CLOCK_MONOTONIC_COARSE, as bpf_ktime_get_coarse_ns() [ns]. */
uint64_t zt_now_ns(void);

/** zt_now_wall_ns - CLOCK_REALTIME [ns since 1970]. */
uint64_t zt_now_wall_ns(void);

/** zt_mono_to_wall_ns - a datapath time as wall-clock time [ns since 1970]. */
uint64_t zt_mono_to_wall_ns(uint64_t mono_ns);

/** zt_wall_to_mono_ns - the reverse; 0 for times before boot. */
uint64_t zt_wall_to_mono_ns(uint64_t wall_ns);

/** zt_wall_text - RFC 3339 UTC with milliseconds; returns @buf. */
const char *zt_wall_text(uint64_t wall_ns, char buf[ZT_TIME_TEXT_LEN]);

/** zt_mono_text - a datapath time as RFC 3339 UTC; returns @buf. */
const char *zt_mono_text(uint64_t mono_ns, char buf[ZT_TIME_TEXT_LEN]);

/**
 * zt_wall_parse - read a time of the wall clock.
 * @text: RFC 3339, "2027-03-31T12:00:00Z" or "2027-03-31T20:00:00.5+08:00".
 *
 * Returns 0 and nanoseconds since 1970, -EINVAL (another form, or no such date) or -ERANGE
 * (before 1970 or after 2261). A leap second counts as the second after it.
 */
int zt_wall_parse(const char *text, uint64_t *ret_wall_ns);

/** zt_duration_text - "1.5 s", "12 min", "3 h 20 min", "5 d"; returns @buf. */
const char *zt_duration_text(uint64_t ns, char buf[ZT_DURATION_TEXT_LEN]);

/**
 * zt_duration_parse - read a length of time.
 * @text: a whole number and one unit: "30s", "15m", "2h", "7d", "500ms".
 *
 * Returns 0, -EINVAL or -ERANGE (more than 10 years, or zero).
 */
int zt_duration_parse(const char *text, uint64_t *ret_ns);
