// SPDX-License-Identifier: Apache-2.0
/*
 * test_conditions.c - the kernel's judge and its offline twin on tables made at random.
 *
 * Not of policies: rows that no compiler would make are among them, so that every field of a
 * row counts: label steps in chains, hour windows, shares of far hosts, conditional boundaries,
 * failsafes of either plane. Both must give the same answer in every field, at any time.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "policy/judge.h"
#include "rig.h"

#define TABLES	  40
#define QUESTIONS 1500	/* of each */
#define HORIZON	  10000 /* times are below [ns] */
#define ADDRS	  64
#define NETS	  16
#define FAR_IDS	  6
#define NEAR_IDS  3
#define PORT_SETS 8
#define CLASSES	  4
#define CELLS	  24
#define STEPS	  32
#define WINDOWS	  ZT_WINDOWS_MAX
#define BITS	  8
#define QRULES	  (CELLS * ZT_PLANE_COUNT * 3 * BITS)

static unsigned long long state;

static unsigned int pick(unsigned int n)
{
	state = state * 6364136223846793005ULL + 1442695040888963407ULL;
	return (unsigned int)(state >> 33) % n;
}

static __u64 some_bits(void)
{
	return (__u64)(pick(1 << BITS) & pick(1 << BITS));
}

static void *rows(size_t count, size_t size)
{
	void *at = calloc(count, size);

	if (!at)
		abort();
	return at;
}

/* --- tables --------------------------------------------------------------------------- */

static struct zt_identity some_identity(void)
{
	struct zt_identity id = {.far_id = 1 + pick(FAR_IDS), .near_id = 1 + pick(NEAR_IDS)};

	if (pick(2)) {
		id.until_ns = 1 + pick(HORIZON);
		id.step = 1 + pick(STEPS - 1);
	}
	if (pick(2))
		id.bucket = 1 + pick(ZT_BUCKETS);
	if (pick(2))
		id.label_epoch = 1 + pick(50);
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
		t->addrs[i].value = some_identity();
	}
	for (unsigned int i = 0; i < NETS; i++) {
		t->nets[i].key.prefixlen = 124;
		memcpy(t->nets[i].key.bytes, (__u8[16]){[10] = 0xff, [11] = 0xff, 10, 0, 0, 16 * i},
		       16);
		t->nets[i].value = some_identity();
	}
	t->net_count -= pick(NETS / 2);
	t->meta.unknown = some_identity();
}

/* Chains may run into each other, in circles, and be longer than what is followed. */
static void make_steps(struct zt_tables *t)
{
	t->steps = rows(STEPS, sizeof(*t->steps));
	t->step_count = STEPS;
	for (unsigned int i = 1; i < STEPS; i++)
		t->steps[i] = (struct zt_step){
			.until_ns = pick(4) ? pick(HORIZON) : 0,
			.far_id = 1 + pick(FAR_IDS),
			.near_id = 1 + pick(NEAR_IDS),
			.next = 1 + pick(STEPS - 1),
		};
}

static void make_windows(struct zt_tables *t)
{
	static const unsigned int counts[] = {1, 2, 3, 17, 64, WINDOWS - 1, WINDOWS};
	unsigned int count = counts[pick(ARRAY_SIZE(counts))];

	t->windows = rows(count, sizeof(*t->windows));
	t->window_count = t->meta.window_count = count;
	for (unsigned int i = 0; i < count; i++) {
		t->windows[i].open = pick(1 << BITS);
		t->windows[i].from_ns = (__u64)i * HORIZON / count + (i ? 1 : 0);
	}
}

static void make_conditions(struct zt_tables *t)
{
	t->meta.q_free = some_bits();
	t->meta.q_timed = some_bits();
	for (unsigned int b = 0; b < ZT_BUCKETS; b++)
		t->meta.share[b] = pick(4) ? ~0ULL : ~some_bits();
}

static void make_qrules(struct zt_tables *t, unsigned int cell, __u8 plane, __u8 action, __u64 bits)
{
	for (__u8 bit = 0; bit < BITS; bit++) {
		struct zt_qrule_row *row = &t->qrules[t->qrule_count];

		if (!(bits & 1ULL << bit) || !pick(20))
			continue;
		row->key = (struct zt_qrule_key){
			.cell = cell, .plane = plane, .action = action, .bit = bit};
		row->value.rule = ZT_RULE_FIRST + pick(1000);
		row->value.existing = pick(3);
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

			plane->rank = pick(ZT_RANK_FAILSAFE);
			plane->action = pick(2);
			plane->rule = ZT_RULE_FIRST + pick(1000);
			plane->existing = pick(3);
			plane->deny_q = pick(2) ? some_bits() : 0;
			plane->allow_q = pick(2) ? some_bits() : 0;
			plane->bound_q = pick(2) ? some_bits() : 0;
			t->cells[i].failsafe[p] = pick(3) ? 0 : ZT_RULE_FIRST + pick(1000);
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
				if ((near > NEAR_IDS && dir != ZT_DIR_FWD) || !pick(10))
					continue;
				t->pairs[t->pair_count].key = (struct zt_pair_key){near, far, dir};
				t->pairs[t->pair_count++].port_set = 1 + pick(PORT_SETS - 1);
			}
	t->cell_index = rows(PORT_SETS * CLASSES, sizeof(*t->cell_index));
	for (unsigned int set = 0; set < PORT_SETS; set++)
		for (unsigned int class = 0; class < CLASSES; class ++) {
			if (!pick(5))
				continue;
			t->cell_index[t->cell_index_count].key = (struct zt_cell_key){set, class};
			t->cell_index[t->cell_index_count++].cell = pick(CELLS);
		}
	t->ports = rows(ZT_PORT_BLOCKS, sizeof(*t->ports));
	for (unsigned int i = 0; i < 64; i++)
		t->ports[i >> 2].class[i & 3] = pick(CLASSES);
}

