/* SPDX-License-Identifier: Apache-2.0 */
/* resolve.c - users and programs of a policy as this machine knows them. */
#include <errno.h>
#include <limits.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/strbuf.h"
#include "policy/compile.h"

#define PASSWD_BYTES_MAX (1u << 20)

/* The kernel's own encoding of a device number, as super_block.s_dev holds it. */
#define KERNEL_DEV(major, minor) ((__u32)(major) << 20 | (__u32)(minor))

int zt_resolve_user(void *ctx, const char *name, uid_t *ret_uid)
{
	zt_auto(zt_freep) char *buf = NULL;
	struct passwd pw, *found = NULL;
	char *end;
	unsigned long n;
	int r = ERANGE;

	(void)ctx;
	if (name[0] >= '0' && name[0] <= '9') {
		errno = 0;
		n = strtoul(name, &end, 10);
		if (errno || *end || n >= UINT32_MAX)
			return -ENOENT;
		*ret_uid = (uid_t)n;
		return 0;
	}
	for (size_t size = 4096; r == ERANGE && size <= PASSWD_BYTES_MAX; size *= 4) {
		char *grown = realloc(buf, size);

		if (!grown)
			return -ENOMEM;
		buf = grown;
		r = getpwnam_r(name, &pw, buf, size, &found);
	}
	if (!found)
		return r ? -r : -ENOENT;
	*ret_uid = pw.pw_uid;
	return 0;
}

/* "\040" and the like, as mountinfo spells spaces in paths, in place. */
static void unescape(char *s)
{
	char *out = s;

	for (; *s; out++) {
		if (s[0] == '\\' && s[1] >= '0' && s[1] <= '3' && s[2] && s[3]) {
			*out = (char)((s[1] - '0') << 6 | (s[2] - '0') << 3 | (s[3] - '0'));
			s += 4;
		} else {
			*out = *s++;
		}
	}
	*out = '\0';
}

/* Whether path is at or below dir; *ret_rest is what is left of it, with its '/'. */
static bool below(const char *path, const char *dir, const char **ret_rest)
{
	size_t n = strcmp(dir, "/") == 0 ? 0 : strlen(dir);

	if (strncmp(path, dir, n) != 0 || (path[n] && path[n] != '/'))
		return false;
	*ret_rest = path + n;
	return true;
}

struct mount {
	unsigned int major;
	unsigned int minor;
	char root[PATH_MAX];  /* of the mount, inside its file system */
	char point[PATH_MAX]; /* where it is mounted */
};

static bool parse_mount(char *line, struct mount *ret)
{
	_Static_assert(PATH_MAX == 4096, "field widths below");

	if (sscanf(line, "%*u %*u %u:%u %4095s %4095s", &ret->major, &ret->minor, ret->root,
		   ret->point) != 4)
		return false;
	unescape(ret->root);
	unescape(ret->point);
	return true;
}

/*
 * The mount that a path lies on. stat's st_dev will not do: overlayfs and btrfs
 * make numbers of their own for it, and the datapath reads the superblock's.
 * Of mounts on one point the last is the one that is seen.
 */
static int find_mount(const char *path, struct mount *ret)
{
	zt_auto(zt_fclosep) FILE *f = fopen("/proc/self/mountinfo", "re");
	zt_auto(zt_freep) struct mount *m = malloc(sizeof(*m));
	zt_auto(zt_freep) char *line = NULL;
	size_t size = 0, best = 0;
	const char *rest;
	bool found = false;

	if (!m)
		return -ENOMEM;
	if (!f)
		return -errno;
	while (getline(&line, &size, f) > 0) {
		if (!parse_mount(line, m) || !below(path, m->point, &rest))
			continue;
		if (found && strlen(m->point) < best)
			continue;
		*ret = *m;
		best = strlen(m->point);
		found = true;
	}
	return found ? 0 : -ENOENT;
}

/* Symbolic links out of the path; of a file that is not there yet, out of its directory. */
static int real_path(const char *path, char ret[PATH_MAX], bool *ret_exists)
{
	char head[PATH_MAX], *slash;
	size_t len = strlen(path), cut = len;

	if (len >= sizeof(head))
		return -ENAMETOOLONG;
	memcpy(head, path, len + 1);
	*ret_exists = true;
	while (!realpath(cut ? head : "/", ret)) {
		if (errno != ENOENT && errno != ENOTDIR)
			return -errno;
		*ret_exists = false;
		slash = strrchr(head, '/');
		if (!slash)
			return -ENOENT;
		*slash = '\0';
		cut = (size_t)(slash - head);
	}
	if (*ret_exists)
		return 0;
	if (strcmp(ret, "/") == 0)
		ret[0] = '\0';
	if (strlen(ret) + len - cut >= PATH_MAX)
		return -ENAMETOOLONG;
	strcat(ret, path + cut);
	return 0;
}

int zt_resolve_exe(void *ctx, const char *path, char *ret_path, __u32 *ret_dev, bool *ret_exists)
{
	zt_auto(zt_freep) struct mount *m = malloc(sizeof(*m));
	char real[PATH_MAX];
	size_t head, tail;
	const char *rest;
	int r;

	(void)ctx;
	if (!m)
		return -ENOMEM;
	r = real_path(path, real, ret_exists);
	if (r == 0)
		r = find_mount(real, m);
	if (r < 0)
		return r;
	if (!below(real, m->point, &rest))
		return -ENOENT;
	if (strcmp(m->root, "/") == 0)
		m->root[0] = '\0';
	head = strlen(m->root);
	tail = strlen(rest);
	if (head + tail >= ZT_PATH_LEN)
		return -ENAMETOOLONG;
	memcpy(ret_path, m->root, head);
	memcpy(ret_path + head, rest, tail + 1);
	*ret_dev = KERNEL_DEV(m->major, m->minor);
	return 0;
}
