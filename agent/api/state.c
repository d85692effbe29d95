// SPDX-License-Identifier: Apache-2.0
/*
 * state.c - requests that change the state of the policy: stage, promote, confirm, rollback; and
 * its history.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "api/internal.h"
#include "api/owner.h"
#include "api/plan.h"
#include "base/cleanup.h"
#include "base/json.h"
#include "base/time.h"
#include "datapath/datapath.h"
#include "datapath/intent.h"
#include "plan/gate.h"
#include "policy/policy.h"

#define WITHIN_MAX_MS (7ULL * 86400 * 1000)
#define WHY_MAX	      1000

static void set(json_t *object, const char *key, json_t *value)
{
	json_object_set_new(object, key, value);
}

/* --- part of status ------------------------------------------------------------------------ */

static json_t *candidate_json(const struct zt_intent_candidate *c)
{
	if (!c)
		return json_null();
	return json_pack("{s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:b, s:b}", "policy",
			 zt_json_str(c->name), "revision", zt_json_u64(c->revision), "digest",
			 zt_json_hex(c->digest, sizeof(c->digest)), "path", zt_json_str(c->path),
			 "at", zt_json_str(c->at), "by", zt_who_json(&c->by), "why",
			 zt_json_str(c->why), "from_file", c->from_file, "promoted", c->promoted);
}

static json_t *hold_json(const struct zt_intent_state *s)
{
	if (s->hold == ZT_HOLD_NONE)
		return json_null();
	return json_pack("{s:s, s:o, s:b, s:o}", "reason", zt_intent_hold_name(s->hold), "revision",
			 zt_json_u64(s->hold_revision), "file_held", s->file_held, "file_revision",
			 s->file_held ? zt_json_u64(s->file_revision) : json_null());
}

void zt_state_json(json_t *o, const struct zt_intent_state *s)
{
	bool known = s->action != NULL;

	set(o, "apply", json_string(s->manual ? "manual" : "auto"));
	set(o, "awaits_confirmation", json_boolean(s->pending));
	set(o, "entry", s->entry ? zt_json_u64(s->entry) : json_null());
	set(o, "action", zt_json_str(s->action));
	set(o, "at", zt_json_str(s->at));
	set(o, "by", known ? zt_who_json(&s->by) : json_null());
	set(o, "why", known ? zt_json_str(s->why) : json_null());
	set(o, "hold", hold_json(s));
	set(o, "held_candidate", candidate_json(s->candidate));
	set(o, "promotions", zt_promoted_json(s->promoted, s->promoted_count));
	set(o, "history_error", zt_json_str(s->history_error));
}

/* --- arguments ---------------------------------------------------------------------------------
 */

static int bad(struct zt_request *req, const char *what)
{
	return zt_request_fail(req, ZT_CODE_USAGE, "%s", what);
}

void zt_policy_set_free(struct zt_policy_set *s)
{
	zt_freep(&s->files);
}

int zt_request_set(struct zt_request *request, struct zt_policy_set *ret)
{
	const json_t *files = json_object_get(request->args, "files"), *one;
	struct zt_source_text *list;
	size_t i;

	if (zt_json_get_str(request->args, "path", &ret->path) < 0 || !ret->path ||
	    !json_is_array(files) || !json_array_size(files) ||
	    json_array_size(files) > ZT_POLICY_FILES_MAX ||
	    zt_json_get_str(request->args, "signature", &ret->signature) < 0)
		return bad(request, "'path' and 'files' [{path, text}] are the policy; 'signature' "
				    "is the text of its signature");
	list = calloc(json_array_size(files), sizeof(*list));
	if (!list)
		return -ENOMEM;
	ret->files = list;
	json_array_foreach (files, i, one) {
		const json_t *text = json_object_get(one, "text");

		list[i].path = json_string_value(json_object_get(one, "path"));
		list[i].text = json_string_value(text);
		list[i].len = json_string_length(text);
		if (!list[i].path || !list[i].text)
			return bad(request, "each of 'files' is {path, text}, both strings");
	}
	ret->count = json_array_size(files);
	return 0;
}

void zt_request_who(const struct zt_request *request, struct zt_who *ret)
{
	const struct zt_peer *peer = request->peer;
	const char *name = zt_users_name(request->server->users, peer->uid);

	*ret = (struct zt_who){.uid = peer->uid, .login_uid = peer->login_uid, .pid = peer->pid};
	snprintf(ret->user, sizeof(ret->user), "%s", name ?: "");
}

