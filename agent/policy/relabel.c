/* SPDX-License-Identifier: Apache-2.0 */
/*
 * relabel.c - changed labels of other hosts as a few rows.
 *
 * What the tables keep is put back into a compiler, so that new identities, pairs
 * and cells are made as in a compile in full. Until all of it is known to fit,
 * only the directory has changed, and that is undone when it does not.
 */
#include "policy/relabel.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/vec.h"
#include "policy/lower.h"
#include "policy/merge.h"
#include "policy/reopen.h"

/* A node of the directory whose hosts' labels changed, and what it was. */
struct touched {
	size_t place;
	struct zt_dir_node was;
	struct zt_set_phases *hosts; /* of each host that has the address */
	uint32_t label_epoch;
	size_t host_count;
	size_t host_cap;
};

struct relabeler {
	struct zt_tables *t;
	const struct zt_compile_env *env;
	struct zt_compiler c;
	struct zt_arena *arena;
	struct zt_strmap *names; /* of the hosts to look at */
	struct zt_strmap *addrs; /* 16 bytes -> touched */
	struct touched *touched;
	size_t touched_cap;
	struct zt_set_phases own[ZT_LAYERS_MAX];    /* of this host where it has no address */
	bool self;				    /* what this host is in may have changed */
	uint32_t host_set, host_change, host_epoch; /* as they were */
	struct zt_patch *patch;
};

bool zt_patch_empty(const struct zt_patch *p)
{
	return !p->addr_count && !p->step_count && !p->pair_count && !p->cell_index_count &&
	       !p->cell_count && !p->qrule_count && !p->meta;
}

void zt_patch_free(struct zt_patch **patch)
{
	struct zt_patch *p = *patch;

	if (!p)
		return;
	free(p->addrs);
	free(p->steps);
	free(p->pairs);
	free(p->cell_index);
	free(p->cells);
	free(p->qrules);
	free(p);
	*patch = NULL;
}

static size_t touched_count(const struct relabeler *m)
{
	return m->addrs ? zt_strmap_count(m->addrs) : 0;
}

static void relabeler_free(struct relabeler *m)
{
	struct zt_compiler *c = &m->c;

	for (size_t i = 0; i < touched_count(m) && m->touched; i++) {
		zt_phases_free(m->touched[i].hosts, m->touched[i].host_count);
		free(m->touched[i].hosts);
	}
	zt_phases_free(m->own, ZT_LAYERS_MAX);
	free(m->touched);
	zt_strmap_free(&m->names);
	zt_strmap_free(&m->addrs);
	zt_arena_free(&m->arena);
	zt_patch_free(&m->patch);
	zt_compiler_return(c, m->t);
}

static void undo(struct relabeler *m)
{
	struct zt_directory *dir = &m->c.dir;

	for (size_t i = 0; i < touched_count(m); i++)
		dir->nodes[m->touched[i].place] = m->touched[i].was;
	dir->host_set = m->host_set;
	dir->host_change = m->host_change;
	dir->host_epoch = m->host_epoch;
}

/* --- labels ------------------------------------------------------------------------------ */

static uint32_t selected_by(struct zt_compiler *c, const struct zt_layer *layer,
			    const struct zt_label_phase *phase)
{
	const struct zt_policy *p = layer->policy;
	uint32_t set = 0;

	for (uint32_t i = 0; i < p->segment_count; i++)
		if (p->segments[i].select_count &&
		    zt_labels_hold(p->segments[i].select, p->segments[i].select_count,
				   phase->labels, phase->label_count))
			set = zt_sets_add(c->atoms.sets, set, layer->first + i);
	for (uint32_t i = 0; i < layer->cond_count; i++)
		if (zt_labels_hold(layer->cond_list[i].labels, layer->cond_list[i].count,
				   phase->labels, phase->label_count))
			set = zt_sets_add(c->atoms.sets, set, layer->conds + i);
	return set;
}

