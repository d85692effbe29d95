/* SPDX-License-Identifier: Apache-2.0 */
/* diff.h - what is better or worse in one assessment than in another. */
#pragma once
#include <jansson.h>
#include <stdio.h>

#include "ctl/render/style.h"

#define ZTC_ASSESS_DIFF_FORMAT "ztseg.assessment-diff/1"

/**
 * ztc_assess_diff - compare two documents.
 *
 * Returns {format, statement, a, b: {host, ended, digest, profile}, levels: [{basis, a, b}], items:
 * [{id, a, b, change}], checks: [{id, item, a, b, change, reason, new_offenders, gone_offenders}],
 * better, worse, notes}; only what differs is listed; change is "better", "worse" or "same"
 * (offenders alone). From best to worst a result is pass or notapplicable, partial, unknown or
 * error, fail. NULL without memory.
 */
json_t *ztc_assess_diff(const json_t *a, const json_t *b);

/* ztc_report_diff - for people. Returns 0 or -EIO. */
int ztc_report_diff(FILE *out, const json_t *diff, const struct ztc_style *style);
