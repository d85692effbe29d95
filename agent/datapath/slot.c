// SPDX-License-Identifier: Apache-2.0
/*
 * slot.c - the maps of one policy slot: made or made larger, brought to given rows, read back.
 *
 * A slot is filled by difference: what it holds is read, rows that are not
 * wanted go, rows that differ are written. So a change of one label costs two
 * reads and a few writes however large the policy is, and a map is replaced
 * (20 ms each in the kernel) only when the rows no longer fit.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <linux/bpf.h>
#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include "base/cleanup.h"
#include "datapath/slot.h"
#include "ztseg.skel.h"

#define BATCH 2048

/* Row structs hold key and value side by side; arrays have the value only. */
#define ROW(member, row_type, k, v, kind, map_flags, floor_size)                                   \
	{                                                                                          \
		.name = "zt_" #member, .type = BPF_MAP_TYPE_##kind, .flags = (map_flags),          \
		.key_size = sizeof(((row_type *)0)->k), .value_size = sizeof(((row_type *)0)->v),  \
		.value_at = offsetof(row_type, v), .stride = sizeof(row_type),                     \
		.floor = (floor_size)                                                              \
	}
#define CELL(member, row_type, map_flags, floor_size)                                              \
	{                                                                                          \
		.name = "zt_" #member, .type = BPF_MAP_TYPE_ARRAY, .flags = (map_flags),           \
		.key_size = sizeof(__u32), .value_size = sizeof(row_type),                         \
		.stride = sizeof(row_type), .floor = (floor_size), .array = true                   \
	}

static const struct zt_part_type parts[ZT_PART_COUNT] = {
	[ZT_PART_ADDRS] = ROW(addrs, struct zt_addr_row, key, value, HASH, BPF_F_NO_PREALLOC, 4096),
	/* An empty trie costs nothing, so it is made for the limit at once. */
	[ZT_PART_NETS] =
		ROW(nets, struct zt_net_row, key, value, LPM_TRIE, BPF_F_NO_PREALLOC, 1 << 20),
	[ZT_PART_PAIRS] =
		ROW(pairs, struct zt_pair_row, key, port_set, HASH, BPF_F_NO_PREALLOC, 4096),
	[ZT_PART_PORTS] = CELL(ports, struct zt_port_block, 0, ZT_PORT_BLOCKS),
	[ZT_PART_CELLIX] =
		ROW(cellix, struct zt_cell_row, key, cell, HASH, BPF_F_NO_PREALLOC, 4096),
	[ZT_PART_CELLS] = CELL(cells, struct zt_cell, BPF_F_INNER_MAP, 1024),
	[ZT_PART_QUALS] = ROW(quals, struct zt_qual_row, key, mask, HASH, BPF_F_NO_PREALLOC, 512),
	[ZT_PART_QRULES] =
		ROW(qrules, struct zt_qrule_row, key, value, HASH, BPF_F_NO_PREALLOC, 1024),
	[ZT_PART_STEPS] = CELL(steps, struct zt_step, BPF_F_INNER_MAP, 4096),
	[ZT_PART_WINDOWS] = CELL(windows, struct zt_window, BPF_F_INNER_MAP, 64),
	[ZT_PART_META] = CELL(meta, struct zt_slot_meta, 0, 1),
};

int zt_slot_outer_fd(struct zt_dp *dp, enum zt_part part)
{
	struct bpf_map *const outer[ZT_PART_COUNT] = {
		[ZT_PART_ADDRS] = dp->skel->maps.zt_s_addrs,
		[ZT_PART_NETS] = dp->skel->maps.zt_s_nets,
		[ZT_PART_PAIRS] = dp->skel->maps.zt_s_pairs,
		[ZT_PART_PORTS] = dp->skel->maps.zt_s_ports,
		[ZT_PART_CELLIX] = dp->skel->maps.zt_s_cellix,
		[ZT_PART_CELLS] = dp->skel->maps.zt_s_cells,
		[ZT_PART_QUALS] = dp->skel->maps.zt_s_quals,
		[ZT_PART_QRULES] = dp->skel->maps.zt_s_qrules,
		[ZT_PART_STEPS] = dp->skel->maps.zt_s_steps,
		[ZT_PART_WINDOWS] = dp->skel->maps.zt_s_windows,
		[ZT_PART_META] = dp->skel->maps.zt_s_meta,
	};

	return bpf_map__fd(outer[part]);
}

