// SPDX-License-Identifier: Apache-2.0
/*
 * labels_dir.c - the label directory followed: files put there, rewritten, taken away.
 *
 * Events only say that there is something to see; what changed is told by looking. A file
 * or a directory that others than root could have written is refused: whoever writes a
 * label decides who gets in.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/strbuf.h"
#include "base/time.h"
#include "base/vec.h"
#include "datapath/labels_priv.h"

#define DIR_EVENTS                                                                                 \
	(IN_CLOSE_WRITE | IN_MOVED_TO | IN_MOVED_FROM | IN_CREATE | IN_DELETE | IN_ATTRIB |        \
	 IN_DELETE_SELF | IN_MOVE_SELF | IN_ONLYDIR)
#define LOOK_NS	      (5 * ZT_NS_PER_S)
#define PARENT_EVENTS (IN_CREATE | IN_MOVED_TO | IN_ONLYDIR)

/* --- the files ------------------------------------------------------------------------------ */

void zt_label_file_free(struct zt_label_file *file)
{
	free(file->name);
	free(file->error);
	zt_label_rows_free(&file->rows);
	*file = (struct zt_label_file){};
}

struct zt_label_file *zt_labels_file_at(struct zt_labels *labels, const char *name, bool make)
{
	struct zt_label_file fresh = {};
	size_t at = 0;

	while (at < labels->file_count && strcmp(labels->files[at].name, name) < 0)
		at++;
	if (at < labels->file_count && !strcmp(labels->files[at].name, name))
		return &labels->files[at];
	if (!make || zt_vec_grow(&labels->files, &labels->file_cap, labels->file_count + 1,
				 sizeof(fresh)) < 0)
		return NULL;
	fresh.name = strdup(name);
	if (!fresh.name)
		return NULL;
	memmove(&labels->files[at + 1], &labels->files[at],
		(labels->file_count - at) * sizeof(fresh));
	labels->files[at] = fresh;
	labels->file_count++;
	return &labels->files[at];
}

/* Its labels end with it. */
static int remove_file(struct zt_labels *labels, struct zt_label_file *file)
{
	size_t at = (size_t)(file - labels->files);
	struct zt_label_rows none = {};
	char err[ZT_LABELS_ERR_LEN];
	int r = zt_labels_take(labels, &file->rows, &none, err);

	if (r < 0)
		return r;
	zt_label_file_free(file);
	labels->file_count--;
	memmove(&labels->files[at], &labels->files[at + 1],
		(labels->file_count - at) * sizeof(*file));
	return 0;
}

static void set_broken(struct zt_labels *labels, struct zt_label_file *file, const char *why)
{
	zt_auto(zt_strbuf_free) struct zt_strbuf sb = ZT_STRBUF_INIT;

	if (file->error && !strcmp(file->error, why))
		return;
	if (!file->error)
		file->error_ns = zt_now_ns();
	zt_freep(&file->error);
	file->error = strdup(why);
	zt_strbuf_escape(&sb, file->name, strlen(file->name));
	zt_labels_say(labels,
		      "label file '%s/%s' is broken: %s; what it said before holds to its own end",
		      labels->dir, zt_strbuf_text(&sb), why);
}

static void set_good(struct zt_labels *labels, struct zt_label_file *file)
{
	if (file->error)
		zt_labels_say(labels, "label file '%s/%s' can be read again", labels->dir,
			      file->name);
	zt_freep(&file->error);
	file->error_ns = 0;
	file->read_ns = zt_now_ns();
	file->read = true;
}

/* --- one file ----------------------------------------------------------------------------------
 */

static uint64_t ns_of(const struct timespec *ts)
{
	return (uint64_t)ts->tv_sec * ZT_NS_PER_S + (uint64_t)ts->tv_nsec;
}

static struct zt_label_stamp stamp_of(const struct stat *st)
{
	return (struct zt_label_stamp){st->st_ino, (uint64_t)st->st_size, ns_of(&st->st_mtim),
				       ns_of(&st->st_ctim)};
}

static bool same_stamp(const struct zt_label_stamp *a, const struct zt_label_stamp *b)
{
	return a->ino == b->ino && a->size == b->size && a->mtime_ns == b->mtime_ns &&
	       a->ctime_ns == b->ctime_ns;
}

static const char *unfit(const struct stat *st)
{
	if (!S_ISREG(st->st_mode))
		return "it is no regular file";
	if (st->st_uid)
		return "it is not root's: chown root";
	if (st->st_mode & (S_IWGRP | S_IWOTH))
		return "others than root may write it: chmod go-w";
	return st->st_size > ZT_LABELS_FILE_MAX ? "it is larger than 1 MiB" : NULL;
}

