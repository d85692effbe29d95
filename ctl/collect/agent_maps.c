// SPDX-License-Identifier: Apache-2.0
/*
 * agent_maps.c - the rows of the slot in force, read through the pins and hashed here.
 *
 * The agent reads the same maps before it puts them in force (agent/datapath/slot.c); this is a
 * second reader, so that its word is not the only one. Never writes.
 */
#include <bpf/bpf.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/cleanup.h"
#include "base/pins.h"
#include "base/time.h"
#include "ctl/collect/agent.h"
#include "policy/tables.h"

#define BATCH	  2048
#define TRIES	  3
#define PAUSE_NS  30000000
#define TAIL_MAX  32	    /* elements at an array's end that nothing refers to */
#define SEARCH_NS 200000000 /* the longest that is looked for them */
#define ROWS_MAX  (8u << 20)

enum part {
	ADDRS,
	NETS,
	PAIRS,
	PORTS,
	CELLIX,
	CELLS,
	QUALS,
	QRULES,
	STEPS,
	WINDOWS,
	META,
	PART_COUNT,
};

/* Row structs hold key and value side by side; of arrays there is the value alone. */
static const struct shape {
	const char *pin;
	size_t key, value, value_at, stride; /* key 0: an array */
} shapes[PART_COUNT] = {
#define ROW(name, row, k, v)                                                                       \
	{                                                                                          \
		"zt_s_" name, sizeof(((row *)0)->k), sizeof(((row *)0)->v), offsetof(row, v),      \
			sizeof(row)                                                                \
	}
#define CELL(name, row)                                                                            \
	{                                                                                          \
		"zt_s_" name, 0, sizeof(row), 0, sizeof(row)                                       \
	}
	[ADDRS] = ROW("addrs", struct zt_addr_row, key, value),
	[NETS] = ROW("nets", struct zt_net_row, key, value),
	[PAIRS] = ROW("pairs", struct zt_pair_row, key, port_set),
	[PORTS] = CELL("ports", struct zt_port_block),
	[CELLIX] = ROW("cellix", struct zt_cell_row, key, cell),
	[CELLS] = CELL("cells", struct zt_cell),
	[QUALS] = ROW("quals", struct zt_qual_row, key, mask),
	[QRULES] = ROW("qrules", struct zt_qrule_row, key, value),
	[STEPS] = CELL("steps", struct zt_step),
	[WINDOWS] = CELL("windows", struct zt_window),
	[META] = CELL("meta", struct zt_slot_meta),
};

struct rows {
	void *row;
	size_t count;
};

int ztc_pin_open(const char *pin_dir, const char *name)
{
	char path[PATH_MAX];
	int fd;

	if ((size_t)snprintf(path, sizeof(path), "%s/%s", pin_dir, name) >= sizeof(path))
		return -ENAMETOOLONG;
	fd = bpf_obj_get(path);
	return fd < 0 ? -errno : fd;
}

static int open_part(const char *pin_dir, enum part part, uint32_t slot, uint32_t *ret_size)
{
	zt_auto(zt_close) int outer = ztc_pin_open(pin_dir, shapes[part].pin);
	zt_auto(zt_close) int fd = -1;
	struct bpf_map_info info = {0};
	__u32 id = 0, len = sizeof(info);

	if (outer < 0)
		return outer;
	if (bpf_map_lookup_elem(outer, &slot, &id) < 0)
		return -errno;
	fd = bpf_map_get_fd_by_id(id);
	if (fd < 0)
		return -errno;
	if (bpf_obj_get_info_by_fd(fd, &info, &len) < 0)
		return -errno;
	/* Of another version: its rows would be read as something else. */
	if (info.value_size != shapes[part].value ||
	    info.key_size != (shapes[part].key ?: sizeof(__u32)))
		return -EPROTO;
	*ret_size = info.max_entries;
	return zt_take_fd(fd);
}

