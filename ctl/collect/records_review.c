// SPDX-License-Identifier: Apache-2.0
/*
 * records_review.c - holds the newest review against the pack that was signed, and the pack against
 * what was recorded: the digest is worked out again from the database.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "base/cleanup.h"
#include "base/json.h"
#include "base/time.h"
#include "ctl/collect/records.h"
#include "ctl/evidence/record.h"
#include "ctl/evidence/safe.h"
#include "ctl/review/pack.h"
#include "history/history.h"

#define PACKS_MAX 24 /* packs that are read for when a statement was reviewed */
#define RULE_DAYS 400
#define DAY_S	  86400

static int64_t time_of(const json_t *object, const char *key)
{
	uint64_t ns;

	return zt_wall_parse(zt_json_text(object, key), &ns) < 0 ? -1 : (int64_t)(ns / ZT_NS_PER_S);
}

static char *database(const struct ztc_env *env)
{
	char *path;

	return asprintf(&path, "%s/" ZT_HISTORY_FILE, env->state_dir) < 0 ? NULL : path;
}

/* --- since when there is something to review --- */

static int64_t put_since(const struct ztc_env *env, json_t *data)
{
	zt_auto(zt_freep) char *id = NULL, *db = database(env);
	struct zt_history *history = NULL;
	struct zt_history_days days = {0};
	struct stat st;

	if (asprintf(&id, "%s/etc/machine-id", env->root) > 0 && stat(id, &st) == 0)
		json_object_set_new(data, "host_since", ztc_record_time(st.st_mtime));
	if (db && zt_history_open_read(&history, db) == 0 &&
	    zt_history_days(history, 0, &days) == 0 && days.first_s > 0)
		json_object_set_new(data, "recorded_since", ztc_record_time(days.first_s));
	zt_history_close(&history);
	return days.first_s;
}

/* --- the pack --- */

/* The pack that a review is about, when it is the one that was signed; else why not. */
static json_t *pack_of(const struct ztc_env *env, const json_t *review, const char **ret_state,
		       char **ret_why)
{
	const json_t *body = json_object_get(review, "body");
	zt_auto(zt_freep) char *path = ztc_pack_path(env->state_dir, zt_json_text(body, "pack"));
	zt_auto(zt_json_decref) json_t *pack = NULL;
	char digest[ZTC_DIGEST_TEXT_LEN];
	struct ztc_self self;
	int r;

	*ret_state = "missing";
	if (!path) {
		*ret_why = strdup("the review does not say which pack it is about");
		return NULL;
	}
	r = ztc_pack_read(path, &pack, ret_why);
	if (r < 0) {
		*ret_state = r == -EBADMSG || r == -EINVAL ? "altered" : "missing";
		return NULL;
	}
	ztc_self(&self, env->root);
	*ret_state = "altered";
	if (ztc_digest(pack, digest) < 0 || strcmp(digest, zt_json_text(body, "pack")) != 0)
		*ret_why = strdup("its digest is another");
	else if (strcmp(zt_json_text(pack, "host"), self.host) != 0 ||
		 strcmp(zt_json_text(pack, "machine"), self.machine) != 0)
		*ret_why = strdup("it is of another host");
	else
		return *ret_state = "ok", zt_take(pack);
	return NULL;
}

/* What was recorded, worked out again. */
static const char *hold_flows(const struct ztc_env *env, const json_t *pack, char **ret_why)
{
	char now[ZTC_DIGEST_TEXT_LEN], then[ZTC_DIGEST_TEXT_LEN];
	zt_auto(zt_freep) char *db = database(env);
	zt_auto(zt_json_decref) json_t *flows = NULL;
	int r = db ? ztc_pack_flows(&flows, db, time_of(pack, "from"), time_of(pack, "to"), ret_why)
		   : -ENOMEM;

	if (r < 0 || ztc_digest(flows, now) < 0 ||
	    ztc_digest(json_object_get(pack, "flows"), then) < 0)
		return "unavailable";
	if (strcmp(now, then) == 0)
		return "same";
	if (asprintf(ret_why, "%.16s… recorded, %.16s… reviewed", now + 7, then + 7) < 0)
		*ret_why = NULL;
	return "different";
}

/* --- the newest review --- */

static const json_t *reviews(const struct ztc_env *env)
{
	const json_t *fact = json_object_get(env->facts, "records");

	return json_object_get(json_object_get(fact, "data"), "reviews");
}

static const json_t *newest(const json_t *list)
{
	const json_t *review;
	size_t i;

	json_array_foreach (list, i, review) {
		if (strcmp(zt_json_text(review, "grade"), "A") == 0)
			return review;
	}
	return json_array_get(list, 0);
}

