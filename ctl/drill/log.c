// SPDX-License-Identifier: Apache-2.0
/*
 * log.c - drill log: a line with a nonce goes the way of all records; the collector signs for it.
 *
 * What becomes of it is seen at the other end only: `ztctl receipt` there, `ztctl evidence add`
 * here.
 */
#include <errno.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/json.h"
#include "ctl/drill/drill.h"
#include "ctl/probe/nonce.h"

int ztc_drill_log(struct ztc_drill *drill)
{
	const char *path = drill->log_socket ? drill->log_socket : "/dev/log";
	struct ztc_nonce nonce;
	int r = ztc_nonce_new(&nonce);

	if (r == 0)
		r = ztc_nonce_send(&nonce, path);
	json_object_set_new(drill->body, "via", zt_json_str(path));
	if (r < 0) {
		ztc_drill_conclude(drill, ZTC_DRILL_FAIL, "no log service takes messages at %s: %s",
				   path, strerror(-r));
		return ZTC_EXIT_OK;
	}
	json_object_set_new(drill->body, "nonce", json_string(nonce.nonce));
	ztc_drill_conclude(drill, ZTC_DRILL_PASS,
			   "nonce %s is with the log service; once it has arrived: 'ztctl receipt "
			   "LOGFILE --out DIR' on the collector, 'ztctl evidence add FILE' here",
			   nonce.nonce);
	return ZTC_EXIT_OK;
}
