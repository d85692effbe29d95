/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_flow_pace.c - when flows have ended, how soon tables are swept: nothing is lost that fits.
 */
#include "flow_fake.h"

#include "flow/pace.h"

/* --- when a flow has ended -------------------------------------------------------------------- */

static void limits_of_idleness(void **state)
{
	struct env *env = *state;
	static const struct {
		uint32_t table;
		uint8_t proto, state;
		uint64_t idle_s;
		bool folds;
	} rows[] = {
		{ZT_IN_FLOWS, IPPROTO_TCP, ZT_STATE_CLOSED, 4, false},
		{ZT_IN_FLOWS, IPPROTO_TCP, ZT_STATE_CLOSED, 6, true},
		{ZT_IN_FLOWS, IPPROTO_TCP, ZT_STATE_ESTABLISHED, 900, false},
		{ZT_IN_FLOWS, IPPROTO_TCP, ZT_STATE_CLOSING, 500, false},
		{ZT_IN_FLOWS, IPPROTO_TCP, ZT_STATE_CLOSING, 601, true},
		{ZT_IN_OPENINGS, IPPROTO_TCP, ZT_STATE_OPENING, 59, false},
		{ZT_IN_OPENINGS, IPPROTO_TCP, ZT_STATE_OPENING, 61, true},
		{ZT_IN_FLOWS, IPPROTO_UDP, ZT_STATE_ESTABLISHED, 179, false},
		{ZT_IN_FLOWS, IPPROTO_UDP, ZT_STATE_ESTABLISHED, 181, true},
		{ZT_IN_OPENINGS, IPPROTO_UDP, ZT_STATE_OPENING, 29, false},
		{ZT_IN_OPENINGS, IPPROTO_UDP, ZT_STATE_OPENING, 31, true},
		{ZT_IN_OPENINGS, IPPROTO_ICMP, ZT_STATE_ESTABLISHED, 29, false},
		{ZT_IN_OPENINGS, IPPROTO_ICMPV6, ZT_STATE_OPENING, 31, true},
		{ZT_IN_FLOWS, IPPROTO_SCTP, ZT_STATE_ESTABLISHED, 179, false},
		{ZT_IN_FLOWS, IPPROTO_SCTP, ZT_STATE_ESTABLISHED, 181, true},
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		env->fake.count = 0;
		put(&env->fake, rows[i].table,
		    key_of("10.0.0.1", 1000, "10.0.0.2", 53, rows[i].proto),
		    flow_of(ZT_DIR_OUT, rows[i].state, S, (1000 - rows[i].idle_s) * S));
		if (zt_collector_sweep(env->c) != rows[i].folds)
			fail_msg("row %zu", i);
	}
}

static void a_full_table_is_emptied_sooner(void **state)
{
	static const struct {
		uint32_t table;
		uint8_t proto, state;
		uint64_t idle_ms;
		bool folds[ZT_PRESSURE_COUNT];
	} rows[] = {
		{ZT_IN_FLOWS, IPPROTO_TCP, ZT_STATE_CLOSED, 10, {false, false, true}},
		{ZT_IN_FLOWS, IPPROTO_TCP, ZT_STATE_CLOSED, 1100, {false, true, true}},
		{ZT_IN_FLOWS, IPPROTO_TCP, ZT_STATE_ESTABLISHED, 900000, {false, false, false}},
		{ZT_IN_FLOWS, IPPROTO_TCP, ZT_STATE_CLOSING, 500000, {false, false, false}},
		{ZT_IN_OPENINGS, IPPROTO_TCP, ZT_STATE_OPENING, 2100, {false, false, true}},
		{ZT_IN_OPENINGS, IPPROTO_TCP, ZT_STATE_OPENING, 10100, {false, true, true}},
		{ZT_IN_FLOWS, IPPROTO_UDP, ZT_STATE_ESTABLISHED, 59000, {false, false, false}},
		{ZT_IN_FLOWS, IPPROTO_UDP, ZT_STATE_ESTABLISHED, 61000, {false, false, true}},
		{ZT_IN_FLOWS, IPPROTO_UDP, ZT_STATE_ESTABLISHED, 91000, {false, true, true}},
		{ZT_IN_OPENINGS, IPPROTO_ICMP, ZT_STATE_OPENING, 11000, {false, true, true}},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct zt_flow_key key = key_of("10.0.0.1", 1, "10.0.0.2", 53, rows[i].proto);
		uint64_t now_ns = 1000 * S;
		struct zt_flow flow = flow_of(ZT_DIR_OUT, rows[i].state, S,
					      now_ns - rows[i].idle_ms * ZT_NS_PER_MS);

		for (int p = 0; p < ZT_PRESSURE_COUNT; p++) {
			if (zt_pace_ended(rows[i].table, &key, &flow, p, now_ns) !=
			    rows[i].folds[p])
				fail_msg("row %zu, pressure %d", i, p);
		}
	}
	assert_int_equal(zt_pressure(600, 100, 1000), ZT_PRESSURE_NONE);
	assert_int_equal(zt_pressure(601, 100, 1000), ZT_PRESSURE_SOON);
	assert_int_equal(zt_pressure(900, 100, 1000), ZT_PRESSURE_SOON);
	assert_int_equal(zt_pressure(901, 100, 1000), ZT_PRESSURE_FULL);
	assert_int_equal(zt_pressure(1100, 1, 1000), ZT_PRESSURE_FULL);
	assert_int_equal(zt_pressure(1000, 0, 1000), ZT_PRESSURE_NONE); /* they stay */
	assert_int_equal(zt_pressure(1 << 30, 1000, 0), ZT_PRESSURE_NONE);
}

