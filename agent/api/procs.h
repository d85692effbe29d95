/* SPDX-License-Identifier: Apache-2.0 */
/*
 * procs.h - names of the processes that opened sockets, read while they live.
 *
 * A number of a process is given to another one soon. A name is only taken when the
 * process began before the flow did and runs the executable that the kernel
 * recorded for its socket; what cannot be told is left out. Bounded cache.
 */
#pragma once
#include <stddef.h>
#include <stdint.h>

#include "bpf/abi.h"

#define ZT_COMM_LEN 64

struct zt_procs;

/* zt_procs_new - @proc: where procfs is, "/proc" but for tests. 0 or -ENOMEM. */
int zt_procs_new(struct zt_procs **ret, const char *proc);
void zt_procs_free(struct zt_procs **procs);

struct zt_proc_name {
	char comm[ZT_COMM_LEN];
	char exe[ZT_PATH_LEN];	/* as seen from here, "" when unknown */
	char args[ZT_ARGS_LEN]; /* NUL between arguments; cut at the end */
	size_t args_len;	/* without the last NUL */
};

/**
 * zt_procs_name - names of a process as they were when it opened a flow.
 * @first_ns: when the flow began [CLOCK_MONOTONIC ns].
 * @owner:    record of the flow's owner; its executable must fit.
 *
 * Returns 0, or -ENOENT: the process is gone, or it is another one by now.
 */
int zt_procs_name(struct zt_procs *procs, uint32_t pid, uint64_t first_ns,
		  const struct zt_owner *owner, struct zt_proc_name *ret);

/*
 * zt_procs_started - the same of the process that began at @start_ns [CLOCK_BOOTTIME ns], to a
 * clock tick.
 */
int zt_procs_started(struct zt_procs *procs, uint32_t pid, uint64_t start_ns,
		     const struct zt_owner *owner, struct zt_proc_name *ret);

/* zt_procs_boot_ns - a time on CLOCK_MONOTONIC, as CLOCK_BOOTTIME has it [ns]. */
uint64_t zt_procs_boot_ns(uint64_t mono_ns);
