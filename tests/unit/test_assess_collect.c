/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_assess_collect.c - collectors that hang, die, lie and write without end cost their own facts
 * and nobody else's; programs are run bounded.
 */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/cleanup.h"
#include "base/json.h"
#include "base/time.h"
#include "ctl/collect/collect.h"

static char lock_path[] = "/tmp/test_assess_collect.XXXXXX";

static int good(const struct ztc_env *env, json_t *data)
{
	(void)env;
	return json_object_set_new(data, "n", json_integer(1));
}

/* With a program below it; the lock is held as long as any of both lives. */
static int hang(const struct ztc_env *env, json_t *data)
{
	static const char *const argv[] = {"sleep", "600", NULL};
	int fd = open(lock_path, O_RDWR);
	char *text;

	(void)env;
	(void)data;
	if (fd < 0 || flock(fd, LOCK_SH) < 0)
		return -EIO;
	return ztc_collect_program(argv, 10, &text, NULL);
}

static int die(const struct ztc_env *env, json_t *data)
{
	(void)env;
	(void)data;
	raise(SIGKILL);
	return 0;
}

static int leave(const struct ztc_env *env, json_t *data)
{
	(void)env;
	(void)data;
	_exit(0);
}

static int endless(const struct ztc_env *env, json_t *data)
{
	zt_auto(zt_freep) char *text = malloc(ZTC_FACTS_MAX + 1);

	(void)env;
	memset(text, 'x', ZTC_FACTS_MAX);
	text[ZTC_FACTS_MAX] = '\0';
	return json_object_set_new(data, "x", json_string(text));
}

static int denied(const struct ztc_env *env, json_t *data)
{
	(void)env;
	json_object_set_new(data, "why", json_string("the kernel says no"));
	return -EPERM;
}

static int absent(const struct ztc_env *env, json_t *data)
{
	(void)env;
	(void)data;
	return -ENOENT;
}

static int unreal(const struct ztc_env *env, json_t *data)
{
	(void)env;
	return json_object_set_new(data, "share", json_real(0.5));
}

/* Also of what watches: with the facts of phase 1. */
static int second(const struct ztc_env *env, json_t *data)
{
	const json_t *first = json_object_get(json_object_get(env->facts, "good"), "data");

	return json_object_set(data, "seen", json_object_get(first, "n"));
}

static const struct ztc_collector rows[] = {
	{.name = "good", .method = "m", .phase = 1, .run = good},
	{.name = "hang", .method = "m", .phase = 1, .timeout_s = 1, .run = hang},
	{.name = "die", .method = "m", .phase = 1, .run = die},
	{.name = "leave", .method = "m", .phase = 1, .run = leave},
	{.name = "endless", .method = "m", .phase = 1, .run = endless},
	{.name = "denied", .method = "m", .needs = "CAP_BPF", .phase = 1, .run = denied},
	{.name = "absent", .method = "m", .phase = 1, .run = absent},
	{.name = "unreal", .method = "m", .phase = 1, .run = unreal},
	{.name = "second", .method = "m", .phase = 2, .run = second},
	{.name = "probe", .method = "m", .phase = 2, .flags = ZTC_COLLECT_PROBE, .run = good},
	{.name = "watch", .method = "m", .phase = 2, .flags = ZTC_COLLECT_OBSERVE, .run = second},
	{.name = "both",
	 .method = "m",
	 .phase = 1,
	 .flags = ZTC_COLLECT_PROBE | ZTC_COLLECT_OBSERVE,
	 .run = good},
	{0},
};

static const struct ztc_collector *const tables[] = {rows};

static const char *member(const json_t *facts, const char *name, const char *key)
{
	const char *text = json_string_value(json_object_get(json_object_get(facts, name), key));

	return text ? text : "";
}