static int slurp(int fd, char *buf, size_t size, size_t *ret_len)
{
	size_t len = 0;
	ssize_t n;

	while (len < size && (n = read(fd, buf + len, size - len)) != 0) {
		if (n < 0)
			return -errno;
		len += (size_t)n;
	}
	*ret_len = len;
	return 0;
}

/* Reads what is open at @fd into the file's rows. 0, -ENOMEM, or -EINVAL with @err. */
static int read_open(struct zt_labels *labels, struct zt_label_file *file, int fd,
		     const struct stat *st, char *err)
{
	zt_auto(zt_label_rows_free) struct zt_label_rows fresh = {};
	/* One more, to see that it grew. */
	size_t size = (size_t)st->st_size + 1, len = 0;
	zt_auto(zt_freep) char *text = malloc(size);
	int r;

	if (!text)
		return -ENOMEM;
	r = slurp(fd, text, size, &len);
	if (r == 0 && len != (size_t)st->st_size)
		r = -EAGAIN;
	if (r < 0) {
		snprintf(err, ZT_LABELS_ERR_LEN, "%s",
			 r == -EAGAIN ? "it changed while it was read: write beside it, then rename"
				      : strerror(-r));
		return -EINVAL;
	}
	r = zt_label_file_parse(labels, text, len, ns_of(&st->st_mtim), &fresh, err);
	if (r < 0)
		return r;
	return zt_labels_take(labels, &file->rows, &fresh, err);
}

