/* SPDX-License-Identifier: Apache-2.0 */
/*
 * slot.h - what slot.c (maps), fill.c (rows) and commit.c share.
 */
#pragma once
#include "datapath/internal.h"
#include "policy/tables.h"

/* What the inner maps of one part are like, and how its rows lie in struct zt_tables. */
struct zt_part_type {
	const char *name;
	uint32_t type;	/* BPF_MAP_TYPE_* */
	uint32_t flags; /* those of the template in maps.bpf.h */
	size_t key_size;
	size_t value_size;
	size_t value_at; /* of the value in a row [bytes] */
	size_t stride;	 /* of the rows [bytes] */
	uint32_t floor;	 /* smallest size it is made with */
	bool array;	 /* rows are values only, by number */
};

struct zt_rows {
	const void *base;
	size_t count;
};

const struct zt_part_type *zt_part_type(enum zt_part part);

/* zt_tables_part - the rows of one part; borrowed. */
struct zt_rows zt_tables_part(const struct zt_tables *tables, enum zt_part part);

/*
 * zt_part_read - all rows of an inner map, laid out as in struct zt_tables, in no order.
 * @array_rows: how many to read of an array.
 * @ret_rows:   the caller's (free).
 */
int zt_part_read(int fd, enum zt_part part, size_t array_rows, void **ret_rows, size_t *ret_count);

/* zt_slot_make_room - open the slot's maps; make those that are missing or too small. */
int zt_slot_make_room(struct zt_dp *dp, uint32_t slot, const struct zt_tables *tables,
		      uint32_t *ret_made);
