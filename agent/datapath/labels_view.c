// SPDX-License-Identifier: Apache-2.0
/* labels_view.c - the rows of all sources put together: what counts, and what is below it. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <xxhash.h>

#include "base/cleanup.h"
#include "datapath/labels_priv.h"

/* One row on its way into a view. */
struct pick {
	const struct zt_label_row *row;
	const char *file;
	uint32_t rank; /* lower counts first */
};

static int by_order(const void *a, const void *b)
{
	const struct pick *x = a, *y = b;
	int c = strcmp(x->row->host, y->row->host);

	c = c ? c : strcmp(x->row->key, y->row->key);
	return c ? c : (x->rank > y->rank) - (x->rank < y->rank);
}

static size_t pick_from(const struct zt_labels *labels, const struct zt_label_rows *rows,
			const char *file, uint32_t rank, struct pick *ret)
{
	size_t n = 0;

	for (size_t i = 0; i < rows->count; i++)
		if (!zt_label_row_ended(labels, &rows->rows[i]))
			ret[n++] = (struct pick){&rows->rows[i], file, rank};
	return n;
}

/* Operators before files, the last file before the first. */
static size_t pick_all(const struct zt_labels *labels, struct pick *ret)
{
	size_t n = pick_from(labels, &labels->set, NULL, 0, ret);

	for (size_t i = 0; i < labels->file_count; i++)
		n += pick_from(labels, &labels->files[i].rows, labels->files[i].name,
			       (uint32_t)(labels->file_count - i), ret + n);
	if (n)
		qsort(ret, n, sizeof(*ret), by_order);
	return n;
}

static const char *put(char **at, const char *text)
{
	size_t len = strlen(text) + 1;
	char *copy = memcpy(*at, text, len);

	*at += len;
	return copy;
}

static size_t text_size(const struct zt_labels *labels, const struct pick *picks, size_t count)
{
	size_t size = 1;

	for (size_t i = 0; i < count; i++) {
		const struct zt_label_row *row = picks[i].row;

		size += strlen(row->host) + strlen(row->key) + strlen(row->value) + 3;
	}
	for (size_t i = 0; i < labels->file_count; i++)
		size += strlen(labels->files[i].name) + 1;
	return size;
}

int zt_label_view_make(const struct zt_labels *labels, struct zt_label_view *ret)
{
	zt_auto(zt_label_view_free) struct zt_label_view view = {};
	zt_auto(zt_freep) struct pick *picks = calloc(labels->row_count + 1, sizeof(*picks));
	zt_auto(zt_freep) const char **names = calloc(labels->file_count + 1, sizeof(*names));
	char *at;

	if (!picks || !names)
		return -ENOMEM;
	view.count = pick_all(labels, picks);
	view.labels = calloc(view.count + 1, sizeof(*view.labels));
	view.files = calloc(view.count + 1, sizeof(*view.files));
	view.text = malloc(text_size(labels, picks, view.count));
	if (!view.labels || !view.files || !view.text)
		return -ENOMEM;
	at = view.text;
	for (size_t i = 0; i < labels->file_count; i++)
		names[labels->file_count - i] = put(&at, labels->files[i].name);
	for (size_t i = 0; i < view.count; i++) {
		const struct zt_label_row *row = picks[i].row;

		view.labels[i] = (struct zt_overlay_label){
			.host = put(&at, row->host),
			.key = put(&at, row->key),
			.value = put(&at, row->value),
			.until_ns = zt_label_row_until(labels, row),
		};
		view.files[i] = names[picks[i].rank];
	}
	zt_label_view_free(ret);
	*ret = view;
	view = (struct zt_label_view){};
	return 0;
}

void zt_label_view_free(struct zt_label_view *view)
{
	free(view->labels);
	free(view->files);
	free(view->text);
	*view = (struct zt_label_view){};
}

const struct zt_overlay_label *zt_label_view_host(const struct zt_label_view *view,
						  const char *host, size_t *ret_count)
{
	size_t low = 0, high = view->count, end;

	while (low < high) {
		size_t mid = low + (high - low) / 2;

		if (strcmp(view->labels[mid].host, host) < 0)
			low = mid + 1;
		else
			high = mid;
	}
	for (end = low; end < view->count && !strcmp(view->labels[end].host, host);)
		end++;
	*ret_count = end - low;
	return view->labels + low;
}

uint64_t zt_label_view_hash(const struct zt_label_view *view, const char *host)
{
	const struct zt_overlay_label *label;
	uint64_t hash = 0;
	size_t count;

	label = zt_label_view_host(view, host, &count);
	for (size_t i = 0; i < count; i++) {
		/* Below another of its key: it does not count. */
		if (i && !strcmp(label[i - 1].key, label[i].key))
			continue;
		/* With the NUL between: "a" "bc" is not "ab" "c". */
		hash = XXH64(label[i].key, strlen(label[i].key) + 1, hash);
		hash = XXH64(label[i].value, strlen(label[i].value) + 1, hash);
	}
	return hash;
}

/* --- the overlay's hosts -------------------------------------------------------------------- */

static int by_host(const void *a, const void *b)
{
	const struct zt_overlay_host *x = a, *y = b;

	return strcmp(x->host, y->host);
}

int zt_labels_renew_epochs(struct zt_labels *labels)
{
	uint32_t total = zt_strmap_count(labels->names), count = 0;
	struct zt_overlay_host *epochs;
	size_t len, size = 1;
	char *text, *at;

	for (uint32_t i = 0; i < total; i++) {
		zt_strmap_key(labels->names, i, &len);
		size += labels->hosts[i].epoch ? len + 1 : 0;
		count += labels->hosts[i].epoch != 0;
	}
	epochs = calloc(count + 1, sizeof(*epochs));
	text = malloc(size);
	if (!epochs || !text) {
		free(epochs);
		free(text);
		return -ENOMEM;
	}
	at = text;
	count = 0;
	for (uint32_t i = 0; i < total; i++) {
		const char *name = zt_strmap_key(labels->names, i, &len);

		if (!labels->hosts[i].epoch)
			continue;
		epochs[count++] = (struct zt_overlay_host){at, labels->hosts[i].epoch};
		memcpy(at, name, len);
		at[len] = '\0';
		at += len + 1;
	}
	qsort(epochs, count, sizeof(*epochs), by_host);
	free(labels->epochs);
	free(labels->epoch_text);
	labels->epochs = epochs;
	labels->epoch_text = text;
	labels->epoch_count = count;
	return 0;
}
