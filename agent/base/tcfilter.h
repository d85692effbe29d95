/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tcfilter.h - clsact filters: listed, and ours taken off again.
 *
 * Shared by the agent and by `ztctl detach`, which works with no agent. Only a
 * filter that carries the program it was recorded with is ever removed.
 */
#pragma once
#include <stdbool.h>
#include <stdint.h>

struct zt_filter_record;

/* One filter of somebody on a clsact qdisc. */
struct zt_tc_filter {
	uint32_t ifindex;
	uint32_t dir;  /* ZT_DIR_IN, ZT_DIR_OUT */
	uint32_t prio; /* lower numbers meet packets first */
	uint32_t handle;
	uint32_t prog_id; /* BPF program, 0 = another kind of filter */
	char kind[16];	  /* "bpf", "flower", "matchall", ... */
	char name[48];	  /* as given by who attached it, or "" */
	bool acts;	  /* carries actions (redirect, NAT, police, ...) */
};

typedef void (*zt_tc_filter_fn)(const struct zt_tc_filter *filter, void *ctx);

/**
 * zt_tc_filter_each - list the filters of one clsact hook, in the order packets meet them.
 * @dir: ZT_DIR_IN or ZT_DIR_OUT.
 *
 * Returns the number of filters (0 also when the device has no clsact qdisc), or -errno.
 */
int zt_tc_filter_each(uint32_t ifindex, uint32_t dir, zt_tc_filter_fn fn, void *ctx);

/**
 * zt_tc_filter_remove - take one recorded filter off, and the qdisc if it was ours and is empty.
 *
 * Returns 0, -ENOENT (not there, or it carries another program), -ENODEV, -errno.
 */
int zt_tc_filter_remove(const struct zt_filter_record *record);
