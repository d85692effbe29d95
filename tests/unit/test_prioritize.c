// SPDX-License-Identifier: Apache-2.0
/*
 * test_prioritize.c - the order of deployment: institutions and scenarios of the briefing as it
 * prints them, boundaries, and ranges of what is not answered.
 */
#include "prioritize_rig.h"

/* --- institutions A and B: as many systems as their tables have --------------------------------
 */

static const json_t *case_of(const char *name)
{
	return json_object_get(json_object_get(ztc_tables(), "cases"), name);
}

static int count_of(const json_t *counts, const char *field, int step)
{
	return (int)json_integer_value(
		json_array_get(json_object_get(counts, field), (size_t)step - 1));
}

/*
 * Both institutions have the same numbers in system_ops and app_admin: those are the same systems
 * here, each in two fields, so that pairs and systems differ.
 */
static void put_institution(struct zt_strbuf *out, const json_t *counts)
{
	zt_strbuf_puts(out, "id,fields,customer_personal_data,customer_transaction_data,"
			    "employee_personal_data,non_automated_customer_service,rto_hours\r\n");
	for (unsigned int f = 0; f < ZTC_FIELD_COUNT; f++) {
		const char *field = ztc_field_id(f);

		if (f == ZTC_FIELD_APP_ADMIN)
			continue;
		for (int n = 0; n < count_of(counts, field, 1); n++) {
			const bool high = n < count_of(counts, field, 2);
			const bool low = n < count_of(counts, field, 3) || !high;

			zt_strbuf_printf(out, "%s-%d,%s%s,%s,no,no,%s,%s\r\n", field, n, field,
					 f == ZTC_FIELD_SYSTEM_OPS ? ";app_admin" : "",
					 high && n % 2 ? "yes"
					 : high	       ? "是"
						       : "no",
					 low && n % 2 ? "yes" : "no", low ? "8.01" : "8.0");
		}
	}
}

/* A line of the printed table, its blanks made one. */
static bool printed(const char *text, const char *line)
{
	char plain[512];

	while (*text) {
		size_t len = strcspn(text, "\n"), n = 0;

		for (size_t i = 0; i < len && n + 1 < sizeof(plain); i++)
			if (text[i] != ' ' || (n && plain[n - 1] != ' '))
				plain[n++] = text[i];
		while (n && plain[n - 1] == ' ')
			n--;
		plain[n] = '\0';
		if (strcmp(plain, line) == 0)
			return true;
		text += len + (text[len] == '\n');
	}
	return false;
}

static void check_institution(const char *name)
{
	const json_t *institution = case_of(name), *counts = json_object_get(institution, "counts");
	const struct ztc_style style = {.width = 80};
	zt_auto(zt_strbuf_free) struct zt_strbuf csv = ZT_STRBUF_INIT;
	zt_auto(zt_json_decref) json_t *doc = NULL, *selected = json_array();
	zt_auto(zt_freep) char *text = NULL;
	const json_t *field;
	size_t size, i;
	FILE *out;

	put_institution(&csv, counts);
	doc = rank(zt_strbuf_text(&csv));
	out = open_memstream(&text, &size);
	assert_int_equal(ztc_priorities_text(out, doc, &style), 0);
	fclose(out);
	json_array_foreach (json_object_get(doc, "fields"), i, field) {
		const json_t *steps = json_object_get(field, "steps");
		const char *id = ztc_str(field, "id");
		const bool chosen = json_is_true(json_object_get(field, "selected"));
		char line[256];

		assert_true(json_equal((json_t *)steps, json_object_get(counts, id)));
		assert_true(count_of(counts, id, 1) >= count_of(counts, id, 2));
		assert_true(count_of(counts, id, 2) >= count_of(counts, id, 3));
		/* Selected are exactly the fields that something is left of. */
		assert_int_equal(chosen, count_of(counts, id, 3) > 0);
		if (chosen)
			json_array_append_new(selected, json_string(id));
		snprintf(line, sizeof(line), "%s %d %d %d%s",
			 ztc_text(json_object_get(field, "name")), count_of(counts, id, 1),
			 count_of(counts, id, 2), count_of(counts, id, 3),
			 chosen ? " selected" : "");
		if (!printed(text, line))
			fail_msg("not printed: '%s' in\n%.2000s", line, text);
	}
	assert_true(json_equal(selected, json_object_get(institution, "fields_selected")));
	assert_true(json_equal(json_object_get(json_object_get(doc, "pairs"), "steps"),
			       json_object_get(institution, "pair_totals")));
	/* Nobody who is in no field, none incomplete by the questions. */
	assert_int_equal(ztc_int(json_object_get(doc, "totals"), "no_field"), 0);
}

