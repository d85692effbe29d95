/* SPDX-License-Identifier: Apache-2.0 */
/* identities.c - identities of addresses, and what they become when labels run out. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/vec.h"
#include "policy/lower.h"

static uint32_t make_id(struct zt_compiler *c, struct zt_strmap *ids, uint32_t set,
			const bool *keep)
{
	uint32_t kept = zt_sets_filter(c->atoms.sets, set, keep);

	return zt_strmap_intern(ids, &kept, sizeof(kept), NULL) + 1;
}

/* Where the id of a set is remembered, 0 at first; NULL without memory. */
static uint32_t *id_of(struct zt_id_memory *memory, uint32_t set)
{
	size_t old = memory->cap;

	if (zt_vec_grow(&memory->ids, &memory->cap, (size_t)set + 1, sizeof(*memory->ids)) < 0)
		return NULL;
	if (memory->cap > old)
		memset(memory->ids + old, 0, (memory->cap - old) * sizeof(*memory->ids));
	return &memory->ids[set];
}

/* Identity of a remote end that is in these segments. */
static uint32_t far_id(struct zt_compiler *c, uint32_t set)
{
	uint32_t *id = id_of(&c->far_of_set, set);

	if (id && !*id)
		*id = make_id(c, c->far_ids, set, c->far_keep);
	return id ? *id : 0;
}

unsigned int zt_used_near(const struct zt_compiler *c, const struct zt_dir_node *node)
{
	return node ? node->local | zt_atoms_grouped(&c->atoms, node->set) : 0;
}

/* Identity of this host's end when it uses an address that is in these segments. */
static uint32_t near_id(struct zt_compiler *c, uint32_t host, uint32_t set, unsigned int used)
{
	uint32_t *memory = used ? NULL : id_of(&c->near_of_host, host);
	uint32_t id = memory ? *memory : 0;

	if (id)
		return id;
	id = make_id(c, c->near_ids, zt_atoms_near(&c->atoms, host, set, used), c->near_keep);
	if (memory)
		*memory = id;
	return id;
}

/* --- over time --------------------------------------------------------------------------- */

/* What an address is in, from a moment on. */
struct moment {
	uint64_t at_ns;
	uint32_t set;
	uint32_t host; /* and this host itself */
};

/* Walks the moments at which either changes; false past the last. */
struct walk {
	const struct zt_directory *dir;
	uint32_t change;
	uint32_t host_change;
	struct moment now;
};

static struct walk walk_from(const struct zt_directory *dir, const struct zt_dir_node *node)
{
	return (struct walk){
		.dir = dir,
		.change = node ? node->change : 0,
		.host_change = dir->host_change,
		.now = {.set = node ? node->set : dir->unknown_set, .host = dir->host_set}};
}

static bool walk_on(struct walk *w)
{
	const struct zt_dir_change *own, *host;

	if (!w->change && !w->host_change)
		return false;
	own = &w->dir->changes[w->change];
	host = &w->dir->changes[w->host_change];
	w->now.at_ns = !w->change				     ? host->at_ns
		       : !w->host_change || own->at_ns < host->at_ns ? own->at_ns
								     : host->at_ns;
	if (w->change && own->at_ns == w->now.at_ns) {
		w->now.set = own->set;
		w->change = own->next;
	}
	if (w->host_change && host->at_ns == w->now.at_ns) {
		w->now.host = host->set;
		w->host_change = host->next;
	}
	return true;
}

/* The identities that a row goes through; @ends[i] is when the i-th gives way to the next. */
struct course {
	struct zt_step states[ZT_STEPS_MAX + 1];
	size_t count;
};

/*
 * Beyond what the kernel side follows the last state stands for all that comes: by
 * then every label that is known to run out has done so.
 */
static void add_state(struct course *course, uint64_t at_ns, uint32_t far, uint32_t near)
{
	struct zt_step *last = course->count ? &course->states[course->count - 1] : NULL;

	if (last && last->far_id == far && last->near_id == near)
		return;
	if (course->count == ARRAY_SIZE(course->states)) {
		last->far_id = far;
		last->near_id = near;
		return;
	}
	if (last)
		last->until_ns = at_ns;
	course->states[course->count++] = (struct zt_step){.far_id = far, .near_id = near};
}