static int read_array(int fd, const struct shape *shape, size_t count, struct rows *ret)
{
	LIBBPF_OPTS(bpf_map_batch_opts, opts);
	zt_auto(zt_freep) char *rows = calloc(count + 1, shape->stride);
	zt_auto(zt_freep) __u32 *keys = calloc(count + 1, sizeof(*keys));
	__u32 token = 0, done = 0;

	if (!rows || !keys)
		return -ENOMEM;
	while (done < count) {
		__u32 got = (__u32)(count - done);
		int r = bpf_map_lookup_batch(fd, done ? &token : NULL, &token, keys,
					     rows + done * shape->stride, &got, &opts);

		if ((r < 0 && done + got < count) || !got)
			return r < 0 ? -errno : -EIO;
		done += got;
	}
	ret->row = zt_take(rows);
	ret->count = count;
	return 0;
}

struct reader {
	const struct shape *shape;
	char *rows, *keys, *values;
	size_t count, cap, batch;
};

static void free_reader(struct reader *rd)
{
	free(rd->rows);
	free(rd->keys);
	free(rd->values);
}

static int grow_batch(struct reader *rd, size_t batch)
{
	free(rd->keys);
	free(rd->values);
	rd->keys = malloc(batch * rd->shape->key);
	rd->values = malloc(batch * rd->shape->value);
	rd->batch = batch;
	return rd->keys && rd->values ? 0 : -ENOMEM;
}

static int keep(struct reader *rd, size_t got)
{
	const struct shape *shape = rd->shape;

	if (rd->count + got > rd->cap) {
		size_t cap = (rd->count + got) * 2;
		char *grown = reallocarray(rd->rows, cap, shape->stride);

		if (!grown)
			return -ENOMEM;
		rd->rows = grown;
		rd->cap = cap;
	}
	for (size_t i = 0; i < got; i++) {
		char *row = rd->rows + (rd->count + i) * shape->stride;

		memset(row, 0, shape->stride);
		memcpy(row, rd->keys + i * shape->key, shape->key);
		memcpy(row + shape->value_at, rd->values + i * shape->value, shape->value);
	}
	rd->count += got;
	return rd->count > ROWS_MAX ? -EFBIG : 0;
}

static int read_hash(int fd, struct reader *rd)
{
	LIBBPF_OPTS(bpf_map_batch_opts, opts);
	/* As long as a key at most: tries hand out a key as their token. */
	char token[sizeof(struct zt_qual_key)], next[sizeof(token)];
	bool started = false;
	int r = grow_batch(rd, BATCH);

	while (r == 0) {
		__u32 got = (__u32)rd->batch;
		int e = bpf_map_lookup_batch(fd, started ? token : NULL, next, rd->keys, rd->values,
					     &got, &opts) < 0
				? errno
				: 0;

		if (e == ENOSPC) {
			r = grow_batch(rd, rd->batch * 2);
			continue;
		}
		if (e && e != ENOENT)
			return -e;
		r = keep(rd, got);
		if (e == ENOENT)
			break;
		memcpy(token, next, sizeof(token));
		started = true;
	}
	return r;
}

static int read_part(int fd, enum part part, size_t array_rows, struct rows *ret)
{
	zt_auto(free_reader) struct reader rd = {.shape = &shapes[part]};
	int r;

	if (!shapes[part].key)
		return read_array(fd, &shapes[part], array_rows, ret);
	r = read_hash(fd, &rd);
	if (r < 0)
		return r;
	ret->count = rd.count;
	ret->row = rd.rows ? zt_take(rd.rows) : calloc(1, shapes[part].stride);
	return ret->row ? 0 : -ENOMEM;
}

/* --- the arrays' lengths ------------------------------------------------------------------------
 */

static size_t cells_used(const struct rows *cellix)
{
	const struct zt_cell_row *rows = cellix->row;
	size_t used = 1;

	for (size_t i = 0; i < cellix->count; i++)
		used = rows[i].cell + 1u > used ? rows[i].cell + 1u : used;
	return used;
}

