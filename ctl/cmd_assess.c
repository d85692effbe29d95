/* SPDX-License-Identifier: Apache-2.0 */
/* cmd_assess.c - ztctl assess: collect, judge, show. */
#include <errno.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/json.h"
#include "ctl/assess/exit.h"
#include "ctl/assess/judge.h"
#include "ctl/assess/profile.h"
#include "ctl/cmd.h"
#include "ctl/collect/collect.h"
#include "base/pins.h"

int ztc_run_assess(struct ztc_ctx *ctx, const struct ztc_line *line)
{
	zt_auto(zt_json_decref) json_t *facts = NULL, *checks = NULL, *doc = NULL;
	zt_auto(zt_freep) char *why = NULL;
	const char *state_dir = ztc_value(line, "state-dir"), *trust = ztc_value(line, "trust");
	const char *pin_dir = ztc_value(line, "pin-dir");
	struct ztc_profile profile = {0};
	struct ztc_env env = {
		.root = "",
		.socket = ctx->socket,
		.state_dir = state_dir ? state_dir : "/var/lib/ztseg",
		.trust_dir = trust ? trust : "/etc/ztseg/trust",
		.pin_dir = pin_dir ? pin_dir : ZT_PINS_DIR,
		.now_s = ctx->style.now_s,
	};
	struct ztc_facts judged = {.now_s = env.now_s};

	if (ztc_profile_load(&profile, ztc_value(line, "profile"), &why) < 0)
		return ztc_fail(ZTC_ASSESS_FAILED, "%s", why ? why : "out of memory");
	env.profile = judged.profile = profile.json;
	if (ztc_collect(&env, ztc_value(line, "probe") ? ZTC_COLLECT_PROBE : 0, &facts) < 0)
		return ztc_fail(ZTC_ASSESS_FAILED, "out of memory");
	judged.facts = facts;
	checks = ztc_judge_all(&judged, NULL);
	doc = json_pack("{s:O, s:O}", "checks", checks, "facts", facts);
	json_dumpf(doc, stdout, JSON_INDENT(1));
	ztc_profile_free(&profile);
	return ZTC_ASSESS_UNDETERMINED;
}
