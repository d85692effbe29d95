/* SPDX-License-Identifier: Apache-2.0 */
/*
 * bits.c - conditions of statements: a bit for each distinct one.
 *
 * A condition is a workload, a schedule (hours and expiry), a share of the far
 * hosts, or several of these. What statements ask for together is one bit, so
 * that the cells stay as small as they are.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/strbuf.h"
#include "base/vec.h"
#include "policy/lower.h"

struct cond_maker {
	struct zt_compiler *c;
	struct zt_strmap *bits; /* all that a condition asks for -> bit */
	struct zt_cond conds[ZT_QUALS_MAX];
	struct zt_strmap *schedules; /* openings as bytes -> schedule */
	struct zt_opening *openings;
	size_t opening_cap;
	int64_t from_s;
	int64_t to_s;
};

static void maker_free(struct cond_maker *m)
{
	for (uint32_t i = 0; m->openings && i < zt_strmap_count(m->schedules); i++)
		free(m->openings[i].open);
	free(m->openings);
	zt_strmap_free(&m->bits);
	zt_strmap_free(&m->schedules);
}

static void add_part(struct zt_strbuf *sb, const struct zt_text *text)
{
	/* Absent and empty differ; no text of the language holds a NUL. */
	if (text->s)
		zt_strbuf_printf(sb, "=%s", text->s);
	zt_strbuf_add(sb, "", 1);
}

/* --- schedules --------------------------------------------------------------------------- */

/*
 * What is not known to open is closed for an allow and stays for a deny. An expiry
 * within what is looked ahead has closed both before.
 */
static int add_schedule(struct cond_maker *m, const struct zt_lowered *s, uint32_t *ret)
{
	zt_auto(zt_freep) struct zt_open *open = NULL;
	zt_auto(zt_strbuf_free) struct zt_strbuf key = ZT_STRBUF_INIT;
	size_t count = 0;
	bool is_new;
	int r = zt_schedule_open(s->stmt, m->from_s, m->to_s, &open, &count);

	if (r == -ENOENT || r == -EINVAL) {
		zt_speak_of(m->c, s);
		return zt_diag_error(m->c->diag, &s->stmt->loc,
				     "the hours of '%s' cannot be worked out: time zone '%s' (%s)",
				     s->stmt->id, s->stmt->when.timezone, strerror(-r));
	}
	if (r < 0)
		return r;
	zt_strbuf_add(&key, &s->action, sizeof(s->action));
	zt_strbuf_add(&key, open, count * sizeof(*open));
	if (zt_strbuf_error(&key))
		return -ENOMEM;
	*ret = zt_strmap_intern(m->schedules, key.data, key.len, &is_new);
	if (*ret == ZT_STRMAP_NONE)
		return -ENOMEM;
	if (is_new) {
		if (zt_vec_grow(&m->openings, &m->opening_cap, (size_t)*ret + 1,
				sizeof(*m->openings)) < 0)
			return -ENOMEM;
		m->openings[*ret] =
			(struct zt_opening){.count = count, .stays = s->action == ZT_DENY};
		m->openings[*ret].open = zt_take(open);
	}
	(*ret)++;
	return 0;
}

void zt_horizon(const struct zt_compile_env *env, int64_t *ret_from_s, int64_t *ret_to_s)
{
	const int64_t day = 24 * 3600;
	int64_t now = ((int64_t)env->now_ns + env->wall_offset_ns) / 1000000000;

	*ret_from_s = now / day * day;
	*ret_to_s = *ret_from_s + (ZT_HORIZON_DAYS + 1) * day;
}

/* --- bits -------------------------------------------------------------------------------- */

static const struct zt_qualifier *qual_of(const struct zt_lowered *s, int bound)
{
	if (bound == ZT_BOUND_NONE)
		return NULL;
	return bound == ZT_BOUND_FROM ? &s->stmt->from.qual : &s->stmt->to.qual;
}

