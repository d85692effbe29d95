/* SPDX-License-Identifier: Apache-2.0 */
/* cmd_traffic.c - ztctl flows and violations: what was seen, filtered. */
#include <string.h>

#include "base/cleanup.h"
#include "base/json.h"
#include "ctl/client.h"
#include "ctl/filters.h"
#include "ctl/render/ends.h"
#include "ctl/render/render.h"
#include "ctl/render/text.h"

/* Asks with the filters of the line; when all is filtered away, says so instead of "none". */
static int ask_filtered(struct ztc_ctx *ctx, const struct ztc_line *line, const char *key,
			json_t *args, ztc_render_fn render, size_t *ret_count)
{
	bool filtered = json_object_size(args) > (json_object_get(args, "limit") ? 1 : 0);
	zt_auto(zt_json_decref) json_t *result = NULL;
	int status = ztc_ask(ctx, line->cmd->name, args, &result);

	if (status)
		return status;
	*ret_count = json_array_size(json_object_get(result, key));
	if (!ctx->json && filtered && !*ret_count) {
		printf("No %s match.\n", key);
		return ZTC_EXIT_OK;
	}
	return ztc_answer(ctx, result, render);
}

/* While following: a frame may carry several flows; as JSON, one object a line. */
static int print_frame(struct ztc_ctx *ctx, const json_t *result)
{
	const json_t *flows = json_object_get(result, "flows");
	json_t *flow;
	size_t i;

	if (ctx->json) {
		json_dumpf(result, stdout, JSON_COMPACT);
		putchar('\n');
		return ZTC_EXIT_OK;
	}
	json_array_foreach (flows, i, flow) {
		if (ctx->style.all || !ztc_housekeeping(json_object_get(flow, "verdict")))
			ztc_render_change(stdout, flow, &ctx->style);
	}
	if (ztc_int(result, "skipped"))
		printf("(%lld changes left out: more than can be shown)\n",
		       (long long)ztc_int(result, "skipped"));
	return ZTC_EXIT_OK;
}

int ztc_run_flows(struct ztc_ctx *ctx, const struct ztc_line *line)
{
	zt_auto(zt_json_decref) json_t *args = json_object();
	int status = ztc_filters(line, args);
	size_t count;

	if (!status)
		status = ztc_filter_encryption(line, args);
	if (status)
		return status;
	ctx->style.all = ztc_value(line, "all") != NULL;
	if (ztc_value(line, "follow")) {
		json_object_set_new(args, "follow", json_true());
		return ztc_follow(ctx, "flows", zt_take(args), print_frame);
	}
	if (ctx->json)
		return ztc_ask_and_print(ctx, "flows", zt_take(args), ztc_render_flows);
	return ask_filtered(ctx, line, "flows", zt_take(args), ztc_render_flows, &count);
}

int ztc_run_violations(struct ztc_ctx *ctx, const struct ztc_line *line)
{
	static const char *const modes[] = {"enforced", "staged", NULL};
	zt_auto(zt_json_decref) json_t *args = json_object();
	int status = ztc_filters(line, args);
	size_t count = 0;

	if (!status)
		status = ztc_filter_word(line, "mode", modes, "enforced or staged", args);
	if (!status)
		status = ask_filtered(ctx, line, "violations", zt_take(args), ztc_render_violations,
				      &count);
	if (status)
		return status;
	return ztc_value(line, "fail") && count ? ZTC_EXIT_NO : ZTC_EXIT_OK;
}
