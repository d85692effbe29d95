/* SPDX-License-Identifier: Apache-2.0 */
/* cells.c - ports to classes, and the statements of a pair and a class to a cell. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <xxhash.h>

#include "base/cleanup.h"
#include "base/vec.h"
#include "policy/lower.h"

#define WORD_BITS 64

/*
 * The port array is cut where any statement's range begins or ends. Between
 * two cuts no statement tells ports apart; spans that the same lists cover
 * are one class. Class 0 is what no list but "any" covers.
 */
struct spec { /* one list of ports, shared by all statements that have it */
	const struct zt_ports *ports;
	uint32_t *runs; /* pairs of first span and one past the last */
	size_t run_count;
};

/* Where a statement of the port set at hand begins or ceases to match. */
struct event {
	uint32_t span;
	uint32_t local; /* its place in the list */
	bool begins;
};

struct cell_maker {
	struct zt_compiler *c;
	struct zt_strmap *spec_ids; /* ranges as bytes -> spec; 0 = any */
	struct spec *specs;
	size_t spec_cap;
	uint32_t *spec_of; /* statement -> spec */
	uint32_t *cuts;	   /* first port index of each span; one more at the end */
	size_t span_count;
	uint16_t *class_of; /* span -> class */
	uint32_t *seen;	    /* class -> last port set that gave it a cell */
	struct zt_strmap *cells;
	size_t cell_cap;
	size_t index_cap;
	size_t qrule_cap;

	/* The port set at hand. */
	uint32_t port_set;
	uint32_t base;	/* its cell for class 0 */
	uint32_t *list; /* entries, by priority */
	size_t list_count;
	size_t list_cap;
	uint64_t *active; /* bit per entry */
	size_t active_cap;
	size_t words;
	struct event *events;
	size_t event_count;
	size_t event_cap;
};

static void maker_free(struct cell_maker *m)
{
	for (size_t i = 0; m->specs && i < zt_strmap_count(m->spec_ids); i++)
		free(m->specs[i].runs);
	free(m->specs);
	free(m->spec_of);
	free(m->cuts);
	free(m->class_of);
	free(m->seen);
	free(m->list);
	free(m->active);
	free(m->events);
	zt_strmap_free(&m->spec_ids);
	zt_strmap_free(&m->cells);
}

/* --- port classes ------------------------------------------------------------------------ */

static int take_specs(struct cell_maker *m)
{
	static const struct zt_port_range all = {0, ZT_PORT_COUNT - 1};
	struct zt_compiler *c = m->c;

	m->spec_of = calloc(c->stmt_count + 1, sizeof(*m->spec_of));
	if (!m->spec_of || zt_vec_grow(&m->specs, &m->spec_cap, 1, sizeof(*m->specs)) < 0 ||
	    zt_strmap_intern(m->spec_ids, &all, sizeof(all), NULL) != 0)
		return -ENOMEM;
	m->specs[0] = (struct spec){0};
	for (size_t i = 0; i < c->stmt_count; i++) {
		const struct zt_ports *ports = &c->stmts[i].ports;
		bool is_new;
		uint32_t n;

		if (!c->stmts[i].relevant)
			continue;
		n = zt_strmap_intern(m->spec_ids, ports->ranges,
				     ports->count * sizeof(*ports->ranges), &is_new);
		if (n == ZT_STRMAP_NONE ||
		    zt_vec_grow(&m->specs, &m->spec_cap, (size_t)n + 1, sizeof(*m->specs)) < 0)
			return -ENOMEM;
		if (is_new)
			m->specs[n] = (struct spec){.ports = ports};
		m->spec_of[i] = n;
	}
	return 0;
}

static int by_number(const void *a, const void *b)
{
	uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

	return x < y ? -1 : x > y;
}

