// SPDX-License-Identifier: Apache-2.0
/*
 * agent_state.c - the confirmed states on disk: read without the agent, the chain followed.
 *
 * agent/datapath/store.h says what they are. Sizes are bounded: a state directory is root's, but
 * whoever may write there must not be able to make us eat the machine's memory.
 */
#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/cleanup.h"
#include "base/vec.h"
#include "ctl/collect/agent.h"
#include "ctl/render/text.h"
#include "policy/policy.h"

#define ENTRIES_MAX 64
#define FILE_MAX    (24u << 20)

static int add_to_digest(const char *buffer, size_t size, void *data)
{
	zt_digest_add(data, buffer, size);
	return 0;
}

/* SHA-256 over the object without "hash", keys sorted, no spaces. */
static int hash_fits(json_t *entry, bool *ret)
{
	zt_auto(zt_json_decref) json_t *bare = json_copy(entry);
	zt_auto(zt_digest_free) struct zt_digest *digest = NULL;
	uint8_t bytes[ZT_DIGEST_LEN];
	char text[ZT_DIGEST_TEXT_LEN];
	int r = bare ? zt_digest_new(&digest) : -ENOMEM;

	if (r < 0)
		return r;
	json_object_del(bare, "hash");
	if (json_dump_callback(bare, add_to_digest, digest, JSON_COMPACT | JSON_SORT_KEYS) < 0)
		return -ENOMEM;
	r = zt_digest_end(digest, bytes);
	*ret = r == 0 && strcmp(zt_digest_text(bytes, text), ztc_str(entry, "hash")) == 0;
	return r;
}

static int read_entry(const char *dir, uint64_t number, json_t **ret)
{
	zt_auto(zt_fclosep) FILE *in = NULL;
	char path[PATH_MAX];
	struct stat st;

	if ((size_t)snprintf(path, sizeof(path), "%s/history/%06llu.json", dir,
			     (unsigned long long)number) >= sizeof(path))
		return -ENAMETOOLONG;
	in = fopen(path, "re");
	if (!in)
		return -errno;
	if (fstat(fileno(in), &st) < 0)
		return -errno;
	if (!S_ISREG(st.st_mode) || st.st_size > FILE_MAX)
		return -EFBIG;
	*ret = json_loadf(in, JSON_REJECT_DUPLICATES, NULL);
	return json_is_object(*ret) ? 0 : -EBADMSG;
}

static int by_number(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return (x < y) - (x > y);
}

/* Newest first. */
static int list(const char *state_dir, uint64_t **ret, size_t *ret_count)
{
	zt_auto(zt_closedirp) DIR *dir = NULL;
	zt_auto(zt_freep) uint64_t *found = NULL;
	const struct dirent *item;
	size_t cap = 0, count = 0;
	char path[PATH_MAX];

	if ((size_t)snprintf(path, sizeof(path), "%s/history", state_dir) >= sizeof(path))
		return -ENAMETOOLONG;
	dir = opendir(path);
	if (!dir)
		return -errno;
	while ((item = readdir(dir))) {
		unsigned long long number;
		char end[8] = "";

		if (sscanf(item->d_name, "%llu%7s", &number, end) != 2 || strcmp(end, ".json") != 0)
			continue;
		if (zt_vec_grow(&found, &cap, count + 1, sizeof(*found)) < 0)
			return -ENOMEM;
		found[count++] = number;
	}
	if (!count)
		return -ENOENT;
	qsort(found, count, sizeof(*found), by_number);
	*ret = zt_take(found);
	*ret_count = count < ENTRIES_MAX ? count : ENTRIES_MAX;
	return 0;
}

static void broken(struct ztc_states *states, uint64_t number, const char *why)
{
	if (states->intact)
		snprintf(states->why, sizeof(states->why), "entry %llu: %s",
			 (unsigned long long)number, why);
	states->intact = false;
}

/* Of the newest the texts stay; of the others what is told about them. */
static int take(struct ztc_states *states, const char *dir, uint64_t number, char *prev)
{
	zt_auto(zt_json_decref) json_t *entry = NULL;
	bool fits = false;
	int r = read_entry(dir, number, &entry);

	if (r == -EACCES || r == -ENOMEM)
		return r;
	if (r < 0) {
		broken(states, number, "it cannot be read as a state");
		*prev = '\0';
		return 0;
	}
	r = hash_fits(entry, &fits);
	if (r < 0)
		return r;
	if (!fits)
		broken(states, number, "its hash is another: it was altered");
	else if (*prev && strcmp(prev, ztc_str(entry, "hash")) != 0)
		broken(states, number, "the state after it was made from another");
	snprintf(prev, ZT_DIGEST_TEXT_LEN, "%s", ztc_str(entry, "prev"));
	if (json_array_size(states->entries))
		json_object_del(entry, "files");
	ztc_set(entry, "hash_fits", json_boolean(fits));
	return json_array_append_new(states->entries, zt_take(entry));
}

int ztc_states_read(const struct ztc_env *env, struct ztc_states *ret)
{
	zt_auto(ztc_states_free) struct ztc_states states = {.intact = true};
	zt_auto(zt_freep) uint64_t *numbers = NULL;
	char prev[ZT_DIGEST_TEXT_LEN] = "";
	size_t count = 0;
	int r = list(env->state_dir, &numbers, &count);

	states.entries = json_array();
	for (size_t i = 0; i < count && r == 0; i++) {
		if (i && numbers[i] + 1 != numbers[i - 1])
			broken(&states, numbers[i - 1], "the state before it is missing");
		r = take(&states, env->state_dir, numbers[i], prev);
	}
	if (r < 0)
		return r;
	*ret = states;
	states.entries = NULL;
	return json_array_size(ret->entries) ? 0 : -ENOENT;
}

void ztc_states_free(struct ztc_states *states)
{
	json_decref(states->entries);
	states->entries = NULL;
}

int ztc_state_policy(const json_t *entry, struct zt_policy **ret)
{
	const json_t *files = json_object_get(entry, "files"), *one;
	zt_auto(zt_freep) struct zt_source_text *texts =
		calloc(json_array_size(files) + 1, sizeof(*texts));
	size_t i;

	if (!texts)
		return -ENOMEM;
	json_array_foreach (files, i, one) {
		const json_t *text = json_object_get(one, "text");

		texts[i].path = json_string_value(json_object_get(one, "path"));
		texts[i].text = json_string_value(text);
		texts[i].len = json_string_length(text);
		if (!texts[i].path || !texts[i].text)
			return -EBADMSG;
	}
	return zt_policy_parse_set(ret, ztc_str(entry, "path"), texts, json_array_size(files),
				   NULL);
}
