// SPDX-License-Identifier: Apache-2.0
/*
 * ssh.c - by which connection did the caller come.
 */
#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "plan/ssh.h"

#define STAT_LEN 1024
#define LINK_LEN 64

/* One process from here on: the directory goes with it, whoever gets the number next. */
static int open_process(const char *proc, pid_t pid)
{
	char path[256];
	int fd;

	if (snprintf(path, sizeof(path), "%s/%d", proc, (int)pid) >= (int)sizeof(path))
		return -ENAMETOOLONG;
	fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	return fd < 0 ? -errno : fd;
}

/* The name stands in brackets and may hold brackets and spaces itself: count from the last. */
static pid_t parent_of(int dir)
{
	zt_auto(zt_close) int fd = openat(dir, "stat", O_RDONLY | O_CLOEXEC);
	char stat[STAT_LEN], *close;
	ssize_t n = fd < 0 ? -1 : read(fd, stat, sizeof(stat) - 1);
	int parent;

	if (n <= 0)
		return 0;
	stat[n] = '\0';
	close = strrchr(stat, ')');
	if (!close || sscanf(close + 1, " %*c %d", &parent) != 1)
		return 0;
	return parent;
}

bool zt_ssh_accepted(const struct zt_sockets *sockets, const struct zt_socket *connection)
{
	for (size_t i = 0; i < sockets->count; i++) {
		const struct zt_socket *s = &sockets->rows[i];

		if (s->listens && s->proto == connection->proto &&
		    s->local_port == connection->local_port)
			return true;
	}
	return false;
}

static const struct zt_socket *by_inode(const struct zt_sockets *sockets, uint64_t inode)
{
	for (size_t i = 0; i < sockets->count; i++) {
		const struct zt_socket *s = &sockets->rows[i];

		if (!s->listens && s->inode == inode && zt_ssh_accepted(sockets, s))
			return s;
	}
	return NULL;
}

/* The first accepted connection among the open files of a process. */
static const struct zt_socket *held_by(int process, const struct zt_sockets *sockets)
{
	int fd = openat(process, "fd", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *dir = fd < 0 ? NULL : fdopendir(fd);
	const struct zt_socket *found = NULL;
	unsigned long long inode;
	char link[LINK_LEN];
	struct dirent *entry;

	if (!dir) {
		if (fd >= 0)
			close(fd);
		return NULL;
	}
	for (int n = 0; !found && n < ZT_SSH_FDS_MAX && (entry = readdir(dir)); n++) {
		ssize_t len;

		if (!isdigit((unsigned char)entry->d_name[0]))
			continue;
		len = readlinkat(fd, entry->d_name, link, sizeof(link) - 1);
		if (len <= 0)
			continue;
		link[len] = '\0';
		if (sscanf(link, "socket:[%llu]", &inode) == 1 && inode)
			found = by_inode(sockets, inode);
	}
	closedir(dir);
	return found;
}

const struct zt_socket *zt_ssh_find(const char *proc, pid_t pid, const struct zt_sockets *sockets,
				    pid_t *ret_pid)
{
	for (int n = 0; pid > 1 && n < ZT_SSH_ANCESTORS_MAX; n++) {
		zt_auto(zt_close) int process = open_process(proc, pid);
		const struct zt_socket *found;

		if (process < 0)
			return NULL;
		found = held_by(process, sockets);
		if (found) {
			if (ret_pid)
				*ret_pid = pid;
			return found;
		}
		pid = parent_of(process);
	}
	return NULL;
}

static bool begins_with_unit(const char *unit, const char *name)
{
	size_t len = strlen(name);

	return !strncmp(unit, name, len) && (unit[len] == '.' || unit[len] == '@');
}

bool zt_ssh_is_sshd(const struct zt_owner *owner)
{
	static const char *const programs[] = {"sshd", "sshd-session", "dropbear"};
	const char *slash = strrchr(owner->exe, '/');
	const char *program = slash ? slash + 1 : owner->exe;

	for (size_t i = 0; i < ARRAY_SIZE(programs); i++) {
		if (!strcmp(program, programs[i]))
			return true;
	}
	return begins_with_unit(owner->unit, "ssh") || begins_with_unit(owner->unit, "sshd");
}
