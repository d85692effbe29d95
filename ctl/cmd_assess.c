/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cmd_assess.c - ztctl assess: collect, judge, show.
 *
 * Order matters: everything that may be refused (profile, declaration, waivers, attestations, keys)
 * is read before the first collector runs.
 */
#include <errno.h>
#include <linux/capability.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/utsname.h>
#include <time.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/json.h"
#include "base/pins.h"
#include "base/time.h"
#include "ctl/assess/assess.h"
#include "ctl/catalogue/catalogue.h"
#include "ctl/assess/evidence.h"
#include "ctl/assess/exit.h"
#include "ctl/assess/levels.h"
#include "ctl/assess/output.h"
#include "ctl/assess/scope.h"
#include "ctl/assess/timer.h"
#include "ctl/client.h"
#include "ctl/cmd.h"
#include "ctl/collect/collect.h"
#include "ctl/evidence/record.h"
#include "ctl/evidence/waiver.h"
#include "ctl/i18n/say.h"
#include "ctl/password.h"
#include "ctl/render/text.h"
#include "ctl/report/text_parts.h"

#define TIMEOUT_MAX_S 600
#define OBSERVE_MAX_S (30 * 86400)

/* All that a run needs, and what it makes. */
struct run {
	struct ztc_ctx *ctx;
	const struct ztc_line *line;
	struct ztc_env env;
	struct ztc_profile profile;
	struct zt_minisign_secret key;
	struct ztc_papers *papers;
	json_t *system, *evidence, *doc;
	int target;
	bool probe, accept_waivers, signs, sealed;
};

static void run_free(struct run *run)
{
	ztc_profile_free(&run->profile);
	zt_minisign_secret_wipe(&run->key);
	ztc_papers_free(&run->papers);
	json_decref(run->system);
	json_decref(run->evidence);
	json_decref(run->doc);
}

/* --- options --- */

static int bad(const char *text)
{
	return ztc_fail(ZTC_ASSESS_FAILED, "%s", text);
}

static int read_seconds(const struct ztc_line *line, const char *option, unsigned int max,
			unsigned int *ret)
{
	const char *text = ztc_value(line, option);
	uint64_t ns;

	if (!text)
		return ZTC_ASSESS_MET;
	if (zt_duration_parse(text, &ns) < 0 || ns < ZT_NS_PER_S || ns / ZT_NS_PER_S > max)
		return ztc_fail(ZTC_ASSESS_FAILED,
				"--%s takes a length of time from 1s to %us, not '%s'", option, max,
				text);
	*ret = (unsigned int)(ns / ZT_NS_PER_S);
	return ZTC_ASSESS_MET;
}

/* Facts come from this host, from a file, or there are none: what belongs to another way is
 * refused. */
static int check_source(const struct ztc_line *line)
{
	static const char *const live[] = {"probe", "observe", "evidence",
					   "netns", "timeout", "record"};
	const char *from = ztc_value(line, "from"), *system = ztc_value(line, "system");

	if (from && system)
		return bad("--from judges a host, --system has none: take one");
	if (system && ztc_value(line, "scope"))
		return bad("--system is the declaration: --scope is for a system with a host");
	for (size_t i = 0; (from || system) && i < ARRAY_SIZE(live); i++) {
		if (ztc_value(line, live[i]))
			return ztc_fail(ZTC_ASSESS_FAILED,
					"--%s collects from this host, which --%s does not",
					live[i], from ? "from" : "system");
	}
	return ZTC_ASSESS_MET;
}

/* What entering the namespaces of other processes takes (setns(2), proc(5)). */
static bool may_enter_namespaces(void)
{
	struct __user_cap_header_struct head = {.version = _LINUX_CAPABILITY_VERSION_3};
	struct __user_cap_data_struct caps[_LINUX_CAPABILITY_U32S_3] = {0};
	const uint32_t wanted = 1U << CAP_SYS_ADMIN | 1U << CAP_SYS_PTRACE;

	return syscall(SYS_capget, &head, caps) == 0 && (caps[0].effective & wanted) == wanted;
}

static int read_options(struct run *run)
{
	const struct ztc_line *line = run->line;
	const char *target = ztc_value(line, "target"), *accept = ztc_value(line, "accept");
	const char *netns = ztc_value(line, "netns");
	int status = check_source(line);

	run->target = 1;
	if (target && ztc_level_find(target, &run->target) < 0)
		return ztc_fail(ZTC_ASSESS_FAILED, "--target takes I, II, III or IV, not '%s'",
				target);
	if (accept && strcmp(accept, "waivers") != 0)
		return ztc_fail(ZTC_ASSESS_FAILED, "--accept takes waivers, not '%s'", accept);
	if (netns && strcmp(netns, "own") != 0 && strcmp(netns, "all") != 0)
		return ztc_fail(ZTC_ASSESS_FAILED, "--netns takes own or all, not '%s'", netns);
	run->accept_waivers = accept != NULL;
	run->probe = ztc_value(line, "probe") != NULL;
	run->env.all_netns = netns ? strcmp(netns, "all") == 0 : may_enter_namespaces();
	if (!status)
		status = ztc_output_check(run->ctx, line);
	if (!status)
		status = read_seconds(line, "timeout", TIMEOUT_MAX_S, &run->env.timeout_s);
	if (!status)
		status = read_seconds(line, "observe", OBSERVE_MAX_S, &run->env.observe_s);
	return status;
}

