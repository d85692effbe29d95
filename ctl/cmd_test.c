/* SPDX-License-Identifier: Apache-2.0 */
/* cmd_test.c - ztctl policy test: what a policy is expected to do, put to its compiled tables. */
#include <errno.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/file.h"
#include "base/json.h"
#include "base/strbuf.h"
#include "base/time.h"
#include "ctl/client.h"
#include "ctl/render/render.h"
#include "ctl/test/test.h"

static int bad_input(const struct zt_diag *diag, const char *what, const char *path, int r)
{
	zt_diag_print(diag, stderr);
	return ztc_fail(r == -ENOMEM ? ZTC_EXIT_FAILED : ZTC_EXIT_USAGE, "cannot use %s '%s': %s",
			what, path, r == -EINVAL ? "see above" : strerror(-r));
}

static int load_cases(const char *path, const struct zt_policy *policy, struct zt_cases **ret,
		      struct zt_diag *diag)
{
	zt_auto(zt_freep) char *text = NULL;
	size_t len = 0;
	int r = zt_file_read(path, ZT_CASES_SIZE_MAX, &text, &len, NULL);

	if (r == 0)
		r = zt_cases_parse(ret, path, text, len, policy, diag);
	return r < 0 ? bad_input(diag, "the cases of", path, r) : ZTC_EXIT_OK;
}

/* Runs them all, so that every case that cannot be judged is named. */
static int run_cases(struct ztc_test *test, const struct zt_cases *cases, json_t *list,
		     size_t *ret_failed)
{
	int r = 0;

	for (size_t i = 0; i < cases->count && !zt_diag_full(test->diag); i++) {
		json_t *one = NULL;
		bool ok = false;

		r = ztc_test_run(test, &cases->cases[i], &one, &ok);
		if (r == -ENOMEM)
			return r;
		if (r < 0)
			continue;
		*ret_failed += !ok;
		if (json_array_append_new(list, one) < 0)
			return -ENOMEM;
	}
	return test->diag->errors ? -EINVAL : 0;
}

static int write_junit(const char *path, const json_t *result, uint64_t began_ns)
{
	zt_auto(zt_freep) char *text = NULL;
	size_t len = 0;
	FILE *out = open_memstream(&text, &len);
	double seconds = (double)(zt_now_wall_ns() - began_ns) / 1e9;
	int r = out ? ztc_junit_write(out, result, seconds, began_ns) : -ENOMEM;

	if (out && fclose(out) != 0)
		r = -ENOMEM;
	if (r == 0)
		r = zt_file_replace(path, text, len, 0644);
	return r < 0 ? ztc_fail(ZTC_EXIT_FAILED, "cannot write '%s': %s", path, strerror(-r))
		     : ZTC_EXIT_OK;
}

static json_t *result_json(const struct zt_policy *policy, const char *path, const char *cases_path,
			   json_t *list, size_t failed)
{
	return json_pack("{s:{s:o, s:o, s:o, s:o}, s:o, s:O, s:{s:i, s:i}}", "policy", "path",
			 zt_json_str(path), "name", zt_json_str(policy->name), "revision",
			 zt_json_u64(policy->revision), "digest",
			 zt_json_hex(policy->digest, sizeof(policy->digest)), "cases_file",
			 zt_json_str(cases_path), "cases", list, "summary", "passed",
			 (int)(json_array_size(list) - failed), "failed", (int)failed);
}

static int test(struct ztc_ctx *ctx, const struct ztc_line *line, const struct zt_policy *policy,
		const struct zt_cases *cases, struct ztc_test *run)
{
	zt_auto(zt_json_decref) json_t *list = json_array();
	zt_auto(zt_json_decref) json_t *result = NULL;
	const char *junit = ztc_value(line, "junit");
	size_t failed = 0;
	int status, r = list ? ztc_test_init(run) : -ENOMEM;

	if (r == 0)
		r = run_cases(run, cases, list, &failed);
	if (r < 0)
		return bad_input(run->diag, "the cases of", line->argv[1], r);
	result = result_json(policy, line->argv[0], line->argv[1], list, failed);
	if (!result)
		return ztc_fail(ZTC_EXIT_FAILED, "out of memory");
	status = junit ? write_junit(junit, result, run->now_ns) : ZTC_EXIT_OK;
	if (!status)
		status = ztc_answer(ctx, result, ztc_render_test);
	return status ? status : (failed ? ZTC_EXIT_NO : ZTC_EXIT_OK);
}

int ztc_run_policy_test(struct ztc_ctx *ctx, const struct ztc_line *line)
{
	zt_auto(zt_policy_free) struct zt_policy *policy = NULL;
	zt_auto(zt_cases_free) struct zt_cases *cases = NULL;
	zt_auto(zt_diag_free) struct zt_diag diag = ZT_DIAG_INIT;
	zt_auto(ztc_test_done) struct ztc_test run = {.now_ns = zt_now_wall_ns(), .diag = &diag};
	const char *host = ztc_value(line, "host");
	int status, r = zt_policy_load(&policy, line->argv[0], &diag);

	if (r < 0)
		return bad_input(&diag, "policy", line->argv[0], r);
	zt_diag_free(&diag);
	run.policy = policy;
	run.only = host ? zt_policy_host(policy, host) : NULL;
	if (host && !run.only)
		return ztc_fail(ZTC_EXIT_USAGE, "the inventory has no host '%s'", host);
	status = load_cases(line->argv[1], policy, &cases, &diag);
	if (status)
		return status;
	diag.sources = &cases->source;
	cases->source.next = policy->sources;
	status = test(ctx, line, policy, cases, &run);
	cases->source.next = NULL;
	return status;
}
