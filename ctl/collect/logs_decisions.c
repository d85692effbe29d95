// SPDX-License-Identifier: Apache-2.0
/*
 * logs_decisions.c - fact "decisions": how complete the agent's records of its decisions are.
 *
 * {records, complete, missing: {FIELD: count}, host, boot_id, epoch, digest}. A record is one flow
 * with its verdict. Asked of each: its times, the five-tuple, who opened it, verdict and rule,
 * digest of the policy that decided (by its epoch), the near end's unit, program and user, the far
 * end's labels, the attributes that both ends had. No unit is asked for where there can be none:
 * ICMP, and what was denied or refused before a socket took it.
 */
#include <errno.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/json.h"
#include "ctl/client.h"
#include "ctl/collect/agent.h"
#include "ctl/collect/logs.h"
#include "ctl/evidence/record.h"

#define RECORDS 10000

enum field {
	TIMES,
	TUPLE,
	DIRECTION,
	VERDICT,
	RULE,
	DIGEST,
	SUBJECT,
	PEER,
	ATTRIBUTES,
	FIELD_COUNT,
};
static const char *const names[FIELD_COUNT] = {
	[TIMES] = "time",      [TUPLE] = "five_tuple", [DIRECTION] = "direction",
	[VERDICT] = "verdict", [RULE] = "rule",	       [DIGEST] = "policy_digest",
	[SUBJECT] = "subject", [PEER] = "peer_label",  [ATTRIBUTES] = "attributes",
};

static bool text(const json_t *object, const char *key)
{
	const char *value = json_string_value(json_object_get(object, key));

	return value && *value;
}

static bool subject_there(const json_t *flow, const json_t *near)
{
	const json_t *w = json_object_get(near, "workload");
	const json_t *live = json_object_get(json_object_get(flow, "verdict"), "live");
	const char *proto = json_string_value(json_object_get(flow, "proto"));
	const char *action = json_string_value(json_object_get(live, "action"));
	const char *state = json_string_value(json_object_get(flow, "state"));
	bool socketless = !proto || strncmp(proto, "icmp", 4) == 0 || !near ||
			  (action && strcmp(action, "deny") == 0) ||
			  (state && strcmp(state, "opening") == 0);

	if (!w)
		return socketless;
	return (text(w, "unit") || text(w, "cgroup")) &&
	       json_is_integer(json_object_get(w, "uid")) && (text(w, "exe") || socketless);
}

static bool segments(const json_t *end)
{
	return json_array_size(json_object_get(end, "segments")) > 0;
}

static void look(const json_t *flow, json_int_t epoch, bool digest, bool ret[FIELD_COUNT])
{
	const json_t *src = json_object_get(flow, "src"), *dst = json_object_get(flow, "dst");
	const json_t *live = json_object_get(json_object_get(flow, "verdict"), "live");
	bool src_near = json_is_true(json_object_get(src, "near"));
	bool dst_near = json_is_true(json_object_get(dst, "near"));
	const json_t *near = src_near ? src : dst_near ? dst : NULL;
	const json_t *far = src_near ? dst : src;

	ret[TIMES] = text(flow, "first_seen") && text(flow, "last_seen");
	ret[TUPLE] = text(src, "address") && text(dst, "address") && text(flow, "proto") &&
		     json_is_integer(json_object_get(src, "port")) &&
		     json_is_integer(json_object_get(dst, "port"));
	ret[DIRECTION] = text(flow, "opened_by") && json_is_boolean(json_object_get(src, "near"));
	ret[VERDICT] = text(live, "action");
	ret[RULE] = text(live, "rule");
	ret[DIGEST] = digest && json_integer_value(json_object_get(flow, "policy_epoch")) == epoch;
	ret[SUBJECT] = subject_there(flow, near);
	ret[PEER] = text(far, "host") || segments(far);
	ret[ATTRIBUTES] = segments(src) && segments(dst);
}

struct tally {
	json_int_t epoch;
	bool digest; /* the policy in force has one */
	json_int_t records, complete, missing[FIELD_COUNT];
};

static void count(const json_t *flow, struct tally *t)
{
	bool there[FIELD_COUNT], all = true;

	look(flow, t->epoch, t->digest, there);
	for (int f = 0; f < FIELD_COUNT; f++) {
		t->missing[f] += !there[f];
		all = all && there[f];
	}
	t->complete += all;
	t->records++;
}

/*
 * The reply's flows one after the other: as one tree, ten thousand of them take ninety megabytes.
 * Returns 0, -EPROTO (no such list, or something else in it).
 */
static int count_all(const char *text, size_t len, struct tally *t)
{
	const char *at = memmem(text, len, "\"flows\"", strlen("\"flows\"")), *end = text + len;

	at = at ? memchr(at, '[', (size_t)(end - at)) : NULL;
	while (at && ++at < end) {
		zt_auto(zt_json_decref) json_t *flow = NULL;
		json_error_t error;

		at += strspn(at, " \n,");
		if (*at == ']')
			return 0;
		flow = json_loadb(at, (size_t)(end - at), JSON_DISABLE_EOF_CHECK, &error);
		if (!json_is_object(flow) || error.position <= 0)
			return -EPROTO;
		count(flow, t);
		at += error.position - 1;
	}
	return -EPROTO;
}

static void tell(const struct tally *t, const json_t *policy, json_t *data)
{
	json_t *list = json_object();

	for (int f = 0; f < FIELD_COUNT; f++)
		json_object_set_new(list, names[f], json_integer(t->missing[f]));
	json_object_set_new(data, "records", json_integer(t->records));
	json_object_set_new(data, "complete", json_integer(t->complete));
	json_object_set_new(data, "missing", list);
	json_object_set_new(data, "epoch", json_integer(t->epoch));
	json_object_set(data, "digest", json_object_get(policy, "digest"));
}

int ztc_collect_decisions(const struct ztc_env *env, json_t *data)
{
	struct ztc_ctx ctx = {.socket = env->socket};
	zt_auto(zt_json_decref) json_t *status = NULL;
	zt_auto(zt_freep) char *reply = NULL;
	const json_t *policy, *host;
	struct tally t = {0};
	struct ztc_self self;
	size_t len;
	int r = ztc_agent_ask(env, "status", NULL, &status, data);

	if (r < 0)
		return r;
	policy = json_object_get(status, "policy");
	t.epoch = json_integer_value(json_object_get(policy, "epoch"));
	t.digest = text(policy, "digest");
	if (ztc_ask_text(&ctx, "flows", json_pack("{s:i}", "limit", RECORDS), &reply, &len) !=
	    ZTC_EXIT_OK)
		return -EIO;
	r = count_all(reply, len, &t);
	if (r < 0)
		return r;
	ztc_self(&self, env->root);
	host = json_object_get(json_object_get(status, "agent"), "host");
	json_object_set_new(data, "host",
			    json_is_string(host) ? json_deep_copy(host) : zt_json_str(self.host));
	json_object_set_new(data, "boot_id", zt_json_str(self.boot_id));
	tell(&t, policy, data);
	return 0;
}
