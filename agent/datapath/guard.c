// SPDX-License-Identifier: Apache-2.0
/*
 * guard.c - the periodic self-check: what is ours is as we left it, or is put back and counted.
 */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include "base/cleanup.h"
#include "base/log.h"
#include "base/time.h"
#include "datapath/internal.h"
#include "ztseg.skel.h"

#define DIGEST_EVERY  2	 /* rounds of 2 s */
#define DIGEST_LARGE  15 /* for a policy of more rows than this: reading it back takes CPU */
#define LARGE_ROWS    20000
#define SOCKETS_EVERY 5	 /* same-host connections are brought up to date by walking them */
#define UNITS_EVERY   15 /* socket units: asked of systemd */
#define SLOW_EVERY    5	 /* neighbours: changed by administrators, not by traffic */

static const char *const alarm_names[ZT_ALARM_COUNT] = {
	[ZT_ALARM_LINK_LOST] = "link-lost",
	[ZT_ALARM_NOT_AT_HEAD] = "not-at-head",
	[ZT_ALARM_PROGRAM_CHANGED] = "program-changed",
	[ZT_ALARM_MAP_CHANGED] = "map-changed",
	[ZT_ALARM_ATTACH_FAILED] = "attach-failed",
	[ZT_ALARM_TRANSLATES] = "neighbour-ahead",
	[ZT_ALARM_PIN_LOST] = "pin-lost",
	[ZT_ALARM_REVERTED] = "reverted",
};

/* States that go on until somebody ends them; the others happen, and are put right, each time. */
static bool is_lasting(enum zt_dp_alarm_id id)
{
	return id == ZT_ALARM_NOT_AT_HEAD || id == ZT_ALARM_ATTACH_FAILED ||
	       id == ZT_ALARM_TRANSLATES;
}

void zt_alarm(struct zt_dp *dp, enum zt_dp_alarm_id id, const char *fmt, ...)
{
	struct zt_dp_alarm *alarm = &dp->alarms[id];
	va_list ap;

	/* One that lasts counts when it begins. */
	if (!is_lasting(id) || !(alarm->now || dp->alarm_was[id]))
		alarm->count++;
	alarm->last_ns = zt_now_ns();
	alarm->now = true;
	va_start(ap, fmt);
	vsnprintf(alarm->detail, sizeof(alarm->detail), fmt, ap);
	va_end(ap);
	dp->alarm_raised = true;
}

void zt_alarm_clear(struct zt_dp *dp, enum zt_dp_alarm_id id)
{
	dp->alarms[id].now = false;
}

const struct zt_dp_alarm *zt_dp_alarms(struct zt_dp *dp)
{
	for (int i = 0; i < ZT_ALARM_COUNT; i++)
		dp->alarms[i].name = alarm_names[i];
	return dp->alarms;
}

bool zt_dp_alarm_raised(struct zt_dp *dp)
{
	bool raised = dp->alarm_raised;

	dp->alarm_raised = false;
	return raised;
}

bool zt_dp_outdated(struct zt_dp *dp)
{
	return dp->outdated;
}

static int check_hooks(struct zt_dp *dp)
{
	int bad = zt_cgroup_check(dp);

	/* Also tries again what could not be attached. */
	zt_netwatch_judge(dp);
	for (size_t i = 0; i < dp->iface_count; i++)
		if (dp->ifaces[i].state == ZT_IFACE_GUARDED && dp->ifaces[i].attached_ns)
			bad += zt_iface_check(dp, &dp->ifaces[i]);
	return bad;
}

/* Every map that must outlive us, still pinned and still the one our programs use? */
static int check_map_pins(struct zt_dp *dp)
{
	struct bpf_map *map;
	char path[PATH_MAX];
	int bad = 0;

	bpf_object__for_each_map(map, dp->skel->obj)
	{
		if (!bpf_map__pin_path(map) ||
		    zt_dp_pin_path(dp, path, sizeof(path), bpf_map__name(map)) < 0 ||
		    access(path, F_OK) == 0)
			continue;
		zt_alarm(dp, ZT_ALARM_PIN_LOST, "'%s' was removed", path);
		bpf_obj_pin(bpf_map__fd(map), path);
		bad++;
	}
	return bad;
}