/* --- how soon -----------------------------------------------------------------------------------
 */

static void the_next_sweep_comes_before_the_table_is_full(void **state)
{
	struct zt_pace pace = {
		.normal_ns = 2 * S,
		.cpu_ns = 10 * ZT_NS_PER_MS,
		.interval_ns = 2 * S,
		.size = {65536, 16384},
	};

	(void)state;
	assert_int_equal(zt_pace_rest_ns(&pace), 2 * S); /* nothing to do */
	pace.inserted[ZT_IN_FLOWS] = 1000;
	pace.present[ZT_IN_FLOWS] = 1000;
	assert_int_equal(zt_pace_rest_ns(&pace), 2 * S); /* long before it is full */
	pace.inserted[ZT_IN_FLOWS] = 40000;		 /* 20,000 a second */
	pace.present[ZT_IN_FLOWS] = 40000;
	assert_in_range(zt_pace_rest_ns(&pace), 500 * ZT_NS_PER_MS, 700 * ZT_NS_PER_MS);
	pace.inserted[ZT_IN_OPENINGS] = 20000; /* the other one fills sooner */
	pace.present[ZT_IN_OPENINGS] = 15000;
	assert_in_range(zt_pace_rest_ns(&pace), 100 * ZT_NS_PER_MS, 110 * ZT_NS_PER_MS);
	pace.present[ZT_IN_FLOWS] = 70000; /* over the brim: as fast as is bearable */
	pace.cpu_ns = 300 * ZT_NS_PER_MS;
	assert_int_equal(zt_pace_rest_ns(&pace), 300 * ZT_NS_PER_MS);
	/* Of unknown size: as before. */
	pace.size[0] = pace.size[1] = 0;
	assert_int_equal(zt_pace_rest_ns(&pace), 2 * S);
}

static void a_table_of_long_lived_flows_is_read_seldom(void **state)
{
	struct zt_pace pace = {
		.normal_ns = 2 * S,
		.cpu_ns = 400 * ZT_NS_PER_MS,
		.interval_ns = 8 * S,
		.present = {1000000, 0},
		.size = {1048576, 262144},
		.inserted = {100000, 100000},
		.folded = 90000,
	};

	(void)state;
	pace.inserted[ZT_IN_OPENINGS] = 0;
	assert_int_equal(zt_pace_rest_ns(&pace), 8 * S);
	pace.folded = 130000; /* but not where it churns */
	assert_true(zt_pace_rest_ns(&pace) < 2 * S);
}

/*
 * Ten times what the table holds, at a rate that fills it in a quarter of the time that a closed
 * connection used to stay. The kernel evicts what was used least lately when it is full.
 */
static void short_connections_through_a_small_table(void **state)
{
	struct env *env = *state;
	struct fake *fake = &env->fake;
	const struct zt_edge *edges;
	struct zt_graph *graph;
	size_t count, slot = 0, evicted = 0;

	fake->size[ZT_IN_FLOWS] = 1000;
	zt_collector_sweep(env->c);
	for (int tick = 0; tick < 100; tick++) { /* of 125 ms */
		for (int i = 0; i < 100; i++, slot++) {
			struct fake_entry *e = &fake->entries[slot % 1000];

			if (slot >= 1000 && e->used)
				evicted++;
			if (slot >= 1000)
				fake->count = slot % 1000;
			put(fake, ZT_IN_FLOWS,
			    key_of("10.0.0.1", (uint16_t)(1000 + slot), "10.0.0.2", 443,
				   IPPROTO_TCP),
			    flow_of(ZT_DIR_OUT, ZT_STATE_CLOSED, fake->now_ns, fake->now_ns));
			if (slot >= 1000)
				fake->count = 1000;
		}
		fake->now_ns += 125 * ZT_NS_PER_MS;
		zt_collector_sweep(env->c);
	}
	assert_int_equal(evicted, 0);
	graph = graph_now(env);
	edges = zt_graph_edges(graph, &count);
	assert_int_equal(count, 1);
	assert_int_equal(edges[0].connections, 10000);
	assert_int_equal(edges[0].bytes[ZT_TO_DST], 4000000);
	zt_graph_free(&graph);
	assert_int_equal(losses_of(env).flows_evicted, 0);
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(limits_of_idleness),
		cmocka_unit_test(a_full_table_is_emptied_sooner),
		cmocka_unit_test(the_next_sweep_comes_before_the_table_is_full),
		cmocka_unit_test(a_table_of_long_lived_flows_is_read_seldom),
		CASE(short_connections_through_a_small_table),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
