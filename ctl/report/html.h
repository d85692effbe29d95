/* SPDX-License-Identifier: Apache-2.0 */
/*
 * html.h - the parts of the HTML report.
 *
 * One file without script that asks for nothing: its policy admits one style sheet, by hash. Every
 * text stands in both languages; which one is seen is a radio button that the style sheet reads.
 */
#pragma once
#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "ctl/i18n/say.h"

/* The bytes of report.css, without NUL. */
extern const char ztc_report_css[];
extern const uint64_t ztc_report_css_len;

/**
 * struct ztc_html - where a part is written to.
 * @out:  the file.
 * @doc:  the assessment of one host; borrowed.
 * @host: number of the host in the file, which makes anchors distinct.
 * @brief: one of many: what passes or does not apply takes a line.
 * @details: checks are in the file, so that they can be linked to.
 */
struct ztc_html {
	FILE *out;
	const json_t *doc;
	size_t host;
	bool brief, details;
};

/* --- html_put.c --- */

/* ztc_html_say - one of our own words, in both languages. */
void ztc_html_say(FILE *out, const char *msgid);

/* ztc_html_message - a message of the document, in both languages. */
void ztc_html_message(FILE *out, const json_t *message);

/* ztc_html_advice - the same, with commands between ` as code. */
void ztc_html_advice(FILE *out, const json_t *message);

/* ztc_html_head - <h2 id=…> and the like; @id may be NULL. */
void ztc_html_head(const struct ztc_html *h, int rank, const char *id, const char *msgid);

/* ztc_html_row, _row_message - a row of a table of facts; nothing when there is no value. */
void ztc_html_row(FILE *out, const char *msgid, const char *value);
void ztc_html_row_code(FILE *out, const char *msgid, const char *value);
void ztc_html_row_say(FILE *out, const char *msgid, const char *value_msgid);
void ztc_html_row_message(FILE *out, const char *msgid, const json_t *message);

/* ztc_html_link - @id as a link to the item ("item-") or check ("") where it is in the file. */
void ztc_html_link(const struct ztc_html *h, const char *kind, const char *id);

/* ztc_html_cell - <td>text</td>. */
void ztc_html_cell(FILE *out, const char *text);

/* ztc_html_heads - <thead> of a table: msgids, NULL at the end. */
void ztc_html_heads(FILE *out, const char *const *msgids);

/* ztc_html_badge - a word in a coloured frame: @kind is the word of the document, @msgid its text.
 */
void ztc_html_badge(FILE *out, const char *kind, const char *msgid);

/* ztc_html_time - "2026-11-22 07:00:01 UTC" of RFC 3339. */
void ztc_html_time(FILE *out, const char *time);

/* --- the parts, in their order --- */
void ztc_html_summary(const struct ztc_html *h);   /* html_summary.c: levels and blockers */
void ztc_html_items(const struct ztc_html *h);	   /* html_items.c: the seven items */
void ztc_html_about(const struct ztc_html *h);	   /* html_summary.c: whose, by what, when */
void ztc_html_checks(const struct ztc_html *h);	   /* html_items.c: checks with their evidence */
void ztc_html_registers(const struct ztc_html *h); /* html_registers.c: waivers and what follows */
int ztc_html_map(FILE *out, const json_t *map);	   /* html_map.c: who talks to whom, as a picture */
