/* SPDX-License-Identifier: Apache-2.0 */
/*
 * api_fake.h - an agent with nothing behind it: datapath and policy reader are stood in for.
 *
 * Flows come from flow_fake.h, the policy is compiled from the text below. The functions that
 * stand in have the names of the real ones, so that nothing of the datapath is linked.
 */
#pragma once
#include "flow_fake.h"

#include <grp.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <systemd/sd-event.h>
#include <unistd.h>

#include "api/server.h"
#include "api/wire.h"
#include "base/json.h"
#include "base/strbuf.h"
#include "datapath/datapath.h"
#include "datapath/clock.h"
#include "datapath/intent.h"
#include "datapath/labels.h"
#include "datapath/sockets.h"
#include "policy/compile.h"
#include "policy/judge.h"
#include "policy/policy.h"
#include "policy/rules.h"
#include "beat_fake.h"
#include "probe_fake.h"
#include "schema.h"

/* --- a datapath and an intent --------------------------------------------------------- */

static const char policy_text[] =
	"version: 1\n"
	"policy: shop\n"
	"revision: 7\n"
	"mode: staged\n"
	"hosts:\n"
	"  web1: {addresses: [10.20.1.11, \"2001:db8::11\"], labels: {role: web}}\n"
	"  db1: {addresses: [10.20.2.21], labels: {role: db}}\n"
	"segments:\n"
	"  web: {select: {role: web}}\n"
	"  db: {select: {role: db}}\n"
	"boundaries:\n"
	"  - {segment: db, inbound: deny, mode: enforced}\n"
	"rules:\n"
	"  - {id: web-to-db, from: web, to: db, ports: [tcp/5432], mode: enforced, note: ledger}\n"
	"  - {id: web-to-db-udp, from: web, to: db, ports: [udp/53]}\n"
	"failsafe:\n"
	"  - {id: bastion, from: [10.9.0.0/28], to: this-host, ports: [tcp/22]}\n";

static const char evil_unit[] = "evil\033[2J\xe2\x80\xae.service";

static struct world {
	struct env *flows;
	struct zt_policy *policy;
	struct zt_tables *tables;
	struct zt_rule_names *names;
	struct zt_addr locals[2];
	uint64_t observe_until_ns;
	bool lie; /* the kernel's judge answers differently */
	bool detached, quit;
	const char *load_error;
	/* What a request about the state came down to, and what it is told. */
	char asked[512];
	int answer;
	bool refused;
} world;

struct zt_rule_names *zt_dp_rule_names(struct zt_dp *dp)
{
	(void)dp;
	return world.names;
}

uint64_t zt_dp_rule_hits(struct zt_dp *dp, uint32_t rule)
{
	(void)dp;
	return rule;
}

const struct zt_addr *zt_dp_locals(struct zt_dp *dp, size_t *ret_count)
{
	(void)dp;
	*ret_count = ARRAY_SIZE(world.locals);
	return world.locals;
}

bool zt_dp_forwarding(struct zt_dp *dp)
{
	(void)dp;
	return false;
}

size_t zt_dp_flow_room(struct zt_dp *dp, uint32_t table)
{
	(void)dp;
	(void)table;
	return 0;
}

int zt_dp_flow_scan(struct zt_dp *dp, struct zt_flow_scan *scan, size_t budget, zt_flow_fn fn,
		    void *ctx)
{
	(void)dp;
	(void)scan;
	(void)budget;
	(void)fn;
	(void)ctx;
	return -ENOSYS; /* flows come from the fake table */
}

int zt_dp_flow_get(struct zt_dp *dp, uint32_t table, const struct zt_flow_key *key,
		   struct zt_flow *ret_flow)
{
	(void)dp;
	return fake_get(&world.flows->fake, table, key, ret_flow);
}

int zt_dp_flow_take(struct zt_dp *dp, uint32_t table, const struct zt_flow_key *key,
		    struct zt_flow *ret_flow)
{
	(void)dp;
	return fake_take(&world.flows->fake, table, key, ret_flow);
}

