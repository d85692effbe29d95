/* SPDX-License-Identifier: Apache-2.0 */
/* cmd_stop.c - ztctl observe and detach: stop denying, with the agent alive or dead. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/json.h"
#include "base/pins.h"
#include "base/time.h"
#include "ctl/client.h"
#include "ctl/render/render.h"
#include "ctl/render/text.h"

static int no_pins(int r, const char *pin_dir, const char *verb)
{
	if (r == -ENOENT)
		return ztc_fail(
			ZTC_EXIT_FAILED,
			"nothing to %s: no agent answers and nothing is pinned in %s (another "
			"--pin-dir?)",
			verb, pin_dir);
	if (r == -EPERM || r == -EACCES)
		return ztc_fail(ZTC_EXIT_FAILED, "%s needs root when no agent answers", verb);
	return ztc_fail(ZTC_EXIT_FAILED, "cannot %s through %s: %s", verb, pin_dir, strerror(-r));
}

/* What the datapath was told, in the shape of the agent's own answer. */
static json_t *observe_result(uint64_t until_ns)
{
	bool for_good = until_ns == UINT64_MAX;

	return json_pack("{s:{s:b, s:o, s:b}}", "observe", "active", until_ns != 0, "until",
			 for_good ? json_null() : zt_json_time(until_ns), "for_good", for_good);
}

static int observe_by_pins(struct ztc_ctx *ctx, const char *pin_dir, uint64_t until_ns)
{
	zt_auto(zt_json_decref) json_t *result = NULL;
	int r = zt_pins_observe(pin_dir, until_ns);

	if (r < 0)
		return no_pins(r, pin_dir, "observe");
	result = observe_result(until_ns);
	return ztc_answer(ctx, result, ztc_render_observe);
}

int ztc_run_observe(struct ztc_ctx *ctx, const struct ztc_line *line)
{
	const char *for_text = ztc_value(line, "for"), *pin_dir = ztc_value(line, "pin-dir");
	bool off = ztc_value(line, "off") != NULL;
	uint64_t span_ns = 0, until_ns = UINT64_MAX;
	zt_auto(zt_json_decref) json_t *result = NULL;
	json_t *args;
	int status;

	if (off && for_text)
		return ztc_fail(ZTC_EXIT_USAGE, "--off and --for exclude each other");
	if (for_text && (zt_duration_parse(for_text, &span_ns) < 0 || span_ns < ZT_NS_PER_S))
		return ztc_fail(
			ZTC_EXIT_USAGE,
			"--for takes a time from one second up, such as 90s, 15m or 2h, not "
			"'%s'",
			for_text);
	if (off)
		until_ns = 0;
	else if (for_text)
		until_ns = zt_now_ns() + span_ns;
	if (pin_dir || !ztc_agent_alive(ctx))
		return observe_by_pins(ctx, pin_dir ? pin_dir : ZT_PINS_DIR, until_ns);
	args = json_object();
	if (off)
		json_object_set_new(args, "off", json_true());
	if (for_text)
		json_object_set_new(args, "for_s",
				    json_integer((json_int_t)(span_ns / ZT_NS_PER_S)));
	status = ztc_ask(ctx, "observe", args, &result);
	return status ? status : ztc_answer(ctx, result, ztc_render_observe);
}

static int detach_by_pins(struct ztc_ctx *ctx, const char *pin_dir)
{
	zt_auto(zt_json_decref) json_t *result = NULL;
	struct zt_pins_report report = {0};
	int status, r = zt_pins_detach(pin_dir, &report);

	if (r == -EBUSY)
		return ztc_fail(
			ZTC_EXIT_FAILED,
			"%s is in use by a live agent, which would put it back: stop it, or ask "
			"it through --socket",
			pin_dir);
	if (r == -ENOENT || ((r == -EPERM || r == -EACCES) && !report.links && !report.maps))
		return no_pins(r, pin_dir, "detach");
	result = json_pack("{s:b, s:{s:i, s:i, s:i}, s:s}", "detached", r == 0, "removed", "links",
			   report.links, "filters", report.filters, "maps", report.maps, "pin_dir",
			   pin_dir);
	status = ztc_answer(ctx, result, ztc_render_detach);
	if (r < 0)
		return ztc_fail(ZTC_EXIT_FAILED, "not everything could be removed: %s",
				*report.err ? report.err : strerror(-r));
	return status;
}

/* What the agent is about to take off, from its status: its answer to detach is only "done". */
static json_t *about_to_go(struct ztc_ctx *ctx)
{
	zt_auto(zt_json_decref) json_t *status = NULL;
	zt_auto(zt_freep) char *why = NULL;
	json_t *names = json_array(), *one;
	size_t i;

	if (ztc_try(ctx, "status", NULL, &status, &why) == ZTC_EXIT_OK) {
		json_array_foreach (json_object_get(status, "interfaces"), i, one) {
			if (strcmp(ztc_str(one, "state"), "guarded") == 0)
				json_array_append(names, json_object_get(one, "name"));
		}
	}
	return json_pack("{s:o, s:O?, s:O?}", "interfaces", names, "sockets",
			 json_object_get(json_object_get(status, "hooks"), "sockets"), "pin_dir",
			 json_object_get(json_object_get(status, "agent"), "pin_dir"));
}

int ztc_run_detach(struct ztc_ctx *ctx, const struct ztc_line *line)
{
	const char *pin_dir = ztc_value(line, "pin-dir");
	zt_auto(zt_json_decref) json_t *result = NULL;
	zt_auto(zt_json_decref) json_t *gone = NULL;
	int status;

	if (pin_dir || !ztc_agent_alive(ctx)) {
		if (geteuid() != 0)
			return ztc_fail(ZTC_EXIT_FAILED, "detach needs root");
		return detach_by_pins(ctx, pin_dir ? pin_dir : ZT_PINS_DIR);
	}
	gone = about_to_go(ctx);
	status = ztc_ask(ctx, "detach", NULL, &result);
	if (status)
		return status;
	json_object_update_missing(result, gone);
	return ztc_answer(ctx, result, ztc_render_detach);
}
