/* SPDX-License-Identifier: Apache-2.0 */
/* nf_eval.c - follows a new connection through the chains, for all sources at once. */
#include <errno.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/vec.h"
#include "ctl/collect/nf.h"

#define BRANCHES_MAX 2000

/* How sure it is that a rule applies to the sources that it names; the worst of its conditions. */
enum level {
	YES,
	SOMETIMES,
	SET_BEFORE,
	UNKNOWN,
	NO,
};

/* Sources that one verdict has let through so far. */
struct branch {
	struct ztc_spans sources;
	const struct ztc_nf_rule *rule; /* NULL: a policy */
	bool certain;
};

struct branches {
	struct branch *items;
	size_t count, cap;
};

struct walk {
	const struct ztc_nf_packet *packet;
	uint64_t *budget;
	struct branches out;		 /* of the base chain that is walked */
	struct branches elsewhere;	 /* what no later chain is asked about as it is now */
	const struct ztc_nf_rule *doubt; /* a drop that could not be counted */
	const struct ztc_nf_rule *denied_by;
	const struct ztc_nf_chain *policy_of;
	bool logged;
	int error;
};

static void branches_free(struct branches *b)
{
	for (size_t i = 0; i < b->count; i++)
		ztc_spans_free(&b->items[i].sources);
	free(b->items);
	*b = (struct branches){0};
}

/* Takes over @sources. */
static void branch_add(struct walk *walk, struct branches *to, struct ztc_spans *sources,
		       const struct ztc_nf_rule *rule, bool certain)
{
	if (sources->cut)
		walk->error = -E2BIG;
	if (!sources->count) {
		ztc_spans_free(sources);
		return;
	}
	if (to->count >= BRANCHES_MAX ||
	    zt_vec_grow(&to->items, &to->cap, to->count + 1, sizeof(*to->items)) < 0) {
		walk->error = -E2BIG;
		ztc_spans_free(sources);
		return;
	}
	to->items[to->count++] = (struct branch){*sources, rule, certain};
	*sources = (struct ztc_spans){0};
}

static bool name_fits(const struct ztc_nf_match *m, const char *interface)
{
	for (size_t i = 0; i < m->name_count; i++) {
		size_t len = strlen(m->names[i]);

		if (len && m->names[i][len - 1] == '*') {
			if (strncmp(m->names[i], interface, len - 1) == 0)
				return true;
		} else if (strcmp(m->names[i], interface) == 0) {
			return true;
		}
	}
	return false;
}

/* Packets to us carry one of our addresses: which one is the sender's choice. */
static enum level fits_destination(const struct ztc_nf_match *m, const struct ztc_nf_packet *p)
{
	size_t in = 0;

	if (m->family != p->family)
		return NO;
	if (!p->addresses || !p->addresses->count)
		return UNKNOWN;
	for (size_t i = 0; i < p->addresses->count; i++)
		in += ztc_spans_has(&m->values, p->addresses->items[i].lo);
	if (m->negate)
		in = p->addresses->count - in;
	return in == p->addresses->count ? YES : in ? SOMETIMES : NO;
}

static enum level fits_number(const struct ztc_nf_match *m, int value)
{
	return (value >= 0 && ztc_spans_has(&m->values, (ztc_u128)value) != m->negate) ? YES : NO;
}

static enum level fits(const struct ztc_nf_match *m, const struct ztc_nf_packet *p)
{
	switch (m->field) {
	case ZTC_NF_NEVER:
		return m->negate ? YES : NO;
	case ZTC_NF_SOMETIMES:
		return SOMETIMES;
	case ZTC_NF_SET:
		return SET_BEFORE;
	case ZTC_NF_FAMILY:
		return fits_number(m, p->family);
	case ZTC_NF_IIF:
		return name_fits(m, p->interface) != m->negate ? YES : NO;
	case ZTC_NF_OIF:
		return !p->out ? UNKNOWN : name_fits(m, p->out) != m->negate ? YES : NO;
	case ZTC_NF_PROTO:
		return fits_number(m, p->proto);
	case ZTC_NF_DPORT:
		return fits_number(m, p->port);
	case ZTC_NF_SADDR:
		return m->family == p->family ? YES : NO;
	case ZTC_NF_DADDR:
		return fits_destination(m, p);
	case ZTC_NF_UNKNOWN:
		break;
	}
	return UNKNOWN;
}

