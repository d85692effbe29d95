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
#include <errno.h>
#include <ftw.h>
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

/* --- the same files as texts: zt_policy_parse_set() must answer as zt_policy_load() ------- */

static struct zt_source_text set[ZT_POLICY_FILES_MAX];
static size_t set_count;

static int add_to_set(const char *path, const struct stat *st, int type, struct FTW *where)
{
	FILE *f = type == FTW_F && !strstr(path, ".expect") ? fopen(path, "r") : NULL;
	char *text = f ? malloc((size_t)st->st_size + 1) : NULL;

	(void)where;
	if (text && fread(text, 1, (size_t)st->st_size, f) == (size_t)st->st_size &&
	    set_count < ARRAY_SIZE(set))
		set[set_count++] = (struct zt_source_text){
			.path = strdup(path), .text = text, .len = (size_t)st->st_size};
	else
		free(text);
	if (f)
		fclose(f);
	return 0;
}

static int make_set(void **state)
{
	(void)state;
	return nftw("tests/policy", add_to_set, 8, FTW_PHYS) || set_count < 50;
}

static int free_set(void **state)
{
	(void)state;
	while (set_count) {
		set_count--;
		free((char *)set[set_count].path);
		free((char *)set[set_count].text);
	}
	return 0;
}

static void check_same_entry(const struct zt_diag_entry *a, const struct zt_diag_entry *b)
{
	assert_int_equal(a->severity, b->severity);
	assert_int_equal(a->line, b->line);
	assert_int_equal(a->col, b->col);
	assert_string_equal(a->file ?: "", b->file ?: "");
	assert_string_equal(a->message, b->message);
	assert_string_equal(a->source ?: "", b->source ?: "");
	assert_string_equal(a->remedy ?: "", b->remedy ?: "");
}

static void check_as_texts(const char *path, int loaded, const struct zt_policy *policy,
			   const struct zt_diag *diag)
{
	zt_auto(zt_policy_free) struct zt_policy *again = NULL;
	zt_auto(zt_diag_free) struct zt_diag diag2 = ZT_DIAG_INIT;
	int r = zt_policy_parse_set(&again, path, set, set_count, &diag2);

	assert_int_equal(r, loaded);
	assert_int_equal(diag2.count, diag->count);
	assert_int_equal(diag2.errors, diag->errors);
	for (size_t i = 0; i < diag->count; i++)
		check_same_entry(&diag2.entries[i], &diag->entries[i]);
	assert_int_equal(again != NULL, policy != NULL);
	if (policy)
		assert_memory_equal(policy->digest, again->digest, sizeof(again->digest));
}

#define SET_HEAD "version: 1\npolicy: p\nrevision: 1\n"

static int parse_texts(const char *path, const struct zt_source_text *texts, size_t count,
		       const char *want)
{
	zt_auto(zt_policy_free) struct zt_policy *policy = NULL;
	zt_auto(zt_diag_free) struct zt_diag diag = ZT_DIAG_INIT;
	int r = zt_policy_parse_set(&policy, path, texts, count, &diag);

	assert_int_equal(r == 0, diag.errors == 0);
	if (want && (!diag.count || !strstr(diag.entries[0].message, want)))
		fail_msg("'%s' is not in '%s'", want, diag.count ? diag.entries[0].message : "");
	return r;
}

#define TEXT(p, s)                                                                                 \
	{                                                                                          \
		.path = (p), .text = (s), .len = sizeof(s) - 1                                     \
	}

