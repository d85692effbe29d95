/* SPDX-License-Identifier: Apache-2.0 */
/*
 * read.c - a map out of JSON text, one edge after the other.
 *
 * Every value is jansson's to parse; here only the commas of the outermost objects and of the
 * two long lists are stepped over, so that a hundred thousand edges are never all JSON at once.
 */
#include <errno.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/file.h"
#include "base/json.h"
#include "ctl/map/read.h"
#include "ctl/render/text.h"

/* --- text, value by value ------------------------------------------------------------------------
 */

int ztc_read_fail(struct ztc_reader *in, size_t at, const char *what)
{
	size_t line = 1, column = 1;

	for (size_t i = 0; i < at && i < in->len; i++) {
		column = in->text[i] == '\n' ? 1 : column + 1;
		line += in->text[i] == '\n';
	}
	if (!in->why->len)
		zt_strbuf_printf(in->why, "%s:%zu:%zu: %s", in->name, line, column, what);
	return -EINVAL;
}

static char peek(struct ztc_reader *in)
{
	while (in->at < in->len && strchr(" \t\r\n", in->text[in->at]) && in->text[in->at])
		in->at++;
	return in->at < in->len ? in->text[in->at] : '\0';
}

/* Steps over @c; false, and nothing happens, when something else stands there. */
static bool step(struct ztc_reader *in, char c)
{
	if (peek(in) != c)
		return false;
	in->at++;
	return true;
}

static int value(struct ztc_reader *in, json_t **ret)
{
	json_error_t error;

	peek(in);
	in->value_at = in->at;
	if (in->at >= in->len)
		return ztc_read_fail(in, in->at, "the text ends here: the file is cut short");
	*ret = json_loadb(in->text + in->at, in->len - in->at,
			  JSON_DECODE_ANY | JSON_DISABLE_EOF_CHECK, &error);
	if (!*ret && json_error_code(&error) == json_error_out_of_memory)
		return -ENOMEM;
	if (!*ret && json_error_code(&error) == json_error_premature_end_of_input)
		return ztc_read_fail(in, in->len, "the text ends here: the file is cut short");
	if (!*ret) {
		char *near = strstr(error.text, " near '");

		/* The text it stopped at may be anything. */
		if (near)
			*near = '\0';
		return ztc_read_fail(in, in->at + (size_t)error.position, error.text);
	}
	in->at += (size_t)error.position;
	return 0;
}

static int list(struct ztc_reader *in, int (*each)(struct ztc_reader *in, const json_t *item))
{
	int r = 0;

	if (!step(in, '['))
		return ztc_read_fail(in, in->at, "here a list should stand");
	if (step(in, ']'))
		return 0;
	do {
		zt_auto(zt_json_decref) json_t *item = NULL;

		r = value(in, &item);
		if (r == 0)
			r = each(in, item);
	} while (r == 0 && step(in, ','));
	if (r < 0 || step(in, ']'))
		return r;
	return ztc_read_fail(in, in->at,
			     in->at < in->len ? "here ',' or ']' should stand"
					      : "the text ends here: the file is cut short");
}

static int object(struct ztc_reader *in, int (*each)(struct ztc_reader *in, const char *key))
{
	int r = 0;

	if (!step(in, '{'))
		return ztc_read_fail(in, in->at, "this is not a map: no JSON object begins here");
	if (step(in, '}'))
		return 0;
	do {
		zt_auto(zt_json_decref) json_t *key = NULL;

		r = value(in, &key);
		if (r == 0 && (!json_is_string(key) || !step(in, ':')))
			r = ztc_read_fail(in, in->at, "here a key and ':' should stand");
		if (r == 0)
			r = each(in, json_string_value(key));
	} while (r == 0 && step(in, ','));
	if (r < 0 || step(in, '}'))
		return r;
	return ztc_read_fail(in, in->at,
			     in->at < in->len ? "here ',' or '}' should stand"
					      : "the text ends here: the file is cut short");
}

/* --- the members of a map -------------------------------------------------------------------- */

static int keep_text(struct ztc_reader *in, const json_t *json, const char **ret)
{
	if (!json_is_string(json))
		return 0;
	*ret = ztc_pool_text(in->map->pool, json_string_value(json), json_string_length(json));
	return *ret ? 0 : -ENOMEM;
}

static int64_t time_of(const json_t *json)
{
	uint64_t ns;

	return json_is_string(json) && zt_wall_parse(json_string_value(json), &ns) == 0
		       ? (int64_t)(ns / ZT_NS_PER_MS)
		       : 0;
}

static int read_view(struct ztc_reader *in, const json_t *view)
{
	int r = keep_text(in, json_object_get(view, "host"), &in->map->host);

	in->map->started_ms = time_of(json_object_get(view, "started"));
	return r ?: keep_text(in, json_object_get(view, "source"), &in->map->source);
}

static int read_views(struct ztc_reader *in, const json_t *views)
{
	json_t *view;
	size_t i;

	json_array_foreach (views, i, view) {
		struct ztc_map_view v = {
			.from_ms = time_of(json_object_get(view, "from")),
			.to_ms = time_of(json_object_get(view, "to")),
			.complete = json_is_true(json_object_get(view, "complete")),
		};

		if (keep_text(in, json_object_get(view, "host"), &v.host) < 0 ||
		    keep_text(in, json_object_get(view, "source"), &v.source) < 0 ||
		    keep_text(in, json_object_get(view, "file"), &v.origin) < 0 ||
		    ztc_map_view(in->map, &v) < 0)
			return -ENOMEM;
	}
	return 0;
}

