// SPDX-License-Identifier: Apache-2.0
/* set.c - reads assessments of many hosts back, as strictly as a stranger's. */
#include <errno.h>
#include <stdarg.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/json.h"
#include "ctl/assess/doc.h"
#include "ctl/assess/evidence.h"
#include "ctl/fleet/set.h"
#include "ctl/render/text.h"
#include "ctl/report/report.h"

__attribute__((format(printf, 2, 3))) static int bad(char **ret_why, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	if (vasprintf(ret_why, fmt, ap) < 0)
		*ret_why = NULL;
	va_end(ap);
	return -EINVAL;
}

static bool is_text_or_null(const json_t *value)
{
	return !value || json_is_null(value) || json_is_string(value);
}

static int check_host(json_t *host, size_t number, char **ret_why)
{
	json_t *assessment = json_object_get(host, "assessment");
	zt_auto(zt_freep) char *why = NULL;

	if (!*ztc_str(host, "name") || !*ztc_str(host, "status"))
		return bad(ret_why, "hosts[%zu] has no name or no status", number);
	if (!is_text_or_null(json_object_get(host, "role")) ||
	    !is_text_or_null(json_object_get(host, "system")))
		return bad(ret_why, "hosts[%zu].role and .system are texts", number);
	/* What was not taken is not made whole by being there. */
	if (strcmp(ztc_str(host, "status"), "ok") != 0) {
		json_object_del(host, "assessment");
		return 0;
	}
	if (ztc_doc_check(assessment, &why) < 0)
		return bad(ret_why, "hosts[%zu].assessment: %s", number, why ? why : "");
	return 0;
}

static int check_set(const json_t *set, char **ret_why)
{
	json_t *host;
	size_t i;
	int r;

	if (!json_is_array(json_object_get(set, "hosts")))
		return bad(ret_why, "there is no list 'hosts'");
	json_array_foreach (json_object_get(set, "hosts"), i, host) {
		r = check_host(host, i, ret_why);
		if (r < 0)
			return r;
	}
	return 0;
}

static int set_of_one(json_t *doc, json_t **ret, char **ret_why)
{
	int r = ztc_doc_check(doc, ret_why);

	if (r < 0)
		return r;
	*ret = json_pack("{s:s, s:b, s:[{s:O, s:s, s:O}]}", "format", ZTC_SET_FORMAT, "single", 1,
			 "hosts", "name", json_object_get(json_object_get(doc, "host"), "name"),
			 "status", "ok", "assessment", doc);
	return *ret ? 0 : -ENOMEM;
}

json_t *ztc_set_single(const json_t *set)
{
	const json_t *first = json_array_get(json_object_get(set, "hosts"), 0);

	return json_is_true(json_object_get(set, "single"))
		       ? json_incref(json_object_get(first, "assessment"))
		       : NULL;
}

int ztc_set_read(const char *path, json_t **ret, char **ret_why)
{
	zt_auto(zt_json_decref) json_t *doc = NULL;
	zt_auto(zt_freep) char *text = NULL;
	const char *format;
	json_error_t error;
	size_t len;
	int r = ztc_file_or_stdin(path, ZTC_SET_MAX, &text, &len);

	*ret_why = NULL;
	if (r < 0) {
		bad(ret_why, "%s", strerror(-r));
		return r;
	}
	doc = json_loadb(text, len, JSON_REJECT_DUPLICATES, &error);
	if (!doc)
		return bad(ret_why, "line %d, column %d: %s", error.line, error.column, error.text);
	format = ztc_str(doc, "format");
	if (strcmp(format, ZTC_ASSESS_FORMAT) == 0)
		return set_of_one(doc, ret, ret_why);
	if (strcmp(format, ZTC_SET_FORMAT) != 0)
		return bad(ret_why, "its format is '%s', not %s or %s", format, ZTC_ASSESS_FORMAT,
			   ZTC_SET_FORMAT);
	json_object_del(doc, "single");
	r = check_set(doc, ret_why);
	if (r == 0)
		*ret = zt_take(doc);
	return r;
}
