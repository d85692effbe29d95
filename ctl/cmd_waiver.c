// SPDX-License-Identifier: Apache-2.0
/* cmd_waiver.c - ztctl waiver: accepted risks are written, linted, listed, signed, revoked. */
#include <errno.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/json.h"
#include "base/time.h"
#include "ctl/client.h"
#include "ctl/evidence/edit.h"
#include "ctl/evidence/record.h"
#include "ctl/render/table.h"
#include "ctl/render/text.h"

#define DAY_S 86400

/* --- new --- */

static void set_text(json_t *doc, const char *key, const char *text)
{
	json_object_set_new(doc, key, zt_json_str(text ? text : ""));
}

/* What stays the same when the same risk is accepted for another while. */
static int renew(const struct ztc_line *line, json_t *doc)
{
	static const char *const keys[] = {"check_id", "scope",	       "raw_result_at_grant",
					   "reason",   "compensating", "owner",
					   "approver", "ticket",       "max_renewals"};
	zt_auto(zt_json_decref) json_t *old = NULL;
	int status = ztc_paper_load(ztc_value(line, "renew"), &old);

	if (status)
		return status;
	for (size_t i = 0; i < ARRAY_SIZE(keys); i++) {
		if (json_object_get(old, keys[i]))
			json_object_set(doc, keys[i], json_object_get(old, keys[i]));
	}
	set_text(doc, "renews", ztc_str(old, "id"));
	json_object_set_new(doc, "renewals", json_integer(ztc_int(old, "renewals") + 1));
	return ZTC_EXIT_OK;
}

static void fill(const struct ztc_line *line, json_t *doc)
{
	const char *host = ztc_value(line, "host"), *resource = ztc_value(line, "resource");
	const char *result = ztc_value(line, "result");
	struct ztc_self self;
	json_t *scope = json_object();

	ztc_self(&self, "");
	set_text(doc, "check_id", ztc_value(line, "check"));
	ztc_paper_add_list(scope, "hosts", host ? host : self.host);
	set_text(scope, "resource", resource ? resource : "host");
	json_object_set_new(doc, "scope", scope);
	set_text(doc, "raw_result_at_grant", result ? result : "fail");
	set_text(doc, "reason", ztc_value(line, "reason"));
	ztc_paper_add_list(doc, "compensating", ztc_value(line, "compensating"));
	set_text(doc, "owner", ztc_value(line, "owner"));
	set_text(doc, "approver", ztc_value(line, "approver"));
	set_text(doc, "ticket", ztc_value(line, "ticket"));
	json_object_set_new(doc, "renewals", json_integer(0));
	json_object_set_new(doc, "max_renewals", json_integer(ZTC_WAIVER_RENEWALS));
}

int ztc_run_waiver_new(struct ztc_ctx *ctx, const struct ztc_line *line)
{
	int64_t now = (int64_t)(zt_now_wall_ns() / ZT_NS_PER_S);
	zt_auto(zt_json_decref) json_t *doc = json_object();
	uint64_t days;
	int status = ztc_paper_days(line, ZTC_WAIVER_CRITICAL_DAYS, ZTC_WAIVER_DAYS, &days);

	if (status)
		return status;
	set_text(doc, "format", ZTC_WAIVER_FORMAT);
	set_text(doc, "id", line->argv[0]);
	if (ztc_value(line, "renew"))
		status = renew(line, doc);
	else
		fill(line, doc);
	if (status)
		return status;
	json_object_set_new(doc, "granted_at", ztc_record_time(now));
	json_object_set_new(doc, "expires_at", ztc_record_time(now + (int64_t)days * DAY_S));
	return ztc_paper_write(ctx, line, &ztc_waiver_kind, doc);
}

int ztc_run_waiver_lint(struct ztc_ctx *ctx, const struct ztc_line *line)
{
	return ztc_paper_lint(ctx, line, &ztc_waiver_kind);
}

int ztc_run_waiver_sign(struct ztc_ctx *ctx, const struct ztc_line *line)
{
	return ztc_paper_sign(ctx, line, &ztc_waiver_kind);
}

/* --- list --- */

static enum ztc_color color_of(const char *state, int64_t days)
{
	if (strcmp(state, "invalid") == 0 || strcmp(state, "expired") == 0)
		return ZTC_BAD;
	if (strcmp(state, "revoked") == 0)
		return ZTC_DIM;
	return days <= 14 ? ZTC_WARN : ZTC_PLAIN;
}

