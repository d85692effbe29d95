/* SPDX-License-Identifier: Apache-2.0 */
/* file.c - a small file as a whole: read with a bound, written so that it is never overwritten. */
#include "base/file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"

static int read_all(int fd, char *buf, size_t max, size_t *ret_len)
{
	size_t len = 0;

	while (len < max) {
		ssize_t n = read(fd, buf + len, max - len);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		if (n == 0)
			break;
		len += (size_t)n;
	}
	*ret_len = len;
	return 0;
}

int zt_file_read(const char *path, size_t max, char **ret, size_t *ret_len, mode_t *ret_mode)
{
	/* O_NONBLOCK: a pipe without a writer must not hang who asked. */
	zt_auto(zt_close) int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
	zt_auto(zt_freep) char *buf = NULL;
	struct stat st;
	size_t len = 0, room;
	int r;

	if (fd < 0 || fstat(fd, &st) < 0)
		return -errno;
	if (!S_ISREG(st.st_mode))
		return S_ISDIR(st.st_mode) ? -EISDIR : -EINVAL;
	if (st.st_size > (off_t)max)
		return -EFBIG;
	/* One more than it has, to notice that it grew; files in /proc claim to have nothing. */
	room = st.st_size ? (size_t)st.st_size + 1 : max + 1;
	buf = malloc(room + 1);
	if (!buf)
		return -ENOMEM;
	r = read_all(fd, buf, room, &len);
	if (r < 0)
		return r;
	if (len > max || (st.st_size && len > (size_t)st.st_size))
		return -EFBIG;
	buf[len] = '\0';
	*ret = zt_take(buf);
	*ret_len = len;
	if (ret_mode)
		*ret_mode = st.st_mode & 07777;
	return 0;
}

int zt_file_write_all(int fd, const char *bytes, size_t len)
{
	while (len) {
		ssize_t n = write(fd, bytes, len);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		bytes += n;
		len -= (size_t)n;
	}
	return 0;
}

static int fill(int fd, const void *bytes, size_t len, mode_t mode)
{
	int r = fchmod(fd, mode) < 0 ? -errno : zt_file_write_all(fd, bytes, len);

	if (r == 0 && fsync(fd) < 0)
		r = -errno;
	return r;
}

int zt_file_create(const char *path, const void *bytes, size_t len, mode_t mode)
{
	zt_auto(zt_close) int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	int r;

	if (fd < 0)
		return -errno;
	r = fill(fd, bytes, len, mode);
	if (r < 0)
		unlink(path);
	return r;
}

int zt_file_replace(const char *path, const void *bytes, size_t len, mode_t mode)
{
	zt_auto(zt_freep) char *tmp = NULL;
	zt_auto(zt_close) int fd = -1;
	int r;

	if (asprintf(&tmp, "%s.XXXXXX", path) < 0)
		return -ENOMEM;
	fd = mkostemp(tmp, O_CLOEXEC);
	if (fd < 0)
		return -errno;
	r = fill(fd, bytes, len, mode);
	if (r == 0 && rename(tmp, path) < 0)
		r = -errno;
	if (r < 0)
		unlink(tmp);
	return r;
}

int zt_file_sync_dir(const char *dir)
{
	zt_auto(zt_close) int fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	return fd < 0 || fsync(fd) < 0 ? -errno : 0;
}
