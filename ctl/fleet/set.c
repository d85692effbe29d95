// SPDX-License-Identifier: Apache-2.0
/* set.c - reads assessments of many hosts back, as strictly as a stranger's. */
#include <errno.h>
#include <stdarg.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/file.h"
#include "base/json.h"
#include "base/strbuf.h"
#include "ctl/assess/doc.h"
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

static int read_all(const char *path, char **ret, size_t *ret_len)
{
	zt_auto(zt_strbuf_free) struct zt_strbuf all = ZT_STRBUF_INIT;
	char part[65536];
	ssize_t n;

	if (strcmp(path, "-") != 0)
		return zt_file_read(path, ZTC_DOC_MAX, ret, ret_len, NULL);
	while ((n = read(STDIN_FILENO, part, sizeof(part))) > 0) {
		zt_strbuf_add(&all, part, (size_t)n);
		if (all.len > ZTC_DOC_MAX)
			return -EFBIG;
	}
	if (n < 0)
		return -errno;
	*ret_len = all.len;
	*ret = all.len ? zt_strbuf_steal(&all) : strdup("");
	return *ret ? 0 : -ENOMEM;
}

static int check_host(const json_t *host, char **ret_why)
{
	const json_t *assessment = json_object_get(host, "assessment");

	if (!*ztc_str(host, "name") || !*ztc_str(host, "status"))
		return bad(ret_why, "a host without name or status");
	if (strcmp(ztc_str(host, "status"), "ok") != 0)
		return 0;
	if (!json_is_object(assessment) ||
	    strcmp(ztc_str(assessment, "format"), ZTC_ASSESS_FORMAT) != 0)
		return bad(ret_why, "host '%s' has no assessment", ztc_str(host, "name"));
	return 0;
}

static int check_set(const json_t *set, char **ret_why)
{
	const json_t *host;
	size_t i;
	int r;

	if (!json_is_array(json_object_get(set, "hosts")))
		return bad(ret_why, "there is no list 'hosts'");
	json_array_foreach (json_object_get(set, "hosts"), i, host) {
		r = check_host(host, ret_why);
		if (r < 0)
			return r;
	}
	return 0;
}

int ztc_set_read(const char *path, json_t **ret, char **ret_why)
{
	zt_auto(zt_json_decref) json_t *doc = NULL;
	zt_auto(zt_freep) char *text = NULL;
	const char *format;
	json_error_t error;
	size_t len;
	int r = read_all(path, &text, &len);

	if (r < 0) {
		bad(ret_why, "%s", strerror(-r));
		return r;
	}
	doc = json_loadb(text, len, JSON_REJECT_DUPLICATES, &error);
	if (!doc)
		return bad(ret_why, "line %d: %s", error.line, error.text);
	format = ztc_str(doc, "format");
	if (strcmp(format, ZTC_ASSESS_FORMAT) == 0) {
		const char *name = ztc_str(json_object_get(doc, "host"), "name");

		*ret = json_pack("{s:s, s:[{s:s, s:s, s:O}]}", "format", ZTC_SET_FORMAT, "hosts",
				 "name", *name ? name : "host", "status", "ok", "assessment", doc);
		return *ret ? 0 : -ENOMEM;
	}
	if (strcmp(format, ZTC_SET_FORMAT) != 0)
		return bad(ret_why, "its format is '%s', not %s or %s", format, ZTC_ASSESS_FORMAT,
			   ZTC_SET_FORMAT);
	r = check_set(doc, ret_why);
	if (r == 0)
		*ret = zt_take(doc);
	return r;
}
