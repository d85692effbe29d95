// SPDX-License-Identifier: Apache-2.0
/*
 * sys.c - thin wrappers of kernel calls, and facts about the host.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/bpf.h>
#include <linux/capability.h>
#include <linux/magic.h>
#include <linux/membarrier.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/vfs.h>
#include <time.h>
#include <unistd.h>
#include <bpf/bpf.h>
#include <bpf/btf.h>

#include "base/cleanup.h"
#include "datapath/sys.h"

#ifndef SO_NETNS_COOKIE
#define SO_NETNS_COOKIE 71
#endif

/* The parts of union bpf_attr that are younger than the headers we build with. */
struct link_create_attr {
	__u32 prog_fd;
	__u32 target_ifindex;
	__u32 attach_type;
	__u32 flags;
	__u32 relative_fd;
	__u32 pad;
	__u64 expected_revision;
};

struct prog_query_attr {
	__u32 target_ifindex;
	__u32 attach_type;
	__u32 query_flags;
	__u32 attach_flags;
	__aligned_u64 prog_ids;
	__u32 count;
	__u32 pad;
	__aligned_u64 prog_attach_flags;
	__aligned_u64 link_ids;
	__aligned_u64 link_attach_flags;
	__u64 revision;
};

static int sys_bpf(int cmd, void *attr, size_t size)
{
	long r = syscall(SYS_bpf, cmd, attr, size);

	return r < 0 ? -errno : (int)r;
}

int zt_sys_tcx_attach(int prog_fd, uint32_t ifindex, uint32_t attach_type)
{
	struct link_create_attr attr = {
		.prog_fd = (__u32)prog_fd,
		.target_ifindex = ifindex,
		.attach_type = attach_type,
		.flags = ZT_BPF_F_BEFORE,
	};

	return sys_bpf(BPF_LINK_CREATE, &attr, sizeof(attr));
}

int zt_sys_tcx_query(uint32_t ifindex, uint32_t attach_type, struct zt_chain *ret_chain)
{
	struct prog_query_attr attr = {
		.target_ifindex = ifindex,
		.attach_type = attach_type,
		.prog_ids = (__u64)(uintptr_t)ret_chain->prog_ids,
		.link_ids = (__u64)(uintptr_t)ret_chain->link_ids,
		.count = ZT_CHAIN_MAX,
	};
	int r;

	memset(ret_chain, 0, sizeof(*ret_chain));
	r = sys_bpf(BPF_PROG_QUERY, &attr, sizeof(attr));
	if (r == -ENOENT) /* nothing was ever attached to it */
		return 0;
	/* A longer chain: the head is what matters, and it is there. */
	if (r < 0 && r != -ENOSPC)
		return r;
	ret_chain->count = attr.count < ZT_CHAIN_MAX ? attr.count : ZT_CHAIN_MAX;
	return 0;
}

bool zt_sys_have_tcx(void)
{
	struct prog_query_attr attr = {.target_ifindex = 1, .attach_type = ZT_BPF_TCX_INGRESS};
	int r = sys_bpf(BPF_PROG_QUERY, &attr, sizeof(attr));

	/* lo is always 1. A kernel without tcx refuses the attach type with EINVAL. */
	return r == 0 || r == -ENOENT || r == -ENOSPC;
}

bool zt_sys_have_kfunc(const char *name, const char *module)
{
	struct btf *vmlinux = btf__load_vmlinux_btf();
	struct btf *mod;
	bool found;

	if (!vmlinux)
		return false;
	found = btf__find_by_name_kind(vmlinux, name, BTF_KIND_FUNC) > 0;
	if (!found && module) {
		mod = btf__load_module_btf(module, vmlinux);
		if (mod) {
			found = btf__find_by_name_kind(mod, name, BTF_KIND_FUNC) > 0;
			btf__free(mod);
		}
	}
	btf__free(vmlinux);
	return found;
}

bool zt_sys_have_ct_module(void)
{
	return access("/sys/kernel/btf/nf_conntrack", F_OK) == 0;
}

