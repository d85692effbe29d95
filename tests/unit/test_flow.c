/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_flow.c - edges and sweeps, over a table that stands in for the kernel's.
 */
#include "flow_fake.h"

#include <systemd/sd-event.h>

#include "flow/table.h"

/* --- who is the source ------------------------------------------------------------ */

static void opener_is_source(void **state)
{
	struct zt_flow_key key = key_of("10.0.0.1", 5432, "10.0.0.2", 40000, IPPROTO_TCP);
	struct zt_flow flow = flow_of(ZT_DIR_IN, ZT_STATE_ESTABLISHED, S, S);
	struct zt_flow_ends ends;
	struct zt_addr local = addr("10.0.0.1");

	(void)state;
	flow.owner = 7;
	zt_flow_ends(&key, &flow, &ends);
	assert_memory_equal(&ends.dst, &local, 16);
	assert_true(ends.dst_near && !ends.src_near);
	assert_int_equal(ends.port, 5432);
	assert_int_equal(ends.src_port, 40000);
	assert_int_equal(ends.dst_owner, 7);
	assert_int_equal(ends.to_dst, ZT_DIR_IN);

	flow.opener = ZT_DIR_OUT;
	zt_flow_ends(&key, &flow, &ends);
	assert_memory_equal(&ends.src, &local, 16);
	assert_int_equal(ends.port, 40000);
	assert_int_equal(ends.src_owner, 7);
	assert_int_equal(ends.to_dst, ZT_DIR_OUT);
}

static void icmp_port_is_type(void **state)
{
	struct zt_flow_key key = key_of("10.0.0.1", 77, "10.0.0.2", 0, IPPROTO_ICMP);
	struct zt_flow flow = flow_of(ZT_DIR_OUT, ZT_STATE_OPENING, S, S);
	struct zt_flow_ends ends;

	(void)state;
	zt_flow_ends(&key, &flow, &ends);
	assert_int_equal(ends.port, 8);
	assert_int_equal(ends.src_port, 0);
	key.far_port = htons(13 << 8);
	zt_flow_ends(&key, &flow, &ends);
	assert_int_equal(ends.port, 13);
	key = key_of("2001:db8::1", 77, "2001:db8::2", 0, IPPROTO_ICMPV6);
	zt_flow_ends(&key, &flow, &ends);
	assert_int_equal(ends.port, 128);
}

static void loopback_has_both_owners(void **state)
{
	struct zt_flow_key key = key_of("127.0.0.1", 40000, "127.0.0.1", 6379, IPPROTO_TCP);
	struct zt_flow flow = flow_of(ZT_DIR_OUT, ZT_STATE_ESTABLISHED, S, S);
	struct zt_flow_ends ends;

	(void)state;
	key.kind = ZT_KIND_LOOP;
	flow.owner = 3;
	flow.far_owner = 4;
	zt_flow_ends(&key, &flow, &ends);
	assert_true(ends.src_near && ends.dst_near);
	assert_int_equal(ends.src_owner, 3);
	assert_int_equal(ends.dst_owner, 4);
	assert_int_equal(ends.port, 6379);
}

/* --- sweeps ------------------------------------------------------------------------- */

static void closed_flows_fold_and_nothing_is_lost(void **state)
{
	struct env *env = *state;
	struct zt_graph *graph;
	const struct zt_edge *edges;
	size_t count;

	for (int i = 0; i < 100; i++)
		put(&env->fake, ZT_IN_FLOWS,
		    key_of("10.0.0.1", 20000 + i, "10.0.0.2", 443, IPPROTO_TCP),
		    flow_of(ZT_DIR_OUT, i < 60 ? ZT_STATE_CLOSED : ZT_STATE_ESTABLISHED,
			    (900 + i) * S, 990 * S));
	assert_int_equal(zt_collector_sweep(env->c), 60);
	assert_int_equal(zt_collector_sweep(env->c), 0);
	graph = graph_now(env);
	edges = zt_graph_edges(graph, &count);
	assert_int_equal(count, 1);
	assert_int_equal(edges[0].connections, 100);
	assert_int_equal(edges[0].bytes[ZT_TO_DST], 40000);
	assert_int_equal(edges[0].bytes[ZT_TO_SRC], 30000);
	assert_int_equal(edges[0].packets[ZT_TO_DST], 400);
	assert_int_equal(edges[0].first_ns, 900 * S);
	assert_int_equal(edges[0].last_ns, 990 * S);
	assert_int_equal(edges[0].key.port, 443);
	zt_graph_free(&graph);
	assert_int_equal(losses_of(env).flows_evicted, 0);
}

