/* SPDX-License-Identifier: Apache-2.0 */
/*
 * policy.c - requests about the policy in force: show it, and its built-in statements.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "api/internal.h"
#include "api/render.h"
#include "base/cleanup.h"
#include "base/json.h"
#include "base/time.h"
#include "datapath/datapath.h"
#include "datapath/intent.h"
#include "plan/gate.h"
#include "policy/policy.h"
#include "policy/rules.h"
#include "policy/tables.h"

static void set(json_t *object, const char *key, json_t *value)
{
	json_object_set_new(object, key, value);
}

static json_t *header_json(const struct zt_tables *tables)
{
	return json_pack("{s:o, s:o, s:o, s:o}", "name", zt_json_str(tables->policy_name ?: ""),
			 "revision", zt_json_u64(tables->policy_revision), "digest",
			 zt_json_hex(tables->policy_digest, sizeof(tables->policy_digest)), "host",
			 zt_json_str(tables->host));
}

static json_t *stood_json(struct zt_request *req, const char *id, size_t *at)
{
	const struct zt_policy *policy = zt_intent_policy(req->ctx->intent);
	char text[ZT_TIME_TEXT_LEN];
	int64_t since_s =
		policy && req->ctx->history ? zt_gate_stood(req->ctx->history, policy, id, at) : 0;

	return since_s ? json_string(zt_wall_text((uint64_t)since_s * ZT_NS_PER_S, text))
		       : json_null();
}

static json_t *statement_json(struct zt_request *req, const struct zt_rule_info *info, size_t *at)
{
	struct zt_dp *dp = req->ctx->dp;
	json_t *o = json_object();

	set(o, "id", zt_json_str(info->id));
	set(o, "number", json_integer(info->number));
	set(o, "kind", json_string(zt_stmt_kind_name(info->kind)));
	set(o, "mode", json_string(zt_mode_name(info->mode)));
	set(o, "action", json_string(zt_action_name(info->action)));
	set(o, "from", zt_json_str(info->from));
	set(o, "to", zt_json_str(info->to));
	set(o, "ports", zt_json_str(info->ports));
	set(o, "existing", json_string(zt_existing_name(info->existing)));
	set(o, "note", zt_json_str(info->note));
	set(o, "file", zt_json_str(info->file));
	set(o, "line", json_integer(info->line));
	if (info->when)
		set(o, "when", zt_json_str(info->when));
	if (info->written != info->mode)
		set(o, "written", json_string(zt_mode_name(info->written)));
	if (info->percent < 100)
		set(o, "percent", json_integer(info->percent));
	if (info->expired)
		set(o, "expired", json_true());
	set(o, "flows", zt_json_u64(zt_dp_rule_hits(dp, info->number)));
	set(o, "stood_since", stood_json(req, info->id, at));
	return o;
}

static int show_statements(struct zt_request *req, const struct zt_tables *tables)
{
	json_t *list = json_array();
	size_t at = 0;

	for (size_t i = 0; i < tables->rule_count; i++)
		json_array_append_new(list, statement_json(req, &tables->rules[i], &at));
	req->result = json_pack("{s:o, s:o}", "policy", header_json(tables), "statements", list);
	return req->result ? 0 : -ENOMEM;
}

static int show_builtin(struct zt_request *req)
{
	json_t *list = json_array();

	for (uint32_t n = ZT_RULE_NONE + 1; n < ZT_RULE_BUILTIN_COUNT; n++) {
		const struct zt_builtin_rule *rule = zt_rule_builtin(n);

		if (!rule)
			continue;
		json_array_append_new(
			list, json_pack("{s:s, s:i, s:s, s:s, s:s, s:o}", "id", rule->id, "number",
					(int)n, "kind", "builtin", "action",
					zt_action_name(rule->action), "text", rule->text, "flows",
					zt_json_u64(zt_dp_rule_hits(req->ctx->dp, n))));
	}
	req->result = json_pack("{s:o}", "builtin", list);
	return req->result ? 0 : -ENOMEM;
}

static int show_text(struct zt_request *req, const struct zt_policy *policy,
		     const struct zt_tables *tables)
{
	zt_auto(zt_freep) char *text = NULL;
	json_t *json;
	size_t len = 0;
	FILE *out = open_memstream(&text, &len);
	int r;

	if (!out)
		return -errno;
	r = zt_policy_print(policy, out);
	if (fclose(out) || r < 0)
		return r < 0 ? r : -ENOMEM;
	json = json_stringn(text, len);
	if (!json)
		return zt_request_fail(req, ZT_CODE_FAILED, "the policy is not UTF-8");
	req->result = json_pack("{s:o, s:o}", "policy", header_json(tables), "text", json);
	return req->result ? 0 : -ENOMEM;
}

int zt_handle_policy_show(struct zt_request *request)
{
	const struct zt_policy *policy = zt_intent_policy(request->ctx->intent);
	const struct zt_tables *tables = zt_intent_tables(request->ctx->intent);
	bool builtin = false, canonical = false;

	if (zt_json_get_bool(request->args, "builtin", &builtin) < 0 ||
	    zt_json_get_bool(request->args, "canonical", &canonical) < 0)
		return zt_request_fail(request, ZT_CODE_USAGE,
				       "'builtin' and 'canonical' must be true or false");
	if (builtin && canonical)
		return zt_request_fail(request, ZT_CODE_USAGE,
				       "'builtin' and 'canonical' exclude each other");
	if (builtin)
		return show_builtin(request);
	if (!tables || (canonical && !policy))
		return zt_request_fail(request, ZT_CODE_FAILED,
				       "no policy is in force: everything is allowed and recorded");
	if (canonical)
		return show_text(request, policy, tables);
	return show_statements(request, tables);
}
