/* SPDX-License-Identifier: Apache-2.0 */
/*
 * labels_rig.h - a store of labels in a directory of its own, by a clock that is the test's.
 *
 * Boots, sleeps and jumps are numbers here.
 */
#pragma once
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <systemd/sd-event.h>
#include <unistd.h>
#include <cmocka.h>

#include "base/cleanup.h"
#include "base/time.h"
#include "datapath/clock.h"
#include "datapath/labels.h"

#define SEC ZT_NS_PER_S

/* --- the clock -------------------------------------------------------------------------- */

struct zt_clock {
	int64_t wall_ns, slept_ns;
	const char *boot_id;
};

int64_t zt_clock_wall_offset_ns(const struct zt_clock *clock)
{
	return clock ? clock->wall_ns : 0;
}

int64_t zt_clock_slept_ns(const struct zt_clock *clock)
{
	return clock ? clock->slept_ns : 0;
}

const char *zt_clock_boot_id(const struct zt_clock *clock)
{
	return clock->boot_id;
}

/* --- a store in a directory of its own ---------------------------------------------------- */

struct rig {
	char root[64], dir[80], state[80];
	struct zt_clock clock;
	sd_event *event;
	struct zt_labels *labels;
	int told;	 /* calls of on_change */
	char hosts[512]; /* of the last call */
	int answer;	 /* what on_change answers */
	int entered;	 /* what zt_labels_enter() said */
	uint32_t epoch;
	char trouble[1024];
};

static inline int on_change(const char *const *hosts, size_t count, void *ctx)
{
	struct rig *rig = ctx;

	rig->told++;
	rig->hosts[0] = '\0';
	for (size_t i = 0; i < count; i++)
		if (strlen(rig->hosts) + strlen(hosts[i]) + 2 < sizeof(rig->hosts))
			strcat(strcat(rig->hosts, hosts[i]), " ");
	if (!rig->answer)
		rig->entered = zt_labels_enter(rig->labels, hosts, count, ++rig->epoch);
	return rig->answer;
}

static inline void on_trouble(const char *text, void *ctx)
{
	struct rig *rig = ctx;

	snprintf(rig->trouble, sizeof(rig->trouble), "%s", text);
}

static inline void start(struct rig *rig)
{
	const struct zt_labels_config cfg = {
		.state_dir = rig->state,
		.dir = rig->dir,
		.clock = &rig->clock,
		.event = rig->event,
		.on_change = on_change,
		.on_trouble = on_trouble,
		.ctx = rig,
	};

	assert_int_equal(zt_labels_open(&rig->labels, &cfg), 0);
	assert_int_equal(zt_labels_begin(rig->labels, ++rig->epoch), 0);
}

static inline void stop(struct rig *rig)
{
	zt_labels_close(&rig->labels);
}

static inline int setup(void **state)
{
	struct rig *rig = calloc(1, sizeof(*rig));

	strcpy(rig->root, "/tmp/zt-labels.XXXXXX");
	assert_non_null(mkdtemp(rig->root));
	snprintf(rig->dir, sizeof(rig->dir), "%s/labels.d", rig->root);
	snprintf(rig->state, sizeof(rig->state), "%s/state", rig->root);
	assert_int_equal(mkdir(rig->dir, 0755), 0);
	assert_int_equal(mkdir(rig->state, 0700), 0);
	rig->clock.wall_ns = (int64_t)(zt_now_wall_ns() - zt_now_ns());
	rig->clock.boot_id = "first";
	assert_true(sd_event_new(&rig->event) >= 0);
	start(rig);
	*state = rig;
	return 0;
}

static inline int teardown(void **state)
{
	struct rig *rig = *state;
	char command[128];

	stop(rig);
	sd_event_unref(rig->event);
	snprintf(command, sizeof(command), "rm -rf %s", rig->root);
	assert_int_equal(system(command), 0);
	free(rig);
	return 0;
}

/* Runs the loop until on_change was called @told times in all. */
static inline void wait_told(struct rig *rig, int told)
{
	uint64_t end = zt_now_ns() + 10 * SEC;

	while (rig->told < told) {
		assert_true(sd_event_run(rig->event, 100000) >= 0);
		assert_true(zt_now_ns() < end);
	}
}

/* Runs it for what is due now. */
static inline void settle(struct rig *rig)
{
	while (sd_event_run(rig->event, 0) > 0)
		;
}

static inline void write_file(struct rig *rig, const char *name, const char *text)
{
	char path[160], fresh[160];
	FILE *f;

	snprintf(path, sizeof(path), "%s/%s", rig->dir, name);
	snprintf(fresh, sizeof(fresh), "%s/.%s", rig->dir, name);
	f = fopen(fresh, "w");
	assert_non_null(f);
	assert_true(fputs(text, f) >= 0);
	fclose(f);
	assert_int_equal(rename(fresh, path), 0);
}

static inline void set(struct rig *rig, const char *host, const char *key, const char *value,
		       uint64_t ttl_ns)
{
	const struct zt_label_set one = {key, value};
	char err[ZT_LABELS_ERR_LEN] = "";

	assert_int_equal(zt_labels_set(rig->labels, host, &one, 1, ttl_ns, err), 0);
	assert_string_equal(err, "");
}

/* "key=value(source) ..." of a host; what does not count in brackets. */
struct text {
	char s[1024];
};

static inline void add_row(const struct zt_labels_row *row, void *ctx)
{
	struct text *t = ctx;
	size_t n = strlen(t->s);

	snprintf(t->s + n, sizeof(t->s) - n, row->counts ? "%s=%s(%s) " : "[%s=%s(%s)] ", row->key,
		 row->value, row->file ?: "set");
}

static inline const char *rows(struct rig *rig, const char *host)
{
	static struct text t;

	t.s[0] = '\0';
	zt_labels_each(rig->labels, host, add_row, &t);
	return t.s;
}

static inline size_t overlay(struct rig *rig, struct zt_overlay *ret)
{
	memset(ret, 0, sizeof(*ret));
	zt_labels_overlay(rig->labels, ret);
	return ret->label_count;
}

static inline struct zt_labels_state state_of(struct rig *rig)
{
	struct zt_labels_state state;

	zt_labels_state(rig->labels, &state);
	return state;
}
