/* SPDX-License-Identifier: Apache-2.0 */
/* explain.c - why a policy file decides as it does, worked out offline. */
#include <errno.h>
#include <string.h>

#include "base/addr.h"
#include "base/cleanup.h"
#include "base/json.h"
#include "base/time.h"
#include "ctl/explain.h"
#include "ctl/local.h"
#include "policy/compile.h"
#include "policy/judge.h"

/* One end: its address, and the inventory host that has it. */
struct end {
	struct zt_addr addr;
	const struct zt_host *host;
};

struct setting {
	const struct ztc_question *q;
	const struct zt_policy *policy;
	struct end src, dst;
	const struct zt_host *at; /* judged there */
	bool at_src;
	struct zt_port_range port;
};

/* A host's address of the family wanted, else its first. */
static void host_address(const struct zt_host *host, bool want_v4, struct zt_addr *ret)
{
	memcpy(ret->bytes, host->addresses[0].key.bytes, sizeof(ret->bytes));
	for (size_t i = 0; i < host->address_count; i++) {
		if (zt_net_is_v4(&host->addresses[i].key) == want_v4) {
			memcpy(ret->bytes, host->addresses[i].key.bytes, sizeof(ret->bytes));
			return;
		}
	}
}

static int read_end(const struct zt_policy *policy, const char *text, const struct end *other,
		    struct end *ret)
{
	ret->host = zt_policy_host(policy, text);
	if (ret->host && !ret->host->address_count)
		return ztc_fail(ZTC_EXIT_USAGE, "host '%s' has no address in the inventory", text);
	if (ret->host) {
		host_address(ret->host, !other || zt_addr_is_v4(&other->addr), &ret->addr);
		return 0;
	}
	if (zt_addr_parse(text, &ret->addr) < 0)
		return ztc_fail(ZTC_EXIT_USAGE,
				"'%s' is neither a host of the inventory nor an address", text);
	ret->host = zt_policy_host_at(policy, &ret->addr);
	return 0;
}

/* Ends, service, and which host judges. */
static int set_up(struct setting *c)
{
	const char *why = NULL;
	struct zt_addr probe;
	bool dst_first = zt_addr_parse(c->q->dst, &probe) == 0;
	int status;

	/* An address fixes the family that a host's name stands for at the other end. */
	if (dst_first) {
		status = read_end(c->policy, c->q->dst, NULL, &c->dst);
		if (!status)
			status = read_end(c->policy, c->q->src, &c->dst, &c->src);
	} else {
		status = read_end(c->policy, c->q->src, NULL, &c->src);
		if (!status)
			status = read_end(c->policy, c->q->dst, &c->src, &c->dst);
	}
	if (status)
		return status;
	if (zt_port_parse(c->q->service, &c->port, &why) < 0)
		return ztc_fail(ZTC_EXIT_USAGE, "'%s' is not a service: %s", c->q->service, why);
	if (c->port.first != c->port.last)
		return ztc_fail(ZTC_EXIT_USAGE, "'%s' is several services; name one, such as %s",
				c->q->service, "tcp/443");
	c->at = c->q->host ? zt_policy_host(c->policy, c->q->host)
			   : (c->dst.host ? c->dst.host : c->src.host);
	if (!c->at && c->q->host)
		return ztc_fail(ZTC_EXIT_USAGE, "the inventory has no host '%s'", c->q->host);
	if (!c->at)
		return ztc_fail(ZTC_EXIT_USAGE,
				"neither end is a host of the inventory: no agent judges this");
	if (c->at != c->src.host && c->at != c->dst.host)
		return ztc_fail(
			ZTC_EXIT_USAGE,
			"host '%s' is at neither end: its agent judges only what it forwards",
			c->at->name);
	c->at_src = c->at == c->src.host && (c->at != c->dst.host || c->q->host);
	return 0;
}

/* The owner of the local socket as the socket hooks would record it; false: none was named. */
static int make_owner(const struct ztc_question *q, struct zt_owner *ret, bool *ret_any)
{
	uid_t uid = 0;
	bool exists;
	int r = 0;

	*ret_any = q->unit || q->cgroup || q->user || q->exe;
	ret->uid = UINT32_MAX;
	snprintf(ret->unit, sizeof(ret->unit), "%s", q->unit ? q->unit : "");
	snprintf(ret->cgroup, sizeof(ret->cgroup), "%s", q->cgroup ? q->cgroup : "");
	if (q->unit && !q->cgroup)
		snprintf(ret->cgroup, sizeof(ret->cgroup), "/system.slice/%s", q->unit);
	if (q->user && zt_resolve_user(NULL, q->user, &uid) < 0)
		return ztc_fail(ZTC_EXIT_USAGE, "no user '%s' here", q->user);
	if (q->user)
		ret->uid = uid;
	if (q->exe && (r = zt_resolve_exe(NULL, q->exe, ret->exe, &ret->exe_dev, &exists)) < 0)
		return ztc_fail(ZTC_EXIT_USAGE, "cannot resolve '%s': %s", q->exe, strerror(-r));
	return 0;
}

