// SPDX-License-Identifier: Apache-2.0
/*
 * history.c - confirmed states in a chain: pending first, then one more entry; the last 20 stay.
 *
 * What is pending has its place in the chain already, so that making it an
 * entry is a rename, which a full disk does not refuse.
 */
#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/json.h"
#include "base/vec.h"
#include "datapath/store_priv.h"

const char *zt_store_entry_name(uint64_t entry, char buf[ZT_ENTRY_NAME_LEN])
{
	snprintf(buf, ZT_ENTRY_NAME_LEN, "history/%06llu.json", (unsigned long long)entry);
	return buf;
}

/* --- which there are ------------------------------------------------------------------------ */

/* "000012.json" is 12; anything else, a file half written among it, is none. */
static bool parse_name(const char *name, uint64_t *ret)
{
	char *end;
	unsigned long long n = strtoull(name, &end, 10);

	if (end - name < 6 || name[0] == '-' || strcmp(end, ".json") != 0 || !n)
		return false;
	*ret = n;
	return true;
}

static int by_number(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return (x > y) - (x < y);
}

int zt_store_entries(struct zt_store *store, uint64_t **ret, size_t *ret_count)
{
	zt_auto(zt_closedirp) DIR *dir = NULL;
	zt_auto(zt_freep) uint64_t *list = NULL;
	size_t count = 0, cap = 0;
	struct dirent *item;
	char path[PATH_MAX];
	int r = zt_store_path(store, "history", path, sizeof(path));

	if (r < 0)
		return r;
	dir = opendir(path);
	if (!dir)
		return -errno;
	while ((item = readdir(dir))) {
		if (zt_vec_grow(&list, &cap, count + 1, sizeof(*list)) < 0)
			return -ENOMEM;
		count += parse_name(item->d_name, &list[count]);
	}
	qsort(list, count, sizeof(*list), by_number);
	*ret = zt_take(list);
	*ret_count = count;
	return 0;
}

int zt_store_entry(struct zt_store *store, uint64_t entry, struct zt_record *ret, const char **why)
{
	char name[ZT_ENTRY_NAME_LEN];
	int r = zt_store_read(store, zt_store_entry_name(entry, name), ret, why);

	if (r == 0 && ret->entry != entry) {
		*why = "it is another entry under this name";
		return -EBADMSG;
	}
	return r;
}

int zt_store_newest(struct zt_store *store, struct zt_record *ret, uint64_t *ret_bad)
{
	zt_auto(zt_freep) uint64_t *list = NULL;
	const char *why;
	size_t count;
	int r = zt_store_entries(store, &list, &count);

	*ret_bad = 0;
	if (r < 0)
		return r;
	for (size_t i = count; i > 0; i--) {
		zt_auto(zt_record_free) struct zt_record record = {};

		r = zt_store_entry(store, list[i - 1], &record, &why);
		if (r == 0) {
			*ret = record;
			memset(&record, 0, sizeof(record));
			return 0;
		}
		if (!*ret_bad)
			*ret_bad = list[i - 1];
	}
	return -ENOENT;
}

/* --- one more -------------------------------------------------------------------------------- */

/*
 * Its number, and the hash that the newest one says it has: an altered one is
 * then the only one that the chain names.
 */
static int place(struct zt_store *store, struct zt_record *record)
{
	zt_auto(zt_freep) uint64_t *list = NULL;
	const char *why;
	size_t count;
	int r = zt_store_entries(store, &list, &count);

	if (r < 0)
		return r;
	record->entry = count ? list[count - 1] + 1 : 1;
	record->prev[0] = '\0';
	if (count) {
		zt_auto(zt_record_free) struct zt_record last = {};

		r = zt_store_entry(store, list[count - 1], &last, &why);
		if (r == 0 || r == -EBADMSG)
			memcpy(record->prev, last.hash, sizeof(record->prev));
	}
	return 0;
}

int zt_store_begin(struct zt_store *store, struct zt_record *record)
{
	zt_auto(zt_json_decref) json_t *json = NULL;
	char pending[PATH_MAX], before[PATH_MAX];
	int r = place(store, record);

	if (r == 0)
		r = zt_store_path(store, ZT_STORE_PENDING, pending, sizeof(pending));
	if (r == 0)
		r = zt_store_path(store, ZT_STORE_BEFORE, before, sizeof(before));
	if (r < 0)
		return r;
	unlink(before);
	if (link(pending, before) < 0 && errno != ENOENT)
		return -errno;
	json = zt_record_json(record);
	r = zt_store_write(store, ZT_STORE_PENDING, json);
	if (r < 0)
		unlink(before);
	return r;
}

void zt_store_undo(struct zt_store *store)
{
	if (zt_store_rename(store, ZT_STORE_BEFORE, ZT_STORE_PENDING) == -ENOENT)
		zt_store_drop(store, ZT_STORE_PENDING);
}

void zt_store_begun(struct zt_store *store)
{
	zt_store_drop(store, ZT_STORE_BEFORE);
}

