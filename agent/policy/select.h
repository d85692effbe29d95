/* SPDX-License-Identifier: Apache-2.0 */
/*
 * select.h - which segments select which hosts, by labels.
 *
 * Private to this room. Hosts with the same labels form a group; selectors are
 * looked at once per group, over the shortest list of groups that has one of
 * their labels, so that the work grows with the answer, not with
 * hosts x segments.
 */
#pragma once
#include <stddef.h>
#include <stdint.h>
#include "policy/policy.h"

/* Numbers of segments, in the order of the policy. */
struct zt_seg_list {
	uint32_t *items;
	size_t count;
	size_t cap;
};

struct zt_selection {
	uint32_t *group_of_host; /* host number -> group */
	size_t *hosts_in_group;
	struct zt_seg_list *segments_of_group;
	size_t group_count;
};

/** zt_selection_make - over a policy's hosts and segments. Returns 0 or -ENOMEM. */
int zt_selection_make(const struct zt_policy *policy, struct zt_selection *ret);

/** zt_selection_free - release what it holds; for zt_auto(). */
void zt_selection_free(struct zt_selection *selection);
