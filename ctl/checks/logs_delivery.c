// SPDX-License-Identifier: Apache-2.0
/*
 * logs_delivery.c - ZTS-3.6-01 and -02: do records reach another host, and who may read them on
 * the way?
 */
#include <string.h>

#include "ctl/checks/logs.h"

#define DELIVERY "ZTS-3.6-01"
#define HOUR_S	 3600

/* What the targets of this host come to. */
struct tally {
	unsigned int remote, udp, connected, idle, stuck, unseen;
};

static void count_targets(const json_t *logs, struct tally *t)
{
	const json_t *target;
	size_t i;

	json_array_foreach (json_object_get(logs, "targets"), i, target) {
		const json_t *connected = json_object_get(target, "connected");

		if (!ztc_log_remote(target))
			continue;
		t->remote++;
		if (strcmp(ztc_log_text(target, "transport"), "udp") == 0)
			t->udp++;
		else if (json_is_null(connected))
			t->unseen++;
		else if (!json_is_true(connected))
			continue;
		else if (json_is_true(json_object_get(target, "stuck")))
			t->stuck++;
		else if (ztc_log_number(target, "bytes_acked") <= 1)
			t->idle++;
		else
			t->connected++;
	}
}

/* Files that could not be read may name a target. */
static bool all_readable(const json_t *logs)
{
	const json_t *row;
	size_t i;

	json_array_foreach (json_object_get(logs, "forwarders"), i, row) {
		if (ztc_log_number(row, "config_unreadable"))
			return false;
	}
	return true;
}

/* When a nonce was emitted by this host; 0 = it was not. */
static int64_t emitted_at(const json_t *records, const char *nonce)
{
	const json_t *drill;
	size_t i;

	json_array_foreach (json_object_get(records, "drills"), i, drill) {
		const json_t *body = json_object_get(drill, "body");

		if (strcmp(ztc_log_text(drill, "name"), "log") == 0 &&
		    strcmp(ztc_log_text(drill, "seal"), "ok") == 0 && *nonce &&
		    strcmp(ztc_log_text(body, "nonce"), nonce) == 0)
			return ztc_log_time(drill, "ended");
	}
	return 0;
}

/* The newest nonce of ours that a collector signed for: when it was emitted, 0 = none. */
static int64_t newest_receipt(const json_t *records, const char **ret_signer)
{
	const json_t *receipt, *row;
	int64_t newest = 0;
	size_t i, n;

	json_array_foreach (json_object_get(records, "receipts"), i, receipt) {
		const json_t *rows = json_object_get(json_object_get(receipt, "body"), "nonces");

		if (strcmp(ztc_log_text(receipt, "seal"), "ok") != 0 ||
		    strcmp(ztc_log_text(receipt, "grade"), "A") != 0)
			continue;
		json_array_foreach (rows, n, row) {
			int64_t at = emitted_at(records, ztc_log_text(row, "nonce"));

			if (at <= newest)
				continue;
			newest = at;
			*ret_signer = ztc_log_text(receipt, "signer");
		}
	}
	return newest;
}

static void list_silent(const json_t *logs, struct ztc_result *r)
{
	const json_t *target;
	size_t i;

	json_array_foreach (json_object_get(logs, "targets"), i, target) {
		char resource[ZTC_LOG_RESOURCE_LEN];

		if (!ztc_log_remote(target))
			continue;
		ztc_log_resource(target, resource);
		if (strcmp(ztc_log_text(target, "transport"), "udp") == 0)
			ztc_offender(r, resource, N_("by UDP, which nobody acknowledges"));
		else if (json_is_true(json_object_get(target, "stuck")))
			ztc_offender(r, resource,
				     N_("connected, but what is sent is not acknowledged"));
		else if (json_is_false(json_object_get(target, "connected")))
			ztc_offender(r, resource, N_("not connected"));
	}
}

/* Without a receipt: what this host can see by itself is never more than partial. */
static void judge_locally(const json_t *logs, const struct tally *t, struct ztc_result *r)
{
	list_silent(logs, r);
	if (!t->remote && !all_readable(logs))
		ztc_conclude(r, ZTC_STATE_UNKNOWN,
			     N_("no target was found, but some configuration files of the log "
				"service may not be read; run as root"));
	else if (!t->remote)
		ztc_conclude(r, ZTC_STATE_FAIL,
			     N_("no log service here sends records to another host"));
	else if (t->udp == t->remote)
		ztc_conclude(
			r, ZTC_STATE_FAIL,
			N_("records leave by UDP only: what is lost on the way is not noticed"));
	else if (t->connected)
		ztc_conclude(r, ZTC_STATE_PARTIAL,
			     N_("%u of %u targets are connected and acknowledge data, but no "
				"collector has signed for a record of the last hours: run 'ztctl "
				"drill log' here and 'ztctl receipt' there"),
			     t->connected, t->remote);
	else if (t->unseen)
		ztc_conclude(
			r, ZTC_STATE_UNKNOWN,
			N_("whether the log service is connected cannot be seen; run as root"));
	else if (t->idle)
		ztc_conclude(r, ZTC_STATE_UNKNOWN,
			     N_("connected, but nothing has been sent on the connection yet"));
	else
		ztc_conclude(r, ZTC_STATE_FAIL,
			     N_("none of %u targets is connected and acknowledges data: records "
				"stay on this host"),
			     t->remote);
}

