// SPDX-License-Identifier: Apache-2.0
/* banner_trial.c - servers that wait: a question of each kind on a connection of its own. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/cleanup.h"
#include "base/json.h"
#include "ctl/i18n/say.h"
#include "ctl/probe/banner.h"

#define ANSWER_LEN 2048

static uint32_t get_be32(const uint8_t *p)
{
	return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

/* --- text: HTTP (RFC 9112); Redis and memcached answer it with an error of theirs --- */

static bool is_redirect(const char *text)
{
	const char *at = text;
	int status = 0;

	if (sscanf(text, "HTTP/%*d.%*d %d", &status) != 1 || status < 301 || status > 308)
		return false;
	while ((at = strchr(at, '\n'))) {
		at++;
		if (strncasecmp(at, "location:", 9) == 0) {
			at += 9 + strspn(at + 9, " \t");
			return strncasecmp(at, "https://", 8) == 0;
		}
	}
	return false;
}

static bool printable(const char *text, size_t len)
{
	for (size_t i = 0; i < len; i++) {
		unsigned char c = (unsigned char)text[i];

		if (c < ' ' && c != '\r' && c != '\n' && c != '\t')
			return false;
	}
	return len >= 2;
}

/* Until the head is complete or it has no more to say. */
static size_t read_text(struct ztc_wire *wire, char *buf, size_t size)
{
	size_t at = 0;

	while (at + 1 < size) {
		ssize_t n = ztc_wire_read(wire, buf + at, size - 1 - at, at ? 300 : 0);

		if (n <= 0)
			break;
		at += (size_t)n;
		buf[at] = '\0';
		if (strstr(buf, "\r\n\r\n"))
			break;
	}
	buf[at] = '\0';
	return at;
}

static bool try_text(struct ztc_service *service, json_t *row)
{
	static const char question[] = "HEAD / HTTP/1.0\r\n\r\n";
	zt_auto(ztc_wire_close) struct ztc_wire wire = {.fd = -1};
	char text[ANSWER_LEN];
	size_t n;

	if (service->open(service, "HEAD / of HTTP", &wire) < 0 ||
	    ztc_wire_write(&wire, question, sizeof(question) - 1) < 0)
		return false;
	n = read_text(&wire, text, sizeof(text));
	if (!n)
		return false;
	if (strncmp(text, "HTTP/", 5) == 0)
		ztc_service_is(row, "http", is_redirect(text) ? "redirect" : "yes",
			       is_redirect(text) ? N_("it only sends on to https") : NULL);
	else if (strncmp(text, "-ERR ", 5) == 0 || strncmp(text, "-NOAUTH", 7) == 0 ||
		 strncmp(text, "-DENIED", 7) == 0)
		ztc_service_is(row, "redis", "yes", NULL);
	else if (strncmp(text, "ERROR\r\n", 7) == 0)
		ztc_service_is(row, "memcached", "yes", NULL);
	else if (printable(text, n))
		ztc_service_is(row, "unknown", "yes", N_("it answers text in the clear"));
	else
		return false;
	json_object_set_new(row, "banner", zt_json_strn(text, n < 80 ? n : 80));
	return true;
}

/* --- PostgreSQL ("Message Formats": SSLRequest, StartupMessage, ErrorResponse) --- */

static int postgresql_begin(struct ztc_wire *wire)
{
	static const uint8_t request[] = {0, 0, 0, 8, 0x04, 0xd2, 0x16, 0x2f};
	char answer = 0;
	int r = ztc_wire_write(wire, request, sizeof(request));

	if (r == 0)
		r = ztc_wire_full(wire, &answer, 1);
	if (r < 0)
		return r;
	if (answer == 'S')
		return 0;
	return answer == 'N' ? -EOPNOTSUPP : -EPROTO;
}

/* The routine that an ErrorResponse names: not translated, unlike its text. */
static bool refused_by(const uint8_t *body, size_t len, const char *routine)
{
	for (size_t at = 0; at < len && body[at];) {
		const uint8_t *end = memchr(body + at + 1, 0, len - at - 1);

		if (!end)
			return false;
		if (body[at] == 'R' && strcmp((const char *)body + at + 1, routine) == 0)
			return true;
		at = (size_t)(end - body) + 1;
	}
	return false;
}

