// SPDX-License-Identifier: Apache-2.0
/* banner_first.c - servers that speak first: SSH, mail, FTP, MySQL, telnet, VNC, rsync. */
#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "base/cleanup.h"
#include "base/json.h"
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

/* --- MySQL and MariaDB ("Connection Phase") --- */

#define MYSQL_PROTOCOL_41  0x0200
#define MYSQL_SSL	   0x0800
#define MYSQL_SECURE	   0x8000
#define MYSQL_PACKET_MAX   1024
#define MYSQL_ERR_INSECURE 3159 /* ER_SECURE_TRANSPORT_REQUIRED */

static int mysql_packet(struct ztc_wire *wire, uint8_t *buf, size_t *ret_len)
{
	uint8_t head[4];
	int r = ztc_wire_full(wire, head, sizeof(head));

	if (r < 0)
		return r;
	*ret_len = head[0] | (size_t)head[1] << 8 | (size_t)head[2] << 16;
	if (!*ret_len || *ret_len > MYSQL_PACKET_MAX)
		return -EPROTO;
	return ztc_wire_full(wire, buf, *ret_len);
}

/* The lower capability flags of a greeting (HandshakeV10), or -errno. */
static int mysql_greeting(struct ztc_wire *wire)
{
	uint8_t buf[MYSQL_PACKET_MAX];
	const uint8_t *end;
	size_t len, at;
	int r = mysql_packet(wire, buf, &len);

	if (r < 0)
		return r;
	if (buf[0] != 10)
		return buf[0] == 0xff ? -EACCES : -EPROTO;
	end = memchr(buf + 1, 0, len - 1);
	if (!end)
		return -EPROTO;
	at = (size_t)(end - buf) + 1 + 4 + 8 + 1;
	if (at + 2 > len)
		return -EPROTO;
	return buf[at] | buf[at + 1] << 8;
}

/* A packet that begins a client's answer: flags, the largest packet, utf8, 23 zeros. */
static void mysql_answer(uint8_t *packet, uint8_t payload, uint32_t flags)
{
	memset(packet, 0, 4 + 32);
	packet[0] = payload;
	packet[3] = 1;
	packet[4] = (uint8_t)flags;
	packet[5] = (uint8_t)(flags >> 8);
	packet[7] = (uint8_t)(flags >> 24);
	packet[10] = 1; /* 64 kB, little-endian */
	packet[12] = 33;
}

static int mysql_begin(struct ztc_wire *wire)
{
	uint8_t packet[4 + 32];
	int r = mysql_greeting(wire);

	if (r < 0)
		return r;
	if (!(r & MYSQL_SSL))
		return -EOPNOTSUPP;
	mysql_answer(packet, 32, MYSQL_PROTOCOL_41 | MYSQL_SSL | MYSQL_SECURE);
	return ztc_wire_write(wire, packet, sizeof(packet));
}

/* Without TLS, without name, without password: a server that insists on TLS says so by number. */
static const char *mysql_clear(struct ztc_service *service)
{
	zt_auto(ztc_wire_close) struct ztc_wire wire = {.fd = -1};
	uint8_t packet[4 + 34] = {0}, buf[MYSQL_PACKET_MAX];
	size_t len;
	int r = service->open(service, "MySQL login phase without TLS and without a name", &wire);

	if (r == 0)
		r = mysql_greeting(&wire);
	if (r < 0)
		return "possible";
	mysql_answer(packet, 34, MYSQL_PROTOCOL_41 | MYSQL_SECURE);
	r = ztc_wire_write(&wire, packet, sizeof(packet));
	if (r == 0)
		r = mysql_packet(&wire, buf, &len);
	if (r < 0)
		return "possible";
	if (buf[0] == 0xff && len >= 3 && (buf[1] | buf[2] << 8) == MYSQL_ERR_INSECURE)
		return "no";
	return "yes";
}

/* --- all of them --- */

static void finish_upgrade(struct ztc_service *service, struct ztc_wire *wire, const char *name,
			   ztc_begin_fn begin, int r, json_t *row)
{
	char text[64];

	if (r == 0)
		r = ztc_banner_tls(service, wire, name, begin, row, text, sizeof(text));
	if (r == 0)
		ztc_service_is(row, name, "no", NULL);
	else if (r == -EOPNOTSUPP)
		ztc_service_is(row, name, "yes", "it does not offer TLS");
	else
		ztc_service_is(row, name, "possible", "it offers TLS and then does not speak it");
}

static void is_mysql(struct ztc_service *service, struct ztc_wire *wire, json_t *row)
{
	int r = mysql_begin(wire);
	const char *clear;

	if (r == -EACCES) {
		ztc_service_is(row, "mysql", "possible", "it does not talk to this host");
		return;
	}
	finish_upgrade(service, wire, "mysql", mysql_begin, r, row);
	if (r < 0)
		return;
	clear = mysql_clear(service);
	json_object_set_new(row, "clear", json_string(clear));
	if (strcmp(clear, "yes") == 0)
		json_object_set_new(row, "why",
				    json_string("it offers TLS and does not require it"));
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
			finish_upgrade(service, wire, "smtp", smtp_begin, r, row);
			return;
		}
		ztc_wire_close(wire);
		r = service->open(service, "FTP greeting, hello of TLS", &again);
		if (r == 0)
			r = ftp_begin(&again);
		finish_upgrade(service, &again, "ftp", ftp_begin, r, row);
		return;
	}
	finish_upgrade(service, wire, "ftp", ftp_begin, ftp_begin(wire), row);
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
				       "it begins like SSH and exchanges no keys");
			return;
		}
		json_object_set(row, "ssh", ssh);
		if (strncmp(line, "SSH-2.", 6) == 0 || strncmp(line, "SSH-1.99", 8) == 0)
			ztc_service_is(row, "ssh", "no", NULL);
		else
			ztc_service_is(row, "ssh", "yes", "version 1 of SSH");
		return;
	}
	ztc_service_is(row, "unknown", "possible", "it began like SSH and did not go on");
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
		       clear ? "it offers security types without encryption" : NULL);
}

static bool is_telnet(const char *start, size_t len)
{
	const uint8_t *p = (const uint8_t *)start;

	return len >= 3 && p[0] == 255 && p[1] >= 251 && p[1] <= 254;
}

/* HandshakeV10 or an error: length, number 0, then 10 or 0xff. */
static bool is_mysql_start(const char *start, size_t len)
{
	const uint8_t *p = (const uint8_t *)start;

	return len >= 5 && p[2] == 0 && p[3] == 0 && (p[4] == 10 || p[4] == 0xff) && (p[0] || p[1]);
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
	else if (is_mysql_start(start, len))
		is_mysql(service, wire, row);
	else if (strncmp(start, "220", 3) == 0)
		is_220(service, wire, start, row);
	else if (strncmp(start, "+OK", 3) == 0)
		finish_upgrade(service, wire, "pop3", pop3_begin, pop3_begin(wire), row);
	else if (strncmp(start, "* OK", 4) == 0 || strncmp(start, "* PRE", 5) == 0)
		finish_upgrade(service, wire, "imap", imap_begin, imap_begin(wire), row);
	else if (strncmp(start, "RFB 003", 7) == 0)
		is_vnc(wire, row);
	else if (!is_plain(start, row))
		ztc_service_is(row, "unknown", "possible", "its greeting is not known");
}
