/* SPDX-License-Identifier: Apache-2.0 */
/* text_long.c - every check with its reason (-v), and one check in full (--explain). */
#include <inttypes.h>
#include <limits.h>
#include <string.h>

#include "base/cleanup.h"
#include "ctl/assess/assess.h"
#include "ctl/catalogue/catalogue.h"
#include "ctl/i18n/say.h"
#include "ctl/render/text.h"
#include "ctl/report/report.h"
#include "ctl/report/text_parts.h"

#define RESULT_WIDTH 15
#define OFFENDERS    5 /* shown with -v; --explain shows all that the document has */

static enum ztc_color color_of(const char *result)
{
	if (strcmp(result, "pass") == 0)
		return ZTC_GOOD;
	if (strcmp(result, "fail") == 0 || strcmp(result, "error") == 0)
		return ZTC_BAD;
	return strcmp(result, "notapplicable") == 0 ? ZTC_DIM : ZTC_WARN;
}

/* "word: text", wrapped; nothing for an empty text. */
static void put_line(FILE *out, const struct ztc_style *style, unsigned int indent,
		     const char *word, const char *text)
{
	unsigned int width = ztc_width(word, strlen(word)) + 1;

	if (!*text)
		return;
	fprintf(out, "%*s", (int)indent, "");
	ztc_put(out, style, ZTC_DIM, "%s ", word);
	ztc_wrap(out, style, ZTC_PLAIN, indent + width, indent + 2, text);
}

static void put_offenders(FILE *out, const struct ztc_style *style, const json_t *check,
			  unsigned int indent, size_t max)
{
	const json_t *rows = json_object_get(check, "offenders"), *row;
	int64_t total = ztc_int(check, "offenders_total");
	size_t i;

	json_array_foreach (rows, i, row) {
		if (i >= max)
			break;
		fprintf(out, "%*s- ", (int)indent, "");
		ztc_put(out, style, ZTC_BOLD, "%s  ", ztc_str(row, "resource"));
		ztc_wrap(out, style, ZTC_PLAIN,
			 indent + 4 +
				 ztc_width(ztc_str(row, "resource"),
					   strlen(ztc_str(row, "resource"))),
			 indent + 2, ztc_text(json_object_get(row, "text")));
	}
	if (total > (int64_t)i) {
		fprintf(out, "%*s", (int)indent, "");
		ztc_put(out, style, ZTC_PLAIN, ztc_tr("%lld in all"), (long long)total);
		fputc('\n', out);
	}
}

static void put_papers(FILE *out, const struct ztc_style *style, const json_t *check,
		       unsigned int indent)
{
	const json_t *disposition = json_object_get(check, "disposition");
	const json_t *attestation = json_object_get(check, "attestation");
	zt_auto(zt_freep) char *line = NULL;
	zt_auto(zt_freep) char *other = NULL;

	if (disposition && asprintf(&line, ztc_tr("%s by %s until %s; the result stays what it is"),
				    ztc_str(disposition, "state"), ztc_str(disposition, "waiver"),
				    ztc_str(disposition, "expires_at")) >= 0)
		put_line(out, style, indent, ztc_tr("waiver:"), line);
	if (attestation &&
	    asprintf(&other, ztc_tr("%s by %s until %s; never satisfies a gate"),
		     ztc_tr(ztc_report_result(ztc_str(attestation, "result"))),
		     ztc_str(attestation, "id"), ztc_str(attestation, "valid_until")) >= 0)
		put_line(out, style, indent, ztc_tr("attestation:"), other);
}

/* Configuration that would mend it, as it is to be written. */
static void put_snippets(FILE *out, const struct ztc_style *style, const json_t *check,
			 unsigned int indent)
{
	const json_t *snippets = json_object_get(json_object_get(check, "extra"), "snippets"), *row;
	size_t i;

	json_array_foreach (snippets, i, row) {
		const char *text = ztc_str(row, "text");

		fprintf(out, "%*s", (int)indent, "");
		ztc_put(out, style, ZTC_BOLD, "%s: %s", ztc_str(row, "program"),
			ztc_str(row, "file"));
		fputc('\n', out);
		while (*text) {
			int len = (int)strcspn(text, "\n");

			fprintf(out, "%*s", (int)indent + 2, "");
			ztc_put(out, style, ZTC_PLAIN, "%.*s", len, text);
			fputc('\n', out);
			text += len + (text[len] == '\n');
		}
	}
}