/* What selects a host, now and as its labels run out. */
static int host_phases(struct relabeler *m, const struct zt_layer *layer,
		       const struct zt_host *host, struct zt_set_phases *ret,
		       uint32_t *ret_label_epoch)
{
	struct zt_host_times times;
	int r = zt_timeline_host(host, m->env->overlay, m->env->now_ns, m->arena, &times);

	if (r < 0)
		return r;
	ret->items = calloc(times.phase_count, sizeof(*ret->items));
	if (!ret->items)
		return -ENOMEM;
	ret->count = times.phase_count;
	for (size_t i = 0; i < times.phase_count; i++)
		ret->items[i] =
			(struct zt_set_phase){.until_ns = times.phases[i].until_ns,
					      .set = selected_by(&m->c, layer, &times.phases[i])};
	*ret_label_epoch = times.label_epoch;
	return 0;
}

static int touch(struct relabeler *m, const struct zt_net *net)
{
	const struct zt_dir_node *node;
	struct zt_addr addr;
	uint32_t n;
	bool is_new;

	memcpy(addr.bytes, net->key.bytes, sizeof(addr.bytes));
	node = zt_directory_find(&m->c.dir, &addr);
	if (!node || node->key.prefixlen != 128)
		return -EAGAIN;
	n = zt_strmap_intern(m->addrs, addr.bytes, sizeof(addr.bytes), &is_new);
	if (n == ZT_STRMAP_NONE ||
	    zt_vec_grow(&m->touched, &m->touched_cap, (size_t)n + 1, sizeof(*m->touched)) < 0)
		return -ENOMEM;
	if (is_new)
		m->touched[n] =
			(struct touched){.place = (size_t)(node - m->c.dir.nodes), .was = *node};
	return 0;
}

/* Every address of the hosts that are named. */
static int touch_hosts(struct relabeler *m, const struct zt_layer *layer)
{
	const struct zt_policy *p = layer->policy;
	int r = 0;

	for (size_t i = 0; i < p->host_count && r == 0; i++) {
		const struct zt_host *host = &p->hosts[i];

		if (zt_strmap_find(m->names, host->name, strlen(host->name)) == ZT_STRMAP_NONE)
			continue;
		m->self |= host == layer->host;
		for (size_t k = 0; k < host->address_count && r == 0; k++)
			r = touch(m, &host->addresses[k]);
	}
	return r;
}

static int add_host(struct relabeler *m, const struct zt_layer *layer, const struct zt_host *host,
		    struct touched *at)
{
	uint32_t label_epoch = 0;
	int r;

	if (zt_vec_grow(&at->hosts, &at->host_cap, at->host_count + 1, sizeof(*at->hosts)) < 0)
		return -ENOMEM;
	r = host_phases(m, layer, host, &at->hosts[at->host_count], &label_epoch);
	if (r < 0)
		return r;
	at->host_count++;
	if (label_epoch > at->label_epoch)
		at->label_epoch = label_epoch;
	return 0;
}

/* All hosts that have one of these addresses, named or not. */
static int gather_hosts(struct relabeler *m, const struct zt_layer *layer)
{
	const struct zt_policy *p = layer->policy;
	int r = 0;

	for (size_t i = 0; i < p->host_count && r == 0; i++)
		for (size_t k = 0; k < p->hosts[i].address_count && r == 0; k++) {
			uint32_t n = zt_strmap_find(m->addrs, p->hosts[i].addresses[k].key.bytes,
						    sizeof(struct zt_addr));

			if (n != ZT_STRMAP_NONE)
				r = add_host(m, layer, &p->hosts[i], &m->touched[n]);
		}
	return r;
}

