/* SPDX-License-Identifier: Apache-2.0 */
/* cmd_label.c - ztctl label set, unset and list. */
#include <string.h>
#include <time.h>

#include "base/cleanup.h"
#include "base/json.h"
#include "base/time.h"
#include "ctl/client.h"
#include "ctl/render/render.h"

#define WAIT_NS 20000000
#define WAITS	250 /* 5 s: a large policy may have to be compiled */

/* "posture=ok" into the object; the value may hold '=' too. */
static int add_label(json_t *labels, const char *text)
{
	const char *equals = strchr(text, '=');
	zt_auto(zt_freep) char *key = equals ? strndup(text, (size_t)(equals - text)) : NULL;

	if (!key || !*key || !equals[1])
		return ztc_fail(ZTC_EXIT_USAGE, "'%s' is no label: write KEY=VALUE", text);
	if (json_object_get(labels, key))
		return ztc_fail(ZTC_EXIT_USAGE, "label '%s' stands twice", key);
	if (json_object_set_new(labels, key, json_string(equals + 1)) < 0)
		return ztc_fail(ZTC_EXIT_USAGE, "'%s' is not valid UTF-8", text);
	return ZTC_EXIT_OK;
}

/*
 * At most 20 changes a second are made, so that this one may have to wait; whoever asked
 * wants to go on when it is in force.
 */
static int wait_in_force(struct ztc_ctx *ctx, const char *host, json_t **result)
{
	const struct timespec gap = {.tv_nsec = WAIT_NS};
	int status = ZTC_EXIT_OK;

	for (int i = 0; i < WAITS && !status; i++) {
		if (json_is_true(json_object_get(*result, "in_force")))
			break;
		nanosleep(&gap, NULL);
		json_decref(*result);
		*result = NULL;
		status = ztc_ask(ctx, "label list", json_pack("{s:s}", "host", host), result);
	}
	return status;
}

static int change(struct ztc_ctx *ctx, const char *command, const char *host, json_t *args)
{
	zt_auto(zt_json_decref) json_t *result = NULL;
	int status = ztc_ask(ctx, command, args, &result);

	if (!status)
		status = wait_in_force(ctx, host, &result);
	if (status)
		return status;
	json_object_del(result, "matched");
	json_object_del(result, "limit");
	return ztc_answer(ctx, result, ztc_render_label_change);
}

int ztc_run_label_set(struct ztc_ctx *ctx, const struct ztc_line *line)
{
	const char *ttl = ztc_value(line, "ttl");
	zt_auto(zt_json_decref) json_t *labels = json_object();
	uint64_t ttl_ns = 0;
	int status = ZTC_EXIT_OK;
	json_t *args;

	if (ttl && (zt_duration_parse(ttl, &ttl_ns) < 0 || ttl_ns % ZT_NS_PER_S))
		return ztc_fail(ZTC_EXIT_USAGE,
				"--ttl takes a time of whole seconds, such as 90s, 30m, 8h or 7d, "
				"not '%s'",
				ttl);
	for (int i = 1; i < line->argc && !status; i++)
		status = add_label(labels, line->argv[i]);
	if (status)
		return status;
	args = json_pack("{s:s, s:O}", "host", line->argv[0], "labels", labels);
	if (!args)
		return ztc_fail(ZTC_EXIT_USAGE, "the arguments are not valid UTF-8");
	if (ttl)
		json_object_set_new(args, "ttl_s",
				    json_integer((json_int_t)(ttl_ns / ZT_NS_PER_S)));
	return change(ctx, "label set", line->argv[0], args);
}

int ztc_run_label_unset(struct ztc_ctx *ctx, const struct ztc_line *line)
{
	zt_auto(zt_json_decref) json_t *keys = json_array();
	json_t *args;

	for (int i = 1; i < line->argc; i++)
		if (json_array_append_new(keys, json_string(line->argv[i])) < 0)
			return ztc_fail(ZTC_EXIT_USAGE, "'%s' is not valid UTF-8", line->argv[i]);
	args = json_pack("{s:s, s:O}", "host", line->argv[0], "keys", keys);
	if (!args)
		return ztc_fail(ZTC_EXIT_USAGE, "the arguments are not valid UTF-8");
	return change(ctx, "label unset", line->argv[0], args);
}

int ztc_run_label_list(struct ztc_ctx *ctx, const struct ztc_line *line)
{
	zt_auto(zt_json_decref) json_t *result = NULL;
	json_t *args = json_object();
	int status;

	if (line->argc && json_object_set_new(args, "host", json_string(line->argv[0])) < 0) {
		json_decref(args);
		return ztc_fail(ZTC_EXIT_USAGE, "'%s' is not valid UTF-8", line->argv[0]);
	}
	status = ztc_ask(ctx, "label list", args, &result);
	return status ? status : ztc_answer(ctx, result, ztc_render_labels);
}
