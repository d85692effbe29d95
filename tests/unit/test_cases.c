/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_cases.c - the JSON Schema of cases accepts what their reader accepts and refuses its shapes.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <errno.h>
#include <glob.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/file.h"
#include "base/json.h"
#include "policy/cases.h"
#include "policy/yaml.h"
#include "schema.h"

#define SCHEMA "policies/cases.schema.json"

/* As an editor's YAML reader types a plain scalar. */
static json_t *scalar(const struct zt_node *node)
{
	json_t *number =
		node->plain ? json_loadb(node->text, node->len, JSON_DECODE_ANY, NULL) : NULL;

	if (json_is_number(number) || json_is_boolean(number) || json_is_null(number))
		return number;
	json_decref(number);
	return json_stringn(node->text, node->len);
}

static json_t *to_json(const struct zt_node *node)
{
	json_t *json;

	if (node->kind == ZT_NODE_SCALAR)
		return scalar(node);
	json = node->kind == ZT_NODE_SEQUENCE ? json_array() : json_object();
	for (const struct zt_node *n = node->first; n; n = n->next) {
		if (node->kind == ZT_NODE_SEQUENCE) {
			json_array_append_new(json, to_json(n));
			continue;
		}
		json_object_set_new(json, n->text, to_json(n->next));
		n = n->next;
	}
	return json;
}

static json_t *yaml_to_json(char *text, size_t len)
{
	zt_auto(zt_arena_free) struct zt_arena *arena = NULL;
	zt_auto(zt_diag_free) struct zt_diag diag = ZT_DIAG_INIT;
	struct zt_source source = {.name = (char *)"cases", .text = text, .len = len};
	struct zt_node *root = NULL;

	assert_int_equal(zt_arena_new(&arena), 0);
	if (zt_yaml_parse(&source, arena, &root, &diag) < 0 || !root)
		return NULL;
	return to_json(root);
}

static bool schema_takes(char *text, size_t len, char why[512])
{
	zt_auto(zt_json_decref) json_t *schema = json_load_file(SCHEMA, 0, NULL);
	zt_auto(zt_json_decref) json_t *value = yaml_to_json(text, len);
	struct schema_check check = {.root = schema};
	bool ok;

	assert_non_null(schema);
	ok = value && schema_holds(&check, schema, value, "cases");
	snprintf(why, 512, "%s", check.why);
	return ok;
}

static void test_files(void **state)
{
	char why[512];
	glob_t found;

	(void)state;
	assert_int_equal(glob("tests/cases/*/cases.yaml", 0, NULL, &found), 0);
	for (size_t i = 0; i < found.gl_pathc; i++) {
		zt_auto(zt_freep) char *text = NULL;
		size_t len;
		bool good = !strstr(found.gl_pathv[i], "/bad/");

		assert_int_equal(zt_file_read(found.gl_pathv[i], 1 << 20, &text, &len, NULL), 0);
		if (schema_takes(text, len, why) != good)
			fail_msg("%s: schema: %s", found.gl_pathv[i], why);
	}
	globfree(&found);
}

