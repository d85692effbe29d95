// SPDX-License-Identifier: Apache-2.0
/*
 * agent_policy.c - fact `policy`: the statements in force, what their ends name and how many
 * addresses that is.
 *
 * The text is the agent's canonical one, or with the agent dead that of the newest state on disk;
 * either is parsed here anew, so nothing rests on how the agent describes a statement.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/addr.h"
#include "base/cleanup.h"
#include "base/strbuf.h"
#include "ctl/collect/agent.h"
#include "ctl/collect/agent_policy.h"
#include "ctl/collect/agent_reach.h"
#include "ctl/render/text.h"
#include "policy/policy.h"
#include "policy/rules.h"
#include "policy/tables.h"

#define NETS_SHOWN 64

/* What is worked out of it. */
struct source {
	struct ztc_policy_now now;
	struct ztc_reach reach;
};

static void source_free(struct source *s)
{
	ztc_reach_free(&s->reach);
	ztc_policy_now_free(&s->now);
}

void ztc_policy_now_free(struct ztc_policy_now *now)
{
	ztc_locals_free(&now->locals);
	json_decref(now->statements);
	now->statements = NULL;
	zt_policy_free(&now->policy);
}

/* --- where it is from --------------------------------------------------------------------------
 */

static int from_agent(const struct ztc_env *env, struct ztc_policy_now *now)
{
	zt_auto(zt_json_decref) json_t *shown = NULL, *text = NULL;
	const json_t *canonical;
	const char *host;
	int r = ztc_agent_ask(env, "policy show", NULL, &shown, NULL);

	if (r == 0)
		r = ztc_agent_ask(env, "policy show", json_pack("{s:b}", "canonical", 1), &text,
				  NULL);
	if (r < 0)
		return r;
	canonical = json_object_get(text, "text");
	r = zt_policy_parse(&now->policy, "policy in force", json_string_value(canonical) ?: "",
			    json_string_length(canonical), NULL);
	if (r < 0)
		return r;
	host = json_string_value(json_object_get(json_object_get(shown, "policy"), "host"));
	now->host = host ? zt_policy_host(now->policy, host) : NULL;
	now->statements = json_incref(json_object_get(shown, "statements"));
	now->source = "agent";
	return 0;
}

static json_t *rule_json(const struct zt_rule_info *info)
{
	json_t *o = json_object();

	ztc_set(o, "id", zt_json_str(info->id));
	ztc_set(o, "mode", json_string(zt_mode_name(info->mode)));
	ztc_set(o, "expired", json_boolean(info->expired));
	return o;
}

/* Promotions kept beside the text decide over its modes. */
static void apply_promotions(json_t *statements, const json_t *promotions)
{
	json_t *promoted, *one;
	size_t i, k;

	json_array_foreach (promotions, i, promoted) {
		json_array_foreach (statements, k, one) {
			if (strcmp(ztc_str(one, "id"), ztc_str(promoted, "id")) != 0)
				continue;
			ztc_set(one, "mode", json_string(ztc_str(promoted, "mode")));
			ztc_set(one, "percent", json_integer(ztc_int(promoted, "percent")));
		}
	}
}

/* Those that can involve this host, as the compiler finds them. */
static int compile(struct ztc_policy_now *now)
{
	zt_auto(zt_rule_names_free) struct zt_rule_names *names = NULL;
	zt_auto(zt_tables_free) struct zt_tables *tables = NULL;
	int r = zt_rule_names_new(&names);

	if (r == 0)
		r = ztc_compile_for(now->policy, now->host ? now->host->name : NULL, NULL, names,
				    &tables, NULL);
	if (r < 0)
		return r;
	now->statements = json_array();
	for (size_t i = 0; i < tables->rule_count; i++)
		json_array_append_new(now->statements, rule_json(&tables->rules[i]));
	return 0;
}

static int from_state(const struct ztc_env *env, struct ztc_policy_now *now)
{
	zt_auto(ztc_states_free) struct ztc_states states = {0};
	const json_t *newest;
	int r = ztc_states_read(env, &states);

	if (r < 0)
		return r;
	newest = json_array_get(states.entries, 0);
	r = ztc_state_policy(newest, &now->policy);
	if (r < 0)
		return r;
	zt_host_match(now->policy, now->locals.addrs, now->locals.count, &now->host);
	r = compile(now);
	if (r < 0)
		return r;
	apply_promotions(now->statements, json_object_get(newest, "promotions"));
	now->source = "state";
	return 0;
}

int ztc_policy_now(const struct ztc_env *env, struct ztc_policy_now *ret)
{
	int r = ztc_locals_read(&ret->locals);

	if (r == 0)
		r = from_agent(env, ret);
	return r == -ENOENT ? from_state(env, ret) : r;
}

