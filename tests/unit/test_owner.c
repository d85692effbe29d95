/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_owner.c - owners as people know them: containers, and processes that are still the same.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "api/owner.h"
#include "api/procs.h"
#include "base/cleanup.h"
#include "base/container.h"
#include "base/json.h"
#include "base/time.h"

/* --- owners and processes -------------------------------------------------------------------- */

#define HEX64 "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"

static void containers_are_found(void **state)
{
	static const struct {
		const char *path;
		bool found;
	} rows[] = {
		{"/system.slice/docker-" HEX64 ".scope", true},
		{"/machine.slice/libpod-" HEX64 ".scope/container", true},
		{"/kubepods.slice/kubepods-pod1.slice/cri-containerd-" HEX64 ".scope", true},
		{"/kubepods/pod1/" HEX64, true},
		{"/docker/" HEX64, true},
		{"/kubepods.slice/crio-" HEX64 ".scope", true},
		{"/system.slice/x" HEX64 ".service", false},
		{"/system.slice/docker-" HEX64 "z.scope", false},
		{"", false},
		{"/", false},
	};
	char id[ZT_CONTAINER_LEN];

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		if (zt_container_of(rows[i].path, id) != rows[i].found)
			fail_msg("%s", rows[i].path);
		if (rows[i].found)
			assert_string_equal(id, HEX64);
	}
}

/* When this process began, by its own account [CLOCK_BOOTTIME ns]. */
static uint64_t began_ns(void)
{
	zt_auto(zt_fclosep) FILE *in = fopen("/proc/self/stat", "re");
	unsigned long long ticks = 0;

	assert_non_null(in);
	/* Field 22; this program's name has no space. */
	for (int field = 1; field < 22; field++)
		assert_int_equal(fscanf(in, "%*s"), 0);
	assert_int_equal(fscanf(in, "%llu", &ticks), 1);
	return ticks * (ZT_NS_PER_S / (uint64_t)sysconf(_SC_CLK_TCK));
}

static void command_lines(void **state)
{
	static const char args[] = "sh\0-c\0ec\033[2Jho\0\xe2\x80\xae"
				   "a";
	char full[ZT_ARGS_LEN];
	zt_auto(zt_json_decref) json_t *text = zt_owner_args(args, sizeof(args) - 1);
	zt_auto(zt_json_decref) json_t *cut = NULL;

	(void)state;
	assert_string_equal(json_string_value(text), "sh -c ec\\x1b[2Jho \\u{202e}a");
	assert_null(zt_owner_args(args, 0));
	/* A character that the bound cut is left out, not shown as a broken one. */
	memset(full, 'x', sizeof(full));
	memcpy(full + sizeof(full) - 2, "\xe7\x9b", 2);
	cut = zt_owner_args(full, sizeof(full));
	assert_int_equal(json_string_length(cut), sizeof(full) - 2);
}

static void processes_are_told_from_their_successors(void **state)
{
	struct zt_procs *procs = NULL;
	struct zt_owner owner = {.uid = geteuid()};
	struct zt_proc_name name;
	uint32_t pid = (uint32_t)getpid();
	uint64_t now_ns = zt_now_ns();
	ssize_t n = readlink("/proc/self/exe", owner.exe, sizeof(owner.exe) - 1);

	(void)state;
	assert_true(n > 0);
	assert_int_equal(zt_procs_new(&procs, "/proc"), 0);
	assert_int_equal(zt_procs_name(procs, pid, now_ns, &owner, &name), 0);
	assert_string_equal(name.comm, "test_owner");
	assert_string_equal(name.exe, owner.exe);
	assert_true(name.args_len > 0);
	assert_memory_equal(name.args + name.args_len - 10, "test_owner", 10);
	/* Began after the flow: another process has the number now. */
	assert_int_equal(zt_procs_name(procs, pid, 1, &owner, &name), -ENOENT);
	assert_int_equal(zt_procs_name(procs, 0, now_ns, &owner, &name), -ENOENT);
	/* The same number and program, begun at another time: another process. */
	assert_int_equal(zt_procs_started(procs, pid, began_ns() + ZT_NS_PER_S, &owner, &name),
			 -ENOENT);
	assert_int_equal(zt_procs_started(procs, pid, began_ns(), &owner, &name), 0);
	assert_string_equal(name.comm, "test_owner");
	strcpy(owner.exe, "/usr/bin/other");
	assert_int_equal(zt_procs_started(procs, pid, began_ns(), &owner, &name), -ENOENT);
	assert_int_equal(zt_procs_name(procs, pid, now_ns, &owner, &name), -ENOENT);
	zt_procs_free(&procs);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(containers_are_found),
		cmocka_unit_test(command_lines),
		cmocka_unit_test(processes_are_told_from_their_successors),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
