/* SPDX-License-Identifier: Apache-2.0 */
/*
 * flow_fake.h - a flow table in memory that stands in for the kernel's, for tests.
 */
#pragma once
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/addr.h"
#include "base/cleanup.h"
#include "base/time.h"
#include "flow/collect.h"

#define S	 ZT_NS_PER_S
#define FAKE_MAX 40000
#define RULE_A	 300
#define RULE_B	 301

/* --- a kernel -------------------------------------------------------------------- */

struct fake_entry {
	uint32_t table;
	bool used;
	struct zt_flow_key key;
	struct zt_flow flow;
};

struct fake {
	struct fake_entry *entries;
	size_t count;
	uint64_t now_ns;
	struct zt_count counters[ZT_C_COUNT];
	/* Runs when an entry is about to be looked at again: traffic between walk and take. */
	void (*between)(struct fake *fake, struct zt_flow *flow);
	int fail;
	bool followed;
	uint64_t size[ZT_IN_COUNT];
};

static inline int fake_walk(void *ctx, struct zt_flow_walk *walk, size_t budget,
			    zt_flow_visit_fn fn, void *data)
{
	struct fake *fake = ctx;
	size_t end;

	if (fake->fail)
		return fake->fail;
	walk->started = true;
	end = walk->token + budget < fake->count ? walk->token + budget : fake->count;
	for (; walk->token < end; walk->token++) {
		struct fake_entry e = fake->entries[walk->token];

		if (!e.used || e.table != walk->table)
			continue;
		walk->seen++;
		fn(e.table, &e.key, &e.flow, data);
	}
	walk->done = walk->token == fake->count;
	return 0;
}

static inline struct fake_entry *fake_find(struct fake *fake, uint32_t table,
					   const struct zt_flow_key *key)
{
	for (size_t i = 0; i < fake->count; i++) {
		struct fake_entry *e = &fake->entries[i];

		if (e->used && e->table == table && !memcmp(&e->key, key, sizeof(*key)))
			return e;
	}
	return NULL;
}

static inline int fake_get(void *ctx, uint32_t table, const struct zt_flow_key *key,
			   struct zt_flow *ret)
{
	struct fake *fake = ctx;
	struct fake_entry *e = fake_find(fake, table, key);

	if (!e)
		return -ENOENT;
	if (fake->between)
		fake->between(fake, &e->flow);
	*ret = e->flow;
	return 0;
}

static inline int fake_take(void *ctx, uint32_t table, const struct zt_flow_key *key,
			    struct zt_flow *ret)
{
	struct fake *fake = ctx;
	struct fake_entry *e = fake_find(fake, table, key);

	if (!e)
		return -ENOENT;
	if (fake->between)
		fake->between(fake, &e->flow);
	*ret = e->flow;
	e->used = false;
	return 0;
}

static inline int fake_counters(void *ctx, struct zt_count ret[ZT_C_COUNT])
{
	memcpy(ret, ((struct fake *)ctx)->counters, sizeof(((struct fake *)ctx)->counters));
	return 0;
}

static inline uint64_t fake_size(void *ctx, uint32_t table)
{
	return ((struct fake *)ctx)->size[table];
}

static inline void fake_follow(void *ctx, bool on)
{
	((struct fake *)ctx)->followed = on;
}

static inline uint64_t fake_now(void *ctx)
{
	return ((struct fake *)ctx)->now_ns;
}

static inline struct zt_addr addr(const char *text)
{
	struct zt_addr a;

	assert_int_equal(zt_addr_parse(text, &a), 0);
	return a;
}

static inline struct zt_flow_key key_of(const char *near, uint16_t near_port, const char *far,
					uint16_t far_port, uint8_t proto)
{
	struct zt_flow_key key = {.proto = proto, .kind = ZT_KIND_LOCAL};
	struct zt_addr a = addr(near), b = addr(far);

	memcpy(key.near_addr, a.bytes, 16);
	memcpy(key.far_addr, b.bytes, 16);
	key.near_port = htons(near_port);
	key.far_port = htons(far_port);
	return key;
}

static inline struct zt_flow flow_of(uint8_t opener, uint8_t state, uint64_t first_ns,
				     uint64_t last_ns)
{
	return (struct zt_flow){
		.opener = opener,
		.state = state,
		.first_ns = first_ns,
		.last_ns = last_ns,
		.packets = {3, 4},
		.bytes = {300, 400},
		.opens = 1,
		.rule = {ZT_RULE_DEFAULT, ZT_RULE_DEFAULT},
	};
}

static inline struct fake_entry *put(struct fake *fake, uint32_t table, struct zt_flow_key key,
				     struct zt_flow flow)
{
	static const enum zt_counter inserted[] = {ZT_C_FLOW_INSERTED, ZT_C_OPENING_INSERTED};
	struct fake_entry *e = &fake->entries[fake->count];

	assert_true(fake->count < FAKE_MAX);
	*e = (struct fake_entry){.table = table, .used = true, .key = key, .flow = flow};
	fake->count++;
	fake->counters[inserted[table]].packets++;
	return e;
}

struct env {
	struct fake fake;
	struct zt_collector *c;
};

static inline int setup_with(void **state, size_t edge_cap, size_t violation_cap)
{
	struct env *env = calloc(1, sizeof(*env));
	struct zt_collector_config cfg = {
		.source = {fake_walk, fake_get, fake_take, fake_counters, fake_now, &env->fake,
			   fake_follow, fake_size},
		.edge_cap = edge_cap,
		.violation_cap = violation_cap,
		.recent_cap = 8,
	};

	env->fake.entries = calloc(FAKE_MAX, sizeof(*env->fake.entries));
	env->fake.now_ns = 1000 * S;
	assert_int_equal(zt_collector_new(&env->c, &cfg), 0);
	*state = env;
	return 0;
}

static inline int setup(void **state)
{
	return setup_with(state, 0, 0);
}

static inline int setup_small(void **state)
{
	return setup_with(state, 4, 3);
}

static inline int teardown(void **state)
{
	struct env *env = *state;

	zt_collector_free(&env->c);
	free(env->fake.entries);
	free(env);
	return 0;
}

static inline const char *no_host(void *ctx, const struct zt_addr *a, bool near)
{
	(void)ctx;
	(void)a;
	(void)near;
	return NULL;
}

static const struct zt_flow_names plain = {.host = no_host};
static const struct zt_graph_view by_address = {.kind = ZT_NODE_ADDRESS};

static inline struct zt_graph *graph_now(struct env *env)
{
	struct zt_graph *graph = NULL;

	assert_int_equal(zt_collector_graph(env->c, &plain, &by_address, &graph), 0);
	return graph;
}

static inline struct zt_flow_losses losses_of(struct env *env)
{
	struct zt_collector_stats stats;

	zt_collector_stats(env->c, &stats);
	return stats.losses;
}
