/* SPDX-License-Identifier: Apache-2.0 */
/*
 * oscal_results.c - checks as observations, items as findings, failures as risks.
 *
 * OSCAL knows satisfied and not satisfied only: whatever is not met is not satisfied, and the
 * property beside it says whether it is partial or unknown. A waiver makes the risk an approved
 * deviation; the finding stays as it was measured.
 */
#include <string.h>

#include "base/cleanup.h"
#include "base/json.h"
#include "ctl/render/text.h"
#include "ctl/report/oscal.h"
#include "ctl/report/report.h"

static bool same(const char *a, const char *b)
{
	return strcmp(a, b) == 0;
}

/* --- observations --- */

static const char *method_of(const json_t *check)
{
	return same(ztc_str(check, "method"), "attest") ? "EXAMINE" : "TEST";
}

static void number(json_t *props, const json_t *object, const char *key, const char *name)
{
	char text[32];

	if (!json_is_integer(json_object_get(object, key)))
		return;
	snprintf(text, sizeof(text), "%lld", (long long)ztc_int(object, key));
	ztc_oscal_prop(props, name, text);
}

static json_t *check_props(const json_t *check)
{
	const json_t *disposition = json_object_get(check, "disposition");
	json_t *props = json_array();

	ztc_oscal_prop(props, "check-id", ztc_str(check, "id"));
	ztc_oscal_prop(props, "result", ztc_str(check, "result"));
	ztc_oscal_prop(props, "severity", ztc_str(check, "severity"));
	ztc_oscal_prop(props, "gate", json_is_true(json_object_get(check, "gate")) ? "yes" : "no");
	ztc_oscal_prop(props, "method", ztc_str(check, "method"));
	ztc_oscal_prop(props, "evidence-grade", ztc_str(check, "grade"));
	ztc_oscal_prop(props, "evidence-digest", ztc_str(check, "digest"));
	number(props, check, "numerator", "numerator");
	number(props, check, "denominator", "denominator");
	number(props, check, "offenders_total", "offenders-total");
	ztc_oscal_prop(props, "observed", ztc_text(json_object_get(check, "observed")));
	ztc_oscal_prop(props, "expected", ztc_text(json_object_get(check, "expected")));
	ztc_oscal_prop(props, "disposition", ztc_str(disposition, "state"));
	ztc_oscal_prop(props, "waiver", ztc_str(disposition, "waiver"));
	return props;
}

static json_t *one_evidence(const char *what, const char *about, const char *digest)
{
	json_t *props = json_array(), *evidence;

	evidence = json_pack("{s:o}", "description",
			     json_sprintf("%s%s%s", what, *about ? ": " : "", about));
	ztc_oscal_prop(props, "digest", digest);
	ztc_oscal_list(evidence, "props", props);
	return evidence;
}

/* The facts that were judged, and what offends. */
static json_t *evidence_of(const struct ztc_oscal *o, const json_t *check)
{
	json_t *list = json_array(), *one;
	size_t i;

	json_array_foreach (json_object_get(check, "collectors"), i, one) {
		const char *name = json_string_value(one) ? json_string_value(one) : "";
		json_t *collector;
		size_t j;

		json_array_foreach (json_object_get(o->doc, "collectors"), j, collector) {
			if (same(ztc_str(collector, "name"), name))
				json_array_append_new(
					list, one_evidence(name, ztc_str(collector, "method"),
							   ztc_str(collector, "digest")));
		}
	}
	json_array_foreach (json_object_get(check, "offenders"), i, one)
		json_array_append_new(list,
				      one_evidence(ztc_str(one, "resource"),
						   ztc_text(json_object_get(one, "text")), ""));
	return list;
}

static json_t *observation_of(const struct ztc_oscal *o, const json_t *check)
{
	const char *result = ztc_str(check, "result"), *id = ztc_str(check, "id");
	const char *collected = ztc_str(check, "collected_at");
	const char *reason = ztc_text(json_object_get(check, "reason"));
	bool finding = same(result, "fail") || same(result, "partial");
	json_t *one;

	one = json_pack("{s:o, s:o, s:o, s:o, s:[s], s:[s], s:o, s:o, s:s}", "uuid",
			ztc_oscal_uuid(o, "observation", id), "title",
			zt_json_str(ztc_text(json_object_get(check, "title"))), "description",
			zt_json_str(*reason ? reason : result), "props", check_props(check),
			"methods", method_of(check), "types",
			finding ? "finding" : "control-objective", "origins", ztc_oscal_origin(o),
			"subjects", ztc_oscal_subject(o), "collected",
			*collected ? collected : ztc_str(o->doc, "ended"));
	ztc_oscal_list(one, "relevant-evidence", evidence_of(o, check));
	ztc_oscal_text(one, "expires", ztc_str(check, "valid_until"));
	ztc_oscal_text(one, "remarks", ztc_text(json_object_get(check, "remediation")));
	return one;
}

