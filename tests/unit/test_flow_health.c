/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_flow_health.c - how connections went: round trips, what a flow says, sums of edges.
 */
#include "flow_fake.h"

#include "base/rtt.h"
#include "flow/health.h"
#include "flow/ledger.h"

/* --- histograms ------------------------------------------------------------------------- */

static void buckets_hold_what_they_say(void **state)
{
	(void)state;
	assert_int_equal(zt_rtt_bound_us(0), 16);
	assert_int_equal(zt_rtt_bound_us(1), 22);
	assert_int_equal(zt_rtt_bound_us(2), 32);
	assert_int_equal(zt_rtt_bound_us(ZT_RTT_BUCKETS - 1), 16u << 20);
	assert_int_equal(zt_rtt_bucket(0), 0);
	assert_int_equal(zt_rtt_bucket(UINT32_MAX), ZT_RTT_BUCKETS - 1);
	for (unsigned int b = 0; b < ZT_RTT_BUCKETS; b++) {
		assert_int_equal(zt_rtt_bucket(zt_rtt_bound_us(b)), b);
		if (b + 1 < ZT_RTT_BUCKETS)
			assert_int_equal(zt_rtt_bucket(zt_rtt_bound_us(b) + 1), b + 1);
	}
}

static void percentiles_are_bounds(void **state)
{
	struct zt_rtt rtt = {{0}};

	(void)state;
	assert_int_equal(zt_rtt_percentile(&rtt, 50), 0);
	zt_rtt_add(&rtt, 1000, 98);
	zt_rtt_add(&rtt, 300000, 2);
	assert_int_equal(zt_rtt_samples(&rtt), 100);
	assert_int_equal(zt_rtt_percentile(&rtt, 50), 1024);
	assert_int_equal(zt_rtt_percentile(&rtt, 98), 1024);
	assert_int_equal(zt_rtt_percentile(&rtt, 99), zt_rtt_bound_us(zt_rtt_bucket(300000)));
	zt_rtt_add(&rtt, 1000, UINT32_MAX);
	zt_rtt_add(&rtt, 1000, 5);
	assert_int_equal(rtt.count[zt_rtt_bucket(1000)], UINT32_MAX); /* it does not wrap */
}

static void histograms_survive_the_way_to_disk(void **state)
{
	static const uint8_t bad[][7] = {
		{ZT_RTT_BUCKETS, 1, 0, 1, 0, 1, 0},   /* no such bucket */
		{3, 0x80, 0x80, 0x80, 0x80, 0x80, 1}, /* a count of six bytes */
		{3, 0xff, 0xff, 0xff, 0xff, 0x7f, 1}, /* more than 32 bits */
	};
	struct zt_rtt rtt = {{0}}, back = {{0}};
	uint8_t blob[ZT_RTT_BLOB_MAX];
	size_t len;

	(void)state;
	assert_int_equal(zt_rtt_encode(&rtt, blob), 0);
	assert_int_equal(zt_rtt_decode(&back, blob, 0), 0);
	for (unsigned int b = 0; b < ZT_RTT_BUCKETS; b++)
		rtt.count[b] = b % 3 ? UINT32_MAX >> (b % 32) : 0;
	len = zt_rtt_encode(&rtt, blob);
	assert_int_equal(zt_rtt_decode(&back, blob, len), 0);
	assert_memory_equal(&back, &rtt, sizeof(rtt));
	assert_int_equal(zt_rtt_decode(&back, blob, len - 1), -EBADMSG);
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
		assert_int_equal(zt_rtt_decode(&back, bad[i], sizeof(bad[i])), -EBADMSG);
	assert_memory_equal(&back, &rtt, sizeof(rtt)); /* as it was */
	for (unsigned int b = 0; b < ZT_RTT_BUCKETS; b++)
		rtt.count[b] = UINT32_MAX;
	assert_in_range(zt_rtt_encode(&rtt, blob), 1, ZT_RTT_BLOB_MAX);
}

/* --- one flow ----------------------------------------------------------------------------- */

