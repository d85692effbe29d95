// SPDX-License-Identifier: Apache-2.0
/*
 * class_rows.c - conversations by their first bytes, and what they are.
 */
#include "class_rows.h"
#include "base/cleanup.h"

#define PLAIN	ZT_ENC_PLAINTEXT
#define UNKNOWN ZT_ENC_UNKNOWN
#define NONE	ZT_APP_NONE

#define CRLF " 0d0a"

/* RFC 8446, 4.1.2 and RFC 5246, 7.4.1: the smallest hellos there can be. */
#define CLIENT_HELLO	"16 0301 002d 01 000029 0303 61x32 00 0002 c02f 0100"
#define SERVER_HELLO(v) "16 " v " 002a 02 000026 " v " 62x32 00 c02f 00"
#define DATA(v)		"17 " v " 0020 63x32"
#define ALERT		"15 0301 0002 0228"

/* MySQL 8.0: 74 bytes. */
#define GREETING(protocol, filler)                                                                 \
	"s 4a000000 " protocol " '8.0.36' 00 0b000000 61x8 " filler                                \
	" ffff ff 0200 ffdf 15 00x10 62x12 00 'caching_sha2_password' 00"
#define RPC(version, program, flavor)                                                              \
	"11223344 00000000 " version " " program " 00000003 00000000 " flavor                      \
	" 00000000 00000000 00000000"
#define DNS(flags, questions)                                                                      \
	"1234 " flags " " questions " 0000 0000 0000 07 'example' 03 'com' 00 0001 0001"
#define SNMP3(flags) "301a 020103 300f 02020101 020300ffe3 0401" flags " 020103 0404 01020304"
#define SMB2(magic)  "00000040 " magic " 'SMB' 4000 00x58"
#define STARTUP	     "c 00000012 00030000 'user' 00 'app' 00 00"
#define PRELOGIN                                                                                   \
	"00001a0006 0100200001 0200210001 0300220004 0400260001 ff 0f0007d00000 00 00 00000000 00"
#define MAIL_TALK(n) "; c 'NOOP' 0d0a; s '250 ok' 0d0a"

