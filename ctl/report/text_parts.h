/* SPDX-License-Identifier: Apache-2.0 */
/* text_parts.h - what the short and the long text of an assessment share. */
#pragma once
#include <jansson.h>
#include <stdio.h>

#include "ctl/render/style.h"

/* ztc_text_pad - text and blanks up to @width columns. */
void ztc_text_pad(FILE *out, const struct ztc_style *style, enum ztc_color color, const char *text,
		  unsigned int width);

/* ztc_text_status - the word of an item's or target's status, padded. */
void ztc_text_status(FILE *out, const struct ztc_style *style, const char *status,
		     unsigned int width);

/**
 * ztc_text_clip - a paragraph of at most @lines lines; what is left out shows as " ...".
 * @first: columns already written. @indent: of later lines. Ends with a line feed.
 *
 * Returns the lines that it took.
 */
unsigned int ztc_text_clip(FILE *out, const struct ztc_style *style, enum ztc_color color,
			   unsigned int first, unsigned int indent, unsigned int lines,
			   const char *text);

/* ztc_text_notes - contradictions and notes in at most @lines lines; returns how many it took. */
unsigned int ztc_text_notes(FILE *out, const json_t *doc, const struct ztc_style *style,
			    unsigned int lines);

/* ztc_text_check - the check with this id, or NULL. */
const json_t *ztc_text_check(const json_t *doc, const char *id);

/* ztc_text_verbose - every check with its reason; waivers, attestations, notes, collectors. */
void ztc_text_verbose(FILE *out, const json_t *doc, const struct ztc_style *style);

/**
 * ztc_text_explain - one check: what it reads, when it passes, and what it found.
 * @doc:     an assessment, or NULL: the catalogue alone.
 * @profile: its thresholds are shown; NULL = none.
 */
void ztc_text_explain(FILE *out, const json_t *row, const json_t *doc, const json_t *profile,
		      const struct ztc_style *style);
