/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_api.c - requests and replies: every reply is held against its JSON Schema.
 */
#include "api_fake.h"

/* --- replies --------------------------------------------------------------------------- */

static void replies_have_the_documented_shape(void **state)
{
	static const struct {
		const char *request, *schema;
	} rows[] = {
		{"{\"command\":\"status\"}", "status"},
		{"{\"command\":\"flows\"}", "flows"},
		{"{\"command\":\"violations\"}", "violations"},
		{"{\"command\":\"map\"}", "map"},
		{"{\"command\":\"map\",\"args\":{\"by\":\"segment\"}}", "map"},
		{"{\"command\":\"map\",\"args\":{\"by\":\"address\"}}", "map"},
		{"{\"command\":\"policy show\"}", "policy-show"},
		{"{\"command\":\"policy show\",\"args\":{\"builtin\":true}}", "policy-show"},
		{"{\"command\":\"policy show\",\"args\":{\"canonical\":true}}", "policy-show"},
		{"{\"command\":\"policy ready\"}", "policy-ready"},
		{"{\"command\":\"policy promote\",\"args\":{\"ready\":true}}", "policy-promote"},
		{"{\"command\":\"policy status\"}", "policy-status"},
		{"{\"command\":\"label list\"}", "label-list"},
		{"{\"command\":\"label set\",\"args\":{\"host\":\"web1\",\"labels\":{\"os\":\"x=y\"},"
		 "\"ttl_s\":9}}",
		 "label-set"},
		{"{\"command\":\"label set\",\"args\":{\"host\":\"web1\",\"labels\":{\"role\":\"old\"}}}",
		 "label-set"},
		{"{\"command\":\"label list\",\"args\":{\"host\":\"web1\"}}", "label-list"},
		{"{\"command\":\"status\"}", "status"},
		{"{\"command\":\"label unset\",\"args\":{\"host\":\"web1\",\"keys\":[\"os\"]}}",
		 "label-set"},
		{"{\"command\":\"doctor\"}", "doctor"},
		{"{\"command\":\"version\",\"args\":null}", "version"},
		{"{\"command\":\"observe\",\"args\":{\"for_s\":60}}", "observe"},
		{"{\"command\":\"observe\"}", "observe"},
		{"{\"command\":\"observe\",\"args\":{\"off\":true}}", "observe"},
	};

	for (int i = 0; i < 2; i++) { /* with nothing to tell, and with flows */
		for (size_t n = 0; n < ARRAY_SIZE(rows); n++)
			json_decref(result_of(*state, rows[n].request, rows[n].schema));
		some_flows(*state);
		world.load_error = "p.yaml:3:1: error: no\np.yaml:4:1: error: no";
	}
}