static int set_node(struct relabeler *m, struct touched *at)
{
	zt_auto(zt_freep) struct zt_set_phase *phases = NULL;
	struct zt_dir_node *node = &m->c.dir.nodes[at->place];
	uint32_t change;
	size_t count = 0;
	int r = zt_directory_over_time(&m->c.atoms, node->adds, node->excepts, at->hosts,
				       at->host_count, &phases, &count);

	if (r < 0)
		return r;
	change = zt_directory_change(&m->c.dir, phases, count);
	if (change == ZT_DIR_NONE)
		return -ENOMEM;
	node->set = phases[0].set;
	node->change = change;
	node->label_epoch = at->label_epoch;
	m->self |= node->local != 0;
	return 0;
}

/* This host's own segments, if the change reached them. */
static int set_self(struct relabeler *m)
{
	zt_auto(zt_freep) struct zt_set_phase *phases = NULL;
	struct zt_directory *dir = &m->c.dir;
	size_t count = 0;
	int r = 0;

	for (size_t i = 0; i < m->c.atoms.layers && r == 0; i++) {
		const struct zt_layer *layer = &m->c.atoms.layer[i];
		struct zt_set_phases own = {0};
		uint32_t label_epoch = 0;

		if (!layer->host)
			continue;
		r = host_phases(m, layer, layer->host, &own, &label_epoch);
		if (label_epoch > dir->host_epoch)
			dir->host_epoch = label_epoch;
		if (layer->host->address_count)
			zt_phases_free(&own, 1);
		else
			m->own[i] = own;
	}
	if (r == 0)
		r = zt_directory_host_over_time(dir, &m->c.atoms, m->own, &phases, &count);
	if (r < 0)
		return r;
	dir->host_set = phases[0].set;
	dir->host_change = zt_directory_change(dir, phases, count);
	return dir->host_change == ZT_DIR_NONE ? -ENOMEM : 0;
}

static int set_labels(struct relabeler *m)
{
	struct zt_compiler *c = &m->c;
	int r = 0;

	for (size_t i = 0; i < c->atoms.layers && r == 0; i++)
		r = touch_hosts(m, &c->atoms.layer[i]);
	for (size_t i = 0; i < c->atoms.layers && r == 0 && touched_count(m); i++)
		r = gather_hosts(m, &c->atoms.layer[i]);
	for (size_t i = 0; i < touched_count(m) && r == 0; i++)
		r = set_node(m, &m->touched[i]);
	if (r == 0 && m->self)
		r = set_self(m);
	return r;
}

/* --- rows -------------------------------------------------------------------------------- */

/* Follows a row to the moment; what it says from then on. */
static struct zt_step now_of(const struct zt_step *steps, const struct zt_identity *row,
			     __u64 now_ns)
{
	struct zt_step at = {.until_ns = row->until_ns,
			     .far_id = row->far_id,
			     .near_id = row->near_id,
			     .next = row->step};

	while (at.until_ns && at.until_ns <= now_ns && at.next)
		at = steps[at.next];
	return at;
}

/* Whether two rows mean the same from a moment on. */
static bool same_course(const struct zt_step *steps, const struct zt_identity *a,
			const struct zt_identity *b, __u64 now_ns)
{
	struct zt_step x = now_of(steps, a, now_ns), y = now_of(steps, b, now_ns);

	for (;;) {
		if (x.far_id != y.far_id || x.near_id != y.near_id || x.until_ns != y.until_ns ||
		    !x.next != !y.next)
			return false;
		if (!x.next || x.next == y.next)
			return true;
		x = steps[x.next];
		y = steps[y.next];
	}
}

/* The row that holds for a node now: its own, or that of what is around it. */
static const struct zt_identity *row_of(const struct zt_tables *t, const struct zt_directory *dir,
					const struct zt_dir_node *node)
{
	struct zt_addr addr;

	(void)dir;
	memcpy(addr.bytes, node->key.bytes, sizeof(addr.bytes));
	return zt_tables_row(t, &addr);
}

