// SPDX-License-Identifier: Apache-2.0
/*
 * reset.c - `existing: reset`: the sockets of flows that a commit newly denies are ended.
 *
 * A busy flow is judged again by its next packet and says so in an event. An
 * idle one sends no packet, so after a commit the tables are walked once and
 * every allowed flow is judged offline by the new rows.
 */
#include <errno.h>
#include <netinet/in.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/time.h"
#include "datapath/internal.h"
#include "policy/judge.h"
#include "policy/tables.h"

#define KILL_BATCH 1024

struct walk {
	struct zt_dp *dp;
	const struct zt_tables *tables;
	struct zt_flow_key keys[KILL_BATCH];
	size_t count;
	uint32_t ended;
};

static bool any_reset(const struct zt_tables *tables)
{
	for (size_t i = 0; i < tables->rule_count; i++)
		if (tables->rules[i].existing == ZT_EXISTING_RESET)
			return true;
	return false;
}

static void flush(struct walk *w)
{
	int r = zt_kill_many(w->dp, w->keys, w->count);

	w->ended += r > 0 ? (uint32_t)r : 0;
	w->count = 0;
}

/* Only what a packet can tell: the protocols that have sockets with two ends. */
static bool newly_denied(struct walk *w, const struct zt_flow_key *key, const struct zt_flow *flow)
{
	uint16_t service = ntohs(flow->opener == ZT_DIR_OUT ? key->far_port : key->near_port);
	struct zt_query q = {.now_ns = zt_now_ns(), .dir = flow->opener};
	struct zt_owner owner;
	struct zt_answer a;

	if (key->kind != ZT_KIND_LOCAL || flow->action[ZT_LIVE] != ZT_ALLOW ||
	    flow->state == ZT_STATE_CLOSED)
		return false;
	if (key->proto == IPPROTO_TCP)
		q.port_index = ZT_PORT_TCP + service;
	else if (key->proto == IPPROTO_UDP)
		q.port_index = ZT_PORT_UDP + service;
	else
		return false;
	memcpy(q.near.bytes, key->near_addr, 16);
	memcpy(q.far.bytes, key->far_addr, 16);
	if (zt_dp_owner(w->dp, flow->owner, &owner) == 0)
		q.qmask = zt_tables_qmask(w->tables, &owner);
	zt_tables_judge(w->tables, &q, &a);
	return a.action[ZT_LIVE] == ZT_DENY && a.existing[ZT_LIVE] == ZT_EXISTING_RESET;
}

static void on_flow(uint32_t table, const struct zt_flow_key *key, const struct zt_flow *flow,
		    void *ctx)
{
	struct walk *w = ctx;

	(void)table;
	if (!newly_denied(w, key, flow))
		return;
	w->keys[w->count++] = *key;
	if (w->count == KILL_BATCH)
		flush(w);
}

uint32_t zt_reset_newly_denied(struct zt_dp *dp, const struct zt_tables *tables)
{
	struct walk w = {.dp = dp, .tables = tables};

	if (!any_reset(tables))
		return 0;
	/* Observing denies nothing, so it ends nothing. */
	if (zt_now_ns() < dp->ctl->observe_until_ns)
		return 0;
	zt_dp_flow_each(dp, on_flow, &w);
	flush(&w);
	return w.ended;
}

/* Which row of the hour windows is in force. */
static uint32_t window_at(const struct zt_tables *t, uint64_t now_ns)
{
	uint32_t at = 0;

	while (at + 1 < t->window_count && t->windows[at + 1].from_ns <= now_ns)
		at++;
	return at;
}

/* Hours end without a commit, and an idle flow sends no packet that would be judged. */
void zt_reset_on_time(struct zt_dp *dp)
{
	const struct zt_tables *tables = dp->tables;
	bool same = tables == dp->timed_tables;
	uint32_t window;

	if (!tables || !tables->window_count)
		return;
	window = window_at(tables, zt_now_ns());
	if (same && window != dp->timed_window)
		zt_reset_newly_denied(dp, tables);
	dp->timed_tables = tables;
	dp->timed_window = window;
}

void zt_reset_on_event(struct zt_dp *dp, const struct zt_event *event)
{
	if (event->type != ZT_EV_VERDICT || !(event->flow.flags & ZT_FLOW_RESETTING) ||
	    event->old_action[ZT_LIVE] != ZT_ALLOW || event->flow.action[ZT_LIVE] != ZT_DENY)
		return;
	if (zt_now_ns() < dp->ctl->observe_until_ns)
		return;
	zt_dp_kill_socket(dp, &event->key);
}
