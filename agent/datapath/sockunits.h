/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sockunits.h - which listeners PID 1 holds for which unit (systemd socket activation).
 */
#pragma once
#include <stdbool.h>
#include "bpf/abi.h"

struct sd_bus;

/* One listener: what it listens on, and the owner that its socket unit triggers. */
struct zt_sockunit {
	struct zt_sock_unit key;
	struct zt_owner owner;
};

typedef void (*zt_sockunit_fn)(const struct zt_sockunit *row, void *ctx);

/**
 * zt_sockunits_read - ask a service manager for its socket units.
 * @bus: connected to it; calls time out after a second each.
 * @fn:  called for every TCP or UDP port of every active socket unit.
 *
 * Returns the number of rows, or -errno.
 */
int zt_sockunits_read(struct sd_bus *bus, zt_sockunit_fn fn, void *ctx);

/**
 * zt_sockunit_listen - protocol and port of one Listen= entry as systemd shows it.
 * @type: "Stream", "Datagram", ...; @text: "[::]:22", "0.0.0.0:80", "/run/x.sock", ...
 *
 * Returns false when it is no TCP or UDP port.
 */
bool zt_sockunit_listen(const char *type, const char *text, struct zt_sock_unit *ret_key);
