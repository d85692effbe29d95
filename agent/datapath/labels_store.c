// SPDX-License-Identifier: Apache-2.0
/*
 * labels_store.c - labels over a restart and a reboot: STATE-DIR/labels.json.
 *
 * A time to live is kept on CLOCK_BOOTTIME with the boot's id, and on the wall clock for
 * the boot after. What files of the directory said is kept too: one that is broken when
 * the next agent starts goes on saying it.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/json.h"
#include "base/time.h"
#include "datapath/keep.h"
#include "datapath/labels_priv.h"

#define STORE_NAME    "labels.json"
#define STORE_MAX     (64u << 20) /* bytes; ZT_LABELS_MAX rows of the longest texts */
#define STORE_VERSION 1

__attribute__((format(printf, 2, 3))) static void set_error(struct zt_labels *labels,
							    const char *fmt, ...)
{
	va_list ap;

	zt_freep(&labels->store_error);
	va_start(ap, fmt);
	if (vasprintf(&labels->store_error, fmt, ap) < 0)
		labels->store_error = NULL;
	va_end(ap);
	if (labels->store_error)
		zt_labels_say(labels, "%s", labels->store_error);
}

/* --- out ------------------------------------------------------------------------------------ */

static void set_u64(json_t *object, const char *key, uint64_t value)
{
	if (value)
		json_object_set_new(object, key, json_integer((json_int_t)value));
}

static json_t *row_out(const struct zt_labels *labels, const struct zt_label_row *row)
{
	json_t *o = json_pack("{s:s, s:s, s:s}", "host", row->host, "key", row->key, "value",
			      row->value);
	uint64_t wall_ns = row->wall_end_ns;

	set_u64(o, "ttl_ns", row->ttl_ns);
	set_u64(o, "boottime_end_ns", row->boot_end_ns);
	/* By the clock on the wall it counts already, or will after a reboot. */
	json_object_set_new(o, "dated", json_boolean(wall_ns != 0));
	if (row->boot_end_ns && !wall_ns)
		wall_ns =
			zt_labels_wall_now(labels) + row->boot_end_ns - zt_labels_boot_now(labels);
	set_u64(o, "wall_end_ns", wall_ns);
	return o;
}

static json_t *rows_out(const struct zt_labels *labels, const struct zt_label_rows *rows)
{
	json_t *list = json_array();

	for (size_t i = 0; i < rows->count; i++)
		json_array_append_new(list, row_out(labels, &rows->rows[i]));
	return list;
}

static json_t *files_out(const struct zt_labels *labels)
{
	json_t *list = json_array();

	for (size_t i = 0; i < labels->file_count; i++) {
		const struct zt_label_file *file = &labels->files[i];
		const struct zt_label_stamp *stamp = &file->stamp;

		json_array_append_new(
			list, json_pack("{s:s, s:{s:o, s:o, s:o, s:o}, s:b, s:o}", "name",
					file->name, "stamp", "ino", zt_json_u64(stamp->ino), "size",
					zt_json_u64(stamp->size), "mtime_ns",
					zt_json_u64(stamp->mtime_ns), "ctime_ns",
					zt_json_u64(stamp->ctime_ns), "broken", file->error != NULL,
					"labels", rows_out(labels, &file->rows)));
	}
	return list;
}

static json_t *hosts_out(const struct zt_labels *labels)
{
	json_t *list = json_array();
	char hash[17];
	size_t len;

	for (uint32_t i = 0; i < zt_strmap_count(labels->names); i++) {
		const struct zt_label_host *host = &labels->hosts[i];
		const char *name = zt_strmap_key(labels->names, i, &len);

		if (!host->epoch && !host->effective)
			continue;
		snprintf(hash, sizeof(hash), "%016" PRIx64, host->effective);
		json_array_append_new(list,
				      json_pack("{s:s%, s:I, s:s}", "host", name, len, "epoch",
						(json_int_t)host->epoch, "effective", hash));
	}
	return list;
}

int zt_labels_save(struct zt_labels *labels, const struct zt_label_rows *set)
{
	zt_auto(zt_json_decref) json_t *root = NULL;
	zt_auto(zt_freep) char *text = NULL;
	int r;

	root = json_pack("{s:i, s:s, s:o, s:o, s:o}", "version", STORE_VERSION, "boot_id",
			 zt_clock_boot_id(labels->clock), "set",
			 rows_out(labels, set ?: &labels->set), "files", files_out(labels), "hosts",
			 hosts_out(labels));
	text = root ? json_dumps(root, JSON_COMPACT) : NULL;
	r = text ? zt_keep_write(labels->state_dir, STORE_NAME, text, strlen(text)) : -ENOMEM;
	labels->save_ns = r < 0 ? zt_now_ns() + 60 * ZT_NS_PER_S : 0;
	if (r < 0)
		set_error(labels, "the labels cannot be kept in '%s': %s", labels->state_dir,
			  strerror(-r));
	else
		zt_freep(&labels->store_error);
	return r;
}

/* --- in -------------------------------------------------------------------------------------- */

static uint64_t get_u64(const json_t *object, const char *key)
{
	json_int_t n = json_integer_value(json_object_get(object, key));

	return n > 0 ? (uint64_t)n : 0;
}

/*
 * After a reboot the wall clock says when a time to live ends; it never gives more
 * time than there was at first, whatever the clock says.
 */