/* What people stated, apart from what was measured. */
static json_t *attested_of(const struct ztc_oscal *o, const json_t *entry)
{
	const char *id = ztc_str(entry, "id"), *method = ztc_str(entry, "method");
	const char *at = ztc_str(entry, "collected_at");
	const char *said = ztc_text(json_object_get(entry, "statement"));
	const char *check = ztc_str(entry, "check_id");
	json_t *props = json_array(), *one;

	ztc_oscal_prop(props, "attestation", id);
	ztc_oscal_prop(props, "check-id", check);
	ztc_oscal_prop(props, "result", ztc_str(entry, "result"));
	ztc_oscal_prop(props, "assessor", ztc_str(entry, "assessor"));
	ztc_oscal_prop(props, "state", ztc_str(entry, "state"));
	ztc_oscal_prop(props, "evidence-grade", "D");
	one = json_pack("{s:o, s:o, s:o, s:[s], s:o, s:s}", "uuid",
			ztc_oscal_uuid(o, "attestation", id), "description",
			zt_json_str(*said ? said : id), "props", props, "methods",
			same(method, "INTERVIEW") ? "INTERVIEW" : "EXAMINE", "subjects",
			ztc_oscal_subject(o), "collected", *at ? at : ztc_str(o->doc, "ended"));
	ztc_oscal_text(one, "expires", ztc_str(entry, "valid_until"));
	return one;
}

json_t *ztc_oscal_observations(const struct ztc_oscal *o)
{
	json_t *list = json_array(), *one;
	size_t i;

	json_array_foreach (json_object_get(o->doc, "checks"), i, one)
		json_array_append_new(list, observation_of(o, one));
	json_array_foreach (json_object_get(o->doc, "attestations"), i, one)
		json_array_append_new(list, attested_of(o, one));
	return list;
}

/* --- risks --- */

static bool is_risk(const json_t *check)
{
	const char *result = ztc_str(check, "result");

	return same(result, "fail") || same(result, "partial");
}

static json_t *risk_of(const struct ztc_oscal *o, const json_t *check)
{
	const json_t *disposition = json_object_get(check, "disposition");
	const json_t *waiver = ztc_report_entry(o->doc, "waivers", ztc_str(disposition, "waiver"));
	const char *id = ztc_str(check, "id"),
		   *accepted = ztc_text(json_object_get(waiver, "reason"));
	const char *reason = ztc_text(json_object_get(check, "reason"));
	const char *advice = ztc_text(json_object_get(check, "remediation"));
	json_t *title = zt_json_str(ztc_text(json_object_get(check, "title"))), *props, *risk;

	props = json_array();
	ztc_oscal_prop(props, "check-id", id);
	ztc_oscal_prop(props, "severity", ztc_str(check, "severity"));
	ztc_oscal_prop(props, "disposition", ztc_str(disposition, "state"));
	ztc_oscal_prop(props, "waiver", ztc_str(disposition, "waiver"));
	ztc_oscal_prop(props, "waiver-approver", ztc_str(waiver, "approver"));
	ztc_oscal_prop(props, "waiver-ticket", ztc_str(waiver, "ticket"));
	risk = json_pack("{s:o, s:O, s:o, s:o, s:o, s:s, s:o, s:[{s:o}]}", "uuid",
			 ztc_oscal_uuid(o, "risk", id), "title", title, "description",
			 zt_json_str(reason), "statement",
			 zt_json_str(*accepted ? accepted : reason), "props", props, "status",
			 ztc_report_waived(check) ? "deviation-approved" : "open", "origins",
			 ztc_oscal_origin(o), "related-observations", "observation-uuid",
			 ztc_oscal_uuid(o, "observation", id));
	ztc_oscal_text(risk, "deadline", ztc_str(disposition, "expires_at"));
	if (*advice)
		json_object_set_new(risk, "remediations",
				    json_pack("[{s:o, s:s, s:O, s:o}]", "uuid",
					      ztc_oscal_uuid(o, "remediation", id), "lifecycle",
					      "recommendation", "title", title, "description",
					      zt_json_str(advice)));
	json_decref(title);
	return risk;
}

