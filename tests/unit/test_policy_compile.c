/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_policy_compile.c - one sentence of the language after the other, compiled and judged.
 *
 * The property test compares whole policies; here each meaning is spelled out
 * once, with what people see: rule ids and actions.
 */
#include "policy_bench.h"

/* --- what statements mean ----------------------------------------------- */

static void test_empty(void **state)
{
	zt_auto(bench_free) struct bench b = {0};

	(void)state;
	assert_int_equal(zt_policy_empty(&b.policy), 0);
	assert_int_equal(zt_rule_names_new(&b.names), 0);
	assert_int_equal(zt_policy_compile(b.policy, &b.env, b.names, &b.tables, &b.diag), 0);
	assert_int_equal(b.diag.count, 0);
	assert_int_equal(b.tables->meta.flags, 0);
	assert_int_equal(b.tables->addr_count + b.tables->net_count + b.tables->pair_count, 0);
	assert_int_equal(b.tables->cell_count, 1);
	expect(&b, "10.0.0.1", IN, "8.8.8.8", "tcp/22", "allow default-allow", NULL);
	expect(&b, "2001:db8::1", OUT, "2001:db8::2", "proto/132", "allow default-allow", NULL);
}

/* Item 3-1: hosts of one segment cannot reach each other unless a rule names the pair. */
static void test_same_segment(void **state)
{
	zt_auto(bench_free) struct bench b = {0};

	(void)state;
	must_compile(&b,
		     INVENTORY "boundaries:\n  - {segment: web, inbound: deny}\n"
			       "rules:\n  - {id: https, from: ops, to: web, ports: [tcp/443]}\n",
		     "web1");
	expect(&b, "10.0.1.1", IN, "10.0.1.2", "tcp/80", "deny boundary:web:in", NULL);
	expect(&b, "10.0.1.1", OUT, "10.0.1.2", "tcp/80", "deny boundary:web:in", NULL);
	expect(&b, "10.0.1.1", IN, "10.9.0.7", "tcp/443", "allow https", NULL);
	expect(&b, "10.0.1.1", IN, "10.9.0.7", "tcp/80", "deny boundary:web:in", NULL);
	expect(&b, "10.0.1.1", IN, "8.8.8.8", "tcp/443", "deny boundary:web:in", NULL);
	expect(&b, "10.0.1.1", OUT, "8.8.8.8", "tcp/443", "allow default-allow", NULL);
	assert_true(b.tables->meta.flags & ZT_META_ENFORCED);
}

/* An allow rule lifts the boundaries of both its ends. */
static void test_both_boundaries(void **state)
{
	static const char text[] = INVENTORY
		"boundaries:\n  - {segment: web, outbound: deny}\n  - {segment: db, inbound: deny}\n"
		"rules:\n  - {id: sql, from: web, to: db, ports: [tcp/5432]}\n";

	(void)state;
	for (int i = 0; i < 2; i++) {
		zt_auto(bench_free) struct bench b = {0};
		const char *near = i ? "10.0.2.1" : "10.0.1.1", *far = i ? "10.0.1.1" : "10.0.2.1";

		must_compile(&b, text, i ? "db1" : "web1");
		expect(&b, near, i ? IN : OUT, far, "tcp/5432", "allow sql", NULL);
		expect(&b, near, i ? OUT : IN, far, "tcp/5432", "allow default-allow", NULL);
		/* Both boundaries speak; the first in the file is named. */
		expect(&b, near, i ? IN : OUT, far, "tcp/80", "deny boundary:web:out", NULL);
	}
}

static void test_order(void **state)
{
	zt_auto(bench_free) struct bench b = {0};

	(void)state;
	must_compile(&b,
		     INVENTORY
		     "boundaries:\n  - {segment: web, inbound: deny}\n"
		     "rules:\n"
		     "  - {id: allow1, from: any, to: web, ports: [tcp/1-1000]}\n"
		     "  - {id: allow2, from: ops, to: web, ports: [tcp/22]}\n"
		     "  - {id: deny1, action: deny, from: any, to: any, ports: [tcp/23]}\n"
		     "failsafe:\n"
		     "  - {id: safe, from: [10.9.0.0/28], to: this-host, "
		     "ports: [tcp/22-23, tcp/2000]}\n",
		     "web1");
	expect(&b, "10.0.1.1", IN, "10.9.0.1", "tcp/22", "allow allow1", NULL);
	assert_int_equal(b.a.failsafe, 0);
	expect(&b, "10.0.1.1", IN, "10.9.0.1", "tcp/23", "allow safe", NULL);
	assert_int_equal(b.a.failsafe, 1);
	assert_int_equal(b.a.rank[ZT_LIVE], ZT_RANK_FAILSAFE);
	expect(&b, "10.0.1.1", IN, "10.9.0.1", "tcp/2000", "allow safe", NULL);
	expect(&b, "10.0.1.1", IN, "10.9.0.99", "tcp/23", "deny deny1", NULL);
	expect(&b, "10.0.1.1", IN, "10.9.0.99", "tcp/2000", "deny boundary:web:in", NULL);
	expect(&b, "10.0.1.1", OUT, "10.9.0.1", "tcp/23", "deny deny1", NULL);
}

