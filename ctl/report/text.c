/* SPDX-License-Identifier: Apache-2.0 */
/*
 * text.c - an assessment on a terminal: seven items, the level, what stands in the way.
 *
 * Without -v all of it fits 80 columns and 24 lines; what does not fit is counted and named.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/strbuf.h"
#include "ctl/catalogue/catalogue.h"
#include "ctl/assess/doc.h"
#include "ctl/i18n/say.h"
#include "ctl/render/text.h"
#include "ctl/report/text_parts.h"

#define LINES	     23 /* of 24: the shell's prompt comes back */
#define NOTE_LINES   4
#define TOP	     2 /* offenders named beside a reason */
#define TITLE_WIDTH  28
#define STATUS_WIDTH 11
#define BRACKET	     "\uff08" /* fullwidth: what follows explains the name */

static const struct {
	const char *name, *text;
	enum ztc_color color;
} statuses[] = {
	{"met", N_("MET"), ZTC_GOOD},
	{"partial", N_("PARTIAL"), ZTC_WARN},
	{"not_met", N_("NOT MET"), ZTC_BAD},
	{"unknown", N_("UNKNOWN"), ZTC_WARN},
	{"undetermined", N_("UNDETERMINED"), ZTC_WARN},
	{"na", N_("N/A"), ZTC_DIM},
};

void ztc_text_status(FILE *out, const struct ztc_style *style, const char *status,
		     unsigned int width)
{
	for (size_t i = 0; i < ARRAY_SIZE(statuses); i++) {
		if (strcmp(statuses[i].name, status) == 0)
			ztc_text_pad(out, style, statuses[i].color, ztc_tr(statuses[i].text),
				     width);
	}
}

void ztc_text_pad(FILE *out, const struct ztc_style *style, enum ztc_color color, const char *text,
		  unsigned int width)
{
	unsigned int used = ztc_width(text, strlen(text));

	ztc_put(out, style, color, "%s", text);
	fprintf(out, "%*s", used < width ? (int)(width - used) : 0, "");
}

unsigned int ztc_text_clip(FILE *out, const struct ztc_style *style, enum ztc_color color,
			   unsigned int first, unsigned int indent, unsigned int lines,
			   const char *text)
{
	zt_auto(zt_freep) char *escaped = ztc_escaped(text);
	unsigned int used = 0, at = first;
	const char *p = escaped;

	if (!p)
		p = "";
	while (*p && used < lines) {
		unsigned int room = style->width > at + 8 ? style->width - at : 8;
		bool last = used + 1 == lines && ztc_width(p, strlen(p)) > room;
		size_t skip, len = ztc_break(p, last ? room - 4 : room, &skip);

		ztc_put(out, style, color, "%.*s%s", (int)len, p, last ? " ..." : "");
		p += len + skip;
		used++;
		at = indent;
		fputc('\n', out);
		if (*p && used < lines)
			fprintf(out, "%*s", (int)indent, "");
	}
	if (!used)
		fputc('\n', out);
	return used ? used : 1;
}

/* --- the head --- */

/* "7.0 d", "0.2 of 7.0 d", "-": how long connections were recorded. */
static void put_window(char *ret, size_t size, const json_t *window)
{
	long long s = ztc_int(window, "seconds"), wanted = ztc_int(window, "wanted_seconds");

	if (json_is_null(json_object_get(window, "to")))
		snprintf(ret, size, "-");
	else if (s < wanted)
		snprintf(ret, size, ztc_tr("%lld.%lld of %lld.%lld d"), s / 86400,
			 s % 86400 * 10 / 86400, wanted / 86400, wanted % 86400 * 10 / 86400);
	else
		snprintf(ret, size, ztc_tr("%lld.%lld d"), s / 86400, s % 86400 * 10 / 86400);
}

static void put_head(FILE *out, const json_t *doc, const struct ztc_style *style)
{
	const json_t *profile = json_object_get(doc, "profile");
	const json_t *clock = json_object_get(json_object_get(doc, "clock"), "synchronised");
	const char *digest = ztc_str(profile, "digest");
	const char *clock_text = json_is_true(clock)	? ztc_tr("clock ok")
				 : json_is_false(clock) ? ztc_tr("clock NOT SYNCED")
							: ztc_tr("clock unknown");
	char window[48];
	zt_auto(zt_freep) char *line = NULL;

	if (strncmp(digest, "sha256:", 7) == 0)
		digest += 7;
	put_window(window, sizeof(window), json_object_get(doc, "window"));
	if (asprintf(&line, ztc_tr("host %s  profile %s %s (sha256 %.4s..)  window %s  %s"),
		     ztc_str(json_object_get(doc, "host"), "name"), ztc_str(profile, "name"),
		     ztc_str(profile, "version"), digest, window, clock_text) < 0)
		return;
	ztc_wrap(out, style, json_is_true(clock) ? ZTC_PLAIN : ZTC_WARN, 0, 2, line);
}