int zt_sys_netns_cookie(uint64_t *ret_cookie)
{
	zt_auto(zt_close) int fd = -1;
	socklen_t len = sizeof(*ret_cookie);

	fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		fd = socket(AF_INET6, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return -errno;
	if (getsockopt(fd, SOL_SOCKET, SO_NETNS_COOKIE, ret_cookie, &len) < 0)
		return -errno;
	return 0;
}

/* Fields of mountinfo: id parent dev root point options [optional...] - type source super. */
static bool cgroup2_root_of(char *line, char *ret_path, size_t size)
{
	char root[256], point[4096], *type = strstr(line, " - ");

	if (!type || strncmp(type + 3, "cgroup2 ", 8))
		return false;
	if (sscanf(line, "%*s %*s %*s %255s %4095s", root, point) != 2)
		return false;
	/* A bind mount of a part of the tree is no root. */
	if (strcmp(root, "/"))
		return false;
	return (size_t)snprintf(ret_path, size, "%s", point) < size;
}

int zt_sys_cgroup_root(char *ret_path, size_t size)
{
	zt_auto(zt_freep) char *line = NULL;
	size_t cap = 0;
	int r = -ENOENT;
	FILE *f = fopen("/proc/self/mountinfo", "re");

	if (!f)
		return -errno;
	while (getline(&line, &cap, f) >= 0) {
		if (cgroup2_root_of(line, ret_path, size)) {
			r = 0;
			break;
		}
	}
	fclose(f);
	return r;
}

void zt_sys_missing_caps(char *ret_names, size_t size)
{
	static const struct {
		unsigned int bit;
		const char *name;
	} needed[] = {
		{CAP_SYS_ADMIN, "CAP_SYS_ADMIN"},
		{CAP_NET_ADMIN, "CAP_NET_ADMIN"},
		{39, "CAP_BPF"},
		{38, "CAP_PERFMON"},
	};
	struct __user_cap_header_struct head = {.version = _LINUX_CAPABILITY_VERSION_3};
	struct __user_cap_data_struct data[2] = {};
	size_t used = 0;

	ret_names[0] = '\0';
	syscall(SYS_capget, &head, data);
	for (size_t i = 0; i < ARRAY_SIZE(needed); i++) {
		unsigned int bit = needed[i].bit;

		if (data[bit / 32].effective & (1U << (bit % 32)))
			continue;
		used += (size_t)snprintf(ret_names + used, used < size ? size - used : 0, "%s%s",
					 used ? ", " : "", needed[i].name);
		if (used >= size)
			break;
	}
}

static bool is_bpffs(const char *path)
{
	struct statfs fs;

	return statfs(path, &fs) == 0 && (unsigned long)fs.f_type == BPF_FS_MAGIC;
}

/* Like mkdir -p, for what is above @path too. */
static int make_dirs(const char *path, mode_t mode)
{
	char part[4096];

	if ((size_t)snprintf(part, sizeof(part), "%s", path) >= sizeof(part))
		return -ENAMETOOLONG;
	for (char *p = part + 1; *p; p++) {
		if (*p != '/')
			continue;
		*p = '\0';
		if (mkdir(part, mode) < 0 && errno != EEXIST)
			return -errno;
		*p = '/';
	}
	if (mkdir(part, mode) < 0 && errno != EEXIST)
		return -errno;
	return 0;
}

static int mount_bpffs(const char *point)
{
	if (mount("bpf", point, "bpf", MS_NOSUID | MS_NODEV | MS_NOEXEC, "mode=0700") < 0)
		return -errno;
	return 0;
}

int zt_sys_pin_dir(const char *path)
{
	static const char usual[] = "/sys/fs/bpf";
	int r, fd;

	/* Only under the usual place may the mount be shared with others: it is theirs too. */
	if (!strncmp(path, usual, strlen(usual)) && path[strlen(usual)] == '/' &&
	    access(usual, F_OK) == 0 && !is_bpffs(usual)) {
		r = mount_bpffs(usual);
		if (r < 0)
			return r;
	}
	r = make_dirs(path, 0700);
	if (r < 0)
		return r;
	if (!is_bpffs(path)) {
		r = mount_bpffs(path);
		if (r < 0)
			return r;
	}
	fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	return fd < 0 ? -errno : fd;
}

void zt_sys_settle(void)
{
	/* MEMBARRIER_CMD_GLOBAL is synchronize_rcu(); where it is refused, outlast a softirq. */
	if (syscall(SYS_membarrier, MEMBARRIER_CMD_GLOBAL, 0, 0) < 0) {
		struct timespec ts = {.tv_nsec = 20 * 1000 * 1000};

		nanosleep(&ts, NULL);
	}
}

int zt_sys_loader_ok(void)
{
	LIBBPF_OPTS(bpf_map_create_opts, opts);
	zt_auto(zt_close) int fd = -1;

	fd = bpf_map_create(BPF_MAP_TYPE_ARRAY, "zt_try", 4, 4, 1, &opts);
	return fd < 0 ? fd : 0;
}
