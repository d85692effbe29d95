/* SPDX-License-Identifier: Apache-2.0 */
/* pairs.c - which statements speak of a pair of identities. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/vec.h"
#include "policy/lower.h"

struct list {
	uint32_t *items;
	size_t count;
	size_t cap;
};

/* One near end and direction: its statements by the segment of their far end. */
struct side {
	__u32 dir;
	uint32_t near_id;
	uint32_t any_list;    /* interned entries about any far end */
	struct list any;      /* those, while they are gathered */
	struct list *by_atom; /* far segment -> entries */
	struct list atoms;    /* far segments that have entries */
};

struct pairer {
	struct zt_compiler *c;
	struct side side;     /* memory is used again for the next one */
	struct list from_any; /* statements by opener, for forwarded traffic */
	struct list *from_atom;
	uint32_t **far_members; /* far segment -> far ids in it */
	size_t *far_member_counts;
	uint32_t *visited; /* far id -> last side that looked at it */
	uint32_t stamp;
	uint32_t *scratch;
	size_t scratch_cap;
};

static void lists_free(struct list *lists, size_t count)
{
	for (size_t i = 0; lists && i < count; i++)
		free(lists[i].items);
	free(lists);
}

static void pairer_free(struct pairer *p)
{
	for (size_t i = 0; p->far_members && i < p->c->atom_count; i++)
		free(p->far_members[i]);
	free(p->far_members);
	lists_free(p->side.by_atom, p->c->atom_count);
	lists_free(p->from_atom, p->c->atom_count);
	free(p->side.any.items);
	free(p->side.atoms.items);
	free(p->from_any.items);
	free(p->far_member_counts);
	free(p->visited);
	free(p->scratch);
}

/* --- statements by end ------------------------------------------------------------------- */

static int push(struct list *list, uint32_t item)
{
	if (zt_vec_grow(&list->items, &list->cap, list->count + 1, sizeof(item)) < 0)
		return -ENOMEM;
	list->items[list->count++] = item;
	return 0;
}

/* Files one statement whose near end fits under the segment of its far end. */
static int file_stmt(struct pairer *p, uint32_t number)
{
	struct zt_lowered *s = &p->c->stmts[number];
	struct side *side = &p->side;
	uint32_t far_atom = side->dir == ZT_DIR_IN ? s->from : s->to;
	int bound = zt_bound_end(s, side->dir);

	if (far_atom == ZT_ATOM_THIS_HOST)
		return 0;
	/* Worth a number even where it is skipped, so that explain can say why. */
	s->relevant = true;
	if (bound < 0)
		return 0;
	s->binds[bound] = true;
	if (far_atom == ZT_ATOM_ANY)
		return push(&side->any, ZT_ENTRY(number, (uint32_t)bound));
	if (!side->by_atom[far_atom].count && push(&side->atoms, far_atom) < 0)
		return -ENOMEM;
	return push(&side->by_atom[far_atom], ZT_ENTRY(number, (uint32_t)bound));
}

/* Statements for traffic that this host only passes on: found by the opener's segments. */
static int file_forwarded(struct pairer *p, uint32_t near_set)
{
	size_t count;
	const uint32_t *atoms = zt_sets_get(p->c->atoms.sets, near_set, &count);
	int r = 0;

	for (size_t i = 0; i < p->from_any.count && r == 0; i++)
		r = file_stmt(p, p->from_any.items[i]);
	for (size_t a = 0; a < count; a++)
		for (size_t i = 0; i < p->from_atom[atoms[a]].count && r == 0; i++)
			r = file_stmt(p, p->from_atom[atoms[a]].items[i]);
	return r;
}

/* The statements whose near end fits this set of segments, sorted out by their far end. */
static int fill_side(struct pairer *p, uint32_t id, uint32_t near_set, __u32 dir)
{
	struct zt_compiler *c = p->c;
	struct side *side = &p->side;
	int r = 0;

	for (size_t i = 0; i < side->atoms.count; i++)
		side->by_atom[side->atoms.items[i]].count = 0;
	side->atoms.count = 0;
	side->any.count = 0;
	side->dir = dir;
	side->near_id = id;
	if (dir == ZT_DIR_FWD)
		r = file_forwarded(p, near_set);
	for (uint32_t i = 0; dir != ZT_DIR_FWD && i < c->stmt_count && r == 0; i++)
		if (zt_near_matches(c->atoms.sets, near_set,
				    dir == ZT_DIR_IN ? c->stmts[i].to : c->stmts[i].from))
			r = file_stmt(p, i);
	if (r < 0)
		return r;
	side->any_list = zt_sets_intern(c->entries, side->any.items, side->any.count);
	return zt_sets_error(c->entries);
}

