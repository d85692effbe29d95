// SPDX-License-Identifier: Apache-2.0
/*
 * oracle.c - the verdict as the policy's words have it, statement by statement.
 */
#include <string.h>
#include <xxhash.h>

#include "oracle.h"

/* One plane's question: the policy that it is of, and everything else. */
struct asked {
	const struct oracle_query *q;
	const struct zt_policy *policy;
	int plane;
};

/* --- labels and segments ------------------------------------------------------------------ */

static const char *own_label(const struct zt_host *host, const char *key)
{
	for (size_t i = 0; i < host->label_count; i++)
		if (!strcmp(host->labels[i].key, key))
			return host->labels[i].value;
	return NULL;
}

/* What stands beside the file, while it lasts; then what is under it. */
static const char *label_now(const struct asked *a, const struct zt_host *host, const char *key)
{
	const struct zt_overlay *o = a->q->overlay;
	const char *under = NULL;

	for (size_t i = 0; o && i < o->label_count; i++) {
		const struct zt_overlay_label *l = &o->labels[i];

		if (strcmp(l->host, host->name) || strcmp(l->key, key))
			continue;
		if (!l->until_ns || a->q->now_ns < l->until_ns)
			return l->value;
		under = l->under;
	}
	return under ? under : own_label(host, key);
}

static bool labels_hold(const struct asked *a, const struct zt_host *host,
			const struct zt_label *want, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		const char *value = label_now(a, host, want[i].key);

		if (!value || strcmp(value, want[i].value))
			return false;
	}
	return true;
}

static bool host_has(const struct zt_host *host, const struct zt_addr *addr)
{
	for (size_t i = 0; i < host->address_count; i++)
		if (!memcmp(host->addresses[i].key.bytes, addr->bytes, sizeof(addr->bytes)))
			return true;
	return false;
}

static const struct zt_host *host_at(const struct zt_policy *policy, const struct zt_addr *addr)
{
	for (size_t i = 0; i < policy->host_count; i++)
		if (host_has(&policy->hosts[i], addr))
			return &policy->hosts[i];
	return NULL;
}

static bool in_nets(const struct zt_net *nets, size_t count, const struct zt_addr *addr)
{
	for (size_t i = 0; i < count; i++)
		if (zt_net_contains(&nets[i].key, addr))
			return true;
	return false;
}

/* Selected hosts and listed addresses, minus exceptions. */
static bool in_segment(const struct asked *a, const struct zt_segment *segment,
		       const struct zt_addr *addr)
{
	const struct zt_host *host = host_at(a->policy, addr);

	if (in_nets(segment->except, segment->except_count, addr))
		return false;
	if (in_nets(segment->addresses, segment->address_count, addr))
		return true;
	return segment->select_count && host &&
	       labels_hold(a, host, segment->select, segment->select_count);
}

/* Does this host belong to the segment, whichever of its addresses is used? */
static bool host_in_segment(const struct asked *a, const struct zt_segment *segment,
			    const struct zt_host *host)
{
	for (size_t i = 0; i < host->address_count; i++) {
		struct zt_addr addr;

		memcpy(addr.bytes, host->addresses[i].key.bytes, sizeof(addr.bytes));
		if (in_segment(a, segment, &addr))
			return true;
	}
	return false;
}

static bool in_any_segment(const struct asked *a, const struct zt_addr *addr)
{
	for (size_t i = 0; i < a->policy->segment_count; i++)
		if (in_segment(a, &a->policy->segments[i], addr))
			return true;
	return false;
}

/* --- ends ----------------------------------------------------------------------------------- */

static bool qualified_for(const struct zt_qualifier *qual, const struct oracle_query *q)
{
	if (qual->unit.s && (!q->unit || strcmp(qual->unit.s, q->unit)))
		return false;
	return !qual->user.s || (q->user && !strcmp(qual->user.s, q->user));
}

/* Whether the near or the far end is what the statement names. */
static bool end_matches(const struct asked *a, const struct zt_stmt *s, const struct zt_end *end,
			bool near)
{
	const struct zt_addr *addr = near ? &a->q->near : &a->q->far;
	const struct zt_host *me = zt_policy_host(a->policy, a->q->host);

	if (end->qualified && near && !qualified_for(&end->qual, a->q))
		return false;
	/* The other host's workload: ignored in an allow, the rule skipped in a deny. */
	if (end->qualified && !near && s->action == ZT_DENY)
		return false;
	switch (end->kind) {
	case ZT_END_ANY:
		return true;
	case ZT_END_THIS_HOST:
		/* At the other end of an allow: any host of the inventory. */
		return near || (s->action == ZT_ALLOW && s->kind != ZT_STMT_BOUNDARY &&
				host_at(a->policy, addr));
	case ZT_END_UNKNOWN:
		return !near && !in_any_segment(a, addr);
	case ZT_END_MULTICAST:
		return !near && zt_addr_is_multicast(addr);
	case ZT_END_SEGMENT:
		return in_segment(a, &a->policy->segments[end->segment], addr) ||
		       (near && host_in_segment(a, &a->policy->segments[end->segment], me));
	case ZT_END_NETS:
		return in_nets(end->nets, end->net_count, addr);
	default:
		return false;
	}
}

