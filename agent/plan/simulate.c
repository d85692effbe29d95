// SPDX-License-Identifier: Apache-2.0
/*
 * simulate.c - what would happen to somebody who knocks, by the judge that is loaded.
 */
#include <errno.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

#include "base/addr.h"
#include "base/cleanup.h"
#include "base/vec.h"
#include "datapath/datapath.h"
#include "plan/listeners.h"
#include "plan/opening.h"
#include "plan/simulate.h"
#include "policy/policy.h"
#include "policy/tables.h"

struct run {
	const struct zt_sim_env *env;
	struct zt_judges judges;
	struct zt_sockets sockets;
	const struct zt_addr *locals;
	size_t local_count;
	struct zt_sim *out;
};

static void run_clear(struct run *run)
{
	zt_judges_clear(&run->judges);
	zt_sockets_clear(&run->sockets);
}

void zt_sim_free(struct zt_sim *sim)
{
	free(sim->listeners);
	free(sim->answers);
	*sim = (struct zt_sim){0};
}

/* 0 and the kernel's answer, -ENOSPC (no more are asked), -errno. */
static int ask(struct run *run, const struct zt_opening *o, struct zt_probe *ret)
{
	struct zt_answer offline;
	struct zt_query q;
	int r;

	if (run->out->probes >= ZT_SIM_PROBES_MAX) {
		run->out->left_out++;
		return -ENOSPC;
	}
	zt_judges_query(&run->judges, ZT_NOW, o, &q);
	*ret = zt_query_probe(&q);
	r = run->env->probe(run->env->ctx, ret);
	if (r < 0)
		return r;
	run->out->probes++;
	zt_judges_ask(&run->judges, ZT_NOW, o, &offline);
	run->out->differ += !zt_answer_is(&offline, ret);
	return 0;
}

/* --- listeners ----------------------------------------------------------------------------------
 */

static int ask_peer(struct run *run, const struct zt_socket *s, size_t peer)
{
	struct zt_sim_answer *answer = &run->out->answers[run->out->answer_count + peer];
	struct zt_opening o = {
		.far = run->env->peers[peer],
		.dir = ZT_DIR_IN,
		.port_index = zt_port_index(s->proto, s->local_port),
		.owner = zt_judges_owner_at(&run->judges, s->owner),
	};

	*answer = (struct zt_sim_answer){.peer = (uint16_t)peer};
	for (size_t i = 0; i < run->local_count; i++) {
		struct zt_probe probe;
		int r;

		o.near = run->locals[i];
		if (zt_addr_is_loopback(&o.near) || !zt_listener_at(s, &o.near) ||
		    zt_addr_is_v4(&o.near) != zt_addr_is_v4(&o.far))
			continue;
		r = ask(run, &o, &probe);
		if (r == -ENOSPC)
			continue;
		if (r < 0)
			return r;
		if (answer->asked && answer->action <= probe.action[ZT_LIVE])
			continue;
		answer->asked = true;
		answer->action = probe.action[ZT_LIVE];
		answer->rule = probe.rule[ZT_LIVE];
		answer->failsafe = probe.failsafe;
		answer->near = o.near;
	}
	return 0;
}

/* Workers of one service listen on the same many times over. */
static bool is_known(const struct zt_sim *out, const struct zt_socket *s)
{
	for (size_t i = 0; i < out->count; i++) {
		const struct zt_socket *o = &out->listeners[i].socket;

		if (o->local_port == s->local_port && o->proto == s->proto &&
		    o->owner == s->owner && o->v6only == s->v6only &&
		    !memcmp(&o->local, &s->local, sizeof(s->local)))
			return true;
	}
	return false;
}

static int ask_listener(struct run *run, const struct zt_socket *s)
{
	struct zt_sim *out = run->out;
	int r = 0;

	if (zt_addr_is_loopback(&s->local) || is_known(out, s))
		return 0;
	if (out->count == ZT_LISTENERS_MAX) {
		out->left_out++;
		return 0;
	}
	if (zt_vec_grow(&out->listeners, &out->cap, out->count + 1, sizeof(*out->listeners)) < 0 ||
	    zt_vec_grow(&out->answers, &out->answer_cap, out->answer_count + ZT_SIM_PEERS_MAX,
			sizeof(*out->answers)) < 0)
		return -ENOMEM;
	for (size_t i = 0; i < run->env->peer_count && r == 0; i++)
		r = ask_peer(run, s, i);
	out->listeners[out->count++] = (struct zt_sim_listener){*s, out->answer_count};
	out->answer_count += run->env->peer_count;
	return r;
}

/* --- what nobody names --------------------------------------------------------------------------
 */

static bool is_named(const struct zt_policy *policy, uint32_t index)
{
	for (size_t i = 0; policy && i < policy->stmt_count; i++) {
		const struct zt_ports *ports = &policy->stmts[i].ports;
		bool any = ports->count == 1 && !ports->ranges[0].first &&
			   ports->ranges[0].last + 1 == ZT_PORT_COUNT;

		if (!any && zt_ports_has(ports, index))
			return true;
	}
	return false;
}

static uint32_t unnamed_port(const struct zt_policy *policy)
{
	for (uint16_t port = 1; port < UINT16_MAX; port++) {
		uint32_t index = zt_port_index(IPPROTO_TCP, port);

		if (!is_named(policy, index))
			return index;
	}
	return zt_port_index(IPPROTO_TCP, UINT16_MAX);
}

/* From every own address; a single one that lets through is the answer. */
static int ask_default(struct run *run, uint32_t dir, bool v6)
{
	struct zt_sim_default *ret = &run->out->defaults[dir][v6];
	struct zt_opening o = {.dir = dir, .port_index = run->out->port};
	struct zt_probe probe;

	/* Addresses of documentation (RFC 5737, RFC 3849): nobody's, so in no segment by right. */
	zt_addr_parse(v6 ? "2001:db8::7a74" : "198.51.100.116", &o.far);
	for (size_t i = 0; i < run->local_count; i++) {
		int r;

		o.near = run->locals[i];
		if (zt_addr_is_loopback(&o.near) || zt_addr_is_v4(&o.near) == v6)
			continue;
		r = ask(run, &o, &probe);
		if (r < 0)
			return r == -ENOSPC ? 0 : r;
		if (ret->asked && ret->action <= probe.action[ZT_LIVE])
			continue;
		*ret = (struct zt_sim_default){true, probe.action[ZT_LIVE], probe.rule[ZT_LIVE]};
	}
	return 0;
}

int zt_sim_run(struct zt_sim *ret, const struct zt_sim_env *env)
{
	zt_auto(run_clear) struct run run = {.env = env, .out = ret};
	int r = zt_dp_sockets(env->dp, ZT_SOCKETS_LISTENING, &run.sockets);

	if (r < 0)
		return r;
	zt_judges_init(&run.judges, env->tables, NULL, env->names);
	run.locals = zt_dp_locals(env->dp, &run.local_count);
	ret->port = unnamed_port(env->policy);
	for (int dir = ZT_DIR_IN; dir <= ZT_DIR_OUT && r == 0; dir++) {
		r = ask_default(&run, (uint32_t)dir, false);
		r = r ?: ask_default(&run, (uint32_t)dir, true);
	}
	for (size_t i = 0; i < run.sockets.count && r == 0; i++) {
		if (run.sockets.rows[i].listens)
			r = ask_listener(&run, &run.sockets.rows[i]);
	}
	return r;
}
