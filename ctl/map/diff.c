/* SPDX-License-Identifier: Apache-2.0 */
/* diff.c - what changed between two maps: edges that appeared, are gone, or are not what they were.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/json.h"
#include "base/strmap.h"
#include "base/time.h"
#include "base/vec.h"
#include "ctl/map/map.h"

#define CONNECTIONS_FLOOR 100 /* a smaller difference is none */
#define SHARE_PERCENT	  5   /* of connections that are encrypted: less is no change */
#define NAMES_MAX	  8   /* rules and owners that one side of a row names */

enum {
	A,
	B,
	SIDES
};
enum {
	ALLOWED = 1,
	WOULD_DENY = 2,
	DENIED = 4
};

/* All edges between two nodes for one service, in one of the maps. */
struct side {
	struct ztc_map_edge sum;
	bool there;
	unsigned int outcomes;
	const char *rules[NAMES_MAX];
	size_t rule_count;
};

struct pair {
	const struct ztc_map_node *src, *dst; /* of the map that has them; B's before A's */
	struct side side[SIDES];
};

struct diff {
	const struct ztc_map *maps[SIDES];
	const struct ztc_diff_how *how;
	struct ztc_map *room; /* where sums are kept: no edges of its own */
	struct zt_strmap *keys;
	struct pair *pairs;
	size_t count, cap;
	double hours[SIDES];
};

static void free_diff(struct diff *d)
{
	zt_strmap_free(&d->keys);
	ztc_map_free(&d->room);
	free(d->pairs);
}

/* --- adding up -------------------------------------------------------------------------------- */

static unsigned int outcome_of(const struct ztc_map_edge *e)
{
	return e->verdict[ZT_LIVE].deny	       ? DENIED
	       : e->verdict[ZT_CANDIDATE].deny ? WOULD_DENY
					       : ALLOWED;
}

static void add_rule(struct side *side, const char *rule)
{
	for (size_t i = 0; i < side->rule_count; i++)
		if (side->rules[i] == rule)
			return;
	if (side->rule_count < NAMES_MAX)
		side->rules[side->rule_count++] = rule;
}

static int add_edge(struct diff *d, int which, const struct ztc_map_edge *e)
{
	const struct ztc_map *map = d->maps[which];
	struct {
		const char *src, *dst, *proto;
		uintptr_t port;
	} key = {map->nodes[e->src].id, map->nodes[e->dst].id, e->proto, e->port};
	struct side *side;
	bool is_new;
	uint32_t n = zt_strmap_intern(d->keys, &key, sizeof(key), &is_new);

	if (n == ZT_STRMAP_NONE ||
	    zt_vec_grow(&d->pairs, &d->cap, (size_t)n + 1, sizeof(*d->pairs)) < 0)
		return -ENOMEM;
	if (is_new) {
		memset(&d->pairs[n], 0, sizeof(d->pairs[n]));
		d->count = n + 1;
	}
	d->pairs[n].src = &map->nodes[e->src];
	d->pairs[n].dst = &map->nodes[e->dst];
	side = &d->pairs[n].side[which];
	/* What another host's view only names in passing decides nothing. */
	if (e->connections || e->packets[0] || e->packets[1] || !side->there) {
		bool first = side->there && !side->sum.connections && !side->sum.packets[0] &&
			     !side->sum.packets[1];

		side->outcomes = first ? outcome_of(e) : side->outcomes | outcome_of(e);
		add_rule(side, e->verdict[e->verdict[ZT_CANDIDATE].deny && !e->verdict[ZT_LIVE].deny
						  ? ZT_CANDIDATE
						  : ZT_LIVE]
				       .rule);
	}
	if (!side->there)
		side->sum.proto = e->proto;
	side->there = true;
	side->sum.port = e->port;
	return ztc_map_add(d->room, &side->sum, e);
}

/* --- what is another
 * -------------------------------------------------------------------------------
 */

