// SPDX-License-Identifier: Apache-2.0
/*
 * classes.c - remote addresses that neither of two policies tells apart.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/strmap.h"
#include "base/vec.h"
#include "plan/classes.h"
#include "policy/tables.h"

#define SEGMENTS_OF_ONE 64
#define NET_TRIES	8

/* Compared as bytes: no holes. */
struct class_key {
	uint64_t share[ZT_SIDE_COUNT];
	uint32_t id[ZT_SIDE_COUNT];
	uint64_t v4;
};

void zt_classes_clear(struct zt_classes *classes)
{
	free(classes->rows);
	zt_table_clear(&classes->table);
	*classes = (struct zt_classes){0};
}

static void key_of(const struct zt_judges *j, const struct zt_addr *addr, struct class_key *ret)
{
	struct zt_identity id;

	memset(ret, 0, sizeof(*ret));
	ret->v4 = zt_addr_is_v4(addr);
	for (int side = 0; side < ZT_SIDE_COUNT; side++) {
		const struct zt_tables *tables = j->tables[side];

		if (!tables)
			continue;
		zt_tables_identify(tables, addr, j->now_ns, &id);
		ret->id[side] = id.far_id;
		if (id.bucket < ZT_BUCKETS)
			ret->share[side] = tables->meta.share[id.bucket];
	}
}

static uint32_t find(const struct zt_classes *c, const struct class_key *key, uint32_t hash)
{
	uint32_t n = zt_table_first(&c->table, hash);

	for (; n != ZT_TABLE_NONE; n = zt_table_next(&c->table, n)) {
		const struct zt_far_class *row = &c->rows[n];

		if (!memcmp(row->id, key->id, sizeof(key->id)) && row->v4 == (key->v4 != 0) &&
		    !memcmp(row->share, key->share, sizeof(key->share)))
			return n;
	}
	return ZT_TABLE_NONE;
}

static uint32_t class_of(const struct zt_judges *j, const struct zt_classes *c,
			 const struct zt_addr *addr)
{
	struct class_key key;

	key_of(j, addr, &key);
	return find(c, &key, zt_table_hash(&key, sizeof(key)));
}

static int add(const struct zt_judges *j, struct zt_classes *c, const struct zt_addr *addr)
{
	struct zt_far_class *row;
	struct class_key key;
	uint32_t hash, n;

	key_of(j, addr, &key);
	hash = zt_table_hash(&key, sizeof(key));
	n = find(c, &key, hash);
	if (n != ZT_TABLE_NONE) {
		c->rows[n].members++;
		return 0;
	}
	if (c->count == ZT_CLASSES_MAX) {
		c->left_out++;
		return 0;
	}
	if (zt_vec_grow(&c->rows, &c->cap, c->count + 1, sizeof(*row)) < 0 ||
	    zt_table_reserve(&c->table, (uint32_t)c->cap) < 0)
		return -ENOMEM;
	row = &c->rows[c->count];
	*row = (struct zt_far_class){.addr = *addr, .v4 = key.v4 != 0, .members = 1};
	memcpy(row->id, key.id, sizeof(row->id));
	memcpy(row->share, key.share, sizeof(row->share));
	zt_table_add(&c->table, (uint32_t)c->count++, hash);
	return 0;
}

/*
 * Address number @try of a prefix: its first ones, its last ones, and some in between, so that
 * one is met that no longer prefix or exact address inside takes away.
 */
static void address_in(const struct zt_net_key *net, unsigned int try, struct zt_addr *ret)
{
	unsigned int bits = 128 - net->prefixlen;

	memcpy(ret->bytes, net->bytes, sizeof(ret->bytes));
	for (unsigned int i = 0; i < bits; i++) {
		bool one = try == 0   ? i == 0
			   : try == 1 ? i != 0
			   : try == 2 ? false
				      : ((0x9e3779b9u * (try + i)) >> 16) & 1;

		if (one)
			ret->bytes[15 - i / 8] |= (uint8_t)(1u << (i % 8));
	}
}

