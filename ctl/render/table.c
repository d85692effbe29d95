/* SPDX-License-Identifier: Apache-2.0 */
/* table.c - aligned columns that fit the width, losing nothing. */
#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "ctl/render/table.h"
#include "ctl/render/text.h"

#define GAP 2

struct cell {
	char *text;
	enum ztc_color color;
	bool title; /* stands before a row, takes no column */
};

struct ztc_table {
	const struct ztc_column *columns;
	size_t column_count;
	struct cell *cells;
	size_t count, cap;
	bool lost;
};

int ztc_table_new(struct ztc_table **ret, const struct ztc_column *columns, size_t count)
{
	struct ztc_table *table = calloc(1, sizeof(*table));

	if (!table)
		return -ENOMEM;
	table->columns = columns;
	table->column_count = count < ZTC_COLUMNS_MAX ? count : ZTC_COLUMNS_MAX;
	*ret = table;
	return 0;
}

void ztc_table_free(struct ztc_table **table)
{
	if (!*table)
		return;
	for (size_t i = 0; i < (*table)->count; i++)
		free((*table)->cells[i].text);
	free((*table)->cells);
	free(*table);
	*table = NULL;
}

static void add(struct ztc_table *table, enum ztc_color color, bool title, const char *fmt,
		va_list ap)
{
	zt_auto(zt_freep) char *raw = NULL;
	struct cell *cells;

	if (table->count == table->cap) {
		cells = reallocarray(table->cells, table->cap ? table->cap * 2 : 64,
				     sizeof(*cells));
		if (!cells) {
			table->lost = true;
			return;
		}
		table->cells = cells;
		table->cap = table->cap ? table->cap * 2 : 64;
	}
	if (vasprintf(&raw, fmt, ap) < 0)
		raw = NULL;
	table->cells[table->count].text = raw ? ztc_escaped(raw) : NULL;
	table->cells[table->count].color = color;
	table->cells[table->count].title = title;
	if (!table->cells[table->count++].text)
		table->lost = true;
}

void ztc_table_cell(struct ztc_table *table, enum ztc_color color, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	add(table, color, false, fmt, ap);
	va_end(ap);
}

void ztc_table_title(struct ztc_table *table, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	add(table, ZTC_BOLD, true, fmt, ap);
	va_end(ap);
}

/* What the columns of a table ask for. */
struct layout {
	unsigned int width[ZTC_COLUMNS_MAX]; /* natural, then as printed; 0 = not shown */
	unsigned int whole[ZTC_COLUMNS_MAX]; /* narrowest that keeps every name whole */
};

static void measure_cell(const struct ztc_table *table, struct layout *layout, size_t column,
			 const char *text)
{
	unsigned int width = ztc_width(text, strlen(text));

	if (width > layout->width[column])
		layout->width[column] = width;
	while (table->columns[column].min && *text) {
		size_t len = ztc_part(text);

		width = ztc_width(text, len);
		if (width > layout->whole[column])
			layout->whole[column] = width;
		text += len;
	}
}

static void measure(const struct ztc_table *table, struct layout *layout)
{
	size_t column = 0;

	for (size_t i = 0; i < table->count; i++) {
		if (table->cells[i].title)
			continue;
		if (table->cells[i].text)
			measure_cell(table, layout, column, table->cells[i].text);
		column = (column + 1) % table->column_count;
	}
	for (size_t c = 0; c < table->column_count; c++) {
		const char *title = table->columns[c].title;
		unsigned int w = ztc_width(title, strlen(title));

		if (layout->width[c] && w > layout->width[c])
			layout->width[c] = w;
		if (layout->whole[c] < table->columns[c].min)
			layout->whole[c] = table->columns[c].min;
	}
}

/* Leaves out droppable columns until what cannot shrink any more fits. */
static void drop(const struct ztc_table *table, struct layout *layout, unsigned int room)
{
	for (size_t c = table->column_count; c-- > 0;) {
		unsigned int least = 0;

		for (size_t i = 0; i < table->column_count; i++) {
			unsigned int min = table->columns[i].min, width = layout->width[i];

			if (width)
				least += (min && min < width ? min : width) + GAP;
		}
		if (least <= room + GAP)
			return;
		if (table->columns[c].drop)
			layout->width[c] = 0;
	}
}

