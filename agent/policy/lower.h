/* SPDX-License-Identifier: Apache-2.0 */
/*
 * lower.h - a policy while it becomes tables: what the steps of the compiler share.
 *
 * Private to this room. The steps, in order: statements of each layer get ends as
 * numbers (layers.c); addresses get identities, now and as labels run out
 * (identities.c), and pairs of them the statements that speak of them (pairs.c);
 * conditions get bits (bits.c, quals.c, windows.c); ports get classes, and
 * statements of a pair become cells (cells.c). What relabelling and people need
 * is kept (people.c).
 */
#pragma once
#include "base/arena.h"
#include "base/strmap.h"
#include "policy/atoms.h"
#include "policy/compile.h"
#include "policy/directory.h"
#include "policy/schedule.h"
#include "policy/sets.h"
#include "policy/tables.h"

#define ZT_NO_BIT (-1)

/* How far ahead hours and expiries are known to the kernel side, at least. */
#define ZT_HORIZON_DAYS 14

/* Which end's qualifier a statement is bound by, in a pair's list of statements. */
#define ZT_BOUND_NONE  0
#define ZT_BOUND_FROM  1
#define ZT_BOUND_TO    2
#define ZT_BOUND_COUNT 3

/* An entry of such a list: statement number and bound end; sorted = by priority. */
#define ZT_ENTRY(stmt, bound) ((uint32_t)(stmt)*ZT_BOUND_COUNT + (bound))
#define ZT_ENTRY_STMT(entry)  ((entry) / ZT_BOUND_COUNT)
#define ZT_ENTRY_BOUND(entry) ((entry) % ZT_BOUND_COUNT)

/* A statement with its ends as numbers. The tables keep those that can involve the host. */
struct zt_lowered {
	const struct zt_stmt *stmt;	 /* NULL in tables */
	const struct zt_rule_info *info; /* once it has a number */
	struct zt_ports ports;
	uint32_t order; /* place in the files, over all statements of all layers */
	uint32_t from;	/* atom, or ZT_ATOM_*; narrowed by when.labels */
	uint32_t to;
	uint32_t plain_from; /* without when.labels */
	uint32_t number;     /* of the rule */
	__u8 rank;
	__u8 action;
	__u8 existing;
	__u8 layer;
	__u8 planes;	  /* bit per plane that it has a say in */
	__u8 percent;	  /* of far hosts, in the live plane */
	__u64 expires_ns; /* CLOCK_MONOTONIC; 0 = never, or before this boot */
	bool enforced;
	bool expired;
	bool from_qualified;
	bool to_qualified;
	bool relevant;		    /* can involve this host */
	bool binds[ZT_BOUND_COUNT]; /* some pair's list has it bound by that end */
	/* Condition by plane and bound end; ZT_NO_BIT = none. */
	signed char bit[ZT_PLANE_COUNT][ZT_BOUND_COUNT];
};

/* What is kept beside the rows. */
struct zt_tables_people {
	struct zt_arena *arena; /* strings, rule_info */
	struct zt_atoms atoms;	/* without the policies */
	struct zt_directory dir;
	const char **names; /* by atom; NULL = none, or of a held candidate */
	uint32_t atom_count;
	uint32_t *info_of[ZT_LAYERS_MAX]; /* number - ZT_RULE_FIRST -> place in rules, plus 1 */
	uint32_t info_count;
	struct zt_lowered *stmts; /* by priority */
	size_t stmt_count;
	bool *near_keep; /* atoms that tell near ends apart */
	bool *far_keep;
	uint32_t *near_sets; /* near id -> atoms that statements speak of */
	uint32_t *far_sets;
	uint32_t near_count; /* ids are below this */
	uint32_t far_count;
	size_t far_cap;
	bool forwarding;
	bool buckets; /* rows of inventory hosts have their share bucket */
};

/* Ids by set; 0 = not asked yet. */
struct zt_id_memory {
	uint32_t *ids;
	size_t cap;
};

struct zt_compiler {
	const struct zt_compile_env *env;
	const struct zt_limits *limits;
	struct zt_rule_names *names;
	struct zt_diag *diag;

	struct zt_atoms atoms; /* ends up in people */
	struct zt_directory dir;
	uint32_t atom_count;
	struct zt_lowered *stmts; /* by priority */
	size_t stmt_count;
	bool buckets; /* some statement is enforced for a share of far hosts */

	/* Identities: set of segments as far as statements tell -> id - 1. */
	struct zt_strmap *near_ids;
	struct zt_strmap *far_ids;
	struct zt_id_memory far_of_set;
	struct zt_id_memory near_of_host; /* of an address that is not this host's own */
	bool *near_keep;		  /* atoms that tell near ends apart */
	bool *far_keep;
	struct zt_strmap *steps; /* struct zt_step -> number - 1 */
	size_t step_cap;

	/* Port sets: two lists of entries, of statements about any far end and about this one. */
	struct zt_sets *entries;
	struct zt_strmap *port_sets; /* {any list, own list} -> port set - first_port_set */
	uint32_t first_port_set;
	bool adding;	     /* to tables that are there; the rows of @t are put to theirs */
	uint32_t first_cell; /* then added to the numbers of cells but "default allow" */

