// SPDX-License-Identifier: Apache-2.0
/* banner.c - one listener: who speaks first, TLS or not, and what else is tried in which order. */
#include <errno.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/json.h"
#include "ctl/i18n/say.h"
#include "ctl/probe/banner.h"
#include "ctl/probe/tls.h"

#define BANNER_MS 700 /* what speaks first has done so by then */
#define START_LEN 256

void ztc_service_is(json_t *row, const char *name, const char *clear, const char *why)
{
	json_object_set_new(row, "service", json_string(name));
	json_object_set_new(row, "state", json_string("ok"));
	json_object_set_new(row, "clear", json_string(clear));
	if (why)
		json_object_set_new(row, "why", zt_json_str(why));
}

bool ztc_service_named(const struct ztc_service *service, const char *part)
{
	const char *exe = service->exe ? strrchr(service->exe, '/') : NULL;

	return (service->comm && strstr(service->comm, part)) || (exe && strstr(exe, part)) ||
	       (service->unit && strstr(service->unit, part));
}

int ztc_banner_tls(struct ztc_service *service, struct ztc_wire *wire, const char *via,
		   ztc_begin_fn begin, json_t *row, char *ret_text, size_t size)
{
	zt_auto(zt_json_decref) json_t *tls = json_object();
	zt_auto(ztc_wire_close) struct ztc_wire second = {.fd = -1};
	json_t *old;
	int r = ztc_tls_handshake(wire, tls, ret_text, size);

	if (r < 0)
		return r;
	json_object_set_new(tls, "via", json_string(via));
	json_object_set(row, "tls", tls);
	if (!service->old_hello)
		return 0;
	old = json_object();
	json_object_set_new(tls, "downgrade", old);
	ztc_wire_close(wire);
	r = service->open(service, "hello of TLS 1.1", &second);
	if (r == 0 && begin)
		r = begin(&second);
	if (r == 0) {
		ztc_tls_downgrade(&second, old);
		return 0;
	}
	json_object_set_new(old, "state", json_string("unknown"));
	json_object_set_new(old, "why", zt_json_str(strerror(-r)));
	return 0;
}

/* The first bytes of what speaks first, all of a line if it comes soon: crumbs are waited for. */
static ssize_t first_bytes(struct ztc_wire *wire, char *buf, size_t size)
{
	struct ztc_wire early = *wire;
	int64_t until = ztc_wire_now_ms() + BANNER_MS;
	ssize_t n;

	if (until < early.deadline_ms)
		early.deadline_ms = until;
	for (;;) {
		struct ztc_wire pause = {.fd = -1, .deadline_ms = ztc_wire_now_ms() + 20};

		n = ztc_wire_peek(&early, buf, size - 1);
		if (n <= 0)
			return n;
		if (n >= 8 || memchr(buf, '\n', (size_t)n) ||
		    ztc_wire_now_ms() >= early.deadline_ms)
			break;
		ztc_wire_wait(&pause, 0);
	}
	buf[n] = '\0';
	return n;
}

/* What is tried before anything else: a server that would only log nonsense is asked its way. */
static enum ztc_trial asked_first(const struct ztc_service *service)
{
	if (service->port == 5432 || ztc_service_named(service, "postgres") ||
	    ztc_service_named(service, "pgbouncer"))
		return ZTC_TRIAL_POSTGRESQL;
	if (service->port == 389 || ztc_service_named(service, "slapd") ||
	    ztc_service_named(service, "ns-slapd"))
		return service->port == 636 ? ZTC_TRIAL_COUNT : ZTC_TRIAL_LDAP;
	if (service->port == 53)
		return ZTC_TRIAL_DNS;
	if (service->port == 2049 || service->port == 111)
		return ZTC_TRIAL_RPC;
	return ZTC_TRIAL_COUNT;
}

static bool try_others(struct ztc_service *service, enum ztc_trial tried, json_t *row)
{
	for (enum ztc_trial t = 0; t < ZTC_TRIAL_COUNT; t++) {
		if (t != tried && ztc_banner_trial(service, t, row))
			return true;
	}
	return false;
}

/* Services that say nothing to a stranger are told by their program's name. */
static bool by_name(const struct ztc_service *service, json_t *row)
{
	static const struct {
		const char *part, *name;
	} silent[] = {
		{"rshd", "rsh"},       {"rlogind", "rlogin"}, {"rexecd", "rexec"},
		{"rsh.", "rsh"},       {"rlogin.", "rlogin"}, {"rexec.", "rexec"},
		{"telnetd", "telnet"}, {"telnet.", "telnet"},
	};

	for (size_t i = 0; i < ARRAY_SIZE(silent); i++) {
		if (ztc_service_named(service, silent[i].part)) {
			ztc_service_is(row, silent[i].name, "yes",
				       N_("told by the program's name"));
			return true;
		}
	}
	return false;
}

static void nothing_known(const struct ztc_service *service, json_t *row, const char *state,
			  const char *why)
{
	if (by_name(service, row))
		return;
	ztc_service_is(row, "unknown", "possible", why);
	json_object_set_new(row, "state", json_string(state));
}

static void client_first(struct ztc_service *service, struct ztc_wire *wire, enum ztc_trial tried,
			 json_t *row)
{
	char text[START_LEN];
	int r = ztc_banner_tls(service, wire, "direct", NULL, row, text, sizeof(text));

	if (r == 0) {
		ztc_service_is(row, "tls", "no", NULL);
		return;
	}
	ztc_wire_close(wire);
	if (!try_others(service, tried, row))
		nothing_known(service, row, "silent",
			      r == -EPROTO ? N_("an answer that is not understood")
					   : N_("no answer to anything that was tried"));
}

static void probe_tcp(struct ztc_service *service, json_t *row)
{
	zt_auto(ztc_wire_close) struct ztc_wire wire = {.fd = -1};
	enum ztc_trial first = asked_first(service);
	char start[START_LEN];
	ssize_t n;
	int r;

	if (first != ZTC_TRIAL_COUNT && ztc_banner_trial(service, first, row))
		return;
	r = service->open(service, "banner, hello of TLS", &wire);
	if (r < 0) {
		nothing_known(service, row, "unreachable", strerror(-r));
		return;
	}
	n = first_bytes(&wire, start, sizeof(start));
	if (n > 0)
		ztc_banner_first(service, &wire, start, (size_t)n, row);
	else if (n == -ETIMEDOUT)
		client_first(service, &wire, first, row);
	else
		nothing_known(service, row, "closed", N_("closed before anything was said"));
}

void ztc_service_probe(struct ztc_service *service, json_t *row)
{
	if (service->proto == IPPROTO_UDP)
		ztc_banner_snmp(service, row);
	else
		probe_tcp(service, row);
}
