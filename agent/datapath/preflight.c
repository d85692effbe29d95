// SPDX-License-Identifier: Apache-2.0
/*
 * preflight.c - may we guard here, and is nobody else guarding: asked before anything changes.
 *
 * Each refusal is one sentence with its remedy.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <time.h>
#include <unistd.h>
#include <linux/bpf.h>
#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include "base/cleanup.h"
#include "datapath/internal.h"
#include "ztseg.skel.h"

#define ALONE_TRIES 10 /* of 100 ms: what was detached a moment ago is still being freed */

static int check_kernel(struct zt_dp *dp, char *err)
{
	char missing[128];
	int r;

	zt_sys_missing_caps(missing, sizeof(missing));
	if (missing[0])
		return zt_dp_err(err, -EPERM,
				 "ztagent lacks %s: run it as root, or give its unit these in "
				 "AmbientCapabilities=",
				 missing);
	if (access("/sys/kernel/btf/vmlinux", R_OK) < 0)
		return zt_dp_err(err, -ENOTSUP,
				 "this kernel has no type information (/sys/kernel/btf/vmlinux): "
				 "boot one built with CONFIG_DEBUG_INFO_BTF=y, as Debian's are");
	r = zt_sys_cgroup_root(dp->cgroup, sizeof(dp->cgroup));
	if (r < 0)
		return zt_dp_err(
			err, -ENOTSUP,
			"the root of cgroup v2 is not mounted: mount -t cgroup2 none "
			"/sys/fs/cgroup/unified, or boot with systemd.unified_cgroup_hierarchy=1");
	r = zt_sys_loader_ok();
	if (r < 0)
		return zt_dp_err(
			err, r == -EPERM ? -EPERM : r,
			"the kernel refuses BPF (%s): allow bpf() in the container's seccomp "
			"profile, or boot without lockdown=confidentiality",
			strerror(-r));
	dp->cgroup_fd = open(dp->cgroup, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (dp->cgroup_fd < 0)
		return zt_dp_err(err, -errno, "cannot open the cgroup v2 root '%s': %s", dp->cgroup,
				 strerror(errno));
	return 0;
}

int zt_dp_preflight(struct zt_dp *dp, char *err)
{
	struct zt_ctl ctl = {};
	int r;

	r = check_kernel(dp, err);
	if (r < 0)
		return r;
	r = zt_sys_netns_cookie(&dp->netns_cookie);
	if (r < 0)
		return zt_dp_err(err, r,
				 "the kernel does not tell network namespaces apart "
				 "(SO_NETNS_COOKIE: %s): use 5.14 or later",
				 strerror(-r));
	dp->lock_fd = zt_sys_pin_dir(dp->pin_dir);
	if (dp->lock_fd < 0)
		return zt_dp_err(
			err, dp->lock_fd,
			"cannot make the pin directory '%s' on a BPF file system (%s): mount "
			"one with mount -t bpf bpf /sys/fs/bpf, or use --pin-dir",
			dp->pin_dir, strerror(-dp->lock_fd));
	if (flock(dp->lock_fd, LOCK_EX | LOCK_NB) < 0) {
		zt_pins_read_ctl(dp->pin_dir, &ctl);
		return zt_dp_err(
			err, -EBUSY,
			"another ztagent (pid %u) already guards with the pins at '%s': stop it "
			"first",
			ctl.agent_pid, dp->pin_dir);
	}
	return 0;
}

int zt_dp_check_pins(struct zt_dp *dp, char *err)
{
	struct zt_ctl ctl;
	int r;

	r = zt_pins_read_ctl(dp->pin_dir, &ctl);
	if (r == -ENOENT)
		return 0;
	if (r < 0)
		return zt_dp_err(
			err, r,
			"cannot read the pins at '%s' (%s): remove them with ztctl detach, "
			"enforcement ends with them",
			dp->pin_dir, strerror(-r));
	if (ctl.abi_version > ZT_ABI_VERSION)
		return zt_dp_err(
			err, -EPROTO,
			"the pins at '%s' are of a newer ztagent (version %llu, this one "
			"speaks %u) and go on enforcing: start the newer ztagent, or remove "
			"them with its ztctl detach",
			dp->pin_dir, (unsigned long long)ctl.abi_version, ZT_ABI_VERSION);
	/* A cookie of 0: made, but its maker died before it said for whom. */
	if (ctl.netns_cookie && ctl.netns_cookie != dp->netns_cookie)
		return zt_dp_err(err, -EBUSY,
				 "the pins at '%s' guard another network namespace: use another "
				 "--pin-dir, or remove them with ztctl detach",
				 dp->pin_dir);
	dp->taken_over = ctl.netns_cookie != 0;
	dp->older_pins = dp->taken_over && ctl.abi_version < ZT_ABI_VERSION;
	return 0;
}

static uint32_t map_id(int fd)
{
	struct bpf_map_info info = {};
	__u32 len = sizeof(info);

	return fd >= 0 && bpf_obj_get_info_by_fd(fd, &info, &len) == 0 ? info.id : 0;
}

/* The control block that we loaded: another than the pinned one while replacing older pins. */
static uint32_t loaded_ctl_id(const struct zt_dp *dp)
{
	return dp->skel ? map_id(bpf_map__fd(dp->skel->maps.zt_ctl)) : 0;
}

/* The id of the control block pinned in our own directory; 0 = none. */
static uint32_t pinned_ctl_id(const struct zt_dp *dp)
{
	zt_auto(zt_close) int fd = -1;
	char path[PATH_MAX];

	if (zt_dp_pin_path(dp, path, sizeof(path), "zt_ctl") < 0)
		return 0;
	fd = bpf_obj_get(path);
	return map_id(fd);
}

/* Whether a map is the control block of somebody who guards this namespace. */
static bool guards_here(const struct zt_dp *dp, uint32_t id, uint32_t *ret_pid)
{
	struct bpf_map_info info = {};
	zt_auto(zt_close) int fd = -1;
	__u32 len = sizeof(info), zero = 0;
	struct zt_ctl ctl;

	fd = bpf_map_get_fd_by_id(id);
	if (fd < 0 || bpf_obj_get_info_by_fd(fd, &info, &len) < 0)
		return false;
	/* A later version may have a longer block; what we look at stays where it is. */
	if (strcmp(info.name, "zt_ctl") || info.type != BPF_MAP_TYPE_ARRAY ||
	    info.value_size != sizeof(ctl) || bpf_map_lookup_elem(fd, &zero, &ctl) < 0)
		return false;
	*ret_pid = ctl.agent_pid;
	return ctl.netns_cookie == dp->netns_cookie;
}

/*
 * Pin and run directories can differ between two agents; the kernel's list of
 * maps is one place both are in, and nobody without privilege can write to it.
 */
static bool someone_else(const struct zt_dp *dp, uint32_t *ret_pid)
{
	uint32_t pinned = pinned_ctl_id(dp), loaded = loaded_ctl_id(dp), id = 0;

	while (bpf_map_get_next_id(id, &id) == 0)
		if (id != pinned && id != loaded && guards_here(dp, id, ret_pid))
			return true;
	return false;
}

int zt_dp_check_alone(struct zt_dp *dp, char *err)
{
	struct timespec pause = {.tv_nsec = 100 * 1000 * 1000};
	uint32_t pid = 0;

	for (int i = 0; i < ALONE_TRIES; i++) {
		if (!someone_else(dp, &pid))
			return 0;
		nanosleep(&pause, NULL);
	}
	if (pid && (kill((pid_t)pid, 0) == 0 || errno == EPERM))
		return zt_dp_err(
			err, -EBUSY,
			"this network namespace is already guarded by another ztagent (pid %u): "
			"stop it and run ztctl detach, or go on with its --pin-dir",
			pid);
	return zt_dp_err(
		err, -EBUSY,
		"this network namespace is already guarded through pins in another directory: "
		"give that one as --pin-dir, or remove it with ztctl --pin-dir DIR detach");
}
