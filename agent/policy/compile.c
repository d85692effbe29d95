/* SPDX-License-Identifier: Apache-2.0 */
/* compile.c - policy tree to table rows: the order of the steps, and what is kept for people. */
#include "policy/compile.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/strbuf.h"
#include "policy/build.h"
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

static void compiler_free(struct zt_compiler *c)
{
	zt_sets_free(&c->sets);
	zt_directory_free(&c->dir);
	free(c->stmts);
	zt_strmap_free(&c->near_ids);
	zt_strmap_free(&c->far_ids);
	free(c->far_of_set);
	free(c->near_keep);
	free(c->far_keep);
	zt_sets_free(&c->entries);
	zt_strmap_free(&c->port_sets);
	zt_tables_free(&c->t);
}

/* --- statements ------------------------------------------------------------------------- */

static __u8 rank_of(const struct zt_stmt *stmt)
{
	switch (stmt->kind) {
	case ZT_STMT_FAILSAFE:
		return ZT_RANK_FAILSAFE;
	case ZT_STMT_RULE:
		return stmt->action == ZT_DENY ? ZT_RANK_DENY : ZT_RANK_ALLOW;
	default:
		return ZT_RANK_BOUNDARY;
	}
}

static uint32_t atom_of(const struct zt_compiler *c, const struct zt_stmt *stmt,
			const struct zt_end *end, uint32_t *next_nets)
{
	switch (end->kind) {
	case ZT_END_ANY:
		return ZT_ATOM_ANY;
	case ZT_END_THIS_HOST:
		/* A deny is for the host that it names alone: elsewhere it is skipped. */
		return rank_of(stmt) == ZT_RANK_ALLOW || rank_of(stmt) == ZT_RANK_FAILSAFE
			       ? ZT_ATOM_HOSTS(c->policy)
			       : ZT_ATOM_THIS_HOST;
	case ZT_END_UNKNOWN:
		return ZT_ATOM_UNKNOWN(c->policy);
	case ZT_END_MULTICAST:
		return ZT_ATOM_MULTICAST(c->policy);
	case ZT_END_BROADCAST:
		return ZT_ATOM_BROADCAST(c->policy);
	case ZT_END_NETS:
		return (*next_nets)++;
	default:
		return (uint32_t)end->segment;
	}
}

static int by_priority(const void *a, const void *b)
{
	const struct zt_lowered *x = a, *y = b;

	if (x->rank != y->rank)
		return x->rank > y->rank ? -1 : 1;
	return x->order < y->order ? -1 : x->order > y->order;
}

static int lower_statements(struct zt_compiler *c, const struct zt_end **nets, size_t *ret_nets)
{
	uint32_t next = ZT_ATOM_NETS(c->policy);

	c->stmts = calloc(c->policy->stmt_count + 1, sizeof(*c->stmts));
	if (!c->stmts)
		return -ENOMEM;
	for (size_t i = 0; i < c->policy->stmt_count; i++) {
		const struct zt_stmt *s = &c->policy->stmts[i];

		if (s->from.kind == ZT_END_NETS)
			nets[(*ret_nets)++] = &s->from;
		if (s->to.kind == ZT_END_NETS)
			nets[(*ret_nets)++] = &s->to;
		c->stmts[i] =
			(struct zt_lowered){.stmt = s,
					    .order = (uint32_t)i,
					    .rank = rank_of(s),
					    .live = s->mode == ZT_MODE_ENFORCED && c->env->host,
					    .bit = {ZT_NO_BIT, ZT_NO_BIT, ZT_NO_BIT}};
		c->stmts[i].from = atom_of(c, s, &s->from, &next);
		c->stmts[i].to = atom_of(c, s, &s->to, &next);
	}
	c->stmt_count = c->policy->stmt_count;
	c->atom_count = next;
	qsort(c->stmts, c->stmt_count, sizeof(*c->stmts), by_priority);
	return 0;
}

