/* SPDX-License-Identifier: Apache-2.0 */
/* profile.c - reads a profile and holds it member by member against the built-in one. */
#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/digest.h"
#include "base/file.h"
#include "base/json.h"
#include "base/strbuf.h"
#include "ctl/catalogue/catalogue.h"
#include "ctl/assess/profile.h"

/* Where we are in a file that is being checked. */
struct place {
	const char *file;
	const char *text;
	struct zt_strbuf why;
};

/* The line that the last of these keys stands in, looked for one behind the other. */
static unsigned int line_of(const char *text, const char *const *keys, size_t count)
{
	const char *at = text;
	unsigned int line = 1;

	for (size_t i = 0; i < count && keys[i]; i++) {
		zt_auto(zt_freep) char *quoted = NULL;
		const char *next;

		if (asprintf(&quoted, "\"%s\"", keys[i]) < 0)
			break;
		next = strstr(at, quoted);
		if (next)
			at = next;
	}
	for (const char *p = text; p < at; p++)
		line += *p == '\n';
	return line;
}

__attribute__((format(printf, 5, 6))) static int bad(struct place *p, const char *a, const char *b,
						     const char *c, const char *fmt, ...)
{
	const char *keys[] = {a, b, c};
	va_list ap;

	zt_strbuf_printf(&p->why, "%s:%u: ", p->file, line_of(p->text, keys, 3));
	for (size_t i = 0; i < 3 && keys[i]; i++)
		zt_strbuf_printf(&p->why, "%s%s", i ? "." : "", keys[i]);
	zt_strbuf_puts(&p->why, ": ");
	va_start(ap, fmt);
	zt_strbuf_vprintf(&p->why, fmt, ap);
	va_end(ap);
	return -EINVAL;
}

/* The names of an object, for a remedy. */
static char *names_of(const json_t *object)
{
	zt_auto(zt_strbuf_free) struct zt_strbuf names = ZT_STRBUF_INIT;
	const char *key;
	json_t *value;

	json_object_foreach ((json_t *)object, key, value)
		zt_strbuf_printf(&names, "%s%s", names.len ? ", " : "", key);
	return zt_strbuf_steal(&names);
}

/* Every member of @want is in @have, and no other. */
static int same_members(struct place *p, const json_t *have, const json_t *want, const char *a,
			const char *b)
{
	const char *key;
	json_t *value;

	if (!json_is_object(have))
		return bad(p, a, b, NULL, "is no object");
	json_object_foreach ((json_t *)have, key, value) {
		zt_auto(zt_freep) char *names = names_of(want);

		if (!json_object_get(want, key))
			return bad(p, a ? a : key, a ? (b ? b : key) : NULL, a && b ? key : NULL,
				   "no such member; take it out: those there are %s", names);
	}
	json_object_foreach ((json_t *)want, key, value) {
		zt_auto(zt_freep) char *text =
			json_dumps(value, JSON_ENCODE_ANY | JSON_COMPACT | JSON_REAL_PRECISION(6));

		if (!json_object_get(have, key))
			return bad(p, a, b, NULL, "\"%s\" is missing; add \"%s\": %.200s", key, key,
				   text ? text : "");
	}
	return 0;
}

static int check_limit(struct place *p, const json_t *limit, const json_t *want, const char *a,
		       const char *b, const char *c)
{
	const json_t *value = json_object_get(limit, "value");
	const char *name = c ? c : b;
	double n = json_number_value(value);

	if (!json_is_object(limit) || json_object_size(limit) != 2)
		return bad(p, a, b, c, "write {\"value\": number, \"source\": text}");
	if (!json_is_string(json_object_get(limit, "source")) ||
	    !*json_string_value(json_object_get(limit, "source")))
		return bad(p, a, b, c, "\"source\" has to say who chose the value, as a text");
	if (json_is_string(json_object_get(want, "value")))
		return json_is_string(value) ? 0 : bad(p, a, b, c, "\"value\" has to be a text");
	if (!json_is_number(value) || n < 0)
		return bad(p, a, b, c, "\"value\" has to be a number, 0 or more");
	if (strstr(name, "_share") && n > 1)
		return bad(p, a, b, c, "a share is between 0 and 1: 0.95 for 95 %%");
	return 0;
}

/* Of most shares the larger is the better: then nothing is partial that would pass. */
static bool partial_above_pass(const json_t *limits)
{
	const json_t *pass = json_object_get(json_object_get(limits, "pass_share"), "value");
	const json_t *partial = json_object_get(json_object_get(limits, "partial_share"), "value");

	return pass && partial && json_number_value(partial) > json_number_value(pass);
}

static int check_limits(struct place *p, const json_t *have, const json_t *want, const char *a,
			const char *b)
{
	const char *key;
	json_t *limit;
	int r = same_members(p, have, want, a, b);

	if (r < 0)
		return r;
	json_object_foreach ((json_t *)have, key, limit) {
		r = check_limit(p, limit, json_object_get(want, key), a, b ? b : key,
				b ? key : NULL);
		if (r < 0)
			return r;
	}
	if (partial_above_pass(have) && !partial_above_pass(want))
		return bad(p, a, b, "partial_share", "is above pass_share: lower it");
	return 0;
}