static int get_why(struct zt_request *req, const char **ret)
{
	if (zt_json_get_str(req->args, "why", ret) < 0 || (*ret && strlen(*ret) > WHY_MAX))
		return bad(req, "'why' must be a string of up to 1000 bytes");
	return 0;
}

/* @ret is left alone when it is not given. */
static int get_within(struct zt_request *req, uint64_t *ret_ns)
{
	uint64_t ms = 0;

	if (zt_json_get_u64(req->args, "within_ms", WITHIN_MAX_MS, &ms) < 0)
		return bad(req, "'within_ms' must be from 0 (final at once) to 7 days");
	if (json_is_integer(json_object_get(req->args, "within_ms")))
		*ret_ns = ms * ZT_NS_PER_MS;
	return 0;
}

/* Names of statements, borrowed; *ret is the caller's (free). */
static int get_rules(struct zt_request *req, const char ***ret, size_t *ret_count)
{
	const json_t *rules = json_object_get(req->args, "rules"), *one;
	const char **list;
	size_t i;

	if (rules && !json_is_array(rules))
		return bad(req, "'rules' must be a list of statement ids");
	list = calloc(json_array_size(rules) + 1, sizeof(*list));
	if (!list)
		return -ENOMEM;
	*ret = list;
	json_array_foreach (rules, i, one) {
		list[i] = json_string_value(one);
		if (!list[i])
			return bad(req, "'rules' must be a list of statement ids");
	}
	*ret_count = json_array_size(rules);
	return 0;
}

/* --- replies ------------------------------------------------------------------------------------
 */

static json_t *effects_json(const struct zt_outcome *outcome)
{
	static const char *const names[ZT_EFFECT_COUNT] = {
		[ZT_EFFECT_ENFORCED] = "enforced", [ZT_EFFECT_CHANGED] = "changed",
		[ZT_EFFECT_STAGED] = "staged",	   [ZT_EFFECT_REMOVED] = "removed",
		[ZT_EFFECT_HELD] = "held-back",
	};
	json_t *array = json_array();

	for (size_t i = 0; i < outcome->effect_count; i++) {
		const struct zt_effect *e = &outcome->effects[i];

		json_array_append_new(array, json_pack("{s:o, s:s, s:i}", "id", zt_json_str(e->id),
						       "effect", names[e->kind], "percent",
						       (int)e->percent));
	}
	return array;
}

static int answer(struct zt_request *req, const struct zt_outcome *outcome)
{
	req->result =
		json_pack("{s:b, s:o, s:o, s:o, s:o}", "changed", outcome->changed, "effects",
			  effects_json(outcome), "deadline", zt_json_time(outcome->deadline_ns),
			  "entry", outcome->entry ? zt_json_u64(outcome->entry) : json_null(),
			  "policy", zt_status_policy(req->ctx));
	return req->result ? 0 : -ENOMEM;
}

static int refuse(struct zt_request *req, const struct zt_outcome *outcome, int r)
{
	int code = outcome->refused ? ZT_CODE_NO : r == -EINVAL ? ZT_CODE_USAGE : ZT_CODE_FAILED;

	return zt_request_fail(req, code, "%s", outcome->err[0] ? outcome->err : strerror(-r));
}

static int finish(struct zt_request *req, const struct zt_outcome *outcome, int r)
{
	return r < 0 ? refuse(req, outcome, r) : answer(req, outcome);
}

/* --- requests ------------------------------------------------------------------------------------
 */

int zt_handle_policy_stage(struct zt_request *request)
{
	zt_auto(zt_policy_set_free) struct zt_policy_set files = {};
	zt_auto(zt_outcome_free) struct zt_outcome outcome = {};
	struct zt_intent *intent = request->ctx->intent;
	const char *why = NULL;
	struct zt_who who;
	bool drop = false;
	int r;

	if (zt_json_get_bool(request->args, "drop", &drop) < 0)
		return bad(request, "'drop' must be true or false");
	r = get_why(request, &why);
	if (r == 0 && !drop)
		r = zt_request_set(request, &files);
	if (r < 0)
		return r;
	zt_request_who(request, &who);
	r = drop ? zt_intent_unstage(intent, &who, &outcome)
		 : zt_intent_stage(intent, &files, &who, why, &outcome);
	return finish(request, &outcome, r);
}

