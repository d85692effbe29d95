// SPDX-License-Identifier: Apache-2.0
/* labels_rows.c - rows of labels, sorted by host and key, and when they end. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/strbuf.h"
#include "base/time.h"
#include "base/vec.h"
#include "datapath/labels_priv.h"

#define TEXT_MAX 63 /* bytes of a key or value, as in the policy file */

/* --- what a label may be ------------------------------------------------------------------ */

static bool text_ok(const char *text, bool key)
{
	size_t len = strnlen(text, TEXT_MAX + 1);

	if (!len || len > TEXT_MAX)
		return false;
	for (size_t i = 0, n; i < len; i += n) {
		unsigned char c = (unsigned char)text[i];

		n = zt_utf8_next((const unsigned char *)text + i, len - i, NULL);
		if (!n || c < 0x20 || c == 0x7f || (key && (c == '=' || c == ' ')))
			return false;
	}
	return true;
}

bool zt_label_key_ok(const char *key)
{
	return text_ok(key, true);
}

bool zt_label_value_ok(const char *value)
{
	return text_ok(value, false);
}

/* As names of hosts are in the policy file. */
bool zt_label_host_ok(const char *host)
{
	size_t len = strnlen(host, ZT_NAME_LEN);

	if (!len || len >= ZT_NAME_LEN || *host == '-' || *host == '.')
		return false;
	return strspn(host, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-.") ==
	       len;
}

/* --- rows --------------------------------------------------------------------------------- */

int zt_label_row_init(struct zt_label_row *row, const char *host, const char *key,
		      const char *value)
{
	size_t h = strlen(host) + 1, k = strlen(key) + 1, v = strlen(value) + 1;

	*row = (struct zt_label_row){.text = malloc(h + k + v)};
	if (!row->text)
		return -ENOMEM;
	row->host = memcpy(row->text, host, h);
	row->key = memcpy(row->text + h, key, k);
	row->value = memcpy(row->text + h + k, value, v);
	return 0;
}

void zt_label_rows_free(struct zt_label_rows *rows)
{
	for (size_t i = 0; i < rows->count; i++)
		free(rows->rows[i].text);
	free(rows->rows);
	*rows = (struct zt_label_rows){};
}

int zt_label_rows_add(struct zt_label_rows *rows, struct zt_label_row *row)
{
	if (zt_vec_grow(&rows->rows, &rows->cap, rows->count + 1, sizeof(*row)) < 0) {
		zt_freep(&row->text);
		return -ENOMEM;
	}
	rows->rows[rows->count++] = *row;
	row->text = NULL;
	return 0;
}

static int compare(const char *host, const char *key, const struct zt_label_row *row)
{
	int c = strcmp(host, row->host);

	return c ? c : strcmp(key, row->key);
}

static int by_host_key(const void *a, const void *b)
{
	const struct zt_label_row *row = a;

	return compare(row->host, row->key, b);
}

const struct zt_label_row *zt_label_rows_sort(struct zt_label_rows *rows)
{
	if (rows->count)
		qsort(rows->rows, rows->count, sizeof(*rows->rows), by_host_key);
	for (size_t i = 1; i < rows->count; i++)
		if (!by_host_key(&rows->rows[i - 1], &rows->rows[i]))
			return &rows->rows[i];
	return NULL;
}

size_t zt_label_rows_find(const struct zt_label_rows *rows, const char *host, const char *key,
			  bool *ret_found)
{
	size_t low = 0, high = rows->count;

	*ret_found = false;
	while (low < high) {
		size_t mid = low + (high - low) / 2;
		int c = compare(host, key, &rows->rows[mid]);

		if (c == 0) {
			*ret_found = true;
			return mid;
		}
		if (c < 0)
			high = mid;
		else
			low = mid + 1;
	}
	return low;
}

/* --- ends ---------------------------------------------------------------------------------- */

uint64_t zt_labels_boot_now(const struct zt_labels *labels)
{
	return zt_now_ns() + (uint64_t)zt_clock_slept_ns(labels->clock);
}

uint64_t zt_labels_wall_now(const struct zt_labels *labels)
{
	return zt_now_ns() + (uint64_t)zt_clock_wall_offset_ns(labels->clock);
}

/* On the kernel's clock; what ended before it began ended at its beginning. */
static uint64_t to_monotonic(uint64_t end_ns, int64_t ahead_ns)
{
	int64_t mono_ns = (int64_t)end_ns - ahead_ns;

	return mono_ns > 1 ? (uint64_t)mono_ns : 1;
}

uint64_t zt_label_row_until(const struct zt_labels *labels, const struct zt_label_row *row)
{
	uint64_t until_ns = 0, wall_ns;

	if (row->boot_end_ns)
		until_ns = to_monotonic(row->boot_end_ns, zt_clock_slept_ns(labels->clock));
	if (!row->wall_end_ns)
		return until_ns;
	wall_ns = to_monotonic(row->wall_end_ns, zt_clock_wall_offset_ns(labels->clock));
	return until_ns && until_ns < wall_ns ? until_ns : wall_ns;
}

bool zt_label_row_ended(const struct zt_labels *labels, const struct zt_label_row *row)
{
	uint64_t until_ns = zt_label_row_until(labels, row);

	return until_ns && until_ns <= zt_now_ns();
}
