// SPDX-License-Identifier: Apache-2.0
/*
 * upgrade.c - pins of an older version: ours are in charge by now, so theirs can go.
 *
 * The older programs judged by the older maps until each link was exchanged.
 * Flows of version 2 begin as ours do and end earlier: what they lack is zero. Those of
 * any other layout are judged again at their next packet, as after an eviction.
 */
#include <errno.h>
#include <string.h>
#include <unistd.h>
#include <linux/bpf.h>
#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include "base/cleanup.h"
#include "datapath/internal.h"
#include "ztseg.skel.h"

/* Entries whose beginning is that of ours; the rest of ours is then zero. */
static bool is_known_layout(const struct bpf_map_info *info)
{
	return info->key_size == sizeof(struct zt_flow_key) &&
	       (info->value_size == sizeof(struct zt_flow) || info->value_size == ZT_FLOW_V2_SIZE);
}

/* Verdicts are of another epoch here: the copies are judged anew, their counts go on. */
static void copy_flows(struct zt_dp *dp, const struct bpf_map *map)
{
	struct bpf_map_info info = {};
	zt_auto(zt_close) int old = -1;
	struct zt_flow_key key, next;
	__u32 len = sizeof(info);
	struct zt_flow flow = {}; /* a shorter value leaves the end as it is */
	char path[PATH_MAX];
	bool first = true;

	if (zt_dp_pin_path(dp, path, sizeof(path), bpf_map__name(map)) < 0)
		return;
	old = bpf_obj_get(path);
	if (old < 0 || bpf_obj_get_info_by_fd(old, &info, &len) < 0 || !is_known_layout(&info))
		return;
	while (bpf_map_get_next_key(old, first ? NULL : &key, &next) == 0) {
		first = false;
		key = next;
		if (bpf_map_lookup_elem(old, &key, &flow) < 0)
			continue;
		flow.state_word = 0;
		flow.owner = flow.far_owner = 0; /* numbers of another table */
		bpf_map_update_elem(bpf_map__fd(map), &key, &flow, BPF_NOEXIST);
	}
}

/* Whether the older version had a policy: its statements' names are among the pins. */
static bool had_policy(struct zt_dp *dp)
{
	const char *name = bpf_map__name(dp->skel->maps.zt_rules);
	zt_auto(zt_close) int fd = -1;
	char path[PATH_MAX];
	__u32 number;

	if (zt_dp_pin_path(dp, path, sizeof(path), name) < 0)
		return true;
	fd = bpf_obj_get(path);
	return fd < 0 || bpf_map_get_next_key(fd, NULL, &number) == 0;
}

int zt_upgrade_check(struct zt_dp *dp, char *err)
{
	if (!dp->older_pins || dp->tables || !had_policy(dp))
		return 0;
	return zt_dp_err(err, -ENODATA,
			 "the pins at '%s' are of an older ztagent and go on enforcing its policy: "
			 "there is none that could be put in force instead, repair the policy file",
			 dp->pin_dir);
}

void zt_upgrade_inherit(struct zt_dp *dp)
{
	struct zt_ctl old;

	if (!dp->older_pins || zt_pins_read_ctl(dp->pin_dir, &old) < 0)
		return;
	dp->ctl->observe_until_ns = old.observe_until_ns;
	/* Epochs go on rising: labels remember the one that they changed at. */
	dp->ctl->prev_word = ZT_WORD(ZT_WORD_EPOCH(old.word), 0);
}

int zt_upgrade_finish(struct zt_dp *dp, char *err)
{
	struct bpf_map *map;
	char path[PATH_MAX];

	copy_flows(dp, dp->skel->maps.zt_flows);
	copy_flows(dp, dp->skel->maps.zt_openings);
	bpf_object__for_each_map(map, dp->skel->obj)
	{
		if (bpf_map__is_internal(map) || !strcmp(bpf_map__name(map), "zt_scratch"))
			continue;
		if (zt_dp_pin_path(dp, path, sizeof(path), bpf_map__name(map)) < 0)
			return zt_dp_err(err, -ENAMETOOLONG,
					 "the pin directory's name is too long");
		unlink(path);
		if (bpf_map__pin(map, path) < 0)
			return zt_dp_err(err, -errno, "cannot pin '%s': %s", path, strerror(errno));
	}
	dp->older_pins = false;
	return 0;
}
