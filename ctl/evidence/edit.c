// SPDX-License-Identifier: Apache-2.0
/*
 * edit.c - files of waivers and attestations are written, linted and signed by people.
 *
 * What is signed has no defect but the missing signature; nothing is overwritten but a file by its
 * signed self.
 */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

#include "base/cleanup.h"
#include "base/file.h"
#include "base/json.h"
#include "base/time.h"
#include "ctl/catalogue/catalogue.h"
#include "ctl/client.h"
#include "ctl/evidence/edit.h"
#include "ctl/evidence/record.h"
#include "ctl/evidence/safe.h"
#include "ctl/password.h"
#include "ctl/render/text.h"

const struct ztc_paper_kind ztc_waiver_kind = {"waiver", ZTC_WAIVERS_DIR, false};
const struct ztc_paper_kind ztc_attestation_kind = {"attestation", ZTC_ATTESTATIONS_DIR, true};

static const char *option(const struct ztc_line *line, const char *name, const char *dflt)
{
	const struct ztc_opt *opts = line->cmd->opts;

	for (size_t i = 0; opts && opts[i].name; i++) {
		if (strcmp(opts[i].name, name) == 0)
			return line->values[i] ? line->values[i] : dflt;
	}
	return dflt;
}

void ztc_paper_args(const struct ztc_line *line, struct ztc_papers_args *ret,
		    const json_t **ret_profile)
{
	static struct ztc_self self;
	static json_t *profile;
	size_t len;

	if (!profile) {
		const char *text = ztc_builtin_profile(&len);

		profile = json_loadb(text, len, 0, NULL);
		ztc_self(&self, "");
	}
	*ret = (struct ztc_papers_args){.trust_dir = option(line, "trust", ZTC_TRUST_DIR),
					.host = self.host,
					.catalogue = ztc_catalogue(),
					.profile = profile,
					.now_s = (int64_t)(zt_now_wall_ns() / ZT_NS_PER_S)};
	if (ret_profile)
		*ret_profile = profile;
}

/* --- lint --- */

static void print_defects(FILE *out, const json_t *defects, const struct ztc_style *style)
{
	const json_t *defect;
	size_t i;

	json_array_foreach (defects, i, defect) {
		const char *at = ztc_str(defect, "at");
		zt_auto(zt_freep) char *text = NULL;

		if (asprintf(&text, "%s: %s%s%s - %s", ztc_str(defect, "file"), at, *at ? ": " : "",
			     ztc_text(json_object_get(defect, "text")),
			     ztc_text(json_object_get(defect, "remedy"))) < 0)
			text = NULL;
		if (text)
			ztc_wrap(out, style, ZTC_BAD, 0, 4, text);
	}
}

static int render_lint(FILE *out, const json_t *result, const struct ztc_style *style)
{
	const json_t *defects = json_object_get(result, "defects");
	size_t n = json_array_size(defects);

	print_defects(out, defects, style);
	if (n)
		ztc_put_line(out, style, ZTC_BAD, "%zu defect%s", n, n == 1 ? "" : "s");
	else
		ztc_put_line(out, style, ZTC_GOOD, "no defect");
	return 0;
}

static int lint(const struct ztc_line *line, const struct ztc_paper_kind *kind, const char *path,
		bool signatures, json_t **ret)
{
	struct ztc_papers_args args;

	ztc_paper_args(line, &args, NULL);
	if (kind->attestation)
		args.attestations = path;
	else
		args.waivers = path;
	return ztc_papers_lint(&args, signatures, ret) < 0
		       ? ztc_fail(ZTC_EXIT_FAILED, "out of memory")
		       : ZTC_EXIT_OK;
}

int ztc_paper_lint(struct ztc_ctx *ctx, const struct ztc_line *line,
		   const struct ztc_paper_kind *kind)
{
	zt_auto(zt_json_decref) json_t *all = json_array(), *result = NULL;
	int status = ZTC_EXIT_OK;

	for (int i = 0; i == 0 || i < line->argc; i++) {
		zt_auto(zt_json_decref) json_t *defects = NULL;

		status = lint(line, kind, line->argc ? line->argv[i] : kind->dir, true, &defects);
		if (status)
			return status;
		json_array_extend(all, defects);
	}
	result = json_pack("{s:O}", "defects", all);
	status = ztc_answer(ctx, result, render_lint);
	return status || !json_array_size(all) ? status : ZTC_EXIT_USAGE;
}

/* --- write --- */

/* Defects of a document that is in no file yet: it is put into one that nobody else sees. */
static int lint_text(const struct ztc_line *line, const struct ztc_paper_kind *kind,
		     const char *beside, const char *text, struct ztc_ctx *ctx)
{
	zt_auto(zt_json_decref) json_t *defects = NULL;
	zt_auto(zt_freep) char *path = NULL;
	const char *slash = beside ? strrchr(beside, '/') : NULL;
	int fd, r, status;

	/* Beside its place, since the files of an attestation are looked for there. */
	if (beside ? asprintf(&path, "%.*s.%sXXXXXX", slash ? (int)(slash - beside) + 1 : 0, beside,
			      kind->what) < 0
		   : asprintf(&path, "/tmp/.%sXXXXXX", kind->what) < 0)
		return ztc_fail(ZTC_EXIT_FAILED, "out of memory");
	fd = mkostemp(path, O_CLOEXEC);
	if (fd < 0)
		return ztc_fail(ZTC_EXIT_FAILED, "cannot write '%s': %s", path, strerror(errno));
	r = zt_file_write_all(fd, text, strlen(text));
	close(fd);
	status = r < 0 ? ztc_fail(ZTC_EXIT_FAILED, "cannot write '%s': %s", path, strerror(-r))
		       : lint(line, kind, path, false, &defects);
	unlink(path);
	if (status || !json_array_size(defects))
		return status;
	for (size_t i = 0; i < json_array_size(defects); i++)
		json_object_set_new(json_array_get(defects, i), "file",
				    zt_json_str(beside ? beside : kind->what));
	print_defects(stderr, defects, &ctx->style);
	return ztc_fail(ZTC_EXIT_USAGE, "the %s is not valid; nothing was written", kind->what);
}

