/* SPDX-License-Identifier: Apache-2.0 */
/*
 * owner.h - which processes hold which sockets, by /proc/PID/fd.
 */
#pragma once
#include <jansson.h>

/**
 * ztc_owners_tell - whose the sockets of a fact are, as far as that can be read.
 * @data: its rows in "sockets" have "inode" (0 = nobody's) and get pid, comm, exe, unit and cgroup
 *        of the process with the lowest pid that holds it; PID 1 only when nobody else does (socket
 *        activation). "owners_complete" becomes whether every process could be looked at.
 *
 * Returns 0 or -ENOMEM.
 */
int ztc_owners_tell(json_t *data);
