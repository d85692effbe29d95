/* SPDX-License-Identifier: Apache-2.0 */
/*
 * explain.c - request "policy explain": which statement decides, and whether the kernel agrees.
 *
 * Answers from the compiled tables in force, then puts the same question to the
 * judge that is loaded. Two answers that differ are reported as a fault.
 */
#include <errno.h>
#include <netinet/in.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "api/internal.h"
#include "api/names.h"
#include "api/render.h"
#include "base/addr.h"
#include "base/cleanup.h"
#include "base/json.h"
#include "base/log.h"
#include "base/time.h"
#include "datapath/datapath.h"
#include "datapath/intent.h"
#include "policy/compile.h"
#include "policy/judge.h"
#include "policy/policy.h"
#include "policy/rules.h"

struct question {
	const char *src_text, *dst_text, *service, *unit, *cgroup, *user, *exe;
	struct zt_addr src, dst;
	bool src_near, dst_near;
	struct zt_port_range port;
	uint8_t proto;
	uint16_t port_number; /* or ICMP type */
	bool owner_given;
	struct zt_owner owner;
	struct zt_query query;
};

static void set(json_t *object, const char *key, json_t *value)
{
	json_object_set_new(object, key, value);
}

/* --- reading the question ------------------------------------------------------------ */

static int read_texts(struct zt_request *req, struct question *q)
{
	const struct {
		const char *key;
		const char **ret;
		bool needed;
	} rows[] = {
		{"src", &q->src_text, true},   {"dst", &q->dst_text, true},
		{"port", &q->service, true},   {"unit", &q->unit, false},
		{"cgroup", &q->cgroup, false}, {"user", &q->user, false},
		{"exe", &q->exe, false},
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		if (zt_json_get_str(req->args, rows[i].key, rows[i].ret) < 0 ||
		    (rows[i].needed && !*rows[i].ret) || (*rows[i].ret && !**rows[i].ret))
			return zt_request_fail(req, ZT_CODE_USAGE, "'%s' must be a text",
					       rows[i].key);
	}
	return 0;
}

/* A host's address of the family wanted, else its first. */
static int host_address(const struct zt_host *host, bool want_v4, struct zt_addr *ret)
{
	if (!host->address_count)
		return -ENOENT;
	memcpy(ret->bytes, host->addresses[0].key.bytes, sizeof(ret->bytes));
	for (size_t i = 0; i < host->address_count; i++) {
		if (zt_net_is_v4(&host->addresses[i].key) != want_v4)
			continue;
		memcpy(ret->bytes, host->addresses[i].key.bytes, sizeof(ret->bytes));
		break;
	}
	return 0;
}

/* "this-host": one of this machine's addresses that others can reach. */
static int own_address(struct zt_dp *dp, bool want_v4, struct zt_addr *ret)
{
	size_t count;
	const struct zt_addr *locals = zt_dp_locals(dp, &count);
	int r = -ENOENT;

	for (size_t i = 0; i < count; i++) {
		if (zt_addr_is_loopback(&locals[i]))
			continue;
		if (r < 0 || zt_addr_is_v4(&locals[i]) == want_v4) {
			*ret = locals[i];
			r = 0;
		}
		if (zt_addr_is_v4(&locals[i]) == want_v4)
			break;
	}
	return r;
}

static int read_end(struct zt_request *req, const char *text, bool want_v4, struct zt_addr *ret)
{
	const struct zt_policy *policy = zt_intent_policy(req->ctx->intent);
	const struct zt_host *host = policy ? zt_policy_host(policy, text) : NULL;

	if (!zt_addr_parse(text, ret))
		return 0;
	if (host && !host_address(host, want_v4, ret))
		return 0;
	if (host)
		return zt_request_fail(req, ZT_CODE_USAGE,
				       "host '%.64s' has no address in the inventory", text);
	if (!strcmp(text, "this-host") && !own_address(req->ctx->dp, want_v4, ret))
		return 0;
	return zt_request_fail(req, ZT_CODE_USAGE,
			       "'%.64s' is neither a host of the inventory nor an address", text);
}

/* An address fixes the family that a name stands for at the other end; two names mean IPv4. */
static int read_ends(struct zt_request *req, struct question *q)
{
	struct zt_addr fixed;
	bool want_v4 = true;
	int r;

	if (!zt_addr_parse(q->src_text, &fixed) || !zt_addr_parse(q->dst_text, &fixed))
		want_v4 = zt_addr_is_v4(&fixed);
	r = read_end(req, q->src_text, want_v4, &q->src);
	if (!r)
		r = read_end(req, q->dst_text, want_v4, &q->dst);
	if (r < 0)
		return r;
	if (zt_addr_is_v4(&q->src) != zt_addr_is_v4(&q->dst))
		return zt_request_fail(req, ZT_CODE_USAGE,
				       "one end is IPv4 and the other IPv6: they never meet");
	q->src_near = zt_names_is_local(req->server->names, &q->src);
	q->dst_near = zt_names_is_local(req->server->names, &q->dst);
	return 0;
}