static int make_cuts(struct cell_maker *m)
{
	size_t count = 2, n = 0, kept = 0;

	for (uint32_t s = 1; s < zt_strmap_count(m->spec_ids); s++)
		count += 2 * m->specs[s].ports->count;
	m->cuts = calloc(count, sizeof(*m->cuts));
	if (!m->cuts)
		return -ENOMEM;
	m->cuts[n++] = 0;
	m->cuts[n++] = ZT_PORT_COUNT;
	for (uint32_t s = 1; s < zt_strmap_count(m->spec_ids); s++)
		for (size_t i = 0; i < m->specs[s].ports->count; i++) {
			m->cuts[n++] = m->specs[s].ports->ranges[i].first;
			m->cuts[n++] = m->specs[s].ports->ranges[i].last + 1;
		}
	qsort(m->cuts, n, sizeof(*m->cuts), by_number);
	for (size_t i = 0; i < n; i++)
		if (!kept || m->cuts[kept - 1] != m->cuts[i])
			m->cuts[kept++] = m->cuts[i];
	m->span_count = kept - 1;
	return 0;
}

/* The span that begins at a port index which is a cut. */
static uint32_t span_at(const struct cell_maker *m, uint32_t index)
{
	const uint32_t *cut =
		bsearch(&index, m->cuts, m->span_count + 1, sizeof(*m->cuts), by_number);

	return (uint32_t)(cut - m->cuts);
}

static int make_runs(struct cell_maker *m)
{
	for (uint32_t s = 1; s < zt_strmap_count(m->spec_ids); s++) {
		struct spec *spec = &m->specs[s];

		spec->runs = calloc(2 * spec->ports->count + 1, sizeof(*spec->runs));
		if (!spec->runs)
			return -ENOMEM;
		for (size_t i = 0; i < spec->ports->count; i++) {
			spec->runs[2 * i] = span_at(m, spec->ports->ranges[i].first);
			spec->runs[2 * i + 1] = span_at(m, spec->ports->ranges[i].last + 1);
		}
		spec->run_count = spec->ports->count;
	}
	return 0;
}

/*
 * Classes by the exclusive-or of a random number for each list that covers the
 * span: equal sums mean equal lists, but for odds of 2^-128 per pair of spans.
 */
static int make_classes(struct cell_maker *m)
{
	zt_auto(zt_freep) XXH128_hash_t *delta = NULL;
	zt_auto(zt_strmap_free) struct zt_strmap *classes = NULL;
	XXH128_hash_t sum = {0};

	delta = calloc(m->span_count + 1, sizeof(*delta));
	m->class_of = calloc(m->span_count + 1, sizeof(*m->class_of));
	if (!delta || !m->class_of || zt_strmap_new(&classes) < 0 ||
	    zt_strmap_intern(classes, &sum, sizeof(sum), NULL) != 0)
		return -ENOMEM;
	for (uint32_t s = 1; s < zt_strmap_count(m->spec_ids); s++) {
		XXH128_hash_t h = XXH3_128bits(&s, sizeof(s));

		for (size_t i = 0; i < 2 * m->specs[s].run_count; i++) {
			delta[m->specs[s].runs[i]].low64 ^= h.low64;
			delta[m->specs[s].runs[i]].high64 ^= h.high64;
		}
	}
	for (size_t i = 0; i < m->span_count; i++) {
		uint32_t class;

		sum.low64 ^= delta[i].low64;
		sum.high64 ^= delta[i].high64;
		class = zt_strmap_intern(classes, &sum, sizeof(sum), NULL);
		if (class == ZT_STRMAP_NONE)
			return -ENOMEM;
		if (class >= m->c->limits->port_classes)
			return zt_over_limit(m->c, (size_t) class + 1, true,
					     m->c->limits->port_classes, "classes of ports");
		m->class_of[i] = (uint16_t) class;
		for (uint32_t p = m->cuts[i]; class && p < m->cuts[i + 1]; p++)
			m->c->t->ports[p >> 2].class[p & 3] = (uint16_t) class;
	}
	m->c->t->port_classes = zt_strmap_count(classes);
	m->seen = calloc(m->c->t->port_classes + 1, sizeof(*m->seen));
	return m->seen ? 0 : -ENOMEM;
}

