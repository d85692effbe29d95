// SPDX-License-Identifier: Apache-2.0
/*
 * main.c - the wiring of ztagent; the only file that knows every room.
 */
#include <errno.h>
#include <malloc.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>
#include <systemd/sd-daemon.h>
#include <systemd/sd-event.h>

#include "api/server.h"
#include "base/cleanup.h"
#include "base/log.h"
#include "base/mounts.h"
#include "base/time.h"
#include "config.h"
#include "datapath/boots.h"
#include "datapath/clock.h"
#include "datapath/datapath.h"
#include "datapath/intent.h"
#include "datapath/labels.h"
#include "flow/collect.h"
#include "flow/history.h"
#include "name/learn.h"

#define LARGE_BYTES (256 << 10) /* allocations from here on are mappings of their own */
#define GUARD_US    (2 * 1000 * 1000)
#define RECORD_MS   2000 /* the most that stopping waits for the disk */

struct zt_agent {
	struct zt_config cfg;
	const char *config_path;
	sd_event *event;
	sd_event_source *guard;
	struct zt_dp *dp;
	struct zt_clock *clock;
	struct zt_labels *labels;
	struct zt_intent *intent;
	struct zt_history *history;
	struct zt_collector *collector;
	struct zt_learner *names;
	struct zt_api_server *server;
	uint64_t started_ns;
	uint64_t alarms_told[ZT_ALARM_COUNT];
	uint64_t set_asides_told;
	bool history_failing;
	bool again; /* leave the loop to be started anew */
};

/* --- what is logged ------------------------------------------------------------------------- */

/* Lines of a report that names its own severity; the log's own prefix is enough. */
static void log_lines(enum zt_level level, const char *text)
{
	while (text && *text) {
		size_t len;

		if (!strncmp(text, "warning: ", 9))
			text += 9;
		len = strcspn(text, "\n");

		if (len)
			zt_log(level, "%.*s", (int)len, text);
		text += len + (text[len] == '\n');
	}
}

static void log_committed(struct zt_agent *agent, const struct zt_intent_state *state)
{
	struct zt_dp_state dp;

	zt_dp_state(agent->dp, &dp);
	zt_log(ZT_INFO,
	       "policy '%s' revision %llu is in force as epoch %llu: %u statements, host %s",
	       state->name, (unsigned long long)state->revision,
	       (unsigned long long)ZT_WORD_EPOCH(dp.word), dp.policy_rows,
	       state->host ? state->host : "unknown, nothing is denied");
	if (dp.ctl.deadline_ns)
		zt_log(ZT_WARN, "it is taken back unless confirmed within %llu s",
		       (unsigned long long)((dp.ctl.deadline_ns - zt_now_ns()) / ZT_NS_PER_S));
}

static void log_waiting(const struct zt_intent_state *state)
{
	if (state->file_held && state->hold == ZT_HOLD_PENDING)
		zt_log(ZT_INFO, "the policy file changed; it waits until what was promoted is "
				"confirmed or taken back");
	else if (state->file_held)
		zt_log(ZT_WARN,
		       "the policy file (revision %llu) is held back (%s) until its revision is "
		       "above %llu",
		       (unsigned long long)state->file_revision, zt_intent_hold_name(state->hold),
		       (unsigned long long)state->hold_revision);
	else
		zt_log(ZT_INFO, "the policy file changed; it waits to be promoted (apply: manual)");
}

static void on_result(enum zt_intent_result result, void *ctx)
{
	struct zt_agent *agent = ctx;
	struct zt_intent_state state;

	zt_intent_state(agent->intent, &state);
	switch (result) {
	case ZT_INTENT_COMMITTED:
		log_committed(agent, &state);
		log_lines(ZT_WARN, state.warnings);
		break;
	case ZT_INTENT_WAITING:
		log_waiting(&state);
		break;
	case ZT_INTENT_BROKEN:
		log_lines(ZT_ERR, state.error);
		zt_log(ZT_ERR,
		       "the policy at '%s' was not applied: what was in force stays in force",
		       state.path);
		break;
	case ZT_INTENT_REVERTED:
		zt_log(ZT_WARN, "policy taken back: '%s' revision %llu is in force again",
		       state.name, (unsigned long long)state.revision);
		break;
	case ZT_INTENT_SAME:
	case ZT_INTENT_RESULT_COUNT:
		break;
	}
}

