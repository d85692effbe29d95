// SPDX-License-Identifier: Apache-2.0
/*
 * change.c - drills of changing the policy: there and back, left unconfirmed, and cutting its own
 * way.
 *
 * All three promote the staged canary statement, which denies the neighbour one port.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/json.h"
#include "ctl/client.h"
#include "ctl/drill/drill.h"

#define FLIP_LIMIT_MS	15000
#define TALK_MS		1000
#define REVERT_SLACK_MS 5000

/* What must be the same before and after: the policy, its promotions, and the rows in the kernel.
 */
static json_t *identity(struct ztc_drill *drill)
{
	zt_auto(zt_json_decref) json_t *policy = ztc_drill_policy(drill);
	static const char *const keys[] = {"digest", "rows_digest", "promotions"};
	json_t *id = json_object();

	for (size_t i = 0; policy && i < ARRAY_SIZE(keys); i++)
		json_object_set(id, keys[i], json_object_get(policy, keys[i]));
	return id;
}

static bool same_again(struct ztc_drill *drill, const json_t *before)
{
	zt_auto(zt_json_decref) json_t *after = identity(drill);
	bool same = json_equal(before, after) && json_object_size(after);

	json_object_set(drill->body, "digest_before", json_object_get(before, "rows_digest"));
	json_object_set(drill->body, "digest_after", json_object_get(after, "rows_digest"));
	return same;
}

/* Established TCP connections of this namespace, by their addresses. */
static json_t *established(void)
{
	static const char *const tables[] = {"/proc/net/tcp", "/proc/net/tcp6"};
	json_t *set = json_object();

	for (size_t i = 0; i < ARRAY_SIZE(tables); i++) {
		zt_auto(zt_fclosep) FILE *f = fopen(tables[i], "re");
		char line[512], key[160];
		unsigned int state;
		char local[64], remote[64];

		while (f && fgets(line, sizeof(line), f)) {
			if (sscanf(line, "%*d: %63s %63s %x", local, remote, &state) != 3 ||
			    state != 1)
				continue;
			snprintf(key, sizeof(key), "%s-%s", local, remote);
			json_object_set_new(set, key, json_true());
		}
	}
	return set;
}

/* Denials by the canary statement that concern anybody but the canary. */
static int64_t others_denied(struct ztc_drill *drill)
{
	zt_auto(zt_json_decref) json_t *answer = NULL;
	zt_auto(zt_freep) char *why = NULL;
	const json_t *row;
	int64_t count = 0;
	size_t i;

	if (ztc_try(drill->ctx, "violations", json_pack("{s:s}", "mode", "enforced"), &answer,
		    &why) != ZTC_EXIT_OK)
		return -1;
	json_array_foreach (json_object_get(answer, "violations"), i, row) {
		const char *rule = json_string_value(json_object_get(row, "rule"));
		const char *src = json_string_value(json_object_get(row, "src"));

		if (rule && strcmp(rule, ZTC_DRILL_RULE) == 0 &&
		    (!src || strcmp(src, ZTC_PEER_ADDRESS) != 0))
			count += json_integer_value(json_object_get(row, "count"));
	}
	return count;
}

static int64_t count_gone(const json_t *before)
{
	zt_auto(zt_json_decref) json_t *now = established();
	int64_t gone = 0;
	const char *key;
	json_t *value;

	json_object_foreach ((json_t *)before, key, value)
		gone += !json_object_get(now, key);
	return gone;
}

/* --- canary: there and back ------------------------------------------------------------------- */

static int change_there_and_back(struct ztc_drill *drill, int64_t *there, int64_t *back)
{
	uint64_t from = ztc_now_ms();
	int status = ztc_drill_promote(drill), r;

	if (status)
		return status;
	r = ztc_drill_until(drill, ZTC_PORT_CHANGE, false, from, FLIP_LIMIT_MS, there);
	ztc_drill_note(drill, "change_ms", r ? -1 : *there);
	if (r)
		return ZTC_EXIT_OK;
	json_object_set_new(drill->body, "established_kept",
			    json_boolean(ztc_peer_talk(&drill->peer, TALK_MS) == 0));
	from = ztc_now_ms();
	status = ztc_drill_demote(drill);
	if (status)
		return status;
	r = ztc_drill_until(drill, ZTC_PORT_CHANGE, true, from, FLIP_LIMIT_MS, back);
	ztc_drill_note(drill, "back_ms", r ? -1 : *back);
	return ZTC_EXIT_OK;
}

