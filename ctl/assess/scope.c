/* SPDX-License-Identifier: Apache-2.0 */
/* scope.c - applicability of items by declared fields, and contradictions with what was measured.
 */
#include <fnmatch.h>
#include <string.h>
#include <strings.h>

#include "base/cleanup.h"
#include "base/json.h"
#include "base/strbuf.h"
#include "ctl/catalogue/catalogue.h"
#include "ctl/assess/scope.h"
#include "ctl/i18n/say.h"

static const json_t *data_of(const json_t *facts, const char *name)
{
	return json_object_get(json_object_get(facts, name), "data");
}

static bool has_text(const json_t *list, const char *text)
{
	const json_t *entry;
	size_t i;

	json_array_foreach (list, i, entry) {
		if (json_is_string(entry) && strcasecmp(json_string_value(entry), text) == 0)
			return true;
	}
	return false;
}

static const json_t *row_of(const char *list, const char *id)
{
	const json_t *row;
	size_t i;

	json_array_foreach (json_object_get(ztc_model(), list), i, row) {
		if (strcasecmp(zt_json_text(row, "id"), id) == 0)
			return row;
	}
	return NULL;
}

/* --- which items apply --- */

/* By the cloud table; @ret_unstated: the table does not say. */
static bool applies_in_cloud(const char *item, const char *service_model, bool *ret_unstated)
{
	const json_t *models = json_object_get(json_object_get(ztc_model(), "cloud"), item);

	if (!json_is_array(models) || !*service_model) {
		*ret_unstated = !json_is_array(models);
		return true;
	}
	return has_text(models, service_model);
}

static bool applies_in(const json_t *field, const char *item, const char *service_model,
		       bool *ret_unstated)
{
	const json_t *items = json_object_get(field, "items");

	if (json_is_string(items))
		return applies_in_cloud(item, service_model, ret_unstated);
	return json_is_array(items) ? has_text(items, item) : true;
}

/* In any declared field; without a field, by the service model alone. */
static bool applies(const json_t *system, const char *item, bool *ret_unstated)
{
	const json_t *fields = json_object_get(system, "fields"), *name;
	const char *model = zt_json_text(system, "service_model");
	bool any = false;
	size_t i;

	*ret_unstated = false;
	if (!json_array_size(fields))
		return *model ? applies_in_cloud(item, model, ret_unstated) : true;
	json_array_foreach (fields, i, name)
		any |= applies_in(row_of("fields", json_string_value(name)), item, model,
				  ret_unstated);
	return any;
}

static json_t *item_note(const json_t *system, const char *id, bool applicable, bool unstated,
			 bool own_os)
{
	const json_t *note = json_object_get(json_object_get(ztc_model(), "item_notes"), id);

	if (!applicable && own_os)
		return ztc_say(N_("not applicable as declared (%s); measured here all the same, "
				  "for information"),
			       zt_json_text(system, "service_model"));
	if (!applicable)
		return ztc_say(N_("not applicable: the provider's, as declared (%s)"),
			       zt_json_text(system, "service_model"));
	if (unstated)
		return json_incref(json_object_get(ztc_model(), "cloud_null_note"));
	return json_incref((json_t *)note);
}

static json_t *make_items(const json_t *system, bool own_os)
{
	json_t *items = json_array();
	const json_t *row;
	size_t i;

	json_array_foreach (ztc_items(), i, row) {
		bool unstated, applicable = applies(system, zt_json_text(row, "id"), &unstated);
		json_t *note =
			item_note(system, zt_json_text(row, "id"), applicable, unstated, own_os);
		json_t *item =
			json_pack("{s:O, s:O, s:o, s:b, s:O}", "id", json_object_get(row, "id"),
				  "level", json_object_get(row, "level"), "title",
				  ztc_message(row, "title", "title_zh"), "applicable", applicable,
				  "cisa", json_array_get(json_object_get(row, "cisa"), 0));

		if (note)
			json_object_set_new(item, "note", note);
		json_array_append_new(items, item);
	}
	return items;
}

/* --- where the declaration does not fit --- */

/* A text of the model with its %s replaced. */
static json_t *fill_in(const json_t *message, const char *value)
{
	json_t *ret = json_object(), *text;
	const char *lang;

	json_object_foreach ((json_t *)message, lang, text) {
		const char *format = json_string_value(text), *at = strstr(format, "%s");
		zt_auto(zt_strbuf_free) struct zt_strbuf sb = ZT_STRBUF_INIT;

		if (!at)
			at = format + strlen(format);
		zt_strbuf_add(&sb, format, at - format);
		zt_strbuf_escape(&sb, value, strlen(value));
		zt_strbuf_puts(&sb, *at ? at + 2 : "");
		json_object_set_new(ret, lang, json_string(zt_strbuf_text(&sb)));
	}
	return ret;
}

/* A label of those that open connections to this host, which is in the row's list; or NULL. */
static const char *inbound_label(const json_t *row, const json_t *facts)
{
	const json_t *labels = json_object_get(data_of(facts, "edges"), "inbound_labels"), *label;
	size_t i;

	json_array_foreach (labels, i, label) {
		if (json_is_string(label) &&
		    has_text(json_object_get(row, "any"), json_string_value(label)))
			return json_string_value(label);
	}
	return NULL;
}

