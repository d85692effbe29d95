// SPDX-License-Identifier: Apache-2.0
/*
 * opening.c - one opening of a conversation put to two compiled policies.
 */
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/time.h"
#include "base/vec.h"
#include "flow/names.h"
#include "plan/opening.h"
#include "policy/rules.h"
#include "policy/tables.h"

void zt_judges_init(struct zt_judges *ret, const struct zt_tables *now,
		    const struct zt_tables *then, const struct zt_flow_names *names)
{
	*ret = (struct zt_judges){
		.tables = {[ZT_NOW] = now, [ZT_THEN] = then},
		.names = names,
		.now_ns = zt_now_ns(),
	};
}

void zt_judges_clear(struct zt_judges *judges)
{
	zt_freep(&judges->owners);
	zt_freep(&judges->by_index);
	zt_table_clear(&judges->owner_table);
	judges->owner_count = judges->owner_cap = 0;
}

/* Only what identifies an owner is filled in; the padding of a record is zero. */
uint32_t zt_judges_owner(struct zt_judges *judges, const struct zt_owner *owner)
{
	uint32_t hash, n;
	struct zt_judged_owner *row;

	if (!owner)
		return 0;
	hash = zt_table_hash(owner, sizeof(*owner));
	n = zt_table_first(&judges->owner_table, hash);
	for (; n != ZT_TABLE_NONE; n = zt_table_next(&judges->owner_table, n)) {
		if (!memcmp(&judges->owners[n].owner, owner, sizeof(*owner)))
			return n + 1;
	}
	if (zt_vec_grow(&judges->owners, &judges->owner_cap, judges->owner_count + 1,
			sizeof(*row)) < 0 ||
	    zt_table_reserve(&judges->owner_table, (uint32_t)judges->owner_cap) < 0)
		return 0;
	n = (uint32_t)judges->owner_count++;
	row = &judges->owners[n];
	*row = (struct zt_judged_owner){.owner = *owner};
	for (int side = 0; side < ZT_SIDE_COUNT; side++) {
		if (judges->tables[side])
			row->qmask[side] = zt_tables_qmask(judges->tables[side], owner);
	}
	zt_table_add(&judges->owner_table, n, hash);
	return n + 1;
}

uint32_t zt_judges_owner_at(struct zt_judges *judges, uint32_t index)
{
	const struct zt_flow_names *names = judges->names;
	struct zt_owner owner;
	uint32_t number = 0;

	if (!index || index >= ZT_OWNERS_MAX || !names || !names->owner)
		return 0;
	if (!judges->by_index)
		judges->by_index = calloc(ZT_OWNERS_MAX, sizeof(*judges->by_index));
	if (judges->by_index && judges->by_index[index])
		return judges->by_index[index] - 1;
	if (names->owner(names->ctx, index, &owner) == 0)
		number = zt_judges_owner(judges, &owner);
	if (judges->by_index)
		judges->by_index[index] = number + 1;
	return number;
}

const struct zt_owner *zt_judges_owner_of(const struct zt_judges *judges, uint32_t number)
{
	return number && number <= judges->owner_count ? &judges->owners[number - 1].owner : NULL;
}

void zt_judges_query(const struct zt_judges *judges, enum zt_side side, const struct zt_opening *o,
		     struct zt_query *ret)
{
	*ret = (struct zt_query){
		.near = o->near,
		.far = o->far,
		.qmask = o->owner ? judges->owners[o->owner - 1].qmask[side] : 0,
		.now_ns = judges->now_ns,
		.dir = o->dir,
		.port_index = o->port_index,
	};
}

void zt_judges_ask(const struct zt_judges *judges, enum zt_side side, const struct zt_opening *o,
		   struct zt_answer *ret)
{
	struct zt_query query;

	if (!judges->tables[side]) {
		*ret = (struct zt_answer){
			.rule = {ZT_RULE_DEFAULT, ZT_RULE_DEFAULT},
			.valid_until_ns = ZT_FOREVER,
		};
		return;
	}
	zt_judges_query(judges, side, o, &query);
	zt_tables_judge(judges->tables[side], &query, ret);
}

bool zt_judges_denies(const struct zt_judges *judges, enum zt_side side, const struct zt_opening *o)
{
	struct zt_answer answer;

	zt_judges_ask(judges, side, o, &answer);
	return answer.action[ZT_LIVE] == ZT_DENY;
}

void zt_opening_ends(const struct zt_opening *o, struct zt_addr *ret_src, struct zt_addr *ret_dst,
		     uint8_t *ret_proto, uint16_t *ret_port)
{
	bool far_opened = o->dir == ZT_DIR_IN;

	*ret_src = far_opened ? o->far : o->near;
	*ret_dst = far_opened ? o->near : o->far;
	zt_port_proto(o->port_index, ret_proto, ret_port);
}

const char *zt_plan_rule_id(const struct zt_tables *tables, uint32_t number, int plane)
{
	const struct zt_builtin_rule *builtin = zt_rule_builtin(number);
	const struct zt_rule_info *info = tables ? zt_tables_rule_in(tables, number, plane) : NULL;

	if (builtin)
		return builtin->id;
	if (!info && tables)
		info = zt_tables_rule(tables, number);
	return info ? info->id : "unknown";
}
