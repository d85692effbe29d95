/* SPDX-License-Identifier: Apache-2.0 */
/*
 * rtt.h - round-trip times as a histogram, and the health of an edge's TCP connections.
 *
 * Two buckets per octave, so a percentile is at most 42 % too high. Buckets are
 * kept on disk: add behind the last one, never change. Histograms of the same edge
 * from several hosts or hours are added up bucket by bucket, exactly.
 */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define ZT_RTT_BUCKETS	41  /* bounds 16 us, 22 us, 32 us, ... 16.8 s; the last has all above too */
#define ZT_RTT_BLOB_MAX 246 /* ZT_RTT_BUCKETS times a bucket and a count of up to 5 bytes */

struct zt_rtt {
	uint32_t count[ZT_RTT_BUCKETS]; /* samples */
};

/* zt_rtt_bucket - the bucket of a round trip; zt_rtt_bound_us - the longest that one holds. */
unsigned int zt_rtt_bucket(uint32_t rtt_us);
uint32_t zt_rtt_bound_us(unsigned int bucket);

/* zt_rtt_add - so many samples more; zt_rtt_merge - all of another. Counts stop at 2^32 - 1. */
void zt_rtt_add(struct zt_rtt *rtt, uint32_t rtt_us, uint32_t samples);
void zt_rtt_merge(struct zt_rtt *rtt, const struct zt_rtt *from);

uint64_t zt_rtt_samples(const struct zt_rtt *rtt);

/* zt_rtt_percentile - bound of the bucket that @percent of the samples are in or below; 0: none. */
uint32_t zt_rtt_percentile(const struct zt_rtt *rtt, unsigned int percent);

/**
 * zt_rtt_encode - as few bytes: for each bucket with samples its number, then the count in
 * groups of seven bits, the lowest first, the top bit set in all but the last (LEB128).
 *
 * Returns their number, 0 without samples.
 */
size_t zt_rtt_encode(const struct zt_rtt *rtt, uint8_t ret[ZT_RTT_BLOB_MAX]);

/* zt_rtt_decode - the way back; adds to @rtt. 0, or -EBADMSG (@rtt is as it was). */
int zt_rtt_decode(struct zt_rtt *rtt, const void *blob, size_t len);

/**
 * struct zt_health - how the TCP connections of an edge went.
 * @refused:     openings that the destination answered with a RST.
 * @unanswered:  openings that ended without an answer, or with an ICMP error.
 * @resets:      connections that were open and that a RST of either end closed.
 * @retransmits: segments that this host's end sent again.
 * @rtt:         of this host's end: a sample when a connection ends, and one an hour while it
 *               lives.
 *
 * Openings that the policy denied are in none of them: the verdict says so already.
 */
struct zt_health {
	uint64_t refused;
	uint64_t unanswered;
	uint64_t resets;
	uint64_t retransmits;
	struct zt_rtt rtt;
};

void zt_health_merge(struct zt_health *health, const struct zt_health *from);
