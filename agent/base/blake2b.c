/* SPDX-License-Identifier: Apache-2.0 */
/* blake2b.c - BLAKE2b of any output length, after RFC 7693, section 3. */
#include "base/blake2b.h"

#include <string.h>

#define BLOCK  128
#define ROUNDS 12

static const uint64_t iv[8] = {
	0x6a09e667f3bcc908, 0xbb67ae8584caa73b, 0x3c6ef372fe94f82b, 0xa54ff53a5f1d36f1,
	0x510e527fade682d1, 0x9b05688c2b3e6c1f, 0x1f83d9abfb41bd6b, 0x5be0cd19137e2179,
};

static const uint8_t sigma[10][16] = {
	{0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15},
	{14, 10, 4, 8, 9, 15, 13, 6, 1, 12, 0, 2, 11, 7, 5, 3},
	{11, 8, 12, 0, 5, 2, 15, 13, 10, 14, 3, 6, 7, 1, 9, 4},
	{7, 9, 3, 1, 13, 12, 11, 14, 2, 6, 5, 10, 4, 0, 15, 8},
	{9, 0, 5, 7, 2, 4, 10, 15, 14, 1, 11, 12, 6, 8, 3, 13},
	{2, 12, 6, 10, 0, 11, 8, 3, 4, 13, 7, 5, 15, 14, 1, 9},
	{12, 5, 1, 15, 14, 13, 4, 10, 0, 7, 6, 3, 9, 2, 8, 11},
	{13, 11, 7, 14, 12, 1, 3, 9, 5, 0, 15, 4, 8, 6, 2, 10},
	{6, 15, 14, 9, 11, 3, 0, 8, 12, 2, 13, 7, 1, 4, 10, 5},
	{10, 2, 8, 4, 7, 6, 1, 5, 15, 11, 9, 14, 3, 12, 13, 0},
};

static uint64_t rotate(uint64_t x, unsigned int n)
{
	return x >> n | x << (64 - n);
}

static uint64_t load(const uint8_t *bytes)
{
	uint64_t word = 0;

	for (unsigned int i = 0; i < 8; i++)
		word |= (uint64_t)bytes[i] << (8 * i);
	return word;
}

static void mix(uint64_t *a, uint64_t *b, uint64_t *c, uint64_t *d, uint64_t x, uint64_t y)
{
	*a += *b + x;
	*d = rotate(*d ^ *a, 32);
	*c += *d;
	*b = rotate(*b ^ *c, 24);
	*a += *b + y;
	*d = rotate(*d ^ *a, 16);
	*c += *d;
	*b = rotate(*b ^ *c, 63);
}

static void compress(uint64_t h[8], const uint8_t block[BLOCK], uint64_t done, int last)
{
	uint64_t v[16], m[16];

	for (int i = 0; i < 16; i++)
		m[i] = load(block + 8 * i);
	memcpy(v, h, 8 * sizeof(*v));
	memcpy(v + 8, iv, sizeof(iv));
	v[12] ^= done;
	if (last)
		v[14] = ~v[14];
	for (int r = 0; r < ROUNDS; r++) {
		const uint8_t *s = sigma[r % 10];

		for (int i = 0; i < 4; i++)
			mix(&v[i], &v[i + 4], &v[i + 8], &v[i + 12], m[s[2 * i]], m[s[2 * i + 1]]);
		for (int i = 0; i < 4; i++)
			mix(&v[i], &v[4 + (i + 1) % 4], &v[8 + (i + 2) % 4], &v[12 + (i + 3) % 4],
			    m[s[2 * i + 8]], m[s[2 * i + 9]]);
	}
	for (int i = 0; i < 8; i++)
		h[i] ^= v[i] ^ v[i + 8];
}

void zt_blake2b(const void *bytes, size_t len, uint8_t *ret, size_t ret_len)
{
	const uint8_t *at = bytes;
	uint8_t block[BLOCK] = {0};
	uint64_t h[8], done = 0;

	memcpy(h, iv, sizeof(h));
	h[0] ^= 0x01010000 ^ ret_len;
	for (; len > BLOCK; at += BLOCK, len -= BLOCK) {
		done += BLOCK;
		compress(h, at, done, 0);
	}
	if (len)
		memcpy(block, at, len);
	compress(h, block, done + len, 1);
	for (size_t i = 0; i < ret_len && i < ZT_BLAKE2B_MAX; i++)
		ret[i] = (uint8_t)(h[i / 8] >> (8 * (i % 8)));
}
