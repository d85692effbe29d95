/* SPDX-License-Identifier: Apache-2.0 */
/* logs_stats.h - counters that rsyslog's impstats writes to a file. */
#pragma once
#include "ctl/collect/collect.h"
#include "ctl/collect/logs_forward.h"

struct ztc_stats {
	uint64_t lost;	    /* failed and discarded, all actions and queues together */
	uint64_t processed; /* enqueued in the main queue */
	unsigned int lines;
};

/**
 * ztc_stats_read - the end of such a file; lines in its own format or as JSON.
 * @params: of the module: resetcounters.
 * Returns 0 or -errno.
 */
int ztc_stats_read(const struct ztc_env *env, const char *path, const json_t *params,
		   struct ztc_stats *ret);
