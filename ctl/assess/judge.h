/* SPDX-License-Identifier: Apache-2.0 */
/*
 * judge.h - runs check functions over facts and turns results into rows of the document.
 *
 * Facts may come from a file that anybody wrote: a check function is given objects of the right
 * type or none, and what it concludes is held within what its evidence allows.
 */
#pragma once
#include <jansson.h>

#include "ctl/checks/check.h"

/* ztc_judge - one check. @row: of the catalogue. @ret: to be emptied by ztc_result_clear(). */
void ztc_judge(const struct ztc_facts *facts, const json_t *row, struct ztc_result *ret);
void ztc_result_clear(struct ztc_result *r);

/**
 * ztc_judge_all - every check of the catalogue.
 * @grade_cap: no better evidence grade than this ("D" for facts that nobody sealed); NULL = none.
 *
 * Returns the array "checks" of a document, or NULL without memory.
 */
json_t *ztc_judge_all(const struct ztc_facts *facts, const char *grade_cap);

/* ztc_not_judged - the same with every check unknown for this reason (a system without a host). */
json_t *ztc_not_judged(const struct ztc_facts *facts, json_t *reason);
