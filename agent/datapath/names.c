// SPDX-License-Identifier: Apache-2.0
/*
 * names.c - the rule name registry, kept in the pinned map zt_rules across agents.
 */
#include <errno.h>
#include <string.h>
#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include "base/cleanup.h"
#include "datapath/internal.h"
#include "policy/rules.h"
#include "ztseg.skel.h"

static int load_from(int fd, struct zt_rule_names *names)
{
	char name[ZT_NAME_LEN];
	__u32 key, next;
	bool first = true;
	int r;

	while (bpf_map_get_next_key(fd, first ? NULL : &key, &next) == 0) {
		first = false;
		key = next;
		if (bpf_map_lookup_elem(fd, &key, name) < 0)
			continue;
		name[sizeof(name) - 1] = '\0';
		r = zt_rule_restore(names, key, name);
		/* A row that cannot be is one that was not ours: its number stays without name. */
		if (r < 0 && r != -EINVAL && r != -EEXIST)
			return r;
	}
	return 0;
}

int zt_names_load(struct zt_dp *dp)
{
	zt_auto(zt_close) int old = -1;
	char path[PATH_MAX];
	int r;

	r = zt_rule_names_new(&dp->names);
	if (r < 0)
		return r;
	if (dp->older_pins) {
		r = zt_dp_pin_path(dp, path, sizeof(path), "zt_rules");
		if (r < 0)
			return r;
		old = bpf_obj_get(path);
		dp->names_stored = ZT_RULE_FIRST;
		return old < 0 ? 0 : load_from(old, dp->names);
	}
	r = load_from(bpf_map__fd(dp->skel->maps.zt_rules), dp->names);
	dp->names_stored = zt_rule_end(dp->names);
	return r;
}

int zt_names_store(struct zt_dp *dp)
{
	int fd = bpf_map__fd(dp->skel->maps.zt_rules);
	uint32_t end = zt_rule_end(dp->names);

	for (uint32_t n = dp->names_stored; n < end; n++) {
		const char *id = zt_rule_name(dp->names, n);
		char name[ZT_NAME_LEN] = {};

		if (!id)
			continue;
		strncpy(name, id, sizeof(name) - 1);
		if (bpf_map_update_elem(fd, &n, name, BPF_ANY) < 0)
			return -errno;
	}
	dp->names_stored = end;
	return 0;
}

struct zt_rule_names *zt_dp_rule_names(struct zt_dp *dp)
{
	return dp->names;
}