static int by_order(const void *a, const void *b)
{
	const struct zt_lowered *x = *(struct zt_lowered *const *)a;
	const struct zt_lowered *y = *(struct zt_lowered *const *)b;

	return x->order < y->order ? -1 : x->order > y->order;
}

/* The statements that can involve this host, in the order of the file. */
static int relevant_in_order(struct zt_compiler *c, struct zt_lowered ***ret, size_t *ret_count)
{
	struct zt_lowered **list = calloc(c->stmt_count + 1, sizeof(struct zt_lowered *));
	size_t n = 0;

	if (!list)
		return -ENOMEM;
	for (size_t i = 0; i < c->stmt_count; i++)
		if (c->stmts[i].relevant)
			list[n++] = &c->stmts[i];
	qsort(list, n, sizeof(*list), by_order);
	*ret = list;
	*ret_count = n;
	return 0;
}

static int give_number(struct zt_compiler *c, struct zt_lowered *s)
{
	int number = zt_rule_number(c->names, s->stmt->id);

	if (number == -ENOSPC) {
		zt_diag_error(c->diag, &s->stmt->loc,
			      "no rule number is left for '%s': all %d were given out", s->stmt->id,
			      ZT_RULES_MAX - ZT_RULE_FIRST);
		zt_diag_remedy(c->diag, "ids keep their number until `ztctl detach`");
		return -E2BIG;
	}
	if (number < 0)
		return number;
	s->number = (uint32_t)number;
	return 0;
}

/* --- what people read --------------------------------------------------------------------- */

static const char *keep_text(struct zt_arena *arena, struct zt_strbuf *sb)
{
	const char *text =
		zt_strbuf_error(sb) ? NULL : zt_arena_text(arena, zt_strbuf_text(sb), sb->len);

	zt_strbuf_reset(sb);
	return text;
}

static const char *keep(struct zt_arena *arena, const char *text)
{
	return text ? zt_arena_text(arena, text, strlen(text)) : NULL;
}

static int describe(struct zt_compiler *c, const struct zt_lowered *s, struct zt_strbuf *sb,
		    struct zt_rule_info *info)
{
	struct zt_arena *arena = c->t->people->arena;
	const struct zt_stmt *stmt = s->stmt;

	*info = (struct zt_rule_info){.number = s->number,
				      .kind = stmt->kind,
				      .action = stmt->action,
				      .existing = stmt->existing,
				      .mode = stmt->mode,
				      .line = stmt->loc.line,
				      .col = stmt->loc.col,
				      .from_qualified = stmt->from.qualified,
				      .to_qualified = stmt->to.qualified};
	info->id = keep(arena, stmt->id);
	info->note = keep(arena, stmt->note);
	info->file = keep(arena, stmt->loc.file);
	zt_end_text(c->policy, &stmt->from, sb);
	info->from = keep_text(arena, sb);
	zt_end_text(c->policy, &stmt->to, sb);
	info->to = keep_text(arena, sb);
	zt_ports_text(&stmt->ports, sb);
	info->ports = keep_text(arena, sb);
	c->t->enforced_count += stmt->mode == ZT_MODE_ENFORCED;
	c->t->staged_count += stmt->mode == ZT_MODE_STAGED;
	if (s->live && stmt->action == ZT_DENY)
		c->t->meta.flags |= ZT_META_ENFORCED;
	return zt_arena_error(arena) || zt_strbuf_error(sb) ? -ENOMEM : 0;
}

static int index_rules(struct zt_compiler *c)
{
	struct zt_tables_people *p = c->t->people;

	p->info_count = zt_rule_end(c->names) - ZT_RULE_FIRST;
	p->info_of = zt_arena_array(p->arena, p->info_count, sizeof(*p->info_of));
	if (!p->info_of)
		return -ENOMEM;
	for (uint32_t i = 0; i < c->t->rule_count; i++)
		p->info_of[c->t->rules[i].number - ZT_RULE_FIRST] = i + 1;
	return 0;
}