	struct zt_tables *t;
	size_t pair_cap;
};

/** zt_lower_layers - atoms of the layers, and statements with ends as numbers. */
int zt_lower_layers(struct zt_compiler *c);

/** zt_gather_conds - the label conditions of a layer's statements, numbered by @conds. */
int zt_gather_conds(struct zt_layer *layer, struct zt_strmap *conds);

/** zt_lower_identities - identities of all addresses, label steps included. */
int zt_lower_identities(struct zt_compiler *c);

/** zt_identity_of - the row of a node of the directory; NULL: of what no row covers. */
int zt_identity_of(struct zt_compiler *c, const struct zt_dir_node *node, struct zt_identity *ret);

/** zt_used_near - in which layers this host may receive on it: its own address, or a group's. */
unsigned int zt_used_near(const struct zt_compiler *c, const struct zt_dir_node *node);

/** zt_list_near_ids - what a local socket can get, for the refusal at connect; into c->t->meta. */
void zt_list_near_ids(struct zt_compiler *c);

/** zt_lower_far - pairs of one more far identity with those of this host's end. */
int zt_lower_far(struct zt_compiler *c, uint32_t far);

/** zt_lower_pairs - pairs of identities and their port sets. */
int zt_lower_pairs(struct zt_compiler *c);

/** zt_lower_conds - bits of the conditions that can hold here, and all rows about them. */
int zt_lower_conds(struct zt_compiler *c);

/* What a condition bit stands for: all that is given must hold. */
struct zt_cond {
	const struct zt_qualifier *qual; /* NULL: any workload */
	const struct zt_lowered *stmt;	 /* the first with it */
	uint32_t schedule;		 /* place in the schedules, plus 1; 0 = at all times */
	__u8 percent;			 /* of far hosts */
	bool deny;			 /* a deny asks for it */
};

/* When a condition is open, in Unix seconds, as far ahead as was asked. */
struct zt_opening {
	struct zt_open *open; /* sorted, not touching */
	size_t count;
	bool stays; /* past the horizon it stays as it was; else it is closed then */
};

/** zt_lower_quals - rows of the workload names that conditions ask for. */
int zt_lower_quals(struct zt_compiler *c, const struct zt_cond *conds, uint32_t count);

/** zt_lower_windows - when the conditions' schedules open and close them. */
int zt_lower_windows(struct zt_compiler *c, const struct zt_cond *conds, uint32_t count,
		     const struct zt_opening *openings);

/** zt_horizon - the stretch of time that is looked ahead: whole days, so that it seldom moves. */
void zt_horizon(const struct zt_compile_env *env, int64_t *ret_from_s, int64_t *ret_to_s);

/** zt_lower_cells - port classes, and the cells of every port set. */
int zt_lower_cells(struct zt_compiler *c);

/** zt_number_rules - numbers and descriptions of the statements that can involve the host. */
int zt_number_rules(struct zt_compiler *c);

/** zt_keep_people - what the tables keep beside their rows; the compiler gives it away. */
int zt_keep_people(struct zt_compiler *c);

/** zt_stmts_in_order - relevant statements in the order of the files; to be freed. */
int zt_stmts_in_order(struct zt_compiler *c, struct zt_lowered ***ret, size_t *ret_count);

/** zt_speak_of - later messages about places in the text mean this statement's policy. */
void zt_speak_of(struct zt_compiler *c, const struct zt_lowered *s);

/** zt_over_limit - note that a table is too small; returns -E2BIG. */
int zt_over_limit(struct zt_compiler *c, size_t needed, bool at_least, size_t limit,
		  const char *what);

/** zt_compiler_maps - the maps and sets that identities and port sets are numbered by. */
int zt_compiler_maps(struct zt_compiler *c);

/** zt_compiler_free - release what it holds; for zt_auto(). */
void zt_compiler_free(struct zt_compiler *c);

/** zt_tables_row - the row that holds for an address, label steps aside. */
const struct zt_identity *zt_tables_row(const struct zt_tables *tables, const struct zt_addr *addr);

/** zt_tables_net_row - the row that holds for a network as a whole. */
const struct zt_identity *zt_tables_net_row(const struct zt_tables *tables,
					    const struct zt_net_key *net);

/** zt_far_matches - whether an end's number fits a set of segments of a remote end. */
static inline bool zt_far_matches(const struct zt_sets *sets, uint32_t set, uint32_t atom)
{
	return atom == ZT_ATOM_ANY || (atom < ZT_ATOM_NONE && zt_sets_has(sets, set, atom));
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
static inline int zt_bound_end(const struct zt_lowered *s, __u32 dir)
{
	bool from_here = dir == ZT_DIR_OUT, to_here = dir == ZT_DIR_IN;

	if (s->action == ZT_DENY &&
	    ((s->from_qualified && !from_here) || (s->to_qualified && !to_here)))
		return -1;
	if (s->from_qualified && from_here)
		return ZT_BOUND_FROM;
	if (s->to_qualified && to_here)
		return ZT_BOUND_TO;
	return ZT_BOUND_NONE;
}
