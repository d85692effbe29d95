// SPDX-License-Identifier: Apache-2.0
/*
 * intent_modes.c - promotions as a list, and statements of two policies compared.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/vec.h"
#include "datapath/intent_priv.h"

/* --- the list ------------------------------------------------------------------------------- */

void zt_modes_free(struct zt_modes *modes)
{
	for (size_t i = 0; i < modes->count; i++)
		free((char *)modes->rows[i].id);
	free(modes->rows);
	memset(modes, 0, sizeof(*modes));
}

/* Number of the first row that is not before @id. */
static size_t lower_bound(const struct zt_modes *modes, const char *id)
{
	size_t low = 0, high = modes->count;

	while (low < high) {
		size_t mid = low + (high - low) / 2;

		if (strcmp(modes->rows[mid].id, id) < 0)
			low = mid + 1;
		else
			high = mid;
	}
	return low;
}

const struct zt_promoted *zt_modes_get(const struct zt_modes *modes, const char *id)
{
	size_t at = lower_bound(modes, id);

	return at < modes->count && !strcmp(modes->rows[at].id, id) ? &modes->rows[at] : NULL;
}

int zt_modes_set(struct zt_modes *modes, const char *id, bool enforced, unsigned int percent)
{
	size_t at = lower_bound(modes, id);
	char *copy;

	if (at == modes->count || strcmp(modes->rows[at].id, id) != 0) {
		if (zt_vec_grow(&modes->rows, &modes->cap, modes->count + 1, sizeof(*modes->rows)) <
		    0)
			return -ENOMEM;
		copy = strdup(id);
		if (!copy)
			return -ENOMEM;
		memmove(&modes->rows[at + 1], &modes->rows[at],
			(modes->count - at) * sizeof(*modes->rows));
		modes->count++;
		modes->rows[at].id = copy;
	}
	modes->rows[at].enforced = enforced;
	modes->rows[at].percent = percent;
	return 0;
}

int zt_modes_copy(struct zt_modes *ret, const struct zt_promoted *rows, size_t count)
{
	struct zt_modes copy = {};

	for (size_t i = 0; i < count; i++) {
		if (zt_modes_set(&copy, rows[i].id, rows[i].enforced, rows[i].percent) < 0) {
			zt_modes_free(&copy);
			return -ENOMEM;
		}
	}
	zt_modes_free(ret);
	*ret = copy;
	return 0;
}

struct ref {
	const struct zt_stmt *stmt;
};

static int by_id(const void *a, const void *b)
{
	return strcmp(((const struct ref *)a)->stmt->id, ((const struct ref *)b)->stmt->id);
}

/* The statements of a policy sorted by id; thousands are looked up. */
static struct ref *sorted(const struct zt_policy *policy, size_t *ret_count)
{
	size_t count = policy ? policy->stmt_count : 0;
	struct ref *list = calloc(count + 1, sizeof(*list));

	for (size_t i = 0; list && i < count; i++)
		list[i].stmt = &policy->stmts[i];
	if (list)
		qsort(list, count, sizeof(*list), by_id);
	*ret_count = count;
	return list;
}

static const struct zt_stmt *find(const struct ref *list, size_t count, const char *id)
{
	const struct zt_stmt named = {.id = id};
	const struct ref key = {.stmt = &named};
	const struct ref *hit = bsearch(&key, list, count, sizeof(*list), by_id);

	return hit ? hit->stmt : NULL;
}

void zt_modes_prune(struct zt_modes *modes, const struct zt_policy *policy, bool as_written)
{
	zt_auto(zt_freep) struct ref *list = NULL;
	size_t kept = 0, count;

	list = sorted(policy, &count);
	if (!list)
		return; /* rows too many change nothing */
	for (size_t i = 0; i < modes->count; i++) {
		struct zt_promoted row = modes->rows[i];
		const struct zt_stmt *stmt = find(list, count, row.id);
		bool says = stmt && stmt->mode == ZT_MODE_ENFORCED;
		bool same = row.enforced == says && (!says || row.percent == 100);

		if (!stmt || same || (as_written && !row.enforced))
			free((char *)row.id);
		else
			modes->rows[kept++] = row;
	}
	modes->count = kept;
}

unsigned int zt_mode_of(const struct zt_stmt *stmt, const struct zt_modes *modes)
{
	const struct zt_promoted *row = zt_modes_get(modes, stmt->id);

	if (row && stmt->kind != ZT_STMT_FAILSAFE)
		return row->enforced ? row->percent : 0;
	return stmt->mode == ZT_MODE_ENFORCED ? 100 : 0;
}

const struct zt_stmt *zt_policy_stmt(const struct zt_policy *policy, const char *id)
{
	for (size_t i = 0; i < policy->stmt_count; i++)
		if (!strcmp(policy->stmts[i].id, id))
			return &policy->stmts[i];
	return NULL;
}

/* --- statements compared --------------------------------------------------------------------- */

static bool same_text(const char *a, const char *b)
{
	return a == b || (a && b && !strcmp(a, b));
}

static bool same_nets(const struct zt_net *a, size_t a_count, const struct zt_net *b,
		      size_t b_count)
{
	if (a_count != b_count)
		return false;
	for (size_t i = 0; i < a_count; i++)
		if (memcmp(&a[i].key, &b[i].key, sizeof(a[i].key)) != 0)
			return false;
	return true;
}

