/* SPDX-License-Identifier: Apache-2.0 */
/*
 * protocol.c - names of what the classifier found.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/protocol.h"

static const char *const encryptions[ZT_ENC_COUNT] = {
	[ZT_ENC_UNKNOWN] = "unknown",
	[ZT_ENC_PLAINTEXT] = "plaintext",
	[ZT_ENC_TLS] = "tls",
	[ZT_ENC_SSL3] = "ssl3",
	[ZT_ENC_TLS10] = "tls1.0",
	[ZT_ENC_TLS11] = "tls1.1",
	[ZT_ENC_TLS12] = "tls1.2",
	[ZT_ENC_TLS13] = "tls1.3",
	[ZT_ENC_DTLS] = "dtls",
	[ZT_ENC_DTLS10] = "dtls1.0",
	[ZT_ENC_DTLS12] = "dtls1.2",
	[ZT_ENC_DTLS13] = "dtls1.3",
	[ZT_ENC_SSH] = "ssh",
	[ZT_ENC_QUIC] = "quic",
	[ZT_ENC_WIREGUARD] = "wireguard",
	[ZT_ENC_ESP] = "esp",
	[ZT_ENC_IKE] = "ike",
};

static const char *const apps[ZT_APP_COUNT] = {
	[ZT_APP_HTTP] = "http",		[ZT_APP_POSTGRESQL] = "postgresql",
	[ZT_APP_MYSQL] = "mysql",	[ZT_APP_REDIS] = "redis",
	[ZT_APP_DNS] = "dns",		[ZT_APP_SMTP] = "smtp",
	[ZT_APP_IMAP] = "imap",		[ZT_APP_POP3] = "pop3",
	[ZT_APP_FTP] = "ftp",		[ZT_APP_TELNET] = "telnet",
	[ZT_APP_LDAP] = "ldap",		[ZT_APP_SMB] = "smb",
	[ZT_APP_NFS] = "nfs",		[ZT_APP_RPC] = "rpc",
	[ZT_APP_MSSQL] = "mssql",	[ZT_APP_ORACLE] = "oracle",
	[ZT_APP_MONGODB] = "mongodb",	[ZT_APP_AMQP] = "amqp",
	[ZT_APP_KAFKA] = "kafka",	[ZT_APP_MEMCACHED] = "memcached",
	[ZT_APP_NTP] = "ntp",		[ZT_APP_SNMP] = "snmp",
	[ZT_APP_SYSLOG] = "syslog",	[ZT_APP_SIP] = "sip",
	[ZT_APP_RDP] = "rdp",		[ZT_APP_VNC] = "vnc",
	[ZT_APP_KERBEROS] = "kerberos", [ZT_APP_HTTP2] = "http2",
	[ZT_APP_XMPP] = "xmpp",		[ZT_APP_MQTT] = "mqtt",
	[ZT_APP_DHCP] = "dhcp",		[ZT_APP_RADIUS] = "radius",
	[ZT_APP_TFTP] = "tftp",
};

static const char *const covers[ZT_COVER_COUNT] = {
	[ZT_COVER_TLS] = "tls",
	[ZT_COVER_DTLS] = "dtls",
	[ZT_COVER_SSH] = "ssh",
	[ZT_COVER_QUIC] = "quic",
	[ZT_COVER_WIREGUARD] = "wireguard",
	[ZT_COVER_IPSEC] = "ipsec",
	[ZT_COVER_PLAINTEXT] = "plaintext",
	[ZT_COVER_UNKNOWN] = "unknown",
};

static int find(const char *const *names, size_t count, const char *name)
{
	for (size_t i = 0; i < count; i++) {
		if (names[i] && strcmp(names[i], name) == 0)
			return (int)i;
	}
	return -ENOENT;
}

const char *zt_encryption_name(uint8_t encryption)
{
	return encryption < ZT_ENC_COUNT ? encryptions[encryption] : encryptions[ZT_ENC_UNKNOWN];
}

int zt_encryption_find(const char *name, uint8_t *ret)
{
	int i = find(encryptions, ARRAY_SIZE(encryptions), name);

	if (i < 0)
		return i;
	*ret = (uint8_t)i;
	return 0;
}

const char *zt_app_name(uint8_t app)
{
	return app < ZT_APP_COUNT ? apps[app] : NULL;
}

int zt_app_find(const char *name, uint8_t *ret)
{
	int i = find(apps, ARRAY_SIZE(apps), name);

	if (i < 0)
		return i;
	*ret = (uint8_t)i;
	return 0;
}

enum zt_cover zt_encryption_cover(uint8_t encryption)
{
	switch (encryption) {
	case ZT_ENC_PLAINTEXT:
		return ZT_COVER_PLAINTEXT;
	case ZT_ENC_TLS ... ZT_ENC_TLS13:
		return ZT_COVER_TLS;
	case ZT_ENC_DTLS ... ZT_ENC_DTLS13:
		return ZT_COVER_DTLS;
	case ZT_ENC_SSH:
		return ZT_COVER_SSH;
	case ZT_ENC_QUIC:
		return ZT_COVER_QUIC;
	case ZT_ENC_WIREGUARD:
		return ZT_COVER_WIREGUARD;
	case ZT_ENC_ESP:
	case ZT_ENC_IKE:
		return ZT_COVER_IPSEC;
	default:
		return ZT_COVER_UNKNOWN;
	}
}

const char *zt_cover_name(enum zt_cover cover)
{
	return cover < ZT_COVER_COUNT ? covers[cover] : covers[ZT_COVER_UNKNOWN];
}

int zt_cover_find(const char *name, enum zt_cover *ret)
{
	int i = find(covers, ARRAY_SIZE(covers), name);

	if (i < 0)
		return i;
	*ret = (enum zt_cover)i;
	return 0;
}

bool zt_cover_secret(enum zt_cover cover)
{
	return cover < ZT_COVER_PLAINTEXT;
}

const char *zt_protocol_text(uint8_t encryption, uint8_t app, char ret[ZT_PROTOCOL_TEXT_LEN])
{
	const char *inside = zt_app_name(app);

	if (!inside)
		snprintf(ret, ZT_PROTOCOL_TEXT_LEN, "%s", zt_encryption_name(encryption));
	else if (zt_cover_secret(zt_encryption_cover(encryption)))
		snprintf(ret, ZT_PROTOCOL_TEXT_LEN, "%s+%s", inside,
			 zt_encryption_name(encryption));
	else
		snprintf(ret, ZT_PROTOCOL_TEXT_LEN, "%s", inside);
	return ret;
}

int zt_protocol_find(const char *text, uint8_t *ret_encryption, uint8_t *ret_app)
{
	const char *plus = strchr(text, '+');
	char inside[ZT_PROTOCOL_TEXT_LEN];
	uint8_t app;

	if (plus) {
		if (plus - text >= (int)sizeof(inside))
			return -ENOENT;
		memcpy(inside, text, (size_t)(plus - text));
		inside[plus - text] = '\0';
		if (zt_app_find(inside, &app) < 0 ||
		    zt_encryption_find(plus + 1, ret_encryption) < 0)
			return -ENOENT;
		*ret_app = app;
		return 0;
	}
	if (zt_app_find(text, ret_app) == 0) {
		*ret_encryption = ZT_ENC_PLAINTEXT;
		return 0;
	}
	*ret_app = ZT_APP_NONE;
	return zt_encryption_find(text, ret_encryption);
}
