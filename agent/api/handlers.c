/* SPDX-License-Identifier: Apache-2.0 */
/*
 * handlers.c - the table of requests, and the envelope around them.
 */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "api/internal.h"
#include "api/names.h"
#include "api/render.h"
#include "base/cleanup.h"
#include "base/json.h"
#include "base/log.h"

static const char *const no_args[] = {NULL};
static const char *const flows_args[] = {ZT_FILTER_KEYS, ZT_CLASS_KEY, "limit", "follow", NULL};
static const char *const violations_args[] = {ZT_FILTER_KEYS, "limit", "mode", NULL};
static const char *const map_args[] = {ZT_FILTER_KEYS, ZT_CLASS_KEY, "limit", "by",
				       "since",	       "until",	     NULL};
static const char *const top_args[] = {ZT_FILTER_KEYS, "limit", "sort", NULL};
static const char *const show_args[] = {"builtin", "canonical", NULL};
static const char *const explain_args[] = {"src",    "dst",  "port", "unit",
					   "cgroup", "user", "exe",  NULL};
static const char *const stage_args[] = {"path", "files", "signature", "why", "drop", NULL};
static const char *const promote_args[] = {"rules", "all",   "within_ms", "percent",
					   "ready", "force", "why",	  NULL};
static const char *const rollback_args[] = {"entry", "revision", "within_ms", "why", NULL};
static const char *const history_args[] = {"show", NULL};
static const char *const plan_args[] = {"path", "files", "signature", "promote", "all", NULL};
static const char *const simulate_args[] = {"peers", NULL};
static const char *const observe_args[] = {"for_s", "off", NULL};

static const char *const label_set_args[] = {"host", "labels", "ttl_s", NULL};
static const char *const label_unset_args[] = {"host", "keys", NULL};
static const char *const label_list_args[] = {"host", NULL};

static const struct zt_handler handlers[] = {
	{"status", false, no_args, zt_handle_status},
	{"flows", false, flows_args, zt_handle_flows},
	{"violations", false, violations_args, zt_handle_violations},
	{"map", false, map_args, zt_handle_map},
	{"top", false, top_args, zt_handle_top},
	{"policy show", false, show_args, zt_handle_policy_show},
	{"policy explain", false, explain_args, zt_handle_policy_explain},
	{"policy status", false, no_args, zt_handle_policy_status},
	{"label set", true, label_set_args, zt_handle_label_set},
	{"label unset", true, label_unset_args, zt_handle_label_unset},
	{"label list", false, label_list_args, zt_handle_label_list},
	{"doctor", false, no_args, zt_handle_doctor},
	{"version", false, no_args, zt_handle_version},
	{"policy stage", true, stage_args, zt_handle_policy_stage},
	{"policy ready", true, no_args, zt_handle_policy_ready},
	{"policy promote", true, promote_args, zt_handle_policy_promote},
	{"policy confirm", true, no_args, zt_handle_policy_confirm},
	{"policy rollback", true, rollback_args, zt_handle_policy_rollback},
	{"policy history", false, history_args, zt_handle_policy_history},
	{"policy plan", true, plan_args, zt_handle_policy_plan},
	{"simulate", false, simulate_args, zt_handle_simulate},
	{"observe", true, observe_args, zt_handle_observe},
	{"detach", true, no_args, zt_handle_detach},
};

const struct zt_handler *zt_handler_find(const char *command)
{
	for (size_t i = 0; i < ARRAY_SIZE(handlers); i++) {
		if (!strcmp(handlers[i].command, command))
			return &handlers[i];
	}
	return NULL;
}

int zt_request_fail(struct zt_request *request, int code, const char *fmt, ...)
{
	va_list ap;

	request->code = code;
	va_start(ap, fmt);
	vsnprintf(request->err, sizeof(request->err), fmt, ap);
	va_end(ap);
	return -EINVAL;
}

static int check_envelope(struct zt_request *req, const json_t *message, const char **ret_command)
{
	static const char *const keys[] = {"command", "args", NULL};
	const json_t *args = json_object_get(message, "args");
	const char *unknown;

	if (!json_is_object(message))
		return zt_request_fail(req, ZT_CODE_USAGE, "a request is a JSON object");
	unknown = zt_json_only(message, keys);
	if (unknown)
		return zt_request_fail(req, ZT_CODE_USAGE, "a request has no key '%.64s'", unknown);
	if (zt_json_get_str(message, "command", ret_command) < 0 || !*ret_command)
		return zt_request_fail(req, ZT_CODE_USAGE, "'command' must be a string");
	if (args && !json_is_null(args) && !json_is_object(args))
		return zt_request_fail(req, ZT_CODE_USAGE, "'args' must be an object");
	return 0;
}

