// SPDX-License-Identifier: Apache-2.0
/*
 * failsafe.c - openings that a failsafe names.
 */
#include <netinet/in.h>
#include <string.h>

#include "base/cleanup.h"
#include "plan/failsafe.h"
#include "policy/tables.h"

#define ASKED_MAX	4096 /* openings of one failsafe */
#define SEGMENTS_OF_ONE 64

struct asking {
	const struct zt_failsafe_env *env;
	const struct zt_stmt *stmt;
	const struct zt_end *far_end;
	struct zt_opening opening;
	zt_failsafe_fn fn;
	void *ctx;
	size_t asked;
};

static bool in_segment(const struct zt_failsafe_env *env, const char *name,
		       const struct zt_addr *addr, bool near)
{
	const char *names[SEGMENTS_OF_ONE];
	size_t count = zt_tables_segments(env->tables, addr, near, names, SEGMENTS_OF_ONE);

	for (size_t i = 0; i < count && i < SEGMENTS_OF_ONE; i++) {
		if (!strcmp(names[i], name))
			return true;
	}
	return false;
}

static bool in_nets(const struct zt_end *end, const struct zt_addr *addr)
{
	for (size_t i = 0; i < end->net_count; i++) {
		if (zt_net_contains(&end->nets[i].key, addr))
			return true;
	}
	return false;
}

static bool in_end(const struct zt_failsafe_env *env, const struct zt_end *end,
		   const struct zt_addr *addr, bool near)
{
	switch (end->kind) {
	case ZT_END_ANY:
		return true;
	case ZT_END_THIS_HOST: /* at the other end: any host of the inventory */
		return near || zt_policy_host_at(env->policy, addr) != NULL;
	case ZT_END_SEGMENT:
		return in_segment(env, env->policy->segments[end->segment].name, addr, near);
	case ZT_END_NETS:
		return in_nets(end, addr);
	case ZT_END_UNKNOWN:
		return in_segment(env, "unknown", addr, near);
	default:
		return false;
	}
}

static int ask_ports(struct asking *a)
{
	const struct zt_ports *ports = &a->stmt->ports;
	int r = 0;

	for (size_t i = 0; i < ports->count && r == 0; i++) {
		const struct zt_port_range *range = &ports->ranges[i];

		for (int last = 0; last < 2 && r == 0; last++) {
			if (last && range->first == range->last)
				break;
			if (a->asked++ >= ASKED_MAX)
				return 0;
			a->opening.port_index = last ? range->last : range->first;
			r = a->fn(a->ctx, &a->opening);
		}
	}
	return r;
}

static int ask_far(struct asking *a, const struct zt_addr *far)
{
	if (zt_addr_is_v4(far) != zt_addr_is_v4(&a->opening.near) ||
	    !in_end(a->env, a->far_end, far, false))
		return 0;
	for (size_t i = 0; i < a->env->local_count; i++) {
		if (!memcmp(&a->env->locals[i], far, sizeof(*far)))
			return 0;
	}
	a->opening.far = *far;
	return ask_ports(a);
}

/* The first and the last address of a prefix that can be a host's. */
static int ask_net(struct asking *a, const struct zt_net_key *net)
{
	struct zt_addr first, last;
	unsigned int bits = 128 - net->prefixlen;
	int r;

	memcpy(first.bytes, net->bytes, sizeof(first.bytes));
	last = first;
	for (unsigned int i = 0; i < bits; i++)
		last.bytes[15 - i / 8] |= (uint8_t)(1u << (i % 8));
	if (bits > 1) { /* not those of the network itself and of the broadcast */
		first.bytes[15] |= 1;
		last.bytes[15] &= 0xfe;
	}
	r = ask_far(a, &first);
	return r || !memcmp(&first, &last, sizeof(first)) ? r : ask_far(a, &last);
}

static int ask_fars(struct asking *a)
{
	const struct zt_policy *policy = a->env->policy;
	const struct zt_end *end = a->far_end;
	const struct zt_segment *segment =
		end->kind == ZT_END_SEGMENT ? &policy->segments[end->segment] : NULL;
	int r = 0;

	for (size_t i = 0; i < end->net_count && r == 0; i++)
		r = ask_net(a, &end->nets[i].key);
	for (size_t i = 0; segment && i < segment->address_count && r == 0; i++)
		r = ask_net(a, &segment->addresses[i].key);
	for (size_t i = 0; i < a->env->classes->count && r == 0; i++)
		r = ask_far(a, &a->env->classes->rows[i].addr);
	return r;
}

static int ask_side(struct asking *a, const struct zt_end *near_end, const struct zt_end *far_end,
		    uint32_t dir)
{
	int r = 0;

	a->far_end = far_end;
	a->opening.dir = dir;
	for (size_t i = 0; i < a->env->local_count && r == 0; i++) {
		a->opening.near = a->env->locals[i];
		if (!zt_addr_is_loopback(&a->opening.near) &&
		    in_end(a->env, near_end, &a->opening.near, true))
			r = ask_fars(a);
	}
	return r;
}

int zt_failsafe_each(const struct zt_failsafe_env *env, const struct zt_stmt *stmt,
		     zt_failsafe_fn fn, void *ctx)
{
	struct asking a = {.env = env, .stmt = stmt, .fn = fn, .ctx = ctx};
	int r = ask_side(&a, &stmt->to, &stmt->from, ZT_DIR_IN);

	return r ? r : ask_side(&a, &stmt->from, &stmt->to, ZT_DIR_OUT);
}
