// SPDX-License-Identifier: Apache-2.0
/* peer_timer.c - the units of a weekly probe by a neighbour. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/file.h"
#include "ctl/probe/peer_from.h"

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

static int write_unit(const char *dir, const char *name, const char *text)
{
	zt_auto(zt_freep) char *path = NULL;
	int r = asprintf(&path, "%s/%s", dir, name) < 0
			? -ENOMEM
			: zt_file_replace(path, text, strlen(text), 0644);

	if (r < 0)
		return ztc_fail(ZTC_EXIT_FAILED, "cannot write '%s/%s': %s", dir, name,
				strerror(-r));
	printf("wrote %s\n", path);
	return ZTC_EXIT_OK;
}

int ztc_probe_timer(const struct ztc_ctx *ctx, const char *dir, const char *command)
{
	zt_auto(zt_freep) char *service = NULL;
	int status;

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
	if (ctx->json || access(dir, W_OK) < 0) {
		printf("# %s/" SERVICE "\n%s\n# %s/" TIMER "\n%s", dir, service, dir, timer_text);
		return ctx->json ? ZTC_EXIT_OK
				 : ztc_fail(ZTC_EXIT_FAILED,
					    "'%s' cannot be written: nothing was installed", dir);
	}
	status = write_unit(dir, SERVICE, service);
	if (!status)
		status = write_unit(dir, TIMER, timer_text);
	if (!status)
		printf("nothing was started; to do so: systemctl daemon-reload && "
		       "systemctl enable --now " TIMER "\n");
	return status;
}
