// SPDX-License-Identifier: Apache-2.0
/*
 * rig_policy.c - policies into slots, the way the agent does it but without its caution.
 */
#include <arpa/inet.h>
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <linux/bpf.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "policy/compile.h"
#include "policy/diag.h"
#include "policy/judge.h"
#include "policy/policy.h"
#include "rig.h"
#include "rows.h"
#include "ztseg.skel.h"

/* How rows lie in memory: key first, value behind it. */
struct rows_of {
	const char *outer;
	__u32 type;
	const void *rows;
	size_t count;
	size_t row_size;
	size_t key_size;
	size_t value_at;
	size_t value_size;
};

static void fail(const char *what, const char *map)
{
	printf("%s %s: %s\n", what, map, strerror(errno));
	exit(99);
}

/* A new inner map for a slot: the template of the outer map says nothing of sizes. */
static int new_inner(const struct rows_of *r, size_t entries)
{
	LIBBPF_OPTS(bpf_map_create_opts, opts);

	if (r->type == BPF_MAP_TYPE_HASH || r->type == BPF_MAP_TYPE_LPM_TRIE)
		opts.map_flags = BPF_F_NO_PREALLOC;
	if (!strcmp(r->outer, "zt_s_cells") || !strcmp(r->outer, "zt_s_steps") ||
	    !strcmp(r->outer, "zt_s_windows"))
		opts.map_flags = BPF_F_INNER_MAP;
	return bpf_map_create(r->type, r->outer, r->key_size, r->value_size, entries ?: 1, &opts);
}

static void fill_inner(struct rig *rig, __u32 slot, const struct rows_of *r)
{
	bool array = r->type == BPF_MAP_TYPE_ARRAY;
	zt_auto(zt_close) int fd = new_inner(r, r->count);

	if (fd < 0)
		fail("create", r->outer);
	for (size_t i = 0; i < r->count; i++) {
		const char *row = (const char *)r->rows + i * r->row_size;
		__u32 index = i;

		if (bpf_map_update_elem(fd, array ? (const void *)&index : row, row + r->value_at,
					BPF_ANY) < 0)
			fail("fill", r->outer);
	}
	if (bpf_map_update_elem(rig_map(rig, r->outer), &slot, &fd, BPF_ANY) < 0)
		fail("put", r->outer);
}

#define HASH_ROWS(name, table, member, value_)                                                     \
	{                                                                                          \
		name, BPF_MAP_TYPE_HASH, t->table, t->member, sizeof(t->table[0]),                 \
			sizeof(t->table[0].key), offsetof(__typeof__(t->table[0]), value_),        \
			sizeof(t->table[0].value_)                                                 \
	}

