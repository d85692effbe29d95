/* SPDX-License-Identifier: Apache-2.0 */
/*
 * html.c - writes the HTML map: the page with its style, its script and one map in it.
 *
 * Nothing of the map is ever written as markup or as script: it is JSON in a script element
 * of a type that browsers do not run, in ASCII and without any character that HTML knows.
 */
#include <errno.h>
#include <openssl/evp.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/json.h"
#include "ctl/web/html.h"
#include "ctl/web/page.h"

#define HASH_TEXT_LEN 64 /* "sha256-" and 32 bytes in base64 */

static const char *const langs[] = {"en", "zh-TW"};

int ztc_html_lang(const char *lang)
{
	for (size_t i = 0; i < ARRAY_SIZE(langs); i++) {
		if (strcmp(lang, langs[i]) == 0)
			return 0;
	}
	return -ENOENT;
}

/* Objects that many edges have in common are kept once; an edge has their number. */
struct pool {
	json_t *list;
	json_t *by_text; /* dumped object -> number */
};

static void pool_free(struct pool *pool)
{
	json_decref(pool->list);
	json_decref(pool->by_text);
}

static int pool_number(struct pool *pool, json_t *object, json_int_t *ret)
{
	zt_auto(zt_freep) char *text = json_dumps(object, JSON_COMPACT | JSON_SORT_KEYS);
	const json_t *known;

	if (!text)
		return -ENOMEM;
	known = json_object_get(pool->by_text, text);
	if (known) {
		*ret = json_integer_value(known);
		return 0;
	}
	*ret = (json_int_t)json_array_size(pool->list);
	if (json_array_append(pool->list, object) < 0 ||
	    json_object_set_new(pool->by_text, text, json_integer(*ret)) < 0)
		return -ENOMEM;
	return 0;
}

/* Replaces the object under @key, where there is one, by its number. */
static int pool_take(struct pool *pool, json_t *edge, const char *key)
{
	json_t *object = json_object_get(edge, key);
	json_int_t number;
	int r;

	if (!json_is_object(object))
		return 0;
	r = pool_number(pool, object, &number);
	if (r < 0)
		return r;
	return json_object_set_new(edge, key, json_integer(number)) < 0 ? -ENOMEM : 0;
}

/* An edge without its histogram: that is for merging maps, and is most of a large one. */
static int slim_edge(json_t *edges, json_t *whole, struct pool *pool)
{
	static const char *const shared[] = {"workload", "dst_workload", "verdict"};
	zt_auto(zt_json_decref) json_t *edge = json_copy(whole);
	zt_auto(zt_json_decref) json_t *health = NULL;

	if (!edge)
		return -ENOMEM;
	for (size_t i = 0; i < ARRAY_SIZE(shared); i++) {
		int r = pool_take(pool, edge, shared[i]);

		if (r < 0)
			return r;
	}
	if (json_object_get(json_object_get(edge, "health"), "rtt")) {
		health = json_copy(json_object_get(edge, "health"));
		if (!health || json_object_del(health, "rtt") < 0 ||
		    json_object_set(edge, "health", health) < 0)
			return -ENOMEM;
	}
	return json_array_append(edges, edge) < 0 ? -ENOMEM : 0;
}

static int slim_map(json_t **ret, const json_t *map)
{
	zt_auto(pool_free) struct pool pool = {json_array(), json_object()};
	zt_auto(zt_json_decref) json_t *slim = json_copy((json_t *)map);
	zt_auto(zt_json_decref) json_t *edges = json_array();
	const json_t *whole = json_object_get(map, "edges");
	json_t *edge;
	size_t i;

	if (!slim || !edges || !pool.list || !pool.by_text)
		return -ENOMEM;
	json_array_foreach (whole, i, edge) {
		int r = slim_edge(edges, edge, &pool);

		if (r < 0)
			return r;
	}
	if (json_object_set(slim, "edges", edges) < 0 ||
	    json_object_set(slim, "pool", pool.list) < 0)
		return -ENOMEM;
	*ret = zt_take(slim);
	return 0;
}

