/* SPDX-License-Identifier: Apache-2.0 */
/*
 * policy_naive.h - verdicts straight from the words of the design, by looking at everything.
 *
 * Knows nothing of identities, classes or cells: it walks the checked tree for
 * each question. Shares only the data structures with the compiler.
 */
#pragma once
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <xxhash.h>

#include "policy/judge.h"
#include "policy/overlay.h"

#define NAIVE_DAY_S 86400LL

/* A policy and what is known beside it; of a held candidate there is another one. */
struct world {
	const struct zt_policy *policy;
	const struct zt_host *host;
	bool candidate; /* a held one */
	bool elsewhere; /* this host has a name, but this policy does not know it */
	const struct zt_overlay *overlay;
	uint64_t compiled_ns;
	int64_t wall_offset_ns;
	struct zt_addr locals[6];
	size_t local_count;
	struct zt_addr broadcasts[2];
	size_t broadcast_count;
	bool forwarding;
};

static inline bool same(const struct zt_addr *a, const void *bytes)
{
	return memcmp(a->bytes, bytes, 16) == 0;
}

static inline bool is_v4(const uint8_t *bytes)
{
	static const uint8_t head[12] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};

	return memcmp(bytes, head, 12) == 0;
}

static inline bool in_net(const struct zt_net *net, const struct zt_addr *addr)
{
	bool net_v4 = is_v4(net->key.bytes) && net->key.prefixlen >= 96;

	if (net_v4 != is_v4(addr->bytes))
		return false;
	for (uint32_t bit = 0; bit < net->key.prefixlen; bit++) {
		uint8_t mask = (uint8_t)(0x80 >> bit % 8);

		if ((net->key.bytes[bit / 8] & mask) != (addr->bytes[bit / 8] & mask))
			return false;
	}
	return true;
}

static inline bool in_nets(const struct zt_net *list, size_t count, const struct zt_addr *addr)
{
	for (size_t i = 0; i < count; i++)
		if (in_net(&list[i], addr))
			return true;
	return false;
}

/* "inventory, overridden per key by the overlay", at a moment; NULL = no such label */
static inline const char *label_of(const struct world *w, const struct zt_host *h, const char *key,
				   uint64_t now)
{
	const struct zt_overlay *o = w->overlay;
	const char *value = NULL;

	for (size_t l = 0; l < h->label_count; l++)
		if (strcmp(h->labels[l].key, key) == 0)
			value = h->labels[l].value;
	for (size_t i = 0; o && i < o->label_count; i++) {
		const struct zt_overlay_label *row = &o->labels[i];

		if (strcmp(row->host, h->name) || strcmp(row->key, key))
			continue;
		if (!row->until_ns || now < row->until_ns)
			return row->value;
		if (row->under)
			value = row->under;
	}
	return value;
}

static inline bool labels_fit(const struct world *w, const struct zt_label *asked, size_t count,
			      const struct zt_host *h, uint64_t now)
{
	for (size_t i = 0; i < count; i++) {
		const char *value = label_of(w, h, asked[i].key, now);

		if (!value || strcmp(value, asked[i].value))
			return false;
	}
	return count > 0;
}

/* Whether a host with that address has the labels. */
static inline bool address_fits(const struct world *w, const struct zt_label *asked, size_t count,
				const struct zt_addr *addr, uint64_t now)
{
	for (size_t h = 0; h < w->policy->host_count; h++)
		for (size_t a = 0; a < w->policy->hosts[h].address_count; a++)
			if (same(addr, w->policy->hosts[h].addresses[a].key.bytes) &&
			    labels_fit(w, asked, count, &w->policy->hosts[h], now))
				return true;
	return false;
}

/* "label selectors, addresses/CIDRs minus exceptions" */
static inline bool in_segment(const struct world *w, const struct zt_segment *s,
			      const struct zt_addr *addr, uint64_t now)
{
	if (in_nets(s->except, s->except_count, addr))
		return false;
	return in_nets(s->addresses, s->address_count, addr) ||
	       address_fits(w, s->select, s->select_count, addr, now);
}