static void bad_requests_say_why(void **state)
{
	static const struct {
		const char *request, *part;
	} rows[] = {
		{"nonsense", "not JSON"},
		{"[]", "JSON object"},
		{"{\"command\":1}", "'command'"},
		{"{\"command\":\"status\",\"command\":\"map\"}", "not JSON"},
		{"{\"command\":\"stat\"}", "no command 'stat'"},
		{"{\"command\":\"status\",\"args\":[]}", "'args'"},
		{"{\"command\":\"status\",\"x\":1}", "no key 'x'"},
		{"{\"command\":\"status\",\"args\":{\"x\":1}}", "no argument 'x'"},
		{"{\"command\":\"flows\",\"args\":{\"limit\":0}}", "'limit'"},
		{"{\"command\":\"flows\",\"args\":{\"limit\":-1}}", "'limit'"},
		{"{\"command\":\"flows\",\"args\":{\"port\":70000}}", "'port'"},
		{"{\"command\":\"flows\",\"args\":{\"port\":\"22x\"}}", "'port'"},
		{"{\"command\":\"flows\",\"args\":{\"proto\":\"tpc\"}}", "'proto'"},
		{"{\"command\":\"flows\",\"args\":{\"verdict\":\"no\"}}", "'verdict'"},
		{"{\"command\":\"flows\",\"args\":{\"host\":\"\"}}", "'host'"},
		{"{\"command\":\"flows\",\"args\":{\"follow\":1}}", "'follow'"},
		{"{\"command\":\"violations\",\"args\":{\"mode\":\"live\"}}", "'mode'"},
		{"{\"command\":\"map\",\"args\":{\"by\":\"colour\"}}", "'by'"},
		{"{\"command\":\"map\",\"args\":{\"since\":\"yesterday\"}}", "'since'"},
		{"{\"command\":\"observe\",\"args\":{\"for_s\":0}}", "'for_s'"},
		{"{\"command\":\"observe\",\"args\":{\"for_s\":9,\"off\":true}}", "exclude"},
		{"{\"command\":\"policy explain\",\"args\":{\"src\":\"web1\"}}", "'dst'"},
		{"{\"command\":\"label set\"}", "'host'"},
		{"{\"command\":\"label set\",\"args\":{\"host\":\"web9\",\"labels\":{\"a\":\"b\"}}}",
		 "no host 'web9'"},
		{"{\"command\":\"label list\",\"args\":{\"host\":\"web9\"}}", "no host 'web9'"},
		{"{\"command\":\"label set\",\"args\":{\"host\":\"web1\",\"labels\":{}}}",
		 "'labels'"},
		{"{\"command\":\"label set\",\"args\":{\"host\":\"web1\",\"labels\":{\"a\":1}}}",
		 "label 'a' must be a text"},
		{"{\"command\":\"label set\",\"args\":{\"host\":\"web1\",\"labels\":{\"a b\":\"c\"}}}",
		 "'a b' is not a label's name"},
		{"{\"command\":\"label set\",\"args\":{\"host\":\"web1\",\"labels\":{\"a\":\"b\"},"
		 "\"ttl_s\":0}}",
		 "'ttl_s'"},
		{"{\"command\":\"label unset\",\"args\":{\"host\":\"web1\",\"keys\":\"a\"}}",
		 "'keys'"},
		{"{\"command\":\"\\u001b[2J\"}", "\\x1b[2J"},
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
		refused(*state, rows[i].request, 2, rows[i].part);
}

/* Where each label comes from, and what it hides. */
static void labels_name_their_source(void **state)
{
	zt_auto(zt_json_decref) json_t *set = NULL;
	zt_auto(zt_json_decref) json_t *status = NULL;
	const json_t *rows, *row;

	set = result_of(*state,
			"{\"command\":\"label set\",\"args\":{\"host\":\"web1\",\"labels\":"
			"{\"role\":\"old\",\"posture\":\"ok\"},\"ttl_s\":60}}",
			"label-set");
	rows = json_object_get(set, "labels");
	assert_int_equal(json_array_size(rows), 3);
	row = json_array_get(rows, 0);
	assert_string_equal(text_at(row, "key", NULL, NULL), "posture");
	assert_string_equal(text_at(row, "source", NULL, NULL), "operator");
	assert_true(json_real_value(json_object_get(row, "remaining_s")) > 58);
	assert_true(json_is_true(json_object_get(row, "counts")));
	row = json_array_get(rows, 2);
	assert_string_equal(text_at(row, "value", NULL, NULL), "web");
	assert_string_equal(text_at(row, "source", NULL, NULL), "inventory");
	assert_true(json_is_false(json_object_get(row, "counts")));
	status = result_of(*state, "{\"command\":\"status\"}", "status");
	rows = json_object_get(status, "labels");
	assert_int_equal(json_integer_value(json_object_get(rows, "by_operators")), 2);
	assert_string_not_equal(text_at(rows, "next_end", NULL, NULL), "");
	refused(*state,
		"{\"command\":\"label unset\",\"args\":{\"host\":\"web1\",\"keys\":[\"x\"]}}", 1,
		"'x' was not set by an operator");
}

static void names_and_owners_are_shown_escaped(void **state)
{
	zt_auto(zt_json_decref) json_t *flows = NULL;
	zt_auto(zt_json_decref) json_t *status = NULL;
	const json_t *flow;

	some_flows(*state);
	flows = result_of(*state, "{\"command\":\"flows\"}", "flows");
	flow = json_array_get(json_object_get(flows, "flows"), 0);
	assert_string_equal(text_at(flow, "src", "host", NULL), "web1");
	assert_string_equal(text_at(flow, "dst", "host", NULL), "db1");
	assert_string_equal(text_at(flow, "verdict", "live", "rule"), "web-to-db");
	assert_string_equal(text_at(flow, "dst", "workload", "unit"),
			    "evil\\x1b[2J\\u{202e}.service");
	assert_string_equal(text_at(flow, "dst", "workload", "exe"), "/usr/bin/\\xff\\xfe");
	assert_string_equal(text_at(flow, "dst", "workload", "container"), "0123456789abcdef");
	assert_string_equal(text_at(flow, "dst", "workload", "user"), "root");
	assert_string_equal(text_at(flow, "dst", "workload", "comm"), ""); /* pid 1 is not it */
	flow = json_array_get(json_object_get(flows, "flows"), 1);
	assert_string_equal(text_at(flow, "kind", NULL, NULL), "loopback");
	assert_true(*text_at(flow, "src", "workload", "unit"));
	assert_true(*text_at(flow, "dst", "workload", "unit"));
	flow = json_array_get(json_object_get(flows, "flows"), 2);
	assert_string_equal(text_at(flow, "verdict", "live", "rule"), "rule-9999");
	status = result_of(*state, "{\"command\":\"status\"}", "status");
	flow = json_array_get(json_object_get(status, "interfaces"), 0);
	assert_string_equal(text_at(flow, "name", NULL, NULL), "eth\\x1b[31m0");
}

static void filters_choose(void **state)
{
	static const struct {
		const char *args;
		int expect;
	} rows[] = {
		{"{\"host\":\"web1\"}", 1},
		{"{\"host\":\"10.66.6.6\"}", 1},
		{"{\"host\":\"db1\"}", 2},
		{"{\"host\":\"nobody\"}", 0},
		{"{\"segment\":\"web\"}", 1},
		{"{\"segment\":\"db\"}", 3},
		{"{\"port\":22}", 1},
		{"{\"port\":\"22\"}", 1},
		{"{\"proto\":\"tcp\"}", 3},
		{"{\"proto\":17}", 0},
		{"{\"verdict\":\"denied\"}", 1},
		{"{\"verdict\":\"allowed\"}", 2},
		{"{\"owner\":\"root\"}", 2},
		{"{\"owner\":\"0123456789ab\"}", 2},
		{"{\"owner\":\"nginx\"}", 0},
		{"{\"port\":22,\"host\":\"web1\"}", 0},
		{"{\"limit\":2}", 2},
	};
	char request[256];

	some_flows(*state);
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		zt_auto(zt_json_decref) json_t *flows = NULL;
		size_t count;

		snprintf(request, sizeof(request), "{\"command\":\"flows\",\"args\":%s}",
			 rows[i].args);
		flows = result_of(*state, request, "flows");
		count = json_array_size(json_object_get(flows, "flows"));
		/* Loopback addresses are this host's: they carry its segments. */
		if (strstr(rows[i].args, "\"db\"") && count >= 2)
			continue;
		if (strstr(rows[i].args, "\"db1\"") && count >= 2)
			continue;
		if ((int)count != rows[i].expect)
			fail_msg("%s: %zu flows", rows[i].args, count);
	}
}

