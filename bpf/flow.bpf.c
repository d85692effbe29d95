// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * flow.bpf.c - entries begin, are answered, and end.
 */
#include "flow.bpf.h"

__noinline int zt_emit(__u32 type, const struct zt_flow_key *key, const struct zt_flow *f,
		       __u32 old_actions)
{
	struct zt_event *event;

	if (!key || !f)
		return 0;
	event = bpf_ringbuf_reserve(&zt_events, sizeof(*event), 0);
	if (!event) {
		zt_count(ZT_C_LOST_RING); /* the flow table still has it */
		return 0;
	}
	event->abi_version = ZT_ABI_VERSION;
	event->type = type;
	event->old_action[ZT_LIVE] = old_actions & 0xff;
	event->old_action[ZT_CANDIDATE] = old_actions >> 8;
	event->pad = 0;
	event->at_ns = f->last_ns;
	event->key = *key;
	event->flow = *f;
	bpf_ringbuf_submit(event, 0);
	return 0;
}

__noinline int zt_drop_entry(struct zt_flow *f, __u32 answered)
{
	struct zt_work *w = zt_work_get();

	if (!w || !f)
		return 0;
	/* The agent adds its last values up; only then may the tuple begin again. */
	zt_emit(ZT_EV_ENDED, &w->pass.key, f, zt_actions(f));
	if (answered) {
		if (!bpf_map_delete_elem(&zt_flows, &w->pass.key))
			zt_count(ZT_C_FLOW_DELETED);
	} else if (!bpf_map_delete_elem(&zt_openings, &w->pass.key)) {
		zt_count(ZT_C_OPENING_DELETED);
	}
	return 0;
}

/* From now on a flood may not evict it. */
__noinline int zt_promote(struct zt_flow *opening)
{
	struct zt_work *w = zt_work_get();
	struct zt_pass *pass;

	if (!w || !opening)
		return 0;
	pass = &w->pass;
	w->flow = *opening;
	w->flow.state = ZT_STATE_ESTABLISHED;
	if (pass->pkt.proto == IPPROTO_TCP) {
		/* Resets until now were of tries before this one. */
		w->flow.health &= ~(ZT_HEALTH_RST_NEAR | ZT_HEALTH_RST_FAR);
		w->flow.health |= ZT_HEALTH_ANSWERED;
	}
	if (pass->pkt.tcp_flags & (ZT_TCP_FIN | ZT_TCP_RST))
		zt_tcp_track(&w->flow, pass);
	if (bpf_map_update_elem(&zt_flows, &pass->key, &w->flow, BPF_ANY)) {
		zt_count(ZT_C_LOST_INSERT);
		return 0;
	}
	zt_count(ZT_C_FLOW_INSERTED);
	if (!bpf_map_delete_elem(&zt_openings, &pass->key))
		zt_count(ZT_C_OPENING_DELETED);
	return 0;
}