int zt_dp_owner(struct zt_dp *dp, uint32_t index, struct zt_owner *ret_owner)
{
	(void)dp;
	if (index != 7)
		return -ENOENT;
	*ret_owner = (struct zt_owner){.cgroup = "/system.slice/docker-0123456789abcdef.scope",
				       .exe = "/usr/bin/\xff\xfe"};
	memcpy(ret_owner->unit, evil_unit, sizeof(evil_unit));
	return 0;
}

int zt_dp_owner_cmd(struct zt_dp *dp, uint32_t index, struct zt_owner_cmd *ret)
{
	(void)dp;
	if (index != 7)
		return -ENOENT;
	*ret = (struct zt_owner_cmd){.args = "evil\0--\033[2J\0<script>", .args_len = 19};
	return 0;
}

void zt_dp_follow(struct zt_dp *dp, bool on)
{
	(void)dp;
	world.flows->fake.followed = on;
}

void zt_dp_observe(struct zt_dp *dp, uint64_t until_ns)
{
	(void)dp;
	world.observe_until_ns = until_ns;
}

static int stand_in_probe(void *ctx, struct zt_probe *probe)
{
	(void)ctx;
	probe_fake(world.tables, probe);
	if (world.lie)
		probe->action[ZT_LIVE] = !probe->action[ZT_LIVE];
	return 0;
}

void zt_dp_state(struct zt_dp *dp, struct zt_dp_state *ret)
{
	(void)dp;
	*ret = (struct zt_dp_state){
		.word = ZT_WORD(3, 1),
		.have_tcx = true,
		.owners = true,
		.pin_dir = "/sys/fs/bpf/test",
		.cgroup = "/sys/fs/cgroup",
	};
	ret->ctl.observe_until_ns = world.observe_until_ns;
}

int zt_dp_counters(struct zt_dp *dp, struct zt_count ret[ZT_C_COUNT])
{
	(void)dp;
	return fake_counters(&world.flows->fake, ret);
}

const struct zt_dp_iface *zt_dp_ifaces(struct zt_dp *dp, size_t *ret_count)
{
	static const struct zt_dp_iface ifaces[] = {
		{.ifindex = 2,
		 .name = "eth\033[31m0",
		 .state = ZT_IFACE_GUARDED,
		 .hook = "tcx",
		 .at_head = {true, true},
		 .attached_ns = 5 * S},
		{.ifindex = 3, .name = "br0p1", .state = ZT_IFACE_FAILED, .error = -EPERM},
	};

	(void)dp;
	*ret_count = ARRAY_SIZE(ifaces);
	return ifaces;
}

const struct zt_dp_neighbour *zt_dp_neighbours(struct zt_dp *dp, size_t *ret_count)
{
	static const struct zt_dp_neighbour neighbours[] = {
		{.kind = "xdp", .dev = "eth0", .name = "other", .id = 9, .ahead = true}};

	(void)dp;
	*ret_count = ARRAY_SIZE(neighbours);
	return neighbours;
}

const struct zt_dp_capacity *zt_dp_capacity(struct zt_dp *dp, size_t *ret_count)
{
	static const struct zt_dp_capacity capacity[] = {{"flows", 10, 65536}};

	(void)dp;
	*ret_count = ARRAY_SIZE(capacity);
	return capacity;
}

const struct zt_dp_alarm *zt_dp_alarms(struct zt_dp *dp)
{
	static const struct zt_dp_alarm alarms[ZT_ALARM_COUNT] = {
		[0 ... ZT_ALARM_COUNT - 1] = {.name = "link-lost"}};

	(void)dp;
	return alarms;
}

void zt_intent_state(struct zt_intent *intent, struct zt_intent_state *ret)
{
	(void)intent;
	*ret = (struct zt_intent_state){
		.source = ZT_INTENT_FILE,
		.path = "/etc/ztseg/policy.yaml",
		.name = "shop",
		.revision = 7,
		.host = "db1",
		.error = world.load_error,
		.error_count = world.load_error ? 2 : 0,
		.error_ns = world.load_error ? 9 * S : 0,
	};
}

const struct zt_policy *zt_intent_policy(struct zt_intent *intent)
{
	(void)intent;
	return world.policy;
}

const struct zt_policy *zt_intent_candidate_policy(struct zt_intent *intent)
{
	return zt_intent_policy(intent);
}

const struct zt_tables *zt_intent_tables(struct zt_intent *intent)
{
	(void)intent;
	return world.tables;
}

