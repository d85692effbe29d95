/* SPDX-License-Identifier: Apache-2.0 */
/* drills.h - what the checks of drills share: the latest record of a drill, and what it is worth at
 * its age. */
#pragma once
#include "ctl/checks/check.h"

/* One drill as its check sees it. */
struct ztc_drilled {
	const char *id;	  /* of the check */
	const char *name; /* of the drill */
	const struct ztc_facts *facts;
	struct ztc_result *r;
	const json_t *record; /* the latest */
	const json_t *body;
	int64_t age_days; /* begun ones */
};

int64_t ztc_drill_number(const json_t *body, const char *key, int64_t missing);
bool ztc_drill_is(const json_t *body, const char *key);

/* ztc_drill_counts - a record of that drill whose seal is good. */
bool ztc_drill_counts(const json_t *record, const char *name);

/* ztc_drill_ended - when it ended [s since 1970]; -1: it does not say. */
int64_t ztc_drill_ended(const json_t *record);

/**
 * ztc_drill_latest - the latest drill into @d, whose id, name, facts and r are set.
 *
 * Returns false with the result set: there is none (then it is @never), or it is older than
 * partial_days (unknown).
 */
bool ztc_drill_latest(struct ztc_drilled *d, enum ztc_state never);

/* ztc_drill_aged - a pass of a drill older than pass_days is partial. */
enum ztc_state ztc_drill_aged(const struct ztc_drilled *d, enum ztc_state state);

bool ztc_drill_passed(const struct ztc_drilled *d);

/* drills_respond.c */
void ztc_judge_contain(const struct ztc_facts *facts, struct ztc_result *r);
void ztc_judge_essential(const struct ztc_facts *facts, struct ztc_result *r);
void ztc_judge_survive(const struct ztc_facts *facts, struct ztc_result *r);
void ztc_judge_bad_policy(const struct ztc_facts *facts, struct ztc_result *r);
void ztc_judge_drift(const struct ztc_facts *facts, struct ztc_result *r);
void ztc_judge_signal(const struct ztc_facts *facts, struct ztc_result *r);
