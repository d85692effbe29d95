// SPDX-License-Identifier: Apache-2.0
/* tls.c - one TLS handshake with a listener of this host, by OpenSSL: what was agreed. */
#include <errno.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <poll.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/json.h"
#include "ctl/probe/tls.h"
#include "ctl/probe/tls_cert.h"

#define TYPE_CHANGE_CIPHER 20
#define TYPE_ALERT	   21
#define TYPE_HANDSHAKE	   22
#define CHAIN_SHOWN	   4

/* What OpenSSL tells about a handshake while it goes on. */
struct watch {
	bool asked_certificate;
	int alert; /* -1 = none came */
};

static void free_ctx(SSL_CTX **ctx)
{
	SSL_CTX_free(*ctx);
}

static void free_ssl(SSL **ssl)
{
	SSL_free(*ssl);
}

static struct watch *watch_of(const SSL *ssl)
{
	return SSL_get_app_data(ssl);
}

/* We have no certificate to show: the handshake goes on without. */
static int no_certificate(SSL *ssl, X509 **cert, EVP_PKEY **key)
{
	(void)cert;
	(void)key;
	watch_of(ssl)->asked_certificate = true;
	return 0;
}

static void note_state(const SSL *ssl, int where, int value)
{
	if ((where & SSL_CB_READ_ALERT) == SSL_CB_READ_ALERT && (value >> 8) == SSL3_AL_FATAL)
		watch_of(ssl)->alert = value & 0xff;
}

static SSL_CTX *make_context(void)
{
	zt_auto(free_ctx) SSL_CTX *ctx = SSL_CTX_new(TLS_client_method());

	if (!ctx)
		return NULL;
	/* Level 0: short keys, SHA-1 and old versions are to be seen, not to end the handshake. */
	SSL_CTX_set_security_level(ctx, 0);
	SSL_CTX_set_min_proto_version(ctx, 0);
	SSL_CTX_set_verify(ctx, SSL_VERIFY_NONE, NULL);
	SSL_CTX_set_session_cache_mode(ctx, SSL_SESS_CACHE_OFF);
	SSL_CTX_set_options(ctx, SSL_OP_LEGACY_SERVER_CONNECT | SSL_OP_IGNORE_UNEXPECTED_EOF);
	SSL_CTX_set_client_cert_cb(ctx, no_certificate);
	SSL_CTX_set_info_callback(ctx, note_state);
	SSL_CTX_set_max_cert_list(ctx, 64 << 10);
	if (SSL_CTX_set_cipher_list(ctx, "ALL:COMPLEMENTOFALL:@SECLEVEL=0") != 1)
		return NULL;
	return zt_take(ctx);
}

static bool has_forward_secrecy(const SSL_CIPHER *cipher)
{
	int kx = SSL_CIPHER_get_kx_nid(cipher);

	return kx == NID_kx_any || kx == NID_kx_ecdhe || kx == NID_kx_dhe ||
	       kx == NID_kx_ecdhe_psk || kx == NID_kx_dhe_psk;
}

static void add_group(SSL *ssl, json_t *ret)
{
	EVP_PKEY *key = NULL;
	int id = (int)SSL_get_negotiated_group(ssl);
	const char *name = id ? SSL_group_to_name(ssl, id) : NULL;

	if (name)
		json_object_set_new(ret, "group", json_string(name));
	if (SSL_get_peer_tmp_key(ssl, &key) == 1 && key) {
		json_object_set_new(ret, "group_bits", json_integer(EVP_PKEY_get_bits(key)));
		if (!name)
			json_object_set_new(ret, "group",
					    json_string(EVP_PKEY_get0_type_name(key)));
		EVP_PKEY_free(key);
	}
}

static void add_cipher(SSL *ssl, json_t *ret)
{
	const SSL_CIPHER *cipher = SSL_get_current_cipher(ssl);

	if (!cipher)
		cipher = SSL_get_pending_cipher(ssl);
	if (!cipher)
		return;
	json_object_set_new(ret, "cipher", json_string(SSL_CIPHER_get_name(cipher)));
	json_object_set_new(ret, "cipher_bits", json_integer(SSL_CIPHER_get_bits(cipher, NULL)));
	json_object_set_new(ret, "forward_secrecy", json_boolean(has_forward_secrecy(cipher)));
	json_object_set_new(ret, "aead", json_boolean(SSL_CIPHER_is_aead(cipher)));
	if (SSL_CIPHER_get_auth_nid(cipher) == NID_auth_null)
		json_object_set_new(ret, "anonymous", json_true());
}

