/* SPDX-License-Identifier: Apache-2.0 */
/*
 * windows.c - hours and expiries as a table of what is open from when on.
 *
 * It reaches ZT_HORIZON_DAYS ahead, so that hours end with the agent dead. Past
 * its last row a timed allow is closed, and a deny stays as it was then.
 */
#include <errno.h>
#include <stdlib.h>

#include "base/cleanup.h"
#include "base/vec.h"
#include "policy/lower.h"

#define NS_PER_S 1000000000LL

struct edge {
	__u64 at_ns;
	__u64 bit;
	bool opens;
};

struct window_maker {
	struct zt_compiler *c;
	struct edge *edges;
	size_t count;
	size_t cap;
	__u64 open;  /* at the beginning */
	__u64 close; /* bits that are closed past the last row */
};

static __u64 monotonic(const struct zt_compiler *c, int64_t wall_s)
{
	int64_t ns = wall_s * NS_PER_S - c->env->wall_offset_ns;

	return ns > 0 ? (__u64)ns : 0;
}

static int add_edge(struct window_maker *m, int64_t at_s, __u64 bit, bool opens)
{
	__u64 at_ns = monotonic(m->c, at_s);

	if (!at_ns) { /* before this boot */
		m->open = opens ? m->open | bit : m->open & ~bit;
		return 0;
	}
	if (zt_vec_grow(&m->edges, &m->cap, m->count + 1, sizeof(*m->edges)) < 0)
		return -ENOMEM;
	m->edges[m->count++] = (struct edge){.at_ns = at_ns, .bit = bit, .opens = opens};
	return 0;
}

static int add_edges(struct window_maker *m, const struct zt_opening *opening, __u64 bit)
{
	int64_t from_s, to_s;
	int r = 0;

	zt_horizon(m->c->env, &from_s, &to_s);
	m->close |= opening->stays ? 0 : bit;
	for (size_t i = 0; i < opening->count && r == 0; i++) {
		if (opening->open[i].from_s <= from_s)
			m->open |= bit;
		else
			r = add_edge(m, opening->open[i].from_s, bit, true);
		if (r == 0 && (opening->open[i].to_s < to_s || !opening->stays))
			r = add_edge(m, opening->open[i].to_s, bit, false);
	}
	return r;
}

static int by_time(const void *a, const void *b)
{
	const struct edge *x = a, *y = b;

	if (x->at_ns != y->at_ns)
		return x->at_ns < y->at_ns ? -1 : 1;
	return x->opens - y->opens; /* one that ends where another begins is not lost */
}

static int make_rows(struct window_maker *m)
{
	struct zt_tables *t = m->c->t;
	__u64 open = m->open;

	t->windows = calloc(m->count + 1, sizeof(*t->windows));
	if (!t->windows)
		return -ENOMEM;
	t->windows[t->window_count++].open = open;
	if (m->count > 1)
		qsort(m->edges, m->count, sizeof(*m->edges), by_time);
	for (size_t i = 0; i < m->count && t->window_count < ZT_WINDOWS_MAX; i++) {
		const struct edge *e = &m->edges[i];

		open = e->opens ? open | e->bit : open & ~e->bit;
		if (i + 1 < m->count && m->edges[i + 1].at_ns == e->at_ns)
			continue;
		if (t->window_count == ZT_WINDOWS_MAX - 1 && i + 1 < m->count) {
			zt_diag_warn(m->c->diag, NULL,
				     "the hours of this policy change more than %d times in %d "
				     "days: fewer days are known ahead",
				     ZT_WINDOWS_MAX, ZT_HORIZON_DAYS);
			open &= ~m->close;
		}
		if (t->windows[t->window_count - 1].open != open)
			t->windows[t->window_count++] =
				(struct zt_window){.from_ns = e->at_ns, .open = open};
	}
	return 0;
}

int zt_lower_windows(struct zt_compiler *c, const struct zt_cond *conds, uint32_t count,
		     const struct zt_opening *openings)
{
	struct window_maker m = {.c = c};
	int r = 0;

	for (uint32_t bit = 0; bit < count && r == 0; bit++)
		if (conds[bit].schedule)
			r = add_edges(&m, &openings[conds[bit].schedule - 1], 1ULL << bit);
	if (r == 0 && c->t->meta.q_timed)
		r = make_rows(&m);
	c->t->meta.window_count = (__u32)c->t->window_count;
	free(m.edges);
	return r;
}
