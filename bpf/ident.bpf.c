// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * ident.bpf.c - an owner's names: read from the kernel, interned.
 *
 * What names may be trusted: a cgroup's name is given by whoever may write its
 * parent directory. So the unit is the outermost service or scope on the path
 * from the root, and only while every directory above it belongs to root; what
 * is made inside a delegated cgroup, a container or a user session is below one
 * of these and never counts. An executable is named inside its own file system,
 * which no mount of a user changes.
 */
#include "maps.bpf.h"
#include <bpf/bpf_core_read.h>
#include <bpf/bpf_endian.h>
#include "owner.bpf.h"

#define ZT_DEPTH_MAX 48 /* names in a path */

#define SERVICE_LEN 8 /* ".service" */
#define SCOPE_LEN   6 /* ".scope" */

static const struct zt_draft zt_blank;

/* @name: a kernel string of @len bytes. Compared as numbers: no loop for the verifier. */
static __always_inline bool is_unit_name(const char *name, __u32 len)
{
	__u64 service = 0, scope = 0, tail = 0;

	__builtin_memcpy(&service, ".service", SERVICE_LEN);
	__builtin_memcpy(&scope, ".scope", SCOPE_LEN);
	if (len > SERVICE_LEN) {
		bpf_probe_read_kernel(&tail, SERVICE_LEN, name + len - SERVICE_LEN);
		if (tail == service)
			return true;
	}
	if (len <= SCOPE_LEN)
		return false;
	tail = 0;
	bpf_probe_read_kernel(&tail, SCOPE_LEN, name + len - SCOPE_LEN);
	return tail == scope;
}

/* A directory that someone else owns is delegated: names inside it are theirs. */
static __always_inline bool owned_by_root(struct cgroup *cgrp)
{
	struct kernfs_iattrs *attrs = BPF_CORE_READ(cgrp, kn, iattr);

	return !attrs || !BPF_CORE_READ(attrs, ia_uid.val);
}

static __always_inline void take_unit(struct zt_draft *d, const char *name, __u32 len)
{
	if (len < ZT_UNIT_LEN)
		bpf_probe_read_kernel_str(d->owner.unit, sizeof(d->owner.unit), name);
	else /* a cut name could be another unit's: none, and nothing deeper either */
		d->owner.flags |= ZT_OWNER_TRUNC_CGROUP;
}

/* One directory of the path, from the root on. */
static __always_inline int read_dir(struct zt_draft *d, struct cgroup *cgrp)
{
	const char *name = BPF_CORE_READ(cgrp, kn, name);
	long size = bpf_probe_read_kernel_str(d->name, sizeof(d->name), name);
	__u32 at = d->at;

	if (size <= 1)
		return -1;
	if (is_unit_name(name, size - 1)) {
		if (d->found)
			d->owner.flags |= ZT_OWNER_DELEGATED;
		else if (!d->delegated)
			take_unit(d, name, size - 1);
		d->found = 1;
	}
	if (!owned_by_root(cgrp))
		d->delegated = 1;

	if (at + size >= ZT_PATH_LEN) {
		d->owner.flags |= ZT_OWNER_TRUNC_CGROUP;
		d->at = ZT_PATH_LEN; /* whole names only: nothing more fits */
		return 0;
	}
	d->path[at & (ZT_NAME_MAX - 1)] = '/';
	bpf_probe_read_kernel_str(&d->path[(at + 1) & (ZT_NAME_MAX - 1)], ZT_NAME_MAX, name);
	d->at = at + size;
	return 0;
}

