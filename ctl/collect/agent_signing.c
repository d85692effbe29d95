// SPDX-License-Identifier: Apache-2.0
/*
 * agent_signing.c - fact `signing`: whose signature is on what was put in force, and whether the
 * chain of states and their revisions hold.
 *
 * The text of the newest state is parsed anew and its canonical form held against the signature
 * that is kept with it, by the keys of the trust directory's role `policy`.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/strbuf.h"
#include "ctl/collect/agent.h"
#include "ctl/evidence/seal.h"
#include "ctl/render/text.h"
#include "policy/policy.h"
#include "policy/signed.h"

static void check_signature(const json_t *entry, const struct zt_policy *policy,
			    const struct ztc_trust *trust, json_t *ret)
{
	const char *text = json_string_value(json_object_get(entry, "signature"));
	zt_auto(zt_strbuf_free) struct zt_strbuf why = ZT_STRBUF_INIT;
	struct zt_policy_seal seal = {0};
	size_t count = trust->role[ZTC_ROLE_POLICY].count;
	int r;

	ztc_set(ret, "signed", json_boolean(text != NULL));
	ztc_set(ret, "keys", json_integer((json_int_t)count));
	ztc_set(ret, "verified", json_false());
	if (!text)
		return;
	r = zt_policy_verify(policy, text, strlen(text), trust->role[ZTC_ROLE_POLICY].keys, count,
			     &seal, &why);
	if (r < 0) {
		ztc_set(ret, "verify_error", zt_json_str(zt_strbuf_text(&why)));
		ztc_set(ret, "unknown_key", json_boolean(r == -ENOKEY));
		return;
	}
	ztc_set(ret, "verified", json_true());
	ztc_set(ret, "key", zt_json_str(trust->role[ZTC_ROLE_POLICY].names[seal.key]));
	ztc_set(ret, "states_revision", json_boolean(seal.states_revision));
	ztc_set_time(ret, "signed_at", (int64_t)seal.signed_s);
}

/*
 * Revisions of one policy never go down by themselves; a rollback that somebody asked for may. Of
 * entries that are left, newest first.
 */
static void check_revisions(const json_t *entries, json_t *ret)
{
	json_t *wrong = json_array();
	size_t count = json_array_size(entries);

	for (size_t i = 0; i + 1 < count; i++) {
		const json_t *later = json_array_get(entries, i);
		const json_t *earlier = json_array_get(entries, i + 1);
		json_t *o;

		if (strcmp(ztc_str(later, "policy"), ztc_str(earlier, "policy")) != 0 ||
		    ztc_int(later, "revision") >= ztc_int(earlier, "revision") ||
		    strcmp(ztc_str(later, "action"), "rollback") == 0)
			continue;
		o = json_object();
		ztc_set(o, "entry", json_integer(ztc_int(later, "entry")));
		ztc_set(o, "revision", json_integer(ztc_int(later, "revision")));
		ztc_set(o, "before", json_integer(ztc_int(earlier, "revision")));
		ztc_set(o, "action", zt_json_str(ztc_str(later, "action")));
		json_array_append_new(wrong, o);
	}
	ztc_set(ret, "backwards", wrong);
}

static int newest_json(const json_t *entry, const struct ztc_trust *trust, json_t *data)
{
	zt_auto(zt_policy_free) struct zt_policy *policy = NULL;
	char digest[ZT_DIGEST_TEXT_LEN];
	json_t *o = json_object();
	int r = ztc_state_policy(entry, &policy);

	ztc_set(data, "newest", o);
	ztc_set(o, "entry", json_integer(ztc_int(entry, "entry")));
	ztc_set(o, "policy", zt_json_str(ztc_str(entry, "policy")));
	ztc_set(o, "revision", json_integer(ztc_int(entry, "revision")));
	ztc_set(o, "at", zt_json_str(ztc_str(entry, "at")));
	ztc_set(o, "action", zt_json_str(ztc_str(entry, "action")));
	ztc_set(o, "promotions",
		json_integer((json_int_t)json_array_size(json_object_get(entry, "promotions"))));
	ztc_set(o, "digest", zt_json_str(ztc_str(entry, "digest")));
	if (r == -ENOMEM)
		return r;
	if (r < 0) {
		ztc_set(o, "parse_error", json_string(strerror(-r)));
		return 0;
	}
	zt_digest_text(policy->digest, digest);
	ztc_set(o, "digest_of_text", json_string(digest));
	check_signature(entry, policy, trust, o);
	return 0;
}

int ztc_collect_signing(const struct ztc_env *env, json_t *data)
{
	zt_auto(ztc_states_free) struct ztc_states states = {0};
	zt_auto(zt_freep) char *why = NULL;
	struct ztc_trust *trust = NULL;
	int r = ztc_states_read(env, &states);

	if (r == -ENOENT)
		ztc_set(data, "why", json_string("no policy was ever confirmed here"));
	if (r < 0)
		return r;
	trust = calloc(1, sizeof(*trust));
	if (!trust)
		return -ENOMEM;
	r = ztc_trust_load(trust, env->trust_dir, &why);
	if (r < 0)
		ztc_set(data, "why", zt_json_str(why ?: strerror(-r)));
	if (r == 0)
		r = newest_json(json_array_get(states.entries, 0), trust, data);
	ztc_trust_free(trust);
	free(trust);
	ztc_set(data, "entries", json_integer((json_int_t)json_array_size(states.entries)));
	ztc_set(data, "intact", json_boolean(states.intact));
	ztc_set(data, "broken", states.intact ? json_null() : zt_json_str(states.why));
	check_revisions(states.entries, data);
	return r;
}