/* --- ends ---------------------------------------------------------------------------------------
 */

/* What an end goes by: "label", "workload", "address", "mixed", or a built-in segment. */
static const char *end_by(const struct zt_policy *policy, const struct zt_end *end)
{
	static const char *const builtin[ZT_END_COUNT] = {
		[ZT_END_ANY] = "any",
		[ZT_END_THIS_HOST] = "this-host",
		[ZT_END_UNKNOWN] = "unknown",
		[ZT_END_MULTICAST] = "multicast",
		[ZT_END_BROADCAST] = "broadcast",
		[ZT_END_NETS] = "address",
	};
	const struct zt_segment *segment;

	if (end->kind != ZT_END_SEGMENT)
		return builtin[end->kind];
	segment = &policy->segments[end->segment];
	if (segment->select_count && segment->address_count)
		return "mixed";
	return segment->select_count ? "label" : "address";
}

/* Addresses of the Internet alone: nobody there can be given a label. */
static bool is_external(const struct ztc_nets *nets)
{
	struct zt_addr addr;

	for (size_t i = 0; nets && i < nets->count; i++) {
		memcpy(addr.bytes, nets->nets[i].bytes, sizeof(addr.bytes));
		if (!ztc_is_public(&addr))
			return false;
	}
	return nets && nets->count;
}

static json_t *end_json(struct source *s, const struct zt_end *end)
{
	zt_auto(zt_strbuf_free) struct zt_strbuf text = ZT_STRBUF_INIT;
	const struct ztc_nets *nets = ztc_reach_end(&s->reach, end);
	json_t *o = json_object(), *list = json_array();
	char net[ZT_NET_TEXT_LEN];

	zt_end_text(s->now.policy, end, &text);
	ztc_set(o, "text", json_string(zt_strbuf_text(&text)));
	ztc_set(o, "by", json_string(end_by(s->now.policy, end)));
	ztc_set(o, "workload", json_boolean(end->qualified));
	ztc_set(o, "here", json_boolean(ztc_reach_here(&s->reach, end)));
	ztc_set(o, "addresses", json_integer(nets ? nets->size : ZTC_REACH_ALL));
	for (size_t i = 0; nets && i < nets->count && i < NETS_SHOWN; i++)
		json_array_append_new(list, json_string(zt_net_text(&nets->nets[i], net)));
	ztc_set(o, "prefixes", list);
	ztc_set(o, "external", json_boolean(is_external(nets)));
	ztc_set(o, "prefixes_total", json_integer(nets ? (json_int_t)nets->count : 0));
	return o;
}

static json_t *ports_json(const struct zt_ports *ports)
{
	json_t *list = json_array();
	char text[ZT_PORT_TEXT_LEN];

	for (size_t i = 0; i < ports->count; i++)
		json_array_append_new(list, json_string(zt_port_text(&ports->ranges[i], text)));
	return list;
}

static const struct zt_stmt *find_stmt(const struct zt_policy *policy, const char *id)
{
	for (size_t i = 0; i < policy->stmt_count; i++) {
		if (strcmp(policy->stmts[i].id, id) == 0)
			return &policy->stmts[i];
	}
	return NULL;
}

static void add_when(json_t *o, const struct zt_stmt *stmt)
{
	json_t *classes = json_array();

	if (stmt->when.label_count)
		json_array_append_new(classes, json_string("labels"));
	if (stmt->when.hour_count)
		json_array_append_new(classes, json_string("hours"));
	if (stmt->expires_s)
		json_array_append_new(classes, json_string("expires"));
	ztc_set(o, "conditions", classes);
	ztc_set_time(o, "expires", stmt->expires_s);
}

static json_t *statement_json(struct source *s, const json_t *shown, const struct zt_stmt *stmt)
{
	static const char *const copied[] = {"mode", "percent", "expired", "flows", "stood_since"};
	json_t *o = json_object();

	ztc_set(o, "id", zt_json_str(stmt->id));
	ztc_set(o, "kind", json_string(zt_stmt_kind_name(stmt->kind)));
	ztc_set(o, "action", json_string(zt_action_name(stmt->action)));
	ztc_set(o, "existing", json_string(zt_existing_name(stmt->existing)));
	ztc_set(o, "note", zt_json_str(stmt->note));
	for (size_t i = 0; i < ARRAY_SIZE(copied); i++) {
		json_t *value = json_object_get(shown, copied[i]);

		if (value)
			json_object_set(o, copied[i], value);
	}
	ztc_set(o, "from", end_json(s, &stmt->from));
	ztc_set(o, "to", end_json(s, &stmt->to));
	ztc_set(o, "ports", ports_json(&stmt->ports));
	ztc_set(o, "any_port",
		json_boolean(stmt->ports.count == 1 && stmt->ports.ranges[0].first == 0 &&
			     stmt->ports.ranges[0].last + 1 == ZT_PORT_COUNT));
	add_when(o, stmt);
	return o;
}

