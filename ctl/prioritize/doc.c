// SPDX-License-Identifier: Apache-2.0
/* doc.c - the priorities as a document: what every output is made from. */
#include <errno.h>
#include <string.h>
#include <time.h>

#include "base/cleanup.h"
#include "base/json.h"
#include "ctl/prioritize/prioritize.h"

/* What the three steps leave of a field, and what open answers may add. */
struct steps {
	int count[3];
	int open[3];
	int other;
};

static const char *answer_id(enum ztc_answer answer)
{
	static const char *const ids[] = {"unknown", "no", "yes"};

	return ids[answer];
}

/* How far a system gets for certain, and how far it may: 1 to 3. */
static int steps_of(const struct ztc_system *s, int *ret_may)
{
	*ret_may = s->high == ZTC_NO ? 1 : s->low == ZTC_NO ? 2 : 3;
	return s->high != ZTC_YES ? 1 : s->low != ZTC_YES ? 2 : 3;
}

static void count_steps(struct steps *steps, const struct ztc_system *s)
{
	int sure, may;

	if (s->other_method) {
		steps->other++;
		return;
	}
	sure = steps_of(s, &may);
	for (int i = 0; i < 3; i++) {
		steps->count[i] += sure > i;
		steps->open[i] += may > i && sure <= i;
	}
}

static json_t *steps_json(const struct steps *steps)
{
	return json_pack("{s:[iii], s:[iii], s:i}", "steps", steps->count[0], steps->count[1],
			 steps->count[2], "open", steps->open[0], steps->open[1], steps->open[2],
			 "other_method", steps->other);
}

static json_t *fields_json(const struct ztc_inventory *inv, json_t **ret_pairs,
			   json_t **ret_distinct)
{
	struct steps pairs = {0}, distinct = {0};
	json_t *fields = json_array();

	for (unsigned int field = 0; field < ZTC_FIELD_COUNT; field++) {
		struct steps steps = {0};
		json_t *row;

		for (size_t i = 0; i < inv->count; i++) {
			if (!(ztc_system_fields(inv->systems[i]) & (1u << field)))
				continue;
			count_steps(&steps, inv->systems[i]);
			count_steps(&pairs, inv->systems[i]);
		}
		row = steps_json(&steps);
		json_object_set_new(row, "id", json_string(ztc_field_id(field)));
		json_object_set_new(row, "name", ztc_field_name(field));
		json_object_set_new(
			row, "selected",
			json_boolean(steps.count[2] > 0 || (steps.other && !steps.count[0])));
		json_array_append_new(fields, row);
	}
	for (size_t i = 0; i < inv->count; i++)
		if (ztc_system_fields(inv->systems[i]))
			count_steps(&distinct, inv->systems[i]);
	*ret_pairs = steps_json(&pairs);
	*ret_distinct = steps_json(&distinct);
	return fields;
}

/* --- one system --- */

static json_t *range_json(struct ztc_range range)
{
	return json_pack("{s:i, s:i}", "min", range.min, "max", range.max);
}

static json_t *levels_json(const struct ztc_level *levels, int count, struct ztc_range sum,
			   bool risk)
{
	json_t *factors = json_array(), *result = range_json(sum);

	for (int i = 0; i < count; i++) {
		const struct ztc_level *level = &levels[i];
		const char *id =
			risk ? ztc_risk_id((enum ztc_risk)i) : ztc_impact_id((enum ztc_impact)i);
		json_t *row = json_pack("{s:s, s:o, s:i, s:b, s:b}", "id", id, "name",
					ztc_factor_name(id), "values", level->count, "measured",
					level->measured, "source_gap", level->gap);

		json_object_set_new(row, "level",
				    level->level ? json_integer(level->level) : json_null());
		json_object_set_new(row, "text",
				    level->level ? ztc_factor_text(id, level->level) : json_null());
		json_object_set_new(row, "why", zt_json_str(level->why));
		json_array_append_new(factors, row);
	}
	json_object_set_new(result, "factors", factors);
	return result;
}

static json_t *system_fields_json(const struct ztc_system *s)
{
	json_t *fields = json_array();

	for (unsigned int field = 0; field < ZTC_FIELD_COUNT; field++) {
		const unsigned int bit = 1u << field;

		if (!(ztc_system_fields(s) & bit))
			continue;
		json_array_append_new(fields,
				      json_pack("{s:s, s:o, s:s}", "id", ztc_field_id(field),
						"name", ztc_field_name(field), "source",
						s->declared & bit ? "declared" : "scenario"));
	}
	return fields;
}

