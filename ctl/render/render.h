/* SPDX-License-Identifier: Apache-2.0 */
/*
 * render.h - the agent's answers as text for people: JSON in, text out.
 *
 * Each takes the result object of its command (shapes: docs/json.md), borrowed,
 * and tolerates members that are missing. Text is at most style->width columns,
 * says in plain words when there is nothing to show, and ends with a summary.
 * Each returns 0, -EINVAL when the object is not what its command answers, or
 * -ENOMEM.
 */
#pragma once
#include <jansson.h>
#include <stdio.h>

#include "ctl/render/style.h"

int ztc_render_status(FILE *out, const json_t *result, const struct ztc_style *style);
int ztc_render_flows(FILE *out, const json_t *result, const struct ztc_style *style);
int ztc_render_violations(FILE *out, const json_t *result, const struct ztc_style *style);
int ztc_render_map(FILE *out, const json_t *result, const struct ztc_style *style);
int ztc_render_statements(FILE *out, const json_t *result, const struct ztc_style *style);
int ztc_render_explain(FILE *out, const json_t *result, const struct ztc_style *style);
int ztc_render_test(FILE *out, const json_t *result, const struct ztc_style *style);
int ztc_render_labels(FILE *out, const json_t *result, const struct ztc_style *style);
int ztc_render_label_change(FILE *out, const json_t *result, const struct ztc_style *style);
int ztc_render_plan(FILE *out, const json_t *result, const struct ztc_style *style);
int ztc_render_doctor(FILE *out, const json_t *result, const struct ztc_style *style);
int ztc_render_observe(FILE *out, const json_t *result, const struct ztc_style *style);
int ztc_render_detach(FILE *out, const json_t *result, const struct ztc_style *style);
int ztc_render_version(FILE *out, const json_t *result, const struct ztc_style *style);

int ztc_render_stage(FILE *out, const json_t *result, const struct ztc_style *style);
int ztc_render_unstage(FILE *out, const json_t *result, const struct ztc_style *style);
/* Which staged statements are ready, and what the others lack; the latter alone. */
int ztc_render_ready(FILE *out, const json_t *result, const struct ztc_style *style);
int ztc_render_lacking(FILE *out, const json_t *result, const struct ztc_style *style);
int ztc_render_promote(FILE *out, const json_t *result, const struct ztc_style *style);
int ztc_render_confirm(FILE *out, const json_t *result, const struct ztc_style *style);
int ztc_render_rollback(FILE *out, const json_t *result, const struct ztc_style *style);
int ztc_render_history(FILE *out, const json_t *result, const struct ztc_style *style);
int ztc_render_entry(FILE *out, const json_t *result, const struct ztc_style *style);

/* ztc_state_lines - deadline, candidate, promotions and hold of `policy`, for status. */
void ztc_state_lines(FILE *out, const json_t *policy, const struct ztc_style *style,
		     unsigned int indent);

/* One line for one flow of `flows --follow`. */
int ztc_render_change(FILE *out, const json_t *flow, const struct ztc_style *style);
