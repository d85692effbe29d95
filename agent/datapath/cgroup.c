// SPDX-License-Identifier: Apache-2.0
/*
 * cgroup.c - the socket hooks on the root cgroup, and the sockets that are older than they.
 *
 * Every program of a cgroup type in the object is attached by what its section
 * says, and so is one on a tracepoint (changes of TCP's state); this file knows
 * no names. Links are pinned and exchanged as those of the wire are.
 */
#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include <linux/bpf.h>
#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include "base/cleanup.h"
#include "datapath/attach.h"
#include "ztseg.skel.h"

static bool is_tracepoint(const struct bpf_program *prog)
{
	return bpf_program__expected_attach_type(prog) == BPF_TRACE_RAW_TP;
}

static bool is_hook(const struct bpf_program *prog)
{
	switch (bpf_program__type(prog)) {
	case BPF_PROG_TYPE_CGROUP_SOCK:
	case BPF_PROG_TYPE_CGROUP_SOCK_ADDR:
	case BPF_PROG_TYPE_CGROUP_SKB:
	case BPF_PROG_TYPE_SOCK_OPS:
		return bpf_program__fd(prog) >= 0;
	default:
		return is_tracepoint(prog) && bpf_program__fd(prog) >= 0;
	}
}

static int cg_pin(const struct zt_dp *dp, const char *name, char *buf, size_t size)
{
	char pin[64];

	snprintf(pin, sizeof(pin), "cg_%s", name);
	return zt_dp_pin_path(dp, buf, size, pin);
}

/* What is attached at our hook of the root cgroup: is this program among it? */
static bool is_attached(const struct zt_dp *dp, const struct bpf_program *prog)
{
	struct bpf_prog_info info = {};
	__u32 ids[64], count = ARRAY_SIZE(ids), flags, len = sizeof(info);

	if (is_tracepoint(prog)) /* cannot be taken off while its link is held, as it is here */
		return true;
	if (bpf_obj_get_info_by_fd(bpf_program__fd(prog), &info, &len) < 0)
		return false;
	if (bpf_prog_query(dp->cgroup_fd, bpf_program__expected_attach_type(prog), 0, &flags, ids,
			   &count) < 0)
		return errno == ENOSPC; /* more than we can list: it cannot be told, so no alarm */
	for (__u32 i = 0; i < count; i++)
		if (ids[i] == info.id)
			return true;
	return false;
}

static int take_over(struct zt_dp *dp, const char *path, const struct bpf_program *prog)
{
	zt_auto(zt_close) int fd = bpf_obj_get(path);

	if (fd < 0)
		return -errno;
	if (bpf_link_update(fd, bpf_program__fd(prog), NULL) < 0 || !is_attached(dp, prog)) {
		bpf_link_detach(fd);
		unlink(path);
		return -ENOENT;
	}
	return zt_take_fd(fd);
}

/*
 * A tracepoint's link takes no other program: the new one is attached beside the
 * old, whose pin it then replaces in one step. Both run for a moment, to the same end.
 */
static int attach_tracepoint(const struct bpf_program *prog, const char *path)
{
	zt_auto(zt_close) int fd = -1;
	char beside[PATH_MAX];

	if ((size_t)snprintf(beside, sizeof(beside), "%s_new", path) >= sizeof(beside))
		return -ENAMETOOLONG;
	fd = bpf_link_create(bpf_program__fd(prog), 0, BPF_TRACE_RAW_TP, NULL);
	if (fd < 0)
		return -errno;
	unlink(beside); /* of one who was stopped here */
	if (bpf_obj_pin(fd, beside) < 0)
		return -errno;
	if (rename(beside, path) < 0)
		return -errno;
	return zt_take_fd(fd);
}

static int attach_one(struct zt_dp *dp, const struct bpf_program *prog)
{
	zt_auto(zt_close) int fd = -1;
	char path[PATH_MAX];
	int r;

	r = cg_pin(dp, bpf_program__name(prog), path, sizeof(path));
	if (r < 0)
		return r;
	if (is_tracepoint(prog))
		return attach_tracepoint(prog, path);
	r = take_over(dp, path, prog);
	if (r != -ENOENT)
		return r;
	fd = bpf_link_create(bpf_program__fd(prog), dp->cgroup_fd,
			     bpf_program__expected_attach_type(prog), NULL);
	if (fd < 0)
		return -errno;
	if (bpf_obj_pin(fd, path) < 0)
		return -errno;
	return zt_take_fd(fd);
}