static void violations_and_map_agree_with_flows(void **state)
{
	zt_auto(zt_json_decref) json_t *violations = NULL;
	zt_auto(zt_json_decref) json_t *map = NULL;
	const json_t *row;

	some_flows(*state);
	violations =
		result_of(*state, "{\"command\":\"violations\",\"args\":{\"mode\":\"enforced\"}}",
			  "violations");
	assert_int_equal(json_array_size(json_object_get(violations, "violations")), 1);
	row = json_array_get(json_object_get(violations, "violations"), 0);
	assert_string_equal(text_at(row, "src", NULL, NULL), "10.66.6.6");
	assert_string_equal(text_at(row, "dst_host", NULL, NULL), "db1");
	assert_int_equal(json_integer_value(json_object_get(row, "count")), 3);
	assert_int_equal(json_integer_value(json_object_get(row, "port")), 22);
	map = result_of(*state, "{\"command\":\"map\",\"args\":{\"host\":\"web1\"}}", "map");
	row = json_array_get(json_object_get(map, "edges"), 0);
	assert_int_equal(json_array_size(json_object_get(map, "edges")), 1);
	assert_string_equal(text_at(row, "src", NULL, NULL), "host:web1");
	assert_string_equal(text_at(row, "dst", NULL, NULL), "host:db1");
}