static bool same_labels(const struct zt_label *a, size_t a_count, const struct zt_label *b,
			size_t b_count)
{
	if (a_count != b_count)
		return false;
	for (size_t i = 0; i < a_count; i++)
		if (!same_text(a[i].key, b[i].key) || !same_text(a[i].value, b[i].value))
			return false;
	return true;
}

static bool same_segment(const struct zt_segment *a, const struct zt_segment *b)
{
	return same_text(a->name, b->name) &&
	       same_labels(a->select, a->select_count, b->select, b->select_count) &&
	       same_nets(a->addresses, a->address_count, b->addresses, b->address_count) &&
	       same_nets(a->except, a->except_count, b->except, b->except_count);
}

static bool same_end(const struct zt_policy *pa, const struct zt_end *a, const struct zt_policy *pb,
		     const struct zt_end *b)
{
	const struct zt_qualifier *p = &a->qual, *q = &b->qual;

	if (a->kind != b->kind || a->qualified != b->qualified)
		return false;
	if (a->kind == ZT_END_SEGMENT &&
	    !same_segment(&pa->segments[a->segment], &pb->segments[b->segment]))
		return false;
	if (a->kind == ZT_END_NETS && !same_nets(a->nets, a->net_count, b->nets, b->net_count))
		return false;
	return same_text(p->unit.s, q->unit.s) && same_text(p->cgroup.s, q->cgroup.s) &&
	       same_text(p->user.s, q->user.s) && same_text(p->exe.s, q->exe.s);
}

static bool same_when(const struct zt_when *a, const struct zt_when *b)
{
	return a->given == b->given && a->hour_count == b->hour_count &&
	       (!a->hour_count || !memcmp(a->hours, b->hours, a->hour_count * sizeof(*a->hours))) &&
	       (!a->hour_count || same_text(a->timezone, b->timezone)) &&
	       same_labels(a->labels, a->label_count, b->labels, b->label_count);
}

static bool same_ports(const struct zt_ports *a, const struct zt_ports *b)
{
	return a->count == b->count && !memcmp(a->ranges, b->ranges, a->count * sizeof(*a->ranges));
}

bool zt_stmt_same(const struct zt_policy *pa, const struct zt_stmt *a, const struct zt_policy *pb,
		  const struct zt_stmt *b)
{
	return a->kind == b->kind && a->action == b->action && a->existing == b->existing &&
	       a->expires_s == b->expires_s && same_end(pa, &a->from, pb, &b->from) &&
	       same_end(pa, &a->to, pb, &b->to) && same_ports(&a->ports, &b->ports) &&
	       same_when(&a->when, &b->when);
}

/* --- what a change does ---------------------------------------------------------------------- */

static int add_effect(struct zt_outcome *outcome, const char *id, enum zt_effect_kind kind,
		      unsigned int percent)
{
	size_t n = outcome->effect_count;
	struct zt_effect *grown;

	/* Doubled at every power of two. */
	if ((n & (n - 1)) == 0) {
		grown = realloc(outcome->effects, (n ? 2 * n : 1) * sizeof(*grown));
		if (!grown)
			return -ENOMEM;
		outcome->effects = grown;
	}
	outcome->effects[n].id = strdup(id);
	if (!outcome->effects[n].id)
		return -ENOMEM;
	outcome->effects[n].kind = kind;
	outcome->effects[n].percent = percent;
	outcome->effect_count++;
	return 0;
}

void zt_outcome_free(struct zt_outcome *outcome)
{
	for (size_t i = 0; i < outcome->effect_count; i++)
		free(outcome->effects[i].id);
	zt_freep(&outcome->effects);
	outcome->effect_count = 0;
}

static int effect_of(struct zt_outcome *outcome, const struct zt_reading *from,
		     const struct zt_reading *to, const struct zt_stmt *stmt,
		     const struct zt_stmt *old)
{
	unsigned int is = zt_mode_of(stmt, &to->modes);
	unsigned int was = old ? zt_mode_of(old, &from->modes) : 0;

	if (is && is != was)
		return add_effect(outcome, stmt->id, ZT_EFFECT_ENFORCED, is);
	if (is && !zt_stmt_same(from->policy, old, to->policy, stmt))
		return add_effect(outcome, stmt->id, ZT_EFFECT_CHANGED, is);
	if (!is && was)
		return add_effect(outcome, stmt->id, ZT_EFFECT_STAGED, 0);
	if (!is && stmt->mode == ZT_MODE_ENFORCED)
		return add_effect(outcome, stmt->id, ZT_EFFECT_HELD, 0);
	return 0;
}

int zt_outcome_effects(struct zt_outcome *outcome, const struct zt_reading *from,
		       const struct zt_reading *to)
{
	zt_auto(zt_freep) struct ref *old = NULL;
	zt_auto(zt_freep) struct ref *fresh = NULL;
	size_t old_count, fresh_count;
	int r = 0;

	old = sorted(from->policy, &old_count);
	fresh = sorted(to->policy, &fresh_count);
	if (!old || !fresh)
		return -ENOMEM;
	for (size_t i = 0; i < to->policy->stmt_count && r == 0; i++) {
		const struct zt_stmt *stmt = &to->policy->stmts[i];

		r = effect_of(outcome, from, to, stmt, find(old, old_count, stmt->id));
	}
	for (size_t i = 0; i < old_count && r == 0; i++) {
		const struct zt_stmt *stmt = old[i].stmt;

		if (zt_mode_of(stmt, &from->modes) && !find(fresh, fresh_count, stmt->id))
			r = add_effect(outcome, stmt->id, ZT_EFFECT_REMOVED, 0);
	}
	return r;
}
