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
	zt_auto(zt_json_decref) json_t *agent = NULL;
	zt_auto(zt_json_decref) json_t *result = NULL;
	zt_auto(zt_freep) char *why = NULL;

	/* Without an agent this is still an answer. */
	ztc_try(ctx, line->cmd->name, NULL, &agent, &why);
	result = json_pack("{s:s, s:i, s:O?}", "version", ZT_VERSION, "abi_version", ZT_ABI_VERSION,
			   "agent", agent);
	return ztc_answer(ctx, result, ztc_render_version);
}
