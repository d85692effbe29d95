/* SPDX-License-Identifier: Apache-2.0 */
/* arena.c - memory that is given out in small pieces and released at once. */
#include "base/arena.h"

#include <errno.h>
#include <stdalign.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"

#define CHUNK_BYTES ((size_t)64 << 10)

struct chunk {
	struct chunk *next;
	alignas(max_align_t) char bytes[];
};

struct zt_arena {
	struct chunk *chunks;
	char *free;
	size_t left;
	int error;
};

int zt_arena_new(struct zt_arena **ret)
{
	struct zt_arena *arena = calloc(1, sizeof(*arena));

	if (!arena)
		return -ENOMEM;
	*ret = arena;
	return 0;
}

void zt_arena_free(struct zt_arena **arena)
{
	struct chunk *next;

	if (!*arena)
		return;
	for (struct chunk *c = (*arena)->chunks; c; c = next) {
		next = c->next;
		free(c);
	}
	free(*arena);
	*arena = NULL;
}

static char *add_chunk(struct zt_arena *arena, size_t size)
{
	struct chunk *c = NULL;

	if (size < SIZE_MAX - sizeof(*c))
		c = calloc(1, sizeof(*c) + size);
	if (!c) {
		arena->error = -ENOMEM;
		return NULL;
	}
	c->next = arena->chunks;
	arena->chunks = c;
	return c->bytes;
}

/* Takes size bytes whose start is a multiple of align. */
static void *take(struct zt_arena *arena, size_t size, size_t align)
{
	size_t pad = arena->left ? (size_t)(-(uintptr_t)arena->free) & (align - 1) : 0;
	char *bytes;

	if (size > CHUNK_BYTES / 4)
		return add_chunk(arena, size); /* its own, so that no chunk's rest is wasted */
	if (pad + size > arena->left) {
		bytes = add_chunk(arena, CHUNK_BYTES);
		if (!bytes)
			return NULL;
		arena->free = bytes;
		arena->left = CHUNK_BYTES;
		pad = 0;
	}
	bytes = arena->free + pad;
	arena->free += pad + size;
	arena->left -= pad + size;
	return bytes;
}

void *zt_arena_alloc(struct zt_arena *arena, size_t size)
{
	return take(arena, size ?: 1, sizeof(void *));
}

void *zt_arena_array(struct zt_arena *arena, size_t count, size_t size)
{
	size_t bytes;

	if (__builtin_mul_overflow(count, size, &bytes)) {
		arena->error = -ENOMEM;
		return NULL;
	}
	return zt_arena_alloc(arena, bytes);
}

char *zt_arena_text(struct zt_arena *arena, const char *text, size_t len)
{
	char *copy = take(arena, len + 1, 1);

	if (copy && len)
		memcpy(copy, text, len);
	return copy;
}

int zt_arena_error(const struct zt_arena *arena)
{
	return arena->error;
}
