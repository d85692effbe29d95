/* SPDX-License-Identifier: Apache-2.0 */
/* check.c - what takes more than one node to see; then the finished tree. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/cleanup.h"
#include "base/digest.h"
#include "policy/build.h"
#include "policy/lint.h"
#include "policy/rules.h"
#include "policy/select.h"

#define ADVICE_MAX 1000000 /* comparisons per segment that mere advice is worth */

struct checker {
	struct zt_builder *b;
	struct zt_policy *policy;
	struct zt_strmap *ids;	/* statement ids -> index into id_locs */
	struct zt_loc *id_locs; /* by number in ids */
};

static void checker_free(struct checker *c)
{
	zt_strmap_free(&c->ids);
	free(c->id_locs);
}

/* --- keys of the whole, hosts, segments ---------------------------------------------- */

static void need_key(struct zt_builder *b, const struct zt_loc *seen, const char *key,
		     const char *remedy)
{
	struct zt_loc loc = {.file = b->policy->sources ? b->policy->sources->name : NULL};

	if (seen->file)
		return;
	zt_diag_error(b->diag, &loc, "the policy has no '%s'", key);
	zt_diag_remedy(b->diag, "%s", remedy);
}

/* One address on two hosts is a service address, or a mistake: worth a word. */
static int check_addresses(struct zt_builder *b)
{
	zt_auto(zt_strmap_free) struct zt_strmap *seen = NULL;
	zt_auto(zt_freep) uint32_t *owner = NULL;
	size_t total = 0;

	for (size_t h = 0; h < b->host_count; h++)
		total += b->hosts[h].address_count;
	owner = calloc(total + 1, sizeof(*owner));
	if (!owner || zt_strmap_new(&seen) < 0)
		return -ENOMEM;
	for (size_t h = 0; h < b->host_count; h++)
		for (size_t a = 0; a < b->hosts[h].address_count; a++) {
			const struct zt_net *net = &b->hosts[h].addresses[a];
			bool is_new;
			uint32_t n = zt_strmap_intern(seen, net->key.bytes, sizeof(net->key.bytes),
						      &is_new);

			if (n == ZT_STRMAP_NONE)
				return -ENOMEM;
			if (is_new) {
				owner[n] = (uint32_t)h;
				continue;
			}
			zt_diag_warn(b->diag, &net->loc, "host '%s' has this address too",
				     b->hosts[owner[n]].name);
			zt_diag_remedy(b->diag,
				       "the address will be in the segments of both hosts");
		}
	return 0;
}

static void check_segment(struct zt_builder *b, const struct zt_segment *s)
{
	if (s->except_count && s->address_count > ADVICE_MAX / s->except_count)
		return;
	for (size_t e = 0; e < s->except_count; e++) {
		bool useful = s->select_count > 0;

		for (size_t a = 0; a < s->address_count && !useful; a++)
			useful = zt_net_covers(&s->addresses[a].key, &s->except[e].key) ||
				 zt_net_covers(&s->except[e].key, &s->addresses[a].key);
		if (useful)
			continue;
		zt_diag_warn(b->diag, &s->except[e].loc,
			     "the exception is in none of the addresses");
		zt_diag_remedy(b->diag, "remove it, or correct it");
	}
	for (size_t a = 0; a < s->address_count; a++)
		for (size_t e = 0; e < s->except_count; e++) {
			if (!zt_net_covers(&s->except[e].key, &s->addresses[a].key))
				continue;
			zt_diag_warn(b->diag, &s->addresses[a].loc,
				     "an exception of the segment takes all of this out");
			zt_diag_remedy(b->diag,
				       "exceptions are stronger than addresses; see line %u",
				       s->except[e].loc.line);
			break;
		}
}

