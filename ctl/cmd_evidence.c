// SPDX-License-Identifier: Apache-2.0
/*
 * cmd_evidence.c - ztctl evidence: records from elsewhere are verified and kept; what there is.
 *
 * A record whose signature does not hold, or is by nobody with the role, never gets in.
 */
#include <errno.h>
#include <fcntl.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/file.h"
#include "base/json.h"
#include "base/time.h"
#include "ctl/collect/collect.h"
#include "ctl/client.h"
#include "ctl/evidence/record.h"
#include "ctl/evidence/safe.h"
#include "ctl/render/table.h"
#include "ctl/render/text.h"

#define FILE_MAX (4 << 20)

static int64_t now_s(void)
{
	return (int64_t)(zt_now_wall_ns() / ZT_NS_PER_S);
}

static const char *or_default(const char *text, const char *dflt)
{
	return text ? text : dflt;
}

/* --- add --- */

struct adding {
	const char *state_dir;
	const char *file;
	struct ztc_trust *trust;
	struct ztc_self self;
	struct zt_minisign_pub own;
	bool has_own;
	json_t *added;
};

static int add_record(struct adding *a, json_t *record)
{
	zt_auto(zt_json_decref) json_t *checked = json_deep_copy(record);
	const char *why = "";
	int r;

	if (!json_is_object(record))
		return ztc_fail(ZTC_EXIT_USAGE, "'%s' holds something that is no record", a->file);
	r = ztc_record_check(checked, &a->self, a->trust, a->has_own ? &a->own : NULL, now_s(),
			     &why);
	if (r < 0)
		return ztc_fail(ZTC_EXIT_USAGE, "the record in '%s' is refused: %s", a->file, why);
	if (strcmp(ztc_str(checked, "seal"), "ok") != 0)
		return ztc_fail(
			ZTC_EXIT_USAGE,
			"the record in '%s' is refused: it is %s; put the public key of who "
			"may sign it into the trust directory",
			a->file,
			strcmp(ztc_str(checked, "seal"), "none") == 0
				? "not signed"
				: "signed by a key that has no role for it");
	r = ztc_record_store(a->state_dir, record, NULL);
	if (r == -EEXIST)
		return ztc_fail(ZTC_EXIT_USAGE, "the record %s is there already",
				ztc_str(record, "id"));
	if (r < 0)
		return ztc_fail(ZTC_EXIT_FAILED, "cannot keep the record in %s: %s", a->state_dir,
				strerror(-r));
	json_object_del(checked, "body");
	json_object_del(checked, "signature");
	json_array_append_new(a->added, zt_take(checked));
	return ZTC_EXIT_OK;
}

static int add_file(struct adding *a)
{
	zt_auto(zt_freep) char *text = NULL;
	zt_auto(zt_json_decref) json_t *doc = NULL;
	json_error_t error;
	json_t *record;
	size_t len, i;
	int status = ZTC_EXIT_OK, r = zt_file_read(a->file, FILE_MAX, &text, &len, NULL);

	if (r < 0)
		return ztc_fail(ZTC_EXIT_USAGE, "cannot read '%s': %s", a->file, strerror(-r));
	doc = json_loadb(text, len, JSON_REJECT_DUPLICATES, &error);
	if (!doc)
		return ztc_fail(ZTC_EXIT_USAGE, "'%s', line %d, column %d: no valid JSON", a->file,
				error.line, error.column);
	if (!json_is_array(doc))
		return add_record(a, doc);
	json_array_foreach (doc, i, record) {
		if (!status)
			status = add_record(a, record);
	}
	return status;
}

static int render_added(FILE *out, const json_t *result, const struct ztc_style *style)
{
	const json_t *record;
	size_t i;

	json_array_foreach (json_object_get(result, "added"), i, record)
		ztc_put_line(out, style, ZTC_GOOD, "Kept %s %s: %s, signed by %s, grade %s.",
			     ztc_str(record, "kind"), ztc_str(record, "id"),
			     ztc_str(record, "result"), ztc_str(record, "signer"),
			     ztc_str(record, "grade"));
	return 0;
}

