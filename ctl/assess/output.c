/* SPDX-License-Identifier: Apache-2.0 */
/* output.c - one document, in the format that was asked for, to a file or to stdout. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/file.h"
#include "base/json.h"
#include "ctl/assess/doc.h"
#include "ctl/assess/exit.h"
#include "ctl/assess/output.h"
#include "ctl/evidence/seal.h"
#include "ctl/fleet/set.h"
#include "ctl/i18n/say.h"
#include "ctl/report/report.h"
#include "ctl/render/text.h"
#include "ctl/report/report.h"

static const char *const formats[] = {"html",  "oscal", "sarif",     "sarif-all",
				      "junit", "csv",	"prometheus"};

int ztc_output_check(const struct ztc_ctx *ctx, const struct ztc_line *line)
{
	const char *first = ctx->json ? "json" : NULL, *lang = ztc_value(line, "lang");

	for (size_t i = 0; i < ARRAY_SIZE(formats); i++) {
		if (!ztc_value(line, formats[i]))
			continue;
		if (first)
			return ztc_fail(ZTC_ASSESS_FAILED,
					"--%s and --%s are two answers: take one", first,
					formats[i]);
		first = formats[i];
	}
	if (ztc_value(line, "map") && !ztc_value(line, "html"))
		return ztc_fail(ZTC_ASSESS_FAILED, "--map goes with --html");
	if (ztc_lang_set(lang) < 0)
		return ztc_fail(ZTC_ASSESS_FAILED, "--lang takes en or zh-TW, not '%s'", lang);
	return ZTC_ASSESS_MET;
}

bool ztc_output_html(const struct ztc_line *line)
{
	return ztc_value(line, "html") != NULL;
}

static int write_json(FILE *out, const json_t *doc)
{
	zt_auto(zt_freep) char *text = NULL;
	size_t len;
	int r = ztc_canonical(doc, &text, &len);

	if (r < 0)
		return r;
	return fwrite(text, 1, len, out) == len && fputc('\n', out) != EOF ? 0 : -EIO;
}

static int write_as_asked(FILE *out, const struct ztc_ctx *ctx, const struct ztc_line *line,
			  const json_t *doc, const json_t *map)
{
	if (ctx->json)
		return write_json(out, doc);
	if (ztc_value(line, "html"))
		return ztc_report_html(out, doc, map);
	if (ztc_value(line, "oscal"))
		return ztc_report_oscal(out, doc);
	if (ztc_value(line, "sarif") || ztc_value(line, "sarif-all"))
		return ztc_report_sarif(out, doc, ztc_value(line, "sarif-all") != NULL);
	if (ztc_value(line, "junit"))
		return ztc_report_junit(out, doc);
	if (ztc_value(line, "csv"))
		return ztc_report_csv(out, doc);
	if (ztc_value(line, "prometheus"))
		return ztc_report_prometheus(out, doc);
	if (strcmp(ztc_str(doc, "format"), ZTC_SET_FORMAT) == 0)
		return ztc_set_text(out, doc, &ctx->style);
	return ztc_report_text(out, doc, &ctx->style, ztc_value(line, "verbose") != NULL);
}

int ztc_output(const struct ztc_ctx *ctx, const struct ztc_line *line, const json_t *doc,
	       const json_t *map)
{
	const char *path = ztc_value(line, "out"), *saved = ztc_value(line, "map");
	zt_auto(zt_json_decref) json_t *own = NULL;
	zt_auto(zt_freep) char *text = NULL;
	zt_auto(zt_freep) char *why = NULL;
	size_t len = 0;
	FILE *out;
	int r;

	if (saved && ztc_report_map(&own, saved, &why) < 0)
		return ztc_fail(ZTC_ASSESS_FAILED, "%s", why ? why : "out of memory");
	out = open_memstream(&text, &len);
	r = out ? write_as_asked(out, ctx, line, doc, own ? own : map) : -ENOMEM;
	if (out && fclose(out) != 0 && r == 0)
		r = -ENOMEM;
	/* What is scraped is read by another user; all else says much about a host. */
	if (r == 0 && path)
		r = zt_file_replace(path, text, len, ztc_value(line, "prometheus") ? 0644 : 0600);
	else if (r == 0 && fwrite(text, 1, len, stdout) != len)
		r = -EIO;
	if (r < 0)
		return ztc_fail(ZTC_ASSESS_FAILED, "cannot write %s%s%s: %s",
				path ? "'" : "the answer", path ? path : "", path ? "'" : "",
				strerror(-r));
	return ZTC_ASSESS_MET;
}

int ztc_write_file(const char *path, const json_t *doc)
{
	zt_auto(zt_freep) char *text = NULL;
	size_t len;
	int r = ztc_canonical(doc, &text, &len);

	return r < 0 ? r : zt_file_replace(path, text, len, 0600);
}
