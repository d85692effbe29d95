// SPDX-License-Identifier: Apache-2.0
/* keep.c - small files of the state directory: written beside, made durable, renamed. */
#include "datapath/keep.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/file.h"

static int path_of(char buf[PATH_MAX], const char *dir, const char *name, const char *suffix)
{
	return (size_t)snprintf(buf, PATH_MAX, "%s/%s%s", dir, name, suffix) < PATH_MAX
		       ? 0
		       : -ENAMETOOLONG;
}

int zt_keep_write(const char *dir, const char *name, const void *bytes, size_t len)
{
	char path[PATH_MAX], fresh[PATH_MAX];
	zt_auto(zt_close) int fd = -1;
	int r = path_of(path, dir, name, "");

	if (r == 0)
		r = path_of(fresh, dir, name, ".new");
	if (r < 0)
		return r;
	fd = open(fresh, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (fd < 0)
		return -errno;
	r = zt_file_write_all(fd, bytes, len);
	if (r == 0 && fsync(fd) < 0)
		r = -errno;
	if (r == 0 && rename(fresh, path) < 0)
		r = -errno;
	if (r < 0) {
		unlink(fresh);
		return r;
	}
	/* The rename itself must be on disk too. */
	return zt_file_sync_dir(dir);
}

int zt_keep_read(const char *dir, const char *name, size_t max, char **ret, size_t *ret_len)
{
	zt_auto(zt_freep) char *buf = NULL;
	zt_auto(zt_close) int fd = -1;
	char path[PATH_MAX];
	struct stat st;
	size_t len = 0;
	ssize_t n = 0;
	int r = path_of(path, dir, name, "");

	if (r < 0)
		return r;
	fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
	if (fd < 0 || fstat(fd, &st) < 0)
		return -errno;
	if (!S_ISREG(st.st_mode))
		return -EINVAL;
	if (st.st_size > (off_t)max)
		return -EFBIG;
	buf = malloc((size_t)st.st_size + 1);
	if (!buf)
		return -ENOMEM;
	while (len < (size_t)st.st_size && (n = read(fd, buf + len, (size_t)st.st_size - len)) > 0)
		len += (size_t)n;
	if (n < 0)
		return -errno;
	buf[len] = '\0';
	*ret = zt_take(buf);
	*ret_len = len;
	return 0;
}

int zt_keep_aside(const char *dir, const char *name)
{
	char path[PATH_MAX], aside[PATH_MAX];
	int r = path_of(path, dir, name, "");

	if (r == 0)
		r = path_of(aside, dir, name, ".broken");
	return r == 0 && rename(path, aside) < 0 ? -errno : r;
}
