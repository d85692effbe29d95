/* SPDX-License-Identifier: Apache-2.0 */
/*
 * gate.c - whether a staged statement has been seen long enough to be promoted.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/cleanup.h"
#include "base/strbuf.h"
#include "base/strmap.h"
#include "flow/history.h"
#include "plan/content.h"
#include "plan/gate_priv.h"
#include "policy/rules.h"
#include "policy/tables.h"

void zt_gate_free(struct zt_gate **gate)
{
	if (!*gate)
		return;
	for (size_t i = 0; i < (*gate)->count; i++)
		free((*gate)->items[i].lacks);
	free((*gate)->items);
	free(*gate);
	*gate = NULL;
}

/* --- which statements stand ----------------------------------------------------------------------
 */

int zt_gate_stand(struct zt_history *history, const struct zt_policy *policy)
{
	zt_auto(zt_freep) uint8_t(*digests)[ZT_DIGEST_LEN] = NULL;
	size_t count = 0;
	int r = 0;

	if (zt_history_stands(history, policy->digest))
		return 0;
	digests = calloc(policy->stmt_count + 1, sizeof(*digests));
	if (!digests)
		return -ENOMEM;
	for (size_t i = 0; i < policy->stmt_count && !r; i++) {
		if (policy->stmts[i].kind != ZT_STMT_FAILSAFE)
			r = zt_content_digest(policy, &policy->stmts[i], digests[count++]);
	}
	if (r < 0)
		return r;
	return zt_history_stand(history, policy->digest, (const uint8_t(*)[ZT_DIGEST_LEN])digests,
				count);
}

int64_t zt_gate_stood(struct zt_history *history, const struct zt_policy *policy, const char *id,
		      size_t *at)
{
	struct zt_history_stood stood = {0};
	uint8_t digest[ZT_DIGEST_LEN];

	for (size_t i = 0; i < policy->stmt_count; i++) {
		size_t n = (*at + i) % policy->stmt_count;

		if (strcmp(policy->stmts[n].id, id) != 0)
			continue;
		*at = n + 1;
		if (zt_content_digest(policy, &policy->stmts[n], digest) < 0 ||
		    zt_history_stood(history, digest, &stood) < 0)
			return 0;
		return stood.since_s;
	}
	return 0;
}

/* --- items
 * ----------------------------------------------------------------------------------------
 */

static const struct zt_rule_info *
info_in(const struct zt_tables *tables, const struct zt_strmap *numbers, const char *id, int plane)
{
	uint32_t place = zt_strmap_find(numbers, id, strlen(id));

	if (place == ZT_STRMAP_NONE)
		return NULL;
	/* The map's values are places in both lists, one behind the other. */
	if (place < tables->rule_count)
		return zt_tables_rule_in(tables, tables->rules[place].number, plane);
	return zt_tables_rule_in(tables, tables->candidate_rules[place - tables->rule_count].number,
				 plane);
}

static const struct zt_stmt *stmt_of(const struct zt_policy *policy, const char *id)
{
	for (size_t i = 0; i < policy->stmt_count; i++) {
		if (!strcmp(policy->stmts[i].id, id))
			return &policy->stmts[i];
	}
	return NULL;
}

/* Whether it is enforced, wholly or for a share, as it stands in the candidate. */
static bool is_enforced(const struct zt_gate_env *env, const struct zt_rule_info *live,
			const struct zt_stmt *stmt)
{
	uint8_t a[ZT_DIGEST_LEN], b[ZT_DIGEST_LEN];
	const struct zt_stmt *now;

	if (!live || live->mode != ZT_MODE_ENFORCED)
		return !live && env->now == env->policy && stmt->mode == ZT_MODE_ENFORCED;
	if (env->now == env->policy)
		return true;
	now = stmt_of(env->now, stmt->id);
	return now && zt_content_digest(env->now, now, a) == 0 &&
	       zt_content_digest(env->policy, stmt, b) == 0 && !memcmp(a, b, sizeof(a));
}

static int64_t day_start(int64_t at_s)
{
	return at_s / ZT_HISTORY_DAY_S * ZT_HISTORY_DAY_S;
}

