// SPDX-License-Identifier: Apache-2.0
/*
 * tls.c - real handshakes of OpenSSL's two ends in memory.
 */
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tls.h"

static void must(bool good, const char *what)
{
	if (good)
		return;
	printf("OpenSSL: %s\n", what);
	ERR_print_errors_fp(stdout);
	exit(99);
}

/* A certificate of its own, the same for all handshakes. */
static void certify(SSL_CTX *ctx)
{
	static EVP_PKEY *key;
	static X509 *cert;

	if (!key) {
		key = EVP_EC_gen("P-256");
		cert = X509_new();
		must(key && cert, "key");
		ASN1_INTEGER_set(X509_get_serialNumber(cert), 1);
		X509_gmtime_adj(X509_getm_notBefore(cert), 0);
		X509_gmtime_adj(X509_getm_notAfter(cert), 3600);
		X509_set_pubkey(cert, key);
		X509_NAME_add_entry_by_txt(X509_get_subject_name(cert), "CN", MBSTRING_ASC,
					   (const unsigned char *)"test", -1, -1, 0);
		X509_set_issuer_name(cert, X509_get_subject_name(cert));
		must(X509_sign(cert, key, EVP_sha256()) > 0, "certificate");
	}
	must(SSL_CTX_use_certificate(ctx, cert) == 1, "certificate");
	must(SSL_CTX_use_PrivateKey(ctx, key) == 1, "key");
}

static int make_cookie(SSL *ssl, unsigned char *cookie, unsigned int *len)
{
	(void)ssl;
	memset(cookie, 'c', 16);
	*len = 16;
	return 1;
}

static int check_cookie(SSL *ssl, const unsigned char *cookie, unsigned int len)
{
	(void)ssl;
	return len == 16 && cookie[0] == 'c';
}

static SSL *end(const struct tls_wish *wish, bool server)
{
	SSL_CTX *ctx = SSL_CTX_new(wish->dtls ? DTLS_method() : TLS_method());
	SSL *ssl;

	must(ctx != NULL, "context");
	SSL_CTX_set_security_level(ctx, 0); /* the old versions too */
	must(SSL_CTX_set_min_proto_version(ctx, wish->version) == 1 &&
		     SSL_CTX_set_max_proto_version(ctx, wish->version) == 1,
	     "version");
	if (wish->ciphers)
		must(SSL_CTX_set_cipher_list(ctx, wish->ciphers) == 1, "ciphers");
	if (wish->groups)
		must(SSL_CTX_set1_groups_list(ctx, server ? "P-521" : wish->groups) == 1, "groups");
	if (server) {
		certify(ctx);
		SSL_CTX_set_cookie_generate_cb(ctx, make_cookie);
		SSL_CTX_set_cookie_verify_cb(ctx, check_cookie);
		if (wish->cookies)
			SSL_CTX_set_options(ctx, SSL_OP_COOKIE_EXCHANGE);
	}
	ssl = SSL_new(ctx);
	SSL_CTX_free(ctx);
	must(ssl != NULL, "end");
	SSL_set_bio(ssl, BIO_new(BIO_s_mem()), BIO_new(BIO_s_mem()));
	if (wish->dtls) {
		SSL_set_options(ssl, SSL_OP_NO_QUERY_MTU);
		SSL_set_mtu(ssl, 1300);
	}
	if (server)
		SSL_set_accept_state(ssl);
	else
		SSL_set_connect_state(ssl);
	return ssl;
}

/* Protocol names to offer, until the ClientHello needs more than one segment. */
static void pad(SSL *ssl, unsigned int names)
{
	unsigned char list[8192];
	unsigned int len = 0;

	for (unsigned int i = 0; i < names && len + 32 < sizeof(list); i++) {
		list[len++] = 31;
		memset(list + len, 'a' + i % 26, 31);
		len += 31;
	}
	must(SSL_set_alpn_protos(ssl, list, len) == 0, "names");
}

static void keep(struct tls_talk *talk, int who, const unsigned char *bytes, unsigned int len)
{
	struct tls_flight *f = &talk->flight[talk->count++];

	must(talk->count <= TLS_FLIGHTS, "more flights than there is room for");
	f->who = who;
	f->len = len;
	f->bytes = malloc(len);
	must(f->bytes != NULL, "memory");
	memcpy(f->bytes, bytes, len);
}

/* What one end has written goes to the other. Returns whether there was any. */
static bool carry(struct tls_talk *talk, const struct tls_wish *wish, int who, SSL *from, SSL *to)
{
	unsigned char buf[32768];
	int n = BIO_read(SSL_get_wbio(from), buf, sizeof(buf));

	if (n <= 0)
		return false;
	for (int at = 0, len; at < n; at += len) {
		/* RFC 6347, 4.1: a record's length stands after 11 bytes of its header. */
		len = wish->dtls ? 13 + buf[at + 11] * 256 + buf[at + 12] : n;
		keep(talk, who, buf + at, len);
	}
	must(BIO_write(SSL_get_rbio(to), buf, n) == n, "carrying");
	return true;
}

void tls_shake(struct tls_talk *ret, const struct tls_wish *wish)
{
	SSL *client = end(wish, false), *server = end(wish, true);
	char buf[64];

	memset(ret, 0, sizeof(*ret));
	if (wish->padded)
		pad(client, wish->padded);
	for (int i = 0; i < 20; i++) {
		SSL_do_handshake(client);
		carry(ret, wish, 0, client, server);
		SSL_do_handshake(server);
		carry(ret, wish, 1, server, client);
		if (SSL_is_init_finished(client) && SSL_is_init_finished(server))
			break;
	}
	must(SSL_is_init_finished(client) && SSL_is_init_finished(server), "handshake");
	ERR_clear_error();
	must(SSL_write(client, "hello", 5) == 5, "write");
	carry(ret, wish, 0, client, server);
	must(SSL_read(server, buf, sizeof(buf)) == 5, "read");
	must(SSL_write(server, "world", 5) == 5, "write");
	carry(ret, wish, 1, server, client);
	SSL_free(client);
	SSL_free(server);
}

void tls_free(struct tls_talk *talk)
{
	for (unsigned int i = 0; i < talk->count; i++)
		free(talk->flight[i].bytes);
	talk->count = 0;
}
