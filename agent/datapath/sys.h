/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sys.h - thin wrappers of kernel calls that libbpf 1.1 does not have, and facts about the host.
 *
 * No state, no log. Every function returns 0 (or a descriptor) or -errno.
 */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <linux/types.h>

/* linux/bpf.h of Debian 12 (6.1) does not know these. */
#define ZT_BPF_TCX_INGRESS 46
#define ZT_BPF_TCX_EGRESS  47
#define ZT_BPF_F_BEFORE	   (1U << 3)

#define ZT_CHAIN_MAX 64 /* programs of one tcx chain that we look at */

/* One tcx chain: who is on a device, first to last. */
struct zt_chain {
	uint32_t count;
	uint32_t prog_ids[ZT_CHAIN_MAX];
	uint32_t link_ids[ZT_CHAIN_MAX]; /* 0 = attached without a link */
};

/* zt_sys_tcx_attach - a tcx link ahead of every other program. Returns the link's descriptor. */
int zt_sys_tcx_attach(int prog_fd, uint32_t ifindex, uint32_t attach_type);

/* zt_sys_tcx_query - the chain of a device of this namespace. */
int zt_sys_tcx_query(uint32_t ifindex, uint32_t attach_type, struct zt_chain *ret_chain);

/* zt_sys_have_tcx - the kernel has tcx (6.6). */
bool zt_sys_have_tcx(void);

/* zt_sys_have_kfunc - vmlinux's or a loaded module's BTF has this function. */
bool zt_sys_have_kfunc(const char *name, const char *module);

/* zt_sys_have_ct_module - nf_conntrack is loaded as a module. */
bool zt_sys_have_ct_module(void);

/* zt_sys_netns_cookie - of the network namespace of this process. */
int zt_sys_netns_cookie(uint64_t *ret_cookie);

/* zt_sys_cgroup_root - mount point of the cgroup v2 root, from mountinfo. -ENOENT: none. */
int zt_sys_cgroup_root(char *ret_path, size_t size);

/* zt_sys_missing_caps - names of the capabilities that are needed and absent; "" = all there. */
void zt_sys_missing_caps(char *ret_names, size_t size);

/*
 * zt_sys_pin_dir - make the pin directory, mounting bpffs where there is none.
 * Mounts on the nearest of: the directory's parent, when that is /sys/fs/bpf; else the
 * directory itself. Returns an open descriptor of it (for the lock) or -errno.
 */
int zt_sys_pin_dir(const char *path);

/* zt_sys_settle - wait until no packet is judged by what was read before (RCU grace period). */
void zt_sys_settle(void);

/* zt_sys_loader_ok - the process may load BPF: -EPERM when lockdown or seccomp refuse. */
int zt_sys_loader_ok(void);