/* Path of the task's cgroup from the root; a path too long ends after its last whole name. */
static __always_inline void read_cgroup(struct zt_draft *d, struct task_struct *task)
{
	struct cgroup *cgrp = BPF_CORE_READ(task, cgroups, dfl_cgrp), *above = NULL;
	const __u32 first = bpf_core_field_offset(struct cgroup, ancestors);
	__u32 level = BPF_CORE_READ(cgrp, level);

	for (__u32 i = 1; i < ZT_DEPTH_MAX && i <= level; i++) {
		bpf_probe_read_kernel(&above, sizeof(above),
				      (void *)cgrp + first + i * sizeof(above));
		if (read_dir(d, above) < 0)
			break;
	}
	if (level >= ZT_DEPTH_MAX)
		d->owner.flags |= ZT_OWNER_TRUNC_CGROUP;
	if (!level)
		d->path[0] = '/';
	bpf_probe_read_kernel_str(d->owner.cgroup, sizeof(d->owner.cgroup), d->path);
}

/* One name of a path, put before those that are there. */
static __always_inline int prepend_name(struct zt_draft *d, struct dentry *dentry)
{
	const unsigned char *name = BPF_CORE_READ(dentry, d_name.name);
	long size = bpf_probe_read_kernel_str(d->name, sizeof(d->name), name);
	__u32 at = d->at;

	if (size <= 1 || size > at) {
		d->owner.flags |= ZT_OWNER_TRUNC_EXE;
		return -1;
	}
	at = (at - size) & (ZT_NAME_MAX - 1); /* a slash in place of the NUL */
	d->path[at] = '/';
	bpf_probe_read_kernel(&d->path[at + 1], (size - 1) & (ZT_NAME_MAX - 1), d->name);
	d->at = at;
	return 0;
}

/*
 * Path of the executable inside its file system, written backwards from the
 * middle of d->path. One that is too long keeps its end and matches nothing.
 */
static __always_inline void read_exe(struct zt_draft *d, struct task_struct *task)
{
	struct dentry *dentry = BPF_CORE_READ(task, mm, exe_file, f_path.dentry), *parent;
	const __u32 end = ZT_NAME_MAX - 1, longest = ZT_PATH_LEN - 1;
	const unsigned char *name;
	__u32 at;

	if (!dentry) /* a kernel thread */
		return;
	d->owner.exe_dev = BPF_CORE_READ(dentry, d_sb, s_dev);
	d->path[end] = 0;
	d->at = end;
	for (int i = 0; i < ZT_DEPTH_MAX; i++) {
		parent = BPF_CORE_READ(dentry, d_parent);
		if (parent == dentry || prepend_name(d, dentry) < 0)
			break;
		dentry = parent;
	}
	at = d->at;
	if (at == end) { /* in no directory, as "memfd:name" */
		name = BPF_CORE_READ(dentry, d_name.name);
		bpf_probe_read_kernel_str(d->owner.exe, sizeof(d->owner.exe), name);
		return;
	}
	if (at < end - longest) {
		d->owner.flags |= ZT_OWNER_TRUNC_EXE;
		at = end - longest;
	}
	bpf_probe_read_kernel_str(d->owner.exe, sizeof(d->owner.exe), &d->path[at & end]);
}

/*
 * Index of an owner, made if it is new. The record is written before the name
 * that leads to it, so whoever finds an index finds its record. Two CPUs that
 * intern one owner at once: the loser's index stays unused.
 */
static __always_inline __u32 intern(const struct zt_owner *owner, __u32 limit)
{
	const __u32 *known = bpf_map_lookup_elem(&zt_owners, owner);
	__u32 zero = 0, index;
	__u64 *next;

	if (known)
		return *known;
	next = bpf_map_lookup_elem(&zt_owner_next, &zero);
	if (!next || *next >= limit)
		return 0;
	index = __sync_fetch_and_add(next, 1);
	if (!index) /* 0 is "unknown" */
		index = __sync_fetch_and_add(next, 1);
	if (bpf_map_update_elem(&zt_owner_recs, &index, owner, BPF_ANY))
		return 0;
	if (!bpf_map_update_elem(&zt_owners, owner, &index, BPF_NOEXIST))
		return index;
	known = bpf_map_lookup_elem(&zt_owners, owner);
	return known ? *known : 0;
}

