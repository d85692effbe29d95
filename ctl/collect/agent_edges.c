// SPDX-License-Identifier: Apache-2.0
/*
 * agent_edges.c - fact `edges`: what was recorded, added up in one walk a window.
 *
 * Out of STATE-DIR/flows.db itself, beside an agent that writes it or after one that died. Nothing
 * is kept of an edge that is not among the few that are shown.
 */
#include <errno.h>
#include <limits.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/vec.h"
#include "ctl/collect/agent_edges.h"
#include "ctl/collect/agent_policy.h"
#include "ctl/render/text.h"
#include "policy/policy.h"
#include "policy/rules.h"

#define MONTH_S	  (30 * ZT_HISTORY_DAY_S)
#define QUARTER_S (90 * ZT_HISTORY_DAY_S)
#define TRIES	  3
#define NETS_MAX  256

struct walk {
	struct zt_net_key nets[NETS_MAX]; /* prefixes that are on the link */
	size_t net_count;
	struct ztc_week week;
	struct ztc_month month;
	int (*add)(struct walk *walk, const struct ztc_edge_view *v);
};

static void walk_free(struct walk *walk)
{
	ztc_week_free(&walk->week);
	ztc_month_free(&walk->month);
}

/* --- one edge -----------------------------------------------------------------------------------
 */

const char *ztc_edge_service(const struct zt_history_edge *edge, char ret[ZT_PORT_TEXT_LEN])
{
	uint32_t index = zt_port_index(edge->proto, edge->port);

	return zt_port_text(&(struct zt_port_range){index, index}, ret);
}

const char *ztc_edge_name(const struct zt_history_end *end, char ret[ZT_ADDR_TEXT_LEN])
{
	return end->host ? end->host : zt_addr_text(&end->addr, ret);
}

static bool is_builtin(const char *rule)
{
	for (uint32_t n = ZT_RULE_NONE; n < ZT_RULE_BUILTIN_COUNT; n++) {
		const struct zt_builtin_rule *builtin = zt_rule_builtin(n);

		if (builtin && strcmp(builtin->id, rule) == 0)
			return true;
	}
	return false;
}

static bool on_link(const struct walk *walk, const struct zt_addr *addr)
{
	for (size_t i = 0; i < walk->net_count; i++) {
		if (zt_net_contains(&walk->nets[i], addr))
			return true;
	}
	return false;
}

static int take_edge(const struct zt_history_edge *edge, void *ctx)
{
	struct walk *walk = ctx;
	const char *rule = edge->rule[ZT_LIVE] ?: "";
	struct ztc_edge_view v = {
		.edge = edge,
		.in = edge->dst.near && !edge->src.near,
		.denied = edge->action[ZT_LIVE] == ZT_DENY,
		.bytes = edge->bytes[0] + edge->bytes[1],
	};
	bool builtin = is_builtin(rule);

	v.near = v.in ? &edge->dst : &edge->src;
	v.far = v.in ? &edge->src : &edge->dst;
	v.builtin = builtin && strcmp(rule, zt_rule_builtin(ZT_RULE_DEFAULT)->id) != 0;
	v.explained = !builtin && *rule;
	v.on_link = on_link(walk, &v.far->addr);
	return walk->add(walk, &v);
}

/* The last days count for the month too: so each bucket is read once. */
static int add_both(struct walk *walk, const struct ztc_edge_view *v)
{
	int r = ztc_week_add(&walk->week, v);

	return r ?: ztc_month_add(&walk->month, v);
}

static int add_month(struct walk *walk, const struct ztc_edge_view *v)
{
	return ztc_month_add(&walk->month, v);
}

/* --- rows that are shown ------------------------------------------------------------------------
 */

static json_t *edge_json(const struct ztc_edge_view *v)
{
	const struct zt_history_edge *e = v->edge;
	char service[ZT_PORT_TEXT_LEN], word[ZT_PROTOCOL_TEXT_LEN];
	const struct zt_owner *owner = v->near->owner;
	json_t *o = json_object();

	ztc_set(o, "src", zt_json_addr(&e->src.addr));
	ztc_set(o, "dst", zt_json_addr(&e->dst.addr));
	if (e->src.host)
		ztc_set(o, "src_host", zt_json_str(e->src.host));
	if (e->dst.host)
		ztc_set(o, "dst_host", zt_json_str(e->dst.host));
	ztc_set(o, "service", json_string(ztc_edge_service(e, service)));
	ztc_set(o, "direction", json_string(v->in ? "in" : "out"));
	ztc_set(o, "encryption", json_string(zt_cover_name(zt_encryption_cover(e->encryption))));
	ztc_set(o, "protocol", json_string(zt_protocol_text(e->encryption, e->app, word)));
	ztc_set(o, "rule", zt_json_str(e->rule[ZT_LIVE] ?: ""));
	if (owner && owner->unit[0])
		ztc_set(o, "owner", zt_json_strn(owner->unit, sizeof(owner->unit)));
	else if (owner && owner->exe[0])
		ztc_set(o, "owner", zt_json_strn(owner->exe, sizeof(owner->exe)));
	ztc_set(o, "connections", zt_json_u64(e->connections));
	ztc_set(o, "bytes", zt_json_u64(v->bytes));
	return o;
}

