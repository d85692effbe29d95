/* SPDX-License-Identifier: Apache-2.0 */
/*
 * table.h - aligned columns that fit the width, losing nothing.
 *
 * When the columns do not fit, the elastic ones give way, widest first, and
 * their text goes on over more lines; no text is ever cut. When even that is
 * not enough, columns that may be dropped are, the last first. Every cell is
 * escaped. A column whose cells are all empty is left out.
 */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

#include "ctl/render/style.h"

#define ZTC_COLUMNS_MAX 12

struct ztc_column {
	const char *title;
	bool right;	  /* numbers */
	unsigned int min; /* elastic down to this width; 0 = never narrower than its text */
	bool drop;	  /* left out when there is no room for all */
};

struct ztc_table;

/**
 * ztc_table_new - an empty table.
 * @columns: borrowed until the table is freed; at most ZTC_COLUMNS_MAX.
 * Returns 0, -ENOMEM.
 */
int ztc_table_new(struct ztc_table **ret, const struct ztc_column *columns, size_t count);
void ztc_table_free(struct ztc_table **table);

/* ztc_table_cell - the next cell, left to right, row after row. Out of memory shows at printing. */
__attribute__((format(printf, 3, 4))) void
ztc_table_cell(struct ztc_table *table, enum ztc_color color, const char *fmt, ...);

/* ztc_table_title - a line of its own above the rows that follow. */
__attribute__((format(printf, 2, 3))) void ztc_table_title(struct ztc_table *table, const char *fmt,
							   ...);

/**
 * ztc_table_print - the table, with headings, each line behind @indent spaces.
 * Returns 0, -ENOMEM when a cell had been lost. An empty table prints nothing.
 */
int ztc_table_print(const struct ztc_table *table, FILE *out, const struct ztc_style *style,
		    unsigned int indent);