/* The inner maps of the slot in force are those we filled. */
static bool same_inner_maps(struct zt_dp *dp, uint32_t slot)
{
	for (int part = 0; part < ZT_PART_COUNT; part++) {
		uint32_t id = 0;

		if (bpf_map_lookup_elem(zt_slot_outer_fd(dp, part), &slot, &id) < 0 ||
		    id != dp->slots[slot].id[part])
			return false;
	}
	return true;
}

static bool digest_is_due(const struct zt_dp *dp, const struct zt_slot *s)
{
	uint64_t rows = 0;

	for (int part = 0; part < ZT_PART_COUNT; part++)
		rows += part == ZT_PART_PORTS ? 0 : s->used[part];
	return dp->guard_round % (rows > LARGE_ROWS ? DIGEST_LARGE : DIGEST_EVERY) == 0;
}

static int check_policy(struct zt_dp *dp)
{
	uint32_t slot = ZT_WORD_SLOT(zt_commit_word(dp, NULL));
	struct zt_slot *s = &dp->slots[slot];
	uint8_t digest[32];
	bool same;
	int r;

	if (!s->filled || !dp->tables)
		return 0;
	same = same_inner_maps(dp, slot);
	if (same && digest_is_due(dp, s))
		same = zt_slot_digest(dp, slot, digest) == 0 &&
		       !memcmp(digest, s->digest, sizeof(digest));
	if (same) {
		zt_alarm_clear(dp, ZT_ALARM_MAP_CHANGED);
		return 0;
	}
	zt_alarm(dp, ZT_ALARM_MAP_CHANGED, "the policy in slot %u was changed from outside", slot);
	r = zt_commit_restore(dp);
	if (r < 0)
		zt_alarm(
			dp, ZT_ALARM_MAP_CHANGED,
			"the policy in slot %u was changed from outside and cannot be put back: %s",
			slot, strerror(-r));
	return 1;
}

/* Causes that are over; those of this round are raised again by it. */
static void clear_passing(struct zt_dp *dp)
{
	static const enum zt_dp_alarm_id passing[] = {ZT_ALARM_LINK_LOST, ZT_ALARM_NOT_AT_HEAD,
						      ZT_ALARM_PROGRAM_CHANGED, ZT_ALARM_PIN_LOST,
						      ZT_ALARM_ATTACH_FAILED};

	for (size_t i = 0; i < ARRAY_SIZE(passing); i++) {
		dp->alarm_was[passing[i]] = dp->alarms[passing[i]].now;
		zt_alarm_clear(dp, passing[i]);
	}
}

int zt_dp_guard(struct zt_dp *dp)
{
	int bad, r;

	if (dp->detached)
		return 0;
	clear_passing(dp);
	zt_commit_settle(dp);
	bad = check_hooks(dp) + check_map_pins(dp) + check_policy(dp);
	zt_reset_on_time(dp);
	if (dp->guard_round % SLOW_EVERY == 0)
		zt_neighbours_refresh(dp);
	if (zt_surround_refresh(dp) && dp->cfg.on_env)
		dp->cfg.on_env(dp->cfg.ctx);
	if (dp->guard_round % SOCKETS_EVERY == 0) {
		r = zt_dp_refresh_health(dp);
		if (r < 0)
			zt_log(ZT_DEBUG, "walk over TCP sockets: %s", strerror(-r));
	}
	if (dp->guard_round % UNITS_EVERY == UNITS_EVERY - 1)
		zt_sockunits_refresh(dp);
	/* Loaded after we were: its kfuncs could not be linked then. */
	if (!dp->have_ct && !dp->ct_module && zt_sys_have_ct_module())
		dp->outdated = true;
	dp->guard_round++;
	return bad;
}
