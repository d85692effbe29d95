/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tables.h - a policy compiled for one host: rows exactly as the BPF maps take them.
 *
 * Beside the rows the tables keep what people need to read a verdict: the
 * statement behind a rule number, the segments of an address. They own all
 * their memory and outlive the policy they were made from. Read-only.
 */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "base/addr.h"
#include "bpf/abi.h"
#include "policy/policy.h"

/* How many rows fit; a policy that needs more is refused with the numbers. */
struct zt_limits {
	size_t addrs;
	size_t nets;
	size_t pairs;
	size_t cell_index;
	size_t cells;
	size_t qualifiers; /* distinct ones that can bind on this host */
	size_t qual_rows;  /* names and numbers of their conditions */
	size_t qrules;
	size_t steps; /* of labels that run out */
	size_t rules; /* statements that can involve this host */
	size_t port_classes;
};

/* What the kernel side is made for. */
extern const struct zt_limits zt_limits_default;

struct zt_addr_row {
	struct zt_addr key;
	struct zt_identity value;
};

struct zt_net_row {
	struct zt_net_key key;
	struct zt_identity value;
};

struct zt_pair_row {
	struct zt_pair_key key;
	__u32 port_set; /* never 0: that is what a miss means */
};

struct zt_cell_row {
	struct zt_cell_key key;
	__u32 cell;
};

struct zt_qual_row {
	struct zt_qual_key key;
	__u64 mask;
};

struct zt_qrule_row {
	struct zt_qrule_key key;
	struct zt_qrule value;
};

/* A statement that was compiled, for people; strings belong to the tables. */
struct zt_rule_info {
	__u32 number;
	const char *id;
	enum zt_stmt_kind kind;
	__u8 action;
	__u8 existing;
	enum zt_mode mode;    /* in force: promotions included */
	enum zt_mode written; /* as the file says */
	unsigned int percent; /* of far hosts for which it is enforced; 100 = all */
	bool expired;
	const char *from; /* as text, qualifiers included */
	const char *to;
	const char *ports;
	const char *when; /* hours, labels and expiry as text; NULL = none */
	const char *note; /* or NULL */
	const char *file;
	unsigned int line;
	unsigned int col;
	bool from_qualified;
	bool to_qualified;
};

struct zt_tables_people; /* opaque: addresses -> segment names, port sets -> statements, hashes */

struct zt_tables {
	struct zt_addr_row *addrs; /* sorted by key, as are all rows below */
	size_t addr_count;
	struct zt_net_row *nets;
	size_t net_count;
	struct zt_pair_row *pairs;
	size_t pair_count;
	struct zt_port_block *ports; /* ZT_PORT_BLOCKS elements */
	struct zt_cell_row *cell_index;
	size_t cell_index_count;
	struct zt_cell *cells; /* by cell number; [0] is "default allow" */
	size_t cell_count;     /* at least 1 */
	struct zt_qual_row *quals;
	size_t qual_count;
	struct zt_qrule_row *qrules;
	size_t qrule_count;
	struct zt_step *steps; /* [0] unused; label steps of the identities */
	size_t step_count;     /* 0 = none, else [0] counts */
	struct zt_window *windows;
	size_t window_count;
	struct zt_slot_meta meta; /* digest included */

	struct zt_rule_info *rules; /* of the policy in force, in file order */
	size_t rule_count;
	struct zt_rule_info *candidate_rules; /* of a held candidate */
	size_t candidate_rule_count;
	size_t enforced_count; /* of the rules: modes, for status */
	size_t staged_count;
	size_t near_ids; /* distinct identities of this host's end */
	size_t far_ids;	 /* distinct identities of remote ends */
	size_t port_sets;
	size_t port_classes;
	size_t qualifiers;

	char *policy_name;
	uint64_t policy_revision;
	uint8_t policy_digest[32];
	char *candidate_name; /* of a held candidate, or NULL: one policy makes both planes */
	uint64_t candidate_revision;
	uint8_t candidate_digest[32];
	char *host; /* inventory name this was compiled for, or NULL */

	struct zt_tables_people *people;
};

/** zt_tables_free - no-op on NULL; for zt_auto(). */
void zt_tables_free(struct zt_tables **tables);

/**
 * zt_tables_digest - SHA-256 over all rows, as the datapath compares what it read back.
 * @ret: 32 bytes; what meta.digest holds.
 *
 * Over, in this order: addrs, nets, pairs, cell_index, cells, quals, qrules, steps,
 * windows as arrays of their row structs sorted bytewise by key (cells, steps and
 * windows by number), each
 * preceded by its count as a 64-bit number; ports as ZT_PORT_BLOCKS elements;
 * meta with its digest zeroed. Numbers in host order; padding in the rows is
 * zero. What is read back from maps must be sorted the same way
 * (zt_tables_sort()) into a struct zt_tables of its own.
 * Returns 0, -ENOMEM or -EIO.
 */
int zt_tables_digest(const struct zt_tables *tables, uint8_t ret[32]);

/** zt_tables_sort - sort all rows bytewise by key, in place. */
void zt_tables_sort(struct zt_tables *tables);

/**
 * zt_tables_rule - the compiled statement of a rule number, or NULL.
 *
 * With a held candidate the live layer's, and else the candidate's.
 */
const struct zt_rule_info *zt_tables_rule(const struct zt_tables *tables, uint32_t number);

/** zt_tables_rule_in - the same as the layer of @plane (ZT_LIVE, ZT_CANDIDATE) has it. */
const struct zt_rule_info *zt_tables_rule_in(const struct zt_tables *tables, uint32_t number,
					     int plane);

/**
 * zt_tables_segments - the segments an address is in, for people.
 * @near:      whether it is this host's end: then the host's own segments count too.
 * @ret_names: gets up to @max names in the order of the policy, borrowed from @tables;
 *             "unknown", "multicast" and "broadcast" are among them.
 *
 * Returns how many there are, also when that is more than @max. The answer is
 * of the policy in force with the labels of when it was compiled, whether or not a
 * rule speaks of the segment.
 */
size_t zt_tables_segments(const struct zt_tables *tables, const struct zt_addr *addr, bool near,
			  const char **ret_names, size_t max);
