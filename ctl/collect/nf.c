/* SPDX-License-Identifier: Apache-2.0 */
/* nf.c - puts rules together, whatever language they were written in. */
#include <errno.h>
#include <string.h>

#include "base/addr.h"
#include "base/cleanup.h"
#include "ctl/collect/nf.h"

#define NAMES_MAX 256

int ztc_nf_init(struct ztc_nf *nf)
{
	*nf = (struct ztc_nf){0};
	return zt_arena_new(&nf->arena);
}

void ztc_nf_free(struct ztc_nf *nf)
{
	zt_arena_free(&nf->arena);
	*nf = (struct ztc_nf){0};
}

int ztc_nf_proto(const char *name)
{
	if (strcmp(name, "ipv6-icmp") == 0)
		name = "icmpv6";
	for (int i = 1; i <= UINT8_MAX; i++) {
		const char *known = zt_proto_name((uint8_t)i);

		if (known && strcmp(known, name) == 0)
			return i;
	}
	return -1;
}

static const char *copy(struct ztc_nf *nf, const char *text)
{
	return text ? zt_arena_text(nf->arena, text, strlen(text)) : NULL;
}

static bool is_chain(const struct ztc_nf_chain *c, const char *source, const char *family,
		     const char *table, const char *name)
{
	return strcmp(c->name, name) == 0 && strcmp(c->table, table) == 0 &&
	       strcmp(c->family, family) == 0 && strcmp(c->source, source) == 0;
}

struct ztc_nf_chain *ztc_nf_chain(struct ztc_nf *nf, const char *source, const char *family,
				  const char *table, const char *name)
{
	struct ztc_nf_chain *chain, **end = &nf->chains;

	/* Rules of one chain are listed together. */
	if (nf->at && is_chain(nf->at, source, family, table, name))
		return nf->at;
	for (; *end; end = &(*end)->next) {
		if (is_chain(*end, source, family, table, name))
			return nf->at = *end;
	}
	chain = zt_arena_alloc(nf->arena, sizeof(*chain));
	if (!chain)
		return NULL;
	chain->source = copy(nf, source);
	chain->family = copy(nf, family);
	chain->table = copy(nf, table);
	chain->name = copy(nf, name);
	if (zt_arena_error(nf->arena) < 0)
		return NULL;
	*end = chain;
	return nf->at = chain;
}

struct ztc_nf_match *ztc_nf_match(struct ztc_nf_draft *draft, enum ztc_nf_field field)
{
	struct ztc_nf_match *match;

	if (draft->count == ZTC_NF_MATCHES_MAX) {
		match = &draft->matches[ZTC_NF_MATCHES_MAX - 1];
		ztc_spans_free(&match->values);
		field = ZTC_NF_UNKNOWN;
	} else {
		match = &draft->matches[draft->count++];
	}
	*match = (struct ztc_nf_match){.field = field};
	return match;
}

void ztc_nf_cut(struct ztc_nf_draft *draft, size_t count)
{
	while (draft->count > count)
		ztc_spans_free(&draft->matches[--draft->count].values);
}

void ztc_nf_draft_free(struct ztc_nf_draft *draft)
{
	ztc_nf_cut(draft, 0);
}

void ztc_nf_name(struct ztc_nf *nf, struct ztc_nf_match *match, const char *name)
{
	if (!match->names)
		match->names = zt_arena_array(nf->arena, NAMES_MAX, sizeof(*match->names));
	if (!match->names || match->name_count == NAMES_MAX) {
		match->field = ZTC_NF_UNKNOWN;
		return;
	}
	match->names[match->name_count++] = copy(nf, name);
}

static bool copy_matches(struct ztc_nf *nf, struct ztc_nf_rule *rule,
			 const struct ztc_nf_draft *draft)
{
	rule->matches = zt_arena_array(nf->arena, draft->count, sizeof(*rule->matches));
	rule->count = draft->count;
	if (!rule->matches)
		return draft->count == 0;
	for (size_t i = 0; i < draft->count; i++) {
		const struct ztc_spans *from = &draft->matches[i].values;
		struct ztc_spans *to = &rule->matches[i].values;

		rule->matches[i] = draft->matches[i];
		*to = (struct ztc_spans){.count = from->count, .cut = from->cut};
		to->items = zt_arena_array(nf->arena, from->count, sizeof(*to->items));
		if (!to->items && from->count)
			return false;
		if (from->count)
			memcpy(to->items, from->items, from->count * sizeof(*to->items));
		if (from->cut)
			rule->matches[i].field = ZTC_NF_UNKNOWN;
	}
	return true;
}

void ztc_nf_add(struct ztc_nf *nf, struct ztc_nf_chain *chain, const struct ztc_nf_draft *draft,
		enum ztc_nf_verdict verdict, const char *target, uint64_t number)
{
	struct ztc_nf_rule *rule;

	if (nf->rule_count >= ZTC_NF_RULES_MAX) {
		nf->broken = "more rules than are looked at";
		return;
	}
	rule = zt_arena_alloc(nf->arena, sizeof(*rule));
	if (!rule || !copy_matches(nf, rule, draft)) {
		nf->broken = "no memory";
		return;
	}
	rule->verdict = verdict;
	rule->target = copy(nf, target);
	rule->in = chain;
	rule->logs = draft->logs;
	rule->to_port = draft->to_port;
	rule->number = number;
	if (chain->last)
		chain->last->next = rule;
	else
		chain->first = rule;
	chain->last = rule;
	chain->rule_count++;
	nf->rule_count++;
}

static const struct ztc_nf_chain *find(const struct ztc_nf *nf, const struct ztc_nf_chain *like,
				       const char *name)
{
	for (const struct ztc_nf_chain *c = nf->chains; c; c = c->next) {
		if (is_chain(c, like->source, like->family, like->table, name))
			return c;
	}
	return NULL;
}

void ztc_nf_link(struct ztc_nf *nf)
{
	for (struct ztc_nf_chain *c = nf->chains; c; c = c->next) {
		for (struct ztc_nf_rule *r = c->first; r; r = r->next) {
			if (r->target)
				r->to = find(nf, c, r->target);
			/* A chain that is not there: nothing is known of what it would do. */
			if ((r->verdict == ZTC_NF_JUMP || r->verdict == ZTC_NF_GOTO) && !r->to)
				r->verdict = ZTC_NF_ELSEWHERE;
		}
	}
}
