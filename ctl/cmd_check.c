/* SPDX-License-Identifier: Apache-2.0 */
/* cmd_check.c - ztctl policy check: every error of every file, before anything changes. */
#include <errno.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/json.h"
#include "ctl/client.h"
#include "ctl/local.h"
#include "ctl/render/text.h"
#include "policy/compile.h"

#define HOSTS_COMPILED 32 /* of an inventory that does not have this machine */

/* What came of one file. */
struct verdict {
	bool ok;
	size_t errors, warnings;
	size_t hosts_compiled;
	const char *host; /* the one it was compiled for, when it is one; borrowed */
	size_t enforced, staged;
};

static json_t *diag_json(const struct zt_diag *diag)
{
	json_t *list = json_array();

	for (size_t i = 0; i < diag->count; i++) {
		const struct zt_diag_entry *e = &diag->entries[i];

		json_array_append_new(
			list,
			json_pack("{s:s, s:o, s:i, s:i, s:o, s:o}", "severity",
				  e->severity == ZT_SEVERITY_ERROR ? "error" : "warning", "file",
				  zt_json_str(e->file), "line", (int)e->line, "column", (int)e->col,
				  "message", json_string(e->message), "remedy",
				  e->remedy ? json_string(e->remedy) : json_null()));
	}
	return list;
}

/* Errors and warnings: as people read them to stderr, as programs do into @list. */
static void hand_on(struct ztc_ctx *ctx, const struct zt_diag *diag, json_t *list,
		    struct verdict *verdict)
{
	zt_auto(zt_json_decref) json_t *more = NULL;

	verdict->errors += diag->errors;
	verdict->warnings += diag->warnings;
	if (ctx->json) {
		more = diag_json(diag);
		json_array_extend(list, more);
	} else {
		zt_diag_print(diag, stderr);
	}
}

/* Compiles for one host and adds what that says. Returns whether it compiled. */
static bool compile_one(struct ztc_ctx *ctx, const struct zt_policy *policy, const char *host,
			const struct ztc_locals *locals, json_t *list, struct verdict *verdict)
{
	zt_auto(zt_diag_free) struct zt_diag diag = ZT_DIAG_INIT;
	zt_auto(zt_rule_names_free) struct zt_rule_names *names = NULL;
	zt_auto(zt_tables_free) struct zt_tables *tables = NULL;
	int r = zt_rule_names_new(&names);

	diag.sources = policy->sources;
	if (r == 0)
		r = ztc_compile_for(policy, host, locals, names, &tables, &diag);
	if (r < 0 && !diag.errors)
		zt_diag_error(&diag, NULL, "cannot compile the policy: %s", strerror(-r));
	/* Warnings of twenty hosts are the same twenty times. */
	if (r < 0 || verdict->hosts_compiled == 0)
		hand_on(ctx, &diag, list, verdict);
	if (r < 0)
		return false;
	verdict->hosts_compiled++;
	return true;
}

/* As --host says; else as this machine; else as hosts of the inventory, none of which it is. */
static bool compile_all(struct ztc_ctx *ctx, const struct zt_policy *policy, const char *wanted,
			json_t *list, struct verdict *verdict)
{
	zt_auto(ztc_locals_free) struct ztc_locals locals = {0};
	const struct zt_host *self = NULL;
	bool here = ztc_locals_read(&locals) == 0 &&
		    zt_host_match(policy, locals.addrs, locals.count, &self) == 0;

	if (here && (!wanted || strcmp(self->name, wanted) == 0)) {
		verdict->host = self->name;
		return compile_one(ctx, policy, self->name, &locals, list, verdict);
	}
	if (wanted) {
		verdict->host = wanted;
		return compile_one(ctx, policy, wanted, NULL, list, verdict);
	}
	for (size_t i = 0; i < policy->host_count && i < HOSTS_COMPILED; i++) {
		if (!compile_one(ctx, policy, policy->hosts[i].name, NULL, list, verdict))
			return false;
	}
	return true;
}

static void count_modes(const struct zt_policy *policy, struct verdict *verdict)
{
	for (size_t i = 0; i < policy->stmt_count; i++) {
		if (policy->stmts[i].mode == ZT_MODE_ENFORCED)
			verdict->enforced++;
		else
			verdict->staged++;
	}
}

static json_t *file_json(const char *path, const struct zt_policy *policy,
			 const struct verdict *verdict, json_t *diagnostics)
{
	json_t *file = json_pack("{s:o, s:b, s:i, s:i, s:O}", "path", zt_json_str(path), "ok",
				 verdict->ok, "errors", (int)verdict->errors, "warnings",
				 (int)verdict->warnings, "diagnostics", diagnostics);

	if (!file || !policy)
		return file;
	json_object_set_new(file, "policy", zt_json_str(policy->name));
	json_object_set_new(file, "revision", zt_json_u64(policy->revision));
	json_object_set_new(file, "digest", zt_json_hex(policy->digest, sizeof(policy->digest)));
	json_object_set_new(file, "hosts", json_integer((json_int_t)policy->host_count));
	json_object_set_new(file, "segments", json_integer((json_int_t)policy->segment_count));
	json_object_set_new(file, "enforced", json_integer((json_int_t)verdict->enforced));
	json_object_set_new(file, "staged", json_integer((json_int_t)verdict->staged));
	json_object_set_new(file, "compiled_for", zt_json_str(verdict->host));
	return file;
}