/* --- cells ------------------------------------------------------------------------------- */

/* A cell and its qualified rules, as bytes that are compared. */
struct draft {
	struct zt_cell cell;
	struct zt_qrule_row qrules[ZT_PLANE_COUNT * 3 * ZT_QUALS_MAX]; /* cell number 0 */
	size_t qrule_count;
};

/* Under which key zt_qrules has it: boundaries are apart, since an allow outranks them. */
static __u8 kind_of(const struct zt_lowered *s)
{
	return s->rank == ZT_RANK_BOUNDARY ? ZT_Q_BOUNDARY : s->action;
}

static __u64 *bits_of(struct zt_plane *p, __u8 kind)
{
	if (kind == ZT_Q_BOUNDARY)
		return &p->bound_q;
	return kind == ZT_DENY ? &p->deny_q : &p->allow_q;
}

static void note_qualified(struct draft *d, __u8 plane, int bit, const struct zt_lowered *s)
{
	struct zt_plane *p = &d->cell.plane[plane];
	__u8 kind = kind_of(s);
	__u64 *mask = bits_of(p, kind), taken = *mask;
	struct zt_qrule_row *row;

	if (kind != ZT_DENY)
		taken |= p->deny_q;
	if (kind == ZT_Q_BOUNDARY)
		taken |= p->allow_q;
	if (taken & 1ULL << bit)
		return; /* an earlier statement, or a higher rank, speaks under this condition */
	*mask |= 1ULL << bit;
	row = &d->qrules[d->qrule_count++];
	memset(row, 0, sizeof(*row));
	row->key.plane = plane;
	row->key.action = kind;
	row->key.bit = (__u8)bit;
	row->value.rule = s->number;
	row->value.existing = s->existing;
}

/*
 * Of equal rank the statement without a condition is named, so those with one
 * beside it change nothing; without them the answer does not rest on the owner.
 */
static void drop_qualified(struct draft *d, __u8 plane, __u8 kind)
{
	size_t kept = 0;

	for (size_t i = 0; i < d->qrule_count; i++)
		if (d->qrules[i].key.plane != plane || d->qrules[i].key.action != kind)
			d->qrules[kept++] = d->qrules[i];
	d->qrule_count = kept;
	*bits_of(&d->cell.plane[plane], kind) = 0;
}

/*
 * One plane: entries come by priority, so the first without a condition decides,
 * and only those with one before it matter.
 */
static void draft_plane(const struct cell_maker *m, __u8 plane, struct draft *d)
{
	struct zt_plane *p = &d->cell.plane[plane];

	p->rule = ZT_RULE_DEFAULT;
	for (size_t w = 0; w < m->words; w++)
		for (uint64_t bits = m->active[w]; bits; bits &= bits - 1) {
			size_t local = w * WORD_BITS + (size_t)__builtin_ctzll(bits);
			uint32_t entry = m->list[local];
			const struct zt_lowered *s = &m->c->stmts[ZT_ENTRY_STMT(entry)];
			int bit = s->bit[plane][ZT_ENTRY_BOUND(entry)];

			if (s->rank == ZT_RANK_FAILSAFE || !(s->planes >> plane & 1))
				continue;
			if (bit != ZT_NO_BIT) {
				note_qualified(d, plane, bit, s);
				continue;
			}
			p->rule = s->number;
			p->rank = s->rank;
			p->action = s->action;
			p->existing = s->existing;
			drop_qualified(d, plane, kind_of(s));
			return;
		}
}

static bool may_deny(const struct zt_plane *p)
{
	return p->action == ZT_DENY || p->deny_q || p->bound_q;
}

