/* SPDX-License-Identifier: Apache-2.0 */
/* directory.c - every prefix and address a policy speaks of, and the segments it is in. */
#include "policy/directory.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <xxhash.h>

#include "base/cleanup.h"
#include "base/vec.h"

enum entry_kind {
	ENTRY_ADD,    /* number: segment that has this prefix */
	ENTRY_EXCEPT, /* number: segment that excepts it */
	ENTRY_HOST,   /* number: host that has this address, those of further layers behind */
	ENTRY_LOCAL,  /* this host's own; number: bit per layer */
	ENTRY_V4_ROOT,
};

struct entry {
	struct zt_net_key key;
	uint32_t number;
	uint8_t kind;
	bool v4;
};

/* Labels of one layer's hosts as sets. */
struct labelled {
	struct zt_selection selection;
	uint32_t *group_sets; /* group -> set of the segments and conditions that select it */
	uint32_t first_host;  /* number of its first host among those of all layers */
};

struct maker {
	struct zt_atoms *atoms;
	struct zt_sets *sets;
	struct zt_directory *dir;
	bool buckets;
	struct labelled labelled[ZT_LAYERS_MAX];
	struct entry *entries;
	size_t count;
	size_t cap;
	bool v4_root_needed;
	int error;
	uint32_t *scratch;
	size_t scratch_cap;
	uint32_t *closed; /* set -> what zt_atoms_close() makes of it, plus 1; most nodes share */
	size_t closed_cap;
	/* What holds inside each prefix around the one at hand. */
	struct frame {
		uint32_t node;
		uint32_t adds;
		uint32_t excepts;
	} stack[130];
	size_t depth;
};

static void maker_free(struct maker *m)
{
	for (size_t i = 0; i < ZT_LAYERS_MAX; i++) {
		zt_selection_free(&m->labelled[i].selection);
		free(m->labelled[i].group_sets);
	}
	free(m->entries);
	free(m->scratch);
	free(m->closed);
}

void zt_directory_free(struct zt_directory *dir)
{
	free(dir->nodes);
	free(dir->changes);
	*dir = (struct zt_directory){0};
}

static const struct zt_net_key v4_root = {.prefixlen = 96, .bytes = {[10] = 0xff, 0xff}};

static void add(struct maker *m, const struct zt_net_key *key, enum entry_kind kind, size_t number)
{
	struct entry e = {.key = *key, .number = (uint32_t)number, .kind = (uint8_t)kind};
	struct zt_net_key cut = v4_root;

	e.v4 = zt_net_is_v4(key);
	if (zt_vec_grow(&m->entries, &m->cap, m->count + 1, sizeof(e)) < 0) {
		m->error = -ENOMEM;
		return;
	}
	m->entries[m->count++] = e;
	/* An IPv6 prefix whose bits also begin the mapped form would catch IPv4 in the trie. */
	cut.prefixlen = key->prefixlen;
	if (!e.v4 && key->prefixlen < v4_root.prefixlen) {
		zt_net_mask(&cut);
		if (memcmp(cut.bytes, key->bytes, sizeof(cut.bytes)) == 0)
			m->v4_root_needed = true;
	}
}

static void add_address(struct maker *m, const struct zt_addr *addr, enum entry_kind kind,
			uint32_t number)
{
	struct zt_net_key key = {.prefixlen = 128};

	memcpy(key.bytes, addr->bytes, sizeof(key.bytes));
	add(m, &key, kind, number);
}

static void add_nets(struct maker *m, const struct zt_net *nets, size_t count, enum entry_kind kind,
		     size_t number)
{
	for (size_t i = 0; i < count; i++)
		add(m, &nets[i].key, kind, number);
}

static void add_layer(struct maker *m, const struct zt_layer *layer, uint32_t first_host)
{
	const struct zt_policy *p = layer->policy;

	for (size_t i = 0; i < p->segment_count; i++) {
		add_nets(m, p->segments[i].addresses, p->segments[i].address_count, ENTRY_ADD,
			 layer->first + i);
		add_nets(m, p->segments[i].except, p->segments[i].except_count, ENTRY_EXCEPT,
			 layer->first + i);
	}
	for (size_t i = 0; i < p->host_count; i++)
		add_nets(m, p->hosts[i].addresses, p->hosts[i].address_count, ENTRY_HOST,
			 first_host + i);
	for (size_t i = 0; layer->names_hosts && i < p->host_count; i++)
		add_nets(m, p->hosts[i].addresses, p->hosts[i].address_count, ENTRY_ADD,
			 layer->hosts);
	for (size_t i = 0; i < layer->end_count; i++)
		add_nets(m, layer->ends[i]->nets, layer->ends[i]->net_count, ENTRY_ADD,
			 layer->nets + i);
}

