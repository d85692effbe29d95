/* SPDX-License-Identifier: Apache-2.0 */
/*
 * act.c - requests that change something: observe and detach.
 */
#include <errno.h>
#include <string.h>

#include "api/internal.h"
#include "base/json.h"
#include "base/time.h"
#include "datapath/datapath.h"

#define OBSERVE_MAX_S (365 * 86400)

int zt_handle_observe(struct zt_request *request)
{
	uint64_t for_s = 0, until_ns = UINT64_MAX;
	bool off = false;

	if (zt_json_get_u64(request->args, "for_s", OBSERVE_MAX_S, &for_s) < 0 ||
	    (json_object_get(request->args, "for_s") && !for_s))
		return zt_request_fail(request, ZT_CODE_USAGE, "'for_s' must be from 1 to %d",
				       OBSERVE_MAX_S);
	if (zt_json_get_bool(request->args, "off", &off) < 0)
		return zt_request_fail(request, ZT_CODE_USAGE, "'off' must be true or false");
	if (off && for_s)
		return zt_request_fail(request, ZT_CODE_USAGE,
				       "'off' and 'for_s' exclude each other");
	if (off)
		until_ns = 0;
	else if (for_s)
		until_ns = zt_now_ns() + for_s * ZT_NS_PER_S;
	zt_dp_observe(request->ctx->dp, until_ns);
	request->result = json_pack("{s:o}", "observe", zt_status_observe(request->ctx->dp));
	return request->result ? 0 : -ENOMEM;
}

int zt_handle_detach(struct zt_request *request)
{
	const struct zt_api_ctx *ctx = request->ctx;
	char err[ZT_API_ERR_LEN] = "";
	int r;

	if (!ctx->detach)
		return zt_request_fail(request, ZT_CODE_FAILED, "this agent cannot detach");
	r = ctx->detach(ctx->ctx, err);
	if (r < 0)
		return zt_request_fail(request, ZT_CODE_FAILED, "cannot detach: %s",
				       err[0] ? err : strerror(-r));
	/* From here on there are no tables to read: nobody else is served. */
	zt_collector_stop(ctx->collector);
	zt_collector_follow(ctx->collector, NULL, NULL);
	request->server->detached = true;
	request->quit = true;
	request->result =
		json_pack("{s:b, s:o}", "detached", 1, "pin_dir", zt_json_str(ctx->pin_dir));
	return request->result ? 0 : -ENOMEM;
}
