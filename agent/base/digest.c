/* SPDX-License-Identifier: Apache-2.0 */
/* digest.c - SHA-256 in steps, through OpenSSL. */
#include "base/digest.h"

#include <errno.h>
#include <openssl/evp.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/cleanup.h"

struct zt_digest {
	EVP_MD_CTX *ctx;
	bool failed;
};

int zt_digest_new(struct zt_digest **ret)
{
	zt_auto(zt_digest_free) struct zt_digest *d = NULL;

	d = calloc(1, sizeof(*d));
	if (!d)
		return -ENOMEM;
	d->ctx = EVP_MD_CTX_new();
	if (!d->ctx)
		return -ENOMEM;
	d->failed = EVP_DigestInit_ex(d->ctx, EVP_sha256(), NULL) != 1;
	*ret = zt_take(d);
	return 0;
}

void zt_digest_free(struct zt_digest **d)
{
	if (!*d)
		return;
	EVP_MD_CTX_free((*d)->ctx);
	free(*d);
	*d = NULL;
}

void zt_digest_add(struct zt_digest *d, const void *bytes, size_t len)
{
	if (len && EVP_DigestUpdate(d->ctx, bytes, len) != 1)
		d->failed = true;
}

int zt_digest_end(struct zt_digest *d, uint8_t ret[ZT_DIGEST_LEN])
{
	if (d->failed || EVP_DigestFinal_ex(d->ctx, ret, NULL) != 1)
		return -EIO;
	return 0;
}

int zt_digest_of(const void *bytes, size_t len, uint8_t ret[ZT_DIGEST_LEN])
{
	zt_auto(zt_digest_free) struct zt_digest *d = NULL;
	int r;

	r = zt_digest_new(&d);
	if (r < 0)
		return r;
	zt_digest_add(d, bytes, len);
	return zt_digest_end(d, ret);
}

const char *zt_digest_text(const uint8_t digest[ZT_DIGEST_LEN], char buf[ZT_DIGEST_TEXT_LEN])
{
	for (size_t i = 0; i < ZT_DIGEST_LEN; i++)
		snprintf(buf + 2 * i, 3, "%02x", digest[i]);
	return buf;
}