static int read_service(struct zt_request *req, struct question *q)
{
	const char *why = NULL;

	if (zt_port_parse(q->service, &q->port, &why) < 0)
		return zt_request_fail(req, ZT_CODE_USAGE, "'%.64s' is not a service: %s",
				       q->service, why);
	if (q->port.first != q->port.last)
		return zt_request_fail(req, ZT_CODE_USAGE,
				       "'%.64s' is several services: name one, such as tcp/443",
				       q->service);
	zt_port_proto(q->port.first, &q->proto, &q->port_number);
	return 0;
}

/*
 * The device of an executable comes from the compiled rows of that name: this agent
 * looks at no path that a client names. A name that no rule asks for matches none.
 */
static void find_exe(const struct zt_tables *tables, struct zt_owner *owner)
{
	for (size_t i = 0; i < tables->qual_count; i++) {
		const struct zt_qual_key *key = &tables->quals[i].key;

		if (key->dim == ZT_QUAL_EXE && !strncmp(key->name, owner->exe, ZT_PATH_LEN))
			owner->exe_dev = key->num;
	}
}

static int copy_text(struct zt_request *req, const char *key, const char *text, char *ret,
		     size_t size)
{
	if (text && strlen(text) >= size)
		return zt_request_fail(req, ZT_CODE_USAGE, "'%s' is too long", key);
	if (text)
		strcpy(ret, text);
	return 0;
}

static int read_owner(struct zt_request *req, const struct zt_tables *tables, struct question *q)
{
	struct zt_owner *o = &q->owner;
	uid_t uid = 0;
	int r;

	q->owner_given = q->unit || q->cgroup || q->user || q->exe;
	o->uid = UINT32_MAX;
	r = copy_text(req, "unit", q->unit, o->unit, sizeof(o->unit));
	if (!r)
		r = copy_text(req, "cgroup", q->cgroup, o->cgroup, sizeof(o->cgroup));
	if (!r)
		r = copy_text(req, "exe", q->exe, o->exe, sizeof(o->exe));
	if (r < 0)
		return r;
	if (q->unit && !q->cgroup)
		snprintf(o->cgroup, sizeof(o->cgroup), "/system.slice/%s", q->unit);
	if (q->user && zt_resolve_user(NULL, q->user, &uid) < 0)
		return zt_request_fail(req, ZT_CODE_USAGE, "there is no user '%.64s' here",
				       q->user);
	if (q->user)
		o->uid = uid;
	if (q->exe)
		find_exe(tables, o);
	return 0;
}

/* Who is judged as the near end, and from where. */
static int make_query(struct zt_request *req, const struct zt_tables *tables, struct question *q)
{
	struct zt_query *query = &q->query;

	query->now_ns = zt_now_ns();
	query->port_index = q->port.first;
	query->qmask = q->owner_given ? zt_tables_qmask(tables, &q->owner) : 0;
	query->near = q->dst_near ? q->dst : q->src;
	query->far = q->dst_near ? q->src : q->dst;
	query->dir = q->dst_near ? ZT_DIR_IN : ZT_DIR_OUT;
	if (q->src_near || q->dst_near)
		return 0;
	/* A group or broadcast address may be received here; it is no address of this host. */
	if (zt_addr_is_multicast(&q->dst)) {
		query->near = q->dst;
		query->far = q->src;
		query->dir = ZT_DIR_IN;
		q->dst_near = true;
		return 0;
	}
	if (!zt_dp_forwarding(req->ctx->dp))
		return zt_request_fail(
			req, ZT_CODE_USAGE,
			"neither '%.64s' nor '%.64s' is this host, and it forwards nothing: ask the "
			"agent of one of them, or ztctl policy explain --file",
			q->src_text, q->dst_text);
	query->dir = ZT_DIR_FWD;
	return 0;
}

/* --- answering ----------------------------------------------------------------------- */

