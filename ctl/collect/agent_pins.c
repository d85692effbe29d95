// SPDX-License-Identifier: Apache-2.0
/*
 * agent_pins.c - what the kernel has of ztseg: the control block, what is attached where, which
 * rows are in force.
 *
 * Asked of the kernel alone (bpf() and netlink), so that it can be held against the agent's word.
 * A program counts as ours when it uses our control block, whatever it is called.
 */
#include <bpf/bpf.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/bpf.h>
#include <net/if.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/pins.h"
#include "base/tcfilter.h"
#include "base/time.h"
#include "ctl/collect/agent.h"
#include "ctl/doctor/links.h"
#include "ctl/render/text.h"

/* enum bpf_attach_type; Debian 12's headers are older than tcx. */
#define TCX_INGRESS 46
#define TCX_EGRESS  47
#define PROGS_MAX   64
#define MAPS_MAX    64

#ifndef SO_NETNS_COOKIE
#define SO_NETNS_COOKIE 71
#endif

struct hooks {
	const char *pin_dir;
	uint32_t ctl_id; /* of the map zt_ctl */
	json_t *attached;
	json_t *denied; /* interfaces that may not be looked at */
};

static uint32_t map_id(int fd)
{
	struct bpf_map_info info = {0};
	__u32 len = sizeof(info);

	return fd >= 0 && bpf_obj_get_info_by_fd(fd, &info, &len) == 0 ? info.id : 0;
}

/* One of ours? Fills in the name. 1, 0, -errno. */
static int is_ours(uint32_t prog_id, uint32_t ctl_id, char name[BPF_OBJ_NAME_LEN])
{
	zt_auto(zt_close) int fd = bpf_prog_get_fd_by_id(prog_id);
	__u32 maps[MAPS_MAX], len;
	struct bpf_prog_info info = {0};

	name[0] = '\0';
	if (fd < 0)
		return -errno;
	info.nr_map_ids = MAPS_MAX;
	info.map_ids = (__u64)(unsigned long)maps;
	len = sizeof(info);
	if (bpf_obj_get_info_by_fd(fd, &info, &len) < 0)
		return -errno;
	memcpy(name, info.name, BPF_OBJ_NAME_LEN);
	name[BPF_OBJ_NAME_LEN - 1] = '\0';
	for (__u32 i = 0; i < info.nr_map_ids && i < MAPS_MAX; i++) {
		if (maps[i] == ctl_id)
			return 1;
	}
	return 0;
}

static void note_hook(struct hooks *hooks, const struct ztc_link *link, uint32_t dir,
		      const char *kind, uint32_t prog_id, const char *name, bool first)
{
	json_t *o = json_object();

	ztc_set(o, "interface", zt_json_str(link->name));
	ztc_set(o, "ifindex", json_integer(link->ifindex));
	ztc_set(o, "direction", json_string(dir == ZT_DIR_IN ? "in" : "out"));
	ztc_set(o, "hook", json_string(kind));
	ztc_set(o, "program", json_integer(prog_id));
	ztc_set(o, "name", zt_json_str(name));
	ztc_set(o, "first", json_boolean(first));
	json_array_append_new(hooks->attached, o);
}

static int query(uint32_t target, uint32_t type, uint32_t flags, uint32_t *ids)
{
	union bpf_attr attr = {0};

	attr.query.target_fd = target;
	attr.query.attach_type = type;
	attr.query.query_flags = flags;
	attr.query.prog_ids = (__u64)(unsigned long)ids;
	attr.query.prog_cnt = PROGS_MAX;
	if (syscall(__NR_bpf, BPF_PROG_QUERY, &attr, sizeof(attr)) < 0)
		return -errno;
	return (int)attr.query.prog_cnt;
}

