/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_map.c - the map engine: what it reads and refuses, merging against the truth, comparing.
 *
 * Traffic between three hosts is made up; each host's view of it is written as the map that its
 * agent would have saved. Merged, the views must give the traffic again.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/json.h"
#include "ctl/map/map.h"

#define HOSTS  3
#define ROUNDS 200
#define TALKS  12
#define OWNERS 3
#define WINDOW "{\"from\":\"2026-11-20T00:00:00.000Z\",\"to\":\"2026-11-21T00:00:00.000Z\"}"
#define ALLOW  "{\"action\":\"allow\",\"rule\":\"r\"}"
#define DENY   "{\"action\":\"deny\",\"rule\":\"no\"}"

/* Connections of one kind between two hosts, as they were. */
struct talk {
	int src, dst, port, src_owner, dst_owner;
	bool src_denies, dst_denies;
	unsigned int connections, bytes;
};

static unsigned int state;

static unsigned int roll(unsigned int sides)
{
	state = state * 1103515245u + 12345u;
	return (state >> 16) % sides;
}

static void put_edge(FILE *out, const struct talk *t, int viewer, bool first)
{
	bool deny = viewer == t->src ? t->src_denies : t->dst_denies;
	int owner = viewer == t->src ? t->src_owner : t->dst_owner;
	/* What was denied at this end has no answer. */
	unsigned int back = deny ? 0 : t->bytes;

	fprintf(out,
		"%s{\"src\":\"address:10.0.0.%d\",\"dst\":\"address:10.0.0.%d\",\"proto\":\"tcp\","
		"\"port\":%d,\"workload\":{\"unit\":\"h%d-%d.service\",\"cgroup\":\"/\",\"uid\":0},"
		"\"verdict\":{\"live\":%s,\"candidate\":%s},\"connections\":%u,"
		"\"bytes\":{\"to_dst\":%u,\"to_src\":%u},\"packets\":{\"to_dst\":1,\"to_src\":1},"
		"\"encryption\":{\"tls\":%u,\"plaintext\":0,\"unknown\":0},"
		"\"protocols\":{\"tls1.3\":%u},\"kind\":\"local\","
		"\"first_seen\":\"2026-11-20T10:00:00.000Z\","
		"\"last_seen\":\"2026-11-20T11:00:00.000Z\"}",
		first ? "" : ",", t->src + 1, t->dst + 1, t->port, viewer, owner,
		deny ? DENY : ALLOW, deny ? DENY : ALLOW, t->connections, t->bytes, back,
		t->connections, t->connections);
}

/* The map that this host would save. */
static char *view_of(int viewer, const struct talk *talks, size_t count)
{
	char *text = NULL;
	size_t size;
	FILE *out = open_memstream(&text, &size);
	bool first = true;

	fprintf(out,
		"{\"by\":\"address\",\"view\":{\"host\":\"h%d\",\"started\":null,\"source\":\"agent\"},"
		"\"window\":" WINDOW ",\"nodes\":[",
		viewer);
	for (int h = 0; h < HOSTS; h++)
		fprintf(out,
			"%s{\"id\":\"address:10.0.0.%d\",\"kind\":\"address\",\"name\":\"10.0.0.%d\","
			"\"segments\":[],\"labels\":{},\"near\":%s}",
			h ? "," : "", h + 1, h + 1, h == viewer ? "true" : "false");
	fprintf(out, "],\"edges\":[");
	for (size_t i = 0; i < count; i++) {
		const struct talk *t = &talks[i];

		/* What its sender denied never arrives. */
		if (t->src == viewer || (t->dst == viewer && !t->src_denies)) {
			put_edge(out, t, viewer, first);
			first = false;
		}
	}
	fprintf(out, "],\"matched\":0,\"losses\":{}}");
	fclose(out);
	return text;
}

static struct ztc_map *read_text(struct ztc_pool *pool, const char *text)
{
	zt_auto(zt_strbuf_free) struct zt_strbuf why = ZT_STRBUF_INIT;
	struct ztc_map *map = NULL;

