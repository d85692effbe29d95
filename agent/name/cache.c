/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cache.c - names that addresses may have.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "flow/table.h"
#include "name/cache.h"
#include "name/dns.h"

#define TELL_AGAIN_NS (3600ULL * 1000000000)

struct name {
	char *text;
	uint64_t at_ns;
	uint64_t told_ns;
	uint8_t source;
};

struct entry {
	struct zt_addr addr;
	uint8_t count;
	struct name names[ZT_HINTS_MAX]; /* best first */
	uint32_t newer, older; /* numbers, ZT_TABLE_NONE at the ends; free: next in older */
};

struct zt_hints {
	struct entry *entries;
	uint32_t used, room, cap; /* entries that were ever used */
	uint32_t free;		  /* chain of entries to be used again */
	uint32_t newest, oldest;
	size_t count, bytes;
	struct zt_table table;
	zt_hint_fn fn;
	void *ctx;
};

static const char *const source_names[ZT_FROM_COUNT] = {
	[ZT_FROM_HOSTS] = "hosts",
	[ZT_FROM_DNS] = "dns",
};

int zt_hints_new(struct zt_hints **ret, size_t cap, zt_hint_fn fn, void *ctx)
{
	struct zt_hints *hints = calloc(1, sizeof(*hints));

	if (!hints)
		return -ENOMEM;
	hints->cap = cap && cap < ZT_HINTS_CAP ? (uint32_t)cap : ZT_HINTS_CAP;
	hints->free = hints->newest = hints->oldest = ZT_TABLE_NONE;
	hints->fn = fn;
	hints->ctx = ctx;
	*ret = hints;
	return 0;
}

void zt_hints_free(struct zt_hints **hints)
{
	struct zt_hints *h = *hints;

	if (!h)
		return;
	for (uint32_t n = 0; n < h->used; n++) {
		for (uint8_t i = 0; i < h->entries[n].count; i++)
			free(h->entries[n].names[i].text);
	}
	free(h->entries);
	zt_table_clear(&h->table);
	free(h);
	*hints = NULL;
}

/* --- who was seen last -------------------------------------------------------------------- */

static void unlink_entry(struct zt_hints *h, uint32_t n)
{
	struct entry *e = &h->entries[n];

	if (e->newer == ZT_TABLE_NONE)
		h->newest = e->older;
	else
		h->entries[e->newer].older = e->older;
	if (e->older == ZT_TABLE_NONE)
		h->oldest = e->newer;
	else
		h->entries[e->older].newer = e->newer;
}

static void link_newest(struct zt_hints *h, uint32_t n)
{
	struct entry *e = &h->entries[n];

	e->newer = ZT_TABLE_NONE;
	e->older = h->newest;
	if (h->newest == ZT_TABLE_NONE)
		h->oldest = n;
	else
		h->entries[h->newest].newer = n;
	h->newest = n;
}

static void drop_name(struct zt_hints *h, struct entry *e, uint8_t i)
{
	h->bytes -= strlen(e->names[i].text) + 1;
	free(e->names[i].text);
	e->count--;
	memmove(&e->names[i], &e->names[i + 1], (e->count - i) * sizeof(e->names[0]));
}

static void drop_entry(struct zt_hints *h, uint32_t n)
{
	struct entry *e = &h->entries[n];

	while (e->count)
		drop_name(h, e, (uint8_t)(e->count - 1));
	unlink_entry(h, n);
	zt_table_del(&h->table, n);
	e->older = h->free;
	h->free = n;
	h->count--;
}

/* --- entries ---------------------------------------------------------------------------------- */

static uint32_t find(const struct zt_hints *h, const struct zt_addr *addr)
{
	uint32_t n = zt_table_first(&h->table, zt_table_hash(addr, sizeof(*addr)));

	while (n != ZT_TABLE_NONE && memcmp(&h->entries[n].addr, addr, sizeof(*addr)))
		n = zt_table_next(&h->table, n);
	return n;
}

static int grow(struct zt_hints *h)
{
	uint32_t room = h->room ? h->room * 2 : 64;
	struct entry *grown;

	if (room > h->cap)
		room = h->cap;
	if (zt_table_reserve(&h->table, room) < 0)
		return -ENOMEM;
	grown = realloc(h->entries, room * sizeof(*grown));
	if (!grown)
		return -ENOMEM;
	h->entries = grown;
	h->room = room;
	return 0;
}

static int make(struct zt_hints *h, const struct zt_addr *addr, uint32_t *ret)
{
	uint32_t n;

	if (h->count == h->cap)
		drop_entry(h, h->oldest);
	if (h->free == ZT_TABLE_NONE && h->used == h->room && grow(h) < 0)
		return -ENOMEM;
	n = h->free;
	if (n == ZT_TABLE_NONE)
		n = h->used++;
	else
		h->free = h->entries[n].older;
	h->entries[n] = (struct entry){.addr = *addr};
	link_newest(h, n);
	zt_table_add(&h->table, n, zt_table_hash(addr, sizeof(*addr)));
	h->count++;
	*ret = n;
	return 0;
}

