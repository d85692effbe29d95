// SPDX-License-Identifier: Apache-2.0
/* banner_mysql.c - MySQL and MariaDB ("Connection Phase"): TLS on request, and whether they insist.
 */
#include <errno.h>
#include <string.h>
#include <strings.h>

#include "base/cleanup.h"
#include "base/json.h"
#include "ctl/i18n/say.h"
#include "ctl/probe/banner.h"
#include "ctl/probe/config.h"

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

/* The lower capability flags of a greeting (HandshakeV10), or -errno. @ret_mariadb: may be NULL. */
static int mysql_greeting(struct ztc_wire *wire, bool *ret_mariadb)
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
	if (ret_mariadb)
		*ret_mariadb = memmem(buf + 1, (size_t)(end - buf) - 1, "MariaDB", 7) != NULL;
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
	int r = mysql_greeting(wire, NULL);

	if (r < 0)
		return r;
	if (!(r & MYSQL_SSL))
		return -EOPNOTSUPP;
	mysql_answer(packet, 32, MYSQL_PROTOCOL_41 | MYSQL_SSL | MYSQL_SECURE);
	return ztc_wire_write(wire, packet, sizeof(packet));
}

/* Without TLS, without name, without password: MySQL that insists on TLS says so by number. MariaDB
 * denies access in the same words either way: then @ret_told is false. */
static const char *mysql_clear(struct ztc_service *service, bool *ret_told)
{
	zt_auto(ztc_wire_close) struct ztc_wire wire = {.fd = -1};
	uint8_t packet[4 + 34] = {0}, buf[MYSQL_PACKET_MAX];
	bool mariadb = false;
	size_t len;
	int r = service->open(service, "MySQL login phase without TLS and without a name", &wire);

	*ret_told = true;
	if (r == 0)
		r = mysql_greeting(&wire, &mariadb);
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
	*ret_told = buf[0] != 0xff || !mariadb;
	return "yes";
}

struct setting {
	bool required;
};

static void take_setting(void *ctx, const char *word, const char *value, const char *file)
{
	struct setting *setting = ctx;

	(void)file;
	if (strcasecmp(word, "require_secure_transport") == 0 ||
	    strcasecmp(word, "require-secure-transport") == 0)
		setting->required = strcasecmp(value, "on") == 0 || strcmp(value, "1") == 0;
}

/* What MariaDB was told: its default is that clear text is taken. */
static void by_setting(const struct ztc_service *service, json_t *row)
{
	static const char *const files[] = {
		"/etc/mysql/my.cnf", "/etc/mysql/conf.d/*.cnf", "/etc/mysql/mariadb.conf.d/*.cnf",
		"/etc/my.cnf",	     "/etc/my.cnf.d/*.cnf",	NULL};
	struct setting setting = {0};
	int r = service->pid > 0 ? ztc_config_arguments(service->pid, take_setting, &setting)
				 : -ENOENT;

	if (r == 0 && !setting.required)
		ztc_config_read(service->root, service->pid, files, take_setting, &setting);
	if (r < 0) {
		ztc_service_is(
			row, "mysql", "possible",
			N_("it offers TLS; whether it requires it is not told to strangers"));
	} else if (setting.required) {
		ztc_service_is(row, "mysql", "no", N_("its configuration requires TLS"));
		json_object_set_new(row, "config_only", json_true());
	}
}

void ztc_banner_mysql(struct ztc_service *service, struct ztc_wire *wire, json_t *row)
{
	int r = mysql_begin(wire);
	const char *clear;
	bool told;

	if (r == -EACCES) {
		ztc_service_is(row, "mysql", "possible", N_("it does not talk to this host"));
		return;
	}
	ztc_banner_upgrade(service, wire, "mysql", mysql_begin, r, row);
	if (r < 0)
		return;
	clear = mysql_clear(service, &told);
	json_object_set_new(row, "clear", json_string(clear));
	if (strcmp(clear, "yes") == 0)
		json_object_set_new(row, "why",
				    json_string(N_("it offers TLS and does not require it")));
	if (!told)
		by_setting(service, row);
}

/* HandshakeV10 or an error: length, number 0, then 10 or 0xff. */
bool ztc_is_mysql(const char *start, size_t len)
{
	const uint8_t *p = (const uint8_t *)start;

	return len >= 5 && p[2] == 0 && p[3] == 0 && (p[4] == 10 || p[4] == 0xff) && (p[0] || p[1]);
}
