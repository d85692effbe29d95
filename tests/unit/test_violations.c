/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_violations.c - what was denied is counted once and stays with its rule.
 */
#include "flow_fake.h"

#include "flow/denials.h"

static struct zt_violations *violations_now(struct env *env)
{
	struct zt_violations *v = NULL;

	assert_int_equal(zt_collector_violations(env->c, &v), 0);
	return v;
}

static const struct zt_violation *row_of(const struct zt_violations *v, uint8_t mode, uint32_t rule)
{
	const struct zt_violation *row = NULL;

	while ((row = zt_violations_next(v, row))) {
		if (row->key.mode == mode && row->key.rule == rule)
			return row;
	}
	return NULL;
}

static void denied_packets_count_once(void **state)
{
	struct env *env = *state;
	struct zt_flow flow = flow_of(ZT_DIR_IN, ZT_STATE_OPENING, 900 * S, 930 * S);
	struct zt_violations *v;

	flow.action[ZT_LIVE] = flow.action[ZT_CANDIDATE] = ZT_DENY;
	flow.rule[ZT_LIVE] = flow.rule[ZT_CANDIDATE] = RULE_A;
	flow.denied = flow.would_deny = 4;
	put(&env->fake, ZT_IN_OPENINGS, key_of("10.0.0.1", 22, "10.0.0.9", 999, IPPROTO_TCP), flow);
	for (int i = 0; i < 3; i++) { /* live, then folded, then folded still */
		v = violations_now(env);
		assert_int_equal(zt_violations_count(v), 1);
		assert_int_equal(row_of(v, ZT_MODE_ENFORCED, RULE_A)->count, 4);
		assert_int_equal(row_of(v, ZT_MODE_ENFORCED, RULE_A)->attempts, 1);
		assert_int_equal(row_of(v, ZT_MODE_ENFORCED, RULE_A)->key.port, 22);
		zt_violations_free(&v);
		assert_int_equal(zt_collector_sweep(env->c), i == 0);
	}
}

static void staged_denials_are_told_apart(void **state)
{
	struct env *env = *state;
	struct zt_flow flow = flow_of(ZT_DIR_IN, ZT_STATE_ESTABLISHED, 900 * S, 930 * S);
	struct zt_violations *v;

	flow.action[ZT_CANDIDATE] = ZT_DENY;
	flow.rule[ZT_CANDIDATE] = RULE_B;
	flow.would_deny = 9;
	put(&env->fake, ZT_IN_FLOWS, key_of("10.0.0.1", 22, "10.0.0.9", 999, IPPROTO_TCP), flow);
	v = violations_now(env);
	assert_int_equal(zt_violations_count(v), 1);
	assert_int_equal(row_of(v, ZT_MODE_STAGED, RULE_B)->count, 9);
	zt_violations_free(&v);
}

static void earlier_denials_stay_with_their_rule(void **state)
{
	struct env *env = *state;
	struct zt_event event = {.abi_version = ZT_ABI_VERSION, .type = ZT_EV_NEW};
	struct zt_violations *v;
	struct fake_entry *e;

	event.key = key_of("10.0.0.1", 22, "10.0.0.9", 999, IPPROTO_TCP);
	event.flow = flow_of(ZT_DIR_IN, ZT_STATE_OPENING, 900 * S, 930 * S);
	event.flow.action[ZT_LIVE] = event.flow.action[ZT_CANDIDATE] = ZT_DENY;
	event.flow.rule[ZT_LIVE] = event.flow.rule[ZT_CANDIDATE] = RULE_A;
	event.flow.denied = event.flow.would_deny = 1;
	zt_collector_event(env->c, &event);

	/* Two more were denied, then RULE_B allowed, then RULE_A denied one again. */
	event.type = ZT_EV_VERDICT;
	event.old_action[ZT_LIVE] = event.old_action[ZT_CANDIDATE] = ZT_DENY;
	event.flow.denied = event.flow.would_deny = 3;
	event.flow.action[ZT_LIVE] = event.flow.action[ZT_CANDIDATE] = ZT_ALLOW;
	event.flow.rule[ZT_LIVE] = event.flow.rule[ZT_CANDIDATE] = RULE_B;
	zt_collector_event(env->c, &event);
	e = put(&env->fake, ZT_IN_FLOWS, event.key, event.flow);
	v = violations_now(env);
	assert_int_equal(zt_violations_count(v), 1);
	assert_int_equal(row_of(v, ZT_MODE_ENFORCED, RULE_A)->count, 3);
	zt_violations_free(&v);

	e->flow.action[ZT_LIVE] = e->flow.action[ZT_CANDIDATE] = ZT_DENY;
	e->flow.rule[ZT_LIVE] = e->flow.rule[ZT_CANDIDATE] = RULE_A;
	e->flow.denied = e->flow.would_deny = 4;
	e->flow.state = ZT_STATE_CLOSED;
	assert_int_equal(zt_collector_sweep(env->c), 1);
	v = violations_now(env);
	assert_int_equal(row_of(v, ZT_MODE_ENFORCED, RULE_A)->count, 4);
	zt_violations_free(&v);
}

