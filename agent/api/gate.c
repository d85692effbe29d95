/* SPDX-License-Identifier: Apache-2.0 */
/*
 * gate.c - requests about readiness: which staged statements may be promoted, and what others lack.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "api/internal.h"
#include "base/cleanup.h"
#include "base/json.h"
#include "base/time.h"
#include "datapath/intent.h"
#include "flow/collect.h"
#include "plan/gate.h"
#include "policy/tables.h"

#define RECORD_MS 2000 /* the most that a question waits for the disk */

_Static_assert(ZT_GATE_ERR_LEN >= ZT_INTENT_ERR_LEN, "what a promotion says must fit");

static int would(void *ctx, const char *const *ids, size_t count, struct zt_tables **ret, char *err)
{
	const struct zt_promotion what = {.ids = ids, .id_count = count, .within_ns = UINT64_MAX};

	return zt_intent_would(ctx, &what, NULL, ret, err);
}

int zt_request_gate(struct zt_request *request, struct zt_gate **ret)
{
	const struct zt_api_ctx *ctx = request->ctx;
	struct zt_gate_env env = {
		.history = ctx->history,
		.policy = zt_intent_candidate_policy(ctx->intent),
		.now = zt_intent_policy(ctx->intent),
		.tables = zt_intent_tables(ctx->intent),
		.would = would,
		.ctx = ctx->intent,
		.now_s = (int64_t)(zt_now_wall_ns() / ZT_NS_PER_S),
		.now_ns = zt_now_ns(),
	};
	char err[ZT_GATE_ERR_LEN];
	int r = 0;

	if (!env.policy || !env.now || !env.tables)
		return zt_request_fail(request, ZT_CODE_FAILED,
				       "no policy is in force: everything is allowed and recorded");
	if (env.history)
		r = zt_gate_stand(env.history, env.policy);
	if (r < 0)
		return r;
	/* On a disk that cannot be written, what is there has to do. */
	zt_collector_record(ctx->collector, RECORD_MS);
	r = zt_gate_check(ret, &env, err);
	return r < 0 ? zt_request_fail(request, ZT_CODE_FAILED, "%s", err) : 0;
}

static json_t *wall_json(int64_t wall_s)
{
	char text[ZT_TIME_TEXT_LEN];

	return wall_s ? json_string(zt_wall_text((uint64_t)wall_s * ZT_NS_PER_S, text))
		      : json_null();
}

static json_t *item_json(const struct zt_gate_item *item)
{
	return json_pack("{s:o, s:b, s:o, s:o, s:{s:o, s:o, s:o}, s:o, s:o, s:o, s:o}", "id",
			 zt_json_str(item->id), "met", item->met, "lacks", zt_json_str(item->lacks),
			 "stood_since", wall_json(item->stood_s), "wanted", "days",
			 zt_json_u64(item->want_days), "flows", zt_json_u64(item->want_flows),
			 "would_deny", zt_json_u64(item->max_would_deny), "days",
			 zt_json_u64(item->days), "flows", zt_json_u64(item->flows), "would_deny",
			 zt_json_u64(item->would_deny), "last_would_deny",
			 wall_json(item->would_deny ? item->last_deny_s : 0));
}

json_t *zt_gate_json(const struct zt_gate *gate)
{
	json_t *array = json_array();

	for (size_t i = 0; i < gate->count; i++)
		json_array_append_new(array, item_json(&gate->items[i]));
	return array;
}

int zt_handle_policy_ready(struct zt_request *request)
{
	zt_auto(zt_gate_free) struct zt_gate *gate = NULL;
	int r = zt_request_gate(request, &gate);

	if (r < 0)
		return r;
	request->result = json_pack("{s:o}", "readiness", zt_gate_json(gate));
	return request->result ? 0 : -ENOMEM;
}