/* A value of the row's label that another host, which opens connections here, does not share. */
static const char *inbound_label_differs(const json_t *row, const json_t *facts)
{
	const json_t *labels = json_object_get(data_of(facts, "edges"), "inbound_labels"), *label;
	const json_t *own = json_object_get(data_of(facts, "edges"), "own_labels");
	const char *key = zt_json_text(row, "key");
	size_t i, len = strlen(key);

	json_array_foreach (labels, i, label) {
		const char *text = json_string_value(label);

		if (text && strncmp(text, key, len) == 0 && text[len] == '=' &&
		    json_array_size(own) && !has_text(own, text))
			return text;
	}
	return NULL;
}

static const char *firmware(const json_t *row, const json_t *facts)
{
	const json_t *dmi = json_object_get(data_of(facts, "host"), "dmi"), *value;
	const char *key;

	json_object_foreach ((json_t *)dmi, key, value) {
		if (json_is_string(value) &&
		    has_text(json_object_get(row, "any"), json_string_value(value)))
			return json_string_value(value);
	}
	return NULL;
}

static void cross_check(json_t *contradictions, const json_t *fields, const json_t *facts)
{
	static const struct {
		const char *name;
		const char *(*find)(const json_t *row, const json_t *facts);
	} measures[] = {
		{"inbound_label", inbound_label},
		{"inbound_label_differs", inbound_label_differs},
		{"dmi", firmware},
	};
	const json_t *row;
	size_t i;

	json_array_foreach (json_object_get(ztc_model(), "cross_checks"), i, row) {
		const char *found = NULL;

		if (has_text(fields, zt_json_text(row, "field")))
			continue;
		for (size_t m = 0; m < ARRAY_SIZE(measures) && !found; m++) {
			if (strcmp(zt_json_text(row, "measure"), measures[m].name) == 0)
				found = measures[m].find(row, facts);
		}
		if (found)
			json_array_append_new(contradictions,
					      fill_in(json_object_get(row, "text"), found));
	}
}

/* Two fields that the source never shows together. */
static void check_overlaps(json_t *notes, const json_t *fields)
{
	for (size_t a = 0; a < json_array_size(fields); a++) {
		const json_t *row = row_of("fields", json_string_value(json_array_get(fields, a)));

		for (size_t b = a + 1; b < json_array_size(fields); b++) {
			const char *other = json_string_value(json_array_get(fields, b));

			if (strcasecmp(zt_json_text(row, "id"), other) != 0 &&
			    !has_text(json_object_get(row, "overlaps"), other))
				json_array_append_new(
					notes,
					ztc_say(N_("the source shows no system in both %s and %s: "
						   "check the declaration"),
						zt_json_text(row, "id"), other));
		}
	}
}

/* Names of hosts, shell patterns allowed; a selector by labels is not ours to resolve. */
static bool names_host(const json_t *hosts, const char *host)
{
	const json_t *entry;
	size_t i;

	json_array_foreach (hosts, i, entry) {
		const char *text = json_string_value(entry);

		if (strchr(text, '=') || fnmatch(text, host, FNM_CASEFOLD) == 0)
			return true;
	}
	return !json_array_size(hosts);
}

static void check_declaration(json_t *contradictions, json_t *notes, const json_t *system,
			      const json_t *facts, bool own_os)
{
	const json_t *fields = json_object_get(system, "fields");
	const char *model = zt_json_text(system, "service_model"),
		   *host = zt_json_text(data_of(facts, "host"), "name");
	const json_t *row = row_of("service_models", model);

	if (row && !json_is_true(json_object_get(row, "tenant_controls_os")) && own_os)
		json_array_append_new(
			contradictions,
			ztc_say(N_("declared as %s, but ztctl runs as root on its host: "
				   "the operating system is the tenant's, as with IaaS"),
				zt_json_text(row, "name")));
	if (row && !has_text(fields, "cloud_access"))
		json_array_append_new(contradictions,
				      ztc_say(N_("a service model (%s) is declared, but the field "
						 "cloud_access is not"),
					      zt_json_text(row, "name")));
	if (!row && has_text(fields, "cloud_access"))
		json_array_append_new(notes, ztc_say(N_("cloud_access is declared without a "
							"service_model: all items are taken to "
							"apply")));
	if (*host && !names_host(json_object_get(system, "hosts"), host))
		json_array_append_new(
			contradictions,
			ztc_say(N_("this host (%s) is none of the system's hosts"), host));
	check_overlaps(notes, fields);
}

void ztc_scope(json_t *doc, const json_t *system, const json_t *facts, bool own_os)
{
	json_t *fields = json_object_get(system, "fields");
	json_t *contradictions = json_array(), *notes = json_array();
	const char *model = zt_json_text(system, "service_model");
	json_t *scope = json_pack("{s:o, s:o, s:o}", "fields",
				  fields ? json_deep_copy(fields) : json_array(), "contradictions",
				  contradictions, "notes", notes);

	if (system) {
		json_object_set_new(scope, "system",
				    json_pack("{s:o, s:o, s:o}", "id",
					      zt_json_str(zt_json_text(system, "id")), "name",
					      zt_json_str(zt_json_text(system, "name")), "name_zh",
					      zt_json_str(zt_json_text(system, "name_zh"))));
		if (*model)
			json_object_set_new(
				scope, "service_model",
				json_string(zt_json_text(row_of("service_models", model), "name")));
		check_declaration(contradictions, notes, system, facts, own_os);
		cross_check(contradictions, fields, facts);
	} else {
		json_array_append_new(notes,
				      ztc_say(N_("no field of use is declared: all items are "
						 "taken to apply")));
	}
	json_object_set_new(doc, "scope", scope);
	json_object_set_new(doc, "items", make_items(system, own_os));
}
