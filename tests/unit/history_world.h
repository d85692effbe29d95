/* SPDX-License-Identifier: Apache-2.0 */
/*
 * history_world.h - a machine with a clock, a kernel and a state directory, for tests of evidence.
 */
#pragma once
#include "flow_fake.h"

#include <fcntl.h>
#include <glob.h>
#include <signal.h>
#include <sqlite3.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "flow/history.h"
#include "flow/ledger.h"

#define DAY	 86400
#define NOON	 (20000 * (int64_t)DAY + DAY / 2) /* 2024-10-04 12:00 UTC */
#define SYNC_MS	 10000
#define HOUR	 3600
#define MIDNIGHT (20000 * (int64_t)DAY) /* before NOON */

/* --- a machine with a clock, a kernel and a state directory -------------------------------------
 */

struct world {
	struct fake fake;
	struct zt_collector *c;
	struct zt_history *h;
	struct zt_history_config cfg;
	int64_t wall_s;
	char dir[64];
	char path[96];
};

static inline int64_t wall(void *ctx)
{
	return ((struct world *)ctx)->wall_s;
}

static inline const char *rule_name(void *ctx, uint32_t number)
{
	(void)ctx;
	return number == RULE_A ? "rule-a" : number == RULE_B ? "rule-b" : "default-allow";
}

static inline const char *host_name(void *ctx, const struct zt_addr *a, bool near)
{
	struct zt_addr web = addr("10.0.0.2");

	(void)ctx;
	(void)near;
	return memcmp(a, &web, sizeof(web)) ? NULL : "web1";
}

static inline int owner_of(void *ctx, uint32_t index, struct zt_owner *ret)
{
	(void)ctx;
	*ret = (struct zt_owner){.uid = 1000 + index, .exe_dev = 0x800001, .flags = 4};
	snprintf(ret->unit, sizeof(ret->unit), "unit%u.service", index);
	strcpy(ret->cgroup, "/system.slice/bad\xff\x1b[31m");
	memset(ret->exe, 'x', sizeof(ret->exe)); /* a full field has no NUL */
	return index ? 0 : -ENOENT;
}

static const struct zt_flow_names world_names = {
	.host = host_name,
	.rule = rule_name,
	.owner = owner_of,
};

static inline const struct zt_flow_names *names_of(void *ctx)
{
	(void)ctx;
	return &world_names;
}

static inline const char *user_of(void *ctx, uint32_t uid)
{
	(void)ctx;
	return uid == 1007 ? "postgres" : NULL;
}

static inline void start_agent(struct world *w)
{
	struct zt_collector_config cfg = {
		.source = {fake_walk, fake_get, fake_take, fake_counters, fake_now, &w->fake},
		.recent_cap = 8,
	};

	assert_int_equal(zt_history_open(&w->h, &w->cfg), 0);
	cfg.history = w->h;
	assert_int_equal(zt_collector_new(&w->c, &cfg), 0);
}

static inline void stop_agent(struct world *w)
{
	zt_collector_free(&w->c);
	zt_history_close(&w->h);
}

static inline int begin(void **state)
{
	struct world *w = calloc(1, sizeof(*w));

	w->fake.entries = calloc(FAKE_MAX, sizeof(*w->fake.entries));
	w->fake.now_ns = 1000 * S;
	w->wall_s = NOON;
	strcpy(w->dir, "/tmp/zt-history.XXXXXX");
	assert_non_null(mkdtemp(w->dir));
	snprintf(w->path, sizeof(w->path), "%s/flows.db", w->dir);
	w->cfg = (struct zt_history_config){
		.path = w->path,
		.generation = "boot 1",
		.names = names_of,
		.user = user_of,
		.wall = wall,
		.ctx = w,
		.gap_s = 7200,
	};
	start_agent(w);
	*state = w;
	return 0;
}

static inline int end(void **state)
{
	struct world *w = *state;
	char command[128];

	stop_agent(w);
	snprintf(command, sizeof(command), "rm -rf '%s'", w->dir);
	assert_int_equal(system(command), 0);
	free(w->fake.entries);
	free(w);
	return 0;
}

static inline void pass(struct world *w, int64_t seconds)
{
	w->fake.now_ns += (uint64_t)seconds * S;
	w->wall_s += seconds;
}

static inline void record(struct world *w)
{
	assert_int_equal(zt_collector_record(w->c, SYNC_MS), 0);
}

static inline struct fake_entry *living(struct world *w, uint16_t port)
{
	struct zt_flow flow =
		flow_of(ZT_DIR_OUT, ZT_STATE_ESTABLISHED, w->fake.now_ns, w->fake.now_ns);

	return put(&w->fake, ZT_IN_FLOWS, key_of("10.0.0.1", port, "10.0.0.2", 443, IPPROTO_TCP),
		   flow);
}

static inline void traffic(struct world *w, struct fake_entry *e, uint64_t bytes)
{
	e->flow.bytes[ZT_DIR_OUT] += bytes;
	e->flow.packets[ZT_DIR_OUT]++;
	e->flow.last_ns = w->fake.now_ns;
}

struct sum {
	uint64_t rows, connections, out, in, packets;
	int64_t first_s, last_s;
	struct zt_history_edge last;   /* its strings are gone */
	struct zt_history_edge secret; /* the last one that was encrypted */
	char unit[ZT_UNIT_LEN], user[32], rule[2][ZT_NAME_LEN], host[32];
	uint8_t action[2];
	struct zt_owner owner;
	size_t hint_count;
	char hints[ZT_HINTS_SHOWN][256]; /* of the last destination */
};