/* What of @alive a rule applies to, and how surely. @ret is set unless NO. */
static enum level apply(struct walk *walk, const struct ztc_nf_rule *rule,
			const struct ztc_spans *alive, struct ztc_spans *ret)
{
	enum level level = YES;

	for (size_t i = 0; i < rule->count; i++) {
		enum level l = fits(&rule->matches[i], walk->packet);

		if (l > level)
			level = l;
		if (*walk->budget)
			--*walk->budget;
		if (level == NO)
			return NO;
	}
	ztc_spans_copy(ret, alive);
	for (size_t i = 0; i < rule->count; i++) {
		const struct ztc_nf_match *m = &rule->matches[i];
		struct ztc_spans next = {0};

		if (m->field != ZTC_NF_SADDR)
			continue;
		if (m->negate)
			ztc_spans_minus(&next, ret, &m->values);
		else
			ztc_spans_and(&next, ret, &m->values);
		*walk->budget -= *walk->budget < m->values.count ? *walk->budget : m->values.count;
		ztc_spans_free(ret);
		*ret = next;
	}
	return ret->count ? level : NO;
}

static void take_off(struct ztc_spans *from, const struct ztc_spans *what)
{
	struct ztc_spans rest = {0};

	ztc_spans_minus(&rest, from, what);
	ztc_spans_free(from);
	*from = rest;
}

static void put_in(struct ztc_spans *to, const struct ztc_spans *what)
{
	struct ztc_spans sum = {0};

	ztc_spans_union(&sum, to, what);
	ztc_spans_free(to);
	*to = sum;
}

static void drop(struct walk *walk, const struct ztc_nf_rule *rule, enum level level,
		 struct ztc_spans *alive, const struct ztc_spans *hit)
{
	bool everybody = ztc_spans_any(hit, walk->packet->family);

	if (level == YES) {
		if (everybody)
			walk->denied_by = rule;
		take_off(alive, hit);
	} else if (level == UNKNOWN && everybody && !walk->doubt) {
		walk->doubt = rule;
	}
}

static void chain_walk(struct walk *walk, const struct ztc_nf_chain *chain, enum level level,
		       struct ztc_spans *alive, unsigned int depth);

/* jump, goto: what falls off the end of the other chain goes on here, or in the one above. */
static void follow(struct walk *walk, const struct ztc_nf_rule *rule, enum level level,
		   struct ztc_spans *alive, struct ztc_spans *hit, struct ztc_spans *fell,
		   unsigned int depth)
{
	zt_auto(ztc_spans_free) struct ztc_spans before = {0};

	ztc_spans_copy(&before, hit);
	chain_walk(walk, rule->to, level, hit, depth + 1);
	if (level == YES)
		take_off(alive, &before);
	if (rule->verdict == ZTC_NF_GOTO)
		put_in(fell, hit);
	else if (level == YES)
		put_in(alive, hit);
}

static void rule_walk(struct walk *walk, const struct ztc_nf_rule *rule, enum level outer,
		      struct ztc_spans *alive, struct ztc_spans *fell, unsigned int depth)
{
	zt_auto(ztc_spans_free) struct ztc_spans hit = {0};
	enum level level = apply(walk, rule, alive, &hit);

	if (level == NO)
		return;
	if (outer > level)
		level = outer;
	/* What is logged at a limited rate is logged. */
	if (rule->logs && level <= SOMETIMES && ztc_spans_covers(&hit, alive))
		walk->logged = true;
	switch (rule->verdict) {
	case ZTC_NF_CONTINUE:
		break;
	case ZTC_NF_ACCEPT:
	case ZTC_NF_ELSEWHERE:
		if (level <= SOMETIMES)
			take_off(alive, &hit);
		branch_add(walk, rule->verdict == ZTC_NF_ACCEPT ? &walk->out : &walk->elsewhere,
			   &hit, rule, level <= SOMETIMES && rule->verdict == ZTC_NF_ACCEPT);
		break;
	case ZTC_NF_DROP:
		drop(walk, rule, level, alive, &hit);
		break;
	case ZTC_NF_RETURN:
		put_in(fell, &hit);
		if (level == YES)
			take_off(alive, &hit);
		break;
	case ZTC_NF_JUMP:
	case ZTC_NF_GOTO:
		if (depth < ZTC_NF_DEPTH_MAX)
			follow(walk, rule, level, alive, &hit, fell, depth);
		else
			walk->error = -E2BIG;
		break;
	}
}