static int make_row(struct relabeler *m, const struct zt_dir_node *node, size_t *cap)
{
	struct zt_identity own;
	struct zt_addr_row *row;
	int r = zt_identity_of(&m->c, node, &own);

	if (r < 0 ||
	    same_course(m->c.t->steps, row_of(m->t, &m->c.dir, node), &own, m->env->now_ns))
		return r;
	if (zt_vec_grow(&m->patch->addrs, cap, m->patch->addr_count + 1, sizeof(*row)) < 0)
		return -ENOMEM;
	row = &m->patch->addrs[m->patch->addr_count++];
	memset(row, 0, sizeof(*row));
	memcpy(row->key.bytes, node->key.bytes, sizeof(row->key.bytes));
	row->value = own;
	return 0;
}

/* Rows of all addresses by which this host can be meant. */
static int make_own_rows(struct relabeler *m, size_t *cap)
{
	const struct zt_directory *dir = &m->c.dir;
	struct zt_identity unknown;
	int r = zt_identity_of(&m->c, NULL, &unknown);

	/* Every row says what this host is in: too many to change one by one. */
	if (r == 0 && !same_course(m->c.t->steps, &m->t->meta.unknown, &unknown, m->env->now_ns))
		r = -EAGAIN;
	for (size_t i = 0; i < dir->count && r == 0; i++) {
		const struct zt_dir_node *node = &dir->nodes[i];
		struct zt_identity own;

		if (!zt_used_near(&m->c, node) ||
		    zt_strmap_find(m->addrs, node->key.bytes, 16) != ZT_STRMAP_NONE)
			continue;
		if (node->key.prefixlen == 128) {
			r = make_row(m, node, cap);
			continue;
		}
		r = zt_identity_of(&m->c, node, &own);
		if (r == 0 && !same_course(m->c.t->steps, zt_tables_net_row(m->t, &node->key), &own,
					   m->env->now_ns))
			r = -EAGAIN;
	}
	return r;
}

static int make_rows(struct relabeler *m)
{
	size_t cap = 0;
	int r = 0;

	for (size_t i = 0; i < touched_count(m) && r == 0; i++)
		r = make_row(m, &m->c.dir.nodes[m->touched[i].place], &cap);
	if (r == 0 && m->self)
		r = make_own_rows(m, &cap);
	if (r == 0 && zt_strmap_count(m->c.near_ids) + 1 != m->t->people->near_count)
		r = -EAGAIN; /* a near end that no pair knows */
	return r;
}

/* New far identities: their pairs, and the cells of these. */
static int make_pairs(struct relabeler *m)
{
	struct zt_compiler *c = &m->c;
	uint32_t known = m->t->people->far_count - 1, count = zt_strmap_count(c->far_ids);
	int r = 0;

	if (count == known)
		return 0;
	if (c->env->forwarding)
		return -EAGAIN; /* each would need a pair with all others, both ways */
	for (uint32_t far = known + 1; far <= count && r == 0; far++)
		r = zt_lower_far(c, far);
	if (r == 0 && zt_strmap_count(c->port_sets))
		r = zt_lower_cells(c);
	if (r == 0 && zt_strmap_count(c->port_sets) && c->t->port_classes != m->t->port_classes)
		r = -EAGAIN;
	return r;
}

/* --- the patch --------------------------------------------------------------------------- */

#define GIVE(to, from, part, count)                                                                \
	do {                                                                                       \
		(to)->part = zt_take((from)->part);                                                \
		(to)->count = (from)->count;                                                       \
	} while (0)