/* A number per cause, nothing else. */
static int read_losses(struct ztc_reader *in, const json_t *losses)
{
	const char *key;
	json_t *n;

	json_object_foreach ((json_t *)losses, key, n) {
		if (!json_is_integer(n) || json_integer_value(n) < 0)
			return ztc_read_fail(in, in->value_at, "a loss is not a count");
		if (json_object_set(in->map->losses, key, n) < 0)
			return -ENOMEM;
	}
	return 0;
}

static int take(struct ztc_reader *in, const char *key, json_t *json)
{
	struct ztc_map *map = in->map;

	if (strcmp(key, "format") == 0) {
		if (json_is_integer(json) && json_integer_value(json) == ZTC_MAP_FORMAT)
			return 0;
		return ztc_read_fail(
			in, in->value_at,
			"a map of another version of ztctl, which this one cannot read");
	}
	if (strcmp(key, "by") == 0)
		return keep_text(in, json, &map->by);
	if (strcmp(key, "view") == 0)
		return read_view(in, json);
	if (strcmp(key, "views") == 0)
		return read_views(in, json);
	if (strcmp(key, "losses") == 0)
		return read_losses(in, json);
	if (strcmp(key, "matched") == 0)
		map->matched =
			json_integer_value(json) > 0 ? (uint64_t)json_integer_value(json) : 0;
	if (strcmp(key, "window") == 0) {
		map->from_ms = time_of(json_object_get(json, "from"));
		map->to_ms = time_of(json_object_get(json, "to"));
		in->window = map->from_ms && map->to_ms;
	}
	if (strcmp(key, "disagreements") == 0 && json_is_array(json) && !map->disagreements)
		map->disagreements = json_incref(json);
	if (strcmp(key, "not_merged") == 0 && json_is_array(json) && !map->not_merged)
		map->not_merged = json_incref(json);
	return 0;
}

static int read_key(struct ztc_reader *in, const char *key)
{
	zt_auto(zt_json_decref) json_t *json = NULL;
	int r;

	if (strcmp(key, "nodes") == 0) {
		in->nodes = true;
		return list(in, ztc_read_node);
	}
	if (strcmp(key, "edges") == 0) {
		in->edges = true;
		return list(in, ztc_read_edge);
	}
	/* What the agent sends stands in an envelope. */
	if (strcmp(key, "result") == 0 && !in->inside) {
		in->inside = true;
		return object(in, read_key);
	}
	r = value(in, &json);
	if (r == 0 && strcmp(key, "error") == 0) {
		zt_strbuf_puts(in->why, ztc_str(json, "message"));
		return -EREMOTEIO;
	}
	return r ?: take(in, key, json);
}

/* `workload` alone is the local end's, which need not be the source. */
static void settle(struct ztc_map *map)
{
	for (size_t i = 0; i < map->edge_count; i++) {
		struct ztc_map_edge *e = &map->edges[i];

		if (map->nodes[e->src].near || e->workload[ZTC_DST])
			continue;
		e->workload[ZTC_DST] = e->workload[ZTC_SRC];
		e->workload[ZTC_SRC] = NULL;
	}
}

/* What only the whole tells. */
static int check(struct ztc_reader *in)
{
	struct ztc_map *map = in->map;

	if (!in->nodes || !in->edges || !in->window)
		return ztc_read_fail(in, 0, "this is not a map: it has no nodes, edges and window");
	if (map->to_ms < map->from_ms)
		return ztc_read_fail(in, 0, "the map's window ends before it begins");
	for (size_t i = 0; i < map->node_count; i++) {
		if (!map->nodes[i].defined) {
			zt_strbuf_printf(in->why, "%s: an edge ends at '", in->name);
			zt_strbuf_escape(in->why, map->nodes[i].id, strlen(map->nodes[i].id));
			zt_strbuf_puts(in->why, "', which is not among the nodes");
			return -EINVAL;
		}
	}
	settle(map);
	if (!map->by)
		map->by = ztc_pool_text(map->pool, "address", 7);
	if (!map->host) {
		const char *base = strrchr(in->name, '/') ? strrchr(in->name, '/') + 1 : in->name;

		map->host = ztc_pool_text(map->pool, base, strcspn(base, "."));
	}
	if (!map->source)
		map->source = ztc_pool_text(map->pool, "file", 4);
	return map->by && map->host && map->source ? 0 : -ENOMEM;
}

int ztc_map_read(struct ztc_map **ret, struct ztc_pool *pool, const char *text, size_t len,
		 const char *name, struct zt_strbuf *why)
{
	zt_auto(ztc_map_free) struct ztc_map *map = NULL;
	struct ztc_reader in = {.text = text, .len = len, .name = name, .why = why};
	int r = ztc_map_new(&map, pool);

	if (r < 0)
		return r;
	in.map = map;
	r = object(&in, read_key);
	if (r == 0 && peek(&in))
		r = ztc_read_fail(&in, in.at, "the map has ended, and text goes on");
	if (r == 0)
		r = check(&in);
	if (r == 0)
		*ret = zt_take(map);
	return r;
}

int ztc_map_load(struct ztc_map **ret, struct ztc_pool *pool, const char *path,
		 struct zt_strbuf *why)
{
	zt_auto(zt_freep) char *text = NULL;
	size_t len;
	int r = zt_file_read(path, ZTC_MAP_SIZE_MAX, &text, &len, NULL);

	if (r < 0) {
		zt_strbuf_printf(why, "cannot read '%s': %s", path, strerror(-r));
		return r;
	}
	r = ztc_map_read(ret, pool, text, len, path, why);
	if (r == -EREMOTEIO) {
		zt_strbuf_reset(why);
		zt_strbuf_printf(why, "%s:1:1: this is not a map, but an error that ztctl saved",
				 path);
		return -EINVAL;
	}
	if (r == 0)
		(*ret)->origin = ztc_pool_text(pool, path, strlen(path));
	return r;
}
