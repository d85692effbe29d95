// SPDX-License-Identifier: Apache-2.0
/*
 * status.c - snapshots for `ztctl status`: state, devices, capacity.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include "base/cleanup.h"
#include "datapath/internal.h"
#include "policy/rules.h"
#include "policy/tables.h"
#include "ztseg.skel.h"

/* What the kernel says it has charged for a map: the "memlock" line of its fdinfo. */
static uint64_t map_bytes(int fd)
{
	char path[64], line[128];
	unsigned long long bytes = 0;
	FILE *f;

	snprintf(path, sizeof(path), "/proc/self/fdinfo/%d", fd);
	f = fopen(path, "re");
	while (f && fgets(line, sizeof(line), f))
		if (sscanf(line, "memlock: %llu", &bytes) == 1)
			break;
	if (f)
		fclose(f);
	return bytes;
}

static uint64_t all_map_bytes(struct zt_dp *dp)
{
	struct bpf_map *map;
	uint64_t sum = 0;

	bpf_object__for_each_map(map, dp->skel->obj) sum += map_bytes(bpf_map__fd(map));
	for (uint32_t s = 0; s < ZT_SLOTS; s++)
		for (int part = 0; part < ZT_PART_COUNT; part++)
			if (dp->slots[s].fd[part] >= 0)
				sum += map_bytes(dp->slots[s].fd[part]);
	return sum;
}

void zt_dp_state(struct zt_dp *dp, struct zt_dp_state *ret)
{
	struct zt_slot_meta meta = {};
	struct zt_slot *slot;
	__u32 zero = 0;

	memset(ret, 0, sizeof(*ret));
	ret->ctl = *dp->ctl;
	ret->word = zt_commit_word(dp, &ret->reverted);
	ret->have_tcx = dp->have_tcx;
	ret->have_ct = dp->have_ct;
	ret->have_destroy = dp->have_destroy;
	ret->taken_over = dp->taken_over;
	ret->owners = dp->ctl->flags & ZT_CTL_OWNERS;
	ret->map_bytes = all_map_bytes(dp);
	ret->pin_dir = dp->pin_dir;
	ret->cgroup = dp->cgroup;
	slot = &dp->slots[ZT_WORD_SLOT(ret->word) % ZT_SLOTS];
	if (slot->fd[ZT_PART_META] >= 0 &&
	    bpf_map_lookup_elem(slot->fd[ZT_PART_META], &zero, &meta) == 0) {
		ret->policy_rows = meta.rules;
		memcpy(ret->digest, meta.digest, sizeof(ret->digest));
	}
}

const struct zt_dp_iface *zt_dp_ifaces(struct zt_dp *dp, size_t *ret_count)
{
	size_t n = dp->iface_count ? dp->iface_count : 1;
	struct zt_dp_iface *view = calloc(n, sizeof(*view));

	*ret_count = 0;
	if (!view)
		return NULL;
	for (size_t i = 0; i < dp->iface_count; i++) {
		const struct zt_iface *iface = &dp->ifaces[i];
		struct zt_dp_iface *v = &view[i];

		v->ifindex = iface->ifindex;
		memcpy(v->name, iface->name, sizeof(v->name));
		v->state = iface->state;
		v->hook = !iface->attached_ns ? NULL : iface->tcx ? "tcx" : "clsact";
		v->l3 = iface->l3;
		v->at_head[0] = iface->at_head[0];
		v->at_head[1] = iface->at_head[1];
		v->attached_ns = iface->attached_ns;
		v->attach_took_ns = iface->attach_took_ns;
		v->unjudged = iface->unjudged;
		v->error = iface->error;
	}
	free(dp->iface_view);
	dp->iface_view = view;
	*ret_count = dp->iface_count;
	return view;
}

/* --- capacity ------------------------------------------------------------------------------ */

static uint64_t count_keys(int fd)
{
	char key[sizeof(struct zt_owner)], next[sizeof(key)];
	uint64_t n = 0;

	while (bpf_map_get_next_key(fd, n ? key : NULL, next) == 0) {
		memcpy(key, next, sizeof(key));
		n++;
	}
	return n;
}

static uint64_t present(const struct zt_count *c, enum zt_counter in, enum zt_counter out,
			uint64_t size)
{
	uint64_t n = c[in].packets > c[out].packets ? c[in].packets - c[out].packets : 0;

	return n < size ? n : size;
}

static uint64_t owners_used(struct zt_dp *dp)
{
	__u64 next = 1;
	__u32 zero = 0;

	bpf_map_lookup_elem(bpf_map__fd(dp->skel->maps.zt_owner_next), &zero, &next);
	return next ? next - 1 : 0;
}

const struct zt_dp_capacity *zt_dp_capacity(struct zt_dp *dp, size_t *ret_count)
{
	static const char *const part_names[ZT_PART_COUNT] = {
		[ZT_PART_ADDRS] = "addresses",	     [ZT_PART_NETS] = "networks",
		[ZT_PART_PAIRS] = "pairs",	     [ZT_PART_CELLIX] = "port_cells",
		[ZT_PART_CELLS] = "cells",	     [ZT_PART_QUALS] = "workload_names",
		[ZT_PART_QRULES] = "workload_rules", [ZT_PART_STEPS] = "label_steps",
		[ZT_PART_WINDOWS] = "hour_windows",
	};
	const size_t limits[ZT_PART_COUNT] = {
		zt_limits_default.addrs,
		zt_limits_default.nets,
		zt_limits_default.pairs,
		0,
		zt_limits_default.cell_index,
		zt_limits_default.cells,
		zt_limits_default.qual_rows,
		zt_limits_default.qrules,
		zt_limits_default.steps,
		ZT_WINDOWS_MAX,
		0,
	};
	struct zt_slot *slot = &dp->slots[ZT_WORD_SLOT(zt_commit_word(dp, NULL)) % ZT_SLOTS];
	struct zt_dp_capacity *row = calloc(ZT_PART_COUNT + 8, sizeof(*row));
	uint64_t flows = bpf_map__max_entries(dp->skel->maps.zt_flows);
	uint64_t openings = bpf_map__max_entries(dp->skel->maps.zt_openings);
	struct zt_count c[ZT_C_COUNT] = {};
	size_t n = 0;

	*ret_count = 0;
	if (!row)
		return NULL;
	zt_dp_counters(dp, c);
	row[n++] = (struct zt_dp_capacity){
		"flows", present(c, ZT_C_FLOW_INSERTED, ZT_C_FLOW_DELETED, flows), flows};
	row[n++] = (struct zt_dp_capacity){
		"openings", present(c, ZT_C_OPENING_INSERTED, ZT_C_OPENING_DELETED, openings),
		openings};
	row[n++] = (struct zt_dp_capacity){"owners", owners_used(dp), ZT_OWNERS_MAX};
	row[n++] = (struct zt_dp_capacity){"local_addresses", dp->env_local_count,
					   bpf_map__max_entries(dp->skel->maps.zt_locals)};
	row[n++] = (struct zt_dp_capacity){
		"interfaces", count_keys(bpf_map__fd(dp->skel->maps.zt_ifaces)), ZT_IFACES_MAX};
	row[n++] = (struct zt_dp_capacity){"rule_names", zt_rule_end(dp->names) - ZT_RULE_FIRST,
					   ZT_RULES_MAX - ZT_RULE_FIRST};
	for (int part = 0; part < ZT_PART_COUNT; part++)
		if (part_names[part])
			row[n++] = (struct zt_dp_capacity){part_names[part], slot->used[part],
							   limits[part]};
	free(dp->capacity);
	dp->capacity = row;
	*ret_count = n;
	return row;
}
