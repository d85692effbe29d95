/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ends.c - which endpoints a name in a case stands for.
 *
 * A segment stands for each address of each host in it, and for one address of
 * each of its networks; `any` for every host and one address in no segment.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/addr.h"
#include "base/cleanup.h"
#include "base/vec.h"
#include "ctl/test/test.h"

#define SEGMENTS_MAX 4096 /* that an address may be in */
#define STRANGERS    64	  /* addresses tried for one in no segment */

struct expansion {
	struct ztc_test *test;
	const struct zt_case_end *end;
	const struct zt_tables *tables; /* of any host: they know every address */
	struct ztc_test_ends *ret;
};

void ztc_test_ends_free(struct ztc_test_ends *ends)
{
	free(ends->ends);
	*ends = (struct ztc_test_ends){0};
}

static int add(struct ztc_test_ends *ends, const struct zt_addr *addr, const struct zt_host *host)
{
	int r = zt_vec_grow(&ends->ends, &ends->cap, ends->count + 1, sizeof(*ends->ends));

	if (r == 0)
		ends->ends[ends->count++] = (struct ztc_test_end){.addr = *addr, .host = host};
	return r;
}

static void address_of(const struct zt_net *net, struct zt_addr *ret)
{
	memcpy(ret->bytes, net->key.bytes, sizeof(ret->bytes));
}

/* Whether an address is in the segment, exceptions and labels of the case considered. */
static bool is_in(const struct expansion *x, const struct zt_addr *addr, const char *segment)
{
	const char *names[SEGMENTS_MAX];
	size_t n = zt_tables_segments(x->tables, addr, false, names, SEGMENTS_MAX);

	for (size_t i = 0; i < n && i < SEGMENTS_MAX; i++)
		if (strcmp(names[i], segment) == 0)
			return true;
	return false;
}

/* Every address of every host that is in @segment; NULL: of every host. */
static int add_hosts(const struct expansion *x, const char *segment)
{
	const struct zt_policy *policy = x->test->policy;

	for (size_t i = 0; i < policy->host_count; i++)
		for (size_t a = 0; a < policy->hosts[i].address_count; a++) {
			struct zt_addr addr;
			int r;

			address_of(&policy->hosts[i].addresses[a], &addr);
			if (segment && !is_in(x, &addr, segment))
				continue;
			r = add(x->ret, &addr, &policy->hosts[i]);
			if (r < 0)
				return r;
		}
	return 0;
}

/* The @n-th address of a network that a host could have; 0 counts as the first behind its own. */
static bool nth_address(const struct zt_net_key *net, uint32_t n, struct zt_addr *ret)
{
	uint32_t low;

	memcpy(ret->bytes, net->bytes, sizeof(ret->bytes));
	if (net->prefixlen >= 127)
		return n == 0;
	memcpy(&low, ret->bytes + 12, sizeof(low));
	low = htobe32(be32toh(low) + n + 1);
	memcpy(ret->bytes + 12, &low, sizeof(low));
	return zt_net_contains(net, ret);
}

/* One address for each network of a segment: the first that is in it, not excepted, no host's. */
static int add_networks(const struct expansion *x, const struct zt_segment *segment)
{
	int r = 0;

	for (size_t i = 0; i < segment->address_count && r == 0; i++) {
		const struct zt_net_key *net = &segment->addresses[i].key;
		struct zt_net_key hole = *net;
		struct zt_addr addr;
		bool found = false;

		for (uint32_t n = 0; n < STRANGERS && !found; n++)
			found = nth_address(net, n, &addr) && is_in(x, &addr, segment->name);
		/* Behind each exception, when the first addresses are one. */
		for (size_t e = 0; e < segment->except_count && !found; e++) {
			hole = segment->except[e].key;
			for (size_t b = 128; b > hole.prefixlen; b--)
				hole.bytes[(b - 1) / 8] |= (__u8)(1u << (7 - (b - 1) % 8));
			hole.prefixlen = net->prefixlen;
			found = nth_address(&hole, 0, &addr) && is_in(x, &addr, segment->name);
		}
		if (found && !zt_policy_host_at(x->test->policy, &addr))
			r = add(x->ret, &addr, NULL);
	}
	return r;
}

