// SPDX-License-Identifier: Apache-2.0
/*
 * plan.c - request "policy plan": what a policy would change, without touching what runs.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "api/internal.h"
#include "api/names.h"
#include "api/plan.h"
#include "api/render.h"
#include "base/cleanup.h"
#include "base/json.h"
#include "datapath/datapath.h"
#include "datapath/intent.h"
#include "plan/plan.h"
#include "plan/preflight.h"
#include "policy/policy.h"
#include "policy/tables.h"

/* What is asked about, and names for it: those of the policy that would be. */
struct planning {
	struct zt_policy *policy;
	struct zt_tables *tables;
	struct zt_names *names;
	struct zt_render *render;
	struct zt_preflight_env env;
};

static void planning_clear(struct planning *p)
{
	zt_render_free(&p->render);
	zt_names_free(&p->names);
	zt_tables_free(&p->tables);
	zt_policy_free(&p->policy);
}

static int read_owner(void *ctx, uint32_t index, struct zt_owner *ret_owner)
{
	return zt_dp_owner(ctx, index, ret_owner);
}

static void fill_env(const struct zt_request *req, const struct zt_policy *policy,
		     const struct zt_tables *tables, struct zt_preflight_env *ret)
{
	const struct zt_api_ctx *ctx = req->ctx;

	*ret = (struct zt_preflight_env){
		.dp = ctx->dp,
		.policy = policy,
		.tables = tables,
		.policy_now = zt_intent_policy(ctx->intent),
		.tables_now = zt_intent_tables(ctx->intent),
		.collector = ctx->collector,
		.history = ctx->history,
		.names = req->names,
		.peer_pid = req->peer->pid,
	};
}

int zt_request_way_in(struct zt_request *request, const struct zt_promotion *what)
{
	zt_auto(zt_preflight_free) struct zt_preflight *preflight = NULL;
	zt_auto(planning_clear) struct planning p = {0};
	char why[ZT_INTENT_ERR_LEN] = "";
	int r;

	if (zt_intent_would(request->ctx->intent, what, &p.policy, &p.tables, why) < 0)
		return 0;
	fill_env(request, p.policy, p.tables, &p.env);
	r = zt_preflight_run(&preflight, &p.env);
	if (r < 0)
		return zt_request_fail(request, ZT_CODE_FAILED, "the pre-flight failed: %s",
				       strerror(-r));
	zt_preflight_sentence(preflight, why, sizeof(why));
	if (preflight->vital)
		return zt_request_fail(request, ZT_CODE_NO,
				       "not promoted: %s; ztctl policy plan shows all of it, "
				       "--force does it all the same",
				       why);
	if (preflight->differ)
		return zt_request_fail(request, ZT_CODE_FAILED,
				       "not promoted: the loaded programs judge differently from "
				       "the compiled policy: %s",
				       preflight->differ_text ?: "");
	return 0;
}

/* --- what is asked ---------------------------------------------------------------------------- */

static int would(struct zt_request *req, const struct zt_promotion *what, struct planning *p)
{
	int r = zt_intent_would(req->ctx->intent, what, &p->policy, &p->tables, req->err);

	if (r < 0 && !req->code)
		req->code = r == -EINVAL  ? ZT_CODE_USAGE
			    : r == -EPERM ? ZT_CODE_NO
					  : ZT_CODE_FAILED;
	if (r < 0 && !req->err[0])
		return zt_request_fail(req, req->code, "%s", strerror(-r));
	return r;
}

static int read_rules(struct zt_request *req, struct zt_promotion *what)
{
	const json_t *rules = json_object_get(req->args, "promote"), *one;
	const char **ids;
	size_t i;

	if (rules && !json_is_array(rules))
		return zt_request_fail(req, ZT_CODE_USAGE,
				       "'promote' must be a list of statement ids");
	ids = calloc(json_array_size(rules) + 1, sizeof(*ids));
	if (!ids)
		return -ENOMEM;
	what->ids = ids;
	what->id_count = json_array_size(rules);
	json_array_foreach (rules, i, one) {
		ids[i] = json_string_value(one);
		if (!ids[i])
			return zt_request_fail(req, ZT_CODE_USAGE,
					       "'promote' must be a list of statement ids");
	}
	return 0;
}

/* A policy in the request, the candidate that is held, or statements of either to be promoted. */
static int read_question(struct zt_request *req, struct planning *p)
{
	zt_auto(zt_policy_set_free) struct zt_policy_set set = {0};
	struct zt_promotion what = {.within_ns = UINT64_MAX};
	bool given = json_object_get(req->args, "files") != NULL;
	struct zt_intent_state state;
	int r;

	if (zt_json_get_bool(req->args, "all", &what.all) < 0)
		return zt_request_fail(req, ZT_CODE_USAGE, "'all' must be true or false");
	r = given ? zt_request_set(req, &set) : 0;
	if (r == 0)
		r = read_rules(req, &what);
	zt_intent_state(req->ctx->intent, &state);
	if (r == 0 && !given && !state.candidate && !what.all && !what.id_count)
		r = zt_request_fail(req, ZT_CODE_USAGE,
				    "no candidate is held: name a policy file, or statements with "
				    "--promote, or --all");
	what.set = given ? &set : NULL;
	zt_request_who(req, &what.who);
	if (r == 0)
		r = would(req, &what, p);
	free((void *)what.ids);
	return r;
}

/* Hosts and segments are called what the new policy calls them. */
static int make_names(struct zt_request *req, struct planning *p)
{
	struct zt_names_from from = {
		.policy = p->policy,
		.tables = p->tables,
		.rules = zt_dp_rule_names(req->ctx->dp),
		.this_host = p->tables->host,
		.owner = read_owner,
		.ctx = req->ctx->dp,
	};
	int r;

	from.locals = zt_dp_locals(req->ctx->dp, &from.local_count);
	r = zt_names_new(&p->names);
	if (r == 0)
		r = zt_names_set(p->names, &from);
	if (r == 0)
		r = zt_render_new(&p->render, req->server->users, req->server->procs);
	if (r == 0)
		zt_render_names(p->render, zt_names_get(p->names));
	return r;
}

int zt_handle_policy_plan(struct zt_request *request)
{
	zt_auto(planning_clear) struct planning p = {0};
	zt_auto(zt_plan_free) struct zt_plan *plan = NULL;
	int r = read_question(request, &p);

	if (r == 0)
		r = make_names(request, &p);
	if (r < 0)
		return r;
	fill_env(request, p.policy, p.tables, &p.env);
	p.env.names = zt_names_get(p.names);
	r = zt_plan_run(&plan, &p.env);
	if (r < 0)
		return zt_request_fail(request, ZT_CODE_FAILED, "cannot plan: %s", strerror(-r));
	request->result = zt_plan_json(plan, &p.env, p.render, request->server->users);
	return request->result ? 0 : -ENOMEM;
}
