// SPDX-License-Identifier: Apache-2.0
/*
 * address.c - the local addresses: one row per address and device, kept equal to the kernel's.
 *
 * The same address may be on several devices; it is local as long as one has it.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include "datapath/internal.h"
#include "ztseg.skel.h"

#define LOCALS_MAX 16384 /* size of zt_locals */

static struct zt_local *find(struct zt_dp *dp, const struct zt_local *local)
{
	for (size_t i = 0; i < dp->local_count; i++)
		if (dp->locals[i].ifindex == local->ifindex &&
		    !memcmp(&dp->locals[i].addr, &local->addr, sizeof(local->addr)))
			return &dp->locals[i];
	return NULL;
}

int zt_locals_add(struct zt_dp *dp, const struct zt_local *local)
{
	struct zt_local *row = find(dp, local), *grown;

	if (row) {
		/* The same again, as for every renewal of a lease: nothing to compile for. */
		if (memcmp(&row->broadcast, &local->broadcast, sizeof(row->broadcast)) ||
		    row->prefixlen != local->prefixlen)
			dp->addrs_dirty = true;
		*row = *local;
		return 0;
	}
	if (dp->local_count >= LOCALS_MAX)
		return -E2BIG;
	if (!(dp->local_count & (dp->local_count - 1))) {
		size_t cap = dp->local_count ? dp->local_count * 2 : 1;

		grown = realloc(dp->locals, cap * sizeof(*grown));
		if (!grown)
			return -ENOMEM;
		dp->locals = grown;
	}
	dp->locals[dp->local_count++] = *local;
	dp->addrs_dirty = true;
	return 0;
}

int zt_locals_del(struct zt_dp *dp, const struct zt_local *local)
{
	struct zt_local *row = find(dp, local);

	if (!row)
		return -ENOENT;
	*row = dp->locals[--dp->local_count];
	dp->addrs_dirty = true;
	return 0;
}

void zt_locals_forget(struct zt_dp *dp, uint32_t ifindex)
{
	for (size_t i = dp->local_count; i-- > 0;) {
		if (dp->locals[i].ifindex != ifindex)
			continue;
		dp->locals[i] = dp->locals[--dp->local_count];
		dp->addrs_dirty = true;
	}
}

void zt_locals_unmark(struct zt_dp *dp)
{
	for (size_t i = 0; i < dp->local_count; i++)
		dp->locals[i].seen = false;
}

void zt_locals_sweep(struct zt_dp *dp)
{
	for (size_t i = dp->local_count; i-- > 0;) {
		if (dp->locals[i].seen)
			continue;
		dp->locals[i] = dp->locals[--dp->local_count];
		dp->addrs_dirty = true;
	}
}

void zt_locals_clear(struct zt_dp *dp)
{
	free(dp->locals);
	free(dp->env_locals);
	free(dp->env_broadcasts);
	dp->locals = NULL;
	dp->env_locals = dp->env_broadcasts = NULL;
	dp->local_count = dp->env_local_count = dp->env_broadcast_count = 0;
}

/* --- published: the map, and the compiler's lists --------------------------------------- */

static int by_bytes(const void *a, const void *b)
{
	return memcmp(a, b, sizeof(struct zt_addr));
}

static size_t sort_unique(struct zt_addr *rows, size_t count)
{
	size_t kept = 0;

	qsort(rows, count, sizeof(*rows), by_bytes);
	for (size_t i = 0; i < count; i++)
		if (!kept || memcmp(&rows[kept - 1], &rows[i], sizeof(*rows)))
			rows[kept++] = rows[i];
	return kept;
}

/* The subnet's broadcast address, which the kernel delivers whatever was configured. */
static bool subnet_broadcast(const struct zt_local *local, struct zt_addr *ret)
{
	if (!local->v4 || local->prefixlen > 30 || local->prefixlen == 0 ||
	    local->addr.bytes[12] == 127)
		return false;
	*ret = local->addr;
	for (unsigned int bit = local->prefixlen; bit < 32; bit++)
		ret->bytes[12 + bit / 8] |= (uint8_t)(0x80 >> (bit % 8));
	return true;
}

static int rebuild_lists(struct zt_dp *dp)
{
	static const struct zt_addr none;
	size_t n = dp->local_count ? dp->local_count : 1, broadcasts = 0;
	struct zt_addr *own = calloc(n, sizeof(*own)), *wide = calloc(2 * n, sizeof(*wide));

	if (!own || !wide) {
		free(own);
		free(wide);
		return -ENOMEM;
	}
	for (size_t i = 0; i < dp->local_count; i++) {
		const struct zt_local *local = &dp->locals[i];

		own[i] = local->addr;
		if (memcmp(&local->broadcast, &none, sizeof(none)))
			wide[broadcasts++] = local->broadcast;
		if (subnet_broadcast(local, &wide[broadcasts]))
			broadcasts++;
	}
	free(dp->env_locals);
	free(dp->env_broadcasts);
	dp->env_locals = own;
	dp->env_local_count = sort_unique(own, dp->local_count);
	dp->env_broadcasts = wide;
	dp->env_broadcast_count = sort_unique(wide, broadcasts);
	return 0;
}

/* Rows of addresses that are no longer ours, those of an earlier agent among them. */
static int drop_stale(struct zt_dp *dp, int fd)
{
	struct zt_addr *stale = calloc(LOCALS_MAX, sizeof(*stale)), key, next;
	size_t count = 0;
	bool first = true;

	if (!stale)
		return -ENOMEM;
	while (count < LOCALS_MAX && bpf_map_get_next_key(fd, first ? NULL : &key, &next) == 0) {
		first = false;
		key = next;
		if (!dp->env_local_count ||
		    !bsearch(&key, dp->env_locals, dp->env_local_count, sizeof(key), by_bytes))
			stale[count++] = key;
	}
	for (size_t i = 0; i < count; i++)
		bpf_map_delete_elem(fd, &stale[i]);
	free(stale);
	return 0;
}

int zt_locals_publish(struct zt_dp *dp)
{
	int fd = bpf_map__fd(dp->skel->maps.zt_locals);
	int r = rebuild_lists(dp);

	if (r < 0)
		return r;
	for (size_t i = 0; i < dp->local_count; i++)
		if (bpf_map_update_elem(fd, &dp->locals[i].addr, &dp->locals[i].ifindex, BPF_ANY) <
		    0)
			r = -errno;
	if (r < 0)
		return r;
	return drop_stale(dp, fd);
}

const struct zt_addr *zt_dp_locals(struct zt_dp *dp, size_t *ret_count)
{
	*ret_count = dp->env_local_count;
	return dp->env_locals;
}

const struct zt_addr *zt_dp_broadcasts(struct zt_dp *dp, size_t *ret_count)
{
	*ret_count = dp->env_broadcast_count;
	return dp->env_broadcasts;
}
