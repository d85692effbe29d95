/* SPDX-License-Identifier: Apache-2.0 */
/* test_minisign.c - minisign's files: what is read, what is refused and why, what is written. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <errno.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <string.h>

#include "base/blake2b.h"
#include "base/cleanup.h"
#include "base/minisign.h"
#include "policy/signed.h"

/* Made by minisign 0.11: a key pair of -W, and "hello\n" signed with it, both algorithms. */
static const char pub_text[] = "untrusted comment: minisign public key 9E859A913172296F\n"
			       "RWRvKXIxkZqFnmLHD6akkQmm1IKtPbmCi4U8bDDxfN/He4dSmjkr8Bm5\n";
static const char secret_text[] =
	"untrusted comment: minisign encrypted secret key\n"
	"RWQAAEIyAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAbyly"
	"MZGahZ6/wpCi3JJS2aKHwPp8m206cwqedQ24XACLeARQWiKGwWLHD6akkQmm1IKtPbmCi4U8bDDx"
	"fN/He4dSmjkr8Bm5AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=\n";
static const char sig_text[] =
	"untrusted comment: signature from minisign secret key\n"
	"RURvKXIxkZqFnotTI7tCUvHWqM6rVt+QwxedwG1nlBtrETATg8Lysp6vkbC66RfZat7lRHdVtHD0b8LkWoSmlw1J"
	"qbDIPZyCgw0=\n"
	"trusted comment: zz top\n"
	"Kqx72JDET8nAZ/pLA70nZy8I2Pb15YcK5rDIGWQFQiivp1mEslHYYAnQFyg8p6R0KrW9afIoPClxN8ApCq4vCg==\n";
static const char legacy_text[] =
	"untrusted comment: signature from minisign secret key\n"
	"RWRvKXIxkZqFnsc7h04n3wTpNo4zaXyMiUmX2FPtwr31y+b6iyITBTyRDxQLbxfubLfMxeWxicOm30x48IMpFsKx"
	"d8RvAzgsPQA=\n"
	"trusted comment: timestamp:1795310037\tfile:m\n"
	"TSu2ar3/6sugu0fDAoAal+CwD518amgplfD7fK6ASdN8IUjkSleLMwZZkYkNUVSfJdvKk0YUaYgW3JKxUaFsDw==\n";

static struct zt_minisign_pub the_key(void)
{
	struct zt_minisign_pub pub;
	const char *why;

	assert_int_equal(zt_minisign_read_pub(pub_text, strlen(pub_text), &pub, &why), 0);
	return pub;
}

static int verify_text(const char *text, const char *msg, const char **ret_why)
{
	struct zt_minisign_pub pub = the_key();
	struct zt_minisign_sig sig;
	int r = zt_minisign_read_sig(text, strlen(text), &sig, ret_why);

	return r ? r : zt_minisign_verify(&pub, 1, &sig, msg, strlen(msg), NULL, ret_why);
}

/* @text with the first @from replaced by @to of the same length. */
static char *altered(const char *text, const char *from, const char *to)
{
	char *copy = strdup(text);
	char *at = copy ? strstr(copy, from) : NULL;

	assert_non_null(at);
	memcpy(at, to, strlen(to));
	return copy;
}

static void test_blake2b(void **state)
{
	/* BLAKE2b-256 of "abc" by b2sum -l 256. */
	static const uint8_t abc[32] = {0xbd, 0xdd, 0x81, 0x3c, 0x63, 0x42, 0x39, 0x72,
					0x31, 0x71, 0xef, 0x3f, 0xee, 0x98, 0x57, 0x9b,
					0x94, 0x96, 0x4e, 0x3b, 0xb1, 0xcb, 0x3e, 0x42,
					0x72, 0x62, 0xc8, 0xc0, 0x68, 0xd5, 0x23, 0x19};
	uint8_t bytes[300], ours[64], theirs[64];

	(void)state;
	zt_blake2b("abc", 3, ours, 32);
	assert_memory_equal(ours, abc, sizeof(abc));
	for (size_t i = 0; i < sizeof(bytes); i++)
		bytes[i] = (uint8_t)(i * 7);
	for (size_t len = 0; len <= sizeof(bytes); len++) {
		zt_blake2b(bytes, len, ours, sizeof(ours));
		assert_int_equal(EVP_Digest(bytes, len, theirs, NULL, EVP_blake2b512(), NULL), 1);
		assert_memory_equal(ours, theirs, sizeof(ours));
	}
}

