// SPDX-License-Identifier: Apache-2.0
/* records.c - collects signed records, and the register of waivers as it is found. */
#include "base/cleanup.h"
#include "base/json.h"
#include "ctl/catalogue/catalogue.h"
#include "ctl/collect/collect.h"
#include "ctl/collect/records.h"
#include "ctl/evidence/record.h"
#include "ctl/evidence/waiver.h"

static int collect_records(const struct ztc_env *env, json_t *data)
{
	zt_auto(zt_freep) char *why = NULL;
	int r = ztc_records_read(env, data, &why);

	if (r < 0 && why)
		json_object_set_new(data, "why", zt_json_str(why));
	return r;
}

/* Well made or not: what is honoured is another matter, decided before anything runs. */
static int collect_waivers(const struct ztc_env *env, json_t *data)
{
	struct ztc_self self;
	struct ztc_papers_args args = {.waivers = env->waivers ? env->waivers : ZTC_WAIVERS_DIR,
				       .trust_dir = env->trust_dir,
				       .host = self.host,
				       .catalogue = ztc_catalogue(),
				       .profile = env->profile,
				       .now_s = env->now_s};

	ztc_self(&self, env->root);
	return ztc_waivers_register(&args, data);
}

const struct ztc_collector ztc_collect_records[] = {
	{"records", "files of STATE-DIR/records, minisign signatures", "root", 5, 1, 0,
	 collect_records},
	{"waivers", "files of the register, minisign signatures", "root", 5, 1, 0, collect_waivers},
	{"review", "packs of STATE-DIR/reviews, digests worked out again from flows.db", "root", 5,
	 2, 0, ztc_collect_review},
	{"changes", "the agent's history of policies", "membership of group ztseg", 5, 1, 0,
	 ztc_collect_changes},
	{"bundle", "the policy's file or directory, minisign signature", "root", 5, 2, 0,
	 ztc_collect_bundle},
	{0},
};
