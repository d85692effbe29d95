/* SPDX-License-Identifier: Apache-2.0 */
/* reopen.c - what tables keep, as a compiler again, to add to them. */
#include "policy/reopen.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"

void zt_compiler_borrow(struct zt_compiler *c, const struct zt_tables *t,
			const struct zt_compile_env *env, struct zt_diag *diag)
{
	*c = (struct zt_compiler){.env = env,
				  .limits = env->limits ?: &zt_limits_default,
				  .diag = diag,
				  .atoms = t->people->atoms,
				  .dir = t->people->dir};
}

void zt_compiler_return(struct zt_compiler *c, struct zt_tables *t)
{
	for (size_t i = 0; i < c->atoms.layers; i++)
		free(c->atoms.layer[i].cond_list);
	t->people->dir = c->dir;
	c->dir = (struct zt_directory){0};
	c->atoms = (struct zt_atoms){0};
	c->stmts = NULL;
	c->near_keep = NULL;
	c->far_keep = NULL;
	zt_compiler_free(c);
}

/* Whether the tables were made of these policies, for this host. */
static bool made_of(const struct zt_tables *t, const struct zt_policy *policy,
		    const struct zt_compile_env *env)
{
	const struct zt_policy *held = env->candidate;

	if (!t->host != !env->host || (env->host && strcmp(t->host, env->host)))
		return false;
	if (!t->candidate_name != !held ||
	    (held && memcmp(t->candidate_digest, held->digest, sizeof(t->candidate_digest))))
		return false;
	return memcmp(t->policy_digest, policy->digest, sizeof(t->policy_digest)) == 0 &&
	       t->people->forwarding == env->forwarding;
}

static int number_again(struct zt_strmap *ids, const uint32_t *sets, uint32_t count)
{
	for (uint32_t id = 1; id < count; id++)
		if (zt_strmap_intern(ids, &sets[id], sizeof(*sets), NULL) != id - 1)
			return -ENOMEM;
	return 0;
}

/* New rows go into tables of their own. */
static int open_rows(struct zt_compiler *c, const struct zt_tables *t)
{
	c->t = calloc(1, sizeof(*c->t));
	if (!c->t)
		return -ENOMEM;
	c->t->ports = calloc(ZT_PORT_BLOCKS, sizeof(*c->t->ports));
	c->t->steps = calloc(t->step_count + 1, sizeof(*c->t->steps));
	if (!c->t->ports || !c->t->steps)
		return -ENOMEM;
	for (size_t i = 1; i < t->step_count; i++)
		if (zt_strmap_intern(c->steps, &t->steps[i], sizeof(*t->steps), NULL) ==
		    ZT_STRMAP_NONE)
			return -ENOMEM;
	if (t->step_count)
		memcpy(c->t->steps, t->steps, t->step_count * sizeof(*t->steps));
	c->t->step_count = t->step_count;
	c->step_cap = t->step_count + 1;
	c->t->meta = t->meta;
	return 0;
}

static int open_layer(struct zt_compiler *c, struct zt_layer *layer, const struct zt_policy *policy)
{
	zt_auto(zt_strmap_free) struct zt_strmap *conds = NULL;
	size_t known = layer->cond_count;
	int r = zt_strmap_new(&conds);

	layer->policy = policy;
	layer->cond_list = NULL;
	layer->host = c->env->host ? zt_policy_host(policy, c->env->host) : NULL;
	if (r == 0)
		r = zt_gather_conds(layer, conds);
	return r == 0 && layer->cond_count != known ? -EAGAIN : r;
}

int zt_compiler_reopen(struct zt_compiler *c, const struct zt_tables *t,
		       const struct zt_policy *policy)
{
	struct zt_tables_people *p = t->people;
	int r = made_of(t, policy, c->env) ? zt_compiler_maps(c) : -EAGAIN;

	if (r < 0)
		return r;
	c->atom_count = p->atom_count;
	c->stmts = p->stmts;
	c->stmt_count = p->stmt_count;
	c->near_keep = p->near_keep;
	c->far_keep = p->far_keep;
	c->buckets = p->buckets;
	c->adding = true;
	c->first_cell = (uint32_t)t->cell_count - 1;
	c->first_port_set = (uint32_t)t->port_sets;
	r = number_again(c->near_ids, p->near_sets, p->near_count);
	if (r == 0)
		r = number_again(c->far_ids, p->far_sets, p->far_count);
	if (r == 0)
		r = open_rows(c, t);
	for (size_t i = 0; i < c->atoms.layers && r == 0; i++)
		r = open_layer(c, &c->atoms.layer[i], i ? c->env->candidate : policy);
	return r;
}
