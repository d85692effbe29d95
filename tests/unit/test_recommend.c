/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_recommend.c - whatever was recorded, the policy that is recommended from it denies none
 * of it, allows a service that was not seen to nobody, and does not depend on the input's order.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <errno.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/json.h"
#include "ctl/local.h"
#include "ctl/recommend/recommend.h"
#include "policy/compile.h"
#include "policy/judge.h"
#include "policy/rules.h"

#define ROUNDS	  300
#define NEVER	  "tcp/7" /* a service that no random edge has */
#define HOSTS_MAX 6

static uint64_t chance = 88172645463325252ULL;

static uint32_t pick(uint32_t n)
{
	chance ^= chance << 13;
	chance ^= chance >> 7;
	chance ^= chance << 17;
	return (uint32_t)((chance >> 32) % n);
}

#define PICK(list) ((list)[pick(ARRAY_SIZE(list))])

static const char *const strangers[] = {
	"203.0.113.1", "203.0.113.2",	  "203.0.113.3",  "203.0.113.4", "203.0.113.5",
	"203.0.113.9", "198.51.100.1",	  "198.51.100.2", "10.9.0.5",	 "10.9.0.6",
	"10.9.2.53",   "255.255.255.255", "224.0.0.251",  "ff02::fb",	 "2001:db8:9::1",
	"fe80::99",    "2001:db8:9::2",	  "10.0.0.77",	  "192.168.3.4", "10.255.255.9",
};
static const struct {
	const char *proto;
	uint16_t port;
} services[] = {
	{"tcp", 22},   {"tcp", 443},   {"tcp", 5432},  {"tcp", 8080},	{"udp", 53},
	{"tcp", 53},   {"udp", 123},   {"icmp", 8},    {"icmpv6", 128}, {"sctp", 0},
	{"tcp", 8081}, {"udp", 65535}, {"tcp", 65535}, {"udp", 514},	{"icmp", 0},
};
static const char *const units[] = {"a.service",       "b.service",	"db@1.service",
				    "session-3.scope", "run-1.service", NULL};

static void write_inventory(struct zt_strbuf *sb, uint32_t hosts)
{
	static const char *const roles[] = {"web", "db", "on", "\"12\"", "\"a b/c\""};
	static const char *const envs[] = {"prod", "test"};

	zt_strbuf_puts(sb, "version: 1\npolicy: inventory\nrevision: 4\nhosts:\n");
	for (uint32_t i = 0; i < hosts; i++) {
		zt_strbuf_printf(sb, "  h%u: {addresses: [10.0.0.%u, \"2001:db8::%u\"]", i, i + 1,
				 i + 1);
		if (pick(4))
			zt_strbuf_printf(sb, ", labels: {role: %s%s%s}", PICK(roles),
					 pick(2) ? ", env: " : ", zone: ", PICK(envs));
		zt_strbuf_puts(sb, "}\n");
	}
	zt_strbuf_puts(sb, "segments:\n  ops: {addresses: [10.9.0.0/24]}\n");
	if (pick(2))
		zt_strbuf_puts(sb, "  wide: {addresses: [10.0.0.0/8], except: [10.9.2.0/24]}\n");
	if (pick(2))
		zt_strbuf_puts(sb, "  dns-servers: {addresses: [192.0.2.77]}\n");
}

/* An address of host @h, as that host or another names it. */
static const char *address_of(uint32_t h, bool own, char buf[64])
{
	static const char *const more[] = {"fe80::1%u", "172.16.0.%u"};
	uint32_t form = pick(own ? 8 : 2);

	if (form < 6)
		snprintf(buf, 64, form % 2 ? "2001:db8::%u" : "10.0.0.%u", h + 1);
	else
		snprintf(buf, 64, form == 6 ? "fe80::1%u" : "172.16.0.%u", h + 1);
	(void)more;
	return buf;
}