/* --- pairs ------------------------------------------------------------------------------- */

static int add_pair(struct pairer *p, uint32_t far)
{
	const struct side *side = &p->side;
	struct zt_compiler *c = p->c;
	uint32_t far_set, key[2] = {side->any_list, 0}, port_set;
	const uint32_t *atoms;
	size_t count, n = 0;
	struct zt_pair_row *row;

	memcpy(&far_set, zt_strmap_key(c->far_ids, far - 1, &count), sizeof(far_set));
	atoms = zt_sets_get(c->atoms.sets, far_set, &count);
	for (size_t i = 0; i < count; i++) {
		const struct list *list = &side->by_atom[atoms[i]];

		if (zt_vec_grow(&p->scratch, &p->scratch_cap, n + list->count,
				sizeof(*p->scratch)) < 0)
			return -ENOMEM;
		if (list->count)
			memcpy(p->scratch + n, list->items, list->count * sizeof(*list->items));
		n += list->count;
	}
	key[1] = n ? zt_sets_intern(c->entries, p->scratch, n) : 0;
	if (!key[0] && !key[1])
		return zt_sets_error(c->entries); /* nothing speaks of them: port set 0 */
	port_set = zt_strmap_intern(c->port_sets, key, sizeof(key), NULL);
	if (port_set == ZT_STRMAP_NONE ||
	    zt_vec_grow(&c->t->pairs, &c->pair_cap, c->t->pair_count + 1, sizeof(*row)) < 0)
		return -ENOMEM;
	row = &c->t->pairs[c->t->pair_count++];
	*row = (struct zt_pair_row){
		.key = {.near_id = side->near_id, .far_id = far, .dir = side->dir},
		.port_set = port_set + 1};
	if (c->t->pair_count > c->limits->pairs)
		return zt_over_limit(c, c->t->pair_count, true, c->limits->pairs,
				     "pairs of identities");
	return zt_sets_error(c->entries);
}

/* Pairs of one near end: all far ids when a statement is about any, else those spoken of. */
static int pair_side(struct pairer *p)
{
	const struct side *side = &p->side;
	uint32_t far_count = zt_strmap_count(p->c->far_ids);
	int r = 0;

	if (side->any_list) {
		for (uint32_t far = 1; far <= far_count && r == 0; far++)
			r = add_pair(p, far);
		return r;
	}
	p->stamp++;
	for (size_t i = 0; i < side->atoms.count; i++) {
		uint32_t atom = side->atoms.items[i];

		for (size_t k = 0; k < p->far_member_counts[atom] && r == 0; k++) {
			uint32_t far = p->far_members[atom][k];

			if (p->visited[far] == p->stamp)
				continue;
			p->visited[far] = p->stamp;
			r = add_pair(p, far);
		}
	}
	return r;
}

static int pair_near(struct pairer *p, uint32_t id, uint32_t near_set, __u32 dir)
{
	int r = fill_side(p, id, near_set, dir);

	return r < 0 ? r : pair_side(p);
}

static int index_openers(struct pairer *p)
{
	struct zt_compiler *c = p->c;
	int r = 0;

	p->side.by_atom = calloc((size_t)c->atom_count + 1, sizeof(*p->side.by_atom));
	p->from_atom = calloc((size_t)c->atom_count + 1, sizeof(*p->from_atom));
	if (!p->side.by_atom || !p->from_atom)
		return -ENOMEM;
	for (uint32_t i = 0; i < c->stmt_count && r == 0; i++)
		if (c->stmts[i].from == ZT_ATOM_ANY)
			r = push(&p->from_any, i);
		else if (c->stmts[i].from != ZT_ATOM_THIS_HOST)
			r = push(&p->from_atom[c->stmts[i].from], i);
	return r;
}