/* The start of a session without TLS under a name nobody has, ended before a password is due.
 * Returns "yes", "no", "possible"; NULL: it is not PostgreSQL. */
static const char *postgresql_clear(struct ztc_service *service)
{
	static const char startup[] = "\0\0\0\x31\0\3\0\0user\0ztseg-assess\0"
				      "database\0ztseg-assess\0";
	zt_auto(ztc_wire_close) struct ztc_wire wire = {.fd = -1};
	uint8_t head[5], body[ANSWER_LEN];
	uint32_t len;

	if (service->open(service, "PostgreSQL start without TLS", &wire) < 0)
		return "possible";
	if (ztc_wire_write(&wire, startup, sizeof(startup)) < 0 ||
	    ztc_wire_full(&wire, head, sizeof(head)) < 0)
		return NULL;
	len = get_be32(head + 1);
	if ((head[0] != 'R' && head[0] != 'E') || len < 8 || len > sizeof(body))
		return NULL;
	if (head[0] == 'R')
		return "yes";
	if (ztc_wire_full(&wire, body, len - 4) < 0)
		return NULL;
	/* Past pg_hba.conf: the name alone was wrong. */
	if (refused_by(body, len - 4, "InitializeSessionUserId"))
		return "yes";
	return refused_by(body, len - 4, "ClientAuthentication") ? "no" : "possible";
}

static void judge_postgresql(struct ztc_service *service, const char *clear, json_t *row)
{
	int hba;

	if (strcmp(clear, "yes") == 0) {
		ztc_service_is(row, "postgresql", "yes", N_("it begins a session without TLS"));
		return;
	}
	/* Another name may be let in: the rules are per name, so they are read. */
	hba = strcmp(clear, "no") == 0 ? ztc_postgresql_hba(service) : -EAGAIN;
	if (hba == 0)
		ztc_service_is(row, "postgresql", "no", NULL);
	else if (hba == 1)
		ztc_service_is(row, "postgresql", "yes",
			       N_("pg_hba.conf lets some in without TLS (lines host, hostnossl)"));
	else
		ztc_service_is(
			row, "postgresql", "possible",
			N_("it refused an unknown name without TLS; pg_hba.conf was not found"));
}

static bool try_postgresql(struct ztc_service *service, json_t *row)
{
	zt_auto(ztc_wire_close) struct ztc_wire wire = {.fd = -1};
	const char *clear;
	char text[64];
	int r = service->open(service, "PostgreSQL SSLRequest, hello of TLS", &wire);

	if (r == 0)
		r = postgresql_begin(&wire);
	if (r < 0 && r != -EOPNOTSUPP)
		return false;
	if (r == 0 && ztc_banner_tls(service, &wire, "postgresql", postgresql_begin, row, text,
				     sizeof(text)) < 0)
		return false;
	clear = postgresql_clear(service);
	if (!clear)
		return false;
	judge_postgresql(service, clear, row);
	return true;
}

/* --- LDAP (RFC 4511, 4.12, 4.14) --- */

static int ldap_begin(struct ztc_wire *wire)
{
	static const char request[] = "\x30\x1d\x02\x01\x01\x77\x18\x80\x16"
				      "1.3.6.1.4.1.1466.20037";
	uint8_t buf[256];
	size_t len, at;
	int r = ztc_wire_write(wire, request, sizeof(request) - 1);

	if (r == 0)
		r = ztc_wire_full(wire, buf, 2);
	if (r < 0)
		return r;
	len = buf[1];
	/* OpenLDAP writes short lengths, others the form of two or four bytes. */
	if (len == 0x81 || len == 0x82 || len == 0x84) {
		size_t bytes = len & 0x7f;

		r = ztc_wire_full(wire, buf + 2, bytes);
		if (r < 0)
			return r;
		len = 0;
		for (size_t i = 0; i < bytes; i++)
			len = len << 8 | buf[2 + i];
	}
	if (buf[0] != 0x30 || len < 8 || len > sizeof(buf))
		return -EPROTO;
	r = ztc_wire_full(wire, buf, len);
	if (r < 0)
		return r;
	if (memcmp(buf, "\x02\x01\x01\x78", 4) != 0)
		return -EPROTO;
	at = buf[4] & 0x80 ? 5 + (buf[4] & 0x7fU) : 5;
	if (at + 3 > len || buf[at] != 0x0a || buf[at + 1] != 1)
		return -EPROTO;
	return buf[at + 2] == 0 ? 0 : -EOPNOTSUPP;
}