static void draft_failsafe(const struct cell_maker *m, __u8 plane, struct draft *d)
{
	for (size_t i = 0; i < m->list_count && may_deny(&d->cell.plane[plane]); i++) {
		const struct zt_lowered *s = &m->c->stmts[ZT_ENTRY_STMT(m->list[i])];

		if (s->rank == ZT_RANK_FAILSAFE && s->planes >> plane & 1 &&
		    m->active[i / WORD_BITS] >> i % WORD_BITS & 1) {
			d->cell.failsafe[plane] = s->number;
			return;
		}
	}
}

/* Number of the draft's cell, the same for equal ones; -errno on failure. */
static int intern_cell(struct cell_maker *m, const struct draft *d, uint32_t *ret)
{
	struct zt_tables *t = m->c->t;
	size_t len = offsetof(struct draft, qrules) + d->qrule_count * sizeof(d->qrules[0]);
	bool is_new;
	uint32_t n = zt_strmap_intern(m->cells, d, len, &is_new);

	if (n == ZT_STRMAP_NONE)
		return -ENOMEM;
	/* Number 0 is "default allow" of the tables that are added to, too. */
	*ret = n ? n + m->c->first_cell : 0;
	if (!is_new || (!n && m->c->adding))
		return 0;
	if (*ret >= m->c->limits->cells)
		return zt_over_limit(m->c, (size_t)*ret + 1, true, m->c->limits->cells,
				     "different answers");
	if (zt_vec_grow(&t->cells, &m->cell_cap, t->cell_count + 1, sizeof(*t->cells)) < 0 ||
	    zt_vec_grow(&t->qrules, &m->qrule_cap, t->qrule_count + d->qrule_count,
			sizeof(*t->qrules)) < 0)
		return -ENOMEM;
	t->cells[t->cell_count++] = d->cell;
	for (size_t i = 0; i < d->qrule_count; i++) {
		t->qrules[t->qrule_count] = d->qrules[i];
		t->qrules[t->qrule_count++].key.cell = *ret;
	}
	if (t->qrule_count > m->c->limits->qrules)
		return zt_over_limit(m->c, t->qrule_count, true, m->c->limits->qrules,
				     "answers that depend on the workload");
	return 0;
}

/* The cell of the statements that are active. */
static int make_cell(struct cell_maker *m, uint32_t *ret)
{
	struct draft d;

	memset(&d.cell, 0, sizeof(d.cell));
	d.qrule_count = 0;
	draft_plane(m, ZT_LIVE, &d);
	draft_plane(m, ZT_CANDIDATE, &d);
	draft_failsafe(m, ZT_LIVE, &d);
	draft_failsafe(m, ZT_CANDIDATE, &d);
	return intern_cell(m, &d, ret);
}

static int add_index(struct cell_maker *m, uint32_t class, uint32_t cell)
{
	struct zt_tables *t = m->c->t;

	if (t->cell_index_count >= m->c->limits->cell_index)
		return zt_over_limit(m->c, t->cell_index_count + 1, true, m->c->limits->cell_index,
				     "pairs of port set and port class");
	if (zt_vec_grow(&t->cell_index, &m->index_cap, t->cell_index_count + 1,
			sizeof(*t->cell_index)) < 0)
		return -ENOMEM;
	t->cell_index[t->cell_index_count++] = (struct zt_cell_row){
		.key = {.port_set = m->port_set, .class = class}, .cell = cell};
	return 0;
}

/* --- port sets --------------------------------------------------------------------------- */

/* Merges the two lists of a port set; both are sorted by priority. */
static int load_list(struct cell_maker *m, uint32_t any_list, uint32_t own_list)
{
	size_t na, nb, i = 0, j = 0;
	const uint32_t *a = zt_sets_get(m->c->entries, any_list, &na);
	const uint32_t *b = zt_sets_get(m->c->entries, own_list, &nb);

	m->words = (na + nb + WORD_BITS - 1) / WORD_BITS;
	if (zt_vec_grow(&m->list, &m->list_cap, na + nb, sizeof(*m->list)) < 0 ||
	    zt_vec_grow(&m->active, &m->active_cap, m->words, sizeof(*m->active)) < 0)
		return -ENOMEM;
	m->list_count = 0;
	while (i < na || j < nb)
		m->list[m->list_count++] = j == nb || (i < na && a[i] < b[j]) ? a[i++] : b[j++];
	memset(m->active, 0, m->words * sizeof(*m->active));
	return 0;
}

