/* SPDX-License-Identifier: Apache-2.0 */
/* cover.c - whether one end of a statement takes in another, whatever hosts there are. */
#include "policy/cover.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/strbuf.h"
#include "base/strmap.h"
#include "base/vec.h"

#define SUBSET_LABELS_MAX 6	  /* of a selector, all subsets of which are looked up */
#define WORK_MAX	  4000000 /* comparisons that advice is worth */

struct list {
	uint32_t *items;
	size_t count;
	size_t cap;
};

struct zt_cover {
	const struct zt_policy *policy;
	struct zt_strmap *keys; /* a selector as text, or a prefix's bytes -> number */
	struct list *named;	/* by that number: segments that name it */
	size_t named_cap;
	bool lengths[129];   /* of prefixes that are there at all */
	struct list *wider;  /* by segment */
	bool *known;	     /* by segment: whether @wider was asked for */
	uint32_t *looked_at; /* by segment: for which other it was last compared, plus 1 */
	size_t work;
};

/* --- comparisons ------------------------------------------------------------------------ */

bool zt_cover_ports(const struct zt_ports *wide, const struct zt_ports *narrow)
{
	size_t w = 0;

	for (size_t n = 0; n < narrow->count; n++) {
		while (w < wide->count && wide->ranges[w].last < narrow->ranges[n].last)
			w++;
		if (w == wide->count || wide->ranges[w].first > narrow->ranges[n].first)
			return false;
	}
	return true;
}

static bool in_one_of(const struct zt_net *nets, size_t count, const struct zt_net_key *key)
{
	for (size_t i = 0; i < count; i++)
		if (zt_net_covers(&nets[i].key, key))
			return true;
	return false;
}

bool zt_cover_nets(const struct zt_net *wide, size_t wide_count, const struct zt_net *narrow,
		   size_t narrow_count)
{
	for (size_t i = 0; i < narrow_count; i++)
		if (!in_one_of(wide, wide_count, &narrow[i].key))
			return false;
	return true;
}

/* Whether all labels of @fewer are among @more; both sorted by key. */
static bool asks_less(const struct zt_segment *fewer, const struct zt_segment *more)
{
	size_t m = 0;

	for (size_t f = 0; f < fewer->select_count; f++, m++) {
		while (m < more->select_count &&
		       strcmp(more->select[m].key, fewer->select[f].key) < 0)
			m++;
		if (m == more->select_count ||
		    strcmp(more->select[m].key, fewer->select[f].key) != 0 ||
		    strcmp(more->select[m].value, fewer->select[f].value) != 0)
			return false;
	}
	return true;
}

/* Whether an exception of @wide takes nothing from @narrow. */
static bool harmless(const struct zt_net_key *except, const struct zt_segment *narrow)
{
	if (in_one_of(narrow->except, narrow->except_count, except))
		return true; /* nor has the narrow one what it takes */
	if (narrow->select_count)
		return false; /* hosts may be anywhere */
	for (size_t i = 0; i < narrow->address_count; i++)
		if (zt_net_covers(except, &narrow->addresses[i].key) ||
		    zt_net_covers(&narrow->addresses[i].key, except))
			return false;
	return true;
}

static size_t cost(const struct zt_segment *wide, const struct zt_segment *narrow)
{
	return 1 + (wide->address_count + wide->except_count) *
			   (1 + narrow->address_count + narrow->except_count);
}

static bool takes_in(const struct zt_segment *wide, const struct zt_segment *narrow)
{
	if (narrow->select_count && (!wide->select_count || !asks_less(wide, narrow)))
		return false;
	if (!zt_cover_nets(wide->addresses, wide->address_count, narrow->addresses,
			   narrow->address_count))
		return false;
	for (size_t i = 0; i < wide->except_count; i++)
		if (!harmless(&wide->except[i].key, narrow))
			return false;
	return true;
}

/* --- which segments name what ----------------------------------------------------------- */

static int push(struct list *list, uint32_t item)
{
	if (zt_vec_grow(&list->items, &list->cap, list->count + 1, sizeof(item)) < 0)
		return -ENOMEM;
	list->items[list->count++] = item;
	return 0;
}

static int name(struct zt_cover *c, const void *key, size_t len, uint32_t segment)
{
	uint32_t n = zt_strmap_intern(c->keys, key, len, NULL);
	size_t old = c->named_cap;

	if (n == ZT_STRMAP_NONE ||
	    zt_vec_grow(&c->named, &c->named_cap, (size_t)n + 1, sizeof(*c->named)) < 0)
		return -ENOMEM;
	if (c->named_cap > old)
		memset(c->named + old, 0, (c->named_cap - old) * sizeof(*c->named));
	return push(&c->named[n], segment);
}

/* Those labels of a selector whose bits are set, as a key. No prefix's bytes look like it. */
static void selector_key(const struct zt_segment *s, uint64_t bits, struct zt_strbuf *sb)
{
	zt_strbuf_reset(sb);
	for (size_t i = 0; i < s->select_count; i++)
		if (i >= 64 || bits & 1ULL << i)
			zt_strbuf_printf(sb, "label %s=%s\n", s->select[i].key, s->select[i].value);
}

