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

#include "policy/judge.h"

struct world {
	const struct zt_policy *policy;
	const struct zt_host *host;
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

static inline bool labels_fit(const struct zt_segment *s, const struct zt_host *h)
{
	for (size_t i = 0; i < s->select_count; i++) {
		bool fits = false;

		for (size_t l = 0; l < h->label_count; l++)
			fits |= strcmp(h->labels[l].key, s->select[i].key) == 0 &&
				strcmp(h->labels[l].value, s->select[i].value) == 0;
		if (!fits)
			return false;
	}
	return s->select_count > 0;
}

/* "label selectors, addresses/CIDRs minus exceptions" */
static inline bool in_segment(const struct world *w, const struct zt_segment *s,
			      const struct zt_addr *addr)
{
	if (in_nets(s->except, s->except_count, addr))
		return false;
	if (in_nets(s->addresses, s->address_count, addr))
		return true;
	for (size_t h = 0; h < w->policy->host_count; h++)
		for (size_t a = 0; a < w->policy->hosts[h].address_count; a++)
			if (same(addr, w->policy->hosts[h].addresses[a].key.bytes) &&
			    labels_fit(s, &w->policy->hosts[h]))
				return true;
	return false;
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

static inline bool in_any_segment(const struct world *w, const struct zt_addr *addr)
{
	for (size_t i = 0; i < w->policy->segment_count; i++)
		if (in_segment(w, &w->policy->segments[i], addr))
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
			  const struct zt_addr *addr)
{
	switch (end->kind) {
	case ZT_END_ANY:
		return true;
	case ZT_END_THIS_HOST:
		return s->kind != ZT_STMT_BOUNDARY && s->action == ZT_ALLOW &&
		       in_inventory(w, addr);
	case ZT_END_UNKNOWN:
		return !in_any_segment(w, addr) && !is_multicast(addr) && !is_broadcast(w, addr);
	case ZT_END_MULTICAST:
		return is_multicast(addr);
	case ZT_END_BROADCAST:
		return is_broadcast(w, addr);
	case ZT_END_NETS:
		return in_nets(end->nets, end->net_count, addr);
	default:
		return in_segment(w, &w->policy->segments[end->segment], addr);
	}
}

/* "this host's segments": of every address the inventory gives it */
static inline bool host_in(const struct world *w, const struct zt_segment *s)
{
	if (!w->host)
		return false;
	if (!w->host->address_count)
		return labels_fit(s, w->host);
	for (size_t i = 0; i < w->host->address_count; i++) {
		struct zt_addr addr;

		memcpy(addr.bytes, w->host->addresses[i].key.bytes, 16);
		if (in_segment(w, s, &addr))
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
			   const struct zt_addr *addr)
{
	bool mine = used(w, addr), somewhere = false;

	for (size_t i = 0; i < w->policy->segment_count; i++)
		somewhere |= host_in(w, &w->policy->segments[i]) ||
			     (mine && in_segment(w, &w->policy->segments[i], addr));
	switch (end->kind) {
	case ZT_END_ANY:
	case ZT_END_THIS_HOST:
		return true;
	case ZT_END_UNKNOWN:
		return !somewhere && !(mine && (is_multicast(addr) || is_broadcast(w, addr)));
	case ZT_END_SEGMENT:
		return host_in(w, &w->policy->segments[end->segment]) ||
		       (mine && far_is(w, s, end, addr));
	default:
		return mine && far_is(w, s, end, addr);
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

/*
 * "A workload qualifier binds where that end is local. The other host ignores
 * it in an allow and skips the whole rule in a deny."
 */
static inline bool matches(const struct world *w, const struct zt_stmt *s, const struct zt_query *q,
			   const struct zt_owner *o, bool *ret_bound)
{
	const struct zt_end *near = q->dir == ZT_DIR_IN ? &s->to : &s->from;
	const struct zt_end *far = q->dir == ZT_DIR_IN ? &s->from : &s->to;
	bool forwarded = q->dir == ZT_DIR_FWD;

	*ret_bound = false;
	if (!zt_ports_has(&s->ports, q->port_index) || !far_is(w, s, far, &q->far))
		return false;
	if (forwarded ? !far_is(w, s, near, &q->near) : !near_is(w, s, near, &q->near))
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

		if (s->kind == ZT_STMT_FAILSAFE ||
		    (plane == ZT_LIVE && (s->mode != ZT_MODE_ENFORCED || !w->host)) ||
		    !matches(w, s, q, o, &bound) || rank_of(s) < best)
			continue;
		if (rank_of(s) > best)
			*ret_rule = NULL;
		best = rank_of(s);
		if (!bound && !*ret_rule)
			*ret_rule = s;
	}
	return best;
}

static const struct zt_stmt *failsafe(const struct world *w, const struct zt_query *q)
{
	bool bound;

	for (size_t i = 0; i < w->policy->stmt_count; i++)
		if (w->policy->stmts[i].kind == ZT_STMT_FAILSAFE &&
		    matches(w, &w->policy->stmts[i], q, NULL, &bound))
			return &w->policy->stmts[i];
	return NULL;
}
