// SPDX-License-Identifier: Apache-2.0
/*
 * safe.c - files and directories that only root, or who runs this, can have written.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

#include "base/cleanup.h"
#include "base/json.h"
#include "ctl/evidence/safe.h"

static bool guarded(const struct stat *st)
{
	return (st->st_uid == 0 || st->st_uid == geteuid()) && !(st->st_mode & (S_IWGRP | S_IWOTH));
}

int ztc_safe_dir_at(int dir, const char *name)
{
	zt_auto(zt_close) int fd = openat(
		dir, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC | (dir == AT_FDCWD ? 0 : O_NOFOLLOW));
	struct stat st;

	if (fd < 0 || fstat(fd, &st) < 0)
		return -errno;
	return guarded(&st) ? zt_take_fd(fd) : -EPERM;
}

int ztc_safe_dir(const char *path)
{
	return ztc_safe_dir_at(AT_FDCWD, path);
}

int ztc_safe_below(const char *top, const char *name)
{
	zt_auto(zt_close) int fd = ztc_safe_dir(top);

	return fd < 0 ? fd : ztc_safe_dir_at(fd, name);
}

static int read_all(int fd, size_t max, char **ret, size_t *ret_len)
{
	zt_auto(zt_freep) char *text = NULL;
	size_t len = 0, cap = 0;

	for (;;) {
		ssize_t n;

		if (len + 1 >= cap) {
			char *more = realloc(text, cap = cap ? 2 * cap : 4096);

			if (!more)
				return -ENOMEM;
			text = more;
		}
		n = read(fd, text + len, cap - len - 1);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		if (n == 0)
			break;
		len += n;
		if (len > max)
			return -EFBIG;
	}
	text[len] = '\0';
	*ret = zt_take(text);
	*ret_len = len;
	return 0;
}

int ztc_safe_text(int dir, const char *name, size_t max, char **ret, size_t *ret_len)
{
	/* Not blocking: a FIFO of that name must not hold us up. */
	zt_auto(zt_close) int fd =
		openat(dir, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	struct stat st;

	if (fd < 0 || fstat(fd, &st) < 0)
		return -errno;
	if (!S_ISREG(st.st_mode))
		return -EINVAL;
	if (!guarded(&st))
		return -EPERM;
	if (st.st_size > (off_t)max)
		return -EFBIG;
	return read_all(fd, max, ret, ret_len);
}

const char *ztc_safe_why(int error)
{
	switch (-error) {
	case ENOENT:
		return "it is not there";
	case EACCES:
		return "it may not be read: run as root";
	case ELOOP:
		return "it is a symbolic link: put the file itself there";
	case ENOTDIR:
		return "it is no directory";
	case EINVAL:
		return "it is no regular file";
	case EPERM:
		return "others than root may write it: chown root, chmod go-w";
	case EFBIG:
		return "it is too long";
	case E2BIG:
		return "it holds too many files";
	default:
		return strerror(-error);
	}
}

int ztc_json_object(const char *text, size_t len, json_t **ret, char **ret_why)
{
	zt_auto(zt_json_decref) json_t *doc = NULL;
	json_error_t error;

	doc = json_loadb(text, len, JSON_REJECT_DUPLICATES, &error);
	if (!doc) {
		if (asprintf(ret_why, "line %d, column %d: no valid JSON: %s", error.line,
			     error.column, error.text) < 0)
			*ret_why = NULL;
		return -EBADMSG;
	}
	if (!json_is_object(doc)) {
		*ret_why = strdup("line 1, column 1: not a JSON object");
		return -EBADMSG;
	}
	*ret = zt_take(doc);
	return 0;
}

int ztc_safe_json(int dir, const char *name, size_t max, json_t **ret, char **ret_why)
{
	zt_auto(zt_freep) char *text = NULL;
	size_t len;
	int r = ztc_safe_text(dir, name, max, &text, &len);

	if (r == 0)
		return ztc_json_object(text, len, ret, ret_why);
	*ret_why = strdup(ztc_safe_why(r));
	return r;
}

static int by_name(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

void ztc_safe_list_free(char **names, size_t count)
{
	for (size_t i = 0; i < count; i++)
		free(names[i]);
	free(names);
}

static bool ends_in(const char *name, const char *suffix)
{
	size_t len = strlen(name), n = strlen(suffix);

	return len > n && name[0] != '.' && strcmp(name + len - n, suffix) == 0;
}

int ztc_safe_list(int dir, const char *suffix, size_t max, char ***ret)
{
	int fd = openat(dir, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	zt_auto(zt_closedirp) DIR *d = fd < 0 ? NULL : fdopendir(fd);
	char **names = NULL;
	size_t count = 0;
	const struct dirent *entry;
	int r = d ? 0 : -errno;

	if (!d && fd >= 0)
		close(fd);
	while (r == 0 && (entry = readdir(d))) {
		char **more;

		if (!ends_in(entry->d_name, suffix))
			continue;
		more = count < max ? realloc(names, (count + 1) * sizeof(*names)) : NULL;
		if (!more) {
			r = count < max ? -ENOMEM : -E2BIG;
			break;
		}
		names = more;
		names[count] = strdup(entry->d_name);
		if (!names[count])
			r = -ENOMEM;
		else
			count++;
	}
	if (r < 0) {
		ztc_safe_list_free(names, count);
		return r;
	}
	if (names)
		qsort(names, count, sizeof(*names), by_name);
	*ret = names;
	return (int)count;
}