const struct class_row class_tcp_rows[] = {
	{"one end's ClientHello", 't', 443, "c " CLIENT_HELLO, ZT_ENC_TLS, NONE, 0},
	{"SSL 3", 't', 443, "c " CLIENT_HELLO "; s " SERVER_HELLO("0300"), ZT_ENC_SSL3, NONE, 0},
	{"TLS 1.0", 't', 443, "c " CLIENT_HELLO "; s " SERVER_HELLO("0301"), ZT_ENC_TLS10, NONE, 0},
	{"TLS 1.1", 't', 1, "c " CLIENT_HELLO "; s " SERVER_HELLO("0302"), ZT_ENC_TLS11, NONE, 0},
	{"TLS 1.2, no extensions", 't', 1, "c " CLIENT_HELLO "; s " SERVER_HELLO("0303"),
	 ZT_ENC_TLS12, NONE, 0},
	{"TLS 1.2, a certificate in the same record", 't', 443,
	 "c " CLIENT_HELLO
	 "; s 16 0303 0036 02 000026 0303 62x32 00 c02f 00 0b 000008 002b0002 0304"
	 " 0000",
	 ZT_ENC_TLS12, NONE, 0},
	{"no version 3.4 on the wire", 't', 443, "c " CLIENT_HELLO "; s " SERVER_HELLO("0304"),
	 UNKNOWN, NONE, 0},
	{"record header of the answer on its own", 't', 443,
	 "c " CLIENT_HELLO "; s 160303 002a; s 02 000026 0303 62x32 00 c02f 00", ZT_ENC_TLS12, NONE,
	 0},
	{"a hello in SSL 2's form", 't', 443,
	 "c 802b 01 0301 0012 0000 0010 c02fc0 30c030 c030c0 30c030 c030c0 30c030 61x16; s " SERVER_HELLO(
		 "0301"),
	 ZT_ENC_TLS10, NONE, 0},
	{"the handshake is refused", 't', 443, "c " CLIENT_HELLO "; s " ALERT, ZT_ENC_TLS, NONE, 0},
	{"HTTP answers TLS", 't', 443, "c " CLIENT_HELLO "; s 'HTTP/1.1 400 Bad Request'" CRLF,
	 PLAIN, ZT_APP_HTTP, 0},
	{"something else answers TLS", 't', 443, "c " CLIENT_HELLO "; s 'hello yourself'" CRLF,
	 UNKNOWN, NONE, 0},
	{"an echo of the ClientHello", 't', 7, "c " CLIENT_HELLO "; s " CLIENT_HELLO, UNKNOWN, NONE,
	 0},
	{"a ServerHello that nobody asked for", 't', 443, "s " SERVER_HELLO("0303"), UNKNOWN, NONE,
	 0},
	{"a ServerHello by the client", 't', 443,
	 "c " SERVER_HELLO("0303") "; s " SERVER_HELLO("0303"), UNKNOWN, NONE, 0},
	{"records without hellos", 't', 443, "c " DATA("0303") "; s " DATA("0303"), UNKNOWN, NONE,
	 0},
	{"a ClientHello whose lengths disagree", 't', 443,
	 "c 16 0301 002d 01 000028 0303 61x32 00 0002 c02f 0100", UNKNOWN, NONE, 0},
	{"the server is TLS's client", 't', 20, "s " CLIENT_HELLO "; c " SERVER_HELLO("0303"),
	 ZT_ENC_TLS12, NONE, 0},
	{"TLS behind an unknown beginning", 't', 1080,
	 "c 05 01 00; s 05 00; c 05010001 0a000001 01bb; s 05000001 00000000 0000; c " CLIENT_HELLO
	 "; s " SERVER_HELLO("0303"),
	 ZT_ENC_TLS12, NONE, 0},

	{"middle: TLS 1.2 or 1.3", 'm', 443, "c " DATA("0303") "; s " DATA("0303"), ZT_ENC_TLS,
	 NONE, 0},
	{"middle: TLS 1.0", 'm', 443, "c " DATA("0301") "; s " DATA("0301"), ZT_ENC_TLS10, NONE, 0},
	{"middle: one end", 'm', 443, "c " DATA("0303") "; c " DATA("0303") "; s 'hello you'",
	 UNKNOWN, NONE, 0},
	{"middle: versions that differ", 'm', 443, "c " DATA("0303") "; s " DATA("0301"), UNKNOWN,
	 NONE, 0},
	{"middle: HTTP", 'm', 80, "c 'GET /a HTTP/1.1'" CRLF, PLAIN, ZT_APP_HTTP, 0},

	{"SSH", 't', 2222, "s 'SSH-2.0-OpenSSH_9.2p1'" CRLF "; c 'SSH-2.0-PuTTY'" CRLF, ZT_ENC_SSH,
	 NONE, 0},
	{"SSH, the client first", 't', 22, "c 'SSH-2.0-Go'" CRLF "; s 'SSH-1.99-x'" CRLF,
	 ZT_ENC_SSH, NONE, 0},
	{"one end's banner", 't', 22, "s 'SSH-2.0-OpenSSH_9.2p1'" CRLF "; c 'GET / HTTP/1.0'" CRLF,
	 UNKNOWN, NONE, 0},
	{"no banner", 't', 22, "s 'SSH-x'" CRLF "; c 'SSH-2.0-x'" CRLF, UNKNOWN, NONE, 0},

	{"HTTP", 't', 8000, "c 'GET /index.html HTTP/1.1' 0d0a 'Host: x' 0d0a0d0a", PLAIN,
	 ZT_APP_HTTP, 0},
	{"HTTP, an answer alone", 't', 8000, "c 'x'; s 'HTTP/1.1 200 OK'" CRLF, PLAIN, ZT_APP_HTTP,
	 0},
	{"HTTP, to a proxy", 't', 3128, "c 'OPTIONS http://x/ HTTP/1.1'" CRLF, PLAIN, ZT_APP_HTTP,
	 0},
	{"not HTTP", 't', 80, "c 'GET index.html'" CRLF "; s 'what?'" CRLF, UNKNOWN, NONE, 0},
	{"not HTTP: RTSP", 't', 80, "c 'OPTIONS rtsp://x/ RTSP/1.0'" CRLF, UNKNOWN, NONE, 0},
	{"TLS through CONNECT", 't', 3128,
	 "c 'CONNECT example.com:443 HTTP/1.1' 0d0a0d0a; s 'HTTP/1.1 200 OK' 0d0a0d0a; "
	 "c " CLIENT_HELLO "; s " SERVER_HELLO("0303"),
	 ZT_ENC_TLS12, ZT_APP_HTTP, 0},
	{"HTTP/2", 't', 80, "c 'PRI * HTTP/2.0' 0d0a0d0a 'SM' 0d0a0d0a", PLAIN, ZT_APP_HTTP2, 0},
	{"not HTTP/2", 't', 80, "c 'PRI * HTTP/1.0' 0d0a0d0a", UNKNOWN, NONE, 0},
	{"behind PROXY 1", 't', 80,
	 "c 'PROXY TCP4 192.0.2.1 192.0.2.2 1024 80' 0d0a 'GET / HTTP/1.1'" CRLF, PLAIN,
	 ZT_APP_HTTP, 0},
	{"behind PROXY 2", 't', 443,
	 "c 0d0a0d0a 000d0a51 5549540a 21 11 000c c0000201 c0000202 0400 01bb " CLIENT_HELLO
	 "; s " SERVER_HELLO("0303"),
	 ZT_ENC_TLS12, NONE, 0},

	{"PostgreSQL", 't', 5432, STARTUP, PLAIN, ZT_APP_POSTGRESQL, 0},
	{"PostgreSQL, TLS refused", 't', 5432, "c 00000008 04d2162f; s 'N'; " STARTUP, PLAIN,
	 ZT_APP_POSTGRESQL, 0},
	{"PostgreSQL, agreed and not begun", 't', 5432, "c 00000008 04d2162f; s 'S'", PLAIN,
	 ZT_APP_POSTGRESQL, 0},
	{"PostgreSQL, TLS", 't', 6432,
	 "c 00000008 04d2162f; s 'S'; c " CLIENT_HELLO "; s " SERVER_HELLO("0303"), ZT_ENC_TLS12,
	 ZT_APP_POSTGRESQL, 0},
	{"PostgreSQL, GSSAPI refused, then TLS", 't', 5432,
	 "c 00000008 04d21630; s 'N'; c 00000008 04d2162f; s 'S'; c " CLIENT_HELLO
	 "; s " SERVER_HELLO("0303"),
	 ZT_ENC_TLS12, ZT_APP_POSTGRESQL, 0},
	{"PostgreSQL, GSSAPI", 't', 5432, "c 00000008 04d21630; s 'G'", UNKNOWN, ZT_APP_POSTGRESQL,
	 0},
	{"PostgreSQL, a hello after N", 't', 5432,
	 "c 00000008 04d2162f; s 'N'; c " CLIENT_HELLO "; s " SERVER_HELLO("0303"), PLAIN,
	 ZT_APP_POSTGRESQL, 0},
	{"not PostgreSQL", 't', 5432, "c 00000008 04d2162e; s 'S'", UNKNOWN, NONE, 0},
	{"MySQL", 't', 3307, GREETING("0a", "00") "; c 54000001 85a6ff01 00000001 ff 00x70", PLAIN,
	 ZT_APP_MYSQL, 0},
	{"MySQL, TLS", 't', 3306,
	 GREETING("0a", "00") "; c 20000001 85aeff01 00000001 ff 00x23; c " CLIENT_HELLO
			      "; s " SERVER_HELLO("0303"),
	 ZT_ENC_TLS12, ZT_APP_MYSQL, 0},
	{"MySQL, both in one packet", 't', 3306,
	 GREETING("0a", "00") "; c 20000001 85aeff01 00000001 ff 00x23 " CLIENT_HELLO
			      "; s " SERVER_HELLO("0303"),
	 ZT_ENC_TLS12, ZT_APP_MYSQL, 0},
	{"MySQL, no CLIENT_SSL", 't', 3306,
	 GREETING("0a", "00") "; c 20000001 85a6ff01 00000001 ff 00x23; c " CLIENT_HELLO
			      "; s " SERVER_HELLO("0303"),
	 PLAIN, ZT_APP_MYSQL, 0},
	{"MySQL, refused", 't', 3306, "s 1d000000 ff 6a04 'Host x is not allowed here'", PLAIN,
	 ZT_APP_MYSQL, 0},
	{"not MySQL: another version", 't', 3306, GREETING("09", "00"), UNKNOWN, NONE, 0},
	{"not MySQL: its filler", 't', 3306, GREETING("0a", "01"), UNKNOWN, NONE, 0},
	{"Redis", 't', 7000, "c '*1' 0d0a '$4' 0d0a 'PING'" CRLF, PLAIN, ZT_APP_REDIS, 0},
	{"Redis, more than nine", 't', 1, "c '*12' 0d0a '$4' 0d0a 'MSET'" CRLF, PLAIN, ZT_APP_REDIS,
	 0},
	{"Redis, typed", 't', 7000, "c 'PING' 0d0a; s '+PONG'" CRLF, PLAIN, ZT_APP_REDIS, 0},
	{"not Redis", 't', 7000, "c '*1' 0d0a '#4'" CRLF, UNKNOWN, NONE, 0},
	{"not Redis: a port", 't', 6379, "c 'hello'" CRLF "; s '+PONG'" CRLF, UNKNOWN, NONE, 0},
	{"SQL Server", 't', 1433, "c 1201002f00000100 " PRELOGIN, PLAIN, ZT_APP_MSSQL, 0},
	{"SQL Server, TLS", 't', 1433,
	 "c 1201002f00000100 " PRELOGIN "; s 0401002f00000100 " PRELOGIN
	 "; c 1201003a00000000 " CLIENT_HELLO
	 "; s 1201003700000000 " SERVER_HELLO("0303") "; c " DATA("0303") "; s " DATA("0303"),
	 ZT_ENC_TLS12, ZT_APP_MSSQL, 0},
	{"SQL Server, the login alone", 't', 1433,
	 "c 1201002f00000100 " PRELOGIN "; s 0401002f00000100 " PRELOGIN
	 "; c 1201003a00000000 " CLIENT_HELLO "; s 1201003700000000 " SERVER_HELLO(
		 "0303") "; c " DATA("0303") "; s 0401001000000100 e3 1b 00x6",
	 PLAIN, ZT_APP_MSSQL, 0},
	{"SQL Server, a login at once", 't', 1433, "c 1001006600000100 5e000000 04000074 00x86",
	 PLAIN, ZT_APP_MSSQL, 0},
	{"not SQL Server: a login of another length", 't', 1433,
	 "c 1001006600000100 5f000000 04000074 00x86", UNKNOWN, NONE, 0},
	{"not SQL Server", 't', 1433, "c 1201002e00000100 " PRELOGIN, UNKNOWN, NONE, 0},
	{"Oracle", 't', 1521,
	 "c 003a0000 0100 0000 013a012c 0c412000 ffff7f08 00000100 0000003a 00000800 4141 00x24",
	 PLAIN, ZT_APP_ORACLE, 0},
	{"not Oracle", 't', 1521,
	 "c 003a0000 0200 0000 013a012c 0c412000 ffff7f08 00000100 0000003a 00000800 4141 00x24",
	 UNKNOWN, NONE, 0},
	{"MongoDB", 't', 27018, "c 1a000000 01000000 00000000 dd070000 00000000 00 0500000000",
	 PLAIN, ZT_APP_MONGODB, 0},
	{"not MongoDB", 't', 27017, "c 1b000000 01000000 00000000 dd070000 00000000 00 0500000000",
	 UNKNOWN, NONE, 0},
	{"Kafka", 't', 9093, "c 00000011 0012 0000 00000001 0007 'rdkafka'", PLAIN, ZT_APP_KAFKA,
	 0},
	{"not Kafka", 't', 9092, "c 00000011 0112 0000 00000001 0007 'rdkafka'", UNKNOWN, NONE, 0},
	{"memcached", 't', 11211, "c 'set a 0 0 1'" CRLF, PLAIN, ZT_APP_MEMCACHED, 0},
	{"memcached, elsewhere", 't', 11300, "c 'set a 0 0 1'" CRLF "; s 'STORED'" CRLF, PLAIN,
	 ZT_APP_MEMCACHED, 0},
	{"memcached, binary", 't', 1,
	 "c 80 00 0001 00 00 0000 00000001 00000000 0000000000000000 'a'", PLAIN, ZT_APP_MEMCACHED,
	 0},
	{"not memcached", 't', 11300, "c 'set a 0 0 1'" CRLF "; s 'stored'" CRLF, UNKNOWN, NONE, 0},
	{"AMQP", 't', 5673, "c 'AMQP' 00000901", PLAIN, ZT_APP_AMQP, 0},
	{"not AMQP", 't', 5672, "c 'AMQX' 00000901", UNKNOWN, NONE, 0},

	{"SMTP", 't', 2525, "s '220 mail.example.com ESMTP Postfix'" CRLF, PLAIN, ZT_APP_SMTP, 0},
	{"SMTP by its client", 't', 2525, "s '220 mx.example.com ready'" CRLF "; c 'ehlo x'" CRLF,
	 PLAIN, ZT_APP_SMTP, 0},
	{"SMTP, STARTTLS", 't', 25,
	 "s '220 x ESMTP' 0d0a; c 'EHLO y' 0d0a; s '250-x' 0d0a '250 STARTTLS' 0d0a; c 'STARTTLS' 0d0a;"
	 " s '220 go' 0d0a; c " CLIENT_HELLO "; s " SERVER_HELLO("0303"),
	 ZT_ENC_TLS12, ZT_APP_SMTP, 0},
	{"SMTP, STARTTLS after a while", 't', 25,
	 "s '220 x ESMTP' 0d0a; c 'EHLO y' 0d0a; s '250 ok' 0d0a" MAIL_TALK(1) MAIL_TALK(
		 2) MAIL_TALK(3) MAIL_TALK(4) MAIL_TALK(5) MAIL_TALK(6) MAIL_TALK(7) MAIL_TALK(8)
		 MAIL_TALK(9) MAIL_TALK(10) "; c 'STARTTLS' 0d0a; s '220 go' 0d0a; c " CLIENT_HELLO
					    "; s " SERVER_HELLO("0303"),
	 ZT_ENC_TLS12, ZT_APP_SMTP, 0},
	{"SMTP, a hello inside a letter", 't', 25,
	 "s '220 x ESMTP' 0d0a; c 'EHLO y' 0d0a; s '250 ok' 0d0a; c 'DATA' 0d0a; s '354 go' 0d0a; "
	 "c " CLIENT_HELLO "; s '250 queued' 0d0a",
	 PLAIN, ZT_APP_SMTP, 0},
	{"FTP", 't', 2121, "s '220 (vsFTPd 3.0.5)'" CRLF, PLAIN, ZT_APP_FTP, 0},
	{"FTP by its client, AUTH TLS", 't', 2121,
	 "s '220 welcome' 0d0a; c 'AUTH TLS' 0d0a; s '234 go' 0d0a; c " CLIENT_HELLO
	 "; s " SERVER_HELLO("0303"),
	 ZT_ENC_TLS12, ZT_APP_FTP, 0},
	{"220 and no more", 't', 9, "s '220 welcome'" CRLF, PLAIN, NONE, 0},
	{"not 220", 't', 25, "s '2200 x'" CRLF, UNKNOWN, NONE, 0},
	{"IMAP", 't', 1143, "s '* OK [CAPABILITY IMAP4rev1] ready'" CRLF, PLAIN, ZT_APP_IMAP, 0},
	{"IMAP, STARTTLS", 't', 143,
	 "s '* OK x' 0d0a; c 'a CAPABILITY' 0d0a; s '* CAPABILITY IMAP4' 0d0a; c 'b STARTTLS' 0d0a;"
	 " s 'b OK' 0d0a; c " CLIENT_HELLO "; s " SERVER_HELLO("0303"),
	 ZT_ENC_TLS12, ZT_APP_IMAP, 0},
	{"not IMAP", 't', 143, "s '*OK x'" CRLF, UNKNOWN, NONE, 0},
	{"POP3, STLS", 't', 110,
	 "s '+OK ready' 0d0a; c 'STLS' 0d0a; s '+OK' 0d0a; c " CLIENT_HELLO
	 "; s " SERVER_HELLO("0303"),
	 ZT_ENC_TLS12, ZT_APP_POP3, 0},
	{"not POP3: an answer", 't', 110, "c 'hello' 0d0a; s '+OK'" CRLF, UNKNOWN, NONE, 0},
	{"LDAP", 't', 3890, "c 300c 020101 6007 020103 0400 8000", PLAIN, ZT_APP_LDAP, 0},
	{"LDAP, StartTLS after a search", 't', 389,
	 "c 3025 020101 6320 0400 0a0100 0a0100 020100 020100 010100 870b 'objectclass' 3000;"
	 " s 300c 020101 6507 0a0100 0400 0400; c 301d 020102 7718 8016 '1.3.6.1.4.1.1466.20037';"
	 " s 300c 020102 7807 0a0100 0400 0400; c " CLIENT_HELLO "; s " SERVER_HELLO("0303"),
	 ZT_ENC_TLS12, ZT_APP_LDAP, 0},
	{"not LDAP: longer than the packet", 't', 389, "c 307c 020101 6007 020103 0400 8000",
	 UNKNOWN, NONE, 0},
	{"not LDAP: no request", 't', 389, "c 300c 020101 6107 020103 0400 8000", UNKNOWN, NONE, 0},
	{"XMPP, STARTTLS", 't', 5222,
	 "c '<?xml version=\"1.0\"?><stream:stream xmlns=\"jabber:client\">'; s '<?xml ?>'; "
	 "c '<starttls xmlns=\"urn:ietf:params:xml:ns:xmpp-tls\"/>'; s '<proceed/>'; "
	 "c " CLIENT_HELLO "; s " SERVER_HELLO("0303"),
	 ZT_ENC_TLS12, ZT_APP_XMPP, 0},
	{"not XMPP", 't', 5222, "c '<?xml version=\"1.0\"?><a/>'", UNKNOWN, NONE, 0},

	{"SMB 2", 't', 1445, "c " SMB2("fe"), PLAIN, ZT_APP_SMB, 0},
	{"SMB 1", 't', 139, "c " SMB2("ff"), PLAIN, ZT_APP_SMB, 0},
	{"SMB 3, encrypted", 't', 445,
	 "c " SMB2("fe") "; s " SMB2("fe") "; c " SMB2("fd") "; s " SMB2("fd"), UNKNOWN, ZT_APP_SMB,
	 0},
	{"not SMB", 't', 445, "c " SMB2("f1"), UNKNOWN, NONE, 0},
	{"NFS", 't', 2050, "c 80000028 " RPC("00000002", "000186a3", "00000000"), PLAIN, ZT_APP_NFS,
	 0},
	{"mount", 't', 2050, "c 80000028 " RPC("00000002", "000186a5", "00000000"), PLAIN,
	 ZT_APP_RPC, 0},
	{"NFS, TLS", 't', 2049,
	 "c 80000028 " RPC("00000002", "000186a3",
			   "00000007") "; s 80000020 11223344 00000001 00000000 00000000 00000008"
				       " 'STARTTLS' 00000000; c " CLIENT_HELLO
				       "; s " SERVER_HELLO("0303"),
	 ZT_ENC_TLS12, ZT_APP_NFS, 0},
	{"not RPC", 't', 2049, "c 80000028 " RPC("00000003", "000186a3", "00000000"), UNKNOWN, NONE,
	 0},
	{"RDP", 't', 3390, "c 0300 0013 0e e0 0000 0000 00 01 00 0800 03000000", PLAIN, ZT_APP_RDP,
	 0},
	{"RDP, TLS", 't', 3389,
	 "c 0300 0013 0e e0 0000 0000 00 01 00 0800 03000000; s 0300 0013 0e d0 0000 1234 00 02 1f"
	 " 0800 02000000; c " CLIENT_HELLO "; s " SERVER_HELLO("0303"),
	 ZT_ENC_TLS12, ZT_APP_RDP, 0},
	{"not RDP: S7", 't', 102, "c 0300 0016 11 e0 0000 0001 00 c0010a c1020100 c2020102",
	 UNKNOWN, NONE, 0},
	{"VNC", 't', 5901, "s 'RFB 003.008' 0a", PLAIN, ZT_APP_VNC, 0},
	{"not VNC", 't', 5900, "s 'RFB 00x.008' 0a", UNKNOWN, NONE, 0},
	{"Kerberos", 't', 88, "c 0000000e 6a0c 300a a103020105 a20302010a", PLAIN, ZT_APP_KERBEROS,
	 0},
	{"not Kerberos", 't', 88, "c 0000000e 6a0c 300a a103020104 a20302010a", UNKNOWN, NONE, 0},
	{"DNS", 't', 5300, "c 001d " DNS("0100", "0001"), PLAIN, ZT_APP_DNS, 0},
	{"not DNS", 't', 53, "c 001d " DNS("0100", "0002"), UNKNOWN, NONE, 0},
	{"Telnet", 't', 2323, "s fffd18 fffd20 fffd23 fffd27", PLAIN, ZT_APP_TELNET, 0},
	{"not Telnet", 't', 23, "s fffd18 00fd20", UNKNOWN, NONE, 0},
	{"MQTT", 't', 1884, "c 100e 0004 'MQTT' 04 02 003c 0002 'ab'", PLAIN, ZT_APP_MQTT, 0},
	{"not MQTT", 't', 1883, "c 100e 0004 'MQTT' 09 02 003c 0002 'ab'", UNKNOWN, NONE, 0},
	{"SIP", 't', 5061, "c 'REGISTER sip:example.com SIP/2.0'" CRLF, PLAIN, ZT_APP_SIP, 0},
	{"syslog", 't', 1514, "c '<34>1 2003-10-11T22:14:15.003Z host app - - - msg'", PLAIN,
	 ZT_APP_SYSLOG, 0},
	{"not syslog", 't', 514, "c '<192>1 2003-10-11T22:14:15.003Z host app - - - msg'", UNKNOWN,
	 NONE, 0},
	{"a byte at a time", 't', 443, "c 16; c 03; c 01; s 'x'; s 'y'", UNKNOWN, NONE, 0},
};
const size_t class_tcp_count = ARRAY_SIZE(class_tcp_rows);
