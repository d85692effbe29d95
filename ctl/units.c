// SPDX-License-Identifier: Apache-2.0
/* units.c - systemd units that ztctl writes, a service and its timer. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/file.h"
#include "ctl/units.h"

static int write_unit(const char *dir, const struct ztc_unit *unit)
{
	zt_auto(zt_freep) char *path = NULL;
	int r = asprintf(&path, "%s/%s", dir, unit->name) < 0
			? -ENOMEM
			: zt_file_replace(path, unit->text, strlen(unit->text), 0644);

	if (r < 0)
		ztc_fail(ZTC_EXIT_FAILED, "cannot write '%s/%s': %s", dir, unit->name,
			 strerror(-r));
	else
		printf("wrote %s\n", path);
	return r;
}

int ztc_units_write(const struct ztc_ctx *ctx, const char *dir, const struct ztc_unit *service,
		    const struct ztc_unit *timer)
{
	int r = access(dir, W_OK) < 0 ? -errno : 0;

	if (ctx->json || r < 0) {
		printf("# %s/%s\n%s\n# %s/%s\n%s", dir, service->name, service->text, dir,
		       timer->name, timer->text);
		if (ctx->json)
			return 0;
		ztc_fail(ZTC_EXIT_FAILED, "'%s' cannot be written: nothing was installed", dir);
		return r;
	}
	r = write_unit(dir, service);
	if (!r)
		r = write_unit(dir, timer);
	if (!r)
		printf("nothing was started; to do so: systemctl daemon-reload && systemctl enable "
		       "--now %s\n",
		       timer->name);
	return r;
}
