/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cmd_assess_show.c - ztctl assess show and diff: results that were saved.
 *
 * A file is a stranger's: its shape is checked and its signature looked at before anything of it
 * is shown, and what has expired since counts as unknown.
 */
#include <errno.h>
#include <string.h>
#include <time.h>

#include "base/cleanup.h"
#include "base/file.h"
#include "base/json.h"
#include "ctl/assess/assess.h"
#include "ctl/catalogue/catalogue.h"
#include "ctl/assess/diff.h"
#include "ctl/assess/doc.h"
#include "ctl/assess/exit.h"
#include "ctl/assess/levels.h"
#include "ctl/assess/output.h"
#include "ctl/cmd.h"
#include "ctl/evidence/record.h"
#include "ctl/evidence/seal.h"
#include "ctl/fleet/set.h"
#include "ctl/i18n/say.h"
#include "ctl/render/text.h"
#include "ctl/report/text_parts.h"

static const char *const seal_names[] = {
	[ZTC_SEALED_NONE] = "none",
	[ZTC_SEALED_BAD] = "bad",
	[ZTC_SEALED_UNKNOWN] = "unknown",
	[ZTC_SEALED_OK] = "ok",
};

static json_t *seal_note(enum ztc_sealed sealed, const char *signer, const char *key_id)
{
	switch (sealed) {
	case ZTC_SEALED_OK:
		return ztc_say(N_("signed by %s (key %s): as it was written"), signer, key_id);
	case ZTC_SEALED_UNKNOWN:
		return ztc_say(N_("signed by key %s, which nobody here trusts for hosts"), key_id);
	default:
		return ztc_say(N_("not signed: anybody may have written or changed it"));
	}
}

/* Sets doc["seal"] and says what it is; a signature that does not hold is refused. */
static int look_at_seal(const struct ztc_line *line, const char *path, json_t *doc,
			json_t **ret_note)
{
	const char *dir = ztc_value(line, "trust"), *signer = NULL, *why = NULL;
	char key_id[ZT_MINISIGN_ID_TEXT_LEN] = "";
	zt_auto(ztc_trust_free) struct ztc_trust trust = {0};
	zt_auto(zt_freep) char *trust_why = NULL;
	enum ztc_sealed sealed;

	if (ztc_trust_load(&trust, dir ? dir : ZTC_TRUST_DIR, &trust_why) < 0)
		return ztc_fail(ZTC_ASSESS_FAILED, "%s", trust_why ? trust_why : "out of memory");
	sealed = ztc_unseal(doc, &trust, ZTC_ROLE_HOST, &signer, key_id, &why);
	if (sealed == ZTC_SEALED_BAD)
		return ztc_fail(ZTC_ASSESS_INVALID,
				"'%s' is refused: it is not what was signed (%s)", path, why);
	*ret_note = seal_note(sealed, signer, key_id);
	json_object_set_new(doc, "seal",
			    json_pack("{s:s, s:o, s:o}", "state", seal_names[sealed], "signer",
				      signer ? zt_json_str(signer) : json_null(), "key_id",
				      *key_id ? json_string(key_id) : json_null()));
	return ZTC_ASSESS_MET;
}

/* One assessment, or those of many hosts where @ret_set is given. */
static int read_one(const struct ztc_line *line, const char *path, json_t **ret, json_t **ret_set,
		    json_t **ret_note)
{
	zt_auto(zt_json_decref) json_t *set = NULL, *doc = NULL;
	zt_auto(zt_freep) char *why = NULL;
	int status;

	if (ztc_set_read(path, &set, &why) < 0)
		return ztc_fail(ZTC_ASSESS_INVALID, "'%s' is no assessment: %s", path,
				why ? why : "out of memory");
	doc = ztc_set_single(set);
	if (!doc && !ret_set)
		return ztc_fail(ZTC_ASSESS_INVALID,
				"'%s' has many hosts: this takes the assessment of one", path);
	status = look_at_seal(line, path, doc ? doc : set, ret_note);
	if (status)
		return status;
	if (doc)
		*ret = zt_take(doc);
	else
		*ret_set = zt_take(set);
	return ZTC_ASSESS_MET;
}