/* Hooks of an earlier version that this one does not have. */
static void sweep(struct zt_dp *dp)
{
	zt_auto(zt_closedirp) DIR *d = opendir(dp->pin_dir);
	struct dirent *entry;
	char path[PATH_MAX];

	while (d && (entry = readdir(d))) {
		bool known = false;
		int fd;

		if (strncmp(entry->d_name, "cg_", 3))
			continue;
		for (size_t i = 0; i < dp->cg_count; i++)
			known = known || !strcmp(entry->d_name + 3, dp->cg[i].name);
		if (known || zt_dp_pin_path(dp, path, sizeof(path), entry->d_name) < 0)
			continue;
		fd = bpf_obj_get(path);
		if (fd >= 0) {
			bpf_link_detach(fd);
			close(fd);
		}
		unlink(path);
	}
}

/* In the order that iter.bpf.c asks for: who listens, who owns, who was not accepted yet. */
static int fill_old_sockets(struct zt_dp *dp)
{
	int r;

	/* Best effort: without it such a listener counts as PID 1's. */
	zt_sockunits_refresh(dp);
	r = zt_iter_run(dp->skel->progs.zt_it_tcp);

	if (r == 0)
		r = zt_iter_run(dp->skel->progs.zt_it_files);
	return r == 0 ? zt_iter_run(dp->skel->progs.zt_it_tcp) : r;
}

int zt_cgroup_start(struct zt_dp *dp, char *err)
{
	struct bpf_program *prog;
	int r;

	bpf_object__for_each_program(prog, dp->skel->obj)
	{
		int fd;

		if (!is_hook(prog))
			continue;
		if (dp->cg_count == ZT_CGROUP_LINKS_MAX)
			return zt_dp_err(err, -E2BIG, "more socket hooks than expected");
		fd = attach_one(dp, prog);
		if (fd < 0)
			return zt_dp_err(
				err, fd,
				"cannot attach %s to the cgroup v2 root '%s' (%s): another "
				"program may hold that hook alone, see ztctl doctor",
				bpf_program__name(prog), dp->cgroup, strerror(-fd));
		dp->cg[dp->cg_count].name = bpf_program__name(prog);
		dp->cg[dp->cg_count].prog = prog;
		dp->cg[dp->cg_count++].fd = fd;
	}
	sweep(dp);
	r = fill_old_sockets(dp);
	if (r < 0)
		return zt_dp_err(err, r, "cannot walk the sockets that are open already: %s",
				 strerror(-r));
	__atomic_fetch_or(&dp->ctl->flags, ZT_CTL_OWNERS, __ATOMIC_SEQ_CST);
	return 0;
}

static int check_one(struct zt_dp *dp, struct zt_cgroup_link *link)
{
	char path[PATH_MAX];
	int fd, bad = 0;

	if (!is_attached(dp, link->prog)) {
		zt_alarm(dp, ZT_ALARM_LINK_LOST, "socket hook %s was gone", link->name);
		zt_close(&link->fd);
		fd = attach_one(dp, link->prog);
		if (fd >= 0)
			link->fd = fd;
		return 1;
	}
	if (cg_pin(dp, link->name, path, sizeof(path)) == 0 && access(path, F_OK) < 0) {
		zt_alarm(dp, ZT_ALARM_PIN_LOST, "'%s' was removed", path);
		bpf_obj_pin(link->fd, path);
		bad = 1;
	}
	return bad;
}

int zt_cgroup_check(struct zt_dp *dp)
{
	int bad = 0;

	for (size_t i = 0; i < dp->cg_count; i++)
		bad += check_one(dp, &dp->cg[i]);
	return bad;
}

void zt_cgroup_close(struct zt_dp *dp)
{
	for (size_t i = 0; i < dp->cg_count; i++)
		zt_close(&dp->cg[i].fd);
	dp->cg_count = 0;
}
