// SPDX-License-Identifier: Apache-2.0
/*
 * simulate.c - request "simulate": every listener, and addresses that knock, asked of the judge
 * that is loaded.
 */
#include <errno.h>
#include <string.h>

#include "api/internal.h"
#include "api/names.h"
#include "api/render.h"
#include "base/addr.h"
#include "base/cleanup.h"
#include "base/json.h"
#include "datapath/datapath.h"
#include "datapath/intent.h"
#include "plan/simulate.h"
#include "policy/policy.h"
#include "policy/tables.h"

static void set(json_t *object, const char *key, json_t *value)
{
	json_object_set_new(object, key, value);
}

static int read_peers(struct zt_request *req, struct zt_addr *ret, size_t *ret_count)
{
	const json_t *peers = json_object_get(req->args, "peers"), *one;
	size_t i;

	if (peers && (!json_is_array(peers) || json_array_size(peers) > ZT_SIM_PEERS_MAX))
		return zt_request_fail(req, ZT_CODE_USAGE,
				       "'peers' must be a list of at most %d addresses",
				       ZT_SIM_PEERS_MAX);
	json_array_foreach (peers, i, one) {
		const char *text = json_string_value(one);

		if (!text || zt_addr_parse(text, &ret[i]) < 0)
			return zt_request_fail(req, ZT_CODE_USAGE, "'%.64s' is not an address",
					       text ?: "");
		if (zt_names_is_local(req->server->names, &ret[i]))
			return zt_request_fail(
				req, ZT_CODE_USAGE,
				"'%.64s' is this host: it knocks at no door of its own", text);
	}
	*ret_count = json_array_size(peers);
	return 0;
}

static json_t *answer_json(struct zt_request *req, const struct zt_sim_env *env,
			   const struct zt_sim_answer *a)
{
	json_t *o = json_object();

	set(o, "peer", zt_json_addr(&env->peers[a->peer]));
	set(o, "address", zt_json_addr(&a->near));
	set(o, "action", json_string(zt_action_name(a->action)));
	set(o, "rule", zt_render_rule(req->render, a->rule));
	set(o, "failsafe", json_boolean(a->failsafe));
	return o;
}

static json_t *listeners_json(struct zt_request *req, const struct zt_sim_env *env,
			      const struct zt_sim *sim)
{
	json_t *list = json_array();

	for (size_t i = 0; i < sim->count; i++) {
		const struct zt_sim_listener *l = &sim->listeners[i];
		json_t *o = json_object(), *answers = json_array();

		set(o, "address", zt_json_addr(&l->socket.local));
		set(o, "proto", json_string(zt_proto_name(l->socket.proto) ?: "?"));
		set(o, "port", json_integer(l->socket.local_port));
		set(o, "v6only", json_boolean(l->socket.v6only));
		set(o, "inode", zt_json_u64(l->socket.inode));
		set(o, "workload", zt_render_workload(req->render, l->socket.owner));
		for (size_t p = 0; p < env->peer_count; p++) {
			const struct zt_sim_answer *a = &sim->answers[l->first + p];

			if (a->asked)
				json_array_append_new(answers, answer_json(req, env, a));
		}
		set(o, "answers", answers);
		json_array_append_new(list, o);
	}
	return list;
}

static json_t *default_json(struct zt_request *req, const struct zt_sim_default *d)
{
	if (!d->asked)
		return json_null();
	return json_pack("{s:s, s:o}", "action", zt_action_name(d->action), "rule",
			 zt_render_rule(req->render, d->rule));
}

static json_t *defaults_json(struct zt_request *req, const struct zt_sim *sim)
{
	static const char *const dirs[2] = {[ZT_DIR_IN] = "in", [ZT_DIR_OUT] = "out"};
	json_t *o = json_object();

	for (int dir = ZT_DIR_IN; dir <= ZT_DIR_OUT; dir++)
		set(o, dirs[dir],
		    json_pack("{s:o, s:o}", "v4", default_json(req, &sim->defaults[dir][0]), "v6",
			      default_json(req, &sim->defaults[dir][1])));
	return o;
}

/* What the compiled policy makes, and what the kernel has of it now. */
static json_t *rows_json(struct zt_request *req, const struct zt_tables *tables)
{
	struct zt_dp_state state;

	zt_dp_state(req->ctx->dp, &state);
	return json_pack("{s:o, s:o, s:b, s:o}", "compiled",
			 zt_json_hex(tables->meta.digest, sizeof(tables->meta.digest)), "kernel",
			 zt_json_hex(state.digest, sizeof(state.digest)), "same",
			 zt_dp_same(req->ctx->dp, tables), "policy",
			 zt_json_hex(tables->policy_digest, sizeof(tables->policy_digest)));
}

int zt_handle_simulate(struct zt_request *request)
{
	zt_auto(zt_sim_free) struct zt_sim sim = {0};
	struct zt_addr peers[ZT_SIM_PEERS_MAX];
	char port[ZT_PORT_TEXT_LEN];
	struct zt_sim_env env = {
		.dp = request->ctx->dp,
		.probe = request->ctx->probe,
		.ctx = request->ctx->ctx,
		.policy = zt_intent_policy(request->ctx->intent),
		.tables = zt_intent_tables(request->ctx->intent),
		.names = request->names,
		.peers = peers,
	};
	int r;

	if (!env.tables)
		return zt_request_fail(request, ZT_CODE_FAILED,
				       "no policy is in force: everything is allowed and recorded");
	if (!env.probe)
		return zt_request_fail(request, ZT_CODE_FAILED,
				       "the loaded judge cannot be asked here");
	r = read_peers(request, peers, &env.peer_count);
	if (r == 0)
		r = zt_sim_run(&sim, &env);
	if (r < 0)
		return r;
	request->result = json_pack(
		"{s:o, s:o, s:s, s:o, s:o, s:o, s:o}", "listeners",
		listeners_json(request, &env, &sim), "defaults", defaults_json(request, &sim),
		"default_port", zt_port_text(&(struct zt_port_range){sim.port, sim.port}, port),
		"rows", rows_json(request, env.tables), "probes", zt_json_u64(sim.probes), "differ",
		zt_json_u64(sim.differ), "left_out", zt_json_u64(sim.left_out));
	return request->result ? 0 : -ENOMEM;
}
