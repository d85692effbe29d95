// SPDX-License-Identifier: Apache-2.0
/* score.c - questions to tiers, factors to sums, and both to an order. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "ctl/prioritize/prioritize.h"

static struct ztc_range sum_of(const struct ztc_level *levels, int count)
{
	struct ztc_range sum = {0, 0};

	for (int i = 0; i < count; i++) {
		sum.min += levels[i].level ? levels[i].level : 1;
		sum.max += levels[i].level ? levels[i].level : 3;
	}
	return sum;
}

/* Any of several: one yes is enough, a no needs all of them. */
static enum ztc_answer any_of(const enum ztc_answer *answers, int count)
{
	enum ztc_answer result = ZTC_NO;

	for (int i = 0; i < count; i++) {
		if (answers[i] == ZTC_YES)
			return ZTC_YES;
		if (answers[i] == ZTC_UNKNOWN)
			result = ZTC_UNKNOWN;
	}
	return result;
}

static void answer(struct ztc_system *s)
{
	enum ztc_answer low[2] = {
		s->manual,
		s->rto_us < 0		       ? ZTC_UNKNOWN
		: s->rto_us > ZTC_RTO_LIMIT_US ? ZTC_YES
					       : ZTC_NO,
	};

	s->high = any_of(s->data, ZTC_DATA_COUNT);
	s->low = any_of(low, 2);
}

static int tier_of(bool high, bool low)
{
	if (high)
		return low ? 1 : 2;
	return low ? 3 : 4;
}

static void judge(struct ztc_system *s, enum ztc_method method)
{
	bool open;

	answer(s);
	s->risk_sum = sum_of(s->risk, ZTC_RISK_COUNT);
	s->impact_sum = sum_of(s->impact, ZTC_IMPACT_COUNT);
	/* The first that it may be is with every open answer "yes". */
	s->tier = (struct ztc_range){tier_of(s->high != ZTC_NO, s->low != ZTC_NO),
				     tier_of(s->high == ZTC_YES, s->low == ZTC_YES)};
	if (!ztc_system_fields(s)) {
		s->tier = (struct ztc_range){0, 0};
		s->incomplete = s->field_open;
		return;
	}
	open = s->risk_sum.min != s->risk_sum.max || s->impact_sum.min != s->impact_sum.max;
	s->incomplete = s->field_open || (method != ZTC_METHOD_GATE && open) ||
			(method != ZTC_METHOD_SCORE && s->tier.min != s->tier.max);
}

/* --- order --- */

/* What systems are sorted by, smaller first; once at the best that it may be, once at the worst. */
struct key {
	int tier, risk, impact; /* risk negative: the larger sum is first */
	int64_t rto;		/* negative; not given is behind all that are */
	const char *id;
	struct ztc_system *system;
};

static int compare(const void *a, const void *b)
{
	const struct key *x = a, *y = b;

	if (x->tier != y->tier)
		return x->tier < y->tier ? -1 : 1;
	if (x->risk != y->risk)
		return x->risk < y->risk ? -1 : 1;
	if (x->impact != y->impact)
		return x->impact < y->impact ? -1 : 1;
	if (x->rto != y->rto)
		return x->rto < y->rto ? -1 : 1;
	return strcmp(x->id, y->id);
}

static struct key key_of(struct ztc_system *s, bool best, bool questions)
{
	return (struct key){
		.tier = questions ? (best ? s->tier.min : s->tier.max) : 0,
		.risk = -(best ? s->risk_sum.max : s->risk_sum.min),
		.impact = best ? s->impact_sum.min : s->impact_sum.max,
		.rto = questions && s->rto_us >= 0 ? -s->rto_us : 1,
		.id = s->id,
		.system = s,
	};
}

static bool is_ranked(const struct ztc_system *s)
{
	return !s->other_method && ztc_system_fields(s);
}

/* Keys of the sorted @keys that are smaller than @key; with @equal, not larger. */
static size_t count_before(const struct key *keys, size_t count, const struct key *key, bool equal)
{
	size_t low = 0, high = count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;
		int c = compare(&keys[middle], key);

		if (c < 0 || (equal && c == 0))
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

/*
 * Who is behind another even at his best, and before him even at his worst, cannot change places
 * with him; the rest of the order depends on what is still to be answered.
 */
static void set_ranks(struct key *best, struct key *worst, size_t count)
{
	qsort(best, count, sizeof(*best), compare);
	qsort(worst, count, sizeof(*worst), compare);
	for (size_t i = 0; i < count; i++) {
		struct ztc_system *s = best[i].system;

		s->rank = i + 1;
		s->rank_best = count_before(worst, count, &best[i], false) + 1;
	}
	for (size_t i = 0; i < count; i++)
		worst[i].system->rank_worst = count_before(best, count, &worst[i], true);
}

static int by_place(const void *a, const void *b)
{
	const struct ztc_system *x = *(struct ztc_system *const *)a;
	const struct ztc_system *y = *(struct ztc_system *const *)b;

	/* Ranked ones, then those in no field, then those of another method. */
	if (!x->rank != !y->rank)
		return x->rank ? -1 : 1;
	if (x->rank != y->rank)
		return x->rank < y->rank ? -1 : 1;
	if (x->other_method != y->other_method)
		return x->other_method ? 1 : -1;
	return strcmp(x->id, y->id);
}

int ztc_score(struct ztc_inventory *inv, enum ztc_method method)
{
	zt_auto(zt_freep) struct key *best = calloc(inv->count + 1, sizeof(*best));
	zt_auto(zt_freep) struct key *worst = calloc(inv->count + 1, sizeof(*worst));
	const bool questions = method != ZTC_METHOD_SCORE;
	size_t count = 0;

	if (!best || !worst)
		return -ENOMEM;
	for (size_t i = 0; i < inv->count; i++) {
		struct ztc_system *s = inv->systems[i];

		if (!s->other_method)
			judge(s, method);
		if (!is_ranked(s))
			continue;
		best[count] = key_of(s, true, false);
		worst[count++] = key_of(s, false, false);
	}
	set_ranks(best, worst, count);
	for (size_t i = 0; i < count; i++)
		best[i].system->rank_score = best[i].system->rank;
	if (questions) {
		for (size_t i = 0; i < count; i++) {
			struct ztc_system *s = best[i].system;

			best[i] = key_of(s, true, true);
			worst[i] = key_of(s, false, true);
		}
		set_ranks(best, worst, count);
	}
	qsort(inv->systems, inv->count, sizeof(*inv->systems), by_place);
	return 0;
}