static int ask_for(struct zt_gate_run *run, const struct zt_stmt *stmt, uint32_t number)
{
	struct zt_gate_item *item = &run->gate->items[run->gate->count];
	struct zt_gate_ask *ask = &run->asks[run->gate->count];
	const struct zt_gate_env *env = run->env;
	struct zt_history_stood stood = {0};
	uint8_t digest[ZT_DIGEST_LEN];
	int64_t window_s;
	int r = zt_content_digest(env->policy, stmt, digest);

	if (!r && env->history)
		r = zt_history_stood(env->history, digest, &stood);
	if (r < 0)
		return r;
	*item = (struct zt_gate_item){
		.id = stmt->id,
		.want_days = stmt->ready.days,
		.want_flows = stmt->ready.flows,
		.max_would_deny = stmt->ready.would_deny,
		.days = stood.recorded_s / ZT_HISTORY_DAY_S,
		.stood_s = stood.since_s,
	};
	/* Not seen yet: from now on. Of a day, the whole. */
	*ask = (struct zt_gate_ask){.stmt = stmt, .number = number};
	ask->flows_since_s = day_start(stood.since_s ?: env->now_s);
	ask->deny_since_s = ask->flows_since_s;
	window_s = day_start(env->now_s) - (int64_t)(item->want_days - 1) * ZT_HISTORY_DAY_S;
	if (item->want_days && window_s > ask->deny_since_s)
		ask->deny_since_s = window_s;
	if (number)
		run->by_number[number] = (uint32_t)run->gate->count;
	run->gate->count++;
	return 0;
}

static int map_ids(const struct zt_tables *tables, struct zt_strmap **ret)
{
	zt_auto(zt_strmap_free) struct zt_strmap *map = NULL;
	int r = zt_strmap_new(&map);

	for (size_t i = 0; i < tables->rule_count + tables->candidate_rule_count && !r; i++) {
		const char *id = i < tables->rule_count
					 ? tables->rules[i].id
					 : tables->candidate_rules[i - tables->rule_count].id;
		char key[16];
		bool new;

		/* A place that its id has already is taken by a key that no id can be. */
		if (zt_strmap_intern(map, id, strlen(id), &new) == ZT_STRMAP_NONE)
			r = -ENOMEM;
		else if (!new &&zt_strmap_intern(map, key,
						 (size_t)snprintf(key, sizeof(key), "\n%zu", i),
						 NULL) == ZT_STRMAP_NONE)
			r = -ENOMEM;
	}
	if (r < 0)
		return r;
	*ret = zt_take(map);
	return 0;
}

static int ask_all(struct zt_gate_run *run)
{
	const struct zt_policy *policy = run->env->policy;
	zt_auto(zt_strmap_free) struct zt_strmap *ids = NULL;
	int r = map_ids(run->env->tables, &ids);

	for (size_t i = 0; i < policy->stmt_count && !r; i++) {
		const struct zt_stmt *stmt = &policy->stmts[i];
		const struct zt_rule_info *live, *candidate;

		if (stmt->kind == ZT_STMT_FAILSAFE)
			continue;
		live = info_in(run->env->tables, ids, stmt->id, ZT_LIVE);
		candidate = info_in(run->env->tables, ids, stmt->id, ZT_CANDIDATE);
		if (!is_enforced(run->env, live, stmt))
			r = ask_for(run, stmt, candidate ? candidate->number : 0);
	}
	return r;
}

/* --- words
 * ---------------------------------------------------------------------------------------- */

/* "1,234" */
static void put_number(struct zt_strbuf *sb, uint64_t n)
{
	char digits[24];
	int len = snprintf(digits, sizeof(digits), "%llu", (unsigned long long)n);

	for (int i = 0; i < len; i++) {
		if (i && (len - i) % 3 == 0)
			zt_strbuf_puts(sb, ",");
		zt_strbuf_add(sb, &digits[i], 1);
	}
}

static void put_part(struct zt_strbuf *sb, uint64_t have, uint64_t want, const char *what)
{
	zt_strbuf_puts(sb, sb->len ? "; " : "");
	put_number(sb, have);
	zt_strbuf_puts(sb, " of ");
	put_number(sb, want);
	zt_strbuf_printf(sb, " %s", what);
}