/* Opened by the near end; what came back is two packets unless said otherwise. */
struct said {
	const char *what;
	uint8_t opener, state, health, flags, action;
	uint32_t opens;
	bool silent; /* nothing came back */
	bool ended;
	uint32_t refused, unanswered, resets;
};

#define OUT    ZT_DIR_OUT
#define IN     ZT_DIR_IN
#define OPEN   ZT_STATE_OPENING
#define EST    ZT_STATE_ESTABLISHED
#define CLOSED ZT_STATE_CLOSED
#define RST_N  ZT_HEALTH_RST_NEAR
#define RST_F  ZT_HEALTH_RST_FAR
#define ANS    ZT_HEALTH_ANSWERED

static void what_a_flow_says(void **state)
{
	static const struct said rows[] = {
		{"refused by the far end", OUT, CLOSED, RST_F, 0, 0, 1, false, true, 1, 0, 0},
		{"refused by this one", IN, CLOSED, RST_N, 0, 0, 1, false, true, 1, 0, 0},
		{"refused, still in the table", OUT, CLOSED, RST_F, 0, 0, 1, false, false, 1, 0, 0},
		{"the opener gave up", OUT, CLOSED, RST_N, 0, 0, 1, false, true, 0, 0, 0},
		{"gave up, nothing came", OUT, CLOSED, RST_N, 0, 0, 1, true, true, 0, 1, 0},
		{"nothing came back", OUT, OPEN, 0, 0, 0, 1, true, true, 0, 1, 0},
		{"nothing yet", OUT, OPEN, 0, 0, 0, 1, true, false, 0, 0, 0},
		{"nothing yet, asked twice", OUT, OPEN, ZT_HEALTH_SYN_REPEATED, 0, 0, 1, true,
		 false, 0, 1, 0},
		{"unreachable", OUT, OPEN, ZT_HEALTH_UNREACHABLE, 0, 0, 1, true, false, 0, 1, 0},
		{"denied", OUT, OPEN, ZT_HEALTH_SYN_REPEATED, 0, ZT_DENY, 1, true, true, 0, 0, 0},
		{"answered, closed", OUT, CLOSED, ANS, 0, 0, 1, false, true, 0, 0, 0},
		{"answered, reset", OUT, CLOSED, ANS | RST_F, 0, 0, 1, false, true, 0, 0, 1},
		{"answered, reset here", IN, CLOSED, ANS | RST_F, 0, 0, 1, false, true, 0, 0, 1},
		{"denied when it was open, reset", OUT, CLOSED, ANS | RST_N, 0, ZT_DENY, 1, false,
		 true, 0, 0, 1},
		{"living", OUT, EST, ANS, 0, 0, 1, false, false, 0, 0, 0},
		{"middle of one, reset", OUT, CLOSED, RST_F, ZT_FLOW_MIDFLOW, 0, 1, false, true, 0,
		 0, 1},
		{"refused three times", OUT, CLOSED, RST_F, 0, 0, 3, false, true, 3, 0, 0},
		{"refused twice, then silence", OUT, OPEN, 0, 0, 0, 3, false, true, 2, 1, 0},
		{"refused twice, then open", OUT, EST, ANS, 0, 0, 3, false, true, 2, 0, 0},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		const struct said *s = &rows[i];
		struct zt_flow_key key = key_of("10.0.0.1", 1, "10.0.0.2", 2, IPPROTO_TCP);
		struct zt_flow flow = flow_of(s->opener, s->state, S, S);
		struct zt_flow_health h;

		flow.health = s->health;
		flow.flags = s->flags;
		flow.action[ZT_LIVE] = s->action;
		flow.opens = s->opens;
		if (s->silent)
			flow.packets[s->opener == OUT ? ZT_DIR_IN : ZT_DIR_OUT] = 0;
		assert_int_equal(zt_flow_health(&key, &flow, s->ended, &h),
				 s->refused || s->unanswered || s->resets);
		if (h.refused != s->refused || h.unanswered != s->unanswered ||
		    h.resets != s->resets)
			fail_msg("%s: %u refused, %u unanswered, %u resets", s->what, h.refused,
				 h.unanswered, h.resets);
		key.proto = IPPROTO_UDP;
		assert_false(zt_flow_health(&key, &flow, s->ended, &h));
	}
}

