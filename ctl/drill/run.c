// SPDX-License-Identifier: Apache-2.0
/* run.c - what drills share: the way in, what is promoted and labelled, and the way back. */
#include <errno.h>
#include <signal.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/json.h"
#include "ctl/client.h"
#include "ctl/drill/drill.h"

#define ATTEMPT_MS   250 /* a neighbour on a veth answers in one; what is dropped costs this much */
#define DENIED_TWICE 2
#define LABEL_S	     600

static volatile sig_atomic_t stopped;

bool ztc_drill_stopped(void)
{
	return stopped;
}

void ztc_drill_conclude(struct ztc_drill *drill, enum ztc_drill_result result, const char *fmt, ...)
{
	va_list ap;

	free(drill->why);
	drill->result = result;
	va_start(ap, fmt);
	if (vasprintf(&drill->why, fmt, ap) < 0)
		drill->why = NULL;
	va_end(ap);
}

void ztc_drill_note(struct ztc_drill *drill, const char *key, int64_t value)
{
	json_object_set_new(drill->body, key, json_integer(value));
}

void ztc_drill_say(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vfprintf(stderr, fmt, ap);
	va_end(ap);
	fputc('\n', stderr);
}

json_t *ztc_drill_policy(struct ztc_drill *drill)
{
	zt_auto(zt_json_decref) json_t *answer = NULL;
	zt_auto(zt_freep) char *why = NULL;

	if (ztc_try(drill->ctx, "policy status", NULL, &answer, &why) != ZTC_EXIT_OK)
		return NULL;
	return json_incref(json_object_get(answer, "policy"));
}

int ztc_drill_promote(struct ztc_drill *drill)
{
	zt_auto(zt_json_decref) json_t *answer = NULL;
	json_t *args = json_pack("{s:[s], s:I, s:s}", "rules", ZTC_DRILL_RULE, "within_ms",
				 (json_int_t)drill->within_s * 1000, "why", "ztctl drill");
	int status;

	drill->promoted = true; /* also when the answer is lost */
	status = ztc_ask(drill->ctx, "policy promote", args, &answer);
	return status;
}

int ztc_drill_demote(struct ztc_drill *drill)
{
	zt_auto(zt_json_decref) json_t *policy = ztc_drill_policy(drill);
	zt_auto(zt_json_decref) json_t *answer = NULL;

	/* Taken back by its deadline already: a rollback now would take back somebody else's. */
	if (policy && !json_is_true(json_object_get(policy, "awaits_confirmation"))) {
		drill->promoted = false;
		return ZTC_EXIT_OK;
	}
	if (ztc_ask(drill->ctx, "policy rollback", json_pack("{s:s}", "why", "ztctl drill"),
		    &answer) != ZTC_EXIT_OK)
		return ZTC_EXIT_FAILED;
	drill->promoted = false;
	return ZTC_EXIT_OK;
}

int ztc_drill_label(struct ztc_drill *drill, const char *value)
{
	zt_auto(zt_json_decref) json_t *answer = NULL;
	json_t *args = json_pack("{s:s, s:{s:s}, s:i}", "host", ZTC_DRILL_HOST, "labels",
				 ZTC_DRILL_KEY, value, "ttl_s", LABEL_S);

	drill->labelled = true;
	return ztc_ask(drill->ctx, "label set", args, &answer);
}

static void unlabel(struct ztc_drill *drill)
{
	zt_auto(zt_json_decref) json_t *answer = NULL;
	json_t *args = json_pack("{s:s, s:[s]}", "host", ZTC_DRILL_HOST, "keys", ZTC_DRILL_KEY);

	/* It ends by itself after LABEL_S: why it could not be unset has been printed. */
	ztc_ask(drill->ctx, "label unset", args, &answer);
	drill->labelled = false;
}

int ztc_drill_until(struct ztc_drill *drill, uint16_t port, bool open, uint64_t from_ms,
		    unsigned int limit_ms, int64_t *ret_ms)
{
	unsigned int failed = 0;

	while (!stopped) {
		int64_t begun = (int64_t)(ztc_now_ms() - from_ms);
		bool passed = ztc_peer_connect(&drill->peer, port, ATTEMPT_MS, false, NULL) == 0;

		/* A SYN may be lost without anybody denying it; one denied was so when it was sent.
		 */
		failed = passed ? 0 : failed + 1;
		if (open && passed) {
			*ret_ms = (int64_t)(ztc_now_ms() - from_ms);
			return 0;
		}
		if (failed == 1)
			*ret_ms = begun;
		if (!open && failed == DENIED_TWICE)
			return 0;
		if (begun > limit_ms)
			return -ETIMEDOUT;
	}
	return -EINTR;
}

/* --- before and after ------------------------------------------------------------------------ */

static void on_signal(int sig)
{
	(void)sig;
	stopped = 1;
}