static void wake_up(struct fake *fake, struct zt_flow *flow)
{
	flow->last_ns = fake->now_ns;
	flow->packets[0]++;
}

static void an_idle_flow_that_woke_up_stays(void **state)
{
	struct env *env = *state;

	put(&env->fake, ZT_IN_FLOWS, key_of("10.0.0.1", 1000, "10.0.0.2", 53, IPPROTO_UDP),
	    flow_of(ZT_DIR_OUT, ZT_STATE_ESTABLISHED, S, 700 * S));
	env->fake.between = wake_up;
	assert_int_equal(zt_collector_sweep(env->c), 0);
	assert_true(env->fake.entries[0].used);
}

static void one_more(struct fake *fake, struct zt_flow *flow)
{
	(void)fake;
	flow->bytes[ZT_DIR_OUT] += 60;
}

static void bytes_counted_before_the_take_are_kept(void **state)
{
	struct env *env = *state;
	const struct zt_edge *edges;
	struct zt_graph *graph;
	size_t count;

	put(&env->fake, ZT_IN_FLOWS, key_of("10.0.0.1", 1000, "10.0.0.2", 443, IPPROTO_TCP),
	    flow_of(ZT_DIR_OUT, ZT_STATE_CLOSED, S, 700 * S));
	env->fake.between = one_more;
	assert_int_equal(zt_collector_sweep(env->c), 1);
	graph = graph_now(env);
	edges = zt_graph_edges(graph, &count);
	assert_int_equal(edges[0].bytes[ZT_TO_DST], 460);
	zt_graph_free(&graph);
}

static void a_reused_entry_is_two_connections(void **state)
{
	struct env *env = *state;
	struct zt_event event = {.abi_version = ZT_ABI_VERSION, .type = ZT_EV_ENDED};
	const struct zt_edge *edges;
	struct zt_graph *graph;
	size_t count;

	event.key = key_of("10.0.0.1", 1000, "10.0.0.2", 443, IPPROTO_TCP);
	event.flow = flow_of(ZT_DIR_OUT, ZT_STATE_CLOSED, S, 700 * S);
	zt_collector_event(env->c, &event);
	put(&env->fake, ZT_IN_FLOWS, event.key,
	    flow_of(ZT_DIR_OUT, ZT_STATE_ESTABLISHED, 800 * S, 900 * S));
	graph = graph_now(env);
	edges = zt_graph_edges(graph, &count);
	assert_int_equal(count, 1);
	assert_int_equal(edges[0].connections, 2);
	zt_graph_free(&graph);
}

