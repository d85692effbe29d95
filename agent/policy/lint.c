/* SPDX-License-Identifier: Apache-2.0 */
/* lint.c - what a policy says in vain: statements that can never match. */
#include "policy/lint.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/strmap.h"
#include "base/vec.h"
#include "policy/cover.h"

#define WORK_MAX 4000000 /* comparisons of statements that advice is worth */

/* A run of ports of a statement, in the list of those with the same two ends. */
struct run {
	uint32_t first;
	uint32_t last;
	uint32_t reach; /* the largest last up to here */
	uint32_t stmt;
};

struct run_list {
	struct run *items;
	size_t count;
	size_t cap;
};

/* Ends as numbers: a segment, or a built-in one behind the last of them. */
struct ends {
	uint32_t from;
	uint32_t to;
};

/* Ends that take in an end, itself among them. */
struct wider {
	const uint32_t *segments;
	size_t count;
	uint32_t own;
	uint32_t any;
};

struct linter {
	const struct zt_policy *policy;
	struct zt_diag *diag;
	int64_t now_s;
	struct zt_cover *cover;
	struct zt_strmap *ends; /* struct ends -> number */
	struct run_list *runs;	/* by that number */
	size_t runs_cap;
	size_t work;
};

static void linter_free(struct linter *l)
{
	for (size_t i = 0; i < l->runs_cap; i++)
		free(l->runs[i].items);
	free(l->runs);
	zt_cover_free(&l->cover);
	zt_strmap_free(&l->ends);
}

/* --- whether one statement hides another -------------------------------------------------- */

static bool expired(const struct linter *l, const struct zt_stmt *s)
{
	return s->expires_s && s->expires_s <= l->now_s;
}

static bool same_text(const struct zt_text *a, const struct zt_text *b)
{
	return a->s && b->s ? strcmp(a->s, b->s) == 0 : a->s == b->s;
}

static bool same_qualifier(const struct zt_end *a, const struct zt_end *b)
{
	return same_text(&a->qual.unit, &b->qual.unit) &&
	       same_text(&a->qual.cgroup, &b->qual.cgroup) &&
	       same_text(&a->qual.user, &b->qual.user) && same_text(&a->qual.exe, &b->qual.exe);
}

/* At the other host an allow forgets its workload, a deny forgets itself. */
static bool workloads_cover(const struct zt_stmt *h, const struct zt_stmt *s)
{
	if (!h->from.qualified && !h->to.qualified)
		return true;
	return h->action == s->action && same_qualifier(&h->from, &s->from) &&
	       same_qualifier(&h->to, &s->to);
}

static bool same_hours(const struct zt_when *a, const struct zt_when *b)
{
	return a->hour_count == b->hour_count && strcmp(a->timezone, b->timezone) == 0 &&
	       memcmp(a->hours, b->hours, a->hour_count * sizeof(*a->hours)) == 0;
}

static bool labels_within(const struct zt_when *fewer, const struct zt_when *more)
{
	size_t m = 0;

	for (size_t f = 0; f < fewer->label_count; f++) {
		while (m < more->label_count &&
		       (strcmp(more->labels[m].key, fewer->labels[f].key) != 0 ||
			strcmp(more->labels[m].value, fewer->labels[f].value) != 0))
			m++;
		if (m == more->label_count)
			return false;
	}
	return true;
}

/* Whether h holds whenever s does. */
static bool conditions_cover(const struct zt_stmt *h, const struct zt_stmt *s)
{
	if (h->expires_s && (!s->expires_s || s->expires_s > h->expires_s))
		return false;
	if (h->when.hour_count && !same_hours(&h->when, &s->when))
		return false;
	return labels_within(&h->when, &s->when);
}

/* `this-host` in a deny means this one alone; in an allow, at the other end, any of them. */
static bool host_ends_cover(const struct zt_stmt *h, const struct zt_stmt *s)
{
	return h->action == s->action ||
	       (h->from.kind != ZT_END_THIS_HOST && h->to.kind != ZT_END_THIS_HOST);
}

static int rank(const struct zt_stmt *s)
{
	if (s->kind == ZT_STMT_RULE)
		return s->action == ZT_DENY ? 3 : 2;
	return s->kind == ZT_STMT_BOUNDARY ? 1 : 0;
}

/* Whether h is looked at before s, in a judgement that has both. */
static bool comes_before(const struct zt_stmt *h, const struct zt_stmt *s)
{
	return rank(h) != rank(s) ? rank(h) > rank(s) : h < s;
}

/* All but the ends, which the caller has compared. */
static bool hides(const struct linter *l, const struct zt_stmt *h, const struct zt_stmt *s)
{
	return h != s && comes_before(h, s) && !expired(l, h) && workloads_cover(h, s) &&
	       conditions_cover(h, s) && host_ends_cover(h, s) &&
	       zt_cover_ports(&h->ports, &s->ports);
}