static void log_alarms(struct zt_agent *agent)
{
	const struct zt_dp_alarm *alarms = zt_dp_alarms(agent->dp);

	for (int i = 0; i < ZT_ALARM_COUNT; i++) {
		if (alarms[i].count != agent->alarms_told[i])
			zt_log(ZT_WARN, "alarm %s (%llu times): %s", alarms[i].name,
			       (unsigned long long)alarms[i].count, alarms[i].detail);
		agent->alarms_told[i] = alarms[i].count;
	}
}

static void log_history(struct zt_agent *agent)
{
	struct zt_history_stats stats;

	zt_history_stats(agent->history, &stats);
	if (stats.set_asides != agent->set_asides_told)
		zt_log(ZT_WARN, "the flow history was set aside and a new one begun: %s",
		       stats.set_aside);
	if (stats.failing && !agent->history_failing)
		zt_log(ZT_WARN, "the flow history cannot be written, it is tried again: %s: %s",
		       stats.path, stats.error);
	else if (!stats.failing && agent->history_failing)
		zt_log(ZT_INFO, "the flow history is written again");
	agent->set_asides_told = stats.set_asides;
	agent->history_failing = stats.failing;
}

/* --- the loop -----------------------------------------------------------------------------------
 */

static void on_env(void *ctx)
{
	struct zt_agent *agent = ctx;

	if (agent->intent)
		zt_intent_env_changed(agent->intent);
}

static void on_event(const struct zt_event *event, void *ctx)
{
	struct zt_agent *agent = ctx;

	zt_collector_event(agent->collector, event);
}

static void on_dns(void *ctx, const struct zt_addr *server, const void *msg, size_t len,
		   uint64_t at_ns)
{
	struct zt_agent *agent = ctx;

	(void)server;
	if (agent->names)
		zt_learner_answer(agent->names, msg, len, at_ns);
}

static int on_labels(const char *const *hosts, size_t count, void *ctx)
{
	struct zt_agent *agent = ctx;

	return agent->intent ? zt_intent_relabel(agent->intent, hosts, count) : 0;
}

static void on_label_trouble(const char *text, void *ctx)
{
	(void)ctx;
	zt_log(ZT_WARN, "%s", text);
}

/* Dates and hours are at other moments of the kernel's clock now. */
static void on_clock_jump(void *ctx)
{
	struct zt_agent *agent = ctx;

	zt_log(ZT_WARN, "the clock was set, or the machine slept: times of policy and labels are "
			"worked out anew");
	if (agent->labels)
		zt_labels_clock_moved(agent->labels);
	if (agent->intent)
		zt_intent_recompile(agent->intent);
}

static int on_guard(sd_event_source *source, uint64_t usec, void *ctx)
{
	struct zt_agent *agent = ctx;

	(void)usec;
	zt_dp_guard(agent->dp);
	zt_intent_round(agent->intent);
	zt_clock_check(agent->clock);
	zt_intent_tidy(agent->intent);
	if (zt_dp_alarm_raised(agent->dp))
		log_alarms(agent);
	log_history(agent);
	if (zt_dp_outdated(agent->dp)) {
		zt_log(ZT_INFO, "connection tracking was loaded: starting anew to make use of it");
		agent->again = true;
		return sd_event_exit(agent->event, 0);
	}
	/* Only to a manager that asked for it: one that never reads would make us wait. */
	if (sd_watchdog_enabled(0, NULL) > 0)
		sd_notify(0, "WATCHDOG=1");
	sd_event_source_set_time_relative(source, GUARD_US);
	return sd_event_source_set_enabled(source, SD_EVENT_ONESHOT);
}

static int on_hangup(sd_event_source *source, const struct signalfd_siginfo *si, void *ctx)
{
	struct zt_agent *agent = ctx;

	(void)source;
	(void)si;
	zt_intent_load(agent->intent, false);
	return 0;
}

static int on_stop(sd_event_source *source, const struct signalfd_siginfo *si, void *ctx)
{
	struct zt_agent *agent = ctx;

	(void)source;
	zt_log(ZT_INFO, "stopping on signal %u; enforcement stays, ztctl detach removes it",
	       si->ssi_signo);
	return sd_event_exit(agent->event, 0);
}