/* On return @alive is what fell off the end or came back. */
static void chain_walk(struct walk *walk, const struct ztc_nf_chain *chain, enum level level,
		       struct ztc_spans *alive, unsigned int depth)
{
	zt_auto(ztc_spans_free) struct ztc_spans fell = {0};

	for (const struct ztc_nf_rule *r = chain->first; r && alive->count && !walk->error;
	     r = r->next) {
		if (*walk->budget == 0)
			walk->error = -E2BIG;
		else
			rule_walk(walk, r, level, alive, &fell, depth);
	}
	put_in(alive, &fell);
	if (alive->cut)
		walk->error = -E2BIG;
}

static bool met(const struct ztc_nf_chain *chain, const struct ztc_nf_packet *packet)
{
	if (chain->hook == ZTC_NF_NO_HOOK ||
	    (chain->hook != packet->last && chain->hook >= ZTC_NF_INPUT))
		return false;
	if ((strcmp(chain->family, "ip") == 0 && packet->family != 4) ||
	    (strcmp(chain->family, "ip6") == 0 && packet->family != 6) ||
	    strcmp(chain->family, "arp") == 0 || strcmp(chain->family, "bridge") == 0)
		return false;
	return !chain->device || strcmp(chain->device, packet->interface) == 0;
}

/* The base chain after (@hook, @prio, @last) in the order that packets meet them. */
static const struct ztc_nf_chain *next_chain(const struct ztc_nf *nf,
					     const struct ztc_nf_packet *packet,
					     const struct ztc_nf_chain *last)
{
	const struct ztc_nf_chain *best = NULL;
	bool after = !last;

	for (const struct ztc_nf_chain *c = nf->chains; c; c = c->next) {
		bool later = !last || c->hook > last->hook ||
			     (c->hook == last->hook &&
			      (c->prio > last->prio || (c->prio == last->prio && after)));

		after |= c == last;
		if (c == last || !met(c, packet) || !later)
			continue;
		if (!best || c->hook < best->hook ||
		    (c->hook == best->hook && c->prio < best->prio))
			best = c;
	}
	return best;
}

/* Sources that came this far by any way. */
static void all_of(const struct branches *b, struct ztc_spans *ret, bool certain_only)
{
	*ret = (struct ztc_spans){0};
	for (size_t i = 0; i < b->count; i++) {
		if (b->items[i].certain || !certain_only)
			put_in(ret, &b->items[i].sources);
	}
}

/* Who passed both: what came in by @in and left by walk->out. */
static void join(struct walk *walk, struct branches *in)
{
	struct branches both = {0};

	for (size_t i = 0; i < in->count; i++) {
		for (size_t j = 0; j < walk->out.count && !walk->error; j++) {
			const struct branch *a = &in->items[i], *b = &walk->out.items[j];
			struct ztc_spans sources;

			ztc_spans_and(&sources, &a->sources, &b->sources);
			branch_add(walk, &both, &sources, b->rule && a->certain ? b->rule : a->rule,
				   a->certain && b->certain);
		}
	}
	branches_free(&walk->out);
	branches_free(in);
	*in = both;
}

static void base_walk(struct walk *walk, const struct ztc_nf_chain *chain, struct branches *in)
{
	/* A chain of some device that we cannot tell: its drops are not counted. */
	enum level level = chain->hook == ZTC_NF_INGRESS && !chain->device ? UNKNOWN : YES;
	zt_auto(ztc_spans_free) struct ztc_spans alive = {0};

	all_of(in, &alive, false);
	chain_walk(walk, chain, level, &alive, 0);
	if (chain->drop && level == YES) {
		if (ztc_spans_any(&alive, walk->packet->family)) {
			walk->denied_by = NULL;
			walk->policy_of = chain;
		}
	} else {
		branch_add(walk, &walk->out, &alive, NULL, true);
	}
	join(walk, in);
}

static const struct ztc_nf_rule *rule_of(const struct branches *b, bool certain, int family)
{
	const struct ztc_nf_rule *rule = NULL;

	for (size_t i = 0; i < b->count; i++) {
		if (b->items[i].certain != certain)
			continue;
		rule = b->items[i].rule;
		if (ztc_spans_any(&b->items[i].sources, family))
			break; /* the one that lets everybody in */
	}
	return rule;
}

static void conclude(struct walk *walk, const struct branches *in, const struct ztc_nf_chain *last,
		     struct ztc_nf_answer *ret)
{
	int family = walk->packet->family;
	zt_auto(ztc_spans_free) struct ztc_spans all = {0};

