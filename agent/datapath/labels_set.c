// SPDX-License-Identifier: Apache-2.0
/* labels_set.c - what operators set and take back, and what there is to see. */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "datapath/labels_priv.h"

/* One sentence; what it quotes is escaped by whoever shows it. */
__attribute__((format(printf, 3, 4))) static int fail(char *err, int r, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(err, ZT_LABELS_ERR_LEN, fmt, ap);
	va_end(ap);
	return r;
}

/* --- set and unset ---------------------------------------------------------------------------- */

static int copy_row(struct zt_label_rows *to, const struct zt_label_row *from)
{
	struct zt_label_row row;

	if (zt_label_row_init(&row, from->host, from->key, from->value) < 0)
		return -ENOMEM;
	row.ttl_ns = from->ttl_ns;
	row.boot_end_ns = from->boot_end_ns;
	row.wall_end_ns = from->wall_end_ns;
	return zt_label_rows_add(to, &row);
}

/* What operators have set, without (host, one of these keys). */
static int copy_without(const struct zt_label_rows *from, const char *host, const char *const *keys,
			size_t count, struct zt_label_rows *to)
{
	for (size_t i = 0; i < from->count; i++) {
		bool left_out = false;

		for (size_t k = 0; k < count && !strcmp(from->rows[i].host, host); k++)
			left_out = left_out || !strcmp(from->rows[i].key, keys[k]);
		if (!left_out && copy_row(to, &from->rows[i]) < 0)
			return -ENOMEM;
	}
	return 0;
}

/* On disk first; then it counts. */
static int put(struct zt_labels *labels, struct zt_label_rows *fresh, char *err)
{
	int r;

	zt_label_rows_sort(fresh);
	r = zt_labels_fit(labels, &labels->set, fresh, err);
	if (r < 0)
		return r == -ENOMEM ? fail(err, r, "out of memory") : r;
	r = zt_labels_save(labels, fresh);
	if (r < 0)
		return fail(err, r, "the labels cannot be kept in the state directory: %s",
			    strerror(-r));
	r = zt_labels_take(labels, &labels->set, fresh, err);
	if (r < 0)
		return fail(err, r, "out of memory");
	zt_labels_flush(labels);
	return 0;
}

static int check_sets(const struct zt_label_set *sets, size_t count, char *err)
{
	for (size_t i = 0; i < count; i++) {
		if (!zt_label_key_ok(sets[i].key))
			return fail(err, -EINVAL,
				    "'%.128s' is not a label's name: 1 to 63 bytes without '=' or "
				    "spaces",
				    sets[i].key);
		if (!zt_label_value_ok(sets[i].value))
			return fail(err, -EINVAL, "'%.128s' is not a label's value: 1 to 63 bytes",
				    sets[i].value);
		for (size_t j = 0; j < i; j++)
			if (!strcmp(sets[i].key, sets[j].key))
				return fail(err, -EINVAL, "label '%s' stands twice", sets[i].key);
	}
	return 0;
}

int zt_labels_set(struct zt_labels *labels, const char *host, const struct zt_label_set *sets,
		  size_t count, uint64_t ttl_ns, char *err)
{
	zt_auto(zt_label_rows_free) struct zt_label_rows fresh = {};
	const char *keys[ZT_LABELS_HOST_MAX] = {};
	int r;

	if (!zt_label_host_ok(host))
		return fail(err, -EINVAL, "'%.128s' is not a name of a host", host);
	if (count > ZT_LABELS_HOST_MAX)
		return fail(err, -E2BIG, "too many labels for host '%s'", host);
	r = check_sets(sets, count, err);
	for (size_t i = 0; i < count; i++)
		keys[i] = sets[i].key;
	if (r == 0)
		r = copy_without(&labels->set, host, keys, count, &fresh);
	for (size_t i = 0; r == 0 && i < count; i++) {
		struct zt_label_row row;

		r = zt_label_row_init(&row, host, sets[i].key, sets[i].value);
		if (r < 0)
			break;
		row.ttl_ns = ttl_ns;
		row.boot_end_ns = ttl_ns ? zt_labels_boot_now(labels) + ttl_ns : 0;
		r = zt_label_rows_add(&fresh, &row);
	}
	if (r == -ENOMEM)
		return fail(err, r, "out of memory");
	return r < 0 ? r : put(labels, &fresh, err);
}

int zt_labels_unset(struct zt_labels *labels, const char *host, const char *const *keys,
		    size_t count, char *err)
{
	zt_auto(zt_label_rows_free) struct zt_label_rows fresh = {};
	bool found;

	for (size_t i = 0; i < count; i++) {
		zt_label_rows_find(&labels->set, host, keys[i], &found);
		if (!found)
			return fail(err, -ENOENT,
				    "label '%s' was not set by an operator: what a file or the "
				    "inventory says can only be hidden by another value",
				    keys[i]);
	}
	if (copy_without(&labels->set, host, keys, count, &fresh) < 0)
		return fail(err, -ENOMEM, "out of memory");
	return put(labels, &fresh, err);
}

/* --- what there is ---------------------------------------------------------------------------- */

void zt_labels_each(const struct zt_labels *labels, const char *host,
		    void (*fn)(const struct zt_labels_row *row, void *ctx), void *ctx)
{
	zt_auto(zt_label_view_free) struct zt_label_view view = {};

	/* Of the sources as they are: what waits to be told is shown already. */
	if (zt_label_view_make(labels, &view) < 0)
		return;
	for (size_t i = 0; i < view.count; i++) {
		const struct zt_overlay_label *label = &view.labels[i];
		struct zt_labels_row row = {
			.host = label->host,
			.key = label->key,
			.value = label->value,
			.file = view.files[i],
			.until_ns = label->until_ns,
			.counts = !i || strcmp(label[-1].key, label->key) ||
				  strcmp(label[-1].host, label->host),
		};

		if (!host || !strcmp(host, label->host))
			fn(&row, ctx);
	}
}

void zt_labels_state(struct zt_labels *labels, struct zt_labels_state *ret)
{
	*ret = (struct zt_labels_state){
		.dir = labels->dir,
		.dir_error = labels->dir_error,
		.dir_exists = labels->dir_exists,
		.labels = labels->row_count,
		.set = labels->set.count,
		.next_end_ns = labels->next_end_ns,
		.store_error = labels->store_error,
		.changes = labels->changes,
	};
	for (uint32_t i = 0; i < zt_strmap_count(labels->names); i++)
		ret->hosts += labels->hosts[i].rows != 0;
	free(labels->listed);
	labels->listed = calloc(labels->file_count + 1, sizeof(*labels->listed));
	if (!labels->listed)
		return;
	for (size_t i = 0; i < labels->file_count; i++) {
		const struct zt_label_file *file = &labels->files[i];

		labels->listed[i] = (struct zt_labels_file){
			.name = file->name,
			.labels = file->rows.count,
			.error = file->error,
			.error_ns = file->error_ns,
			.read_ns = file->read_ns,
		};
		ret->broken += file->error != NULL;
	}
	ret->files = labels->listed;
	ret->file_count = labels->file_count;
}