static int ask_probe(void *ctx, struct zt_probe *probe)
{
	struct zt_agent *agent = ctx;

	return zt_dp_probe(agent->dp, probe);
}

static int detach(void *ctx, char *err)
{
	struct zt_agent *agent = ctx;

	sd_event_source_set_enabled(agent->guard, SD_EVENT_OFF);
	zt_collector_record(agent->collector, RECORD_MS); /* the flow tables go with the rest */
	return zt_dp_detach(agent->dp, err);
}

static void quit(void *ctx)
{
	struct zt_agent *agent = ctx;

	sd_event_exit(agent->event, 0);
}

static int open_loop(struct zt_agent *agent)
{
	sigset_t set;
	int r;

	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGHUP);
	sigprocmask(SIG_BLOCK, &set, NULL);
	signal(SIGPIPE, SIG_IGN);
	r = sd_event_default(&agent->event);
	if (r >= 0)
		r = sd_event_add_signal(agent->event, NULL, SIGTERM, on_stop, agent);
	if (r >= 0)
		r = sd_event_add_signal(agent->event, NULL, SIGINT, on_stop, agent);
	if (r >= 0)
		r = sd_event_add_signal(agent->event, NULL, SIGHUP, on_hangup, agent);
	if (r >= 0)
		r = sd_event_add_time_relative(agent->event, &agent->guard, CLOCK_MONOTONIC,
					       GUARD_US, 100000, on_guard, agent);
	return r < 0 ? zt_fail(r, "make the event loop") : 0;
}

/* --- start
 * ---------------------------------------------------------------------------------------- */

static int make_dirs(const struct zt_config *cfg)
{
	int r = zt_config_make_dir(cfg->state_dir, 0700);

	if (r < 0)
		return zt_fail(r, "make the state directory '%s'", cfg->state_dir);
	r = zt_config_make_dir(cfg->run_dir, 0755);
	return r < 0 ? zt_fail(r, "make the run directory '%s'", cfg->run_dir) : 0;
}

/* In a mount namespace of our own the pins go when we do: enforcement would end with the agent. */
static void warn_of_private_mounts(void)
{
	struct stat ours, init;

	if (stat("/proc/self/ns/mnt", &ours) == 0 && stat("/proc/1/ns/mnt", &init) == 0 &&
	    ours.st_ino != init.st_ino)
		zt_log(ZT_WARN,
		       "this is not the mount namespace of PID 1: pins may not outlive the processes "
		       "in it (nsenter --net keeps the mounts, ip netns exec does not)");
}

static int open_datapath(struct zt_agent *agent)
{
	const struct zt_config *cfg = &agent->cfg;
	const struct zt_dp_config dp = {
		.pin_dir = cfg->pin_dir,
		.interfaces = (const char *const *)cfg->interfaces,
		.interface_count = cfg->interface_count,
		.flow_entries = cfg->flow_entries,
		.clsact = cfg->clsact,
		.event = agent->event,
		.on_event = on_event,
		.on_dns = on_dns,
		.on_env = on_env,
		.ctx = agent,
	};
	char err[ZT_DP_ERR_LEN];
	int r = zt_dp_open(&agent->dp, &dp, err);

	if (r < 0) {
		zt_log(ZT_ERR, "%s", err);
		return r;
	}
	if (zt_config_observe_at_boot()) {
		zt_dp_observe(agent->dp, UINT64_MAX);
		zt_log(ZT_WARN, "ztseg=observe on the kernel command line: nothing is denied");
	}
	return 0;
}

/* What stands in for a file that could not be used at the start. */
static void log_fallback(struct zt_agent *agent)
{
	struct zt_intent_state state;

	zt_intent_state(agent->intent, &state);
	if (state.history_error)
		zt_log(ZT_ERR, "%s", state.history_error);
	if (state.source == ZT_INTENT_CONFIRMED)
		zt_log(ZT_WARN,
		       "the last confirmed policy, '%s' revision %llu, is in force instead",
		       state.name, (unsigned long long)state.revision);
	else if (state.source == ZT_INTENT_PINNED)
		zt_log(ZT_WARN, "what an earlier agent put in force stays in force");
	else if (state.source == ZT_INTENT_NONE && state.error)
		zt_log(ZT_WARN, "no policy was ever confirmed here: nothing is denied");
}

