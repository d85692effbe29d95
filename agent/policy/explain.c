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

/* The two ends as sets of segments, at the moment asked about. */
struct ends {
	const struct zt_tables *tables;
	const struct zt_query *q;
	const struct zt_answer *answer;
	uint32_t near;
	uint32_t far;
	__u64 open; /* timed conditions that are open */
};

static uint32_t set_of(const struct zt_tables *t, const struct zt_dir_node *node, __u64 now_ns)
{
	const struct zt_directory *dir = &t->people->dir;

	return node ? zt_directory_set_at(dir, node->set, node->change, now_ns) : dir->unknown_set;
}

static uint32_t near_set_of(const struct zt_tables *t, const struct zt_query *q, uint32_t near_id)
{
	const struct zt_tables_people *p = t->people;
	const struct zt_dir_node *node = zt_directory_find(&p->dir, &q->near);
	uint32_t host =
		zt_directory_set_at(&p->dir, p->dir.host_set, p->dir.host_change, q->now_ns);

	if (q->near_id) /* no address: only what tells near ends apart is known */
		return near_id < p->near_count ? p->near_sets[near_id] : 0;
	if (q->dir == ZT_DIR_FWD)
		return set_of(t, node, q->now_ns);
	if (!node)
		return zt_atoms_near(&p->atoms, host, 0, 0);
	return zt_atoms_near(&p->atoms, host, set_of(t, node, q->now_ns),
			     node->local | zt_atoms_grouped(&p->atoms, node->set));
}

/* Whether a statement speaks of these two ends, its `from` being this atom. */
static bool about(const struct ends *e, const struct zt_lowered *s, uint32_t from)
{
	const struct zt_sets *sets = e->tables->people->atoms.sets;
	uint32_t near_atom = e->q->dir == ZT_DIR_IN ? s->to : from;
	uint32_t far_atom = e->q->dir == ZT_DIR_IN ? from : s->to;

	return zt_far_matches(sets, e->far, far_atom) &&
	       (e->q->dir == ZT_DIR_FWD ? zt_far_matches(sets, e->near, near_atom)
					: zt_near_matches(sets, e->near, near_atom));
}

/* Which part of a condition does not hold; ZT_WHY_DECIDES = it holds. */
static enum zt_why unmet(const struct ends *e, const struct zt_lowered *s, int bit)
{
	const struct zt_slot_meta *meta = &e->tables->meta;
	__u64 mask;

	if (bit == ZT_NO_BIT)
		return ZT_WHY_DECIDES;
	mask = 1ULL << bit;
	if (!(meta->q_free & mask) && !(e->q->qmask & mask))
		return ZT_WHY_OWNER;
	if (meta->q_timed & mask && !(e->open & mask))
		return s->expires_ns && s->expires_ns <= e->q->now_ns ? ZT_WHY_EXPIRED
								      : ZT_WHY_HOURS;
	if (e->answer->bucket < ZT_BUCKETS && !(meta->share[e->answer->bucket] & mask))
		return ZT_WHY_CANARY;
	return ZT_WHY_DECIDES;
}

/* Its part in the verdict of one plane. */
static enum zt_why why(const struct ends *e, const struct zt_lowered *s, int plane, bool skipped,
		       int bound)
{
	const struct zt_answer *a = e->answer;
	bool has_say = s->planes >> plane & 1;
	enum zt_why reason;

	if (e->tables->candidate_name && s->layer != (plane == ZT_CANDIDATE))
		return ZT_WHY_LAYER;
	if (skipped)
		return ZT_WHY_FAR_OWNER;
	if (!zt_ports_has(&s->ports, e->q->port_index))
		return ZT_WHY_PORT;
	if (s->expired)
		return ZT_WHY_EXPIRED;
	if (!about(e, s, s->from))
		return ZT_WHY_LABELS;
	/* A staged one has conditions in the candidate plane only. */
	reason = unmet(e, s, s->bit[has_say ? plane : ZT_CANDIDATE][bound]);
	if (reason != ZT_WHY_DECIDES)
		return reason;
	if (!has_say)
		return ZT_WHY_STAGED;
	if (a->rule[plane] == s->number)
		return ZT_WHY_DECIDES;
	return s->rank == ZT_RANK_FAILSAFE ? ZT_WHY_UNUSED : ZT_WHY_OUTRANKED;
}

static void consider(const struct ends *e, const struct zt_lowered *s, struct zt_candidate *ret)
{
	bool from_here = e->q->dir == ZT_DIR_OUT, to_here = e->q->dir == ZT_DIR_IN;
	bool far_asked = (s->from_qualified && !from_here) || (s->to_qualified && !to_here);
	int bound = zt_bound_end(s, e->q->dir);

	ret->rule = s->info;
	ret->owner_ignored = far_asked && s->action == ZT_ALLOW;
	for (int plane = 0; plane < ZT_PLANE_COUNT; plane++)
		ret->why[plane] = why(e, s, plane, bound < 0, bound < 0 ? ZT_BOUND_NONE : bound);
}

int zt_tables_explain(const struct zt_tables *t, const struct zt_query *q,
		      struct zt_explanation *ret)
{
	zt_auto(zt_explanation_free) struct zt_explanation x = {0};
	const struct zt_tables_people *p = t->people;
	struct ends e = {.tables = t, .q = q, .answer = &x.answer};
	int r;

	zt_tables_judge(t, q, &x.answer);
	r = list_segments(t, &q->near, q->dir != ZT_DIR_FWD, &x.near_segments,
			  &x.near_segment_count);
	if (r == 0)
		r = list_segments(t, &q->far, false, &x.far_segments, &x.far_segment_count);
	x.candidates = calloc(p->stmt_count + 1, sizeof(*x.candidates));
	if (r < 0 || !x.candidates)
		return -ENOMEM;
	e.near = near_set_of(t, q, x.answer.near_id);
	e.far = set_of(t, zt_directory_find(&p->dir, &q->far), q->now_ns);
	e.open = zt_tables_open(t, q->now_ns);
	for (size_t i = 0; i < p->stmt_count; i++)
		if (about(&e, &p->stmts[i], p->stmts[i].plain_from))
			consider(&e, &p->stmts[i], &x.candidates[x.candidate_count++]);
	*ret = x;
	x = (struct zt_explanation){0};
	return zt_sets_error(p->atoms.sets);
}

const char *zt_why_text(enum zt_why reason)
{
	static const char *const texts[ZT_WHY_COUNT] = {
		[ZT_WHY_DECIDES] = "decides",	      [ZT_WHY_OUTRANKED] = "outranked",
		[ZT_WHY_PORT] = "other ports",	      [ZT_WHY_OWNER] = "other workload",
		[ZT_WHY_STAGED] = "staged",	      [ZT_WHY_UNUSED] = "not needed",
		[ZT_WHY_FAR_OWNER] = "far workload",  [ZT_WHY_HOURS] = "outside its hours",
		[ZT_WHY_EXPIRED] = "expired",	      [ZT_WHY_LABELS] = "labels do not hold",
		[ZT_WHY_CANARY] = "not in the share", [ZT_WHY_LAYER] = "other policy",
	};

	return reason < ZT_WHY_COUNT ? texts[reason] : "unknown";
}
