// SPDX-License-Identifier: Apache-2.0
/*
 * watch.c - the policy file followed: editors that rename, atomic replacement, directories, links.
 *
 * Directories are watched, not files: a file that is replaced is another file,
 * and a watch on the old one would see nothing any more.
 */
#include <errno.h>
#include <libgen.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "datapath/intent_priv.h"

#define READ_DELAY_US 50000 /* writers take several steps; each would be a reading */
#define ENV_DELAY_US  20000
#define WATCH_MASK                                                                                 \
	(IN_CLOSE_WRITE | IN_MOVED_TO | IN_MOVED_FROM | IN_CREATE | IN_DELETE | IN_DELETE_SELF |   \
	 IN_MOVE_SELF | IN_ONLYDIR)

static bool is_dir(const char *path)
{
	struct stat st;

	return stat(path, &st) == 0 && S_ISDIR(st.st_mode);
}

static const char *base_name(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash ? slash + 1 : path;
}

/* Whether a name in a watched directory is part of the policy. */
static bool concerns_us(const struct zt_intent *intent, const char *name)
{
	size_t len = strlen(name);
	char real[PATH_MAX];

	if (len > 5 && !strcmp(name + len - 5, ".yaml") && is_dir(intent->path))
		return true;
	/* A signature may come after what it signs, or be replaced. */
	if (intent->cfg.require_signature && len > 8 && !strcmp(name + len - 8, ".minisig"))
		return true;
	/* "..data" is how configuration volumes swing a whole directory over. */
	if (!strncmp(name, "..", 2) || !strcmp(name, base_name(intent->path)))
		return true;
	if (realpath(intent->path, real) && !strcmp(name, base_name(real)))
		return true;
	if (!intent->now.policy)
		return false;
	for (const struct zt_source *s = intent->now.policy->sources; s; s = s->next)
		if (!strcmp(name, base_name(s->name)))
			return true;
	return false;
}

static int on_read_time(sd_event_source *source, uint64_t usec, void *ctx)
{
	(void)source;
	(void)usec;
	zt_intent_load(ctx, false);
	return 0;
}

static int on_env_time(sd_event_source *source, uint64_t usec, void *ctx)
{
	(void)source;
	(void)usec;
	zt_intent_recompile(ctx);
	return 0;
}

void zt_intent_env_changed(struct zt_intent *intent)
{
	int on = SD_EVENT_OFF;

	sd_event_source_get_enabled(intent->env_timer, &on);
	/* Not put off by further news: after 20 ms it is done, however busy it is. */
	if (on != SD_EVENT_OFF)
		return;
	sd_event_source_set_time_relative(intent->env_timer, ENV_DELAY_US);
	sd_event_source_set_enabled(intent->env_timer, SD_EVENT_ONESHOT);
}

static void read_soon(struct zt_intent *intent)
{
	sd_event_source_set_time_relative(intent->read_timer, READ_DELAY_US);
	sd_event_source_set_enabled(intent->read_timer, SD_EVENT_ONESHOT);
}

static int on_inotify(sd_event_source *source, int fd, uint32_t revents, void *ctx)
{
	char buf[16384] __attribute__((aligned(__alignof__(struct inotify_event))));
	struct zt_intent *intent = ctx;
	bool ours = false;
	ssize_t n;

	(void)source;
	(void)revents;
	while ((n = read(fd, buf, sizeof(buf))) > 0) {
		for (char *p = buf; p < buf + n;) {
			const struct inotify_event *event = (const struct inotify_event *)p;

			ours = ours || !event->len || concerns_us(intent, event->name);
			p += sizeof(*event) + event->len;
		}
	}
	if (ours)
		read_soon(intent);
	return 0;
}

static void watch_dir_of(struct zt_intent *intent, const char *path)
{
	char dir[PATH_MAX];

	if (is_dir(path)) {
		inotify_add_watch(intent->inotify_fd, path, WATCH_MASK);
		/* And above it, for the directory itself may be replaced. */
	}
	snprintf(dir, sizeof(dir), "%s", path);
	/* Adding the same directory again changes nothing. */
	inotify_add_watch(intent->inotify_fd, dirname(dir), WATCH_MASK);
}

int zt_watch_renew(struct zt_intent *intent)
{
	char real[PATH_MAX];

	watch_dir_of(intent, intent->path);
	if (realpath(intent->path, real) && strcmp(real, intent->path))
		watch_dir_of(intent, real);
	if (intent->now.policy && intent->now.source != ZT_INTENT_CONFIRMED)
		for (const struct zt_source *s = intent->now.policy->sources; s; s = s->next)
			watch_dir_of(intent, s->name);
	return 0;
}

int zt_intent_watch(struct zt_intent *intent)
{
	int r;

	intent->inotify_fd = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
	if (intent->inotify_fd < 0)
		return -errno;
	r = sd_event_add_time_relative(intent->cfg.event, &intent->read_timer, CLOCK_MONOTONIC,
				       READ_DELAY_US, 1000, on_read_time, intent);
	if (r >= 0)
		r = sd_event_source_set_enabled(intent->read_timer, SD_EVENT_OFF);
	if (r >= 0)
		r = sd_event_add_time_relative(intent->cfg.event, &intent->env_timer,
					       CLOCK_MONOTONIC, ENV_DELAY_US, 1000, on_env_time,
					       intent);
	if (r >= 0)
		r = sd_event_source_set_enabled(intent->env_timer, SD_EVENT_OFF);
	if (r >= 0)
		r = sd_event_add_io(intent->cfg.event, &intent->watch_source, intent->inotify_fd,
				    EPOLLIN, on_inotify, intent);
	return r < 0 ? r : zt_watch_renew(intent);
}

void zt_watch_close(struct zt_intent *intent)
{
	intent->watch_source = sd_event_source_disable_unref(intent->watch_source);
	intent->read_timer = sd_event_source_disable_unref(intent->read_timer);
	intent->env_timer = sd_event_source_disable_unref(intent->env_timer);
	zt_close(&intent->inotify_fd);
}
