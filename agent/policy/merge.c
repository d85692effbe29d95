/* SPDX-License-Identifier: Apache-2.0 */
/* merge.c - rows added to tables that are in use. */
#include "policy/merge.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static int make_room(void *items, size_t count, size_t more, size_t size, size_t limit)
{
	void *old, *grown;

	if (!more)
		return 0;
	if (count + more > limit)
		return -EAGAIN;
	memcpy(&old, items, sizeof(old));
	grown = realloc(old, (count + more) * size);
	if (!grown)
		return -ENOMEM;
	memcpy(items, &grown, sizeof(grown));
	return 0;
}

#define ROOM(rows, count, more, limit) make_room(&(rows), count, more, sizeof(*(rows)), limit)

int zt_tables_room(struct zt_tables *t, const struct zt_patch *p, const struct zt_limits *limits)
{
	int r = ROOM(t->addrs, t->addr_count, p->addr_count, limits->addrs);

	if (r == 0)
		r = ROOM(t->pairs, t->pair_count, p->pair_count, limits->pairs);
	if (r == 0)
		r = ROOM(t->cell_index, t->cell_index_count, p->cell_index_count,
			 limits->cell_index);
	if (r == 0)
		r = ROOM(t->cells, t->cell_count, p->cell_count, limits->cells);
	if (r == 0)
		r = ROOM(t->qrules, t->qrule_count, p->qrule_count, limits->qrules);
	if (r == 0 && p->step_count)
		r = ROOM(t->steps, p->first_step, p->step_count, limits->steps);
	return r;
}

/*
 * Merges sorted rows, from the end on so that nothing is overwritten before it is
 * moved; a row with a key that is there takes its place.
 */
static size_t merge(char *rows, size_t count, const char *more, size_t more_count, size_t size,
		    size_t key_len)
{
	size_t same = 0, out, i = count, j = more_count;

	for (size_t a = 0, b = 0; a < count && b < more_count;) {
		int r = 0;
		size_t low = a, high = count;

		while (low < high) { /* few rows into many: look for each one's place */
			size_t mid = low + (high - low) / 2;

			if (memcmp(rows + mid * size, more + b * size, key_len) < 0)
				low = mid + 1;
			else
				high = mid;
		}
		a = low;
		r = a < count ? memcmp(rows + a * size, more + b * size, key_len) : 1;
		same += r == 0;
		b++;
	}
	out = count + more_count - same;
	while (j) {
		int r = i ? memcmp(rows + (i - 1) * size, more + (j - 1) * size, key_len) : -1;

		out--;
		if (r > 0) {
			i--;
			memmove(rows + out * size, rows + i * size, size);
			continue;
		}
		i -= r == 0;
		j--;
		memcpy(rows + out * size, more + j * size, size);
	}
	return count + more_count - same;
}

#define ROW_ORDER(name, type)                                                                      \
	static int name(const void *a, const void *b)                                              \
	{                                                                                          \
		return memcmp(a, b, sizeof(((struct type *)0)->key));                              \
	}

ROW_ORDER(by_addr, zt_addr_row)
ROW_ORDER(by_pair, zt_pair_row)
ROW_ORDER(by_cell, zt_cell_row)
ROW_ORDER(by_qrule, zt_qrule_row)

#define MERGE(t, p, part, count, order)                                                            \
	do {                                                                                       \
		if ((p)->count > 1)                                                                \
			qsort((p)->part, (p)->count, sizeof(*(p)->part), order);                   \
		if ((p)->count)                                                                    \
			(t)->count =                                                               \
				merge((char *)(t)->part, (t)->count, (const char *)(p)->part,      \
				      (p)->count, sizeof(*(p)->part), sizeof((p)->part->key));     \
	} while (0)

void zt_tables_merge(struct zt_tables *t, struct zt_patch *p)
{
	MERGE(t, p, addrs, addr_count, by_addr);
	MERGE(t, p, pairs, pair_count, by_pair);
	MERGE(t, p, cell_index, cell_index_count, by_cell);
	MERGE(t, p, qrules, qrule_count, by_qrule);
	if (p->cell_count) {
		memcpy(t->cells + p->first_cell, p->cells, p->cell_count * sizeof(*p->cells));
		t->cell_count = p->first_cell + p->cell_count;
	}
	if (p->step_count) {
		memcpy(t->steps + p->first_step, p->steps, p->step_count * sizeof(*p->steps));
		t->step_count = p->first_step + p->step_count;
	}
}