static size_t max_step(size_t used, const struct zt_identity *id)
{
	return id->step && id->step + 1u > used ? id->step + 1u : used;
}

/* Chains run on in the array itself, which is read as far as it goes. */
static size_t steps_used(const struct rows *parts, const struct rows *all)
{
	const struct zt_addr_row *addrs = parts[ADDRS].row;
	const struct zt_net_row *nets = parts[NETS].row;
	const struct zt_step *steps = all->row;
	size_t used = 0;

	for (size_t i = 0; i < parts[ADDRS].count; i++)
		used = max_step(used, &addrs[i].value);
	for (size_t i = 0; i < parts[NETS].count; i++)
		used = max_step(used, &nets[i].value);
	for (size_t i = 1; i < used && i < all->count; i++)
		if (steps[i].next + 1u > used)
			used = steps[i].next + 1u;
	return used;
}

/* One past the last element that is not all zero: what was never written is. */
static size_t written(const struct rows *rows, size_t stride)
{
	const char *base = rows->row;
	size_t used = rows->count;

	while (used && base[(used - 1) * stride] == 0 &&
	       !memcmp(base + (used - 1) * stride, base + (used - 1) * stride + 1, stride - 1))
		used--;
	return used;
}

/* --- all of it
 * ---------------------------------------------------------------------------------------
 */

/* Arrays of cells and steps to their very end: how much of them counts is found out after. */
static int read_all(const char *pin_dir, uint32_t slot, struct rows parts[PART_COUNT])
{
	for (int i = 0; i < PART_COUNT; i++) {
		const struct zt_slot_meta *meta;
		zt_auto(zt_close) int fd = -1;
		uint32_t size = 0;
		int r;

		fd = open_part(pin_dir, i, slot, &size);
		if (fd < 0)
			return fd;
		r = read_part(fd, i, size, &parts[i]);
		if (r < 0)
			return r;
		meta = parts[META].row;
		if (i == PORTS)
			parts[PORTS].count = ZT_PORT_BLOCKS;
		if (i == META && meta->window_count <= parts[WINDOWS].count)
			parts[WINDOWS].count = meta->window_count;
	}
	return 0;
}

static void tables_of(const struct rows parts[PART_COUNT], struct zt_tables *ret)
{
	*ret = (struct zt_tables){
		.addrs = parts[ADDRS].row,
		.addr_count = parts[ADDRS].count,
		.nets = parts[NETS].row,
		.net_count = parts[NETS].count,
		.pairs = parts[PAIRS].row,
		.pair_count = parts[PAIRS].count,
		.ports = parts[PORTS].row,
		.cell_index = parts[CELLIX].row,
		.cell_index_count = parts[CELLIX].count,
		.cells = parts[CELLS].row,
		.cell_count = parts[CELLS].count,
		.quals = parts[QUALS].row,
		.qual_count = parts[QUALS].count,
		.qrules = parts[QRULES].row,
		.qrule_count = parts[QRULES].count,
		.steps = parts[STEPS].row,
		.step_count = parts[STEPS].count,
		.windows = parts[WINDOWS].row,
		.window_count = parts[WINDOWS].count,
		.meta = *(const struct zt_slot_meta *)parts[META].row,
	};
}

struct lengths {
	const struct rows *parts;
	struct zt_tables *tables;
	struct ztc_rows *ret;
	uint64_t until_ns;
	int error;
};

/* Whether the rows are the committed ones if so many elements of these arrays count. */
static bool fits(struct lengths *l, size_t cells, size_t steps)
{
	struct zt_tables *t = l->tables;

	if (!cells || cells > l->parts[CELLS].count || steps > l->parts[STEPS].count || l->error)
		return false;
	t->cell_count = cells;
	t->step_count = steps;
	l->error = zt_tables_digest(t, l->ret->digest);
	l->ret->rows = t->addr_count + t->net_count + t->pair_count + t->cell_index_count + cells +
		       t->qual_count + t->qrule_count + steps + t->window_count + 1;
	return !l->error && !memcmp(l->ret->digest, l->ret->committed, ZT_DIGEST_LEN);
}