void ztc_top_add(struct ztc_top *top, const struct ztc_edge_view *v, uint64_t weight)
{
	size_t max = top->max ?: ZTC_TOP, at = top->count;

	top->cut = top->cut || (weight && top->count == max);
	if (!weight || (top->count == max && top->rows[max - 1].weight >= weight) ||
	    zt_vec_grow(&top->rows, &top->cap, at + 1, sizeof(*top->rows)) < 0)
		return;
	if (top->count == max)
		json_decref(top->rows[--at].json);
	else
		top->count++;
	for (; at > 0 && top->rows[at - 1].weight < weight; at--)
		top->rows[at] = top->rows[at - 1];
	top->rows[at] = (struct ztc_top_row){weight, edge_json(v)};
}

json_t *ztc_top_json(struct ztc_top *top)
{
	json_t *list = json_array();

	for (size_t i = 0; i < top->count; i++)
		json_array_append_new(list, top->rows[i].json);
	free(top->rows);
	*top = (struct ztc_top){.max = top->max, .cut = top->cut};
	return list;
}

/* --- windows ------------------------------------------------------------------------------------
 */

static void window_json(const struct zt_history_window *w, int64_t wanted_s, json_t *data)
{
	json_t *o = json_object();
	int64_t from = w->from_s > w->first_s ? w->from_s : w->first_s;

	ztc_set_time(o, "from", from);
	ztc_set_time(o, "to", w->to_s);
	ztc_set(o, "from_s", json_integer(from));
	ztc_set(o, "to_s", json_integer(w->to_s));
	ztc_set(o, "seconds", json_integer(w->to_s > from ? w->to_s - from : 0));
	ztc_set(o, "wanted_seconds", json_integer(wanted_s));
	ztc_set(data, "window", o);
	ztc_set_time(data, "first_recorded", w->first_s);
	ztc_set_time(data, "last_recorded", w->last_s);
	ztc_set(data, "first_recorded_s", json_integer(w->first_s));
	ztc_set(data, "last_recorded_s", json_integer(w->last_s));
	ztc_set(data, "recorded_for_s", json_integer(w->last_s - w->first_s));
}

/* general.window_days of the profile: how long a window is wanted. */
static int64_t window_s(const struct ztc_env *env)
{
	const json_t *general = json_object_get(env->profile, "general");
	const json_t *days = json_object_get(json_object_get(general, "window_days"), "value");

	return json_is_number(days) ? (int64_t)(json_number_value(days) * ZT_HISTORY_DAY_S)
				    : 7 * ZT_HISTORY_DAY_S;
}

static int walk_once(struct zt_history *history, int64_t since_s, int64_t until_s,
		     struct walk *walk, struct zt_history_window *ret)
{
	struct zt_history_cursor *cursor = NULL;
	int r = zt_history_cursor_open(&cursor, history, since_s, until_s);

	if (r < 0)
		return r;
	do
		r = zt_history_cursor_next(cursor, 0, take_edge, walk);
	while (r > 0);
	zt_history_cursor_window(cursor, ret);
	zt_history_cursor_close(&cursor);
	return r;
}

static int walk_both(struct zt_history *history, const struct ztc_env *env, struct walk *walk,
		     struct zt_history_window *ret)
{
	struct zt_history_window before;
	int64_t month_s = env->now_s - MONTH_S;
	int r = ztc_week_init(&walk->week);

	r = r ?: ztc_month_init(&walk->month, env);
	walk->add = add_both;
	r = r ?: walk_once(history, env->now_s - window_s(env), INT64_MAX, walk, ret);
	walk->add = add_month;
	if (r == 0 && ret->from_s > month_s)
		r = walk_once(history, month_s, ret->from_s, walk, &before);
	return r;
}

static int walk_all(struct zt_history *history, const struct ztc_env *env, struct walk *walk,
		    json_t *data)
{
	struct zt_history_window window = {0};
	int r = -ESTALE;

	for (int i = 0; i < TRIES && r == -ESTALE; i++) {
		walk_free(walk);
		r = walk_both(history, env, walk, &window);
	}
	if (r == 0)
		window_json(&window, window_s(env), data);
	return r;
}

/* --- what goes with it ---------------------------------------------------------------------------
 */

