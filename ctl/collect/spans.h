/* SPDX-License-Identifier: Apache-2.0 */
/*
 * spans.h - sets of numbers as sorted runs: addresses of one family, ports, protocols.
 *
 * An IPv4 address is its 32-bit number, an IPv6 address its 128-bit number, so that one kind of
 * arithmetic does for all. Sets are bounded: one that would have more than ZTC_SPANS_MAX runs is
 * marked "cut", and who asks must not decide by it.
 */
#pragma once
#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define ZTC_SPANS_MAX	  65536
#define ZTC_SPAN_TEXT_LEN 96

/* Aligned as what zt_arena_alloc() gives out. */
typedef unsigned __int128 ztc_u128 __attribute__((aligned(8)));

struct ztc_span {
	ztc_u128 lo, hi; /* both included */
};

/* Owned; zero is the empty set. */
struct ztc_spans {
	struct ztc_span *items;
	size_t count, cap;
	bool cut; /* too many, or no memory */
};

void ztc_spans_free(struct ztc_spans *set); /* leaves it empty; for zt_auto() */

/* ztc_spans_add - one run more, anywhere, also over others; keeps the order. */
void ztc_spans_add(struct ztc_spans *set, ztc_u128 lo, ztc_u128 hi);

/* Results are new sets in @ret, which is overwritten and may not be an operand. */
void ztc_spans_copy(struct ztc_spans *ret, const struct ztc_spans *a);
void ztc_spans_union(struct ztc_spans *ret, const struct ztc_spans *a, const struct ztc_spans *b);
void ztc_spans_and(struct ztc_spans *ret, const struct ztc_spans *a, const struct ztc_spans *b);
void ztc_spans_minus(struct ztc_spans *ret, const struct ztc_spans *a, const struct ztc_spans *b);

bool ztc_spans_has(const struct ztc_spans *set, ztc_u128 value);

/* ztc_spans_covers - whether every member of @inner is one of @outer. */
bool ztc_spans_covers(const struct ztc_spans *outer, const struct ztc_spans *inner);

/* ztc_spans_size - how many members, at most 2^127. */
ztc_u128 ztc_spans_size(const struct ztc_spans *set);

/* ztc_family_full - the last address of a family (4 or 6). */
ztc_u128 ztc_family_last(int family);

/* ztc_spans_any - whether the set holds so much of a family that it is anybody: half of IPv4, a
 * sixteenth of IPv6 (2000::/3 is an eighth, and all that is routed). */
bool ztc_spans_any(const struct ztc_spans *set, int family);

/* ztc_address_parse - "10.0.0.1", "fe80::1". Returns the family, 0 = no address. */
int ztc_address_parse(const char *text, ztc_u128 *ret);

/* ztc_prefix_parse - "10.0.0.0/8", an address, or "10.0.0.1-10.0.0.9". Returns the family, 0. */
int ztc_prefix_parse(const char *text, struct ztc_span *ret);

/* ztc_spans_json - at most @max texts as ztc_prefix_parse() reads them: prefixes where they are
 * that, else ranges. */
json_t *ztc_spans_json(const struct ztc_spans *set, int family, size_t max);

/* ztc_spans_read - the other way: of one family, others are left out. */
void ztc_spans_read(struct ztc_spans *ret, const json_t *texts, int family);
