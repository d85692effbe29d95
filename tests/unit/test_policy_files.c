/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_policy_files.c - the policy language by example: tests/policy/NAME.yaml (or NAME.d, a
 * directory) goes in, NAME.expect has to come out.
 *
 * An expectation has a line `line:column: severity: message` per diagnostic
 * with its remedy below, then, when the policy is accepted, `ok` and the
 * canonical form. What is accepted must read back to the same. The examples of
 * policies/ must be accepted without a word. ZT_TEST_BLESS=1 writes
 * expectations instead of comparing: read them before committing them.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <glob.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/cleanup.h"
#include "base/strbuf.h"
#include "policy/policy.h"

static void add_diag(struct zt_strbuf *sb, const struct zt_diag *diag, bool directory)
{
	for (size_t i = 0; i < diag->count; i++) {
		const struct zt_diag_entry *e = &diag->entries[i];
		const char *base = e->file ? strrchr(e->file, '/') : NULL;

		if (directory && e->file)
			zt_strbuf_printf(sb, "%s:", base ? base + 1 : e->file);
		zt_strbuf_printf(sb, "%u:%u: %s: %s\n", e->line, e->col,
				 e->severity == ZT_SEVERITY_ERROR ? "error" : "warning",
				 e->message);
		if (e->remedy)
			zt_strbuf_printf(sb, "\t= %s\n", e->remedy);
	}
	if (diag->errors > ZT_DIAG_MAX)
		zt_strbuf_printf(sb, "%zu more errors\n", diag->errors - ZT_DIAG_MAX);
}

static char *canonical(const struct zt_policy *policy)
{
	zt_auto(zt_fclosep) FILE *out = NULL;
	char *text = NULL;
	size_t len;

	out = open_memstream(&text, &len);
	assert_non_null(out);
	assert_int_equal(zt_policy_print(policy, out), 0);
	return fclose(zt_take(out)) == 0 ? text : NULL;
}

static void check_reads_back(const struct zt_policy *policy, const char *text)
{
	zt_auto(zt_policy_free) struct zt_policy *again = NULL;
	zt_auto(zt_diag_free) struct zt_diag diag = ZT_DIAG_INIT;
	zt_auto(zt_freep) char *text2 = NULL;

	if (zt_policy_parse(&again, "canonical", text, strlen(text), &diag) < 0)
		zt_diag_print(&diag, stderr);
	assert_non_null(again);
	text2 = canonical(again);
	assert_string_equal(text, text2);
	assert_memory_equal(policy->digest, again->digest, sizeof(again->digest));
}

static char *read_all(const char *path)
{
	zt_auto(zt_fclosep) FILE *f = fopen(path, "r");
	zt_auto(zt_strbuf_free) struct zt_strbuf sb = ZT_STRBUF_INIT;
	char buf[4096];
	size_t n;

	while (f && (n = fread(buf, 1, sizeof(buf), f)))
		zt_strbuf_add(&sb, buf, n);
	return zt_strbuf_steal(&sb);
}

static void test_file(void **state)
{
	const char *path = *state;
	zt_auto(zt_policy_free) struct zt_policy *policy = NULL;
	zt_auto(zt_diag_free) struct zt_diag diag = ZT_DIAG_INIT;
	zt_auto(zt_strbuf_free) struct zt_strbuf got = ZT_STRBUF_INIT;
	zt_auto(zt_strbuf_free) struct zt_strbuf expect = ZT_STRBUF_INIT;
	zt_auto(zt_freep) char *text = NULL;
	zt_auto(zt_freep) char *want = NULL;
	struct stat st;
	FILE *out;
	int r;

	assert_int_equal(stat(path, &st), 0);
	r = zt_policy_load(&policy, path, &diag);
	assert_int_equal(r == 0, policy != NULL);
	assert_int_equal(r == 0, diag.errors == 0);
	add_diag(&got, &diag, S_ISDIR(st.st_mode));
	if (policy) {
		text = canonical(policy);
		zt_strbuf_printf(&got, "ok\n%s", text);
		check_reads_back(policy, text);
	}
	zt_strbuf_printf(&expect, "%.*s.expect", (int)(strrchr(path, '.') - path), path);
	if (getenv("ZT_TEST_BLESS")) {
		out = fopen(zt_strbuf_text(&expect), "w");
		assert_non_null(out);
		fputs(zt_strbuf_text(&got), out);
		fclose(out);
	}
	want = read_all(zt_strbuf_text(&expect));
	assert_string_equal(zt_strbuf_text(&got), want);
}

static void test_example(void **state)
{
	zt_auto(zt_policy_free) struct zt_policy *policy = NULL;
	zt_auto(zt_diag_free) struct zt_diag diag = ZT_DIAG_INIT;
	zt_auto(zt_freep) char *text = NULL;

	zt_policy_load(&policy, *state, &diag);
	zt_diag_print(&diag, stderr);
	assert_non_null(policy);
	assert_int_equal(diag.warnings, 0);
	text = canonical(policy);
	check_reads_back(policy, text);
}

static size_t add_tests(struct CMUnitTest *tests, size_t n, size_t max, const char *pattern,
			CMUnitTestFunction run, glob_t *found)
{
	assert_int_equal(glob(pattern, 0, NULL, found), 0);
	for (size_t i = 0; i < found->gl_pathc && n < max; i++)
		tests[n++] = (struct CMUnitTest){.name = found->gl_pathv[i],
						 .test_func = run,
						 .initial_state = found->gl_pathv[i]};
	return n;
}

int main(void)
{
	struct CMUnitTest tests[256] = {{0}};
	glob_t files, directories, examples;
	size_t n = 0;
	int r;

	n = add_tests(tests, n, ARRAY_SIZE(tests), "tests/policy/*.yaml", test_file, &files);
	n = add_tests(tests, n, ARRAY_SIZE(tests), "tests/policy/*.d", test_file, &directories);
	n = add_tests(tests, n, ARRAY_SIZE(tests), "policies/*.yaml", test_example, &examples);
	r = _cmocka_run_group_tests("policy files", tests, n, NULL, NULL);
	globfree(&files);
	globfree(&directories);
	globfree(&examples);
	return r;
}
