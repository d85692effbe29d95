// SPDX-License-Identifier: Apache-2.0
/*
 * intent.c - from the policy file to what is in force; a broken file changes nothing.
 */
#include <errno.h>
#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/time.h"
#include "datapath/intent_priv.h"

void zt_reading_free(struct zt_reading *reading)
{
	zt_tables_free(&reading->tables);
	zt_policy_free(&reading->policy);
	zt_freep(&reading->host);
	reading->source = ZT_INTENT_NONE;
}

static void tell(struct zt_intent *intent, enum zt_intent_result result)
{
	if (intent->cfg.on_result)
		intent->cfg.on_result(result, intent->cfg.ctx);
}

/* --- what is wrong, for status and log ------------------------------------------------------ */

static char *diag_text(const struct zt_diag *diag)
{
	char *text = NULL;
	size_t size = 0;
	FILE *f = open_memstream(&text, &size);

	if (!f)
		return NULL;
	zt_diag_print(diag, f);
	fclose(f);
	return text;
}

void zt_intent_say(struct zt_intent *intent, const struct zt_diag *diag)
{
	bool broken = diag->errors > 0;

	zt_freep(&intent->error);
	zt_freep(&intent->warnings);
	intent->error_count = diag->errors;
	if (broken)
		intent->error = diag_text(diag);
	else if (diag->warnings)
		intent->warnings = diag_text(diag);
	if (broken)
		intent->error_ns = zt_now_ns();
}

static void say_one(struct zt_intent *intent, const char *text)
{
	zt_freep(&intent->error);
	intent->error = strdup(text);
	intent->error_count = 1;
	intent->error_ns = zt_now_ns();
}

/* --- reading and compiling -------------------------------------------------------------------- */

/* Early at boot there is no address to tell the host by: nothing but loopback and link-local. */
static bool has_no_address(const struct zt_addr *locals, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		const uint8_t *b = locals[i].bytes;

		if (!zt_addr_is_loopback(&locals[i]) && !(b[0] == 0xfe && (b[1] & 0xc0) == 0x80))
			return false;
	}
	return true;
}

/* The host that this was when it last had addresses, if the inventory still knows it. */
static char *remembered_host(const struct zt_intent *intent, const struct zt_policy *policy)
{
	zt_auto(zt_freep) char *name = zt_store_read_host(intent);

	return name && zt_policy_host(policy, name) ? zt_take(name) : NULL;
}

static int find_host(struct zt_intent *intent, struct zt_reading *reading, struct zt_diag *diag)
{
	const struct zt_addr *locals;
	const struct zt_host *host;
	size_t count;
	int r;

	zt_freep(&reading->host);
	if (intent->host) {
		reading->host = strdup(intent->host);
		return reading->host ? 0 : -ENOMEM;
	}
	if (!reading->policy->stmt_count)
		return 0;
	locals = zt_dp_locals(intent->cfg.dp, &count);
	r = zt_host_match(reading->policy, locals, count, &host);
	if (r == 0) {
		reading->host = strdup(host->name);
		/* Forgetting it costs the first moments of a boot, no more. */
		zt_store_host(intent, host->name);
		return reading->host ? 0 : -ENOMEM;
	}
	if (r == -ENOENT && has_no_address(locals, count))
		reading->host = remembered_host(intent, reading->policy);
	if (r == -ENOTUNIQ)
		zt_diag_warn(
			diag, NULL,
			"several hosts of the inventory have addresses of this machine: nothing "
			"is denied until `host:` in the agent's settings says which it is");
	else if (r == -ENOENT)
		zt_diag_warn(
			diag, NULL,
			"no host of the inventory has an address of this machine: nothing is "
			"denied until one does, or `host:` in the agent's settings says which it is");
	return r == -ENOMEM ? r : 0;
}

static int compile(struct zt_intent *intent, struct zt_reading *reading, struct zt_diag *diag)
{
	struct zt_dp *dp = intent->cfg.dp;
	struct zt_compile_env env = {.forwarding = zt_dp_forwarding(dp)};
	int r = find_host(intent, reading, diag);

	if (r < 0)
		return r;
	env.host = reading->host;
	env.locals = zt_dp_locals(dp, &env.local_count);
	env.broadcasts = zt_dp_broadcasts(dp, &env.broadcast_count);
	return zt_policy_compile(reading->policy, &env, zt_dp_rule_names(dp), &reading->tables,
				 diag);
}

/* A revision that goes down is an older file put back, or two writers: never applied by itself. */
static int check_revision(struct zt_intent *intent, const struct zt_policy *policy,
			  struct zt_diag *diag)
{
	const struct zt_policy *now = intent->floor;