static void each_costs_its_own_facts(void **state)
{
	static const struct {
		const char *name, *status, *reason;
	} want[] = {
		{"good", "ok", ""},
		{"hang", "timeout", "deadline"},
		{"die", "error", "signal 9"},
		{"leave", "error", "nothing that can be read"},
		{"endless", "error", "more than 16 MiB"},
		{"denied", "denied", "the kernel says no"},
		{"absent", "absent", ""},
		{"unreal", "error", "a value that a document cannot hold"},
		{"second", "ok", ""},
		{"probe", "not_run", ""},
		{"both", "not_run", ""},
		{"watch", "not_run", ""},
	};
	const struct ztc_env env = {.root = "", .now_s = 1};
	uint64_t begun = zt_now_wall_ns();
	json_t *facts = NULL;
	int fd;

	(void)state;
	assert_int_equal(ztc_collect_tables(tables, 1, &env, 0, &facts), 0);
	for (size_t i = 0; i < ARRAY_SIZE(want); i++) {
		assert_string_equal(member(facts, want[i].name, "status"), want[i].status);
		assert_non_null(strstr(member(facts, want[i].name, "reason"), want[i].reason));
	}
	assert_string_equal(member(facts, "denied", "needs"), "CAP_BPF");
	assert_string_equal(member(facts, "probe", "needs"), "--probe");
	assert_int_equal(strncmp(member(facts, "good", "digest"), "sha256:", 7), 0);
	assert_int_equal(
		json_integer_value(json_object_get(
			json_object_get(json_object_get(facts, "second"), "data"), "seen")),
		1);
	assert_true(zt_now_wall_ns() - begun < 20 * ZT_NS_PER_S);
	/* Nothing of the one that hung is left: the lock is to be had. */
	fd = open(lock_path, O_RDWR);
	alarm(10);
	assert_int_equal(flock(fd, LOCK_EX), 0);
	alarm(0);
	close(fd);
	json_decref(facts);
}

static void flags_and_timeouts(void **state)
{
	const struct ztc_env env = {.root = "", .now_s = 1, .timeout_s = 1, .observe_s = 1};
	json_t *facts = NULL;

	(void)state;
	assert_int_equal(ztc_collect_tables(tables, 1, &env, ZTC_COLLECT_OBSERVE, &facts), 0);
	assert_string_equal(member(facts, "both", "status"), "ok");
	/* It had the facts of phase 1, which were then collected anew. */
	assert_string_equal(member(facts, "watch", "status"), "ok");
	assert_non_null(
		json_object_get(json_object_get(json_object_get(facts, "watch"), "data"), "seen"));
	assert_true(strcmp(member(facts, "good", "collected_at"),
			   member(facts, "watch", "collected_at")) > 0);
	assert_string_equal(member(facts, "probe", "status"), "not_run");
	assert_string_equal(member(facts, "hang", "status"), "timeout");
	json_decref(facts);
}

static void programs_are_bounded(void **state)
{
	static const char *const echo[] = {"echo", "a b", NULL}, *const no[] = {"false", NULL};
	static const char *const none[] = {"no-such-program", NULL};
	static const char *const path[] = {"/bin/echo", NULL}, *const yes[] = {"yes", NULL};
	static const char *const env[] = {"env", NULL};
	zt_auto(zt_freep) char *text = NULL, *names = NULL, *nothing = NULL;
	int status = -1;

	(void)state;
	assert_int_equal(ztc_collect_program(echo, 100, &text, NULL), 0);
	assert_string_equal(text, "a b\n");
	assert_int_equal(ztc_collect_program(no, 100, &nothing, NULL), -EIO);
	assert_int_equal(ztc_collect_program(no, 100, &nothing, &status), 0);
	assert_int_equal(status, 1);
	assert_string_equal(nothing, "");
	assert_int_equal(ztc_collect_program(none, 100, &text, NULL), -ENOENT);
	assert_int_equal(ztc_collect_program(path, 100, &text, NULL), -EINVAL);
	assert_int_equal(ztc_collect_program(yes, 100000, &text, NULL), -EFBIG);
	setenv("LD_PRELOAD_X", "1", 1);
	assert_int_equal(ztc_collect_program(env, 1000, &names, NULL), 0);
	assert_null(strstr(names, "LD_PRELOAD_X"));
	assert_non_null(strstr(names, "LC_ALL=C.UTF-8"));
}

static int make_lock(void **state)
{
	int fd = mkstemp(lock_path);

	(void)state;
	zt_close(&fd);
	return 0;
}

static int drop_lock(void **state)
{
	(void)state;
	return unlink(lock_path);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_costs_its_own_facts),
		cmocka_unit_test(flags_and_timeouts),
		cmocka_unit_test(programs_are_bounded),
	};

	return cmocka_run_group_tests(tests, make_lock, drop_lock);
}
