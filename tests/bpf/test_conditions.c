// SPDX-License-Identifier: Apache-2.0
/*
 * test_conditions.c - the kernel's judge and its offline twin on tables made at random.
 *
 * Not of policies: rows that no compiler would make are among them, so that every field of a
 * row counts: label steps in chains, hour windows, shares of far hosts, conditional boundaries,
 * failsafes of either plane. Both must give the same answer in every field, at any time.
 */
#include <stdio.h>

#include "any_tables.h"
#include "base/cleanup.h"
#include "rig.h"

#define TABLES	  40
#define QUESTIONS 1500 /* of each */

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
	zt_auto(zt_tables_free) struct zt_tables *t = any_tables();
	unsigned int differ = 0;

	rig_fill(rig, 0, t);
	for (unsigned int i = 0; i < QUESTIONS; i++) {
		struct zt_query q = any_question(t);
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

		any_seed(i);
		differ = run_tables(&rig, &met, first, sizeof(first));
		snprintf(name, sizeof(name), "tables %u: both judges agree", i);
		rig_check(&rig, !differ, name, "%u of %u differ; %s", differ, QUESTIONS, first);
	}
	check_met(&rig, &met);
	buckets(&rig);
	return rig_exit(&rig);
}
