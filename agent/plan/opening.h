/* SPDX-License-Identifier: Apache-2.0 */
/*
 * opening.h - one opening of a conversation put to two compiled policies.
 *
 * Private to this room. Owners are matched once per policy and kept, since many
 * openings have the same.
 */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/addr.h"
#include "bpf/abi.h"
#include "flow/table.h"
#include "policy/judge.h"

struct zt_flow_names;
struct zt_tables;

enum zt_side {
	ZT_NOW,	 /* what is in force */
	ZT_THEN, /* what would be */
	ZT_SIDE_COUNT,
};

/* Who opens what, as seen from this host. */
struct zt_opening {
	struct zt_addr near;
	struct zt_addr far;
	uint32_t dir; /* ZT_DIR_*: FWD: near opened */
	uint32_t port_index;
	uint32_t owner; /* of the near end: zt_judges_owner(); 0 = unknown */
};

struct zt_judged_owner {
	struct zt_owner owner;
	__u64 qmask[ZT_SIDE_COUNT];
};

struct zt_judges {
	const struct zt_tables *tables[ZT_SIDE_COUNT]; /* NULL = allows all */
	const struct zt_flow_names *names;
	struct zt_judged_owner *owners; /* number - 1 */
	size_t owner_count, owner_cap;
	struct zt_table owner_table; /* by content */
	uint32_t *by_index;	     /* the datapath's index -> number + 1; 0 = not looked up */
	uint64_t now_ns;
};

/* zt_judges_init - @names may be NULL: then no owner is known by index. zt_judges_clear() after. */
void zt_judges_init(struct zt_judges *ret, const struct zt_tables *now,
		    const struct zt_tables *then, const struct zt_flow_names *names);
void zt_judges_clear(struct zt_judges *judges);

/* zt_judges_owner - the number of an owner here; 0 for NULL, or when out of memory. */
uint32_t zt_judges_owner(struct zt_judges *judges, const struct zt_owner *owner);

/* zt_judges_owner_at - the same of the datapath's index. */
uint32_t zt_judges_owner_at(struct zt_judges *judges, uint32_t index);

/* zt_judges_owner_of - the record of a number; NULL for 0. Borrowed until the next is added. */
const struct zt_owner *zt_judges_owner_of(const struct zt_judges *judges, uint32_t number);

/* zt_judges_query - the opening as one side is asked it. */
void zt_judges_query(const struct zt_judges *judges, enum zt_side side, const struct zt_opening *o,
		     struct zt_query *ret);

/* zt_judges_ask - by the offline judge. */
void zt_judges_ask(const struct zt_judges *judges, enum zt_side side, const struct zt_opening *o,
		   struct zt_answer *ret);

/* zt_judges_denies - whether the live plane of a side denies it. */
bool zt_judges_denies(const struct zt_judges *judges, enum zt_side side,
		      const struct zt_opening *o);

/* zt_opening_ends - source, destination, protocol and port as people read them. */
void zt_opening_ends(const struct zt_opening *o, struct zt_addr *ret_src, struct zt_addr *ret_dst,
		     uint8_t *ret_proto, uint16_t *ret_port);

/* zt_plan_rule_id - the id of a rule number of one side's policy; borrowed, never NULL. */
const char *zt_plan_rule_id(const struct zt_tables *tables, uint32_t number, int plane);