	if (ztc_map_read(&map, pool, text, strlen(text), "map", &why) < 0)
		fail_msg("%s", zt_strbuf_text(&why));
	return map;
}

static json_t *merged(struct ztc_pool *pool, char *const *texts, const int *order, size_t count)
{
	zt_auto(zt_strbuf_free) struct zt_strbuf why = ZT_STRBUF_INIT;
	struct ztc_map *maps[8] = {NULL}, *map = NULL;
	json_t *json;

	for (size_t i = 0; i < count; i++)
		maps[i] = read_text(pool, texts[order[i]]);
	assert_int_equal(ztc_map_merge(&map, maps, count, &why), 0);
	json = ztc_map_json(map);
	assert_non_null(json);
	for (size_t i = 0; i < count; i++)
		ztc_map_free(&maps[i]);
	ztc_map_free(&map);
	return json;
}

static int64_t number(const json_t *object, const char *key)
{
	return json_integer_value(json_object_get(object, key));
}

static const char *text(const json_t *object, const char *key)
{
	const char *value = json_string_value(json_object_get(object, key));

	return value ? value : "";
}

/* --- merging ---------------------------------------------------------------------------------- */

static bool same_key(const struct talk *t, const json_t *edge)
{
	char src[32], dst[32];

	snprintf(src, sizeof(src), "address:10.0.0.%d", t->src + 1);
	snprintf(dst, sizeof(dst), "address:10.0.0.%d", t->dst + 1);
	return !strcmp(src, text(edge, "src")) && !strcmp(dst, text(edge, "dst")) &&
	       number(edge, "port") == t->port;
}

static bool denied(const json_t *edge)
{
	return !strcmp(text(json_object_get(json_object_get(edge, "verdict"), "live"), "action"),
		       "deny");
}

/* Connections, and those denied, of one service between two hosts: merged and in truth. */
static void compare_totals(const json_t *map, const struct talk *talks, size_t count,
			   const struct talk *key, bool verdicts)
{
	int64_t seen = 0, refused = 0, bytes = 0, true_seen = 0, true_refused = 0, true_bytes = 0;
	json_t *edge;
	size_t i;

	json_array_foreach (json_object_get(map, "edges"), i, edge) {
		if (!same_key(key, edge))
			continue;
		seen += number(edge, "connections");
		bytes += number(json_object_get(edge, "bytes"), "to_dst");
		refused += denied(edge) ? number(edge, "connections") : 0;
	}
	for (i = 0; i < count; i++) {
		const struct talk *t = &talks[i];

		if (t->src != key->src || t->dst != key->dst || t->port != key->port)
			continue;
		true_seen += t->connections;
		true_bytes += t->bytes;
		true_refused += t->src_denies || t->dst_denies ? t->connections : 0;
	}
	assert_int_equal(seen, true_seen);
	assert_int_equal(bytes, true_bytes);
	if (verdicts)
		assert_int_equal(refused, true_refused);
}

/* Is there a row with both owners of this talk, and its verdict? */
static bool has_row(const json_t *map, const struct talk *t)
{
	char src[32], dst[32];
	json_t *edge;
	size_t i;

	snprintf(src, sizeof(src), "h%d-%d.service", t->src, t->src_owner);
	snprintf(dst, sizeof(dst), "h%d-%d.service", t->dst, t->dst_owner);
	json_array_foreach (json_object_get(map, "edges"), i, edge) {
		if (same_key(t, edge) &&
		    !strcmp(text(json_object_get(edge, "workload"), "unit"), src) &&
		    (t->src_denies ||
		     !strcmp(text(json_object_get(edge, "dst_workload"), "unit"), dst)) &&
		    denied(edge) == (t->src_denies || t->dst_denies) &&
		    number(edge, "connections") > 0)
			return true;
	}
	return false;
}