/* A plan's policy is compiled as the one in force was; there is nothing to promote. */
int zt_intent_would(struct zt_intent *intent, const struct zt_promotion *what,
		    struct zt_policy **ret_policy, struct zt_tables **ret, char *err)
{
	const struct zt_compile_env env = {.host = "db1", .offline = true};
	int r;

	(void)intent;
	snprintf(err, ZT_INTENT_ERR_LEN, "no such statement");
	if (!what->set)
		return -EINVAL;
	r = zt_policy_parse_set(ret_policy, what->set->path, what->set->files, what->set->count,
				NULL);
	return r < 0 ? r : zt_policy_compile(*ret_policy, &env, world.names, ret, NULL);
}

#include "plan_fake.h"

static int asked(struct zt_outcome *ret)
{
	ret->refused = world.refused;
	ret->changed = world.answer == 0;
	if (world.answer)
		snprintf(ret->err, sizeof(ret->err), "line one\nline two \033");
	return world.answer;
}

int zt_intent_stage(struct zt_intent *intent, const struct zt_policy_set *set,
		    const struct zt_who *who, const char *why, struct zt_outcome *ret)
{
	(void)intent;
	snprintf(world.asked, sizeof(world.asked), "stage %s %zu %s %zu %s %s uid=%u", set->path,
		 set->count, set->files[0].path, set->files[0].len, set->signature ?: "-",
		 why ?: "-", who->uid);
	return asked(ret);
}

int zt_intent_unstage(struct zt_intent *intent, const struct zt_who *who, struct zt_outcome *ret)
{
	(void)intent;
	(void)who;
	snprintf(world.asked, sizeof(world.asked), "unstage");
	return asked(ret);
}

int zt_intent_promote(struct zt_intent *intent, const struct zt_promotion *what,
		      struct zt_outcome *ret)
{
	(void)intent;
	snprintf(world.asked, sizeof(world.asked),
		 "promote %zu %s all=%d percent=%u within=%lld %s", what->id_count,
		 what->id_count ? what->ids[0] : "-", what->all, what->percent,
		 (long long)what->within_ns, what->why ?: "-");
	return asked(ret);
}

int zt_intent_confirm(struct zt_intent *intent, const struct zt_who *who, struct zt_outcome *ret)
{
	(void)intent;
	(void)who;
	snprintf(world.asked, sizeof(world.asked), "confirm");
	return asked(ret);
}

int zt_intent_rollback(struct zt_intent *intent, const struct zt_rollback *to,
		       struct zt_outcome *ret)
{
	(void)intent;
	snprintf(world.asked, sizeof(world.asked), "rollback %llu %llu %d within=%llu",
		 (unsigned long long)to->entry, (unsigned long long)to->revision, to->by_revision,
		 (unsigned long long)to->within_ns);
	return asked(ret);
}

int zt_intent_history(struct zt_intent *intent, json_t **ret)
{
	(void)intent;
	*ret = json_pack("{s:[], s:b, s:[], s:i}", "entries", "intact", 1, "breaks", "max", 20);
	return 0;
}

int zt_intent_history_show(struct zt_intent *intent, uint64_t entry, json_t **ret)
{
	(void)intent;
	*ret = json_pack("{s:I}", "entry", (json_int_t)entry);
	return entry == 1 ? 0 : (json_decref(*ret), *ret = NULL, -ENOENT);
}

/* --- an agent ---------------------------------------------------------------------------- */

struct agent {
	char dir[64];
	char path[96];
	sd_event *event;
	struct zt_api_server *server;
	struct zt_clock *clock;
	struct zt_labels *labels; /* the real store, without a loop */
	struct env *env;
};

static inline int stand_in_detach(void *ctx, char *err)
{
	(void)ctx;
	(void)err;
	world.detached = true;
	return 0;
}

static inline void stand_in_quit(void *ctx)
{
	(void)ctx;
	world.quit = true;
}

