/* SPDX-License-Identifier: Apache-2.0 */
/* minisign_secret.c - minisign's secret keys: made, read, written, and signed with. */
#include <errno.h>
#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/rand.h>
#include <string.h>

#include "base/blake2b.h"
#include "base/cleanup.h"
#include "base/minisign.h"
#include "base/minisign_format.h"

/* What libsodium calls sensitive, and minisign uses: N = 2^20, r = 8, p = 1; a gibibyte. */
#define OPS_MAX (1ULL << 25)
#define MEM_MAX (1ULL << 30)

/* What the base64 line of a secret key file stands for; no padding. */
struct file {
	uint8_t alg[2];	  /* "Ed" */
	uint8_t kdf[2];	  /* "Sc", or zero: in the clear */
	uint8_t check[2]; /* "B2" */
	uint8_t salt[32];
	uint8_t ops[8]; /* little-endian */
	uint8_t mem[8];
	struct secret {
		uint8_t id[ZT_MINISIGN_ID_LEN];
		uint8_t seed[ZT_MINISIGN_KEY_LEN];
		uint8_t pub[ZT_MINISIGN_KEY_LEN];
		uint8_t sum[32]; /* BLAKE2b-256 over alg, id, seed, pub */
	} secret;		 /* xored with the output of scrypt */
};

_Static_assert(sizeof(struct file) == ZT_MINISIGN_SECRET_LEN, "as in the file");

static void wipe_file(struct file *file)
{
	OPENSSL_cleanse(file, sizeof(*file));
}

void zt_minisign_secret_wipe(struct zt_minisign_secret *secret)
{
	OPENSSL_cleanse(secret, sizeof(*secret));
}

static uint64_t get64(const uint8_t *bytes)
{
	uint64_t n = 0;

	for (unsigned int i = 0; i < 8; i++)
		n |= (uint64_t)bytes[i] << (8 * i);
	return n;
}

static void put64(uint8_t *bytes, uint64_t n)
{
	for (unsigned int i = 0; i < 8; i++)
		bytes[i] = (uint8_t)(n >> (8 * i));
}

/* libsodium's pickparams(): limits to the N and p of scrypt; r is 8. */
static void scrypt_params(uint64_t ops, uint64_t mem, uint64_t *ret_n, uint64_t *ret_p)
{
	uint64_t max, n = 2;

	if (ops < 32768)
		ops = 32768;
	max = ops < mem / 32 ? ops / 32 : mem / 1024;
	while (n <= max / 2)
		n *= 2;
	*ret_n = n;
	*ret_p = 1;
	if (ops >= mem / 32 && ops / 4 / n / 8 > 1)
		*ret_p = ops / 4 / n / 8;
}

/* Encrypts and decrypts: the same operation. */
static int apply_password(struct file *file, const char *password)
{
	uint8_t stream[sizeof(struct secret)];
	uint8_t *bytes = (uint8_t *)&file->secret;
	uint64_t n, p;
	int ok;

	scrypt_params(get64(file->ops), get64(file->mem), &n, &p);
	ok = EVP_PBE_scrypt(password, strlen(password), file->salt, sizeof(file->salt), n, 8, p,
			    2 * MEM_MAX, stream, sizeof(stream));
	ERR_clear_error();
	for (size_t i = 0; ok == 1 && i < sizeof(stream); i++)
		bytes[i] ^= stream[i];
	OPENSSL_cleanse(stream, sizeof(stream));
	return ok == 1 ? 0 : -ENOMEM;
}

static void checksum(const struct file *file, uint8_t ret[32])
{
	uint8_t bytes[2 + sizeof(struct secret) - 32];

	memcpy(bytes, file->alg, 2);
	memcpy(bytes + 2, &file->secret, sizeof(bytes) - 2);
	zt_blake2b(bytes, sizeof(bytes), ret, 32);
	OPENSSL_cleanse(bytes, sizeof(bytes));
}

static EVP_PKEY *private_key(const uint8_t seed[ZT_MINISIGN_KEY_LEN])
{
	return EVP_PKEY_new_raw_private_key(EVP_PKEY_ED25519, NULL, seed, ZT_MINISIGN_KEY_LEN);
}

static int public_of(const uint8_t seed[ZT_MINISIGN_KEY_LEN], uint8_t ret[ZT_MINISIGN_KEY_LEN])
{
	EVP_PKEY *key = private_key(seed);
	size_t len = ZT_MINISIGN_KEY_LEN;
	int ok = key && EVP_PKEY_get_raw_public_key(key, ret, &len) == 1;

	EVP_PKEY_free(key);
	ERR_clear_error();
	return ok ? 0 : -EIO;
}

