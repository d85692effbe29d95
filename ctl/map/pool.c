/* SPDX-License-Identifier: Apache-2.0 */
/* pool.c - every distinct text, workload and set of hosts of a command's maps, once. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "base/cleanup.h"
#include "base/strmap.h"
#include "base/vec.h"
#include "ctl/map/map.h"

/* Things found by their bytes; @items[number] is where the one copy lies. */
struct table {
	struct zt_strmap *numbers;
	const void **items;
	size_t cap;
};

struct ztc_pool {
	struct zt_arena *arena;
	struct table texts, workloads, hosts;
};

static void free_table(struct table *t)
{
	zt_strmap_free(&t->numbers);
	free(t->items);
}

void ztc_pool_free(struct ztc_pool **pool)
{
	if (!*pool)
		return;
	free_table(&(*pool)->texts);
	free_table(&(*pool)->workloads);
	free_table(&(*pool)->hosts);
	zt_arena_free(&(*pool)->arena);
	free(*pool);
	*pool = NULL;
}

int ztc_pool_new(struct ztc_pool **ret)
{
	zt_auto(ztc_pool_free) struct ztc_pool *pool = calloc(1, sizeof(*pool));

	if (!pool || zt_arena_new(&pool->arena) < 0 || zt_strmap_new(&pool->texts.numbers) < 0 ||
	    zt_strmap_new(&pool->workloads.numbers) < 0 || zt_strmap_new(&pool->hosts.numbers) < 0)
		return -ENOMEM;
	*ret = zt_take(pool);
	return 0;
}

void *ztc_pool_alloc(struct ztc_pool *pool, size_t size)
{
	return zt_arena_alloc(pool->arena, size);
}

/* Where the thing with these bytes is to be kept; *ret_new: it is not there yet. */
static const void **place(struct table *t, const void *key, size_t len, bool *ret_new)
{
	uint32_t n = zt_strmap_intern(t->numbers, key, len, ret_new);

	if (n == ZT_STRMAP_NONE || zt_vec_grow(&t->items, &t->cap, n + 1, sizeof(*t->items)) < 0)
		return NULL;
	return &t->items[n];
}

const char *ztc_pool_text(struct ztc_pool *pool, const char *text, size_t len)
{
	bool is_new;
	const void **at = place(&pool->texts, text, len, &is_new);

	if (at && is_new)
		*at = zt_arena_text(pool->arena, text, len);
	return at ? *at : NULL;
}

/* --- workloads ------------------------------------------------------------------------------- */

/* A text member; *ret NULL when it is missing or empty. */
static int member(struct ztc_pool *pool, const json_t *json, const char *key, const char **ret)
{
	const json_t *value = json_object_get(json, key);

	*ret = NULL;
	if (!value || json_is_null(value) || (json_is_string(value) && !json_string_length(value)))
		return 0;
	if (!json_is_string(value))
		return -EINVAL;
	*ret = ztc_pool_text(pool, json_string_value(value), json_string_length(value));
	return *ret ? 0 : -ENOMEM;
}

/* @w was set to zero as a whole: its bytes are its key. */
static const struct ztc_workload *keep(struct ztc_pool *pool, const struct ztc_workload *w)
{
	struct ztc_workload *copy;
	bool is_new;
	const void **at = place(&pool->workloads, w, sizeof(*w), &is_new);

	if (!at)
		return NULL;
	if (!is_new)
		return *at;
	copy = zt_arena_alloc(pool->arena, sizeof(*copy));
	if (!copy)
		return NULL;
	memcpy(copy, w, sizeof(*copy));
	copy->who = w->who ?: copy;
	*at = copy;
	return copy;
}

int ztc_pool_workload(struct ztc_pool *pool, const json_t *json, const struct ztc_workload **ret)
{
	struct ztc_workload w, who;
	const json_t *uid = json_object_get(json, "uid");
	int r = 0;

	*ret = NULL;
	if (!json || json_is_null(json))
		return 0;
	if (!json_is_object(json))
		return -EINVAL;
	memset(&w, 0, sizeof(w));
	r = r ?: member(pool, json, "unit", &w.unit);
	r = r ?: member(pool, json, "cgroup", &w.cgroup);
	r = r ?: member(pool, json, "container", &w.container);
	r = r ?: member(pool, json, "user", &w.user);
	r = r ?: member(pool, json, "exe", &w.exe);
	r = r ?: member(pool, json, "exe_path", &w.exe_path);
	if (r < 0)
		return r;
	w.uid = json_is_integer(uid) ? json_integer_value(uid) : -1;
	w.delegated = json_is_true(json_object_get(json, "delegated"));
	w.truncated = json_is_true(json_object_get(json, "truncated"));
	memcpy(&who, &w, sizeof(who));
	w.who = keep(pool, &who);
	r = member(pool, json, "command", &w.command);
	w.pid = json_integer_value(json_object_get(json, "pid"));
	if (r < 0 || !w.who)
		return r ?: -ENOMEM;
	*ret = w.command || w.pid ? keep(pool, &w) : w.who;
	return *ret ? 0 : -ENOMEM;
}

/* --- sets of hosts ------------------------------------------------------------------------------
 */

static const struct ztc_hosts *keep_hosts(struct ztc_pool *pool, const char *const *names,
					  uint32_t count)
{
	struct ztc_hosts *copy;
	bool is_new;
	const void **at = place(&pool->hosts, names, count * sizeof(*names), &is_new);

	if (!at)
		return NULL;
	if (!is_new)
		return *at;
	copy = zt_arena_alloc(pool->arena, sizeof(*copy) + count * sizeof(*names));
	if (!copy)
		return NULL;
	copy->count = count;
	memcpy(copy->names, names, count * sizeof(*names));
	*at = copy;
	return copy;
}

const struct ztc_hosts *ztc_pool_host(struct ztc_pool *pool, const char *name)
{
	return keep_hosts(pool, &name, 1);
}

const struct ztc_hosts *ztc_pool_hosts(struct ztc_pool *pool, const struct ztc_hosts *a,
				       const struct ztc_hosts *b)
{
	zt_auto(zt_freep) const char **names = NULL;
	uint32_t n = 0, i = 0, k = 0;

	if (!a || !b || a == b)
		return a ?: b;
	names = calloc(a->count + b->count, sizeof(*names));
	while (names && (i < a->count || k < b->count)) {
		int order = i == a->count   ? 1
			    : k == b->count ? -1
					    : strcmp(a->names[i], b->names[k]);

		names[n++] = order <= 0 ? a->names[i] : b->names[k];
		i += order <= 0;
		k += order >= 0;
	}
	return names ? keep_hosts(pool, names, n) : NULL;
}