static void put_denied(struct zt_strbuf *sb, const struct zt_gate_item *item)
{
	const struct zt_port_range range = {item->last_port, item->last_port};
	char src[ZT_ADDR_TEXT_LEN], dst[ZT_ADDR_TEXT_LEN], port[ZT_PORT_TEXT_LEN], when[32];
	time_t at = item->last_deny_s;
	struct tm tm;

	zt_strbuf_puts(sb, sb->len ? "; " : "");
	put_number(sb, item->would_deny);
	strftime(when, sizeof(when), "%Y-%m-%dT%H:%M:%SZ", gmtime_r(&at, &tm));
	zt_strbuf_printf(sb, " would-deny, last %s from %s to %s %s", when,
			 zt_addr_text(&item->last_src, src), zt_addr_text(&item->last_dst, dst),
			 zt_port_text(&range, port));
	if (item->allowed_by)
		zt_strbuf_printf(sb, " (allowed by '%s', which is not ready)", item->allowed_by);
}

static int say(const struct zt_gate_env *env, struct zt_gate_item *item)
{
	zt_auto(zt_strbuf_free) struct zt_strbuf sb = ZT_STRBUF_INIT;

	if (!env->history)
		zt_strbuf_puts(&sb, "nothing is recorded");
	else if (!item->stood_s)
		zt_strbuf_puts(&sb, "not recorded yet");
	if (env->history && item->days < item->want_days)
		put_part(&sb, item->days, item->want_days, "days");
	if (env->history && item->flows < item->want_flows)
		put_part(&sb, item->flows, item->want_flows, "flows");
	if (item->would_deny > item->max_would_deny)
		put_denied(&sb, item);
	zt_strbuf_puts(&sb, "");
	item->met = !sb.len;
	item->lacks = sb.len ? zt_strbuf_steal(&sb) : strdup("");
	return item->lacks ? 0 : -ENOMEM;
}

/* --- all of it
 * ------------------------------------------------------------------------------------ */

static int begin(struct zt_gate_run *run)
{
	const struct zt_gate_env *env = run->env;

	run->gate = calloc(1, sizeof(*run->gate));
	run->asks = calloc(env->policy->stmt_count + 1, sizeof(*run->asks));
	run->by_number = malloc(ZT_RULES_MAX * sizeof(*run->by_number));
	if (!run->gate || !run->asks || !run->by_number)
		return -ENOMEM;
	memset(run->by_number, 0xff, ZT_RULES_MAX * sizeof(*run->by_number));
	zt_judges_init(&run->judges, env->tables, NULL, NULL);
	run->judges.now_ns = env->now_ns;
	run->gate->items = calloc(env->policy->stmt_count + 1, sizeof(*run->gate->items));
	return run->gate->items ? 0 : -ENOMEM;
}

static int check(struct zt_gate_run *run, char *err)
{
	int r = begin(run);

	if (!r)
		r = ask_all(run);
	if (r < 0 || !run->env->history)
		return r;
	r = zt_gate_read(run);
	if (r < 0)
		return r;
	for (size_t i = 0; i < run->gate->count; i++) {
		const struct zt_gate_item *item = &run->gate->items[i];

		run->asks[i].seen = item->stood_s && item->days >= item->want_days &&
				    item->flows >= item->want_flows;
	}
	return zt_gate_try(run, err);
}

int zt_gate_check(struct zt_gate **ret, const struct zt_gate_env *env, char *err)
{
	zt_auto(zt_gate_run_clear) struct zt_gate_run run = {.env = env};
	int r;

	err[0] = '\0';
	r = check(&run, err);
	for (size_t i = 0; !r && i < run.gate->count; i++)
		r = say(env, &run.gate->items[i]);
	if (r < 0) {
		if (!err[0])
			snprintf(err, ZT_GATE_ERR_LEN, "cannot read the flow history: %s",
				 strerror(-r));
		zt_gate_free(&run.gate);
		return r;
	}
	*ret = run.gate;
	return 0;
}
