/* SPDX-License-Identifier: Apache-2.0 */
/*
 * owner.h - which processes hold which sockets, by /proc/PID/fd.
 */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "ctl/collect/collect.h"

/**
 * struct ztc_owner - one socket and who holds it.
 * @inode: of the socket; set by the caller, not 0.
 * @pid:   the lowest pid that holds it, PID 1 only when nobody else does (socket activation);
 *         0 = nobody that could be seen.
 * @holders: processes that hold it.
 */
struct ztc_owner {
	uint64_t inode;
	pid_t pid;
	unsigned int holders;
};

/**
 * ztc_owners_find - fill in who holds the sockets of @owners.
 * @owners: sorted here by inode.
 *
 * Returns whether every process could be looked at.
 */
bool ztc_owners_find(struct ztc_owner *owners, size_t count);

/* ztc_owner_get - the row of @inode in the sorted array, or NULL. */
const struct ztc_owner *ztc_owner_get(const struct ztc_owner *owners, size_t count, uint64_t inode);

/* ztc_owner_tell - pid, comm, exe, unit and cgroup of a process, as far as they can be read. */
void ztc_owner_tell(json_t *row, pid_t pid);
