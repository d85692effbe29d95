/* SPDX-License-Identifier: Apache-2.0 */
/*
 * doc.h - the assessment as a document: what every output is made from.
 *
 * docs/assess.md describes each member. A document is read back as strictly as a stranger's: by
 * ztc_doc_read(), which refuses what does not fit, so that renderers may rely on its shape.
 */
#pragma once
#include <jansson.h>
#include <stdio.h>

#include "ctl/render/style.h"

#define ZTC_ASSESS_FORMAT "ztseg.assessment/1"
#define ZTC_DOC_MAX	  (64 << 20) /* bytes of a document that is read */

/**
 * ztc_doc_check - whether @doc has the shape of an assessment, every member of the type that is
 * documented.
 * @ret_why: a sentence with the path of what is wrong ("checks[3].result"); the caller's (free).
 *
 * Returns 0 or -EINVAL.
 */
int ztc_doc_check(const json_t *doc, char **ret_why);

/* ztc_doc_read - from a file ("-" = stdin); checked, signature not. Returns 0 or -errno with
 * @ret_why as above. */
int ztc_doc_read(const char *path, json_t **ret, char **ret_why);

/* --- what renders it; each writes the whole to @out. Returns 0 or -errno. --- */
int ztc_report_text(FILE *out, const json_t *doc, const struct ztc_style *style,
		    bool verbose); /* report/text.c */
int ztc_report_html(FILE *out, const json_t *doc,
		    const json_t *map); /* report/html.c; @map: for the picture, or NULL */
int ztc_report_oscal(FILE *out, const json_t *doc);	      /* report/oscal.c */
int ztc_report_sarif(FILE *out, const json_t *doc, bool all); /* report/sarif.c */
int ztc_report_junit(FILE *out, const json_t *doc);	      /* report/junit.c */
int ztc_report_csv(FILE *out, const json_t *doc);	      /* report/csv.c */
int ztc_report_prometheus(FILE *out, const json_t *doc);      /* report/prometheus.c */
