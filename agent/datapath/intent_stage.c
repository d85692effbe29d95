// SPDX-License-Identifier: Apache-2.0
/*
 * intent_stage.c - the candidate: a policy that is judged beside the one in force, and acts on
 * nothing.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/json.h"
#include "base/time.h"
#include "datapath/intent_priv.h"

#define NEXT "candidate.next.json" /* on disk, not held yet */

void zt_held_free(struct zt_held **held)
{
	struct zt_held *h = *held;

	if (!h)
		return;
	*held = NULL;
	zt_policy_free(&h->policy);
	free(h->path);
	free(h->at);
	free(h->why);
	free(h);
}

/* Takes @policy over in any case. */
static struct zt_held *held_new(struct zt_policy *policy, const struct zt_record *rec)
{
	zt_auto(zt_policy_free) struct zt_policy *owned = policy;
	zt_auto(zt_held_free) struct zt_held *held = calloc(1, sizeof(*held));

	if (!held)
		return NULL;
	held->path = strdup(rec->path);
	held->at = strdup(rec->at);
	held->why = strdup(rec->why);
	if (!held->path || !held->at || !held->why)
		return NULL;
	zt_policy_drop_text(owned);
	held->view.name = owned->name;
	held->view.revision = owned->revision;
	memcpy(held->view.digest, owned->digest, sizeof(held->view.digest));
	held->view.path = held->path;
	held->view.at = held->at;
	held->view.why = held->why;
	held->view.by = rec->by;
	held->view.from_file = !strcmp(rec->action, "file");
	held->policy = zt_take(owned);
	return zt_take(held);
}

void zt_held_load(struct zt_intent *intent)
{
	zt_auto(zt_record_free) struct zt_record rec = {};
	struct zt_policy *policy = NULL;
	const char *why = "its text is no policy any more";
	int r = zt_store_read(intent->store, ZT_STORE_CANDIDATE, &rec, &why);

	if (r == -ENOENT)
		return;
	if (r == 0)
		r = zt_policy_parse_set(&policy, rec.path, rec.files, rec.file_count, NULL);
	if (r == 0) {
		intent->candidate = held_new(policy, &rec);
		return;
	}
	zt_store_rename(intent->store, ZT_STORE_CANDIDATE, "candidate.broken.json");
	zt_freep(&intent->history_error);
	if (asprintf(&intent->history_error,
		     "the candidate that was held is lost: %s (candidate.broken.json in '%s')", why,
		     zt_store_dir(intent->store)) < 0)
		intent->history_error = NULL;
}

static int write_next(struct zt_intent *intent, const struct zt_policy *policy,
		      struct zt_record *rec, const struct zt_change *change, char *err)
{
	zt_auto(zt_json_decref) json_t *json = NULL;
	int r;

	rec->action = change->action;
	rec->why = change->why ?: "";
	rec->policy = policy->name;
	rec->revision = policy->revision;
	memcpy(rec->digest, policy->digest, sizeof(rec->digest));
	rec->path = change->path;
	rec->files = (struct zt_source_text *)change->files;
	rec->file_count = change->file_count;
	rec->signature = change->signature;
	json = zt_record_json(rec);
	r = zt_store_write(intent->store, NEXT, json);
	return r < 0 ? zt_intent_err(
			       err, r,
			       "the candidate cannot be kept in the state directory '%s' (%s): "
			       "nothing was changed",
			       zt_store_dir(intent->store), strerror(-r))
		     : 0;
}

int zt_held_set(struct zt_intent *intent, struct zt_policy **policy, const struct zt_change *change,
		bool from_file, char *err)
{
	struct zt_record rec = {};
	char at[ZT_TIME_TEXT_LEN];
	struct zt_held *held;
	int r;

	if (!intent->now.tables)
		return zt_intent_err(
			err, -ENOENT,
			"the policy in force is an earlier agent's and its text is not "
			"known here: there is nothing to hold a candidate beside");
	rec.at = zt_wall_text(zt_now_wall_ns(), at);
	if (change->by)
		rec.by = *change->by;
	else
		zt_who_agent(&rec.by);
	r = write_next(intent, *policy, &rec, change, err);
	if (r < 0)
		return r;
	r = zt_intent_rebuild(intent, *policy, err);
	if (r >= 0) {
		r = zt_store_rename(intent->store, NEXT, ZT_STORE_CANDIDATE);
		if (r < 0)
			zt_intent_err(err, r, "the candidate cannot be kept: %s", strerror(-r));
	}
	if (r < 0) {
		zt_store_drop(intent->store, NEXT);
		return r;
	}
	held = held_new(zt_take(*policy), &rec);
	if (!held)
		return zt_intent_err(err, -ENOMEM, "out of memory");
	held->view.from_file = from_file;
	zt_held_free(&intent->candidate);
	intent->candidate = held;
	return 0;
}

int zt_held_drop(struct zt_intent *intent, char *err)
{
	int r = 0;

	if (!intent->candidate)
		return -ENOENT;
	if (!intent->candidate->view.promoted)
		r = zt_intent_rebuild(intent, NULL, err);
	if (r < 0)
		return r;
	zt_held_free(&intent->candidate);
	r = zt_store_drop(intent->store, ZT_STORE_CANDIDATE);
	return r < 0 ? zt_intent_err(err, r, "the candidate is dropped, but its file stays: %s",
				     strerror(-r))
		     : 0;
}

/* --- asked for ---------------------------------------------------------------------------------
 */

int zt_intent_stage(struct zt_intent *intent, const struct zt_policy_set *set,
		    const struct zt_who *who, const char *why, struct zt_outcome *ret)
{
	zt_auto(zt_diag_free) struct zt_diag diag = ZT_DIAG_INIT;
	zt_auto(zt_policy_free) struct zt_policy *policy = NULL;
	const struct zt_change change = {
		.action = "stage",
		.by = who,
		.why = why,
		.path = set->path,
		.files = set->files,
		.file_count = set->count,
		.signature = set->signature,
	};
	int r;

	zt_intent_sync(intent);
	r = zt_policy_parse_set(&policy, set->path, set->files, set->count, &diag);
	if (r == 0)
		r = zt_intent_admit(intent, policy, set->signature, &diag);
	if (r < 0) {
		zt_intent_diag_text(&diag, ret->err);
		if (!diag.errors)
			zt_intent_err(ret->err, r, "%s", strerror(-r));
		return r;
	}
	r = zt_held_set(intent, &policy, &change, false, ret->err);
	ret->changed = r == 0;
	return r;
}

int zt_intent_unstage(struct zt_intent *intent, const struct zt_who *who, struct zt_outcome *ret)
{
	int r;

	(void)who;
	zt_intent_sync(intent);
	r = zt_held_drop(intent, ret->err);
	if (r == -ENOENT)
		zt_intent_err(ret->err, r, "no candidate is held");
	ret->changed = r == 0;
	return r;
}
