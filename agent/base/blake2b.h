/* SPDX-License-Identifier: Apache-2.0 */
/*
 * blake2b.h - BLAKE2b of any output length, for the checksum in minisign's secret key files.
 *
 * OpenSSL 3.0 has the 64-byte output alone, which the signatures use; the
 * checksum is the 32-byte one. It tells a wrong password, nothing rests on it.
 */
#pragma once
#include <stddef.h>
#include <stdint.h>

#define ZT_BLAKE2B_MAX 64

/** zt_blake2b - @ret_len (1 to 64) bytes of hash over @len bytes, without a key (RFC 7693). */
void zt_blake2b(const void *bytes, size_t len, uint8_t *ret, size_t ret_len);
