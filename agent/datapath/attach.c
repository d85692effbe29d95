// SPDX-License-Identifier: Apache-2.0
/*
 * attach.c - our wire programs on one device: tcx links, or clsact filters before 6.6.
 *
 * What an earlier agent attached is never taken off and put on again: its link
 * gets the new program, its filter is replaced, each in one step of the kernel.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include <linux/bpf.h>
#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include "base/cleanup.h"
#include "base/tcfilter.h"
#include "base/time.h"
#include "datapath/attach.h"

static const char *const dir_names[2] = {[ZT_DIR_IN] = "in", [ZT_DIR_OUT] = "out"};

int zt_hook_pin(const struct zt_dp *dp, uint32_t ifindex, uint32_t dir, char *buf, size_t size)
{
	char name[32];

	/* By number: bpffs takes no dots, and names of devices may have them. */
	snprintf(name, sizeof(name), "link_%u_%s", ifindex, dir_names[dir]);
	return zt_dp_pin_path(dp, buf, size, name);
}

uint32_t zt_hook_type(uint32_t dir)
{
	return dir == ZT_DIR_IN ? ZT_BPF_TCX_INGRESS : ZT_BPF_TCX_EGRESS;
}

/* Where a link stands in a chain, or -1. */
int zt_hook_place(const struct zt_chain *chain, uint32_t link_id)
{
	for (uint32_t i = 0; i < chain->count; i++)
		if (link_id && chain->link_ids[i] == link_id)
			return (int)i;
	return -1;
}

uint32_t zt_link_id(int fd)
{
	struct bpf_link_info info = {};
	__u32 len = sizeof(info);

	return bpf_obj_get_info_by_fd(fd, &info, &len) == 0 ? info.id : 0;
}

/* A pinned link of an earlier agent gets our program; -ENOENT: there is none that lives. */
static int take_over_link(struct zt_dp *dp, struct zt_iface *iface, uint32_t dir, int prog_fd)
{
	zt_auto(zt_close) int fd = -1;
	struct zt_chain chain;
	char path[PATH_MAX];
	uint32_t id;
	int r;

	r = zt_hook_pin(dp, iface->ifindex, dir, path, sizeof(path));
	if (r < 0)
		return r;
	fd = bpf_obj_get(path);
	if (fd < 0)
		return -errno;
	id = zt_link_id(fd);
	r = zt_sys_tcx_query(iface->ifindex, zt_hook_type(dir), &chain);
	/* Not on this device of this namespace: of a device that is gone or was moved away. */
	if (r < 0 || zt_hook_place(&chain, id) < 0) {
		bpf_link_detach(fd);
		unlink(path);
		return r < 0 ? r : -ENOENT;
	}
	if (bpf_link_update(fd, prog_fd, NULL) < 0)
		return -errno;
	iface->link_id[dir] = id;
	iface->link_fd[dir] = zt_take_fd(fd);
	return 0;
}

static int attach_tcx(struct zt_dp *dp, struct zt_iface *iface, uint32_t dir)
{
	int prog_fd = zt_dp_wire_prog(dp, dir, iface->l3);
	zt_auto(zt_close) int fd = -1;
	char path[PATH_MAX];
	int r;

	if (iface->link_fd[dir] >= 0)
		return 0;
	r = take_over_link(dp, iface, dir, prog_fd);
	if (r != -ENOENT)
		return r;
	r = zt_hook_pin(dp, iface->ifindex, dir, path, sizeof(path));
	if (r < 0)
		return r;
	fd = zt_sys_tcx_attach(prog_fd, iface->ifindex, zt_hook_type(dir));
	if (fd < 0)
		return fd;
	/* Without its pin the link would end with us, and the host would stand open. */
	if (bpf_obj_pin(fd, path) < 0)
		return -errno;
	iface->link_id[dir] = zt_link_id(fd);
	iface->link_fd[dir] = zt_take_fd(fd);
	return 0;
}

static __u64 filter_key(uint32_t ifindex, uint32_t dir)
{
	return (__u64)ifindex << 1 | dir;
}

int zt_hook_clsact(struct zt_dp *dp, struct zt_iface *iface, uint32_t dir)
{
	LIBBPF_OPTS(bpf_tc_hook, hook, .ifindex = (int)iface->ifindex,
		    .attach_point = BPF_TC_INGRESS | BPF_TC_EGRESS);
	LIBBPF_OPTS(bpf_tc_opts, opts, .handle = ZT_CLSACT_HANDLE, .priority = ZT_CLSACT_PREF,
		    .prog_fd = zt_dp_wire_prog(dp, dir, iface->l3), .flags = BPF_TC_F_REPLACE);
	__u64 key = filter_key(iface->ifindex, dir), other = filter_key(iface->ifindex, !dir);
	struct zt_filter_record record = {}, twin = {};
	int r;

	bpf_map_lookup_elem(dp->filters_fd, &key, &record);
	bpf_map_lookup_elem(dp->filters_fd, &other, &twin);
	r = bpf_tc_hook_create(&hook);
	if (r < 0 && r != -EEXIST)
		return r;
	record.own_qdisc = record.own_qdisc || twin.own_qdisc || r == 0;
	hook.attach_point = dir == ZT_DIR_IN ? BPF_TC_INGRESS : BPF_TC_EGRESS;
	record.ifindex = iface->ifindex;
	record.dir = dir;
	record.prio = ZT_CLSACT_PREF;
	record.handle = ZT_CLSACT_HANDLE;
	record.prog_id = dp->prog_id[dir][iface->l3];
	/* Recorded first: what is not recorded cannot be removed without us. */
	if (bpf_map_update_elem(dp->filters_fd, &key, &record, BPF_ANY) < 0)
		return -errno;
	return bpf_tc_attach(&hook, &opts);
}

