// SPDX-License-Identifier: Apache-2.0
/*
 * test_labels.c - the store of labels: sources, precedence, ends, files that are wrong, restarts.
 *
 * The clock is the test's own: boots, sleeps and jumps are numbers here.
 */
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
	return clock->wall_ns;
}

int64_t zt_clock_slept_ns(const struct zt_clock *clock)
{
	return clock->slept_ns;
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

static int on_change(const char *const *hosts, size_t count, void *ctx)
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

static void on_trouble(const char *text, void *ctx)
{
	struct rig *rig = ctx;

	snprintf(rig->trouble, sizeof(rig->trouble), "%s", text);
}

static void start(struct rig *rig)
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

static void stop(struct rig *rig)
{
	zt_labels_close(&rig->labels);
}

static int setup(void **state)
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

static int teardown(void **state)
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
static void wait_told(struct rig *rig, int told)
{
	uint64_t end = zt_now_ns() + 10 * SEC;

	while (rig->told < told) {
		assert_true(sd_event_run(rig->event, 100000) >= 0);
		assert_true(zt_now_ns() < end);
	}
}

/* Runs it for what is due now. */
static void settle(struct rig *rig)
{
	while (sd_event_run(rig->event, 0) > 0)
		;
}

static void write_file(struct rig *rig, const char *name, const char *text)
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

static void set(struct rig *rig, const char *host, const char *key, const char *value,
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

static void add_row(const struct zt_labels_row *row, void *ctx)
{
	struct text *t = ctx;
	size_t n = strlen(t->s);

	snprintf(t->s + n, sizeof(t->s) - n, row->counts ? "%s=%s(%s) " : "[%s=%s(%s)] ", row->key,
		 row->value, row->file ?: "set");
}

static const char *rows(struct rig *rig, const char *host)
{
	static struct text t;

	t.s[0] = '\0';
	zt_labels_each(rig->labels, host, add_row, &t);
	return t.s;
}

static size_t overlay(struct rig *rig, struct zt_overlay *ret)
{
	memset(ret, 0, sizeof(*ret));
	zt_labels_overlay(rig->labels, ret);
	return ret->label_count;
}

static struct zt_labels_state state_of(struct rig *rig)
{
	struct zt_labels_state state;

	zt_labels_state(rig->labels, &state);
	return state;
}

/* --- tests --------------------------------------------------------------------------------- */

static void test_set(void **state)
{
	struct rig *rig = *state;
	const char *const keys[] = {"posture"}, *const other[] = {"role"};
	char err[ZT_LABELS_ERR_LEN];
	struct zt_overlay o;

	set(rig, "web1", "posture", "ok", 0);
	assert_int_equal(rig->told, 1); /* at once, no loop ran */
	assert_string_equal(rig->hosts, "web1 ");
	assert_int_equal(rig->entered, 1);
	assert_int_equal(overlay(rig, &o), 1);
	assert_string_equal(o.labels[0].host, "web1");
	assert_string_equal(o.labels[0].key, "posture");
	assert_string_equal(o.labels[0].value, "ok");
	assert_int_equal(o.labels[0].until_ns, 0);
	assert_int_equal(o.host_count, 1);
	assert_string_equal(o.hosts[0].host, "web1");
	assert_int_equal(o.hosts[0].label_epoch, rig->epoch);

	/* The same again is no change. */
	set(rig, "web1", "posture", "ok", 0);
	assert_true(zt_labels_flush(rig->labels));
	settle(rig);
	assert_int_equal(rig->told, 1);

	assert_int_equal(zt_labels_unset(rig->labels, "web1", other, 1, err), -ENOENT);
	assert_non_null(strstr(err, "'role' was not set by an operator"));
	assert_int_equal(zt_labels_unset(rig->labels, "web1", keys, 1, err), 0);
	wait_told(rig, 2);
	assert_int_equal(overlay(rig, &o), 0);
	/* Flows judged before are still not kept. */
	assert_int_equal(o.host_count, 1);
	assert_int_equal(o.hosts[0].label_epoch, rig->epoch);
}

static void test_precedence(void **state)
{
	struct rig *rig = *state;
	const char *const keys[] = {"posture"};
	char err[ZT_LABELS_ERR_LEN];
	struct zt_overlay o;

	write_file(rig, "10-mdm.json",
		   "{\"labels\": [{\"host\": \"a\", \"key\": \"posture\", \"value\": \"m\"}]}");
	wait_told(rig, 1);
	write_file(rig, "20-edr.json",
		   "{\"labels\": [{\"host\": \"a\", \"key\": \"posture\", \"value\": \"e\"},"
		   "{\"host\": \"a\", \"key\": \"os\", \"value\": \"linux\"}]}");
	wait_told(rig, 2);
	assert_string_equal(
		rows(rig, "a"),
		"os=linux(20-edr.json) posture=e(20-edr.json) [posture=m(10-mdm.json)] ");
	set(rig, "a", "posture", "s", 3600 * SEC);
	wait_told(rig, 3);
	assert_string_equal(rows(rig, "a"), "os=linux(20-edr.json) posture=s(set) "
					    "[posture=e(20-edr.json)] [posture=m(10-mdm.json)] ");
	/* The compiler gets all of them, the one to ask first before the others. */
	assert_int_equal(overlay(rig, &o), 4);
	assert_string_equal(o.labels[1].value, "s");
	assert_true(o.labels[1].until_ns > zt_now_ns() + 3590 * SEC);
	assert_string_equal(o.labels[2].value, "e");
	assert_int_equal(zt_labels_unset(rig->labels, "a", keys, 1, err), 0);
	wait_told(rig, 4);
	assert_string_equal(
		rows(rig, "a"),
		"os=linux(20-edr.json) posture=e(20-edr.json) [posture=m(10-mdm.json)] ");
}

static void test_removed(void **state)
{
	struct rig *rig = *state;
	char path[160], aside[160];

	write_file(rig, "a.json",
		   "{\"labels\": [{\"host\": \"a\", \"key\": \"k\", \"value\": \"1\"}]}");
	wait_told(rig, 1);
	snprintf(path, sizeof(path), "%s/a.json", rig->dir);
	assert_int_equal(unlink(path), 0);
	wait_told(rig, 2);
	assert_string_equal(rows(rig, NULL), "");
	assert_int_equal(state_of(rig).labels, 0);
	/* The directory itself goes, comes back, and is another one. */
	write_file(rig, "a.json",
		   "{\"labels\": [{\"host\": \"a\", \"key\": \"k\", \"value\": \"2\"}]}");
	wait_told(rig, 3);
	snprintf(aside, sizeof(aside), "%s.old", rig->dir);
	assert_int_equal(rename(rig->dir, aside), 0);
	wait_told(rig, 4);
	assert_string_equal(rows(rig, NULL), "");
	assert_false(state_of(rig).dir_exists);
	assert_int_equal(rename(aside, rig->dir), 0);
	wait_told(rig, 5);
	assert_string_equal(rows(rig, NULL), "k=2(a.json) ");
	assert_true(state_of(rig).dir_exists);
	/* Written in place, as by a shell's redirection. */
	{
		FILE *f = fopen(path, "w");

		fputs("{\"labels\": [{\"host\": \"a\", \"key\": \"k\", \"value\": \"3\"}]}", f);
		fclose(f);
	}
	wait_told(rig, 6);
	assert_string_equal(rows(rig, NULL), "k=3(a.json) ");
}

static const struct {
	const char *text;
	const char *why;
} broken[] = {
	{"", "line 1"},
	{"{\"labels\": [", "line 1"},
	{"[]", "no object with a list"},
	{"{\"labels\": [], \"label\": []}", "the file: unknown key 'label'"},
	{"{\"labels\": [], \"labels\": []}", "duplicate"},
	{"{}", "no object with a list"},
	{"{\"labels\": [1]}", "labels[0] is no object"},
	{"{\"labels\": {}}", "no object with a list"},
	{"{\"labels\": [{\"key\": \"k\", \"value\": \"v\"}]}", "labels[0] has no 'host'"},
	{"{\"labels\": [{\"host\": \"a\", \"key\": \"k\"}]}", "labels[0] has no 'value'"},
	{"{\"labels\": [{\"host\": 1, \"key\": \"k\", \"value\": \"v\"}]}", ".host is no text"},
	{"{\"labels\": [{\"host\": \"a b\", \"key\": \"k\", \"value\": \"v\"}]}",
	 ".host is not a name"},
	{"{\"labels\": [{\"host\": \"a\", \"key\": \"k=\", \"value\": \"v\"}]}", ".key is not"},
	{"{\"labels\": [{\"host\": \"a\", \"key\": \"k\", \"value\": \"\\n\"}]}", ".value is not"},
	{"{\"labels\": [{\"host\": \"a\", \"key\": \"k\", \"value\": \"v\\u0000w\"}]}", "line 1"},
	{"{\"labels\": [{\"host\": \"a\", \"key\": \"k\", \"value\": \"\xff\"}]}", "decode byte 0xff"},
	{"{\"labels\": [{\"host\": \"a\", \"key\": \"k\", \"value\": "
	 "\"0123456789012345678901234567890123456789012345678901234567890123\"}]}",
	 ".value is not a label's value of 1 to 63 bytes"},
	{"{\"labels\": [{\"host\": \"a\", \"key\": \"k\", \"value\": \"v\", \"ttl\": 5}]}",
	 "labels[0]: unknown key 'ttl'"},
	{"{\"labels\": [{\"host\": \"a\", \"key\": \"\", \"value\": \"v\"}]}", ".key is not"},
	{"{\"labels\": [{\"host\": \"a\", \"key\": \"k\", \"value\": \"v\", \"ttl_s\": 0}]}",
	 ".ttl_s is not"},
	{"{\"labels\": [{\"host\": \"a\", \"key\": \"k\", \"value\": \"v\", \"ttl_s\": \"5\"}]}",
	 ".ttl_s is not"},
	{"{\"labels\": [{\"host\": \"a\", \"key\": \"k\", \"value\": \"v\", \"ttl_s\": 1e9}]}",
	 ".ttl_s is not"},
	{"{\"labels\": [{\"host\": \"a\", \"key\": \"k\", \"value\": \"v\", "
	 "\"expires\": \"tomorrow\"}]}",
	 ".expires is no time"},
	{"{\"labels\": [{\"host\": \"a\", \"key\": \"k\", \"value\": \"v\", \"ttl_s\": 5, "
	 "\"expires\": \"2099-01-01T00:00:00Z\"}]}",
	 "both 'ttl_s' and 'expires'"},
	{"{\"labels\": [{\"host\": \"a\", \"key\": \"k\", \"value\": \"v\"}, "
	 "{\"host\": \"a\", \"key\": \"k\", \"value\": \"w\"}]}",
	 "host 'a' has label 'k' twice"},
};

/* A file that is wrong in any way changes nothing, is raised, and heals when it is right. */
static void test_broken(void **state)
{
	static const char good[] =
		"{\"labels\": [{\"host\": \"good\", \"key\": \"k\", \"value\": \"1\"}]}";
	struct rig *rig = *state;

	write_file(rig, "x.json", good);
	wait_told(rig, 1);
	for (size_t i = 0; i < ARRAY_SIZE(broken); i++) {
		write_file(rig, "x.json", good);
		while (state_of(rig).broken)
			sd_event_run(rig->event, 100000);
		write_file(rig, "x.json", broken[i].text);
		while (!state_of(rig).broken)
			sd_event_run(rig->event, 100000);
		if (!strstr(rig->trouble, broken[i].why))
			fail_msg("%s: %s, wanted %s", broken[i].text, rig->trouble, broken[i].why);
		assert_string_equal(rows(rig, NULL), "k=1(x.json) ");
		assert_int_equal(state_of(rig).broken, 1);
		assert_non_null(state_of(rig).files[0].error);
		assert_int_equal(state_of(rig).files[0].labels, 1);
	}
	assert_int_equal(rig->told, 1);
	/* It goes on saying so through a restart, and its labels are not lost by one. */
	stop(rig);
	start(rig);
	assert_string_equal(rows(rig, NULL), "k=1(x.json) ");
	assert_int_equal(state_of(rig).broken, 1);
	write_file(rig, "x.json",
		   "{\"labels\": [{\"host\": \"good\", \"key\": \"k\", \"value\": \"2\"}]}");
	wait_told(rig, 2);
	assert_string_equal(rows(rig, NULL), "k=2(x.json) ");
	assert_int_equal(state_of(rig).broken, 0);
	assert_non_null(strstr(rig->trouble, "can be read again"));
}

static void expect_trouble(struct rig *rig, const char *why)
{
	uint64_t end = zt_now_ns() + 5 * SEC;

	while (!strstr(rig->trouble, why) && zt_now_ns() < end)
		sd_event_run(rig->event, 100000);
	assert_non_null(strstr(rig->trouble, why));
	assert_string_equal(rows(rig, NULL), "k=1(x.json) ");
	rig->trouble[0] = '\0';
}

/* Whoever may write the file decides who gets in: only root may. */
static void test_not_ours(void **state)
{
	struct rig *rig = *state;
	char path[160], other[160];
	char *big;

	if (geteuid() != 0)
		skip();
	write_file(rig, "x.json",
		   "{\"labels\": [{\"host\": \"a\", \"key\": \"k\", \"value\": \"1\"}]}");
	wait_told(rig, 1);
	snprintf(path, sizeof(path), "%s/x.json", rig->dir);
	snprintf(other, sizeof(other), "%s/other", rig->root);
	assert_int_equal(chmod(path, 0664), 0);
	expect_trouble(rig, "chmod go-w");
	assert_int_equal(chmod(path, 0644), 0);
	expect_trouble(rig, "can be read again");
	assert_int_equal(chown(path, 65534, 0), 0);
	expect_trouble(rig, "not root's");
	assert_int_equal(unlink(path) | symlink("/etc/passwd", other) | rename(other, path), 0);
	expect_trouble(rig, "symbolic link");
	assert_int_equal(unlink(path) | mkfifo(other, 0600) | rename(other, path), 0);
	expect_trouble(rig, "no regular file");
	big = calloc(1, ZT_LABELS_FILE_MAX + 2);
	memset(big, ' ', ZT_LABELS_FILE_MAX + 1);
	write_file(rig, "x.json", big);
	free(big);
	expect_trouble(rig, "larger than 1 MiB");
	assert_int_equal(chmod(rig->dir, 0777), 0);
	expect_trouble(rig, "others than root may write to it");
	assert_non_null(state_of(rig).dir_error);
	assert_int_equal(chmod(rig->dir, 0755), 0);
	write_file(rig, "x.json", "{\"labels\": []}");
	wait_told(rig, 2);
	assert_null(state_of(rig).dir_error);
	assert_string_equal(rows(rig, NULL), "");
}

static void test_bounds(void **state)
{
	struct rig *rig = *state;
	char err[ZT_LABELS_ERR_LEN], key[32], name[32];
	const struct zt_label_set one = {"one-more", "1"};
	const char *const gone[] = {"k0"};
	const struct zt_label_set bad[] = {{"a b", "1"}, {"", "1"}, {"a=b", "1"}, {"k", ""}};
	const struct zt_label_set twice[] = {{"k", "1"}, {"k", "2"}};
	uint64_t end;

	for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
		assert_int_equal(zt_labels_set(rig->labels, "a", &bad[i], 1, 0, err), -EINVAL);
	assert_int_equal(zt_labels_set(rig->labels, "a", twice, 2, 0, err), -EINVAL);
	assert_int_equal(zt_labels_set(rig->labels, "no host", &one, 1, 0, err), -EINVAL);
	assert_int_equal(state_of(rig).labels, 0);
	for (int i = 0; i < ZT_LABELS_HOST_MAX; i++) {
		snprintf(key, sizeof(key), "k%d", i);
		set(rig, "a", key, "v", 0);
	}
	assert_int_equal(zt_labels_set(rig->labels, "a", &one, 1, 0, err), -E2BIG);
	assert_non_null(strstr(err, "host 'a' would have more than 32"));
	assert_int_equal(state_of(rig).labels, ZT_LABELS_HOST_MAX);
	assert_int_equal(zt_labels_unset(rig->labels, "a", gone, 1, err), 0);
	set(rig, "a", "one-more", "1", 0);
	/* Files together: 6 of 12,000 are one too many. */
	for (int f = 0; f < 6; f++) {
		char *text = malloc(1 << 20), *at = text;

		at += sprintf(at, "{\"labels\":[");
		for (int i = 0; i < 12000; i++)
			at += sprintf(at, "%s{\"host\":\"h%d-%d\",\"key\":\"k\",\"value\":\"v\"}",
				      i ? "," : "", f, i);
		sprintf(at, "]}");
		snprintf(name, sizeof(name), "%d.json", f);
		write_file(rig, name, text);
		free(text);
	}
	end = zt_now_ns() + 30 * SEC;
	while (!strstr(rig->trouble, "at most 65536") && zt_now_ns() < end)
		sd_event_run(rig->event, 100000);
	assert_non_null(strstr(rig->trouble, "at most 65536 are kept"));
	assert_int_equal(state_of(rig).broken, 1);
	assert_int_equal(state_of(rig).labels, 60000 + ZT_LABELS_HOST_MAX);
}

static void test_ends(void **state)
{
	struct rig *rig = *state;
	uint64_t begin = zt_now_ns();
	struct zt_overlay o;

	/* Two labels of one host, one after the other; a third that only the file ends. */
	set(rig, "a", "one", "1", SEC / 4);
	set(rig, "a", "two", "2", SEC / 2);
	set(rig, "a", "three", "3", 0);
	wait_told(rig, 2);
	assert_string_equal(rows(rig, "a"), "one=1(set) three=3(set) two=2(set) ");
	while (strstr(rows(rig, "a"), "one"))
		sd_event_run(rig->event, 100000);
	assert_true(zt_now_ns() - begin >= SEC / 4);
	assert_string_equal(rows(rig, "a"), "three=3(set) two=2(set) ");
	while (strstr(rows(rig, "a"), "two"))
		sd_event_run(rig->event, 100000);
	assert_true(zt_now_ns() - begin >= SEC / 2);
	while (overlay(rig, &o) > 1)
		sd_event_run(rig->event, 100000);
	/* An end moves the label epoch: what was kept under it is not any more. */
	assert_int_equal(rig->entered, 1);
	assert_int_equal(o.hosts[0].label_epoch, rig->epoch);
	assert_int_equal(state_of(rig).labels, 1);
	assert_int_equal(state_of(rig).next_end_ns, 0);
}

/* Put off, not changed: rows for the kernel, but no connection is cut for it. */
static void test_renewed(void **state)
{
	struct rig *rig = *state;
	struct zt_overlay o;
	uint32_t was;

	set(rig, "a", "k", "v", 100 * SEC);
	assert_int_equal(rig->entered, 1);
	was = rig->epoch;
	set(rig, "a", "k", "v", 200 * SEC);
	wait_told(rig, 2);
	assert_int_equal(rig->entered, 0);
	assert_int_equal(overlay(rig, &o), 1);
	assert_true(o.labels[0].until_ns > zt_now_ns() + 150 * SEC);
	assert_int_equal(o.hosts[0].label_epoch, was);
	/* A label that is below another one is none that counts. */
	write_file(rig, "f.json",
		   "{\"labels\": [{\"host\": \"a\", \"key\": \"k\", \"value\": \"w\"}]}");
	wait_told(rig, 3);
	assert_int_equal(rig->entered, 0);
}

static void test_restart(void **state)
{
	struct rig *rig = *state;
	struct zt_overlay o;
	uint64_t until_ns;
	uint32_t epoch;

	set(rig, "a", "k", "v", 100 * SEC);
	write_file(rig, "f.json",
		   "{\"labels\": [{\"host\": \"b\", \"key\": \"k\", "
		   "\"value\": \"w\", \"ttl_s\": 50}]}");
	wait_told(rig, 2);
	overlay(rig, &o);
	until_ns = o.labels[0].until_ns;
	epoch = o.hosts[0].label_epoch;
	stop(rig);
	start(rig);
	/* The time goes on; nothing is told, since nothing changed. */
	assert_int_equal(overlay(rig, &o), 2);
	assert_true(o.labels[0].until_ns == until_ns);
	assert_true(o.labels[1].until_ns <= zt_now_ns() + 50 * SEC);
	assert_int_equal(o.host_count, 2);
	assert_int_equal(o.hosts[0].label_epoch, epoch);
	settle(rig);
	assert_int_equal(rig->told, 2);
	/* Written while no agent ran: flows judged before are not kept. */
	stop(rig);
	write_file(rig, "f.json",
		   "{\"labels\": [{\"host\": \"b\", \"key\": \"k\", \"value\": \"x\"}]}");
	start(rig);
	assert_int_equal(overlay(rig, &o), 2);
	assert_string_equal(o.labels[1].value, "x");
	assert_int_equal(o.hosts[0].label_epoch, epoch);
	assert_int_equal(o.hosts[1].label_epoch, rig->epoch);
	/* Epochs of pins that are gone. */
	stop(rig);
	rig->epoch = 0;
	start(rig);
	assert_int_equal(overlay(rig, &o), 2);
	assert_int_equal(o.host_count, 0);
}

/* Killed before it could save what it told: on the safe side. */
static void test_killed(void **state)
{
	struct rig *rig = *state, *again = NULL;
	struct zt_overlay o;

	set(rig, "a", "k", "v", 0);
	assert_int_equal(setup((void **)&again), 0);
	stop(again);
	strcpy(again->state, rig->state);
	again->epoch = 40;
	start(again);
	assert_string_equal(rows(again, "a"), "k=v(set) ");
	assert_int_equal(overlay(again, &o), 1);
	assert_int_equal(o.hosts[0].label_epoch, 41);
	teardown((void **)&again);
}

static void test_reboot(void **state)
{
	struct rig *rig = *state;
	struct zt_overlay o;

	set(rig, "a", "k", "v", 100 * SEC);
	set(rig, "b", "forever", "v", 0);
	wait_told(rig, 2);
	stop(rig);
	/* 60 s on the wall have gone by. */
	rig->clock.boot_id = "second";
	rig->clock.wall_ns += 60 * (int64_t)SEC;
	rig->epoch = 0;
	start(rig);
	assert_int_equal(overlay(rig, &o), 2);
	assert_true(o.labels[0].until_ns > zt_now_ns() + 35 * SEC);
	assert_true(o.labels[0].until_ns < zt_now_ns() + 41 * SEC);
	assert_int_equal(o.labels[1].until_ns, 0);
	assert_int_equal(o.host_count, 0);
	/* A clock that lost its battery gives no more than there was at first. */
	stop(rig);
	rig->clock.boot_id = "third";
	rig->clock.wall_ns = 0;
	start(rig);
	overlay(rig, &o);
	assert_true(o.labels[0].until_ns <= zt_now_ns() + 100 * SEC);
	assert_true(o.labels[0].until_ns > zt_now_ns() + 95 * SEC);
	/* And when NTP has set it, the end is where it was. */
	rig->clock.wall_ns = (int64_t)(zt_now_wall_ns() - zt_now_ns() + 70 * SEC);
	zt_labels_clock_moved(rig->labels);
	wait_told(rig, 3);
	overlay(rig, &o);
	assert_true(o.labels[0].until_ns < zt_now_ns() + 31 * SEC);
	/* After it, it is gone. */
	stop(rig);
	rig->clock.boot_id = "fourth";
	rig->clock.wall_ns += 40 * (int64_t)SEC;
	start(rig);
	assert_int_equal(overlay(rig, &o), 1);
	assert_string_equal(o.labels[0].host, "b");
}

static void test_clock(void **state)
{
	struct rig *rig = *state;
	struct zt_overlay o;
	char text[256], when[ZT_TIME_TEXT_LEN];
	uint64_t until_ns;

	snprintf(text, sizeof(text),
		 "{\"labels\": [{\"host\": \"a\", \"key\": \"k\", \"value\": \"v\", "
		 "\"expires\": \"%s\"}]}",
		 zt_wall_text(zt_now_wall_ns() + 1000 * SEC, when));
	write_file(rig, "d.json", text);
	wait_told(rig, 1);
	set(rig, "b", "k", "v", 500 * SEC);
	wait_told(rig, 2);
	overlay(rig, &o);
	until_ns = o.labels[0].until_ns;
	/* Set an hour ahead: the date has passed, the time to live has not. */
	rig->clock.wall_ns += 3600 * (int64_t)SEC;
	zt_labels_clock_moved(rig->labels);
	wait_told(rig, 3);
	assert_int_equal(overlay(rig, &o), 1);
	assert_string_equal(o.labels[0].host, "b");
	/* And back: the date has not. */
	rig->clock.wall_ns -= 3600 * (int64_t)SEC;
	zt_labels_clock_moved(rig->labels);
	wait_told(rig, 4);
	assert_int_equal(overlay(rig, &o), 2);
	assert_true(o.labels[0].until_ns == until_ns);
	/* Asleep for 400 s: a time to live ran meanwhile. */
	rig->clock.slept_ns += 400 * (int64_t)SEC;
	rig->clock.wall_ns += 400 * (int64_t)SEC;
	zt_labels_clock_moved(rig->labels);
	wait_told(rig, 5);
	overlay(rig, &o);
	assert_true(o.labels[0].until_ns == until_ns - 400 * SEC);
	assert_true(o.labels[1].until_ns < zt_now_ns() + 101 * SEC);
}

/* A time to live in a file counts from when it was written, however often it is read. */
static void test_file_age(void **state)
{
	struct rig *rig = *state;
	struct timespec times[2] = {{.tv_nsec = UTIME_NOW}};
	struct zt_overlay o;
	char path[160];

	snprintf(path, sizeof(path), "%s/.old", rig->dir);
	write_file(rig, ".old",
		   "{\"labels\": ["
		   "{\"host\": \"a\", \"key\": \"k\", \"value\": \"v\", \"ttl_s\": 90},"
		   "{\"host\": \"b\", \"key\": \"k\", \"value\": \"v\", \"ttl_s\": 30}"
		   "]}");
	times[1].tv_sec = (time_t)(zt_now_wall_ns() / SEC) - 60;
	assert_int_equal(utimensat(AT_FDCWD, path, times, 0), 0);
	{
		char to[160];

		snprintf(to, sizeof(to), "%s/old.json", rig->dir);
		assert_int_equal(rename(path, to), 0);
	}
	wait_told(rig, 1);
	/* One has ended before it was read. */
	assert_int_equal(overlay(rig, &o), 1);
	assert_string_equal(o.labels[0].host, "a");
	assert_true(o.labels[0].until_ns < zt_now_ns() + 31 * SEC);
}

static void test_coalesced(void **state)
{
	struct rig *rig = *state;
	uint64_t begin = zt_now_ns(), spent_ms;
	char value[16];
	int most;

	for (int i = 0; i < 300; i++) {
		snprintf(value, sizeof(value), "v%d", i);
		set(rig, "a", "k", value, 0);
		settle(rig);
	}
	assert_int_equal(state_of(rig).labels, 1);
	while (!zt_labels_flush(rig->labels))
		sd_event_run(rig->event, 100000);
	assert_string_equal(rows(rig, "a"), "k=v299(set) ");
	spent_ms = (zt_now_ns() - begin) / ZT_NS_PER_MS;
	most = (int)(spent_ms / (ZT_LABELS_GAP_NS / ZT_NS_PER_MS)) + 2;
	assert_true(rig->told <= most);
	assert_true(rig->told < 300);
}

/* What could not be put in force is told again. */
static void test_told_again(void **state)
{
	struct rig *rig = *state;
	struct zt_overlay o;

	rig->answer = -EIO;
	set(rig, "a", "k", "v", 0);
	assert_int_equal(rig->told, 1);
	assert_false(zt_labels_flush(rig->labels));
	rig->answer = 0;
	wait_told(rig, 2);
	assert_string_equal(rig->hosts, "a ");
	assert_int_equal(rig->entered, 1);
	assert_true(zt_labels_flush(rig->labels));
	assert_int_equal(overlay(rig, &o), 1);
}

static void test_disk(void **state)
{
	struct rig *rig = *state;
	const struct zt_label_set one = {"k", "v"};
	char err[ZT_LABELS_ERR_LEN], path[160], away[160];
	FILE *f;

	/* Nothing can be written: nothing changes, and the reason is given. */
	snprintf(away, sizeof(away), "%s/away", rig->root);
	assert_int_equal(rename(rig->state, away), 0);
	assert_int_equal(zt_labels_set(rig->labels, "a", &one, 1, 0, err), -ENOENT);
	assert_non_null(strstr(err, "cannot be kept"));
	assert_int_equal(state_of(rig).labels, 0);
	assert_non_null(state_of(rig).store_error);
	assert_int_equal(rig->told, 0);
	assert_int_equal(rename(away, rig->state), 0);
	set(rig, "a", "k", "v", 0);
	assert_null(state_of(rig).store_error);
	/* What is on disk is no JSON: put aside, and raised. */
	stop(rig);
	snprintf(path, sizeof(path), "%s/labels.json", rig->state);
	f = fopen(path, "w");
	fputs("{\"version\": 1, \"set\": [", f);
	fclose(f);
	start(rig);
	assert_int_equal(state_of(rig).labels, 0);
	assert_non_null(strstr(state_of(rig).store_error, "labels.json.broken"));
	strcat(path, ".broken");
	assert_int_equal(access(path, F_OK), 0);
}

#define TEST(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_set),	     TEST(test_precedence), TEST(test_removed),
		TEST(test_broken),   TEST(test_not_ours),   TEST(test_bounds),
		TEST(test_ends),     TEST(test_renewed),    TEST(test_restart),
		TEST(test_killed),   TEST(test_reboot),	    TEST(test_clock),
		TEST(test_file_age), TEST(test_coalesced),  TEST(test_told_again),
		TEST(test_disk),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