static void test_set_paths(void **state)
{
	static const struct zt_source_text tree[] = {
		TEXT("etc/p/main.yaml", SET_HEAD "include: ../inventory/./hosts.yaml\n"),
		TEXT("./etc//inventory/hosts.yaml", "hosts:\n  h: {addresses: [10.0.0.1]}\n"),
		TEXT("etc/q/b.yaml", "mode: enforced\n"),
		TEXT("etc/q/a.yaml", SET_HEAD),
		TEXT("etc/q/deeper/c.yaml", "not read"),
		TEXT("etc/q/d.txt", "not read"),
		TEXT("loop/a.yaml", SET_HEAD "include: ../loop/b.yaml\n"),
		TEXT("loop/b.yaml", "include: ./x/../a.yaml\n"),
		TEXT("/abs/a.yaml", SET_HEAD "include: /../abs/sub/../none.yaml\n"),
		TEXT("dirs/a.yaml", SET_HEAD "include: ../etc\n"),
	};
	const size_t n = ARRAY_SIZE(tree);

	(void)state;
	assert_int_equal(parse_texts("etc/p/main.yaml", tree, n, NULL), 0);
	assert_int_equal(parse_texts("etc/p", tree, n, NULL), 0);
	assert_int_equal(parse_texts("./etc/q/", tree, n, NULL), 0);
	assert_int_equal(parse_texts("loop/a.yaml", tree, n, "includes itself"), -EINVAL);
	assert_int_equal(parse_texts("/abs/a.yaml", tree, n, "No such file"), -ENOENT);
	assert_int_equal(parse_texts("dirs/a.yaml", tree, n, "Is a directory"), -EISDIR);
	assert_int_equal(parse_texts("none.yaml", tree, n, "cannot read 'none.yaml'"), -ENOENT);
	assert_int_equal(parse_texts("etc", tree, n, "no *.yaml file in 'etc'"), -EINVAL);
	assert_int_equal(parse_texts("etc/p", NULL, 0, "No such file"), -ENOENT);
}

static void test_set_bounds(void **state)
{
	static const struct zt_source_text twice[] = {TEXT("a.yaml", SET_HEAD),
						      TEXT("./a.yaml", SET_HEAD)};
	static struct zt_source_text many[ZT_POLICY_FILES_MAX + 1];
	zt_auto(zt_freep) char *big = calloc(1, ZT_POLICY_SIZE_MAX + 1);
	struct zt_source_text large = {
		.path = "a.yaml", .text = big, .len = ZT_POLICY_SIZE_MAX + 1};

	(void)state;
	assert_int_equal(parse_texts("a.yaml", twice, 2, "'./a.yaml' is given twice"), -EINVAL);
	assert_int_equal(parse_texts("a.yaml", many, ARRAY_SIZE(many), "at most 256"), -EINVAL);
	assert_int_equal(parse_texts("a.yaml", &large, 1, "larger than 16 MB"), -EINVAL);
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
	check_as_texts(path, r, policy, &diag);
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
	for (size_t i = 0; i < found->gl_pathc && n + 2 < max; i++)
		tests[n++] = (struct CMUnitTest){.name = found->gl_pathv[i],
						 .test_func = run,
						 .initial_state = found->gl_pathv[i]};
	return n;
}

int main(void)
{
	struct CMUnitTest tests[256] = {{0}};
	glob_t files, directories, examples, gitops;
	size_t n = 0;
	int r;

	n = add_tests(tests, n, ARRAY_SIZE(tests), "tests/policy/*.yaml", test_file, &files);
	n = add_tests(tests, n, ARRAY_SIZE(tests), "tests/policy/*.d", test_file, &directories);
	n = add_tests(tests, n, ARRAY_SIZE(tests), "policies/*.yaml", test_example, &examples);
	n = add_tests(tests, n, ARRAY_SIZE(tests), "policies/gitops", test_example, &gitops);
	tests[n++] = (struct CMUnitTest)cmocka_unit_test(test_set_paths);
	tests[n++] = (struct CMUnitTest)cmocka_unit_test(test_set_bounds);
	r = _cmocka_run_group_tests("policy files", tests, n, make_set, free_set);
	globfree(&files);
	globfree(&directories);
	globfree(&examples);
	globfree(&gitops);
	return r;
}