static struct zt_tables *make_tables(void)
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
	switch (pick(4)) {
	case 0: /* at an edge */
		return t->windows[pick((unsigned int)t->window_count)].from_ns;
	case 1:
		return t->steps[pick(STEPS)].until_ns;
	case 2: /* long past the last step */
		return 1000ULL * HORIZON + pick(HORIZON);
	default:
		return pick(HORIZON);
	}
}

static struct zt_query some_question(const struct zt_tables *t)
{
	struct zt_query q = {.dir = pick(ZT_DIR_COUNT), .port_index = pick(64)};

	q.near = (struct zt_addr){{[10] = 0xff, [11] = 0xff, 10, 0, pick(2), pick(256)}};
	q.far = (struct zt_addr){{[10] = 0xff, [11] = 0xff, 10, 0, pick(2), pick(256)}};
	q.qmask = pick(3) ? some_bits() : ~0ULL;
	/* 0 asks the probe for the time of now, which nothing here is about. */
	q.now_ns = some_time(t) ?: 1;
	return q;
}

/* What was met: a test of nothing would pass as well. */
struct met {
	unsigned int changed, until, owners, bound, saved[2], epochs;
};

static void note(struct met *met, const struct zt_answer *a)
{
	met->changed += a->changed_ns > 0;
	met->until += a->valid_until_ns != ZT_FOREVER;
	met->owners += a->owner_dep;
	met->epochs += a->label_epoch > 0;
	met->bound += a->rank[ZT_LIVE] == ZT_RANK_BOUNDARY;
	met->saved[ZT_LIVE] += a->failsafe;
	met->saved[ZT_CANDIDATE] += a->rank[ZT_CANDIDATE] == ZT_RANK_FAILSAFE;
}

static unsigned int run_tables(struct rig *rig, struct met *met, char *first, size_t len)
{
	zt_auto(zt_tables_free) struct zt_tables *t = make_tables();
	unsigned int differ = 0;

	rig_fill(rig, 0, t);
	for (unsigned int i = 0; i < QUESTIONS; i++) {
		struct zt_query q = some_question(t);
		struct zt_answer twin;
		struct zt_probe kernel;

		zt_tables_judge(t, &q, &twin);
		note(met, &twin);
		if (rig_probe(rig, 0, &q, &kernel) == 0 && rig_same(&kernel, &twin))
			continue;
		if (!differ++)
			snprintf(
				first, len,
				"at %llu: rule %u/%u until %llu changed %llu, twin %u/%u %llu %llu",
				q.now_ns, kernel.rule[0], kernel.rule[1], kernel.valid_until_ns,
				kernel.changed_ns, twin.rule[0], twin.rule[1], twin.valid_until_ns,
				twin.changed_ns);
	}
	return differ;
}

static void check_met(struct rig *rig, const struct met *met)
{
	const struct {
		const char *what;
		unsigned int count;
	} all[] = {
		{"time that changed something", met->changed},
		{"time that will", met->until},
		{"owners", met->owners},
		{"changes of labels", met->epochs},
		{"boundaries", met->bound},
		{"failsafes, live", met->saved[ZT_LIVE]},
		{"failsafes, candidate", met->saved[ZT_CANDIDATE]},
	};
	char name[100];

	for (size_t i = 0; i < ARRAY_SIZE(all); i++) {
		snprintf(name, sizeof(name), "among the answers: %s", all[i].what);
		rig_check(rig, all[i].count > TABLES, name, "%u", all[i].count);
	}
}

/* The share of an address is its own, of no table, and the same for ever. */
static void buckets(struct rig *rig)
{
	struct zt_addr addr = {{[10] = 0xff, [11] = 0xff, 10, 0, 0, 1}};
	unsigned int in[ZT_BUCKETS] = {}, least = UINT32_MAX, most = 0;

	rig_check(rig, zt_addr_bucket(&addr) == 38, "the bucket of 10.0.0.1 is what it always was",
		  "%u", zt_addr_bucket(&addr));
	for (unsigned int i = 0; i < 65536; i++) {
		addr.bytes[14] = (__u8)(i >> 8);
		addr.bytes[15] = (__u8)i;
		in[zt_addr_bucket(&addr)]++;
	}
	for (unsigned int b = 0; b < ZT_BUCKETS; b++) {
		least = in[b] < least ? in[b] : least;
		most = in[b] > most ? in[b] : most;
	}
	rig_check(rig, least > 550 && most < 760, "65536 neighbours spread over 100 buckets",
		  "%u to %u", least, most);
}

int main(void)
{
	char name[100], first[300] = "";
	struct met met = {};
	struct rig rig;

	rig_open(&rig, 1024);
	for (unsigned int i = 0; i < TABLES; i++) {
		unsigned int differ;

		state = 0x9e3779b97f4a7c15ULL * (i + 1);
		differ = run_tables(&rig, &met, first, sizeof(first));
		snprintf(name, sizeof(name), "tables %u: both judges agree", i);
		rig_check(&rig, !differ, name, "%u of %u differ; %s", differ, QUESTIONS, first);
	}
	check_met(&rig, &met);
	buckets(&rig);
	return rig_exit(&rig);
}