static void test_modes(void **state)
{
	zt_auto(bench_free) struct bench b = {0};

	(void)state;
	must_compile(&b,
		     INVENTORY "boundaries:\n"
			       "  - {segment: web, inbound: deny, mode: staged, existing: reset}\n"
			       "rules:\n"
			       "  - {id: no, action: deny, from: any, to: web, ports: [tcp/23], "
			       "existing: keep}\n"
			       "  - {id: yes, from: ops, to: web, ports: [tcp/22], mode: staged}\n",
		     "web1");
	expect(&b, "10.0.1.1", IN, "8.8.8.8", "tcp/80", "allow default-allow",
	       "deny boundary:web:in");
	assert_int_equal(b.a.existing[ZT_CANDIDATE], ZT_EXISTING_RESET);
	expect(&b, "10.0.1.1", IN, "10.9.0.1", "tcp/22", "allow default-allow", "allow yes");
	expect(&b, "10.0.1.1", IN, "10.9.0.1", "tcp/23", "deny no", NULL);
	assert_int_equal(b.a.existing[ZT_LIVE], ZT_EXISTING_KEEP);
	assert_int_equal(b.tables->enforced_count, 1);
	assert_int_equal(b.tables->staged_count, 2);
}

static void test_all_staged(void **state)
{
	zt_auto(bench_free) struct bench b = {0};

	(void)state;
	must_compile(&b,
		     INVENTORY "boundaries:\n  - {segment: web, inbound: deny, mode: staged}\n"
			       "rules:\n  - {id: a, from: any, to: web, ports: [tcp/1]}\n",
		     "web1");
	/* Only an allow is enforced: the parser's own denies must not drop either. */
	assert_false(b.tables->meta.flags & ZT_META_ENFORCED);
}

static void test_unknown(void **state)
{
	zt_auto(bench_free) struct bench b = {0};

	(void)state;
	must_compile(&b,
		     INVENTORY "boundaries:\n  - {segment: web, inbound: deny}\n"
			       "rules:\n"
			       "  - {id: any-443, from: any, to: web, ports: [tcp/443]}\n"
			       "  - {id: strangers, action: deny, from: unknown, to: web, "
			       "ports: [tcp/444]}\n"
			       "  - {id: friends, from: any, to: web, ports: [tcp/444]}\n",
		     "web1");
	expect(&b, "10.0.1.1", IN, "8.8.8.8", "tcp/443", "allow any-443", NULL);
	expect(&b, "10.0.1.1", IN, "8.8.8.8", "tcp/444", "deny strangers", NULL);
	expect(&b, "10.0.1.1", IN, "10.9.0.1", "tcp/444", "allow friends", NULL);
}

/* A VIP, a DHCP, a link-local or a broadcast address is no way around a boundary. */
static void test_near_end(void **state)
{
	static const char *const ways[] = {"10.0.1.1",	    "10.0.1.200", "fe80::1",
					   "224.0.0.251",   "ff02::fb",	  "255.255.255.255",
					   "192.168.99.99", "10.0.1.255"};
	zt_auto(bench_free) struct bench b = {0};
	struct zt_addr broadcast;

	(void)state;
	add_local(&b, "10.0.1.1");
	add_local(&b, "10.0.1.200");
	add_local(&b, "fe80::1");
	zt_addr_parse("10.0.1.255", &broadcast);
	b.env.broadcasts = &broadcast;
	b.env.broadcast_count = 1;
	must_compile(&b,
		     INVENTORY "  vip: {addresses: [10.0.1.200]}\n"
			       "boundaries:\n  - {segment: web, inbound: deny}\n"
			       "rules:\n"
			       "  - {id: to-vip, from: any, to: vip, ports: [tcp/443]}\n"
			       "  - {id: mdns, from: any, to: multicast, ports: [udp/5353]}\n"
			       "  - {id: wol, from: any, to: broadcast, ports: [udp/9]}\n",
		     "web1");
	for (size_t i = 0; i < ARRAY_SIZE(ways); i++)
		expect(&b, ways[i], IN, "8.8.8.8", "udp/7", "deny boundary:web:in", NULL);
	expect(&b, "10.0.1.200", IN, "8.8.8.8", "tcp/443", "allow to-vip", NULL);
	expect(&b, "10.0.1.1", IN, "8.8.8.8", "tcp/443", "deny boundary:web:in", NULL);
	expect(&b, "ff02::fb", IN, "fe80::2", "udp/5353", "allow mdns", NULL);
	expect(&b, "10.0.1.255", IN, "10.0.1.2", "udp/9", "allow wol", NULL);
	expect(&b, "10.0.1.1", OUT, "224.0.0.251", "udp/5353", "allow mdns", NULL);
	expect(&b, "10.0.1.1", OUT, "10.0.1.255", "udp/9", "allow wol", NULL);
	/* The base identity and the VIP's; group addresses are never a socket's own. */
	assert_int_equal(b.tables->meta.near_count, 2);
}