static bool try_ldap(struct ztc_service *service, json_t *row)
{
	zt_auto(ztc_wire_close) struct ztc_wire wire = {.fd = -1};
	char text[64];
	int r = service->open(service, "LDAP StartTLS, hello of TLS", &wire);

	if (r == 0)
		r = ldap_begin(&wire);
	if (r == 0 &&
	    ztc_banner_tls(service, &wire, "ldap", ldap_begin, row, text, sizeof(text)) == 0)
		ztc_service_is(row, "ldap", "no", NULL);
	else if (r == 0)
		ztc_service_is(row, "ldap", "possible", N_("StartTLS is accepted and then fails"));
	else if (r == -EOPNOTSUPP)
		ztc_service_is(row, "ldap", "yes", N_("it does not offer StartTLS"));
	else
		return false;
	return true;
}

/* --- DNS over TCP (RFC 1035, 4.2.2): who serves the root --- */

static bool try_dns(struct ztc_service *service, json_t *row)
{
	static const uint8_t question[] = {0, 17, 0x7a, 0x74, 0, 0, 0, 1, 0, 0,
					   0, 0,  0,	0,    0, 0, 2, 0, 1};
	zt_auto(ztc_wire_close) struct ztc_wire wire = {.fd = -1};
	uint8_t answer[6];

	if (service->open(service, "DNS question for the root", &wire) < 0 ||
	    ztc_wire_write(&wire, question, sizeof(question)) < 0 ||
	    ztc_wire_full(&wire, answer, sizeof(answer)) < 0)
		return false;
	if (answer[2] != 0x7a || answer[3] != 0x74 || !(answer[4] & 0x80))
		return false;
	ztc_service_is(row, "dns", "apart", NULL);
	return true;
}

/* --- ONC RPC (RFC 5531): the null procedure of NFS 4 --- */

static bool try_rpc(struct ztc_service *service, json_t *row)
{
	static const uint8_t call[44] = {
		0x80, 0, 0, 40, 0x7a, 0x74, 0x73, 0x67, 0, 0, 0, 0,
		0,    0, 0, 2,	0,    1,    0x86, 0xa3, 0, 0, 0, 4,
	};
	zt_auto(ztc_wire_close) struct ztc_wire wire = {.fd = -1};
	uint8_t answer[4 + 24];

	if (service->open(service, "null procedure of NFS", &wire) < 0 ||
	    ztc_wire_write(&wire, call, sizeof(call)) < 0 ||
	    ztc_wire_full(&wire, answer, sizeof(answer)) < 0)
		return false;
	/* Fragment, xid, REPLY, accepted, verifier without a body, how it went. */
	if (memcmp(answer + 4, call + 4, 4) != 0 || get_be32(answer + 8) != 1 ||
	    get_be32(answer + 12) != 0 || get_be32(answer + 20) != 0)
		return false;
	if (get_be32(answer + 24) == 0 || get_be32(answer + 24) == 2)
		ztc_service_is(row, "nfs", "yes", NULL);
	else
		ztc_service_is(row, "rpc", "yes", NULL);
	return true;
}

bool ztc_banner_trial(struct ztc_service *service, enum ztc_trial trial, json_t *row)
{
	static bool (*const trials[ZTC_TRIAL_COUNT])(struct ztc_service *, json_t *) = {
		[ZTC_TRIAL_TEXT] = try_text, [ZTC_TRIAL_POSTGRESQL] = try_postgresql,
		[ZTC_TRIAL_LDAP] = try_ldap, [ZTC_TRIAL_DNS] = try_dns,
		[ZTC_TRIAL_RPC] = try_rpc,
	};

	return trials[trial](service, row);
}
