// SPDX-License-Identifier: Apache-2.0
/* crypto_keys.c - ZTS-3.4-07: who may read private keys, how old they are, what expires. */
#include <stdio.h>
#include <string.h>

#include "base/cleanup.h"
#include "ctl/checks/crypto.h"

#define ID    "ZTS-3.4-07"
#define DAY_S 86400

/* The line that takes the rights away; beside the result, to be run by a person. */
static void add_chmod(struct ztc_result *r, const json_t *key)
{
	json_t *list;

	/* A name that is no plain one is not put into a command. */
	if (strpbrk(ztc_member(key, "path"), "'\\"))
		return;
	if (!r->extra)
		r->extra = json_object();
	list = json_object_get(r->extra, "snippets");
	if (!list) {
		list = json_array();
		json_object_set_new(r->extra, "snippets", list);
	}
	json_array_append_new(
		list, json_pack("{s:s, s:s, s:o}", "program", ztc_member(key, "comm"), "file",
				ztc_member(key, "path"), "text",
				json_sprintf("chmod 0600 '%s'\n", ztc_member(key, "path"))));
}

static enum ztc_state judge_key(const struct ztc_facts *facts, struct ztc_result *r,
				const json_t *key)
{
	int64_t age = (facts->now_s - ztc_number(key, "changed_s")) / DAY_S;
	const char *resource = ztc_member(key, "resource");
	enum ztc_state state = ZTC_STATE_PASS;

	if (ztc_is(key, "reach", "other")) {
		state = ZTC_STATE_FAIL;
		ztc_offender(r, resource,
			     N_("every user of this host may read it (mode %s, used by "
				"%s)"),
			     ztc_member(key, "mode"), ztc_member(key, "comm"));
		add_chmod(r, key);
	} else if (ztc_is(key, "reach", "group")) {
		state = ZTC_STATE_PARTIAL;
		ztc_offender(r, resource, N_("the group %s may read it, which %s does not run in"),
			     ztc_member(key, "group"), ztc_member(key, "comm"));
		add_chmod(r, key);
	}
	if (age > (int64_t)ztc_limit(facts, ID, "key_age_days")) {
		state = ztc_worse(state, ZTC_STATE_PARTIAL);
		ztc_offender(r, resource, N_("the key is %lld d old (used by %s)"), (long long)age,
			     ztc_member(key, "comm"));
	}
	return state;
}

static enum ztc_state judge_end(const struct ztc_facts *facts, struct ztc_result *r,
				const json_t *cert, const char *resource)
{
	int64_t left = ztc_number(cert, "not_after") - facts->now_s;
	int64_t soon = (int64_t)ztc_limit(facts, ID, "partial_days") * DAY_S;

	if (left < 0) {
		ztc_offender(r, resource, N_("the certificate expired %lld d ago"),
			     (long long)(-left / DAY_S));
		return ZTC_STATE_FAIL;
	}
	if (left > (int64_t)ztc_limit(facts, ID, "pass_days") * DAY_S)
		return ZTC_STATE_PASS;
	ztc_offender(r, resource,
		     left < soon ? N_("the certificate expires in %lld d: renew it now")
				 : N_("the certificate expires in %lld d"),
		     (long long)(left / DAY_S));
	return ZTC_STATE_PARTIAL;
}

static void conclude(struct ztc_result *r, enum ztc_state worst)
{
	long long bad = r->den - r->num, all = r->den;

	switch (worst) {
	case ZTC_STATE_PASS:
		ztc_conclude(r, worst, N_("keys and certificates, all kept well: %lld"), all);
		break;
	case ZTC_STATE_FAIL:
		ztc_conclude(
			r, worst,
			N_("keys and certificates that are readable by everybody, expired, or otherwise not as they should be: %lld of %lld. Take the rights away, make new keys, renew"),
			bad, all);
		break;
	case ZTC_STATE_PARTIAL:
		ztc_conclude(
			r, worst,
			N_("keys and certificates that are old, end soon, or are readable by a group that does not need them: %lld of %lld"),
			bad, all);
		break;
	default:
		ztc_conclude(r, ZTC_STATE_UNKNOWN,
			     N_("not every key could be looked at; run as root"));
	}
}

void ztc_judge_keys(const struct ztc_facts *facts, struct ztc_result *r)
{
	const json_t *keys = ztc_fact(facts, "keys", r), *banners, *each;
	enum ztc_state worst = ZTC_STATE_PASS, one;
	size_t i;

	ztc_expected(r,
		     N_("readable by the owner and the service's group alone, more than %lld days "
			"to the end, keys no older than %lld days"),
		     (long long)ztc_limit(facts, ID, "pass_days"),
		     (long long)ztc_limit(facts, ID, "key_age_days"));
	if (!keys)
		return;
	banners = ztc_fact_maybe(facts, "banners", r);
	r->num = r->den = 0;
	json_array_foreach (json_object_get(keys, "keys"), i, each) {
		one = judge_key(facts, r, each);
		worst = ztc_worse(worst, one);
		r->den++;
		r->num += one == ZTC_STATE_PASS;
	}
	json_array_foreach (json_object_get(keys, "certificates"), i, each) {
		one = judge_end(facts, r, each, ztc_member(each, "resource"));
		worst = ztc_worse(worst, one);
		r->den++;
		r->num += one == ZTC_STATE_PASS;
	}
	json_array_foreach (json_object_get(banners, "listeners"), i, each) {
		const json_t *cert = json_object_get(json_object_get(each, "tls"), "certificate");

		if (!json_is_object(cert))
			continue;
		one = judge_end(facts, r, cert, ztc_member(each, "resource"));
		worst = ztc_worse(worst, one);
		r->den++;
		r->num += one == ZTC_STATE_PASS;
	}
	if (!json_is_true(json_object_get(keys, "complete")))
		worst = ztc_worse(worst, ZTC_STATE_UNKNOWN);
	ztc_observed(r, N_("private keys: %zu, certificates: %zu"),
		     json_array_size(json_object_get(keys, "keys")),
		     json_array_size(json_object_get(keys, "certificates")));
	if (!r->den && worst == ZTC_STATE_PASS)
		ztc_conclude(r, ZTC_STATE_NA, N_("no listener of this host uses a private key"));
	else
		conclude(r, worst);
}