void ztc_judge_delivery(const struct ztc_facts *facts, struct ztc_result *r)
{
	const json_t *records = ztc_fact_maybe(facts, "records", r);
	const json_t *logs = ztc_fact_maybe(facts, "logs", r);
	int64_t limit_s = (int64_t)(ztc_limit(facts, DELIVERY, "receipt_hours") * HOUR_S);
	const char *signer = "";
	int64_t at = newest_receipt(records, &signer);
	struct tally t = {0};

	ztc_expected(r,
		     N_("a receipt signed by the collector for a record that is at most %d h old"),
		     (int)(limit_s / HOUR_S));
	count_targets(logs, &t);
	if (at)
		ztc_observed(
			r,
			N_("targets: %u, connected: %u, by UDP: %u; latest receipt for a record of "
			   "%lld h ago"),
			t.remote, t.connected, t.udp, (long long)((facts->now_s - at) / HOUR_S));
	else
		ztc_observed(r, N_("targets: %u, connected: %u, by UDP: %u; no receipt"), t.remote,
			     t.connected, t.udp);
	if (at && facts->now_s - at <= limit_s && (!t.remote || t.udp < t.remote)) {
		ztc_conclude(
			r, ZTC_STATE_PASS,
			N_("the collector signed for a record that this host sent %lld min ago "
			   "(key %s)"),
			(long long)((facts->now_s - at) / 60), signer);
		r->grade = "A";
		r->from_s = r->to_s = at;
		r->valid_s = at + limit_s - facts->now_s;
		return;
	}
	if (!logs)
		ztc_fact(facts, "logs", r);
	else
		judge_locally(logs, &t, r);
}

/* --- ZTS-3.6-02 ----------------------------------------------------------------------------- */

static bool any_of(const char *text, const char *const *words)
{
	for (; *words; words++) {
		if (strcmp(text, *words) == 0)
			return true;
	}
	return false;
}

/* One target: what is asked for, held against what was seen of the connection. */
static enum ztc_state judge_target(const json_t *target, struct ztc_result *r)
{
	static const char *const tunnels[] = {"wireguard", "ipsec", NULL};
	static const char *const ciphers[] = {"tls", "dtls", "ssh", "quic", NULL};
	const char *seen = ztc_log_text(target, "seen"), *tls = ztc_log_text(target, "tls");
	bool carried = *ztc_log_text(target, "carrier") || any_of(seen, tunnels);
	bool ciphered = any_of(seen, ciphers);
	char resource[ZTC_LOG_RESOURCE_LEN];

	ztc_log_resource(target, resource);
	if (carried)
		return ZTC_STATE_PASS;
	if (strcmp(seen, "plaintext") == 0) {
		ztc_offender(r, resource, N_("clear text was seen on the connection"));
		return ZTC_STATE_FAIL;
	}
	if (strcmp(tls, "none") == 0 && !ciphered) {
		ztc_offender(r, resource, N_("sent in clear text by its configuration"));
		return ZTC_STATE_FAIL;
	}
	if (strcmp(tls, "unknown") == 0 && !ciphered) {
		ztc_offender(r, resource, N_("nobody saw whether the connection is encrypted"));
		return ZTC_STATE_UNKNOWN;
	}
	if (strcmp(tls, "name") == 0 && ciphered)
		return ZTC_STATE_PASS;
	if (strcmp(tls, "name") == 0)
		ztc_offender(
			r, resource,
			N_("TLS with a check of the name is configured; that the connection uses "
			   "it was not seen (an agent that saw it begin would tell)"));
	else if (strcmp(tls, "certificate") == 0)
		ztc_offender(
			r, resource,
			N_("TLS, but any certificate of that authority will do: no name is checked"));
	else if (strcmp(tls, "anon") == 0)
		ztc_offender(r, resource,
			     N_("TLS, but with whoever answers: no certificate is checked"));
	else
		ztc_offender(r, resource, N_("encrypted; whom it asks for is not known"));
	return ZTC_STATE_PARTIAL;
}

static void conclude_transport(enum ztc_state worst, struct ztc_result *r)
{
	if (worst == ZTC_STATE_PASS)
		ztc_conclude(r, worst,
			     N_("all %lld ways to log targets are encrypted, and the other end is "
				"authenticated"),
			     (long long)r->den);
	else if (worst == ZTC_STATE_PARTIAL)
		ztc_conclude(r, worst,
			     N_("%lld of %lld ways to log targets are proven to be encrypted to an "
				"authenticated end; the others are encrypted, or are said to be"),
			     (long long)r->num, (long long)r->den);
	else if (worst == ZTC_STATE_UNKNOWN)
		ztc_conclude(
			r, worst,
			N_("how %lld of %lld ways to log targets are protected is not known; an "
			   "agent that sees the connection begin would tell"),
			(long long)(r->den - r->num), (long long)r->den);
	else
		ztc_conclude(r, worst, N_("records leave this host in clear text"));
}

void ztc_judge_transport(const struct ztc_facts *facts, struct ztc_result *r)
{
	const json_t *logs = ztc_fact(facts, "logs", r);
	enum ztc_state worst = ZTC_STATE_NA;
	const json_t *target;
	size_t i;

	ztc_expected(
		r, N_("TLS that checks the name of the collector, or a tunnel (WireGuard, IPsec)"));
	if (!logs)
		return;
	r->num = r->den = 0;
	json_array_foreach (json_object_get(logs, "targets"), i, target) {
		enum ztc_state state;

		if (!ztc_log_remote(target))
			continue;
		state = judge_target(target, r);
		r->den++;
		r->num += state == ZTC_STATE_PASS;
		if (state > worst)
			worst = state;
	}
	if (r->den) {
		conclude_transport(worst, r);
	} else if (!all_readable(logs)) {
		ztc_conclude(r, ZTC_STATE_UNKNOWN,
			     N_("no target was found, but some configuration files of the log "
				"service may not be read; run as root"));
	} else {
		r->num = r->den = -1;
		ztc_conclude(r, ZTC_STATE_NA,
			     N_("nothing is sent to another host, which ZTS-3.6-01 says already"));
	}
}