static void set_env(struct run *run)
{
	const struct ztc_line *line = run->line;
	const char *state_dir = ztc_value(line, "state-dir"), *trust = ztc_value(line, "trust");
	const char *pin_dir = ztc_value(line, "pin-dir");

	run->env.root = "";
	run->env.socket = run->ctx->socket;
	run->env.state_dir = state_dir ? state_dir : ZTC_STATE_DIR;
	run->env.trust_dir = trust ? trust : ZTC_TRUST_DIR;
	run->env.pin_dir = pin_dir ? pin_dir : ZT_PINS_DIR;
	run->env.waivers = ztc_value(line, "waivers");
	run->env.profile = run->profile.json;
	run->env.now_s = time(NULL);
}

/* --- what is read before anything runs --- */

/* Every defect of every file, so that they are mended at once. */
static int tell_defects(const json_t *defects)
{
	const json_t *row;
	size_t i;

	json_array_foreach (defects, i, row) {
		zt_auto(zt_freep) char *line = NULL;

		if (asprintf(&line, "%s: %s: %s; %s", ztc_str(row, "file"), ztc_str(row, "at"),
			     ztc_text(json_object_get(row, "text")),
			     ztc_text(json_object_get(row, "remedy"))) >= 0)
			ztc_lines(stderr, line);
	}
	return ztc_fail(ZTC_ASSESS_INVALID, "%s",
			ztc_tr("waivers or attestations are not valid: nothing was run"));
}

static const char *host_of(const struct run *run)
{
	static struct utsname names;
	const char *host = run->system && !run->evidence && ztc_value(run->line, "system")
				   ? ztc_str(run->system, "id")
				   : ztc_str(run->evidence, "host");

	if (*host)
		return host;
	return uname(&names) == 0 ? names.nodename : "";
}

static int load_papers(struct run *run)
{
	zt_auto(zt_json_decref) json_t *defects = NULL;
	const struct ztc_papers_args args = {
		.waivers = ztc_value(run->line, "waivers"),
		.attestations = ztc_value(run->line, "attestations"),
		.trust_dir = run->env.trust_dir,
		.host = host_of(run),
		.catalogue = ztc_catalogue(),
		.profile = run->profile.json,
		.now_s = run->env.now_s,
	};
	int r = ztc_papers_load(&run->papers, &args, &defects);

	if (r == -EBADMSG)
		return tell_defects(defects);
	return r < 0 ? bad(strerror(-r)) : ZTC_ASSESS_MET;
}

static int load_evidence(struct run *run)
{
	const char *from = ztc_value(run->line, "from");
	zt_auto(zt_freep) char *why = NULL;

	if (!from ||
	    ztc_evidence_read(from, run->env.trust_dir, &run->evidence, &run->sealed, &why) == 0)
		return ZTC_ASSESS_MET;
	return ztc_fail(ZTC_ASSESS_INVALID, "'%s' is no evidence that can be judged: %s", from,
			why ? why : "out of memory");
}

static int load_key(struct run *run)
{
	const char *path = ztc_value(run->line, "sign");

	if (!path)
		return ZTC_ASSESS_MET;
	run->signs = true;
	return ztc_secret_load(path, ztc_value(run->line, "password-file"), &run->key)
		       ? ZTC_ASSESS_FAILED
		       : ZTC_ASSESS_MET;
}

static int load_all(struct run *run)
{
	const char *system = ztc_value(run->line, "system") ? ztc_value(run->line, "system")
							    : ztc_value(run->line, "scope");
	zt_auto(zt_freep) char *why = NULL;
	int status;

	if (ztc_profile_load(&run->profile, ztc_value(run->line, "profile"), &why) < 0)
		return ztc_fail(ZTC_ASSESS_FAILED, "%s", why ? why : "out of memory");
	set_env(run);
	if (system && ztc_system_load(&run->system, system, &why) < 0)
		return ztc_fail(ZTC_ASSESS_FAILED, "%s", why ? why : "out of memory");
	status = load_evidence(run);
	if (!status)
		status = load_papers(run);
	return status ? status : load_key(run);
}

/* --- the run --- */