static void add_groups(struct maker *m, const struct zt_compile_env *env,
		       const struct zt_layer *layer)
{
	static const struct zt_net_key groups4 = {.prefixlen = 100,
						  .bytes = {[10] = 0xff, 0xff, 0xe0}};
	static const struct zt_net_key groups6 = {.prefixlen = 8, .bytes = {0xff}};
	static const struct zt_addr everyone = {
		.bytes = {[10] = 0xff, 0xff, 0xff, 0xff, 0xff, 0xff}};

	add(m, &groups4, ENTRY_ADD, layer->multicast);
	add(m, &groups6, ENTRY_ADD, layer->multicast);
	add_address(m, &everyone, ENTRY_ADD, layer->broadcast);
	for (size_t i = 0; i < env->broadcast_count; i++)
		add_address(m, &env->broadcasts[i], ENTRY_ADD, layer->broadcast);
}

static void add_machine(struct maker *m, const struct zt_compile_env *env)
{
	for (size_t i = 0; i < m->atoms->layers; i++) {
		const struct zt_layer *layer = &m->atoms->layer[i];

		add_groups(m, env, layer);
		if (layer->host)
			add_nets(m, layer->host->addresses, layer->host->address_count, ENTRY_LOCAL,
				 1U << i);
	}
	for (size_t i = 0; i < env->local_count; i++)
		if (!zt_addr_is_loopback(&env->locals[i]))
			add_address(m, &env->locals[i], ENTRY_LOCAL, (1U << m->atoms->layers) - 1);
	if (m->v4_root_needed)
		add(m, &v4_root, ENTRY_V4_ROOT, 0);
}

static int by_place(const void *a, const void *b)
{
	const struct entry *x = a, *y = b;
	int r;

	if (x->v4 != y->v4)
		return x->v4 ? -1 : 1;
	r = memcmp(x->key.bytes, y->key.bytes, sizeof(x->key.bytes));
	if (r)
		return r;
	if (x->key.prefixlen != y->key.prefixlen)
		return x->key.prefixlen < y->key.prefixlen ? -1 : 1;
	if (x->kind != y->kind)
		return x->kind < y->kind ? -1 : 1;
	return x->number < y->number ? -1 : x->number > y->number;
}

/* Set of the numbers of one kind among a prefix's entries; they are sorted by kind. */
static uint32_t own_set(struct maker *m, const struct entry *e, size_t count, enum entry_kind kind)
{
	size_t n = 0;

	if (zt_vec_grow(&m->scratch, &m->scratch_cap, count, sizeof(*m->scratch)) < 0) {
		m->error = -ENOMEM;
		return 0;
	}
	for (size_t i = 0; i < count; i++)
		if (e[i].kind == kind)
			m->scratch[n++] = e[i].number;
	return n ? zt_sets_intern(m->sets, m->scratch, n) : 0;
}

/* --- nodes ------------------------------------------------------------------------------- */

static const struct zt_layer *layer_of_host(const struct maker *m, uint32_t number,
					    uint32_t *ret_host)
{
	size_t i = m->atoms->layers - 1;

	while (number < m->labelled[i].first_host)
		i--;
	*ret_host = number - m->labelled[i].first_host;
	return &m->atoms->layer[i];
}

static const struct labelled *labelled(const struct maker *m, const struct zt_layer *layer)
{
	return &m->labelled[layer - m->atoms->layer];
}

/* The phases of a host's labels as sets; to be freed. */
static int host_phases(struct maker *m, const struct zt_layer *layer, uint32_t host,
		       struct zt_set_phases *ret)
{
	const struct zt_host_times *times = zt_timeline_find(&layer->times, host);
	const struct labelled *l = labelled(m, layer);
	size_t count = times ? times->phase_count : 1;
	struct zt_set_phase *phases = calloc(count, sizeof(*phases));

	if (!phases)
		return -ENOMEM;
	phases[0].set = l->group_sets[l->selection.group_of_host[host]];
	for (size_t i = 0; times && i < count; i++)
		phases[i] = (struct zt_set_phase){.until_ns = times->phases[i].until_ns,
						  .set = l->group_sets[times->phases[i].group]};
	*ret = (struct zt_set_phases){.items = phases, .count = count};
	return 0;
}

/* An address whose hosts' labels run out: what it becomes. */
static void place_over_time(struct maker *m, const struct entry *e, size_t count,
			    struct zt_dir_node *node)
{
	struct zt_set_phases *hosts = calloc(count, sizeof(*hosts));
	struct zt_set_phase *phases = NULL;
	size_t n = 0, phase_count = 0;
	int r = hosts ? 0 : -ENOMEM;

