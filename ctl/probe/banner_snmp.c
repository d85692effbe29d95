// SPDX-License-Identifier: Apache-2.0
/*
 * banner_snmp.c - SNMP: found by the discovery of version 3, which asks for nothing secret.
 *
 * A community is a password, and none is guessed: whether versions 1 and 2c are served is told by
 * an empty one, else by the agent's configuration.
 */
#include <errno.h>
#include <glob.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/cleanup.h"
#include "base/json.h"
#include "ctl/i18n/say.h"
#include "ctl/probe/banner.h"
#include "ctl/probe/config.h"

/* RFC 3414, 4: engine discovery; message 0x7a747367, reportable, user-based security. */
static const uint8_t discovery[] = {
	0x30, 0x3e, 0x02, 0x01, 0x03, 0x30, 0x11, 0x02, 0x04, 0x7a, 0x74, 0x73, 0x67,
	0x02, 0x03, 0x00, 0xff, 0xe3, 0x04, 0x01, 0x04, 0x02, 0x01, 0x03, 0x04, 0x10,
	0x30, 0x0e, 0x04, 0x00, 0x02, 0x01, 0x00, 0x02, 0x01, 0x00, 0x04, 0x00, 0x04,
	0x00, 0x04, 0x00, 0x30, 0x14, 0x04, 0x00, 0x04, 0x00, 0xa0, 0x0e, 0x02, 0x04,
	0x7a, 0x74, 0x73, 0x67, 0x02, 0x01, 0x00, 0x02, 0x01, 0x00, 0x30, 0x00,
};

/* RFC 1157, 3416: sysUpTime.0 by version 2c with a community of no length. */
static const uint8_t empty_community[] = {
	0x30, 0x21, 0x02, 0x01, 0x01, 0x04, 0x00, 0xa0, 0x1a, 0x02, 0x02, 0x7a,
	0x74, 0x02, 0x01, 0x00, 0x02, 0x01, 0x00, 0x30, 0x0e, 0x30, 0x0c, 0x06,
	0x08, 0x2b, 0x06, 0x01, 0x02, 0x01, 0x01, 0x03, 0x00, 0x05, 0x00,
};

/* The version in an SNMP message: 0 = 1, 1 = 2c, 3 = 3; or -EPROTO. */
static int version_of(const uint8_t *msg, size_t len)
{
	size_t at = 2;

	if (len < 5 || msg[0] != 0x30)
		return -EPROTO;
	if (msg[1] & 0x80)
		at += msg[1] & 0x7fU;
	if (at + 3 > len || msg[at] != 0x02 || msg[at + 1] != 1)
		return -EPROTO;
	return msg[at + 2];
}

static int ask(struct ztc_service *service, const char *what, const uint8_t *msg, size_t len)
{
	zt_auto(ztc_wire_close) struct ztc_wire wire = {.fd = -1};
	uint8_t answer[1500];
	ssize_t n;
	int r = service->open(service, what, &wire);

	if (r == 0)
		r = ztc_wire_write(&wire, msg, len);
	if (r < 0)
		return r;
	n = ztc_wire_read(&wire, answer, sizeof(answer), 1000);
	return n < 0 ? (int)n : version_of(answer, (size_t)n);
}

/* 1: net-snmp is told a community; 0: it is told none; -ENOENT: no file of it can be read. */
static int configured(const struct ztc_service *service)
{
	static const char *const words[] = {
		"rocommunity",	"rwcommunity", "com2sec", "rocommunity6",
		"rwcommunity6", "com2sec6",    NULL};
	static const char *const files[] = {"/etc/snmp/snmpd.conf", "/etc/snmp/snmpd.conf.d/*.conf",
					    "/etc/snmp/snmpd.local.conf",
					    "/var/lib/snmp/snmpd.conf", NULL};

	static const char *const none[] = {NULL};
	int r = ztc_config_has(service->root, service->pid, none, words);

	/* A file that it was started with stands for the usual ones. */
	return r >= 0 ? r : ztc_config_has(service->root, 0, files, words);
}

void ztc_banner_snmp(struct ztc_service *service, json_t *row)
{
	int r = ask(service, "SNMP version 3 discovery", discovery, sizeof(discovery)), config;

	if (r != 3 && !ztc_service_named(service, "snmpd")) {
		ztc_service_is(row, "unknown", "apart",
			       N_("not SNMP; other UDP is not judged here"));
		json_object_set_new(row, "state", json_string("silent"));
		return;
	}
	r = ask(service, "SNMP version 2c, empty community", empty_community,
		sizeof(empty_community));
	config = configured(service);
	if (r == 0 || r == 1)
		ztc_service_is(row, "snmp", "yes",
			       N_("version 2c is answered, even without community"));
	else if (config == 1)
		ztc_service_is(row, "snmp", "yes",
			       N_("its configuration sets communities (1, 2c)"));
	else if (config == 0)
		ztc_service_is(row, "snmp", "no", N_("its configuration sets no community"));
	else
		ztc_service_is(row, "snmp", "possible",
			       N_("whether it takes 1 and 2c is not known"));
	if (config == 0)
		json_object_set_new(row, "config_only", json_true());
}
