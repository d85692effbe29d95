/* SPDX-License-Identifier: Apache-2.0 */
/*
 * strmap.h - byte strings to numbers, by hashing.
 *
 * Keys are copied. Numbers given by zt_strmap_intern() count up from 0, so a
 * map is also a way to number distinct things.
 */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct zt_strmap; /* opaque */

#define ZT_STRMAP_NONE UINT32_MAX

/** zt_strmap_new - an empty map. Returns 0 or -ENOMEM. */
int zt_strmap_new(struct zt_strmap **ret);

/** zt_strmap_free - no-op on NULL; for zt_auto(). */
void zt_strmap_free(struct zt_strmap **map);

/**
 * zt_strmap_intern - the number of a key, the next free one if it is new.
 * @key:     @len bytes, any content.
 * @ret_new: whether it was new; may be NULL.
 *
 * Returns the number, or ZT_STRMAP_NONE without memory.
 */
uint32_t zt_strmap_intern(struct zt_strmap *map, const void *key, size_t len, bool *ret_new);

/** zt_strmap_find - the number of a key, or ZT_STRMAP_NONE. */
uint32_t zt_strmap_find(const struct zt_strmap *map, const void *key, size_t len);

/** zt_strmap_key - the key of a number below zt_strmap_count(); valid until the next intern. */
const void *zt_strmap_key(const struct zt_strmap *map, uint32_t number, size_t *ret_len);

/** zt_strmap_count - how many keys there are. */
uint32_t zt_strmap_count(const struct zt_strmap *map);
