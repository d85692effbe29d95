/* SPDX-License-Identifier: Apache-2.0 */
/* diag.c - what is wrong with a policy, and where. */
#include "policy/diag.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/strbuf.h"

/* Bytes of a source line that are shown: as much as stands beside its number in 100 columns. */
#define LINE_SHOWN 88

static void entry_free(struct zt_diag_entry *e)
{
	zt_freep(&e->file);
	zt_freep(&e->message);
	zt_freep(&e->source);
	zt_freep(&e->remedy);
}

void zt_diag_free(struct zt_diag *diag)
{
	for (size_t i = 0; i < diag->count; i++)
		entry_free(&diag->entries[i]);
	*diag = (struct zt_diag)ZT_DIAG_INIT;
}

bool zt_diag_full(const struct zt_diag *diag)
{
	return diag && diag->errors >= ZT_DIAG_MAX;
}

/* The line that loc points into, without its newline; NULL when its text is not at hand. */
static const char *find_line(const struct zt_diag *diag, const struct zt_loc *loc, size_t *ret_len)
{
	const struct zt_source *src = diag->sources;
	const char *line, *end;

	while (src && src->name != loc->file)
		src = src->next;
	if (!src || !src->text || !loc->line)
		return NULL;
	line = src->text;
	end = src->text + src->len;
	for (unsigned int n = 1; n < loc->line; n++) {
		line = memchr(line, '\n', (size_t)(end - line));
		if (!line)
			return NULL;
		line++;
	}
	end = memchr(line, '\n', (size_t)(end - line)) ?: end;
	if (end > line && end[-1] == '\r')
		end--;
	*ret_len = (size_t)(end - line);
	return line;
}

/* Columns that text takes on a terminal that shows one column per character. */
static unsigned int width(const char *text, size_t len)
{
	unsigned int n = 0;

	for (size_t i = 0; i < len; i++)
		n += ((unsigned char)text[i] & 0xc0) != 0x80;
	return n;
}

/* Keeps the line that the entry points at: the part around the column when it is long. */
static void keep_line(struct zt_diag_entry *e, const char *line, size_t len)
{
	zt_auto(zt_strbuf_free) struct zt_strbuf sb = ZT_STRBUF_INIT;
	zt_auto(zt_freep) char *copy = NULL;
	size_t at = e->col ? e->col - 1 : 0, start = 0;

	if (at > len)
		at = len;
	if (at > LINE_SHOWN - 20)
		start = at - (LINE_SHOWN - 40);
	while (start && (line[start] & 0xc0) == 0x80)
		start--;
	if (len - start > LINE_SHOWN) {
		len = start + LINE_SHOWN;
		while (len > at && (line[len] & 0xc0) == 0x80)
			len--;
	}
	copy = malloc(len - start + 1);
	if (!copy)
		return;
	for (size_t i = start; i < len; i++)
		copy[i - start] = line[i] == '\t' ? ' ' : line[i];
	if (start)
		zt_strbuf_puts(&sb, "...");
	zt_strbuf_escape(&sb, copy, at - start);
	e->caret = width(zt_strbuf_text(&sb), sb.len) + 1;
	zt_strbuf_escape(&sb, copy + (at - start), len - at);
	e->source = zt_strbuf_steal(&sb);
}

static size_t count_of(const struct zt_diag *diag, enum zt_severity severity)
{
	size_t n = 0;

	for (size_t i = 0; i < diag->count; i++)
		n += diag->entries[i].severity == severity;
	return n;
}

__attribute__((format(printf, 4, 0))) static void note(struct zt_diag *diag,
						       enum zt_severity severity,
						       const struct zt_loc *loc, const char *fmt,
						       va_list ap)
{
	zt_auto(zt_strbuf_free) struct zt_strbuf raw = ZT_STRBUF_INIT;
	zt_auto(zt_strbuf_free) struct zt_strbuf message = ZT_STRBUF_INIT;
	struct zt_diag_entry *e;
	const char *line;
	size_t len = 0;

	if (!diag)
		return;
	if (severity == ZT_SEVERITY_ERROR)
		diag->errors++;
	else
		diag->warnings++;
	diag->no_remedy = count_of(diag, severity) >= ZT_DIAG_MAX;
	if (diag->no_remedy)
		return;

	zt_strbuf_vprintf(&raw, fmt, ap);
	zt_strbuf_escape(&message, zt_strbuf_text(&raw), raw.len);
	e = &diag->entries[diag->count++];
	*e = (struct zt_diag_entry){.severity = severity, .message = zt_strbuf_steal(&message)};
	if (!loc || !loc->file)
		return;
	zt_strbuf_escape(&message, loc->file, strlen(loc->file));
	e->file = zt_strbuf_steal(&message);
	e->line = loc->line;
	e->col = loc->col;
	line = find_line(diag, loc, &len);
	if (line)
		keep_line(e, line, len);
}

int zt_diag_error(struct zt_diag *diag, const struct zt_loc *loc, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	note(diag, ZT_SEVERITY_ERROR, loc, fmt, ap);
	va_end(ap);
	return -EINVAL;
}

void zt_diag_warn(struct zt_diag *diag, const struct zt_loc *loc, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	note(diag, ZT_SEVERITY_WARNING, loc, fmt, ap);
	va_end(ap);
}

void zt_diag_remedy(struct zt_diag *diag, const char *fmt, ...)
{
	zt_auto(zt_strbuf_free) struct zt_strbuf raw = ZT_STRBUF_INIT;
	zt_auto(zt_strbuf_free) struct zt_strbuf text = ZT_STRBUF_INIT;
	va_list ap;

	if (!diag || !diag->count || diag->no_remedy)
		return;
	va_start(ap, fmt);
	zt_strbuf_vprintf(&raw, fmt, ap);
	va_end(ap);
	zt_strbuf_escape(&text, zt_strbuf_text(&raw), raw.len);
	zt_freep(&diag->entries[diag->count - 1].remedy);
	diag->entries[diag->count - 1].remedy = zt_strbuf_steal(&text);
}

static void print_entry(const struct zt_diag_entry *e, FILE *out)
{
	if (e->file && e->line)
		fprintf(out, "%s:%u:%u: ", e->file, e->line, e->col);
	else if (e->file)
		fprintf(out, "%s: ", e->file);
	fprintf(out, "%s: %s\n", e->severity == ZT_SEVERITY_ERROR ? "error" : "warning",
		e->message ?: "(out of memory)");
	if (e->source) {
		fprintf(out, "%5u | %s\n", e->line, e->source);
		fprintf(out, "      | %*s\n", (int)e->caret, "^");
	}
	if (e->remedy)
		fprintf(out, "      = %s\n", e->remedy);
}

void zt_diag_print(const struct zt_diag *diag, FILE *out)
{
	size_t shown = count_of(diag, ZT_SEVERITY_ERROR);

	for (size_t i = 0; i < diag->count; i++)
		print_entry(&diag->entries[i], out);
	if (diag->errors > shown)
		fprintf(out, "%zu more errors\n", diag->errors - shown);
	shown = count_of(diag, ZT_SEVERITY_WARNING);
	if (diag->warnings > shown)
		fprintf(out, "%zu more warnings\n", diag->warnings - shown);
}