static void print_verdict(struct ztc_ctx *ctx, const char *path, const struct zt_policy *policy,
			  const struct verdict *verdict)
{
	char errors[ZTC_TEXT_LEN], warnings[ZTC_TEXT_LEN], hosts[ZTC_TEXT_LEN],
		segments[ZTC_TEXT_LEN];
	char line[1024];

	ztc_plural(errors, (int64_t)verdict->errors, "error", "errors");
	ztc_plural(warnings, (int64_t)verdict->warnings, "warning", "warnings");
	if (!verdict->ok || !policy) {
		snprintf(line, sizeof(line), "%.500s: %s%s%s: nothing would change", path, errors,
			 verdict->warnings ? ", " : "", verdict->warnings ? warnings : "");
		ztc_wrap(stdout, &ctx->style, ZTC_BAD, 0, 2, line);
		return;
	}
	ztc_plural(hosts, (int64_t)policy->host_count, "host", "hosts");
	ztc_plural(segments, (int64_t)policy->segment_count, "segment", "segments");
	snprintf(
		line, sizeof(line),
		"%.500s: good: policy %.64s, revision %llu; %s, %s, %zu statements enforced and %zu "
		"staged%s%s",
		path, *policy->name ? policy->name : "(no name)",
		(unsigned long long)policy->revision, hosts, segments, verdict->enforced,
		verdict->staged, verdict->warnings ? "; " : "", verdict->warnings ? warnings : "");
	ztc_wrap(stdout, &ctx->style, ZTC_GOOD, 0, 2, line);
	if (verdict->host)
		printf("  compiled for host %s\n", verdict->host);
	else if (verdict->hosts_compiled)
		printf("  this machine is not in its inventory; compiled for %zu of its hosts\n",
		       verdict->hosts_compiled);
}

static json_t *check_file(struct ztc_ctx *ctx, const char *path, const char *host, bool *ret_ok)
{
	zt_auto(zt_policy_free) struct zt_policy *policy = NULL;
	zt_auto(zt_json_decref) json_t *diagnostics = json_array();
	struct verdict verdict = {0};
	int r;

	{
		zt_auto(zt_diag_free) struct zt_diag diag = ZT_DIAG_INIT;

		r = zt_policy_load(&policy, path, &diag);
		if (r < 0 && !diag.errors)
			zt_diag_error(&diag, NULL, "cannot read '%s': %s", path, strerror(-r));
		hand_on(ctx, &diag, diagnostics, &verdict);
	}
	if (r == 0) {
		count_modes(policy, &verdict);
		verdict.ok = compile_all(ctx, policy, host, diagnostics, &verdict);
	}
	if (!ctx->json)
		print_verdict(ctx, path, policy, &verdict);
	*ret_ok = verdict.ok;
	return file_json(path, policy, &verdict, diagnostics);
}

/* --agent: is the file that the running agent follows broken? */
static int check_agent(struct ztc_ctx *ctx, json_t *result, bool *ret_ok)
{
	zt_auto(zt_json_decref) json_t *status = NULL;
	const json_t *policy, *error;
	int r = ztc_ask(ctx, "policy status", NULL, &status);

	if (r)
		return r;
	policy = json_object_get(status, "policy");
	error = json_object_get(policy, "load_error");
	*ret_ok = !error || json_is_null(error);
	json_object_set_new(result, "agent",
			    json_pack("{s:b, s:O?, s:O?}", "ok", *ret_ok, "path",
				      json_object_get(policy, "path"), "load_error", error));
	if (ctx->json)
		return ZTC_EXIT_OK;
	printf("agent: %s: %s\n", ztc_str(policy, "path"),
	       *ret_ok ? "good, in force" : "broken: what was in force before goes on");
	if (!*ret_ok)
		ztc_lines(stdout, ztc_str(error, "text"));
	return ZTC_EXIT_OK;
}

int ztc_run_policy_check(struct ztc_ctx *ctx, const struct ztc_line *line)
{
	zt_auto(zt_json_decref) json_t *result = NULL;
	json_t *files = json_array();
	bool all_ok = true, ok;
	int status;

	result = json_pack("{s:o}", "files", files);
	if (!result)
		return ztc_fail(ZTC_EXIT_FAILED, "out of memory");
	for (int i = 0; i < line->argc; i++) {
		json_array_append_new(files,
				      check_file(ctx, line->argv[i], ztc_value(line, "host"), &ok));
		all_ok = all_ok && ok;
	}
	if (ztc_value(line, "agent")) {
		status = check_agent(ctx, result, &ok);
		if (status)
			return status;
		all_ok = all_ok && ok;
	}
	if (ctx->json) {
		json_dumpf(result, stdout, JSON_INDENT(2));
		putchar('\n');
	}
	return all_ok ? ZTC_EXIT_OK : ZTC_EXIT_USAGE;
}
