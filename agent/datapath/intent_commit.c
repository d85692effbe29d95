// SPDX-License-Identifier: Apache-2.0
/*
 * intent_commit.c - a compiled state into force: on disk first, then in the kernel.
 *
 * A disk that is full refuses the commit before anything is in force. After the
 * flip only renames and removals are left to do.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/time.h"
#include "datapath/intent_priv.h"
#include "policy/signed.h"

bool zt_intent_disk_is_full(int r)
{
	return r == -ENOSPC || r == -EDQUOT || r == -EROFS || r == -EIO;
}

void zt_who_agent(struct zt_who *ret)
{
	*ret = (struct zt_who){.uid = geteuid(), .login_uid = UINT32_MAX, .pid = getpid()};
	snprintf(ret->user, sizeof(ret->user), "%s", ret->uid ? "" : "root");
}

/* What is kept of the state; the texts are the change's, or the canonical one in @text. */
static int describe(const struct zt_reading *reading, const struct zt_change *change,
		    struct zt_record *rec, struct zt_source_text *text, char **ret_text)
{
	rec->action = change->action;
	rec->why = change->why ?: "";
	rec->by = reading->by;
	rec->at = reading->at;
	rec->policy = reading->policy->name;
	rec->revision = reading->policy->revision;
	memcpy(rec->digest, reading->policy->digest, sizeof(rec->digest));
	rec->path = change->path;
	rec->files = (struct zt_source_text *)change->files;
	rec->file_count = change->file_count;
	rec->signature = change->signature;
	rec->promoted = reading->modes.rows;
	rec->promoted_count = reading->modes.count;
	rec->candidate = reading->candidate;
	rec->hold = reading->hold;
	rec->hold_revision = reading->hold_revision;
	rec->deadline_ns = change->deadline_ns;
	if (change->file_count)
		return 0;
	text->path = change->path;
	rec->files = text;
	rec->file_count = 1;
	return zt_policy_canonical(reading->policy, ret_text, &text->len);
}

static int sign_reading(struct zt_reading *reading, const struct zt_change *change)
{
	char at[ZT_TIME_TEXT_LEN];

	zt_freep(&reading->action);
	zt_freep(&reading->why);
	zt_freep(&reading->at);
	reading->action = strdup(change->action);
	reading->why = strdup(change->why ?: "");
	reading->at = strdup(zt_wall_text(zt_now_wall_ns(), at));
	if (change->by)
		reading->by = *change->by;
	else
		zt_who_agent(&reading->by);
	return reading->action && reading->why && reading->at ? 0 : -ENOMEM;
}

/* It is the one in force from here on. */
static void take(struct zt_intent *intent, struct zt_reading *reading, bool final)
{
	/* Over one that is not confirmed yet, the one to go back to stays. */
	if (!final && !intent->pending) {
		zt_reading_free(&intent->before);
		intent->before = intent->now;
	} else {
		zt_reading_free(&intent->now);
	}
	intent->now = *reading;
	memset(reading, 0, sizeof(*reading));
	intent->pending = !final;
	intent->committed_ns = zt_now_ns();
	if (!final)
		return;
	zt_reading_free(&intent->before);
	/* What it still holds back is in the state's own hold. */
	intent->rejected = false;
}

static int write_down(struct zt_intent *intent, struct zt_reading *reading,
		      const struct zt_change *change, char *err)
{
	zt_auto(zt_freep) char *text = NULL;
	struct zt_source_text file = {};
	struct zt_record rec = {};
	char boot_id[ZT_BOOT_ID_LEN];
	int r = sign_reading(reading, change);

	if (r == 0)
		r = describe(reading, change, &rec, &file, &text);
	if (r < 0)
		return zt_intent_err(err, r, "%s", strerror(-r));
	file.text = text;
	rec.boot_id = zt_boot_id(boot_id);
	r = zt_store_begin(intent->store, &rec);
	reading->entry = rec.entry;
	if (r < 0)
		return zt_intent_err(
			err, r,
			"the policy cannot be kept in the state directory '%s' (%s), so "
			"it is not put in force: what was in force stays",
			zt_store_dir(intent->store), strerror(-r));
	return 0;
}

/* Final: the state is the newest of the history. It is in force already, so nothing is refused. */
static void keep(struct zt_intent *intent)
{
	int r = zt_store_confirm(intent->store, NULL, NULL);

	zt_freep(&intent->history_error);
	if (r < 0 &&
	    asprintf(
		    &intent->history_error,
		    "the policy in force could not be made the newest of the history in '%s' (%s): "
		    "the next start does it",
		    zt_store_dir(intent->store), strerror(-r)) < 0)
		intent->history_error = NULL;
}

int zt_intent_commit(struct zt_intent *intent, struct zt_reading *reading,
		     const struct zt_change *change, char *err)
{
	struct zt_commit_opts opts = {.deadline_ns = change->deadline_ns};
	struct zt_commit_result res;
	int r = write_down(intent, reading, change, err);

	if (r < 0)
		return r;
	r = zt_dp_commit(intent->cfg.dp, reading->tables, &opts, &res);
	if (r < 0) {
		zt_store_undo(intent->store);
		return zt_intent_err(err, r, "%s", res.err);
	}
	take(intent, reading, !change->deadline_ns);
	if (change->deadline_ns)
		zt_store_begun(intent->store);
	else
		keep(intent);
	return 0;
}

int zt_intent_install(struct zt_intent *intent, struct zt_reading *reading, char *err)
{
	struct zt_commit_result res;
	int r = zt_dp_commit(intent->cfg.dp, reading->tables, NULL, &res);

	if (r < 0)
		return zt_intent_err(err, r, "%s", res.err);
	if (reading != &intent->now)
		take(intent, reading, true);
	intent->committed_ns = zt_now_ns();
	return 0;
}
