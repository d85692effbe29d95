/* SPDX-License-Identifier: Apache-2.0 */
/* minisign.c - minisign's public keys and signatures: read and verified. */
#include "base/minisign.h"

#include <errno.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/file.h"
#include "base/minisign_format.h"

const char *zt_minisign_id_text(const uint8_t id[ZT_MINISIGN_ID_LEN],
				char buf[ZT_MINISIGN_ID_TEXT_LEN])
{
	/* minisign shows it as a little-endian number. */
	for (size_t i = 0; i < ZT_MINISIGN_ID_LEN; i++)
		snprintf(buf + 2 * i, 3, "%02X", id[ZT_MINISIGN_ID_LEN - 1 - i]);
	return buf;
}

bool zt_minisign_line(struct zt_minisign_text *text, const char **ret, size_t *ret_len)
{
	const char *end;
	size_t len;

	if (!text->len)
		return false;
	end = memchr(text->at, '\n', text->len);
	len = end ? (size_t)(end - text->at) : text->len;
	*ret = text->at;
	*ret_len = len && text->at[len - 1] == '\r' ? len - 1 : len;
	text->at += end ? len + 1 : len;
	text->len -= end ? len + 1 : len;
	return true;
}

int zt_minisign_base64(const char *text, size_t len, uint8_t *ret, size_t want)
{
	uint8_t bytes[3 * ((ZT_MINISIGN_SECRET_LEN + 2) / 3)];
	uint8_t again[4 * ((ZT_MINISIGN_SECRET_LEN + 2) / 3) + 1];
	int r = -EINVAL;

	if (len != 4 * ((want + 2) / 3) || want > ZT_MINISIGN_SECRET_LEN)
		return -EINVAL;
	/* OpenSSL is lenient; one spelling is enough: what it made must encode to what was read. */
	if (EVP_DecodeBlock(bytes, (const unsigned char *)text, (int)len) >= 0) {
		EVP_EncodeBlock(again, bytes, (int)want);
		if (memcmp(again, text, len) == 0) {
			memcpy(ret, bytes, want);
			r = 0;
		}
	}
	ERR_clear_error();
	OPENSSL_cleanse(bytes, sizeof(bytes));
	OPENSSL_cleanse(again, sizeof(again));
	return r;
}

bool zt_minisign_rest_empty(const struct zt_minisign_text *text)
{
	for (size_t i = 0; i < text->len; i++)
		if (!strchr(" \t\r\n", text->at[i]) || !text->at[i])
			return false;
	return true;
}

bool zt_minisign_comment(struct zt_minisign_text *text, const char *prefix, const char **ret,
			 size_t *ret_len)
{
	size_t n = strlen(prefix);

	if (!zt_minisign_line(text, ret, ret_len) || *ret_len < n || memcmp(*ret, prefix, n) != 0)
		return false;
	*ret += n;
	*ret_len -= n;
	return true;
}

int zt_minisign_read_pub(const char *text, size_t len, struct zt_minisign_pub *ret,
			 const char **ret_why)
{
	struct zt_minisign_text at = {text, len};
	uint8_t bytes[ZT_MINISIGN_PUB_LEN];
	const char *line;
	size_t n;

	*ret_why = "it is empty";
	if (len > ZT_MINISIGN_FILE_MAX || !zt_minisign_line(&at, &line, &n))
		return -EINVAL;
	/* The base64 line may stand alone, as minisign -P takes it. */
	if (n >= strlen(ZT_MINISIGN_UNTRUSTED) &&
	    memcmp(line, ZT_MINISIGN_UNTRUSTED, strlen(ZT_MINISIGN_UNTRUSTED)) == 0) {
		*ret_why = "it ends after its first line";
		if (!zt_minisign_line(&at, &line, &n))
			return -EINVAL;
	}
	*ret_why = "its key is not 56 characters of base64: is it a minisign public key?";
	if (zt_minisign_base64(line, n, bytes, sizeof(bytes)) < 0 || !zt_minisign_rest_empty(&at))
		return -EINVAL;
	*ret_why = "its algorithm is not Ed25519 (\"Ed\")";
	if (memcmp(bytes, "Ed", 2) != 0)
		return -EINVAL;
	memcpy(ret->id, bytes + 2, sizeof(ret->id));
	memcpy(ret->key, bytes + 2 + sizeof(ret->id), sizeof(ret->key));
	return 0;
}

int zt_minisign_load_pub(const char *path, struct zt_minisign_pub *ret, const char **ret_why)
{
	zt_auto(zt_freep) char *text = NULL;
	size_t len;
	int r = zt_file_read(path, ZT_MINISIGN_FILE_MAX, &text, &len, NULL);

	if (r < 0) {
		*ret_why = strerror(-r);
		return r;
	}
	return zt_minisign_read_pub(text, len, ret, ret_why);
}