/* Is what stands there a key? A wrong password leaves noise. */
static bool is_whole(const struct file *file, bool encrypted)
{
	uint8_t pub[ZT_MINISIGN_KEY_LEN], sum[32], none[32] = {0};

	checksum(file, sum);
	if (public_of(file->secret.seed, pub) < 0 ||
	    CRYPTO_memcmp(pub, file->secret.pub, sizeof(pub)) != 0)
		return false;
	/* minisign -W writes no checksum. */
	return CRYPTO_memcmp(sum, file->secret.sum, sizeof(sum)) == 0 ||
	       (!encrypted && memcmp(none, file->secret.sum, sizeof(none)) == 0);
}

static int decrypt(struct file *file, zt_minisign_password_fn ask, void *ctx, const char **ret_why)
{
	char password[ZT_MINISIGN_PASSWORD_MAX];
	int r;

	*ret_why = "it asks for more memory than minisign ever does";
	if (get64(file->ops) > OPS_MAX || get64(file->mem) > MEM_MAX)
		return -EINVAL;
	*ret_why = "it is encrypted and no password was given";
	if (!ask)
		return -ENOKEY;
	*ret_why = "no password could be read";
	r = ask(ctx, password);
	if (r == 0) {
		*ret_why = "there is not enough memory to derive the key from the password";
		r = apply_password(file, password);
	}
	OPENSSL_cleanse(password, sizeof(password));
	return r;
}

static int read_file(const char *text, size_t len, struct file *ret, const char **ret_why)
{
	struct zt_minisign_text at = {text, len};
	const char *line;
	size_t n;

	*ret_why = "its first line does not begin with \"" ZT_MINISIGN_UNTRUSTED "\"";
	if (len > ZT_MINISIGN_FILE_MAX ||
	    !zt_minisign_comment(&at, ZT_MINISIGN_UNTRUSTED, &line, &n))
		return -EINVAL;
	*ret_why = "its key is not 212 characters of base64: is it a minisign secret key?";
	if (!zt_minisign_line(&at, &line, &n) ||
	    zt_minisign_base64(line, n, (uint8_t *)ret, sizeof(*ret)) < 0 ||
	    !zt_minisign_rest_empty(&at))
		return -EINVAL;
	*ret_why = "its algorithms are not Ed25519, scrypt (or none) and BLAKE2b";
	if (memcmp(ret->alg, "Ed", 2) != 0 || memcmp(ret->check, "B2", 2) != 0 ||
	    (memcmp(ret->kdf, "Sc", 2) != 0 && memcmp(ret->kdf, "\0\0", 2) != 0))
		return -EINVAL;
	return 0;
}

int zt_minisign_read_secret(const char *text, size_t len, zt_minisign_password_fn ask, void *ctx,
			    struct zt_minisign_secret *ret, const char **ret_why)
{
	zt_auto(wipe_file) struct file file = {0};
	bool encrypted;
	int r = read_file(text, len, &file, ret_why);

	if (r < 0)
		return r;
	encrypted = file.kdf[0] != 0;
	r = encrypted ? decrypt(&file, ask, ctx, ret_why) : 0;
	if (r < 0)
		return r;
	*ret_why = encrypted ? "the password is wrong" : "it is damaged: its halves do not match";
	if (!is_whole(&file, encrypted))
		return encrypted ? -EKEYREJECTED : -EINVAL;
	memcpy(ret->seed, file.secret.seed, sizeof(ret->seed));
	memcpy(ret->pub.key, file.secret.pub, sizeof(ret->pub.key));
	memcpy(ret->pub.id, file.secret.id, sizeof(ret->pub.id));
	return 0;
}

int zt_minisign_generate(struct zt_minisign_secret *ret)
{
	int ok = RAND_priv_bytes(ret->seed, sizeof(ret->seed)) == 1 &&
		 RAND_bytes(ret->pub.id, sizeof(ret->pub.id)) == 1;

	ERR_clear_error();
	return ok ? public_of(ret->seed, ret->pub.key) : -EIO;
}

static void add_base64(struct zt_strbuf *sb, const void *bytes, size_t len)
{
	uint8_t text[4 * ((ZT_MINISIGN_SECRET_LEN + 2) / 3) + 1];

	EVP_EncodeBlock(text, bytes, (int)len);
	zt_strbuf_printf(sb, "%s\n", (const char *)text);
	OPENSSL_cleanse(text, sizeof(text));
}

