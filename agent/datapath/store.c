// SPDX-License-Identifier: Apache-2.0
/*
 * store.c - files of the state directory: each is whole and durable under its name, or not there.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/file.h"
#include "base/json.h"
#include "datapath/store.h"
#include "datapath/store_priv.h"

static int make_dir(const char *path)
{
	return mkdir(path, 0700) < 0 && errno != EEXIST ? -errno : 0;
}

int zt_store_path(const struct zt_store *store, const char *name, char *buf, size_t size)
{
	return (size_t)snprintf(buf, size, "%s/%s", store->dir, name) < size ? 0 : -ENAMETOOLONG;
}

int zt_store_new(struct zt_store **ret, const char *dir)
{
	zt_auto(zt_store_free) struct zt_store *store = calloc(1, sizeof(*store));
	char path[PATH_MAX];
	int r;

	if (!store)
		return -ENOMEM;
	store->dir = strdup(dir);
	if (!store->dir)
		return -ENOMEM;
	r = make_dir(dir);
	if (r == 0)
		r = zt_store_path(store, "history", path, sizeof(path));
	if (r == 0)
		r = make_dir(path);
	if (r < 0)
		return r;
	*ret = zt_take(store);
	return 0;
}

void zt_store_free(struct zt_store **store)
{
	if (!*store)
		return;
	free((*store)->dir);
	free(*store);
	*store = NULL;
}

const char *zt_store_dir(const struct zt_store *store)
{
	return store->dir;
}

/* --- writing ------------------------------------------------------------------------------- */

/* A rename or removal must be on disk too. */
static int sync_dir_of(const char *path)
{
	char dir[PATH_MAX], *slash;

	snprintf(dir, sizeof(dir), "%s", path);
	slash = strrchr(dir, '/');
	if (slash)
		*slash = '\0';
	return zt_file_sync_dir(dir);
}

static int open_fresh(const char *path, FILE **ret)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600), r;

	if (fd < 0)
		return -errno;
	*ret = fdopen(fd, "w");
	if (*ret)
		return 0;
	r = -errno;
	close(fd);
	return r;
}

/* All of it on disk under a name of its own. */
static int fill(const char *path, int (*write)(const void *what, FILE *out), const void *what)
{
	zt_auto(zt_fclosep) FILE *f = NULL;
	int r = open_fresh(path, &f);

	if (r < 0)
		return r;
	errno = 0;
	r = write(what, f);
	if (r < 0)
		return errno ? -errno : r;
	return fflush(f) != 0 || fsync(fileno(f)) < 0 ? -errno : 0;
}

static int replace(const struct zt_store *store, const char *name,
		   int (*write)(const void *what, FILE *out), const void *what)
{
	char path[PATH_MAX], fresh[PATH_MAX + 8];
	int r = zt_store_path(store, name, path, sizeof(path));

	if (r < 0)
		return r;
	snprintf(fresh, sizeof(fresh), "%s.new", path);
	r = fill(fresh, write, what);
	if (r == 0 && rename(fresh, path) < 0)
		r = -errno;
	if (r < 0) {
		/* What was begun takes up the little room there is. */
		unlink(fresh);
		return r;
	}
	return sync_dir_of(path);
}

static int print_json(const void *json, FILE *out)
{
	if (json_dumpf(json, out, JSON_INDENT(1) | JSON_SORT_KEYS) < 0)
		return -EIO;
	return fputc('\n', out) < 0 ? -EIO : 0;
}

int zt_store_write(const struct zt_store *store, const char *name, const json_t *json)
{
	return json ? replace(store, name, print_json, json) : -ENOMEM;
}

int zt_store_drop(const struct zt_store *store, const char *name)
{
	char path[PATH_MAX];
	int r = zt_store_path(store, name, path, sizeof(path));

	if (r < 0)
		return r;
	if (unlink(path) < 0)
		return errno == ENOENT ? 0 : -errno;
	return sync_dir_of(path);
}

int zt_store_rename(const struct zt_store *store, const char *from, const char *to)
{
	char old[PATH_MAX], fresh[PATH_MAX];
	int r = zt_store_path(store, from, old, sizeof(old));

	if (r == 0)
		r = zt_store_path(store, to, fresh, sizeof(fresh));
	if (r == 0 && rename(old, fresh) < 0)
		r = -errno;
	if (r == 0)
		r = sync_dir_of(fresh);
	return r == 0 ? sync_dir_of(old) : r;
}

/* --- reading -----------------------------------------------------------------------------------
 */

static int load(const char *path, json_t **ret)
{
	zt_auto(zt_fclosep) FILE *f = fopen(path, "re");
	struct stat st;

	if (!f || fstat(fileno(f), &st) < 0)
		return -errno;
	if (!S_ISREG(st.st_mode))
		return -EINVAL;
	if (st.st_size > (off_t)ZT_RECORD_SIZE_MAX)
		return -EFBIG;
	*ret = json_loadf(f, JSON_REJECT_DUPLICATES, NULL);
	return *ret ? 0 : -EINVAL;
}

int zt_store_read(const struct zt_store *store, const char *name, struct zt_record *ret,
		  const char **why)
{
	zt_auto(zt_json_decref) json_t *root = NULL;
	char path[PATH_MAX];
	int r = zt_store_path(store, name, path, sizeof(path));

	*why = "it cannot be read";
	if (r == 0)
		r = load(path, &root);
	if (r == -EINVAL)
		*why = "it is not JSON, or cut short";
	return r < 0 ? r : zt_record_parse(ret, root, why);
}

/* --- small things ------------------------------------------------------------------------------
 */

static int print_host(const void *host, FILE *out)
{
	return fprintf(out, "%s\n", (const char *)host) < 0 ? -EIO : 0;
}

int zt_store_set_host(const struct zt_store *store, const char *host)
{
	zt_auto(zt_freep) char *known = zt_store_host(store);

	return known && !strcmp(known, host) ? 0 : replace(store, "host", print_host, host);
}

char *zt_store_host(const struct zt_store *store)
{
	zt_auto(zt_fclosep) FILE *f = NULL;
	char path[PATH_MAX], line[256];

	if (zt_store_path(store, "host", path, sizeof(path)) < 0)
		return NULL;
	f = fopen(path, "re");
	if (!f || !fgets(line, sizeof(line), f))
		return NULL;
	line[strcspn(line, "\n")] = '\0';
	return strdup(line);
}

const char *zt_boot_id(char buf[ZT_BOOT_ID_LEN])
{
	zt_auto(zt_fclosep) FILE *f = fopen("/proc/sys/kernel/random/boot_id", "re");

	if (!f || !fgets(buf, ZT_BOOT_ID_LEN, f))
		buf[0] = '\0';
	buf[strcspn(buf, "\n")] = '\0';
	return buf;
}
