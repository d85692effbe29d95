// SPDX-License-Identifier: Apache-2.0
/* dispose.c - what a reviewer decides about the items of a pack. */
#include <errno.h>
#include <fnmatch.h>
#include <stdio.h>
#include <string.h>

#include "base/json.h"
#include "base/cleanup.h"
#include "ctl/review/pack.h"

#define NOTE_MAX     1000
#define PATTERNS_MAX 10000

/* A pattern is for things of one kind, so that no single star is a whole review. */
static bool fits(const char *pattern, const char *id)
{
	size_t kind = strcspn(id, ":");

	if (strncmp(pattern, id, kind + 1) != 0)
		return false;
	return fnmatch(pattern, id, FNM_NOESCAPE) == 0;
}

const json_t *ztc_disposition_of(const json_t *list, const char *id)
{
	const json_t *row, *item;
	size_t i, j;

	json_array_foreach (list, i, row) {
		json_array_foreach (json_object_get(row, "items"), j, item) {
			const char *pattern = json_string_value(item);

			if (pattern && fits(pattern, id))
				return row;
		}
	}
	return NULL;
}

static const char *defect(const json_t *row)
{
	static const char *const words[] = {"accept", "approve", "deny", "ticket"};
	const char *word = zt_json_text(row, "disposition"), *note = zt_json_text(row, "note");
	const json_t *items = json_object_get(row, "items"), *item;
	bool known = false;
	size_t i;

	for (i = 0; i < ARRAY_SIZE(words); i++)
		known = known || strcmp(words[i], word) == 0;
	if (!known)
		return "'disposition' is accept, approve, deny or ticket";
	if (!*note && (strcmp(word, "deny") == 0 || strcmp(word, "ticket") == 0))
		return "'deny' and 'ticket' need a 'note': what happens, or its number";
	if (strlen(note) > NOTE_MAX)
		return "'note' is longer than 1000 bytes";
	if (!json_array_size(items) || json_array_size(items) > PATTERNS_MAX)
		return "'items' is a list of ids or patterns, \"new-edge:10.0.0.*\"";
	json_array_foreach (items, i, item) {
		const char *text = json_string_value(item);

		if (!text || strlen(text) > 512 || !strchr(text, ':') ||
		    strcspn(text, "*?[") < strcspn(text, ":"))
			return "each of 'items' begins with a kind: denial:, new-edge:, rule:, "
			       "waiver:, alert:";
	}
	return NULL;
}

int ztc_dispositions_check(const json_t *list, char **ret_why)
{
	const json_t *row;
	const char *why;
	size_t i;

	if (!json_is_array(list)) {
		*ret_why = strdup("dispositions are a list");
		return -EINVAL;
	}
	json_array_foreach (list, i, row) {
		why = json_is_object(row) ? defect(row) : "it is no object";
		if (!why)
			continue;
		if (asprintf(ret_why, "disposition %zu: %s", i + 1, why) < 0)
			*ret_why = NULL;
		return -EINVAL;
	}
	return 0;
}

struct tally {
	const json_t *dispositions;
	int64_t items, disposed;
};

static void count_item(const json_t *item, const char *kind, void *ctx)
{
	struct tally *tally = ctx;

	(void)kind;
	tally->items++;
	tally->disposed +=
		ztc_disposition_of(tally->dispositions, zt_json_text(item, "id")) != NULL;
}

void ztc_pack_count(const json_t *pack, const json_t *dispositions, int64_t *ret_items,
		    int64_t *ret_disposed)
{
	const json_t *left = json_object_get(json_object_get(pack, "flows"), "left_out"), *n;
	struct tally tally = {.dispositions = dispositions};
	const char *key;

	ztc_pack_each(pack, count_item, &tally);
	/* What is not in the pack nobody can have looked at. */
	json_object_foreach ((json_t *)left, key, n)
		tally.items += json_integer_value(n) > 0 ? json_integer_value(n) : 0;
	*ret_items = tally.items;
	*ret_disposed = tally.disposed;
}
