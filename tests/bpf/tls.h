/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tls.h - real handshakes of OpenSSL's two ends in memory, as what each side sends in turn.
 */
#pragma once
#include <stdbool.h>
#include <stddef.h>

#define TLS_FLIGHTS 32

struct tls_flight {
	int who; /* 0 client, 1 server */
	unsigned char *bytes;
	unsigned int len;
};

struct tls_talk {
	struct tls_flight flight[TLS_FLIGHTS];
	unsigned int count;
};

struct tls_wish {
	int version; /* TLS1_VERSION ..., DTLS1_2_VERSION */
	bool dtls;
	bool cookies;	     /* DTLS: the server asks for a cookie first */
	unsigned int padded; /* names offered, to make a long ClientHello */
	const char *ciphers; /* of up to TLS 1.2; NULL = the defaults */
	const char *groups;  /* the client's, then the server's are P-521: a second ClientHello */
};

/**
 * tls_shake - a whole handshake, and some data each way.
 *
 * Ends the program when OpenSSL does not do it. Of DTLS a flight is one datagram.
 */
void tls_shake(struct tls_talk *ret, const struct tls_wish *wish);
void tls_free(struct tls_talk *talk);
