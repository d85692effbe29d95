// SPDX-License-Identifier: Apache-2.0
/* banner_first.c - servers that speak first: SSH, mail, FTP, telnet, VNC, rsync. */
#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "base/cleanup.h"
#include "base/json.h"
#include "ctl/i18n/say.h"
#include "ctl/probe/banner.h"
#include "ctl/probe/ssh.h"

#define LINE_LEN  512 /* longer than RFC 5321 and 959 want */
#define LINES_MAX 64

/* Replies of several lines: "220-…", the last one "220 …". Returns the code, -errno. */
static int reply(struct ztc_wire *wire, bool *ret_starttls)
{
	char line[LINE_LEN];

	for (int i = 0; i < LINES_MAX; i++) {
		ssize_t n = ztc_wire_line(wire, line, sizeof(line));

		if (n < 0)
			return (int)n;
		if (ret_starttls && n >= 12 && strncasecmp(line + 4, "STARTTLS", 8) == 0)
			*ret_starttls = true;
		if (n >= 3 && isdigit(line[0]) && isdigit(line[1]) && isdigit(line[2]) &&
		    line[3] != '-')
			return (line[0] - '0') * 100 + (line[1] - '0') * 10 + line[2] - '0';
	}
	return -EPROTO;
}

static int say(struct ztc_wire *wire, const char *text)
{
	return ztc_wire_write(wire, text, strlen(text));
}

/* --- SMTP (RFC 5321, 3207), FTP (RFC 959, 4217) --- */

static int ftp_auth(struct ztc_wire *wire)
{
	int r = say(wire, "AUTH TLS\r\n");

	if (r == 0)
		r = reply(wire, NULL);
	if (r == 234)
		return 0;
	return r < 0 ? r : -EOPNOTSUPP;
}

static int ftp_begin(struct ztc_wire *wire)
{
	int r = reply(wire, NULL);

	if (r != 220)
		return r < 0 ? r : -EPROTO;
	return ftp_auth(wire);
}

/* -EPROTO: it is not SMTP, since it does not know EHLO. */
static int smtp_begin(struct ztc_wire *wire)
{
	bool starttls = false;
	int r = reply(wire, NULL);

	if (r != 220)
		return r < 0 ? r : -EPROTO;
	r = say(wire, "EHLO ztseg.invalid\r\n");
	if (r == 0)
		r = reply(wire, &starttls);
	if (r != 250)
		return r < 0 ? r : -EPROTO;
	if (!starttls)
		return -EOPNOTSUPP;
	r = say(wire, "STARTTLS\r\n");
	if (r == 0)
		r = reply(wire, NULL);
	if (r == 220)
		return 0;
	return r < 0 ? r : -EOPNOTSUPP;
}

/* --- POP3 (RFC 2595), IMAP (RFC 3501) --- */

static int pop3_begin(struct ztc_wire *wire)
{
	char line[LINE_LEN];
	ssize_t n = ztc_wire_line(wire, line, sizeof(line));

	if (n >= 0)
		n = say(wire, "STLS\r\n");
	if (n >= 0)
		n = ztc_wire_line(wire, line, sizeof(line));
	if (n < 0)
		return (int)n;
	return strncmp(line, "+OK", 3) == 0 ? 0 : -EOPNOTSUPP;
}

static int imap_begin(struct ztc_wire *wire)
{
	char line[LINE_LEN];
	ssize_t n = ztc_wire_line(wire, line, sizeof(line));

	if (n >= 0)
		n = say(wire, "a1 STARTTLS\r\n");
	for (int i = 0; n >= 0 && i < LINES_MAX; i++) {
		n = ztc_wire_line(wire, line, sizeof(line));
		if (n >= 3 && strncmp(line, "a1 ", 3) == 0)
			return strncasecmp(line + 3, "OK", 2) == 0 ? 0 : -EOPNOTSUPP;
	}
	return n < 0 ? (int)n : -EPROTO;
}

/* --- all of them --- */

void ztc_banner_upgrade(struct ztc_service *service, struct ztc_wire *wire, const char *name,
			ztc_begin_fn begin, int r, json_t *row)
{
	char text[64];

	if (r == 0)
		r = ztc_banner_tls(service, wire, name, begin, row, text, sizeof(text));
	if (r == 0)
		ztc_service_is(row, name, "no", NULL);
	else if (r == -EOPNOTSUPP)
		ztc_service_is(row, name, "yes", N_("it does not offer TLS"));
	else
		ztc_service_is(row, name, "possible",
			       N_("it offers TLS and then does not speak it"));
}