static json_t *gate_json(const struct ztc_system *s, bool high)
{
	json_t *by = json_array(), *questions = json_object();
	const enum ztc_answer rto = s->rto_us < 0		   ? ZTC_UNKNOWN
				    : s->rto_us > ZTC_RTO_LIMIT_US ? ZTC_YES
								   : ZTC_NO;

	if (high) {
		for (size_t i = 0; i < ZTC_DATA_COUNT; i++) {
			json_object_set_new(questions, ztc_data_id(i),
					    json_string(answer_id(s->data[i])));
			if (s->data[i] == ZTC_YES)
				json_array_append_new(by, json_string(ztc_data_id(i)));
		}
	} else {
		json_object_set_new(questions, "non_automated_customer_service",
				    json_string(answer_id(s->manual)));
		json_object_set_new(questions, "rto_over_8h", json_string(answer_id(rto)));
		if (s->manual == ZTC_YES)
			json_array_append_new(by, json_string("non_automated_customer_service"));
		if (rto == ZTC_YES)
			json_array_append_new(by, json_string("rto_over_8h"));
	}
	return json_pack("{s:s, s:o, s:o}", "answer", answer_id(high ? s->high : s->low), "by", by,
			 "questions", questions);
}

/* What a person has to answer so that nothing stays open. */
static json_t *missing_json(const struct ztc_system *s, enum ztc_method method)
{
	json_t *missing = json_array();

	if (s->field_open)
		json_array_append_new(missing, json_string("external_only_via_vpn"));
	for (size_t i = 0; s->high == ZTC_UNKNOWN && i < ZTC_DATA_COUNT; i++)
		if (s->data[i] == ZTC_UNKNOWN && method != ZTC_METHOD_SCORE)
			json_array_append_new(missing, json_string(ztc_data_id(i)));
	if (s->low == ZTC_UNKNOWN && method != ZTC_METHOD_SCORE) {
		if (s->manual == ZTC_UNKNOWN)
			json_array_append_new(missing,
					      json_string("non_automated_customer_service"));
		if (s->rto_us < 0)
			json_array_append_new(missing, json_string("rto_hours"));
	}
	for (int i = 0; i < ZTC_RISK_COUNT && method != ZTC_METHOD_GATE; i++)
		if (!s->risk[i].level)
			json_array_append_new(missing, json_string(ztc_risk_id(i)));
	for (int i = 0; i < ZTC_IMPACT_COUNT && method != ZTC_METHOD_GATE; i++)
		if (!s->impact[i].level)
			json_array_append_new(missing, json_string(ztc_impact_id(i)));
	return missing;
}

static json_t *confirm_json(const struct ztc_system *s)
{
	json_t *confirm = json_array();

	for (int i = 0; i < ZTC_RISK_COUNT; i++)
		if (s->risk[i].measured)
			json_array_append_new(confirm, json_string(ztc_risk_id(i)));
	return confirm;
}

/* The examples that named fields, with what they say. */
static json_t *scenarios_json(const struct ztc_system *s)
{
	json_t *examples = json_object_get(ztc_tables(), "scenario_examples");
	static const char *const english[] = {
		N_("employees reach the system from outside through a VPN"),
		N_("a cloud service is contracted for the system"),
		N_("privileged database accounts are managed inside, or a cloud provider runs "
		   "operating system and network devices"),
		N_("sensitive data, and administrators' accounts apart from users'"),
		N_("a vendor runs operating system and network devices"),
		N_("outside users: cross-institution only when not through a VPN alone"),
	};
	json_t *rules = json_array();

	for (size_t n = 1; n <= ARRAY_SIZE(english); n++) {
		json_t *example = json_array_get(examples, n - 1);

		if (!(s->rules & (1u << n)))
			continue;
		json_array_append_new(rules, json_pack("{s:I, s:o, s:O}", "n", (json_int_t)n,
						       "rule", ztc_say_text(english[n - 1]),
						       "example", json_object_get(example, "zh")));
	}
	return rules;
}

static json_t *place_json(const struct ztc_place *place)
{
	return json_pack("{s:o, s:i, s:i}", "file", zt_json_str(place->file), "row",
			 (int)place->row, "column", (int)place->column);
}

static json_t *rank_json(size_t rank)
{
	return rank ? json_integer((json_int_t)rank) : json_null();
}