static inline void make_policy(void)
{
	zt_auto(zt_diag_free) struct zt_diag diag = ZT_DIAG_INIT;
	struct zt_compile_env env = {.host = "db1", .offline = true};

	world.locals[0] = addr("10.20.2.21");
	world.locals[1] = addr("127.0.0.1"); /* sorts after */
	env.locals = world.locals;
	env.local_count = ARRAY_SIZE(world.locals);
	if (zt_policy_parse(&world.policy, "p.yaml", policy_text, strlen(policy_text), &diag) < 0 ||
	    zt_rule_names_new(&world.names) < 0 ||
	    zt_policy_compile(world.policy, &env, world.names, &world.tables, &diag) < 0) {
		zt_diag_print(&diag, stderr);
		fail();
	}
}

static inline void make_labels(struct agent *a)
{
	const struct zt_clock_config clock = {};
	struct zt_labels_config cfg = {.state_dir = a->dir};

	assert_int_equal(zt_clock_open(&a->clock, &clock), 0);
	cfg.clock = a->clock;
	assert_int_equal(zt_labels_open(&a->labels, &cfg), 0);
}

static inline int setup_agent(void **state)
{
	struct agent *a = calloc(1, sizeof(*a));
	struct zt_api_config cfg = {.socket_path = a->path, .max_clients = 10, .idle_ms = 200};
	struct zt_api_ctx ctx = {
		.dp = (struct zt_dp *)&world, /* only handed on */
		.started_ns = S,
		.pin_dir = "/sys/fs/bpf/test",
		.probe = stand_in_probe,
		.detach = stand_in_detach,
		.quit = stand_in_quit,
	};

	world = (struct world){0};
	setup((void **)&a->env);
	world.flows = a->env;
	make_policy();
	strcpy(a->dir, "/tmp/zt-test-api-XXXXXX");
	assert_non_null(mkdtemp(a->dir));
	assert_int_equal(chmod(a->dir, 0755), 0);
	snprintf(a->path, sizeof(a->path), "%s/agent.sock", a->dir);
	assert_true(sd_event_new(&a->event) >= 0);
	make_labels(a);
	ctx.labels = a->labels;
	ctx.event = a->event;
	ctx.collector = a->env->c;
	cfg.admin_group = "adm";
	cfg.read_group = "users";
	assert_int_equal(zt_api_server_new(&a->server, &cfg, &ctx), 0);
	*state = a;
	return 0;
}

static inline int teardown_agent(void **state)
{
	struct agent *a = *state;

	zt_api_server_free(&a->server);
	teardown((void **)&a->env);
	sd_event_unref(a->event);
	assert_int_equal(access(a->path, F_OK), -1); /* the socket goes with the agent */
	zt_labels_close(&a->labels);
	zt_clock_close(&a->clock);
	snprintf(a->path, sizeof(a->path), "%s/labels.json", a->dir);
	unlink(a->path);
	rmdir(a->dir);
	zt_tables_free(&world.tables);
	zt_rule_names_free(&world.names);
	zt_policy_free(&world.policy);
	free(a);
	return 0;
}

/* One pass of the loop, waiting a little for whatever comes. */
static inline void turn(struct agent *a, uint64_t ms)
{
	assert_true(sd_event_run(a->event, ms * 1000) >= 0);
}

static inline bool readable(int fd)
{
	char c;
	ssize_t n = recv(fd, &c, 1, MSG_PEEK | MSG_DONTWAIT);

	return n >= 0 || (errno != EAGAIN && errno != EINTR);
}

/* Reads @len bytes, letting the agent work meanwhile. False at the end of the stream. */
static inline bool get_bytes(struct agent *a, int fd, void *buf, size_t len)
{
	size_t got = 0;

	for (int i = 0; i < 20000 && got < len; i++) {
		ssize_t n = recv(fd, (char *)buf + got, len - got, MSG_DONTWAIT);

		if (n == 0 || (n < 0 && errno != EAGAIN))
			return false;
		if (n > 0)
			got += (size_t)n;
		else
			turn(a, 5);
	}
	return got == len;
}

