/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sets.h - interned sets of numbers: equal sets have one number.
 *
 * Private to this room. Set 0 is the empty set. Unions and differences are
 * remembered, so that a hundred thousand addresses in the same network cost
 * one. A failed allocation is remembered too: results are then the empty set
 * and zt_sets_error() tells.
 */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct zt_sets; /* opaque */

int zt_sets_new(struct zt_sets **ret);
void zt_sets_free(struct zt_sets **sets);
int zt_sets_error(const struct zt_sets *sets);

/** zt_sets_count - how many distinct sets there are. */
uint32_t zt_sets_count(const struct zt_sets *sets);

/** zt_sets_intern - the number of a set; sorts and thins out @items in place. */
uint32_t zt_sets_intern(struct zt_sets *sets, uint32_t *items, size_t count);

/** zt_sets_get - the sorted members; valid until the next set is made. */
const uint32_t *zt_sets_get(const struct zt_sets *sets, uint32_t set, size_t *ret_count);

/** zt_sets_has - whether @item is a member. */
bool zt_sets_has(const struct zt_sets *sets, uint32_t set, uint32_t item);

uint32_t zt_sets_union(struct zt_sets *sets, uint32_t a, uint32_t b);
uint32_t zt_sets_minus(struct zt_sets *sets, uint32_t a, uint32_t b);

/** zt_sets_add - the set with one more member. */
uint32_t zt_sets_add(struct zt_sets *sets, uint32_t set, uint32_t item);

/** zt_sets_filter - the members for which @keep[member] holds. */
uint32_t zt_sets_filter(struct zt_sets *sets, uint32_t set, const bool *keep);

/** zt_sets_below - the members smaller than @limit. */
uint32_t zt_sets_below(struct zt_sets *sets, uint32_t set, uint32_t limit);
