/* SPDX-License-Identifier: Apache-2.0 */
/*
 * digest.h - SHA-256 in steps, through OpenSSL.
 */
#pragma once
#include <stddef.h>
#include <stdint.h>

#define ZT_DIGEST_LEN	   32
#define ZT_DIGEST_TEXT_LEN 65 /* hexadecimal, with the closing NUL */

struct zt_digest; /* opaque */

/** zt_digest_new - begin. Returns 0 or -ENOMEM. */
int zt_digest_new(struct zt_digest **ret);

/** zt_digest_free - give up; no-op on NULL; for zt_auto(). */
void zt_digest_free(struct zt_digest **d);

/** zt_digest_add - add @len bytes. A failure is kept and reported by zt_digest_end(). */
void zt_digest_add(struct zt_digest *d, const void *bytes, size_t len);

/** zt_digest_end - write the result. Returns 0 or -EIO. */
int zt_digest_end(struct zt_digest *d, uint8_t ret[ZT_DIGEST_LEN]);

/** zt_digest_of - SHA-256 of one buffer. Returns 0, -ENOMEM or -EIO. */
int zt_digest_of(const void *bytes, size_t len, uint8_t ret[ZT_DIGEST_LEN]);

/** zt_digest_text - write it in lower-case hexadecimal; returns @buf. */
const char *zt_digest_text(const uint8_t digest[ZT_DIGEST_LEN], char buf[ZT_DIGEST_TEXT_LEN]);