/* The statements that are ready become the ones that are named. */
static int take_ready(struct zt_request *req, struct zt_gate **ret, const char ***ret_rules,
		      size_t *ret_count)
{
	const char **list;
	int r = zt_request_gate(req, ret);

	if (r < 0)
		return r;
	list = realloc(*ret_rules, ((*ret)->count + 1) * sizeof(*list));
	if (!list)
		return -ENOMEM;
	*ret_rules = list;
	for (size_t i = 0; i < (*ret)->count; i++) {
		if ((*ret)->items[i].met)
			list[(*ret_count)++] = (*ret)->items[i].id;
	}
	return 0;
}

int zt_handle_policy_promote(struct zt_request *request)
{
	zt_auto(zt_outcome_free) struct zt_outcome outcome = {};
	zt_auto(zt_gate_free) struct zt_gate *gate = NULL;
	zt_auto(zt_freep) const char **rules = NULL;
	struct zt_promotion what = {.within_ns = UINT64_MAX};
	bool force = false, ready = false;
	uint64_t percent = 0;
	int r;

	if (zt_json_get_bool(request->args, "all", &what.all) < 0 ||
	    zt_json_get_bool(request->args, "ready", &ready) < 0 ||
	    zt_json_get_bool(request->args, "force", &force) < 0)
		return bad(request, "'all', 'ready' and 'force' must be true or false");
	if (zt_json_get_u64(request->args, "percent", 99, &percent) < 0 ||
	    (json_object_get(request->args, "percent") && !percent))
		return bad(request, "'percent' must be from 1 to 99");
	r = get_rules(request, &rules, &what.id_count);
	if (r == 0)
		r = get_why(request, &what.why);
	if (r == 0)
		r = get_within(request, &what.within_ns);
	if (r == 0 && ready && (what.all || what.id_count || percent))
		r = bad(request, "'ready' goes without 'rules', 'all' and 'percent'");
	if (r == 0 && ready)
		r = take_ready(request, &gate, &rules, &what.id_count);
	if (r < 0)
		return r;
	what.ids = rules;
	what.percent = (unsigned int)percent;
	zt_request_who(request, &what.who);
	if (!force && (!ready || what.id_count)) {
		r = zt_request_way_in(request, &what);
		if (r < 0)
			return r;
	}
	if (!ready || what.id_count)
		r = zt_intent_promote(request->ctx->intent, &what, &outcome);
	r = finish(request, &outcome, r);
	if (r == 0 && gate)
		set(request->result, "readiness", zt_gate_json(gate));
	return r;
}

int zt_handle_policy_confirm(struct zt_request *request)
{
	zt_auto(zt_outcome_free) struct zt_outcome outcome = {};
	struct zt_who who;

	zt_request_who(request, &who);
	return finish(request, &outcome, zt_intent_confirm(request->ctx->intent, &who, &outcome));
}

int zt_handle_policy_rollback(struct zt_request *request)
{
	zt_auto(zt_outcome_free) struct zt_outcome outcome = {};
	struct zt_rollback to = {};
	int r;

	if (zt_json_get_u64(request->args, "entry", INT64_MAX, &to.entry) < 0 ||
	    zt_json_get_u64(request->args, "revision", INT64_MAX, &to.revision) < 0)
		return bad(request, "'entry' and 'revision' must be numbers");
	to.by_revision = json_is_integer(json_object_get(request->args, "revision"));
	if (to.entry && to.by_revision)
		return bad(request, "'entry' and 'revision' exclude each other");
	r = get_why(request, &to.why);
	if (r == 0)
		r = get_within(request, &to.within_ns);
	if (r < 0)
		return r;
	zt_request_who(request, &to.who);
	return finish(request, &outcome, zt_intent_rollback(request->ctx->intent, &to, &outcome));
}

int zt_handle_policy_history(struct zt_request *request)
{
	struct zt_intent *intent = request->ctx->intent;
	uint64_t show = 0;
	json_t *o = NULL;
	int r;

	if (zt_json_get_u64(request->args, "show", INT64_MAX, &show) < 0)
		return bad(request, "'show' must be the number of an entry");
	if (!show)
		return zt_intent_history(intent, &request->result);
	r = zt_intent_history_show(intent, show, &o);
	if (r == -ENOENT)
		return zt_request_fail(request, ZT_CODE_FAILED, "the history has no entry %llu",
				       (unsigned long long)show);
	if (r < 0)
		return zt_request_fail(request, ZT_CODE_FAILED, "entry %llu cannot be read: %s",
				       (unsigned long long)show, strerror(-r));
	request->result = json_pack("{s:o}", "state", o);
	return request->result ? 0 : -ENOMEM;
}
