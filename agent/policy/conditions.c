/* SPDX-License-Identifier: Apache-2.0 */
/* conditions.c - whether some host can have the labels that a rule's `when` asks for. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "base/cleanup.h"
#include "base/strbuf.h"
#include "base/strmap.h"
#include "policy/build.h"
#include "policy/select.h"

/* Labels of a rule's `from` end and of its `when` together, as selectors that are looked up. */
struct conditions {
	const struct zt_policy *policy;
	struct zt_diag *diag;
	struct zt_arena *arena;
	struct zt_strmap *texts; /* "key=value," of a selector -> number in @wanted */
	struct zt_segment *wanted;
	uint32_t *wanted_by; /* statement -> number in @wanted, or ZT_STRMAP_NONE */
};

static void conditions_free(struct conditions *c)
{
	zt_arena_free(&c->arena);
	zt_strmap_free(&c->texts);
	free(c->wanted);
	free(c->wanted_by);
}

/* A label of the end and one of the condition contradict each other. */
static void note_contradiction(struct conditions *c, const struct zt_stmt *s,
			       const struct zt_label *end, const struct zt_label *label)
{
	const char *name = c->policy->segments[s->from.segment].name;

	if (s->action == ZT_DENY)
		zt_diag_error(c->diag, &label->loc,
			      "segment '%s' has '%s: %s', so this would deny nothing", name,
			      end->key, end->value);
	else
		zt_diag_warn(c->diag, &label->loc,
			     "segment '%s' has '%s: %s', so this never matches", name, end->key,
			     end->value);
	zt_diag_remedy(c->diag, "remove the condition, or name another segment");
}

/* Merges two lists of labels, both sorted. Returns false when they contradict each other. */
static bool merge(struct conditions *c, const struct zt_stmt *s, struct zt_segment *ret)
{
	const struct zt_segment *seg = NULL;
	size_t i = 0, j = 0, count = 0;

	if (s->from.kind == ZT_END_SEGMENT)
		seg = &c->policy->segments[s->from.segment];
	/* What has addresses of its own takes hosts without its labels too. */
	if (seg && !seg->address_count)
		count = seg->select_count;
	while (i < count || j < s->when.label_count) {
		const struct zt_label *a = i < count ? &seg->select[i] : NULL;
		const struct zt_label *b = j < s->when.label_count ? &s->when.labels[j] : NULL;
		int order = !a ? 1 : !b ? -1 : strcmp(a->key, b->key);

		if (order == 0 && strcmp(a->value, b->value) != 0) {
			note_contradiction(c, s, a, b);
			return false;
		}
		ret->select[ret->select_count++] = order <= 0 ? *a : *b;
		i += order <= 0;
		j += order >= 0;
	}
	return true;
}

static int want(struct conditions *c, size_t number)
{
	zt_auto(zt_strbuf_free) struct zt_strbuf text = ZT_STRBUF_INIT;
	const struct zt_stmt *s = &c->policy->stmts[number];
	struct zt_segment seg = {.name = ""};
	size_t most = s->when.label_count;
	bool is_new;
	uint32_t n;

	c->wanted_by[number] = ZT_STRMAP_NONE;
	if (!s->when.label_count)
		return 0;
	if (s->from.kind == ZT_END_SEGMENT && s->from.segment >= c->policy->segment_count)
		return 0; /* not resolved; noted */
	if (s->from.kind == ZT_END_SEGMENT)
		most += c->policy->segments[s->from.segment].select_count;
	seg.select = zt_arena_array(c->arena, most, sizeof(*seg.select));
	if (!seg.select)
		return -ENOMEM;
	if (!merge(c, s, &seg))
		return 0;
	for (size_t i = 0; i < seg.select_count; i++)
		zt_strbuf_printf(&text, "%s=%s\n", seg.select[i].key, seg.select[i].value);
	n = zt_strmap_intern(c->texts, zt_strbuf_text(&text), text.len, &is_new);
	if (n == ZT_STRMAP_NONE || zt_strbuf_error(&text))
		return -ENOMEM;
	c->wanted_by[number] = n;
	if (is_new)
		c->wanted[n] = seg;
	return 0;
}

/* Asks which hosts have them as if each were a segment. */
static int count_hosts(struct conditions *c)
{
	zt_auto(zt_selection_free) struct zt_selection selection = {0};
	struct zt_policy asked = *c->policy;

	asked.segments = c->wanted;
	asked.segment_count = zt_strmap_count(c->texts);
	if (zt_selection_make(&asked, &selection) < 0)
		return -ENOMEM;
	for (size_t g = 0; g < selection.group_count; g++)
		for (size_t i = 0; i < selection.segments_of_group[g].count; i++)
			c->wanted[selection.segments_of_group[g].items[i]].selected +=
				selection.hosts_in_group[g];
	return 0;
}

static void judge(struct conditions *c, const struct zt_stmt *s, const struct zt_segment *wanted)
{
	const struct zt_loc *loc = &s->when.labels[0].loc;

	if (wanted->selected)
		return;
	if (s->action == ZT_DENY)
		zt_diag_error(
			c->diag, loc,
			"no host of the inventory has these labels at the from: end, so this would deny nothing");
	else
		zt_diag_warn(c->diag, loc,
			     "no host of the inventory has these labels at the from: end");
	zt_diag_remedy(c->diag,
		       "correct them, or label a host (one without addresses where labels are "
		       "set at run time)");
}

int zt_check_conditions(const struct zt_policy *policy, struct zt_diag *diag)
{
	zt_auto(conditions_free) struct conditions c = {.policy = policy, .diag = diag};
	int r;

	c.wanted = calloc(policy->stmt_count + 1, sizeof(*c.wanted));
	c.wanted_by = calloc(policy->stmt_count + 1, sizeof(*c.wanted_by));
	if (!c.wanted || !c.wanted_by || zt_arena_new(&c.arena) < 0 || zt_strmap_new(&c.texts) < 0)
		return -ENOMEM;
	for (size_t i = 0; i < policy->stmt_count; i++) {
		r = want(&c, i);
		if (r < 0)
			return r;
	}
	if (!zt_strmap_count(c.texts))
		return 0;
	r = count_hosts(&c);
	if (r < 0)
		return r;
	for (size_t i = 0; i < policy->stmt_count; i++)
		if (c.wanted_by[i] != ZT_STRMAP_NONE)
			judge(&c, &policy->stmts[i], &c.wanted[c.wanted_by[i]]);
	return 0;
}
