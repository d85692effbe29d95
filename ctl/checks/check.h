/* SPDX-License-Identifier: Apache-2.0 */
/*
 * check.h - one check of the catalogue: facts in, result with its numbers out.
 *
 * A result begins as unknown. What is missing leaves it so, with the reason and what would answer;
 * nothing that was not measured becomes a pass. Texts are messages in every language (i18n/say.h).
 */
#pragma once
#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "ctl/i18n/say.h"

#define ZTC_OFFENDERS_SHOWN 20 /* rows kept of each result; the count is of all */
#define ZTC_SAMPLES_MIN	    30 /* fewer samples are no share (rule R3) */

/* In the order that the worst of several is found by: the larger one. */
enum ztc_state {
	ZTC_STATE_NA,
	ZTC_STATE_PASS,
	ZTC_STATE_PARTIAL,
	ZTC_STATE_UNKNOWN,
	ZTC_STATE_ERROR,
	ZTC_STATE_FAIL,
	ZTC_STATE_COUNT,
};

/* ztc_state_name - "pass", "partial", "fail", "notapplicable", "unknown", "error". */
const char *ztc_state_name(enum ztc_state state);
int ztc_state_find(const char *name, enum ztc_state *ret); /* 0, -ENOENT */

/**
 * struct ztc_facts - what checks look at; borrowed.
 * @facts:     see ztc_collect().
 * @profile:   see assess/profile.h.
 * @fleet:     other hosts' results in a run over many, [{host, role, policy_digest, …}]; NULL = one
 * host.
 * @now_s:     when the facts were collected.
 * @observed_s: length of --observe; 0 = none.
 */
struct ztc_facts {
	const json_t *facts;
	const json_t *profile;
	const json_t *fleet;
	int64_t now_s;
	unsigned int observed_s;
};

/**
 * struct ztc_result - what a check found; filled through the functions below.
 * @num, @den:    the share that was measured; -1 = none.
 * @from_s, @to_s: window that was measured; 0 = a moment.
 * @method:       "measure", "simulate", "probe", "attest", "sampled"; begins as the catalogue's
 * kind.
 * @grade:        "A" signed by a third party, "B" measured in the kernel, "B-" sampled, "C" the
 * agent's journal, "D" attested; begins as "B".
 * @valid_s:      how long the result holds from now on; 0 = the default of its method.
 */
struct ztc_result {
	enum ztc_state state;
	json_t *reason, *observed, *expected; /* messages or NULL */
	json_t *offenders;		      /* [{resource, text, count?}] */
	size_t offender_count;
	json_t *collectors; /* names of the facts that were asked for */
	int64_t num, den;
	int64_t from_s, to_s;
	const char *method;
	const char *grade;
	int64_t valid_s;
	json_t *extra; /* object for programs, numbers beside the texts; NULL = none */
};

struct ztc_check {
	const char *id; /* "ZTS-3.1-04" */
	void (*judge)(const struct ztc_facts *facts, struct ztc_result *r);
};

/* One table per family, each ends with a row without id; together they are the catalogue. */
extern const struct ztc_check ztc_checks_net[];	    /* checks/net*.c */
extern const struct ztc_check ztc_checks_agent[];   /* checks/agent*.c */
extern const struct ztc_check ztc_checks_crypto[];  /* checks/crypto*.c */
extern const struct ztc_check ztc_checks_logs[];    /* checks/logs*.c */
extern const struct ztc_check ztc_checks_records[]; /* checks/records*.c */
extern const struct ztc_check ztc_checks_drills[];  /* checks/drills*.c */

/* ztc_check_find - the row of @id in any table, or NULL. */
const struct ztc_check *ztc_check_find(const char *id);

/* --- for the judge functions: result.c --- */

/* ztc_fact_status - "ok", "denied", … of a fact; "absent" when nobody collected it. */
const char *ztc_fact_status(const struct ztc_facts *facts, const char *name);

/**
 * ztc_fact - the data of a fact when its status is ok; notes it as evidence of @r.
 *
 * Otherwise sets @r to unknown (denied, timeout, not_run, absent) or error with the reason and what
 * would answer, and returns NULL. A check for which an absent thing is an answer asks
 * ztc_fact_status() first.
 */
const json_t *ztc_fact(const struct ztc_facts *facts, const char *name, struct ztc_result *r);

/* The same without touching the state: optional evidence. Notes it when it is there. */
const json_t *ztc_fact_maybe(const struct ztc_facts *facts, const char *name, struct ztc_result *r);

/* ztc_conclude - state and the reason in one sentence; the last one counts. */
__attribute__((format(printf, 3, 4))) void ztc_conclude(struct ztc_result *r, enum ztc_state state,
							const char *fmt, ...);
__attribute__((format(printf, 2, 3))) void ztc_observed(struct ztc_result *r, const char *fmt, ...);
__attribute__((format(printf, 2, 3))) void ztc_expected(struct ztc_result *r, const char *fmt, ...);

/* ztc_offender - one thing that keeps the check from passing: @resource is stable and exact
 * ("tcp/0.0.0.0:22"), waivers name it. */
__attribute__((format(printf, 3, 4))) void ztc_offender(struct ztc_result *r, const char *resource,
							const char *fmt, ...);

/**
 * ztc_share - judge @num of @den by the profile's pass_share and partial_share of @id.
 * @universe_known: @den is all there is, not a sample; else fewer than ZTC_SAMPLES_MIN are unknown.
 *
 * Sets state, num and den, and expected; the reason is a sentence with both numbers. @den 0 is
 * unknown: a check for which that is an answer says so itself.
 */
void ztc_share(const struct ztc_facts *facts, struct ztc_result *r, const char *id, int64_t num,
	       int64_t den, bool universe_known);

/* ztc_share_state - what ztc_share() would conclude, without concluding it. */
enum ztc_state ztc_share_state(const struct ztc_facts *facts, const char *id, int64_t num,
			       int64_t den, bool universe_known);

/* ztc_limit - a number of the profile: checks[@id][@name].value. A profile is complete: asking for
 * another is a bug and aborts. */
double ztc_limit(const struct ztc_facts *facts, const char *id, const char *name);

/* ztc_list - an array of the profile: lists[@name]; borrowed, never NULL. */
const json_t *ztc_list(const struct ztc_facts *facts, const char *name);
