/* SPDX-License-Identifier: Apache-2.0 */
/*
 * oscal.c - an assessment as OSCAL 1.1 assessment-results (NIST), one result per host.
 *
 * Identifiers are made from the digest of the document, so the same assessment is the same OSCAL
 * document wherever and whenever it is written.
 */
#include <errno.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/json.h"
#include "ctl/assess/doc.h"
#include "ctl/render/text.h"
#include "ctl/report/oscal.h"
#include "ctl/report/report.h"

#define GUIDELINE "https://law.fsc.gov.tw/NewsContent.aspx?id=9915"

static json_t *component(const struct ztc_oscal *o)
{
	const char *version = ztc_str(json_object_get(o->doc, "tool"), "version");

	return json_pack("{s:o, s:s, s:s, s:o, s:{s:s}}", "uuid",
			 ztc_oscal_uuid(o, "component", "ztctl"), "type", "software", "title",
			 "ztctl", "description", json_sprintf("ztseg %s", version), "status",
			 "state", "operational");
}

static json_t *host_props(const json_t *doc)
{
	static const char *const members[][2] = {
		{"machine", "machine"}, {"kernel", "kernel"}, {"os", "os"}, {"boot_id", "boot-id"}};
	json_t *props = json_array();

	ztc_oscal_prop(props, "host", ztc_report_host(doc));
	for (size_t i = 0; i < ARRAY_SIZE(members); i++)
		ztc_oscal_prop(props, members[i][1],
			       ztc_str(json_object_get(doc, "host"), members[i][0]));
	return props;
}

static json_t *local_definitions(const struct ztc_oscal *o)
{
	return json_pack("{s:[{s:o, s:o, s:o}], s:{s:[o], s:[{s:o, s:s, s:[{s:o}]}]}}",
			 "inventory-items", "uuid", ztc_oscal_uuid(o, "host", ""), "description",
			 zt_json_str(ztc_report_host(o->doc)), "props", host_props(o->doc),
			 "assessment-assets", "components", component(o), "assessment-platforms",
			 "uuid", ztc_oscal_uuid(o, "platform", ""), "title", "ztctl assess",
			 "uses-components", "component-uuid",
			 ztc_oscal_uuid(o, "component", "ztctl"));
}

/* What does not apply is excluded, with why. */
static json_t *reviewed_controls(const struct ztc_oscal *o)
{
	json_t *include = json_array(), *exclude = json_array(), *objectives = json_array();
	json_t *selection = json_object(), *reviewed, *item;
	zt_auto(zt_json_decref) json_t *why = json_string("");
	size_t i;

	json_array_foreach (json_object_get(o->doc, "items"), i, item) {
		const char *id = ztc_str(item, "id");
		bool excluded = strcmp(ztc_str(item, "status"), "na") == 0;
		json_t *more;

		json_array_append_new(excluded ? exclude : include,
				      json_pack("{s:o}", "control-id", ztc_oscal_control(id, "")));
		if (!excluded) {
			json_array_append_new(objectives, json_pack("{s:o}", "objective-id",
								    ztc_oscal_control(id, ".obj")));
			continue;
		}
		more = json_sprintf("%s%s%s: %s", json_string_value(why),
				    json_string_length(why) ? "; " : "", id,
				    ztc_text(json_object_get(item, "note")));
		json_decref(why);
		why = more;
	}
	ztc_oscal_list(selection, "include-controls", include);
	ztc_oscal_list(selection, "exclude-controls", exclude);
	ztc_oscal_text(selection, "remarks", json_string_value(why));
	reviewed = json_pack("{s:[o]}", "control-selections", selection);
	if (json_array_size(objectives))
		json_object_set_new(reviewed, "control-objective-selections",
				    json_pack("[{s:O}]", "include-objectives", objectives));
	json_decref(objectives);
	return reviewed;
}

static json_t *result_props(const json_t *doc)
{
	static const char *const bases[] = {"measured", "attested", "waived"};
	const json_t *profile = json_object_get(doc, "profile");
	const json_t *target = json_object_get(doc, "target");
	json_t *props = json_array();
	char name[32];

	ztc_oscal_prop(props, "profile", ztc_str(profile, "name"));
	ztc_oscal_prop(props, "profile-version", ztc_str(profile, "version"));
	ztc_oscal_prop(props, "profile-digest", ztc_str(profile, "digest"));
	for (size_t i = 0; i < ARRAY_SIZE(bases); i++) {
		const json_t *level = json_object_get(json_object_get(doc, "levels"), bases[i]);

		snprintf(name, sizeof(name), "level-%s", bases[i]);
		ztc_oscal_prop(props, name, ztc_text(json_object_get(level, "text")));
	}
	ztc_oscal_prop(props, "target-status", ztc_str(target, "status"));
	ztc_oscal_prop(props, "valid-until", ztc_str(doc, "valid_until"));
	return props;
}

