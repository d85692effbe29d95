// SPDX-License-Identifier: Apache-2.0
/* crypto_tls.c - ZTS-3.4-03: TLS of own listeners, version, cipher, certificate, old versions. */
#include <string.h>

#include "base/cleanup.h"
#include "ctl/checks/crypto.h"

#define ID	"ZTS-3.4-03"
#define DAY_S	86400
#define WEAK_DH 2048

/* What was found about one listener. */
struct verdict {
	struct ztc_result *r;
	const char *resource;
	enum ztc_state state;
};

/* One flaw of one listener: a row among the offenders. */
#define FLAW(v, how, ...)                                                                          \
	do {                                                                                       \
		(v)->state = ztc_worse((v)->state, how);                                           \
		ztc_offender((v)->r, (v)->resource, __VA_ARGS__);                                  \
	} while (0)

static void judge_old(struct verdict *v, const json_t *tls)
{
	static const char *const old[] = {"SSLv2", "SSLv3", "TLSv1", "TLSv1.1"};
	const json_t *down = json_object_get(tls, "downgrade");

	for (size_t i = 0; i < ARRAY_SIZE(old); i++) {
		if (ztc_is(tls, "version", old[i]))
			FLAW(v, ZTC_STATE_FAIL, N_("speaks nothing newer than TLS 1.1"));
	}
	if (ztc_is(down, "state", "accepted"))
		FLAW(v, ZTC_STATE_FAIL, N_("accepts TLS 1.1 or older"));
	else if (!ztc_is(down, "state", "refused"))
		FLAW(v, ZTC_STATE_UNKNOWN, N_("whether it takes TLS 1.1 could not be found out"));
	if (*ztc_member(down, "weak"))
		FLAW(v, ZTC_STATE_FAIL, N_("takes a broken cipher (NULL, EXPORT, RC4, DES, 3DES)"));
}

static void judge_cipher(struct verdict *v, const json_t *tls)
{
	static const char *const broken[] = {"NULL", "EXP", "RC4", "DES", "RC2", "MD5"};
	const char *cipher = ztc_member(tls, "cipher");
	bool bad = json_is_true(json_object_get(tls, "anonymous"));

	for (size_t i = 0; i < ARRAY_SIZE(broken); i++)
		bad = bad || strstr(cipher, broken[i]);
	if (!*cipher)
		FLAW(v, ZTC_STATE_UNKNOWN, N_("the handshake did not get as far as a cipher"));
	else if (bad)
		FLAW(v, ZTC_STATE_FAIL, N_("takes a broken cipher (NULL, EXPORT, RC4, DES, 3DES)"));
	else if (!json_is_true(json_object_get(tls, "aead")))
		FLAW(v, ZTC_STATE_PARTIAL, N_("the cipher is not authenticated (CBC)"));
	if (*cipher && !json_is_true(json_object_get(tls, "forward_secrecy")))
		FLAW(v, ZTC_STATE_PARTIAL, N_("no forward secrecy"));
	if (ztc_is(tls, "group", "DH") && ztc_number(tls, "group_bits") < WEAK_DH)
		FLAW(v, ZTC_STATE_PARTIAL, N_("Diffie-Hellman group of %lld bits"),
		     (long long)ztc_number(tls, "group_bits"));
}

static void judge_key(const struct ztc_facts *facts, struct verdict *v, const json_t *cert)
{
	int64_t bits = ztc_number(cert, "key_bits");
	bool rsa = strncmp(ztc_member(cert, "key"), "RSA", 3) == 0 || ztc_is(cert, "key", "DSA");

	if (rsa && bits < (int64_t)ztc_limit(facts, ID, "rsa_bits"))
		FLAW(v, ZTC_STATE_FAIL, N_("RSA key of %lld bits"), (long long)bits);
	if (ztc_is(cert, "key", "EC") && bits < (int64_t)ztc_limit(facts, ID, "ec_bits"))
		FLAW(v, ZTC_STATE_FAIL, N_("elliptic curve key of %lld bits"), (long long)bits);
	/* Nobody relies on the signature of a root: it is trusted as it is. */
	if (ztc_is(cert, "hash", "SHA1") || ztc_is(cert, "hash", "MD5"))
		FLAW(v, ZTC_STATE_FAIL, N_("certificate signed with SHA-1 or MD5"));
}

