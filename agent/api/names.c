/* SPDX-License-Identifier: Apache-2.0 */
/*
 * names.c - names for addresses, rules and owners.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "api/names.h"
#include "base/addr.h"
#include "base/cleanup.h"
#include "base/strmap.h"
#include "base/time.h"
#include "datapath/labels.h"
#include "flow/table.h"
#include "policy/policy.h"
#include "policy/rules.h"
#include "policy/tables.h"

#define OWNERS_CACHED 256 /* by index modulo this; a record never changes */

struct place {
	struct zt_addr addr;
	uint32_t host; /* index in policy->hosts */
};

struct owner {
	uint32_t index; /* 0 = unused */
	struct zt_owner record;
};

struct zt_names {
	struct zt_flow_names face;
	struct zt_names_from from;
	uint8_t digest[32]; /* of the policy that the places are of */
	size_t host_count;
	struct place *places;
	size_t place_count;
	struct zt_table table;
	struct zt_strmap *hosts; /* by name; numbers are places in policy->hosts */
	struct owner owners[OWNERS_CACHED];
};

bool zt_names_is_local(const struct zt_names *names, const struct zt_addr *addr)
{
	size_t low = 0, high = names->from.local_count;

	if (zt_addr_is_loopback(addr))
		return true;
	while (low < high) {
		size_t mid = low + (high - low) / 2;
		int order = memcmp(addr, &names->from.locals[mid], sizeof(*addr));

		if (!order)
			return true;
		if (order < 0)
			high = mid;
		else
			low = mid + 1;
	}
	return false;
}

static const char *host_of(void *ctx, const struct zt_addr *addr, bool near)
{
	const struct zt_names *names = ctx;
	uint32_t n = zt_table_first(&names->table, zt_table_hash(addr, sizeof(*addr)));

	while (n != ZT_TABLE_NONE && memcmp(&names->places[n].addr, addr, sizeof(*addr)))
		n = zt_table_next(&names->table, n);
	if (n != ZT_TABLE_NONE)
		return names->from.policy->hosts[names->places[n].host].name;
	/* A refused connect has no source address yet: it is this host's all the same. */
	if (near && names->from.this_host &&
	    (zt_addr_is_unspecified(addr) || zt_names_is_local(names, addr)))
		return names->from.this_host;
	return NULL;
}

static size_t segments_of(void *ctx, const struct zt_addr *addr, bool near, const char **ret,
			  size_t cap)
{
	const struct zt_names *names = ctx;

	if (!names->from.tables)
		return 0;
	return zt_tables_segments(names->from.tables, addr, near, ret, cap);
}

static const struct zt_host *host_named(const struct zt_names *names, const char *name)
{
	uint32_t n =
		names->hosts ? zt_strmap_find(names->hosts, name, strlen(name)) : ZT_STRMAP_NONE;

	return n == ZT_STRMAP_NONE ? NULL : &names->from.policy->hosts[n];
}

/* Rows of one host in the overlay, which is sorted by host. */
static size_t overlay_rows(const struct zt_overlay *overlay, const char *host, size_t *ret_count)
{
	size_t low = 0, high = overlay->label_count, end;

	while (low < high) {
		size_t mid = low + (high - low) / 2;

		if (strcmp(overlay->labels[mid].host, host) < 0)
			low = mid + 1;
		else
			high = mid;
	}
	for (end = low; end < overlay->label_count; end++) {
		if (strcmp(overlay->labels[end].host, host))
			break;
	}
	*ret_count = end - low;
	return low;
}

/* Value of the rows of one key: the first whose time is not over; NULL: the inventory's own. */
static const char *value_now(const struct zt_overlay_label *rows, size_t count, uint64_t now_ns)
{
	for (size_t i = 0; i < count; i++) {
		if (!rows[i].until_ns || now_ns < rows[i].until_ns)
			return rows[i].value;
	}
	return rows[count - 1].under;
}

static size_t same_key(const struct zt_overlay_label *rows, size_t count)
{
	size_t n = 1;

	while (n < count && !strcmp(rows[n].key, rows[0].key))
		n++;
	return n;
}

struct label_each {
	void (*fn)(const char *key, const char *value, void *data);
	void *data;
	size_t told;
};

static void tell(struct label_each *each, const char *key, const char *value)
{
	each->fn(key, value, each->data);
	each->told++;
}

static bool is_covered(const struct zt_overlay_label *rows, size_t count, const char *key,
		       uint64_t now_ns)
{
	for (size_t i = 0, n; i < count; i += n) {
		n = same_key(rows + i, count - i);
		if (!strcmp(rows[i].key, key))
			return value_now(rows + i, n, now_ns) != NULL;
	}
	return false;
}

