// SPDX-License-Identifier: Apache-2.0
/*
 * check.c - is our hook still on a device, ours, and first in its chain; put back what is not.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include <linux/bpf.h>
#include <bpf/bpf.h>

#include "base/cleanup.h"
#include "base/tcfilter.h"
#include "datapath/attach.h"

static const char *const dir_names[2] = {[ZT_DIR_IN] = "ingress", [ZT_DIR_OUT] = "egress"};

/* A pin that somebody removed: the link lives with us now, and would end with us. */
static int check_pin(struct zt_dp *dp, struct zt_iface *iface, uint32_t dir)
{
	char path[PATH_MAX];

	if (zt_hook_pin(dp, iface->ifindex, dir, path, sizeof(path)) < 0 || access(path, F_OK) == 0)
		return 0;
	zt_alarm(dp, ZT_ALARM_PIN_LOST, "'%s' was removed", path);
	if (bpf_obj_pin(iface->link_fd[dir], path) < 0)
		zt_alarm(dp, ZT_ALARM_PIN_LOST, "'%s' was removed and cannot be pinned again: %s",
			 path, strerror(errno));
	return 1;
}

static void forget_link(struct zt_dp *dp, struct zt_iface *iface, uint32_t dir)
{
	char path[PATH_MAX];

	bpf_link_detach(iface->link_fd[dir]);
	zt_close(&iface->link_fd[dir]);
	iface->link_id[dir] = 0;
	if (zt_hook_pin(dp, iface->ifindex, dir, path, sizeof(path)) == 0)
		unlink(path);
}

/*
 * A link cannot move along its chain, only be made anew. A clsact filter, which
 * runs behind every tcx program, judges while it is being made.
 */
static void move_to_head(struct zt_dp *dp, struct zt_iface *iface, uint32_t dir)
{
	int shim = zt_hook_clsact(dp, iface, dir);

	forget_link(dp, iface, dir);
	zt_iface_attach(dp, iface); /* drops the filter when the link is in */
	if (shim == 0 && iface->link_fd[dir] < 0)
		iface->tcx = false; /* the filter stays in charge until the next round */
}

static int check_head(struct zt_dp *dp, struct zt_iface *iface, uint32_t dir, int place,
		      const struct zt_chain *chain)
{
	iface->at_head[dir] = place == 0;
	if (place == 0)
		return 0;
	zt_alarm(dp, ZT_ALARM_NOT_AT_HEAD, "%s %s: program %u is ahead of us", iface->name,
		 dir_names[dir], chain->prog_ids[0]);
	/* Once: two agents that both want to be first would else never rest. */
	if (!iface->moved_head) {
		iface->moved_head = true;
		move_to_head(dp, iface, dir);
	}
	return 1;
}

static int check_tcx(struct zt_dp *dp, struct zt_iface *iface, uint32_t dir)
{
	struct zt_chain chain;
	int place, bad, r;

	r = zt_sys_tcx_query(iface->ifindex, zt_hook_type(dir), &chain);
	if (r == -ENODEV)
		return 0; /* going away: the watch will say so */
	place = r < 0 ? -1 : zt_hook_place(&chain, iface->link_id[dir]);
	if (place < 0) {
		zt_alarm(dp, ZT_ALARM_LINK_LOST, "%s %s: our link was gone", iface->name,
			 dir_names[dir]);
		if (iface->link_fd[dir] >= 0)
			forget_link(dp, iface, dir);
		zt_iface_attach(dp, iface);
		return 1;
	}
	bad = check_pin(dp, iface, dir);
	if (chain.prog_ids[place] != dp->prog_id[dir][iface->l3]) {
		zt_alarm(dp, ZT_ALARM_PROGRAM_CHANGED, "%s %s: program %u was in our link",
			 iface->name, dir_names[dir], chain.prog_ids[place]);
		bpf_link_update(iface->link_fd[dir], zt_dp_wire_prog(dp, dir, iface->l3), NULL);
		bad++;
	}
	return bad + check_head(dp, iface, dir, place, &chain);
}

struct filter_view {
	bool first_is_ours;
	bool found;
	uint32_t count;
	uint32_t prog_id;
	uint32_t ahead;
};

static void on_filter(const struct zt_tc_filter *filter, void *ctx)
{
	struct filter_view *view = ctx;
	bool ours = filter->prio == ZT_CLSACT_PREF && filter->handle == ZT_CLSACT_HANDLE &&
		    !strcmp(filter->kind, "bpf");

	if (view->count++ == 0) {
		view->first_is_ours = ours;
		view->ahead = filter->prog_id;
	}
	if (ours) {
		view->found = true;
		view->prog_id = filter->prog_id;
	}
}

static int check_clsact(struct zt_dp *dp, struct zt_iface *iface, uint32_t dir)
{
	struct filter_view view = {};
	int r = zt_tc_filter_each(iface->ifindex, dir, on_filter, &view);

	if (r == -ENODEV)
		return 0;
	if (!view.found) {
		zt_alarm(dp, ZT_ALARM_LINK_LOST, "%s %s: our filter was gone", iface->name,
			 dir_names[dir]);
		zt_iface_attach(dp, iface);
		return 1;
	}
	if (view.prog_id != dp->prog_id[dir][iface->l3]) {
		zt_alarm(dp, ZT_ALARM_PROGRAM_CHANGED, "%s %s: program %u was in our filter",
			 iface->name, dir_names[dir], view.prog_id);
		zt_hook_clsact(dp, iface, dir);
		return 1;
	}
	iface->at_head[dir] = view.first_is_ours;
	if (view.first_is_ours)
		return 0;
	zt_alarm(dp, ZT_ALARM_NOT_AT_HEAD, "%s %s: another filter (program %u) is ahead of us",
		 iface->name, dir_names[dir], view.ahead);
	return 1;
}

int zt_iface_check(struct zt_dp *dp, struct zt_iface *iface)
{
	int bad = 0;

	for (uint32_t dir = 0; dir < 2; dir++)
		bad += iface->tcx ? check_tcx(dp, iface, dir) : check_clsact(dp, iface, dir);
	return bad;
}
