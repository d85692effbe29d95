/* SPDX-License-Identifier: Apache-2.0 */
/* agent.c - what the agent says of itself; without it, what its pins say. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/json.h"
#include "base/pins.h"
#include "base/time.h"
#include "bpf/abi.h"
#include "ctl/client.h"
#include "ctl/doctor/doctor.h"
#include "ctl/render/text.h"

#define START "systemctl start ztagent"

/* No agent: is anything enforced all the same? */
static void check_pins(struct ztc_doctor *doctor)
{
	struct zt_ctl ctl = {0};
	int r = zt_pins_read_ctl(doctor->pin_dir, &ctl);
	/* Past an unconfirmed deadline the datapath uses the state before. */
	bool late = ctl.deadline_ns && zt_now_ns() > ctl.deadline_ns;

	if (r == -ENOENT || r == -ENOTDIR)
		ztc_note(doctor, ZTC_CAUTION, "guarded", START,
			 "nothing is pinned in %s: this host is not guarded", doctor->pin_dir);
	else if (r < 0)
		ztc_note(doctor, ZTC_UNKNOWN, "guarded", "run 'ztctl doctor' as root",
			 "whether the kernel still enforces cannot be read from %s: %s",
			 doctor->pin_dir, strerror(-r));
	else if (ctl.observe_until_ns && ctl.observe_until_ns > zt_now_ns())
		ztc_note(doctor, ZTC_CAUTION, "guarded", "ztctl observe --off; " START,
			 "no agent, and the datapath observes only: nothing is denied");
	else
		ztc_note(
			doctor, ZTC_CAUTION, "guarded", START,
			"no agent, but the datapath is in place: the policy of epoch %llu goes on, "
			"interfaces that appear now are not guarded",
			(unsigned long long)ZT_WORD_EPOCH(late ? ctl.prev_word : ctl.word));
}

static void check_policy(struct ztc_doctor *doctor, const json_t *policy)
{
	if (json_is_object(json_object_get(policy, "load_error")))
		ztc_note(doctor, ZTC_FAIL, "policy_file",
			 "ztctl policy check --agent FILE shows every error; correct and save it",
			 "the policy file is broken: what was in force before it goes on");
	else if (*ztc_str(policy, "name"))
		ztc_note(doctor, ZTC_PASS, "policy_file", NULL,
			 "policy %s, revision %lld, is in force", ztc_str(policy, "name"),
			 (long long)ztc_int(policy, "revision"));
	else
		ztc_note(doctor, ZTC_CAUTION, "policy_file",
			 "write a policy, or install an example",
			 "there is no policy: everything is allowed and recorded");
}

static void check_alarms(struct ztc_doctor *doctor, const json_t *status)
{
	const json_t *alarms = json_object_get(status, "alarms");
	json_t *alarm;
	size_t i, now = 0;

	if (!json_is_array(alarms)) {
		ztc_note(doctor, ZTC_UNKNOWN, "alarms", "use an agent of ztctl's version",
			 "the agent does not report its alarms");
		return;
	}
	json_array_foreach (alarms, i, alarm) {
		const json_t *active = json_object_get(alarm, "now");
		const char *detail = ztc_str(alarm, "detail");

		if (active && !json_is_true(active))
			continue;
		now++;
		ztc_note(doctor, ZTC_FAIL, "alarm",
			 *ztc_str(alarm, "remedy") ? ztc_str(alarm, "remedy")
						   : "see 'ztctl status' and the agent's log",
			 "alarm: %s%s%s", ztc_str(alarm, "name"), *detail ? ": " : "", detail);
	}
	if (!now)
		ztc_note(doctor, ZTC_PASS, "alarms", NULL, "the agent has no alarm");
}

static void check_interfaces(struct ztc_doctor *doctor, const json_t *status)
{
	const json_t *interfaces = json_object_get(status, "interfaces");
	json_t *one;
	size_t i, bad = 0, good = 0;

	json_array_foreach (interfaces, i, one) {
		const char *state = ztc_str(one, "state");

		if (strcmp(state, "failed") == 0 || strcmp(state, "left-out") == 0 ||
		    strcmp(state, "left_out") == 0) {
			bad++;
			ztc_note(doctor, ZTC_FAIL, "unguarded",
				 "see the agent's log; check its --interface settings",
				 "%s is up and not guarded", ztc_str(one, "name"));
		}
		good += strcmp(state, "guarded") == 0;
	}
	if (!bad && good)
		ztc_note(doctor, ZTC_PASS, "guarded", NULL,
			 "every interface that is up is guarded");
	else if (!bad)
		ztc_note(doctor, ZTC_CAUTION, "guarded", "bring an interface up",
			 "the agent guards no interface yet");
}

/* Limits that only the agent can see; the others are found by the checks of this program. */
static void check_limits(struct ztc_doctor *doctor)
{
	static const struct {
		const char *name, *remedy;
	} known[] = {
		{"no-owners", "mount the whole cgroup v2 tree and start the agent again"},
		{"nat-out", "nothing, when the translation is meant"},
		{"no-socket-destroy", "nothing; Linux 6.5 and newer do it at once"},
	};
	zt_auto(zt_json_decref) json_t *report = NULL;
	zt_auto(zt_freep) char *why = NULL;
	json_t *limit;
	size_t i;

	if (ztc_try(doctor->ctx, "doctor", NULL, &report, &why) != ZTC_EXIT_OK) {
		ztc_note(doctor, ZTC_UNKNOWN, "limits", "use an agent of ztctl's version",
			 "the agent does not tell its limits: %s", why ? why : "out of memory");
		return;
	}
	json_array_foreach (json_object_get(report, "limits"), i, limit) {
		for (size_t k = 0; k < ARRAY_SIZE(known); k++) {
			if (strcmp(ztc_str(limit, "name"), known[k].name) == 0 &&
			    json_is_true(json_object_get(limit, "applies")))
				ztc_note(doctor, ZTC_CAUTION, known[k].name, known[k].remedy, "%s",
					 ztc_str(limit, "text"));
		}
	}
}

void ztc_check_agent(struct ztc_doctor *doctor)
{
	zt_auto(zt_json_decref) json_t *status = NULL;
	zt_auto(zt_freep) char *why = NULL;
	const json_t *agent, *policy;

	if (!ztc_agent_alive(doctor->ctx)) {
		ztc_note(doctor, ZTC_CAUTION, "agent", START, "no agent answers at %s",
			 doctor->ctx->socket);
		check_pins(doctor);
		return;
	}
	if (ztc_try(doctor->ctx, "status", NULL, &status, &why) != ZTC_EXIT_OK) {
		ztc_note(doctor, ZTC_UNKNOWN, "agent", "run 'ztctl doctor' as root", "%s",
			 why ? why : "the agent cannot be asked");
		return;
	}
	agent = json_object_get(status, "agent");
	policy = json_object_get(status, "policy");
	ztc_note(doctor, ZTC_PASS, "agent", NULL, "ztagent %s runs, pid %lld",
		 ztc_str(agent, "version"), (long long)ztc_int(agent, "pid"));
	if (!*ztc_str(agent, "host") && *ztc_str(policy, "name"))
		ztc_note(
			doctor, ZTC_FAIL, "host",
			"give this host an entry with its addresses under 'hosts:', or set 'host:'",
			"the policy does not know this host: it is observed only");
	check_policy(doctor, policy);
	check_interfaces(doctor, status);
	check_alarms(doctor, status);
	check_limits(doctor);
}
