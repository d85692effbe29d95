/* SPDX-License-Identifier: Apache-2.0 */
/* people.c - what tables keep beside their rows: rule numbers, texts, segments, statements. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/strbuf.h"
#include "policy/build.h"
#include "policy/lower.h"

static int by_order(const void *a, const void *b)
{
	const struct zt_lowered *x = *(struct zt_lowered *const *)a;
	const struct zt_lowered *y = *(struct zt_lowered *const *)b;

	return x->order < y->order ? -1 : x->order > y->order;
}

int zt_stmts_in_order(struct zt_compiler *c, struct zt_lowered ***ret, size_t *ret_count)
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
		zt_speak_of(c, s);
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

/* --- what people read -------------------------------------------------------------------- */

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

/* "Mon-Fri 08:00-20:00 Asia/Taipei, posture=compliant, until 2027-03-31"; NULL = at all times. */
static const char *when_text(struct zt_arena *arena, const struct zt_stmt *stmt,
			     struct zt_strbuf *sb)
{
	const struct zt_when *when = &stmt->when;

	if (!when->hour_count && !when->label_count && !stmt->expires_s)
		return NULL;
	zt_schedule_text(when, sb);
	if (when->hour_count)
		zt_strbuf_printf(sb, " %s", when->timezone);
	for (size_t i = 0; i < when->label_count; i++)
		zt_strbuf_printf(sb, "%s%s=%s", sb->len ? ", " : "", when->labels[i].key,
				 when->labels[i].value);
	if (stmt->expires_s)
		zt_strbuf_printf(sb, "%suntil %s", sb->len ? ", " : "", stmt->expires.s);
	return keep_text(arena, sb);
}

static int describe(struct zt_compiler *c, const struct zt_lowered *s, struct zt_strbuf *sb,
		    struct zt_rule_info *info)
{
	struct zt_arena *arena = c->t->people->arena;
	const struct zt_policy *policy = c->atoms.layer[s->layer].policy;
	const struct zt_stmt *stmt = s->stmt;

	*info = (struct zt_rule_info){.number = s->number,
				      .kind = stmt->kind,
				      .action = stmt->action,
				      .existing = stmt->existing,
				      .mode = s->enforced ? ZT_MODE_ENFORCED : ZT_MODE_STAGED,
				      .written = stmt->mode,
				      .percent = s->percent,
				      .expired = s->expired,
				      .line = stmt->loc.line,
				      .col = stmt->loc.col,
				      .from_qualified = stmt->from.qualified,
				      .to_qualified = stmt->to.qualified};
	info->id = keep(arena, stmt->id);
	info->note = keep(arena, stmt->note);
	info->file = keep(arena, stmt->loc.file);
	zt_end_text(policy, &stmt->from, sb);
	info->from = keep_text(arena, sb);
	zt_end_text(policy, &stmt->to, sb);
	info->to = keep_text(arena, sb);
	zt_ports_text(&stmt->ports, sb);
	info->ports = keep_text(arena, sb);
	info->when = when_text(arena, stmt, sb);
	if (s->planes >> ZT_LIVE & 1 && stmt->action == ZT_DENY)
		c->t->meta.flags |= ZT_META_ENFORCED;
	if (s->layer)
		return zt_arena_error(arena) || zt_strbuf_error(sb) ? -ENOMEM : 0;
	c->t->enforced_count += s->enforced;
	c->t->staged_count += !s->enforced;
	return zt_arena_error(arena) || zt_strbuf_error(sb) ? -ENOMEM : 0;
}

static int index_rules(struct zt_compiler *c)
{
	struct zt_tables_people *p = c->t->people;
	const struct zt_tables *t = c->t;

	p->info_count = zt_rule_end(c->names) - ZT_RULE_FIRST;
	for (size_t i = 0; i < c->atoms.layers; i++) {
		p->info_of[i] = zt_arena_array(p->arena, p->info_count, sizeof(**p->info_of));
		if (!p->info_of[i])
			return -ENOMEM;
	}
	for (uint32_t i = 0; i < t->rule_count; i++)
		p->info_of[0][t->rules[i].number - ZT_RULE_FIRST] = i + 1;
	for (uint32_t i = 0; i < t->candidate_rule_count; i++)
		p->info_of[1][t->candidate_rules[i].number - ZT_RULE_FIRST] = i + 1;
	return 0;
}

/* Room for the descriptions of each layer; statements of a layer follow each other. */
static int make_room(struct zt_compiler *c, struct zt_lowered *const *list, size_t count)
{
	struct zt_arena *arena = c->t->people->arena;
	size_t candidate = 0;

	for (size_t i = 0; i < count; i++)
		candidate += list[i]->layer;
	c->t->rules = zt_arena_array(arena, count - candidate, sizeof(*c->t->rules));
	c->t->candidate_rules = zt_arena_array(arena, candidate, sizeof(*c->t->rules));
	return zt_arena_error(arena);
}