static void put_check(FILE *out, const struct ztc_style *style, const json_t *check)
{
	const char *result = ztc_str(check, "result");
	bool good = strcmp(result, "pass") == 0 || strcmp(result, "notapplicable") == 0;
	char id[48];

	snprintf(id, sizeof(id), "%.40s%s ", ztc_str(check, "id"),
		 json_is_true(json_object_get(check, "gate")) ? "*" : " ");
	fputs("  ", out);
	ztc_text_pad(out, style, color_of(result), ztc_tr(ztc_report_result(result)), RESULT_WIDTH);
	ztc_put(out, style, ZTC_BOLD, "%s", id);
	ztc_wrap(out, style, ZTC_PLAIN, 2 + RESULT_WIDTH + (unsigned int)strlen(id),
		 2 + RESULT_WIDTH, ztc_text(json_object_get(check, "title")));
	put_line(out, style, 4, "-", ztc_text(json_object_get(check, "reason")));
	put_offenders(out, style, check, 6, good ? 0 : OFFENDERS);
	put_papers(out, style, check, 4);
	if (good)
		return;
	put_line(out, style, 4, ztc_tr("next:"), ztc_text(json_object_get(check, "remediation")));
	put_snippets(out, style, check, 6);
}

static void put_collectors(FILE *out, const json_t *doc, const struct ztc_style *style)
{
	const json_t *row;
	size_t i;

	json_array_foreach (json_object_get(doc, "collectors"), i, row) {
		const char *status = ztc_str(row, "status"), *needs = ztc_str(row, "needs");

		if (strcmp(status, "ok") == 0 || strcmp(status, "absent") == 0)
			continue;
		ztc_put(out, style, ZTC_WARN, "%s ", ztc_tr("not collected:"));
		ztc_put(out, style, ZTC_PLAIN, "%s: %s%s%s%s%s", ztc_str(row, "name"), status,
			*ztc_str(row, "reason") ? ", " : "", ztc_str(row, "reason"),
			*needs ? "; " : "", needs);
		fputc('\n', out);
	}
}

void ztc_text_verbose(FILE *out, const json_t *doc, const struct ztc_style *style)
{
	const json_t *item, *check;
	size_t i, k;

	json_array_foreach (json_object_get(doc, "items"), i, item) {
		fputc('\n', out);
		ztc_put(out, style, ZTC_BOLD, "%s %s: ", ztc_str(item, "id"),
			ztc_text(json_object_get(item, "title")));
		ztc_text_status(out, style, ztc_str(item, "status"), 0);
		fputc('\n', out);
		put_line(out, style, 2, "-", ztc_text(json_object_get(item, "note")));
		json_array_foreach (json_object_get(doc, "checks"), k, check) {
			if (strcmp(ztc_str(check, "item"), ztc_str(item, "id")) == 0)
				put_check(out, style, check);
		}
	}
	fputc('\n', out);
	ztc_put(out, style, ZTC_DIM, "%s", ztc_tr("* = gate: the item is met only if it passes"));
	fputc('\n', out);
	put_collectors(out, doc, style);
	ztc_text_notes(out, doc, style, UINT_MAX);
}

/* --- one check in full --- */

static void put_thresholds(FILE *out, const struct ztc_style *style, const json_t *profile,
			   const char *id)
{
	const json_t *limits = json_object_get(json_object_get(profile, "checks"), id), *limit;
	const char *name;

	json_object_foreach ((json_t *)limits, name, limit) {
		zt_auto(zt_freep) char *value = json_dumps(
			json_object_get(limit, "value"), JSON_ENCODE_ANY | JSON_REAL_PRECISION(6));
		zt_auto(zt_freep) char *line = NULL;

		if (asprintf(&line, "%s = %s (%s)", name, value ? value : "",
			     ztc_str(limit, "source")) >= 0)
			put_line(out, style, 2, ztc_tr("threshold:"), line);
	}
}

