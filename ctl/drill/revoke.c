// SPDX-License-Identifier: Apache-2.0
/* revoke.c - drill: an attribute is taken away, and an established connection stops. */
#include <errno.h>

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

int ztc_drill_revoke(struct ztc_drill *drill)
{
	uint64_t from = ztc_now_ms();
	int64_t ms, cut, again;
	int status = ztc_drill_label(drill, "granted"), r;

	if (status)
		return status;
	if (ztc_drill_until(drill, ZTC_PORT_GRANTED, true, from, LIMIT_MS, &ms) < 0 ||
	    ztc_peer_connect(&drill->peer, ZTC_PORT_GRANTED, 1000, true, NULL) < 0 ||
	    ztc_peer_talk(&drill->peer, 1000) < 0)
		return ztc_fail(ZTC_EXIT_FAILED,
				"with the label " ZTC_DRILL_KEY "=granted the canary neighbour "
				"cannot reach tcp/%d",
				ZTC_PORT_GRANTED);
	ztc_drill_note(drill, "granted_ms", ms);
	ztc_drill_say("connected while granted; revoking");
	from = ztc_now_ms();
	status = ztc_drill_label(drill, "revoked");
	if (status)
		return status;
	r = until_cut(drill, from, &cut);
	ztc_drill_note(drill, "cut_ms", r ? -1 : cut);
	again = ztc_peer_connect(&drill->peer, ZTC_PORT_GRANTED, 500, false, NULL);
	json_object_set_new(drill->body, "new_refused", json_boolean(again != 0));
	json_object_set_new(drill->body, "attribute", json_string("label"));
	if (r && again)
		ztc_drill_conclude(drill, ZTC_DRILL_PARTIAL,
				   "new connections are refused, the established one goes on");
	else if (r || !again)
		ztc_drill_conclude(drill, ZTC_DRILL_FAIL, "taking the attribute away cuts nothing");
	else
		ztc_drill_conclude(
			drill, ZTC_DRILL_PASS,
			"the established connection stopped after %lld ms and no new one opens",
			(long long)cut);
	return 0;
}