/* @ends: how many ends of one service may have several owners and verdicts. */
static size_t make_talks(struct talk *talks, int ends)
{
	size_t count = 0;

	while (count < TALKS) {
		struct talk *t = &talks[count];
		bool several_src, several_dst;

		t->src = (int)roll(HOSTS);
		t->dst = (int)((unsigned int)t->src + 1 + roll(HOSTS - 1)) % HOSTS;
		t->port = 80 + (int)roll(2);
		several_src = ends == 2 || (t->src + t->dst + t->port) % 2;
		several_dst = ends == 2 || !several_src;
		t->src_owner = several_src ? (int)roll(OWNERS) : 0;
		t->dst_owner = several_dst ? (int)roll(OWNERS) : 0;
		t->src_denies = several_src && roll(4) == 0;
		t->dst_denies = several_dst && roll(4) == 0;
		t->connections = 1 + roll(1000);
		t->bytes = t->connections * 10;
		count++;
	}
	return count;
}

static void check_round(const struct talk *talks, size_t count, int ends)
{
	static const int orders[][HOSTS] = {{0, 1, 2}, {2, 1, 0}, {1, 2, 0}};
	static const int twice[] = {0, 1, 0, 2, 1, 2};
	zt_auto(ztc_pool_free) struct ztc_pool *pool = NULL;
	char *views[HOSTS];
	json_t *map, *other;

	assert_int_equal(ztc_pool_new(&pool), 0);
	for (int h = 0; h < HOSTS; h++)
		views[h] = view_of(h, talks, count);
	map = merged(pool, views, orders[0], HOSTS);
	for (size_t i = 0; i < count; i++) {
		compare_totals(map, talks, count, &talks[i], ends == 1);
		if (ends == 1)
			assert_true(has_row(map, &talks[i]));
	}
	for (size_t o = 1; o < ARRAY_SIZE(orders); o++) {
		other = merged(pool, views, orders[o], HOSTS);
		assert_true(json_equal(map, other));
		json_decref(other);
	}
	other = merged(pool, views, twice, ARRAY_SIZE(twice));
	assert_true(json_equal(map, other));
	json_decref(other);
	json_decref(map);
	for (int h = 0; h < HOSTS; h++)
		free(views[h]);
}

static void merge_is_the_truth(void **unused)
{
	struct talk talks[TALKS];

	(void)unused;
	for (unsigned int i = 0; i < ROUNDS; i++) {
		int ends = 1 + (int)(i % 2);

		state = i + 1;
		check_round(talks, make_talks(talks, ends), ends);
	}
}

static json_t *merge_two(const char *a, const char *b)
{
	zt_auto(ztc_pool_free) struct ztc_pool *pool = NULL;
	char *const texts[] = {(char *)a, (char *)b};
	static const int order[] = {0, 1};

	assert_int_equal(ztc_pool_new(&pool), 0);
	return merged(pool, texts, order, 2);
}

/* The i-th disagreement's kind; "" when there are not so many. */
static const char *disagreement(const json_t *map, size_t i)
{
	return text(json_array_get(json_object_get(map, "disagreements"), i), "kind");
}

