// SPDX-License-Identifier: Apache-2.0
/* records_policy.c - what is known of where the policy in force comes from. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "base/cleanup.h"
#include "base/json.h"
#include "ctl/client.h"
#include "ctl/collect/records.h"
#include "ctl/evidence/record.h"
#include "ctl/evidence/safe.h"
#include "policy/policy.h"
#include "policy/signed.h"

/* --- changes: by the agent's own history, a chain of hashes --- */

static int ask(const struct ztc_env *env, const char *command, json_t **ret, json_t *data)
{
	struct ztc_ctx ctx = {.socket = env->socket};
	zt_auto(zt_freep) char *why = NULL;

	if (!env->socket || !ztc_agent_alive(&ctx))
		return -ENOENT;
	if (ztc_try(&ctx, command, NULL, ret, &why) == ZTC_EXIT_OK)
		return 0;
	json_object_set_new(data, "why", zt_json_str(why ? why : ""));
	return -EACCES;
}

static void put_entries(json_t *data, const json_t *history)
{
	static const char *const keys[] = {"entry", "at", "action", "revision", "digest", "signed"};
	const json_t *entries = json_object_get(history, "entries"), *entry;
	json_int_t max = json_integer_value(json_object_get(history, "max"));
	json_t *rows = json_array();
	size_t i;

	json_array_foreach (entries, i, entry) {
		json_t *row = json_object();

		for (size_t k = 0; k < ARRAY_SIZE(keys); k++)
			json_object_set(row, keys[k], json_object_get(entry, keys[k]));
		json_array_append_new(rows, row);
	}
	json_object_set_new(data, "entries", rows);
	/* Older ones are given up once there are so many. */
	json_object_set_new(data, "complete",
			    json_boolean((json_int_t)json_array_size(entries) < max));
	json_object_set_new(data, "intact",
			    json_boolean(json_is_true(json_object_get(history, "intact"))));
}

int ztc_collect_changes(const struct ztc_env *env, json_t *data)
{
	zt_auto(zt_json_decref) json_t *history = NULL, *status = NULL;
	const json_t *observe;
	int r = ask(env, "policy history", &history, data);

	if (r == 0)
		r = ask(env, "status", &status, data);
	if (r < 0)
		return r;
	put_entries(data, history);
	observe = json_object_get(json_object_get(status, "agent"), "observe");
	json_object_set_new(data, "observing",
			    json_boolean(json_is_true(json_object_get(observe, "active"))));
	return 0;
}

/* --- bundle: the file that the agent follows --- */

static const char *policy_path(const struct ztc_env *env)
{
	const json_t *agent = json_object_get(json_object_get(env->facts, "agent"), "data");
	const json_t *policy = json_object_get(json_object_get(agent, "status"), "policy");

	return json_string_value(json_object_get(policy, "path"));
}

/* The newest of its files; a directory changes when a file comes or goes. */
static int64_t changed_s(const struct zt_policy *policy, const char *path)
{
	struct stat st;
	int64_t newest = stat(path, &st) == 0 ? st.st_mtime : -1;

	for (const struct zt_source *source = policy->sources; source; source = source->next) {
		if (stat(source->name, &st) == 0 && st.st_mtime > newest)
			newest = st.st_mtime;
	}
	return newest;
}

static int read_signature(const char *path, char **ret, size_t *ret_len)
{
	zt_auto(zt_freep) char *file = NULL;
	struct stat st;
	bool dir = stat(path, &st) == 0 && S_ISDIR(st.st_mode);

	if (asprintf(&file, "%s%s", path, dir ? "/policy.minisig" : ".minisig") < 0)
		return -ENOMEM;
	return ztc_safe_text(AT_FDCWD, file, ZT_MINISIGN_FILE_MAX, ret, ret_len);
}

static void put_signature(const struct ztc_env *env, json_t *data, const struct zt_policy *policy,
			  const char *path)
{
	zt_auto(zt_freep) struct ztc_trust *trust = calloc(1, sizeof(*trust));
	zt_auto(zt_freep) char *text = NULL, *why = NULL;
	zt_auto(zt_strbuf_free) struct zt_strbuf said = ZT_STRBUF_INIT;
	struct zt_policy_seal seal;
	char id[ZT_MINISIGN_ID_TEXT_LEN];
	size_t len;
	int r = trust ? ztc_trust_load(trust, env->trust_dir, &why) : -ENOMEM;

	if (r == 0)
		r = read_signature(path, &text, &len);
	if (r == -ENOENT)
		zt_strbuf_puts(&said, "there is no signature file");
	else if (r == 0)
		r = zt_policy_verify(policy, text, len, trust->role[ZTC_ROLE_POLICY].keys,
				     trust->role[ZTC_ROLE_POLICY].count, &seal, &said);
	json_object_set_new(data, "signed", json_boolean(r == 0));
	if (r == 0) {
		json_object_set_new(data, "signer",
				    zt_json_str(trust->role[ZTC_ROLE_POLICY].names[seal.key]));
		json_object_set_new(data, "key_id",
				    json_string(zt_minisign_id_text(seal.key_id, id)));
	} else {
		json_object_set_new(data, "why",
				    zt_json_str(why	   ? why
						: said.len ? zt_strbuf_text(&said)
							   : ztc_safe_why(r)));
	}
	if (trust)
		ztc_trust_free(trust);
}

int ztc_collect_bundle(const struct ztc_env *env, json_t *data)
{
	zt_auto(zt_policy_free) struct zt_policy *policy = NULL;
	const char *path = policy_path(env);
	int64_t changed;
	int r;

	if (!path || !*path)
		return -ENOENT;
	json_object_set_new(data, "path", zt_json_str(path));
	r = zt_policy_load(&policy, path, NULL);
	if (r < 0) {
		json_object_set_new(data, "why",
				    zt_json_str(r == -EINVAL ? "the policy file has errors: 'ztctl "
							       "policy check' lists them"
							     : strerror(-r)));
		return r;
	}
	changed = changed_s(policy, path);
	json_object_set_new(data, "digest", zt_json_hex(policy->digest, sizeof(policy->digest)));
	json_object_set_new(data, "revision", zt_json_u64(policy->revision));
	if (changed >= 0)
		json_object_set_new(data, "modified", ztc_record_time(changed));
	put_signature(env, data, policy, path);
	return 0;
}