static void add_certificates(SSL *ssl, json_t *ret)
{
	STACK_OF(X509) *chain = SSL_get_peer_cert_chain(ssl);
	X509 *leaf = SSL_get0_peer_certificate(ssl);
	json_t *rest = json_array();

	if (leaf)
		json_object_set_new(ret, "certificate", ztc_tls_certificate(leaf));
	for (int i = 1; chain && i < sk_X509_num(chain) && i <= CHAIN_SHOWN; i++)
		json_array_append_new(rest, ztc_tls_certificate_short(sk_X509_value(chain, i)));
	json_object_set_new(ret, "chain", rest);
}

/* Returns 0, or -EPROTO: neither a ServerHello nor a refusal, only what looks like a record. */
static int describe(SSL *ssl, json_t *ret, bool done)
{
	const struct watch *w = watch_of(ssl);
	/* A cipher was chosen: the ServerHello came. */
	bool hello = SSL_get_pending_cipher(ssl) || SSL_get0_peer_certificate(ssl);
	const char *state = done ? "ok" : hello ? "part" : "refused";

	if (!done && !hello && w->alert < 0)
		return -EPROTO;
	json_object_set_new(ret, "state", json_string(state));
	json_object_set_new(ret, "client_certificate", json_boolean(w->asked_certificate));
	if (w->alert >= 0)
		json_object_set_new(ret, "alert",
				    json_string(SSL_alert_desc_string_long(w->alert)));
	if (!done && !hello)
		return 0;
	json_object_set_new(ret, "version", json_string(SSL_get_version(ssl)));
	add_cipher(ssl, ret);
	add_group(ssl, ret);
	add_certificates(ssl, ret);
	return 0;
}

/* One step of waiting. Bytes are counted by what the socket handed over, so that an endless
 * handshake ends. */
static int wait_for(SSL *ssl, const struct ztc_wire *wire, int error)
{
	if (BIO_number_read(SSL_get_rbio(ssl)) > ZTC_WIRE_BYTES_MAX * 2)
		return -EMSGSIZE;
	return ztc_wire_wait(wire, error == SSL_ERROR_WANT_WRITE ? POLLOUT : POLLIN);
}

/* The hello is out; what comes first tells whether it is TLS at all. */
static int look(struct ztc_wire *wire, char *ret_text, size_t size)
{
	uint8_t head[2] = {0};
	ssize_t n = ztc_wire_peek(wire, head, sizeof(head));

	if (n <= 0)
		return n == 0 || n == -ECONNRESET ? -ENODATA : (int)n;
	if (head[0] >= TYPE_CHANGE_CIPHER && head[0] <= TYPE_HANDSHAKE && (n < 2 || head[1] == 3))
		return 0;
	n = ztc_wire_read(wire, ret_text, size - 1, 0);
	ret_text[n > 0 ? n : 0] = '\0';
	return -EPROTO;
}

static int shake(SSL *ssl, struct ztc_wire *wire, char *ret_text, size_t size, bool *ret_done)
{
	bool looked = false;

	for (;;) {
		int r = SSL_connect(ssl), error = SSL_get_error(ssl, r);

		*ret_done = r == 1;
		if (r == 1)
			return 0;
		/* Ended by the other end after TLS was seen: what it showed until then counts. */
		if (error != SSL_ERROR_WANT_READ && error != SSL_ERROR_WANT_WRITE)
			return looked ? 0 : -ENODATA;
		if (error == SSL_ERROR_WANT_READ && !looked) {
			r = look(wire, ret_text, size);
			looked = r == 0;
		} else {
			r = wait_for(ssl, wire, error);
		}
		if (r < 0)
			return r;
	}
}

int ztc_tls_handshake(struct ztc_wire *wire, json_t *ret, char *ret_text, size_t size)
{
	zt_auto(free_ctx) SSL_CTX *ctx = make_context();
	zt_auto(free_ssl) SSL *ssl = ctx ? SSL_new(ctx) : NULL;
	struct watch watch = {.alert = -1};
	bool done = false;
	int r;

	ret_text[0] = '\0';
	if (!ssl || SSL_set_fd(ssl, wire->fd) != 1)
		return -ENOMEM;
	SSL_set_app_data(ssl, &watch);
	r = shake(ssl, wire, ret_text, size, &done);
	ERR_clear_error();
	return r == 0 ? describe(ssl, ret, done) : r;
}
