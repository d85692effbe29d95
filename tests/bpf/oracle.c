// SPDX-License-Identifier: Apache-2.0
/*
 * oracle.c - the verdict as the policy's words have it, statement by statement.
 */
#include <string.h>

#include "oracle.h"

static bool label_holds(const struct zt_host *host, const struct zt_label *want)
{
	for (size_t i = 0; i < host->label_count; i++)
		if (!strcmp(host->labels[i].key, want->key))
			return !strcmp(host->labels[i].value, want->value);
	return false;
}

static bool host_selected(const struct zt_segment *segment, const struct zt_host *host)
{
	for (size_t i = 0; i < segment->select_count; i++)
		if (!label_holds(host, &segment->select[i]))
			return false;
	return segment->select_count > 0;
}

static bool host_has(const struct zt_host *host, const struct zt_addr *addr)
{
	for (size_t i = 0; i < host->address_count; i++)
		if (!memcmp(host->addresses[i].key.bytes, addr->bytes, sizeof(addr->bytes)))
			return true;
	return false;
}

static bool in_nets(const struct zt_net *nets, size_t count, const struct zt_addr *addr)
{
	for (size_t i = 0; i < count; i++)
		if (zt_net_contains(&nets[i].key, addr))
			return true;
	return false;
}

/* Selected hosts and listed addresses; exceptions are taken from the listed addresses. */
static bool in_segment(const struct zt_policy *policy, const struct zt_segment *segment,
		       const struct zt_addr *addr)
{
	if (in_nets(segment->except, segment->except_count, addr))
		return false;
	if (in_nets(segment->addresses, segment->address_count, addr))
		return true;
	for (size_t i = 0; i < policy->host_count; i++)
		if (host_has(&policy->hosts[i], addr) && host_selected(segment, &policy->hosts[i]))
			return true;
	return false;
}

/* Does this host belong to the segment, whichever of its addresses is used? */
static bool host_in_segment(const struct zt_policy *policy, const struct zt_segment *segment,
			    const struct zt_host *host)
{
	for (size_t i = 0; i < host->address_count; i++) {
		struct zt_addr addr;

		memcpy(addr.bytes, host->addresses[i].key.bytes, sizeof(addr.bytes));
		if (in_segment(policy, segment, &addr))
			return true;
	}
	return false;
}

static bool in_any_segment(const struct zt_policy *policy, const struct zt_addr *addr)
{
	for (size_t i = 0; i < policy->segment_count; i++)
		if (in_segment(policy, &policy->segments[i], addr))
			return true;
	return false;
}

static bool in_inventory(const struct zt_policy *policy, const struct zt_addr *addr)
{
	for (size_t i = 0; i < policy->host_count; i++)
		if (in_nets(policy->hosts[i].addresses, policy->hosts[i].address_count, addr))
			return true;
	return false;
}

static bool qualified_for(const struct zt_qualifier *qual, const struct oracle_query *q)
{
	if (qual->unit.s && (!q->unit || strcmp(qual->unit.s, q->unit)))
		return false;
	return !qual->user.s || (q->user && !strcmp(qual->user.s, q->user));
}

/* Whether the near or the far end is what the statement names. */
static bool end_matches(const struct zt_policy *policy, const struct zt_stmt *s,
			const struct zt_end *end, const struct oracle_query *q, bool near)
{
	const struct zt_addr *addr = near ? &q->near : &q->far;

	if (end->qualified && near && !qualified_for(&end->qual, q))
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
				in_inventory(policy, addr));
	case ZT_END_UNKNOWN:
		return !near && !in_any_segment(policy, addr);
	case ZT_END_MULTICAST:
		return !near && zt_addr_is_multicast(addr);
	case ZT_END_SEGMENT:
		return in_segment(policy, &policy->segments[end->segment], addr) ||
		       (near && host_in_segment(policy, &policy->segments[end->segment], q->host));
	case ZT_END_NETS:
		return in_nets(end->nets, end->net_count, addr);
	default:
		return false;
	}
}

static bool matches(const struct zt_policy *policy, const struct zt_stmt *s,
		    const struct oracle_query *q)
{
	bool in = q->dir == ZT_DIR_IN;

	return zt_ports_has(&s->ports, q->port_index) && end_matches(policy, s, &s->from, q, !in) &&
	       end_matches(policy, s, &s->to, q, in);
}

static __u8 rank_of(const struct zt_stmt *s)
{
	if (s->kind == ZT_STMT_BOUNDARY)
		return ZT_RANK_BOUNDARY;
	if (s->kind == ZT_STMT_FAILSAFE)
		return ZT_RANK_FAILSAFE;
	return s->action == ZT_DENY ? ZT_RANK_DENY : ZT_RANK_ALLOW;
}

static void judge_plane(const struct zt_policy *policy, const struct oracle_query *q, int plane,
			struct oracle_answer *ret)
{
	const struct zt_stmt *failsafe = NULL;

	ret->action[plane] = ZT_ALLOW;
	ret->rank[plane] = ZT_RANK_DEFAULT;
	ret->rule[plane] = "default-allow";
	for (size_t i = 0; i < policy->stmt_count; i++) {
		const struct zt_stmt *s = &policy->stmts[i];

		if (plane == ZT_LIVE && s->mode == ZT_MODE_STAGED)
			continue;
		if (!matches(policy, s, q))
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

void oracle_judge(const struct zt_policy *policy, const struct oracle_query *q,
		  struct oracle_answer *ret)
{
	memset(ret, 0, sizeof(*ret));
	judge_plane(policy, q, ZT_LIVE, ret);
	judge_plane(policy, q, ZT_CANDIDATE, ret);
}
