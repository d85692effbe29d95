/* SPDX-License-Identifier: Apache-2.0 */
/* spans.c - arithmetic of sorted runs. */
#include <arpa/inet.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/vec.h"
#include "ctl/collect/spans.h"

void ztc_spans_free(struct ztc_spans *set)
{
	free(set->items);
	*set = (struct ztc_spans){0};
}

/* Appends a run that begins at or after the last one's begin. */
static void append(struct ztc_spans *set, ztc_u128 lo, ztc_u128 hi)
{
	struct ztc_span *last = set->count ? &set->items[set->count - 1] : NULL;

	if (last && (lo <= last->hi || lo - last->hi == 1)) {
		if (hi > last->hi)
			last->hi = hi;
		return;
	}
	if (set->count >= ZTC_SPANS_MAX ||
	    zt_vec_grow(&set->items, &set->cap, set->count + 1, sizeof(*set->items)) < 0) {
		set->cut = true;
		return;
	}
	set->items[set->count++] = (struct ztc_span){lo, hi};
}

void ztc_spans_add(struct ztc_spans *set, ztc_u128 lo, ztc_u128 hi)
{
	struct ztc_span one = {lo, hi};
	const struct ztc_spans single = {.items = &one, .count = 1};
	struct ztc_spans sum = {0};

	if (lo > hi)
		return;
	if (!set->count || lo >= set->items[set->count - 1].lo) {
		append(set, lo, hi);
		return;
	}
	ztc_spans_union(&sum, set, &single);
	ztc_spans_free(set);
	*set = sum;
}

void ztc_spans_copy(struct ztc_spans *ret, const struct ztc_spans *a)
{
	*ret = (struct ztc_spans){.cut = a->cut};
	for (size_t i = 0; i < a->count; i++)
		append(ret, a->items[i].lo, a->items[i].hi);
}

void ztc_spans_union(struct ztc_spans *ret, const struct ztc_spans *a, const struct ztc_spans *b)
{
	size_t i = 0, j = 0;

	*ret = (struct ztc_spans){.cut = a->cut || b->cut};
	while (i < a->count || j < b->count) {
		const struct ztc_span *next =
			j >= b->count || (i < a->count && a->items[i].lo <= b->items[j].lo)
				? &a->items[i++]
				: &b->items[j++];

		append(ret, next->lo, next->hi);
	}
}

void ztc_spans_and(struct ztc_spans *ret, const struct ztc_spans *a, const struct ztc_spans *b)
{
	size_t i = 0, j = 0;

	*ret = (struct ztc_spans){.cut = a->cut || b->cut};
	while (i < a->count && j < b->count) {
		const struct ztc_span *x = &a->items[i], *y = &b->items[j];
		ztc_u128 lo = x->lo > y->lo ? x->lo : y->lo;
		ztc_u128 hi = x->hi < y->hi ? x->hi : y->hi;

		if (lo <= hi)
			append(ret, lo, hi);
		if (x->hi < y->hi)
			i++;
		else
			j++;
	}
}

void ztc_spans_minus(struct ztc_spans *ret, const struct ztc_spans *a, const struct ztc_spans *b)
{
	size_t j = 0;

	*ret = (struct ztc_spans){.cut = a->cut || b->cut};
	for (size_t i = 0; i < a->count; i++) {
		ztc_u128 lo = a->items[i].lo, hi = a->items[i].hi;
		bool left = true;

		while (j < b->count && b->items[j].hi < lo)
			j++;
		for (size_t k = j; left && k < b->count && b->items[k].lo <= hi; k++) {
			if (b->items[k].lo > lo)
				append(ret, lo, b->items[k].lo - 1);
			left = b->items[k].hi < hi;
			if (left)
				lo = b->items[k].hi + 1;
		}
		if (left)
			append(ret, lo, hi);
	}
}

bool ztc_spans_has(const struct ztc_spans *set, ztc_u128 value)
{
	size_t lo = 0, hi = set->count;

	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;

		if (value < set->items[mid].lo)
			hi = mid;
		else if (value > set->items[mid].hi)
			lo = mid + 1;
		else
			return true;
	}
	return false;
}

bool ztc_spans_covers(const struct ztc_spans *outer, const struct ztc_spans *inner)
{
	zt_auto(ztc_spans_free) struct ztc_spans rest = {0};

	ztc_spans_minus(&rest, inner, outer);
	return !rest.count && !rest.cut;
}

