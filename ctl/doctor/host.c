/* SPDX-License-Identifier: Apache-2.0 */
/* host.c - privilege, groups and mounts that the agent relies on. */
#include <errno.h>
#include <grp.h>
#include <linux/capability.h>
#include <linux/magic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/statfs.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "ctl/doctor/doctor.h"

#ifndef CAP_BPF
#define CAP_PERFMON 38
#define CAP_BPF	    39
#endif

/* What the agent's unit must leave to it. */
static const struct {
	unsigned int bit;
	const char *name;
} needed[] = {
	{CAP_BPF, "CAP_BPF"},
	{CAP_NET_ADMIN, "CAP_NET_ADMIN"},
	{CAP_PERFMON, "CAP_PERFMON"},
	{CAP_SYS_ADMIN, "CAP_SYS_ADMIN"},
};

static int effective_caps(uint64_t *ret)
{
	zt_auto(zt_fclosep) FILE *in = fopen("/proc/self/status", "re");
	char line[256];

	if (!in)
		return -errno;
	while (fgets(line, sizeof(line), in)) {
		if (strncmp(line, "CapEff:", 7) == 0) {
			*ret = strtoull(line + 7, NULL, 16);
			return 0;
		}
	}
	return -ENODATA;
}

static void check_capabilities(struct ztc_doctor *doctor)
{
	char missing[128] = "";
	uint64_t caps = 0;
	size_t len = 0;

	if (effective_caps(&caps) < 0) {
		ztc_note(doctor, ZTC_UNKNOWN, "capabilities", "make /proc/self/status readable",
			 "this process's capabilities cannot be read");
		return;
	}
	for (size_t i = 0; i < ARRAY_SIZE(needed); i++) {
		if (caps >> needed[i].bit & 1)
			continue;
		len += (size_t)snprintf(missing + len, sizeof(missing) - len, " %s",
					needed[i].name);
	}
	if (!len)
		ztc_note(doctor, ZTC_PASS, "capabilities", NULL,
			 "BPF programs may be loaded and attached from here");
	else if (!doctor->root)
		ztc_note(doctor, ZTC_UNKNOWN, "capabilities", "run 'ztctl doctor' as root",
			 "not root: much below cannot be seen");
	else
		ztc_note(doctor, ZTC_FAIL, "capabilities",
			 "run in a namespace or container that keeps them",
			 "root here lacks%s: the agent could not start", missing);
}

static void check_groups(struct ztc_doctor *doctor)
{
	bool readers = getgrnam("ztseg") != NULL;
	bool admins = getgrnam("ztseg-admin") != NULL;

	if (readers && admins)
		ztc_note(doctor, ZTC_PASS, "groups", NULL,
			 "groups ztseg (read) and ztseg-admin (change) exist");
	else
		ztc_note(doctor, ZTC_CAUTION, "groups",
			 "groupadd --system ztseg; groupadd --system ztseg-admin",
			 "%s missing: only root may ask the agent",
			 readers  ? "group ztseg-admin is"
			 : admins ? "group ztseg is"
				  : "groups ztseg and ztseg-admin are");
}

void ztc_check_privilege(struct ztc_doctor *doctor)
{
	check_capabilities(doctor);
	check_groups(doctor);
}

/* Mount point and root of the first cgroup2 mount; proc(5) has the columns. */
static int find_cgroup2(char *ret_root, char *ret_dir, size_t size)
{
	zt_auto(zt_fclosep) FILE *in = fopen("/proc/self/mountinfo", "re");
	zt_auto(zt_freep) char *line = NULL;
	size_t cap = 0;

	if (!in)
		return -errno;
	while (getline(&line, &cap, in) >= 0) {
		char root[256], dir[256];
		const char *type = strstr(line, " - ");

		if (!type || strncmp(type + 3, "cgroup2 ", 8) != 0 ||
		    sscanf(line, "%*d %*d %*s %255s %255s", root, dir) != 2)
			continue;
		snprintf(ret_root, size, "%s", root);
		snprintf(ret_dir, size, "%s", dir);
		return 0;
	}
	return -ENOENT;
}

static void check_cgroup(struct ztc_doctor *doctor)
{
	char root[256], dir[256];
	int r = find_cgroup2(root, dir, sizeof(dir));

	if (r == -ENOENT)
		ztc_note(doctor, ZTC_FAIL, "cgroup2",
			 "mount -t cgroup2 cgroup2 /sys/fs/cgroup, or boot with "
			 "systemd.unified_cgroup_hierarchy=1",
			 "cgroup v2 is not mounted: owners of sockets cannot be told");
	else if (r < 0)
		ztc_note(doctor, ZTC_UNKNOWN, "cgroup2", "make /proc/self/mountinfo readable",
			 "the mounts cannot be read: %s", strerror(-r));
	else if (strcmp(root, "/") != 0)
		ztc_note(doctor, ZTC_FAIL, "cgroup2",
			 "run in the first cgroup namespace, with the whole tree mounted",
			 "%s shows only %s of the cgroup tree: sockets outside are not seen", dir,
			 root);
	else
		ztc_note(doctor, ZTC_PASS, "cgroup2", NULL, "cgroup v2 is at %s", dir);
}

static void check_bpffs(struct ztc_doctor *doctor)
{
	struct statfs fs;

	if (statfs("/sys/fs/bpf", &fs) < 0 && errno != ENOENT)
		ztc_note(doctor, ZTC_UNKNOWN, "bpffs", "run 'ztctl doctor' as root",
			 "/sys/fs/bpf cannot be looked at: %s", strerror(errno));
	else if (access("/sys/fs/bpf", F_OK) == 0 && fs.f_type == BPF_FS_MAGIC)
		ztc_note(doctor, ZTC_PASS, "bpffs", NULL, "bpffs is at /sys/fs/bpf");
	else
		ztc_note(
			doctor, ZTC_PASS, "bpffs", NULL,
			"bpffs is not mounted at /sys/fs/bpf as seen from here; the agent mounts it");
}

void ztc_check_mounts(struct ztc_doctor *doctor)
{
	check_cgroup(doctor);
	check_bpffs(doctor);
}
