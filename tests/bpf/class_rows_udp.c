// SPDX-License-Identifier: Apache-2.0
/*
 * class_rows_udp.c - conversations of datagrams, and what they are.
 */
#include "class_rows.h"
#include "base/cleanup.h"

#define PLAIN	ZT_ENC_PLAINTEXT
#define UNKNOWN ZT_ENC_UNKNOWN
#define NONE	ZT_APP_NONE

#define DNS(flags, questions)                                                                      \
	"1234 " flags " " questions " 0000 0000 0000 07 'example' 03 'com' 00 0001 0001"
#define SNMP3(flags) "301a 020103 300f 02020101 020300ffe3 0401" flags " 020103 0404 01020304"
#define RPC(version, program)                                                                      \
	"11223344 00000000 " version " " program                                                   \
	" 00000003 00000000 00000000 00000000 00000000 00000000"
/* RFC 9000, 17.2.2 */
#define INITIAL(version, zeros) "c3 " version " 08 0102030405060708 04 a1a2a3a4 00 4490 00x" zeros
#define QUIC_ANSWER(id)		"c1 00000001 04 " id " 04 b1b2b3b4 00 4010 00x16"
/* RFC 7296, 3.1 */
#define IKE(spi, answer, length) spi " " answer " 21 20 22 08 00000000 " length
#define SPI			 "1122334455667788"
#define ESP(spi, number)	 spi " " number " 00x24"
/* RFC 6347, 4.2.2: cut to a length of no interest here. */
#define DTLS_HELLO(type, version)                                                                  \
	"16 fefd 0000 000000000000 0036 " type " 00002a 0000 000000 00002a " version               \
	" 62x32 00 c02f 00 0000 00 00"
#define DTLS_DATA(version) "17 " version " 0001 000000000001 0020 63x32"