static void ends_that_disagree(void **unused)
{
	const struct talk seen = {.src = 0, .dst = 1, .port = 80, .connections = 100, .bytes = 9};
	struct talk other = seen;
	char *a, *b;
	json_t *map;

	(void)unused;
	/* One end alone. */
	a = view_of(0, &seen, 1);
	b = view_of(1, NULL, 0);
	map = merge_two(a, b);
	assert_string_equal(disagreement(map, 0), "one-end");
	assert_string_equal(
		text(json_array_get(json_object_get(map, "disagreements"), 0), "not_seen_by"),
		"h1");
	json_decref(map);
	free(b);
	/* The destination denies what the source let go. */
	other.dst_denies = true;
	b = view_of(1, &other, 1);
	map = merge_two(a, b);
	assert_string_equal(disagreement(map, 0), "verdict");
	assert_true(denied(json_array_get(json_object_get(map, "edges"), 0)));
	json_decref(map);
	free(b);
	/* Counts that are far apart; the larger one stands. */
	other = seen;
	other.connections = 10;
	b = view_of(1, &other, 1);
	map = merge_two(a, b);
	assert_string_equal(disagreement(map, 0), "connections");
	assert_int_equal(number(json_array_get(json_object_get(map, "edges"), 0), "connections"),
			 100);
	json_decref(map);
	free(b);
	/* What the source denied never arrives: nobody disagrees. */
	other = seen;
	other.src_denies = true;
	free(a);
	a = view_of(0, &other, 1);
	b = view_of(1, &other, 1);
	map = merge_two(a, b);
	assert_string_equal(disagreement(map, 0), "");
	json_decref(map);
	free(a);
	free(b);
}

/* --- comparing -------------------------------------------------------------------------------- */

static json_t *diff_of(struct ztc_pool *pool, const char *a, const char *b)
{
	const struct ztc_diff_how how = {.factor = 2, .floor_bytes = 1000};
	const struct ztc_map_by by = {.kind = ZTC_BY_HOST};
	struct ztc_map *maps[2], *grouped[2] = {NULL, NULL};
	json_t *diff = NULL;

	for (int i = 0; i < 2; i++) {
		maps[i] = read_text(pool, i ? b : a);
		assert_int_equal(ztc_map_group(&grouped[i], maps[i], &by), 0);
	}
	assert_int_equal(ztc_map_diff(&diff, grouped[0], grouped[1], &how), 0);
	for (int i = 0; i < 2; i++) {
		ztc_map_free(&maps[i]);
		ztc_map_free(&grouped[i]);
	}
	return diff;
}

/* A row as the other direction has it. */
static json_t *turned(json_t *row)
{
	json_t *copy = json_deep_copy(row);

	json_object_set(copy, "before", json_object_get(row, "after"));
	json_object_set(copy, "after", json_object_get(row, "before"));
	json_object_del(copy, "worse");
	/* Owners are those of the newer side. */
	json_object_del(copy, "src_workload");
	json_object_del(copy, "dst_workload");
	return copy;
}

static void mirrors(const json_t *forth, const char *a, const json_t *back, const char *b)
{
	json_t *x = json_object_get(forth, a), *y = json_object_get(back, b), *row;
	size_t i;

	assert_int_equal(json_array_size(x), json_array_size(y));
	json_array_foreach (x, i, row) {
		json_t *once = turned(row), *other = json_deep_copy(json_array_get(y, i));

		json_object_del(other, "worse");
		json_object_del(other, "src_workload");
		json_object_del(other, "dst_workload");
		assert_true(json_equal(once, other));
		json_decref(once);
		json_decref(other);
	}
}

static void diff_mirrors(void **unused)
{
	(void)unused;
	for (unsigned int i = 0; i < ROUNDS; i++) {
		zt_auto(ztc_pool_free) struct ztc_pool *pool = NULL;
		zt_auto(zt_json_decref) json_t *forth = NULL;
		zt_auto(zt_json_decref) json_t *back = NULL;
		zt_auto(zt_json_decref) json_t *none = NULL;
		zt_auto(zt_freep) char *a = NULL;
		zt_auto(zt_freep) char *b = NULL;
		struct talk talks[TALKS];

		state = i + 1;
		assert_int_equal(ztc_pool_new(&pool), 0);
		make_talks(talks, 2);
		a = view_of(0, talks, TALKS);
		make_talks(talks, 2);
		b = view_of(0, talks, TALKS / 2);
		forth = diff_of(pool, a, b);
		back = diff_of(pool, b, a);
		none = diff_of(pool, a, a);
		assert_int_equal(json_array_size(json_object_get(none, "appeared")) +
					 json_array_size(json_object_get(none, "gone")) +
					 json_array_size(json_object_get(none, "changed")),
				 0);
		mirrors(forth, "appeared", back, "gone");
		mirrors(forth, "gone", back, "appeared");
		mirrors(forth, "changed", back, "changed");
	}
}