/* Who reviews must not be who writes; so somebody has to have said who writes. */
static void put_people(const struct ztc_env *env, const json_t *review, json_t *row)
{
	zt_auto(zt_freep) struct ztc_trust *trust = calloc(1, sizeof(*trust));
	zt_auto(zt_freep) char *why = NULL;
	const char *signer = json_string_value(json_object_get(review, "signer"));

	if (signer)
		json_object_set_new(row, "signer", zt_json_str(signer));
	json_object_set(row, "key_id", json_object_get(review, "key_id"));
	json_object_set_new(row, "grade", json_string(zt_json_text(review, "grade")));
	if (!trust || ztc_trust_load(trust, env->trust_dir, &why) < 0)
		return;
	json_object_set_new(row, "author_known",
			    json_boolean(trust->role[ZTC_ROLE_POLICY].count > 0));
	json_object_set_new(row, "self_reviewed",
			    json_boolean(signer && ztc_trust_shares(trust, ZTC_ROLE_REVIEWER,
								    signer, ZTC_ROLE_POLICY)));
	ztc_trust_free(trust);
}

static void put_pack(const struct ztc_env *env, const json_t *review, json_t *row, int64_t since)
{
	const json_t *body = json_object_get(review, "body");
	zt_auto(zt_freep) char *why = NULL;
	zt_auto(zt_json_decref) json_t *pack = NULL;
	const char *state, *flows = "unavailable";
	int64_t items = 0, disposed = 0, from, to, period;
	const json_t *limit = json_object_get(
		json_object_get(json_object_get(env->profile, "checks"), "ZTS-3.6-07"),
		"period_days");

	pack = pack_of(env, review, &state, &why);
	from = time_of(pack, "from");
	to = time_of(pack, "to");
	if (pack) {
		flows = hold_flows(env, pack, &why);
		ztc_pack_count(pack, json_object_get(body, "dispositions"), &items, &disposed);
		json_object_set(row, "from", json_object_get(pack, "from"));
		json_object_set(row, "to", json_object_get(pack, "to"));
	}
	period = json_integer_value(json_object_get(limit, "value")) * DAY_S;
	json_object_set_new(row, "pack", json_string(state));
	json_object_set_new(row, "flows", json_string(flows));
	json_object_set_new(row, "digest", zt_json_str(zt_json_text(body, "pack")));
	json_object_set_new(row, "why", zt_json_str(why ? why : ""));
	json_object_set_new(row, "items", json_integer(items));
	json_object_set_new(row, "disposed", json_integer(disposed));
	/* Shorter only where nothing was recorded before. */
	json_object_set_new(
		row, "short_period",
		json_boolean(pack && to - from < period && from > since / DAY_S * DAY_S));
}

static json_t *newest_json(const struct ztc_env *env, const json_t *review, int64_t since)
{
	json_t *row = json_object();

	json_object_set_new(row, "record", zt_json_str(zt_json_text(review, "id")));
	json_object_set_new(row, "ended", zt_json_str(zt_json_text(review, "ended")));
	put_people(env, review, row);
	put_pack(env, review, row, since);
	return row;
}

/* --- when each statement was last reviewed --- */

struct rules {
	json_t *rules;
	const json_t *dispositions;
	json_t *at;
};

static void note_rule(const json_t *item, const char *kind, void *ctx)
{
	struct rules *rules = ctx;
	const char *id = zt_json_text(item, "id");

	if (strcmp(kind, "rule") == 0 && ztc_disposition_of(rules->dispositions, id) &&
	    !json_object_get(rules->rules, id + strlen("rule:")))
		json_object_set(rules->rules, id + strlen("rule:"), rules->at);
}

static json_t *rules_json(const struct ztc_env *env)
{
	const json_t *review;
	struct rules rules = {.rules = json_object()};
	size_t i, packs = 0;

	/* Newest first, so the first one that has a statement counts. */
	json_array_foreach (reviews(env), i, review) {
		zt_auto(zt_json_decref) json_t *pack = NULL;
		zt_auto(zt_freep) char *why = NULL;
		const char *state;

		if (strcmp(zt_json_text(review, "grade"), "A") != 0 || packs >= PACKS_MAX ||
		    env->now_s - time_of(review, "ended") > RULE_DAYS * (int64_t)DAY_S)
			continue;
		packs++;
		pack = pack_of(env, review, &state, &why);
		rules.dispositions =
			json_object_get(json_object_get(review, "body"), "dispositions");
		rules.at = json_object_get(review, "ended");
		if (pack)
			ztc_pack_each(pack, note_rule, &rules);
	}
	return rules.rules;
}

int ztc_collect_review(const struct ztc_env *env, json_t *data)
{
	const json_t *review = newest(reviews(env));
	int64_t since = put_since(env, data);

	json_object_set_new(data, "newest", review ? newest_json(env, review, since) : json_null());
	json_object_set_new(data, "rules", rules_json(env));
	return 0;
}
