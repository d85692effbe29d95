/* SPDX-License-Identifier: Apache-2.0 */
/*
 * any_policy.h - policies made at random, as text, and what may stand beside them.
 *
 * Over few addresses and labels, so that everything overlaps. any_seed() makes them repeatable.
 */
#pragma once
#include <stdbool.h>

#include "bpf/abi.h"
#include "policy/overlay.h"

#define ANY_TEXT_MAX 32768
#define ANY_RULES    26
#define ANY_LABELS   20 /* at most; two of every host fit */
#define ANY_HOSTS    7
#define ANY_HOUR_NS  (3600ULL * 1000000000)
#define ANY_WALL_S   1794997820LL /* 2026-11-18 10:30:20 UTC, a Wednesday: policies are of then */

#define ANY_UNITS 3
#define ANY_USERS 2
extern const char *const any_units[ANY_UNITS];
extern const char *const any_users[ANY_USERS];

struct any_text {
	char at[ANY_TEXT_MAX];
	size_t len;
};

/* any_policy - @conditions: with hours, labels and ends. */
void any_policy(struct any_text *text, bool conditions);

struct any_overlay {
	struct zt_overlay is;
	struct zt_overlay_label labels[ANY_LABELS];
	struct zt_overlay_mode modes[8];
	struct zt_overlay_host hosts[ANY_HOSTS];
};

/* any_overlay - labels that run out within a fortnight of @now_ns, promotions, shares. */
void any_overlay(struct any_overlay *o, __u64 now_ns);

/* any_relabel - one label of a host set, changed or unset, at an epoch. Returns the host. */
const char *any_relabel(struct any_overlay *o, __u64 now_ns, __u32 epoch);
