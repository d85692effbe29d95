// SPDX-License-Identifier: Apache-2.0
/* cmd_plan.c - ztctl policy plan: what a policy would change, before anything does. */
#include <string.h>

#include "base/cleanup.h"
#include "base/json.h"
#include "ctl/bundle.h"
#include "ctl/client.h"
#include "ctl/render/render.h"
#include "ctl/render/text.h"

/* "a,b,c" as a list. Returns NULL when it is not UTF-8 or has an empty name. */
static json_t *rules_of(const char *text)
{
	zt_auto(zt_json_decref) json_t *list = json_array();

	while (*text) {
		size_t len = strcspn(text, ",");

		if (!len || json_array_append_new(list, json_stringn(text, len)) < 0)
			return NULL;
		text += len + (text[len] == ',');
	}
	return zt_take(list);
}

static int read_args(const struct ztc_line *line, json_t *args)
{
	const char *rules = ztc_value(line, "promote");
	json_t *list;

	if (rules && ztc_value(line, "all"))
		return ztc_fail(ZTC_EXIT_USAGE, "--promote and --all exclude each other");
	if (ztc_value(line, "all"))
		json_object_set_new(args, "all", json_true());
	if (rules) {
		list = rules_of(rules);
		if (!list || !json_array_size(list)) {
			json_decref(list);
			return ztc_fail(ZTC_EXIT_USAGE,
					"--promote takes ids of statements, with commas between");
		}
		json_object_set_new(args, "promote", list);
	}
	return line->argc ? ztc_bundle(line->argv[0], args) : ZTC_EXIT_OK;
}

int ztc_run_policy_plan(struct ztc_ctx *ctx, const struct ztc_line *line)
{
	zt_auto(zt_json_decref) json_t *result = NULL;
	json_t *args = json_object(), *preflight;
	int status = read_args(line, args);

	if (status) {
		json_decref(args);
		return status;
	}
	status = ztc_ask(ctx, "policy plan", args, &result);
	if (status)
		return status;
	status = ztc_answer(ctx, result, ztc_render_plan);
	if (status)
		return status;
	preflight = json_object_get(result, "preflight");
	if (ztc_int(preflight, "differ"))
		return ztc_fail(ZTC_EXIT_FAILED,
				"the kernel's judge and the compiled policy answer "
				"differently: do not put this policy in force");
	return json_is_true(json_object_get(preflight, "passed")) ? ZTC_EXIT_OK : ZTC_EXIT_NO;
}