/* --- sums ----------------------------------------------------------------------------------- */

static void a_pool_keeps_every_sample(void **state)
{
	struct zt_health_pool pool = {0}, other = {0};
	uint32_t at[3] = {0}, both = 0;
	struct zt_health h, sum = {0};
	struct zt_rtt want[3] = {{{0}}};

	(void)state;
	assert_false(zt_health_pool_get(&pool, 0, &h));
	for (uint32_t i = 0; i < 3000; i++) {
		uint32_t us = i * 2654435761u >> (i % 31);
		struct zt_flow_health add = {i % 2, i % 3, i % 5, i % 7, us ?: 1};

		zt_rtt_add(&want[i % 3], add.rtt_us, 1);
		assert_int_equal(zt_health_pool_add(&pool, &at[i % 3], &add), 0);
	}
	for (int i = 0; i < 3; i++) {
		assert_true(zt_health_pool_get(&pool, at[i], &h));
		assert_memory_equal(&h.rtt, &want[i], sizeof(h.rtt));
		zt_health_merge(&sum, &h);
		assert_int_equal(zt_health_pool_merge(&other, &both, &pool, at[i]), 0);
	}
	assert_int_equal(sum.refused, 1500);
	assert_int_equal(sum.unanswered, 3000);
	assert_int_equal(sum.resets, 6000);
	assert_true(zt_health_pool_get(&other, both, &h));
	assert_memory_equal(&h, &sum, sizeof(h));
	/* Blocks that were given back are used again, and hold nothing of before. */
	uint32_t used = pool.count, again = 0;
	struct zt_flow_health one = {.rtt_us = 20};

	zt_health_pool_drop(&pool, &at[1]);
	assert_int_equal(at[1], 0);
	assert_int_equal(zt_health_pool_add(&pool, &again, &one), 0);
	assert_true(zt_health_pool_get(&pool, again, &h));
	assert_int_equal(zt_rtt_samples(&h.rtt), 1);
	assert_int_equal(h.refused + h.unanswered + h.resets + h.retransmits, 0);
	assert_int_equal(pool.count, used);
	zt_health_pool_clear(&pool);
	zt_health_pool_clear(&other);
}

static void a_bucket_may_overflow_its_cell(void **state)
{
	struct zt_health_pool pool = {0}, sum = {0};
	struct zt_flow_health one = {.rtt_us = 20};
	uint32_t at = 0, twice = 0;
	struct zt_health h;

	(void)state;
	assert_int_equal(zt_health_pool_add(&pool, &at, &one), 0);
	/* Doubled 26 times: more than 24 bits hold. */
	for (int i = 0; i < 26; i++) {
		twice = 0;
		assert_int_equal(zt_health_pool_merge(&sum, &twice, &pool, at), 0);
		assert_int_equal(zt_health_pool_merge(&pool, &at, &sum, twice), 0);
		zt_health_pool_drop(&sum, &twice);
	}
	assert_true(zt_health_pool_get(&pool, at, &h));
	assert_int_equal(h.rtt.count[1], 1u << 26);
	zt_health_pool_clear(&pool);
	zt_health_pool_clear(&sum);
}

/* --- edges ---------------------------------------------------------------------------------- */

static struct fake_entry *conversation(struct env *env, uint16_t port, uint8_t how, uint32_t us,
				       uint32_t retrans)
{
	struct zt_flow flow = flow_of(ZT_DIR_OUT, how, 900 * S, 990 * S);

	flow.health = ZT_HEALTH_ANSWERED | (how == ZT_STATE_CLOSED ? ZT_HEALTH_RST_FAR : 0);
	flow.rtt_us = us;
	flow.retrans = retrans;
	return put(&env->fake, ZT_IN_FLOWS, key_of("10.0.0.1", port, "10.0.0.2", 443, IPPROTO_TCP),
		   flow);
}