static json_t *statement_json(const struct zt_rule_info *info)
{
	json_t *o = json_object();

	set(o, "kind", json_string(zt_stmt_kind_name(info->kind)));
	set(o, "from", zt_json_str(info->from));
	set(o, "to", zt_json_str(info->to));
	set(o, "ports", zt_json_str(info->ports));
	set(o, "file", zt_json_str(info->file));
	set(o, "line", json_integer(info->line));
	set(o, "note", zt_json_str(info->note));
	if (info->when)
		set(o, "when", zt_json_str(info->when));
	if (info->percent < 100)
		set(o, "percent", json_integer(info->percent));
	return o;
}

static json_t *plane_json(struct zt_request *req, const struct zt_tables *tables,
			  const struct zt_answer *a, int plane)
{
	const struct zt_rule_info *info = zt_tables_rule_in(tables, a->rule[plane], plane);
	const struct zt_builtin_rule *builtin = zt_rule_builtin(a->rule[plane]);
	json_t *o = json_object();

	set(o, "action", json_string(zt_action_name(a->action[plane])));
	set(o, "rule", zt_render_rule(req->render, a->rule[plane]));
	set(o, "rank", json_string(zt_rank_name(a->rank[plane])));
	if (info)
		set(o, "statement", statement_json(info));
	if (builtin)
		set(o, "text", zt_json_str(builtin->text));
	return o;
}

static json_t *candidates_json(const struct zt_explanation *why)
{
	json_t *list = json_array();

	for (size_t i = 0; i < why->candidate_count; i++) {
		const struct zt_candidate *c = &why->candidates[i];
		json_t *o = statement_json(c->rule);

		set(o, "id", zt_json_str(c->rule->id));
		set(o, "mode", json_string(zt_mode_name(c->rule->mode)));
		set(o, "action", json_string(zt_action_name(c->rule->action)));
		set(o, "live", json_string(zt_why_text(c->why[ZT_LIVE])));
		set(o, "candidate", json_string(zt_why_text(c->why[ZT_CANDIDATE])));
		set(o, "owner_ignored", json_boolean(c->owner_ignored));
		json_array_append_new(list, o);
	}
	return list;
}

/* Built-ins that come before policy when the packet has the form that they ask for. */
static json_t *builtin_json(const struct question *q)
{
	uint32_t rule = ZT_RULE_NONE;
	uint16_t port = q->port_number;
	uint8_t proto = q->proto;

	if (proto == IPPROTO_ICMPV6 && port >= 133 && port <= 136)
		rule = ZT_RULE_ND;
	else if (proto == IPPROTO_ICMPV6 && ((port >= 130 && port <= 132) || port == 143))
		rule = ZT_RULE_MLD;
	else if (proto == IPPROTO_IGMP)
		rule = ZT_RULE_IGMP;
	else if (proto == IPPROTO_UDP && (port == 67 || port == 68 || port == 546 || port == 547))
		rule = ZT_RULE_DHCP;
	if (rule == ZT_RULE_NONE)
		return json_null();
	return json_pack("{s:s, s:s}", "rule", zt_rule_builtin(rule)->id, "text",
			 zt_rule_builtin(rule)->text);
}

/* The same question to the loaded judge. */
static json_t *kernel_json(struct zt_request *req, const struct question *q,
			   const struct zt_answer *a)
{
	struct zt_probe p = zt_query_probe(&q->query);
	int r = req->ctx->probe ? req->ctx->probe(req->ctx->ctx, &p) : -EOPNOTSUPP;
	bool agrees;

	if (r < 0)
		return json_pack("{s:b, s:n, s:s}", "asked", 0, "agrees", "error", strerror(-r));
	agrees = zt_answer_is(a, &p);
	if (!agrees)
		zt_log(ZT_ERR,
		       "the loaded judge and the compiled policy answer differently for %s -> %s %s: "
		       "rule %u/%u against %u/%u",
		       q->src_text, q->dst_text, q->service, p.rule[ZT_LIVE], p.rule[ZT_CANDIDATE],
		       a->rule[ZT_LIVE], a->rule[ZT_CANDIDATE]);
	return json_pack("{s:b, s:b, s:s*, s:{s:{s:s, s:o}, s:{s:s, s:o}}}", "asked", 1, "agrees",
			 agrees, "error",
			 agrees ? NULL
				: "FAULT: the kernel's judge and the compiled policy answer "
				  "differently; the kernel's answer is what packets get",
			 "verdict", "live", "action", zt_action_name(p.action[ZT_LIVE]), "rule",
			 zt_render_rule(req->render, p.rule[ZT_LIVE]), "candidate", "action",
			 zt_action_name(p.action[ZT_CANDIDATE]), "rule",
			 zt_render_rule(req->render, p.rule[ZT_CANDIDATE]));
}

