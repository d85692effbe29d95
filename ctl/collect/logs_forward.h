/* SPDX-License-Identifier: Apache-2.0 */
/* logs_forward.h - what forwards records: its processes, targets and connections. */
#pragma once
#include "ctl/collect/collect.h"
#include "ctl/collect/logs_conf.h"
#include "ctl/collect/logs_socket.h"

/* One forwarder and what is known of it while targets are put together. */
struct ztc_forwarder {
	const char *by;	  /* "rsyslog", …, or the process's name */
	pid_t pid;	  /* 0 = not running */
	int64_t begun_s;  /* when the process began, CLOCK_REALTIME; 0 = not known */
	bool tls_library; /* rsyslog: its TLS driver is mapped */
	int tcp_count;	  /* -errno: its connections cannot be seen */
	struct ztc_tcp tcp[ZTC_SOCKETS_MAX];
};

/* ztc_forwarder_look - fill in everything of a process; @by is kept. */
void ztc_forwarder_look(const struct ztc_env *env, const char *by, pid_t pid,
			struct ztc_forwarder *ret);

/* ztc_forwarder_argument - the value of "-f FILE", "--name=value", "--name value" of a process;
 * "" = it has none. */
void ztc_forwarder_argument(const struct ztc_env *env, pid_t pid, const char *option, char *ret,
			    size_t size);

/**
 * ztc_target_connect - find the connection of a target and add {connected, local, local_port,
 * remote, bytes_acked, last_sent_ms, last_ack_ms, stuck} to it.
 *
 * A target that is named by an address needs that address; a name is matched by port alone, since
 * nothing is looked up in the DNS.
 */
void ztc_target_connect(const struct ztc_forwarder *f, json_t *target);

/* ztc_targets_from_sockets - of a forwarder whose configuration is not read: each connection that
 * leaves the host is a target. */
void ztc_targets_from_sockets(const struct ztc_forwarder *f, json_t *targets);

/* ztc_targets_encryption - what the agent, if there is one, saw of connected targets: encryption
 * and protocol of the flow; and "carrier": "wireguard" where the near address is on one. */
void ztc_targets_encryption(const struct ztc_env *env, json_t *targets);

/* --- what has targets; each adds to @forwarders and @targets, nothing when it is not here --- */
void ztc_forward_rsyslog(const struct ztc_env *env, json_t *forwarders, json_t *targets);
void ztc_forward_syslog_ng(const struct ztc_env *env, json_t *forwarders, json_t *targets);
void ztc_forward_journal(const struct ztc_env *env, json_t *forwarders, json_t *targets);
void ztc_forward_audit(const struct ztc_env *env, json_t *forwarders, json_t *targets);
void ztc_forward_others(const struct ztc_env *env, json_t *forwarders, json_t *targets);
