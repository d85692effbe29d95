/* SPDX-License-Identifier: Apache-2.0 */
/*
 * schema.h - does a JSON value hold what a JSON Schema asks: the part of the language we use.
 *
 * type, enum, anyOf, $ref into $defs, required, properties, additionalProperties, items,
 * pattern, minimum. A keyword that is not known is an error, so that none is ignored.
 */
#pragma once
#include <jansson.h>
#include <regex.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct schema_check {
	const json_t *root;
	char why[512]; /* the first thing that did not hold, with its place */
};

static inline bool schema_bad(struct schema_check *c, const char *path, const char *what)
{
	if (!c->why[0])
		snprintf(c->why, sizeof(c->why), "%.300s: %.200s", path, what);
	return false;
}

static inline bool schema_type(const json_t *value, const char *type)
{
	if (!strcmp(type, "integer"))
		return json_is_integer(value);
	if (!strcmp(type, "number"))
		return json_is_number(value);
	if (!strcmp(type, "string"))
		return json_is_string(value);
	if (!strcmp(type, "boolean"))
		return json_is_boolean(value);
	if (!strcmp(type, "array"))
		return json_is_array(value);
	return !strcmp(type, "object") ? json_is_object(value) : json_is_null(value);
}

static inline bool schema_pattern(const json_t *value, const char *pattern)
{
	regex_t re;
	bool ok;

	if (!json_is_string(value) || regcomp(&re, pattern, REG_EXTENDED | REG_NOSUB))
		return false;
	ok = !regexec(&re, json_string_value(value), 0, NULL, 0);
	regfree(&re);
	return ok;
}

static inline bool schema_holds(struct schema_check *c, const json_t *schema, const json_t *value,
				const char *path);

static inline bool schema_members(struct schema_check *c, const json_t *schema, const json_t *value,
				  const char *path)
{
	const json_t *properties = json_object_get(schema, "properties");
	const json_t *others = json_object_get(schema, "additionalProperties");
	json_t *member, *name;
	char place[400];
	const char *key;
	size_t i;

	json_array_foreach (json_object_get(schema, "required"), i, name) {
		snprintf(place, sizeof(place), "no '%s'", json_string_value(name));
		if (!json_object_get(value, json_string_value(name)))
			return schema_bad(c, path, place);
	}
	json_object_foreach ((json_t *)value, key, member) {
		const json_t *rule = json_object_get(properties, key);

		snprintf(place, sizeof(place), "%s.%s", path, key);
		if (!rule && json_is_false(others))
			return schema_bad(c, place, "is not in the schema");
		if (!rule)
			rule = others;
		if (json_is_object(rule) && !schema_holds(c, rule, member, place))
			return false;
	}
	return true;
}

static inline bool schema_any(struct schema_check *c, const json_t *choices, const json_t *value,
			      const char *path)
{
	char first[sizeof(c->why)] = "";
	json_t *choice;
	size_t i;

	json_array_foreach (choices, i, choice) {
		struct schema_check trial = {.root = c->root};

		if (schema_holds(&trial, choice, value, path))
			return true;
		if (!i)
			memcpy(first, trial.why, sizeof(first));
	}
	return schema_bad(c, path, first);
}

static inline bool schema_enum(const json_t *allowed, const json_t *value)
{
	json_t *one;
	size_t i;

	json_array_foreach (allowed, i, one) {
		if (json_equal(one, value))
			return true;
	}
	return false;
}

static inline bool schema_items(struct schema_check *c, const json_t *rule, const json_t *value,
				const char *path)
{
	char place[400];
	json_t *item;
	size_t i;

	json_array_foreach (value, i, item) {
		snprintf(place, sizeof(place), "%s[%zu]", path, i);
		if (!schema_holds(c, rule, item, place))
			return false;
	}
	return true;
}

static inline bool schema_keyword(struct schema_check *c, const json_t *schema, const char *word,
				  const json_t *rule, const json_t *value, const char *path)
{
	static const char *const silent[] = {"$schema",	 "title",      "$defs",
					     "required", "properties", "additionalProperties"};
	const char *text = json_string_value(rule);

	for (size_t i = 0; i < sizeof(silent) / sizeof(silent[0]); i++) {
		if (!strcmp(word, silent[i]))
			return true;
	}
	if (!strcmp(word, "type")) {
		if (!schema_type(value, text))
			return schema_bad(c, path, text);
		return json_is_object(value) ? schema_members(c, schema, value, path) : true;
	}
	if (!strcmp(word, "$ref"))
		return schema_holds(c,
				    json_object_get(json_object_get(c->root, "$defs"),
						    text + strlen("#/$defs/")),
				    value, path);
	if (!strcmp(word, "enum"))
		return schema_enum(rule, value) || schema_bad(c, path, "is none of the values");
	if (!strcmp(word, "anyOf"))
		return schema_any(c, rule, value, path);
	if (!strcmp(word, "items"))
		return schema_items(c, rule, value, path);
	if (!strcmp(word, "pattern"))
		return schema_pattern(value, text) || schema_bad(c, path, text);
	if (!strcmp(word, "minimum"))
		return json_number_value(value) >= json_number_value(rule) ||
		       schema_bad(c, path, "is too small");
	return schema_bad(c, path, "the schema uses a keyword that is not checked");
}

static inline bool schema_holds(struct schema_check *c, const json_t *schema, const json_t *value,
				const char *path)
{
	const char *word;
	json_t *rule;

	if (!json_is_object(schema))
		return schema_bad(c, path, "the schema lacks a definition");
	json_object_foreach ((json_t *)schema, word, rule) {
		if (!schema_keyword(c, schema, word, rule, value, path))
			return false;
	}
	return true;
}
