/* SPDX-License-Identifier: Apache-2.0 */
/* records.h - what the checks over records share: members that may be of any type, and ages. */
#pragma once
#include "ctl/checks/check.h"

#define ZTC_DAY	 86400
#define ZTC_HOUR 3600

const char *ztc_rec_text(const json_t *object, const char *key); /* never NULL */
int64_t ztc_rec_time(const json_t *object, const char *key);	 /* [s since 1970]; -1 = none */

/* ztc_rec_sealed - its signature holds, by a key that may sign it. */
bool ztc_rec_sealed(const json_t *record);

/* ztc_rec_state - what another check was found to be in this run; UNKNOWN when it was not yet. */
enum ztc_state ztc_rec_state(const struct ztc_facts *facts, const char *check);

/* ztc_host_age - seconds since this host was set up, by what knows it; -1 = nobody does. */
int64_t ztc_host_age(const struct ztc_facts *facts, struct ztc_result *r);

void ztc_judge_review(const struct ztc_facts *facts, struct ztc_result *r);	 /* 3.6-07 */
void ztc_judge_convergence(const struct ztc_facts *facts, struct ztc_result *r); /* 3.7-04 */
void ztc_judge_pipeline(const struct ztc_facts *facts, struct ztc_result *r);	 /* 3.7-05 */
void ztc_judge_exceptions(const struct ztc_facts *facts, struct ztc_result *r);	 /* 3.7-07 */