int ztc_paper_write(struct ztc_ctx *ctx, const struct ztc_line *line,
		    const struct ztc_paper_kind *kind, const json_t *doc)
{
	zt_auto(zt_freep) char *text = json_dumps(doc, JSON_INDENT(2)), *full = NULL;
	const char *out = ztc_value(line, "out");
	int r, status;

	if (!text || asprintf(&full, "%s\n", text) < 0)
		return ztc_fail(ZTC_EXIT_FAILED, "out of memory");
	status = lint_text(line, kind, out, full, ctx);
	if (status)
		return status;
	if (!out) {
		fputs(full, stdout);
		return ZTC_EXIT_OK;
	}
	r = zt_file_create(out, full, strlen(full), 0644);
	if (r < 0)
		return ztc_fail(r == -EEXIST ? ZTC_EXIT_USAGE : ZTC_EXIT_FAILED,
				"cannot write '%s': %s", out, strerror(-r));
	if (!ctx->json)
		printf("Wrote %s, which counts once it is signed: ztctl %s sign %s --key KEY\n",
		       out, kind->attestation ? "attest" : "waiver", out);
	return ZTC_EXIT_OK;
}

/* --- sign --- */

int ztc_paper_load(const char *path, json_t **ret)
{
	zt_auto(zt_freep) char *why = NULL;
	int r = ztc_safe_json(AT_FDCWD, path, ZTC_PAPER_MAX, ret, &why);

	return r < 0 ? ztc_fail(ZTC_EXIT_USAGE, "cannot use '%s': %s", path, why ? why : "")
		     : ZTC_EXIT_OK;
}

static int render_signed(FILE *out, const json_t *result, const struct ztc_style *style)
{
	const json_t *s = json_object_get(result, "signed");

	ztc_put_line(out, style, ZTC_GOOD, "Signed %s with key %s.", ztc_str(s, "file"),
		     ztc_str(s, "key_id"));
	return 0;
}

int ztc_paper_resign(struct ztc_ctx *ctx, const struct ztc_line *line,
		     const struct ztc_paper_kind *kind, const char *path, json_t *doc)
{
	zt_auto(zt_minisign_secret_wipe) struct zt_minisign_secret key;
	zt_auto(zt_json_decref) json_t *result = NULL;
	zt_auto(zt_freep) char *text = NULL, *full = NULL, *comment = NULL;
	char id[ZT_MINISIGN_ID_TEXT_LEN];
	int r, status;

	memset(&key, 0, sizeof(key));
	json_object_del(doc, "signature");
	text = json_dumps(doc, JSON_INDENT(2));
	status = text ? lint_text(line, kind, path, text, ctx) : ZTC_EXIT_FAILED;
	if (!status && !ztc_value(line, "key"))
		status =
			ztc_fail(ZTC_EXIT_USAGE, "with which key? --key SECKEY; 'ztctl policy sign "
						 "--generate PREFIX' makes one");
	if (!status)
		status = ztc_secret_load(ztc_value(line, "key"), ztc_value(line, "password-file"),
					 &key);
	if (status)
		return status;
	r = asprintf(&comment, "ztseg %s %.64s", kind->what, ztc_str(doc, "id")) < 0
		    ? -ENOMEM
		    : ztc_seal(doc, &key, comment);
	free(text);
	text = r < 0 ? NULL : json_dumps(doc, JSON_INDENT(2));
	if (text && asprintf(&full, "%s\n", text) > 0)
		r = zt_file_replace(path, full, strlen(full), 0644);
	else if (r == 0)
		r = -ENOMEM;
	if (r < 0)
		return ztc_fail(ZTC_EXIT_FAILED, "cannot sign '%s': %s", path, strerror(-r));
	result = json_pack("{s:{s:o, s:s}}", "signed", "file", zt_json_str(path), "key_id",
			   zt_minisign_id_text(key.pub.id, id));
	return ztc_answer(ctx, result, render_signed);
}

int ztc_paper_sign(struct ztc_ctx *ctx, const struct ztc_line *line,
		   const struct ztc_paper_kind *kind)
{
	zt_auto(zt_json_decref) json_t *doc = NULL;
	int status = ztc_paper_load(line->argv[0], &doc);

	return status ? status : ztc_paper_resign(ctx, line, kind, line->argv[0], doc);
}

/* --- pieces --- */

void ztc_paper_add_list(json_t *doc, const char *key, const char *csv)
{
	json_t *list = json_array();

	while (csv && *csv) {
		size_t n = strcspn(csv, ",");

		if (n)
			json_array_append_new(list, json_stringn(csv, n));
		csv += n + (csv[n] == ',');
	}
	json_object_set_new(doc, key, list);
}

int ztc_paper_days(const struct ztc_line *line, uint64_t dflt, uint64_t max, uint64_t *ret)
{
	const char *text = ztc_value(line, "days");

	*ret = dflt;
	if (text && ztc_parse_count(text, max, ret) < 0)
		return ztc_fail(ZTC_EXIT_USAGE, "--days '%s' is not a number from 1 to %llu", text,
				(unsigned long long)max);
	return ZTC_EXIT_OK;
}