/* Table full: what a policy most needs, so that nobody hides by making many names. */
static __always_inline __u32 intern_coarse(struct zt_draft *d)
{
	__builtin_memset(d->owner.exe, 0, sizeof(d->owner.exe));
	__builtin_memset(d->owner.cgroup, 0, sizeof(d->owner.cgroup));
	d->owner.flags = ZT_OWNER_TRUNC_CGROUP | ZT_OWNER_TRUNC_EXE;
	zt_count(ZT_C_LOST_OWNER);
	return intern(&d->owner, ZT_OWNERS_MAX);
}

static __always_inline __u32 build(struct zt_draft *d, struct task_struct *task, __u32 uid)
{
	__u32 index;

	d->owner.uid = uid;
	read_cgroup(d, task);
	read_exe(d, task);
	index = intern(&d->owner, ZT_OWNERS_MAX - ZT_OWNERS_RESERVE);
	return index ?: intern_coarse(d);
}

/* Socket activation: PID 1 holds the listener, user space has said for which unit. */
static __always_inline __u32 socket_unit(__u32 proto, __u32 port)
{
	struct zt_sock_unit key = {.port = port, .proto = proto};
	const struct zt_owner *owner;

	if (!port)
		return 0;
	owner = bpf_map_lookup_elem(&zt_sock_units, &key);
	return owner ? intern(owner, ZT_OWNERS_MAX) : 0;
}

/* The command line, as the process itself would see it: it may write what it likes there. */
static __always_inline void read_args(struct zt_owner_cmd *cmd, struct task_struct *task)
{
	__u64 from = BPF_CORE_READ(task, mm, arg_start);
	__u64 len = BPF_CORE_READ(task, mm, arg_end) - from, last;

	if (len > ZT_ARGS_LEN)
		len = ZT_ARGS_LEN;
	if (bpf_probe_read_user(cmd->args, len, (const void *)from) < 0)
		return;
	last = len - 1;
	asm volatile("" : "+r"(last)); /* 6.1 must see the bound on what indexes */
	if (last < ZT_ARGS_LEN && !cmd->args[last])
		len--;
	cmd->args_len = len;
}

/*
 * What people are shown of an owner: its latest process. A process that is not the
 * current one has a memory that cannot be read from here: its short name only, and
 * only where nothing better is known.
 */
static __always_inline void note_command(struct zt_draft *d, __u32 index, struct task_struct *task,
					 bool current)
{
	const struct zt_owner_cmd *known = bpf_map_lookup_elem(&zt_owner_cmds, &index);

	if (!known || (!current && known->args_len))
		return;
	d->cmd.start_ns = BPF_CORE_READ(task, group_leader, start_boottime);
	d->cmd.pid = BPF_CORE_READ(task, tgid);
	BPF_CORE_READ_STR_INTO(&d->cmd.comm, task, group_leader, comm);
	if (current)
		read_args(&d->cmd, task);
	bpf_map_update_elem(&zt_owner_cmds, &index, &d->cmd, BPF_ANY);
}

__noinline __u32 zt_owner_build(const struct zt_image *of, __u64 task, __u32 proto, __u32 port)
{
	__u64 me = bpf_get_current_task();
	struct zt_image image;
	struct zt_draft *d;
	__u32 index;

	if (!of)
		return 0;
	image = *of; /* 6.1 takes no caller's memory as a map key */
	if (image.tgid == 1) {
		index = socket_unit(proto, port);
		if (index)
			return index;
	}
	if (bpf_map_update_elem(&zt_drafts, &me, &zt_blank, BPF_ANY))
		goto lost;
	d = bpf_map_lookup_elem(&zt_drafts, &me);
	if (!d)
		goto lost;
	index = build(d, (struct task_struct *)task, image.uid);
	if (index)
		note_command(d, index, (struct task_struct *)task, task == me);
	bpf_map_delete_elem(&zt_drafts, &me);
	if (index)
		bpf_map_update_elem(&zt_owner_cache, &image, &index, BPF_ANY);
	return index;
lost:
	zt_count(ZT_C_LOST_OWNER);
	return 0;
}