static void diff_says_what_is_worse(void **unused)
{
	struct talk talk = {.src = 1, .dst = 0, .port = 80, .connections = 5, .bytes = 50};
	zt_auto(ztc_pool_free) struct ztc_pool *pool = NULL;
	zt_auto(zt_freep) char *plain = NULL;
	char *before, *after, *at;
	json_t *diff, *sum;

	(void)unused;
	assert_int_equal(ztc_pool_new(&pool), 0);
	talk.dst_denies = true;
	before = view_of(0, &talk, 1);
	talk.dst_denies = false;
	after = view_of(0, &talk, 1);
	diff = diff_of(pool, before, after);
	sum = json_object_get(diff, "summary");
	assert_int_equal(number(sum, "allowed_now"), 1);
	assert_true(json_is_true(json_object_get(sum, "fails")));
	json_decref(diff);
	/* Denied now is no reason to fail. */
	diff = diff_of(pool, after, before);
	assert_int_equal(number(json_object_get(diff, "summary"), "verdict"), 1);
	assert_false(json_is_true(json_object_get(json_object_get(diff, "summary"), "fails")));
	json_decref(diff);
	/* The same in the clear. */
	plain = strdup(after);
	at = strstr(plain, "\"tls\":5,\"plaintext\":0");
	assert_non_null(at);
	memcpy(at, "\"tls\":0,\"plaintext\":5", strlen("\"tls\":0,\"plaintext\":5"));
	diff = diff_of(pool, after, plain);
	sum = json_object_get(diff, "summary");
	assert_int_equal(number(sum, "encryption_lost"), 1);
	assert_int_equal(number(sum, "encryption"), 1);
	assert_true(json_is_true(json_object_get(sum, "fails")));
	json_decref(diff);
	free(before);
	free(after);
}

/* --- reading ---------------------------------------------------------------------------------- */

static void refuses(struct ztc_pool *pool, const char *bytes, size_t len, const char *expected)
{
	zt_auto(zt_strbuf_free) struct zt_strbuf why = ZT_STRBUF_INIT;
	struct ztc_map *map = NULL;

	assert_int_equal(ztc_map_read(&map, pool, bytes, len, "f.json", &why), -EINVAL);
	assert_null(map);
	if (!strstr(zt_strbuf_text(&why), expected))
		fail_msg("'%s' is not in '%s'", expected, zt_strbuf_text(&why));
}

static void bad_maps_are_refused(void **unused)
{
	static const struct {
		const char *text, *why;
	} bad[] = {
		{"", "f.json:1:1: this is not a map"},
		{"[1]", "f.json:1:1: this is not a map"},
		{"{\"a\": 1}", "no nodes, edges and window"},
		{"{\"format\": 2}", "f.json:1:12: a map of another version"},
		{"{\n \"nodes\": [{}]}", "f.json:2:12: a node has no id"},
		{"{\"nodes\": [], \"edges\": [], \"window\": " WINDOW "} x", "text goes on"},
		{"{\"nodes\": [", "cut short"},
		{"{\"nodes\": [{\"id\": \"a\"", "cut short"},
		{"{\"edges\": [{\"src\": 1}]}", "no src, dst and proto"},
		{"{\"nodes\": [] \"edges\": []}", "f.json:1:14: here ',' or '}'"},
		{"{\"nodes\": {}}", "here a list should stand"},
		{"{\"window\": \"\xff\"}", "f.json:1:"},
		{"{\"losses\": {\"a\": -1}}", "a loss is not a count"},
	};
	struct talk talks[TALKS];
	zt_auto(ztc_pool_free) struct ztc_pool *pool = NULL;
	zt_auto(zt_freep) char *good = NULL;

	(void)unused;
	assert_int_equal(ztc_pool_new(&pool), 0);
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
		refuses(pool, bad[i].text, strlen(bad[i].text), bad[i].why);
	/* Cut anywhere, a map is no map. */
	state = 7;
	make_talks(talks, 2);
	good = view_of(0, talks, TALKS);
	for (size_t len = 0; len < strlen(good); len++)
		refuses(pool, good, len, "f.json:1:");
}