static bool is_far(const struct zt_addr *addr, const struct zt_addr *locals, size_t count)
{
	if (zt_addr_is_multicast(addr) || zt_addr_is_loopback(addr) || zt_addr_is_unspecified(addr))
		return false;
	for (size_t i = 0; i < count; i++) {
		if (!memcmp(&locals[i], addr, sizeof(*addr)))
			return false;
	}
	return true;
}

typedef int (*each_fn)(void *ctx, const struct zt_addr *addr);

/* Every exact address, some of every prefix, and addresses that no policy is likely to name. */
static int each_address(const struct zt_judges *j, each_fn fn, void *ctx)
{
	static const struct zt_addr rest[] = {
		{.bytes = {[10] = 0xff, [11] = 0xff, 192, 0, 2, 77}},
		{.bytes = {[10] = 0xff, [11] = 0xff, 198, 51, 100, 77}},
		{.bytes = {[10] = 0xff, [11] = 0xff, 203, 0, 113, 77}},
		{.bytes = {0x20, 0x01, 0x0d, 0xb8, 0x77, [15] = 0x77}},
		{.bytes = {0x26, 0x20, 0x00, 0x4f, 0x80, [15] = 0x77}},
	};
	struct zt_addr addr;
	int r = 0;

	for (int side = 0; side < ZT_SIDE_COUNT; side++) {
		const struct zt_tables *t = j->tables[side];

		for (size_t i = 0; t && i < t->addr_count && r == 0; i++)
			r = fn(ctx, &t->addrs[i].key);
		for (size_t i = 0; t && i < t->net_count && r == 0; i++) {
			for (unsigned int n = 0; n < NET_TRIES && r == 0; n++) {
				address_in(&t->nets[i].key, n, &addr);
				r = fn(ctx, &addr);
			}
		}
	}
	for (size_t i = 0; i < ARRAY_SIZE(rest) && r == 0; i++)
		r = fn(ctx, &rest[i]);
	return r;
}

struct making {
	const struct zt_judges *judges;
	const struct zt_addr *locals;
	size_t local_count;
	struct zt_classes *classes;
};

static int make_one(void *ctx, const struct zt_addr *addr)
{
	struct making *m = ctx;

	if (!is_far(addr, m->locals, m->local_count))
		return 0;
	return add(m->judges, m->classes, addr);
}

int zt_classes_make(const struct zt_judges *judges, const struct zt_addr *locals,
		    size_t local_count, struct zt_classes *ret)
{
	struct making m = {judges, locals, local_count, ret};
	int r;

	*ret = (struct zt_classes){0};
	r = each_address(judges, make_one, &m);
	if (r < 0)
		zt_classes_clear(ret);
	return r;
}

/* --- names -------------------------------------------------------------------------------- */

struct zt_class_names {
	const struct zt_judges *judges;
	const struct zt_classes *classes;
	struct zt_strmap *segments; /* name -> number */
	struct zt_strmap *pairs;    /* (class, segment) -> number */
	uint32_t (*members)[2];	    /* by pair number: class, segment */
	size_t pair_cap;
	const char **names; /* by segment number; borrowed from the tables */
	size_t name_cap;
};

void zt_class_names_free(struct zt_class_names **names)
{
	struct zt_class_names *n = *names;

	if (!n)
		return;
	zt_strmap_free(&n->segments);
	zt_strmap_free(&n->pairs);
	free(n->members);
	free(n->names);
	free(n);
	*names = NULL;
}

static int note(struct zt_class_names *n, uint32_t class, const char *segment)
{
	uint32_t pair[2] = {class}, number;

	pair[1] = zt_strmap_intern(n->segments, segment, strlen(segment), NULL);
	if (pair[1] == ZT_STRMAP_NONE ||
	    zt_vec_grow(&n->names, &n->name_cap, pair[1] + 1, sizeof(*n->names)) < 0)
		return -ENOMEM;
	n->names[pair[1]] = segment;
	number = zt_strmap_intern(n->pairs, pair, sizeof(pair), NULL);
	if (number == ZT_STRMAP_NONE ||
	    zt_vec_grow(&n->members, &n->pair_cap, number + 1, sizeof(*n->members)) < 0)
		return -ENOMEM;
	memcpy(n->members[number], pair, sizeof(pair));
	return 0;
}

