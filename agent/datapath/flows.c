// SPDX-License-Identifier: Apache-2.0
/*
 * flows.c - flow tables, owners and counters, read for the rooms above.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include "base/cleanup.h"
#include "datapath/internal.h"
#include "ztseg.skel.h"

#define BATCH_MIN 1024
#define BATCH_MAX 65536 /* a bucket cannot be longer than that */
#define CPUS_MAX  1024

static int table_fd(const struct zt_dp *dp, uint32_t table)
{
	return bpf_map__fd(table == ZT_TABLE_FLOWS ? dp->skel->maps.zt_flows
						   : dp->skel->maps.zt_openings);
}

struct flow_batch {
	struct zt_flow_key *keys;
	struct zt_flow *flows;
	__u32 size;
};

static void batch_free(struct flow_batch *b)
{
	free(b->keys);
	free(b->flows);
	b->keys = NULL;
	b->flows = NULL;
}

static int batch_make(struct flow_batch *b, __u32 size)
{
	batch_free(b);
	b->keys = malloc(size * sizeof(*b->keys));
	b->flows = malloc(size * sizeof(*b->flows));
	b->size = size;
	return b->keys && b->flows ? 0 : -ENOMEM;
}

/* One system call; -ENOENT in *ret_end means that the table is through. */
static int read_batch(int fd, struct zt_flow_scan *scan, struct flow_batch *b, __u32 *ret_got,
		      bool *ret_end)
{
	LIBBPF_OPTS(bpf_map_batch_opts, opts);
	__u32 next;
	int r;

	for (;;) {
		*ret_got = b->size;
		r = bpf_map_lookup_batch(fd, scan->started ? &scan->token : NULL, &next, b->keys,
					 b->flows, ret_got, &opts);
		if (r == 0 || errno == ENOENT)
			break;
		if (errno != ENOSPC || b->size >= BATCH_MAX)
			return -errno;
		r = batch_make(b, b->size * 2);
		if (r < 0)
			return r;
	}
	*ret_end = r < 0;
	scan->token = next;
	scan->started = true;
	return 0;
}

int zt_dp_flow_scan(struct zt_dp *dp, struct zt_flow_scan *scan, size_t budget, zt_flow_fn fn,
		    void *ctx)
{
	zt_auto(batch_free) struct flow_batch b = {};
	int fd = table_fd(dp, scan->table), r;
	size_t handed = 0;
	__u32 got;

	if (scan->table >= ZT_TABLE_COUNT)
		return -EINVAL;
	r = batch_make(&b, BATCH_MIN);
	while (r == 0 && !scan->done && handed < budget) {
		r = read_batch(fd, scan, &b, &got, &scan->done);
		if (r < 0)
			break;
		for (__u32 i = 0; i < got; i++)
			fn(scan->table, &b.keys[i], &b.flows[i], ctx);
		handed += got;
		scan->seen += got;
	}
	return r;
}

int zt_dp_flow_each(struct zt_dp *dp, zt_flow_fn fn, void *ctx)
{
	int r = 0;

	for (uint32_t table = 0; table < ZT_TABLE_COUNT && r == 0; table++) {
		struct zt_flow_scan scan = {.table = table};

		r = zt_dp_flow_scan(dp, &scan, SIZE_MAX, fn, ctx);
	}
	return r;
}

int zt_dp_flow_get(struct zt_dp *dp, uint32_t table, const struct zt_flow_key *key,
		   struct zt_flow *ret_flow)
{
	return bpf_map_lookup_elem(table_fd(dp, table), key, ret_flow) < 0 ? -errno : 0;
}

int zt_dp_flow_take(struct zt_dp *dp, uint32_t table, const struct zt_flow_key *key,
		    struct zt_flow *ret_flow)
{
	struct zt_flow flow;

	if (bpf_map_lookup_and_delete_elem(table_fd(dp, table), key, &flow) < 0)
		return -errno;
	if (ret_flow)
		*ret_flow = flow;
	return 0;
}

size_t zt_dp_flow_room(struct zt_dp *dp, uint32_t table)
{
	return bpf_map__max_entries(table == ZT_TABLE_FLOWS ? dp->skel->maps.zt_flows
							    : dp->skel->maps.zt_openings);
}

int zt_dp_owner(struct zt_dp *dp, uint32_t index, struct zt_owner *ret_owner)
{
	if (index == 0 || index >= ZT_OWNERS_MAX)
		return -ENOENT;
	return bpf_map_lookup_elem(bpf_map__fd(dp->skel->maps.zt_owner_recs), &index, ret_owner) < 0
		       ? -errno
		       : 0;
}

int zt_dp_owner_cmd(struct zt_dp *dp, uint32_t index, struct zt_owner_cmd *ret)
{
	struct zt_owner_cmd cmd;

	if (index == 0 || index >= ZT_OWNERS_MAX)
		return -ENOENT;
	if (bpf_map_lookup_elem(bpf_map__fd(dp->skel->maps.zt_owner_cmds), &index, &cmd) < 0)
		return -errno;
	if (!cmd.start_ns)
		return -ENOENT;
	cmd.comm[sizeof(cmd.comm) - 1] = '\0';
	if (cmd.args_len > sizeof(cmd.args))
		cmd.args_len = sizeof(cmd.args);
	*ret = cmd;
	return 0;
}

static int cpus(void)
{
	int n = libbpf_num_possible_cpus();

	return n < 1 || n > CPUS_MAX ? -EINVAL : n;
}

int zt_dp_counters(struct zt_dp *dp, struct zt_count ret[ZT_C_COUNT])
{
	int fd = bpf_map__fd(dp->skel->maps.zt_counters), n = cpus();
	zt_auto(zt_freep) struct zt_count *per_cpu = NULL;

	if (n < 0)
		return n;
	per_cpu = calloc((size_t)n, sizeof(*per_cpu));
	if (!per_cpu)
		return -ENOMEM;
	memset(ret, 0, ZT_C_COUNT * sizeof(*ret));
	for (__u32 c = 0; c < ZT_C_COUNT; c++) {
		if (bpf_map_lookup_elem(fd, &c, per_cpu) < 0)
			return -errno;
		for (int i = 0; i < n; i++) {
			ret[c].packets += per_cpu[i].packets;
			ret[c].bytes += per_cpu[i].bytes;
		}
	}
	return 0;
}

uint64_t zt_dp_rule_hits(struct zt_dp *dp, uint32_t rule)
{
	zt_auto(zt_freep) uint64_t *per_cpu = NULL;
	uint64_t sum = 0;
	int n = cpus();

	if (n < 0)
		return 0;
	per_cpu = calloc((size_t)n, sizeof(*per_cpu));
	if (!per_cpu ||
	    bpf_map_lookup_elem(bpf_map__fd(dp->skel->maps.zt_rule_hits), &rule, per_cpu) < 0)
		return 0;
	for (int i = 0; i < n; i++)
		sum += per_cpu[i];
	return sum;
}