static void add_statements(struct source *s, json_t *data)
{
	json_t *list = json_array();
	const json_t *shown;
	size_t i;

	json_array_foreach (s->now.statements, i, shown) {
		const struct zt_stmt *stmt = find_stmt(s->now.policy, ztc_str(shown, "id"));

		if (stmt)
			json_array_append_new(list, statement_json(s, shown, stmt));
	}
	ztc_set(data, "statements", list);
}

/* --- who may reach admin and database ports ----------------------------------------------------
 */

static bool enforced(const json_t *shown)
{
	return strcmp(ztc_str(shown, "mode"), "enforced") == 0 &&
	       !json_is_true(json_object_get(shown, "expired"));
}

/* All that enforced rules let in at this port, added up without counting an address twice. */
static json_t *admin_json(struct source *s, uint32_t index)
{
	zt_auto(ztc_nets_free) struct ztc_nets all = {0};
	json_t *rules = json_array(), *o = json_object();
	char text[ZT_PORT_TEXT_LEN];
	const json_t *shown;
	bool any = false;
	size_t i;

	json_array_foreach (s->now.statements, i, shown) {
		const struct zt_stmt *stmt = find_stmt(s->now.policy, ztc_str(shown, "id"));
		const struct ztc_nets *nets;

		if (!stmt || stmt->action != ZT_ALLOW || !enforced(shown) ||
		    !zt_ports_has(&stmt->ports, index) || !ztc_reach_here(&s->reach, &stmt->to))
			continue;
		nets = ztc_reach_end(&s->reach, &stmt->from);
		any = any || !nets || ztc_nets_add(&all, nets) < 0;
		json_array_append_new(rules, zt_json_str(stmt->id));
	}
	ztc_nets_settle(&all);
	ztc_set(o, "service",
		json_string(zt_port_text(&(struct zt_port_range){index, index}, text)));
	ztc_set(o, "permitted", json_integer(any ? ZTC_REACH_ALL : all.size));
	ztc_set(o, "rules", rules);
	return o;
}

static void add_admin(const struct ztc_env *env, struct source *s, json_t *data)
{
	const json_t *lists = json_object_get(env->profile, "lists"), *one;
	json_t *out = json_array();
	size_t i;

	json_array_foreach (json_object_get(lists, "admin_ports"), i, one) {
		struct zt_port_range range;
		const char *why;

		if (zt_port_parse(json_string_value(one) ?: "", &range, &why) < 0 ||
		    range.last - range.first > 1024)
			continue;
		for (uint32_t index = range.first; index <= range.last; index++)
			json_array_append_new(out, admin_json(s, index));
	}
	ztc_set(data, "admin", out);
}

static json_t *role_json(const struct zt_host *host)
{
	for (size_t i = 0; host && i < host->label_count; i++) {
		if (strcmp(host->labels[i].key, "role") == 0)
			return zt_json_str(host->labels[i].value);
	}
	return json_null();
}

static void add_header(const struct ztc_policy_now *now, json_t *data)
{
	char digest[ZT_DIGEST_TEXT_LEN];

	ztc_set(data, "source", json_string(now->source));
	ztc_set(data, "name", zt_json_str(now->policy->name));
	ztc_set(data, "revision", zt_json_u64(now->policy->revision));
	ztc_set(data, "digest", json_string(zt_digest_text(now->policy->digest, digest)));
	ztc_set(data, "host", zt_json_str(now->host ? now->host->name : NULL));
	ztc_set(data, "role", role_json(now->host));
	ztc_set(data, "hosts", json_integer((json_int_t)now->policy->host_count));
	ztc_set(data, "segments", json_integer((json_int_t)now->policy->segment_count));
}

int ztc_collect_policy(const struct ztc_env *env, json_t *data)
{
	zt_auto(source_free) struct source s = {0};
	int r = ztc_policy_now(env, &s.now);

	if (r == -ENOENT)
		ztc_set(data, "why", json_string("no agent answers and no policy was confirmed"));
	if (r < 0)
		return r;
	r = ztc_reach_init(&s.reach, s.now.policy, s.now.host, s.now.locals.addrs,
			   s.now.locals.count);
	if (r < 0)
		return r;
	add_header(&s.now, data);
	add_statements(&s, data);
	add_admin(env, &s, data);
	return 0;
}
