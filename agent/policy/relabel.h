/* SPDX-License-Identifier: Apache-2.0 */
/*
 * relabel.h - changed labels of other hosts as a few rows, without a compile in full.
 *
 * What concerns a host's labels is its addresses' identities. A change gives
 * these new rows, and new identities their pairs and cells; nothing that is
 * there is taken away, so that the rows may be written one by one into a slot
 * that is in force. Verdicts afterwards are those of a compile in full.
 */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include "policy/compile.h"
#include "policy/overlay.h"
#include "policy/tables.h"

/*
 * Rows to insert or replace. To be written from the last kind to the first, so
 * that a row is there before what refers to it: meta (near_ids), qrules, cells,
 * cell_index, pairs, steps, addrs.
 */
struct zt_patch {
	struct zt_addr_row *addrs;
	size_t addr_count;
	struct zt_step *steps; /* numbers from first_step on */
	size_t step_count;
	size_t first_step;
	struct zt_pair_row *pairs;
	size_t pair_count;
	struct zt_cell_row *cell_index;
	size_t cell_index_count;
	struct zt_cell *cells; /* numbers from first_cell on */
	size_t cell_count;
	size_t first_cell;
	struct zt_qrule_row *qrules;
	size_t qrule_count;
	bool meta; /* other fields of meta than the digest changed: write it from the tables */
};

/**
 * zt_tables_relabel - bring tables up to date with changed labels.
 * @tables: of zt_policy_compile(); changed in place, digest included. On error unchanged.
 * @policy: what @tables were compiled from; so is env->candidate.
 * @env:    as for that compile, but with the overlay and the time of now.
 * @hosts:  names of the hosts whose labels changed; others are not looked at.
 * @ret:    on success what changed, to be freed; no rows at all: no identity changed.
 *
 * A row that stays what it was, now and as labels run out, keeps its label_epoch;
 * one that changes takes that of @env. Returns 0; -EAGAIN when it takes a compile
 * in full (what this host itself is in changes, a host that forwards needs new
 * pairs, a table would outgrow what the kernel side is made for, or @tables are not
 * of these policies); -ENOMEM; -EIO, after which @tables are of no use.
 */
int zt_tables_relabel(struct zt_tables *tables, const struct zt_policy *policy,
		      const struct zt_compile_env *env, const char *const *hosts, size_t count,
		      struct zt_patch **ret);

/** zt_patch_empty - whether there is nothing to write. */
bool zt_patch_empty(const struct zt_patch *patch);

/** zt_patch_free - no-op on NULL; for zt_auto(). */
void zt_patch_free(struct zt_patch **patch);