static const char *level_name(json_int_t level)
{
	static const char *const names[] = {"0", "I", "II", "III", "IV"};

	return names[level >= 0 && level <= 4 ? level : 0];
}

/* --- the items --- */

static const struct {
	const char *key, *text;
} count_words[] = {
	{"pass", N_("pass")},	    {"partial", N_("partial")}, {"fail", N_("FAIL")},
	{"unknown", N_("unknown")}, {"error", N_("error")},	{"notapplicable", N_("n/a")},
};

/* The waiver of an item that ends first, or NULL. */
static const json_t *waiver_of(const json_t *doc, const char *item)
{
	const json_t *check, *first = NULL;
	size_t i;

	json_array_foreach (json_object_get(doc, "checks"), i, check) {
		const json_t *disposition = json_object_get(check, "disposition");

		if (!disposition || strcmp(ztc_str(check, "item"), item) != 0)
			continue;
		if (!first || ztc_int(disposition, "days_left") < ztc_int(first, "days_left"))
			first = disposition;
	}
	return first;
}

static char *summary_of(const json_t *doc, const json_t *item)
{
	const json_t *waiver = waiver_of(doc, ztc_str(item, "id"));
	const json_t *counts = json_object_get(item, "counts");
	long long days = ztc_int(waiver, "days_left");
	char text[256] = "";

	if (waiver && days < 0)
		ztc_append(text, sizeof(text), ztc_tr("waiver %.40s ended %lld d ago "),
			   ztc_str(waiver, "waiver"), -days);
	else if (waiver)
		ztc_append(text, sizeof(text), ztc_tr("waiver %.40s ends in %lld d "),
			   ztc_str(waiver, "waiver"), days);
	for (size_t i = 0; i < ARRAY_SIZE(count_words); i++) {
		long long n = ztc_int(counts, count_words[i].key);

		if (n)
			ztc_append(text, sizeof(text), "%s%lld %s", *text ? " " : "", n,
				   ztc_tr(count_words[i].text));
	}
	return strdup(text);
}

static void put_item(FILE *out, const json_t *doc, const json_t *item,
		     const struct ztc_style *style)
{
	const json_t *title = json_object_get(item, "title");
	const json_t *row = ztc_items_find(ztc_str(item, "id"));
	zt_auto(zt_freep) char *summary = summary_of(doc, item);
	zt_auto(zt_freep) char *name = NULL;
	const char *zh = ztc_text_in(ZTC_LANG_ZH_TW, title);
	bool en = ztc_lang() == ZTC_LANG_EN;
	const char *bracket = en ? strstr(zh, BRACKET) : NULL;
	size_t len = bracket ? (size_t)(bracket - zh) : strlen(zh);

	/* The item's own name is Chinese; beside it a word for who does not read that. */
	if (asprintf(&name, "%s %.*s%s%s", ztc_str(item, "id"), (int)len, zh, en ? " " : "",
		     en ? ztc_str(row, "short") : "") < 0 ||
	    !summary) {
		name = NULL;
		return;
	}
	fputc(' ', out);
	ztc_text_pad(out, style, ZTC_PLAIN, level_name(ztc_int(item, "level")), 4);
	ztc_text_pad(out, style, ZTC_PLAIN, name, TITLE_WIDTH);
	fputc(' ', out);
	ztc_text_status(out, style, ztc_str(item, "status"), STATUS_WIDTH);
	ztc_text_clip(out, style, ZTC_PLAIN, 5 + TITLE_WIDTH + 1 + STATUS_WIDTH, 0, 1, summary);
}

/* --- level and target --- */

