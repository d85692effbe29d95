/* SPDX-License-Identifier: Apache-2.0 */
/* phases.c - sets of segments as they change when labels run out. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/vec.h"
#include "policy/directory.h"

void zt_phases_free(struct zt_set_phases *list, size_t count)
{
	for (size_t i = 0; i < count; i++)
		free(list[i].items);
}

static const struct zt_set_phase *phase_at(const struct zt_set_phases *phases, uint64_t at_ns)
{
	const struct zt_set_phase *phase = phases->items;

	while (phase->until_ns && phase->until_ns <= at_ns)
		phase++;
	return phase;
}

/* The earliest end after a moment; 0 = none. */
static uint64_t next_end(const struct zt_set_phases *hosts, size_t count, uint64_t at_ns)
{
	uint64_t next = 0;

	for (size_t i = 0; i < count; i++) {
		uint64_t until = phase_at(&hosts[i], at_ns)->until_ns;

		if (until && (!next || until < next))
			next = until;
	}
	return next;
}

static int add_phase(struct zt_set_phase **phases, size_t *cap, size_t *count, uint32_t set,
		     uint64_t until_ns)
{
	if (zt_vec_grow(phases, cap, *count + 1, sizeof(**phases)) < 0)
		return -ENOMEM;
	if (*count && (*phases)[*count - 1].set == set)
		(*phases)[*count - 1].until_ns = until_ns; /* nothing changed but the time */
	else
		(*phases)[(*count)++] = (struct zt_set_phase){.until_ns = until_ns, .set = set};
	return 0;
}

/* The union of several sets over time. */
static int unite(struct zt_sets *sets, uint32_t with, const struct zt_set_phases *parts,
		 size_t part_count, struct zt_set_phase **ret, size_t *ret_count)
{
	zt_auto(zt_freep) struct zt_set_phase *phases = NULL;
	size_t cap = 0, count = 0;
	uint64_t at = 0;

	do {
		uint32_t set = with;

		for (size_t i = 0; i < part_count; i++)
			set = zt_sets_union(sets, set, phase_at(&parts[i], at)->set);
		at = next_end(parts, part_count, at);
		if (add_phase(&phases, &cap, &count, set, at) < 0)
			return -ENOMEM;
	} while (at);
	*ret = zt_take(phases);
	*ret_count = count;
	return zt_sets_error(sets);
}

int zt_directory_over_time(const struct zt_atoms *atoms, uint32_t adds, uint32_t excepts,
			   const struct zt_set_phases *hosts, size_t host_count,
			   struct zt_set_phase **ret, size_t *ret_count)
{
	zt_auto(zt_freep) struct zt_set_phase *joined = NULL, *phases = NULL;
	size_t cap = 0, count = 0, joined_count = 0;
	int r = unite(atoms->sets, adds, hosts, host_count, &joined, &joined_count);

	for (size_t i = 0; i < joined_count && r == 0; i++) {
		uint32_t set = zt_sets_minus(atoms->sets, joined[i].set, excepts);

		r = add_phase(&phases, &cap, &count, zt_atoms_close(atoms, set),
			      joined[i].until_ns);
	}
	if (r < 0)
		return r;
	*ret = zt_take(phases);
	*ret_count = count;
	return zt_sets_error(atoms->sets);
}

uint32_t zt_directory_change(struct zt_directory *dir, const struct zt_set_phase *phases,
			     size_t count)
{
	uint32_t first = (uint32_t)dir->change_count ?: 1;

	if (count < 2)
		return 0;
	if (zt_vec_grow(&dir->changes, &dir->change_cap, first + count, sizeof(*dir->changes)) < 0)
		return ZT_DIR_NONE;
	dir->changes[0] = (struct zt_dir_change){0};
	for (size_t i = 1; i < count; i++)
		dir->changes[first + i - 1] =
			(struct zt_dir_change){.at_ns = phases[i - 1].until_ns,
					       .set = phases[i].set,
					       .next = i + 1 < count ? first + (uint32_t)i : 0};
	dir->change_count = first + count - 1;
	return first;
}

uint32_t zt_directory_set_at(const struct zt_directory *dir, uint32_t set, uint32_t change,
			     uint64_t now_ns)
{
	while (change && dir->changes[change].at_ns <= now_ns) {
		set = dir->changes[change].set;
		change = dir->changes[change].next;
	}
	return set;
}

/* The phases of one node, as far as a layer's segments and conditions go; to be freed. */
static int node_phases(const struct zt_directory *dir, const struct zt_atoms *atoms,
		       const struct zt_layer *layer, const struct zt_dir_node *node,
		       struct zt_set_phases *ret)
{
	struct zt_set_phase *phases;
	size_t count = 1;

	for (uint32_t at = node->change; at; at = dir->changes[at].next)
		count++;
	phases = calloc(count, sizeof(*phases));
	if (!phases)
		return -ENOMEM;
	phases[0].set = zt_atoms_of_host(atoms, layer, node->set);
	count = 1;
	for (uint32_t at = node->change; at; at = dir->changes[at].next) {
		phases[count - 1].until_ns = dir->changes[at].at_ns;
		phases[count++].set = zt_atoms_of_host(atoms, layer, dir->changes[at].set);
	}
	*ret = (struct zt_set_phases){.items = phases, .count = count};
	return 0;
}

/* The phases of this host's addresses in one layer. */
static int address_phases(const struct zt_directory *dir, const struct zt_atoms *atoms,
			  const struct zt_layer *layer, struct zt_set_phases *ret,
			  size_t *ret_count)
{
	int r = 0;

	for (size_t i = 0; i < layer->host->address_count && r == 0; i++) {
		struct zt_addr addr;
		const struct zt_dir_node *node;

		memcpy(addr.bytes, layer->host->addresses[i].key.bytes, sizeof(addr.bytes));
		node = zt_directory_find(dir, &addr);
		if (node)
			r = node_phases(dir, atoms, layer, node, &ret[(*ret_count)++]);
	}
	return r;
}

int zt_directory_host_over_time(const struct zt_directory *dir, const struct zt_atoms *atoms,
				const struct zt_set_phases *own, struct zt_set_phase **ret,
				size_t *ret_count)
{
	struct zt_set_phases *parts;
	size_t room = ZT_LAYERS_MAX, n = 0, borrowed = 0;
	uint32_t hosts = 0;
	int r = 0;

	for (size_t i = 0; i < atoms->layers; i++)
		if (atoms->layer[i].host)
			room += atoms->layer[i].host->address_count;
	parts = calloc(room, sizeof(*parts));
	if (!parts)
		return -ENOMEM;
	for (size_t i = 0; i < atoms->layers; i++)
		if (own[i].count)
			parts[borrowed++] = own[i];
	for (size_t i = 0; i < atoms->layers && r == 0; i++) {
		hosts = zt_sets_add(atoms->sets, hosts, atoms->layer[i].hosts);
		if (atoms->layer[i].host)
			r = address_phases(dir, atoms, &atoms->layer[i], parts + borrowed, &n);
	}
	if (r == 0)
		r = unite(atoms->sets, hosts, parts, borrowed + n, ret, ret_count);
	zt_phases_free(parts + borrowed, n);
	free(parts);
	return r;
}
