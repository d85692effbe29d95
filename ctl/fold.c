/* SPDX-License-Identifier: Apache-2.0 */
/* fold.c - the map with workloads in place of the hosts that they run on. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/json.h"
#include "ctl/fold.h"
#include "ctl/render/ends.h"
#include "ctl/render/text.h"

struct fold {
	json_t *by_id; /* id -> node of the map given */
	json_t *nodes; /* id -> node of the map made */
	json_t *edges; /* key -> edge of the map made */
};

static void free_fold(struct fold *f)
{
	json_decref(f->by_id);
	json_decref(f->nodes);
	json_decref(f->edges);
}

/* The node that an end of an edge becomes; returns its id, borrowed from @f->nodes. */
static const char *fold_end(struct fold *f, const char *id, const json_t *workload)
{
	json_t *old = json_object_get(f->by_id, id), *node;
	char name[ZTC_END_LEN], key[ZTC_END_LEN * 2];

	ztc_workload(name, workload);
	if (!*name) {
		if (json_object_set(f->nodes, id, old ? old : json_null()) < 0)
			return NULL;
		return id;
	}
	/* The same unit on two hosts is two workloads. */
	snprintf(key, sizeof(key), "workload:%s@%.400s", name, ztc_str(old, "name"));
	node = json_object_get(f->nodes, key);
	if (!node) {
		node = json_pack("{s:s, s:s, s:s+++, s:O?, s:O?, s:b}", "id", key, "kind",
				 "workload", "name", name, " on ", ztc_str(old, "name"), "",
				 "segments", json_object_get(old, "segments"), "labels",
				 json_object_get(old, "labels"), "near", 1);
		if (!node || json_object_set_new(f->nodes, key, node) < 0)
			return NULL;
	}
	return ztc_str(node, "id");
}

static json_t *sum(const json_t *a, const json_t *b)
{
	json_t *result;
	const char *key;
	json_t *value;

	if (!json_is_object(a))
		return json_integer(json_integer_value(a) + json_integer_value(b));
	result = json_object();
	json_object_foreach ((json_t *)a, key, value)
		json_object_set_new(result, key, json_integer(json_integer_value(value)));
	json_object_foreach ((json_t *)b, key, value)
		json_object_set_new(result, key,
				    json_integer(json_integer_value(json_object_get(result, key)) +
						 json_integer_value(value)));
	return result;
}

/* Adds @edge to @into: numbers add up, first is the earlier, last the later. */
static void add_edge(json_t *into, const json_t *edge)
{
	static const char *const numbers[] = {"connections", "bytes", "packets", "encryption"};

	for (size_t i = 0; i < ARRAY_SIZE(numbers); i++)
		json_object_set_new(
			into, numbers[i],
			sum(json_object_get(into, numbers[i]), json_object_get(edge, numbers[i])));
	/* RFC 3339 in UTC sorts as text. */
	if (strcmp(ztc_str(edge, "first_seen"), ztc_str(into, "first_seen")) < 0)
		json_object_set(into, "first_seen", json_object_get(edge, "first_seen"));
	if (strcmp(ztc_str(edge, "last_seen"), ztc_str(into, "last_seen")) > 0)
		json_object_set(into, "last_seen", json_object_get(edge, "last_seen"));
}

static int fold_edge(struct fold *f, json_t *edge)
{
	const char *src = ztc_str(edge, "src"), *dst = ztc_str(edge, "dst");
	const json_t *workload = json_object_get(edge, "workload");
	bool src_local = json_is_true(json_object_get(json_object_get(f->by_id, src), "near"));
	zt_auto(zt_freep) char *verdict = NULL;
	zt_auto(zt_freep) char *key = NULL;
	json_t *copy;

	src = fold_end(f, src, src_local ? workload : NULL);
	dst = fold_end(f, dst, src_local ? json_object_get(edge, "dst_workload") : workload);
	verdict = json_dumps(json_object_get(edge, "verdict"), JSON_COMPACT | JSON_SORT_KEYS);
	if (!src || !dst || !verdict ||
	    asprintf(&key, "%s\t%s\t%s\t%lld\t%s", src, dst, ztc_str(edge, "proto"),
		     (long long)ztc_int(edge, "port"), verdict) < 0)
		return -ENOMEM;
	copy = json_object_get(f->edges, key);
	if (copy) {
		add_edge(copy, edge);
		return 0;
	}
	copy = json_copy(edge);
	if (!copy)
		return -ENOMEM;
	json_object_set_new(copy, "src", json_string(src));
	json_object_set_new(copy, "dst", json_string(dst));
	json_object_del(copy, "workload");
	json_object_del(copy, "dst_workload");
	return json_object_set_new(f->edges, key, copy) < 0 ? -ENOMEM : 0;
}

static json_t *values(json_t *object)
{
	json_t *list = json_array(), *value;
	const char *key;

	json_object_foreach (object, key, value) {
		if (json_is_object(value))
			json_array_append(list, value);
	}
	return list;
}

int ztc_fold_workloads(json_t *map)
{
	zt_auto(free_fold) struct fold f = {json_object(), json_object(), json_object()};
	json_t *one;
	size_t i;
	int r;

	if (!json_is_array(json_object_get(map, "edges")))
		return -EINVAL;
	if (!f.by_id || !f.nodes || !f.edges)
		return -ENOMEM;
	json_array_foreach (json_object_get(map, "nodes"), i, one)
		json_object_set(f.by_id, ztc_str(one, "id"), one);
	json_array_foreach (json_object_get(map, "edges"), i, one) {
		r = fold_edge(&f, one);
		if (r < 0)
			return r;
	}
	json_object_set_new(map, "by", json_string("workload"));
	json_object_set_new(map, "nodes", values(f.nodes));
	json_object_set_new(map, "edges", values(f.edges));
	return 0;
}
