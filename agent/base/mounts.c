// SPDX-License-Identifier: Apache-2.0
/* mounts.c - out of the mount namespace that `ip netns exec` makes. */
#include "base/mounts.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <sched.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"

#define KERNEL_THREAD 0x00200000 /* PF_KTHREAD, include/linux/sched.h */

/* The kernel's first thread sees what PID 1 sees, and may be looked at where PID 1 may not. */
static bool is_kernel_thread(pid_t pid)
{
	unsigned int flags = 0;
	char path[64];
	FILE *f;
	bool ok;

	snprintf(path, sizeof(path), "/proc/%d/stat", (int)pid);
	f = fopen(path, "re");
	if (!f)
		return false;
	/* pid (comm) state ppid pgrp session tty tpgid flags; its name is not ours to choose */
	ok = fscanf(f, "%*d (%*[^)]) %*c %*d %*d %*d %*d %*d %u", &flags) == 1;
	fclose(f);
	return ok && flags & KERNEL_THREAD;
}

/* Sees another /sys than we do (ip-netns(8) mounts a new one), and our working directory. */
static bool is_outside(pid_t pid, const char *cwd)
{
	struct stat ours, theirs;
	char path[PATH_MAX + 64];

	snprintf(path, sizeof(path), "/proc/%d/root/sys", (int)pid);
	if (stat("/sys", &ours) < 0 || stat(path, &theirs) < 0 || ours.st_dev == theirs.st_dev ||
	    access("/sys/kernel", F_OK) < 0)
		return false;
	snprintf(path, sizeof(path), "/proc/%d/root/sys/kernel", (int)pid);
	if (access(path, F_OK) < 0)
		return false;
	snprintf(path, sizeof(path), "/proc/%d/root%s", (int)pid, cwd);
	return stat(".", &ours) == 0 && stat(path, &theirs) == 0 && ours.st_dev == theirs.st_dev &&
	       ours.st_ino == theirs.st_ino;
}

int zt_mounts_use_host(void)
{
	const pid_t candidates[] = {getppid(), 1, 2};
	zt_auto(zt_close) int fd = -1;
	char cwd[PATH_MAX], path[64];

	if (geteuid() != 0 || !getcwd(cwd, sizeof(cwd)))
		return 0;
	for (size_t i = 0; i < ARRAY_SIZE(candidates) && fd < 0; i++) {
		if (candidates[i] < 1 || !is_outside(candidates[i], cwd) ||
		    (candidates[i] == 2 && !is_kernel_thread(2)))
			continue;
		snprintf(path, sizeof(path), "/proc/%d/ns/mnt", (int)candidates[i]);
		fd = open(path, O_RDONLY | O_CLOEXEC);
	}
	if (fd < 0)
		return 0;
	/* The same place by name; relative paths of the command line go on meaning something. */
	if (setns(fd, CLONE_NEWNS) < 0 || chdir(cwd) < 0)
		return -errno;
	return 1;
}
