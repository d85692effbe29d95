// SPDX-License-Identifier: Apache-2.0
/* peer_timer.c - the units of a weekly probe by a neighbour. */
#include <stdlib.h>
#include <stdio.h>

#include "base/cleanup.h"
#include "ctl/probe/peer_from.h"
#include "ctl/units.h"

#define SERVICE "ztseg-probe.service"
#define TIMER	"ztseg-probe.timer"

static const char timer_text[] = "[Unit]\n"
				 "Description=Weekly probe of this host by a neighbour\n"
				 "\n"
				 "[Timer]\n"
				 "OnCalendar=weekly\n"
				 "RandomizedDelaySec=6h\n"
				 "Persistent=true\n"
				 "\n"
				 "[Install]\n"
				 "WantedBy=timers.target\n";

int ztc_probe_timer(const struct ztc_ctx *ctx, const char *dir, const char *command)
{
	zt_auto(zt_freep) char *service = NULL;

	if (asprintf(&service,
		     "[Unit]\n"
		     "Description=Probe of this host by a neighbour\n"
		     "After=network-online.target ztagent.service\n"
		     "Wants=network-online.target\n"
		     "\n"
		     "[Service]\n"
		     "Type=oneshot\n"
		     "ExecStart=%s\n"
		     "Nice=10\n",
		     command) < 0) {
		service = NULL;
		return ztc_fail(ZTC_EXIT_FAILED, "out of memory");
	}
	return ztc_units_write(ctx, dir, &(struct ztc_unit){SERVICE, service},
			       &(struct ztc_unit){TIMER, timer_text}) < 0
		       ? ZTC_EXIT_FAILED
		       : ZTC_EXIT_OK;
}