static int take_inventory(struct checker *c)
{
	zt_auto(zt_selection_free) struct zt_selection selection = {0};
	struct zt_policy *p = c->policy;
	struct zt_builder *b = c->b;

	p->hosts = zt_arena_array(b->arena, b->host_count, sizeof(*p->hosts));
	p->segments = zt_arena_array(b->arena, b->segment_count, sizeof(*p->segments));
	if (!p->hosts || !p->segments)
		return -ENOMEM;
	if (b->host_count)
		memcpy(p->hosts, b->hosts, b->host_count * sizeof(*p->hosts));
	if (b->segment_count)
		memcpy(p->segments, b->segments, b->segment_count * sizeof(*p->segments));
	p->host_count = b->host_count;
	p->segment_count = b->segment_count;

	for (size_t i = 0; i < p->segment_count; i++)
		check_segment(b, &p->segments[i]);
	if (check_addresses(b) < 0 || zt_selection_make(p, &selection) < 0)
		return -ENOMEM;
	for (size_t g = 0; g < selection.group_count; g++)
		for (size_t i = 0; i < selection.segments_of_group[g].count; i++)
			p->segments[selection.segments_of_group[g].items[i]].selected +=
				selection.hosts_in_group[g];
	return 0;
}

/* --- statements ------------------------------------------------------------------------ */

/* Finds the segment an end names. Returns false after noting an error. */
static bool resolve_end(struct checker *c, struct zt_raw_end *raw)
{
	uint32_t number;

	if (!raw->name.s)
		return raw->end.kind == ZT_END_NETS;
	raw->end.kind = zt_end_builtin(raw->name.s);
	if (raw->end.kind != ZT_END_SEGMENT)
		return true;
	number = zt_strmap_find(c->b->segment_names, raw->name.s, strlen(raw->name.s));
	if (number != ZT_STRMAP_NONE) {
		raw->end.segment = number;
		return true;
	}
	raw->end.segment = SIZE_MAX;
	zt_diag_error(c->b->diag, &raw->name.loc, "there is no segment '%s'", raw->name.s);
	if (zt_strmap_find(c->b->host_names, raw->name.s, strlen(raw->name.s)) != ZT_STRMAP_NONE)
		zt_diag_remedy(c->b->diag,
			       "a host has that name; declare a segment that selects it");
	else
		zt_diag_remedy(c->b->diag, "declare it under segments:, or correct the name");
	return false;
}

/* A selector that matches nothing: in a deny it would fail open. */
static void check_selected(struct checker *c, const struct zt_raw_end *raw, bool deny)
{
	const struct zt_segment *s;

	if (raw->end.kind != ZT_END_SEGMENT)
		return;
	s = &c->policy->segments[raw->end.segment];
	if (!s->select_count || s->selected)
		return;
	if (deny)
		zt_diag_error(
			c->b->diag, &raw->name.loc,
			"no host of the inventory has the labels of segment '%s', so this would deny %s",
			s->name, s->address_count ? "its addresses only" : "nothing");
	else
		zt_diag_warn(c->b->diag, &raw->name.loc,
			     "no host of the inventory has the labels of segment '%s'", s->name);
	zt_diag_remedy(c->b->diag,
		       "correct its select: at %s:%u:%u, or label a host (one without addresses "
		       "where labels are set at run time)",
		       s->loc.file, s->loc.line, s->loc.col);
}

static int take_id(struct checker *c, const char *id, const struct zt_loc *loc)
{
	const struct zt_loc *first;
	bool is_new;
	uint32_t n;

	for (uint32_t i = 0; zt_rule_builtin(i); i++)
		if (strcmp(zt_rule_builtin(i)->id, id) == 0) {
			zt_diag_error(c->b->diag, loc, "'%s' is the id of a built-in rule", id);
			zt_diag_remedy(c->b->diag, "choose another id");
			return 0;
		}
	n = zt_strmap_intern(c->ids, id, strlen(id), &is_new);
	if (n == ZT_STRMAP_NONE)
		return -ENOMEM;
	if (is_new) {
		c->id_locs[n] = *loc;
		return 0;
	}
	first = &c->id_locs[n];
	zt_diag_error(c->b->diag, loc, "the id '%s' is taken", id);
	zt_diag_remedy(c->b->diag, "the first statement with it is at %s:%u:%u", first->file,
		       first->line, first->col);
	return 0;
}