json_t *ztc_oscal_risks(const struct ztc_oscal *o)
{
	json_t *list = json_array(), *check;
	size_t i;

	json_array_foreach (json_object_get(o->doc, "checks"), i, check) {
		if (is_risk(check))
			json_array_append_new(list, risk_of(o, check));
	}
	return list;
}

/* --- findings --- */

static void mapping_props(json_t *props, const json_t *mapping)
{
	static const char *const keys[] = {"cisa", "dod", "nist", "nsa"};

	for (size_t k = 0; k < ARRAY_SIZE(keys); k++) {
		zt_auto(zt_json_decref) json_t *ids =
			ztc_report_strings(json_object_get(mapping, keys[k]));
		json_t *id;
		size_t i;

		json_array_foreach (ids, i, id)
			ztc_oscal_prop(props, keys[k], json_string_value(id));
	}
}

static json_t *related(const struct ztc_oscal *o, const char *item, bool risks)
{
	json_t *list = json_array(), *check;
	size_t i;

	json_array_foreach (json_object_get(o->doc, "checks"), i, check) {
		if (!same(ztc_str(check, "item"), item) || (risks && !is_risk(check)))
			continue;
		json_array_append_new(list,
				      json_pack("{s:o}", risks ? "risk-uuid" : "observation-uuid",
						ztc_oscal_uuid(o, risks ? "risk" : "observation",
							       ztc_str(check, "id"))));
	}
	return list;
}

/* The mapping that most checks of an item have is the item's. */
static const json_t *mapping_of(const struct ztc_oscal *o, const char *item)
{
	json_t *check;
	size_t i;

	json_array_foreach (json_object_get(o->doc, "checks"), i, check) {
		if (same(ztc_str(check, "item"), item))
			return json_object_get(check, "mapping");
	}
	return NULL;
}

static json_t *finding_of(const struct ztc_oscal *o, const json_t *item)
{
	const char *id = ztc_str(item, "id"), *status = ztc_str(item, "status");
	const json_t *note = json_object_get(item, "note");
	bool met = same(status, "met");
	json_t *title = zt_json_str(ztc_text(json_object_get(item, "title"))), *props, *finding;

	props = json_array();
	ztc_oscal_prop(props, "item", id);
	number(props, item, "level", "level");
	ztc_oscal_prop(props, "status", status);
	ztc_oscal_prop(props, "status-attested", ztc_str(item, "status_attested"));
	ztc_oscal_prop(props, "status-waived", ztc_str(item, "status_waived"));
	mapping_props(props, mapping_of(o, id));
	finding = json_pack("{s:o, s:O, s:o, s:o, s:{s:s, s:o, s:O, s:{s:s, s:s, s:o}}, s:o}",
			    "uuid", ztc_oscal_uuid(o, "finding", id), "title", title, "description",
			    json_sprintf("%s %s: %s", id, json_string_value(title),
					 ztc_tr(ztc_report_status(status))),
			    "props", props, "target", "type", "objective-id", "target-id",
			    ztc_oscal_control(id, ".obj"), "title", title, "status", "state",
			    met ? "satisfied" : "not-satisfied", "reason",
			    met			      ? "pass"
			    : same(status, "not_met") ? "fail"
						      : "other",
			    "remarks", zt_json_str(*ztc_text(note) ? ztc_text(note) : status),
			    "origins", ztc_oscal_origin(o));
	json_decref(title);
	ztc_oscal_list(finding, "related-observations", related(o, id, false));
	ztc_oscal_list(finding, "related-risks", related(o, id, true));
	return finding;
}

json_t *ztc_oscal_findings(const struct ztc_oscal *o)
{
	json_t *list = json_array(), *item;
	size_t i;

	json_array_foreach (json_object_get(o->doc, "items"), i, item) {
		if (!same(ztc_str(item, "status"), "na"))
			json_array_append_new(list, finding_of(o, item));
	}
	return list;
}

json_t *ztc_oscal_attestations(const struct ztc_oscal *o)
{
	json_t *parts = json_array(), *entry;
	size_t i;

	json_array_foreach (json_object_get(o->doc, "attestations"), i, entry)
		json_array_append_new(
			parts,
			json_pack("{s:o, s:s, s:s, s:o, s:o}", "uuid",
				  ztc_oscal_uuid(o, "part", ztc_str(entry, "id")), "name",
				  "attestation", "ns", ZTC_OSCAL_NS, "title",
				  zt_json_str(ztc_str(entry, "id")), "prose",
				  zt_json_str(ztc_text(json_object_get(entry, "statement")))));
	if (json_array_size(parts))
		return json_pack("[{s:o}]", "parts", parts);
	json_decref(parts);
	return json_array();
}