static int take_bit(struct cond_maker *m, const struct zt_cond *want, uint32_t *ret)
{
	zt_auto(zt_strbuf_free) struct zt_strbuf key = ZT_STRBUF_INIT;
	bool is_new;

	if (want->qual) {
		zt_strbuf_add(&key, "q", 1);
		add_part(&key, &want->qual->unit);
		add_part(&key, &want->qual->cgroup);
		add_part(&key, &want->qual->user);
		add_part(&key, &want->qual->exe);
	}
	zt_strbuf_add(&key, &want->schedule, sizeof(want->schedule));
	zt_strbuf_add(&key, &want->percent, sizeof(want->percent));
	if (zt_strbuf_error(&key))
		return -ENOMEM;
	*ret = zt_strmap_intern(m->bits, key.data, key.len, &is_new);
	if (*ret == ZT_STRMAP_NONE)
		return -ENOMEM;
	if (*ret >= ZT_QUALS_MAX)
		return 0; /* counted on, to tell how many there are */
	if (is_new)
		m->conds[*ret] = *want;
	else if (want->deny && !m->conds[*ret].deny)
		m->conds[*ret] = *want; /* a name that means nothing is an error for this one */
	return 0;
}

/* All that a statement asks for in one plane, bound by one end. */
static int take_cond(struct cond_maker *m, struct zt_lowered *s, uint32_t schedule, int plane,
		     int bound)
{
	struct zt_cond want = {.qual = qual_of(s, bound),
			       .stmt = s,
			       .schedule = schedule,
			       .percent = plane == ZT_LIVE ? s->percent : 100,
			       .deny = s->action == ZT_DENY};
	uint32_t bit;
	int r;

	if (!want.qual && !want.schedule && want.percent == 100)
		return 0;
	r = take_bit(m, &want, &bit);
	if (r == 0 && bit < ZT_QUALS_MAX)
		s->bit[plane][bound] = (signed char)bit;
	return r;
}

static int take_conds(struct cond_maker *m, struct zt_lowered *s)
{
	uint32_t schedule = 0;
	int r = 0;

	if (!s->planes || s->rank == ZT_RANK_FAILSAFE)
		return 0;
	if (zt_schedule_timed(s->stmt))
		r = add_schedule(m, s, &schedule);
	for (int bound = 0; bound < ZT_BOUND_COUNT && r == 0; bound++)
		for (int plane = 0; plane < ZT_PLANE_COUNT && r == 0; plane++)
			if (s->binds[bound] && s->planes >> plane & 1)
				r = take_cond(m, s, schedule, plane, bound);
	return r;
}

/* Bits are given in the order of the file: of two that match, the lower one is named. */
static int take_bits(struct cond_maker *m)
{
	zt_auto(zt_freep) struct zt_lowered **stmts = NULL;
	size_t count, limit = m->c->limits->qualifiers;
	int r = zt_stmts_in_order(m->c, &stmts, &count);

	for (size_t i = 0; i < count && r == 0; i++)
		r = take_conds(m, stmts[i]);
	if (r < 0)
		return r;
	if (limit > ZT_QUALS_MAX)
		limit = ZT_QUALS_MAX;
	return zt_strmap_count(m->bits) > limit
		       ? zt_over_limit(m->c, zt_strmap_count(m->bits), false, limit,
				       "different conditions (workloads, hours, expiries, shares)")
		       : 0;
}

static void describe_bits(struct cond_maker *m)
{
	struct zt_slot_meta *meta = &m->c->t->meta;

	for (uint32_t bit = 0; bit < zt_strmap_count(m->bits); bit++) {
		const struct zt_cond *cond = &m->conds[bit];
		__u64 mask = 1ULL << bit;

		if (!cond->qual)
			meta->q_free |= mask;
		else
			meta->flags |= ZT_META_QUALS;
		if (cond->schedule)
			meta->q_timed |= mask;
		for (__u32 bucket = cond->percent; bucket < ZT_BUCKETS; bucket++)
			meta->share[bucket] &= ~mask;
	}
}

int zt_lower_conds(struct zt_compiler *c)
{
	zt_auto(maker_free) struct cond_maker m = {.c = c};
	uint32_t count;
	int r = zt_strmap_new(&m.bits);

	if (r == 0)
		r = zt_strmap_new(&m.schedules);
	zt_horizon(c->env, &m.from_s, &m.to_s);
	if (r == 0)
		r = take_bits(&m);
	if (r < 0)
		return r;
	count = zt_strmap_count(m.bits);
	c->t->qualifiers = count;
	describe_bits(&m);
	r = zt_lower_quals(c, m.conds, count);
	return r < 0 ? r : zt_lower_windows(c, m.conds, count, m.openings);
}
