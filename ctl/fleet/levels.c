// SPDX-License-Identifier: Apache-2.0
/*
 * levels.c - from hosts to systems, from systems to fields: the lowest counts, all are shown.
 *
 * Levels of a host are worked out here, from its checks; what it says of itself is not believed.
 */
#include <errno.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/json.h"
#include "base/strbuf.h"
#include "base/time.h"
#include "ctl/assess/assess.h"
#include "ctl/assess/exit.h"
#include "ctl/assess/judge.h"
#include "ctl/assess/levels.h"
#include "ctl/fleet/fleet.h"
#include "ctl/fleet/set.h"
#include "ctl/i18n/say.h"
#include "ctl/render/text.h"
#include "ctl/report/report.h"

static bool is_ok(const json_t *host)
{
	return strcmp(ztc_str(host, "status"), "ok") == 0 &&
	       json_is_object(json_object_get(host, "assessment"));
}

json_t *ztc_set_new(json_t *hosts, int64_t started_s, int64_t now_s)
{
	char started[ZT_TIME_TEXT_LEN], ended[ZT_TIME_TEXT_LEN];

	return json_pack(
		"{s:s, s:{s:s, s:s}, s:o, s:s, s:s, s:o}", "format", ZTC_SET_FORMAT, "tool", "name",
		"ztctl", "version", ZT_VERSION, "statement",
		ztc_say(N_(
			"Not a statement of compliance with the FSC guideline: evidence of these "
			"hosts for items 3-1 to 3-7. Thresholds are those of the profile.")),
		"started", zt_wall_text((uint64_t)started_s * ZT_NS_PER_S, started), "ended",
		zt_wall_text((uint64_t)now_s * ZT_NS_PER_S, ended), "hosts", hosts);
}

/* --- one host --- */

static void make_stale(json_t *host, const char *ended)
{
	json_object_set_new(host, "status", json_string("stale"));
	json_object_set_new(host, "why", ztc_say(N_("it is older than 24 hours (%s)"), ended));
	json_object_del(host, "assessment");
	json_object_del(host, "levels");
}

/* What is shown of a host follows from its checks; where its own words differ, they go. */
static bool same_result(const json_t *a, const json_t *b)
{
	static const char *const keys[] = {"checks", "items", "levels"};

	for (size_t i = 0; i < ARRAY_SIZE(keys); i++)
		if (!json_equal(json_object_get(a, keys[i]), json_object_get(b, keys[i])))
			return false;
	return true;
}

/* A result that counts otherwise now is another text than the one that was signed. */
static int judge_host(json_t *host, int target, bool accept_waivers, int64_t now_s)
{
	json_t *doc = json_object_get(host, "assessment");
	zt_auto(zt_json_decref) json_t *copy = json_deep_copy(doc);
	const json_t *levels;
	int exit;

	if (!copy)
		return ZTC_ASSESS_FAILED;
	exit = ztc_assess_again(copy, target, accept_waivers, now_s);
	levels = json_object_get(copy, "levels");
	json_object_set_new(host, "levels", json_object());
	for (int basis = 0; basis < ZTC_BASIS_COUNT; basis++)
		json_object_set(json_object_get(host, "levels"), ztc_basis_name(basis),
				json_object_get(levels, ztc_basis_name(basis)));
	json_object_set_new(host, "exit", json_integer(exit));
	if (!same_result(copy, doc)) {
		json_object_del(copy, "signature");
		json_object_set(host, "assessment", copy);
	}
	return exit;
}

/* --- several hosts --- */

static bool belongs(const json_t *host, const char *system)
{
	return !system || strcmp(ztc_str(host, "system"), system) == 0;
}

static void count_level(json_t *distribution, const char *name)
{
	json_object_set_new(distribution, name, json_integer(ztc_int(distribution, name) + 1));
}

/* {level, text, at_most, undetermined, vacuous, items} of the hosts of a system; NULL = all. */
static json_t *lowest(const json_t *hosts, const char *system, enum ztc_basis basis,
		      json_t **ret_distribution)
{
	json_t *distribution = json_pack("{s:i, s:i, s:i, s:i, s:i, s:i}", "0", 0, "I", 0, "II", 0,
					 "III", 0, "IV", 0, "unknown", 0);
	const json_t *host, *worst = NULL;
	int level = ZTC_LEVELS;
	bool open = false;
	json_t *result, *text;
	size_t i;

	json_array_foreach (hosts, i, host) {
		const json_t *own =
			json_object_get(json_object_get(host, "levels"), ztc_basis_name(basis));

		if (!belongs(host, system))
			continue;
		if (!is_ok(host)) {
			open = true;
			count_level(distribution, "unknown");
			continue;
		}
		count_level(distribution, ztc_level_text((int)ztc_int(own, "level")));
		/* Of equal ones the one that was not asked for everything. */
		if (!worst || ztc_int(own, "level") < level ||
		    (ztc_int(own, "level") == level &&
		     json_is_true(json_object_get(own, "vacuous")))) {
			level = (int)ztc_int(own, "level");
			worst = own;
		}
	}
	*ret_distribution = distribution;
	/* Nobody is lower than none: an unknown host changes nothing then. */
	open = open && (!worst || level);
	text = worst && !open ? json_incref(json_object_get(worst, "text"))
	       : worst	      ? json_sprintf("? (<= %s)", ztc_level_text(level))
			      : json_string("?");
	result = json_pack("{s:i, s:o, s:i, s:b, s:b}", "level", worst && !open ? level : 0, "text",
			   text, "at_most", worst ? level : ZTC_LEVELS, "undetermined",
			   open || !worst, "vacuous",
			   worst && json_is_true(json_object_get(worst, "vacuous")));
	return result;
}