	/* The confirmed one put back after a bad try. */
	if (now && !memcmp(now->digest, policy->digest, sizeof(now->digest)))
		return 0;
	if (intent->rejected && policy->revision <= intent->rejected_revision)
		return zt_diag_error(
			diag, NULL,
			"revision %llu was not confirmed in time and was taken back: raise "
			"`revision:` to try again",
			(unsigned long long)intent->rejected_revision);
	if (!now || strcmp(now->name, policy->name) || policy->revision >= now->revision)
		return 0;
	return zt_diag_error(
		diag, NULL, "revision goes down: %llu is confirmed, the file says %llu",
		(unsigned long long)now->revision, (unsigned long long)policy->revision);
}

static int read_path(struct zt_intent *intent, const char *path, struct zt_reading *reading,
		     struct zt_diag *diag)
{
	int r = zt_policy_load(&reading->policy, path, diag);

	if (r < 0)
		return r;
	r = check_revision(intent, reading->policy, diag);
	if (r == 0)
		r = compile(intent, reading, diag);
	if (r == 0)
		zt_policy_drop_text(reading->policy);
	return r;
}

/* --- into force ------------------------------------------------------------------------------- */

static int commit(struct zt_intent *intent, struct zt_reading *reading, uint64_t deadline_ns)
{
	struct zt_commit_opts opts = {.deadline_ns = deadline_ns};
	struct zt_commit_result res;
	int r = deadline_ns ? zt_store_mark(intent, reading->policy) : 0;

	if (r < 0) {
		say_one(intent, "the state directory cannot be written to, so that a policy that "
				"awaits confirmation could not be told from a confirmed one");
		return r;
	}
	r = zt_dp_commit(intent->cfg.dp, reading->tables, &opts, &res);
	if (r < 0) {
		say_one(intent, res.err);
		return r;
	}
	/* Over one that is not confirmed yet, the one to go back to stays. */
	if (deadline_ns && !intent->pending) {
		zt_reading_free(&intent->before);
		intent->before = intent->now;
	} else {
		zt_reading_free(&intent->now);
	}
	intent->now = *reading;
	memset(reading, 0, sizeof(*reading));
	intent->pending = deadline_ns != 0;
	if (!intent->pending)
		zt_reading_free(&intent->before);
	intent->committed_ns = zt_now_ns();
	return 0;
}

static int keep_confirmed(struct zt_intent *intent)
{
	int r;

	if (intent->now.source == ZT_INTENT_CONFIRMED || !intent->now.policy)
		return 0;
	r = zt_store_save(intent, intent->now.policy);
	if (r == 0) {
		zt_store_unmark(intent);
	} else {
		zt_freep(&intent->warnings);
		if (asprintf(
			    &intent->warnings,
			    "warning: the confirmed policy could not be kept in '%s' (%s): a reboot "
			    "with a broken file would find an older one\n",
			    intent->state_dir, strerror(-r)) < 0)
			intent->warnings = NULL;
	}
	return r;
}

static bool is_what_is_in_force(const struct zt_intent *intent, const struct zt_reading *reading)
{
	const struct zt_reading *now = &intent->now;

	return now->tables && now->policy &&
	       !memcmp(now->policy->digest, reading->policy->digest, 32) &&
	       !memcmp(now->tables->meta.digest, reading->tables->meta.digest, 32);
}

/* When a commit of now is taken back; 0 = never. A running deadline is not put off by a restart. */
static uint64_t deadline(struct zt_intent *intent)
{
	struct zt_dp_state state;

	if (intent->resumed) {
		zt_dp_state(intent->cfg.dp, &state);
		intent->resumed = false;
		if (state.ctl.deadline_ns && !state.reverted)
			return state.ctl.deadline_ns;
	}
	return intent->cfg.confirm_within_ns ? zt_now_ns() + intent->cfg.confirm_within_ns : 0;
}

static int put_in_force(struct zt_intent *intent, struct zt_reading *reading, uint64_t begin)
{
	int r;

	if (is_what_is_in_force(intent, reading)) {
		/* The same rows, so no epoch; but lines of the file may have moved. */
		r = intent->pending ? 0 : commit(intent, reading, 0);
		intent->now.source = ZT_INTENT_FILE;
		zt_reading_free(&intent->held);
		tell(intent, ZT_INTENT_SAME);
		return r;
	}
	if (intent->cfg.manual && intent->now.tables) {
		zt_reading_free(&intent->held);
		intent->held = *reading;
		memset(reading, 0, sizeof(*reading));
		tell(intent, ZT_INTENT_WAITING);
		return 0;
	}
	r = commit(intent, reading, deadline(intent));
	if (r < 0) {
		tell(intent, ZT_INTENT_BROKEN);
		return r;
	}
	intent->commit_took_ns = zt_now_ns() - begin;
	intent->rejected = false;
	if (!intent->pending)
		keep_confirmed(intent);
	tell(intent, ZT_INTENT_COMMITTED);
	return 0;
}

