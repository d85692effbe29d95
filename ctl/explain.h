/* SPDX-License-Identifier: Apache-2.0 */
/* explain.h - why a policy file decides as it does, worked out offline, in the agent's own shape.
 */
#pragma once
#include <jansson.h>

#include "ctl/cmd.h"

struct zt_answer;
struct zt_explanation;
struct zt_rule_names;
struct zt_tables;

/* One question, as the command line puts it; all borrowed, NULL = not given. */
struct ztc_question {
	const char *src, *dst; /* host of the inventory, or address */
	const char *service;   /* "tcp/443" */
	const char *unit, *user, *exe, *cgroup;
	const char *file; /* policy file or directory */
	const char *host; /* judge there; NULL = at the destination's host, else the source's */
};

/**
 * ztc_explain - the answer as the agent would give it for "policy explain".
 * @ret: on success the caller's.
 * Returns an exit status, the reason having been printed.
 */
int ztc_explain(const struct ztc_question *q, json_t **ret);

/* ztc_plane_json - {action, rule, rank, statement?, text?} of one plane; @tables may be NULL. */
json_t *ztc_plane_json(const struct zt_tables *tables, const struct zt_rule_names *names,
		       const struct zt_answer *answer, int plane);

/* ztc_candidates_json - the statements that were considered, and why each did or did not decide. */
json_t *ztc_candidates_json(const struct zt_explanation *explanation);
