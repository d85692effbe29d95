/* SPDX-License-Identifier: Apache-2.0 */
/* system.c - reads the declaration of a system: fields of use, service model, hosts. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/cleanup.h"
#include "base/file.h"
#include "base/json.h"
#include "base/strbuf.h"
#include "ctl/catalogue/catalogue.h"
#include "ctl/assess/scope.h"

#define ID_MAX 64

enum kind {
	TEXT,
	TEXTS,
	NUMBER,
	BOOL,
	OBJECT,
};

static const struct member {
	const char *name;
	enum kind kind;
	bool required;
} members[] = {
	{"id", TEXT, true},
	{"name", TEXT, false},
	{"name_zh", TEXT, false},
	{"fields", TEXTS, true},
	{"service_model", TEXT, false},
	{"hosts", TEXTS, false},
	{"data", OBJECT, false},
	{"rto_hours", NUMBER, false},
	{"non_automated_service", BOOL, false},
	{"factors", OBJECT, false},
	{"impact", OBJECT, false},
	{"owner", TEXT, false},
	{"reviewed_at", TEXT, false},
};

static const char *const kind_texts[] = {"a text", "a list of texts", "a number", "true or false",
					 "an object"};

static bool is_kind(const json_t *value, enum kind kind)
{
	const json_t *entry;
	size_t i;

	switch (kind) {
	case TEXT:
		return json_is_string(value) && json_string_length(value) <= 1000;
	case TEXTS:
		json_array_foreach (value, i, entry) {
			if (!json_is_string(entry) || json_string_length(entry) > 1000)
				return false;
		}
		return json_is_array(value);
	case NUMBER:
		return json_is_number(value) && json_number_value(value) >= 0;
	case BOOL:
		return json_is_boolean(value);
	default:
		return json_is_object(value);
	}
}

static int check_members(const json_t *system, struct zt_strbuf *why)
{
	const char *key;
	json_t *value;

	for (size_t i = 0; i < ARRAY_SIZE(members); i++) {
		value = json_object_get(system, members[i].name);
		if (!value && members[i].required) {
			zt_strbuf_printf(why, "\"%s\" is missing: it is %s", members[i].name,
					 kind_texts[members[i].kind]);
			return -EINVAL;
		}
		if (value && !json_is_null(value) && !is_kind(value, members[i].kind)) {
			zt_strbuf_printf(why, "%s: has to be %s", members[i].name,
					 kind_texts[members[i].kind]);
			return -EINVAL;
		}
	}
	json_object_foreach ((json_t *)system, key, value) {
		bool known = false;

		for (size_t i = 0; i < ARRAY_SIZE(members); i++)
			known |= strcmp(key, members[i].name) == 0;
		if (!known) {
			zt_strbuf_puts(why, "\"");
			zt_strbuf_escape(why, key, strlen(key));
			zt_strbuf_puts(why, "\": no such member; take it out or correct its name");
			return -EINVAL;
		}
	}
	return 0;
}

/* A word has to be an id of a list of the model. */
static int check_word(const char *member, const char *word, const char *list, struct zt_strbuf *why)
{
	const json_t *row;
	size_t i;

	json_array_foreach (json_object_get(ztc_model(), list), i, row) {
		if (strcasecmp(json_string_value(json_object_get(row, "id")), word) == 0)
			return 0;
	}
	zt_strbuf_printf(why, "%s: \"", member);
	zt_strbuf_escape(why, word, strlen(word));
	zt_strbuf_puts(why, "\" is none of");
	json_array_foreach (json_object_get(ztc_model(), list), i, row)
		zt_strbuf_printf(why, "%s %s", i ? "," : "",
				 json_string_value(json_object_get(row, "id")));
	return -EINVAL;
}

static int check_words(const json_t *system, struct zt_strbuf *why)
{
	const char *id = json_string_value(json_object_get(system, "id"));
	const char *model = json_string_value(json_object_get(system, "service_model"));
	const json_t *field;
	size_t i;
	int r = 0;

	if (!*id || strlen(id) > ID_MAX) {
		zt_strbuf_printf(why, "id: has to be 1 to %d bytes", ID_MAX);
		return -EINVAL;
	}
	json_array_foreach (json_object_get(system, "fields"), i, field) {
		r = check_word("fields", json_string_value(field), "fields", why);
		if (r < 0)
			return r;
	}
	return model && *model ? check_word("service_model", model, "service_models", why) : 0;
}

static void say_why(char **ret_why, const char *path, const char *text)
{
	if (asprintf(ret_why, "%s: %s", path, text) < 0)
		*ret_why = NULL;
}

int ztc_system_load(json_t **ret, const char *path, char **ret_why)
{
	zt_auto(zt_strbuf_free) struct zt_strbuf why = ZT_STRBUF_INIT;
	zt_auto(zt_json_decref) json_t *system = NULL;
	zt_auto(zt_freep) char *text = NULL;
	json_error_t error;
	size_t len;
	int r = zt_file_read(path, ZTC_SYSTEM_MAX, &text, &len, NULL);

	*ret_why = NULL;
	if (r < 0) {
		say_why(ret_why, path, strerror(-r));
		return r;
	}
	system = json_loadb(text, len, JSON_REJECT_DUPLICATES, &error);
	if (!json_is_object(system)) {
		zt_strbuf_printf(&why, "line %d, column %d: %s", error.line, error.column,
				 system ? "has to be an object" : error.text);
		say_why(ret_why, path, zt_strbuf_text(&why));
		return -EINVAL;
	}
	r = check_members(system, &why);
	if (r == 0)
		r = check_words(system, &why);
	if (r < 0) {
		say_why(ret_why, path, zt_strbuf_text(&why));
		return r;
	}
	*ret = zt_take(system);
	return 0;
}
