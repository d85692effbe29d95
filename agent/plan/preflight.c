// SPDX-License-Identifier: Apache-2.0
/*
 * preflight.c - the loaded judge asked about a policy that is not in force yet.
 */
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/cleanup.h"
#include "base/strbuf.h"
#include "base/time.h"
#include "base/vec.h"
#include "datapath/datapath.h"
#include "flow/names.h"
#include "plan/evidence.h"
#include "plan/failsafe.h"
#include "plan/needs.h"
#include "plan/ssh.h"
#include "policy/policy.h"
#include "policy/rules.h"
#include "policy/tables.h"

struct run {
	const struct zt_preflight_env *env;
	struct zt_evidence *evidence;
	struct zt_preflight *out;
	size_t cut_cap;
	bool kernel; /* the spare slot is filled */
	/* Of the openings being asked about. */
	enum zt_preflight_kind kind;
	const char *what;
	bool must; /* a cut even where it is denied already */
	size_t cut_of_this;
};

const char *zt_preflight_kind_name(enum zt_preflight_kind kind)
{
	static const char *const names[] = {"failsafe", "ssh", "sshd-need", "listener", "edge"};

	return kind < ARRAY_SIZE(names) ? names[kind] : "unknown";
}

void zt_preflight_free(struct zt_preflight **preflight)
{
	struct zt_preflight *p = *preflight;

	if (!p)
		return;
	for (size_t i = 0; i < p->cut_count; i++)
		free(p->cuts[i].what);
	free(p->cuts);
	free(p->kernel_error);
	free(p->differ_text);
	free(p);
	*preflight = NULL;
}

/* --- asking --------------------------------------------------------------------------------- */

static void note_difference(struct run *run, const struct zt_opening *o, const struct zt_probe *p,
			    const struct zt_answer *a)
{
	const struct zt_tables *tables = run->env->tables;
	char src[ZT_ADDR_TEXT_LEN], dst[ZT_ADDR_TEXT_LEN], port[ZT_PORT_TEXT_LEN];
	struct zt_port_range range = {o->port_index, o->port_index};
	struct zt_addr from, to;
	uint8_t proto;
	uint16_t number;

	if (run->out->differ++)
		return;
	zt_opening_ends(o, &from, &to, &proto, &number);
	if (asprintf(&run->out->differ_text,
		     "%s -> %s %s: the loaded judge says %s by %s, the compiled policy %s by %s",
		     zt_addr_text(&from, src), zt_addr_text(&to, dst), zt_port_text(&range, port),
		     zt_action_name(p->action[ZT_LIVE]),
		     zt_plan_rule_id(tables, p->rule[ZT_LIVE], ZT_LIVE),
		     zt_action_name(a->action[ZT_LIVE]),
		     zt_plan_rule_id(tables, a->rule[ZT_LIVE], ZT_LIVE)) < 0)
		run->out->differ_text = NULL;
}

static void kernel_failed(struct run *run, const char *why)
{
	run->kernel = run->out->kernel = false;
	if (!run->out->kernel_error)
		run->out->kernel_error = strdup(why);
}

/* The same opening to the judge that is loaded, by the slot that was filled for it. */
static void ask_kernel(struct run *run, const struct zt_opening *o, const struct zt_answer *a)
{
	struct zt_probe probe;
	struct zt_query q;
	int r;

	if (!run->kernel)
		return;
	zt_judges_query(&run->evidence->judges, ZT_THEN, o, &q);
	probe = zt_query_probe(&q);
	r = zt_dp_try_probe(run->env->dp, &probe);
	if (r < 0) {
		kernel_failed(run, strerror(-r));
		return;
	}
	run->out->probes++;
	if (!zt_answer_is(a, &probe))
		note_difference(run, o, &probe, a);
}

static int keep_cut(struct run *run, const struct zt_opening *o, const struct zt_answer *a,
		    uint64_t count)
{
	struct zt_preflight *out = run->out;
	struct zt_preflight_cut *cut;

	run->cut_of_this++;
	out->cut[run->kind]++;
	out->vital = out->vital || run->kind < ZT_PREFLIGHT_VITAL_COUNT;
	if (out->cut_count == ZT_PREFLIGHT_CUTS_MAX)
		return 0;
	if (zt_vec_grow(&out->cuts, &run->cut_cap, out->cut_count + 1, sizeof(*cut)) < 0)
		return -ENOMEM;
	cut = &out->cuts[out->cut_count];
	*cut = (struct zt_preflight_cut){
		.kind = run->kind,
		.what = strdup(run->what),
		.rule = a->rule[ZT_LIVE],
		.rule_id = zt_plan_rule_id(run->env->tables, a->rule[ZT_LIVE], ZT_LIVE),
		.count = count,
	};
	if (!cut->what)
		return -ENOMEM;
	zt_opening_ends(o, &cut->src, &cut->dst, &cut->proto, &cut->port);
	out->cut_count++;
	return 0;
}

