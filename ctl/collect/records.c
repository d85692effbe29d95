// SPDX-License-Identifier: Apache-2.0
/* records.c - collects the signed records of drills, probes, reviews and the like. */
#include "base/cleanup.h"
#include "base/json.h"
#include "ctl/collect/collect.h"
#include "ctl/evidence/record.h"

static int collect_records(const struct ztc_env *env, json_t *data)
{
	zt_auto(zt_freep) char *why = NULL;
	int r = ztc_records_read(env, data, &why);

	if (r < 0 && why)
		json_object_set_new(data, "why", zt_json_str(why));
	return r;
}

const struct ztc_collector ztc_collect_records[] = {
	{"records", "files of STATE-DIR/records, minisign signatures", "root", 5, 1, 0,
	 collect_records},
	{0},
};