static int page_data(json_t **ret, const json_t *map, const struct ztc_html_options *options)
{
	zt_auto(zt_json_decref) json_t *slim = NULL;
	const char *made = options ? options->made : NULL;
	int r = slim_map(&slim, map);

	if (r < 0)
		return r;
	if (!made)
		made = json_string_value(json_object_get(json_object_get(map, "window"), "to"));
	*ret = json_pack("{s:s, s:o?, s:o?, s:O}", "version", ZT_VERSION, "command",
			 zt_json_str(options ? options->command : NULL), "made", zt_json_str(made),
			 "map", slim);
	return *ret ? 0 : -ENOMEM;
}

/* In JSON these stand only inside strings, where \uNNNN means the same. */
static int write_escaped(const char *text, size_t len, void *ctx)
{
	FILE *out = ctx;

	for (size_t i = 0; i < len; i++) {
		if (text[i] == '<' || text[i] == '>' || text[i] == '&')
			fprintf(out, "\\u%04x", (unsigned int)text[i]);
		else
			fputc(text[i], out);
	}
	return ferror(out) ? -1 : 0;
}

/* The hash by which the policy of the page admits one inline element. */
static int hash_text(char ret[HASH_TEXT_LEN], const char *text, size_t len)
{
	unsigned char hash[EVP_MAX_MD_SIZE];
	unsigned int hash_len;

	if (!EVP_Digest(text, len, hash, &hash_len, EVP_sha256(), NULL))
		return -ENOMEM;
	strcpy(ret, "sha256-");
	EVP_EncodeBlock((unsigned char *)ret + strlen(ret), hash, (int)hash_len);
	return 0;
}

/* What takes the place of one {{mark}} of page.html. */
static int write_mark(FILE *out, const char *mark, size_t len, const json_t *data, const char *lang)
{
	char hash[HASH_TEXT_LEN];
	int r = 0;

	if (strncmp(mark, "lang", len) == 0) {
		fputs(lang, out);
	} else if (strncmp(mark, "css", len) == 0) {
		fwrite(ztc_page_css, 1, ztc_page_css_len, out);
	} else if (strncmp(mark, "js", len) == 0) {
		fwrite(ztc_page_js, 1, ztc_page_js_len, out);
	} else if (strncmp(mark, "css-hash", len) == 0) {
		r = hash_text(hash, ztc_page_css, ztc_page_css_len);
		if (r == 0)
			fputs(hash, out);
	} else if (strncmp(mark, "js-hash", len) == 0) {
		r = hash_text(hash, ztc_page_js, ztc_page_js_len);
		if (r == 0)
			fputs(hash, out);
	} else if (strncmp(mark, "data", len) == 0) {
		if (json_dump_callback(data, write_escaped, out, JSON_COMPACT | JSON_ENSURE_ASCII) <
		    0)
			r = ferror(out) ? -EIO : -ENOMEM;
	}
	return r;
}

int ztc_render_html(FILE *out, const json_t *map, const struct ztc_html_options *options)
{
	const char *lang = options && options->lang ? options->lang : "en";
	zt_auto(zt_json_decref) json_t *data = NULL;
	const char *at = ztc_page_html;
	size_t left = ztc_page_html_len;
	int r;

	if (!json_is_array(json_object_get(map, "edges")) ||
	    !json_is_array(json_object_get(map, "nodes")) || ztc_html_lang(lang) < 0)
		return -EINVAL;
	r = page_data(&data, map, options);
	while (r == 0 && left) {
		const char *mark = memmem(at, left, "{{", 2);
		size_t before = mark ? (size_t)(mark - at) : left, len = 0;
		const char *close = mark ? memmem(mark, left - before, "}}", 2) : NULL;

		fwrite(at, 1, before, out);
		if (!close)
			break;
		len = (size_t)(close - mark);
		r = write_mark(out, mark + 2, len - 2, data, lang);
		at = close + 2;
		left -= before + len + 2;
	}
	return r == 0 && ferror(out) ? -EIO : r;
}