static int check_checks(struct place *p, const json_t *have, const json_t *want)
{
	const char *id;
	json_t *limits;
	int r = same_members(p, have, want, "checks", NULL);

	if (r < 0)
		return r;
	json_object_foreach ((json_t *)have, id, limits) {
		r = check_limits(p, limits, json_object_get(want, id), "checks", id);
		if (r < 0)
			return r;
	}
	return 0;
}

static int check_lists(struct place *p, const json_t *have, const json_t *want)
{
	const char *name;
	json_t *list, *entry;
	size_t i;
	int r = same_members(p, have, want, "lists", NULL);

	if (r < 0)
		return r;
	json_object_foreach ((json_t *)have, name, list) {
		if (!json_is_array(list))
			return bad(p, "lists", name, NULL, "is no list; write [] for an empty one");
		json_array_foreach (list, i, entry) {
			const json_t *like = json_array_get(json_object_get(want, name), 0);

			if (like ? json_typeof(entry) != json_typeof(like) : !json_is_string(entry))
				return bad(p, "lists", name, NULL,
					   "entry %zu is of another kind than those built in", i);
		}
	}
	return 0;
}

static int check_profile(struct place *p, const json_t *have, const json_t *want)
{
	const char *format = json_string_value(json_object_get(have, "format"));
	static const char *const texts[] = {"name", "version", "note", "source"};
	int r;

	if (!format || strcmp(format, ZTC_PROFILE_FORMAT) != 0)
		return bad(p, "format", NULL, NULL, "has to be \"" ZTC_PROFILE_FORMAT "\"");
	r = same_members(p, have, want, NULL, NULL);
	for (size_t i = 0; r == 0 && i < ARRAY_SIZE(texts); i++) {
		const char *text = json_string_value(json_object_get(have, texts[i]));

		if (!text || !*text || strlen(text) > 500)
			r = bad(p, texts[i], NULL, NULL, "has to be a text of up to 500 bytes");
	}
	if (r == 0)
		r = check_limits(p, json_object_get(have, "general"),
				 json_object_get(want, "general"), "general", NULL);
	if (r == 0)
		r = check_checks(p, json_object_get(have, "checks"),
				 json_object_get(want, "checks"));
	if (r == 0)
		r = check_lists(p, json_object_get(have, "lists"), json_object_get(want, "lists"));
	return r;
}

static int set_digest(struct ztc_profile *profile, const char *text, size_t len)
{
	uint8_t digest[ZT_DIGEST_LEN];
	char hex[ZT_DIGEST_TEXT_LEN];
	int r = zt_digest_of(text, len, digest);

	if (r == 0)
		snprintf(profile->digest, sizeof(profile->digest), "sha256:%s",
			 zt_digest_text(digest, hex));
	return r;
}

static int load_file(struct ztc_profile *profile, const char *path, const json_t *builtin,
		     char **ret_why)
{
	zt_auto(zt_freep) char *text = NULL;
	struct place p = {.file = path, .why = ZT_STRBUF_INIT};
	json_error_t error;
	size_t len;
	int r = zt_file_read(path, ZTC_PROFILE_MAX, &text, &len, NULL);

	if (r < 0) {
		if (asprintf(ret_why, "%s: %s", path, strerror(-r)) < 0)
			*ret_why = NULL;
		return r;
	}
	p.text = text;
	profile->json = json_loadb(text, len, JSON_REJECT_DUPLICATES, &error);
	if (!profile->json) {
		if (asprintf(ret_why, "%s:%d:%d: %s", path, error.line, error.column, error.text) <
		    0)
			*ret_why = NULL;
		return -EINVAL;
	}
	r = json_is_object(profile->json) ? check_profile(&p, profile->json, builtin)
					  : bad(&p, "{", NULL, NULL, "a profile is an object");
	*ret_why = r < 0 ? zt_strbuf_steal(&p.why) : NULL;
	return r < 0 ? r : set_digest(profile, text, len);
}

int ztc_profile_load(struct ztc_profile *ret, const char *path, char **ret_why)
{
	struct ztc_profile profile = {0};
	size_t len;
	const char *text = ztc_builtin_profile(&len);
	json_t *builtin = json_loadb(text, len, JSON_REJECT_DUPLICATES, NULL);
	int r;

	*ret_why = NULL;
	if (!builtin) {
		fputs("ztctl: the built-in profile cannot be read\n", stderr);
		abort();
	}
	if (path) {
		r = load_file(&profile, path, builtin, ret_why);
		json_decref(builtin);
	} else {
		profile.json = builtin;
		r = set_digest(&profile, text, len);
	}
	if (r < 0) {
		ztc_profile_free(&profile);
		return r;
	}
	*ret = profile;
	return 0;
}

void ztc_profile_free(struct ztc_profile *profile)
{
	json_decref(profile->json);
	profile->json = NULL;
}

double ztc_profile_general(const json_t *profile, const char *name)
{
	const json_t *limit = json_object_get(json_object_get(profile, "general"), name);

	return json_number_value(json_object_get(limit, "value"));
}