static void the_map_has_the_ended_and_the_living(void **state)
{
	struct env *env = *state;
	struct zt_graph *graph;
	const struct zt_edge *edges;
	struct zt_health h;
	size_t count;

	conversation(env, 1000, ZT_STATE_CLOSED, 100, 2);
	conversation(env, 1001, ZT_STATE_CLOSED, 100, 0);
	conversation(env, 1002, ZT_STATE_ESTABLISHED, 90000, 5);
	assert_int_equal(zt_collector_sweep(env->c), 2);
	graph = graph_now(env);
	edges = zt_graph_edges(graph, &count);
	assert_int_equal(count, 1);
	assert_true(zt_graph_health(graph, &edges[0], &h));
	assert_int_equal(h.resets, 2);
	assert_int_equal(h.retransmits, 7);
	assert_int_equal(zt_rtt_samples(&h.rtt), 3);
	assert_int_equal(zt_rtt_percentile(&h.rtt, 50), 128);
	assert_int_equal(h.rtt.count[zt_rtt_bucket(90000)], 1);
	zt_graph_free(&graph);
}

static void encryption_tells_edges_apart(void **state)
{
	static const uint8_t classes[][2] = {
		{ZT_ENC_TLS13, 0},
		{ZT_ENC_PLAINTEXT, ZT_APP_HTTP},
		{ZT_ENC_TLS13, ZT_APP_POSTGRESQL},
		{ZT_ENC_TLS13, 0},
	};
	struct env *env = *state;
	struct zt_graph *graph;
	const struct zt_edge *edges;
	size_t count;

	for (uint16_t i = 0; i < ARRAY_SIZE(classes); i++) {
		for (uint16_t service = 0; service < 3; service++) {
			struct zt_flow flow =
				flow_of(ZT_DIR_OUT, ZT_STATE_CLOSED, 900 * S, 990 * S);

			flow.encryption = classes[i][0];
			flow.app = classes[i][1];
			put(&env->fake, ZT_IN_FLOWS,
			    key_of("10.0.0.1", 1000 + i, "10.0.0.2", 440 + service, IPPROTO_TCP),
			    flow);
		}
	}
	assert_int_equal(zt_collector_sweep(env->c), 12);
	graph = graph_now(env);
	edges = zt_graph_edges(graph, &count);
	assert_int_equal(count, 9);
	/* Those of one service follow each other. */
	for (size_t i = 0; i < count; i += 3) {
		uint64_t connections = 0;

		for (size_t j = i; j < i + 3; j++) {
			assert_int_equal(edges[j].key.port, edges[i].key.port);
			connections += edges[j].connections;
		}
		assert_int_equal(connections, 4);
	}
	zt_graph_free(&graph);
}

/* --- increments ------------------------------------------------------------------------------ */

struct found {
	uint64_t rows, connections, retransmits, resets, samples, unknown;
};

/* One walk over what lives in @fake, and what was found by it. */
static struct found walk(struct zt_ledger *ledger, const struct fake *fake)
{
	const struct zt_ledger_row *rows;
	struct found found = {0};
	int n;

	zt_ledger_begin(ledger, fake->now_ns);
	for (size_t i = 0; i < fake->count; i++) {
		if (fake->entries[i].used)
			zt_ledger_living(ledger, &fake->entries[i].key, &fake->entries[i].flow);
	}
	zt_ledger_cut(ledger);
	while ((n = zt_ledger_next(ledger, 7, &rows)) > 0) {
		for (int i = 0; i < n; i++) {
			found.rows++;
			found.connections += rows[i].add[ZT_L_CONNECTIONS];
			found.retransmits += rows[i].add[ZT_L_RETRANSMITS];
			found.resets += rows[i].resets;
			found.samples += rows[i].rtt ? zt_rtt_samples(rows[i].rtt) : 0;
			if (rows[i].key.encryption == ZT_ENC_UNKNOWN)
				found.unknown += rows[i].add[ZT_L_CONNECTIONS];
		}
	}
	assert_int_equal(n, 0);
	return found;
}

