/* SPDX-License-Identifier: Apache-2.0 */
/* logs.h - collectors of logs and the clock, between the files of this family. */
#pragma once
#include <sys/types.h>

#include "ctl/collect/collect.h"

/**
 * ztc_collect_clock - how well this host knows the time.
 *
 * Fills {synchronised, maxerror_us, esterror_us, status (STA_* bits of adjtimex(2)), daemon?:
 * "chrony"|"timesyncd", sources?, reachable_sources?, tracking?: {leap, stratum, root_distance_us},
 * servers?: [{address, state, reach}]}. The kernel's word needs no privilege; sources are what a
 * daemon says, and are missing when none could be asked.
 */
int ztc_collect_clock(const struct ztc_env *env, json_t *data);

/**
 * ztc_collect_forwarding - what forwards records, to where, and whether they get there: fact
 * "logs".
 *
 * Fills {forwarders: [{by, running, sockets_seen?, config?, config_files, config_unreadable,
 * config_newer (than the process), tls_library?}], targets: [{by, module?, address, port,
 * transport: "tcp"|"udp"|"relp"|"http"|"https", tls: "none"|"anon"|"certificate"|"name"|"unknown",
 * authentication?, queue?, file?, line?, connected: bool or null (cannot be seen), local?,
 * local_port?, remote?, bytes_acked?, last_sent_ms?, last_ack_ms?, stuck?, seen?, seen_protocol?
 * (encryption of the flow, by the agent), interface?, carrier?: "wireguard"}]}.
 */
int ztc_collect_forwarding(const struct ztc_env *env, json_t *data);

/* Facts "log_loss", "log_store", "decisions": each file says what is in it. */
int ztc_collect_loss(const struct ztc_env *env, json_t *data);
int ztc_collect_store(const struct ztc_env *env, json_t *data);
int ztc_collect_decisions(const struct ztc_env *env, json_t *data);

/**
 * ztc_chrony_sources - what `chronyc -c -n sources` prints, as servers, sources, reachable_sources.
 *
 * Columns: mode, state, address, stratum, poll, reach (octal), … (chronyc(1), "sources", and its
 * -c). A source is reachable when one of the last eight polls was answered and it is not a
 * falseticker ("x"). Other lines are left out. Returns the number of sources.
 */
size_t ztc_chrony_sources(const char *csv, json_t *data);

/* ztc_chrony_tracking - the same for `chronyc -c -n tracking`, as tracking. 0 or -EINVAL. */
int ztc_chrony_tracking(const char *csv, json_t *data);

/**
 * ztc_process_find - processes by the name the kernel has (/proc/PID/comm, cut to 15 bytes).
 *
 * Only those of our own network namespace, where that can be told; any may choose its name, so
 * what is concluded from one rests on more. Returns how many @ret has, at most @max.
 */
size_t ztc_process_find(const struct ztc_env *env, const char *comm, pid_t *ret, size_t max);