static void is_220(struct ztc_service *service, struct ztc_wire *wire, const char *start,
		   json_t *row)
{
	zt_auto(ztc_wire_close) struct ztc_wire again = {.fd = -1};
	bool ftp = strcasestr(start, "ftp") || service->port == 21 ||
		   ztc_service_named(service, "ftp");
	int r;

	if (!ftp) {
		r = smtp_begin(wire);
		if (r != -EPROTO) {
			ztc_banner_upgrade(service, wire, "smtp", smtp_begin, r, row);
			return;
		}
		ztc_wire_close(wire);
		r = service->open(service, "FTP greeting, hello of TLS", &again);
		if (r == 0)
			r = ftp_begin(&again);
		ztc_banner_upgrade(service, &again, "ftp", ftp_begin, r, row);
		return;
	}
	ztc_banner_upgrade(service, wire, "ftp", ftp_begin, ftp_begin(wire), row);
}

static void is_ssh(struct ztc_wire *wire, json_t *row)
{
	zt_auto(zt_json_decref) json_t *ssh = json_object();
	char line[LINE_LEN];

	for (int i = 0; i < LINES_MAX; i++) {
		if (ztc_wire_line(wire, line, sizeof(line)) < 0)
			break;
		if (strncmp(line, "SSH-", 4) != 0)
			continue;
		if (ztc_ssh_kexinit(wire, line, ssh) < 0) {
			ztc_service_is(row, "unknown", "possible",
				       N_("it begins like SSH and exchanges no keys"));
			return;
		}
		json_object_set(row, "ssh", ssh);
		if (strncmp(line, "SSH-2.", 6) == 0 || strncmp(line, "SSH-1.99", 8) == 0)
			ztc_service_is(row, "ssh", "no", NULL);
		else
			ztc_service_is(row, "ssh", "yes", N_("version 1 of SSH"));
		return;
	}
	ztc_service_is(row, "unknown", "possible", N_("it began like SSH and did not go on"));
}

/* RFC 6143, 7.1: types 18 (TLS) and 19 (VeNCrypt) encrypt; others are clear or not told. */
static void is_vnc(struct ztc_wire *wire, json_t *row)
{
	char line[16];
	uint8_t count = 0, types[255];
	ssize_t n = ztc_wire_line(wire, line, sizeof(line));
	bool clear = false;

	if (n >= 0)
		n = say(wire, "RFB 003.008\n");
	if (n >= 0)
		n = ztc_wire_full(wire, &count, 1);
	if (n >= 0)
		n = ztc_wire_full(wire, types, count);
	for (size_t i = 0; n >= 0 && i < count; i++)
		clear = clear || (types[i] != 18 && types[i] != 19);
	ztc_service_is(row, "vnc",
		       n < 0 || !count ? "possible"
		       : clear	       ? "yes"
				       : "no",
		       clear ? N_("it offers security types without encryption") : NULL);
}

static bool is_telnet(const char *start, size_t len)
{
	const uint8_t *p = (const uint8_t *)start;

	return len >= 3 && p[0] == 255 && p[1] >= 251 && p[1] <= 254;
}

/* What has no way to TLS, by how it begins. */
static bool is_plain(const char *start, json_t *row)
{
	static const struct {
		const char *start, *name;
	} known[] = {
		{"@RSYNCD:", "rsync"}, {"-DENIED ", "redis"}, {"-ERR ", "redis"},
		{"-NOAUTH", "redis"},  {"login:", "telnet"},  {"HTTP/", "http"},
	};

	for (size_t i = 0; i < ARRAY_SIZE(known); i++) {
		if (strncmp(start, known[i].start, strlen(known[i].start)) == 0) {
			ztc_service_is(row, known[i].name, "yes", NULL);
			return true;
		}
	}
	return false;
}

void ztc_banner_first(struct ztc_service *service, struct ztc_wire *wire, const char *start,
		      size_t len, json_t *row)
{
	json_object_set_new(row, "banner",
			    zt_json_strn(start, strnlen(start, len < 120 ? len : 120)));
	if (strncmp(start, "SSH-", 4) == 0)
		is_ssh(wire, row);
	else if (is_telnet(start, len))
		ztc_service_is(row, "telnet", "yes", NULL);
	else if (ztc_is_mysql(start, len))
		ztc_banner_mysql(service, wire, row);
	else if (strncmp(start, "220", 3) == 0)
		is_220(service, wire, start, row);
	else if (strncmp(start, "+OK", 3) == 0)
		ztc_banner_upgrade(service, wire, "pop3", pop3_begin, pop3_begin(wire), row);
	else if (strncmp(start, "* OK", 4) == 0 || strncmp(start, "* PRE", 5) == 0)
		ztc_banner_upgrade(service, wire, "imap", imap_begin, imap_begin(wire), row);
	else if (strncmp(start, "RFB 003", 7) == 0)
		is_vnc(wire, row);
	else if (!is_plain(start, row))
		ztc_service_is(row, "unknown", "possible", N_("its greeting is not known"));
}
