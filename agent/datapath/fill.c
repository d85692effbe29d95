// SPDX-License-Identifier: Apache-2.0
/*
 * fill.c - a slot brought to given rows, by difference, and its digest taken from what is there.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include "base/cleanup.h"
#include "datapath/slot.h"

#define BATCH 2048

/* Keys (and values) on their way into a map. */
struct batch {
	const struct zt_part_type *type;
	int fd;
	bool deletes;
	__u32 count;
	char *keys;
	char *values;
};

static int flush(struct batch *b)
{
	LIBBPF_OPTS(bpf_map_batch_opts, opts);
	__u32 count = b->count;
	int r;

	b->count = 0;
	if (!count)
		return 0;
	if (b->deletes)
		r = bpf_map_delete_batch(b->fd, b->keys, &count, &opts);
	else
		r = bpf_map_update_batch(b->fd, b->keys, b->values, &count, &opts);
	return r < 0 ? -errno : 0;
}

static int push(struct batch *b, const void *key, const void *value)
{
	memcpy(b->keys + b->count * b->type->key_size, key, b->type->key_size);
	if (!b->deletes)
		memcpy(b->values + b->count * b->type->value_size, value, b->type->value_size);
	return ++b->count == BATCH ? flush(b) : 0;
}

static int open_batch(struct batch *b, const struct zt_part_type *type, int fd, bool deletes)
{
	b->type = type;
	b->fd = fd;
	b->deletes = deletes;
	b->keys = malloc(BATCH * type->key_size);
	b->values = malloc(BATCH * type->value_size);
	return b->keys && b->values ? 0 : -ENOMEM;
}

static void close_batch(struct batch *b)
{
	free(b->keys);
	free(b->values);
}

static int by_key(const void *a, const void *b, void *ctx)
{
	const struct zt_part_type *type = ctx;

	return memcmp(a, b, type->key_size);
}

/* Two sorted lists walked side by side. */
static int apply(const struct zt_part_type *type, const char *have, size_t have_count,
		 const char *want, size_t want_count, struct batch *del, struct batch *put)
{
	size_t h = 0, w = 0;
	int r = 0, c;

	while (r == 0 && (h < have_count || w < want_count)) {
		const char *old = have + h * type->stride, *new = want + w * type->stride;

		c = h == have_count ? 1 : w == want_count ? -1 : memcmp(old, new, type->key_size);
		if (c < 0) {
			r = push(del, old, NULL);
			h++;
			continue;
		}
		if (c > 0 || memcmp(old + type->value_at, new + type->value_at, type->value_size))
			r = push(put, new, new + type->value_at);
		w++;
		h += c == 0;
	}
	/* Deletes first: the map may be full to the brim. */
	if (r == 0)
		r = flush(del);
	return r == 0 ? flush(put) : r;
}

static int fill_rows(int fd, enum zt_part part, const struct zt_rows *want)
{
	const struct zt_part_type *type = zt_part_type(part);
	zt_auto(zt_freep) void *have = NULL;
	struct batch del = {}, put = {};
	size_t count;
	int r;

	r = zt_part_read(fd, part, 0, &have, &count);
	if (r < 0)
		return r;
	if (count)
		qsort_r(have, count, type->stride, by_key, (void *)(uintptr_t)type);
	r = open_batch(&del, type, fd, true);
	if (r == 0)
		r = open_batch(&put, type, fd, false);
	if (r == 0)
		r = apply(type, have, count, want->base, want->count, &del, &put);
	close_batch(&del);
	close_batch(&put);
	return r;
}

static int fill_array(int fd, enum zt_part part, const struct zt_rows *want)
{
	const struct zt_part_type *type = zt_part_type(part);
	zt_auto(zt_freep) void *have = NULL;
	struct batch put = {};
	size_t count;
	int r;

	r = zt_part_read(fd, part, want->count, &have, &count);
	if (r == 0)
		r = open_batch(&put, type, fd, false);
	for (__u32 i = 0; i < want->count && r == 0; i++) {
		const char *new = (const char *)want->base + i * type->stride;

		if (memcmp((const char *)have + i * type->stride, new, type->stride))
			r = push(&put, &i, new);
	}
	if (r == 0)
		r = flush(&put);
	close_batch(&put);
	return r;
}

int zt_slot_fill(struct zt_dp *dp, uint32_t slot, const struct zt_tables *tables,
		 struct zt_commit_result *res)
{
	struct zt_slot *s = &dp->slots[slot];
	int r;

	s->filled = false;
	r = zt_slot_make_room(dp, slot, tables, &res->maps_made);
	for (int part = 0; part < ZT_PART_COUNT && r == 0; part++) {
		struct zt_rows want = zt_tables_part(tables, part);

		r = zt_part_type(part)->array ? fill_array(s->fd[part], part, &want)
					      : fill_rows(s->fd[part], part, &want);
		s->used[part] = (uint32_t)want.count;
	}
	return r;
}

/* Borrows: the caller frees what it read. */
static void put_part(struct zt_tables *t, enum zt_part part, void *rows, size_t count)
{
	switch (part) {
	case ZT_PART_ADDRS:
		t->addrs = rows;
		t->addr_count = count;
		break;
	case ZT_PART_NETS:
		t->nets = rows;
		t->net_count = count;
		break;
	case ZT_PART_PAIRS:
		t->pairs = rows;
		t->pair_count = count;
		break;
	case ZT_PART_PORTS:
		t->ports = rows;
		break;
	case ZT_PART_CELLIX:
		t->cell_index = rows;
		t->cell_index_count = count;
		break;
	case ZT_PART_CELLS:
		t->cells = rows;
		t->cell_count = count;
		break;
	case ZT_PART_QUALS:
		t->quals = rows;
		t->qual_count = count;
		break;
	case ZT_PART_QRULES:
		t->qrules = rows;
		t->qrule_count = count;
		break;
	case ZT_PART_STEPS:
		t->steps = rows;
		t->step_count = count;
		break;
	case ZT_PART_WINDOWS:
		t->windows = rows;
		t->window_count = count;
		break;
	case ZT_PART_META:
		t->meta = *(struct zt_slot_meta *)rows;
		break;
	case ZT_PART_COUNT:
		break;
	}
}

/* Of what the kernel holds, not of what we wrote. */
int zt_slot_digest(struct zt_dp *dp, uint32_t slot, uint8_t ret[32])
{
	struct zt_slot *s = &dp->slots[slot];
	void *rows[ZT_PART_COUNT] = {};
	struct zt_tables t = {};
	size_t count;
	int r = 0;

	for (int part = 0; part < ZT_PART_COUNT && r == 0; part++) {
		if (s->fd[part] < 0)
			r = -ENOENT;
		else
			r = zt_part_read(s->fd[part], part, s->used[part], &rows[part], &count);
		if (r == 0)
			put_part(&t, part, rows[part], count);
	}
	if (r == 0) {
		zt_tables_sort(&t);
		r = zt_tables_digest(&t, ret);
	}
	for (int part = 0; part < ZT_PART_COUNT; part++)
		free(rows[part]);
	return r;
}
