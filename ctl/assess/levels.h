/* SPDX-License-Identifier: Apache-2.0 */
/*
 * levels.h - from results of checks to items, from items to a level; no weights, no percentages.
 *
 * All work on a document (docs/assess.md) and can be done again on one that was read, so that a
 * result that has expired since counts as what it is: unknown.
 */
#pragma once
#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#define ZTC_LEVELS 4

enum ztc_basis {
	ZTC_MEASURED, /* results as they are */
	ZTC_ATTESTED, /* what is unknown, by attestations; never a gate */
	ZTC_WAIVED,   /* the same, and failures whose risk was accepted do not count */
	ZTC_BASIS_COUNT,
};

/* ztc_basis_name - "measured", "attested", "waived". */
const char *ztc_basis_name(enum ztc_basis basis);

/* ztc_level_text - "0", "I" … "IV". */
const char *ztc_level_text(int level);

/* ztc_level_find - "I", "ii", "3"; -EINVAL. 0 is none to aim at. */
int ztc_level_find(const char *text, int *ret);

/**
 * ztc_items_judge - status of every item from checks, dispositions and attestations.
 * @doc: has checks, and items with id, level, applicable and perhaps an attestation {result,
 *       valid_until} of the whole; gets the items' status, status_attested, status_waived, counts.
 *
 * An item is met when every applicable gate passes and no other check of severity high or critical
 * fails; not_met when a gate fails; unknown when none fails and one is unknown; else partial.
 */
void ztc_items_judge(json_t *doc, int64_t now_s);

/**
 * ztc_levels_judge - levels, also_met, blockers and target of @doc from its items.
 * @target: 1 to ZTC_LEVELS. @accept_waivers: the target is judged with waivers.
 *
 * Returns the exit status that goes with it: ZTC_ASSESS_MET, _NOT_MET or _UNDETERMINED.
 */
int ztc_levels_judge(json_t *doc, int target, bool accept_waivers, int64_t now_s);

/* ztc_waived - is the risk of this check accepted, by a waiver that still holds? */
bool ztc_waived(const json_t *check, int64_t now_s);

/**
 * ztc_expire - results that do not hold any more at @now_s become unknown, with the reason.
 *
 * What it was is kept as "expired_result". Returns how many.
 */
size_t ztc_expire(json_t *doc, int64_t now_s);
