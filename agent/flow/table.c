/* SPDX-License-Identifier: Apache-2.0 */
/*
 * table.c - chained hash over entry numbers.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <xxhash.h>

#include "flow/table.h"

uint32_t zt_table_hash(const void *key, size_t len)
{
	return (uint32_t)XXH3_64bits(key, len);
}

static uint32_t find_from(const struct zt_table *table, uint32_t number, uint32_t hash)
{
	while (number != ZT_TABLE_NONE && table->hashes[number] != hash)
		number = table->next[number];
	return number;
}

uint32_t zt_table_first(const struct zt_table *table, uint32_t hash)
{
	if (!table->buckets)
		return ZT_TABLE_NONE;
	return find_from(table, table->heads[hash & (table->buckets - 1)], hash);
}

uint32_t zt_table_next(const struct zt_table *table, uint32_t number)
{
	return find_from(table, table->next[number], table->hashes[number]);
}

/* Every entry keeps its hash, so the buckets can be laid out anew from the old chains. */
static int rehash(struct zt_table *table, uint32_t buckets)
{
	uint32_t *heads = malloc(buckets * sizeof(*heads));

	if (!heads)
		return -ENOMEM;
	memset(heads, 0xff, buckets * sizeof(*heads));
	for (uint32_t b = 0; b < table->buckets; b++) {
		uint32_t number = table->heads[b];

		while (number != ZT_TABLE_NONE) {
			uint32_t after = table->next[number];
			uint32_t *head = &heads[table->hashes[number] & (buckets - 1)];

			table->next[number] = *head;
			*head = number;
			number = after;
		}
	}
	free(table->heads);
	table->heads = heads;
	table->buckets = buckets;
	return 0;
}

int zt_table_reserve(struct zt_table *table, uint32_t room)
{
	uint32_t buckets = table->buckets ?: 64;
	uint32_t *grown;

	if (room <= table->room)
		return 0;
	grown = realloc(table->next, room * sizeof(*grown));
	if (!grown)
		return -ENOMEM;
	table->next = grown;
	grown = realloc(table->hashes, room * sizeof(*grown));
	if (!grown)
		return -ENOMEM;
	table->hashes = grown;
	while (buckets < room && buckets < 1u << 31)
		buckets *= 2;
	if (buckets != table->buckets && rehash(table, buckets) < 0)
		return -ENOMEM;
	table->room = room;
	return 0;
}

void zt_table_add(struct zt_table *table, uint32_t number, uint32_t hash)
{
	uint32_t *head = &table->heads[hash & (table->buckets - 1)];

	table->hashes[number] = hash;
	table->next[number] = *head;
	*head = number;
}

void zt_table_del(struct zt_table *table, uint32_t number)
{
	uint32_t *link = &table->heads[table->hashes[number] & (table->buckets - 1)];

	while (*link != ZT_TABLE_NONE && *link != number)
		link = &table->next[*link];
	if (*link == number)
		*link = table->next[number];
}

void zt_table_clear(struct zt_table *table)
{
	free(table->heads);
	free(table->next);
	free(table->hashes);
	*table = (struct zt_table){0};
}
