/* SPDX-License-Identifier: Apache-2.0 */
/* directory.c - every prefix and address a policy speaks of, and the segments it is in. */
#include "policy/directory.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/vec.h"
#include "policy/select.h"

enum entry_kind {
	ENTRY_ADD,    /* number: segment that has this prefix */
	ENTRY_EXCEPT, /* number: segment that excepts it */
	ENTRY_LABELS, /* number: group of the host that has this address */
	ENTRY_LOCAL,  /* this host's own */
	ENTRY_V4_ROOT,
};

struct entry {
	struct zt_net_key key;
	uint32_t number;
	uint8_t kind;
	bool v4;
};

struct maker {
	const struct zt_policy *policy;
	struct zt_sets *sets;
	struct zt_selection selection;
	uint32_t *group_sets; /* group -> set of segments that select it */
	struct entry *entries;
	size_t count;
	size_t cap;
	bool v4_root_needed;
	int error;
	uint32_t *scratch;
	size_t scratch_cap;
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
	zt_selection_free(&m->selection);
	free(m->group_sets);
	free(m->entries);
	free(m->scratch);
}

void zt_directory_free(struct zt_directory *dir)
{
	zt_freep(&dir->nodes);
	dir->count = 0;
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

static bool names_hosts(const struct zt_policy *p)
{
	for (size_t i = 0; i < p->stmt_count; i++)
		if (p->stmts[i].from.kind == ZT_END_THIS_HOST ||
		    p->stmts[i].to.kind == ZT_END_THIS_HOST)
			return true;
	return false;
}

static void add_policy(struct maker *m, const struct zt_end *const *nets, size_t net_count)
{
	const struct zt_policy *p = m->policy;
	bool hosts = names_hosts(p);

	for (size_t i = 0; i < p->segment_count; i++) {
		add_nets(m, p->segments[i].addresses, p->segments[i].address_count, ENTRY_ADD, i);
		add_nets(m, p->segments[i].except, p->segments[i].except_count, ENTRY_EXCEPT, i);
	}
	for (size_t i = 0; i < p->host_count; i++)
		add_nets(m, p->hosts[i].addresses, p->hosts[i].address_count, ENTRY_LABELS,
			 m->selection.group_of_host[i]);
	for (size_t i = 0; hosts && i < p->host_count; i++)
		add_nets(m, p->hosts[i].addresses, p->hosts[i].address_count, ENTRY_ADD,
			 ZT_ATOM_HOSTS(p));
	for (size_t i = 0; i < net_count; i++)
		add_nets(m, nets[i]->nets, nets[i]->net_count, ENTRY_ADD, ZT_ATOM_NETS(p) + i);
}

static void add_machine(struct maker *m, const struct zt_compile_env *env,
			const struct zt_host *host)
{
	static const struct zt_net_key groups4 = {.prefixlen = 100,
						  .bytes = {[10] = 0xff, 0xff, 0xe0}};
	static const struct zt_net_key groups6 = {.prefixlen = 8, .bytes = {0xff}};
	static const struct zt_addr everyone = {
		.bytes = {[10] = 0xff, 0xff, 0xff, 0xff, 0xff, 0xff}};
	const struct zt_policy *p = m->policy;

	add(m, &groups4, ENTRY_ADD, ZT_ATOM_MULTICAST(p));
	add(m, &groups6, ENTRY_ADD, ZT_ATOM_MULTICAST(p));
	add_address(m, &everyone, ENTRY_ADD, ZT_ATOM_BROADCAST(p));
	for (size_t i = 0; i < env->broadcast_count; i++)
		add_address(m, &env->broadcasts[i], ENTRY_ADD, ZT_ATOM_BROADCAST(p));
	for (size_t i = 0; i < env->local_count; i++)
		if (!zt_addr_is_loopback(&env->locals[i]))
			add_address(m, &env->locals[i], ENTRY_LOCAL, 0);
	if (host)
		add_nets(m, host->addresses, host->address_count, ENTRY_LOCAL, 0);
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

/* An address in no segment of the policy, and no group address, is "unknown". */
static uint32_t with_unknown(struct maker *m, uint32_t set)
{
	const struct zt_policy *p = m->policy;
	size_t count;
	const uint32_t *items = zt_sets_get(m->sets, set, &count);

	if ((count && items[0] < p->segment_count) ||
	    zt_sets_has(m->sets, set, ZT_ATOM_MULTICAST(p)) ||
	    zt_sets_has(m->sets, set, ZT_ATOM_BROADCAST(p)))
		return set;
	return zt_sets_add(m->sets, set, ZT_ATOM_UNKNOWN(p));
}

/* Makes the node of the entries e[0..count), which share one prefix. */
static void place(struct maker *m, const struct entry *e, size_t count, struct zt_directory *dir)
{
	struct zt_dir_node *node = &dir->nodes[dir->count];
	struct frame frame = {.node = (uint32_t)dir->count};
	uint32_t labels = 0;

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
		if (e[i].kind == ENTRY_LABELS)
			labels = zt_sets_union(m->sets, labels, m->group_sets[e[i].number]);
		node->local |= e[i].kind == ENTRY_LOCAL;
		node->v4_root |= e[i].kind == ENTRY_V4_ROOT;
	}
	frame.adds = zt_sets_union(m->sets, frame.adds, own_set(m, e, count, ENTRY_ADD));
	frame.excepts = zt_sets_union(m->sets, frame.excepts, own_set(m, e, count, ENTRY_EXCEPT));
	node->set = zt_sets_union(m->sets, frame.adds, labels);
	node->set = with_unknown(m, zt_sets_minus(m->sets, node->set, frame.excepts));
	dir->count++;
	if (e->key.prefixlen < 128)
		m->stack[m->depth++] = frame;
}

static int make_group_sets(struct maker *m)
{
	m->group_sets = calloc(m->selection.group_count + 1, sizeof(*m->group_sets));
	if (!m->group_sets)
		return -ENOMEM;
	for (size_t i = 0; i < m->selection.group_count; i++)
		m->group_sets[i] = zt_sets_intern(m->sets, m->selection.segments_of_group[i].items,
						  m->selection.segments_of_group[i].count);
	return 0;
}

static uint32_t host_set(struct maker *m, const struct zt_directory *dir,
			 const struct zt_host *host)
{
	uint32_t set = 0;

	if (!host)
		return 0;
	if (!host->address_count)
		return m->group_sets[m->selection.group_of_host[host - m->policy->hosts]];
	for (size_t i = 0; i < host->address_count; i++) {
		struct zt_addr addr;
		const struct zt_dir_node *node;

		memcpy(addr.bytes, host->addresses[i].key.bytes, sizeof(addr.bytes));
		node = zt_directory_find(dir, &addr);
		if (node)
			set = zt_sets_union(
				m->sets, set,
				zt_sets_below(m->sets, node->set, ZT_ATOM_UNKNOWN(m->policy)));
	}
	return set;
}

int zt_directory_make(const struct zt_policy *policy, const struct zt_compile_env *env,
		      const struct zt_host *host, const struct zt_end *const *nets,
		      size_t net_count, struct zt_sets *sets, struct zt_directory *ret)
{
	zt_auto(zt_directory_free) struct zt_directory dir = {0};
	zt_auto(maker_free) struct maker m = {.policy = policy, .sets = sets};
	size_t end;

	if (zt_selection_make(policy, &m.selection) < 0 || make_group_sets(&m) < 0)
		return -ENOMEM;
	add_policy(&m, nets, net_count);
	add_machine(&m, env, host);
	dir.nodes = calloc(m.count, sizeof(*dir.nodes));
	if (m.error || !dir.nodes)
		return -ENOMEM;
	qsort(m.entries, m.count, sizeof(*m.entries), by_place);
	for (size_t i = 0; i < m.count; i = end) {
		for (end = i + 1; end < m.count; end++)
			if (m.entries[end].v4 != m.entries[i].v4 ||
			    memcmp(&m.entries[end].key, &m.entries[i].key, sizeof(m.entries->key)))
				break;
		place(&m, &m.entries[i], end - i, &dir);
	}
	dir.unknown_set = with_unknown(&m, 0);
	dir.host_set = zt_sets_add(sets, host_set(&m, &dir, host), ZT_ATOM_HOSTS(policy));
	if (m.error || zt_sets_error(sets))
		return -ENOMEM;
	*ret = dir;
	dir.nodes = NULL;
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
