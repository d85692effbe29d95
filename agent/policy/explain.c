/* SPDX-License-Identifier: Apache-2.0 */
/* explain.c - why an answer is what it is: every statement about the two ends, and its part. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "policy/judge.h"
#include "policy/lower.h"

void zt_explanation_free(struct zt_explanation *e)
{
	zt_freep(&e->near_segments);
	zt_freep(&e->far_segments);
	zt_freep(&e->candidates);
	*e = (struct zt_explanation){0};
}

/* All segments of an end, however many. */
static int list_segments(const struct zt_tables *t, const struct zt_addr *addr, bool near,
			 const char ***ret, size_t *ret_count)
{
	size_t n = zt_tables_segments(t, addr, near, NULL, 0);
	const char **names = calloc(n + 1, sizeof(*names));

	if (!names)
		return -ENOMEM;
	zt_tables_segments(t, addr, near, names, n);
	*ret = names;
	*ret_count = n;
	return 0;
}

/* Whether the statement speaks of these two ends at all. */
static bool about(const struct zt_tables_people *p, const struct zt_people_stmt *s, __u32 dir,
		  uint32_t near_set, uint32_t far_set)
{
	uint32_t near_atom = dir == ZT_DIR_IN ? s->to : s->from;
	uint32_t far_atom = dir == ZT_DIR_IN ? s->from : s->to;

	return zt_far_matches(p->sets, far_set, far_atom) &&
	       (dir == ZT_DIR_FWD ? zt_far_matches(p->sets, near_set, near_atom)
				  : zt_near_matches(p->sets, near_set, near_atom));
}

/* Its part in the verdict of one plane. */
static enum zt_why why(const struct zt_people_stmt *s, const struct zt_query *q,
		       const struct zt_answer *a, int plane, bool skipped, int bit)
{
	if (skipped)
		return ZT_WHY_FAR_OWNER;
	if (!zt_ports_has(&s->ports, q->port_index))
		return ZT_WHY_PORT;
	if (bit != ZT_NO_BIT && !(q->qmask >> bit & 1))
		return ZT_WHY_OWNER;
	if (plane == ZT_LIVE && !s->live && s->rank != ZT_RANK_FAILSAFE)
		return ZT_WHY_STAGED;
	if (a->rule[plane] == s->info->number)
		return ZT_WHY_DECIDES;
	return s->rank == ZT_RANK_FAILSAFE ? ZT_WHY_UNUSED : ZT_WHY_OUTRANKED;
}

static void consider(const struct zt_people_stmt *s, const struct zt_query *q,
		     const struct zt_answer *a, struct zt_candidate *ret)
{
	const struct zt_rule_info *info = s->info;
	bool from_here = q->dir == ZT_DIR_OUT, to_here = q->dir == ZT_DIR_IN;
	bool far_asked = (info->from_qualified && !from_here) || (info->to_qualified && !to_here);
	int bit = ZT_NO_BIT;

	if (info->from_qualified && from_here)
		bit = s->bit[ZT_BOUND_FROM];
	else if (info->to_qualified && to_here)
		bit = s->bit[ZT_BOUND_TO];
	ret->rule = info;
	ret->owner_ignored = far_asked && info->action == ZT_ALLOW;
	for (int plane = 0; plane < ZT_PLANE_COUNT; plane++)
		ret->why[plane] = why(s, q, a, plane, far_asked && info->action == ZT_DENY, bit);
}

int zt_tables_explain(const struct zt_tables *t, const struct zt_query *q,
		      struct zt_explanation *ret)
{
	zt_auto(zt_explanation_free) struct zt_explanation e = {0};
	const struct zt_tables_people *p = t->people;
	uint32_t near_set, far_set;
	int r;

	zt_tables_judge(t, q, &e.answer);
	r = list_segments(t, &q->near, q->dir != ZT_DIR_FWD, &e.near_segments,
			  &e.near_segment_count);
	if (r == 0)
		r = list_segments(t, &q->far, false, &e.far_segments, &e.far_segment_count);
	e.candidates = calloc(p->stmt_count + 1, sizeof(*e.candidates));
	if (r < 0 || !e.candidates)
		return -ENOMEM;
	far_set = e.answer.far_id < p->far_count ? p->far_sets[e.answer.far_id] : 0;
	if (q->dir == ZT_DIR_FWD)
		near_set = e.answer.near_id < p->far_count ? p->far_sets[e.answer.near_id] : 0;
	else
		near_set = e.answer.near_id < p->near_count ? p->near_sets[e.answer.near_id] : 0;
	for (size_t i = 0; i < p->stmt_count; i++)
		if (about(p, &p->stmts[i], q->dir, near_set, far_set))
			consider(&p->stmts[i], q, &e.answer, &e.candidates[e.candidate_count++]);
	*ret = e;
	e = (struct zt_explanation){0};
	return 0;
}

const char *zt_why_text(enum zt_why reason)
{
	static const char *const texts[ZT_WHY_COUNT] = {
		[ZT_WHY_DECIDES] = "decides",	     [ZT_WHY_OUTRANKED] = "outranked",
		[ZT_WHY_PORT] = "other ports",	     [ZT_WHY_OWNER] = "other workload",
		[ZT_WHY_STAGED] = "staged",	     [ZT_WHY_UNUSED] = "not needed",
		[ZT_WHY_FAR_OWNER] = "far workload",
	};

	return reason < ZT_WHY_COUNT ? texts[reason] : "unknown";
}