/* A drill must be able to take back what it did: not with somebody else's change in the air. */
static int refuse_unsuited(struct ztc_drill *drill)
{
	const json_t *policy = json_object_get(drill->status, "policy");
	const json_t *held = json_object_get(policy, "held_candidate");
	const json_t *agent = json_object_get(drill->status, "agent");

	if (json_is_true(json_object_get(policy, "awaits_confirmation")))
		return ztc_fail(ZTC_EXIT_FAILED,
				"something promoted waits for its confirmation; drill when it is "
				"confirmed or taken back");
	if (json_is_object(held))
		return ztc_fail(ZTC_EXIT_FAILED,
				"a candidate is held; promote it or drop it (ztctl policy stage "
				"--drop) and drill then");
	if (json_is_true(json_object_get(json_object_get(agent, "observe"), "active")))
		return ztc_fail(
			ZTC_EXIT_FAILED,
			"break-glass is on: nothing is denied; end it (ztctl observe --off) "
			"and drill then");
	return ZTC_EXIT_OK;
}

static bool has_statement(const json_t *shown, const char *id)
{
	const json_t *rules = json_object_get(shown, "statements");
	const json_t *rule;
	size_t i;

	json_array_foreach (rules, i, rule)
		if (strcmp(json_string_value(json_object_get(rule, "id")) ?: "", id) == 0)
			return true;
	return false;
}

static int need_snippet(struct ztc_drill *drill)
{
	zt_auto(zt_json_decref) json_t *shown = NULL;
	int status = ztc_ask(drill->ctx, "policy show", NULL, &shown);

	if (status || has_statement(shown, ZTC_DRILL_RULE))
		return status;
	return ztc_fail(ZTC_EXIT_USAGE,
			"the policy in force has no canary statements; add what 'ztctl drill "
			"--snippet' prints to the policy file");
}

static bool guarded(struct ztc_drill *drill)
{
	zt_auto(zt_json_decref) json_t *status = NULL;
	zt_auto(zt_freep) char *why = NULL;
	const json_t *iface;
	size_t i;

	if (ztc_try(drill->ctx, "status", NULL, &status, &why) != ZTC_EXIT_OK)
		return false;
	json_array_foreach (json_object_get(status, "interfaces"), i, iface)
		if (json_integer_value(json_object_get(iface, "ifindex")) == drill->peer.ifindex)
			return strcmp(json_string_value(json_object_get(iface, "state")) ?: "",
				      "guarded") == 0;
	return false;
}

/* The neighbour is there and judged: what is always denied is, what is always allowed passes. */
static int meet(struct ztc_drill *drill)
{
	uint64_t from = ztc_now_ms();
	zt_auto(zt_freep) char *why = NULL;
	int64_t ms;

	if (ztc_peer_start(&drill->peer, &why) < 0)
		return ztc_fail(ZTC_EXIT_FAILED, "%s", why ? why : "out of memory");
	while (!guarded(drill)) {
		if (stopped || ztc_now_ms() - from > 10000)
			return ztc_fail(ZTC_EXIT_FAILED,
					"the agent did not come to guard %s within 10 s; does its "
					"--interface name others only?",
					ZTC_PEER_LINK);
		/* Nothing announces it; an attempt takes its time. */
		ztc_peer_connect(&drill->peer, ZTC_PORT_DENIED, ATTEMPT_MS, false, NULL);
	}
	if (ztc_drill_until(drill, ZTC_PORT_ALLOWED, true, from, 15000, &ms) < 0)
		return ztc_fail(
			ZTC_EXIT_FAILED,
			"the canary neighbour cannot reach tcp/%d, which zt-drill-pass allows: "
			"does another filter (nft list ruleset) drop it?",
			ZTC_PORT_ALLOWED);
	if (ztc_drill_until(drill, ZTC_PORT_DENIED, false, from, 15000, &ms) < 0)
		return ztc_fail(
			ZTC_EXIT_FAILED,
			"the canary neighbour reaches tcp/%d, which zt-drill-deny denies: is "
			"that statement enforced?",
			ZTC_PORT_DENIED);
	return ZTC_EXIT_OK;
}

int ztc_drill_run(struct ztc_drill *drill, const struct ztc_drill_row *row)
{
	struct sigaction act = {.sa_handler = on_signal}, old_int, old_term;
	int status = row->alone ? ZTC_EXIT_OK : ztc_ask(drill->ctx, "status", NULL, &drill->status);

	if (status)
		return status;
	sigaction(SIGINT, &act, &old_int);
	sigaction(SIGTERM, &act, &old_term);
	if (!row->alone)
		status = refuse_unsuited(drill);
	if (!status && row->peer)
		status = need_snippet(drill);
	if (!status && row->peer)
		status = meet(drill);
	if (!status)
		status = row->run(drill);
	if (drill->promoted)
		ztc_drill_demote(drill);
	if (drill->labelled)
		unlabel(drill);
	ztc_peer_stop(&drill->peer);
	sigaction(SIGINT, &old_int, NULL);
	sigaction(SIGTERM, &old_term, NULL);
	if (!status && stopped)
		return ztc_fail(ZTC_EXIT_FAILED,
				"stopped; what was set is taken back, nothing is recorded");
	return status;
}

void ztc_drill_free(struct ztc_drill *drill)
{
	ztc_peer_stop(&drill->peer);
	json_decref(drill->status);
	json_decref(drill->body);
	free(drill->why);
}
