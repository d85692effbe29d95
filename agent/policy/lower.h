/* SPDX-License-Identifier: Apache-2.0 */
/*
 * lower.h - a policy while it becomes tables: what the steps of the compiler share.
 *
 * Private to this room. The steps, in order: statements are numbered by
 * priority, with ends as numbers (compile.c); addresses get identities and
 * pairs of them the statements that speak of them (pairs.c); workload
 * qualifiers get bits (quals.c); ports get classes, and statements of a pair
 * become cells (cells.c).
 */
#pragma once
#include "base/arena.h"
#include "base/strmap.h"
#include "policy/compile.h"
#include "policy/directory.h"
#include "policy/sets.h"
#include "policy/tables.h"

#define ZT_ATOM_ANY	  UINT32_MAX
#define ZT_ATOM_THIS_HOST (UINT32_MAX - 1)

#define ZT_NO_BIT (-1)

/* Which end's qualifier a statement is bound by, in a pair's list of statements. */
#define ZT_BOUND_NONE  0
#define ZT_BOUND_FROM  1
#define ZT_BOUND_TO    2
#define ZT_BOUND_COUNT 3

/* An entry of such a list: statement number and bound end; sorted = by priority. */
#define ZT_ENTRY(stmt, bound) ((uint32_t)(stmt)*ZT_BOUND_COUNT + (bound))
#define ZT_ENTRY_STMT(entry)  ((entry) / ZT_BOUND_COUNT)
#define ZT_ENTRY_BOUND(entry) ((entry) % ZT_BOUND_COUNT)

/* A statement with its ends as numbers. */
struct zt_lowered {
	const struct zt_stmt *stmt;
	uint32_t order; /* place in the file, over all statements */
	uint32_t from;	/* segment number, or ZT_ATOM_* */
	uint32_t to;
	uint32_t number; /* of the rule */
	__u8 rank;
	bool live;		    /* enforced */
	bool relevant;		    /* can involve this host */
	bool binds[ZT_BOUND_COUNT]; /* some pair's list has it bound by that end */
	int bit[ZT_BOUND_COUNT];    /* qualifier of that end; ZT_NO_BIT = none */
};

/* What is kept for people beside the rows. */
struct zt_tables_people {
	struct zt_arena *arena; /* strings, rule_info */
	struct zt_sets *sets;
	struct zt_directory dir;
	const char **names; /* by segment number; NULL = a failsafe's prefixes */
	uint32_t name_count;
	uint32_t unknown_atom;
	uint32_t *info_of; /* rule number - ZT_RULE_FIRST -> place in rules, plus 1 */
	uint32_t info_count;
	struct zt_people_stmt *stmts; /* by priority */
	size_t stmt_count;
	uint32_t *near_sets; /* near id -> segments that statements speak of */
	uint32_t *far_sets;
	uint32_t near_count; /* ids are below this */
	uint32_t far_count;
};

struct zt_people_stmt {
	const struct zt_rule_info *info;
	uint32_t from;
	uint32_t to;
	struct zt_ports ports;
	__u8 rank;
	bool live;
	int bit[ZT_BOUND_COUNT];
};

struct zt_compiler {
	const struct zt_policy *policy;
	const struct zt_compile_env *env;
	const struct zt_limits *limits;
	struct zt_rule_names *names;
	struct zt_diag *diag;
	const struct zt_host *host;

	struct zt_sets *sets; /* of segments; ends up in people */
	struct zt_directory dir;
	uint32_t atom_count;
	struct zt_lowered *stmts; /* by priority */
	size_t stmt_count;

	/* Identities: set of segments as far as statements tell -> id - 1. */
	struct zt_strmap *near_ids;
	struct zt_strmap *far_ids;
	uint32_t *far_of_set; /* memory over zt_directory sets; 0 = not asked yet */
	size_t far_of_set_cap;
	bool *near_keep; /* segment numbers that tell near ends apart */
	bool *far_keep;

	/* Port sets: two lists of entries, of statements about any far end and about this one. */
	struct zt_sets *entries;
	struct zt_strmap *port_sets; /* {any list, own list} -> port set - 1 */

	struct zt_tables *t;
	size_t pair_cap;
};

/** zt_lower_pairs - identities of all addresses, pairs and their port sets. */
int zt_lower_pairs(struct zt_compiler *c);

/** zt_lower_quals - bits and rows of the workload qualifiers that can bind here. */
int zt_lower_quals(struct zt_compiler *c);

/** zt_lower_cells - port classes, and the cells of every port set. */
int zt_lower_cells(struct zt_compiler *c);

/** zt_over_limit - note that a table is too small; returns -E2BIG. */
int zt_over_limit(struct zt_compiler *c, size_t needed, bool at_least, size_t limit,
		  const char *what);

/** zt_far_atom_matches - whether an end's number fits a set of segments of a remote end. */
static inline bool zt_far_matches(const struct zt_sets *sets, uint32_t set, uint32_t atom)
{
	return atom == ZT_ATOM_ANY || (atom != ZT_ATOM_THIS_HOST && zt_sets_has(sets, set, atom));
}

/** zt_near_matches - the same for this host's end. */
static inline bool zt_near_matches(const struct zt_sets *sets, uint32_t set, uint32_t atom)
{
	return atom == ZT_ATOM_ANY || atom == ZT_ATOM_THIS_HOST || zt_sets_has(sets, set, atom);
}

/**
 * zt_bound_end - which qualifier of a statement binds, for traffic in @dir.
 *
 * Returns ZT_BOUND_*, or -1 when the statement must be skipped: a deny that
 * asks for the workload of an end that is not on this host.
 */
static inline int zt_bound_end(const struct zt_stmt *stmt, __u32 dir)
{
	bool from_here = dir == ZT_DIR_OUT, to_here = dir == ZT_DIR_IN;

	if (stmt->action == ZT_DENY &&
	    ((stmt->from.qualified && !from_here) || (stmt->to.qualified && !to_here)))
		return -1;
	if (stmt->from.qualified && from_here)
		return ZT_BOUND_FROM;
	if (stmt->to.qualified && to_here)
		return ZT_BOUND_TO;
	return ZT_BOUND_NONE;
}