static void test_verify(void **state)
{
	struct zt_minisign_pub keys[2] = {{.id = {1}}, the_key()};
	struct zt_minisign_sig sig;
	char id[ZT_MINISIGN_ID_TEXT_LEN];
	const char *why;
	size_t key = 9;

	(void)state;
	assert_int_equal(verify_text(sig_text, "hello\n", &why), 0);
	assert_int_equal(verify_text(legacy_text, "hello\n", &why), 0);
	assert_int_equal(verify_text(sig_text, "hello", &why), -EBADMSG);
	assert_int_equal(verify_text(legacy_text, "hellO\n", &why), -EBADMSG);
	assert_int_equal(zt_minisign_read_sig(sig_text, strlen(sig_text), &sig, &why), 0);
	assert_true(sig.prehashed);
	assert_string_equal(sig.comment, "zz top");
	assert_int_equal(zt_minisign_verify(keys, 2, &sig, "hello\n", 6, &key, &why), 0);
	assert_int_equal(key, 1);
	assert_int_equal(zt_minisign_verify(keys, 1, &sig, "hello\n", 6, &key, &why), -ENOKEY);
	assert_int_equal(zt_minisign_verify(keys, 0, &sig, "hello\n", 6, &key, &why), -ENOKEY);
	assert_string_equal(zt_minisign_id_text(sig.id, id), "9E859A913172296F");
	/* The algorithm is not part of what is signed: the wrong one must not verify. */
	sig.prehashed = false;
	assert_int_equal(zt_minisign_verify(keys, 2, &sig, "hello\n", 6, &key, &why), -EBADMSG);
}

static void test_altered(void **state)
{
	zt_auto(zt_freep) char *comment = altered(sig_text, "zz top", "zz tip");
	zt_auto(zt_freep) char *bit = altered(sig_text, "RURvKXIxkZqFnotT", "RURvKXIxkZqFnouT");
	zt_auto(zt_freep) char *id = altered(sig_text, "RURvKXIx", "RURvKXIy");
	zt_auto(zt_freep) char *alg = altered(sig_text, "RURv", "RUVv");
	zt_auto(zt_freep) char *base64 = altered(sig_text, "gw0=", "gw1=");
	zt_auto(zt_freep) char *line =
		altered(sig_text, "trusted comment: zz", "trusted comments:zz");
	const char *why;

	(void)state;
	assert_int_equal(verify_text(comment, "hello\n", &why), -EBADMSG);
	assert_non_null(strstr(why, "comment"));
	assert_int_equal(verify_text(bit, "hello\n", &why), -EBADMSG);
	assert_int_equal(verify_text(id, "hello\n", &why), -ENOKEY);
	assert_int_equal(verify_text(alg, "hello\n", &why), -EINVAL);
	assert_non_null(strstr(why, "algorithm"));
	assert_int_equal(verify_text(base64, "hello\n", &why), -EINVAL);
	assert_int_equal(verify_text(line, "hello\n", &why), -EINVAL);
}

/* However a file is cut, it is refused, with a reason. */
static void test_truncated(void **state)
{
	struct zt_minisign_pub pub;
	struct zt_minisign_sig sig;
	struct zt_minisign_secret secret;
	const char *why;

	(void)state;
	for (size_t len = 0; len < strlen(sig_text) - 1; len++) {
		why = NULL;
		assert_int_equal(zt_minisign_read_sig(sig_text, len, &sig, &why), -EINVAL);
		assert_non_null(why);
	}
	assert_int_equal(zt_minisign_read_sig(sig_text, strlen(sig_text) - 1, &sig, &why), 0);
	for (size_t len = 0; len < strlen(pub_text) - 1; len++)
		assert_int_equal(zt_minisign_read_pub(pub_text, len, &pub, &why), -EINVAL);
	for (size_t len = 0; len < strlen(secret_text) - 1; len++)
		assert_int_equal(
			zt_minisign_read_secret(secret_text, len, NULL, NULL, &secret, &why),
			-EINVAL);
	assert_int_equal(zt_minisign_read_sig(pub_text, strlen(pub_text), &sig, &why), -EINVAL);
	assert_int_equal(zt_minisign_read_pub(sig_text, strlen(sig_text), &pub, &why), -EINVAL);
	assert_int_equal(
		zt_minisign_read_secret(pub_text, strlen(pub_text), NULL, NULL, &secret, &why),
		-EINVAL);
	/* The base64 line alone is a public key too. */
	assert_int_equal(zt_minisign_read_pub(strchr(pub_text, '\n') + 1, 57, &pub, &why), 0);
}

