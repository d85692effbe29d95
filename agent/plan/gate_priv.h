/* SPDX-License-Identifier: Apache-2.0 */
/*
 * gate_priv.h - what gate.c (conditions, words) and gate_flows.c (recorded flows) share.
 */
#pragma once
#include "flow/table.h"
#include "plan/gate.h"
#include "plan/opening.h"

#define ZT_GATE_NO_ITEM UINT32_MAX

/* What is asked of one staged statement, beside what its item shows. */
struct zt_gate_ask {
	const struct zt_stmt *stmt;
	uint32_t number; /* of its rule in the tables; 0 = it cannot involve this host */
	int64_t flows_since_s;
	int64_t deny_since_s;
	bool seen; /* days and flows are met: it is tried */
};

/* A recorded edge that some statement that is tried may deny, and nothing enforced does. */
struct zt_gate_row {
	struct zt_opening opening;
	uint64_t flows;
	int64_t last_s;
	int64_t since_s; /* of the reading */
	uint32_t candidate_rule;
};

struct zt_gate_run {
	const struct zt_gate_env *env;
	struct zt_gate *gate;
	struct zt_gate_ask *asks; /* one per item */
	uint32_t *by_number;	  /* rule number -> item */
	struct zt_judges judges;
	struct zt_gate_row *rows;
	size_t row_count, row_room;
	/* Openings that no statement tells apart, and the items that they concern. */
	struct zt_gate_kind *kinds;
	size_t kind_count, kind_room;
	struct zt_table kind_table;
	int64_t since_s; /* of the reading under way */
};

void zt_gate_run_clear(struct zt_gate_run *run);

/* zt_gate_read - read the history; fill in flows, would_deny by the candidate plane, rows. */
int zt_gate_read(struct zt_gate_run *run);

/*
 * zt_gate_try - promote, on paper, everything that was seen enough; what newly denies more than it
 * may falls out, until nothing more does. Sets would_deny of those that were tried. 0 or -errno.
 */
int zt_gate_try(struct zt_gate_run *run, char *err);