static int open_labels(struct zt_agent *agent)
{
	const struct zt_clock_config clock = {.state_dir = agent->cfg.state_dir,
					      .event = agent->event,
					      .on_jump = on_clock_jump,
					      .ctx = agent};
	struct zt_labels_config labels = {.state_dir = agent->cfg.state_dir,
					  .dir = agent->cfg.labels,
					  .event = agent->event,
					  .on_change = on_labels,
					  .on_trouble = on_label_trouble,
					  .ctx = agent};
	int r = zt_clock_open(&agent->clock, &clock);

	if (r < 0)
		return zt_fail(r, "follow the clock");
	labels.clock = agent->clock;
	r = zt_labels_open(&agent->labels, &labels);
	if (r == 0)
		r = zt_labels_begin(agent->labels, (uint32_t)zt_dp_next_epoch(agent->dp));
	return r < 0 ? zt_fail(r, "read the labels") : 0;
}

static int open_intent(struct zt_agent *agent)
{
	const struct zt_config *cfg = &agent->cfg;
	const struct zt_intent_config intent = {
		.policy_path = cfg->policy,
		.state_dir = cfg->state_dir,
		.host = cfg->host,
		.manual = cfg->manual,
		.confirm_within_ns = cfg->confirm_within_ns,
		.require_signature = cfg->require_signature,
		.trusted_keys = (const char *const *)cfg->trusted_keys,
		.trusted_key_count = cfg->trusted_key_count,
		.event = agent->event,
		.dp = agent->dp,
		.on_result = on_result,
		.ctx = agent,
	};
	struct zt_dp_state state;
	int r = zt_intent_open(&agent->intent, &intent);

	if (r < 0)
		return zt_fail(r, "prepare the policy");
	zt_intent_use_labels(agent->intent, agent->labels);
	zt_dp_state(agent->dp, &state);
	/* A broken policy is no reason not to guard: it was logged, and status shows it. */
	zt_intent_load(agent->intent, !state.taken_over);
	log_fallback(agent);
	r = zt_intent_watch(agent->intent);
	return r < 0 ? zt_fail(r, "watch the policy '%s'", cfg->policy) : 0;
}

static int open_collector(struct zt_agent *agent)
{
	struct zt_collector_config cfg = {.event = agent->event};
	int r = zt_api_history_open(&agent->history, agent->cfg.state_dir, agent->dp,
				    &agent->server);

	if (r < 0)
		return zt_fail(r, "prepare the flow history");
	cfg.history = agent->history;
	zt_api_flow_source(agent->dp, &cfg.source);
	r = zt_collector_new(&agent->collector, &cfg);
	return r < 0 ? zt_fail(r, "prepare the flow collector") : 0;
}

static int open_names(struct zt_agent *agent)
{
	int r = zt_learner_open(&agent->names, NULL, agent->event, zt_api_hint, agent->history);

	return r < 0 ? zt_fail(r, "prepare the names of addresses") : 0;
}

static int open_server(struct zt_agent *agent)
{
	const struct zt_config *cfg = &agent->cfg;
	zt_auto(zt_freep) char *path = NULL;
	const struct zt_api_ctx ctx = {
		.event = agent->event,
		.dp = agent->dp,
		.intent = agent->intent,
		.labels = agent->labels,
		.hints = zt_learner_hints(agent->names),
		.collector = agent->collector,
		.history = agent->history,
		.started_ns = agent->started_ns,
		.config_path = agent->config_path,
		.state_dir = cfg->state_dir,
		.run_dir = cfg->run_dir,
		.pin_dir = cfg->pin_dir,
		.probe = ask_probe,
		.detach = detach,
		.quit = quit,
		.ctx = agent,
	};
	struct zt_api_config api = {.admin_group = cfg->admin_group, .read_group = cfg->read_group};
	int r;

	if (asprintf(&path, "%s/agent.sock", cfg->run_dir) < 0) {
		path = NULL;
		return zt_fail(-ENOMEM, "make the control socket");
	}
	api.socket_path = path;
	r = zt_api_server_new(&agent->server, &api, &ctx);
	if (r == -EPERM)
		zt_log(ZT_ERR,
		       "others may write to the run directory '%s': chmod 755 it, root owned",
		       cfg->run_dir);
	else if (r == -EADDRINUSE)
		zt_log(ZT_ERR, "another ztagent answers on '%s': use another --run-dir", path);
	else if (r < 0)
		zt_log(ZT_ERR, "listen on '%s': %s", path, strerror(-r));
	return r;
}

