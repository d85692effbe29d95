/* SPDX-License-Identifier: Apache-2.0 */
/*
 * hosts.c - /etc/hosts, read and followed.
 */
#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <systemd/sd-event.h>
#include <unistd.h>

#include "base/addr.h"
#include "base/cleanup.h"
#include "base/log.h"
#include "base/time.h"
#include "name/cache.h"
#include "name/hosts.h"

#define SPACE "\t\n\v\f\r "

struct zt_hosts {
	char *path;
	char *name; /* its last part, in @path */
	uint32_t owner;
	struct zt_hints *hints;
	sd_event *event;
	sd_event_source *dir, *file;
	int error; /* of the last reading, so that it is said once */
};

/* --- reading ------------------------------------------------------------------------------ */

static int read_line(struct zt_hosts *h, char *line, uint64_t now_ns)
{
	char *save = NULL, *word;
	struct zt_addr addr;
	int names = 0;

	line[strcspn(line, "#")] = '\0';
	word = strtok_r(line, SPACE, &save);
	if (!word || zt_addr_parse(word, &addr) < 0) /* "fe80::1%lo0" has no meaning for us */
		return 0;
	/* Of an address the first names count, on whichever line: later ones are told as older. */
	while (names < ZT_HINTS_MAX && (word = strtok_r(NULL, SPACE, &save))) {
		if (zt_hints_learn(h->hints, &addr, word, ZT_FROM_HOSTS, now_ns - (uint64_t)names) <
		    0)
			return -ENOMEM;
		names++;
	}
	return names > 0;
}

static int read_all(struct zt_hosts *h, int fd)
{
	zt_auto(zt_fclosep) FILE *in = fdopen(fd, "r");
	zt_auto(zt_freep) char *line = NULL;
	size_t size = 0, seen = 0;
	uint64_t now_ns = zt_now_ns();
	int count = 0;
	ssize_t len;

	if (!in) {
		close(fd);
		return -ENOMEM;
	}
	while (seen < ZT_HOSTS_SIZE_MAX && (len = getline(&line, &size, in)) > 0) {
		int r = read_line(h, line, now_ns);

		if (r < 0)
			return r;
		seen += (size_t)len;
		count += r;
		now_ns -= ZT_HINTS_MAX;
	}
	return count;
}

static int open_file(const struct zt_hosts *h)
{
	zt_auto(zt_close) int fd = open(h->path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	struct stat st;

	if (fd < 0 || fstat(fd, &st) < 0)
		return -errno;
	if (!S_ISREG(st.st_mode))
		return -EINVAL;
	if (st.st_uid != h->owner || (st.st_mode & (S_IWGRP | S_IWOTH)))
		return -EPERM;
	return zt_take_fd(fd);
}

int zt_hosts_read(struct zt_hosts *hosts)
{
	int fd, r;

	zt_hints_forget(hosts->hints, ZT_FROM_HOSTS);
	fd = open_file(hosts);
	r = fd < 0 ? fd : read_all(hosts, fd);
	if (r < 0 && r != hosts->error && r != -ENOENT)
		zt_log(ZT_WARN, "names of %s are not used: %s", hosts->path,
		       r == -EPERM    ? "it is not root's alone"
		       : r == -EINVAL ? "it is no regular file"
				      : strerror(-r));
	hosts->error = r < 0 ? r : 0;
	return r;
}

/* --- following ------------------------------------------------------------------------------ */

static int follow_file(struct zt_hosts *h);

static int on_file(sd_event_source *s, const struct inotify_event *event, void *data)
{
	struct zt_hosts *h = data;

	(void)s;
	(void)event;
	zt_hosts_read(h);
	return 0;
}

static int on_dir(sd_event_source *s, const struct inotify_event *event, void *data)
{
	struct zt_hosts *h = data;

	(void)s;
	if (!(event->mask & IN_Q_OVERFLOW) && (!event->len || strcmp(event->name, h->name)))
		return 0;
	follow_file(h);
	zt_hosts_read(h);
	return 0;
}

/* The file itself too: what is mounted over it is not heard of in its directory. */
static int follow_file(struct zt_hosts *h)
{
	int r;

	h->file = sd_event_source_disable_unref(h->file);
	r = sd_event_add_inotify(h->event, &h->file, h->path, IN_CLOSE_WRITE | IN_ATTRIB, on_file,
				 h);
	return r == -ENOENT ? 0 : r;
}

static int follow(struct zt_hosts *h)
{
	char dir[PATH_MAX];
	int r;

	if (strlen(h->path) >= sizeof(dir))
		return -ENAMETOOLONG;
	strcpy(dir, h->path);
	r = sd_event_add_inotify(h->event, &h->dir, dirname(dir),
				 IN_CREATE | IN_MOVED_TO | IN_MOVED_FROM | IN_DELETE, on_dir, h);
	return r < 0 ? r : follow_file(h);
}

int zt_hosts_open(struct zt_hosts **ret, const char *path, uint32_t owner, struct zt_hints *hints,
		  struct sd_event *event)
{
	zt_auto(zt_hosts_close) struct zt_hosts *h = calloc(1, sizeof(*h));
	int r = 0;

	if (!h)
		return -ENOMEM;
	h->path = strdup(path ?: ZT_HOSTS_FILE);
	if (!h->path)
		return -ENOMEM;
	h->name = strrchr(h->path, '/') ? strrchr(h->path, '/') + 1 : h->path;
	h->owner = owner;
	h->hints = hints;
	h->event = event;
	if (event)
		r = follow(h);
	/* Without inotify the names of now are still better than none. */
	if (r < 0)
		zt_log(ZT_WARN, "changes of %s are not followed: %s", h->path, strerror(-r));
	zt_hosts_read(h);
	*ret = zt_take(h);
	return 0;
}

void zt_hosts_close(struct zt_hosts **hosts)
{
	struct zt_hosts *h = *hosts;

	if (!h)
		return;
	sd_event_source_disable_unref(h->dir);
	sd_event_source_disable_unref(h->file);
	free(h->path);
	free(h);
	*hosts = NULL;
}
