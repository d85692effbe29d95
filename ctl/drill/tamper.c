// SPDX-License-Identifier: Apache-2.0
/* tamper.c - drill: the policy in force offered again with one byte of its signature changed. */
#include <string.h>

#include "base/cleanup.h"
#include "base/json.h"
#include "ctl/bundle.h"
#include "ctl/client.h"
#include "ctl/drill/drill.h"

/* One letter of the base64 of the signature itself, the second line of the file. */
static bool flip(json_t *args)
{
	const char *text = json_string_value(json_object_get(args, "signature"));
	zt_auto(zt_freep) char *copy = text ? strdup(text) : NULL;
	char *line = copy ? strchr(copy, '\n') : NULL;

	/* Past algorithm and key id: a wrong key is another story. */
	if (!line || strcspn(line + 1, "\n") < 60)
		return false;
	line[40] = line[40] == 'A' ? 'B' : 'A';
	json_object_set_new(args, "signature", json_string(copy));
	return true;
}

static int offer(struct ztc_drill *drill, json_t *args)
{
	zt_auto(zt_json_decref) json_t *answer = NULL, *dropped = NULL;
	zt_auto(zt_freep) char *why = NULL;
	int status;

	json_object_set_new(args, "why", json_string("ztctl drill tamper"));
	status = ztc_try(drill->ctx, "policy stage", args, &answer, &why);
	if (status == ZTC_EXIT_OK) {
		ztc_ask(drill->ctx, "policy stage", json_pack("{s:b}", "drop", 1), &dropped);
		json_object_set_new(drill->body, "refused", json_false());
		ztc_drill_conclude(drill, ZTC_DRILL_FAIL,
				   "the agent took a policy whose signature was altered");
		return ZTC_EXIT_OK;
	}
	/* Anything but a word about the signature is no refusal of it. */
	if (!why || (!strstr(why, "signature") && !strstr(why, "signed")))
		return ztc_fail(ZTC_EXIT_FAILED, "the altered policy was not judged: %s",
				why ?: "");
	json_object_set_new(drill->body, "refused", json_true());
	json_object_set_new(drill->body, "answer", zt_json_str(why));
	ztc_drill_conclude(drill, ZTC_DRILL_PASS, "the agent refused it: %s", why);
	return ZTC_EXIT_OK;
}

int ztc_drill_tamper(struct ztc_drill *drill)
{
	const json_t *policy = json_object_get(drill->status, "policy");
	const char *path = json_string_value(json_object_get(policy, "path"));
	json_t *args = json_object();
	int status;

	status = path ? ztc_bundle(path, args)
		      : ztc_fail(ZTC_EXIT_FAILED, "the agent follows no policy file");
	if (!status && !json_object_get(args, "signature"))
		status = ztc_fail(ZTC_EXIT_FAILED,
				  "%s is not signed: sign it (ztctl policy sign) and set "
				  "require_signature",
				  path);
	else if (!status && !flip(args))
		status =
			ztc_fail(ZTC_EXIT_FAILED, "the signature of %s is no signature file", path);
	if (status) {
		json_decref(args);
		return status;
	}
	return offer(drill, args);
}
