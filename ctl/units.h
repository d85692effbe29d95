/* SPDX-License-Identifier: Apache-2.0 */
/* units.h - systemd units that ztctl writes, a service and its timer; nothing is started or
 * enabled. */
#pragma once
#include "ctl/cmd.h"

struct ztc_unit {
	const char *name;
	const char *text;
};

/**
 * ztc_units_write - both units into @dir, or onto stdout with --json or where @dir cannot be
 * written.
 *
 * Says what was done and what starts the timer. Returns 0, or -errno, the reason having been
 * printed: nothing was installed then.
 */
int ztc_units_write(const struct ztc_ctx *ctx, const char *dir, const struct ztc_unit *service,
		    const struct ztc_unit *timer);