static json_t *levels_of(const json_t *hosts, const char *system)
{
	json_t *levels = json_object(), *result = json_object();

	for (int basis = 0; basis < ZTC_BASIS_COUNT; basis++) {
		json_t *distribution = NULL;
		json_t *level = lowest(hosts, system, (enum ztc_basis)basis, &distribution);

		json_object_set_new(levels, ztc_basis_name(basis), level);
		if (basis == ZTC_MEASURED)
			json_object_set_new(result, "distribution", distribution);
		else
			json_decref(distribution);
	}
	json_object_set_new(result, "levels", levels);
	return result;
}

/* Fields that a system's hosts were declared for. */
static void add_fields(json_t *fields, const json_t *hosts, const char *system)
{
	const json_t *host, *field;
	size_t i, j;

	json_array_foreach (hosts, i, host) {
		const json_t *scope = json_object_get(json_object_get(host, "assessment"), "scope");

		if (!belongs(host, system) || !is_ok(host))
			continue;
		json_array_foreach (json_object_get(scope, "fields"), j, field)
			json_object_set_new(fields, json_string_value(field), json_true());
	}
}

static json_t *systems_of(json_t *hosts)
{
	json_t *systems = json_array(), *host, *row;
	size_t i, j;

	json_array_foreach (hosts, i, host) {
		const json_t *scope = json_object_get(json_object_get(host, "assessment"), "scope");
		const json_t *said = json_object_get(scope, "system");
		bool known = false;
		json_t *fields = json_object();

		/* The hosts file goes before what a host says of itself. */
		if (!*ztc_str(host, "system") && json_is_string(said) && is_ok(host))
			json_object_set(host, "system", (json_t *)said);
		json_array_foreach (systems, j, row)
			known = known || strcmp(ztc_str(row, "id"), ztc_str(host, "system")) == 0;
		if (known || !*ztc_str(host, "system")) {
			json_decref(fields);
			continue;
		}
		row = json_pack("{s:O, s:o}", "id", json_object_get(host, "system"), "fields",
				fields);
		json_array_append_new(systems, row);
	}
	json_array_foreach (systems, i, row) {
		zt_auto(zt_json_decref) json_t *levels = levels_of(hosts, ztc_str(row, "id"));

		add_fields(json_object_get(row, "fields"), hosts, ztc_str(row, "id"));
		json_object_update(row, levels);
	}
	return systems;
}

/* The lowest of the systems that are in a field. */
static json_t *fields_of(const json_t *systems)
{
	json_t *fields = json_array(), *row;
	zt_auto(zt_json_decref) json_t *names = json_object();
	const char *name;
	json_t *value;
	size_t i;

	json_array_foreach (systems, i, row)
		json_object_update(names, json_object_get(row, "fields"));
	json_object_foreach (names, name, value) {
		int level = ZTC_LEVELS, count = 0;
		bool open = false;

		json_array_foreach (systems, i, row) {
			const json_t *own = json_object_get(json_object_get(row, "levels"),
							    ztc_basis_name(ZTC_MEASURED));

			if (!json_object_get(json_object_get(row, "fields"), name))
				continue;
			count++;
			open = open || json_is_true(json_object_get(own, "undetermined"));
			if (ztc_int(own, "at_most") < level)
				level = (int)ztc_int(own, "at_most");
		}
		json_array_append_new(fields, json_pack("{s:s, s:i, s:i, s:b, s:i}", "id", name,
							"level", open ? 0 : level, "at_most", level,
							"undetermined", open, "systems", count));
	}
	return fields;
}

/* Names of fields, which were the keys of an object so that each is there once. */
static void list_fields(json_t *systems)
{
	json_t *row;
	size_t i;

	json_array_foreach (systems, i, row) {
		json_t *list = json_array(), *value;
		const char *name;

		json_object_foreach (json_object_get(row, "fields"), name, value)
			json_array_append_new(list, json_string(name));
		json_object_set_new(row, "fields", list);
	}
}