	all_of(in, &ret->peers, true);
	all_of(in, &all, false);
	ret->chain = walk->policy_of ? walk->policy_of : last;
	ret->logged = walk->logged;
	if (ztc_spans_any(&ret->peers, family)) {
		ret->outcome = walk->doubt ? ZTC_NF_UNDECIDED : ZTC_NF_ANY;
		ret->rule = walk->doubt ? walk->doubt : rule_of(in, true, family);
		if (walk->doubt) /* that drop may be meant for any of them */
			ztc_spans_free(&ret->peers);
	} else if (!ztc_spans_covers(&ret->peers, &all)) {
		ret->outcome = ZTC_NF_UNDECIDED;
		ret->rule = rule_of(in, false, family);
	} else if (ret->peers.count) {
		ret->outcome = ZTC_NF_PEERS;
		ret->rule = rule_of(in, true, family);
	} else {
		ret->outcome = ZTC_NF_DENY;
		ret->rule = walk->denied_by;
	}
}

int ztc_nf_ask(const struct ztc_nf *nf, const struct ztc_nf_packet *packet, uint64_t *budget,
	       struct ztc_nf_answer *ret)
{
	struct walk walk = {.packet = packet, .budget = budget};
	const struct ztc_nf_chain *chain = NULL, *last = NULL;
	struct ztc_spans everybody = {0};
	struct branches in = {0};

	*ret = (struct ztc_nf_answer){0};
	ztc_spans_add(&everybody, 0, ztc_family_last(packet->family));
	branch_add(&walk, &in, &everybody, NULL, true);
	while (!walk.error && in.count && (chain = next_chain(nf, packet, chain))) {
		base_walk(&walk, chain, &in);
		last = chain;
	}
	for (size_t i = 0; i < walk.elsewhere.count; i++)
		branch_add(&walk, &in, &walk.elsewhere.items[i].sources,
			   walk.elsewhere.items[i].rule, false);
	if (!walk.error)
		conclude(&walk, &in, last, ret);
	branches_free(&in);
	branches_free(&walk.out);
	branches_free(&walk.elsewhere);
	return walk.error;
}

void ztc_nf_answer_free(struct ztc_nf_answer *answer)
{
	ztc_spans_free(&answer->peers);
}

void ztc_nf_where(const struct ztc_nf_answer *answer, char *ret, size_t size)
{
	const struct ztc_nf_chain *chain = answer->rule ? answer->rule->in : answer->chain;

	if (!chain)
		snprintf(ret, size, "no filter");
	else if (!answer->rule)
		snprintf(ret, size, "%s %.40s %.40s policy", chain->family, chain->table,
			 chain->name);
	else
		snprintf(ret, size, "%s %.40s %.40s %s %llu", chain->family, chain->table,
			 chain->name, strcmp(chain->source, "nftables") == 0 ? "handle" : "rule",
			 (unsigned long long)answer->rule->number);
}

void ztc_nf_cuts(const struct ztc_nf *nf, struct ztc_spans *ret)
{
	*ret = (struct ztc_spans){0};
	ztc_spans_add(ret, 0, 0);
	for (const struct ztc_nf_chain *c = nf->chains; c; c = c->next) {
		for (const struct ztc_nf_rule *r = c->first; r; r = r->next) {
			for (size_t i = 0; i < r->count; i++) {
				const struct ztc_nf_match *m = &r->matches[i];

				for (size_t j = 0; m->field == ZTC_NF_DPORT && j < m->values.count;
				     j++) {
					ztc_u128 lo = m->values.items[j].lo;
					ztc_u128 after = m->values.items[j].hi + 1;

					/* Doubled, so that neighbours are not one run. */
					ztc_spans_add(ret, lo * 2, lo * 2);
					if (after <= UINT16_MAX)
						ztc_spans_add(ret, after * 2, after * 2);
				}
			}
		}
	}
}

bool ztc_nf_alike(const struct ztc_nf *nf, const struct ztc_nf_packet *a,
		  const struct ztc_nf_packet *b)
{
	for (const struct ztc_nf_chain *c = nf->chains; c; c = c->next) {
		if (met(c, a) != met(c, b))
			return false;
		for (const struct ztc_nf_rule *r = c->first; r; r = r->next) {
			for (size_t i = 0; i < r->count; i++) {
				const struct ztc_nf_match *m = &r->matches[i];

				if ((m->field == ZTC_NF_IIF || m->field == ZTC_NF_DADDR) &&
				    fits(m, a) != fits(m, b))
					return false;
			}
		}
	}
	return true;
}