/* Far ids by the segments they are in. */
static int index_far(struct pairer *p)
{
	struct zt_compiler *c = p->c;
	uint32_t far_count = zt_strmap_count(c->far_ids), set;
	size_t count, len;

	p->far_members = calloc((size_t)c->atom_count + 1, sizeof(*p->far_members));
	p->far_member_counts = calloc((size_t)c->atom_count + 1, sizeof(*p->far_member_counts));
	p->visited = calloc((size_t)far_count + 1, sizeof(*p->visited));
	if (!p->far_members || !p->far_member_counts || !p->visited)
		return -ENOMEM;
	for (int fill = 0; fill <= 1; fill++) {
		for (uint32_t far = 1; far <= far_count; far++) {
			const uint32_t *atoms;

			memcpy(&set, zt_strmap_key(c->far_ids, far - 1, &len), sizeof(set));
			atoms = zt_sets_get(c->atoms.sets, set, &count);
			for (size_t i = 0; i < count; i++) {
				if (fill)
					p->far_members[atoms[i]][p->far_member_counts[atoms[i]]] =
						far;
				p->far_member_counts[atoms[i]]++;
			}
		}
		for (uint32_t a = 0; a < c->atom_count && !fill; a++) {
			p->far_members[a] =
				calloc(p->far_member_counts[a] + 1, sizeof(**p->far_members));
			if (!p->far_members[a])
				return -ENOMEM;
			p->far_member_counts[a] = 0;
		}
	}
	return 0;
}

static int make_pairs(struct zt_compiler *c)
{
	zt_auto(pairer_free) struct pairer p = {.c = c};
	uint32_t set;
	size_t len;
	int r = index_far(&p);

	if (r == 0)
		r = index_openers(&p);
	for (uint32_t id = 1; id <= zt_strmap_count(c->near_ids) && r == 0; id++) {
		memcpy(&set, zt_strmap_key(c->near_ids, id - 1, &len), sizeof(set));
		r = pair_near(&p, id, set, ZT_DIR_IN);
		if (r == 0)
			r = pair_near(&p, id, set, ZT_DIR_OUT);
	}
	for (uint32_t id = 1; c->env->forwarding && id <= zt_strmap_count(c->far_ids) && r == 0;
	     id++) {
		memcpy(&set, zt_strmap_key(c->far_ids, id - 1, &len), sizeof(set));
		r = pair_near(&p, id, set, ZT_DIR_FWD);
	}
	return r;
}

/* The statements about two ends as the port set of the pair; nothing speaks of them: no row. */
static int pair_up(struct zt_compiler *c, uint32_t near, uint32_t far, __u32 dir)
{
	zt_auto(zt_freep) uint32_t *entries = calloc(c->stmt_count + 1, sizeof(*entries));
	uint32_t near_set, far_set, key[2] = {0}, port_set;
	size_t count = 0, len;

	if (!entries)
		return -ENOMEM;
	memcpy(&near_set, zt_strmap_key(c->near_ids, near - 1, &len), sizeof(near_set));
	memcpy(&far_set, zt_strmap_key(c->far_ids, far - 1, &len), sizeof(far_set));
	for (uint32_t i = 0; i < c->stmt_count; i++) {
		const struct zt_lowered *s = &c->stmts[i];
		int bound = zt_bound_end(s, dir);

		if (bound >= 0 &&
		    zt_near_matches(c->atoms.sets, near_set, dir == ZT_DIR_IN ? s->to : s->from) &&
		    zt_far_matches(c->atoms.sets, far_set, dir == ZT_DIR_IN ? s->from : s->to))
			entries[count++] = ZT_ENTRY(i, (uint32_t)bound);
	}
	if (!count)
		return 0;
	key[1] = zt_sets_intern(c->entries, entries, count);
	port_set = zt_strmap_intern(c->port_sets, key, sizeof(key), NULL);
	if (port_set == ZT_STRMAP_NONE ||
	    zt_vec_grow(&c->t->pairs, &c->pair_cap, c->t->pair_count + 1, sizeof(*c->t->pairs)) < 0)
		return -ENOMEM;
	c->t->pairs[c->t->pair_count++] =
		(struct zt_pair_row){.key = {.near_id = near, .far_id = far, .dir = dir},
				     .port_set = c->first_port_set + port_set};
	return zt_sets_error(c->entries);
}

int zt_lower_far(struct zt_compiler *c, uint32_t far)
{
	int r = 0;

	for (uint32_t near = 1; near <= zt_strmap_count(c->near_ids) && r == 0; near++) {
		r = pair_up(c, near, far, ZT_DIR_IN);
		if (r == 0)
			r = pair_up(c, near, far, ZT_DIR_OUT);
	}
	return r;
}

int zt_lower_pairs(struct zt_compiler *c)
{
	int r = make_pairs(c);

	c->t->port_sets = (size_t)zt_strmap_count(c->port_sets) + 1;
	return r;
}