static void test_hostile_comment(void **state)
{
	zt_auto(zt_strbuf_free) struct zt_strbuf text = ZT_STRBUF_INIT;
	struct zt_minisign_secret secret;
	struct zt_minisign_sig sig;
	char comment[ZT_MINISIGN_COMMENT_MAX + 1];
	const char *why;

	(void)state;
	assert_int_equal(zt_minisign_generate(&secret), 0);
	assert_int_equal(zt_minisign_sign(&text, &secret, "x", 1, "two\nlines"), -EINVAL);
	memset(comment, 'c', sizeof(comment));
	comment[ZT_MINISIGN_COMMENT_MAX] = '\0';
	assert_int_equal(zt_minisign_sign(&text, &secret, "x", 1, comment), -EINVAL);
	comment[ZT_MINISIGN_COMMENT_MAX - 1] = '\0';
	assert_int_equal(zt_minisign_sign(&text, &secret, "x", 1, comment), 0);
	assert_int_equal(zt_minisign_read_sig(text.data, text.len, &sig, &why), 0);
	assert_int_equal(zt_minisign_verify(&secret.pub, 1, &sig, "x", 1, NULL, &why), 0);
	strstr(text.data, "cccc")[1] = '\0';
	assert_int_equal(zt_minisign_read_sig(text.data, text.len, &sig, &why), -EINVAL);
	zt_minisign_secret_wipe(&secret);
}

static void test_secret(void **state)
{
	zt_auto(zt_strbuf_free) struct zt_strbuf text = ZT_STRBUF_INIT;
	zt_auto(zt_strbuf_free) struct zt_strbuf pub_out = ZT_STRBUF_INIT;
	zt_auto(zt_freep) char *half = altered(secret_text, "8Bm5", "8Bm4");
	zt_auto(zt_freep) char *scrypt = altered(secret_text, "RWQAAEIy", "RWRTY0Iy");
	struct zt_minisign_secret secret, again;
	struct zt_minisign_pub pub = the_key();
	struct zt_minisign_sig sig;
	const char *why;
	int r;

	(void)state;
	r = zt_minisign_read_secret(secret_text, strlen(secret_text), NULL, NULL, &secret, &why);
	assert_int_equal(r, 0);
	assert_memory_equal(&secret.pub, &pub, sizeof(pub));
	zt_minisign_write_pub(&pub_out, &secret.pub);
	assert_string_equal(zt_strbuf_text(&pub_out), pub_text);
	assert_int_equal(zt_minisign_sign(&text, &secret, "hello\n", 6, "c"), 0);
	assert_int_equal(zt_minisign_read_sig(text.data, text.len, &sig, &why), 0);
	assert_int_equal(zt_minisign_verify(&pub, 1, &sig, "hello\n", 6, NULL, &why), 0);
	zt_strbuf_reset(&text);
	assert_int_equal(zt_minisign_write_secret(&text, &secret, NULL), 0);
	assert_int_equal(zt_minisign_read_secret(text.data, text.len, NULL, NULL, &again, &why), 0);
	assert_memory_equal(&again, &secret, sizeof(again));
	assert_int_equal(zt_minisign_read_secret(half, strlen(half), NULL, NULL, &again, &why),
			 -EINVAL);
	assert_int_equal(zt_minisign_read_secret(scrypt, strlen(scrypt), NULL, NULL, &again, &why),
			 -ENOKEY);
	zt_minisign_secret_wipe(&secret);
	zt_minisign_secret_wipe(&again);
}

/* --- over a policy ------------------------------------------------------------------------ */

static struct zt_policy *policy_of(const char *text)
{
	struct zt_policy *policy = NULL;

	assert_int_equal(zt_policy_parse(&policy, "test", text, strlen(text), NULL), 0);
	return policy;
}

