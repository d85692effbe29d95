// SPDX-License-Identifier: Apache-2.0
/* cmd_fleet.c - ztctl assess --hosts: the assessments of many hosts, over ssh. */
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/json.h"
#include "base/time.h"
#include "ctl/assess/exit.h"
#include "ctl/assess/levels.h"
#include "ctl/assess/output.h"
#include "ctl/cmd.h"
#include "ctl/evidence/record.h"
#include "ctl/fleet/fleet.h"
#include "ctl/password.h"
#include "ctl/render/text.h"

#define TIMEOUT_MAX_S 3600

/* What belongs to a run on one host is said to that host. */
static int check_options(const struct ztc_line *line)
{
	static const char *const there[] = {
		"probe",     "observe", "profile", "scope",    "system", "waivers", "attestations",
		"state-dir", "pin-dir", "netns",   "evidence", "from",	 "record",  "explain"};

	for (size_t i = 0; i < ARRAY_SIZE(there); i++)
		if (ztc_value(line, there[i]))
			return ztc_fail(ZTC_ASSESS_FAILED,
					"--%s is for the hosts: give it in --remote-command "
					"'" ZTC_FLEET_COMMAND " --%s ...'",
					there[i], there[i]);
	return ZTC_ASSESS_MET;
}

static int read_options(const struct ztc_ctx *ctx, const struct ztc_line *line,
			struct ztc_fleet_run *run)
{
	const char *target = ztc_value(line, "target"), *accept = ztc_value(line, "accept");
	const char *command = ztc_value(line, "remote-command");
	const char *timeout = ztc_value(line, "timeout");
	uint64_t ns;
	int status = check_options(line);

	run->target = 1;
	if (target && ztc_level_find(target, &run->target) < 0)
		return ztc_fail(ZTC_ASSESS_FAILED, "--target takes I, II, III or IV, not '%s'",
				target);
	if (accept && strcmp(accept, "waivers") != 0)
		return ztc_fail(ZTC_ASSESS_FAILED, "--accept takes waivers, not '%s'", accept);
	run->accept_waivers = accept != NULL;
	if (command && !*command)
		return ztc_fail(ZTC_ASSESS_FAILED, "--remote-command takes a command");
	run->command = command ? command : ZTC_FLEET_COMMAND;
	run->ssh_config = ztc_value(line, "ssh-config");
	run->timeout_s = ZTC_FLEET_TIMEOUT_S;
	if (timeout && (zt_duration_parse(timeout, &ns) < 0 || ns < ZT_NS_PER_S ||
			ns / ZT_NS_PER_S > TIMEOUT_MAX_S))
		return ztc_fail(ZTC_ASSESS_FAILED,
				"--timeout takes a length of time from 1s to 1h, not '%s'",
				timeout);
	if (timeout)
		run->timeout_s = (unsigned int)(ns / ZT_NS_PER_S);
	run->progress = isatty(STDERR_FILENO);
	return status ? status : ztc_output_check(ctx, line);
}

static int read_hosts(const struct ztc_line *line, struct ztc_fleet_hosts *hosts)
{
	zt_auto(zt_strbuf_free) struct zt_strbuf errors = ZT_STRBUF_INIT;
	const char *path = ztc_value(line, "hosts");
	int r = ztc_fleet_hosts_read(hosts, path, &errors);

	if (r == 0)
		return ZTC_ASSESS_MET;
	fputs(zt_strbuf_text(&errors), stderr);
	if (r == -EINVAL && errors.len)
		return ztc_fail(ZTC_ASSESS_FAILED, "'%s' is no list of hosts; nobody was asked",
				path);
	return ztc_fail(ZTC_ASSESS_FAILED, "cannot read '%s': %s", path, strerror(-r));
}

static int read_trust(const struct ztc_line *line, struct ztc_trust *trust)
{
	const char *dir = ztc_value(line, "trust");
	zt_auto(zt_freep) char *why = NULL;

	dir = dir ? dir : ZTC_TRUST_DIR;
	if (ztc_trust_load(trust, dir, &why) == 0)
		return ZTC_ASSESS_MET;
	return ztc_fail(ZTC_ASSESS_FAILED, "cannot use the keys in '%s': %s", dir,
			why ? why : "out of memory");
}

static int sign(const struct ztc_line *line, json_t *set)
{
	const char *path = ztc_value(line, "sign");
	struct zt_minisign_secret key;
	int r, status;

	if (!path)
		return ZTC_ASSESS_MET;
	status = ztc_secret_load(path, ztc_value(line, "password-file"), &key);
	if (status)
		return ZTC_ASSESS_FAILED;
	r = ztc_seal(set, &key, "ztctl assess --hosts");
	zt_minisign_secret_wipe(&key);
	return r < 0 ? ztc_fail(ZTC_ASSESS_FAILED, "cannot sign the result: %s", strerror(-r))
		     : ZTC_ASSESS_MET;
}

static int go(struct ztc_ctx *ctx, const struct ztc_line *line, struct ztc_fleet_run *run)
{
	zt_auto(zt_json_decref) json_t *set = NULL;
	int status, r = ztc_fleet_collect(run, &set);

	if (r < 0)
		return ztc_fail(ZTC_ASSESS_FAILED, "%s", strerror(-r));
	status = sign(line, set);
	if (!status)
		status = ztc_output(ctx, line, set, NULL);
	return status ? status : (int)ztc_int(json_object_get(set, "target"), "exit");
}

int ztc_run_assess_hosts(struct ztc_ctx *ctx, const struct ztc_line *line)
{
	zt_auto(ztc_fleet_hosts_free) struct ztc_fleet_hosts hosts = {0};
	zt_auto(ztc_trust_free) struct ztc_trust trust = {0};
	struct ztc_fleet_run run = {.hosts = &hosts, .trust = &trust};
	int status = read_options(ctx, line, &run);

	if (!status)
		status = read_hosts(line, &hosts);
	if (!status)
		status = read_trust(line, &trust);
	return status ? status : go(ctx, line, &run);
}
