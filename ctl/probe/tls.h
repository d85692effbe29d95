/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tls.h - how well a listener of this host speaks TLS: one handshake, and one old hello.
 *
 * The handshake is OpenSSL's, with its security level taken down and no certificate checked: what
 * is weak is to be seen, not to be refused. The second hello is written by us and offers TLS 1.1
 * and below with the ciphers of that time, those included that OpenSSL has forgotten; it ends at
 * the ServerHello. Nothing is sent over either connection.
 */
#pragma once
#include <jansson.h>

#include "ctl/probe/wire.h"

/**
 * ztc_tls_handshake - begin TLS on a connection where a ClientHello may be sent now.
 * @ret: an object gets: state "ok" (completed), "part" (the server showed itself, then ended it: it
 *       asks for a client's certificate or another name), "refused" (an alert before anything was
 *       shown), version, cipher, cipher_bits, forward_secrecy, aead, group?, group_bits?,
 *       client_certificate (asked for), alert?, certificate {subject, issuer, self_signed, key
 *       "RSA", key_bits, signature "sha256WithRSAEncryption", hash "SHA256", not_before, not_after
 *       [unix s], names [<= 8], names_total, sha256}, chain [{subject, key, key_bits, hash,
 *       self_signed}, <= 4].
 * @ret_text: bytes that came when the answer is not TLS, with a NUL; @size at least 1.
 *
 * Returns 0 (it speaks TLS), -EPROTO (the answer is not TLS, see @ret_text), -ENODATA (closed),
 * -ETIMEDOUT, -ENOMEM, -errno.
 */
int ztc_tls_handshake(struct ztc_wire *wire, json_t *ret, char *ret_text, size_t size);

/**
 * ztc_tls_downgrade - the old hello, on a connection where a ClientHello may be sent now.
 * @ret: an object gets: state "refused", "accepted", "unknown"; version?, cipher?, weak? (why
 *       the cipher is no good), why?.
 */
void ztc_tls_downgrade(struct ztc_wire *wire, json_t *ret);