void zt_minisign_write_pub(struct zt_strbuf *sb, const struct zt_minisign_pub *pub)
{
	uint8_t bytes[ZT_MINISIGN_PUB_LEN] = {'E', 'd'};
	char id[ZT_MINISIGN_ID_TEXT_LEN];

	memcpy(bytes + 2, pub->id, sizeof(pub->id));
	memcpy(bytes + 2 + sizeof(pub->id), pub->key, sizeof(pub->key));
	zt_strbuf_printf(sb, ZT_MINISIGN_UNTRUSTED "minisign public key %s\n",
			 zt_minisign_id_text(pub->id, id));
	add_base64(sb, bytes, sizeof(bytes));
}

int zt_minisign_write_secret(struct zt_strbuf *sb, const struct zt_minisign_secret *secret,
			     const char *password)
{
	zt_auto(wipe_file) struct file file = {.alg = {'E', 'd'}, .check = {'B', '2'}};
	int r = 0;

	memcpy(file.secret.id, secret->pub.id, sizeof(file.secret.id));
	memcpy(file.secret.seed, secret->seed, sizeof(file.secret.seed));
	memcpy(file.secret.pub, secret->pub.key, sizeof(file.secret.pub));
	checksum(&file, file.secret.sum);
	if (password) {
		memcpy(file.kdf, "Sc", 2);
		put64(file.ops, OPS_MAX);
		put64(file.mem, MEM_MAX);
		if (RAND_bytes(file.salt, sizeof(file.salt)) != 1)
			return -EIO;
		r = apply_password(&file, password);
	}
	if (r < 0)
		return r;
	zt_strbuf_printf(sb, ZT_MINISIGN_UNTRUSTED "minisign %ssecret key\n",
			 password ? "encrypted " : "");
	add_base64(sb, &file, sizeof(file));
	return zt_strbuf_error(sb);
}

static int sign(EVP_PKEY *key, const void *msg, size_t len, uint8_t ret[ZT_MINISIGN_SIG_LEN])
{
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	size_t n = ZT_MINISIGN_SIG_LEN;
	int ok = ctx && EVP_DigestSignInit(ctx, NULL, NULL, NULL, key) == 1 &&
		 EVP_DigestSign(ctx, ret, &n, msg, len) == 1;

	EVP_MD_CTX_free(ctx);
	ERR_clear_error();
	return ok ? 0 : -EIO;
}

int zt_minisign_sign(struct zt_strbuf *sb, const struct zt_minisign_secret *secret, const void *msg,
		     size_t len, const char *comment)
{
	uint8_t hash[ZT_MINISIGN_HASH_LEN], bytes[ZT_MINISIGN_SIGNATURE_LEN] = {'E', 'D'};
	uint8_t both[ZT_MINISIGN_SIG_LEN + ZT_MINISIGN_COMMENT_MAX], global[ZT_MINISIGN_SIG_LEN];
	uint8_t *sig = bytes + 2 + ZT_MINISIGN_ID_LEN;
	char id[ZT_MINISIGN_ID_TEXT_LEN];
	size_t n = strlen(comment);
	EVP_PKEY *key;
	int r;

	if (n >= ZT_MINISIGN_COMMENT_MAX || strpbrk(comment, "\r\n"))
		return -EINVAL;
	key = private_key(secret->seed);
	memcpy(bytes + 2, secret->pub.id, ZT_MINISIGN_ID_LEN);
	r = key ? zt_minisign_hash(msg, len, hash) : -EIO;
	if (r == 0)
		r = sign(key, hash, sizeof(hash), sig);
	if (r == 0) {
		memcpy(both, sig, ZT_MINISIGN_SIG_LEN);
		memcpy(both + ZT_MINISIGN_SIG_LEN, comment, n);
		r = sign(key, both, ZT_MINISIGN_SIG_LEN + n, global);
	}
	EVP_PKEY_free(key);
	ERR_clear_error();
	if (r < 0)
		return r;
	zt_strbuf_printf(sb, ZT_MINISIGN_UNTRUSTED "signature from key %s\n",
			 zt_minisign_id_text(secret->pub.id, id));
	add_base64(sb, bytes, sizeof(bytes));
	zt_strbuf_printf(sb, ZT_MINISIGN_TRUSTED "%s\n", comment);
	add_base64(sb, global, sizeof(global));
	return zt_strbuf_error(sb);
}
