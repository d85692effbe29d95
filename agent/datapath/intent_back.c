// SPDX-License-Identifier: Apache-2.0
/*
 * intent_back.c - a commit made final, taken back, or one of earlier days again.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/json.h"
#include "base/time.h"
#include "datapath/intent_priv.h"

/* --- confirm ------------------------------------------------------------------------------------
 */

static int nothing_pending(const struct zt_intent *intent, char *err)
{
	if (intent->rejected && intent->reject == ZT_HOLD_UNCONFIRMED)
		return zt_intent_err(
			err, -ETIME,
			"too late: it was not confirmed in time and was taken back; what "
			"was in force before is in force again");
	return zt_intent_err(err, -ENOENT, "nothing awaits confirmation");
}

int zt_intent_confirm(struct zt_intent *intent, const struct zt_who *who, struct zt_outcome *ret)
{
	uint64_t entry;
	int r;

	zt_intent_sync(intent);
	if (!intent->pending)
		return nothing_pending(intent, ret->err);
	/* On disk first: a confirmed policy that a reboot would not find is none. */
	r = zt_store_confirm(intent->store, who, &entry);
	if (r < 0)
		return zt_intent_err(ret->err, r,
				     "not confirmed: the policy cannot be kept in '%s' (%s)",
				     zt_store_dir(intent->store), strerror(-r));
	r = zt_dp_confirm(intent->cfg.dp);
	if (r < 0) {
		/* The deadline passed in between. */
		zt_store_unconfirm(intent->store, entry);
		zt_intent_reverted(intent, ZT_HOLD_UNCONFIRMED);
		return nothing_pending(intent, ret->err);
	}
	intent->pending = false;
	intent->rejected = false;
	zt_reading_free(&intent->before);
	if (intent->candidate && intent->candidate->view.promoted)
		zt_held_drop(intent, ret->err);
	intent->now.candidate = false;
	ret->changed = true;
	ret->entry = entry;
	return 0;
}

/* --- rollback -----------------------------------------------------------------------------------
 */

/* What awaits confirmation, now rather than at its deadline. */
static int take_back(struct zt_intent *intent, struct zt_outcome *ret)
{
	struct zt_commit_result res;
	int r = zt_outcome_effects(ret, &intent->now, &intent->before);

	if (r < 0)
		return zt_intent_err(ret->err, r, "out of memory");
	r = zt_dp_rollback(intent->cfg.dp);
	if (r < 0 && intent->before.tables) {
		r = zt_dp_commit(intent->cfg.dp, intent->before.tables, NULL, &res);
		if (r < 0)
			return zt_intent_err(ret->err, r, "%s", res.err);
	}
	if (r < 0)
		return zt_intent_err(ret->err, r, "there is no state to go back to");
	zt_intent_reverted(intent, ZT_HOLD_ROLLBACK);
	ret->changed = true;
	ret->entry = intent->now.entry;
	return 0;
}

/* The entry that is meant. */
static int choose(struct zt_intent *intent, const struct zt_rollback *to, uint64_t *ret, char *err)
{
	zt_auto(zt_freep) uint64_t *list = NULL;
	uint64_t now = intent->pending ? intent->before.entry : intent->now.entry;
	size_t count = 0;
	int r = zt_store_entries(intent->store, &list, &count);

	if (r < 0)
		return zt_intent_err(err, r, "the history cannot be read: %s", strerror(-r));
	for (size_t i = count; i > 0; i--) {
		zt_auto(zt_record_free) struct zt_record rec = {};
		const char *why;

		*ret = list[i - 1];
		if (to->entry && *ret == to->entry)
			return 0;
		if (to->by_revision && zt_store_entry(intent->store, *ret, &rec, &why) == 0 &&
		    rec.revision == to->revision)
			return 0;
		if (!to->entry && !to->by_revision && *ret < now)
			return 0;
	}
	if (to->by_revision)
		return zt_intent_err(err, -ENOENT,
				     "the history has no intact entry of revision %llu",
				     (unsigned long long)to->revision);
	if (to->entry)
		return zt_intent_err(err, -ENOENT,
				     "the history has no entry %llu (ztctl policy history)",
				     (unsigned long long)to->entry);
	return zt_intent_err(err, -ENOENT, "the history has no state before this one");
}

static int restore(struct zt_intent *intent, uint64_t entry, struct zt_record *rec,
		   struct zt_reading *reading, char *err)
{
	zt_auto(zt_diag_free) struct zt_diag diag = ZT_DIAG_INIT;
	const char *why = "";
	int r = zt_store_entry(intent->store, entry, rec, &why);

	if (r < 0)
		return zt_intent_err(err, r, "entry %llu of the history cannot be used: %s",
				     (unsigned long long)entry, why);
	r = zt_reading_restore(reading, rec, ZT_INTENT_STATE, &diag);
	if (r == 0) {
		zt_intent_file_set_hold(intent, reading, ZT_HOLD_ROLLBACK,
					intent->now.policy ? intent->now.policy->revision : 0);
		reading->candidate = false;
		r = zt_reading_compile(intent, reading, zt_intent_held_policy(intent), &diag);
	}
	if (r < 0) {
		zt_intent_diag_text(&diag, err);
		if (!diag.errors)
			zt_intent_err(err, r, "%s", strerror(-r));
	}
	return r;
}

int zt_intent_rollback(struct zt_intent *intent, const struct zt_rollback *to,
		       struct zt_outcome *ret)
{
	zt_auto(zt_record_free) struct zt_record rec = {};
	zt_auto(zt_reading_free) struct zt_reading reading = {};
	struct zt_change change = {.action = "rollback", .by = &to->who, .why = to->why};
	uint64_t entry = 0;
	int r;

	zt_intent_sync(intent);
	if (intent->pending && !to->entry && !to->by_revision)
		return take_back(intent, ret);
	r = choose(intent, to, &entry, ret->err);
	if (r == 0)
		r = restore(intent, entry, &rec, &reading, ret->err);
	if (r == 0 && zt_outcome_effects(ret, &intent->now, &reading) < 0)
		r = zt_intent_err(ret->err, -ENOMEM, "out of memory");
	if (r < 0)
		return r;
	change.path = rec.path;
	change.files = rec.files;
	change.file_count = rec.file_count;
	change.signature = rec.signature;
	if (to->within_ns)
		change.deadline_ns = zt_now_ns() + to->within_ns;
	r = zt_intent_commit(intent, &reading, &change, ret->err);
	if (r < 0)
		return r;
	ret->changed = true;
	ret->deadline_ns = change.deadline_ns;
	ret->entry = intent->pending ? 0 : intent->now.entry;
	zt_intent_tell(intent, ZT_INTENT_COMMITTED);
	return 0;
}

/* --- history -------------------------------------------------------------------------------------
 */

int zt_intent_history(struct zt_intent *intent, json_t **ret)
{
	zt_intent_sync(intent);
	return zt_store_history(intent->store,
				intent->pending ? intent->before.entry : intent->now.entry, ret);
}

int zt_intent_history_show(struct zt_intent *intent, uint64_t entry, json_t **ret)
{
	zt_auto(zt_record_free) struct zt_record rec = {};
	const char *why;
	int r = zt_store_entry(intent->store, entry, &rec, &why);

	if (!rec.root)
		return r;
	*ret = json_copy(rec.root);
	if (!*ret)
		return -ENOMEM;
	json_object_set_new(*ret, "why", zt_json_str(rec.why));
	json_object_set_new(*ret, "intact", json_boolean(r == 0));
	return 0;
}