static void test_institution_a(void **state)
{
	(void)state;
	check_institution("A");
}

static void test_institution_b(void **state)
{
	(void)state;
	check_institution("B");
}

/* Its systems were chosen otherwise: no counts, no invariants, not refused. */
static void test_institution_c(void **state)
{
	const json_t *institution = case_of("C"), *name;
	zt_auto(zt_strbuf_free) struct zt_strbuf yaml = ZT_STRBUF_INIT;
	zt_auto(zt_strbuf_free) struct zt_strbuf steps = ZT_STRBUF_INIT;
	zt_auto(zt_json_decref) json_t *doc = NULL;
	const json_t *field;
	size_t i;

	(void)state;
	assert_true(json_is_null(json_object_get(institution, "counts")));
	zt_strbuf_puts(&yaml, "method: other\nsystems:\n");
	json_array_foreach (json_object_get(institution, "systems_zh"), i, name)
		zt_strbuf_printf(&yaml, "  - {id: c%zu, name: %s, fields: [服務供應商]}\n", i,
				 json_string_value(name));
	doc = rank_as(zt_strbuf_text(&yaml), true, ZTC_METHOD_BOTH, 0);
	field = json_array_get(json_object_get(doc, "fields"), ZTC_FIELD_SERVICE_PROVIDER);
	assert_int_equal(ztc_int(field, "other_method"), 4);
	assert_true(json_is_true(json_object_get(field, "selected")));
	ztc_put_steps(&steps, field, 1);
	assert_string_equal(zt_strbuf_text(&steps), "-");
	assert_int_equal(ztc_int(json_object_get(doc, "totals"), "ranked"), 0);
	assert_true(json_is_null(json_object_get(system_of(doc, "c0"), "tier")));
}

/* --- scenarios -----------------------------------------------------------------------------------
 */

static void test_scenarios(void **state)
{
	const json_t *example;
	size_t n;

	(void)state;
	json_array_foreach (json_object_get(ztc_tables(), "scenario_examples"), n, example) {
		zt_auto(zt_strbuf_free) struct zt_strbuf yaml = ZT_STRBUF_INIT;
		zt_auto(zt_json_decref) json_t *doc = NULL, *got = json_array();
		const json_t *field, *value;
		const char *key;
		size_t i;

		zt_strbuf_puts(&yaml, "- id: a\n");
		json_object_foreach (json_object_get(example, "facts"), key, value)
			zt_strbuf_printf(&yaml, "  %s: %s\n", key,
					 json_is_true(value) ? "true" : json_string_value(value));
		doc = rank_as(zt_strbuf_text(&yaml), true, ZTC_METHOD_BOTH, 0);
		json_array_foreach (json_object_get(system_of(doc, "a"), "fields"), i, field) {
			assert_string_equal(ztc_str(field, "source"), "scenario");
			json_array_append(got, json_object_get(field, "id"));
		}
		if (json_object_get(example, "expect_not")) {
			assert_int_equal(json_array_size(got), 0);
		} else {
			const json_t *want = json_object_get(example, "expect"), *id;

			assert_int_equal(json_array_size(got), json_array_size(want));
			json_array_foreach (want, i, id) {
				size_t at;
				bool found = false;
				const json_t *one;

				json_array_foreach (got, at, one)
					found = found || json_equal((json_t *)one, (json_t *)id);
				assert_true(found);
			}
		}
		/* The rule and what the source says of it are in the answer. */
		field = json_array_get(json_object_get(system_of(doc, "a"), "scenarios"), 0);
		assert_true(json_is_object(field));
	}
}

static bool noted(const json_t *system, const char *part)
{
	const json_t *note;
	size_t i;

	json_array_foreach (json_object_get(system, "notes"), i, note)
		if (strstr(ztc_text_in(ZTC_LANG_EN, note), part))
			return true;
	return false;
}

