// SPDX-License-Identifier: Apache-2.0
/*
 * fuzz_minisign.c - any bytes as a signature file, as a public and as a secret key.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/minisign.h"
#include "policy/signed.h"
#include "fuzz.h"

const char *const fuzz_dirs[] = {"tests/fuzz/corpus/minisign", NULL};

static void as_signature(const char *text, size_t size)
{
	/* Whose key it claims to be made with is taken as trusted: verification is reached too. */
	struct zt_minisign_pub key = {.key = {1}};
	struct zt_minisign_sig sig;
	const char *why = NULL;
	int r = zt_minisign_read_sig(text, size, &sig, &why);

	fuzz_must(r == 0 || r == -EINVAL, "0 or -EINVAL");
	fuzz_must(why != NULL, "a reason");
	if (r < 0)
		return;
	fuzz_must(strlen(sig.comment) < size, "a comment is shorter than its file");
	memcpy(key.id, sig.id, sizeof(key.id));
	r = zt_minisign_verify(&key, 1, &sig, "fuzz", 4, NULL, &why);
	fuzz_must(r == -EBADMSG || r == -EIO, "nothing verifies by accident");
}

static void as_policy_signature(const char *text, size_t size)
{
	zt_auto(zt_strbuf_free) struct zt_strbuf why = ZT_STRBUF_INIT;
	zt_auto(zt_policy_free) struct zt_policy *policy = NULL;
	const struct zt_minisign_pub key = {.key = {1}};
	int r;

	if (zt_policy_empty(&policy) < 0)
		return;
	r = zt_policy_verify(policy, text, size, &key, 1, NULL, &why);
	fuzz_must(r < 0, "nothing is signed by accident");
	for (size_t i = 0; i < why.len; i++)
		fuzz_must((unsigned char)why.data[i] >= 0x20, "a reason is one line of text");
}

static void as_keys(const char *text, size_t size)
{
	zt_auto(zt_strbuf_free) struct zt_strbuf again = ZT_STRBUF_INIT;
	struct zt_minisign_pub pub, pub2;
	struct zt_minisign_secret secret, secret2;
	const char *why = NULL;

	if (zt_minisign_read_pub(text, size, &pub, &why) == 0) {
		zt_minisign_write_pub(&again, &pub);
		fuzz_must(!zt_minisign_read_pub(again.data, again.len, &pub2, &why) &&
				  !memcmp(&pub, &pub2, sizeof(pub)),
			  "a key reads as written");
	}
	zt_strbuf_reset(&again);
	/* No password: scrypt would eat a gibibyte for each input. */
	if (zt_minisign_read_secret(text, size, NULL, NULL, &secret, &why) == 0) {
		fuzz_must(!zt_minisign_write_secret(&again, &secret, NULL), "it can be written");
		fuzz_must(!zt_minisign_read_secret(again.data, again.len, NULL, NULL, &secret2,
						   &why) &&
				  !memcmp(&secret, &secret2, sizeof(secret)),
			  "a secret key reads as written");
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	as_signature((const char *)data, size);
	as_policy_signature((const char *)data, size);
	as_keys((const char *)data, size);
	return 0;
}