static void add_node(json_t *nodes, const char *address, bool near)
{
	char id[80];
	json_t *node;
	size_t i;

	snprintf(id, sizeof(id), "address:%s", address);
	json_array_foreach (nodes, i, node) {
		if (strcmp(json_string_value(json_object_get(node, "id")), id) == 0)
			return;
	}
	json_array_append_new(nodes, json_pack("{s:s, s:s, s:s, s:[], s:{}, s:b}", "id", id, "kind",
					       "address", "name", address, "segments", "labels",
					       "near", near));
}

static json_t *random_edge(json_t *nodes, uint32_t self, uint32_t hosts)
{
	char own[64], other[64], src[80], dst[80], day[32];
	const char *unit = PICK(units), *far;
	uint32_t service = pick(ARRAY_SIZE(services));
	bool opens = pick(2), denied = pick(12) == 0;

	address_of(self, true, own);
	far = pick(2) || hosts < 2 ? PICK(strangers)
				   : address_of((self + 1 + pick(hosts - 1)) % hosts, false, other);
	if (!strchr(far, ':') != !strchr(own, ':'))
		snprintf(own, sizeof(own), strchr(far, ':') ? "2001:db8::%u" : "10.0.0.%u",
			 self + 1);
	/* Nothing comes from a group. */
	opens |= strncmp(far, "224.", 4) == 0 || strncmp(far, "255.", 4) == 0 ||
		 strncmp(far, "ff", 2) == 0;
	add_node(nodes, own, true);
	add_node(nodes, far, false);
	snprintf(src, sizeof(src), "address:%s", opens ? own : far);
	snprintf(dst, sizeof(dst), "address:%s", opens ? far : own);
	snprintf(day, sizeof(day), "2026-11-%02uT08:00:00.000Z", 1 + pick(28));
	return json_pack("{s:s, s:s, s:s, s:i, s:i, s:{s:i, s:i}, s:s, s:s, s:s, s:{s:{s:s, s:s}}, "
			 "s:{s:s*, s:s}}",
			 "src", src, "dst", dst, "proto", services[service].proto, "port",
			 (int)services[service].port, "connections", 1 + (int)pick(99), "packets",
			 "to_dst", 3, "to_src", (int)pick(2), "first_seen", day, "last_seen",
			 "2026-11-28T09:00:00.000Z", "kind", pick(15) ? "local" : "loopback",
			 "verdict", "live", "action", denied ? "deny" : "allow", "rule",
			 pick(15) ? "default-allow" : "dhcp", "workload", "unit", unit, "user",
			 "root\x1b[31m");
}

static json_t *random_map(uint32_t self, uint32_t hosts, uint32_t edges)
{
	json_t *nodes = json_array(), *list = json_array();

	for (uint32_t i = 0; i < edges; i++)
		json_array_append_new(list, random_edge(nodes, self, hosts));
	return json_pack("{s:o, s:o}", "nodes", nodes, "edges", list);
}

static json_t *shuffled(const json_t *list)
{
	json_t *copy = json_copy((json_t *)list);

	for (size_t i = json_array_size(copy); i > 1; i--) {
		size_t k = pick((uint32_t)i);
		json_t *a = json_incref(json_array_get(copy, i - 1));
		json_t *b = json_incref(json_array_get(copy, k));

		json_array_set_new(copy, i - 1, b);
		json_array_set_new(copy, k, a);
	}
	return copy;
}

static void recommend(struct ztc_rec *rec, json_t *const *maps, const char *const *machines,
		      size_t count, struct zt_strbuf *text)
{
	assert_int_equal(ztc_rec_init(rec), 0);
	for (size_t i = 0; i < count; i++)
		if (ztc_rec_add(rec, maps[i], machines[i]) < 0)
			fail_msg("%s", zt_strbuf_text(&rec->why));
	assert_int_equal(ztc_rec_make(rec), 0);
	assert_int_equal(ztc_rec_write(rec, text), 0);
}