int ztc_drill_change(struct ztc_drill *drill)
{
	zt_auto(zt_json_decref) json_t *before = identity(drill);
	zt_auto(zt_json_decref) json_t *sockets = established();
	int64_t there = -1, back = -1, denied;
	bool kept;
	int status;

	if (ztc_peer_connect(&drill->peer, ZTC_PORT_ALLOWED, TALK_MS, true, NULL) < 0 ||
	    ztc_peer_talk(&drill->peer, TALK_MS) < 0)
		return ztc_fail(ZTC_EXIT_FAILED, "the canary connection does not carry anything");
	ztc_drill_say("promoting %s, then taking it back", ZTC_DRILL_RULE);
	status = change_there_and_back(drill, &there, &back);
	if (status)
		return status;
	kept = json_is_true(json_object_get(drill->body, "established_kept")) &&
	       ztc_peer_talk(&drill->peer, TALK_MS) == 0;
	json_object_set_new(drill->body, "established_kept", json_boolean(kept));
	denied = others_denied(drill);
	ztc_drill_note(drill, "established_before", json_object_size(sockets));
	ztc_drill_note(drill, "established_gone", count_gone(sockets));
	ztc_drill_note(drill, "others_denied", denied);
	if (there < 0 || back < 0)
		ztc_drill_conclude(drill, ZTC_DRILL_FAIL,
				   "the canary's verdict did not change within %d s",
				   FLIP_LIMIT_MS / 1000);
	else if (!kept || denied > 0)
		ztc_drill_conclude(drill, ZTC_DRILL_FAIL,
				   "an established connection was disturbed by the change");
	else if (!same_again(drill, before))
		ztc_drill_conclude(drill, ZTC_DRILL_FAIL,
				   "what is in force is not what was before the drill");
	else
		ztc_drill_conclude(
			drill, ZTC_DRILL_PASS,
			"a change was in force after %lld ms and taken back after %lld ms; "
			"the established canary connection stayed",
			(long long)there, (long long)back);
	return ZTC_EXIT_OK;
}

/* --- rollback, bad-policy: nobody confirms ------------------------------------------------------
 */

/* Promote, see it deny, confirm nothing, see it pass again. */
static int leave_unconfirmed(struct ztc_drill *drill, int64_t *ret_reverted)
{
	uint64_t from = ztc_now_ms();
	int64_t there = -1;
	int status = ztc_drill_promote(drill), r;

	*ret_reverted = -1;
	if (status)
		return status;
	r = ztc_drill_until(drill, ZTC_PORT_CHANGE, false, from, drill->within_s * 1000, &there);
	ztc_drill_note(drill, "change_ms", r ? -1 : there);
	if (r)
		return ZTC_EXIT_OK;
	json_object_set_new(drill->body, "path_cut",
			    json_boolean(ztc_peer_talk(&drill->peer, TALK_MS) < 0));
	ztc_drill_say("in force after %lld ms; waiting %u s for it to be taken back",
		      (long long)there, drill->within_s);
	r = ztc_drill_until(drill, ZTC_PORT_CHANGE, true, from,
			    drill->within_s * 1000 + REVERT_SLACK_MS, ret_reverted);
	if (r)
		*ret_reverted = -1;
	ztc_drill_note(drill, "reverted_ms", *ret_reverted);
	return ZTC_EXIT_OK;
}

/* The kernel gives way at the deadline, the agent tidies up after it: status follows. */
static void settle(struct ztc_drill *drill)
{
	uint64_t from = ztc_now_ms();

	while (!ztc_drill_stopped() && ztc_now_ms() - from < REVERT_SLACK_MS) {
		zt_auto(zt_json_decref) json_t *policy = ztc_drill_policy(drill);

		if (policy && !json_is_true(json_object_get(policy, "awaits_confirmation")) &&
		    !json_is_string(json_object_get(policy, "confirm_deadline"))) {
			drill->promoted = false;
			return;
		}
		ztc_peer_connect(&drill->peer, ZTC_PORT_DENIED, 100, false, NULL);
	}
}

static int unconfirmed(struct ztc_drill *drill, bool path)
{
	zt_auto(zt_json_decref) json_t *before = identity(drill);
	int64_t reverted, within = drill->within_s * 1000;
	bool cut, back;
	int status;

	ztc_drill_note(drill, "within_ms", within);
	if (ztc_peer_connect(&drill->peer, ZTC_PORT_CHANGE, TALK_MS, true, NULL) < 0 ||
	    ztc_peer_talk(&drill->peer, TALK_MS) < 0)
		return ztc_fail(ZTC_EXIT_FAILED, "the canary connection does not carry anything");
	status = leave_unconfirmed(drill, &reverted);
	if (status)
		return status;
	settle(drill);
	cut = json_is_true(json_object_get(drill->body, "path_cut"));
	back = reverted >= 0 && ztc_peer_talk(&drill->peer, 2 * TALK_MS) == 0;
	json_object_set_new(drill->body, "path_back", json_boolean(back));
	if (reverted < 0)
		ztc_drill_conclude(drill, ZTC_DRILL_FAIL, "the change was not taken back");
	else if (!same_again(drill, before))
		ztc_drill_conclude(drill, ZTC_DRILL_FAIL,
				   "what is in force is not what was before the drill");
	else if (path && (!cut || !back))
		ztc_drill_conclude(drill, ZTC_DRILL_FAIL, "the canary's connection %s",
				   cut ? "did not come back" : "was not cut, so nothing is proven");
	else
		ztc_drill_conclude(
			drill, ZTC_DRILL_PASS,
			"nobody confirmed, and it was taken back after %lld ms of %lld allowed",
			(long long)reverted, (long long)within);
	return ZTC_EXIT_OK;
}

int ztc_drill_rollback(struct ztc_drill *drill)
{
	return unconfirmed(drill, false);
}

/*
 * The established connection over the port that the change denies stands for the operator's own:
 * with it cut no confirmation can come, so the way back must not need one.
 */
int ztc_drill_bad_policy(struct ztc_drill *drill)
{
	return unconfirmed(drill, true);
}
