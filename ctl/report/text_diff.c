/* SPDX-License-Identifier: Apache-2.0 */
/* text_diff.c - what is better or worse than before, on a terminal. */
#include <errno.h>
#include <string.h>

#include "base/cleanup.h"
#include "ctl/assess/diff.h"
#include "ctl/i18n/say.h"
#include "ctl/render/text.h"
#include "ctl/report/report.h"
#include "ctl/report/text_parts.h"

static enum ztc_color color_of(const char *change)
{
	return strcmp(change, "worse") == 0    ? ZTC_BAD
	       : strcmp(change, "better") == 0 ? ZTC_GOOD
					       : ZTC_PLAIN;
}

static const char *mark_of(const char *change)
{
	return strcmp(change, "worse") == 0 ? "-" : strcmp(change, "better") == 0 ? "+" : "~";
}

static void put_names(FILE *out, const struct ztc_style *style, const char *word,
		      const json_t *names)
{
	const json_t *name;
	size_t i;

	json_array_foreach (names, i, name) {
		fputs("    ", out);
		ztc_put(out, style, ZTC_DIM, "%s ", word);
		ztc_wrap(out, style, ZTC_PLAIN, 5 + ztc_width(word, strlen(word)), 6,
			 json_string_value(name));
	}
}

static void put_side(FILE *out, const struct ztc_style *style, const char *word, const json_t *side)
{
	ztc_put(out, style, ZTC_PLAIN, "%s  %s  %s  %.15s..", word, ztc_str(side, "host"),
		ztc_str(side, "ended"), ztc_str(side, "digest"));
	fputc('\n', out);
}

static void put_check(FILE *out, const struct ztc_style *style, const json_t *row)
{
	const char *change = ztc_str(row, "change");

	ztc_put(out, style, color_of(change), "%s %s  %s -> %s", mark_of(change),
		ztc_str(row, "id"), ztc_tr(ztc_report_result(ztc_str(row, "a"))),
		ztc_tr(ztc_report_result(ztc_str(row, "b"))));
	fputc('\n', out);
	fputs("    ", out);
	ztc_wrap(out, style, ZTC_PLAIN, 4, 4, ztc_text(json_object_get(row, "reason")));
	put_names(out, style, ztc_tr("new:"), json_object_get(row, "new_offenders"));
	put_names(out, style, ztc_tr("gone:"), json_object_get(row, "gone_offenders"));
}

int ztc_report_diff(FILE *out, const json_t *diff, const struct ztc_style *style)
{
	const json_t *row;
	size_t i;

	put_side(out, style, "A", json_object_get(diff, "a"));
	put_side(out, style, "B", json_object_get(diff, "b"));
	json_array_foreach (json_object_get(diff, "notes"), i, row) {
		const char *word = ztc_tr("note:");

		ztc_put(out, style, ZTC_WARN, "%s ", word);
		ztc_wrap(out, style, ZTC_PLAIN, ztc_width(word, strlen(word)) + 1, 2,
			 ztc_text(row));
	}
	json_array_foreach (json_object_get(diff, "levels"), i, row) {
		ztc_put(out, style, ZTC_BOLD, "%s %s: %s -> %s", ztc_tr("level:"),
			ztc_tr(ztc_str(row, "basis")), ztc_str(row, "a"), ztc_str(row, "b"));
		fputc('\n', out);
	}
	json_array_foreach (json_object_get(diff, "items"), i, row) {
		const char *change = ztc_str(row, "change");

		ztc_put(out, style, color_of(change), "%s %s  ", mark_of(change),
			ztc_str(row, "id"));
		ztc_text_status(out, style, ztc_str(row, "a"), 0);
		fputs(" -> ", out);
		ztc_text_status(out, style, ztc_str(row, "b"), 0);
		fputc('\n', out);
	}
	json_array_foreach (json_object_get(diff, "checks"), i, row)
		put_check(out, style, row);
	ztc_put(out, style, ZTC_PLAIN, ztc_tr("%lld better, %lld worse"),
		(long long)ztc_int(diff, "better"), (long long)ztc_int(diff, "worse"));
	fputc('\n', out);
	ztc_wrap(out, style, ZTC_DIM, 0, 0, ztc_text(json_object_get(diff, "statement")));
	return ferror(out) ? -EIO : 0;
}