static json_t *owner_json(const struct question *q)
{
	json_t *o = json_object();

	if (q->unit)
		set(o, "unit", zt_json_str(q->unit));
	if (q->owner.cgroup[0])
		set(o, "cgroup", zt_json_str(q->owner.cgroup));
	if (q->user)
		set(o, "user", zt_json_str(q->user));
	if (q->exe)
		set(o, "exe", zt_json_str(q->exe));
	return o;
}

/* What every answer begins with: the question as it was understood. */
static json_t *begin_answer(struct zt_request *req, const struct question *q)
{
	static const char *const directions[] = {
		[ZT_DIR_IN] = "in",
		[ZT_DIR_OUT] = "out",
		[ZT_DIR_FWD] = "forwarded",
	};
	const char *near = q->query.dir == ZT_DIR_IN ? "dst" : "src";
	const char *name = zt_proto_name(q->proto);
	struct zt_intent_state state;
	json_t *o = json_object();

	zt_intent_state(req->ctx->intent, &state);
	set(o, "src", zt_render_end(req->render, &q->src, q->src_near));
	set(o, "dst", zt_render_end(req->render, &q->dst, q->dst_near));
	set(o, "service", zt_json_str(q->service));
	set(o, "proto", name ? json_string(name) : json_sprintf("proto/%u", q->proto));
	set(o, "port", json_integer(q->port_number));
	set(o, "direction", json_string(directions[q->query.dir]));
	set(o, "near", q->query.dir == ZT_DIR_FWD ? json_null() : json_string(near));
	set(o, "judged_at", zt_json_str(state.host));
	if (q->owner_given)
		set(o, "owner", owner_json(q));
	return o;
}

static int answer(struct zt_request *req, const struct zt_tables *tables, const struct question *q)
{
	zt_auto(zt_explanation_free) struct zt_explanation why = {0};
	const struct zt_answer *a = &why.answer;
	json_t *o;

	if (zt_tables_explain(tables, &q->query, &why) < 0)
		return -ENOMEM;
	o = begin_answer(req, q);
	set(o, "verdict",
	    json_pack("{s:o, s:o}", "live", plane_json(req, tables, a, ZT_LIVE), "candidate",
		      plane_json(req, tables, a, ZT_CANDIDATE)));
	set(o, "failsafe_used", json_boolean(a->failsafe));
	set(o, "owner_dependent", json_boolean(a->owner_dep));
	set(o, "candidates", candidates_json(&why));
	set(o, "builtin", builtin_json(q));
	set(o, "identities",
	    json_pack("{s:o, s:o}", "near", zt_json_u64(a->near_id), "far",
		      zt_json_u64(a->far_id)));
	set(o, "kernel", kernel_json(req, q, a));
	req->result = o;
	return 0;
}

/* Both ends are here: such a connection never meets a guarded device. */
static int answer_loopback(struct zt_request *req, const struct question *q)
{
	const struct zt_builtin_rule *rule = zt_rule_builtin(ZT_RULE_LOOPBACK);
	json_t *plane = json_pack("{s:s, s:s, s:s, s:s}", "action", "allow", "rule", rule->id,
				  "rank", zt_rank_name(ZT_RANK_BUILTIN), "text", rule->text);
	json_t *o = begin_answer(req, q);

	set(o, "verdict", json_pack("{s:O, s:O}", "live", plane, "candidate", plane));
	set(o, "failsafe_used", json_false());
	set(o, "owner_dependent", json_false());
	set(o, "candidates", json_array());
	set(o, "builtin", json_null());
	set(o, "identities", json_null());
	set(o, "kernel",
	    json_pack("{s:b, s:n, s:s}", "asked", 0, "agrees", "error",
		      "same-host connections are recorded, not judged"));
	json_decref(plane);
	req->result = o;
	return 0;
}

int zt_handle_policy_explain(struct zt_request *request)
{
	const struct zt_tables *tables = zt_intent_tables(request->ctx->intent);
	struct question q = {0};
	int r;

	if (!tables)
		return zt_request_fail(request, ZT_CODE_FAILED,
				       "no policy is in force: everything is allowed and recorded");
	r = read_texts(request, &q);
	if (!r)
		r = read_ends(request, &q);
	if (!r)
		r = read_service(request, &q);
	if (!r)
		r = read_owner(request, tables, &q);
	if (r < 0)
		return r;
	q.query.dir = ZT_DIR_OUT;
	if (q.src_near && q.dst_near)
		return answer_loopback(request, &q);
	r = make_query(request, tables, &q);
	return r < 0 ? r : answer(request, tables, &q);
}