static void retransmits_are_settled_and_samples_hourly(void **state)
{
	struct env *env = *state;
	struct fake_entry *e = conversation(env, 1000, ZT_STATE_ESTABLISHED, 100, 2);
	struct zt_ledger *ledger;
	struct found found;

	assert_int_equal(zt_ledger_new(&ledger, 100), 0);
	found = walk(ledger, &env->fake);
	assert_int_equal(found.retransmits, 2);
	assert_int_equal(found.samples, 0);
	for (int i = 0; i < 359; i++) { /* almost an hour of walks, ten seconds apart */
		env->fake.now_ns += 10 * S;
		e->flow.last_ns = env->fake.now_ns;
		e->flow.retrans++;
		found = walk(ledger, &env->fake);
		assert_int_equal(found.retransmits, 1);
		assert_int_equal(found.connections, 0);
		/* It was 100 s old at the first one. */
		assert_int_equal(found.samples, i == 349);
	}
	e->flow.owner = 5; /* moves to another edge with all its counts */
	env->fake.now_ns += 10 * S;
	assert_int_equal(walk(ledger, &env->fake).retransmits, 0);
	/* Silent for more than an hour: what its round trip was is no news. */
	env->fake.now_ns += 7200 * S;
	assert_int_equal(walk(ledger, &env->fake).samples, 0);
	e->used = false;
	e->flow.state = ZT_STATE_CLOSED;
	e->flow.health |= ZT_HEALTH_RST_NEAR;
	assert_int_equal(zt_ledger_ended(ledger, &e->key, &e->flow, false), 0);
	env->fake.now_ns += 10 * S;
	found = walk(ledger, &env->fake);
	assert_int_equal(found.samples, 1);
	assert_int_equal(found.resets, 1);
	assert_int_equal(found.retransmits, 0);
	assert_int_equal(walk(ledger, &env->fake).rows, 0);
	assert_int_equal(zt_ledger_edges(ledger), 0);
	zt_ledger_free(&ledger);
}

static void what_is_not_classified_yet_can_wait(void **state)
{
	struct env *env = *state;
	struct fake_entry *e = conversation(env, 1000, ZT_STATE_ESTABLISHED, 0, 0);
	struct zt_ledger *ledger;
	struct found found;

	assert_int_equal(zt_ledger_new(&ledger, 100), 0);
	e->flow.look = 1;
	e->flow.first_ns = env->fake.now_ns - S;
	assert_int_equal(walk(ledger, &env->fake).connections, 0);
	e->flow.look = 0;
	e->flow.encryption = ZT_ENC_TLS13;
	env->fake.now_ns += 10 * S;
	found = walk(ledger, &env->fake);
	assert_int_equal(found.connections, 1);
	assert_int_equal(found.unknown, 0);
	/* One that says nothing for longer counts as what it is: unknown. */
	e = conversation(env, 1001, ZT_STATE_ESTABLISHED, 0, 0);
	e->flow.look = 1;
	e->flow.first_ns = env->fake.now_ns - 3 * S;
	assert_int_equal(walk(ledger, &env->fake).unknown, 1);
	zt_ledger_free(&ledger);
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(buckets_hold_what_they_say),
		cmocka_unit_test(percentiles_are_bounds),
		cmocka_unit_test(histograms_survive_the_way_to_disk),
		cmocka_unit_test(what_a_flow_says),
		cmocka_unit_test(a_pool_keeps_every_sample),
		cmocka_unit_test(a_bucket_may_overflow_its_cell),
		CASE(the_map_has_the_ended_and_the_living),
		CASE(encryption_tells_edges_apart),
		CASE(retransmits_are_settled_and_samples_hourly),
		CASE(what_is_not_classified_yet_can_wait),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
