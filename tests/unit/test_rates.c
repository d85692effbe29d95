/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_rates.c - what moved between two sweeps: exact, once each, and only while somebody asks.
 */
#include "flow/rates.h"
#include "tests/unit/flow_fake.h"

static struct zt_rates_view sweep(struct env *w, uint64_t later_ns)
{
	struct zt_rates_view view;

	w->fake.now_ns += later_ns;
	assert_true(zt_collector_sweep(w->c) >= 0);
	assert_int_equal(zt_collector_rates(w->c, &view), 0);
	return view;
}

static struct zt_flow *living(struct env *w, uint16_t port, uint64_t bytes)
{
	struct zt_flow flow = flow_of(ZT_DIR_OUT, ZT_STATE_ESTABLISHED, 900 * S, w->fake.now_ns);

	flow.bytes[ZT_DIR_OUT] = bytes;
	flow.bytes[ZT_DIR_IN] = 0;
	put(&w->fake, ZT_IN_FLOWS, key_of("10.0.0.1", port, "10.0.0.2", 443, IPPROTO_TCP), flow);
	return &w->fake.entries[w->fake.count - 1].flow;
}

/* What there was before somebody asked is no rate. */
static void the_first_sweep_is_what_to_compare_with(void **state)
{
	struct env *w = *state;
	struct zt_rates_view view;
	struct zt_flow *flow = living(w, 1000, 5000);

	assert_int_equal(zt_collector_rates(w->c, &view), 0);
	assert_false(view.ready);
	assert_false(sweep(w, 2 * S).ready);
	flow->bytes[ZT_DIR_OUT] += 300;
	flow->last_ns = w->fake.now_ns;
	view = sweep(w, 2 * S);
	assert_true(view.ready);
	assert_int_equal(view.interval_ns, 2 * S);
	assert_int_equal(view.moved, 1);
	assert_int_equal(view.rows[0].add[ZT_L_BYTES_TO_DST], 300);
	assert_int_equal(view.rows[0].add[ZT_L_CONNECTIONS], 0);
	assert_int_equal(sweep(w, 2 * S).moved, 0);
}

/* A short connection is a sum of its last values, whether a sweep saw it alive or not. */
static void what_ended_counts_once(void **state)
{
	struct env *w = *state;
	struct zt_event event = {.abi_version = ZT_ABI_VERSION, .type = ZT_EV_ENDED};
	struct zt_rates_view view;
	struct zt_flow *flow;

	sweep(w, 2 * S);
	sweep(w, 2 * S);
	flow = living(w, 1000, 100);
	view = sweep(w, 2 * S);
	assert_int_equal(view.total[ZT_L_CONNECTIONS], 1);
	assert_int_equal(view.total[ZT_L_BYTES_TO_DST], 100);
	flow->bytes[ZT_DIR_OUT] = 140;
	flow->state = ZT_STATE_CLOSED;
	flow->last_ns = w->fake.now_ns;
	event.key = key_of("10.0.0.1", 7, "10.0.0.2", 443, IPPROTO_TCP);
	event.flow = flow_of(ZT_DIR_OUT, ZT_STATE_CLOSED, 900 * S, w->fake.now_ns);
	event.flow.bytes[ZT_DIR_OUT] = 50;
	event.flow.bytes[ZT_DIR_IN] = 0;
	zt_collector_event(w->c, &event);
	view = sweep(w, 8 * S); /* long enough for the closed one to be taken out */
	assert_int_equal(view.total[ZT_L_CONNECTIONS], 1);
	assert_int_equal(view.total[ZT_L_BYTES_TO_DST], 90);
	assert_int_equal(sweep(w, 2 * S).moved, 0);
}

