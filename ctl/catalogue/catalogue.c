/* SPDX-License-Identifier: Apache-2.0 */
/* catalogue.c - reads the built-in catalogue and model, finds rows in them. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "ctl/catalogue/catalogue.h"
#include "ctl/catalogue/data.h"

static json_t *load(const char *name, const char *text, size_t len)
{
	json_error_t error;
	json_t *json = json_loadb(text, len, JSON_REJECT_DUPLICATES, &error);

	if (!json) {
		fprintf(stderr, "ztctl: built-in %s: line %d: %s\n", name, error.line, error.text);
		abort();
	}
	return json;
}

const json_t *ztc_catalogue(void)
{
	static json_t *catalogue;

	if (!catalogue)
		catalogue = load("checks.json", ztc_checks_json, ztc_checks_json_len);
	return catalogue;
}

const json_t *ztc_model(void)
{
	static json_t *model;

	if (!model)
		model = load("model.json", ztc_model_json, ztc_model_json_len);
	return model;
}

static const json_t *items_file(void)
{
	static json_t *items;

	if (!items)
		items = load("items.json", ztc_items_json, ztc_items_json_len);
	return items;
}

const json_t *ztc_items(void)
{
	return json_object_get(items_file(), "items");
}

const json_t *ztc_principles(void)
{
	return json_object_get(items_file(), "principles");
}

const char *ztc_builtin_profile(size_t *ret_len)
{
	*ret_len = ztc_profile_json_len;
	return ztc_profile_json;
}

const json_t *ztc_catalogue_find(const char *id)
{
	const json_t *row;
	size_t i;

	json_array_foreach (ztc_catalogue(), i, row) {
		const char *name = json_string_value(json_object_get(row, "id"));

		if (strcmp(name, id) == 0 || strcmp(name + strlen("ZTS-"), id) == 0)
			return row;
	}
	return NULL;
}

const json_t *ztc_items_find(const char *id)
{
	const json_t *row;
	size_t i;

	json_array_foreach (ztc_items(), i, row) {
		const char *name = json_string_value(json_object_get(row, "id"));

		if (strlen(id) == 3 && id[0] == name[0] && (id[1] == '-' || id[1] == '.') &&
		    id[2] == name[2])
			return row;
	}
	return NULL;
}

json_t *ztc_message(const json_t *row, const char *key, const char *key_zh)
{
	const char *en = json_string_value(json_object_get(row, key));
	const char *zh = json_string_value(json_object_get(row, key_zh));

	return json_pack("{s:s, s:s}", "en", en ? en : "", "zh_TW", zh ? zh : en ? en : "");
}
