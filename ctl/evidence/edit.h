/* SPDX-License-Identifier: Apache-2.0 */
/*
 * edit.h - what the commands waiver and attest have in common: made, linted, listed, signed.
 */
#pragma once
#include "ctl/cmd.h"
#include "ctl/evidence/waiver.h"

/* One of the two kinds of files. */
struct ztc_paper_kind {
	const char *what; /* "waiver" */
	const char *dir;  /* of the register */
	bool attestation;
};
extern const struct ztc_paper_kind ztc_waiver_kind, ztc_attestation_kind;

/* ztc_paper_write - lint a document that is not signed yet and write it to --out, which must not be
 * there, or stdout. Exit status. */
int ztc_paper_write(struct ztc_ctx *ctx, const struct ztc_line *line,
		    const struct ztc_paper_kind *kind, const json_t *doc);

/* ztc_paper_lint, ztc_paper_sign - the whole command. Exit status. */
int ztc_paper_lint(struct ztc_ctx *ctx, const struct ztc_line *line,
		   const struct ztc_paper_kind *kind);
int ztc_paper_sign(struct ztc_ctx *ctx, const struct ztc_line *line,
		   const struct ztc_paper_kind *kind);

/* ztc_paper_load - one file as it is; its form is not looked at. Exit status, the reason printed.
 */
int ztc_paper_load(const char *path, json_t **ret);

/* ztc_paper_resign - sign and replace the file, once all but the signature holds. Exit status. */
int ztc_paper_resign(struct ztc_ctx *ctx, const struct ztc_line *line,
		     const struct ztc_paper_kind *kind, const char *path, json_t *doc);

/* ztc_paper_add_list - member @key = the texts of @csv with commas between. */
void ztc_paper_add_list(json_t *doc, const char *key, const char *csv);

/* ztc_paper_days - "--days" or @dflt. Returns exit status. */
int ztc_paper_days(const struct ztc_line *line, uint64_t dflt, uint64_t max, uint64_t *ret);

/* The arguments that every one of these commands reads with; paths are not set. */
void ztc_paper_args(const struct ztc_line *line, struct ztc_papers_args *ret,
		    const json_t **ret_profile);