static inline bool is_multicast(const struct zt_addr *a)
{
	return is_v4(a->bytes) ? a->bytes[12] >> 4 == 14 : a->bytes[0] == 0xff;
}

static inline bool is_broadcast(const struct world *w, const struct zt_addr *a)
{
	static const uint8_t all[4] = {255, 255, 255, 255};

	for (size_t i = 0; i < w->broadcast_count; i++)
		if (same(a, w->broadcasts[i].bytes))
			return true;
	return is_v4(a->bytes) && memcmp(a->bytes + 12, all, 4) == 0;
}

static inline bool in_any_segment(const struct world *w, const struct zt_addr *addr, uint64_t now)
{
	for (size_t i = 0; i < w->policy->segment_count; i++)
		if (in_segment(w, &w->policy->segments[i], addr, now))
			return true;
	return false;
}

/* `this-host` at the other end of an allow or failsafe: any host of the inventory */
static inline bool in_inventory(const struct world *w, const struct zt_addr *addr)
{
	for (size_t i = 0; i < w->policy->host_count; i++)
		if (in_nets(w->policy->hosts[i].addresses, w->policy->hosts[i].address_count, addr))
			return true;
	return false;
}

static inline bool far_is(const struct world *w, const struct zt_stmt *s, const struct zt_end *end,
			  const struct zt_addr *addr, uint64_t now)
{
	switch (end->kind) {
	case ZT_END_ANY:
		return true;
	case ZT_END_THIS_HOST:
		return s->kind != ZT_STMT_BOUNDARY && s->action == ZT_ALLOW &&
		       in_inventory(w, addr);
	case ZT_END_UNKNOWN:
		return !in_any_segment(w, addr, now) && !is_multicast(addr) &&
		       !is_broadcast(w, addr);
	case ZT_END_MULTICAST:
		return is_multicast(addr);
	case ZT_END_BROADCAST:
		return is_broadcast(w, addr);
	case ZT_END_NETS:
		return in_nets(end->nets, end->net_count, addr);
	default:
		return in_segment(w, &w->policy->segments[end->segment], addr, now);
	}
}

/* "this host's segments": of every address the inventory gives it */
static inline bool host_in(const struct world *w, const struct zt_segment *s, uint64_t now)
{
	if (!w->host)
		return false;
	if (!w->host->address_count)
		return labels_fit(w, s->select, s->select_count, w->host, now);
	for (size_t i = 0; i < w->host->address_count; i++) {
		struct zt_addr addr;

		memcpy(addr.bytes, w->host->addresses[i].key.bytes, 16);
		if (in_segment(w, s, &addr, now))
			return true;
	}
	return false;
}

/* And the labels of this host: of every host that shares an address with it. */
static inline bool host_fits(const struct world *w, const struct zt_label *asked, size_t count,
			     uint64_t now)
{
	if (!w->host)
		return false;
	if (!w->host->address_count)
		return labels_fit(w, asked, count, w->host, now);
	for (size_t i = 0; i < w->host->address_count; i++) {
		struct zt_addr addr;

		memcpy(addr.bytes, w->host->addresses[i].key.bytes, 16);
		if (address_fits(w, asked, count, &addr, now))
			return true;
	}
	return false;
}

/* "those of the address it used": its own, or one of a group */
static inline bool used(const struct world *w, const struct zt_addr *addr)
{
	for (size_t i = 0; i < w->local_count; i++)
		if (same(addr, w->locals[i].bytes))
			return true;
	for (size_t i = 0; w->host && i < w->host->address_count; i++)
		if (same(addr, w->host->addresses[i].key.bytes))
			return true;
	return is_multicast(addr) || is_broadcast(w, addr);
}

static inline bool near_is(const struct world *w, const struct zt_stmt *s, const struct zt_end *end,
			   const struct zt_addr *addr, uint64_t now)
{
	bool mine = used(w, addr), somewhere = false;

	for (size_t i = 0; i < w->policy->segment_count; i++)
		somewhere |= host_in(w, &w->policy->segments[i], now) ||
			     (mine && in_segment(w, &w->policy->segments[i], addr, now));
	switch (end->kind) {
	case ZT_END_ANY:
	case ZT_END_THIS_HOST:
		return true;
	case ZT_END_UNKNOWN:
		return !somewhere && !(mine && (is_multicast(addr) || is_broadcast(w, addr)));
	case ZT_END_SEGMENT:
		return host_in(w, &w->policy->segments[end->segment], now) ||
		       (mine && far_is(w, s, end, addr, now));
	default:
		return mine && far_is(w, s, end, addr, now);
	}
}

