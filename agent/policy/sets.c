/* SPDX-License-Identifier: Apache-2.0 */
/* sets.c - interned sets of numbers. */
#include "policy/sets.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/strmap.h"
#include "base/vec.h"

enum op {
	OP_UNION,
	OP_MINUS
};

struct zt_sets {
	struct zt_strmap *sets; /* sorted members as bytes -> number */
	struct zt_strmap *ops;	/* {op, a, b} -> index of its result */
	uint32_t *results;
	size_t result_cap;
	uint32_t *scratch;
	size_t scratch_cap;
	int error;
};

int zt_sets_new(struct zt_sets **ret)
{
	zt_auto(zt_sets_free) struct zt_sets *sets = calloc(1, sizeof(*sets));

	if (!sets)
		return -ENOMEM;
	if (zt_strmap_new(&sets->sets) < 0 || zt_strmap_new(&sets->ops) < 0 ||
	    zt_strmap_intern(sets->sets, "", 0, NULL) != 0)
		return -ENOMEM;
	*ret = zt_take(sets);
	return 0;
}

void zt_sets_free(struct zt_sets **sets)
{
	if (!*sets)
		return;
	zt_strmap_free(&(*sets)->sets);
	zt_strmap_free(&(*sets)->ops);
	free((*sets)->results);
	free((*sets)->scratch);
	free(*sets);
	*sets = NULL;
}

int zt_sets_error(const struct zt_sets *sets)
{
	return sets->error;
}

uint32_t zt_sets_count(const struct zt_sets *sets)
{
	return zt_strmap_count(sets->sets);
}

static int by_number(const void *a, const void *b)
{
	uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

	return x < y ? -1 : x > y;
}

/* Members are sorted and distinct already. */
static uint32_t intern_sorted(struct zt_sets *sets, const uint32_t *items, size_t count)
{
	uint32_t n = zt_strmap_intern(sets->sets, items, count * sizeof(*items), NULL);

	if (n != ZT_STRMAP_NONE)
		return n;
	sets->error = -ENOMEM;
	return 0;
}

uint32_t zt_sets_intern(struct zt_sets *sets, uint32_t *items, size_t count)
{
	size_t n = 0;

	if (count > 1)
		qsort(items, count, sizeof(*items), by_number);
	for (size_t i = 0; i < count; i++)
		if (n == 0 || items[n - 1] != items[i])
			items[n++] = items[i];
	return intern_sorted(sets, items, n);
}

const uint32_t *zt_sets_get(const struct zt_sets *sets, uint32_t set, size_t *ret_count)
{
	/* All keys are whole numbers, so each starts where a number may. */
	const void *items = zt_strmap_key(sets->sets, set, ret_count);

	*ret_count /= sizeof(uint32_t);
	return items;
}

bool zt_sets_has(const struct zt_sets *sets, uint32_t set, uint32_t item)
{
	size_t count;
	const uint32_t *items = zt_sets_get(sets, set, &count);

	return count && bsearch(&item, items, count, sizeof(item), by_number);
}

static uint32_t *scratch(struct zt_sets *sets, size_t count)
{
	if (zt_vec_grow(&sets->scratch, &sets->scratch_cap, count + 1, sizeof(*sets->scratch)) == 0)
		return sets->scratch;
	sets->error = -ENOMEM;
	return NULL;
}

static uint32_t merge(struct zt_sets *sets, enum op op, uint32_t a, uint32_t b)
{
	size_t na, nb, i = 0, j = 0, n = 0;
	const uint32_t *left = zt_sets_get(sets, a, &na), *right = zt_sets_get(sets, b, &nb);
	uint32_t *out = scratch(sets, na + nb);

	if (!out)
		return 0;
	while (i < na || j < nb) {
		if (j == nb || (i < na && left[i] < right[j])) {
			out[n++] = left[i++];
		} else if (i == na || right[j] < left[i]) {
			if (op == OP_UNION)
				out[n++] = right[j];
			j++;
		} else {
			if (op == OP_UNION)
				out[n++] = left[i];
			i++;
			j++;
		}
	}
	return intern_sorted(sets, out, n);
}

static uint32_t operate(struct zt_sets *sets, enum op op, uint32_t a, uint32_t b)
{
	uint32_t key[3] = {op, a, b}, n, result;
	bool is_new;

	n = zt_strmap_intern(sets->ops, key, sizeof(key), &is_new);
	if (n != ZT_STRMAP_NONE && !is_new)
		return sets->results[n];
	result = merge(sets, op, a, b);
	if (n == ZT_STRMAP_NONE ||
	    zt_vec_grow(&sets->results, &sets->result_cap, n + 1, sizeof(*sets->results)) < 0) {
		sets->error = -ENOMEM;
		return 0;
	}
	sets->results[n] = result;
	return result;
}

uint32_t zt_sets_union(struct zt_sets *sets, uint32_t a, uint32_t b)
{
	if (a == b || !b)
		return a;
	return a ? operate(sets, OP_UNION, a, b) : b;
}

uint32_t zt_sets_minus(struct zt_sets *sets, uint32_t a, uint32_t b)
{
	if (!a || a == b)
		return 0;
	return b ? operate(sets, OP_MINUS, a, b) : a;
}

uint32_t zt_sets_add(struct zt_sets *sets, uint32_t set, uint32_t item)
{
	return zt_sets_union(sets, set, intern_sorted(sets, &item, 1));
}

uint32_t zt_sets_filter(struct zt_sets *sets, uint32_t set, const bool *keep)
{
	size_t count, n = 0;
	const uint32_t *items = zt_sets_get(sets, set, &count);
	uint32_t *out = scratch(sets, count);

	for (size_t i = 0; out && i < count; i++)
		if (keep[items[i]])
			out[n++] = items[i];
	return out ? intern_sorted(sets, out, n) : 0;
}

uint32_t zt_sets_below(struct zt_sets *sets, uint32_t set, uint32_t limit)
{
	size_t count, n = 0;
	const uint32_t *items = zt_sets_get(sets, set, &count);
	uint32_t *out = scratch(sets, count);

	for (; out && n < count && items[n] < limit; n++)
		out[n] = items[n];
	return out ? intern_sorted(sets, out, n) : 0;
}