void zt_hook_drop_clsact(struct zt_dp *dp, uint32_t ifindex, uint32_t dir)
{
	__u64 key = filter_key(ifindex, dir);
	struct zt_filter_record record;
	int r;

	if (bpf_map_lookup_elem(dp->filters_fd, &key, &record) < 0)
		return;
	r = zt_tc_filter_remove(&record);
	if (r == 0 || r == -ENOENT || r == -ENODEV)
		bpf_map_delete_elem(dp->filters_fd, &key);
}

static void drop_link(struct zt_dp *dp, struct zt_iface *iface, uint32_t dir)
{
	char path[PATH_MAX];
	int fd = iface->link_fd[dir];

	if (zt_hook_pin(dp, iface->ifindex, dir, path, sizeof(path)) < 0)
		return;
	if (fd < 0)
		fd = bpf_obj_get(path);
	if (fd < 0)
		return;
	bpf_link_detach(fd);
	unlink(path);
	close(fd);
	iface->link_fd[dir] = -1;
	iface->link_id[dir] = 0;
}

/* tcx links or filters left from a start with the other setting; ours are on by now. */
static void drop_other_kind(struct zt_dp *dp, struct zt_iface *iface)
{
	for (uint32_t dir = 0; dir < 2; dir++) {
		if (iface->tcx)
			zt_hook_drop_clsact(dp, iface->ifindex, dir);
		else
			drop_link(dp, iface, dir);
	}
}

int zt_iface_attach(struct zt_dp *dp, struct zt_iface *iface)
{
	int r = 0;

	iface->tcx = dp->have_tcx;
	/* Egress last: what the host sends in between answers nothing that was let in unjudged. */
	for (uint32_t dir = 0; dir < 2 && r >= 0; dir++)
		r = iface->tcx ? attach_tcx(dp, iface, dir) : zt_hook_clsact(dp, iface, dir);
	iface->error = r < 0 ? r : 0;
	if (r < 0)
		return r;
	drop_other_kind(dp, iface);
	iface->attached_ns = zt_now_ns();
	iface->at_head[0] = iface->at_head[1] = true;
	return 0;
}

void zt_iface_detach(struct zt_dp *dp, struct zt_iface *iface)
{
	for (uint32_t dir = 0; dir < 2; dir++) {
		drop_link(dp, iface, dir);
		zt_hook_drop_clsact(dp, iface->ifindex, dir);
		iface->at_head[dir] = false;
	}
	iface->attached_ns = 0;
}

bool zt_iface_has_pins(const struct zt_dp *dp, uint32_t ifindex)
{
	struct zt_filter_record record;
	__u64 key = filter_key(ifindex, ZT_DIR_IN);
	char path[PATH_MAX];

	if (zt_hook_pin(dp, ifindex, ZT_DIR_IN, path, sizeof(path)) == 0 && access(path, F_OK) == 0)
		return true;
	return bpf_map_lookup_elem(dp->filters_fd, &key, &record) == 0;
}

/* --- what no guarded device stands for ------------------------------------------- */

static bool is_guarded(struct zt_dp *dp, uint32_t ifindex)
{
	struct zt_iface *iface = zt_netwatch_iface(dp, ifindex);

	return iface && iface->state == ZT_IFACE_GUARDED;
}

static void sweep_links(struct zt_dp *dp)
{
	zt_auto(zt_closedirp) DIR *d = opendir(dp->pin_dir);
	struct zt_iface ghost = {.link_fd = {-1, -1}};
	struct dirent *entry;
	char dir[8];

	while (d && (entry = readdir(d))) {
		if (sscanf(entry->d_name, "link_%u_%7s", &ghost.ifindex, dir) != 2)
			continue;
		if (!is_guarded(dp, ghost.ifindex))
			drop_link(dp, &ghost, strcmp(dir, "in") ? ZT_DIR_OUT : ZT_DIR_IN);
	}
}

void zt_iface_sweep_pins(struct zt_dp *dp)
{
	__u64 keys[64], key, next;
	size_t count;
	bool first;

	sweep_links(dp);
	do { /* deleting while walking starts a walk again, so collect first */
		count = 0;
		first = true;
		while (count < ARRAY_SIZE(keys) &&
		       bpf_map_get_next_key(dp->filters_fd, first ? NULL : &key, &next) == 0) {
			first = false;
			key = next;
			if (!is_guarded(dp, (uint32_t)(key >> 1)))
				keys[count++] = key;
		}
		for (size_t i = 0; i < count; i++) {
			zt_hook_drop_clsact(dp, (uint32_t)(keys[i] >> 1), (uint32_t)(keys[i] & 1));
			bpf_map_delete_elem(dp->filters_fd, &keys[i]);
		}
	} while (count == ARRAY_SIZE(keys));
}