static json_t *result_of(const json_t *doc)
{
	struct ztc_oscal o = {.doc = doc};
	json_t *result;

	ztc_report_digest(o.digest, sizeof(o.digest), doc);
	/* Two hosts may be alike in every byte. */
	if (json_object_get(doc, "own_host"))
		ztc_append(o.digest, sizeof(o.digest), "/%s", ztc_report_host(doc));
	result = json_pack("{s:o, s:o, s:o, s:s, s:o, s:o, s:o, s:o}", "uuid",
			   ztc_oscal_uuid(&o, "result", ""), "title",
			   zt_json_str(ztc_report_host(doc)), "description",
			   zt_json_str(ztc_text(json_object_get(doc, "statement"))), "start",
			   ztc_str(doc, "started"), "props", result_props(doc), "local-definitions",
			   local_definitions(&o), "reviewed-controls", reviewed_controls(&o),
			   "remarks", zt_json_str(ztc_text(json_object_get(doc, "statement"))));
	ztc_oscal_text(result, "end", ztc_str(doc, "ended"));
	ztc_oscal_list(result, "attestations", ztc_oscal_attestations(&o));
	ztc_oscal_list(result, "observations", ztc_oscal_observations(&o));
	ztc_oscal_list(result, "risks", ztc_oscal_risks(&o));
	ztc_oscal_list(result, "findings", ztc_oscal_findings(&o));
	return result;
}

/* "9c1e…" of "sha256:9c1e…". */
static const char *hex_of(const char *digest)
{
	const char *colon = strchr(digest, ':');

	return colon ? colon + 1 : digest;
}

/* The guideline, and the profile that stands for a plan: thresholds and lists are in it. */
static json_t *back_matter(const struct ztc_oscal *o, const json_t *first)
{
	const json_t *profile = json_object_get(first, "profile");
	const char *hex = hex_of(ztc_str(profile, "digest"));
	zt_auto(zt_freep) char *name = ztc_report_uri(ztc_str(profile, "name"));
	json_t *link = json_pack("{s:o}", "href",
				 json_sprintf("%s.json", name && *name ? name : "profile"));

	if (*hex)
		json_object_set_new(link, "hashes",
				    json_pack("[{s:s, s:o}]", "algorithm", "SHA-256", "value",
					      zt_json_str(hex)));
	return json_pack("{s:[{s:o, s:s, s:[o]}, {s:o, s:s, s:[{s:s}]}]}", "resources", "uuid",
			 ztc_oscal_uuid(o, "plan", ""), "title", "ztseg profile", "rlinks", link,
			 "uuid", ztc_oscal_uuid(o, "guideline", ""), "title",
			 "金融業導入零信任架構參考指引", "rlinks", "href", GUIDELINE);
}

static json_t *metadata(const struct ztc_oscal *o, const json_t *first, const char *statement)
{
	const char *made = ztc_str(o->doc, "ended");
	json_t *props = json_array(), *meta;

	if (!*made)
		made = ztc_str(first, "ended");
	ztc_oscal_prop(props, "document-digest", o->digest);
	meta = json_pack("{s:o, s:s, s:s, s:s, s:o}", "title",
			 zt_json_str(ztc_tr(N_("Zero trust, network pillar: host evidence"))),
			 "last-modified", made, "version", "1", "oscal-version", ZTC_OSCAL_VERSION,
			 "remarks", zt_json_str(statement));
	ztc_oscal_list(meta, "props", props);
	return meta;
}

int ztc_report_oscal(FILE *out, const json_t *doc)
{
	zt_auto(zt_json_decref) json_t *all = ztc_report_all(doc);
	zt_auto(zt_json_decref) json_t *root = NULL;
	const json_t *first = json_array_get(all, 0);
	struct ztc_oscal o = {.doc = doc};
	zt_auto(zt_json_decref) json_t *plan = NULL;
	const char *statement;
	json_t *results = json_array(), *one;
	size_t i;

	ztc_report_digest(o.digest, sizeof(o.digest), doc);
	plan = ztc_oscal_uuid(&o, "plan", "");
	statement = ztc_text(json_object_get(first, "statement"));
	json_array_foreach (all, i, one)
		json_array_append_new(results, result_of(one));
	root = json_pack("{s:{s:o, s:o, s:{s:o, s:s}, s:o, s:o}}", "assessment-results", "uuid",
			 ztc_oscal_uuid(&o, "assessment-results", ""), "metadata",
			 metadata(&o, first, statement), "import-ap", "href",
			 json_sprintf("#%s", json_string_value(plan)), "remarks",
			 "The profile of thresholds and lists stands for the plan.", "results",
			 results, "back-matter", back_matter(&o, first));
	if (!root)
		return -ENOMEM;
	if (json_dumpf(root, out, JSON_INDENT(1)) < 0)
		return ferror(out) ? -EIO : -ENOMEM;
	fputc('\n', out);
	return ferror(out) ? -EIO : 0;
}
