// SPDX-License-Identifier: Apache-2.0
/*
 * record.c - one state as JSON, with the hash that ties it to the one before.
 *
 * The hash is SHA-256 over the object without "hash", keys sorted, no spaces.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/json.h"
#include "datapath/store.h"

static const char *const hold_names[ZT_HOLD_COUNT] = {
	[ZT_HOLD_NONE] = "none",
	[ZT_HOLD_ROLLBACK] = "rollback",
	[ZT_HOLD_UNCONFIRMED] = "unconfirmed",
	[ZT_HOLD_PROMOTED] = "promoted",
	[ZT_HOLD_PENDING] = "pending",
};

const char *zt_intent_hold_name(enum zt_intent_hold hold)
{
	return hold < ZT_HOLD_COUNT ? hold_names[hold] : "unknown";
}

void zt_record_free(struct zt_record *record)
{
	free(record->files);
	free(record->promoted);
	json_decref(record->root);
	memset(record, 0, sizeof(*record));
}

/* --- out ---------------------------------------------------------------------------------------
 */

json_t *zt_who_json(const struct zt_who *who)
{
	json_t *login = who->login_uid == UINT32_MAX ? json_null() : json_integer(who->login_uid);

	return json_pack("{s:I, s:o, s:o, s:i}", "uid", (json_int_t)who->uid, "user",
			 zt_json_str(who->user), "login_uid", login, "pid", (int)who->pid);
}

static json_t *files_json(const struct zt_record *record)
{
	json_t *array = json_array();

	for (size_t i = 0; i < record->file_count; i++) {
		const struct zt_source_text *f = &record->files[i];

		if (json_array_append_new(array, json_pack("{s:s, s:s%}", "path", f->path, "text",
							   f->text, f->len)) < 0) {
			json_decref(array);
			return NULL;
		}
	}
	return array;
}

json_t *zt_promoted_json(const struct zt_promoted *rows, size_t count)
{
	json_t *array = json_array();

	for (size_t i = 0; i < count; i++)
		json_array_append_new(array, json_pack("{s:s, s:s, s:i}", "id", rows[i].id, "mode",
						       rows[i].enforced ? "enforced" : "staged",
						       "percent", (int)rows[i].percent));
	return array;
}

static int add_to_digest(const char *buffer, size_t size, void *data)
{
	zt_digest_add(data, buffer, size);
	return 0;
}

/* Over the object as it is, which has no "hash" then. */
static int hash_of(const json_t *object, char ret[ZT_DIGEST_TEXT_LEN])
{
	zt_auto(zt_digest_free) struct zt_digest *digest = NULL;
	uint8_t bytes[ZT_DIGEST_LEN];
	int r = zt_digest_new(&digest);

	if (r < 0)
		return r;
	if (json_dump_callback(object, add_to_digest, digest, JSON_COMPACT | JSON_SORT_KEYS) < 0)
		return -ENOMEM;
	r = zt_digest_end(digest, bytes);
	if (r == 0)
		zt_digest_text(bytes, ret);
	return r;
}

json_t *zt_record_json(struct zt_record *record)
{
	zt_auto(zt_json_decref) json_t *o = json_object();
	char digest[ZT_DIGEST_TEXT_LEN];
	int r = 0;

	r |= json_object_set_new(o, "entry", zt_json_u64(record->entry));
	r |= json_object_set_new(o, "at", json_string(record->at));
	r |= json_object_set_new(o, "by", zt_who_json(&record->by));
	r |= json_object_set_new(o, "action", json_string(record->action));
	r |= json_object_set_new(o, "why", json_string(record->why ?: ""));
	r |= json_object_set_new(o, "policy", json_string(record->policy));
	r |= json_object_set_new(o, "revision", zt_json_u64(record->revision));
	r |= json_object_set_new(o, "digest", json_string(zt_digest_text(record->digest, digest)));
	r |= json_object_set_new(o, "path", json_string(record->path));
	r |= json_object_set_new(o, "files", files_json(record));
	r |= json_object_set_new(o, "signature",
				 record->signature ? json_string(record->signature) : json_null());
	r |= json_object_set_new(o, "promotions",
				 zt_promoted_json(record->promoted, record->promoted_count));
	r |= json_object_set_new(o, "candidate", json_boolean(record->candidate));
	r |= json_object_set_new(o, "hold",
				 json_pack("{s:s, s:o}", "reason", hold_names[record->hold],
					   "revision", zt_json_u64(record->hold_revision)));
	r |= json_object_set_new(o, "boot_id", json_string(record->boot_id ?: ""));
	r |= json_object_set_new(o, "deadline_ns", zt_json_u64(record->deadline_ns));
	r |= json_object_set_new(o, "confirmed",
				 record->confirmed_at
					 ? json_pack("{s:s, s:o}", "at", record->confirmed_at, "by",
						     zt_who_json(&record->confirmed_by))
					 : json_null());
	r |= json_object_set_new(o, "prev", json_string(record->prev));
	if (r < 0 || hash_of(o, record->hash) < 0 ||
	    json_object_set_new(o, "hash", json_string(record->hash)) < 0)
		return NULL;
	return zt_take(o);
}

/* --- in ----------------------------------------------------------------------------------------
 */

static int parse_who(const json_t *o, struct zt_who *ret)
{
	const char *user = json_string_value(json_object_get(o, "user"));
	const json_t *login = json_object_get(o, "login_uid");

	if (!json_is_object(o))
		return -EINVAL;
	ret->uid = (uint32_t)json_integer_value(json_object_get(o, "uid"));
	ret->pid = (int32_t)json_integer_value(json_object_get(o, "pid"));
	ret->login_uid = json_is_integer(login) ? (uint32_t)json_integer_value(login) : UINT32_MAX;
	snprintf(ret->user, sizeof(ret->user), "%s", user ?: "");
	return 0;
}