static int name_one(void *ctx, const struct zt_addr *addr)
{
	struct zt_class_names *n = ctx;
	const struct zt_tables *then = n->judges->tables[ZT_THEN];
	uint32_t class = class_of(n->judges, n->classes, addr);
	const char *names[SEGMENTS_OF_ONE];
	size_t count;
	int r = 0;

	if (class == ZT_TABLE_NONE)
		return 0;
	count = zt_tables_segments(then, addr, false, names, SEGMENTS_OF_ONE);
	for (size_t i = 0; i < count && i < SEGMENTS_OF_ONE && r == 0; i++)
		r = note(n, class, names[i]);
	return r;
}

int zt_class_names_new(struct zt_class_names **ret, const struct zt_judges *judges,
		       const struct zt_classes *classes)
{
	zt_auto(zt_class_names_free) struct zt_class_names *n = calloc(1, sizeof(*n));
	int r;

	if (!n)
		return -ENOMEM;
	n->judges = judges;
	n->classes = classes;
	r = zt_strmap_new(&n->segments);
	if (r == 0)
		r = zt_strmap_new(&n->pairs);
	if (r == 0 && judges->tables[ZT_THEN])
		r = each_address(judges, name_one, n);
	if (r < 0)
		return r;
	*ret = zt_take(n);
	return 0;
}

void zt_from_clear(struct zt_from *from)
{
	free(from->segments);
	free(from->others);
	*from = (struct zt_from){0};
}

static bool covers_all(const struct zt_classes *c, const uint8_t *in, const uint8_t *of)
{
	for (size_t i = 0; i < c->count; i++) {
		if (of[i] && !in[i])
			return false;
	}
	return true;
}

/* Segments with a member in the set and, of those classes that could be in it, none outside. */
static int whole_segments(const struct zt_class_names *n, const uint8_t *in, const uint8_t *of,
			  uint8_t *covered, struct zt_from *ret)
{
	uint32_t segments = zt_strmap_count(n->segments), pairs = zt_strmap_count(n->pairs);
	zt_auto(zt_freep) uint8_t *state = calloc(segments + 1, 1); /* 1: member in, 2: one out */

	ret->segments = calloc(segments + 1, sizeof(*ret->segments));
	if (!state || !ret->segments)
		return -ENOMEM;
	for (uint32_t i = 0; i < pairs; i++) {
		const uint32_t *pair = n->members[i];

		if (of[pair[0]])
			state[pair[1]] |= in[pair[0]] ? 1 : 2;
	}
	for (uint32_t i = 0; i < pairs; i++) {
		if (state[n->members[i][1]] == 1)
			covered[n->members[i][0]] = 1;
	}
	for (uint32_t s = 0; s < segments; s++) {
		if (state[s] == 1)
			ret->segments[ret->segment_count++] = n->names[s];
	}
	return 0;
}

int zt_class_names_from(const struct zt_class_names *names, const uint8_t *in, const uint8_t *of,
			bool any, struct zt_from *ret)
{
	const struct zt_classes *c = names->classes;
	zt_auto(zt_from_clear) struct zt_from from = {0};
	zt_auto(zt_freep) uint8_t *covered = calloc(c->count + 1, 1);
	int r;

	if (!covered)
		return -ENOMEM;
	from.any = any || covers_all(c, in, of);
	r = from.any ? 0 : whole_segments(names, in, of, covered, &from);
	if (r == 0 && !from.any) {
		from.others = calloc(ZT_FROM_OTHERS_MAX, sizeof(*from.others));
		r = from.others ? 0 : -ENOMEM;
	}
	for (size_t i = 0; i < c->count && r == 0 && !from.any; i++) {
		if (!in[i] || covered[i])
			continue;
		if (from.other_count < ZT_FROM_OTHERS_MAX)
			from.others[from.other_count] = c->rows[i].addr;
		from.other_count++;
	}
	if (r < 0)
		return r;
	*ret = from;
	from = (struct zt_from){0};
	return 0;
}
