// SPDX-License-Identifier: Apache-2.0
/*
 * any_tables.c - tables made at random, and questions about them.
 */
#include <stdlib.h>
#include <string.h>

#include "any_tables.h"
#include "base/cleanup.h"

#define ADDRS	  64
#define NETS	  16
#define FAR_IDS	  6
#define NEAR_IDS  3
#define PORT_SETS 8
#define CLASSES	  4
#define CELLS	  24
#define STEPS	  32
#define BITS	  8
#define QRULES	  (CELLS * ZT_PLANE_COUNT * 3 * BITS)

static unsigned long long state;

void any_seed(unsigned int number)
{
	state = 0x9e3779b97f4a7c15ULL * (number + 1);
}

unsigned int any_pick(unsigned int n)
{
	state = state * 6364136223846793005ULL + 1442695040888963407ULL;
	return (unsigned int)(state >> 33) % n;
}

static __u64 some_bits(void)
{
	return (__u64)(any_pick(1 << BITS) & any_pick(1 << BITS));
}

static void *rows(size_t count, size_t size)
{
	void *at = calloc(count, size);

	if (!at)
		abort();
	return at;
}

/* --- tables --------------------------------------------------------------------------- */

struct zt_identity any_identity(void)
{
	struct zt_identity id = {.far_id = 1 + any_pick(FAR_IDS),
				 .near_id = 1 + any_pick(NEAR_IDS)};

	if (any_pick(2)) {
		id.until_ns = 1 + any_pick(ANY_HORIZON);
		id.step = 1 + any_pick(STEPS - 1);
	}
	if (any_pick(2))
		id.bucket = 1 + any_pick(ZT_BUCKETS);
	if (any_pick(2))
		id.label_epoch = 1 + any_pick(50);
	return id;
}

static void make_addresses(struct zt_tables *t)
{
	t->addrs = rows(ADDRS, sizeof(*t->addrs));
	t->nets = rows(NETS, sizeof(*t->nets));
	t->addr_count = ADDRS;
	t->net_count = NETS;
	/* Half of those that questions are about have rows of their own. */
	for (unsigned int i = 0; i < ADDRS; i++) {
		t->addrs[i].key = (struct zt_addr){{[10] = 0xff, [11] = 0xff, 10, 0, 0, 2 * i}};
		t->addrs[i].value = any_identity();
	}
	for (unsigned int i = 0; i < NETS; i++) {
		t->nets[i].key.prefixlen = 124;
		memcpy(t->nets[i].key.bytes, (__u8[16]){[10] = 0xff, [11] = 0xff, 10, 0, 0, 16 * i},
		       16);
		t->nets[i].value = any_identity();
	}
	t->net_count -= any_pick(NETS / 2);
	t->meta.unknown = any_identity();
}

/* Chains may run into each other, in circles, and be longer than what is followed. */
static void make_steps(struct zt_tables *t)
{
	t->steps = rows(STEPS, sizeof(*t->steps));
	t->step_count = STEPS;
	for (unsigned int i = 1; i < STEPS; i++)
		t->steps[i] = (struct zt_step){
			.until_ns = any_pick(4) ? any_pick(ANY_HORIZON) : 0,
			.far_id = 1 + any_pick(FAR_IDS),
			.near_id = 1 + any_pick(NEAR_IDS),
			.next = 1 + any_pick(STEPS - 1),
		};
}

static void make_windows(struct zt_tables *t)
{
	static const unsigned int counts[] = {1, 2, 3, 17, 64, ZT_WINDOWS_MAX - 1, ZT_WINDOWS_MAX};
	unsigned int count = counts[any_pick(ARRAY_SIZE(counts))];

	t->windows = rows(count, sizeof(*t->windows));
	t->window_count = t->meta.window_count = count;
	for (unsigned int i = 0; i < count; i++) {
		t->windows[i].open = any_pick(1 << BITS);
		t->windows[i].from_ns = (__u64)i * ANY_HORIZON / count + (i ? 1 : 0);
	}
}

static void make_conditions(struct zt_tables *t)
{
	t->meta.q_free = some_bits();
	t->meta.q_timed = some_bits();
	for (unsigned int b = 0; b < ZT_BUCKETS; b++)
		t->meta.share[b] = any_pick(4) ? ~0ULL : ~some_bits();
}