/* A service that was never seen, to and from recorded hosts, is denied once all is enforced. */
static void check_least(const struct ztc_rec *rec, const char *text)
{
	zt_auto(zt_policy_free) struct zt_policy *policy = NULL;
	zt_auto(zt_rule_names_free) struct zt_rule_names *names = NULL;
	struct zt_port_range port;
	const char *why;

	assert_int_equal(zt_policy_parse(&policy, "r", text, strlen(text), NULL), 0);
	assert_int_equal(zt_rule_names_new(&names), 0);
	assert_int_equal(zt_port_parse(NEVER, &port, &why), 0);
	for (size_t h = 0; h < rec->host_count; h++) {
		zt_auto(zt_tables_free) struct zt_tables *tables = NULL;
		const struct ztc_rec_host *host = &rec->hosts[h];

		if (!host->recorded || host->segment == ZTC_REC_NONE)
			continue;
		assert_int_equal(ztc_compile_for(policy, host->name, NULL, names, &tables, NULL),
				 0);
		for (size_t i = 0; i < ARRAY_SIZE(strangers); i++) {
			struct zt_query q = {.near = host->addresses[0],
					     .dir = pick(2) ? ZT_DIR_IN : ZT_DIR_OUT,
					     .port_index = port.first};
			struct zt_answer answer;

			zt_addr_parse(strangers[i], &q.far);
			zt_tables_judge(tables, &q, &answer);
			assert_int_equal(answer.action[ZT_CANDIDATE], ZT_DENY);
			assert_int_equal(answer.action[ZT_LIVE], ZT_ALLOW);
		}
	}
}

static void one_round(uint32_t round)
{
	static const char *const machines[] = {"m0", "m1", "m2"};
	zt_auto(zt_strbuf_free) struct zt_strbuf inventory = ZT_STRBUF_INIT, text = ZT_STRBUF_INIT,
						 again = ZT_STRBUF_INIT, why = ZT_STRBUF_INIT;
	zt_auto(zt_policy_free) struct zt_policy *policy = NULL;
	zt_auto(ztc_rec_free) struct ztc_rec rec = {0}, other = {0};
	uint32_t hosts = 1 + pick(HOSTS_MAX);
	size_t count = 1 + pick(hosts < 3 ? hosts : 3), denied = 9;
	json_t *maps[3], *mixed[3];

	write_inventory(&inventory, pick(5) ? hosts : pick(hosts));
	if (pick(6)) {
		assert_int_equal(zt_policy_parse(&policy, "i", inventory.data, inventory.len, NULL),
				 0);
	}
	rec.inventory = other.inventory = policy;
	rec.exact = other.exact = pick(3) == 0;
	rec.min_connections = other.min_connections = pick(3) ? 0 : pick(50);
	for (uint32_t i = 0; i < count; i++) {
		maps[i] = random_map(i, hosts, 1 + pick(60));
		mixed[i] = json_pack("{s:o, s:o}", "nodes",
				     shuffled(json_object_get(maps[i], "nodes")), "edges",
				     shuffled(json_object_get(maps[i], "edges")));
	}
	recommend(&rec, maps, machines, count, &text);
	recommend(&other, mixed, machines, count, &again);
	if (ztc_rec_verify(&rec, zt_strbuf_text(&text), &denied, &why) < 0 || denied)
		fail_msg("round %u: %zu denied: %s\n%s", round, denied, zt_strbuf_text(&why),
			 zt_strbuf_text(&text));
	if (strcmp(zt_strbuf_text(&text), zt_strbuf_text(&again)) != 0)
		fail_msg("round %u: another order, another text:\n%s\n---\n%s", round,
			 zt_strbuf_text(&text), zt_strbuf_text(&again));
	check_least(&rec, zt_strbuf_text(&text));
	for (size_t i = 0; i < count; i++) {
		json_decref(maps[i]);
		json_decref(mixed[i]);
	}
}