int zt_number_rules(struct zt_compiler *c)
{
	zt_auto(zt_strbuf_free) struct zt_strbuf sb = ZT_STRBUF_INIT;
	zt_auto(zt_freep) struct zt_lowered **list = NULL;
	struct zt_tables *t = c->t;
	size_t count;
	int r = zt_stmts_in_order(c, &list, &count);

	if (r < 0)
		return r;
	if (count > c->limits->rules)
		return zt_over_limit(c, count, false, c->limits->rules, "statements");
	r = make_room(c, list, count);
	for (size_t i = 0; i < count && r == 0; i++) {
		struct zt_lowered *s = list[i];
		struct zt_rule_info *info = s->layer
						    ? &t->candidate_rules[t->candidate_rule_count++]
						    : &t->rules[t->rule_count++];

		r = give_number(c, s);
		if (r == 0)
			r = describe(c, s, &sb, info);
		s->info = info;
	}
	t->meta.rules = (__u32)t->rule_count;
	return r < 0 ? r : index_rules(c);
}

/* The statements by priority, with what relabelling and explain need to match them again. */
static int keep_statements(struct zt_compiler *c)
{
	struct zt_tables_people *p = c->t->people;

	p->stmts = zt_arena_array(p->arena, c->t->rule_count + c->t->candidate_rule_count,
				  sizeof(*p->stmts));
	if (!p->stmts)
		return -ENOMEM;
	for (size_t i = 0; i < c->stmt_count; i++) {
		struct zt_lowered *out = &p->stmts[p->stmt_count];
		size_t bytes = c->stmts[i].ports.count * sizeof(*out->ports.ranges);

		if (!c->stmts[i].relevant)
			continue;
		*out = c->stmts[i];
		out->stmt = NULL;
		out->ports.ranges = zt_arena_alloc(p->arena, bytes);
		if (!out->ports.ranges)
			return -ENOMEM;
		memcpy(out->ports.ranges, c->stmts[i].ports.ranges, bytes);
		p->stmt_count++;
	}
	return 0;
}

/* On the heap: relabelling adds to it. */
static uint32_t *keep_ids(const struct zt_strmap *ids, uint32_t *ret_count)
{
	uint32_t *sets = calloc((size_t)zt_strmap_count(ids) + 1, sizeof(*sets));
	size_t len;

	*ret_count = zt_strmap_count(ids) + 1;
	for (uint32_t id = 1; sets && id < *ret_count; id++)
		memcpy(&sets[id], zt_strmap_key(ids, id - 1, &len), sizeof(*sets));
	return sets;
}

/* Names of the policy in force; what a held candidate calls a segment shows in its statements. */
static int keep_names(struct zt_compiler *c)
{
	struct zt_tables_people *p = c->t->people;
	const struct zt_layer *layer = &c->atoms.layer[0];

	p->names = zt_arena_array(p->arena, c->atom_count, sizeof(*p->names));
	if (!p->names)
		return -ENOMEM;
	for (size_t i = 0; i < layer->policy->segment_count; i++)
		p->names[layer->first + i] = keep(p->arena, layer->policy->segments[i].name);
	p->names[layer->unknown] = zt_end_builtin_name(ZT_END_UNKNOWN);
	p->names[layer->multicast] = zt_end_builtin_name(ZT_END_MULTICAST);
	p->names[layer->broadcast] = zt_end_builtin_name(ZT_END_BROADCAST);
	p->atom_count = c->atom_count;
	p->near_sets = keep_ids(c->near_ids, &p->near_count);
	p->far_sets = keep_ids(c->far_ids, &p->far_count);
	return p->near_sets && p->far_sets ? zt_arena_error(p->arena) : -ENOMEM;
}

static int keep_policy(struct zt_compiler *c)
{
	const struct zt_policy *policy = c->atoms.layer[0].policy, *held = c->env->candidate;
	struct zt_tables *t = c->t;

	t->policy_name = strdup(policy->name);
	t->policy_revision = policy->revision;
	memcpy(t->policy_digest, policy->digest, sizeof(t->policy_digest));
	t->host = c->env->host ? strdup(c->env->host) : NULL;
	if (held) {
		t->candidate_name = strdup(held->name);
		t->candidate_revision = held->revision;
		memcpy(t->candidate_digest, held->digest, sizeof(t->candidate_digest));
	}
	return t->policy_name && (t->host || !c->env->host) && (t->candidate_name || !held)
		       ? 0
		       : -ENOMEM;
}

/* The policies may be gone before the tables are. */
static void forget_policies(struct zt_atoms *atoms)
{
	for (size_t i = 0; i < atoms->layers; i++) {
		struct zt_layer *layer = &atoms->layer[i];

		layer->policy = NULL;
		layer->host = NULL;
		zt_timeline_free(&layer->times);
		zt_freep(&layer->ends);
		zt_freep(&layer->cond_list);
		layer->end_count = 0;
	}
}

int zt_keep_people(struct zt_compiler *c)
{
	struct zt_tables_people *p = c->t->people;
	int r = keep_statements(c);

	if (r == 0)
		r = keep_names(c);
	if (r == 0)
		r = keep_policy(c);
	if (r < 0)
		return r;
	p->near_keep = zt_take(c->near_keep);
	p->far_keep = zt_take(c->far_keep);
	p->forwarding = c->env->forwarding;
	p->buckets = c->buckets;
	p->atoms = c->atoms;
	c->atoms = (struct zt_atoms){0};
	forget_policies(&p->atoms);
	p->dir = c->dir;
	c->dir = (struct zt_directory){0};
	return 0;
}