static json_t *names_json(const char *const *names, size_t count)
{
	json_t *list = json_array();

	for (size_t i = 0; i < count; i++)
		json_array_append_new(list, zt_json_str(names[i]));
	return list;
}

static json_t *end_json(const struct end *end, bool near, const char *const *segments, size_t count)
{
	json_t *json = json_pack("{s:o, s:o, s:b}", "address", zt_json_addr(&end->addr), "segments",
				 names_json(segments, count), "near", near);

	if (json && end->host)
		json_object_set_new(json, "host", zt_json_str(end->host->name));
	return json;
}

static json_t *statement_json(const struct zt_rule_info *info)
{
	json_t *json = json_pack("{s:s, s:o, s:o, s:o, s:o, s:i, s:o}", "kind",
				 zt_stmt_kind_name(info->kind), "from", zt_json_str(info->from),
				 "to", zt_json_str(info->to), "ports", zt_json_str(info->ports),
				 "file", zt_json_str(info->file), "line", (int)info->line, "note",
				 zt_json_str(info->note));

	if (json && info->when)
		json_object_set_new(json, "when", zt_json_str(info->when));
	return json;
}

json_t *ztc_plane_json(const struct zt_tables *tables, const struct zt_rule_names *names,
		       const struct zt_answer *answer, int plane)
{
	const struct zt_rule_info *info =
		tables ? zt_tables_rule_in(tables, answer->rule[plane], plane) : NULL;
	const struct zt_builtin_rule *builtin = zt_rule_builtin(answer->rule[plane]);
	json_t *json = json_pack("{s:s, s:o, s:s}", "action", zt_action_name(answer->action[plane]),
				 "rule", zt_json_str(zt_rule_name(names, answer->rule[plane])),
				 "rank", zt_rank_name(answer->rank[plane]));

	if (json && info)
		json_object_set_new(json, "statement", statement_json(info));
	if (json && builtin)
		json_object_set_new(json, "text", zt_json_str(builtin->text));
	return json;
}

json_t *ztc_candidates_json(const struct zt_explanation *explanation)
{
	json_t *list = json_array();

	for (size_t i = 0; i < explanation->candidate_count; i++) {
		const struct zt_candidate *c = &explanation->candidates[i];
		json_t *one = statement_json(c->rule);

		json_object_set_new(one, "id", zt_json_str(c->rule->id));
		json_object_set_new(one, "mode", json_string(zt_mode_name(c->rule->mode)));
		json_object_set_new(one, "action", json_string(zt_action_name(c->rule->action)));
		json_object_set_new(one, "live", json_string(zt_why_text(c->why[ZT_LIVE])));
		json_object_set_new(one, "candidate",
				    json_string(zt_why_text(c->why[ZT_CANDIDATE])));
		json_object_set_new(one, "owner_ignored", json_boolean(c->owner_ignored));
		json_array_append_new(list, one);
	}
	return list;
}

/* What every answer begins with: the question as it was understood. */
static json_t *begin_answer(const struct setting *c, json_t *src, json_t *dst)
{
	uint8_t proto;
	uint16_t port;
	const char *name;

	zt_port_proto(c->port.first, &proto, &port);
	name = zt_proto_name(proto);
	return json_pack("{s:o, s:o, s:s, s:o, s:i, s:s, s:s, s:o, s:n, s:{s:b, s:n, s:s}}", "src",
			 src, "dst", dst, "service", c->q->service, "proto",
			 name ? json_string(name) : json_sprintf("proto/%u", proto), "port",
			 (int)port, "direction", c->at_src ? "out" : "in", "near",
			 c->at_src ? "src" : "dst", "judged_at", zt_json_str(c->at->name),
			 "builtin", "kernel", "asked", 0, "agrees", "error",
			 "the policy file was judged offline");
}

