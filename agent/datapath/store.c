// SPDX-License-Identifier: Apache-2.0
/*
 * store.c - the last confirmed policy, kept in STATE-DIR/confirmed for the next boot.
 *
 * Its canonical form, one file whatever it was included from: whole or not there.
 * Beside it, while a policy awaits confirmation, which one that is: an agent that
 * starts after the deadline must not try it again by itself.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/digest.h"
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

/* STATE-DIR/confirmed, made if need be; with a name behind it. */
static int path_in(const struct zt_intent *intent, const char *name, char *buf, size_t size)
{
	int r = make_dir(intent->state_dir);

	if ((size_t)snprintf(buf, size, "%s/confirmed", intent->state_dir) >= size)
		return -ENAMETOOLONG;
	if (r == 0)
		r = make_dir(buf);
	if (r < 0)
		return r;
	return (size_t)snprintf(buf, size, "%s/confirmed/%s", intent->state_dir, name) < size
		       ? 0
		       : -ENAMETOOLONG;
}

/* The rename itself must be on disk too. */
static int sync_dir(const struct zt_intent *intent)
{
	zt_auto(zt_close) int fd = -1;
	char dir[PATH_MAX];

	if ((size_t)snprintf(dir, sizeof(dir), "%s/confirmed", intent->state_dir) >= sizeof(dir))
		return -ENAMETOOLONG;
	fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	return fd < 0 || fsync(fd) < 0 ? -errno : 0;
}

/* Whatever @write puts into it, under its name at once or not at all. */
static int replace(const struct zt_intent *intent, const char *name,
		   int (*write)(const void *what, FILE *out), const void *what)
{
	zt_auto(zt_fclosep) FILE *f = NULL;
	char path[PATH_MAX], fresh[PATH_MAX + 8];
	int r = path_in(intent, name, path, sizeof(path));

	if (r < 0)
		return r;
	snprintf(fresh, sizeof(fresh), "%s.new", path);
	r = open_fresh(fresh, &f);
	if (r == 0)
		r = write(what, f);
	if (r < 0)
		return r;
	if (fflush(f) != 0 || fsync(fileno(f)) < 0 || rename(fresh, path) < 0)
		return -errno;
	return sync_dir(intent);
}

static int print_policy(const void *policy, FILE *out)
{
	return zt_policy_print(policy, out);
}

int zt_store_save(const struct zt_intent *intent, const struct zt_policy *policy)
{
	return replace(intent, "policy.yaml", print_policy, policy);
}

/* --- which host this is ------------------------------------------------------------------------
 */

static int print_host(const void *host, FILE *out)
{
	return fprintf(out, "%s\n", (const char *)host) < 0 ? -EIO : 0;
}

int zt_store_host(const struct zt_intent *intent, const char *host)
{
	char *known = zt_store_read_host(intent);
	bool same = known && !strcmp(known, host);

	free(known);
	return same ? 0 : replace(intent, "host", print_host, host);
}

char *zt_store_read_host(const struct zt_intent *intent)
{
	zt_auto(zt_fclosep) FILE *f = NULL;
	char path[PATH_MAX], line[256];

	if (path_in(intent, "host", path, sizeof(path)) < 0)
		return NULL;
	f = fopen(path, "re");
	if (!f || !fgets(line, sizeof(line), f))
		return NULL;
	line[strcspn(line, "\n")] = '\0';
	return strdup(line);
}

/* --- the one that awaits confirmation ------------------------------------------------------ */

static int print_mark(const void *what, FILE *out)
{
	const struct zt_policy *policy = what;
	char text[ZT_DIGEST_TEXT_LEN];

	return fprintf(out, "%llu %s\n", (unsigned long long)policy->revision,
		       zt_digest_text(policy->digest, text)) < 0
		       ? -EIO
		       : 0;
}

int zt_store_mark(const struct zt_intent *intent, const struct zt_policy *policy)
{
	return replace(intent, "awaited", print_mark, policy);
}

void zt_store_unmark(const struct zt_intent *intent)
{
	char path[PATH_MAX];

	if (path_in(intent, "awaited", path, sizeof(path)) == 0 && unlink(path) == 0)
		sync_dir(intent);
}

int zt_store_read_mark(const struct zt_intent *intent, uint64_t *ret_revision)
{
	zt_auto(zt_fclosep) FILE *f = NULL;
	unsigned long long revision;
	char path[PATH_MAX];
	int r = path_in(intent, "awaited", path, sizeof(path));

	if (r < 0)
		return r;
	f = fopen(path, "re");
	if (!f)
		return -errno;
	if (fscanf(f, "%llu", &revision) != 1)
		return -EINVAL;
	*ret_revision = revision;
	return 0;
}