	for (size_t i = 0; i < count && r == 0; i++) {
		uint32_t host;
		const struct zt_layer *layer;

		if (e[i].kind != ENTRY_HOST)
			continue;
		layer = layer_of_host(m, e[i].number, &host);
		r = host_phases(m, layer, host, &hosts[n++]);
	}
	if (r == 0)
		r = zt_directory_over_time(m->atoms, node->adds, node->excepts, hosts, n, &phases,
					   &phase_count);
	if (r == 0) {
		node->set = phases[0].set;
		node->change = zt_directory_change(m->dir, phases, phase_count);
		r = node->change == ZT_DIR_NONE ? -ENOMEM : 0;
	}
	zt_phases_free(hosts, n);
	free(hosts);
	free(phases);
	if (r < 0)
		m->error = r;
}

/* Fills in what the hosts of an address say; returns the set of now, unless labels run out. */
static uint32_t place_hosts(struct maker *m, const struct entry *e, size_t count,
			    struct zt_dir_node *node, bool *ret_changes)
{
	uint32_t labels = 0, host;

	for (size_t i = 0; i < count; i++) {
		const struct zt_layer *layer;
		const struct zt_host_times *times;
		const struct labelled *l;

		if (e[i].kind != ENTRY_HOST)
			continue;
		layer = layer_of_host(m, e[i].number, &host);
		l = labelled(m, layer);
		times = zt_timeline_find(&layer->times, host);
		labels = zt_sets_union(m->sets, labels,
				       l->group_sets[l->selection.group_of_host[host]]);
		if (times && times->label_epoch > node->label_epoch)
			node->label_epoch = times->label_epoch;
		*ret_changes |= times && times->phase_count > 1;
		/* Shares are of the live plane: its inventory says which bucket. */
		if (m->buckets && !node->bucket && layer == m->atoms->layer)
			node->bucket = zt_host_bucket(layer->policy->hosts[host].name);
	}
	return labels;
}

static uint32_t close_set(struct maker *m, uint32_t set)
{
	size_t old = m->closed_cap;

	if (zt_vec_grow(&m->closed, &m->closed_cap, (size_t)set + 1, sizeof(*m->closed)) < 0) {
		m->error = -ENOMEM;
		return 0;
	}
	if (m->closed_cap > old)
		memset(m->closed + old, 0, (m->closed_cap - old) * sizeof(*m->closed));
	if (!m->closed[set])
		m->closed[set] = zt_atoms_close(m->atoms, set) + 1;
	return m->closed[set] - 1;
}

/* Makes the node of the entries e[0..count), which share one prefix. */
static void place(struct maker *m, const struct entry *e, size_t count)
{
	struct zt_directory *dir = m->dir;
	struct zt_dir_node *node = &dir->nodes[dir->count];
	struct frame frame = {.node = (uint32_t)dir->count};
	bool changes = false;
	uint32_t labels;

	*node = (struct zt_dir_node){.key = e->key, .parent = ZT_DIR_NONE};
	while (m->depth) {
		const struct zt_net_key *outer = &dir->nodes[m->stack[m->depth - 1].node].key;

		if (zt_net_covers(outer, &e->key))
			break;
		m->depth--;
	}
	if (m->depth) {
		frame.adds = m->stack[m->depth - 1].adds;
		frame.excepts = m->stack[m->depth - 1].excepts;
		node->parent = m->stack[m->depth - 1].node;
	}
	for (size_t i = 0; i < count; i++) {
		node->local |= e[i].kind == ENTRY_LOCAL ? (uint8_t)e[i].number : 0;
		node->v4_root |= e[i].kind == ENTRY_V4_ROOT;
	}
	frame.adds = zt_sets_union(m->sets, frame.adds, own_set(m, e, count, ENTRY_ADD));
	frame.excepts = zt_sets_union(m->sets, frame.excepts, own_set(m, e, count, ENTRY_EXCEPT));
	node->adds = frame.adds;
	node->excepts = frame.excepts;
	labels = place_hosts(m, e, count, node, &changes);
	if (changes)
		place_over_time(m, e, count, node);
	else
		node->set = close_set(m, zt_sets_minus(m->sets,
						       zt_sets_union(m->sets, node->adds, labels),
						       node->excepts));
	dir->count++;
	if (e->key.prefixlen < 128)
		m->stack[m->depth++] = frame;
}

/* --- this host --------------------------------------------------------------------------- */

