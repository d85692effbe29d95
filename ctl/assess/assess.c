/* SPDX-License-Identifier: Apache-2.0 */
/* assess.c - puts the document together: host, scope, results, items, levels, target. */
#include <string.h>

#include "base/cleanup.h"
#include "base/json.h"
#include "base/time.h"
#include "ctl/assess/assess.h"
#include "ctl/catalogue/catalogue.h"
#include "ctl/assess/doc.h"
#include "ctl/assess/evidence.h"
#include "ctl/assess/exit.h"
#include "ctl/assess/judge.h"
#include "ctl/assess/levels.h"
#include "ctl/assess/scope.h"

#define DAY_S 86400

static json_t *time_json(int64_t s)
{
	char text[ZT_TIME_TEXT_LEN];

	return s > 0 ? json_string(zt_wall_text((uint64_t)s * ZT_NS_PER_S, text)) : json_null();
}

static int64_t time_of(const char *text)
{
	uint64_t ns;

	return zt_wall_parse(text, &ns) == 0 ? (int64_t)(ns / ZT_NS_PER_S) : 0;
}

static const json_t *data_of(const json_t *facts, const char *name)
{
	const json_t *fact = json_object_get(facts, name);

	return strcmp(zt_json_text(fact, "status"), "ok") == 0 ? json_object_get(fact, "data")
							       : NULL;
}

static json_t *copy_of(const json_t *object, const char *key)
{
	const json_t *value = json_object_get(object, key);

	return json_is_string(value) ? zt_json_str(json_string_value(value))
	       : value		     ? json_deep_copy(value)
				     : json_null();
}

/* A time of facts, which may be anything. */
static json_t *time_of_text(const json_t *object, const char *key)
{
	uint64_t ns;

	return zt_wall_parse(zt_json_text(object, key), &ns) == 0
		       ? zt_json_str(zt_json_text(object, key))
		       : json_null();
}

static void add_note(json_t *doc, json_t *message)
{
	json_array_append_new(json_object_get(doc, "notes"), message);
}

/* --- what it is about --- */

static void set_host(json_t *doc, const struct ztc_assess_in *in, const json_t *facts)
{
	static const char *const keys[] = {"machine", "kernel", "os", "boot_id"};
	const json_t *data = data_of(facts, "host");
	const char *name = *zt_json_text(data, "name") ? zt_json_text(data, "name")
			   : in->evidence	       ? zt_json_text(in->evidence, "host")
						       : zt_json_text(in->system, "id");
	json_t *host = json_pack("{s:o}", "name", zt_json_str(name));

	for (size_t i = 0; i < ARRAY_SIZE(keys); i++)
		json_object_set_new(host, keys[i], copy_of(data, keys[i]));
	json_object_set_new(doc, "host", host);
}

static void set_profile(json_t *doc, const struct ztc_profile *profile)
{
	json_object_set_new(doc, "profile",
			    json_pack("{s:o, s:o, s:s}", "name", copy_of(profile->json, "name"),
				      "version", copy_of(profile->json, "version"), "digest",
				      profile->digest));
}

static void set_agent(json_t *doc, const json_t *facts)
{
	const json_t *data = data_of(facts, "agent");
	bool present = json_is_true(json_object_get(data, "running"));
	json_t *agent = json_pack("{s:b}", "present", present);

	if (present && *zt_json_text(data, "version"))
		json_object_set_new(agent, "version", copy_of(data, "version"));
	if (*zt_json_text(data, "mode_now"))
		json_object_set_new(agent, "mode", copy_of(data, "mode_now"));
	json_object_set_new(doc, "agent", agent);
}

static void set_clock(json_t *doc, const json_t *facts)
{
	const json_t *data = data_of(facts, "clock");
	const json_t *synchronised = json_object_get(data, "synchronised");
	const json_t *error = json_object_get(data, "maxerror_us");

	json_object_set_new(
		doc, "clock",
		json_pack("{s:o, s:o}", "synchronised",
			  json_is_boolean(synchronised) ? json_incref((json_t *)synchronised)
							: json_null(),
			  "maxerror_us",
			  json_is_integer(error) ? json_incref((json_t *)error) : json_null()));
	if (facts && !json_is_true(synchronised))
		add_note(doc, ztc_say(N_("the clock is not known to be synchronised: waivers are "
					 "not honoured, and times are as good as this clock")));
}

