// SPDX-License-Identifier: Apache-2.0
/* logs.c - the collectors of this family. */
#include "ctl/collect/logs.h"

const struct ztc_collector ztc_collect_logs[] = {
	{
		.name = "clock",
		.method = "adjtimex(2); chronyc -c sources, tracking; org.freedesktop.timesync1",
		.phase = 1,
		.run = ztc_collect_clock,
	},
	{
		.name = "logs",
		.method =
			"configuration of rsyslog, syslog-ng, journal-upload, audisp-remote; /proc/PID; "
			"sock_diag(7) with tcp_info; agent: flows",
		.needs = "root",
		.phase = 1,
		.run = ztc_collect_forwarding,
	},
	{0},
};