static void test_property(void **state)
{
	(void)state;
	for (uint32_t i = 0; i < ROUNDS; i++)
		one_round(i);
}

/* A judge that finds nothing wrong must be able to find something wrong. */
static void test_verify_can_fail(void **state)
{
	zt_auto(zt_strbuf_free) struct zt_strbuf text = ZT_STRBUF_INIT, why = ZT_STRBUF_INIT;
	zt_auto(ztc_rec_free) struct ztc_rec rec = {0};
	static const char *const machine[] = {"m"};
	json_t *nodes = json_array();
	zt_auto(zt_json_decref) json_t *map = NULL;
	char *port;
	size_t denied = 0;

	(void)state;
	add_node(nodes, "10.0.0.1", true);
	add_node(nodes, "203.0.113.1", false);
	map = json_pack("{s:o, s:[{s:s, s:s, s:s, s:i, s:i, s:s, s:s}]}", "nodes", nodes, "edges",
			"src", "address:203.0.113.1", "dst", "address:10.0.0.1", "proto", "tcp",
			"port", 8080, "connections", 1, "first_seen", "2026-11-01T00:00:00.000Z",
			"last_seen", "2026-11-01T00:00:00.000Z");
	recommend(&rec, &map, machine, 1, &text);
	assert_int_equal(ztc_rec_verify(&rec, text.data, &denied, &why), 0);
	assert_int_equal(denied, 0);
	port = strstr(text.data, "tcp/8080");
	assert_non_null(port);
	memcpy(port, "tcp/8081", 8);
	assert_int_equal(ztc_rec_verify(&rec, text.data, &denied, &why), 0);
	assert_int_equal(denied, 1);
	assert_non_null(strstr(zt_strbuf_text(&why), "boundary:m:in"));
}

/* Maps that are none, or hostile: refused with a sentence, never taken. */
static void test_bad_maps(void **state)
{
	static const char *const maps[] = {
		"{}",
		"[]",
		"{\"nodes\": [], \"edges\": {}}",
		"{\"nodes\": [{\"id\": \"x\", \"kind\": \"segment\", \"name\": \"web\"}], \"edges\": []}",
		"{\"nodes\": [{\"id\": \"x\", \"kind\": \"address\", \"name\": \"10.0.0.999\"}], "
		"\"edges\": []}",
		"{\"nodes\": [{\"id\": \"x\", \"kind\": \"address\", \"name\": \"10.0.0.1\"}, {\"id\": "
		"\"x\", \"kind\": \"address\", \"name\": \"10.0.0.2\"}], \"edges\": []}",
		"{\"nodes\": [], \"edges\": [{\"src\": \"a\", \"dst\": \"b\", \"proto\": \"tcp\", "
		"\"port\": 1}]}",
		"{\"nodes\": [{\"id\": \"a\", \"kind\": \"address\", \"name\": \"10.0.0.1\"}], \"edges\": "
		"[{\"src\": \"a\", \"dst\": \"a\", \"proto\": \"tcp\", \"port\": 70000}]}",
		"{\"nodes\": [{\"id\": \"a\", \"kind\": \"address\", \"name\": \"10.0.0.1\"}], \"edges\": "
		"[{\"src\": \"a\", \"dst\": \"a\", \"proto\": \"none\", \"port\": 7}]}",
		"{\"nodes\": [null, 7, \"x\"], \"edges\": [null]}",
		"{\"nodes\": [], \"edges\": [7]}",
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(maps); i++) {
		zt_auto(ztc_rec_free) struct ztc_rec rec = {0};
		zt_auto(zt_json_decref) json_t *map = json_loads(maps[i], 0, NULL);

		assert_non_null(map);
		assert_int_equal(ztc_rec_init(&rec), 0);
		assert_int_equal(ztc_rec_add(&rec, map, "m"), -EINVAL);
		assert_true(rec.why.len > 0);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_verify_can_fail),
		cmocka_unit_test(test_bad_maps),
		cmocka_unit_test(test_property),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