/* `when.labels` are of the host at the `from` end. */
static bool opener_has_labels(const struct asked *a, const struct zt_when *when, bool near)
{
	const struct zt_host *host =
		near ? zt_policy_host(a->policy, a->q->host) : host_at(a->policy, &a->q->far);

	if (!when->label_count)
		return true;
	return host && labels_hold(a, host, when->labels, when->label_count);
}

/* --- time and shares -------------------------------------------------------------------------- */

static bool in_hours(const struct zt_when *when, __s64 wall_s)
{
	__s64 local_s = wall_s + (strcmp(when->timezone, "UTC") ? 8 * 3600 : 0);
	/* 1970-01-01 was a Thursday. */
	__s64 minute = (local_s / 60 + 3 * 1440) % (7 * 1440);

	for (size_t i = 0; i < when->hour_count; i++)
		if (minute >= when->hours[i].from_min && minute < when->hours[i].to_min)
			return true;
	return !when->hour_count;
}

static bool in_share(const struct asked *a, unsigned int percent)
{
	const struct zt_host *host = host_at(a->q->policy, &a->q->far);
	unsigned long long bucket;

	if (host)
		bucket = XXH64(host->name, strlen(host->name), 0) % 100;
	else
		bucket = zt_addr_bucket(&a->q->far);
	return bucket < percent;
}

static bool counts(const struct asked *a, const struct zt_stmt *s)
{
	const struct zt_overlay *o = a->q->overlay;

	if (a->plane == ZT_CANDIDATE || s->kind == ZT_STMT_FAILSAFE)
		return true;
	for (size_t i = 0; o && i < o->mode_count; i++)
		if (!strcmp(o->modes[i].id, s->id))
			return o->modes[i].mode == ZT_MODE_ENFORCED &&
			       in_share(a, o->modes[i].percent);
	return s->mode == ZT_MODE_ENFORCED;
}

/* --- the verdict ------------------------------------------------------------------------------ */

static bool matches(const struct asked *a, const struct zt_stmt *s)
{
	bool in = a->q->dir == ZT_DIR_IN;

	return zt_ports_has(&s->ports, a->q->port_index) && end_matches(a, s, &s->from, !in) &&
	       end_matches(a, s, &s->to, in) && opener_has_labels(a, &s->when, !in) &&
	       (!s->when.given || in_hours(&s->when, a->q->wall_s)) &&
	       (!s->expires_s || a->q->wall_s < s->expires_s);
}

static __u8 rank_of(const struct zt_stmt *s)
{
	if (s->kind == ZT_STMT_BOUNDARY)
		return ZT_RANK_BOUNDARY;
	if (s->kind == ZT_STMT_FAILSAFE)
		return ZT_RANK_FAILSAFE;
	return s->action == ZT_DENY ? ZT_RANK_DENY : ZT_RANK_ALLOW;
}

static void judge_plane(const struct oracle_query *q, int plane, struct oracle_answer *ret)
{
	const struct asked a = {q, plane == ZT_CANDIDATE && q->candidate ? q->candidate : q->policy,
				plane};
	const struct zt_stmt *failsafe = NULL;

	ret->action[plane] = ZT_ALLOW;
	ret->rank[plane] = ZT_RANK_DEFAULT;
	ret->rule[plane] = "default-allow";
	for (size_t i = 0; i < a.policy->stmt_count; i++) {
		const struct zt_stmt *s = &a.policy->stmts[i];

		if (!counts(&a, s) || !matches(&a, s))
			continue;
		if (s->kind == ZT_STMT_FAILSAFE) {
			failsafe = failsafe ? failsafe : s;
			continue;
		}
		if (rank_of(s) == ret->rank[plane])
			ret->rule[plane] = NULL;
		if (rank_of(s) <= ret->rank[plane])
			continue;
		ret->rank[plane] = rank_of(s);
		ret->action[plane] = s->kind == ZT_STMT_BOUNDARY ? ZT_DENY : s->action;
		ret->rule[plane] = s->id;
	}
	if (ret->action[plane] == ZT_DENY && failsafe) {
		ret->failsafe |= plane == ZT_LIVE;
		ret->action[plane] = ZT_ALLOW;
		ret->rank[plane] = ZT_RANK_FAILSAFE;
		ret->rule[plane] = NULL;
	}
}

void oracle_judge(const struct oracle_query *q, struct oracle_answer *ret)
{
	memset(ret, 0, sizeof(*ret));
	judge_plane(q, ZT_LIVE, ret);
	judge_plane(q, ZT_CANDIDATE, ret);
}