static void test_overlap(void **state)
{
	zt_auto(bench_free) struct bench b = {0};

	(void)state;
	must_compile(&b,
		     INVENTORY
		     "  wide: {addresses: [10.0.0.0/8, ::/0], except: [10.9.0.128/25]}\n"
		     "  narrow: {addresses: [10.9.0.0/25]}\n"
		     "rules:\n"
		     "  - {id: w, action: deny, from: wide, to: web, ports: [tcp/1]}\n"
		     "  - {id: n, action: deny, from: narrow, to: web, ports: [tcp/2]}\n"
		     "  - {id: o, action: deny, from: ops, to: web, ports: [tcp/3]}\n"
		     "  - {id: d, action: deny, from: db, to: web, ports: [tcp/4]}\n"
		     "  - {id: u, action: deny, from: unknown, to: web, ports: [tcp/5]}\n",
		     "web1");
	expect(&b, "10.0.1.1", IN, "10.9.0.1", "tcp/1", "deny w", NULL);
	expect(&b, "10.0.1.1", IN, "10.9.0.1", "tcp/2", "deny n", NULL);
	expect(&b, "10.0.1.1", IN, "10.9.0.1", "tcp/3", "deny o", NULL);
	expect(&b, "10.0.1.1", IN, "10.9.0.200", "tcp/1", "allow default-allow", NULL);
	expect(&b, "10.0.1.1", IN, "10.9.0.200", "tcp/3", "deny o", NULL);
	/* An exact address carries the CIDR segments around it too. */
	expect(&b, "10.0.1.1", IN, "10.0.2.1", "tcp/1", "deny w", NULL);
	expect(&b, "10.0.1.1", IN, "10.0.2.1", "tcp/4", "deny d", NULL);
	/* ::/0 is not 0.0.0.0/0. */
	expect(&b, "2001:db8:1::1", IN, "2001:db8:9::9", "tcp/1", "deny w", NULL);
	expect(&b, "10.0.1.1", IN, "8.8.8.8", "tcp/1", "allow default-allow", NULL);
	expect(&b, "10.0.1.1", IN, "8.8.8.8", "tcp/5", "deny u", NULL);
}

static void test_forwarded(void **state)
{
	static const char text[] = INVENTORY
		"boundaries:\n  - {segment: db, inbound: deny}\n  - {segment: this-host, inbound: deny}\n"
		"rules:\n  - {id: sql, from: {segment: web, unit: a.service}, to: db, ports: [tcp/5432]}\n"
		"  - {id: no, action: deny, from: {segment: web, unit: b.service}, to: db, ports: [any]}\n";
	zt_auto(bench_free) struct bench b = {0};
	zt_auto(bench_free) struct bench off = {0};

	(void)state;
	b.env.forwarding = true;
	must_compile(&b, text, "web2");
	expect(&b, "10.0.1.1", FWD, "10.0.2.1", "tcp/5432", "allow sql", NULL);
	expect(&b, "10.0.1.1", FWD, "10.0.2.1", "tcp/80", "deny boundary:db:in", NULL);
	expect(&b, "10.0.2.1", FWD, "10.0.1.1", "tcp/80", "allow default-allow", NULL);
	must_compile(&off, text, "web2");
	expect(&off, "10.0.1.1", FWD, "10.0.2.1", "tcp/80", "allow default-allow", NULL);
}

/* --- workloads ---------------------------------------------------------- */

