// SPDX-License-Identifier: Apache-2.0
/* tls_cert.c - an X.509 certificate as facts: key, signature, times, names; never a judgement. */
#include <arpa/inet.h>
#include <openssl/asn1.h>
#include <openssl/bio.h>
#include <openssl/evp.h>
#include <openssl/objects.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <string.h>
#include <time.h>

#include "base/cleanup.h"
#include "base/json.h"
#include "base/strbuf.h"
#include "ctl/probe/tls_cert.h"

#define NAMES_SHOWN 8
#define TEXT_MAX    256 /* bytes of a name that are kept */

static json_t *name_json(const X509_NAME *name)
{
	char text[TEXT_MAX] = "";
	BIO *bio = BIO_new(BIO_s_mem());
	int n;

	if (!bio)
		return json_null();
	X509_NAME_print_ex(bio, name, 0, XN_FLAG_RFC2253 & ~ASN1_STRFLGS_ESC_MSB);
	n = BIO_read(bio, text, sizeof(text) - 1);
	BIO_free(bio);
	return zt_json_strn(text, n > 0 ? (size_t)n : 0);
}

static int64_t unix_time(const ASN1_TIME *at)
{
	struct tm tm = {0};

	return ASN1_TIME_to_tm(at, &tm) == 1 ? (int64_t)timegm(&tm) : 0;
}

static void add_key(json_t *ret, const X509 *cert)
{
	EVP_PKEY *key = X509_get0_pubkey(cert);
	const char *name = key ? EVP_PKEY_get0_type_name(key) : NULL;
	char group[64];

	json_object_set_new(ret, "key", json_string(name ? name : "unknown"));
	json_object_set_new(ret, "key_bits", json_integer(key ? EVP_PKEY_get_bits(key) : 0));
	if (key && EVP_PKEY_get_group_name(key, group, sizeof(group), NULL) == 1)
		json_object_set_new(ret, "curve", zt_json_str(group));
}

static void add_signature(json_t *ret, X509 *cert)
{
	int digest = NID_undef, nid = X509_get_signature_nid(cert);
	const char *name = OBJ_nid2sn(nid);

	/* RSA-PSS keeps its hash among the parameters. */
	X509_get_signature_info(cert, &digest, NULL, NULL, NULL);
	json_object_set_new(ret, "signature", zt_json_str(name ? name : "unknown"));
	json_object_set_new(ret, "hash",
			    json_string(digest != NID_undef ? OBJ_nid2sn(digest) : "none"));
}

static bool is_self_signed(X509 *cert)
{
	return X509_NAME_cmp(X509_get_subject_name(cert), X509_get_issuer_name(cert)) == 0;
}

static json_t *alt_name(const GENERAL_NAME *name)
{
	char text[INET6_ADDRSTRLEN];
	const ASN1_STRING *value;

	if (name->type == GEN_DNS || name->type == GEN_URI || name->type == GEN_EMAIL) {
		value = name->d.ia5;
		return zt_json_strn((const char *)ASN1_STRING_get0_data(value),
				    (size_t)ASN1_STRING_length(value) > TEXT_MAX
					    ? TEXT_MAX
					    : (size_t)ASN1_STRING_length(value));
	}
	if (name->type == GEN_IPADD) {
		value = name->d.ip;
		if (ASN1_STRING_length(value) == 4 || ASN1_STRING_length(value) == 16)
			return json_string(
				inet_ntop(ASN1_STRING_length(value) == 4 ? AF_INET : AF_INET6,
					  ASN1_STRING_get0_data(value), text, sizeof(text)));
	}
	return json_string("(another kind of name)");
}

static void add_alt_names(json_t *ret, X509 *cert)
{
	GENERAL_NAMES *names = X509_get_ext_d2i(cert, NID_subject_alt_name, NULL, NULL);
	json_t *shown = json_array();
	int total = names ? sk_GENERAL_NAME_num(names) : 0;

	for (int i = 0; i < total && i < NAMES_SHOWN; i++)
		json_array_append_new(shown, alt_name(sk_GENERAL_NAME_value(names, i)));
	GENERAL_NAMES_free(names);
	json_object_set_new(ret, "names", shown);
	json_object_set_new(ret, "names_total", json_integer(total));
}

static void add_digest(json_t *ret, const X509 *cert)
{
	unsigned char digest[EVP_MAX_MD_SIZE];
	unsigned int len = 0;

	if (X509_digest(cert, EVP_sha256(), digest, &len) == 1)
		json_object_set_new(ret, "sha256", zt_json_hex(digest, len));
}

json_t *ztc_tls_certificate_short(X509 *cert)
{
	json_t *ret = json_object();

	json_object_set_new(ret, "subject", name_json(X509_get_subject_name(cert)));
	json_object_set_new(ret, "self_signed", json_boolean(is_self_signed(cert)));
	json_object_set_new(ret, "not_after", json_integer(unix_time(X509_get0_notAfter(cert))));
	add_key(ret, cert);
	add_signature(ret, cert);
	return ret;
}

json_t *ztc_tls_certificate(X509 *cert)
{
	json_t *ret = ztc_tls_certificate_short(cert);

	json_object_set_new(ret, "issuer", name_json(X509_get_issuer_name(cert)));
	json_object_set_new(ret, "not_before", json_integer(unix_time(X509_get0_notBefore(cert))));
	add_alt_names(ret, cert);
	add_digest(ret, cert);
	return ret;
}

json_t *ztc_tls_certificate_text(const char *text, size_t len)
{
	BIO *bio = BIO_new_mem_buf(text, (int)len);
	X509 *cert = bio ? PEM_read_bio_X509(bio, NULL, NULL, NULL) : NULL;
	json_t *ret = cert ? ztc_tls_certificate(cert) : NULL;

	X509_free(cert);
	BIO_free(bio);
	return ret;
}