/*
 * How long the arrays are is nowhere in the kernel. Somebody may have said; what other rows refer
 * to counts; patches leave elements behind that nothing refers to any more. A length that gives the
 * committed digest is the right one, since no other rows have it.
 */
static int find_lengths(struct lengths *l, size_t cells, size_t steps)
{
	const size_t c[] = {cells, cells_used(&l->parts[CELLIX]),
			    written(&l->parts[CELLS], sizeof(struct zt_cell))};
	const size_t s[] = {steps, steps_used(l->parts, &l->parts[STEPS]),
			    written(&l->parts[STEPS], sizeof(struct zt_step))};

	for (size_t i = 0; i < ARRAY_SIZE(c); i++) {
		for (size_t k = 0; k < ARRAY_SIZE(s); k++) {
			if (fits(l, c[i], s[k]))
				return 0;
		}
	}
	for (size_t sum = 1; sum <= TAIL_MAX && !l->error && zt_now_ns() < l->until_ns; sum++) {
		for (size_t i = 0; i <= sum; i++) {
			if (fits(l, c[1] + i, s[1] + sum - i))
				return 0;
		}
	}
	/* None: as what refers to them has it. */
	fits(l, c[1], s[1]);
	return l->error;
}

static int digest_of(const struct rows parts[PART_COUNT], size_t cells, size_t steps,
		     struct ztc_rows *ret)
{
	struct zt_tables tables;
	struct lengths lengths = {parts, &tables, ret, zt_now_ns() + SEARCH_NS, 0};

	tables_of(parts, &tables);
	ret->meta = tables.meta;
	memcpy(ret->committed, tables.meta.digest, sizeof(ret->committed));
	zt_tables_sort(&tables);
	return find_lengths(&lengths, cells, steps);
}

/* The word in force: past an unconfirmed deadline the one before. */
static int word_now(const char *pin_dir, uint64_t *ret)
{
	struct zt_ctl ctl;
	int r = zt_pins_read_ctl(pin_dir, &ctl);

	if (r == 0)
		*ret = ctl.deadline_ns && zt_now_ns() >= ctl.deadline_ns ? ctl.prev_word : ctl.word;
	return r;
}

static int read_once(const char *pin_dir, size_t cells, size_t steps, struct ztc_rows *ret)
{
	struct rows parts[PART_COUNT] = {{0}};
	uint64_t before = 0, after = 0;
	int r = word_now(pin_dir, &before);

	if (r == 0)
		r = read_all(pin_dir, ZT_WORD_SLOT(before), parts);
	if (r == 0)
		r = digest_of(parts, cells, steps, ret);
	if (r == 0)
		r = word_now(pin_dir, &after);
	for (int i = 0; i < PART_COUNT; i++)
		free(parts[i].row);
	ret->slot = ZT_WORD_SLOT(before);
	ret->epoch = ZT_WORD_EPOCH(before);
	return r < 0 ? r : before == after ? 0 : -EAGAIN;
}

int ztc_rows_read(const char *pin_dir, size_t cells, size_t steps, struct ztc_rows *ret)
{
	const struct timespec pause = {.tv_nsec = PAUSE_NS};
	int r = -EAGAIN;

	for (int i = 0; i < TRIES; i++) {
		r = read_once(pin_dir, cells, steps, ret);
		/* A patch writes its rows first and the epoch last: we may have read in between. */
		if (r != -EAGAIN && (r < 0 || !memcmp(ret->digest, ret->committed, ZT_DIGEST_LEN)))
			break;
		nanosleep(&pause, NULL);
	}
	return r;
}
