/* SPDX-License-Identifier: Apache-2.0 */
/* atoms.c - segments as numbers, in layers. */
#include "policy/atoms.h"

#include <errno.h>
#include <stdlib.h>

#include "base/vec.h"

static void layer_free(struct zt_layer *layer)
{
	free(layer->ends);
	free(layer->cond_list);
	free(layer->derived_of_cond);
	free(layer->derived_list);
	zt_timeline_free(&layer->times);
}

void zt_atoms_free(struct zt_atoms *atoms)
{
	for (size_t i = 0; i < ZT_LAYERS_MAX; i++)
		layer_free(&atoms->layer[i]);
	zt_sets_free(&atoms->sets);
	*atoms = (struct zt_atoms){0};
}

uint32_t zt_atoms_derived(struct zt_layer *layer, uint32_t from, uint32_t cond)
{
	struct zt_derived *d;

	for (uint32_t at = layer->derived_of_cond[cond]; at; at = d->next) {
		d = &layer->derived_list[at - 1];
		if (d->from == from)
			return layer->derived + at - 1;
	}
	if (zt_vec_grow(&layer->derived_list, &layer->derived_cap, layer->derived_count + 1,
			sizeof(*d)) < 0)
		return ZT_ATOM_NONE;
	d = &layer->derived_list[layer->derived_count++];
	*d = (struct zt_derived){.from = from, .cond = cond, .next = layer->derived_of_cond[cond]};
	layer->derived_of_cond[cond] = (uint32_t)layer->derived_count;
	layer->end = layer->derived + (uint32_t)layer->derived_count;
	return layer->end - 1;
}

static bool between(uint32_t atom, uint32_t first, uint32_t end)
{
	return atom >= first && atom < end;
}

/* Whether a layer knows the set: as a segment of its own, or as a group address. */
static bool known(const struct zt_atoms *atoms, const struct zt_layer *layer, uint32_t set)
{
	size_t count;
	const uint32_t *items = zt_sets_get(atoms->sets, set, &count);

	for (size_t i = 0; i < count && items[i] <= layer->broadcast; i++)
		if (items[i] >= layer->first && items[i] != layer->unknown)
			return true;
	return false;
}

/* A member by place; sets move when others are made, so it is asked for each time. */
static uint32_t member(const struct zt_sets *sets, uint32_t set, size_t place)
{
	size_t count;

	return zt_sets_get(sets, set, &count)[place];
}

static size_t members(const struct zt_sets *sets, uint32_t set)
{
	size_t count;

	zt_sets_get(sets, set, &count);
	return count;
}

/* Adds what is derived from the conditions in a set; @near: it is this host's own end. */
static uint32_t derive(const struct zt_atoms *atoms, const struct zt_layer *layer, uint32_t set,
		       bool near)
{
	size_t count = layer->derived_count ? members(atoms->sets, set) : 0;
	uint32_t result = set;

	for (size_t i = 0; i < count; i++) {
		uint32_t atom = member(atoms->sets, set, i);
		const struct zt_derived *d;

		if (!between(atom, layer->conds, layer->derived))
			continue;
		for (uint32_t at = layer->derived_of_cond[atom - layer->conds]; at; at = d->next) {
			d = &layer->derived_list[at - 1];
			if (d->from == ZT_ATOM_THIS_HOST ? near
							 : zt_sets_has(atoms->sets, set, d->from))
				result = zt_sets_add(atoms->sets, result, layer->derived + at - 1);
		}
	}
	return result;
}

uint32_t zt_atoms_close(const struct zt_atoms *atoms, uint32_t set)
{
	for (size_t i = 0; i < atoms->layers; i++)
		if (!known(atoms, &atoms->layer[i], set))
			set = zt_sets_add(atoms->sets, set, atoms->layer[i].unknown);
	for (size_t i = 0; i < atoms->layers; i++)
		set = derive(atoms, &atoms->layer[i], set, false);
	return set;
}

/* The members of a set that lie in one of two ranges. */
static uint32_t pick(struct zt_sets *sets, uint32_t set, const uint32_t range[4])
{
	size_t count = members(sets, set);
	uint32_t result = 0;

	for (size_t i = 0; i < count; i++) {
		uint32_t atom = member(sets, set, i);

		if (between(atom, range[0], range[1]) || between(atom, range[2], range[3]))
			result = zt_sets_add(sets, result, atom);
	}
	return result;
}

uint32_t zt_atoms_of_host(const struct zt_atoms *atoms, const struct zt_layer *layer, uint32_t set)
{
	const uint32_t range[] = {layer->first, layer->unknown, layer->conds, layer->derived};

	return pick(atoms->sets, set, range);
}

unsigned int zt_atoms_grouped(const struct zt_atoms *atoms, uint32_t set)
{
	unsigned int mask = 0;

	for (size_t i = 0; i < atoms->layers; i++)
		if (zt_sets_has(atoms->sets, set, atoms->layer[i].multicast) ||
		    zt_sets_has(atoms->sets, set, atoms->layer[i].broadcast))
			mask |= 1U << i;
	return mask;
}

uint32_t zt_atoms_near(const struct zt_atoms *atoms, uint32_t host, uint32_t set, unsigned int used)
{
	uint32_t joined = host;

	for (size_t i = 0; i < atoms->layers; i++) {
		const struct zt_layer *layer = &atoms->layer[i];
		const uint32_t range[] = {layer->first, layer->unknown, layer->multicast,
					  layer->derived};

		if (used >> i & 1)
			joined = zt_sets_union(atoms->sets, joined, pick(atoms->sets, set, range));
	}
	/* In no segment with either: this end is unknown too. */
	for (size_t i = 0; i < atoms->layers; i++)
		if (!known(atoms, &atoms->layer[i], joined))
			joined = zt_sets_add(atoms->sets, joined, atoms->layer[i].unknown);
	for (size_t i = 0; i < atoms->layers; i++)
		joined = derive(atoms, &atoms->layer[i], joined, true);
	return joined;
}
