/* SPDX-License-Identifier: Apache-2.0 */
/*
 * vec.h - arrays that grow.
 */
#pragma once
#include <errno.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

/**
 * zt_vec_grow - make room for @need elements, doubling.
 * @items: address of the array's pointer; NULL at first; owned by the caller.
 * @cap:   elements there is room for.
 * @size:  of one element [bytes].
 *
 * Returns 0 or -ENOMEM (the array is as before).
 */
static inline int zt_vec_grow(void *items, size_t *cap, size_t need, size_t size)
{
	void *old, *grown;
	size_t n = *cap ?: 8;

	if (need <= *cap)
		return 0;
	while (n < need) {
		if (n > SIZE_MAX / 4 / size)
			return -ENOMEM;
		n *= 2;
	}
	memcpy(&old, items, sizeof(old));
	grown = realloc(old, n * size);
	if (!grown)
		return -ENOMEM;
	memcpy(items, &grown, sizeof(grown));
	*cap = n;
	return 0;
}
