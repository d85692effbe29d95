/* SPDX-License-Identifier: Apache-2.0 */
/* compile.c - policy tree to table rows: which policies, and the order of the steps. */
#include "policy/compile.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "policy/lower.h"

const struct zt_limits zt_limits_default = {
	.addrs = 1048576,
	.nets = 262144,
	.pairs = 262144,
	.cell_index = 1048576,
	.cells = 262144,
	.qualifiers = ZT_QUALS_MAX,
	.qual_rows = 256,
	.qrules = 262144,
	.steps = 262144,
	.rules = ZT_RULES_MAX - ZT_RULE_FIRST - 1,
	.port_classes = 65535,
};

int zt_over_limit(struct zt_compiler *c, size_t needed, bool at_least, size_t limit,
		  const char *what)
{
	zt_diag_error(c->diag, NULL, "the policy needs %s%zu %s on this host; %zu fit",
		      at_least ? "at least " : "", needed, what, limit);
	zt_diag_remedy(c->diag, "merge segments or rules that mean the same%s",
		       c->env->forwarding
			       ? "; a host that forwards needs more than one that does not"
			       : "");
	return -E2BIG;
}

void zt_compiler_free(struct zt_compiler *c)
{
	zt_directory_free(&c->dir);
	free(c->stmts);
	zt_strmap_free(&c->near_ids);
	zt_strmap_free(&c->far_ids);
	free(c->far_of_set.ids);
	free(c->near_of_host.ids);
	free(c->near_keep);
	free(c->far_keep);
	zt_strmap_free(&c->steps);
	zt_sets_free(&c->entries);
	zt_strmap_free(&c->port_sets);
	zt_atoms_free(&c->atoms);
	zt_tables_free(&c->t);
}

/* --- this host --------------------------------------------------------------------------- */

static int no_host(struct zt_compiler *c, bool statements)
{
	if (!statements)
		return 0;
	zt_diag_warn(c->diag, NULL,
		     "this machine is no host of the inventory: "
		     "everything is judged, nothing is denied");
	zt_diag_remedy(c->diag, "add its addresses to a host of the policy, or say which "
				"host it is with host: in the agent's settings");
	return 0;
}

/* By name in each layer; one that does not have it denies nothing. */
static int find_this_host(struct zt_compiler *c)
{
	bool found = false, statements = false;

	for (size_t i = 0; i < c->atoms.layers; i++) {
		struct zt_layer *layer = &c->atoms.layer[i];

		if (c->env->host)
			layer->host = zt_policy_host(layer->policy, c->env->host);
		found |= layer->host != NULL;
		statements |= layer->policy->stmt_count != 0;
	}
	if (!c->env->host)
		return no_host(c, statements);
	if (!found) {
		zt_diag_error(c->diag, NULL, "there is no host '%s' in the policy", c->env->host);
		zt_diag_remedy(c->diag, "correct host: in the agent's settings, or add the host");
		return -EINVAL;
	}
	for (size_t i = 0; i < c->atoms.layers; i++)
		if (!c->atoms.layer[i].host && c->atoms.layer[i].policy->stmt_count)
			zt_diag_warn(c->diag, NULL,
				     "there is no host '%s' in the %s: it denies nothing",
				     c->env->host, i ? "candidate" : "policy in force");
	return 0;
}

/* --- the whole --------------------------------------------------------------------------- */

static int compiler_init(struct zt_compiler *c)
{
	struct zt_tables_people *people;
	int r;

	c->t = calloc(1, sizeof(*c->t));
	if (!c->t)
		return -ENOMEM;
	c->t->people = people = calloc(1, sizeof(*people));
	c->t->ports = calloc(ZT_PORT_BLOCKS, sizeof(*c->t->ports));
	if (!people || !c->t->ports)
		return -ENOMEM;
	memset(c->t->meta.share, 0xff, sizeof(c->t->meta.share));
	c->first_port_set = 1;
	r = zt_arena_new(&people->arena);
	if (r == 0)
		r = zt_compiler_maps(c);
	return r == 0 ? zt_sets_new(&c->atoms.sets) : r;
}

int zt_compiler_maps(struct zt_compiler *c)
{
	int r = zt_sets_new(&c->entries);

	if (r == 0)
		r = zt_strmap_new(&c->near_ids);
	if (r == 0)
		r = zt_strmap_new(&c->far_ids);
	if (r == 0)
		r = zt_strmap_new(&c->steps);
	if (r == 0)
		r = zt_strmap_new(&c->port_sets);
	return r;
}

static int compile(struct zt_compiler *c)
{
	int r = compiler_init(c);

	if (r == 0)
		r = zt_lower_layers(c);
	if (r == 0)
		r = zt_directory_make(&c->atoms, c->env, c->buckets, &c->dir);
	if (r == 0)
		r = zt_lower_identities(c);
	if (r == 0)
		r = zt_lower_pairs(c);
	if (r == 0)
		r = zt_number_rules(c);
	if (r == 0)
		r = zt_lower_conds(c);
	if (r == 0)
		r = zt_lower_cells(c);
	if (r == 0)
		r = zt_keep_people(c);
	if (r < 0)
		return r;
	zt_tables_sort(c->t);
	return zt_tables_digest(c->t, c->t->meta.digest);
}

int zt_policy_compile(const struct zt_policy *policy, const struct zt_compile_env *env,
		      struct zt_rule_names *names, struct zt_tables **ret, struct zt_diag *diag)
{
	zt_auto(zt_diag_free) struct zt_diag own = ZT_DIAG_INIT;
	zt_auto(zt_compiler_free) struct zt_compiler c = {
		.env = env,
		.limits = env->limits ?: &zt_limits_default,
		.names = names,
		.diag = diag ?: &own,
	};
	int r;

	c.atoms.layer[c.atoms.layers++].policy = policy;
	if (env->candidate)
		c.atoms.layer[c.atoms.layers++].policy = env->candidate;
	r = find_this_host(&c);
	if (r == 0)
		r = compile(&c);
	c.diag->sources = NULL;
	if (r == 0)
		*ret = zt_take(c.t);
	return r;
}