static void evictions_are_what_is_missing(void **state)
{
	struct env *env = *state;

	/* Before this agent: 50 went in, 20 are there; that is not ours to report. */
	env->fake.counters[ZT_C_FLOW_INSERTED].packets = 50;
	for (int i = 0; i < 20; i++) {
		put(&env->fake, ZT_IN_FLOWS,
		    key_of("10.0.0.1", 1000 + i, "10.0.0.2", 443, IPPROTO_TCP),
		    flow_of(ZT_DIR_OUT, ZT_STATE_ESTABLISHED, S, 999 * S));
		env->fake.counters[ZT_C_FLOW_INSERTED].packets--;
	}
	zt_collector_sweep(env->c);
	assert_int_equal(losses_of(env).flows_evicted, 0);
	for (int i = 0; i < 10; i++)
		put(&env->fake, ZT_IN_FLOWS,
		    key_of("10.0.0.1", 3000 + i, "10.0.0.2", 443, IPPROTO_TCP),
		    flow_of(ZT_DIR_OUT, i < 5 ? ZT_STATE_CLOSED : ZT_STATE_ESTABLISHED, S,
			    900 * S));
	zt_collector_sweep(env->c); /* takes five out itself */
	assert_int_equal(losses_of(env).flows_evicted, 0);
	env->fake.entries[0].used = false; /* by the LRU */
	env->fake.entries[1].used = false;
	env->fake.entries[2].used = false; /* by the datapath */
	env->fake.counters[ZT_C_FLOW_DELETED].packets++;
	zt_collector_sweep(env->c);
	assert_int_equal(losses_of(env).flows_evicted, 2);
	assert_int_equal(losses_of(env).openings_evicted, 0);
}

static void refused_reads_are_counted(void **state)
{
	struct env *env = *state;
	struct zt_graph *graph = NULL;

	env->fake.fail = -EPERM;
	assert_int_equal(zt_collector_sweep(env->c), -EPERM);
	assert_int_equal(losses_of(env).read_errors, 1);
	assert_int_equal(zt_collector_graph(env->c, &plain, &by_address, &graph), -EPERM);
	env->fake.fail = 0;
	assert_int_equal(zt_collector_sweep(env->c), 0);
}

/* --- bounds --------------------------------------------------------------------------- */

static void edges_over_the_cap_are_counted(void **state)
{
	struct env *env = *state;
	struct zt_graph *graph;
	size_t count;

	for (int i = 0; i < 10; i++)
		put(&env->fake, ZT_IN_FLOWS,
		    key_of("10.0.0.1", 1000, "10.0.0.2", 100 + i, IPPROTO_TCP),
		    flow_of(ZT_DIR_OUT, ZT_STATE_CLOSED, S, 900 * S));
	zt_collector_sweep(env->c);
	assert_int_equal(losses_of(env).edges_over_cap, 6);
	graph = graph_now(env);
	zt_graph_edges(graph, &count);
	assert_int_equal(count, 4);
	zt_graph_free(&graph);
}

static void a_scan_leaves_room_for_real_edges(void **state)
{
	struct env *env = *state;
	const struct zt_edge *edges;
	struct zt_graph *graph;
	size_t count, real = 0;
	char text[32];

	for (int i = 0; i < 2000; i++) {
		snprintf(text, sizeof(text), "198.18.%d.%d", i >> 8, i & 0xff);
		put(&env->fake, ZT_IN_OPENINGS, key_of("10.0.0.1", 443, text, 999, IPPROTO_TCP),
		    flow_of(ZT_DIR_IN, ZT_STATE_OPENING, S, 900 * S));
	}
	zt_collector_sweep(env->c);
	put(&env->fake, ZT_IN_FLOWS, key_of("10.0.0.1", 443, "10.0.0.2", 999, IPPROTO_TCP),
	    flow_of(ZT_DIR_IN, ZT_STATE_CLOSED, S, 900 * S));
	zt_collector_sweep(env->c);
	graph = graph_now(env);
	edges = zt_graph_edges(graph, &count);
	for (size_t i = 0; i < count; i++)
		real += edges[i].first_ns == S && edges[i].bytes[0] && edges[i].connections == 1 &&
			i == 0;
	assert_int_equal(real, 1);
	assert_in_range(count, 2, 6);
	zt_graph_free(&graph);
	assert_true(losses_of(env).edges_over_cap > 1990);
}