/* What was set at run time comes before the inventory's, key by key. */
static size_t labels_of(void *ctx, const char *host,
			void (*each)(const char *key, const char *value, void *data), void *data)
{
	const struct zt_names *names = ctx;
	const struct zt_host *h = host_named(names, host);
	struct label_each out = {each, data, 0};
	struct zt_overlay overlay = {0};
	const struct zt_overlay_label *rows;
	uint64_t now_ns = zt_now_ns();
	size_t count;

	if (names->from.labels)
		zt_labels_overlay(names->from.labels, &overlay);
	rows = overlay.labels + overlay_rows(&overlay, host, &count);
	for (size_t i = 0, n; i < count; i += n) {
		const char *value;

		n = same_key(rows + i, count - i);
		value = value_now(rows + i, n, now_ns);
		if (value)
			tell(&out, rows[i].key, value);
	}
	for (size_t i = 0; h && i < h->label_count; i++) {
		if (!is_covered(rows, count, h->labels[i].key, now_ns))
			tell(&out, h->labels[i].key, h->labels[i].value);
	}
	return out.told;
}

static size_t hints_of(void *ctx, const struct zt_addr *addr, struct zt_hint ret[ZT_HINTS_MAX])
{
	const struct zt_names *names = ctx;

	return names->from.hints ? names->from.hints(names->from.ctx, addr, ret) : 0;
}

static int command_of(void *ctx, uint32_t index, struct zt_owner_cmd *ret)
{
	const struct zt_names *names = ctx;

	return names->from.command ? names->from.command(names->from.ctx, index, ret) : -ENOENT;
}

static const char *rule_of(void *ctx, uint32_t number)
{
	const struct zt_names *names = ctx;

	return names->from.rules ? zt_rule_name(names->from.rules, number) : NULL;
}

static int owner_of(void *ctx, uint32_t index, struct zt_owner *ret_owner)
{
	struct zt_names *names = ctx;
	struct owner *cached = &names->owners[index % OWNERS_CACHED];
	int r;

	if (!index || !names->from.owner)
		return -ENOENT;
	if (cached->index != index) {
		cached->index = 0;
		r = names->from.owner(names->from.ctx, index, &cached->record);
		if (r < 0)
			return r;
		cached->index = index;
	}
	*ret_owner = cached->record;
	return 0;
}

int zt_names_new(struct zt_names **ret)
{
	struct zt_names *names = calloc(1, sizeof(*names));

	if (!names)
		return -ENOMEM;
	names->face = (struct zt_flow_names){
		.host = host_of,
		.segments = segments_of,
		.labels = labels_of,
		.hints = hints_of,
		.command = command_of,
		.rule = rule_of,
		.owner = owner_of,
		.ctx = names,
	};
	*ret = names;
	return 0;
}

static void forget(struct zt_names *names)
{
	zt_table_clear(&names->table);
	zt_strmap_free(&names->hosts);
	free(names->places);
	names->places = NULL;
	names->place_count = names->host_count = 0;
	memset(names->digest, 0, sizeof(names->digest));
}

void zt_names_free(struct zt_names **names)
{
	if (!*names)
		return;
	forget(*names);
	free(*names);
	*names = NULL;
}

static int learn(struct zt_names *names, const struct zt_policy *policy)
{
	size_t count = 0;

	for (size_t i = 0; i < policy->host_count; i++)
		count += policy->hosts[i].address_count;
	if (count >= ZT_TABLE_NONE)
		return -ENOMEM;
	names->places = malloc((count ?: 1) * sizeof(*names->places));
	if (!names->places || zt_table_reserve(&names->table, (uint32_t)(count ?: 1)) < 0)
		return -ENOMEM;
	if (zt_strmap_new(&names->hosts) < 0)
		return -ENOMEM;
	for (size_t i = 0; i < policy->host_count; i++) {
		const struct zt_host *host = &policy->hosts[i];

		if (zt_strmap_intern(names->hosts, host->name, strlen(host->name), NULL) != i)
			return -ENOMEM;

		for (size_t j = 0; j < host->address_count; j++) {
			struct place *place = &names->places[names->place_count];

			memcpy(place->addr.bytes, host->addresses[j].key.bytes, 16);
			place->host = (uint32_t)i;
			zt_table_add(&names->table, (uint32_t)names->place_count++,
				     zt_table_hash(&place->addr, sizeof(place->addr)));
		}
	}
	names->host_count = policy->host_count;
	memcpy(names->digest, policy->digest, sizeof(names->digest));
	return 0;
}

int zt_names_set(struct zt_names *names, const struct zt_names_from *from)
{
	int r = 0;

	names->from = *from;
	if (from->policy && names->places && names->host_count == from->policy->host_count &&
	    !memcmp(names->digest, from->policy->digest, sizeof(names->digest)))
		return 0;
	forget(names);
	if (from->policy)
		r = learn(names, from->policy);
	if (r < 0)
		forget(names);
	return r;
}

const struct zt_flow_names *zt_names_get(const struct zt_names *names)
{
	return &names->face;
}