static int collect(struct run *run)
{
	unsigned int wanted = (run->probe ? ZTC_COLLECT_PROBE : 0) |
			      (run->env.observe_s ? ZTC_COLLECT_OBSERVE : 0);
	json_t *facts = NULL;

	if (run->evidence || ztc_value(run->line, "system"))
		return ZTC_ASSESS_MET;
	if (ztc_collect(&run->env, wanted, &facts) < 0)
		return bad("out of memory");
	run->evidence = ztc_evidence_new(facts, run->probe, run->env.observe_s,
					 run->env.observe_s ? time(NULL) : run->env.now_s);
	return run->evidence ? ZTC_ASSESS_MET : bad("out of memory");
}

static int judge(struct run *run)
{
	const bool from_file = ztc_value(run->line, "from") != NULL;
	const struct ztc_assess_in in = {
		.profile = &run->profile,
		.evidence = run->evidence,
		.grade_cap = from_file && !run->sealed ? "D" : NULL,
		.system = run->system,
		.papers = run->papers,
		.target = run->target,
		.accept_waivers = run->accept_waivers,
		.probe = from_file ? json_is_true(json_object_get(run->evidence, "probe"))
				   : run->probe,
		.now_s = time(NULL),
		.started_s = run->env.now_s,
	};

	run->doc = ztc_assess(&in);
	return run->doc ? ZTC_ASSESS_MET : bad("out of memory");
}

/* The facts in a file and the document, both with the same key when there is one. */
static int seal(struct run *run)
{
	const char *path = ztc_value(run->line, "evidence");
	int r = 0;

	if (run->signs)
		r = ztc_seal(run->doc, &run->key, "ztctl assess");
	if (r == 0 && run->signs && path)
		r = ztc_seal(run->evidence, &run->key, "ztctl assess --evidence");
	if (r < 0)
		return ztc_fail(ZTC_ASSESS_FAILED, "cannot sign the result: %s", strerror(-r));
	r = path ? ztc_write_file(path, run->evidence) : 0;
	return r < 0 ? ztc_fail(ZTC_ASSESS_FAILED, "cannot write '%s': %s", path, strerror(-r))
		     : ZTC_ASSESS_MET;
}

static int keep_record(struct run *run)
{
	int r;

	if (!ztc_value(run->line, "record"))
		return ZTC_ASSESS_MET;
	r = ztc_assessment_record(run->env.state_dir, run->doc, run->signs ? &run->key : NULL);
	return r < 0 ? ztc_fail(ZTC_ASSESS_FAILED, "cannot keep the run as a record in '%s': %s",
				run->env.state_dir, strerror(-r))
		     : ZTC_ASSESS_MET;
}

/* The picture of who talks to whom, when there is an agent to ask. */
static json_t *ask_map(struct run *run)
{
	zt_auto(zt_freep) char *why = NULL;
	json_t *map = NULL;

	if (!ztc_output_html(run->line) || ztc_value(run->line, "from") ||
	    ztc_value(run->line, "system") || !ztc_agent_alive(run->ctx))
		return NULL;
	(void)ztc_try(run->ctx, "map", NULL, &map, &why);
	return map;
}

static int explain(struct run *run, const json_t *row)
{
	zt_auto(zt_json_decref) json_t *answer = NULL;

	if (!run->ctx->json) {
		ztc_text_explain(stdout, row, run->doc, run->profile.json, &run->ctx->style);
		return ZTC_ASSESS_MET;
	}
	answer = json_pack("{s:O, s:O}", "catalogue", row, "check",
			   ztc_text_check(run->doc, ztc_str(row, "id")));
	return answer && json_dumpf(answer, stdout, JSON_INDENT(2)) == 0 && putchar('\n') != EOF
		       ? ZTC_ASSESS_MET
		       : bad("cannot write the answer");
}

static int show(struct run *run)
{
	zt_auto(zt_json_decref) json_t *map = ask_map(run);
	int status = ztc_output(run->ctx, run->line, run->doc, map);

	if (status)
		return status;
	return (int)ztc_int(json_object_get(run->doc, "target"), "exit");
}

static int go(struct run *run)
{
	const char *id = ztc_value(run->line, "explain");
	const json_t *row = id ? ztc_catalogue_find(id) : NULL;
	int status = read_options(run);

	if (!status && id && !row)
		status = ztc_fail(ZTC_ASSESS_FAILED,
				  "no check '%s'; ids are as in ZTS-3.1-04, ztctl assess -v lists "
				  "them",
				  id);
	if (!status)
		status = load_all(run);
	if (!status)
		status = collect(run);
	if (!status)
		status = judge(run);
	if (!status && id)
		return explain(run, row);
	if (!status)
		status = seal(run);
	if (!status)
		status = keep_record(run);
	return status ? status : show(run);
}

int ztc_run_assess(struct ztc_ctx *ctx, const struct ztc_line *line)
{
	zt_auto(run_free) struct run run = {.ctx = ctx, .line = line};

	if (ztc_value(line, "install-timer"))
		return ztc_timer_install(ctx, line);
	if (ztc_value(line, "hosts"))
		return ztc_run_assess_hosts(ctx, line);
	return go(&run);
}