static void refusals_and_postures_come_from_events(void **state)
{
	struct env *env = *state;
	struct zt_event event = {.abi_version = ZT_ABI_VERSION, .at_ns = 950 * S};
	struct zt_violations *v;
	struct zt_graph *graph;
	size_t count;

	event.type = ZT_EV_REFUSED;
	event.key = key_of("10.0.0.1", 0, "10.0.0.9", 443, IPPROTO_TCP);
	event.flow.opener = ZT_DIR_OUT;
	event.flow.action[ZT_LIVE] = event.flow.action[ZT_CANDIDATE] = ZT_DENY;
	event.flow.rule[ZT_LIVE] = event.flow.rule[ZT_CANDIDATE] = RULE_A;
	zt_collector_event(env->c, &event);
	zt_collector_event(env->c, &event);
	event.type = ZT_EV_POSTURE; /* nothing enforced: would be */
	event.flow.action[ZT_LIVE] = ZT_ALLOW;
	event.flow.rule[ZT_LIVE] = ZT_RULE_DEFAULT;
	event.flow.rule[ZT_CANDIDATE] = ZT_RULE_BAD_SOURCE;
	event.flow.would_deny = 1;
	zt_collector_event(env->c, &event);
	v = violations_now(env);
	assert_int_equal(zt_violations_count(v), 2);
	assert_int_equal(row_of(v, ZT_MODE_ENFORCED, RULE_A)->count, 2);
	assert_int_equal(row_of(v, ZT_MODE_STAGED, ZT_RULE_BAD_SOURCE)->count, 1);
	assert_int_equal(row_of(v, ZT_MODE_STAGED, ZT_RULE_BAD_SOURCE)->first_ns, 950 * S);
	zt_violations_free(&v);
	graph = graph_now(env);
	zt_graph_edges(graph, &count);
	assert_int_equal(count, 1); /* a refused connect is an edge, a malformed packet is none */
	zt_graph_free(&graph);
}

static void events_of_another_version_are_left_alone(void **state)
{
	struct env *env = *state;
	struct zt_event event = {.abi_version = ZT_ABI_VERSION + 1, .type = ZT_EV_ENDED};

	zt_collector_event(env->c, &event);
	event.abi_version = ZT_ABI_VERSION;
	event.type = ZT_EV_POSTURE + 1;
	zt_collector_event(env->c, &event);
	assert_int_equal(losses_of(env).events_unknown, 2);
}

static void the_least_recent_violation_goes(void **state)
{
	struct zt_violations *v = NULL;
	const struct zt_violation *row = NULL;
	uint32_t expect = 306;

	(void)state;
	assert_int_equal(zt_violations_new(&v, 3), 0);
	for (uint32_t rule = 300; rule < 306; rule++) {
		struct zt_violation add = {
			.count = 1, .first_ns = rule, .last_ns = rule, .key.rule = rule};

		assert_int_equal(zt_violations_add(v, &add), 0);
	}
	assert_int_equal(zt_violations_count(v), 3);
	assert_int_equal(zt_violations_lost(v), 3);
	while ((row = zt_violations_next(v, row)))
		assert_int_equal(row->key.rule, --expect);
	assert_int_equal(expect, 303);
	zt_violations_free(&v);
}

static void memories_of_denials_are_bounded(void **state)
{
	struct zt_flow flow = flow_of(ZT_DIR_IN, ZT_STATE_OPENING, S, S);
	struct zt_denials *d = NULL;
	struct zt_flow_key key;

	(void)state;
	flow.action[ZT_LIVE] = ZT_DENY;
	assert_int_equal(zt_denials_new(&d, 100), 0);
	for (int i = 0; i < 250; i++) {
		key = key_of("10.0.0.1", 22, "10.0.0.9", 1000 + i, IPPROTO_TCP);
		zt_denials_note(d, &key, &flow);
	}
	assert_int_equal(zt_denials_lost(d), 150);
	assert_non_null(zt_denials_seen(d, &key));
	zt_denials_forget(d, &key);
	assert_null(zt_denials_seen(d, &key));
	key = key_of("10.0.0.1", 22, "10.0.0.9", 1000, IPPROTO_TCP);
	assert_null(zt_denials_seen(d, &key));
	zt_denials_free(&d);
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(denied_packets_count_once),
		CASE(staged_denials_are_told_apart),
		CASE(earlier_denials_stay_with_their_rule),
		CASE(refusals_and_postures_come_from_events),
		CASE(events_of_another_version_are_left_alone),
		cmocka_unit_test(the_least_recent_violation_goes),
		cmocka_unit_test(memories_of_denials_are_bounded),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
