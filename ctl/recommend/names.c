/* SPDX-License-Identifier: Apache-2.0 */
/* names.c - names people would choose: of services by their ports, and each name once. */
#include <ctype.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>

#include "base/cleanup.h"
#include "ctl/recommend/recommend.h"
#include "policy/rules.h"

#define NAME_ROOM (ZT_NAME_LEN - 8) /* leaves place for a number */

static const struct {
	uint8_t proto;
	uint16_t port;
	const char *name;
} services[] = {
	{IPPROTO_TCP, 21, "ftp"},	   {IPPROTO_TCP, 22, "ssh"},
	{IPPROTO_TCP, 23, "telnet"},	   {IPPROTO_TCP, 25, "smtp"},
	{IPPROTO_TCP, 53, "dns"},	   {IPPROTO_UDP, 53, "dns"},
	{IPPROTO_UDP, 67, "dhcp"},	   {IPPROTO_UDP, 547, "dhcp"},
	{IPPROTO_TCP, 80, "http"},	   {IPPROTO_TCP, 88, "kerberos"},
	{IPPROTO_UDP, 88, "kerberos"},	   {IPPROTO_UDP, 123, "ntp"},
	{IPPROTO_TCP, 143, "imap"},	   {IPPROTO_UDP, 161, "snmp"},
	{IPPROTO_UDP, 162, "snmp-trap"},   {IPPROTO_TCP, 389, "ldap"},
	{IPPROTO_UDP, 389, "ldap"},	   {IPPROTO_TCP, 443, "https"},
	{IPPROTO_UDP, 443, "https"},	   {IPPROTO_TCP, 445, "smb"},
	{IPPROTO_TCP, 465, "smtp"},	   {IPPROTO_UDP, 514, "syslog"},
	{IPPROTO_TCP, 514, "syslog"},	   {IPPROTO_TCP, 587, "smtp"},
	{IPPROTO_TCP, 636, "ldap"},	   {IPPROTO_TCP, 993, "imap"},
	{IPPROTO_TCP, 1433, "mssql"},	   {IPPROTO_TCP, 1521, "oracle"},
	{IPPROTO_TCP, 2049, "nfs"},	   {IPPROTO_TCP, 2379, "etcd"},
	{IPPROTO_TCP, 3128, "proxy"},	   {IPPROTO_TCP, 3306, "mysql"},
	{IPPROTO_TCP, 3389, "rdp"},	   {IPPROTO_UDP, 5353, "mdns"},
	{IPPROTO_TCP, 5432, "postgresql"}, {IPPROTO_TCP, 5672, "amqp"},
	{IPPROTO_TCP, 6379, "redis"},	   {IPPROTO_TCP, 6443, "kubernetes"},
	{IPPROTO_TCP, 6514, "syslog"},	   {IPPROTO_TCP, 8080, "http-8080"},
	{IPPROTO_TCP, 8443, "https-8443"}, {IPPROTO_TCP, 9092, "kafka"},
	{IPPROTO_TCP, 9100, "metrics"},	   {IPPROTO_TCP, 9200, "elasticsearch"},
	{IPPROTO_TCP, 10050, "zabbix"},	   {IPPROTO_TCP, 10051, "zabbix"},
	{IPPROTO_TCP, 11211, "memcached"}, {IPPROTO_TCP, 27017, "mongodb"},
};

const char *ztc_rec_service(uint32_t port, char *buf)
{
	const struct zt_port_range range = {port, port};
	uint8_t proto;
	uint16_t number;

	zt_port_proto(port, &proto, &number);
	for (size_t i = 0; i < ARRAY_SIZE(services); i++)
		if (services[i].proto == proto && services[i].port == number)
			return services[i].name;
	if (ztc_rec_is_ping(port))
		return "ping";
	zt_port_text(&range, buf);
	for (char *s = buf; *s; s++)
		*s = *s == '/' ? '-' : *s;
	return buf;
}

bool ztc_rec_is_icmp(uint32_t port)
{
	return port >= ZT_PORT_ICMP && port < ZT_PORT_PROTO;
}

bool ztc_rec_is_ping(uint32_t port)
{
	return port == ZT_PORT_ICMP + 8 || port == ZT_PORT_ICMPV6 + 128;
}

static bool reserved(const char *name)
{
	static const char *const words[] = {"any",	 "this-host", "unknown",
					    "multicast", "broadcast", "none"};

	for (size_t i = 0; i < ARRAY_SIZE(words); i++)
		if (strcmp(words[i], name) == 0)
			return true;
	for (uint32_t n = 0; n < ZT_RULE_BUILTIN_COUNT; n++)
		if (zt_rule_builtin(n) && strcmp(zt_rule_builtin(n)->id, name) == 0)
			return true;
	return false;
}

/* Letters, digits, '-', '_' and '.'; anything else becomes one '-'. */
static void clean(const char *text, char name[NAME_ROOM])
{
	size_t n = 0;

	for (const char *s = text; *s && n < NAME_ROOM - 1; s++) {
		unsigned char c = (unsigned char)*s;
		bool fits = c < 0x80 && (isalnum(c) || c == '_' || c == '.' || c == '-');

		if (n == 0 && !(fits && (isalnum(c) || c == '_')))
			continue;
		if (fits)
			name[n++] = (char)c;
		else if (name[n - 1] != '-')
			name[n++] = '-';
	}
	while (n && name[n - 1] == '-')
		n--;
	name[n] = '\0';
	if (!n)
		snprintf(name, NAME_ROOM, "unnamed");
}

const char *ztc_rec_name(struct ztc_rec *rec, const char *kind, const char *text)
{
	char name[NAME_ROOM], full[ZT_NAME_LEN], key[ZT_NAME_LEN + 16];
	bool is_new = false;

	clean(text, name);
	for (unsigned int n = 1; !is_new; n++) {
		if (n == 1)
			snprintf(full, sizeof(full), "%s", name);
		else
			snprintf(full, sizeof(full), "%s-%u", name, n);
		if (reserved(full))
			continue;
		snprintf(key, sizeof(key), "%s%s", kind, full);
		if (zt_strmap_intern(rec->names, key, strlen(key), &is_new) == ZT_STRMAP_NONE)
			return NULL;
	}
	return zt_arena_text(rec->arena, full, strlen(full));
}