/* "I (3-4 only) measured" in the language in use. */
static void add_level(struct zt_strbuf *line, const json_t *doc, const char *basis,
		      const char *word)
{
	const json_t *level = json_object_get(json_object_get(doc, "levels"), basis), *id;
	json_int_t n = ztc_int(level, "level");
	size_t i;

	zt_strbuf_printf(line, "%s%s", line->len ? " | " : "", level_name(n));
	if (!n && strcmp(basis, "measured") == 0)
		zt_strbuf_puts(line, ztc_tr(" (below I)"));
	if (strchr(ztc_str(level, "text"), '(')) {
		zt_auto(zt_strbuf_free) struct zt_strbuf list = ZT_STRBUF_INIT;

		json_array_foreach (json_object_get(level, "items"), i, id)
			zt_strbuf_printf(&list, "%s%.8s", i ? ", " : "", json_string_value(id));
		zt_strbuf_printf(line, ztc_tr(" (%s only)"), zt_strbuf_text(&list));
	}
	zt_strbuf_printf(line, " %s", word);
}

static const char *status_word(const char *status)
{
	for (size_t i = 0; i < ARRAY_SIZE(statuses); i++) {
		if (strcmp(statuses[i].name, status) == 0)
			return ztc_tr(statuses[i].text);
	}
	return status;
}

static void put_levels(FILE *out, const json_t *doc, const struct ztc_style *style)
{
	zt_auto(zt_strbuf_free) struct zt_strbuf line = ZT_STRBUF_INIT;
	const json_t *target = json_object_get(doc, "target");
	const char *word = ztc_tr("level:");

	add_level(&line, doc, "measured", ztc_tr("measured"));
	add_level(&line, doc, "attested", ztc_tr("attested"));
	add_level(&line, doc, "waived", ztc_tr("waived"));
	zt_strbuf_puts(&line, "   ");
	zt_strbuf_printf(&line, ztc_tr("target %s: "), level_name(ztc_int(target, "level")));
	zt_strbuf_puts(&line, status_word(ztc_str(target, "status")));
	if (strcmp(ztc_str(target, "basis"), "waived") == 0)
		zt_strbuf_printf(&line, " %s", ztc_tr("(waivers accepted)"));
	ztc_put(out, style, ZTC_BOLD, "%s ", word);
	ztc_wrap(out, style, strcmp(ztc_str(target, "status"), "met") == 0 ? ZTC_GOOD : ZTC_PLAIN,
		 ztc_width(word, strlen(word)) + 1, 2, zt_strbuf_text(&line));
}

static unsigned int put_also_met(FILE *out, const json_t *doc, const struct ztc_style *style)
{
	const json_t *also = json_object_get(doc, "also_met"), *id;
	char list[64] = "";
	size_t i;

	json_array_foreach (also, i, id)
		ztc_append(list, sizeof(list), "%s%.8s", i ? ", " : "", json_string_value(id));
	if (!*list)
		return 0;
	ztc_put(out, style, ZTC_PLAIN, ztc_tr("also met above: %s"), list);
	fputc('\n', out);
	return 1;
}

/* --- what stands in the way --- */

/* The reason, and what is behind it most. */
static char *reason_of(const json_t *blocker, const json_t *check)
{
	zt_auto(zt_strbuf_free) struct zt_strbuf text = ZT_STRBUF_INIT;
	const json_t *row;
	size_t i;

	zt_strbuf_puts(&text, ztc_text(json_object_get(blocker, "reason")));
	json_array_foreach (json_object_get(check, "offenders"), i, row) {
		if (i == TOP)
			break;
		zt_strbuf_printf(&text, "%s%s", i ? ", " : ztc_tr("; top: "),
				 ztc_str(row, "resource"));
	}
	return zt_strbuf_steal(&text);
}

static unsigned int put_blocker(FILE *out, const json_t *doc, const json_t *blocker,
				const struct ztc_style *style, unsigned int lines)
{
	const json_t *check = ztc_text_check(doc, ztc_str(blocker, "check"));
	zt_auto(zt_freep) char *reason = reason_of(blocker, check);
	const char *word = ztc_tr("blocker");
	unsigned int indent = ztc_width(word, strlen(word)) + 1, used, at;
	const char *next = ztc_tr("next:");

	ztc_put(out, style, ZTC_BAD, "%s ", word);
	ztc_put(out, style, ZTC_BOLD, "%s  ", ztc_str(blocker, "check"));
	at = indent + ztc_width(ztc_str(blocker, "check"), strlen(ztc_str(blocker, "check"))) + 2;
	used = ztc_text_clip(out, style, ZTC_PLAIN, at, indent, lines > 2 ? 2 : 1,
			     reason ? reason : "");
	fprintf(out, "%*s", (int)indent, "");
	ztc_put(out, style, ZTC_PLAIN, "%s ", next);
	return used + ztc_text_clip(out, style, ZTC_PLAIN,
				    indent + ztc_width(next, strlen(next)) + 1, indent, 1,
				    ztc_text(json_object_get(check, "remediation")));
}

