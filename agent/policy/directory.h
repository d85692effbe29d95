/* SPDX-License-Identifier: Apache-2.0 */
/*
 * directory.h - every prefix and address a policy speaks of, and the segments it is in.
 *
 * Private to this room. Segments are numbers here: those of the policy first,
 * then the built-in ones, then one for each list of prefixes a failsafe names.
 * The set of a prefix is the union of all that cover it minus those with an
 * exception that covers it; an address adds the segments that select its host.
 */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "base/addr.h"
#include "policy/compile.h"
#include "policy/policy.h"
#include "policy/sets.h"

#define ZT_DIR_NONE UINT32_MAX

/* Numbers behind those of the policy's own segments. */
#define ZT_ATOM_UNKNOWN(policy)	  ((uint32_t)(policy)->segment_count)
#define ZT_ATOM_MULTICAST(policy) ((uint32_t)(policy)->segment_count + 1)
#define ZT_ATOM_BROADCAST(policy) ((uint32_t)(policy)->segment_count + 2)
/*
 * `this-host` in an allow or a failsafe. Every host reads the same file, so at the
 * other end it is any host of the inventory; else a failsafe towards a host would not
 * save the packet at the sender, whose own agent judges it too.
 */
#define ZT_ATOM_HOSTS(policy) ((uint32_t)(policy)->segment_count + 3)
#define ZT_ATOM_NETS(policy)  ((uint32_t)(policy)->segment_count + 4)

struct zt_dir_node {
	struct zt_net_key key;
	uint32_t set;	 /* segments of an address here that no longer prefix covers */
	uint32_t parent; /* the next shorter prefix around it, or ZT_DIR_NONE */
	bool local;	 /* an address that this host has or should have */
	bool v4_root;	 /* stands so that ::/n does not reach into IPv4 */
};

/* Sorted by family, address, length: a prefix comes before what it covers. */
struct zt_directory {
	struct zt_dir_node *nodes;
	size_t count;
	uint32_t unknown_set; /* of an address that no prefix covers */
	uint32_t host_set;    /* the policy's segments that this host itself is in */
};

/**
 * zt_directory_make - lay out all prefixes.
 * @nets:  ends that name prefixes; the i-th has the number ZT_ATOM_NETS + i.
 * @host:  this host in the inventory, or NULL.
 * @sets:  where the sets are interned.
 *
 * Returns 0 or -ENOMEM.
 */
int zt_directory_make(const struct zt_policy *policy, const struct zt_compile_env *env,
		      const struct zt_host *host, const struct zt_end *const *nets,
		      size_t net_count, struct zt_sets *sets, struct zt_directory *ret);

/** zt_directory_free - release what it holds; for zt_auto(). */
void zt_directory_free(struct zt_directory *dir);

/** zt_directory_find - the longest prefix that covers @addr, or NULL. */
const struct zt_dir_node *zt_directory_find(const struct zt_directory *dir,
					    const struct zt_addr *addr);