static int ask(struct run *run, const struct zt_opening *o, uint64_t count)
{
	struct zt_judges *judges = &run->evidence->judges;
	struct zt_answer then;

	zt_judges_ask(judges, ZT_THEN, o, &then);
	ask_kernel(run, o, &then);
	run->out->asked[run->kind]++;
	if (then.action[ZT_LIVE] != ZT_DENY || (!run->must && zt_judges_denies(judges, ZT_NOW, o)))
		return 0;
	return keep_cut(run, o, &then, count);
}

/* --- failsafes -------------------------------------------------------------------------------- */

/* One line for a failsafe is enough, however many openings of it would be cut. */
static int ask_failsafe_opening(void *ctx, const struct zt_opening *o)
{
	struct run *run = ctx;

	return run->cut_of_this ? 0 : ask(run, o, 0);
}

static int ask_failsafes_of(struct run *run, const struct zt_policy *policy,
			    const struct zt_tables *tables, bool must)
{
	const struct zt_failsafe_env env = {
		.policy = policy,
		.tables = tables,
		.classes = &run->evidence->classes,
		.locals = run->evidence->locals,
		.local_count = run->evidence->local_count,
	};
	char what[ZT_NAME_LEN + 64];
	int r = 0;

	run->kind = ZT_PREFLIGHT_FAILSAFE;
	run->must = must;
	run->what = what;
	for (size_t i = 0; policy && tables && i < policy->stmt_count && r == 0; i++) {
		const struct zt_stmt *stmt = &policy->stmts[i];

		if (stmt->kind != ZT_STMT_FAILSAFE)
			continue;
		snprintf(what, sizeof(what), "failsafe %s", stmt->id);
		run->cut_of_this = 0;
		r = zt_failsafe_each(&env, stmt, ask_failsafe_opening, run);
	}
	return r;
}

/* --- SSH ----------------------------------------------------------------------------------------
 */

static int ask_connection(struct run *run, const struct zt_socket *s)
{
	struct zt_opening o = {
		.near = s->local,
		.far = s->remote,
		.dir = ZT_DIR_IN,
		.port_index = zt_port_index(IPPROTO_TCP, s->local_port),
		.owner = zt_judges_owner_at(&run->evidence->judges, s->owner),
	};

	/* What a forwarder on this host opened never met the wire. */
	return zt_addr_is_loopback(&s->remote) ? 0 : ask(run, &o, 0);
}

static const struct zt_owner *owner_at(struct run *run, const struct zt_socket *s)
{
	struct zt_judges *judges = &run->evidence->judges;

	return zt_judges_owner_of(judges, zt_judges_owner_at(judges, s->owner));
}

/* By what the socket hooks recorded; where they know nothing, by the port that SSH has. */
static bool is_sshd(struct run *run, const struct zt_socket *s)
{
	const struct zt_owner *owner = owner_at(run, s);

	return owner ? zt_ssh_is_sshd(owner) : s->local_port == 22;
}

static bool to_sshd(struct run *run, const struct zt_socket *s)
{
	const struct zt_sockets *sockets = &run->evidence->sockets;

	for (size_t i = 0; i < sockets->count; i++) {
		const struct zt_socket *l = &sockets->rows[i];

		if (l->listens && l->proto == IPPROTO_TCP && l->local_port == s->local_port &&
		    is_sshd(run, l))
			return true;
	}
	return false;
}