/* --- what is judged over all hosts --- */

/* What a host's checks tell beside their results: its policy, its role by the policy. */
static const char *told(const json_t *doc, const char *key)
{
	static const char *const from[] = {"ZTS-3.7-08", "ZTS-3.7-01"};
	const json_t *check;
	size_t i;

	for (size_t n = 0; n < ARRAY_SIZE(from); n++)
		json_array_foreach (json_object_get(doc, "checks"), i, check) {
			const char *text = ztc_str(json_object_get(check, "extra"), key);

			if (strcmp(ztc_str(check, "id"), from[n]) == 0 && *text)
				return text;
		}
	return NULL;
}

static json_t *fleet_of(const json_t *hosts)
{
	json_t *fleet = json_array();
	const json_t *host;
	size_t i;

	json_array_foreach (hosts, i, host) {
		const json_t *doc = is_ok(host) ? json_object_get(host, "assessment") : NULL;
		/* The hosts file goes before what a host says of itself. */
		const char *role =
			*ztc_str(host, "role") ? ztc_str(host, "role") : told(doc, "role");

		json_array_append_new(fleet,
				      json_pack("{s:O, s:s?, s:O, s:s?}", "host",
						json_object_get(host, "name"), "role", role,
						"status", json_object_get(host, "status"),
						"policy_digest", told(doc, "policy_digest")));
	}
	return fleet;
}

/* The one check that no host can answer alone: same role, same policy. */
static json_t *judge_fleet(const json_t *fleet, int64_t now_s)
{
	zt_auto(zt_json_decref) json_t *facts = json_object(), *all = NULL;
	struct ztc_profile profile = {0};
	zt_auto(zt_freep) char *why = NULL;
	json_t *checks = json_array(), *row;
	size_t i;

	if (ztc_profile_load(&profile, NULL, &why) == 0) {
		const struct ztc_facts judged = {
			.facts = facts, .profile = profile.json, .fleet = fleet, .now_s = now_s};

		all = ztc_judge_all(&judged, NULL);
	}
	json_array_foreach (all, i, row)
		if (strcmp(ztc_str(row, "id"), "ZTS-3.7-08") == 0)
			json_array_append(checks, row);
	ztc_profile_free(&profile);
	return checks;
}

/* Results by several profiles are several things; it is told, not mended. */
static json_t *profiles_of(const json_t *hosts)
{
	json_t *profiles = json_object();
	const json_t *host;
	size_t i;

	json_array_foreach (hosts, i, host) {
		const json_t *profile =
			json_object_get(json_object_get(host, "assessment"), "profile");

		if (is_ok(host))
			count_level(profiles, ztc_str(profile, "digest"));
	}
	return profiles;
}

int ztc_set_again(json_t *set, int target, bool accept_waivers, int64_t now_s)
{
	json_t *hosts = json_object_get(set, "hosts"), *host;
	int status = ZTC_ASSESS_MET;
	size_t i;

	json_object_set_new(
		set, "statement",
		ztc_say(N_(
			"Not a statement of compliance with the FSC guideline: evidence of these "
			"hosts for items 3-1 to 3-7. Thresholds are those of the profile.")));
	json_array_foreach (hosts, i, host) {
		const char *ended = ztc_str(json_object_get(host, "assessment"), "ended");
		int own = ZTC_ASSESS_UNDETERMINED;

		if (is_ok(host) && ztc_time_parse(ended) < now_s - ZTC_FLEET_AGE_MAX_S)
			make_stale(host, ended);
		if (is_ok(host))
			own = judge_host(host, target, accept_waivers, now_s);
		if (own == ZTC_ASSESS_FAILED)
			return own;
		/* One that is below the target decides, whoever is unknown beside it. */
		if (own == ZTC_ASSESS_NOT_MET ||
		    (own != ZTC_ASSESS_MET && status == ZTC_ASSESS_MET))
			status = own;
	}
	if (!json_array_size(hosts))
		status = ZTC_ASSESS_UNDETERMINED;
	json_object_set_new(set, "system", levels_of(hosts, NULL));
	json_object_set_new(set, "systems", systems_of(hosts));
	json_object_set_new(set, "fields", fields_of(json_object_get(set, "systems")));
	list_fields(json_object_get(set, "systems"));
	json_object_set_new(set, "fleet", fleet_of(hosts));
	json_object_set_new(set, "checks", judge_fleet(json_object_get(set, "fleet"), now_s));
	json_object_set_new(set, "profiles", profiles_of(hosts));
	json_object_set_new(set, "target",
			    json_pack("{s:i, s:s, s:s, s:i}", "level", target, "basis",
				      accept_waivers ? "waived" : "measured", "status",
				      status == ZTC_ASSESS_MET	     ? "met"
				      : status == ZTC_ASSESS_NOT_MET ? "not_met"
								     : "undetermined",
				      "exit", status));
	return status;
}