static void prune(struct zt_store *store)
{
	zt_auto(zt_freep) uint64_t *list = NULL;
	char name[ZT_ENTRY_NAME_LEN];
	size_t count;

	if (zt_store_entries(store, &list, &count) < 0)
		return;
	for (size_t i = 0; i + ZT_HISTORY_MAX < count; i++)
		zt_store_drop(store, zt_store_entry_name(list[i], name));
}

/* The pending state with who confirmed it, as the entry's own file. */
static int write_confirmed(struct zt_store *store, struct zt_record *record,
			   const struct zt_who *who, const char *name)
{
	zt_auto(zt_json_decref) json_t *json = NULL;
	char at[ZT_TIME_TEXT_LEN];

	record->confirmed_at = zt_wall_text(zt_now_wall_ns(), at);
	record->confirmed_by = *who;
	json = zt_record_json(record);
	return zt_store_write(store, name, json);
}

int zt_store_confirm(struct zt_store *store, const struct zt_who *who, uint64_t *ret_entry)
{
	zt_auto(zt_record_free) struct zt_record record = {};
	char name[ZT_ENTRY_NAME_LEN];
	const char *why;
	int r = zt_store_read(store, ZT_STORE_PENDING, &record, &why);

	if (r < 0)
		return r;
	zt_store_entry_name(record.entry, name);
	if (who && write_confirmed(store, &record, who, name) == 0)
		r = zt_store_drop(store, ZT_STORE_PENDING);
	else
		r = zt_store_rename(store, ZT_STORE_PENDING, name);
	if (r < 0)
		return r;
	if (ret_entry)
		*ret_entry = record.entry;
	zt_store_drop(store, ZT_STORE_BEFORE);
	zt_store_drop(store, ZT_STORE_REVERTED);
	prune(store);
	return 0;
}

int zt_store_unconfirm(struct zt_store *store, uint64_t entry)
{
	char name[ZT_ENTRY_NAME_LEN];

	return zt_store_rename(store, zt_store_entry_name(entry, name), ZT_STORE_PENDING);
}

int zt_store_reject(struct zt_store *store)
{
	int r = zt_store_rename(store, ZT_STORE_PENDING, ZT_STORE_REVERTED);

	zt_store_drop(store, ZT_STORE_BEFORE);
	return r;
}

/* --- for people --------------------------------------------------------------------------------
 */

struct walk {
	json_t *entries;
	json_t *breaks;
	uint64_t last;
	char last_hash[ZT_DIGEST_TEXT_LEN];
};

static void add_break(struct walk *walk, uint64_t entry, const char *why)
{
	json_array_append_new(walk->breaks,
			      json_pack("{s:o, s:s}", "entry", zt_json_u64(entry), "why", why));
}

/* All of an entry but the texts. */
static json_t *summary(const struct zt_record *record, bool intact, bool current)
{
	json_t *o = json_copy(record->root);
	size_t bytes = 0;

	for (size_t i = 0; i < record->file_count; i++)
		bytes += record->files[i].len;
	json_object_del(o, "files");
	json_object_del(o, "signature");
	json_object_del(o, "boot_id");
	json_object_del(o, "deadline_ns");
	json_object_del(o, "candidate");
	json_object_set_new(o, "why", zt_json_str(record->why));
	json_object_set_new(o, "signed", json_boolean(record->signature != NULL));
	json_object_set_new(o, "bytes", json_integer((json_int_t)bytes));
	json_object_set_new(o, "intact", json_boolean(intact));
	json_object_set_new(o, "in_force", json_boolean(current));
	return o;
}

static int visit(struct zt_store *store, struct walk *walk, uint64_t entry, uint64_t current)
{
	zt_auto(zt_record_free) struct zt_record record = {};
	const char *why = NULL;
	int r = zt_store_entry(store, entry, &record, &why);

	if (r == -ENOMEM)
		return r;
	if (walk->last && entry != walk->last + 1)
		add_break(walk, walk->last + 1, "it is missing");
	if (r < 0)
		add_break(walk, entry, why);
	if (r == 0 && walk->last + 1 == entry && *walk->last_hash &&
	    strcmp(record.prev, walk->last_hash) != 0) {
		add_break(walk, entry,
			  "it does not follow the entry before: that one is another now");
		r = -EBADMSG;
	}
	if (record.root)
		json_array_append_new(walk->entries, summary(&record, r == 0, entry == current));
	walk->last = entry;
	snprintf(walk->last_hash, sizeof(walk->last_hash), "%s", record.hash);
	return 0;
}

int zt_store_history(struct zt_store *store, uint64_t current, json_t **ret)
{
	zt_auto(zt_freep) uint64_t *list = NULL;
	struct walk walk = {.entries = json_array(), .breaks = json_array()};
	size_t count = 0;
	int r = zt_store_entries(store, &list, &count);

	for (size_t i = 0; i < count && r == 0; i++)
		r = visit(store, &walk, list[i], current);
	if (r == 0) {
		bool intact = json_array_size(walk.breaks) == 0;

		*ret = json_pack("{s:O, s:b, s:O, s:i}", "entries", walk.entries, "intact", intact,
				 "breaks", walk.breaks, "max", ZT_HISTORY_MAX);
		r = *ret ? 0 : -ENOMEM;
	}
	json_decref(walk.entries);
	json_decref(walk.breaks);
	return r;
}