static int number_rules(struct zt_compiler *c)
{
	zt_auto(zt_strbuf_free) struct zt_strbuf sb = ZT_STRBUF_INIT;
	zt_auto(zt_freep) struct zt_lowered **list = NULL;
	size_t count;
	int r = relevant_in_order(c, &list, &count);

	if (r < 0)
		return r;
	if (count > c->limits->rules)
		return zt_over_limit(c, count, false, c->limits->rules, "statements");
	c->t->rules = zt_arena_array(c->t->people->arena, count, sizeof(*c->t->rules));
	if (!c->t->rules)
		return -ENOMEM;
	for (size_t i = 0; i < count && r == 0; i++) {
		r = give_number(c, list[i]);
		if (r == 0)
			r = describe(c, list[i], &sb, &c->t->rules[i]);
	}
	c->t->rule_count = count;
	c->t->meta.rules = (__u32)count;
	return r < 0 ? r : index_rules(c);
}

/* The statements by priority, with what explain needs to match them again. */
static int keep_statements(struct zt_compiler *c)
{
	struct zt_tables_people *p = c->t->people;

	p->stmts = zt_arena_array(p->arena, c->t->rule_count, sizeof(*p->stmts));
	if (!p->stmts)
		return -ENOMEM;
	for (size_t i = 0; i < c->stmt_count; i++) {
		const struct zt_lowered *s = &c->stmts[i];
		struct zt_people_stmt *out = &p->stmts[p->stmt_count];
		size_t bytes = s->stmt->ports.count * sizeof(*out->ports.ranges);

		if (!s->relevant)
			continue;
		out->info = zt_tables_rule(c->t, s->number);
		out->from = s->from;
		out->to = s->to;
		out->rank = s->rank;
		out->live = s->live;
		memcpy(out->bit, s->bit, sizeof(out->bit));
		out->ports.count = s->stmt->ports.count;
		out->ports.ranges = zt_arena_alloc(p->arena, bytes);
		if (!out->ports.ranges)
			return -ENOMEM;
		memcpy(out->ports.ranges, s->stmt->ports.ranges, bytes);
		p->stmt_count++;
	}
	return 0;
}

static uint32_t *keep_ids(struct zt_arena *arena, const struct zt_strmap *ids, uint32_t *ret_count)
{
	uint32_t *sets = zt_arena_array(arena, (size_t)zt_strmap_count(ids) + 1, sizeof(*sets));
	size_t len;

	*ret_count = zt_strmap_count(ids) + 1;
	for (uint32_t id = 1; sets && id < *ret_count; id++)
		memcpy(&sets[id], zt_strmap_key(ids, id - 1, &len), sizeof(*sets));
	return sets;
}

static int keep_names(struct zt_compiler *c)
{
	struct zt_tables_people *p = c->t->people;

	p->names = zt_arena_array(p->arena, c->atom_count, sizeof(*p->names));
	if (!p->names)
		return -ENOMEM;
	for (size_t i = 0; i < c->policy->segment_count; i++)
		p->names[i] = keep(p->arena, c->policy->segments[i].name);
	p->names[ZT_ATOM_UNKNOWN(c->policy)] = zt_end_builtin_name(ZT_END_UNKNOWN);
	p->names[ZT_ATOM_MULTICAST(c->policy)] = zt_end_builtin_name(ZT_END_MULTICAST);
	p->names[ZT_ATOM_BROADCAST(c->policy)] = zt_end_builtin_name(ZT_END_BROADCAST);
	p->name_count = c->atom_count;
	p->unknown_atom = ZT_ATOM_UNKNOWN(c->policy);
	p->near_sets = keep_ids(p->arena, c->near_ids, &p->near_count);
	p->far_sets = keep_ids(p->arena, c->far_ids, &p->far_count);
	return zt_arena_error(p->arena);
}

