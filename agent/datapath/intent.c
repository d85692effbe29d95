// SPDX-License-Identifier: Apache-2.0
/*
 * intent.c - the state in force: kept up to date with the surroundings, and shown.
 */
#include <errno.h>
#include <stdarg.h>
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
	zt_freep(&reading->action);
	zt_freep(&reading->why);
	zt_freep(&reading->at);
	zt_modes_free(&reading->modes);
	memset(reading, 0, sizeof(*reading));
}

void zt_intent_tell(struct zt_intent *intent, enum zt_intent_result result)
{
	if (intent->cfg.on_result)
		intent->cfg.on_result(result, intent->cfg.ctx);
}

/* --- what is wrong, for status, log and replies ---------------------------------------------- */

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

void zt_intent_say_one(struct zt_intent *intent, const char *text)
{
	zt_freep(&intent->error);
	intent->error = strdup(text);
	intent->error_count = 1;
	intent->error_ns = zt_now_ns();
}

void zt_intent_diag_text(const struct zt_diag *diag, char *err)
{
	zt_auto(zt_freep) char *text = diag_text(diag);
	size_t len = text ? strlen(text) : 0;

	if (len >= ZT_INTENT_ERR_LEN) {
		len = ZT_INTENT_ERR_LEN - 1;
		while (len && text[len - 1] != '\n')
			len--;
	}
	while (len && text[len - 1] == '\n')
		len--;
	memcpy(err, text ?: "", len);
	err[len] = '\0';
}

int zt_intent_err(char *err, int r, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(err, ZT_INTENT_ERR_LEN, fmt, ap);
	va_end(ap);
	return r;
}

/* --- the same state in other surroundings ---------------------------------------------------- */

int zt_intent_rebuild(struct zt_intent *intent, const struct zt_policy *candidate, char *err)
{
	zt_auto(zt_diag_free) struct zt_diag diag = ZT_DIAG_INIT;
	struct zt_reading *now = &intent->now;
	struct zt_reading again = {
		.policy = now->policy, .source = now->source, .modes = now->modes};
	struct zt_commit_opts opts = {};
	struct zt_commit_result res;
	struct zt_dp_state state;
	int r = zt_reading_compile(intent, &again, candidate, &diag);

	if (r < 0) {
		zt_intent_diag_text(&diag, err);
		if (!diag.errors)
			zt_intent_err(err, r, "%s", strerror(-r));
		free(again.host);
		return r;
	}
	zt_dp_state(intent->cfg.dp, &state);
	opts.deadline_ns = intent->pending ? state.ctl.deadline_ns : 0;
	r = !memcmp(again.tables->meta.digest, now->tables->meta.digest, ZT_DIGEST_LEN);
	if (!r) {
		r = zt_dp_commit(intent->cfg.dp, again.tables, &opts, &res);
		if (r < 0)
			zt_intent_err(err, r, "%s", res.err);
		else
			r = 2;
	}
	if (r < 2) {
		zt_tables_free(&again.tables);
		free(again.host);
		return r < 0 ? r : 0;
	}
	zt_tables_free(&now->tables);
	now->tables = again.tables;
	free(now->host);
	now->host = again.host;
	return 1;
}

/* What a revert goes back to, while it may be needed with nobody there to compile it. */
static void rebuild_before(struct zt_intent *intent)
{
	struct zt_reading *before = &intent->before;
	struct zt_reading again = {.policy = before->policy, .modes = before->modes};
	struct zt_commit_result res;
	bool differs;

	if (!intent->pending || !before->tables || !before->policy)
		return;
	if (zt_reading_compile(intent, &again, zt_intent_held_policy(intent), NULL) < 0)
		return; /* it stays as it was, and is tried again when it is in force */
	differs = memcmp(again.tables->meta.digest, before->tables->meta.digest, ZT_DIGEST_LEN);
	if (differs && zt_dp_commit_before(intent->cfg.dp, again.tables, &res) == 0) {
		zt_tables_free(&before->tables);
		before->tables = zt_take(again.tables);
		free(before->host);
		before->host = zt_take(again.host);
	}
	zt_tables_free(&again.tables);
	free(again.host);
}

int zt_intent_recompile(struct zt_intent *intent)
{
	char err[ZT_INTENT_ERR_LEN];
	int r;

	zt_intent_sync(intent);
	if (!intent->now.policy || !intent->now.tables)
		return 0;
	r = zt_intent_rebuild(intent, zt_intent_held_policy(intent), err);
	if (r >= 0)
		rebuild_before(intent);
	if (r < 0)
		zt_intent_say_one(intent, err);
	if (r)
		zt_intent_tell(intent, r < 0 ? ZT_INTENT_BROKEN : ZT_INTENT_COMMITTED);
	return r < 0 ? r : 0;
}

/* --- reverted -------------------------------------------------------------------------------- */

