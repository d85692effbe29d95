/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sockets.h - the TCP and UDP sockets of the guarded namespace, with the owners we recorded.
 */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "bpf/abi.h"

struct zt_dp;

/* What zt_dp_sockets() is asked for. */
#define ZT_SOCKETS_LISTENING                                                                       \
	0x1 /* TCP listeners, and UDP sockets that are bound but not connected */
#define ZT_SOCKETS_ESTABLISHED 0x2 /* TCP connections */

struct zt_socket {
	struct zt_addr local; /* of a listener on any address: unspecified, of its family */
	struct zt_addr remote;
	uint64_t inode;	  /* as /proc/PID/fd names it; 0 = not accepted yet */
	uint32_t ifindex; /* bound to this device; 0 = to none */
	uint32_t uid;
	uint32_t owner;	     /* index, for zt_dp_owner(); 0 = unknown */
	uint16_t local_port; /* host order */
	uint16_t remote_port;
	uint8_t proto;
	bool listens;
	bool v6only; /* of a listener on ::, that IPv4 does not reach */
};

struct zt_sockets {
	struct zt_socket *rows;
	size_t count;
	bool owners; /* the kernel told our records; else every owner is 0 */
};

/**
 * zt_dp_sockets - what is open now, by sock_diag.
 * @dp:   NULL: without owners.
 * @what: ZT_SOCKETS_*.
 * @ret:  on success filled; zt_sockets_clear().
 *
 * A socket that comes or goes meanwhile may or may not be there. Returns 0, -ENOMEM, -EIO.
 */
int zt_dp_sockets(struct zt_dp *dp, unsigned int what, struct zt_sockets *ret);

/* zt_sockets_copy - 0 or -ENOMEM. */
int zt_sockets_copy(const struct zt_sockets *from, struct zt_sockets *ret);
void zt_sockets_clear(struct zt_sockets *sockets);
