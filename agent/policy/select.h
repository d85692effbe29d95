/* SPDX-License-Identifier: Apache-2.0 */
/*
 * select.h - which segments, and which conditions of rules, select which hosts by labels.
 *
 * Private to this room. Hosts with the same labels form a group; selectors are
 * looked at once per group, over the shortest list of groups that has one of
 * their labels, so that the work grows with the answer, not with
 * hosts x segments.
 */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "policy/policy.h"
#include "policy/timeline.h"

/* Labels that a rule asks of its `from` end: when.labels. */
struct zt_label_cond {
	const struct zt_label *labels; /* sorted by key */
	size_t count;
};

/* Numbers of segments, in the order of the policy; behind them those of the conditions. */
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

/**
 * zt_selection_over - the same with labels as they are and will be.
 * @times: its hosts' phases get their groups; these hosts have group_of_host of now.
 * @conds: the i-th has the number policy->segment_count + i.
 */
int zt_selection_over(const struct zt_policy *policy, struct zt_timeline *times,
		      const struct zt_label_cond *conds, size_t cond_count,
		      struct zt_selection *ret);

/** zt_labels_hold - whether @asked are all among @have; both sorted by key. */
bool zt_labels_hold(const struct zt_label *asked, size_t asked_count, const struct zt_label *have,
		    size_t have_count);

/** zt_selection_free - release what it holds; for zt_auto(). */
void zt_selection_free(struct zt_selection *selection);