/* The widest elastic column gives way, until all fit or none can. */
static void squeeze(const struct ztc_table *table, struct layout *layout, unsigned int room,
		    bool keep_whole)
{
	for (;;) {
		unsigned int sum = 0, widest = 0;
		size_t which = table->column_count;

		for (size_t c = 0; c < table->column_count; c++) {
			unsigned int min = table->columns[c].min, width = layout->width[c];
			unsigned int floor = keep_whole ? layout->whole[c] : min;

			sum += width ? width + GAP : 0;
			if (min && width > floor && width > widest) {
				widest = width;
				which = c;
			}
		}
		if (sum <= room + GAP || which == table->column_count)
			return;
		layout->width[which]--;
	}
}

/* One line of one cell, padded. The last column is not padded. */
static void print_part(FILE *out, const struct ztc_style *style, const struct ztc_column *column,
		       enum ztc_color color, const char *text, size_t len, unsigned int width,
		       bool last)
{
	unsigned int used = ztc_width(text, len);
	unsigned int pad = width > used ? width - used : 0;

	if (column->right)
		fprintf(out, "%*s", (int)pad, "");
	if (color != ZTC_PLAIN && len)
		ztc_sgr(out, style, color);
	fprintf(out, "%.*s", (int)len, text);
	if (color != ZTC_PLAIN && len)
		ztc_sgr(out, style, ZTC_PLAIN);
	if (!column->right && !last)
		fprintf(out, "%*s", (int)pad, "");
}

/* One row over as many lines as its fullest cell needs. */
static void print_row(const struct ztc_table *table, FILE *out, const struct ztc_style *style,
		      unsigned int indent, const unsigned int *width, const struct cell *cells)
{
	const char *rest[ZTC_COLUMNS_MAX];
	bool more;

	for (size_t c = 0; c < table->column_count; c++)
		rest[c] = cells[c].text ? cells[c].text : "";
	do {
		size_t last = 0;
		const char *sep = "";

		for (size_t c = 0; c < table->column_count; c++)
			last = width[c] && *rest[c] ? c : last;
		fprintf(out, "%*s", (int)indent, "");
		more = false;
		for (size_t c = 0; c <= last; c++) {
			size_t skip, len;

			if (!width[c])
				continue;
			len = ztc_break(rest[c], width[c], &skip);
			fputs(sep, out);
			print_part(out, style, &table->columns[c], cells[c].color, rest[c], len,
				   width[c], c == last);
			rest[c] += len + skip;
			sep = "  ";
		}
		for (size_t c = 0; c < table->column_count; c++)
			more = more || (width[c] && *rest[c]);
		fputc('\n', out);
	} while (more);
}

int ztc_table_print(const struct ztc_table *table, FILE *out, const struct ztc_style *style,
		    unsigned int indent)
{
	const unsigned int room = style->width - indent;
	struct layout layout = {0};
	struct cell head[ZTC_COLUMNS_MAX] = {0};
	size_t i = 0;

	if (table->lost)
		return -ENOMEM;
	if (!table->count)
		return 0;
	measure(table, &layout);
	drop(table, &layout, room);
	squeeze(table, &layout, room, true);
	squeeze(table, &layout, room, false);
	for (size_t c = 0; c < table->column_count; c++)
		head[c] = (struct cell){(char *)table->columns[c].title, ZTC_DIM, false};
	print_row(table, out, style, indent, layout.width, head);
	while (i < table->count) {
		if (table->cells[i].title) {
			ztc_wrap(out, style, ZTC_BOLD, 0, 2, table->cells[i].text);
			i++;
			continue;
		}
		if (i + table->column_count > table->count)
			break;
		print_row(table, out, style, indent, layout.width, &table->cells[i]);
		i += table->column_count;
	}
	return 0;
}
