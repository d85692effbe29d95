/* SPDX-License-Identifier: Apache-2.0 */
/*
 * table.h - a chained hash over entry numbers, for the bounded arrays of this room.
 *
 * The entries themselves live in an array of the caller; the table only finds
 * their numbers. Numbers are below 2^32 - 1. Knows no keys: the caller compares.
 */
#pragma once
#include <stddef.h>
#include <stdint.h>

#define ZT_TABLE_NONE UINT32_MAX

struct zt_table {
	uint32_t *heads;  /* bucket -> entry number */
	uint32_t *next;	  /* entry number -> next in its bucket */
	uint32_t *hashes; /* entry number -> hash */
	uint32_t buckets; /* power of two, or 0 */
	uint32_t room;	  /* entry numbers that next and hashes have room for */
};

/* zt_table_hash - 32 bits over a key, compared as bytes. */
uint32_t zt_table_hash(const void *key, size_t len);

/* First entry of this hash, the one after @number with it, or ZT_TABLE_NONE. */
uint32_t zt_table_first(const struct zt_table *table, uint32_t hash);
uint32_t zt_table_next(const struct zt_table *table, uint32_t number);

/* zt_table_reserve - make room for numbers below @room. 0 or -ENOMEM, the table as it was. */
int zt_table_reserve(struct zt_table *table, uint32_t room);

/* zt_table_add - enter a number that has been reserved; zt_table_del - take it out. */
void zt_table_add(struct zt_table *table, uint32_t number, uint32_t hash);
void zt_table_del(struct zt_table *table, uint32_t number);

void zt_table_clear(struct zt_table *table);