/* --- names ------------------------------------------------------------------------------------ */

static bool outranks(const struct name *a, const struct name *b)
{
	if (a->source != b->source)
		return a->source < b->source;
	return a->at_ns > b->at_ns;
}

/* A name that was there moves up; a new one takes the place of the last. */
static void enter(struct zt_hints *h, struct entry *e, const struct name *name)
{
	uint8_t i;

	if (e->count == ZT_HINTS_MAX)
		drop_name(h, e, ZT_HINTS_MAX - 1);
	for (i = e->count; i && outranks(name, &e->names[i - 1]); i--)
		e->names[i] = e->names[i - 1];
	e->names[i] = *name;
	e->count++;
	h->bytes += strlen(name->text) + 1;
}

/* Takes a name out to be entered anew; its text is the caller's. */
static bool take(struct zt_hints *h, struct entry *e, const char *text, uint8_t source,
		 struct name *ret)
{
	for (uint8_t i = 0; i < e->count; i++) {
		if (e->names[i].source != source || strcmp(e->names[i].text, text))
			continue;
		*ret = e->names[i];
		e->count--;
		memmove(&e->names[i], &e->names[i + 1], (e->count - i) * sizeof(e->names[0]));
		h->bytes -= strlen(ret->text) + 1;
		return true;
	}
	return false;
}

static bool is_full_of_better(const struct entry *e, const struct name *name)
{
	return e->count == ZT_HINTS_MAX && !outranks(name, &e->names[ZT_HINTS_MAX - 1]);
}

int zt_hints_learn(struct zt_hints *hints, const struct zt_addr *addr, const char *text,
		   enum zt_hint_source source, uint64_t at_ns)
{
	struct name name = {.source = (uint8_t)source};
	size_t len = strnlen(text, ZT_DNS_NAME_LEN);
	uint32_t n = find(hints, addr);
	bool known;
	int r = 0;

	if (!len || len == ZT_DNS_NAME_LEN)
		return 0;
	if (n == ZT_TABLE_NONE)
		r = make(hints, addr, &n);
	if (r < 0)
		return r;
	unlink_entry(hints, n);
	link_newest(hints, n);
	known = take(hints, &hints->entries[n], text, name.source, &name);
	name.at_ns = at_ns;
	if (!known && is_full_of_better(&hints->entries[n], &name))
		return 0;
	if (!known)
		name.text = strdup(text);
	if (!name.text) {
		if (!hints->entries[n].count)
			drop_entry(hints, n);
		return -ENOMEM;
	}
	known = known && at_ns - name.told_ns < TELL_AGAIN_NS;
	if (!known)
		name.told_ns = at_ns;
	enter(hints, &hints->entries[n], &name);
	while (hints->bytes > ZT_HINTS_BYTES && hints->oldest != n)
		drop_entry(hints, hints->oldest);
	if (!known && hints->fn)
		hints->fn(addr, text, source, hints->ctx);
	return 0;
}

void zt_hints_forget(struct zt_hints *hints, enum zt_hint_source source)
{
	uint32_t next;

	for (uint32_t n = hints->newest; n != ZT_TABLE_NONE; n = next) {
		struct entry *e = &hints->entries[n];

		next = e->older;
		for (uint8_t i = e->count; i; i--) {
			if (e->names[i - 1].source == source)
				drop_name(hints, e, (uint8_t)(i - 1));
		}
		if (!e->count)
			drop_entry(hints, n);
	}
}

size_t zt_hints_get(struct zt_hints *hints, const struct zt_addr *addr, uint64_t now_ns,
		    struct zt_hint ret[ZT_HINTS_MAX])
{
	uint32_t n = find(hints, addr);
	const struct entry *e;
	size_t count = 0;

	if (n == ZT_TABLE_NONE)
		return 0;
	unlink_entry(hints, n);
	link_newest(hints, n);
	e = &hints->entries[n];
	for (uint8_t i = 0; i < e->count; i++) {
		const struct name *name = &e->names[i];

		if (name->source != ZT_FROM_HOSTS && now_ns > name->at_ns &&
		    now_ns - name->at_ns > ZT_HINTS_AGE_NS)
			continue;
		ret[count++] = (struct zt_hint){name->text, source_names[name->source]};
	}
	return count;
}

size_t zt_hints_count(const struct zt_hints *hints)
{
	return hints->count;
}

size_t zt_hints_bytes(const struct zt_hints *hints)
{
	return hints->bytes;
}
