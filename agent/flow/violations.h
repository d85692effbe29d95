/* SPDX-License-Identifier: Apache-2.0 */
/*
 * violations.h - what was denied, or would have been, added up and bounded.
 *
 * One row per source, destination, protocol, port, rule, mode and workload. At
 * the cap the least recently seen row goes and is counted. Each packet is counted
 * once: an entry of a flow table when it leaves the table, a refused connect and a
 * malformed packet when their event comes (neither has an entry).
 */
#pragma once
#include <stddef.h>
#include <stdint.h>

#include "bpf/abi.h"
#include "policy/policy.h" /* enum zt_mode */

#define ZT_VIOLATIONS_DEFAULT 10000

struct zt_violation_key {
	struct zt_addr src;
	struct zt_addr dst;
	uint32_t rule;
	uint32_t owner; /* of the local end, 0 = unknown */
	uint16_t port;	/* host order; ICMP: type */
	uint8_t proto;
	uint8_t mode; /* enum zt_mode: enforced was denied, staged would be */
	uint8_t near; /* 0x1: source is local; 0x2: destination is */
	uint8_t pad[3];
};
_Static_assert(sizeof(struct zt_violation_key) == 48, "zt_violation_key has a hole");

struct zt_violation {
	struct zt_violation_key key;
	uint64_t count;	   /* packets denied, or connects and sends refused */
	uint64_t attempts; /* flows, or refusals */
	uint64_t first_ns;
	uint64_t last_ns;
};

struct zt_violations;

/* zt_violations_new - room for @cap rows, taken as they come. 0, -EINVAL, -ENOMEM. */
int zt_violations_new(struct zt_violations **ret, size_t cap);
void zt_violations_free(struct zt_violations **v);

/* zt_violations_add - add to a row, making it when new. 0 or -ENOMEM (counted as lost). */
int zt_violations_add(struct zt_violations *v, const struct zt_violation *add);

/* What of a flow's denied packets is accounted already, see zt_violations_add_flow(). */
struct zt_violation_seen {
	uint64_t denied;
	uint64_t would_deny;
};

/**
 * zt_violations_add_flow - the denied and would-be-denied packets of one flow table entry.
 * @seen: already accounted under another rule, subtracted; NULL = nothing.
 *
 * Returns the number of rows touched (0: nothing was denied), or -ENOMEM.
 */
int zt_violations_add_flow(struct zt_violations *v, const struct zt_flow_key *key,
			   const struct zt_flow *flow, const struct zt_violation_seen *seen);

/* zt_violations_merge - add every row of @from. 0 or -ENOMEM. */
int zt_violations_merge(struct zt_violations *v, const struct zt_violations *from);

/* zt_violations_next - walk, most recently seen first: NULL begins, NULL ends. */
const struct zt_violation *zt_violations_next(const struct zt_violations *v,
					      const struct zt_violation *after);
size_t zt_violations_count(const struct zt_violations *v);

/* zt_violations_lost - rows that made room for newer ones. */
uint64_t zt_violations_lost(const struct zt_violations *v);