static int ask_ssh(struct run *run)
{
	const struct zt_sockets *sockets = &run->evidence->sockets;
	struct zt_preflight *out = run->out;
	const struct zt_socket *mine;
	int r = 0;

	run->kind = ZT_PREFLIGHT_SSH;
	run->must = true;
	mine = run->env->peer_pid > 0 ? zt_ssh_find(run->env->proc ?: "/proc", run->env->peer_pid,
						    sockets, &out->ssh_pid)
				      : NULL;
	if (mine) {
		run->what = "your SSH connection, opened anew";
		out->ssh = ZT_SSH_FOUND;
		out->ssh_src = mine->remote;
		out->ssh_dst = mine->local;
		out->ssh_src_port = mine->remote_port;
		out->ssh_port = mine->local_port;
		return ask_connection(run, mine);
	}
	run->what = "an SSH connection, opened anew";
	for (size_t i = 0; i < sockets->count && r == 0; i++) {
		if (sockets->rows[i].listens || !to_sshd(run, &sockets->rows[i]))
			continue;
		out->ssh = ZT_SSH_ALL_OF_SSHD;
		r = ask_connection(run, &sockets->rows[i]);
	}
	return r;
}

/* --- what sshd needs ----------------------------------------------------------------------------
 */

static int ask_need(void *ctx, const char *what, const struct zt_opening *o, uint64_t count)
{
	struct run *run = ctx;

	run->what = what;
	return ask(run, o, count);
}

static int ask_needs(struct run *run)
{
	struct zt_needs_env env = {
		.edges = &run->evidence->edges,
		.locals = run->evidence->locals,
		.local_count = run->evidence->local_count,
		.resolv_conf = run->env->resolv_conf ?: "/etc/resolv.conf",
		.routed = run->env->dp != NULL,
	};
	const struct zt_sockets *sockets = &run->evidence->sockets;

	for (size_t i = 0; i < sockets->count && !env.sshd; i++) {
		const struct zt_socket *s = &sockets->rows[i];

		if (s->listens && s->proto == IPPROTO_TCP && is_sshd(run, s))
			env.sshd = zt_judges_owner_at(&run->evidence->judges, s->owner);
	}
	run->kind = ZT_PREFLIGHT_NEED;
	run->must = false;
	return zt_needs_each(&env, ask_need, run);
}

/* --- listeners and edges
 * -------------------------------------------------------------------------- */

static int ask_listener_opening(void *ctx, const struct zt_opening *o)
{
	struct run *run = ctx;
	struct zt_answer then;

	run->out->asked[ZT_PREFLIGHT_LISTENER]++;
	if (!run->kernel)
		return 0;
	zt_judges_ask(&run->evidence->judges, ZT_THEN, o, &then);
	ask_kernel(run, o, &then);
	return 0;
}

/* One line for a listener, whoever can no longer reach it. */
static int keep_listener(struct run *run, const struct zt_plan_listener *l)
{
	const struct zt_judges *judges = &run->evidence->judges;
	const struct zt_owner *owner = zt_judges_owner_of(judges, l->owner);
	zt_auto(zt_strbuf_free) struct zt_strbuf what = ZT_STRBUF_INIT;
	struct zt_opening o = {
		.near = l->lost_near,
		.far = run->evidence->classes.rows[l->lost_class].addr,
		.dir = ZT_DIR_IN,
		.port_index = zt_port_index(l->socket.proto, l->socket.local_port),
		.owner = l->owner,
	};
	struct zt_answer then;

	zt_strbuf_puts(&what, "listener");
	if (owner && (owner->unit[0] || owner->exe[0])) {
		const char *name = owner->unit[0] ? owner->unit : owner->exe;

		zt_strbuf_puts(&what, " of ");
		zt_strbuf_escape(&what, name,
				 strnlen(name, owner->unit[0] ? ZT_UNIT_LEN : ZT_PATH_LEN));
	}
	if (zt_strbuf_error(&what))
		return -ENOMEM;
	run->what = zt_strbuf_text(&what);
	zt_judges_ask(judges, ZT_THEN, &o, &then);
	return keep_cut(run, &o, &then, 0);
}

static int ask_listeners(struct run *run)
{
	struct zt_evidence *e = run->evidence;
	int r;

	run->kind = ZT_PREFLIGHT_LISTENER;
	r = zt_plan_listeners_read(&e->judges, &e->sockets, &e->classes, e->locals, e->local_count,
				   ask_listener_opening, run, &e->listeners);
	for (size_t i = 0; i < e->listeners.count && r == 0; i++) {
		if (e->listeners.rows[i].lost_count)
			r = keep_listener(run, &e->listeners.rows[i]);
	}
	return r;
}

static int by_count(const void *a, const void *b)
{
	const struct zt_plan_edge *x = *(const struct zt_plan_edge *const *)a;
	const struct zt_plan_edge *y = *(const struct zt_plan_edge *const *)b;

	return x->connections < y->connections ? 1 : x->connections > y->connections ? -1 : 0;
}

