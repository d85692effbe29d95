/* SPDX-License-Identifier: Apache-2.0 */
/*
 * agent_reach.h - which addresses the end of a statement stands for, and how many.
 */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "bpf/abi.h"

struct zt_end;
struct zt_host;
struct zt_policy;

#define ZTC_REACH_ALL (-1) /* "any": no bound at all */

/* Prefixes; once settled sorted, none within another. @size: addresses, at most 2^40. */
struct ztc_nets {
	struct zt_net_key *nets;
	size_t count, cap;
	int64_t size;
};

/* ztc_nets_add - those of @more too. 0 or -ENOMEM. */
int ztc_nets_add(struct ztc_nets *nets, const struct ztc_nets *more);
void ztc_nets_settle(struct ztc_nets *nets);
void ztc_nets_free(struct ztc_nets *nets);

/* Addresses of segments, worked out once each. */
struct ztc_reach {
	const struct zt_policy *policy;
	const struct zt_host *host;   /* this one, or NULL */
	const struct zt_addr *locals; /* its addresses */
	size_t local_count;
	struct ztc_nets *segments; /* by number; count 0 and cap 1 = empty and known */
	struct ztc_nets nets;	   /* of the last ZT_END_NETS */
	struct ztc_nets here;
};

/* ztc_reach_init - all is borrowed. 0 or -ENOMEM; ztc_reach_free() in any case. */
int ztc_reach_init(struct ztc_reach *ret, const struct zt_policy *policy,
		   const struct zt_host *host, const struct zt_addr *locals, size_t local_count);
void ztc_reach_free(struct ztc_reach *reach);

/**
 * ztc_reach_end - the addresses of an end, labels as the file has them.
 *
 * NULL: any address, which "unknown" is too. A workload narrows nothing here: whose socket it is
 * does not show in an address. Borrowed until the next call.
 */
const struct ztc_nets *ztc_reach_end(struct ztc_reach *reach, const struct zt_end *end);

/* ztc_reach_here - whether this host is in it. */
bool ztc_reach_here(struct ztc_reach *reach, const struct zt_end *end);

/* ztc_is_public - an address of the Internet, by IANA's registries of special ones. */
bool ztc_is_public(const struct zt_addr *addr);
