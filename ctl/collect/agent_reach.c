// SPDX-License-Identifier: Apache-2.0
/*
 * agent_reach.c - which addresses the end of a statement stands for, and how many.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/addr.h"
#include "base/cleanup.h"
#include "base/vec.h"
#include "ctl/collect/agent_reach.h"
#include "policy/policy.h"

#define SIZE_BITS 40 /* larger prefixes count as that many addresses: more than anybody permits */

/* --- sets of prefixes ---------------------------------------------------------------------------
 */

static int add_net(struct ztc_nets *nets, const struct zt_net_key *key)
{
	if (zt_vec_grow(&nets->nets, &nets->cap, nets->count + 1, sizeof(*nets->nets)) < 0)
		return -ENOMEM;
	nets->nets[nets->count++] = *key;
	return 0;
}

int ztc_nets_add(struct ztc_nets *nets, const struct ztc_nets *more)
{
	int r = 0;

	for (size_t i = 0; i < more->count && r == 0; i++)
		r = add_net(nets, &more->nets[i]);
	return r;
}

void ztc_nets_free(struct ztc_nets *nets)
{
	free(nets->nets);
	*nets = (struct ztc_nets){0};
}

/* By address, the wider one first. */
static int by_place(const void *a, const void *b)
{
	const struct zt_net_key *x = a, *y = b;
	int order = memcmp(x->bytes, y->bytes, sizeof(x->bytes));

	return order ? order : (x->prefixlen > y->prefixlen) - (x->prefixlen < y->prefixlen);
}

static int64_t size_of(const struct zt_net_key *net)
{
	uint32_t bits = 128 - net->prefixlen;

	return 1LL << (bits < SIZE_BITS ? bits : SIZE_BITS);
}

void ztc_nets_settle(struct ztc_nets *nets)
{
	size_t kept = 0;

	nets->size = 0;
	if (nets->count)
		qsort(nets->nets, nets->count, sizeof(*nets->nets), by_place);
	for (size_t i = 0; i < nets->count; i++) {
		if (kept && zt_net_covers(&nets->nets[kept - 1], &nets->nets[i]))
			continue;
		nets->nets[kept++] = nets->nets[i];
		nets->size += size_of(&nets->nets[kept - 1]);
	}
	nets->count = kept;
	if (nets->size > 1LL << SIZE_BITS)
		nets->size = 1LL << SIZE_BITS;
}

static bool holds(const struct ztc_nets *nets, const struct zt_addr *addr)
{
	for (size_t i = 0; i < nets->count; i++) {
		if (zt_net_contains(&nets->nets[i], addr))
			return true;
	}
	return false;
}

/* --- segments -----------------------------------------------------------------------------------
 */

static bool labels_hold(const struct zt_segment *segment, const struct zt_host *host)
{
	for (size_t i = 0; i < segment->select_count; i++) {
		const struct zt_label *want = &segment->select[i];
		bool found = false;

		for (size_t k = 0; k < host->label_count && !found; k++)
			found = strcmp(host->labels[k].key, want->key) == 0 &&
				strcmp(host->labels[k].value, want->value) == 0;
		if (!found)
			return false;
	}
	return segment->select_count > 0;
}

static bool excepted(const struct zt_segment *segment, const struct zt_net_key *key)
{
	for (size_t i = 0; i < segment->except_count; i++) {
		if (zt_net_covers(&segment->except[i].key, key))
			return true;
	}
	return false;
}

static int64_t except_size(const struct zt_segment *segment)
{
	struct ztc_nets nets = {0};
	int64_t size = 0;

	/* Those within an address range of the segment; hosts that are excepted are left out. */
	for (size_t i = 0; i < segment->except_count; i++) {
		for (size_t k = 0; k < segment->address_count; k++) {
			if (zt_net_covers(&segment->addresses[k].key, &segment->except[i].key) &&
			    add_net(&nets, &segment->except[i].key) == 0)
				break;
		}
	}
	ztc_nets_settle(&nets);
	size = nets.size;
	ztc_nets_free(&nets);
	return size;
}