static struct zt_net_key cut(const struct zt_net_key *key, unsigned int len)
{
	struct zt_net_key ret = *key;

	ret.prefixlen = len;
	for (unsigned int i = len; i < 128; i++)
		ret.bytes[i / 8] &= (__u8) ~(0x80 >> i % 8);
	return ret;
}

static int index_segments(struct zt_cover *c)
{
	zt_auto(zt_strbuf_free) struct zt_strbuf key = ZT_STRBUF_INIT;
	int r = 0;

	for (uint32_t i = 0; i < c->policy->segment_count && r == 0; i++) {
		const struct zt_segment *s = &c->policy->segments[i];

		if (s->select_count) {
			selector_key(s, UINT64_MAX, &key);
			r = name(c, zt_strbuf_text(&key), key.len, i);
		}
		for (size_t a = 0; a < s->address_count && r == 0; a++) {
			c->lengths[s->addresses[a].key.prefixlen] = true;
			r = name(c, &s->addresses[a].key, sizeof(s->addresses[a].key), i);
		}
	}
	return r < 0 ? r : zt_strbuf_error(&key);
}

int zt_cover_new(struct zt_cover **ret, const struct zt_policy *policy)
{
	zt_auto(zt_cover_free) struct zt_cover *c = calloc(1, sizeof(*c));

	if (!c)
		return -ENOMEM;
	c->policy = policy;
	c->wider = calloc(policy->segment_count + 1, sizeof(*c->wider));
	c->known = calloc(policy->segment_count + 1, sizeof(*c->known));
	c->looked_at = calloc(policy->segment_count + 1, sizeof(*c->looked_at));
	if (!c->wider || !c->known || !c->looked_at || zt_strmap_new(&c->keys) < 0 ||
	    index_segments(c) < 0)
		return -ENOMEM;
	*ret = zt_take(c);
	return 0;
}

void zt_cover_free(struct zt_cover **cover)
{
	struct zt_cover *c = *cover;

	if (!c)
		return;
	for (size_t i = 0; i < c->named_cap; i++)
		free(c->named[i].items);
	for (size_t i = 0; c->wider && i < c->policy->segment_count; i++)
		free(c->wider[i].items);
	free(c->named);
	free(c->wider);
	free(c->known);
	free(c->looked_at);
	zt_strmap_free(&c->keys);
	free(c);
	*cover = NULL;
}

/* --- wider segments ----------------------------------------------------------------------- */

/* Compares with the segments that name this. */
static int try_key(struct zt_cover *c, const void *key, size_t len, uint32_t segment)
{
	const struct zt_segment *s = &c->policy->segments[segment];
	uint32_t n = zt_strmap_find(c->keys, key, len);

	for (size_t i = 0; n != ZT_STRMAP_NONE && i < c->named[n].count; i++) {
		uint32_t other = c->named[n].items[i];
		const struct zt_segment *wide = &c->policy->segments[other];

		if (c->work >= WORK_MAX)
			return 0;
		c->work++;
		if (other == segment || c->looked_at[other] == segment + 1)
			continue;
		c->looked_at[other] = segment + 1;
		c->work += cost(wide, s);
		if (c->work < WORK_MAX && takes_in(wide, s) && push(&c->wider[segment], other) < 0)
			return -ENOMEM;
	}
	return 0;
}

static int try_selectors(struct zt_cover *c, uint32_t segment)
{
	zt_auto(zt_strbuf_free) struct zt_strbuf key = ZT_STRBUF_INIT;
	const struct zt_segment *s = &c->policy->segments[segment];
	size_t labels = s->select_count;
	int r = 0;

	for (uint64_t bits = 1; labels <= SUBSET_LABELS_MAX && bits < 1ULL << labels && r == 0;
	     bits++) {
		selector_key(s, bits, &key);
		r = try_key(c, zt_strbuf_text(&key), key.len, segment);
	}
	if (labels > SUBSET_LABELS_MAX) {
		selector_key(s, UINT64_MAX, &key);
		r = try_key(c, zt_strbuf_text(&key), key.len, segment);
	}
	return r < 0 ? r : zt_strbuf_error(&key);
}

/* What takes in the segment takes in its first prefix. */
static int try_prefixes(struct zt_cover *c, uint32_t segment)
{
	const struct zt_net_key *first = &c->policy->segments[segment].addresses[0].key;
	int r = 0;

	for (unsigned int len = 0; len <= first->prefixlen && r == 0; len++) {
		struct zt_net_key key = cut(first, len);

		if (c->lengths[len])
			r = try_key(c, &key, sizeof(key), segment);
	}
	return r;
}

int zt_cover_wider(struct zt_cover *c, uint32_t segment, const uint32_t **ret, size_t *ret_count)
{
	const struct zt_segment *s = &c->policy->segments[segment];
	int r = 0;

	if (!c->known[segment]) {
		c->known[segment] = true;
		if (s->select_count)
			r = try_selectors(c, segment);
		else if (s->address_count)
			r = try_prefixes(c, segment);
	}
	*ret = c->wider[segment].items;
	*ret_count = c->wider[segment].count;
	return r;
}