void zt_intent_reverted(struct zt_intent *intent, enum zt_intent_hold how)
{
	struct zt_reading old = intent->now;
	struct zt_commit_result res;

	intent->pending = false;
	intent->rejected = true;
	intent->reject = how;
	intent->rejected_revision = old.policy ? old.policy->revision : 0;
	zt_store_reject(intent->store);
	intent->now = intent->before;
	memset(&intent->before, 0, sizeof(intent->before));
	/* It is in force already; this makes it the one that the guard holds the slot against. */
	if (intent->now.tables)
		zt_dp_commit(intent->cfg.dp, intent->now.tables, NULL, &res);
	zt_reading_free(&old);
	if (intent->candidate)
		intent->candidate->view.promoted = false;
	zt_intent_tell(intent, ZT_INTENT_REVERTED);
	/* Addresses and the candidate may have changed while it was not in force. */
	zt_intent_recompile(intent);
}

void zt_intent_sync(struct zt_intent *intent)
{
	struct zt_dp_state state;

	if (!intent->pending)
		return;
	zt_dp_state(intent->cfg.dp, &state);
	if (state.reverted || zt_dp_tables(intent->cfg.dp) != intent->now.tables)
		zt_intent_reverted(intent, ZT_HOLD_UNCONFIRMED);
}

void zt_intent_round(struct zt_intent *intent)
{
	zt_intent_sync(intent);
	/* There may be room on the disk now, or nothing may be awaited any more. */
	if (intent->file_again && !intent->pending)
		zt_intent_load(intent, false);
}

/* --- object and state --------------------------------------------------------------------------
 */

int zt_intent_open(struct zt_intent **ret, const struct zt_intent_config *cfg)
{
	zt_auto(zt_intent_close) struct zt_intent *intent = calloc(1, sizeof(*intent));
	int r;

	if (!intent)
		return -ENOMEM;
	intent->cfg = *cfg;
	intent->inotify_fd = -1;
	intent->path = strdup(cfg->policy_path);
	intent->host = cfg->host ? strdup(cfg->host) : NULL;
	if (!intent->path || (cfg->host && !intent->host))
		return -ENOMEM;
	r = zt_store_new(&intent->store, cfg->state_dir);
	if (r < 0)
		return r;
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
	zt_held_free(&i->candidate);
	zt_store_free(&i->store);
	free(i->path);
	free(i->host);
	free(i->error);
	free(i->warnings);
	free(i->history_error);
	free(i);
}

void zt_intent_use_labels(struct zt_intent *intent, struct zt_labels *labels)
{
	intent->labels = labels;
}

static void state_of_file(const struct zt_intent *intent, struct zt_intent_state *ret)
{
	enum zt_intent_hold held = ZT_HOLD_NONE;

	if (intent->file_known)
		held = zt_intent_file_held(intent, intent->file_digest, intent->file_revision);
	ret->hold = zt_intent_file_hold(intent, &ret->hold_revision);
	if (held != ZT_HOLD_NONE)
		ret->hold = held;
	ret->file_held = held != ZT_HOLD_NONE;
	ret->file_revision = intent->file_revision;
}

void zt_intent_state(struct zt_intent *intent, struct zt_intent_state *ret)
{
	const struct zt_reading *now = &intent->now;
	struct zt_dp_state dp;

	zt_dp_state(intent->cfg.dp, &dp);
	memset(ret, 0, sizeof(*ret));
	ret->source = now->source;
	ret->path = intent->path;
	ret->name = now->policy ? now->policy->name : "";
	ret->revision = now->policy ? now->policy->revision : 0;
	ret->host = now->host;
	ret->error = intent->error;
	ret->error_count = intent->error_count;
	ret->warnings = intent->warnings;
	ret->history_error = intent->history_error;
	ret->error_ns = intent->error_ns;
	ret->committed_ns = intent->committed_ns;
	ret->commit_took_ns = intent->commit_took_ns;
	ret->manual = intent->cfg.manual;
	ret->entry = intent->pending ? intent->before.entry : now->entry;
	ret->pending = intent->pending;
	ret->deadline_ns = intent->pending ? dp.ctl.deadline_ns : 0;
	ret->action = now->action;
	ret->why = now->why ?: "";
	ret->at = now->at;
	ret->by = now->by;
	ret->candidate = intent->candidate ? &intent->candidate->view : NULL;
	ret->promoted = now->modes.rows;
	ret->promoted_count = now->modes.count;
	state_of_file(intent, ret);
}

const struct zt_policy *zt_intent_policy(struct zt_intent *intent)
{
	return intent->now.policy;
}

const struct zt_policy *zt_intent_candidate_policy(struct zt_intent *intent)
{
	return zt_intent_held_policy(intent) ?: intent->now.policy;
}

const struct zt_tables *zt_intent_tables(struct zt_intent *intent)
{
	return intent->now.tables;
}
