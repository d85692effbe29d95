/* SPDX-License-Identifier: Apache-2.0 */
/*
 * timer.c - the units of a daily run.
 *
 * The run keeps a signed record in the state directory, which ZTS-3.7-06 counts. It may write
 * there and nowhere else.
 */
#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "ctl/assess/exit.h"
#include "ctl/assess/levels.h"
#include "ctl/assess/timer.h"
#include "ctl/evidence/record.h"
#include "ctl/units.h"

#define SERVICE "ztseg-assess.service"
#define TIMER	"ztseg-assess.timer"

static const char timer_text[] = "[Unit]\n"
				 "Description=Daily assessment of this host by ztctl\n"
				 "\n"
				 "[Timer]\n"
				 "OnCalendar=daily\n"
				 "RandomizedDelaySec=1h\n"
				 "Persistent=true\n"
				 "\n"
				 "[Install]\n"
				 "WantedBy=timers.target\n";

/* Absolute, since a unit has no directory of its own. */
static char *absolute(const char *path)
{
	char *real = path ? realpath(path, NULL) : NULL;

	return real ? real : path ? strdup(path) : NULL;
}

/* Paths go into a unit between quotes: those that would need escaping are refused. */
static bool plain(const char *path)
{
	return path[strcspn(path, "\"'\\%$\n")] == '\0';
}

static int add_file_option(char **options, const struct ztc_line *line, const char *name)
{
	zt_auto(zt_freep) char *path = absolute(ztc_value(line, name));
	char *longer = NULL;

	if (!path)
		return 0;
	if (!plain(path))
		return -EINVAL;
	if (asprintf(&longer, "%s \"--%s=%s\"", *options ? *options : "", name, path) < 0)
		return -ENOMEM;
	free(*options);
	*options = longer;
	return 0;
}

/* What this command line asks for, as that of the unit. */
static int service_text(const struct ztc_line *line, char **ret)
{
	static const char *const files[] = {"profile",	    "scope", "waivers",
					    "attestations", "trust", "state-dir"};
	const char *target = ztc_value(line, "target"), *state = ztc_value(line, "state-dir");
	int level;
	zt_auto(zt_freep) char *state_dir = absolute(state ? state : ZTC_STATE_DIR);
	zt_auto(zt_freep) char *options = NULL;
	char self[PATH_MAX];
	ssize_t len = readlink("/proc/self/exe", self, sizeof(self) - 1);

	if (len < 0 || !state_dir)
		return -errno;
	self[len] = '\0';
	for (size_t i = 0; i < ARRAY_SIZE(files); i++) {
		int r = add_file_option(&options, line, files[i]);

		if (r < 0)
			return r;
	}
	if (!plain(self) || !plain(state_dir))
		return -EINVAL;
	if (target && ztc_level_find(target, &level) < 0)
		return -EDOM;
	/* 2 and 3 are results, not failures of the run. */
	return asprintf(ret,
			"[Unit]\n"
			"Description=Assessment of this host by ztctl\n"
			"After=ztagent.service\n"
			"\n"
			"[Service]\n"
			"Type=oneshot\n"
			"ExecStart=\"%s\" assess --record%s%s%s%s\n"
			"SuccessExitStatus=2 3\n"
			"Nice=10\n"
			"ProtectSystem=strict\n"
			"%s%s\n",
			self, target ? " --target=" : "", target ? target : "",
			ztc_value(line, "probe") ? " --probe" : "", options ? options : "",
			/* The agent's own is made when there is none. */
			state ? "ReadWritePaths=" : "StateDirectory=ztseg\nStateDirectoryMode=",
			state ? state_dir : "0750") < 0
		       ? -ENOMEM
		       : 0;
}

int ztc_timer_install(struct ztc_ctx *ctx, const struct ztc_line *line)
{
	const char *dir = ztc_value(line, "out") ? ztc_value(line, "out") : ZTC_UNIT_DIR;
	zt_auto(zt_freep) char *service = NULL;
	int r = service_text(line, &service);

	if (r == -EINVAL)
		return ztc_fail(ZTC_ASSESS_FAILED, "a path with quotes, %% or $ cannot stand in a "
						   "unit: use another one");
	if (r == -EDOM)
		return ztc_fail(ZTC_ASSESS_FAILED, "--target takes I, II, III or IV, not '%s'",
				ztc_value(line, "target"));
	if (r < 0)
		return ztc_fail(ZTC_ASSESS_FAILED, "%s", strerror(-r));
	return ztc_units_write(ctx, dir, &(struct ztc_unit){SERVICE, service},
			       &(struct ztc_unit){TIMER, timer_text}) < 0
		       ? ZTC_ASSESS_FAILED
		       : ZTC_ASSESS_MET;
}