static int read_file(struct zt_labels *labels, int dir_fd, struct zt_label_file *file)
{
	zt_auto(zt_close) int fd =
		openat(dir_fd, file->name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
	char err[ZT_LABELS_ERR_LEN] = "";
	struct zt_label_stamp stamp;
	struct stat st;
	int r;

	/* Gone since it was listed: the event of that is on its way. */
	if (fd < 0 && errno == ENOENT)
		return 0;
	if (fd < 0 || fstat(fd, &st) < 0) {
		file->read = false;
		set_broken(labels, file,
			   errno == ELOOP ? "it is a symbolic link" : strerror(errno));
		return 0;
	}
	stamp = stamp_of(&st);
	if (file->read && same_stamp(&stamp, &file->stamp))
		return 0;
	file->stamp = stamp;
	file->read = true;
	if (unfit(&st)) {
		set_broken(labels, file, unfit(&st));
		return 0;
	}
	r = read_open(labels, file, fd, &st, err);
	if (r == -ENOMEM) {
		file->read = false;
		return r;
	}
	if (r < 0)
		set_broken(labels, file, err);
	else
		set_good(labels, file);
	labels->save_ns = labels->save_ns ?: zt_now_ns() + ZT_NS_PER_S;
	return 0;
}

/* --- the directory ------------------------------------------------------------------------------
 */

/* Hidden names are writers' temporary files. */
static bool is_label_file(const char *name)
{
	size_t len = strlen(name);

	return *name != '.' && len > 5 && !strcmp(name + len - 5, ".json");
}

static void dir_trouble(struct zt_labels *labels, const char *why)
{
	char *text = NULL;

	if (why && asprintf(&text, "label directory '%s': %s", labels->dir, why) < 0)
		text = NULL;
	if (text && (!labels->dir_error || strcmp(text, labels->dir_error) != 0))
		zt_labels_say(labels, "%s; what its files said before holds to its own end", text);
	free(labels->dir_error);
	labels->dir_error = text;
}

/* Follows the directory, and while it is not there what it would be in. */
static void follow(struct zt_labels *labels)
{
	char parent[PATH_MAX];

	if (labels->inotify_fd < 0)
		return;
	labels->look_ns = 0;
	/* Added again, it is the same watch, or that of another directory of this name. */
	labels->dir_wd = inotify_add_watch(labels->inotify_fd, labels->dir, DIR_EVENTS);
	if (labels->dir_wd >= 0 && labels->parent_wd < 0)
		return;
	if (labels->dir_wd >= 0) {
		inotify_rm_watch(labels->inotify_fd, labels->parent_wd);
		labels->parent_wd = -1;
		return;
	}
	snprintf(parent, sizeof(parent), "%s", labels->dir);
	labels->parent_wd = inotify_add_watch(labels->inotify_fd, dirname(parent), PARENT_EVENTS);
	if (labels->parent_wd < 0)
		labels->look_ns = zt_now_ns() + LOOK_NS;
}

/* Those that are known stay so when there are too many; those that are gone make room first. */
static int list_files(struct zt_labels *labels, DIR *dir, bool known)
{
	for (struct dirent *entry; (entry = readdir(dir));) {
		struct zt_label_file *file;

		if (!is_label_file(entry->d_name))
			continue;
		file = zt_labels_file_at(labels, entry->d_name, false);
		if (!file && known)
			continue;
		if (!file && labels->file_count == ZT_LABELS_FILES) {
			dir_trouble(labels, "more than 256 files: the latest are not read");
			return 0;
		}
		file = file ?: zt_labels_file_at(labels, entry->d_name, true);
		if (!file)
			return -ENOMEM;
		file->seen = true;
	}
	if (!known)
		dir_trouble(labels, NULL);
	return 0;
}

/* Files that are there are read where they changed; labels of those that are not end. */
static int scan_open(struct zt_labels *labels, DIR *dir)
{
	struct stat st;
	int r;

	for (size_t i = 0; i < labels->file_count; i++)
		labels->files[i].seen = false;
	if (fstat(dirfd(dir), &st) < 0)
		return 0;
	if (st.st_uid || (st.st_mode & (S_IWGRP | S_IWOTH))) {
		dir_trouble(labels,
			    "others than root may write to it: chown root and chmod go-w it");
		return 0;
	}
	r = list_files(labels, dir, true);
	for (size_t i = labels->file_count; r == 0 && i-- > 0;)
		if (!labels->files[i].seen)
			r = remove_file(labels, &labels->files[i]);
	rewinddir(dir);
	if (r == 0)
		r = list_files(labels, dir, false);
	for (size_t i = 0; r == 0 && i < labels->file_count; i++)
		r = read_file(labels, dirfd(dir), &labels->files[i]);
	return r;
}

int zt_labels_dir_scan(struct zt_labels *labels)
{
	zt_auto(zt_closedirp) DIR *dir = NULL;
	int r = 0;

	labels->scan_due = false;
	/* Before looking: what comes after the look is an event. */
	follow(labels);
	dir = opendir(labels->dir);
	labels->dir_exists = dir != NULL || errno != ENOENT;
	if (dir) {
		r = scan_open(labels, dir);
	} else if (errno != ENOENT) {
		dir_trouble(labels, strerror(errno));
	} else {
		dir_trouble(labels, NULL);
		while (r == 0 && labels->file_count)
			r = remove_file(labels, &labels->files[labels->file_count - 1]);
	}
	labels->scan_due = r < 0;
	return r;
}

/* A file that somebody just made has nothing in it yet: its closing is an event too. */
static bool is_linked(const struct zt_labels *labels, const char *name)
{
	char path[PATH_MAX];
	struct stat st;

	if ((size_t)snprintf(path, sizeof(path), "%s/%s", labels->dir, name) >= sizeof(path))
		return false;
	return lstat(path, &st) == 0 && (!S_ISREG(st.st_mode) || st.st_nlink > 1);
}

static bool concerns_us(const struct zt_labels *labels, const struct inotify_event *event)
{
	char dir[PATH_MAX];

	if (event->mask & IN_Q_OVERFLOW)
		return true;
	if (event->wd == labels->parent_wd) {
		snprintf(dir, sizeof(dir), "%s", labels->dir);
		return event->len && !strcmp(event->name, basename(dir));
	}
	if (event->wd != labels->dir_wd)
		return false;
	if (!event->len)
		return true; /* the directory itself */
	if (!is_label_file(event->name))
		return false;
	return !(event->mask & IN_CREATE) || is_linked(labels, event->name);
}

static int on_inotify(sd_event_source *source, int fd, uint32_t revents, void *ctx)
{
	char buf[16384] __attribute__((aligned(__alignof__(struct inotify_event))));
	struct zt_labels *labels = ctx;
	ssize_t n;

	(void)source;
	(void)revents;
	while ((n = read(fd, buf, sizeof(buf))) > 0) {
		for (char *p = buf; p < buf + n;) {
			const struct inotify_event *event = (const struct inotify_event *)p;

			if (concerns_us(labels, event))
				labels->scan_due = true;
			p += sizeof(*event) + event->len;
		}
	}
	if (labels->scan_due)
		zt_labels_flush(labels);
	return 0;
}

int zt_labels_dir_open(struct zt_labels *labels)
{
	int r;

	if (labels->event) {
		labels->inotify_fd = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
		if (labels->inotify_fd < 0)
			return -errno;
		r = sd_event_add_io(labels->event, &labels->watch, labels->inotify_fd, EPOLLIN,
				    on_inotify, labels);
		if (r < 0)
			return r;
	}
	return zt_labels_dir_scan(labels);
}

void zt_labels_dir_close(struct zt_labels *labels)
{
	labels->watch = sd_event_source_disable_unref(labels->watch);
	zt_close(&labels->inotify_fd);
}
