/* SPDX-License-Identifier: Apache-2.0 */
/* assess.h - from facts to the document; asks the host nothing. */
#pragma once
#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "ctl/assess/profile.h"
#include "ctl/evidence/waiver.h"

/**
 * struct ztc_assess_in - what a document is made from; borrowed.
 * @evidence:  a file of facts (assess/evidence.h); NULL = a system without a host.
 * @grade_cap: no better evidence grade than this; NULL = none.
 * @system:    declaration (assess/scope.h) or NULL.
 * @papers:    waivers and attestations; NULL = none.
 * @fleet:     see struct ztc_facts.
 * @target:    level 1 to 4. @accept_waivers: it is judged with waivers.
 * @probe:     --probe was asked for.
 * @now_s:     what is not valid any more then is unknown.
 * @started_s: of the run.
 */
struct ztc_assess_in {
	const struct ztc_profile *profile;
	const json_t *evidence;
	const char *grade_cap;
	const json_t *system;
	const struct ztc_papers *papers;
	const json_t *fleet;
	int target;
	bool accept_waivers;
	bool probe;
	int64_t now_s;
	int64_t started_s;
};

/* ztc_assess - the document, "ztseg.assessment/1", without signature; NULL without memory. */
json_t *ztc_assess(const struct ztc_assess_in *in);

/* ztc_assess_statement - what no output of an assessment goes without; a message. */
json_t *ztc_assess_statement(void);

/**
 * ztc_assess_again - a document that was read, as it counts at @now_s.
 *
 * What has expired is unknown, items, levels and target are worked out anew. A signature is over
 * the text as it was: who changes a document so takes it out. Returns the exit status.
 */
int ztc_assess_again(json_t *doc, int target, bool accept_waivers, int64_t now_s);
