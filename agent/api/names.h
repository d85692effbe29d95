/* SPDX-License-Identifier: Apache-2.0 */
/*
 * names.h - names for addresses, rules and owners, from the policy in force.
 *
 * Holds no string of a policy, only places in it: a policy may be replaced between two
 * answers. zt_names_set() comes before every use.
 */
#pragma once
#include <stddef.h>
#include <stdint.h>

#include "bpf/abi.h"
#include "flow/names.h"

struct zt_labels;
struct zt_names;
struct zt_policy;
struct zt_rule_names;
struct zt_tables;

/**
 * struct zt_names_from - what the names come from, all borrowed.
 * @policy, @tables: in force; NULL while there is none.
 * @this_host:       inventory name of this machine, or NULL.
 * @locals:          local addresses, sorted bytewise.
 * @labels:          set at run time, or NULL.
 * @owner:           record of an owner index: 0 or -ENOENT; @command: its latest process.
 * @hints:           names that an address may have; see struct zt_flow_names.
 */
struct zt_names_from {
	const struct zt_policy *policy;
	const struct zt_tables *tables;
	const struct zt_rule_names *rules;
	const char *this_host;
	const struct zt_addr *locals;
	size_t local_count;
	const struct zt_labels *labels;
	int (*owner)(void *ctx, uint32_t index, struct zt_owner *ret_owner);
	int (*command)(void *ctx, uint32_t index, struct zt_owner_cmd *ret);
	size_t (*hints)(void *ctx, const struct zt_addr *addr, struct zt_hint ret[ZT_HINTS_MAX]);
	void *ctx;
};

int zt_names_new(struct zt_names **ret);
void zt_names_free(struct zt_names **names);

/* zt_names_set - from now on answer by these. Cheap when nothing changed. 0 or -ENOMEM. */
int zt_names_set(struct zt_names *names, const struct zt_names_from *from);

/* zt_names_get - the interface that the flow room asks. Borrowed. */
const struct zt_flow_names *zt_names_get(const struct zt_names *names);

/* zt_names_is_local - whether it is an address of this machine. */
bool zt_names_is_local(const struct zt_names *names, const struct zt_addr *addr);