/* 1: ours is there, 0: not, -errno. */
static int look_at_tcx(struct hooks *hooks, const struct ztc_link *link, uint32_t dir,
		       bool *ret_others)
{
	char name[BPF_OBJ_NAME_LEN];
	uint32_t ids[PROGS_MAX];
	int count = query(link->ifindex, dir == ZT_DIR_IN ? TCX_INGRESS : TCX_EGRESS, 0, ids);

	if (count < 0)
		return count == -EINVAL || count == -ENOENT ? 0 : count;
	*ret_others = count > 0;
	for (int i = 0; i < count; i++) {
		if (is_ours(ids[i], hooks->ctl_id, name) > 0) {
			note_hook(hooks, link, dir, "tcx", ids[i], name, i == 0);
			return 1;
		}
	}
	return 0;
}

struct filters {
	struct hooks *hooks;
	const struct ztc_link *link;
	bool others, found;
};

static void on_filter(const struct zt_tc_filter *filter, void *ctx)
{
	struct filters *f = ctx;
	char name[BPF_OBJ_NAME_LEN];

	if (!f->found && filter->prog_id && is_ours(filter->prog_id, f->hooks->ctl_id, name) > 0) {
		f->found = true;
		note_hook(f->hooks, f->link, filter->dir, "clsact", filter->prog_id, name,
			  !f->others);
	}
	f->others = true;
}

static int look_at(struct hooks *hooks, const struct ztc_link *link, uint32_t dir)
{
	struct filters f = {.hooks = hooks, .link = link};
	int r = look_at_tcx(hooks, link, dir, &f.others);

	if (r)
		return r;
	r = zt_tc_filter_each(link->ifindex, dir, on_filter, &f);
	return r < 0 ? r : f.found;
}

static bool covered(const struct ztc_link *link, const struct ztc_link *all, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		if (all[i].ifindex == link->lower && strcmp(link->kind, "vlan") == 0)
			return ztc_link_guarded(&all[i]);
	}
	return false;
}

static int look_at_links(struct hooks *hooks, json_t *ret)
{
	zt_auto(zt_freep) struct ztc_link *links = NULL;
	json_t *bare = json_array();
	size_t count = 0;
	int r = ztc_links(&links, &count);

	ztc_set(ret, "unguarded", bare);
	for (size_t i = 0; r == 0 && i < count; i++) {
		int in, out;

		if (!ztc_link_guarded(&links[i]) || covered(&links[i], links, count))
			continue;
		in = look_at(hooks, &links[i], ZT_DIR_IN);
		out = look_at(hooks, &links[i], ZT_DIR_OUT);
		if (in < 0 || out < 0)
			json_array_append_new(hooks->denied, zt_json_str(links[i].name));
		else if (!in || !out)
			json_array_append_new(bare, zt_json_str(links[i].name));
	}
	return r;
}

/* Hooks of sockets: whether each program of ours that a pinned link holds still is in its place. */
static int cgroup_links(const struct ztc_env *env, json_t *ret)
{
	zt_auto(zt_closedirp) DIR *dir = opendir(env->pin_dir);
	const struct dirent *entry;
	json_int_t wires = 0, sockets = 0, detached = 0;

	if (!dir)
		return -errno;
	while ((entry = readdir(dir))) {
		struct bpf_link_info info = {0};
		__u32 len = sizeof(info);
		zt_auto(zt_close) int fd = -1;

		if (strncmp(entry->d_name, "link_", 5) != 0 &&
		    strncmp(entry->d_name, "cg_", 3) != 0)
			continue;
		fd = ztc_pin_open(env->pin_dir, entry->d_name);
		if (fd < 0 || bpf_obj_get_info_by_fd(fd, &info, &len) < 0 || !info.prog_id)
			detached++;
		else if (entry->d_name[0] == 'l')
			wires++;
		else
			sockets++;
	}
	ztc_set(ret, "links", json_integer(wires));
	ztc_set(ret, "socket_links", json_integer(sockets));
	ztc_set(ret, "links_broken", json_integer(detached));
	return 0;
}

