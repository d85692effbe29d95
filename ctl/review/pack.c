// SPDX-License-Identifier: Apache-2.0
/* pack.c - a pack as a document: its shape, where it is kept, its items one by one. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/time.h"
#include "ctl/evidence/safe.h"
#include "ctl/review/pack.h"

static const struct {
	const char *part; /* member that holds the list; NULL = at the top */
	const char *list;
	const char *kind;
} lists[] = {
	{"flows", "denials", "denial"}, {"flows", "edges", "new-edge"}, {"flows", "rules", "rule"},
	{NULL, "statements", "rule"},	{NULL, "waivers", "waiver"},	{NULL, "alerts", "alert"},
};

static const json_t *list_of(const json_t *pack, size_t i)
{
	const json_t *at = lists[i].part ? json_object_get(pack, lists[i].part) : pack;

	return json_object_get(at, lists[i].list);
}

void ztc_pack_each(const json_t *pack, void (*fn)(const json_t *item, const char *kind, void *ctx),
		   void *ctx)
{
	const json_t *item;
	size_t i;

	for (size_t l = 0; l < ARRAY_SIZE(lists); l++) {
		json_array_foreach (list_of(pack, l), i, item)
			fn(item, lists[l].kind, ctx);
	}
}

static bool good_time(const json_t *pack, const char *key)
{
	const char *text = json_string_value(json_object_get(pack, key));
	uint64_t ns;

	return text && zt_wall_parse(text, &ns) == 0;
}

static const char *bad_list(const json_t *list, const char *kind)
{
	const json_t *item;
	size_t i, n = strlen(kind);

	if (!json_is_array(list) || json_array_size(list) > 4 * ZTC_PACK_ITEMS)
		return "is no list, or too long";
	json_array_foreach (list, i, item) {
		const char *id = json_string_value(json_object_get(item, "id"));

		if (!id || strncmp(id, kind, n) != 0 || id[n] != ':' || strlen(id) > 512)
			return "has an item without an id of its kind";
	}
	return NULL;
}

int ztc_pack_check(const json_t *pack, char **ret_why)
{
	const char *format = json_string_value(json_object_get(pack, "format"));
	const char *why = NULL, *where = "it";

	if (!format || strcmp(format, ZTC_PACK_FORMAT) != 0)
		why = "is no review pack (ztseg.review-pack/1)";
	else if (!good_time(pack, "from") || !good_time(pack, "to"))
		why = "does not say from when to when";
	else if (!json_is_string(json_object_get(pack, "host")) ||
		 !json_is_string(json_object_get(pack, "machine")))
		why = "does not say of which host";
	for (size_t l = 0; !why && l < ARRAY_SIZE(lists); l++) {
		where = lists[l].list;
		why = bad_list(list_of(pack, l), lists[l].kind);
	}
	if (!why)
		return 0;
	if (asprintf(ret_why, "%s %s", where, why) < 0)
		*ret_why = NULL;
	return -EINVAL;
}

int ztc_pack_read(const char *path, json_t **ret, char **ret_why)
{
	json_t *pack = NULL;
	int r = ztc_safe_json(AT_FDCWD, path, ZTC_PACK_MAX, &pack, ret_why);

	if (r == 0)
		r = ztc_pack_check(pack, ret_why);
	if (r < 0) {
		json_decref(pack);
		return r;
	}
	*ret = pack;
	return 0;
}

char *ztc_pack_path(const char *state_dir, const char *digest)
{
	char *path;
	const char *hex = strncmp(digest, "sha256:", 7) == 0 ? digest + 7 : "";

	if (strlen(hex) != 64 || strspn(hex, "0123456789abcdef") != 64)
		return NULL;
	return asprintf(&path, "%s/" ZTC_PACK_DIR "/%s.json", state_dir, hex) < 0 ? NULL : path;
}
