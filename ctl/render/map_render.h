/* SPDX-License-Identifier: Apache-2.0 */
/*
 * map_render.h - the map in the languages of other programs, and as a tree.
 *
 * Each takes the JSON of `map`, borrowed, and writes text in which every name is escaped as
 * that language asks: what a name says is never taken for syntax. style->all: the link's
 * housekeeping too. They return 0, -EINVAL (no map) or -ENOMEM.
 */
#pragma once
#include <jansson.h>
#include <stdbool.h>
#include <stdio.h>

#include "ctl/render/style.h"

/**
 * struct ztc_tree - which tree.
 * @depth:   0: who is called, and by whom; else who calls whom, so many steps.
 * @is_root: of the latter, where to begin; NULL = at those whom nobody calls.
 */
struct ztc_tree {
	unsigned int depth;
	bool (*is_root)(void *data, const json_t *node);
	void *data;
};

int ztc_render_tree(FILE *out, const json_t *map, const struct ztc_style *style,
		    const struct ztc_tree *how);

/*
 * ztc_render_csv - RFC 4180, a line per edge; columns in docs/map.md. A cell that a spreadsheet
 * would take for a formula gets an apostrophe in front.
 */
int ztc_render_csv(FILE *out, const json_t *map, const struct ztc_style *style);
/* The same without the line of headings. */
int ztc_render_csv_rows(FILE *out, const json_t *map, const struct ztc_style *style);

/*
 * ztc_csv_text - one quoted cell. ztc_csv_cell - the same with the comma behind it. ztc_csv_number
 * - an integer member with the comma, nothing where there is none.
 */
void ztc_csv_text(FILE *out, const char *text);
void ztc_csv_cell(FILE *out, const char *text);
void ztc_csv_number(FILE *out, const json_t *object, const char *key);

/* ztc_render_dot - for Graphviz; ztc_render_mermaid - a Mermaid flowchart. */
int ztc_render_dot(FILE *out, const json_t *map, const struct ztc_style *style);
int ztc_render_mermaid(FILE *out, const json_t *map, const struct ztc_style *style);

/* ztc_render_diff, _csv - what `map diff` answers, as text and as CSV. */
int ztc_render_diff(FILE *out, const json_t *diff, const struct ztc_style *style);
int ztc_render_diff_csv(FILE *out, const json_t *diff, const struct ztc_style *style);