/* The time that connections were recorded in, by the agent or by --observe, of what is wanted. */
static void set_window(json_t *doc, const json_t *facts, const json_t *profile)
{
	const json_t *window = json_object_get(data_of(facts, "edges"), "window");
	double days = ztc_profile_general(profile, "window_days");
	const json_t *seconds;

	if (!window)
		window = json_object_get(data_of(facts, "observed"), "window");
	seconds = json_object_get(window, "seconds");
	json_object_set_new(doc, "window",
			    json_pack("{s:o, s:o, s:I, s:I}", "from", time_of_text(window, "from"),
				      "to", time_of_text(window, "to"), "seconds",
				      json_integer_value(seconds), "wanted_seconds",
				      (json_int_t)(days * DAY_S)));
}

static void set_collectors(json_t *doc, const json_t *facts)
{
	static const char *const keys[] = {"status",	   "needs",	 "reason", "method",
					   "collected_at", "elapsed_ms", "digest"};
	json_t *rows = json_array(), *fact;
	const char *name;

	json_object_foreach ((json_t *)facts, name, fact) {
		json_t *row = json_pack("{s:o}", "name", zt_json_str(name));

		for (size_t i = 0; i < ARRAY_SIZE(keys); i++) {
			if (json_object_get(fact, keys[i]))
				json_object_set_new(row, keys[i], copy_of(fact, keys[i]));
		}
		json_array_append_new(rows, row);
	}
	json_object_set_new(doc, "collectors", rows);
}

/* What a run without privilege could not see, and what would have. */
static void set_privilege(json_t *doc, const json_t *facts)
{
	const json_t *missing = json_object_get(data_of(facts, "host"), "capabilities_missing");
	char list[256] = "";
	const json_t *name;
	size_t i, denied = 0;
	const char *key;
	json_t *fact;

	json_array_foreach (missing, i, name) {
		size_t len = strlen(list);

		snprintf(list + len, sizeof(list) - len, "%s%.32s", i ? ", " : "",
			 json_is_string(name) ? json_string_value(name) : "");
	}
	json_object_foreach ((json_t *)facts, key, fact)
		denied += strcmp(zt_json_text(fact, "status"), "denied") == 0;
	json_object_set_new(doc, "privileged",
			    json_boolean(json_is_array(missing) && !json_array_size(missing)));
	if (*list)
		add_note(doc, ztc_say(N_("run without %s: %zu collectors were refused, and what "
					 "rests on them is unknown; root would answer"),
				      list, denied));
}

/* --- results --- */

static void set_checks(json_t *doc, const struct ztc_assess_in *in, const json_t *facts)
{
	int64_t collected = in->evidence ? ztc_evidence_time(in->evidence) : in->now_s;
	const struct ztc_facts judged = {
		.facts = facts,
		.profile = in->profile->json,
		.fleet = in->fleet,
		.now_s = collected,
		.observed_s = (unsigned int)json_integer_value(
			json_object_get(in->evidence, "observed_s")),
	};
	zt_auto(zt_json_decref) json_t *reason = NULL;

	if (in->evidence) {
		json_object_set_new(doc, "checks", ztc_judge_all(&judged, in->grade_cap));
		return;
	}
	reason = ztc_say(N_("no host: this system is assessed by attestations alone"));
	json_object_set_new(doc, "checks", ztc_not_judged(&judged, reason));
}

/* What attestations say of items as a whole; it is valid as long as the longest of those. */
static void set_item_attestations(json_t *doc, const struct ztc_papers *papers)
{
	json_t *item;
	size_t i, k;

	json_array_foreach (json_object_get(doc, "items"), i, item) {
		enum ztc_state state = ztc_papers_item(papers, zt_json_text(item, "id"));
		const char *until = "";
		const json_t *row;

		if (state == ZTC_STATE_UNKNOWN || state == ZTC_STATE_ERROR)
			continue;
		json_array_foreach (json_object_get(doc, "attestations"), k, row) {
			if (strcmp(zt_json_text(row, "item"), zt_json_text(item, "id")) == 0 &&
			    strcmp(zt_json_text(row, "result"), ztc_state_name(state)) == 0 &&
			    strcmp(zt_json_text(row, "valid_until"), until) > 0)
				until = zt_json_text(row, "valid_until");
		}
		json_object_set_new(item, "attestation",
				    json_pack("{s:s, s:s}", "result", ztc_state_name(state),
					      "valid_until", until));
	}
}

