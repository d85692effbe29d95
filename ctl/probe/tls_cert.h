/* SPDX-License-Identifier: Apache-2.0 */
/* tls_cert.h - what an X.509 certificate says that matters here; its texts are a stranger's. */
#pragma once
#include <jansson.h>
#include <openssl/x509.h>

/* ztc_tls_certificate - {subject, issuer, self_signed, key, key_bits, signature, hash, not_before,
 * not_after [unix s], names [<= 8], names_total, sha256}; see tls.h. New reference. */
json_t *ztc_tls_certificate(X509 *cert);

/* ztc_tls_certificate_short - {subject, key, key_bits, hash, self_signed, not_after}. */
json_t *ztc_tls_certificate_short(X509 *cert);

/**
 * ztc_tls_certificate_text - the first certificate of a PEM file's text.
 *
 * New reference as ztc_tls_certificate(), NULL when there is none.
 */
json_t *ztc_tls_certificate_text(const char *text, size_t len);
