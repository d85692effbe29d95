/* SPDX-License-Identifier: Apache-2.0 */
/*
 * banner.h - what a listener of this host serves, and whether it does so in the clear.
 *
 * Told by what it says and how it answers, not by its port; port and program only decide what is
 * tried first, and are the last word for services that say nothing at all to strangers (rsh,
 * rlogin). Nothing that is sent logs anybody in: no password, and no name but a made-up one where
 * a database will not say otherwise whether it takes clear text.
 */
#pragma once
#include <jansson.h>

#include "ctl/probe/wire.h"

/**
 * struct ztc_service - a listener that is being looked at.
 * @proto: IPPROTO_TCP or IPPROTO_UDP. @port: host order.
 * @comm, @exe, @unit: of who listens; NULL when it is not known.
 * @root:  where that process's files are ("/proc/PID/root"); "" = here.
 * @pid:   0 = not known.
 * @old_hello: send the downgrade hello too.
 * @open:  makes a connection; waits for its turn and writes down that it was made. @what says what
 *         for. Returns as ztc_wire_open().
 */
struct ztc_service {
	uint8_t proto;
	uint16_t port;
	const char *comm, *exe, *unit;
	const char *root;
	int pid;
	bool old_hello;
	int (*open)(struct ztc_service *service, const char *what, struct ztc_wire *ret);
	void *ctx;
};

/**
 * ztc_service_probe - find out; fills the object @row with
 *   service: "tls", "ssh", "http", "redis", …, "unknown";
 *   state:   "ok" (it is known what it is), "silent", "closed", "unreachable";
 *   clear:   "yes" (takes clear text), "no", "redirect" (HTTP that only sends on to https),
 *            "possible" (not known, counts as clear), "apart" (DNS: counted apart);
 *   why?:    more about it; config_only?: true when "no" rests on a configuration file alone;
 *   banner?, tls? {see tls.h; via: "direct"|"smtp"|…; downgrade? {…}}, ssh? {see ssh.h}.
 */
void ztc_service_probe(struct ztc_service *service, json_t *row);

/* --- parts of it, one file each --- */

/* What has been found out, set once. */
void ztc_service_is(json_t *row, const char *name, const char *clear, const char *why);
bool ztc_service_named(const struct ztc_service *service, const char *part); /* program or unit */

/**
 * ztc_banner_first - what a server that speaks first is (banner_first.c).
 * @wire:  nothing was taken from it yet.
 * @start: its first bytes.
 */
void ztc_banner_first(struct ztc_service *service, struct ztc_wire *wire, const char *start,
		      size_t len, json_t *row);

/**
 * enum ztc_trial - what is tried on a server that waits (banner_trial.c).
 *
 * ztc_banner_trial() returns whether it was that; @row is filled then.
 */
enum ztc_trial {
	ZTC_TRIAL_TEXT, /* HTTP; Redis and memcached answer it with an error */
	ZTC_TRIAL_POSTGRESQL,
	ZTC_TRIAL_LDAP,
	ZTC_TRIAL_DNS,
	ZTC_TRIAL_RPC,
	ZTC_TRIAL_COUNT,
};
bool ztc_banner_trial(struct ztc_service *service, enum ztc_trial trial, json_t *row);

/**
 * typedef ztc_begin_fn - bring a fresh connection to where a ClientHello may be sent.
 *
 * Returns 0, -EOPNOTSUPP (the server has no TLS), -errno.
 */
typedef int (*ztc_begin_fn)(struct ztc_wire *wire);

/**
 * ztc_banner_tls - one handshake on @wire, then the old hello on a connection of its own.
 * @via:   "direct", "smtp", …
 * @begin: for the second connection; NULL = at once.
 *
 * Fills row["tls"]. Returns as ztc_tls_handshake().
 */
int ztc_banner_tls(struct ztc_service *service, struct ztc_wire *wire, const char *via,
		   ztc_begin_fn begin, json_t *row, char *ret_text, size_t size);

/* ztc_banner_upgrade - the handshake of a protocol that began in the clear, when @r, what its begin
 * returned, lets it; fills @row with service @name. */
void ztc_banner_upgrade(struct ztc_service *service, struct ztc_wire *wire, const char *name,
			ztc_begin_fn begin, int r, json_t *row);

bool ztc_is_mysql(const char *start, size_t len); /* its first bytes are MySQL's or MariaDB's */
void ztc_banner_mysql(struct ztc_service *service, struct ztc_wire *wire, json_t *row);
int ztc_postgresql_hba(
	const struct ztc_service *service); /* 1: a line lets clear text in, 0, -errno */
void ztc_banner_snmp(struct ztc_service *service, json_t *row); /* banner_snmp.c */
