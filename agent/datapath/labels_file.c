// SPDX-License-Identifier: Apache-2.0
/*
 * labels_file.c - the JSON that another system writes to the label directory.
 *
 * policies/labels.schema.json says the same. Anything unexpected makes the whole file
 * broken: half of a posture is none.
 */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/json.h"
#include "base/strbuf.h"
#include "base/time.h"
#include "datapath/labels_priv.h"

/* What has been read of the file, and where it is. */
struct reader {
	const struct zt_labels *labels;
	uint64_t written_ns;
	size_t index;
	char *err;
};

__attribute__((format(printf, 2, 3))) static int bad(struct reader *r, const char *fmt, ...)
{
	int n = snprintf(r->err, ZT_LABELS_ERR_LEN, "labels[%zu]", r->index);
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(r->err + n, (size_t)(ZT_LABELS_ERR_LEN - n), fmt, ap);
	va_end(ap);
	return -EINVAL;
}

static int bad_key(char *err, const char *where, const char *key)
{
	zt_auto(zt_strbuf_free) struct zt_strbuf sb = ZT_STRBUF_INIT;

	zt_strbuf_escape(&sb, key, strnlen(key, 64));
	snprintf(err, ZT_LABELS_ERR_LEN, "%s: unknown key '%s'", where, zt_strbuf_text(&sb));
	return -EINVAL;
}

/* A text of the object, checked; @what is said when it is not good. */
static int read_text(struct reader *r, const json_t *object, const char *key,
		     bool (*ok)(const char *text), const char *what, const char **ret)
{
	const json_t *value = json_object_get(object, key);

	if (!value)
		return bad(r, " has no '%s'", key);
	if (!json_is_string(value))
		return bad(r, ".%s is no text", key);
	*ret = json_string_value(value);
	return ok(*ret) && strlen(*ret) == json_string_length(value)
		       ? 0
		       : bad(r, ".%s is not %s", key, what);
}

/* Counted from when the file was written, not from when it is read. */
static int read_ttl(struct reader *r, const json_t *value, struct zt_label_row *row)
{
	uint64_t now_ns = zt_labels_wall_now(r->labels), age_ns;
	json_int_t s = json_is_integer(value) ? json_integer_value(value) : 0;

	if (s < 1 || (uint64_t)s > ZT_LABELS_TTL_MAX_S)
		return bad(r, ".ttl_s is not a number of seconds from 1 to %llu",
			   ZT_LABELS_TTL_MAX_S);
	/* A file of the future is one written now. */
	age_ns = r->written_ns < now_ns ? now_ns - r->written_ns : 0;
	row->ttl_ns = (uint64_t)s * ZT_NS_PER_S;
	row->boot_end_ns =
		age_ns < row->ttl_ns ? zt_labels_boot_now(r->labels) + row->ttl_ns - age_ns : 1;
	return 0;
}

static int read_end(struct reader *r, const json_t *object, struct zt_label_row *row)
{
	const json_t *ttl = json_object_get(object, "ttl_s");
	const json_t *expires = json_object_get(object, "expires");

	if (ttl && expires)
		return bad(r, " has both 'ttl_s' and 'expires'");
	if (ttl)
		return read_ttl(r, ttl, row);
	if (!expires)
		return 0;
	if (!json_is_string(expires) ||
	    strlen(json_string_value(expires)) != json_string_length(expires) ||
	    zt_wall_parse(json_string_value(expires), &row->wall_end_ns) < 0)
		return bad(r, ".expires is no time such as \"2027-03-31T12:00:00Z\"");
	row->wall_end_ns = row->wall_end_ns ?: 1;
	return 0;
}

static int read_row(struct reader *r, const json_t *object, struct zt_label_rows *rows)
{
	static const char *const keys[] = {"host", "key", "value", "ttl_s", "expires", NULL};
	const char *host = NULL, *key = NULL, *value = NULL, *unknown;
	struct zt_label_row row;
	char where[32];
	int rc;

	if (!json_is_object(object))
		return bad(r, " is no object");
	snprintf(where, sizeof(where), "labels[%zu]", r->index);
	unknown = zt_json_only(object, keys);
	if (unknown)
		return bad_key(r->err, where, unknown);
	rc = read_text(r, object, "host", zt_label_host_ok, "a name of a host", &host);
	if (rc == 0)
		rc = read_text(r, object, "key", zt_label_key_ok, "a label's name of 1 to 63 bytes",
			       &key);
	if (rc == 0)
		rc = read_text(r, object, "value", zt_label_value_ok,
			       "a label's value of 1 to 63 bytes", &value);
	if (rc < 0)
		return rc;
	if (zt_label_row_init(&row, host, key, value) < 0)
		return -ENOMEM;
	rc = read_end(r, object, &row);
	if (rc < 0) {
		zt_freep(&row.text);
		return rc;
	}
	return zt_label_rows_add(rows, &row);
}

static int read_rows(struct reader *r, const json_t *root, struct zt_label_rows *ret)
{
	zt_auto(zt_label_rows_free) struct zt_label_rows rows = {};
	const json_t *list = json_object_get(root, "labels"), *object;
	const struct zt_label_row *twice;
	int rc;

	json_array_foreach (list, r->index, object) {
		if (r->index == ZT_LABELS_MAX) {
			snprintf(r->err, ZT_LABELS_ERR_LEN, "more than %d labels", ZT_LABELS_MAX);
			return -EINVAL;
		}
		rc = read_row(r, object, &rows);
		if (rc < 0)
			return rc;
	}
	twice = zt_label_rows_sort(&rows);
	if (twice) {
		snprintf(r->err, ZT_LABELS_ERR_LEN, "host '%s' has label '%s' twice", twice->host,
			 twice->key);
		return -EINVAL;
	}
	*ret = rows;
	rows = (struct zt_label_rows){};
	return 0;
}

int zt_label_file_parse(const struct zt_labels *labels, const char *text, size_t len,
			uint64_t written_ns, struct zt_label_rows *ret, char *err)
{
	static const char *const keys[] = {"labels", NULL};
	struct reader r = {.labels = labels, .written_ns = written_ns, .err = err};
	zt_auto(zt_json_decref) json_t *root = NULL;
	const char *unknown;
	json_error_t error;

	root = json_loadb(text, len, JSON_REJECT_DUPLICATES, &error);
	if (!root) {
		snprintf(err, ZT_LABELS_ERR_LEN, "line %d, column %d: %s", error.line, error.column,
			 error.text);
		return -EINVAL;
	}
	if (!json_is_object(root) || !json_is_array(json_object_get(root, "labels"))) {
		snprintf(err, ZT_LABELS_ERR_LEN, "it is no object with a list 'labels'");
		return -EINVAL;
	}
	unknown = zt_json_only(root, keys);
	return unknown ? bad_key(err, "the file", unknown) : read_rows(&r, root, ret);
}
