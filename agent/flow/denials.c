/* SPDX-License-Identifier: Apache-2.0 */
/*
 * denials.c - which rule denied the packets of a living flow.
 */
#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "flow/denials.h"
#include "flow/table.h"

struct memory {
	struct zt_flow_key key;
	uint32_t rule[ZT_PLANE_COUNT]; /* that denied last, 0 = none did */
	struct zt_violation_seen seen;
	bool used;
};

struct zt_denials {
	struct memory *items;
	uint32_t cap, room;
	uint32_t hand; /* next number to take: the oldest once all are used */
	struct zt_table table;
	uint64_t lost;
};

int zt_denials_new(struct zt_denials **ret, size_t cap)
{
	struct zt_denials *d;

	if (!cap || cap > 1u << 24)
		return -EINVAL;
	d = calloc(1, sizeof(*d));
	if (!d)
		return -ENOMEM;
	d->cap = cap;
	*ret = d;
	return 0;
}

void zt_denials_free(struct zt_denials **d)
{
	if (!*d)
		return;
	free((*d)->items);
	zt_table_clear(&(*d)->table);
	free(*d);
	*d = NULL;
}

static uint32_t find(const struct zt_denials *d, const struct zt_flow_key *key)
{
	uint32_t n = zt_table_first(&d->table, zt_table_hash(key, sizeof(*key)));

	while (n != ZT_TABLE_NONE && memcmp(&d->items[n].key, key, sizeof(*key)))
		n = zt_table_next(&d->table, n);
	return n;
}

static int grow(struct zt_denials *d)
{
	uint32_t want = d->room ? d->room * 2 : 64;
	struct memory *grown;

	if (want > d->cap)
		want = d->cap;
	if (zt_table_reserve(&d->table, want) < 0)
		return -ENOMEM;
	grown = realloc(d->items, want * sizeof(*grown));
	if (!grown)
		return -ENOMEM;
	memset(grown + d->room, 0, (want - d->room) * sizeof(*grown));
	d->items = grown;
	d->room = want;
	return 0;
}

static struct memory *make(struct zt_denials *d, const struct zt_flow_key *key)
{
	struct memory *m;

	if (d->hand == d->room && d->room < d->cap && grow(d) < 0) {
		d->lost++;
		return NULL;
	}
	if (d->hand == d->room)
		d->hand = 0;
	m = &d->items[d->hand];
	if (m->used) {
		zt_table_del(&d->table, d->hand);
		d->lost++;
	}
	*m = (struct memory){.key = *key, .used = true};
	zt_table_add(&d->table, d->hand, zt_table_hash(key, sizeof(*key)));
	d->hand++;
	return m;
}

static void set_rules(struct memory *m, const struct zt_flow *flow)
{
	for (int p = 0; p < ZT_PLANE_COUNT; p++)
		m->rule[p] = flow->action[p] == ZT_DENY ? flow->rule[p] : ZT_RULE_NONE;
}

void zt_denials_note(struct zt_denials *d, const struct zt_flow_key *key,
		     const struct zt_flow *flow)
{
	uint32_t n = find(d, key);
	struct memory *m;

	if (n == ZT_TABLE_NONE && flow->action[ZT_LIVE] != ZT_DENY &&
	    flow->action[ZT_CANDIDATE] != ZT_DENY)
		return;
	m = n == ZT_TABLE_NONE ? make(d, key) : &d->items[n];
	if (m)
		set_rules(m, flow);
}

/* Packets denied before the change, booked on the rule that denied them. */
static int settle(struct memory *m, const struct zt_flow *flow, const uint8_t *old_action,
		  struct zt_violations *v)
{
	struct zt_flow before = *flow;
	int r;

	for (int p = 0; p < ZT_PLANE_COUNT; p++) {
		before.rule[p] = m->rule[p];
		before.action[p] = old_action[p];
	}
	if (old_action[ZT_LIVE] != ZT_DENY)
		before.denied = m->seen.denied;
	if (old_action[ZT_CANDIDATE] != ZT_DENY)
		before.would_deny = m->seen.would_deny;
	r = zt_violations_add_flow(v, &m->key, &before, &m->seen);
	if (r < 0)
		return r;
	m->seen.denied = before.denied;
	m->seen.would_deny = before.would_deny;
	return 0;
}

int zt_denials_changed(struct zt_denials *d, const struct zt_flow_key *key,
		       const struct zt_flow *flow, const uint8_t *old_action,
		       struct zt_violations *v)
{
	uint32_t n = find(d, key);
	struct memory *m;
	int r = 0;

	if (n == ZT_TABLE_NONE && !flow->denied && !flow->would_deny) {
		zt_denials_note(d, key, flow);
		return 0;
	}
	m = n == ZT_TABLE_NONE ? make(d, key) : &d->items[n];
	if (!m)
		return -ENOMEM;
	r = settle(m, flow, old_action, v);
	set_rules(m, flow);
	return r;
}

const struct zt_violation_seen *zt_denials_seen(const struct zt_denials *d,
						const struct zt_flow_key *key)
{
	uint32_t n = find(d, key);

	return n == ZT_TABLE_NONE ? NULL : &d->items[n].seen;
}

void zt_denials_forget(struct zt_denials *d, const struct zt_flow_key *key)
{
	uint32_t n = find(d, key);

	if (n == ZT_TABLE_NONE)
		return;
	zt_table_del(&d->table, n);
	d->items[n].used = false;
}

uint64_t zt_denials_lost(const struct zt_denials *d)
{
	return d->lost;
}
