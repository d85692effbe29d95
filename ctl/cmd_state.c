// SPDX-License-Identifier: Apache-2.0
/* cmd_state.c - ztctl policy stage, promote, confirm, rollback and history. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/json.h"
#include "base/time.h"
#include "ctl/bundle.h"
#include "ctl/client.h"
#include "ctl/render/render.h"

/* Takes @args over. */
static int ask(struct ztc_ctx *ctx, const char *command, json_t *args, ztc_render_fn render)
{
	zt_auto(zt_json_decref) json_t *result = NULL;
	int status = ztc_ask(ctx, command, args, &result);

	return status ? status : ztc_answer(ctx, result, render);
}

/* A text option into the request, when it is given. */
static int add_text(json_t *args, const struct ztc_line *line, const char *option)
{
	const char *text = ztc_value(line, option);

	if (text && json_object_set_new(args, option, json_string(text)) < 0)
		return ztc_fail(ZTC_EXIT_USAGE, "--%s is not valid UTF-8", option);
	return ZTC_EXIT_OK;
}

static int add_within(json_t *args, const struct ztc_line *line)
{
	const char *text = ztc_value(line, "within");
	uint64_t ns = 0;

	if (!text)
		return ZTC_EXIT_OK;
	if (strcmp(text, "0") != 0 &&
	    (zt_duration_parse(text, &ns) < 0 || ns < ZT_NS_PER_MS || ns > 7 * 86400 * ZT_NS_PER_S))
		return ztc_fail(
			ZTC_EXIT_USAGE,
			"--within '%s' is not a length of time such as 60s or 10m, up to 7d; 0 is "
			"final at once",
			text);
	json_object_set_new(args, "within_ms", zt_json_u64(ns / ZT_NS_PER_MS));
	return ZTC_EXIT_OK;
}

static int add_number(json_t *args, const char *key, const char *text, uint64_t max)
{
	uint64_t n;

	if (!text)
		return ZTC_EXIT_OK;
	if (ztc_parse_count(text, max, &n) < 0)
		return ztc_fail(ZTC_EXIT_USAGE, "'%s' is not a number from 1 to %llu", text,
				(unsigned long long)max);
	json_object_set_new(args, key, zt_json_u64(n));
	return ZTC_EXIT_OK;
}

int ztc_run_policy_stage(struct ztc_ctx *ctx, const struct ztc_line *line)
{
	zt_auto(zt_json_decref) json_t *args = json_object();
	bool drop = ztc_value(line, "drop") != NULL;
	int status;

	if (drop == (line->argc == 1))
		return ztc_fail(ZTC_EXIT_USAGE, "give a policy FILE, or --drop without one");
	if (drop)
		json_object_set_new(args, "drop", json_true());
	status = drop ? ZTC_EXIT_OK : ztc_bundle(line->argv[0], args);
	if (!status)
		status = add_text(args, line, "why");
	return status ? status
		      : ask(ctx, "policy stage", zt_take(args),
			    drop ? ztc_render_unstage : ztc_render_stage);
}

static int promote_args(const struct ztc_line *line, json_t *args)
{
	static const char *const flags[] = {"all", "ready", "force"};
	json_t *rules = json_array();
	int status = ZTC_EXIT_OK;

	for (int i = 0; i < line->argc; i++)
		if (json_array_append_new(rules, json_string(line->argv[i])) < 0)
			status = ztc_fail(ZTC_EXIT_USAGE, "a name is not valid UTF-8");
	if (line->argc)
		json_object_set(args, "rules", rules);
	json_decref(rules);
	for (size_t i = 0; i < ARRAY_SIZE(flags); i++)
		if (ztc_value(line, flags[i]))
			json_object_set_new(args, flags[i], json_true());
	if (!status)
		status = add_number(args, "percent", ztc_value(line, "percent"), 99);
	if (!status)
		status = add_within(args, line);
	return status ? status : add_text(args, line, "why");
}

/* That nothing is ready is an answer, and it is "no". */
static int promote_ready(struct ztc_ctx *ctx, json_t *args)
{
	zt_auto(zt_json_decref) json_t *result = NULL;
	int status = ztc_ask(ctx, "policy promote", args, &result);

	if (!status)
		status = ztc_answer(ctx, result, ztc_render_promote);
	if (!status && !json_is_true(json_object_get(result, "changed")))
		status = ZTC_EXIT_NO;
	return status;
}

int ztc_run_policy_promote(struct ztc_ctx *ctx, const struct ztc_line *line)
{
	zt_auto(zt_json_decref) json_t *args = json_object();
	bool all = ztc_value(line, "all"), ready = ztc_value(line, "ready");
	int status;

	if ((line->argc > 0) + all + ready > 1)
		return ztc_fail(ZTC_EXIT_USAGE, "names, --all and --ready exclude each other");
	if (ztc_value(line, "percent") && !line->argc)
		return ztc_fail(ZTC_EXIT_USAGE, "--percent is for rules that are named");
	status = promote_args(line, args);
	if (!status && ready)
		return promote_ready(ctx, zt_take(args));
	return status ? status : ask(ctx, "policy promote", zt_take(args), ztc_render_promote);
}

int ztc_run_policy_confirm(struct ztc_ctx *ctx, const struct ztc_line *line)
{
	(void)line;
	return ask(ctx, "policy confirm", NULL, ztc_render_confirm);
}

int ztc_run_policy_rollback(struct ztc_ctx *ctx, const struct ztc_line *line)
{
	zt_auto(zt_json_decref) json_t *args = json_object();
	const char *entry = line->argc ? line->argv[0] : NULL;
	const char *revision = ztc_value(line, "revision");
	int status;

	if (entry && revision)
		return ztc_fail(ZTC_EXIT_USAGE, "an entry and --revision exclude each other");
	status = add_number(args, "entry", entry, INT64_MAX);
	if (!status)
		status = add_number(args, "revision", revision, INT64_MAX);
	if (!status)
		status = add_within(args, line);
	if (!status)
		status = add_text(args, line, "why");
	return status ? status : ask(ctx, "policy rollback", zt_take(args), ztc_render_rollback);
}

/* A broken chain is an answer to a script too. */
int ztc_run_policy_history(struct ztc_ctx *ctx, const struct ztc_line *line)
{
	zt_auto(zt_json_decref) json_t *args = json_object();
	zt_auto(zt_json_decref) json_t *result = NULL;
	const char *show = ztc_value(line, "show");
	int status = add_number(args, "show", show, INT64_MAX);

	if (!status)
		status = ztc_ask(ctx, "policy history", zt_take(args), &result);
	if (!status)
		status = ztc_answer(ctx, result, show ? ztc_render_entry : ztc_render_history);
	if (status || show)
		return status;
	return json_is_false(json_object_get(result, "intact")) ? ZTC_EXIT_NO : ZTC_EXIT_OK;
}
