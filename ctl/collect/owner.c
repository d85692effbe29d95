/* SPDX-License-Identifier: Apache-2.0 */
/* owner.c - looks for sockets in the descriptors of every process. */
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/json.h"
#include "ctl/collect/owner.h"

/* One socket and who holds it; @pid 0 = nobody that could be seen. */
struct owner {
	uint64_t inode;
	pid_t pid;
};

static int by_inode(const void *a, const void *b)
{
	const struct owner *x = a, *y = b;

	return (x->inode > y->inode) - (x->inode < y->inode);
}

static struct owner *find(struct owner *owners, size_t count, uint64_t inode)
{
	const struct owner key = {.inode = inode};

	return inode ? bsearch(&key, owners, count, sizeof(key), by_inode) : NULL;
}

static void hold(struct owner *owners, size_t count, uint64_t inode, pid_t pid)
{
	struct owner *owner = find(owners, count, inode);

	if (owner && (!owner->pid || owner->pid == 1 || (pid != 1 && pid < owner->pid)))
		owner->pid = pid;
}

/* Returns whether this process could be looked at; one that ended could. */
static bool scan_process(const char *name, struct owner *owners, size_t count)
{
	char path[300], target[64];
	zt_auto(zt_closedirp) DIR *dir = NULL;
	const struct dirent *entry;
	unsigned long inode;
	bool seen = true;

	snprintf(path, sizeof(path), "/proc/%.16s/fd", name);
	dir = opendir(path);
	if (!dir)
		return errno == ENOENT || errno == ESRCH;
	while ((entry = readdir(dir))) {
		ssize_t len = readlinkat(dirfd(dir), entry->d_name, target, sizeof(target) - 1);

		if (len < 0) {
			seen &= errno == ENOENT || errno == ESRCH || errno == EINVAL;
			continue;
		}
		target[len] = '\0';
		if (sscanf(target, "socket:[%lu]", &inode) == 1)
			hold(owners, count, inode, (pid_t)atol(name));
	}
	return seen;
}

/* Sorts them by inode. Returns whether every process could be looked at. */
static bool find_holders(struct owner *owners, size_t count)
{
	zt_auto(zt_closedirp) DIR *proc = NULL;
	const struct dirent *entry;
	bool complete = true;

	if (!count)
		return true;
	qsort(owners, count, sizeof(*owners), by_inode);
	proc = opendir("/proc");
	if (!proc)
		return false;
	while ((entry = readdir(proc))) {
		if (entry->d_name[0] >= '1' && entry->d_name[0] <= '9')
			complete &= scan_process(entry->d_name, owners, count);
	}
	return complete;
}

/* Unified hierarchy: the line "0::/path". */
static bool read_cgroup(pid_t pid, char ret[PATH_MAX])
{
	char path[64];
	zt_auto(zt_fclosep) FILE *in = NULL;
	zt_auto(zt_freep) char *line = NULL;
	size_t cap = 0;

	snprintf(path, sizeof(path), "/proc/%d/cgroup", pid);
	in = fopen(path, "re");
	while (in && getline(&line, &cap, in) >= 0) {
		if (strncmp(line, "0::", 3) != 0)
			continue;
		line[strcspn(line, "\n")] = '\0';
		snprintf(ret, PATH_MAX, "%.*s", PATH_MAX - 1, line + 3);
		return true;
	}
	return false;
}

/* The innermost part of the path that systemd would have started. */
static void tell_unit(json_t *row, const char *cgroup)
{
	static const char *const ends[] = {".service", ".scope", ".socket"};
	char path[PATH_MAX], *unit = NULL, *part, *state = NULL;

	snprintf(path, sizeof(path), "%s", cgroup);
	for (part = strtok_r(path, "/", &state); part; part = strtok_r(NULL, "/", &state)) {
		for (size_t i = 0; i < ARRAY_SIZE(ends); i++) {
			size_t len = strlen(part), end = strlen(ends[i]);

			if (len > end && strcmp(part + len - end, ends[i]) == 0)
				unit = part;
		}
	}
	if (unit)
		json_object_set_new(row, "unit", zt_json_str(unit));
}

static void tell(json_t *row, pid_t pid)
{
	char path[64], text[PATH_MAX];
	zt_auto(zt_fclosep) FILE *in = NULL;
	ssize_t len;

	json_object_set_new(row, "pid", json_integer(pid));
	snprintf(path, sizeof(path), "/proc/%d/comm", pid);
	in = fopen(path, "re");
	if (in) {
		size_t n = fread(text, 1, 64, in);

		while (n && text[n - 1] == '\n')
			n--;
		json_object_set_new(row, "comm", zt_json_strn(text, n));
	}
	snprintf(path, sizeof(path), "/proc/%d/exe", pid);
	len = readlink(path, text, sizeof(text) - 1);
	if (len > 0)
		json_object_set_new(row, "exe", zt_json_strn(text, (size_t)len));
	if (read_cgroup(pid, text)) {
		json_object_set_new(row, "cgroup", zt_json_str(text));
		tell_unit(row, text);
	}
}

static uint64_t inode_of(const json_t *row)
{
	return (uint64_t)json_integer_value(json_object_get(row, "inode"));
}

int ztc_owners_tell(json_t *data)
{
	json_t *sockets = json_object_get(data, "sockets"), *row;
	size_t count = json_array_size(sockets), i;
	zt_auto(zt_freep) struct owner *owners = calloc(count ? count : 1, sizeof(*owners));
	bool complete;

	if (!owners)
		return -ENOMEM;
	json_array_foreach (sockets, i, row)
		owners[i].inode = inode_of(row);
	complete = find_holders(owners, count);
	json_array_foreach (sockets, i, row) {
		const struct owner *owner = find(owners, count, inode_of(row));

		if (owner && owner->pid)
			tell(row, owner->pid);
	}
	json_object_set_new(data, "owners_complete", json_boolean(complete));
	return 0;
}