/* An enforced statement is also judged without the staged ones. */
static bool in_candidate_only(const struct zt_stmt *h, const struct zt_stmt *s)
{
	return h->mode == ZT_MODE_STAGED && s->mode == ZT_MODE_ENFORCED;
}

/* --- telling it ----------------------------------------------------------------------------- */

static const char *what(const struct zt_stmt *s)
{
	if (s->kind == ZT_STMT_RULE)
		return s->action == ZT_DENY ? "deny rule" : "rule";
	return zt_stmt_kind_name(s->kind);
}

static bool same_end(const struct zt_end *a, const struct zt_end *b)
{
	return a->kind == b->kind && a->kind != ZT_END_NETS && same_qualifier(a, b) &&
	       (a->kind != ZT_END_SEGMENT || a->segment == b->segment);
}

static bool contradicts(const struct zt_stmt *h, const struct zt_stmt *s)
{
	return h->action != s->action && same_end(&h->from, &s->from) && same_end(&h->to, &s->to) &&
	       zt_cover_ports(&s->ports, &h->ports);
}

static void tell(struct linter *l, const struct zt_stmt *h, const struct zt_stmt *s)
{
	bool candidate = in_candidate_only(h, s);

	zt_diag_warn(l->diag, &s->loc, "%s%s '%s' can never match: %s%s '%s' at %s:%u %s %s first",
		     candidate ? "in the candidate " : "", what(s), s->id,
		     candidate ? "staged " : "", what(h), h->id, h->loc.file, h->loc.line,
		     h->action == ZT_DENY ? "denies" : "allows",
		     contradicts(h, s) ? "exactly that" : "all of it");
	if (candidate)
		zt_diag_remedy(l->diag,
			       "it matches until '%s' is enforced: remove it then, or "
			       "narrow '%s'",
			       h->id, h->id);
	else
		zt_diag_remedy(l->diag, "remove it, or narrow '%s'", h->id);
}

static void tell_expired(struct linter *l, const struct zt_stmt *s)
{
	zt_diag_warn(l->diag, &s->expires.loc, "%s '%s' has expired (%s): it no longer matches",
		     what(s), s->id, s->expires.s);
	zt_diag_remedy(l->diag, "remove it, or give it a later date");
}

/* --- statements by their ends --------------------------------------------------------------- */

static uint32_t end_number(const struct linter *l, const struct zt_end *end)
{
	return end->kind == ZT_END_SEGMENT ? (uint32_t)end->segment
					   : (uint32_t)(l->policy->segment_count + end->kind);
}

static int add_runs(struct linter *l, uint32_t number)
{
	const struct zt_stmt *s = &l->policy->stmts[number];
	struct ends ends = {end_number(l, &s->from), end_number(l, &s->to)};
	uint32_t n = zt_strmap_intern(l->ends, &ends, sizeof(ends), NULL);
	size_t old = l->runs_cap;
	struct run_list *list;

	if (n == ZT_STRMAP_NONE ||
	    zt_vec_grow(&l->runs, &l->runs_cap, (size_t)n + 1, sizeof(*l->runs)) < 0)
		return -ENOMEM;
	if (l->runs_cap > old)
		memset(l->runs + old, 0, (l->runs_cap - old) * sizeof(*l->runs));
	list = &l->runs[n];
	for (size_t i = 0; i < s->ports.count; i++) {
		if (zt_vec_grow(&list->items, &list->cap, list->count + 1, sizeof(*list->items)) <
		    0)
			return -ENOMEM;
		list->items[list->count++] = (struct run){.first = s->ports.ranges[i].first,
							  .last = s->ports.ranges[i].last,
							  .stmt = number};
	}
	return 0;
}

static int by_first(const void *a, const void *b)
{
	const struct run *x = a, *y = b;

	if (x->first != y->first)
		return x->first < y->first ? -1 : 1;
	return x->stmt < y->stmt ? -1 : x->stmt > y->stmt;
}

static int index_stmts(struct linter *l)
{
	for (uint32_t i = 0; i < l->policy->stmt_count; i++)
		if (l->policy->stmts[i].kind != ZT_STMT_FAILSAFE && add_runs(l, i) < 0)
			return -ENOMEM;
	for (size_t n = 0; n < l->runs_cap; n++) {
		struct run_list *list = &l->runs[n];
		uint32_t reach = 0;

		if (list->count)
			qsort(list->items, list->count, sizeof(*list->items), by_first);
		for (size_t i = 0; i < list->count; i++) {
			if (list->items[i].last > reach)
				reach = list->items[i].last;
			list->items[i].reach = reach;
		}
	}
	return 0;
}

/* The better of two hiders: one that hides in both judgements, then what is looked at first. */
static const struct zt_stmt *better(const struct zt_stmt *a, const struct zt_stmt *b,
				    const struct zt_stmt *s)
{
	if (!a || !b)
		return a ?: b;
	if (in_candidate_only(a, s) != in_candidate_only(b, s))
		return in_candidate_only(a, s) ? b : a;
	return comes_before(a, b) ? a : b;
}

