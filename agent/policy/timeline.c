/* SPDX-License-Identifier: Apache-2.0 */
/* timeline.c - the labels of hosts now and as they run out. */
#include "policy/timeline.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/strmap.h"

void zt_timeline_free(struct zt_timeline *times)
{
	free(times->items);
	free(times->of_host);
	zt_arena_free(&times->arena);
	*times = (struct zt_timeline){0};
}

/* First row of a host; rows are sorted by host. */
static size_t first_label(const struct zt_overlay *o, const char *host)
{
	size_t low = 0, high = o->label_count;

	while (low < high) {
		size_t mid = low + (high - low) / 2;

		if (strcmp(o->labels[mid].host, host) < 0)
			low = mid + 1;
		else
			high = mid;
	}
	return low;
}

static uint32_t label_epoch(const struct zt_overlay *o, const char *host)
{
	size_t low = 0, high = o->host_count;

	while (low < high) {
		size_t mid = low + (high - low) / 2;
		int r = strcmp(o->hosts[mid].host, host);

		if (r == 0)
			return o->hosts[mid].label_epoch;
		if (r < 0)
			low = mid + 1;
		else
			high = mid;
	}
	return 0;
}

static bool runs_out_after(const struct zt_overlay_label *row, uint64_t at_ns)
{
	return !row->until_ns || row->until_ns > at_ns;
}

/* What rows[0..count), all of one key, say at a moment; NULL = nothing. */
static const char *value_at(const struct zt_overlay_label *rows, size_t count, uint64_t at_ns)
{
	for (size_t i = 0; i < count; i++)
		if (runs_out_after(&rows[i], at_ns))
			return rows[i].value;
	return rows[count - 1].under;
}

/* Merges the inventory's labels and the overlay's at a moment; both are sorted by key. */
static int labels_at(const struct zt_host *host, const struct zt_overlay_label *rows, size_t count,
		     uint64_t at_ns, struct zt_arena *arena, struct zt_label_phase *ret)
{
	size_t i = 0, j = 0, end;

	ret->labels = zt_arena_array(arena, host->label_count + count, sizeof(*ret->labels));
	if (!ret->labels)
		return -ENOMEM;
	while (i < host->label_count || j < count) {
		int order = i == host->label_count ? 1
			    : j == count	   ? -1
						   : strcmp(host->labels[i].key, rows[j].key);
		const struct zt_label *own = order <= 0 ? &host->labels[i++] : NULL;
		struct zt_label out = own ? *own : (struct zt_label){.key = rows[j].key};

		if (order >= 0) {
			const char *value;

			for (end = j + 1; end < count && !strcmp(rows[end].key, rows[j].key);)
				end++;
			value = value_at(&rows[j], end - j, at_ns);
			out.value = value ?: out.value;
			j = end;
		}
		if (out.value)
			ret->labels[ret->label_count++] = out;
	}
	return 0;
}

static int by_time(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return x < y ? -1 : x > y;
}

int zt_timeline_host(const struct zt_host *host, const struct zt_overlay *o, uint64_t now_ns,
		     struct zt_arena *arena, struct zt_host_times *ret)
{
	size_t first = o ? first_label(o, host->name) : 0, count = 0, ends = 0;
	const struct zt_overlay_label *rows = o ? o->labels + first : NULL;
	zt_auto(zt_freep) uint64_t *at = NULL;
	int r = 0;

	while (o && first + count < o->label_count && !strcmp(rows[count].host, host->name))
		count++;
	*ret = (struct zt_host_times){.host = host};
	ret->label_epoch = o ? label_epoch(o, host->name) : 0;
	at = calloc(count + 1, sizeof(*at));
	ret->phases = zt_arena_array(arena, count + 1, sizeof(*ret->phases));
	if (!at || !ret->phases)
		return -ENOMEM;
	for (size_t i = 0; i < count; i++)
		if (rows[i].until_ns > now_ns)
			at[ends++] = rows[i].until_ns;
	if (ends > 1)
		qsort(at, ends, sizeof(*at), by_time);
	for (size_t i = 0; i <= ends && r == 0; i++) {
		if (i && i < ends && at[i] == at[i - 1])
			continue; /* two labels that run out together */
		r = labels_at(host, rows, count, i ? at[i - 1] : now_ns, arena,
			      &ret->phases[ret->phase_count]);
		ret->phases[ret->phase_count++].until_ns = i < ends ? at[i] : 0;
	}
	return r;
}

/* Names the overlay speaks of; they are few where the hosts are many. */
static int note_names(const struct zt_overlay *o, struct zt_strmap **ret)
{
	zt_auto(zt_strmap_free) struct zt_strmap *names = NULL;
	int r = zt_strmap_new(&names);

	for (size_t i = 0; i < o->label_count && r == 0; i++)
		if (zt_strmap_intern(names, o->labels[i].host, strlen(o->labels[i].host), NULL) ==
		    ZT_STRMAP_NONE)
			r = -ENOMEM;
	for (size_t i = 0; i < o->host_count && r == 0; i++)
		if (zt_strmap_intern(names, o->hosts[i].host, strlen(o->hosts[i].host), NULL) ==
		    ZT_STRMAP_NONE)
			r = -ENOMEM;
	if (r == 0)
		*ret = zt_take(names);
	return r;
}

int zt_timeline_make(const struct zt_policy *policy, const struct zt_overlay *o, uint64_t now_ns,
		     struct zt_timeline *ret)
{
	zt_auto(zt_timeline_free) struct zt_timeline times = {0};
	zt_auto(zt_strmap_free) struct zt_strmap *names = NULL;
	int r;

	if (!o || !(o->label_count + o->host_count))
		return 0;
	r = note_names(o, &names);
	if (r == 0)
		r = zt_arena_new(&times.arena);
	if (r < 0)
		return r;
	times.of_host = calloc(policy->host_count + 1, sizeof(*times.of_host));
	times.items = calloc((size_t)zt_strmap_count(names) + 1, sizeof(*times.items));
	if (!times.of_host || !times.items)
		return -ENOMEM;
	for (size_t i = 0; i < policy->host_count && r == 0; i++) {
		const char *name = policy->hosts[i].name;

		if (zt_strmap_find(names, name, strlen(name)) == ZT_STRMAP_NONE)
			continue;
		r = zt_timeline_host(&policy->hosts[i], o, now_ns, times.arena,
				     &times.items[times.count]);
		times.of_host[i] = (uint32_t)++times.count;
	}
	if (r < 0)
		return r;
	*ret = times;
	times = (struct zt_timeline){0};
	return 0;
}