/* Connections that are encrypted, of those that say anything [percent]; -1 = none does. */
static double secret_share(const struct side *s)
{
	uint64_t secret = 0, all = 0;

	for (int c = 0; c < ZT_COVER_COUNT; c++) {
		all += s->sum.cover[c];
		if (zt_cover_secret((enum zt_cover)c))
			secret += s->sum.cover[c];
	}
	return all ? (double)secret * 100 / (double)all : -1;
}

/* The encryption that is known to be in a protocol's name; "" for none. */
static const char *inner(const char *protocol)
{
	uint8_t encryption, app;

	if (zt_protocol_find(protocol, &encryption, &app) < 0 ||
	    !zt_cover_secret(zt_encryption_cover(encryption)))
		return "";
	return zt_encryption_name(encryption);
}

static bool has_inner(const struct side *s, const char *name)
{
	for (uint32_t i = 0; i < s->sum.protocol_count; i++)
		if (s->sum.protocols[i].count && strcmp(inner(s->sum.protocols[i].name), name) == 0)
			return true;
	return false;
}

/* Is there a kind of encryption in @a that @b does not have? */
static bool more_kinds(const struct side *a, const struct side *b)
{
	for (uint32_t i = 0; i < a->sum.protocol_count; i++) {
		const char *name = inner(a->sum.protocols[i].name);

		if (*name && a->sum.protocols[i].count && !has_inner(b, name))
			return true;
	}
	return false;
}

static bool encryption_differs(const struct side *a, const struct side *b)
{
	double x = secret_share(a), y = secret_share(b);

	/* Where one saw no payload at all there is nothing to hold against the other. */
	if (x < 0 || y < 0)
		return false;
	return x - y >= SHARE_PERCENT || y - x >= SHARE_PERCENT || more_kinds(a, b) ||
	       more_kinds(b, a);
}

/* Two numbers of windows of their own lengths. */
static bool rate_differs(const struct diff *d, uint64_t a, uint64_t b, double floor)
{
	double x = (double)a / d->hours[A], y = (double)b / d->hours[B];
	double less = x < y ? x : y, more = x < y ? y : x;
	double shorter = d->hours[A] < d->hours[B] ? d->hours[A] : d->hours[B];

	return (more - less) * shorter >= floor && more >= less * d->how->factor;
}

static uint64_t bytes_of(const struct side *s)
{
	return s->sum.bytes[ZTC_TO_DST] + s->sum.bytes[ZTC_TO_SRC];
}

static bool volume_differs(const struct diff *d, const struct pair *p)
{
	const struct side *a = &p->side[A], *b = &p->side[B];

	return rate_differs(d, bytes_of(a), bytes_of(b), (double)d->how->floor_bytes) ||
	       rate_differs(d, a->sum.connections, b->sum.connections, CONNECTIONS_FLOOR);
}

/* --- as JSON
 * ---------------------------------------------------------------------------------------- */

static json_t *time_json(int64_t ms)
{
	char text[ZT_TIME_TEXT_LEN];

	return ms > 0 ? json_string(zt_wall_text((uint64_t)ms * ZT_NS_PER_MS, text)) : json_null();
}

static json_t *node_json(const struct ztc_map_node *n)
{
	json_t *json = json_pack("{s:s, s:s, s:s, s:s*}", "id", n->id, "kind", n->kind, "name",
				 n->name, "host", n->host);

	if (json && n->hints)
		json_object_set(json, "hints", n->hints);
	return json;
}

static json_t *outcomes_json(unsigned int outcomes)
{
	json_t *json = json_array();

	if (outcomes & ALLOWED)
		json_array_append_new(json, json_string("allowed"));
	if (outcomes & WOULD_DENY)
		json_array_append_new(json, json_string("would-deny"));
	if (outcomes & DENIED)
		json_array_append_new(json, json_string("denied"));
	return json;
}

