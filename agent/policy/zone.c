/* SPDX-License-Identifier: Apache-2.0 */
/*
 * zone.c - time zones, through the C library: TZ is set, used and put back.
 *
 * Never between threads: the environment is the process's.
 */
#include "policy/zone.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "policy/schedule.h"

/* Letters, digits, '_', '+' and '-' between single slashes. */
static bool is_zone_name(const char *name)
{
	size_t len = strlen(name);

	if (!len || len > ZT_ZONE_NAME_MAX || name[0] == '/' || name[len - 1] == '/')
		return false;
	for (const char *c = name; *c; c++)
		if (!isalnum((unsigned char)*c) && !strchr("_+-", *c) && (*c != '/' || c[1] == '/'))
			return false;
	/* Other readings of the same zones; "right" counts leap seconds. */
	return strncmp(name, "posix/", 6) != 0 && strncmp(name, "right/", 6) != 0;
}

static bool is_utc(const char *name)
{
	return strcmp(name, ZT_TIMEZONE_DEFAULT) == 0;
}

static bool zoneinfo_missing(void)
{
	DIR *dir = opendir(ZT_ZONEINFO);
	struct dirent *entry = NULL;

	while (dir && (entry = readdir(dir)) && entry->d_name[0] == '.')
		;
	if (dir)
		closedir(dir);
	return !entry;
}

static void zone_path(const char *name, char path[static PATH_MAX])
{
	snprintf(path, PATH_MAX, ZT_ZONEINFO "/%s", name);
}

int zt_zone_check(const char *name)
{
	zt_auto(zt_close) int fd = -1;
	char path[PATH_MAX], magic[4];

	if (!is_zone_name(name))
		return -EINVAL;
	if (is_utc(name))
		return 0;
	zone_path(name, path);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd >= 0 && read(fd, magic, sizeof(magic)) == sizeof(magic) &&
	    memcmp(magic, "TZif", sizeof(magic)) == 0)
		return 0;
	return zoneinfo_missing() ? -ENODATA : -ENOENT;
}

int zt_zone_enter(struct zt_zone_guard *guard, const char *name)
{
	const char *before = getenv("TZ");
	char path[PATH_MAX + 1] = ":";
	int r = zt_zone_check(name);

	*guard = (struct zt_zone_guard){0};
	if (r < 0)
		return r;
	zone_path(name, path + 1);
	if (before) {
		guard->before = strdup(before);
		if (!guard->before)
			return -ENOMEM;
	}
	if (setenv("TZ", is_utc(name) ? "UTC0" : path, 1) < 0)
		return -ENOMEM;
	guard->entered = true;
	tzset();
	return 0;
}

void zt_zone_leave(struct zt_zone_guard *guard)
{
	if (guard->entered) {
		if (guard->before)
			setenv("TZ", guard->before, 1);
		else
			unsetenv("TZ");
		tzset();
	}
	free(guard->before);
	*guard = (struct zt_zone_guard){0};
}

long zt_zone_offset(int64_t at_s)
{
	time_t t = (time_t)at_s;
	struct tm tm;

	return localtime_r(&t, &tm) ? tm.tm_gmtoff : 0;
}
