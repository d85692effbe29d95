/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test.h - cases of a policy put to its compiled tables, offline, as each host's agent would judge.
 *
 * A name that stands for several endpoints is put with each of them. What is
 * resolved on a machine (users, programs) is resolved by name alone, so that the
 * answer is the same wherever the test runs.
 */
#pragma once
#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

#include "policy/cases.h"
#include "policy/judge.h"
#include "policy/policy.h"
#include "policy/rules.h"

#define ZTC_TEST_PAIRS_MAX  100000 /* of one case */
#define ZTC_TEST_TABLES_MAX 256	   /* kept from case to case */
#define ZTC_TEST_SHOWN	    5	   /* pairs of a case that are told in full */

/* An endpoint that a case's end stands for. */
struct ztc_test_end {
	struct zt_addr addr;
	const struct zt_host *host; /* that has it, or NULL */
};

struct ztc_test_ends {
	struct ztc_test_end *ends; /* owned */
	size_t count, cap;
};

/* Tables as one host has them at a time, with labels. */
struct ztc_test_tables {
	const struct zt_host *host;
	const struct zt_case *setting; /* time and labels are this case's */
	struct zt_tables *tables;
};

struct ztc_test {
	const struct zt_policy *policy;
	const struct zt_host *only; /* judge there alone; NULL = at both ends */
	uint64_t now_ns;	    /* wall clock of cases without a time */
	struct zt_rule_names *names;
	struct zt_strmap *users; /* names to made-up numbers */
	struct ztc_test_tables *tables;
	size_t table_count, table_cap;
	struct zt_diag *diag; /* errors of cases, and of compiling */
};

/** ztc_test_init - ready to judge. @test's policy, only, now_ns and diag are set. 0, -ENOMEM. */
int ztc_test_init(struct ztc_test *test);
void ztc_test_done(struct ztc_test *test);

/* tables.c */

/* The monotonic time at which every case is judged; the wall clock is set to it. */
#define ZTC_TEST_MONO_NS 1000000000000000ULL

/** ztc_test_tables - tables of a host for a case, compiled once. 0, -EINVAL (diag), -ENOMEM. */
int ztc_test_tables(struct ztc_test *test, const struct zt_host *host, const struct zt_case *c,
		    const struct zt_tables **ret);

/** ztc_test_forget - give the tables back; to be called between cases once there are many. */
void ztc_test_forget(struct ztc_test *test);

/** ztc_test_owner - the owner that an end of a case names, as the socket hooks record it. */
int ztc_test_owner(struct ztc_test *test, const struct zt_case_end *end, struct zt_owner *ret);

/* ends.c */

/** ztc_test_expand - every endpoint that @end stands for. 0, -EINVAL (diag), -ENOMEM. */
int ztc_test_expand(struct ztc_test *test, const struct zt_case *c, const struct zt_case_end *end,
		    struct ztc_test_ends *ret);
void ztc_test_ends_free(struct ztc_test_ends *ends);

/* run.c */

/**
 * ztc_test_run - judge one case.
 * @ret:  the result as docs/json.md has it, the caller's.
 * @ret_ok: whether it holds for every pair of ends.
 *
 * Returns 0, -EINVAL (@test->diag says why nothing could be judged) or -ENOMEM.
 */
int ztc_test_run(struct ztc_test *test, const struct zt_case *c, json_t **ret, bool *ret_ok);

/* junit.c */

/** ztc_junit_write - the results as JUnit XML. @result: of policy test; @seconds: it took. */
int ztc_junit_write(FILE *out, const json_t *result, double seconds, uint64_t began_ns);