static void join_papers(json_t *doc, const struct ztc_assess_in *in, const json_t *facts)
{
	json_object_set_new(doc, "waivers", json_array());
	json_object_set_new(doc, "attestations", json_array());
	if (!in->papers)
		return;
	ztc_papers_join(in->papers, doc, facts);
	set_item_attestations(doc, in->papers);
}

/* The document holds until the first of its results that says something does not any more. */
static void set_validity(json_t *doc)
{
	int64_t until = 0;
	const json_t *check;
	size_t i;

	json_array_foreach (json_object_get(doc, "checks"), i, check) {
		int64_t own = time_of(zt_json_text(check, "valid_until"));

		if (strcmp(zt_json_text(check, "result"), "unknown") != 0 && own &&
		    (!until || own < until))
			until = own;
	}
	json_object_set_new(doc, "valid_until", time_json(until));
}

/* A run that says nothing at all says so at the top, not by an empty page. */
static void note_emptiness(json_t *doc)
{
	size_t i, judged = 0, applicable = 0;
	const json_t *check, *item;

	json_array_foreach (json_object_get(doc, "checks"), i, check)
		judged += strcmp(zt_json_text(check, "result"), "unknown") != 0 &&
			  strcmp(zt_json_text(check, "result"), "notapplicable") != 0;
	json_array_foreach (json_object_get(doc, "items"), i, item)
		applicable += json_is_true(json_object_get(item, "applicable"));
	if (!judged)
		add_note(doc, ztc_say(N_("no check came to a result: this says nothing about the "
					 "host")));
	if (!applicable)
		add_note(doc, ztc_say(N_("no item applies as declared: no level can be claimed")));
}

static json_t *options_json(const struct ztc_assess_in *in)
{
	json_int_t observed = json_integer_value(json_object_get(in->evidence, "observed_s"));

	return json_pack("{s:b, s:I, s:i, s:b}", "probe", in->probe, "observe_s", observed,
			 "target", in->target, "accept_waivers", in->accept_waivers);
}

json_t *ztc_assess_statement(void)
{
	return ztc_say(N_("Not a statement of compliance with the FSC guideline: evidence of this "
			  "host for items 3-1 to 3-7. Thresholds are those of the profile."));
}

json_t *ztc_assess(const struct ztc_assess_in *in)
{
	const json_t *facts = json_object_get(in->evidence, "facts");
	const json_t *missing = json_object_get(data_of(facts, "host"), "capabilities_missing");
	bool own_os = json_is_array(missing) && !json_array_size(missing);
	json_t *doc = json_pack("{s:s, s:{s:s, s:s}, s:o, s:o, s:o, s:o, s:o}", "format",
				ZTC_ASSESS_FORMAT, "tool", "name", "ztctl", "version", ZT_VERSION,
				"statement", ztc_assess_statement(), "notes", json_array(),
				"options", options_json(in), "started", time_json(in->started_s),
				"ended", time_json(in->now_s));

	if (!doc)
		return NULL;
	set_host(doc, in, facts);
	set_profile(doc, in->profile);
	ztc_scope(doc, in->system, facts, own_os);
	set_clock(doc, facts);
	set_agent(doc, facts);
	set_privilege(doc, facts);
	set_collectors(doc, facts);
	if (in->grade_cap)
		add_note(doc, ztc_say(N_("facts from a file that no trusted host key sealed: "
					 "evidence grade %s at best"),
				      in->grade_cap));
	set_checks(doc, in, facts);
	set_window(doc, facts, in->profile->json);
	join_papers(doc, in, facts);
	set_validity(doc);
	note_emptiness(doc);
	add_note(doc, ztc_say(N_("whoever is root on this host can forge all evidence but that of "
				 "grade A, which others signed")));
	ztc_assess_again(doc, in->target, in->accept_waivers, in->now_s);
	return doc;
}

int ztc_assess_again(json_t *doc, int target, bool accept_waivers, int64_t now_s)
{
	size_t expired = ztc_expire(doc, now_s);

	if (expired)
		add_note(doc,
			 ztc_say(N_("%zu results have expired and count as unknown"), expired));
	ztc_items_judge(doc, now_s);
	return ztc_levels_judge(doc, target, accept_waivers, now_s);
}