/* All of them to the kernel; those that would be cut are kept by how often they were seen. */
static int ask_edges(struct run *run)
{
	const struct zt_plan_edges *edges = &run->evidence->edges;
	zt_auto(zt_freep) const struct zt_plan_edge **denied =
		calloc(edges->count + 1, sizeof(*denied));
	struct zt_answer then;
	size_t count = 0;
	int r = 0;

	if (!denied)
		return -ENOMEM;
	run->kind = ZT_PREFLIGHT_EDGE;
	run->what = "recorded edge";
	run->out->asked[run->kind] = edges->count;
	for (size_t i = 0; i < edges->count; i++) {
		if (run->kernel) {
			zt_judges_ask(&run->evidence->judges, ZT_THEN, &edges->rows[i].opening,
				      &then);
			ask_kernel(run, &edges->rows[i].opening, &then);
		}
		if (zt_plan_edge_newly(&edges->rows[i], ZT_LIVE) > 0)
			denied[count++] = &edges->rows[i];
	}
	if (count)
		qsort(denied, count, sizeof(*denied), by_count);
	for (size_t i = 0; i < count && r == 0; i++) {
		zt_judges_ask(&run->evidence->judges, ZT_THEN, &denied[i]->opening, &then);
		r = keep_cut(run, &denied[i]->opening, &then, denied[i]->connections);
	}
	return r;
}

/* --- all of it
 * ------------------------------------------------------------------------------------ */

static void fill_slot(struct run *run)
{
	struct zt_commit_result res = {0};
	int r;

	if (!run->env->dp) {
		kernel_failed(run, "there is no datapath here");
		return;
	}
	r = zt_dp_try_begin(run->env->dp, run->env->tables, &res);
	if (r < 0) {
		kernel_failed(run, res.err[0] ? res.err : strerror(-r));
		return;
	}
	run->kernel = run->out->kernel = true;
}

static uint64_t precise_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * ZT_NS_PER_S + (uint64_t)t.tv_nsec;
}

int zt_preflight_on(struct zt_preflight **ret, const struct zt_preflight_env *env,
		    struct zt_evidence *evidence)
{
	zt_auto(zt_preflight_free) struct zt_preflight *out = calloc(1, sizeof(*out));
	struct run run = {.env = env, .evidence = evidence, .out = out};
	uint64_t began_ns = precise_ns();
	int r;

	if (!out)
		return -ENOMEM;
	fill_slot(&run);
	r = ask_failsafes_of(&run, env->policy, env->tables, true);
	if (r == 0)
		r = ask_failsafes_of(&run, env->policy_now, env->tables_now, false);
	if (r == 0)
		r = ask_ssh(&run);
	if (r == 0)
		r = ask_needs(&run);
	if (r == 0)
		r = ask_listeners(&run);
	if (r == 0)
		r = ask_edges(&run);
	if (r < 0)
		return r;
	out->took_ns = precise_ns() - began_ns;
	*ret = zt_take(out);
	return 0;
}

int zt_preflight_run(struct zt_preflight **ret, const struct zt_preflight_env *env)
{
	zt_auto(zt_evidence_clear) struct zt_evidence evidence = {0};
	int r = zt_evidence_read(&evidence, env);

	return r < 0 ? r : zt_preflight_on(ret, env, &evidence);
}

void zt_preflight_sentence(const struct zt_preflight *preflight, char *ret, size_t size)
{
	char src[ZT_ADDR_TEXT_LEN], dst[ZT_ADDR_TEXT_LEN], port[ZT_PORT_TEXT_LEN], more[64] = "";
	const struct zt_preflight_cut *cut = preflight->cuts;
	struct zt_port_range range;
	size_t vital = 0;

	ret[0] = '\0';
	if (!preflight->vital || !preflight->cut_count)
		return;
	for (int kind = 0; kind < ZT_PREFLIGHT_VITAL_COUNT; kind++)
		vital += preflight->cut[kind];
	if (vital > 1)
		snprintf(more, sizeof(more), ", and %zu more that keep people in", vital - 1);
	range.first = range.last = zt_port_index(cut->proto, cut->port);
	snprintf(ret, size, "it would cut %s (%s -> %s %s, by %s)%s", cut->what,
		 zt_addr_text(&cut->src, src), zt_addr_text(&cut->dst, dst),
		 zt_port_text(&range, port), cut->rule_id, more);
}