struct zt_rows zt_tables_part(const struct zt_tables *t, enum zt_part part)
{
	const struct zt_rows all[ZT_PART_COUNT] = {
		[ZT_PART_ADDRS] = {t->addrs, t->addr_count},
		[ZT_PART_NETS] = {t->nets, t->net_count},
		[ZT_PART_PAIRS] = {t->pairs, t->pair_count},
		[ZT_PART_PORTS] = {t->ports, ZT_PORT_BLOCKS},
		[ZT_PART_CELLIX] = {t->cell_index, t->cell_index_count},
		[ZT_PART_CELLS] = {t->cells, t->cell_count},
		[ZT_PART_QUALS] = {t->quals, t->qual_count},
		[ZT_PART_QRULES] = {t->qrules, t->qrule_count},
		[ZT_PART_STEPS] = {t->steps, t->step_count},
		[ZT_PART_WINDOWS] = {t->windows, t->window_count},
		[ZT_PART_META] = {&t->meta, 1},
	};

	return all[part];
}

const struct zt_part_type *zt_part_type(enum zt_part part)
{
	return &parts[part];
}

/* --- inner maps -------------------------------------------------------------------------- */

static int note_inner(struct zt_slot *slot, enum zt_part part, int fd)
{
	struct bpf_map_info info = {};
	__u32 len = sizeof(info);

	if (bpf_obj_get_info_by_fd(fd, &info, &len) < 0)
		return -errno;
	slot->id[part] = info.id;
	slot->size[part] = info.max_entries;
	zt_close(&slot->fd[part]);
	slot->fd[part] = fd;
	return 0;
}

int zt_slot_open(struct zt_dp *dp, uint32_t slot)
{
	for (int part = 0; part < ZT_PART_COUNT; part++) {
		uint32_t id;
		int fd, r;

		if (bpf_map_lookup_elem(zt_slot_outer_fd(dp, part), &slot, &id) < 0) {
			if (errno == ENOENT)
				continue;
			return -errno;
		}
		if (dp->slots[slot].fd[part] >= 0 && dp->slots[slot].id[part] == id)
			continue;
		fd = bpf_map_get_fd_by_id(id);
		if (fd < 0)
			return -errno;
		r = note_inner(&dp->slots[slot], part, fd);
		if (r < 0) {
			close(fd);
			return r;
		}
	}
	return 0;
}

void zt_slot_close(struct zt_slot *slot)
{
	for (int part = 0; part < ZT_PART_COUNT; part++)
		zt_close(&slot->fd[part]);
}

/* Room to grow by a quarter, in powers of two as the kernel's buckets are. */
static uint32_t size_for(const struct zt_part_type *type, size_t rows)
{
	size_t wanted = rows + rows / 4, size = type->floor;

	if (type->type == BPF_MAP_TYPE_LPM_TRIE || type->floor == ZT_PORT_BLOCKS ||
	    type->floor == 1)
		return (uint32_t)(rows > size ? rows : size);
	while (size < wanted)
		size *= 2;
	return (uint32_t)size;
}

static int make_inner(struct zt_dp *dp, uint32_t slot, enum zt_part part, size_t rows)
{
	const struct zt_part_type *type = &parts[part];
	LIBBPF_OPTS(bpf_map_create_opts, opts, .map_flags = type->flags);
	zt_auto(zt_close) int fd = -1;
	int r;

	fd = bpf_map_create(type->type, type->name, type->key_size, type->value_size,
			    size_for(type, rows), &opts);
	if (fd < 0)
		return -errno;
	if (bpf_map_update_elem(zt_slot_outer_fd(dp, part), &slot, &fd, BPF_ANY) < 0)
		return -errno;
	r = note_inner(&dp->slots[slot], part, fd);
	if (r == 0)
		zt_take_fd(fd);
	return r;
}

/* --- reading --------------------------------------------------------------------------------- */

static int read_array(int fd, const struct zt_part_type *type, size_t count, char *rows)
{
	LIBBPF_OPTS(bpf_map_batch_opts, opts);
	__u32 *keys, token = 0, got = 0, done = 0;
	int r = 0;

	keys = calloc(count ? count : 1, sizeof(*keys));
	if (!keys)
		return -ENOMEM;
	while (done < count && r == 0) {
		got = (__u32)(count - done);
		r = bpf_map_lookup_batch(fd, done ? &token : NULL, &token, keys,
					 rows + (size_t)done * type->stride, &got, &opts);
		r = r < 0 ? -errno : 0;
		if (r == 0 && !got)
			r = -EIO;
		done += got;
	}
	free(keys);
	return done >= count ? 0 : r;
}