static void recent_flows_are_listed_up_to_a_limit(void **state)
{
	struct env *env = *state;
	struct zt_flow_list list = {0};

	for (int i = 0; i < 20; i++)
		put(&env->fake, ZT_IN_FLOWS,
		    key_of("10.0.0.1", 1000 + i, "10.0.0.2", 443, IPPROTO_TCP),
		    flow_of(ZT_DIR_OUT, i % 2 ? ZT_STATE_CLOSED : ZT_STATE_ESTABLISHED, S,
			    (900 + i) * S));
	zt_collector_sweep(env->c);
	assert_int_equal(zt_collector_flows(env->c, NULL, NULL, 5, &list), 0);
	assert_int_equal(list.count, 5);
	assert_int_equal(list.matched, 18); /* ten live, and the last eight of ten that ended */
	for (size_t i = 0; i < list.count; i++) {
		assert_int_equal(list.items[i].flow.last_ns, (919 - i) * S);
		assert_int_equal(list.items[i].ended, i % 2 == 0);
	}
	zt_flow_list_clear(&list);
	assert_int_equal(zt_collector_flows(env->c, NULL, NULL, 0, &list), -EINVAL);
}

/* --- names and merging ------------------------------------------------------------------ */

static const char *two_hosts(void *ctx, const struct zt_addr *a, bool near)
{
	char text[ZT_ADDR_TEXT_LEN];

	(void)ctx;
	(void)near;
	zt_addr_text(a, text);
	if (!strncmp(text, "10.0.1.", 7))
		return "web1";
	return !strncmp(text, "10.0.2.", 7) ? "db1" : NULL;
}

static size_t one_segment(void *ctx, const struct zt_addr *a, bool near, const char **ret,
			  size_t cap)
{
	const char *host = two_hosts(ctx, a, near);

	if (!host)
		return 0;
	if (cap)
		ret[0] = !strcmp(host, "web1") ? "web" : "db";
	return 1;
}

static const struct zt_flow_names named = {.host = two_hosts, .segments = one_segment};

static void addresses_of_a_host_are_one_node(void **state)
{
	struct zt_graph_view view = {.kind = ZT_NODE_HOST};
	struct env *env = *state;
	struct zt_graph *graph = NULL;
	const struct zt_node *nodes;
	const struct zt_edge *edges;
	size_t count;

	for (int i = 0; i < 4; i++) {
		char near[32];

		snprintf(near, sizeof(near), "10.0.1.%d", 1 + i);
		put(&env->fake, i % 2 ? ZT_IN_FLOWS : ZT_IN_OPENINGS,
		    key_of(near, 40000, "10.0.2.1", 5432, IPPROTO_TCP),
		    flow_of(ZT_DIR_OUT, ZT_STATE_CLOSED, S, (900 + i) * S));
	}
	zt_collector_sweep(env->c);
	put(&env->fake, ZT_IN_FLOWS, key_of("10.0.1.9", 40000, "10.0.2.2", 5432, IPPROTO_TCP),
	    flow_of(ZT_DIR_OUT, ZT_STATE_ESTABLISHED, S, 990 * S));
	assert_int_equal(zt_collector_graph(env->c, &named, &view, &graph), 0);
	nodes = zt_graph_nodes(graph, &count);
	assert_int_equal(count, 2);
	assert_string_equal(nodes[0].name, "web1");
	edges = zt_graph_edges(graph, &count);
	assert_int_equal(count, 1);
	assert_int_equal(edges[0].connections, 5);
	zt_graph_free(&graph);

	view = (struct zt_graph_view){.kind = ZT_NODE_SEGMENT, .since_ns = 950 * S};
	assert_int_equal(zt_collector_graph(env->c, &named, &view, &graph), 0);
	nodes = zt_graph_nodes(graph, &count);
	assert_int_equal(count, 2);
	assert_string_equal(nodes[1].name, "db");
	edges = zt_graph_edges(graph, &count);
	assert_int_equal(edges[0].connections, 1);
	zt_graph_free(&graph);
}