static int keep_policy(struct zt_compiler *c)
{
	struct zt_tables *t = c->t;

	t->policy_name = strdup(c->policy->name);
	t->policy_revision = c->policy->revision;
	memcpy(t->policy_digest, c->policy->digest, sizeof(t->policy_digest));
	t->host = c->host ? strdup(c->host->name) : NULL;
	return t->policy_name && (t->host || !c->host) ? 0 : -ENOMEM;
}

/* --- the whole ------------------------------------------------------------------------------ */

static int find_this_host(struct zt_compiler *c)
{
	if (!c->env->host) {
		if (!c->policy->stmt_count)
			return 0;
		zt_diag_warn(c->diag, NULL,
			     "this machine is no host of the inventory: "
			     "everything is judged, nothing is denied");
		zt_diag_remedy(c->diag, "add its addresses to a host of the policy, or say which "
					"host it is with host: in the agent's settings");
		return 0;
	}
	c->host = zt_policy_host(c->policy, c->env->host);
	if (c->host)
		return 0;
	zt_diag_error(c->diag, NULL, "there is no host '%s' in the policy", c->env->host);
	zt_diag_remedy(c->diag, "correct host: in the agent's settings, or add the host");
	return -EINVAL;
}

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
	r = zt_arena_new(&people->arena);
	if (r == 0)
		r = zt_sets_new(&c->sets);
	if (r == 0)
		r = zt_sets_new(&c->entries);
	if (r == 0)
		r = zt_strmap_new(&c->near_ids);
	if (r == 0)
		r = zt_strmap_new(&c->far_ids);
	if (r == 0)
		r = zt_strmap_new(&c->port_sets);
	return r;
}

/* Statements with ends as numbers, and the directory of all addresses. */
static int lay_out(struct zt_compiler *c)
{
	zt_auto(zt_freep) const struct zt_end **nets = NULL;
	size_t net_count = 0;
	int r;

	nets = calloc(2 * c->policy->stmt_count + 1, sizeof(const struct zt_end *));
	if (!nets)
		return -ENOMEM;
	r = lower_statements(c, nets, &net_count);
	if (r < 0)
		return r;
	c->near_keep = calloc((size_t)c->atom_count + 1, sizeof(*c->near_keep));
	c->far_keep = calloc((size_t)c->atom_count + 1, sizeof(*c->far_keep));
	if (!c->near_keep || !c->far_keep)
		return -ENOMEM;
	return zt_directory_make(c->policy, c->env, c->host, nets, net_count, c->sets, &c->dir);
}

static int compile(struct zt_compiler *c)
{
	int r = compiler_init(c);

	if (r == 0)
		r = lay_out(c);
	if (r == 0)
		r = zt_lower_pairs(c);
	if (r == 0)
		r = number_rules(c);
	if (r == 0)
		r = zt_lower_quals(c);
	if (r == 0)
		r = zt_lower_cells(c);
	if (r == 0)
		r = keep_statements(c);
	if (r == 0)
		r = keep_names(c);
	if (r == 0)
		r = keep_policy(c);
	if (r < 0)
		return r;
	if (c->t->qualifiers)
		c->t->meta.flags |= ZT_META_QUALS;
	c->t->people->sets = zt_take(c->sets);
	c->t->people->dir = c->dir;
	c->dir = (struct zt_directory){0};
	zt_tables_sort(c->t);
	return zt_tables_digest(c->t, c->t->meta.digest);
}

int zt_policy_compile(const struct zt_policy *policy, const struct zt_compile_env *env,
		      struct zt_rule_names *names, struct zt_tables **ret, struct zt_diag *diag)
{
	zt_auto(zt_diag_free) struct zt_diag own = ZT_DIAG_INIT;
	zt_auto(compiler_free) struct zt_compiler c = {.policy = policy,
						       .env = env,
						       .limits = env->limits ?: &zt_limits_default,
						       .names = names,
						       .diag = diag ?: &own};
	int r;

	c.diag->sources = policy->sources;
	r = find_this_host(&c);
	if (r == 0)
		r = compile(&c);
	c.diag->sources = NULL;
	if (r == 0)
		*ret = zt_take(c.t);
	return r;
}
