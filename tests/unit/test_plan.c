// SPDX-License-Identifier: Apache-2.0
/*
 * test_plan.c - the caller's connection found among its ancestors, policies compared, edges judged.
 */
#include "flow_fake.h"

#include <jansson.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "plan/diff.h"
#include "plan/plan.h"
#include "plan/ssh.h"
#include "policy/compile.h"
#include "policy/diag.h"

/* --- ancestors -------------------------------------------------------------------------------- */

struct proc {
	char root[64];
};

static int make_root(void **state)
{
	struct proc *p = calloc(1, sizeof(*p));

	assert_non_null(p);
	strcpy(p->root, "/tmp/zt-proc.XXXXXX");
	assert_non_null(mkdtemp(p->root));
	*state = p;
	return 0;
}

static int remove_root(void **state)
{
	struct proc *p = *state;
	char command[128];

	snprintf(command, sizeof(command), "rm -rf %s", p->root);
	assert_int_equal(system(command), 0);
	free(p);
	return 0;
}

/* A process with a name, a parent and one open socket (0 = none), as procfs shows it. */
static void process(const struct proc *p, int pid, const char *name, int parent, int inode)
{
	char path[128], text[256];
	FILE *stat;

	snprintf(path, sizeof(path), "%s/%d", p->root, pid);
	assert_int_equal(mkdir(path, 0755), 0);
	snprintf(path, sizeof(path), "%s/%d/stat", p->root, pid);
	stat = fopen(path, "w");
	assert_non_null(stat);
	fprintf(stat, "%d (%s) S %d %d 1 0 -1 4194560\n", pid, name, parent, pid);
	fclose(stat);
	snprintf(path, sizeof(path), "%s/%d/fd", p->root, pid);
	assert_int_equal(mkdir(path, 0755), 0);
	snprintf(path, sizeof(path), "%s/%d/fd/0", p->root, pid);
	assert_int_equal(symlink("/dev/null", path), 0);
	if (!inode)
		return;
	snprintf(path, sizeof(path), "%s/%d/fd/3", p->root, pid);
	snprintf(text, sizeof(text), "socket:[%d]", inode);
	assert_int_equal(symlink(text, path), 0);
}

static struct zt_socket rows[] = {
	{.inode = 10, .local_port = 22, .proto = IPPROTO_TCP, .listens = true},
	{.inode = 77, .local_port = 22, .remote_port = 50001, .proto = IPPROTO_TCP},
	{.inode = 78, .local_port = 22, .remote_port = 50002, .proto = IPPROTO_TCP},
	{.inode = 88, .local_port = 40000, .remote_port = 443, .proto = IPPROTO_TCP},
};
static const struct zt_sockets sockets = {rows, ARRAY_SIZE(rows), true};

/* init, sshd, its session, then what people put between it and ztctl. */
static void session(const struct proc *p)
{
	process(p, 1, "systemd", 0, 0);
	process(p, 100, "sshd", 1, 10);
	process(p, 200, "sshd) S 1 (", 100, 77);
	process(p, 300, "sudo", 200, 0);
	process(p, 400, "bash", 300, 88); /* has one it opened itself: no way in */
	process(p, 500, "ztctl", 400, 0);
}

static void the_session_is_found_behind_sudo(void **state)
{
	const struct zt_socket *found;
	pid_t pid = 0;

	session(*state);
	found = zt_ssh_find(((struct proc *)*state)->root, 500, &sockets, &pid);
	assert_ptr_equal(found, &rows[1]);
	assert_int_equal(pid, 200);
	/* Another one's session is not the caller's. */
	process(*state, 201, "sshd", 100, 78);
	process(*state, 501, "ztctl", 201, 0);
	assert_ptr_equal(zt_ssh_find(((struct proc *)*state)->root, 501, &sockets, NULL), &rows[2]);
}

static void without_a_session_none_is_made_up(void **state)
{
	const char *root = ((struct proc *)*state)->root;
	struct zt_sockets no_listener = {rows + 1, ARRAY_SIZE(rows) - 1, true};

	session(*state);
	process(*state, 600, "tmux: server", 1, 0);
	process(*state, 601, "ztctl", 600, 0);
	assert_null(zt_ssh_find(root, 601, &sockets, NULL));
	assert_null(zt_ssh_find(root, 100, &sockets, NULL)); /* holds the listener alone */
	assert_null(zt_ssh_find(root, 500, &no_listener, NULL));
	assert_null(zt_ssh_find(root, 999, &sockets, NULL)); /* gone */
	assert_null(zt_ssh_find(root, 0, &sockets, NULL));
	process(*state, 700, "loop", 701, 0); /* numbers that were given anew meanwhile */
	process(*state, 701, "loop", 700, 0);
	assert_null(zt_ssh_find(root, 700, &sockets, NULL));
}