/* The target that it was judged with, unless another is asked for. */
static int read_target(const struct ztc_line *line, const json_t *doc, int *ret_level,
		       bool *ret_accept)
{
	const char *target = ztc_value(line, "target"), *accept = ztc_value(line, "accept");
	const json_t *was = json_object_get(doc, "target");
	json_int_t level = ztc_int(was, "level");

	*ret_level = level >= 1 && level <= ZTC_LEVELS ? (int)level : 1;
	*ret_accept = accept || strcmp(ztc_str(was, "basis"), "waived") == 0;
	if (target && ztc_level_find(target, ret_level) < 0)
		return ztc_fail(ZTC_ASSESS_FAILED, "--target takes I, II, III or IV, not '%s'",
				target);
	if (accept && strcmp(accept, "waivers") != 0)
		return ztc_fail(ZTC_ASSESS_FAILED, "--accept takes waivers, not '%s'", accept);
	return ZTC_ASSESS_MET;
}

static int show_set(struct ztc_ctx *ctx, const struct ztc_line *line, json_t *set)
{
	bool accept;
	int level, result, status = read_target(line, set, &level, &accept);

	if (status)
		return status;
	json_object_del(set, "signature");
	result = ztc_set_again(set, level, accept, time(NULL));
	status = ztc_output(ctx, line, set, NULL);
	return status ? status : result;
}

/* As it counts now. The signature is over what was: it goes with it. */
static int judge_again(const struct ztc_line *line, json_t *doc)
{
	bool accept;
	int level, status = read_target(line, doc, &level, &accept);

	if (status)
		return -status;
	json_object_del(doc, "signature");
	return ztc_assess_again(doc, level, accept, time(NULL));
}

int ztc_run_assess_show(struct ztc_ctx *ctx, const struct ztc_line *line)
{
	zt_auto(zt_json_decref) json_t *doc = NULL, *set = NULL, *note = NULL;
	const char *id = ztc_value(line, "explain");
	const json_t *row = id ? ztc_catalogue_find(id) : NULL;
	int result, status = ztc_output_check(ctx, line);

	if (!status && id && !row)
		status = ztc_fail(ZTC_ASSESS_FAILED, "no check '%s'", id);
	if (!status)
		status = read_one(line, line->argv[0], &doc, id ? NULL : &set, &note);
	if (status)
		return status;
	if (set)
		return show_set(ctx, line, set);
	json_array_insert(json_object_get(doc, "notes"), 0, note);
	result = judge_again(line, doc);
	if (result < 0)
		return -result;
	if (row) {
		ztc_text_explain(stdout, row, doc, NULL, &ctx->style);
		return ZTC_ASSESS_MET;
	}
	status = ztc_output(ctx, line, doc, NULL);
	return status ? status : result;
}

int ztc_run_assess_diff(struct ztc_ctx *ctx, const struct ztc_line *line)
{
	zt_auto(zt_json_decref) json_t *a = NULL, *b = NULL, *diff = NULL;
	zt_auto(zt_json_decref) json_t *note_a = NULL, *note_b = NULL;
	const char *lang = ztc_value(line, "lang");
	int status;

	if (ztc_lang_set(lang) < 0)
		return ztc_fail(ZTC_ASSESS_FAILED, "--lang takes en or zh-TW, not '%s'", lang);
	status = read_one(line, line->argv[0], &a, NULL, &note_a);
	if (!status)
		status = read_one(line, line->argv[1], &b, NULL, &note_b);
	if (status)
		return status;
	/* Compared as they were: what has expired since is no change of the host. */
	json_object_del(a, "seal");
	json_object_del(b, "seal");
	diff = ztc_assess_diff(a, b);
	if (!diff)
		return ztc_fail(ZTC_ASSESS_FAILED, "out of memory");
	if (ctx->json)
		status = json_dumpf(diff, stdout, JSON_INDENT(2)) == 0 && putchar('\n') != EOF
				 ? 0
				 : -EIO;
	else
		status = ztc_report_diff(stdout, diff, &ctx->style);
	if (status < 0)
		return ztc_fail(ZTC_ASSESS_FAILED, "cannot write the answer");
	return ztc_int(diff, "worse") ? ZTC_ASSESS_NOT_MET : ZTC_ASSESS_MET;
}