static void make_qrules(struct zt_tables *t, unsigned int cell, __u8 plane, __u8 action, __u64 bits)
{
	for (__u8 bit = 0; bit < BITS; bit++) {
		struct zt_qrule_row *row = &t->qrules[t->qrule_count];

		if (!(bits & 1ULL << bit) || !any_pick(20))
			continue;
		row->key = (struct zt_qrule_key){
			.cell = cell, .plane = plane, .action = action, .bit = bit};
		row->value.rule = ZT_RULE_FIRST + any_pick(1000);
		row->value.existing = any_pick(3);
		t->qrule_count++;
	}
}

static void make_cells(struct zt_tables *t)
{
	t->cells = rows(CELLS, sizeof(*t->cells));
	t->qrules = rows(QRULES, sizeof(*t->qrules));
	t->cell_count = CELLS;
	for (unsigned int i = 0; i < CELLS; i++)
		for (__u8 p = 0; p < ZT_PLANE_COUNT; p++) {
			struct zt_plane *plane = &t->cells[i].plane[p];

			plane->rank = any_pick(ZT_RANK_FAILSAFE);
			plane->action = any_pick(2);
			plane->rule = ZT_RULE_FIRST + any_pick(1000);
			plane->existing = any_pick(3);
			plane->deny_q = any_pick(2) ? some_bits() : 0;
			plane->allow_q = any_pick(2) ? some_bits() : 0;
			plane->bound_q = any_pick(2) ? some_bits() : 0;
			t->cells[i].failsafe[p] = any_pick(3) ? 0 : ZT_RULE_FIRST + any_pick(1000);
			make_qrules(t, i, p, ZT_DENY, plane->deny_q);
			make_qrules(t, i, p, ZT_ALLOW, plane->allow_q);
			make_qrules(t, i, p, ZT_Q_BOUNDARY, plane->bound_q);
		}
}

static void make_pairs(struct zt_tables *t)
{
	t->pairs = rows(FAR_IDS * NEAR_IDS * ZT_DIR_COUNT * 2, sizeof(*t->pairs));
	for (unsigned int near = 1; near <= FAR_IDS; near++)
		for (unsigned int far = 1; far <= FAR_IDS; far++)
			for (unsigned int dir = 0; dir < ZT_DIR_COUNT; dir++) {
				if ((near > NEAR_IDS && dir != ZT_DIR_FWD) || !any_pick(10))
					continue;
				t->pairs[t->pair_count].key = (struct zt_pair_key){near, far, dir};
				t->pairs[t->pair_count++].port_set = 1 + any_pick(PORT_SETS - 1);
			}
	t->cell_index = rows(PORT_SETS * CLASSES, sizeof(*t->cell_index));
	for (unsigned int set = 0; set < PORT_SETS; set++)
		for (unsigned int class = 0; class < CLASSES; class ++) {
			if (!any_pick(5))
				continue;
			t->cell_index[t->cell_index_count].key = (struct zt_cell_key){set, class};
			t->cell_index[t->cell_index_count++].cell = any_pick(CELLS);
		}
	t->ports = rows(ZT_PORT_BLOCKS, sizeof(*t->ports));
	for (unsigned int i = 0; i < 64; i++)
		t->ports[i >> 2].class[i & 3] = any_pick(CLASSES);
}

struct zt_tables *any_tables(void)
{
	struct zt_tables *t = rows(1, sizeof(*t));

	make_addresses(t);
	make_steps(t);
	make_windows(t);
	make_conditions(t);
	make_cells(t);
	make_pairs(t);
	zt_tables_sort(t);
	return t;
}

/* --- questions ------------------------------------------------------------------------ */

static __u64 some_time(const struct zt_tables *t)
{
	switch (any_pick(4)) {
	case 0: /* at an edge */
		return t->windows[any_pick((unsigned int)t->window_count)].from_ns;
	case 1:
		return t->steps[any_pick(STEPS)].until_ns;
	case 2: /* long past the last step */
		return 1000ULL * ANY_HORIZON + any_pick(ANY_HORIZON);
	default:
		return any_pick(ANY_HORIZON);
	}
}

struct zt_query any_question(const struct zt_tables *t)
{
	struct zt_query q = {.dir = any_pick(ZT_DIR_COUNT), .port_index = any_pick(64)};

	q.near = (struct zt_addr){{[10] = 0xff, [11] = 0xff, 10, 0, any_pick(2), any_pick(256)}};
	q.far = (struct zt_addr){{[10] = 0xff, [11] = 0xff, 10, 0, any_pick(2), any_pick(256)}};
	q.qmask = any_pick(3) ? some_bits() : ~0ULL;
	/* 0 asks the probe for the time of now, which nothing here is about. */
	q.now_ns = some_time(t) ?: 1;
	return q;
}
