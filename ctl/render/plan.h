/* SPDX-License-Identifier: Apache-2.0 */
/*
 * plan.h - the parts of a plan as text, shared by the files that print it.
 */
#pragma once
#include <jansson.h>
#include <stdio.h>

#include "ctl/render/style.h"

/* A heading behind an empty line; "N more" below a list that was cut. */
void ztc_plan_title(FILE *out, const struct ztc_style *style, enum ztc_color color,
		    const char *text);
void ztc_plan_more(FILE *out, json_int_t shown, json_int_t all, const char *what);

/* Each prints its member of the answer, or nothing when there is nothing to say. */
void ztc_plan_preflight(FILE *out, const json_t *preflight, const struct ztc_style *style);
int ztc_plan_statements(FILE *out, const json_t *statements, const struct ztc_style *style);
void ztc_plan_definitions(FILE *out, const json_t *definitions, const struct ztc_style *style);
void ztc_plan_evidence(FILE *out, const json_t *result, const struct ztc_style *style);
int ztc_plan_capacity(FILE *out, const json_t *capacity, const struct ztc_style *style);