static void own(struct bench *b, const char *unit, const char *cgroup, uint32_t uid)
{
	struct zt_owner o = {.uid = uid};

	snprintf(o.unit, sizeof(o.unit), "%s", unit);
	snprintf(o.cgroup, sizeof(o.cgroup), "%s", cgroup);
	b->qmask = zt_tables_qmask(b->tables, &o);
}

static void test_workload(void **state)
{
	static const char text[] = INVENTORY
		"boundaries:\n  - {segment: db, inbound: deny}\n"
		"rules:\n"
		"  - {id: app, from: {segment: web, unit: app.service}, to: db, ports: [tcp/5432]}\n"
		"  - {id: no-user, action: deny, from: {segment: web, cgroup: /user.slice}, to: any, "
		"ports: [any]}\n";
	zt_auto(bench_free) struct bench web = {0};
	zt_auto(bench_free) struct bench db = {0};

	(void)state;
	must_compile(&web, text, "web1");
	assert_true(web.tables->meta.flags & ZT_META_QUALS);
	expect(&web, "10.0.1.1", OUT, "10.0.2.1", "tcp/5432", "deny boundary:db:in", NULL);
	assert_int_equal(web.a.owner_dep, 1);
	own(&web, "app.service", "/system.slice/app.service", 0);
	expect(&web, "10.0.1.1", OUT, "10.0.2.1", "tcp/5432", "allow app", NULL);
	own(&web, "app.service", "/user.slice/app.service", 0);
	expect(&web, "10.0.1.1", OUT, "10.0.2.1", "tcp/5432", "deny no-user", NULL);
	own(&web, "other.service", "/user.slice", 0);
	expect(&web, "10.0.1.1", OUT, "8.8.8.8", "tcp/80", "deny no-user", NULL);
	own(&web, "other.service", "/user.slices", 0);
	expect(&web, "10.0.1.1", OUT, "8.8.8.8", "tcp/80", "allow default-allow", NULL);
	expect(&web, "10.0.1.1", IN, "8.8.8.8", "tcp/80", "allow default-allow", NULL);
	assert_int_equal(web.a.owner_dep, 0);

	/* The other host cannot know: it ignores the condition of an allow, and skips the deny. */
	must_compile(&db, text, "db1");
	expect(&db, "10.0.2.1", IN, "10.0.1.1", "tcp/5432", "allow app", NULL);
	assert_int_equal(db.a.owner_dep, 0);
	expect(&db, "10.0.2.1", IN, "10.0.1.1", "tcp/80", "deny boundary:db:in", NULL);
	assert_false(db.tables->meta.flags & ZT_META_QUALS);
}

static int fake_user(void *ctx, const char *name, uid_t *ret)
{
	if (name[0] >= '0' && name[0] <= '9')
		return zt_resolve_user(ctx, name, ret);
	*ret = 1001;
	return strcmp(name, "app") == 0 ? 0 : -ENOENT;
}

static void test_users(void **state)
{
	static const char allow[] = INVENTORY
		"boundaries:\n  - {segment: db, inbound: deny}\n"
		"rules:\n  - {id: u, from: {segment: web, user: app}, to: db, ports: [any]}\n"
		"  - {id: v, from: {segment: web, user: nobody-here}, to: db, ports: [any]}\n"
		"  - {id: w, from: {segment: web, user: \"77\"}, to: db, ports: [any]}\n";
	static const char deny[] = INVENTORY
		"rules:\n  - {id: u, action: deny, from: {segment: web, user: nobody-here}, to: db, "
		"ports: [any]}\n";
	zt_auto(bench_free) struct bench b = {0};
	zt_auto(bench_free) struct bench d = {0};
	zt_auto(bench_free) struct bench off = {0};
	zt_auto(bench_free) struct bench elsewhere = {0};

	(void)state;
	b.env.resolver.user = fake_user;
	must_compile(&b, allow, "web1");
	assert_int_equal(b.diag.warnings, 1);
	assert_non_null(strstr(b.diag.entries[0].message, "no user 'nobody-here' on this machine"));
	own(&b, "", "/", 1001);
	expect(&b, "10.0.1.1", OUT, "10.0.2.1", "tcp/1", "allow u", NULL);
	own(&b, "", "/", 77);
	expect(&b, "10.0.1.1", OUT, "10.0.2.1", "tcp/1", "allow w", NULL);
	own(&b, "", "/", 0);
	expect(&b, "10.0.1.1", OUT, "10.0.2.1", "tcp/1", "deny boundary:db:in", NULL);

	d.env.resolver.user = fake_user;
	assert_int_equal(compile(&d, deny, "web1"), -EINVAL);
	assert_int_equal(d.diag.errors, 1);
	assert_int_equal(d.diag.entries[0].line, 14);
	assert_non_null(d.diag.entries[0].source);
	assert_null(d.tables);
	off.env.resolver.user = fake_user;
	off.env.offline = true;
	must_compile(&off, deny, "web1");
	assert_int_equal(off.diag.warnings, 1);
	/* On a host where the condition cannot bind, nobody looks the user up. */
	elsewhere.env.resolver.user = fake_user;
	must_compile(&elsewhere, deny, "db1");
	assert_int_equal(elsewhere.diag.count, 0);
}