static int compare_texts(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static json_t *side_json(struct side *s)
{
	json_t *rules = json_array(), *classes = json_object(), *protocols = json_object();

	if (!s->there) {
		json_decref(rules);
		json_decref(classes);
		json_decref(protocols);
		return json_null();
	}
	qsort(s->rules, s->rule_count, sizeof(*s->rules), compare_texts);
	for (size_t i = 0; i < s->rule_count; i++)
		json_array_append_new(rules, json_string_nocheck(s->rules[i]));
	for (int c = 0; c < ZT_COVER_COUNT; c++)
		if (s->sum.cover[c] || c >= ZT_COVER_PLAINTEXT)
			json_object_set_new(classes, zt_cover_name((enum zt_cover)c),
					    json_integer((json_int_t)s->sum.cover[c]));
	for (uint32_t i = 0; i < s->sum.protocol_count; i++)
		json_object_set_new_nocheck(protocols, s->sum.protocols[i].name,
					    json_integer((json_int_t)s->sum.protocols[i].count));
	return json_pack("{s:I, s:I, s:o, s:o, s:o, s:o, s:o, s:o}", "connections",
			 (json_int_t)s->sum.connections, "bytes", (json_int_t)bytes_of(s),
			 "outcomes", outcomes_json(s->outcomes), "rules", rules, "encryption",
			 classes, "protocols", protocols, "first_seen", time_json(s->sum.first_ms),
			 "last_seen", time_json(s->sum.last_ms));
}

static const char *owner_name(const struct ztc_workload *w)
{
	const char *base = w && w->exe ? strrchr(w->exe, '/') : NULL;

	if (!w)
		return NULL;
	return w->unit ? w->unit : base && base[1] ? base + 1 : w->exe ? w->exe : w->cgroup;
}

static json_t *row_json(struct pair *p)
{
	struct side *newer = &p->side[p->side[B].there ? B : A];

	return json_pack("{s:o, s:o, s:s, s:i, s:s*, s:s*, s:o, s:o}", "src", node_json(p->src),
			 "dst", node_json(p->dst), "proto", newer->sum.proto, "port",
			 (int)newer->sum.port, "src_workload",
			 owner_name(newer->sum.workload[ZTC_SRC]), "dst_workload",
			 owner_name(newer->sum.workload[ZTC_DST]), "before", side_json(&p->side[A]),
			 "after", side_json(&p->side[B]));
}

struct answer {
	json_t *appeared, *gone, *changed;
	json_int_t unchanged, verdict, encryption, volume, allowed_now, encryption_lost;
};

/* What an auditor would ask about: let through now, or in the clear now. */
static void note_worse(struct answer *out, const struct pair *p, json_t *worse)
{
	const struct side *a = &p->side[A], *b = &p->side[B];
	const unsigned int passes = ALLOWED | WOULD_DENY;

	if ((b->outcomes & passes) && !(a->outcomes & passes)) {
		out->allowed_now++;
		json_array_append_new(worse, json_string("allowed-now"));
	}
	if (secret_share(a) - secret_share(b) >= SHARE_PERCENT && secret_share(b) >= 0) {
		out->encryption_lost++;
		json_array_append_new(worse, json_string("encryption-lost"));
	}
}

static int take_change(struct diff *d, struct answer *out, struct pair *p)
{
	const struct side *a = &p->side[A], *b = &p->side[B];
	const bool verdict = a->outcomes != b->outcomes, crypt = encryption_differs(a, b);
	const bool volume = volume_differs(d, p);
	json_t *what = json_array(), *worse = json_array(), *row;

	out->unchanged += !verdict && !crypt && !volume;
	out->verdict += verdict;
	out->encryption += crypt;
	out->volume += volume;
	if (verdict)
		json_array_append_new(what, json_string("verdict"));
	if (crypt)
		json_array_append_new(what, json_string("encryption"));
	if (volume)
		json_array_append_new(what, json_string("volume"));
	note_worse(out, p, worse);
	if (!json_array_size(what)) {
		json_decref(what);
		json_decref(worse);
		return 0;
	}
	row = row_json(p);
	if (!row || json_object_set_new(row, "changes", what) < 0 ||
	    json_object_set_new(row, "worse", worse) < 0)
		return -ENOMEM;
	return json_array_append_new(out->changed, row) < 0 ? -ENOMEM : 0;
}

/* In the order of every map: who is called, service, who calls. */
static int compare_pairs(const void *left, const void *right)
{
	const struct pair *a = left, *b = right;
	const struct side *x = &a->side[a->side[B].there ? B : A];
	const struct side *y = &b->side[b->side[B].there ? B : A];
	int r = strcmp(a->dst->id, b->dst->id);

	r = r ? r : strcmp(x->sum.proto, y->sum.proto);
	r = r ? r : (x->sum.port > y->sum.port) - (x->sum.port < y->sum.port);
	return r ? r : strcmp(a->src->id, b->src->id);
}

static int take_all(struct diff *d, struct answer *out)
{
	int r = 0;

	qsort(d->pairs, d->count, sizeof(*d->pairs), compare_pairs);
	for (size_t i = 0; i < d->count && r == 0; i++) {
		struct pair *p = &d->pairs[i];

		if (p->side[A].there && p->side[B].there)
			r = take_change(d, out, p);
		else if (json_array_append_new(p->side[B].there ? out->appeared : out->gone,
					       row_json(p)) < 0)
			r = -ENOMEM;
	}
	return r;
}

static json_t *map_json(const struct ztc_map *map, double hours)
{
	json_t *json = json_pack("{s:s?, s:s?, s:s*, s:{s:o, s:o}, s:f, s:I, s:b}", "host",
				 map->host, "source", map->source, "file", map->origin, "window",
				 "from", time_json(map->from_ms), "to", time_json(map->to_ms),
				 "hours", hours, "edges", (json_int_t)map->edge_count, "complete",
				 map->matched <= map->edge_count);

	if (json)
		json_object_set(json, "losses", map->losses);
	return json;
}

static json_t *answer_json(struct diff *d, struct answer *out)
{
	json_int_t appeared = (json_int_t)json_array_size(out->appeared);

	return json_pack("{s:s, s:o, s:o, s:o, s:o, s:o, s:I,"
			 " s:{s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:b}}",
			 "by", d->maps[B]->by, "a", map_json(d->maps[A], d->hours[A]), "b",
			 map_json(d->maps[B], d->hours[B]), "appeared", out->appeared, "gone",
			 out->gone, "changed", out->changed, "unchanged", out->unchanged, "summary",
			 "appeared", appeared, "gone", (json_int_t)json_array_size(out->gone),
			 "changed", (json_int_t)json_array_size(out->changed), "verdict",
			 out->verdict, "encryption", out->encryption, "volume", out->volume,
			 "allowed_now", out->allowed_now, "encryption_lost", out->encryption_lost,
			 "fails", appeared || out->allowed_now || out->encryption_lost);
}

int ztc_map_diff(json_t **ret, const struct ztc_map *a, const struct ztc_map *b,
		 const struct ztc_diff_how *how)
{
	zt_auto(free_diff) struct diff d = {.maps = {a, b}, .how = how};
	struct answer out = {json_array(), json_array(), json_array(), 0, 0, 0, 0, 0, 0};
	int r = ztc_map_new(&d.room, b->pool);

	if (r == 0)
		r = zt_strmap_new(&d.keys);
	for (int m = 0; m < SIDES && r == 0; m++) {
		const struct ztc_map *map = d.maps[m];

		d.hours[m] = (double)(map->to_ms - map->from_ms) / 3600e3;
		if (d.hours[m] <= 0)
			d.hours[m] = 1 / 3600.0;
		for (size_t i = 0; i < map->edge_count && r == 0; i++)
			if (how->all || !ztc_map_housekeeping(&map->edges[i]))
				r = add_edge(&d, m, &map->edges[i]);
	}
	if (r == 0)
		r = take_all(&d, &out);
	if (r == 0)
		*ret = answer_json(&d, &out);
	if (r < 0) {
		json_decref(out.appeared);
		json_decref(out.gone);
		json_decref(out.changed);
	}
	return r == 0 && !*ret ? -ENOMEM : r;
}