/* All counts go along to the edge of the new verdict: they have not moved on the wire. */
static void a_changed_verdict_is_no_traffic(void **state)
{
	struct env *w = *state;
	struct zt_flow *flow = living(w, 1000, 5000);
	struct zt_rates_view view;

	sweep(w, 2 * S);
	sweep(w, 2 * S);
	flow->rule[ZT_LIVE] = RULE_B;
	flow->bytes[ZT_DIR_OUT] += 11;
	view = sweep(w, 2 * S);
	assert_int_equal(view.total[ZT_L_BYTES_TO_DST], 11);
	assert_int_equal(view.total[ZT_L_CONNECTIONS], 0);
}

static void refusals_are_told_apart(void **state)
{
	struct env *w = *state;
	struct zt_rates_view view;
	struct zt_flow *denied, *staged;

	sweep(w, 2 * S);
	sweep(w, 2 * S);
	denied = living(w, 1, 60);
	denied->action[ZT_LIVE] = denied->action[ZT_CANDIDATE] = ZT_DENY;
	staged = living(w, 2, 60);
	staged->action[ZT_CANDIDATE] = ZT_DENY;
	living(w, 3, 60);
	view = sweep(w, 2 * S);
	assert_int_equal(view.total[ZT_L_CONNECTIONS], 3);
	assert_int_equal(view.denied, 1);
	assert_int_equal(view.would_deny, 1);
}

static void nobody_asks_and_it_ends(void **state)
{
	struct env *w = *state;
	struct zt_rates_view view;

	sweep(w, 2 * S);
	sweep(w, 2 * S);
	assert_true(sweep(w, 2 * S).ready);
	w->fake.now_ns += ZT_RATES_IDLE_NS + S;
	assert_true(zt_collector_sweep(w->c) >= 0);
	assert_int_equal(zt_collector_rates(w->c, &view), 0);
	assert_false(view.ready); /* begun anew */
}

/* Of too many edges the ones with the most bytes are kept; the sums are of all. */
static void the_largest_are_kept(void **state)
{
	struct zt_rates *rates = NULL;
	const size_t count = ZT_RATES_ROWS + 500;
	struct zt_rates_view view;
	uint64_t least = UINT64_MAX;

	(void)state;
	assert_int_equal(zt_rates_new(&rates, 100000), 0);
	for (int round = 0; round < 2; round++) {
		zt_rates_sweep(rates, (uint64_t)(round + 1) * S);
		for (size_t i = 0; round && i < count; i++) {
			struct zt_flow flow = flow_of(ZT_DIR_OUT, ZT_STATE_ESTABLISHED, S, 2 * S);
			/* Not in order of size. */
			size_t n = i * 7919 % count;

			flow.bytes[ZT_DIR_OUT] = n + 1;
			flow.bytes[ZT_DIR_IN] = 0;
			zt_rates_living(rates,
					&(struct zt_flow_key){
						.near_port = htons(1000),
						.far_port = htons((uint16_t)(1 + n)),
						.proto = IPPROTO_TCP,
					},
					&flow);
		}
		zt_rates_swept(rates);
	}
	zt_rates_view(rates, &view);
	assert_int_equal(view.moved, count);
	assert_int_equal(view.count, ZT_RATES_ROWS);
	assert_int_equal(view.total[ZT_L_BYTES_TO_DST], (uint64_t)count * (count + 1) / 2);
	for (size_t i = 0; i < view.count; i++) {
		if (view.rows[i].add[ZT_L_BYTES_TO_DST] < least)
			least = view.rows[i].add[ZT_L_BYTES_TO_DST];
	}
	assert_int_equal(least, 501);
	zt_rates_free(&rates);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(the_first_sweep_is_what_to_compare_with, setup,
						teardown),
		cmocka_unit_test_setup_teardown(what_ended_counts_once, setup, teardown),
		cmocka_unit_test_setup_teardown(a_changed_verdict_is_no_traffic, setup, teardown),
		cmocka_unit_test_setup_teardown(refusals_are_told_apart, setup, teardown),
		cmocka_unit_test_setup_teardown(nobody_asks_and_it_ends, setup, teardown),
		cmocka_unit_test(the_largest_are_kept),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