static void what_is_written_reads_back(void **unused)
{
	static const char hostile[] =
		"{\"nodes\":[{\"id\":\"address:10.0.0.1\",\"kind\":\"address\",\"name\":\"10.0.0.1\","
		"\"near\":true,\"host\":\"a\\u0001\\\"\\\\ \\u202e\",\"segments\":[\"<b>\"],\"labels\":{},"
		"\"hints\":[{\"name\":\"x\",\"source\":\"dns\"}]}],\"window\":" WINDOW
		",\"edges\":[{"
		"\"src\":\"address:10.0.0.1\",\"dst\":\"address:10.0.0.1\",\"proto\":\"tcp\",\"port\":1,"
		"\"verdict\":{\"live\":" ALLOW ",\"candidate\":" DENY
		"},\"connections\":9223372036854775807,"
		"\"health\":{\"refused\":1,\"rtt\":[[0,1],[40,4294967295]]},"
		"\"workload\":{\"unit\":\"\\n;$(x)\",\"pid\":3,\"command\":\"c\"},\"kind\":\"loopback\"}]}";
	zt_auto(ztc_pool_free) struct ztc_pool *pool = NULL;
	zt_auto(zt_json_decref) json_t *once = NULL;
	zt_auto(zt_json_decref) json_t *again = NULL;
	zt_auto(ztc_map_free) struct ztc_map *map = NULL;
	zt_auto(ztc_map_free) struct ztc_map *back = NULL;
	zt_auto(zt_freep) char *dump = NULL;

	(void)unused;
	assert_int_equal(ztc_pool_new(&pool), 0);
	map = read_text(pool, hostile);
	once = ztc_map_json(map);
	assert_non_null(once);
	dump = json_dumps(once, 0);
	back = read_text(pool, dump);
	again = ztc_map_json(back);
	assert_true(json_equal(once, again));
	assert_string_equal(text(json_array_get(json_object_get(once, "nodes"), 0), "host"),
			    "a\x01\"\\ \xe2\x80\xae");
}

/* --- around --------------------------------------------------------------------------------------
 */

static void steps_around_a_segment(void **unused)
{
	/* h0 -> h1 -> h2, with h0 in segment "s". */
	static const struct talk talks[] = {
		{.src = 0, .dst = 1, .port = 80, .connections = 1},
		{.src = 1, .dst = 2, .port = 81, .connections = 1},
	};
	static const size_t edges_at[] = {1, 2, 2};

	(void)unused;
	for (unsigned int depth = 1; depth <= ARRAY_SIZE(edges_at); depth++) {
		zt_auto(ztc_pool_free) struct ztc_pool *pool = NULL;
		zt_auto(ztc_map_free) struct ztc_map *map = NULL;
		zt_auto(zt_freep) char *view = view_of(1, talks, ARRAY_SIZE(talks));

		assert_int_equal(ztc_pool_new(&pool), 0);
		map = read_text(pool, view);
		map->nodes[0].segments = json_pack("[s]", "s");
		assert_int_equal(ztc_map_around(map, "s", NULL, depth), 0);
		assert_int_equal(map->edge_count, edges_at[depth - 1]);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(merge_is_the_truth),
		cmocka_unit_test(ends_that_disagree),
		cmocka_unit_test(diff_mirrors),
		cmocka_unit_test(diff_says_what_is_worse),
		cmocka_unit_test(bad_maps_are_refused),
		cmocka_unit_test(what_is_written_reads_back),
		cmocka_unit_test(steps_around_a_segment),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