static inline bool below(const char *path, const char *top)
{
	size_t n = strlen(top);

	if (strcmp(top, "/") == 0)
		return true;
	return strncmp(path, top, n) == 0 && (!path[n] || path[n] == '/');
}

static inline bool owner_is(const struct zt_qualifier *q, const struct zt_owner *o)
{
	return o && (!q->unit.s || strcmp(q->unit.s, o->unit) == 0) &&
	       (!q->cgroup.s || below(o->cgroup, q->cgroup.s)) &&
	       (!q->user.s || (uint32_t)atoi(q->user.s) == o->uid) &&
	       (!q->exe.s || (strcmp(q->exe.s, o->exe) == 0 && o->exe_dev == 77));
}

/* --- conditions --------------------------------------------------------------------------- */

static inline int64_t wall_s(const struct world *w, uint64_t now)
{
	return ((int64_t)now + w->wall_offset_ns) / 1000000000;
}

/* Hours by the clock of UTC; 1970-01-01 was a Thursday. */
static inline bool open_at(const struct zt_stmt *s, int64_t at_s)
{
	int64_t minute = (at_s / 60 + 3 * 24 * 60) % (7 * 24 * 60);
	bool open = s->when.hour_count == 0;

	for (size_t i = 0; i < s->when.hour_count; i++)
		open |= minute >= s->when.hours[i].from_min && minute < s->when.hours[i].to_min;
	return open && (!s->expires_s || at_s < s->expires_s);
}

/*
 * "Past the last known step windowed allows are closed, windowed denies stay as at
 * the last step": whole days are known, at least 14 of them.
 */
static inline bool in_time(const struct world *w, const struct zt_stmt *s, uint64_t now)
{
	int64_t known = (wall_s(w, w->compiled_ns) / NAIVE_DAY_S + 15) * NAIVE_DAY_S;
	int64_t at = wall_s(w, now);

	if (!s->when.hour_count && !s->expires_s)
		return true;
	if (at < known)
		return open_at(s, at);
	return s->action == ZT_DENY && open_at(s, known - 1);
}

static inline const struct zt_overlay_mode *mode_of(const struct world *w, const struct zt_stmt *s)
{
	for (size_t i = 0; w->overlay && i < w->overlay->mode_count; i++)
		if (!w->candidate && s->kind != ZT_STMT_FAILSAFE &&
		    strcmp(w->overlay->modes[i].id, s->id) == 0)
			return &w->overlay->modes[i];
	return NULL;
}

static inline bool enforced(const struct world *w, const struct zt_stmt *s)
{
	const struct zt_overlay_mode *over = mode_of(w, s);

	return (over ? over->mode : s->mode) == ZT_MODE_ENFORCED;
}

static inline unsigned int percent_of(const struct world *w, const struct zt_stmt *s)
{
	const struct zt_overlay_mode *over = mode_of(w, s);

	return over && enforced(w, s) ? over->percent : 100;
}

/* The share of remote hosts: by name for hosts of the inventory, else by address. */
static inline unsigned int bucket_of(const struct world *w, const struct zt_addr *far)
{
	for (size_t h = 0; h < w->policy->host_count; h++)
		for (size_t a = 0; a < w->policy->hosts[h].address_count; a++)
			if (same(far, w->policy->hosts[h].addresses[a].key.bytes))
				return (unsigned int)(XXH64(w->policy->hosts[h].name,
							    strlen(w->policy->hosts[h].name), 0) %
						      100);
	return zt_addr_bucket(far);
}

static inline bool near_fits(const struct world *w, const struct zt_stmt *s,
			     const struct zt_addr *addr, uint64_t now)
{
	return host_fits(w, s->when.labels, s->when.label_count, now) ||
	       (used(w, addr) && address_fits(w, s->when.labels, s->when.label_count, addr, now));
}

