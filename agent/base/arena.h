/* SPDX-License-Identifier: Apache-2.0 */
/*
 * arena.h - memory that is given out in small pieces and released at once.
 *
 * For trees and tables whose parts live and die together. A failed allocation
 * is remembered, so that a builder may check once at its end.
 */
#pragma once
#include <stddef.h>

struct zt_arena; /* opaque */

/** zt_arena_new - an empty arena. Returns 0 or -ENOMEM. */
int zt_arena_new(struct zt_arena **ret);

/** zt_arena_free - release everything; no-op on NULL; for zt_auto(). */
void zt_arena_free(struct zt_arena **arena);

/**
 * zt_arena_alloc - @size zeroed bytes, aligned for pointers and 64-bit numbers.
 *
 * Returns NULL without memory; zt_arena_error() is -ENOMEM from then on.
 */
void *zt_arena_alloc(struct zt_arena *arena, size_t size);

/** zt_arena_array - @count zeroed elements of @size bytes; NULL also when that overflows. */
void *zt_arena_array(struct zt_arena *arena, size_t count, size_t size);

/** zt_arena_text - a copy of @len bytes with a NUL behind them, or NULL. */
char *zt_arena_text(struct zt_arena *arena, const char *text, size_t len);

/** zt_arena_error - 0, or -ENOMEM once an allocation failed. */
int zt_arena_error(const struct zt_arena *arena);