static int read_signature(const char *line, size_t len, struct zt_minisign_sig *ret,
			  const char **ret_why)
{
	uint8_t bytes[ZT_MINISIGN_SIGNATURE_LEN];

	*ret_why = "its second line is not a signature (100 characters of base64)";
	if (zt_minisign_base64(line, len, bytes, sizeof(bytes)) < 0)
		return -EINVAL;
	*ret_why = "its algorithm is neither \"ED\" nor \"Ed\" (Ed25519)";
	if (memcmp(bytes, "ED", 2) != 0 && memcmp(bytes, "Ed", 2) != 0)
		return -EINVAL;
	ret->prehashed = bytes[1] == 'D';
	memcpy(ret->id, bytes + 2, sizeof(ret->id));
	memcpy(ret->sig, bytes + 2 + sizeof(ret->id), sizeof(ret->sig));
	return 0;
}

int zt_minisign_read_sig(const char *text, size_t len, struct zt_minisign_sig *ret,
			 const char **ret_why)
{
	struct zt_minisign_text at = {text, len};
	const char *line;
	size_t n;

	*ret_why = "it is longer than a signature can be";
	if (len > ZT_MINISIGN_FILE_MAX)
		return -EINVAL;
	*ret_why = "its first line does not begin with \"" ZT_MINISIGN_UNTRUSTED "\"";
	if (!zt_minisign_comment(&at, ZT_MINISIGN_UNTRUSTED, &line, &n))
		return -EINVAL;
	*ret_why = "it ends after its first line";
	if (!zt_minisign_line(&at, &line, &n))
		return -EINVAL;
	if (read_signature(line, n, ret, ret_why) < 0)
		return -EINVAL;
	*ret_why = "its third line does not begin with \"" ZT_MINISIGN_TRUSTED "\"";
	if (!zt_minisign_comment(&at, ZT_MINISIGN_TRUSTED, &line, &n))
		return -EINVAL;
	*ret_why = "its trusted comment is too long or has a NUL byte";
	if (n >= sizeof(ret->comment) || memchr(line, '\0', n))
		return -EINVAL;
	memcpy(ret->comment, line, n);
	ret->comment[n] = '\0';
	*ret_why = "its fourth line is not a signature (88 characters of base64)";
	if (!zt_minisign_line(&at, &line, &n) ||
	    zt_minisign_base64(line, n, ret->global, sizeof(ret->global)) < 0 ||
	    !zt_minisign_rest_empty(&at))
		return -EINVAL;
	return 0;
}

/* 1: good, 0: not, -EIO. */
static int check(EVP_PKEY *key, const uint8_t *sig, const void *msg, size_t len)
{
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	int r = -EIO;

	if (ctx && EVP_DigestVerifyInit(ctx, NULL, NULL, NULL, key) == 1)
		r = EVP_DigestVerify(ctx, sig, ZT_MINISIGN_SIG_LEN, msg, len) == 1;
	EVP_MD_CTX_free(ctx);
	ERR_clear_error();
	return r;
}

int zt_minisign_hash(const void *msg, size_t len, uint8_t ret[ZT_MINISIGN_HASH_LEN])
{
	int ok = EVP_Digest(msg, len, ret, NULL, EVP_blake2b512(), NULL);

	ERR_clear_error();
	return ok == 1 ? 0 : -EIO;
}

static int check_both(EVP_PKEY *key, const struct zt_minisign_sig *sig, const void *msg, size_t len,
		      const char **ret_why)
{
	uint8_t hash[ZT_MINISIGN_HASH_LEN];
	uint8_t both[ZT_MINISIGN_SIG_LEN + ZT_MINISIGN_COMMENT_MAX];
	size_t n = strlen(sig->comment);
	int r;

	*ret_why = "the cryptographic library failed";
	if (sig->prehashed && zt_minisign_hash(msg, len, hash) < 0)
		return -EIO;
	r = sig->prehashed ? check(key, sig->sig, hash, sizeof(hash))
			   : check(key, sig->sig, msg, len);
	if (r < 0)
		return r;
	*ret_why = "what was signed is another text: it was altered after signing, or the "
		   "signature was";
	if (r == 0)
		return -EBADMSG;
	memcpy(both, sig->sig, ZT_MINISIGN_SIG_LEN);
	memcpy(both + ZT_MINISIGN_SIG_LEN, sig->comment, n);
	r = check(key, sig->global, both, ZT_MINISIGN_SIG_LEN + n);
	*ret_why = "its trusted comment was altered after signing";
	return r < 0 ? r : (r ? 0 : -EBADMSG);
}

int zt_minisign_verify(const struct zt_minisign_pub *keys, size_t key_count,
		       const struct zt_minisign_sig *sig, const void *msg, size_t len,
		       size_t *ret_key, const char **ret_why)
{
	EVP_PKEY *key;
	int r;

	*ret_why = "it was made with another key";
	for (size_t i = 0; i < key_count; i++) {
		if (memcmp(keys[i].id, sig->id, sizeof(sig->id)) != 0)
			continue;
		key = EVP_PKEY_new_raw_public_key(EVP_PKEY_ED25519, NULL, keys[i].key,
						  sizeof(keys[i].key));
		*ret_why = "the cryptographic library does not take the public key";
		r = key ? check_both(key, sig, msg, len, ret_why) : -EIO;
		EVP_PKEY_free(key);
		ERR_clear_error();
		if (r == 0 && ret_key)
			*ret_key = i;
		return r;
	}
	return -ENOKEY;
}
