/* SPDX-License-Identifier: Apache-2.0 */
/*
 * agent.h - what the checks of this family share: evidence of the agent and of the kernel.
 *
 * agent.c          the table, windows
 * agent_reach.c    3.1-02, 3.1-05: who of the own segment gets in
 * agent_policy.c   3.2-01, 02, 03, 06, 07: what is enforced, and how narrow it is
 * agent_flows.c    3.3-01, 02, 03: is the record complete, whose flows are they
 * agent_watch.c    3.3-06, 3.3-07, 3.5-05: what nobody decided, silence, blocks taken back
 * agent_govern.c   3.7-01, 3.7-08: what was signed, and the same for the same role
 */
#pragma once
#include "ctl/checks/check.h"

#define ZTC_DAY_S 86400

/* Members that may be absent. */
const char *ztc_get_text(const json_t *object, const char *key);
int64_t ztc_get_number(const json_t *object, const char *key);
bool ztc_get_true(const json_t *object, const char *key);

/**
 * ztc_window_covers - whether @seconds of evidence are as many as @days asks for.
 *
 * An hour less will do: windows begin with whole hours. If not, @r is unknown: "n of 7 days".
 */
bool ztc_window_covers(struct ztc_result *r, int64_t seconds, double days);

/* ztc_window_of - the window of the fact `edges` into @r; false as ztc_window_covers(). */
bool ztc_window_of(const struct ztc_facts *facts, const json_t *edges, struct ztc_result *r);

/**
 * ztc_kernel - what the kernel has of ours: `pins` of the fact `agent`, held against its word.
 *
 * NULL with @r set: no agent, no privilege, another network namespace, or agent and kernel disagree
 * (an error: rule R2).
 */
const json_t *ztc_kernel(const struct ztc_facts *facts, struct ztc_result *r);

/* ztc_statement - of the fact `policy`, by its id; NULL = none. */
const json_t *ztc_statement(const json_t *policy, const char *id);

/* ztc_statement_enforced - in force now: enforced, for all remote hosts, not expired. */
bool ztc_statement_enforced(const json_t *statement);

/* ztc_edge_offenders - rows of `top` of the fact `edges`. */
void ztc_edge_offenders(struct ztc_result *r, const json_t *rows);

/* The judge functions, by file. */
void ztc_judge_simulation(const struct ztc_facts *facts, struct ztc_result *r);
void ztc_judge_segment(const struct ztc_facts *facts, struct ztc_result *r);
void ztc_judge_mode(const struct ztc_facts *facts, struct ztc_result *r);
void ztc_judge_both_ways(const struct ztc_facts *facts, struct ztc_result *r);
void ztc_judge_subjects(const struct ztc_facts *facts, struct ztc_result *r);
void ztc_judge_admin_reach(const struct ztc_facts *facts, struct ztc_result *r);
void ztc_judge_unused(const struct ztc_facts *facts, struct ztc_result *r);
void ztc_judge_complete(const struct ztc_facts *facts, struct ztc_result *r);
void ztc_judge_attributed(const struct ztc_facts *facts, struct ztc_result *r);
void ztc_judge_map(const struct ztc_facts *facts, struct ztc_result *r);
void ztc_judge_dependencies(const struct ztc_facts *facts, struct ztc_result *r);
void ztc_judge_silence(const struct ztc_facts *facts, struct ztc_result *r);
void ztc_judge_blocks(const struct ztc_facts *facts, struct ztc_result *r);
void ztc_judge_signed(const struct ztc_facts *facts, struct ztc_result *r);
void ztc_judge_same_role(const struct ztc_facts *facts, struct ztc_result *r);