static int by_span(const void *a, const void *b)
{
	const struct event *x = a, *y = b;

	return x->span < y->span ? -1 : x->span > y->span;
}

static int load_events(struct cell_maker *m)
{
	m->event_count = 0;
	for (size_t i = 0; i < m->list_count; i++) {
		const struct spec *spec = &m->specs[m->spec_of[ZT_ENTRY_STMT(m->list[i])]];

		if (!spec->ports) { /* any: matches everywhere */
			m->active[i / WORD_BITS] |= 1ULL << i % WORD_BITS;
			continue;
		}
		if (zt_vec_grow(&m->events, &m->event_cap, m->event_count + 2 * spec->run_count,
				sizeof(*m->events)) < 0)
			return -ENOMEM;
		for (size_t k = 0; k < 2 * spec->run_count; k++)
			m->events[m->event_count++] =
				(struct event){spec->runs[k], (uint32_t)i, k % 2 == 0};
	}
	if (m->event_count)
		qsort(m->events, m->event_count, sizeof(*m->events), by_span);
	return 0;
}

/* Gives the classes of some spans, in which the same statements match, their cell. */
static int cover_spans(struct cell_maker *m, uint32_t first, uint32_t end)
{
	uint32_t cell = 0;
	bool made = false;
	int r = 0;

	for (uint32_t span = first; span < end && r == 0; span++) {
		uint32_t class = m->class_of[span];

		if (!class || m->seen[class] == m->port_set)
			continue;
		m->seen[class] = m->port_set;
		if (!made)
			r = make_cell(m, &cell);
		made = true;
		if (r == 0 && cell != m->base)
			r = add_index(m, class, cell);
	}
	return r;
}

static int make_port_set(struct cell_maker *m, uint32_t any_list, uint32_t own_list)
{
	size_t open = 0, i = 0;
	int r = load_list(m, any_list, own_list);

	if (r == 0)
		r = load_events(m);
	if (r == 0)
		r = make_cell(m, &m->base);
	if (r == 0 && m->base)
		r = add_index(m, 0, m->base);
	while (i < m->event_count && r == 0) {
		uint32_t span = m->events[i].span;

		for (; i < m->event_count && m->events[i].span == span; i++) {
			const struct event *e = &m->events[i];
			uint64_t bit = 1ULL << e->local % WORD_BITS;

			/* Runs of one list do not touch, so a toggle is enough. */
			m->active[e->local / WORD_BITS] ^= bit;
			open += e->begins ? 1 : SIZE_MAX;
		}
		if (open && i < m->event_count)
			r = cover_spans(m, span, m->events[i].span);
	}
	return r;
}

int zt_lower_cells(struct zt_compiler *c)
{
	zt_auto(maker_free) struct cell_maker m = {.c = c};
	uint32_t zero;
	int r;

	if (zt_strmap_new(&m.spec_ids) < 0 || zt_strmap_new(&m.cells) < 0)
		return -ENOMEM;
	r = take_specs(&m);
	if (r == 0)
		r = make_cuts(&m);
	if (r == 0)
		r = make_runs(&m);
	if (r == 0)
		r = make_classes(&m);
	if (r == 0)
		r = make_cell(&m, &zero); /* no statement at all: cell 0, "default allow" */
	for (uint32_t n = 0; n < zt_strmap_count(c->port_sets) && r == 0; n++) {
		uint32_t lists[2];
		size_t len;

		memcpy(lists, zt_strmap_key(c->port_sets, n, &len), sizeof(lists));
		m.port_set = c->first_port_set + n;
		r = make_port_set(&m, lists[0], lists[1]);
	}
	return r;
}