/* --- one reading of the file -------------------------------------------------------------------
 */

/* The last confirmed policy, read only: what the revision may not fall below. */
static void read_confirmed(struct zt_intent *intent, struct zt_reading *ret)
{
	char path[PATH_MAX];

	ret->source = ZT_INTENT_CONFIRMED;
	if (zt_store_path(intent, path, sizeof(path)) == 0 && access(path, F_OK) == 0)
		zt_policy_load(&ret->policy, path, NULL);
}

/*
 * A policy was awaiting confirmation when the last agent ended. While its
 * deadline runs in the kernel it goes on waiting; after that it is taken back
 * for good, also across a reboot, until its revision rises.
 */
static void recall_awaited(struct zt_intent *intent, bool boot)
{
	struct zt_dp_state state;
	uint64_t revision;

	if (zt_store_read_mark(intent, &revision) < 0)
		return;
	zt_dp_state(intent->cfg.dp, &state);
	intent->resumed = !boot && state.ctl.deadline_ns && !state.reverted;
	intent->rejected = !intent->resumed;
	intent->rejected_revision = revision;
}

/* The confirmed policy compiled; with none, the empty one: everything is allowed and recorded. */
static int compile_fallback(struct zt_intent *intent, struct zt_reading *confirmed)
{
	int r;

	if (confirmed->policy)
		return compile(intent, confirmed, NULL);
	confirmed->source = ZT_INTENT_NONE;
	r = zt_policy_empty(&confirmed->policy);
	return r < 0 ? r : compile(intent, confirmed, NULL);
}

static int read_failed(struct zt_intent *intent, const struct zt_diag *diag, int r)
{
	zt_intent_say(intent, diag);
	if (!diag->errors)
		say_one(intent, strerror(-r));
	if (intent->now.source == ZT_INTENT_FILE)
		intent->now.source = ZT_INTENT_HELD;
	tell(intent, ZT_INTENT_BROKEN);
	return r;
}

/*
 * The first reading. What is confirmed goes in force first when the file is
 * broken, or when it may yet be taken back; with neither, a machine without
 * pins observes, and one with pins goes on under what an earlier agent committed.
 */
static void start_from(struct zt_intent *intent, struct zt_reading *confirmed, bool boot,
		       bool file_ok)
{
	bool fallback = confirmed->policy || boot;
	int r = -ENOENT;

	if (file_ok && intent->resumed) {
		if (compile_fallback(intent, confirmed) == 0) {
			intent->before = *confirmed;
			memset(confirmed, 0, sizeof(*confirmed));
			intent->pending = true;
		}
		return;
	}
	intent->resumed = false;
	if (file_ok && !intent->cfg.confirm_within_ns && !intent->cfg.manual)
		return;
	if (fallback)
		r = compile_fallback(intent, confirmed);
	if (r == 0)
		r = commit(intent, confirmed, 0);
	if (r < 0)
		intent->now.source = ZT_INTENT_PINNED;
}

int zt_intent_load(struct zt_intent *intent, bool boot)
{
	zt_auto(zt_reading_free) struct zt_reading reading = {.source = ZT_INTENT_FILE};
	zt_auto(zt_reading_free) struct zt_reading confirmed = {};
	zt_auto(zt_diag_free) struct zt_diag diag = ZT_DIAG_INIT;
	bool first = !intent->now.tables, absent;
	uint64_t begin = zt_now_ns();
	int r;

	if (first) {
		read_confirmed(intent, &confirmed);
		recall_awaited(intent, boot);
	}
	intent->floor = first ? confirmed.policy : intent->now.policy;
	/* No file is no error on a machine that never had a policy; else it is a broken one. */
	absent = access(intent->path, F_OK) < 0 && errno == ENOENT &&
		 (!intent->floor || intent->now.source == ZT_INTENT_NONE) && !confirmed.policy;
	r = absent ? -ENOENT : read_path(intent, intent->path, &reading, &diag);
	intent->floor = NULL;
	if (first)
		start_from(intent, &confirmed, boot, r == 0);
	if (r == 0) {
		zt_intent_say(intent, &diag);
		r = put_in_force(intent, &reading, begin);
	} else if (!absent) {
		r = read_failed(intent, &diag, r);
	}
	if (intent->watch_source)
		zt_watch_renew(intent);
	/* Reading a large policy takes many times what is kept of it. */
	malloc_trim(0);
	return absent ? 0 : r;
}

/* --- the same policy in other surroundings
 * --------------------------------------------------------- */