static void many_edges_are_found_again(void **state)
{
	struct zt_graph *graph = NULL;
	struct zt_flow flow = flow_of(ZT_DIR_OUT, ZT_STATE_CLOSED, S, S);
	const struct zt_edge *edges;
	size_t count;

	(void)state;
	assert_int_equal(zt_graph_new(&graph, 100000), 0);
	for (int round = 0; round < 2; round++) {
		for (int i = 0; i < 50000; i++) {
			struct zt_flow_key key =
				key_of("10.0.0.1", 1, "10.0.0.2", (uint16_t)i, IPPROTO_TCP);

			assert_int_equal(zt_graph_add_flow(graph, &key, &flow, true), 0);
		}
	}
	edges = zt_graph_edges(graph, &count);
	assert_int_equal(count, 50000);
	for (size_t i = 0; i < count; i++)
		assert_int_equal(edges[i].connections, 2);
	zt_graph_free(&graph);
	assert_int_equal(zt_graph_new(&graph, 0), -EINVAL);
}

/* --- reading in steps ----------------------------------------------------------------------- */

#define MANY 20000 /* more than one step reads */

static uint64_t sweeps_of(struct zt_collector *c)
{
	struct zt_collector_stats stats;

	zt_collector_stats(c, &stats);
	return stats.sweeps;
}

static void a_large_table_is_read_in_steps(void **state)
{
	struct env *env = *state;
	struct zt_graph_read *read = NULL;
	struct zt_graph *graph = NULL;
	const struct zt_edge *edges;
	size_t count, steps = 0;
	int r;

	for (int i = 0; i < MANY; i++)
		put(&env->fake, i % 2 ? ZT_IN_FLOWS : ZT_IN_OPENINGS,
		    key_of("10.0.0.1", (uint16_t)i, "10.0.0.2", 443, IPPROTO_TCP),
		    flow_of(ZT_DIR_OUT, ZT_STATE_ESTABLISHED, 900 * S, 999 * S));
	assert_int_equal(zt_graph_read_begin(env->c, &read), 0);
	while ((r = zt_graph_read_step(read)) > 0)
		steps++;
	assert_int_equal(r, 0);
	assert_true(steps > 2);
	assert_int_equal(zt_graph_read_finish(read, &plain, &by_address, &graph), 0);
	zt_graph_read_free(&read);
	edges = zt_graph_edges(graph, &count);
	assert_int_equal(count, 1);
	assert_int_equal(edges[0].connections, MANY);
	zt_graph_free(&graph);
}

static void sweeps_rest_while_it_is_read(void **state)
{
	struct env *env = *state;
	struct zt_collector_config cfg = {
		.source = {fake_walk, fake_get, fake_take, fake_counters, fake_now, &env->fake},
		.sweep_ms = 1,
	};
	struct zt_graph_read *read = NULL;
	struct zt_collector *c = NULL;

	assert_int_equal(sd_event_new(&cfg.event), 0);
	assert_int_equal(zt_collector_new(&c, &cfg), 0);
	assert_int_equal(zt_graph_read_begin(c, &read), 0);
	for (int i = 0; i < 10; i++)
		assert_true(sd_event_run(cfg.event, 10000) >= 0);
	assert_int_equal(sweeps_of(c), 0);
	zt_graph_read_free(&read); /* its client may go at any time */
	for (int i = 0; i < 1000 && !sweeps_of(c); i++)
		assert_true(sd_event_run(cfg.event, 10000) >= 0);
	assert_true(sweeps_of(c) > 0);
	zt_collector_free(&c);
	sd_event_unref(cfg.event);
}