static int parse_files(struct zt_record *ret, const json_t *array)
{
	size_t i;
	json_t *o;

	ret->files = calloc(json_array_size(array) + 1, sizeof(*ret->files));
	if (!ret->files)
		return -ENOMEM;
	json_array_foreach (array, i, o) {
		const json_t *text = json_object_get(o, "text");

		ret->files[i].path = json_string_value(json_object_get(o, "path"));
		ret->files[i].text = json_string_value(text);
		ret->files[i].len = json_string_length(text);
		if (!ret->files[i].path || !ret->files[i].text)
			return -EINVAL;
		ret->file_count++;
	}
	return 0;
}

static int by_id(const void *a, const void *b)
{
	return strcmp(((const struct zt_promoted *)a)->id, ((const struct zt_promoted *)b)->id);
}

static int parse_promoted(struct zt_record *ret, const json_t *array)
{
	size_t i;
	json_t *o;

	ret->promoted = calloc(json_array_size(array) + 1, sizeof(*ret->promoted));
	if (!ret->promoted)
		return -ENOMEM;
	json_array_foreach (array, i, o) {
		const char *mode = json_string_value(json_object_get(o, "mode"));
		json_int_t percent = json_integer_value(json_object_get(o, "percent"));
		struct zt_promoted *row = &ret->promoted[i];

		row->id = json_string_value(json_object_get(o, "id"));
		if (!row->id || !mode || percent < 1 || percent > 100)
			return -EINVAL;
		row->enforced = !strcmp(mode, "enforced");
		row->percent = (unsigned int)percent;
		ret->promoted_count++;
	}
	qsort(ret->promoted, ret->promoted_count, sizeof(*ret->promoted), by_id);
	return 0;
}

static int parse_hex(const char *text, uint8_t ret[ZT_DIGEST_LEN])
{
	unsigned int byte;

	if (!text || strlen(text) != 2 * ZT_DIGEST_LEN)
		return -EINVAL;
	for (size_t i = 0; i < ZT_DIGEST_LEN; i++) {
		if (sscanf(text + 2 * i, "%2x", &byte) != 1)
			return -EINVAL;
		ret[i] = (uint8_t)byte;
	}
	return 0;
}

static enum zt_intent_hold parse_hold(const char *name)
{
	for (int i = 0; name && i < ZT_HOLD_COUNT; i++)
		if (!strcmp(name, hold_names[i]))
			return i;
	return ZT_HOLD_NONE;
}

static int parse_fields(struct zt_record *ret, json_t *root)
{
	const char *digest = NULL, *prev = NULL, *hash = NULL, *hold = NULL;
	json_int_t entry, revision, hold_revision, deadline;
	json_t *by, *files, *promoted, *signature, *confirmed;
	int candidate, r;

	if (json_unpack(root,
			"{s:I, s:s, s:o, s:s, s:s, s:s, s:I, s:s, s:s, s:o, s:o, s:o, s:b, "
			"s:{s:s, s:I}, s:s, s:I, s:o, s:s, s:s}",
			"entry", &entry, "at", &ret->at, "by", &by, "action", &ret->action, "why",
			&ret->why, "policy", &ret->policy, "revision", &revision, "digest", &digest,
			"path", &ret->path, "files", &files, "signature", &signature, "promotions",
			&promoted, "candidate", &candidate, "hold", "reason", &hold, "revision",
			&hold_revision, "boot_id", &ret->boot_id, "deadline_ns", &deadline,
			"confirmed", &confirmed, "prev", &prev, "hash", &hash) < 0)
		return -EINVAL;
	ret->entry = (uint64_t)entry;
	ret->revision = (uint64_t)revision;
	ret->hold = parse_hold(hold);
	ret->hold_revision = (uint64_t)hold_revision;
	ret->deadline_ns = (uint64_t)deadline;
	ret->candidate = candidate;
	ret->signature = json_string_value(signature);
	snprintf(ret->prev, sizeof(ret->prev), "%s", prev);
	snprintf(ret->hash, sizeof(ret->hash), "%s", hash);
	ret->confirmed_at = json_string_value(json_object_get(confirmed, "at"));
	if (ret->confirmed_at &&
	    parse_who(json_object_get(confirmed, "by"), &ret->confirmed_by) < 0)
		return -EINVAL;
	r = parse_who(by, &ret->by);
	if (r == 0)
		r = parse_hex(digest, ret->digest);
	if (r == 0)
		r = parse_files(ret, files);
	return r < 0 ? r : parse_promoted(ret, promoted);
}

int zt_record_parse(struct zt_record *ret, json_t *root, const char **why)
{
	zt_auto(zt_json_decref) json_t *bare = NULL;
	char hash[ZT_DIGEST_TEXT_LEN];
	int r;

	memset(ret, 0, sizeof(*ret));
	ret->root = json_incref(root);
	r = parse_fields(ret, root);
	if (r < 0) {
		*why = r == -EINVAL ? "it is not a state of a policy" : "out of memory";
		zt_record_free(ret);
		return r;
	}
	bare = json_copy(root);
	if (!bare || json_object_del(bare, "hash") < 0 || hash_of(bare, hash) < 0) {
		*why = "out of memory";
		zt_record_free(ret);
		return -ENOMEM;
	}
	if (strcmp(hash, ret->hash) != 0) {
		*why = "it was altered after it was written: its hash is another";
		return -EBADMSG;
	}
	return 0;
}
