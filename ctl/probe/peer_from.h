/* SPDX-License-Identifier: Apache-2.0 */
/* peer_from.h - a probe that runs on another host, over the system's ssh client. */
#pragma once
#include "ctl/cmd.h"
#include "ctl/probe/peer.h"

/**
 * struct ztc_probe_from
 * @peer:   for ssh: "web1", "root@10.0.0.5"; never begins with '-'.
 * @remote: how ztctl is called there: "ztctl", "sudo -n ztctl".
 * @config: a configuration file for ssh (-F), or NULL.
 */
struct ztc_probe_from {
	const char *peer, *remote, *config;
};

/**
 * ztc_probe_way - the address by which this host reaches the peer, as a target.
 *
 * The name is that of ssh's own configuration (ssh -G). Nothing is sent but a look-up of the name.
 * Returns 0, -ENOENT (no such name, no route), -errno.
 */
int ztc_probe_way(const struct ztc_probe_from *from, struct ztc_probe *probe);

/**
 * ztc_probe_from - have the peer probe this host.
 * @ret: the record that came, not checked yet: whatever the peer chose to send, as JSON.
 *
 * Bounded in time and in size (ZTC_RECORD_MAX). Returns an exit status, the reason printed.
 */
int ztc_probe_from(const struct ztc_probe_from *from, const struct ztc_probe *probe, json_t **ret);

/**
 * ztc_probe_timer - write ztseg-probe.service and .timer, weekly, into @dir.
 * @command: what is run: the arguments of ztctl, in systemd's quoting already.
 *
 * Returns an exit status; says what is left to do. Starts nothing.
 */
int ztc_probe_timer(const struct ztc_ctx *ctx, const char *dir, const char *command);