static void put_criteria(FILE *out, const struct ztc_style *style, const json_t *row)
{
	static const struct {
		const char *key, *key_zh, *word;
	} parts[] = {
		{"evidence", "evidence_zh", N_("reads:")},
		{"pass", "pass_zh", N_("pass:")},
		{"partial", "partial_zh", N_("partial:")},
		{"fail", "fail_zh", N_("fail:")},
		{"notapplicable", "notapplicable_zh", N_("not applicable:")},
		{"remediation", "remediation_zh", N_("next:")},
	};

	for (size_t i = 0; i < ARRAY_SIZE(parts); i++) {
		json_t *message = ztc_message(row, parts[i].key, parts[i].key_zh);

		put_line(out, style, 2, ztc_tr(parts[i].word), ztc_text(message));
		json_decref(message);
	}
}

static void put_evidence(FILE *out, const struct ztc_style *style, const json_t *check)
{
	const json_t *name;
	char list[256] = "";
	size_t i;

	json_array_foreach (json_object_get(check, "collectors"), i, name)
		ztc_append(list, sizeof(list), "%s%.40s", i ? ", " : "", json_string_value(name));
	put_line(out, style, 2, ztc_tr("facts:"), list);
	put_line(out, style, 2, ztc_tr("method:"), ztc_str(check, "method"));
	put_line(out, style, 2, ztc_tr("evidence grade:"), ztc_str(check, "grade"));
	put_line(out, style, 2, ztc_tr("collected at:"), ztc_str(check, "collected_at"));
	put_line(out, style, 2, ztc_tr("valid until:"), ztc_str(check, "valid_until"));
	put_line(out, style, 2, ztc_tr("evidence digest:"), ztc_str(check, "digest"));
}

/* What the check found on this host. */
static void put_found(FILE *out, const struct ztc_style *style, const json_t *check)
{
	fputc('\n', out);
	fputs("  ", out);
	ztc_put(out, style, color_of(ztc_str(check, "result")), "%s",
		ztc_tr(ztc_report_result(ztc_str(check, "result"))));
	fputs(": ", out);
	ztc_wrap(out, style, ZTC_PLAIN, 16, 2, ztc_text(json_object_get(check, "reason")));
	put_line(out, style, 2, ztc_tr("observed:"), ztc_text(json_object_get(check, "observed")));
	put_line(out, style, 2, ztc_tr("expected:"), ztc_text(json_object_get(check, "expected")));
	put_evidence(out, style, check);
	put_offenders(out, style, check, 2, SIZE_MAX);
	put_snippets(out, style, check, 2);
	put_papers(out, style, check, 2);
}

void ztc_text_explain(FILE *out, const json_t *row, const json_t *doc, const json_t *profile,
		      const struct ztc_style *style)
{
	const json_t *check = ztc_text_check(doc, ztc_str(row, "id"));
	json_t *title = ztc_message(row, "title", "title_zh"), *statement = ztc_assess_statement();

	ztc_put(out, style, ZTC_BOLD, "%s  ", ztc_str(row, "id"));
	ztc_wrap(out, style, ZTC_BOLD, 12, 2, ztc_text(title));
	json_decref(title);
	fputs("  ", out);
	ztc_put(out, style, ZTC_PLAIN, ztc_tr("item %s, severity %s, %s"), ztc_str(row, "item"),
		ztc_tr(ztc_report_severity(ztc_str(row, "severity"))),
		json_is_true(json_object_get(row, "gate")) ? ztc_tr("gate") : ztc_tr("no gate"));
	fputc('\n', out);
	put_criteria(out, style, row);
	put_thresholds(out, style, profile, ztc_str(row, "id"));
	if (check)
		put_found(out, style, check);
	ztc_wrap(out, style, ZTC_DIM, 0, 0, ztc_text(statement));
	json_decref(statement);
}