static inline int add_edge(const struct zt_history_edge *edge, void *ctx)
{
	struct sum *sum = ctx;

	assert_true(edge->first_s <= edge->last_s);
	sum->rows++;
	sum->connections += edge->connections;
	sum->out += edge->bytes[ZT_TO_DST];
	sum->in += edge->bytes[ZT_TO_SRC];
	sum->packets += edge->packets[ZT_TO_DST];
	if (!sum->first_s || edge->first_s < sum->first_s)
		sum->first_s = edge->first_s;
	if (edge->last_s > sum->last_s)
		sum->last_s = edge->last_s;
	sum->last = *edge;
	if (edge->encryption > ZT_ENC_PLAINTEXT)
		sum->secret = *edge;
	if (edge->src.owner) {
		sum->owner = *edge->src.owner;
		memcpy(sum->unit, edge->src.owner->unit, ZT_UNIT_LEN);
	}
	if (edge->src.user)
		snprintf(sum->user, sizeof(sum->user), "%s", edge->src.user);
	sum->hint_count = edge->dst.hint_count;
	for (size_t i = 0; i < edge->dst.hint_count; i++)
		snprintf(sum->hints[i], sizeof(sum->hints[i]), "%s", edge->dst.hints[i].name);
	if (edge->dst.host)
		snprintf(sum->host, sizeof(sum->host), "%s", edge->dst.host);
	for (int p = 0; p < 2; p++)
		snprintf(sum->rule[p], ZT_NAME_LEN, "%s", edge->rule[p]);
	return 0;
}

static inline struct sum sum_since(struct world *w, int64_t since_s)
{
	struct sum sum = {0};

	assert_int_equal(zt_history_each_edge(w->h, since_s, add_edge, &sum), 0);
	return sum;
}

static inline struct zt_history_days days_of(struct world *w)
{
	struct zt_history_days days;

	assert_int_equal(zt_history_days(w->h, 0, &days), 0);
	return days;
}

static inline struct zt_history_stats stats_of(struct world *w)
{
	struct zt_history_stats stats;

	zt_history_stats(w->h, &stats);
	return stats;
}

static inline void settle(struct world *w)
{
	assert_int_equal(zt_history_settle(w->h, SYNC_MS), 0);
}

/* What a window says: all its edges, and what it was widened to. */
static inline struct sum sum_of(struct zt_history *h, int64_t since_s, int64_t until_s,
				struct zt_history_window *ret)
{
	struct zt_history_cursor *c = NULL;
	struct sum sum = {0};
	int r;

	assert_int_equal(zt_history_cursor_open(&c, h, since_s, until_s), 0);
	if (ret)
		zt_history_cursor_window(c, ret);
	do {
		r = zt_history_cursor_next(c, 0, add_edge, &sum);
	} while (r == 1);
	assert_int_equal(r, 0);
	zt_history_cursor_close(&c);
	return sum;
}

static inline size_t count_files(struct world *w, const char *pattern)
{
	char path[160];
	glob_t found;
	size_t count;

	snprintf(path, sizeof(path), "%s/%s", w->dir, pattern);
	count = glob(path, 0, NULL, &found) ? 0 : found.gl_pathc;
	globfree(&found);
	return count;
}

static inline void sql(const char *path, const char *text)
{
	sqlite3 *db = NULL;

	assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
	assert_int_equal(sqlite3_exec(db, text, NULL, NULL, NULL), SQLITE_OK);
	sqlite3_close(db);
}

static inline void add_scan(struct world *w, int from, int count, uint8_t state)
{
	for (int i = from; i < from + count; i++) {
		char far[32];

		snprintf(far, sizeof(far), "10.%d.%d.%d", 1 + i / 40000, i / 200 % 200, i % 200);
		put(&w->fake, ZT_IN_OPENINGS, key_of("10.0.0.1", 22, far, 4000, IPPROTO_TCP),
		    flow_of(ZT_DIR_IN, state, w->fake.now_ns, w->fake.now_ns));
	}
}

static inline int64_t number(struct world *w, const char *query)
{
	sqlite3_stmt *q = NULL;
	sqlite3 *db = NULL;
	int64_t value;

	assert_int_equal(sqlite3_open(w->path, &db), SQLITE_OK);
	assert_int_equal(sqlite3_prepare_v2(db, query, -1, &q, NULL), SQLITE_OK);
	assert_int_equal(sqlite3_step(q), SQLITE_ROW);
	value = sqlite3_column_int64(q, 0);
	sqlite3_finalize(q);
	sqlite3_close(db);
	return value;
}

/* A byte more every hour, from NOON on. */
static inline struct fake_entry *hours(struct world *w, struct fake_entry *e, int count)
{
	e = e ?: living(w, 1000);
	for (int hour = 0; hour < count; hour++) {
		traffic(w, e, 1);
		record(w);
		pass(w, HOUR);
	}
	settle(w);
	return e;
}

static inline void with(struct world *w, void (*change)(struct zt_history_config *cfg))
{
	stop_agent(w);
	change(&w->cfg);
	start_agent(w);
}

#define WORLD(f) cmocka_unit_test_setup_teardown(f, begin, end)
