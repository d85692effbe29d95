/* SPDX-License-Identifier: Apache-2.0 */
/*
 * atoms.h - segments as numbers, in layers: the policy in force, and a held candidate.
 *
 * Private to this room. Each layer numbers the segments of its policy first,
 * then the built-in ones, the lists of prefixes its failsafes name, its label
 * conditions (when.labels), and what is in a segment and fits a condition. Sets
 * hold atoms of all layers, so that one identity serves both.
 */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "bpf/abi.h"
#include "policy/policy.h"
#include "policy/select.h"
#include "policy/sets.h"

#define ZT_LAYERS_MAX ZT_PLANE_COUNT

/* An end of a statement: everybody; this host alone. No set has these as a member. */
#define ZT_ATOM_ANY	  UINT32_MAX
#define ZT_ATOM_THIS_HOST (UINT32_MAX - 1)
#define ZT_ATOM_NONE	  (UINT32_MAX - 2) /* nobody; also: no memory */

/* What is in a segment and fits a label condition. */
struct zt_derived {
	uint32_t from; /* atom, or ZT_ATOM_THIS_HOST */
	uint32_t cond; /* place in the conditions of the layer */
	uint32_t next; /* the next one with the same condition, plus 1; 0 = none */
};

/* A policy, and the numbers of its atoms. */
struct zt_layer {
	const struct zt_policy *policy;
	const struct zt_host *host; /* this host in it, or NULL */
	bool names_hosts;	    /* some statement says `this-host` */
	uint32_t first;		    /* its segments */
	uint32_t unknown;
	uint32_t multicast;
	uint32_t broadcast;
	/*
	 * `this-host` in an allow or a failsafe. Every host reads the same file, so at the
	 * other end it is any host of the inventory; else a failsafe towards a host would not
	 * save the packet at the sender, whose own agent judges it too.
	 */
	uint32_t hosts;
	uint32_t nets;	  /* the first of @end_count */
	uint32_t conds;	  /* the first of @cond_count */
	uint32_t derived; /* the first of @derived_count */
	uint32_t end;

	const struct zt_end **ends; /* that name prefixes */
	size_t end_count;
	struct zt_label_cond *cond_list;
	uint32_t *derived_of_cond; /* the first derived one, plus 1 */
	size_t cond_count;
	struct zt_derived *derived_list;
	size_t derived_count;
	size_t derived_cap;
	struct zt_timeline times;
};

/* What the sets are made of. */
struct zt_atoms {
	struct zt_layer layer[ZT_LAYERS_MAX];
	size_t layers;
	struct zt_sets *sets;
};

/**
 * zt_atoms_derived - the atom of an end narrowed by a condition, made if it is new.
 * @from: an atom of @layer, or ZT_ATOM_THIS_HOST.
 *
 * Only before other layers are numbered. Returns ZT_ATOM_NONE without memory.
 */
uint32_t zt_atoms_derived(struct zt_layer *layer, uint32_t from, uint32_t cond);

/** zt_atoms_close - adds "unknown" where a layer knows nothing of a set, and what is derived. */
uint32_t zt_atoms_close(const struct zt_atoms *atoms, uint32_t set);

/** zt_atoms_of_host - the segments and conditions of a layer in a set. */
uint32_t zt_atoms_of_host(const struct zt_atoms *atoms, const struct zt_layer *layer, uint32_t set);

/**
 * zt_atoms_near - what this host's end is in when it uses an address.
 * @host: zt_directory host_set of the moment.
 * @set:  of the address at that moment.
 * @used: bit per layer in which the address counts as this host's own.
 */
uint32_t zt_atoms_near(const struct zt_atoms *atoms, uint32_t host, uint32_t set,
		       unsigned int used);

/** zt_atoms_grouped - bit per layer that knows the set as multicast or broadcast. */
unsigned int zt_atoms_grouped(const struct zt_atoms *atoms, uint32_t set);

/** zt_atoms_free - release the layers' lists and the sets; for zt_auto(). */
void zt_atoms_free(struct zt_atoms *atoms);