ztc_u128 ztc_spans_size(const struct ztc_spans *set)
{
	const ztc_u128 most = (ztc_u128)1 << 127;
	ztc_u128 size = 0;

	for (size_t i = 0; i < set->count; i++) {
		ztc_u128 run = set->items[i].hi - set->items[i].lo;

		if (run >= most - size)
			return most;
		size += run + 1;
	}
	return size;
}

ztc_u128 ztc_family_last(int family)
{
	return family == 4 ? UINT32_MAX : ~(ztc_u128)0;
}

bool ztc_spans_any(const struct ztc_spans *set, int family)
{
	return ztc_spans_size(set) >= (family == 4 ? (ztc_u128)1 << 31 : (ztc_u128)1 << 124);
}

int ztc_address_parse(const char *text, ztc_u128 *ret)
{
	uint8_t bytes[16];
	int family = strchr(text, ':') ? 6 : 4;
	ztc_u128 value = 0;

	if (inet_pton(family == 4 ? AF_INET : AF_INET6, text, bytes) != 1)
		return 0;
	for (int i = 0; i < (family == 4 ? 4 : 16); i++)
		value = value << 8 | bytes[i];
	*ret = value;
	return family;
}

static ztc_u128 host_bits(int family, unsigned long len)
{
	unsigned int bits = family == 4 ? 32 : 128;

	return len == 0 ? ztc_family_last(family) : ((ztc_u128)1 << (bits - len)) - 1;
}

int ztc_prefix_parse(const char *text, struct ztc_span *ret)
{
	char address[INET6_ADDRSTRLEN];
	size_t head = strcspn(text, "/-");
	int family;
	char *end;

	if (head >= sizeof(address))
		return 0;
	memcpy(address, text, head);
	address[head] = '\0';
	family = ztc_address_parse(address, &ret->lo);
	ret->hi = ret->lo;
	if (!family || !text[head])
		return family;
	if (text[head] == '-')
		return ztc_address_parse(text + head + 1, &ret->hi) == family && ret->lo <= ret->hi
			       ? family
			       : 0;
	if (text[head + 1] < '0' || text[head + 1] > '9')
		return 0;
	{
		unsigned long len = strtoul(text + head + 1, &end, 10);

		if (*end || len > (family == 4 ? 32 : 128))
			return 0;
		ret->lo &= ~host_bits(family, len);
		ret->hi = ret->lo | host_bits(family, len);
	}
	return family;
}

static void put_address(char ret[INET6_ADDRSTRLEN], ztc_u128 value, int family)
{
	uint8_t bytes[16];
	int len = family == 4 ? 4 : 16;

	for (int i = len - 1; i >= 0; i--, value >>= 8)
		bytes[i] = (uint8_t)value;
	inet_ntop(family == 4 ? AF_INET : AF_INET6, bytes, ret, INET6_ADDRSTRLEN);
}

static json_t *span_json(const struct ztc_span *span, int family)
{
	char lo[INET6_ADDRSTRLEN], hi[INET6_ADDRSTRLEN], text[ZTC_SPAN_TEXT_LEN];
	unsigned int bits = family == 4 ? 32 : 128;

	put_address(lo, span->lo, family);
	put_address(hi, span->hi, family);
	for (unsigned int len = 0; len <= bits; len++) {
		ztc_u128 host = host_bits(family, len);

		if (span->hi - span->lo != host || span->lo & host)
			continue;
		if (len == bits)
			return json_string(lo);
		snprintf(text, sizeof(text), "%s/%u", lo, len);
		return json_string(text);
	}
	snprintf(text, sizeof(text), "%s-%s", lo, hi);
	return json_string(text);
}

json_t *ztc_spans_json(const struct ztc_spans *set, int family, size_t max)
{
	json_t *list = json_array();

	for (size_t i = 0; i < set->count && i < max; i++)
		json_array_append_new(list, span_json(&set->items[i], family));
	return list;
}

void ztc_spans_read(struct ztc_spans *ret, const json_t *texts, int family)
{
	struct ztc_span span;
	const json_t *row;
	size_t i;

	*ret = (struct ztc_spans){0};
	json_array_foreach (texts, i, row) {
		const char *text = json_string_value(row);

		if (text && ztc_prefix_parse(text, &span) == family)
			ztc_spans_add(ret, span.lo, span.hi);
	}
}