/* Number of runs that begin at or before a port index. */
static size_t runs_up_to(const struct run_list *list, uint32_t index)
{
	size_t low = 0, high = list->count;

	while (low < high) {
		size_t mid = low + (high - low) / 2;

		if (list->items[mid].first <= index)
			low = mid + 1;
		else
			high = mid;
	}
	return low;
}

/* Who, of the statements with these two ends, hides s. */
static const struct zt_stmt *find_in(struct linter *l, struct ends ends, const struct zt_stmt *s)
{
	uint32_t n = zt_strmap_find(l->ends, &ends, sizeof(ends));
	const struct zt_port_range *first = s->ports.ranges;
	const struct zt_stmt *found = NULL;
	const struct run_list *list;

	if (n == ZT_STRMAP_NONE || !s->ports.count)
		return NULL;
	list = &l->runs[n];
	for (size_t i = runs_up_to(list, first->first); i-- && l->work < WORK_MAX; l->work++) {
		const struct run *run = &list->items[i];
		const struct zt_stmt *h = &l->policy->stmts[run->stmt];

		if (run->reach < first->last)
			break; /* none before reaches as far */
		if (run->last >= first->last && hides(l, h, s))
			found = better(found, h, s);
	}
	return found;
}

static int wider_ends(struct linter *l, const struct zt_end *end, struct wider *ret)
{
	*ret = (struct wider){.own = end_number(l, end),
			      .any = (uint32_t)(l->policy->segment_count + ZT_END_ANY)};
	if (end->kind != ZT_END_SEGMENT)
		return 0;
	return zt_cover_wider(l->cover, ret->own, &ret->segments, &ret->count);
}

/* The i-th end that takes it in: itself, any, then segments; false when there is none. */
static bool nth(const struct wider *w, size_t i, uint32_t *ret)
{
	if (i == 1 && w->own == w->any)
		return false; /* nothing takes in everything but itself */
	if (i >= 2 + w->count)
		return false;
	*ret = i == 0 ? w->own : i == 1 ? w->any : w->segments[i - 2];
	return true;
}

static int lint_stmt(struct linter *l, const struct zt_stmt *s)
{
	const struct zt_stmt *found = NULL;
	struct wider from, to;
	struct ends ends;
	int r;

	r = wider_ends(l, &s->from, &from);
	if (r == 0)
		r = wider_ends(l, &s->to, &to);
	if (r < 0)
		return r;
	for (size_t i = 0; nth(&from, i, &ends.from); i++)
		for (size_t j = 0; nth(&to, j, &ends.to); j++)
			found = better(found, find_in(l, ends, s), s);
	if (found)
		tell(l, found, s);
	return 0;
}

/* --- failsafes: few, with prefixes of their own --------------------------------------------- */

static bool end_covers(const struct linter *l, const struct zt_end *wide,
		       const struct zt_end *narrow)
{
	const struct zt_segment *seg;

	if (wide->kind == ZT_END_ANY)
		return true;
	if (wide->kind != ZT_END_NETS)
		return same_end(wide, narrow);
	if (narrow->kind == ZT_END_NETS)
		return zt_cover_nets(wide->nets, wide->net_count, narrow->nets, narrow->net_count);
	if (narrow->kind != ZT_END_SEGMENT)
		return false;
	seg = &l->policy->segments[narrow->segment];
	return !seg->select_count &&
	       zt_cover_nets(wide->nets, wide->net_count, seg->addresses, seg->address_count);
}

static void lint_failsafe(struct linter *l, const struct zt_stmt *s)
{
	for (const struct zt_stmt *h = l->policy->stmts; h < s && l->work < WORK_MAX; h++) {
		if (h->kind != ZT_STMT_FAILSAFE)
			continue;
		l->work += 1 + (h->from.net_count + h->to.net_count) *
				       (s->from.net_count + s->to.net_count);
		if (hides(l, h, s) && end_covers(l, &h->from, &s->from) &&
		    end_covers(l, &h->to, &s->to)) {
			tell(l, h, s);
			return;
		}
	}
}

int zt_policy_lint(const struct zt_policy *policy, int64_t now_s, struct zt_diag *diag)
{
	zt_auto(linter_free) struct linter l = {.policy = policy, .diag = diag, .now_s = now_s};
	int r;

	r = zt_strmap_new(&l.ends);
	if (r == 0)
		r = zt_cover_new(&l.cover, policy);
	if (r == 0)
		r = index_stmts(&l);
	for (size_t i = 0; i < policy->stmt_count && r == 0; i++) {
		const struct zt_stmt *s = &policy->stmts[i];

		if (expired(&l, s))
			tell_expired(&l, s);
		else if (s->kind == ZT_STMT_FAILSAFE)
			lint_failsafe(&l, s);
		else
			r = lint_stmt(&l, s);
	}
	return r;
}