/* One case each, wrong in its shape: reader and schema both refuse. Without @bad both accept. */
static void test_shapes(void **state)
{
	static const struct {
		const char *text;
		bool good;
	} cases[] = {
		{"{from: a1, to: a1, port: tcp/1, expect: allow}", true},
		{"{from: {host: a1, user: 0}, to: a1, port: tcp/1, expect: {live: deny}}", true},
		{"{from: a1, to: a1, port: icmp/8, expect: {candidate: deny, rule: x}}", true},
		{"{from: a1, to: a1, port: tcp/1, expect: {live: deny}, labels: {a1: {n: 1}}}",
		 true},
		{"{from: a1, to: a1, port: tcp/1, expect: deny, at: \"2026-01-01T00:00:00Z\"}",
		 true},
		{"{from: a1, to: a1, port: tcp/1}", false},
		{"{from: a1, port: tcp/1, expect: allow}", false},
		{"{from: a1, to: a1, expect: allow}", false},
		{"{from: a1, to: a1, port: tcp/1, expect: maybe}", false},
		{"{from: a1, to: a1, port: tcp/1, expect: {}}", false},
		{"{from: a1, to: a1, port: tcp/1, expect: {rule: x}}", false},
		{"{from: a1, to: a1, port: tcp/1, expect: [allow]}", false},
		{"{from: a1, to: a1, port: tcp, expect: allow}", false},
		{"{from: a1, to: a1, port: any, expect: allow}", false},
		{"{from: a1, to: a1, port: tcp/1-2, expect: allow}", false},
		{"{from: a1, to: a1, port: [tcp/1], expect: allow}", false},
		{"{from: a1, to: a1, port: 443, expect: allow}", false},
		{"{from: [a1], to: a1, port: tcp/1, expect: allow}", false},
		{"{from: {}, to: a1, port: tcp/1, expect: allow}", false},
		{"{from: {unit: a.service}, to: a1, port: tcp/1, expect: allow}", false},
		{"{from: {host: a1, segment: a}, to: a1, port: tcp/1, expect: allow}", false},
		{"{from: {host: a1, group: a}, to: a1, port: tcp/1, expect: allow}", false},
		{"{from: a1, to: a1, port: tcp/1, expect: allow, at: noon}", false},
		{"{from: a1, to: a1, port: tcp/1, expect: allow, at: 12}", false},
		{"{from: a1, to: a1, port: tcp/1, expect: allow, labels: [a1]}", false},
		{"{from: a1, to: a1, port: tcp/1, expect: allow, labels: {a1: [x]}}", false},
		{"{from: a1, to: a1, port: tcp/1, expect: allow, when: now}", false},
		{"a1", false},
	};
	static const char policy_text[] = "version: 1\npolicy: p\nrevision: 1\nhosts:\n"
					  "  a1: {addresses: [10.0.0.1], labels: {r: a}}\n"
					  "segments:\n  a: {select: {r: a}}\n";
	zt_auto(zt_policy_free) struct zt_policy *policy = NULL;
	char text[512], why[512];

	(void)state;
	assert_int_equal(zt_policy_parse(&policy, "p", policy_text, sizeof(policy_text) - 1, NULL),
			 0);
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		zt_auto(zt_cases_free) struct zt_cases *read = NULL;
		zt_auto(zt_diag_free) struct zt_diag diag = ZT_DIAG_INIT;
		int r;

		snprintf(text, sizeof(text), "cases:\n  - %s\n", cases[i].text);
		r = zt_cases_parse(&read, "cases", text, strlen(text), policy, &diag);
		if ((r == 0) != cases[i].good)
			fail_msg("reader: %s", cases[i].text);
		assert_int_equal(r == 0, diag.errors == 0);
		if (schema_takes(text, strlen(text), why) != cases[i].good)
			fail_msg("schema: %s: %s", cases[i].text, why);
	}
}

/* However a file is cut, it is read or refused with a place. */
static void test_truncated(void **state)
{
	static const char text[] =
		"version: 1\ncases:\n  - {name: n, from: {host: a1, unit: u.service}, to: a1, port: "
		"tcp/1, labels: {a1: {k: v}}, at: \"2026-01-01T00:00:00Z\", expect: {live: deny}}\n";
	static const char policy_text[] = "version: 1\npolicy: p\nrevision: 1\nhosts:\n"
					  "  a1: {addresses: [10.0.0.1]}\n";
	zt_auto(zt_policy_free) struct zt_policy *policy = NULL;

	(void)state;
	assert_int_equal(zt_policy_parse(&policy, "p", policy_text, sizeof(policy_text) - 1, NULL),
			 0);
	for (size_t len = 0; len < sizeof(text); len++) {
		zt_auto(zt_cases_free) struct zt_cases *read = NULL;
		zt_auto(zt_diag_free) struct zt_diag diag = ZT_DIAG_INIT;
		int r = zt_cases_parse(&read, "cases", text, len, policy, &diag);

		assert_true(r == 0 || (r == -EINVAL && diag.errors));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_files),
		cmocka_unit_test(test_shapes),
		cmocka_unit_test(test_truncated),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
