/* SPDX-License-Identifier: Apache-2.0 */
/*
 * gate_flows.c - recorded flows put to staged statements.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/vec.h"
#include "flow/history.h"
#include "plan/gate_priv.h"
#include "policy/judge.h"
#include "policy/rules.h"
#include "policy/tables.h"

struct kind_key {
	uint64_t qmask;
	uint32_t near_id;
	uint32_t far_id;
	uint32_t dir;
	uint32_t port_class;
};

struct zt_gate_kind {
	struct kind_key key;
	uint32_t *items;
	size_t count;
};

void zt_gate_run_clear(struct zt_gate_run *run)
{
	for (size_t i = 0; i < run->kind_count; i++)
		free(run->kinds[i].items);
	free(run->kinds);
	zt_table_clear(&run->kind_table);
	free(run->rows);
	free(run->asks);
	free(run->by_number);
	zt_judges_clear(&run->judges);
}

static uint32_t item_of(const struct zt_gate_run *run, uint32_t number)
{
	return number < ZT_RULES_MAX ? run->by_number[number] : ZT_GATE_NO_ITEM;
}

/* --- which statements an opening concerns ---------------------------------------------------- */

static bool is_concerned(const struct zt_candidate *c)
{
	return c->why[ZT_CANDIDATE] == ZT_WHY_DECIDES || c->why[ZT_CANDIDATE] == ZT_WHY_OUTRANKED;
}

/* Everything the policy says about it: asked once per kind of opening. */
static int explain(const struct zt_gate_run *run, const struct zt_query *query,
		   struct zt_gate_kind *kind)
{
	zt_auto(zt_explanation_free) struct zt_explanation x = {0};
	int r = zt_tables_explain(run->env->tables, query, &x);

	if (r < 0)
		return r;
	kind->items = calloc(x.candidate_count + 1, sizeof(*kind->items));
	if (!kind->items)
		return -ENOMEM;
	for (size_t i = 0; i < x.candidate_count; i++) {
		uint32_t item = item_of(run, x.candidates[i].rule->number);

		if (item != ZT_GATE_NO_ITEM && is_concerned(&x.candidates[i]))
			kind->items[kind->count++] = item;
	}
	return 0;
}

static int kind_of(struct zt_gate_run *run, const struct zt_query *query,
		   const struct zt_answer *answer, const struct zt_gate_kind **ret)
{
	struct zt_gate_kind new = {
		.key =
			{
				.qmask = query->qmask,
				.near_id = answer->near_id,
				.far_id = answer->far_id,
				.dir = query->dir,
				.port_class = answer->port_class,
			},
	};
	uint32_t hash = zt_table_hash(&new.key, sizeof(new.key));
	uint32_t n = zt_table_first(&run->kind_table, hash);
	int r;

	for (; n != ZT_TABLE_NONE; n = zt_table_next(&run->kind_table, n)) {
		*ret = &run->kinds[n];
		if (!memcmp(&run->kinds[n].key, &new.key, sizeof(new.key)))
			return 0;
	}
	r = zt_vec_grow(&run->kinds, &run->kind_room, run->kind_count + 1, sizeof(*run->kinds));
	if (!r)
		r = zt_table_reserve(&run->kind_table, (uint32_t)run->kind_room);
	if (!r)
		r = explain(run, query, &new);
	if (r < 0)
		return r;
	n = (uint32_t)run->kind_count++;
	run->kinds[n] = new;
	zt_table_add(&run->kind_table, n, hash);
	*ret = &run->kinds[n];
	return 0;
}

/* --- reading
 * --------------------------------------------------------------------------------------
 */

/* Decided before any policy. */
static bool is_builtin(const char *rule)
{
	for (uint32_t n = ZT_RULE_DEFAULT + 1; n < ZT_RULE_BUILTIN_COUNT; n++) {
		const struct zt_builtin_rule *builtin = zt_rule_builtin(n);

		if (builtin && !strcmp(builtin->id, rule))
			return true;
	}
	return false;
}

static void opening_of(struct zt_judges *judges, const struct zt_history_edge *edge,
		       struct zt_opening *ret)
{
	bool in = edge->kind == ZT_KIND_LOCAL && !edge->src.near;
	const struct zt_history_end *near = in ? &edge->dst : &edge->src;

	*ret = (struct zt_opening){
		.near = near->addr,
		.far = in ? edge->src.addr : edge->dst.addr,
		.dir = edge->kind == ZT_KIND_FWD ? ZT_DIR_FWD
		       : in			 ? ZT_DIR_IN
						 : ZT_DIR_OUT,
		.port_index = zt_port_index(edge->proto, edge->port),
		.owner = zt_judges_owner(judges, near->owner),
	};
}

static void note_deny(struct zt_gate_item *item, const struct zt_gate_row *row)
{
	uint8_t proto;
	uint16_t port;

	item->would_deny += row->flows;
	if (row->last_s < item->last_deny_s)
		return;
	item->last_deny_s = row->last_s;
	item->last_port = row->opening.port_index;
	zt_opening_ends(&row->opening, &item->last_src, &item->last_dst, &proto, &port);
}

/* Whether some statement that concerns it denies: only then may a promotion deny it. */
static bool may_be_denied(const struct zt_gate_run *run, const struct zt_gate_kind *kind)
{
	for (size_t i = 0; i < kind->count; i++) {
		const struct zt_gate_ask *ask = &run->asks[kind->items[i]];

		if (ask->stmt->action == ZT_DENY && ask->deny_since_s == run->since_s)
			return true;
	}
	return false;
}