static json_t *answer_json(const struct setting *c, const struct zt_tables *tables,
			   const struct zt_rule_names *names, const struct zt_explanation *why)
{
	const struct zt_answer *a = &why->answer;
	json_t *near = end_json(c->at_src ? &c->src : &c->dst, true, why->near_segments,
				why->near_segment_count);
	json_t *far = end_json(c->at_src ? &c->dst : &c->src, false, why->far_segments,
			       why->far_segment_count);
	json_t *answer = begin_answer(c, c->at_src ? near : far, c->at_src ? far : near);

	if (answer)
		json_object_update_new(
			answer,
			json_pack("{s:{s:o, s:o}, s:b, s:b, s:o, s:{s:i, s:i}}", "verdict", "live",
				  ztc_plane_json(tables, names, a, ZT_LIVE), "candidate",
				  ztc_plane_json(tables, names, a, ZT_CANDIDATE), "failsafe_used",
				  (int)a->failsafe, "owner_dependent", (int)a->owner_dep,
				  "candidates", ztc_candidates_json(why), "identities", "near",
				  (int)a->near_id, "far", (int)a->far_id));
	return answer;
}

/* The workload as asked for: what the answer holds for. */
static json_t *owner_json(const struct ztc_question *q)
{
	return json_pack("{s:s*, s:s*, s:s*, s:s*}", "unit", q->unit, "cgroup", q->cgroup, "user",
			 q->user, "exe", q->exe);
}

static int judge(const struct setting *c, const struct zt_tables *tables,
		 const struct zt_rule_names *names, json_t **ret)
{
	zt_auto(zt_explanation_free) struct zt_explanation why = {0};
	struct zt_owner owner = {0};
	struct zt_query query = {.now_ns = zt_now_ns(), .port_index = c->port.first};
	bool any;
	int status = make_owner(c->q, &owner, &any);

	if (status)
		return status;
	query.near = c->at_src ? c->src.addr : c->dst.addr;
	query.far = c->at_src ? c->dst.addr : c->src.addr;
	query.dir = c->at_src ? ZT_DIR_OUT : ZT_DIR_IN;
	query.qmask = any ? zt_tables_qmask(tables, &owner) : 0;
	if (zt_tables_explain(tables, &query, &why) < 0)
		return ztc_fail(ZTC_EXIT_FAILED, "out of memory");
	*ret = answer_json(c, tables, names, &why);
	if (*ret && any)
		json_object_set_new(*ret, "owner", owner_json(c->q));
	return *ret ? ZTC_EXIT_OK : ztc_fail(ZTC_EXIT_FAILED, "out of memory");
}

/* Both ends on one host: no wire, no statement; recorded by the socket hooks. */
static json_t *loopback_json(const struct setting *c, const struct zt_rule_names *names)
{
	struct zt_answer answer = {
		.rule = {ZT_RULE_LOOPBACK, ZT_RULE_LOOPBACK},
		.action = {ZT_ALLOW, ZT_ALLOW},
		.rank = {ZT_RANK_BUILTIN, ZT_RANK_BUILTIN},
	};
	json_t *json =
		begin_answer(c, end_json(&c->src, true, NULL, 0), end_json(&c->dst, true, NULL, 0));

	if (json)
		json_object_update_new(
			json, json_pack("{s:{s:o, s:o}, s:b, s:b, s:[], s:n}", "verdict", "live",
					ztc_plane_json(NULL, names, &answer, ZT_LIVE), "candidate",
					ztc_plane_json(NULL, names, &answer, ZT_CANDIDATE),
					"failsafe_used", 0, "owner_dependent", 0, "candidates",
					"identities"));
	return json;
}

int ztc_explain(const struct ztc_question *q, json_t **ret)
{
	zt_auto(zt_policy_free) struct zt_policy *policy = NULL;
	zt_auto(zt_rule_names_free) struct zt_rule_names *names = NULL;
	zt_auto(zt_tables_free) struct zt_tables *tables = NULL;
	zt_auto(zt_diag_free) struct zt_diag diag = ZT_DIAG_INIT;
	struct setting c = {.q = q};
	int r, status = ztc_load_policy(q->file, &policy);

	if (status)
		return status;
	c.policy = policy;
	status = set_up(&c);
	if (status)
		return status;
	zt_diag_free(&diag);
	diag.sources = policy->sources;
	r = zt_rule_names_new(&names);
	if (r == 0 && c.src.host && c.src.host == c.dst.host) {
		*ret = loopback_json(&c, names);
		return *ret ? ZTC_EXIT_OK : ztc_fail(ZTC_EXIT_FAILED, "out of memory");
	}
	if (r == 0)
		r = ztc_compile_for(policy, c.at->name, NULL, names, &tables, &diag);
	if (r < 0) {
		zt_diag_print(&diag, stderr);
		return ztc_fail(ZTC_EXIT_USAGE, "cannot compile policy '%s': %s", q->file,
				strerror(-r));
	}
	return judge(&c, tables, names, ret);
}