static int run(struct zt_request *req, const struct zt_client *client, const json_t *message)
{
	const struct zt_handler *handler;
	const char *command = NULL, *unknown;
	int r;

	r = check_envelope(req, message, &command);
	if (r < 0)
		return r;
	handler = zt_handler_find(command);
	if (!handler)
		return zt_request_fail(req, ZT_CODE_USAGE, "this agent has no command '%.64s'",
				       command);
	if (handler->changes && client->peer.may != ZT_MAY_CHANGE)
		return zt_request_fail(
			req, ZT_CODE_FAILED, "user %u may read only: '%s' needs root or group %s",
			client->peer.uid, handler->command, client->server->access.admin_group);
	unknown = zt_json_only(req->args, handler->args);
	if (unknown)
		return zt_request_fail(req, ZT_CODE_USAGE, "'%s' has no argument '%.64s'",
				       handler->command, unknown);
	if (req->server->detached)
		return zt_request_fail(req, ZT_CODE_FAILED,
				       "the agent has detached and is leaving");
	r = handler->run(req);
	if (handler->changes)
		zt_log(ZT_INFO, "%s by uid %u, pid %d: %s", handler->command, client->peer.uid,
		       client->peer.pid, r < 0 ? req->err : "done");
	return r;
}

static int send_json(struct zt_client *client, json_t *reply)
{
	zt_auto(zt_json_decref) json_t *owned = reply;
	zt_auto(zt_freep) char *text = owned ? json_dumps(owned, JSON_COMPACT) : NULL;

	return text ? zt_client_send(client, text, strlen(text)) : -ENOMEM;
}

/* Escaped line by line: the report on a policy has many. */
static json_t *lines_json(const char *text)
{
	zt_auto(zt_strbuf_free) struct zt_strbuf sb = ZT_STRBUF_INIT;

	while (*text) {
		size_t len = strcspn(text, "\n");

		zt_strbuf_escape(&sb, text, len);
		text += len + (text[len] == '\n');
		if (*text)
			zt_strbuf_puts(&sb, "\n");
	}
	return zt_strbuf_error(&sb) ? NULL : json_string(zt_strbuf_text(&sb));
}

static int send_error(struct zt_client *client, struct zt_request *req, int r)
{
	if (!req->code)
		zt_request_fail(req, ZT_CODE_FAILED, "%s", strerror(-r));
	return send_json(client, json_pack("{s:b, s:{s:i, s:o}}", "ok", 0, "error", "code",
					   req->code, "message", lines_json(req->err)));
}

/* The first frame opens the envelope; the stream writes the result; the last frame closes. */
static int begin_stream(struct zt_client *client, struct zt_stream *stream)
{
	static const char open[] = "{\"ok\":true,\"result\":";
	uint8_t header[ZT_WIRE_HEADER];

	client->stream = stream;
	zt_wire_put_header(header, sizeof(open) - 1, true);
	zt_strbuf_add(&client->out, header, sizeof(header));
	zt_strbuf_add(&client->out, open, sizeof(open) - 1);
	return zt_strbuf_error(&client->out);
}

static int send_reply(struct zt_client *client, struct zt_request *req)
{
	client->quits = req->quit;
	if (req->stream)
		return begin_stream(client, req->stream);
	if (req->follow) {
		client->filter = req->filter;
		zt_server_follow(client->server, client, true);
	}
	return send_json(client, json_pack("{s:b, s:O}", "ok", 1, "result", req->result));
}

int zt_request_text(struct zt_client *client, const char *text, size_t len)
{
	struct zt_api_server *server = client->server;
	struct zt_request req = {
		.server = server,
		.ctx = &server->ctx,
		.render = server->render,
		.names = zt_names_get(server->names),
		.peer = &client->peer,
	};
	zt_auto(zt_json_decref) json_t *message = NULL;
	zt_auto(zt_json_decref) json_t *no_object = json_object();
	json_error_t error;
	int r;

	message = json_loadb(text, len, JSON_REJECT_DUPLICATES, &error);
	if (!message) {
		zt_request_fail(&req, ZT_CODE_USAGE, "not JSON: %s (byte %d)", error.text,
				error.position);
		return send_error(client, &req, -EINVAL);
	}
	req.args = json_object_get(message, "args");
	if (!req.args || json_is_null(req.args))
		req.args = no_object;
	r = server->detached ? 0 : zt_server_refresh(server);
	if (!r)
		r = run(&req, client, message);
	r = r < 0 ? send_error(client, &req, r) : send_reply(client, &req);
	json_decref(req.result);
	return r;
}