static inline json_t *get_reply(struct agent *a, int fd, int *ret_frames)
{
	zt_auto(zt_strbuf_free) struct zt_strbuf text = {0};
	uint8_t header[ZT_WIRE_HEADER];
	bool more = true;
	int frames = 0;

	while (more) {
		zt_auto(zt_freep) char *part = NULL;
		size_t len;

		if (!get_bytes(a, fd, header, sizeof(header)))
			return NULL;
		len = zt_wire_get_header(header, &more);
		assert_in_range(len, 1, ZT_WIRE_CHUNK + (64 << 10));
		part = malloc(len);
		if (!get_bytes(a, fd, part, len))
			return NULL;
		zt_strbuf_add(&text, part, len);
		frames++;
	}
	if (ret_frames)
		*ret_frames = frames;
	return json_loadb(text.data, text.len, JSON_REJECT_DUPLICATES, NULL);
}

static inline json_t *ask_on(struct agent *a, int fd, const char *request)
{
	assert_int_equal(zt_wire_send(fd, request, strlen(request)), 0);
	return get_reply(a, fd, NULL);
}

static inline json_t *ask(struct agent *a, const char *request)
{
	zt_auto(zt_close) int fd = zt_wire_connect(a->path);

	assert_true(fd >= 0);
	return ask_on(a, fd, request);
}

/* The result of a request that must succeed, held against its schema. */
static inline json_t *result_of(struct agent *a, const char *request, const char *schema)
{
	zt_auto(zt_json_decref) json_t *reply = ask(a, request);
	zt_auto(zt_json_decref) json_t *rules = NULL;
	struct schema_check check = {0};
	json_t *result = json_object_get(reply, "result");
	char path[128];

	if (!json_is_true(json_object_get(reply, "ok"))) {
		json_dumpf(reply, stderr, 0);
		fail_msg("%s failed", request);
	}
	snprintf(path, sizeof(path), "tests/golden/schema/%s.json", schema);
	rules = json_load_file(path, 0, NULL);
	assert_non_null(rules);
	check.root = rules;
	if (!schema_holds(&check, rules, result, schema))
		fail_msg("%s", check.why);
	return json_incref(result);
}

static inline void refused(struct agent *a, const char *request, int code, const char *part)
{
	zt_auto(zt_json_decref) json_t *reply = ask(a, request);
	const json_t *error = json_object_get(reply, "error");
	const char *message = json_string_value(json_object_get(error, "message"));

	assert_true(json_is_false(json_object_get(reply, "ok")));
	assert_int_equal(json_integer_value(json_object_get(error, "code")), code);
	assert_non_null(message);
	if (!strstr(message, part))
		fail_msg("'%s' is not in '%s'", part, message);
}

static inline const char *text_at(const json_t *value, const char *a, const char *b, const char *c)
{
	value = json_object_get(value, a);
	if (b)
		value = json_object_get(value, b);
	if (c)
		value = json_object_get(value, c);
	return json_is_string(value) ? json_string_value(value) : "";
}

/* A denied, an allowed and a loopback flow; the allowed one has an owner. */
static inline void some_flows(struct agent *a)
{
	struct zt_flow flow = flow_of(ZT_DIR_IN, ZT_STATE_ESTABLISHED, 900 * S, 990 * S);
	struct zt_flow_key key = key_of("127.0.0.1", 4000, "127.0.0.1", 6379, IPPROTO_TCP);
	struct fake *fake = &a->env->fake;

	flow.owner = 7;
	flow.pid = 1;
	flow.rule[ZT_LIVE] = flow.rule[ZT_CANDIDATE] = zt_rule_lookup(world.names, "web-to-db");
	put(fake, ZT_IN_FLOWS, key_of("10.20.2.21", 5432, "10.20.1.11", 40000, IPPROTO_TCP), flow);
	flow = flow_of(ZT_DIR_IN, ZT_STATE_OPENING, 900 * S, 980 * S);
	flow.action[ZT_LIVE] = flow.action[ZT_CANDIDATE] = ZT_DENY;
	flow.denied = flow.would_deny = 3;
	flow.rule[ZT_LIVE] = flow.rule[ZT_CANDIDATE] = 9999;
	put(fake, ZT_IN_OPENINGS, key_of("10.20.2.21", 22, "10.66.6.6", 999, IPPROTO_TCP), flow);
	key.kind = ZT_KIND_LOOP;
	flow = flow_of(ZT_DIR_OUT, ZT_STATE_ESTABLISHED, 900 * S, 985 * S);
	flow.owner = flow.far_owner = 7;
	put(fake, ZT_IN_FLOWS, key, flow);
}