static void test_policy(void **state)
{
	static const char one[] = "version: 1\npolicy: p\nrevision: 4\nrules:\n"
				  "  - {id: a, from: any, to: any, ports: [tcp/1]}\n";
	static const char same[] = "# said otherwise\nrevision: 4\npolicy: p\nversion: 1\nrules:\n"
				   "  - id: a\n    from: any\n    to: any\n    ports: [tcp/1-1]\n";
	static const char next[] = "version: 1\npolicy: p\nrevision: 5\nrules:\n"
				   "  - {id: a, from: any, to: any, ports: [tcp/1]}\n";
	zt_auto(zt_policy_free) struct zt_policy *policy = policy_of(one);
	zt_auto(zt_policy_free) struct zt_policy *other = policy_of(same);
	zt_auto(zt_policy_free) struct zt_policy *newer = policy_of(next);
	zt_auto(zt_strbuf_free) struct zt_strbuf sig = ZT_STRBUF_INIT, comment = ZT_STRBUF_INIT,
						 why = ZT_STRBUF_INIT;
	zt_auto(zt_freep) char *text = NULL;
	struct zt_minisign_secret secret;
	struct zt_policy_seal seal;
	size_t len;

	(void)state;
	assert_int_equal(zt_minisign_generate(&secret), 0);
	assert_int_equal(zt_policy_canonical(policy, &text, &len), 0);
	zt_policy_seal_comment(&comment, policy, 1795310037, NULL);
	assert_string_equal(zt_strbuf_text(&comment), "timestamp:1795310037\tpolicy:p\trevision:4");
	assert_int_equal(zt_minisign_sign(&sig, &secret, text, len, zt_strbuf_text(&comment)), 0);
	assert_int_equal(zt_policy_verify(policy, sig.data, sig.len, &secret.pub, 1, &seal, &why),
			 0);
	assert_int_equal(seal.signed_s, 1795310037);
	assert_true(seal.states_revision);
	assert_int_equal(zt_policy_verify(other, sig.data, sig.len, &secret.pub, 1, NULL, NULL), 0);
	assert_int_equal(zt_policy_verify(newer, sig.data, sig.len, &secret.pub, 1, NULL, &why),
			 -EBADMSG);
	zt_minisign_secret_wipe(&secret);
}

/* A good signature whose comment speaks of something else. */
static void test_policy_comment(void **state)
{
	static const struct {
		const char *comment;
		int want;
	} cases[] = {
		{"timestamp:5\tfile:canonical.yaml\thashed", 0},
		{"", 0},
		{"policy:p", 0},
		{"revision:4", 0},
		{"policy:q\trevision:4", -ESTALE},
		{"policy:p\trevision:5", -ESTALE},
		{"revision:", -ESTALE},
		{"revision:4x", -ESTALE},
		{"revision:99999999999999999999999", -ESTALE},
		{"x\tpolicy:pp", -ESTALE},
	};
	zt_auto(zt_policy_free) struct zt_policy *policy =
		policy_of("version: 1\npolicy: p\nrevision: 4\n");
	zt_auto(zt_freep) char *text = NULL;
	struct zt_minisign_secret secret;
	size_t len;

	(void)state;
	assert_int_equal(zt_minisign_generate(&secret), 0);
	assert_int_equal(zt_policy_canonical(policy, &text, &len), 0);
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		zt_auto(zt_strbuf_free) struct zt_strbuf sig = ZT_STRBUF_INIT, why = ZT_STRBUF_INIT;

		assert_int_equal(zt_minisign_sign(&sig, &secret, text, len, cases[i].comment), 0);
		assert_int_equal(
			zt_policy_verify(policy, sig.data, sig.len, &secret.pub, 1, NULL, &why),
			cases[i].want);
		assert_int_equal(why.len > 0, cases[i].want != 0);
	}
	zt_minisign_secret_wipe(&secret);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_blake2b),		cmocka_unit_test(test_verify),
		cmocka_unit_test(test_altered),		cmocka_unit_test(test_truncated),
		cmocka_unit_test(test_hostile_comment), cmocka_unit_test(test_secret),
		cmocka_unit_test(test_policy),		cmocka_unit_test(test_policy_comment),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
