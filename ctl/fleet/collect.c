// SPDX-License-Identifier: Apache-2.0
/* collect.c - asks all hosts and makes one document of what came. */
#include <errno.h>
#include <time.h>

#include "base/cleanup.h"
#include "base/json.h"
#include "ctl/assess/exit.h"
#include "ctl/fleet/fleet.h"
#include "ctl/fleet/set.h"

struct taking {
	const struct ztc_fleet_run *run;
	json_t *hosts; /* in the order of the file, whoever answers first */
};

static int take(void *arg, size_t host, struct ztc_fleet_answer *answer)
{
	struct taking *t = arg;
	json_t *entry = ztc_fleet_host_json(t->run, &t->run->hosts->rows[host], answer, time(NULL));

	return entry && json_array_set_new(t->hosts, host, entry) == 0 ? 0 : -ENOMEM;
}

int ztc_fleet_collect(const struct ztc_fleet_run *run, json_t **ret)
{
	const int64_t started = time(NULL);
	struct taking t = {.run = run, .hosts = json_array()};
	json_t *set;
	int r;

	for (size_t i = 0; i < run->hosts->count; i++)
		json_array_append_new(t.hosts, json_null());
	r = ztc_fleet_ask(run, take, &t);
	if (r < 0) {
		json_decref(t.hosts);
		return r;
	}
	set = ztc_set_new(t.hosts, started, time(NULL));
	if (!set)
		return -ENOMEM;
	if (ztc_set_again(set, run->target, run->accept_waivers, time(NULL)) == ZTC_ASSESS_FAILED) {
		json_decref(set);
		return -ENOMEM;
	}
	*ret = set;
	return 0;
}
