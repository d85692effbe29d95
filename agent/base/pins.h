/* SPDX-License-Identifier: Apache-2.0 */
/*
 * pins.h - what ztseg keeps on bpffs, and what can be done to it with no agent.
 *
 * Uses the bpf() system call and netlink only: no program is loaded, no agent
 * needs to live. Touches nothing but what was recorded as ours.
 */
#pragma once
#include <linux/types.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct zt_ctl;

#define ZT_PINS_DIR	"/sys/fs/bpf/ztseg"
#define ZT_PINS_ERR_LEN 256

#define ZT_PIN_FILTERS "zt_filters" /* map: ifindex << 1 | direction -> zt_filter_record */

#define ZT_CLSACT_PREF	 1
#define ZT_CLSACT_HANDLE 0x7a74 /* "zt" */

/* One filter of ours on a clsact qdisc: value of pinned map zt_filters. */
struct zt_filter_record {
	__u32 ifindex;
	__u32 dir; /* ZT_DIR_IN, ZT_DIR_OUT */
	__u32 prio;
	__u32 handle;
	__u32 prog_id;
	__u32 own_qdisc; /* 1: the clsact qdisc was added by us */
};

struct zt_pins_report {
	unsigned int links;	   /* links taken off */
	unsigned int filters;	   /* clsact filters removed */
	unsigned int maps;	   /* maps unpinned */
	char err[ZT_PINS_ERR_LEN]; /* on failure: one sentence */
};

/**
 * zt_pins_detach - take everything of one pin directory off the kernel.
 * @pin_dir: as given to ztagent; the process must be in the guarded network namespace for
 *           clsact filters to be found (tcx and cgroup links are not bound to it).
 * @ret:     what was removed; ->err on failure.
 *
 * Returns 0, -ENOENT (nothing is pinned there), -EBUSY (a live agent would restore it: stop it
 * first), -errno. Goes on after an error, so that as much as possible is gone.
 */
int zt_pins_detach(const char *pin_dir, struct zt_pins_report *ret);

/* zt_pins_tidy - remove an empty pin directory, and the bpffs that was mounted on it. */
void zt_pins_tidy(const char *pin_dir);

/**
 * zt_pins_observe - break-glass: drop nothing until @until_ns [CLOCK_MONOTONIC ns].
 * @until_ns: 0 = end it, UINT64_MAX = for good.
 *
 * Works with the agent alive or dead. Returns 0, -ENOENT (nothing is pinned there), -errno.
 */
int zt_pins_observe(const char *pin_dir, uint64_t until_ns);

/* zt_pins_read_ctl - a copy of the pinned control block. 0, -ENOENT, -errno. */
int zt_pins_read_ctl(const char *pin_dir, struct zt_ctl *ret_ctl);