static void fill_segment(const struct zt_policy *policy, const struct zt_segment *segment,
			 struct ztc_nets *ret)
{
	for (size_t i = 0; i < segment->address_count; i++)
		if (!excepted(segment, &segment->addresses[i].key))
			add_net(ret, &segment->addresses[i].key);
	for (size_t i = 0; segment->select_count && i < policy->host_count; i++) {
		const struct zt_host *host = &policy->hosts[i];

		if (!labels_hold(segment, host))
			continue;
		for (size_t k = 0; k < host->address_count; k++)
			if (!excepted(segment, &host->addresses[k].key))
				add_net(ret, &host->addresses[k].key);
	}
	ztc_nets_settle(ret);
	ret->size -= except_size(segment);
}

/* --- ends ---------------------------------------------------------------------------------------
 */

int ztc_reach_init(struct ztc_reach *ret, const struct zt_policy *policy,
		   const struct zt_host *host, const struct zt_addr *locals, size_t local_count)
{
	*ret = (struct ztc_reach){
		.policy = policy,
		.host = host,
		.locals = locals,
		.local_count = local_count,
		.segments = calloc(policy->segment_count + 1, sizeof(struct ztc_nets)),
	};
	for (size_t i = 0; i < local_count; i++) {
		struct zt_net_key key = {.prefixlen = 128};

		memcpy(key.bytes, locals[i].bytes, sizeof(key.bytes));
		if (!zt_addr_is_loopback(&locals[i]))
			add_net(&ret->here, &key);
	}
	ztc_nets_settle(&ret->here);
	return ret->segments ? 0 : -ENOMEM;
}

void ztc_reach_free(struct ztc_reach *reach)
{
	for (size_t i = 0; reach->segments && i <= reach->policy->segment_count; i++)
		ztc_nets_free(&reach->segments[i]);
	free(reach->segments);
	ztc_nets_free(&reach->nets);
	ztc_nets_free(&reach->here);
}

static const struct ztc_nets *nothing(void)
{
	static const struct ztc_nets none;

	return &none;
}

const struct ztc_nets *ztc_reach_end(struct ztc_reach *reach, const struct zt_end *end)
{
	struct ztc_nets *nets;

	switch (end->kind) {
	case ZT_END_ANY:
	case ZT_END_UNKNOWN:
		return NULL;
	case ZT_END_THIS_HOST:
		return &reach->here;
	case ZT_END_SEGMENT:
		nets = &reach->segments[end->segment];
		if (!nets->cap)
			fill_segment(reach->policy, &reach->policy->segments[end->segment], nets);
		return nets;
	case ZT_END_NETS:
		reach->nets.count = 0;
		for (size_t i = 0; i < end->net_count; i++)
			add_net(&reach->nets, &end->nets[i].key);
		ztc_nets_settle(&reach->nets);
		return &reach->nets;
	default:
		return nothing();
	}
}

bool ztc_reach_here(struct ztc_reach *reach, const struct zt_end *end)
{
	const struct ztc_nets *nets;

	if (end->kind == ZT_END_ANY || end->kind == ZT_END_THIS_HOST)
		return true;
	if (end->kind == ZT_END_UNKNOWN || end->kind == ZT_END_MULTICAST ||
	    end->kind == ZT_END_BROADCAST)
		return false;
	if (end->kind == ZT_END_SEGMENT && reach->host &&
	    labels_hold(&reach->policy->segments[end->segment], reach->host))
		return true;
	nets = ztc_reach_end(reach, end);
	for (size_t i = 0; nets && i < reach->local_count; i++) {
		if (!zt_addr_is_loopback(&reach->locals[i]) && holds(nets, &reach->locals[i]))
			return true;
	}
	return false;
}

/* IANA's special-purpose registries (RFC 6890 and what was added); all else of IPv6's 2000::/3. */
bool ztc_is_public(const struct zt_addr *addr)
{
	static const char *const special[] = {"0.0.0.0/8",     "10.0.0.0/8",	  "100.64.0.0/10",
					      "127.0.0.0/8",   "169.254.0.0/16",  "172.16.0.0/12",
					      "192.0.0.0/24",  "192.0.2.0/24",	  "192.168.0.0/16",
					      "198.18.0.0/15", "198.51.100.0/24", "203.0.113.0/24",
					      "224.0.0.0/3",   "2001::/23",	  "2001:db8::/32",
					      "2002::/16",     "3fff::/20"};
	struct zt_net_key net;

	if (!zt_addr_is_v4(addr) && (addr->bytes[0] & 0xe0) != 0x20)
		return false;
	for (size_t i = 0; i < ARRAY_SIZE(special); i++) {
		if (zt_net_parse(special[i], &net) == 0 && zt_net_contains(&net, addr))
			return false;
	}
	return true;
}
