/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_history_health.c - what went wrong with a connection reaches the evidence, once, when it
 * ends.
 */
#include "history_world.h"

static struct fake_entry *opening(struct world *w, uint16_t port, uint8_t how, uint8_t health)
{
	struct zt_flow flow = flow_of(ZT_DIR_OUT, how, w->fake.now_ns, w->fake.now_ns);

	flow.health = health;
	flow.packets[ZT_DIR_IN] = health ? 1 : 0;
	return put(&w->fake, ZT_IN_OPENINGS, key_of("10.0.0.1", port, "10.0.0.2", 443, IPPROTO_TCP),
		   flow);
}

static int add_health(const struct zt_history_edge *edge, void *ctx)
{
	zt_health_merge(ctx, &edge->health);
	return 0;
}

static struct zt_health health_of(struct world *w)
{
	struct zt_health health = {0};

	assert_int_equal(zt_history_each_edge(w->h, 0, add_health, &health), 0);
	return health;
}

static void failures_are_told_when_they_end(void **state)
{
	struct world *w = *state;
	struct zt_health health;

	opening(w, 1000, ZT_STATE_CLOSED, ZT_HEALTH_RST_FAR);
	opening(w, 1001, ZT_STATE_OPENING, 0);
	record(w); /* both still stand in the table */
	assert_int_equal(sum_since(w, 0).connections, 2);
	health = health_of(w);
	assert_int_equal(health.refused + health.unanswered, 0);
	pass(w, 10); /* a closed one stays for five seconds */
	record(w);
	assert_int_equal(health_of(w).refused, 1);
	assert_int_equal(health_of(w).unanswered, 0);
	pass(w, 60); /* one that is silent for a minute */
	record(w);
	record(w);
	health = health_of(w);
	assert_int_equal(health.refused, 1);
	assert_int_equal(health.unanswered, 1);
	assert_int_equal(health.resets, 0);
	assert_int_equal(sum_since(w, 0).connections, 2);
}

static void a_restart_tells_nothing_twice(void **state)
{
	struct world *w = *state;

	opening(w, 1000, ZT_STATE_CLOSED, ZT_HEALTH_RST_FAR);
	record(w);
	stop_agent(w);
	start_agent(w);
	record(w);
	assert_int_equal(health_of(w).refused, 0);
	pass(w, 10);
	record(w);
	stop_agent(w);
	start_agent(w);
	record(w);
	assert_int_equal(health_of(w).refused, 1);
	assert_int_equal(sum_since(w, 0).connections, 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		WORLD(failures_are_told_when_they_end),
		WORLD(a_restart_tells_nothing_twice),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
