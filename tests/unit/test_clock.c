// SPDX-License-Identifier: Apache-2.0
/*
 * test_clock.c - offsets between the clocks: kept over a restart, moved by a jump, told once.
 *
 * The wall clock and the time in suspend are the test's: clock_gettime() is stood in for.
 */
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>
#include <cmocka.h>

#include "base/cleanup.h"
#include "base/time.h"
#include "datapath/clock.h"

#define MS (int64_t) ZT_NS_PER_MS

static int64_t wall_ns, slept_ns; /* ahead of CLOCK_MONOTONIC */

int clock_gettime(clockid_t id, struct timespec *ts)
{
	clockid_t base = id == CLOCK_MONOTONIC_COARSE ? id : CLOCK_MONOTONIC;
	int64_t ahead = id == CLOCK_REALTIME ? wall_ns : id == CLOCK_BOOTTIME ? slept_ns : 0;
	int64_t ns;

	if (syscall(SYS_clock_gettime, base, ts) < 0)
		return -1;
	ns = ts->tv_sec * (int64_t)ZT_NS_PER_S + ts->tv_nsec + ahead;
	ts->tv_sec = ns / (int64_t)ZT_NS_PER_S;
	ts->tv_nsec = ns % (int64_t)ZT_NS_PER_S;
	return 0;
}

static int jumps;

static void on_jump(void *ctx)
{
	(void)ctx;
	jumps++;
}

/* Equal but for what reading two clocks one after the other takes. */
static bool about(int64_t a, int64_t b)
{
	return llabs(a - b) < 20 * MS;
}

static void test_jumps(void **state)
{
	zt_auto(zt_clock_close) struct zt_clock *clock = NULL;
	const struct zt_clock_config cfg = {.on_jump = on_jump};
	int64_t kept;

	(void)state;
	jumps = 0;
	wall_ns = 1000000 * MS;
	slept_ns = 0;
	assert_int_equal(zt_clock_open(&clock, &cfg), 0);
	kept = zt_clock_wall_offset_ns(clock);
	assert_true(about(kept, wall_ns));
	assert_false(zt_clock_check(clock));
	/* What NTP slews is no jump, and moves no row. */
	wall_ns += 60 * MS;
	assert_false(zt_clock_check(clock));
	assert_true(zt_clock_wall_offset_ns(clock) == kept);
	wall_ns += 200 * MS;
	assert_true(zt_clock_check(clock));
	assert_true(about(zt_clock_wall_offset_ns(clock), wall_ns));
	assert_false(zt_clock_check(clock));
	wall_ns -= 3600 * 1000 * MS;
	assert_true(zt_clock_check(clock));
	assert_true(about(zt_clock_wall_offset_ns(clock), wall_ns));
	/* Asleep: the wall clock and CLOCK_BOOTTIME went on. */
	slept_ns += 500 * 1000 * MS;
	wall_ns += 500 * 1000 * MS;
	assert_true(zt_clock_check(clock));
	assert_true(about(zt_clock_slept_ns(clock), slept_ns));
	assert_int_equal(jumps, 3);
	assert_int_equal(strlen(zt_clock_boot_id(clock)), 36);
}

static void write_kept(const char *dir, const char *boot_id, int64_t wall, int64_t slept)
{
	char path[128];
	FILE *f;

	snprintf(path, sizeof(path), "%s/clock", dir);
	f = fopen(path, "w");
	assert_non_null(f);
	fprintf(f, "%s %lld %lld\n", boot_id, (long long)wall, (long long)slept);
	fclose(f);
}

static int64_t opened(const char *dir, char *ret_boot_id)
{
	zt_auto(zt_clock_close) struct zt_clock *clock = NULL;
	const struct zt_clock_config cfg = {.state_dir = dir};

	assert_int_equal(zt_clock_open(&clock, &cfg), 0);
	strcpy(ret_boot_id, zt_clock_boot_id(clock));
	return zt_clock_wall_offset_ns(clock);
}

/* The same rows before and after a restart: the very same offset, unless it is another boot's. */
static void test_kept(void **state)
{
	char dir[] = "/tmp/zt-clock.XXXXXX", path[64], boot_id[64];
	int64_t first;

	(void)state;
	assert_non_null(mkdtemp(dir));
	wall_ns = 5000000 * MS;
	slept_ns = 0;
	first = opened(dir, boot_id);
	assert_true(opened(dir, boot_id) == first);
	wall_ns += 50 * MS;
	assert_true(opened(dir, boot_id) == first);
	wall_ns += 150 * MS;
	assert_true(about(opened(dir, boot_id), wall_ns));
	write_kept(dir, boot_id, wall_ns + 70 * MS, 0);
	assert_true(opened(dir, boot_id) == wall_ns + 70 * MS);
	write_kept(dir, "00000000-0000-0000-0000-000000000000", wall_ns + 70 * MS, 0);
	assert_true(about(opened(dir, boot_id), wall_ns));
	write_kept(dir, "no numbers", 0, 0);
	assert_true(about(opened(dir, boot_id), wall_ns));
	snprintf(path, sizeof(path), "%s/clock", dir);
	assert_int_equal(unlink(path) | rmdir(dir), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_jumps),
		cmocka_unit_test(test_kept),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
