// SPDX-License-Identifier: Apache-2.0
/* csv.c - reads tables as spreadsheets write them (RFC 4180 and Excel's habits). */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/vec.h"
#include "ctl/prioritize/prioritize.h"

#define CELLS_MAX 2000000
#define BOM	  "\xef\xbb\xbf"

void ztc_csv_free(struct ztc_csv *csv)
{
	free(csv->text);
	free(csv->cells);
	free(csv->rows);
	memset(csv, 0, sizeof(*csv));
}

void ztc_csv_column(char ret[8], unsigned int column)
{
	char text[8];
	int n = 0, at = 0;

	while (column && n < 7) {
		column--;
		text[n++] = (char)('A' + column % 26);
		column /= 26;
	}
	while (n)
		ret[at++] = text[--n];
	ret[at] = '\0';
}

/* What the first line has most of, outside quotes. */
static char separator_of(const char *text)
{
	static const char choices[] = ",;\t";
	size_t count[3] = {0};
	bool quoted = false;
	int best = 0;

	for (; *text && (quoted || (*text != '\r' && *text != '\n')); text++) {
		const char *hit = strchr(choices, *text);

		if (*text == '"')
			quoted = !quoted;
		else if (!quoted && hit)
			count[hit - choices]++;
	}
	for (int i = 1; i < 3; i++)
		if (count[i] > count[best])
			best = i;
	return choices[best];
}

struct reader {
	struct ztc_csv *csv;
	char *in, *out; /* what was quoted is moved together where it stands */
	char *end;
	char sep;
	const char *why;
};

static int add_cell(struct reader *r, char *start, size_t len)
{
	struct ztc_csv *csv = r->csv;

	if (csv->cell_count >= CELLS_MAX) {
		r->why = N_("more than 2,000,000 cells");
		return -EINVAL;
	}
	if (zt_vec_grow(&csv->cells, &csv->cell_cap, csv->cell_count + 1, sizeof(*csv->cells)) < 0)
		return -ENOMEM;
	csv->cells[csv->cell_count++] = (struct ztc_csv_cell){start, len};
	return 0;
}

static int end_row(struct ztc_csv *csv)
{
	if (zt_vec_grow(&csv->rows, &csv->row_cap, csv->row_count + 2, sizeof(*csv->rows)) < 0)
		return -ENOMEM;
	if (!csv->row_count)
		csv->rows[0] = 0;
	csv->rows[++csv->row_count] = csv->cell_count;
	return 0;
}

/* The inside of quotes; "" is one. */
static int read_quoted(struct reader *r)
{
	r->in++;
	for (;;) {
		if (r->in >= r->end) {
			r->why = N_("a quote is not closed");
			return -EINVAL;
		}
		if (*r->in == '"' && r->in[1] != '"')
			break;
		if (*r->in == '"')
			r->in++;
		*r->out++ = *r->in++;
	}
	r->in++;
	if (r->in < r->end && *r->in != r->sep && *r->in != '\r' && *r->in != '\n') {
		r->why = N_("text behind a closing quote: a quote inside a cell is written twice");
		return -EINVAL;
	}
	return 0;
}

static int read_cell(struct reader *r)
{
	char *start = r->out;
	int rc = 0;

	if (r->in < r->end && *r->in == '"') {
		rc = read_quoted(r);
	} else {
		while (r->in < r->end && *r->in != r->sep && *r->in != '\r' && *r->in != '\n') {
			if (*r->in == '"') {
				r->why = N_("a quote inside a cell without quotes");
				return -EINVAL;
			}
			*r->out++ = *r->in++;
		}
	}
	return rc < 0 ? rc : add_cell(r, start, (size_t)(r->out - start));
}

static int read_rows(struct reader *r)
{
	while (r->in < r->end) {
		int rc = read_cell(r);
		char at;

		if (rc < 0)
			return rc;
		/* The NUL goes where the separator was, which has been read by then. */
		at = r->in < r->end ? *r->in : '\n';
		*r->out++ = '\0';
		if (r->in < r->end)
			r->in++;
		if (at == r->sep) {
			/* A separator at the very end has an empty cell behind it. */
			if (r->in >= r->end && add_cell(r, r->out - 1, 0) < 0)
				return -ENOMEM;
			if (r->in >= r->end && end_row(r->csv) < 0)
				return -ENOMEM;
			continue;
		}
		if (at == '\r' && r->in < r->end && *r->in == '\n')
			r->in++;
		if (end_row(r->csv) < 0)
			return -ENOMEM;
	}
	return 0;
}

/* NULs and other control characters are no text of a spreadsheet. */
static const char *no_text(const char *text, size_t len)
{
	if (len >= 2 && (memcmp(text, "\xff\xfe", 2) == 0 || memcmp(text, "\xfe\xff", 2) == 0))
		return N_("it is UTF-16; save it as 'CSV UTF-8'");
	for (size_t i = 0; i < len;) {
		size_t n = zt_utf8_next((const unsigned char *)text + i, len - i, NULL);

		if (!n)
			return N_("it is not UTF-8 (Big5, perhaps); save it as 'CSV UTF-8'");
		if ((unsigned char)text[i] < ' ' && !strchr("\t\r\n", text[i]))
			return N_("it holds control characters");
		if (!text[i])
			return N_("it holds NUL bytes");
		i += n;
	}
	return NULL;
}

int ztc_csv_parse(struct ztc_csv *csv, const char *text, size_t len, const char **ret_why)
{
	struct reader r = {.csv = csv};
	int rc;

	*ret_why = no_text(text, len);
	if (*ret_why)
		return -EINVAL;
	if (len >= 3 && memcmp(text, BOM, 3) == 0) {
		text += 3;
		len -= 3;
	}
	/* One byte more than text: each cell gets a NUL, the last one has no separator. */
	csv->text = calloc(1, len + 2);
	if (!csv->text)
		return -ENOMEM;
	memcpy(csv->text, text, len);
	r.in = r.out = csv->text;
	r.end = csv->text + len;
	r.sep = separator_of(csv->text);
	if (strncmp(csv->text, "sep=", 4) == 0 && csv->text[4] && strchr(",;\t", csv->text[4])) {
		r.sep = csv->text[4];
		r.in += 5;
		r.in += strspn(r.in, "\r\n") > 2 ? 2 : strspn(r.in, "\r\n");
		r.out = r.in;
		/* Rows are counted as the spreadsheet shows them, which hides this line. */
	}
	rc = read_rows(&r);
	if (rc < 0) {
		csv->bad_row = (unsigned int)csv->row_count + 1;
		csv->bad_column = (unsigned int)(csv->cell_count -
						 (csv->row_count ? csv->rows[csv->row_count] : 0)) +
				  1;
		*ret_why = r.why;
	}
	return rc;
}