/* As many as there are lines for; the rest is a number. */
static void put_blockers(FILE *out, const json_t *doc, const struct ztc_style *style,
			 unsigned int lines)
{
	const char *basis = ztc_str(json_object_get(doc, "target"), "basis");
	const json_t *blocker;
	size_t i, left = 0;

	json_array_foreach (json_object_get(doc, "blockers"), i, blocker)
		left += strcmp(ztc_str(blocker, "basis"), basis) == 0;
	json_array_foreach (json_object_get(doc, "blockers"), i, blocker) {
		unsigned int spare = left > 1 ? 1 : 0;

		if (strcmp(ztc_str(blocker, "basis"), basis) != 0)
			continue;
		if (lines < 2 + spare)
			break;
		lines -= put_blocker(out, doc, blocker, style, lines - spare);
		left--;
	}
	if (left) {
		ztc_put(out, style, ZTC_PLAIN, ztc_tr("%zu more: ztctl assess -v"), left);
		fputc('\n', out);
	}
}

/* --- notes --- */

unsigned int ztc_text_notes(FILE *out, const json_t *doc, const struct ztc_style *style,
			    unsigned int lines)
{
	const json_t *scope = json_object_get(doc, "scope"), *message;
	const json_t *lists[] = {json_object_get(scope, "contradictions"),
				 json_object_get(doc, "notes"), json_object_get(scope, "notes")};
	const char *words[] = {ztc_tr("contradiction:"), ztc_tr("note:"), ztc_tr("note:")};
	unsigned int used = 0;
	size_t i;

	for (size_t l = 0; l < ARRAY_SIZE(lists); l++) {
		json_array_foreach (lists[l], i, message) {
			unsigned int width = ztc_width(words[l], strlen(words[l]));

			if (used >= lines)
				return used;
			ztc_put(out, style, l ? ZTC_DIM : ZTC_WARN, "%s ", words[l]);
			used += ztc_text_clip(out, style, l ? ZTC_DIM : ZTC_PLAIN, width + 1, 2,
					      lines - used > 2 ? 2 : lines - used,
					      ztc_text(message));
		}
	}
	return used;
}

const json_t *ztc_text_check(const json_t *doc, const char *id)
{
	const json_t *check;
	size_t i;

	json_array_foreach (json_object_get(doc, "checks"), i, check) {
		if (strcmp(ztc_str(check, "id"), id) == 0)
			return check;
	}
	return NULL;
}

static unsigned int lines_of(const char *text)
{
	unsigned int n = 0;

	for (; *text; text++)
		n += *text == '\n';
	return n;
}

/* Everything but the blockers, which take the lines that are left. */
static int put_page(FILE *out, const json_t *doc, const struct ztc_style *style, bool verbose)
{
	zt_auto(zt_freep) char *top = NULL, *bottom = NULL;
	size_t top_len, bottom_len, i;
	FILE *above = open_memstream(&top, &top_len), *below = open_memstream(&bottom, &bottom_len);
	const json_t *item;
	unsigned int used;

	if (!above || !below) {
		zt_fclosep(&above);
		zt_fclosep(&below);
		return -ENOMEM;
	}
	put_head(above, doc, style);
	json_array_foreach (json_object_get(doc, "items"), i, item)
		put_item(above, doc, item, style);
	put_levels(above, doc, style);
	put_also_met(above, doc, style);
	if (!verbose)
		ztc_text_notes(below, doc, style, NOTE_LINES);
	ztc_wrap(below, style, ZTC_DIM, 0, 0, ztc_text(json_object_get(doc, "statement")));
	ztc_put(below, style, ZTC_PLAIN, ztc_tr("exit %lld"),
		(long long)ztc_int(json_object_get(doc, "target"), "exit"));
	fputc('\n', below);
	fclose(above);
	fclose(below);
	fputs(top, out);
	used = lines_of(top) + lines_of(bottom);
	if (!verbose)
		put_blockers(out, doc, style, used + 2 < LINES ? LINES - used : 2);
	else
		ztc_text_verbose(out, doc, style);
	fputs(bottom, out);
	return 0;
}

int ztc_report_text(FILE *out, const json_t *doc, const struct ztc_style *style, bool verbose)
{
	int r = put_page(out, doc, style, verbose);

	return r < 0 ? r : ferror(out) ? -EIO : 0;
}