void rig_fill(struct rig *rig, __u32 slot, const struct zt_tables *t)
{
	const struct rows_of rows[] = {
		HASH_ROWS("zt_s_addrs", addrs, addr_count, value),
		{"zt_s_nets", BPF_MAP_TYPE_LPM_TRIE, t->nets, t->net_count, sizeof(t->nets[0]),
		 sizeof(t->nets[0].key), offsetof(struct zt_net_row, value),
		 sizeof(t->nets[0].value)},
		HASH_ROWS("zt_s_pairs", pairs, pair_count, port_set),
		HASH_ROWS("zt_s_cellix", cell_index, cell_index_count, cell),
		HASH_ROWS("zt_s_quals", quals, qual_count, mask),
		HASH_ROWS("zt_s_qrules", qrules, qrule_count, value),
		{"zt_s_ports", BPF_MAP_TYPE_ARRAY, t->ports, ZT_PORT_BLOCKS, sizeof(t->ports[0]),
		 sizeof(__u32), 0, sizeof(t->ports[0])},
		{"zt_s_cells", BPF_MAP_TYPE_ARRAY, t->cells, t->cell_count, sizeof(t->cells[0]),
		 sizeof(__u32), 0, sizeof(t->cells[0])},
		{"zt_s_steps", BPF_MAP_TYPE_ARRAY, t->steps, t->step_count, sizeof(t->steps[0]),
		 sizeof(__u32), 0, sizeof(t->steps[0])},
		{"zt_s_windows", BPF_MAP_TYPE_ARRAY, t->windows, t->window_count,
		 sizeof(t->windows[0]), sizeof(__u32), 0, sizeof(t->windows[0])},
		{"zt_s_meta", BPF_MAP_TYPE_ARRAY, &t->meta, 1, sizeof(t->meta), sizeof(__u32), 0,
		 sizeof(t->meta)},
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
		fill_inner(rig, slot, &rows[i]);
}

static void must(int r, const struct zt_diag *diag)
{
	if (r >= 0)
		return;
	printf("policy: %s\n", strerror(-r));
	zt_diag_print(diag, stdout);
	exit(99);
}

static void parse(const char *yaml, struct zt_policy **ret, struct zt_diag *diag)
{
	must(yaml ? zt_policy_parse(ret, "test.yaml", yaml, strlen(yaml), diag)
		  : zt_policy_empty(ret),
	     diag);
}

void rig_layers(struct rig *rig, __u32 slot, const struct rig_layers *l)
{
	zt_auto(zt_policy_free) struct zt_policy *policy = NULL, *candidate = NULL;
	zt_auto(zt_diag_free) struct zt_diag diag = ZT_DIAG_INIT;
	struct zt_addr locals[4], broadcast;
	struct zt_compile_env env = {
		.host = l->live ? "me" : NULL,
		.locals = locals,
		.local_count = ARRAY_SIZE(locals),
		.broadcasts = &broadcast,
		.broadcast_count = 1,
		.forwarding = rig->ctl->flags & ZT_CTL_FORWARDING,
		.offline = true,
		.overlay = l->overlay,
		.now_ns = l->now_ns,
		.wall_offset_ns = l->wall_offset_ns,
	};

	for (int i = 0; i < 4; i++)
		pkt_addr(&locals[i], i % 2 ? AF_INET6 : AF_INET, row_names, i / 2 ? "me2" : "me");
	pkt_addr(&broadcast, AF_INET, row_names, "net-bcast");
	parse(l->live, &policy, &diag);
	if (l->candidate)
		parse(l->candidate, &candidate, &diag);
	env.candidate = candidate;
	zt_tables_free(&rig->tables);
	must(zt_policy_compile(policy, &env, rig->names, &rig->tables, &diag), &diag);
	rig_fill(rig, slot, rig->tables);
}

void rig_policy(struct rig *rig, __u32 slot, const char *yaml)
{
	const struct rig_layers layers = {.live = yaml};

	rig_layers(rig, slot, &layers);
}

int rig_probe(const struct rig *rig, __u32 slot, const struct zt_query *q, struct zt_probe *ret)
{
	struct {
		__u8 ethernet[14];
		struct zt_probe probe;
	} __attribute__((packed)) in = {0}, out = {0};
	LIBBPF_OPTS(bpf_test_run_opts, opts, .data_in = &in, .data_size_in = sizeof(in),
		    .data_out = &out, .data_size_out = sizeof(out), .repeat = 1);
	int r;

	in.probe.slot = slot;
	in.probe.near = q->near;
	in.probe.far = q->far;
	in.probe.qmask = q->qmask;
	in.probe.now_ns = q->now_ns;
	in.probe.dir = q->dir;
	in.probe.port_index = q->port_index;
	r = bpf_prog_test_run_opts(bpf_program__fd(rig->skel->progs.zt_probe), &opts);
	*ret = out.probe;
	return r < 0 ? r : (int)opts.retval;
}

bool rig_same(const struct zt_probe *k, const struct zt_answer *twin)
{
	return !memcmp(k->rule, twin->rule, sizeof(k->rule)) &&
	       !memcmp(k->action, twin->action, sizeof(k->action)) &&
	       !memcmp(k->rank, twin->rank, sizeof(k->rank)) &&
	       !memcmp(k->existing, twin->existing, sizeof(k->existing)) &&
	       k->failsafe == twin->failsafe && k->owner_dep == twin->owner_dep &&
	       k->near_id == twin->near_id && k->far_id == twin->far_id &&
	       k->valid_until_ns == twin->valid_until_ns && k->changed_ns == twin->changed_ns &&
	       k->label_epoch == twin->label_epoch;
}

__u64 rig_flip(struct rig *rig, __u32 slot)
{
	rig->epoch++;
	rig->ctl->deadline_ns = 0;
	__atomic_store_n(&rig->ctl->word, ZT_WORD(rig->epoch, slot), __ATOMIC_SEQ_CST);
	return ZT_WORD(rig->epoch, slot);
}