static void test_validators(void **state)
{
	zt_auto(zt_json_decref) json_t *doc = rank_as(
		"- {id: paas, service_model: PaaS}\n"
		"- {id: both, fields: [remote_work, system_ops]}\n"
		"- {id: vendor, fields: [service_provider], connection: vpn}\n"
		"- {id: six, fields: [cross_org], external_users: yes, external_only_via_vpn: yes}\n"
		"- {id: open, external_users: yes}\n"
		"- {id: openly, external_users: yes, external_only_via_vpn: no}\n"
		"- {id: pii, customer_personal_data: yes, system_data: 1}\n",
		true, ZTC_METHOD_BOTH, 0);
	const json_t *open = system_of(doc, "open");

	(void)state;
	assert_true(noted(system_of(doc, "paas"), "3-1 and 3-2"));
	assert_true(noted(system_of(doc, "both"), "remote maintenance"));
	assert_true(noted(system_of(doc, "vendor"), "remote_work is not declared"));
	assert_true(noted(system_of(doc, "six"), "scenario 6"));
	assert_true(noted(open, "stays open"));
	/* Not in a field, not ranked, and not passed over in silence either. */
	assert_true(json_is_true(json_object_get(open, "incomplete")));
	assert_int_equal(ztc_int(json_object_get(open, "tier"), "max"), 0);
	assert_string_equal(
		ztc_str(json_array_get(json_object_get(system_of(doc, "openly"), "fields"), 0),
			"id"),
		"cross_org");
	assert_true(noted(system_of(doc, "pii"), "level 3 of system_data"));
}

/* --- boundaries ----------------------------------------------------------------------------------
 */

static const char head[] =
	"id,fields,customer_personal_data,customer_transaction_data,employee_personal_data,"
	"non_automated_customer_service,rto_hours,resource_location,user,privilege,device,"
	"system_data,connection,operations,process,training,technology,cost,cost_ntd\n";

static void test_rto(void **state)
{
	zt_auto(zt_json_decref) json_t *doc =
		rank("id,fields,non_automated_customer_service,rto_hours\n"
		     "a,remote_work,no,8\nb,remote_work,no,8.0\nc,remote_work,no,8.01\n"
		     "d,remote_work,no,8.0000000001\ne,remote_work,no,480 min\n"
		     "f,remote_work,no,481分鐘\ng,remote_work,no,1 d\nh,remote_work,no,\n"
		     "i,remote_work,yes,\nj,remote_work,no,?\n");
	static const char *const want[] = {"no",  "no",	 "yes",	    "yes", "no",
					   "yes", "yes", "unknown", "yes", "unknown"};

	(void)state;
	for (int i = 0; i < 10; i++) {
		const char id[2] = {(char)('a' + i), '\0'};

		assert_string_equal(answer(doc, id, "low_impact"), want[i]);
	}
}

static void test_cost(void **state)
{
	static const struct {
		const char *text;
		int level;
	} rows[] = {
		{"0", 1},	 {"4999999", 1},      {"5000000", 2},
		{"24999999", 2}, {"25000000", 3},     {"\"5,000,000\"", 2},
		{"500萬", 2},	 {"499.9999萬元", 1}, {"NT$ 25000000", 3},
		{"0.25億", 3},	 {"2499.9999 萬", 2}, {"4999999.99", 1},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		zt_auto(zt_strbuf_free) struct zt_strbuf csv = ZT_STRBUF_INIT;
		zt_auto(zt_json_decref) json_t *doc = NULL;
		const json_t *cost;

		zt_strbuf_printf(&csv, "id,cost_ntd\na,%s\n", rows[i].text);
		doc = rank(zt_strbuf_text(&csv));
		cost = json_array_get(
			json_object_get(json_object_get(system_of(doc, "a"), "impact"), "factors"),
			ZTC_IMPACT_COST);
		assert_int_equal(ztc_int(cost, "level"), rows[i].level);
	}
	assert_int_equal(ztc_cost_level(4999999), 1);
	assert_int_equal(ztc_cost_level(5000000), 2);
	assert_int_equal(ztc_cost_level(24999999), 2);
	assert_int_equal(ztc_cost_level(25000000), 3);
}