int ztc_run_evidence_add(struct ztc_ctx *ctx, const struct ztc_line *line)
{
	zt_auto(zt_json_decref) json_t *result = json_pack("{s:[]}", "added");
	zt_auto(zt_freep) struct ztc_trust *trust = calloc(1, sizeof(*trust));
	zt_auto(zt_freep) char *why = NULL;
	struct adding a = {.state_dir = or_default(ztc_value(line, "state-dir"), ZTC_STATE_DIR),
			   .trust = trust,
			   .added = json_object_get(result, "added")};
	int status = ZTC_EXIT_OK;

	if (!trust ||
	    ztc_trust_load(trust, or_default(ztc_value(line, "trust"), ZTC_TRUST_DIR), &why) < 0)
		return ztc_fail(ZTC_EXIT_USAGE, "%s", why ? why : "out of memory");
	ztc_self(&a.self, "");
	a.has_own = ztc_host_pub(a.state_dir, &a.own) == 0;
	for (int i = 0; i < line->argc && !status; i++) {
		a.file = line->argv[i];
		status = add_file(&a);
	}
	ztc_trust_free(trust);
	return status ? status : ztc_answer(ctx, result, render_added);
}

/* --- list --- */

static const char *const lists[] = {"drills",	   "probes", "receipts", "reviews",
				    "assessments", "alerts", "approvals"};

static int render_list(FILE *out, const json_t *result, const struct ztc_style *style)
{
	static const struct ztc_column columns[] = {
		{"ENDED", false, 0, false},  {"KIND", false, 0, false}, {"NAME", false, 6, false},
		{"RESULT", false, 0, false}, {"SEAL", false, 0, false}, {"GRADE", false, 0, false},
		{"SIGNER", false, 6, true},  {"ID", false, 12, true},
	};
	zt_auto(ztc_table_free) struct ztc_table *table = NULL;
	const json_t *row;
	size_t i, n = 0;
	int r = ztc_table_new(&table, columns, ARRAY_SIZE(columns));

	for (size_t l = 0; r == 0 && l < ARRAY_SIZE(lists); l++) {
		json_array_foreach (json_object_get(result, lists[l]), i, row) {
			const char *seal = ztc_str(row, "seal");

			n++;
			ztc_table_cell(table, ZTC_PLAIN, "%s", ztc_str(row, "ended"));
			ztc_table_cell(table, ZTC_PLAIN, "%s", ztc_str(row, "kind"));
			ztc_table_cell(table, ZTC_PLAIN, "%s", ztc_str(row, "name"));
			ztc_table_cell(table, ZTC_PLAIN, "%s", ztc_str(row, "result"));
			ztc_table_cell(table, strcmp(seal, "ok") == 0 ? ZTC_PLAIN : ZTC_WARN, "%s",
				       seal);
			ztc_table_cell(table, ZTC_PLAIN, "%s", ztc_str(row, "grade"));
			ztc_table_cell(table, ZTC_PLAIN, "%s", ztc_str(row, "signer"));
			ztc_table_cell(table, ZTC_PLAIN, "%s", ztc_str(row, "id"));
		}
	}
	r = r < 0 ? r : ztc_table_print(table, out, style, 0);
	ztc_put_line(out, style, ZTC_PLAIN, "%zu record%s", n, n == 1 ? "" : "s");
	json_array_foreach (json_object_get(result, "refused"), i, row)
		ztc_put_line(out, style, ZTC_BAD, "refused: %s: %s", ztc_str(row, "file"),
			     ztc_str(row, "why"));
	return r;
}

int ztc_run_evidence_list(struct ztc_ctx *ctx, const struct ztc_line *line)
{
	zt_auto(zt_json_decref) json_t *result = json_object();
	zt_auto(zt_freep) char *why = NULL, *list = NULL;
	const char *kind = ztc_value(line, "kind");
	struct ztc_env env = {.root = "",
			      .state_dir = or_default(ztc_value(line, "state-dir"), ZTC_STATE_DIR),
			      .trust_dir = or_default(ztc_value(line, "trust"), ZTC_TRUST_DIR),
			      .now_s = now_s()};
	bool known = !kind;

	if (ztc_records_read(&env, result, &why) < 0)
		return ztc_fail(ZTC_EXIT_FAILED, "%s", why ? why : "out of memory");
	if (kind && asprintf(&list, "%ss", kind) < 0)
		return ztc_fail(ZTC_EXIT_FAILED, "out of memory");
	for (size_t l = 0; kind && l < ARRAY_SIZE(lists); l++) {
		if (strcmp(lists[l], list) == 0)
			known = true;
		else
			json_object_del(result, lists[l]);
	}
	if (!known)
		return ztc_fail(ZTC_EXIT_USAGE,
				"there are no records of kind '%s': drill, probe, receipt, review, "
				"assessment, alert, approval",
				kind);
	return ztc_answer(ctx, result, render_list);
}
