/* SPDX-License-Identifier: Apache-2.0 */
/* oscal_parts.c - what all parts of an OSCAL document are made with. */
#include <string.h>

#include "base/cleanup.h"
#include "base/json.h"
#include "ctl/report/oscal.h"
#include "ctl/report/report.h"

json_t *ztc_oscal_uuid(const struct ztc_oscal *o, const char *kind, const char *path)
{
	zt_auto(zt_freep) char *name = NULL;
	char uuid[ZTC_UUID_TEXT_LEN];

	if (asprintf(&name, "%s/%s", kind, path) < 0)
		name = NULL;
	ztc_report_uuid(uuid, o->digest, name ? name : kind);
	return json_string(uuid);
}

/* One line without space at its ends: StringDatatype is "^\S(.*\S)?$". */
static json_t *one_line(const char *text)
{
	zt_auto(zt_freep) char *line = NULL;
	size_t len;

	text += strspn(text, " \t\n");
	line = strdup(text);
	len = line ? strlen(line) : 0;
	while (len && strchr(" \t\n", line[len - 1]))
		line[--len] = '\0';
	if (!len)
		return NULL;
	for (char *p = line; *p; p++) {
		if (*p == '\n' || *p == '\t')
			*p = ' ';
	}
	return zt_json_str(line);
}

void ztc_oscal_prop(json_t *props, const char *name, const char *value)
{
	json_t *text = one_line(value);

	if (text)
		json_array_append_new(props, json_pack("{s:s, s:s, s:o}", "name", name, "ns",
						       ZTC_OSCAL_NS, "value", text));
}

void ztc_oscal_list(json_t *object, const char *key, json_t *list)
{
	if (json_array_size(list))
		json_object_set_new(object, key, list);
	else
		json_decref(list);
}

void ztc_oscal_text(json_t *object, const char *key, const char *text)
{
	if (*text)
		json_object_set_new(object, key, zt_json_str(text));
}

json_t *ztc_oscal_control(const char *item, const char *suffix)
{
	return json_sprintf("fsc-%s%s", item, suffix);
}

json_t *ztc_oscal_origin(const struct ztc_oscal *o)
{
	return json_pack("[{s:[{s:s, s:o}]}]", "actors", "type", "tool", "actor-uuid",
			 ztc_oscal_uuid(o, "component", "ztctl"));
}

json_t *ztc_oscal_subject(const struct ztc_oscal *o)
{
	return json_pack("[{s:o, s:s, s:o}]", "subject-uuid", ztc_oscal_uuid(o, "host", ""), "type",
			 "inventory-item", "title", zt_json_str(ztc_report_host(o->doc)));
}