static void sshd_is_told_by_unit_or_executable(void **state)
{
	static const struct {
		const char *unit, *exe;
		bool is;
	} owners[] = {
		{"ssh.service", "", true},
		{"ssh@5-10.0.0.1:22-10.0.0.2:999.service", "", true},
		{"sshd.service", "", true},
		{"session-4.scope", "/usr/sbin/sshd", true},
		{"", "/usr/lib/openssh/sshd-session", true},
		{"sshfs.service", "/usr/bin/sshfs", false},
		{"nginx.service", "/usr/sbin/nginx", false},
		{"", "/tmp/sshd/evil", false},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(owners); i++) {
		struct zt_owner owner = {0};

		strcpy(owner.unit, owners[i].unit);
		strcpy(owner.exe, owners[i].exe);
		if (zt_ssh_is_sshd(&owner) != owners[i].is)
			fail_msg("%s %s", owners[i].unit, owners[i].exe);
	}
}

/* --- two policies -------------------------------------------------------------------------------
 */

#define HOSTS                                                                                      \
	"hosts:\n"                                                                                 \
	"  web1: {addresses: [10.20.1.11], labels: {role: web}}\n"                                 \
	"  db1: {addresses: [10.20.2.21], labels: {role: db}}\n"

static const char text_now[] =
	"version: 1\npolicy: shop\nrevision: 1\nmode: enforced\n" HOSTS
	"  old1: {addresses: [10.20.9.1], labels: {role: web}}\n"
	"segments:\n  web: {select: {role: web}}\n  db: {select: {role: db}}\n"
	"  lan: {addresses: [10.20.0.0/16]}\n"
	"boundaries:\n  - {id: db-closed, segment: db, inbound: deny}\n"
	"rules:\n  - {id: web-db, from: web, to: db, ports: [tcp/5432], note: ledger}\n"
	"  - {id: gone, from: lan, to: db, ports: [tcp/22]}\n"
	"  - {id: same, from: lan, to: db, ports: [icmp]}\n";

static const char text_then[] =
	"version: 1\npolicy: shop\nrevision: 2\nmode: enforced\n" HOSTS
	"  web2: {addresses: [10.20.1.12], labels: {role: web}}\n"
	"segments:\n  web: {select: {role: web}}\n  db: {select: {role: db}}\n"
	"  lan: {addresses: [10.20.0.0/17, 10.30.0.0/16]}\n"
	"boundaries:\n  - {id: db-closed, segment: db, inbound: deny, existing: reset}\n"
	"rules:\n  - {id: web-db, from: web, to: db, ports: [tcp/6432], mode: staged, note: ledger}\n"
	"  - {id: new, from: lan, to: db, ports: [tcp/443], when: {hours: \"Mon-Fri 08:00-18:00\"}}\n"
	"  - {id: same, from: lan, to: db, ports: [icmp]}\n";

struct side {
	struct zt_policy *policy;
	struct zt_tables *tables;
};

static struct side side_of(const char *text)
{
	const struct zt_compile_env env = {.host = "db1", .offline = true};
	zt_auto(zt_rule_names_free) struct zt_rule_names *names = NULL;
	struct side s = {0};

	assert_int_equal(zt_rule_names_new(&names), 0);
	assert_int_equal(zt_policy_parse(&s.policy, "p.yaml", text, strlen(text), NULL), 0);
	assert_int_equal(zt_policy_compile(s.policy, &env, names, &s.tables, NULL), 0);
	return s;
}

static void side_free(struct side *s)
{
	zt_tables_free(&s->tables);
	zt_policy_free(&s->policy);
}

static void has(const json_t *object, const char *wanted)
{
	char *text = json_dumps(object, JSON_COMPACT | JSON_ENCODE_ANY);

	if (!text || !strstr(text, wanted))
		fail_msg("no '%s' in %s", wanted, text ?: "nothing");
	free(text);
}

static void statements_are_compared_by_id(void **state)
{
	struct side now = side_of(text_now), then = side_of(text_then);
	const struct zt_diff_side a = {now.policy, now.tables}, b = {then.policy, then.tables};
	const struct zt_diff_side none = {0};
	json_t *diff = zt_diff_statements(&a, &b), *same = zt_diff_statements(&a, &a);
	json_t *first = zt_diff_statements(&none, &b);

	(void)state;
	has(diff, "{\"added\":1,\"removed\":1,\"changed\":2,\"unchanged\":1}");
	has(json_object_get(diff, "changed"),
	    "[{\"field\":\"existing\",\"from\":\"recheck\",\"to\":\"reset\"}]");
	has(json_object_get(diff, "changed"),
	    "[{\"field\":\"mode\",\"from\":\"enforced\",\"to\":\"staged\"},"
	    "{\"field\":\"ports\",\"from\":\"tcp/5432\",\"to\":\"tcp/6432\"}]");
	has(json_object_get(diff, "added"), "\"when\":\"Mon-Fri 08:00-18:00 UTC\"");
	has(json_object_get(diff, "removed"), "\"id\":\"gone\"");
	has(same, "{\"added\":0,\"removed\":0,\"changed\":0,\"unchanged\":4}");
	has(first, "{\"added\":4,\"removed\":0,\"changed\":0,\"unchanged\":0}");
	json_decref(diff);
	json_decref(same);
	json_decref(first);
	side_free(&now);
	side_free(&then);
}