static void test_exe(void **state)
{
	char dir[] = "/tmp/zt-test-exe-XXXXXX", path[64], link[64], got[ZT_PATH_LEN];
	zt_auto(zt_fclosep) FILE *f = NULL;
	char real[ZT_PATH_LEN];
	bool exists;
	__u32 dev, dev2;

	(void)state;
	assert_non_null(mkdtemp(dir));
	snprintf(path, sizeof(path), "%s/program", dir);
	snprintf(link, sizeof(link), "%s/link", dir);
	f = fopen(path, "w");
	assert_non_null(f);
	assert_int_equal(symlink(path, link), 0);
	assert_int_equal(zt_resolve_exe(NULL, path, real, &dev, &exists), 0);
	assert_true(exists && dev);
	assert_int_equal(zt_resolve_exe(NULL, link, got, &dev2, &exists), 0);
	assert_string_equal(got, real);
	assert_int_equal(dev, dev2);
	/* Not there yet: by its directory, so that it matches once it is installed. */
	unlink(path);
	assert_int_equal(zt_resolve_exe(NULL, path, got, &dev2, &exists), 0);
	assert_string_equal(got, real);
	assert_true(dev == dev2 && !exists);
	unlink(link);
	rmdir(dir);
	assert_int_equal(zt_resolve_exe(NULL, path, got, &dev2, &exists), 0);
	assert_string_equal(got, real);
	assert_int_equal(zt_resolve_exe(NULL, "/", got, &dev2, &exists), 0);
}

static void test_too_many_qualifiers(void **state)
{
	zt_auto(bench_free) struct bench b = {0};
	zt_auto(zt_strbuf_free) struct zt_strbuf text = ZT_STRBUF_INIT;

	(void)state;
	zt_strbuf_puts(&text, INVENTORY "rules:\n");
	for (int i = 0; i < 65; i++)
		zt_strbuf_printf(&text,
				 "  - {id: r%d, from: {segment: web, unit: u%d.service}, to: db, "
				 "ports: [any]}\n",
				 i, i);
	assert_int_equal(compile(&b, zt_strbuf_text(&text), "web1"), -E2BIG);
	assert_string_equal(b.diag.entries[0].message,
			    "the policy needs 65 different conditions (workloads, hours, "
			    "expiries, shares) on this host; 64 fit");
	zt_policy_free(&b.policy);
	zt_diag_free(&b.diag);
	/* Where they cannot bind they cost nothing. */
	must_compile(&b, zt_strbuf_text(&text), "db1");
	assert_int_equal(b.tables->qualifiers, 0);
}

/* A text that is too large is refused by its size, before it is read. */
static void test_size(void **state)
{
	zt_auto(zt_policy_free) struct zt_policy *policy = NULL;
	zt_auto(zt_diag_free) struct zt_diag diag = ZT_DIAG_INIT;
	size_t len = ZT_POLICY_SIZE_MAX + 1;
	zt_auto(zt_freep) char *text = malloc(len);

	(void)state;
	assert_non_null(text);
	memset(text, '#', len);
	assert_int_equal(zt_policy_parse(&policy, "large", text, len, &diag), -EINVAL);
	assert_int_equal(diag.errors, 1);
	assert_non_null(strstr(diag.entries[0].message, "larger than 16 MB"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_empty),
		cmocka_unit_test(test_same_segment),
		cmocka_unit_test(test_both_boundaries),
		cmocka_unit_test(test_order),
		cmocka_unit_test(test_modes),
		cmocka_unit_test(test_all_staged),
		cmocka_unit_test(test_unknown),
		cmocka_unit_test(test_near_end),
		cmocka_unit_test(test_overlap),
		cmocka_unit_test(test_forwarded),
		cmocka_unit_test(test_workload),
		cmocka_unit_test(test_users),
		cmocka_unit_test(test_exe),
		cmocka_unit_test(test_too_many_qualifiers),
		cmocka_unit_test(test_size),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
