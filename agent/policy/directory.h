/* SPDX-License-Identifier: Apache-2.0 */
/*
 * directory.h - every prefix and address the policies speak of, and the segments it is in.
 *
 * Private to this room. The set of a prefix is the union of all segments that
 * cover it minus those with an exception that covers it; an address adds the
 * segments that select its hosts, and becomes another set when a label of these
 * runs out.
 */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "base/addr.h"
#include "policy/atoms.h"
#include "policy/compile.h"

#define ZT_DIR_NONE UINT32_MAX
struct zt_dir_node {
	struct zt_net_key key;
	uint32_t set;	  /* segments of an address here that no longer prefix covers */
	uint32_t parent;  /* the next shorter prefix around it, or ZT_DIR_NONE */
	uint32_t adds;	  /* segments by prefix, this one's and those around it */
	uint32_t excepts; /* and exceptions */
	uint32_t change;  /* of the directory's changes: what it becomes; 0 = stays */
	uint32_t label_epoch;
	uint8_t bucket; /* 1 + share bucket of its host, when asked for */
	uint8_t local;	/* bit per layer in which this host has or should have the address */
	bool v4_root;	/* stands so that ::/n does not reach into IPv4 */
};

/* Labels that run out. */
struct zt_dir_change {
	uint64_t at_ns;
	uint32_t set;  /* from then on */
	uint32_t next; /* 0 = none */
};

/* Sorted by family, address, length: a prefix comes before what it covers. */
struct zt_directory {
	struct zt_dir_node *nodes;
	size_t count;
	struct zt_dir_change *changes; /* [0] unused */
	size_t change_count;
	size_t change_cap;
	uint32_t unknown_set; /* of an address that no prefix covers */
	uint32_t host_set;    /* segments and conditions that this host itself is in */
	uint32_t host_change;
	uint32_t host_epoch; /* of its labels */
};

/* The sets of one host over time: the segments and conditions that select it. */
struct zt_set_phase {
	uint64_t until_ns; /* 0 in the last one */
	uint32_t set;
};

struct zt_set_phases {
	struct zt_set_phase *items;
	size_t count;
};

/**
 * zt_directory_make - lay out all prefixes.
 * @atoms:   its layers' timelines get their groups.
 * @buckets: whether nodes of hosts are to have their share bucket.
 *
 * Returns 0 or -ENOMEM.
 */
int zt_directory_make(struct zt_atoms *atoms, const struct zt_compile_env *env, bool buckets,
		      struct zt_directory *ret);

/** zt_phases_free - release the items of each; not @list itself. */
void zt_phases_free(struct zt_set_phases *list, size_t count);

/**
 * zt_directory_over_time - what an address becomes as the labels of its hosts run out.
 * @hosts: of each host with that address, when it is in which segments.
 * @ret:   at least one phase, the last without end; to be freed.
 *
 * Returns 0 or -ENOMEM.
 */
int zt_directory_over_time(const struct zt_atoms *atoms, uint32_t adds, uint32_t excepts,
			   const struct zt_set_phases *hosts, size_t host_count,
			   struct zt_set_phase **ret, size_t *ret_count);

/** zt_directory_change - note the phases of a set; returns what node.change is then; or NONE. */
uint32_t zt_directory_change(struct zt_directory *dir, const struct zt_set_phase *phases,
			     size_t count);

/**
 * zt_directory_host_over_time - the same for what this host itself is in.
 * @own: per layer the phases of its labels when it has no address there, else none.
 */
int zt_directory_host_over_time(const struct zt_directory *dir, const struct zt_atoms *atoms,
				const struct zt_set_phases *own, struct zt_set_phase **ret,
				size_t *ret_count);

/** zt_host_bucket - 1 + the share bucket of an inventory host, by its name for good. */
uint8_t zt_host_bucket(const char *name);

/** zt_directory_free - release what it holds; for zt_auto(). */
void zt_directory_free(struct zt_directory *dir);

/** zt_directory_find - the longest prefix that covers @addr, or NULL. */
const struct zt_dir_node *zt_directory_find(const struct zt_directory *dir,
					    const struct zt_addr *addr);

/** zt_directory_set_at - what a set that begins a chain of changes is at a moment. */
uint32_t zt_directory_set_at(const struct zt_directory *dir, uint32_t set, uint32_t change,
			     uint64_t now_ns);