static uint64_t own_netns_cookie(void)
{
	zt_auto(zt_close) int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	uint64_t cookie = 0;
	socklen_t len = sizeof(cookie);

	if (fd < 0 || getsockopt(fd, SOL_SOCKET, SO_NETNS_COOKIE, &cookie, &len) < 0)
		return 0;
	return cookie;
}

static void set_ctl(json_t *ret, const struct zt_ctl *ctl)
{
	uint64_t now_ns = zt_now_ns();
	bool reverted = ctl->deadline_ns && now_ns >= ctl->deadline_ns;
	uint64_t word = reverted ? ctl->prev_word : ctl->word;

	ztc_set(ret, "epoch", zt_json_u64(ZT_WORD_EPOCH(word)));
	ztc_set(ret, "slot", json_integer(ZT_WORD_SLOT(word)));
	ztc_set(ret, "unconfirmed", json_boolean(ctl->deadline_ns && !reverted));
	ztc_set(ret, "reverted", json_boolean(reverted));
	ztc_set(ret, "observing", json_boolean(ctl->observe_until_ns > now_ns));
	ztc_set(ret, "abi_version", zt_json_u64(ctl->abi_version));
	ztc_set(ret, "agent_pid", json_integer(ctl->agent_pid));
	ztc_set(ret, "same_netns", json_boolean(own_netns_cookie() == ctl->netns_cookie));
}

/* How many elements of an array the agent says are in use. */
static size_t hint(const json_t *status, const char *table)
{
	const json_t *one;
	size_t i;

	json_array_foreach (json_object_get(status, "capacity"), i, one) {
		if (strcmp(ztc_str(one, "table"), table) == 0)
			return (size_t)ztc_int(one, "used");
	}
	return 0;
}

static void set_rows(const struct ztc_env *env, const json_t *hints, json_t *ret)
{
	struct ztc_rows rows = {0};
	int r = ztc_rows_read(env->pin_dir, hint(hints, "cells"), hint(hints, "label_steps"),
			      &rows);
	json_t *digest = json_object();

	ztc_set(ret, "digest", digest);
	if (r < 0) {
		ztc_set(digest, "error", json_string(strerror(-r)));
		return;
	}
	ztc_set(digest, "live", zt_json_hex(rows.digest, sizeof(rows.digest)));
	ztc_set(digest, "committed", zt_json_hex(rows.committed, sizeof(rows.committed)));
	ztc_set(digest, "equal",
		json_boolean(!memcmp(rows.digest, rows.committed, sizeof(rows.digest))));
	ztc_set(digest, "rows", zt_json_u64(rows.rows));
	ztc_set(ret, "enforces", json_boolean(rows.meta.flags & ZT_META_ENFORCED));
	ztc_set(ret, "statements", json_integer(rows.meta.rules));
}

int ztc_pins_json(const struct ztc_env *env, const json_t *hints, json_t *ret)
{
	struct hooks hooks = {.pin_dir = env->pin_dir};
	zt_auto(zt_close) int ctl_fd = -1;
	struct zt_ctl ctl = {0};
	int r = zt_pins_read_ctl(env->pin_dir, &ctl);

	ztc_set(ret, "dir", zt_json_str(env->pin_dir));
	ztc_set(ret, "attached", json_array());
	ztc_set(ret, "unreadable", json_array());
	if (r == -ENOTDIR)
		r = -ENOENT;
	if (r < 0)
		return r;
	ctl_fd = ztc_pin_open(env->pin_dir, "zt_ctl");
	hooks.ctl_id = map_id(ctl_fd);
	hooks.attached = json_object_get(ret, "attached");
	hooks.denied = json_object_get(ret, "unreadable");
	set_ctl(ret, &ctl);
	set_rows(env, hints, ret);
	r = cgroup_links(env, ret);
	return r < 0 ? r : look_at_links(&hooks, ret);
}
