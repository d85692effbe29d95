/* SPDX-License-Identifier: Apache-2.0 */
/*
 * policy_bench.h - compile a text for a host and ask what it says; shared by the policy tests.
 */
#pragma once
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/strbuf.h"
#include "policy/compile.h"
#include "policy/judge.h"

#define HEAD "version: 1\npolicy: p\nrevision: 1\nmode: enforced\n"
#define INVENTORY                                                                                  \
	HEAD "hosts:\n"                                                                            \
	     "  web1: {addresses: [10.0.1.1, 2001:db8:1::1], labels: {role: web}}\n"               \
	     "  web2: {addresses: [10.0.1.2], labels: {role: web}}\n"                              \
	     "  db1: {addresses: [10.0.2.1], labels: {role: db}}\n"                                \
	     "segments:\n"                                                                         \
	     "  web: {select: {role: web}}\n"                                                      \
	     "  db: {select: {role: db}}\n"                                                        \
	     "  ops: {addresses: [10.9.0.0/24]}\n"

struct bench {
	struct zt_policy *policy;
	struct zt_rule_names *names;
	struct zt_tables *tables;
	struct zt_diag diag;
	struct zt_compile_env env;
	struct zt_addr locals[8];
	struct zt_answer a;
	__u64 qmask;
	uint64_t at_ns; /* when openings are judged */
};

static inline void bench_free(struct bench *b)
{
	zt_tables_free(&b->tables);
	zt_rule_names_free(&b->names);
	zt_policy_free(&b->policy);
	zt_diag_free(&b->diag);
}

static inline int compile(struct bench *b, const char *text, const char *host)
{
	if (zt_policy_parse(&b->policy, "test.yaml", text, strlen(text), &b->diag) < 0)
		zt_diag_print(&b->diag, stderr);
	assert_non_null(b->policy);
	if (!b->names)
		assert_int_equal(zt_rule_names_new(&b->names), 0);
	b->env.host = host;
	b->env.locals = b->locals;
	return zt_policy_compile(b->policy, &b->env, b->names, &b->tables, &b->diag);
}

static inline void must_compile(struct bench *b, const char *text, const char *host)
{
	int r = compile(b, text, host);

	if (r < 0)
		zt_diag_print(&b->diag, stderr);
	assert_int_equal(r, 0);
}

static inline void add_local(struct bench *b, const char *addr)
{
	assert_int_equal(zt_addr_parse(addr, &b->locals[b->env.local_count++]), 0);
}

static inline struct zt_query query(const char *near, __u32 dir, const char *far, const char *port)
{
	struct zt_query q = {.dir = dir};
	struct zt_port_range range;
	const char *why;

	assert_int_equal(zt_addr_parse(near, &q.near), 0);
	assert_int_equal(zt_addr_parse(far, &q.far), 0);
	assert_int_equal(zt_port_parse(port, &range, &why), 0);
	q.port_index = range.first;
	return q;
}

/* Judges and compares both planes with "action rule"; the candidate's may be left out. */
static inline void expect(struct bench *b, const char *near, __u32 dir, const char *far,
			  const char *port, const char *live, const char *candidate)
{
	const char *want[] = {live, candidate ?: live};
	struct zt_query q = query(near, dir, far, port);
	char got[80];

	q.qmask = b->qmask;
	q.now_ns = b->at_ns;
	zt_tables_judge(b->tables, &q, &b->a);
	for (int plane = 0; plane < ZT_PLANE_COUNT; plane++) {
		snprintf(got, sizeof(got), "%s %s", zt_action_name(b->a.action[plane]),
			 zt_rule_name(b->names, b->a.rule[plane]));
		if (strcmp(got, want[plane]) != 0)
			fprintf(stderr, "%s %u %s %s plane %d\n", near, dir, far, port, plane);
		assert_string_equal(got, want[plane]);
	}
}

#define IN  ZT_DIR_IN
#define OUT ZT_DIR_OUT
#define FWD ZT_DIR_FWD