static void read_prefixes(const struct ztc_env *env, struct walk *walk)
{
	const json_t *prefixes = ztc_fact_of(env, "prefixes"), *one;
	size_t i;

	json_array_foreach (json_object_get(prefixes, "on_link"), i, one) {
		if (walk->net_count < NETS_MAX &&
		    zt_net_parse(ztc_str(one, "prefix"), &walk->nets[walk->net_count]) == 0)
			walk->net_count++;
	}
}

static int days_json(struct zt_history *history, const struct ztc_env *env, json_t *data)
{
	struct zt_history_days days;
	int r = zt_history_days(history, env->now_s - window_s(env), &days);

	ztc_set(data, "recorded_s", zt_json_u64(days.recorded_s));
	ztc_set(data, "days", zt_json_u64(days.days));
	ztc_set(data, "gaps", zt_json_u64(days.gaps));
	ztc_set(data, "longest_gap_s", zt_json_u64(days.longest_gap_s));
	ztc_set(data, "losses", zt_json_u64(days.losses));
	return r;
}

/* How often each statement in force decided, in ninety days. */
static int rules_json(struct zt_history *history, const struct ztc_env *env,
		      const struct ztc_policy_now *now, json_t *data)
{
	json_t *list = json_array();
	int r = 0;

	for (size_t i = 0; now->policy && i < now->policy->stmt_count && r == 0; i++) {
		const char *id = now->policy->stmts[i].id;
		struct zt_history_rule rule;
		json_t *o = json_object();

		r = zt_history_rule(history, id, env->now_s - QUARTER_S, &rule);
		ztc_set(o, "id", zt_json_str(id));
		ztc_set(o, "flows", zt_json_u64(rule.flows));
		ztc_set_time(o, "last", rule.last_s);
		json_array_append_new(list, o);
	}
	ztc_set(data, "rules", list);
	return r;
}

/* Labels of the hosts that called: what kind of clients this host has. */
static void labels_json(const struct ztc_week *week, const struct ztc_policy_now *now, json_t *data)
{
	zt_auto(zt_strmap_free) struct zt_strmap *seen = NULL;
	json_t *list = json_array();
	char text[512];

	ztc_set(data, "inbound_labels", list);
	if (!now->policy || zt_strmap_new(&seen) < 0)
		return;
	for (size_t i = 0; i < now->policy->host_count; i++) {
		const struct zt_host *host = &now->policy->hosts[i];

		if (zt_strmap_find(week->callers, host->name, strlen(host->name)) == ZT_STRMAP_NONE)
			continue;
		for (size_t k = 0; k < host->label_count; k++) {
			bool is_new = false;

			snprintf(text, sizeof(text), "%s=%s", host->labels[k].key,
				 host->labels[k].value);
			if (zt_strmap_count(seen) < 1024)
				zt_strmap_intern(seen, text, strlen(text), &is_new);
			if (is_new)
				json_array_append_new(list, zt_json_str(text));
		}
	}
}

int ztc_history_open(const struct ztc_env *env, struct zt_history **ret, json_t *data)
{
	char path[PATH_MAX];
	int r;

	if ((size_t)snprintf(path, sizeof(path), "%s/%s", env->state_dir, ZT_HISTORY_FILE) >=
	    sizeof(path))
		return -ENAMETOOLONG;
	r = zt_history_open_read(ret, path);
	if (r == -ENOENT)
		ztc_set(data, "why",
			json_string("nothing was recorded: there is no flow database"));
	else if (r == -EBADMSG)
		ztc_set(data, "why", json_string("the flow database is damaged"));
	else if (r == -EPROTO)
		ztc_set(data, "why", json_string("the flow database is of a later version"));
	return r;
}

int ztc_collect_edges(const struct ztc_env *env, json_t *data)
{
	zt_auto(zt_history_close) struct zt_history *history = NULL;
	zt_auto(ztc_policy_now_free) struct ztc_policy_now now = {0};
	zt_auto(zt_freep) struct walk *walk = calloc(1, sizeof(*walk));
	int r = walk ? ztc_history_open(env, &history, data) : -ENOMEM;

	if (r < 0)
		return r;
	/* Without a policy nothing is explained, which is an answer too. */
	ztc_policy_now(env, &now);
	read_prefixes(env, walk);
	r = walk_all(history, env, walk, data);
	if (r == 0)
		r = days_json(history, env, data);
	if (r == 0)
		r = rules_json(history, env, &now, data);
	if (r == 0) {
		ztc_set(data, "source", json_string("history"));
		ztc_set(data, "prefixes", json_integer((json_int_t)walk->net_count));
		labels_json(&walk->week, &now, data);
		ztc_week_json(&walk->week, data);
		ztc_month_json(&walk->month, data);
	}
	walk_free(walk);
	return r;
}