static int row_in(const struct zt_labels *labels, const json_t *o, bool same_boot,
		  struct zt_label_rows *rows)
{
	const char *host = json_string_value(json_object_get(o, "host"));
	const char *key = json_string_value(json_object_get(o, "key"));
	const char *value = json_string_value(json_object_get(o, "value"));
	bool dated = json_is_true(json_object_get(o, "dated"));
	struct zt_label_row row;

	if (!host || !key || !value || !zt_label_host_ok(host) || !zt_label_key_ok(key) ||
	    !zt_label_value_ok(value))
		return -EINVAL;
	if (zt_label_row_init(&row, host, key, value) < 0)
		return -ENOMEM;
	row.ttl_ns = get_u64(o, "ttl_ns");
	if (dated || !same_boot)
		row.wall_end_ns = get_u64(o, "wall_end_ns");
	if (row.ttl_ns)
		row.boot_end_ns = same_boot ? get_u64(o, "boottime_end_ns")
					    : zt_labels_boot_now(labels) + row.ttl_ns;
	return zt_label_rows_add(rows, &row);
}

static int rows_in(struct zt_labels *labels, const json_t *list, bool same_boot,
		   struct zt_label_rows *ret)
{
	zt_auto(zt_label_rows_free) struct zt_label_rows rows = {};
	char err[ZT_LABELS_ERR_LEN];
	const json_t *o;
	size_t i;
	int r;

	if (!json_is_array(list))
		return -EINVAL;
	json_array_foreach (list, i, o) {
		r = row_in(labels, o, same_boot, &rows);
		if (r < 0)
			return r;
	}
	if (zt_label_rows_sort(&rows))
		return -EINVAL;
	return zt_labels_take(labels, ret, &rows, err);
}

static int files_in(struct zt_labels *labels, const json_t *list, bool same_boot)
{
	const json_t *o, *stamp;
	size_t i;
	int r;

	if (!json_is_array(list))
		return -EINVAL;
	json_array_foreach (list, i, o) {
		const char *name = json_string_value(json_object_get(o, "name"));
		struct zt_label_file *file;

		if (!name || !*name || labels->file_count == ZT_LABELS_FILES)
			return -EINVAL;
		file = zt_labels_file_at(labels, name, true);
		if (!file)
			return -ENOMEM;
		r = rows_in(labels, json_object_get(o, "labels"), same_boot, &file->rows);
		if (r < 0)
			return r;
		/* Good then and not written since: it is not read again, so that no time to
		 * live begins anew. */
		if (!same_boot || json_is_true(json_object_get(o, "broken")))
			continue;
		stamp = json_object_get(o, "stamp");
		file->read = true;
		file->stamp = (struct zt_label_stamp){get_u64(stamp, "ino"), get_u64(stamp, "size"),
						      get_u64(stamp, "mtime_ns"),
						      get_u64(stamp, "ctime_ns")};
	}
	return 0;
}

static int hosts_in(struct zt_labels *labels, const json_t *list, bool same_boot)
{
	const json_t *o;
	size_t i;

	if (!json_is_array(list))
		return -EINVAL;
	json_array_foreach (list, i, o) {
		const char *name = json_string_value(json_object_get(o, "host"));
		const char *hash = json_string_value(json_object_get(o, "effective"));
		struct zt_label_host *host;

		if (!name || !hash || !zt_label_host_ok(name))
			return -EINVAL;
		host = zt_labels_host(labels, name);
		if (!host)
			return -ENOMEM;
		host->effective = strtoull(hash, NULL, 16);
		/* Epochs begin anew with the pins. */
		host->epoch = same_boot ? (uint32_t)get_u64(o, "epoch") : 0;
	}
	return 0;
}

static int read_in(struct zt_labels *labels, const char *text, size_t len)
{
	zt_auto(zt_json_decref) json_t *root = NULL;
	const char *boot_id;
	json_error_t error;
	bool same_boot;
	int r;

	root = json_loadb(text, len, JSON_REJECT_DUPLICATES, &error);
	if (!root || json_integer_value(json_object_get(root, "version")) != STORE_VERSION)
		return -EINVAL;
	boot_id = json_string_value(json_object_get(root, "boot_id"));
	same_boot = boot_id && *boot_id && !strcmp(boot_id, zt_clock_boot_id(labels->clock));
	r = rows_in(labels, json_object_get(root, "set"), same_boot, &labels->set);
	if (r == 0)
		r = files_in(labels, json_object_get(root, "files"), same_boot);
	return r < 0 ? r : hosts_in(labels, json_object_get(root, "hosts"), same_boot);
}

int zt_labels_load(struct zt_labels *labels)
{
	zt_auto(zt_freep) char *text = NULL;
	size_t len = 0;
	int r = zt_keep_read(labels->state_dir, STORE_NAME, STORE_MAX, &text, &len);

	if (r == -ENOENT)
		return 0;
	if (r == 0)
		r = read_in(labels, text, len);
	if (r == 0 || r == -ENOMEM)
		return r;
	zt_keep_aside(labels->state_dir, STORE_NAME);
	set_error(labels,
		  "the labels kept in '%s/" STORE_NAME
		  "' could not be read (%s): it was renamed to " STORE_NAME
		  ".broken; what operators had set may have to be set again",
		  labels->state_dir, strerror(-r));
	return 0;
}