static void take_course(struct zt_compiler *c, const struct zt_dir_node *node, struct course *ret)
{
	struct walk w = walk_from(&c->dir, node);
	unsigned int used = zt_used_near(c, node);
	uint32_t set = node ? node->set : 0; /* no row, so no address of this host */

	ret->count = 0;
	do {
		if (node)
			set = w.now.set;
		add_state(ret, w.now.at_ns, far_id(c, w.now.set),
			  near_id(c, w.now.host, set, used));
	} while (walk_on(&w));
}

/* Number of a step, the same for equal ones. */
static int intern_step(struct zt_compiler *c, const struct zt_step *step, uint32_t *ret)
{
	struct zt_tables *t = c->t;
	uint32_t n = zt_strmap_intern(c->steps, step, sizeof(*step), NULL);

	if (n == ZT_STRMAP_NONE ||
	    zt_vec_grow(&t->steps, &c->step_cap, (size_t)n + 2, sizeof(*t->steps)) < 0)
		return -ENOMEM;
	*ret = n + 1; /* 0 is "none" */
	if (*ret < t->step_count)
		return 0;
	t->steps[0] = (struct zt_step){0};
	t->steps[*ret] = *step;
	t->step_count = (size_t)*ret + 1;
	return t->step_count > c->limits->steps
		       ? zt_over_limit(c, t->step_count, true, c->limits->steps, "label steps")
		       : 0;
}

int zt_identity_of(struct zt_compiler *c, const struct zt_dir_node *node, struct zt_identity *ret)
{
	struct course course;
	uint32_t next = 0;
	int r = 0;

	take_course(c, node, &course);
	for (size_t i = course.count; i-- > 1 && r == 0;) {
		course.states[i].next = next;
		r = intern_step(c, &course.states[i], &next);
	}
	*ret = (struct zt_identity){.far_id = course.states[0].far_id,
				    .near_id = course.states[0].near_id,
				    .until_ns = course.states[0].until_ns,
				    .step = next};
	ret->bucket = node ? node->bucket : 0;
	ret->label_epoch = node ? node->label_epoch : c->dir.host_epoch;
	if (zt_used_near(c, node) && c->dir.host_epoch > ret->label_epoch)
		ret->label_epoch = c->dir.host_epoch;
	return r;
}

/* --- rows -------------------------------------------------------------------------------- */

/* Whether a row would say nothing that the one around it does not say. */
static bool implied(const struct zt_identity *own, const struct zt_identity *around)
{
	return own->far_id == around->far_id && own->near_id == around->near_id &&
	       own->until_ns == around->until_ns && own->step == around->step &&
	       own->bucket == around->bucket && own->label_epoch <= around->label_epoch;
}

static int take_rows(struct zt_compiler *c, struct zt_identity *identities)
{
	const struct zt_identity *unknown = &c->t->meta.unknown, *around;
	struct zt_tables *t = c->t;
	int r = 0;

	for (size_t i = 0; i < c->dir.count && r == 0; i++) {
		const struct zt_dir_node *node = &c->dir.nodes[i];
		struct zt_identity *own = &identities[i];

		around = node->parent == ZT_DIR_NONE ? unknown : &identities[node->parent];
		r = zt_identity_of(c, node, own);
		if (implied(own, around) && !node->v4_root)
			continue;
		if (node->key.prefixlen == 128) {
			memcpy(t->addrs[t->addr_count].key.bytes, node->key.bytes,
			       sizeof(node->key.bytes));
			t->addrs[t->addr_count++].value = *own;
		} else {
			t->nets[t->net_count].key = node->key;
			t->nets[t->net_count++].value = *own;
		}
	}
	return r;
}

/* Rows of all prefixes and addresses; one that says what is around it says is left out. */
static int make_rows(struct zt_compiler *c)
{
	zt_auto(zt_freep) struct zt_identity *identities = NULL;
	int r;

	identities = calloc(c->dir.count + 1, sizeof(*identities));
	c->t->nets = calloc(c->dir.count + 1, sizeof(*c->t->nets));
	c->t->addrs = calloc(c->dir.count + 1, sizeof(*c->t->addrs));
	if (!identities || !c->t->nets || !c->t->addrs)
		return -ENOMEM;
	r = take_rows(c, identities);
	if (r < 0)
		return r;
	if (c->t->addr_count > c->limits->addrs)
		return zt_over_limit(c, c->t->addr_count, false, c->limits->addrs, "addresses");
	if (c->t->net_count > c->limits->nets)
		return zt_over_limit(c, c->t->net_count, false, c->limits->nets, "networks");
	return 0;
}