static int take_edge(const struct zt_history_edge *edge, void *ctx)
{
	struct zt_gate_run *run = ctx;
	struct zt_gate_row row = {.last_s = edge->last_s, .since_s = run->since_s};
	const struct zt_gate_kind *kind;
	struct zt_answer answer;
	struct zt_query query;
	uint32_t denier;
	int r;

	if (edge->kind == ZT_KIND_LOOP || is_builtin(edge->rule[ZT_LIVE]))
		return 0;
	opening_of(&run->judges, edge, &row.opening);
	/* What lived through the window and never began in it is one flow. */
	row.flows = edge->connections ?: 1;
	zt_judges_query(&run->judges, ZT_NOW, &row.opening, &query);
	zt_tables_judge(run->env->tables, &query, &answer);
	r = kind_of(run, &query, &answer, &kind);
	if (r < 0)
		return r;
	for (size_t i = 0; i < kind->count; i++) {
		if (run->asks[kind->items[i]].flows_since_s == run->since_s)
			run->gate->items[kind->items[i]].flows += row.flows;
	}
	if (answer.action[ZT_LIVE] == ZT_DENY || !may_be_denied(run, kind))
		return 0;
	row.candidate_rule = answer.rule[ZT_CANDIDATE];
	denier = answer.action[ZT_CANDIDATE] == ZT_DENY ? item_of(run, row.candidate_rule)
							: ZT_GATE_NO_ITEM;
	if (denier != ZT_GATE_NO_ITEM && run->asks[denier].deny_since_s == run->since_s)
		note_deny(&run->gate->items[denier], &row);
	r = zt_vec_grow(&run->rows, &run->row_room, run->row_count + 1, sizeof(*run->rows));
	if (!r)
		run->rows[run->row_count++] = row;
	return r;
}

static int by_time(const void *a, const void *b)
{
	int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;

	return x < y ? -1 : x > y;
}

/* Statements that began on the same day share a reading. */
int zt_gate_read(struct zt_gate_run *run)
{
	size_t count = run->gate->count;
	zt_auto(zt_freep) int64_t *since = calloc(2 * count + 1, sizeof(*since));
	int r = 0;

	if (!since)
		return -ENOMEM;
	for (size_t i = 0; i < count; i++) {
		since[2 * i] = run->asks[i].flows_since_s;
		since[2 * i + 1] = run->asks[i].deny_since_s;
	}
	qsort(since, 2 * count, sizeof(*since), by_time);
	for (size_t i = 0; i < 2 * count && !r; i++) {
		if (i && since[i] == since[i - 1])
			continue;
		run->since_s = since[i];
		r = zt_history_each_edge(run->env->history, since[i], take_edge, run);
	}
	return r;
}

/* --- on paper ------------------------------------------------------------------------------------
 */

/* Owners are matched anew by other tables, under the numbers that the openings have. */
static void judges_with(const struct zt_gate_run *run, const struct zt_tables *then,
			struct zt_judges *ret)
{
	zt_judges_init(ret, run->env->tables, then, NULL);
	ret->now_ns = run->env->now_ns;
	for (size_t i = 0; i < run->judges.owner_count; i++)
		zt_judges_owner(ret, &run->judges.owners[i].owner);
}

static void judge_rows(struct zt_gate_run *run, const struct zt_tables *then)
{
	zt_auto(zt_judges_clear) struct zt_judges judges;

	judges_with(run, then, &judges);
	for (size_t i = 0; i < run->row_count; i++) {
		const struct zt_gate_row *row = &run->rows[i];
		uint32_t item, other = item_of(run, row->candidate_rule);
		struct zt_answer answer;

		zt_judges_ask(&judges, ZT_THEN, &row->opening, &answer);
		if (answer.action[ZT_LIVE] != ZT_DENY)
			continue;
		item = item_of(run, answer.rule[ZT_LIVE]);
		if (item == ZT_GATE_NO_ITEM || run->asks[item].deny_since_s != row->since_s)
			continue;
		note_deny(&run->gate->items[item], row);
		if (other != ZT_GATE_NO_ITEM && run->asks[other].stmt->action == ZT_ALLOW &&
		    !run->asks[other].seen)
			run->gate->items[item].allowed_by = run->gate->items[other].id;
	}
}

/* One round. Returns how many fell out, or -errno. */
static int try_round(struct zt_gate_run *run, const char **ids, char *err)
{
	zt_auto(zt_tables_free) struct zt_tables *then = NULL;
	size_t count = 0;
	int r, fell = 0;

	for (size_t i = 0; i < run->gate->count; i++) {
		struct zt_gate_item *item = &run->gate->items[i];

		if (!run->asks[i].seen)
			continue;
		ids[count++] = item->id;
		item->would_deny = 0;
		item->last_deny_s = 0;
		item->allowed_by = NULL;
	}
	if (!count)
		return 0;
	r = run->env->would(run->env->ctx, ids, count, &then, err);
	if (r < 0)
		return r;
	judge_rows(run, then);
	for (size_t i = 0; i < run->gate->count; i++) {
		const struct zt_gate_item *item = &run->gate->items[i];

		if (!run->asks[i].seen || item->would_deny <= item->max_would_deny)
			continue;
		run->asks[i].seen = false;
		fell++;
	}
	return fell;
}

int zt_gate_try(struct zt_gate_run *run, char *err)
{
	zt_auto(zt_freep) const char **ids = calloc(run->gate->count + 1, sizeof(*ids));
	int r = 1;

	if (!ids)
		return -ENOMEM;
	/* Every round but the last takes at least one out. */
	while (r > 0)
		r = try_round(run, ids, err);
	return r;
}