/* "when.labels: labels of the from end" */
static inline bool from_fits(const struct world *w, const struct zt_stmt *s,
			     const struct zt_query *q)
{
	if (!s->when.label_count)
		return true;
	if (q->dir == ZT_DIR_OUT)
		return near_fits(w, s, &q->near, q->now_ns);
	return address_fits(w, s->when.labels, s->when.label_count,
			    q->dir == ZT_DIR_IN ? &q->far : &q->near, q->now_ns);
}

/* Whether something but the two ends and the port decides: then an unconditional one is named. */
static inline bool conditional(const struct world *w, const struct zt_stmt *s, int plane)
{
	return s->when.hour_count || s->expires_s || (plane == ZT_LIVE && percent_of(w, s) < 100);
}

/*
 * "A workload qualifier binds where that end is local. The other host ignores
 * it in an allow and skips the whole rule in a deny."
 */
static inline bool matches(const struct world *w, const struct zt_stmt *s, const struct zt_query *q,
			   const struct zt_owner *o, int plane, bool *ret_bound)
{
	const struct zt_end *near = q->dir == ZT_DIR_IN ? &s->to : &s->from;
	const struct zt_end *far = q->dir == ZT_DIR_IN ? &s->from : &s->to;
	bool forwarded = q->dir == ZT_DIR_FWD;

	*ret_bound = conditional(w, s, plane);
	if (!zt_ports_has(&s->ports, q->port_index) || !far_is(w, s, far, &q->far, q->now_ns))
		return false;
	if (forwarded ? !far_is(w, s, near, &q->near, q->now_ns)
		      : !near_is(w, s, near, &q->near, q->now_ns))
		return false;
	if (!from_fits(w, s, q) || !in_time(w, s, q->now_ns))
		return false;
	if (plane == ZT_LIVE && bucket_of(w, &q->far) >= percent_of(w, s))
		return false;
	if (s->action == ZT_DENY && (far->qualified || (forwarded && near->qualified)))
		return false;
	if (!near->qualified || forwarded)
		return true;
	*ret_bound = true;
	return owner_is(&near->qual, o);
}

static inline int rank_of(const struct zt_stmt *s)
{
	if (s->kind == ZT_STMT_BOUNDARY)
		return ZT_RANK_BOUNDARY;
	return s->action == ZT_DENY ? ZT_RANK_DENY : ZT_RANK_ALLOW;
}

/* Without this host a policy in force denies nothing, and a held candidate says nothing. */
static inline bool silent(const struct world *w, int plane)
{
	return !w->host && (plane == ZT_LIVE || w->elsewhere);
}

/*
 * One plane, from the words. *ret_rule is the first unqualified statement of
 * the deciding rank; NULL when only qualified ones decide (then any of them
 * may be named) or none does.
 */
static inline int decide(const struct world *w, const struct zt_query *q, const struct zt_owner *o,
			 int plane, const struct zt_stmt **ret_rule)
{
	int best = ZT_RANK_DEFAULT;
	bool bound;

	*ret_rule = NULL;
	for (size_t i = 0; i < w->policy->stmt_count; i++) {
		const struct zt_stmt *s = &w->policy->stmts[i];

		if (s->kind == ZT_STMT_FAILSAFE || silent(w, plane) ||
		    (plane == ZT_LIVE && !enforced(w, s)) || !matches(w, s, q, o, plane, &bound) ||
		    rank_of(s) < best)
			continue;
		if (rank_of(s) > best)
			*ret_rule = NULL;
		best = rank_of(s);
		if (!bound && !*ret_rule)
			*ret_rule = s;
	}
	return best;
}

static inline const struct zt_stmt *failsafe(const struct world *w, const struct zt_query *q,
					     int plane)
{
	bool bound;

	if (silent(w, plane) && w->elsewhere)
		return NULL;
	for (size_t i = 0; i < w->policy->stmt_count; i++)
		if (w->policy->stmts[i].kind == ZT_STMT_FAILSAFE &&
		    matches(w, &w->policy->stmts[i], q, NULL, plane, &bound))
			return &w->policy->stmts[i];
	return NULL;
}
