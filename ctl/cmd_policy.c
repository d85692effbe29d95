/* SPDX-License-Identifier: Apache-2.0 */
/* cmd_policy.c - ztctl policy show and explain. */
#include <string.h>

#include "base/cleanup.h"
#include "base/json.h"
#include "ctl/client.h"
#include "ctl/explain.h"
#include "ctl/local.h"
#include "ctl/render/render.h"
#include "ctl/render/text.h"
#include "policy/policy.h"
#include "policy/rules.h"
#include "policy/signed.h"

/* Built-in statements are the same everywhere: no agent is asked. */
static json_t *builtin_statements(void)
{
	json_t *list = json_array();

	for (uint32_t n = ZT_RULE_NONE + 1; n < ZT_RULE_BUILTIN_COUNT; n++) {
		const struct zt_builtin_rule *rule = zt_rule_builtin(n);

		if (!rule)
			continue;
		json_array_append_new(list,
				      json_pack("{s:i, s:s, s:s, s:s}", "number", (int)n, "id",
						rule->id, "action", zt_action_name(rule->action),
						"text", rule->text));
	}
	return json_pack("{s:o}", "builtin", list);
}

static int print_canonical(FILE *out, const json_t *result, const struct ztc_style *style)
{
	(void)style;
	ztc_lines(out, ztc_str(result, "text"));
	return 0;
}

/* --file: what a signature is over, byte for byte; only JSON goes through the usual way. */
static int show_file(struct ztc_ctx *ctx, const char *path)
{
	zt_auto(zt_policy_free) struct zt_policy *policy = NULL;
	zt_auto(zt_json_decref) json_t *result = NULL;
	zt_auto(zt_freep) char *text = NULL;
	size_t len;
	int status = ztc_load_policy(path, &policy);

	if (status)
		return status;
	if (zt_policy_canonical(policy, &text, &len) < 0)
		return ztc_fail(ZTC_EXIT_FAILED, "out of memory");
	if (!ctx->json)
		return fwrite(text, 1, len, stdout) == len
			       ? ZTC_EXIT_OK
			       : ztc_fail(ZTC_EXIT_FAILED, "cannot print the policy");
	result = json_pack("{s:{s:o, s:o, s:o, s:n}, s:s#}", "policy", "name",
			   zt_json_str(policy->name), "revision", zt_json_u64(policy->revision),
			   "digest", zt_json_hex(policy->digest, sizeof(policy->digest)), "host",
			   "text", text, len);
	return ztc_answer(ctx, result, print_canonical);
}

int ztc_run_policy_show(struct ztc_ctx *ctx, const struct ztc_line *line)
{
	bool canonical = ztc_value(line, "canonical") != NULL;
	zt_auto(zt_json_decref) json_t *result = NULL;
	json_t *args;
	int status;

	if (ztc_value(line, "file")) {
		if (!canonical || ztc_value(line, "builtin"))
			return ztc_fail(ZTC_EXIT_USAGE,
					"--file goes with --canonical: --canonical --file FILE");
		return show_file(ctx, ztc_value(line, "file"));
	}
	if (ztc_value(line, "builtin")) {
		if (canonical || ztc_value(line, "ready"))
			return ztc_fail(ZTC_EXIT_USAGE,
					"--builtin, --ready and --canonical exclude each other");
		result = builtin_statements();
		return ztc_answer(ctx, result, ztc_render_statements);
	}
	if (ztc_value(line, "ready")) {
		if (canonical)
			return ztc_fail(ZTC_EXIT_USAGE,
					"--builtin, --ready and --canonical exclude each other");
		return ztc_ask_and_print(ctx, "policy ready", NULL, ztc_render_ready);
	}
	args = json_object();
	if (canonical)
		json_object_set_new(args, "canonical", json_true());
	status = ztc_ask(ctx, "policy show", args, &result);
	if (status)
		return status;
	return ztc_answer(ctx, result, canonical ? print_canonical : ztc_render_statements);
}

static int explain_by_agent(struct ztc_ctx *ctx, const struct ztc_question *q, json_t **ret)
{
	json_t *args = json_pack("{s:s, s:s, s:s, s:s*, s:s*, s:s*, s:s*}", "src", q->src, "dst",
				 q->dst, "port", q->service, "unit", q->unit, "user", q->user,
				 "exe", q->exe, "cgroup", q->cgroup);

	if (!args)
		return ztc_fail(ZTC_EXIT_USAGE, "the arguments are not valid UTF-8");
	return ztc_ask(ctx, "policy explain", args, ret);
}

int ztc_run_policy_explain(struct ztc_ctx *ctx, const struct ztc_line *line)
{
	const struct ztc_question q = {
		.src = line->argv[0],
		.dst = line->argv[1],
		.service = line->argv[2],
		.unit = ztc_value(line, "unit"),
		.user = ztc_value(line, "user"),
		.exe = ztc_value(line, "exe"),
		.cgroup = ztc_value(line, "cgroup"),
		.file = ztc_value(line, "file"),
		.host = ztc_value(line, "host"),
	};
	zt_auto(zt_json_decref) json_t *result = NULL;
	int status;

	if (q.host && !q.file)
		return ztc_fail(
			ZTC_EXIT_USAGE,
			"--host is for a policy file: give --file too; the agent answers for "
			"its own host");
	status = q.file ? ztc_explain(&q, &result) : explain_by_agent(ctx, &q, &result);
	return status ? status : ztc_answer(ctx, result, ztc_render_explain);
}
