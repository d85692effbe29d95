// SPDX-License-Identifier: Apache-2.0
/*
 * connections.c - what lives in the flow tables now and would be denied.
 */
#include <errno.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "flow/graph.h"
#include "plan/plan.h"

struct reading {
	struct zt_judges *judges;
	struct zt_plan_connections *out;
};

const char *zt_fate_name(enum zt_fate fate)
{
	static const char *const names[] = {"cut", "reset", "kept"};

	return fate < ARRAY_SIZE(names) ? names[fate] : "unknown";
}

void zt_plan_connections_clear(struct zt_plan_connections *connections)
{
	free(connections->rows);
	*connections = (struct zt_plan_connections){0};
}

static void opening_of(struct zt_judges *judges, const struct zt_flow_item *item,
		       struct zt_opening *ret)
{
	struct zt_flow_ends ends;
	bool in;

	zt_flow_ends(&item->key, &item->flow, &ends);
	in = item->key.kind == ZT_KIND_LOCAL && item->flow.opener == ZT_DIR_IN;
	memset(ret, 0, sizeof(*ret));
	ret->near = in ? ends.dst : ends.src;
	ret->far = in ? ends.src : ends.dst;
	ret->dir = item->key.kind == ZT_KIND_FWD ? ZT_DIR_FWD : in ? ZT_DIR_IN : ZT_DIR_OUT;
	ret->port_index = zt_port_index(item->key.proto, ends.port);
	if (item->key.kind == ZT_KIND_LOCAL)
		ret->owner = zt_judges_owner_at(judges, item->flow.owner);
}

/* Nobody saw who opened it: then either direction being allowed is enough, as in the kernel. */
static bool other_way_allowed(struct zt_judges *judges, const struct zt_flow_item *item)
{
	struct zt_flow_item turned = *item;
	struct zt_opening o;

	if (!(item->flow.flags & ZT_FLOW_EITHER) || item->key.kind != ZT_KIND_LOCAL)
		return false;
	turned.flow.opener = item->flow.opener == ZT_DIR_IN ? ZT_DIR_OUT : ZT_DIR_IN;
	opening_of(judges, &turned, &o);
	return !zt_judges_denies(judges, ZT_THEN, &o);
}

static enum zt_fate fate_of(const struct zt_flow_item *item, const struct zt_answer *then)
{
	if (then->existing[ZT_LIVE] == ZT_EXISTING_RESET)
		return ZT_FATE_RESET;
	if (then->existing[ZT_LIVE] == ZT_EXISTING_KEEP && item->key.proto == IPPROTO_TCP)
		return ZT_FATE_KEPT;
	return ZT_FATE_CUT;
}

static bool is_affected(const struct zt_flow_item *item, void *data)
{
	struct reading *r = data;
	const struct zt_flow *flow = &item->flow;
	struct zt_answer then;
	struct zt_opening o;

	if (item->ended || item->table != ZT_IN_FLOWS || item->key.kind == ZT_KIND_LOOP ||
	    flow->state == ZT_STATE_CLOSED || flow->action[ZT_LIVE] != ZT_ALLOW ||
	    flow->rank[ZT_LIVE] == ZT_RANK_BUILTIN)
		return false;
	r->out->judged++;
	opening_of(r->judges, item, &o);
	zt_judges_ask(r->judges, ZT_THEN, &o, &then);
	if (then.action[ZT_LIVE] != ZT_DENY || other_way_allowed(r->judges, item))
		return false;
	r->out->total[fate_of(item, &then)]++;
	return true;
}

int zt_plan_connections_read(struct zt_collector *collector, struct zt_judges *judges,
			     struct zt_plan_connections *ret)
{
	zt_auto(zt_plan_connections_clear) struct zt_plan_connections out = {0};
	zt_auto(zt_flow_list_clear) struct zt_flow_list list = {0};
	struct reading reading = {judges, &out};
	int r = collector ? zt_collector_flows(collector, is_affected, &reading, ZT_PLAN_ROWS_MAX,
					       &list)
			  : 0;

	if (r < 0)
		return r;
	out.rows = calloc(list.count + 1, sizeof(*out.rows));
	if (!out.rows)
		return -ENOMEM;
	for (out.count = 0; out.count < list.count; out.count++) {
		struct zt_plan_connection *row = &out.rows[out.count];
		struct zt_answer then;
		struct zt_opening o;

		row->item = list.items[out.count];
		opening_of(judges, &row->item, &o);
		zt_judges_ask(judges, ZT_THEN, &o, &then);
		row->fate = fate_of(&row->item, &then);
		row->rule = then.rule[ZT_LIVE];
		row->now_rule = row->item.flow.rule[ZT_LIVE];
	}
	*ret = out;
	out = (struct zt_plan_connections){0};
	return 0;
}