static int add_boundary_stmt(struct checker *c, const struct zt_boundary *bd, bool inbound)
{
	struct zt_stmt *stmt = &c->policy->stmts[c->policy->stmt_count];
	const struct zt_end any = {.kind = ZT_END_ANY, .loc = bd->loc};
	char id[2 * ZT_NAME_LEN];
	const char *segment = bd->segment.kind == ZT_END_SEGMENT
				      ? c->policy->segments[bd->segment.segment].name
				      : zt_end_builtin_name(bd->segment.kind);

	if (bd->id && bd->inbound && bd->outbound)
		snprintf(id, sizeof(id), "%s:%s", bd->id, inbound ? "in" : "out");
	else if (bd->id)
		snprintf(id, sizeof(id), "%s", bd->id);
	else
		snprintf(id, sizeof(id), "boundary:%s:%s", segment, inbound ? "in" : "out");
	if (strlen(id) >= ZT_NAME_LEN) {
		zt_diag_error(c->b->diag, &bd->loc, "the id '%s' has %zu bytes; at most %d fit", id,
			      strlen(id), ZT_NAME_LEN - 1);
		zt_diag_remedy(c->b->diag, "give the boundary a shorter id:");
		return 0;
	}
	*stmt = (struct zt_stmt){.kind = ZT_STMT_BOUNDARY,
				 .from = inbound ? any : bd->segment,
				 .to = inbound ? bd->segment : any,
				 .action = ZT_DENY,
				 .existing = bd->existing,
				 .mode = bd->mode,
				 .note = bd->note,
				 .when = {.timezone = ZT_TIMEZONE_DEFAULT},
				 .ready = bd->ready,
				 .loc = bd->loc};
	stmt->id = zt_arena_text(c->b->arena, id, strlen(id));
	stmt->ports.ranges = zt_arena_alloc(c->b->arena, sizeof(*stmt->ports.ranges));
	if (!stmt->id || !stmt->ports.ranges)
		return -ENOMEM;
	*stmt->ports.ranges = (struct zt_port_range){0, ZT_PORT_COUNT - 1};
	stmt->ports.count = 1;
	c->policy->stmt_count++;
	return take_id(c, stmt->id, &stmt->loc);
}

static int check_boundary(struct checker *c, struct zt_raw_boundary *raw)
{
	struct zt_boundary *bd = &raw->boundary;
	int r = 0;

	if (raw->broken || !resolve_end(c, &raw->segment))
		return 0;
	bd->segment = raw->segment.end;
	if (!raw->mode_given)
		bd->mode = c->policy->mode;
	bd->ready = zt_finish_ready(&raw->ready, &c->policy->ready);
	check_selected(c, &raw->segment, true);
	c->policy->boundaries[c->policy->boundary_count++] = *bd;
	if (bd->inbound)
		r = add_boundary_stmt(c, bd, true);
	if (bd->outbound && r == 0)
		r = add_boundary_stmt(c, bd, false);
	return r;
}

/* Combinations that are well-formed and yet cannot mean anything. */
static void check_sense(struct checker *c, const struct zt_stmt *s)
{
	if (s->action == ZT_DENY && s->from.qualified && s->to.qualified) {
		zt_diag_error(c->b->diag, &s->loc,
			      "a deny rule with a workload at both ends would deny nothing");
		zt_diag_remedy(c->b->diag, "no host knows the other's workload: "
					   "keep the condition at one end");
	}
	if (s->from.kind == ZT_END_THIS_HOST && s->to.kind == ZT_END_THIS_HOST) {
		zt_diag_warn(c->b->diag, &s->loc,
			     "matches nothing: connections within one host "
			     "are recorded, not judged");
		zt_diag_remedy(c->b->diag, "remove the statement");
	}
	if (s->from.kind == ZT_END_MULTICAST || s->from.kind == ZT_END_BROADCAST) {
		zt_diag_warn(c->b->diag, &s->from.loc, "nothing is ever sent from '%s'",
			     zt_end_builtin_name(s->from.kind));
		zt_diag_remedy(c->b->diag, "it stands on the to: side");
	}
}

