/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_owner.c - owners as people know them: containers, and processes that are still the same.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "api/owner.h"
#include "api/procs.h"
#include "base/cleanup.h"
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
		if (zt_owner_container(rows[i].path, id) != rows[i].found)
			fail_msg("%s", rows[i].path);
		if (rows[i].found)
			assert_string_equal(id, HEX64);
	}
}

static void processes_are_told_from_their_successors(void **state)
{
	struct zt_procs *procs = NULL;
	struct zt_owner owner = {.uid = geteuid()};
	char comm[ZT_COMM_LEN], exe[ZT_PATH_LEN];
	uint32_t pid = (uint32_t)getpid();
	uint64_t now_ns = zt_now_ns();
	ssize_t n = readlink("/proc/self/exe", owner.exe, sizeof(owner.exe) - 1);

	(void)state;
	assert_true(n > 0);
	assert_int_equal(zt_procs_new(&procs, "/proc"), 0);
	assert_int_equal(zt_procs_name(procs, pid, now_ns, &owner, comm, exe), 0);
	assert_string_equal(comm, "test_owner");
	assert_string_equal(exe, owner.exe);
	/* Began after the flow: another process has the number now. */
	assert_int_equal(zt_procs_name(procs, pid, 1, &owner, comm, exe), -ENOENT);
	assert_int_equal(zt_procs_name(procs, 0, now_ns, &owner, comm, exe), -ENOENT);
	strcpy(owner.exe, "/usr/bin/other");
	assert_int_equal(zt_procs_name(procs, pid, now_ns, &owner, comm, exe), -ENOENT);
	zt_procs_free(&procs);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(containers_are_found),
		cmocka_unit_test(processes_are_told_from_their_successors),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
