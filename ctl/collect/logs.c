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
	{
		.name = "log_loss",
		.method =
			"sd_journal(3); NETLINK_AUDIT AUDIT_GET; impstats of rsyslog; the agent's "
			"recorded days",
		.needs = "root",
		.phase = 2,
		.run = ztc_collect_loss,
	},
	{
		.name = "log_store",
		.method =
			"headers of journal files; journalctl --verify; hashes of STATE-DIR/history",
		.needs = "root",
		.phase = 1,
		.run = ztc_collect_store,
	},
	{
		.name = "decisions",
		.method = "agent: status, flows (the latest 10000)",
		.needs = "root",
		.phase = 1,
		.run = ztc_collect_decisions,
	},
	{0},
};