static int check_stmt(struct checker *c, struct zt_raw_stmt *raw)
{
	struct zt_stmt *s = &raw->stmt;
	bool from_ok, to_ok;
	int r;

	if (raw->broken)
		return s->id ? take_id(c, s->id, &s->loc) : 0;
	r = zt_finish_when(c->b, raw);
	if (r < 0 && r != -EINVAL)
		return r;
	s->ready = zt_finish_ready(&raw->ready, &c->policy->ready);
	from_ok = resolve_end(c, &raw->from);
	to_ok = resolve_end(c, &raw->to);
	if (from_ok)
		check_selected(c, &raw->from, s->action == ZT_DENY);
	if (to_ok)
		check_selected(c, &raw->to, s->action == ZT_DENY);
	s->from = raw->from.end;
	s->to = raw->to.end;
	if (!raw->mode_given)
		s->mode = c->policy->mode;
	if (from_ok && to_ok)
		check_sense(c, s);
	c->policy->stmts[c->policy->stmt_count++] = *s;
	return take_id(c, s->id, &s->loc);
}

static int take_statements(struct checker *c)
{
	struct zt_builder *b = c->b;
	size_t most = 2 * b->boundary_count + b->rule_count + b->failsafe_count;
	int r = 0;

	c->id_locs = calloc(most + 1, sizeof(*c->id_locs));
	c->policy->stmts = zt_arena_array(b->arena, most, sizeof(*c->policy->stmts));
	c->policy->boundaries =
		zt_arena_array(b->arena, b->boundary_count, sizeof(*c->policy->boundaries));
	if (!c->id_locs || !c->policy->stmts || !c->policy->boundaries)
		return -ENOMEM;
	for (size_t i = 0; i < b->boundary_count && r == 0; i++)
		r = check_boundary(c, &b->boundaries[i]);
	for (size_t i = 0; i < b->rule_count && r == 0; i++)
		r = check_stmt(c, &b->rules[i]);
	for (size_t i = 0; i < b->failsafe_count && r == 0; i++)
		r = check_stmt(c, &b->failsafes[i]);
	return r;
}

static int take_digest(struct zt_policy *policy)
{
	zt_auto(zt_freep) char *text = NULL;
	zt_auto(zt_fclosep) FILE *out = NULL;
	size_t len = 0;
	int r;

	out = open_memstream(&text, &len);
	if (!out)
		return -ENOMEM;
	r = zt_policy_print(policy, out);
	if (r < 0 || fflush(out) != 0)
		return -ENOMEM;
	return zt_digest_of(text, len, policy->digest);
}

int zt_check_policy(struct zt_builder *b)
{
	zt_auto(checker_free) struct checker c = {.b = b, .policy = b->policy};
	int r;

	/* What was not read would be told to be missing. */
	if (b->incomplete || zt_diag_full(b->diag))
		return 0;
	if (b->diag->errors == 0) {
		need_key(b, &b->version_loc, "version", "begin the file with version: 1");
		need_key(b, &b->name_loc, "policy", "name it, as in policy: core-banking");
		need_key(b, &b->revision_loc, "revision",
			 "add revision: 1, and raise it with every change");
	}
	b->policy->ready = zt_finish_ready(&b->ready, NULL);
	b->policy->checked_s = time(NULL);
	r = zt_strmap_new(&c.ids);
	if (r == 0)
		r = take_inventory(&c);
	if (r == 0)
		r = take_statements(&c);
	if (r == 0)
		r = zt_check_conditions(b->policy, b->diag);
	if (r == 0)
		r = zt_arena_error(b->arena);
	if (r == 0 && b->diag->errors == 0)
		r = take_digest(b->policy);
	if (r == 0 && b->diag->errors == 0)
		r = zt_policy_lint(b->policy, b->policy->checked_s, b->diag);
	return r;
}
