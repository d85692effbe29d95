/* SPDX-License-Identifier: Apache-2.0 */
/*
 * rules.h - rule names and their numbers, the built-in rules among them.
 *
 * Numbers travel in flows and events and outlive a policy, so a name keeps its
 * number and a number is never given to another name. Append-only; the agent
 * keeps the registry in the pinned map zt_rules and fills a new one from it.
 */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "bpf/abi.h"

struct zt_rule_names; /* opaque */

/* A rule that is not in any policy file. */
struct zt_builtin_rule {
	const char *id;	  /* "default-allow", "nd", ... */
	const char *text; /* one sentence for people */
	__u8 action;
};

/** zt_rule_names_new - an empty registry; it knows the built-in rules. Returns 0 or -ENOMEM. */
int zt_rule_names_new(struct zt_rule_names **ret);

/** zt_rule_names_free - no-op on NULL; for zt_auto(). */
void zt_rule_names_free(struct zt_rule_names **names);

/**
 * zt_rule_number - the number of a rule, given out if it has none yet.
 * @id: shorter than ZT_NAME_LEN.
 *
 * Returns the number (below ZT_RULE_FIRST for a built-in one), -ENOSPC when all
 * ZT_RULES_MAX are given out, -EINVAL for an empty or over-long id, or -ENOMEM.
 */
int zt_rule_number(struct zt_rule_names *names, const char *id);

/** zt_rule_lookup - the number of a rule, or -ENOENT; gives none out. */
int zt_rule_lookup(const struct zt_rule_names *names, const char *id);

/** zt_rule_name - the id of a number, borrowed, valid as long as @names; NULL if not given out. */
const char *zt_rule_name(const struct zt_rule_names *names, uint32_t number);

/**
 * zt_rule_restore - put back what a pinned map remembers.
 *
 * Returns 0, -EEXIST when the number or the id is taken by another, -EINVAL
 * when @number is built in or out of range, or -ENOMEM.
 */
int zt_rule_restore(struct zt_rule_names *names, uint32_t number, const char *id);

/** zt_rule_end - one past the highest number given out; at least ZT_RULE_FIRST. */
uint32_t zt_rule_end(const struct zt_rule_names *names);

/**
 * zt_rule_builtin - the built-in rule of a number (ZT_RULE_* of the ABI).
 *
 * Returns NULL when @number is not of a built-in rule. ZT_RULE_NONE has one: a
 * flow that is not judged yet.
 */
const struct zt_builtin_rule *zt_rule_builtin(uint32_t number);