static void test_sums(void **state)
{
	zt_auto(zt_strbuf_free) struct zt_strbuf csv = ZT_STRBUF_INIT;
	zt_auto(zt_json_decref) json_t *doc = NULL;

	(void)state;
	zt_strbuf_puts(&csv, head);
	zt_strbuf_puts(&csv, "max,remote_work,no,no,no,no,1,3,3,3,3,3,3,3,3,3,3,3,\n"
			     "min,remote_work,no,no,no,no,1,1,1,1,1,1,1,1,1,1,1,1,\n"
			     "none,remote_work,,,,,,,,,,,,,,,,,\n");
	doc = rank(zt_strbuf_text(&csv));
	is_range(system_of(doc, "max"), "risk", 18, 18);
	is_range(system_of(doc, "max"), "impact", 15, 15);
	is_range(system_of(doc, "min"), "risk", 6, 6);
	is_range(system_of(doc, "min"), "impact", 5, 5);
	/* Three times no is no. */
	assert_string_equal(answer(doc, "max", "high_risk"), "no");
	assert_string_equal(answer(doc, "none", "high_risk"), "unknown");
	/* What is missing is never 1. */
	is_range(system_of(doc, "none"), "risk", 6, 18);
	is_range(system_of(doc, "none"), "impact", 5, 15);
	is_range(system_of(doc, "none"), "tier", 1, 4);
	assert_int_equal(json_array_size(json_object_get(system_of(doc, "none"), "missing")),
			 3 + 2 + 6 + 5);
	assert_int_equal(ztc_int(system_of(doc, "none"), "rank"), 1);
	assert_int_equal(ztc_int(system_of(doc, "none"), "rank_worst"), 3);
	assert_int_equal(ztc_int(system_of(doc, "max"), "rank_best"), 1);
	assert_int_equal(ztc_int(system_of(doc, "max"), "rank_worst"), 2);
	assert_true(json_is_false(json_object_get(system_of(doc, "max"), "incomplete")));
}

static void test_tiers(void **state)
{
	zt_auto(zt_strbuf_free) struct zt_strbuf csv = ZT_STRBUF_INIT;
	zt_auto(zt_json_decref) json_t *doc = NULL, *score = NULL;
	static const char *const order[] = {"t1", "t2b", "t2a", "t2c", "t3", "t4", "t0"};
	static const char *const by_score[] = {"t4", "t3", "t2b", "t2a", "t2c", "t1", "t0"};

	(void)state;
	zt_strbuf_puts(&csv, head);
	zt_strbuf_puts(&csv, "t4,remote_work,no,no,no,no,1,3,3,3,3,3,3,1,1,1,1,1,\n"
			     "t3,remote_work,no,no,no,yes,1,3,3,3,3,3,2,1,1,1,1,1,\n"
			     "t2a,remote_work,no,yes,no,no,1,2,2,2,2,2,2,1,1,1,1,1,\n"
			     "t2b,remote_work,no,yes,no,no,2,2,2,2,2,2,2,1,1,1,1,1,\n"
			     "t2c,remote_work,no,yes,no,no,8,2,2,2,2,2,2,1,1,1,1,2,\n"
			     "t1,remote_work,yes,no,no,no,9,1,1,1,1,1,1,1,1,1,1,1,\n"
			     "t0,,yes,no,no,no,9,3,3,3,3,3,3,1,1,1,1,1,\n");
	doc = rank(zt_strbuf_text(&csv));
	score = rank_as(zt_strbuf_text(&csv), false, ZTC_METHOD_SCORE, 0);
	for (size_t i = 0; i < ARRAY_SIZE(order); i++) {
		const json_t *one = json_array_get(json_object_get(doc, "systems"), i);
		const json_t *two = json_array_get(json_object_get(score, "systems"), i);

		assert_string_equal(ztc_str(one, "id"), order[i]);
		/* By score alone the recovery time is no tie-break: t2a stands before t2b. */
		if (strncmp(by_score[i], "t2", 2) != 0)
			assert_string_equal(ztc_str(two, "id"), by_score[i]);
	}
	assert_int_equal(ztc_int(system_of(doc, "t4"), "rank_score"), 1);
	assert_int_equal(ztc_int(system_of(doc, "t0"), "rank"), 0);
	is_range(system_of(doc, "t0"), "tier", 0, 0);
	assert_string_equal(
		ztc_text_in(ZTC_LANG_EN, json_object_get(system_of(doc, "t1"), "explain")),
		"R 6/18 (loc1 user1 priv1 dev1 data1 conn1)  I 5/15  gates: customer "
		"PII; RTO 9 h  -> tier 1");
}

