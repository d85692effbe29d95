// SPDX-License-Identifier: Apache-2.0
/*
 * plan.c - what a policy would change: the parts put together.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/cleanup.h"
#include "base/time.h"
#include "datapath/datapath.h"
#include "plan/diff.h"
#include "plan/plan.h"
#include "policy/rules.h"
#include "policy/tables.h"

void zt_plan_free(struct zt_plan **plan)
{
	struct zt_plan *p = *plan;

	if (!p)
		return;
	for (int plane = 0; plane < ZT_PLANE_COUNT; plane++)
		for (int newly = 0; newly < ZT_NEWLY_COUNT; newly++)
			zt_plan_changes_clear(&p->changes[plane][newly]);
	zt_plan_connections_clear(&p->connections);
	zt_plan_seen_clear(&p->seen);
	zt_preflight_free(&p->preflight);
	json_decref(p->statements);
	json_decref(p->definitions);
	zt_evidence_clear(&p->evidence);
	free(p);
	*plan = NULL;
}

/* Rows that compiled tables take, under the names that status has for the kernel's tables. */
static uint64_t rows_of(const struct zt_tables *t, const char *table)
{
	const struct {
		const char *name;
		size_t rows;
	} parts[] = {
		{"addresses", t->addr_count},	    {"networks", t->net_count},
		{"pairs", t->pair_count},	    {"port_cells", t->cell_index_count},
		{"cells", t->cell_count},	    {"workload_names", t->qual_count},
		{"workload_rules", t->qrule_count}, {"label_steps", t->step_count},
		{"hour_windows", t->window_count},
	};

	for (size_t i = 0; i < ARRAY_SIZE(parts); i++) {
		if (!strcmp(parts[i].name, table))
			return parts[i].rows;
	}
	return UINT64_MAX; /* not a table of the policy: stays as it is */
}

/* Names that were never given out take a number each. */
static uint64_t new_names(const struct zt_preflight_env *env)
{
	const struct zt_rule_names *names = zt_dp_rule_names(env->dp);
	uint64_t news = 0;

	for (size_t i = 0; i < env->tables->rule_count; i++)
		news += zt_rule_lookup(names, env->tables->rules[i].id) < 0;
	return news;
}

static void fill_capacity(struct zt_plan *plan, const struct zt_preflight_env *env)
{
	const struct zt_dp_capacity *rows;
	size_t count = 0;

	if (!env->dp)
		return;
	rows = zt_dp_capacity(env->dp, &count);
	for (size_t i = 0; i < count && plan->capacity_count < ZT_PLAN_CAPACITY_MAX; i++) {
		struct zt_plan_capacity *c = &plan->capacity[plan->capacity_count++];
		uint64_t then = rows_of(env->tables, rows[i].table);

		*c = (struct zt_plan_capacity){rows[i].table, rows[i].size, rows[i].used, then};
		if (then == UINT64_MAX)
			c->then = rows[i].used;
		if (!strcmp(rows[i].table, "rule_names"))
			c->then = rows[i].used + new_names(env);
	}
}

static int fill(struct zt_plan *plan, const struct zt_preflight_env *env)
{
	const struct zt_diff_side now = {env->policy_now, env->tables_now};
	const struct zt_diff_side then = {env->policy, env->tables};
	int r;

	plan->statements = zt_diff_statements(&now, &then);
	plan->definitions = zt_diff_definitions(env->policy_now, env->policy);
	if (!plan->statements || !plan->definitions)
		return -ENOMEM;
	for (int plane = 0; plane < ZT_PLANE_COUNT; plane++) {
		for (int newly = 0; newly < ZT_NEWLY_COUNT; newly++) {
			r = zt_plan_changes_make(&plan->evidence, plane, (enum zt_newly)newly,
						 &plan->changes[plane][newly]);
			if (r < 0)
				return r;
		}
	}
	fill_capacity(plan, env);
	r = zt_plan_seen_make(&plan->evidence, env, &plan->seen);
	if (r < 0)
		return r;
	return zt_plan_connections_read(env->collector, &plan->evidence.judges, &plan->connections);
}

static uint64_t precise_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * ZT_NS_PER_S + (uint64_t)t.tv_nsec;
}

int zt_plan_run(struct zt_plan **ret, const struct zt_preflight_env *env)
{
	zt_auto(zt_plan_free) struct zt_plan *plan = calloc(1, sizeof(*plan));
	uint64_t began_ns = precise_ns();
	int r;

	if (!plan)
		return -ENOMEM;
	r = zt_evidence_read(&plan->evidence, env);
	if (r == 0)
		r = zt_preflight_on(&plan->preflight, env, &plan->evidence);
	if (r == 0)
		r = fill(plan, env);
	if (r < 0)
		return r;
	plan->took_ns = precise_ns() - began_ns;
	*ret = zt_take(plan);
	return 0;
}