static int add_text(const struct expansion *x, const char *text)
{
	struct zt_addr addr;

	return zt_addr_parse(text, &addr) < 0 ? -EINVAL : add(x->ret, &addr, NULL);
}

/* One address of each family that no segment has: of networks set aside for documents, first. */
static int add_strangers(const struct expansion *x)
{
	static const char *const nets[] = {
		"203.0.113.0/24", "198.51.100.0/24", "192.0.2.0/24",
		"8.8.0.0/16",	  "100.64.0.0/10",   "2001:db8:ffff::/48",
		"2620:fe::/48",	  "2a00::/16",	     "fd00:ffff::/32"};
	bool have[2] = {false, false};

	for (size_t i = 0; i < ARRAY_SIZE(nets); i++) {
		struct zt_net_key net;
		struct zt_addr addr;
		int r;

		zt_net_parse(nets[i], &net);
		for (uint32_t n = 0; n < STRANGERS && !have[zt_net_is_v4(&net)]; n++) {
			if (!nth_address(&net, n, &addr) || !is_in(x, &addr, "unknown"))
				continue;
			have[zt_net_is_v4(&net)] = true;
			r = add(x->ret, &addr, NULL);
			if (r < 0)
				return r;
		}
	}
	return 0;
}

static int expand_segment(const struct expansion *x)
{
	const struct zt_policy *policy = x->test->policy;
	const char *name = x->end->text;
	int r;

	if (strcmp(name, "any") == 0) {
		r = add_hosts(x, NULL);
		return r < 0 ? r : add_strangers(x);
	}
	if (strcmp(name, "unknown") == 0)
		return add_strangers(x);
	if (strcmp(name, "broadcast") == 0)
		return add_text(x, "255.255.255.255");
	if (strcmp(name, "multicast") == 0) {
		r = add_text(x, "224.0.0.251");
		return r < 0 ? r : add_text(x, "ff02::fb");
	}
	r = add_hosts(x, name);
	for (size_t i = 0; i < policy->segment_count && r == 0; i++)
		if (strcmp(policy->segments[i].name, name) == 0)
			r = add_networks(x, &policy->segments[i]);
	return r;
}

static const struct zt_host *any_host(const struct zt_policy *policy)
{
	for (size_t i = 0; i < policy->host_count; i++)
		if (policy->hosts[i].address_count)
			return &policy->hosts[i];
	return NULL;
}

int ztc_test_expand(struct ztc_test *test, const struct zt_case *c, const struct zt_case_end *end,
		    struct ztc_test_ends *ret)
{
	struct expansion x = {.test = test, .end = end, .ret = ret};
	const struct zt_host *host = test->only ? test->only : any_host(test->policy);
	struct zt_addr addr;
	int r = 0;

	if (end->kind == ZT_CASE_ADDRESS)
		return add(ret, &end->addr, end->host);
	if (end->kind == ZT_CASE_HOST) {
		for (size_t a = 0; a < end->host->address_count && r == 0; a++) {
			address_of(&end->host->addresses[a], &addr);
			r = add(ret, &addr, end->host);
		}
		return r;
	}
	if (!host)
		return zt_diag_error(test->diag, &end->loc,
				     "the inventory has no host with an address: nobody judges");
	r = ztc_test_tables(test, host, c, &x.tables);
	if (r == 0)
		r = expand_segment(&x);
	if (r == 0 && !ret->count) {
		r = zt_diag_error(test->diag, &end->loc, "segment '%s' has no address to try",
				  end->text);
		zt_diag_remedy(test->diag, "is its selector right? name a host or an address");
	}
	return r;
}
