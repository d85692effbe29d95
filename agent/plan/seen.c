// SPDX-License-Identifier: Apache-2.0
/*
 * seen.c - what the recorded edges say nothing of: statements never used, listeners never called.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "datapath/datapath.h"
#include "flow/history.h"
#include "plan/plan.h"
#include "policy/rules.h"
#include "policy/tables.h"

void zt_plan_seen_clear(struct zt_plan_seen *seen)
{
	free(seen->never_hit);
	free(seen->never_contacted);
	*seen = (struct zt_plan_seen){0};
}

/* Flows that the kernel counted under this id, whatever its number is in the new tables. */
static bool hit_in_kernel(struct zt_dp *dp, const char *id)
{
	int number = dp ? zt_rule_lookup(zt_dp_rule_names(dp), id) : -1;

	return number >= 0 && zt_dp_rule_hits(dp, (uint32_t)number) > 0;
}

static int find_never_hit(const struct zt_evidence *e, const struct zt_tables *then,
			  struct zt_dp *dp, struct zt_plan_seen *out)
{
	zt_auto(zt_freep) uint8_t *used = calloc(ZT_RULES_MAX, 1);

	out->never_hit = calloc(then->rule_count + 1, sizeof(*out->never_hit));
	if (!used || !out->never_hit)
		return -ENOMEM;
	for (size_t i = 0; i < e->edges.count; i++) {
		for (int plane = 0; plane < ZT_PLANE_COUNT; plane++) {
			uint32_t number = e->edges.rows[i].then_rule[plane];

			if (number < ZT_RULES_MAX)
				used[number] = 1;
		}
	}
	out->statements = then->rule_count;
	for (size_t i = 0; i < then->rule_count; i++) {
		const struct zt_rule_info *info = &then->rules[i];

		/* A failsafe that was never needed is what one hopes for. */
		if (info->kind == ZT_STMT_FAILSAFE || used[info->number % ZT_RULES_MAX] ||
		    hit_in_kernel(dp, info->id))
			continue;
		out->never_hit[out->never_hit_count++] = info->id;
	}
	return 0;
}

/* Ports that somebody called, as one bit each: most edges are of few ports. */
static bool was_called(const struct zt_evidence *e, const uint8_t *called,
		       const struct zt_plan_listener *l)
{
	uint32_t index = zt_port_index(l->socket.proto, l->socket.local_port);

	if (!(called[index >> 3] >> (index & 7) & 1))
		return false;
	for (size_t i = 0; i < e->edges.count; i++) {
		const struct zt_opening *o = &e->edges.rows[i].opening;

		if (o->dir == ZT_DIR_IN && o->port_index == index &&
		    (zt_listener_at(&l->socket, &o->near) || zt_addr_is_multicast(&o->near)))
			return true;
	}
	return false;
}

static int find_never_contacted(const struct zt_evidence *e, struct zt_plan_seen *out)
{
	zt_auto(zt_freep) uint8_t *called = calloc(ZT_PORT_COUNT / 8 + 1, 1);

	out->never_contacted = calloc(e->listeners.count + 1, sizeof(*out->never_contacted));
	if (!called || !out->never_contacted)
		return -ENOMEM;
	for (size_t i = 0; i < e->edges.count; i++) {
		const struct zt_opening *o = &e->edges.rows[i].opening;

		if (o->dir == ZT_DIR_IN)
			called[o->port_index >> 3] |= (uint8_t)(1u << (o->port_index & 7));
	}
	for (size_t i = 0; i < e->listeners.count; i++) {
		if (!was_called(e, called, &e->listeners.rows[i]))
			out->never_contacted[out->never_contacted_count++] = &e->listeners.rows[i];
	}
	return 0;
}

/* A history that cannot be read is said to be unknown, not empty. */
static void read_days(struct zt_history *history, struct zt_plan_seen *out)
{
	struct zt_history_days days;

	if (!history || zt_history_days(history, 0, &days) < 0)
		return;
	out->days_known = true;
	out->days = days.days;
	out->longest_gap_s = days.longest_gap_s;
	out->month_end = days.month_end;
}

int zt_plan_seen_make(const struct zt_evidence *evidence, const struct zt_preflight_env *env,
		      struct zt_plan_seen *ret)
{
	zt_auto(zt_plan_seen_clear) struct zt_plan_seen out = {0};
	int r = find_never_hit(evidence, env->tables, env->dp, &out);

	if (r == 0)
		r = find_never_contacted(evidence, &out);
	if (r < 0)
		return r;
	for (size_t i = 0; i < evidence->edges.count; i++) {
		const struct zt_plan_edge *edge = &evidence->edges.rows[i];

		if (!out.first_s || edge->first_s < out.first_s)
			out.first_s = edge->first_s;
		if (edge->last_s > out.last_s)
			out.last_s = edge->last_s;
	}
	read_days(env->history, &out);
	*ret = out;
	out = (struct zt_plan_seen){0};
	return 0;
}
