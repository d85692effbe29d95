/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ssh.h - by which connection did the caller come: told by who holds sockets, not by what is said.
 *
 * Private to this room. Environment variables and process names are the
 * caller's to choose, so neither is read. What counts is an ancestor of the
 * calling process that holds an accepted connection: sudo, su and shells
 * in between do not matter.
 */
#pragma once
#include <stddef.h>
#include <sys/types.h>

#include "datapath/sockets.h"

#define ZT_SSH_ANCESTORS_MAX 64
#define ZT_SSH_FDS_MAX	     4096 /* looked at of one process */

/**
 * zt_ssh_find - the connection that the nearest ancestor of a process holds.
 * @proc:    where procfs is.
 * @pid:     the caller; it is looked at too.
 * @sockets: of the guarded namespace: listening and established.
 * @ret_pid: the process that holds it; may be NULL.
 *
 * A connection counts when it was accepted: a listener has its local port. One to an address of
 * the loopback counts as well: it may be forwarded, and is no way in from outside.
 * Returns the row of @sockets, or NULL: none does (tmux, a console, another namespace), or the
 * processes may not be looked at.
 */
const struct zt_socket *zt_ssh_find(const char *proc, pid_t pid, const struct zt_sockets *sockets,
				    pid_t *ret_pid);

/* zt_ssh_accepted - whether a connection was opened from outside: a listener has its port. */
bool zt_ssh_accepted(const struct zt_sockets *sockets, const struct zt_socket *connection);

/*
 * zt_ssh_is_sshd - whether an owner record is of sshd: by unit (ssh.service, sshd.service or an
 * instance of them) or by executable (.../sshd, sshd-session, dropbear).
 */
struct zt_owner;
bool zt_ssh_is_sshd(const struct zt_owner *owner);
