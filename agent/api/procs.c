/* SPDX-License-Identifier: Apache-2.0 */
/*
 * procs.c - names of the processes that opened sockets.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "api/procs.h"
#include "base/cleanup.h"
#include "base/time.h"

#define CACHED	    1024 /* by pid modulo this */
#define STAT_LEN    1024
#define STARTTIME_N 22 /* field of /proc/PID/stat, proc(5) */

struct proc {
	uint32_t pid; /* 0 = unused */
	uint32_t uid;
	char owner_exe[ZT_PATH_LEN]; /* as the kernel recorded it, checked */
	uint64_t start_ns;	     /* CLOCK_MONOTONIC */
	uint64_t boot_ns;	     /* the same on CLOCK_BOOTTIME */
	struct zt_proc_name name;
};

struct zt_procs {
	char *path;
	long ticks;
	struct proc cache[CACHED];
};

int zt_procs_new(struct zt_procs **ret, const char *proc)
{
	zt_auto(zt_procs_free) struct zt_procs *procs = calloc(1, sizeof(*procs));

	if (!procs)
		return -ENOMEM;
	procs->path = strdup(proc);
	if (!procs->path)
		return -ENOMEM;
	procs->ticks = sysconf(_SC_CLK_TCK);
	*ret = zt_take(procs);
	return 0;
}

void zt_procs_free(struct zt_procs **procs)
{
	if (!*procs)
		return;
	free((*procs)->path);
	free(*procs);
	*procs = NULL;
}

static uint64_t tick_ns(const struct zt_procs *procs)
{
	return ZT_NS_PER_S / (uint64_t)procs->ticks;
}

/* Start times are in ticks of CLOCK_BOOTTIME; flows are stamped with CLOCK_MONOTONIC. */
static uint64_t boot_minus_mono(void)
{
	struct timespec boot, mono;
	int64_t diff_ns;

	clock_gettime(CLOCK_MONOTONIC, &mono);
	clock_gettime(CLOCK_BOOTTIME, &boot);
	diff_ns = (int64_t)(boot.tv_sec - mono.tv_sec) * (int64_t)ZT_NS_PER_S + boot.tv_nsec -
		  mono.tv_nsec;
	return diff_ns > 0 ? (uint64_t)diff_ns : 0;
}

/* Returns the number of bytes read, or -errno. */
static ssize_t read_bytes(int dir, const char *name, char *buf, size_t len)
{
	zt_auto(zt_close) int fd = openat(dir, name, O_RDONLY | O_CLOEXEC);
	ssize_t n = fd < 0 ? -1 : read(fd, buf, len);

	return n < 0 ? -errno : n;
}

/* A process may have emptied its command line, or may hide it: then there is none. */
static void read_args(int dir, struct zt_proc_name *ret)
{
	ssize_t n = read_bytes(dir, "cmdline", ret->args, sizeof(ret->args));

	while (n > 0 && !ret->args[n - 1])
		n--;
	ret->args_len = n > 0 ? (size_t)n : 0;
}

/* The name stands in brackets and may hold brackets and spaces itself: fields count from the last.
 */
static int parse_stat(const struct zt_procs *procs, char *stat, struct proc *ret)
{
	char *open = strchr(stat, '('), *close = strrchr(stat, ')');
	char *field, *save = NULL;
	unsigned long long ticks;
	uint64_t offset = boot_minus_mono(), start_ns;
	int n = 2;

	if (!open || !close || close < open)
		return -EINVAL;
	*close = '\0';
	snprintf(ret->name.comm, sizeof(ret->name.comm), "%s", open + 1);
	for (field = strtok_r(close + 1, " ", &save); field; field = strtok_r(NULL, " ", &save)) {
		if (++n == STARTTIME_N)
			break;
	}
	if (!field || sscanf(field, "%llu", &ticks) != 1)
		return -EINVAL;
	start_ns = ticks * tick_ns(procs);
	ret->boot_ns = start_ns;
	ret->start_ns = start_ns > offset ? start_ns - offset : 1;
	return 0;
}

/* The path inside its file system ends the path that is seen, wherever that is mounted. */
static bool ends_alike(const char *seen, const char *inside)
{
	size_t a = strlen(seen), b = strlen(inside);

	if (a >= b)
		return !strcmp(seen + a - b, inside);
	return !strcmp(inside + b - a, seen);
}

/* A replaced binary is shown with this ending by the kernel; it is the same path. */
static void cut_deleted(char *exe)
{
	static const char deleted[] = " (deleted)";
	size_t len = strlen(exe), tail = sizeof(deleted) - 1;

	if (len > tail && !strcmp(exe + len - tail, deleted))
		exe[len - tail] = '\0';
}

static int read_proc(const struct zt_procs *procs, uint32_t pid, struct proc *ret)
{
	zt_auto(zt_close) int dir = -1;
	char path[256], stat[STAT_LEN];
	ssize_t n;

	*ret = (struct proc){.pid = pid};
	if (snprintf(path, sizeof(path), "%s/%u", procs->path, pid) >= (int)sizeof(path))
		return -ENAMETOOLONG;
	/* One process from here on: the directory goes with it, whoever gets the number next. */
	dir = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (dir < 0)
		return -errno;
	n = readlinkat(dir, "exe", ret->name.exe, sizeof(ret->name.exe) - 1);
	ret->name.exe[n < 0 ? 0 : n] = '\0';
	cut_deleted(ret->name.exe);
	read_args(dir, &ret->name);
	n = read_bytes(dir, "stat", stat, sizeof(stat) - 1);
	if (n < 0)
		return (int)n;
	stat[n] = '\0';
	return parse_stat(procs, stat, ret);
}

static bool fits(const struct proc *proc, const struct zt_owner *owner)
{
	return proc->name.exe[0] && ends_alike(proc->name.exe, owner->exe);
}

int zt_procs_name(struct zt_procs *procs, uint32_t pid, uint64_t first_ns,
		  const struct zt_owner *owner, struct zt_proc_name *ret)
{
	struct proc *proc = &procs->cache[pid % CACHED];
	struct zt_owner o = *owner;
	struct proc now;

	o.exe[ZT_PATH_LEN - 1] = '\0';
	if (!pid || !o.exe[0])
		return -ENOENT;
	if (proc->pid != pid || proc->uid != o.uid || strcmp(proc->owner_exe, o.exe) ||
	    proc->start_ns > first_ns + ZT_NS_PER_S) {
		if (read_proc(procs, pid, &now) < 0)
			return -ENOENT;
		if (now.start_ns > first_ns + tick_ns(procs) || !fits(&now, &o))
			return -ENOENT;
		now.uid = o.uid;
		strcpy(now.owner_exe, o.exe);
		*proc = now;
	}
	*ret = proc->name;
	return 0;
}

int zt_procs_started(struct zt_procs *procs, uint32_t pid, uint64_t start_ns,
		     const struct zt_owner *owner, struct zt_proc_name *ret)
{
	struct zt_owner o = *owner;
	struct proc now;
	uint64_t apart;

	o.exe[ZT_PATH_LEN - 1] = '\0';
	if (!pid || !o.exe[0] || read_proc(procs, pid, &now) < 0)
		return -ENOENT;
	apart = now.boot_ns > start_ns ? now.boot_ns - start_ns : start_ns - now.boot_ns;
	if (apart > 2 * tick_ns(procs) || !fits(&now, &o))
		return -ENOENT;
	*ret = now.name;
	return 0;
}

uint64_t zt_procs_boot_ns(uint64_t mono_ns)
{
	return mono_ns + boot_minus_mono();
}
