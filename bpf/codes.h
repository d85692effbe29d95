/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * codes.h - numbers of what the classifier finds; a part of abi.h, which includes it.
 *
 * They are kept on disk: add at the end, never change one.
 */
#pragma once

/*
 * What the first payload bytes said. Anything from ZT_ENC_PLAINTEXT up is known; 0 counts as
 * plaintext wherever coverage is measured.
 */
enum zt_encryption {
	ZT_ENC_UNKNOWN = 0,
	ZT_ENC_PLAINTEXT, /* a protocol that is known to be in the clear, see zt_flow.app */
	ZT_ENC_TLS,	  /* version not seen: middle of a connection, or no ServerHello yet */
	ZT_ENC_SSL3,
	ZT_ENC_TLS10,
	ZT_ENC_TLS11,
	ZT_ENC_TLS12,
	ZT_ENC_TLS13,
	ZT_ENC_DTLS, /* version not seen */
	ZT_ENC_DTLS10,
	ZT_ENC_DTLS12,
	ZT_ENC_DTLS13,
	ZT_ENC_SSH,
	ZT_ENC_QUIC,
	ZT_ENC_WIREGUARD,
	ZT_ENC_ESP, /* IP protocol 50, or UDP 4500 */
	ZT_ENC_IKE,
	ZT_ENC_COUNT,
};

/*
 * The protocol inside, where it was recognised: of plaintext, and of encryption that began
 * with it (STARTTLS and its kin).
 */
enum zt_app {
	ZT_APP_NONE = 0,
	ZT_APP_HTTP,
	ZT_APP_POSTGRESQL,
	ZT_APP_MYSQL,
	ZT_APP_REDIS,
	ZT_APP_DNS,
	ZT_APP_SMTP,
	ZT_APP_IMAP,
	ZT_APP_POP3,
	ZT_APP_FTP,
	ZT_APP_TELNET,
	ZT_APP_LDAP,
	ZT_APP_SMB,
	ZT_APP_NFS, /* ONC RPC, program 100003 */
	ZT_APP_RPC, /* ONC RPC, any other program */
	ZT_APP_MSSQL,
	ZT_APP_ORACLE,
	ZT_APP_MONGODB,
	ZT_APP_AMQP,
	ZT_APP_KAFKA,
	ZT_APP_MEMCACHED,
	ZT_APP_NTP,
	ZT_APP_SNMP,
	ZT_APP_SYSLOG,
	ZT_APP_SIP,
	ZT_APP_RDP,
	ZT_APP_VNC,
	ZT_APP_KERBEROS,
	ZT_APP_HTTP2,
	ZT_APP_XMPP,
	ZT_APP_MQTT,
	ZT_APP_DHCP,
	ZT_APP_RADIUS,
	ZT_APP_TFTP,
	ZT_APP_COUNT,
};