/* --- this host's end --------------------------------------------------------------------- */

static void note_near(struct zt_slot_meta *meta, bool *seen, uint32_t id)
{
	if (seen[id])
		return;
	seen[id] = true;
	if (meta->near_count < ZT_NEAR_MAX)
		meta->near_ids[meta->near_count] = id;
	meta->near_count++;
}

void zt_list_near_ids(struct zt_compiler *c)
{
	struct zt_slot_meta *meta = &c->t->meta;
	size_t seen_len = (size_t)zt_strmap_count(c->near_ids) + 1;
	zt_auto(zt_freep) bool *seen = calloc(seen_len, sizeof(*seen));
	struct course course;

	meta->near_count = 0;
	memset(meta->near_ids, 0, sizeof(meta->near_ids));
	if (!seen) {
		meta->near_count = ZT_NEAR_MAX + 1; /* only costs the early refusal */
		return;
	}
	take_course(c, NULL, &course);
	for (size_t k = 0; k < course.count; k++)
		note_near(meta, seen, course.states[k].near_id);
	for (size_t i = 0; i < c->env->local_count; i++) {
		take_course(c, zt_directory_find(&c->dir, &c->env->locals[i]), &course);
		for (size_t k = 0; k < course.count; k++)
			note_near(meta, seen, course.states[k].near_id);
	}
}

/* All identities of this host's end, now and later. */
static void make_near_ids(struct zt_compiler *c)
{
	struct walk w = walk_from(&c->dir, NULL);

	do
		near_id(c, w.now.host, 0, 0);
	while (walk_on(&w));
	for (size_t i = 0; i < c->dir.count; i++) {
		const struct zt_dir_node *node = &c->dir.nodes[i];
		unsigned int used = zt_used_near(c, node);

		if (!used)
			continue;
		w = walk_from(&c->dir, node);
		do
			near_id(c, w.now.host, w.now.set, used);
		while (walk_on(&w));
	}
}

static void keep(bool *flags, uint32_t atom, uint32_t count)
{
	if (atom < count)
		flags[atom] = true;
}

/* Atoms that some near end is in. */
static bool *near_atoms(struct zt_compiler *c)
{
	bool *flags = calloc((size_t)c->atom_count + 1, sizeof(*flags));
	size_t len, count;
	uint32_t set;

	for (uint32_t id = 1; flags && id <= zt_strmap_count(c->near_ids); id++) {
		const uint32_t *atoms;

		memcpy(&set, zt_strmap_key(c->near_ids, id - 1, &len), sizeof(set));
		atoms = zt_sets_get(c->atoms.sets, set, &count);
		for (size_t i = 0; i < count; i++)
			flags[atoms[i]] = true;
	}
	return flags;
}

static bool near_can_be(const bool *flags, uint32_t atom)
{
	return atom == ZT_ATOM_ANY || atom == ZT_ATOM_THIS_HOST || flags[atom];
}

/* Near identities first: they decide which statements, and so which far segments, matter. */
static int make_identities(struct zt_compiler *c)
{
	zt_auto(zt_freep) bool *near = NULL;

	for (size_t i = 0; i < c->stmt_count; i++) {
		keep(c->near_keep, c->stmts[i].from, c->atom_count);
		keep(c->near_keep, c->stmts[i].to, c->atom_count);
	}
	make_near_ids(c);
	near = near_atoms(c);
	if (!near)
		return -ENOMEM;
	for (size_t i = 0; i < c->stmt_count; i++) {
		const struct zt_lowered *s = &c->stmts[i];

		if (c->env->forwarding || near_can_be(near, s->to))
			keep(c->far_keep, s->from, c->atom_count);
		if (c->env->forwarding || near_can_be(near, s->from))
			keep(c->far_keep, s->to, c->atom_count);
	}
	return zt_identity_of(c, NULL, &c->t->meta.unknown);
}

int zt_lower_identities(struct zt_compiler *c)
{
	int r = make_identities(c);

	if (r == 0)
		r = make_rows(c);
	if (r < 0)
		return r;
	zt_list_near_ids(c);
	c->t->near_ids = zt_strmap_count(c->near_ids);
	c->t->far_ids = zt_strmap_count(c->far_ids);
	return zt_sets_error(c->atoms.sets);
}
