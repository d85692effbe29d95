/* SPDX-License-Identifier: Apache-2.0 */
/* strmap.c - byte strings to numbers, by hashing: open addressing, half full at most. */
#include "base/strmap.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <xxhash.h>

#include "base/cleanup.h"
#include "base/vec.h"

struct entry {
	size_t offset; /* of the key in bytes */
	uint32_t len;
	uint32_t hash; /* its lower half, to compare before the bytes are */
};

struct zt_strmap {
	struct entry *entries;
	size_t entry_cap;
	uint32_t count;
	uint32_t *slots; /* number + 1; 0 = free */
	uint32_t mask;
	char *bytes;
	size_t byte_count;
	size_t byte_cap;
};

int zt_strmap_new(struct zt_strmap **ret)
{
	zt_auto(zt_strmap_free) struct zt_strmap *map = calloc(1, sizeof(*map));

	if (!map)
		return -ENOMEM;
	map->mask = 63;
	map->slots = calloc(map->mask + 1, sizeof(*map->slots));
	/* Keys always have bytes to point at, the empty one included. */
	if (!map->slots || zt_vec_grow(&map->bytes, &map->byte_cap, 64, 1) < 0)
		return -ENOMEM;
	*ret = zt_take(map);
	return 0;
}

void zt_strmap_free(struct zt_strmap **map)
{
	if (!*map)
		return;
	free((*map)->entries);
	free((*map)->slots);
	free((*map)->bytes);
	free(*map);
	*map = NULL;
}

/* The slot that holds the key, or the free one where it belongs. */
static uint32_t find_slot(const struct zt_strmap *map, const void *key, size_t len, uint32_t hash)
{
	uint32_t i = hash & map->mask;

	for (; map->slots[i]; i = (i + 1) & map->mask) {
		const struct entry *e = &map->entries[map->slots[i] - 1];

		if (e->hash == hash && e->len == len &&
		    (len == 0 || memcmp(map->bytes + e->offset, key, len) == 0))
			break;
	}
	return i;
}

static int grow_slots(struct zt_strmap *map)
{
	uint32_t mask = map->mask * 2 + 1;
	uint32_t *slots;

	if (map->mask >= UINT32_MAX / 4)
		return -ENOMEM;
	slots = calloc((size_t)mask + 1, sizeof(*slots));
	if (!slots)
		return -ENOMEM;
	for (uint32_t n = 0; n < map->count; n++) {
		uint32_t i = map->entries[n].hash & mask;

		while (slots[i])
			i = (i + 1) & mask;
		slots[i] = n + 1;
	}
	free(map->slots);
	map->slots = slots;
	map->mask = mask;
	return 0;
}

uint32_t zt_strmap_intern(struct zt_strmap *map, const void *key, size_t len, bool *ret_new)
{
	uint32_t hash = (uint32_t)XXH3_64bits(key, len);
	uint32_t i = find_slot(map, key, len, hash);

	if (ret_new)
		*ret_new = !map->slots[i];
	if (map->slots[i])
		return map->slots[i] - 1;
	if (len > UINT32_MAX)
		return ZT_STRMAP_NONE;
	if (map->count >= map->mask / 2) {
		if (grow_slots(map) < 0)
			return ZT_STRMAP_NONE;
		i = find_slot(map, key, len, hash);
	}
	if (zt_vec_grow(&map->entries, &map->entry_cap, map->count + 1, sizeof(*map->entries)) <
		    0 ||
	    zt_vec_grow(&map->bytes, &map->byte_cap, map->byte_count + len, 1) < 0)
		return ZT_STRMAP_NONE;
	map->entries[map->count] = (struct entry){map->byte_count, (uint32_t)len, hash};
	if (len)
		memcpy(map->bytes + map->byte_count, key, len);
	map->byte_count += len;
	map->slots[i] = ++map->count;
	return map->count - 1;
}

uint32_t zt_strmap_find(const struct zt_strmap *map, const void *key, size_t len)
{
	uint32_t i = find_slot(map, key, len, (uint32_t)XXH3_64bits(key, len));

	return map->slots[i] ? map->slots[i] - 1 : ZT_STRMAP_NONE;
}

const void *zt_strmap_key(const struct zt_strmap *map, uint32_t number, size_t *ret_len)
{
	*ret_len = map->entries[number].len;
	return map->bytes + map->entries[number].offset;
}

uint32_t zt_strmap_count(const struct zt_strmap *map)
{
	return map->count;
}