static int render_list(FILE *out, const json_t *result, const struct ztc_style *style)
{
	static const struct ztc_column columns[] = {
		{"ID", false, 0, false},	{"CHECK", false, 0, false},
		{"RESOURCE", false, 10, false}, {"STATE", false, 0, false},
		{"DAYS LEFT", true, 0, false},	{"OWNER", false, 6, true},
		{"APPROVER", false, 6, true},
	};
	zt_auto(ztc_table_free) struct ztc_table *table = NULL;
	const json_t *rows = json_object_get(result, "waivers"), *row;
	size_t i;
	int r = ztc_table_new(&table, columns, ARRAY_SIZE(columns));

	if (r < 0)
		return r;
	if (!json_array_size(rows))
		ztc_put_line(out, style, ZTC_PLAIN, "No waiver in %s.", ztc_str(result, "path"));
	json_array_foreach (rows, i, row) {
		const char *state = ztc_str(row, "state"), *id = ztc_str(row, "id");
		bool dated = json_object_get(row, "days_left") != NULL;

		ztc_table_cell(table, ZTC_PLAIN, "%s", *id ? id : ztc_str(row, "file"));
		ztc_table_cell(table, ZTC_PLAIN, "%s", ztc_str(row, "check"));
		ztc_table_cell(table, ZTC_PLAIN, "%s", ztc_str(row, "resource"));
		ztc_table_cell(table, color_of(state, ztc_int(row, "days_left")), "%s", state);
		ztc_table_cell(table, ZTC_PLAIN, dated ? "%lld" : "",
			       (long long)ztc_int(row, "days_left"));
		ztc_table_cell(table, ZTC_PLAIN, "%s", ztc_str(row, "owner"));
		ztc_table_cell(table, ZTC_PLAIN, "%s", ztc_str(row, "approver"));
	}
	return ztc_table_print(table, out, style, 0);
}

/* Those that end so soon, and those that are over or not valid. */
static void keep_expiring(json_t *result, uint64_t days)
{
	json_t *rows = json_object_get(result, "waivers");

	for (size_t i = json_array_size(rows); i > 0; i--) {
		const json_t *row = json_array_get(rows, i - 1);

		if (strcmp(ztc_str(row, "state"), "revoked") == 0 ||
		    (strcmp(ztc_str(row, "state"), "valid") == 0 &&
		     ztc_int(row, "days_left") > (int64_t)days))
			json_array_remove(rows, i - 1);
	}
}

int ztc_run_waiver_list(struct ztc_ctx *ctx, const struct ztc_line *line)
{
	zt_auto(zt_json_decref) json_t *result = json_object();
	const char *expiring = ztc_value(line, "expiring");
	struct ztc_papers_args args;
	uint64_t days = 0;
	int r;

	if (expiring && ztc_parse_count(expiring, 3650, &days) < 0)
		return ztc_fail(ZTC_EXIT_USAGE, "--expiring '%s' is not a number of days",
				expiring);
	ztc_paper_args(line, &args, NULL);
	args.waivers = line->argc ? line->argv[0] : ZTC_WAIVERS_DIR;
	r = ztc_waivers_register(&args, result);
	if (r < 0)
		return ztc_fail(ZTC_EXIT_FAILED, "cannot read the waivers in '%s': %s",
				args.waivers,
				*ztc_str(result, "why") ? ztc_str(result, "why") : strerror(-r));
	if (expiring)
		keep_expiring(result, days);
	return ztc_answer(ctx, result, render_list);
}

/* --- revoke --- */

int ztc_run_waiver_revoke(struct ztc_ctx *ctx, const struct ztc_line *line)
{
	int64_t now = (int64_t)(zt_now_wall_ns() / ZT_NS_PER_S);
	const char *by = ztc_value(line, "by"), *reason = ztc_value(line, "reason");
	zt_auto(zt_json_decref) json_t *doc = NULL;
	json_t *revoked;
	int status;

	if (!by || !reason)
		return ztc_fail(ZTC_EXIT_USAGE, "who revokes it, and why? --by NAME --reason TEXT");
	status = ztc_paper_load(line->argv[0], &doc);
	if (status)
		return status;
	revoked = json_pack("{s:o, s:o, s:o}", "at", ztc_record_time(now), "by", zt_json_str(by),
			    "reason", zt_json_str(reason));
	json_object_set_new(doc, "revoked", revoked);
	return ztc_paper_resign(ctx, line, &ztc_waiver_kind, line->argv[0], doc);
}