static int start(struct zt_agent *agent)
{
	char err[ZT_DP_ERR_LEN];
	size_t count, guarded = 0;
	const struct zt_dp_iface *ifaces;
	int r = zt_dp_start(agent->dp, err);

	if (r < 0) {
		zt_log(ZT_ERR, "%s", err);
		return r;
	}
	ifaces = zt_dp_ifaces(agent->dp, &count);
	for (size_t i = 0; i < count; i++)
		guarded += ifaces[i].state == ZT_IFACE_GUARDED;
	log_alarms(agent);
	zt_boots_note(agent->cfg.state_dir);
	zt_log(ZT_INFO, "guarding %zu of %zu interfaces, pins at '%s'", guarded, count,
	       agent->cfg.pin_dir);
	sd_notifyf(0, "READY=1\nSTATUS=guarding %zu interfaces", guarded);
	return 0;
}

/* A start that failed leaves a machine as it was: with an earlier agent's pins, or with none. */
static void undo(struct zt_agent *agent)
{
	char err[ZT_DP_ERR_LEN];
	struct zt_dp_state state;

	if (!agent->dp)
		return;
	zt_dp_state(agent->dp, &state);
	if (!state.taken_over && zt_dp_detach(agent->dp, err) < 0)
		zt_log(ZT_ERR, "%s", err);
}

static int run(struct zt_agent *agent)
{
	int r = open_loop(agent);

	r = r ?: open_datapath(agent);
	r = r ?: make_dirs(&agent->cfg);
	r = r ?: open_collector(agent);
	r = r ?: open_labels(agent);
	r = r ?: open_intent(agent);
	r = r ?: open_names(agent);
	r = r ?: open_server(agent);
	r = r ?: start(agent);
	if (r < 0) {
		undo(agent);
		return r;
	}
	r = sd_event_loop(agent->event);
	if (r < 0)
		return zt_fail(r, "run the event loop");
	sd_notify(0, "STOPPING=1");
	return 0;
}

static void stop(struct zt_agent *agent)
{
	if (agent->server) /* names for what is written last */
		zt_collector_record(agent->collector, RECORD_MS);
	zt_api_server_free(&agent->server);
	zt_learner_close(&agent->names);
	zt_intent_close(&agent->intent);
	zt_labels_close(&agent->labels);
	zt_clock_close(&agent->clock);
	zt_collector_free(&agent->collector);
	zt_history_close(&agent->history);
	zt_dp_close(&agent->dp);
	sd_event_source_disable_unref(agent->guard);
	sd_event_unref(agent->event);
	zt_config_free(&agent->cfg);
}

int main(int argc, char **argv)
{
	struct zt_agent agent = {.started_ns = zt_now_ns()};
	int r = zt_mounts_use_host();

	/* Large arrays come and go; by itself glibc soon takes them from the heap, for good. */
	mallopt(M_MMAP_THRESHOLD, LARGE_BYTES);
	mallopt(M_TRIM_THRESHOLD, LARGE_BYTES);
	mallopt(M_ARENA_MAX, 1); /* the thread that writes the history would keep one of its own */
	if (r < 0)
		zt_fail(r, "leave the mounts of `ip netns exec`");
	else if (r)
		zt_log(ZT_INFO, "started by `ip netns exec`: the host's mounts are used");
	if (zt_config_from_options(&agent.cfg, argc, argv, &agent.config_path) < 0) {
		zt_config_free(&agent.cfg);
		return 2;
	}
	warn_of_private_mounts();
	r = run(&agent);
	stop(&agent);
	if (r == 0 && agent.again) {
		/* The same process to whoever started it; the new one takes the pins over. */
		execv("/proc/self/exe", argv);
		zt_fail(-errno, "start anew");
		return 1;
	}
	return r < 0 ? 1 : 0;
}
