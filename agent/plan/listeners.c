// SPDX-License-Identifier: Apache-2.0
/*
 * listeners.c - who can reach what listens here, by both policies.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/vec.h"
#include "plan/listeners.h"
#include "policy/tables.h"

#define NEARS_MAX 64

/* Local addresses that no policy tells apart count once; one of each stands for them. */
struct nears {
	struct zt_addr addr[NEARS_MAX];
	uint32_t id[NEARS_MAX][ZT_SIDE_COUNT];
	size_t count;
};

/* What decides the answers for a listener: equal keys, equal answers. Compared as bytes. */
struct group_key {
	uint64_t nears; /* bits of struct nears */
	uint64_t qmask[ZT_SIDE_COUNT];
	uint32_t class[ZT_SIDE_COUNT]; /* of the port */
	uint32_t proto; /* ports of no policy may be of one class, their names differ */
	uint32_t pad;
};

struct zt_listener_group {
	struct group_key key;
	uint8_t *could, *gained, *lost, *open; /* one allocation */
	size_t gained_count, lost_count;
	uint32_t gained_class, lost_class;
	struct zt_addr gained_near, lost_near;
};

void zt_plan_listeners_clear(struct zt_plan_listeners *listeners)
{
	for (size_t i = 0; i < listeners->group_count; i++)
		free(listeners->groups[i].could);
	free(listeners->groups);
	free(listeners->rows);
	*listeners = (struct zt_plan_listeners){0};
}

bool zt_listener_at(const struct zt_socket *listener, const struct zt_addr *local)
{
	const struct zt_addr *bound = &listener->local;

	if (!zt_addr_is_unspecified(bound))
		return !memcmp(bound, local, sizeof(*bound));
	if (zt_addr_is_v4(bound))
		return zt_addr_is_v4(local);
	return !listener->v6only || !zt_addr_is_v4(local);
}

static void find_nears(const struct zt_judges *j, const struct zt_addr *locals, size_t count,
		       struct nears *ret)
{
	ret->count = 0;
	for (size_t i = 0; i < count && ret->count < NEARS_MAX; i++) {
		uint32_t id[ZT_SIDE_COUNT] = {0};
		struct zt_identity identity;
		size_t n;

		if (zt_addr_is_loopback(&locals[i]))
			continue;
		for (int side = 0; side < ZT_SIDE_COUNT; side++) {
			if (!j->tables[side])
				continue;
			zt_tables_identify(j->tables[side], &locals[i], j->now_ns, &identity);
			id[side] = identity.near_id;
		}
		/* Addresses are what listeners are bound to: every one is kept, up to a bound. */
		n = ret->count++;
		ret->addr[n] = locals[i];
		memcpy(ret->id[n], id, sizeof(id));
	}
}

/* The addresses that a listener is reached at, those of equal identity and family once. */
static uint64_t nears_of(const struct nears *nears, const struct zt_socket *listener)
{
	uint64_t bits = 0;

	for (size_t i = 0; i < nears->count; i++) {
		bool again = false;

		if (!zt_listener_at(listener, &nears->addr[i]))
			continue;
		for (size_t k = 0; k < i && !again; k++)
			again = (bits >> k & 1) &&
				!memcmp(nears->id[k], nears->id[i], sizeof(nears->id[i])) &&
				zt_addr_is_v4(&nears->addr[k]) == zt_addr_is_v4(&nears->addr[i]);
		if (!again)
			bits |= 1ULL << i;
	}
	return bits;
}

static uint32_t port_class(const struct zt_tables *tables, uint32_t index)
{
	return tables ? tables->ports[index >> 2].class[index & 3] : 0;
}

struct reading {
	struct zt_judges *judges;
	const struct zt_classes *classes;
	struct nears nears;
	zt_listener_probe_fn probe;
	void *ctx;
	struct zt_plan_listeners *out;
};

/* @now, @then: denied. */
static void note_change(struct zt_listener_group *g, const struct zt_opening *o, size_t class,
			bool now, bool then)
{
	if (!then)
		g->open[class] = 1;
	if (now && !then && !g->gained[class]) {
		if (!g->gained_count++) {
			g->gained_class = (uint32_t) class;
			g->gained_near = o->near;
		}
		g->gained[class] = 1;
	} else if (!now && then && !g->lost[class]) {
		if (!g->lost_count++) {
			g->lost_class = (uint32_t) class;
			g->lost_near = o->near;
		}
		g->lost[class] = 1;
	}
}

static int judge_group(struct reading *r, struct zt_listener_group *g, struct zt_opening *o)
{
	const struct zt_classes *classes = r->classes;

	for (size_t i = 0; i < r->nears.count; i++) {
		if (!(g->key.nears >> i & 1))
			continue;
		o->near = r->nears.addr[i];
		for (size_t c = 0; c < classes->count; c++) {
			int error;

			if (classes->rows[c].v4 != zt_addr_is_v4(&o->near))
				continue;
			o->far = classes->rows[c].addr;
			g->could[c] = 1;
			note_change(g, o, c, zt_judges_denies(r->judges, ZT_NOW, o),
				    zt_judges_denies(r->judges, ZT_THEN, o));
			error = r->probe ? r->probe(r->ctx, o) : 0;
			if (error)
				return error;
		}
	}
	return 0;
}

