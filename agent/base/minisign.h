/* SPDX-License-Identifier: Apache-2.0 */
/*
 * minisign.h - Ed25519 signatures and keys in the file formats of minisign.
 *
 * A signature file is four lines: an untrusted comment (ignored here), the
 * signature, a trusted comment, and a signature over signature and comment.
 * Text of any content and length is taken, and refused with a sentence. Who
 * holds a public key is the caller's matter; keys are never made up or cached.
 */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/strbuf.h"

#define ZT_MINISIGN_FILE_MAX	 16384 /* bytes of a signature or key file */
#define ZT_MINISIGN_COMMENT_MAX	 8192  /* bytes of a trusted comment, with its NUL */
#define ZT_MINISIGN_ID_LEN	 8
#define ZT_MINISIGN_ID_TEXT_LEN	 17 /* hexadecimal, with the closing NUL */
#define ZT_MINISIGN_KEY_LEN	 32
#define ZT_MINISIGN_SIG_LEN	 64
#define ZT_MINISIGN_PASSWORD_MAX 1024 /* bytes, with its NUL */

struct zt_minisign_pub {
	uint8_t id[ZT_MINISIGN_ID_LEN];
	uint8_t key[ZT_MINISIGN_KEY_LEN];
};

struct zt_minisign_sig {
	bool prehashed; /* "ED": over BLAKE2b-512 of the message; else the legacy "Ed" */
	uint8_t id[ZT_MINISIGN_ID_LEN];
	uint8_t sig[ZT_MINISIGN_SIG_LEN];
	uint8_t global[ZT_MINISIGN_SIG_LEN];
	char comment[ZT_MINISIGN_COMMENT_MAX]; /* trusted only once verified */
};

/* A secret key in the clear: wipe it with zt_minisign_secret_wipe(). */
struct zt_minisign_secret {
	struct zt_minisign_pub pub;
	uint8_t seed[ZT_MINISIGN_KEY_LEN];
};

/**
 * zt_minisign_read_pub - a public key, as a .pub file or as its base64 line alone.
 * @text:    @len bytes, any content.
 * @ret_why: on failure a sentence; static text.
 *
 * Returns 0 or -EINVAL.
 */
int zt_minisign_read_pub(const char *text, size_t len, struct zt_minisign_pub *ret,
			 const char **ret_why);

/** zt_minisign_read_sig - a signature file; nothing is verified. As zt_minisign_read_pub(). */
int zt_minisign_read_sig(const char *text, size_t len, struct zt_minisign_sig *ret,
			 const char **ret_why);

/**
 * zt_minisign_load_pub - a public key from a file.
 *
 * Returns 0, -EINVAL (@ret_why says what is wrong) or -errno (@ret_why is its text).
 */
int zt_minisign_load_pub(const char *path, struct zt_minisign_pub *ret, const char **ret_why);

/**
 * zt_minisign_verify - whether one of these keys signed this message and this comment.
 * @keys:    trusted ones; the one with the signature's id decides.
 * @ret_key: on success its number; may be NULL.
 * @ret_why: on failure a sentence; static text.
 *
 * Returns 0, -ENOKEY (no key with that id), -EBADMSG (signature or comment
 * do not match) or -EIO (the library failed).
 */
int zt_minisign_verify(const struct zt_minisign_pub *keys, size_t key_count,
		       const struct zt_minisign_sig *sig, const void *msg, size_t len,
		       size_t *ret_key, const char **ret_why);

/** zt_minisign_id_text - the key id as minisign shows it; returns @buf. */
const char *zt_minisign_id_text(const uint8_t id[ZT_MINISIGN_ID_LEN],
				char buf[ZT_MINISIGN_ID_TEXT_LEN]);

/* --- secret keys: minisign_secret.c; the agent has none --- */

/**
 * zt_minisign_password_fn - ask for the password of an encrypted key.
 * @buf: gets it, with its NUL; wiped by the caller.
 *
 * Returns 0 or -errno.
 */
typedef int (*zt_minisign_password_fn)(void *ctx, char buf[ZT_MINISIGN_PASSWORD_MAX]);

/**
 * zt_minisign_read_secret - a secret key, as in its file.
 * @ask: called when the key is encrypted; NULL = such a key is refused.
 *
 * Returns 0, -EINVAL (not such a file, or damaged), -EKEYREJECTED (wrong
 * password), -ENOKEY (encrypted and no @ask), -ENOMEM (scrypt needs up to
 * 1 GiB), or what @ask returned; @ret_why then is a sentence; static text.
 */
int zt_minisign_read_secret(const char *text, size_t len, zt_minisign_password_fn ask, void *ctx,
			    struct zt_minisign_secret *ret, const char **ret_why);

/** zt_minisign_secret_wipe - overwrite it; for zt_auto(). */
void zt_minisign_secret_wipe(struct zt_minisign_secret *secret);

/** zt_minisign_generate - a new key pair with a random id. Returns 0 or -EIO. */
int zt_minisign_generate(struct zt_minisign_secret *ret);

/** zt_minisign_write_pub - append the text of a .pub file. */
void zt_minisign_write_pub(struct zt_strbuf *sb, const struct zt_minisign_pub *pub);

/**
 * zt_minisign_write_secret - append the text of a secret key file.
 * @password: encrypt with it; NULL = in the clear, as minisign -W does.
 *
 * Returns 0, -EIO or -ENOMEM.
 */
int zt_minisign_write_secret(struct zt_strbuf *sb, const struct zt_minisign_secret *secret,
			     const char *password);

/**
 * zt_minisign_sign - append the text of a signature file (prehashed).
 * @comment: the trusted comment: one line, shorter than ZT_MINISIGN_COMMENT_MAX.
 *
 * Returns 0, -EINVAL (comment) or -EIO.
 */
int zt_minisign_sign(struct zt_strbuf *sb, const struct zt_minisign_secret *secret, const void *msg,
		     size_t len, const char *comment);
