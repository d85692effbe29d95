/* SPDX-License-Identifier: Apache-2.0 */
/*
 * minisign_format.h - lines and sizes of minisign's files, for minisign.c and minisign_secret.c.
 */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define ZT_MINISIGN_UNTRUSTED	  "untrusted comment: "
#define ZT_MINISIGN_TRUSTED	  "trusted comment: "
#define ZT_MINISIGN_HASH_LEN	  64
#define ZT_MINISIGN_PUB_LEN	  42  /* algorithm, id, key */
#define ZT_MINISIGN_SIGNATURE_LEN 74  /* algorithm, id, signature */
#define ZT_MINISIGN_SECRET_LEN	  158 /* struct file of minisign_secret.c */

/* What is still to be read. */
struct zt_minisign_text {
	const char *at;
	size_t len;
};

/** zt_minisign_line - take the next line, without its end. Returns false when there is none. */
bool zt_minisign_line(struct zt_minisign_text *text, const char **ret, size_t *ret_len);

/** zt_minisign_comment - take a line that must begin with @prefix; @ret is what follows it. */
bool zt_minisign_comment(struct zt_minisign_text *text, const char *prefix, const char **ret,
			 size_t *ret_len);

/** zt_minisign_rest_empty - whether only white space is left. */
bool zt_minisign_rest_empty(const struct zt_minisign_text *text);

/** zt_minisign_base64 - exactly @want bytes, in their one spelling. Returns 0 or -EINVAL. */
int zt_minisign_base64(const char *text, size_t len, uint8_t *ret, size_t want);

/** zt_minisign_hash - BLAKE2b-512. Returns 0 or -EIO. */
int zt_minisign_hash(const void *msg, size_t len, uint8_t ret[ZT_MINISIGN_HASH_LEN]);
