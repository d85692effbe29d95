/* SPDX-License-Identifier: Apache-2.0 */
/* stop.c - what observe, detach and version answer. */
#include <errno.h>
#include <string.h>

#include "ctl/render/ends.h"
#include "ctl/render/render.h"
#include "ctl/render/text.h"

int ztc_render_observe(FILE *out, const json_t *result, const struct ztc_style *style)
{
	const json_t *observe = json_object_get(result, "observe");
	char clock[ZTC_TEXT_LEN], ago[ZTC_TEXT_LEN], line[256];

	if (!json_is_object(observe))
		return -EINVAL;
	if (!json_is_true(json_object_get(observe, "active"))) {
		fputs("Policy is enforced again: what it denies is dropped.\n", out);
		return 0;
	}
	if (json_is_true(json_object_get(observe, "for_good"))) {
		snprintf(
			line, sizeof(line),
			"Nothing is denied any more, until 'ztctl observe --off'. Flows are judged "
			"and recorded all the same.");
	} else {
		ztc_clock(clock, ztc_str(observe, "until"), style);
		ztc_ago(ago, ztc_str(observe, "until"), style);
		snprintf(
			line, sizeof(line),
			"Nothing is denied until %s (%s). Flows are judged and recorded all the same. "
			"'ztctl observe --off' ends it.",
			clock, ago);
	}
	ztc_wrap(out, style, ZTC_WARN, 0, 0, line);
	return 0;
}

int ztc_render_detach(FILE *out, const json_t *result, const struct ztc_style *style)
{
	const json_t *removed = json_object_get(result, "removed");
	const char *pin_dir = ztc_str(result, "pin_dir");
	char links[ZTC_TEXT_LEN], filters[ZTC_TEXT_LEN], maps[ZTC_TEXT_LEN];
	char names[ZTC_END_LEN], line[ZTC_END_LEN * 2];

	if (!json_is_object(result))
		return -EINVAL;
	ztc_segments(names, json_object_get(result, "interfaces"));
	if (json_is_object(removed)) {
		ztc_plural(links, ztc_int(removed, "links"), "link", "links");
		ztc_plural(filters, ztc_int(removed, "filters"), "clsact filter", "clsact filters");
		ztc_plural(maps, ztc_int(removed, "maps"), "map", "maps");
		snprintf(line, sizeof(line), "Removed %s, %s and %s of %s.", links, filters, maps,
			 pin_dir);
		ztc_wrap(out, style, ZTC_PLAIN, 0, 0, line);
	} else if (*names) {
		snprintf(line, sizeof(line),
			 "Removed what was on %s%s, and the pins in %s. The agent "
			 "ends.",
			 names,
			 json_is_true(json_object_get(result, "sockets")) ? " and on sockets" : "",
			 pin_dir);
		ztc_wrap(out, style, ZTC_PLAIN, 0, 0, line);
	}
	ztc_wrap(out, style, ZTC_WARN, 0, 0,
		 "This network namespace is not guarded any more: nothing is judged, recorded or "
		 "denied.");
	return 0;
}

int ztc_render_version(FILE *out, const json_t *result, const struct ztc_style *style)
{
	const json_t *agent = json_object_get(result, "agent");

	if (!json_is_object(result))
		return -EINVAL;
	ztc_put(out, style, ZTC_PLAIN, "ztctl %s, kernel interface %lld",
		ztc_str(result, "version"), (long long)ztc_int(result, "abi_version"));
	if (json_is_object(agent))
		ztc_put(out, style, ZTC_PLAIN, "; agent %s, pid %lld", ztc_str(agent, "version"),
			(long long)ztc_int(agent, "pid"));
	else
		ztc_put(out, style, ZTC_PLAIN, "; no agent answers");
	fputc('\n', out);
	return 0;
}