struct reader {
	const struct zt_part_type *type;
	char *rows;
	size_t count, cap;
	char *keys, *values;
	size_t batch;
};

static int keep_rows(struct reader *rd, size_t got)
{
	const struct zt_part_type *type = rd->type;

	if (rd->count + got > rd->cap) {
		size_t cap = (rd->count + got) * 2;
		char *grown = realloc(rd->rows, cap * type->stride);

		if (!grown)
			return -ENOMEM;
		rd->rows = grown;
		rd->cap = cap;
	}
	for (size_t i = 0; i < got; i++) {
		char *row = rd->rows + (rd->count + i) * type->stride;

		memset(row, 0, type->stride);
		memcpy(row, rd->keys + i * type->key_size, type->key_size);
		memcpy(row + type->value_at, rd->values + i * type->value_size, type->value_size);
	}
	rd->count += got;
	return 0;
}

static int grow_batch(struct reader *rd, size_t batch)
{
	free(rd->keys);
	free(rd->values);
	rd->keys = malloc(batch * rd->type->key_size);
	rd->values = malloc(batch * rd->type->value_size);
	rd->batch = batch;
	return rd->keys && rd->values ? 0 : -ENOMEM;
}

static int read_rows(int fd, struct reader *rd)
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

		if (e == ENOSPC) { /* a bucket with more rows than that */
			r = grow_batch(rd, rd->batch * 2);
			continue;
		}
		if (e && e != ENOENT)
			return -e;
		r = keep_rows(rd, got);
		if (e == ENOENT)
			break;
		memcpy(token, next, sizeof(token));
		started = true;
	}
	return r;
}

int zt_part_read(int fd, enum zt_part part, size_t array_rows, void **ret_rows, size_t *ret_count)
{
	struct reader rd = {.type = &parts[part]};
	int r;

	if (parts[part].array) {
		rd.rows = calloc(array_rows ? array_rows : 1, parts[part].stride);
		if (!rd.rows)
			return -ENOMEM;
		rd.count = array_rows;
		r = read_array(fd, &parts[part], array_rows, rd.rows);
	} else {
		r = read_rows(fd, &rd);
	}
	free(rd.keys);
	free(rd.values);
	if (r < 0) {
		free(rd.rows);
		return r;
	}
	*ret_rows = rd.rows;
	*ret_count = rd.count;
	return 0;
}

/* --- checks that change nothing --------------------------------------------------------------- */

int zt_slot_check_capacity(const struct zt_tables *tables, char *err)
{
	const struct zt_limits *max = &zt_limits_default;
	const struct {
		const char *what;
		size_t have, limit;
	} rows[] = {
		{"addresses", tables->addr_count, max->addrs},
		{"networks", tables->net_count, max->nets},
		{"pairs of identities", tables->pair_count, max->pairs},
		{"port cells", tables->cell_index_count, max->cell_index},
		{"verdict cells", tables->cell_count, max->cells},
		{"workload names", tables->qual_count, max->qual_rows},
		{"workload rules", tables->qrule_count, max->qrules},
		{"label steps", tables->step_count, max->steps},
		{"hour windows", tables->window_count, ZT_WINDOWS_MAX},
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
		if (rows[i].have > rows[i].limit)
			return zt_dp_err(err, -E2BIG,
					 "the policy needs %zu %s, there is room for %zu",
					 rows[i].have, rows[i].what, rows[i].limit);
	return 0;
}

/* --- making room ---------------------------------------------------------------------------- */

int zt_slot_make_room(struct zt_dp *dp, uint32_t slot, const struct zt_tables *tables,
		      uint32_t *ret_made)
{
	int r = zt_slot_open(dp, slot);

	for (int part = 0; part < ZT_PART_COUNT && r == 0; part++) {
		size_t rows = zt_tables_part(tables, part).count;

		if (dp->slots[slot].fd[part] >= 0 && rows <= dp->slots[slot].size[part])
			continue;
		r = make_inner(dp, slot, part, rows);
		if (r == 0)
			(*ret_made)++;
	}
	return r;
}