static int new_group(struct reading *r, const struct group_key *key, struct zt_opening *o)
{
	struct zt_plan_listeners *out = r->out;
	size_t n = r->classes->count + 1;
	struct zt_listener_group *g;

	if (zt_vec_grow(&out->groups, &out->group_cap, out->group_count + 1, sizeof(*g)) < 0)
		return -ENOMEM;
	g = &out->groups[out->group_count];
	*g = (struct zt_listener_group){.key = *key, .could = calloc(4, n)};
	if (!g->could)
		return -ENOMEM;
	g->gained = g->could + n;
	g->lost = g->gained + n;
	g->open = g->lost + n;
	out->group_count++;
	return judge_group(r, g, o);
}

static int group_of(struct reading *r, const struct zt_socket *s, struct zt_opening *o, size_t *ret)
{
	struct group_key key = {.nears = nears_of(&r->nears, s), .proto = s->proto};

	for (int side = 0; side < ZT_SIDE_COUNT; side++) {
		key.class[side] = port_class(r->judges->tables[side], o->port_index);
		if (o->owner)
			key.qmask[side] = r->judges->owners[o->owner - 1].qmask[side];
	}
	for (*ret = 0; *ret < r->out->group_count; (*ret)++) {
		if (!memcmp(&r->out->groups[*ret].key, &key, sizeof(key)))
			return 0;
	}
	return new_group(r, &key, o);
}

/* The same port may be listened on many times over, by workers of one service. */
static bool is_known(const struct zt_plan_listeners *out, const struct zt_socket *s, uint32_t owner)
{
	for (size_t i = 0; i < out->count; i++) {
		const struct zt_socket *o = &out->rows[i].socket;

		if (o->local_port == s->local_port && o->proto == s->proto &&
		    out->rows[i].owner == owner && o->v6only == s->v6only &&
		    !memcmp(&o->local, &s->local, sizeof(s->local)))
			return true;
	}
	return false;
}

static int read_one(struct reading *r, const struct zt_socket *s)
{
	struct zt_plan_listeners *out = r->out;
	struct zt_opening o = {.dir = ZT_DIR_IN};
	size_t group;
	int error;

	o.owner = zt_judges_owner_at(r->judges, s->owner);
	o.port_index = zt_port_index(s->proto, s->local_port);
	if (zt_addr_is_loopback(&s->local) || is_known(out, s, o.owner))
		return 0;
	if (out->count == ZT_LISTENERS_MAX) {
		out->left_out++;
		return 0;
	}
	error = group_of(r, s, &o, &group);
	if (error)
		return error;
	if (zt_vec_grow(&out->rows, &out->cap, out->count + 1, sizeof(*out->rows)) < 0)
		return -ENOMEM;
	out->rows[out->count++] = (struct zt_plan_listener){
		.socket = *s,
		.owner = o.owner,
		.group = (uint32_t)group,
	};
	return 0;
}

/* Groups do not move any more: the rows may point into them. */
static void take_answers(struct zt_plan_listeners *out)
{
	for (size_t i = 0; i < out->count; i++) {
		struct zt_plan_listener *row = &out->rows[i];
		const struct zt_listener_group *g = &out->groups[row->group];

		row->could = g->could;
		row->gained = g->gained;
		row->lost = g->lost;
		row->open = g->open;
		row->gained_count = g->gained_count;
		row->lost_count = g->lost_count;
		row->gained_class = g->gained_class;
		row->lost_class = g->lost_class;
		row->gained_near = g->gained_near;
		row->lost_near = g->lost_near;
	}
}

int zt_plan_listeners_read(struct zt_judges *judges, const struct zt_sockets *sockets,
			   const struct zt_classes *classes, const struct zt_addr *locals,
			   size_t local_count, zt_listener_probe_fn probe, void *ctx,
			   struct zt_plan_listeners *ret)
{
	zt_auto(zt_plan_listeners_clear) struct zt_plan_listeners out = {0};
	struct reading reading = {
		.judges = judges,
		.classes = classes,
		.probe = probe,
		.ctx = ctx,
		.out = &out,
	};
	int r = 0;

	find_nears(judges, locals, local_count, &reading.nears);
	for (size_t i = 0; i < sockets->count && r == 0; i++) {
		if (sockets->rows[i].listens)
			r = read_one(&reading, &sockets->rows[i]);
	}
	if (r)
		return r;
	take_answers(&out);
	*ret = out;
	out = (struct zt_plan_listeners){0};
	return 0;
}