static int fill_patch(struct relabeler *m)
{
	struct zt_tables *rows = m->c.t;
	struct zt_patch *p = m->patch;

	GIVE(p, rows, pairs, pair_count);
	GIVE(p, rows, cell_index, cell_index_count);
	GIVE(p, rows, cells, cell_count);
	GIVE(p, rows, qrules, qrule_count);
	p->first_cell = m->t->cell_count;
	p->first_step = m->t->step_count;
	p->step_count = rows->step_count - m->t->step_count;
	if (p->step_count) {
		p->steps = calloc(p->step_count, sizeof(*p->steps));
		if (!p->steps)
			return -ENOMEM;
		memcpy(p->steps, rows->steps + p->first_step, p->step_count * sizeof(*p->steps));
	}
	if (m->self && p->addr_count) {
		zt_list_near_ids(&m->c);
		p->meta = memcmp(&rows->meta, &m->t->meta, sizeof(rows->meta)) != 0;
	}
	return 0;
}

static int make_far_room(struct relabeler *m)
{
	struct zt_tables_people *p = m->t->people;
	uint32_t count = zt_strmap_count(m->c.far_ids) + 1;
	uint32_t *grown = realloc(p->far_sets, count * sizeof(*grown));

	if (!grown)
		return -ENOMEM;
	p->far_sets = grown;
	return 0;
}

/* Nothing fails any more, but for the digest. */
static int apply(struct relabeler *m)
{
	struct zt_tables_people *p = m->t->people;
	struct zt_tables *t = m->t;
	size_t len;

	zt_tables_merge(t, m->patch);
	t->meta = m->c.t->meta;
	t->port_sets += zt_strmap_count(m->c.port_sets);
	t->far_ids = zt_strmap_count(m->c.far_ids);
	for (; p->far_count <= t->far_ids; p->far_count++)
		memcpy(&p->far_sets[p->far_count],
		       zt_strmap_key(m->c.far_ids, p->far_count - 1, &len), sizeof(*p->far_sets));
	return zt_patch_empty(m->patch) ? 0 : zt_tables_digest(t, t->meta.digest);
}

static int relabel(struct relabeler *m, const struct zt_policy *policy)
{
	int r = zt_compiler_reopen(&m->c, m->t, policy);

	if (r == 0)
		r = set_labels(m);
	if (r == 0)
		r = make_rows(m);
	if (r == 0)
		r = make_pairs(m);
	if (r == 0)
		r = fill_patch(m);
	if (r == 0)
		r = zt_sets_error(m->c.atoms.sets);
	if (r == 0)
		r = make_far_room(m);
	if (r == 0)
		r = zt_tables_room(m->t, m->patch, m->c.limits);
	if (r < 0)
		undo(m);
	return r == 0 ? apply(m) : r;
}

static int note_names(struct relabeler *m, const char *const *hosts, size_t count)
{
	int r = zt_strmap_new(&m->names);

	if (r == 0)
		r = zt_strmap_new(&m->addrs);
	if (r == 0)
		r = zt_arena_new(&m->arena);
	for (size_t i = 0; i < count && r == 0; i++)
		if (zt_strmap_intern(m->names, hosts[i], strlen(hosts[i]), NULL) == ZT_STRMAP_NONE)
			r = -ENOMEM;
	return r;
}

int zt_tables_relabel(struct zt_tables *t, const struct zt_policy *policy,
		      const struct zt_compile_env *env, const char *const *hosts, size_t count,
		      struct zt_patch **ret)
{
	zt_auto(zt_diag_free) struct zt_diag diag = ZT_DIAG_INIT;
	zt_auto(relabeler_free) struct relabeler m = {.t = t, .env = env};
	int r;

	zt_compiler_borrow(&m.c, t, env, &diag);
	m.host_set = m.c.dir.host_set;
	m.host_change = m.c.dir.host_change;
	m.host_epoch = m.c.dir.host_epoch;
	m.patch = calloc(1, sizeof(*m.patch));
	if (!m.patch)
		return -ENOMEM;
	r = note_names(&m, hosts, count);
	if (r == 0)
		r = relabel(&m, policy);
	diag.sources = NULL;
	if (r == -E2BIG)
		return -EAGAIN;
	if (r < 0)
		return r;
	*ret = zt_take(m.patch);
	return 0;
}
