// SPDX-License-Identifier: Apache-2.0
/*
 * evidence.c - what a policy is held against, read once for the pre-flight and the plan.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "datapath/datapath.h"
#include "plan/evidence.h"
#include "policy/policy.h"
#include "policy/tables.h"

/* Without a datapath this host's addresses are those that the inventory says. */
static int find_locals(struct zt_evidence *e, const struct zt_preflight_env *env)
{
	const struct zt_host *host = NULL;

	if (env->dp) {
		e->locals = zt_dp_locals(env->dp, &e->local_count);
		return 0;
	}
	if (env->tables->host)
		host = zt_policy_host(env->policy, env->tables->host);
	if (!host || !host->address_count)
		return 0;
	e->own_locals = calloc(host->address_count, sizeof(*e->own_locals));
	if (!e->own_locals)
		return -ENOMEM;
	for (size_t i = 0; i < host->address_count; i++)
		memcpy(e->own_locals[i].bytes, host->addresses[i].key.bytes, 16);
	e->locals = e->own_locals;
	e->local_count = host->address_count;
	return 0;
}

int zt_evidence_read(struct zt_evidence *ret, const struct zt_preflight_env *env)
{
	int r;

	*ret = (struct zt_evidence){0};
	zt_judges_init(&ret->judges, env->tables_now, env->tables, env->names);
	r = find_locals(ret, env);
	if (r == 0)
		r = env->sockets
			    ? zt_sockets_copy(env->sockets, &ret->sockets)
			    : zt_dp_sockets(env->dp, ZT_SOCKETS_LISTENING | ZT_SOCKETS_ESTABLISHED,
					    &ret->sockets);
	if (r == 0)
		r = zt_classes_make(&ret->judges, ret->locals, ret->local_count, &ret->classes);
	if (r == 0)
		r = zt_plan_edges_read(env->collector, env->history, &ret->judges, &ret->edges);
	if (r == 0)
		zt_plan_edges_judge(&ret->edges, &ret->judges);
	else
		zt_evidence_clear(ret);
	return r;
}

void zt_evidence_clear(struct zt_evidence *evidence)
{
	zt_judges_clear(&evidence->judges);
	zt_freep(&evidence->own_locals);
	zt_sockets_clear(&evidence->sockets);
	zt_classes_clear(&evidence->classes);
	zt_plan_edges_clear(&evidence->edges);
	zt_plan_listeners_clear(&evidence->listeners);
}