static json_t *system_json(const struct ztc_system *s, enum ztc_method method)
{
	json_t *row = json_object(), *hosts = json_array();

	for (size_t i = 0; i < s->host_count; i++)
		json_array_append_new(hosts, zt_json_str(s->hosts[i]));
	json_object_set_new(row, "id", zt_json_str(s->id));
	json_object_set_new(row, "name", zt_json_str(s->name));
	json_object_set_new(row, "rank", rank_json(s->rank));
	json_object_set_new(row, "rank_best", rank_json(s->rank_best));
	json_object_set_new(row, "rank_worst", rank_json(s->rank_worst));
	json_object_set_new(row, "rank_score", rank_json(s->rank_score));
	json_object_set_new(row, "tier", s->other_method ? json_null() : range_json(s->tier));
	json_object_set_new(row, "other_method", json_boolean(s->other_method));
	json_object_set_new(row, "fields", system_fields_json(s));
	json_object_set_new(row, "scenarios", scenarios_json(s));
	json_object_set_new(row, "service_model",
			    s->model ? json_string(ztc_model_id(s->model)) : json_null());
	json_object_set_new(row, "high_risk", gate_json(s, true));
	json_object_set_new(row, "low_impact", gate_json(s, false));
	json_object_set_new(row, "rto", zt_json_str(s->rto));
	json_object_set_new(row, "cost_ntd",
			    s->cost_ntd < 0 ? json_null() : json_integer(s->cost_ntd));
	json_object_set_new(row, "risk", levels_json(s->risk, ZTC_RISK_COUNT, s->risk_sum, true));
	json_object_set_new(row, "impact",
			    levels_json(s->impact, ZTC_IMPACT_COUNT, s->impact_sum, false));
	json_object_set_new(row, "incomplete", json_boolean(s->incomplete));
	json_object_set_new(row, "missing",
			    s->other_method ? json_array() : missing_json(s, method));
	json_object_set_new(row, "confirm", confirm_json(s));
	json_object_set_new(row, "notes", json_incref(s->notes));
	json_object_set_new(row, "hosts", hosts);
	json_object_set_new(row, "owner", zt_json_str(s->owner));
	json_object_set_new(row, "reviewed_at", zt_json_str(s->reviewed_at));
	json_object_set_new(row, "note", zt_json_str(s->note));
	json_object_set_new(row, "place", place_json(&s->place));
	json_object_set_new(row, "explain", ztc_explain_line(s));
	return row;
}

static json_t *files_json(const struct ztc_inventory *inv)
{
	json_t *files = json_array();

	for (size_t i = 0; i < inv->file_count; i++)
		json_array_append_new(files, zt_json_str(inv->files[i]));
	return files;
}

static json_t *totals_json(const struct ztc_inventory *inv, size_t shown)
{
	json_int_t ranked = 0, none = 0, other = 0, incomplete = 0;

	for (size_t i = 0; i < inv->count; i++) {
		const struct ztc_system *s = inv->systems[i];

		ranked += s->rank != 0;
		other += s->other_method;
		none += !s->other_method && !ztc_system_fields(s);
		incomplete += s->incomplete;
	}
	return json_pack("{s:I, s:I, s:I, s:I, s:I, s:I}", "systems", (json_int_t)inv->count,
			 "ranked", ranked, "no_field", none, "other_method", other, "incomplete",
			 incomplete, "shown", (json_int_t)shown);
}

static json_t *now_json(void)
{
	time_t now = time(NULL);
	char text[32] = "";
	struct tm tm;

	if (gmtime_r(&now, &tm))
		strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%SZ", &tm);
	return json_string(text);
}

int ztc_priorities_doc(const struct ztc_inventory *inv, enum ztc_method method, size_t top,
		       json_t **ret)
{
	const size_t shown = top && top < inv->count ? top : inv->count;
	zt_auto(zt_json_decref) json_t *doc = json_object();
	json_t *systems = json_array(), *pairs = NULL, *distinct = NULL;

	for (size_t i = 0; i < shown; i++)
		if (json_array_append_new(systems, system_json(inv->systems[i], method)) < 0)
			break;
	json_object_set_new(doc, "format", json_string(ZTC_PRIORITIES_FORMAT));
	json_object_set_new(doc, "tool",
			    json_pack("{s:s, s:s}", "name", "ztctl", "version", ZT_VERSION));
	json_object_set_new(
		doc, "statement",
		ztc_say(N_(
			"not a statement of FSC compliance: an order made of the inventory's own "
			"answers; the source sets no cut-off score")));
	json_object_set_new(doc, "made", now_json());
	json_object_set_new(doc, "method", json_string(ztc_method_id(method)));
	json_object_set(doc, "source", json_object_get(ztc_tables(), "source"));
	json_object_set_new(doc, "files", files_json(inv));
	json_object_set_new(doc, "fields", fields_json(inv, &pairs, &distinct));
	json_object_set_new(doc, "pairs", pairs);
	json_object_set_new(doc, "distinct", distinct);
	json_object_set_new(doc, "totals", totals_json(inv, shown));
	if (json_object_set_new(doc, "systems", systems) < 0 || json_array_size(systems) != shown)
		return -ENOMEM;
	*ret = zt_take(doc);
	return 0;
}