static void table_survives_deletion(void **state)
{
	struct zt_table table = {0};
	uint32_t n;

	(void)state;
	assert_int_equal(zt_table_reserve(&table, 1000), 0);
	for (uint32_t i = 0; i < 1000; i++)
		zt_table_add(&table, i, i % 7); /* long chains */
	for (uint32_t i = 0; i < 1000; i += 2)
		zt_table_del(&table, i);
	for (uint32_t h = 0; h < 7; h++) {
		for (n = zt_table_first(&table, h); n != ZT_TABLE_NONE;
		     n = zt_table_next(&table, n)) {
			assert_int_equal(n % 7, h);
			assert_int_equal(n % 2, 1);
		}
	}
	zt_table_clear(&table);
	assert_int_equal(zt_table_first(&table, 3), ZT_TABLE_NONE);
}

struct heard {
	int count[ZT_CHANGE_COUNT];
};

static void hear(enum zt_flow_change change, const struct zt_flow_item *item, void *data)
{
	struct heard *heard = data;

	assert_int_equal(item->ended, change == ZT_CHANGE_ENDED);
	heard->count[change]++;
}

static void followers_hear_of_changes(void **state)
{
	struct env *env = *state;
	struct heard heard = {{0}};
	struct zt_event event = {.abi_version = ZT_ABI_VERSION, .type = ZT_EV_NEW};
	struct fake_entry *e;

	zt_collector_sweep(env->c);
	assert_false(env->fake.followed);
	zt_collector_follow(env->c, hear, &heard);
	zt_collector_watch(env->c, true);
	assert_true(env->fake.followed);
	event.key = key_of("10.0.0.1", 1000, "10.0.0.2", 443, IPPROTO_TCP);
	event.flow = flow_of(ZT_DIR_OUT, ZT_STATE_ESTABLISHED, 900 * S, 900 * S);
	zt_collector_event(env->c, &event);
	e = put(&env->fake, ZT_IN_FLOWS, event.key, event.flow);
	env->fake.now_ns = 1002 * S;
	zt_collector_sweep(env->c); /* no traffic since the last: nothing to tell */
	e->flow.last_ns = 1003 * S;
	env->fake.now_ns = 1004 * S;
	zt_collector_sweep(env->c);
	e->flow.state = ZT_STATE_CLOSED;
	env->fake.now_ns = 1010 * S;
	zt_collector_sweep(env->c);
	assert_int_equal(heard.count[ZT_CHANGE_NEW], 1);
	assert_int_equal(heard.count[ZT_CHANGE_UPDATE], 1);
	assert_int_equal(heard.count[ZT_CHANGE_ENDED], 1);
	zt_collector_watch(env->c, false);
	assert_false(env->fake.followed);
	event.type = ZT_EV_REFUSED; /* what is denied is told all the same */
	zt_collector_event(env->c, &event);
	event.type = ZT_EV_ENDED;
	zt_collector_event(env->c, &event);
	assert_int_equal(heard.count[ZT_CHANGE_REFUSED], 1);
	assert_int_equal(heard.count[ZT_CHANGE_ENDED], 1);
	zt_collector_follow(env->c, NULL, NULL);
}

#define CASE(name)  cmocka_unit_test_setup_teardown(name, setup, teardown)
#define SMALL(name) cmocka_unit_test_setup_teardown(name, setup_small, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(opener_is_source),
		cmocka_unit_test(icmp_port_is_type),
		cmocka_unit_test(loopback_has_both_owners),
		CASE(closed_flows_fold_and_nothing_is_lost),
		CASE(an_idle_flow_that_woke_up_stays),
		CASE(bytes_counted_before_the_take_are_kept),
		CASE(a_reused_entry_is_two_connections),
		CASE(evictions_are_what_is_missing),
		CASE(refused_reads_are_counted),
		SMALL(edges_over_the_cap_are_counted),
		SMALL(a_scan_leaves_room_for_real_edges),
		CASE(recent_flows_are_listed_up_to_a_limit),
		CASE(addresses_of_a_host_are_one_node),
		cmocka_unit_test(many_edges_are_found_again),
		CASE(a_large_table_is_read_in_steps),
		CASE(sweeps_rest_while_it_is_read),
		cmocka_unit_test(table_survives_deletion),
		CASE(followers_hear_of_changes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
