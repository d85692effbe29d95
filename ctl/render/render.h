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
int ztc_render_doctor(FILE *out, const json_t *result, const struct ztc_style *style);
int ztc_render_observe(FILE *out, const json_t *result, const struct ztc_style *style);
int ztc_render_detach(FILE *out, const json_t *result, const struct ztc_style *style);
int ztc_render_version(FILE *out, const json_t *result, const struct ztc_style *style);

/* One line for one flow of `flows --follow`. */
int ztc_render_change(FILE *out, const json_t *flow, const struct ztc_style *style);
