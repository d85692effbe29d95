/* SPDX-License-Identifier: Apache-2.0 */
/* cmd_status.c - ztctl status and version. */
#include <stdlib.h>

#include "base/cleanup.h"
#include "base/json.h"
#include "bpf/abi.h"
#include "ctl/client.h"
#include "ctl/render/render.h"

#ifndef ZT_VERSION
#define ZT_VERSION "unknown"
#endif

int ztc_run_status(struct ztc_ctx *ctx, const struct ztc_line *line)
{
	zt_auto(zt_json_decref) json_t *result = NULL;
	int status = ztc_ask(ctx, line->cmd->name, NULL, &result);

	return status ? status : ztc_answer(ctx, result, ztc_render_status);
}

int ztc_run_version(struct ztc_ctx *ctx, const struct ztc_line *line)
{
	zt_auto(zt_json_decref) json_t *status = NULL;
	zt_auto(zt_json_decref) json_t *result = NULL;
	zt_auto(zt_freep) char *why = NULL;
	json_t *agent = NULL;

	(void)line;
	/* Without an agent this is still an answer. */
	if (ztc_try(ctx, "status", NULL, &status, &why) == ZTC_EXIT_OK)
		agent = json_object_get(status, "agent");
	result = json_pack("{s:s, s:i, s:O?}", "ztctl", ZT_VERSION, "abi", ZT_ABI_VERSION, "agent",
			   agent);
	return ztc_answer(ctx, result, ztc_render_version);
}