const struct class_row class_udp_rows[] = {
	{"DNS", 'u', 53, "c " DNS("0100", "0001"), PLAIN, ZT_APP_DNS, 0},
	{"DNS, answered", 'u', 53, "c " DNS("0100", "0001") "; s " DNS("8180", "0001"), PLAIN,
	 ZT_APP_DNS, 0},
	{"DNS, elsewhere", 'u', 5300, "c " DNS("0100", "0001"), PLAIN, ZT_APP_DNS, 0},
	{"DNS, from port 4500", 'u', 53, "c " DNS("0100", "0001"), PLAIN, ZT_APP_DNS, 4500},
	{"multicast DNS", 'u', 5353, "c 0000 8400 0000 0001 0000 0000 01 'x' 00 0001 0001", PLAIN,
	 ZT_APP_DNS, 0},
	{"not DNS: two questions", 'u', 5300, "c " DNS("0100", "0002"), UNKNOWN, NONE, 0},
	{"not DNS: no such operation", 'u', 53, "c " DNS("7900", "0001"), UNKNOWN, NONE, 0},
	{"not DNS: NetBIOS names", 'u', 137, "c " DNS("0110", "0001"), UNKNOWN, NONE, 0},
	{"NTP", 'u', 123, "c 23 00x47; s 24 02 00x46", PLAIN, ZT_APP_NTP, 0},
	{"not NTP: a port", 'u', 124, "c 23 00x47; s 24 02 00x46", UNKNOWN, NONE, 0},
	{"DHCP", 'u', 6700, "c 01010600 00x232 63825363 350101 ff", PLAIN, ZT_APP_DHCP, 0},
	{"not DHCP", 'u', 6700, "c 01010600 00x232 63825364 350101 ff", UNKNOWN, NONE, 0},
	{"RADIUS", 'u', 1812, "c 01050014 61x16", PLAIN, ZT_APP_RADIUS, 0},
	{"not RADIUS", 'u', 1812, "c 01050015 61x16", UNKNOWN, NONE, 0},
	{"TFTP", 'u', 69, "c 0001 'file' 00 'octet' 00", PLAIN, ZT_APP_TFTP, 0},
	{"not TFTP", 'u', 69, "c 0001 'file' 00 'other' 00", UNKNOWN, NONE, 0},
	{"syslog", 'u', 1514, "c '<13>Feb  5 17:32:18 host app: x'", PLAIN, ZT_APP_SYSLOG, 0},
	{"not syslog", 'u', 1514, "c '<13>b'", UNKNOWN, NONE, 0},
	{"SNMP", 'u', 1610,
	 "c 3026 020101 0406 'public' a019 0204 01020304 020100 020100 300b 3009 0605 2b06010201"
	 " 0500",
	 PLAIN, ZT_APP_SNMP, 0},
	{"SNMP 3, in the clear", 'u', 161, "c " SNMP3("05"), PLAIN, ZT_APP_SNMP, 0},
	{"SNMP 3, encrypted", 'u', 161, "c " SNMP3("07"), UNKNOWN, ZT_APP_SNMP, 0},
	{"not SNMP", 'u', 161, "c 3027 020101 0406 'public' a019 0204 01020304 020100", UNKNOWN,
	 NONE, 0},
	{"NFS", 'u', 2049, "c " RPC("00000002", "000186a3"), PLAIN, ZT_APP_NFS, 0},
	{"port mapper", 'u', 111, "c " RPC("00000002", "000186a0"), PLAIN, ZT_APP_RPC, 0},
	{"not RPC", 'u', 111, "c " RPC("00000004", "000186a0"), UNKNOWN, NONE, 0},
	{"Kerberos", 'u', 88, "c 6a0c 300a a103020105 a20302010a", PLAIN, ZT_APP_KERBEROS, 0},
	{"SIP", 'u', 5060, "c 'INVITE sip:a@example.com SIP/2.0' 0d0a", PLAIN, ZT_APP_SIP, 0},
	{"LDAP", 'u', 389,
	 "c 3025 020101 6320 0400 0a0100 0a0100 020100 020100 010100 870b 'objectclass' 3000",
	 PLAIN, ZT_APP_LDAP, 0},

	{"WireGuard", 'u', 53, "c 01000000 11223344 00x140; s 02000000 55667788 11223344 00x80",
	 ZT_ENC_WIREGUARD, NONE, 0},
	{"WireGuard, the other end first", 'u', 51820,
	 "c 'hello'; s 01000000 11223344 00x140; c 02000000 55667788 11223344 00x80",
	 ZT_ENC_WIREGUARD, NONE, 0},
	{"WireGuard, a cookie", 'u', 51820, "c 01000000 11223344 00x140; s 03000000 11223344 00x56",
	 ZT_ENC_WIREGUARD, NONE, 0},
	{"WireGuard, its middle", 'u', 51820,
	 "c 04000000 01000000 00x24; s 04000000 02000000 00x40", ZT_ENC_WIREGUARD, NONE, 0},
	{"one end of WireGuard", 'u', 51820,
	 "c 01000000 11223344 00x140; c 04000000 01000000 00x24", UNKNOWN, NONE, 0},
	{"not WireGuard: another index", 'u', 51820,
	 "c 01000000 11223344 00x140; s 02000000 55667788 11223345 00x80", UNKNOWN, NONE, 0},
	{"not WireGuard: its length", 'u', 51820,
	 "c 01000000 11223344 00x141; s 02000000 55667788 11223344 00x80", UNKNOWN, NONE, 0},

	{"QUIC 1", 'u', 443, "c " INITIAL("00000001", "1180") "; s " QUIC_ANSWER("a1a2a3a4"),
	 ZT_ENC_QUIC, NONE, 0},
	{"QUIC 2, answered by 1", 'u', 443,
	 "c d3 6b3343cf 08 0102030405060708 04 a1a2a3a4 00 4490 00x1180; s " QUIC_ANSWER(
		 "a1a2a3a4"),
	 ZT_ENC_QUIC, NONE, 0},
	{"QUIC 2, of a draft", 'u', 443,
	 "c d3 709a50c4 08 0102030405060708 04 a1a2a3a4 00 4490 00x1180; s d1 709a50c4 04 a1a2a3a4"
	 " 04 b1b2b3b4 00 4010 00x16",
	 ZT_ENC_QUIC, NONE, 0},
	{"QUIC, a greased bit", 'u', 443,
	 "c cb 00000001 12 15e71d7f1a4733745835e0126a9c29a7e4de 11"
	 " 88d67c4980be42a055a38d3dca9ec6a2a3 00 4490 00x1180; s 8e 00000001 11"
	 " 88d67c4980be42a055a38d3dca9ec6a2a3 04 b1b2b3b4 00 4010 00x16",
	 ZT_ENC_QUIC, NONE, 0},
	{"one end of QUIC", 'u', 443,
	 "c " INITIAL("00000001", "1180") "; c " INITIAL("00000001", "1180"), UNKNOWN, NONE, 0},
	{"not QUIC: another connection id", 'u', 443,
	 "c " INITIAL("00000001", "1180") "; s " QUIC_ANSWER("a1a2a3a5"), UNKNOWN, NONE, 0},
	{"not QUIC: its version", 'u', 443,
	 "c " INITIAL("00000003", "1180") "; s " QUIC_ANSWER("a1a2a3a4"), UNKNOWN, NONE, 0},
	{"not QUIC: too short", 'u', 443,
	 "c " INITIAL("00000001", "1170") "; s " QUIC_ANSWER("a1a2a3a4"), UNKNOWN, NONE, 0},

	{"IKE", 'u', 500,
	 "c " IKE(SPI, "0000000000000000", "0000001c") "; s " IKE(SPI, "0102030405060708",
								  "0000001c"),
	 ZT_ENC_IKE, NONE, 0},
	{"one end of IKE", 'u', 500, "c " IKE(SPI, "0000000000000000", "0000001c"), UNKNOWN, NONE,
	 0},
	{"not IKE: a port", 'u', 501,
	 "c " IKE(SPI, "0000000000000000", "0000001c") "; s " IKE(SPI, "0102030405060708",
								  "0000001c"),
	 UNKNOWN, NONE, 0},
	{"not IKE: its length", 'u', 500,
	 "c " IKE(SPI, "0000000000000000", "0000001d") "; s " IKE(SPI, "0102030405060708",
								  "0000001d"),
	 UNKNOWN, NONE, 0},
	{"IKE on 4500", 'u', 4500,
	 "c 00000000 " IKE(SPI, "0000000000000000",
			   "0000001c") "; s 00000000 " IKE(SPI, "0102030405060708", "0000001c"),
	 ZT_ENC_IKE, NONE, 0},
	{"IKE on 4500, then ESP", 'u', 4500,
	 "c 00000000 " IKE(SPI, "0000000000000000", "0000001c") "; s 00000000 " IKE(SPI, "0102030405060708", "0000001c") "; c " ESP(
		 "c1c2c3c4",
		 "00000001") "; s " ESP("d1d2d3d4",
					"00000001") "; c "
						    "ff; c " ESP("c1c2c3c4", "00000002") "; s " ESP(
							    "d1d2d3d4",
							    "00000002") "; s "
									"" ESP("d1d2d3d4",
									       "00000003"),
	 ZT_ENC_ESP, NONE, 0},
	{"one end of ESP", 'u', 4500,
	 "c " ESP("c1c2c3c4", "00000001") "; c " ESP("c1c2c3c4", "00000002") "; c " ESP(
		 "c1c2c3c4", "00000003") "; s 'hello'",
	 UNKNOWN, NONE, 0},
	{"not ESP: SPIs that change", 'u', 4500,
	 "c " ESP("c1c2c3c4", "00000001") "; s " ESP("d1d2d3d4", "00000001") "; c " ESP(
		 "a1c2c3c4", "00000002") "; s " ESP("b1d2d3d4", "00000002"),
	 UNKNOWN, NONE, 0},
	{"not ESP: a port", 'u', 4501,
	 "c " ESP("c1c2c3c4", "00000001") "; s " ESP("d1d2d3d4", "00000001") "; c " ESP(
		 "c1c2c3c4", "00000002") "; s " ESP("d1d2d3d4", "00000002"),
	 UNKNOWN, NONE, 0},

	{"DTLS 1.2", 'u', 4433, "c " DTLS_HELLO("01", "fefd") "; s " DTLS_HELLO("02", "fefd"),
	 ZT_ENC_DTLS12, NONE, 0},
	{"DTLS 1.0", 'u', 4433, "c " DTLS_HELLO("01", "fefd") "; s " DTLS_HELLO("02", "feff"),
	 ZT_ENC_DTLS10, NONE, 0},
	{"DTLS 1.3", 'u', 4433,
	 "c " DTLS_HELLO("01", "fefd") "; s 16 fefd 0000 000000000000 003a 02 00002e 0000 000000"
				       " 00002e fefd 62x32 00 1301 00 0006 002b 0002 fefc",
	 ZT_ENC_DTLS13, NONE, 0},
	{"one end of DTLS", 'u', 4433, "c " DTLS_HELLO("01", "fefd") "; s 'hello'", UNKNOWN, NONE,
	 0},
	{"not DTLS: TLS's version", 'u', 4433,
	 "c " DTLS_HELLO("01", "fefd") "; s " DTLS_HELLO("02", "0303"), UNKNOWN, NONE, 0},
	{"DTLS, its middle", 'u', 4433, "c " DTLS_DATA("fefd") "; s " DTLS_DATA("fefd"),
	 ZT_ENC_DTLS12, NONE, 0},
	{"DTLS, one end of its middle", 'u', 4433, "c " DTLS_DATA("fefd") "; c " DTLS_DATA("fefd"),
	 UNKNOWN, NONE, 0},
	{"a byte", 'u', 4500, "c ff; s ff", UNKNOWN, NONE, 0},
};
const size_t class_udp_count = ARRAY_SIZE(class_udp_rows);