static void members_gained_and_lost_are_named(void **state)
{
	struct side now = side_of(text_now), then = side_of(text_then);
	json_t *diff = zt_diff_definitions(now.policy, then.policy);
	json_t *back = zt_diff_definitions(then.policy, now.policy);
	json_t *same = zt_diff_definitions(now.policy, now.policy);

	(void)state;
	has(json_object_get(diff, "hosts"), "\"added\":[\"web2\"],\"removed\":[\"old1\"]");
	has(json_object_get(diff, "segments"),
	    "{\"name\":\"web\",\"redefined\":false,\"gained\":[\"web2\"],\"lost\":[\"old1\"]");
	has(json_object_get(diff, "segments"),
	    "{\"name\":\"lan\",\"redefined\":true,\"gained\":[\"10.20.0.0/17\",\"10.30.0.0/16\"],"
	    "\"lost\":[\"10.20.0.0/16\"]");
	has(json_object_get(back, "segments"), "\"gained\":[\"old1\"],\"lost\":[\"web2\"]");
	has(same, "\"count\":{\"added\":0,\"removed\":0,\"changed\":0}},\"hosts\"");
	json_decref(diff);
	json_decref(back);
	json_decref(same);
	side_free(&now);
	side_free(&then);
}

/* --- many edges ---------------------------------------------------------------------------------
 */

#define EDGES 100000

/* Flow number n: of as many sources, to the database. */
static void flow_number(uint32_t n, struct zt_flow_key *key, struct zt_flow *flow)
{
	uint8_t far[4] = {10, (uint8_t)(20 + (n >> 16)), (uint8_t)(n >> 8), (uint8_t)n};

	*key = key_of("10.20.2.21", 5432, "10.0.0.1", 40000, IPPROTO_TCP);
	memcpy(key->far_addr + 12, far, 4);
	*flow = (struct zt_flow){
		.first_ns = S,
		.last_ns = 2 * S,
		.rule = {ZT_RULE_DEFAULT, ZT_RULE_DEFAULT},
		.opens = 1,
		.opener = ZT_DIR_IN,
		.state = ZT_STATE_ESTABLISHED,
	};
}

static int walk_many(void *ctx, struct zt_flow_walk *walk, size_t budget, zt_flow_visit_fn fn,
		     void *data)
{
	struct zt_flow_key key;
	struct zt_flow flow;

	(void)ctx;
	for (size_t i = 0; i < budget && walk->table == ZT_IN_FLOWS && walk->token < EDGES; i++) {
		flow_number(walk->token++, &key, &flow);
		fn(walk->table, &key, &flow, data);
	}
	walk->done = walk->table != ZT_IN_FLOWS || walk->token >= EDGES;
	return 0;
}

static double cpu_s(void)
{
	struct timespec t;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

/* A hundred thousand, under the sanitizers: what is promised for the real thing. */
static void many_edges_are_judged_in_time(void **state)
{
	struct side now = side_of(text_now), then = side_of(text_then);
	struct fake fake = {.now_ns = 3 * S};
	const struct zt_collector_config cfg = {
		.source = {walk_many, fake_get, fake_take, fake_counters, fake_now, &fake},
		.edge_cap = EDGES,
	};
	struct zt_sockets none = {0};
	struct zt_preflight_env env = {
		.policy = then.policy,
		.tables = then.tables,
		.policy_now = now.policy,
		.tables_now = now.tables,
		.resolv_conf = "/dev/null",
		.sockets = &none,
	};
	struct zt_plan *plan = NULL;
	double began;

	(void)state;
	assert_int_equal(zt_collector_new(&env.collector, &cfg), 0);
	began = cpu_s();
	assert_int_equal(zt_plan_run(&plan, &env), 0);
	assert_true(cpu_s() - began < 5.0);
	assert_int_equal(plan->evidence.edges.count, EDGES);
	/* web1 alone was allowed before, and no longer is. */
	assert_int_equal(plan->changes[ZT_LIVE][ZT_NEWLY_DENIED].edges, 2);
	assert_int_equal(plan->connections.total[ZT_FATE_RESET], EDGES);
	assert_false(plan->preflight->kernel);
	assert_non_null(plan->preflight->kernel_error);
	zt_plan_free(&plan);
	zt_collector_free(&env.collector);
	side_free(&now);
	side_free(&then);
}

#define ROOTED(test) cmocka_unit_test_setup_teardown(test, make_root, remove_root)

int main(void)
{
	const struct CMUnitTest tests[] = {
		ROOTED(the_session_is_found_behind_sudo),
		ROOTED(without_a_session_none_is_made_up),
		cmocka_unit_test(sshd_is_told_by_unit_or_executable),
		cmocka_unit_test(statements_are_compared_by_id),
		cmocka_unit_test(members_gained_and_lost_are_named),
		cmocka_unit_test(many_edges_are_judged_in_time),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