/* This host's own segments, now and as its labels run out. */
static int place_this_host(struct maker *m)
{
	struct zt_set_phases own[ZT_LAYERS_MAX] = {0};
	zt_auto(zt_freep) struct zt_set_phase *phases = NULL;
	size_t count = 0;
	int r = 0;

	for (size_t i = 0; i < m->atoms->layers && r == 0; i++) {
		const struct zt_layer *layer = &m->atoms->layer[i];
		const struct zt_host_times *times;
		uint32_t host;

		if (!layer->host)
			continue;
		host = (uint32_t)(layer->host - layer->policy->hosts);
		times = zt_timeline_find(&layer->times, host);
		if (times && times->label_epoch > m->dir->host_epoch)
			m->dir->host_epoch = times->label_epoch;
		if (!layer->host->address_count)
			r = host_phases(m, layer, host, &own[i]);
	}
	if (r == 0)
		r = zt_directory_host_over_time(m->dir, m->atoms, own, &phases, &count);
	zt_phases_free(own, ZT_LAYERS_MAX);
	if (r < 0)
		return r;
	m->dir->host_set = phases[0].set;
	m->dir->host_change = zt_directory_change(m->dir, phases, count);
	return m->dir->host_change == ZT_DIR_NONE ? -ENOMEM : 0;
}

/* --- the whole --------------------------------------------------------------------------- */

static int label_layer(struct maker *m, struct zt_layer *layer, struct labelled *l)
{
	int r = zt_selection_over(layer->policy, &layer->times, layer->cond_list, layer->cond_count,
				  &l->selection);

	l->group_sets = calloc(l->selection.group_count + 1, sizeof(*l->group_sets));
	if (r < 0 || !l->group_sets)
		return -ENOMEM;
	for (size_t i = 0; i < l->selection.group_count; i++) {
		struct zt_seg_list *list = &l->selection.segments_of_group[i];

		for (size_t k = 0; k < list->count; k++)
			list->items[k] += list->items[k] < layer->policy->segment_count
						  ? layer->first
						  : layer->conds - layer->policy->segment_count;
		l->group_sets[i] = zt_sets_intern(m->sets, list->items, list->count);
	}
	return 0;
}

static int gather(struct maker *m, const struct zt_compile_env *env)
{
	uint32_t hosts = 0;

	for (size_t i = 0; i < m->atoms->layers; i++) {
		m->labelled[i].first_host = hosts;
		if (label_layer(m, &m->atoms->layer[i], &m->labelled[i]) < 0)
			return -ENOMEM;
		add_layer(m, &m->atoms->layer[i], hosts);
		hosts += (uint32_t)m->atoms->layer[i].policy->host_count;
	}
	add_machine(m, env);
	return m->error;
}

int zt_directory_make(struct zt_atoms *atoms, const struct zt_compile_env *env, bool buckets,
		      struct zt_directory *ret)
{
	zt_auto(zt_directory_free) struct zt_directory dir = {0};
	zt_auto(maker_free) struct maker m = {
		.atoms = atoms, .sets = atoms->sets, .dir = &dir, .buckets = buckets};
	size_t end;
	int r;

	if (gather(&m, env) < 0)
		return -ENOMEM;
	dir.nodes = calloc(m.count, sizeof(*dir.nodes));
	if (!dir.nodes)
		return -ENOMEM;
	qsort(m.entries, m.count, sizeof(*m.entries), by_place);
	for (size_t i = 0; i < m.count; i = end) {
		for (end = i + 1; end < m.count; end++)
			if (m.entries[end].v4 != m.entries[i].v4 ||
			    memcmp(&m.entries[end].key, &m.entries[i].key, sizeof(m.entries->key)))
				break;
		place(&m, &m.entries[i], end - i);
	}
	dir.unknown_set = zt_atoms_close(atoms, 0);
	r = place_this_host(&m);
	if (r < 0 || m.error || zt_sets_error(atoms->sets))
		return -ENOMEM;
	*ret = dir;
	dir = (struct zt_directory){0};
	return 0;
}

const struct zt_dir_node *zt_directory_find(const struct zt_directory *dir,
					    const struct zt_addr *addr)
{
	struct entry want = {
		.key = {.prefixlen = 128}, .v4 = zt_addr_is_v4(addr), .kind = UINT8_MAX};
	size_t low = 0, high = dir->count;
	uint32_t at;

	memcpy(want.key.bytes, addr->bytes, sizeof(want.key.bytes));
	while (low < high) { /* the first node behind the address */
		size_t mid = low + (high - low) / 2;
		struct entry have = {.key = dir->nodes[mid].key,
				     .v4 = zt_net_is_v4(&dir->nodes[mid].key)};

		if (by_place(&have, &want) <= 0)
			low = mid + 1;
		else
			high = mid;
	}
	/* What covers the address is the node before it, or around that one. */
	at = low ? (uint32_t)low - 1 : ZT_DIR_NONE;
	while (at != ZT_DIR_NONE && !zt_net_contains(&dir->nodes[at].key, addr))
		at = dir->nodes[at].parent;
	return at == ZT_DIR_NONE ? NULL : &dir->nodes[at];
}

uint8_t zt_host_bucket(const char *name)
{
	return (uint8_t)(1 + XXH64(name, strlen(name), 0) % ZT_BUCKETS);
}