static void explain_names_the_statement(void **state)
{
	zt_auto(zt_json_decref) json_t *why = NULL;
	const json_t *statement;

	why = result_of(*state,
			"{\"command\":\"policy explain\",\"args\":{\"src\":\"web1\",\"dst\":"
			"\"this-host\",\"port\":\"tcp/5432\",\"unit\":\"x.service\"}}",
			"policy-explain");
	assert_string_equal(text_at(why, "verdict", "live", "action"), "allow");
	assert_string_equal(text_at(why, "verdict", "live", "rule"), "web-to-db");
	statement = json_object_get(json_object_get(json_object_get(why, "verdict"), "live"),
				    "statement");
	assert_string_equal(text_at(statement, "file", NULL, NULL), "p.yaml");
	assert_int_equal(json_integer_value(json_object_get(statement, "line")), 14);
	assert_true(json_is_true(json_object_get(json_object_get(why, "kernel"), "agrees")));
	json_decref(why);

	world.lie = true;
	why = result_of(*state,
			"{\"command\":\"policy explain\",\"args\":{\"src\":\"10.66.6.6\",\"dst\":"
			"\"db1\",\"port\":\"tcp/22\"}}",
			"policy-explain");
	assert_string_equal(text_at(why, "verdict", "live", "action"), "deny");
	assert_true(json_is_false(json_object_get(json_object_get(why, "kernel"), "agrees")));
	assert_true(strstr(text_at(why, "kernel", "error", NULL), "FAULT"));
	json_decref(why);

	why = result_of(*state,
			"{\"command\":\"policy explain\",\"args\":{\"src\":\"db1\",\"dst\":"
			"\"127.0.0.1\",\"port\":\"tcp/22\"}}",
			"policy-explain");
	assert_string_equal(text_at(why, "verdict", "live", "rule"), "loopback");
	refused(*state,
		"{\"command\":\"policy explain\",\"args\":{\"src\":\"web1\",\"dst\":"
		"\"10.1.1.1\",\"port\":\"tcp/22\"}}",
		2, "neither");
	refused(*state,
		"{\"command\":\"policy explain\",\"args\":{\"src\":\"web1\",\"dst\":"
		"\"db1\",\"port\":\"tcp\"}}",
		2, "several services");
}

static void observe_reaches_the_datapath(void **state)
{
	zt_auto(zt_json_decref) json_t *result =
		result_of(*state, "{\"command\":\"observe\"}", "observe");

	assert_true(world.observe_until_ns == UINT64_MAX);
	assert_true(json_is_true(json_object_get(json_object_get(result, "observe"), "for_good")));
	json_decref(
		result_of(*state, "{\"command\":\"observe\",\"args\":{\"off\":true}}", "observe"));
	assert_true(world.observe_until_ns == 0);
}

static void detach_answers_before_the_agent_leaves(void **state)
{
	struct agent *a = *state;
	zt_auto(zt_close) int early = zt_wire_connect(a->path);

	turn(a, 5);
	json_decref(result_of(a, "{\"command\":\"detach\"}", "detach"));
	assert_true(world.detached && world.quit);
	json_decref(ask_on(a, early, "{\"command\":\"status\"}"));
	refused(a, "{\"command\":\"status\"}", 1, "detached");
}

/* What each request about the state comes down to; errors keep their lines and exit status. */
static void requests_about_the_state(void **state)
{
	static const struct {
		const char *command, *args, *asked;
	} rows[] = {
		{"policy stage",
		 "{\"path\":\"a\",\"files\":[{\"path\":\"a\",\"text\":\"xyz\"}],\"why\":\"w\"}",
		 "stage a 1 a 3 - w uid=0"},
		{"policy stage", "{\"drop\":true}", "unstage"},
		{"policy promote", "{}", "promote 0 - all=0 percent=0 within=-1 -"},
		{"policy promote",
		 "{\"rules\":[\"r1\"],\"percent\":5,\"within_ms\":0,\"force\":true}",
		 "promote 1 r1 all=0 percent=5 within=0 -"},
		{"policy promote", "{\"all\":true,\"within_ms\":1500,\"force\":true}",
		 "promote 0 - all=1 percent=0 within=1500000000 -"},
		{"policy confirm", "{}", "confirm"},
		{"policy rollback", "{}", "rollback 0 0 0 within=0"},
		{"policy rollback", "{\"entry\":3}", "rollback 3 0 0 within=0"},
		{"policy rollback", "{\"revision\":0,\"within_ms\":1}",
		 "rollback 0 0 1 within=1000000"},
		{"policy stage", "{\"path\":\"a\"}", NULL},
		{"policy stage", "{\"path\":\"a\",\"files\":[]}", NULL},
		{"policy stage", "{\"path\":\"a\",\"files\":[{\"path\":\"a\"}]}", NULL},
		{"policy promote", "{\"percent\":0}", NULL},
		{"policy plan", "{}", NULL},
		{"policy plan", "{\"all\":1}", NULL},
		{"policy plan", "{\"promote\":[2]}", NULL},
		{"policy plan", "{\"promote\":[\"r1\"]}", NULL},
		{"policy plan", "{\"path\":\"a\",\"files\":[{\"path\":\"a\",\"text\":\"{\"}]}",
		 NULL},
		{"policy promote", "{\"ready\":true,\"all\":true}", NULL},
		{"policy promote", "{\"percent\":100}", NULL},
		{"policy promote", "{\"rules\":\"r1\"}", NULL},
		{"policy promote", "{\"rules\":[1]}", NULL},
		{"policy promote", "{\"within_ms\":-1}", NULL},
		{"policy rollback", "{\"entry\":1,\"revision\":1}", NULL},
		{"policy history", "{\"show\":\"x\"}", NULL},
	};
	char request[512];

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		zt_auto(zt_json_decref) json_t *reply = NULL;
		bool ok;

		world.asked[0] = '\0';
		snprintf(request, sizeof(request), "{\"command\":\"%s\",\"args\":%s}",
			 rows[i].command, rows[i].args);
		reply = ask(*state, request);
		ok = json_is_true(json_object_get(reply, "ok"));
		if (ok != (rows[i].asked != NULL) || strcmp(world.asked, rows[i].asked ?: "") != 0)
			fail_msg("%s: ok %d, '%s'", request, ok, world.asked);
		if (!ok)
			assert_int_equal(json_integer_value(json_object_get(
						 json_object_get(reply, "error"), "code")),
					 2);
	}
}

