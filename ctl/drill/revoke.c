// SPDX-License-Identifier: Apache-2.0
/* revoke.c - drills of attributes: one is taken away by hand, one by a signal of another system. */
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/file.h"
#include "base/json.h"

#include "ctl/drill/drill.h"

#define LIMIT_MS 15000
#define TALK_MS	 250
#define SILENT	 4 /* that many in a row: it is cut, not slow */

/* When the last byte got through, since @from_ms; -ETIMEDOUT: it still does after LIMIT_MS. */
static int until_cut(struct ztc_drill *drill, uint64_t from_ms, int64_t *ret_ms)
{
	int silent = 0;

	*ret_ms = 0;
	while (!ztc_drill_stopped()) {
		int64_t now;
		int r = ztc_peer_talk(&drill->peer, TALK_MS);

		now = (int64_t)(ztc_now_ms() - from_ms);
		if (r == 0) {
			*ret_ms = now;
			silent = 0;
		} else if (r != -ETIMEDOUT || ++silent == SILENT) {
			return 0;
		}
		if (now > LIMIT_MS)
			return -ETIMEDOUT;
	}
	return -EINTR;
}

/* Connected over the port that the label decides about, or an exit status. */
static int connect_labelled(struct ztc_drill *drill)
{
	uint64_t from = ztc_now_ms();
	int64_t ms;

	if (ztc_drill_until(drill, ZTC_PORT_LABELLED, true, from, LIMIT_MS, &ms) < 0 ||
	    ztc_peer_connect(&drill->peer, ZTC_PORT_LABELLED, 1000, true, NULL) < 0 ||
	    ztc_peer_talk(&drill->peer, 1000) < 0)
		return ztc_fail(
			ZTC_EXIT_FAILED,
			"the canary neighbour cannot reach tcp/%d, which zt-drill-pass allows: "
			"has " ZTC_DRILL_HOST " a label " ZTC_DRILL_KEY " already?",
			ZTC_PORT_LABELLED);
	return ZTC_EXIT_OK;
}

int ztc_drill_revoke(struct ztc_drill *drill)
{
	int status = connect_labelled(drill), r;
	uint64_t from;
	bool again;
	int64_t cut;

	if (status)
		return status;
	ztc_drill_say("connected; revoking");
	from = ztc_now_ms();
	status = ztc_drill_label(drill, "revoked");
	if (status)
		return status;
	r = until_cut(drill, from, &cut);
	ztc_drill_note(drill, "cut_ms", r ? -1 : cut);
	again = ztc_peer_connect(&drill->peer, ZTC_PORT_LABELLED, 500, false, NULL) == 0;
	json_object_set_new(drill->body, "new_refused", json_boolean(!again));
	json_object_set_new(drill->body, "attribute", json_string("label"));
	if (r && !again)
		ztc_drill_conclude(drill, ZTC_DRILL_PARTIAL,
				   "new connections are refused, the established one goes on");
	else if (r || again)
		ztc_drill_conclude(drill, ZTC_DRILL_FAIL, "taking the attribute away cuts nothing");
	else
		ztc_drill_conclude(drill, ZTC_DRILL_PASS,
				   "the established connection stopped after %lld ms and no new "
				   "one opens",
				   (long long)cut);
	return 0;
}

/* --- signal: another system's word, in the label directory, with an end ----------------------- */

#define SIGNAL_TTL_S 8
#define SIGNAL_FILE  "99-zt-drill.json"

/* Where other systems put what they know; the agent follows it. */
static int signal_path(struct ztc_drill *drill, char path[PATH_MAX])
{
	const json_t *labels = json_object_get(drill->status, "labels");
	const char *dir = json_string_value(json_object_get(labels, "dir"));

	if (!dir || !json_is_true(json_object_get(labels, "dir_exists")))
		return ztc_fail(ZTC_EXIT_FAILED,
				"the agent follows no label directory (labels: in its settings), "
				"so no signal of another system can come");
	if (snprintf(path, PATH_MAX, "%s/" SIGNAL_FILE, dir) >= PATH_MAX)
		return ztc_fail(ZTC_EXIT_FAILED, "'%s' is too long a path", dir);
	if (access(path, F_OK) == 0)
		return ztc_fail(ZTC_EXIT_FAILED, "%s is there already; remove it", path);
	return ZTC_EXIT_OK;
}

static int give_signal(const char *path)
{
	zt_auto(zt_json_decref) json_t *doc =
		json_pack("{s:[{s:s, s:s, s:s, s:i}]}", "labels", "host", ZTC_DRILL_HOST, "key",
			  ZTC_DRILL_KEY, "value", "revoked", "ttl_s", SIGNAL_TTL_S);
	zt_auto(zt_freep) char *text = doc ? json_dumps(doc, JSON_INDENT(2)) : NULL;
	int r = text ? zt_file_replace(path, text, strlen(text), 0644) : -ENOMEM;

	return r ? ztc_fail(ZTC_EXIT_FAILED, "cannot write %s: %s", path, strerror(-r))
		 : ZTC_EXIT_OK;
}

static void watch_signal(struct ztc_drill *drill, int64_t *changed, int64_t *back)
{
	uint64_t from = ztc_now_ms();

	*changed = *back = -1;
	if (ztc_drill_until(drill, ZTC_PORT_LABELLED, false, from, LIMIT_MS, changed) < 0)
		*changed = -1;
	else if (ztc_drill_until(drill, ZTC_PORT_LABELLED, true, from,
				 SIGNAL_TTL_S * 1000 + LIMIT_MS, back) < 0)
		*back = -1;
	ztc_drill_note(drill, "changed_ms", *changed);
	ztc_drill_note(drill, "reverted_ms", *back);
	json_object_set_new(drill->body, "automatic", json_true());
}

int ztc_drill_signal(struct ztc_drill *drill)
{
	char path[PATH_MAX];
	int64_t changed, back;
	int status = signal_path(drill, path);

	if (!status)
		status = connect_labelled(drill);
	if (!status)
		status = give_signal(path);
	if (status)
		return status;
	ztc_drill_say("another system says 'revoked' for %d s: %s", SIGNAL_TTL_S, path);
	watch_signal(drill, &changed, &back);
	unlink(path);
	if (changed < 0)
		ztc_drill_conclude(drill, ZTC_DRILL_FAIL, "the signal changed nothing");
	else if (back < 0)
		ztc_drill_conclude(drill, ZTC_DRILL_PARTIAL,
				   "the signal was enforced, its end was not");
	else
		ztc_drill_conclude(drill, ZTC_DRILL_PASS,
				   "the signal was enforced after %lld ms and ended by itself "
				   "after %lld ms",
				   (long long)changed, (long long)back);
	return ZTC_EXIT_OK;
}
