// SPDX-License-Identifier: Apache-2.0
/* collect.c - asks all hosts and makes one document of what came. */
#include <errno.h>
#include <time.h>

#include "base/cleanup.h"
#include "base/json.h"
#include "base/strbuf.h"
#include "ctl/assess/exit.h"
#include "ctl/fleet/fleet.h"
#include "ctl/fleet/set.h"
#include "ctl/i18n/say.h"
#include "ctl/render/text.h"

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

/* One machine under two names has answered once. */
static void refuse_twins(json_t *hosts)
{
	zt_auto(zt_json_decref) json_t *seen = json_object();
	json_t *host;
	size_t i;

	json_array_foreach (hosts, i, host) {
		const json_t *of = json_object_get(json_object_get(host, "assessment"), "host");
		zt_auto(zt_strbuf_free) struct zt_strbuf key = ZT_STRBUF_INIT;
		const char *machine;
		const json_t *first;

		/* A copied machine has the same id, but it has not been started at once. */
		zt_strbuf_printf(&key, "%s %s", ztc_str(of, "machine"), ztc_str(of, "boot_id"));
		machine = zt_strbuf_text(&key);
		first = json_object_get(seen, machine);
		if (!*ztc_str(of, "machine"))
			continue;
		if (!first) {
			json_object_set(seen, machine, json_object_get(host, "name"));
			continue;
		}
		json_object_set_new(host, "status", json_string("refused"));
		json_object_set_new(
			host, "why",
			ztc_say(N_("it is the same machine as '%s'"), json_string_value(first)));
		json_object_del(host, "assessment");
	}
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
	refuse_twins(t.hosts);
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