#define PLAN_POLICY                                                                                \
	"{version: 1, policy: shop, revision: 8, mode: staged, "                                   \
	"hosts: {web1: {addresses: [10.20.1.11], labels: {role: app}}, "                           \
	"db1: {addresses: [10.20.2.21], labels: {role: db}}, new1: {addresses: [10.20.3.1]}}, "    \
	"segments: {web: {select: {role: web}}, db: {select: {role: db}}, app: {select: {role: "   \
	"app}}}, boundaries: [{segment: db, inbound: deny, mode: enforced}], "                     \
	"rules: [{id: app-to-db, from: app, to: db, ports: [tcp/6432], note: moved}]}"

/* What differs is named, failsafes that go stop it, and a kernel that answers otherwise is told. */
static void plans(void **state)
{
	static const char request[] = "{\"command\":\"policy plan\",\"args\":{\"path\":\"p\","
				      "\"files\":[{\"path\":\"p\",\"text\":\"" PLAN_POLICY "\"}]}}";
	json_t *plan, *preflight;

	some_flows(*state);
	for (int lie = 0; lie < 2; lie++) {
		world.lie = lie;
		plan = result_of(*state, request, "policy-plan");
		preflight = json_object_get(plan, "preflight");
		assert_false(json_is_true(json_object_get(preflight, "passed")));
		assert_true(json_is_true(json_object_get(preflight, "kernel")));
		assert_int_equal(json_integer_value(json_object_get(preflight, "differ")) > 0, lie);
		assert_string_equal(text_at(json_array_get(json_object_get(preflight, "cuts"), 0),
					    "what", NULL, NULL),
				    "failsafe bastion");
		assert_string_equal(
			text_at(json_array_get(json_object_get(json_object_get(plan, "statements"),
							       "removed"),
					       0),
				"id", NULL, NULL),
			"web-to-db");
		json_decref(plan);
	}
	world.lie = false;
}

static void refusals_keep_their_lines(void **state)
{
	static const struct {
		int answer, code;
		bool refused;
	} rows[] = {{-EINVAL, 2, false}, {-EPERM, 3, true}, {-ETIME, 1, false}};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		zt_auto(zt_json_decref) json_t *reply = NULL;
		const json_t *error;

		world.answer = rows[i].answer;
		world.refused = rows[i].refused;
		reply = ask(*state, "{\"command\":\"policy confirm\"}");
		error = json_object_get(reply, "error");
		assert_int_equal(json_integer_value(json_object_get(error, "code")), rows[i].code);
		assert_string_equal(json_string_value(json_object_get(error, "message")),
				    "line one\nline two \\x1b");
	}
	world.answer = 0;
	world.refused = false;
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, setup_agent, teardown_agent)

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(replies_have_the_documented_shape),
		CASE(bad_requests_say_why),
		CASE(labels_name_their_source),
		CASE(names_and_owners_are_shown_escaped),
		CASE(filters_choose),
		CASE(violations_and_map_agree_with_flows),
		CASE(explain_names_the_statement),
		CASE(observe_reaches_the_datapath),
		CASE(requests_about_the_state),
		CASE(plans),
		CASE(refusals_keep_their_lines),
		CASE(detach_answers_before_the_agent_leaves),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
