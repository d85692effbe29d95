// SPDX-License-Identifier: Apache-2.0
/*
 * agent.c - the collectors of this family, and the first of them: the agent and what the kernel
 * has of it.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "api/wire.h"
#include "base/cleanup.h"
#include "base/time.h"
#include "ctl/client.h"
#include "ctl/collect/agent.h"
#include "ctl/render/text.h"

void ztc_set_time(json_t *object, const char *key, int64_t at_s)
{
	char text[ZT_TIME_TEXT_LEN];

	if (at_s <= 0) {
		json_object_set_new(object, key, json_null());
		return;
	}
	zt_wall_text((uint64_t)at_s * ZT_NS_PER_S, text);
	memcpy(strchr(text, '.'), "Z", 2);
	json_object_set_new(object, key, json_string(text));
}

static json_t *rounded(const json_t *real)
{
	double value = json_real_value(real);

	return json_integer((json_int_t)(value + (value < 0 ? -0.5 : 0.5)));
}

/* Facts are signed in a form without reals: durations become whole numbers of their unit. */
static void round_reals(json_t *value)
{
	const char *key;
	json_t *one;
	size_t i;
	void *next;

	if (json_is_object(value)) {
		json_object_foreach_safe(value, next, key, one)
		{
			if (json_is_real(one))
				json_object_set_new(value, key, rounded(one));
			else
				round_reals(one);
		}
	}
	json_array_foreach (value, i, one) {
		if (json_is_real(one))
			json_array_set_new(value, i, rounded(one));
		else
			round_reals(one);
	}
}

static int reachable(const char *socket)
{
	int fd = zt_wire_connect(socket);

	if (fd >= 0) {
		close(fd);
		return 0;
	}
	return fd == -ECONNREFUSED ? -ENOENT : fd;
}

int ztc_agent_ask(const struct ztc_env *env, const char *command, json_t *args, json_t **ret,
		  json_t *why)
{
	struct ztc_ctx ctx = {.socket = env->socket};
	zt_auto(zt_json_decref) json_t *owned = args;
	zt_auto(zt_freep) char *text = NULL;
	json_t *result = NULL;
	int r = reachable(env->socket);

	if (r < 0)
		return r;
	if (ztc_try(&ctx, command, zt_take(owned), &result, &text) != ZTC_EXIT_OK) {
		if (why)
			ztc_set(why, "why", zt_json_str(text ?: "no answer"));
		return text && strstr(text, "you may not") ? -EACCES : -EIO;
	}
	round_reals(result);
	*ret = result;
	return 0;
}

const json_t *ztc_fact_of(const struct ztc_env *env, const char *name)
{
	const json_t *fact = json_object_get(env->facts, name);

	return strcmp(ztc_str(fact, "status"), "ok") == 0 ? json_object_get(fact, "data") : NULL;
}

/* By what the kernel has; what the agent says of itself is not asked. */
static const char *mode_of(const json_t *pins, const json_t *status)
{
	const json_t *policy = json_object_get(status, "policy");

	if (json_is_true(json_object_get(pins, "observing")))
		return "observe";
	if (json_is_true(json_object_get(pins, "enforces")) &&
	    json_array_size(json_object_get(pins, "attached")))
		return "enforced";
	if (ztc_int(pins, "statements") || ztc_int(policy, "candidate"))
		return "staged";
	return "observe";
}

/* Where the agent says that its pins are, if none are where we were told to look. */
static int read_pins(const struct ztc_env *env, const json_t *status, json_t *pins)
{
	const char *told = ztc_str(json_object_get(status, "agent"), "pin_dir");
	struct ztc_env there = *env;
	int r = ztc_pins_json(env, status, pins);

	if (r != -ENOENT || !*told || strcmp(told, env->pin_dir) == 0)
		return r;
	there.pin_dir = told;
	json_object_clear(pins);
	return ztc_pins_json(&there, status, pins);
}

static int collect_agent(const struct ztc_env *env, json_t *data)
{
	zt_auto(zt_json_decref) json_t *status = NULL;
	json_t *pins = json_object();
	int asked = ztc_agent_ask(env, "status", NULL, &status, data), r;

	r = read_pins(env, status, pins);
	if (asked < 0 && r == -ENOENT)
		status = NULL;
	ztc_set(data, "running", json_boolean(asked == 0));
	ztc_set(data, "status", status ? json_incref(status) : json_null());
	ztc_set(data, "version",
		status ? json_string(ztc_str(json_object_get(status, "agent"), "version"))
		       : json_null());
	if (r < 0)
		ztc_set(pins, "error", json_string(strerror(-r)));
	ztc_set(pins, "readable", json_boolean(r == 0));
	ztc_set(data, "mode_now", json_string(mode_of(pins, status)));
	ztc_set(data, "pins", pins);
	if (asked == 0 || r == 0)
		return 0;
	if (asked == -ENOENT && r == -ENOENT) {
		ztc_set(data, "why", json_string("no agent answers and nothing of it is pinned"));
		return -ENOENT;
	}
	return asked == -ENOENT ? r : asked;
}

const struct ztc_collector ztc_collect_agent[] = {
	{"agent", "agent API status; bpf(BPF_PROG_QUERY), pinned maps and links", "root", 0, 1, 0,
	 collect_agent},
	{"policy", "agent API policy show, else the newest state of STATE-DIR/history, parsed anew",
	 "root", 0, 1, 0, ztc_collect_policy},
	{"edges", "STATE-DIR/flows.db", "root", 20, 2, 0, ztc_collect_edges},
	{"life", "STATE-DIR/flows.db (heartbeats, chained); RTM_GETSTATS", "root", 0, 1, 0,
	 ztc_collect_life},
	{"signing", "STATE-DIR/history; trust directory, role policy", "root", 0, 1, 0,
	 ztc_collect_signing},
	{"simulation", "agent API simulate (BPF_PROG_TEST_RUN of the loaded judge)", "root", 0, 2,
	 0, ztc_collect_simulation},
	{"reconcile", "SOCK_DIAG_BY_FAMILY at random moments; pinned flow tables", "root", 0, 1, 0,
	 ztc_collect_reconcile},
	{0},
};