/* Several users or devices: the largest counts, and who it is stays with it. */
static void test_several(void **state)
{
	zt_auto(zt_json_decref) json_t *doc = rank(
		"id,fields,user,device,connection,resource_location\n"
		"a,遠距辦公,tellers=1; vendor engineers = 3；使用者為內部資訊人員,"
		"external_inside,1;2,資源在組織內部環境DMZ區\n"
		"b,remote_work,business,portable_not_issued;internal,\"internal\ninternet\",1\n");
	const json_t *risk =
		json_object_get(json_object_get(system_of(doc, "a"), "risk"), "factors");
	const json_t *other =
		json_object_get(json_object_get(system_of(doc, "b"), "risk"), "factors");

	(void)state;
	assert_int_equal(ztc_int(json_array_get(risk, ZTC_RISK_USER), "level"), 3);
	assert_int_equal(ztc_int(json_array_get(risk, ZTC_RISK_USER), "values"), 3);
	assert_string_equal(ztc_str(json_array_get(risk, ZTC_RISK_USER), "why"),
			    "vendor engineers");
	assert_int_equal(ztc_int(json_array_get(risk, ZTC_RISK_DEVICE), "level"), 3);
	assert_true(
		json_is_true(json_object_get(json_array_get(risk, ZTC_RISK_DEVICE), "source_gap")));
	assert_int_equal(ztc_int(json_array_get(risk, ZTC_RISK_CONNECTION), "level"), 2);
	assert_int_equal(ztc_int(json_array_get(risk, ZTC_RISK_LOCATION), "level"), 2);
	assert_true(json_is_true(
		json_object_get(json_array_get(other, ZTC_RISK_DEVICE), "source_gap")));
	assert_int_equal(ztc_int(json_array_get(other, ZTC_RISK_CONNECTION), "level"), 3);
	assert_true(noted(system_of(doc, "a"), "source-gap"));
}

/* Every text of every level, in both languages, is that level. */
static void test_level_texts(void **state)
{
	(void)state;
	for (int f = 0; f < ZTC_RISK_COUNT + ZTC_IMPACT_COUNT; f++) {
		const char *id = f < ZTC_RISK_COUNT
					 ? ztc_risk_id((enum ztc_risk)f)
					 : ztc_impact_id((enum ztc_impact)(f - ZTC_RISK_COUNT));

		for (int level = 1; level <= 3; level++) {
			zt_auto(zt_json_decref) json_t *text = ztc_factor_text(id, level);
			bool gap;

			for (int lang = 0; lang < ZTC_LANG_COUNT; lang++)
				assert_int_equal(ztc_factor_word(id, ztc_text_in(lang, text), &gap),
						 level);
		}
	}
}

static void test_top(void **state)
{
	zt_auto(zt_json_decref) json_t *doc =
		rank_as("id,fields\na,remote_work\nb,remote_work\nc,remote_work\n", false,
			ZTC_METHOD_BOTH, 2);
	const json_t *field = json_array_get(json_object_get(doc, "fields"), 0);

	(void)state;
	assert_int_equal(json_array_size(json_object_get(doc, "systems")), 2);
	/* Counts are of all; open answers are told apart. */
	assert_int_equal(json_integer_value(json_array_get(json_object_get(field, "steps"), 0)), 3);
	assert_int_equal(json_integer_value(json_array_get(json_object_get(field, "steps"), 2)), 0);
	assert_int_equal(json_integer_value(json_array_get(json_object_get(field, "open"), 2)), 3);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_institution_a), cmocka_unit_test(test_institution_b),
		cmocka_unit_test(test_institution_c), cmocka_unit_test(test_scenarios),
		cmocka_unit_test(test_validators),    cmocka_unit_test(test_rto),
		cmocka_unit_test(test_cost),	      cmocka_unit_test(test_sums),
		cmocka_unit_test(test_tiers),	      cmocka_unit_test(test_several),
		cmocka_unit_test(test_level_texts),   cmocka_unit_test(test_top),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
