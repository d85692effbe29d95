/* SPDX-License-Identifier: Apache-2.0 */
/* logs_socket.h - the TCP connections of one process, as the kernel has them. */
#pragma once
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "bpf/abi.h"

struct ztc_env;

#define ZTC_SOCKETS_MAX 256

/**
 * struct ztc_tcp - one connection, its near end being the process's.
 * @state:       TCP_ESTABLISHED, TCP_SYN_SENT, … (linux/tcp_states.h).
 * @bytes_acked: what the other end's TCP has acknowledged (RFC 4898 tcpEStatsAppHCThruOctetsAcked);
 *               1 is the SYN alone.
 * @stuck:       data is underway and has been sent again without an answer.
 */
struct ztc_tcp {
	struct zt_addr local, remote;
	uint16_t local_port, remote_port;
	uint8_t state;
	uint64_t bytes_acked;
	uint32_t last_sent_ms, last_ack_ms;
	bool stuck;
};

/**
 * ztc_tcp_of - connections of a process, listening sockets left out.
 *
 * From a dump of NETLINK_SOCK_DIAG with INET_DIAG_INFO, joined with /proc/PID/fd by inode. Returns
 * their number, at most ZTC_SOCKETS_MAX; -EACCES when the process may not be looked into; -errno.
 */
int ztc_tcp_of(const struct ztc_env *env, pid_t pid, struct ztc_tcp ret[ZTC_SOCKETS_MAX]);