static void judge_certificate(const struct ztc_facts *facts, struct verdict *v, const json_t *tls)
{
	const json_t *cert = json_object_get(tls, "certificate"), *each;
	int64_t left = ztc_number(cert, "not_after") - facts->now_s;
	size_t i;

	if (!json_is_object(cert)) {
		FLAW(v, ZTC_STATE_UNKNOWN, N_("no certificate was shown"));
		return;
	}
	judge_key(facts, v, cert);
	json_array_foreach (json_object_get(tls, "chain"), i, each) {
		if (!json_is_true(json_object_get(each, "self_signed")))
			judge_key(facts, v, each);
	}
	if (left < 0)
		FLAW(v, ZTC_STATE_FAIL, N_("certificate expired %lld d ago"),
		     (long long)(-left / DAY_S));
	else if (left <= (int64_t)ztc_limit(facts, ID, "certificate_days") * DAY_S)
		FLAW(v, ZTC_STATE_PARTIAL, N_("certificate expires in %lld d"),
		     (long long)(left / DAY_S));
	if (ztc_number(cert, "not_before") > facts->now_s)
		FLAW(v, ZTC_STATE_FAIL, N_("certificate is not valid yet"));
	if (json_is_true(json_object_get(cert, "self_signed")))
		FLAW(v, ZTC_STATE_PARTIAL, N_("self-signed certificate"));
}

static void conclude(struct ztc_result *r, enum ztc_state worst, size_t hidden)
{
	long long all = r->den, bad = r->den - r->num;

	if (!all && worst == ZTC_STATE_PASS)
		ztc_conclude(r, ZTC_STATE_NA, N_("no listener that others can reach speaks TLS"));
	else if (worst == ZTC_STATE_PASS)
		ztc_conclude(r, worst, N_("TLS listeners, all as they should be: %lld"), all);
	else if (!bad)
		ztc_conclude(
			r, worst,
			N_("listeners that could not be probed: %lld. Run as root, and look at the profile's list probe_skip"),
			(long long)hidden);
	else
		ztc_conclude(
			r, worst,
			N_("TLS listeners that are not as they should be: %lld of %lld. Change the daemons as shown and assess again"),
			bad, all);
}

void ztc_judge_tls(const struct ztc_facts *facts, struct ztc_result *r)
{
	const json_t *banners = ztc_fact(facts, "banners", r), *row;
	enum ztc_state worst = ZTC_STATE_PASS;
	size_t i, hidden = 0;

	ztc_expected(r,
		     N_("TLS 1.2 or newer only, forward secrecy and an authenticated cipher, "
			"certificate valid for more than %lld days, RSA of %lld bits or more"),
		     (long long)ztc_limit(facts, ID, "certificate_days"),
		     (long long)ztc_limit(facts, ID, "rsa_bits"));
	if (!banners)
		return;
	r->num = r->den = 0;
	json_array_foreach (json_object_get(banners, "listeners"), i, row) {
		const json_t *tls = json_object_get(row, "tls");
		struct verdict v = {r, ztc_member(row, "resource"), ZTC_STATE_PASS};

		hidden += ztc_not_seen(row);
		if (!json_is_object(tls))
			continue;
		judge_old(&v, tls);
		judge_cipher(&v, tls);
		judge_certificate(facts, &v, tls);
		worst = ztc_worse(worst, v.state);
		r->den++;
		r->num += v.state == ZTC_STATE_PASS;
		if (v.state != ZTC_STATE_PASS)
			ztc_add_snippet(r, row, "tls");
	}
	if (hidden || !json_is_true(json_object_get(banners, "complete")))
		worst = ztc_worse(worst, ZTC_STATE_UNKNOWN);
	ztc_observed(r, N_("TLS listeners: %lld, as they should be: %lld"), (long long)r->den,
		     (long long)r->num);
	conclude(r, worst, hidden);
}
