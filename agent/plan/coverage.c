/* SPDX-License-Identifier: Apache-2.0 */
/*
 * coverage.c - how much the recorded evidence covers.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/addr.h"
#include "base/cleanup.h"
#include "plan/coverage.h"
#include "policy/tables.h"

void zt_coverage_free(struct zt_coverage *coverage)
{
	free(coverage->never_hit);
	*coverage = (struct zt_coverage){0};
}

struct contacts {
	struct zt_coverage_listener *listeners;
	size_t count;
};

static bool is_contacted(const struct zt_coverage_listener *l, const struct zt_history_edge *edge)
{
	if (!edge->dst.near || edge->proto != l->proto || edge->port != l->port)
		return false;
	return zt_addr_is_unspecified(&l->addr) || !memcmp(&edge->dst.addr, &l->addr, 16);
}

static int note_contact(const struct zt_history_edge *edge, void *ctx)
{
	struct contacts *c = ctx;

	for (size_t i = 0; i < c->count; i++) {
		struct zt_coverage_listener *l = &c->listeners[i];

		if (!is_contacted(l, edge))
			continue;
		l->connections += edge->connections;
		if (edge->last_s > l->last_s)
			l->last_s = edge->last_s;
	}
	return 0;
}

/* A statement that is compiled for this host and decided no flow, live or as the candidate. */
static int find_never_hit(struct zt_history *history, const struct zt_tables *tables,
			  int64_t since_s, struct zt_coverage *ret)
{
	const struct zt_rule_info *rules =
		tables->candidate_name ? tables->candidate_rules : tables->rules;
	size_t count = tables->candidate_name ? tables->candidate_rule_count : tables->rule_count;
	int r = 0;

	ret->never_hit = calloc(count + 1, sizeof(*ret->never_hit));
	if (!ret->never_hit)
		return -ENOMEM;
	for (size_t i = 0; i < count && !r; i++) {
		struct zt_history_rule rule;

		if (rules[i].kind == ZT_STMT_FAILSAFE)
			continue;
		r = zt_history_rule(history, rules[i].id, since_s, &rule);
		if (!r && !rule.last_s)
			ret->never_hit[ret->never_hit_count++] = rules[i].id;
	}
	return r;
}

int zt_coverage_check(struct zt_history *history, const struct zt_tables *tables, int64_t since_s,
		      struct zt_coverage_listener *listeners, size_t listener_count,
		      struct zt_coverage *ret)
{
	zt_auto(zt_coverage_free) struct zt_coverage coverage = {0};
	struct contacts contacts = {listeners, listener_count};
	int r = zt_history_days(history, since_s, &coverage.days);

	for (size_t i = 0; i < listener_count; i++)
		listeners[i].connections = listeners[i].last_s = 0;
	if (!r && listener_count)
		r = zt_history_each_edge(history, since_s, note_contact, &contacts);
	if (!r)
		r = find_never_hit(history, tables, since_s, &coverage);
	if (r < 0)
		return r;
	for (size_t i = 0; i < listener_count; i++)
		coverage.never_contacted += !listeners[i].last_s;
	*ret = coverage;
	coverage = (struct zt_coverage){0};
	return 0;
}