int zt_intent_recompile(struct zt_intent *intent)
{
	zt_auto(zt_diag_free) struct zt_diag diag = ZT_DIAG_INIT;
	struct zt_reading again = {.policy = intent->now.policy, .source = intent->now.source};
	struct zt_commit_opts opts = {};
	struct zt_commit_result res;
	struct zt_dp_state state;
	int r;

	if (!again.policy)
		return 0;
	r = compile(intent, &again, &diag);
	if (r < 0) {
		zt_intent_say(intent, &diag);
		free(again.host);
		tell(intent, ZT_INTENT_BROKEN);
		return r;
	}
	if (!memcmp(again.tables->meta.digest, intent->now.tables->meta.digest, 32)) {
		zt_tables_free(&again.tables);
		free(again.host);
		return 0;
	}
	zt_dp_state(intent->cfg.dp, &state);
	opts.deadline_ns = intent->pending ? state.ctl.deadline_ns : 0;
	r = zt_dp_commit(intent->cfg.dp, again.tables, &opts, &res);
	if (r < 0) {
		say_one(intent, res.err);
		zt_tables_free(&again.tables);
		free(again.host);
		tell(intent, ZT_INTENT_BROKEN);
		return r;
	}
	zt_tables_free(&intent->now.tables);
	free(intent->now.host);
	intent->now = again;
	tell(intent, ZT_INTENT_COMMITTED);
	return 0;
}

/* --- held, confirmed, reverted
 * --------------------------------------------------------------------- */

int zt_intent_confirm(struct zt_intent *intent, const struct zt_who *who, struct zt_outcome *ret)
{
	int r = zt_dp_confirm(intent->cfg.dp);

	(void)who;
	ret->changed = r == 0;
	zt_intent_sync(intent);
	if (r < 0)
		return r;
	intent->pending = false;
	zt_reading_free(&intent->before);
	return keep_confirmed(intent);
}

void zt_intent_sync(struct zt_intent *intent)
{
	struct zt_commit_result res;

	if (!intent->pending || zt_dp_tables(intent->cfg.dp) == intent->now.tables)
		return;
	intent->pending = false;
	intent->rejected = true;
	intent->rejected_revision = intent->now.policy->revision;
	zt_reading_free(&intent->now);
	intent->now = intent->before;
	memset(&intent->before, 0, sizeof(intent->before));
	/* It is in force already; this makes it the one that the guard holds the slot against. */
	if (intent->now.tables)
		zt_dp_commit(intent->cfg.dp, intent->now.tables, NULL, &res);
	tell(intent, ZT_INTENT_REVERTED);
	/* Addresses may have moved while it was not in force. */
	zt_intent_recompile(intent);
}

/* --- object and state
 * -------------------------------------------------------------------------------- */

int zt_intent_open(struct zt_intent **ret, const struct zt_intent_config *cfg)
{
	zt_auto(zt_intent_close) struct zt_intent *intent = calloc(1, sizeof(*intent));

	if (!intent)
		return -ENOMEM;
	intent->cfg = *cfg;
	intent->inotify_fd = -1;
	intent->path = strdup(cfg->policy_path);
	intent->state_dir = strdup(cfg->state_dir);
	intent->host = cfg->host ? strdup(cfg->host) : NULL;
	if (!intent->path || !intent->state_dir || (cfg->host && !intent->host))
		return -ENOMEM;
	*ret = zt_take(intent);
	return 0;
}

void zt_intent_close(struct zt_intent **intent)
{
	struct zt_intent *i = *intent;

	if (!i)
		return;
	*intent = NULL;
	zt_watch_close(i);
	zt_reading_free(&i->now);
	zt_reading_free(&i->before);
	zt_reading_free(&i->held);
	free(i->path);
	free(i->state_dir);
	free(i->host);
	free(i->error);
	free(i->warnings);
	free(i);
}

void zt_intent_state(struct zt_intent *intent, struct zt_intent_state *ret)
{
	const struct zt_reading *now = &intent->now;

	memset(ret, 0, sizeof(*ret));
	ret->source = now->source;
	ret->path = intent->path;
	ret->name = now->policy ? now->policy->name : "";
	ret->revision = now->policy ? now->policy->revision : 0;
	ret->host = now->host;
	ret->error = intent->error;
	ret->error_count = intent->error_count;
	ret->warnings = intent->warnings;
	ret->error_ns = intent->error_ns;
	ret->committed_ns = intent->committed_ns;
	ret->commit_took_ns = intent->commit_took_ns;
	ret->pending = intent->pending;
	ret->file_held = intent->held.tables != NULL;
}

const struct zt_policy *zt_intent_policy(struct zt_intent *intent)
{
	return intent->now.policy;
}

const struct zt_policy *zt_intent_candidate_policy(struct zt_intent *intent)
{
	return intent->now.policy;
}

const struct zt_tables *zt_intent_tables(struct zt_intent *intent)
{
	return intent->now.tables;
}
