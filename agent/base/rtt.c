/* SPDX-License-Identifier: Apache-2.0 */
/*
 * rtt.c - round-trip times as a histogram.
 */
#include <errno.h>

#include "base/rtt.h"

#define FIRST_US     16
#define ROOT_2_NUM   181 /* over 128 */
#define ROOT_2_SHIFT 7

uint32_t zt_rtt_bound_us(unsigned int bucket)
{
	uint32_t octave = (uint32_t)FIRST_US << bucket / 2;

	return bucket % 2 ? (uint32_t)((uint64_t)octave * ROOT_2_NUM >> ROOT_2_SHIFT) : octave;
}

unsigned int zt_rtt_bucket(uint32_t rtt_us)
{
	unsigned int bucket;

	if (rtt_us <= FIRST_US)
		return 0;
	/* The octave that it is in, then which half. */
	bucket = 2 * (32 - (unsigned int)__builtin_clz(rtt_us - 1) - 4) - 1;
	if (bucket >= ZT_RTT_BUCKETS - 1)
		return ZT_RTT_BUCKETS - 1;
	return rtt_us <= zt_rtt_bound_us(bucket) ? bucket : bucket + 1;
}

static void add(uint32_t *count, uint32_t samples)
{
	if (__builtin_add_overflow(*count, samples, count))
		*count = UINT32_MAX;
}

void zt_rtt_add(struct zt_rtt *rtt, uint32_t rtt_us, uint32_t samples)
{
	add(&rtt->count[zt_rtt_bucket(rtt_us)], samples);
}

void zt_rtt_merge(struct zt_rtt *rtt, const struct zt_rtt *from)
{
	for (unsigned int b = 0; b < ZT_RTT_BUCKETS; b++)
		add(&rtt->count[b], from->count[b]);
}

uint64_t zt_rtt_samples(const struct zt_rtt *rtt)
{
	uint64_t sum = 0;

	for (unsigned int b = 0; b < ZT_RTT_BUCKETS; b++)
		sum += rtt->count[b];
	return sum;
}

uint32_t zt_rtt_percentile(const struct zt_rtt *rtt, unsigned int percent)
{
	uint64_t samples = zt_rtt_samples(rtt), below = 0;

	if (!samples)
		return 0;
	for (unsigned int b = 0; b < ZT_RTT_BUCKETS; b++) {
		below += rtt->count[b];
		if (below && below * 100 >= samples * percent)
			return zt_rtt_bound_us(b);
	}
	return zt_rtt_bound_us(ZT_RTT_BUCKETS - 1);
}

size_t zt_rtt_encode(const struct zt_rtt *rtt, uint8_t ret[ZT_RTT_BLOB_MAX])
{
	size_t len = 0;

	for (unsigned int b = 0; b < ZT_RTT_BUCKETS; b++) {
		uint32_t count = rtt->count[b];

		if (!count)
			continue;
		ret[len++] = (uint8_t)b;
		for (; count > 0x7f; count >>= 7)
			ret[len++] = (uint8_t)(0x80 | (count & 0x7f));
		ret[len++] = (uint8_t)count;
	}
	return len;
}

int zt_rtt_decode(struct zt_rtt *rtt, const void *blob, size_t len)
{
	const uint8_t *p = blob, *end = p + len;
	struct zt_rtt read = {{0}};

	while (p < end) {
		unsigned int bucket = *p++, shift = 0;
		uint64_t count = 0;
		uint8_t byte;

		do {
			if (p == end || shift > 28)
				return -EBADMSG;
			byte = *p++;
			count |= (uint64_t)(byte & 0x7f) << shift;
			shift += 7;
		} while (byte & 0x80);
		if (bucket >= ZT_RTT_BUCKETS || count > UINT32_MAX)
			return -EBADMSG;
		add(&read.count[bucket], (uint32_t)count);
	}
	zt_rtt_merge(rtt, &read);
	return 0;
}

void zt_health_merge(struct zt_health *health, const struct zt_health *from)
{
	health->refused += from->refused;
	health->unanswered += from->unanswered;
	health->resets += from->resets;
	health->retransmits += from->retransmits;
	zt_rtt_merge(&health->rtt, &from->rtt);
}
