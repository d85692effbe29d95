// SPDX-License-Identifier: Apache-2.0
/*
 * store.c - the last confirmed policy, kept in STATE-DIR/confirmed for the next boot.
 *
 * Its canonical form, one file whatever it was included from: whole or not there.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "datapath/intent_priv.h"

int zt_store_path(const struct zt_intent *intent, char *buf, size_t size)
{
	return (size_t)snprintf(buf, size, "%s/confirmed/policy.yaml", intent->state_dir) < size
		       ? 0
		       : -ENAMETOOLONG;
}

static int make_dir(const char *path)
{
	return mkdir(path, 0700) < 0 && errno != EEXIST ? -errno : 0;
}

static int write_all(const struct zt_policy *policy, const char *path)
{
	zt_auto(zt_fclosep) FILE *f = NULL;
	int fd, r;

	fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (fd < 0)
		return -errno;
	f = fdopen(fd, "w");
	if (!f) {
		r = -errno;
		close(fd);
		return r;
	}
	r = zt_policy_print(policy, f);
	if (r < 0)
		return r;
	if (fflush(f) != 0 || fsync(fd) < 0)
		return -errno;
	return 0;
}

int zt_store_save(const struct zt_intent *intent, const struct zt_policy *policy)
{
	char dir[PATH_MAX], path[PATH_MAX], fresh[PATH_MAX + 8];
	zt_auto(zt_close) int dir_fd = -1;
	int r;

	r = zt_store_path(intent, path, sizeof(path));
	if (r < 0)
		return r;
	snprintf(dir, sizeof(dir), "%s", path);
	*strrchr(dir, '/') = '\0';
	snprintf(fresh, sizeof(fresh), "%s.new", path);
	r = make_dir(intent->state_dir);
	if (r == 0)
		r = make_dir(dir);
	if (r == 0)
		r = write_all(policy, fresh);
	if (r < 0)
		return r;
	if (rename(fresh, path) < 0)
		return -errno;
	/* The rename itself must be on disk too. */
	dir_fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	return dir_fd < 0 || fsync(dir_fd) < 0 ? -errno : 0;
}
