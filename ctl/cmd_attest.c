// SPDX-License-Identifier: Apache-2.0
/* cmd_attest.c - ztctl attest: results of manual checks are written, linted, listed, signed. */
#include <errno.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/digest.h"
#include "base/file.h"
#include "base/json.h"
#include "base/time.h"
#include "ctl/client.h"
#include "ctl/evidence/edit.h"
#include "ctl/evidence/record.h"
#include "ctl/render/table.h"
#include "ctl/render/text.h"

#define DAY_S	 86400
#define FILE_MAX (64 << 20)

static void set_text(json_t *doc, const char *key, const char *text)
{
	json_object_set_new(doc, key, zt_json_str(text ? text : ""));
}

/* The evidence beside it, by its digest: it has to lie in the same directory. */
static int add_file(json_t *files, const char *path)
{
	zt_auto(zt_freep) char *text = NULL;
	const char *slash = strrchr(path, '/');
	uint8_t digest[ZT_DIGEST_LEN];
	char hex[ZT_DIGEST_TEXT_LEN];
	size_t len;
	int r = zt_file_read(path, FILE_MAX, &text, &len, NULL);

	if (r == 0)
		r = zt_digest_of(text, len, digest);
	if (r < 0)
		return ztc_fail(ZTC_EXIT_USAGE, "cannot read '%s': %s", path, strerror(-r));
	json_array_append_new(
		files, json_pack("{s:o, s:s, s:I}", "name", zt_json_str(slash ? slash + 1 : path),
				 "sha256", zt_digest_text(digest, hex), "size", (json_int_t)len));
	return ZTC_EXIT_OK;
}

static int fill(const struct ztc_line *line, json_t *doc)
{
	const char *host = ztc_value(line, "host"), *method = ztc_value(line, "method");
	json_t *scope = json_object(), *files = json_array();
	int status = ZTC_EXIT_OK;
	struct ztc_self self;

	ztc_self(&self, "");
	if (ztc_value(line, "check"))
		set_text(doc, "check_id", ztc_value(line, "check"));
	if (ztc_value(line, "item"))
		set_text(doc, "item", ztc_value(line, "item"));
	ztc_paper_add_list(scope, "hosts", host ? host : self.host);
	json_object_set_new(doc, "scope", scope);
	set_text(doc, "result", ztc_value(line, "result"));
	set_text(doc, "method", method ? method : "EXAMINE");
	set_text(doc, "statement", ztc_value(line, "statement"));
	json_object_set_new(doc, "files", files);
	for (int i = 1; i < line->argc && !status; i++)
		status = add_file(files, line->argv[i]);
	set_text(doc, "assessor", ztc_value(line, "assessor"));
	return status;
}

int ztc_run_attest_new(struct ztc_ctx *ctx, const struct ztc_line *line)
{
	int64_t now = (int64_t)(zt_now_wall_ns() / ZT_NS_PER_S);
	zt_auto(zt_json_decref) json_t *doc = json_object();
	uint64_t days;
	int status = ztc_paper_days(line, ZTC_ATTESTATION_DEFAULT, ZTC_ATTESTATION_DAYS, &days);

	if (status)
		return status;
	set_text(doc, "format", ZTC_ATTESTATION_FORMAT);
	set_text(doc, "id", line->argv[0]);
	status = fill(line, doc);
	if (status)
		return status;
	json_object_set_new(doc, "collected_at", ztc_record_time(now));
	json_object_set_new(doc, "valid_until", ztc_record_time(now + (int64_t)days * DAY_S));
	return ztc_paper_write(ctx, line, &ztc_attestation_kind, doc);
}

int ztc_run_attest_lint(struct ztc_ctx *ctx, const struct ztc_line *line)
{
	return ztc_paper_lint(ctx, line, &ztc_attestation_kind);
}

int ztc_run_attest_sign(struct ztc_ctx *ctx, const struct ztc_line *line)
{
	return ztc_paper_sign(ctx, line, &ztc_attestation_kind);
}

/* --- list --- */

static int render_list(FILE *out, const json_t *result, const struct ztc_style *style)
{
	static const struct ztc_column columns[] = {
		{"ID", false, 0, false},	 {"ABOUT", false, 0, false},
		{"RESULT", false, 0, false},	 {"STATE", false, 0, false},
		{"VALID UNTIL", false, 0, true}, {"ASSESSOR", false, 6, true},
		{"WHY", false, 10, false},
	};
	zt_auto(ztc_table_free) struct ztc_table *table = NULL;
	const json_t *rows = json_object_get(result, "attestations"), *row;
	size_t i;
	int r = ztc_table_new(&table, columns, ARRAY_SIZE(columns));

	if (r < 0)
		return r;
	if (!json_array_size(rows))
		ztc_put_line(out, style, ZTC_PLAIN, "No attestation in %s.",
			     ztc_str(result, "path"));
	json_array_foreach (rows, i, row) {
		const char *state = ztc_str(row, "state"), *check = ztc_str(row, "check_id");

		ztc_table_cell(table, ZTC_PLAIN, "%s", ztc_str(row, "id"));
		ztc_table_cell(table, ZTC_PLAIN, "%s", *check ? check : ztc_str(row, "item"));
		ztc_table_cell(table, ZTC_PLAIN, "%s", ztc_str(row, "attested"));
		ztc_table_cell(table, strcmp(state, "valid") == 0 ? ZTC_PLAIN : ZTC_BAD, "%s",
			       state);
		ztc_table_cell(table, ZTC_PLAIN, "%.10s", ztc_str(row, "valid_until"));
		ztc_table_cell(table, ZTC_PLAIN, "%s", ztc_str(row, "assessor"));
		ztc_table_cell(table, ZTC_PLAIN, "%s", ztc_text(json_object_get(row, "why")));
	}
	return ztc_table_print(table, out, style, 0);
}

static int render_defects(FILE *out, const json_t *defects, const struct ztc_style *style)
{
	const json_t *defect;
	size_t i;

	json_array_foreach (defects, i, defect)
		ztc_put_line(out, style, ZTC_BAD, "%s: %s %s", ztc_str(defect, "file"),
			     ztc_str(defect, "at"), ztc_text(json_object_get(defect, "text")));
	return 0;
}

int ztc_run_attest_list(struct ztc_ctx *ctx, const struct ztc_line *line)
{
	zt_auto(zt_json_decref) json_t *result = json_object(), *defects = NULL;
	zt_auto(ztc_papers_free) struct ztc_papers *papers = NULL;
	struct ztc_papers_args args;
	int r;

	ztc_paper_args(line, &args, NULL);
	args.attestations = line->argc ? line->argv[0] : ZTC_ATTESTATIONS_DIR;
	r = ztc_papers_load(&papers, &args, &defects);
	if (r == -EBADMSG) {
		render_defects(stderr, defects, &ctx->style);
		return ztc_fail(ZTC_EXIT_USAGE, "the attestations are not valid");
	}
	if (r == 0)
		r = ztc_papers_join(papers, result, NULL);
	if (r < 0)
		return ztc_fail(ZTC_EXIT_FAILED, "out of memory");
	json_object_del(result, "waivers");
	json_object_set_new(result, "path", zt_json_str(args.attestations));
	return ztc_answer(ctx, result, render_list);
}
